/* SPDX-License-Identifier: MIT */
/* The scanner: every way to look at octets says the same as machine words do, which know no strides; and what is widened is what octet by octet
 * would come out. */
#include <string.h>

#include "core/message/policy.h"
#include "core/message/scan.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
check_scan (const VdScan *begin, const guint8 *data, gsize size)
{
  VdScan wanted = *begin;
  const gsize end = vd_scan_ways[0].scan (&wanted, data, size);

  for (const VdScanWay *way = vd_scan_ways + 1; way->name != NULL; way++)
    {
      VdScan got = *begin;

      if (!way->usable ())
        continue;
      const gsize stop = way->scan (&got, data, size);

      g_assert (got.too_long == wanted.too_long && got.lines == wanted.lines);
      if (wanted.too_long)
        continue;
      g_assert (stop == end && got.line_start == wanted.line_start && got.line_size == wanted.line_size);
      g_assert (got.eight_bit == wanted.eight_bit && got.lone_line_feeds == wanted.lone_line_feeds);
      g_assert (got.leading_dots == wanted.leading_dots);
    }
}

/* A body's state, octet by octet; `begin` is at the beginning of a line. */
static void
check_widen (const VdScan *begin, const guint8 *data, gsize size)
{
  const gsize room = 3 * size + 3;
  g_autofree guint8 *to = g_malloc (room);

  for (const VdScanWay *way = vd_scan_ways; way->name != NULL; way++)
    {
      VdScan got = *begin;
      gsize written = 0, n = 0;
      guint64 lone = 0;

      if (!way->usable ())
        continue;
      const gsize taken = way->widen (&got, data, size, to, room, &written);

      g_assert (taken <= size && written <= room);
      for (gsize at = 0; at < taken; at++)
        {
          const guint8 before = at == 0 ? '\n' : data[at - 1];

          g_assert (data[at] != '\0' && (data[at] != '\r' || (at + 1 < taken && data[at + 1] == '\n')));
          if (data[at] == '\n' && before != '\r')
            {
              g_assert (n < written && to[n++] == '\r');
              lone++;
            }
          if (data[at] == '.' && before == '\n' && begin->stop_at_dots)
            g_assert (n < written && to[n++] == '.');
          g_assert (n < written && to[n++] == data[at]);
        }
      g_assert (n == written && got.lone_line_feeds == lone);
      g_assert (taken == 0 || got.line_start == (data[taken - 1] == '\n'));
    }
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  if (size < 2)
    return 0;
  VdScan begin = { .stop_at_dots = (data[0] & 1) != 0,
                   .stop_at_line_feeds = (data[0] & 2) != 0,
                   .allow_long_lines = (data[0] & 4) != 0,
                   .line_start = (data[0] & 8) != 0 };
  begin.line_size = begin.line_start ? 0 : (guint64) data[1] * 4;
  /* A copy of its own: what is read beyond it shows. */
  g_autofree guint8 *text = g_memdup2 (data + 2, size - 2);

  check_scan (&begin, text, size - 2);
  begin.line_start = TRUE;
  begin.line_size = 0;
  check_widen (&begin, text, size - 2);
  return 0;
}
