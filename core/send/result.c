/* SPDX-License-Identifier: MIT */
/* result - construction, destruction and getters.  See result.h.  Cannot fail. */
#include "core/send/result.h"

#include <stdarg.h>
#include <string.h>

#include "core/base/error.h"
#include "core/base/zeros.h"

/* ---- replies ---- */

int
vereda_reply_get_code (VeredaReply *reply)
{
  return (int) reply->code;
}

const char *
vereda_reply_get_enhanced (VeredaReply *reply)
{
  return vd_reply_shown_enhanced (reply);
}

const char *
vereda_reply_get_text (VeredaReply *reply)
{
  return vd_reply_shown (reply);
}

gboolean
vereda_reply_is_local (VeredaReply *reply)
{
  return reply->local;
}

/* ---- places ---- */

VdPlace *
vd_place_new (const char *server, const char *address, const char *transport)
{
  VdPlace *place = g_new (VdPlace, 1);

  vd_refs_init (&place->refs);
  place->server = g_strdup (server);
  place->address = g_strdup (address);
  place->transport = g_strdup (transport);
  return place;
}

VdPlace *
vd_place_ref (VdPlace *place)
{
  if (place != NULL)
    vd_refs_take (&place->refs);
  return place;
}

void
vd_place_unref (VdPlace *place)
{
  if (place == NULL || !vd_refs_drop (&place->refs))
    return;
  g_free (place->server);
  g_free (place->address);
  g_free (place->transport);
  g_free (place);
}

static const char *
server_of (const VdPlace *place)
{
  return place != NULL ? place->server : NULL;
}

/* ---- attempts ---- */

static void
init_attempt (VeredaAttempt *attempt, VdPlace *place, VeredaStage stage, gboolean succeeded, VdReply *reply,
              VeredaDecision decision, gint64 elapsed, const char *detail)
{
  vd_refs_init (&attempt->refs);
  attempt->place = vd_place_ref (place);
  attempt->stage = stage;
  attempt->succeeded = succeeded;
  attempt->inside = FALSE;
  attempt->detail = detail;
  attempt->own_detail = NULL;
  attempt->reply = reply != NULL ? vd_reply_ref (reply) : NULL;
  attempt->decision = decision;
  attempt->elapsed = elapsed;
}

VeredaAttempt *
vd_attempt_new (VdPlace *place, VeredaStage stage, gboolean succeeded, VdReply *reply, VeredaDecision decision, gint64 elapsed,
                const char *detail)
{
  VeredaAttempt *attempt = g_new (VeredaAttempt, 1);

  init_attempt (attempt, place, stage, succeeded, reply, decision, elapsed, "");
  if (detail != NULL)
    attempt->detail = attempt->own_detail = g_strdup (detail);
  return attempt;
}

VeredaAttempt *
vd_attempt_ref (VeredaAttempt *attempt)
{
  vd_refs_take (&attempt->refs);
  return attempt;
}

void
vd_attempt_unref (VeredaAttempt *attempt)
{
  if (attempt == NULL || !vd_refs_drop (&attempt->refs))
    return;
  vd_place_unref (attempt->place);
  g_free (attempt->own_detail);
  vd_reply_unref (attempt->reply);
  if (!attempt->inside)
    g_free (attempt);
}

const char *
vereda_attempt_get_server (VeredaAttempt *attempt)
{
  return attempt->place->server;
}

const char *
vereda_attempt_get_address (VeredaAttempt *attempt)
{
  return attempt->place->address;
}

