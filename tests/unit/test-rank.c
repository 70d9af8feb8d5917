/* SPDX-License-Identifier: MIT */
/* Tests of the order: the golden table, and that it is an order. */
#include "core/plugin/rank.h"

#define SCRAM (VEREDA_TRAIT_MUTUAL | VEREDA_TRAIT_NO_DICTIONARY)
#define PLUS  (SCRAM | VEREDA_TRAIT_NO_ACTIVE | VEREDA_TRAIT_BINDING)

/* Strongest first. */
static const struct
{
  const char *mech;
  VeredaStrength strength;
} golden[] = {
  { "EXTERNAL", { VEREDA_EXPOSE_NOTHING, VEREDA_TRAIT_MUTUAL | VEREDA_TRAIT_NO_ACTIVE | VEREDA_TRAIT_NO_DICTIONARY, 0, 0 } },
  { "GSSAPI", { VEREDA_EXPOSE_NOTHING, VEREDA_TRAIT_MUTUAL | VEREDA_TRAIT_NO_ACTIVE, 0, 56 } },
  { "SCRAM-SHA-512-PLUS", { VEREDA_EXPOSE_BOUND_PROOF, PLUS, 512, 0 } },
  { "SCRAM-SHA-256-PLUS", { VEREDA_EXPOSE_BOUND_PROOF, PLUS, 256, 0 } },
  { "SCRAM-SHA-1-PLUS", { VEREDA_EXPOSE_BOUND_PROOF, PLUS, 160, 0 } },
  { "SCRAM-SHA-512", { VEREDA_EXPOSE_PROOF, SCRAM, 512, 0 } },
  { "SCRAM-SHA-256", { VEREDA_EXPOSE_PROOF, SCRAM, 256, 0 } },
  { "SCRAM-SHA-1", { VEREDA_EXPOSE_PROOF, SCRAM, 160, 0 } },
  { "OAUTHBEARER", { VEREDA_EXPOSE_TOKEN, 0, 0, 1 } },
  { "XOAUTH2", { VEREDA_EXPOSE_TOKEN, 0, 0, 0 } },
  { "DIGEST-MD5", { VEREDA_EXPOSE_WEAK_PROOF, VEREDA_TRAIT_MUTUAL, 128, 0 } },
  { "CRAM-MD5", { VEREDA_EXPOSE_WEAK_PROOF, 0, 128, 0 } },
  { "NTLM", { VEREDA_EXPOSE_WEAK_PROOF, 0, 0, 0 } },
  { "PLAIN", { VEREDA_EXPOSE_PASSWORD, 0, 0, 1 } },
  { "LOGIN", { VEREDA_EXPOSE_PASSWORD, 0, 0, 0 } },
  { "ANONYMOUS", { VEREDA_EXPOSE_ANONYMOUS, 0, 0, 0 } },
};

static VdRankKey
golden_key (gsize i)
{
  VdRankKey key = { VD_POSITION_NONE, golden[i].strength, 100, golden[i].mech, "p" };
  return key;
}

static void
test_golden (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (golden); i++)
    for (gsize k = 0; k < G_N_ELEMENTS (golden); k++)
      {
        VdRankKey a = golden_key (i);
        VdRankKey b = golden_key (k);
        int order = vd_rank_compare (&a, &b);
        g_assert_cmpint ((order > 0) - (order < 0), ==, (i > k) - (i < k));
        if (i < k)
          g_assert_cmpuint (vd_strength_number (&a.strength), >, vd_strength_number (&b.strength));
      }
}

/* What decides before what. */
static void
test_precedence (void)
{
  const VeredaStrength weak = { 1, 0, 0, 0 };
  const VeredaStrength strong = { 6, 0, 0, 0 };
  const struct
  {
    VdRankKey first, second;
  } cases[] = {
    { { 0, weak, 0, "Z", "z" }, { 1, strong, 9, "A", "a" } },                /* caller's list over strength */
    { { 5, weak, 0, "Z", "z" }, { VD_POSITION_NONE, strong, 9, "A", "a" } }, /* in the list over not in it */
    { { 0, strong, 0, "Z", "z" }, { 0, weak, 9, "A", "a" } },                /* strength over rank */
    { { 0, weak, 9, "Z", "z" }, { 0, weak, -9, "A", "a" } },                 /* rank over names */
    { { 0, weak, 0, "A", "z" }, { 0, weak, 0, "B", "a" } },                  /* mechanism before plugin */
    { { 0, weak, 0, "A", "a" }, { 0, weak, 0, "A", "b" } },                  /* plugin last */
    { { 0, weak, 0, "A", "a" }, { 0, weak, 0, "A", NULL } },                 /* no plugin after any */
    { { 0, { 2, 0, 0, 0 }, 0, "A", "a" }, { 0, { 1, 0xffff, 0xffff, 0xffff }, 0, "A", "a" } },
    { { 0, { 1, 0x8000, 0, 0 }, 0, "A", "a" }, { 0, { 1, 0x7fff, 0xffff, 0xffff }, 0, "A", "a" } },
    { { 0, { 1, 0, 2, 0 }, 0, "A", "a" }, { 0, { 1, 0, 1, 0xffff }, 0, "A", "a" } },
    { { 0, { 1, 0, 0, 2 }, 0, "A", "a" }, { 0, { 1, 0, 0, 1 }, 0, "A", "a" } },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_assert_cmpint (vd_rank_compare (&cases[i].first, &cases[i].second), <, 0);
      g_assert_cmpint (vd_rank_compare (&cases[i].second, &cases[i].first), >, 0);
    }
}

