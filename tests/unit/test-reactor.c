/* SPDX-License-Identifier: MIT */
/* The reactor's watches and timers, each test with both backends. */
#include "net-util.h"

/* --- watches --- */

typedef struct
{
  VdReactor *reactor;
  VdWatch *watch;
  VdWatch *other; /* freed by the call, too */
  int fd;
  guint calls;
  gboolean readable, writable;
  gboolean free_in_call;
} Seen;

static void
on_watch (gpointer data, gboolean readable, gboolean writable)
{
  Seen *seen = (Seen *) data;
  seen->calls++;
  seen->readable = readable;
  seen->writable = writable;
  if (seen->free_in_call)
    {
      g_clear_pointer (&seen->watch, vd_watch_free);
      g_clear_pointer (&seen->other, vd_watch_free);
    }
}

static void
pair (int fds[2])
{
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), ==, 0);
}

static void
test_watch_interest (gconstpointer backend)
{
  VdReactor *reactor = reactor_of (backend);
  int fds[2];
  Seen seen = { 0 };

  pair (fds);
  seen.watch = vd_reactor_watch (reactor, fds[0], on_watch, &seen);
  g_assert_cmpint (write (fds[1], "x", 1), ==, 1);
  turn (reactor, 0);
  g_assert_cmpuint (seen.calls, ==, 0); /* a new one wants nothing */

  vd_watch_set (seen.watch, TRUE, FALSE);
  turn (reactor, 0);
  g_assert_cmpuint (seen.calls, ==, 1);
  g_assert_true (seen.readable && !seen.writable);
  turn (reactor, 0);
  g_assert_cmpuint (seen.calls, ==, 2); /* level-triggered */

  vd_watch_set (seen.watch, FALSE, TRUE);
  turn (reactor, 0);
  g_assert_true (!seen.readable && seen.writable);
  vd_watch_set (seen.watch, TRUE, TRUE);
  turn (reactor, 0);
  g_assert_true (seen.readable && seen.writable);
  g_assert_cmpuint (seen.calls, ==, 4);

  vd_watch_set (seen.watch, FALSE, FALSE);
  close (fds[1]);
  turn (reactor, 0);
  g_assert_cmpuint (seen.calls, ==, 4); /* wanting nothing hears nothing, not even the hang-up */

  vd_watch_set (seen.watch, FALSE, TRUE);
  turn (reactor, 0);
  g_assert_cmpuint (seen.calls, ==, 5);
  g_assert_true (seen.readable && seen.writable); /* hang-up reports both */

  vd_watch_free (seen.watch);
  close (fds[0]);
  vd_reactor_free (reactor);
}

static void
test_watch_free_in_callback (gconstpointer backend)
{
  VdReactor *reactor = reactor_of (backend);
  int a[2];
  int b[2];
  Seen seen[2] = { 0 };

  pair (a);
  pair (b);
  for (guint i = 0; i < 2; i++)
    {
      seen[i].watch = vd_reactor_watch (reactor, i == 0 ? a[0] : b[0], on_watch, &seen[i]);
      seen[i].free_in_call = TRUE;
      vd_watch_set (seen[i].watch, FALSE, TRUE);
    }
  seen[0].other = seen[1].watch;
  seen[1].other = seen[0].watch;
  turn (reactor, 0); /* both are ready; whichever comes first frees itself and the other */
  g_assert_cmpuint (seen[0].calls + seen[1].calls, ==, 1);
  turn (reactor, 0);
  g_assert_cmpuint (seen[0].calls + seen[1].calls, ==, 1);
  vd_reactor_free (reactor);
  for (guint i = 0; i < 2; i++)
    {
      close (a[i]);
      close (b[i]);
    }
}

/* A watch freed and its descriptor number used again in the same turn: the new one must not get the old one's event. */
static void
reopen (gpointer data, gboolean readable, gboolean writable)
{
  Seen *seen = (Seen *) data;
  Seen *victim = (Seen *) (gpointer) seen->other;
  int fds[2];

  if (victim->watch == NULL) /* the other one was faster */
    return;
  seen->calls++;
  g_clear_pointer (&seen->watch, vd_watch_free);
  vd_watch_free (victim->watch);
  close (victim->fd);
  pair (fds);
  g_assert_cmpint (fds[0], ==, victim->fd); /* the lowest free number */
  victim->watch = vd_reactor_watch (seen->reactor, fds[0], on_watch, victim);
  victim->calls = 0;
  vd_watch_set (victim->watch, TRUE, FALSE); /* nothing to read there */
  seen->fd = fds[1];
}

