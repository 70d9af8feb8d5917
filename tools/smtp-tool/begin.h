/* SPDX-License-Identifier: MIT */
/* begin - what every command does first with its command line.
 *
 * In this order: --help and --version are answered; what profiles and the environment say is laid under the line; how to report is read, so
 * that whatever else is wrong is told in the form that was asked for. */
#ifndef TOOL_BEGIN_H
#define TOOL_BEGIN_H

#include "cli.h"
#include "plan.h"

/* TRUE: --help or --version was given and is answered, and nothing more is to be done. */
gboolean begin_answers (const CliLine *line, GPtrArray *options, void (*print_help) (GPtrArray *options));

/* The rest.  @p options NULL: nothing is laid under the line.  FALSE with the first thing that is wrong, the line itself before all else;
 * plan->format is right also then. */
gboolean begin_reading (Plan *plan, CliLine *line, GPtrArray *options, GError **error);

#endif
