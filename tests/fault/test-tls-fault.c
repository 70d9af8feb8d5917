/* SPDX-License-Identifier: MIT */
/*
 * Hostile servers around TLS, each back end: what comes before, during and instead of the handshake.
 *
 * One property everywhere: nothing secret and nothing of the mail in clear, the right error, and the next server asked as if the first had
 * never been.
 */
#include "fault.h"

#define SECOND "ext STARTTLS;SIZE\nhello\nstarttls good\next AUTH PLAIN;SIZE\nserve"

/* ---- STARTTLS ---- */

typedef struct
{
  const char *name;
  const char *script;
  VeredaErrorCode code;
  const char *part;  /* of the error */
  gboolean no_hello; /* not one octet after STARTTLS */
} StartRow;

static const StartRow start_rows[] = {
  { "STL-4/same-segment", "ext STARTTLS\nhello\n< STARTTLS\n>> 220 go\\r\\n250-evil.test\\r\\n250 AUTH PLAIN\\r\\n\ndrain",
    VEREDA_ERROR_TLS, "in clear after the reply to STARTTLS", TRUE },
  { "STL-4/partial-line", "ext STARTTLS\nhello\n< STARTTLS\n>> 220 go\\r\\n250 ev\ndrain", VEREDA_ERROR_TLS,
    "in clear after the reply", TRUE },
  { "STL-4/one-octet", "ext STARTTLS\nhello\n< STARTTLS\n>> 220 go\\r\\n2\ndrain", VEREDA_ERROR_TLS, "in clear after the reply",
    TRUE },
  { "STL-4/multi-line", "ext STARTTLS\nhello\n< STARTTLS\n>> 220-go\\r\\n220 go\\r\\n250 evil.test\\r\\n\ndrain",
    VEREDA_ERROR_TLS, "in clear after the reply", TRUE },
  { "STL-4/next-segment",
    "ext STARTTLS\nhello\n< STARTTLS\n> 220 go\npause 30\n>> 250-evil.test\\r\\n250 AUTH PLAIN\\r\\n\ntls good\nserve",
    VEREDA_ERROR_TLS, NULL, FALSE },
  { "STL-4/next-segment-at-once",
    "ext STARTTLS\nhello\n< STARTTLS\n> 220 go\n>> 250-evil.test\\r\\n250 AUTH PLAIN\\r\\n\ntls good\nserve", VEREDA_ERROR_TLS,
    NULL, FALSE },
  { "STL-8/stripped", "ext SIZE;AUTH PLAIN LOGIN\nhello\nserve", VEREDA_ERROR_TLS, "does not offer STARTTLS", TRUE },
  { "STL-8/helo-only", "> 220 kit.test\n< EHLO\n> 500 what\nserve", VEREDA_ERROR_EHLO, NULL, TRUE },
  { "STL-3/454", "ext STARTTLS;AUTH PLAIN\nhello\n< STARTTLS\n> 454 4.7.0 TLS not available\nserve", VEREDA_ERROR_TLS, "454",
    TRUE },
  { "STL-3/501", "ext STARTTLS;AUTH PLAIN\nhello\n< STARTTLS\n> 501 5.5.4 no\nserve", VEREDA_ERROR_TLS, "501", TRUE },
  { "STL-3/502", "ext STARTTLS\nhello\n< STARTTLS\n> 502 5.5.1 no\nserve", VEREDA_ERROR_TLS, "502", TRUE },
  { "STL-3/250", "ext STARTTLS;AUTH PLAIN\nhello\n< STARTTLS\n> 250 as you like\nserve", VEREDA_ERROR_TLS, "250", TRUE },
  { "STL-3/334", "ext STARTTLS;AUTH PLAIN\nhello\n< STARTTLS\n> 334 \nserve", VEREDA_ERROR_TLS, "334", TRUE },
  { "STL-3/421", "ext STARTTLS\nhello\n< STARTTLS\n> 421 4.3.2 later\nclose", VEREDA_ERROR_CLOSED, "421", TRUE },
  { "STL-10/closed-instead-of-a-reply", "ext STARTTLS\nhello\n< STARTTLS\nclose", VEREDA_ERROR_CLOSED, NULL, TRUE },
  { "STL-10/text-instead-of-a-handshake", "ext STARTTLS\nhello\n< STARTTLS\n> 220 go\ntake 6\n> 500 5.5.2 what is that\nserve",
    VEREDA_ERROR_TLS, NULL, FALSE },
  { "STL-10/garbage",
    "ext STARTTLS\nhello\n< STARTTLS\n> 220 go\ntake 6\n>> \\x00\\xff\\x00\\xff\\x00\\xff\\x00\\xff\\x00\\xff\nserve",
    VEREDA_ERROR_TLS, NULL, FALSE },
  { "STL-10/alert", "ext STARTTLS\nhello\n< STARTTLS\n> 220 go\ntake 6\n>> \\x15\\x03\\x03\\x00\\x02\\x02\\x28\ndrain",
    VEREDA_ERROR_TLS, NULL, FALSE },
  { "STL-10/closed-at-once", "ext STARTTLS\nhello\n< STARTTLS\n> 220 go\nclose", VEREDA_ERROR_TLS, NULL, FALSE },
  { "STL-10/closed-in-the-handshake", "ext STARTTLS\nhello\n< STARTTLS\n> 220 go\ntake 40\nclose", VEREDA_ERROR_TLS, NULL,
    FALSE },
  { "STL-10/reset-in-the-handshake", "ext STARTTLS\nhello\n< STARTTLS\n> 220 go\ntake 40\nrst", VEREDA_ERROR_TLS, NULL, FALSE },
  { "TMO-1/silent-handshake", "ext STARTTLS\nhello\n< STARTTLS\n> 220 go\ndrain", VEREDA_ERROR_TIMEOUT, "handshake", FALSE },
  { "TLS-2/self-signed", "ext STARTTLS\nhello\nstarttls self-signed\nserve", VEREDA_ERROR_CERTIFICATE, NULL, FALSE },
};

