/* SPDX-License-Identifier: MIT */
/*
 * The seed: header fields, who sends, who receives.
 *
 * What tcllib's smtp::sendmessage does, row by row, under its own option names: F shows the promise kept and the bug gone, K what is kept as it
 * is, D what stands in for something dated.
 */
#include "seed.h"

/* ---- header fields ---- */

static void
test_header (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
  g_autoptr (Fault) fault = seed_new (server);
  const char *content;

  fault_set (fault, "-header", "TO: bob@example.test");
  fault_set (fault, "-header", "to: joe@example.test"); /* the same field: one list, in the first spelling */
  fault_set (fault, "-header", "X-Many: one");
  fault_set (fault, "-header", "x-many: two");
  fault_set (fault, "-header", "Subject: from the option");
  content = seed_content (fault, server, "From: ann@example.test\r\nSubject: of the message\r\n" BODY);
  seed_expect_field (content, "TO", "bob@example.test, joe@example.test");
  seed_expect_field (content, "Subject", "from the option"); /* replaces */
  g_assert_cmpuint (seed_count (content, "ubject:"), ==, 1);
  g_assert_cmpuint (seed_count (content, "X-Many: "), ==, 2);
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
  g_autoptr (Fault) fault = seed_new (one), other = seed_new (two);
  const char *message
      = "From: ann@example.test\r\nTo: bob@example.test\r\nCc: sue@example.test\r\nDate: Mon, 01 Jan 2024 00:00:00 +0000\r\n"
        "Message-ID: <mine@example.test>\r\n" BODY;
  const char *content;

  /* All from the message. */
  content = seed_content (fault, one, message);
  g_assert_cmpuint (seed_count (content, "From: "), ==, 1);
  seed_expect_field (content, "Date", "Mon, 01 Jan 2024 00:00:00 +0000");
  seed_expect_field (content, "Message-ID", "<mine@example.test>");
  g_assert_cmpstr (kit_script_line (one, 0, "MAIL", 0), ==, "MAIL FROM:<ann@example.test>");
  g_assert_cmpuint (kit_script_count (one, 0, "RCPT TO:"), ==, 2);

  /* The option wins, and there is still one From. */
  fault_set (other, "-header", "From: eve@example.test");
  fault_set (other, "-header", "To: joe@example.test");
  content = seed_content (other, two, message);
  g_assert_cmpuint (seed_count (content, "From: "), ==, 1);
  seed_expect_field (content, "From", "eve@example.test");
  g_assert_cmpstr (kit_script_line (two, 0, "MAIL", 0), ==, "MAIL FROM:<eve@example.test>");
  g_assert_cmpstr (kit_script_line (two, 0, "RCPT", 0), ==, "RCPT TO:<joe@example.test>");
  g_assert_cmpstr (kit_script_line (two, 0, "RCPT", 1), ==, "RCPT TO:<sue@example.test>");
}

/* The seed never took back what it added; here the second sending is the first again. */
static void
test_message_is_const (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, FINE, NULL);
  g_autoptr (Fault) fault = seed_new (server);
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
  g_assert_cmpuint (seed_count (second, "From: "), ==, 1);
  g_assert_cmpuint (seed_count (second, "X-Added: "), ==, 1);
}

static void
test_resent (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
  g_autoptr (Fault) fault = seed_new (server);
  const char *content;

  fault_set (fault, "-header", "Resent-From: eve@example.test");
  fault_set (fault, "-header", "Resent-To: joe@example.test");
  content = seed_content (
      fault, server, "Received: from somewhere\r\nFrom: ann@example.test\r\nTo: bob@example.test\r\nSubject: seed\r\n" BODY);
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
  g_autoptr (Fault) fault = seed_new (server), bare = seed_new (unused);

  fault_set (fault, "-originator", "Agent Smith <agent@example.test>");
  seed_content (fault, server, ANN);
  g_assert_cmpstr (kit_script_line (server, 0, "MAIL", 0), ==, "MAIL FROM:<agent@example.test>");
  g_assert_cmpstr (vereda_result_get_reverse_path (fault->result), ==, "agent@example.test");
  seed_expect_set_error ("-originator", "a@example.test, b@example.test");
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
  g_autoptr (Fault) fault = seed_new (server);

  fault_set (fault, "-originator", "ann");
  fault_set (fault, "-recipients", "bob");
  fault_set (fault, "default-domain", "example.test");
  seed_content (fault, server, ANN);
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
      g_autoptr (Fault) fault = seed_new (server);

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
  g_autoptr (Fault) fault = seed_new (server);
  const char *content;

  fault_set (fault, "-originator", "c@example.test");
  content = seed_content (fault, server, "From: a@example.test, b@example.test\r\nTo: bob@example.test\r\n" BODY);
  seed_expect_field (content, "Sender", "c@example.test"); /* RFC 5322 section 3.6.2 */
}

