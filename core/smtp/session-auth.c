/* SPDX-License-Identifier: MIT */
/* session-auth - AUTH (RFC 4954).  Part of session; see session-private.h.
 *
 * The owner chooses mechanisms; here one exchange after the other is carried out, recorded, and turned into advice by one table.  Every way out of
 * an exchange that the server still believes open goes through "*" (AUT-6). */
#include "core/smtp/session-private.h"

#include "core/base/secret.h"

void
vd_session_auth_clear (VdSession *session)
{
  g_clear_pointer (&session->sasl, vd_sasl_free);
  if (session->challenge != NULL)
    vd_wipe_byte_array (session->challenge, session->challenge->len);
  session->challenge = NULL;
}

/* After the last EHLO: authenticate when asked to, then be ready. */
void
vd_session_begin_auth (VdSession *session)
{
  if (session->config.ask_queue && vd_ehlo_has (session->ehlo, VD_EXT_XQUE) && !session->queue_asked
      && (!session->config.auth || session->authenticated || session->auth_over))
    {
      session->queue_asked = TRUE;
      vd_command_verb (vd_output_commands (&session->output), "QUED", NULL);
      vd_session_push (session, VD_STEP_NOOP, NULL); /* the reply is not looked at, as the seed promises */
    }
  if (!session->config.auth || session->authenticated || session->auth_over)
    {
      session->phase = VD_PHASE_READY;
      return;
    }
  if (!vd_session_may (session, VD_STEP_AUTH))
    return;
  session->phase = VD_PHASE_AUTH;
  session->need = VD_NEED_MECHANISM; /* also when AUTH is not offered: the owner knows what that means */
}

GPtrArray *
vd_session_auth_attempts (VdSession *session)
{
  return session->auth_attempts;
}

static VdAuthAttempt *
record (VdSession *session, VdReply *reply, GError *error, VdAuthAdvice advice)
{
  VdAuthAttempt *attempt = g_new0 (VdAuthAttempt, 1);

  attempt->mechanism = g_strdup (vd_sasl_name (session->sasl));
  attempt->reply = reply != NULL ? vd_reply_ref (reply) : NULL;
  attempt->error = error;
  attempt->advice = advice;
  g_ptr_array_add (session->auth_attempts, attempt);
  vd_session_auth_clear (session);
  return attempt;
}

static void
next_mechanism (VdSession *session)
{
  session->need = VD_NEED_MECHANISM;
}

