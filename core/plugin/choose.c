/* SPDX-License-Identifier: MIT */
/* choose - what core/send asks of a registry: which mechanisms in which order and why not the others, which transports, and
 * their vtables.
 *
 * Reads records; the vd_registry_load_* functions open modules and fail with the plugin's own reason. */
#include <string.h>

#include "core/base/error.h"
#include "core/base/trace.h"
#include "core/plugin/loader.h"
#include "core/plugin/mode.h"
#include "core/plugin/rank.h"
#include "core/plugin/registry.h"
#include "core/plugin/words.h"

static void
candidate_free (gpointer data)
{
  VdCandidate *candidate = data;
  g_free (candidate->mechanism);
  g_free (candidate->stem);
  g_free (candidate->text);
  g_free (candidate);
}

static void
settle (VdCandidate *candidate, VdAuthReason reason, char *text)
{
  candidate->reason = reason;
  candidate->usable = reason == VD_AUTH_USABLE;
  candidate->text = candidate->usable ? NULL : text;
  if (candidate->usable)
    g_free (text);
}

static void
judge (VdCandidate *candidate, const VdMechInfo *mech, const VdAuthPolicy *policy, const VdAuthContext *context)
{
  VdMechFacts facts = { mech->name, mech->strength, mech->needs, mech->flags };
  const char *failure = NULL;
  VdAuthReason reason = VD_AUTH_USABLE;
  if (!candidate->offered)
    reason = VD_AUTH_NOT_OFFERED;
  else if (candidate->record->state == VD_RECORD_DISABLED || !mech->enabled)
    reason = VD_AUTH_DISABLED;
  else if (candidate->record->state == VD_RECORD_BROKEN)
    failure = candidate->record->reason;
  else if (vd_loader_state (candidate->record, &failure) != VD_LOAD_FAILED)
    reason = vd_auth_policy_judge (policy, context, &facts);
  if (failure != NULL)
    settle (candidate, VD_AUTH_BROKEN, g_strdup_printf ("its plugin cannot be used: %s", failure));
  else
    settle (candidate, reason, vd_auth_reason_text (reason, policy, context, &facts));
}

/* The server's names, upper-case, to whether a plugin has them. */
static GHashTable *
offered_table (const char *const *offered)
{
  GHashTable *table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (; offered != NULL && *offered != NULL; offered++)
    g_hash_table_insert (table, g_ascii_strup (*offered, -1), GINT_TO_POINTER (FALSE));
  return table;
}

static void
add_mech (GPtrArray *candidates, VdRecord *record, const VdMechInfo *mech, GHashTable *offered, const VdAuthPolicy *policy,
          const VdAuthContext *context)
{
  VdCandidate *candidate = g_new0 (VdCandidate, 1);
  candidate->mechanism = g_strdup (mech->name);
  candidate->stem = g_strdup (record->stem);
  candidate->strength = mech->strength;
  candidate->needs = mech->needs;
  candidate->flags = mech->flags;
  candidate->rank = mech->rank;
  candidate->record = record;
  candidate->offered = g_hash_table_contains (offered, mech->name);
  if (candidate->offered)
    g_hash_table_insert (offered, g_strdup (mech->name), GINT_TO_POINTER (TRUE));
  judge (candidate, mech, policy, context);
  g_ptr_array_add (candidates, candidate);
}

/* What no plugin has, in the server's order and each once; the words are the server's, so they are made safe to show. */
static void
add_unknown (GPtrArray *candidates, const char *const *offered, GHashTable *table)
{
  for (; offered != NULL && *offered != NULL; offered++)
    {
      g_autofree char *upper = g_ascii_strup (*offered, -1);
      if (GPOINTER_TO_INT (g_hash_table_lookup (table, upper)))
        continue;
      g_hash_table_insert (table, g_strdup (upper), GINT_TO_POINTER (TRUE));
      VdCandidate *candidate = g_new0 (VdCandidate, 1);
      candidate->mechanism = vd_text_escape (upper, strlen (upper));
      candidate->offered = TRUE;
      settle (candidate, VD_AUTH_NO_PLUGIN, vd_auth_reason_text (VD_AUTH_NO_PLUGIN, NULL, NULL, NULL));
      g_ptr_array_add (candidates, candidate);
    }
}

static int
compare_candidates (gconstpointer pa, gconstpointer pb, gpointer data)
{
  const VdAuthPolicy *policy = data;
  const VdCandidate *a = *(const VdCandidate *const *) pa;
  const VdCandidate *b = *(const VdCandidate *const *) pb;
  VdRankKey key_a = { vd_auth_policy_position (policy, a->mechanism), a->strength, a->rank, a->mechanism, a->stem };
  VdRankKey key_b = { vd_auth_policy_position (policy, b->mechanism), b->strength, b->rank, b->mechanism, b->stem };
  return vd_rank_compare (&key_a, &key_b);
}

