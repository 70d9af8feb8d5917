/* SPDX-License-Identifier: MIT */
/* Racing, with real sockets on loopback.  A black hole is a listening socket whose queue is full: the kernel then drops each SYN. */
#include "net-util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/un.h>

#include "core/base/error.h"
#include "core/net/connect.h"

typedef struct
{
  gboolean done;
  guint calls;
  int fd;
  guint endpoint;
  GArray *attempts;
  GError *error;
} Outcome;

static void
on_connected (gpointer data, int fd, guint endpoint, const GArray *attempts, const GError *error)
{
  Outcome *outcome = (Outcome *) data;

  g_assert_true ((fd >= 0) != (error != NULL));
  outcome->done = TRUE;
  outcome->calls++;
  outcome->fd = fd;
  outcome->endpoint = endpoint;
  outcome->attempts = g_array_copy ((GArray *) (gpointer) attempts);
  outcome->error = error != NULL ? g_error_copy (error) : NULL;
}

static void
outcome_clear (Outcome *outcome)
{
  if (outcome->done && outcome->fd >= 0)
    close (outcome->fd);
  g_clear_pointer (&outcome->attempts, g_array_unref);
  g_clear_error (&outcome->error);
  *outcome = (Outcome){ 0 };
}

static const VdAttempt *
attempt (const Outcome *outcome, guint i)
{
  g_assert_cmpuint (i, <, outcome->attempts->len);
  return &g_array_index (outcome->attempts, VdAttempt, i);
}

static GPtrArray *
endpoints_of (const guint16 *ports, guint n)
{
  GPtrArray *endpoints = vd_endpoints_new ();
  for (guint i = 0; i < n; i++)
    g_ptr_array_add (endpoints, vd_endpoint_new_literal ("127.0.0.1", ports[i]));
  return endpoints;
}

/* Runs one race to its end. */
static void
race (GPtrArray *endpoints, const VdConnectOptions *options, Outcome *outcome)
{
  VdReactor *reactor = reactor_of (NULL);

  g_assert_nonnull (vd_connect_start (reactor, endpoints, options, on_connected, outcome));
  g_assert_false (outcome->done);
  turn_until (reactor, &outcome->done);
  turn (reactor, 0);
  g_assert_cmpuint (outcome->calls, ==, 1);
  vd_reactor_free (reactor);
}

/* A port of 127.0.0.1 that nobody has: it was free a moment ago. */
static guint16
free_port (void)
{
  guint16 port;
  close (listen_loopback (1, &port));
  return port;
}

/* A port of 127.0.0.1 that refuses, and that nobody else can come to have. */
static guint16
refusing_port (void)
{
  static int fd = -1; /* for as long as the program runs */
  struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t size = sizeof at;

  if (fd < 0)
    {
      fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      g_assert_no_errno (bind (fd, (struct sockaddr *) &at, sizeof at));
    }
  g_assert_no_errno (getsockname (fd, (struct sockaddr *) &at, &size));
  return ntohs (at.sin_port);
}

typedef struct
{
  int listener;
  int fill[8];
  guint16 port;
} Hole;

static void
hole_dig (Hole *hole)
{
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  gboolean full = FALSE;

  hole->listener = listen_loopback (0, &hole->port);
  in.sin_port = htons (hole->port);
  for (guint i = 0; i < G_N_ELEMENTS (hole->fill); i++)
    {
      hole->fill[i] = -1;
      if (full)
        continue;
      struct pollfd pfd = { .fd = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), .events = POLLOUT };
      hole->fill[i] = pfd.fd;
      g_assert_cmpint (connect (pfd.fd, (struct sockaddr *) &in, sizeof in), ==, -1);
      full = poll (&pfd, 1, 100) == 0;
    }
  g_assert_true (full);
}

static void
hole_fill_in (Hole *hole)
{
  for (guint i = 0; i < G_N_ELEMENTS (hole->fill); i++)
    {
      if (hole->fill[i] >= 0)
        close (hole->fill[i]);
    }
  close (hole->listener);
}

/* The two ends of a race: a black hole, and a server that listens. */
static GPtrArray *
hole_and_listener (Hole *hole, int *ret_listener)
{
  guint16 ports[2];

  hole_dig (hole);
  ports[0] = hole->port;
  *ret_listener = listen_loopback (4, &ports[1]);
  return endpoints_of (ports, 2);
}

/* --- tests --- */

