/* SPDX-License-Identifier: MIT */
/* tls-policy - decides what to do about each trouble with TLS: tls-policy SERVERS FILE */
#include <vereda/vereda.h>

/* A server that has no TLS at all will do; one whose TLS is broken or whose certificate is not good will not. */
static VeredaTlsDecision
decide (VeredaTlsProblem problem, const char *server, int code, const char *text, gpointer user_data)
{
  g_print ("%s: TLS problem %d: %s\n", server, (int) problem, text);
  return problem == VEREDA_TLS_NOT_OFFERED ? VEREDA_TLS_INSECURE : VEREDA_TLS_SECURE;
}

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
      || !vereda_options_set (options, "tls", "opportunistic", &error))
    {
      g_printerr ("%s\n", error->message);
      return 2;
    }
  vereda_options_set_tls_policy (options, decide, NULL);

  if (!vereda_sendmessage (message, options, &result, &error))
    {
      g_printerr ("not sent: %s\n", error->message);
      return 1;
    }
  for (guint i = 0; i < vereda_result_get_n_warnings (result); i++)
    g_print ("warning: %s\n", vereda_result_get_warning (result, i));
  g_print ("sent\n");
  return 0;
}
