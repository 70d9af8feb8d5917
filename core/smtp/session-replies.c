/* SPDX-License-Identifier: MIT */
/* session-replies - transactions: what the answers to MAIL, RCPT, DATA, BDAT and the end of data mean.  Part of session; see
 * session-private.h.
 *
 * Each reply belongs to the transaction that its expectation names.  Codes decide, never texts (RPL-1). */
#include "core/smtp/session-private.h"

/* ---- the reply cursor ---- */

static void
odd_reply (VdSession *session, const char *what, VdReply *reply)
{
  char *brief = vd_reply_brief (reply);

  vd_session_fail (session,
                   vd_session_error_new (session, VEREDA_ERROR_PROTOCOL,
                                         "%s cannot be answered with %s; the connection was dropped", what, brief),
                   reply);
  g_free (brief);
}

static void
on_mail (VdSession *session, VdTransaction *txn, VdReply *reply)
{
  if (VD_REPLY_IS_POSITIVE (reply))
    {
      txn->mail_accepted = TRUE;
      return;
    }
  if (vd_session_window_on_mail (session, txn, reply))
    return;
  txn->mail_reply = vd_reply_ref (reply);
  if (txn->error == NULL)
    txn->error = vd_session_refusal (session, VEREDA_ERROR_MAIL, "the reverse-path (MAIL)", reply);
  if (session->writing == txn && session->next != VD_STEP_CONTENT)
    vd_session_abandon_txn (session, txn, NULL);
}

static void
on_rcpt (VdSession *session, VdTransaction *txn, guint index, VdReply *reply)
{
  VdTxnRecipient *recipient = &txn->recipients[index];

  txn->rcpt_replies++;
  if (txn->mail_reply != NULL)
    {
      txn->doubtful |= VD_REPLY_IS_POSITIVE (reply);
      return; /* RCP-10: a consequence, no verdict on the address */
    }
  recipient->reply = vd_reply_ref (reply);
  recipient->accepted = VD_REPLY_IS_POSITIVE (reply);
  if (recipient->accepted)
    txn->accepted++;
  else
    txn->refused++;
}

static void
on_data (VdSession *session, VdTransaction *txn, VdReply *reply)
{
  gboolean granted = txn->mail_reply == NULL && vd_session_is_granted (txn);

  if (reply->code == 354)
    {
      if (granted)
        {
          session->next = VD_STEP_CONTENT;
          return;
        }
      /* PIP-6: the server said 354 although nobody is to receive.  A lone dot ends it; nobody was accepted, nobody gets it. */
      txn->void_end = TRUE;
      vd_buffer_append (vd_output_commands (&session->output), ".\r\n", 3);
      vd_session_push (session, VD_STEP_CONTENT, txn);
      vd_session_mark_abandoned (session, txn);
      return;
    }
  if (reply->code < 400)
    {
      odd_reply (session, "DATA", reply); /* DAT-2: not one octet without 354 */
      return;
    }
  if (granted)
    {
      txn->data_reply = vd_reply_ref (reply);
      vd_session_abandon_txn (session, txn, vd_session_refusal (session, VEREDA_ERROR_DATA, "DATA", reply));
    }
  else
    vd_session_abandon_txn (session, txn, NULL);
}

/* LMTP: one reply for each accepted recipient, in order (RFC 2033 section 4.2). */
static void
on_lmtp_end (VdSession *session, VdTransaction *txn, VdReply *reply)
{
  guint seen = 0;

  for (guint i = 0; i < txn->n_recipients; i++)
    {
      VdTxnRecipient *recipient = &txn->recipients[i];

      if (!recipient->accepted || seen++ != txn->lmtp_replies)
        continue;
      recipient->final = vd_reply_ref (reply);
      break;
    }
  txn->lmtp_replies++;
  if (txn->final_reply == NULL || (VD_REPLY_IS_POSITIVE (reply) && !VD_REPLY_IS_POSITIVE (txn->final_reply)))
    {
      g_clear_pointer (&txn->final_reply, vd_reply_unref);
      txn->final_reply = vd_reply_ref (reply);
    }
  if (txn->lmtp_replies < txn->accepted)
    return;
  if (VD_REPLY_IS_POSITIVE (txn->final_reply))
    vd_session_finish_txn (session, txn, VD_OUTCOME_SENT, NULL);
  else
    vd_session_finish_txn (session, txn, VD_OUTCOME_NOT_SENT,
                           vd_session_refusal (session, VEREDA_ERROR_CONTENT, "the message", txn->final_reply));
}