typedef struct
{
  const StartRow *row;
  const char *backend;
} StartCase;

/* Octets in clear after the line STARTTLS. */
static gsize
after_starttls (KitScript *server)
{
  const GByteArray *clear = kit_script_clear (server, 0);
  const char *at = memmem (clear->data, clear->len, "STARTTLS\r\n", 10);

  return at != NULL ? clear->len - (gsize) ((const guint8 *) at + 10 - clear->data) : 0;
}

/* A whole submission with credentials; `more` servers follow. */
static Fault *
start (const StartCase *c, KitScript *server, KitScript *second)
{
  Fault *fault = fault_new ();

  fault_server (fault, server);
  if (second != NULL)
    fault_server (fault, second);
  fault_tls (fault, "starttls", c->backend);
  fault_set (fault, "tls-timeout", "0.4");
  fault_credentials (fault);
  fault_send (fault);
  kit_script_settle (server);
  fault_expect_no_secret (fault, server, FALSE);
  fault_expect_no_mail_in_clear (server);
  return fault;
}

static void
test_start (gconstpointer data)
{
  const StartCase *c = data;
  g_autoptr (KitScript) server = kit_script_new (c->row->script, NULL);
  g_autoptr (Fault) fault = start (c, server, NULL);

  fault_expect_error (fault, c->row->code, c->row->part);
  fault_expect_no_secret (fault, server, TRUE);
  fault_expect_connections (server, 1);
  g_assert_cmpuint (kit_script_count (server, -1, "MAIL"), ==, 0);
  if (c->row->no_hello)
    {
      gsize more = after_starttls (server);

      /* at most a parting QUIT */
      g_assert_true (more == 0 || (more == 6 && kit_script_count (server, 0, "QUIT") == 1));
    }
}

/* CFG-13: the second server is asked for everything anew, and gets the mail under its own TLS. */
static void
test_start_next (gconstpointer data)
{
  const StartCase *c = data;
  g_autoptr (KitScript) server = kit_script_new (c->row->script, NULL);
  g_autoptr (KitScript) second = kit_script_new (SECOND, NULL);
  g_autoptr (Fault) fault = start (c, server, second);

  fault_expect_sent (fault);
  fault_expect_clean (second);
  fault_expect_connections (second, 1);
  fault_expect_no_mail_in_clear (second);
  fault_expect_no_secret (fault, second, FALSE);
  g_assert_cmpuint (kit_script_count (second, 0, "STARTTLS"), ==, 1);
  g_assert_cmpuint (kit_script_count (second, 0, "EHLO"), ==, 2);
  g_assert_cmpuint (kit_script_count (second, 0, "AUTH PLAIN"), ==, 1);
  g_assert_nonnull (kit_script_content (second, 0, 0));
  fault_expect_attempt (fault, c->row->code == VEREDA_ERROR_EHLO ? VEREDA_STAGE_EHLO : VEREDA_STAGE_TLS,
                        VEREDA_DECISION_NEXT_SERVER, NULL);
}

