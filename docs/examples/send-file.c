/* SPDX-License-Identifier: MIT */
/* send-file - sends a message that lies in a file: send-file SERVERS FILE */
#include <vereda/vereda.h>

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VeredaOptions) options = vereda_options_new ();
  g_autoptr (VeredaMessage) message = NULL;
  g_autoptr (VeredaResult) result = NULL;

  if (argc != 3)
    return 2;
  message = vereda_message_new_from_file (argv[2], &error);
  if (message == NULL || !vereda_options_set (options, "servers", argv[1], &error)
      || !vereda_sendmessage (message, options, &result, &error))
    {
      g_printerr ("not sent: %s\n", error->message);
      return 1;
    }
  g_print ("sent: %s\n", vereda_reply_get_text (vereda_result_get_reply (result)));
  return 0;
}
