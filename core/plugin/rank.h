/* SPDX-License-Identifier: MIT */
/* rank - the order in which mechanisms are tried: one pure comparison, the same answer on every machine.
 *
 * The order chooses; what may be tried at all is policy.h's matter. */
#ifndef VD_RANK_H
#define VD_RANK_H

#include <glib.h>
#include <vereda-plugin/auth.h>

#define VD_POSITION_NONE G_MAXUINT /* not in the caller's list, or there is no list */

typedef struct
{
  guint position; /* in the caller's list; first is 0 */
  VeredaStrength strength;
  int rank;           /* administrator's, higher first */
  const char *mech;   /* mechanism's name */
  const char *plugin; /* stem; NULL sorts last */
} VdRankKey;

/* Negative: a is tried before b.  Zero only for equal keys.  First difference decides: caller's position, strength, rank,
 * mechanism name, plugin name. */
int vd_rank_compare (const VdRankKey *a, const VdRankKey *b);

/* Negative: a is weaker than b. Exposure, traits, hash_bits, ssf; first difference decides. */
int vd_strength_compare (const VeredaStrength *a, const VeredaStrength *b);

/* A number for people: never larger for the weaker of two, equal for some that differ only in detail.  0…6999. */
guint vd_strength_number (const VeredaStrength *strength);

/* "proof; mutual, no-dictionary; hash 256" */
char *vd_strength_words (const VeredaStrength *strength);

#endif
