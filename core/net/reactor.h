/* SPDX-License-Identifier: MIT */
/* reactor - one thread's wait: descriptors, timers, deferred calls, and calls posted from other threads.
 *
 * Owns an epoll (Linux) or a poll set, and nothing of the descriptors it watches.  Everything here belongs to the thread that runs
 * vd_reactor_turn(), except VdInbox and vd_reactor_wake().  Creating one can fail for want of descriptors; after that only the
 * wait itself can.  Callbacks may do anything but run a turn of, or free, their own reactor. */
#ifndef VD_REACTOR_H
#define VD_REACTOR_H

#include <glib.h>

typedef struct VdReactor VdReactor;
typedef struct VdWatch VdWatch;
typedef struct VdTimer VdTimer;
typedef struct VdInbox VdInbox;

typedef void (*VdWatchFunc) (gpointer data, gboolean readable, gboolean writable);
typedef void (*VdTimerFunc) (gpointer data);
typedef void (*VdDeferFunc) (gpointer data);

/* Error: VEREDA_ERROR_INTERNAL with the system's reason (descriptor limit). */
VdReactor *vd_reactor_new (GError **error);
/* Watches and timers are freed before (checked); calls still posted are dropped, their data destroyed.  NULL is fine. */
void vd_reactor_free (VdReactor *reactor);

/* Waits at most `max_wait_us` (-1: until something happens; 0: looks only) and dispatches: deferred calls, then descriptors and
 * posted calls, then timers, so that an answer that came in time beats its time-out.  May return early without having done anything.
 * FALSE only when the wait itself failed. */
gboolean vd_reactor_turn (VdReactor *reactor, gint64 max_wait_us, GError **error);

/* Monotonic microseconds (g_get_monotonic_time); the same value throughout one turn's callbacks, fresh outside of a turn. */
gint64 vd_reactor_now (VdReactor *reactor);

/* --- watches: one per descriptor; level-triggered; a new one wants nothing --- */

/* The descriptor stays the caller's, must be non-blocking, and must stay open until vd_watch_free().  Never fails: a descriptor that the
 * system cannot watch is reported as ready for what is wanted in each turn. */
VdWatch *vd_reactor_watch (VdReactor *reactor, int fd, VdWatchFunc func, gpointer data);
/* Wanting nothing hears nothing, not even a hang-up.  While anything is wanted, hang-up and error report both TRUE.  Costs a system call
 * only when the set differs at the next wait. */
void vd_watch_set (VdWatch *watch, gboolean want_read, gboolean want_write);
/* Safe in any callback, its own included: no call comes afterwards.  NULL is fine. */
void vd_watch_free (VdWatch *watch);

/* --- timers: one-shot, re-armed by setting them again --- */

VdTimer *vd_reactor_timer (VdReactor *reactor, VdTimerFunc func, gpointer data);
/* Absolute, on vd_reactor_now()'s scale; one in the past fires in the next turn; -1 disarms.  Equal deadlines fire in the order set. */
void vd_timer_set (VdTimer *timer, gint64 deadline_us);
gint64 vd_timer_get (const VdTimer *timer); /* -1 while disarmed; a timer is disarmed when its call begins */
void vd_timer_free (VdTimer *timer);        /* safe in any callback; NULL is fine */

/* --- deferred calls --- */

/* Calls func (data) once in the next turn, which then does not wait. */
void vd_reactor_defer (VdReactor *reactor, VdDeferFunc func, gpointer data);
/* Forgets every call deferred with this pair that has not been made. */
void vd_reactor_undefer (VdReactor *reactor, VdDeferFunc func, gpointer data);

/* --- other threads --- */

/* From any thread, while the reactor lives: the present or the next wait returns. */
void vd_reactor_wake (VdReactor *reactor);

/* A reference to the reactor's inbox, which outlives it: what other threads hold. */
VdInbox *vd_reactor_inbox (VdReactor *reactor);
VdInbox *vd_inbox_ref (VdInbox *inbox);
void vd_inbox_unref (VdInbox *inbox);
/* From any thread, at any time.  func (data) runs in the reactor's thread; `destroy` (may be NULL) runs exactly once: after func, or
 * instead of it when the reactor is or goes away (then in whichever thread notices).  FALSE: it is gone, data was destroyed. */
gboolean vd_inbox_post (VdInbox *inbox, VdDeferFunc func, gpointer data, GDestroyNotify destroy);

/* --- foreign event loops --- */

/* A descriptor that is readable whenever a turn has something to do, deadlines included; from the first call on timers are mirrored in the
 * kernel.  Owned by the reactor.  -1 with the poll backend: then the application runs turns itself. */
int vd_reactor_get_fd (VdReactor *reactor);
/* When the next turn has to be at the latest: 0 at once, -1 no need. */
gint64 vd_reactor_next_deadline (VdReactor *reactor);

#endif
