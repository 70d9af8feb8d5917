/* SPDX-License-Identifier: MIT */
/* entry - the rows of the public list of plugins: a transport in one mode, a mechanism, or a broken file.
 *
 * Everything but the state of loading is fixed when the row is made.  Cannot fail, but for loading. */
#include "core/plugin/entry.h"

#include <string.h>

#include "core/base/error.h"
#include "core/plugin/loader.h"
#include "core/plugin/mode.h"
#include "core/plugin/rank.h"
#include "core/plugin/words.h"

struct VeredaRegistryEntry
{
  VeredaEntryKind kind;
  VdRecord *record;
  guint number; /* place among the rows as they were made; the last thing that orders */
  char *name;
  VdMode mode;
  const VdTransportInfo *transport;
  const VdMechInfo *mech;
  char *strength_words;
  char **needs;
  char **flags;
};

static void
entry_free (gpointer data)
{
  VeredaRegistryEntry *entry = data;
  g_free (entry->name);
  g_free (entry->strength_words);
  g_strfreev (entry->needs);
  g_strfreev (entry->flags);
  g_free (entry);
}

static VeredaRegistryEntry *
entry_new (GPtrArray *entries, VeredaEntryKind kind, VdRecord *record, char *name)
{
  VeredaRegistryEntry *entry = g_new0 (VeredaRegistryEntry, 1);
  entry->kind = kind;
  entry->record = record;
  entry->name = name;
  entry->number = entries->len;
  g_ptr_array_add (entries, entry);
  return entry;
}

static void
add_transport (GPtrArray *entries, VdRecord *record, const VdTransportInfo *transport)
{
  static const VdMode wrap[] = { VD_MODE_IMPLICIT, VD_MODE_STARTTLS };
  static const VdMode open[] = { VD_MODE_PLAIN };
  gboolean wraps = transport->role == VD_ROLE_WRAP;
  for (gsize i = 0; i < (wraps ? G_N_ELEMENTS (wrap) : G_N_ELEMENTS (open)); i++)
    {
      VdMode mode = wraps ? wrap[i] : open[i];
      char *name = wraps ? g_strconcat (vd_mode_word (mode), "/", transport->name, NULL) : g_strdup (transport->name);
      VeredaRegistryEntry *entry = entry_new (entries, VEREDA_ENTRY_TRANSPORT, record, name);
      entry->mode = mode;
      entry->transport = transport;
      entry->needs = g_new0 (char *, 1);
      entry->flags = vd_words_of_bits (vd_words_bindings, transport->bindings);
    }
}

static void
add_mech (GPtrArray *entries, VdRecord *record, const VdMechInfo *mech)
{
  VeredaRegistryEntry *entry = entry_new (entries, VEREDA_ENTRY_MECHANISM, record, g_strdup (mech->name));
  entry->mech = mech;
  entry->strength_words = vd_strength_words (&mech->strength);
  entry->needs = vd_words_of_bits (vd_words_needs, mech->needs);
  entry->flags = vd_words_of_bits (vd_words_flags, mech->flags);
}

static int
compare_transports (const VeredaRegistryEntry *a, const VeredaRegistryEntry *b)
{
  if (a->mode != b->mode)
    return a->mode < b->mode ? -1 : 1;
  if (a->transport->rank != b->transport->rank)
    return a->transport->rank > b->transport->rank ? -1 : 1;
  return strcmp (a->transport->name, b->transport->name);
}

static int
compare_mechs (const VeredaRegistryEntry *a, const VeredaRegistryEntry *b)
{
  VdRankKey key_a = { VD_POSITION_NONE, a->mech->strength, a->mech->rank, a->mech->name, a->record->stem };
  VdRankKey key_b = { VD_POSITION_NONE, b->mech->strength, b->mech->rank, b->mech->name, b->record->stem };
  return vd_rank_compare (&key_a, &key_b);
}

static int
compare_entries (gconstpointer pa, gconstpointer pb)
{
  const VeredaRegistryEntry *a = *(const VeredaRegistryEntry *const *) pa;
  const VeredaRegistryEntry *b = *(const VeredaRegistryEntry *const *) pb;
  int order = 0;
  if (a->kind != b->kind)
    return a->kind < b->kind ? -1 : 1;
  if (a->kind == VEREDA_ENTRY_TRANSPORT)
    order = compare_transports (a, b);
  else if (a->kind == VEREDA_ENTRY_MECHANISM)
    order = compare_mechs (a, b);
  if (order == 0)
    order = a->number < b->number ? -1 : 1;
  return order;
}

GPtrArray *
vd_entries_new (GPtrArray *records)
{
  GPtrArray *entries = g_ptr_array_new_with_free_func (entry_free);
  for (guint i = 0; i < records->len; i++)
    {
      VdRecord *record = records->pdata[i];
      if (record->info == NULL)
        {
          VeredaRegistryEntry *entry = entry_new (entries, VEREDA_ENTRY_BROKEN, record, g_strdup (record->stem));
          entry->needs = g_new0 (char *, 1);
          entry->flags = g_new0 (char *, 1);
          continue;
        }
      for (guint k = 0; k < record->info->transports->len; k++)
        add_transport (entries, record, record->info->transports->pdata[k]);
      for (guint k = 0; k < record->info->mechs->len; k++)
        add_mech (entries, record, record->info->mechs->pdata[k]);
    }
  g_ptr_array_sort (entries, compare_entries);
  return entries;
}

