/* SPDX-License-Identifier: MIT */
/* sink-loop - see sink-loop.h. */
#include "sink-loop.h"
#include "sink-connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH           256
#define DRAIN_TIME      (2 * G_USEC_PER_SEC)
#define LINGER_TIME     (2 * G_USEC_PER_SEC)
#define REPORT_RETRY_MS 50

static gboolean
add (SinkLoop *loop, int fd, guint events, gpointer tag)
{
  struct epoll_event event = { .events = events, .data.ptr = tag };
  return epoll_ctl (loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void
set_accepting (SinkLoop *loop, gboolean accepting)
{
  if (loop->accepting == accepting)
    return;
  if (accepting)
    add (loop, loop->listener->fd, EPOLLIN | EPOLLEXCLUSIVE, loop->listener);
  else
    epoll_ctl (loop->epoll, EPOLL_CTL_DEL, loop->listener->fd, NULL);
  loop->accepting = accepting;
}

gboolean
sink_loop_init (SinkLoop *loop, SinkServer *server, SinkListener *listener, int signals, GError **error)
{
  memset (loop, 0, sizeof *loop);
  loop->server = server;
  loop->listener = listener;
  loop->signals = signals;
  loop->epoll = epoll_create1 (EPOLL_CLOEXEC);
  if (loop->epoll < 0 || !add (loop, server->wake_fd, EPOLLIN, server)
      || (signals >= 0 && !add (loop, signals, EPOLLIN, &loop->signals)))
    {
      g_set_error (error, SINK_ERROR, SINK_ERROR_LISTEN, "epoll: %s", g_strerror (errno));
      return FALSE;
    }
  set_accepting (loop, TRUE);
  loop->buffer = g_malloc (SINK_BUFFER_OCTETS);
  g_queue_init (&loop->to_greet);
  g_queue_init (&loop->idle);
  g_queue_init (&loop->lingering);
  g_queue_init (&loop->paused);
  return TRUE;
}

void
sink_loop_clear (SinkLoop *loop)
{
  if (loop->epoll >= 0)
    close (loop->epoll);
  g_free (loop->buffer);
}

static gchar *
describe_peer (const struct sockaddr_storage *address)
{
  gchar text[INET6_ADDRSTRLEN];
  if (address->ss_family == AF_INET)
    {
      const struct sockaddr_in *v4 = (const struct sockaddr_in *) address;
      return g_strdup_printf ("%s:%u", inet_ntop (AF_INET, &v4->sin_addr, text, sizeof text), ntohs (v4->sin_port));
    }
  if (address->ss_family == AF_INET6)
    {
      const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *) address;
      return g_strdup_printf ("[%s]:%u", inet_ntop (AF_INET6, &v6->sin6_addr, text, sizeof text), ntohs (v6->sin6_port));
    }
  return g_strdup ("unix");
}

static void
accept_all (SinkLoop *loop)
{
  for (;;)
    {
      struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
      socklen_t size = sizeof address;
      int fd = accept4 (loop->listener->fd, (struct sockaddr *) &address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (fd < 0)
        {
          /* Out of descriptors: the listener would stay readable and the loop would spin.  It is looked at again when a
           * connection has ended. */
          if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            {
              set_accepting (loop, FALSE);
              loop->full_at = MAX (loop->connections, 1);
              return;
            }
          if (errno != EINTR && errno != ECONNABORTED)
            return;
          continue;
        }
      int on = 1;
      if (address.ss_family == AF_INET || address.ss_family == AF_INET6)
        setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      g_autofree gchar *peer = describe_peer (&address);
      sink_connection_new (loop, fd, peer);
    }
}

static void
begin_ending (SinkLoop *loop)
{
  if (loop->ending)
    return;
  loop->ending = TRUE;
  loop->ends = loop->now + DRAIN_TIME;
  set_accepting (loop, FALSE);
  epoll_ctl (loop->epoll, EPOLL_CTL_DEL, loop->server->wake_fd, NULL); /* it stays readable for the other loops */
}

/* Calls everyone in the queue whose time is up; returns when the next one's is, or `next` if that is sooner. */
static gint64
expire (SinkLoop *loop, GQueue *queue, gint64 wait, gint64 next)
{
  SinkConnection *first;
  while ((first = g_queue_peek_head (queue)) != NULL)
    {
      if (first->since + wait > loop->now)
        return MIN (next, first->since + wait);
      sink_connection_overdue (first);
    }
  return next;
}

static int
next_wait (SinkLoop *loop)
{
  const SinkConfig *config = &loop->server->config;
  gint64 next = G_MAXINT64;
  next = expire (loop, &loop->to_greet, config->greeting_delay, next);
  next = expire (loop, &loop->lingering, LINGER_TIME, next);
  next = expire (loop, &loop->paused, 0, next);
  next = expire (loop, &loop->idle, config->timeout, next);
  if (loop->ending)
    next = MIN (next, loop->ends);
  int wait = next == G_MAXINT64 ? -1 : (int) CLAMP ((next - loop->now + 999) / 1000, 0, 60000);
  if (sink_report_is_pending (loop->server->report) && (wait < 0 || wait > REPORT_RETRY_MS))
    wait = REPORT_RETRY_MS;
  return wait;
}

static void
dispatch (SinkLoop *loop, const struct epoll_event *event)
{
  if (event->data.ptr == loop->listener)
    accept_all (loop);
  else if (event->data.ptr == &loop->signals)
    sink_server_stop (loop->server);
  else if (event->data.ptr == loop->server)
    begin_ending (loop);
  else
    sink_connection_ready (event->data.ptr);
}

static gboolean
is_over (const SinkLoop *loop)
{
  return g_atomic_int_get (&loop->server->stopping) || (loop->ending && (loop->connections == 0 || loop->now >= loop->ends));
}

void
sink_loop_run (SinkLoop *loop)
{
  GQueue *const queues[] = { &loop->to_greet, &loop->idle, &loop->lingering, &loop->paused };
  loop->now = g_get_monotonic_time ();
  do
    {
      struct epoll_event events[BATCH];
      int n = epoll_wait (loop->epoll, events, BATCH, next_wait (loop));
      loop->now = g_get_monotonic_time ();
      for (int i = 0; i < n; i++)
        dispatch (loop, &events[i]);
      if (!loop->accepting && !loop->ending && loop->connections < loop->full_at)
        set_accepting (loop, TRUE);
      sink_report_flush (loop->server->report);
      if (loop->server->record != NULL)
        sink_report_flush (loop->server->record);
    }
  while (!is_over (loop));
  for (guint i = 0; i < G_N_ELEMENTS (queues); i++)
    while (!g_queue_is_empty (queues[i]))
      sink_connection_stop (g_queue_peek_head (queues[i]));
}
