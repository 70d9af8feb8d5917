/* SPDX-License-Identifier: MIT */
/* Tests of a job: what a transaction's end, made by hand, comes to for the message and for each recipient; duplicates, blind copies, LMTP; what
 * cannot be sent at all. */
#include <string.h>

#include "core/base/error.h"
#include "core/send/job.h"
#include "sending.h"

#define SERVER "mx.example.org:25"

/* ---- jobs ---- */

static VdJob *
job_new (const char *header, const char *settings, VeredaResult **ret_result, GError **error)
{
  g_autofree char *text = g_strconcat ("From: ann@example.org\r\n", header, "Subject: x\r\n\r\nhello\r\n", NULL);
  g_autoptr (VeredaMessage) message = kit_message_new (text);
  g_autoptr (VeredaOptions) options = kit_options_new (settings);
  VdTerms terms = { 0 };
  return vd_job_new (message, options, &terms, ret_result, error);
}

static VdJob *
job_for (const char *header, const char *settings, VeredaResult **ret_result)
{
  g_autoptr (GError) error = NULL;
  VdJob *job = job_new (header, settings, ret_result, &error);

  g_assert_no_error (error);
  g_assert_nonnull (job);
  return job;
}

/* "550 5.1.1", "250" */
static VdReply *
reply_of (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, " ", 2);

  return vd_reply_new_local ((guint) g_ascii_strtoull (parts[0], NULL, 10), parts[1], "as the server says");
}

static void
answer_rcpt (VdTransaction *txn, guint i, const char *reply)
{
  VdTxnRecipient *recipient = &txn->recipients[i];

  recipient->reply = reply_of (reply);
  recipient->accepted = VD_REPLY_IS_POSITIVE (recipient->reply);
  txn->accepted += recipient->accepted ? 1 : 0;
  txn->refused += recipient->accepted ? 0 : 1;
}

/* `rcpts`: replies to RCPT, then "|", then LMTP's to the end; words "-" for none. */
static VdTransaction *
begin (VdJob *job, const char *rcpts)
{
  VdTransaction *txn = vd_job_begin_copy (job);
  g_auto (GStrv) halves = g_strsplit (rcpts, "|", 2);
  g_auto (GStrv) replies = g_strsplit (halves[0], ",", -1);
  g_auto (GStrv) finals = g_strsplit (halves[1] != NULL ? halves[1] : "", ",", -1);

  g_assert_cmpuint (g_strv_length (replies), ==, txn->n_recipients);
  for (guint i = 0; replies[i] != NULL; i++)
    if (!g_str_equal (replies[i], "-"))
      answer_rcpt (txn, i, replies[i]);
  for (guint i = 0; finals[i] != NULL; i++)
    if (!g_str_equal (finals[i], "-"))
      txn->recipients[i].final = reply_of (finals[i]);
  txn->mail_accepted = TRUE;
  return txn;
}

static void
end_with (VdJob *job, VdOutcome outcome, const char *final, VeredaErrorCode error)
{
  job->txn->outcome = outcome;
  if (final != NULL)
    job->txn->final_reply = reply_of (final);
  if (error != 0)
    job->txn->error = g_error_new_literal (VEREDA_ERROR, (gint) error, "as it happened");
  g_autoptr (VdPlace) place = vd_place_new (SERVER, NULL, NULL);

  vd_job_take_outcome (job, place, NULL);
}

/* "aru-": accepted, refused, unknown, not sent; capitals: permanent. */
static char *
statuses (VeredaResult *result)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < vereda_result_get_n_recipients (result); i++)
    {
      VeredaRecipient *recipient = vereda_result_get_recipient (result, i);
      char word = "-aru"[vereda_recipient_get_status (recipient)];

      g_string_append_c (text, vereda_recipient_is_permanent (recipient) ? g_ascii_toupper (word) : word);
    }
  return g_string_free (text, FALSE);
}

/* ---- one transaction ---- */

