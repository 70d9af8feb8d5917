/* SPDX-License-Identifier: MIT */
/* Fuzzes the body writer with content and its slicing: in data mode nothing but the end may look like the end to any server. */
#include <string.h>

#include "core/message/body.h"

#define LARGE ((gsize) 60000)

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

typedef struct
{
  const guint8 *data;
  gsize size;
  gsize at;
  gsize step;
} Feed;

static gssize
feed_read (gpointer user_data, void *buf, gsize size, GError **error)
{
  Feed *feed = user_data;
  gsize n = MIN (MIN (feed->step, size), feed->size - feed->at);
  if (n > 0)
    memcpy (buf, feed->data + feed->at, n);
  feed->at += n;
  return (gssize) n;
}

static gboolean
feed_rewind (gpointer user_data, GError **error)
{
  ((Feed *) user_data)->at = 0;
  return TRUE;
}

/* CR and LF in pairs only; a line of one dot only at the very end (NRM-1, NRM-2, DAT-4). */
static void
check_wire (const GString *wire, VdBodyMode mode)
{
  gboolean line_start = TRUE;
  for (gsize i = 0; i < wire->len; i++)
    {
      char c = wire->str[i];
      g_assert (c != '\0');
      g_assert (c != '\n' || (i > 0 && wire->str[i - 1] == '\r'));
      g_assert (c != '\r' || wire->str[i + 1] == '\n');
      if (mode == VD_BODY_DATA && line_start && c == '.')
        g_assert (wire->str[i + 1] == '.' || i + 3 == wire->len);
      line_start = c == '\n';
      if (mode == VD_BODY_DATA && c == '.' && wire->str[i + 1] == '.' && (i == 0 || wire->str[i - 1] == '\n'))
        i++;
    }
  g_assert (mode == VD_BODY_BDAT ? wire->len == 0 || g_str_has_suffix (wire->str, "\r\n")
                                 : g_str_has_suffix (wire->str, ".\r\n"));
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  if (size < 2)
    return 0;
  VdBodyMode mode = (data[0] & 1) != 0 ? VD_BODY_BDAT : VD_BODY_DATA;
  const VdBodyPolicy policy = { (data[0] & 2) != 0, (data[0] & 4) != 0 };
  g_autofree guint8 *large = NULL;
  Feed feed = { data + 2, size - 2, 0, (gsize) data[1] + 1 };
  if ((data[0] & 8) != 0 && feed.size > 0)
    {
      /* Slices so large that short runs are gathered: the same again and again. */
      large = g_malloc (LARGE);
      for (gsize i = 0; i < LARGE; i++)
        large[i] = feed.data[i % feed.size];
      feed = (Feed){ large, LARGE, 0, 15000 + (gsize) data[1] * 200 };
    }
  VeredaSourceFuncs funcs = { sizeof funcs, feed_read, feed_rewind };
  g_autoptr (VdSource) source = vd_source_new_callbacks (&funcs, &feed, NULL);
  VdBodyFacts facts = { 0 };
  gboolean valid = vd_body_scan (&policy, vd_source_open (source, 0, NULL), 1, &facts, NULL);
  g_autoptr (VdBody) body = vd_body_new (mode, &policy, NULL, vd_source_open (source, 0, NULL), NULL);
  g_autoptr (GString) wire = g_string_new (NULL);
  gboolean end = FALSE;
  while (!end)
    {
      VeredaSpan spans[9];
      gsize n;
      if (!vd_body_next (body, spans, 9, &n, &end, NULL))
        {
          g_assert (!valid);
          return 0;
        }
      for (gsize i = 0; i < n; i++)
        g_string_append_len (wire, spans[i].data, (gssize) spans[i].size);
    }
  g_assert (valid && (mode == VD_BODY_DATA || wire->len == facts.size));
  check_wire (wire, mode);
  return 0;
}
