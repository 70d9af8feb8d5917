/* SPDX-License-Identifier: MIT */
/* pkg-config: vereda-1 */
/* large - one large message in clear: what the library needs for it, beside the least that a program can do.
 *
 *   large make FILE OCTETS [lf]    content: base64-like lines of 76 octets with CRLF (lf: with LF), here and there a dot
 *   large reader                   an SMTP server that looks for the final dot and does nothing else; prints its port, ends with
 *                                  its standard input
 *   large bare PORT OCTETS         the dialogue by hand, the content by write() of 256 KiB, again and again of the same block, which
 *                                  never leaves the processor's cache: what the socket alone costs
 *   large memory PORT FILE         the same with the message in memory (read before the clock starts): write() of 256 KiB after another
 *   large copy PORT FILE           the same from a file: read() and write()
 *   large vereda-memory PORT FILE  the library, with the message in memory (read before the clock starts) as a GBytes
 *   large vereda PORT FILE|- [OCTETS]   the library, from before the message is opened to the verdict; -: standard input, and
 *                                  how much comes from it
 *   large compare [OCTETS [ROUNDS [lf]]]   all of them against the reader in turn, medians and ratios (default 400000000, 5)
 *
 * PORT is of 127.0.0.1; it may be `smtp-tool sink --quiet`.  Each prints one JSON object and ends with 0 only if everything was
 * taken.  Octets per second are those of the content; time is that of the whole dialogue, and so are user and system time.  Peak memory
 * is VmHWM. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vereda/vereda.h>

#define BLOCK ((size_t) 256 * 1024)

static void
die (const char *what)
{
  fprintf (stderr, "large: %s: %s\n", what, strerror (errno));
  exit (1);
}

/* ---- content ---- */

#define HEAD "From: <a@bench.example>\r\nTo: <b@bench.example>\r\nSubject: large\r\n\r\n"

static size_t
fill_lines (char *to, size_t size, const char *end)
{
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const size_t ending = strlen (end);
  size_t at = 0;

  for (unsigned line = 0; at + 76 + ending <= size; line++)
    {
      for (size_t i = 0; i < 76; i++)
        to[at++] = digits[(line * 13 + i * 29 + i * i) % 64];
      memcpy (to + at, end, ending);
      at += ending;
    }
  return at;
}

static int
make (const char *path, guint64 octets, const char *end)
{
  char *block = g_malloc (BLOCK);
  const size_t size = fill_lines (block, BLOCK, end);
  FILE *out = fopen (path, "w");
  guint64 done = strlen (HEAD);

  if (out == NULL)
    die (path);
  for (const char *c = HEAD; *c != '\0'; c++)
    if (*c != '\r' || end[0] == '\r')
      fputc (*c, out);
  for (unsigned turn = 0; done < octets; turn++, done += size)
    {
      block[0] = turn % 4 == 3 ? '.' : 'A';
      if (fwrite (block, 1, size, out) != size)
        die (path);
    }
  if (fclose (out) != 0)
    die (path);
  g_free (block);
  return 0;
}

/* ---- the reader ---- */

static void
say (int fd, const char *text)
{
  if (send (fd, text, strlen (text), MSG_NOSIGNAL) != (ssize_t) strlen (text))
    exit (1);
}

/* Reads to the end of the content.  Only dots are looked at; what stood before the block is in its first octets. */
static gboolean
discard (int fd, char *block)
{
  static const char end[] = "\r\n.\r\n";
  size_t kept = 2;

  memcpy (block, "\r\n", 2);
  for (;;)
    {
      ssize_t got = recv (fd, block + kept, BLOCK, 0);
      if (got <= 0)
        return FALSE;
      size_t size = kept + (size_t) got;
      for (char *dot = block + 2; size >= 5 && (dot = memchr (dot, '.', size - 2 - (size_t) (dot - block))) != NULL; dot++)
        if (memcmp (dot - 2, end, 5) == 0)
          return TRUE;
      kept = MIN (size, 4);
      memmove (block, block + size - kept, kept);
    }
}

