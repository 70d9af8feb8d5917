/* SPDX-License-Identifier: MIT */
/* keyfile - the kit's own reading of a plugin's keyfile.
 *
 * Written from vereda.plugin(5) and not shared with the library, so that the two check each other.  Goes on after a fault, so that
 * an author hears of all of them.  Touches the file only. */
#include "kit/keyfile.h"

#include <string.h>
#include <vereda-kit/kit.h>

#define SIZE_MAX_OCTETS 65536

typedef struct
{
  const char *word;
  guint value;
} Word;

static const Word exposures[] = {
  { "anonymous", VEREDA_EXPOSE_ANONYMOUS },   { "password", VEREDA_EXPOSE_PASSWORD },
  { "weak-proof", VEREDA_EXPOSE_WEAK_PROOF }, { "token", VEREDA_EXPOSE_TOKEN },
  { "proof", VEREDA_EXPOSE_PROOF },           { "bound-proof", VEREDA_EXPOSE_BOUND_PROOF },
  { "nothing", VEREDA_EXPOSE_NOTHING },       { NULL, 0 },
};
static const Word traits[] = {
  { "mutual", VEREDA_TRAIT_MUTUAL },
  { "no-active", VEREDA_TRAIT_NO_ACTIVE },
  { "no-dictionary", VEREDA_TRAIT_NO_DICTIONARY },
  { "forward-secret", VEREDA_TRAIT_FORWARD_SECRET },
  { "binding", VEREDA_TRAIT_BINDING },
  { NULL, 0 },
};
static const Word needs[] = {
  { "authcid", VEREDA_NEEDS (VEREDA_CRED_AUTHCID) },   { "authzid", VEREDA_NEEDS (VEREDA_CRED_AUTHZID) },
  { "password", VEREDA_NEEDS (VEREDA_CRED_PASSWORD) }, { "token", VEREDA_NEEDS (VEREDA_CRED_TOKEN) },
  { "realm", VEREDA_NEEDS (VEREDA_CRED_REALM) },       { NULL, 0 },
};
static const Word flags[] = {
  { "client-first", VEREDA_MECH_CLIENT_FIRST },
  { "server-last", VEREDA_MECH_SERVER_LAST },
  { "needs-tls", VEREDA_MECH_NEEDS_TLS },
  { "needs-binding", VEREDA_MECH_NEEDS_BINDING },
  { "needs-host", VEREDA_MECH_NEEDS_HOST },
  { "historic", VEREDA_MECH_HISTORIC },
  { NULL, 0 },
};
static const Word bindings[] = {
  { "tls-exporter", 1u << VEREDA_BINDING_TLS_EXPORTER },
  { "tls-server-end-point", 1u << VEREDA_BINDING_TLS_SERVER_END_POINT },
  { "tls-unique", 1u << VEREDA_BINDING_TLS_UNIQUE },
  { NULL, 0 },
};
static const Word roles[] = { { "open", 1 }, { "wrap", 2 }, { NULL, 0 } };

static const char *const plugin_keys[] = { "Abi", "Name", "Version", "License", "Description", NULL };
static const char *const mech_keys[] = { "Exposure", "Traits", "Hash", "Ssf", "Needs", "Flags", "Rank", NULL };
static const char *const transport_keys[] = { "Roles", "Bindings", "Rank", NULL };

static void
mech_free (gpointer data)
{
  g_free (((KitMechWords *) data)->name);
  g_free (data);
}

static void
transport_free (gpointer data)
{
  g_free (((KitTransportWords *) data)->name);
  g_free (data);
}

void
kit_keyfile_free (KitKeyfile *keyfile)
{
  if (keyfile == NULL)
    return;
  g_free (keyfile->abi);
  g_free (keyfile->name);
  g_free (keyfile->version);
  g_free (keyfile->license);
  g_ptr_array_unref (keyfile->mechs);
  g_ptr_array_unref (keyfile->transports);
  g_ptr_array_unref (keyfile->wrong);
  g_ptr_array_unref (keyfile->unknown);
  g_free (keyfile);
}

static gboolean
only_of (const char *text, const char *alphabet, gsize max)
{
  gsize length = strspn (text, alphabet);
  return text[length] == '\0' && length >= 1 && length <= max;
}

