/* SPDX-License-Identifier: MIT */
/* job - see job.h.  The one place where a transaction's end becomes a verdict. */
#include "core/send/job.h"

#include <string.h>
#include <time.h>

#include "core/base/error.h"
#include "core/base/trace.h"
#include "core/plugin/host.h"

/* ---- making one ---- */

/* Seconds east of Greenwich; G_MININT32: not known.  Not GDateTime's local time, which looks at files each time, and at TZ aloud. */
static gint32
utc_offset_at (gint64 now)
{
  time_t moment = (time_t) now;
  struct tm local;

  return localtime_r (&moment, &local) != NULL ? (gint32) local.tm_gmtoff : G_MININT32;
}

/* For messages without Date or Message-ID, and digests. */
static gboolean
provide_moment (VdMoment *moment, GError **error)
{
  const VeredaHost *host = vd_host_get ();

  moment->now = g_get_real_time () / G_USEC_PER_SEC;
  moment->utc_offset = utc_offset_at (moment->now);
  return host->random (host->self, moment->random, sizeof moment->random, error);
}

void
vd_terms_clear (VdTerms *terms)
{
  memset (terms, 0, sizeof *terms);
}

/* Texts are borrowed from the options at hand, which may be others of the same serial the next time. */
static void
read_terms (VdTerms *terms, const VeredaOptions *options)
{
  VdEnvelopeOptions *wanted = &terms->envelope;

  if (terms->serial != options->serial)
    {
      terms->serial = options->serial;
      terms->policy = vd_options_body_policy (options);
      terms->commit = vd_options_bool (options, VD_OPTION_AT_LEAST_ONE) ? VD_COMMIT_ANY : VD_COMMIT_ALL;
      wanted->bcc = (VdBccMode) vd_options_choice (options, VD_OPTION_BCC);
      wanted->empty_bcc = vd_options_bool (options, VD_OPTION_EMPTY_BCC);
      wanted->user = g_get_user_name ();
      wanted->provide = provide_moment;
    }
  wanted->originator = vd_options_text (options, VD_OPTION_ORIGINATOR);
  wanted->recipients = vd_options_text (options, VD_OPTION_RECIPIENTS);
  wanted->headers = options->headers;
  wanted->default_domain = vd_options_text (options, VD_OPTION_DEFAULT_DOMAIN);
}

/* The message's last one, where nothing has changed since; or a new one, for the next time too. */
static VdEnvelope *
envelope_of (VeredaMessage *message, const VdTerms *terms, GError **error)
{
  VdEnvelope *envelope;

  if (!vd_message_prepare (message, &terms->policy, error))
    return NULL;
  envelope = vd_message_kept_envelope (message, terms->serial);
  if (envelope != NULL)
    return vd_envelope_ref (envelope);
  envelope = vd_envelope_new (message, &terms->envelope, error);
  if (envelope != NULL && envelope->lasting)
    vd_message_keep_envelope (message, terms->serial, envelope);
  return envelope;
}

VdJob *
vd_job_new (VeredaMessage *message, const VeredaOptions *options, VdTerms *terms, VeredaResult **ret_result, GError **error)
{
  VeredaResult *result = vd_result_new ();
  VdEnvelope *envelope;
  GError *why = NULL;
  VdJob *job;

  *ret_result = result;
  read_terms (terms, options);
  envelope = envelope_of (message, terms, &why);
  if (envelope == NULL)
    {
      vd_result_fail (result, why);
      g_propagate_error (error, why);
      return NULL;
    }
  vd_result_set_envelope (result, envelope);

  job = g_malloc (sizeof *job);
  memset (job, 0, G_STRUCT_OFFSET (VdJob, space)); /* that is set when it is used */
  job->message = vereda_message_ref (message);
  job->commit = terms->commit;
  job->policy = terms->policy;
  job->envelope = envelope;
  job->result = vereda_result_ref (result);
  job->link.data = job->pending.data = job;
  job->deadline = G_MAXINT64;
  return job;
}

void
vd_job_free (VdJob *job)
{
  if (job == NULL)
    return;
  if (job->txn != NULL)
    vd_transaction_clear (job->txn);
  vereda_message_unref (job->message);
  vereda_result_unref (job->result);
  g_free (job);
}

/* ---- its transactions ---- */

static VdBody *
open_content (VdTransaction *txn, VdBodyMode mode, gpointer data, GError **error)
{
  VdJob *job = data;

  return vd_copy_open (&job->envelope->copies[job->copy], job->message, mode, &job->policy, error);
}

