/* SPDX-License-Identifier: MIT */
/* Tests of core/smtp/command: exact lines, every octet that may not pass, lengths to the octet, base64 and redaction. */
#include <locale.h>

#include "octets.h"

#include "core/base/error.h"
#include "core/base/secret.h"
#include "core/smtp/command.h"

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VdBuffer, vd_buffer_clear)

static const VdMailParams no_params = { 0 };

static void
assert_line (VdBuffer *out, const char *want)
{
  VeredaSpan span = vd_buffer_span (out);
  assert_octets_text (span.data, span.size, want);
  vd_buffer_consume (out, span.size);
}

/* Says which row is at work, should it fail. */
static void
note (const char *text)
{
  g_autofree char *shown = vd_text_escape (text, strlen (text));
  g_test_message ("\"%s\"", shown);
}

/* Nothing appended, an error that shows nothing raw. */
static void
assert_refused (VdBuffer *out, gboolean done, GError **error, VeredaErrorCode code)
{
  g_assert_false (done);
  g_assert_error (*error, VEREDA_ERROR, (gint) code);
  g_assert_cmpuint (vd_buffer_size (out), ==, 0);
  for (const char *p = (*error)->message; *p != '\0'; p++)
    g_assert_false (g_ascii_iscntrl (*p));
  g_clear_error (error);
}

static void
test_client (void)
{
  static const char *const good[] = {
    "localhost",
    "mail.example.org",
    "a",
    "3com.example",
    "xn--bcher-kva.example",
    "[192.0.2.1]",
    "[IPv6:2001:db8::1]",
    "[ipv6:::1]",
    "[IPv6:::ffff:192.0.2.1]",
    "[tag:content!]",
  };
  static const char *const bad[] = {
    "",
    "a_b",
    "-a",
    "a-",
    ".a",
    "a.",
    "a..b",
    "a b",
    "a\r\nNOOP",
    "a\n",
    "a\rb",
    "\xc3\xa9.org",
    "192.0.2.1",
    "2001:db8::1",
    "[192.0.2.1",
    "[192.0.2.1] x",
    "[300.1.1.1]",
    "[IPv6:1]",
    "[IPv6:fe80::1%eth0]",
    "[]",
    "[192.0.2.1\r]",
    "[tag:]",
    "[tag:a]b]",
    "[:x]",
    "a\x7f",
    "a\x01",
    "[a b:c]",
    "[IPv6:192.0.2.1]",
  };
  g_autoptr (GError) error = NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      vd_command_check_client (good[i], &error);
      g_assert_no_error (error);
    }
  g_auto (VdBuffer) out;
  vd_buffer_init (&out, FALSE);
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      note (bad[i]);
      assert_refused (&out, vd_command_ehlo (&out, "EHLO", bad[i], &error), &error, VEREDA_ERROR_OPTION);
    }
  assert_refused (&out, vd_command_check_client (NULL, &error), &error, VEREDA_ERROR_OPTION);
  g_autofree char *label = g_strnfill (63, 'a');
  g_autofree char *long_label = g_strnfill (64, 'a');
  g_assert_true (vd_command_check_client (label, NULL));
  g_assert_false (vd_command_check_client (long_label, NULL));
  g_autofree char *longest = g_strjoin (".", label, label, label, label, NULL); /* 255 */
  g_autofree char *longer = g_strjoin (".", "a", longest, NULL);
  g_assert_true (vd_command_check_client (longest, NULL));
  g_assert_false (vd_command_check_client (longer, NULL));
}

