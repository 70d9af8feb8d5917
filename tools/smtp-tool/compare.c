/* SPDX-License-Identifier: MIT */
/* compare - `smtp-tool compare TARGET`: the same server through several TLS libraries, or with several mechanisms, side by side.
 *
 * A column is some looks, of which the first is compared and all are measured; they take turns, so that what changes on the way changes for all.
 * Rows that ought to be equal and are not make exit status 45; rows that libraries may choose as they like (cipher, group) are marked where
 * they differ; what was measured is only shown. */
#include "compare.h"
#include "options.h"
#include "probe-report.h"
#include "text.h"
#include "tool.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const CommandInfo info
    = { "Usage: smtp-tool compare [--transports=NAME,...] [OPTION]... TARGET\n"
        "       smtp-tool compare --auth=MECH,MECH,... --user=NAME [OPTION]... TARGET\n"
        "The same server through several TLS libraries, or with several mechanisms, side by side.",
        "Exit status: 0 when they agree, also on a failure; 45 when they differ in the verdict, the TLS version,\n"
        "the certificates, the extensions, the mechanisms or whether they log in, or a server does from round to round.\n"
        "Each column connects --count times; a transport once more, in a process of its own, for its memory.",
        COMMAND_COMPARE, 0 };

#define ROUNDS_DEFAULT 3
#define ROUNDS_MAX     1000

static void
column_free (gpointer data)
{
  Column *column = data;

  measure_clear (&column->measure);
  look_free (column->look);
  g_free (column->name);
  g_free (column);
}

/* ---- the columns ---- */

static char **
names_of_transports (const Command *command)
{
  const char *given = command_value (command, OPT_TRANSPORTS);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  VeredaRegistry *registry = vereda_registry_get_default ();

  if (given != NULL)
    return g_strsplit_set (given, ", ", -1);
  for (guint i = 0; i < vereda_registry_get_n_entries (registry); i++)
    {
      VeredaRegistryEntry *entry = vereda_registry_get_entry (registry, i);
      const char *name = vereda_registry_entry_get_transport (entry), *mode = vereda_registry_entry_get_mode (entry);

      if (vereda_registry_entry_get_kind (entry) != VEREDA_ENTRY_TRANSPORT
          || vereda_registry_entry_get_state (entry) != VEREDA_ENTRY_OK || name == NULL || g_strcmp0 (mode, "plain") == 0)
        continue;
      if (!g_ptr_array_find_with_equal_func (names, name, g_str_equal, NULL))
        g_ptr_array_add (names, g_strdup (name));
    }
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_steal (names, NULL);
}

static gboolean
read_rounds (Command *command, guint *ret_rounds)
{
  const char *value = command_value (command, OPT_COUNT);
  guint64 number = ROUNDS_DEFAULT;

  if (value != NULL && !g_ascii_string_to_unsigned (value, 10, 1, ROUNDS_MAX, &number, NULL))
    {
      g_autofree char *shown = text_escape (value);
      g_set_error (&command->error, TOOL_ERROR, TOOL_ERROR_USAGE, "--count: '%s' is no number from 1 to %d", shown, ROUNDS_MAX);
      return FALSE;
    }
  *ret_rounds = (guint) number;
  return TRUE;
}

static GPtrArray *
columns_new (Command *command, gboolean by_mechanism)
{
  GPtrArray *columns = g_ptr_array_new_with_free_func (column_free);
  g_auto (GStrv) names = by_mechanism ? g_strsplit_set (vereda_options_get (command->plan->options, "auth"), ", ", -1)
                                      : names_of_transports (command);

  for (char **name = names; *name != NULL; name++)
    if (**name != '\0')
      {
        Column *column = g_new0 (Column, 1);

        column->name = g_strdup (*name);
        column->look = command_look (command);
        column->look->brief = columns->len > 0;
        measure_init (&column->measure);
        g_ptr_array_add (columns, column);
      }
  return columns;
}

static gboolean
is_interrupted (const Look *look)
{
  return g_error_matches (look->error, VEREDA_ERROR, VEREDA_ERROR_CANCELLED);
}

/* A server that did not let in, or did not answer, is not asked again and again: that locks accounts, and takes time. */
static gboolean
may_repeat (const Column *column)
{
  return column->look->error == NULL || g_error_matches (column->look->error, VEREDA_ERROR, VEREDA_ERROR_CERTIFICATE);
}

