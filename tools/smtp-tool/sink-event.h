/* SPDX-License-Identifier: MIT */
/* sink-event - what happened, told to standard output in the chosen format and, for messages, to the capture's log.
 *
 * Never fails: what cannot be written is dropped (sink-report).  No password passes here; JSON strings are valid UTF-8. */
#ifndef SINK_EVENT_H
#define SINK_EVENT_H

#include "sink-smtp.h"

void sink_event_listening (SinkServer *server, const gchar *where, guint port, const gchar *ca_file);
void sink_event_connect (SinkSession *session);
void sink_event_tls (SinkSession *session, gboolean resumed, const gchar *server_name);
void sink_event_tls_failed (SinkSession *session, const gchar *why);
void sink_event_auth (SinkSession *session, const gchar *mechanism, const gchar *reply);
void sink_event_mail (SinkSession *session, const gchar *reply);
void sink_event_rcpt (SinkSession *session, const gchar *address, gsize size, const gchar *reply);
void sink_event_message (SinkSession *session, const gchar *file, const gchar *reply, const SinkViolations *violations);
void sink_event_fault (SinkSession *session, const SinkFault *fault, guint64 occasion);
/* --replay: the client does something else than in the recording. */
void sink_event_deviation (SinkSession *session, guint line, const gchar *what, const gchar *recorded, gsize recorded_size,
                           const gchar *seen, gsize seen_size);
void sink_event_quit (SinkSession *session);
void sink_event_close (SinkSession *session, const gchar *why);
void sink_event_summary (SinkServer *server, const SinkStats *stats, gdouble seconds);

#endif