/* Is this row switched off, though the plugin may not be? */
static gboolean
section_disabled (const VeredaRegistryEntry *entry)
{
  return (entry->mech != NULL && !entry->mech->enabled) || (entry->transport != NULL && !entry->transport->enabled);
}

static VeredaEntryState
entry_state (VeredaRegistryEntry *entry, const char **ret_reason)
{
  VdRecord *record = entry->record;
  const char *failure = NULL;
  *ret_reason = record->reason;
  if (record->state == VD_RECORD_BROKEN)
    return VEREDA_ENTRY_FAILED;
  if (record->state == VD_RECORD_SHADOWED)
    return VEREDA_ENTRY_SHADOWED;
  if (record->state == VD_RECORD_DISABLED)
    return VEREDA_ENTRY_DISABLED;
  if (section_disabled (entry))
    {
      *ret_reason = "switched off by the administrator";
      return VEREDA_ENTRY_DISABLED;
    }
  VdLoadState load = vd_loader_state (record, &failure);
  *ret_reason = failure;
  return load == VD_LOAD_FAILED ? VEREDA_ENTRY_FAILED : VEREDA_ENTRY_OK;
}

gboolean
vd_entry_load (VeredaRegistryEntry *entry, GError **error)
{
  const char *reason = NULL;
  VeredaEntryState state = entry_state (entry, &reason);
  if (state == VEREDA_ENTRY_OK)
    return vd_loader_load (entry->record, error) != NULL;
  if (vd_loader_state (entry->record, NULL) == VD_LOAD_FAILED && state == VEREDA_ENTRY_FAILED)
    g_set_error_literal (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN, reason);
  else
    g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN, "plugin \"%s\": %s", entry->record->stem, reason);
  return FALSE;
}

VeredaEntryKind
vereda_registry_entry_get_kind (VeredaRegistryEntry *entry)
{
  return entry->kind;
}

const char *
vereda_registry_entry_get_name (VeredaRegistryEntry *entry)
{
  return entry->name;
}

const char *
vereda_registry_entry_get_mode (VeredaRegistryEntry *entry)
{
  return entry->transport != NULL ? vd_mode_word (entry->mode) : NULL;
}

const char *
vereda_registry_entry_get_transport (VeredaRegistryEntry *entry)
{
  return entry->transport != NULL ? entry->transport->name : NULL;
}

const char *
vereda_registry_entry_get_stem (VeredaRegistryEntry *entry)
{
  return entry->record->stem;
}

VeredaEntryState
vereda_registry_entry_get_state (VeredaRegistryEntry *entry)
{
  const char *reason = NULL;
  return entry_state (entry, &reason);
}

const char *
vereda_registry_entry_get_reason (VeredaRegistryEntry *entry)
{
  const char *reason = NULL;
  entry_state (entry, &reason);
  return reason;
}

gboolean
vereda_registry_entry_is_loaded (VeredaRegistryEntry *entry)
{
  return vd_loader_state (entry->record, NULL) == VD_LOAD_DONE;
}

guint
vereda_registry_entry_get_strength (VeredaRegistryEntry *entry)
{
  return entry->mech != NULL ? vd_strength_number (&entry->mech->strength) : 0;
}

const char *
vereda_registry_entry_get_strength_words (VeredaRegistryEntry *entry)
{
  return entry->strength_words;
}

int
vereda_registry_entry_get_rank (VeredaRegistryEntry *entry)
{
  if (entry->mech != NULL)
    return entry->mech->rank;
  return entry->transport != NULL ? entry->transport->rank : 0;
}

const char *
vereda_registry_entry_get_file (VeredaRegistryEntry *entry)
{
  return entry->record->module_path;
}

const char *
vereda_registry_entry_get_keyfile (VeredaRegistryEntry *entry)
{
  return entry->record->keyfile_path;
}

guint
vereda_registry_entry_get_abi (VeredaRegistryEntry *entry)
{
  return entry->record->info != NULL ? entry->record->info->abi : 0;
}

const char *
vereda_registry_entry_get_version (VeredaRegistryEntry *entry)
{
  return entry->record->info != NULL ? entry->record->info->version : NULL;
}

const char *
vereda_registry_entry_get_license (VeredaRegistryEntry *entry)
{
  return entry->record->info != NULL ? entry->record->info->license : NULL;
}

const char *
vereda_registry_entry_get_description (VeredaRegistryEntry *entry)
{
  return entry->record->info != NULL ? entry->record->info->description : NULL;
}

const char *const *
vereda_registry_entry_get_needs (VeredaRegistryEntry *entry)
{
  return (const char *const *) entry->needs;
}

const char *const *
vereda_registry_entry_get_flags (VeredaRegistryEntry *entry)
{
  return (const char *const *) entry->flags;
}
