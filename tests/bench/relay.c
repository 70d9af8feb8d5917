/* SPDX-License-Identifier: MIT */
/* relay - a slow line on loopback: takes connections, and hands every octet on a fixed time after it came.
 *
 *   bench-relay HOST PORT DELAY-MICROSECONDS [LOG]
 *
 * Prints the port it listens on (127.0.0.1), ends with SIGTERM or with its parent.  What arrives at t leaves at t + delay in
 * each direction, whatever else is on its way: the delay is a queue, not a pause, so that octets sent together arrive together and
 * a stream keeps its rate.  The opening of a connection costs its round trip, too: loopback completes it at once, so the server is
 * connected to after three delays, when it would have seen the last segment of the handshake, and until then hears nothing.  The client
 * may speak too early by that; what it says is held back until the server could have heard it.
 *
 * LOG gets one line for each connection when it has ended: the real time of accepting it (seconds), octets from the client,
 * octets from the server, and how often the client spoke after the server had (turns).  Loopback only; it is a measuring device. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum
{
  BLOCK = 256 * 1024,          /* of one read */
  QUEUE_MAX = 64 * 1024 * 1024 /* octets on their way in one direction: above it nothing more is read, as a full window would */
};

typedef struct Chunk Chunk;
typedef struct Line Line;

struct Chunk
{
  Chunk *next;
  int64_t due;
  size_t size; /* 0: the end */
  size_t done;
  char data[];
};

/* One direction. */
typedef struct
{
  Line *line;
  int from, to; /* -1: not there (yet), or closed */
  Chunk *first, **last;
  size_t queued;
  uint64_t octets;
  int blocked; /* the receiver takes no more for now */
  int ended;   /* the sender has ended */
  int passed;  /* and the receiver was told */
} Way;

struct Line
{
  Line *next, **link;
  Way up, down;  /* from the client; from the server */
  int64_t opens; /* when the server is connected to; 0: it is */
  double accepted;
  unsigned turns;
  int server_spoke;
  int dead;
};

static struct sockaddr_storage server;
static socklen_t server_size;
static int64_t delay; /* nanoseconds */
static int epoll_fd, timer_fd;
static Line *lines;
static FILE *log_file;

__attribute__ ((noreturn)) static void
die (const char *what)
{
  fprintf (stderr, "bench-relay: %s: %s\n", what, strerror (errno));
  exit (1);
}

