/* SPDX-License-Identifier: MIT */
/* keyfile - reading a plugin's side-car file, and an administrator's override of it.
 *
 * Pure.  core/plugin/settings does the syntax; this file knows the sections and their words.  Fails with the section and key at fault. */
#include "core/plugin/keyfile.h"

#include <string.h>

#include "core/base/error.h"
#include "core/plugin/settings.h"
#include "core/plugin/words.h"

#define PLUGIN_GROUP     "Plugin"
#define MECH_PREFIX      "Mechanism "
#define TRANSPORT_PREFIX "Transport "

static void
mech_info_free (gpointer data)
{
  VdMechInfo *mech = data;
  g_free (mech->name);
  g_free (mech);
}

static void
transport_info_free (gpointer data)
{
  VdTransportInfo *transport = data;
  g_free (transport->name);
  g_free (transport);
}

void
vd_keyfile_free (VdKeyfile *keyfile)
{
  if (keyfile == NULL)
    return;
  g_free (keyfile->stem);
  g_free (keyfile->version);
  g_free (keyfile->license);
  g_free (keyfile->description);
  g_ptr_array_unref (keyfile->mechs);
  g_ptr_array_unref (keyfile->transports);
  g_free (keyfile);
}

G_GNUC_PRINTF (4, 5)
static gboolean
fail (GError **error, const char *group, const char *key, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *what = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN, "[%s]%s%s: %s", group, key != NULL ? " " : "", key != NULL ? key : "",
               what);
  return FALSE;
}

/* A value in *ret, NULL when there is none.  A value may end up in a terminal, so it holds no control characters. */
static gboolean
read_text (const VdSettings *file, const char *group, const char *key, char **ret, GError **error)
{
  *ret = NULL;
  if (!vd_settings_has (file, group, key))
    return TRUE;
  g_autoptr (GError) cause = NULL;
  g_autofree char *value = vd_settings_text (file, group, key, &cause);
  if (cause != NULL) /* a wrong escape gives both a value and an error */
    return fail (error, group, key, "%s", cause->message);
  for (const char *p = value; *p != '\0'; p = g_utf8_next_char (p))
    if ((guchar) *p < 0x80 ? g_ascii_iscntrl (*p) : g_unichar_iscntrl (g_utf8_get_char (p)))
      return fail (error, group, key, "the value has a control character");
  *ret = g_strdup (g_strstrip (value));
  return TRUE;
}

static gboolean
read_number (const VdSettings *file, const char *group, const char *key, gint64 min, gint64 max, gint64 *value, GError **error)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) cause = NULL;
  if (!read_text (file, group, key, &text, error))
    return FALSE;
  if (text != NULL && !g_ascii_string_to_signed (text, 10, min, max, value, &cause))
    return fail (error, group, key, "%s", cause->message);
  return TRUE;
}

/* A list of words as bits; an absent key is an empty list. */
static gboolean
read_bits (const VdSettings *file, const char *group, const char *key, const VdWord *table, guint *bits, GError **error)
{
  *bits = 0;
  if (!vd_settings_has (file, group, key))
    return TRUE;
  g_autoptr (GError) cause = NULL;
  g_auto (GStrv) words = vd_settings_list (file, group, key, &cause);
  if (cause != NULL)
    return fail (error, group, key, "%s", cause->message);
  for (char **word = words; *word != NULL; word++)
    {
      const VdWord *found = vd_words_find (table, g_strstrip (*word));
      if (found != NULL)
        *bits |= found->value;
      else if (**word != '\0')
        {
          g_autofree char *shown = g_strescape (*word, NULL);
          return fail (error, group, key, "unknown word \"%s\"", shown);
        }
    }
  return TRUE;
}

static gboolean
read_exposure (const VdSettings *file, const char *group, uint16_t *exposure, GError **error)
{
  g_autofree char *text = NULL;
  if (!read_text (file, group, "Exposure", &text, error))
    return FALSE;
  if (text == NULL)
    return fail (error, group, "Exposure", "missing; without it the mechanism has no place in the order");
  const VdWord *word = vd_words_find (vd_words_exposure, text);
  if (word == NULL)
    return fail (error, group, "Exposure", "unknown word \"%s\"", text);
  *exposure = (uint16_t) word->value;
  return TRUE;
}

