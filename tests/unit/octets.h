/* SPDX-License-Identifier: MIT */
/* octets - comparing octets in tests; says what differed, escaped.  (g_assert_cmpmem() does not pass -Wconversion.) */
#ifndef TEST_OCTETS_H
#define TEST_OCTETS_H

#include <string.h>

#include "core/base/trace.h"

#define assert_octets(a, a_size, b, b_size) octets_check (__FILE__, __LINE__, a, (gsize) (a_size), b, (gsize) (b_size))
#define assert_octets_text(a, a_size, text) assert_octets (a, a_size, text, strlen (text))

static inline void
octets_check (const char *file, int line, const void *a, gsize a_size, const void *b, gsize b_size)
{
  if (a_size == b_size && (a_size == 0 || memcmp (a, b, a_size) == 0))
    return;
  g_autofree char *left = vd_text_escape (a, a_size);
  g_autofree char *right = vd_text_escape (b, b_size);
  g_error ("%s:%d: octets differ\n  got    : \"%s\"\n  wanted : \"%s\"", file, line, left, right);
}

#endif
