/* SPDX-License-Identifier: MIT */
/* tables - the commands and their options as one JSON document, for what is made from them: the lists of options in the manual.
 *
 * Pure but for standard output. */
#ifndef TOOL_TABLES_H
#define TOOL_TABLES_H

#include "completion.h"

/* {"schema": "smtp-tool/options/1", "commands": {NAME: [OPTION…]}}; an option of `send` that another command shares is marked "shared".
 * FALSE: it could not be written. */
gboolean tables_print (const CompletionCommand *commands, guint count);

#endif
