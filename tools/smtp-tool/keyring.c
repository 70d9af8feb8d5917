/* SPDX-License-Identifier: MIT */
/* smtp-tool-keyring - SERVER USER: prints the password that the desktop's keyring has for this user at this server.
 *
 * A program of its own, so that smtp-tool loads neither libsecret nor D-Bus.  Looks for what network programs store (user, server, protocol
 * smtp) and for what msmtp's users store (user, host, service smtp).  Exit status 0: printed; 1: there is none; 2: the keyring cannot be
 * asked, with a line on standard error. */
#include <libsecret/secret.h>
#include <stdio.h>
#include <string.h>

enum
{
  STATUS_PRINTED = 0,
  STATUS_NONE = 1,
  STATUS_FAILED = 2
};

static const SecretSchema network = {
  "org.gnome.keyring.NetworkPassword",
  SECRET_SCHEMA_DONT_MATCH_NAME,
  { { "user", SECRET_SCHEMA_ATTRIBUTE_STRING },
    { "server", SECRET_SCHEMA_ATTRIBUTE_STRING },
    { "protocol", SECRET_SCHEMA_ATTRIBUTE_STRING },
    { NULL, 0 } },
};

static const SecretSchema service = {
  "org.freedesktop.Secret.Generic",
  SECRET_SCHEMA_DONT_MATCH_NAME,
  { { "user", SECRET_SCHEMA_ATTRIBUTE_STRING },
    { "host", SECRET_SCHEMA_ATTRIBUTE_STRING },
    { "service", SECRET_SCHEMA_ATTRIBUTE_STRING },
    { NULL, 0 } },
};

static int
print_and_free (char *password)
{
  const gboolean printed = fputs (password, stdout) != EOF && putchar ('\n') != EOF && fflush (stdout) == 0;

  secret_password_free (password);
  return printed ? STATUS_PRINTED : STATUS_FAILED;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  char *password;

  if (argc != 3)
    {
      fputs ("Usage: smtp-tool-keyring SERVER USER\n", stderr);
      return STATUS_FAILED;
    }
  /* stdout's buffer would keep a copy */
  (void) setvbuf (stdout, NULL, _IONBF, 0);
  password = secret_password_lookup_sync (&network, NULL, &error, "user", argv[2], "server", argv[1], "protocol", "smtp", NULL);
  if (password == NULL && error == NULL)
    password = secret_password_lookup_sync (&service, NULL, &error, "user", argv[2], "host", argv[1], "service", "smtp", NULL);
  if (password != NULL)
    return print_and_free (password);
  if (error == NULL)
    return STATUS_NONE;
  fprintf (stderr, "smtp-tool-keyring: the keyring cannot be asked: %s\n", error->message);
  return STATUS_FAILED;
}
