/* SPDX-License-Identifier: MIT */
/* swaks - words of swaks that mean more than an option of ours under another name: --protocol, and the template of --data. */
#ifndef TOOL_SWAKS_H
#define TOOL_SWAKS_H

#include "cli.h"
#include "plan.h"

/* --protocol=ESMTPSA and the like, as TLS, LMTP and a user that is wanted. */
gboolean swaks_protocol (Plan *plan, const CliLine *line, GError **error);

/* --data: a file, "-", or the text itself, in which "\n" ends a line; with its %TOKENS% replaced.  A spool with the message, or -1. */
int swaks_data (const char *value, const char *from, const char *to, GError **error);

#endif
