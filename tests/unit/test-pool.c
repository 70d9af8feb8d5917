/* SPDX-License-Identifier: MIT */
/* Tests of a sender's connections: how many there are and how many messages each carries, what is kept and what is stale, names that are looked up
 * once, TLS sessions, and credentials that are asked for once.  Through the public API against scripted servers on loopback. */
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>
#include <vereda/vereda.h>

#include "scriptserver.h"
#include "sending.h"

/* ---- the system's resolver, for names below test. ---- */

static gint lookups; /* atomic */

/* In place of the C library's: the executable's symbols come first. */
int
getaddrinfo (const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
  struct sockaddr_in *in;

  g_atomic_int_inc (&lookups);
  if (g_str_has_prefix (node, "slow."))
    g_usleep (800 * G_TIME_SPAN_MILLISECOND);
  if (g_str_has_prefix (node, "none."))
    return EAI_NONAME;
  if (g_str_has_prefix (node, "again."))
    return EAI_AGAIN;
  in = g_new0 (struct sockaddr_in, 1);
  *ret = g_new0 (struct addrinfo, 1);
  in->sin_family = AF_INET;
  in->sin_port = htons ((guint16) atoi (service));
  in->sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  (*ret)->ai_family = AF_INET;
  (*ret)->ai_socktype = SOCK_STREAM;
  (*ret)->ai_addr = (struct sockaddr *) in;
  (*ret)->ai_addrlen = sizeof *in;
  return 0;
}

void
freeaddrinfo (struct addrinfo *list)
{
  g_free (list->ai_addr);
  g_free (list);
}

/* ---- senders ---- */

/* `settings`: NAME=VALUE;… */
static VeredaSender *
sender_for (const char *servers, const char *settings)
{
  g_autoptr (VeredaOptions) options
      = kit_options_printf ("servers=%s;client=client.example.test;deadline=15;timeout-quit=2;%s", servers, settings);

  return kit_sender_new (options);
}

static VeredaSender *
sender_at (KitScript *server, const char *host, const char *settings)
{
  g_autofree char *servers = g_strdup_printf ("%s:%u", host, kit_script_port (server));

  return sender_for (servers, settings);
}

static void
count_sent (VeredaSender *sender, VeredaMessage *message, VeredaResult *result, gpointer data)
{
  if (vereda_result_get_verdict (result) != VEREDA_SENT)
    g_error ("not sent: %s", vereda_result_get_error (result)->message);
  (*(guint *) data)++;
}

static void
submit_many (VeredaSender *sender, guint n, guint *ret_sent)
{
  for (guint i = 0; i < n; i++)
    vereda_result_unref (kit_submit_text (sender, KIT_SMALL, count_sent, ret_sent));
}

static void
expect_sent (VeredaResult *result)
{
  if (vereda_result_get_error (result) != NULL)
    g_error ("not sent: %s", vereda_result_get_error (result)->message);
  g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_SENT);
}

/* The detail of the last attempt of this stage; "" where there is none. */
static const char *
detail_at (VeredaResult *result, VeredaStage stage)
{
  for (guint i = vereda_result_get_n_attempts (result); i-- > 0;)
    if (vereda_attempt_get_stage (vereda_result_get_attempt (result, i)) == stage)
      return vereda_attempt_get_detail (vereda_result_get_attempt (result, i));
  return "";
}

static void
loop_until_sent (VeredaSender *sender)
{
  while (vereda_sender_get_n_pending (sender) > 0)
    kit_sender_step (sender, 100);
}

static void
loop_until_closed (VeredaSender *sender)
{
  gint64 end = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;

  while (vereda_sender_get_n_connections (sender) > 0)
    {
      kit_sender_step (sender, 100);
      g_assert_cmpint (g_get_monotonic_time (), <, end);
    }
}

/* ---- limits ---- */

#define FINE "ext PIPELINING\nhello\nserve"

#define SLOW "ext PIPELINING\nhello\npause 500\nserve"

/* All are held up at their first message, so none can take the share of another; there are never more than allowed. */
static void
test_connections (void)
{
  g_autoptr (KitScript) server = kit_script_new (SLOW, SLOW, SLOW, FINE, FINE, FINE, NULL);
  g_autoptr (VeredaSender) sender = sender_at (server, "127.0.0.1", "connections=3;tls=never");
  guint sent = 0;

  submit_many (sender, 30, &sent);
  vereda_sender_run (sender);
  g_assert_cmpuint (sent, ==, 30);
  g_assert_cmpuint (vereda_sender_get_n_connections (sender), ==, 0);
  kit_script_settle (server);
  g_assert_cmpuint (kit_script_connections (server), ==, 3);
  g_assert_cmpuint (kit_script_count (server, -1, "MAIL"), ==, 30);
  for (gint i = 0; i < 3; i++)
    {
      g_assert_cmpuint (kit_script_count (server, i, "MAIL"), >, 0);
      g_assert_cmpuint (kit_script_count (server, i, "QUIT"), ==, 1);
    }
}

