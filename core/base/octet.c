/* SPDX-License-Identifier: MIT */
/* octet - the table of octet.h. */
#include "core/base/octet.h"

#define A VD_OCTET_ATEXT
#define L VD_OCTET_LDH
#define F VD_OCTET_FTEXT

const guint8 vd_octet_classes[256] = {
  ['!'] = A | F,
  ['"'] = F,
  ['#' ... '\''] = A | F,
  ['(' ... ')'] = F,
  ['*' ... '+'] = A | F,
  [','] = F,
  ['-'] = A | L | F,
  ['.'] = F,
  ['/'] = A | F,
  ['0' ... '9'] = A | L | F,
  [';' ... '<'] = F,
  ['='] = A | F,
  ['>'] = F,
  ['?'] = A | F,
  ['@'] = F,
  ['A' ... 'Z'] = A | L | F,
  ['[' ... ']'] = F,
  ['^' ... '`'] = A | F,
  ['a' ... 'z'] = A | L | F,
  ['{' ... '~'] = A | F,
  [0x80 ... 0xff] = A,
};

gboolean
vd_octet_any_high (const void *octets, gsize size)
{
  const guint8 *data = octets;
  const guint64 high = G_GUINT64_CONSTANT (0x8080808080808080);
  guint64 any = 0;
  gsize i = 0;
  for (; i + sizeof any <= size && (any & high) == 0; i += sizeof any)
    memcpy (&any, data + i, sizeof any);
  for (; i < size && (any & high) == 0; i++)
    any = data[i];
  return (any & high) != 0;
}
