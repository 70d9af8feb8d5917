/* SPDX-License-Identifier: MIT */
/* session - octets in, octets out, time, and the end.  See session.h for the contract, session-private.h for the other files.
 *
 * No I/O and no clock.  Anything can fail here: it does so through vd_session_fail() (close now) or vd_session_leave() (QUIT first). */
#include "core/smtp/session-private.h"

#include <stdarg.h>
#include <string.h>

#include "core/base/error.h"

/* ---- life ---- */

static void
auth_attempt_free (gpointer data)
{
  VdAuthAttempt *attempt = data;

  g_free (attempt->mechanism);
  vd_reply_unref (attempt->reply);
  g_clear_error (&attempt->error);
  g_free (attempt);
}

VdSession *
vd_session_new (const VdSessionConfig *config, gint64 now)
{
  VdSession *session = g_new0 (VdSession, 1);

  session->config = *config;
  session->config.client = g_strdup (config->client);
  session->config.server = g_strdup (config->server);
  session->secure = config->tls == VD_SESSION_TLS_ACTIVE;
  session->parser = vd_reply_parser_new ();
  session->auth_attempts = g_ptr_array_new_with_free_func (auth_attempt_free);
  vd_output_init (&session->output);
  vd_buffer_init (&session->scratch, FALSE);
  session->now = now;
  session->progress_at = -1;

  vd_session_push (session, VD_STEP_GREETING, NULL);
  session->head_since = now;
  return session;
}

void
vd_session_free (VdSession *session)
{
  if (session == NULL)
    return;
  if (session->phase != VD_PHASE_CLOSED)
    vd_session_fail (session, vd_session_error_new (session, VEREDA_ERROR_CANCELLED, "given up"), NULL);
  vd_session_free_expects (&session->expects);
  vd_session_free_expects (&session->spare);
  g_queue_clear_full (&session->heard, (GDestroyNotify) vd_reply_unref);
  g_clear_error (&session->talk_error);
  vd_session_auth_clear (session);
  g_ptr_array_unref (session->auth_attempts);
  vd_echo_free (session->echo);
  vd_buffer_clear (&session->scratch);
  vd_output_clear (&session->output);
  vd_reply_parser_free (session->parser);
  vd_ehlo_free (session->ehlo);
  vd_reply_unref (session->greeting);
  vd_reply_unref (session->tls_reply);
  vd_reply_unref (session->error_reply);
  g_clear_error (&session->error);
  g_free ((char *) session->config.client);
  g_free ((char *) session->config.server);
  g_free (session);
}

/* ---- errors and the end ---- */

GError *
vd_session_error_new (VdSession *session, VeredaErrorCode code, const char *format, ...)
{
  va_list args;
  char *text;
  GError *error;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  error = g_error_new (VEREDA_ERROR, (gint) code, "%s: %s", session->config.server, text);
  g_free (text);
  return error;
}

GError *
vd_session_refusal (VdSession *session, VeredaErrorCode code, const char *what, VdReply *reply)
{
  char *brief = vd_reply_brief (reply);
  GError *error = vd_session_error_new (session, code, "the server refused %s: %s", what, brief);

  g_free (brief);
  return error;
}

static void
keep_error (VdSession *session, GError *error, VdReply *reply)
{
  if (session->error != NULL)
    {
      g_clear_error (&error);
      return;
    }
  session->error = error;
  session->error_stage = session->stage; /* a QUIT that follows does not count */
  if (reply != NULL)
    session->error_reply = vd_reply_ref (reply);
  if (error != NULL && vd_trace_wanted (&session->config.trace))
    vd_trace_line (&session->config.trace, VEREDA_TRACE_ERROR, session->secure, error->message);
}

void
vd_session_fail (VdSession *session, GError *error, VdReply *reply)
{
  if (session->phase == VD_PHASE_CLOSED)
    {
      g_clear_error (&error);
      return;
    }
  /* After QUIT was queued nothing that goes wrong matters any more (END-1): the error that led there, or none, stands. */
  if (session->phase == VD_PHASE_QUIT && g_queue_is_empty (&session->open))
    g_clear_error (&error);
  else
    keep_error (session, error, reply);
  session->phase = VD_PHASE_CLOSED;
  session->need = VD_NEED_CLOSE;
  vd_session_window_on_end (session, session->error, session->error_reply);
  vd_session_settle (session, session->error);
  g_clear_pointer (&session->auth_reply, vd_reply_unref);
  session->ahead = NULL;
  vd_session_free_expects (&session->expects);
  vd_output_clear (&session->output);
  vd_session_auth_clear (session);
}

