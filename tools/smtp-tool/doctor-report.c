/* SPDX-License-Identifier: MIT */
/* doctor-report - tells what `plugins doctor` found, to people and to machines; see doctor.h. */
#include "doctor.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

static const char *
severity_word (Severity severity)
{
  static const char *const words[] = { [FINDING_ERROR] = "error", [FINDING_WARNING] = "warning", [FINDING_NOTE] = "note" };

  return words[severity];
}

static const char *
patient_state (const Patient *patient)
{
  if (patient->probe != NULL)
    return patient->probe->loaded ? "ok" : "failed";
  switch (vereda_registry_entry_get_state (patient->entry))
    {
    case VEREDA_ENTRY_SHADOWED:
      return "shadowed";
    case VEREDA_ENTRY_DISABLED:
      return "disabled";
    default:
      return "failed";
    }
}

static const char *
patient_reason (const Patient *patient)
{
  return patient->probe != NULL ? patient->probe->error : vereda_registry_entry_get_reason (patient->entry);
}

static const char *
verdict (const Doctor *doctor)
{
  return doctor_count (doctor, FINDING_ERROR) > 0 ? "broken" : doctor_count (doctor, FINDING_WARNING) > 0 ? "warnings" : "ok";
}

/* ---- JSON ---- */

static json_t *
folders_array (const Doctor *doctor)
{
  const char *const *folders = vereda_registry_get_directories (doctor->registry);
  json_t *array = json_array ();

  for (; *folders != NULL; folders++)
    json_array_append_new (array, json_pack ("{s:o, s:o}", "path", report_string (*folders), "problem",
                                             report_string (doctor_folder_problem (doctor, *folders))));
  return array;
}

static json_t *
overrides_object (const Doctor *doctor)
{
  json_t *files = json_array ();

  for (guint i = 0; i < doctor->overrides->len; i++)
    {
      const Override *override = doctor->overrides->pdata[i];

      json_array_append_new (files,
                             json_pack ("{s:o, s:o, s:o}", "file", report_string (override->file), "section",
                                        report_string (override->section), "setting", report_string (override->setting)));
    }
  return json_pack (
      "{s:o, s:o, s:o, s:o}", "directory", report_string (vereda_registry_get_override_directory (doctor->registry)), "files",
      files, "VEREDA_PLUGIN_PATH", report_string (doctor->path_variable), "VEREDA_RANK", report_string (doctor->rank_variable));
}

static json_t *
patient_object (const Patient *patient)
{
  const Probe *probe = patient->probe;
  const gboolean loaded = probe != NULL && probe->loaded;
  const guint abi = vereda_registry_entry_get_abi (patient->entry);
  json_t *object = json_object ();
  json_t *provides = json_array ();

  for (guint i = 0; i < patient->provides->len; i++)
    json_array_append_new (provides, report_string (patient->provides->pdata[i]));
  json_object_set_new (object, "plugin", report_string (vereda_registry_entry_get_stem (patient->entry)));
  json_object_set_new (object, "provides", provides);
  json_object_set_new (object, "state", json_string (patient_state (patient)));
  json_object_set_new (object, "reason", report_string (patient_reason (patient)));
  json_object_set_new (object, "abi", abi != 0 ? json_integer (abi) : json_null ());
  json_object_set_new (object, "load_ms", loaded ? json_real (probe->ms) : json_null ());
  json_object_set_new (object, "load_kb", loaded ? json_integer (probe->kb) : json_null ());
  json_object_set_new (object, "file", report_string (vereda_registry_entry_get_file (patient->entry)));
  json_object_set_new (object, "keyfile", report_string (vereda_registry_entry_get_keyfile (patient->entry)));
  return object;
}

static json_t *
findings_array (const Doctor *doctor)
{
  json_t *array = json_array ();

  for (guint i = 0; i < doctor->findings->len; i++)
    {
      const Finding *finding = doctor->findings->pdata[i];

      json_array_append_new (array, json_pack ("{s:s, s:s, s:o, s:o}", "id", finding->id, "severity",
                                               severity_word (finding->severity), "subject", report_string (finding->subject),
                                               "text", report_string (finding->text)));
    }
  return array;
}

json_t *
doctor_json (const Doctor *doctor, const Outcome *outcome)
{
  json_t *document = json_object ();
  json_t *plugins = json_array ();

  for (guint i = 0; i < doctor->patients->len; i++)
    json_array_append_new (plugins, patient_object (doctor->patients->pdata[i]));
  json_object_set_new (document, "schema", json_string ("smtp-tool/doctor/1"));
  json_object_set_new (document, "exit", report_exit (outcome));
  json_object_set_new (document, "verdict", json_string (verdict (doctor)));
  json_object_set_new (document, "directories", folders_array (doctor));
  json_object_set_new (document, "overrides", overrides_object (doctor));
  json_object_set_new (document, "plugins", plugins);
  json_object_set_new (document, "findings", findings_array (doctor));
  return document;
}

