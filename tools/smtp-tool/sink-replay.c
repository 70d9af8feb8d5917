/* SPDX-License-Identifier: MIT */
/* sink-replay - see sink-replay.h. */
#include "sink-replay.h"
#include "sink-event.h"
#include "sink-record.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#define CONTENT_KEPT (1024 * 1024) /* of it is compared */
#define LINE_KEPT    12288

typedef enum
{
  ROW_SERVER,
  ROW_LINE,
  ROW_CONTENT,
  ROW_TLS,
  ROW_CLOSE
} RowKind;

typedef struct
{
  RowKind kind;
  GString *octets;
  gboolean masked;
} Row;

struct SinkReplay
{
  GPtrArray *sessions; /* of GPtrArray of Row */
  guint64 last;        /* atomic */
};

struct SinkPlayer
{
  GPtrArray *rows; /* borrowed */
  guint at;
  guint line;         /* of the client, from 1 */
  GString *held;      /* of a line or of content that is not whole yet */
  guint64 chunk_left; /* of the BDAT that came last; 0 = content ends in a dot */
  guint64 content;    /* octets of it */
  gboolean is_chunk;
  gchar tail[5]; /* of content: its last octets */
};

static void
row_free (gpointer data)
{
  Row *row = data;
  if (row->octets != NULL)
    g_string_free (row->octets, TRUE);
  g_free (row);
}

/* ---- loading ---- */

static gboolean
read_octets (json_t *object, Row *row)
{
  json_t *text = json_object_get (object, "text");
  const char *base64 = json_string_value (json_object_get (object, "base64"));
  if (json_is_string (text))
    {
      row->octets = g_string_new_len (json_string_value (text), (gssize) json_string_length (text));
      return TRUE;
    }
  if (base64 == NULL)
    return FALSE;
  gsize size = 0;
  g_autofree guchar *octets = g_base64_decode (base64, &size);
  row->octets = g_string_new_len ((const gchar *) octets, (gssize) size);
  return TRUE;
}

/* NULL: no row of a recording; *ret_none: one that plays no part. */
static Row *
read_row (json_t *object, gboolean *ret_none)
{
  const char *event = json_string_value (json_object_get (object, "event"));
  const char *from = json_string_value (json_object_get (object, "from"));
  Row *row = g_new0 (Row, 1);
  gboolean good = TRUE;
  *ret_none = FALSE;
  row->masked = json_is_true (json_object_get (object, "masked"));
  if (g_strcmp0 (event, "tls") == 0)
    row->kind = ROW_TLS;
  else if (g_strcmp0 (event, "close") == 0)
    {
      const char *why = json_string_value (json_object_get (object, "detail"));
      row->kind = ROW_CLOSE;
      *ret_none = g_strcmp0 (why, "eof") == 0 || g_strcmp0 (why, "lost") == 0; /* the client did it */
    }
  else if (event != NULL)
    *ret_none = TRUE;
  else if (g_strcmp0 (from, "server") == 0)
    good = read_octets (object, row);
  else if (g_strcmp0 (from, "client") == 0)
    {
      row->kind = g_strcmp0 (json_string_value (json_object_get (object, "kind")), "content") == 0 ? ROW_CONTENT : ROW_LINE;
      good = read_octets (object, row);
    }
  else
    good = FALSE;
  if (good && !*ret_none)
    return row;
  *ret_none = *ret_none && good;
  row_free (row);
  return NULL;
}

static void
add_row (SinkReplay *replay, GHashTable *by_id, guint64 id, Row *row)
{
  GPtrArray *rows = g_hash_table_lookup (by_id, GUINT_TO_POINTER ((guint) id));
  if (rows == NULL)
    {
      rows = g_ptr_array_new_with_free_func (row_free);
      g_ptr_array_add (replay->sessions, rows);
      g_hash_table_insert (by_id, GUINT_TO_POINTER ((guint) id), rows);
    }
  Row *last = rows->len > 0 ? rows->pdata[rows->len - 1] : NULL;
  if (last != NULL && last->kind == row->kind && (row->kind == ROW_CONTENT || row->kind == ROW_SERVER))
    {
      g_string_append_len (last->octets, row->octets->str, (gssize) row->octets->len);
      row_free (row);
      return;
    }
  g_ptr_array_add (rows, row);
}

