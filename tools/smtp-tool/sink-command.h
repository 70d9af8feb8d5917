/* SPDX-License-Identifier: MIT */
/* sink-command - the table of commands, and what each does.
 *
 * Works on a session only.  A stage of the table can be given another reply (--fault): one place asks for it. */
#ifndef SINK_COMMAND_H
#define SINK_COMMAND_H

#include "sink-smtp.h"

/* `line` ends in NUL and may be changed; `whole` counts its end too, for the length limits. */
void sink_command_run (SinkSession *session, gchar *line, gsize size, gsize whole);
gboolean sink_command_is_known (const gchar *line, gsize size);
void sink_command_end_chunk (SinkSession *session); /* all octets of a BDAT are here */

#endif
