/* SPDX-License-Identifier: MIT */
/* Fuzzes whole messages through scanning and the envelope: what comes out is CRLF lines, without blind fields, of the size
 * announced. */
#include <string.h>

#include "core/message/envelope.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

/* The header section of a copy, read again, is one, and a lawful one. */
static void
check_head (const VdCopy *copy, VeredaMessage *message, const VdBodyPolicy *policy)
{
  gsize size;
  g_autoptr (GBytes) head = vd_copy_head (copy, message);
  const guint8 *data = g_bytes_get_data (head, &size);
  gsize from = 0;
  gsize section = size;
  gsize body = 0;
  g_assert (size == 0 || (size >= 2 && memcmp (data + size - 2, "\r\n", 2) == 0));
  vd_header_find_end (policy, data, size, TRUE, &from, &section, &body);
  g_autoptr (GBytes) bytes = g_bytes_new (data, section);
  g_autoptr (GError) error = NULL;
  g_autoptr (VdHeader) header = vd_header_scan (policy, bytes, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < vd_header_count (header); i++)
    g_assert (copy->blind || (vd_header_flags (header, i) & VD_FIELD_BLIND) == 0);
}

static void
check_copy (const VdCopy *copy, VeredaMessage *message, const VdBodyPolicy *policy)
{
  g_autoptr (VdBody) body = vd_copy_open (copy, message, VD_BODY_BDAT, policy, NULL);
  guint64 total = 0;
  gboolean end = FALSE;
  while (!end)
    {
      VeredaSpan spans[8];
      gsize n;
      g_assert (vd_body_next (body, spans, 8, &n, &end, NULL));
      for (gsize i = 0; i < n; i++)
        total += spans[i].size;
    }
  g_assert (total == copy->size);
  check_head (copy, message, policy);
}

static gboolean
moment (VdMoment *ret_moment, GError **error)
{
  *ret_moment = (VdMoment){ .now = 1, .random = { 1, 2, 3 } };
  return TRUE;
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  if (size < 1)
    return 0;
  const VdBodyPolicy policy = { (data[0] & 1) != 0, FALSE };
  VdEnvelopeOptions options = { .bcc = (VdBccMode) (data[0] >> 1 & 3) % 3,
                                .provide = moment,
                                .originator = (data[0] & 8) != 0 ? "o@o.example" : NULL,
                                .recipients = (data[0] & 16) != 0 ? "r@r.example" : NULL };
  g_autoptr (GBytes) bytes = g_bytes_new_static (data + 1, size - 1);
  g_autoptr (VeredaMessage) message = vereda_message_new_from_bytes (bytes);
  g_autoptr (GError) error = NULL;
  if (!vd_message_prepare (message, &policy, &error))
    return 0;
  g_autoptr (VdEnvelope) envelope = vd_envelope_new (message, &options, &error);
  g_assert ((envelope == NULL) == (error != NULL));
  for (guint i = 0; envelope != NULL && i < envelope->n_copies; i++)
    check_copy (&envelope->copies[i], message, &policy);
  return 0;
}
