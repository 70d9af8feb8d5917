/* SPDX-License-Identifier: MIT */
/* sink-loop - waits for many connections at once, one loop per thread.
 *
 * epoll; no timer heap is needed, for each kind of waiting has one fixed length: connections that wait for the same thing
 * stand in a queue, the oldest first.  Set-up fails if the kernel gives no descriptors. */
#ifndef SINK_LOOP_H
#define SINK_LOOP_H

#include "sink-listen.h"
#include "sink.h"

#define SINK_BUFFER_OCTETS (256 * 1024)

typedef struct
{
  SinkServer *server;
  SinkListener *listener;
  SinkStats stats;
  int epoll;
  int signals;   /* -1 = another loop sees to them */
  gchar *buffer; /* for reading; what is in it is used up before the next read */
  gint64 now;
  guint connections;
  gboolean accepting;
  guint full_at; /* connections when descriptors ran out */
  gboolean ending;
  gint64 ends;      /* when draining must be over */
  GQueue to_greet;  /* wait for --greeting-delay */
  GQueue idle;      /* for --timeout */
  GQueue lingering; /* for the client to close */
  GQueue paused;    /* by faults; each until its own time, the earliest first */
} SinkLoop;

gboolean sink_loop_init (SinkLoop *loop, SinkServer *server, SinkListener *listener, int signals, GError **error);
void sink_loop_run (SinkLoop *loop);
void sink_loop_clear (SinkLoop *loop);

#endif
