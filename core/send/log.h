/* SPDX-License-Identifier: MIT */
/* log - the attempts of a lane, in order; rows since a connection's beginning are copied into the results of the messages it carries. */
#ifndef VD_LOG_H
#define VD_LOG_H

#include "core/base/trace.h"
#include "core/send/result.h"

typedef struct
{
  GPtrArray *attempts; /* of VeredaAttempt */
  gint64 started;      /* monotonic microseconds */
  guint64 serial;      /* of this walk; no two are alike in a process */
  VdTrace trace;
} VdLog;

void vd_log_init (VdLog *log, const VdTrace *trace, gint64 now);
/* Forgets the rows: what begins now is another walk. */
void vd_log_restart (VdLog *log, gint64 now);
void vd_log_clear (VdLog *log);
/* Adds the rows of a log, from index `from` on, to a result. */
void vd_log_copy (const VdLog *log, guint from, VeredaResult *result);

#endif