static void
on_end (VdSession *session, VdTransaction *txn, VdReply *reply)
{
  if (txn->void_end) /* 5yz is expected, 2yz is tolerated and counts for nothing */
    {
      session->need_rset = TRUE;
      vd_session_finish_txn (session, txn, VD_OUTCOME_NOT_SENT, NULL);
    }
  else if (reply->code / 100 == 3)
    odd_reply (session, "the end of data", reply);
  else if (session->config.lmtp)
    on_lmtp_end (session, txn, reply);
  else
    {
      txn->final_reply = vd_reply_ref (reply);
      if (VD_REPLY_IS_POSITIVE (reply))
        vd_session_finish_txn (session, txn, VD_OUTCOME_SENT, NULL);
      else
        vd_session_finish_txn (session, txn, VD_OUTCOME_NOT_SENT,
                               vd_session_refusal (session, VEREDA_ERROR_CONTENT, "the message", reply));
    }
}

static gboolean
tells_bdat_unknown (VdSession *session, const VdTransaction *txn, VdReply *reply)
{
  return txn->data_reply == NULL && !session->bdat_taken
         && (reply->code == 500 || reply->code == 502 || reply->code == 503 || reply->code == 504);
}

/* BDT-12 and SEC-7: a server that does not know BDAT may be reading the chunk as commands.  Nothing more on this connection. */
static void
on_bdat_unknown (VdSession *session, VdTransaction *txn, VdReply *reply)
{
  session->bdat_refused = TRUE;
  txn->data_reply = vd_reply_ref (reply);
  txn->end_mark = G_MAXUINT64; /* not a message that was handed over */
  vd_session_fail (session, vd_session_refusal (session, VEREDA_ERROR_DATA, "BDAT, which it offers", reply), reply);
}

/* RSET, unless another transaction was begun behind it, in the window: that one it would end. */
static void
reset_after (VdSession *session, VdTransaction *txn)
{
  if (g_queue_peek_tail (&session->open) == txn)
    session->need_rset = TRUE;
}

/* A chunk before the last is refused: no further one, and RSET before anything else (BDT-5). */
static void
on_chunk_refused (VdSession *session, VdTransaction *txn, VdReply *reply)
{
  GError *error = vd_session_refusal (session, VEREDA_ERROR_CONTENT, "the message", reply);

  reset_after (session, txn);
  if (txn->data_reply == NULL)
    txn->data_reply = vd_reply_ref (reply);
  txn->closed = TRUE;
  txn->end_mark = G_MAXUINT64;
  /* Chunks on their way are discarded by the server; what is announced and not written can only be cut off. */
  if (vd_output_is_open (&session->output))
    vd_session_abandon_txn (session, txn, error);
  else
    vd_session_fail (session, error, reply);
}

/* The reply to the last chunk after one before it was refused, and the refusal of the last itself. */
static void
on_last_chunk (VdSession *session, VdTransaction *txn, VdReply *reply)
{
  gboolean taken = VD_REPLY_IS_POSITIVE (reply);

  if (!taken)
    reset_after (session, txn);
  txn->closed = TRUE;
  if (taken && txn->data_reply != NULL)
    {
      vd_session_finish_txn (
          session, txn, VD_OUTCOME_UNKNOWN,
          vd_session_error_new (session, VEREDA_ERROR_UNKNOWN_OUTCOME,
                                "the server refused a part of the message and accepted its end; nobody knows what it has"));
      return;
    }
  txn->final_reply
      = vd_reply_ref (txn->data_reply != NULL ? txn->data_reply : reply); /* the first refusal is the reason of the rest */
  vd_session_finish_txn (session, txn, VD_OUTCOME_NOT_SENT,
                         vd_session_refusal (session, VEREDA_ERROR_CONTENT, "the message", txn->final_reply));
}

