/* SPDX-License-Identifier: MIT */
/* pkg-config: vereda-1 */
/* scale - many connections in one thread: what a message costs with few and with many of them, and what an idle one keeps in memory.
 *
 *   scale [MANY [FEW [MESSAGES]]]   default 10000 100 100000
 *
 * The server is a child process of this program: it holds the answer to the first message of each connection back until all connections
 * are there, so that as many as were asked for are really open.  Then MESSAGES are sent over them, one under way on each, the next
 * submitted with its verdict; CPU time is that of this process alone.  When all is sent the connections stay, idle, and memory is measured
 * against the start: what the heap has in use, and the resident set after malloc_trim().
 *
 * Beside the library stands a bare loop that writes the same octets from constants and counts lines: it keeps one word for each connection,
 * so what its messages cost more with many connections is the system's and the processor's caches', and nobody can do better.
 *
 * One JSON object; ends with 0 only if everything was taken. */
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vereda/vereda.h>

static void
die (const char *what)
{
  fprintf (stderr, "scale: %s: %s\n", what, strerror (errno));
  exit (1);
}

static guint
limit_of_descriptors (void)
{
  struct rlimit limit;

  return getrlimit (RLIMIT_NOFILE, &limit) == 0 ? (guint) MIN (limit.rlim_cur, 1000000) : 1024;
}

/* ---- the server ---- */

typedef struct
{
  int fd;
  gboolean content; /* until CRLF.CRLF */
  gboolean held;
  gsize line;    /* octets of the line so far */
  char begin[8]; /* its first ones */
  GString *out;
} Client;

typedef struct
{
  int epoll, listener;
  guint await, waiting; /* connections whose first message is held */
  GPtrArray *held;
} Server;

static void
flush (Client *client)
{
  gsize done = 0;

  while (done < client->out->len)
    {
      ssize_t n = send (client->fd, client->out->str + done, client->out->len - done, MSG_NOSIGNAL);

      if (n < 0 && errno == EAGAIN)
        {
          struct pollfd fd = { .fd = client->fd, .events = POLLOUT };

          poll (&fd, 1, 1000);
        }
      else if (n < 0)
        break;
      else
        done += (gsize) n;
    }
  g_string_truncate (client->out, 0);
}

static void
hold (Server *server, Client *client)
{
  client->held = TRUE;
  g_ptr_array_add (server->held, client);
  if (++server->waiting != server->await)
    return;
  for (guint i = 0; i < server->held->len; i++)
    {
      Client *other = server->held->pdata[i];

      other->held = FALSE;
      flush (other);
    }
  g_ptr_array_set_size (server->held, 0);
}

static void
on_line (Client *client)
{
  static const struct
  {
    const char *verb, *reply;
  } replies[] = { { "EHLO", "250-scale\r\n250 PIPELINING\r\n" },
                  { "MAIL", "250 ok\r\n" },
                  { "RCPT", "250 ok\r\n" },
                  { "DATA", "354 go on\r\n" },
                  { "QUIT", "221 bye\r\n" } };

  for (gsize i = 0; i < G_N_ELEMENTS (replies); i++)
    if (memcmp (client->begin, replies[i].verb, 4) == 0)
      g_string_append (client->out, replies[i].reply);
  client->content = memcmp (client->begin, "DATA", 4) == 0;
}

static void
on_octets (Server *server, Client *client, const char *data, gsize size)
{
  for (gsize i = 0; i < size; i++)
    {
      if (client->line < sizeof client->begin)
        client->begin[client->line] = data[i];
      client->line++;
      if (data[i] != '\n')
        {
          const char *end = client->content ? memchr (data + i, '\n', size - i) : NULL;

          if (end != NULL && client->line >= 3) /* no need to look at each octet */
            i = (gsize) (end - data) - 1;
          continue;
        }
      if (client->content && client->line == 3 && client->begin[0] == '.')
        {
          client->content = FALSE;
          g_string_append (client->out, "250 taken\r\n");
          if (client->held == FALSE && server->waiting < server->await)
            hold (server, client);
        }
      else if (!client->content)
        on_line (client);
      client->line = 0;
    }
  if (!client->held)
    flush (client);
}

