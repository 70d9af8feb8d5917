/* SPDX-License-Identifier: MIT */
/*
 * The four mechanisms against an implementation that is not ours: the server side of Cyrus SASL.  Right passwords are
 * accepted, wrong ones refused, by both sides.
 *
 * Cyrus 2.2 ships neither LOGIN, CRAM-MD5 nor DIGEST-MD5: what the installed library does not offer is skipped.
 */
#include "test-sasl-server.h"

#include <string.h>

static const SaslAccount accounts[] = {
  { "tim", "tanstaaftanstaaf" },
  { "jos\xc3\xa9", "contrase\xc3\xb1"
                   "a" },                                   /* has an ISO-8859-1 form */
  { "user", "\xce\xa9mega \xe2\x82\xac \xf0\x9f\x94\x91" }, /* has none */
  { "\xd0\xb8\xd0\xb2\xd0\xb0\xd0\xbd", "\xd0\xbf\xd0\xb0\xd1\x80\xd0\xbe\xd0\xbb\xd1\x8c" },
  { "quo\"te\\d", "p\"a\\s,s=w" },
  { "long", NULL }, /* 300 octets */
};

static void
test_right (gconstpointer data)
{
  const char *const *names = data;

  if (!sasl_server_offers (names[1]))
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (accounts); i++)
    for (guint ir = 0; ir < (g_str_equal (names[1], "PLAIN") ? 2u : 1u); ir++)
      {
        g_autoptr (MechDrive) d = mech_drive_new (names[0], accounts[i].user, sasl_account_password (&accounts[i]));
        g_auto (SaslOutcome) o = { FALSE };

        g_test_message ("account %zu", i);
        sasl_server_run (d, NULL, ir == 1, &o);
        g_assert_true (o.server_ok);
        g_assert_true (o.client_ok);
        g_assert_true (g_str_has_prefix (o.authcid, accounts[i].user));
      }
}

static void
test_wrong (gconstpointer data)
{
  const char *const *names = data;

  if (!sasl_server_offers (names[1]))
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (accounts); i++)
    {
      g_autofree char *almost = g_strconcat (sasl_account_password (&accounts[i]), "x", NULL);
      g_autoptr (MechDrive) d = mech_drive_new (names[0], accounts[i].user, almost);
      g_autoptr (MechDrive) nobody = mech_drive_new (names[0], "nobody", sasl_account_password (&accounts[i]));
      g_auto (SaslOutcome) o = { FALSE };
      g_auto (SaslOutcome) none = { FALSE };

      sasl_server_run (d, NULL, FALSE, &o);
      g_assert_false (o.server_ok);
      sasl_server_run (nobody, NULL, FALSE, &none);
      g_assert_false (none.server_ok);
      if (g_str_equal (names[1], "DIGEST-MD5"))
        g_assert_false (o.client_ok || none.client_ok);
    }
}

static void
test_authzid (gconstpointer data)
{
  const char *const *names = data;
  g_autoptr (MechDrive) d = mech_drive_new (names[0], "tim", "tanstaaftanstaaf");
  g_auto (SaslOutcome) o = { FALSE };

  if (!sasl_server_offers (names[1]))
    return;
  mech_drive_set (d, VEREDA_CRED_AUTHZID, "boss", 4);
  sasl_server_run (d, NULL, FALSE, &o);
  g_assert_true (o.server_ok && o.client_ok);
  g_assert_true (g_str_has_prefix (o.authcid, "tim"));
  g_assert_true (g_str_has_prefix (o.authzid, "boss"));
}

static void
test_realm (void)
{
  static const struct
  {
    const char *realm, *server_name;
    gboolean ok;
  } cases[] = { { SASL_SERVER_REALM, SASL_SERVER_FQDN, TRUE },
                { NULL, SASL_SERVER_FQDN, TRUE },
                { "elsewhere.example", SASL_SERVER_FQDN, FALSE } };

  if (!sasl_server_offers ("DIGEST-MD5"))
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MechDrive) d = mech_drive_new ("auth_digest_md5", "tim", "tanstaaftanstaaf");
      g_auto (SaslOutcome) o = { FALSE };

      d->exchange.server_name = cases[i].server_name;
      if (cases[i].realm != NULL)
        mech_drive_set (d, VEREDA_CRED_REALM, cases[i].realm, strlen (cases[i].realm));
      sasl_server_run (d, NULL, FALSE, &o);
      g_assert_true (o.server_ok == cases[i].ok);
      g_assert_true (o.client_ok == cases[i].ok);
    }
}

int
main (int argc, char **argv)
{
  int failed;

  g_test_init (&argc, &argv, NULL);
  sasl_server_begin (accounts, G_N_ELEMENTS (accounts));
  for (gsize m = 0; m < G_N_ELEMENTS (mech_stems); m++)
    {
      g_autofree char *right = g_strconcat ("/mech/cyrus/", mech_stems[m][1], "/right", NULL);
      g_autofree char *wrong = g_strconcat ("/mech/cyrus/", mech_stems[m][1], "/wrong", NULL);
      g_autofree char *authzid = g_strconcat ("/mech/cyrus/", mech_stems[m][1], "/authzid", NULL);

      g_test_add_data_func (right, mech_stems[m], test_right);
      g_test_add_data_func (wrong, mech_stems[m], test_wrong);
      if (g_str_equal (mech_stems[m][1], "PLAIN") || g_str_equal (mech_stems[m][1], "DIGEST-MD5"))
        g_test_add_data_func (authzid, mech_stems[m], test_authzid);
    }
  g_test_add_func ("/mech/cyrus/DIGEST-MD5/realm", test_realm);
  failed = g_test_run ();
  sasl_done ();
  sasl_server_end ();
  return failed;
}
