/* SPDX-License-Identifier: MIT */
/* trace - turning octets into text that is safe to show, and the sink that trace lines go to.
 *
 * Pure.  Redaction happens where a line is made (command, session), not here: what reaches a trace holds no secret, unless the trace asks for them. */
#ifndef VD_TRACE_H
#define VD_TRACE_H

#include <glib.h>
#include <vereda/trace.h>

/* Text of `size` octets made safe for a terminal and for logs: printable UTF-8 stays; C0, DEL, C1, bidi controls, line and
 * paragraph separators, and octets that are not UTF-8 become \xHH (one per octet); a backslash becomes \\.  Never NULL; free
 * with g_free. */
char *vd_text_escape (const void *data, gsize size);

/* The same appended to a string. */
void vd_text_escape_append (GString *to, const void *data, gsize size);

/* Where trace lines go.  func NULL: nowhere, and formatting is skipped. */
typedef struct
{
  VeredaTraceFunc func;
  gpointer data;
  const char *server; /* borrowed; for the line's server field */
  gboolean secrets;   /* what authenticates is shown: only where the application said so */
} VdTrace;

/* `text` is already safe (escaped, redacted), without line end. */
void vd_trace_line (const VdTrace *trace, VeredaTraceKind kind, gboolean secure, const char *text);
void vd_trace_info (const VdTrace *trace, const char *format, ...) G_GNUC_PRINTF (2, 3);

static inline gboolean
vd_trace_wanted (const VdTrace *trace)
{
  return trace != NULL && trace->func != NULL;
}

#endif