VdTransaction *
vd_job_begin_copy (VdJob *job)
{
  const VdCopy *copy = &job->envelope->copies[job->copy];
  VdTransaction *txn = &job->space;

  if (job->txn != NULL)
    vd_transaction_clear (job->txn);
  vd_transaction_init (txn, job->envelope->reverse_path, job->envelope->reverse_utf8);
  for (guint i = 0; i < copy->n_recipients; i++)
    {
      const VdRecipient *recipient = &job->envelope->recipients[vd_copy_recipient (copy, i)];

      vd_transaction_add_recipient (txn, recipient->path, recipient->utf8);
    }
  txn->commit = job->commit;
  txn->size = copy->size;
  txn->eight_bit = copy->eight_bit;
  txn->utf8_header = copy->utf8_header;
  txn->open_content = open_content;
  if (!vd_copy_exact (copy, job->message, txn->exact, &txn->dotless))
    txn->exact[0] = txn->exact[1] = (VeredaSpan){ NULL, 0 };
  txn->data = job;
  job->tell_at = 0;
  return job->txn = txn;
}

/* ---- what became of them ---- */

typedef struct
{
  VeredaRecipientStatus status;
  VdReply *reply;
  gboolean permanent; /* of a refusal */
} Fate;

/* What was said of the message is said of everybody it was for; 552 is then about size and not about the number of recipients. */
static Fate
refused_with_message (VdReply *reply)
{
  return (Fate){ VEREDA_RECIPIENT_REFUSED, reply, VD_REPLY_IS_PERMANENT (reply) };
}

/* What the transaction's end means for one of its recipients. */
static Fate
fate_of (const VdTransaction *txn, const VdTxnRecipient *recipient)
{
  if (recipient->reply != NULL && !recipient->accepted)
    return (Fate){ VEREDA_RECIPIENT_REFUSED, recipient->reply,
                   vd_transaction_is_permanent (recipient->reply, txn->size_declared) };
  if (txn->outcome == VD_OUTCOME_UNKNOWN && recipient->final == NULL)
    return (Fate){ VEREDA_RECIPIENT_UNKNOWN, recipient->reply, FALSE };
  if (recipient->final != NULL && !VD_REPLY_IS_POSITIVE (recipient->final)) /* LMTP: each its own */
    return refused_with_message (recipient->final);
  if (recipient->final != NULL)
    return (Fate){ VEREDA_RECIPIENT_ACCEPTED, recipient->final, FALSE };
  if (txn->outcome == VD_OUTCOME_SENT)
    return (Fate){ VEREDA_RECIPIENT_ACCEPTED, recipient->reply, FALSE };
  if (recipient->accepted && txn->final_reply != NULL && txn->final_reply->code >= 400) /* DAT-6: the refusal is everybody's */
    return refused_with_message (txn->final_reply);
  return (Fate){ VEREDA_RECIPIENT_NOT_SENT, recipient->reply, FALSE };
}

static void
set_recipient (VeredaRecipient *to, const Fate *fate, VdPlace *place)
{
  to->status = fate->status;
  vd_reply_unref (to->reply);
  to->reply = fate->reply != NULL ? vd_reply_ref (fate->reply) : NULL;
  to->permanent = fate->permanent;
  vd_place_unref (to->place);
  to->place = fate->reply != NULL || fate->status == VEREDA_RECIPIENT_UNKNOWN ? vd_place_ref (place) : NULL;
}

/* Each place of an address in the list of those given learns what became of the one RCPT for it (RCP-7). */
static void
take_recipients (VdJob *job, VdPlace *place)
{
  const VdCopy *copy = &job->envelope->copies[job->copy];
  const VdEnvelope *envelope = job->envelope;
  guint few[8] = { 0 };
  /* By row: which of the transaction's recipients, from 1; 0: not in this copy. */
  guint *asked = envelope->n_recipients <= G_N_ELEMENTS (few) ? few : g_new0 (guint, envelope->n_recipients);

  for (guint i = 0; i < copy->n_recipients; i++)
    asked[vd_copy_recipient (copy, i)] = i + 1;
  for (guint i = 0; i < envelope->n_recipients; i++)
    {
      const VdRecipient *recipient = &envelope->recipients[i];
      guint which = asked[recipient->same_as >= 0 ? (guint) recipient->same_as : i];
      Fate fate;

      if (which == 0)
        continue;
      fate = fate_of (job->txn, &job->txn->recipients[which - 1]);
      set_recipient (&job->result->recipients[i], &fate, place);
    }
  if (asked != few)
    g_free (asked);
}

