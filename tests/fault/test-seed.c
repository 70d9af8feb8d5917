/* SPDX-License-Identifier: MIT */
/*
 * What tcllib's smtp::sendmessage does, row by row, under its own option names: F shows the promise kept and the bug gone, K what is kept as it
 * is, D what stands in for something dated.
 */
#include "fault.h"

#define BODY "\r\nhello\r\n"

/* A submission in the seed's words: one server, no TLS. */
static Fault *
seed (KitScript *server)
{
  Fault *fault = fault_new_bare ();
  g_autofree char *port = g_strdup_printf ("%u", kit_script_port (server));

  fault_set (fault, "-servers", "127.0.0.1");
  fault_set (fault, "-ports", port);
  fault_set (fault, "-usetls", "no");
  return fault;
}

static void
seed_servers (Fault *fault, KitScript *first, KitScript *second)
{
  g_autofree char *ports = g_strdup_printf ("%u,%u", kit_script_port (first), kit_script_port (second));

  fault_set (fault, "-servers", "127.0.0.1,127.0.0.1");
  fault_set (fault, "-ports", ports);
}

/* Sends `message` to a server that behaves; gives the record with the content of the one message. */
static const char *
content_of (Fault *fault, KitScript *server, const char *message)
{
  fault_message (fault, message);
  fault_send (fault);
  fault_expect_sent (fault);
  fault_expect_clean (server);
  return kit_script_content (server, 0, 0);
}

static guint
count (const char *text, const char *part)
{
  guint n = 0;

  for (const char *p = strstr (text, part); p != NULL; p = strstr (p + 1, part))
    n++;
  return n;
}

/* The field's value where it stands at the beginning of a line; NULL: none. */
static char *
field (const char *content, const char *name)
{
  g_autofree char *start = g_strconcat ("\r\n", name, ": ", NULL), *text = g_strconcat ("\r\n", content, NULL);
  char *at = strstr (text, start);

  if (at == NULL)
    return NULL;
  at += strlen (start);
  return g_strndup (at, strcspn (at, "\r"));
}

static void
expect_field (const char *content, const char *name, const char *value)
{
  g_autofree char *found = field (content, name);

  g_assert_cmpstr (found, ==, value);
}

static void
expect_set_error (const char *name, const char *value)
{
  g_autoptr (VeredaOptions) options = vereda_options_new ();
  g_autoptr (GError) error = NULL;

  g_assert_false (vereda_options_set (options, name, value, &error));
  g_assert_nonnull (error);
  g_assert_cmpint ((int) error->domain, ==, (int) VEREDA_ERROR);
}

#define FINE "hello\nserve"
#define ANN  "From: ann@example.test\r\nTo: bob@example.test\r\nSubject: seed\r\n" BODY

/* ---- call form and values ---- */

static void
test_call_form (void)
{
  g_autoptr (VeredaOptions) options = vereda_options_new ();
  g_autoptr (GError) error = NULL;

  expect_set_error ("-nonsense", "1");
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
        expect_set_error (names[i], bad[k]);
    }
}

/* ---- servers ---- */

static void
test_servers (void)
{
  g_autoptr (KitScript) first = kit_script_new ("> 554 not here\n= QUIT\n> 221 bye", NULL);
  g_autoptr (KitScript) second = kit_script_new (FINE, NULL);
  g_autoptr (Fault) fault = seed (first);
  g_autofree char *ports = g_strdup_printf ("%u,,%u", kit_script_port (first), kit_script_port (second));
  g_autoptr (VeredaOptions) options = vereda_options_new ();

  g_assert_cmpstr (vereda_options_get (options, "-servers"), ==, "localhost");
  fault_set (fault, "-servers", "127.0.0.1,,127.0.0.1"); /* an empty entry is skipped, with its port */
  fault_set (fault, "-ports", ports);
  content_of (fault, second, ANN);
  fault_expect_clean (first);
  fault_expect_connections (first, 1);
  expect_set_error ("-servers", "");
  expect_set_error ("-servers", " , ");
}

static void
test_ports (void)
{
  g_autoptr (KitScript) first = kit_script_new ("> 421 later\nclose", NULL);
  g_autoptr (KitScript) unused = kit_script_new (FINE, NULL);
  g_autoptr (Fault) fault = seed (first);
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
      g_autoptr (Fault) fault = seed (first);

      g_test_message ("%s", rows[i].script);
      seed_servers (fault, first, second);
      content_of (fault, second, ANN);
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
      g_autoptr (Fault) fault = seed (first);

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
      g_autoptr (Fault) fault = seed (first);

      seed_servers (fault, first, second);
      fault_tls (fault, "auto", backend);
      fault_set (fault, "-usetls", "yes");
      fault_set (fault, "-username", FAULT_USER);
      fault_set (fault, "-password", FAULT_PASSWORD);
      content_of (fault, second, ANN);
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
  g_autoptr (Fault) fault = seed (first);

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
  g_autoptr (Fault) fault = seed (first);
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
  g_autoptr (Fault) fault = seed (server), second = seed (named);
  const char *ehlo;

  content_of (fault, server, ANN);
  ehlo = kit_script_line (server, 0, "EHLO ", 0);
  g_assert_true (strchr (ehlo, '.') != NULL || strchr (ehlo, '[') != NULL); /* qualified, or a literal */
  g_assert_cmpstr (ehlo, !=, "EHLO localhost");
  fault_set (second, "-client", "me.example.test");
  content_of (second, named, ANN);
  expect_set_error ("-client", "x\r\nNOOP");
  expect_set_error ("-client", "under_score.example.test");
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
  g_autoptr (Fault) fault = seed (small);

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (KitScript) server = kit_script_new (rows[i].script, NULL);
      g_autoptr (Fault) one = seed (server);

      fault_message (one, ANN);
      fault_send (one);
      g_assert_true (one->sent == rows[i].sent);
      fault_expect_clean (server);
    }
  /* The first line is a greeting and no keyword; keywords are the same in small letters. */
  content_of (fault, small, "From: ann@example.test\r\nTo: bob@example.test\r\n\r\ngr\xc3\xbc\xc3\x9f\r\n");
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
      g_autoptr (Fault) fault = seed (server);

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
      g_autoptr (Fault) fault = seed (server);

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
    g_autoptr (Fault) fault = seed (server);

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
      g_autoptr (Fault) fault = seed (server);

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
      g_autoptr (Fault) fault = seed (server);

      fault_tls (fault, "auto", backend);
      fault_set (fault, "-usetls", "yes");
      if (with)
        {
          fault_set (fault, "-username", FAULT_USER);
          fault_set (fault, "-password", FAULT_PASSWORD);
        }
      content_of (fault, server, ANN);
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
  g_autoptr (Fault) fault = seed (server);

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
  g_autoptr (Fault) fault = seed (server);

  content_of (fault, server, ANN);
  g_assert_cmpuint (kit_script_count (server, -1, "ONEX"), ==, 0);
}

