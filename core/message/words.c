/* SPDX-License-Identifier: MIT */
/* words - the Q and B encodings of RFC 2047, whichever is shorter.
 *
 * Pure, cannot fail. */
#include "core/message/words.h"

#include <string.h>

#define WORD_MAX   75 /* RFC 2047 section 2 */
#define FRAME      12 /* =?UTF-8?Q? and ?= */
#define LINE_LIMIT 76
#define LEAST      12 /* room for the longest character in either encoding */

/* Section 5 (3): what may stand for itself in a phrase, and so everywhere. */
static gboolean
stands_for_itself (char c)
{
  return g_ascii_isalnum (c) || (c != '\0' && strchr ("!*+-/", c) != NULL);
}

static gsize
q_size (const char *p, const char *end)
{
  gsize size = 0;
  for (; p < end; p++)
    size += stands_for_itself (*p) || *p == ' ' ? 1 : 3;
  return size;
}

static void
append_q (GString *to, const char *p, const char *end)
{
  for (; p < end; p++)
    {
      if (stands_for_itself (*p))
        g_string_append_c (to, *p);
      else if (*p == ' ')
        g_string_append_c (to, '_');
      else
        g_string_append_printf (to, "=%02X", (guint8) *p);
    }
}

static gsize
b_size (gsize size)
{
  return (size + 2) / 3 * 4;
}

/* As many characters from `text` as one word of `room` payload octets holds; at least one. */
static const char *
word_end (const char *text, gsize room, gboolean base64)
{
  const char *end = g_utf8_next_char (text);
  while (*end != '\0')
    {
      const char *next = g_utf8_next_char (end);
      if ((base64 ? b_size ((gsize) (next - text)) : q_size (text, next)) > room)
        break;
      end = next;
    }
  return end;
}

char *
vd_words_encode (const char *text, gsize first_room)
{
  GString *words = g_string_new (NULL);
  gsize size = strlen (text);
  gboolean base64 = b_size (size) < q_size (text, text + size);
  gsize room = (first_room >= FRAME + LEAST ? MIN (first_room, WORD_MAX) : WORD_MAX) - FRAME;
  while (*text != '\0')
    {
      const char *end = word_end (text, room, base64);
      g_string_append (words, words->len > 0 ? " =?UTF-8?" : "=?UTF-8?");
      g_string_append (words, base64 ? "B?" : "Q?");
      if (base64)
        {
          g_autofree char *encoded = g_base64_encode ((const guchar *) text, (gsize) (end - text));
          g_string_append (words, encoded);
        }
      else
        append_q (words, text, end);
      g_string_append (words, "?=");
      text = end;
      room = WORD_MAX - FRAME;
    }
  return g_string_free (words, FALSE);
}

static gboolean
is_wsp (char c)
{
  return c == ' ' || c == '\t';
}

/* A word that has to be encoded.  One that looks like an encoded-word already is left: whoever gives it means it. */
static gboolean
word_needs (const char *word, gsize size)
{
  for (gsize i = 0; i < size; i++)
    if ((guint8) word[i] >= 0x80)
      return TRUE;
  return FALSE;
}

char *
vd_words_encode_text (const char *text, gsize column)
{
  const char *first = NULL;
  const char *last = NULL;
  for (const char *p = text; *p != '\0';)
    {
      gsize size = strcspn (p, " \t");
      if (word_needs (p, size))
        {
          first = first == NULL ? p : first;
          last = p + size;
        }
      p += size;
      while (is_wsp (*p))
        p++;
    }
  if (first == NULL)
    return g_strdup (text);
  column += (gsize) (first - text);
  g_autofree char *stretch = g_strndup (first, (gsize) (last - first));
  g_autofree char *encoded = vd_words_encode (stretch, column < LINE_LIMIT ? LINE_LIMIT - column : 0);
  return g_strdup_printf ("%.*s%s%s", (int) (first - text), text, encoded, last);
}
