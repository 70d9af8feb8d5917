/* SPDX-License-Identifier: MIT */
/* Tests of the option table and of setting by name: the table is whole, every type refuses what is not of it, errors name the option, what is
 * refused changes nothing, secrets do not come back. */
#include <string.h>

#include "core/base/error.h"
#include "core/send/options.h"
#include "sending.h"

/* ---- the table ---- */

/* tcllib's smtp::sendmessage, standards Part II, and nothing else. */
static const char *const seed_names[]
    = { "-atleastone", "-client",     "-debug",   "-header",    "-maxsecs",   "-originator", "-password", "-ports",
        "-queue",      "-recipients", "-servers", "-tlsimport", "-tlspolicy", "-username",   "-usetls" };

static gboolean
is_word (const char *name)
{
  for (const char *p = name; *p != '\0'; p++)
    if (!g_ascii_islower (*p) && !(*p == '-' && p > name && p[1] != '\0' && p[1] != '-'))
      return FALSE;
  return *name != '\0';
}

static void
test_rows (void)
{
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);

  g_assert_cmpuint (vereda_option_count (), ==, VD_OPTION_N);
  g_assert_null (vereda_option_at (VD_OPTION_N));
  for (guint i = 0; i < vereda_option_count (); i++)
    {
      const VeredaOptionInfo *info = vereda_option_at (i);

      g_assert_nonnull (info);
      g_assert_nonnull (info->name);
      g_test_message ("%s", info->name);
      g_assert_true (is_word (info->name));
      g_assert_true (g_hash_table_add (names, (gpointer) info->name));
      g_assert_true (info->seed == NULL || (info->seed[0] == '-' && g_hash_table_add (names, (gpointer) info->seed)));
      g_assert_nonnull (info->help);
      g_assert_cmpuint (strlen (info->help), >, 10);
      g_assert_true (g_utf8_validate (info->help, -1, NULL));
      g_assert_null (strchr (info->help, '\n'));
      g_assert_cmpint (info->help[strlen (info->help) - 1], !=, '.');
      g_assert_true ((info->type == VEREDA_OPTION_CHOICE) == (info->choices != NULL));
      g_assert_true ((info->type == VEREDA_OPTION_BOOLEAN) == (info->argument == NULL));
      g_assert_true (info->type != VEREDA_OPTION_SECRET || info->default_value == NULL);
    }
}

/* A default is a value that the option itself would take. */
static void
test_defaults (void)
{
  g_autoptr (VeredaOptions) options = vereda_options_new ();

  for (guint i = 0; i < vereda_option_count (); i++)
    {
      const VeredaOptionInfo *info = vereda_option_at (i);
      g_autoptr (GError) error = NULL;

      g_assert_cmpstr (vereda_options_get (options, info->name), ==, info->default_value);
      g_assert_false (vereda_options_is_set (options, info->name));
      if (info->default_value == NULL)
        continue;
      vereda_options_set (options, info->name, info->default_value, &error);
      g_assert_no_error (error);
      g_assert_true (vereda_options_is_set (options, info->name));
    }
}

static void
test_seed_names (void)
{
  guint found = 0;

  for (guint i = 0; i < vereda_option_count (); i++)
    found += vereda_option_at (i)->seed != NULL;
  g_assert_cmpuint (found, ==, G_N_ELEMENTS (seed_names));
  for (gsize k = 0; k < G_N_ELEMENTS (seed_names); k++)
    {
      const VeredaOptionInfo *row = NULL;

      for (guint i = 0; i < vereda_option_count () && row == NULL; i++)
        if (g_strcmp0 (vereda_option_at (i)->seed, seed_names[k]) == 0)
          row = vereda_option_at (i);
      g_test_message ("%s", seed_names[k]);
      g_assert_nonnull (row);
    }
}

static void
test_seed_sets (void)
{
  g_autoptr (VeredaOptions) options = vereda_options_new ();
  g_autoptr (GError) error = NULL;

  g_assert_true (vereda_options_set (options, "-atleastone", "YES", &error));
  g_assert_true (vd_options_bool (options, VD_OPTION_AT_LEAST_ONE));
  g_assert_cmpstr (vereda_options_get (options, "-atleastone"), ==, "YES");
  g_assert_cmpstr (vereda_options_get (options, "at-least-one"), ==, "YES");
  g_assert_true (vereda_options_set (options, "-header", "X-A: 1", &error));
  g_assert_true (vereda_options_is_set (options, "header"));
  g_assert_no_error (error);
}

/* ---- setting ---- */

