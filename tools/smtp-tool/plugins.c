/* SPDX-License-Identifier: MIT */
/* plugins - `smtp-tool plugins`: which transports and mechanisms there are, and what is wrong with those that cannot be used.
 *
 * `list` reads keyfiles and opens no module; `show` loads the plugin it shows, as its first use would, unless --no-load; `doctor` (doctor.h)
 * has each loaded by a process of its own. */
#include "begin.h"
#include "doctor.h"
#include "exit.h"
#include "options.h"
#include "plan.h"
#include "report.h"
#include "text.h"
#include "tool.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct
{
  Format format;
  TextColour colour;
  gboolean load;
  VeredaRegistry *registry;
  GPtrArray *entries; /* borrowed: what to show */
} View;

static const char *
kind_name (VeredaRegistryEntry *entry)
{
  switch (vereda_registry_entry_get_kind (entry))
    {
    case VEREDA_ENTRY_TRANSPORT:
      return "transport";
    case VEREDA_ENTRY_MECHANISM:
      return "auth";
    case VEREDA_ENTRY_BROKEN:
      return "broken";
    default:
      return "other";
    }
}

static const char *
state_name (VeredaRegistryEntry *entry)
{
  switch (vereda_registry_entry_get_state (entry))
    {
    case VEREDA_ENTRY_OK:
      return "ok";
    case VEREDA_ENTRY_DISABLED:
      return "disabled";
    case VEREDA_ENTRY_SHADOWED:
      return "shadowed";
    case VEREDA_ENTRY_FAILED:
    default:
      return "failed";
    }
}

static json_t *
words_array (const char *const *words)
{
  json_t *array = json_array ();

  for (; words != NULL && *words != NULL; words++)
    json_array_append_new (array, report_string (*words));
  return array;
}

static json_t *
entry_object (VeredaRegistryEntry *entry)
{
  const gboolean mechanism = vereda_registry_entry_get_kind (entry) == VEREDA_ENTRY_MECHANISM;
  const guint abi = vereda_registry_entry_get_abi (entry);
  json_t *object = json_object ();

  json_object_set_new (object, "kind", json_string (kind_name (entry)));
  json_object_set_new (object, "name", report_string (vereda_registry_entry_get_name (entry)));
  json_object_set_new (object, "mode", report_string (vereda_registry_entry_get_mode (entry)));
  json_object_set_new (object, "transport", report_string (vereda_registry_entry_get_transport (entry)));
  json_object_set_new (object, "plugin", report_string (vereda_registry_entry_get_stem (entry)));
  json_object_set_new (object, "state", json_string (state_name (entry)));
  json_object_set_new (object, "reason", report_string (vereda_registry_entry_get_reason (entry)));
  json_object_set_new (object, "loaded", json_boolean (vereda_registry_entry_is_loaded (entry)));
  json_object_set_new (object, "strength",
                       mechanism ? json_integer (vereda_registry_entry_get_strength (entry)) : json_null ());
  json_object_set_new (object, "strength_words", report_string (vereda_registry_entry_get_strength_words (entry)));
  json_object_set_new (object, "rank", json_integer (vereda_registry_entry_get_rank (entry)));
  json_object_set_new (object, "file", report_string (vereda_registry_entry_get_file (entry)));
  json_object_set_new (object, "keyfile", report_string (vereda_registry_entry_get_keyfile (entry)));
  json_object_set_new (object, "abi", abi != 0 ? json_integer (abi) : json_null ());
  json_object_set_new (object, "version", report_string (vereda_registry_entry_get_version (entry)));
  json_object_set_new (object, "license", report_string (vereda_registry_entry_get_license (entry)));
  json_object_set_new (object, "description", report_string (vereda_registry_entry_get_description (entry)));
  json_object_set_new (object, "needs", words_array (vereda_registry_entry_get_needs (entry)));
  json_object_set_new (object, "flags", words_array (vereda_registry_entry_get_flags (entry)));
  return object;
}