static gboolean
check_tls (const SinkServer *server, GError **error)
{
  const GPtrArray *sessions = server->replay->sessions;
  for (guint i = 0; i < sessions->len; i++)
    {
      const GPtrArray *rows = sessions->pdata[i];
      for (guint j = 0; j < rows->len; j++)
        {
          SinkTlsMode wanted = j == 0 ? SINK_TLS_IMPLICIT : SINK_TLS_STARTTLS;
          if (((const Row *) rows->pdata[j])->kind != ROW_TLS || server->config.tls == wanted)
            continue;
          g_set_error (error, SINK_ERROR, SINK_ERROR_USAGE, "--replay=%s: the recording has TLS: --tls=%s is wanted",
                       server->config.replay, wanted == SINK_TLS_IMPLICIT ? "implicit" : "starttls");
          return FALSE;
        }
    }
  return TRUE;
}

gboolean
sink_replay_load (SinkServer *server, GError **error)
{
  const gchar *path = server->config.replay;
  g_autofree gchar *text = NULL;
  g_autoptr (GError) seen = NULL;
  if (path == NULL)
    return TRUE;
  if (!g_file_get_contents (path, &text, NULL, &seen))
    {
      g_set_error (error, SINK_ERROR, SINK_ERROR_FILE, "--replay=%s: %s", path, seen->message);
      return FALSE;
    }
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_autoptr (GHashTable) by_id = g_hash_table_new (NULL, NULL);
  SinkReplay *replay = g_new0 (SinkReplay, 1);
  server->replay = replay;
  replay->sessions = g_ptr_array_new_with_free_func ((GDestroyNotify) g_ptr_array_unref);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      if (lines[i][0] == '\0')
        continue;
      gboolean none = FALSE;
      json_t *object = json_loads (lines[i], JSON_ALLOW_NUL, NULL);
      json_t *id = json_object_get (object, "connection");
      Row *row = json_is_integer (id) ? read_row (object, &none) : NULL;
      if (row != NULL)
        add_row (replay, by_id, (guint64) json_integer_value (id), row);
      json_decref (object);
      if (row == NULL && !none)
        {
          g_set_error (error, SINK_ERROR, SINK_ERROR_FILE, "--replay=%s: line %u is not one of a recording", path, i + 1);
          return FALSE;
        }
    }
  if (replay->sessions->len == 0)
    {
      g_set_error (error, SINK_ERROR, SINK_ERROR_FILE, "--replay=%s: no connection is recorded", path);
      return FALSE;
    }
  return check_tls (server, error);
}

void
sink_replay_free (SinkReplay *replay)
{
  if (replay == NULL)
    return;
  g_ptr_array_unref (replay->sessions);
  g_free (replay);
}

/* ---- playing ---- */

static const Row *
row_now (const SinkPlayer *player)
{
  return player->at < player->rows->len ? player->rows->pdata[player->at] : NULL;
}

/* Says what comes before the client's next turn. */
static void
play (SinkSession *session)
{
  SinkPlayer *player = session->player;
  const Row *row;
  while ((row = row_now (player)) != NULL && row->kind == ROW_SERVER)
    {
      g_string_append_len (session->out, row->octets->str, (gssize) row->octets->len);
      player->at++;
    }
  if (row != NULL && row->kind == ROW_TLS)
    session->want = SINK_WANT_TLS;
  else if (row != NULL && row->kind == ROW_CLOSE)
    session->want = SINK_WANT_CLOSE;
}

void
sink_player_begin (SinkSession *session)
{
  SinkReplay *replay = session->server->replay;
  if (session->player == NULL)
    {
      guint64 number = __atomic_fetch_add (&replay->last, 1, __ATOMIC_RELAXED);
      session->player = g_new0 (SinkPlayer, 1);
      session->player->rows = replay->sessions->pdata[number % replay->sessions->len];
      session->player->held = g_string_new (NULL);
    }
  if (row_now (session->player) != NULL && row_now (session->player)->kind == ROW_TLS && session->tls_version != NULL)
    session->player->at++; /* implicit TLS: it is done */
  play (session);
}

