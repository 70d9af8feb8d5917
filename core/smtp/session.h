/* SPDX-License-Identifier: MIT */
/* session - the client side of one SMTP (or LMTP) connection as a state machine without I/O and without a clock.
 *
 * Octets go in by vd_session_feed(), octets come out by vd_session_output(); what else the session needs from the world it says by
 * vd_session_need(), and waits for the matching answer.  Two cursors: what is sent pushes an expectation, a complete reply pops one;
 * replies are matched by counting only (RPL-12).  A reply that no written command asked for ends the session.
 *
 * Errors never escape sideways: a transaction's end is in the transaction, the session's end in vd_session_error(). */
#ifndef VD_SESSION_H
#define VD_SESSION_H

#include "core/base/trace.h"
#include "core/smtp/ehlo.h"
#include "core/smtp/observer.h"
#include "core/smtp/plan.h"
#include "core/smtp/reply.h"
#include "core/smtp/sasl.h"
#include "core/smtp/transaction.h"
#include <glib.h>

typedef enum
{
  VD_SESSION_TLS_NEVER,
  VD_SESSION_TLS_STARTTLS, /* ask for it; when it cannot be had the owner decides (VD_NEED_TLS_DECISION) */
  VD_SESSION_TLS_ACTIVE    /* the connection is already protected (implicit TLS) */
} VdSessionTls;

/* Stages with a timeout of their own (standards.md section 5). */
typedef enum
{
  VD_TIMEOUT_GREETING,
  VD_TIMEOUT_COMMAND, /* EHLO, STARTTLS, AUTH, RSET */
  VD_TIMEOUT_MAIL,
  VD_TIMEOUT_RCPT,
  VD_TIMEOUT_DATA,
  VD_TIMEOUT_BLOCK, /* progress of writing; also non-last BDAT replies */
  VD_TIMEOUT_END,   /* end of data to its reply */
  VD_TIMEOUT_QUIT,
  VD_TIMEOUT_N
} VdTimeout;

typedef struct
{
  const char *client; /* EHLO argument, checked by vd_command_check_client(); copied */
  const char *server; /* as given, for messages; copied */
  gboolean lmtp;
  VdSessionTls tls;
  gboolean tls_required;  /* HELO cannot do */
  gboolean auth;          /* credentials are there: authenticate before anything else */
  gboolean auth_optional; /* go on without when no mechanism succeeds */
  gboolean ask_queue;     /* the seed's -queue: QUED where XQUE is offered */
  VdPipelining level;
  gboolean chunking;             /* BDAT allowed */
  guint window_first;            /* with VD_PIPELINING_WINDOW: transactions on their way until one was accepted; 0: no limit */
  guint window_messages;         /* and at most; 0: no limit */
  guint64 window_octets;         /* and their octets; 0: no limit */
  gboolean auth_pipelining;      /* MAIL and RCPT may ride behind AUTH PLAIN and EXTERNAL (PIP-7) */
  gint64 timeouts[VD_TIMEOUT_N]; /* microseconds */
  VdTrace trace;                 /* borrowed strings must outlive the session */
  VdObserver observer;
} VdSessionConfig;

typedef struct VdSession VdSession;

VdSession *vd_session_new (const VdSessionConfig *config, gint64 now);
void vd_session_free (VdSession *session); /* unfinished transactions are given up as by vd_session_abort */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VdSession, vd_session_free)

/* ---- octets and time; `now` is microseconds of a monotonic clock ---- */

void vd_session_feed (VdSession *session, const void *data, gsize size, gint64 now);
/* The peer ended the connection, or it broke: `error` says how (owned, may be NULL for an orderly end). */
void vd_session_feed_end (VdSession *session, GError *error, gint64 now);
/* Spans to write now (`max` at least 18), borrowed until the next call that is not vd_session_feed; 0: nothing to write. */
gsize vd_session_output (VdSession *session, VeredaSpan *spans, gsize max);
gboolean vd_session_has_output (VdSession *session); /* something waits to be written */
void vd_session_wrote (VdSession *session, gsize size, gint64 now);
/* The transaction whose content leaves, or was the last to leave and is not finished; NULL: none. */
VdTransaction *vd_session_content (VdSession *session);
gint64 vd_session_deadline (VdSession *session);       /* G_MAXINT64: none */
void vd_session_tick (VdSession *session, gint64 now); /* acts when the deadline has passed */

/* ---- what the session needs ---- */

typedef enum
{
  VD_NEED_NOTHING,   /* only octets and time */
  VD_NEED_HANDSHAKE, /* STARTTLS answered 220: check that nothing is pending, wrap, then vd_session_tls_done() or _tls_failed() */
  VD_NEED_TLS_DECISION, /* TLS cannot be had: vd_session_tls_decide() */
  VD_NEED_MECHANISM,    /* choose: vd_session_use_mechanism() or vd_session_no_mechanism() */
  VD_NEED_CREDENTIAL,   /* the mechanism waits: vd_session_resume() when the credential may be there */
  VD_NEED_CLOSE         /* over: close the connection; vd_session_error() says why */
} VdNeed;