/* Few values per member, so that equal members are frequent and every level of the comparison is reached. */
static VdRankKey
random_key (void)
{
  static const char *const names[] = { "A", "B", "AB", NULL };
  static const guint16 values[] = { 0, 1, 0x7fff, 0x8000, 0xffff };
  static const guint positions[] = { 0, 1, VD_POSITION_NONE };
  static const int ranks[] = { G_MININT, -1, 0, 100, G_MAXINT };
#define PICK(a) (a)[g_test_rand_int_range (0, G_N_ELEMENTS (a))]
  VdRankKey key = {
    PICK (positions), { PICK (values), PICK (values), PICK (values), PICK (values) }, PICK (ranks), PICK (names), PICK (names)
  };
#undef PICK
  return key;
}

static int
sign (const VdRankKey *a, const VdRankKey *b)
{
  int order = vd_rank_compare (a, b);
  return (order > 0) - (order < 0);
}

static gboolean
same (const VdRankKey *a, const VdRankKey *b)
{
  return a->position == b->position && a->strength.exposure == b->strength.exposure && a->strength.traits == b->strength.traits
         && a->strength.hash_bits == b->strength.hash_bits && a->strength.ssf == b->strength.ssf && a->rank == b->rank
         && g_strcmp0 (a->mech, b->mech) == 0 && g_strcmp0 (a->plugin, b->plugin) == 0;
}

static void
test_order_properties (void)
{
  for (int round = 0; round < 100000; round++)
    {
      VdRankKey a = random_key ();
      VdRankKey b = random_key ();
      VdRankKey c = random_key ();
      g_assert_cmpint (sign (&a, &a), ==, 0);
      g_assert_cmpint (sign (&a, &b), ==, -sign (&b, &a));     /* antisymmetric */
      g_assert_cmpint (sign (&a, &b) == 0, ==, same (&a, &b)); /* total */
      if (sign (&a, &b) <= 0 && sign (&b, &c) <= 0)
        g_assert_cmpint (sign (&a, &c), <=, 0); /* transitive */
    }
}

static void
test_number_monotone (void)
{
  for (int round = 0; round < 100000; round++)
    {
      VeredaStrength a = random_key ().strength;
      VeredaStrength b = random_key ().strength;
      if (round % 2 == 0)
        {
          a.exposure = b.exposure = (uint16_t) g_test_rand_int_range (0, 9);
          a.hash_bits = (uint16_t) g_test_rand_int_range (0, 600);
          b.ssf = (uint16_t) g_test_rand_int_range (0, 9);
        }
      if (vd_strength_compare (&a, &b) < 0)
        g_assert_cmpuint (vd_strength_number (&a), <=, vd_strength_number (&b));
      g_assert_cmpuint (vd_strength_number (&a), <=, 6999);
    }
}

static void
test_words (void)
{
  g_autofree char *scram = vd_strength_words (&golden[2].strength);
  g_assert_cmpstr (scram, ==, "bound-proof; mutual, no-active, no-dictionary, binding; hash 512");
  g_autofree char *plain = vd_strength_words (&golden[13].strength);
  g_assert_cmpstr (plain, ==, "password; ssf 1");
  g_autofree char *login = vd_strength_words (&golden[14].strength);
  g_assert_cmpstr (login, ==, "password");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rank/golden", test_golden);
  g_test_add_func ("/rank/precedence", test_precedence);
  g_test_add_func ("/rank/total-antisymmetric-transitive", test_order_properties);
  g_test_add_func ("/rank/number-monotone", test_number_monotone);
  g_test_add_func ("/rank/words", test_words);
  return g_test_run ();
}