GPtrArray *
vd_registry_mechanisms (VeredaRegistry *registry, const char *const *offered, const VdAuthPolicy *policy,
                        const VdAuthContext *context)
{
  GPtrArray *records = vd_registry_records (registry);
  GPtrArray *candidates = g_ptr_array_new_with_free_func (candidate_free);
  g_autoptr (GHashTable) table = offered_table (offered);
  for (guint i = 0; i < records->len; i++)
    {
      VdRecord *record = records->pdata[i];
      if (record->info == NULL || record->state == VD_RECORD_SHADOWED)
        continue;
      for (guint k = 0; k < record->info->mechs->len; k++)
        add_mech (candidates, record, record->info->mechs->pdata[k], table, policy, context);
    }
  g_ptr_array_sort_with_data (candidates, compare_candidates, (gpointer) policy);
  add_unknown (candidates, offered, table);
  return candidates;
}

const VeredaMech *
vd_registry_load_mechanism (VeredaRegistry *registry, const VdCandidate *candidate, GError **error)
{
  if (candidate->record == NULL || candidate->reason == VD_AUTH_DISABLED)
    {
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN, "mechanism %s: %s", candidate->mechanism, candidate->text);
      return NULL;
    }
  const VeredaPlugin *plugin = vd_loader_load (candidate->record, error);
  for (gsize i = 0; plugin != NULL; i++) /* the loader saw that the module has what the keyfile names */
    if (strcmp (plugin->mechs[i]->name, candidate->mechanism) == 0)
      return plugin->mechs[i];
  return NULL;
}

/* A transport that may be used, and the plugin it comes from. */
typedef struct
{
  VdRecord *record;
  const VdTransportInfo *info;
} Offer;

static int
compare_offers (gconstpointer pa, gconstpointer pb)
{
  const Offer *a = pa;
  const Offer *b = pb;
  if (a->info->rank != b->info->rank)
    return a->info->rank > b->info->rank ? -1 : 1;
  int order = strcmp (a->info->name, b->info->name);
  return order != 0 ? order : strcmp (a->record->stem, b->record->stem);
}

/* Usable transports, best first; `name` and `role` restrict when not NULL and not 0. */
static GArray *
find_transports (VeredaRegistry *registry, const char *name, guint role)
{
  GPtrArray *records = vd_registry_records (registry);
  GArray *offers = g_array_new (FALSE, FALSE, sizeof (Offer));
  for (guint i = 0; i < records->len; i++)
    {
      VdRecord *record = records->pdata[i];
      for (guint k = 0; record->state == VD_RECORD_OK && k < record->info->transports->len; k++)
        {
          Offer offer = { record, record->info->transports->pdata[k] };
          if (offer.info->enabled && (name == NULL || strcmp (offer.info->name, name) == 0)
              && (role == 0 || offer.info->role == role))
            g_array_append_val (offers, offer);
        }
    }
  g_array_sort (offers, compare_offers);
  return offers;
}

/* Why there is no transport of that name: a plugin of that name that cannot be used says more than "none". */
static void
explain_missing (VeredaRegistry *registry, const char *name, GError **error)
{
  GPtrArray *records = vd_registry_records (registry);
  for (guint i = 0; i < records->len; i++)
    {
      VdRecord *record = records->pdata[i];
      if (strcmp (record->stem, name) == 0 && record->reason != NULL)
        {
          g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN, "transport %s: %s", name, record->reason);
          return;
        }
    }
  g_autofree char *shown = vd_text_escape (name, strlen (name));
  g_autofree char *dirs = g_strjoinv (", ", (char **) vereda_registry_get_directories (registry));
  g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN,
               "transport %s: no plugin for it is installed and enabled (searched %s)", shown,
               *dirs != '\0' ? dirs : "nowhere");
}

const VeredaTransport *
vd_registry_load_transport (VeredaRegistry *registry, const char *name, GError **error)
{
  g_autoptr (GArray) offers = find_transports (registry, name, 0);
  g_autoptr (GError) first = NULL;
  for (guint i = 0; i < offers->len; i++)
    {
      const VeredaPlugin *plugin = vd_loader_load (g_array_index (offers, Offer, i).record, first == NULL ? &first : NULL);
      for (gsize k = 0; plugin != NULL; k++)
        if (strcmp (plugin->transports[k]->name, name) == 0)
          return plugin->transports[k];
    }
  if (first != NULL)
    g_propagate_prefixed_error (error, g_steal_pointer (&first), "transport %s: ", name);
  else
    explain_missing (registry, name, error);
  return NULL;
}

GPtrArray *
vd_registry_wrappers (VeredaRegistry *registry)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GArray) offers = find_transports (registry, NULL, VD_ROLE_WRAP);
  for (guint i = 0; i < offers->len; i++)
    {
      Offer *offer = &g_array_index (offers, Offer, i);
      if (vd_loader_state (offer->record, NULL) != VD_LOAD_FAILED
          && !g_ptr_array_find_with_equal_func (names, offer->info->name, g_str_equal, NULL))
        g_ptr_array_add (names, g_strdup (offer->info->name));
    }
  return names;
}

GPtrArray *
vd_registry_modes (VeredaRegistry *registry)
{
  g_autoptr (GPtrArray) wrappers = vd_registry_wrappers (registry);
  g_autoptr (GArray) plain = find_transports (registry, "plain", VD_ROLE_OPEN);
  return vd_mode_table (wrappers, plain->len > 0);
}