static const struct
{
  const char *name, *settings;
  const char *rcpts; /* replies to RCPT | LMTP's to the end */
  VdOutcome outcome;
  const char *final;
  int error; /* of the transaction; 0: none */
  gboolean no_size;

  const char *statuses;
  VeredaVerdict verdict;
  int result_error; /* 0: none */
  gboolean transient;
} rows[] = {
  { "all-accepted", "", "250,250,251", VD_OUTCOME_SENT, "250", 0, FALSE, "aaa", VEREDA_SENT, 0, FALSE },
  { "some-refused", "at-least-one=yes", "250,550 5.1.1,450", VD_OUTCOME_SENT, "250", 0, FALSE, "aRr", VEREDA_SENT, 0, FALSE },
  { "one-refused-of-all", "", "250,550 5.1.1,250", VD_OUTCOME_NOT_SENT, NULL, 0, FALSE, "-R-", VEREDA_NOT_SENT,
    VEREDA_ERROR_RECIPIENTS, FALSE },
  { "one-later-of-all", "", "250,450 4.2.1,250", VD_OUTCOME_NOT_SENT, NULL, 0, FALSE, "-r-", VEREDA_NOT_SENT,
    VEREDA_ERROR_RECIPIENTS, TRUE },
  { "later-and-never", "", "450,550,250", VD_OUTCOME_NOT_SENT, NULL, 0, FALSE, "rR-", VEREDA_NOT_SENT, VEREDA_ERROR_RECIPIENTS,
    FALSE },
  { "all-refused", "at-least-one=yes", "550,551,553", VD_OUTCOME_NOT_SENT, NULL, 0, FALSE, "RRR", VEREDA_NOT_SENT,
    VEREDA_ERROR_RECIPIENTS, FALSE },

  /* DAT-6: what is said of the message is everybody's */
  { "message-refused", "", "250,250,250", VD_OUTCOME_NOT_SENT, "554 5.7.1", VEREDA_ERROR_CONTENT, FALSE, "RRR", VEREDA_NOT_SENT,
    VEREDA_ERROR_CONTENT, FALSE },
  { "message-later", "", "250,250,250", VD_OUTCOME_NOT_SENT, "451", VEREDA_ERROR_CONTENT, FALSE, "rrr", VEREDA_NOT_SENT,
    VEREDA_ERROR_CONTENT, TRUE },
  { "message-refused-some-before", "at-least-one=yes", "250,450,250", VD_OUTCOME_NOT_SENT, "554", VEREDA_ERROR_CONTENT, FALSE,
    "RrR", VEREDA_NOT_SENT, VEREDA_ERROR_CONTENT, FALSE },

  /* RCP-6: 552 to RCPT and 552 to the message */
  { "552-size-declared", "", "552,250,250", VD_OUTCOME_NOT_SENT, NULL, 0, FALSE, "R--", VEREDA_NOT_SENT,
    VEREDA_ERROR_RECIPIENTS, FALSE },
  { "552-no-size", "", "552,250,250", VD_OUTCOME_NOT_SENT, NULL, 0, TRUE, "r--", VEREDA_NOT_SENT, VEREDA_ERROR_RECIPIENTS,
    TRUE },
  { "552-too-many", "", "250,250,552 5.5.3", VD_OUTCOME_NOT_SENT, NULL, 0, FALSE, "--r", VEREDA_NOT_SENT,
    VEREDA_ERROR_RECIPIENTS, TRUE },
  { "552-mailbox-full", "", "250,250,552 5.2.2", VD_OUTCOME_NOT_SENT, NULL, 0, TRUE, "--R", VEREDA_NOT_SENT,
    VEREDA_ERROR_RECIPIENTS, FALSE },
  { "552-of-the-message", "", "250,250,250", VD_OUTCOME_NOT_SENT, "552 5.7.0", VEREDA_ERROR_CONTENT, TRUE, "RRR",
    VEREDA_NOT_SENT, VEREDA_ERROR_CONTENT, FALSE },

  /* DAT-8 */
  { "lost-at-the-end", "", "250,250,250", VD_OUTCOME_UNKNOWN, NULL, VEREDA_ERROR_UNKNOWN_OUTCOME, FALSE, "uuu", VEREDA_UNKNOWN,
    VEREDA_ERROR_UNKNOWN_OUTCOME, FALSE },
  { "lost-at-the-end-some-refused", "at-least-one=yes", "250,550,250", VD_OUTCOME_UNKNOWN, NULL, VEREDA_ERROR_UNKNOWN_OUTCOME,
    FALSE, "uRu", VEREDA_UNKNOWN, VEREDA_ERROR_UNKNOWN_OUTCOME, FALSE },
  { "lost-before-the-end", "", "250,250,-", VD_OUTCOME_NOT_SENT, NULL, VEREDA_ERROR_CLOSED, FALSE, "---", VEREDA_NOT_SENT,
    VEREDA_ERROR_CLOSED, TRUE },
  { "cancelled", "", "-,-,-", VD_OUTCOME_NOT_SENT, NULL, VEREDA_ERROR_CANCELLED, FALSE, "---", VEREDA_NOT_SENT,
    VEREDA_ERROR_CANCELLED, FALSE },
  { "timed-out", "", "250,-,-", VD_OUTCOME_NOT_SENT, NULL, VEREDA_ERROR_TIMEOUT, FALSE, "---", VEREDA_NOT_SENT,
    VEREDA_ERROR_TIMEOUT, TRUE },
  { "policy", "", "-,-,-", VD_OUTCOME_NOT_SENT, NULL, VEREDA_ERROR_POLICY, FALSE, "---", VEREDA_NOT_SENT, VEREDA_ERROR_POLICY,
    FALSE },

  /* RFC 2033: each his own, and the message is sent when one has it */
  { "lmtp", "", "250,250,250|250,250,250", VD_OUTCOME_SENT, "250", 0, FALSE, "aaa", VEREDA_SENT, 0, FALSE },
  { "lmtp-one-full", "", "250,250,250|250,452 4.2.2,552 5.2.2", VD_OUTCOME_SENT, "250", 0, FALSE, "arR", VEREDA_SENT, 0,
    FALSE },
  { "lmtp-none", "", "250,250,250|452,452,452", VD_OUTCOME_NOT_SENT, "452", VEREDA_ERROR_CONTENT, FALSE, "rrr", VEREDA_NOT_SENT,
    VEREDA_ERROR_CONTENT, TRUE },
  { "lmtp-lost-between", "", "250,250,250|250,550,-", VD_OUTCOME_UNKNOWN, "250", VEREDA_ERROR_UNKNOWN_OUTCOME, FALSE, "aRu",
    VEREDA_UNKNOWN, VEREDA_ERROR_UNKNOWN_OUTCOME, FALSE },
  { "lmtp-refused-before", "at-least-one=yes", "550,250,250|-,250,452", VD_OUTCOME_SENT, "250", 0, FALSE, "Rar", VEREDA_SENT, 0,
    FALSE },
};

