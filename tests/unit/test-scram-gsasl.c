/* SPDX-License-Identifier: MIT */
/*
 * The SCRAM mechanisms against a second server that is not ours: GNU SASL's (libgsasl), which does SHA-1 and SHA-256, each with
 * tls-exporter too.
 */
#include "test-mech-drive.h"

#include <gsasl.h>
#include <string.h>

#define STEM "auth_scram"

static const guint8 one_channel[32] = "the secret of one TLS session ..";
static const guint8 other_channel[32] = "and of another one in the middle";

static const guint8 *ours;   /* NULL: none */
static const guint8 *theirs; /* NULL: none */
static const char *const mechanisms[] = { "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS" };

static GBytes *
our_binding (void *self, VeredaBinding kind, GError **error)
{
  if (kind == VEREDA_BINDING_TLS_EXPORTER && ours != NULL)
    return g_bytes_new (ours, sizeof one_channel);
  g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_UNSUPPORTED, "not this one");
  return NULL;
}

static const struct
{
  const char *user, *password;
} accounts[] = {
  { "tim", "tanstaaftanstaaf" },
  { "t=i,m", "p\"a\\s,s=w" },
  { "jos\xc3\xa9", "contrase\xc3\xb1"
                   "a" },
};

static int
answer (Gsasl *context, Gsasl_session *session, Gsasl_property property)
{
  g_autofree char *channel = NULL;
  const char *user;

  switch (property)
    {
    case GSASL_PASSWORD:
      user = gsasl_property_fast (session, GSASL_AUTHID);
      for (gsize i = 0; user != NULL && i < G_N_ELEMENTS (accounts); i++)
        if (g_str_equal (user, accounts[i].user))
          return gsasl_property_set (session, property, accounts[i].password);
      return GSASL_NO_CALLBACK;
    case GSASL_CB_TLS_EXPORTER:
      if (theirs == NULL)
        return GSASL_NO_CALLBACK;
      channel = g_base64_encode (theirs, sizeof one_channel);
      return gsasl_property_set (session, property, channel);
    default:
      return GSASL_NO_CALLBACK;
    }
}

typedef struct
{
  gboolean server_ok, client_ok;
} Outcome;

static Outcome
run (const char *mech, const char *user, const char *password, const char *const *offered)
{
  g_autoptr (MechDrive) d = mech_drive_new_named (STEM, mech, user, password);
  Gsasl *context = NULL;
  Gsasl_session *session = NULL;
  char *out = NULL;
  size_t out_size = 0;
  VeredaStep s;
  int r;
  Outcome o;

  d->exchange.binding = our_binding;
  d->exchange.offered = offered;
  g_assert_cmpint (gsasl_init (&context), ==, GSASL_OK);
  gsasl_callback_set (context, answer);
  g_assert_cmpint (gsasl_server_start (context, mech, &session), ==, GSASL_OK);
  s = mech_drive_step (d, NULL, 0);
  g_assert_cmpint (s, ==, VEREDA_STEP_CONTINUE);
  r = gsasl_step (session, (const char *) d->response->data, d->response->len, &out, &out_size);
  /* GNU SASL's last message goes with its success; over SMTP it is a challenge before that. */
  while ((r == GSASL_NEEDS_MORE || r == GSASL_OK) && out_size > 0)
    {
      g_autofree char *challenge = g_memdup2 (out, out_size);

      s = mech_drive_step (d, challenge, out_size);
      gsasl_free (out);
      out = NULL;
      out_size = 0;
      if (r == GSASL_OK || s == VEREDA_STEP_FAILED)
        break;
      r = gsasl_step (session, (const char *) d->response->data, d->response->len, &out, &out_size);
    }
  gsasl_free (out);
  o = (Outcome){ r == GSASL_OK, s == VEREDA_STEP_DONE };
  gsasl_finish (session);
  gsasl_done (context);
  return o;
}

static void
test_accounts (gconstpointer mech)
{
  ours = theirs = g_str_has_suffix (mech, "-PLUS") ? one_channel : NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (accounts); i++)
    {
      g_autofree char *almost = g_strconcat (accounts[i].password, "x", NULL);
      Outcome good = run (mech, accounts[i].user, accounts[i].password, NULL);
      Outcome bad = run (mech, accounts[i].user, almost, NULL);
      Outcome none = run (mech, "nobody", accounts[i].password, NULL);

      g_test_message ("account %zu", i);
      g_assert_true (good.server_ok && good.client_ok);
      g_assert_false (bad.server_ok || bad.client_ok);
      g_assert_false (none.server_ok || none.client_ok);
    }
}

static void
test_channel (void)
{
  static const char *const cut_list[] = { "SCRAM-SHA-256", NULL };
  static const char *const full_list[] = { "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", NULL };
  Outcome o;

  ours = other_channel;
  theirs = one_channel;
  o = run ("SCRAM-SHA-256-PLUS", "tim", "tanstaaftanstaaf", full_list);
  g_assert_false (o.server_ok || o.client_ok);

  ours = one_channel;
  o = run ("SCRAM-SHA-256", "tim", "tanstaaftanstaaf", full_list); /* n */
  g_assert_true (o.server_ok && o.client_ok);
  o = run ("SCRAM-SHA-256", "tim", "tanstaaftanstaaf", cut_list); /* y, and the server could */
  g_assert_false (o.server_ok || o.client_ok);
  theirs = NULL;
  o = run ("SCRAM-SHA-256", "tim", "tanstaaftanstaaf", cut_list); /* y, and it could not */
  g_assert_true (o.server_ok && o.client_ok);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (mechanisms); i++)
    {
      g_autofree char *path = g_strconcat ("/scram/gsasl/", mechanisms[i], NULL);

      g_test_add_data_func (path, mechanisms[i], test_accounts);
    }
  g_test_add_func ("/scram/gsasl/CBD-1-CBD-3-channel", test_channel);
  return g_test_run ();
}
