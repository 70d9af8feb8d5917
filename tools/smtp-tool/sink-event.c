/* SPDX-License-Identifier: MIT */
/* sink-event - see sink-event.h.
 *
 * A human reads messages (and with --verbose the rest); a program reads everything. */
#include "sink-event.h"

#include <jansson.h>
#include <string.h>

static json_t *
text_n (const gchar *text, gsize size)
{
  json_t *made = json_stringn (text, size);
  if (made != NULL)
    return made;
  g_autofree gchar *valid = g_utf8_make_valid (text, (gssize) size); /* a client may send anything as an address */
  return json_string (valid);
}

static json_t *
text_or_null (const gchar *text)
{
  return text == NULL ? json_null () : text_n (text, strlen (text));
}

static void
put (json_t *object, const gchar *key, json_t *value)
{
  json_object_set_new (object, key, value);
}

static void
put_number (json_t *object, const gchar *key, guint64 value)
{
  put (object, key, json_integer ((json_int_t) value));
}

static json_t *
event_new (const gchar *name)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree gchar *time = g_date_time_format (now, "%Y-%m-%dT%H:%M:%S.%fZ");
  json_t *event = json_object ();
  put (event, "event", json_string (name));
  put (event, "time", json_string (time));
  return event;
}

static json_t *
session_event_new (const SinkSession *session, const gchar *name)
{
  json_t *event = event_new (name);
  put_number (event, "connection", session->id);
  return event;
}

static json_t *
violations_new (const SinkViolations *violations)
{
  json_t *object = json_object ();
  for (guint i = 0; i < SINK_N_VIOLATIONS; i++)
    if (violations->count[i] != 0)
      put_number (object, sink_violation_name (i), violations->count[i]);
  return object;
}

static void
add_line (SinkServer *server, const gchar *line)
{
  sink_report_add (server->report, line, strlen (line));
}

/* Writes the event where it is wanted, and lets go of it. */
static void
publish (SinkServer *server, json_t *event, gboolean to_log)
{
  gchar *text = json_dumps (event, JSON_COMPACT);
  GString *line = g_string_new (text);
  g_string_append_c (line, '\n');
  if (server->config.format == SINK_FORMAT_JSONL)
    sink_report_add (server->report, line->str, line->len);
  if (to_log && server->capture != NULL)
    sink_capture_log (server->capture, line->str, line->len);
  g_string_free (line, TRUE);
  free (text);
  json_decref (event);
}

static gboolean
is_jsonl (const SinkServer *server)
{
  return server->config.format == SINK_FORMAT_JSONL;
}

static gboolean
is_talkative (const SinkServer *server)
{
  return server->config.format == SINK_FORMAT_HUMAN && server->config.verbose;
}

/* What came from outside reaches a terminal without control characters. */
static void
append_safely (GString *line, const gchar *text, gsize size)
{
  gsize plain = 0;
  while (plain < size && g_ascii_isprint (text[plain]))
    plain++;
  g_string_append_len (line, text, (gssize) plain);
  if (plain == size)
    return;
  g_autofree gchar *valid = g_utf8_make_valid (text + plain, (gssize) (size - plain));
  for (const gchar *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);
      if (g_unichar_isprint (c))
        g_string_append_unichar (line, c);
      else
        g_string_append_printf (line, "\\u%04x", c);
    }
}

static void talk (const SinkSession *session, const gchar *format, ...) G_GNUC_PRINTF (2, 3);

static void
talk (const SinkSession *session, const gchar *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree gchar *text = g_strdup_vprintf (format, args);
  va_end (args);
  GString *line = g_string_new (NULL);
  g_string_printf (line, "[%" G_GUINT64_FORMAT "] ", session->id);
  append_safely (line, text, strlen (text));
  g_string_append_c (line, '\n');
  sink_report_add (session->server->report, line->str, line->len);
  g_string_free (line, TRUE);
}

