/* SPDX-License-Identifier: MIT */
/* sink-record - see sink-record.h. */
#include "sink-record.h"
#include "sink-command.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

gboolean
sink_record_open (SinkServer *server, GError **error)
{
  const gchar *path = server->config.record;
  server->record_fd = -1;
  if (path == NULL)
    return TRUE;
  server->record_fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (server->record_fd < 0)
    {
      int seen = errno;
      g_set_error (error, SINK_ERROR, SINK_ERROR_FILE, "--record=%s: %s", path, g_strerror (seen));
      return FALSE;
    }
  server->record = sink_report_new (server->record_fd);
  return TRUE;
}

gboolean
sink_record_close (SinkServer *server)
{
  if (server->record == NULL)
    return TRUE;
  sink_report_flush (server->record);
  gboolean good = !sink_report_is_gone (server->record) && sink_report_dropped (server->record) == 0;
  sink_report_free (server->record);
  server->record = NULL;
  return close (server->record_fd) == 0 && good;
}

static json_t *
row_new (SinkSession *session)
{
  gint64 now = g_get_monotonic_time ();
  if (session->began == 0)
    session->began = now;
  return json_pack ("{s:I, s:I}", "connection", (json_int_t) session->id, "us", (json_int_t) (now - session->began));
}

static void
write_row (SinkSession *session, json_t *row)
{
  gchar *text = json_dumps (row, JSON_COMPACT);
  GString *line = g_string_new (text);
  g_string_append_c (line, '\n');
  sink_report_add (session->server->record, line->str, line->len);
  g_string_free (line, TRUE);
  free (text);
  json_decref (row);
}

static void
put_octets (json_t *row, const gchar *data, gsize size)
{
  json_t *text = memchr (data, '\0', size) == NULL ? json_stringn (data, size) : NULL;
  if (text == NULL)
    {
      g_autofree gchar *encoded = g_base64_encode ((const guchar *) data, size);
      json_object_set_new (row, "base64", json_string (encoded));
      return;
    }
  json_object_set_new (row, "text", text);
}

void
sink_record_event (SinkSession *session, const gchar *event, const gchar *detail)
{
  if (session->server->record == NULL)
    return;
  json_t *row = row_new (session);
  json_object_set_new (row, "event", json_string (event));
  if (detail != NULL)
    {
      g_autofree gchar *valid = g_utf8_make_valid (detail, -1);
      json_object_set_new (row, "detail", json_string (valid));
    }
  write_row (session, row);
}

void
sink_record_replies (SinkSession *session, gsize until)
{
  if (session->server->record == NULL || until <= session->recorded)
    return;
  json_t *row = row_new (session);
  json_object_set_new (row, "from", json_string ("server"));
  put_octets (row, session->out->str + session->recorded, until - session->recorded);
  session->recorded = until;
  write_row (session, row);
}

/* How many octets of the line may be told; all: G_MAXSIZE. */
static gsize
open_part (SinkSession *session, const gchar *line, gsize size)
{
  gsize start = 0;
  while (start < size && (line[start] == ' ' || line[start] == '\t'))
    start++;
  gboolean is_auth = size - start >= 4 && g_ascii_strncasecmp (line + start, "AUTH", 4) == 0
                     && (size - start == 4 || !g_ascii_isalnum (line[start + 4]));
  if (session->mode == SINK_MODE_AUTH)
    return 0;
  if (is_auth)
    {
      session->confides = TRUE;
      gsize end = start + 4;
      while (end < size && (line[end] == ' ' || line[end] == '\t'))
        end++;
      gsize word = end;
      while (end < size && (g_ascii_isalnum (line[end]) || line[end] == '-' || line[end] == '_'))
        end++;
      if (end - word > 20
          || (end < size && strchr (" \t\r", line[end]) == NULL)) /* no mechanism's name: who knows what it is */
        return word;
      while (end < size && (line[end] == ' ' || line[end] == '\t'))
        end++;
      return end >= size || line[end] == '\r' ? G_MAXSIZE : end;
    }
  if (!session->confides)
    return G_MAXSIZE;
  if (!sink_command_is_known (line, size)) /* a response that came although AUTH was refused */
    return 0;
  session->confides = FALSE;
  return G_MAXSIZE;
}

void
sink_record_line (SinkSession *session, const gchar *line, gsize size)
{
  if (session->server->record == NULL)
    return;
  sink_record_replies (session, session->out->len);
  json_t *row = row_new (session);
  gsize shown = open_part (session, line, size);
  GString *text = g_string_new_len (line, (gssize) MIN (shown, size));
  if (shown != G_MAXSIZE)
    g_string_append (text, SINK_RECORD_MASK "\r");
  g_string_append_c (text, '\n');
  json_object_set_new (row, "from", json_string ("client"));
  json_object_set_new (row, "kind", json_string ("line"));
  put_octets (row, text->str, text->len);
  if (shown != G_MAXSIZE)
    json_object_set_new (row, "masked", json_true ());
  write_row (session, row);
  g_string_free (text, TRUE);
}

void
sink_record_content (SinkSession *session, const gchar *data, gsize size)
{
  if (session->server->record == NULL || size == 0)
    return;
  sink_record_replies (session, session->out->len);
  json_t *row = row_new (session);
  json_object_set_new (row, "from", json_string ("client"));
  json_object_set_new (row, "kind", json_string ("content"));
  put_octets (row, data, size);
  write_row (session, row);
}
