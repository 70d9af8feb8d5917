/* SPDX-License-Identifier: MIT */
/* connection-private - the inside of a connection, shared by its five files:
 *   connection.c       stages, life, the end
 *   connection-io.c    octets, time
 *   connection-reach.c from a name to a descriptor
 *   connection-tls.c   which TLS library, handshake, what to do when it fails
 *   connection-auth.c  which mechanism, credentials
 *   connection-silence.c a port that does not greet: does it speak TLS? */
#ifndef VD_CONNECTION_PRIVATE_H
#define VD_CONNECTION_PRIVATE_H

#include "core/net/connect.h"
#include "core/net/layer.h"
#include "core/plugin/registry.h"
#include "core/send/connection.h"
#include "core/send/credential.h"

typedef enum
{
  VD_AT_BEGIN,
  VD_AT_RESOLVE,
  VD_AT_CONNECT,
  VD_AT_HANDSHAKE,
  VD_AT_DIALOGUE,
  VD_AT_CLOSED
} VdAt;

struct VdConnection
{
  VdConnectionSetup setup;
  VdAt at;
  VeredaStage stage;

  VdTimer *timer;
  gint64 stage_deadline; /* of resolving and of a handshake; G_MAXINT64: none */
  VdNamesWait *resolve;
  VdConnect *connect;
  GPtrArray *endpoints;
  guint endpoint;
  char *address;

  VdStack *stack;
  VdWatch *watch;
  VdSession *session;
  gboolean want_read, want_write; /* what the layers asked for last */
  gboolean readable;              /* it may be that there is something to read */
  gboolean unacknowledged;        /* octets were read and none written since */
  gboolean is_tcp;
  gint64 looked_at; /* when it was read last */
  gboolean was_ready;
  gboolean kicked;
  gboolean pumping_later; /* a call of vd_connection_pump() is deferred */

  /* TLS */
  const VeredaTransport *plain, *tls; /* loaded; tls NULL: not yet, or none */
  char *transport;
  gboolean handshake_starttls; /* in the middle of a session */
  gboolean refuses_late;       /* the transport was told to tolerate what is refused here */
  char *ticket_key;            /* under which TLS sessions are kept; NULL: no TLS, or they are not */

  /* A port that says nothing */
  gint64 silent_since; /* when it should have begun to greet; G_MAXINT64: no matter */
  struct VdSilence *silence;

  /* AUTH */
  guint auth_logged;
  GPtrArray *candidates;
  gint64 answer_by; /* when a credential has to be there; G_MAXINT64: none is waited for */

  GError *error;
  VdReply *error_reply;
  VdAgain again;
  gboolean fatal;
  GPtrArray *warnings;
};

/* What a layer waits for is what the descriptor is watched for.  FALSE: it does not wait. */
static inline gboolean
vd_connection_waits (VdConnection *c, VeredaIo io)
{
  if (io == VEREDA_IO_WANT_READ)
    c->want_read = TRUE;
  else if (io == VEREDA_IO_WANT_WRITE)
    c->want_write = TRUE;
  else
    return FALSE;
  return TRUE;
}

/* ---- connection.c ---- */
/* Ends it with an error (owned) before or outside of a session. */
void vd_connection_close (VdConnection *c); /* without an error, and without a word to anybody */
void vd_connection_fail (VdConnection *c, VeredaStage stage, GError *error);
void vd_connection_trace_tls (VdConnection *c); /* what a handshake came to */
void vd_connection_note (VdConnection *c, VeredaStage stage, gboolean succeeded, VdReply *reply, VeredaDecision decision,
                         const char *format, ...) G_GNUC_PRINTF (6, 7);
void vd_connection_warn (VdConnection *c, const char *format, ...) G_GNUC_PRINTF (2, 3);
GError *vd_connection_error_new (VdConnection *c, VeredaErrorCode code, const char *format, ...) G_GNUC_PRINTF (3, 4);
void vd_connection_begin_session (VdConnection *c, gboolean secure);

/* The session wants no more: its words become the connection's, and it is closed. */
void vd_connection_session_over (VdConnection *c);

/* ---- connection-io.c ---- */
/* Does all that can be done without waiting, arms what is waited for, tells the owner, who may free it: the last call of every callback. */
void vd_connection_pump (VdConnection *c);
void vd_connection_pump_later (VdConnection *c); /* in the next turn */
void vd_connection_forget_pump (VdConnection *c);
void vd_connection_on_timer (gpointer data);
void vd_connection_watch (VdConnection *c, int fd);

/* ---- connection-silence.c ---- */
void vd_connection_await_greeting (VdConnection *c); /* a session in clear has begun */
gint64 vd_connection_silence_deadline (VdConnection *c);
void vd_connection_silence_tick (VdConnection *c);
void vd_connection_silence_end (VdConnection *c); /* it spoke, or it is over */

/* ---- connection-reach.c ---- */
/* Tells the observer.  FALSE: it has seen enough, and the connection is closed. */
void vd_connection_entered (VdConnection *c, VeredaStage stage);
gboolean vd_connection_passed (VdConnection *c, VeredaStage stage);
void vd_connection_begin (gpointer data);

/* ---- connection-tls.c ---- */
/* Loads what the route needs for sure, before anybody is contacted.  FALSE: failed. */
gboolean vd_connection_load_transports (VdConnection *c);
gboolean vd_connection_can_starttls (VdConnection *c);
void vd_connection_begin_tls (VdConnection *c, gboolean starttls);
/* Goes on with a handshake.  TRUE: progress was made. */
gboolean vd_connection_handshake (VdConnection *c);
void vd_connection_handshake_timeout (VdConnection *c);
void vd_connection_decide_tls (VdConnection *c); /* answers VD_NEED_TLS_DECISION */
/* Keeps the newest TLS session for the next connection, once octets were read that may have brought it. */
void vd_connection_keep_ticket (VdConnection *c);
/* The first TLS transport that loads, for this connection; each that does not is recorded and the next is taken. */
gboolean vd_connection_load_tls (VdConnection *c, GError **error);
/* What TLS is to be like; borrows `peer_name`. */
void vd_connection_tls_settings (VdConnection *c, const char *peer_name, VeredaTlsSettings *settings);

/* ---- connection-auth.c ---- */
/* Answers VD_NEED_MECHANISM.  FALSE: a credential has to come first. */
gboolean vd_connection_choose_mechanism (VdConnection *c);
/* A credential is waited for: not for ever. */
void vd_connection_await_credential (VdConnection *c);
void vd_connection_credential_timeout (VdConnection *c);
void vd_connection_log_auth (VdConnection *c);
/* With option auth-optional: unless it succeeded the caller is told, who would see nothing but a message that was sent. */
void vd_connection_warn_unauthenticated (VdConnection *c);
void vd_connection_auth_clear (VdConnection *c);

#endif
