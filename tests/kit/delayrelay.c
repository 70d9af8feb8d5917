/* SPDX-License-Identifier: MIT */
/* delayrelay: see delayrelay.h.  One thread for all of it. */
#include "delayrelay.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loopback.h"

typedef struct
{
  gint64 due;
  GBytes *bytes; /* NULL: the end */
} Parcel;

typedef struct
{
  int from, to; /* -1: ended */
  GQueue parcels;
} Lane;

typedef struct
{
  int client, server; /* -1: not yet, or no more */
  gint64 began;
  Lane up, down;
} Pair;

struct KitDelay
{
  guint16 port, upstream;
  gint64 one_way;
  int listener, stop[2];
  GPtrArray *pairs;
  GThread *thread;
};

static void
parcel_free (gpointer data)
{
  Parcel *parcel = data;

  if (parcel->bytes != NULL)
    g_bytes_unref (parcel->bytes);
  g_free (parcel);
}

static void
pair_free (gpointer data)
{
  Pair *pair = data;

  if (pair->client >= 0)
    close (pair->client);
  if (pair->server >= 0)
    close (pair->server);
  g_queue_clear_full (&pair->up.parcels, parcel_free);
  g_queue_clear_full (&pair->down.parcels, parcel_free);
  g_free (pair);
}

static void
take_in (KitDelay *delay, Pair *pair, Lane *lane, gint64 now)
{
  guint8 octets[65536];
  gssize n = recv (lane->from, octets, sizeof octets, MSG_DONTWAIT);
  Parcel *parcel;

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  parcel = g_new0 (Parcel, 1);
  parcel->due = now + delay->one_way;
  if (lane == &pair->up) /* the server has no connection before one and a half round trips */
    parcel->due = MAX (parcel->due, pair->began + 3 * delay->one_way);
  if (n > 0)
    parcel->bytes = g_bytes_new (octets, (gsize) n);
  else
    lane->from = -1;
  g_queue_push_tail (&lane->parcels, parcel);
}

static void
give_out (Lane *lane, gint64 now)
{
  Parcel *parcel;

  while ((parcel = g_queue_peek_head (&lane->parcels)) != NULL && parcel->due <= now && lane->to >= 0)
    {
      g_queue_pop_head (&lane->parcels);
      if (parcel->bytes == NULL
          || !kit_loopback_send (lane->to, g_bytes_get_data (parcel->bytes, NULL), g_bytes_get_size (parcel->bytes)))
        {
          shutdown (lane->to, SHUT_WR);
          lane->to = -1;
        }
      parcel_free (parcel);
    }
}

static void
connect_server (KitDelay *delay, Pair *pair)
{
  pair->server = kit_loopback_connect (delay->upstream);
  pair->up.to = pair->down.from = pair->server;
}

static gint64
next_due (const KitDelay *delay, gint64 now)
{
  gint64 due = now + G_USEC_PER_SEC;

  for (guint i = 0; i < delay->pairs->len; i++)
    {
      const Pair *pair = g_ptr_array_index (delay->pairs, i);
      const Parcel *up = g_queue_peek_head ((GQueue *) &pair->up.parcels);
      const Parcel *down = g_queue_peek_head ((GQueue *) &pair->down.parcels);

      if (pair->server < 0)
        due = MIN (due, pair->began + 3 * delay->one_way);
      if (up != NULL && pair->up.to >= 0)
        due = MIN (due, up->due);
      if (down != NULL && pair->down.to >= 0)
        due = MIN (due, down->due);
    }
  return due;
}

static void
work (KitDelay *delay, const struct pollfd *fds)
{
  gint64 now = g_get_monotonic_time ();

  for (guint i = 0; i < delay->pairs->len; i++)
    {
      Pair *pair = g_ptr_array_index (delay->pairs, i);

      if (pair->server < 0 && now >= pair->began + 3 * delay->one_way)
        connect_server (delay, pair);
      if (pair->up.from >= 0 && fds[2 * i].revents != 0)
        take_in (delay, pair, &pair->up, now);
      if (pair->down.from >= 0 && fds[2 * i + 1].revents != 0)
        take_in (delay, pair, &pair->down, now);
      give_out (&pair->up, now);
      give_out (&pair->down, now);
    }
}

static gpointer
run (gpointer data)
{
  KitDelay *delay = data;

  for (;;)
    {
      guint n = 2 * delay->pairs->len;
      g_autofree struct pollfd *fds = g_new0 (struct pollfd, n + 2);
      gint64 now = g_get_monotonic_time (), due = next_due (delay, now);
      struct timespec wait = { 0, 1000 * CLAMP (due - now, 0, 999999) };

      for (guint i = 0; i < delay->pairs->len; i++)
        {
          const Pair *pair = g_ptr_array_index (delay->pairs, i);

          fds[2 * i] = (struct pollfd){ pair->up.from, POLLIN, 0 };
          fds[2 * i + 1] = (struct pollfd){ pair->down.from, POLLIN, 0 };
        }
      fds[n] = (struct pollfd){ delay->listener, POLLIN, 0 };
      fds[n + 1] = (struct pollfd){ delay->stop[0], POLLIN, 0 };
      ppoll (fds, n + 2, &wait, NULL);
      if (fds[n + 1].revents != 0)
        return NULL;
      work (delay, fds);
      if (fds[n].revents != 0)
        {
          Pair *pair = g_new0 (Pair, 1);

          pair->client = kit_loopback_accept (delay->listener);
          pair->server = pair->up.to = pair->down.from = -1;
          pair->up.from = pair->down.to = pair->client;
          pair->began = g_get_monotonic_time ();
          g_ptr_array_add (delay->pairs, pair);
        }
    }
}

KitDelay *
kit_delay_new (guint16 port, gint64 one_way)
{
  KitDelay *delay = g_new0 (KitDelay, 1);

  delay->upstream = port;
  delay->one_way = one_way;
  delay->pairs = g_ptr_array_new_with_free_func (pair_free);
  delay->listener = kit_loopback_listen (&delay->port);
  g_assert_no_errno (pipe (delay->stop));
  delay->thread = g_thread_new ("delay", run, delay);
  return delay;
}

guint16
kit_delay_port (KitDelay *delay)
{
  return delay->port;
}

void
kit_delay_free (KitDelay *delay)
{
  g_assert_cmpint (write (delay->stop[1], "x", 1), ==, 1);
  g_thread_join (delay->thread);
  close (delay->stop[0]);
  close (delay->stop[1]);
  close (delay->listener);
  g_ptr_array_unref (delay->pairs);
  g_free (delay);
}