static void
print_json (const View *view, const GError *error, const Outcome *outcome)
{
  json_t *document = json_object ();
  json_t *plugins = json_array ();

  for (guint i = 0; view->entries != NULL && i < view->entries->len; i++)
    json_array_append_new (plugins, entry_object (view->entries->pdata[i]));
  json_object_set_new (document, "schema", json_string ("smtp-tool/plugins/1"));
  json_object_set_new (document, "exit", report_exit (outcome));
  json_object_set_new (document, "error", report_error (error, NULL));
  json_object_set_new (document, "directories",
                       words_array (view->registry ? vereda_registry_get_directories (view->registry) : NULL));
  json_object_set_new (document, "warnings",
                       words_array (view->registry ? vereda_registry_get_warnings (view->registry) : NULL));
  json_object_set_new (document, "plugins", plugins);
  (void) report_print (document);
}

static char *
shown (const char *text)
{
  return text == NULL || *text == '\0' ? g_strdup ("-") : text_one_line (text);
}

static char *
joined (const char *const *words)
{
  g_autofree char *text = g_strjoinv (" ", (char **) words);

  return shown (text);
}

enum
{
  COLUMNS = 8
};

static const char *const headings[COLUMNS] = { "KIND", "NAME", "STRENGTH", "RANK", "ABI", "LICENSE", "NEEDS", "FILE" };

static void
fill_row (VeredaRegistryEntry *entry, char **row)
{
  const gboolean mechanism = vereda_registry_entry_get_kind (entry) == VEREDA_ENTRY_MECHANISM;
  const guint abi = vereda_registry_entry_get_abi (entry);

  row[0] = g_strdup (kind_name (entry));
  row[1] = shown (vereda_registry_entry_get_name (entry));
  row[2] = mechanism ? g_strdup_printf ("%u", vereda_registry_entry_get_strength (entry)) : g_strdup ("-");
  row[3] = g_strdup_printf ("%d", vereda_registry_entry_get_rank (entry));
  row[4] = abi != 0 ? g_strdup_printf ("%u", abi) : g_strdup ("-");
  row[5] = shown (vereda_registry_entry_get_license (entry));
  row[6] = joined (vereda_registry_entry_get_needs (entry));
  row[7] = shown (vereda_registry_entry_get_file (entry));
}

static gboolean
is_number_column (guint column)
{
  return column >= 2 && column <= 4;
}

static void
print_row (const char *const *row, const gsize *widths, const char *before, const char *after)
{
  fputs (before, stdout);
  for (guint c = 0; c < COLUMNS; c++)
    printf ("%s%*s", c > 0 ? "  " : "", (int) (c == COLUMNS - 1 ? 0 : widths[c]) * (is_number_column (c) ? 1 : -1), row[c]);
  printf ("%s\n", after);
}

/* Why an entry is not simply usable, under its row. */
static void
print_state (VeredaRegistryEntry *entry)
{
  if (vereda_registry_entry_get_state (entry) == VEREDA_ENTRY_OK)
    return;
  g_autofree char *reason = shown (vereda_registry_entry_get_reason (entry));
  printf ("           %s: %s\n", state_name (entry), reason);
}

static void
print_table (const View *view)
{
  const guint n = view->entries->len;
  g_autofree char **cells = g_new0 (char *, (gsize) (n + 1) * COLUMNS);
  gsize widths[COLUMNS];
  const gboolean colour = text_use_colour (view->colour, STDOUT_FILENO);

  for (guint c = 0; c < COLUMNS; c++)
    widths[c] = strlen (headings[c]);
  for (guint i = 0; i < n; i++)
    {
      fill_row (view->entries->pdata[i], cells + (gsize) i * COLUMNS);
      for (guint c = 0; c < COLUMNS; c++)
        widths[c] = MAX (widths[c], strlen (cells[(gsize) i * COLUMNS + c]));
    }
  print_row (headings, widths, colour ? "\033[1m" : "", colour ? "\033[0m" : "");
  for (guint i = 0; i < n; i++)
    {
      VeredaRegistryEntry *entry = view->entries->pdata[i];
      const gboolean bad = vereda_registry_entry_get_state (entry) == VEREDA_ENTRY_FAILED;

      print_row ((const char *const *) cells + (gsize) i * COLUMNS, widths, colour && bad ? "\033[31m" : "",
                 colour && bad ? "\033[0m" : "");
      print_state (entry);
    }
  for (gsize i = 0; i < (gsize) n * COLUMNS; i++)
    g_free (cells[i]);
}

