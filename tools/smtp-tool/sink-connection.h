/* SPDX-License-Identifier: MIT */
/* sink-connection - a client's socket, with TLS or without, and its session.
 *
 * Never blocks.  A socket that fails ends its own connection only. */
#ifndef SINK_CONNECTION_H
#define SINK_CONNECTION_H

#include "sink-loop.h"
#include "sink-smtp.h"
#include "sink-tls.h"

typedef enum
{
  SINK_STATE_HANDSHAKE,
  SINK_STATE_DELAY, /* of the greeting */
  SINK_STATE_OPEN,
  SINK_STATE_PAUSE, /* a fault has it wait */
  SINK_STATE_LINGER /* all is said: waits for the client to close, or, in a fault, says nothing more */
} SinkState;

typedef struct
{
  SinkLoop *loop;
  int fd;
  SSL *tls;
  SinkState state;
  guint events;         /* that epoll waits for */
  gboolean faulty;      /* session.fault is being done */
  gboolean holds;       /* what stands from session.fault_at on may not go yet */
  gboolean tls_reached; /* the stage of the handshake was */
  SinkFault *tls_fault; /* to be done within it, or NULL */
  SinkPace pace;        /* of the handshake's octets */
  gsize sent;           /* octets at the start of session.out that are gone */
  GQueue *queue;        /* where it waits */
  GList link;
  gint64 since;     /* it waits, or, in a pause, when that ends */
  const gchar *why; /* the end, when lingering */
  SinkSession session;
} SinkConnection;

void sink_connection_new (SinkLoop *loop, int fd, const gchar *peer); /* takes the descriptor */
void sink_connection_ready (SinkConnection *connection);
void sink_connection_overdue (SinkConnection *connection); /* stood in its queue for too long */
void sink_connection_stop (SinkConnection *connection);    /* the run ends */

#endif
