/* SPDX-License-Identifier: MIT */
/*
 * The seed: call form, servers, EHLO, TLS, AUTH.
 *
 * What tcllib's smtp::sendmessage does, row by row, under its own option names: F shows the promise kept and the bug gone, K what is kept as it
 * is, D what stands in for something dated.
 */
#include "seed.h"

/* ---- call form and values ---- */

static void
test_call_form (void)
{
  g_autoptr (VeredaOptions) options = vereda_options_new ();
  g_autoptr (GError) error = NULL;

  seed_expect_set_error ("-nonsense", "1");
  g_assert_true (vereda_options_set (options, "-client", "one.example.test", &error));
  g_assert_true (vereda_options_set (options, "-client", "two.example.test", &error)); /* the last wins */
  g_assert_cmpstr (vereda_options_get (options, "client"), ==, "two.example.test");
  g_assert_cmpstr (vereda_options_get (options, "-client"), ==, "two.example.test");
}

static void
test_booleans (void)
{
  static const char *const names[] = { "-atleastone", "-usetls", "-tlsimport", "-queue", "-debug" };
  static const char *const good[]
      = { "0", "false", "no", "off", "1", "true", "yes", "on", "FALSE", "No", "oFF", "True", "YES", "On" };
  static const char *const bad[] = { "", "2", "ja", "tru", " yes" };
  g_autoptr (VeredaOptions) options = vereda_options_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      for (gsize k = 0; k < G_N_ELEMENTS (good); k++)
        g_assert_true (vereda_options_set (options, names[i], good[k], NULL));
      for (gsize k = 0; k < G_N_ELEMENTS (bad); k++)
        seed_expect_set_error (names[i], bad[k]);
    }
}

/* ---- servers ---- */

static void
test_servers (void)
{
  g_autoptr (KitScript) first = kit_script_new ("> 554 not here\n= QUIT\n> 221 bye", NULL);
  g_autoptr (KitScript) second = kit_script_new (FINE, NULL);
  g_autoptr (Fault) fault = seed_new (first);
  g_autofree char *ports = g_strdup_printf ("%u,,%u", kit_script_port (first), kit_script_port (second));
  g_autoptr (VeredaOptions) options = vereda_options_new ();

  g_assert_cmpstr (vereda_options_get (options, "-servers"), ==, "localhost");
  fault_set (fault, "-servers", "127.0.0.1,,127.0.0.1"); /* an empty entry is skipped, with its port */
  fault_set (fault, "-ports", ports);
  seed_content (fault, second, ANN);
  fault_expect_clean (first);
  fault_expect_connections (first, 1);
  seed_expect_set_error ("-servers", "");
  seed_expect_set_error ("-servers", " , ");
}

static void
test_ports (void)
{
  g_autoptr (KitScript) first = kit_script_new ("> 421 later\nclose", NULL);
  g_autoptr (KitScript) unused = kit_script_new (FINE, NULL);
  g_autoptr (Fault) fault = seed_new (first);
  g_autofree char *one = g_strdup_printf ("%u", kit_script_port (first));
  g_autofree char *surplus = g_strdup_printf ("%u,%u", kit_script_port (first), kit_script_port (unused));
  guint n;

  /* Two servers, one port: the second has the mode's default and not the last port. */
  fault_set (fault, "-servers", "127.0.0.1,127.0.0.2");
  fault_set (fault, "-ports", one);
  fault_message (fault, ANN);
  fault_send (fault);
  g_assert_false (fault->sent);
  n = vereda_result_get_n_attempts (fault->result);
  g_assert_cmpstr (vereda_attempt_get_server (vereda_result_get_attempt (fault->result, n - 1)), ==, "127.0.0.2:25");
  fault_expect_connections (first, 1);

  /* One server, two ports: the second port means nothing. */
  fault_set (fault, "-servers", "127.0.0.1");
  fault_set (fault, "-ports", surplus);
  fault_send (fault);
  fault_expect_connections (unused, 0);
}