static void
test_queue (void)
{
  g_autoptr (KitScript) offers = kit_script_new ("ext XQUE\nhello\n= QUED\n> 500 ignored\n< MAIL\n> 250 ok\nserve", NULL);
  g_autoptr (KitScript) not_asked = kit_script_new ("ext XQUE\nhello\n< MAIL\n> 250 ok\nserve", NULL);
  g_autoptr (KitScript) lacks = kit_script_new ("ext SIZE\nhello\n< MAIL\n> 250 ok\nserve", NULL);
  g_autoptr (Fault) fault = seed (offers), plain = seed (not_asked), warned = seed (lacks);

  fault_set (fault, "-queue", "yes");
  content_of (fault, offers, ANN);
  g_assert_cmpuint (vereda_result_get_n_warnings (fault->result), ==, 0);
  content_of (plain, not_asked, ANN);
  fault_set (warned, "-queue", "yes");
  content_of (warned, lacks, ANN);
  g_assert_cmpuint (vereda_result_get_n_warnings (warned->result), ==, 1);
  g_assert_nonnull (strstr (vereda_result_get_warning (warned->result, 0), "queue"));
}

/* ---- header fields ---- */

static void
test_header (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
  g_autoptr (Fault) fault = seed (server);
  const char *content;

  fault_set (fault, "-header", "TO: bob@example.test");
  fault_set (fault, "-header", "to: joe@example.test"); /* the same field: one list, in the first spelling */
  fault_set (fault, "-header", "X-Many: one");
  fault_set (fault, "-header", "x-many: two");
  fault_set (fault, "-header", "Subject: from the option");
  content = content_of (fault, server, "From: ann@example.test\r\nSubject: of the message\r\n" BODY);
  expect_field (content, "TO", "bob@example.test, joe@example.test");
  expect_field (content, "Subject", "from the option"); /* replaces */
  g_assert_cmpuint (count (content, "ubject:"), ==, 1);
  g_assert_cmpuint (count (content, "X-Many: "), ==, 2);
  g_assert_cmpuint (kit_script_count (server, 0, "RCPT TO:"), ==, 2);
}

static void
test_disallowed_header (void)
{
  static const char *const fields[] = { "Content-Type: text/html", "content-transfer-encoding: 8bit", "CONTENT-MD5: x",
                                        "Mime-Version: 1.0",       "Return-Path: <a@example.test>",   "Received: from me" };

  for (gsize i = 0; i < G_N_ELEMENTS (fields); i++)
    {
      g_autoptr (VeredaOptions) options = vereda_options_new ();
      g_autoptr (GError) error = NULL;

      g_assert_false (vereda_options_set (options, "-header", fields[i], &error));
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION);
      g_assert_nonnull (strstr (error->message, "cannot be user-specified"));
    }
}

static void
test_header_lookup (void)
{
  g_autoptr (KitScript) one = kit_script_new (FINE, NULL), two = kit_script_new (FINE, NULL);
  g_autoptr (Fault) fault = seed (one), other = seed (two);
  const char *message
      = "From: ann@example.test\r\nTo: bob@example.test\r\nCc: sue@example.test\r\nDate: Mon, 01 Jan 2024 00:00:00 +0000\r\n"
        "Message-ID: <mine@example.test>\r\n" BODY;
  const char *content;

  /* All from the message. */
  content = content_of (fault, one, message);
  g_assert_cmpuint (count (content, "From: "), ==, 1);
  expect_field (content, "Date", "Mon, 01 Jan 2024 00:00:00 +0000");
  expect_field (content, "Message-ID", "<mine@example.test>");
  g_assert_cmpstr (kit_script_line (one, 0, "MAIL", 0), ==, "MAIL FROM:<ann@example.test>");
  g_assert_cmpuint (kit_script_count (one, 0, "RCPT TO:"), ==, 2);

  /* The option wins, and there is still one From. */
  fault_set (other, "-header", "From: eve@example.test");
  fault_set (other, "-header", "To: joe@example.test");
  content = content_of (other, two, message);
  g_assert_cmpuint (count (content, "From: "), ==, 1);
  expect_field (content, "From", "eve@example.test");
  g_assert_cmpstr (kit_script_line (two, 0, "MAIL", 0), ==, "MAIL FROM:<eve@example.test>");
  g_assert_cmpstr (kit_script_line (two, 0, "RCPT", 0), ==, "RCPT TO:<joe@example.test>");
  g_assert_cmpstr (kit_script_line (two, 0, "RCPT", 1), ==, "RCPT TO:<sue@example.test>");
}

