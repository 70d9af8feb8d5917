/* SPDX-License-Identifier: MIT */
/* sink-smtp - the session: reads lines, content and chunks out of what is fed, and writes replies.  See sink-smtp.h.
 *
 * What each command does is in sink-command.c. */
#include "sink-smtp.h"
#include "sink-auth.h"
#include "sink-command.h"
#include "sink-event.h"
#include "sink-message.h"
#include "sink-record.h"
#include "sink-replay.h"

#include <string.h>

#define LINE_MAX_OCTETS 12288 /* RFC 4954 section 4: the longest line there is */

static void
envelope_init (SinkEnvelope *envelope)
{
  envelope->from = g_string_new (NULL);
  envelope->mail_parameters = g_string_new (NULL);
  envelope->recipients = g_string_new (NULL);
}

void
sink_session_init (SinkSession *session, SinkServer *server, SinkStats *stats, guint64 id, const gchar *peer)
{
  memset (session, 0, sizeof *session);
  session->server = server;
  session->stats = stats;
  session->id = id;
  session->peer = g_strdup (peer);
  session->out = g_string_sized_new (1024);
  session->line = g_string_new (NULL);
  session->hello = g_string_new (NULL);
  session->held = g_string_new (NULL);
  session->pipelining
      = (server->config.extensions & SINK_EXT_PIPELINING) != 0 && !sink_config_hides (&server->config, "PIPELINING");
  envelope_init (&session->envelope);
  sink_capture_file_init (&session->file, server->capture, id);
}

void
sink_session_clear (SinkSession *session)
{
  sink_auth_end (session);
  sink_capture_file_clear (&session->file);
  EVP_MD_CTX_free (session->digest);
  GString *strings[] = { session->out,
                         session->line,
                         session->hello,
                         session->held,
                         session->envelope.from,
                         session->envelope.mail_parameters,
                         session->envelope.recipients };
  for (guint i = 0; i < G_N_ELEMENTS (strings); i++)
    g_string_free (strings[i], TRUE);
  g_free (session->peer);
  g_free (session->certificate);
  g_free (session->auth_user);
}

void
sink_session_reset (SinkSession *session)
{
  SinkEnvelope *envelope = &session->envelope;
  g_string_truncate (envelope->from, 0);
  g_string_truncate (envelope->mail_parameters, 0);
  g_string_truncate (envelope->recipients, 0);
  envelope->open = FALSE;
  envelope->accepted = 0;
  envelope->tried = 0;
  envelope->body_8bit = FALSE;
  envelope->smtputf8 = FALSE;
  envelope->declared = 0;
  envelope->chunked = FALSE;
  envelope->broken = FALSE;
  sink_capture_file_discard (&session->file);
}

void
sink_session_reply (SinkSession *session, const gchar *reply)
{
  const gchar *text = reply;
  if ((session->server->config.extensions & SINK_EXT_ENHANCED) == 0 && strlen (reply) > 6 && reply[5] == '.'
      && g_ascii_isdigit (reply[4]))
    {
      g_string_append_len (session->out, reply, 4);
      text = reply + 4 + strcspn (reply + 4, " ");
      text += *text == ' ' ? 1 : 0;
    }
  g_string_append (session->out, text);
  g_string_append_len (session->out, "\r\n", 2);
}

void
sink_session_replyf (SinkSession *session, const gchar *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree gchar *text = g_strdup_vprintf (format, args);
  va_end (args);
  sink_session_reply (session, text);
}

const gchar *
sink_session_reach (SinkSession *session, SinkStage stage)
{
  const SinkConfig *config = &session->server->config;
  SinkFault *found = NULL;
  for (guint i = 0; i < config->faults->len; i++)
    {
      SinkFault *fault = &g_array_index (config->faults, SinkFault, i);
      if (fault->stage != stage)
        continue;
      guint64 occasion = __atomic_add_fetch (&fault->occasions, 1, __ATOMIC_RELAXED);
      if (found != NULL || !sink_fault_fires (fault, occasion, config->seed))
        continue;
      found = fault;
      session->fault_occasion = occasion;
    }
  if (found == NULL)
    return NULL;
  sink_event_fault (session, found, session->fault_occasion);
  if (found->action->edit == SINK_EDIT_INSTEAD)
    return found->reply;
  session->fault = found;
  session->fault_at = session->out->len;
  return NULL;
}

void
sink_session_greet (SinkSession *session)
{
  const SinkConfig *config = &session->server->config;
  if (session->server->replay != NULL)
    {
      sink_player_begin (session);
      return;
    }
  const gchar *fault = sink_session_reach (session, SINK_STAGE_BANNER);
  if (fault == NULL)
    {
      sink_session_replyf (session, "220 %s %s smtp-tool sink", config->hostname, config->lmtp ? "LMTP" : "ESMTP");
      return;
    }
  sink_session_reply (session, fault);
  if (g_str_has_prefix (fault, "421"))
    session->want = SINK_WANT_CLOSE;
}

void
sink_session_secured (SinkSession *session, const gchar *version, const gchar *cipher, const gchar *certificate)
{
  session->tls_version = version;
  session->tls_cipher = cipher;
  session->certificate = g_strdup (certificate);
  session->want = SINK_WANT_INPUT;
  /* RFC 3207 section 4.2: nothing that was learnt in clear is kept. */
  g_string_truncate (session->hello, 0);
  session->extended = FALSE;
  g_clear_pointer (&session->auth_user, g_free);
  sink_session_reset (session);
  if (session->server->replay != NULL)
    sink_player_secured (session);
}

