/* SPDX-License-Identifier: MIT */
/* result - construction, destruction and getters.  See result.h.  Cannot fail. */
#include "core/send/result.h"

#include <stdarg.h>

#include "core/base/error.h"

/* ---- replies ---- */

VeredaReply *
vd_result_reply_new (VdReply *reply)
{
  VeredaReply *copy;

  if (reply == NULL)
    return NULL;
  copy = g_new0 (VeredaReply, 1);
  copy->reply = vd_reply_ref (reply);
  return copy;
}

void
vd_result_reply_free (VeredaReply *reply)
{
  if (reply == NULL)
    return;
  g_free (reply->enhanced);
  g_free (reply->text);
  vd_reply_unref (reply->reply);
  g_free (reply);
}

int
vereda_reply_get_code (VeredaReply *reply)
{
  return (int) reply->reply->code;
}

/* Most replies are never read.  Results may be read by several threads: the first word made stays. */
static const char *
once (char **place, VdReply *reply, char *(*make) (VdReply *reply))
{
  char *known = g_atomic_pointer_get (place), *made;

  if (known != NULL)
    return known;
  made = make (reply);
  if (made == NULL || g_atomic_pointer_compare_and_exchange (place, (char *) NULL, made))
    return made;
  g_free (made);
  return g_atomic_pointer_get (place);
}

const char *
vereda_reply_get_enhanced (VeredaReply *reply)
{
  return once (&reply->enhanced, reply->reply, vd_reply_enhanced_text);
}

const char *
vereda_reply_get_text (VeredaReply *reply)
{
  return once (&reply->text, reply->reply, vd_reply_text);
}

gboolean
vereda_reply_is_local (VeredaReply *reply)
{
  return reply->reply->local;
}

/* ---- attempts ---- */

VeredaAttempt *
vd_attempt_new (const char *server, const char *address, const char *transport, VeredaStage stage, gboolean succeeded,
                VdReply *reply, VeredaDecision decision, gint64 elapsed, const char *detail)
{
  VeredaAttempt *attempt = g_new0 (VeredaAttempt, 1);

  g_atomic_ref_count_init (&attempt->refs);
  attempt->server = g_strdup (server);
  attempt->address = g_strdup (address);
  attempt->transport = g_strdup (transport);
  attempt->stage = stage;
  attempt->succeeded = succeeded;
  attempt->reply = vd_result_reply_new (reply);
  attempt->decision = decision;
  attempt->elapsed = elapsed;
  attempt->detail = g_strdup (detail != NULL ? detail : "");
  return attempt;
}

VeredaAttempt *
vd_attempt_ref (VeredaAttempt *attempt)
{
  g_atomic_ref_count_inc (&attempt->refs);
  return attempt;
}

void
vd_attempt_unref (VeredaAttempt *attempt)
{
  if (attempt == NULL || !g_atomic_ref_count_dec (&attempt->refs))
    return;
  g_free (attempt->server);
  g_free (attempt->address);
  g_free (attempt->transport);
  g_free (attempt->detail);
  vd_result_reply_free (attempt->reply);
  g_free (attempt);
}

const char *
vereda_attempt_get_server (VeredaAttempt *attempt)
{
  return attempt->server;
}

const char *
vereda_attempt_get_address (VeredaAttempt *attempt)
{
  return attempt->address;
}

const char *
vereda_attempt_get_transport (VeredaAttempt *attempt)
{
  return attempt->transport;
}

VeredaStage
vereda_attempt_get_stage (VeredaAttempt *attempt)
{
  return attempt->stage;
}

gboolean
vereda_attempt_succeeded (VeredaAttempt *attempt)
{
  return attempt->succeeded;
}

const char *
vereda_attempt_get_detail (VeredaAttempt *attempt)
{
  return attempt->detail;
}

VeredaReply *
vereda_attempt_get_reply (VeredaAttempt *attempt)
{
  return attempt->reply;
}

