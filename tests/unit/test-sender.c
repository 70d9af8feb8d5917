/* SPDX-License-Identifier: MIT */
/* Tests of the sender: the walk over the servers with several messages, callbacks that submit, verdicts at its end, and what each result
 * tells of the attempts.  Through the public API against scripted servers on loopback. */
#include <string.h>
#include <vereda/vereda.h>

#include "scriptserver.h"
#include "sending.h"
#include "tlsserver.h"

static VeredaMessage *
message_of (gsize size)
{
  g_autoptr (GString) text = g_string_new (KIT_SMALL);

  while (text->len < size)
    g_string_append (text, "a line to make it longer than the server likes\r\n");
  return kit_message_new (text->str);
}

static VeredaOptions *
options_for (KitScript *first, KitScript *second)
{
  g_autoptr (GString) servers = g_string_new (NULL);

  g_string_printf (servers, "127.0.0.1:%u", kit_script_port (first));
  if (second != NULL)
    g_string_append_printf (servers, ",127.0.0.1:%u", kit_script_port (second));
  return kit_options_printf ("servers=%s;client=client.example.test;deadline=10;timeout-quit=1", servers->str);
}

static VeredaResult *
submit (VeredaSender *sender, gsize size, VeredaDoneFunc done, gpointer data)
{
  g_autoptr (VeredaMessage) message = message_of (size);

  return kit_submit (sender, message, done, data);
}

static guint
rows_at (VeredaResult *result, VeredaStage stage)
{
  guint n = 0;

  for (guint i = 0; i < vereda_result_get_n_attempts (result); i++)
    n += vereda_attempt_get_stage (vereda_result_get_attempt (result, i)) == stage;
  return n;
}

/* ---- the walk ---- */

/* The first server cannot take one message for its size and goes away before it takes the other: both are the second one's. */
static void
test_lacking_and_lost (void)
{
  g_autoptr (KitScript) first = kit_script_new ("ext SIZE 1000\nhello\n< MAIL\nclose", NULL);
  g_autoptr (KitScript) second = kit_script_new ("hello\nserve", "hello\nserve", NULL);
  g_autoptr (VeredaOptions) options = options_for (first, second);
  g_autoptr (VeredaSender) sender = kit_sender_new (options);
  g_autoptr (VeredaResult) large = submit (sender, 2000, NULL, NULL);
  g_autoptr (VeredaResult) little = submit (sender, 0, NULL, NULL);

  vereda_sender_run (sender);
  g_assert_cmpint (vereda_result_get_verdict (large), ==, VEREDA_SENT);
  g_assert_cmpint (vereda_result_get_verdict (little), ==, VEREDA_SENT);
  kit_script_settle (second);
  g_assert_cmpuint (kit_script_connections (second), ==, 1);
  g_assert_cmpuint (kit_script_count (second, 0, "MAIL"), ==, 2);
}

/* The same, and the second cannot take it either: its words are the last. */
static void
test_lacking_everywhere (void)
{
  g_autoptr (KitScript) first = kit_script_new ("ext SIZE 1000\nhello\nserve", NULL);
  g_autoptr (KitScript) second = kit_script_new ("ext SIZE 1500\nhello\nserve", NULL);
  g_autoptr (VeredaOptions) options = options_for (first, second);
  g_autoptr (VeredaSender) sender = kit_sender_new (options);
  g_autoptr (VeredaResult) large = submit (sender, 2000, NULL, NULL);
  g_autoptr (VeredaResult) little = submit (sender, 0, NULL, NULL);

  vereda_sender_run (sender);
  g_assert_cmpint (vereda_result_get_verdict (little), ==, VEREDA_SENT);
  g_assert_cmpint (vereda_result_get_verdict (large), ==, VEREDA_NOT_SENT);
  g_assert_error (vereda_result_get_error (large), VEREDA_ERROR, VEREDA_ERROR_POLICY);
  g_assert_nonnull (strstr (vereda_result_get_error (large)->message, "1500"));
  kit_script_settle (second);
  g_assert_cmpuint (kit_script_count (second, -1, "MAIL"), ==, 0);
}