void
sink_event_listening (SinkServer *server, const gchar *where, guint port, const gchar *ca_file)
{
  if (is_jsonl (server))
    {
      json_t *event = event_new ("listening");
      put (event, "address", text_or_null (where));
      put (event, "port", port != 0 ? json_integer (port) : json_null ());
      put (event, "ca_file", text_or_null (ca_file));
      put (event, "protocol", json_string (server->config.lmtp ? "lmtp" : "smtp"));
      put (event, "auth", text_or_null (server->mechanisms));
      publish (server, event, FALSE);
      return;
    }
  g_autofree gchar *line
      = server->config.print_port ? g_strdup_printf ("%u\n", port) : g_strdup_printf ("listening on %s\n", where);
  add_line (server, line);
  if (ca_file != NULL)
    {
      g_autofree gchar *second = g_strdup_printf ("ca-file %s\n", ca_file);
      add_line (server, second);
    }
}

void
sink_event_connect (SinkSession *session)
{
  if (is_jsonl (session->server))
    {
      json_t *event = session_event_new (session, "connect");
      put (event, "peer", text_or_null (session->peer));
      publish (session->server, event, FALSE);
    }
  else if (is_talkative (session->server))
    talk (session, "connect from %s", session->peer);
}

void
sink_event_tls (SinkSession *session, gboolean resumed, const gchar *server_name)
{
  if (is_jsonl (session->server))
    {
      json_t *event = session_event_new (session, "tls");
      put (event, "version", text_or_null (session->tls_version));
      put (event, "cipher", text_or_null (session->tls_cipher));
      put (event, "resumed", json_boolean (resumed));
      put (event, "server_name", text_or_null (server_name));
      put (event, "certificate", text_or_null (session->certificate));
      publish (session->server, event, FALSE);
    }
  else if (is_talkative (session->server))
    talk (session, "%s %s%s", session->tls_version, session->tls_cipher, resumed ? ", resumed" : "");
}

void
sink_event_tls_failed (SinkSession *session, const gchar *why)
{
  if (is_jsonl (session->server))
    {
      json_t *event = session_event_new (session, "tls-failed");
      put (event, "why", text_or_null (why));
      publish (session->server, event, FALSE);
    }
  else if (is_talkative (session->server))
    talk (session, "TLS failed: %s", why);
}

void
sink_event_auth (SinkSession *session, const gchar *mechanism, const gchar *reply)
{
  if (is_jsonl (session->server))
    {
      json_t *event = session_event_new (session, "auth");
      put (event, "mechanism", text_or_null (mechanism));
      put (event, "user", text_or_null (session->auth_user));
      put (event, "ok", json_boolean (reply[0] == '2'));
      put (event, "reply", text_or_null (reply));
      publish (session->server, event, FALSE);
    }
  else if (is_talkative (session->server))
    talk (session, "AUTH %s: %s", mechanism, reply);
}

void
sink_event_mail (SinkSession *session, const gchar *reply)
{
  if (!is_jsonl (session->server))
    return;
  json_t *event = session_event_new (session, "mail");
  put (event, "from", text_n (session->envelope.from->str, session->envelope.from->len));
  put (event, "parameters", text_or_null (session->envelope.mail_parameters->str));
  put (event, "reply", text_or_null (reply));
  publish (session->server, event, FALSE);
}

void
sink_event_rcpt (SinkSession *session, const gchar *address, gsize size, const gchar *reply)
{
  if (!is_jsonl (session->server))
    return;
  json_t *event = session_event_new (session, "rcpt");
  put (event, "to", text_n (address, size));
  put (event, "reply", text_or_null (reply));
  publish (session->server, event, FALSE);
}

static json_t *
auth_new (const SinkSession *session)
{
  if (session->auth_user == NULL)
    return json_null ();
  json_t *auth = json_object ();
  put (auth, "mechanism", text_or_null (session->auth_mechanism));
  put (auth, "user", text_or_null (session->auth_user));
  return auth;
}