static void
test_one (void)
{
  guint16 port;
  int listener = listen_loopback (4, &port);
  g_autoptr (GPtrArray) endpoints = endpoints_of (&port, 1);
  Outcome outcome = { 0 };
  int nodelay = 0;
  socklen_t size = sizeof nodelay;

  race (endpoints, NULL, &outcome);
  g_assert_no_error (outcome.error);
  g_assert_cmpuint (outcome.endpoint, ==, 0);
  g_assert_cmpuint (outcome.attempts->len, ==, 1);
  g_assert_cmpint (attempt (&outcome, 0)->outcome, ==, VD_ATTEMPT_WON);
  g_assert_true ((fcntl (outcome.fd, F_GETFL) & O_NONBLOCK) != 0);
  g_assert_true ((fcntl (outcome.fd, F_GETFD) & FD_CLOEXEC) != 0);
  g_assert_cmpint (getsockopt (outcome.fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &size), ==, 0);
  g_assert_cmpint (nodelay, !=, 0);
  outcome_clear (&outcome);
  close (listener);
}

/* A refusal starts the next attempt at once, whatever the delay; the record tells both. */
static void
test_refused_next_at_once (void)
{
  guint16 ports[3] = { refusing_port (), refusing_port (), 0 };
  int listener = listen_loopback (4, &ports[2]);
  g_autoptr (GPtrArray) endpoints = endpoints_of (ports, 3);
  VdConnectOptions options = { .attempt_delay_us = 60 * G_USEC_PER_SEC };
  Outcome outcome = { 0 };

  race (endpoints, &options, &outcome);
  g_assert_no_error (outcome.error);
  g_assert_cmpuint (outcome.endpoint, ==, 2);
  g_assert_cmpuint (outcome.attempts->len, ==, 3);
  for (guint i = 0; i < 2; i++)
    {
      g_assert_cmpint (attempt (&outcome, i)->outcome, ==, VD_ATTEMPT_FAILED);
      g_assert_cmpint (attempt (&outcome, i)->code, ==, ECONNREFUSED);
    }
  g_assert_cmpint (attempt (&outcome, 2)->outcome, ==, VD_ATTEMPT_WON);
  g_assert_cmpint (attempt (&outcome, 2)->start_us, <, options.attempt_delay_us);
  outcome_clear (&outcome);
  close (listener);
}

static void
test_all_refused (void)
{
  guint16 ports[2] = { refusing_port (), refusing_port () };
  g_autoptr (GPtrArray) endpoints = endpoints_of (ports, 2);
  Outcome outcome = { 0 };
  guint before = count_descriptors ();

  race (endpoints, NULL, &outcome);
  g_assert_error (outcome.error, VEREDA_ERROR, VEREDA_ERROR_CONNECT);
  for (guint i = 0; i < 2; i++) /* each is named with its reason */
    {
      g_autofree char *line = g_strdup_printf ("%s: %s", ((VdEndpoint *) endpoints->pdata[i])->text, g_strerror (ECONNREFUSED));
      g_assert_nonnull (strstr (outcome.error->message, line));
    }
  g_assert_cmpuint (count_descriptors (), ==, before);
  outcome_clear (&outcome);
}

/* The black hole comes first; the second attempt starts after the delay and wins; the loser is closed without an octet sent. */
static void
test_race (void)
{
  Hole hole;
  int listener;
  g_autoptr (GPtrArray) endpoints = hole_and_listener (&hole, &listener);
  VdConnectOptions options = { .attempt_delay_us = 40000 };
  Outcome outcome = { 0 };
  guint before = count_descriptors ();

  race (endpoints, &options, &outcome);
  g_assert_no_error (outcome.error);
  g_assert_cmpuint (outcome.endpoint, ==, 1);
  g_assert_cmpuint (outcome.attempts->len, ==, 2);
  g_assert_cmpint (attempt (&outcome, 0)->outcome, ==, VD_ATTEMPT_LOST);
  g_assert_cmpint (attempt (&outcome, 0)->took_us, >=, 40000);
  g_assert_cmpint (attempt (&outcome, 1)->outcome, ==, VD_ATTEMPT_WON);
  g_assert_cmpint (attempt (&outcome, 1)->start_us, >=, 40000);
  g_assert_cmpuint (count_descriptors (), ==, before + 1); /* the winner alone is left */
  outcome_clear (&outcome);
  close (listener);
  hole_fill_in (&hole);
}