/* Sent ahead, in the window, of refusals: what the server says of it does not count, nobody was to receive it (PIP-6). */
static void
on_refused_end (VdSession *session, VdTransaction *txn, VdReply *reply)
{
  gboolean taken = VD_REPLY_IS_POSITIVE (reply);

  if (taken && (txn->doubtful || txn->again))
    vd_session_finish_txn (
        session, txn, VD_OUTCOME_UNKNOWN,
        vd_session_error_new (session, VEREDA_ERROR_UNKNOWN_OUTCOME,
                              "the server refused the reverse-path and accepted the message all the same; nobody "
                              "knows what it does with it"));
  else if (txn->again)
    vd_session_begin_again (session, txn);
  else
    vd_session_finish_txn (session, txn, VD_OUTCOME_NOT_SENT, NULL);
}

static void
on_bdat (VdSession *session, VdTransaction *txn, gboolean last, VdReply *reply)
{
  gboolean granted = txn->mail_reply == NULL && vd_session_is_granted (txn);

  if (last)
    vd_session_window_on_last (session, txn, granted, reply);
  if (reply->code / 100 == 3)
    odd_reply (session, "BDAT", reply); /* BDT-10 */
  else if (!granted)
    {
      if (!VD_REPLY_IS_POSITIVE (reply))
        reset_after (session, txn);
      txn->closed = TRUE;
      if (last)
        on_refused_end (session, txn, reply);
    }
  else if (txn->lmtp_replies == 0 && tells_bdat_unknown (session, txn, reply))
    on_bdat_unknown (session, txn, reply);
  else if (!last && !VD_REPLY_IS_POSITIVE (reply))
    on_chunk_refused (session, txn, reply);
  else if (last && session->config.lmtp && txn->data_reply == NULL)
    on_lmtp_end (session, txn, reply);
  else if (last && (txn->data_reply != NULL || !VD_REPLY_IS_POSITIVE (reply)))
    on_last_chunk (session, txn, reply);
  else if (last)
    on_end (session, txn, reply);
}

gboolean
vd_session_bdat_refused (VdSession *session)
{
  return session->bdat_refused;
}

/* RCP-9: the server leaves in the middle of an envelope: a word about the transaction, not about an address.  The one exception is an answer
 * to the message itself. */
void
vd_session_on_mail_reply (VdSession *session, VdExpect *expect, VdReply *reply)
{
  VdTransaction *txn = expect->txn;

  if (expect->step != VD_STEP_DATA && expect->step != VD_STEP_CONTENT && expect->step != VD_STEP_BDAT
      && expect->step != VD_STEP_BDAT_LAST && reply->code / 100 == 3)
    {
      odd_reply (session, vd_step_name (expect->step), reply);
      return;
    }
  switch (expect->step)
    {
    case VD_STEP_MAIL:
      on_mail (session, txn, reply);
      break;
    case VD_STEP_RCPT:
      on_rcpt (session, txn, expect->recipient, reply);
      break;
    case VD_STEP_DATA:
      on_data (session, txn, reply);
      break;
    case VD_STEP_CONTENT:
      on_end (session, txn, reply);
      break;
    case VD_STEP_BDAT:
    case VD_STEP_BDAT_LAST:
      on_bdat (session, txn, expect->step == VD_STEP_BDAT_LAST, reply);
      break;
    default:
      g_assert_not_reached ();
    }
  if (session->config.lmtp && session->phase != VD_PHASE_CLOSED && txn->outcome == VD_OUTCOME_PENDING && !txn->abandoned
      && (expect->step == VD_STEP_CONTENT || expect->step == VD_STEP_BDAT_LAST) && txn->lmtp_replies < txn->accepted)
    vd_session_push_again (session, expect);
  /* The last reply to an abandoned transaction finishes it. */
  if (session->phase != VD_PHASE_CLOSED && txn->abandoned && txn->outcome == VD_OUTCOME_PENDING)
    vd_session_abandon_txn (session, txn, NULL);
}

void
vd_session_on_early_reply (VdSession *session, VdTransaction *txn, VdReply *reply)
{
  GError *error;

  if (txn->bdat_begun && txn->mail_reply == NULL && vd_session_is_granted (txn) && tells_bdat_unknown (session, txn, reply))
    {
      on_bdat_unknown (session, txn, reply); /* said before the chunk was on its way as a whole */
      return;
    }
  error = vd_session_refusal (session, VEREDA_ERROR_CONTENT, "the message before its end", reply);
  txn->final_reply = vd_reply_ref (reply);
  txn->end_mark = G_MAXUINT64; /* its end was never handed over: refused, not unknown */
  vd_session_fail (session, error, reply);
}
