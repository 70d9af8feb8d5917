/* SPDX-License-Identifier: MIT */
/* mode - the transports as people see them: how TLS begins, and which library does it.
 *
 * Pure.  Strongest first: implicit/openssl implicit/gnutls starttls/openssl starttls/gnutls plain.  Mode decides first (RFC
 * 8314 section 3 prefers implicit TLS), then the administrator's rank among the TLS transports. */
#ifndef VD_MODE_H
#define VD_MODE_H

#include <glib.h>

typedef enum
{
  VD_MODE_ANY = 0, /* in a choice only: the `tls` option decides */
  VD_MODE_IMPLICIT = 1,
  VD_MODE_STARTTLS = 2,
  VD_MODE_PLAIN = 3
} VdMode;

/* A row of the table, or one item of the `transport` option. */
typedef struct
{
  VdMode mode;
  char *transport; /* "openssl"; NULL: none (plain), or in a choice: any */
  char *name;      /* "implicit/openssl", "plain" */
} VdModeRow;

void vd_mode_row_free (VdModeRow *row);

/* "implicit", "starttls", "plain", "any" */
const char *vd_mode_word (VdMode mode);

/* The table: `wrappers` are TLS transports, best rank first (vd_registry_wrappers); `plain`: a transport that opens
 * descriptors is there. An array of VdModeRow; the caller unrefs. */
GPtrArray *vd_mode_table (GPtrArray *wrappers, gboolean plain);

/* Reads the `transport` option: a comma-separated list, in order of preference, of `gnutls` `openssl` `plain` `implicit`
 * `starttls` `starttls/gnutls` `implicit-openssl` (slash or hyphen).  Any transport name is understood; whether it is there
 * is vd_mode_select's matter. An array of VdModeRow; NULL with VEREDA_ERROR_OPTION. */
GPtrArray *vd_mode_parse (const char *text, GError **error);

/* The rows of `table` that `choices` (NULL: all) names, in the order of the choices and inside one choice in the table's
 * order, each once. An empty result is VEREDA_ERROR_PLUGIN and says what there is.  Rows belong to `table`. */
GPtrArray *vd_mode_select (GPtrArray *table, GPtrArray *choices, GError **error);

#endif