static gboolean
read_mech (const VdSettings *file, const char *group, VdKeyfile *keyfile, GError **error)
{
  const char *name = group + strlen (MECH_PREFIX);
  gint64 hash = 0;
  gint64 ssf = 0;
  gint64 rank = VD_RANK_DEFAULT;
  guint traits = 0;
  if (!vd_mech_name_valid (name))
    return fail (error, group, NULL, "not a mechanism name (1 to 20 of A-Z 0-9 - _)");
  VdMechInfo *mech = g_new0 (VdMechInfo, 1);
  g_ptr_array_add (keyfile->mechs, mech);
  mech->name = g_strdup (name);
  if (!read_exposure (file, group, &mech->strength.exposure, error)
      || !read_bits (file, group, "Traits", vd_words_traits, &traits, error)
      || !read_number (file, group, "Hash", 0, G_MAXUINT16, &hash, error)
      || !read_number (file, group, "Ssf", 0, G_MAXUINT16, &ssf, error)
      || !read_bits (file, group, "Needs", vd_words_needs, &mech->needs, error)
      || !read_bits (file, group, "Flags", vd_words_flags, &mech->flags, error)
      || !read_number (file, group, "Rank", -VD_RANK_MAX, VD_RANK_MAX, &rank, error))
    return FALSE;
  mech->strength.traits = (uint16_t) traits;
  mech->strength.hash_bits = (uint16_t) hash;
  mech->strength.ssf = (uint16_t) ssf;
  mech->rank = (int) rank;
  mech->enabled = TRUE;
  return TRUE;
}

static gboolean
read_transport (const VdSettings *file, const char *group, VdKeyfile *keyfile, GError **error)
{
  const char *name = group + strlen (TRANSPORT_PREFIX);
  gint64 rank = VD_RANK_DEFAULT;
  if (!vd_transport_name_valid (name))
    return fail (error, group, NULL, "not a transport name ([a-z][a-z0-9_]{0,31})");
  VdTransportInfo *transport = g_new0 (VdTransportInfo, 1);
  g_ptr_array_add (keyfile->transports, transport);
  transport->name = g_strdup (name);
  if (!read_bits (file, group, "Roles", vd_words_roles, &transport->role, error)
      || !read_bits (file, group, "Bindings", vd_words_bindings, &transport->bindings, error)
      || !read_number (file, group, "Rank", -VD_RANK_MAX, VD_RANK_MAX, &rank, error))
    return FALSE;
  if (transport->role != VD_ROLE_OPEN && transport->role != VD_ROLE_WRAP)
    return fail (error, group, "Roles", "must be either \"open\" or \"wrap\"");
  transport->rank = (int) rank;
  transport->enabled = TRUE;
  return TRUE;
}

static gboolean
read_plugin (const VdSettings *file, const char *stem, VdKeyfile *keyfile, GError **error)
{
  g_autofree char *name = NULL;
  gint64 abi = 0;
  if (!vd_settings_has_section (file, PLUGIN_GROUP))
    return fail (error, PLUGIN_GROUP, NULL, "this section is missing");
  if (!read_number (file, PLUGIN_GROUP, "Abi", 0, G_MAXINT32, &abi, error)
      || !read_text (file, PLUGIN_GROUP, "Name", &name, error)
      || !read_text (file, PLUGIN_GROUP, "Version", &keyfile->version, error)
      || !read_text (file, PLUGIN_GROUP, "License", &keyfile->license, error)
      || !read_text (file, PLUGIN_GROUP, "Description", &keyfile->description, error))
    return FALSE;
  if (abi == 0)
    return fail (error, PLUGIN_GROUP, "Abi", "missing");
  if (abi != VEREDA_PLUGIN_ABI)
    return fail (error, PLUGIN_GROUP, "Abi", "the plugin is for interface %d, this library has %u", (int) abi,
                 VEREDA_PLUGIN_ABI);
  if (name == NULL || strcmp (name, stem) != 0)
    return fail (error, PLUGIN_GROUP, "Name", "is \"%s\", but the file is named \"%s\"", name != NULL ? name : "", stem);
  keyfile->abi = (guint) abi;
  keyfile->stem = g_strdup (stem);
  keyfile->version = keyfile->version != NULL ? keyfile->version : g_strdup ("");
  keyfile->license = keyfile->license != NULL ? keyfile->license : g_strdup ("");
  keyfile->description = keyfile->description != NULL ? keyfile->description : g_strdup ("");
  return TRUE;
}

/* GKeyFile accepts more than text: it stops at no NUL and keeps octets that are not UTF-8. */
static VdSettings *
load (const char *data, gsize size, GError **error)
{
  g_autoptr (GError) cause = NULL;
  if (size > VD_KEYFILE_SIZE_MAX)
    {
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN, "larger than %d octets", VD_KEYFILE_SIZE_MAX);
      return NULL;
    }
  VdSettings *settings = vd_settings_new_plain (data, size);
  if (settings != NULL)
    return settings;
  if (!g_utf8_validate_len (data, size, NULL))
    {
      g_set_error_literal (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN, "not UTF-8 text");
      return NULL;
    }
  settings = vd_settings_new_thorough (data, size, &cause);
  if (settings == NULL)
    g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN, "%s", cause->message);
  return settings;
}