static json_t *
digest_new (const SinkSession *session)
{
  guchar octets[EVP_MAX_MD_SIZE];
  guint size = 0;
  if (session->digest == NULL || EVP_DigestFinal_ex (session->digest, octets, &size) != 1)
    return json_null ();
  gchar hex[2 * EVP_MAX_MD_SIZE + 1];
  for (guint i = 0; i < size; i++)
    g_snprintf (hex + 2 * i, 3, "%02x", octets[i]);
  return json_string (hex);
}

static void
message_as_json (SinkSession *session, const gchar *file, const gchar *reply, const SinkViolations *violations)
{
  const SinkEnvelope *envelope = &session->envelope;
  json_t *event = session_event_new (session, "message");
  json_t *recipients = json_array ();
  json_t *parameters = json_array ();
  const gchar *p = envelope->recipients->str;
  for (guint i = 0; i < envelope->accepted; i++)
    {
      json_array_append_new (recipients, text_or_null (p));
      p += strlen (p) + 1;
      json_array_append_new (parameters, text_or_null (p));
      p += strlen (p) + 1;
    }
  put (event, "accepted", json_boolean (reply[0] == '2'));
  put (event, "reply", text_or_null (reply));
  put (event, "file", text_or_null (file));
  put (event, "from", text_or_null (envelope->from->str));
  put (event, "mail_parameters", text_or_null (envelope->mail_parameters->str));
  put (event, "recipients", recipients);
  put (event, "rcpt_parameters", parameters);
  put_number (event, "size", session->content.size);
  put (event, "sha256", digest_new (session));
  put (event, "command", json_string (envelope->chunked ? "BDAT" : "DATA"));
  put (event, "hello", text_or_null (session->hello->str));
  put (event, "peer", text_or_null (session->peer));
  put (event, "tls", text_or_null (session->tls_version));
  put (event, "cipher", text_or_null (session->tls_cipher));
  put (event, "auth", auth_new (session));
  put (event, "violations", violations_new (violations));
  publish (session->server, event, TRUE);
}

static void
append_violations (GString *line, const SinkViolations *violations)
{
  const gchar *before = "  violations: ";
  for (guint i = 0; i < SINK_N_VIOLATIONS; i++)
    if (violations->count[i] != 0)
      {
        g_string_append_printf (line, "%s%s %" G_GUINT64_FORMAT, before, sink_violation_name (i), violations->count[i]);
        before = ", ";
      }
}

static void
message_as_line (SinkSession *session, const gchar *file, const gchar *reply, const SinkViolations *violations)
{
  const SinkEnvelope *envelope = &session->envelope;
  GString *line = g_string_sized_new (256);
  g_string_append_printf (line, "[%" G_GUINT64_FORMAT "] %s %" G_GUINT64_FORMAT " octets  <", session->id,
                          reply[0] == '2' ? "message" : "refused", session->content.size);
  append_safely (line, envelope->from->str, envelope->from->len);
  g_string_append (line, "> ->");
  const gchar *p = envelope->recipients->str;
  for (guint i = 0; i < envelope->accepted; i++)
    {
      if (i == 3)
        {
          g_string_append_printf (line, " and %u more", envelope->accepted - i);
          break;
        }
      g_string_append (line, " <");
      append_safely (line, p, strlen (p));
      g_string_append_c (line, '>');
      p += strlen (p) + 1;
      p += strlen (p) + 1;
    }
  if (session->tls_version != NULL)
    g_string_append_printf (line, "  %s", session->tls_version);
  if (session->auth_user != NULL)
    {
      g_string_append_printf (line, "  %s ", session->auth_mechanism);
      append_safely (line, session->auth_user, strlen (session->auth_user));
    }
  if (file != NULL)
    g_string_append_printf (line, "  %s", file);
  if (reply[0] != '2')
    g_string_append_printf (line, "  %s", reply);
  append_violations (line, violations);
  g_string_append_c (line, '\n');
  sink_report_add (session->server->report, line->str, line->len);
  g_string_free (line, TRUE);
}

void
sink_event_message (SinkSession *session, const gchar *file, const gchar *reply, const SinkViolations *violations)
{
  const SinkConfig *config = &session->server->config;
  if (config->format == SINK_FORMAT_JSONL || session->server->capture != NULL)
    message_as_json (session, file, reply, violations);
  if (config->format == SINK_FORMAT_HUMAN && !config->quiet)
    message_as_line (session, file, reply, violations);
}

