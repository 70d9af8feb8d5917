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