/* STL-4: a 220 of several lines is no injection. */
static void
test_multi_line_220 (gconstpointer backend)
{
  g_autoptr (KitScript) server = kit_script_new (
      "ext STARTTLS\nhello\n< STARTTLS\n> 220-take your time\n> 220 go\ntls good\next AUTH PLAIN\nserve", NULL);
  g_autoptr (Fault) fault = fault_new ();

  fault_server (fault, server);
  fault_tls (fault, "starttls", backend);
  fault_credentials (fault);
  fault_send (fault);
  fault_expect_sent (fault);
  fault_expect_clean (server);
  fault_expect_no_mail_in_clear (server);
}

/* STL-6, AUT-1: what was offered in clear is forgotten, mechanisms above all. */
static void
test_forgets_before_tls (gconstpointer backend)
{
  g_autoptr (KitScript) server = kit_script_new (
      "ext STARTTLS;AUTH PLAIN LOGIN;SIZE 10;PIPELINING;CHUNKING\nhello\nstarttls good\n"
      "ext AUTH CRAM-MD5\n< EHLO\n> 250-kit.test\n> 250 AUTH CRAM-MD5\n< AUTH CRAM-MD5\n"
      "> 334 PDE4OTYuNjk3MTcwOTUyQGtpdC50ZXN0Pg==\n<\n> 235 fine\n"
      "< MAIL FROM:<ann@example.test>\n> 250 ok\n< RCPT\n> 250 ok\n< DATA\n> 354 go\ncontent\n> 250 ok\nserve",
      NULL);
  g_autoptr (Fault) fault = fault_new ();

  fault_server (fault, server);
  fault_tls (fault, "starttls", backend);
  fault_credentials (fault);
  fault_send (fault);
  fault_expect_sent (fault); /* SIZE 10 counts no more */
  fault_expect_clean (server);
  fault_expect_no_secret (fault, server, TRUE);
  g_assert_cmpstr (kit_script_line (server, 0, "MAIL", 0), ==, "MAIL FROM:<ann@example.test>"); /* no SIZE= either */
}

static void
test_auth_only_before_tls (gconstpointer backend)
{
  g_autoptr (KitScript) server
      = kit_script_new ("ext STARTTLS;AUTH PLAIN LOGIN CRAM-MD5\nhello\nstarttls good\next SIZE\nserve", NULL);
  g_autoptr (Fault) fault = fault_new ();

  fault_server (fault, server);
  fault_tls (fault, "starttls", backend);
  fault_credentials (fault);
  fault_send (fault);
  fault_expect_error (fault, VEREDA_ERROR_AUTH, NULL);
  fault_expect_no_secret (fault, server, TRUE);
  g_assert_cmpuint (kit_script_count (server, -1, "AUTH"), ==, 0);
  g_assert_cmpuint (kit_script_count (server, -1, "MAIL"), ==, 0);
}

/* STL-7: STARTTLS offered once more is not taken once more. */
static void
test_starttls_again (gconstpointer backend)
{
  g_autoptr (KitScript) server = kit_script_new ("ext STARTTLS\nhello\nstarttls good\next STARTTLS;AUTH PLAIN\nserve", NULL);
  g_autoptr (Fault) fault = fault_new ();

  fault_server (fault, server);
  fault_tls (fault, "starttls", backend);
  fault_credentials (fault);
  fault_send (fault);
  fault_expect_sent (fault);
  fault_expect_clean (server);
  g_assert_cmpuint (kit_script_count (server, -1, "STARTTLS"), ==, 1);
}

static void
test_ehlo_refused_under_tls (gconstpointer backend)
{
  g_autoptr (KitScript) server = kit_script_new ("ext STARTTLS\nhello\nstarttls good\n< EHLO\n> 502 not today\nserve", NULL);
  g_autoptr (Fault) fault = fault_new ();

  fault_server (fault, server);
  fault_tls (fault, "starttls", backend);
  fault_credentials (fault);
  fault_send (fault);
  fault_expect_error (fault, VEREDA_ERROR_EHLO_TLS, "502");
  g_assert_cmpuint (kit_script_count (server, -1, "HELO"), ==, 0);
}

/* ---- implicit TLS, and the wrong kind of port ---- */

typedef struct
{
  const char *name, *tls, *script;
  VeredaErrorCode code;
  const char *part;
} PortRow;

