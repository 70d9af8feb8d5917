/* SPDX-License-Identifier: MIT */
/* session-seen - what a session needs and what it saw: for its owner to read.  Part of session; see session-private.h.
 *
 * Changes nothing.  Cannot fail. */
#include "core/smtp/session-private.h"

VdNeed
vd_session_need (VdSession *session)
{
  return session->need;
}

gboolean
vd_session_is_ready (VdSession *session)
{
  return session->phase == VD_PHASE_READY;
}

gboolean
vd_session_takes (VdSession *session)
{
  return session->phase == VD_PHASE_READY
         || (session->phase < VD_PHASE_READY && session->config.auth && session->config.auth_pipelining);
}

gboolean
vd_session_is_idle (VdSession *session)
{
  return session->phase == VD_PHASE_READY && g_queue_is_empty (&session->waiting) && g_queue_is_empty (&session->again)
         && g_queue_is_empty (&session->open) && g_queue_is_empty (&session->expects);
}

const VdEhlo *
vd_session_ehlo (VdSession *session)
{
  return session->ehlo;
}

VdReply *
vd_session_greeting (VdSession *session)
{
  return session->greeting;
}

gboolean
vd_session_is_secure (VdSession *session)
{
  return session->secure;
}

gboolean
vd_session_queue_asked (VdSession *session)
{
  return session->queue_asked;
}

const GError *
vd_session_error (VdSession *session)
{
  return session->error;
}

VdReply *
vd_session_error_reply (VdSession *session)
{
  return session->error_reply;
}

VdStep
vd_session_stage (VdSession *session)
{
  return session->error != NULL ? session->error_stage : session->stage;
}
