/* SPDX-License-Identifier: MIT */
/* relayhost: see relayhost.h.  A thread. */
#include "relayhost.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loopback.h"

struct KitHost
{
  const KitRelayRules *rules;
  KitRelayTruth *truth;
  guint64 hears, says;
  gboolean reset;
  gsize drip;
  guint16 port;
  int listener, stop[2];
  GPtrArray *relays; /* of KitRelay, one each connection */
  GThread *thread;
};

static gboolean
wait_for (KitHost *host, int fd)
{
  struct pollfd fds[] = { { fd, POLLIN, 0 }, { host->stop[0], POLLIN, 0 } };

  while (poll (fds, 2, -1) < 0)
    ;
  return fds[1].revents == 0;
}

static void
end (KitHost *host, int fd, gboolean reset)
{
  struct linger hard = { 1, 0 };

  if (reset)
    setsockopt (fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  else
    {
      /* What still comes is read over: else the end would be a reset, and might overtake what was said. */
      char rest[4096];
      struct pollfd more = { fd, POLLIN, 0 };

      shutdown (fd, SHUT_WR);
      while (poll (&more, 1, 200) > 0 && recv (fd, rest, sizeof rest, 0) > 0)
        ;
    }
  close (fd);
}

static void
serve (KitHost *host, int fd, gboolean first)
{
  KitRelay *relay = kit_relay_new (host->rules, host->truth);
  guint64 hears = first ? host->hears : G_MAXUINT64, says = first ? host->says : G_MAXUINT64, said = 0;
  char octets[65536];

  g_ptr_array_add (host->relays, relay);
  for (;;)
    {
      guint64 more = MIN (relay->out->len, says) - said;
      gsize room = host->drip > 0 ? host->drip : sizeof octets;
      gssize n;

      if (more > 0 && !kit_loopback_send (fd, relay->out->data + said, (gsize) more))
        break;
      said += more;
      if (said == says || relay->in >= hears || relay->closed || !wait_for (host, fd))
        break;
      n = recv (fd, octets, (gsize) MIN (room, hears - relay->in), 0);
      if (n <= 0)
        break;
      kit_relay_feed (relay, octets, (gsize) n);
    }
  end (host, fd, host->reset && first && !relay->closed);
}

static gpointer
run (gpointer data)
{
  KitHost *host = data;

  while (wait_for (host, host->listener))
    serve (host, kit_loopback_accept (host->listener), host->relays->len == 0);
  return NULL;
}

KitHost *
kit_host_new (const KitRelayRules *rules, KitRelayTruth *truth, guint64 hears, guint64 says, gboolean reset, gsize drip)
{
  KitHost *host = g_new0 (KitHost, 1);

  *host = (KitHost){ .rules = rules, .truth = truth, .hears = hears, .says = says, .reset = reset, .drip = drip };
  host->relays = g_ptr_array_new_with_free_func ((GDestroyNotify) kit_relay_free);
  host->listener = kit_loopback_listen (&host->port);
  g_assert_no_errno (pipe (host->stop));
  host->thread = g_thread_new ("relay", run, host);
  return host;
}

guint16
kit_host_port (KitHost *host)
{
  return host->port;
}

void
kit_host_stop (KitHost *host)
{
  if (host->thread == NULL)
    return;
  g_assert_cmpint (write (host->stop[1], "x", 1), ==, 1);
  g_thread_join (g_steal_pointer (&host->thread));
}

guint
kit_host_connections (const KitHost *host)
{
  return host->relays->len;
}

const KitRelay *
kit_host_relay (const KitHost *host, guint n)
{
  return g_ptr_array_index (host->relays, n);
}

void
kit_host_free (KitHost *host)
{
  kit_host_stop (host);
  close (host->stop[0]);
  close (host->stop[1]);
  close (host->listener);
  g_ptr_array_unref (host->relays);
  g_free (host);
}
