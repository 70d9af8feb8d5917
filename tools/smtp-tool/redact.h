/* SPDX-License-Identifier: MIT */
/* redact - output that names nobody: mail addresses, and on request hosts, IP addresses and users, become address-1, host-1, ip-1, user-1.
 *
 * The same name becomes the same word throughout a run, so that what belongs together can still be seen.  Secrets are no matter of this
 * file: the library shows none.  Stands between the program and its standard streams, so that nothing printed passes it by. */
#ifndef TOOL_REDACT_H
#define TOOL_REDACT_H

#include <glib.h>

typedef enum
{
  REDACT_SECRETS, /* nothing more than always */
  REDACT_ADDRESSES,
  REDACT_ALL
} RedactLevel;

/* From here on standard output and standard error are redacted.  FALSE with TOOL_ERROR_USAGE: this C library has no way to do it. */
gboolean redact_begin (RedactLevel level, GError **error);

/* A word that does not look like what it is: "user", "host".  Of REDACT_ALL. */
void redact_know (const char *word, const char *what);

/* A copy with everything replaced; of REDACT_SECRETS just a copy. */
char *redact_text (const char *text);

#endif
