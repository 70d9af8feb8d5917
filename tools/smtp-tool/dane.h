/* SPDX-License-Identifier: MIT */
/* dane - the TLSA records of a server (RFC 6698, RFC 7672), and whether they may be gone by.
 *
 * Asks the resolver; the verdict on a certificate is the transport's. */
#ifndef TOOL_DANE_H
#define TOOL_DANE_H

#include "dns.h"

typedef struct
{
  guint8 usage, selector, matching;
  char *hex;
  const char *unusable; /* why it is passed over; NULL: it is not */
  int place;            /* among those that are used, from 0; -1: it is not used */
} DaneRecord;

typedef struct Dane
{
  char *name; /* "_25._tcp.mail.example.org" */
  char *base; /* the name in it: what SNI and a DANE-TA certificate have (RFC 7672 section 3.2.2); NULL: the server has none */
  DnsState dnssec;    /* of its records */
  const char *reason; /* a word: why they are not gone by; NULL: they are */
  char *why;          /* in words, may be NULL */
  GPtrArray *records; /* of DaneRecord */
} Dane;

/* @p alias: what @p host is an alias of, or NULL: then the records are looked for there first, and after that at the name itself (RFC 7672 section
 * 2.2.2).  @p reached: what the answers that led to the server are worth, its MX record and its addresses; where they are not secure its records
 * are not asked for (section 2.2). */
Dane *dane_new (Dns *dns, const char *host, const char *alias, guint port, DnsState reached);
void dane_free (Dane *dane);

/* The records that can be used, as option tlsa has them; NULL: there is none to go by. */
char *dane_option (const Dane *dane);

#endif