static void
serve (int fd)
{
  char *block = g_malloc (BLOCK + 8), line[600];
  FILE *in = fdopen (fd, "r");

  setvbuf (in, NULL, _IONBF, 0); /* what follows DATA is read past it */
  say (fd, "220 reader\r\n");
  while (fgets (line, sizeof line, in) != NULL)
    if (g_str_has_prefix (line, "EHLO"))
      say (fd, "250-reader\r\n250 8BITMIME\r\n");
    else if (g_str_has_prefix (line, "DATA"))
      {
        say (fd, "354 go\r\n");
        if (!discard (fd, block))
          break;
        say (fd, "250 taken\r\n");
      }
    else if (g_str_has_prefix (line, "QUIT"))
      {
        say (fd, "221 bye\r\n");
        break;
      }
    else
      say (fd, "250 ok\r\n");
  fclose (in);
  g_free (block);
}

static int
reader (void)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t size = sizeof address;
  int listener = socket (AF_INET, SOCK_STREAM, 0);

  if (listener < 0 || bind (listener, (struct sockaddr *) &address, size) != 0 || listen (listener, 5) != 0
      || getsockname (listener, (struct sockaddr *) &address, &size) != 0)
    die ("listening");
  printf ("%u\n", ntohs (address.sin_port));
  fflush (stdout);
  for (;;)
    {
      GPollFD wait[2] = { { listener, G_IO_IN, 0 }, { STDIN_FILENO, G_IO_IN | G_IO_HUP, 0 } };
      g_poll (wait, 2, -1);
      if (wait[1].revents != 0)
        return 0;
      int fd = accept (listener, NULL, NULL);
      if (fd >= 0)
        serve (fd);
    }
}

/* ---- the writers ---- */

typedef struct
{
  gint64 wall;
  struct rusage used;
} Clock;

static Clock
start_clock (void)
{
  Clock clock;
  getrusage (RUSAGE_SELF, &clock.used);
  clock.wall = g_get_monotonic_time ();
  return clock;
}

static double
seconds_between (struct timeval from, struct timeval to)
{
  return (double) (to.tv_sec - from.tv_sec) + (double) (to.tv_usec - from.tv_usec) / 1e6;
}

static void
report (const char *mode, guint64 octets, Clock began)
{
  double seconds = (double) (g_get_monotonic_time () - began.wall) / 1e6;
  struct rusage used;
  char line[200];
  long peak = 0;
  FILE *status = fopen ("/proc/self/status", "r");

  while (status != NULL && fgets (line, sizeof line, status) != NULL)
    if (g_str_has_prefix (line, "VmHWM:"))
      peak = strtol (line + 6, NULL, 10);
  if (status != NULL)
    fclose (status);
  getrusage (RUSAGE_SELF, &used);
  printf (
      "{\"mode\": \"%s\", \"octets\": %llu, \"seconds\": %.6f, \"octets_per_second\": %.0f, \"user\": %.6f, \"system\": %.6f, "
      "\"peak_kib\": %ld}\n",
      mode, (unsigned long long) octets, seconds, (double) octets / seconds,
      seconds_between (began.used.ru_utime, used.ru_utime), seconds_between (began.used.ru_stime, used.ru_stime), peak);
}

static void
ask (int fd, const char *line, char wanted)
{
  char reply[2000];
  ssize_t n;

  if (send (fd, line, strlen (line), MSG_NOSIGNAL) < 0 || (n = recv (fd, reply, sizeof reply, 0)) <= 0 || reply[0] != wanted)
    die (line);
}

static void
write_all (int fd, const char *data, size_t size)
{
  while (size > 0)
    {
      ssize_t n = send (fd, data, size, MSG_NOSIGNAL);
      if (n <= 0)
        die ("writing");
      data += n;
      size -= (size_t) n;
    }
}