/* "2 of 3 recipients were refused (a@b: 550 5.1.1 no such user; …)" */
static GError *
recipients_error (VdJob *job, const VdPlace *place)
{
  const VdTransaction *txn = job->txn;
  GString *text = g_string_new (NULL);
  GError *error;
  guint shown = 0;

  for (guint i = 0; i < txn->n_recipients; i++)
    {
      const VdTxnRecipient *recipient = &txn->recipients[i];
      char *brief, *path;

      if (recipient->reply == NULL || recipient->accepted)
        continue;
      if (++shown > 3)
        {
          g_string_append (text, "; …");
          break;
        }
      brief = vd_reply_brief (recipient->reply);
      path = vd_text_escape (recipient->path, strlen (recipient->path));
      g_string_append_printf (text, "%s<%s>: %s", shown > 1 ? "; " : "", path, brief);
      g_free (brief);
      g_free (path);
    }
  error = g_error_new (VEREDA_ERROR, VEREDA_ERROR_RECIPIENTS, "%s: %u of %u recipients refused (%s); nothing was sent%s",
                       place->server, txn->refused, txn->n_recipients, text->str,
                       txn->refused < txn->n_recipients ? " (at-least-one would send to the others)" : "");
  g_string_free (text, TRUE);
  return error;
}

static gboolean
refusals_are_transient (const VdTransaction *txn)
{
  for (guint i = 0; i < txn->n_recipients; i++)
    {
      const VdTxnRecipient *recipient = &txn->recipients[i];

      if (recipient->reply != NULL && !recipient->accepted
          && vd_transaction_is_permanent (recipient->reply, txn->size_declared))
        return FALSE;
    }
  return TRUE;
}

static VdReply *
telling_reply (const VdTransaction *txn)
{
  return txn->final_reply != NULL ? txn->final_reply : txn->data_reply != NULL ? txn->data_reply : txn->mail_reply;
}

static void
take_main (VdJob *job, VdPlace *place, VdReply *closing)
{
  static const VeredaVerdict verdicts[]
      = { [VD_OUTCOME_NOT_SENT] = VEREDA_NOT_SENT, [VD_OUTCOME_SENT] = VEREDA_SENT, [VD_OUTCOME_UNKNOWN] = VEREDA_UNKNOWN };
  VeredaResult *result = job->result;
  const VdTransaction *txn = job->txn;
  VdReply *reply = telling_reply (txn);
  /* A lone dot ended what nobody was to receive: whatever came after it, the refusals are the reason. */
  gboolean refused = txn->void_end && txn->mail_reply == NULL;

  if (reply == NULL && txn->outcome == VD_OUTCOME_NOT_SENT && !refused)
    reply = closing;
  result->verdict = verdicts[txn->outcome];
  vd_result_set_answer (result, place, reply);
  g_clear_error (&result->error);
  result->transient = FALSE;
  if (txn->outcome == VD_OUTCOME_SENT)
    return;
  if (txn->error != NULL && !refused)
    {
      result->error = g_error_copy (txn->error);
      result->transient = txn->outcome == VD_OUTCOME_NOT_SENT && vd_error_is_transient (txn->error, reply);
    }
  else
    {
      result->error = recipients_error (job, place);
      result->transient = refusals_are_transient (txn);
    }
}

/* A blind copy that did not go out does not change the verdict on the message, but is never swallowed (BCC-6). */
static void
take_blind (VdJob *job, const VdPlace *place)
{
  const VdTransaction *txn = job->txn;

  if (txn->outcome == VD_OUTCOME_SENT)
    return;
  vd_result_warn (job->result, "%s: a blind copy was not sent, or its outcome is unknown: %s", place->server,
                  txn->error != NULL ? txn->error->message : "its recipients were refused");
}

static gboolean
all_blind (VdJob *job)
{
  return job->envelope->copies[0].blind;
}

void
vd_job_take_outcome (VdJob *job, VdPlace *place, VdReply *closing)
{
  /* Where every recipient is blind there is no main copy: the first stands for the message, and a later one that is sent makes it sent. */
  gboolean stands
      = job->copy == 0 || (all_blind (job) && job->result->verdict == VEREDA_NOT_SENT && job->txn->outcome == VD_OUTCOME_SENT);

  take_recipients (job, place);
  if (stands)
    take_main (job, place, closing);
  else
    take_blind (job, place);
}

gboolean
vd_job_next_copy (VdJob *job)
{
  if (job->copy == 0 && job->result->verdict != VEREDA_SENT && !all_blind (job))
    return FALSE;
  if (job->copy + 1 >= job->envelope->n_copies)
    return FALSE;
  job->copy++;
  return TRUE;
}

gboolean
vd_job_has_more_copies (const VdJob *job)
{
  return job->copy + 1 < job->envelope->n_copies;
}

void
vd_job_fail (VdJob *job, const GError *error, VdReply *reply)
{
  if (job->copy > 0)
    {
      vd_result_warn (job->result, "a blind copy was not sent: %s", error->message);
      return;
    }
  vd_result_fail (job->result, error);
  job->result->transient = vd_error_is_transient (error, reply);
  vd_result_set_answer (job->result, job->result->place, reply);
}
