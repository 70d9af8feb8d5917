/* SPDX-License-Identifier: MIT */
/* module - opening a module, and its descriptor against the header and the keyfile.
 *
 * Opens as the library does: full path, local binding, all symbols at once, never closed.  No member of a descriptor is read before
 * struct_size has vouched for it. */
#include <gmodule.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "kit/groups.h"

#define MECH_SIZE_1_0      (offsetof (VeredaMech, clear) + sizeof (((VeredaMech *) 0)->clear))
#define TRANSPORT_SIZE_1_0 (offsetof (VeredaTransport, clear) + sizeof (((VeredaTransport *) 0)->clear))
#define PLUGIN_SIZE_1_0    (offsetof (VeredaPlugin, init) + sizeof (((VeredaPlugin *) 0)->init))
#define INSTANCE_MAX       (1u << 20)

G_GNUC_PRINTF (3, 4)
static void
host_debug (void *self, const char *topic, const char *format, ...)
{
}

static gboolean
host_random (void *self, void *buf, size_t size, GError **error)
{
  for (size_t done = 0; done < size;)
    {
      ssize_t n = getrandom ((char *) buf + done, size - done, 0);
      if (n > 0)
        done += (size_t) n;
    }
  return TRUE;
}

const VeredaHost *
kit_host (void)
{
  static const VeredaHost host = { .struct_size = sizeof (VeredaHost), .debug = host_debug, .random = host_random };
  return &host;
}

static char *
stem_of (const char *path)
{
  char *stem = g_path_get_basename (path);
  if (g_str_has_suffix (stem, ".so"))
    stem[strlen (stem) - 3] = '\0';
  return stem;
}

const VeredaPlugin *
kit_module_query (const char *path, GError **error)
{
  g_autoptr (GError) cause = NULL;
  g_autofree char *stem = stem_of (path);
  g_autofree char *symbol = g_strdup_printf ("vereda%u_%s_query", VEREDA_PLUGIN_ABI, stem);
  gpointer query = NULL;
  GModule *module = g_module_open_full (path, G_MODULE_BIND_LOCAL, &cause);
  if (module == NULL)
    {
      g_set_error (error, VEREDA_KIT_ERROR, VEREDA_KIT_ERROR_LOAD, "the module cannot be opened: %s", cause->message);
      return NULL;
    }
  g_module_make_resident (module);
  if (!g_module_symbol (module, symbol, &query) || query == NULL)
    {
      g_set_error (error, VEREDA_KIT_ERROR, VEREDA_KIT_ERROR_LOAD, "the module has no symbol %s", symbol);
      return NULL;
    }
  const VeredaPlugin *plugin = ((VeredaPluginQueryFunc) query) ();
  if (plugin == NULL)
    g_set_error (error, VEREDA_KIT_ERROR, VEREDA_KIT_ERROR_LOAD, "%s returned NULL", symbol);
  return plugin;
}

const VeredaPlugin *
vereda_kit_load (const char *module, GError **error)
{
  static GHashTable *loaded; /* descriptors whose init was called */
  g_autofree char *path = g_canonicalize_filename (module, NULL);
  const VeredaPlugin *plugin = kit_module_query (path, error);
  if (plugin == NULL)
    return NULL;
  if (loaded == NULL)
    loaded = g_hash_table_new (NULL, NULL);
  if (g_hash_table_contains (loaded, plugin))
    return plugin;
  if (plugin->init != NULL && !plugin->init (kit_host (), error))
    {
      if (error != NULL && *error == NULL)
        g_set_error_literal (error, VEREDA_KIT_ERROR, VEREDA_KIT_ERROR_LOAD, "init failed and did not say why");
      return NULL;
    }
  g_hash_table_add (loaded, (gpointer) plugin);
  return plugin;
}

/* --- the descriptor --- */

static gboolean
check_size (KitContext *kit, const char *what, const char *name, guint32 size, gsize least)
{
  kit_begin (kit, "descriptor.size", "");
  if (size >= least)
    return TRUE;
  kit_fail (kit, "%s%s%s: struct_size is %u, and the members of version 1.0 alone take %" G_GSIZE_FORMAT, what,
            *name != '\0' ? " " : "", name, size, least);
  return FALSE;
}

static void
check_instance (KitContext *kit, const char *id, const char *name, guint32 size, gsize least)
{
  kit_begin (kit, id, name);
  kit_expect (kit, size >= least, "instance_size is %u, less than the %" G_GSIZE_FORMAT " of the first member", size, least);
  kit_expect (kit, size <= INSTANCE_MAX, "instance_size is %u; the library allocates up to %u", size, INSTANCE_MAX);
}

