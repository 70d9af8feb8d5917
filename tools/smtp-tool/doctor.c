/* SPDX-License-Identifier: MIT */
/* doctor - finds out what is wrong with the plugins; see doctor.h.
 *
 * Reads folders and the administrator's files, and has each plugin loaded by a process of its own.  Changes nothing. */
#include "doctor.h"

#include <stdlib.h>
#include <string.h>

static void
patient_free (gpointer data)
{
  Patient *patient = data;

  g_ptr_array_unref (patient->provides);
  doctor_probe_free (patient->probe);
  g_free (patient);
}

static void
override_free (gpointer data)
{
  Override *override = data;

  g_free (override->file);
  g_free (override->section);
  g_free (override->setting);
  g_free (override);
}

static void
finding_free (gpointer data)
{
  Finding *finding = data;

  g_free (finding->subject);
  g_free (finding->text);
  g_free (finding);
}

void
doctor_free (Doctor *doctor)
{
  if (doctor == NULL)
    return;
  g_ptr_array_unref (doctor->patients);
  g_ptr_array_unref (doctor->overrides);
  g_ptr_array_unref (doctor->findings);
  g_free (doctor);
}

static void
find (Doctor *doctor, Severity severity, const char *id, const char *subject, const char *text)
{
  Finding *finding = g_new0 (Finding, 1);

  finding->severity = severity;
  finding->id = id;
  finding->subject = g_strdup (subject);
  finding->text = g_strdup (text);
  g_ptr_array_add (doctor->findings, finding);
}

guint
doctor_count (const Doctor *doctor, Severity severity)
{
  guint count = 0;

  for (guint i = 0; i < doctor->findings->len; i++)
    count += ((Finding *) doctor->findings->pdata[i])->severity == severity;
  return count;
}

/* ---- the search ---- */

/* The text of a warning after "FOLDER: ". */
static const char *
after_path (const char *warning, const char *path)
{
  const gsize length = strlen (path);

  return strncmp (warning, path, length) == 0 && g_str_has_prefix (warning + length, ": ") ? warning + length + 2 : NULL;
}

const char *
doctor_folder_problem (const Doctor *doctor, const char *folder)
{
  const char *const *warnings = vereda_registry_get_warnings (doctor->registry);

  for (; *warnings != NULL; warnings++)
    if (after_path (*warnings, folder) != NULL)
      return after_path (*warnings, folder);
  return NULL;
}

static gboolean
is_about_a_folder (const Doctor *doctor, const char *warning)
{
  const char *const *folders = vereda_registry_get_directories (doctor->registry);
  const char *overrides = vereda_registry_get_override_directory (doctor->registry);

  for (; *folders != NULL; folders++)
    if (after_path (warning, *folders) != NULL)
      return TRUE;
  return overrides != NULL && after_path (warning, overrides) != NULL;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* A module that no keyfile describes is never looked at; somebody may have forgotten the other half. */
static void
find_lonely_modules (Doctor *doctor, const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  g_autoptr (GPtrArray) lonely = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      if (!g_str_has_suffix (name, ".so"))
        continue;
      g_autofree char *stem = g_strndup (name, strlen (name) - 3);
      g_autofree char *keyfile = g_strconcat (folder, "/", stem, ".plugin", NULL);
      if (!g_file_test (keyfile, G_FILE_TEST_EXISTS))
        g_ptr_array_add (lonely, g_build_filename (folder, name, NULL));
    }
  g_ptr_array_sort (lonely, compare_names);
  for (guint i = 0; i < lonely->len; i++)
    find (doctor, FINDING_WARNING, "no-keyfile", lonely->pdata[i], "a module without a .plugin file beside it is not used");
}

