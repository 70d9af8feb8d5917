/* SPDX-License-Identifier: MIT */
/* names - see names.h.  Everything is the reactor's thread's. */
#include "core/net/names.h"

/* Names kept at most; more come only with servers by the hundred, and those that are known then are looked up again. */
#define NAMES_MAX 256

typedef struct
{
  char *key;
  VdNames *names;
  VdResolve *resolve;   /* under way; NULL: there is an answer, or none was sought */
  GPtrArray *endpoints; /* NULL: none */
  gint64 until;
  GQueue waits; /* of VdNamesWait, by its link */
} Entry;

struct VdNamesWait
{
  GList link;
  Entry *entry;
  GPtrArray *ready; /* the answer that was there already; NULL: it is awaited */
  VdReactor *reactor;
  VdResolvedFunc done;
  gpointer data;
};

struct VdNames
{
  VdReactor *reactor;
  gint64 keep_us;
  GHashTable *entries; /* by key */
};

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  g_warn_if_fail (g_queue_is_empty (&entry->waits));
  vd_resolve_cancel (entry->resolve);
  g_clear_pointer (&entry->endpoints, g_ptr_array_unref);
  g_free (entry->key);
  g_free (entry);
}

VdNames *
vd_names_new (VdReactor *reactor, gint64 keep_us)
{
  VdNames *names = g_new0 (VdNames, 1);

  names->reactor = reactor;
  names->keep_us = keep_us;
  names->entries = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, entry_free);
  return names;
}

void
vd_names_free (VdNames *names)
{
  if (names == NULL)
    return;
  g_hash_table_unref (names->entries);
  g_free (names);
}

/* ---- answers ---- */

static void
on_resolved (gpointer data, GPtrArray *endpoints, const GError *error)
{
  Entry *entry = data;
  GQueue waits = entry->waits; /* who asks again from within waits for another look-up */

  entry->resolve = NULL;
  g_queue_init (&entry->waits);
  entry->endpoints = endpoints != NULL ? g_ptr_array_ref (endpoints) : NULL;
  entry->until = vd_reactor_now (entry->names->reactor) + entry->names->keep_us;
  for (GList *l = waits.head; l != NULL; l = l->next)
    ((VdNamesWait *) l->data)->entry = NULL; /* cancelling one of them now must not look for it there */
  while (waits.head != NULL)
    {
      VdNamesWait *wait = g_queue_pop_head_link (&waits)->data;

      if (wait->done != NULL) /* else cancelled by one before it */
        wait->done (wait->data, endpoints, error);
      g_free (wait);
    }
}

static void
deliver_ready (gpointer data)
{
  VdNamesWait *wait = data;

  wait->done (wait->data, wait->ready, NULL);
  g_ptr_array_unref (wait->ready);
  g_free (wait);
}

/* ---- questions ---- */

static char *
key_of (const char *host, guint16 port, int family)
{
  return g_strdup_printf ("%d %u %s", family, port, host);
}

static Entry *
get_entry (VdNames *names, const char *host, guint16 port, int family)
{
  g_autofree char *key = key_of (host, port, family);
  Entry *entry = g_hash_table_lookup (names->entries, key);

  if (entry != NULL)
    return entry;
  entry = g_new0 (Entry, 1);
  entry->names = names;
  entry->key = g_steal_pointer (&key);
  g_hash_table_insert (names->entries, entry->key, entry);
  return entry;
}

static gboolean
is_unused (gpointer key, gpointer value, gpointer data)
{
  return ((Entry *) value)->resolve == NULL;
}

VdNamesWait *
vd_names_find (VdNames *names, const char *host, guint16 port, int family, VdResolvedFunc done, gpointer data)
{
  VdNamesWait *wait = g_new0 (VdNamesWait, 1);
  Entry *entry;

  g_return_val_if_fail (done != NULL, NULL);
  if (g_hash_table_size (names->entries) >= NAMES_MAX)
    g_hash_table_foreach_remove (names->entries, is_unused, NULL);
  entry = get_entry (names, host, port, family);
  wait->link.data = wait;
  wait->reactor = names->reactor;
  wait->done = done;
  wait->data = data;
  if (entry->resolve == NULL && entry->endpoints != NULL && entry->until > vd_reactor_now (names->reactor))
    {
      wait->ready = g_ptr_array_ref (entry->endpoints);
      vd_reactor_defer (names->reactor, deliver_ready, wait);
      return wait;
    }
  if (entry->resolve == NULL)
    {
      g_clear_pointer (&entry->endpoints, g_ptr_array_unref);
      entry->resolve = vd_resolve_start (names->reactor, host, port, family, on_resolved, entry);
    }
  wait->entry = entry;
  g_queue_push_tail_link (&entry->waits, &wait->link);
  return wait;
}

void
vd_names_cancel (VdNamesWait *wait)
{
  if (wait == NULL)
    return;
  if (wait->ready != NULL)
    {
      vd_reactor_undefer (wait->reactor, deliver_ready, wait);
      g_ptr_array_unref (wait->ready);
    }
  else if (wait->entry == NULL) /* its turn is about to come */
    {
      wait->done = NULL;
      return;
    }
  else
    g_queue_unlink (&wait->entry->waits, &wait->link);
  g_free (wait);
}

void
vd_names_forget (VdNames *names, const char *host, guint16 port, int family)
{
  g_autofree char *key = key_of (host, port, family);
  Entry *entry = g_hash_table_lookup (names->entries, key);

  if (entry != NULL)
    entry->until = 0;
}