static void
test_lines (void)
{
  g_auto (VdBuffer) out;
  vd_buffer_init (&out, FALSE);
  g_assert_true (vd_command_ehlo (&out, "EHLO", "mail.example.org", NULL));
  assert_line (&out, "EHLO mail.example.org\r\n");
  g_assert_true (vd_command_ehlo (&out, "LHLO", "[192.0.2.1]", NULL));
  assert_line (&out, "LHLO [192.0.2.1]\r\n");
  g_assert_true (vd_command_verb (&out, "STARTTLS", NULL));
  assert_line (&out, "STARTTLS\r\n");
  g_assert_true (vd_command_bdat (&out, 86, FALSE, NULL));
  g_assert_true (vd_command_bdat (&out, 0, TRUE, NULL));
  g_assert_true (vd_command_bdat (&out, G_MAXUINT64, TRUE, NULL));
  assert_line (&out, "BDAT 86\r\nBDAT 0 LAST\r\nBDAT 18446744073709551615 LAST\r\n");
  g_assert_true (vd_command_rcpt (&out, "Jo.Do@Example.ORG", FALSE, NULL));
  g_assert_true (vd_command_rcpt (&out, "Postmaster", FALSE, NULL));
  assert_line (&out, "RCPT TO:<Jo.Do@Example.ORG>\r\nRCPT TO:<Postmaster>\r\n");
}

/* BDT-4 */
static void
test_empty_chunk (void)
{
  g_auto (VdBuffer) out;
  vd_buffer_init (&out, FALSE);
  g_autoptr (GError) error = NULL;
  assert_refused (&out, vd_command_bdat (&out, 0, FALSE, &error), &error, VEREDA_ERROR_INTERNAL);
}

static void
test_mail (void)
{
  static const struct
  {
    const char *path;
    VdMailParams params;
    const char *want;
  } rows[] = {
    { "a@b.example", { 0 }, "MAIL FROM:<a@b.example>\r\n" },
    { "", { 0 }, "MAIL FROM:<>\r\n" },
    { "", { TRUE, 0, FALSE, FALSE }, "MAIL FROM:<> SIZE=0\r\n" },
    { "a@[192.0.2.1]", { TRUE, 1234567, TRUE, FALSE }, "MAIL FROM:<a@[192.0.2.1]> SIZE=1234567 BODY=8BITMIME\r\n" },
    { "\"a> ORCPT=x\"@b", { 0 }, "MAIL FROM:<\"a> ORCPT=x\"@b>\r\n" },
    { "\"a\\\"b\\\\\"@b", { 0 }, "MAIL FROM:<\"a\\\"b\\\\\"@b>\r\n" },
    { "\"\"@b", { 0 }, "MAIL FROM:<\"\"@b>\r\n" },
    { "j\xc3\xb6@b", { FALSE, 0, TRUE, TRUE }, "MAIL FROM:<j\xc3\xb6@b> BODY=8BITMIME SMTPUTF8\r\n" },
    { "!#$%&'*+-/=?^_`{|}~@b", { 0 }, "MAIL FROM:<!#$%&'*+-/=?^_`{|}~@b>\r\n" },
  };
  g_auto (VdBuffer) out;
  vd_buffer_init (&out, FALSE);
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      vd_command_mail (&out, rows[i].path, &rows[i].params, &error);
      g_assert_no_error (error);
      assert_line (&out, rows[i].want);
    }
}

/* CFG-1 and its kin: what would end the path or the line early, as MAIL and as RCPT. */
static void
test_bad_paths (void)
{
  static const char *const bad[] = {
    "a@b\r\nDATA",
    "a\r\n@b",
    "a@b\n",
    "a@b\r",
    "a> SIZE=1@b",
    "a@b> SIZE=1",
    "a@b SIZE=1",
    "<a@b>",
    "a b@c",
    "a@b@c",
    "@b",
    "a@",
    "a",
    "a..b@c",
    ".a@c",
    "a.@c",
    "a@b..c",
    "a@b.",
    "\"a@b",
    "\"a\"b@c",
    "\"a\r\nb\"@c",
    "\"a\nb\"@c",
    "\"a\\",
    "\"a\\\r\"@c",
    "a@[",
    "a@[1.2.3.4",
    "a@[1.2.3.4]x",
    "a@[1.2.3.4\r\n]",
    "@x,@y:a@b",
    "a,b@c",
    "a@b,c@d",
    "a(c)@b",
    "a\t@b",
    "a@b\x01",
    "a\x7f@b",
    "\"a\x7f\"@b",
    "a:b@c",
    "postmaster ",
    "post@master>",
    "a@b>",
    "a@[tag:> X=1]",
    "a@[tag:>X]",
    "a@[tag:\"x]",
  };
  g_auto (VdBuffer) out;
  vd_buffer_init (&out, FALSE);
  g_autoptr (GError) error = NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      note (bad[i]);
      assert_refused (&out, vd_command_mail (&out, bad[i], &no_params, &error), &error, VEREDA_ERROR_ADDRESS);
      assert_refused (&out, vd_command_rcpt (&out, bad[i], FALSE, &error), &error, VEREDA_ERROR_ADDRESS);
      assert_refused (&out, vd_command_rcpt (&out, bad[i], TRUE, &error), &error, VEREDA_ERROR_ADDRESS);
    }
  assert_refused (&out, vd_command_rcpt (&out, "", FALSE, &error), &error, VEREDA_ERROR_ADDRESS);
}

