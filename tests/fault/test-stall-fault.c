/* SPDX-License-Identifier: MIT */
/*
 * Envelopes accepted in part, servers that fall silent or drip, and much to say to somebody who hears little.
 */
#include "fault.h"

#define PIPE "PIPELINING;8BITMIME"
#define BDAT "PIPELINING;CHUNKING;8BITMIME"

static const char *const exts[] = { "SIZE", PIPE, BDAT };

typedef enum
{
  GREETING,
  EHLO,
  MAIL,
  RCPT,
  DATA,
  END,
  N_STAGES
} Stage;

static const char *const stage_names[N_STAGES] = { "greeting", "ehlo", "mail", "rcpt", "data", "end" };
/* ---- the envelope: every way of accepting and refusing three recipients ---- */

static void
test_recipients (gconstpointer data)
{
  const char *ext = data;
  static const char *const names[] = { "r0@example.test", "r1@example.test", "r2@example.test" };

  for (guint bits = 0; bits < 8; bits++)
    for (int any = 0; any < 2; any++)
      {
        g_autofree char *script
            = g_strdup_printf ("ext %s\nhello\n%s\n%s\n%s\nserve", ext, (bits & 1) ? "" : "on RCPT TO:<r0 = 550 5.1.1 no r0",
                               (bits & 2) ? "" : "on RCPT TO:<r1 = 451 4.2.1 not now r1",
                               (bits & 4) ? "" : "on RCPT TO:<r2 = 550-5.1.1 no\\r\\n550 5.1.1 r2");
        g_autoptr (KitScript) server = kit_script_new (script, NULL);
        g_autoptr (Fault) fault = fault_new ();
        guint good = (bits & 1) + (bits >> 1 & 1) + (bits >> 2 & 1);
        gboolean granted = any ? good > 0 : good == 3;

        g_test_message ("%s bits %u any %d", ext, bits, any);
        fault_set (fault, "tls", "never");
        fault_set (fault, "recipients", "r0@example.test, r1@example.test, r2@example.test");
        fault_set (fault, "at-least-one", any ? "yes" : "no");
        fault_server (fault, server);
        fault_send (fault);
        kit_script_settle (server);
        if (granted)
          fault_expect_sent (fault);
        else
          fault_expect_error (fault, VEREDA_ERROR_RECIPIENTS, "nothing was sent");
        for (guint i = 0; i < 3; i++)
          {
            VeredaRecipient *recipient = vereda_result_get_recipient (fault->result, i);
            gboolean accepted = (bits >> i & 1) != 0;

            g_assert_cmpstr (vereda_recipient_get_address (recipient), ==, names[i]);
            g_assert_cmpint (vereda_recipient_get_status (recipient), ==,
                             !accepted ? VEREDA_RECIPIENT_REFUSED
                             : granted ? VEREDA_RECIPIENT_ACCEPTED
                                       : VEREDA_RECIPIENT_NOT_SENT);
            if (!accepted)
              g_assert_true (vereda_recipient_is_permanent (recipient) == (i != 1));
          }
        /* A server that gave 354 in vain got a lone dot, and nothing of the mail. */
        if (granted)
          fault_expect_content (server, 0);
        else if (kit_script_content (server, 0, 0) != NULL)
          {
            g_assert_cmpstr (kit_script_content (server, 0, 0), ==, "");
            g_assert_cmpuint (good, ==, 0);
          }
      }
}