static void
test_next_server (void)
{
  static const struct
  {
    const char *script;
    gboolean quit; /* a parting word is due */
  } rows[] = {
    { "> 421 4.3.2 later\nserve", FALSE },
    { "> 554 5.7.1 no\nserve", TRUE },
    { "> 450 4.3.2 later\nserve", TRUE },
    { "close", FALSE },
    { "rst", FALSE },
    { "> 220 kit.test\n< EHLO\n> 554 5.7.1 no\nserve", TRUE },
    { "> 220 kit.test\n< EHLO\n> 451 4.3.2 later\nserve", TRUE },
    { "> 220 kit.test\n< EHLO\n> 421 4.3.2 later\nclose", FALSE },
    { "> 220 kit.test\n< EHLO\n> 500 what\n< HELO\n> 550 no\nserve", TRUE },
    { "> 220 kit.test\n< EHLO\nclose", FALSE },
    { "hello\n< MAIL\nclose", FALSE },
    { "> 25\nserve", FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (KitScript) first = kit_script_new (rows[i].script, NULL);
      g_autoptr (KitScript) second = kit_script_new (FINE, NULL);
      g_autoptr (Fault) fault = seed_new (first);

      g_test_message ("%s", rows[i].script);
      seed_servers (fault, first, second);
      seed_content (fault, second, ANN);
      kit_script_settle (first);
      g_assert_cmpuint (kit_script_count (first, -1, "QUIT"), ==, rows[i].quit ? 1 : 0);
      fault_expect_attempt (fault, VEREDA_STAGE_CONNECT, 0, NULL);
    }
}

/* After MAIL was accepted never; a refusal of the mail itself is an answer, and no reason to ask others. */
static void
test_no_next_server (void)
{
  static const char *const scripts[] = { "hello\non MAIL = 550 5.7.1 no\nserve",    "hello\non RCPT = 550 5.1.1 no\nserve",
                                         "hello\non RCPT = !close\nserve",          "hello\non DATA = 451 4.3.0 no\nserve",
                                         "hello\non CONTENT = 550 5.7.1 no\nserve", "hello\non CONTENT = !close\nserve" };

  for (gsize i = 0; i < G_N_ELEMENTS (scripts); i++)
    {
      g_autoptr (KitScript) first = kit_script_new (scripts[i], NULL);
      g_autoptr (KitScript) second = kit_script_new (FINE, NULL);
      g_autoptr (Fault) fault = seed_new (first);

      g_test_message ("%s", scripts[i]);
      seed_servers (fault, first, second);
      fault_message (fault, ANN);
      fault_send (fault);
      g_assert_false (fault->sent);
      fault_expect_connections (second, 0);
    }
}

/* TLS and AUTH that fail are triggers too. */
static void
test_next_server_secure (gconstpointer backend)
{
  static const char *const scripts[] = { "ext SIZE\nhello\nserve", "ext STARTTLS\nhello\nstarttls self-signed\nserve",
                                         "ext STARTTLS\nhello\nstarttls good\next SIZE\nserve",
                                         "ext STARTTLS\nhello\nstarttls good\next AUTH PLAIN\non AUTH = 535 5.7.8 no\nserve" };

  for (gsize i = 0; i < G_N_ELEMENTS (scripts); i++)
    {
      g_autoptr (KitScript) first = kit_script_new (scripts[i], NULL);
      g_autoptr (KitScript) second = kit_script_new ("ext STARTTLS\nhello\nstarttls good\next AUTH PLAIN\nserve", NULL);
      g_autoptr (Fault) fault = seed_new (first);

      seed_servers (fault, first, second);
      fault_tls (fault, "auto", backend);
      fault_set (fault, "-usetls", "yes");
      fault_set (fault, "-username", FAULT_USER);
      fault_set (fault, "-password", FAULT_PASSWORD);
      seed_content (fault, second, ANN);
      kit_script_settle (first);
      fault_expect_no_mail_in_clear (first);
      fault_expect_no_secret (fault, first, FALSE);
      g_assert_cmpuint (kit_script_count (first, -1, "MAIL"), ==, 0);
    }
}

/* The seed's state(tls) outlived the first server, and the second got the password in clear. */
static void
test_state_across_servers (gconstpointer backend)
{
  g_autoptr (KitScript) first = kit_script_new ("ext STARTTLS\nhello\nstarttls good\n< EHLO\n> 554 5.7.1 no\nserve", NULL);
  g_autoptr (KitScript) second
      = kit_script_new ("ext STARTTLS;AUTH LOGIN PLAIN\nhello\n< STARTTLS\n> 454 4.7.0 not now\nserve", NULL);
  g_autoptr (Fault) fault = seed_new (first);

  seed_servers (fault, first, second);
  fault_tls (fault, "auto", backend);
  fault_set (fault, "-usetls", "yes");
  fault_set (fault, "-tlspolicy", "secure");
  fault_set (fault, "-username", FAULT_USER);
  fault_set (fault, "-password", FAULT_PASSWORD);
  fault_message (fault, ANN);
  fault_send (fault);
  fault_expect_error (fault, VEREDA_ERROR_TLS, NULL);
  fault_expect_clean (second); /* it was asked for STARTTLS */
  fault_expect_no_secret (fault, second, TRUE);
  fault_expect_no_mail_in_clear (second);
}

static void
test_all_fail (void)
{
  g_autoptr (KitScript) first = kit_script_new ("> 554 first says no\nserve", NULL);
  g_autoptr (KitScript) second = kit_script_new ("> 220 kit.test\n< EHLO\n> 550 second says no\nserve", NULL);
  g_autoptr (Fault) fault = seed_new (first);
  g_autofree char *one = g_strdup_printf ("127.0.0.1:%u", kit_script_port (first)),
                  *two = g_strdup_printf ("127.0.0.1:%u", kit_script_port (second));

  seed_servers (fault, first, second);
  fault_message (fault, ANN);
  fault_send (fault);
  fault_expect_error (fault, VEREDA_ERROR_EHLO, "first says no");
  fault_expect_error (fault, VEREDA_ERROR_EHLO, "second says no");
  fault_expect_error (fault, VEREDA_ERROR_EHLO, one);
  fault_expect_error (fault, VEREDA_ERROR_EHLO, two);
}

/* ---- EHLO and TLS ---- */

static void
test_client (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
  g_autoptr (KitScript) named = kit_script_new ("> 220 kit.test\n= EHLO me.example.test\n> 250 kit.test\nserve", NULL);
  g_autoptr (Fault) fault = seed_new (server), second = seed_new (named);
  const char *ehlo;

  seed_content (fault, server, ANN);
  ehlo = kit_script_line (server, 0, "EHLO ", 0);
  g_assert_true (strchr (ehlo, '.') != NULL || strchr (ehlo, '[') != NULL); /* qualified, or a literal */
  g_assert_cmpstr (ehlo, !=, "EHLO localhost");
  fault_set (second, "-client", "me.example.test");
  seed_content (second, named, ANN);
  seed_expect_set_error ("-client", "x\r\nNOOP");
  seed_expect_set_error ("-client", "under_score.example.test");
}

static void
test_ehlo (void)
{
  static const struct
  {
    const char *script;
    gboolean sent;
  } rows[] = {
    { "> 220 kit.test\n< EHLO\n> 500 what\n< HELO\n> 250 kit.test\nserve", TRUE },
    { "> 220 kit.test\n< EHLO\n> 502 what\n< HELO\n> 250 kit.test\nserve", TRUE },
    { "> 220 kit.test\n< EHLO\n> 554 no\nserve", FALSE },
    { "> 220 kit.test\n< EHLO\n> 550 no\nserve", FALSE },
    { "> 220 kit.test\n< EHLO\n> 421 later\nclose", FALSE },
    { "> 220 kit.test\n< EHLO\n> 251-SIZE\n> 251 PIPELINING\nserve", TRUE },
  };
  g_autoptr (KitScript) small
      = kit_script_new ("> 220 kit.test\n< EHLO\n> 250-SIZE 10\n> 250-size 100000\n> 250 8bitmime\nserve", NULL);
  g_autoptr (Fault) fault = seed_new (small);

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (KitScript) server = kit_script_new (rows[i].script, NULL);
      g_autoptr (Fault) one = seed_new (server);

      fault_message (one, ANN);
      fault_send (one);
      g_assert_true (one->sent == rows[i].sent);
      fault_expect_clean (server);
    }
  /* The first line is a greeting and no keyword; keywords are the same in small letters. */
  seed_content (fault, small, "From: ann@example.test\r\nTo: bob@example.test\r\n\r\ngr\xc3\xbc\xc3\x9f\r\n");
  g_assert_nonnull (strstr (kit_script_line (small, 0, "MAIL", 0), " SIZE="));
  g_assert_nonnull (strstr (kit_script_line (small, 0, "MAIL", 0), " BODY=8BITMIME"));
}

