/* SPDX-License-Identifier: MIT */
/* connect - a race over the endpoints of one server (RFC 8305 section 5).
 *
 * One Runner per attempt that is under way, one timer for the next start.  The kernel's word that the connection stands decides the race (TCP-4);
 * nothing is read or written.  Every failure is recorded, and only when all failed is there an error. */
#include "core/net/connect.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "core/base/error.h"

/* How often a local socket with a full queue is tried again: connect() on it does not report when there is room. */
#define UNIX_RETRY_US (20 * G_TIME_SPAN_MILLISECOND)

typedef struct
{
  VdConnect *race;
  guint record; /* index in race->attempts */
  int fd;
  VdWatch *watch; /* NULL while waiting to try a full local socket again */
  VdTimer *timer; /* the time-out, or the next try */
  gint64 deadline;
} Runner;

struct VdConnect
{
  VdReactor *reactor;
  GPtrArray *endpoints;
  VdEndpoint *local;
  gint64 delay_us;
  gint64 timeout_us;
  VdConnectedFunc done;
  gpointer data;
  gint64 begin;
  guint next; /* endpoint to start next */
  VdTimer *next_timer;
  GPtrArray *runners; /* Runner, under way */
  GArray *attempts;   /* VdAttempt */
  int winner;         /* descriptor; -1 */
  guint winner_endpoint;
  VdFollowFunc follow;
  gpointer follow_data;
  gboolean followed; /* it is over, and the losers go on */
};

static void start_next (gpointer data);
static void finish (VdConnect *race);

/* --- one attempt --- */

static VdAttempt *
record_of (const Runner *runner)
{
  return &g_array_index (runner->race->attempts, VdAttempt, runner->record);
}

static const VdEndpoint *
endpoint_of (const Runner *runner)
{
  return (const VdEndpoint *) runner->race->endpoints->pdata[record_of (runner)->endpoint];
}

static void
runner_free (gpointer data)
{
  Runner *runner = (Runner *) data;

  vd_watch_free (runner->watch);
  vd_timer_free (runner->timer);
  if (runner->fd >= 0)
    close (runner->fd);
  g_free (runner);
}

static void
record_outcome (Runner *runner, VdAttemptOutcome outcome, int code)
{
  VdAttempt *record = record_of (runner);

  record->outcome = outcome;
  record->code = code;
  record->took_us = vd_reactor_now (runner->race->reactor) - runner->race->begin - record->start_us;
}

static void
record_afterwards (Runner *runner, VdAttemptOutcome outcome, int code)
{
  VdConnect *race = runner->race;
  VdAttempt *record = record_of (runner);

  record->afterwards = outcome;
  record->afterwards_us = vd_reactor_now (race->reactor) - race->begin - record->start_us;
  record->code = code;
  g_ptr_array_remove_fast (race->runners, runner);
}

/* Ends this attempt; starts the next at once, or ends the race when there is nothing left. */
static void
runner_failed (Runner *runner, VdAttemptOutcome outcome, int code)
{
  VdConnect *race = runner->race;

  if (race->followed)
    {
      record_afterwards (runner, outcome, code);
      return;
    }
  record_outcome (runner, outcome, code);
  g_ptr_array_remove_fast (race->runners, runner);
  if (race->next < race->endpoints->len)
    vd_timer_set (race->next_timer, vd_reactor_now (race->reactor));
  else if (race->runners->len == 0)
    finish (race);
}

static void
runner_won (Runner *runner)
{
  VdConnect *race = runner->race;

  if (race->followed)
    {
      record_afterwards (runner, VD_ATTEMPT_WON, 0);
      return;
    }
  record_outcome (runner, VD_ATTEMPT_WON, 0);
  race->winner = runner->fd;
  race->winner_endpoint = record_of (runner)->endpoint;
  runner->fd = -1;
  g_ptr_array_remove_fast (race->runners, runner);
  for (guint i = 0; i < race->runners->len; i++)
    record_outcome ((Runner *) race->runners->pdata[i], VD_ATTEMPT_LOST, 0);
  finish (race);
}

/* A connect() to a free port of the ephemeral range on this machine can meet itself (simultaneous open): nobody listens there. */
static gboolean
connected_to_itself (int fd)
{
  struct sockaddr_storage here = { 0 };
  struct sockaddr_storage there = { 0 };
  socklen_t here_size = sizeof here;
  socklen_t there_size = sizeof there;

  return getsockname (fd, (struct sockaddr *) &here, &here_size) == 0
         && getpeername (fd, (struct sockaddr *) &there, &there_size) == 0
         && (here.ss_family == AF_INET || here.ss_family == AF_INET6) && here_size == there_size
         && memcmp (&here, &there, here_size) == 0;
}

