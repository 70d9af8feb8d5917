/* SPDX-License-Identifier: MIT */
/* probe-domain - `smtp-tool probe mx:DOMAIN` and `srv:DOMAIN`: a look at each server of a domain, in the order in which clients try them.
 *
 * Asks the resolver and the servers. */
#ifndef TOOL_PROBE_DOMAIN_H
#define TOOL_PROBE_DOMAIN_H

#include "domain.h"
#include "probe-command.h"

/* One server of it, looked at. */
typedef struct
{
  const DomainHost *host;
  char *name; /* host:port */
  Look *look;
} DomainLook;

typedef struct
{
  Domain *domain;
  GPtrArray *looks;    /* of DomainLook */
  GPtrArray *findings; /* of Finding: about the domain itself */
  char *time;
  Dns *dns;
  Sts *sts; /* NULL: not asked for */
} DomainReport;

/* The body; the exit status. */
int probe_domain (Command *command);

/* schema/probe-domain-1.json, without "unmet" and "exit". */
json_t *domain_report_json (const DomainReport *report, const Command *command);

#endif