/* FALSE: interrupted. */
static gboolean
look_again (Command *command, Column *column, VeredaProbePoint point)
{
  g_autoptr (Look) look = command_look (command);

  look->brief = TRUE;
  look_run (look, command->plan, point, FALSE);
  if (is_interrupted (look))
    return FALSE;
  measure_add (&column->measure, column->look, look);
  return TRUE;
}

static gboolean
look_first (Command *command, Column *column, VeredaProbePoint point)
{
  look_run (column->look, command->plan, point, FALSE);
  measure_add (&column->measure, column->look, column->look);
  return !is_interrupted (column->look);
}

/* FALSE: interrupted. */
static gboolean
look_at_all (Command *command, GPtrArray *columns, gboolean by_mechanism, guint rounds)
{
  const char *option = by_mechanism ? "auth" : "transport";
  const VeredaProbePoint point = command->plan->wants_auth ? VEREDA_PROBE_AUTH : VEREDA_PROBE_EHLO;
  gboolean goes_on = TRUE;

  for (guint i = 0; i < columns->len && !by_mechanism; i++)
    {
      Column *column = columns->pdata[i];

      if (options_set (command->plan->options, option, option, column->name, NULL))
        measure_alone (&column->measure, command->plan, VEREDA_PROBE_EHLO);
    }
  for (guint round = 0; round < rounds && goes_on; round++)
    for (guint i = 0; i < columns->len && goes_on; i++)
      {
        Column *column = columns->pdata[i];
        GError **error = round == 0 ? &column->look->error : NULL;

        if ((round > 0 && !may_repeat (column)) || !options_set (command->plan->options, option, option, column->name, error))
          continue;
        goes_on = round == 0 ? look_first (command, column, point) : look_again (command, column, point);
      }
  return goes_on;
}

/* ---- telling ---- */

#define NAME_WIDTH 16

typedef struct
{
  const CompareRow *info;
  char **values; /* one for each column; "" : nothing */
  gboolean differs;
} Line;

static Line
line_of (const CompareRow *row, const GPtrArray *columns)
{
  Line line = { row, g_new0 (char *, columns->len + 1), FALSE };

  for (guint i = 0; i < columns->len; i++)
    {
      const Column *column = columns->pdata[i];
      /* The first row is the verdict, which there is also when nothing was begun. */
      char *value = column->look->probe != NULL || row == compare_row (0) ? row->value (column) : NULL;

      line.values[i] = value != NULL ? value : g_strdup ("");
      line.differs |= i > 0 && strcmp (line.values[i], line.values[0]) != 0;
    }
  if (row->kind == ROW_SHOWN)
    line.differs = FALSE;
  for (guint i = 0; row->kind == ROW_ALIKE && i < columns->len; i++) /* a column differs from itself */
    line.differs |= ((const Column *) columns->pdata[i])->measure.unlike > 0;
  return line;
}

static gboolean
is_empty (const Line *line)
{
  for (char **value = line->values; *value != NULL; value++)
    if (**value != '\0')
      return FALSE;
  return TRUE;
}

static void
print_line (const Line *line, guint n, int width, const Plan *plan)
{
  const gboolean colour = text_use_colour (plan->colour, STDOUT_FILENO);
  const char *mark = !line->differs ? "" : line->info->kind == ROW_CHOICE ? "  (differ)" : "  <-- differ";
  gboolean wide = FALSE, same = TRUE;

  for (guint i = 0; i < n; i++)
    {
      wide |= strlen (line->values[i]) > (gsize) width;
      same &= strcmp (line->values[i], line->values[0]) == 0;
    }
  printf ("  %-*s", NAME_WIDTH, line->info->name);
  if (wide && same)
    {
      g_autofree char *shown = text_one_line (line->values[0]);
      printf ("  %s\n", shown);
      return;
    }
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *shown = text_one_line (*line->values[i] != '\0' ? line->values[i] : "-");
      if (wide && i > 0)
        printf ("\n  %-*s", NAME_WIDTH, "");
      printf ("  %-*s", width, shown);
    }
  printf ("%s%s%s\n", colour && *mark != '\0' ? "\033[33m" : "", mark, colour && *mark != '\0' ? "\033[0m" : "");
}

static const char *const kind_words[] = {
  [ROW_EQUAL] = "equal",
  [ROW_CHOICE] = "choice",
  [ROW_SHOWN] = "measured",
  [ROW_ALIKE] = "alike",
};

