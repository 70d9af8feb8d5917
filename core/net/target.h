/* SPDX-License-Identifier: MIT */
/* target - one entry of the `servers` option, and the walk over `servers` and `ports` together.
 *
 * Pure: no look-ups.  Errors are VEREDA_ERROR_OPTION and name the option, the entry's number and the entry; where somebody put a password into
 * an address, neither the entry nor any other part of the value is repeated. */
#ifndef VD_TARGET_H
#define VD_TARGET_H

#include "core/net/host.h"
#include <glib.h>

typedef enum
{
  VD_SCHEME_NONE = 0, /* plain host, host:port */
  VD_SCHEME_SMTP,
  VD_SCHEME_SUBMISSION,
  VD_SCHEME_SMTPS,
  VD_SCHEME_SUBMISSIONS,
  VD_SCHEME_LMTP,
  VD_SCHEME_UNIX
} VdScheme;

/* What the scheme says about TLS. */
typedef enum
{
  VD_TLS_HINT_AUTO = 0, /* nothing: the option `tls` and the port decide */
  VD_TLS_HINT_NONE,     /* a unix socket: clear unless the option insists */
  VD_TLS_HINT_STARTTLS, /* submission: */
  VD_TLS_HINT_IMPLICIT  /* smtps: submissions: */
} VdTlsHint;

typedef struct
{
  VdScheme scheme;
  VdTlsHint tls;
  gboolean lmtp;       /* LHLO (RFC 2033) */
  char *host;          /* A-labels or literal, no brackets, zone kept: what is resolved.  NULL for unix: */
  char *peer_name;     /* host without zone and trailing dot: what TLS checks (TCP-7).  NULL for unix: */
  char *unix_path;     /* unix: only */
  guint16 port;        /* 0: the mode's default; also for unix: */
  gboolean port_given; /* in the entry or in `ports`; FALSE: the scheme's default, or 0 */
  char *text;          /* for messages: "mail.example.org:587", "[::1]:587", "mail.example.org" while port is 0, "unix:/path" */
} VdTarget;

/* One entry: `host`, `host:port`, `1.2.3.4`, `[::1]:587`, `::1`, `unix:/path`, `lmtp:unix:/path`, or `SCHEME://host[:port]` with SCHEME of smtp,
 * submission, smtps, submissions, lmtp.  lmtp: needs a port, never 25 (RFC 2033 section 5).  `option` names the option in errors. */
VdTarget *vd_target_parse (const char *option, const char *entry, GError **error);
void vd_target_free (VdTarget *target);
/* Fills in the mode's default and the text; also replaces what was there.  Not for unix:. */
void vd_target_set_port (VdTarget *target, guint16 port);

/* The server list: GPtrArray (owning) of VdTarget, never empty.  Entries are separated by commas or white space, empty ones skipped (together with
 * their port); `ports` (may be NULL) goes in tandem (CFG-13), an empty one holding its place: a port in the entry stands before the one in `ports`, that before the scheme's default, and 0 where there is
 * none; surplus ports are checked, then ignored. */
GPtrArray *vd_target_list (const char *servers, const char *ports, GError **error);

/* The one list splitter of the options: commas, spaces and tabs separate, empty entries vanish.  NULL-ended; free with g_strfreev. */
char **vd_list_split (const char *value);

/* "1" to "65535", digits only. */
gboolean vd_port_parse (const char *text, guint16 *ret_port);

#endif
