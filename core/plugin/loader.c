/* SPDX-License-Identifier: MIT */
/* loader - opening modules, the only place that does.
 *
 * Touches the dynamic linker and, before it, the file checks of trust.c.  Every step that fails has a message of its own, kept
 * in the record.  Modules are never closed: a plugin that registered a quark, a type or an exit handler would leave
 * pointers into unmapped memory.  Local binding, so that plugins cannot see each other's symbols; bound at once, so that a
 * missing symbol shows here and not in the middle of an exchange. */
#include "core/plugin/loader.h"

#include <gmodule.h>
#include <pthread.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/plugin/check.h"
#include "core/plugin/exports.h"
#include "core/plugin/host.h"
#include "core/plugin/trust.h"

/* One per module and process, however many registries name it: init() runs once. */
typedef struct
{
  GModule *module;
  char *stem;
  gboolean init_tried;
  gboolean init_ok;
  char *init_message;
} Module;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static GPtrArray *modules; /* Module, in the order of opening */

/* The module's file, checked, as close to its opening as a path allows; its directory is writable by us or root only, so nobody
 * else can exchange it in between. */
static gboolean
check_file (const VdRecord *record, GError **error)
{
  g_autofree char *name = g_path_get_basename (record->module_path);
  int dir_fd = vd_trust_open_dir (record->dir, error);
  if (dir_fd < 0)
    return FALSE;
  int fd = vd_trust_open_file (dir_fd, record->dir, name, error);
  close (dir_fd);
  if (fd < 0)
    return FALSE;
  close (fd);
  return TRUE;
}

/* GModule gives the same handle for the same file, so the handle is the module's identity. */
static Module *
remember_module (GModule *handle, const char *stem)
{
  if (modules == NULL)
    modules = g_ptr_array_new ();
  for (guint i = 0; i < modules->len; i++)
    if (((Module *) modules->pdata[i])->module == handle)
      return modules->pdata[i];
  Module *module = g_new0 (Module, 1);
  module->module = handle;
  module->stem = g_strdup (stem);
  g_ptr_array_add (modules, module);
  return module;
}

static Module *
open_module (const VdRecord *record, GError **error)
{
  g_autoptr (GError) cause = NULL;
  if (!check_file (record, error))
    return NULL;
  GModule *handle = g_module_open_full (record->module_path, G_MODULE_BIND_LOCAL, &cause);
  if (handle == NULL)
    {
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN, "cannot open the module: %s", cause->message);
      return NULL;
    }
  g_module_make_resident (handle);
  return remember_module (handle, record->stem);
}

static const VeredaPlugin *
query_module (Module *module, const VdRecord *record, GError **error)
{
  g_autofree char *symbol = g_strdup_printf ("vereda%u_%s_query", VEREDA_PLUGIN_ABI, record->stem);
  gpointer address = NULL;
  if (!g_module_symbol (module->module, symbol, &address) || address == NULL)
    {
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN, "the module has no symbol %s", symbol);
      return NULL;
    }
  if (!vd_exports_check (address, record->stem, error))
    return NULL;
  VeredaPluginQueryFunc query = (VeredaPluginQueryFunc) address;
  const VeredaPlugin *plugin = query ();
  if (plugin == NULL)
    g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN, "%s returned NULL", symbol);
  return plugin;
}

static gboolean
init_module (Module *module, const VeredaPlugin *plugin, GError **error)
{
  if (!module->init_tried)
    {
      g_autoptr (GError) cause = NULL;
      module->init_tried = TRUE;
      module->init_ok = plugin->init == NULL || plugin->init (vd_host_get (), &cause);
      if (!module->init_ok)
        module->init_message = g_strdup (cause != NULL ? cause->message : "it did not say why");
    }
  if (!module->init_ok)
    g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN, "init failed: %s", module->init_message);
  return module->init_ok;
}

static const VeredaPlugin *
load (const VdRecord *record, GError **error)
{
  if (record->state != VD_RECORD_OK)
    {
      g_set_error_literal (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN, record->reason);
      return NULL;
    }
  Module *module = open_module (record, error);
  const VeredaPlugin *plugin = module != NULL ? query_module (module, record, error) : NULL;
  if (plugin == NULL || !vd_check_plugin (plugin, record->info, error) || !init_module (module, plugin, error))
    return NULL;
  return plugin;
}

const VeredaPlugin *
vd_loader_load (VdRecord *record, GError **error)
{
  pthread_mutex_lock (&lock);
  if (record->load == VD_LOAD_NOT_TRIED)
    {
      record->plugin = load (record, &record->failure);
      record->load = record->plugin != NULL ? VD_LOAD_DONE : VD_LOAD_FAILED;
      vd_error_prefix (&record->failure, "plugin \"%s\"", record->stem);
    }
  const VeredaPlugin *plugin = record->plugin;
  if (plugin == NULL)
    g_propagate_error (error, g_error_copy (record->failure));
  pthread_mutex_unlock (&lock);
  return plugin;
}

VdLoadState
vd_loader_state (VdRecord *record, const char **ret_reason)
{
  pthread_mutex_lock (&lock);
  VdLoadState state = record->load;
  if (ret_reason != NULL)
    *ret_reason = record->failure != NULL ? record->failure->message : NULL;
  pthread_mutex_unlock (&lock);
  return state;
}

char **
vd_loader_opened (void)
{
  g_autoptr (GStrvBuilder) stems = g_strv_builder_new ();
  pthread_mutex_lock (&lock);
  for (guint i = 0; modules != NULL && i < modules->len; i++)
    g_strv_builder_add (stems, ((Module *) modules->pdata[i])->stem);
  pthread_mutex_unlock (&lock);
  return g_strv_builder_end (stems);
}
