/* SPDX-License-Identifier: MIT */
/*
 * The SCRAM mechanisms against the server side of Cyrus SASL, with a sasldb in a temporary folder: each hash, with and without channel
 * binding, right and wrong passwords, channels that are one and channels that are two, and a list of mechanisms that was tampered with.
 */
#include "test-mech-drive.h"

#include <glib/gstdio.h>
#include <sasl/sasl.h>
#include <string.h>

/* What Cyrus' own plug-ins lose once while they are loaded (2.1.28: gs2) is not what is looked for. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#define LOSSES_BEGIN() __lsan_disable ()
#define LOSSES_END()   __lsan_enable ()
#else
#define LOSSES_BEGIN() ((void) 0)
#define LOSSES_END()   ((void) 0)
#endif

#define STEM  "auth_scram"
#define FQDN  "mail.example.org"
#define REALM "example.org"

static char *sasldb_path;

static const struct
{
  const char *user, *password;
} accounts[] = {
  { "tim", "tanstaaftanstaaf" },
  { "jos\xc3\xa9", "contrase\xc3\xb1"
                   "a" },
  { "\xd0\xb8\xd0\xb2\xd0\xb0\xd0\xbd", "\xd0\xbf\xd0\xb0\xd1\x80\xd0\xbe\xd0\xbb\xd1\x8c \xe2\x82\xac \xf0\x9f\x94\x91" },
  { "quo\"te\\d", "p\"a\\s,s=w" },
  { "long", NULL }, /* 300 octets: longer than a block of any of the hashes */
};

static const char *const hashes[] = { "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512" };

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

static sasl_conn_t *
server_new (const char *name, const guint8 *octets)
{
  static const sasl_security_properties_t any = { .max_ssf = 0, .maxbufsize = 0 };
  static sasl_channel_binding_t binding;
  sasl_conn_t *conn = NULL;

  g_assert_cmpint (sasl_server_new ("smtp", FQDN, REALM, NULL, NULL, NULL, 0, &conn), ==, SASL_OK);
  g_assert_cmpint (sasl_setprop (conn, SASL_SEC_PROPS, &any), ==, SASL_OK);
  if (name != NULL)
    {
      binding = (sasl_channel_binding_t){ .name = name, .len = sizeof one_channel, .data = octets };
      g_assert_cmpint (sasl_setprop (conn, SASL_CHANNEL_BINDING, &binding), ==, SASL_OK);
    }
  return conn;
}

/* Not by sasl_listmech: with a channel binding 2.1.28 writes a list that is longer than the room it has made for it. */
static gboolean
server_offers (const char *mech)
{
  sasl_conn_t *conn = server_new ("tls-exporter", one_channel);
  const char *out = NULL;
  unsigned out_size = 0;
  gboolean offers = sasl_server_start (conn, mech, NULL, 0, &out, &out_size) == SASL_CONTINUE;

  sasl_dispose (&conn);
  if (!offers)
    g_test_skip ("the installed Cyrus SASL does not offer it");
  return offers;
}

/* ---- an exchange ---- */

typedef struct
{
  gboolean server_ok, client_ok;
  char *authcid, *authzid;
} Outcome;

static void
outcome_clear (Outcome *o)
{
  g_free (o->authcid);
  g_free (o->authzid);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Outcome, outcome_clear)

static MechDrive *
drive (const char *mech, const char *user, const char *password)
{
  MechDrive *d = mech_drive_new_named (STEM, mech, user, password);

  d->exchange.binding = our_binding;
  return d;
}

/* As over SMTP: no additional data with success, so the server's last message is a challenge (RFC 4954 section 4). */
static void
run (MechDrive *d, sasl_conn_t *conn, Outcome *o)
{
  const char *out = NULL;
  unsigned out_size = 0;
  VeredaStep s = mech_drive_step (d, NULL, 0);
  int r;

  g_assert_cmpint (s, ==, VEREDA_STEP_CONTINUE);
  r = sasl_server_start (conn, d->mech->name, (const char *) d->response->data, d->response->len, &out, &out_size);
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

static void
test_accounts (gconstpointer mech)
{
  gboolean plus = g_str_has_suffix (mech, "-PLUS");
  const char *type = plus ? "tls-exporter" : NULL;

  if (!server_offers (mech))
    return;
  ours = (Channel){ plus ? VEREDA_BINDING_TLS_EXPORTER : 0, one_channel };
  for (gsize i = 0; i < G_N_ELEMENTS (accounts); i++)
    {
      g_autofree char *almost = g_strconcat (password_of (i), "x", NULL);
      g_autoptr (MechDrive) right = drive (mech, accounts[i].user, password_of (i));
      g_autoptr (MechDrive) wrong = drive (mech, accounts[i].user, almost);
      g_autoptr (MechDrive) nobody = drive (mech, "nobody", password_of (i));
      g_auto (Outcome) good = { FALSE }, bad = { FALSE }, none = { FALSE };

      g_test_message ("account %zu", i);
      run (right, server_new (type, one_channel), &good);
      g_assert_true (good.server_ok && good.client_ok);
      g_assert_true (g_str_has_prefix (good.authcid, accounts[i].user));
      run (wrong, server_new (type, one_channel), &bad);
      g_assert_false (bad.server_ok || bad.client_ok);
      run (nobody, server_new (type, one_channel), &none);
      g_assert_false (none.server_ok || none.client_ok);
    }
}

static void
test_authzid (gconstpointer mech)
{
  g_autoptr (MechDrive) d = NULL;
  g_auto (Outcome) o = { FALSE };

  if (!server_offers (mech))
    return;
  ours = (Channel){ 0, NULL };
  d = drive (mech, "tim", "tanstaaftanstaaf");
  mech_drive_set (d, VEREDA_CRED_AUTHZID, "bo=s,s", 6);
  run (d, server_new (NULL, NULL), &o);
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

  if (!server_offers (bound))
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (MechDrive) d = drive (rows[i].plus ? bound : mech, "tim", "tanstaaftanstaaf");
      g_auto (Outcome) o = { FALSE };

      g_test_message ("row %zu", i);
      ours = rows[i].ours;
      d->exchange.offered = rows[i].offered;
      run (d, server_new (rows[i].type, one_channel), &o);
      g_assert_cmpint (o.server_ok, ==, rows[i].ok);
      g_assert_cmpint (o.client_ok, ==, rows[i].ok);
    }
}

static void
create_accounts (void)
{
  sasl_conn_t *conn = server_new (NULL, NULL);

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
  LOSSES_BEGIN ();
  g_assert_cmpint (sasl_server_init (callbacks, "vereda-test"), ==, SASL_OK);
  LOSSES_END ();
  create_accounts ();
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
  g_unlink (sasldb_path);
  g_rmdir (dir);
  g_free (sasldb_path);
  return failed;
}
