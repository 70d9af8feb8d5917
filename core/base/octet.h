/* SPDX-License-Identifier: MIT */
/* octet - classes of octets, by table: for loops that look at each octet of an address or a header field once.
 *
 * Pure.  Cannot fail. */
#ifndef VD_OCTET_H
#define VD_OCTET_H

#include <glib.h>
#include <string.h>

enum
{
  VD_OCTET_ATEXT = 1 << 0, /* RFC 5322 section 3.2.3, with every octet >= 0x80 as RFC 6532 has it */
  VD_OCTET_LDH = 1 << 1,   /* letters, digits, hyphen */
  VD_OCTET_FTEXT = 1 << 2, /* of a field's name: RFC 5322 section 3.6.8 */
};

extern const guint8 vd_octet_classes[256];

static inline gboolean
vd_octet_is (char octet, guint classes)
{
  return (vd_octet_classes[(guint8) octet] & classes) != 0;
}

/* Texts of `size` octets, equal without regard to the case of ASCII letters: as a rule they are spelled alike. */
static inline gboolean
vd_octet_equal_case (const char *a, const char *b, gsize size)
{
  return memcmp (a, b, size) == 0 || g_ascii_strncasecmp (a, b, size) == 0;
}

/* Octets at the beginning of `text`, at most `size`, that belong to the class. */
static inline gsize
vd_octet_span (const char *text, gsize size, guint classes)
{
  gsize n = 0;
  while (n < size && vd_octet_is (text[n], classes))
    n++;
  return n;
}

/* Whether one of them is >= 0x80. */
gboolean vd_octet_any_high (const void *octets, gsize size);

#endif
