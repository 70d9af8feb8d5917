/* SPDX-License-Identifier: MIT */
/* Tests of the route: how a server is approached, from options, URL, port and credentials; which options cannot be obeyed together; what a
 * visit says about certificates and names. */
#include <string.h>

#include "core/base/error.h"
#include "core/send/visit.h"
#include "sending.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VdTarget, vd_target_free)

static const struct
{
  const char *settings, *server;
  VdMode mode;
  gboolean required;
  guint16 port;
} rows[] = {
  /* nothing said: where it is offered; the port that says more is heard (RFC 8314 section 3) */
  { "", "mx", VD_MODE_STARTTLS, FALSE, 25 },
  { "", "mx:25", VD_MODE_STARTTLS, FALSE, 25 },
  { "", "mx:2525", VD_MODE_STARTTLS, FALSE, 2525 },
  { "", "mx:587", VD_MODE_STARTTLS, TRUE, 587 },
  { "", "mx:465", VD_MODE_IMPLICIT, TRUE, 465 },
  { "", "smtp://mx", VD_MODE_STARTTLS, FALSE, 25 },
  { "", "smtp://mx:587", VD_MODE_STARTTLS, TRUE, 587 },
  { "", "submission://mx", VD_MODE_STARTTLS, TRUE, 587 },
  { "", "submission://mx:2525", VD_MODE_STARTTLS, TRUE, 2525 },
  { "", "submission://mx:465", VD_MODE_STARTTLS, TRUE, 465 },
  { "", "smtps://mx", VD_MODE_IMPLICIT, TRUE, 465 },
  { "", "submissions://mx:2465", VD_MODE_IMPLICIT, TRUE, 2465 },
  { "", "lmtp://mx:24", VD_MODE_STARTTLS, FALSE, 24 },
  { "", "unix:/run/lmtp", VD_MODE_PLAIN, FALSE, 0 },
  { "", "lmtp:unix:/run/lmtp", VD_MODE_PLAIN, FALSE, 0 },

  /* who knows the server's key does not want to do without it */
  { "pins=sha256//Sl5cjiCtIUrePxoMutLP6O3TVU+qrpAKboyxlvWo91w=", "mx:25", VD_MODE_STARTTLS, TRUE, 25 },
  { "pins=sha256//Sl5cjiCtIUrePxoMutLP6O3TVU+qrpAKboyxlvWo91w=;tls=opportunistic", "mx:25", VD_MODE_STARTTLS, TRUE, 25 },
  { "tlsa=3 1 0 00", "mx", VD_MODE_STARTTLS, TRUE, 587 },
  { "tlsa=3 1 0 00;tls=never", "mx", VD_MODE_PLAIN, FALSE, 25 },

  /* credentials mean required (STL-9), wherever clear was possible, unless switched off */
  { "username=u", "mx", VD_MODE_STARTTLS, TRUE, 587 },
  { "username=u", "mx:25", VD_MODE_STARTTLS, TRUE, 25 },
  { "token=t", "mx:25", VD_MODE_STARTTLS, TRUE, 25 },
  { "auth=EXTERNAL", "mx:25", VD_MODE_STARTTLS, TRUE, 25 },
  { "username=u;tls=opportunistic", "mx:25", VD_MODE_STARTTLS, TRUE, 25 },
  { "username=u;usetls=yes", "mx:25", VD_MODE_STARTTLS, TRUE, 25 },
  { "username=u;insecure-cleartext-auth=yes", "mx", VD_MODE_STARTTLS, FALSE, 25 },
  { "username=u;insecure-cleartext-auth=yes", "mx:587", VD_MODE_STARTTLS, TRUE, 587 },
  { "username=u;tls=opportunistic;insecure-cleartext-auth=yes", "mx:587", VD_MODE_STARTTLS, FALSE, 587 },
  { "username=u", "mx:465", VD_MODE_IMPLICIT, TRUE, 465 },
  { "username=u;tls=never", "mx", VD_MODE_PLAIN, FALSE, 25 }, /* the floor of the mechanisms stands there */

  /* the option is the strongest word */
  { "tls=never", "mx:587", VD_MODE_PLAIN, FALSE, 587 },
  { "tls=never", "smtps://mx", VD_MODE_PLAIN, FALSE, 465 },
  { "tls=starttls", "mx", VD_MODE_STARTTLS, TRUE, 587 },
  { "tls=starttls", "mx:25", VD_MODE_STARTTLS, TRUE, 25 },
  { "tls=starttls", "smtps://mx", VD_MODE_STARTTLS, TRUE, 465 },
  { "tls=starttls", "unix:/run/smtp", VD_MODE_STARTTLS, TRUE, 0 },
  { "tls=implicit", "mx", VD_MODE_IMPLICIT, TRUE, 465 },
  { "tls=implicit", "mx:587", VD_MODE_IMPLICIT, TRUE, 587 },
  { "tls=implicit", "unix:/run/smtp", VD_MODE_IMPLICIT, TRUE, 0 },
  { "tls=opportunistic", "mx", VD_MODE_STARTTLS, FALSE, 25 },
  { "tls=opportunistic", "mx:587", VD_MODE_STARTTLS, FALSE, 587 },
  { "tls=opportunistic", "mx:465", VD_MODE_STARTTLS, FALSE, 465 },
  { "tls=opportunistic", "smtps://mx", VD_MODE_STARTTLS, FALSE, 465 },
  { "tls=auto", "mx:465", VD_MODE_IMPLICIT, TRUE, 465 },

  /* a mode named by the transport, then the URL, then the port */
  { "transport=implicit/gnutls", "mx", VD_MODE_IMPLICIT, TRUE, 465 },
  { "transport=starttls/openssl", "mx:465", VD_MODE_STARTTLS, TRUE, 465 },
  { "transport=starttls/openssl", "smtps://mx", VD_MODE_STARTTLS, TRUE, 465 },
  { "transport=plain", "mx:465", VD_MODE_PLAIN, FALSE, 465 },
  { "transport=gnutls", "mx", VD_MODE_STARTTLS, FALSE, 25 },
  { "transport=gnutls", "mx:465", VD_MODE_IMPLICIT, TRUE, 465 },
  { "transport=starttls,implicit", "mx", VD_MODE_STARTTLS, TRUE, 587 },
  { "tls=implicit;transport=starttls/gnutls,implicit/gnutls", "mx", VD_MODE_IMPLICIT, TRUE, 465 },
};