void
sink_player_secured (SinkSession *session)
{
  if (session->player == NULL)
    return; /* implicit TLS, before the greeting */
  session->player->at++;
  play (session);
}

static void
compare (SinkSession *session, const Row *row, const gchar *what, const gchar *seen, gsize size)
{
  gsize whole = MIN (row->octets->len, CONTENT_KEPT);
  const gchar *mask = row->masked ? g_strrstr_len (row->octets->str, (gssize) whole, SINK_RECORD_MASK) : NULL;
  gsize part = mask != NULL ? (gsize) (mask - row->octets->str) : whole;
  gboolean same = mask != NULL ? size >= part && memcmp (seen, row->octets->str, part) == 0
                               : size == whole && memcmp (seen, row->octets->str, whole) == 0;
  if (!same)
    sink_event_deviation (session, session->player->line, what, row->octets->str, MIN (whole, 200),
                          mask != NULL ? SINK_RECORD_MASK : seen, mask != NULL ? strlen (SINK_RECORD_MASK) : MIN (size, 200));
}

/* The client's line, with its end. */
static void
take_line (SinkSession *session, const gchar *line, gsize size)
{
  SinkPlayer *player = session->player;
  const Row *row = row_now (player);
  player->line++;
  player->is_chunk = size > 5 && g_ascii_strncasecmp (line, "BDAT ", 5) == 0;
  if (player->is_chunk)
    {
      g_autofree gchar *number = g_strndup (line + 5, MIN (size - 5, 20));
      player->chunk_left = g_ascii_strtoull (number, NULL, 10);
    }
  if (row == NULL)
    {
      sink_event_deviation (session, player->line, "one line more", "", 0, line, MIN (size, 200));
      g_string_append (session->out, "421 4.3.0 the recording ends here\r\n");
      session->want = SINK_WANT_CLOSE;
      return;
    }
  compare (session, row, "line", line, size);
  player->at++;
  play (session);
}

/* Content is over: a chunk by its size, else by a dot of its own line. */
static gboolean
content_ends (SinkPlayer *player, gchar octet)
{
  memmove (player->tail, player->tail + 1, sizeof player->tail - 1);
  player->tail[sizeof player->tail - 1] = octet;
  player->content++;
  if (player->held->len < CONTENT_KEPT)
    g_string_append_c (player->held, octet);
  if (player->is_chunk)
    return --player->chunk_left == 0;
  return memcmp (player->tail, "\r\n.\r\n", 5) == 0 || (player->content == 3 && memcmp (player->tail + 2, ".\r\n", 3) == 0);
}

static void
end_content (SinkSession *session)
{
  SinkPlayer *player = session->player;
  compare (session, row_now (player), "content", player->held->str, player->held->len);
  g_string_truncate (player->held, 0);
  memset (player->tail, 0, sizeof player->tail);
  player->content = 0;
  player->at++;
  play (session);
}

void
sink_player_feed (SinkSession *session, const gchar *data, gsize size)
{
  SinkPlayer *player = session->player;
  for (gsize i = 0; i < size && session->want == SINK_WANT_INPUT; i++)
    {
      const Row *row = row_now (player);
      if (row != NULL && row->kind == ROW_CONTENT)
        {
          if (content_ends (player, data[i]))
            end_content (session);
          continue;
        }
      if (player->held->len < LINE_KEPT || data[i] == '\n')
        g_string_append_c (player->held, data[i]);
      if (data[i] != '\n')
        continue;
      GString *line = player->held;
      player->held = g_string_new (NULL);
      take_line (session, line->str, line->len);
      memset (line->str, 0, line->len); /* it may be a response to AUTH */
      g_string_free (line, TRUE);
    }
}

void
sink_player_end (SinkSession *session)
{
  SinkPlayer *player = session->player;
  const Row *row;
  if (player == NULL)
    return;
  row = row_now (player);
  if (row != NULL && (row->kind == ROW_LINE || row->kind == ROW_CONTENT))
    sink_event_deviation (session, player->line + 1, "the end", row->octets->str, MIN (row->octets->len, 200), "", 0);
  g_string_free (player->held, TRUE);
  g_clear_pointer (&session->player, g_free);
}
