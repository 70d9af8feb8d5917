/* SPDX-License-Identifier: MIT */
/* policy - the floor: which mechanisms may be tried on this connection at all.
 *
 * Pure.  Nothing that a server says is an input here except, through `above`, a demand for something stronger.  So
 * a server can never lower the floor. */
#ifndef VD_POLICY_H
#define VD_POLICY_H

#include <glib.h>
#include <vereda-plugin/auth.h>

/* What the caller allows.  Initialise with VD_AUTH_POLICY_INIT. */
typedef struct
{
  const char *const *allow;         /* NULL-ended: only these, and in this order; NULL: all, strongest first */
  const char *const *deny;          /* NULL-ended, or NULL */
  gboolean insecure_cleartext_auth; /* passwords and tokens may be shown without verified TLS */
  gboolean allow_historic;          /* CRAM-MD5, DIGEST-MD5, NTLM */
  gboolean allow_anonymous;         /* the caller asked for ANONYMOUS */
  guint min_exposure;               /* VEREDA_EXPOSE_* */
  guint min_strength;               /* vd_strength_number() */
} VdAuthPolicy;

#define VD_AUTH_POLICY_INIT                                                                                                    \
  {                                                                                                                            \
    .allow_historic = TRUE                                                                                                     \
  }

/* How the connection stands. */
typedef struct
{
  gboolean tls_active;
  gboolean tls_verified;       /* chain and name; FALSE with tls_active means a certificate that was not verified */
  guint credentials;           /* VEREDA_NEEDS() bits of what there is */
  gboolean client_cert_sent;   /* in this TLS session */
  gboolean binding;            /* a channel binding can be had */
  gboolean host;               /* the server's name is known */
  const VeredaStrength *above; /* after 534: only what is stronger than this; else NULL */
} VdAuthContext;

/* A mechanism, as far as the floor is concerned. */
typedef struct
{
  const char *name;
  VeredaStrength strength;
  guint needs;
  guint flags;
} VdMechFacts;

typedef enum
{
  VD_AUTH_USABLE = 0,
  /* decided by candidates.c */
  VD_AUTH_NOT_OFFERED, /* plugin present, server does not offer it */
  VD_AUTH_NO_PLUGIN,   /* offered, no plugin */
  VD_AUTH_DISABLED,    /* by the administrator */
  VD_AUTH_BROKEN,      /* its plugin did not load */
  /* decided by vd_auth_policy_judge */
  VD_AUTH_NOT_ALLOWED, /* not in the caller's list */
  VD_AUTH_DENIED,
  VD_AUTH_HISTORIC,
  VD_AUTH_ANONYMOUS, /* not asked for */
  VD_AUTH_NO_CREDENTIAL,
  VD_AUTH_NO_CLIENT_CERT,
  VD_AUTH_NEEDS_TLS,
  VD_AUTH_CLEARTEXT,  /* would show a password or token, no TLS */
  VD_AUTH_UNVERIFIED, /* the same, to a server whose certificate was not verified */
  VD_AUTH_NO_BINDING,
  VD_AUTH_NO_HOST,
  VD_AUTH_MIN_EXPOSURE,
  VD_AUTH_MIN_STRENGTH,
  VD_AUTH_NOT_STRONGER, /* the server asked for something stronger (534) */
  VD_AUTH_REASON_N
} VdAuthReason;

/* The first rule that forbids the mechanism, or VD_AUTH_USABLE. */
VdAuthReason vd_auth_policy_judge (const VdAuthPolicy *policy, const VdAuthContext *context, const VdMechFacts *mech);

/* The reason in words, such as "would send the password without verified TLS; use insecure-cleartext-auth to allow it".  Free
 * with g_free. */
char *
vd_auth_reason_text (VdAuthReason reason, const VdAuthPolicy *policy, const VdAuthContext *context, const VdMechFacts *mech);

/* Stable word for a reason, such as "cleartext"; for logs and JSON. */
const char *vd_auth_reason_word (VdAuthReason reason);

/* Position of a mechanism in the caller's list (any case), VD_POSITION_NONE when there is no list or it is not in it. */
guint vd_auth_policy_position (const VdAuthPolicy *policy, const char *mech);

#endif
