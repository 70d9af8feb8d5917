/* SPDX-License-Identifier: MIT */
/* trace - octets made safe to show, and the sink that trace lines go to.
 *
 * Pure.  Cannot fail. */
#include "core/base/trace.h"

#include <string.h>

/* Characters that are valid UTF-8 but steer a terminal or disguise what a line says: C1 controls, line and paragraph
 * separators, bidirectional marks, embeddings, overrides and isolates (Unicode TR #36; "Trojan Source"), and the byte order
 * mark. */
static gboolean
steers_display (gunichar c)
{
  static const struct
  {
    gunichar first;
    gunichar last;
  } ranges[] = {
    { 0x80, 0x9f }, { 0x61c, 0x61c }, { 0x200e, 0x200f }, { 0x2028, 0x202e }, { 0x2066, 0x2069 }, { 0xfeff, 0xfeff },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (ranges); i++)
    if (c >= ranges[i].first && c <= ranges[i].last)
      return TRUE;
  return FALSE;
}

/* Octets of the character at `p` that may be shown as they are; 0: the octet at `p` has to be escaped. */
static gsize
safe_length (const char *p, gsize left)
{
  guint8 first = (guint8) *p;
  if (first < 0x80)
    return first >= 0x20 && first != 0x7f && first != '\\' ? 1 : 0;
  gunichar c = g_utf8_get_char_validated (p, (gssize) MIN (left, 4));
  if (c == (gunichar) -1 || c == (gunichar) -2 || steers_display (c))
    return 0;
  return (gsize) (g_utf8_next_char (p) - p);
}

void
vd_text_escape_append (GString *to, const void *data, gsize size)
{
  const char *p = data;
  const char *end = size > 0 ? p + size : p;
  while (p < end)
    {
      gsize length = safe_length (p, (gsize) (end - p));
      if (length > 0)
        g_string_append_len (to, p, (gssize) length);
      else if (*p == '\\')
        g_string_append (to, "\\\\");
      else
        g_string_append_printf (to, "\\x%02X", (guint8) *p);
      p += length > 0 ? length : 1;
    }
}

char *
vd_text_escape (const void *data, gsize size)
{
  GString *text = g_string_sized_new (size + 16);
  vd_text_escape_append (text, data, size);
  return g_string_free (text, FALSE);
}

void
vd_trace_line (const VdTrace *trace, VeredaTraceKind kind, gboolean secure, const char *text)
{
  if (vd_trace_wanted (trace))
    trace->func (kind, secure, trace->server, text, trace->data);
}

void
vd_trace_info (const VdTrace *trace, const char *format, ...)
{
  if (!vd_trace_wanted (trace))
    return;
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  vd_trace_line (trace, VEREDA_TRACE_INFO, FALSE, text);
}
