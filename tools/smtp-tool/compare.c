/* SPDX-License-Identifier: MIT */
/* compare - `smtp-tool compare TARGET`: the same server through several TLS libraries, or with several mechanisms, side by side.
 *
 * A column is one look.  Rows that ought to be equal are compared, and one that is not makes exit status 45; rows that libraries may choose
 * as they like (cipher, group) are marked where they differ; what was measured is only shown. */
#include "options.h"
#include "probe-cert.h"
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
        "the certificates, the extensions, the mechanisms or whether they log in.",
        COMMAND_COMPARE, 0 };

typedef enum
{
  ROW_EQUAL,  /* ought to be equal */
  ROW_CHOICE, /* may differ, and is marked */
  ROW_SHOWN   /* measured */
} RowKind;

typedef struct
{
  char *name;
  Look *look;
} Column;

typedef struct
{
  const char *name;
  RowKind kind;
  char *(*value) (const Look *look); /* NULL: nothing to show */
} RowInfo;

static void
column_free (gpointer data)
{
  Column *column = data;

  look_free (column->look);
  g_free (column->name);
  g_free (column);
}

/* ---- the rows ---- */

static char *
verdict (const Look *look)
{
  const Finding *worst = look->findings->len > 0 ? look->findings->pdata[0] : NULL;

  if (look->error == NULL)
    return g_strdup ("ready");
  return g_strdup (worst != NULL && worst->severity == FINDING_ERROR ? worst->info->id : exit_error_name (look->error));
}

static char *
certificate_verdict (const Look *look)
{
  return g_strdup (vereda_probe_get_verify_code (look->probe));
}

static char *
in_words (const Look *look)
{
  return g_strdup (vereda_probe_get_verify_text (look->probe));
}

static char *
library (const Look *look)
{
  return g_strdup (vereda_probe_get_tls_backend (look->probe));
}

static char *
version (const Look *look)
{
  return g_strdup (look_tls_word (vereda_probe_get_tls_version (look->probe)));
}

/* GnuTLS and OpenSSL spell some names their own way. */
static char *
plain_name (const char *name)
{
  return name != NULL ? g_ascii_strdown (name, -1) : NULL;
}

static char *
cipher (const Look *look)
{
  return g_strdup (vereda_probe_get_tls_cipher (look->probe));
}

static char *
group (const Look *look)
{
  return plain_name (vereda_probe_get_tls_group (look->probe));
}

static char *
signature (const Look *look)
{
  return plain_name (vereda_probe_get_tls_signature (look->probe));
}

static char *
chain (const Look *look)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < look->certs->len; i++)
    g_string_append_printf (text, "%s%.16s", i > 0 ? " " : "", ((const Cert *) look->certs->pdata[i])->sha256);
  return text->len > 0 ? g_strdup (text->str) : NULL;
}

static char *
matched (const Look *look)
{
  return g_strdup (vereda_probe_get_matched_name (look->probe));
}

static char *
ocsp (const Look *look)
{
  return g_strdup (vereda_probe_get_ocsp (look->probe));
}

static char *
extensions (const Look *look)
{
  const char *const *lines = vereda_probe_get_extensions (look->probe, TRUE);

  lines = lines != NULL ? lines : vereda_probe_get_extensions (look->probe, FALSE);
  return lines != NULL ? g_strjoinv (", ", (char **) (gpointer) lines) : NULL;
}

static char *
first_choice (const Look *look)
{
  VeredaExplanationRow *row = look->explanation != NULL ? vereda_explanation_get_chosen (look->explanation) : NULL;

  return row != NULL ? g_strdup (vereda_explanation_row_get_mechanism (row)) : NULL;
}

static char *
logged_in (const Look *look)
{
  VeredaProbeStage *stage = look_stage (look, VEREDA_STAGE_AUTH, -1);

  if (stage == NULL)
    return NULL;
  return g_strdup (vereda_probe_get_authenticated (look->probe) != NULL ? "yes" : "no");
}