static void
test_outcomes (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (VeredaResult) result = NULL;
      g_autofree char *seen = NULL;
      VdJob *job = job_for ("To: a@example.net, b@example.net, c@example.net\r\n", rows[i].settings, &result);

      g_test_message ("%s", rows[i].name);
      begin (job, rows[i].rcpts)->size_declared = !rows[i].no_size;
      end_with (job, rows[i].outcome, rows[i].final, (VeredaErrorCode) rows[i].error);
      seen = statuses (result);
      g_assert_cmpstr (seen, ==, rows[i].statuses);
      g_assert_cmpint (vereda_result_get_verdict (result), ==, rows[i].verdict);
      g_assert_cmpint (vereda_result_is_transient (result), ==, rows[i].transient);
      if (rows[i].result_error == 0)
        g_assert_no_error (vereda_result_get_error (result));
      else
        g_assert_error (vereda_result_get_error (result), VEREDA_ERROR, rows[i].result_error);
      g_assert_cmpstr (vereda_result_get_server (result), ==, SERVER);
      g_assert_false (vd_job_next_copy (job));
      vd_job_free (job);
    }
}

/* The words of the error name who was refused, and why; three are enough. */
static void
test_refusals_told (void)
{
  g_autoptr (VeredaResult) result = NULL;
  VdJob *job = job_for ("To: a@example.net, b@example.net, c@example.net, d@example.net, e@example.net\r\n", "", &result);
  const char *words;

  begin (job, "550 5.1.1,250,550 5.1.2,450,451");
  end_with (job, VD_OUTCOME_NOT_SENT, NULL, 0);
  words = vereda_result_get_error (result)->message;
  g_assert_nonnull (strstr (words, "4 of 5"));
  g_assert_nonnull (strstr (words, "<a@example.net>: 550 5.1.1"));
  g_assert_nonnull (strstr (words, "<d@example.net>: 450"));
  g_assert_null (strstr (words, "b@example.net"));
  g_assert_null (strstr (words, "e@example.net"));
  g_assert_nonnull (strstr (words, "at-least-one"));
  vd_job_free (job);
}

