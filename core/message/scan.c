/* SPDX-License-Identifier: MIT */
/* scan - eight octets at a time in a machine word.
 *
 * Pure, cannot fail. */
#include "core/message/scan.h"

#include <string.h>

#define ONES G_GUINT64_CONSTANT (0x0101010101010101)
#define HIGH G_GUINT64_CONSTANT (0x8080808080808080)

/* The high bit of each octet of the result tells (at least for the lowest such octet) that the octet of `word` is zero. */
static inline guint64
zeros (guint64 word)
{
  return (word - ONES) & ~word & HIGH;
}

static inline gboolean
is_plain (guint8 octet)
{
  return octet != '\r' && octet != '\n' && octet != '\0';
}

gsize
vd_scan_plain (const guint8 *data, gsize size, gboolean *eight_bit)
{
  gsize at = 0;
  guint64 high = 0;
  for (; at + 8 <= size; at += 8)
    {
      guint64 word;
      memcpy (&word, data + at, 8);
      if ((zeros (word) | zeros (word ^ ('\n' * ONES)) | zeros (word ^ ('\r' * ONES))) != 0)
        break;
      high |= word;
    }
  for (; at < size && is_plain (data[at]); at++)
    high |= data[at] & 0x80u;
  if ((high & HIGH) != 0)
    *eight_bit = TRUE;
  return at;
}