/* ---- callbacks that submit ---- */

typedef struct
{
  guint calls, most;
  VeredaResult *last;
  GError *error;
} Again;

static void
submit_again (VeredaSender *sender, VeredaMessage *message, VeredaResult *result, gpointer data)
{
  Again *again = data;

  again->calls++;
  g_assert_cmpuint (again->calls, <, 50); /* for ever */
  if (again->calls == again->most)
    return;
  g_clear_error (&again->error);
  g_clear_pointer (&again->last, vereda_result_unref);
  vereda_sender_submit (sender, message, NULL, submit_again, again, &again->last, &again->error);
}

static void
again_clear (Again *again)
{
  g_clear_error (&again->error);
  g_clear_pointer (&again->last, vereda_result_unref);
}

/* Nobody would ever send what is submitted while the sender is freed. */
static void
test_submit_while_freed (void)
{
  g_autoptr (KitScript) server = kit_script_new (NULL, NULL);
  g_autoptr (VeredaOptions) options = options_for (server, NULL);
  VeredaSender *sender = kit_sender_new (options);
  Again again = { .most = 100 };
  g_autoptr (VeredaResult) result = submit (sender, 0, submit_again, &again);

  vereda_sender_free (sender);
  g_assert_cmpuint (again.calls, ==, 1);
  g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_NOT_SENT);
  g_assert_error (vereda_result_get_error (result), VEREDA_ERROR, VEREDA_ERROR_CANCELLED);
  g_assert_error (again.error, VEREDA_ERROR, VEREDA_ERROR_CANCELLED);
  g_assert_error (vereda_result_get_error (again.last), VEREDA_ERROR, VEREDA_ERROR_CANCELLED);
  again_clear (&again);
}

/* Cancelling ends the run; what a callback submits then is for the next one. */
static void
test_submit_while_cancelled (void)
{
  g_autoptr (KitScript) server = kit_script_new ("hello\nserve", NULL);
  g_autoptr (VeredaOptions) options = options_for (server, NULL);
  g_autoptr (VeredaSender) sender = kit_sender_new (options);
  Again again = { .most = 2 };
  g_autoptr (VeredaResult) result = submit (sender, 0, submit_again, &again);

  vereda_sender_cancel (sender);
  vereda_sender_run (sender);
  g_assert_cmpuint (again.calls, ==, 1);
  g_assert_error (vereda_result_get_error (result), VEREDA_ERROR, VEREDA_ERROR_CANCELLED);
  vereda_sender_run (sender);
  g_assert_cmpuint (again.calls, ==, 2);
  g_assert_cmpint (vereda_result_get_verdict (again.last), ==, VEREDA_SENT);
  again_clear (&again);
}

/* A callback that tries once more when a server refuses: each try is a real one, and the run ends. */
static void
test_submit_when_unreachable (void)
{
  g_autoptr (KitScript) server = kit_script_new ("> 554 no", "> 554 no", "> 554 no", NULL);
  g_autoptr (VeredaOptions) options = options_for (server, NULL);
  g_autoptr (VeredaSender) sender = kit_sender_new (options);
  Again again = { .most = 3 };
  g_autoptr (VeredaResult) result = submit (sender, 0, submit_again, &again);

  vereda_sender_run (sender);
  kit_script_settle (server);
  g_assert_cmpuint (again.calls, ==, 3);
  g_assert_error (vereda_result_get_error (result), VEREDA_ERROR, VEREDA_ERROR_GREETING);
  g_assert_cmpuint (kit_script_connections (server), ==, 3);
  again_clear (&again);
}

