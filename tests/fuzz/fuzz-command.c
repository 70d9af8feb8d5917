/* SPDX-License-Identifier: MIT */
/* Fuzzer of core/smtp/command.  Property: whatever the arguments, a builder gives either an error and nothing, or exactly one line
 * that a server reads as the command meant. */
#include <stdint.h>
#include <string.h>

#include "core/smtp/command.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* One CRLF, at the end; no other control octet; the prefix; at most `max` octets. */
static void
check_line (VdBuffer *out, gboolean done, const char *prefix, gboolean utf8, gsize max)
{
  VeredaSpan span = vd_buffer_span (out);
  const guint8 *line = span.data;
  g_assert (done == (span.size > 0));
  if (done)
    {
      g_assert (span.size <= max && span.size > strlen (prefix) && memcmp (line, prefix, strlen (prefix)) == 0);
      g_assert (memcmp (line + span.size - 2, "\r\n", 2) == 0);
      for (gsize i = 0; i < span.size - 2; i++)
        g_assert (line[i] >= 0x20 && line[i] != 0x7f && (utf8 || line[i] < 0x80));
    }
  vd_buffer_clear (out);
}

/* Outside quotes there is no bracket and no blank before the closing bracket. */
static void
check_path (VdBuffer *out)
{
  VeredaSpan span = vd_buffer_span (out);
  const char *line = span.data;
  const char *p = line == NULL ? NULL : memchr (line, '<', span.size);
  gboolean quoted = FALSE;
  for (p = p == NULL ? NULL : p + 1; p != NULL && (quoted || *p != '>'); p++)
    {
      g_assert (p < line + span.size - 2);
      if (quoted && *p == '\\')
        p++;
      else if (*p == '"')
        quoted = !quoted;
      else
        g_assert (quoted || (*p != ' ' && *p != '<'));
    }
  g_assert (p == NULL || p[1] == ' ' || p[1] == '\r');
}

static void
check_auth (const char *text, const uint8_t *data, size_t size)
{
  VdBuffer out;
  vd_buffer_init (&out, TRUE);
  g_autoptr (GByteArray) octets = g_byte_array_new ();
  g_byte_array_append (octets, data, (guint) size);
  gboolean fits = TRUE;
  gboolean done = vd_command_auth (&out, text, octets, &fits, NULL);
  check_line (&out, done && fits, "AUTH ", FALSE, VD_COMMAND_LINE_MAX);
  vd_command_auth_response (&out, octets);
  VeredaSpan span = vd_buffer_span (&out);
  g_autoptr (GByteArray) back = NULL;
  g_assert (vd_command_decode_challenge (span.data, span.size - 2, &back, NULL));
  g_assert (back->len == size && (size == 0 || memcmp (back->data, data, size) == 0));
  vd_buffer_clear (&out);
  g_autoptr (GByteArray) challenge = NULL;
  if (vd_command_decode_challenge ((const char *) data, size, &challenge, NULL))
    g_assert (challenge->len <= size / 4 * 3);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  VdBuffer out;
  vd_buffer_init (&out, FALSE);
  g_autofree char *text = g_strndup ((const char *) data, size);
  VdMailParams params = { TRUE, size, (size & 1) != 0, (size & 2) != 0 };
  check_line (&out, vd_command_ehlo (&out, "EHLO", text, NULL), "EHLO ", FALSE, VD_COMMAND_LINE_MAX);
  check_line (&out, vd_command_verb (&out, text, NULL), "", FALSE, VD_COMMAND_LINE_MAX);
  gboolean done = vd_command_mail (&out, text, &params, NULL);
  check_path (&out);
  check_line (&out, done, "MAIL FROM:<", params.utf8, VD_COMMAND_LINE_MAX + 53);
  done = vd_command_rcpt (&out, text, params.utf8, NULL);
  check_path (&out);
  check_line (&out, done, "RCPT TO:<", params.utf8, VD_COMMAND_LINE_MAX);
  check_auth (text, data, size);
  g_autofree char *shown = vd_command_trace ((const char *) data, size, (size & 1) != 0);
  g_assert (g_utf8_validate (shown, -1, NULL));
  return 0;
}
