/* SPDX-License-Identifier: MIT */
/* Server targets and lists. */
#include <glib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/net/target.h"

static void
test_accepted (void)
{
  static const struct
  {
    const char *entry;
    VdScheme scheme;
    VdTlsHint tls;
    const char *host;
    const char *peer_name;
    guint port;
    gboolean port_given;
    const char *text;
  } rows[] = {
    { "mail.example.org", VD_SCHEME_NONE, VD_TLS_HINT_AUTO, "mail.example.org", "mail.example.org", 0, FALSE,
      "mail.example.org" },
    { "Mail.Example.ORG:587", VD_SCHEME_NONE, VD_TLS_HINT_AUTO, "mail.example.org", "mail.example.org", 587, TRUE,
      "mail.example.org:587" },
    { "mail.example.org.:25", VD_SCHEME_NONE, VD_TLS_HINT_AUTO, "mail.example.org.", "mail.example.org", 25, TRUE,
      "mail.example.org.:25" },
    { "localhost", VD_SCHEME_NONE, VD_TLS_HINT_AUTO, "localhost", "localhost", 0, FALSE, "localhost" },
    { "my_host-2", VD_SCHEME_NONE, VD_TLS_HINT_AUTO, "my_host-2", "my_host-2", 0, FALSE, "my_host-2" },
    { "1.2.3.4", VD_SCHEME_NONE, VD_TLS_HINT_AUTO, "1.2.3.4", "1.2.3.4", 0, FALSE, "1.2.3.4" },
    { "1.2.3.4:65535", VD_SCHEME_NONE, VD_TLS_HINT_AUTO, "1.2.3.4", "1.2.3.4", 65535, TRUE, "1.2.3.4:65535" },
    { "[1.2.3.4]:25", VD_SCHEME_NONE, VD_TLS_HINT_AUTO, "1.2.3.4", "1.2.3.4", 25, TRUE, "1.2.3.4:25" },
    { "::1", VD_SCHEME_NONE, VD_TLS_HINT_AUTO, "::1", "::1", 0, FALSE, "[::1]" },
    { "[::1]", VD_SCHEME_NONE, VD_TLS_HINT_AUTO, "::1", "::1", 0, FALSE, "[::1]" },
    { "[::1]:587", VD_SCHEME_NONE, VD_TLS_HINT_AUTO, "::1", "::1", 587, TRUE, "[::1]:587" },
    { "2001:DB8:0::25", VD_SCHEME_NONE, VD_TLS_HINT_AUTO, "2001:db8::25", "2001:db8::25", 0, FALSE, "[2001:db8::25]" },
    { "fe80::1%eth0", VD_SCHEME_NONE, VD_TLS_HINT_AUTO, "fe80::1%eth0", "fe80::1", 0, FALSE, "[fe80::1%eth0]" },
    { "[fe80::1%25]:25", VD_SCHEME_NONE, VD_TLS_HINT_AUTO, "fe80::1%25", "fe80::1", 25, TRUE, "[fe80::1%25]:25" },
    { "smtp://[fe80::1%25eth0]", VD_SCHEME_SMTP, VD_TLS_HINT_AUTO, "fe80::1%eth0", "fe80::1", 25, FALSE, "[fe80::1%eth0]:25" },
    { "smtp://mail.example.org", VD_SCHEME_SMTP, VD_TLS_HINT_AUTO, "mail.example.org", "mail.example.org", 25, FALSE,
      "mail.example.org:25" },
    { "SMTP://mail.example.org:2525", VD_SCHEME_SMTP, VD_TLS_HINT_AUTO, "mail.example.org", "mail.example.org", 2525, TRUE,
      "mail.example.org:2525" },
    { "submission://a.example/", VD_SCHEME_SUBMISSION, VD_TLS_HINT_STARTTLS, "a.example", "a.example", 587, FALSE,
      "a.example:587" },
    { "smtps://a.example", VD_SCHEME_SMTPS, VD_TLS_HINT_IMPLICIT, "a.example", "a.example", 465, FALSE, "a.example:465" },
    { "submissions://[::1]:4650", VD_SCHEME_SUBMISSIONS, VD_TLS_HINT_IMPLICIT, "::1", "::1", 4650, TRUE, "[::1]:4650" },
    { "submissions://1.2.3.4", VD_SCHEME_SUBMISSIONS, VD_TLS_HINT_IMPLICIT, "1.2.3.4", "1.2.3.4", 465, FALSE, "1.2.3.4:465" },
    { "lmtp://a.example:24", VD_SCHEME_LMTP, VD_TLS_HINT_AUTO, "a.example", "a.example", 24, TRUE, "a.example:24" },
    { "correo.españa.example:25", VD_SCHEME_NONE, VD_TLS_HINT_AUTO, "correo.xn--espaa-rta.example",
      "correo.xn--espaa-rta.example", 25, TRUE, "correo.xn--espaa-rta.example:25" },
    { "smtp", VD_SCHEME_NONE, VD_TLS_HINT_AUTO, "smtp", "smtp", 0, FALSE, "smtp" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      GError *error = NULL;
      VdTarget *target = vd_target_parse ("servers", rows[i].entry, &error);
      g_assert_no_error (error);
      g_assert_cmpint (target->scheme, ==, rows[i].scheme);
      g_assert_cmpint (target->tls, ==, rows[i].tls);
      g_assert_cmpint (target->lmtp, ==, rows[i].scheme == VD_SCHEME_LMTP);
      g_assert_cmpstr (target->host, ==, rows[i].host);
      g_assert_cmpstr (target->peer_name, ==, rows[i].peer_name);
      g_assert_cmpuint (target->port, ==, rows[i].port);
      g_assert_cmpint (target->port_given, ==, rows[i].port_given);
      g_assert_cmpstr (target->text, ==, rows[i].text);
      g_assert_null (target->unix_path);
      vd_target_free (target);
    }
}

static void
test_unix (void)
{
  static const struct
  {
    const char *entry;
    const char *path;
    gboolean lmtp;
  } rows[] = {
    { "unix:/run/lmtp", "/run/lmtp", FALSE },
    { "unix:///run/lmtp", "/run/lmtp", FALSE },
    { "lmtp:unix:/run/dovecot/lmtp", "/run/dovecot/lmtp", TRUE },
    { "unix:/run/postfix@in/s:25", "/run/postfix@in/s:25", FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      GError *error = NULL;
      VdTarget *target = vd_target_parse ("servers", rows[i].entry, &error);
      g_autofree char *text = g_strconcat ("unix:", rows[i].path, NULL);
      g_assert_no_error (error);
      g_assert_cmpint (target->scheme, ==, VD_SCHEME_UNIX);
      g_assert_cmpint (target->tls, ==, VD_TLS_HINT_NONE);
      g_assert_cmpint (target->lmtp, ==, rows[i].lmtp);
      g_assert_cmpstr (target->unix_path, ==, rows[i].path);
      g_assert_cmpstr (target->text, ==, text);
      g_assert_null (target->host);
      g_assert_cmpuint (target->port, ==, 0);
      vd_target_free (target);
    }
}

static void
test_refused (void)
{
  static const char *const rows[] = {
    "",
    ".",
    "..",
    "a..b",
    ".a",
    "-a",
    "a-",
    "a b",
    "a\r\nNOOP",
    "a\n",
    "a\tb",
    "a\x7f",
    "a\x01",
    "a/b",
    "/run/lmtp",
    "a\\b",
    "a%b",
    "a;b",
    "a|b",
    "a$b",
    "1.2.3",
    "127.1",
    "256.1.1.1",
    "1.2.3.4.5",
    "0x7f000001",
    "0x7f.1",
    "2130706433",
    "１２７.１",     /* full-width digits become digits */
    "a℀b.example",   /* U+2100 becomes "a/c" */
    "a\xff.example", /* not UTF-8 */
    "xn--\xc3.example",
    "a:",
    "a:0",
    "a:65536",
    "a:99999999999999999999",
    "a:+25",
    "a:-25",
    "a:25x",
    "a:2 5",
    "a:smtp",
    "1.2.3.4:",
    ":25",
    "[",
    "[]",
    "[::1",
    "[::1]x",
    "[::1]:",
    "[::1]:0",
    "[::1]25",
    "[mail.example.org]:25",
    "[::g]",
    "::1:x",
    "1:2:3",
    "::1%",
    "::1%a/b",
    "::1%interface-name-too-long",
    "1.2.3.4%eth0",
    "http://a.example",
    "://a",
    "smtp://",
    "smtp:///",
    "smtp://:25",
    "smtp://a.example/path",
    "smtp://a.example//",
    "smtp://a.example?x=y",
    "smtp://a.example#f",
    "smtp://::1",
    "smtp://a:1:2",
    "smtp://[::1",
    "lmtp://a.example",
    "lmtp://a.example:25",
    "unix:",
    "unix:run/lmtp",
    "unix:@abstract",
    "unix:/run/a b",
    "unix:/run/a\nb",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      GError *error = NULL;
      VdTarget *target = vd_target_parse ("servers", rows[i], &error);
      if (target != NULL)
        g_error ("\"%s\" was accepted as %s", rows[i], target->text);
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION);
      g_assert_nonnull (strstr (error->message, "option servers"));
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      for (const char *p = error->message; *p != '\0'; p++) /* safe to print as one line */
        g_assert_false (g_ascii_iscntrl (*p));
      g_error_free (error);
    }
}

static void
test_lengths (void)
{
  GError *error = NULL;
  g_autofree char *label = g_strnfill (64, 'a');
  g_autofree char *l63 = g_strnfill (63, 'a');
  g_autofree char *l61 = g_strnfill (61, 'a');
  g_autofree char *name253 = g_strjoin (".", l63, l63, l63, l61, NULL);
  g_autofree char *name254 = g_strconcat (name253, "b", NULL);
  g_autofree char *name253dot = g_strconcat (name253, ".", NULL);

  g_assert_cmpuint (strlen (name253), ==, 253);
  g_assert_null (vd_host_to_ascii (label, &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION);
  g_clear_error (&error);
  g_assert_null (vd_host_to_ascii (name254, &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION);
  g_clear_error (&error);
  g_autofree char *ok = vd_host_to_ascii (name253, &error);
  g_autofree char *ok_dot = vd_host_to_ascii (name253dot, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (ok, ==, name253);
  g_assert_cmpstr (ok_dot, ==, name253dot);
}

static void
test_idn (void)
{
  static const struct
  {
    const char *host;
    const char *ascii;
  } rows[] = {
    { "españa.example", "xn--espaa-rta.example" },        { "ESPAÑA.example", "xn--espaa-rta.example" },
    { "espan\u0303a.example", "xn--espaa-rta.example" }, /* not composed */
    { "straße.example", "xn--strae-oqa.example" },       /* non-transitional: not "strasse" */
    { "例え。テスト", "xn--r8jz45g.xn--zckzah" },        /* ideographic full stop */
    { "XN--Strae-OQA.Example", "xn--strae-oqa.example" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      GError *error = NULL;
      g_autofree char *ascii = vd_host_to_ascii (rows[i].host, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (ascii, ==, rows[i].ascii);
    }
}

/* However the password got there, no error repeats it. */
static void
test_no_password_in_errors (void)
{
  static const char *const values[] = {
    "smtp://user:s3cr3t@mail.example.org",
    "user:s3cr3t@mail.example.org:587",
    "smtps://user:s3cr3t@mail.example.org/path?x",
    "smtp://user:s3cr3t",
    "mail.example.org:s3cr3t",
    "[::1]:s3cr3t",
    "smtp://[::1]:s3cr3t",
    "smtp://mail.example.org?password=s3cr3t",
    "smtp://mail.example.org/s3cr3t",
    "smtp://mail.example.org;AUTH=s3cr3t",
    "bad://mail.example.org/s3cr3t",
    "a.example, smtp://user:word,s3cr3t@mail.example.org",
    "a..example, smtp://user:s3cr3t word@mail.example.org",
    "smtp://user:word s3cr3t@mail.example.org",
    "smtp://s3cr3t,word@mail.example.org",
    "smtp://user:s3cr3t@mail\r\n.example.org",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    {
      GError *error = NULL;
      g_assert_null (vd_target_list (values[i], NULL, &error));
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION);
      if (strstr (error->message, "s3cr3t") != NULL)
        g_error ("the password is in the error for %s: %s", values[i], error->message);
      g_clear_error (&error);
      g_assert_null (vd_target_list ("a.example", values[i], &error)); /* or given as ports */
      if (strchr (values[i], '@') != NULL && strstr (error->message, "word@") != NULL)
        g_error ("the password is in the error for ports %s: %s", values[i], error->message);
      g_clear_error (&error);
    }
}

static char *
list_text (const char *servers, const char *ports)
{
  GError *error = NULL;
  g_autoptr (GPtrArray) targets = vd_target_list (servers, ports, &error);
  GString *text = g_string_new (NULL);

  g_assert_no_error (error);
  for (guint i = 0; i < targets->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? " " : "", ((VdTarget *) targets->pdata[i])->text);
  return g_string_free (text, FALSE);
}

static void
test_tandem (void)
{
  static const struct
  {
    const char *servers;
    const char *ports;
    const char *expected;
  } rows[] = {
    { "localhost", "25", "localhost:25" },
    { "a b c", NULL, "a b c" },
    { "a,b,c", "25", "a:25 b c" }, /* a missing port is the mode's default, not the last one */
    { "a, b , c", "25, 26, 27", "a:25 b:26 c:27" },
    { "a\tb  c", "25 26\t27", "a:25 b:26 c:27" },
    { "a", "25 26 27", "a:25" },         /* surplus ports are ignored */
    { "a,b", ",26", "a b:26" },          /* an empty port holds its place */
    { "a,,b", "25,26,27", "a:25 b:27" }, /* an empty server is skipped with its port */
    { ",a,", "1,2,3", "a:2" },
    { "a:2525,b", "25,26", "a:2525 b:26" },                 /* the entry's own port stands first */
    { "smtps://a,submission://b", "4650", "a:4650 b:587" }, /* then `ports`, then the scheme's */
    { "unix:/s,b", "25,26", "unix:/s b:26" },
    { "lmtp://a", "24", "a:24" },
    { "::1 [::1]:26", "25", "[::1]:25 [::1]:26" },
  };
  static const struct
  {
    const char *servers;
    const char *ports;
    const char *word;
  } bad[] = {
    { "", NULL, "no server" },
    { " ", NULL, "no server" },
    { ", ,", NULL, "no server" },
    { "a b..c", NULL, "entry 2" },
    { "a", "smtp", "option ports, entry 1" },
    { "a", "25 0", "option ports, entry 2" }, /* surplus, and wrong all the same */
    { "a", "25\n", "option ports" },
    { "a\nb", NULL, "0x0A" },
    { "lmtp://a", NULL, "LMTP" },
    { "lmtp://a", "25", "LMTP" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *text = list_text (rows[i].servers, rows[i].ports);
      g_assert_cmpstr (text, ==, rows[i].expected);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_null (vd_target_list (bad[i].servers, bad[i].ports, &error));
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION);
      g_assert_nonnull (strstr (error->message, bad[i].word));
    }
}

static void
test_set_port (void)
{
  VdTarget *target = vd_target_parse ("servers", "::1", NULL);

  vd_target_set_port (target, 587);
  g_assert_cmpuint (target->port, ==, 587);
  g_assert_cmpstr (target->text, ==, "[::1]:587");
  g_assert_false (target->port_given);
  vd_target_free (target);
}

static void
test_split (void)
{
  g_auto (GStrv) some = vd_list_split (" a,b\t c ,, d,");
  g_auto (GStrv) none = vd_list_split ("");
  static const char *const expected[] = { "a", "b", "c", "d", NULL };

  g_assert_true (g_strv_equal ((const char *const *) some, expected));
  g_assert_null (none[0]);
}

/* Any octets: an answer or an error, never both, never neither, and what is accepted can be read again. */
static void
test_random (void)
{
  static const char alphabet[] = "a1.:[]%/@-_ ,\\\n\xc3\xb1x?#0smtp://unix:";
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);

  for (guint round = 0; round < 20000; round++)
    {
      char entry[24];
      gint len = g_rand_int_range (rand, 0, (gint) sizeof entry);
      for (gint i = 0; i < len; i++)
        entry[i] = alphabet[g_rand_int_range (rand, 0, (gint) sizeof alphabet - 1)];
      entry[len] = '\0';
      g_autoptr (GError) error = NULL;
      VdTarget *target = vd_target_parse ("servers", entry, &error);
      g_assert_true ((target == NULL) == (error != NULL));
      if (target == NULL)
        continue;
      VdTarget *again = vd_target_parse ("servers", target->text, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (again->text, ==, target->text);
      g_assert_cmpstr (again->host, ==, target->host);
      vd_target_free (again);
      vd_target_free (target);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/target/TCP-7-accepted", test_accepted);
  g_test_add_func ("/target/unix", test_unix);
  g_test_add_func ("/target/CFG-1-refused", test_refused);
  g_test_add_func ("/target/lengths", test_lengths);
  g_test_add_func ("/target/TCP-11-idn", test_idn);
  g_test_add_func ("/target/no-password-in-errors", test_no_password_in_errors);
  g_test_add_func ("/target/CFG-13-tandem", test_tandem);
  g_test_add_func ("/target/set-port", test_set_port);
  g_test_add_func ("/target/split", test_split);
  g_test_add_func ("/target/random", test_random);
  return g_test_run ();
}