static void
test_watch_descriptor_reused (gconstpointer backend)
{
  VdReactor *reactor = reactor_of (backend);
  int a[2];
  int b[2];
  Seen first = { .reactor = reactor };
  Seen second = { .reactor = reactor };

  pair (a);
  pair (b);
  first.fd = a[0];
  second.fd = b[0];
  first.other = (VdWatch *) (gpointer) &second; /* each would do it to the other; the one reported first does */
  second.other = (VdWatch *) (gpointer) &first;
  first.watch = vd_reactor_watch (reactor, a[0], reopen, &first);
  second.watch = vd_reactor_watch (reactor, b[0], reopen, &second);
  vd_watch_set (first.watch, FALSE, TRUE);
  vd_watch_set (second.watch, FALSE, TRUE);
  turn (reactor, 0);
  turn (reactor, 0);
  Seen *did = first.watch == NULL ? &first : &second;
  Seen *victim = did == &first ? &second : &first;
  g_assert_cmpuint (did->calls, ==, 1);
  g_assert_cmpuint (victim->calls, ==, 0);
  vd_watch_free (victim->watch);
  vd_reactor_free (reactor);
  close (did->fd);
  close (a[0]); /* of these two, one is the new pair's under the old number */
  close (b[0]);
  close (a[1]);
  close (b[1]);
}

static void
test_watch_many (gconstpointer backend)
{
  enum
  {
    N = 400 /* more than one wait reports */
  };
  VdReactor *reactor = reactor_of (backend);
  g_autofree Seen *seen = g_new0 (Seen, N);
  int (*fds)[2] = (int (*)[2]) g_malloc (N * sizeof *fds);

  for (guint i = 0; i < N; i++)
    {
      pair (fds[i]);
      seen[i].watch = vd_reactor_watch (reactor, fds[i][0], on_watch, &seen[i]);
      vd_watch_set (seen[i].watch, FALSE, TRUE);
    }
  for (guint i = 0; i < 4; i++)
    turn (reactor, 0);
  for (guint i = 0; i < N; i++) /* each was heard, although the first ones stayed ready */
    g_assert_cmpuint (seen[i].calls, >=, 1);
  for (guint i = 0; i < N; i += 2) /* every second one goes; the rest is not disturbed */
    vd_watch_free (seen[i].watch);
  for (guint i = 0; i < N; i++)
    seen[i].calls = 0;
  turn (reactor, 0);
  for (guint i = 0; i < N; i++)
    g_assert_cmpuint (seen[i].calls, ==, i % 2);
  for (guint i = 0; i < N; i++)
    {
      if (i % 2 == 1)
        vd_watch_free (seen[i].watch);
      close (fds[i][0]);
      close (fds[i][1]);
    }
  g_free (fds);
  vd_reactor_free (reactor);
}

static void
test_watch_regular_file (gconstpointer backend)
{
  VdReactor *reactor = reactor_of (backend);
  Seen seen = { 0 };
  int fd = open ("/proc/self/exe", O_RDONLY | O_CLOEXEC); /* epoll refuses files */

  seen.watch = vd_reactor_watch (reactor, fd, on_watch, &seen);
  vd_watch_set (seen.watch, TRUE, FALSE);
  turn (reactor, -1);
  turn (reactor, -1);
  g_assert_cmpuint (seen.calls, ==, 2);
  g_assert_true (seen.readable);
  vd_watch_set (seen.watch, FALSE, FALSE);
  turn (reactor, 0);
  g_assert_cmpuint (seen.calls, ==, 2);
  g_assert_cmpint (vd_reactor_next_deadline (reactor), ==, -1);
  vd_watch_free (seen.watch);
  close (fd);
  vd_reactor_free (reactor);
}

/* --- timers --- */

typedef struct
{
  VdReactor *reactor;
  VdTimer *timer;
  gint64 deadline;
  GPtrArray *fired;
  VdTimer *victim;
  gboolean again;
} Alarm;

static void
on_alarm (gpointer data)
{
  Alarm *alarm_ = (Alarm *) data;
  g_assert_cmpint (vd_timer_get (alarm_->timer), ==, -1);
  g_ptr_array_add (alarm_->fired, alarm_);
  g_clear_pointer (&alarm_->victim, vd_timer_free);
  if (alarm_->again)
    vd_timer_set (alarm_->timer, 0);
}

