/* SPDX-License-Identifier: MIT */
/* session-private - the inside of a session, shared by its files:
 *   session.c       octets, time, the reply cursor, the end of it all
 *   session-expect.c what was written and will be answered
 *   session-time.c  deadlines
 *   session-hello.c greeting, EHLO, STARTTLS
 *   session-auth.c  AUTH
 *   session-mail.c  transactions, the write cursor: what leaves next
 *   session-end.c   transactions: their ends
 *   session-window.c   transactions ahead of their replies: how far, what tells that a server cannot do it, and back
 *   session-replies.c  transactions, the reply cursor: what the answers mean
 *   session-talk.c  lines of the owner's own */
#ifndef VD_SESSION_PRIVATE_H
#define VD_SESSION_PRIVATE_H

#include <vereda/error.h>

#include "core/smtp/command.h"
#include "core/smtp/echo.h"
#include "core/smtp/output.h"
#include "core/smtp/session.h"

typedef enum
{
  VD_PHASE_GREETING, /* until the greeting is answered by EHLO */
  VD_PHASE_HELLO,    /* EHLO, HELO, STARTTLS under way, or a decision about them awaited */
  VD_PHASE_AUTH,     /* choosing or exchanging */
  VD_PHASE_READY,    /* transactions */
  VD_PHASE_TALK,     /* the owner talks, and what the server knows is not known here */
  VD_PHASE_QUIT,     /* QUIT is queued or sent */
  VD_PHASE_CLOSED
} VdPhase;

/* What the write cursor pushed and a reply will pop. */
typedef struct
{
  GList link; /* its data is the expectation */
  VdStep step;
  guint64 mark;       /* output position after the command (and its octets, for BDAT) */
  VdTransaction *txn; /* NULL outside transactions */
  guint recipient;    /* of RCPT */
  gboolean helo;      /* of EHLO: this is its HELO fall-back */
  gboolean cancel;    /* of AUTH: this is the reply to "*" */
} VdExpect;

struct VdSession
{
  VdSessionConfig config; /* client and server are copies */
  VdPhase phase;
  VdNeed need;
  gint64 now;

  VdReplyParser *parser;
  VdReply *greeting;
  VdEhlo *ehlo;
  gboolean secure;       /* TLS is active */
  gboolean tls_given_up; /* the owner decided to go on in clear */
  VdTlsProblem tls_problem;
  VdReply *tls_reply;

  VdOutput output;
  GQueue expects;     /* of VdExpect: the reply cursor is the head */
  GQueue spare;       /* of VdExpect: for later ones */
  gint64 head_since;  /* when the head began to wait; -1: its command is not written yet */
  gint64 progress_at; /* when octets last left, or the first of those that wait came; -1: none wait */
  guint64 trace_from; /* octets of `output` commands already traced */

  /* AUTH */
  VdSasl *sasl;
  GPtrArray *auth_attempts; /* of VdAuthAttempt */
  VdEcho *echo;             /* what was said in confidence; NULL before, and after success */
  gboolean authenticated, auth_over;
  gboolean sasl_started;    /* the AUTH command went out */
  gboolean sasl_without_ir; /* the one retry without an initial response was used */
  gboolean sasl_held;       /* the initial response did not fit: it answers the first, empty challenge */
  GByteArray *challenge;    /* kept while a credential is awaited */
  gboolean has_challenge;
  VdTransaction *ahead; /* its envelope rode behind the AUTH whose reply is awaited */
  gboolean ahead_over;  /* none rides any more */
  VdReply *auth_reply;  /* not positive, kept until the envelope that rode behind is out of the way */

  /* Transactions */
  GQueue waiting;         /* of VdTransaction: submitted, not begun */
  GQueue open;            /* begun, not finished */
  GQueue finished;        /* to be taken back */
  VdTransaction *writing; /* where the write cursor is; NULL between transactions */
  VdStep next;            /* the step to write for it */
  VdTransaction *content; /* whose content leaves, or was the last to leave; NULL: none, or finished */
  guint64 bdat_left;      /* content octets not yet announced by a BDAT */
  gboolean need_rset;
  guint n_abandoned;      /* of open: not written any further, replies outstanding */
  VdBuffer scratch;       /* content of a small message on its way into the output */
  GQueue again;           /* of VdTransaction: to be begun once more, before those that wait */
  guint proven;           /* messages that the server accepted in the window */
  gboolean window_used;   /* a transaction went ahead of replies */
  gboolean window_fallen; /* no further one does */
  gboolean window_failed; /* and never again with this server */
  gboolean bdat_taken;    /* a BDAT LAST was answered positively */
  gboolean chunk_refused; /* since the last RSET or acceptance a last chunk was refused: did the server read over it? */
  gboolean out_of_step;   /* it did not: what its replies mean cannot be known */
  gboolean bdat_refused;
  gboolean queue_asked;
  gboolean finishing; /* QUIT when nothing is left */

  /* Talk */
  GQueue heard;             /* of VdReply: not taken yet */
  guint n_awaited;          /* replies to lines of the owner's own */
  gboolean talk_content;    /* 354 was heard: lines are content up to "." */
  gboolean talk_challenged; /* 334 was heard: the next line is a SASL response */
  gboolean talk_again;      /* what the session says itself ends in talk, whatever comes of it */
  GError *talk_error;       /* what came of it; NULL: all went well */

  /* The end */
  GError *error;
  VdReply *error_reply;
  VdStep stage;       /* of the last reply awaited or error */
  VdStep error_stage; /* where it was when `error` came */
};

/* ---- session-expect.c ---- */