static void
print_field (const char *name, const char *value)
{
  g_autofree char *text = shown (value);

  printf ("  %-12s %s\n", name, text);
}

static void
print_details (VeredaRegistryEntry *entry)
{
  g_autofree char *name = shown (vereda_registry_entry_get_name (entry));
  g_autofree char *needs = joined (vereda_registry_entry_get_needs (entry));
  g_autofree char *flags = joined (vereda_registry_entry_get_flags (entry));
  g_autofree char *rank = g_strdup_printf ("%d", vereda_registry_entry_get_rank (entry));
  g_autofree char *abi = g_strdup_printf ("%u", vereda_registry_entry_get_abi (entry));

  printf ("%s %s\n", kind_name (entry), name);
  print_field ("description", vereda_registry_entry_get_description (entry));
  if (vereda_registry_entry_get_kind (entry) == VEREDA_ENTRY_MECHANISM)
    {
      g_autofree char *strength = g_strdup_printf ("%u (%s)", vereda_registry_entry_get_strength (entry),
                                                   vereda_registry_entry_get_strength_words (entry));
      print_field ("strength", strength);
      print_field ("needs", needs);
    }
  if (vereda_registry_entry_get_mode (entry) != NULL)
    print_field ("mode", vereda_registry_entry_get_mode (entry));
  print_field (vereda_registry_entry_get_kind (entry) == VEREDA_ENTRY_TRANSPORT ? "bindings" : "flags", flags);
  print_field ("rank", rank);
  print_field ("state", state_name (entry));
  if (vereda_registry_entry_get_reason (entry) != NULL)
    print_field ("reason", vereda_registry_entry_get_reason (entry));
  print_field ("loaded", vereda_registry_entry_is_loaded (entry) ? "yes, for this report" : "no");
  print_field ("file", vereda_registry_entry_get_file (entry));
  print_field ("keyfile", vereda_registry_entry_get_keyfile (entry));
  print_field ("abi", vereda_registry_entry_get_abi (entry) != 0 ? abi : NULL);
  print_field ("version", vereda_registry_entry_get_version (entry));
  print_field ("license", vereda_registry_entry_get_license (entry));
}

/* "openssl" means both of its modes, "cram-md5" the mechanism, "auth_cram_md5" the plugin. */
static gboolean
is_meant (VeredaRegistryEntry *entry, const char *name)
{
  const char *const names[] = { vereda_registry_entry_get_name (entry), vereda_registry_entry_get_transport (entry),
                                vereda_registry_entry_get_stem (entry) };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (names[i] != NULL && g_ascii_strcasecmp (names[i], name) == 0)
      return TRUE;
  return FALSE;
}

static void
fail_unknown (const View *view, const char *name, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autofree char *given = text_escape (name);

  for (guint i = 0; i < vereda_registry_get_n_entries (view->registry); i++)
    g_ptr_array_add (names, (gpointer) vereda_registry_entry_get_name (vereda_registry_get_entry (view->registry, i)));
  g_ptr_array_add (names, NULL);
  const char *near = text_nearest (name, (const char *const *) names->pdata);
  g_set_error (error, TOOL_ERROR, TOOL_ERROR_NO_PLUGIN, "no plugin '%s'%s%s%s", given, near != NULL ? "; did you mean '" : "",
               near != NULL ? near : "", near != NULL ? "'?" : "");
}

