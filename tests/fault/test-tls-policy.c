/* SPDX-License-Identifier: MIT */
/*
 * Certificates that are wrong, each back end, STARTTLS and implicit; and the policy: asked for each trouble, and its answer honoured.
 */
#include "fault.h"

/* ---- certificates ---- */

typedef struct
{
  const char *cert;
  const char *verify_name; /* NULL: the address connected to */
  gboolean good;
  const char *part; /* of the error, any case; NULL: any */
} CertRow;

#define HOST "mail.example.test"

static const CertRow cert_rows[] = {
  { "good", HOST, TRUE, NULL },
  { "good-ecdsa", HOST, TRUE, NULL },
  { "good-via-intermediate", HOST, TRUE, NULL },
  { "wildcard", HOST, TRUE, NULL },
  { "upper-case", HOST, TRUE, NULL },
  { "good", NULL, TRUE, NULL }, /* IP SAN */
  { "ip-san-only", NULL, TRUE, NULL },
  { "wrong-host", HOST, FALSE, HOST },
  { "expired", HOST, FALSE, "expired" },
  { "not-yet-valid", HOST, FALSE, NULL },
  { "self-signed", HOST, FALSE, "self-signed" },
  { "cn-only", HOST, FALSE, HOST },
  { "cn-right-san-wrong", HOST, FALSE, HOST },
  { "cn-right-san-ip", HOST, FALSE, HOST },
  { "partial-wildcard", HOST, FALSE, HOST },
  { "wildcard-inner", HOST, FALSE, HOST },
  { "wildcard-top", HOST, FALSE, HOST },
  { "wildcard", "a.mail.example.test", FALSE, NULL },
  { "wildcard", "example.test", FALSE, NULL },
  { "missing-intermediate", HOST, FALSE, NULL },
  { "other-root", HOST, FALSE, NULL },
  { "other-root-sent", HOST, FALSE, NULL },
  { "rsa1024", HOST, FALSE, NULL },
  { "sha1-signed", HOST, FALSE, NULL },
  { "client-auth-only", HOST, FALSE, NULL },
  { "non-ca-issuer", HOST, FALSE, NULL },
  { "name-constraint", HOST, FALSE, NULL },
  { "ip-san-only", HOST, FALSE, NULL },
  { "ip-as-dns", NULL, FALSE, NULL },
  { "wildcard", NULL, FALSE, NULL },
  { "good", "www.example.test", FALSE, "www.example.test" },
};

typedef struct
{
  const CertRow *row;
  const char *backend;
  gboolean implicit;
} CertCase;

static void
test_cert (gconstpointer data)
{
  const CertCase *c = data;
  g_autofree char *script = g_strdup_printf (c->implicit ? "tls %s\next AUTH PLAIN\nhello\nserve"
                                                         : "ext STARTTLS\nhello\nstarttls %s\next AUTH PLAIN\nserve",
                                             c->row->cert);
  g_autoptr (KitScript) server = kit_script_new (script, NULL);
  g_autoptr (Fault) fault = fault_new ();

  fault_server (fault, server);
  fault_tls (fault, c->implicit ? "implicit" : "starttls", c->backend);
  fault_set (fault, "verify-name", c->row->verify_name);
  fault_credentials (fault);
  fault_policy (fault, VEREDA_TLS_SECURE);
  fault_send (fault);
  fault_expect_no_secret (fault, server, !c->row->good);
  fault_expect_no_mail_in_clear (server);
  if (c->row->good)
    {
      fault_expect_sent (fault);
      fault_expect_clean (server);
      g_assert_cmpstr (fault->asked->str, ==, "");
      return;
    }
  fault_expect_error (fault, VEREDA_ERROR_CERTIFICATE, c->row->part);
  fault_expect_connections (server, 1);
  g_assert_true (g_str_has_prefix (fault->asked->str, "certificate 0 "));
  g_assert_cmpuint (kit_script_count (server, -1, "MAIL") + kit_script_count (server, -1, "AUTH"), ==, 0);
}

/* ---- the policy ---- */

#define CLEAR_MAIL "ext SIZE;AUTH PLAIN LOGIN\nhello\nserve"

typedef struct
{
  const char *name;
  const char *first, *second; /* scripts of the connections; second NULL: none is due */
  const char *asked;          /* how the one question begins */
  VeredaErrorCode code;       /* when the answer is secure */
  gboolean unverified;        /* insecure means TLS without its check, not clear */
} PolicyRow;

static const PolicyRow policy_rows[] = {
  { "not-offered", CLEAR_MAIL, NULL, "not-offered 0 the server does not offer STARTTLS", VEREDA_ERROR_TLS, FALSE },
  { "refused", "ext STARTTLS\nhello\n< STARTTLS\n> 454 4.7.0 TLS not now\nserve", NULL, "refused 454 TLS not now",
    VEREDA_ERROR_TLS, FALSE },
  { "handshake", "ext STARTTLS\nhello\n< STARTTLS\n> 220 go\ntake 6\n>> \\x15\\x03\\x03\\x00\\x02\\x02\\x28\ndrain",
    "ext STARTTLS;SIZE\nhello\nserve", "handshake 0 ", VEREDA_ERROR_TLS, FALSE },
  { "certificate", "ext STARTTLS\nhello\nstarttls expired\nserve",
    "ext STARTTLS\nhello\nstarttls expired\next AUTH PLAIN\nserve", "certificate 0 ", VEREDA_ERROR_CERTIFICATE, TRUE },
};

