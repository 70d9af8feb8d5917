/* SPDX-License-Identifier: MIT */
/* failover - tries one server after the other and tells the story: failover FILE SERVER... */
#include <vereda/vereda.h>

static void
print_attempts (VeredaResult *result)
{
  for (guint i = 0; i < vereda_result_get_n_attempts (result); i++)
    {
      VeredaAttempt *attempt = vereda_result_get_attempt (result, i);

      g_print ("%s, %s: %s, then %s\n", vereda_attempt_get_server (attempt),
               vereda_stage_name (vereda_attempt_get_stage (attempt)), vereda_attempt_get_detail (attempt),
               vereda_decision_name (vereda_attempt_get_decision (attempt)));
    }
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VeredaOptions) options = vereda_options_new ();
  g_autoptr (VeredaMessage) message = NULL;
  g_autoptr (VeredaResult) result = NULL;
  g_autofree char *servers = NULL;

  if (argc < 3)
    return 2;
  servers = g_strjoinv (",", argv + 2);
  message = vereda_message_new_from_file (argv[1], &error);
  if (message == NULL || !vereda_options_set (options, "servers", servers, &error)
      || !vereda_options_set (options, "connect-timeout", "5", &error))
    {
      g_printerr ("%s\n", error->message);
      return 2;
    }

  vereda_sendmessage (message, options, &result, NULL); /* the result holds the error too */
  print_attempts (result);
  switch (vereda_result_get_verdict (result))
    {
    case VEREDA_SENT:
      g_print ("sent by %s\n", vereda_result_get_server (result));
      return 0;
    case VEREDA_UNKNOWN: /* never sent again by itself: that could make a second copy */
      g_print ("perhaps sent: %s\n", vereda_result_get_error (result)->message);
      return 3;
    case VEREDA_NOT_SENT:
    default:
      g_print ("not sent, %s: %s\n", vereda_result_is_transient (result) ? "try later" : "do not try again",
               vereda_result_get_error (result)->message);
      return 1;
    }
}
