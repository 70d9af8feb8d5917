/* SPDX-License-Identifier: MIT */
/* chart - where in a large body something has to be put in before it can be sent: a dot, a CR, a line end.
 *
 * Pure, cannot fail.  Of a fixed size whatever the size of the body: a bit stands for a block of octets, and the blocks grow with it.
 * A place that is not marked is sent as it is; a marked block may hold such places. */
#ifndef VD_CHART_H
#define VD_CHART_H

#include <glib.h>

#define VD_CHART_BLOCKS 4096u

typedef struct
{
  guint shift; /* a block has 1 << shift octets */
  guint64 marks[VD_CHART_BLOCKS / 64];
} VdChart;

/* Places are offsets below `size`. */
void vd_chart_init (VdChart *chart, guint64 size);
/* Both up to `to`, which is not among them. */
void vd_chart_mark (VdChart *chart, guint64 from, guint64 to);
gboolean vd_chart_is_clear (const VdChart *chart, guint64 from, guint64 to);

/* How far blocks are like the one of `from`, at most up to `to`, and whether that is marked. */
guint64 vd_chart_stretch (const VdChart *chart, guint64 from, guint64 to, gboolean *ret_clear);
/* Where the block of `from` ends, at most `to`. */
guint64 vd_chart_block_end (const VdChart *chart, guint64 from, guint64 to);

/* Adds the marks of a chart of the same size. */
void vd_chart_add (VdChart *chart, const VdChart *other);

#endif
