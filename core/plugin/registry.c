/* SPDX-License-Identifier: MIT */
/* registry - making registries, and the public view of them.
 *
 * Touches directories and keyfiles while one is made, nothing afterwards.  Only a path that is not absolute is an error;
 * everything else that is wrong with a plugin is told with the plugin. */
#include "core/plugin/registry.h"

#include <pthread.h>

#include "core/base/error.h"
#include "core/plugin/discover.h"
#include "core/plugin/entry.h"
#include "core/plugin/environment.h"
#include "vereda-config.h"

struct VeredaRegistry
{
  gint refs;
  char **dirs;
  char *override_dir;  /* NULL: none */
  GPtrArray *records;  /* VdRecord */
  GPtrArray *warnings; /* char *, NULL-ended */
  GPtrArray *entries;  /* VeredaRegistryEntry, once somebody asks; atomic: see entries_of() */
};

VeredaRegistry *
vd_registry_new (const VdRegistrySetup *setup)
{
  VeredaRegistry *registry = g_new0 (VeredaRegistry, 1);
  registry->refs = 1;
  registry->dirs = g_strdupv ((char **) setup->dirs);
  registry->override_dir = g_strdup (setup->override_dir);
  registry->records = g_ptr_array_new_with_free_func ((GDestroyNotify) vd_record_free);
  registry->warnings = g_ptr_array_new_with_free_func (g_free);
  for (char **dir = registry->dirs; *dir != NULL; dir++)
    vd_discover_dir (*dir, registry->records, registry->warnings);
  if (setup->override_dir != NULL)
    vd_discover_overrides (setup->override_dir, registry->records, registry->warnings);
  if (setup->ranks != NULL)
    vd_discover_ranks (setup->ranks, registry->records, registry->warnings);
  g_ptr_array_add (registry->warnings, NULL);
  return registry;
}

/* The rows are for people who look: who only sends needs none of their words.  From any thread. */
static GPtrArray *
entries_of (VeredaRegistry *registry)
{
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* and not GOnce, into which ThreadSanitizer cannot see */
  if (g_atomic_pointer_get (&registry->entries) == NULL)
    {
      pthread_mutex_lock (&lock);
      if (registry->entries == NULL)
        g_atomic_pointer_set (&registry->entries, vd_entries_new (registry->records));
      pthread_mutex_unlock (&lock);
    }
  return g_atomic_pointer_get (&registry->entries);
}

VeredaRegistry *
vereda_registry_ref (VeredaRegistry *registry)
{
  g_atomic_int_inc (&registry->refs);
  return registry;
}

void
vereda_registry_unref (VeredaRegistry *registry)
{
  if (registry == NULL || !g_atomic_int_dec_and_test (&registry->refs))
    return;
  if (registry->entries != NULL)
    g_ptr_array_unref (registry->entries);
  g_ptr_array_unref (registry->records);
  g_ptr_array_unref (registry->warnings);
  g_strfreev (registry->dirs);
  g_free (registry->override_dir);
  g_free (registry);
}

VeredaRegistry *
vereda_registry_new_from_dirs (const char *const *dirs, GError **error)
{
  for (gsize i = 0; dirs[i] != NULL; i++)
    if (!g_path_is_absolute (dirs[i]))
      {
        g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION, "plugin directory \"%s\": give an absolute path", dirs[i]);
        return NULL;
      }
  VdRegistrySetup setup = { dirs, VEREDA_OVERRIDEDIR, vd_environment_get ("VEREDA_RANK") };
  return vd_registry_new (&setup);
}

/* VEREDA_PLUGIN_PATH or the compiled directory.  A relative directory would let the current one choose the code. */
static char **
default_dirs (GPtrArray *warnings)
{
  g_autoptr (GStrvBuilder) dirs = g_strv_builder_new ();
  const char *path = vd_environment_get ("VEREDA_PLUGIN_PATH");
  g_auto (GStrv) items = g_strsplit (path != NULL ? path : VEREDA_PLUGINDIR, path != NULL ? ":" : "\n", -1);
  for (char **item = items; *item != NULL; item++)
    {
      if (g_path_is_absolute (*item))
        g_strv_builder_add (dirs, *item);
      else if (**item != '\0')
        g_ptr_array_add (warnings, g_strdup_printf ("VEREDA_PLUGIN_PATH: \"%s\" is not an absolute path; not searched", *item));
    }
  return g_strv_builder_end (dirs);
}

static VeredaRegistry *default_registry;

static void
make_default (void)
{
  g_autoptr (GPtrArray) warnings = g_ptr_array_new ();
  g_auto (GStrv) dirs = default_dirs (warnings);
  VdRegistrySetup setup = { (const char *const *) dirs, VEREDA_OVERRIDEDIR, vd_environment_get ("VEREDA_RANK") };
  default_registry = vd_registry_new (&setup);
  for (guint i = 0; i < warnings->len; i++)
    g_ptr_array_insert (default_registry->warnings, (gint) i, warnings->pdata[i]);
}

VeredaRegistry *
vereda_registry_get_default (void)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once (&once, make_default);
  return default_registry;
}

GPtrArray *
vd_registry_records (VeredaRegistry *registry)
{
  return registry->records;
}

const char *const *
vereda_registry_get_directories (VeredaRegistry *registry)
{
  return (const char *const *) registry->dirs;
}

const char *
vereda_registry_get_override_directory (VeredaRegistry *registry)
{
  return registry->override_dir;
}

const char *const *
vereda_registry_get_warnings (VeredaRegistry *registry)
{
  return (const char *const *) registry->warnings->pdata;
}

guint
vereda_registry_get_n_entries (VeredaRegistry *registry)
{
  return entries_of (registry)->len;
}

VeredaRegistryEntry *
vereda_registry_get_entry (VeredaRegistry *registry, guint index)
{
  GPtrArray *entries = entries_of (registry);
  return index < entries->len ? entries->pdata[index] : NULL;
}

gboolean
vereda_registry_load_entry (VeredaRegistry *registry, VeredaRegistryEntry *entry, GError **error)
{
  return vd_entry_load (entry, error);
}
