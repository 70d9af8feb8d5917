/* SPDX-License-Identifier: MIT */
/* mta-sts - the policy of a domain about TLS to its servers (RFC 8461): its record, the policy, and which hosts it means.
 *
 * Asks the resolver; the policy comes from a file, or by HTTPS from smtp-tool-fetch. */
#ifndef TOOL_MTA_STS_H
#define TOOL_MTA_STS_H

#include "dns.h"

typedef enum
{
  STS_MODE_NONE,
  STS_MODE_TESTING,
  STS_MODE_ENFORCE
} StsMode;

typedef struct
{
  StsMode mode;
  guint64 max_age; /* seconds */
  GPtrArray *mx;   /* of char *: patterns, lower case */
} StsPolicy;

typedef struct Sts
{
  char *name;          /* "_mta-sts.example.org" */
  DnsState dnssec;     /* of its record */
  char *id;            /* NULL: there is no record, or none that can be read */
  char *source;        /* where the policy is from: a URL, or a file */
  const char *problem; /* the finding; NULL: there is a policy */
  char *why;           /* in words, with every problem */
  StsPolicy *policy;   /* NULL: none */
} Sts;

typedef struct
{
  const char *file;   /* the policy, in place of HTTPS; NULL: it is fetched */
  const char *roots;  /* authorities to trust for that; NULL: the system's */
  gboolean addresses; /* @p dns knows the address of the server that has it, and the system may not */
} StsSource;

Sts *sts_new (Dns *dns, const char *domain, const StsSource *source);
void sts_free (Sts *sts);

const char *sts_mode_word (StsMode mode);

/* Pure (RFC 8461 section 3.2).  NULL: @p ret_why says what is wrong; free it. */
StsPolicy *sts_policy_parse (const char *text, gsize size, char **ret_why);
void sts_policy_free (StsPolicy *policy);
/* The pattern that means the host (RFC 8461 section 4.1); NULL: none does. */
const char *sts_policy_match (const StsPolicy *policy, const char *host);
/* The id of a record (RFC 8461 section 3.1); NULL: it is none.  Free it. */
char *sts_record_id (const char *text);

#endif
