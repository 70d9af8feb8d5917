/* SPDX-License-Identifier: MIT */
/* reactor - one thread's wait and dispatch over a backend (epoll or poll).
 *
 * Two rules keep callbacks free to do anything: a watch freed inside a turn goes to a graveyard until the turn ends, so that an event already
 * reported for it finds it; and changes of interest are written to the kernel once, before the next wait.  Fails only as reactor.h says. */
#include "core/net/reactor.h"

#include <errno.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/timerfd.h>
#endif

#include "core/base/error.h"
#include "core/net/inbox.h"
#include "core/net/reactor-backend.h"
#include "core/net/timers.h"

typedef struct
{
  VdDeferFunc func; /* NULL: forgotten */
  gpointer data;
} Deferred;

struct VdReactor
{
  const VdReactorBackend *backend;
  gpointer wait;
  VdInbox *inbox;
  VdWatch *inbox_watch;
  VdTimers timers;
  GArray *deferred;  /* Deferred, for the next turn */
  GArray *running;   /* Deferred, those of this turn */
  GPtrArray *dirty;  /* VdWatch to arm before the next wait */
  GPtrArray *forced; /* VdWatch that the system cannot watch */
  GPtrArray *graveyard;
  guint watches; /* that exist, ours included */
  gboolean in_turn;
  gint64 now;
  int timer_fd; /* mirrors the next deadline once somebody asked for our descriptor; else -1 */
  VdWatch *timer_watch;
  gint64 mirrored; /* what timer_fd was set to */
  VdReady ready[VD_READY_MAX];
};

/* --- watches --- */

static void
arm (VdReactor *reactor, VdWatch *watch)
{
  watch->dirty = FALSE;
  if (watch->wanted == watch->armed)
    return;
  if (!watch->forced && reactor->backend->arm (reactor->wait, watch, watch->wanted))
    {
      watch->armed = watch->wanted;
      return;
    }
  /* Taking one out fails only when its descriptor was closed, which took it out already. */
  watch->armed = watch->wanted;
  if (watch->wanted == 0 || watch->forced)
    return;
  watch->forced = TRUE;
  g_ptr_array_add (reactor->forced, watch);
}

static void
arm_dirty (VdReactor *reactor)
{
  for (guint i = 0; i < reactor->dirty->len; i++)
    arm (reactor, (VdWatch *) reactor->dirty->pdata[i]);
  g_ptr_array_set_size (reactor->dirty, 0);
}

VdWatch *
vd_reactor_watch (VdReactor *reactor, int fd, VdWatchFunc func, gpointer data)
{
  g_return_val_if_fail (fd >= 0 && func != NULL, NULL);
  VdWatch *watch = g_new0 (VdWatch, 1);
  watch->reactor = reactor;
  watch->func = func;
  watch->data = data;
  watch->fd = fd;
  reactor->watches++;
  return watch;
}

static void mirror_deadline (VdReactor *reactor);

void
vd_watch_set (VdWatch *watch, gboolean want_read, gboolean want_write)
{
  VdReactor *reactor = watch->reactor;

  watch->wanted = (guint8) ((want_read ? VD_WANT_READ : 0) | (want_write ? VD_WANT_WRITE : 0));
  if (watch->dirty || watch->wanted == watch->armed)
    return;
  if (!reactor->in_turn)
    {
      arm (reactor, watch);
      mirror_deadline (reactor);
      return;
    }
  watch->dirty = TRUE;
  g_ptr_array_add (reactor->dirty, watch);
}

void
vd_watch_free (VdWatch *watch)
{
  if (watch == NULL)
    return;
  VdReactor *reactor = watch->reactor;
  if (watch->dirty)
    g_ptr_array_remove_fast (reactor->dirty, watch);
  if (watch->forced)
    g_ptr_array_remove_fast (reactor->forced, watch);
  else if (watch->armed != 0) /* now, not at the next wait: the descriptor is about to be closed */
    reactor->backend->arm (reactor->wait, watch, 0);
  watch->func = NULL;
  reactor->watches--;
  if (reactor->in_turn)
    g_ptr_array_add (reactor->graveyard, watch);
  else
    g_free (watch);
}

/* --- timers and deferred calls --- */

VdTimer *
vd_reactor_timer (VdReactor *reactor, VdTimerFunc func, gpointer data)
{
  g_return_val_if_fail (func != NULL, NULL);
  return vd_timers_add (&reactor->timers, func, data);
}

void
vd_reactor_timers_changed (VdReactor *reactor)
{
  if (!reactor->in_turn)
    mirror_deadline (reactor);
}

