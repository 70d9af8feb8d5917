/* SPDX-License-Identifier: MIT */
/* digest - header section, part header and closing boundary of a blind copy.
 *
 * Pure.  Fails only on a field that cannot be folded. */
#include "core/message/digest.h"

#include <string.h>

#include "core/message/field.h"

/* 16 octets from `random` that differ by purpose and tell nothing of each other. */
static void
derive (const guint8 *random, const char *purpose, guint8 ret_octets[16])
{
  guint8 sum[32];
  gsize size = sizeof sum;
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_checksum_update (checksum, random, 16);
  g_checksum_update (checksum, (const guchar *) purpose, -1);
  g_checksum_get_digest (checksum, sum, &size);
  memcpy (ret_octets, sum, 16);
}

/* 128 bits that the author of the original could not know: it holds no such line. */
static char *
make_boundary (const guint8 *random)
{
  guint8 octets[16];
  GString *boundary = g_string_new ("=_");
  derive (random, "boundary", octets);
  for (int i = 0; i < 16; i++)
    g_string_append_printf (boundary, "%02x", octets[i]);
  return g_string_free (boundary, FALSE);
}

static gboolean
append_fields (const VdDigest *digest, const char *boundary, GByteArray *to, GError **error)
{
  guint8 octets[16];
  derive (digest->random, "message-id", octets);
  g_autofree char *id = vd_field_message_id (octets, digest->domain);
  g_autofree char *subject = g_strstrip (g_strconcat ("[Bcc] ", digest->subject == NULL ? "" : digest->subject, NULL));
  g_autofree char *type = g_strdup_printf ("multipart/digest; boundary=\"%s\"", boundary);
  const char *const rows[][2] = {
    { "From", digest->from },
    { "Sender", digest->sender },
    { "Bcc", "" },
    { "Subject", subject },
    { "Date", digest->date },
    { "Message-ID", id },
    { "MIME-Version", "1.0" },
    { "Content-Type", type },
    { "Content-Transfer-Encoding", digest->eight_bit ? "8bit" : NULL },
    { "Content-Description", "Blind Carbon Copy" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if (rows[i][1] != NULL && !vd_field_append (to, rows[i][0], rows[i][1], error))
      return FALSE;
  return TRUE;
}

gboolean
vd_digest_wrap (const VdDigest *digest, GBytes *inner, GBytes **ret_head, GBytes **ret_tail, GError **error)
{
  g_autoptr (GByteArray) head = g_byte_array_new ();
  g_autofree char *boundary = make_boundary (digest->random);
  if (!append_fields (digest, boundary, head, error))
    return FALSE;
  /* RFC 6532 section 3.7: a message with UTF-8 in its header fields is message/global. */
  g_autofree char *part = g_strdup_printf (
      "\r\n--%s\r\nContent-Type: message/%s\r\n%sContent-Description: Original Message\r\n\r\n", boundary,
      digest->utf8_header ? "global" : "rfc822", digest->eight_bit ? "Content-Transfer-Encoding: 8bit\r\n" : "");
  g_byte_array_append (head, (const guint8 *) part, (guint) strlen (part));
  gsize size;
  const guint8 *data = g_bytes_get_data (inner, &size);
  g_byte_array_append (head, data, (guint) size);
  g_autofree char *close = g_strdup_printf ("\r\n--%s--\r\n", boundary);
  *ret_head = g_byte_array_free_to_bytes (g_steal_pointer (&head));
  *ret_tail = g_bytes_new (close, strlen (close));
  return TRUE;
}