typedef struct
{
  VdConnect *race;
  GArray *record;
} Followed;

static void
on_follow (gpointer data, VdConnect *race)
{
  ((Followed *) data)->race = race;
}

static void
on_connected_followed (gpointer data, int fd, guint endpoint, const GArray *attempts, const GError *error)
{
  Followed *followed = (Followed *) data;

  g_assert_no_error (error);
  g_assert_cmpint (fd, >=, 0);
  close (fd);
  g_assert_nonnull (followed->race); /* told before */
  followed->record = g_array_ref ((GArray *) (gpointer) attempts);
}

/* A loser that is followed: nothing yet while it is open, and its end once it has come to it; cancelled, its descriptor is closed. */
static void
test_follow (void)
{
  Hole hole;
  int listener;
  g_autoptr (GPtrArray) endpoints = hole_and_listener (&hole, &listener);
  const guint before = count_descriptors ();

  for (guint ends = 0; ends < 2; ends++)
    {
      Followed followed = { 0 };
      VdConnectOptions options = {
        .attempt_delay_us = 20000, .per_address_timeout_us = ends ? 120000 : 0, .follow = on_follow, .follow_data = &followed
      };
      VdReactor *reactor = reactor_of (NULL);

      g_assert_nonnull (vd_connect_start (reactor, endpoints, &options, on_connected_followed, &followed));
      while (followed.record == NULL)
        turn (reactor, 1000);
      const VdAttempt *lost = &g_array_index (followed.record, VdAttempt, 0);
      g_assert_cmpint (lost->outcome, ==, VD_ATTEMPT_LOST);
      g_assert_cmpint (lost->afterwards, ==, VD_ATTEMPT_WAITING);
      while (ends && lost->afterwards == VD_ATTEMPT_WAITING)
        turn (reactor, 1000);
      if (ends)
        {
          g_assert_cmpint (lost->afterwards, ==, VD_ATTEMPT_TIMED_OUT);
          g_assert_cmpint (lost->afterwards_us, >=, 120000);
          g_assert_cmpint (lost->outcome, ==, VD_ATTEMPT_LOST);
        }
      vd_connect_cancel (followed.race);
      g_array_unref (followed.record);
      vd_reactor_free (reactor);
      g_assert_cmpuint (count_descriptors (), ==, before);
    }
  close (listener);
  hole_fill_in (&hole);
}

/* Two that would both connect: exactly one is kept, and the server of the other sees an end without data. */
static void
test_one_socket_only (void)
{
  Hole hole;
  int second;
  g_autoptr (GPtrArray) endpoints = hole_and_listener (&hole, &second);
  VdConnectOptions options = { .attempt_delay_us = 20000 };
  Outcome outcome = { 0 };

  race (endpoints, &options, &outcome);
  g_assert_cmpuint (outcome.endpoint, ==, 1);
  for (guint i = 0; i < G_N_ELEMENTS (hole.fill); i++) /* what fills the first queue goes: room for whoever still knocks */
    {
      if (hole.fill[i] >= 0)
        close (hole.fill[i]);
      hole.fill[i] = -1;
    }
  int peer;
  while ((peer = accept (hole.listener, NULL, NULL)) >= 0)
    {
      char octet;
      g_assert_cmpint (recv (peer, &octet, 1, 0), <=, 0);
      close (peer);
    }
  peer = accept (second, NULL, NULL);
  g_assert_cmpint (peer, >=, 0);
  g_assert_cmpint (accept (second, NULL, NULL), ==, -1);
  char octet;
  g_assert_cmpint (recv (peer, &octet, 1, MSG_DONTWAIT), ==, -1); /* nothing sent, still open */
  g_assert_cmpint (errno, ==, EAGAIN);
  close (peer);
  close (second);
  outcome_clear (&outcome);
  hole_fill_in (&hole);
}

static void
test_timeout (void)
{
  Hole hole;
  hole_dig (&hole);
  guint16 ports[2] = { hole.port, hole.port };
  g_autoptr (GPtrArray) endpoints = endpoints_of (ports, 2);
  VdConnectOptions options = { .attempt_delay_us = 1, .per_address_timeout_us = 60000 };
  Outcome outcome = { 0 };

  race (endpoints, &options, &outcome);
  g_assert_error (outcome.error, VEREDA_ERROR, VEREDA_ERROR_CONNECT);
  g_assert_nonnull (strstr (outcome.error->message, "no answer in time"));
  g_assert_cmpint (attempt (&outcome, 1)->start_us, >=, 10000); /* never less than 10 ms apart (RFC 8305 section 5) */
  for (guint i = 0; i < 2; i++)
    {
      g_assert_cmpint (attempt (&outcome, i)->outcome, ==, VD_ATTEMPT_TIMED_OUT);
      g_assert_cmpint (attempt (&outcome, i)->took_us, >=, 60000);
    }
  outcome_clear (&outcome);
  hole_fill_in (&hole);
}