static char *
auth_reply (const Look *look)
{
  VeredaProbeStage *stage = look_stage (look, VEREDA_STAGE_AUTH, -1);

  return stage != NULL ? look_reply_text (vereda_probe_stage_get_reply (stage)) : NULL;
}

static char *
stage_cost (const Look *look, VeredaStage stage)
{
  VeredaProbeStage *row = look_stage (look, stage, -1);

  if (row == NULL)
    return NULL;
  return g_strdup_printf ("%.1f ms, %u round trips, %" G_GUINT64_FORMAT " B in, %" G_GUINT64_FORMAT " B out",
                          (double) vereda_probe_stage_get_duration (row) / 1000.0, vereda_probe_stage_get_round_trips (row),
                          vereda_probe_stage_get_octets_in (row), vereda_probe_stage_get_octets_out (row));
}

static char *
tls_cost (const Look *look)
{
  return stage_cost (look, VEREDA_STAGE_TLS);
}

static char *
auth_cost (const Look *look)
{
  return stage_cost (look, VEREDA_STAGE_AUTH);
}

static char *
load_cost (const Look *look)
{
  VeredaProbeStage *row = look_stage (look, VEREDA_STAGE_PLUGIN, -1);

  return row != NULL ? g_strdup_printf ("%.1f ms", (double) vereda_probe_stage_get_duration (row) / 1000.0) : NULL;
}

static const RowInfo rows[] = {
  { "verdict", ROW_EQUAL, verdict },
  { "certificate", ROW_EQUAL, certificate_verdict },
  { "in words", ROW_SHOWN, in_words },
  { "library", ROW_SHOWN, library },
  { "version", ROW_EQUAL, version },
  { "cipher", ROW_CHOICE, cipher },
  { "group", ROW_CHOICE, group },
  { "signature", ROW_CHOICE, signature },
  { "chain", ROW_EQUAL, chain },
  { "matched name", ROW_EQUAL, matched },
  { "OCSP", ROW_EQUAL, ocsp },
  { "extensions", ROW_EQUAL, extensions },
  { "first choice", ROW_CHOICE, first_choice },
  { "logged in", ROW_EQUAL, logged_in },
  { "reply", ROW_CHOICE, auth_reply },
  { "handshake", ROW_SHOWN, tls_cost },
  { "login", ROW_SHOWN, auth_cost },
  { "loading", ROW_SHOWN, load_cost },
};

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

static void
add_column (Command *command, GPtrArray *columns, const char *option, const char *name, VeredaProbePoint point)
{
  Column *column = g_new0 (Column, 1);

  column->name = g_strdup (name);
  column->look = command_look (command);
  g_ptr_array_add (columns, column);
  if (options_set (command->plan->options, option, option, name, &column->look->error))
    look_run (column->look, command->plan, point, FALSE);
}

static GPtrArray *
look_at_all (Command *command, gboolean by_mechanism)
{
  GPtrArray *columns = g_ptr_array_new_with_free_func (column_free);
  g_auto (GStrv) names = by_mechanism ? g_strsplit_set (vereda_options_get (command->plan->options, "auth"), ", ", -1)
                                      : names_of_transports (command);

  for (char **name = names; *name != NULL; name++)
    if (**name != '\0')
      add_column (command, columns, by_mechanism ? "auth" : "transport", *name,
                  command->plan->wants_auth ? VEREDA_PROBE_AUTH : VEREDA_PROBE_EHLO);
  return columns;
}

/* ---- telling ---- */

typedef struct
{
  const RowInfo *info;
  char **values; /* one for each column; "" : nothing */
  gboolean differs;
} Line;

