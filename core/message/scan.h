/* SPDX-License-Identifier: MIT */
/* scan - the inner loop of the body writer: how far may octets be passed on as they are?
 *
 * Pure, cannot fail.  Ordinary text, with line ends at usual distances and nothing that needs a change, goes by strides of a few hundred
 * octets; anything else is looked at 64 octets at a time as bit masks.  Where vectors and masks come from (SSE2, AVX2, AVX-512, NEON, machine words)
 * is the only thing that the ways differ in, and every way gives the same answers. */
#ifndef VD_SCAN_H
#define VD_SCAN_H

#include <glib.h>

/* What is known of the content so far.  Begin with zeros, line_start TRUE, and what to stop at. */
typedef struct
{
  gboolean stop_at_dots;       /* at a dot that begins a line */
  gboolean stop_at_line_feeds; /* at an LF without CR before it; FALSE: it is counted and ends a line */

  gboolean line_start;     /* the next octet begins a line */
  gboolean eight_bit;      /* an octet >= 0x80 was passed */
  gboolean too_long;       /* a line of more than VD_LINE_MAX octets was met: the scan ended at once, `lines` tells which */
  guint64 line_size;       /* octets of the line at hand, without its end */
  guint64 lines;           /* line ends passed */
  guint64 lone_line_feeds; /* of these, LF without CR */
  gboolean leading_dots;   /* a dot that begins a line was passed */
  gboolean allow_long_lines;
} VdScan;

/* How many octets of `data` can be passed on.  It ends before NUL; before a CR that no LF follows within `data`; and before what
 * the caller wants to stop at.  An LF at the very beginning counts as one without CR. */
gsize vd_scan (VdScan *scan, const guint8 *data, gsize size);

/* For text that has something to be put in at every line: copies octets to `to`, up to `room` of them, CRLF for each LF without CR and, where
 * `stop_at_dots` is, two dots for one that begins a line.  How many octets of `data` it took, and how many it wrote; none, or fewer than
 * there are, where vd_scan() has to tell what comes next: near the end, before NUL, a CR without LF, or what may be a long line. */
gsize vd_scan_widen (VdScan *scan, const guint8 *data, gsize size, guint8 *to, gsize room, gsize *ret_written);

/* ---- the ways, for the tests ---- */

typedef struct
{
  const char *name;
  gsize (*scan) (VdScan *scan, const guint8 *data, gsize size);
  gsize (*widen) (VdScan *scan, const guint8 *data, gsize size, guint8 *to, gsize room, gsize *ret_written);
  gboolean (*usable) (void); /* on this machine */
} VdScanWay;

/* Those that this program was compiled with; the last has no name. */
extern const VdScanWay vd_scan_ways[];

#endif