/* The seed never took back what it added; here the second sending is the first again. */
static void
test_message_is_const (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, FINE, NULL);
  g_autoptr (Fault) fault = seed (server);
  const char *first, *second;

  fault_set (fault, "-header", "Bcc: blind@example.test");
  fault_set (fault, "-header", "X-Added: once");
  fault_set (fault, "-originator", "agent@example.test");
  fault_message (fault, "From: ann@example.test\r\nTo: bob@example.test\r\nDate: Mon, 01 Jan 2024 00:00:00 "
                        "+0000\r\nMessage-ID: <m@example.test>\r\n" BODY);
  fault_send (fault);
  fault_expect_sent (fault);
  fault_send (fault);
  fault_expect_sent (fault);
  fault_expect_clean (server);
  first = kit_script_content (server, 0, 0);
  second = kit_script_content (server, 1, 0);
  g_assert_cmpstr (first, ==, second);
  g_assert_cmpuint (count (second, "From: "), ==, 1);
  g_assert_cmpuint (count (second, "X-Added: "), ==, 1);
}

static void
test_resent (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
  g_autoptr (Fault) fault = seed (server);
  const char *content;

  fault_set (fault, "-header", "Resent-From: eve@example.test");
  fault_set (fault, "-header", "Resent-To: joe@example.test");
  content = content_of (fault, server,
                        "Received: from somewhere\r\nFrom: ann@example.test\r\nTo: bob@example.test\r\nSubject: seed\r\n" BODY);
  g_assert_true (g_str_has_prefix (content, "Resent-")); /* one block, above all */
  g_assert_nonnull (strstr (content, "Resent-Date: "));
  g_assert_nonnull (strstr (content, "Resent-Message-ID: <"));
  g_assert_true (strstr (content, "Resent-To:") < strstr (content, "Received:"));
  g_assert_true (g_str_has_suffix (
      content, "\r\nReceived: from somewhere\r\nFrom: ann@example.test\r\nTo: bob@example.test\r\nSubject: seed\r\n" BODY));
  g_assert_cmpstr (kit_script_line (server, 0, "MAIL", 0), ==, "MAIL FROM:<eve@example.test>");
  g_assert_cmpuint (kit_script_count (server, 0, "RCPT TO:"), ==, 1);
  g_assert_cmpstr (kit_script_line (server, 0, "RCPT", 0), ==, "RCPT TO:<joe@example.test>");
}

/* ---- who sends ---- */

static void
test_originator (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, NULL), unused = kit_script_new (FINE, NULL);
  g_autoptr (Fault) fault = seed (server), bare = seed (unused);

  fault_set (fault, "-originator", "Agent Smith <agent@example.test>");
  content_of (fault, server, ANN);
  g_assert_cmpstr (kit_script_line (server, 0, "MAIL", 0), ==, "MAIL FROM:<agent@example.test>");
  g_assert_cmpstr (vereda_result_get_reverse_path (fault->result), ==, "agent@example.test");
  expect_set_error ("-originator", "a@example.test, b@example.test");
  /* No host name is invented for an address without one. */
  fault_set (bare, "-originator", "postmaster");
  fault_message (bare, ANN);
  fault_send (bare);
  fault_expect_error (bare, VEREDA_ERROR_ADDRESS, "originator");
  fault_expect_connections (unused, 0);
}

static void
test_default_domain (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
  g_autoptr (Fault) fault = seed (server);

  fault_set (fault, "-originator", "ann");
  fault_set (fault, "-recipients", "bob");
  fault_set (fault, "default-domain", "example.test");
  content_of (fault, server, ANN);
  g_assert_cmpstr (kit_script_line (server, 0, "MAIL", 0), ==, "MAIL FROM:<ann@example.test>");
  g_assert_cmpstr (kit_script_line (server, 0, "RCPT", 0), ==, "RCPT TO:<bob@example.test>");
}

static void
test_no_originator (void)
{
  static const struct
  {
    const char *message, *mail; /* NULL: an error */
  } rows[] = {
    { "From: Ann <ann@example.test>\r\nTo: bob@example.test\r\n" BODY, "MAIL FROM:<ann@example.test>" },
    { "From: a@example.test, b@example.test\r\nSender: c@example.test\r\nTo: bob@example.test\r\n" BODY,
      "MAIL FROM:<c@example.test>" },
    { "From: a@example.test, b@example.test\r\nTo: bob@example.test\r\n" BODY, NULL },
    { "To: bob@example.test\r\n" BODY, NULL }, /* no OS user name for it */
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
      g_autoptr (Fault) fault = seed (server);

      fault_message (fault, rows[i].message);
      fault_send (fault);
      if (rows[i].mail == NULL)
        {
          fault_expect_error (fault, VEREDA_ERROR_ADDRESS, NULL);
          fault_expect_connections (server, 0);
          continue;
        }
      fault_expect_sent (fault);
      kit_script_settle (server);
      g_assert_cmpstr (kit_script_line (server, 0, "MAIL", 0), ==, rows[i].mail);
    }
}

static void
test_several_from_with_originator (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
  g_autoptr (Fault) fault = seed (server);
  const char *content;

  fault_set (fault, "-originator", "c@example.test");
  content = content_of (fault, server, "From: a@example.test, b@example.test\r\nTo: bob@example.test\r\n" BODY);
  expect_field (content, "Sender", "c@example.test"); /* RFC 5322 section 3.6.2 */
}

