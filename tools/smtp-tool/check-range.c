/* SPDX-License-Identifier: MIT */
/* check-range - see check-range.h. */
#include "check-range.h"

#include <math.h>
#include <string.h>

static gboolean
read_number (const char *text, gsize size, double *ret)
{
  g_autofree char *copy = g_strndup (text, size);
  char *end = NULL;

  *ret = g_ascii_strtod (copy, &end);
  return size > 0 && *end == '\0' && isfinite (*ret);
}

gboolean
range_parse (const char *text, Range *ret_range)
{
  Range range = { 0, INFINITY, *text == '@' };

  text += range.inside ? 1 : 0;
  const char *colon = strchr (text, ':');
  if (colon == NULL)
    {
      if (!read_number (text, strlen (text), &range.to))
        return FALSE;
    }
  else
    {
      if (colon == text + 1 && *text == '~')
        range.from = -INFINITY;
      else if (colon > text && !read_number (text, (gsize) (colon - text), &range.from))
        return FALSE;
      if (colon[1] != '\0' && !read_number (colon + 1, strlen (colon + 1), &range.to))
        return FALSE;
      if (colon == text && colon[1] == '\0')
        return FALSE;
    }
  if (range.from > range.to)
    return FALSE;
  *ret_range = range;
  return TRUE;
}

gboolean
range_alerts (const Range *range, double value)
{
  const gboolean within = value >= range->from && value <= range->to;

  return range->inside ? within : !within;
}