static void
test_usetls (gconstpointer backend)
{
  static const struct
  {
    const char *usetls;
    gboolean credentials;
    const char *script;
    gboolean tls, sent;
  } rows[] = {
    { "yes", FALSE, "ext STARTTLS\nhello\nstarttls good\nserve", TRUE, TRUE },
    { "yes", FALSE, "ext starttls\nhello\nstarttls good\nserve", TRUE, TRUE },
    { "yes", FALSE, "ext SIZE\nhello\nserve", FALSE, TRUE },
    { "no", FALSE, "ext STARTTLS\nhello\nserve", FALSE, TRUE },
    { "yes", TRUE, "ext SIZE;AUTH PLAIN LOGIN\nhello\nserve", FALSE, FALSE },
    { "yes", TRUE, "ext STARTTLS\nhello\nstarttls good\next AUTH PLAIN\nserve", TRUE, TRUE },
    { "no", TRUE, "ext STARTTLS;AUTH PLAIN LOGIN\nhello\nserve", FALSE, FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (KitScript) server = kit_script_new (rows[i].script, NULL);
      g_autoptr (Fault) fault = seed_new (server);

      fault_tls (fault, "auto", backend);
      fault_set (fault, "-usetls", rows[i].usetls);
      if (rows[i].credentials)
        {
          fault_set (fault, "-username", FAULT_USER);
          fault_set (fault, "-password", FAULT_PASSWORD);
        }
      fault_message (fault, ANN);
      fault_send (fault);
      g_test_message ("row %d", (int) i);
      g_assert_true (fault->sent == rows[i].sent);
      kit_script_settle (server);
      g_assert_true (kit_script_had_tls (server, 0) == rows[i].tls);
      if (!rows[i].tls && rows[i].sent && i == 2) /* in clear, and not silently */
        g_assert_cmpuint (vereda_result_get_n_warnings (fault->result), >, 0);
      fault_expect_no_secret (fault, server, FALSE);
    }
}

static void
test_tlspolicy (gconstpointer backend)
{
  /* A handshake that failed: secure is the default; insecure is a new connection in clear. */
  for (int insecure = 0; insecure < 2; insecure++)
    {
      g_autoptr (KitScript) server = kit_script_new ("ext STARTTLS\nhello\n< STARTTLS\n> 220 go\ntake 6\n> 500 what\nserve",
                                                     "ext SIZE\nhello\nserve", NULL);
      g_autoptr (Fault) fault = seed_new (server);

      fault_tls (fault, "auto", backend);
      fault_set (fault, "-usetls", "yes");
      if (insecure)
        fault_set (fault, "-tlspolicy", "insecure");
      fault_message (fault, ANN);
      fault_send (fault);
      if (insecure)
        fault_expect_sent (fault);
      else
        fault_expect_error (fault, VEREDA_ERROR_TLS, NULL);
      fault_expect_connections (server, insecure ? 2 : 1);
    }
  /* The callback is asked, with code and text. */
  {
    g_autoptr (KitScript) server = kit_script_new ("ext STARTTLS\nhello\n< STARTTLS\n> 454 4.7.0 no entropy\nserve", NULL);
    g_autoptr (Fault) fault = seed_new (server);

    fault_tls (fault, "auto", backend);
    fault_set (fault, "-usetls", "yes");
    fault_policy (fault, VEREDA_TLS_SECURE);
    fault_message (fault, ANN);
    fault_send (fault);
    fault_expect_error (fault, VEREDA_ERROR_TLS, NULL);
    g_assert_cmpstr (fault->asked->str, ==, "refused 454 no entropy\n");
  }
}

static void
test_tlsimport (gconstpointer backend)
{
  static const struct
  {
    const char *cert;
    gboolean sent;
  } rows[] = { { "good", TRUE }, { "self-signed", FALSE }, { "wrong-host", FALSE } };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *script = g_strdup_printf ("tls %s\next STARTTLS;SIZE\nhello\nserve", rows[i].cert);
      g_autoptr (KitScript) server = kit_script_new (script, NULL);
      g_autoptr (Fault) fault = seed_new (server);

      fault_tls (fault, "auto", backend);
      fault_set (fault, "-tlsimport", "yes");
      fault_message (fault, ANN);
      fault_send (fault);
      g_assert_true (fault->sent == rows[i].sent);
      kit_script_settle (server);
      g_assert_cmpuint (kit_script_count (server, -1, "STARTTLS"), ==, 0); /* never TLS inside TLS */
    }
}

