/* SPDX-License-Identifier: MIT */
/* compose-client - has a message composed by smtp-tool-compose, so that a send that composes nothing loads no MIME library.
 *
 * Starts that program, gives it the request on its standard input (nothing of it is on its command line) and takes the
 * message from an unlinked temporary file. */
#ifndef TOOL_COMPOSE_CLIENT_H
#define TOOL_COMPOSE_CLIENT_H

#include <glib.h>
#include <vereda/vereda.h>

#include "cli.h"

/* The message, in a descriptor that stands at its start; -1 with TOOL_ERROR_USAGE, _FILE, _HELPER or _COMPOSE. */
int compose_run (const CliLine *line, const char *to, const char *cc, const char *bcc, GError **error);

/* TRUE when blind recipients get copies of their own, for which the library must find them in a Bcc field. */
gboolean compose_wants_bcc_field (VeredaOptions *options);

#endif