/* What a negative reply means for the next attempt (RFC 4954 sections 4 and 6; AUT-9). */
static VdAuthAdvice
advice_of (VdReply *reply)
{
  static const struct
  {
    guint code;
    VdAuthAdvice advice;
  } rows[] = {
    { 432, VD_AUTH_STOP },     /* a password transition is needed: the caller's decision */
    { 454, VD_AUTH_STOP },     /* temporary failure: another mechanism would fail the same way */
    { 534, VD_AUTH_STRONGER }, /* mechanism too weak */
    { 530, VD_AUTH_STOP },     /* something else is wanted first */
    { 538, VD_AUTH_STOP },     /* encryption required */
    { 523, VD_AUTH_STOP },     { 524, VD_AUTH_STOP },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if (rows[i].code == reply->code)
      return rows[i].advice;
  return VD_REPLY_IS_PERMANENT (reply) ? VD_AUTH_NEXT : VD_AUTH_STOP;
}

static void
push_auth (VdSession *session, gboolean cancel)
{
  vd_session_push (session, VD_STEP_AUTH, NULL)->cancel = cancel;
}

void
vd_session_keep_said (VdSession *session, const void *response, gsize size)
{
  if (size == 0)
    return;
  if (session->echo == NULL)
    session->echo = vd_echo_new ();
  vd_echo_add (session->echo, response, size);
}

static void
keep_said (VdSession *session, GByteArray *response)
{
  if (response != NULL)
    vd_session_keep_said (session, response->data, response->len);
}

/* A SASL line is traced as such, then pushed without a second trace. */
static void
push_response (VdSession *session, GByteArray *response)
{
  keep_said (session, response);
  vd_command_auth_response (vd_output_secrets (&session->output), response);
  vd_output_appended (&session->output);
  vd_session_trace_commands (session, TRUE);
  session->trace_from = session->output.queued;
  push_auth (session, FALSE);
}

/* A server whose proof is wrong does not know the secret, and one that sees another channel or another list of mechanisms has somebody
 * before it.  No weaker mechanism may hand the secret over. */
static gboolean
is_foul (const GError *error)
{
  return g_error_matches (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_SERVER);
}

static void
cancel_exchange (VdSession *session, GError *error)
{
  VdAuthAdvice advice = is_foul (error) ? VD_AUTH_STOP : VD_AUTH_NEXT;
  gboolean started = session->sasl_started;

  record (session, NULL, error, advice);
  if (!started) /* nothing was sent yet */
    {
      next_mechanism (session);
      return;
    }
  vd_command_auth_cancel (vd_output_commands (&session->output));
  push_auth (session, TRUE);
}

static void
send_auth (VdSession *session, GByteArray *initial)
{
  VdBuffer *out = vd_output_secrets (&session->output);
  gboolean fits = TRUE;
  GError *error = NULL;

  keep_said (session, initial);
  if (!vd_command_auth (out, vd_sasl_name (session->sasl), initial, &fits, &error))
    {
      cancel_exchange (session, error);
      return;
    }
  if (!fits) /* AUT-3: the response waits for the empty challenge */
    {
      session->sasl_held = TRUE;
      if (!vd_command_auth (out, vd_sasl_name (session->sasl), NULL, &fits, &error))
        {
          cancel_exchange (session, error);
          return;
        }
    }
  session->sasl_started = TRUE;
  push_auth (session, FALSE);
  if (vd_session_auth_may_lead (session))
    vd_session_write_envelope (session);
}

/* ---- the envelope behind AUTH (PIP-7) ---- */

gboolean
vd_session_auth_may_lead (VdSession *session)
{
  /* One step, whose outcome is one reply. */
  static const char *const mechanisms[] = { "PLAIN", "EXTERNAL", NULL };

  return session->config.auth_pipelining && !session->ahead_over && session->phase == VD_PHASE_AUTH && session->sasl != NULL
         && !session->sasl_held && vd_sasl_is_satisfied (session->sasl)
         && g_strv_contains (mechanisms, vd_sasl_name (session->sasl))
         && !(session->config.ask_queue && vd_ehlo_has (session->ehlo, VD_EXT_XQUE));
}

void
vd_session_auth_is_clear (VdSession *session)
{
  session->ahead = NULL;
  if (!session->need_rset)
    {
      vd_session_auth_go_on (session);
      return;
    }
  session->need_rset = FALSE;
  vd_command_verb (vd_output_commands (&session->output), "RSET", NULL);
  vd_session_push (session, VD_STEP_RSET, NULL);
}

/* AUTH was not answered with success and an envelope is behind it: that is put aside first. */
static gboolean
keep_for_later (VdSession *session, VdReply *reply)
{
  VdTransaction *txn = session->ahead;

  if (txn == NULL || (reply->code != 334 && reply->code < 400))
    return FALSE;
  session->auth_reply = vd_reply_ref (reply);
  session->ahead_over = TRUE;
  txn->again = TRUE;
  vd_session_abandon_txn (session, txn, NULL);
  return TRUE;
}

/* One step of the mechanism, for the challenge that is kept (or none: the initial response). */
static void
advance (VdSession *session)
{
  VeredaSpan span = { NULL, 0 };
  GByteArray *response = NULL;
  GError *error = NULL;

  if (session->has_challenge)
    span = (VeredaSpan){ session->challenge->data, session->challenge->len };
  switch (vd_sasl_step (session->sasl, session->has_challenge ? &span : NULL, &response, &error))
    {
    case VEREDA_STEP_WAIT:
      session->need = VD_NEED_CREDENTIAL;
      break;
    case VEREDA_STEP_CONTINUE:
    case VEREDA_STEP_DONE:
      if (session->has_challenge)
        push_response (session, response);
      else
        send_auth (session, response);
      break;
    case VEREDA_STEP_FAILED:
    default:
      cancel_exchange (session, error);
      break;
    }
}

void
vd_session_use_mechanism (VdSession *session, VdSasl *sasl, gint64 now)
{
  g_return_if_fail (session->need == VD_NEED_MECHANISM);

  session->now = now;
  session->need = VD_NEED_NOTHING;
  session->stage = VD_STEP_AUTH;
  vd_session_auth_clear (session);
  session->sasl = sasl;
  session->sasl_started = session->sasl_without_ir = session->sasl_held = FALSE;
  session->has_challenge = FALSE;

  if (vd_sasl_is_client_first (sasl))
    advance (session);
  else
    send_auth (session, NULL);
  vd_session_pump (session);
}

static void
end_choosing (VdSession *session, gint64 now)
{
  session->now = now;
  session->need = VD_NEED_NOTHING;
  session->stage = VD_STEP_AUTH;
  session->auth_over = TRUE;
}

/* Never an unauthenticated send (AUT-14). */
void
vd_session_leave_auth (VdSession *session, GError *error, gint64 now)
{
  VdReply *last = NULL;

  g_return_if_fail (session->need == VD_NEED_MECHANISM);

  end_choosing (session, now);
  if (session->auth_attempts->len > 0)
    last = ((VdAuthAttempt *) g_ptr_array_index (session->auth_attempts, session->auth_attempts->len - 1))->reply;
  vd_session_leave (session, error, last);
  vd_session_pump (session);
}

void
vd_session_no_mechanism (VdSession *session, GError *error, gint64 now)
{
  g_return_if_fail (session->need == VD_NEED_MECHANISM);

  if (!session->config.auth_optional)
    {
      vd_session_leave_auth (session, error, now);
      return;
    }
  end_choosing (session, now);
  vd_trace_info (&session->config.trace, "going on without authentication: %s", error != NULL ? error->message : "");
  g_clear_error (&error);
  vd_session_begin_auth (session);
  vd_session_pump (session);
}

void
vd_session_resume (VdSession *session, gint64 now)
{
  if (session->need != VD_NEED_CREDENTIAL)
    return;
  session->now = now;
  session->need = VD_NEED_NOTHING;
  advance (session);
  vd_session_pump (session);
}

static void
on_challenge (VdSession *session, VdReply *reply)
{
  GByteArray *octets = NULL, *response = NULL;
  GError *error = NULL;

  if (reply->n_lines != 1)
    {
      cancel_exchange (session, vd_session_error_new (session, VEREDA_ERROR_PROTOCOL, "a challenge of more than one line"));
      return;
    }
  if (!vd_command_decode_challenge (reply->lines[0], reply->sizes[0], &octets, &error))
    {
      cancel_exchange (session, error);
      return;
    }
  if (session->challenge != NULL)
    vd_wipe_byte_array (session->challenge, session->challenge->len);
  session->challenge = octets;

  if (session->sasl_held && !session->has_challenge)
    {
      /* The initial response that did not fit, or that the server would not take with AUTH, answers an empty challenge only. */
      session->sasl_held = FALSE;
      if (octets->len > 0)
        {
          cancel_exchange (session,
                           vd_session_error_new (session, VEREDA_ERROR_PROTOCOL, "a challenge where the client speaks first"));
          return;
        }
      session->has_challenge = TRUE;
      if (vd_sasl_last_response (session->sasl, &response)) /* the mechanism itself is already past it */
        {
          push_response (session, response);
          return;
        }
    }
  session->has_challenge = TRUE;
  advance (session);
}

static void
on_success (VdSession *session, VdReply *reply)
{
  if (!vd_sasl_is_satisfied (session->sasl) || session->sasl_held)
    {
      /* 235 before the server proved that it knows the secret: whoever this is, it gets nothing more (AUT-9, DIG-6). */
      GError *error
          = vd_session_error_new (session, VEREDA_ERROR_AUTH,
                                  "the server claims success (%u) before mechanism %s was finished: it has not proved that it "
                                  "knows the password; nothing was sent",
                                  reply->code, vd_sasl_name (session->sasl));

      record (session, reply, g_error_copy (error), VD_AUTH_STOP);
      vd_session_fail (session, error, reply);
      return;
    }
  record (session, reply, NULL, VD_AUTH_STOP)->succeeded = TRUE;
  session->authenticated = TRUE;
  session->ahead = NULL; /* it goes on like any other */
  g_clear_pointer (&session->echo, vd_echo_free);
  vd_session_begin_auth (session);
}

static gboolean
again_without_ir (VdSession *session)
{
  GByteArray *response = NULL;
  gboolean fits;

  if (!vd_sasl_last_response (session->sasl, &response))
    return FALSE;
  session->sasl_without_ir = session->sasl_held = TRUE;
  vd_command_auth (vd_output_commands (&session->output), vd_sasl_name (session->sasl), NULL, &fits, NULL);
  push_auth (session, FALSE);
  return TRUE;
}

/* 501 and 500 5.5.6 may mean that the initial response was the trouble: the same mechanism once more without it. */
static gboolean
retry_without_ir (VdSession *session, VdReply *reply)
{
  if (session->has_challenge || session->sasl_held || session->sasl_without_ir || !vd_sasl_is_client_first (session->sasl))
    return FALSE;
  if (reply->code != 501
      && !(reply->code == 500 && reply->enhanced.klass == 5 && reply->enhanced.subject == 5 && reply->enhanced.detail == 6))
    return FALSE;
  return again_without_ir (session);
}

void
vd_session_auth_go_on (VdSession *session)
{
  g_autoptr (VdReply) reply = g_steal_pointer (&session->auth_reply);
  VdExpect expect = { .step = VD_STEP_AUTH };

  session->stage = VD_STEP_AUTH;
  if (reply->code == 334) /* the server took MAIL for the answer to it, and said no */
    again_without_ir (session);
  else
    vd_session_on_auth (session, &expect, reply);
}

void
vd_session_on_auth (VdSession *session, VdExpect *expect, VdReply *reply)
{
  if (keep_for_later (session, reply))
    return;
  if (expect->cancel)
    {
      /* Expected 501; anything that is not a further challenge leaves the connection usable. */
      if (reply->code == 334 || VD_REPLY_IS_POSITIVE (reply))
        vd_session_fail (session, vd_session_refusal (session, VEREDA_ERROR_PROTOCOL, "the cancellation of AUTH", reply),
                         reply);
      else
        next_mechanism (session);
    }
  else if (reply->code == 334)
    on_challenge (session, reply);
  else if (reply->code == 235)
    on_success (session, reply);
  else if (reply->code < 400) /* no other 2yz and no 3yz is an answer to AUTH */
    vd_session_fail (session, vd_session_refusal (session, VEREDA_ERROR_PROTOCOL, "AUTH in an unknown way", reply), reply);
  else if (!retry_without_ir (session, reply))
    {
      GError *why = vd_sasl_explain (session->sasl);

      record (session, reply, why, is_foul (why) ? VD_AUTH_STOP : advice_of (reply));
      next_mechanism (session);
    }
}
