/* SPDX-License-Identifier: MIT */
/* auth-others - see auth-others.h. */
#include "auth-others.h"

#include <string.h>

static gboolean
offers (const AuthOffer *offer, const char *name)
{
  return g_strv_contains (offer->offered, name);
}

/* The first of the NULL-ended list that is offered. */
static const char *
first_of (const AuthOffer *offer, const char *const *order)
{
  for (; *order != NULL; order++)
    if (offers (offer, *order))
      return *order;
  return NULL;
}

/* curl looks at what it can do and not at TLS; EXTERNAL has to be asked for, GSSAPI wants a realm in the user's name. */
static const char *
choose_curl (const AuthOffer *offer)
{
  static const char *const proofs[] = { "SCRAM-SHA-256", "SCRAM-SHA-1", "DIGEST-MD5", "CRAM-MD5", "NTLM", NULL };
  static const char *const tokens[] = { "OAUTHBEARER", "XOAUTH2", NULL };
  static const char *const plain[] = { "PLAIN", "LOGIN", NULL };
  const char *found = NULL;

  if (offer->user != NULL && strpbrk (offer->user, "@/\\") != NULL && offers (offer, "GSSAPI"))
    return "GSSAPI";
  if (offer->password)
    found = first_of (offer, proofs);
  if (found == NULL && offer->token)
    found = first_of (offer, tokens);
  if (found == NULL && offer->password)
    found = first_of (offer, plain);
  return found;
}

static const char *
choose_msmtp (const AuthOffer *offer)
{
  static const char *const tls[] = { "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN",
                                     "CRAM-MD5",           "DIGEST-MD5",       "LOGIN",         "NTLM",        NULL };
  static const char *const clear[] = { "SCRAM-SHA-256", "SCRAM-SHA-1", NULL };

  return offer->password ? first_of (offer, offer->tls ? tls : clear) : NULL;
}

static const char *
note_msmtp (const AuthOffer *offer)
{
  return !offer->tls && offer->password ? "SCRAM only without TLS" : NULL;
}

/* swaks takes what it knows by the alphabet, one after the other. */
static const char *
choose_swaks (const AuthOffer *offer)
{
  static const char *const order[] = { "CRAM-MD5", "CRAM-SHA1", "DIGEST-MD5", "LOGIN", "NTLM", "PLAIN", NULL };

  return offer->password ? first_of (offer, order) : NULL;
}

static const char *
note_swaks (const AuthOffer *offer)
{
  return choose_swaks (offer) != NULL ? "alphabetical" : NULL;
}

static const char *
note_nothing (const AuthOffer *offer)
{
  return NULL;
}

static const AuthClient clients[] = {
  { "curl", choose_curl, note_nothing },
  { "msmtp", choose_msmtp, note_msmtp },
  { "swaks", choose_swaks, note_swaks },
};

guint
auth_others_count (void)
{
  return G_N_ELEMENTS (clients);
}

const AuthClient *
auth_others_at (guint index)
{
  return index < G_N_ELEMENTS (clients) ? &clients[index] : NULL;
}
