/* SPDX-License-Identifier: MIT */
/* tool - what the files of smtp-tool share: the commands, and the errors of the tool itself.
 *
 * The tool uses the library through <vereda/...> only, as any application would. */
#ifndef TOOL_TOOL_H
#define TOOL_TOOL_H

#include <glib.h>

#define TOOL_ERROR (tool_error_quark ())
GQuark tool_error_quark (void);

/* Errors of the tool, beside those of the library. */
typedef enum
{
  TOOL_ERROR_USAGE = 1,       /* the command line is wrong */
  TOOL_ERROR_FILE = 2,        /* a file or pipe cannot be read or written */
  TOOL_ERROR_HELPER = 3,      /* a program that is needed is missing */
  TOOL_ERROR_COMPOSE = 4,     /* a message cannot be made of what was given */
  TOOL_ERROR_INTERRUPTED = 5, /* by the user */
  TOOL_ERROR_NO_PLUGIN = 6,   /* no plugin of that name, or it does not load */
  TOOL_ERROR_TLS_MODE = 7     /* the port speaks TLS from the first octet */
} ToolErrorCode;

/* Command bodies: argv[0] is the name of the command.  They return the exit status. */
int send_main (int argc, char **argv);
int plugins_main (int argc, char **argv);
int auth_main (int argc, char **argv);
int config_main (int argc, char **argv);
int bench_main (int argc, char **argv);

/* What --version prints. */
void tool_print_version (void);

#endif