static void
test_null_originator (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, NULL), unused = kit_script_new (FINE, NULL);
  g_autoptr (Fault) fault = seed (server), without = seed (unused);
  const char *content;

  fault_set (fault, "-originator", "");
  content = content_of (fault, server, ANN);
  g_assert_cmpstr (kit_script_line (server, 0, "MAIL", 0), ==, "MAIL FROM:<>");
  expect_field (content, "From", "ann@example.test");
  expect_field (content, "Sender", NULL);
  g_assert_cmpstr (vereda_result_get_reverse_path (fault->result), ==, "");

  fault_set (without, "-originator", "");
  fault_message (without, "To: bob@example.test\r\n" BODY);
  fault_send (without);
  fault_expect_error (without, VEREDA_ERROR_MESSAGE, "From");
  fault_expect_connections (unused, 0);
}

static void
test_sender (void)
{
  static const struct
  {
    const char *originator, *from, *sender;
  } rows[] = {
    { "agent@example.test", "one@example.test", "agent@example.test" }, /* the seed says one@ here */
    { "one@example.test", "One <one@example.test>", NULL },
    { "one@EXAMPLE.test", "one@example.TEST", NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
      g_autoptr (Fault) fault = seed (server);
      g_autofree char *message = g_strdup_printf ("From: %s\r\nTo: bob@example.test\r\n" BODY, rows[i].from);

      fault_set (fault, "-originator", rows[i].originator);
      expect_field (content_of (fault, server, message), "Sender", rows[i].sender);
    }
}

/* ---- who receives ---- */

static void
test_recipients (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
  g_autoptr (Fault) fault = seed (server);
  const char *content;

  fault_set (fault, "-recipients", "joe@example.test, friends: sue@example.test, \"pat\"@example.test;");
  content = content_of (fault, server,
                        "From: ann@example.test\r\nTo: bob@example.test\r\nBcc: one@example.test,\r\n two@example.test\r\nDcc: "
                        "three@example.test\r\nbcc: "
                        "four@example.test\r\n" BODY);
  g_assert_cmpuint (kit_script_count (server, 0, "RCPT TO:"), ==, 3);
  g_assert_cmpuint (kit_script_count (server, 0, "RCPT TO:<joe@example.test>"), ==, 1);
  g_assert_cmpuint (kit_script_count (server, 0, "RCPT TO:<pat@example.test>"), ==, 1); /* least quoting */
  /* Blind recipients are in nobody's copy. */
  g_assert_null (strstr (content, "one@"));
  g_assert_null (strstr (content, "two@"));
  g_assert_null (strstr (content, "three@"));
  g_assert_null (strstr (content, "four@"));
  g_assert_null (strstr (content, "cc:"));
  expect_field (content, "To", "bob@example.test");
  expect_set_error ("-recipients", " ");
  expect_set_error ("-recipients", "nobody:;");
}

static void
test_no_recipients (void)
{
  static const char *const names[] = { "To", "Cc", "Bcc", "Dcc" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    for (int by_option = 0; by_option < 2; by_option++)
      {
        g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
        g_autoptr (Fault) fault = seed (server);
        g_autofree char *line = g_strdup_printf ("%s: bob@example.test", names[i]);
        g_autofree char *message
            = g_strdup_printf ("From: ann@example.test\r\n%s%s" BODY, by_option ? "" : line, by_option ? "" : "\r\n");

        if (by_option)
          fault_set (fault, "-header", line);
        content_of (fault, server, message);
        g_assert_cmpstr (kit_script_line (server, 0, "RCPT", 0), ==, "RCPT TO:<bob@example.test>");
      }
  {
    g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
    g_autoptr (Fault) fault = seed (server);

    fault_message (fault, "From: ann@example.test\r\n" BODY);
    fault_send (fault);
    fault_expect_error (fault, VEREDA_ERROR_ADDRESS, NULL);
    fault_expect_connections (server, 0);
  }
}

static void
test_dcc (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
  g_autoptr (Fault) fault = seed (server);
  const char *content;

  fault_set (fault, "-header", "Dcc: dan@example.test");
  content = content_of (fault, server, ANN);
  g_assert_cmpuint (kit_script_count (server, 0, "MAIL"), ==, 1);
  g_assert_cmpuint (kit_script_count (server, 0, "RCPT TO:"), ==, 2);
  g_assert_null (strstr (content, "dan@"));
  g_assert_true (vereda_recipient_is_blind (vereda_result_get_recipient (fault->result, 1)));
}

/* By default in the same transaction. */
static void
test_bcc_same (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
  g_autoptr (Fault) fault = seed (server);
  const char *content;

  fault_set (fault, "-header", "Bcc: bea@example.test");
  content = content_of (fault, server, ANN);
  g_assert_cmpuint (kit_script_count (server, 0, "MAIL"), ==, 1);
  g_assert_cmpuint (kit_script_count (server, 0, "RCPT TO:<bea@example.test>"), ==, 1);
  g_assert_null (strstr (content, "bea@"));
}

static void
test_bcc_digest (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
  g_autoptr (Fault) fault = seed (server);
  const char *first, *second;

  fault_set (fault, "bcc", "digest");
  fault_set (fault, "-header", "Bcc: bea@example.test");
  first = content_of (fault, server, ANN);
  second = kit_script_content (server, 0, 1);
  g_assert_nonnull (second); /* on the same connection */
  g_assert_cmpuint (kit_script_count (server, 0, "MAIL"), ==, 2);
  g_assert_cmpstr (kit_script_line (server, 0, "RCPT", 1), ==, "RCPT TO:<bea@example.test>");
  g_assert_null (strstr (first, "bea@"));
  expect_field (second, "Subject", "[Bcc] seed"); /* of the message, which the seed did not look at */
  expect_field (second, "From", "ann@example.test");
  expect_field (second, "Content-Description", "Blind Carbon Copy");
  g_assert_nonnull (strstr (second, "multipart/digest"));
  g_assert_nonnull (strstr (second, "Content-Type: message/rfc822"));
  g_assert_nonnull (strstr (second, "Content-Description: Original Message"));
  g_assert_nonnull (strstr (second, BODY));
  g_assert_null (strstr (second, "bea@"));
}

/* The main copy was not committed: no blind one either. */
static void
test_bcc_after_refusal (void)
{
  static const char *const modes[] = { "digest", "separate" };

  for (gsize i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      g_autoptr (KitScript) server = kit_script_new ("hello\non RCPT TO:<bob = 550 5.1.1 no\nserve", NULL);
      g_autoptr (Fault) fault = seed (server);

      fault_set (fault, "bcc", modes[i]);
      fault_set (fault, "-header", "Bcc: bea@example.test");
      fault_message (fault, ANN);
      fault_send (fault);
      fault_expect_error (fault, VEREDA_ERROR_RECIPIENTS, NULL);
      kit_script_settle (server);
      g_assert_cmpuint (kit_script_count (server, 0, "MAIL"), ==, 1);
      g_assert_cmpuint (kit_script_count (server, 0, "RCPT TO:<bea"), ==, 0);
      g_assert_null (kit_script_content (server, 0, 0));
    }
}

/* A second transaction that fails is told, and does not take back the first. */
static void
test_bcc_errors (void)
{
  static const char *const scripts[] = { "hello\nonce MAIL = 250 ok\nuntil MAIL\n> 250 ok\non MAIL = 550 5.7.1 enough\nserve",
                                         "hello\non RCPT TO:<bea = 550 5.1.1 no bea\nserve" };

  for (gsize i = 0; i < G_N_ELEMENTS (scripts); i++)
    {
      g_autoptr (KitScript) server = kit_script_new (scripts[i], NULL);
      g_autoptr (Fault) fault = seed (server);
      VeredaRecipient *blind;

      fault_set (fault, "bcc", "digest");
      fault_set (fault, "-header", "Bcc: bea@example.test");
      content_of (fault, server, ANN);
      blind = vereda_result_get_recipient (fault->result, 1);
      g_assert_true (vereda_recipient_is_blind (blind));
      g_assert_cmpint (vereda_recipient_get_status (blind), !=, VEREDA_RECIPIENT_ACCEPTED);
      g_assert_cmpint (vereda_recipient_get_status (vereda_result_get_recipient (fault->result, 0)), ==,
                       VEREDA_RECIPIENT_ACCEPTED);
      g_assert_cmpuint (vereda_result_get_n_warnings (fault->result), >, 0);
    }
}

static void
test_empty_bcc (void)
{
  g_autoptr (KitScript) none = kit_script_new (FINE, NULL), asked = kit_script_new (FINE, NULL);
  g_autoptr (Fault) fault = seed (none), option = seed (asked);
  const char *content;

  /* No To anywhere, which made the seed put an empty Bcc. */
  fault_set (fault, "-recipients", "bob@example.test");
  content = content_of (fault, none, "From: ann@example.test\r\n" BODY);
  g_assert_null (strstr (content, "Bcc:"));
  fault_set (option, "empty-bcc", "yes");
  fault_set (option, "-header", "Bcc: bea@example.test");
  content = content_of (option, asked, ANN);
  g_assert_nonnull (strstr (content, "\r\nBcc:"));
  g_assert_null (strstr (content, "bea@"));
}

static void
test_date_message_id (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, FINE, NULL);
  g_autoptr (Fault) fault = seed (server);
  g_autofree char *date = NULL, *first = NULL, *second = NULL;

  fault_message (fault, ANN);
  fault_send (fault);
  fault_expect_sent (fault);
  fault_send (fault);
  fault_expect_sent (fault);
  fault_expect_clean (server);
  date = field (kit_script_content (server, 0, 0), "Date");
  first = field (kit_script_content (server, 0, 0), "Message-ID");
  second = field (kit_script_content (server, 1, 0), "Message-ID");
  g_assert_true (g_regex_match_simple (
      "^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{1,2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) 20[0-9]{2} "
      "[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}$",
      date, 0, 0));
  /* Unique, and telling nothing: no host name, process or time. */
  g_assert_true (g_regex_match_simple ("^<[^@<>]{16,}@example\\.test>$", first, 0, 0));
  g_assert_cmpstr (first, !=, second);
  g_assert_null (strstr (first, g_get_host_name ()));
}

/* ---- the transaction ---- */

static void
test_mail (void)
{
  static const struct
  {
    const char *script;
    int code; /* 0: sent */
    const char *mail;
  } rows[] = {
    { "ext SIZE 1000000\nhello\nserve", 0, " SIZE=" },
    { "ext SIZE\nhello\nserve", 0, " SIZE=" },
    { "ext SIZELESS\nhello\nserve", 0, NULL },
    { "ext SIZE 20\nhello\nserve", VEREDA_ERROR_POLICY, NULL },
    { "ext SIZE;8BITMIME\nhello\non MAIL = 251 fine too\nserve", 0, " SIZE=" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (KitScript) server = kit_script_new (rows[i].script, NULL);
      g_autoptr (Fault) fault = seed (server);
      const char *mail;

      fault_message (fault, ANN);
      fault_send (fault);
      kit_script_settle (server);
      if (rows[i].code != 0)
        {
          fault_expect_error (fault, (VeredaErrorCode) rows[i].code, "SIZE");
          g_assert_cmpuint (kit_script_count (server, 0, "MAIL"), ==, 0);
          continue;
        }
      fault_expect_sent (fault);
      mail = kit_script_line (server, 0, "MAIL", 0);
      g_assert_true ((rows[i].mail != NULL) == (strstr (mail, "SIZE=") != NULL));
    }
  {
    g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
    g_autoptr (Fault) fault = seed (server);

    fault_message (fault, "From: ann@example.test\r\nTo: bob@example.test\r\n\r\ngr\xc3\xbc\xc3\x9f\r\n");
    fault_send (fault);
    fault_expect_error (fault, VEREDA_ERROR_POLICY, "8BITMIME");
    kit_script_settle (server);
    g_assert_cmpuint (kit_script_count (server, 0, "MAIL"), ==, 0);
  }
}

static void
test_mail_refused (void)
{
  g_autoptr (KitScript) server = kit_script_new ("hello\non MAIL = 550-5.7.1 who are\\r\\n550 5.7.1 you\nserve", NULL);
  g_autoptr (Fault) fault = seed (server);

  fault_message (fault, ANN);
  fault_send (fault);
  fault_expect_error (fault, VEREDA_ERROR_MAIL, "550 5.7.1");
  g_assert_cmpint (vereda_reply_get_code (vereda_result_get_reply (fault->result)), ==, 550);
  g_assert_cmpstr (vereda_reply_get_text (vereda_result_get_reply (fault->result)), ==, "who are\nyou");
  g_assert_cmpuint (vereda_result_count (fault->result, VEREDA_RECIPIENT_REFUSED), ==, 0);
  fault_expect_attempt (fault, VEREDA_STAGE_MAIL, VEREDA_DECISION_STOP, NULL);
}

static void
test_rcpt (void)
{
  g_autoptr (KitScript) server
      = kit_script_new ("hello\non RCPT TO:<a@ = 250 ok\non RCPT TO:<b@ = 251 will forward\non RCPT TO:<c@ = 252 perhaps\n"
                        "on RCPT TO:<d@ = 259 what\non RCPT TO:<e@ = 551-5.1.6 moved\\r\\n551 5.1.6 to <x@example.test>\nserve",
                        NULL);
  g_autoptr (KitScript) lost = kit_script_new ("hello\non RCPT TO:<b@ = !close\nserve", NULL);
  g_autoptr (Fault) fault = seed (server), other = seed (lost);
  VeredaRecipient *refused;

  fault_set (fault, "-recipients", "a@example.test, b@example.test, c@example.test, d@example.test, e@example.test");
  fault_set (fault, "-atleastone", "yes");
  content_of (fault, server, ANN);
  g_assert_cmpuint (vereda_result_count (fault->result, VEREDA_RECIPIENT_ACCEPTED), ==, 4);
  refused = vereda_result_get_recipient (fault->result, 4);
  g_assert_cmpstr (vereda_reply_get_text (vereda_recipient_get_reply (refused)), ==, "moved\nto <x@example.test>");
  g_assert_cmpuint (kit_script_count (server, 0, "RCPT TO:<x@"), ==, 0); /* nobody is redirected by a text */

  /* A lost connection is an error of the transaction: not one refusal for each address. */
  fault_set (other, "-recipients", "a@example.test, b@example.test, c@example.test");
  fault_set (other, "-atleastone", "yes");
  fault_message (other, ANN);
  fault_send (other);
  fault_expect_error (other, VEREDA_ERROR_CLOSED, NULL);
  g_assert_cmpuint (vereda_result_count (other->result, VEREDA_RECIPIENT_REFUSED), ==, 0);
}

/* The decision table. */
static void
test_atleastone (void)
{
  static const struct
  {
    const char *recipients;
    guint good, bad;
    gboolean sent[2]; /* without and with -atleastone */
  } rows[] = {
    { "a1@example.test, a2@example.test", 2, 0, { TRUE, TRUE } },
    { "a1@example.test, b1@example.test", 1, 1, { FALSE, TRUE } },
    { "b1@example.test, b2@example.test", 0, 2, { FALSE, FALSE } },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    for (int any = 0; any < 2; any++)
      {
        g_autoptr (KitScript) server = kit_script_new ("hello\non RCPT TO:<b = 550 5.1.1 no\nserve", NULL);
        g_autoptr (Fault) fault = seed (server);

        fault_set (fault, "-recipients", rows[i].recipients);
        fault_set (fault, "-atleastone", any ? "1" : "0");
        fault_message (fault, ANN);
        fault_send (fault);
        kit_script_settle (server);
        g_assert_true (fault->sent == rows[i].sent[any]);
        g_assert_cmpuint (vereda_result_count (fault->result, VEREDA_RECIPIENT_REFUSED), ==, rows[i].bad);
        g_assert_cmpuint (vereda_result_count (fault->result, VEREDA_RECIPIENT_ACCEPTED), ==, fault->sent ? rows[i].good : 0);
        g_assert_cmpuint (kit_script_count (server, 0, "DATA"), ==, fault->sent ? 1 : 0);
        /* A transaction that is given up is reset. */
        if (!fault->sent)
          g_assert_cmpuint (kit_script_count (server, 0, "RSET"), ==, 1);
      }
}

static void
test_result (void)
{
  g_autoptr (KitScript) server
      = kit_script_new ("hello\non RCPT TO:<b@ = 550 5.1.1 no b\non RCPT TO:<d@ = 451 4.2.1 later d\nserve", NULL);
  g_autoptr (Fault) fault = seed (server);
  static const struct
  {
    const char *address;
    VeredaRecipientStatus status;
    int code;
    gboolean permanent;
  } rows[] = {
    { "a@example.test", VEREDA_RECIPIENT_ACCEPTED, 250, FALSE }, { "b@example.test", VEREDA_RECIPIENT_REFUSED, 550, TRUE },
    { "a@EXAMPLE.test", VEREDA_RECIPIENT_ACCEPTED, 250, FALSE }, { "d@example.test", VEREDA_RECIPIENT_REFUSED, 451, FALSE },
    { "b@example.test", VEREDA_RECIPIENT_REFUSED, 550, TRUE },
  };

  fault_set (fault, "-recipients", "a@example.test, b@example.test, a@EXAMPLE.test, d@example.test, b@example.test");
  fault_set (fault, "-atleastone", "yes");
  content_of (fault, server, ANN);
  g_assert_cmpuint (kit_script_count (server, 0, "RCPT TO:"), ==, 3); /* each once */
  g_assert_cmpuint (vereda_result_get_n_recipients (fault->result), ==, G_N_ELEMENTS (rows));
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      VeredaRecipient *recipient = vereda_result_get_recipient (fault->result, i);

      g_assert_cmpstr (vereda_recipient_get_address (recipient), ==, rows[i].address);
      g_assert_cmpint (vereda_recipient_get_status (recipient), ==, rows[i].status);
      g_assert_cmpint (vereda_reply_get_code (vereda_recipient_get_reply (recipient)), ==, rows[i].code);
      g_assert_true (vereda_recipient_is_permanent (recipient) == rows[i].permanent);
    }
}

/* ---- content ---- */

/* Gives the octets one by one; in one of its passes the disk is gone after 66 of them. */
typedef struct
{
  guint pass, bad_pass;
  gsize at;
} Half;

static gssize
read_half (gpointer data, void *buf, gsize size, GError **error)
{
  Half *half = data;

  if (half->pass == half->bad_pass && half->at == 66)
    {
      g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_IO, "the disk is gone");
      return -1;
    }
  if (half->at == strlen (ANN))
    return 0;
  *(char *) buf = ANN[half->at++];
  return 1;
}

static gboolean
rewind_half (gpointer data, GError **error)
{
  Half *half = data;

  half->at = 0;
  half->pass++;
  return TRUE;
}

static void
test_data (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, FINE, NULL),
                        odd = kit_script_new ("hello\non DATA = 250 no need\nserve", NULL);
  g_autoptr (Fault) fault = seed (server), other = seed (odd);
  VeredaSourceFuncs funcs = { .struct_size = sizeof funcs, .read = read_half, .rewind = rewind_half };
  Half half = { 0, G_MAXUINT, 0 };
  const GByteArray *clear;

  /* The seed put a dot behind what it had, and half a message was accepted.  The last pass is the one that goes to the server. */
  fault->message = vereda_message_new_from_callbacks (&funcs, &half, NULL);
  fault_send (fault);
  fault_expect_sent (fault);
  vereda_message_unref (fault->message);
  half = (Half){ 0, half.pass, 0 };
  fault->message = vereda_message_new_from_callbacks (&funcs, &half, NULL);
  fault_send (fault);
  fault_expect_error (fault, VEREDA_ERROR_SOURCE, "the disk is gone");
  fault_expect_connections (server, 2);
  clear = kit_script_clear (server, 1);
  g_assert_null (memmem (clear->data, clear->len, "\r\n.\r\n", 5));

  /* Nothing of the message without 354. */
  fault_message (other, ANN);
  fault_send (other);
  fault_expect_error (other, VEREDA_ERROR_PROTOCOL, NULL);
  kit_script_settle (odd);
  clear = kit_script_clear (odd, 0);
  g_assert_null (memmem (clear->data, clear->len, "Subject", 7));
}