VeredaDecision
vereda_attempt_get_decision (VeredaAttempt *attempt)
{
  return attempt->decision;
}

gint64
vereda_attempt_get_elapsed (VeredaAttempt *attempt)
{
  return attempt->elapsed;
}

/* ---- recipients ---- */

static void
recipient_free (gpointer data)
{
  VeredaRecipient *recipient = data;

  g_free (recipient->address);
  g_free (recipient->server);
  vd_result_reply_free (recipient->reply);
  g_free (recipient);
}

const char *
vereda_recipient_get_address (VeredaRecipient *recipient)
{
  return recipient->address;
}

VeredaRecipientStatus
vereda_recipient_get_status (VeredaRecipient *recipient)
{
  return recipient->status;
}

VeredaReply *
vereda_recipient_get_reply (VeredaRecipient *recipient)
{
  return recipient->reply;
}

gboolean
vereda_recipient_is_permanent (VeredaRecipient *recipient)
{
  return recipient->permanent;
}

gboolean
vereda_recipient_is_blind (VeredaRecipient *recipient)
{
  return recipient->blind;
}

const char *
vereda_recipient_get_server (VeredaRecipient *recipient)
{
  return recipient->server;
}

/* ---- the result ---- */

VeredaResult *
vd_result_new (void)
{
  VeredaResult *result = g_new0 (VeredaResult, 1);

  g_atomic_ref_count_init (&result->refs);
  result->recipients = g_ptr_array_new_with_free_func (recipient_free);
  result->attempts = g_ptr_array_new_with_free_func ((GDestroyNotify) vd_attempt_unref);
  result->warnings = g_ptr_array_new_with_free_func (g_free);
  return result;
}

VeredaResult *
vereda_result_ref (VeredaResult *result)
{
  g_atomic_ref_count_inc (&result->refs);
  return result;
}

void
vereda_result_unref (VeredaResult *result)
{
  if (result == NULL || !g_atomic_ref_count_dec (&result->refs))
    return;
  g_clear_error (&result->error);
  g_ptr_array_unref (result->recipients);
  g_ptr_array_unref (result->attempts);
  g_ptr_array_unref (result->warnings);
  vd_result_reply_free (result->reply);
  g_free (result->server);
  g_free (result->reverse_path);
  g_free (result);
}

void
vd_result_set_envelope (VeredaResult *result, const VdEnvelope *envelope)
{
  g_free (result->reverse_path);
  result->reverse_path = g_strdup (envelope->reverse_path);
  g_ptr_array_set_size (result->recipients, 0);
  for (guint i = 0; i < envelope->recipients->len; i++)
    {
      const VdRecipient *from = g_ptr_array_index (envelope->recipients, i);
      VeredaRecipient *to = g_new0 (VeredaRecipient, 1);

      to->address = g_strdup (from->given);
      to->blind = from->blind;
      g_ptr_array_add (result->recipients, to);
    }
}

gboolean
vd_error_is_transient (const GError *error, VdReply *reply)
{
  if (reply != NULL)
    return VD_REPLY_IS_TRANSIENT (reply);
  if (error == NULL || error->domain != VEREDA_ERROR)
    return FALSE;
  switch ((VeredaErrorCode) error->code)
    {
    case VEREDA_ERROR_RESOLVE:
    case VEREDA_ERROR_CONNECT:
    case VEREDA_ERROR_GREETING:
    case VEREDA_ERROR_CLOSED:
    case VEREDA_ERROR_TIMEOUT:
      return TRUE;
    default:
      return FALSE;
    }
}

void
vd_result_fail (VeredaResult *result, const GError *error)
{
  result->verdict = VEREDA_NOT_SENT;
  g_clear_error (&result->error);
  result->error = error != NULL ? g_error_copy (error) : NULL;
}

void
vd_result_warn (VeredaResult *result, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_ptr_array_add (result->warnings, g_strdup_vprintf (format, args));
  va_end (args);
}

