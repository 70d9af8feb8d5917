/* SPDX-License-Identifier: MIT */
/*
 * scriptserver: the connections and their record.  See the header.
 *
 * Stands on tlsserver, which gives each connection a thread.
 */
#include "scriptserver.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "scripttalk.h"
#include "tlsserver.h"

struct KitScript
{
  KitServer *server;
  GPtrArray *scripts;
  GMutex lock;
  GCond changed;
  GPtrArray *talks; /* of KitTalk, by number */
  guint live;
  gboolean settled;
};

/* ---- connections ---- */

static void
line_free (gpointer data)
{
  KitLine *line = data;

  g_free (line->text);
  g_free (line);
}

static void
rule_free (gpointer data)
{
  KitRule *rule = data;

  g_free (rule->prefix);
  g_free (rule->reply);
  g_free (rule);
}

static KitTalk *
talk_new (void)
{
  KitTalk *talk = g_new0 (KitTalk, 1);

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
  KitTalk *talk = data;

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

/* One end of a connection as a number; 0 when it has none any more. */
static guint64
end_of (int fd, gboolean peer)
{
  struct sockaddr_in addr = { 0 };
  socklen_t size = sizeof addr;

  if ((peer ? getpeername (fd, (struct sockaddr *) &addr, &size) : getsockname (fd, (struct sockaddr *) &addr, &size)) != 0)
    return 0;
  return (guint64) ntohl (addr.sin_addr.s_addr) << 16 | ntohs (addr.sin_port);
}

static void
handle (KitConn *conn, gpointer data)
{
  KitScript *server = data;
  const char *script
      = (guint) conn->number < server->scripts->len ? g_ptr_array_index (server->scripts, conn->number) : "close";
  SSL_CTX *outer = conn->ctx;
  KitTalk *talk = talk_new ();

  talk->peer = end_of (conn->fd, TRUE);
  g_mutex_lock (&server->lock);
  if (server->talks->len <= (guint) conn->number)
    g_ptr_array_set_size (server->talks, conn->number + 1);
  g_ptr_array_index (server->talks, conn->number) = talk;
  server->live++;
  g_mutex_unlock (&server->lock);

  talk->conn = conn;
  kit_talk_follow (talk, script);
  if (!talk->reset)
    {
      shutdown (conn->fd, SHUT_WR); /* under TLS without a closing alert: a hostile end */
      /* What is still unread when a socket is closed makes the kernel reset the connection, and takes our last words with it. */
      talk->over = FALSE;
      talk->limit = -1;
      while (kit_talk_fill (talk))
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
is_settled (KitScript *server, guint64 marker)
{
  gboolean marked = FALSE;

  for (guint i = 0; i < server->talks->len; i++)
    {
      const KitTalk *talk = g_ptr_array_index (server->talks, i);

      if (talk == NULL)
        return FALSE;
      marked |= talk->peer == marker;
    }
  return marked && server->live == 0;
}

/* From an address that nobody under test has: a port may be that of a connection which was reset a moment ago. */
static int
connect_marker (guint16 port)
{
  struct sockaddr_in own = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (0x7f070707) };
  struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK), .sin_port = htons (port) };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_no_errno (fd);
  g_assert_no_errno (bind (fd, (struct sockaddr *) &own, sizeof own));
  g_assert_no_errno (connect (fd, (struct sockaddr *) &addr, sizeof addr));
  return fd;
}

/* Connections are taken in order: when one of our own has been taken, so have all before it. */
void
kit_script_settle (KitScript *server)
{
  gint64 until = g_get_monotonic_time () + 15 * G_TIME_SPAN_SECOND;
  int fd = server->settled ? -1 : connect_marker (kit_script_port (server));
  guint64 marker = fd >= 0 ? end_of (fd, FALSE) : 0;

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

static KitTalk *
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

static const KitLine *
find_line (KitScript *server, guint n, const char *prefix, guint i)
{
  GPtrArray *lines = talk_at (server, n)->lines;

  for (guint k = 0; k < lines->len; k++)
    {
      const KitLine *line = g_ptr_array_index (lines, k);

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
  const KitLine *line = find_line (server, n, prefix, i);

  return line != NULL ? line->text : NULL;
}

gint64
kit_script_line_time (KitScript *server, guint n, const char *prefix, guint i)
{
  const KitLine *line = find_line (server, n, prefix, i);

  g_assert_nonnull (line);
  return line->time;
}

const char *
kit_script_content (KitScript *server, guint n, guint i)
{
  GPtrArray *contents = talk_at (server, n)->contents;

  return i < contents->len ? g_ptr_array_index (contents, i) : NULL;
}