void vd_session_free_expects (GQueue *queue);
/* Appends were made to vd_output_commands(): accounts and traces them; with expect, pushes. */
VdExpect *vd_session_push (VdSession *session, VdStep step, VdTransaction *txn);
/* The same expectation once more at the head: a further reply to it is due (LMTP). */
void vd_session_push_again (VdSession *session, const VdExpect *expect);
/* Traces the commands appended since the last call; `sasl`: a SASL response line. */
void vd_session_trace_commands (VdSession *session, gboolean sasl);

/* ---- session.c ---- */

/* Octets were put into the output: from now on it has to make progress. */
void vd_session_octets_wait (VdSession *session);

/* Ends the session at once: no QUIT, the owner closes.  `error` is owned. `reply` may be NULL. */
void vd_session_fail (VdSession *session, GError *error, VdReply *reply);
/* Ends it with a QUIT first, keeping the error. */
void vd_session_leave (VdSession *session, GError *error, VdReply *reply);
void vd_session_quit (VdSession *session);

/* Builds an error that names the server: "SERVER: <format>". */
GError *vd_session_error_new (VdSession *session, VeredaErrorCode code, const char *format, ...) G_GNUC_PRINTF (3, 4);
/* The same with a reply: "SERVER refused <what>: 550 5.1.1 text". */
GError *vd_session_refusal (VdSession *session, VeredaErrorCode code, const char *what, VdReply *reply);

/* ---- session-hello.c ---- */
/* Asks the observer before a command outside of transactions.  FALSE: the session is ending, by its wish. */
gboolean vd_session_may (VdSession *session, VdStep step);
void vd_session_on_greeting (VdSession *session, VdReply *reply);
void vd_session_on_ehlo (VdSession *session, VdExpect *expect, VdReply *reply);
void vd_session_on_starttls (VdSession *session, VdReply *reply);
void vd_session_say_hello (VdSession *session, gboolean helo);

/* ---- session-talk.c ---- */
/* What the session said itself has failed: the owner talks again. */
void vd_session_end_own (VdSession *session, GError *error);
void vd_session_on_talk_reply (VdSession *session, VdReply *reply);

/* ---- session-auth.c ---- */
void vd_session_begin_auth (VdSession *session); /* after the last EHLO: authenticate, or be ready */
void vd_session_on_auth (VdSession *session, VdExpect *expect, VdReply *reply);
void vd_session_auth_clear (VdSession *session);

/* A SASL response (octets, not base64) that the server is shown: what it says back of it is shown to nobody. */
void vd_session_keep_said (VdSession *session, const void *response, gsize size);
/* The envelope may ride behind the AUTH that is outstanding. */
gboolean vd_session_auth_may_lead (VdSession *session);
/* The envelope that rode behind a failed AUTH has its replies. */
void vd_session_auth_is_clear (VdSession *session);
/* And a RSET, where one was needed, too: what was AUTH's reply? */
void vd_session_auth_go_on (VdSession *session);

/* ---- session-end.c ---- */
/* The first of a queue of transactions, taken out; NULL: there is none. */
VdTransaction *vd_session_take_first (GQueue *queue);

/* ---- session-mail.c ---- */
void vd_session_pump (VdSession *session); /* writes all that may be written */
void vd_session_on_content_produced (VdSession *session);
/* Gives every transaction its outcome when the connection is lost; `error` is copied into them. */
void vd_session_settle (VdSession *session, const GError *error);
/* The one place where a transaction ends. `error` is owned, may be NULL. */
void vd_session_finish_txn (VdSession *session, VdTransaction *txn, VdOutcome outcome, GError *error);
/* Stops writing a transaction; it is finished, not sent, when the replies to what was already written are in. */
void vd_session_mark_abandoned (VdSession *session, VdTransaction *txn);
void vd_session_abandon_txn (VdSession *session, VdTransaction *txn, GError *error);
/* With every reply to the envelope in: may the content follow? */
gboolean vd_session_is_granted (VdTransaction *txn);

/* Writes MAIL and RCPT of the next transaction, as far as they may leave, and nothing further: for one that rides behind AUTH. */
void vd_session_write_envelope (VdSession *session);
VdPlanState vd_session_plan_state (VdSession *session, VdTransaction *txn);

/* ---- session-window.c ---- */
gboolean vd_session_in_window (VdSession *session);
/* Another transaction of this size may be begun beside those that are open. */
gboolean vd_session_window_is_open (VdSession *session, VdTransaction *next);
/* Content small enough to travel among the commands of others. */
gboolean vd_session_is_small (VdSession *session, VdTransaction *txn);
/* Ends the transaction for now; it is begun again when nothing is outstanding any more. */
void vd_session_begin_again (VdSession *session, VdTransaction *txn);
/* The next transaction to begin: those once more first. */
VdTransaction *vd_session_next_waiting (VdSession *session);
/* A reply to MAIL that says more about the server than about the message.  TRUE: dealt with. */
gboolean vd_session_window_on_mail (VdSession *session, VdTransaction *txn, VdReply *reply);
/* A reply to the last chunk; before anything is made of it. */
void vd_session_window_on_last (VdSession *session, VdTransaction *txn, gboolean granted, VdReply *reply);
/* The session ends with this error: was it the window's? */
void vd_session_window_on_end (VdSession *session, const GError *error, VdReply *reply);

/* ---- session-replies.c ---- */
void vd_session_on_mail_reply (VdSession *session, VdExpect *expect, VdReply *reply); /* MAIL RCPT DATA CONTENT BDAT */
/* A reply came while content was still leaving (DAT-7). */
void vd_session_on_early_reply (VdSession *session, VdTransaction *txn, VdReply *reply);

#endif
