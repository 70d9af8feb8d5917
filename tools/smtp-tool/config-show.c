/* SPDX-License-Identifier: MIT */
/* config-show - `smtp-tool config`: the settings that a command would go by, and where each comes from.
 *
 * Prints; secrets are said to be there and not shown. */
#include "begin.h"
#include "config.h"
#include "exit.h"
#include "options.h"
#include "plan.h"
#include "report.h"
#include "tool.h"

#include <stdio.h>

static void
print_help (GPtrArray *options)
{
  puts ("Usage: smtp-tool config [--profile=NAME] [OPTION OF SEND]...\n"
        "Show the settings that a command with these options would go by, and where each\n"
        "comes from: the command line, the environment, the profile, or the defaults of\n"
        "the configuration file.");
  options_print_help (options);
}

static gboolean
is_shown (const ConfigRow *row)
{
  const int id = row->setting.option->id;

  return id != OPT_CONFIG && id != OPT_PROFILE && id != OPT_FORMAT && id != OPT_HELP && id != OPT_VERSION;
}

/* Of what only grows on one level every row counts, of everything else the last. */
static gboolean
is_repeated (const Config *config, guint index)
{
  const ConfigRow *row = config->rows->pdata[index];
  const CliOption *option = row->setting.option;

  for (guint i = index + 1; i < config->rows->len; i++)
    {
      const ConfigRow *later = config->rows->pdata[i];
      if (later->setting.option == option && (later->setting.negated || !options_grows (option)))
        return TRUE;
    }
  return FALSE;
}

/* The name that the setting goes by everywhere, not the synonym. */
static const char *
name_of (const ConfigRow *row)
{
  return row->setting.option->name;
}

static char *
value_of (const ConfigRow *row)
{
  const CliSetting *setting = &row->setting;

  if (setting->negated)
    return g_strdup ("no");
  if (setting->option->kind == CLI_SECRET)
    return NULL;
  if (setting->option->kind == CLI_FLAG)
    return g_strdup ("yes");
  return g_strdup (setting->value != NULL ? setting->value : "");
}

static const char *
origin_of (const ConfigRow *row)
{
  return row->origin != NULL ? row->origin : "command line";
}

static const char *
layer_word (ConfigLayer layer)
{
  static const char *const words[] = { "default", "profile", "environment", "command-line" };

  return words[layer];
}

static void
print_row (const ConfigRow *row)
{
  g_autofree char *value = value_of (row);
  g_autofree char *shown = text_escape (value != NULL ? value : "(not shown)");
  g_autofree char *pair = g_strdup_printf ("%s=%s", name_of (row), shown);
  g_autofree char *origin = text_escape (origin_of (row));

  printf ("  %-40s  %s%s%s\n", pair, origin, row->why != NULL ? ": " : "", row->why != NULL ? row->why : "");
}

static guint
print_rows (const Config *config, gboolean used, const char *heading)
{
  guint n = 0;

  for (guint i = 0; i < config->rows->len; i++)
    {
      const ConfigRow *row = config->rows->pdata[i];

      if ((row->why == NULL) != used || !is_shown (row) || (used && is_repeated (config, i)))
        continue;
      if (n++ == 0)
        printf ("\n%s:\n", heading);
      print_row (row);
    }
  return n;
}

static void
print_human (const Config *config)
{
  g_autofree char *file = config->file != NULL ? text_escape (config->file) : NULL;
  g_autofree char *profile = config->profile != NULL ? text_escape (config->profile) : NULL;
  g_autofree char *joined = g_strjoinv (", ", config->profiles);
  g_autofree char *profiles = text_escape (joined);
  g_autofree char *names = g_strjoinv (", ", config->unknown);
  g_autofree char *unknown = text_escape (names);

  printf ("file      %s%s\n", file != NULL ? file : "none", file != NULL && !config->exists ? " (not there)" : "");
  printf ("profile   %s%s%s%s\n", profile != NULL ? profile : "none", *profiles != '\0' ? " (there are: " : "", profiles,
          *profiles != '\0' ? ")" : "");
  if (print_rows (config, TRUE, "Settings") == 0)
    puts ("\nEverything is as it comes.");
  (void) print_rows (config, FALSE, "Passed over");
  if (*unknown != '\0')
    printf ("\nNo options, in the environment: %s\n", unknown);
}

static json_t *
row_json (const ConfigRow *row)
{
  g_autofree char *value = value_of (row);

  return json_pack ("{s:s, s:o, s:b, s:s, s:o, s:o}", "name", name_of (row), "value", report_string (value), "secret",
                    row->setting.option->kind == CLI_SECRET, "layer", layer_word (row->layer), "origin",
                    report_string (origin_of (row)), "passed_over", report_string (row->why));
}

static json_t *
strings_json (char **strings)
{
  json_t *list = json_array ();

  for (; strings != NULL && *strings != NULL; strings++)
    (void) json_array_append_new (list, report_string (*strings));
  return list;
}

static void
print_json (const Config *config, const GError *error, const char *const *hints, const Outcome *outcome)
{
  json_t *rows = json_array ();

  for (guint i = 0; config != NULL && i < config->rows->len; i++)
    {
      const ConfigRow *row = config->rows->pdata[i];
      if (is_shown (row) && (row->why != NULL || !is_repeated (config, i)))
        (void) json_array_append_new (rows, row_json (row));
    }
  (void) report_print (json_pack (
      "{s:s, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o}", "schema", "smtp-tool/config/1", "exit", report_exit (outcome), "error",
      report_error (error, hints), "file", report_string (config != NULL ? config->file : NULL), "file_exists",
      config != NULL && config->exists, "profile", report_string (config != NULL ? config->profile : NULL), "profiles",
      strings_json (config != NULL ? config->profiles : NULL), "settings", rows, "unknown",
      strings_json (config != NULL ? config->unknown : NULL)));
}

int
config_main (int argc, char **argv)
{
  static const char *const hints[] = { "smtp-tool help config", NULL };
  g_autoptr (GPtrArray) options = options_for_send ();
  g_autoptr (CliLine) line = cli_parse (options, argc, argv);
  g_autoptr (Plan) plan = plan_new ();
  g_autoptr (GError) error = NULL;

  if (begin_answers (line, options, print_help))
    return 0;
  (void) begin_reading (plan, line, NULL, &error);
  if (error == NULL && line->operands->len > 0)
    {
      g_autofree char *shown = text_escape (line->operands->pdata[0]);
      g_set_error (&error, TOOL_ERROR, TOOL_ERROR_USAGE, "config takes options and no names: '%s'", shown);
    }
  g_autoptr (Config) config = error == NULL ? config_read (line, &error) : NULL;

  const ExitStatus status = exit_of_error (error);
  const Outcome outcome = { status, FALSE, exit_number (status, FALSE, plan->sysexits) };
  if (plan->format == FORMAT_JSON)
    print_json (config, error, hints, &outcome);
  else if (config != NULL)
    print_human (config);
  else
    {
      g_autofree char *text = text_one_line (error->message);
      report_problem (NULL, text, hints);
    }
  options_hide_secrets (line);
  return outcome.number;
}