static Line
line_of (const RowInfo *row, const GPtrArray *columns)
{
  Line line = { row, g_new0 (char *, columns->len + 1), FALSE };

  for (guint i = 0; i < columns->len; i++)
    {
      const Look *look = ((const Column *) columns->pdata[i])->look;
      char *value = look->probe != NULL || row->value == verdict ? row->value (look) : NULL;

      line.values[i] = value != NULL ? value : g_strdup ("");
      line.differs |= i > 0 && strcmp (line.values[i], line.values[0]) != 0;
    }
  if (row->kind == ROW_SHOWN)
    line.differs = FALSE;
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
  const char *mark = !line->differs ? "" : line->info->kind == ROW_EQUAL ? "  <-- differ" : "  (differ)";
  gboolean wide = FALSE;

  for (guint i = 0; i < n; i++)
    wide |= strlen (line->values[i]) > (gsize) width;
  printf ("  %-13s", line->info->name);
  if (wide && !line->differs && line->info->kind != ROW_SHOWN)
    {
      g_autofree char *shown = text_one_line (line->values[0]);
      printf ("  %s\n", shown); /* the same for all */
      return;
    }
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *shown = text_one_line (*line->values[i] != '\0' ? line->values[i] : "-");
      if (wide && i > 0)
        printf ("\n  %-13s", "");
      printf ("  %-*s", width, shown);
    }
  printf ("%s%s%s\n", colour && *mark != '\0' ? "\033[33m" : "", mark, colour && *mark != '\0' ? "\033[0m" : "");
}

static guint
tell (const Command *command, const GPtrArray *columns, json_t *json)
{
  const gboolean human = command->plan->format != FORMAT_JSON && !command->plan->quiet;
  const int width = columns->len > 2 ? 24 : 30;
  guint differences = 0;

  if (human)
    {
      printf ("  %-13s", "");
      for (guint i = 0; i < columns->len; i++)
        printf ("  %-*s", width, ((const Column *) columns->pdata[i])->name);
      putchar ('\n');
    }
  for (guint r = 0; r < G_N_ELEMENTS (rows); r++)
    {
      Line line = line_of (&rows[r], columns);

      differences += line.differs && line.info->kind == ROW_EQUAL;
      if (human && !is_empty (&line))
        print_line (&line, columns->len, width, command->plan);
      json_t *values = json_array ();
      for (char **value = line.values; *value != NULL; value++)
        {
          g_autofree char *shown = text_one_line (*value);
          json_array_append_new (values, *shown != '\0' ? report_string (shown) : json_null ());
        }
      json_array_append_new (json, json_pack ("{s:s, s:s, s:b, s:o}", "name", line.info->name, "kind",
                                              line.info->kind == ROW_EQUAL    ? "equal"
                                              : line.info->kind == ROW_CHOICE ? "choice"
                                                                              : "measured",
                                              "differs", line.differs, "values", values));
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
      json_array_append_new (array, json_pack ("{s:s, s:o}", "name", column->name, "report", report));
    }
  return array;
}

int
compare_main (int argc, char **argv)
{
  g_autoptr (Command) command = command_new (&info, argc, argv);

  if (command->done)
    return 0;
  const gboolean by_mechanism = command->error == NULL && command_value (command, OPT_TRANSPORTS) == NULL
                                && vereda_options_is_set (command->plan->options, "auth");
  if (command->error == NULL && by_mechanism && !command->plan->wants_auth)
    g_set_error (&command->error, TOOL_ERROR, TOOL_ERROR_USAGE, "compare --auth: --user is missing: who is to log in?");
  if (command->error != NULL)
    return command_fail (command);
  g_autoptr (GPtrArray) columns = look_at_all (command, by_mechanism);
  if (columns->len < 2)
    {
      g_set_error (&command->error, TOOL_ERROR, TOOL_ERROR_USAGE, "compare: there is nothing to compare with: %u %s",
                   columns->len, by_mechanism ? "mechanism" : "TLS transport");
      return command_fail (command);
    }
  json_t *lines = json_array ();
  const guint differences = tell (command, columns, lines);
  const Look *first = ((const Column *) columns->pdata[0])->look;
  const ExitStatus status = differences > 0 ? EXIT_DIFFER : EXIT_OK;
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
