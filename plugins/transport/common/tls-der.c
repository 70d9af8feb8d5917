/* SPDX-License-Identifier: MIT */
/*
 * tls-der: the parts of a certificate that are wanted as they stand.  See the header.
 *
 * Each step takes one element off the front of a span and cannot leave it.
 */
#include "tls-der.h"

#include <string.h>

enum
{
  TAG_INTEGER = 0x02,
  TAG_UTC_TIME = 0x17,
  TAG_GENERAL_TIME = 0x18,
  TAG_SEQUENCE = 0x30,
  TAG_VERSION = 0xa0, /* [0] EXPLICIT */
};

/* Takes one element off @in: *ret_whole gets it, *ret_body what is in it.  Long tags and endless lengths are not DER here. */
static gboolean
take (VeredaSpan *in, int *ret_tag, VeredaSpan *ret_whole, VeredaSpan *ret_body)
{
  const guint8 *p = in->data;
  size_t head = 2, length;

  if (in->size < head || (p[0] & 0x1f) == 0x1f)
    return FALSE;
  length = p[1];
  if (length > 0x7f)
    {
      size_t n = length & 0x7f;

      if (n == 0 || n > 4 || in->size < head + n)
        return FALSE;
      length = 0;
      for (size_t i = 0; i < n; i++)
        length = length << 8 | p[head + i];
      head += n;
    }
  if (length > in->size - head)
    return FALSE;
  *ret_tag = p[0];
  *ret_whole = (VeredaSpan){ p, head + length };
  *ret_body = (VeredaSpan){ p + head, length };
  *in = (VeredaSpan){ p + head + length, in->size - head - length };
  return TRUE;
}

/* The same for an element that has to be a @tag. */
static gboolean
take_tag (VeredaSpan *in, int tag, VeredaSpan *ret_whole, VeredaSpan *ret_body)
{
  int found;

  return take (in, &found, ret_whole, ret_body) && found == tag;
}

/* What of TBSCertificate is wanted. */
typedef struct
{
  VeredaSpan issuer;   /* whole */
  VeredaSpan validity; /* what is in it */
  VeredaSpan subject;  /* whole */
  VeredaSpan key_info; /* whole */
} Parts;

/* version, serial, signature, issuer, validity, subject, key. */
static gboolean
open_certificate (VeredaSpan der, Parts *ret)
{
  VeredaSpan cert, tbs, whole, body, rest;
  int tag;

  if (!take_tag (&der, TAG_SEQUENCE, &whole, &cert) || !take_tag (&cert, TAG_SEQUENCE, &whole, &tbs))
    return FALSE;
  rest = tbs;
  if (take (&rest, &tag, &whole, &body) && tag == TAG_VERSION)
    tbs = rest;
  return take_tag (&tbs, TAG_INTEGER, &whole, &body) && take_tag (&tbs, TAG_SEQUENCE, &whole, &body)
         && take_tag (&tbs, TAG_SEQUENCE, &ret->issuer, &body) && take_tag (&tbs, TAG_SEQUENCE, &whole, &ret->validity)
         && take_tag (&tbs, TAG_SEQUENCE, &ret->subject, &body) && take_tag (&tbs, TAG_SEQUENCE, &ret->key_info, &body);
}

gboolean
tls_der_key_info (VeredaSpan der, VeredaSpan *ret)
{
  Parts parts;

  if (!open_certificate (der, &parts))
    return FALSE;
  *ret = parts.key_info;
  return TRUE;
}

gboolean
tls_der_names (VeredaSpan der, VeredaSpan *ret_issuer, VeredaSpan *ret_subject)
{
  Parts parts;

  if (!open_certificate (der, &parts))
    return FALSE;
  *ret_issuer = parts.issuer;
  *ret_subject = parts.subject;
  return TRUE;
}

static int
two_digits (const guint8 *p)
{
  return (p[0] - '0') * 10 + (p[1] - '0');
}

/* "YYMMDDHHMMSSZ" or "YYYYMMDDHHMMSSZ" and no other form (RFC 5280 section 4.1.2.5). */
static gboolean
read_time (int tag, VeredaSpan text, gint64 *ret)
{
  const guint8 *p = text.data;
  size_t digits = tag == TAG_UTC_TIME ? 12 : 14;
  g_autoptr (GDateTime) when = NULL;
  int year;

  if ((tag != TAG_UTC_TIME && tag != TAG_GENERAL_TIME) || text.size != digits + 1 || p[digits] != 'Z')
    return FALSE;
  for (size_t i = 0; i < digits; i++)
    if (!g_ascii_isdigit (p[i]))
      return FALSE;
  year = two_digits (p);
  year = tag == TAG_GENERAL_TIME ? year * 100 + two_digits (p + 2) : year < 50 ? year + 2000 : year + 1900;
  p += digits - 10;
  when = g_date_time_new_utc (year, two_digits (p), two_digits (p + 2), two_digits (p + 4), two_digits (p + 6),
                              two_digits (p + 8));
  if (when == NULL)
    return FALSE;
  *ret = g_date_time_to_unix (when);
  return TRUE;
}

gboolean
tls_der_not_after (VeredaSpan der, gint64 *ret)
{
  VeredaSpan whole, text;
  Parts parts;
  int tag;

  return open_certificate (der, &parts) && take (&parts.validity, &tag, &whole, &text)
         && take (&parts.validity, &tag, &whole, &text) && read_time (tag, text, ret);
}

gboolean
tls_der_chain_next (GBytes *chain, size_t *at, VeredaSpan *ret)
{
  gsize size = 0;
  const guint8 *data = chain != NULL ? g_bytes_get_data (chain, &size) : NULL;
  guint32 length;

  if (size < sizeof length || *at > size - sizeof length)
    return FALSE;
  memcpy (&length, data + *at, sizeof length);
  length = GUINT32_FROM_BE (length);
  if (length > size - sizeof length - *at)
    return FALSE;
  *ret = (VeredaSpan){ data + *at + sizeof length, length };
  *at += sizeof length + length;
  return TRUE;
}

gint64
tls_der_chain_end (GBytes *chain)
{
  gint64 end = 0, one = 0;
  VeredaSpan der;

  for (size_t at = 0; tls_der_chain_next (chain, &at, &der);)
    {
      if (!tls_der_not_after (der, &one))
        return 0;
      end = end == 0 ? one : MIN (end, one);
    }
  return end;
}
