/* SPDX-License-Identifier: MIT */
/* Tests of the mode table and of the `transport` option. */
#include <string.h>

#include "core/base/error.h"
#include "core/plugin/mode.h"

static GPtrArray *
table_new (const char *first, const char *second, gboolean plain)
{
  g_autoptr (GPtrArray) wrappers = g_ptr_array_new ();
  if (first != NULL)
    g_ptr_array_add (wrappers, (gpointer) first);
  if (second != NULL)
    g_ptr_array_add (wrappers, (gpointer) second);
  return vd_mode_table (wrappers, plain);
}

static char *
names (GPtrArray *rows)
{
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < rows->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? " " : "", ((VdModeRow *) rows->pdata[i])->name);
  return g_string_free (text, FALSE);
}

static void
test_table (void)
{
  g_autoptr (GPtrArray) five = table_new ("openssl", "gnutls", TRUE);
  g_autofree char *text = names (five);
  g_assert_cmpstr (text, ==, "implicit/openssl implicit/gnutls starttls/openssl starttls/gnutls plain");
  g_autoptr (GPtrArray) one = table_new ("gnutls", NULL, TRUE);
  g_autofree char *left = names (one);
  g_assert_cmpstr (left, ==, "implicit/gnutls starttls/gnutls plain");
  g_autoptr (GPtrArray) none = table_new (NULL, NULL, FALSE);
  g_assert_cmpuint (none->len, ==, 0);
}

static void
test_select (void)
{
  static const struct
  {
    const char *option;
    const char *rows; /* NULL: an error */
  } cases[] = {
    { "gnutls", "implicit/gnutls starttls/gnutls" },
    { "GnuTLS", "implicit/gnutls starttls/gnutls" },
    { "plain", "plain" },
    { "starttls/gnutls", "starttls/gnutls" },
    { "implicit-openssl", "implicit/openssl" },
    { "starttls", "starttls/openssl starttls/gnutls" },
    { " gnutls , openssl ", "implicit/gnutls starttls/gnutls implicit/openssl starttls/openssl" },
    { "starttls/gnutls,gnutls,any", "starttls/gnutls implicit/gnutls implicit/openssl starttls/openssl plain" },
    { "wolfssl", NULL },
    { "wolfssl,plain", "plain" },
    { "implicit/wolfssl", NULL },
  };
  g_autoptr (GPtrArray) table = table_new ("openssl", "gnutls", TRUE);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_test_message ("%s", cases[i].option);
      g_autoptr (GPtrArray) choices = vd_mode_parse (cases[i].option, &error);
      g_assert_no_error (error);
      g_autoptr (GPtrArray) rows = vd_mode_select (table, choices, &error);
      if (cases[i].rows == NULL)
        {
          g_assert_null (rows);
          g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN);
          g_assert_nonnull (strstr (error->message, "wolfssl"));
          g_assert_nonnull (strstr (error->message, "available: implicit/openssl, implicit/gnutls"));
          continue;
        }
      g_assert_no_error (error);
      g_autofree char *text = names (rows);
      g_assert_cmpstr (text, ==, cases[i].rows);
    }
  g_autoptr (GPtrArray) all = vd_mode_select (table, NULL, NULL);
  g_assert_cmpuint (all->len, ==, 5);
}

static void
test_refused (void)
{
  static const char *const bad[] = { "",
                                     ",",
                                     "gnutls,",
                                     "plain/gnutls",
                                     "starttls/",
                                     "/gnutls",
                                     "gnutls/starttls",
                                     "starttls/plain",
                                     "starttls/starttls",
                                     "../x",
                                     "starttls/../../x",
                                     "a b",
                                     "starttls/gnutls/x",
                                     "tls\nx" };
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_test_message ("\"%s\"", bad[i]);
      g_assert_null (vd_mode_parse (bad[i], &error));
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION);
      g_assert_true (g_str_has_prefix (error->message, "transport: "));
      g_assert_null (strchr (error->message, '\n'));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mode/five-transports", test_table);
  g_test_add_func ("/mode/select", test_select);
  g_test_add_func ("/mode/refused", test_refused);
  return g_test_run ();
}