VdKeyfile *
vd_keyfile_parse (const char *data, gsize size, const char *stem, GError **error)
{
  g_autoptr (VdSettings) file = load (data, size, error);
  if (file == NULL)
    return NULL;
  g_autoptr (VdKeyfile) keyfile = g_new0 (VdKeyfile, 1);
  keyfile->mechs = g_ptr_array_new_with_free_func (mech_info_free);
  keyfile->transports = g_ptr_array_new_with_free_func (transport_info_free);
  if (!read_plugin (file, stem, keyfile, error))
    return NULL;
  g_auto (GStrv) groups = vd_settings_sections (file);
  for (char **group = groups; *group != NULL; group++)
    {
      if (g_str_has_prefix (*group, MECH_PREFIX) && !read_mech (file, *group, keyfile, error))
        return NULL;
      if (g_str_has_prefix (*group, TRANSPORT_PREFIX) && !read_transport (file, *group, keyfile, error))
        return NULL;
    }
  if (keyfile->mechs->len == 0 && keyfile->transports->len == 0)
    {
      fail (error, PLUGIN_GROUP, NULL, "the file has neither a [Mechanism NAME] nor a [Transport NAME] section");
      return NULL;
    }
  return g_steal_pointer (&keyfile);
}

/* Where a section's two settings live; [Plugin] means all of them. */
typedef struct
{
  gboolean *enabled;
  int *rank;
} Slot;

static GArray *
slots_of_group (VdKeyfile *keyfile, const char *group)
{
  GArray *slots = g_array_new (FALSE, FALSE, sizeof (Slot));
  gboolean all = strcmp (group, PLUGIN_GROUP) == 0;
  for (guint i = 0; i < keyfile->mechs->len; i++)
    {
      VdMechInfo *mech = keyfile->mechs->pdata[i];
      Slot slot = { &mech->enabled, &mech->rank };
      if (all || (g_str_has_prefix (group, MECH_PREFIX) && strcmp (group + strlen (MECH_PREFIX), mech->name) == 0))
        g_array_append_val (slots, slot);
    }
  for (guint i = 0; i < keyfile->transports->len; i++)
    {
      VdTransportInfo *transport = keyfile->transports->pdata[i];
      Slot slot = { &transport->enabled, &transport->rank };
      if (all
          || (g_str_has_prefix (group, TRANSPORT_PREFIX) && strcmp (group + strlen (TRANSPORT_PREFIX), transport->name) == 0))
        g_array_append_val (slots, slot);
    }
  return slots;
}

static gboolean
read_boolean (const VdSettings *file, const char *group, const char *key, gboolean *ret_there, gboolean *value, GError **error)
{
  g_autoptr (GError) cause = NULL;
  *ret_there = vd_settings_has (file, group, key);
  if (!*ret_there)
    return TRUE;
  return vd_settings_boolean (file, group, key, value, &cause) || fail (error, group, key, "%s", cause->message);
}

/* One section of an override.  `apply` FALSE: only look whether it is acceptable. */
static gboolean
override_group (VdKeyfile *keyfile, const VdSettings *file, const char *group, gboolean apply, GError **error)
{
  g_autoptr (GArray) slots = slots_of_group (keyfile, group);
  g_auto (GStrv) keys = vd_settings_keys (file, group);
  gboolean there = FALSE;
  gboolean enabled = TRUE;
  gint64 rank = 0;
  if (slots->len == 0)
    return fail (error, group, NULL, "plugin \"%s\" has no such section", keyfile->stem);
  for (char **key = keys; *key != NULL; key++)
    if (strcmp (*key, "Enabled") != 0 && strcmp (*key, "Rank") != 0)
      return fail (error, group, *key, "an override may set Enabled and Rank only");
  if (!read_boolean (file, group, "Enabled", &there, &enabled, error)
      || !read_number (file, group, "Rank", -VD_RANK_MAX, VD_RANK_MAX, &rank, error))
    return FALSE;
  for (guint i = 0; apply && i < slots->len; i++)
    {
      Slot *slot = &g_array_index (slots, Slot, i);
      if (there)
        *slot->enabled = enabled;
      if (vd_settings_has (file, group, "Rank"))
        *slot->rank = (int) rank;
    }
  return TRUE;
}

gboolean
vd_keyfile_apply_override (VdKeyfile *keyfile, const char *data, gsize size, GError **error)
{
  g_autoptr (VdSettings) file = load (data, size, error);
  if (file == NULL)
    return FALSE;
  g_auto (GStrv) groups = vd_settings_sections (file);
  for (char **group = groups; *group != NULL; group++)
    if (!override_group (keyfile, file, *group, FALSE, error))
      return FALSE;
  /* [Plugin] first, wherever it stands, so that a section's own word wins. */
  if (vd_settings_has_section (file, PLUGIN_GROUP))
    override_group (keyfile, file, PLUGIN_GROUP, TRUE, NULL);
  for (char **group = groups; *group != NULL; group++)
    if (strcmp (*group, PLUGIN_GROUP) != 0)
      override_group (keyfile, file, *group, TRUE, NULL);
  return TRUE;
}
