/* SPDX-License-Identifier: MIT */
/*
 * relaymodel: an SMTP server with CHUNKING as octets in and octets out, without sockets, that keeps the truth: which message it accepted, how often, at
 * which octet, and what it said to each.
 *
 * A message is known by its reverse-path, <mN@...>, N from 0.  Several models may share one truth: a message taken by two of them counts
 * twice.
 */
#ifndef VEREDA_TESTS_KIT_RELAYMODEL_H
#define VEREDA_TESTS_KIT_RELAYMODEL_H

#include <glib.h>

#define KIT_RELAY_MESSAGES 256

typedef struct
{
  gboolean no_pipelining, no_chunking; /* not offered */
  gboolean no_bdat;                    /* CHUNKING is offered, BDAT not known: the chunk is read as commands */
  gboolean strict;                     /* a refused chunk wants RSET before anything else: 503 (RFC 3030 section 2) */
  gboolean reads_on;                   /* a chunk refused at once is not discarded but read as commands */
  guint mail, rcpt, chunk;             /* each n-th message is refused there; 0: none */
  guint closing;                       /* the n-th end of a message is answered with 421, and that is the end; 0: none */
  guint gone;                          /* after the n-th message accepted it closes without a word; 0: never */
} KitRelayRules;

typedef struct
{
  guint accepted[KIT_RELAY_MESSAGES];
} KitRelayTruth;

typedef struct
{
  const KitRelayRules *rules;
  KitRelayTruth *truth;
  GByteArray *out; /* all that it ever said */
  guint64 in;      /* octets heard */
  gboolean closed;
  guint64 end_at[KIT_RELAY_MESSAGES];   /* octets heard when the end of message N was complete; 0: never */
  guint64 reply_at[KIT_RELAY_MESSAGES]; /* octets said with the reply that decides: the first refusal, or that to its end */
  guint bdats;                          /* BDAT commands heard */
  guint ahead;                          /* of those: more than one heard in one feeding, at most */

  /* Its own state. */
  GString *line;
  gint message; /* of the open transaction; -1: none */
  gint named;   /* by the last MAIL, taken or not; -1: none */
  gboolean has_rcpt, failed, last, refused, in_data;
  guint64 chunk_left;
  gboolean in_chunk;
  guint ends, taken;
} KitRelay;

KitRelay *kit_relay_new (const KitRelayRules *rules, KitRelayTruth *truth); /* both borrowed; it has said its greeting */
void kit_relay_free (KitRelay *relay);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KitRelay, kit_relay_free)
void kit_relay_feed (KitRelay *relay, const void *data, gsize size);

/* What the rules have in store for message `n` of a server in step. */
gboolean kit_relay_refuses_mail (const KitRelayRules *rules, guint n);
gboolean kit_relay_refuses_rcpt (const KitRelayRules *rules, guint n);
gboolean kit_relay_refuses_chunk (const KitRelayRules *rules, guint n);

#endif