/* More connections allowed than there are messages: no connection without one. */
static void
test_no_more_than_messages (void)
{
  g_autoptr (KitScript) server = kit_script_new ("ext PIPELINING\nhello\npause 200\nserve", FINE, FINE, FINE, NULL);
  g_autoptr (VeredaSender) sender = sender_at (server, "127.0.0.1", "connections=50;tls=never");
  guint sent = 0;

  submit_many (sender, 2, &sent);
  vereda_sender_run (sender);
  g_assert_cmpuint (sent, ==, 2);
  kit_script_settle (server);
  g_assert_cmpuint (kit_script_connections (server), <=, 2);
}

static void
test_messages_per_connection (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, FINE, FINE, FINE, NULL);
  g_autoptr (VeredaSender) sender = sender_at (server, "127.0.0.1", "messages-per-connection=2;tls=never");
  guint sent = 0;

  submit_many (sender, 5, &sent);
  vereda_sender_run (sender);
  g_assert_cmpuint (sent, ==, 5);
  kit_script_settle (server);
  g_assert_cmpuint (kit_script_connections (server), ==, 3);
  g_assert_cmpuint (kit_script_count (server, 0, "MAIL"), ==, 2);
  g_assert_cmpuint (kit_script_count (server, 1, "MAIL"), ==, 2);
  g_assert_cmpuint (kit_script_count (server, 2, "MAIL"), ==, 1);
  g_assert_cmpuint (kit_script_count (server, -1, "QUIT"), ==, 3);
}

/* A server that takes only one connection at a time refuses the others: they are not missed, and not tried over and over. */
static void
test_server_limit (void)
{
  static const char no[] = "> 421 too many connections\nclose";
  g_autoptr (KitScript) server
      = kit_script_new ("ext PIPELINING\nhello\npause 300\nserve", no, no, no, no, no, no, no, no, NULL);
  g_autoptr (VeredaSender) sender = sender_at (server, "127.0.0.1", "connections=4;tls=never");
  guint sent = 0;

  submit_many (sender, 40, &sent);
  vereda_sender_run (sender);
  g_assert_cmpuint (sent, ==, 40);
  kit_script_settle (server);
  g_assert_cmpuint (kit_script_connections (server), <=, 5);
  g_assert_cmpuint (kit_script_count (server, 0, "MAIL"), ==, 40);
}

/* ---- kept connections ---- */

static void
test_keep (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, FINE, NULL);
  g_autoptr (VeredaSender) sender = sender_at (server, "127.0.0.1", "keep=yes;tls=never");

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (VeredaResult) result = kit_submit_text (sender, KIT_SMALL, NULL, NULL);

      vereda_sender_run (sender);
      expect_sent (result);
      g_assert_cmpuint (vereda_sender_get_n_connections (sender), ==, 1);
      g_assert_cmpuint (vereda_result_get_n_attempts (result), >=, 2); /* the connection, and the message */
    }
  vereda_sender_close (sender);
  vereda_sender_run (sender);
  g_assert_cmpuint (vereda_sender_get_n_connections (sender), ==, 0);
  kit_script_settle (server);
  g_assert_cmpuint (kit_script_connections (server), ==, 1);
  g_assert_cmpuint (kit_script_count (server, 0, "MAIL"), ==, 3);
  g_assert_cmpuint (kit_script_count (server, 0, "QUIT"), ==, 1);
}

/* END-1: also a connection that is kept when its sender goes says QUIT. */
static void
test_keep_freed (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
  VeredaSender *sender = sender_at (server, "127.0.0.1", "keep=yes;tls=never");
  g_autoptr (VeredaResult) result = kit_submit_text (sender, KIT_SMALL, NULL, NULL);

  vereda_sender_run (sender);
  expect_sent (result);
  vereda_sender_free (sender);
  kit_script_settle (server);
  g_assert_cmpuint (kit_script_count (server, 0, "QUIT"), ==, 1);
}

#define ONE "ext PIPELINING\nhello\nuntil DATA\n> 354 go on\ncontent\n> 250 taken\n"

