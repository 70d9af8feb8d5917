/* SPDX-License-Identifier: MIT */
/* test-sink-load - how many messages a second the sink takes from one connection; also a check that it answers each command.
 *
 *   smtp-tool-sink --print-port --quiet &      test-sink-load PORT [COUNT [bdat|data|blind [OCTETS]]]
 *
 * bdat: MAIL RCPT BDAT LAST for many messages ahead (RFC 3030 section 4.2).  data: content, then the next envelope up to
 * DATA, in one flight (RFC 2920 section 3.1): one round trip a message.  blind: DATA without waiting for 354, which no
 * client may do; it shows what reading DATA costs.  Prints one line and fails if a reply is not the expected one.  Shares no code with the
 * library: it measures the server alone. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define AHEAD 1000 /* messages that may be unanswered */
#define BLOCK 64   /* messages in one write */

typedef struct
{
  int fd;
  guint64 lines;      /* replies seen */
  gboolean line_open; /* in the middle of one */
} Client;

G_GNUC_NORETURN static void
die (const gchar *what)
{
  fprintf (stderr, "test-sink-load: %s: %s\n", what, g_strerror (errno));
  exit (1);
}

static void
wait_for (Client *client, short events)
{
  struct pollfd ready = { client->fd, events, 0 };
  if (poll (&ready, 1, 20000) <= 0)
    die ("nothing happens");
}

/* Reads what there is.  Every reply here is one line and begins with 2 or 3. */
static void
read_replies (Client *client)
{
  gchar buffer[65536];
  gssize got = recv (client->fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (got == 0 || (got < 0 && errno != EAGAIN))
    die ("connection lost");
  for (const gchar *p = buffer, *end = buffer + MAX (got, 0); p < end;)
    {
      if (!client->line_open && *p != '2' && *p != '3')
        {
          fprintf (stderr, "test-sink-load: unexpected reply: %.*s\n", (int) MIN (end - p, 80), p);
          exit (1);
        }
      const gchar *lf = memchr (p, '\n', (gsize) (end - p));
      client->line_open = lf == NULL;
      if (lf == NULL)
        break;
      client->lines++;
      p = lf + 1;
    }
}

static void
send_all (Client *client, const gchar *data, gsize size)
{
  while (size > 0)
    {
      gssize done = send (client->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (done > 0)
        {
          data += done;
          size -= (gsize) done;
        }
      else if (errno == EAGAIN)
        {
          wait_for (client, POLLIN | POLLOUT);
          read_replies (client);
        }
      else
        die ("send");
    }
}

static void
wait_lines (Client *client, guint64 lines)
{
  while (client->lines < lines)
    {
      wait_for (client, POLLIN);
      read_replies (client);
    }
}

static void
connect_to (Client *client, guint16 port)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons (port), .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  int on = 1;
  client->fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (client->fd < 0 || connect (client->fd, (struct sockaddr *) &address, sizeof address) < 0)
    die ("connect");
  setsockopt (client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  wait_lines (client, 1);
  send_all (client, "EHLO localhost\r\n", 16);
  gchar reply[4096];
  gssize got;
  do /* the one reply of many lines: ends with "250 " */
    {
      wait_for (client, POLLIN);
      got = recv (client->fd, reply, sizeof reply - 1, 0);
      if (got <= 0)
        die ("EHLO");
      reply[got] = '\0';
    }
  while (strstr (reply, "250 ") == NULL || reply[got - 1] != '\n');
  client->lines = 0;
}

static gchar *
make_content (gsize size)
{
  GString *content = g_string_new ("From: <a@example.org>\r\nTo: <b@example.org>\r\nSubject: load\r\n\r\n");
  while (content->len + 2 < size)
    {
      gsize rest = size - content->len - 2;
      for (gsize i = MIN (rest, 76); i > 0; i--)
        g_string_append_c (content, 'x');
      g_string_append (content, "\r\n");
    }
  return g_string_free (content, FALSE);
}

#define ENVELOPE "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n"

static void
run_ahead (Client *client, const gchar *message, guint64 count, guint lines_each)
{
  GString *block = g_string_new (NULL);
  for (guint i = 0; i < BLOCK; i++)
    g_string_append (block, message);
  gsize size = strlen (message);
  for (guint64 sent = 0; sent < count;)
    {
      guint64 n = MIN (BLOCK, count - sent);
      if (sent + n > AHEAD)
        wait_lines (client, (sent + n - AHEAD) * lines_each);
      send_all (client, block->str, n * size);
      sent += n;
    }
  wait_lines (client, count * lines_each);
  g_string_free (block, TRUE);
}

static void
run_data (Client *client, const gchar *content, guint64 count)
{
  g_autofree gchar *flight = g_strdup_printf ("%s.\r\n%sDATA\r\n", content, ENVELOPE);
  gsize content_size = strlen (content) + 3;
  send_all (client, ENVELOPE "DATA\r\n", strlen (ENVELOPE) + 6);
  wait_lines (client, 3);
  for (guint64 i = 1; i <= count; i++)
    {
      send_all (client, flight, i < count ? strlen (flight) : content_size);
      wait_lines (client, i * 4 + (i < count ? 3 : 0));
    }
}

int
main (int argc, char **argv)
{
  guint64 port = argc > 1 ? g_ascii_strtoull (argv[1], NULL, 10) : 0;
  guint64 count = argc > 2 ? g_ascii_strtoull (argv[2], NULL, 10) : 100000;
  const gchar *mode = argc > 3 ? argv[3] : "bdat";
  gsize size = argc > 4 ? (gsize) g_ascii_strtoull (argv[4], NULL, 10) : 512;
  if (port == 0 || port > 65535 || count == 0)
    {
      fprintf (stderr, "usage: test-sink-load PORT [COUNT [bdat|data|blind [OCTETS]]]\n");
      return 1;
    }
  Client client = { -1, 0, FALSE };
  g_autofree gchar *content = make_content (size);
  size = strlen (content);
  connect_to (&client, (guint16) port);
  gint64 began = g_get_monotonic_time ();
  if (g_str_equal (mode, "data"))
    run_data (&client, content, count);
  else if (g_str_equal (mode, "blind"))
    {
      g_autofree gchar *message = g_strdup_printf ("%sDATA\r\n%s.\r\n", ENVELOPE, content);
      run_ahead (&client, message, count, 4);
    }
  else
    {
      g_autofree gchar *message = g_strdup_printf ("%sBDAT %" G_GSIZE_FORMAT " LAST\r\n%s", ENVELOPE, size, content);
      run_ahead (&client, message, count, 3);
    }
  gdouble seconds = (gdouble) (g_get_monotonic_time () - began) / G_USEC_PER_SEC;
  send_all (&client, "QUIT\r\n", 6);
  wait_lines (&client, client.lines + 1);
  close (client.fd);
  printf ("%s: %" G_GUINT64_FORMAT " messages of %" G_GSIZE_FORMAT " octets in %.3f s: %.0f messages/s\n", mode, count, size,
          seconds, (gdouble) count / seconds);
  return 0;
}
