/* SPDX-License-Identifier: MIT */
/* provider - see provider.h. */
#include "provider.h"
#include "helper.h"
#include "netrc.h"
#include "progress.h"
#include "tool.h"

#include <signal.h>

struct Provider
{
  ProviderKind kind;
  char *path;
  GPtrArray *warnings;
  ProviderInterrupt interrupt;
  gpointer interrupt_data;
};

#define KEYRING_PROGRAM "smtp-tool-keyring"

Provider *
provider_new (ProviderKind kind, const char *path, GPtrArray *warnings)
{
  Provider *provider = g_new0 (Provider, 1);

  provider->kind = kind;
  provider->path = kind != PROVIDER_NETRC ? NULL : path != NULL && *path != '\0' ? g_strdup (path) : netrc_default_path ();
  provider->warnings = warnings;
  return provider;
}

void
provider_free (Provider *provider)
{
  if (provider == NULL)
    return;
  g_free (provider->path);
  g_free (provider);
}

gboolean
provider_check (Provider *provider, const char *server, char **ret_login, GError **error)
{
  g_auto (NetrcEntry) entry = { NULL, NULL };
  g_autofree char *program = NULL;

  *ret_login = NULL;
  switch (provider->kind)
    {
    case PROVIDER_NETRC:
      if (!netrc_lookup (provider->path, server, NULL, &entry, error))
        return FALSE;
      *ret_login = g_steal_pointer (&entry.login);
      return TRUE;
    case PROVIDER_KEYRING:
      program = helper_find (KEYRING_PROGRAM, error);
      return program != NULL;
    case PROVIDER_TERMINAL:
    default:
      return TRUE;
    }
}

static Secret *
from_netrc (Provider *provider, const char *server, const char *user, GError **error)
{
  g_auto (NetrcEntry) entry = { NULL, NULL };

  if (!netrc_lookup (provider->path, server, user, &entry, error))
    return NULL;
  if (entry.password == NULL)
    g_set_error (error, TOOL_ERROR, TOOL_ERROR_FILE, "--netrc: no password of %s for %s in %s", user, server, provider->path);
  return g_steal_pointer (&entry.password);
}

static Secret *
from_keyring (const char *server, const char *user, GError **error)
{
  g_autofree char *program = helper_find (KEYRING_PROGRAM, error);
  char *argv[] = { program, (char *) (gpointer) server, (char *) (gpointer) user, NULL };
  gboolean none = FALSE;

  if (program == NULL)
    return NULL;
  Secret *secret = secret_from_program (argv, "--keyring", &none, error);
  if (none)
    g_set_error (error, TOOL_ERROR, TOOL_ERROR_FILE, "--keyring: the keyring has no password of %s for %s", user, server);
  return secret;
}

static Secret *
find_password (Provider *provider, VeredaCredentialRequest *request, GError **error)
{
  const char *server = vereda_credential_request_get_server (request);
  const char *user = vereda_credential_request_get_user (request);
  const gboolean again = vereda_credential_request_get_reason (request) != VEREDA_CREDENTIAL_FIRST;

  server = server != NULL ? server : "the server";
  user = user != NULL ? user : "nobody";
  if (provider->kind == PROVIDER_TERMINAL)
    {
      const gboolean held = progress_pause ();
      Secret *answer = secret_from_terminal (user, server, again, error);
      progress_resume (held);
      return answer;
    }
  if (again) /* what is written down stays the same: to say it again would only lock the account */
    return NULL;
  return provider->kind == PROVIDER_NETRC ? from_netrc (provider, server, user, error) : from_keyring (server, user, error);
}

static void
answer (VeredaCredentialRequest *request, gpointer data)
{
  Provider *provider = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (Secret) secret = NULL;

  if (vereda_credential_request_get_kind (request) == VEREDA_CREDENTIAL_PASSWORD)
    secret = find_password (provider, request, &error);
  if (secret != NULL)
    {
      vereda_credential_request_answer (request, secret->data, secret->size);
      return;
    }
  vereda_credential_request_decline (request);
  /* The terminal gave us the character and not the signal: it ends the run all the same. */
  if (g_error_matches (error, TOOL_ERROR, TOOL_ERROR_INTERRUPTED) && provider->interrupt != NULL)
    provider->interrupt (SIGINT, provider->interrupt_data);
  else if (error != NULL)
    g_ptr_array_add (provider->warnings, g_strdup (error->message));
}

void
provider_on_interrupt (Provider *provider, ProviderInterrupt func, gpointer data)
{
  provider->interrupt = func;
  provider->interrupt_data = data;
}

void
provider_use (Provider *provider, VeredaOptions *options)
{
  vereda_options_set_credential_callback (options, answer, provider);
}