gboolean
kit_stem_valid (const char *stem)
{
  return g_ascii_islower (stem[0]) && only_of (stem, "abcdefghijklmnopqrstuvwxyz0123456789_", 32);
}

gboolean
kit_mech_name_valid (const char *name)
{
  return only_of (name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", 20);
}

G_GNUC_PRINTF (2, 3)
static void
complain (GPtrArray *to, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_ptr_array_add (to, g_strdup_vprintf (format, args));
  va_end (args);
}

static char *
text_of (GKeyFile *file, KitKeyfile *k, const char *group, const char *key)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *value = NULL;
  if (!g_key_file_has_key (file, group, key, NULL))
    return g_strdup ("");
  value = g_key_file_get_string (file, group, key, &error);
  if (error != NULL)
    {
      complain (k->wrong, "[%s] %s: %s", group, key, error->message);
      return g_strdup ("");
    }
  for (const char *p = value; *p != '\0'; p = g_utf8_next_char (p))
    if (g_unichar_iscntrl (g_utf8_get_char (p)))
      {
        complain (k->wrong, "[%s] %s: the value has a control character", group, key);
        return g_strdup ("");
      }
  return g_strdup (g_strstrip (value));
}

static guint
number_of (GKeyFile *file, KitKeyfile *k, const char *group, const char *key, gint64 min, gint64 max)
{
  g_autofree char *text = text_of (file, k, group, key);
  g_autoptr (GError) error = NULL;
  gint64 value = 0;
  if (*text != '\0' && !g_ascii_string_to_signed (text, 10, min, max, &value, &error))
    complain (k->wrong, "[%s] %s: %s", group, key, error->message);
  return (guint) value;
}

static guint
bits_of (GKeyFile *file, KitKeyfile *k, const char *group, const char *key, const Word *table)
{
  g_autofree char *text = text_of (file, k, group, key);
  g_auto (GStrv) words = g_strsplit (text, ";", -1);
  guint bits = 0;
  for (char **word = words; *word != NULL; word++)
    {
      const Word *known = table;
      g_strstrip (*word);
      while (known->word != NULL && strcmp (known->word, *word) != 0)
        known++;
      if (known->word != NULL)
        bits |= known->value;
      else if (**word != '\0')
        complain (k->wrong, "[%s] %s: \"%s\" is not one of its words", group, key, *word);
    }
  return bits;
}

static void
read_mech (GKeyFile *file, KitKeyfile *k, const char *group, const char *name)
{
  KitMechWords *mech = g_new0 (KitMechWords, 1);
  g_autofree char *exposure = text_of (file, k, group, "Exposure");
  const Word *known = exposures;
  mech->name = g_strdup (name);
  g_ptr_array_add (k->mechs, mech);
  if (!kit_mech_name_valid (name))
    complain (k->wrong, "[%s]: not a mechanism name (1 to 20 of A-Z 0-9 - _)", group);
  while (known->word != NULL && strcmp (known->word, exposure) != 0)
    known++;
  if (known->word == NULL)
    complain (k->wrong, "[%s] Exposure: %s", group, *exposure == '\0' ? "missing" : "not one of its words");
  mech->strength.exposure = (uint16_t) known->value;
  mech->strength.traits = (uint16_t) bits_of (file, k, group, "Traits", traits);
  mech->strength.hash_bits = (uint16_t) number_of (file, k, group, "Hash", 0, G_MAXUINT16);
  mech->strength.ssf = (uint16_t) number_of (file, k, group, "Ssf", 0, G_MAXUINT16);
  mech->needs = bits_of (file, k, group, "Needs", needs);
  mech->flags = bits_of (file, k, group, "Flags", flags);
  number_of (file, k, group, "Rank", -1000000, 1000000);
}

