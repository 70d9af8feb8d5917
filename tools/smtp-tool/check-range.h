/* SPDX-License-Identifier: MIT */
/* check-range - thresholds in the syntax of the Monitoring Plugins' guidelines: "10", "10:", "~:10", "10:20", "@10:20".  Pure. */
#ifndef TOOL_CHECK_RANGE_H
#define TOOL_CHECK_RANGE_H

#include <glib.h>

typedef struct
{
  double from, to; /* infinite where open */
  gboolean inside; /* "@": alert inside instead of outside */
} Range;

gboolean range_parse (const char *text, Range *ret_range);
gboolean range_alerts (const Range *range, double value);

#endif