/* ---- for people ---- */

static guint
count_in (const Doctor *doctor, const char *folder)
{
  guint count = 0;

  for (guint i = 0; i < doctor->patients->len; i++)
    {
      const Patient *patient = doctor->patients->pdata[i];
      g_autofree char *dir = g_path_get_dirname (vereda_registry_entry_get_keyfile (patient->entry));

      count += g_str_equal (dir, folder);
    }
  return count;
}

static void
print_search (const Doctor *doctor)
{
  const char *const *folders = vereda_registry_get_directories (doctor->registry);

  printf ("Search path, from %s\n", doctor->path_variable != NULL ? "VEREDA_PLUGIN_PATH" : "the library");
  if (*folders == NULL)
    puts ("  (empty)");
  for (guint i = 0; folders[i] != NULL; i++)
    {
      const char *problem = doctor_folder_problem (doctor, folders[i]);
      const guint count = count_in (doctor, folders[i]);
      g_autofree char *folder = text_one_line (folders[i]);
      g_autofree char *text
          = problem != NULL ? text_one_line (problem) : g_strdup_printf ("%u plugin%s", count, count == 1 ? "" : "s");

      printf ("  %2u  %s  %s%s\n", i + 1, folder, text, problem != NULL ? "; not searched" : "");
    }
}

static void
print_overrides (const Doctor *doctor)
{
  const char *directory = vereda_registry_get_override_directory (doctor->registry);

  puts ("\nOverrides");
  if (directory != NULL && doctor->overrides->len == 0)
    printf ("  none in %s\n", directory);
  for (guint i = 0; i < doctor->overrides->len; i++)
    {
      const Override *override = doctor->overrides->pdata[i];
      g_autofree char *text = g_strdup_printf ("%s: [%s] %s", override->file, override->section, override->setting);
      g_autofree char *shown = text_one_line (text);

      printf ("  %s\n", shown);
    }
  if (doctor->rank_variable != NULL)
    {
      g_autofree char *shown = text_one_line (doctor->rank_variable);
      printf ("  VEREDA_RANK=%s\n", shown);
    }
}

static void
print_patient (const Patient *patient, int width, gboolean colour)
{
  const Probe *probe = patient->probe;
  const char *state = patient_state (patient);
  const gboolean bad = strcmp (state, "failed") == 0;
  g_autofree char *cost
      = probe != NULL && probe->loaded ? g_strdup_printf ("%8.2f ms  %6" G_GINT64_FORMAT " kB", probe->ms, probe->kb) : NULL;
  const char *path = vereda_registry_entry_get_file (patient->entry);
  g_autofree char *file = text_one_line (path != NULL ? path : vereda_registry_entry_get_keyfile (patient->entry));
  g_autofree char *stem = text_one_line (vereda_registry_entry_get_stem (patient->entry));

  printf ("%s  %-*s  %-8s  %-22s  %s%s\n", colour && bad ? "\033[31m" : "", width, stem, state, cost != NULL ? cost : "", file,
          colour && bad ? "\033[0m" : "");
}

static void
print_plugins (const Doctor *doctor, gboolean colour)
{
  gsize width = 0;

  for (guint i = 0; i < doctor->patients->len; i++)
    width = MAX (width, strlen (vereda_registry_entry_get_stem (((Patient *) doctor->patients->pdata[i])->entry)));
  puts ("\nPlugins, each loaded in a process of its own");
  for (guint i = 0; i < doctor->patients->len; i++)
    print_patient (doctor->patients->pdata[i], (int) width, colour);
}

static void
print_findings (const Doctor *doctor, gboolean colour)
{
  static const char *const colours[] = { "\033[31m", "\033[33m", "" };

  if (doctor->findings->len > 0)
    puts ("\nFindings");
  for (guint i = 0; i < doctor->findings->len; i++)
    {
      const Finding *finding = doctor->findings->pdata[i];
      g_autofree char *subject = text_one_line (finding->subject);
      g_autofree char *text = text_one_line (finding->text);

      printf ("  %s%-7s%s  [%s] %s: %s\n", colour ? colours[finding->severity] : "", severity_word (finding->severity),
              colour ? "\033[0m" : "", finding->id, subject, text);
    }
}

static void
print_count (guint count, const char *word, const char *before)
{
  printf ("%s%u %s%s", before, count, word, count == 1 ? "" : "s");
}

void
doctor_print_human (const Doctor *doctor, gboolean colour)
{
  print_search (doctor);
  print_overrides (doctor);
  print_plugins (doctor, colour);
  print_findings (doctor, colour);
  printf ("\nVerdict: %s, ", verdict (doctor));
  print_count (doctor_count (doctor, FINDING_ERROR), "error", "");
  print_count (doctor_count (doctor, FINDING_WARNING), "warning", ", ");
  putchar ('\n');
}
