/* SPDX-License-Identifier: MIT */
/* log - see log.h.  Cannot fail. */
#include "core/send/log.h"

static guint64
next_serial (void)
{
  static gsize last; /* atomic: senders run in several threads */

  return (guint64) g_atomic_pointer_add (&last, 1) + 1;
}

void
vd_log_init (VdLog *log, const VdTrace *trace, gint64 now)
{
  log->attempts = g_ptr_array_new_with_free_func ((GDestroyNotify) vd_attempt_unref);
  log->started = now;
  log->serial = next_serial ();
  log->trace = *trace;
}

void
vd_log_restart (VdLog *log, gint64 now)
{
  g_ptr_array_set_size (log->attempts, 0);
  log->started = now;
  log->serial = next_serial ();
}

void
vd_log_clear (VdLog *log)
{
  g_clear_pointer (&log->attempts, g_ptr_array_unref);
}

void
vd_log_copy (const VdLog *log, guint from, VeredaResult *result)
{
  for (guint i = from; i < log->attempts->len; i++)
    vd_result_add_attempt (result, vd_attempt_ref (g_ptr_array_index (log->attempts, i)));
}