VeredaVerdict
vereda_result_get_verdict (VeredaResult *result)
{
  return result->verdict;
}

const GError *
vereda_result_get_error (VeredaResult *result)
{
  return result->error;
}

gboolean
vereda_result_is_transient (VeredaResult *result)
{
  return result->transient;
}

guint
vereda_result_get_n_recipients (VeredaResult *result)
{
  return result->recipients->len;
}

VeredaRecipient *
vereda_result_get_recipient (VeredaResult *result, guint index)
{
  return index < result->recipients->len ? g_ptr_array_index (result->recipients, index) : NULL;
}

guint
vereda_result_count (VeredaResult *result, VeredaRecipientStatus status)
{
  guint n = 0;

  for (guint i = 0; i < result->recipients->len; i++)
    n += ((VeredaRecipient *) g_ptr_array_index (result->recipients, i))->status == status;
  return n;
}

VeredaReply *
vereda_result_get_reply (VeredaResult *result)
{
  return result->reply;
}

const char *
vereda_result_get_server (VeredaResult *result)
{
  return result->server;
}

const char *
vereda_result_get_reverse_path (VeredaResult *result)
{
  return result->reverse_path;
}

guint
vereda_result_get_n_attempts (VeredaResult *result)
{
  return result->attempts->len;
}

VeredaAttempt *
vereda_result_get_attempt (VeredaResult *result, guint index)
{
  return index < result->attempts->len ? g_ptr_array_index (result->attempts, index) : NULL;
}

guint
vereda_result_get_n_warnings (VeredaResult *result)
{
  return result->warnings->len;
}

const char *
vereda_result_get_warning (VeredaResult *result, guint index)
{
  return index < result->warnings->len ? g_ptr_array_index (result->warnings, index) : NULL;
}

/* ---- words ---- */

#define WORD(words, value) ((gsize) (value) < G_N_ELEMENTS (words) && (words)[value] != NULL ? (words)[value] : "unknown")

const char *
vereda_stage_name (VeredaStage stage)
{
  static const char *const words[] = {
    [VEREDA_STAGE_PLUGIN] = "plugin",     [VEREDA_STAGE_RESOLVE] = "resolve", [VEREDA_STAGE_CONNECT] = "connect",
    [VEREDA_STAGE_GREETING] = "greeting", [VEREDA_STAGE_EHLO] = "ehlo",       [VEREDA_STAGE_TLS] = "tls",
    [VEREDA_STAGE_AUTH] = "auth",         [VEREDA_STAGE_MAIL] = "mail",       [VEREDA_STAGE_RCPT] = "rcpt",
    [VEREDA_STAGE_DATA] = "data",         [VEREDA_STAGE_END] = "end-of-data", [VEREDA_STAGE_QUIT] = "quit",
  };

  return WORD (words, stage);
}

const char *
vereda_decision_name (VeredaDecision decision)
{
  static const char *const words[] = {
    [VEREDA_DECISION_CONTINUE] = "continue",
    [VEREDA_DECISION_NEXT_MECHANISM] = "next-mechanism",
    [VEREDA_DECISION_NEXT_TRANSPORT] = "next-transport",
    [VEREDA_DECISION_RECONNECT] = "reconnect",
    [VEREDA_DECISION_INSECURE] = "insecure",
    [VEREDA_DECISION_NEXT_SERVER] = "next-server",
    [VEREDA_DECISION_STOP] = "stop",
  };

  return WORD (words, decision);
}

const char *
vereda_verdict_name (VeredaVerdict verdict)
{
  static const char *const words[] = { "not-sent", "sent", "unknown" };

  return WORD (words, verdict);
}

const char *
vereda_recipient_status_name (VeredaRecipientStatus status)
{
  static const char *const words[] = { "not-sent", "accepted", "refused", "unknown" };

  return WORD (words, status);
}