/* PIP-5, PIP-6 */
static void
test_data_in_vain (void)
{
  static const struct
  {
    const char *script;
    int code;
  } rows[] = {
    { "ext " PIPE "\nhello\non RCPT = 550 5.1.1 no\non CONTENT = 250 took it\nserve", VEREDA_ERROR_RECIPIENTS },
    { "ext " PIPE "\nhello\non RCPT = 550 5.1.1 no\non CONTENT = 554 no valid recipients\nserve", VEREDA_ERROR_RECIPIENTS },
    { "ext " PIPE "\nhello\non RCPT = 550 5.1.1 no\non DATA = 503 rcpt first\nserve", VEREDA_ERROR_RECIPIENTS },
    { "ext " PIPE "\nhello\non RCPT = 550 5.1.1 no\non CONTENT = !close\nserve", VEREDA_ERROR_RECIPIENTS },
    { "ext " PIPE "\nhello\non MAIL = 550 5.7.1 no\non RCPT = 503 mail first\non DATA = 503 mail first\nserve",
      VEREDA_ERROR_MAIL },
    { "ext " PIPE "\nhello\non MAIL = 550 5.7.1 no\nserve", VEREDA_ERROR_MAIL },
    { "ext " PIPE "\nhello\non MAIL = 550 5.7.1 no\non CONTENT = 250 took it\nserve", VEREDA_ERROR_MAIL },
    { "ext " PIPE "\nhello\non DATA = 250 what data\nserve", VEREDA_ERROR_PROTOCOL },
    { "ext " PIPE "\nhello\non DATA = 451 4.3.0 not now\nserve", VEREDA_ERROR_DATA },
    { "ext SIZE\nhello\non DATA = 250 what data\nserve", VEREDA_ERROR_PROTOCOL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (KitScript) server = kit_script_new (rows[i].script, NULL);
      g_autoptr (Fault) fault = fault_new ();
      const GByteArray *clear;

      g_test_message ("%s", rows[i].script);
      fault_set (fault, "tls", "never");
      fault_server (fault, server);
      fault_send (fault);
      fault_expect_error (fault, (VeredaErrorCode) rows[i].code, NULL);
      kit_script_settle (server);
      clear = kit_script_clear (server, 0);
      g_assert_null (memmem (clear->data, clear->len, "Quetzalcoatl", 12));
      if (rows[i].code == VEREDA_ERROR_MAIL) /* RCP-10: no verdict on the address */
        g_assert_cmpint (vereda_recipient_get_status (vereda_result_get_recipient (fault->result, 0)), ==,
                         VEREDA_RECIPIENT_NOT_SENT);
    }
}

/* BDT-12, SEC-7: a server that refuses BDAT without taking the chunk gets nothing more on that connection; then DATA is tried. */
static void
test_bdat_as_commands (void)
{
  g_autoptr (KitScript) server
      = kit_script_new ("ext " BDAT "\nhello\nuntil BDAT\n> 502 5.5.1 what is BDAT\nserve", "ext " BDAT "\nhello\nserve", NULL);
  g_autoptr (Fault) fault = fault_new ();

  fault_message (fault, "From: ann@example.test\r\nTo: bob@example.test\r\n\r\nMAIL FROM:<evil@example.test>\r\nRCPT "
                        "TO:<victim@example.test>\r\nDATA\r\n\r\nhello\r\n");
  fault_set (fault, "tls", "never");
  fault_set (fault, "recipients", "bob@example.test, joe@example.test");
  fault_server (fault, server);
  fault_send (fault);
  kit_script_settle (server);
  fault_expect_sent (fault);
  fault_expect_connections (server, 2);
  g_assert_cmpuint (kit_script_count (server, 1, "DATA"), ==, 1);
  g_assert_cmpuint (kit_script_count (server, 1, "BDAT"), ==, 0);
}

/* ---- silence ---- */

static void
test_timeout (gconstpointer data)
{
  static const char *const options[N_STAGES]
      = { "timeout-greeting", "timeout-command", "timeout-mail", "timeout-rcpt", "timeout-data", "timeout-end" };
  static const char *const scripts[N_STAGES] = { "drain",
                                                 "> 220 kit.test\n< EHLO\ndrain",
                                                 "hello\nuntil MAIL\ndrain",
                                                 "hello\nuntil RCPT\ndrain",
                                                 "hello\nuntil DATA\ndrain",
                                                 "hello\nuntil DATA\n> 354 go\ncontent\ndrain" };
  Stage stage = (Stage) GPOINTER_TO_INT (data);

  for (gsize i = 0; i < G_N_ELEMENTS (exts); i++)
    {
      g_autofree char *script = g_strdup_printf ("ext %s\n%s", exts[i], scripts[stage]);
      g_autoptr (KitScript) server = kit_script_new (script, NULL);
      g_autoptr (Fault) fault = fault_new ();
      gint64 begin = g_get_monotonic_time ();

      fault_set (fault, "tls", "never");
      fault_set (fault, options[stage], "0.2");
      fault_server (fault, server);
      fault_send (fault);
      g_assert_cmpint (g_get_monotonic_time () - begin, >=, 200 * 1000);
      g_assert_cmpint (g_get_monotonic_time () - begin, <, 5000 * 1000);
      if (stage == END)
        g_assert_cmpint (vereda_result_get_verdict (fault->result), ==, VEREDA_UNKNOWN);
      else
        {
          fault_expect_error (fault, VEREDA_ERROR_TIMEOUT, "0.2 seconds");
          g_assert_true (vereda_result_is_transient (fault->result));
        }
    }
}

/* TMO-4: a reply that drips in does not hold the client for ever. */
static void
test_drip (void)
{
  GString *script = g_string_new ("> 220 kit.test\n< EHLO\n");
  g_autoptr (KitScript) server = NULL;
  g_autoptr (Fault) fault = fault_new ();
  gint64 begin = g_get_monotonic_time ();

  for (int i = 0; i < 100; i++)
    g_string_append (script, "> 250-wait\npause 50\n");
  server = kit_script_new (script->str, NULL);
  g_string_free (script, TRUE);
  fault_set (fault, "tls", "never");
  fault_set (fault, "timeout-command", "0.3");
  fault_server (fault, server);
  fault_send (fault);
  fault_expect_error (fault, VEREDA_ERROR_TIMEOUT, NULL);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 2000 * 1000);
}