void
vd_reactor_defer (VdReactor *reactor, VdDeferFunc func, gpointer data)
{
  Deferred call = { func, data };
  g_return_if_fail (func != NULL);
  g_array_append_val (reactor->deferred, call);
  if (!reactor->in_turn)
    mirror_deadline (reactor);
}

static void
forget (GArray *calls, VdDeferFunc func, gpointer data)
{
  for (guint i = 0; i < calls->len; i++)
    {
      Deferred *call = &g_array_index (calls, Deferred, i);
      if (call->func == func && call->data == data)
        call->func = NULL;
    }
}

void
vd_reactor_undefer (VdReactor *reactor, VdDeferFunc func, gpointer data)
{
  forget (reactor->deferred, func, data);
  forget (reactor->running, func, data);
}

static void
run_deferred (VdReactor *reactor)
{
  GArray *calls = reactor->deferred;

  if (calls->len == 0)
    return;
  reactor->deferred = reactor->running;
  reactor->running = calls;
  for (guint i = 0; i < calls->len; i++)
    {
      Deferred call = g_array_index (calls, Deferred, i);
      if (call.func != NULL)
        call.func (call.data);
    }
  g_array_set_size (calls, 0);
}

/* --- the turn --- */

gint64
vd_reactor_now (VdReactor *reactor)
{
  return reactor->in_turn ? reactor->now : g_get_monotonic_time ();
}

gint64
vd_reactor_next_deadline (VdReactor *reactor)
{
  gboolean forced = FALSE;

  for (guint i = 0; i < reactor->forced->len; i++)
    forced |= ((VdWatch *) reactor->forced->pdata[i])->wanted != 0;
  return reactor->deferred->len > 0 || forced ? 0 : vd_timers_next (&reactor->timers, g_get_monotonic_time ());
}

static gint64
wait_length (VdReactor *reactor, gint64 max_wait_us)
{
  gint64 next = vd_reactor_next_deadline (reactor);

  if (next < 0)
    return max_wait_us;
  gint64 left = next - g_get_monotonic_time ();
  if (left < 0)
    left = 0;
  return max_wait_us >= 0 && max_wait_us < left ? max_wait_us : left;
}

static void
dispatch_watch (VdWatch *watch, guint8 ready)
{
  if (watch->func == NULL || (ready & watch->wanted) == 0) /* freed, or no longer wanted, earlier in this turn */
    return;
  watch->func (watch->data, (ready & VD_WANT_READ) != 0, (ready & VD_WANT_WRITE) != 0);
}

static void
dispatch_forced (VdReactor *reactor)
{
  if (reactor->forced->len == 0)
    return;
  g_autoptr (GPtrArray) forced = g_ptr_array_copy (reactor->forced, NULL, NULL);
  for (guint i = 0; i < forced->len; i++)
    {
      VdWatch *watch = (VdWatch *) forced->pdata[i];
      dispatch_watch (watch, watch->wanted);
    }
}

gboolean
vd_reactor_turn (VdReactor *reactor, gint64 max_wait_us, GError **error)
{
  g_return_val_if_fail (!reactor->in_turn, TRUE);
  int n = reactor->backend->wait (reactor->wait, wait_length (reactor, max_wait_us), reactor->ready);
  if (n < 0)
    {
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_INTERNAL, "Waiting for network events failed (%s): %s",
                   reactor->backend->name, g_strerror (-n));
      return FALSE;
    }
  reactor->in_turn = TRUE;
  reactor->now = g_get_monotonic_time ();
  run_deferred (reactor);
  dispatch_forced (reactor);
  for (int i = 0; i < n; i++)
    dispatch_watch (reactor->ready[i].watch, reactor->ready[i].ready);
  vd_timers_fire (&reactor->timers, reactor->now);
  reactor->in_turn = FALSE;

  for (guint i = 0; i < reactor->graveyard->len; i++)
    g_free (reactor->graveyard->pdata[i]);
  g_ptr_array_set_size (reactor->graveyard, 0);
  arm_dirty (reactor);
  mirror_deadline (reactor);
  return TRUE;
}

/* --- foreign event loops --- */