static void
examine_search (Doctor *doctor)
{
  const char *const *folders = vereda_registry_get_directories (doctor->registry);
  const char *const *warnings = vereda_registry_get_warnings (doctor->registry);
  const char *overrides = vereda_registry_get_override_directory (doctor->registry);

  for (; *folders != NULL; folders++)
    {
      const char *problem = doctor_folder_problem (doctor, *folders);

      if (problem == NULL)
        find_lonely_modules (doctor, *folders);
      else if (g_file_test (*folders, G_FILE_TEST_EXISTS))
        find (doctor, FINDING_ERROR, "folder-not-used", *folders, problem);
      else
        find (doctor, FINDING_WARNING, "folder-missing", *folders, problem);
    }
  if (overrides != NULL && doctor_folder_problem (doctor, overrides) != NULL)
    find (doctor, FINDING_ERROR, "overrides-not-used", overrides, doctor_folder_problem (doctor, overrides));
  for (; *warnings != NULL; warnings++)
    if (!is_about_a_folder (doctor, *warnings))
      {
        const char *colon = strstr (*warnings, ": ");
        g_autofree char *variable = colon != NULL ? g_strndup (*warnings, (gsize) (colon - *warnings)) : g_strdup ("registry");

        find (doctor, FINDING_WARNING, "environment", variable, colon != NULL ? colon + 2 : *warnings);
      }
}

/* ---- the administrator's files ---- */

static void
read_override (Doctor *doctor, const char *folder, const char *name)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autofree char *path = g_build_filename (folder, name, NULL);

  if (!g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, NULL))
    return; /* what is wrong with it is told with the plugin */
  g_auto (GStrv) sections = g_key_file_get_groups (file, NULL);
  for (char **section = sections; *section != NULL; section++)
    {
      g_auto (GStrv) keys = g_key_file_get_keys (file, *section, NULL, NULL);

      for (char **key = keys; keys != NULL && *key != NULL; key++)
        {
          g_autofree char *value = g_key_file_get_value (file, *section, *key, NULL);
          Override *override = g_new0 (Override, 1);

          override->file = g_strdup (path);
          override->section = g_strdup (*section);
          override->setting = g_strconcat (*key, "=", value, NULL);
          g_ptr_array_add (doctor->overrides, override);
        }
    }
}

static gboolean
has_stem (const Doctor *doctor, const char *stem)
{
  for (guint i = 0; i < vereda_registry_get_n_entries (doctor->registry); i++)
    if (g_str_equal (vereda_registry_entry_get_stem (vereda_registry_get_entry (doctor->registry, i)), stem))
      return TRUE;
  return FALSE;
}

static void
examine_overrides (Doctor *doctor)
{
  const char *folder = vereda_registry_get_override_directory (doctor->registry);
  g_autoptr (GDir) dir = folder != NULL ? g_dir_open (folder, 0, NULL) : NULL;
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (name[0] != '.' && g_str_has_suffix (name, ".plugin"))
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *stem = g_strndup (names->pdata[i], strlen (names->pdata[i]) - strlen (".plugin"));
      g_autofree char *path = g_build_filename (folder, names->pdata[i], NULL);

      if (has_stem (doctor, stem))
        read_override (doctor, folder, names->pdata[i]);
      else
        find (doctor, FINDING_WARNING, "override-idle", path, "there is no plugin of that name");
    }
}

/* ---- the plugins ---- */

static Patient *
patient_of (Doctor *doctor, VeredaRegistryEntry *entry)
{
  const char *keyfile = vereda_registry_entry_get_keyfile (entry);

  for (guint i = 0; i < doctor->patients->len; i++)
    {
      Patient *patient = doctor->patients->pdata[i];

      if (g_str_equal (vereda_registry_entry_get_keyfile (patient->entry), keyfile))
        return patient;
    }
  Patient *patient = g_new0 (Patient, 1);
  patient->entry = entry;
  patient->provides = g_ptr_array_new ();
  g_ptr_array_add (doctor->patients, patient);
  return patient;
}

static int
compare_patients (gconstpointer pa, gconstpointer pb, gpointer data)
{
  const Patient *a = *(const Patient *const *) pa;
  const Patient *b = *(const Patient *const *) pb;

  return strcmp (vereda_registry_entry_get_keyfile (a->entry), vereda_registry_entry_get_keyfile (b->entry));
}