/* ---- AUTH ---- */

static void
test_username (gconstpointer backend)
{
  for (int with = 0; with < 2; with++)
    {
      g_autoptr (KitScript) server = kit_script_new ("ext STARTTLS\nhello\nstarttls good\next AUTH PLAIN LOGIN\nserve", NULL);
      g_autoptr (Fault) fault = seed_new (server);

      fault_tls (fault, "auto", backend);
      fault_set (fault, "-usetls", "yes");
      if (with)
        {
          fault_set (fault, "-username", FAULT_USER);
          fault_set (fault, "-password", FAULT_PASSWORD);
        }
      seed_content (fault, server, ANN);
      g_assert_cmpuint (kit_script_count (server, 0, "AUTH"), ==, with ? 1 : 0);
      fault_expect_no_secret (fault, server, FALSE);
    }
}

/* Most secure first, each in turn; the password never in clear; ANONYMOUS never; and never on without authentication. */
static void
test_auth_order (void)
{
  g_autoptr (KitScript) server
      = kit_script_new ("ext AUTH ANONYMOUS PLAIN LOGIN CRAM-MD5 DIGEST-MD5\nhello\n= AUTH DIGEST-MD5\n> 535 no\n"
                        "= AUTH CRAM-MD5\n> 535 no\n= QUIT\n> 221 bye",
                        NULL);
  g_autoptr (Fault) fault = seed_new (server);

  fault_set (fault, "-username", FAULT_USER);
  fault_set (fault, "-password", FAULT_PASSWORD);
  fault_message (fault, ANN);
  fault_send (fault);
  fault_expect_clean (server);
  fault_expect_error (fault, VEREDA_ERROR_AUTH, NULL);
  fault_expect_no_secret (fault, server, TRUE);
}

