/* SPDX-License-Identifier: MIT */
/* visit - everything known about one server while it is tried, over as many connections as that takes.
 *
 * Plain data.  A new visit starts fresh (CFG-13): nothing is carried from one server to the next. */
#ifndef VD_VISIT_H
#define VD_VISIT_H

#include "core/send/credential.h"
#include "core/send/log.h"
#include "core/send/options.h"
#include "core/send/route.h"

typedef struct
{
  const VdTarget *target; /* the sender's */
  VdRoute route;
  char *name; /* "mail.example.org:587": for messages and results */

  /* Learned on the way; each makes the next connection differ from the one before. */
  gboolean no_chunking;             /* BDAT, offered, was not understood */
  const char *in_clear;             /* why the TLS policy said insecure, a literal; NULL: it did not */
  gboolean unverified;              /* the same after a certificate */
  gboolean has_demand;              /* a server said 534: */
  VeredaStrength demand;            /* only what is stronger than this */
  GHashTable *auth_tried;           /* names of mechanisms that had their chance */
  gboolean bound_refused;           /* a mechanism bound to the TLS channel failed: nothing without a binding any more */
  GPtrArray *auth_story;            /* of char *: "PLAIN: 535 5.7.8 …", for the error when none is left */
  VdCredentialSlot password, token; /* answers of the credential callback */
  guint rejections;                 /* how often the callback was asked again */
  gboolean refused;                 /* a 535 was among the refusals of passwords */
  gboolean token_renewed;           /* the callback was asked for a fresh token, which happens once */
  gboolean token_dead;              /* the server said, of the last one there is, that it will not do */
  GPtrArray *endpoints;             /* what is left to try after a 421 greeting; NULL: all */
  guint reconnects;
} VdVisit;

/* What the application said about one server, for all visits to it. */
typedef struct
{
  VdCredentialSlot password, token;
} VdVisitKnown;

VdVisit *vd_visit_new (const VeredaOptions *options, const VdTarget *target);
void vd_visit_free (VdVisit *visit);

/* Takes over what an earlier visit was told; and the other way round, once that turned out to be right. */
void vd_visit_recall (VdVisit *visit, const VdVisitKnown *known);
void vd_visit_remember (const VdVisit *visit, VdVisitKnown *known);
void vd_visit_known_clear (VdVisitKnown *known);

/* TRUE when a certificate that does not verify is no reason to stop: asked for, decided by policy, or TLS only where offered. */
gboolean vd_visit_tolerates (const VdVisit *visit, const VeredaOptions *options);
/* TRUE when it is tolerated only because TLS is where offered, and the caller has a policy: it decides. */
gboolean vd_visit_asks_policy (const VdVisit *visit, const VeredaOptions *options);
/* The name that the certificate has to match, as A-labels or a literal; NULL: none is known. Free with g_free. */
char *vd_visit_peer_name (const VdVisit *visit, const VeredaOptions *options);

#endif
