/* SPDX-License-Identifier: MIT */
/*
 * tls-files: the files that the settings of a TLS transport name, read the same way whichever library is used.
 *
 * Compiled into each TLS plugin.  Touches the file system, while a layer is being prepared and never later.  Every failure
 * is VEREDA_TRANSPORT_ERROR_SETTINGS and names the file.
 */
#ifndef VEREDA_TLS_FILES_H
#define VEREDA_TLS_FILES_H

#include <vereda-plugin/transport.h>

/* One trusted certificate. */
typedef struct
{
  GBytes *der;
  char *origin;      /* the file it came from */
  guint number;      /* its place in that file, from 1 */
  gboolean optional; /* from a directory: one that the library cannot use is passed over */
} TlsAnchor;

/* Client certificate chain and key, PEM, each followed by a NUL that is not counted. */
typedef struct
{
  char *cert;
  size_t cert_size;
  char *key;
  size_t key_size;
} TlsIdentity;

/* The certificates of trust_file and trust_dir (TlsAnchor).  Empty only when neither is given: the system's store. */
GPtrArray *tls_files_load_anchors (const VeredaTlsSettings *settings, GError **error);
/* The certificates of a file that need not be there (TlsAnchor), or NULL. */
GPtrArray *tls_files_load_bundle (const char *path);
/* Says that the library could not use @anchor. */
void tls_files_refuse_anchor (const TlsAnchor *anchor, const char *why, GError **error);

/* Reads cert_file and key_file; all NULL when no certificate is wanted. */
gboolean tls_files_load_identity (const VeredaTlsSettings *settings, TlsIdentity *ret, GError **error);
void tls_identity_clear (TlsIdentity *identity);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TlsIdentity, tls_identity_clear)

#endif