static void
test_dot (void)
{
  static const struct
  {
    const char *script, *maxsecs;
    VeredaVerdict verdict;
  } rows[] = {
    { "hello\non CONTENT = 251 fine\nserve", NULL, VEREDA_SENT },
    { "hello\non CONTENT = 259 fine\nserve", NULL, VEREDA_SENT },
    { "hello\nuntil DATA\n> 354 go\ncontent\npause 300\n> 250 queued\nserve", "0",
      VEREDA_SENT }, /* 0: the default, not "do not wait" */
    { "hello\nuntil DATA\n> 354 go\ncontent\npause 300\n> 250 queued\nserve", "900", VEREDA_SENT },
    { "hello\nuntil DATA\n> 354 go\ncontent\npause 2000\n> 250 queued\nserve", "0.2",
      VEREDA_UNKNOWN }, /* it may be queued, and is not resent */
    { "hello\non CONTENT = 554 5.7.1 spam\nserve", NULL, VEREDA_NOT_SENT },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (KitScript) server = kit_script_new (rows[i].script, NULL);
      g_autoptr (Fault) fault = seed (server);

      if (rows[i].maxsecs != NULL)
        fault_set (fault, "-maxsecs", rows[i].maxsecs);
      fault_message (fault, ANN);
      fault_send (fault);
      g_assert_cmpint (vereda_result_get_verdict (fault->result), ==, rows[i].verdict);
      fault_expect_connections (server, 1);
    }
}