static void
test_local_address (void)
{
  guint16 ports[2];
  int listener = listen_loopback (4, &ports[0]);
  g_autoptr (GPtrArray) endpoints = endpoints_of (ports, 1);
  VdEndpoint *local = vd_endpoint_new_literal ("127.0.0.9", 0);
  VdConnectOptions options = { .local_address = local };
  Outcome outcome = { 0 };
  struct sockaddr_in here = { 0 };
  socklen_t size = sizeof here;

  g_ptr_array_insert (endpoints, 0, vd_endpoint_new_literal ("::1", ports[0])); /* cannot leave from an IPv4 address */
  race (endpoints, &options, &outcome);
  g_assert_no_error (outcome.error);
  g_assert_cmpuint (outcome.endpoint, ==, 1);
  g_assert_cmpint (attempt (&outcome, 0)->code, ==, EAFNOSUPPORT);
  g_assert_cmpint (getsockname (outcome.fd, (struct sockaddr *) &here, &size), ==, 0);
  g_assert_cmpuint (ntohl (here.sin_addr.s_addr), ==, 0x7f000009);
  outcome_clear (&outcome);

  g_ptr_array_remove_index (endpoints, 1);
  race (endpoints, &options, &outcome);
  g_assert_error (outcome.error, VEREDA_ERROR, VEREDA_ERROR_CONNECT);
  g_assert_nonnull (strstr (outcome.error->message, "family"));
  outcome_clear (&outcome);
  vd_endpoint_free (local);
  close (listener);
}

/* TCP's simultaneous open lets a socket connect to itself; that is nobody's server. */
static void
test_self (void)
{
  guint16 port = free_port ();
  g_autoptr (GPtrArray) endpoints = endpoints_of (&port, 1);
  VdEndpoint *local = vd_endpoint_new_literal ("127.0.0.1", port);
  VdConnectOptions options = { .local_address = local };
  Outcome outcome = { 0 };

  race (endpoints, &options, &outcome);
  g_assert_error (outcome.error, VEREDA_ERROR, VEREDA_ERROR_CONNECT);
  g_assert_cmpint (attempt (&outcome, 0)->code, ==, ECONNREFUSED);
  outcome_clear (&outcome);
  vd_endpoint_free (local);
}

static gpointer
accept_later (gpointer data)
{
  g_usleep (50000);
  int fd = accept (GPOINTER_TO_INT (data), NULL, NULL);
  g_assert_cmpint (fd, >=, 0);
  return GINT_TO_POINTER (fd);
}

