/* SPDX-License-Identifier: MIT */
/* sink-replay - plays the server's side of a recorded session back (--replay), and tells where a client does something else.
 *
 * Connections are played in the order of the recording, and from the first again after the last.  A client's lines are matched by count: each
 * reply comes when as many lines came as in the recording, whatever they say; content ends where the client ends it.  Loading fails on a file that is
 * no recording. */
#ifndef SINK_REPLAY_H
#define SINK_REPLAY_H

#include "sink-smtp.h"

/* NULL without --replay; fails also where the recording has TLS and the options have not. */
gboolean sink_replay_load (SinkServer *server, GError **error);
void sink_replay_free (SinkReplay *replay);

void sink_player_begin (SinkSession *session); /* at the greeting */
void sink_player_secured (SinkSession *session);
void sink_player_feed (SinkSession *session, const gchar *data, gsize size);
void sink_player_end (SinkSession *session); /* the connection closes */

#endif
