/* SPDX-License-Identifier: MIT */
/* loop-uv - sends messages while libuv's loop runs: loop-uv SERVERS FILE... */
#include <uv.h>
#include <vereda/vereda.h>

static void
on_done (VeredaSender *sender, VeredaMessage *message, VeredaResult *result, gpointer user_data)
{
  g_print ("%s: %s\n", (const char *) user_data, vereda_verdict_name (vereda_result_get_verdict (result)));
}

static void
on_readable (uv_poll_t *handle, int status, int events)
{
  VeredaSender *sender = handle->data;

  vereda_sender_dispatch (sender);
  if (vereda_sender_get_n_pending (sender) > 0)
    return;
  if (vereda_sender_get_n_connections (sender) > 0)
    vereda_sender_close (sender);
  else
    uv_close ((uv_handle_t *) handle, NULL); /* the loop has nothing left, and ends */
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VeredaOptions) options = vereda_options_new ();
  g_autoptr (VeredaSender) sender = NULL;
  uv_loop_t *loop = uv_default_loop ();
  uv_poll_t handle;

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

      if (message == NULL || !vereda_sender_submit (sender, message, NULL, on_done, argv[i], NULL, &error))
        {
          g_print ("%s: %s\n", argv[i], error->message);
          g_clear_error (&error);
        }
    }
  if (vereda_sender_get_n_pending (sender) == 0)
    return 1;
  uv_poll_init (loop, &handle, vereda_sender_get_fd (sender));
  handle.data = sender;
  uv_poll_start (&handle, UV_READABLE, on_readable);
  uv_run (loop, UV_RUN_DEFAULT);
  uv_loop_close (loop);
  return 0;
}