void
vd_session_quit (VdSession *session)
{
  session->phase = VD_PHASE_QUIT;
  session->need = VD_NEED_NOTHING;
  vd_command_verb (vd_output_commands (&session->output), "QUIT", NULL);
  vd_session_push (session, VD_STEP_QUIT, NULL);
}

void
vd_session_leave (VdSession *session, GError *error, VdReply *reply)
{
  if (session->talk_again && session->phase < VD_PHASE_QUIT)
    {
      vd_session_end_own (session, error);
      return;
    }
  if (session->phase >= VD_PHASE_QUIT)
    {
      g_clear_error (&error);
      return;
    }
  keep_error (session, error, reply);
  vd_session_settle (session, session->error);
  vd_session_auth_clear (session);
  vd_session_quit (session);
}

void
vd_session_abort (VdSession *session, GError *error)
{
  vd_session_fail (session, error, NULL);
}

/* ---- octets out ---- */

gboolean
vd_session_has_output (VdSession *session)
{
  return !vd_output_is_empty (&session->output);
}

gsize
vd_session_output (VdSession *session, VeredaSpan *spans, gsize max)
{
  GError *error = NULL;
  gboolean was_open;
  gsize n = 0;

  if (session->phase == VD_PHASE_CLOSED)
    return 0;
  was_open = vd_output_is_open (&session->output);
  if (!vd_output_peek (&session->output, spans, max, &n, &error))
    {
      /* The content cannot be completed.  Only closing without a dot, or without the announced octets, keeps the server from taking a
       * truncated message for a whole one (DAT-5). */
      vd_error_prefix (&error, "%s: the connection was dropped in the middle of the message, nothing was sent",
                       session->config.server);
      vd_session_fail (session, error, NULL);
      return 0;
    }
  if (!was_open && vd_output_is_open (&session->output))
    {
      vd_session_on_content_produced (session);
      if (session->phase == VD_PHASE_CLOSED)
        return 0;
      if (!vd_output_peek (&session->output, spans, max, &n, &error)) /* now with the commands that ride behind the content */
        {
          vd_session_fail (session, error, NULL);
          return 0;
        }
    }
  return n;
}

static void
head_may_wait (VdSession *session)
{
  VdExpect *head = g_queue_peek_head (&session->expects);

  if (head == NULL || head->mark > session->output.written)
    session->head_since = -1;
  else if (session->head_since < 0)
    session->head_since = session->now;
}

void
vd_session_wrote (VdSession *session, gsize size, gint64 now)
{
  session->now = now;
  if (session->phase == VD_PHASE_CLOSED || size == 0)
    return;
  vd_output_wrote (&session->output, size);
  if (session->content != NULL)
    {
      session->content->content_written = session->output.content_written;
      session->content->handed_over = session->content->end_mark <= session->output.written;
    }
  session->progress_at = vd_output_is_empty (&session->output) ? -1 : now;
  head_may_wait (session);
  vd_session_pump (session);
}

VdTransaction *
vd_session_content (VdSession *session)
{
  return session->content;
}

/* ---- octets in ---- */

static void
trace_reply (VdSession *session, VdReply *reply, gboolean sasl)
{
  VeredaTraceKind kind = reply->code < 400 ? VEREDA_TRACE_SERVER : VEREDA_TRACE_SERVER_ERROR;

  if (!vd_trace_wanted (&session->config.trace))
    return;
  for (guint i = 0; i < reply->n_lines; i++)
    {
      GString *text = g_string_new (NULL);

      g_string_printf (text, "%u%c", reply->code, i + 1 < reply->n_lines ? '-' : ' ');
      /* A challenge beside its answer allows guessing offline (SEC-9). */
      if (sasl && reply->code == 334 && reply->sizes[i] > 0 && !session->config.trace.secrets)
        g_string_append_printf (text, "<redacted %" G_GSIZE_FORMAT " octets>", reply->sizes[i]);
      else
        vd_text_escape_append (text, reply->lines[i], reply->sizes[i]);
      vd_trace_line (&session->config.trace, kind, session->secure, text->str);
      g_string_free (text, TRUE);
    }
}

