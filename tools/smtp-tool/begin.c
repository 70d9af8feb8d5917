/* SPDX-License-Identifier: MIT */
/* begin - see begin.h. */
#include "begin.h"
#include "config.h"
#include "options.h"
#include "tool.h"

gboolean
begin_answers (const CliLine *line, GPtrArray *options, void (*print_help) (GPtrArray *options))
{
  if (cli_given (line, OPT_HELP))
    print_help (options);
  else if (cli_given (line, OPT_VERSION))
    tool_print_version ();
  else
    return FALSE;
  return TRUE;
}

gboolean
begin_reading (Plan *plan, CliLine *line, GPtrArray *options, GError **error)
{
  g_autoptr (GError) below = NULL, output = NULL;

  if (line->error == NULL && options != NULL && !config_underlay (line, options, &below))
    line->error = g_steal_pointer (&below);
  plan_read_output (plan, line, &output);
  const GError *first = line->error != NULL ? line->error : output;
  if (first != NULL)
    g_propagate_error (error, g_error_copy (first));
  return first == NULL;
}