static guint
tell (const Command *command, const GPtrArray *columns, json_t *json)
{
  const gboolean human = command->plan->format != FORMAT_JSON && !command->plan->quiet;
  const int width = columns->len > 2 ? 24 : 30;
  guint differences = 0;

  if (human)
    {
      printf ("  %-*s", NAME_WIDTH, "");
      for (guint i = 0; i < columns->len; i++)
        printf ("  %-*s", width, ((const Column *) columns->pdata[i])->name);
      putchar ('\n');
    }
  for (guint r = 0; compare_row (r) != NULL; r++)
    {
      Line line = line_of (compare_row (r), columns);

      differences += line.differs && (line.info->kind == ROW_EQUAL || line.info->kind == ROW_ALIKE);
      if (human && !is_empty (&line))
        print_line (&line, columns->len, width, command->plan);
      json_t *values = json_array ();
      for (char **value = line.values; *value != NULL; value++)
        {
          g_autofree char *shown = text_one_line (*value);
          json_array_append_new (values, *shown != '\0' ? report_string (shown) : json_null ());
        }
      json_array_append_new (json, json_pack ("{s:s, s:s, s:b, s:o}", "name", line.info->name, "kind",
                                              kind_words[line.info->kind], "differs", line.differs, "values", values));
      g_strfreev (line.values);
    }
  if (human)
    printf ("%u difference%s that matter%s\n", differences, differences == 1 ? "" : "s", differences == 1 ? "s" : "");
  return differences;
}

static json_t *
columns_array (const GPtrArray *columns, const Plan *plan)
{
  json_t *array = json_array ();

  for (guint i = 0; i < columns->len; i++)
    {
      const Column *column = columns->pdata[i];
      json_t *report = look_json (column->look, plan, "probe");
      const Outcome outcome
          = { look_status (column->look), look_is_transient (column->look), (int) look_status (column->look) };

      json_object_set_new (report, "unmet", json_array ());
      json_object_set_new (report, "exit", report_exit (&outcome));
      json_array_append_new (
          array, json_pack ("{s:s, s:o, s:o}", "name", column->name, "report", report, "measured", measure_json (column)));
    }
  return array;
}

int
compare_main (int argc, char **argv)
{
  g_autoptr (Command) command = command_new (&info, argc, argv);
  guint rounds = 0;

  if (command->done)
    return 0;
  const gboolean by_mechanism = command->error == NULL && command_value (command, OPT_TRANSPORTS) == NULL
                                && vereda_options_is_set (command->plan->options, "auth");
  if (command->error == NULL && by_mechanism && !command->plan->wants_auth)
    g_set_error (&command->error, TOOL_ERROR, TOOL_ERROR_USAGE, "compare --auth: --user is missing: who is to log in?");
  if (command->error != NULL)
    return command_fail (command);
  if (!read_rounds (command, &rounds))
    return command_fail (command);
  g_autoptr (GPtrArray) columns = columns_new (command, by_mechanism);
  if (columns->len < 2)
    {
      g_set_error (&command->error, TOOL_ERROR, TOOL_ERROR_USAGE, "compare: there is nothing to compare with: %u %s",
                   columns->len, by_mechanism ? "mechanism" : "TLS transport");
      return command_fail (command);
    }
  const gboolean interrupted = !look_at_all (command, columns, by_mechanism, rounds);
  json_t *lines = json_array ();
  const guint differences = tell (command, columns, lines);
  const Look *first = ((const Column *) columns->pdata[0])->look;
  const ExitStatus status = interrupted ? EXIT_INTERRUPTED : differences > 0 ? EXIT_DIFFER : EXIT_OK;
  const Outcome outcome = command_outcome (command, status, FALSE);
  if (command->plan->format == FORMAT_JSON)
    (void) report_print (json_pack ("{s:s, s:o, s:i, s:o, s:o, s:o}", "schema", "smtp-tool/compare/1", "target",
                                    look_json_target (first), "differences", (int) differences, "rows", lines, "columns",
                                    columns_array (columns, command->plan), "exit", report_exit (&outcome)));
  else
    json_decref (lines);
  for (guint i = 0; i < columns->len && command->plan->format != FORMAT_JSON; i++)
    {
      const Column *column = columns->pdata[i];

      if (column->look->error == NULL)
        continue;
      g_autofree char *shown = text_one_line (column->look->error->message);
      report_problem (column->name, shown, NULL);
    }
  return outcome.number;
}