static int
begin (int port)
{
  struct sockaddr_in address
      = { .sin_family = AF_INET, .sin_port = htons ((guint16) port), .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  int on = 1;
  int fd = socket (AF_INET, SOCK_STREAM, 0);

  if (fd < 0 || connect (fd, (struct sockaddr *) &address, sizeof address) != 0)
    die ("connecting");
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ask (fd, "", '2');
  ask (fd, "EHLO bench.example\r\n", '2');
  ask (fd, "MAIL FROM:<a@bench.example>\r\n", '2');
  ask (fd, "RCPT TO:<b@bench.example>\r\n", '2');
  ask (fd, "DATA\r\n", '3');
  return fd;
}

static void
end (int fd)
{
  ask (fd, "\r\n.\r\n", '2');
  ask (fd, "QUIT\r\n", '2');
}

static GBytes *
load (const char *path)
{
  char *text;
  size_t size;
  if (!g_file_get_contents (path, &text, &size, NULL))
    die (path);
  return g_bytes_new_take (text, size);
}

static int
bare (int port, guint64 octets)
{
  char *block = g_malloc (BLOCK);
  const size_t size = fill_lines (block, BLOCK, "\r\n");
  Clock began = start_clock ();
  int fd = begin (port);
  guint64 left = octets;

  write_all (fd, HEAD, strlen (HEAD));
  for (; left > size; left -= size)
    write_all (fd, block, size);
  write_all (fd, block, (size_t) left);
  end (fd);
  report ("bare", octets, began);
  g_free (block);
  return 0;
}

/* A dot at the beginning of a line is not doubled: the content of `make` has none that ends it. */
static int
memory (int port, const char *path)
{
  g_autoptr (GBytes) message = load (path);
  size_t size;
  const char *data = g_bytes_get_data (message, &size);
  Clock began = start_clock ();
  int fd = begin (port);

  for (size_t at = 0; at < size; at += BLOCK)
    write_all (fd, data + at, MIN (BLOCK, size - at));
  end (fd);
  report ("memory", size, began);
  return 0;
}

/* Dots as above. */
static int
copy (int port, const char *path)
{
  char *block = g_malloc (BLOCK);
  Clock began = start_clock ();
  int in = open (path, O_RDONLY);
  int fd = begin (port);
  guint64 octets = 0;
  ssize_t n;

  while ((n = read (in, block, BLOCK)) > 0)
    {
      write_all (fd, block, (size_t) n);
      octets += (guint64) n;
    }
  if (n < 0)
    die (path);
  end (fd);
  report ("copy", octets, began);
  g_free (block);
  return 0;
}

/* `content`: the message is this, not what the path says. */
static int
vereda (const char *mode, int port, const char *path, GBytes *content, guint64 octets)
{
  Clock began = start_clock ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VeredaOptions) options = vereda_options_new ();
  g_autoptr (VeredaResult) result = NULL;
  g_autofree char *server = g_strdup_printf ("127.0.0.1:%d", port);
  g_autoptr (VeredaMessage) message = content != NULL           ? vereda_message_new_from_bytes (content)
                                      : strcmp (path, "-") == 0 ? vereda_message_new_from_fd (STDIN_FILENO, FALSE, &error)
                                                                : vereda_message_new_from_file (path, &error);

  if (message == NULL || !vereda_options_set (options, "servers", server, &error)
      || !vereda_sendmessage (message, options, &result, &error))
    {
      fprintf (stderr, "large: %s\n", error->message);
      return 1;
    }
  report (mode, octets, began);
  return 0;
}

static int
vereda_memory (int port, const char *path)
{
  g_autoptr (GBytes) content = load (path);
  return vereda ("vereda-memory", port, path, content, g_bytes_get_size (content));
}

static guint64
octets_of (const char *path)
{
  struct stat seen;
  return stat (path, &seen) == 0 ? (guint64) seen.st_size : 0;
}

/* ---- all of them ---- */

enum
{
  BARE,
  MEMORY,
  VEREDA_MEMORY,
  COPY,
  VEREDA,
  PIPE,
  MODES
};

typedef struct
{
  double rate[99], user[99], system[99], peak[99];
  int n;
} Series;

static double
number (const char *json, const char *name)
{
  g_autofree char *key = g_strdup_printf ("\"%s\": ", name);
  const char *at = strstr (json, key);
  return at == NULL ? 0 : g_ascii_strtod (at + strlen (key), NULL);
}

static void
run_one (Series *series, const char *command)
{
  char json[1000] = "";
  FILE *out = popen (command, "r");
  if (out == NULL || fgets (json, sizeof json, out) == NULL || pclose (out) != 0)
    die (command);
  series->rate[series->n] = number (json, "octets_per_second");
  series->user[series->n] = number (json, "user");
  series->system[series->n] = number (json, "system");
  series->peak[series->n++] = number (json, "peak_kib");
}

static int
compare_numbers (const void *a, const void *b)
{
  double left = *(const double *) a, right = *(const double *) b;
  return left < right ? -1 : left > right;
}

static double
median (double *values, int n)
{
  qsort (values, (size_t) n, sizeof *values, compare_numbers);
  return values[n / 2];
}

