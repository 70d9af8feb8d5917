/* SPDX-License-Identifier: MIT */
/* trace - shows the dialogue with the server: trace SERVERS FILE */
#include <vereda/vereda.h>

static void
on_line (VeredaTraceKind kind, gboolean secure, const char *server, const char *text, gpointer user_data)
{
  static const char *const marks[] = {
    [VEREDA_TRACE_CLIENT] = "C:", [VEREDA_TRACE_SERVER] = "S:", [VEREDA_TRACE_SERVER_ERROR] = "S!",
    [VEREDA_TRACE_INFO] = "--",   [VEREDA_TRACE_ERROR] = "!!",
  };

  if ((gsize) kind < G_N_ELEMENTS (marks)) /* new kinds may come */
    g_print ("%s%s %s\n", marks[kind], secure ? " (TLS)" : "", text);
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
  vereda_options_set_trace (options, on_line, NULL);
  return vereda_sendmessage (message, options, NULL, &error) ? 0 : 1;
}