static GLogWriterOutput
keep_log (GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data)
{
  GString *log = data;
  gboolean ours = FALSE;
  const char *message = "";

  for (gsize i = 0; i < n; i++)
    {
      ours |= g_str_equal (fields[i].key, "GLIB_DOMAIN") && g_str_equal (fields[i].value, "vereda");
      if (g_str_equal (fields[i].key, "MESSAGE"))
        message = fields[i].value;
    }
  if (ours && (level & G_LOG_LEVEL_DEBUG) != 0)
    g_string_append_printf (log, "%s\n", message);
  return G_LOG_WRITER_HANDLED;
}

/* In a process of its own: GLib's log writer is set once. */
static void
test_debug (void)
{
  g_autoptr (GString) log = g_string_new (NULL);
  g_autoptr (KitScript) server = kit_script_new ("ext AUTH PLAIN\nhello\nserve", NULL);
  g_autoptr (Fault) fault = NULL;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 20 * G_USEC_PER_SEC, G_TEST_SUBPROCESS_DEFAULT);
      g_test_trap_assert_passed ();
      return;
    }
  g_log_set_writer_func (keep_log, log, NULL);
  fault = seed (server);
  vereda_options_set_trace (fault->options, NULL, NULL);
  fault_set (fault, "-debug", "yes");
  fault_set (fault, "-username", FAULT_USER);
  fault_set (fault, "-password", FAULT_PASSWORD);
  fault_set (fault, "insecure-cleartext-auth", "yes");
  fault_message (fault, ANN);
  fault_send (fault);
  g_assert_true (fault->sent);
  g_assert_nonnull (strstr (log->str, "AUTH PLAIN <redacted"));
  g_assert_nonnull (strstr (log->str, "MAIL FROM:"));
  g_assert_false (fault_holds_secret (log->str, log->len, FAULT_PASSWORD));
  g_assert_null (strstr (log->str, "hello\n")); /* no content */
}