static void
test_unknown (void)
{
  g_autoptr (VeredaOptions) options = vereda_options_new ();
  static const char *const names[] = { "", "-", "server", "SERVERS", "servers ", "-bcc", "--servers", "tls\x1b[31m" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (vereda_options_set (options, names[i], "x", &error));
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION);
      g_assert_null (strchr (error->message, 0x1b));
      g_assert_null (vereda_options_get (options, names[i]));
      g_assert_false (vereda_options_is_set (options, names[i]));
      g_assert_false (vereda_options_set (options, names[i], NULL, NULL));
    }
}

typedef struct
{
  const char *name, *good, *bad; /* bad: values separated by '|' */
} Row;

#define PIN  "sha256//Sl5cjiCtIUrePxoMutLP6O3TVU+qrpAKboyxlvWo91w="
#define HASH "0123456789abcdef 0123456789ABCDEF 0123456789abcdef0123456789abcdef"

static const Row rows[] = {
  { "servers", "smtps://mail.example.org, [::1]:587",
    "|, ,|http://example.org|a b:0|smtp://u:p@example.org|host:70000|lmtp://host" },
  { "ports", "25, 587", "0|65536|-1|25x|smtp|+25| 2 5 x" },
  { "client", "client.example.org", "|client_x.example.org|a..b|192.0.2.1|[192.0.2.300]|-a.example.org|b\xc3\xbc.example.org" },
  { "originator", "Ann <ann@example.org>", "ann@|a@b, c@d|ann@exa mple.org|<>x" },
  { "recipients", "a@example.org, G: b@example.org;", " |a@|@example.org|G: ;|a@example.org,,<" },
  { "at-least-one", "on", "|2|yess|o n|ja" },
  { "bcc", "digest", "|Same|digest |same,digest" },
  { "empty-bcc", "1", "|-1" },
  { "default-domain", "example.org", "|exa mple|.|a..b|[192.0.2.1" },
  { "queue", "true", "|x" },
  { "tls", "implicit", "|TLS|yes|required" },
  { "usetls", "no", "|never" },
  { "tlsimport", "off", "|auto" },
  { "tlspolicy", "secure", "|ask" },
  { "transport", "starttls/gnutls, plain", "|,|a/b/c|starttls/|/gnutls" },
  { "ca-file", "/etc/roots.pem", "" },
  { "ca-dir", "/etc/roots", "" },
  { "cert-file", "cert.pem", "" },
  { "key-file", "key.pem", "" },
  { "verify-name", "mail.example.org", "|a b|exa_mple..org|[x" },
  { "pins", PIN ", " PIN,
    "|,|" PIN ",sha1//x|sha256//|sha256//AAAA|" PIN "A|SHA256"
    "//AAAA|MD5|" PIN "=" },
  { "tlsa", "3 1 1 " HASH ", 2 0 1 " HASH,
    "|,|3 1 1|3 1 1 " HASH "0|3 1 1 zz|1 1 1 " HASH "|0 1 1 " HASH "|4 1 1 " HASH "|3 2 1 " HASH "|3 1 3 " HASH "|3 1 2 " HASH
    "|3 1 1 00|256 1 1 " HASH "|-3 1 1 " HASH "|3 1 " HASH "|3 1 0" },
  { "tls-min", "1.3", "|1.1|1.0|1|TLS1.3" },
  { "tls-priority", "NORMAL:-VERS-TLS1.2", "|caf\xc3\xa9" },
  { "insecure", "yes", "|2" },
  { "username", "tim", "" },
  { "authzid", "boss", "" },
  { "realm", "example.org", "" },
  { "auth", "PLAIN, LOGIN", "|,|PLA IN?|X.Y|ABCDEFGHIJKLMNOPQRSTU" },
  { "no-auth", "plain", "|PLAIN;LOGIN" },
  { "auth-fallback", "stop", "|go" },
  { "auth-optional", "no", "|perhaps" },
  { "auth-min-strength", "6999", "|-1|7000|1.5|0x10| 5" },
  { "no-historic-auth", "yes", "|x" },
  { "insecure-cleartext-auth", "yes", "|x" },
  { "pipelining", "window", "|on|windows" },
  { "window-messages", "1", "|0|10001|-1|x|1.5" },
  { "window-octets", "1073741824", "|0|1073741825|1k" },
  { "auth-pipelining", "yes", "|x" },
  { "chunking", "never", "|yes" },
  { "lone-cr", "convert", "|x" },
  { "long-lines", "allow", "|x" },
  { "connections", "65535", "|0|65536|-1|many" },
  { "messages-per-connection", "0", "|-1|65536|x" },
  { "keep", "yes", "|x" },
  { "tls-resume", "no", "|x" },
  { "family", "ipv6", "|inet|4" },
  { "local-address", "192.0.2.1", "|localhost|192.0.2.1:25|192.0.2" },
  { "idle-timeout", "5", "|x|-1" },
  { "connect-timeout", "0.001", "|x|-1|86401|0.0001|1s|1e3|0x10|nan|inf|.|1.2.3| 1|+1" },
  { "tls-timeout", "60", "|x" },
  { "timeout-greeting", "1.5", "|x" },
  { "timeout-command", "86400", "|x" },
  { "timeout-mail", "300", "|x" },
  { "timeout-rcpt", "300", "|x" },
  { "timeout-data", "300", "|x" },
  { "timeout-block", "300", "|x" },
  { "timeout-end", "600", "|x" },
  { "timeout-quit", "0", "|x" },
  { "maxsecs", "120", "|x|-1" },
  { "deadline", "10", "|x" },
  { "debug", "no", "|x" },
};