/* The final check sees octets: none of C0, DEL, and above 0x7f only with SMTPUTF8, whatever builder made the line. */
static void
test_every_octet (void)
{
  g_auto (VdBuffer) out;
  vd_buffer_init (&out, FALSE);
  for (guint c = 1; c < 256; c++)
    {
      const char path[] = { '"', 'a', (char) c, 'b', '"', '@', 'c', '\0' };
      const char verb[] = { 'N', (char) c, 'P', '\0' };
      gboolean graphic = c >= 0x20 && c < 0x7f;
      gboolean fits_path = graphic && c != '"' && c != '\\';
      g_assert_cmpint (vd_command_rcpt (&out, path, FALSE, NULL), ==, fits_path || c == '\\' ? TRUE : FALSE);
      g_assert_cmpint (vd_command_rcpt (&out, path, TRUE, NULL), ==,
                       fits_path || c == '\\' ? TRUE : FALSE); /* alone no UTF-8 */
      g_assert_cmpint (vd_command_verb (&out, verb, NULL), ==, graphic);
    }
}

/* U+760D and U+760A hold the octets of CR and LF only for who narrows characters; CVE-2025-7962. */
static void
test_utf8 (void)
{
  g_auto (VdBuffer) out;
  vd_buffer_init (&out, FALSE);
  g_autoptr (GError) error = NULL;
  g_assert_true (vd_command_rcpt (&out, "a\xe7\x98\x8d\xe7\x98\x8a@b", TRUE, NULL));
  assert_line (&out, "RCPT TO:<a\xe7\x98\x8d\xe7\x98\x8a@b>\r\n");
  assert_refused (&out, vd_command_rcpt (&out, "a\xe7\x98\x8d@b", FALSE, &error), &error, VEREDA_ERROR_ADDRESS);
  assert_refused (&out, vd_command_rcpt (&out, "a\xc0\x8d@b", TRUE, &error), &error, VEREDA_ERROR_ADDRESS); /* overlong CR */
  assert_refused (&out, vd_command_rcpt (&out, "a\xed\xa0\x80@b", TRUE, &error), &error, VEREDA_ERROR_ADDRESS); /* surrogate */
  assert_refused (&out, vd_command_rcpt (&out, "a\xc3@b", TRUE, &error), &error, VEREDA_ERROR_ADDRESS);
}

/* MAI-5, MAI-7. */
static void
test_lengths (void)
{
  g_auto (VdBuffer) out;
  vd_buffer_init (&out, FALSE);
  g_autoptr (GError) error = NULL;
  g_autofree char *local = g_strnfill (252, 'a');
  g_autofree char *fits = g_strconcat (local, "@b", NULL);
  g_autofree char *over = g_strconcat ("a", local, "@b", NULL);
  g_assert_true (vd_command_rcpt (&out, fits, FALSE, NULL));
  vd_buffer_consume (&out, vd_buffer_size (&out));
  assert_refused (&out, vd_command_rcpt (&out, over, FALSE, &error), &error, VEREDA_ERROR_ADDRESS);

  g_autofree char *verb = g_strnfill (510, 'V');
  g_autofree char *longer = g_strnfill (511, 'V');
  g_assert_true (vd_command_verb (&out, verb, NULL));
  g_assert_cmpuint (vd_buffer_size (&out), ==, 512);
  vd_buffer_consume (&out, 512);
  assert_refused (&out, vd_command_verb (&out, longer, &error), &error, VEREDA_ERROR_OPTION);
}

