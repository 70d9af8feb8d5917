/* SPDX-License-Identifier: MIT */
/* sink-record - writes down who said what, and when: the file of --record, one JSON object a line.
 *
 * Octets are as they were before TLS and after it: "text" where they are UTF-8 without NUL, else "base64".  What a client says in
 * confidence is masked: everything behind the mechanism of AUTH, each response, and what follows AUTH without being a command.  Writing
 * fails at the end of the run only (sink_report_is_gone). */
#ifndef SINK_RECORD_H
#define SINK_RECORD_H

#include "sink-smtp.h"

#define SINK_RECORD_MASK "***"

gboolean sink_record_open (SinkServer *server, GError **error);
gboolean sink_record_close (SinkServer *server); /* FALSE: not everything could be written */

/* Each does nothing without --record. */
void sink_record_event (SinkSession *session, const gchar *event, const gchar *detail); /* "connect", "tls", "close" */
void sink_record_line (SinkSession *session, const gchar *line, gsize size);            /* of the client, without LF */
void sink_record_content (SinkSession *session, const gchar *data, gsize size);         /* of the client */
/* What stands in session.out up to there and was not written down yet: replies keep their place between the lines they answer. */
void sink_record_replies (SinkSession *session, gsize until);

#endif