/* 421: whatever was asked, the server is going away (RPL-14). */
static void
on_closing (VdSession *session, VdExpect *expect, VdReply *reply)
{
  if (expect != NULL && expect->txn != NULL && (expect->step == VD_STEP_CONTENT || expect->step == VD_STEP_BDAT_LAST))
    vd_session_on_mail_reply (session, expect, reply); /* a true answer to the message: refused, transient */
  vd_session_fail (
      session,
      vd_session_refusal (session,
                          expect != NULL && expect->step == VD_STEP_GREETING ? VEREDA_ERROR_GREETING : VEREDA_ERROR_CLOSED,
                          "to go on", reply),
      reply);
}

static void
on_unexpected (VdSession *session, VdReply *reply)
{
  char *brief;

  if (session->writing != NULL && !vd_output_is_open (&session->output) && reply->code >= 400)
    {
      vd_session_on_early_reply (session, session->writing, reply);
      return;
    }
  brief = vd_reply_brief (reply);
  vd_session_fail (session,
                   vd_session_error_new (session, VEREDA_ERROR_PROTOCOL,
                                         "the server sent a reply that nothing asked for (%s); the connection was dropped",
                                         brief),
                   reply);
  g_free (brief);
}

static gboolean
is_content (VdStep step)
{
  return step == VD_STEP_CONTENT || step == VD_STEP_BDAT || step == VD_STEP_BDAT_LAST;
}

/* Before anybody sees the answer to a SASL response; a challenge is the mechanism's, and nobody else sees it. */
static void
hide_echo (VdSession *session, VdReply **reply)
{
  const VdExpect *expect = g_queue_peek_head (&session->expects);
  VdReply *safe;

  const gboolean is_auth = expect != NULL && expect->step == VD_STEP_AUTH && (*reply)->code != 334;

  if (session->echo == NULL || !(is_auth || session->phase == VD_PHASE_TALK))
    return;
  safe = vd_echo_redact (session->echo, *reply);
  vd_reply_unref (*reply);
  *reply = safe;
}

static void
on_reply (VdSession *session, VdReply *reply)
{
  VdExpect *expect = g_queue_peek_head (&session->expects);

  trace_reply (session, reply, (expect != NULL && expect->step == VD_STEP_AUTH) || session->phase == VD_PHASE_TALK);
  if (session->phase == VD_PHASE_TALK)
    {
      vd_session_on_talk_reply (session, reply);
      return;
    }
  if (session->talk_again && reply->code != 334) /* a challenge is the mechanism's */
    g_queue_push_tail (&session->heard, vd_reply_ref (reply));
  if (expect != NULL)
    session->stage = expect->step;

  /* A reply before its command has left answers something else: injected, or left over (RPL-13). */
  if (expect == NULL || expect->mark > session->output.written)
    {
      if (reply->code == 421)
        on_closing (session, NULL, reply);
      else if (expect != NULL && is_content (expect->step) && reply->code >= 400)
        vd_session_on_early_reply (session, expect->txn, reply);
      else
        on_unexpected (session, reply);
      return;
    }

  g_queue_pop_head_link (&session->expects);
  session->head_since = -1;
  head_may_wait (session);
  vd_observer_heard (&session->config.observer, expect->step, reply);

  if (reply->code == 421 && expect->step != VD_STEP_QUIT)
    on_closing (session, expect, reply);
  else
    switch (expect->step)
      {
      case VD_STEP_GREETING:
        vd_session_on_greeting (session, reply);
        break;
      case VD_STEP_EHLO:
        vd_session_on_ehlo (session, expect, reply);
        break;
      case VD_STEP_STARTTLS:
        vd_session_on_starttls (session, reply);
        break;
      case VD_STEP_AUTH:
        vd_session_on_auth (session, expect, reply);
        break;
      case VD_STEP_RSET:
        if (!VD_REPLY_IS_POSITIVE (reply)) /* END-4: a server that will not reset cannot be used any further */
          vd_session_fail (session, vd_session_refusal (session, VEREDA_ERROR_PROTOCOL, "RSET", reply), reply);
        session->chunk_refused = FALSE;
        if (session->auth_reply != NULL)
          vd_session_auth_go_on (session);
        break;
      case VD_STEP_NOOP:
        break;
      case VD_STEP_QUIT:
        vd_session_fail (session, NULL, NULL);
        break;
      case VD_STEP_MAIL:
      case VD_STEP_RCPT:
      case VD_STEP_DATA:
      case VD_STEP_CONTENT:
      case VD_STEP_BDAT:
      case VD_STEP_BDAT_LAST:
        vd_session_on_mail_reply (session, expect, reply);
        break;
      case VD_STEP_N:
      default:
        g_assert_not_reached ();
      }
  g_queue_push_head_link (&session->spare, &expect->link);
}

