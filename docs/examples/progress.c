/* SPDX-License-Identifier: MIT */
/* progress - shows how much of a message has left: progress SERVERS FILE */
#include <vereda/vereda.h>

static void
on_progress (VeredaMessage *message, VeredaStage stage, guint64 octets, guint64 total, gpointer user_data)
{
  g_print ("%3.0f %%%s\n", total > 0 ? 100.0 * (double) octets / (double) total : 100.0,
           stage == VEREDA_STAGE_END ? ", waiting for the reply" : "");
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VeredaOptions) options = vereda_options_new ();
  g_autoptr (VeredaMessage) message = NULL;

  if (argc != 3)
    return 2;
  message = vereda_message_new_from_file (argv[2], &error);
  if (message == NULL || !vereda_options_set (options, "servers", argv[1], &error))
    {
      g_printerr ("%s\n", error->message);
      return 2;
    }
  vereda_options_set_progress (options, on_progress, NULL);
  return vereda_sendmessage (message, options, NULL, &error) ? 0 : 1;
}
