/* SPDX-License-Identifier: MIT */
/* helper - finds the programs that hold the heavy parts: smtp-tool-compose, smtp-tool-sink.
 *
 * Places, in order: the folder named by SMTP_TOOL_EXECDIR (ignored in privileged programs), the folder compiled in, the folder this
 * program lies in (so it works where it was built). */
#ifndef TOOL_HELPER_H
#define TOOL_HELPER_H

#include <glib.h>

/* Full path of an executable, or NULL with TOOL_ERROR_HELPER. */
char *helper_find (const char *name, GError **error);

/* Full path of this program; NULL when the system does not tell. */
char *helper_self (void);

/* Becomes that program; comes back only on failure. */
gboolean helper_exec (const char *name, int argc, char **argv, GError **error);

#endif
