/* SPDX-License-Identifier: MIT */
/* loop-poll - sends messages from a loop around poll(): loop-poll SERVERS FILE... */
#include <poll.h>
#include <vereda/vereda.h>

static void
on_done (VeredaSender *sender, VeredaMessage *message, VeredaResult *result, gpointer user_data)
{
  g_print ("%s: %s\n", (const char *) user_data, vereda_verdict_name (vereda_result_get_verdict (result)));
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VeredaOptions) options = vereda_options_new ();
  g_autoptr (VeredaSender) sender = NULL;
  struct pollfd fds[1];

  if (argc < 3)
    return 2;
  if (!vereda_options_set (options, "servers", argv[1], &error) || !vereda_options_set (options, "connections", "4", &error)
      || (sender = vereda_sender_new (options, &error)) == NULL)
    {
      g_printerr ("%s\n", error->message);
      return 2;
    }
  for (int i = 2; i < argc; i++)
    {
      g_autoptr (VeredaMessage) message = vereda_message_new_from_file (argv[i], &error);

      if (message == NULL || !vereda_sender_submit (sender, message, NULL, on_done, argv[i], NULL, &error))
        {
          g_print ("%s: %s\n", argv[i], error->message);
          g_clear_error (&error);
        }
    }

  fds[0].fd = vereda_sender_get_fd (sender); /* others of the program stand beside it */
  fds[0].events = POLLIN;
  while (vereda_sender_get_n_connections (sender) > 0 || vereda_sender_get_n_pending (sender) > 0)
    {
      if (vereda_sender_get_n_pending (sender) == 0)
        vereda_sender_close (sender); /* a program that goes on leaves the connections to their time-out */
      if (poll (fds, 1, -1) > 0)
        vereda_sender_dispatch (sender); /* never blocks; on_done() is called from here */
    }
  return 0;
}
