/* SPDX-License-Identifier: MIT */
/*
 * The seed: the transaction, the content, the end.
 *
 * What tcllib's smtp::sendmessage does, row by row, under its own option names: F shows the promise kept and the bug gone, K what is kept as it
 * is, D what stands in for something dated.
 */
#include "seed.h"

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
      g_autoptr (Fault) fault = seed_new (server);
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
    g_autoptr (Fault) fault = seed_new (server);

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
  g_autoptr (Fault) fault = seed_new (server);

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
  g_autoptr (Fault) fault = seed_new (server), other = seed_new (lost);
  VeredaRecipient *refused;

  fault_set (fault, "-recipients", "a@example.test, b@example.test, c@example.test, d@example.test, e@example.test");
  fault_set (fault, "-atleastone", "yes");
  seed_content (fault, server, ANN);
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
        g_autoptr (Fault) fault = seed_new (server);

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
  g_autoptr (Fault) fault = seed_new (server);
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
  seed_content (fault, server, ANN);
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
  Half half = { 0, G_MAXUINT, 0 }; /* outlives what reads it */
  g_autoptr (KitScript) server = kit_script_new (FINE, FINE, NULL),
                        odd = kit_script_new ("hello\non DATA = 250 no need\nserve", NULL);
  g_autoptr (Fault) fault = seed_new (server), other = seed_new (odd);
  VeredaSourceFuncs funcs = { .struct_size = sizeof funcs, .read = read_half, .rewind = rewind_half };
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
      g_autoptr (Fault) fault = seed_new (server);

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
  fault = seed_new (server);
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

/* The same of a session under TLS: each line has one of the marks, those about the handshake too. */
static void
test_debug_tls (void)
{
  g_autoptr (GString) log = g_string_new (NULL);
  g_autoptr (KitScript) server = kit_script_new ("tls good\nhello\nserve", NULL);
  g_autoptr (Fault) fault = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 20 * G_USEC_PER_SEC, G_TEST_SUBPROCESS_DEFAULT);
      g_test_trap_assert_passed ();
      return;
    }
  g_log_set_writer_func (keep_log, log, NULL);
  fault = fault_new ();
  vereda_options_set_trace (fault->options, NULL, NULL);
  fault_set (fault, "debug", "yes");
  fault_server (fault, server);
  fault_tls (fault, "implicit", NULL);
  fault_message (fault, ANN);
  fault_send (fault);
  g_assert_true (fault->sent);
  g_assert_nonnull (strstr (log->str, "cipher"));
  lines = g_strsplit (log->str, "\n", -1);
  for (guint i = 0; lines[i] != NULL && lines[i][0] != '\0'; i++)
    {
      g_auto (GStrv) words = g_strsplit (lines[i], " ", 3);

      g_assert_cmpuint (g_strv_length (words), ==, 3);
      g_assert_true (g_regex_match_simple ("^(->|<-|<\\*|==|\\*\\*)~?$", words[1], 0, 0));
    }
}

static void
test_line_ends (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, NULL), unused = kit_script_new (FINE, NULL);
  g_autoptr (Fault) fault = seed_new (server), lone = seed_new (unused);
  const char *content
      = seed_content (fault, server, "From: ann@example.test\nTo: bob@example.test\n\n.one\n..two\nthree\r\n.\nend");

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
  g_autoptr (Fault) fault = seed_new (server), other = seed_new (reused);
  g_autoptr (VeredaSender) sender = NULL;

  fault_message (fault, ANN);
  fault_send (fault);
  fault_expect_sent (fault);
  fault_expect_clean (server);
  g_assert_cmpuint (kit_script_count (server, 0, "QUIT"), ==, 1);
  g_assert_nonnull (strstr (fault->trace->str, "221 bye")); /* it was waited for */

  /* And one connection carries many messages, where the seed made one for each. */
  fault_message (other, ANN);
  sender = kit_sender_new (other->options);
  for (int i = 0; i < 3; i++)
    vereda_result_unref (kit_submit (sender, other->message, NULL, NULL));
  fault_run (sender);
  fault_expect_clean (reused);
  fault_expect_connections (reused, 1);
  g_assert_nonnull (kit_script_content (reused, 0, 2));
  g_assert_cmpuint (kit_script_count (reused, 0, "EHLO"), ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/seed/F-mail", test_mail);
  g_test_add_func ("/seed/F-mail-refused", test_mail_refused);
  g_test_add_func ("/seed/F-rcpt", test_rcpt);
  g_test_add_func ("/seed/K-atleastone", test_atleastone);
  g_test_add_func ("/seed/F-result", test_result);
  g_test_add_func ("/seed/F-data", test_data);
  g_test_add_func ("/seed/F-dot", test_dot);
  g_test_add_func ("/seed/F-debug", test_debug);
  g_test_add_func ("/seed/F-debug-under-tls", test_debug_tls);
  g_test_add_func ("/seed/F-line-ends", test_line_ends);
  g_test_add_func ("/seed/K-end", test_end);
  return g_test_run ();
}
