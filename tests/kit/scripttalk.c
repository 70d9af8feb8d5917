/* SPDX-License-Identifier: MIT */
/*
 * scripttalk: octets in and out as the script wants them, and the answers of a server that behaves but for its rules.
 *
 * What a client does wrong is recorded.
 */
#include "scripttalk.h"

#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

/* ---- octets ---- */

void
kit_talk_spoil (KitTalk *talk, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  if (talk->problem == NULL)
    talk->problem = g_strdup_vprintf (format, args);
  va_end (args);
  talk->over = TRUE;
}

void
kit_talk_end (KitTalk *talk, gboolean reset)
{
  struct linger now = { .l_onoff = 1, .l_linger = 0 };

  if (reset)
    setsockopt (talk->conn->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  talk->reset = reset;
  talk->over = TRUE;
}

/* FALSE when nothing more can be sent. */
gboolean
kit_talk_say_octets (KitTalk *talk, const char *data, gsize size)
{
  gsize allowed = size;

  if (talk->over)
    return FALSE;
  if (talk->cut >= 0)
    allowed = MIN (size, (gsize) talk->cut);
  if (talk->cut >= 0)
    talk->cut -= (gint64) allowed;
  if (!talk->split)
    {
      if (allowed > 0 && !kit_conn_write (talk->conn, data, allowed))
        talk->over = TRUE;
    }
  else
    for (gsize i = 0; i < allowed && !talk->over; i++)
      {
        talk->over = !kit_conn_write (talk->conn, data + i, 1);
        g_usleep (100);
      }
  if (!talk->over)
    talk->sent += allowed;
  if (allowed < size)
    kit_talk_end (talk, talk->cut_rst);
  return !talk->over;
}

gboolean
kit_talk_say (KitTalk *talk, const char *text)
{
  g_autofree char *line = g_strconcat (text, "\r\n", NULL);

  return kit_talk_say_octets (talk, line, strlen (line));
}

gboolean
kit_talk_fill (KitTalk *talk)
{
  gsize want = talk->slow > 0 ? MIN (talk->slow, sizeof talk->in) : sizeof talk->in;
  gssize n;

  if (talk->in_from < talk->in_to)
    return TRUE;
  if (talk->over)
    return FALSE;
  if (talk->limit == 0)
    {
      kit_talk_end (talk, talk->limit_rst);
      return FALSE;
    }
  if (talk->limit > 0)
    want = MIN (want, (gsize) talk->limit);
  if (talk->slow > 0)
    g_usleep (1000);
  n = kit_conn_read (talk->conn, talk->in, want);
  if (n <= 0)
    {
      talk->over = TRUE;
      return FALSE;
    }
  if (talk->limit > 0)
    talk->limit -= n;
  talk->in_from = 0;
  talk->in_to = (gsize) n;
  g_byte_array_append (talk->conn->ssl != NULL ? talk->secure : talk->clear, talk->in, (guint) n);
  return TRUE;
}

/* \r \n \t \\ and \xHH, NUL too. */
void
kit_talk_say_escaped (KitTalk *talk, const char *text)
{
  g_autoptr (GString) raw = g_string_new (NULL);

  for (const char *p = text; *p != '\0'; p++)
    if (*p != '\\')
      g_string_append_c (raw, *p);
    else if (*++p == 'x')
      {
        g_string_append_c (raw, (char) (g_ascii_xdigit_value (p[1]) * 16 + g_ascii_xdigit_value (p[2])));
        p += 2;
      }
    else
      g_string_append_c (raw, *p == 'r' ? '\r' : *p == 'n' ? '\n' : *p == 't' ? '\t' : *p);
  kit_talk_say_octets (talk, raw->str, raw->len);
}

/* A line without its end; NULL at the end of the connection. */
const char *
kit_talk_hear (KitTalk *talk)
{
  g_autoptr (GString) text = g_string_new (NULL);
  KitLine *line;

  for (;;)
    {
      guint8 c;

      if (!kit_talk_fill (talk))
        return NULL;
      c = talk->in[talk->in_from++];
      if (c == '\n')
        break;
      if (c != '\0')
        g_string_append_c (text, (char) c);
      else
        g_string_append (text, "\xe2\x90\x80");
    }
  if (text->len > 0 && text->str[text->len - 1] == '\r')
    g_string_truncate (text, text->len - 1);
  line = g_new0 (KitLine, 1);
  line->text = g_strdup (text->str);
  line->secure = talk->conn->ssl != NULL;
  line->time = g_get_monotonic_time ();
  g_ptr_array_add (talk->lines, line);
  return line->text;
}

gboolean
kit_talk_hear_content (KitTalk *talk)
{
  g_autoptr (GString) text = g_string_new ("\r\n");

  talk->gave_data = TRUE;
  while (!(text->len >= 5 && memcmp (text->str + text->len - 5, "\r\n.\r\n", 5) == 0))
    {
      if (!kit_talk_fill (talk))
        return FALSE;
      g_string_append_c (text, (char) talk->in[talk->in_from++]);
    }
  g_ptr_array_add (talk->contents, g_strndup (text->str + 2, text->len - 5));
  talk->got_end = TRUE;
  return TRUE;
}

static gboolean
hear_chunk (KitTalk *talk, guint64 size, GString *into)
{
  talk->gave_data = TRUE;
  for (; size > 0; size--)
    {
      if (!kit_talk_fill (talk))
        return FALSE;
      g_string_append_c (into, (char) talk->in[talk->in_from++]);
    }
  return TRUE;
}

/* ---- a server that behaves ---- */

static KitRule *
find_rule (KitTalk *talk, const char *line)
{
  for (guint i = talk->rules->len; i-- > 0;)
    {
      KitRule *rule = g_ptr_array_index (talk->rules, i);

      if (!(rule->once && rule->used) && g_str_has_prefix (line, rule->prefix))
        return rule;
    }
  return NULL;
}

/* TRUE: a rule answered. */
static gboolean
apply_rule (KitTalk *talk, const char *line)
{
  KitRule *rule = find_rule (talk, line);

  if (rule == NULL)
    return FALSE;
  rule->used = TRUE;
  if (g_str_equal (rule->reply, "!close") || g_str_equal (rule->reply, "!rst"))
    kit_talk_end (talk, rule->reply[1] == 'r');
  else if (!g_str_equal (rule->reply, "!silence"))
    {
      g_autofree char *raw = g_strcompress (rule->reply);

      kit_talk_say (talk, raw);
    }
  return TRUE;
}

void
kit_talk_say_ehlo (KitTalk *talk)
{
  g_autoptr (GString) reply = g_string_new ("250");
  g_auto (GStrv) words = g_strsplit (talk->ext != NULL ? talk->ext : "", ";", -1);

  g_string_append (reply, words[0] != NULL ? "-kit.test" : " kit.test");
  for (guint i = 0; words[i] != NULL; i++)
    g_string_append_printf (reply, "\r\n250%c%s", words[i + 1] != NULL ? '-' : ' ', words[i]);
  kit_talk_say (talk, reply->str);
}

static void
say_end (KitTalk *talk)
{
  talk->said_end = FALSE;
  if (!apply_rule (talk, "CONTENT"))
    kit_talk_say (talk, "250 2.0.0 queued as KIT1");
  talk->said_end = !talk->over;
}

static void
on_bdat (KitTalk *talk, const char *line)
{
  g_autoptr (GString) chunk = g_string_new (NULL);
  guint64 size = g_ascii_strtoull (line + 5, NULL, 10);

  if (!hear_chunk (talk, size, chunk))
    return;
  if (!g_str_has_suffix (line, " LAST"))
    {
      if (!apply_rule (talk, "CHUNK"))
        kit_talk_say (talk, "250 2.0.0 chunk");
      return;
    }
  g_ptr_array_add (talk->contents, g_strdup (chunk->str));
  talk->got_end = TRUE;
  say_end (talk);
}

static void
on_data (KitTalk *talk)
{
  KitRule *rule = find_rule (talk, "DATA");

  if (rule != NULL && !g_str_has_prefix (rule->reply, "354"))
    {
      apply_rule (talk, "DATA");
      return;
    }
  if (rule == NULL ? kit_talk_say (talk, "354 go") : (apply_rule (talk, "DATA"), !talk->over))
    if (kit_talk_hear_content (talk))
      say_end (talk);
}

static void
answer (KitTalk *talk, const char *line)
{
  if (g_str_equal (line, "DATA"))
    on_data (talk);
  else if (g_str_has_prefix (line, "BDAT "))
    on_bdat (talk, line);
  else if (apply_rule (talk, line))
    ;
  else if (g_str_has_prefix (line, "EHLO") || g_str_has_prefix (line, "LHLO"))
    kit_talk_say_ehlo (talk);
  else if (g_str_has_prefix (line, "HELO"))
    kit_talk_say (talk, "250 kit.test");
  else if (g_str_has_prefix (line, "QUIT"))
    {
      kit_talk_say (talk, "221 2.0.0 bye");
      talk->over = TRUE;
    }
  else if (g_str_has_prefix (line, "MAIL ") || g_str_has_prefix (line, "RCPT ") || g_str_equal (line, "RSET"))
    kit_talk_say (talk, "250 2.1.0 fine");
  else if (g_str_has_prefix (line, "AUTH PLAIN "))
    kit_talk_say (talk, "235 2.7.0 welcome");
  else
    kit_talk_say (talk, "500 5.5.2 what is that");
}

gboolean
kit_talk_serve (KitTalk *talk, const char *until)
{
  const char *line;

  while ((line = kit_talk_hear (talk)) != NULL)
    {
      if (until != NULL && g_str_has_prefix (line, until))
        return TRUE;
      answer (talk, line);
      if (talk->over)
        break;
    }
  if (until != NULL)
    kit_talk_spoil (talk, "the client was gone before \"%s\"", until);
  return until == NULL;
}