/* Numbers do not change with the locale; HDR-5's cousin. */
static void
test_locale (void)
{
  g_autofree char *before = g_strdup (setlocale (LC_ALL, NULL));
  if (setlocale (LC_ALL, "de_DE.UTF-8") == NULL && setlocale (LC_ALL, "C.UTF-8") == NULL)
    g_test_skip ("no other locale here");
  g_auto (VdBuffer) out;
  vd_buffer_init (&out, FALSE);
  VdMailParams params = { TRUE, 1234567890123, FALSE, FALSE };
  g_assert_true (vd_command_mail (&out, "a@b", &params, NULL));
  assert_line (&out, "MAIL FROM:<a@b> SIZE=1234567890123\r\n");
  setlocale (LC_ALL, before);
}

static GByteArray *
octets (gsize n)
{
  GByteArray *array = g_byte_array_new ();
  g_byte_array_set_size (array, (guint) n);
  for (gsize i = 0; i < n; i++)
    array->data[i] = (guint8) i;
  return array;
}

static void
test_auth (void)
{
  g_auto (VdBuffer) out;
  vd_buffer_init (&out, TRUE);
  gboolean fits = FALSE;
  g_autoptr (GByteArray) initial = g_byte_array_new ();
  g_assert_true (vd_command_auth (&out, "LOGIN", NULL, NULL, NULL));
  assert_line (&out, "AUTH LOGIN\r\n");
  g_assert_true (vd_command_auth (&out, "EXTERNAL", initial, &fits, NULL));
  g_assert_true (fits);
  assert_line (&out, "AUTH EXTERNAL =\r\n");
  g_byte_array_append (initial, (const guint8 *) "\0tim\0tanstaaftanstaaf", 21);
  g_assert_true (vd_command_auth (&out, "PLAIN", initial, &fits, NULL));
  assert_line (&out, "AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n");
}

/* AUT-3: 512 to the octet. "AUTH PLAIN " and CRLF leave 499: 496 base64 octets, 372 of ours. */
static void
test_auth_length (void)
{
  g_auto (VdBuffer) out;
  vd_buffer_init (&out, TRUE);
  gboolean fits = FALSE;
  g_autoptr (GByteArray) longest = octets (372);
  g_assert_true (vd_command_auth (&out, "PLAIN", longest, &fits, NULL));
  g_assert_true (fits);
  g_assert_cmpuint (vd_buffer_size (&out), ==, 11 + 496 + 2);
  vd_buffer_consume (&out, vd_buffer_size (&out));
  g_autoptr (GByteArray) over = octets (373);
  g_assert_true (vd_command_auth (&out, "PLAIN", over, &fits, NULL));
  g_assert_false (fits);
  g_assert_cmpuint (vd_buffer_size (&out), ==, 0);
  /* Exactly 512: a mechanism name of eight. */
  g_assert_true (vd_command_auth (&out, "ABCDEFGH", longest, &fits, NULL));
  g_assert_true (fits);
  g_assert_cmpuint (vd_buffer_size (&out), ==, 512);
  g_assert_true (vd_command_auth (&out, "ABCDEFGHI", longest, &fits, NULL));
  g_assert_false (fits);
}

static void
test_auth_name (void)
{
  static const char *const bad[]
      = { "", "plain", "PLAIN X", "PLAIN\r\nQUIT", "A/B", "ABCDEFGHIJKLMNOPQRSTU", "PL\xc3\xa9", "../X", "A=" };
  g_auto (VdBuffer) out;
  vd_buffer_init (&out, TRUE);
  g_autoptr (GError) error = NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_refused (&out, vd_command_auth (&out, bad[i], NULL, NULL, &error), &error, VEREDA_ERROR_OPTION);
}

static void
test_response (void)
{
  g_auto (VdBuffer) out;
  vd_buffer_init (&out, TRUE);
  g_autoptr (GByteArray) none = g_byte_array_new ();
  g_autoptr (GByteArray) one = g_byte_array_new ();
  g_byte_array_append (one, (const guint8 *) "\x01", 1);
  vd_command_auth_response (&out, none);
  vd_command_auth_response (&out, NULL);
  vd_command_auth_response (&out, one);
  vd_command_auth_cancel (&out);
  assert_line (&out, "\r\n\r\nAQ==\r\n*\r\n");
  /* AUT-8: long, on one line, and back. */
  g_autoptr (GByteArray) longest = octets (9216);
  vd_command_auth_response (&out, longest);
  VeredaSpan span = vd_buffer_span (&out);
  g_assert_cmpuint (span.size, ==, 12288 + 2);
  g_autoptr (GByteArray) back = NULL;
  g_assert_true (vd_command_decode_challenge (span.data, span.size - 2, &back, NULL));
  assert_octets (back->data, back->len, longest->data, longest->len);
}

