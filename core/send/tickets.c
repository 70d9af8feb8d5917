/* SPDX-License-Identifier: MIT */
/* tickets - see tickets.h.  Pure.  Cannot fail. */
#include "core/send/tickets.h"

#define KEYS_MAX 64
/* As many connections as are likely to be made anew at about the same time; a ticket more is no use and costs memory. */
#define EACH_MAX 8

typedef struct
{
  GBytes *session;
  gboolean once;
} Ticket;

struct VdTickets
{
  GHashTable *by_key; /* of GArray of Ticket, the newest last */
};

static void
ticket_clear (gpointer data)
{
  g_bytes_unref (((Ticket *) data)->session);
}

VdTickets *
vd_tickets_new (void)
{
  VdTickets *tickets = g_new0 (VdTickets, 1);

  tickets->by_key = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_array_unref);
  return tickets;
}

void
vd_tickets_free (VdTickets *tickets)
{
  if (tickets == NULL)
    return;
  g_hash_table_unref (tickets->by_key);
  g_free (tickets);
}

GBytes *
vd_tickets_take (VdTickets *tickets, const char *key)
{
  GArray *list = g_hash_table_lookup (tickets->by_key, key);
  Ticket *newest;
  GBytes *session;

  if (list == NULL || list->len == 0)
    return NULL;
  newest = &g_array_index (list, Ticket, list->len - 1);
  session = g_bytes_ref (newest->session);
  if (newest->once)
    g_array_set_size (list, list->len - 1);
  return session;
}

void
vd_tickets_put (VdTickets *tickets, const char *key, GBytes *session, gboolean once)
{
  GArray *list = g_hash_table_lookup (tickets->by_key, key);
  Ticket ticket = { g_bytes_ref (session), once };

  if (list == NULL)
    {
      if (g_hash_table_size (tickets->by_key) >= KEYS_MAX)
        g_hash_table_remove_all (tickets->by_key);
      list = g_array_new (FALSE, FALSE, sizeof (Ticket));
      g_array_set_clear_func (list, ticket_clear);
      g_hash_table_insert (tickets->by_key, g_strdup (key), list);
    }
  if (list->len >= (once ? EACH_MAX : 1))
    g_array_remove_index (list, 0);
  g_array_append_val (list, ticket);
}

void
vd_tickets_forget (VdTickets *tickets, const char *key)
{
  g_hash_table_remove (tickets->by_key, key);
}
