/* SPDX-License-Identifier: MIT */
/* dns - questions to the domain name system, and how much each answer is worth.
 *
 * By libunbound, which validates what it is told itself, so that no resolver has to be believed (RFC 4035).  Asks the resolvers of
 * /etc/resolv.conf, or the one that is named.  Blocks until there is an answer.  Belongs to smtp-tool-probe alone. */
#ifndef TOOL_DNS_H
#define TOOL_DNS_H

#include <glib.h>

typedef struct Dns Dns;

typedef enum
{
  DNS_TYPE_A = 1,
  DNS_TYPE_MX = 15,
  DNS_TYPE_TXT = 16,
  DNS_TYPE_AAAA = 28,
  DNS_TYPE_SRV = 33,
  DNS_TYPE_TLSA = 52
} DnsType;

typedef enum
{
  DNS_NOT_VALIDATED, /* there is no trust anchor to begin from, or no answer */
  DNS_SECURE,        /* signed, up to the trust anchor */
  DNS_INSECURE,      /* it is proved that the zone is not signed */
  DNS_BOGUS          /* signed, and wrong: not to be used */
} DnsState;

typedef struct
{
  DnsState state;
  char *why;          /* it is bogus or not validated; NULL else */
  char *failure;      /* there is no answer: "SERVFAIL", … ; NULL: there is one */
  gboolean no_name;   /* the answer is that the name does not exist */
  char *canonical;    /* the name is an alias (CNAME) of this one; NULL: it is none */
  GPtrArray *records; /* of GBytes: RDATA, uncompressed; empty: there are none of the type */
} DnsAnswer;

/* @p resolver: ADDRESS or ADDRESS@PORT; NULL: the system's.  @p anchor: a file with DS or DNSKEY records; NULL: the one of the distribution, if
 * there is one.  @p patience: seconds for an answer.  TOOL_ERROR_USAGE, TOOL_ERROR_FILE, TOOL_ERROR_HELPER. */
Dns *dns_new (const char *resolver, const char *anchor, guint patience, GError **error);
void dns_free (Dns *dns);

/* Never NULL; a failure is in the answer. */
DnsAnswer *dns_ask (Dns *dns, const char *name, DnsType type);
void dns_answer_free (DnsAnswer *answer);
/* One with nothing in it, for what is not asked. */
DnsAnswer *dns_answer_new (void);

/* "secure", "insecure", "bogus", "not_validated". */
const char *dns_state_word (DnsState state);
/* Of two the one that is worth less. */
DnsState dns_state_worse (DnsState a, DnsState b);

/* Reads the name that begins at @p at and moves behind it: dotted, without the last dot, "" for the root; NULL: there is none, or
 * it has labels that no host name has. */
char *dns_read_name (GBytes *rdata, gsize *at);
/* Address of an A or AAAA record as text; NULL: it is none. */
char *dns_read_address (GBytes *rdata);
/* The strings of a TXT record joined (RFC 8461 section 3.1). */
char *dns_read_text (GBytes *rdata);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Dns, dns_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DnsAnswer, dns_answer_free)

#endif