static int
compare (const char *self, guint64 octets, int rounds, gboolean lf)
{
  static const char *const names[MODES] = { "bare", "memory", "vereda_memory", "copy", "vereda", "vereda_from_pipe" };
  Series series[MODES] = { { .n = 0 } };
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), "vereda-large-XXXXXX", NULL);
  g_autofree char *start = g_strdup_printf ("exec '%s' reader", self);
  int to_reader[2], from_reader[2], port = 0;
  double rate[MODES];

  close (g_mkstemp (path));
  make (path, octets, lf ? "\n" : "\r\n");
  if (pipe (to_reader) != 0 || pipe (from_reader) != 0)
    die ("pipe");
  pid_t pid = fork ();
  if (pid == 0)
    {
      dup2 (to_reader[0], 0);
      dup2 (from_reader[1], 1);
      close (to_reader[1]);
      execl ("/bin/sh", "sh", "-c", start, NULL);
      _exit (1);
    }
  close (to_reader[0]);
  fcntl (to_reader[1], F_SETFD, FD_CLOEXEC);
  FILE *ports = fdopen (from_reader[0], "r");
  if (pid < 0 || fscanf (ports, "%d", &port) != 1)
    die ("starting the reader");
  for (int round = 0; round < rounds; round++)
    {
      char *commands[MODES] = {
        g_strdup_printf ("'%s' bare %d %llu", self, port, (unsigned long long) octets),
        g_strdup_printf ("'%s' memory %d '%s'", self, port, path),
        g_strdup_printf ("'%s' vereda-memory %d '%s'", self, port, path),
        g_strdup_printf ("'%s' copy %d '%s'", self, port, path),
        g_strdup_printf ("'%s' vereda %d '%s'", self, port, path),
        g_strdup_printf ("cat '%s' | '%s' vereda %d - %llu", path, self, port, (unsigned long long) octets),
      };
      for (int mode = 0; mode < MODES; mode++)
        run_one (&series[mode], commands[mode]);
      for (int mode = 0; mode < MODES; mode++)
        g_free (commands[mode]);
    }
  close (to_reader[1]);
  waitpid (pid, NULL, 0);
  unlink (path);
  printf ("{\"octets\": %llu, \"rounds\": %d, \"line_ends\": \"%s\"", (unsigned long long) octets, rounds, lf ? "lf" : "crlf");
  for (int mode = 0; mode < MODES; mode++)
    {
      Series *s = &series[mode];
      rate[mode] = median (s->rate, s->n);
      printf (",\n \"%s\": {\"octets_per_second\": %.0f, \"user\": %.4f, \"system\": %.4f, \"peak_kib\": %.0f}", names[mode],
              rate[mode], median (s->user, s->n), median (s->system, s->n), median (s->peak, s->n));
    }
  printf (",\n \"vereda_memory_to_memory\": %.3f, \"vereda_to_copy\": %.3f, \"pipe_to_copy\": %.3f",
          rate[VEREDA_MEMORY] / rate[MEMORY], rate[VEREDA] / rate[COPY], rate[PIPE] / rate[COPY]);
  printf (",\n \"vereda_memory_to_bare\": %.3f, \"vereda_to_bare\": %.3f}\n", rate[VEREDA_MEMORY] / rate[BARE],
          rate[VEREDA] / rate[BARE]);
  return 0;
}

int
main (int argc, char **argv)
{
  const char *mode = argc > 1 ? argv[1] : "";
  const int port = argc > 2 ? atoi (argv[2]) : 0;

  if (strcmp (mode, "reader") == 0)
    return reader ();
  if (strcmp (mode, "make") == 0 && argc > 3)
    return make (argv[2], g_ascii_strtoull (argv[3], NULL, 10), argc > 4 ? "\n" : "\r\n");
  if (strcmp (mode, "bare") == 0 && argc > 3)
    return bare (port, g_ascii_strtoull (argv[3], NULL, 10));
  if (strcmp (mode, "copy") == 0 && argc > 3)
    return copy (port, argv[3]);
  if (strcmp (mode, "memory") == 0 && argc > 3)
    return memory (port, argv[3]);
  if (strcmp (mode, "vereda-memory") == 0 && argc > 3)
    return vereda_memory (port, argv[3]);
  if (strcmp (mode, "vereda") == 0 && argc > 3)
    return vereda ("vereda", port, argv[3], NULL, argc > 4 ? g_ascii_strtoull (argv[4], NULL, 10) : octets_of (argv[3]));
  if (strcmp (mode, "compare") == 0)
    return compare (argv[0], argc > 2 ? g_ascii_strtoull (argv[2], NULL, 10) : 400000000u,
                    argc > 3 ? CLAMP (atoi (argv[3]), 1, 99) : 5, argc > 4);
  fprintf (stderr, "large: see the head of its source\n");
  return 2;
}
