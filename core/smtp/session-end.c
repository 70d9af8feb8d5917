/* SPDX-License-Identifier: MIT */
/* session-end - transactions: their ends.  Part of session; see session-private.h.
 *
 * A transaction ends in exactly one place, vd_session_finish_txn(). */
#include "core/smtp/session-private.h"

#include <string.h>

VdTransaction *
vd_session_take_first (GQueue *queue)
{
  GList *link = g_queue_pop_head_link (queue);

  return link != NULL ? link->data : NULL;
}

void
vd_session_finish_txn (VdSession *session, VdTransaction *txn, VdOutcome outcome, GError *error)
{
  if (session->writing == txn)
    session->writing = NULL;
  if (session->content == txn)
    session->content = NULL;
  if (txn->abandoned)
    session->n_abandoned--;
  txn->handed_over
      |= txn->end_mark <= session->output.written && !txn->void_end; /* small content in the window is not counted on its way */
  txn->outcome = outcome;
  if (txn->error == NULL)
    txn->error = error;
  else
    g_clear_error (&error);
  if (txn->link.prev != NULL || session->open.head == &txn->link) /* it is in a queue: that one */
    g_queue_unlink (&session->open, &txn->link);
  g_queue_push_tail_link (&session->finished, &txn->link);
}

VdTransaction *
vd_session_take_finished (VdSession *session)
{
  return vd_session_take_first (&session->finished);
}

static gboolean
is_awaited (VdSession *session, VdTransaction *txn)
{
  for (GList *l = session->expects.head; l != NULL; l = l->next)
    if (((VdExpect *) l->data)->txn == txn)
      return TRUE;
  return FALSE;
}

void
vd_session_mark_abandoned (VdSession *session, VdTransaction *txn)
{
  if (session->writing == txn)
    session->writing = NULL;
  session->n_abandoned += !txn->abandoned;
  txn->abandoned = TRUE;
}

/* Stops writing a transaction.  It is finished when the replies to what was already written are in. */
void
vd_session_abandon_txn (VdSession *session, VdTransaction *txn, GError *error)
{
  vd_session_mark_abandoned (session, txn);
  if (txn->error == NULL)
    txn->error = error;
  else
    g_clear_error (&error);
  if (is_awaited (session, txn))
    return;
  session->need_rset |= txn->mail_accepted && !txn->closed;
  if (txn->again)
    vd_session_begin_again (session, txn);
  else
    {
      vd_session_finish_txn (session, txn, VD_OUTCOME_NOT_SENT, NULL);
    }
}

/* Nobody is to receive it, whatever was handed over. */
static gboolean
is_refused (const VdTransaction *txn)
{
  return txn->mail_reply != NULL || txn->refused == txn->n_recipients;
}

static void
settle_unknown (VdSession *session, VdTransaction *txn, const GError *error)
{
  const char *why = error != NULL ? error->message : "session ended";
  gsize server = strlen (session->config.server);

  if (g_str_has_prefix (why, session->config.server) && g_str_has_prefix (why + server, ": "))
    why += server + 2; /* the error begins with it already */
  vd_session_finish_txn (
      session, txn, VD_OUTCOME_UNKNOWN,
      vd_session_error_new (
          session, VEREDA_ERROR_UNKNOWN_OUTCOME,
          "the whole message was handed over and its reply never came (%s); it may have been sent and is not sent again", why));
}

static void
settle_not_sent (VdSession *session, VdTransaction *txn, const GError *error)
{
  txn->settled = TRUE;
  /* Once MAIL was accepted a message stays, lest one that makes servers go away wanders on and on (CFG-14); but with the window asked for
   * an envelope is accepted because it travelled with others.  An answer to the content is final in every case. */
  txn->may_move = (!txn->mail_accepted || session->config.level == VD_PIPELINING_WINDOW) && txn->data_reply == NULL
                  && txn->final_reply == NULL;
  vd_session_finish_txn (session, txn, VD_OUTCOME_NOT_SENT, error != NULL ? g_error_copy (error) : NULL);
}

/* Those that were begun. */
static void
settle_open (VdSession *session, VdTransaction *txn, const GError *error)
{
  if (txn->again) /* the refusal of MAIL was none; but where MAIL was not its turn, nothing was taken */
    {
      txn->mail_accepted = FALSE;
      settle_not_sent (session, txn, error);
    }
  else if (is_refused (txn)) /* the replies say why */
    vd_session_finish_txn (session, txn, VD_OUTCOME_NOT_SENT, NULL);
  else if (txn->end_mark <= session->output.written && !txn->void_end)
    {
      txn->settled = TRUE;
      settle_unknown (session, txn, error);
    }
  else
    settle_not_sent (session, txn, error);
}

void
vd_session_settle (VdSession *session, const GError *error)
{
  VdTransaction *txn;

  while ((txn = vd_session_take_first (&session->again)) != NULL)
    if (session->out_of_step && txn->delivered)
      {
        txn->settled = TRUE;
        settle_unknown (session, txn, error);
      }
    else
      settle_not_sent (session, txn, error);
  while ((txn = g_queue_peek_head (&session->open)) != NULL)
    settle_open (session, txn, error);
  while ((txn = vd_session_take_first (&session->waiting)) != NULL)
    settle_not_sent (session, txn, error);
  session->writing = NULL;
}
