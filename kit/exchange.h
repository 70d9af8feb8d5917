/* SPDX-License-Identifier: MIT */
/* exchange - a mechanism and a server brought together, for one check. */
#ifndef KIT_EXCHANGE_H
#define KIT_EXCHANGE_H

#include "kit/dialogue.h"
#include "kit/groups.h"
#include "kit/mech.h"

#define KIT_DEPTH_MAX 8 /* no mechanism takes more turns */

/* How it went. */
typedef enum
{
  KIT_END_SUCCESS,   /* both are content */
  KIT_END_FAILED,    /* the mechanism gave up; error is set */
  KIT_END_WRONG,     /* the server did not like a response; wrong is set */
  KIT_END_UNFINISHED /* stopped where it was told to, or the two do not come to an end */
} KitEnd;

typedef struct
{
  KitContext *kit;
  const VeredaMech *mech;
  const char *id; /* of the check that is being made */
  VeredaKitMech *m;
  KitDialogue *server;
  GByteArray *challenge;  /* the server's latest */
  gboolean has_challenge; /* FALSE: an initial response is wanted */
  VeredaStep last;
  guint depth;            /* steps that were made */
  GByteArray *transcript; /* all responses, each behind its length */
  GError *error;
  char *wrong;
} KitExchange;

/* Begins a check of this mechanism. */
void kit_exchange_check (KitContext *kit, const VeredaMech *mech, const char *id);

/* With the kit's user, password, token and bindings, as far as `needs` has them. */
void kit_exchange_init (KitExchange *x, KitContext *kit, const VeredaMech *mech, const char *id);
/* Tells what promises were broken on the way. */
void kit_exchange_clear (KitExchange *x);

/* One step of both; WAIT is repeated.  FALSE: it is over, *ret_end says how. */
gboolean kit_exchange_step (KitExchange *x, KitEnd *ret_end);
/* Up to `depth` steps. */
KitEnd kit_exchange_run (KitExchange *x, guint depth);

#endif
