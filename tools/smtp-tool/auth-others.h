/* SPDX-License-Identifier: MIT */
/* auth-others - which mechanism other clients would choose from the same offer.
 *
 * Pure: their rules as they stand in their sources (curl lib/curl_sasl.c, msmtp src/smtp.c, swaks), as far as they do not depend on
 * how they were built. */
#ifndef TOOL_AUTH_OTHERS_H
#define TOOL_AUTH_OTHERS_H

#include <glib.h>

/* What they go by. */
typedef struct
{
  const char *const *offered; /* NULL-ended, upper case */
  gboolean tls;               /* they do not tell verified from unverified here */
  gboolean password;          /* there is a user and a password */
  gboolean token;             /* there is a bearer token */
  const char *user;           /* may be NULL */
} AuthOffer;

typedef struct
{
  const char *name;                               /* of the client */
  const char *(*choose) (const AuthOffer *offer); /* NULL: none */
  const char *(*note) (const AuthOffer *offer);   /* why, where that is not plain; may give NULL */
} AuthClient;

guint auth_others_count (void);
const AuthClient *auth_others_at (guint index);

#endif
