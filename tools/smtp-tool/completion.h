/* SPDX-License-Identifier: MIT */
/* completion - scripts by which shells complete command lines, from the tables that read them.
 *
 * Pure but for standard output. */
#ifndef TOOL_COMPLETION_H
#define TOOL_COMPLETION_H

#include <glib.h>

typedef struct
{
  const char *name;
  const char *summary;
  GPtrArray *options; /* CliOption; NULL: not known here */
  const char *verbs;  /* "list|show", or NULL */
  gboolean files;     /* its operands are files */
  const char *begins; /* or how they begin, parted by spaces: "smtp:// mx:"; or NULL */
} CompletionCommand;

/* FALSE: no such shell. */
gboolean completion_print (const char *shell, const CompletionCommand *commands, guint count);

#endif