/* END-5: what the server said while nobody listened is read before the connection is used again: the message never goes there. */
static void
stale (const char *script, gboolean loop, guint mails)
{
  g_autoptr (KitScript) server = kit_script_new (script, FINE, NULL);
  g_autoptr (VeredaSender) sender = sender_at (server, "127.0.0.1", "keep=yes;tls=never");
  g_autoptr (VeredaResult) first = kit_submit_text (sender, KIT_SMALL, NULL, NULL);
  g_autoptr (VeredaResult) second = NULL;

  if (loop)
    loop_until_sent (sender);
  else
    vereda_sender_run (sender);
  expect_sent (first);
  g_usleep (300 * G_TIME_SPAN_MILLISECOND);
  if (loop)
    loop_until_closed (sender); /* it notices by itself */
  second = kit_submit_text (sender, KIT_SMALL, NULL, NULL);
  if (loop)
    loop_until_sent (sender);
  else
    vereda_sender_run (sender);
  expect_sent (second);
  vereda_sender_close (sender);
  vereda_sender_run (sender);
  kit_script_settle (server);
  g_assert_cmpuint (kit_script_connections (server), ==, 2);
  g_assert_cmpuint (kit_script_count (server, 0, "MAIL"), ==, mails);
  g_assert_cmpuint (kit_script_count (server, 1, "MAIL"), ==, 1);
}

static void
test_stale_421 (void)
{
  stale (ONE "> 421 4.4.2 idle for too long\nclose", FALSE, 1);
  stale (ONE "> 421 4.4.2 idle for too long\nclose", TRUE, 1);
}

static void
test_stale_closed (void)
{
  stale (ONE "close", FALSE, 1);
  stale (ONE "close", TRUE, 1);
}

static void
test_stale_reset (void)
{
  stale (ONE "rst", FALSE, 1);
  stale (ONE "rst", TRUE, 1);
}

/* The server goes away when the next message comes: once more, on another connection. */
static void
test_stale_on_mail (void)
{
  stale (ONE "< MAIL\n> 421 4.4.2 idle for too long\nclose", FALSE, 2);
}

static void
test_idle_timeout (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, FINE, NULL);
  g_autoptr (VeredaSender) sender = sender_at (server, "127.0.0.1", "idle-timeout=0.3;tls=never");
  g_autoptr (VeredaResult) first = kit_submit_text (sender, KIT_SMALL, NULL, NULL);
  g_autoptr (VeredaResult) second = NULL;
  gint64 begin;

  loop_until_sent (sender);
  expect_sent (first);
  g_assert_cmpuint (vereda_sender_get_n_connections (sender), ==, 1);
  begin = g_get_monotonic_time ();
  loop_until_closed (sender);
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 250 * G_TIME_SPAN_MILLISECOND);
  second = kit_submit_text (sender, KIT_SMALL, NULL, NULL);
  loop_until_sent (sender);
  expect_sent (second);
  vereda_sender_close (sender);
  loop_until_closed (sender);
  kit_script_settle (server);
  g_assert_cmpuint (kit_script_connections (server), ==, 2);
  g_assert_cmpuint (kit_script_count (server, -1, "QUIT"), ==, 2);
}

/* ---- names ---- */

static void
test_names_once (void)
{
  g_autoptr (KitScript) server = kit_script_new ("ext PIPELINING\nhello\npause 200\nserve", FINE, FINE, FINE, FINE, FINE, NULL);
  g_autoptr (VeredaSender) sender = sender_at (server, "many.test", "connections=6;tls=never");
  gint before = g_atomic_int_get (&lookups);
  guint sent = 0;

  submit_many (sender, 60, &sent);
  vereda_sender_run (sender);
  g_assert_cmpuint (sent, ==, 60);
  kit_script_settle (server);
  g_assert_cmpuint (kit_script_connections (server), >, 1);
  g_assert_cmpint (g_atomic_int_get (&lookups) - before, ==, 1);
}

/* A name that does not exist is no reason to wait; a resolver that does not answer is one to try again. */
static void
test_no_host (void)
{
  static const struct
  {
    const char *servers;
    VeredaErrorCode code;
    gboolean transient;
  } rows[] = { { "none.test:25", VEREDA_ERROR_NO_HOST, FALSE },
               { "again.test:25", VEREDA_ERROR_RESOLVE, TRUE },
               { "again.test:25,none.test:25", VEREDA_ERROR_NO_HOST, TRUE },
               { "none.test:25,again.test:25", VEREDA_ERROR_RESOLVE, TRUE } };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (VeredaSender) sender = sender_for (rows[i].servers, "tls=never");
      g_autoptr (VeredaResult) result = kit_submit_text (sender, KIT_SMALL, NULL, NULL);

      vereda_sender_run (sender);
      g_assert_error (vereda_result_get_error (result), VEREDA_ERROR, (gint) rows[i].code);
      g_assert_cmpint (vereda_result_is_transient (result), ==, rows[i].transient);
    }
}

