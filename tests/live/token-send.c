/* SPDX-License-Identifier: MIT */
/*
 * token-send FILE NAME=VALUE…: sends FILE with these options and the tokens that standard input has, one a line, each given out
 * once, in answer to the library's questions; an empty line declines.  Says on standard output what it was asked, what was tried
 * and what came of it, one fact a line.
 */
#include <stdio.h>
#include <string.h>
#include <vereda/vereda.h>

static void
on_credential (VeredaCredentialRequest *request, gpointer data)
{
  static const char *const reasons[] = {
    [VEREDA_CREDENTIAL_FIRST] = "first", [VEREDA_CREDENTIAL_REJECTED] = "rejected", [VEREDA_CREDENTIAL_EXPIRED] = "expired"
  };
  char line[16384] = "";

  if (vereda_credential_request_get_kind (request) != VEREDA_CREDENTIAL_TOKEN)
    {
      vereda_credential_request_decline (request);
      return;
    }
  printf ("asked %s\n", reasons[vereda_credential_request_get_reason (request)]);
  if (fgets (line, (int) sizeof line, stdin) != NULL && strcspn (line, "\n") > 0)
    vereda_credential_request_answer (request, line, strcspn (line, "\n"));
  else
    vereda_credential_request_decline (request);
  explicit_bzero (line, sizeof line);
}

static void
report (VeredaResult *result)
{
  for (guint i = 0; i < vereda_result_get_n_attempts (result); i++)
    {
      VeredaAttempt *attempt = vereda_result_get_attempt (result, i);

      if (vereda_attempt_get_stage (attempt) == VEREDA_STAGE_AUTH)
        printf ("auth %s\n", vereda_attempt_get_detail (attempt));
    }
  if (vereda_result_get_error (result) != NULL)
    printf ("error %s\n", vereda_result_get_error (result)->message);
  printf ("verdict %d\n", (int) vereda_result_get_verdict (result));
}

int
main (int argc, char **argv)
{
  VeredaOptions *options = vereda_options_new ();
  VeredaMessage *message;
  VeredaResult *result = NULL;
  GError *error = NULL;

  for (int i = 2; i < argc; i++)
    {
      g_auto (GStrv) pair = g_strsplit (argv[i], "=", 2);

      if (pair[1] == NULL || !vereda_options_set (options, pair[0], pair[1], &error))
        g_error ("%s: %s", argv[i], error != NULL ? error->message : "NAME=VALUE is wanted");
    }
  vereda_options_set_credential_callback (options, on_credential, NULL);
  message = vereda_message_new_from_file (argv[1], &error);
  if (message == NULL)
    g_error ("%s", error->message);
  vereda_sendmessage (message, options, &result, &error);
  report (result);
  g_clear_error (&error);
  vereda_result_unref (result);
  vereda_message_unref (message);
  vereda_options_free (options);
  return 0;
}