#ifdef __linux__
static void
mirror_deadline (VdReactor *reactor)
{
  if (reactor->timer_fd < 0)
    return;
  gint64 next = vd_reactor_next_deadline (reactor);
  if (next == reactor->mirrored)
    return;
  struct itimerspec when = { 0 };
  if (next >= 0)
    {
      when.it_value.tv_sec = (time_t) (next / G_USEC_PER_SEC);
      when.it_value.tv_nsec = (long) (next % G_USEC_PER_SEC) * 1000;
      if (next == 0)
        when.it_value.tv_nsec = 1; /* zero would disarm; the past fires at once */
    }
  timerfd_settime (reactor->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
  reactor->mirrored = next;
}

static void
on_timer_fd (gpointer data, gboolean readable, gboolean writable)
{
  VdReactor *reactor = (VdReactor *) data;
  guint64 times;
  ssize_t n;

  do
    n = read (reactor->timer_fd, &times, sizeof times);
  while (n < 0 && errno == EINTR);
  reactor->mirrored = -1; /* expired: set again at the end of this turn, even to the same value */
}

int
vd_reactor_get_fd (VdReactor *reactor)
{
  if (reactor->backend->get_fd == NULL)
    return -1;
  if (reactor->timer_fd < 0)
    {
      reactor->timer_fd = timerfd_create (CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
      if (reactor->timer_fd < 0)
        return -1;
      reactor->timer_watch = vd_reactor_watch (reactor, reactor->timer_fd, on_timer_fd, reactor);
      vd_watch_set (reactor->timer_watch, TRUE, FALSE);
      reactor->mirrored = -1;
      if (!reactor->in_turn)
        mirror_deadline (reactor);
    }
  return reactor->backend->get_fd (reactor->wait);
}
#else
static void
mirror_deadline (VdReactor *reactor)
{
}

int
vd_reactor_get_fd (VdReactor *reactor)
{
  return -1;
}
#endif

/* --- other threads --- */

static void
on_inbox (gpointer data, gboolean readable, gboolean writable)
{
  vd_inbox_run (((VdReactor *) data)->inbox);
}

VdInbox *
vd_reactor_inbox (VdReactor *reactor)
{
  return vd_inbox_ref (reactor->inbox);
}

void
vd_reactor_wake (VdReactor *reactor)
{
  vd_inbox_wake (reactor->inbox);
}

/* --- life --- */

VdReactor *
vd_reactor_new_with (const VdReactorBackend *backend, GError **error)
{
  VdInbox *inbox = vd_inbox_new (error);
  if (inbox == NULL)
    return NULL;
  gpointer wait = backend->create (error);
  if (wait == NULL)
    {
      vd_inbox_close (inbox);
      vd_inbox_unref (inbox);
      return NULL;
    }
  VdReactor *reactor = g_new0 (VdReactor, 1);
  reactor->backend = backend;
  reactor->wait = wait;
  reactor->inbox = inbox;
  vd_timers_init (&reactor->timers, reactor);
  reactor->deferred = g_array_new (FALSE, FALSE, sizeof (Deferred));
  reactor->running = g_array_new (FALSE, FALSE, sizeof (Deferred));
  reactor->dirty = g_ptr_array_new ();
  reactor->forced = g_ptr_array_new ();
  reactor->graveyard = g_ptr_array_new ();
  reactor->timer_fd = -1;
  reactor->mirrored = -1;
  reactor->inbox_watch = vd_reactor_watch (reactor, vd_inbox_fd (inbox), on_inbox, reactor);
  vd_watch_set (reactor->inbox_watch, TRUE, FALSE);
  return reactor;
}

VdReactor *
vd_reactor_new (GError **error)
{
#ifdef __linux__
  return vd_reactor_new_with (&vd_reactor_epoll, error);
#else
  return vd_reactor_new_with (&vd_reactor_poll, error);
#endif
}

void
vd_reactor_free (VdReactor *reactor)
{
  if (reactor == NULL)
    return;
  g_return_if_fail (!reactor->in_turn);
  vd_watch_free (reactor->inbox_watch);
  vd_watch_free (reactor->timer_watch);
  if (reactor->timer_fd >= 0)
    close (reactor->timer_fd);
  vd_inbox_close (reactor->inbox); /* its letters may still free watches and timers of ours */
  vd_inbox_unref (reactor->inbox);
  if (reactor->watches != 0 || reactor->timers.count != 0)
    g_critical ("reactor freed before %u watches and %u timers of it", reactor->watches, reactor->timers.count);
  reactor->backend->destroy (reactor->wait);
  vd_timers_clear (&reactor->timers);
  g_array_unref (reactor->deferred);
  g_array_unref (reactor->running);
  g_ptr_array_unref (reactor->dirty);
  g_ptr_array_unref (reactor->forced);
  g_ptr_array_unref (reactor->graveyard);
  g_free (reactor);
}