static void
collect_patients (Doctor *doctor)
{
  for (guint i = 0; i < vereda_registry_get_n_entries (doctor->registry); i++)
    {
      VeredaRegistryEntry *entry = vereda_registry_get_entry (doctor->registry, i);
      Patient *patient = patient_of (doctor, entry);

      g_ptr_array_add (patient->provides, (gpointer) vereda_registry_entry_get_name (entry));
      if (patient->usable == NULL && vereda_registry_entry_get_state (entry) == VEREDA_ENTRY_OK)
        patient->usable = entry;
    }
  g_ptr_array_sort_with_data (doctor->patients, compare_patients, NULL);
}

/* The library says so of a keyfile and of a module in these words. */
static gboolean
is_about_the_interface (const char *text)
{
  return strstr (text, "is for interface") != NULL;
}

static void
find_failure (Doctor *doctor, const Patient *patient, const char *text)
{
  const char *id = is_about_the_interface (text)                    ? "abi-mismatch"
                   : patient->probe != NULL && patient->probe->died ? "died"
                   : patient->probe != NULL                         ? "load-failed"
                                                                    : "not-accepted";

  find (doctor, FINDING_ERROR, id, vereda_registry_entry_get_stem (patient->entry), text);
}

static void
examine_patient (Doctor *doctor, Patient *patient)
{
  const char *stem = vereda_registry_entry_get_stem (patient->entry);
  const char *reason = vereda_registry_entry_get_reason (patient->entry);

  if (patient->usable != NULL)
    {
      patient->probe = doctor_probe (vereda_registry_entry_get_keyfile (patient->usable));
      if (!patient->probe->loaded)
        find_failure (doctor, patient, patient->probe->error);
      return;
    }
  switch (vereda_registry_entry_get_state (patient->entry))
    {
    case VEREDA_ENTRY_SHADOWED:
      {
        g_autofree char *text = g_strdup_printf ("%s: %s", vereda_registry_entry_get_keyfile (patient->entry), reason);
        find (doctor, FINDING_WARNING, "shadowed", stem, text);
        return;
      }
    case VEREDA_ENTRY_DISABLED:
      find (doctor, FINDING_NOTE, "disabled", stem, reason);
      return;
    default:
      find_failure (doctor, patient, reason != NULL ? reason : "it cannot be used");
    }
}

/* TRUE when something of that kind is left that works. */
static gboolean
has_working (const Doctor *doctor, VeredaEntryKind kind)
{
  for (guint i = 0; i < doctor->patients->len; i++)
    {
      const Patient *patient = doctor->patients->pdata[i];

      if (patient->probe != NULL && patient->probe->loaded && vereda_registry_entry_get_kind (patient->usable) == kind)
        return TRUE;
    }
  return FALSE;
}

Doctor *
doctor_new (VeredaRegistry *registry)
{
  Doctor *doctor = g_new0 (Doctor, 1);

  doctor->registry = registry;
  doctor->path_variable = secure_getenv ("VEREDA_PLUGIN_PATH");
  doctor->rank_variable = secure_getenv ("VEREDA_RANK");
  doctor->patients = g_ptr_array_new_with_free_func (patient_free);
  doctor->overrides = g_ptr_array_new_with_free_func (override_free);
  doctor->findings = g_ptr_array_new_with_free_func (finding_free);
  examine_search (doctor);
  examine_overrides (doctor);
  collect_patients (doctor);
  for (guint i = 0; i < doctor->patients->len; i++)
    examine_patient (doctor, doctor->patients->pdata[i]);
  if (!TOOL_CHECKS_EXPORTS)
    find (doctor, FINDING_NOTE, "exports-not-checked", "loader",
          "this system does not tell where a module lies in memory, so symbols that a plugin exports by mistake are not seen; "
          "vereda-plugin-check sees them in the file");
  if (!has_working (doctor, VEREDA_ENTRY_TRANSPORT))
    find (doctor, FINDING_ERROR, "no-transport", "search path", "no transport works: nothing can be sent");
  if (!has_working (doctor, VEREDA_ENTRY_MECHANISM))
    find (doctor, FINDING_WARNING, "no-mechanism", "search path", "no authentication mechanism works");
  return doctor;
}
