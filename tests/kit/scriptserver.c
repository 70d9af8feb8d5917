/* SPDX-License-Identifier: MIT */
/*
 * scriptserver: follows a script.  See the header.
 *
 * Stands on tlsserver, which gives each connection a thread.  What is wrong with a script ends the test; what a client does wrong is
 * recorded.
 */
#include "scriptserver.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tlsserver.h"

typedef struct
{
  char *text;
  gboolean secure;
  gint64 time;
} Line;

typedef struct
{
  char *prefix, *reply;
  gboolean once, used;
} Rule;

/* One connection: its record and, while it lives, its state. */
typedef struct
{
  GByteArray *clear, *secure;
  GPtrArray *lines;    /* of Line */
  GPtrArray *contents; /* of char * */
  char *problem;
  gboolean had_tls, got_end, said_end, gave_data;
  gsize sent;

  KitConn *conn;
  guint8 in[65536];
  gsize in_from, in_to;
  GPtrArray *rules; /* of Rule */
  char *ext;
  gboolean split, cut_rst, limit_rst, over, reset;
  gint64 cut, limit; /* -1: no */
  gsize slow;
  guint16 peer; /* the client's port */
} Talk;

struct KitScript
{
  KitServer *server;
  GPtrArray *scripts;
  GMutex lock;
  GCond changed;
  GPtrArray *talks; /* of Talk, by number */
  guint live;
  gboolean settled;
};

/* ---- octets ---- */

