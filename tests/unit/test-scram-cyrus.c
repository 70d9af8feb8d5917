/* SPDX-License-Identifier: MIT */
/*
 * The SCRAM mechanisms against the server side of Cyrus SASL: each hash, with and without channel binding, right
 * and wrong passwords, channels that are one and channels that are two, and a list of mechanisms that was tampered with.
 */
#include "test-sasl-server.h"

#include <string.h>

#define STEM "auth_scram"

static const SaslAccount accounts[] = {
  { "tim", "tanstaaftanstaaf" },
  { "jos\xc3\xa9", "contrase\xc3\xb1"
                   "a" },
  { "\xd0\xb8\xd0\xb2\xd0\xb0\xd0\xbd", "\xd0\xbf\xd0\xb0\xd1\x80\xd0\xbe\xd0\xbb\xd1\x8c \xe2\x82\xac \xf0\x9f\x94\x91" },
  { "quo\"te\\d", "p\"a\\s,s=w" },
  { "long", NULL }, /* 300 octets: longer than a block of any of the hashes */
};

static const char *const hashes[] = { "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512" };

/* ---- two ends of a channel ---- */

static const guint8 one_channel[32] = "the secret of one TLS session ..";
static const guint8 other_channel[32] = "and of another one in the middle";

typedef struct
{
  VeredaBinding kind; /* 0: none */
  const guint8 *octets;
} Channel;

static Channel ours;

static GBytes *
our_binding (void *self, VeredaBinding kind, GError **error)
{
  if (kind == ours.kind)
    return g_bytes_new (ours.octets, sizeof one_channel);
  g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_UNSUPPORTED, "not this one");
  return NULL;
}

/* The server's end; type NULL: it binds nothing. */
static SaslChannel
theirs (const char *type)
{
  return (SaslChannel){ type, one_channel, sizeof one_channel };
}

/* ---- an exchange ---- */

static MechDrive *
drive (const char *mech, const char *user, const char *password)
{
  MechDrive *d = mech_drive_new_named (STEM, mech, user, password);

  d->exchange.binding = our_binding;
  return d;
}

static void
test_accounts (gconstpointer mech)
{
  gboolean plus = g_str_has_suffix (mech, "-PLUS");
  const SaslChannel channel = theirs (plus ? "tls-exporter" : NULL);

  if (!sasl_server_offers (mech))
    return;
  ours = (Channel){ plus ? VEREDA_BINDING_TLS_EXPORTER : 0, one_channel };
  for (gsize i = 0; i < G_N_ELEMENTS (accounts); i++)
    {
      g_autofree char *almost = g_strconcat (sasl_account_password (&accounts[i]), "x", NULL);
      g_autoptr (MechDrive) right = drive (mech, accounts[i].user, sasl_account_password (&accounts[i]));
      g_autoptr (MechDrive) wrong = drive (mech, accounts[i].user, almost);
      g_autoptr (MechDrive) nobody = drive (mech, "nobody", sasl_account_password (&accounts[i]));
      g_auto (SaslOutcome) good = { FALSE }, bad = { FALSE }, none = { FALSE };

      g_test_message ("account %zu", i);
      sasl_server_run (right, &channel, TRUE, &good);
      g_assert_true (good.server_ok && good.client_ok);
      g_assert_true (g_str_has_prefix (good.authcid, accounts[i].user));
      sasl_server_run (wrong, &channel, TRUE, &bad);
      g_assert_false (bad.server_ok || bad.client_ok);
      sasl_server_run (nobody, &channel, TRUE, &none);
      g_assert_false (none.server_ok || none.client_ok);
    }
}

static void
test_authzid (gconstpointer mech)
{
  g_autoptr (MechDrive) d = NULL;
  g_auto (SaslOutcome) o = { FALSE };

  if (!sasl_server_offers (mech))
    return;
  ours = (Channel){ 0, NULL };
  d = drive (mech, "tim", "tanstaaftanstaaf");
  mech_drive_set (d, VEREDA_CRED_AUTHZID, "bo=s,s", 6);
  sasl_server_run (d, NULL, TRUE, &o);
  g_assert_true (o.server_ok && o.client_ok);
  g_assert_true (g_str_has_prefix (o.authcid, "tim"));
  g_assert_true (g_str_has_prefix (o.authzid, "bo=s,s"));
}