/* Every option that has values has a row above. */
static void
test_all_have_rows (void)
{
  for (guint i = 0; i < vereda_option_count (); i++)
    {
      const VeredaOptionInfo *info = vereda_option_at (i);
      gboolean found = info->type == VEREDA_OPTION_HEADER || info->type == VEREDA_OPTION_SECRET;

      for (gsize k = 0; k < G_N_ELEMENTS (rows) && !found; k++)
        found = g_str_equal (rows[k].name, info->name);
      g_test_message ("%s", info->name);
      g_assert_true (found);
    }
}

static void
test_good (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (VeredaOptions) options = vereda_options_new ();
      g_autoptr (GError) error = NULL;

      vereda_options_set (options, rows[i].name, rows[i].good, &error);
      g_assert_no_error (error);
      g_assert_true (vereda_options_is_set (options, rows[i].name));
      g_assert_cmpstr (vereda_options_get (options, rows[i].name), ==, rows[i].good);
      vereda_options_set (options, rows[i].name, NULL, &error);
      g_assert_no_error (error);
      g_assert_false (vereda_options_is_set (options, rows[i].name));
    }
}

static void
refuses (VeredaOptions *options, const Row *row, const char *value)
{
  g_autofree char *named = g_strdup_printf ("option %s", row->name);
  g_autoptr (GError) error = NULL;

  g_test_message ("%s = \"%s\"", row->name, value);
  g_assert_false (vereda_options_set (options, row->name, value, &error));
  g_assert_true (g_error_matches (error, VEREDA_ERROR, VEREDA_ERROR_OPTION)
                 || g_error_matches (error, VEREDA_ERROR, VEREDA_ERROR_ADDRESS));
  g_assert_true (g_str_has_prefix (error->message, named));
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  for (const char *p = error->message; *p != '\0'; p++)
    g_assert_true ((guchar) *p >= 0x20 && *p != 0x7f);
  g_assert_cmpstr (vereda_options_get (options, row->name), ==, row->good); /* nothing is changed */
}

static void
test_bad (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (VeredaOptions) options = vereda_options_new ();
      g_auto (GStrv) values = g_strsplit (rows[i].bad, "|", -1);

      vereda_options_set (options, rows[i].name, rows[i].good, NULL);
      if (*rows[i].bad == '\0') /* a path, a name: anything but nothing */
        refuses (options, &rows[i], "");
      for (guint k = 0; values[k] != NULL && *rows[i].bad != '\0'; k++)
        if (*values[k] != '\0' || !g_str_equal (rows[i].name, "ports"))
          refuses (options, &rows[i], values[k]);
    }
}

/* CFG-1, SEC-6: in every place of every option. */
static void
test_controls (void)
{
  static const char controls[] = "\r\n\t\x01\x1b\x7f";

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    for (const char *control = controls; *control != '\0'; control++)
      {
        g_autoptr (VeredaOptions) options = vereda_options_new ();
        g_autofree char *in_front = g_strdup_printf ("%c%s", *control, rows[i].good);
        g_autofree char *behind = g_strdup_printf ("%s%c", rows[i].good, *control);
        g_autofree char *middle = g_strdup_printf ("%c%c%s", rows[i].good[0], *control, rows[i].good + 1);

        vereda_options_set (options, rows[i].name, rows[i].good, NULL);
        refuses (options, &rows[i], in_front);
        refuses (options, &rows[i], behind);
        refuses (options, &rows[i], middle);
      }
}

