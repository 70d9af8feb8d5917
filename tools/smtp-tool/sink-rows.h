/* SPDX-License-Identifier: MIT */
/* sink-rows - the options of the test server, which is a program of its own and tells them itself. */
#ifndef TOOL_SINK_ROWS_H
#define TOOL_SINK_ROWS_H

#include <glib.h>

/* CliOption pointers, valid until the process ends; NULL: the program is not installed.  Runs it. */
GPtrArray *options_for_sink (void);

#endif