/* CBD-1, CBD-3: what the two ends see, and what comes of it. */
static void
test_channel (gconstpointer mech)
{
  static const char *const plain_list[] = { "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512", NULL };
  g_autofree char *bound = g_strconcat (mech, "-PLUS", NULL);
  const char *const full_list[] = { mech, bound, NULL };
  const struct
  {
    gboolean plus;
    Channel ours;
    const char *type; /* the server's; NULL: it binds nothing */
    const char *const *offered;
    gboolean ok;
  } rows[] = {
    { TRUE, { VEREDA_BINDING_TLS_EXPORTER, one_channel }, "tls-exporter", full_list, TRUE },
    { TRUE, { VEREDA_BINDING_TLS_SERVER_END_POINT, one_channel }, "tls-server-end-point", full_list, TRUE },
    { TRUE, { VEREDA_BINDING_TLS_EXPORTER, other_channel }, "tls-exporter", full_list, FALSE }, /* somebody in the middle */
    { TRUE, { VEREDA_BINDING_TLS_SERVER_END_POINT, other_channel }, "tls-server-end-point", full_list, FALSE },
    { TRUE, { VEREDA_BINDING_TLS_EXPORTER, one_channel }, "tls-server-end-point", full_list, FALSE }, /* another type */
    { TRUE, { VEREDA_BINDING_TLS_EXPORTER, one_channel }, NULL, full_list, FALSE },
    { FALSE, { VEREDA_BINDING_TLS_EXPORTER, one_channel }, "tls-exporter", full_list, TRUE },   /* n */
    { FALSE, { VEREDA_BINDING_TLS_EXPORTER, one_channel }, NULL, plain_list, TRUE },            /* y, and it is so */
    { FALSE, { VEREDA_BINDING_TLS_EXPORTER, one_channel }, "tls-exporter", plain_list, FALSE }, /* y: the list was cut */
    { FALSE, { 0, NULL }, "tls-exporter", plain_list, TRUE },                                   /* n: we cannot */
  };

  if (!sasl_server_offers (bound))
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (MechDrive) d = drive (rows[i].plus ? bound : mech, "tim", "tanstaaftanstaaf");
      const SaslChannel channel = theirs (rows[i].type);
      g_auto (SaslOutcome) o = { FALSE };

      g_test_message ("row %zu", i);
      ours = rows[i].ours;
      d->exchange.offered = rows[i].offered;
      sasl_server_run (d, &channel, TRUE, &o);
      g_assert_cmpint (o.server_ok, ==, rows[i].ok);
      g_assert_cmpint (o.client_ok, ==, rows[i].ok);
    }
}

int
main (int argc, char **argv)
{
  int failed;

  g_test_init (&argc, &argv, NULL);
  sasl_server_begin (accounts, G_N_ELEMENTS (accounts));
  for (gsize i = 0; i < G_N_ELEMENTS (hashes); i++)
    {
      g_autofree char *plain = g_strdup_printf ("/scram/cyrus/%s/accounts", hashes[i]);
      g_autofree char *plus = g_strdup_printf ("/scram/cyrus/%s-PLUS/accounts", hashes[i]);
      g_autofree char *authzid = g_strdup_printf ("/scram/cyrus/%s/authzid", hashes[i]);
      g_autofree char *channel = g_strdup_printf ("/scram/cyrus/%s/CBD-1-CBD-3-channel", hashes[i]);

      g_test_add_data_func (plain, hashes[i], test_accounts);
      g_test_add_data_func_full (plus, g_strconcat (hashes[i], "-PLUS", NULL), test_accounts, g_free);
      g_test_add_data_func (authzid, hashes[i], test_authzid);
      g_test_add_data_func (channel, hashes[i], test_channel);
    }
  failed = g_test_run ();
  sasl_done ();
  sasl_server_end ();
  return failed;
}
