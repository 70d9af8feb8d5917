/* SPDX-License-Identifier: MIT */
/* domain - the servers of a domain, as the domain name system tells them: mx:DOMAIN and srv:DOMAIN.
 *
 * MX records in the order of RFC 5321 section 5.1, SRV records of _submissions and _submission (RFC 6186, RFC 8314 section 5.1) in that of RFC
 * 2782.  Asks the resolver; the order among equals is by lot. */
#ifndef TOOL_DOMAIN_H
#define TOOL_DOMAIN_H

#include "dns.h"

typedef enum
{
  DOMAIN_MX,
  DOMAIN_SRV
} DomainKind;

typedef enum
{
  DOMAIN_HOSTS,      /* there are records */
  DOMAIN_IMPLICIT,   /* no MX record: the domain's own addresses (RFC 5321 section 5.1) */
  DOMAIN_NULL_MX,    /* it accepts no mail (RFC 7505) */
  DOMAIN_NO_SERVICE, /* there is no SRV record */
  DOMAIN_NOT_OFFERED /* SRV records say that there is no service: target "." (RFC 2782) */
} DomainMeaning;

/* One server. */
typedef struct
{
  char *name;        /* A-labels */
  guint port;        /* 0: what the mode has */
  gboolean implicit; /* TLS from the first octet: _submissions */
  guint priority, weight;
  const char *service;  /* "mx", "_submissions", "_submission" */
  DnsAnswer *a, *aaaa;  /* its addresses */
  GPtrArray *addresses; /* of char *: IPv6 first, as senders try them */
} DomainHost;

/* One question. */
typedef struct
{
  char *name;
  const char *type; /* "MX", "SRV", … */
  DnsAnswer *answer;
} DomainQuery;

typedef struct
{
  DomainKind kind;
  char *given, *name; /* name: A-labels */
  DomainMeaning meaning;
  GPtrArray *queries;   /* of DomainQuery */
  GPtrArray *hosts;     /* of DomainHost, in the order in which a client tries them */
  gboolean null_broken; /* a null MX beside others (RFC 7505 section 3) */
  GError *error;        /* there is no server to look at */
} Domain;

/* TRUE: it is mx: or srv:. */
gboolean domain_is_target (const char *text);
/* NULL with TOOL_ERROR_USAGE: the name is none. */
Domain *domain_new (const char *text, GError **error);
/* Asks; what comes of it is in the domain. */
void domain_look_up (Domain *domain, Dns *dns);
void domain_free (Domain *domain);
/* What the answers about the domain are worth together, and those about the addresses of a host. */
DnsState domain_state (const Domain *domain);
DnsState domain_host_state (const DomainHost *host);
/* TRUE: each of its records names the root: the null MX, or a service that there is not. */
gboolean domain_query_is_null (const DomainQuery *query);
/* What the name of a host is an alias of; NULL: it is none, as RFC 2181 section 10.3 and RFC 2782 want it. */
const char *domain_host_alias (const DomainHost *host);
/* TRUE: it is the domain, or below it. */
gboolean domain_has_host (const Domain *domain, const DomainHost *host);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Domain, domain_free)

#endif