static void
test_timer_heap (gconstpointer backend)
{
  enum
  {
    N = 10000
  };
  VdReactor *reactor = reactor_of (backend);
  g_autoptr (GRand) rand = g_rand_new_with_seed (8305);
  g_autoptr (GPtrArray) fired = g_ptr_array_new ();
  g_autofree Alarm *alarms = g_new0 (Alarm, N);
  guint armed = 0;

  for (guint i = 0; i < N; i++)
    {
      alarms[i] = (Alarm){ .reactor = reactor, .fired = fired };
      alarms[i].timer = vd_reactor_timer (reactor, on_alarm, &alarms[i]);
      vd_timer_set (alarms[i].timer, 1 + g_rand_int_range (rand, 0, 1000));
    }
  for (guint i = 0; i < 3 * N; i++) /* move, disarm, free and make anew, at random places of the heap */
    {
      Alarm *alarm_ = &alarms[g_rand_int_range (rand, 0, N)];
      gint what = g_rand_int_range (rand, 0, 10);
      if (what == 0)
        vd_timer_set (alarm_->timer, -1);
      else if (what == 1)
        {
          vd_timer_free (alarm_->timer);
          alarm_->timer = vd_reactor_timer (reactor, on_alarm, alarm_);
        }
      else
        vd_timer_set (alarm_->timer, 1 + g_rand_int_range (rand, 0, 1000));
    }
  gint64 first = G_MAXINT64;
  for (guint i = 0; i < N; i++)
    {
      alarms[i].deadline = vd_timer_get (alarms[i].timer);
      armed += alarms[i].deadline >= 0;
      if (alarms[i].deadline >= 0)
        first = MIN (first, alarms[i].deadline);
    }
  g_assert_cmpint (vd_reactor_next_deadline (reactor), ==, first);
  turn (reactor, -1); /* all lie in the past: one turn */
  g_assert_cmpuint (fired->len, ==, armed);
  for (guint i = 1; i < fired->len; i++)
    g_assert_cmpint (((Alarm *) fired->pdata[i - 1])->deadline, <=, ((Alarm *) fired->pdata[i])->deadline);
  g_assert_cmpint (vd_reactor_next_deadline (reactor), ==, -1);
  for (guint i = 0; i < N; i++)
    vd_timer_free (alarms[i].timer);
  vd_reactor_free (reactor);
}

static void
test_timer_in_callbacks (gconstpointer backend)
{
  VdReactor *reactor = reactor_of (backend);
  g_autoptr (GPtrArray) fired = g_ptr_array_new ();
  Alarm a = { .reactor = reactor, .fired = fired };
  Alarm b = a;
  Alarm c = a;

  a.timer = vd_reactor_timer (reactor, on_alarm, &a);
  b.timer = vd_reactor_timer (reactor, on_alarm, &b);
  c.timer = vd_reactor_timer (reactor, on_alarm, &c);
  vd_timer_set (a.timer, 5); /* equal deadlines: in the order set */
  vd_timer_set (b.timer, 5);
  vd_timer_set (c.timer, 5);
  a.again = TRUE;     /* sets itself to the past: next turn, not this one */
  a.victim = b.timer; /* due in the same turn, but freed before its call */
  turn (reactor, -1);
  g_assert_cmpuint (fired->len, ==, 2);
  g_assert_true (fired->pdata[0] == &a && fired->pdata[1] == &c);
  a.again = FALSE;
  turn (reactor, -1);
  g_assert_cmpuint (fired->len, ==, 3);
  g_assert_true (fired->pdata[2] == &a);
  vd_timer_set (c.timer, 5);
  c.victim = c.timer; /* frees itself in its own call */
  turn (reactor, -1);
  g_assert_cmpuint (fired->len, ==, 4);
  turn (reactor, 0);
  g_assert_cmpuint (fired->len, ==, 4);
  vd_timer_free (a.timer);
  vd_reactor_free (reactor);
}

static void
test_timer_waits (gconstpointer backend)
{
  VdReactor *reactor = reactor_of (backend);
  g_autoptr (GPtrArray) fired = g_ptr_array_new ();
  Alarm a = { .reactor = reactor, .fired = fired };

  a.timer = vd_reactor_timer (reactor, on_alarm, &a);
  vd_timer_set (a.timer, g_get_monotonic_time () + 600 * G_USEC_PER_SEC);
  turn (reactor, 5000); /* a shorter wait is kept to */
  g_assert_cmpuint (fired->len, ==, 0);
  const gint64 begin = g_get_monotonic_time ();
  vd_timer_set (a.timer, begin + 30500);
  while (fired->len == 0)
    turn (reactor, -1);
  g_assert_cmpint (g_get_monotonic_time (), >=, begin + 30500); /* never early */
  vd_timer_free (a.timer);
  vd_reactor_free (reactor);
}

int
main (int argc, char **argv)
{
  static const BackendTest tests[] = {
    { "watch/interest", test_watch_interest },
    { "watch/free-in-callback", test_watch_free_in_callback },
    { "watch/descriptor-reused", test_watch_descriptor_reused },
    { "watch/many", test_watch_many },
    { "watch/regular-file", test_watch_regular_file },
    { "timer/heap-10000", test_timer_heap },
    { "timer/in-callbacks", test_timer_in_callbacks },
    { "timer/waits", test_timer_waits },
  };

  g_test_init (&argc, &argv, NULL);
  add_backend_tests (tests, G_N_ELEMENTS (tests));
  return g_test_run ();
}