/* After the overall deadline the messages that callbacks submit have one of their own. */
static void
test_submit_after_deadline (void)
{
  g_autoptr (KitScript) server = kit_script_new ("drain", "drain", NULL);
  g_autoptr (VeredaOptions) options = options_for (server, NULL);
  g_autoptr (VeredaSender) sender = NULL;
  Again again = { .most = 2 };
  g_autoptr (VeredaResult) result = NULL;

  kit_set (options, "deadline", "0.2");
  sender = kit_sender_new (options);
  result = submit (sender, 0, submit_again, &again);
  vereda_sender_run (sender);
  g_assert_cmpuint (again.calls, ==, 2);
  g_assert_error (vereda_result_get_error (result), VEREDA_ERROR, VEREDA_ERROR_TIMEOUT);
  g_assert_error (vereda_result_get_error (again.last), VEREDA_ERROR, VEREDA_ERROR_TIMEOUT);
  again_clear (&again);
}

/* ---- attempts ---- */

/* Each result tells of its own walk, also of a message that came while the connection was there. */
static void
test_attempts_of_their_own (void)
{
  g_autoptr (KitScript) server = kit_script_new ("hello\nserve", "hello\nserve", NULL);
  g_autoptr (VeredaOptions) options = options_for (server, NULL);
  g_autoptr (VeredaSender) sender = kit_sender_new (options);
  Again again = { .most = 2 };
  g_autoptr (VeredaResult) first = submit (sender, 0, NULL, NULL);
  g_autoptr (VeredaResult) second = NULL;

  vereda_sender_run (sender);
  second = submit (sender, 0, submit_again, &again);
  vereda_sender_run (sender);
  g_assert_cmpint (vereda_result_get_verdict (again.last), ==, VEREDA_SENT);
  g_assert_cmpuint (rows_at (first, VEREDA_STAGE_CONNECT), ==, 1);
  g_assert_cmpuint (rows_at (second, VEREDA_STAGE_CONNECT), ==, 1);
  g_assert_cmpuint (rows_at (again.last, VEREDA_STAGE_CONNECT), ==, 1);
  g_assert_cmpuint (rows_at (again.last, VEREDA_STAGE_END), ==, 1);
  kit_script_settle (server);
  g_assert_cmpuint (kit_script_connections (server), ==, 2);
  again_clear (&again);
}

/* ---- policies ---- */

/* AUT-9: 534 is a demand for more strength; it stands also after a stronger mechanism was refused, and on the next connection. */
static void
test_534_stands (void)
{
  g_autoptr (KitScript) server
      = kit_script_new ("ext AUTH PLAIN LOGIN CRAM-MD5\nhello\n< AUTH PLAIN\n> 534 5.7.9 too weak\n= AUTH CRAM-MD5\n"
                        "> 334 PDE4OTYuNjk3MTcwOTUyQGtpdC50ZXN0Pg==\n<\n> 535 5.7.8 wrong\n= QUIT\n> 221 bye",
                        NULL);
  g_autoptr (VeredaOptions) options = options_for (server, NULL);
  g_autoptr (VeredaMessage) message = message_of (0);
  g_autoptr (VeredaResult) result = NULL;
  g_autoptr (GError) error = NULL;

  kit_set (options, "username", "tim");
  kit_set (options, "auth", "PLAIN,CRAM-MD5,LOGIN"); /* the caller's order */
  kit_set (options, "insecure-cleartext-auth", "yes");
  vereda_options_set_password (options, "tanstaaftanstaaf");
  g_assert_false (vereda_sendmessage (message, options, &result, &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_AUTH);
  kit_script_settle (server);
  g_assert_cmpstr (kit_script_problem (server, 0), ==, NULL);
  g_assert_cmpuint (kit_script_count (server, -1, "AUTH LOGIN"), ==, 0);
}

/* The standing answer holds for certificates too, where TLS is only opportunistic. */
static void
standing_policy (const char *answer, gboolean sent)
{
  g_autoptr (KitScript) server = kit_script_new ("ext STARTTLS\nhello\nstarttls self-signed\nserve", NULL);
  g_autoptr (VeredaOptions) options = options_for (server, NULL);
  g_autoptr (VeredaMessage) message = message_of (0);
  g_autoptr (VeredaResult) result = NULL;
  g_autoptr (GError) error = NULL;

  kit_set (options, "tls", "opportunistic");
  kit_set (options, "tlspolicy", answer);
  vereda_sendmessage (message, options, &result, &error);
  kit_script_settle (server);
  g_assert_cmpuint (kit_script_count (server, -1, "MAIL"), ==, sent ? 1 : 0);
  if (sent)
    {
      g_assert_no_error (error);
      g_assert_cmpuint (vereda_result_get_n_warnings (result), ==, 1);
    }
  else
    g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_CERTIFICATE);
}