static void
test_challenge (void)
{
  static const struct
  {
    const char *text;
    const char *want; /* NULL: refused */
  } rows[] = {
    { "", "" },
    { "VXNlcm5hbWU6", "Username:" },
    { "YQ==", "a" },
    { "YWI=", "ab" },
    { "PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+", "<1896.697170952@postoffice.reston.mci.net>" },
    { "=", NULL },
    { "==", NULL },
    { "====", NULL },
    { "YQ", NULL },
    { "YQ=", NULL },
    { "Y===", NULL },
    { "YQ==YQ==", NULL },
    { "YWI= ", NULL },
    { " YWI=", NULL },
    { "YW\nI", NULL },
    { "YW-_", NULL },
    { "YW*I", NULL },
    { "Y=I=", NULL },
    { "\xc3\xa9YQ", NULL },
    { "Username:", NULL },
    { "go ahead", NULL },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GByteArray) got = NULL;
      g_autoptr (GError) error = NULL;
      gboolean done = vd_command_decode_challenge (rows[i].text, strlen (rows[i].text), &got, &error);
      note (rows[i].text);
      g_assert_cmpint (done, ==, rows[i].want != NULL);
      if (done)
        assert_octets_text (got->data, got->len, rows[i].want);
      else
        g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_PROTOCOL);
    }
}

static void
test_trace (void)
{
  static const struct
  {
    const char *line;
    gboolean response;
    const char *want;
  } rows[] = {
    { "EHLO mail.example.org", FALSE, "EHLO mail.example.org" },
    { "AUTH LOGIN", FALSE, "AUTH LOGIN" },
    { "AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0", FALSE, "AUTH PLAIN <redacted 24 octets>" },
    { "AUTH EXTERNAL =", FALSE, "AUTH EXTERNAL =" },
    { "auth plain c2VjcmV0", FALSE, "auth plain <redacted 8 octets>" },
    { "c2VjcmV0", TRUE, "<redacted 8 octets>" },
    { "AUTH", TRUE, "<redacted 4 octets>" },
    { "*", TRUE, "*" },
    { "", TRUE, "" },
    { "RCPT TO:<j\xc3\xb6@b>", FALSE, "RCPT TO:<j\xc3\xb6@b>" },
    { "x\x1b[0m", FALSE, "x\\x1B[0m" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *got = vd_command_trace (rows[i].line, strlen (rows[i].line), rows[i].response);
      g_assert_cmpstr (got, ==, rows[i].want);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/command/EHL-3-EHL-4-EHL-5-client", test_client);
  g_test_add_func ("/command/lines", test_lines);
  g_test_add_func ("/command/BDT-4-empty-chunk", test_empty_chunk);
  g_test_add_func ("/command/MAI-1-MAI-2-mail", test_mail);
  g_test_add_func ("/command/CFG-1-bad-paths", test_bad_paths);
  g_test_add_func ("/command/CFG-1-every-octet", test_every_octet);
  g_test_add_func ("/command/U8-10-utf8", test_utf8);
  g_test_add_func ("/command/MAI-5-MAI-7-lengths", test_lengths);
  g_test_add_func ("/command/locale", test_locale);
  g_test_add_func ("/command/AUT-4-auth", test_auth);
  g_test_add_func ("/command/AUT-3-length", test_auth_length);
  g_test_add_func ("/command/AUT-10-name", test_auth_name);
  g_test_add_func ("/command/AUT-4-AUT-6-AUT-8-response", test_response);
  g_test_add_func ("/command/AUT-5-AUT-7-challenge", test_challenge);
  g_test_add_func ("/command/SEC-9-trace", test_trace);
  return g_test_run ();
}