static void
test_null_error (void)
{
  g_autoptr (VeredaOptions) options = vereda_options_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    g_assert_false (vereda_options_set (options, rows[i].name, "\r", NULL));
}

/* ---- headers ---- */

static void
test_headers (void)
{
  static const char *const bad[] = { "",
                                     "no colon",
                                     ": nothing",
                                     "X-A : b",
                                     "X A: b",
                                     "X-A: b\r\nX-B: c",
                                     "X-A: b\nY",
                                     "X-A: b\r",
                                     "X-A\r\n: b",
                                     "Content-Type: text/plain",
                                     "content-transfer-encoding: 8bit",
                                     "MIME-Version: 1.0",
                                     "Content-MD5: x",
                                     "Return-Path: <a@b>",
                                     "Received: x",
                                     "X-\xc3\xbc: y" };
  g_autoptr (VeredaOptions) options = vereda_options_new ();
  g_autoptr (GError) error = NULL;

  g_assert_true (vereda_options_set (options, "header", "Subject:  hello", &error));
  g_assert_true (vereda_options_add_header (options, "X-A", "1", &error));
  g_assert_true (vereda_options_set (options, "header", "X-A: 2", &error)); /* accumulates */
  g_assert_no_error (error);
  g_assert_cmpuint (options->headers->len, ==, 3);
  g_assert_cmpstr (((VdHeaderOption *) options->headers->pdata[0])->value, ==, "hello");
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) why = NULL;

      g_test_message ("\"%s\"", bad[i]);
      g_assert_false (vereda_options_set (options, "header", bad[i], &why));
      g_assert_error (why, VEREDA_ERROR, VEREDA_ERROR_OPTION);
      g_assert_true (g_str_has_prefix (why->message, "option header"));
      g_assert_cmpuint (options->headers->len, ==, 3);
    }
  g_assert_null (vereda_options_get (options, "header"));
  g_assert_true (vereda_options_set (options, "header", NULL, &error));
  g_assert_cmpuint (options->headers->len, ==, 0);
}

/* ---- secrets ---- */