static void
compare_mech (KitContext *kit, const VeredaMech *mech, const KitMechWords *words)
{
  const VeredaStrength *a = &mech->strength, *b = &words->strength;
  kit_begin (kit, "mech.strength", mech->name);
  kit_expect (kit, a->exposure == b->exposure, "exposure is %u in the module and %u by the keyfile", a->exposure, b->exposure);
  kit_expect (kit, a->traits == b->traits, "traits is 0x%04x in the module and 0x%04x by the keyfile", a->traits, b->traits);
  kit_expect (kit, a->hash_bits == b->hash_bits, "hash_bits is %u in the module and %u by the keyfile", a->hash_bits,
              b->hash_bits);
  kit_expect (kit, a->ssf == b->ssf, "ssf is %u in the module and %u by the keyfile", a->ssf, b->ssf);
  kit_begin (kit, "mech.needs", mech->name);
  kit_expect (kit, mech->needs == words->needs, "needs is 0x%x in the module and 0x%x by the keyfile", mech->needs,
              words->needs);
  kit_begin (kit, "mech.flags", mech->name);
  kit_expect (kit, mech->flags == words->flags, "flags is 0x%x in the module and 0x%x by the keyfile", mech->flags,
              words->flags);
}

/* FALSE: it cannot be driven. */
static gboolean
check_mech (KitContext *kit, const VeredaMech *mech, const KitKeyfile *keyfile, GHashTable *seen)
{
  kit_doing (kit, "reading the descriptor of a mechanism");
  if (!check_size (kit, "a mechanism", "", mech->struct_size, MECH_SIZE_1_0))
    return FALSE;
  kit_begin (kit, "mech.name", "");
  if (mech->name == NULL || !kit_mech_name_valid (mech->name))
    {
      kit_fail (kit, "\"%s\" is not a mechanism name", mech->name != NULL ? mech->name : "(NULL)");
      return FALSE;
    }
  kit_begin (kit, "mech.list", "");
  kit_expect (kit, g_hash_table_add (seen, (gpointer) mech->name), "the module has mechanism %s twice", mech->name);
  const KitMechWords *words = keyfile != NULL ? kit_keyfile_mech (keyfile, mech->name) : NULL;
  kit_expect (kit, keyfile == NULL || words != NULL, "the module has mechanism %s, which the keyfile does not name",
              mech->name);
  check_instance (kit, "mech.instance", mech->name, mech->instance_size, sizeof (VeredaAuth));
  kit_begin (kit, "mech.functions", mech->name);
  kit_expect (kit, mech->step != NULL, "step is NULL");
  if (words != NULL)
    compare_mech (kit, mech, words);
  return mech->step != NULL && mech->instance_size >= sizeof (VeredaAuth) && mech->instance_size <= INSTANCE_MAX;
}

static gboolean
check_transport (KitContext *kit, const VeredaTransport *t, const KitKeyfile *keyfile, GHashTable *seen)
{
  kit_doing (kit, "reading the descriptor of a transport");
  if (!check_size (kit, "a transport", "", t->struct_size, TRANSPORT_SIZE_1_0))
    return FALSE;
  kit_begin (kit, "transport.name", "");
  if (t->name == NULL || !kit_stem_valid (t->name))
    {
      kit_fail (kit, "\"%s\" is not a transport name", t->name != NULL ? t->name : "(NULL)");
      return FALSE;
    }
  kit_begin (kit, "transport.list", "");
  kit_expect (kit, g_hash_table_add (seen, (gpointer) t->name), "the module has transport %s twice", t->name);
  const KitTransportWords *words = keyfile != NULL ? kit_keyfile_transport (keyfile, t->name) : NULL;
  kit_expect (kit, keyfile == NULL || words != NULL, "the module has transport %s, which the keyfile does not name", t->name);
  check_instance (kit, "transport.instance", t->name, t->instance_size, sizeof (VeredaLayer));
  kit_begin (kit, "transport.functions", t->name);
  kit_expect (kit, (t->open == NULL) != (t->wrap == NULL), "%s of open and wrap is set", t->open == NULL ? "none" : "each");
  kit_expect (kit, t->read != NULL && t->writev != NULL && t->clear != NULL, "%s is NULL",
              t->read == NULL ? "read" : (t->writev == NULL ? "writev" : "clear"));
  if (words != NULL)
    {
      kit_begin (kit, "transport.role", t->name);
      kit_expect (kit, words->opens == (t->open != NULL) && words->wraps == (t->wrap != NULL),
                  "the module has %s, but the keyfile says Roles=%s", t->open != NULL ? "open" : "wrap",
                  words->opens ? "open" : "wrap");
      kit_begin (kit, "transport.bindings", t->name);
      kit_expect (kit, words->bindings == 0 || t->binding != NULL, "the keyfile names channel bindings, but binding is NULL");
    }
  return (t->open == NULL) != (t->wrap == NULL) && t->read != NULL && t->writev != NULL && t->clear != NULL
         && t->instance_size >= sizeof (VeredaLayer) && t->instance_size <= INSTANCE_MAX;
}

