/* SPDX-License-Identifier: MIT */
/* compose-flow - text/plain; format=flowed, RFC 3676.  Pure. */
#include "compose.h"

#include <string.h>

enum
{
  FLOW_WIDTH = 76, /* columns before the space of a soft line break (RFC 3676 section 4.2: 78 at most with it) */
  FLOW_LIMIT = 78  /* longer lines are flowed */
};

gboolean
compose_needs_flow (const char *text)
{
  while (*text != '\0')
    {
      const char *end = strchrnul (text, '\n');

      if (g_utf8_strlen (text, end - text) > FLOW_LIMIT)
        return TRUE;
      text = *end == '\n' ? end + 1 : end;
    }
  return FALSE;
}

/* RFC 3676 section 4.4: a line that begins with a space, ">" or "From " gets a space that the reader takes away again. */
static void
append_line (GString *out, const char *line, gsize size, gboolean soft)
{
  if (size > 0 && (line[0] == ' ' || line[0] == '>' || (size >= 5 && strncmp (line, "From ", 5) == 0)))
    g_string_append_c (out, ' ');
  g_string_append_len (out, line, (gssize) size);
  if (soft)
    g_string_append_c (out, ' ');
  g_string_append_c (out, '\n');
}

/* Where to break: the offset of a space at most FLOW_WIDTH characters in, or of the first one after; the size when there is none. */
static gsize
find_break (const char *line, gsize size)
{
  const char *end = line + size;
  const char *best = NULL;
  glong column = 0;

  for (const char *p = line; p < end; p = g_utf8_next_char (p), column++)
    {
      /* Only between words: at the first space of a run, and not at the margin. */
      if (*p != ' ' || p == line)
        continue;
      if (column <= FLOW_WIDTH)
        best = p;
      else if (best == NULL)
        best = p;
      if (column > FLOW_WIDTH)
        break;
    }
  return best != NULL ? (gsize) (best - line) : size;
}

static void
flow_paragraph (GString *out, const char *line, gsize size)
{
  /* "-- " announces a signature and is no soft break (section 4.3); any other trailing space would be one (section 4.2). */
  if (size == 3 && strncmp (line, "-- ", 3) == 0)
    {
      g_string_append (out, "-- \n");
      return;
    }
  while (size > 0 && line[size - 1] == ' ')
    size--;
  while (g_utf8_strlen (line, (gssize) size) > FLOW_LIMIT)
    {
      const gsize at = find_break (line, size);

      if (at >= size)
        break;
      append_line (out, line, at, TRUE);
      line += at + 1;
      size -= at + 1;
    }
  append_line (out, line, size, FALSE);
}

char *
compose_flow (const char *text)
{
  GString *out = g_string_sized_new (strlen (text) + 64);

  while (*text != '\0')
    {
      const char *end = strchrnul (text, '\n');

      flow_paragraph (out, text, (gsize) (end - text));
      text = *end == '\n' ? end + 1 : end;
    }
  return g_string_free (out, FALSE);
}
