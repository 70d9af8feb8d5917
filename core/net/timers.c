/* SPDX-License-Identifier: MIT */
/* timers - the reactor's heap of deadlines: each timer knows its place, so setting and freeing cost O(log n).
 *
 * What a connection does most is to put its deadline off: each octet that comes does.  That only writes the new deadline down; the heap goes by
 * an older, earlier key, and the timer is moved to where it belongs when that comes up.
 *
 * Pure.  Cannot fail. */
#include "core/net/timers.h"

#define NOWHERE G_MAXUINT

struct VdTimer
{
  VdTimers *timers;
  VdTimerFunc func;
  gpointer data;
  gint64 deadline; /* -1 while disarmed */
  gint64 key;      /* in the heap: the deadline, or one before it was put off */
  guint64 order;   /* equal deadlines fire in the order set */
  guint64 rank;    /* in the heap: the order that goes with the key */
  guint place;     /* in the heap, or NOWHERE */
  guint due_place; /* in the list of the turn that is firing, or NOWHERE */
};

static inline VdTimer *
timer_at (const GPtrArray *array, guint i)
{
  return (VdTimer *) array->pdata[i];
}

static inline gboolean
earlier (const VdTimer *a, const VdTimer *b)
{
  return a->key != b->key ? a->key < b->key : a->rank < b->rank;
}

static inline void
put (GPtrArray *heap, guint i, VdTimer *timer)
{
  heap->pdata[i] = timer;
  timer->place = i;
}

static void
sift_up (GPtrArray *heap, guint i, VdTimer *timer)
{
  while (i > 0)
    {
      guint parent = (i - 1) / 2;
      if (!earlier (timer, timer_at (heap, parent)))
        break;
      put (heap, i, timer_at (heap, parent));
      i = parent;
    }
  put (heap, i, timer);
}

static void
sift_down (GPtrArray *heap, guint i, VdTimer *timer)
{
  for (;;)
    {
      guint child = 2 * i + 1;
      if (child >= heap->len)
        break;
      if (child + 1 < heap->len && earlier (timer_at (heap, child + 1), timer_at (heap, child)))
        child++;
      if (!earlier (timer_at (heap, child), timer))
        break;
      put (heap, i, timer_at (heap, child));
      i = child;
    }
  put (heap, i, timer);
}

static void
sift (GPtrArray *heap, guint i, VdTimer *timer)
{
  if (i > 0 && earlier (timer, timer_at (heap, (i - 1) / 2)))
    sift_up (heap, i, timer);
  else
    sift_down (heap, i, timer);
}

static void
heap_remove (GPtrArray *heap, VdTimer *timer)
{
  guint i = timer->place;
  VdTimer *last = timer_at (heap, heap->len - 1);

  g_ptr_array_set_size (heap, (int) heap->len - 1);
  if (last != timer)
    sift (heap, i, last);
  timer->place = NOWHERE;
}

static void
disarm (VdTimer *timer)
{
  if (timer->place != NOWHERE)
    heap_remove (timer->timers->heap, timer);
  if (timer->due_place != NOWHERE)
    timer->timers->due->pdata[timer->due_place] = NULL;
  timer->due_place = NOWHERE;
  timer->deadline = -1;
}

void
vd_timers_init (VdTimers *timers, VdReactor *reactor)
{
  timers->heap = g_ptr_array_new ();
  timers->due = g_ptr_array_new ();
  timers->order = 0;
  timers->count = 0;
  timers->reactor = reactor;
}

void
vd_timers_clear (VdTimers *timers)
{
  g_ptr_array_unref (timers->heap);
  g_ptr_array_unref (timers->due);
}

VdTimer *
vd_timers_add (VdTimers *timers, VdTimerFunc func, gpointer data)
{
  VdTimer *timer = g_new (VdTimer, 1);
  *timer = (VdTimer){ .timers = timers, .func = func, .data = data, .deadline = -1, .place = NOWHERE, .due_place = NOWHERE };
  timers->count++;
  return timer;
}

/* Keys up to `until` that are not deadlines any more become them: after that the first one is. */
static void
settle (VdTimers *timers, gint64 until)
{
  while (timers->heap->len > 0)
    {
      VdTimer *timer = timer_at (timers->heap, 0);
      if (timer->key == timer->deadline || timer->key > until)
        return;
      timer->key = timer->deadline;
      timer->rank = timer->order;
      sift_down (timers->heap, 0, timer);
    }
}

gint64
vd_timers_next (VdTimers *timers, gint64 now)
{
  settle (timers, now + G_USEC_PER_SEC);
  return timers->heap->len == 0 ? -1 : timer_at (timers->heap, 0)->key;
}

void
vd_timers_fire (VdTimers *timers, gint64 now)
{
  GPtrArray *due = timers->due;

  for (settle (timers, now); timers->heap->len > 0 && timer_at (timers->heap, 0)->key <= now; settle (timers, now))
    {
      VdTimer *timer = timer_at (timers->heap, 0);
      heap_remove (timers->heap, timer);
      timer->due_place = due->len;
      g_ptr_array_add (due, timer);
    }
  for (guint i = 0; i < due->len; i++)
    {
      VdTimer *timer = timer_at (due, i);
      if (timer == NULL)
        continue;
      timer->due_place = NOWHERE;
      timer->deadline = -1;
      timer->func (timer->data);
    }
  g_ptr_array_set_size (due, 0);
}

void
vd_timer_set (VdTimer *timer, gint64 deadline_us)
{
  VdTimers *timers = timer->timers;
  gint64 deadline = deadline_us < -1 ? 0 : deadline_us;

  if (deadline == -1)
    disarm (timer);
  else
    {
      if (timer->due_place != NOWHERE)
        disarm (timer);
      timer->deadline = deadline;
      timer->order = timers->order++;
      if (timer->place == NOWHERE)
        {
          timer->key = deadline;
          timer->rank = timer->order;
          g_ptr_array_add (timers->heap, timer);
          sift_up (timers->heap, timers->heap->len - 1, timer);
        }
      else if (deadline > timer->key)
        return; /* the order among equals is looked at when the key has become the deadline */
      else
        {
          timer->key = deadline;
          timer->rank = timer->order;
          sift (timers->heap, timer->place, timer);
        }
    }
  vd_reactor_timers_changed (timers->reactor);
}

gint64
vd_timer_get (const VdTimer *timer)
{
  return timer->deadline;
}

void
vd_timer_free (VdTimer *timer)
{
  if (timer == NULL)
    return;
  VdTimers *timers = timer->timers;
  disarm (timer);
  timers->count--;
  g_free (timer);
  vd_reactor_timers_changed (timers->reactor);
}
