/* SPDX-License-Identifier: MIT */
/* session-hello - greeting, EHLO with its HELO fall-back, STARTTLS.  Part of session; see session-private.h.
 *
 * What was learned before TLS is forgotten here and nowhere else. */
#include "core/smtp/session-private.h"

gboolean
vd_session_may (VdSession *session, VdStep step)
{
  switch (vd_observer_may (&session->config.observer, step))
    {
    case VD_GO_QUIT:
      vd_session_leave (session, NULL, NULL);
      return FALSE;
    case VD_GO_DROP:
      vd_session_fail (session, NULL, NULL);
      return FALSE;
    case VD_GO_TALK:
      vd_session_begin_talk (session);
      return FALSE;
    case VD_GO_ON:
    default:
      return TRUE;
    }
}

void
vd_session_say_hello (VdSession *session, gboolean helo)
{
  const char *verb = session->config.lmtp ? "LHLO" : helo ? "HELO" : "EHLO";
  GError *error = NULL;

  if (!vd_session_may (session, VD_STEP_EHLO))
    return;
  if (!vd_command_ehlo (vd_output_commands (&session->output), verb, session->config.client, &error))
    {
      vd_session_fail (session, error, NULL);
      return;
    }
  session->phase = VD_PHASE_HELLO;
  vd_session_push (session, VD_STEP_EHLO, NULL)->helo = helo;
}

void
vd_session_on_greeting (VdSession *session, VdReply *reply)
{
  session->greeting = vd_reply_ref (reply);
  if (VD_REPLY_IS_POSITIVE (reply)) /* GRT-3: any 2yz */
    vd_session_say_hello (session, FALSE);
  else
    vd_session_leave (session, vd_session_refusal (session, VEREDA_ERROR_GREETING, "the connection", reply), reply);
}

static void
need_tls_decision (VdSession *session, VdTlsProblem problem, VdReply *reply)
{
  session->tls_problem = problem;
  g_clear_pointer (&session->tls_reply, vd_reply_unref);
  session->tls_reply = reply != NULL ? vd_reply_ref (reply) : NULL;
  session->need = VD_NEED_TLS_DECISION;
}

/* The extensions are known: TLS first if it is to be had, then authentication. */
static void
after_hello (VdSession *session)
{
  if (session->secure || session->tls_given_up || session->config.tls == VD_SESSION_TLS_NEVER)
    vd_session_begin_auth (session);
  else if (!vd_session_may (session, VD_STEP_STARTTLS))
    return;
  else if (vd_ehlo_has (session->ehlo, VD_EXT_STARTTLS))
    {
      vd_command_verb (vd_output_commands (&session->output), "STARTTLS", NULL); /* alone: STL-2 */
      vd_session_push (session, VD_STEP_STARTTLS, NULL);
    }
  else
    need_tls_decision (session, VD_TLS_NOT_OFFERED, NULL);
}

static void
hello_refused (VdSession *session, const char *what, VdReply *reply)
{
  VeredaErrorCode code
      = session->secure && session->config.tls == VD_SESSION_TLS_STARTTLS ? VEREDA_ERROR_EHLO_TLS : VEREDA_ERROR_EHLO;

  vd_session_leave (session, vd_session_refusal (session, code, what, reply), reply);
}

void
vd_session_on_ehlo (VdSession *session, VdExpect *expect, VdReply *reply)
{
  g_clear_pointer (&session->ehlo, vd_ehlo_free);

  if (VD_REPLY_IS_POSITIVE (reply))
    {
      session->ehlo = expect->helo ? vd_ehlo_new_helo () : vd_ehlo_parse (reply);
      after_hello (session);
    }
  else if (expect->helo || session->config.lmtp || (reply->code != 500 && reply->code != 502))
    hello_refused (session, expect->helo ? "HELO" : session->config.lmtp ? "LHLO" : "EHLO", reply);
  else if (session->config.tls_required || (session->config.auth && !session->config.auth_optional) || session->secure)
    /* EHL-8: HELO has neither STARTTLS nor AUTH; falling back to it would be a silent downgrade. */
    hello_refused (session, "EHLO, and HELO cannot do the TLS or authentication that is required", reply);
  else
    vd_session_say_hello (session, TRUE); /* EHL-6 */
}

void
vd_session_on_starttls (VdSession *session, VdReply *reply)
{
  if (reply->code == 220)
    session->need = VD_NEED_HANDSHAKE;
  else
    need_tls_decision (session, VD_TLS_REFUSED, reply);
}

VdTlsProblem
vd_session_tls_problem (VdSession *session, VdReply **ret_reply)
{
  *ret_reply = session->tls_reply;
  return session->tls_problem;
}

void
vd_session_tls_decide (VdSession *session, gboolean insecure, gint64 now)
{
  g_return_if_fail (session->need == VD_NEED_TLS_DECISION);

  session->now = now;
  session->need = VD_NEED_NOTHING;
  session->stage = VD_STEP_STARTTLS;
  if (insecure)
    {
      session->tls_given_up = TRUE;
      vd_session_begin_auth (session);
    }
  else if (session->tls_problem == VD_TLS_REFUSED)
    vd_session_leave (
        session,
        vd_session_refusal (session, VEREDA_ERROR_TLS, "STARTTLS, and TLS is required; nothing was sent", session->tls_reply),
        session->tls_reply);
  else
    vd_session_leave (
        session,
        vd_session_error_new (session, VEREDA_ERROR_TLS,
                              "TLS is required and the server does not offer STARTTLS (or somebody on the way hides "
                              "it); nothing was sent"),
        NULL);
  vd_session_pump (session);
}

void
vd_session_tls_done (VdSession *session, gint64 now)
{
  g_return_if_fail (session->need == VD_NEED_HANDSHAKE);

  session->now = now;
  session->need = VD_NEED_NOTHING;
  session->secure = TRUE;
  vd_reply_parser_reset (session->parser);        /* STL-5 */
  g_clear_pointer (&session->ehlo, vd_ehlo_free); /* STL-6 */
  vd_session_say_hello (session, FALSE);
}

void
vd_session_tls_failed (VdSession *session, GError *error)
{
  session->stage = VD_STEP_STARTTLS;
  session->need = VD_NEED_NOTHING;
  vd_session_fail (session, error, NULL); /* STL-10: nothing more is said on this connection */
}