static gboolean
select_entries (View *view, GPtrArray *names, GError **error)
{
  const guint n = vereda_registry_get_n_entries (view->registry);

  for (guint k = 0; names != NULL && k < names->len; k++)
    {
      const guint before = view->entries->len;

      for (guint i = 0; i < n; i++)
        if (is_meant (vereda_registry_get_entry (view->registry, i), names->pdata[k]))
          g_ptr_array_add (view->entries, vereda_registry_get_entry (view->registry, i));
      if (view->entries->len == before)
        {
          fail_unknown (view, names->pdata[k], error);
          return FALSE;
        }
    }
  for (guint i = 0; names == NULL && i < n; i++)
    g_ptr_array_add (view->entries, vereda_registry_get_entry (view->registry, i));
  return TRUE;
}

static gboolean
load_entries (const View *view, GError **error)
{
  gboolean all = TRUE;

  for (guint i = 0; view->load && i < view->entries->len; i++)
    {
      VeredaRegistryEntry *entry = view->entries->pdata[i];
      g_autoptr (GError) local = NULL;

      if (vereda_registry_entry_get_kind (entry) == VEREDA_ENTRY_BROKEN)
        g_set_error (&local, TOOL_ERROR, TOOL_ERROR_NO_PLUGIN, "%s: %s", vereda_registry_entry_get_name (entry),
                     vereda_registry_entry_get_reason (entry));
      else if (!vereda_registry_load_entry (view->registry, entry, &local) && local == NULL)
        g_set_error (&local, TOOL_ERROR, TOOL_ERROR_NO_PLUGIN, "%s does not load", vereda_registry_entry_get_name (entry));
      if (local != NULL && all)
        {
          all = FALSE;
          g_propagate_error (error, g_steal_pointer (&local));
        }
    }
  return all;
}

static void
print_human (const View *view, gboolean details)
{
  if (view->registry == NULL)
    return;
  const char *const *warnings = vereda_registry_get_warnings (view->registry);

  for (; warnings != NULL && *warnings != NULL; warnings++)
    {
      g_autofree char *warning = text_one_line (*warnings);
      fprintf (stderr, "smtp-tool: warning: %s\n", warning);
    }
  if (!details)
    {
      print_table (view);
      return;
    }
  for (guint i = 0; i < view->entries->len; i++)
    {
      if (i > 0)
        putchar ('\n');
      print_details (view->entries->pdata[i]);
    }
}

static void
print_help (GPtrArray *options)
{
  puts ("Usage: smtp-tool plugins [list] [OPTION]...\n"
        "  or:  smtp-tool plugins show NAME... [OPTION]...\n"
        "  or:  smtp-tool plugins doctor [OPTION]...\n"
        "  or:  smtp-tool plugins --exists NAME\n"
        "Show the transports and authentication mechanisms, the strongest first, and what\n"
        "is wrong with those that cannot be used.\n"
        "\n"
        "list reads descriptions only and opens no plugin.  show loads the plugin, as its\n"
        "first use would, to see that it works.  doctor looks at everything: the search\n"
        "path, what is shadowed or switched off, what does not load and why, and the time\n"
        "and memory that loading each plugin takes, in a process of its own.  NAME is the name of a transport (openssl,\n"
        "starttls/gnutls), of a mechanism (CRAM-MD5) or of a plugin.");
  options_print_help (options);
  puts ("\nExit status: 0; 1 usage error; 10 no such plugin, or it does not load.\n"
        "doctor: 0; 10 when there are errors.  --exists: 0 or 1.");
}

/* Reads `list` or `show NAME...`; gives the names, or NULL for all. */
static gboolean
read_operands (CliLine *line, GPtrArray **ret_names, gboolean *ret_details, GError **error)
{
  const char *verb = line->operands->len > 0 ? line->operands->pdata[0] : "list";
  static const char *const verbs[] = { "list", "show", "doctor", NULL };

  if (strcmp (verb, "list") == 0 && line->operands->len <= 1)
    return TRUE;
  if (strcmp (verb, "show") == 0 && line->operands->len > 1)
    {
      g_ptr_array_remove_index (line->operands, 0);
      *ret_names = line->operands;
      *ret_details = TRUE;
      return TRUE;
    }
  g_autofree char *given = text_escape (verb);
  const char *near = text_nearest (verb, verbs);
  if (strcmp (verb, "show") == 0)
    g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "plugins show: the name of a plugin is missing");
  else if (strcmp (verb, "list") == 0 || strcmp (verb, "doctor") == 0)
    g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "plugins %s: takes no name; use plugins show NAME", verb);
  else
    g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "plugins: unknown action '%s'%s%s%s", given,
                 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
  return FALSE;
}

