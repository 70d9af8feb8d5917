/* SPDX-License-Identifier: MIT */
/* The server side of Cyrus SASL for the tests of mechanisms: see the header. */
#include "test-sasl-server.h"

#include <glib/gstdio.h>
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

#define TURNS_MAX 8

static char *folder, *sasldb_path;

/* ---- the library ---- */

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

/* Anyone may act for anyone here: the authorization identity is what the tests ask about. */
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

/* The library keeps the address of `binding`. */
static sasl_conn_t *
conn_new (const SaslChannel *channel, sasl_channel_binding_t *binding)
{
  static const sasl_security_properties_t any = { .max_ssf = 0, .maxbufsize = 0 };
  sasl_conn_t *conn = NULL;

  g_assert_cmpint (sasl_server_new ("smtp", SASL_SERVER_FQDN, SASL_SERVER_REALM, NULL, NULL, NULL, 0, &conn), ==, SASL_OK);
  g_assert_cmpint (sasl_setprop (conn, SASL_SEC_PROPS, &any), ==, SASL_OK);
  if (channel != NULL && channel->name != NULL)
    {
      *binding = (sasl_channel_binding_t){ .name = channel->name, .len = channel->size, .data = channel->octets };
      g_assert_cmpint (sasl_setprop (conn, SASL_CHANNEL_BINDING, binding), ==, SASL_OK);
    }
  return conn;
}

void
sasl_server_begin (const SaslAccount *accounts, gsize n_accounts)
{
  sasl_conn_t *conn;

  folder = g_dir_make_tmp ("vereda-sasldb-XXXXXX", NULL);
  g_assert_nonnull (folder);
  sasldb_path = g_build_filename (folder, "sasldb2", NULL);
  LOSSES_BEGIN ();
  g_assert_cmpint (sasl_server_init (callbacks, "vereda-test"), ==, SASL_OK);
  LOSSES_END ();
  conn = conn_new (NULL, NULL);
  for (gsize i = 0; i < n_accounts; i++)
    {
      const char *password = sasl_account_password (&accounts[i]);

      g_assert_cmpint (sasl_setpass (conn, accounts[i].user, password, (unsigned) strlen (password), NULL, 0, SASL_SET_CREATE),
                       ==, SASL_OK);
    }
  sasl_dispose (&conn);
}

void
sasl_server_end (void)
{
  if (folder == NULL)
    return;
  g_unlink (sasldb_path);
  g_rmdir (folder);
  g_clear_pointer (&sasldb_path, g_free);
  g_clear_pointer (&folder, g_free);
}

const char *
sasl_account_password (const SaslAccount *account)
{
  static char long_password[301];

  memset (long_password, 'p', sizeof long_password - 1);
  return account->password != NULL ? account->password : long_password;
}

/* Not by sasl_listmech(): with a channel binding 2.1.28 writes a list that is longer than the room it has made for it. */
gboolean
sasl_server_offers (const char *mech)
{
  static const guint8 octets[32];
  const SaslChannel channel = { "tls-exporter", octets, sizeof octets };
  sasl_channel_binding_t binding;
  sasl_conn_t *conn = conn_new (&channel, &binding);
  const char *out = NULL;
  unsigned size = 0;
  gboolean offers = sasl_server_start (conn, mech, NULL, 0, &out, &size) == SASL_CONTINUE;

  sasl_dispose (&conn);
  if (!offers)
    g_test_skip ("the installed Cyrus SASL has no server side of it");
  return offers;
}

/* ---- an exchange ---- */

void
sasl_outcome_clear (SaslOutcome *o)
{
  g_free (o->authcid);
  g_free (o->authzid);
}

static char *
name_of (sasl_conn_t *conn, int property)
{
  const void *name = NULL;

  g_assert_cmpint (sasl_getprop (conn, property, &name), ==, SASL_OK);
  return g_strdup (name);
}

/* RFC 4954 section 4: no additional data with success, so the server's last message is a challenge. */
void
sasl_server_run (MechDrive *d, const SaslChannel *channel, gboolean initial_response, SaslOutcome *o)
{
  sasl_channel_binding_t binding;
  sasl_conn_t *conn = conn_new (channel, &binding);
  const char *first = NULL, *out = NULL;
  unsigned first_size = 0, size = 0;
  VeredaStep s = VEREDA_STEP_CONTINUE;
  int r;

  if (initial_response)
    {
      s = mech_drive_step (d, NULL, 0);
      g_assert_cmpint (s, !=, VEREDA_STEP_FAILED);
      first = (const char *) d->response->data;
      first_size = d->response->len;
    }
  r = sasl_server_start (conn, d->mech->name, first, first_size, &out, &size);
  for (guint turn = 0; r == SASL_CONTINUE && turn < TURNS_MAX; turn++)
    {
      s = mech_drive_step (d, size > 0 ? out : "", size);
      if (s == VEREDA_STEP_FAILED)
        {
          g_test_message ("%s", d->error->message);
          break;
        }
      r = sasl_server_step (conn, (const char *) d->response->data, d->response->len, &out, &size);
    }
  g_test_message ("server: %s", sasl_errdetail (conn));
  o->server_ok = r == SASL_OK;
  o->client_ok = s == VEREDA_STEP_DONE;
  if (o->server_ok)
    {
      o->authcid = name_of (conn, SASL_AUTHUSER);
      o->authzid = name_of (conn, SASL_USERNAME);
    }
  sasl_dispose (&conn);
}
