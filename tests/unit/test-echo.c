/* SPDX-License-Identifier: MIT */
/* Tests of core/smtp/echo: what a server repeats of a SASL response is taken out of its reply, whole or cut short, and nothing else is. */
#include <string.h>

#include "core/smtp/echo.h"

static VdReply *
reply_of (const char *text)
{
  VdReplyParser *parser = vd_reply_parser_new ();
  VdReply *reply = NULL;
  gsize used = 0;

  g_assert_cmpint (vd_reply_parser_feed (parser, text, strlen (text), &used, &reply, NULL), ==, VD_REPLY_READY);
  vd_reply_parser_free (parser);
  return reply;
}

static void
redacts (const char *said, const char *text, const char *wish)
{
  VdEcho *echo = vd_echo_new ();
  g_autoptr (VdReply) reply = reply_of (text);

  vd_echo_add (echo, "bob", 3); /* Ym9i */
  vd_echo_add (echo, said, strlen (said));
  g_autoptr (VdReply) safe = vd_echo_redact (echo, reply);
  g_autofree char *shown = vd_reply_text (safe);
  g_assert_cmpstr (shown, ==, wish);
  g_assert_cmpuint (safe->code, ==, reply->code);
  g_assert_cmpuint (safe->n_lines, ==, reply->n_lines);
  g_assert_cmpuint (safe->enhanced.klass, ==, reply->enhanced.klass);
  for (guint i = 0; i < safe->n_lines; i++)
    g_assert_cmpuint (safe->sizes[i], ==, strlen (safe->lines[i]));
  if (strstr (wish, "<redacted") == NULL)
    g_assert_true (safe == reply);
  vd_echo_free (echo);
}

static void
test_redact (void)
{
  /* base64 of "secret words": c2VjcmV0IHdvcmRz */
  redacts ("secret words", "500 5.5.1 what is AUTH PLAIN c2VjcmV0IHdvcmRz?\r\n", "what is AUTH PLAIN <redacted 16 octets>?");
  redacts ("secret words", "500 AUTH PLAIN c2VjcmV0IH...\r\n", "AUTH PLAIN <redacted 10 octets>...");
  redacts ("secret words", "535-c2VjcmV0IHdvcmRz\r\n535 c2VjcmV0IHdvcmRzc2VjcmV0IHdvcmRz Ym9i\r\n",
           "<redacted 16 octets>\n<redacted 16 octets><redacted 16 octets> <redacted 4 octets>");
  /* Not enough to tell, another case, nothing of it. */
  redacts ("secret words", "500 c2VjcmV\r\n", "c2VjcmV");
  redacts ("secret words", "500 C2VJCMV0IHDVCMRZ\r\n", "C2VJCMV0IHDVCMRZ");
  redacts ("secret words", "535 5.7.8 authentication failed: UGFzc3dvcmQ6\r\n", "authentication failed: UGFzc3dvcmQ6");
  redacts ("", "535\r\n", "");
}

/* The password itself, as PLAIN, LOGIN and OAUTHBEARER say it; the name stays. */
static void
test_clear (void)
{
  static const char plain[] = "\0alice\0secret words";
  static const char bearer[] = "n,a=alice,\001host=mx\001auth=Bearer ya29.token\001\001";
  VdEcho *echo = vd_echo_new ();
  struct
  {
    const char *said;
    gsize size;
    const char *text, *wish;
  } rows[] = {
    { plain, sizeof plain - 1, "535 alice may not use secret words\r\n", "alice may not use <redacted 12 octets>" },
    { plain, sizeof plain - 1, "535 secret word\r\n", "secret word" },
    { bearer, sizeof bearer - 1, "535 ya29.token of alice has expired\r\n", "<redacted 10 octets> of alice has expired" },
    { "alice", 5, "535 alice\r\n", "<redacted 5 octets>" },
    { "words", 5, "535 no words, alice\r\n", "no <redacted 5 octets>, alice" },
    { "abc", 3, "535 abc\r\n", "abc" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (VdReply) reply = reply_of (rows[i].text);

      vd_echo_add (echo, rows[i].said, rows[i].size);
      g_autoptr (VdReply) safe = vd_echo_redact (echo, reply);
      g_autofree char *shown = vd_reply_text (safe);
      g_assert_cmpstr (shown, ==, rows[i].wish);
    }
  vd_echo_free (echo);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/echo/SEC-9-redact", test_redact);
  g_test_add_func ("/echo/SEC-9-clear", test_clear);
  return g_test_run ();
}
