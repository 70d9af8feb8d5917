/* SPDX-License-Identifier: MIT */
/* begin - see begin.h. */
#include "begin.h"
#include "config.h"
#include "options.h"
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

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

/* swaks' way to write `> FILE 2>&1`. */
static gboolean
begin_output (const CliLine *line, GError **error)
{
  const char *path = cli_value (line, OPT_OUTPUT_FILE);
  const int fd = path != NULL ? open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;

  if (path == NULL)
    return TRUE;
  if (fd < 0 || dup2 (fd, STDOUT_FILENO) < 0 || dup2 (fd, STDERR_FILENO) < 0)
    {
      const int seen = errno;
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_FILE, "--output-file=%s: %s", path, g_strerror (seen));
    }
  if (fd >= 0)
    (void) close (fd);
  return error == NULL || *error == NULL;
}

gboolean
begin_reading (Plan *plan, CliLine *line, GPtrArray *options, GError **error)
{
  g_autoptr (GError) below = NULL, output = NULL;

  if (line->error == NULL && options != NULL && !config_underlay (line, options, &below))
    line->error = g_steal_pointer (&below);
  plan_read_output (plan, line, &output);
  if (output == NULL && begin_output (line, &output))
    (void) redact_begin (plan->redact, &output);
  const GError *first = line->error != NULL ? line->error : output;
  if (first != NULL)
    g_propagate_error (error, g_error_copy (first));
  return first == NULL;
}