/* What ended the session is the reply, where the message has none of its own. */
static void
test_closing_reply (void)
{
  static const VdOutcome outcomes[] = { VD_OUTCOME_NOT_SENT, VD_OUTCOME_UNKNOWN };

  for (gsize i = 0; i < G_N_ELEMENTS (outcomes); i++)
    {
      g_autoptr (VeredaResult) result = NULL;
      g_autoptr (VdReply) closing = reply_of ("421 4.3.2");
      VdJob *job = job_for ("To: a@example.net\r\n", "", &result);

      g_autoptr (VdPlace) place = vd_place_new (SERVER, NULL, NULL);

      begin (job, "250")->outcome = outcomes[i];
      job->txn->error = g_error_new_literal (VEREDA_ERROR, VEREDA_ERROR_CLOSED, "gone");
      vd_job_take_outcome (job, place, closing);
      if (outcomes[i] == VD_OUTCOME_NOT_SENT)
        g_assert_cmpint (vereda_reply_get_code (vereda_result_get_reply (result)), ==, 421);
      else
        g_assert_null (vereda_result_get_reply (result));
      g_assert_cmpint (vereda_result_is_transient (result), ==, outcomes[i] == VD_OUTCOME_NOT_SENT);
      vd_job_free (job);
    }
}

/* RCP-7: said once, told at each place; the local part's case counts, the domain's does not. */
static void
test_duplicates (void)
{
  g_autoptr (VeredaResult) result = NULL;
  g_autofree char *seen = NULL;
  VdJob *job = job_for (
      "To: a@example.net, b@example.net\r\nCc: a@EXAMPLE.net, A@example.net, b@example.net\r\nBcc: a@example.net\r\n",
      "at-least-one=yes", &result);

  begin (job, "250,550 5.1.1,250");
  end_with (job, VD_OUTCOME_SENT, "250", 0);
  seen = statuses (result);
  g_assert_cmpstr (seen, ==, "aRaaRa");
  g_assert_cmpstr (vereda_recipient_get_address (vereda_result_get_recipient (result, 2)), ==, "a@EXAMPLE.net");
  g_assert_true (vereda_recipient_is_blind (vereda_result_get_recipient (result, 5)));
  g_assert_cmpint (vereda_reply_get_code (vereda_recipient_get_reply (vereda_result_get_recipient (result, 4))), ==, 550);
  g_assert_cmpuint (vereda_result_count (result, VEREDA_RECIPIENT_ACCEPTED), ==, 4);
  vd_job_free (job);
}

/* The same transaction again, on another connection: what the first learned is gone. */
static void
test_moved (void)
{
  g_autoptr (VeredaResult) result = NULL;
  g_autofree char *seen = NULL;
  VdJob *job = job_for ("To: a@example.net, b@example.net\r\n", "", &result);

  begin (job, "250,550");
  end_with (job, VD_OUTCOME_NOT_SENT, NULL, 0);
  begin (job, "250,250");
  end_with (job, VD_OUTCOME_SENT, "250", 0);
  seen = statuses (result);
  g_assert_cmpstr (seen, ==, "aa");
  g_assert_no_error (vereda_result_get_error (result));
  g_assert_false (vereda_result_is_transient (result));
  vd_job_free (job);
}

