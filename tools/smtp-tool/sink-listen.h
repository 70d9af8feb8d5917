/* SPDX-License-Identifier: MIT */
/* sink-listen - the listening socket.
 *
 * An address that others than this machine can reach is refused unless asked for: the sink believes what it is told.
 * Fails on a specification that cannot be read, and on what bind(2) refuses. */
#ifndef SINK_LISTEN_H
#define SINK_LISTEN_H

#include <glib.h>

typedef struct
{
  int fd;
  gchar *where; /* "127.0.0.1:2525", "[::1]:2525", "unix:/path" */
  guint port;   /* 0 = no TCP */
  gchar *path;  /* of a Unix socket, removed by sink_listener_clear */
} SinkListener;

gboolean sink_listener_open (const gchar *specification, gboolean allow_remote, SinkListener *ret_listener, GError **error);
void sink_listener_clear (SinkListener *listener);

#endif