VdNeed vd_session_need (VdSession *session);

void vd_session_tls_done (VdSession *session, gint64 now);
void vd_session_tls_failed (VdSession *session, GError *error); /* owned; the connection is dead */

typedef enum
{
  VD_TLS_NOT_OFFERED,
  VD_TLS_REFUSED
} VdTlsProblem;

VdTlsProblem vd_session_tls_problem (VdSession *session, VdReply **ret_reply /* borrowed; NULL when not offered */);
/* insecure TRUE: go on in clear. FALSE: QUIT and end with VEREDA_ERROR_TLS. */
void vd_session_tls_decide (VdSession *session, gboolean insecure, gint64 now);

/* What the last exchange came to, for the owner's choice of the next mechanism. */
typedef enum
{
  VD_AUTH_FIRST,    /* none was tried on this connection */
  VD_AUTH_NEXT,     /* try the next */
  VD_AUTH_STRONGER, /* 534: only a stronger one */
  VD_AUTH_STOP      /* do not try another */
} VdAuthAdvice;

typedef struct
{
  char *mechanism;
  VdReply *reply; /* the server's last word; may be NULL */
  GError *error;  /* what the mechanism said; may be NULL */
  VdAuthAdvice advice;
  gboolean succeeded;
} VdAuthAttempt;

GPtrArray *vd_session_auth_attempts (VdSession *session); /* of VdAuthAttempt, borrowed; grows */
void vd_session_use_mechanism (VdSession *session, VdSasl *sasl /* owned */, gint64 now);
/* None (left). With auth_optional the session goes on; else QUIT and end with `error` (owned). */
void vd_session_no_mechanism (VdSession *session, GError *error, gint64 now);
/* None on this connection, where others are left for the next: QUIT and end with `error` (owned), auth_optional or not. */
void vd_session_leave_auth (VdSession *session, GError *error, gint64 now);
void vd_session_resume (VdSession *session, gint64 now);

/* ---- talk: after the observer has said VD_GO_TALK.  What the owner says is not understood but for STARTTLS; EHLO and AUTH that this session
 * says itself end in talk again. ---- */

gboolean vd_session_is_talking (VdSession *session); /* and nothing of its own is going on */
/* The session is ready: talk from now on. */
void vd_session_begin_talk (VdSession *session);
/* One line without its end.  Error VEREDA_ERROR_PROTOCOL: CR, LF or NUL in it, or STARTTLS at the wrong time. */
gboolean vd_session_talk_line (VdSession *session, const char *line, gsize size, gint64 now, GError **error);
void vd_session_talk_octets (VdSession *session, const void *data, gsize size, gint64 now); /* no reply is due */
guint vd_session_talk_awaited (VdSession *session);                                         /* replies that are due */
VdReply *vd_session_take_heard (VdSession *session);                                        /* owned; NULL: none */
void vd_session_talk_hello (VdSession *session, gint64 now); /* EHLO, and what the observer allows behind it */
void vd_session_talk_auth (VdSession *session, gint64 now);  /* EHLO and TLS first, where they are not done */
void vd_session_talk_quit (VdSession *session, gint64 now);  /* in the middle of content: closes without a word */
/* What came of the last EHLO or AUTH: NULL = it went well.  Owned by the caller. */
GError *vd_session_take_talk_error (VdSession *session);

/* ---- transactions ---- */

gboolean vd_session_is_ready (VdSession *session); /* greeting, TLS and AUTH are behind; not closing */
gboolean vd_session_takes (VdSession *session);    /* ready, or a transaction submitted now may ride behind AUTH */
gboolean vd_session_is_idle (VdSession *session);  /* ready, nothing queued, nothing outstanding */
void vd_session_submit (VdSession *session, VdTransaction *txn); /* borrowed until taken back; at any time before finish */
VdTransaction *vd_session_take_finished (VdSession *session);    /* NULL: none */
void vd_session_finish (VdSession *session, gint64 now);         /* no more will come: QUIT as soon as it may ride */
void vd_session_abort (VdSession *session, GError *error); /* owned: cancelled, overall deadline. Need becomes CLOSE at once */

/* ---- what was seen ---- */

const VdEhlo *vd_session_ehlo (VdSession *session); /* the latest; NULL before */
VdReply *vd_session_greeting (VdSession *session);  /* borrowed; may be NULL */
gboolean vd_session_is_secure (VdSession *session);
gboolean vd_session_queue_asked (VdSession *session); /* XQUE was offered and QUED sent */
gboolean
vd_session_bdat_refused (VdSession *session); /* ended because BDAT, offered, was not understood: once more without it */
gboolean vd_session_window_failed (VdSession *session); /* it was used, and this server is not made for it: not again with it */
const GError *vd_session_error (VdSession *session);    /* why it ended; NULL after an orderly QUIT */
VdReply *vd_session_error_reply (VdSession *session);   /* the reply behind it, borrowed; may be NULL */
VdStep vd_session_stage (VdSession *session);           /* where it was when it ended */

#endif
