/* SPDX-License-Identifier: MIT */
/* provider - answers the library's questions for a password: from the terminal, a netrc file, or the desktop's keyring.
 *
 * What names a server is asked for that server, when a mechanism needs it and not before.  The keyring lies behind a program of its own
 * (smtp-tool-keyring), so that sending never loads what talks to it. */
#ifndef TOOL_PROVIDER_H
#define TOOL_PROVIDER_H

#include <vereda/vereda.h>

typedef enum
{
  PROVIDER_TERMINAL,
  PROVIDER_NETRC,
  PROVIDER_KEYRING
} ProviderKind;

typedef struct Provider Provider;

/* @p path: of the netrc file, else NULL.  @p warnings: of strings, borrowed; what went wrong while answering is added to it. */
Provider *provider_new (ProviderKind kind, const char *path, GPtrArray *warnings);
void provider_free (Provider *provider); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Provider, provider_free)

/* Finds out before anybody is contacted what can be found out: is the file good, is the program there?  For netrc, @p ret_login is the login
 * of the entry of @p server, or NULL. */
gboolean provider_check (Provider *provider, const char *server, char **ret_login, GError **error);

/* Told when the user ends the run at the terminal's question, on the sender's thread. */
typedef void (*ProviderInterrupt) (int signal_number, gpointer data);
void provider_on_interrupt (Provider *provider, ProviderInterrupt func, gpointer data);

/* Has @p options ask it. */
void provider_use (Provider *provider, VeredaOptions *options);

#endif