static void
on_client (Server *server, Client *client)
{
  char data[16384];
  ssize_t n = recv (client->fd, data, sizeof data, 0);

  if (n > 0)
    {
      on_octets (server, client, data, (gsize) n);
      return;
    }
  if (n < 0 && errno == EAGAIN)
    return;
  close (client->fd);
  g_string_free (client->out, TRUE);
  g_free (client);
}

static void
on_connection (Server *server)
{
  struct linger hard = { .l_onoff = 1 }; /* ten thousand ports are not to be kept from others for a minute */
  int fd, on = 1;

  while ((fd = accept4 (server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
    {
      Client *client = g_new0 (Client, 1);
      struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };

      setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      setsockopt (fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
      client->fd = fd;
      client->out = g_string_new ("220 scale\r\n");
      flush (client);
      epoll_ctl (server->epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

static void
serve (int listener, guint await)
{
  Server server = { .epoll = epoll_create1 (EPOLL_CLOEXEC), .listener = listener, .await = await, .held = g_ptr_array_new () };
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL }, events[256];

  prctl (PR_SET_PDEATHSIG, SIGKILL);
  epoll_ctl (server.epoll, EPOLL_CTL_ADD, listener, &event);
  for (;;)
    {
      int n = epoll_wait (server.epoll, events, G_N_ELEMENTS (events), -1);

      for (int i = 0; i < n; i++)
        if (events[i].data.ptr == NULL)
          on_connection (&server);
        else
          on_client (&server, events[i].data.ptr);
    }
}

static pid_t
start_server (guint await, guint16 *ret_port)
{
  int listener = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t size = sizeof address;
  pid_t pid;

  if (listener < 0 || bind (listener, (struct sockaddr *) &address, size) != 0 || listen (listener, 65535) != 0
      || getsockname (listener, (struct sockaddr *) &address, &size) != 0)
    die ("listen");
  *ret_port = ntohs (address.sin_port);
  pid = fork ();
  if (pid == 0)
    serve (listener, await);
  if (pid < 0)
    die ("fork");
  close (listener);
  return pid;
}

static void
stop_server (pid_t server)
{
  kill (server, SIGKILL);
  waitpid (server, NULL, 0);
}

/* ---- the client ---- */

typedef struct
{
  VeredaMessage *message;
  guint left; /* to submit yet */
  guint done;
  guint failed;
} Run;

static void
on_done (VeredaSender *sender, VeredaMessage *message, VeredaResult *result, gpointer data)
{
  Run *run = data;

  run->done++;
  run->failed += vereda_result_get_verdict (result) != VEREDA_SENT;
  if (run->left == 0)
    return;
  run->left--;
  run->failed += !vereda_sender_submit (sender, run->message, NULL, on_done, run, NULL, NULL);
}

static void
loop (VeredaSender *sender, Run *run, guint until)
{
  struct pollfd fd = { .fd = vereda_sender_get_fd (sender), .events = POLLIN };

  while (run->done < until)
    {
      if (poll (&fd, 1, 60000) == 0)
        {
          fprintf (stderr, "scale: nothing happens with %u messages done of %u\n", run->done, until);
          exit (1);
        }
      vereda_sender_dispatch (sender);
    }
}

static double
cpu (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
         + (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static gsize
resident (void)
{
  FILE *file = fopen ("/proc/self/statm", "r");
  unsigned long total = 0, rss = 0;

  if (file == NULL || fscanf (file, "%lu %lu", &total, &rss) != 2)
    die ("/proc/self/statm");
  fclose (file);
  return (gsize) rss * (gsize) sysconf (_SC_PAGESIZE);
}

static gsize
heap (void)
{
  struct mallinfo2 info = mallinfo2 ();

  return info.uordblks + info.hblkhd;
}

typedef struct
{
  double open_seconds, cpu_per_message, messages_per_second;
  double heap_per_session, resident_per_session;
  guint connections;
} Figures;

static VeredaSender *
make_sender (guint16 port, guint connections)
{
  g_autoptr (VeredaOptions) options = vereda_options_new ();
  g_autofree char *servers = g_strdup_printf ("127.0.0.1:%u", port);
  g_autofree char *count = g_strdup_printf ("%u", connections);
  g_autoptr (GError) error = NULL;
  VeredaSender *sender = NULL;

  if (vereda_options_set (options, "servers", servers, &error) && vereda_options_set (options, "tls", "never", &error)
      && vereda_options_set (options, "client", "client.scale.example", &error)
      && vereda_options_set (options, "connections", count, &error)
      && vereda_options_set (options, "idle-timeout", "600", &error))
    sender = vereda_sender_new (options, &error);
  if (sender == NULL)
    {
      fprintf (stderr, "scale: %s\n", error->message);
      exit (1);
    }
  return sender;
}

static Figures
measure (guint connections, guint messages)
{
  GString *text = g_string_new ("From: <a@scale.example>\r\nTo: <b@scale.example>\r\nSubject: scale\r\n"
                                "Date: Mon, 23 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@scale.example>\r\n\r\n");
  GBytes *bytes;
  Figures figures = { 0 };
  Run run = { 0 };
  guint16 port;
  pid_t server = start_server (connections, &port);
  VeredaSender *sender;
  double begin, spent;
  gsize heap_before, resident_before;

  while (text->len < 1024)
    g_string_append (text, "A line of some octets, as they come in letters.\r\n");
  bytes = g_string_free_to_bytes (text);
  run.message = vereda_message_new_from_bytes (bytes);
  g_bytes_unref (bytes);
  sender = make_sender (port, connections);

  malloc_trim (0);
  heap_before = heap ();
  resident_before = resident ();
  begin = (double) g_get_monotonic_time () / 1e6;
  /* As many as connections take at once, so that all of them are made; the server waits for the last of them. */
  for (guint i = 0; i < 4 * connections; i++)
    run.failed += !vereda_sender_submit (sender, run.message, NULL, on_done, &run, NULL, NULL);
  loop (sender, &run, 4 * connections);
  figures.open_seconds = (double) g_get_monotonic_time () / 1e6 - begin;
  figures.connections = vereda_sender_get_n_connections (sender);

  run.left = messages > connections ? messages - connections : 0;
  run.done = 0;
  begin = (double) g_get_monotonic_time () / 1e6;
  spent = cpu ();
  for (guint i = 0; i < connections; i++)
    run.failed += !vereda_sender_submit (sender, run.message, NULL, on_done, &run, NULL, NULL);
  messages = run.left + connections;
  loop (sender, &run, messages);
  figures.cpu_per_message = (cpu () - spent) / (double) messages;
  figures.messages_per_second = (double) messages / ((double) g_get_monotonic_time () / 1e6 - begin);

  malloc_trim (0);
  figures.heap_per_session = ((double) heap () - (double) heap_before) / figures.connections;
  figures.resident_per_session = ((double) resident () - (double) resident_before) / figures.connections;
  if (run.failed > 0 || figures.connections != connections)
    {
      fprintf (stderr, "scale: %u messages were not sent, %u connections of %u\n", run.failed, figures.connections,
               connections);
      exit (1);
    }
  stop_server (server);
  vereda_sender_free (sender);
  vereda_message_unref (run.message);
  return figures;
}

/* ---- the least there is to do ---- */

#define ENVELOPE "MAIL FROM:<a@scale.example> SIZE=1024\r\nRCPT TO:<b@scale.example>\r\nDATA\r\n"

static guint
lines_of (const char *data, ssize_t size)
{
  guint n = 0;

  for (ssize_t i = 0; i < size; i++)
    n += data[i] == '\n';
  return n;
}

static void
say (int fd, const char *text, gsize size)
{
  if (send (fd, text, size, MSG_NOSIGNAL) != (ssize_t) size)
    die ("send");
}

/* CPU time of a message. */
static double
measure_bare (guint connections, guint messages)
{
  guint16 port;
  pid_t server = start_server (0, &port);
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK), .sin_port = htons (port) };
  int epoll = epoll_create1 (EPOLL_CLOEXEC), on = 1;
  guint *heard = g_new0 (guint, limit_of_descriptors ()); /* lines since the last message, by descriptor */
  struct epoll_event events[256];
  char content[1024], data[4096];
  guint done = 0, left = messages;
  double spent;

  memset (content, 'x', sizeof content);
  memcpy (content + sizeof content - 5, "\r\n.\r\n", 5);
  for (guint i = 0; i < connections; i++)
    {
      int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

      if (fd < 0 || connect (fd, (struct sockaddr *) &address, sizeof address) != 0)
        die ("connect");
      setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      for (guint lines = 0; lines < 1; lines += lines_of (data, recv (fd, data, sizeof data, 0)))
        ;
      epoll_ctl (epoll, EPOLL_CTL_ADD, fd, &event);
      say (fd, ENVELOPE, sizeof ENVELOPE - 1);
      left--;
    }
  spent = cpu ();
  while (done < messages)
    {
      int n = epoll_wait (epoll, events, G_N_ELEMENTS (events), -1);

      for (int i = 0; i < n; i++)
        {
          int fd = events[i].data.fd;
          guint before = heard[fd];

          heard[fd] += lines_of (data, recv (fd, data, sizeof data, 0));
          if (before < 3 && heard[fd] >= 3)
            say (fd, content, sizeof content);
          if (heard[fd] < 4)
            continue;
          heard[fd] = 0;
          done++;
          if (left > 0)
            {
              left--;
              say (fd, ENVELOPE, sizeof ENVELOPE - 1);
            }
        }
    }
  spent = cpu () - spent;
  stop_server (server);
  for (guint fd = 3; fd < limit_of_descriptors (); fd++)
    close ((int) fd);
  g_free (heard);
  return spent / (double) messages;
}

int
main (int argc, char **argv)
{
  guint many = argc > 1 ? (guint) atoi (argv[1]) : 10000, few = argc > 2 ? (guint) atoi (argv[2]) : 100;
  guint messages = argc > 3 ? (guint) atoi (argv[3]) : 100000;
  struct rlimit limit;
  Figures a, b;
  double bare_few, bare_many;

  if (many == 0 || few == 0 || messages == 0)
    {
      fprintf (stderr, "usage: scale [MANY [FEW [MESSAGES]]]\n");
      return 2;
    }
  if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
    die ("RLIMIT_NOFILE");
  limit.rlim_cur = MIN (limit.rlim_max, MAX (limit.rlim_cur, many + 100));
  if (setrlimit (RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < many + 50)
    {
      fprintf (stderr, "scale: %u connections take more descriptors than the %lu allowed\n", many,
               (unsigned long) limit.rlim_cur);
      return 1;
    }
  a = measure (few, messages);
  b = measure (many, messages);
  bare_few = measure_bare (few, messages);
  bare_many = measure_bare (many, messages);
  printf ("{\"few\": %u, \"many\": %u, \"messages\": %u, \"cpu_us_per_message_few\": %.3f, \"cpu_us_per_message_many\": %.3f, "
          "\"cpu_ratio\": %.3f, \"bare_cpu_us_per_message_few\": %.3f, \"bare_cpu_us_per_message_many\": %.3f, "
          "\"bare_cpu_ratio\": %.3f, \"messages_per_second_few\": %.0f, \"messages_per_second_many\": %.0f, "
          "\"heap_octets_per_idle_session\": %.0f, \"resident_octets_per_idle_session\": %.0f, \"open_seconds_many\": %.3f}\n",
          few, many, messages, a.cpu_per_message * 1e6, b.cpu_per_message * 1e6, b.cpu_per_message / a.cpu_per_message,
          bare_few * 1e6, bare_many * 1e6, bare_many / bare_few, a.messages_per_second, b.messages_per_second,
          b.heap_per_session, b.resident_per_session, b.open_seconds);
  return 0;
}
