/* SPDX-License-Identifier: MIT */
/* body - the one writer of message content: any input becomes CRLF lines, dots are stuffed, the end is marked.
 *
 * The only place that turns message octets into wire octets (NRM-1, NRM-2, DAT-3, DAT-4).  Pure but for the reader it pulls from.
 * Spans refer to the head, to the reader's slice and to static octets ("\r\n", "."): well-formed content is never copied.
 *
 * Guarantees on the wire form, for every input and every slicing of it: CR and LF occur only as CRLF; in data mode a line that begins
 * with a dot gets a second one; the content ends with CRLF, then in data mode ".\r\n".  A lone LF becomes CRLF; a lone CR becomes CRLF or
 * is an error by policy; NUL is an error.  After a failure nothing further is produced: above all, no final dot. */
#ifndef VD_BODY_H
#define VD_BODY_H

#include <glib.h>
#include "core/message/source.h"

typedef enum
{
  VD_BODY_DATA, /* dot-stuffed, ended by a lone dot */
  VD_BODY_BDAT  /* exact octets, no dots, no terminator */
} VdBodyMode;

typedef struct
{
  gboolean convert_cr;      /* lone CR becomes CRLF; FALSE: refused with VEREDA_ERROR_MESSAGE */
  gboolean allow_long_lines; /* lines above 998 octets pass; FALSE: refused */
} VdBodyPolicy;

typedef struct VdBody VdBody;

/* `head` is complete wire-form header section (CRLF lines, with the separating empty line if there is a body); NULL for none. `reader` gives
 * the rest, is owned by the body from here on; NULL for none. */
VdBody *vd_body_new (VdBodyMode mode, const VdBodyPolicy *policy, GBytes *head, VdReader *reader);
void vd_body_free (VdBody *body);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VdBody, vd_body_free)

/* Fills up to `max` (at least 8) spans with the next wire octets, valid until the next call.  *ret_end is TRUE with the last of them (they may be none);
 * after that no call is allowed. */
gboolean vd_body_next (VdBody *body, VeredaSpan *spans, gsize max, gsize *ret_n, gboolean *ret_end, GError **error);

/* What a whole pass over content found, for SIZE, 8BITMIME and the checks before any connection. */
typedef struct
{
  guint64 size;      /* octets after normalisation, without stuffing and terminator (SIZ-1) */
  gboolean eight_bit;  /* an octet >= 0x80 */
  guint64 longest_line; /* octets without CRLF */
} VdBodyFacts;

/* Reads `reader` to its end as vd_body_next would (taking it over), and reports. Errors name the line number, counted from `first_line`. */
gboolean vd_body_scan (const VdBodyPolicy *policy, VdReader *reader, guint64 first_line, VdBodyFacts *ret_facts, GError **error);

#endif
