/* SPDX-License-Identifier: MIT */
/* credential - gives the password when it is asked for, and not before: credential SERVERS FILE USER PASSWORD-FILE CA-FILE */
#include <vereda/vereda.h>

#include <string.h>

/* Called only when a mechanism needs the password and may have it: with verified TLS, or where the password itself is not shown. */
static void
on_credential (VeredaCredentialRequest *request, gpointer user_data)
{
  const char *path = user_data;
  char *text = NULL;

  /* The same password again would be refused again, and accounts get locked. */
  if (vereda_credential_request_get_reason (request) != VEREDA_CREDENTIAL_FIRST
      || vereda_credential_request_get_kind (request) != VEREDA_CREDENTIAL_PASSWORD
      || !g_file_get_contents (path, &text, NULL, NULL))
    {
      vereda_credential_request_decline (request);
      return;
    }
  vereda_credential_request_answer (request, text, strcspn (text, "\n")); /* copied into memory that is wiped */
  explicit_bzero (text, strlen (text));
  g_free (text);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VeredaOptions) options = vereda_options_new ();
  g_autoptr (VeredaMessage) message = NULL;

  if (argc != 6)
    return 2;
  message = vereda_message_new_from_file (argv[2], &error);
  if (message == NULL || !vereda_options_set (options, "servers", argv[1], &error)
      || !vereda_options_set_user (options, argv[3], &error) || !vereda_options_set (options, "ca-file", argv[5], &error))
    {
      g_printerr ("%s\n", error->message);
      return 2;
    }
  vereda_options_set_credential_callback (options, on_credential, argv[4]);

  if (!vereda_sendmessage (message, options, NULL, &error))
    {
      g_printerr ("not sent: %s\n", error->message);
      return g_error_matches (error, VEREDA_ERROR, VEREDA_ERROR_AUTH) ? 3 : 1;
    }
  g_print ("sent\n");
  return 0;
}
