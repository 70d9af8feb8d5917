/* SPDX-License-Identifier: MIT */
/* settings - see settings.h.
 *
 * Pure.  Fails where GKeyFile does. */
#include "core/plugin/settings.h"

#include <string.h>

/* A section's heading has no key, and is followed by the rows of its keys. */
typedef struct
{
  const char *key;
  const char *text; /* the value; of a heading the section's name */
  guint n_keys;     /* of a heading */
} Row;

struct VdSettings
{
  GKeyFile *file; /* NULL: plain, and in the two below */
  char *text;     /* the file, cut into strings where it lies */
  GArray *rows;   /* Row, in order */
};

static Row *
find_heading (const VdSettings *settings, const char *section)
{
  for (guint i = 0; i < settings->rows->len; i += 1 + g_array_index (settings->rows, Row, i).n_keys)
    {
      Row *row = &g_array_index (settings->rows, Row, i);
      if (strcmp (row->text, section) == 0)
        return row;
    }
  return NULL;
}

/* The first letter spares nearly all of the calls. */
static const Row *
find_key (const Row *heading, const char *key)
{
  for (guint i = 1; heading != NULL && i <= heading->n_keys; i++)
    if (*heading[i].key == *key && strcmp (heading[i].key, key) == 0)
      return &heading[i];
  return NULL;
}

static const char *
value_of (const VdSettings *settings, const char *section, const char *key)
{
  return find_key (find_heading (settings, section), key)->text;
}

static gboolean
is_key (const char *text, const char *end)
{
  for (; text < end; text++)
    if (!g_ascii_isalnum (*text) && *text != '-')
      return FALSE;
  return TRUE;
}

/* Cuts `line`, which ends with a NUL, into a row.  FALSE: not a plain line, or one that says something anew. */
static gboolean
split (VdSettings *settings, guint *heading, char *line, gsize length)
{
  if (length == 0 || *line == '#')
    return TRUE;
  if (*line == '[')
    {
      if (length < 3 || line[length - 1] != ']')
        return FALSE;
      line[length - 1] = '\0';
      const Row row = { NULL, line + 1, 0 };
      if (strpbrk (line + 1, "[]") != NULL || find_heading (settings, row.text) != NULL)
        return FALSE;
      *heading = settings->rows->len;
      g_array_append_val (settings->rows, row);
      return TRUE;
    }
  char *equals = strchr (line, '=');
  if (equals == NULL || equals == line || !is_key (line, equals) || equals[1] == ' ' || line[length - 1] == ' ')
    return FALSE;
  *equals = '\0';
  Row *section = settings->rows->len > 0 ? &g_array_index (settings->rows, Row, *heading) : NULL;
  if (section == NULL || strcmp (line, "Encoding") == 0 || find_key (section, line) != NULL)
    return FALSE;
  section->n_keys++;
  const Row row = { line, equals + 1, 0 };
  g_array_append_val (settings->rows, row);
  return TRUE;
}

/* Octets that mean nothing but themselves. */
static gboolean
is_plain (const char *data, gsize size)
{
  for (gsize i = 0; i < size; i++)
    if (data[i] != '\n' && (data[i] < ' ' || data[i] > '~' || data[i] == '\\'))
      return FALSE;
  return TRUE;
}

VdSettings *
vd_settings_new_plain (const char *data, gsize size)
{
  g_autoptr (VdSettings) settings = g_new0 (VdSettings, 1);

  if (!is_plain (data, size))
    return NULL;
  settings->text = g_strndup (data, size);
  settings->rows = g_array_new (FALSE, FALSE, sizeof (Row));
  guint heading = 0;
  for (char *line = settings->text; *line != '\0';)
    {
      char *end = strchrnul (line, '\n');
      char *next = *end == '\0' ? end : end + 1;

      *end = '\0';
      if (!split (settings, &heading, line, (gsize) (end - line)))
        return NULL;
      line = next;
    }
  return g_steal_pointer (&settings);
}

VdSettings *
vd_settings_new_thorough (const char *data, gsize size, GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();

  if (size > 0 && !g_key_file_load_from_data (file, data, size, G_KEY_FILE_NONE, error))
    return NULL;
  VdSettings *settings = g_new0 (VdSettings, 1);
  settings->file = g_steal_pointer (&file);
  return settings;
}

void
vd_settings_free (VdSettings *settings)
{
  if (settings == NULL)
    return;
  g_clear_pointer (&settings->file, g_key_file_unref);
  g_clear_pointer (&settings->rows, g_array_unref);
  g_free (settings->text);
  g_free (settings);
}

char **
vd_settings_sections (const VdSettings *settings)
{
  if (settings->file != NULL)
    return g_key_file_get_groups (settings->file, NULL);
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  for (guint i = 0; i < settings->rows->len; i++)
    if (g_array_index (settings->rows, Row, i).key == NULL)
      g_strv_builder_add (names, g_array_index (settings->rows, Row, i).text);
  return g_strv_builder_end (names);
}

char **
vd_settings_keys (const VdSettings *settings, const char *section)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();

  if (settings->file != NULL)
    {
      char **keys = g_key_file_get_keys (settings->file, section, NULL, NULL);
      return keys != NULL ? keys : g_strv_builder_end (names);
    }
  const Row *heading = find_heading (settings, section);
  for (guint i = 1; heading != NULL && i <= heading->n_keys; i++)
    g_strv_builder_add (names, heading[i].key);
  return g_strv_builder_end (names);
}

gboolean
vd_settings_has_section (const VdSettings *settings, const char *section)
{
  return settings->file != NULL ? g_key_file_has_group (settings->file, section) : find_heading (settings, section) != NULL;
}

gboolean
vd_settings_has (const VdSettings *settings, const char *section, const char *key)
{
  return settings->file != NULL ? g_key_file_has_key (settings->file, section, key, NULL)
                                : find_key (find_heading (settings, section), key) != NULL;
}

char *
vd_settings_text (const VdSettings *settings, const char *section, const char *key, GError **error)
{
  if (settings->file != NULL)
    return g_key_file_get_string (settings->file, section, key, error);
  return g_strdup (value_of (settings, section, key));
}

char **
vd_settings_list (const VdSettings *settings, const char *section, const char *key, GError **error)
{
  if (settings->file != NULL)
    return g_key_file_get_string_list (settings->file, section, key, NULL, error);
  char **words = g_strsplit (value_of (settings, section, key), ";", -1);
  const guint length = g_strv_length (words);
  if (length > 0 && *words[length - 1] == '\0') /* the last semicolon ends, it does not part */
    g_clear_pointer (&words[length - 1], g_free);
  return words;
}

gboolean
vd_settings_boolean (const VdSettings *settings, const char *section, const char *key, gboolean *ret_value, GError **error)
{
  g_autoptr (GError) cause = NULL;

  if (settings->file != NULL)
    *ret_value = g_key_file_get_boolean (settings->file, section, key, &cause);
  else
    {
      /* One value is not worth a second reading of its words: GKeyFile knows them. */
      g_autoptr (GKeyFile) one = g_key_file_new ();
      g_key_file_set_value (one, section, key, value_of (settings, section, key));
      *ret_value = g_key_file_get_boolean (one, section, key, &cause);
    }
  if (cause == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&cause));
  return FALSE;
}
