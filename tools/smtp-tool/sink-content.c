/* SPDX-License-Identifier: MIT */
/* sink-content - see sink-content.h.
 *
 * Speed: a line costs one memchr for its LF and one for a stray CR; the look for octets over 127 and for NUL runs over
 * whole slices.  State is kept only for what a cut can separate: the dot, the CR, the column. */
#include "sink-content.h"

#include <string.h>

#define LINE_MAX_OCTETS 998 /* RFC 5322 section 2.1.1, without CRLF */

static gboolean
has_8bit (const gchar *data, gsize size)
{
  guint64 seen = 0;
  gsize i = 0;
  for (; i + 32 <= size; i += 32) /* four words at a time: the compiler makes it SIMD */
    {
      guint64 words[4];
      memcpy (words, data + i, sizeof words);
      seen |= words[0] | words[1] | words[2] | words[3];
    }
  for (; i < size; i++)
    seen |= (guint64) (guchar) data[i];
  return (seen & G_GUINT64_CONSTANT (0x8080808080808080)) != 0;
}

void
sink_content_begin (SinkContent *content, gboolean may_8bit, gboolean may_8bit_header, SinkContentTake take, gpointer user_data)
{
  memset (content, 0, sizeof *content);
  content->at = SINK_AT_LINE_START;
  content->in_header = TRUE;
  content->may_8bit = may_8bit;
  content->may_8bit_header = may_8bit_header;
  content->take = take;
  content->user_data = user_data;
}

/* Hands on a slice without its dots, after a look at its octets. */
static void
emit (SinkContent *content, const gchar *data, gsize size)
{
  if (size == 0)
    return;
  content->size += size;
  if (!content->may_8bit && content->violations.count[SINK_VIOLATION_EIGHT_BIT] == 0 && has_8bit (data, size))
    content->violations.count[SINK_VIOLATION_EIGHT_BIT] = 1;
  if (content->violations.count[SINK_VIOLATION_NUL] == 0 && memchr (data, '\0', size) != NULL)
    content->violations.count[SINK_VIOLATION_NUL] = 1;
  if (content->take != NULL)
    content->take (content->user_data, data, size);
}

static void
end_line (SinkContent *content)
{
  if (content->column > LINE_MAX_OCTETS)
    content->violations.count[SINK_VIOLATION_LONG_LINE]++;
  if (content->column == 0)
    content->in_header = FALSE;
  content->column = 0;
}

/* Reads one line, or what there is of it.  Returns how many octets that were. */
static gsize
read_line (SinkContent *content, const gchar *data, gsize size)
{
  const gchar *lf = memchr (data, '\n', size);
  gsize length = lf == NULL ? size : (gsize) (lf - data);
  gboolean ended = lf != NULL && (length > 0 ? lf[-1] == '\r' : content->after_cr);
  gsize text = length - (ended && length > 0 ? 1 : 0); /* without the CR of CRLF */

  if (content->after_cr && !(ended && length == 0))
    {
      content->violations.count[SINK_VIOLATION_BARE_CR]++;
      content->column++; /* the CR before the cut was text after all */
    }
  gboolean cr_at_cut = lf == NULL && text > 0 && data[text - 1] == '\r';
  if (cr_at_cut)
    text--;
  for (const gchar *cr = data; (cr = memchr (cr, '\r', text - (gsize) (cr - data))) != NULL; cr++)
    content->violations.count[SINK_VIOLATION_BARE_CR]++;
  if (content->in_header && !content->may_8bit_header && has_8bit (data, text))
    content->violations.count[SINK_VIOLATION_EIGHT_BIT_HEADER]++;
  content->column += text;
  content->after_cr = cr_at_cut;
  content->at = SINK_AT_MIDDLE;
  if (ended)
    {
      end_line (content);
      content->at = SINK_AT_LINE_START;
    }
  else if (lf != NULL)
    {
      content->violations.count[SINK_VIOLATION_BARE_LF]++;
      content->column++;
    }
  return length + (lf != NULL ? 1 : 0);
}

const gchar *
sink_content_data (SinkContent *content, const gchar *data, gsize size, gboolean *ret_done)
{
  const gchar *p = data;
  const gchar *end = data + size;
  const gchar *from = data; /* start of what was read and not handed on yet */

  *ret_done = FALSE;
  while (p < end)
    switch (content->at)
      {
      case SINK_AT_LINE_START:
        if (*p == '.')
          {
            emit (content, from, (gsize) (p - from));
            from = ++p; /* the dot is no part of the message, whatever follows: RFC 5321 section 4.5.2 */
            content->at = SINK_AT_DOT;
          }
        else
          p += read_line (content, p, (gsize) (end - p));
        break;
      case SINK_AT_DOT:
        if (*p == '\r')
          {
            p++;
            content->at = SINK_AT_DOT_CR;
            from = p; /* held back too, until it is known to be text */
            break;
          }
        if (*p != '.')
          content->violations.count[SINK_VIOLATION_UNSTUFFED_DOT]++;
        p += read_line (content, p, (gsize) (end - p));
        break;
      case SINK_AT_DOT_CR:
        if (*p == '\n')
          {
            *ret_done = TRUE;
            return p + 1;
          }
        emit (content, "\r", 1);
        content->violations.count[SINK_VIOLATION_UNSTUFFED_DOT]++;
        content->after_cr = TRUE;
        p += read_line (content, p, (gsize) (end - p));
        break;
      case SINK_AT_MIDDLE:
        p += read_line (content, p, (gsize) (end - p));
        break;
      default:
        g_assert_not_reached ();
      }
  emit (content, from, (gsize) (end - from));
  return end;
}

void
sink_content_chunk (SinkContent *content, const gchar *data, gsize size)
{
  for (gsize done = 0; done < size;)
    done += read_line (content, data + done, size - done);
  emit (content, data, size);
}

void
sink_content_end_chunks (SinkContent *content)
{
  if (content->at == SINK_AT_LINE_START)
    return;
  if (content->after_cr)
    content->violations.count[SINK_VIOLATION_BARE_CR]++;
  content->violations.count[SINK_VIOLATION_NO_FINAL_CRLF]++;
  end_line (content);
}
