/* SPDX-License-Identifier: MIT */
/* session-talk - lines of the owner's own, and the server's answers to them.  Part of session; see session-private.h.
 *
 * Nothing is understood but what keeps this end safe: where a line ends, STARTTLS (the handshake follows its 220, and octets in clear behind
 * that end the session: RFC 3207 section 4.2), and which lines are secret.  What the server has learned is not known here, so that no
 * transaction follows on such a session. */
#include "core/smtp/session-private.h"

#include <string.h>

#include "core/base/secret.h"

void
vd_session_begin_talk (VdSession *session)
{
  session->phase = VD_PHASE_TALK;
  session->need = VD_NEED_NOTHING;
  session->talk_again = FALSE;
}

gboolean
vd_session_is_talking (VdSession *session)
{
  return session->phase == VD_PHASE_TALK && session->need == VD_NEED_NOTHING && g_queue_is_empty (&session->expects);
}

static gboolean
is_starttls (const char *line, gsize size)
{
  while (size > 0 && (line[size - 1] == ' ' || line[size - 1] == '\t'))
    size--;
  return size == 8 && g_ascii_strncasecmp (line, "STARTTLS", 8) == 0;
}

/* What keeps a line from being said, or NULL. */
static const char *
find_fault (VdSession *session, const char *line, gsize size)
{
  if (memchr (line, '\r', size) != NULL || memchr (line, '\n', size) != NULL || memchr (line, '\0', size) != NULL)
    return "a line holds CR, LF or NUL";
  if (session->talk_content || !is_starttls (line, size))
    return NULL;
  return session->secure          ? "STARTTLS inside TLS"
         : session->n_awaited > 0 ? "STARTTLS while replies to other lines are awaited"
                                  : NULL;
}

/* A SASL response: the answer to a challenge, or what stands behind the mechanism of AUTH. */
static void
keep_typed (VdSession *session, const char *line, gsize size)
{
  const char *blank = size > 5 && g_ascii_strncasecmp (line, "AUTH ", 5) == 0 ? memchr (line + 5, ' ', size - 5) : NULL;
  const char *from = session->talk_challenged ? line : blank != NULL ? blank + 1 : line + size;
  g_autofree char *text = g_strndup (from, (gsize) (line + size - from));
  const gsize length = strlen (text);
  gsize octets = 0;
  guchar *response = g_base64_decode (text, &octets);

  vd_session_keep_said (session, response, octets);
  vd_wipe (response, octets);
  g_free (response);
  vd_wipe (text, length);
}

gboolean
vd_session_talk_line (VdSession *session, const char *line, gsize size, gint64 now, GError **error)
{
  const char *fault = find_fault (session, line, size);
  VdBuffer *out;

  session->now = now;
  if (fault != NULL)
    {
      g_propagate_error (error, vd_session_error_new (session, VEREDA_ERROR_PROTOCOL, "%s; nothing was said", fault));
      return FALSE;
    }
  if (!session->talk_content)
    keep_typed (session, line, size);
  out = vd_output_commands (&session->output);
  session->trace_from = session->output.queued;
  vd_buffer_append (out, line, size);
  vd_buffer_append (out, "\r\n", 2);
  if (!session->talk_content && is_starttls (line, size))
    vd_session_push (session, VD_STEP_STARTTLS, NULL);
  else
    {
      (void) vd_output_appended (&session->output);
      vd_session_trace_commands (session, session->talk_challenged);
      session->trace_from = session->output.queued;
      vd_session_octets_wait (session);
    }
  session->talk_challenged = FALSE;
  if (session->talk_content && !(size == 1 && line[0] == '.'))
    return TRUE;
  session->talk_content = FALSE;
  session->n_awaited++;
  return TRUE;
}

void
vd_session_talk_octets (VdSession *session, const void *data, gsize size, gint64 now)
{
  session->now = now;
  vd_buffer_append (vd_output_commands (&session->output), data, size);
  (void) vd_output_appended (&session->output);
  session->trace_from = session->output.queued; /* how many there were, not the octets */
  vd_trace_info (&session->config.trace, "%" G_GSIZE_FORMAT " octets follow", size);
  vd_session_octets_wait (session);
}

guint
vd_session_talk_awaited (VdSession *session)
{
  return session->n_awaited;
}

void
vd_session_on_talk_reply (VdSession *session, VdReply *reply)
{
  VdExpect *expect = g_queue_peek_head (&session->expects);

  session->n_awaited -= session->n_awaited > 0 ? 1 : 0;
  session->talk_content = reply->code == 354;
  session->talk_challenged = reply->code == 334;
  g_queue_push_tail (&session->heard, vd_reply_ref (reply));
  if (expect == NULL || expect->mark > session->output.written) /* nothing that this end has asked: shown, and that is all */
    return;
  g_queue_pop_head_link (&session->expects); /* STARTTLS: no other reply is awaited then */
  session->head_since = -1;
  vd_observer_heard (&session->config.observer, expect->step, reply);
  if (reply->code == 220)
    session->need = VD_NEED_HANDSHAKE;
  g_queue_push_head_link (&session->spare, &expect->link);
}

VdReply *
vd_session_take_heard (VdSession *session)
{
  return g_queue_pop_head (&session->heard);
}

/* The owner sees for himself, and says QUIT when he wants. */
void
vd_session_end_own (VdSession *session, GError *error)
{
  g_clear_error (&session->talk_error);
  session->talk_error = error;
  vd_session_auth_clear (session);
  vd_session_begin_talk (session);
}

GError *
vd_session_take_talk_error (VdSession *session)
{
  return g_steal_pointer (&session->talk_error);
}

static void
begin_own (VdSession *session, gint64 now)
{
  session->now = now;
  session->n_awaited = 0;
  session->talk_again = TRUE;
  session->talk_content = session->talk_challenged = FALSE;
  g_clear_error (&session->talk_error);
}

void
vd_session_talk_hello (VdSession *session, gint64 now)
{
  g_return_if_fail (vd_session_is_talking (session));

  begin_own (session, now);
  vd_session_say_hello (session, FALSE);
}

void
vd_session_talk_auth (VdSession *session, gint64 now)
{
  g_return_if_fail (vd_session_is_talking (session));

  begin_own (session, now);
  session->config.auth = TRUE;
  session->authenticated = session->auth_over = FALSE;
  if (session->ehlo != NULL && session->secure)
    vd_session_begin_auth (session);
  else
    vd_session_say_hello (session, FALSE); /* what it offers may depend on TLS, which comes first */
}

void
vd_session_talk_quit (VdSession *session, gint64 now)
{
  session->now = now;
  if (session->talk_content) /* the server would take it for content */
    vd_session_fail (session, NULL, NULL);
  else
    vd_session_quit (session);
}
