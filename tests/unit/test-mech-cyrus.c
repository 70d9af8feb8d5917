/* SPDX-License-Identifier: MIT */
/*
 * The four mechanisms against an implementation that is not ours: the server side of Cyrus SASL, with a sasldb in a temporary
 * folder.  Right passwords are accepted, wrong ones refused, by both sides.
 *
 * Cyrus 2.2 ships neither LOGIN, CRAM-MD5 nor DIGEST-MD5: what the installed library does not offer is skipped.
 */
#include "test-mech-drive.h"

#include <glib/gstdio.h>
#include <sasl/sasl.h>
#include <string.h>

#define FQDN  "mail.example.org"
#define REALM "example.org"

static char *sasldb_path;

static const struct
{
  const char *user, *password;
} accounts[] = {
  { "tim", "tanstaaftanstaaf" },
  { "jos\xc3\xa9", "contrase\xc3\xb1"
                   "a" },                                   /* has an ISO-8859-1 form */
  { "user", "\xce\xa9mega \xe2\x82\xac \xf0\x9f\x94\x91" }, /* has none */
  { "\xd0\xb8\xd0\xb2\xd0\xb0\xd0\xbd", "\xd0\xbf\xd0\xb0\xd1\x80\xd0\xbe\xd0\xbb\xd1\x8c" },
  { "quo\"te\\d", "p\"a\\s,s=w" },
  { "long", NULL }, /* 300 octets */
};

static int
get_option (void *context, const char *plugin, const char *option, const char **ret, unsigned *ret_size)
{
  const char *const values[][2] = {
    { "pwcheck_method", "auxprop" }, { "auxprop_plugin", "sasldb" }, { "sasldb_path", sasldb_path }, { "log_level", "0" }
  };

  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    if (g_str_equal (option, values[i][0]))
      {
        *ret = values[i][1];
        if (ret_size != NULL)
          *ret_size = (unsigned) strlen (*ret);
        return SASL_OK;
      }
  return SASL_FAIL;
}

static int
be_silent (void *context, int level, const char *message)
{
  return SASL_OK;
}

/* Anyone may act for anyone here: the authorization identity is what the test asks about. */
static int
authorize (sasl_conn_t *conn, void *context, const char *requested, unsigned requested_size, const char *auth,
           unsigned auth_size, const char *realm, unsigned realm_size, struct propctx *props)
{
  return SASL_OK;
}

typedef int (*SaslProc) (void);
static const sasl_callback_t callbacks[] = {
  { SASL_CB_GETOPT, (SaslProc) (void (*) (void)) get_option, NULL },
  { SASL_CB_LOG, (SaslProc) (void (*) (void)) be_silent, NULL },
  { SASL_CB_PROXY_POLICY, (SaslProc) (void (*) (void)) authorize, NULL },
  { SASL_CB_LIST_END, NULL, NULL },
};

static sasl_conn_t *
server_new (void)
{
  static const sasl_security_properties_t any = { .max_ssf = 0, .maxbufsize = 0 };
  sasl_conn_t *conn = NULL;

  g_assert_cmpint (sasl_server_new ("smtp", FQDN, REALM, NULL, NULL, NULL, 0, &conn), ==, SASL_OK);
  g_assert_cmpint (sasl_setprop (conn, SASL_SEC_PROPS, &any), ==, SASL_OK);
  return conn;
}

static gboolean
server_offers (const char *mech)
{
  sasl_conn_t *conn = server_new ();
  const char *list = NULL;
  gboolean offers = FALSE;

  if (sasl_listmech (conn, NULL, " ", " ", " ", &list, NULL, NULL) == SASL_OK)
    {
      g_autofree char *word = g_strdup_printf (" %s ", mech);

      offers = strstr (list, word) != NULL;
    }
  sasl_dispose (&conn);
  return offers;
}

/* What came of an exchange: what each side thinks. */
typedef struct
{
  gboolean server_ok;
  gboolean client_ok; /* the mechanism said DONE, and it was the last word */
  char *authcid;
  char *authzid;
} Outcome;

static void
outcome_clear (Outcome *o)
{
  g_free (o->authcid);
  g_free (o->authzid);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Outcome, outcome_clear)