static void
test_standing_policy (void)
{
  standing_policy (NULL, TRUE);
  standing_policy ("insecure", TRUE);
  standing_policy ("secure", FALSE);
}

/* A reply that a result has was said by the server that it names, also before MAIL. */
static void
test_server_of_the_reply (void)
{
  g_autoptr (KitScript) server = kit_script_new ("> 421 4.3.2 full", NULL);
  g_autoptr (VeredaOptions) options = options_for (server, NULL);
  g_autoptr (VeredaMessage) message = message_of (0);
  g_autoptr (VeredaResult) result = NULL;

  vereda_sendmessage (message, options, &result, NULL);
  g_assert_nonnull (vereda_result_get_reply (result));
  g_assert_cmpint (vereda_reply_get_code (vereda_result_get_reply (result)), ==, 421);
  g_assert_cmpstr (vereda_result_get_server (result), ==, vereda_options_get (options, "servers"));
}

/* Credentials were given and not used: a message that was sent does not say so by itself. */
static void
test_unauthenticated_warns (void)
{
  static const char *const scripts[] = { "ext SIZE\nhello\nserve", "ext AUTH PLAIN\nhello\non AUTH = 535 5.7.8 no\nserve",
                                         "ext AUTH PLAIN\nhello\non AUTH = 235 2.7.0 yes\nserve" };

  for (guint i = 0; i < G_N_ELEMENTS (scripts); i++)
    {
      g_autoptr (KitScript) server = kit_script_new (scripts[i], NULL);
      g_autoptr (VeredaOptions) options = options_for (server, NULL);
      g_autoptr (VeredaMessage) message = message_of (0);
      g_autoptr (VeredaResult) result = NULL;
      g_autoptr (GError) error = NULL;
      guint told = 0;

      kit_set (options, "tls", "never");
      kit_set (options, "insecure-cleartext-auth", "yes");
      kit_set (options, "auth-optional", "yes");
      kit_set (options, "username", "ann");
      vereda_options_set_password (options, "secret");
      vereda_sendmessage (message, options, &result, &error);
      g_assert_no_error (error);
      for (guint k = 0; k < vereda_result_get_n_warnings (result); k++)
        told += strstr (vereda_result_get_warning (result, k), "without authentication") != NULL;
      g_assert_cmpuint (told, ==, i < 2 ? 1 : 0);
    }
}

/* A mechanism that is wanted and that nobody has is named. */
static void
test_unknown_mechanism (void)
{
  g_autoptr (KitScript) server = kit_script_new ("ext AUTH PLAIN X-NONE\nhello\nserve", NULL);
  g_autoptr (VeredaOptions) options = options_for (server, NULL);
  g_autoptr (VeredaMessage) message = message_of (0);
  g_autoptr (GError) error = NULL;

  kit_set (options, "tls", "never");
  kit_set (options, "auth", "X-NONE");
  kit_set (options, "username", "ann");
  vereda_options_set_password (options, "secret");
  g_assert_false (vereda_sendmessage (message, options, NULL, &error));
  g_assert_nonnull (strstr (error->message, "X-NONE: no plugin"));
  kit_script_settle (server);
  g_assert_cmpuint (kit_script_count (server, -1, "AUTH"), ==, 0);
}

/* ---- the end ---- */

