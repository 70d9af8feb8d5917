/* SPDX-License-Identifier: MIT */
/* timers - the reactor's heap of deadlines.
 *
 * Pure: knows no clock, is told the time.  Internal to the reactor: others use vd_reactor_timer() and vd_timer_set(). */
#ifndef VD_TIMERS_H
#define VD_TIMERS_H

#include "core/net/reactor.h"
#include <glib.h>

typedef struct
{
  GPtrArray *heap; /* VdTimer, binary min-heap on their keys, which are their deadlines or earlier */
  GPtrArray *due;  /* taken out by vd_timers_fire, waiting for their call; NULL where freed or set again */
  guint64 order;
  guint count; /* timers that exist, armed or not */
  VdReactor *reactor;
} VdTimers;

void vd_timers_init (VdTimers *timers, VdReactor *reactor);
void vd_timers_clear (VdTimers *timers);
VdTimer *vd_timers_add (VdTimers *timers, VdTimerFunc func, gpointer data);
/* The earliest deadline; -1: none.  Where it is more than a second away it may be one that was put off since. */
gint64 vd_timers_next (VdTimers *timers, gint64 now);
/* Disarms and calls every timer due at `now`, earliest first.  What the calls set fires not before the next time. */
void vd_timers_fire (VdTimers *timers, gint64 now);

/* The reactor's: told whenever a timer was set or freed. */
void vd_reactor_timers_changed (VdReactor *reactor);

#endif