static gboolean
run (View *view, CliLine *line, gboolean *ret_details, GError **error)
{
  GPtrArray *names = NULL;

  if (!read_operands (line, &names, ret_details, error) || !options_boolean (cli_last (line, OPT_LOAD), &view->load, error))
    return FALSE;
  view->registry = vereda_registry_ref (vereda_registry_get_default ());
  if (!select_entries (view, names, error))
    return FALSE;
  return !*ret_details || load_entries (view, error);
}

/* Silent, for scripts.  What is switched off, shadowed or broken is not there; a module is not opened to see more. */
static int
exists_main (const char *name)
{
  VeredaRegistry *registry = vereda_registry_get_default ();

  for (guint i = 0; i < vereda_registry_get_n_entries (registry); i++)
    {
      VeredaRegistryEntry *entry = vereda_registry_get_entry (registry, i);

      if (is_meant (entry, name) && vereda_registry_entry_get_state (entry) == VEREDA_ENTRY_OK)
        return 0;
    }
  return 1;
}

static int
doctor_main (const Plan *plan)
{
  g_autoptr (Doctor) doctor = doctor_new (vereda_registry_get_default ());
  const ExitStatus status = doctor_count (doctor, FINDING_ERROR) > 0 ? EXIT_PLUGIN : EXIT_OK;
  const Outcome outcome = { status, FALSE, exit_number (status, FALSE, plan->sysexits) };

  if (plan->format == FORMAT_JSON)
    (void) report_print (doctor_json (doctor, &outcome));
  else if (!plan->quiet)
    doctor_print_human (doctor, text_use_colour (plan->colour, STDOUT_FILENO));
  return outcome.number;
}

int
plugins_main (int argc, char **argv)
{
  g_autoptr (GPtrArray) options = options_for_plugins ();
  g_autoptr (CliLine) line = cli_parse (options, argc, argv);
  g_autoptr (Plan) plan = plan_new ();
  g_autoptr (GError) error = NULL;
  View view = { FORMAT_HUMAN, TEXT_COLOUR_AUTO, TRUE, NULL, NULL };
  gboolean details = FALSE;

  if (begin_answers (line, options, print_help))
    return 0;
  (void) begin_reading (plan, line, options, &error);
  const CliSetting *exists = cli_last (line, OPT_EXISTS);
  const char *verb = line->operands->len > 0 ? line->operands->pdata[0] : "";
  if (error == NULL && exists != NULL && !exists->negated && line->operands->len == 0)
    return exists_main (exists->value);
  if (error == NULL && line->operands->len == 1 && strcmp (verb, "doctor") == 0)
    return doctor_main (plan);
  if (error == NULL && line->operands->len == 2 && strcmp (verb, DOCTOR_PROBE) == 0)
    return doctor_probe_main (vereda_registry_get_default (), line->operands->pdata[1]);
  view.format = plan->format;
  view.colour = plan->colour;
  view.entries = g_ptr_array_new ();
  if (error == NULL)
    (void) run (&view, line, &details, &error);

  const ExitStatus status = exit_of_error (error);
  const Outcome outcome = { status, FALSE, exit_number (status, FALSE, plan->sysexits) };
  if (view.format == FORMAT_JSON)
    print_json (&view, error, &outcome);
  else
    {
      static const char *const usage[] = { "smtp-tool help plugins", NULL };
      static const char *const missing[] = { "smtp-tool plugins list", NULL };

      if (view.entries->len > 0 || error == NULL)
        print_human (&view, details);
      fflush (stdout);
      if (error != NULL)
        {
          g_autofree char *text = text_one_line (error->message);
          report_problem (NULL, text, status == EXIT_USAGE ? usage : missing);
        }
    }
  g_ptr_array_unref (view.entries);
  vereda_registry_unref (view.registry);
  return outcome.number;
}