static int64_t
now (void)
{
  struct timespec t;
  clock_gettime (CLOCK_MONOTONIC, &t);
  return (int64_t) t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
watch (int fd, void *data, uint32_t events, int op)
{
  struct epoll_event event = { .events = events, .data.ptr = data };
  if (epoll_ctl (epoll_fd, op, fd, &event) != 0)
    die ("epoll_ctl");
}

static void
no_delay (int fd)
{
  const int one = 1;
  (void) setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void
way_init (Way *way, Line *line)
{
  *way = (Way){ .line = line, .from = -1, .to = -1 };
  way->last = &way->first;
}

static void
line_accept (int listener)
{
  struct timespec real;
  const int fd = accept4 (listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0)
    return;
  Line *line = calloc (1, sizeof *line);
  if (line == NULL)
    die ("no memory");
  clock_gettime (CLOCK_REALTIME, &real);
  line->accepted = (double) real.tv_sec + (double) real.tv_nsec * 1e-9;
  line->opens = now () + 3 * delay;
  no_delay (fd);
  way_init (&line->up, line);
  way_init (&line->down, line);
  line->up.from = line->down.to = fd;
  line->next = lines;
  line->link = &lines;
  if (lines != NULL)
    lines->link = &line->next;
  lines = line;
  watch (fd, line, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, EPOLL_CTL_ADD);
}

static void
line_open (Line *line)
{
  const int fd = socket (server.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  line->opens = 0;
  /* Blocking: it is loopback, and either answers at once or is not there. */
  if (fd < 0 || connect (fd, (struct sockaddr *) &server, server_size) != 0)
    {
      fprintf (stderr, "bench-relay: the server does not answer: %s\n", strerror (errno));
      line->dead = 1;
      if (fd >= 0)
        close (fd);
      return;
    }
  (void) fcntl (fd, F_SETFL, fcntl (fd, F_GETFL) | O_NONBLOCK);
  no_delay (fd);
  line->up.to = line->down.from = fd;
  watch (fd, line, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, EPOLL_CTL_ADD);
}

static void
way_queue (Way *way, const char *data, size_t size, int64_t due)
{
  Chunk *chunk = malloc (sizeof *chunk + size);
  if (chunk == NULL)
    die ("no memory");
  chunk->next = NULL;
  chunk->due = due;
  chunk->size = size;
  chunk->done = 0;
  memcpy (chunk->data, data, size);
  *way->last = chunk;
  way->last = &chunk->next;
  way->queued += size;
  way->octets += size;
}

/* Everything there is; the time it came is the time it is read, which is why reading comes before writing. */
static void
way_read (Way *way)
{
  static char block[BLOCK];
  Line *line = way->line;

  while (way->from >= 0 && !way->ended && way->queued < QUEUE_MAX)
    {
      const ssize_t got = recv (way->from, block, sizeof block, MSG_DONTWAIT);
      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0 && errno == EAGAIN)
        return;
      if (got <= 0)
        way->ended = 1;
      else if (way == &line->down)
        line->server_spoke = 1;
      else if (line->server_spoke)
        {
          line->turns++;
          line->server_spoke = 0;
        }
      way_queue (way, block, got > 0 ? (size_t) got : 0, now () + delay);
    }
}

static void
way_write (Way *way, int64_t time)
{
  way->blocked = 0;
  while (way->to >= 0 && way->first != NULL && way->first->due <= time)
    {
      Chunk *chunk = way->first;
      if (chunk->size == 0)
        {
          (void) shutdown (way->to, SHUT_WR);
          way->passed = 1;
        }
      while (chunk->done < chunk->size)
        {
          const ssize_t put = send (way->to, chunk->data + chunk->done, chunk->size - chunk->done, MSG_DONTWAIT | MSG_NOSIGNAL);
          if (put < 0 && errno == EINTR)
            continue;
          if (put < 0 && errno == EAGAIN)
            {
              way->blocked = 1;
              return;
            }
          if (put < 0)
            {
              way->line->dead = 1;
              return;
            }
          chunk->done += (size_t) put;
        }
      way->queued -= chunk->size;
      way->first = chunk->next;
      if (way->first == NULL)
        way->last = &way->first;
      free (chunk);
    }
}

static void
way_clear (Way *way)
{
  while (way->first != NULL)
    {
      Chunk *chunk = way->first;
      way->first = chunk->next;
      free (chunk);
    }
}

static void
line_free (Line *line)
{
  if (log_file != NULL)
    {
      fprintf (log_file, "%.6f %llu %llu %u\n", line->accepted, (unsigned long long) line->up.octets,
               (unsigned long long) line->down.octets, line->turns);
      fflush (log_file);
    }
  close (line->up.from);
  if (line->up.to >= 0)
    close (line->up.to);
  way_clear (&line->up);
  way_clear (&line->down);
  *line->link = line->next;
  if (line->next != NULL)
    line->next->link = line->link;
  free (line);
}

/* What is due goes out.  @return when to look again, or 0 */
static int64_t
serve (void)
{
  int64_t next = 0;

  for (Line *line = lines, *following; line != NULL; line = following)
    {
      const int64_t time = now ();
      Way *ways[] = { &line->up, &line->down };
      following = line->next;
      if (line->opens != 0 && line->opens <= time)
        line_open (line);
      for (int i = 0; i < 2 && !line->dead; i++)
        {
          way_read (ways[i]);
          way_write (ways[i], time);
          if (ways[i]->queued >= QUEUE_MAX / 2)
            way_read (ways[i]); /* an edge may have gone by while the queue was full */
        }
      if (line->dead || (line->up.passed && line->down.passed))
        {
          line_free (line);
          continue;
        }
      if (line->opens != 0 && (next == 0 || line->opens < next))
        next = line->opens;
      for (int i = 0; i < 2; i++)
        if (ways[i]->first != NULL && ways[i]->to >= 0 && !ways[i]->blocked && (next == 0 || ways[i]->first->due < next))
          next = ways[i]->first->due;
    }
  return next;
}

static void
set_timer (int64_t at)
{
  struct itimerspec time = { .it_value = { .tv_sec = at / 1000000000, .tv_nsec = at % 1000000000 } };
  if (timerfd_settime (timer_fd, TFD_TIMER_ABSTIME, &time, NULL) != 0)
    die ("timerfd_settime");
}

static int
open_listener (void)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t size = sizeof address;
  const int fd = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind (fd, (struct sockaddr *) &address, sizeof address) != 0 || listen (fd, 1024) != 0
      || getsockname (fd, (struct sockaddr *) &address, &size) != 0)
    die ("cannot listen");
  printf ("%u\n", ntohs (address.sin_port));
  fflush (stdout);
  return fd;
}

static void
resolve (const char *host, const char *port)
{
  const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
  struct addrinfo *found = NULL;
  if (getaddrinfo (host, port, &hints, &found) != 0)
    die ("HOST and PORT must be numbers");
  memcpy (&server, found->ai_addr, found->ai_addrlen);
  server_size = found->ai_addrlen;
  freeaddrinfo (found);
}

int
main (int argc, char **argv)
{
  static int timer_mark;
  const pid_t parent = getppid ();

  if (argc != 4 && argc != 5)
    {
      fputs ("usage: bench-relay HOST PORT DELAY-MICROSECONDS [LOG]\n", stderr);
      return 2;
    }
  (void) prctl (PR_SET_PDEATHSIG, SIGTERM);
  (void) prctl (PR_SET_TIMERSLACK, 1); /* 50 µs of slack each way would be seen */
  if (getppid () != parent)
    return 1;
  resolve (argv[1], argv[2]);
  delay = strtoll (argv[3], NULL, 10) * 1000;
  if (argc == 5 && (log_file = fopen (argv[4], "we")) == NULL)
    die (argv[4]);
  epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  timer_fd = timerfd_create (CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (epoll_fd < 0 || timer_fd < 0)
    die ("no descriptors");
  const int listener = open_listener ();
  watch (listener, NULL, EPOLLIN, EPOLL_CTL_ADD);
  watch (timer_fd, &timer_mark, EPOLLIN, EPOLL_CTL_ADD);
  for (;;)
    {
      struct epoll_event events[64];
      const int n = epoll_wait (epoll_fd, events, 64, -1);
      if (n < 0 && errno != EINTR)
        die ("epoll_wait");
      for (int i = 0; i < n; i++)
        {
          uint64_t count;
          if (events[i].data.ptr == NULL)
            line_accept (listener);
          else if (events[i].data.ptr == &timer_mark)
            (void) !read (timer_fd, &count, sizeof count);
        }
      set_timer (serve ());
    }
}