static void
test_null_originator (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, NULL), unused = kit_script_new (FINE, NULL);
  g_autoptr (Fault) fault = seed_new (server), without = seed_new (unused);
  const char *content;

  fault_set (fault, "-originator", "");
  content = seed_content (fault, server, ANN);
  g_assert_cmpstr (kit_script_line (server, 0, "MAIL", 0), ==, "MAIL FROM:<>");
  seed_expect_field (content, "From", "ann@example.test");
  seed_expect_field (content, "Sender", NULL);
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
      g_autoptr (Fault) fault = seed_new (server);
      g_autofree char *message = g_strdup_printf ("From: %s\r\nTo: bob@example.test\r\n" BODY, rows[i].from);

      fault_set (fault, "-originator", rows[i].originator);
      seed_expect_field (seed_content (fault, server, message), "Sender", rows[i].sender);
    }
}

/* ---- who receives ---- */

static void
test_recipients (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
  g_autoptr (Fault) fault = seed_new (server);
  const char *content;

  fault_set (fault, "-recipients", "joe@example.test, friends: sue@example.test, \"pat\"@example.test;");
  content
      = seed_content (fault, server,
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
  seed_expect_field (content, "To", "bob@example.test");
  seed_expect_set_error ("-recipients", " ");
  seed_expect_set_error ("-recipients", "nobody:;");
}

static void
test_no_recipients (void)
{
  static const char *const names[] = { "To", "Cc", "Bcc", "Dcc" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    for (int by_option = 0; by_option < 2; by_option++)
      {
        g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
        g_autoptr (Fault) fault = seed_new (server);
        g_autofree char *line = g_strdup_printf ("%s: bob@example.test", names[i]);
        g_autofree char *message
            = g_strdup_printf ("From: ann@example.test\r\n%s%s" BODY, by_option ? "" : line, by_option ? "" : "\r\n");

        if (by_option)
          fault_set (fault, "-header", line);
        seed_content (fault, server, message);
        g_assert_cmpstr (kit_script_line (server, 0, "RCPT", 0), ==, "RCPT TO:<bob@example.test>");
      }
  {
    g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
    g_autoptr (Fault) fault = seed_new (server);

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
  g_autoptr (Fault) fault = seed_new (server);
  const char *content;

  fault_set (fault, "-header", "Dcc: dan@example.test");
  content = seed_content (fault, server, ANN);
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
  g_autoptr (Fault) fault = seed_new (server);
  const char *content;

  fault_set (fault, "-header", "Bcc: bea@example.test");
  content = seed_content (fault, server, ANN);
  g_assert_cmpuint (kit_script_count (server, 0, "MAIL"), ==, 1);
  g_assert_cmpuint (kit_script_count (server, 0, "RCPT TO:<bea@example.test>"), ==, 1);
  g_assert_null (strstr (content, "bea@"));
}

static void
test_bcc_digest (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
  g_autoptr (Fault) fault = seed_new (server);
  const char *first, *second;

  fault_set (fault, "bcc", "digest");
  fault_set (fault, "-header", "Bcc: bea@example.test");
  first = seed_content (fault, server, ANN);
  second = kit_script_content (server, 0, 1);
  g_assert_nonnull (second); /* on the same connection */
  g_assert_cmpuint (kit_script_count (server, 0, "MAIL"), ==, 2);
  g_assert_cmpstr (kit_script_line (server, 0, "RCPT", 1), ==, "RCPT TO:<bea@example.test>");
  g_assert_null (strstr (first, "bea@"));
  seed_expect_field (second, "Subject", "[Bcc] seed"); /* of the message, which the seed did not look at */
  seed_expect_field (second, "From", "ann@example.test");
  seed_expect_field (second, "Content-Description", "Blind Carbon Copy");
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
      g_autoptr (Fault) fault = seed_new (server);

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
      g_autoptr (Fault) fault = seed_new (server);
      VeredaRecipient *blind;

      fault_set (fault, "bcc", "digest");
      fault_set (fault, "-header", "Bcc: bea@example.test");
      seed_content (fault, server, ANN);
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
  g_autoptr (Fault) fault = seed_new (none), option = seed_new (asked);
  const char *content;

  /* No To anywhere, which made the seed put an empty Bcc. */
  fault_set (fault, "-recipients", "bob@example.test");
  content = seed_content (fault, none, "From: ann@example.test\r\n" BODY);
  g_assert_null (strstr (content, "Bcc:"));
  fault_set (option, "empty-bcc", "yes");
  fault_set (option, "-header", "Bcc: bea@example.test");
  content = seed_content (option, asked, ANN);
  g_assert_nonnull (strstr (content, "\r\nBcc:"));
  g_assert_null (strstr (content, "bea@"));
}

static void
test_date_message_id (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, FINE, NULL);
  g_autoptr (Fault) fault = seed_new (server);
  g_autofree char *date = NULL, *first = NULL, *second = NULL;

  fault_message (fault, ANN);
  fault_send (fault);
  fault_expect_sent (fault);
  fault_send (fault);
  fault_expect_sent (fault);
  fault_expect_clean (server);
  date = seed_field (kit_script_content (server, 0, 0), "Date");
  first = seed_field (kit_script_content (server, 0, 0), "Message-ID");
  second = seed_field (kit_script_content (server, 1, 0), "Message-ID");
  g_assert_true (g_regex_match_simple (
      "^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{1,2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) 20[0-9]{2} "
      "[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}$",
      date, 0, 0));
  /* Unique, and telling nothing: no host name, process or time. */
  g_assert_true (g_regex_match_simple ("^<[^@<>]{16,}@example\\.test>$", first, 0, 0));
  g_assert_cmpstr (first, !=, second);
  g_assert_null (strstr (first, g_get_host_name ()));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/seed/K-header", test_header);
  g_test_add_func ("/seed/K-disallowed-header", test_disallowed_header);
  g_test_add_func ("/seed/F-header-lookup", test_header_lookup);
  g_test_add_func ("/seed/F-message-is-const", test_message_is_const);
  g_test_add_func ("/seed/F-resent", test_resent);
  g_test_add_func ("/seed/F-originator", test_originator);
  g_test_add_func ("/seed/F-default-domain", test_default_domain);
  g_test_add_func ("/seed/F-no-originator", test_no_originator);
  g_test_add_func ("/seed/F-several-from", test_several_from_with_originator);
  g_test_add_func ("/seed/F-null-originator", test_null_originator);
  g_test_add_func ("/seed/F-sender", test_sender);
  g_test_add_func ("/seed/F-recipients", test_recipients);
  g_test_add_func ("/seed/F-no-recipients", test_no_recipients);
  g_test_add_func ("/seed/K-dcc", test_dcc);
  g_test_add_func ("/seed/F-bcc-same-transaction", test_bcc_same);
  g_test_add_func ("/seed/K-bcc-digest", test_bcc_digest);
  g_test_add_func ("/seed/F-bcc-after-refusal", test_bcc_after_refusal);
  g_test_add_func ("/seed/F-bcc-errors", test_bcc_errors);
  g_test_add_func ("/seed/D-empty-bcc", test_empty_bcc);
  g_test_add_func ("/seed/K-date-message-id", test_date_message_id);
  return g_test_run ();
}
