/* SPDX-License-Identifier: MIT */
/* text - see text.h. */
#include "text.h"

#include <string.h>
#include <unistd.h>

static void
append_escaped (GString *out, const char *octets, gsize size)
{
  for (gsize i = 0; i < size; i++)
    g_string_append_printf (out, "\\x%02X", (guint) (guchar) octets[i]);
}

static char *
escape (const char *text, const char *newline)
{
  GString *out = g_string_sized_new (strlen (text) + 16);

  while (*text != '\0')
    {
      gunichar c = g_utf8_get_char_validated (text, -1);

      if (c == (gunichar) -1 || c == (gunichar) -2)
        {
          append_escaped (out, text, 1);
          text++;
          continue;
        }
      const char *next = g_utf8_next_char (text);
      if (c == '\n' && newline != NULL)
        g_string_append (out, newline);
      else if (g_unichar_isprint (c) && c != 0x2028 && c != 0x2029)
        g_string_append_len (out, text, next - text);
      else
        append_escaped (out, text, (gsize) (next - text));
      text = next;
    }
  return g_string_free (out, FALSE);
}

char *
text_escape (const char *text)
{
  return escape (text, NULL);
}

char *
text_one_line (const char *text)
{
  return escape (text, " / ");
}

gboolean
text_use_colour (TextColour wish, int fd)
{
  if (wish != TEXT_COLOUR_AUTO)
    return wish == TEXT_COLOUR_ALWAYS;

  const char *no_color = g_getenv ("NO_COLOR");
  const char *term = g_getenv ("TERM");
  return (no_color == NULL || *no_color == '\0') && isatty (fd) && g_strcmp0 (term, "dumb") != 0;
}

gboolean
text_is_dumb_terminal (void)
{
  const char *term = g_getenv ("TERM");

  return term == NULL || *term == '\0' || strcmp (term, "dumb") == 0;
}

static gboolean
same (char a, char b)
{
  return g_ascii_tolower (a) == g_ascii_tolower (b);
}

/* Edit distance with neighbouring letters swapped counted as one (optimal string alignment). */
static guint
distance (const char *a, const char *b)
{
  const gsize n = strlen (a);
  const gsize m = strlen (b);
  const gsize width = m + 1;
  g_autofree guint *d = g_new (guint, (n + 1) * width);

  for (gsize i = 0; i <= n; i++)
    d[i * width] = (guint) i;
  for (gsize j = 0; j <= m; j++)
    d[j] = (guint) j;
  for (gsize i = 1; i <= n; i++)
    for (gsize j = 1; j <= m; j++)
      {
        const guint differ = same (a[i - 1], b[j - 1]) ? 0 : 1;
        guint best = MIN (d[(i - 1) * width + j], d[i * width + j - 1]) + 1;
        best = MIN (best, d[(i - 1) * width + j - 1] + differ);
        if (i > 1 && j > 1 && same (a[i - 1], b[j - 2]) && same (a[i - 2], b[j - 1]))
          best = MIN (best, d[(i - 2) * width + j - 2] + 1);
        d[i * width + j] = best;
      }
  return d[n * width + m];
}

const char *
text_nearest (const char *word, const char *const *words)
{
  const gsize length = strlen (word);
  guint best = length > 64 ? 0 : (guint) (length / 3 + 1);
  const char *found = NULL;

  for (; *words != NULL; words++)
    {
      if (strlen (*words) > 64)
        continue;
      const guint d = distance (word, *words);
      if (d < best || (d == best && found == NULL && best > 0 && d < length))
        {
          best = d;
          found = *words;
        }
    }
  return found;
}