static const PortRow port_rows[] = {
  { "GRT-7/implicit-to-a-starttls-port", "implicit", "> 220 kit.test ESMTP\ndrain", VEREDA_ERROR_TLS_MODE, "starttls" },
  { "GRT-7/implicit-to-a-late-starttls-port", "implicit", "pause 50\n> 220 kit.test ESMTP\ndrain", VEREDA_ERROR_TLS_MODE,
    "starttls" },
  { "GRT-7/implicit-to-http", "implicit", "take 5\n> HTTP/1.1 400 Bad Request\ndrain", VEREDA_ERROR_TLS_MODE, NULL },
  { "GRT-7/starttls-to-an-implicit-port", "starttls", ">> \\x15\\x03\\x01\\x00\\x02\\x02\\x46\ndrain", VEREDA_ERROR_TLS_MODE,
    "tls=implicit" },
  { "GRT-7/starttls-to-an-implicit-port-split", "starttls", "split\n>> \\x15\\x03\\x01\\x00\\x02\\x02\\x46\ndrain",
    VEREDA_ERROR_TLS_MODE, "tls=implicit" },
  { "GRT-7/starttls-to-a-waiting-implicit-port", "starttls", "tls good\nserve", VEREDA_ERROR_TIMEOUT, NULL },
  { "GRT-7/ssh", "starttls", ">> SSH-2.0-OpenSSH_9.2\\r\\n\ndrain", VEREDA_ERROR_PROTOCOL, "SSH" },
  { "STL-10/implicit-alert", "implicit", "take 6\n>> \\x15\\x03\\x03\\x00\\x02\\x02\\x28\ndrain", VEREDA_ERROR_TLS, NULL },
  { "STL-10/implicit-closed-at-once", "implicit", "close", VEREDA_ERROR_TLS, NULL },
  { "STL-10/implicit-reset", "implicit", "take 20\nrst", VEREDA_ERROR_TLS, NULL },
  { "TMO-1/implicit-silent", "implicit", "drain", VEREDA_ERROR_TIMEOUT, "handshake" },
  { "STL-6/implicit-greeting-in-clear-too", "implicit", ">> 220 evil\\r\\n\ntls good\nhello\nserve", VEREDA_ERROR_TLS_MODE,
    NULL },
};

typedef struct
{
  const PortRow *row;
  const char *backend;
} PortCase;

static void
test_port (gconstpointer data)
{
  const PortCase *c = data;
  g_autoptr (KitScript) server = kit_script_new (c->row->script, NULL);
  g_autoptr (Fault) fault = fault_new ();

  fault_server (fault, server);
  fault_tls (fault, c->row->tls, c->backend);
  fault_set (fault, "tls-timeout", "0.4");
  fault_set (fault, "timeout-greeting", "0.4");
  fault_credentials (fault);
  fault_send (fault);
  fault_expect_error (fault, c->row->code, c->row->part);
  fault_expect_no_secret (fault, server, TRUE);
  fault_expect_no_mail_in_clear (server);
}

/* ---- all of them ---- */

static void
add_start (const char *const *backends)
{
  for (gsize i = 0; i < G_N_ELEMENTS (start_rows); i++)
    for (guint b = 0; backends[b] != NULL; b++)
      {
        StartCase *c = g_new (StartCase, 1), *next = g_new (StartCase, 1);
        g_autofree char *path = g_strdup_printf ("/%s/%s", start_rows[i].name, backends[b]);
        g_autofree char *next_path = g_strdup_printf ("/CFG-13/%s/%s", strchr (start_rows[i].name, '/') + 1, backends[b]);

        *c = *next = (StartCase){ &start_rows[i], backends[b] };
        g_test_add_data_func_full (path, c, test_start, g_free);
        g_test_add_data_func_full (next_path, next, test_start_next, g_free);
      }
}

static void
add_ports (const char *const *backends)
{
  for (gsize i = 0; i < G_N_ELEMENTS (port_rows); i++)
    for (guint b = 0; backends[b] != NULL; b++)
      {
        PortCase *c = g_new (PortCase, 1);
        g_autofree char *path = g_strdup_printf ("/%s/%s", port_rows[i].name, backends[b]);

        *c = (PortCase){ &port_rows[i], backends[b] };
        g_test_add_data_func_full (path, c, test_port, g_free);
      }
}

int
main (int argc, char **argv)
{
  const char *const *backends;

  g_test_init (&argc, &argv, NULL);
  backends = fault_backends ();
  add_start (backends);
  fault_add_backends ("/STL-4/multi-line-220-is-fine", test_multi_line_220);
  fault_add_backends ("/STL-6/forgets-what-came-before", test_forgets_before_tls);
  fault_add_backends ("/STL-6/mechanisms-only-before", test_auth_only_before_tls);
  fault_add_backends ("/STL-7/starttls-offered-again", test_starttls_again);
  fault_add_backends ("/STL-6/ehlo-refused", test_ehlo_refused_under_tls);
  add_ports (backends);
  return g_test_run ();
}