/* ---- ONEX, XQUE ---- */

static void
test_onex (void)
{
  g_autoptr (KitScript) server = kit_script_new ("ext ONEX;XONE;VERB\nhello\n< MAIL\n> 250 ok\nserve", NULL);
  g_autoptr (Fault) fault = seed_new (server);

  seed_content (fault, server, ANN);
  g_assert_cmpuint (kit_script_count (server, -1, "ONEX"), ==, 0);
}

static void
test_queue (void)
{
  g_autoptr (KitScript) offers = kit_script_new ("ext XQUE\nhello\n= QUED\n> 500 ignored\n< MAIL\n> 250 ok\nserve", NULL);
  g_autoptr (KitScript) not_asked = kit_script_new ("ext XQUE\nhello\n< MAIL\n> 250 ok\nserve", NULL);
  g_autoptr (KitScript) lacks = kit_script_new ("ext SIZE\nhello\n< MAIL\n> 250 ok\nserve", NULL);
  g_autoptr (Fault) fault = seed_new (offers), plain = seed_new (not_asked), warned = seed_new (lacks);

  fault_set (fault, "-queue", "yes");
  seed_content (fault, offers, ANN);
  g_assert_cmpuint (vereda_result_get_n_warnings (fault->result), ==, 0);
  seed_content (plain, not_asked, ANN);
  fault_set (warned, "-queue", "yes");
  seed_content (warned, lacks, ANN);
  g_assert_cmpuint (vereda_result_get_n_warnings (warned->result), ==, 1);
  g_assert_nonnull (strstr (vereda_result_get_warning (warned->result, 0), "queue"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/seed/K-call-form", test_call_form);
  g_test_add_func ("/seed/K-booleans", test_booleans);
  g_test_add_func ("/seed/K-servers", test_servers);
  g_test_add_func ("/seed/K-ports", test_ports);
  g_test_add_func ("/seed/F-next-server", test_next_server);
  g_test_add_func ("/seed/F-no-next-server-after-MAIL", test_no_next_server);
  g_test_add_func ("/seed/F-all-fail", test_all_fail);
  g_test_add_func ("/seed/F-client", test_client);
  g_test_add_func ("/seed/F-ehlo", test_ehlo);
  g_test_add_func ("/seed/F-auth-order", test_auth_order);
  g_test_add_func ("/seed/D-onex", test_onex);
  g_test_add_func ("/seed/D-queue", test_queue);
  fault_add_backends ("/seed/F-next-server-secure", test_next_server_secure);
  fault_add_backends ("/seed/F-state-across-servers", test_state_across_servers);
  fault_add_backends ("/seed/F-usetls", test_usetls);
  fault_add_backends ("/seed/F-tlspolicy", test_tlspolicy);
  fault_add_backends ("/seed/F-tlsimport", test_tlsimport);
  fault_add_backends ("/seed/K-username", test_username);
  return g_test_run ();
}
