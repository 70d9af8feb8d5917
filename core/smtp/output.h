/* SPDX-License-Identifier: MIT */
/* output - what waits to be written: commands, then at most one stretch of content, then commands.
 *
 * Pure but for the body it pulls from.  Counts octets, so that "was the end of the data handed over?" is a comparison of positions and
 * never a guess. */
#ifndef VD_OUTPUT_H
#define VD_OUTPUT_H

#include "core/base/buffer.h"
#include "core/message/body.h"
#include <glib.h>

#define VD_OUTPUT_SPANS 16

typedef struct
{
  VdBuffer before, after; /* commands before and after the content; both secret while a secret is in one */
  guint64 secret_until;   /* a secret lies before this position; G_MAXUINT64: it is being appended; 0: none */
  VdBody *body;           /* NULL: none opened */
  gboolean body_ended;    /* it gave out its last octet: it may not be asked again */
  gboolean content;       /* a stretch of content is being produced or written */
  gboolean produced_all;  /* its last octet is in `spans` or already written */
  guint64 limit;          /* octets of this stretch still to be pulled; G_MAXUINT64: to the body's end */
  gboolean last;          /* of chunks: the body must end where this stretch ends */
  gboolean has_held;      /* the last octet of the last chunk is held back until the body's end is certain */
  guint8 held;
  VeredaSpan spans[VD_OUTPUT_SPANS]; /* pulled, not yet written; beyond the stretch's end they belong to the next one */
  gsize first, n_spans;
  guint64 ready;           /* octets in spans that belong to this stretch */
  guint64 content_written; /* octets that left of the present body, or of the last one */
  guint64 queued, written; /* positions: all octets ever produced, all octets ever written */
} VdOutput;

void vd_output_init (VdOutput *output);
void vd_output_clear (VdOutput *output);

/* Where the next command is appended; call vd_output_appended() after it. Not while content is incomplete. */
VdBuffer *vd_output_commands (VdOutput *output);
/* The same for a line that holds a secret: the octets are wiped once they were written. */
VdBuffer *vd_output_secrets (VdOutput *output);
/* Accounts for what was appended; returns the position after it. */
guint64 vd_output_appended (VdOutput *output);

/* Sets the error of a message that is "longer" or "shorter" than announced.  FALSE. */
gboolean vd_output_changed (GError **error, const char *how);
/* Begins a stretch: the body (owned from here) to its end. */
void vd_output_data (VdOutput *output, VdBody *body);
/* The same of content that lies ready but for the lone dot behind it, and stays until it is written or the output cleared. */
void vd_output_ready (VdOutput *output, const VeredaSpan content[2]);
/* Begins a stretch of exactly `size` octets, from `body` (owned) or, when NULL, from the body of the stretch before.  `last`: the body
 * must end with it; a body that turns out longer or shorter is a failed source, found before the last octet is handed out. */
void vd_output_chunk (VdOutput *output, VdBody *body, guint64 size, gboolean last);

/* TRUE when commands may be appended: no content, or all of it produced. */
gboolean vd_output_is_open (const VdOutput *output);

/* Fills up to `max` spans with what to write next, pulling content as needed. FALSE: the source failed, or ended early or late. */
gboolean vd_output_peek (VdOutput *output, VeredaSpan *spans, gsize max, gsize *ret_n, GError **error);
void vd_output_wrote (VdOutput *output, gsize n);
gboolean vd_output_is_empty (const VdOutput *output); /* nothing to write, no content left to pull */

#endif
