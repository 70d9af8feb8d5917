/* SPDX-License-Identifier: MIT */
/* session-window - transactions ahead of their replies: how far, what tells that a server cannot do it, and the way back.  Part of session; see
 * session-private.h.
 *
 * MAIL RCPT BDAT LAST of many messages lie on the wire without an answer.  Counting tells which reply is whose, as long as the server is in step; so
 * the one danger is a server that is not: one that refuses a chunk and then reads it as commands (RFC 3030 section 2 has it discarded).  What
 * its replies would mean from there on nobody knows, and nobody may guess: the connection ends, what was handed over is unknown.
 * A server that insists on RSET after a refused chunk (the letter of RFC 3030 section 2) is in step: it says 503 to everything, which is no
 * verdict on any message, and they are begun once more.
 *
 * The window opens by degrees: one message, and three more for each that was accepted.  A server whose CHUNKING or PIPELINING is not what it
 * says is found out with one message on its way, and the price is few round trips a connection. */
#include "core/smtp/session-private.h"

/* Content up to this is copied beside its commands, so that many messages leave in one system call; larger content is never copied. */
#define SMALL_MAX (16u * 1024u)

/* Messages more on their way for each accepted. */
#define GROWTH 3u

gboolean
vd_session_in_window (VdSession *session)
{
  return session->config.level == VD_PIPELINING_WINDOW && !session->window_fallen && session->config.chunking
         && vd_ehlo_has (session->ehlo, VD_EXT_PIPELINING) && vd_ehlo_has (session->ehlo, VD_EXT_CHUNKING);
}

gboolean
vd_session_window_is_open (VdSession *session, VdTransaction *next)
{
  guint open = g_queue_get_length (&session->open);
  VdTransaction *oldest = g_queue_peek_head (&session->open);

  if (open == 0 || !vd_session_in_window (session))
    return TRUE;
  if (session->config.window_first > 0 && open >= session->config.window_first + GROWTH * (guint64) session->proven)
    return FALSE;
  if (session->config.window_messages > 0 && open >= session->config.window_messages)
    return FALSE;
  return session->config.window_octets == 0
         || session->output.queued - oldest->begin_mark + next->size <= session->config.window_octets;
}

gboolean
vd_session_is_small (VdSession *session, VdTransaction *txn)
{
  return vd_session_in_window (session) && txn->size <= SMALL_MAX;
}

void
vd_session_begin_again (VdSession *session, VdTransaction *txn)
{
  if (session->writing == txn)
    session->writing = NULL;
  if (txn->abandoned)
    session->n_abandoned--;
  g_queue_unlink (&session->open, &txn->link);
  txn->delivered |= txn->end_mark <= session->output.written;
  vd_transaction_rewind (txn);
  txn->retried = TRUE;
  g_queue_push_tail_link (&session->again, &txn->link);
  if (txn == session->ahead)
    vd_session_auth_is_clear (session);
}

VdTransaction *
vd_session_next_waiting (VdSession *session)
{
  VdTransaction *txn = g_queue_peek_head (&session->again);

  return txn != NULL ? txn : g_queue_peek_head (&session->waiting);
}

/* ---- what the replies tell ---- */

static void
out_of_step (VdSession *session, VdReply *reply)
{
  char *brief = vd_reply_brief (reply);

  vd_session_fail (
      session,
      vd_session_error_new (session, VEREDA_ERROR_PROTOCOL,
                            "the server does not discard what it refuses with BDAT (MAIL was answered with %s): which of "
                            "the messages behind it were taken cannot be known; pipelining=window is not for this server",
                            brief),
      reply);
  g_free (brief);
}

/* Behind a refused chunk: 500, 501, 502 and 504 say that a command is not known or not well formed, which MAIL is: it was a line of the message
 * that was read.  503 says that it is not its turn. */
gboolean
vd_session_window_on_mail (VdSession *session, VdTransaction *txn, VdReply *reply)
{
  if (!txn->windowed || !session->chunk_refused || reply->code < 500 || reply->code > 504)
    return FALSE;
  if (reply->code != 503)
    {
      out_of_step (session, reply);
      return TRUE;
    }
  if (txn->retried)
    return FALSE;
  session->window_fallen = session->window_failed = TRUE; /* this one could be had with a RSET, but never far ahead */
  session->need_rset = TRUE;
  txn->mail_reply = vd_reply_ref (reply);
  txn->again = TRUE;
  if (session->writing == txn)
    vd_session_abandon_txn (session, txn, NULL);
  return TRUE;
}

void
vd_session_window_on_last (VdSession *session, VdTransaction *txn, gboolean granted, VdReply *reply)
{
  if (!VD_REPLY_IS_POSITIVE (reply))
    {
      session->chunk_refused = TRUE;
      return;
    }
  session->bdat_taken = TRUE;
  session->chunk_refused = FALSE;
  session->proven += txn->windowed && granted;
}

/* An end that nobody announced, before the window ever did anything, or replies that do not fit: it was the window, as far as one can tell. */
void
vd_session_window_on_end (VdSession *session, const GError *error, VdReply *reply)
{
  if (!session->window_used || error == NULL || (reply != NULL && reply->code == 421)
      || (g_queue_is_empty (&session->open) && g_queue_is_empty (&session->again)))
    return;
  session->out_of_step = session->chunk_refused && g_error_matches (error, VEREDA_ERROR, VEREDA_ERROR_PROTOCOL);
  if (g_error_matches (error, VEREDA_ERROR, VEREDA_ERROR_PROTOCOL)
      || (session->proven == 0
          && (g_error_matches (error, VEREDA_ERROR, VEREDA_ERROR_CLOSED)
              || g_error_matches (error, VEREDA_ERROR, VEREDA_ERROR_TIMEOUT))))
    session->window_failed = TRUE;
}

gboolean
vd_session_window_failed (VdSession *session)
{
  return session->window_failed;
}
