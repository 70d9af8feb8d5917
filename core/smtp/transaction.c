/* SPDX-License-Identifier: MIT */
/* transaction - see transaction.h.  Plain data with a constructor, a destructor and one rule. */
#include "core/smtp/transaction.h"

#include <string.h>

void
vd_transaction_init (VdTransaction *txn, const char *reverse_path, gboolean reverse_utf8)
{
  memset (txn, 0, sizeof *txn);
  txn->reverse_path = reverse_path;
  txn->reverse_utf8 = reverse_utf8;
  txn->recipients = txn->few;
  txn->room = G_N_ELEMENTS (txn->few);
  txn->link.data = txn->flying.data = txn;
  txn->end_mark = G_MAXUINT64;
}

VdTransaction *
vd_transaction_new (const char *reverse_path, gboolean reverse_utf8)
{
  VdTransaction *txn = g_new (VdTransaction, 1);

  vd_transaction_init (txn, reverse_path, reverse_utf8);
  return txn;
}

static void
double_room (VdTransaction *txn)
{
  VdTxnRecipient *more = g_new (VdTxnRecipient, 2 * (gsize) txn->room);

  memcpy (more, txn->recipients, txn->n_recipients * sizeof *more);
  if (txn->recipients != txn->few)
    g_free (txn->recipients);
  txn->recipients = more;
  txn->room *= 2;
}

void
vd_transaction_add_recipient (VdTransaction *txn, const char *path, gboolean utf8)
{
  if (txn->n_recipients == txn->room)
    double_room (txn);
  txn->recipients[txn->n_recipients++] = (VdTxnRecipient){ .path = path, .utf8 = utf8 };
}

void
vd_transaction_free (VdTransaction *txn)
{
  if (txn != NULL)
    vd_transaction_clear (txn);
  g_free (txn);
}

void
vd_transaction_clear (VdTransaction *txn)
{
  for (guint i = 0; i < txn->n_recipients; i++)
    {
      vd_reply_unref (txn->recipients[i].reply);
      vd_reply_unref (txn->recipients[i].final);
    }
  if (txn->recipients != txn->few)
    g_free (txn->recipients);
  vd_reply_unref (txn->mail_reply);
  vd_reply_unref (txn->data_reply);
  vd_reply_unref (txn->final_reply);
  g_clear_error (&txn->error);
}

void
vd_transaction_rewind (VdTransaction *txn)
{
  for (guint i = 0; i < txn->n_recipients; i++)
    {
      VdTxnRecipient *recipient = &txn->recipients[i];

      g_clear_pointer (&recipient->reply, vd_reply_unref);
      g_clear_pointer (&recipient->final, vd_reply_unref);
      recipient->accepted = FALSE;
    }
  g_clear_pointer (&txn->mail_reply, vd_reply_unref);
  g_clear_pointer (&txn->data_reply, vd_reply_unref);
  g_clear_pointer (&txn->final_reply, vd_reply_unref);
  g_clear_error (&txn->error);
  txn->outcome = VD_OUTCOME_PENDING;
  txn->mail_accepted = txn->settled = txn->may_move = txn->lacking = txn->begun = txn->size_declared = FALSE;
  txn->handed_over = FALSE;
  txn->begin_mark = txn->content_written = 0;
  txn->end_mark = G_MAXUINT64;
  txn->next_rcpt = txn->rcpt_replies = txn->accepted = txn->refused = txn->lmtp_replies = 0;
  txn->abandoned = txn->bdat_begun = txn->closed = txn->windowed = txn->again = txn->doubtful = txn->void_end = FALSE;
}

gboolean
vd_transaction_is_permanent (VdReply *reply, gboolean size_declared)
{
  const VdEnhanced *enhanced = &reply->enhanced;

  if (reply->code != 552)
    return VD_REPLY_IS_PERMANENT (reply);

  /* RFC 5321 section 4.5.3.1.10 reads 552 to RCPT as "too many recipients", hence temporary; RFC 1870 section 6.4 as a size limit of that
   * recipient, hence permanent.  The enhanced code decides where there is one: X.2.2, X.2.3 (mailbox full, message too long for it)
   * and X.3.4 (too big for the system) speak of size. */
  if (enhanced->klass != 0)
    return (enhanced->subject == 2 && (enhanced->detail == 2 || enhanced->detail == 3))
           || (enhanced->subject == 3 && enhanced->detail == 4);
  return size_declared;
}
