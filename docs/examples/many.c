/* SPDX-License-Identifier: MIT */
/* many - sends many messages over one connection: many SERVERS FILE... */
#include <vereda/vereda.h>

static void
on_done (VeredaSender *sender, VeredaMessage *message, VeredaResult *result, gpointer user_data)
{
  const char *file = user_data;
  const GError *error = vereda_result_get_error (result);

  g_print ("%s: %s%s%s\n", file, vereda_verdict_name (vereda_result_get_verdict (result)), error != NULL ? ": " : "",
           error != NULL ? error->message : "");
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VeredaOptions) options = vereda_options_new ();
  g_autoptr (VeredaSender) sender = NULL;

  if (argc < 3)
    return 2;
  if (!vereda_options_set (options, "servers", argv[1], &error) || (sender = vereda_sender_new (options, &error)) == NULL)
    {
      g_printerr ("%s\n", error->message);
      return 2;
    }
  for (int i = 2; i < argc; i++)
    {
      g_autoptr (VeredaMessage) message = vereda_message_new_from_file (argv[i], &error);

      /* What cannot be sent at all is told here; everything else is told to on_done(). */
      if (message == NULL || !vereda_sender_submit (sender, message, NULL, on_done, argv[i], NULL, &error))
        {
          g_print ("%s: %s\n", argv[i], error->message);
          g_clear_error (&error);
        }
    }
  vereda_sender_run (sender); /* until every message has its verdict */
  return 0;
}
