/* SPDX-License-Identifier: MIT */
/* sink-binding - the channel bindings of a TLS session (RFC 5929, RFC 9266), as the server's end sees them.
 *
 * Computed here from OpenSSL alone, so that they judge what a client computed.  Cannot fail: a binding that the session does not have is
 * of size 0. */
#ifndef SINK_BINDING_H
#define SINK_BINDING_H

#include <glib.h>
#include <openssl/ssl.h>

typedef struct
{
  guchar octets[EVP_MAX_MD_SIZE];
  gsize size; /* 0: none */
} SinkBinding;

typedef struct
{
  SinkBinding exporter;  /* tls-exporter */
  SinkBinding end_point; /* tls-server-end-point */
  gboolean is_tls13;
} SinkBindings;

void sink_bindings_take (SinkBindings *bindings, SSL *tls); /* after the handshake */

/* The one that the client's first message names in its gs2 header (RFC 5801 section 4), where the session has it; else the usual one:
 * tls-exporter with TLS 1.3, tls-server-end-point below.  *ret_name: its name.  NULL: there is none. */
const SinkBinding *sink_bindings_choose (const SinkBindings *bindings, const gchar *first, gsize size, const gchar **ret_name);

#endif