static void
test_unix (void)
{
  g_autofree char *dir = g_dir_make_tmp ("vereda-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "lmtp", NULL);
  g_autoptr (GPtrArray) endpoints = vd_endpoints_new ();
  Outcome outcome = { 0 };
  Outcome second = { 0 };

  g_ptr_array_add (endpoints, vd_endpoint_new_unix (path, NULL));
  race (endpoints, NULL, &outcome);
  g_assert_error (outcome.error, VEREDA_ERROR, VEREDA_ERROR_CONNECT);
  g_assert_cmpint (attempt (&outcome, 0)->code, ==, ENOENT);
  outcome_clear (&outcome);

  const VdEndpoint *endpoint = (const VdEndpoint *) endpoints->pdata[0];
  int listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (bind (listener, (const struct sockaddr *) &endpoint->address, endpoint->size), ==, 0);
  g_assert_cmpint (listen (listener, 0), ==, 0);
  race (endpoints, NULL, &outcome);
  g_assert_no_error (outcome.error);

  VdConnectOptions options = { .per_address_timeout_us = 60000 }; /* the queue is full now: tried until the time-out … */
  race (endpoints, &options, &second);
  g_assert_error (second.error, VEREDA_ERROR, VEREDA_ERROR_CONNECT);
  g_assert_cmpint (attempt (&second, 0)->outcome, ==, VD_ATTEMPT_TIMED_OUT);
  outcome_clear (&second);

  GThread *thread = g_thread_new ("accept", accept_later, GINT_TO_POINTER (listener)); /* … or until there is room */
  race (endpoints, NULL, &second);
  g_assert_no_error (second.error);
  close (GPOINTER_TO_INT (g_thread_join (thread)));
  outcome_clear (&outcome);
  outcome_clear (&second);
  close (listener);
  g_unlink (path);
  g_rmdir (dir);
}

static void
test_no_descriptors (void)
{
  guint16 port;
  int listener = listen_loopback (4, &port);
  g_autoptr (GPtrArray) endpoints = endpoints_of (&port, 1);
  VdReactor *reactor = reactor_of (NULL);
  Outcome outcome = { 0 };
  struct rlimit old;
  struct rlimit none;

  getrlimit (RLIMIT_NOFILE, &old);
  none = (struct rlimit){ .rlim_cur = 3, .rlim_max = old.rlim_max };
  vd_connect_start (reactor, endpoints, NULL, on_connected, &outcome);
  setrlimit (RLIMIT_NOFILE, &none);
  turn_until (reactor, &outcome.done);
  setrlimit (RLIMIT_NOFILE, &old);
  g_assert_error (outcome.error, VEREDA_ERROR, VEREDA_ERROR_CONNECT);
  g_assert_cmpint (attempt (&outcome, 0)->code, ==, EMFILE);
  outcome_clear (&outcome);
  vd_reactor_free (reactor);
  close (listener);
}

/* Races of every kind, cancelled at every moment: no call, no descriptor left. */
static void
test_cancel_storm (void)
{
  enum
  {
    N = 120
  };
  Hole hole;
  hole_dig (&hole);
  guint16 ports[3] = { hole.port, refusing_port (), 0 };
  int listener = listen_loopback (1024, &ports[2]);
  g_autoptr (GPtrArray) endpoints = endpoints_of (ports, 3);
  VdConnectOptions options = { .attempt_delay_us = 10000 };
  guint before = count_descriptors ();
  VdReactor *reactor = reactor_of (NULL);
  g_autoptr (GRand) rand = g_rand_new_with_seed (5321);
  Outcome outcomes[N] = { 0 };
  VdConnect *races[N];
  guint cancelled = 0;

  vd_connect_cancel (NULL);
  for (guint i = 0; i < N; i++)
    {
      races[i] = vd_connect_start (reactor, endpoints, &options, on_connected, &outcomes[i]);
      if (i % 4 == 0)
        turn (reactor, 0);
      guint victim = (guint) g_rand_int_range (rand, 0, (gint32) i + 1);
      if (races[victim] != NULL && !outcomes[victim].done)
        {
          g_clear_pointer (&races[victim], vd_connect_cancel);
          cancelled++;
        }
      g_usleep (200);
    }
  for (guint i = 0; i < N; i++)
    {
      if (races[i] != NULL)
        turn_until (reactor, &outcomes[i].done);
    }
  g_assert_cmpuint (cancelled, >, 10);
  for (guint i = 0; i < N; i++)
    {
      g_assert_cmpuint (outcomes[i].calls, ==, races[i] != NULL ? 1 : 0);
      if (races[i] != NULL)
        g_assert_cmpuint (outcomes[i].endpoint, ==, 2);
      outcome_clear (&outcomes[i]);
    }
  vd_reactor_free (reactor);
  g_assert_cmpuint (count_descriptors (), ==, before);
  close (listener);
  hole_fill_in (&hole);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/connect/TCP-8-one", test_one);
  g_test_add_func ("/connect/TCP-3-refused-next-at-once", test_refused_next_at_once);
  g_test_add_func ("/connect/TCP-6-all-refused", test_all_refused);
  g_test_add_func ("/connect/TCP-3-race", test_race);
  g_test_add_func ("/connect/TCP-4-follow", test_follow);
  g_test_add_func ("/connect/TCP-4-one-socket-only", test_one_socket_only);
  g_test_add_func ("/connect/TCP-3-timeout-and-least-delay", test_timeout);
  g_test_add_func ("/connect/local-address", test_local_address);
  g_test_add_func ("/connect/not-to-itself", test_self);
  g_test_add_func ("/connect/unix", test_unix);
  g_test_add_func ("/connect/no-descriptors", test_no_descriptors);
  g_test_add_func ("/connect/cancel-storm", test_cancel_storm);
  return g_test_run ();
}
