/* SPDX-License-Identifier: MIT */
/* rank - the order in which mechanisms are tried.
 *
 * Pure.  Cannot fail. */
#include "core/plugin/rank.h"

#include "core/plugin/words.h"

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

int
vd_strength_compare (const VeredaStrength *a, const VeredaStrength *b)
{
  if (a->exposure != b->exposure)
    return ORDER (a->exposure, b->exposure);
  if (a->traits != b->traits)
    return ORDER (a->traits, b->traits);
  if (a->hash_bits != b->hash_bits)
    return ORDER (a->hash_bits, b->hash_bits);
  return ORDER (a->ssf, b->ssf);
}

static int
compare_names (const char *a, const char *b)
{
  if (a == NULL || b == NULL)
    return ORDER (a == NULL, b == NULL);
  return g_strcmp0 (a, b);
}

int
vd_rank_compare (const VdRankKey *a, const VdRankKey *b)
{
  int order = ORDER (a->position, b->position);
  if (order == 0)
    order = vd_strength_compare (&b->strength, &a->strength);
  if (order == 0)
    order = ORDER (b->rank, a->rank);
  if (order == 0)
    order = compare_names (a->mech, b->mech);
  if (order == 0)
    order = compare_names (a->plugin, b->plugin);
  return order;
}

/* Each part has room below the next stronger one: hash and ssf give at most 29 < 30, traits at most 31 * 30 + 29 < 1000. */
guint
vd_strength_number (const VeredaStrength *strength)
{
  static const guint hash_steps[] = { 1, 160, 256, 384, 512 };
  guint exposure = MIN (strength->exposure, VEREDA_EXPOSE_NOTHING);
  guint number = exposure * 1000 + (strength->traits >> 11) * 30u;
  if (strength->exposure > VEREDA_EXPOSE_NOTHING)
    return 6999;
  if ((strength->traits & 0x7ff) != 0) /* traits of a later version: between the known ones */
    return number + 29;
  for (gsize i = 0; i < G_N_ELEMENTS (hash_steps); i++)
    if (strength->hash_bits >= hash_steps[i])
      number += 5;
  /* Inside one step of hash sizes ssf would order against hash_bits, so it counts only where the step has one size. */
  if (strength->hash_bits == 0)
    number += MIN (strength->ssf, 4u);
  return number;
}

char *
vd_strength_words (const VeredaStrength *strength)
{
  const char *exposure = vd_words_of_value (vd_words_exposure, strength->exposure);
  g_auto (GStrv) traits = vd_words_of_bits (vd_words_traits, strength->traits);
  g_autofree char *traits_text = g_strjoinv (", ", traits);
  GString *words = g_string_new (exposure != NULL ? exposure : "unknown");
  if (*traits_text != '\0')
    g_string_append_printf (words, "; %s", traits_text);
  if (strength->hash_bits > 0)
    g_string_append_printf (words, "; hash %u", strength->hash_bits);
  if (strength->ssf > 0)
    g_string_append_printf (words, "; ssf %u", strength->ssf);
  return g_string_free (words, FALSE);
}
