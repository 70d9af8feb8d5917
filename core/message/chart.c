/* SPDX-License-Identifier: MIT */
/* chart - a row of bits.  See chart.h. */
#include "core/message/chart.h"

#include <string.h>

#define BLOCK_MIN 14u /* doublings of an octet: a smaller block is looked at again as fast as its bit */

void
vd_chart_init (VdChart *chart, guint64 size)
{
  memset (chart, 0, sizeof *chart);
  chart->shift = BLOCK_MIN;
  while (size >> chart->shift >= VD_CHART_BLOCKS)
    chart->shift++;
}

void
vd_chart_mark (VdChart *chart, guint64 from, guint64 to)
{
  if (from == to)
    return;
  for (guint64 block = from >> chart->shift; block <= (to - 1) >> chart->shift; block++)
    chart->marks[block / 64] |= G_GUINT64_CONSTANT (1) << block % 64;
}

static gboolean
is_marked (const VdChart *chart, guint64 place)
{
  const guint64 block = place >> chart->shift;

  return (chart->marks[block / 64] >> block % 64 & 1) != 0;
}

guint64
vd_chart_block_end (const VdChart *chart, guint64 from, guint64 to)
{
  return MIN (((from >> chart->shift) + 1) << chart->shift, to);
}

guint64
vd_chart_stretch (const VdChart *chart, guint64 from, guint64 to, gboolean *ret_clear)
{
  guint64 end = vd_chart_block_end (chart, from, to);

  *ret_clear = !is_marked (chart, from);
  while (end < to && is_marked (chart, end) != *ret_clear)
    end = vd_chart_block_end (chart, end, to);
  return end;
}

gboolean
vd_chart_is_clear (const VdChart *chart, guint64 from, guint64 to)
{
  gboolean clear = TRUE;

  return from == to || (vd_chart_stretch (chart, from, to, &clear) == to && clear);
}

void
vd_chart_add (VdChart *chart, const VdChart *other)
{
  g_return_if_fail (chart->shift == other->shift);
  for (guint i = 0; i < G_N_ELEMENTS (chart->marks); i++)
    chart->marks[i] |= other->marks[i];
}