/* A polite server under TLS from the first octet; whether the client closed TLS before the connection goes into `data`. */
static void
serve_politely (KitConn *conn, gpointer data)
{
  gboolean content = FALSE;
  char *line;
  char octet;

  kit_conn_say (conn, "220 mx\r\n");
  while ((line = kit_conn_read_line (conn)) != NULL)
    {
      gboolean quit = g_str_equal (line, "QUIT"), data_verb = g_str_equal (line, "DATA"), dot = g_str_equal (line, ".");

      if (!content || dot)
        kit_conn_say (conn, quit ? "221 bye\r\n" : data_verb ? "354 go\r\n" : "250 ok\r\n");
      content = data_verb || (content && !dot);
      g_free (line);
      if (quit)
        break;
    }
  while (kit_conn_read (conn, &octet, 1) > 0)
    ;
  if (conn->ssl != NULL && (SSL_get_shutdown (conn->ssl) & SSL_RECEIVED_SHUTDOWN) != 0)
    g_atomic_int_set ((gint *) data, 1);
}

/* RFC 8446 section 6.1: a connection that is closed without the alert looks cut off. */
static void
test_closing_alert (gconstpointer backend)
{
  g_autofree char *cert = g_build_filename (g_getenv ("VEREDA_TEST_CERTS"), "good.pem", NULL);
  g_autofree char *root = g_build_filename (g_getenv ("VEREDA_TEST_CERTS"), "root.pem", NULL);
  KitServerConfig config = { .cert = cert };
  gint alert = 0;
  KitServer *server = kit_server_new (&config, serve_politely, &alert);
  g_autoptr (VeredaOptions) options
      = kit_options_printf ("servers=127.0.0.1:%u;tls=implicit;transport=%s;ca-file=%s;client=client.example.test;deadline=10",
                            kit_server_get_port (server), (const char *) backend, root);
  g_autoptr (VeredaMessage) message = message_of (0);
  g_autoptr (GError) error = NULL;

  vereda_sendmessage (message, options, NULL, &error);
  g_assert_no_error (error);
  kit_server_free (server);
  g_assert_cmpint (g_atomic_int_get (&alert), ==, 1);
}

static void
add_closing_alerts (void)
{
  VeredaRegistry *registry = vereda_registry_get_default ();
  static const char *const backends[] = { "gnutls", "openssl" };

  for (gsize i = 0; i < G_N_ELEMENTS (backends); i++)
    for (guint k = 0; k < vereda_registry_get_n_entries (registry); k++)
      {
        VeredaRegistryEntry *entry = vereda_registry_get_entry (registry, k);
        const char *mode = vereda_registry_entry_get_mode (entry);
        g_autofree char *path = g_strdup_printf ("/sender/TLS-12-closing-alert/%s", backends[i]);

        if (g_strcmp0 (vereda_registry_entry_get_transport (entry), backends[i]) == 0 && g_strcmp0 (mode, "implicit") == 0)
          g_test_add_data_func (path, backends[i], test_closing_alert);
      }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sender/CFG-13-lacking-and-lost", test_lacking_and_lost);
  g_test_add_func ("/sender/SIZ-2-lacking-everywhere", test_lacking_everywhere);
  g_test_add_func ("/sender/submit-while-freed", test_submit_while_freed);
  g_test_add_func ("/sender/submit-while-cancelled", test_submit_while_cancelled);
  g_test_add_func ("/sender/submit-when-unreachable", test_submit_when_unreachable);
  g_test_add_func ("/sender/TMO-5-submit-after-deadline", test_submit_after_deadline);
  g_test_add_func ("/sender/attempts-of-their-own", test_attempts_of_their_own);
  g_test_add_func ("/sender/AUT-9-534-stands", test_534_stands);
  g_test_add_func ("/sender/STL-8-standing-policy", test_standing_policy);
  g_test_add_func ("/sender/server-of-the-reply", test_server_of_the_reply);
  g_test_add_func ("/sender/AUT-14-unauthenticated-warns", test_unauthenticated_warns);
  g_test_add_func ("/sender/AUT-10-unknown-mechanism", test_unknown_mechanism);
  add_closing_alerts ();
  return g_test_run ();
}
