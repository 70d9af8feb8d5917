/* SPDX-License-Identifier: MIT */
/* loop-glib - sends messages while GLib's main loop runs: loop-glib SERVERS FILE... */
#include <vereda/vereda.h>

static void
on_done (VeredaSender *sender, VeredaMessage *message, VeredaResult *result, gpointer user_data)
{
  g_print ("%s: %s\n", (const char *) user_data, vereda_verdict_name (vereda_result_get_verdict (result)));
  if (vereda_sender_get_n_pending (sender) == 0)
    vereda_sender_close (sender); /* the last one: the connections say QUIT */
}

/* After each dispatch. */
static gboolean
on_dispatched (gpointer user_data)
{
  gpointer *both = user_data; /* loop and sender */

  if (vereda_sender_get_n_pending (both[1]) == 0 && vereda_sender_get_n_connections (both[1]) == 0)
    g_main_loop_quit (both[0]);
  return G_SOURCE_CONTINUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VeredaOptions) options = vereda_options_new ();
  g_autoptr (VeredaSender) sender = NULL;
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GSource) source = NULL;
  gpointer both[2];

  if (argc < 3)
    return 2;
  if (!vereda_options_set (options, "servers", argv[1], &error) || (sender = vereda_sender_new (options, &error)) == NULL)
    {
      g_printerr ("%s\n", error->message);
      return 2;
    }
  source = vereda_sender_create_source (sender);
  both[0] = loop;
  both[1] = sender;
  g_source_set_callback (source, on_dispatched, both, NULL);
  g_source_attach (source, NULL);

  for (int i = 2; i < argc; i++)
    {
      g_autoptr (VeredaMessage) message = vereda_message_new_from_file (argv[i], &error);

      if (message == NULL || !vereda_sender_submit (sender, message, NULL, on_done, argv[i], NULL, &error))
        {
          g_print ("%s: %s\n", argv[i], error->message);
          g_clear_error (&error);
        }
    }
  if (vereda_sender_get_n_pending (sender) > 0)
    g_main_loop_run (loop);
  g_source_destroy (source); /* before the sender */
  return 0;
}