static void
test_line_ends (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, NULL), unused = kit_script_new (FINE, NULL);
  g_autoptr (Fault) fault = seed (server), lone = seed (unused);
  const char *content
      = content_of (fault, server, "From: ann@example.test\nTo: bob@example.test\n\n.one\n..two\nthree\r\n.\nend");

  g_assert_true (g_str_has_suffix (content, "\r\n\r\n..one\r\n...two\r\nthree\r\n..\r\nend\r\n"));
  for (const char *p = content; *p != '\0'; p++)
    g_assert_true (*p != '\n' || (p > content && p[-1] == '\r'));
  fault_message (lone, "From: ann@example.test\r\nTo: bob@example.test\r\n\r\na\rb\r\n");
  fault_send (lone);
  fault_expect_error (lone, VEREDA_ERROR_MESSAGE, NULL);
  fault_expect_connections (unused, 0);
}

/* ---- the end ---- */

static void
test_end (void)
{
  g_autoptr (KitScript) server = kit_script_new ("hello\nuntil QUIT\npause 150\n> 221 bye", NULL),
                        reused = kit_script_new ("hello\nserve", NULL);
  g_autoptr (Fault) fault = seed (server), other = seed (reused);
  g_autoptr (VeredaSender) sender = NULL;
  g_autoptr (GError) error = NULL;

  fault_message (fault, ANN);
  fault_send (fault);
  fault_expect_sent (fault);
  fault_expect_clean (server);
  g_assert_cmpuint (kit_script_count (server, 0, "QUIT"), ==, 1);
  g_assert_nonnull (strstr (fault->trace->str, "221 bye")); /* it was waited for */

  /* And one connection carries many messages, where the seed made one for each. */
  fault_message (other, ANN);
  sender = vereda_sender_new (other->options, &error);
  g_assert_no_error (error);
  for (int i = 0; i < 3; i++)
    g_assert_true (vereda_sender_submit (sender, other->message, NULL, NULL, NULL, NULL, &error));
  vereda_sender_run (sender);
  fault_expect_clean (reused);
  fault_expect_connections (reused, 1);
  g_assert_nonnull (kit_script_content (reused, 0, 2));
  g_assert_cmpuint (kit_script_count (reused, 0, "EHLO"), ==, 1);
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *path;
    GTestFunc func;
  } rows[] = {
    { "/seed/K-call-form", test_call_form },
    { "/seed/K-booleans", test_booleans },
    { "/seed/K-servers", test_servers },
    { "/seed/K-ports", test_ports },
    { "/seed/F-next-server", test_next_server },
    { "/seed/F-no-next-server-after-MAIL", test_no_next_server },
    { "/seed/F-all-fail", test_all_fail },
    { "/seed/F-client", test_client },
    { "/seed/F-ehlo", test_ehlo },
    { "/seed/F-auth-order", test_auth_order },
    { "/seed/D-onex", test_onex },
    { "/seed/D-queue", test_queue },
    { "/seed/K-header", test_header },
    { "/seed/K-disallowed-header", test_disallowed_header },
    { "/seed/F-header-lookup", test_header_lookup },
    { "/seed/F-message-is-const", test_message_is_const },
    { "/seed/F-resent", test_resent },
    { "/seed/F-originator", test_originator },
    { "/seed/F-default-domain", test_default_domain },
    { "/seed/F-no-originator", test_no_originator },
    { "/seed/F-several-from", test_several_from_with_originator },
    { "/seed/F-null-originator", test_null_originator },
    { "/seed/F-sender", test_sender },
    { "/seed/F-recipients", test_recipients },
    { "/seed/F-no-recipients", test_no_recipients },
    { "/seed/K-dcc", test_dcc },
    { "/seed/F-bcc-same-transaction", test_bcc_same },
    { "/seed/K-bcc-digest", test_bcc_digest },
    { "/seed/F-bcc-after-refusal", test_bcc_after_refusal },
    { "/seed/F-bcc-errors", test_bcc_errors },
    { "/seed/D-empty-bcc", test_empty_bcc },
    { "/seed/K-date-message-id", test_date_message_id },
    { "/seed/F-mail", test_mail },
    { "/seed/F-mail-refused", test_mail_refused },
    { "/seed/F-rcpt", test_rcpt },
    { "/seed/K-atleastone", test_atleastone },
    { "/seed/F-result", test_result },
    { "/seed/F-data", test_data },
    { "/seed/F-dot", test_dot },
    { "/seed/F-debug", test_debug },
    { "/seed/F-line-ends", test_line_ends },
    { "/seed/K-end", test_end },
  };

  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    g_test_add_func (rows[i].path, rows[i].func);
  fault_add_backends ("/seed/F-next-server-secure", test_next_server_secure);
  fault_add_backends ("/seed/F-state-across-servers", test_state_across_servers);
  fault_add_backends ("/seed/F-usetls", test_usetls);
  fault_add_backends ("/seed/F-tlspolicy", test_tlspolicy);
  fault_add_backends ("/seed/F-tlsimport", test_tlsimport);
  fault_add_backends ("/seed/K-username", test_username);
  return g_test_run ();
}