static void
test_decide (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (VeredaOptions) options = kit_options_new (rows[i].settings);
      g_autoptr (GError) error = NULL;
      g_autoptr (VdTarget) target = vd_target_parse ("servers", rows[i].server, &error);
      VdRoute route;

      g_assert_no_error (error);
      g_test_message ("%s, %s", rows[i].settings, rows[i].server);
      route = vd_route_decide (options, target);
      g_assert_cmpint (route.mode, ==, rows[i].mode);
      g_assert_cmpint (route.required, ==, rows[i].required);
      g_assert_cmpuint (route.port, ==, rows[i].port);
      g_assert_nonnull (route.why);
    }
}

/* STL-9: whatever is said short of the two words for it, credentials never leave clear as a possibility. */
static void
test_credentials_never_clear (void)
{
  static const char *const servers[] = { "mx", "mx:25", "mx:587", "mx:465", "smtp://mx", "smtps://mx:25", "lmtp://mx:24" };
  static const char *const tls[] = { "opportunistic", "starttls", "implicit", "auto" };

  for (gsize i = 0; i < G_N_ELEMENTS (servers); i++)
    for (gsize k = 0; k < G_N_ELEMENTS (tls); k++)
      {
        g_autofree char *settings = g_strdup_printf ("username=u;tls=%s", tls[k]);
        g_autoptr (VeredaOptions) options = kit_options_new (settings);
        g_autoptr (VdTarget) target = vd_target_parse ("servers", servers[i], NULL);
        VdRoute route = vd_route_decide (options, target);

        g_assert_true (route.required);
        g_assert_cmpint (route.mode, !=, VD_MODE_PLAIN);
      }
}

