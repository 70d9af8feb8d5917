/* SPDX-License-Identifier: MIT */
/* body - the one writer of message content: any input becomes CRLF lines, dots are stuffed, the end is marked.
 *
 * The only place that turns message octets into wire octets (NRM-1, NRM-2, DAT-3, DAT-4).  Pure but for the reader it pulls
 * from.  Spans refer to the head, to the reader's slice, to static octets ("\r\n", ".") and, where runs between insertions are
 * short, to a block in which they were gathered: well-formed content is never copied, and large content comes in spans of at least
 * 16 KiB but for single octets between them.
 *
 * Guarantees on the wire form, for every input and every slicing of it: CR and LF occur only as CRLF; in data mode a line
 * that begins with a dot gets a second one; the content ends with CRLF, then in data mode ".\r\n".  A lone LF becomes CRLF;
 * a lone CR becomes CRLF or is an error by policy; NUL is an error.  After a failure nothing further is produced: above all,
 * no final dot. */
#ifndef VD_BODY_H
#define VD_BODY_H

#include <glib.h>

#include "core/message/chart.h"
#include "core/message/policy.h"
#include "core/message/source.h"

typedef enum
{
  VD_BODY_DATA, /* dot-stuffed, ended by a lone dot */
  VD_BODY_BDAT  /* exact octets, no dots, no terminator */
} VdBodyMode;

typedef struct VdBody VdBody;

/* Content is `head` (a complete header section, with the separating empty line if there is a body), then all that `reader`
 * gives, then `tail`, which begins on a line of its own; each may be NULL.  The reader is owned by the body from here on. */
VdBody *vd_body_new (VdBodyMode mode, const VdBodyPolicy *policy, GBytes *head, VdReader *reader, GBytes *tail);
void vd_body_free (VdBody *body);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VdBody, vd_body_free)

/* Content must come to exactly `size` octets (as VdBodyFacts counts them), else vd_body_next() fails before more, or the
 * end, is given out: a source that changed since it was scanned can neither overrun a BDAT chunk nor end a message early. */
void vd_body_expect (VdBody *body, guint64 size);

/* What is known of the octets that `reader` gives, which cannot have changed since vd_survey() found it. */
typedef struct
{
  guint64 reader_at;    /* where in the source the reader begins */
  guint64 from;         /* known from here to the end */
  gboolean whole;       /* nothing there has to be put in for the mode at hand */
  const VdChart *chart; /* where something has; reference-counted by g_atomic_rc_box_*; NULL: anywhere, if not `whole` */
} VdBodyTrust;

/* Before the first vd_body_next(): such octets go out as they are, without a look at them. */
void vd_body_trust (VdBody *body, const VdBodyTrust *trust);

/* Fills up to `max` (at least 8) spans with the next wire octets, valid until the next call. *ret_end is TRUE with the last
 * of them (they may be none); after that no call is allowed. */
gboolean vd_body_next (VdBody *body, VeredaSpan *spans, gsize max, gsize *ret_n, gboolean *ret_end, GError **error);

/* What a whole pass over content found, for SIZE, 8BITMIME and the checks before any connection. */
typedef struct
{
  guint64 size;       /* octets after normalisation, without stuffing and terminator (SIZ-1) */
  gboolean eight_bit; /* an octet >= 0x80 */
  guint64 lines;
  gboolean dots; /* a line begins with one */
} VdBodyFacts;

/* Reads `reader` to its end as vd_body_next would (taking it over), and reports.  Errors name the line number, counted from
 * `first_line`. */
gboolean
vd_body_scan (const VdBodyPolicy *policy, VdReader *reader, guint64 first_line, VdBodyFacts *ret_facts, GError **error);

/* The same, and `chart` gets marks where vd_body_next would put something in; `at` is the place of the reader's first octet. */
gboolean vd_body_chart (const VdBodyPolicy *policy, VdReader *reader, guint64 first_line, VdChart *chart, guint64 at,
                        VdBodyFacts *ret_facts, GError **error);

#endif
