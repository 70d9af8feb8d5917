/* SPDX-License-Identifier: MIT */
/* sink-auth - AUTH (RFC 4954), with Cyrus SASL's server side doing every mechanism.
 *
 * Cyrus is another implementation than the library's own: that is the point.  It gets the one account from memory, through
 * an auxprop plug-in of ours; no file and no daemon is asked.  Set-up fails if Cyrus lacks a mechanism that was asked for. */
#ifndef SINK_AUTH_H
#define SINK_AUTH_H

#include "sink-smtp.h"

gboolean sink_auth_setup (SinkServer *server, GError **error); /* once; before any thread */
void sink_auth_shutdown (SinkServer *server);

gchar *sink_auth_offer (const SinkSession *session); /* mechanisms for EHLO's reply, or NULL; to be freed */
void sink_auth_begin (SinkSession *session, gchar *argument);
void sink_auth_continue (SinkSession *session, gchar *line, gsize size);
void sink_auth_end (SinkSession *session); /* drops an exchange that is going on; nothing to do is fine */

#endif