static void
test_transports (void)
{
  static const struct
  {
    const char *transport;
    VdMode mode;
    const char *names;
  } cases[] = {
    { NULL, VD_MODE_STARTTLS, "" },
    { "gnutls", VD_MODE_STARTTLS, "gnutls" },
    { "gnutls, openssl", VD_MODE_IMPLICIT, "gnutls openssl" },
    { "starttls/gnutls,implicit/openssl", VD_MODE_STARTTLS, "gnutls" },
    { "starttls/gnutls,implicit/openssl", VD_MODE_IMPLICIT, "openssl" },
    { "starttls", VD_MODE_STARTTLS, "" }, /* any */
    { "plain,openssl", VD_MODE_STARTTLS, "openssl" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (VeredaOptions) options = vereda_options_new ();
      g_auto (GStrv) names = NULL;
      g_autofree char *joined = NULL;

      vereda_options_set (options, "transport", cases[i].transport, NULL);
      names = vd_route_transports (options, cases[i].mode);
      joined = g_strjoinv (" ", names);
      g_assert_cmpstr (joined, ==, cases[i].names);
    }
}

/* ---- what cannot be obeyed together ---- */

static void
test_check (void)
{
  static const struct
  {
    const char *settings;
    const char *named; /* in the error; NULL: fine */
  } cases[] = {
    { "", NULL },
    { "tls=implicit;transport=plain", "option transport" },
    { "tls=starttls;transport=implicit/gnutls", "option tls" },
    { "tls=opportunistic;transport=implicit", "option transport" },
    { "tls=starttls;transport=plain,gnutls", NULL },
    { "tls=implicit;transport=implicit/gnutls,starttls/gnutls", NULL },
    { "tls=never;transport=gnutls", NULL },
    { "transport=plain", NULL },
    { "password=secret", "option username" },
    { "password=secret;username=u", NULL },
    { "key-file=/dev/null", "option cert-file" },
    { "key-file=/dev/null;cert-file=/dev/null", NULL },
    { "ca-file=/nowhere/at/all.pem", "option ca-file" },
    { "ca-dir=/nowhere/at/all", "option ca-dir" },
    { "cert-file=/nowhere/at/all.pem", "option cert-file" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (VeredaOptions) options = kit_options_new (cases[i].settings);
      g_autoptr (GError) error = NULL;
      gboolean fine = vd_route_check (options, &error);

      g_test_message ("%s", cases[i].settings);
      g_assert_cmpint (fine, ==, cases[i].named == NULL);
      if (fine)
        g_assert_no_error (error);
      else
        {
          g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION);
          g_assert_nonnull (strstr (error->message, cases[i].named));
          g_assert_null (strstr (error->message, "secret"));
        }
    }
}

/* What set_password_data may hold is looked at here. */
static void
test_check_secret (void)
{
  static const char *const secrets[] = { "a\rb", "a\nb", "a\0b", "ab\x7f" };

  for (gsize i = 0; i < G_N_ELEMENTS (secrets); i++)
    {
      g_autoptr (VeredaOptions) options = kit_options_new ("username=u");
      g_autoptr (GError) error = NULL;

      vereda_options_set_password_data (options, secrets[i], 3);
      g_assert_false (vd_route_check (options, &error));
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION);
      g_assert_nonnull (strstr (error->message, "option password"));
    }
}

/* ---- visits ---- */