/* Carries messages to and fro as SMTP would (RFC 4954: no additional data with success). */
static void
run (MechDrive *d, gboolean initial_response, Outcome *o)
{
  sasl_conn_t *conn = server_new ();
  const char *out = NULL;
  unsigned out_size = 0;
  VeredaStep s = VEREDA_STEP_CONTINUE;
  int r;

  if (initial_response)
    {
      s = mech_drive_step (d, NULL, 0);
      g_assert_cmpint (s, !=, VEREDA_STEP_FAILED);
      r = sasl_server_start (conn, d->mech->name, (const char *) d->response->data, d->response->len, &out, &out_size);
    }
  else
    r = sasl_server_start (conn, d->mech->name, NULL, 0, &out, &out_size);
  for (guint turn = 0; r == SASL_CONTINUE && turn < 8; turn++)
    {
      s = mech_drive_step (d, out_size > 0 ? out : "", out_size);
      if (s == VEREDA_STEP_FAILED)
        break;
      r = sasl_server_step (conn, (const char *) d->response->data, d->response->len, &out, &out_size);
    }
  o->server_ok = r == SASL_OK;
  o->client_ok = s == VEREDA_STEP_DONE;
  if (o->server_ok)
    {
      const void *name = NULL;

      g_assert_cmpint (sasl_getprop (conn, SASL_AUTHUSER, &name), ==, SASL_OK);
      o->authcid = g_strdup (name);
      g_assert_cmpint (sasl_getprop (conn, SASL_USERNAME, &name), ==, SASL_OK);
      o->authzid = g_strdup (name);
    }
  sasl_dispose (&conn);
}

static const char *
password_of (gsize account)
{
  static char long_password[301];

  memset (long_password, 'p', sizeof long_password - 1);
  return accounts[account].password != NULL ? accounts[account].password : long_password;
}

static gboolean
skipped (const char *mech)
{
  if (server_offers (mech))
    return FALSE;
  g_test_skip ("the installed Cyrus SASL does not offer it");
  return TRUE;
}

static void
test_right (gconstpointer data)
{
  const char *const *names = data;

  if (skipped (names[1]))
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (accounts); i++)
    for (guint ir = 0; ir < (g_str_equal (names[1], "PLAIN") ? 2u : 1u); ir++)
      {
        g_autoptr (MechDrive) d = mech_drive_new (names[0], accounts[i].user, password_of (i));
        g_auto (Outcome) o = { FALSE };

        g_test_message ("account %zu", i);
        run (d, ir == 1, &o);
        g_assert_true (o.server_ok);
        g_assert_true (o.client_ok);
        g_assert_true (g_str_has_prefix (o.authcid, accounts[i].user));
      }
}

static void
test_wrong (gconstpointer data)
{
  const char *const *names = data;

  if (skipped (names[1]))
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (accounts); i++)
    {
      g_autofree char *almost = g_strconcat (password_of (i), "x", NULL);
      g_autoptr (MechDrive) d = mech_drive_new (names[0], accounts[i].user, almost);
      g_autoptr (MechDrive) nobody = mech_drive_new (names[0], "nobody", password_of (i));
      g_auto (Outcome) o = { FALSE };
      g_auto (Outcome) none = { FALSE };

      run (d, FALSE, &o);
      g_assert_false (o.server_ok);
      run (nobody, FALSE, &none);
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
  g_auto (Outcome) o = { FALSE };

  if (skipped (names[1]))
    return;
  mech_drive_set (d, VEREDA_CRED_AUTHZID, "boss", 4);
  run (d, FALSE, &o);
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
  } cases[] = { { REALM, FQDN, TRUE }, { NULL, FQDN, TRUE }, { "elsewhere.example", FQDN, FALSE } };

  if (skipped ("DIGEST-MD5"))
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MechDrive) d = mech_drive_new ("auth_digest_md5", "tim", "tanstaaftanstaaf");
      g_auto (Outcome) o = { FALSE };

      d->exchange.server_name = cases[i].server_name;
      if (cases[i].realm != NULL)
        mech_drive_set (d, VEREDA_CRED_REALM, cases[i].realm, strlen (cases[i].realm));
      run (d, FALSE, &o);
      g_assert_true (o.server_ok == cases[i].ok);
      g_assert_true (o.client_ok == cases[i].ok);
    }
}

static void
create_accounts (void)
{
  sasl_conn_t *conn = server_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (accounts); i++)
    {
      const char *password = password_of (i);

      g_assert_cmpint (sasl_setpass (conn, accounts[i].user, password, (unsigned) strlen (password), NULL, 0, SASL_SET_CREATE),
                       ==, SASL_OK);
    }
  sasl_dispose (&conn);
}

int
main (int argc, char **argv)
{
  g_autofree char *dir = NULL;
  int failed;

  g_test_init (&argc, &argv, NULL);
  dir = g_dir_make_tmp ("vereda-sasldb-XXXXXX", NULL);
  g_assert_nonnull (dir);
  sasldb_path = g_build_filename (dir, "sasldb2", NULL);
  g_assert_cmpint (sasl_server_init (callbacks, "vereda-test"), ==, SASL_OK);
  create_accounts ();
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
  g_unlink (sasldb_path);
  g_rmdir (dir);
  g_free (sasldb_path);
  return failed;
}