/* ---- blind copies ---- */

#define BLIND "To: a@example.net\r\nBcc: s@example.net, t@example.net\r\n"

/* BCC-1: in the same transaction. */
static void
test_bcc_same (void)
{
  g_autoptr (VeredaResult) result = NULL;
  VdJob *job = job_for (BLIND, "", &result);

  g_assert_cmpuint (vd_job_begin_copy (job)->n_recipients, ==, 3);
  begin (job, "250,250,250");
  end_with (job, VD_OUTCOME_SENT, "250", 0);
  g_assert_false (vd_job_next_copy (job));
  vd_job_free (job);
}

/* BCC-2, BCC-6: each in his own, after the main one; a failure is a warning and not a verdict, and the next is tried. */
static void
test_bcc_separate (void)
{
  g_autoptr (VeredaResult) result = NULL;
  g_autofree char *seen = NULL;
  VdJob *job = job_for (BLIND, "bcc=separate", &result);

  begin (job, "250");
  end_with (job, VD_OUTCOME_SENT, "250", 0);
  g_assert_true (vd_job_next_copy (job));
  begin (job, "550 5.1.1");
  end_with (job, VD_OUTCOME_NOT_SENT, NULL, 0);
  g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_SENT);
  g_assert_no_error (vereda_result_get_error (result));
  g_assert_cmpuint (vereda_result_get_n_warnings (result), ==, 1);
  g_assert_true (vd_job_next_copy (job));
  begin (job, "250");
  end_with (job, VD_OUTCOME_UNKNOWN, NULL, VEREDA_ERROR_UNKNOWN_OUTCOME);
  g_assert_false (vd_job_next_copy (job));
  seen = statuses (result);
  g_assert_cmpstr (seen, ==, "aRu");
  g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_SENT);
  g_assert_cmpuint (vereda_result_get_n_warnings (result), ==, 2);
  vd_job_free (job);
}

/* BCC-6: the seed sent them although the message was not sent. */
static void
test_bcc_after_failure (void)
{
  static const VdOutcome outcomes[] = { VD_OUTCOME_NOT_SENT, VD_OUTCOME_UNKNOWN };
  static const char *const modes[] = { "bcc=separate", "bcc=digest" };

  for (gsize i = 0; i < G_N_ELEMENTS (outcomes); i++)
    for (gsize k = 0; k < G_N_ELEMENTS (modes); k++)
      {
        g_autoptr (VeredaResult) result = NULL;
        g_autofree char *seen = NULL;
        VdJob *job = job_for (BLIND, modes[k], &result);

        begin (job, "250");
        end_with (job, outcomes[i], NULL, VEREDA_ERROR_CLOSED);
        g_assert_false (vd_job_next_copy (job));
        seen = statuses (result);
        g_assert_cmpstr (seen, ==, outcomes[i] == VD_OUTCOME_UNKNOWN ? "u--" : "---");
        vd_job_free (job);
      }
}

/* No server is left for a blind copy. */
static void
test_bcc_nowhere (void)
{
  g_autoptr (VeredaResult) result = NULL;
  g_autoptr (GError) error = g_error_new_literal (VEREDA_ERROR, VEREDA_ERROR_CONNECT, "nobody there");
  VdJob *job = job_for (BLIND, "bcc=digest", &result);

  begin (job, "250");
  end_with (job, VD_OUTCOME_SENT, "250", 0);
  g_assert_true (vd_job_next_copy (job));
  vd_job_fail (job, error, NULL);
  g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_SENT);
  g_assert_no_error (vereda_result_get_error (result));
  g_assert_cmpuint (vereda_result_get_n_warnings (result), ==, 1);
  g_assert_nonnull (strstr (vereda_result_get_warning (result, 0), "nobody there"));
  vd_job_free (job);
}