typedef struct
{
  const PolicyRow *row;
  const char *backend;
  gboolean opportunistic;
} PolicyCase;

static Fault *
ask (const PolicyCase *c, KitScript *server, VeredaTlsDecision answer, gboolean credentials)
{
  Fault *fault = fault_new ();

  fault_server (fault, server);
  fault_tls (fault, c->opportunistic ? "opportunistic" : "starttls", c->backend);
  fault_policy (fault, answer);
  if (credentials)
    fault_credentials (fault);
  fault_send (fault);
  fault_expect_no_secret (fault, server, TRUE);
  g_assert_true (g_str_has_prefix (fault->asked->str, c->row->asked));
  g_assert_cmpint (fault->asked->str[strlen (fault->asked->str) - 1], ==, '\n');
  g_assert_null (strchr (strchr (fault->asked->str, '\n') + 1, '\n')); /* once */
  return fault;
}

static KitScript *
policy_server (const PolicyCase *c)
{
  return kit_script_new (c->row->first, c->row->second, NULL);
}

static void
test_policy_secure (gconstpointer data)
{
  const PolicyCase *c = data;
  g_autoptr (KitScript) server = policy_server (c);
  g_autoptr (Fault) fault = ask (c, server, VEREDA_TLS_SECURE, FALSE);

  fault_expect_error (fault, c->row->code, NULL);
  fault_expect_connections (server, 1);
  fault_expect_no_mail_in_clear (server);
}

static void
test_policy_insecure (gconstpointer data)
{
  const PolicyCase *c = data;
  g_autoptr (KitScript) server = policy_server (c);
  g_autoptr (Fault) fault = ask (c, server, VEREDA_TLS_INSECURE, FALSE);
  guint last = c->row->second != NULL && !(c->row->unverified && c->opportunistic) ? 1 : 0;

  fault_expect_sent (fault);
  fault_expect_clean (server);
  fault_expect_connections (server, last + 1);
  g_assert_nonnull (kit_script_content (server, last, 0));
  g_assert_true (kit_script_had_tls (server, last) == c->row->unverified);
  if (c->row->unverified)
    fault_expect_no_mail_in_clear (server);
  else
    g_assert_cmpuint (kit_script_count (server, (gint) last, "STARTTLS"), ==, g_str_equal (c->row->name, "refused") ? 1 : 0);
  g_assert_cmpuint (vereda_result_get_n_warnings (fault->result), >, 0); /* never silently */
  if (last == 1)
    fault_expect_attempt (fault, VEREDA_STAGE_TLS, VEREDA_DECISION_RECONNECT, NULL);
}

/* Insecure is no permission for secrets: the floor stands. */
static void
test_policy_insecure_credentials (gconstpointer data)
{
  const PolicyCase *c = data;
  g_autoptr (KitScript) server = policy_server (c);
  g_autoptr (Fault) fault = ask (c, server, VEREDA_TLS_INSECURE, TRUE);

  g_assert_false (fault->sent);
  g_assert_true (g_error_matches (fault->error, VEREDA_ERROR, VEREDA_ERROR_POLICY)
                 || g_error_matches (fault->error, VEREDA_ERROR, VEREDA_ERROR_AUTH));
  fault_expect_no_mail_in_clear (server);
  g_assert_cmpuint (kit_script_count (server, -1, "MAIL") + kit_script_count (server, -1, "AUTH"), ==, 0);
}

/* The standing answer, where there is no callback. */
static void
test_standing_answer (gconstpointer backend)
{
  for (int insecure = 0; insecure < 2; insecure++)
    for (int refused = 0; refused < 2; refused++)
      {
        g_autoptr (KitScript) server = kit_script_new (policy_rows[refused].first, NULL);
        g_autoptr (Fault) fault = fault_new ();

        fault_server (fault, server);
        fault_tls (fault, "opportunistic", backend);
        fault_set (fault, "tlspolicy", insecure ? "insecure" : "secure");
        fault_send (fault);
        if (insecure)
          fault_expect_sent (fault);
        else
          fault_expect_error (fault, VEREDA_ERROR_TLS, NULL);
      }
}

