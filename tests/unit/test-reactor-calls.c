/* SPDX-License-Identifier: MIT */
/* The reactor's calls: deferred, posted by other threads, woken, interrupted, and driven by a foreign loop; with both backends. */
#include "net-util.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>

typedef struct
{
  VdReactor *reactor;
  guint calls;
  guint destroyed;
  gboolean again;
  gboolean forget;
  gboolean flag;
} Call;

static void
on_call (gpointer data)
{
  Call *call = (Call *) data;
  call->calls++;
  call->flag = TRUE;
  if (call->again)
    vd_reactor_defer (call->reactor, on_call, call);
  if (call->forget)
    vd_reactor_undefer (call->reactor, on_call, call + 1);
}

static void
on_destroy (gpointer data)
{
  ((Call *) data)->destroyed++;
}

static void
test_defer (gconstpointer backend)
{
  VdReactor *reactor = reactor_of (backend);
  Call calls[3] = { { .reactor = reactor, .again = TRUE, .forget = TRUE }, { .reactor = reactor }, { .reactor = reactor } };

  for (guint i = 0; i < 3; i++)
    vd_reactor_defer (reactor, on_call, &calls[i]);
  vd_reactor_undefer (reactor, on_call, &calls[2]); /* before the turn */
  g_assert_cmpint (vd_reactor_next_deadline (reactor), ==, 0);
  turn (reactor, -1);
  g_assert_cmpuint (calls[0].calls, ==, 1); /* deferring again means the next turn */
  g_assert_cmpuint (calls[1].calls, ==, 0); /* forgotten by a call of the same turn */
  g_assert_cmpuint (calls[2].calls, ==, 0);
  calls[0].again = FALSE;
  turn (reactor, -1);
  g_assert_cmpuint (calls[0].calls, ==, 2);
  vd_reactor_defer (reactor, on_call, &calls[0]); /* left behind: freed without a call */
  vd_reactor_free (reactor);
  g_assert_cmpuint (calls[0].calls, ==, 2);
}

typedef struct
{
  VdInbox *inbox;
  Call *call;
} Poster;

static gpointer
post_many (gpointer data)
{
  Poster *poster = (Poster *) data;
  for (guint i = 0; i < 1000; i++)
    vd_inbox_post (poster->inbox, on_call, poster->call, on_destroy);
  vd_inbox_unref (poster->inbox);
  return NULL;
}

static void
test_inbox_threads (gconstpointer backend)
{
  VdReactor *reactor = reactor_of (backend);
  Call call = { .reactor = reactor };
  Poster posters[4];
  GThread *threads[4];

  for (guint i = 0; i < 4; i++)
    {
      posters[i] = (Poster){ vd_reactor_inbox (reactor), &call };
      threads[i] = g_thread_new ("post", post_many, &posters[i]);
    }
  gint64 end = g_get_monotonic_time () + PATIENCE_US;
  while (call.calls < 4000 && g_get_monotonic_time () < end)
    turn (reactor, -1);
  g_assert_cmpuint (call.calls, ==, 4000);
  g_assert_cmpuint (call.destroyed, ==, 4000);
  for (guint i = 0; i < 4; i++)
    g_thread_join (threads[i]);
  turn (reactor, 0);
  vd_reactor_free (reactor);
}

static void
test_inbox_outlives (gconstpointer backend)
{
  VdReactor *reactor = reactor_of (backend);
  VdInbox *inbox = vd_reactor_inbox (reactor);
  Call call = { 0 };

  g_assert_true (vd_inbox_post (inbox, on_call, &call, on_destroy));
  vd_reactor_free (reactor); /* with a letter waiting */
  g_assert_cmpuint (call.calls, ==, 0);
  g_assert_cmpuint (call.destroyed, ==, 1);
  g_assert_false (vd_inbox_post (inbox, on_call, &call, on_destroy));
  g_assert_cmpuint (call.destroyed, ==, 2);
  vd_inbox_unref (inbox);
}

static gpointer
wake_later (gpointer data)
{
  g_usleep (20000);
  vd_reactor_wake ((VdReactor *) data);
  return NULL;
}

static void
test_wake (gconstpointer backend)
{
  VdReactor *reactor = reactor_of (backend);
  GThread *thread = g_thread_new ("wake", wake_later, reactor);

  turn (reactor, -1); /* returns */
  g_thread_join (thread);
  vd_reactor_wake (reactor);
  vd_reactor_wake (reactor);
  turn (reactor, -1); /* two before a wait make one return … */
  gint64 begin = g_get_monotonic_time ();
  turn (reactor, 10000); /* … and not two */
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 10000);
  vd_reactor_free (reactor);
}