static void
test_password (void)
{
  g_autoptr (VeredaOptions) options = vereda_options_new ();
  g_autoptr (GError) error = NULL;

  g_assert_true (vereda_options_set (options, "-password", "tanstaaftanstaaf", &error));
  g_assert_no_error (error);
  g_assert_true (vereda_options_is_set (options, "password"));
  g_assert_null (vereda_options_get (options, "password"));
  g_assert_null (vereda_options_get (options, "-password"));
  for (guint i = 0; i < VD_OPTION_N; i++)
    g_assert_true (options->values[i] == NULL || strstr (options->values[i], "tanstaaf") == NULL);
  g_assert_cmpuint (vd_secret_span (options->password).size, ==, 16);

  vereda_options_set_password_data (options, "a\0b", 3);
  g_assert_cmpuint (vd_secret_span (options->password).size, ==, 3);
  g_assert_false (vereda_options_set (options, "password", "tanst\raaf", &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION);
  g_assert_null (strstr (error->message, "tanst"));
  g_assert_cmpuint (vd_secret_span (options->password).size, ==, 3); /* nothing is changed */

  vereda_options_set_password (options, NULL);
  g_assert_false (vereda_options_is_set (options, "password"));
}

/* ---- copies ---- */

static void
test_copy (void)
{
  g_autoptr (VeredaOptions) options = vereda_options_new ();
  VeredaOptions *copy;

  vereda_options_set (options, "username", "tim", NULL);
  vereda_options_set (options, "header", "X-A: 1", NULL);
  vereda_options_set_password (options, "secret");
  vereda_options_set_token (options, "token");
  copy = vereda_options_copy (options);
  vereda_options_set (options, "username", "another", NULL);
  vereda_options_set (options, "header", "X-A: 2", NULL);
  vereda_options_set_password (options, NULL);
  vereda_options_set_token (options, NULL);

  g_assert_cmpstr (vereda_options_get (copy, "username"), ==, "tim");
  g_assert_cmpuint (copy->headers->len, ==, 1);
  g_assert_cmpuint (vd_secret_span (copy->password).size, ==, 6);
  g_assert_cmpuint (vd_secret_span (copy->token).size, ==, 5);
  vereda_options_free (copy);
  vereda_options_free (NULL);
}

/* ---- for the rest of the room ---- */

static void
test_values (void)
{
  g_autoptr (VeredaOptions) options = vereda_options_new ();
  char **list;

  g_assert_cmpint (vd_options_time (options, VD_OPTION_TIMEOUT_END), ==, 600 * G_USEC_PER_SEC);
  vereda_options_set (options, "timeout-end", "0", NULL); /* the default, not "do not wait" */
  g_assert_cmpint (vd_options_time (options, VD_OPTION_TIMEOUT_END), ==, 600 * G_USEC_PER_SEC);
  vereda_options_set (options, "timeout-end", "0.25", NULL);
  g_assert_cmpint (vd_options_time (options, VD_OPTION_TIMEOUT_END), ==, G_USEC_PER_SEC / 4);
  g_assert_cmpint (vd_options_time (options, VD_OPTION_DEADLINE), ==, 0);
  g_assert_cmpint (vd_options_time (options, VD_OPTION_MAXSECS), ==, 0);

  g_assert_null (vd_options_list (options, VD_OPTION_AUTH));
  vereda_options_set (options, "auth", " PLAIN,,LOGIN ", NULL);
  list = vd_options_list (options, VD_OPTION_AUTH);
  g_assert_cmpuint (g_strv_length (list), ==, 2);
  g_assert_cmpstr (list[1], ==, "LOGIN");
  g_strfreev (list);

  g_assert_true (vd_options_wants_auth (options));
  vereda_options_set (options, "auth", NULL, NULL);
  g_assert_false (vd_options_wants_auth (options));
  vereda_options_set_password (options, "secret");
  g_assert_false (vd_options_wants_auth (options));
  vereda_options_set_token (options, "token");
  g_assert_true (vd_options_wants_auth (options));

  for (guint i = 0; i < VD_OPTION_N; i++)
    if (vd_option_rows[i].info.choices != NULL && vd_option_rows[i].info.default_value != NULL)
      {
        g_auto (GStrv) words = g_strsplit (vd_option_rows[i].info.choices, "|", -1);

        for (guint k = 0; words[k] != NULL; k++)
          {
            vereda_options_set (options, vd_option_rows[i].info.name, words[k], NULL);
            g_assert_cmpuint (vd_options_choice (options, (VdOptionId) i), ==, k);
          }
      }
}

/* The seed's two switches, in every order, are other words for `tls`; the last word stands, and there is TLS with tlsimport whatever usetls
 * says. */
static void
test_seed_tls (void)
{
  static const struct
  {
    const char *settings; /* NAME=VALUE;… "-" resets */
    const char *tls;
  } cases[] = {
    { "", "auto" },
    { "usetls=yes", "opportunistic" },
    { "usetls=no", "never" },
    { "tlsimport=yes", "implicit" },
    { "tlsimport=no", "auto" },
    { "tlsimport=yes;usetls=no", "implicit" },
    { "usetls=no;tlsimport=yes", "implicit" },
    { "tlsimport=yes;usetls=yes", "implicit" },
    { "tlsimport=yes;tlsimport=no", "auto" },
    { "usetls=no;tlsimport=yes;tlsimport=no", "never" },
    { "usetls=no;usetls=-", "auto" },
    { "tls=starttls;tlsimport=no", "starttls" },
    { "tls=starttls;usetls=no", "never" },
    { "usetls=no;tls=starttls", "starttls" },
    { "usetls=no;tls=starttls;usetls=no", "never" },
    { "tlsimport=yes;tls=never", "never" },
    { "tlsimport=yes;tls=-", "auto" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (VeredaOptions) options = kit_options_new (cases[i].settings);

      g_test_message ("%s", cases[i].settings);
      g_assert_cmpstr (vereda_options_get (options, "tls"), ==, cases[i].tls);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/options/rows", test_rows);
  g_test_add_func ("/options/defaults", test_defaults);
  g_test_add_func ("/options/seed-names", test_seed_names);
  g_test_add_func ("/options/seed-sets", test_seed_sets);
  g_test_add_func ("/options/seed-tls", test_seed_tls);
  g_test_add_func ("/options/unknown", test_unknown);
  g_test_add_func ("/options/all-have-rows", test_all_have_rows);
  g_test_add_func ("/options/good", test_good);
  g_test_add_func ("/options/bad", test_bad);
  g_test_add_func ("/options/CFG-1-controls", test_controls);
  g_test_add_func ("/options/null-error", test_null_error);
  g_test_add_func ("/options/HDR-8-headers", test_headers);
  g_test_add_func ("/options/SEC-10-password", test_password);
  g_test_add_func ("/options/copy", test_copy);
  g_test_add_func ("/options/values", test_values);
  return g_test_run ();
}