static void
check_lists (KitContext *kit, const VeredaPlugin *plugin, const KitKeyfile *keyfile)
{
  g_autoptr (GHashTable) mechs = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) transports = g_hash_table_new (g_str_hash, g_str_equal);
  guint n_mechs = 0, n_transports = 0;
  for (; plugin->mechs != NULL && plugin->mechs[n_mechs] != NULL; n_mechs++)
    kit_tell (kit, "mechanism", check_mech (kit, plugin->mechs[n_mechs], keyfile, mechs) ? plugin->mechs[n_mechs]->name : "");
  for (; plugin->transports != NULL && plugin->transports[n_transports] != NULL; n_transports++)
    {
      const VeredaTransport *t = plugin->transports[n_transports];
      gboolean good = check_transport (kit, t, keyfile, transports);
      kit_tell (kit, !good ? "transport" : (t->open != NULL ? "bottom" : "wrapper"), good ? t->name : "");
    }
  if (keyfile == NULL)
    return;
  kit_begin (kit, "mech.list", "");
  for (guint i = 0; i < keyfile->mechs->len; i++)
    {
      const char *name = ((KitMechWords *) keyfile->mechs->pdata[i])->name;
      kit_expect (kit, g_hash_table_contains (mechs, name), "the keyfile names mechanism %s, which the module does not have",
                  name);
    }
  kit_begin (kit, "transport.list", "");
  for (guint i = 0; i < keyfile->transports->len; i++)
    {
      const char *name = ((KitTransportWords *) keyfile->transports->pdata[i])->name;
      kit_expect (kit, g_hash_table_contains (transports, name),
                  "the keyfile names transport %s, which the module does not have", name);
    }
}

static void
check_init (KitContext *kit, const VeredaPlugin *plugin)
{
  g_autoptr (GError) error = NULL;
  kit_begin (kit, "load.init", "");
  kit_doing (kit, "init");
  gboolean good = plugin->init == NULL || plugin->init (kit_host (), &error);
  if (!good)
    kit_fail (kit, "init failed%s%s", error != NULL ? ": " : " and did not say why", error != NULL ? error->message : "");
  else if (error != NULL)
    kit_fail (kit, "init returned TRUE and set an error: %s", error->message);
  kit_tell (kit, "init", good ? "good" : "");
}

static void
check_words (KitContext *kit, const VeredaPlugin *plugin, const KitTarget *target, const KitKeyfile *keyfile)
{
  kit_begin (kit, "descriptor.name", "");
  kit_expect (kit, g_strcmp0 (plugin->name, target->stem) == 0, "the module calls itself \"%s\", its file \"%s\"",
              plugin->name != NULL ? plugin->name : "", target->stem);
  kit_begin (kit, "descriptor.version", "");
  kit_expect (kit, plugin->version != NULL && *plugin->version != '\0', "the descriptor has no version");
  kit_expect (kit, keyfile == NULL || g_strcmp0 (plugin->version, keyfile->version) == 0,
              "the version is \"%s\" in the module and \"%s\" in the keyfile", plugin->version, keyfile->version);
  kit_begin (kit, "descriptor.license", "");
  kit_expect (kit, plugin->license != NULL && *plugin->license != '\0', "the descriptor has no licence");
  kit_expect (kit, keyfile == NULL || g_strcmp0 (plugin->license, keyfile->license) == 0,
              "the licence is \"%s\" in the module and \"%s\" in the keyfile", plugin->license, keyfile->license);
}

void
kit_group_descriptor (KitContext *kit, gpointer data)
{
  const KitTarget *target = data;
  g_autoptr (KitKeyfile) keyfile = kit_keyfile_read (target->keyfile_path, NULL);
  g_autoptr (GError) error = NULL;
  kit_begin (kit, "load.open", "");
  kit_doing (kit, "opening the module");
  const VeredaPlugin *plugin = kit_module_query (target->path, &error);
  if (plugin == NULL)
    {
      if (g_str_has_suffix (error->message, "returned NULL"))
        kit_begin (kit, "load.query", "");
      kit_fail (kit, "%s", error->message);
      return;
    }
  kit_begin (kit, "load.query", "");
  kit_doing (kit, "reading the descriptor");
  if (!check_size (kit, "the plugin", "", plugin->struct_size, PLUGIN_SIZE_1_0))
    return;
  kit_begin (kit, "descriptor.abi", "");
  if (plugin->abi != VEREDA_PLUGIN_ABI)
    {
      kit_fail (kit, "the module is for interface %u, this kit for %u", plugin->abi, VEREDA_PLUGIN_ABI);
      return;
    }
  check_words (kit, plugin, target, keyfile);
  check_lists (kit, plugin, keyfile);
  check_init (kit, plugin);
}

const VeredaPlugin *
kit_target_load (KitContext *kit, const KitTarget *target)
{
  g_autoptr (GError) error = NULL;
  kit_doing (kit, "loading the module once more");
  const VeredaPlugin *plugin = vereda_kit_load (target->path, &error);
  if (plugin == NULL)
    {
      kit_begin (kit, "load.init", "");
      kit_fail (kit, "a second process could not load what the first one could: %s", error->message);
      _exit (0);
    }
  return plugin;
}

const VeredaMech *
kit_target_mech (KitContext *kit, const KitTarget *target)
{
  return kit_target_load (kit, target)->mechs[target->index];
}

const VeredaTransport *
kit_target_transport (KitContext *kit, const KitTarget *target)
{
  return kit_target_load (kit, target)->transports[target->index];
}