/* Looks at a line without its LF; returns the text without CR, ended by NUL, or NULL if it was refused. */
static gchar *
check_line (SinkSession *session, gchar *line, gsize *size)
{
  gboolean lenient = session->server->config.lenient;
  const gchar *refusal = NULL;
  if (session->line_too_long)
    {
      sink_session_blame (session, SINK_VIOLATION_LONG_COMMAND);
      refusal = "500 5.5.6 line is too long";
    }
  if (*size > 0 && line[*size - 1] == '\r')
    (*size)--;
  else
    {
      sink_session_blame (session, SINK_VIOLATION_BARE_LF_COMMAND);
      if (!lenient && refusal == NULL)
        refusal = "500 5.5.2 line ends in LF without CR";
    }
  if (memchr (line, '\r', *size) != NULL)
    {
      sink_session_blame (session, SINK_VIOLATION_BARE_CR_COMMAND);
      if (refusal == NULL)
        refusal = "500 5.5.2 CR inside a line";
    }
  if (memchr (line, '\0', *size) != NULL)
    {
      sink_session_blame (session, SINK_VIOLATION_NUL_COMMAND);
      if (refusal == NULL)
        refusal = "500 5.5.2 NUL inside a line";
    }
  session->line_too_long = FALSE;
  if (refusal == NULL)
    {
      line[*size] = '\0';
      return line;
    }
  if (session->mode == SINK_MODE_AUTH)
    sink_auth_end (session);
  sink_session_reply (session, refusal);
  return NULL;
}

static void
process_line (SinkSession *session, gchar *line, gsize size)
{
  gsize whole = size + 1;
  sink_record_line (session, line, size);
  line = check_line (session, line, &size);
  if (line == NULL)
    return;
  if (session->mode == SINK_MODE_AUTH)
    sink_auth_continue (session, line, size);
  else
    sink_command_run (session, line, size, whole);
}

static void
hold_line (SinkSession *session, const gchar *data, gsize size)
{
  if (session->line->len + size > LINE_MAX_OCTETS)
    {
      /* Only its end still matters: whether CR stands before LF. */
      session->line_too_long = TRUE;
      g_string_truncate (session->line, 0);
      data += size > 1 ? size - 1 : 0;
      size = MIN (size, 1);
    }
  g_string_append_len (session->line, data, (gssize) size);
}

static gchar *
feed_line (SinkSession *session, gchar *p, gchar *end)
{
  gchar *lf = memchr (p, '\n', (gsize) (end - p));
  if (lf == NULL)
    {
      hold_line (session, p, (gsize) (end - p));
      return end;
    }
  session->rest = (gsize) (end - (lf + 1));
  if (session->line->len == 0 && !session->line_too_long)
    {
      if (lf - p >= LINE_MAX_OCTETS)
        session->line_too_long = TRUE;
      process_line (session, p, (gsize) (lf - p));
      return lf + 1;
    }
  hold_line (session, p, (gsize) (lf - p));
  gsize size = session->line->len;
  process_line (session, session->line->str, size);
  g_string_truncate (session->line, 0);
  return lf + 1;
}

/* After content there is a reply to come; who was not granted PIPELINING waits for it. */
static void
check_waiting (SinkSession *session, const gchar *p, const gchar *end)
{
  if (p < end && !(session->extended && session->pipelining))
    sink_session_blame (session, SINK_VIOLATION_PIPELINING_NOT_OFFERED);
}

static gchar *
feed_data (SinkSession *session, gchar *p, gchar *end)
{
  gboolean done;
  const gchar *stop = sink_content_data (&session->content, p, (gsize) (end - p), &done);
  sink_record_content (session, p, (gsize) (stop - p));
  p += stop - p;
  if (done)
    {
      session->mode = SINK_MODE_COMMAND;
      check_waiting (session, p, end);
      sink_message_end (session);
    }
  return p;
}

static gchar *
feed_chunk (SinkSession *session, gchar *p, gchar *end)
{
  gsize size = (gsize) MIN (session->chunk_left, (guint64) (end - p));
  sink_record_content (session, p, size);
  if (!session->chunk_discard)
    sink_content_chunk (&session->content, p, size);
  session->chunk_left -= size;
  if (session->chunk_left == 0)
    {
      check_waiting (session, p + size, end);
      sink_command_end_chunk (session);
    }
  return p + size;
}

/* Until nothing is left, or something has to happen before the next command. */
static void
read_octets (SinkSession *session, gchar *data, gsize size)
{
  gchar *p = data;
  gchar *end = data + size;
  while (p < end && session->want == SINK_WANT_INPUT && session->fault == NULL)
    switch (session->mode)
      {
      case SINK_MODE_COMMAND:
      case SINK_MODE_AUTH:
        p = feed_line (session, p, end);
        break;
      case SINK_MODE_DATA:
        p = feed_data (session, p, end);
        break;
      case SINK_MODE_CHUNK:
        p = feed_chunk (session, p, end);
        break;
      default:
        g_assert_not_reached ();
      }
  if (session->fault != NULL && session->want == SINK_WANT_INPUT)
    g_string_append_len (session->held, p, end - p);
}

void
sink_session_feed (SinkSession *session, gchar *data, gsize size)
{
  session->octets_in += size;
  if (session->player != NULL)
    {
      sink_player_feed (session, data, size);
      return;
    }
  read_octets (session, data, size);
}

void
sink_session_resume (SinkSession *session)
{
  GString *held = session->held;
  session->fault = NULL;
  if (held->len == 0)
    return;
  session->held = g_string_new (NULL);
  read_octets (session, held->str, held->len);
  g_string_free (held, TRUE);
}
