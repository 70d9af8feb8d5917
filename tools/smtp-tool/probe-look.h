/* SPDX-License-Identifier: MIT */
/* probe-look - one probe of one target and all that can be told of it: what `probe`, `tls`, `auth list`, `compare` and `check` are made of.
 *
 * Touches the server that was asked for.  A look that failed is whole all the same: it has the error, and what was seen before. */
#ifndef TOOL_PROBE_LOOK_H
#define TOOL_PROBE_LOOK_H

#include <vereda/vereda.h>

#include "dane.h"
#include "exit.h"
#include "mta-sts.h"
#include "plan.h"

typedef struct
{
  char *target;                                 /* as given; NULL: none was */
  VeredaProbe *probe;                           /* NULL: there was no use in making one */
  GError *error;                                /* why it is not ready; NULL: it is */
  GPtrArray *certs;                             /* of Cert, leaf first */
  VeredaExplanation *explanation;               /* of the mechanisms; NULL: EHLO was not answered */
  gboolean supposed;                            /* nobody gave credentials: a user and a password were supposed for it */
  GPtrArray *findings;                          /* of Finding */
  char *time;                                   /* when it began */
  char *ca, *verify_name, *tls, *family, *user; /* options that what is to be typed next needs as well; NULL: not given */
  gboolean drop_sent;                           /* the end is when its command was said */
  gboolean brief;                               /* one of many: addresses that were overtaken are not waited for */
  gint64 warn_days, error_days;                 /* of certificates that expire */
  Dane *dane;                                   /* its TLSA records; NULL: not asked for */
  char *host;                                   /* what it is called by the domain that it is a server of; NULL: of none */
  const char *domain;                           /* that; NULL: none */
  const Sts *sts;                               /* the policy of that; NULL: not asked for */
  const char *resolver;                         /* who was asked about names, ADDR[@PORT]; NULL: the system's */
} Look;

Look *look_new (const char *target);
void look_free (Look *look);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Look, look_free)

/* Probes with the options of the plan.  Signals cancel it. */
void look_run (Look *look, Plan *plan, VeredaProbePoint point, gboolean drop);

/* What the process returns for it, apart from what --fail-on and --expect add. */
ExitStatus look_status (const Look *look);
gboolean look_is_transient (const Look *look);

/* The row of that stage, the last one; NULL: it was not begun.  secure: -1 either side of TLS. */
VeredaProbeStage *look_stage (const Look *look, VeredaStage stage, int secure);

/* Words for people: "dns", "tcp", "banner", "ehlo", "tls", … */
const char *look_stage_word (VeredaStage stage);

/* "TLSv1.3"; NULL: not known. */
const char *look_tls_word (guint version);

/* Sums over all stages. */
typedef struct
{
  guint round_trips;
  guint64 in, out;
} LookCost;

LookCost look_cost (const Look *look);

#endif
