/* SPDX-License-Identifier: MIT */
/* Tests of core/smtp/ehlo: keywords, parameters, mechanisms, and lines that break the grammar. */
#include "octets.h"

#include "core/smtp/ehlo.h"

/* `lines`: the reply's lines after the first, separated by "\n". */
static VdEhlo *
parse (const char *lines)
{
  g_autofree char *text = g_strconcat ("mx.example.org greets you\n", lines, NULL);
  g_autoptr (VdReply) reply = vd_reply_new_local (250, NULL, text);
  return vd_ehlo_parse (reply);
}

static void
assert_mechanisms (const VdEhlo *ehlo, const char *want)
{
  g_autofree char *got = g_strjoinv (" ", ehlo->mechanisms);
  g_assert_cmpstr (got, ==, want);
}

/* EHL-9: every keyword, in any case; the table of names is the keyword table. */
static void
test_keywords (void)
{
  for (guint i = 0; i < VD_EXT_N; i++)
    {
      const char *name = vd_extension_name (i);
      g_autofree char *lower = g_ascii_strdown (name, -1);
      const char *forms[] = { name, lower };
      for (gsize f = 0; f < G_N_ELEMENTS (forms); f++)
        {
          g_autoptr (VdEhlo) ehlo = parse (forms[f]);
          g_assert_cmphex (ehlo->offered, ==, 1u << i);
          g_assert_true (vd_ehlo_has (ehlo, i));
        }
    }
  g_assert_false (vd_ehlo_has (NULL, VD_EXT_SIZE));
}

static void
test_first_line (void)
{
  g_autoptr (VdReply) reply = vd_reply_new_local (250, NULL, "PIPELINING SIZE\n8BITMIME");
  g_autoptr (VdEhlo) ehlo = vd_ehlo_parse (reply);
  g_assert_cmphex (ehlo->offered, ==, 1u << VD_EXT_8BITMIME);
  g_assert_cmpuint (g_strv_length (ehlo->keywords), ==, 1);
}

static void
test_unknown (void)
{
  g_autoptr (VdEhlo) ehlo = parse ("XFOO bar\nPIPELINING\nSIZEX 5\nSIZE-1\nPIPELININGS\nDSN RET X");
  g_assert_cmphex (ehlo->offered, ==, 1u << VD_EXT_PIPELINING | 1u << VD_EXT_DSN);
  g_assert_cmpuint (g_strv_length (ehlo->keywords), ==, 6);
  g_assert_cmpstr (ehlo->keywords[0], ==, "XFOO bar");
}

/* EHL-11: skipped, and their neighbours count. */
static void
test_malformed (void)
{
  g_autoptr (VdEhlo) ehlo = parse ("\n SIZE 5\n-DSN\nCHUNKING \x01\nSTARTTLS\x7f\nSMTPUTF8\xc3\xa9\nAUTH PL\xef\xbf\xbd"
                                   "AIN\nPIPELINING   \n8BITMIME\t\n=AUTH X");
  g_assert_cmphex (ehlo->offered, ==, 1u << VD_EXT_PIPELINING | 1u << VD_EXT_8BITMIME);
  assert_mechanisms (ehlo, "");
  g_assert_cmpstr (ehlo->keywords[3], ==, "CHUNKING \\x01");
}

static void
test_auth (void)
{
  static const struct
  {
    const char *lines;
    const char *want;
  } rows[] = {
    { "AUTH PLAIN LOGIN", "PLAIN LOGIN" },
    { "auth plain Login", "PLAIN LOGIN" },
    { "AUTH  PLAIN   LOGIN ", "PLAIN LOGIN" },
    { "AUTH PLAIN\nAUTH=LOGIN PLAIN\nAUTH CRAM-MD5", "PLAIN LOGIN CRAM-MD5" },
    { "AUTH PLAIN PLAIN plain PLAIN LOGIN PLAIN", "PLAIN LOGIN" },
    { "AUTH=LOGIN", "LOGIN" },
    { "auth=login", "LOGIN" },
    { "AUTH", "" },
    { "AUTH=", "" },
    { "AUTH SCRAM-SHA-256-PLUS X_1", "SCRAM-SHA-256-PLUS X_1" },
    { "AUTH ../evil PLAIN pl%s ABCDEFGHIJKLMNOPQRSTU ABCDEFGHIJKLMNOPQRST", "PLAIN ABCDEFGHIJKLMNOPQRST" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (VdEhlo) ehlo = parse (rows[i].lines);
      g_assert_true (vd_ehlo_has (ehlo, VD_EXT_AUTH));
      assert_mechanisms (ehlo, rows[i].want);
    }
}

/* SIZ-3, SIZ-7 and EHL-11: the last one wins. */
static void
test_size (void)
{
  static const struct
  {
    const char *lines;
    guint64 want;
  } rows[] = {
    { "SIZE", 0 },
    { "SIZE 0", 0 },
    { "SIZE 10240000", 10240000 },
    { "size 7", 7 },
    { "SIZE 18446744073709551615", G_MAXUINT64 },
    { "SIZE 18446744073709551616", 0 },
    { "SIZE 000000000000000000001", 0 },
    { "SIZE -5", 0 },
    { "SIZE +5", 0 },
    { "SIZE 5k", 0 },
    { "SIZE 0x10", 0 },
    { "SIZE 5 6", 5 },
    { "SIZE 5\nSIZE 9", 9 },
    { "SIZE 5\nSIZE", 0 },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (VdEhlo) ehlo = parse (rows[i].lines);
      g_assert_true (vd_ehlo_has (ehlo, VD_EXT_SIZE));
      g_assert_cmpuint (ehlo->size_limit, ==, rows[i].want);
    }
}

static void
test_helo (void)
{
  g_autoptr (VdEhlo) ehlo = vd_ehlo_new_helo ();
  g_assert_cmphex (ehlo->offered, ==, 0);
  g_assert_null (ehlo->mechanisms[0]);
  g_assert_null (ehlo->keywords[0]);
  vd_ehlo_free (NULL);
}

/* SEC-11: as many mechanisms as the caps of a reply let through, in no time and without doubles. */
static void
test_many (void)
{
  g_autoptr (GString) lines = g_string_new ("AUTH");
  for (guint i = 0; i < 30000; i++)
    g_string_append_printf (lines, "%s M%u", i % 1000 == 999 ? "\nAUTH" : "", i % 15000);
  g_autoptr (VdEhlo) ehlo = parse (lines->str);
  g_assert_cmpuint (g_strv_length (ehlo->mechanisms), ==, 15000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ehlo/EHL-9-keywords", test_keywords);
  g_test_add_func ("/ehlo/EHL-9-first-line", test_first_line);
  g_test_add_func ("/ehlo/EHL-9-unknown", test_unknown);
  g_test_add_func ("/ehlo/EHL-11-malformed", test_malformed);
  g_test_add_func ("/ehlo/EHL-11-AUT-10-auth", test_auth);
  g_test_add_func ("/ehlo/EHL-12-helo", test_helo);
  g_test_add_func ("/ehlo/SIZ-3-SIZ-7-size", test_size);
  g_test_add_func ("/ehlo/SEC-11-many-mechanisms", test_many);
  return g_test_run ();
}
