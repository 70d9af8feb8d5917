/* SPDX-License-Identifier: MIT */
/* sink-message - see sink-message.h. */
#include "sink-message.h"
#include "sink-event.h"

#include <errno.h>
#include <string.h>

static gboolean
is_too_large (const SinkSession *session)
{
  guint64 limit = session->server->config.size;
  return limit != 0 && session->content.size > limit;
}

static void
take (gpointer user_data, const gchar *data, gsize size)
{
  SinkSession *session = user_data;
  if (session->digest != NULL)
    EVP_DigestUpdate (session->digest, data, size);
  if (session->server->capture != NULL && !is_too_large (session))
    sink_capture_file_write (&session->file, data, size);
}

void
sink_message_begin (SinkSession *session)
{
  SinkServer *server = session->server;
  const SinkEnvelope *envelope = &session->envelope;
  if (server->wants_digest && session->digest == NULL)
    session->digest = EVP_MD_CTX_new ();
  if (session->digest != NULL)
    EVP_DigestInit_ex (session->digest, EVP_sha256 (), NULL);
  if (server->capture != NULL)
    sink_capture_file_begin (&session->file);
  gboolean wanted = session->digest != NULL || server->capture != NULL;
  sink_content_begin (&session->content, envelope->body_8bit, envelope->smtputf8, wanted ? take : NULL, session);
}

/* What the message is refused for, or NULL. */
static const gchar *
find_refusal (SinkSession *session, const gchar *fault)
{
  const SinkConfig *config = &session->server->config;
  const guint64 *seen = session->content.violations.count;
  if (is_too_large (session))
    return "552 5.3.4 message is larger than this server takes";
  if (!config->lenient && (seen[SINK_VIOLATION_BARE_LF] != 0 || seen[SINK_VIOLATION_BARE_CR] != 0))
    return "554 5.6.0 message has CR or LF that is not part of CRLF";
  if (fault != NULL && fault[0] != '2')
    return fault;
  if (session->server->capture != NULL && !sink_capture_file_finish (&session->file))
    return "452 4.3.1 message cannot be written";
  return NULL;
}

/* The message gets its number, and its file the name.  Returns FALSE if that cannot be. */
static gboolean
name_message (SinkSession *session, guint64 *ret_number, gchar *file, gsize room)
{
  do
    {
      *ret_number = __atomic_add_fetch (&session->server->last_message, 1, __ATOMIC_RELAXED);
      if (session->server->capture == NULL || sink_capture_file_name (&session->file, *ret_number, file, room))
        return TRUE;
    }
  while (session->file.failed == EEXIST);
  return FALSE;
}

static void
reply_for_each (SinkSession *session, const gchar *reply)
{
  /* RFC 2033 section 4.2: one reply for each recipient that RCPT accepted. */
  guint times = session->server->config.lmtp ? session->envelope.accepted : 1;
  for (guint i = 0; i < times; i++)
    sink_session_reply (session, reply);
}

void
sink_message_end (SinkSession *session)
{
  gchar accepted[512];
  gchar file[32] = "";
  guint64 number = 0;
  if (session->envelope.declared != 0 && session->content.size > session->envelope.declared)
    session->content.violations.count[SINK_VIOLATION_SIZE_UNDERSTATED] = 1;
  const gchar *fault = sink_session_reach (session, SINK_STAGE_DOT);
  const gchar *refusal = find_refusal (session, fault);
  if (refusal == NULL && !name_message (session, &number, file, sizeof file))
    refusal = "452 4.3.1 message cannot be written";
  if (fault != NULL && refusal == NULL)
    g_strlcpy (accepted, fault, sizeof accepted); /* taken, and said so in these words */
  else
    g_snprintf (accepted, sizeof accepted, "250 2.0.0 Ok: queued as %06" G_GUINT64_FORMAT, number);

  SinkViolations violations = session->violations;
  sink_violations_add (&violations, &session->content.violations);
  sink_violations_add (&session->all_violations, &violations);
  memset (&session->violations, 0, sizeof session->violations);
  session->stats->violations += sink_violations_total (&violations);
  session->stats->octets += session->content.size;
  sink_event_message (session, file[0] != '\0' ? file : NULL, refusal != NULL ? refusal : accepted, &violations);

  reply_for_each (session, refusal != NULL ? refusal : accepted);
  if (refusal != NULL && g_str_has_prefix (refusal, "421"))
    session->want = SINK_WANT_CLOSE;
  if (refusal != NULL)
    session->stats->refused++;
  else
    {
      session->messages++;
      session->stats->messages++;
      session->stats->recipients += session->envelope.accepted;
    }
  sink_session_reset (session);
  if (refusal == NULL)
    sink_server_taken (session->server);
}