const char *
vereda_attempt_get_transport (VeredaAttempt *attempt)
{
  return attempt->place->transport;
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

const char *
vereda_recipient_get_address (VeredaRecipient *recipient)
{
  return recipient->given->given;
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
  return recipient->given->blind;
}

const char *
vereda_recipient_get_server (VeredaRecipient *recipient)
{
  return server_of (recipient->place);
}

/* ---- the result ---- */

VeredaResult *
vd_result_new (void)
{
  VeredaResult *result = vd_zeros_new (VeredaResult);

  vd_refs_init (&result->refs);
  result->attempts = result->few;
  result->attempts_room = G_N_ELEMENTS (result->few);
  return result;
}

VeredaResult *
vereda_result_ref (VeredaResult *result)
{
  vd_refs_take (&result->refs);
  return result;
}

void
vereda_result_unref (VeredaResult *result)
{
  if (result == NULL || !vd_refs_drop (&result->refs))
    return;
  g_clear_error (&result->error);
  for (guint i = 0; i < result->n_recipients; i++)
    {
      vd_place_unref (result->recipients[i].place);
      vd_reply_unref (result->recipients[i].reply);
    }
  if (result->recipients != &result->one)
    g_free (result->recipients);
  for (guint i = 0; i < result->n_attempts; i++)
    vd_attempt_unref (result->attempts[i]);
  if (result->attempts != result->few)
    g_free (result->attempts);
  g_clear_pointer (&result->warnings, g_ptr_array_unref);
  vd_reply_unref (result->reply);
  vd_place_unref (result->place);
  vd_envelope_unref (result->envelope);
  g_free (result);
}

void
vd_result_set_envelope (VeredaResult *result, VdEnvelope *envelope)
{
  guint n = envelope->n_recipients;

  g_return_if_fail (result->envelope == NULL);
  result->envelope = envelope;
  result->n_recipients = n;
  result->recipients = n == 1 ? &result->one : g_new0 (VeredaRecipient, n);
  for (guint i = 0; i < n; i++)
    result->recipients[i].given = &envelope->recipients[i];
}

void
vd_result_set_answer (VeredaResult *result, VdPlace *place, VdReply *reply)
{
  VdPlace *old_place = result->place;
  VdReply *old_reply = result->reply;

  result->place = vd_place_ref (place);
  result->reply = reply != NULL ? vd_reply_ref (reply) : NULL;
  vd_place_unref (old_place);
  vd_reply_unref (old_reply);
}

void
vd_result_add_attempt (VeredaResult *result, VeredaAttempt *attempt)
{
  if (result->n_attempts == result->attempts_room)
    {
      VeredaAttempt **more = g_new (VeredaAttempt *, 2 * (gsize) result->attempts_room);

      memcpy (more, result->attempts, result->n_attempts * sizeof *more);
      if (result->attempts != result->few)
        g_free (result->attempts);
      result->attempts = more;
      result->attempts_room *= 2;
    }
  result->attempts[result->n_attempts++] = attempt;
}

void
vd_result_add_sent (VeredaResult *result, VdPlace *place, VeredaStage stage, VdReply *reply, gint64 elapsed)
{
  VeredaAttempt *attempt = result->sent.place == NULL ? &result->sent : g_new (VeredaAttempt, 1);

  init_attempt (attempt, place, stage, TRUE, reply, VEREDA_DECISION_CONTINUE, elapsed, "message accepted");
  attempt->inside = attempt == &result->sent;
  vd_result_add_attempt (result, attempt);
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

  if (result->warnings == NULL)
    result->warnings = g_ptr_array_new_with_free_func (g_free);
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
  return result->n_recipients;
}

VeredaRecipient *
vereda_result_get_recipient (VeredaResult *result, guint index)
{
  return index < result->n_recipients ? &result->recipients[index] : NULL;
}

guint
vereda_result_count (VeredaResult *result, VeredaRecipientStatus status)
{
  guint n = 0;

  for (guint i = 0; i < result->n_recipients; i++)
    n += result->recipients[i].status == status;
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
  return server_of (result->place);
}

const char *
vereda_result_get_reverse_path (VeredaResult *result)
{
  return result->envelope != NULL ? result->envelope->reverse_path : NULL;
}

guint
vereda_result_get_n_attempts (VeredaResult *result)
{
  return result->n_attempts;
}

VeredaAttempt *
vereda_result_get_attempt (VeredaResult *result, guint index)
{
  return index < result->n_attempts ? result->attempts[index] : NULL;
}

guint
vereda_result_get_n_warnings (VeredaResult *result)
{
  return result->warnings != NULL ? result->warnings->len : 0;
}

const char *
vereda_result_get_warning (VeredaResult *result, guint index)
{
  return index < vereda_result_get_n_warnings (result) ? g_ptr_array_index (result->warnings, index) : NULL;
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
