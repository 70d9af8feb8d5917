/* SPDX-License-Identifier: MIT */
/* Fuzzer of core/smtp/reply.  Property: whatever the octets, cutting the stream differently changes nothing. */
#include <stdint.h>

#include "core/smtp/reply.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
describe (GString *to, VdReplyStatus status, VdReply *reply, const GError *error)
{
  g_string_append_printf (to, "%d ", (int) status);
  if (error != NULL)
    g_string_append_printf (to, "%d\n", error->code);
  if (reply == NULL)
    return;
  g_autofree char *text = vd_reply_text (reply);
  g_autofree char *brief = vd_reply_brief (reply);
  g_autofree char *enhanced = vd_reply_enhanced_text (reply);
  g_assert (g_utf8_validate (text, -1, NULL) && g_utf8_strlen (brief, -1) <= 300);
  g_assert (reply->code >= 200 && reply->code <= 599 && reply->n_lines >= 1 && reply->n_lines <= VD_REPLY_LINES_MAX);
  g_string_append_printf (to, "%u %s [%s]\n", reply->code, enhanced, text);
}

/* Parses replies until the octets end or break, handing over at most `step` at a time. */
static char *
run (const uint8_t *data, size_t size, size_t step)
{
  GString *seen = g_string_new (NULL);
  VdReplyParser *parser = vd_reply_parser_new ();
  size_t at = 0;
  VdReplyStatus status = VD_REPLY_MORE;
  while (at < size && status != VD_REPLY_BROKEN)
    {
      g_autoptr (VdReply) reply = NULL;
      g_autoptr (GError) error = NULL;
      gsize used = 0;
      status = vd_reply_parser_feed (parser, data + at, MIN (step, size - at), &used, &reply, &error);
      g_assert (used <= MIN (step, size - at));
      g_assert ((error != NULL) == (status == VD_REPLY_BROKEN));
      at += used;
      if (status != VD_REPLY_MORE)
        describe (seen, status, reply, error);
    }
  g_string_append_printf (seen, "empty %d", vd_reply_parser_is_empty (parser));
  vd_reply_parser_free (parser);
  return g_string_free (seen, FALSE);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *whole = run (data, size, G_MAXSIZE);
  g_autofree char *octets = run (data, size, 1);
  g_autofree char *sevens = run (data, size, 7);
  g_assert_cmpstr (whole, ==, octets);
  g_assert_cmpstr (whole, ==, sevens);
  return 0;
}
