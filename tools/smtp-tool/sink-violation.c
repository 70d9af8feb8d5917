/* SPDX-License-Identifier: MIT */
/* sink-violation - see sink-violation.h. */
#include "sink-violation.h"

#define SINK_VIOLATION_NAME(id, name) [SINK_VIOLATION_##id] = name,
static const gchar *const names[SINK_N_VIOLATIONS] = { SINK_VIOLATIONS (SINK_VIOLATION_NAME) };

const gchar *
sink_violation_name (SinkViolation violation)
{
  g_return_val_if_fail (violation < SINK_N_VIOLATIONS, "unknown");
  return names[violation];
}