static void
test_no_host_next (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
  g_autofree char *servers = g_strdup_printf ("none.test:25,127.0.0.1:%u", kit_script_port (server));
  g_autoptr (VeredaSender) sender = sender_for (servers, "tls=never");
  g_autoptr (VeredaResult) result = kit_submit_text (sender, KIT_SMALL, NULL, NULL);

  vereda_sender_run (sender);
  expect_sent (result);
}

/* ---- what connections know of each other ---- */

static void
test_resumed (gconstpointer data)
{
  const char *backend = data;

  for (guint on = 0; on < 2; on++)
    {
      g_autoptr (KitScript) server = kit_script_new ("tls good\n" FINE, "tls good\n" FINE, "tls good\n" FINE, NULL);
      g_autofree char *settings
          = g_strdup_printf ("tls=implicit;insecure=yes;transport=%s;tls-resume=%s", backend, on ? "yes" : "no");
      g_autoptr (VeredaSender) sender = sender_at (server, "127.0.0.1", settings);

      for (guint i = 0; i < 3; i++)
        {
          g_autoptr (VeredaResult) result = kit_submit_text (sender, KIT_SMALL, NULL, NULL);

          vereda_sender_run (sender);
          expect_sent (result);
          g_assert_cmpint (strstr (detail_at (result, VEREDA_STAGE_TLS), " resumed") != NULL, ==, on && i > 0);
        }
      kit_script_settle (server);
      g_assert_cmpuint (kit_script_connections (server), ==, 3);
    }
}

static void
answer (VeredaCredentialRequest *request, gpointer data)
{
  (*(guint *) data)++;
  vereda_credential_request_answer (request, "tanstaaf", 8);
}

/* Lanes and runs of one sender: one question. */
static void
test_credential_once (void)
{
  static const char script[] = "ext PIPELINING;AUTH PLAIN\nhello\n< AUTH PLAIN\n> 235 welcome\npause 200\nserve";
  g_autoptr (KitScript) server = kit_script_new (script, script, script, script, script, script, NULL);
  g_autoptr (VeredaOptions) options = kit_options_printf ("servers=127.0.0.1:%u;tls=never;insecure-cleartext-auth=yes;"
                                                          "username=tim;connections=3;deadline=15",
                                                          kit_script_port (server));
  g_autoptr (VeredaSender) sender = NULL;
  guint asked = 0, sent = 0;

  vereda_options_set_credential_callback (options, answer, &asked);
  sender = kit_sender_new (options);
  for (guint i = 0; i < 2; i++)
    {
      submit_many (sender, 30, &sent);
      vereda_sender_run (sender);
    }
  g_assert_cmpuint (sent, ==, 60);
  g_assert_cmpuint (asked, ==, 1);
  kit_script_settle (server);
  g_assert_cmpuint (kit_script_connections (server), ==, 6);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pool/connections", test_connections);
  g_test_add_func ("/pool/no-more-than-messages", test_no_more_than_messages);
  g_test_add_func ("/pool/messages-per-connection", test_messages_per_connection);
  g_test_add_func ("/pool/server-limit", test_server_limit);
  g_test_add_func ("/pool/keep", test_keep);
  g_test_add_func ("/pool/END-1-kept-and-freed", test_keep_freed);
  g_test_add_func ("/pool/END-5-stale-421", test_stale_421);
  g_test_add_func ("/pool/END-5-stale-closed", test_stale_closed);
  g_test_add_func ("/pool/END-5-stale-reset", test_stale_reset);
  g_test_add_func ("/pool/END-5-stale-on-mail", test_stale_on_mail);
  g_test_add_func ("/pool/idle-timeout", test_idle_timeout);
  g_test_add_func ("/pool/names-once", test_names_once);
  g_test_add_func ("/pool/no-host", test_no_host);
  g_test_add_func ("/pool/no-host-next-server", test_no_host_next);
  g_test_add_data_func ("/pool/resumed/gnutls", "gnutls", test_resumed);
  g_test_add_data_func ("/pool/resumed/openssl", "openssl", test_resumed);
  g_test_add_func ("/pool/credential-once", test_credential_once);
  return g_test_run ();
}