void
sink_event_fault (SinkSession *session, const SinkFault *fault, guint64 occasion)
{
  if (is_jsonl (session->server))
    {
      json_t *event = session_event_new (session, "fault");
      put (event, "stage", json_string (sink_stage_name (fault->stage)));
      put (event, "action", json_string (fault->action->name));
      put_number (event, "occasion", occasion);
      publish (session->server, event, FALSE);
    }
  else if (is_talkative (session->server))
    talk (session, "fault at %s: %s", sink_stage_name (fault->stage), fault->action->name);
}

void
sink_event_deviation (SinkSession *session, guint line, const gchar *what, const gchar *recorded, gsize recorded_size,
                      const gchar *seen, gsize seen_size)
{
  if (is_jsonl (session->server))
    {
      json_t *event = session_event_new (session, "deviation");
      put (event, "line", json_integer (line));
      put (event, "what", json_string (what));
      put (event, "recorded", text_n (recorded, recorded_size));
      put (event, "seen", text_n (seen, seen_size));
      publish (session->server, event, FALSE);
    }
  else if (!session->server->config.quiet)
    {
      g_autofree gchar *before = g_strndup (recorded, recorded_size);
      g_autofree gchar *now = g_strndup (seen, seen_size);
      g_strchomp (before);
      g_strchomp (now);
      talk (session, "line %u deviates (%s): recorded \"%s\", seen \"%s\"", line, what, before, now);
    }
}

void
sink_event_quit (SinkSession *session)
{
  if (is_jsonl (session->server))
    publish (session->server, session_event_new (session, "quit"), FALSE);
}

void
sink_event_close (SinkSession *session, const gchar *why)
{
  sink_violations_add (&session->all_violations, &session->violations);
  if (is_jsonl (session->server))
    {
      json_t *event = session_event_new (session, "close");
      put (event, "why", json_string (why));
      put_number (event, "messages", session->messages);
      put_number (event, "octets_in", session->octets_in);
      put (event, "in_transaction", json_boolean (session->envelope.open));
      put (event, "violations", violations_new (&session->all_violations));
      publish (session->server, event, FALSE);
      return;
    }
  if (!is_talkative (session->server))
    return;
  GString *violations = g_string_new (NULL);
  append_violations (violations, &session->all_violations);
  talk (session, "close: %s, %" G_GUINT64_FORMAT " messages%s", why, session->messages, violations->str);
  g_string_free (violations, TRUE);
}

void
sink_event_summary (SinkServer *server, const SinkStats *stats, gdouble seconds)
{
  guint64 dropped = sink_report_dropped (server->report);
  if (is_jsonl (server))
    {
      json_t *event = event_new ("summary");
      put_number (event, "messages", stats->messages);
      put_number (event, "refused", stats->refused);
      put_number (event, "recipients", stats->recipients);
      put_number (event, "octets", stats->octets);
      put_number (event, "connections", stats->connections);
      put_number (event, "violations", stats->violations);
      put_number (event, "events_dropped", dropped);
      put (event, "seconds", json_real (seconds));
      publish (server, event, FALSE);
      return;
    }
  GString *line = g_string_new (NULL);
  g_string_printf (
      line,
      "%" G_GUINT64_FORMAT " messages, %" G_GUINT64_FORMAT " refused, %" G_GUINT64_FORMAT " recipients, %" G_GUINT64_FORMAT
      " octets, %" G_GUINT64_FORMAT " connections, %" G_GUINT64_FORMAT " violations in %.3f s",
      stats->messages, stats->refused, stats->recipients, stats->octets, stats->connections, stats->violations, seconds);
  if (dropped != 0)
    g_string_append_printf (line, ", %" G_GUINT64_FORMAT " lines dropped", dropped);
  g_string_append_c (line, '\n');
  sink_report_add (server->report, line->str, line->len);
  g_string_free (line, TRUE);
}