/* Everybody is blind and has a copy of his own: one that is refused keeps nobody else from his, and one that is sent makes it sent. */
static void
test_bcc_all_blind (void)
{
  g_autoptr (VeredaResult) result = NULL;
  g_autofree char *seen = NULL;
  VdJob *job = job_for ("Bcc: s@example.net, t@example.net\r\n", "bcc=separate", &result);

  begin (job, "550 5.1.1");
  end_with (job, VD_OUTCOME_NOT_SENT, NULL, 0);
  g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_NOT_SENT);
  g_assert_true (vd_job_next_copy (job));
  begin (job, "250");
  end_with (job, VD_OUTCOME_SENT, "250", 0);
  g_assert_false (vd_job_next_copy (job));
  seen = statuses (result);
  g_assert_cmpstr (seen, ==, "Ra");
  g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_SENT);
  g_assert_no_error (vereda_result_get_error (result));
  vd_job_free (job);
}

/* ---- what cannot be sent at all ---- */

static void
test_impossible (void)
{
  static const struct
  {
    const char *header, *settings;
    VeredaErrorCode code;
  } cases[] = {
    { "", "", VEREDA_ERROR_ADDRESS }, /* RCP-8: nobody to send to is no success */
    { "To: \r\n", "", VEREDA_ERROR_ADDRESS },
    { "To: undisclosed:;\r\n", "", VEREDA_ERROR_ADDRESS },
    { "To: a@\r\n", "", VEREDA_ERROR_ADDRESS },
    { "To: postmaster2\r\n", "", VEREDA_ERROR_ADDRESS },
    { "To: a@example.net\r\nX-Lone: a\rb\r\n", "", VEREDA_ERROR_MESSAGE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (VeredaResult) result = NULL;
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", cases[i].header);
      g_assert_null (job_new (cases[i].header, cases[i].settings, &result, &error));
      g_assert_error (error, VEREDA_ERROR, (gint) cases[i].code);
      g_assert_nonnull (result); /* in every case, and it tells the same */
      g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_NOT_SENT);
      g_assert_cmpstr (vereda_result_get_error (result)->message, ==, error->message);
      g_assert_false (vereda_result_is_transient (result));
    }
}

/* Nothing could be tried: who it was for is in the result all the same. */
static void
test_fail (void)
{
  g_autoptr (VeredaResult) result = NULL;
  g_autoptr (VdReply) reply = reply_of ("454 4.7.0");
  g_autoptr (GError) error = g_error_new_literal (VEREDA_ERROR, VEREDA_ERROR_AUTH, "not now");
  VdJob *job = job_for ("To: a@example.net, b@example.net\r\n", "", &result);
  g_autofree char *seen = NULL;

  vd_job_fail (job, error, reply);
  seen = statuses (result);
  g_assert_cmpstr (seen, ==, "--");
  g_assert_cmpstr (vereda_result_get_reverse_path (result), ==, "ann@example.org");
  g_assert_error (vereda_result_get_error (result), VEREDA_ERROR, VEREDA_ERROR_AUTH);
  g_assert_true (vereda_result_is_transient (result));
  g_assert_cmpint (vereda_reply_get_code (vereda_result_get_reply (result)), ==, 454);
  vd_job_free (job);
  vd_job_free (NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/job/DAT-6-outcomes", test_outcomes);
  g_test_add_func ("/job/RCP-4-refusals-told", test_refusals_told);
  g_test_add_func ("/job/RPL-14-closing-reply", test_closing_reply);
  g_test_add_func ("/job/RCP-7-duplicates", test_duplicates);
  g_test_add_func ("/job/moved", test_moved);
  g_test_add_func ("/job/BCC-1-same", test_bcc_same);
  g_test_add_func ("/job/BCC-2-separate", test_bcc_separate);
  g_test_add_func ("/job/BCC-6-after-failure", test_bcc_after_failure);
  g_test_add_func ("/job/BCC-6-nowhere", test_bcc_nowhere);
  g_test_add_func ("/job/BCC-2-all-blind", test_bcc_all_blind);
  g_test_add_func ("/job/RCP-8-impossible", test_impossible);
  g_test_add_func ("/job/fail", test_fail);
  return g_test_run ();
}