static void
test_now (gconstpointer backend)
{
  VdReactor *reactor = reactor_of (backend);
  gint64 before = vd_reactor_now (reactor);

  g_usleep (2000);
  g_assert_cmpint (vd_reactor_now (reactor), >=, before + 2000); /* fresh outside of a turn */
  vd_reactor_free (reactor);
}

/* --- foreign loops --- */

static int
readable_within (int fd, int ms)
{
  struct pollfd pfd = { .fd = fd, .events = POLLIN };
  return poll (&pfd, 1, ms);
}

static void
on_timer (gpointer data)
{
  ++*(guint *) data;
}

static void
test_foreign_loop (void)
{
  VdReactor *reactor = vd_reactor_new (NULL);
  guint fired = 0;
  VdTimer *timer = vd_reactor_timer (reactor, on_timer, &fired);
  Call call = { .reactor = reactor };
  int fd = vd_reactor_get_fd (reactor);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (readable_within (fd, 0), ==, 0); /* nothing to do */
  for (guint round = 0; round < 3; round++)
    {
      vd_timer_set (timer, g_get_monotonic_time () + 20000);
      g_assert_cmpint (readable_within (fd, 0), ==, 0);
      g_assert_cmpint (readable_within (fd, 10000), ==, 1); /* a deadline makes it readable */
      turn (reactor, 0);
      g_assert_cmpuint (fired, ==, round + 1);
      g_assert_cmpint (readable_within (fd, 0), ==, 0);
    }
  vd_timer_set (timer, 0);
  vd_timer_set (timer, -1);
  g_assert_cmpint (readable_within (fd, 5), ==, 0); /* disarmed again */

  vd_reactor_defer (reactor, on_call, &call);
  g_assert_cmpint (readable_within (fd, 10000), ==, 1); /* so does a deferred call … */
  call.again = TRUE;
  turn (reactor, 0);
  g_assert_cmpint (readable_within (fd, 10000), ==, 1); /* … one deferred inside a turn … */
  call.again = FALSE;
  turn (reactor, 0);
  g_assert_cmpuint (call.calls, ==, 2);
  g_assert_cmpint (readable_within (fd, 0), ==, 0);
  vd_reactor_wake (reactor);
  g_assert_cmpint (readable_within (fd, 10000), ==, 1); /* … and a wake-up */
  turn (reactor, 0);
  g_assert_cmpint (readable_within (fd, 0), ==, 0);
  vd_timer_free (timer);
  vd_reactor_free (reactor);
}

static void
on_signal (int number)
{
}

static gpointer
interrupt_later (gpointer data)
{
  g_usleep (20000);
  pthread_kill (*(pthread_t *) data, SIGUSR1);
  return NULL;
}

static void
test_interrupted (gconstpointer backend)
{
  VdReactor *reactor = reactor_of (backend);
  struct sigaction action = { .sa_handler = on_signal };
  struct sigaction old;
  pthread_t self = pthread_self ();

  sigaction (SIGUSR1, &action, &old);
  GThread *thread = g_thread_new ("signal", interrupt_later, &self);
  turn (reactor, PATIENCE_US); /* a signal ends the wait, and is no error: the application gets to look at it */
  g_thread_join (thread);
  sigaction (SIGUSR1, &old, NULL);
  vd_reactor_free (reactor);
}

static void
test_no_descriptor_with_poll (void)
{
  VdReactor *reactor = reactor_of (&vd_reactor_poll);
  g_assert_cmpint (vd_reactor_get_fd (reactor), ==, -1);
  vd_reactor_free (reactor);
}

int
main (int argc, char **argv)
{
  static const BackendTest tests[] = {
    { "defer", test_defer },
    { "inbox/threads", test_inbox_threads },
    { "inbox/outlives-reactor", test_inbox_outlives },
    { "wake", test_wake },
    { "now", test_now },
    { "interrupted", test_interrupted },
  };

  g_test_init (&argc, &argv, NULL);
  add_backend_tests (tests, G_N_ELEMENTS (tests));
  g_test_add_func ("/reactor/epoll/foreign-loop", test_foreign_loop);
  g_test_add_func ("/reactor/poll/no-descriptor", test_no_descriptor_with_poll);
  return g_test_run ();
}
