/* SPDX-License-Identifier: MIT */
/* sink-smtp - one session of the server side of SMTP or LMTP: octets in, replies out, no descriptor.
 *
 * Whatever the client sends is answered, never an error of ours.  The loop feeds what it read and sends what stands in `out`
 * afterwards; `want` tells it when to start TLS or to close.  The parts that need the session's insides (parameters, AUTH,
 * message, events) include this header too. */
#ifndef SINK_SMTP_H
#define SINK_SMTP_H

#include "sink-binding.h"
#include "sink-content.h"
#include "sink.h"

#include <openssl/evp.h>
#include <sasl/sasl.h>

typedef enum
{
  SINK_WANT_INPUT,
  SINK_WANT_TLS,  /* send `out`, then do the handshake, then sink_session_secured */
  SINK_WANT_CLOSE /* send `out`, then close */
} SinkWant;

typedef enum
{
  SINK_MODE_COMMAND,
  SINK_MODE_AUTH,
  SINK_MODE_DATA,
  SINK_MODE_CHUNK
} SinkMode;

/* One transaction.  Strings are kept from one to the next: a steady session allocates nothing. */
typedef struct
{
  gboolean open; /* MAIL was accepted */
  GString *from;
  GString *mail_parameters;
  GString *recipients; /* for each accepted one: address NUL parameters NUL */
  guint accepted;
  guint tried;
  gboolean body_8bit;
  gboolean smtputf8;
  guint64 declared; /* SIZE=, 0 = not said */
  gboolean chunked; /* a BDAT came */
  gboolean broken;  /* a chunk was refused: only RSET helps, RFC 3030 section 2 */
} SinkEnvelope;

typedef struct SinkPlayer SinkPlayer;

typedef struct
{
  SinkServer *server;
  SinkStats *stats;
  guint64 id;
  gchar *peer;

  GString *out;
  SinkWant want;
  SinkMode mode;
  SinkPlayer *player; /* of --replay; NULL = before the greeting, or none */
  gsize recorded;     /* octets of `out` that --record has */
  gint64 began;       /* of --record: when the connection came */
  gboolean confides;  /* of --record: AUTH came, and no other command since */

  SinkFault *fault; /* to be applied to the reply that begins at fault_at; nothing is read before that is over */
  gsize fault_at;
  guint64 fault_occasion;
  GString *held; /* octets that came behind the command whose reply has a fault */
  gsize rest;    /* octets that were read together with the command now being answered, and follow it */

  GString *line; /* start of a line whose end has not come */
  gboolean line_too_long;

  gboolean pipelining; /* is announced */
  GString *hello;      /* the client's name; "" = no EHLO or HELO yet */
  gboolean extended;
  const gchar *tls_version; /* NULL = in clear */
  const gchar *tls_cipher;
  gchar *certificate;    /* identity in the verified client certificate, or NULL */
  SinkBindings bindings; /* of the TLS session; taken only where a mechanism may want them */

  sasl_conn_t *sasl;              /* the exchange that is going on, or NULL */
  sasl_channel_binding_t channel; /* what `sasl` points to; name NULL = none */
  gchar auth_mechanism[24];
  gchar *auth_user; /* NULL = not authenticated */

  SinkEnvelope envelope;
  SinkContent content;
  guint64 chunk_left;
  guint64 chunk_size;
  gboolean chunk_last;
  gboolean chunk_discard;
  const gchar *chunk_refusal;
  SinkFault *chunk_fault;
  EVP_MD_CTX *digest;
  SinkCaptureFile file;

  SinkViolations violations; /* outside of content, since the last message */
  SinkViolations all_violations;
  guint64 messages;
  guint64 octets_in;
} SinkSession;

void sink_session_init (SinkSession *session, SinkServer *server, SinkStats *stats, guint64 id, const gchar *peer);
void sink_session_clear (SinkSession *session);

void sink_session_greet (SinkSession *session);
void sink_session_feed (SinkSession *session, gchar *data, gsize size); /* changes what data points to */
void sink_session_secured (SinkSession *session, const gchar *version, const gchar *cipher, const gchar *certificate);

void sink_session_resume (SinkSession *session); /* a fault is over: what was held is read */

/* For the parts of the session. */
void sink_session_reply (SinkSession *session, const gchar *reply); /* "250 2.0.0 Ok": one line without its end */
void sink_session_replyf (SinkSession *session, const gchar *format, ...) G_GNUC_PRINTF (2, 3);
/* The session has come to a stage.  Returns the reply that a fault gives it, or NULL; other faults wait in session.fault for what is replied
 * next. */
const gchar *sink_session_reach (SinkSession *session, SinkStage stage);
void sink_session_reset (SinkSession *session); /* forget the transaction and what came of its message */

static inline void
sink_session_blame (SinkSession *session, SinkViolation violation)
{
  session->violations.count[violation]++;
}

#endif