static void
read_transport (GKeyFile *file, KitKeyfile *k, const char *group, const char *name)
{
  KitTransportWords *transport = g_new0 (KitTransportWords, 1);
  guint role = bits_of (file, k, group, "Roles", roles);
  transport->name = g_strdup (name);
  g_ptr_array_add (k->transports, transport);
  if (!kit_stem_valid (name))
    complain (k->wrong, "[%s]: not a transport name ([a-z][a-z0-9_]{0,31})", group);
  if (role != 1 && role != 2)
    complain (k->wrong, "[%s] Roles: must be either \"open\" or \"wrap\"", group);
  transport->opens = (role & 1) != 0;
  transport->wraps = (role & 2) != 0;
  transport->bindings = bits_of (file, k, group, "Bindings", bindings);
  number_of (file, k, group, "Rank", -1000000, 1000000);
}

static void
check_keys (GKeyFile *file, KitKeyfile *k, const char *group, const char *const *known)
{
  g_auto (GStrv) keys = g_key_file_get_keys (file, group, NULL, NULL);
  for (char **key = keys; key != NULL && *key != NULL; key++)
    if (!g_strv_contains (known, *key) && !g_str_has_prefix (*key, "X-") && !g_str_has_prefix (*key, "Description["))
      complain (k->unknown, "[%s] %s: there is no such key", group, *key);
}

static void
read_group (GKeyFile *file, KitKeyfile *k, const char *group)
{
  static const char mech[] = "Mechanism ", transport[] = "Transport ";
  if (g_str_has_prefix (group, mech))
    {
      read_mech (file, k, group, group + sizeof mech - 1);
      check_keys (file, k, group, mech_keys);
    }
  else if (g_str_has_prefix (group, transport))
    {
      read_transport (file, k, group, group + sizeof transport - 1);
      check_keys (file, k, group, transport_keys);
    }
  else if (strcmp (group, "Plugin") == 0)
    check_keys (file, k, group, plugin_keys);
  else if (!g_str_has_prefix (group, "X-"))
    complain (k->unknown, "[%s]: there is no such section", group);
}

KitKeyfile *
kit_keyfile_read (const char *path, GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autofree char *data = NULL;
  gsize size = 0;
  if (!g_file_get_contents (path, &data, &size, error))
    return NULL;
  if (size > SIZE_MAX_OCTETS || !g_utf8_validate_len (data, size, NULL))
    {
      g_set_error (error, VEREDA_KIT_ERROR, VEREDA_KIT_ERROR_FILE, "%s",
                   size > SIZE_MAX_OCTETS ? "it is larger than 65536 octets" : "it is not UTF-8 text");
      return NULL;
    }
  if (!g_key_file_load_from_data (file, data, size, G_KEY_FILE_NONE, error))
    return NULL;
  KitKeyfile *k = g_new0 (KitKeyfile, 1);
  k->mechs = g_ptr_array_new_with_free_func (mech_free);
  k->transports = g_ptr_array_new_with_free_func (transport_free);
  k->wrong = g_ptr_array_new_with_free_func (g_free);
  k->unknown = g_ptr_array_new_with_free_func (g_free);
  if (!g_key_file_has_group (file, "Plugin"))
    complain (k->wrong, "[Plugin]: this section is missing");
  k->abi = text_of (file, k, "Plugin", "Abi");
  k->name = text_of (file, k, "Plugin", "Name");
  k->version = text_of (file, k, "Plugin", "Version");
  k->license = text_of (file, k, "Plugin", "License");
  g_auto (GStrv) groups = g_key_file_get_groups (file, NULL);
  for (char **group = groups; *group != NULL; group++)
    read_group (file, k, *group);
  if (k->mechs->len == 0 && k->transports->len == 0)
    complain (k->wrong, "there is neither a [Mechanism NAME] nor a [Transport NAME] section");
  return k;
}

const KitMechWords *
kit_keyfile_mech (const KitKeyfile *keyfile, const char *name)
{
  for (guint i = 0; i < keyfile->mechs->len; i++)
    if (strcmp (((KitMechWords *) keyfile->mechs->pdata[i])->name, name) == 0)
      return keyfile->mechs->pdata[i];
  return NULL;
}

const KitTransportWords *
kit_keyfile_transport (const KitKeyfile *keyfile, const char *name)
{
  for (guint i = 0; i < keyfile->transports->len; i++)
    if (strcmp (((KitTransportWords *) keyfile->transports->pdata[i])->name, name) == 0)
      return keyfile->transports->pdata[i];
  return NULL;
}
