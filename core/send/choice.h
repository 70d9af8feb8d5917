/* SPDX-License-Identifier: MIT */
/* choice - from what a caller asked for and how a connection stands to the mechanisms in the order they are tried.
 *
 * The one place that reads the options for this: a connection and an explanation (explain.c) ask the same function.  Opens nothing and
 * cannot fail. */
#ifndef VD_CHOICE_H
#define VD_CHOICE_H

#include "core/plugin/registry.h"
#include "core/send/options.h"

/* How the connection stands, and what was learned about the server before. */
typedef struct
{
  gboolean tls_active;
  gboolean tls_verified;       /* chain and name */
  gboolean client_cert_sent;   /* in this TLS session */
  gboolean binding;            /* a channel binding can be had */
  gboolean host;               /* the server's name is known */
  gboolean password_declined;  /* the credential callback has none */
  gboolean token_declined;     /* the same, or the server will not have the last one there is */
  guint min_exposure;          /* VEREDA_EXPOSE_*: nothing that gives away more */
  const VeredaStrength *above; /* after 534: only what is stronger than this; else NULL */
} VdChoiceState;

/* Every VdCandidate of vd_registry_mechanisms(); the caller unrefs.  `offered`: NULL-ended, in upper case. */
GPtrArray *vd_choice_candidates (VeredaRegistry *registry, const char *const *offered, const VeredaOptions *options,
                                 const VdChoiceState *state);

/* TRUE of a mechanism that is bound to the TLS channel: after its failure nothing unbound is tried. */
gboolean vd_choice_is_bound (const VeredaStrength *strength);

#endif