static void
test_no_progress (void)
{
  g_autoptr (KitScript) server = kit_script_new ("hello\nuntil DATA\n> 354 go\npause 9000", NULL);
  g_autoptr (Fault) fault = fault_new ();
  gint64 begin = g_get_monotonic_time ();

  fault_message_of_size (fault, 24 * 1024 * 1024);
  fault_set (fault, "tls", "never");
  fault_set (fault, "timeout-block", "0.4");
  fault_server (fault, server);
  fault_send (fault);
  fault_expect_error (fault, VEREDA_ERROR_TIMEOUT, NULL);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 5000 * 1000);
}

/* TMO-5: the overall deadline, before and after the end of the data. */
static void
test_deadline (void)
{
  for (int after = 0; after < 2; after++)
    {
      g_autoptr (KitScript) server
          = kit_script_new (after ? "hello\non CONTENT = !silence\nserve" : "hello\non MAIL = !silence\nserve", NULL);
      g_autoptr (Fault) fault = fault_new ();

      fault_set (fault, "tls", "never");
      fault_set (fault, "deadline", "0.3");
      fault_server (fault, server);
      fault_send (fault);
      if (after)
        g_assert_cmpint (vereda_result_get_verdict (fault->result), ==, VEREDA_UNKNOWN);
      else
        fault_expect_error (fault, VEREDA_ERROR_TIMEOUT, "deadline");
    }
}

/* ---- PIP-9: much to say to somebody who hears little ---- */

static void
test_many_recipients (gconstpointer data)
{
  const char *ext = data;
  GString *recipients = g_string_new (NULL);
  g_autofree char *script = g_strdup_printf (
      "buffers 1\next %s\nhello\non RCPT = 250-2.1.5 a rather long answer to each and every recipient, to fill "
      "what there is of socket buffers\\r\\n250 2.1.5 and one more line\non RCPT TO:<u7 = 550 5.1.1 no\nserve",
      ext);
  g_autoptr (KitScript) server = kit_script_new (script, NULL);
  g_autoptr (Fault) fault = fault_new ();

  for (int i = 0; i < 2000; i++)
    g_string_append_printf (recipients, "%su%d@example.test", i > 0 ? "," : "", i);
  fault_set (fault, "tls", "never");
  fault_set (fault, "recipients", recipients->str);
  fault_set (fault, "at-least-one", "yes");
  fault_server (fault, server);
  fault_send (fault);
  fault_expect_clean (server);
  fault_expect_sent (fault);
  g_assert_cmpuint (kit_script_count (server, 0, "RCPT TO:"), ==, 2000);
  g_assert_cmpuint (vereda_result_get_n_recipients (fault->result), ==, 2000);
  for (guint i = 0; i < 2000; i++)
    {
      VeredaRecipient *recipient = vereda_result_get_recipient (fault->result, i);
      g_autofree char *address = g_strdup_printf ("u%u@example.test", i);

      g_assert_cmpstr (vereda_recipient_get_address (recipient), ==, address);
      g_assert_cmpint (vereda_recipient_get_status (recipient), ==,
                       address[1] == '7' ? VEREDA_RECIPIENT_REFUSED : VEREDA_RECIPIENT_ACCEPTED);
    }
  fault_expect_content (server, 0);
  g_string_free (recipients, TRUE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (int stage = GREETING; stage < N_STAGES; stage++)
    {
      g_autofree char *path = g_strconcat ("/TMO-1/", stage_names[stage], NULL);

      g_test_add_data_func (path, GINT_TO_POINTER (stage), test_timeout);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (exts); i++)
    {
      g_autofree char *envelope = g_strconcat ("/PIP-8/recipients/", exts[i], NULL),
                      *many = g_strconcat ("/PIP-9/many-recipients/", exts[i], NULL);

      g_test_add_data_func (envelope, exts[i], test_recipients);
      g_test_add_data_func (many, exts[i], test_many_recipients);
    }
  g_test_add_func ("/PIP-6/data-in-vain", test_data_in_vain);
  g_test_add_func ("/SEC-7/bdat-as-commands", test_bdat_as_commands);
  g_test_add_func ("/TMO-4/drip", test_drip);
  g_test_add_func ("/TMO-data-block/no-progress", test_no_progress);
  g_test_add_func ("/TMO-5/deadline", test_deadline);
  return g_test_run ();
}