/* Opportunistic without credentials: clear where TLS is not to be had, TLS of any certificate where it is; a broken handshake is no licence. */
static void
test_opportunistic (gconstpointer backend)
{
  static const struct
  {
    const char *script;
    gboolean sent;
  } rows[] = {
    { CLEAR_MAIL, TRUE },
    { "ext STARTTLS\nhello\n< STARTTLS\n> 454 no\nserve", TRUE },
    { "ext STARTTLS\nhello\nstarttls self-signed\nserve", TRUE },
    { "ext STARTTLS\nhello\n< STARTTLS\n>> 220 go\\r\\n250 evil\\r\\n\ndrain", FALSE },
    { "ext STARTTLS\nhello\n< STARTTLS\n> 220 go\nclose", FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (KitScript) server = kit_script_new (rows[i].script, NULL);
      g_autoptr (Fault) fault = fault_new ();

      fault_server (fault, server);
      fault_tls (fault, "opportunistic", backend);
      fault_send (fault);
      if (rows[i].sent)
        fault_expect_sent (fault);
      else
        {
          fault_expect_error (fault, VEREDA_ERROR_TLS, NULL);
          fault_expect_no_mail_in_clear (server);
        }
    }
}

/* SEC-2: with credentials the same word means required. */
static void
test_opportunistic_credentials (gconstpointer backend)
{
  static const char *const scripts[] = { CLEAR_MAIL, "ext STARTTLS;AUTH PLAIN\nhello\n< STARTTLS\n> 454 no\nserve",
                                         "ext STARTTLS\nhello\nstarttls self-signed\next AUTH PLAIN\nserve" };

  for (gsize i = 0; i < G_N_ELEMENTS (scripts); i++)
    {
      g_autoptr (KitScript) server = kit_script_new (scripts[i], NULL);
      g_autoptr (Fault) fault = fault_new ();

      fault_server (fault, server);
      fault_tls (fault, "opportunistic", backend);
      fault_credentials (fault);
      fault_send (fault);
      fault_expect_error (fault, i == 2 ? VEREDA_ERROR_CERTIFICATE : VEREDA_ERROR_TLS, NULL);
      fault_expect_no_secret (fault, server, TRUE);
      fault_expect_no_mail_in_clear (server);
    }
}

/* `insecure` takes the certificate and still shows nobody a password; the second flag does. */
static void
test_insecure_option (gconstpointer backend)
{
  for (int allowed = 0; allowed < 2; allowed++)
    {
      g_autoptr (KitScript) server = kit_script_new ("tls self-signed\next AUTH PLAIN\nhello\nserve", NULL);
      g_autoptr (Fault) fault = fault_new ();

      fault_server (fault, server);
      fault_tls (fault, "implicit", backend);
      fault_set (fault, "insecure", "yes");
      fault_set (fault, "insecure-cleartext-auth", allowed ? "yes" : "no");
      fault_credentials (fault);
      fault_send (fault);
      fault_expect_no_secret (fault, server, !allowed);
      if (allowed)
        fault_expect_sent (fault);
      else
        fault_expect_error (fault, VEREDA_ERROR_POLICY, NULL);
    }
}

/* ---- all of them ---- */

static void
add_certs (const char *const *backends)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cert_rows) * 2; i++)
    for (guint b = 0; backends[b] != NULL; b++)
      {
        CertCase *c = g_new (CertCase, 1);
        g_autofree char *path = NULL;

        *c = (CertCase){ &cert_rows[i / 2], backends[b], i % 2 == 0 };
        path = g_strdup_printf ("/TLS-15/%s-for-%s/%s/%s", c->row->cert,
                                c->row->verify_name != NULL ? c->row->verify_name : "127.0.0.1",
                                c->implicit ? "implicit" : "starttls", backends[b]);
        g_test_add_data_func_full (path, c, test_cert, g_free);
      }
}

static void
add_policies (const char *const *backends)
{
  static const struct
  {
    const char *name;
    GTestDataFunc func;
  } funcs[] = { { "secure", test_policy_secure },
                { "insecure", test_policy_insecure },
                { "insecure-credentials", test_policy_insecure_credentials } };

  for (gsize i = 0; i < G_N_ELEMENTS (policy_rows) * 2; i++)
    for (guint b = 0; backends[b] != NULL; b++)
      for (gsize f = 0; f < G_N_ELEMENTS (funcs); f++)
        {
          PolicyCase *c = g_new (PolicyCase, 1);
          g_autofree char *path = NULL;

          *c = (PolicyCase){ &policy_rows[i / 2], backends[b], i % 2 == 1 };
          path = g_strdup_printf ("/policy/%s/%s/%s/%s", c->row->name, c->opportunistic ? "opportunistic" : "starttls",
                                  funcs[f].name, backends[b]);
          g_test_add_data_func_full (path, c, funcs[f].func, g_free);
        }
}

int
main (int argc, char **argv)
{
  const char *const *backends;

  g_test_init (&argc, &argv, NULL);
  backends = fault_backends ();
  add_certs (backends);
  add_policies (backends);
  fault_add_backends ("/policy/standing-answer", test_standing_answer);
  fault_add_backends ("/STL-9/opportunistic", test_opportunistic);
  fault_add_backends ("/SEC-2/opportunistic-with-credentials", test_opportunistic_credentials);
  fault_add_backends ("/TLS-9/insecure", test_insecure_option);
  return g_test_run ();
}
