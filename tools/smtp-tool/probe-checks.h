/* SPDX-License-Identifier: MIT */
/* probe-checks - what a look is held against beyond the connection itself: TLSA records (--dane) and the policy of the domain (--mta-sts).
 *
 * checks_begin() asks the resolver; the rest is pure. */
#ifndef TOOL_PROBE_CHECKS_H
#define TOOL_PROBE_CHECKS_H

#include <jansson.h>

#include "finding.h"
#include "probe-look.h"

/* Looks the TLSA records of a server up, and gives those that may be gone by to the next look with these options; as dane_new(). */
void checks_begin (Look *look, Plan *plan, Dns *dns, const char *host, const char *alias, guint port, DnsState reached);
/* Takes them out of the options. */
void checks_end (Plan *plan);

/* Adds what was found of one look, and of a domain. */
void checks_find (Look *look);
void checks_find_policy (GPtrArray *findings, const Look *look, const Sts *sts);

json_t *checks_json_dane (const Look *look);
json_t *checks_json_sts (const Look *look);
json_t *checks_json_policy (const Sts *sts); /* of the domain; NULL: not asked for */

void checks_human (const Look *look);
void checks_human_policy (const Sts *sts);

#endif