static void
test_names (void)
{
  static const struct
  {
    const char *server, *settings, *name, *peer;
  } cases[] = {
    { "mx.example.org", "", "mx.example.org:25", "mx.example.org" },
    { "mx.example.org", "tls=implicit", "mx.example.org:465", "mx.example.org" },
    { "mx.example.org.:587", "", "mx.example.org.:587", "mx.example.org" },
    { "::1", "username=u", "[::1]:587", "::1" },
    { "[::1]:25", "", "[::1]:25", "::1" },
    { "unix:/run/smtp", "", "unix:/run/smtp", NULL },
    { "lmtp:unix:/run/lmtp", "", NULL, NULL },
    { "b\xc3\xbc"
      "cher.example:25",
      "", NULL, "xn--bcher-kva.example" },
    { "mx.example.org:25", "verify-name=other.example", "mx.example.org:25", "other.example" },
    { "mx.example.org:25",
      "verify-name=b\xc3\xbc"
      "cher.example",
      "mx.example.org:25", "xn--bcher-kva.example" },
    { "mx.example.org:25", "verify-name=192.0.2.1", "mx.example.org:25", "192.0.2.1" },
    { "mx.example.org:25", "verify-name=2001:db8::1", "mx.example.org:25", "2001:db8::1" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (VeredaOptions) options = kit_options_new (cases[i].settings);
      g_autoptr (VdTarget) target = vd_target_parse ("servers", cases[i].server, NULL);
      VdVisit *visit = vd_visit_new (options, target);
      g_autofree char *peer = vd_visit_peer_name (visit, options);

      g_test_message ("%s, %s", cases[i].server, cases[i].settings);
      if (cases[i].name != NULL)
        g_assert_cmpstr (visit->name, ==, cases[i].name);
      g_assert_cmpstr (peer, ==, cases[i].peer);
      vd_visit_free (visit);
    }
}

static VeredaTlsDecision
no_policy (VeredaTlsProblem problem, const char *server, int code, const char *text, gpointer data)
{
  return VEREDA_TLS_SECURE;
}

/* A certificate that does not verify: when it is no reason to stop, and when the policy is asked first. */
static void
test_certificates (void)
{
  static const struct
  {
    const char *settings;
    gboolean unverified, callback, tolerates, asks;
  } cases[] = {
    { "tls=starttls", FALSE, FALSE, FALSE, FALSE },
    { "tls=implicit", FALSE, TRUE, FALSE, TRUE },
    { "tls=starttls;insecure=yes", FALSE, TRUE, TRUE, FALSE },
    { "tls=starttls;tlspolicy=insecure", TRUE, FALSE, TRUE, FALSE },
    { "tls=opportunistic", FALSE, FALSE, TRUE, FALSE },
    { "tls=opportunistic", FALSE, TRUE, TRUE, TRUE },
    { "tls=opportunistic;tlspolicy=secure", FALSE, FALSE, TRUE, TRUE },
    { "tls=opportunistic;tlspolicy=secure", TRUE, FALSE, TRUE, FALSE },
    { "tls=opportunistic;username=u", FALSE, FALSE, FALSE, FALSE },
    { "tls=opportunistic;insecure=yes;tlspolicy=secure", FALSE, TRUE, TRUE, FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (VeredaOptions) options = kit_options_new (cases[i].settings);
      g_autoptr (VdTarget) target = vd_target_parse ("servers", "mx:25", NULL);
      VdVisit *visit = vd_visit_new (options, target);

      visit->unverified = cases[i].unverified;
      if (cases[i].callback)
        vereda_options_set_tls_policy (options, no_policy, NULL);
      g_test_message ("%s", cases[i].settings);
      g_assert_cmpint (vd_visit_tolerates (visit, options), ==, cases[i].tolerates);
      g_assert_cmpint (vd_visit_asks_policy (visit, options), ==, cases[i].asks);
      vd_visit_free (visit);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/route/decide", test_decide);
  g_test_add_func ("/route/STL-9-credentials-never-clear", test_credentials_never_clear);
  g_test_add_func ("/route/transports", test_transports);
  g_test_add_func ("/route/check", test_check);
  g_test_add_func ("/route/check-secret", test_check_secret);
  g_test_add_func ("/route/TCP-11-names", test_names);
  g_test_add_func ("/route/STL-8-certificates", test_certificates);
  return g_test_run ();
}
