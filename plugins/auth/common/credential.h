/* SPDX-License-Identifier: MIT */
/**
 * @file credential.h
 * @brief How the mechanisms of this folder ask for credentials and fill the response.
 *
 * Compiled into each plugin; GLib and the plugin interface only.  Owns the rules that all four share: what a user name may
 * hold, SASLprep, the size of a response, and that copies of secrets are wiped.
 */
#ifndef VEREDA_AUTH_CREDENTIAL_H
#define VEREDA_AUTH_CREDENTIAL_H

#include <vereda-plugin/auth.h>

G_BEGIN_DECLS

/** A text that this plugin owns; NUL-ended, wiped when it goes out of scope.  @c data is NULL when there is none. */
typedef struct
{
  char *data;
  gsize size; /**< octets, without the NUL */
} AuthText;

void auth_text_clear (AuthText *text);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (AuthText, auth_text_clear)

/** How to ask. */
enum
{
  AUTH_ASK_OPTIONAL = 1u << 0, /**< absent or empty is no error */
  AUTH_ASK_OCTETS = 1u << 1,   /**< what is not UTF-8 passes unchanged, as most clients of the mechanism let it */
  AUTH_ASK_VERBATIM = 1u << 2  /**< UTF-8, but not SASLprep: a realm is the server's string, not a person's */
};

/**
 * Asks the core for a credential and prepares it.
 *
 * @return VEREDA_STEP_DONE with @p ret_text filled (data NULL if optional and absent); VEREDA_STEP_WAIT; or VEREDA_STEP_FAILED.
 * Nothing that the caller owns has changed unless DONE.
 */
VeredaStep auth_ask (VeredaAuth *a, VeredaCred kind, const char *hint, guint how, AuthText *ret_text, GError **error);

/**
 * Appends the parts to the response, all or nothing; a part of size 0 adds nothing.  Fails when that would make it longer than
 * @p limit octets, at most VEREDA_AUTH_RESPONSE_MAX, which is what the core has reserved.
 */
gboolean auth_respond (VeredaAuth *a, GByteArray *response, gsize limit, const VeredaSpan *parts, gsize n, GError **error);

/** The answer to a challenge that the mechanism does not expect. */
VeredaStep auth_unexpected (VeredaAuth *a, const char *what, GError **error);

/** Overwrites the part of the stack below the caller, where GLib's hash functions leave copies of keys. */
void auth_burn_stack (void);

G_END_DECLS

#endif
