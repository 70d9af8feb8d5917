/* SPDX-License-Identifier: MIT */
/*
 * tls-asked: what a server says in asking for a client certificate.  See the header.
 */
#include "tls-asked.h"

#define CERTIFICATE_AUTHORITIES 47 /* RFC 8446 section 4.2.4 */

static gboolean
take_number (VeredaSpan *in, int octets, size_t *ret)
{
  const guint8 *p = in->data;

  if (in->size < (size_t) octets)
    return FALSE;
  *ret = octets == 1 ? p[0] : (size_t) p[0] << 8 | p[1];
  *in = (VeredaSpan){ p + octets, in->size - (size_t) octets };
  return TRUE;
}

/* A vector with a length of @octets octets in front. */
static gboolean
take_vector (VeredaSpan *in, int octets, VeredaSpan *ret)
{
  size_t size;

  if (!take_number (in, octets, &size) || size > in->size)
    return FALSE;
  *ret = (VeredaSpan){ in->data, size };
  *in = (VeredaSpan){ (const guint8 *) in->data + size, in->size - size };
  return TRUE;
}

static void
note_names (TlsSession *self, VeredaSpan list)
{
  GByteArray *names = g_byte_array_new ();
  VeredaSpan name;

  while (take_vector (&list, 2, &name))
    tls_session_chain_add (names, name.data, name.size);
  g_clear_pointer (&self->client_issuers, g_bytes_unref);
  self->client_issuers = g_byte_array_free_to_bytes (names);
}

void
tls_asked_note (TlsSession *self, gboolean tls13, const void *data, size_t size)
{
  VeredaSpan in = { data, size }, part, list, body;
  size_t type;

  self->client_asked = TRUE;
  /* TLS 1.2, RFC 5246 section 7.4.4: types, signature algorithms, names.  TLS 1.3: a context, extensions. */
  if (!tls13)
    {
      if (take_vector (&in, 1, &part) && take_vector (&in, 2, &part) && take_vector (&in, 2, &list))
        note_names (self, list);
      return;
    }
  if (!take_vector (&in, 1, &part) || !take_vector (&in, 2, &part))
    return;
  while (take_number (&part, 2, &type) && take_vector (&part, 2, &body))
    if (type == CERTIFICATE_AUTHORITIES && take_vector (&body, 2, &list))
      note_names (self, list);
}