static void spoil (Talk *talk, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
spoil (Talk *talk, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  if (talk->problem == NULL)
    talk->problem = g_strdup_vprintf (format, args);
  va_end (args);
  talk->over = TRUE;
}

static void
end (Talk *talk, gboolean reset)
{
  struct linger now = { .l_onoff = 1, .l_linger = 0 };

  if (reset)
    setsockopt (talk->conn->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  talk->reset = reset;
  talk->over = TRUE;
}

/* FALSE when nothing more can be sent. */
static gboolean
say_octets (Talk *talk, const char *data, gsize size)
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
    end (talk, talk->cut_rst);
  return !talk->over;
}

static gboolean
say (Talk *talk, const char *text)
{
  g_autofree char *line = g_strconcat (text, "\r\n", NULL);

  return say_octets (talk, line, strlen (line));
}

static gboolean
fill (Talk *talk)
{
  gsize want = talk->slow > 0 ? MIN (talk->slow, sizeof talk->in) : sizeof talk->in;
  gssize n;

  if (talk->in_from < talk->in_to)
    return TRUE;
  if (talk->over)
    return FALSE;
  if (talk->limit == 0)
    {
      end (talk, talk->limit_rst);
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
static void
say_escaped (Talk *talk, const char *text)
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
  say_octets (talk, raw->str, raw->len);
}

/* A line without its end; NULL at the end of the connection. */
static const char *
hear (Talk *talk)
{
  g_autoptr (GString) text = g_string_new (NULL);
  Line *line;

  for (;;)
    {
      guint8 c;

      if (!fill (talk))
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
  line = g_new0 (Line, 1);
  line->text = g_strdup (text->str);
  line->secure = talk->conn->ssl != NULL;
  line->time = g_get_monotonic_time ();
  g_ptr_array_add (talk->lines, line);
  return line->text;
}

static gboolean
hear_content (Talk *talk)
{
  g_autoptr (GString) text = g_string_new ("\r\n");

  talk->gave_data = TRUE;
  while (!(text->len >= 5 && memcmp (text->str + text->len - 5, "\r\n.\r\n", 5) == 0))
    {
      if (!fill (talk))
        return FALSE;
      g_string_append_c (text, (char) talk->in[talk->in_from++]);
    }
  g_ptr_array_add (talk->contents, g_strndup (text->str + 2, text->len - 5));
  talk->got_end = TRUE;
  return TRUE;
}

static gboolean
hear_chunk (Talk *talk, guint64 size, GString *into)
{
  talk->gave_data = TRUE;
  for (; size > 0; size--)
    {
      if (!fill (talk))
        return FALSE;
      g_string_append_c (into, (char) talk->in[talk->in_from++]);
    }
  return TRUE;
}

/* ---- a server that behaves ---- */

static Rule *
find_rule (Talk *talk, const char *line)
{
  for (guint i = talk->rules->len; i-- > 0;)
    {
      Rule *rule = g_ptr_array_index (talk->rules, i);

      if (!(rule->once && rule->used) && g_str_has_prefix (line, rule->prefix))
        return rule;
    }
  return NULL;
}

/* TRUE: a rule answered. */
static gboolean
apply_rule (Talk *talk, const char *line)
{
  Rule *rule = find_rule (talk, line);

  if (rule == NULL)
    return FALSE;
  rule->used = TRUE;
  if (g_str_equal (rule->reply, "!close") || g_str_equal (rule->reply, "!rst"))
    end (talk, rule->reply[1] == 'r');
  else if (!g_str_equal (rule->reply, "!silence"))
    {
      g_autofree char *raw = g_strcompress (rule->reply);

      say (talk, raw);
    }
  return TRUE;
}

static void
say_ehlo (Talk *talk)
{
  g_autoptr (GString) reply = g_string_new ("250");
  g_auto (GStrv) words = g_strsplit (talk->ext != NULL ? talk->ext : "", ";", -1);

  g_string_append (reply, words[0] != NULL ? "-kit.test" : " kit.test");
  for (guint i = 0; words[i] != NULL; i++)
    g_string_append_printf (reply, "\r\n250%c%s", words[i + 1] != NULL ? '-' : ' ', words[i]);
  say (talk, reply->str);
}

static void
say_end (Talk *talk)
{
  talk->said_end = FALSE;
  if (!apply_rule (talk, "CONTENT"))
    say (talk, "250 2.0.0 queued as KIT1");
  talk->said_end = !talk->over;
}

static void
on_bdat (Talk *talk, const char *line)
{
  g_autoptr (GString) chunk = g_string_new (NULL);
  guint64 size = g_ascii_strtoull (line + 5, NULL, 10);

  if (!hear_chunk (talk, size, chunk))
    return;
  if (!g_str_has_suffix (line, " LAST"))
    {
      if (!apply_rule (talk, "CHUNK"))
        say (talk, "250 2.0.0 chunk");
      return;
    }
  g_ptr_array_add (talk->contents, g_strdup (chunk->str));
  talk->got_end = TRUE;
  say_end (talk);
}

static void
on_data (Talk *talk)
{
  Rule *rule = find_rule (talk, "DATA");

  if (rule != NULL && !g_str_has_prefix (rule->reply, "354"))
    {
      apply_rule (talk, "DATA");
      return;
    }
  if (rule == NULL ? say (talk, "354 go") : (apply_rule (talk, "DATA"), !talk->over))
    if (hear_content (talk))
      say_end (talk);
}

static void
answer (Talk *talk, const char *line)
{
  if (g_str_equal (line, "DATA"))
    on_data (talk);
  else if (g_str_has_prefix (line, "BDAT "))
    on_bdat (talk, line);
  else if (apply_rule (talk, line))
    ;
  else if (g_str_has_prefix (line, "EHLO") || g_str_has_prefix (line, "LHLO"))
    say_ehlo (talk);
  else if (g_str_has_prefix (line, "HELO"))
    say (talk, "250 kit.test");
  else if (g_str_has_prefix (line, "QUIT"))
    {
      say (talk, "221 2.0.0 bye");
      talk->over = TRUE;
    }
  else if (g_str_has_prefix (line, "MAIL ") || g_str_has_prefix (line, "RCPT ") || g_str_equal (line, "RSET"))
    say (talk, "250 2.1.0 fine");
  else if (g_str_has_prefix (line, "AUTH PLAIN "))
    say (talk, "235 2.7.0 welcome");
  else
    say (talk, "500 5.5.2 what is that");
}

static gboolean
serve (Talk *talk, const char *until)
{
  const char *line;

  while ((line = hear (talk)) != NULL)
    {
      if (until != NULL && g_str_has_prefix (line, until))
        return TRUE;
      answer (talk, line);
      if (talk->over)
        break;
    }
  if (until != NULL)
    spoil (talk, "the client was gone before \"%s\"", until);
  return until == NULL;
}

/* ---- TLS ---- */

static void
begin_tls (Talk *talk, const char *name)
{
  g_autofree char *leaf = g_strconcat (name, ".pem", NULL);
  g_autofree char *path = g_build_filename (g_getenv ("VEREDA_TEST_CERTS"), leaf, NULL);
  KitServerConfig config = { .cert = path };
  gssize first;

  if (talk->in_from < talk->in_to)
    {
      spoil (talk, "octets of the client came before TLS was agreed upon");
      return;
    }
  /* What the client begins with counts as clear: it has to be a ClientHello and nothing else. */
  first = recv (talk->conn->fd, talk->in, 512, MSG_PEEK);
  if (first > 0)
    g_byte_array_append (talk->clear, talk->in, (guint) first);
  talk->conn->ctx = kit_server_context (&config);
  talk->had_tls = kit_conn_start_tls (talk->conn);
  if (!talk->had_tls)
    {
      /* An orderly end, so that the client can read the alert. */
      shutdown (talk->conn->fd, SHUT_WR);
      while ((first = recv (talk->conn->fd, talk->in, sizeof talk->in, 0)) > 0)
        g_byte_array_append (talk->clear, talk->in, (guint) first);
      talk->over = TRUE;
    }
}

/* ---- DIGEST-MD5 (RFC 2831), only what the proof needs ---- */

static char *
directive (const char *response, const char *name)
{
  g_autofree char *pattern = g_strdup_printf ("(?:^|,)\\s*%s=(\"[^\"]*\"|[^,]*)", name);
  g_autoptr (GRegex) regex = g_regex_new (pattern, 0, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  char *value;
  gsize size;

  if (!g_regex_match (regex, response, 0, &match))
    return g_strdup ("");
  value = g_match_info_fetch (match, 1);
  size = strlen (value);
  if (*value == '"')
    {
      memmove (value, value + 1, size - 2);
      value[size - 2] = '\0';
    }
  return value;
}

static char *
proof (const char *response, const char *password)
{
  g_autofree char *user = directive (response, "username"), *realm = directive (response, "realm"),
                  *nonce = directive (response, "nonce"), *cnonce = directive (response, "cnonce"),
                  *uri = directive (response, "digest-uri");
  g_autofree char *who = g_strdup_printf ("%s:%s:%s", user, realm, password);
  g_autofree char *tail = g_strdup_printf (":%s:%s", nonce, cnonce), *a2 = g_strdup_printf (":%s", uri);
  g_autofree char *ha2 = g_compute_checksum_for_string (G_CHECKSUM_MD5, a2, -1), *all = NULL;
  g_autoptr (GChecksum) inner = g_checksum_new (G_CHECKSUM_MD5), a1 = g_checksum_new (G_CHECKSUM_MD5);
  guint8 raw[16];
  gsize size = sizeof raw;

  g_checksum_update (inner, (const guchar *) who, -1);
  g_checksum_get_digest (inner, raw, &size);
  g_checksum_update (a1, raw, (gssize) size);
  g_checksum_update (a1, (const guchar *) tail, -1);
  all = g_strdup_printf ("%s:%s:00000001:%s:auth:%s", g_checksum_get_string (a1), nonce, cnonce, ha2);
  return g_compute_checksum_for_string (G_CHECKSUM_MD5, all, -1);
}

static gboolean
say_challenge (Talk *talk, const char *text)
{
  g_autofree char *coded = g_base64_encode ((const guchar *) text, strlen (text));
  g_autofree char *line = g_strconcat ("334 ", coded, NULL);

  return say (talk, line);
}

static void
do_digest (Talk *talk, const char *args)
{
  g_auto (GStrv) words = g_strsplit (args, " ", -1);
  g_autofree char *response = NULL, *good = NULL, *line = NULL;
  const char *heard;
  gsize size;

  if (!say_challenge (talk, "realm=\"kit.test\",nonce=\"OA6MG9tEQGm2hh\",qop=\"auth\",algorithm=md5-sess,charset=utf-8")
      || (heard = hear (talk)) == NULL)
    return;
  response = (char *) g_base64_decode (heard, &size);
  response = g_realloc (response, size + 1);
  response[size] = '\0';
  good = proof (response, words[0]);
  if (words[1] != NULL) /* "bad": one digit off */
    good[0] = good[0] == '0' ? '1' : '0';
  line = g_strconcat ("rspauth=", good, NULL);
  say_challenge (talk, line);
}

/* ---- steps ---- */

static void
add_rule (Talk *talk, const char *text, gboolean once)
{
  const char *equals = strstr (text, " = ");
  Rule *rule = g_new0 (Rule, 1);

  g_assert_nonnull (equals);
  rule->prefix = g_strndup (text, (gsize) (equals - text));
  rule->reply = g_strdup (equals + 3);
  rule->once = once;
  g_ptr_array_add (talk->rules, rule);
}

static void
pause_for (Talk *talk, guint ms)
{
  gint64 until = g_get_monotonic_time () + (gint64) ms * 1000;

  for (gint64 left = ms; left > 0; left = (until - g_get_monotonic_time ()) / 1000)
    {
      struct pollfd fd = { .fd = talk->conn->fd, .events = POLLRDHUP };

      if (poll (&fd, 1, (int) left) > 0)
        break;
    }
}

static void
do_hear (Talk *talk, const char *text, gboolean whole)
{
  const char *line = hear (talk);

  if (line == NULL)
    spoil (talk, "the client was gone; \"%s\" was expected", text);
  else if (whole ? !g_str_equal (line, text) : !g_str_has_prefix (line, text))
    spoil (talk, "\"%s\" was expected, the client said \"%s\"", text, line);
}

static void
do_take (Talk *talk, gsize n)
{
  for (; n > 0 && fill (talk); n--)
    talk->in_from++;
}

static void
do_buffers (Talk *talk, const char *args)
{
  int size = atoi (args);

  setsockopt (talk->conn->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  setsockopt (talk->conn->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

static void
do_cut (Talk *talk, const char *args)
{
  talk->cut = g_ascii_strtoll (args, NULL, 10);
  talk->cut_rst = strstr (args, "rst") != NULL;
}

static void
do_hello (Talk *talk)
{
  say (talk, "220 kit.test ESMTP");
  do_hear (talk, "EHLO", FALSE);
  if (!talk->over)
    say_ehlo (talk);
}

static void
step (Talk *talk, const char *text)
{
  g_autofree char *word = g_strndup (text, strcspn (text, " "));
  const char *args = text + strlen (word) + (text[strlen (word)] == ' ');

  if (g_str_equal (word, ">"))
    say (talk, args);
  else if (g_str_equal (word, ">>"))
    say_escaped (talk, args);
  else if (g_str_equal (word, "<") || g_str_equal (word, "="))
    do_hear (talk, args, *word == '=');
  else if (g_str_equal (word, "ext"))
    {
      g_free (talk->ext);
      talk->ext = g_strdup (args);
    }
  else if (g_str_equal (word, "on") || g_str_equal (word, "once"))
    add_rule (talk, args, word[2] == 'c');
  else if (g_str_equal (word, "hello"))
    do_hello (talk);
  else if (g_str_equal (word, "serve"))
    serve (talk, NULL);
  else if (g_str_equal (word, "until"))
    serve (talk, args);
  else if (g_str_equal (word, "content"))
    hear_content (talk);
  else if (g_str_equal (word, "tls"))
    begin_tls (talk, args);
  else if (g_str_equal (word, "starttls"))
    {
      do_hear (talk, "STARTTLS", FALSE);
      if (say (talk, "220 go ahead"))
        begin_tls (talk, args);
    }
  else if (g_str_equal (word, "digest"))
    do_digest (talk, args);
  else if (g_str_equal (word, "split"))
    talk->split = TRUE;
  else if (g_str_equal (word, "cut"))
    do_cut (talk, args);
  else if (g_str_equal (word, "limit"))
    {
      talk->limit = g_ascii_strtoll (args, NULL, 10);
      talk->limit_rst = strstr (args, "rst") != NULL;
    }
  else if (g_str_equal (word, "buffers"))
    do_buffers (talk, args);
  else if (g_str_equal (word, "slow"))
    talk->slow = (gsize) atoi (args);
  else if (g_str_equal (word, "pause"))
    pause_for (talk, (guint) atoi (args));
  else if (g_str_equal (word, "take"))
    do_take (talk, (gsize) atoi (args));
  else if (g_str_equal (word, "drain"))
    while (fill (talk))
      talk->in_from = talk->in_to;
  else if (g_str_equal (word, "mute"))
    shutdown (talk->conn->fd, SHUT_WR);
  else if (g_str_equal (word, "close") || g_str_equal (word, "rst"))
    end (talk, word[0] == 'r');
  else
    g_error ("script: what is \"%s\"?", text);
}

/* ---- connections ---- */

static void
line_free (gpointer data)
{
  Line *line = data;

  g_free (line->text);
  g_free (line);
}

static void
rule_free (gpointer data)
{
  Rule *rule = data;

  g_free (rule->prefix);
  g_free (rule->reply);
  g_free (rule);
}

static Talk *
talk_new (void)
{
  Talk *talk = g_new0 (Talk, 1);

  talk->clear = g_byte_array_new ();
  talk->secure = g_byte_array_new ();
  talk->lines = g_ptr_array_new_with_free_func (line_free);
  talk->contents = g_ptr_array_new_with_free_func (g_free);
  talk->rules = g_ptr_array_new_with_free_func (rule_free);
  talk->cut = talk->limit = -1;
  return talk;
}

static void
talk_free (gpointer data)
{
  Talk *talk = data;

  if (talk == NULL)
    return;
  g_byte_array_unref (talk->clear);
  g_byte_array_unref (talk->secure);
  g_ptr_array_unref (talk->lines);
  g_ptr_array_unref (talk->contents);
  g_ptr_array_unref (talk->rules);
  g_free (talk->ext);
  g_free (talk->problem);
  g_free (talk);
}

static guint16
port_of (int fd, gboolean peer)
{
  struct sockaddr_in addr = { 0 };
  socklen_t size = sizeof addr;

  if ((peer ? getpeername (fd, (struct sockaddr *) &addr, &size) : getsockname (fd, (struct sockaddr *) &addr, &size)) != 0)
    return 0;
  return ntohs (addr.sin_port);
}

static void
follow (Talk *talk, const char *script)
{
  g_auto (GStrv) steps = g_strsplit (script, "\n", -1);

  for (guint i = 0; steps[i] != NULL && !talk->over; i++)
    {
      g_strchug (steps[i]);
      if (*steps[i] != '\0')
        step (talk, steps[i]);
    }
}

static void
handle (KitConn *conn, gpointer data)
{
  KitScript *server = data;
  const char *script
      = (guint) conn->number < server->scripts->len ? g_ptr_array_index (server->scripts, conn->number) : "close";
  SSL_CTX *outer = conn->ctx;
  Talk *talk = talk_new ();

  talk->peer = port_of (conn->fd, TRUE);
  g_mutex_lock (&server->lock);
  if (server->talks->len <= (guint) conn->number)
    g_ptr_array_set_size (server->talks, conn->number + 1);
  g_ptr_array_index (server->talks, conn->number) = talk;
  server->live++;
  g_mutex_unlock (&server->lock);

  talk->conn = conn;
  follow (talk, script);
  if (!talk->reset)
    {
      shutdown (conn->fd, SHUT_WR); /* under TLS without a closing alert: a hostile end */
      /* What is still unread when a socket is closed makes the kernel reset the connection, and takes our last words with it. */
      talk->over = FALSE;
      talk->limit = -1;
      while (fill (talk))
        talk->in_from = talk->in_to;
    }
  if (conn->ctx != outer)
    {
      SSL_CTX_free (conn->ctx);
      conn->ctx = outer;
    }
  talk->conn = NULL;

  g_mutex_lock (&server->lock);
  server->live--;
  g_cond_broadcast (&server->changed);
  g_mutex_unlock (&server->lock);
}

KitScript *
kit_script_new (const char *script, ...)
{
  KitServerConfig config = { .late = TRUE };
  KitScript *server = g_new0 (KitScript, 1);
  va_list args;

  server->scripts = g_ptr_array_new_with_free_func (g_free);
  server->talks = g_ptr_array_new_with_free_func (talk_free);
  g_mutex_init (&server->lock);
  g_cond_init (&server->changed);
  va_start (args, script);
  for (const char *s = script; s != NULL; s = va_arg (args, const char *))
    g_ptr_array_add (server->scripts, g_strdup (s));
  va_end (args);
  server->server = kit_server_new (&config, handle, server);
  return server;
}

guint16
kit_script_port (KitScript *server)
{
  return kit_server_get_port (server->server);
}

/* TRUE when the marker has been taken and everybody is through. */
static gboolean
is_settled (KitScript *server, guint16 marker)
{
  gboolean marked = FALSE;

  for (guint i = 0; i < server->talks->len; i++)
    {
      const Talk *talk = g_ptr_array_index (server->talks, i);

      if (talk == NULL)
        return FALSE;
      marked |= talk->peer == marker;
    }
  return marked && server->live == 0;
}

/* Connections are taken in order: when one of our own has been taken, so have all before it. */
void
kit_script_settle (KitScript *server)
{
  gint64 until = g_get_monotonic_time () + 15 * G_TIME_SPAN_SECOND;
  int fd = server->settled ? -1 : kit_connect (kit_script_port (server));
  guint16 marker = fd >= 0 ? port_of (fd, FALSE) : 0;

  if (server->settled)
    return;
  close (fd);
  g_mutex_lock (&server->lock);
  while (!is_settled (server, marker))
    if (!g_cond_wait_until (&server->changed, &server->lock, until))
      g_error ("script: a connection did not end");
  g_ptr_array_set_size (server->talks, (gint) server->talks->len - 1);
  server->settled = TRUE;
  g_mutex_unlock (&server->lock);
}

void
kit_script_free (KitScript *server)
{
  kit_server_free (server->server);
  g_ptr_array_unref (server->talks);
  g_ptr_array_unref (server->scripts);
  g_mutex_clear (&server->lock);
  g_cond_clear (&server->changed);
  g_free (server);
}

/* ---- the record ---- */

static Talk *
talk_at (KitScript *server, guint n)
{
  if (n >= server->talks->len || g_ptr_array_index (server->talks, n) == NULL)
    g_error ("script: there was no connection %u", n);
  return g_ptr_array_index (server->talks, n);
}

guint
kit_script_connections (KitScript *server)
{
  return server->talks->len;
}

const GByteArray *
kit_script_clear (KitScript *server, guint n)
{
  return talk_at (server, n)->clear;
}

const GByteArray *
kit_script_secure (KitScript *server, guint n)
{
  return talk_at (server, n)->secure;
}

const char *
kit_script_problem (KitScript *server, guint n)
{
  return talk_at (server, n)->problem;
}

gboolean
kit_script_had_tls (KitScript *server, guint n)
{
  return talk_at (server, n)->had_tls;
}

gboolean
kit_script_got_end (KitScript *server, guint n)
{
  return talk_at (server, n)->got_end;
}

gboolean
kit_script_said_end (KitScript *server, guint n)
{
  return talk_at (server, n)->said_end;
}

gboolean
kit_script_gave_data (KitScript *server, guint n)
{
  return talk_at (server, n)->gave_data;
}

gsize
kit_script_sent (KitScript *server, guint n)
{
  return talk_at (server, n)->sent;
}

static const Line *
find_line (KitScript *server, guint n, const char *prefix, guint i)
{
  GPtrArray *lines = talk_at (server, n)->lines;

  for (guint k = 0; k < lines->len; k++)
    {
      const Line *line = g_ptr_array_index (lines, k);

      if (g_str_has_prefix (line->text, prefix) && i-- == 0)
        return line;
    }
  return NULL;
}

guint
kit_script_count (KitScript *server, gint n, const char *prefix)
{
  guint count = 0;

  for (guint t = 0; t < server->talks->len; t++)
    for (guint i = 0; (n < 0 || t == (guint) n) && find_line (server, t, prefix, i) != NULL; i++)
      count++;
  return count;
}

const char *
kit_script_line (KitScript *server, guint n, const char *prefix, guint i)
{
  const Line *line = find_line (server, n, prefix, i);

  return line != NULL ? line->text : NULL;
}

gint64
kit_script_line_time (KitScript *server, guint n, const char *prefix, guint i)
{
  const Line *line = find_line (server, n, prefix, i);

  g_assert_nonnull (line);
  return line->time;
}

const char *
kit_script_content (KitScript *server, guint n, guint i)
{
  GPtrArray *contents = talk_at (server, n)->contents;

  return i < contents->len ? g_ptr_array_index (contents, i) : NULL;
}
