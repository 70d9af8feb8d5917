/* SPDX-License-Identifier: MIT */
/* probe-as - the same look as a command of a tool that the reader may know better: swaks, curl, openssl, gnutls-cli, posttls-finger.
 *
 * No server is contacted; a password is never part of it: who needs one asks for it. */
#ifndef TOOL_PROBE_AS_H
#define TOOL_PROBE_AS_H

#include "probe-command.h"

/* "swaks|curl|…", for --help. */
#define PROBE_AS_TOOLS "swaks|curl|openssl|gnutls-cli|posttls-finger"

/* The command line, to be freed; NULL with an error when there is no such tool, or it cannot do this. */
char *probe_as (const Command *command, const char *tool, GError **error);

#endif