static void
runner_settle (Runner *runner)
{
  int code = 0;
  socklen_t size = sizeof code;
  struct sockaddr_storage peer;
  socklen_t peer_size = sizeof peer;

  if (getsockopt (runner->fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0)
    code = errno;
  if (code == 0 && getpeername (runner->fd, (struct sockaddr *) &peer, &peer_size) < 0)
    {
      if (errno == ENOTCONN) /* a report without cause: go on waiting */
        return;
      code = errno;
    }
  if (code == 0 && connected_to_itself (runner->fd))
    code = ECONNREFUSED;
  if (code == 0)
    runner_won (runner);
  else
    runner_failed (runner, VD_ATTEMPT_FAILED, code);
}

static void
on_writable (gpointer data, gboolean readable, gboolean writable)
{
  runner_settle ((Runner *) data);
}

/* 0, or the errno of what cannot be set.  Options that only make things better may fail. */
static int
prepare_socket (const VdConnect *race, int fd, int family)
{
  int on = 1;

  if (family != AF_UNIX)
    setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* TCP-8 */
  if (race->local == NULL)
    return 0;
  if (vd_endpoint_family (race->local) != family)
    return EAFNOSUPPORT;
#ifdef IP_BIND_ADDRESS_NO_PORT
  if (family != AF_UNIX) /* the port is chosen at connect(): thousands of connections to different servers may share one */
    setsockopt (fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
#endif
  return bind (fd, (const struct sockaddr *) &race->local->address, race->local->size) == 0 ? 0 : errno;
}

/* Sets what to wait for next; an outcome known at once is settled here. */
static void
runner_connect (Runner *runner)
{
  VdConnect *race = runner->race;
  const VdEndpoint *endpoint = endpoint_of (runner);
  int code = connect (runner->fd, (const struct sockaddr *) &endpoint->address, endpoint->size) == 0 ? 0 : errno;

  if (code == EAGAIN && vd_endpoint_family (endpoint) == AF_UNIX)
    {
      gint64 again = vd_reactor_now (race->reactor) + UNIX_RETRY_US;
      vd_timer_set (runner->timer, MIN (again, runner->deadline));
    }
  else if (code == 0)
    runner_settle (runner);
  else if (code == EINPROGRESS || code == EINTR) /* interrupted: goes on in the background all the same (POSIX) */
    {
      runner->watch = vd_reactor_watch (race->reactor, runner->fd, on_writable, runner);
      vd_watch_set (runner->watch, FALSE, TRUE);
      vd_timer_set (runner->timer, runner->deadline);
    }
  else
    runner_failed (runner, VD_ATTEMPT_FAILED, code);
}

static void
on_timer (gpointer data)
{
  Runner *runner = (Runner *) data;

  if (vd_reactor_now (runner->race->reactor) >= runner->deadline)
    runner_failed (runner, VD_ATTEMPT_TIMED_OUT, 0);
  else
    runner_connect (runner);
}

static int
new_socket (int family)
{
#ifdef SOCK_CLOEXEC
  return socket (family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
#else
  int fd = socket (family, SOCK_STREAM, 0);
  if (fd >= 0 && (fcntl (fd, F_SETFL, O_NONBLOCK) < 0 || fcntl (fd, F_SETFD, FD_CLOEXEC) < 0))
    {
      close (fd);
      fd = -1;
    }
  return fd;
#endif
}

/* --- the race --- */

static void
start_next (gpointer data)
{
  VdConnect *race = (VdConnect *) data;
  gint64 now = vd_reactor_now (race->reactor);
  VdAttempt record = { .endpoint = race->next++, .outcome = VD_ATTEMPT_WAITING, .start_us = now - race->begin };
  Runner *runner = g_new0 (Runner, 1);

  runner->race = race;
  runner->record = race->attempts->len;
  runner->deadline = now + race->timeout_us;
  g_array_append_val (race->attempts, record);
  g_ptr_array_add (race->runners, runner);
  runner->timer = vd_reactor_timer (race->reactor, on_timer, runner);
  if (race->next < race->endpoints->len)
    vd_timer_set (race->next_timer, now + race->delay_us);

  int family = vd_endpoint_family (endpoint_of (runner));
  runner->fd = new_socket (family);
  int code = runner->fd < 0 ? errno : prepare_socket (race, runner->fd, family);
  if (code != 0)
    runner_failed (runner, VD_ATTEMPT_FAILED, code);
  else
    runner_connect (runner);
}

static void
race_free (VdConnect *race)
{
  vd_timer_free (race->next_timer);
  g_ptr_array_unref (race->runners);
  g_ptr_array_unref (race->endpoints);
  g_array_unref (race->attempts);
  vd_endpoint_free (race->local);
  g_free (race);
}

static const char *
reason_of (const VdConnect *race, const VdAttempt *attempt)
{
  int family = vd_endpoint_family ((const VdEndpoint *) race->endpoints->pdata[attempt->endpoint]);

  if (race->local != NULL && vd_endpoint_family (race->local) != family)
    return "the local address to use is of another family";
  return attempt->outcome == VD_ATTEMPT_TIMED_OUT ? "no answer in time" : g_strerror (attempt->code);
}

static GError *
race_error (const VdConnect *race)
{
  GString *text = g_string_new ("Cannot connect:");

  for (guint i = 0; i < race->attempts->len; i++)
    {
      const VdAttempt *attempt = &g_array_index (race->attempts, VdAttempt, i);
      const VdEndpoint *endpoint = (const VdEndpoint *) race->endpoints->pdata[attempt->endpoint];
      g_string_append_printf (text, "%s %s: %s", i == 0 ? "" : ";", endpoint->text, reason_of (race, attempt));
      if (attempt->outcome == VD_ATTEMPT_TIMED_OUT)
        g_string_append_printf (text, " (%.1f s)", (double) attempt->took_us / (double) G_USEC_PER_SEC);
    }
  GError *error = g_error_new_literal (VEREDA_ERROR, VEREDA_ERROR_CONNECT, text->str);
  g_string_free (text, TRUE);
  return error;
}

/* Closes the losers, unless somebody wants to follow them, then tells. */
static void
finish (VdConnect *race)
{
  int fd = race->winner;
  guint endpoint = race->winner_endpoint;
  g_autoptr (GArray) attempts = g_array_ref (race->attempts);
  g_autoptr (GError) error = fd >= 0 ? NULL : race_error (race);
  VdConnectedFunc done = race->done;
  gpointer data = race->data;

  if (fd >= 0 && race->follow != NULL && race->runners->len > 0)
    {
      race->followed = TRUE;
      vd_timer_set (race->next_timer, -1);
      race->follow (race->follow_data, race);
    }
  else
    race_free (race);
  done (data, fd, endpoint, attempts, error);
}

VdConnect *
vd_connect_start (VdReactor *reactor, GPtrArray *endpoints, const VdConnectOptions *options, VdConnectedFunc done,
                  gpointer data)
{
  static const VdConnectOptions defaults = { 0 };

  g_return_val_if_fail (endpoints->len > 0 && done != NULL, NULL);
  if (options == NULL)
    options = &defaults;
  VdConnect *race = g_new0 (VdConnect, 1);
  race->reactor = reactor;
  race->endpoints = g_ptr_array_ref (endpoints);
  race->local = options->local_address != NULL ? vd_endpoint_copy (options->local_address) : NULL;
  race->delay_us = options->attempt_delay_us > 0 ? MAX (options->attempt_delay_us, VD_CONNECT_ATTEMPT_DELAY_MIN_US)
                                                 : VD_CONNECT_ATTEMPT_DELAY_US;
  race->timeout_us = options->per_address_timeout_us > 0 ? options->per_address_timeout_us : VD_CONNECT_TIMEOUT_US;
  race->done = done;
  race->data = data;
  race->follow = options->follow;
  race->follow_data = options->follow_data;
  race->winner = -1;
  race->runners = g_ptr_array_new_with_free_func (runner_free);
  race->attempts = g_array_new (FALSE, FALSE, sizeof (VdAttempt));
  race->begin = vd_reactor_now (reactor);
  race->next_timer = vd_reactor_timer (reactor, start_next, race);
  vd_timer_set (race->next_timer, race->begin);
  return race;
}

void
vd_connect_cancel (VdConnect *race)
{
  if (race != NULL)
    race_free (race);
}

void
vd_connect_acknowledge (int fd)
{
#ifdef TCP_QUICKACK
  static const int on = 1;

  setsockopt (fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
#endif
}

const char *
vd_attempt_outcome_name (VdAttemptOutcome outcome)
{
  static const char *const names[] = {
    [VD_ATTEMPT_WAITING] = "waiting",     [VD_ATTEMPT_WON] = "connected",      [VD_ATTEMPT_FAILED] = "failed",
    [VD_ATTEMPT_TIMED_OUT] = "timed out", [VD_ATTEMPT_LOST] = "lost the race",
  };
  return (guint) outcome < G_N_ELEMENTS (names) ? names[outcome] : "unknown";
}
