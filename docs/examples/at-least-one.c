/* SPDX-License-Identifier: MIT */
/* at-least-one - sends to those who are accepted and names the others: at-least-one SERVERS FILE RECIPIENTS */
#include <vereda/vereda.h>

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VeredaOptions) options = vereda_options_new ();
  g_autoptr (VeredaMessage) message = NULL;
  g_autoptr (VeredaResult) result = NULL;

  if (argc != 4)
    return 2;
  message = vereda_message_new_from_file (argv[2], &error);
  if (message == NULL || !vereda_options_set (options, "servers", argv[1], &error)
      || !vereda_options_set (options, "recipients", argv[3], &error)
      || !vereda_options_set (options, "at-least-one", "yes", &error))
    {
      g_printerr ("%s\n", error->message);
      return 2;
    }

  if (!vereda_sendmessage (message, options, &result, &error))
    g_printerr ("not sent: %s\n", error->message);
  for (guint i = 0; i < vereda_result_get_n_recipients (result); i++)
    {
      VeredaRecipient *recipient = vereda_result_get_recipient (result, i);
      VeredaReply *reply = vereda_recipient_get_reply (recipient);

      g_print ("%s: %s", vereda_recipient_get_address (recipient),
               vereda_recipient_status_name (vereda_recipient_get_status (recipient)));
      if (vereda_recipient_get_status (recipient) == VEREDA_RECIPIENT_REFUSED)
        g_print (" %s: %d %s", vereda_recipient_is_permanent (recipient) ? "for good" : "for now",
                 vereda_reply_get_code (reply), vereda_reply_get_text (reply));
      g_print ("\n");
    }
  return vereda_result_get_verdict (result) == VEREDA_SENT ? 0 : 1;
}