static void
on_broken (VdSession *session, GError *error)
{
  VdExpect *head = g_queue_peek_head (&session->expects);
  const char *guess = head != NULL && head->step == VD_STEP_GREETING ? vd_reply_parser_protocol (session->parser) : NULL;

  if (head != NULL)
    session->stage = head->step;
  if (guess != NULL && strcmp (guess, "TLS") == 0)
    {
      g_clear_error (&error);
      error = vd_session_error_new (session, VEREDA_ERROR_TLS_MODE,
                                    "this port speaks TLS from the first octet; use implicit TLS (tls=implicit or smtps://)");
    }
  else
    vd_error_prefix (&error, "%s", session->config.server);
  vd_session_fail (session, error, NULL);
}

void
vd_session_feed (VdSession *session, const void *data, gsize size, gint64 now)
{
  const guint8 *octets = data;

  session->now = now;
  while (size > 0 && session->phase != VD_PHASE_CLOSED)
    {
      g_autoptr (VdReply) reply = NULL;
      GError *error = NULL;
      VdReplyStatus status;
      gsize used = 0;

      if (session->need == VD_NEED_HANDSHAKE)
        {
          /* Octets sent in clear together with the 220 would be read as if they had come under TLS (STL-4). */
          session->need = VD_NEED_NOTHING;
          vd_session_fail (
              session,
              vd_session_error_new (session, VEREDA_ERROR_TLS,
                                    "octets came in clear after the reply to STARTTLS: somebody on the way tries to inject "
                                    "replies, or the server is broken; the connection was dropped"),
              NULL);
          return;
        }
      status = vd_reply_parser_feed (session->parser, octets, size, &used, &reply, &error);
      if (status == VD_REPLY_BROKEN)
        {
          on_broken (session, error);
          return;
        }
      octets += used;
      size -= used;
      if (status == VD_REPLY_READY)
        {
          hide_echo (session, &reply);
          on_reply (session, reply);
        }
    }
  vd_session_pump (session);
}

void
vd_session_feed_end (VdSession *session, GError *error, gint64 now)
{
  VdExpect *head = g_queue_peek_head (&session->expects);
  VdStep step = head != NULL ? head->step : session->writing != NULL ? VD_STEP_CONTENT : VD_STEP_NOOP;
  GError *lost;

  session->now = now;
  if (session->phase == VD_PHASE_CLOSED)
    {
      g_clear_error (&error);
      return;
    }
  session->stage = step;
  if (head == NULL && session->writing == NULL)
    lost = vd_session_error_new (session, VEREDA_ERROR_CLOSED, "the server closed the connection%s%s",
                                 error != NULL ? ": " : "", error != NULL ? error->message : "");
  else
    lost = vd_session_error_new (session, step == VD_STEP_GREETING ? VEREDA_ERROR_GREETING : VEREDA_ERROR_CLOSED,
                                 "the connection ended at the stage %s, before the reply%s%s", vd_step_name (step),
                                 error != NULL ? ": " : "", error != NULL ? error->message : "");
  g_clear_error (&error);
  vd_session_fail (session, lost, NULL);
}

/* ---- what it needs and what it saw ---- */

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
