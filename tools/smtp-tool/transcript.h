/* SPDX-License-Identifier: MIT */
/* transcript - what client and server said: on standard error with swaks' marks (-v), and in a file (--save-transcript).
 *
 * -v shows the lines, -vv what is known of each TLS handshake besides, -vvv each line in hexadecimal, too.  The file is a recording as
 * `smtp-tool sink --replay` plays it: a server's behaviour can be had again without the server.  What authenticates is masked in it, and
 * content is left out, since the library tells neither. */
#ifndef TOOL_TRANSCRIPT_H
#define TOOL_TRANSCRIPT_H

#include "cli.h"
#include "plan.h"

/* Reads what the line says, opens the file, and has the options of @p plan tell their lines here.  Once. */
gboolean transcript_begin (Plan *plan, const CliLine *line, GError **error);

/* At the end of the program.  FALSE: not all of it could be written, which was reported. */
gboolean transcript_close (void);

#endif
