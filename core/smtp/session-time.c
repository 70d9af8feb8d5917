/* SPDX-License-Identifier: MIT */
/* session-time - how long a session waits, and what happens then.  Part of session; see session-private.h.
 *
 * Pure: the time is given.  Values are the sender's options; the table of stages is standards' (RFC 5321 section 4.5.3.2). */
#include "core/smtp/session-private.h"

static VdTimeout
timeout_of (const VdExpect *expect)
{
  static const VdTimeout of_step[VD_STEP_N] = {
    [VD_STEP_GREETING] = VD_TIMEOUT_GREETING, [VD_STEP_EHLO] = VD_TIMEOUT_COMMAND, [VD_STEP_STARTTLS] = VD_TIMEOUT_COMMAND,
    [VD_STEP_AUTH] = VD_TIMEOUT_COMMAND,      [VD_STEP_MAIL] = VD_TIMEOUT_MAIL,    [VD_STEP_RCPT] = VD_TIMEOUT_RCPT,
    [VD_STEP_DATA] = VD_TIMEOUT_DATA,         [VD_STEP_CONTENT] = VD_TIMEOUT_END,  [VD_STEP_BDAT] = VD_TIMEOUT_BLOCK,
    [VD_STEP_BDAT_LAST] = VD_TIMEOUT_END,     [VD_STEP_RSET] = VD_TIMEOUT_COMMAND, [VD_STEP_NOOP] = VD_TIMEOUT_COMMAND,
    [VD_STEP_QUIT] = VD_TIMEOUT_QUIT,
  };

  return of_step[expect->step];
}

static gint64
after (gint64 since, gint64 timeout)
{
  return timeout >= G_MAXINT64 - since ? G_MAXINT64 : since + timeout;
}

void
vd_session_octets_wait (VdSession *session)
{
  if (session->progress_at < 0 && !vd_output_is_empty (&session->output))
    session->progress_at = session->now;
}

/* One timer per outstanding reply: it runs from the moment the command left or the reply before it was complete, and a reply that drips in line by
 * line does not restart it (TMO-3, TMO-4). */
static gint64
reply_deadline (VdSession *session)
{
  VdExpect *head = g_queue_peek_head (&session->expects);

  if (head != NULL && session->head_since >= 0)
    return after (session->head_since, session->config.timeouts[timeout_of (head)]);
  return G_MAXINT64;
}

static gint64
block_deadline (VdSession *session)
{
  return session->progress_at >= 0 ? after (session->progress_at, session->config.timeouts[VD_TIMEOUT_BLOCK]) : G_MAXINT64;
}

gint64
vd_session_deadline (VdSession *session)
{
  if (session->phase == VD_PHASE_CLOSED || session->need == VD_NEED_HANDSHAKE)
    return G_MAXINT64;
  return MIN (reply_deadline (session), block_deadline (session));
}

/* "1 second", "2.5 seconds", in the caller's room. */
static const char *
seconds (VdSession *session, VdTimeout timeout, char *text, gsize size)
{
  double value = (double) session->config.timeouts[timeout] / G_USEC_PER_SEC;

  g_snprintf (text, (gulong) size, value == 1.0 ? "%.3g second" : "%.3g seconds", value);
  return text;
}

void
vd_session_tick (VdSession *session, gint64 now)
{
  VdExpect *head = g_queue_peek_head (&session->expects);
  char text[40];
  GError *error;

  session->now = now;
  if (vd_session_deadline (session) > now)
    return;
  if (head != NULL)
    session->stage = head->step;
  if (reply_deadline (session) > now)
    error = vd_session_error_new (session, VEREDA_ERROR_TIMEOUT, "the server took no octets for %s",
                                  seconds (session, VD_TIMEOUT_BLOCK, text, sizeof text));
  else if (head->step == VD_STEP_GREETING)
    error = vd_session_error_new (session, VEREDA_ERROR_TIMEOUT, "no greeting within %s",
                                  seconds (session, VD_TIMEOUT_GREETING, text, sizeof text));
  else
    error = vd_session_error_new (session, VEREDA_ERROR_TIMEOUT, "no reply to %s within %s", vd_step_name (head->step),
                                  seconds (session, timeout_of (head), text, sizeof text));
  vd_session_fail (session, error, NULL);
}
