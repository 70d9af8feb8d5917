/* SPDX-License-Identifier: MIT */
/* auth - what a mechanism does when everybody behaves: the exchange, waiting, credentials that are missing, clear at any moment, two
 * exchanges side by side.
 *
 * Each function is one check. */
#include <string.h>

#include "kit/exchange.h"

/* Whether the responses can be foretold: two exchanges that are alike give the same. */
static gboolean
is_repeatable (KitContext *kit, const VeredaMech *mech, const char *id)
{
  KitExchange a, b;
  kit_exchange_init (&a, kit, mech, id);
  kit_exchange_init (&b, kit, mech, id);
  kit_exchange_run (&a, KIT_DEPTH_MAX);
  kit_exchange_run (&b, KIT_DEPTH_MAX);
  gboolean same
      = a.transcript->len == b.transcript->len && memcmp (a.transcript->data, b.transcript->data, a.transcript->len) == 0;
  kit_exchange_clear (&a);
  kit_exchange_clear (&b);
  return same;
}

/* Number of steps of an exchange where all goes well. */
static guint
length_of (KitContext *kit, const VeredaMech *mech, const char *id)
{
  KitExchange x;
  kit_exchange_init (&x, kit, mech, id);
  kit_exchange_run (&x, KIT_DEPTH_MAX);
  guint depth = x.depth;
  kit_exchange_clear (&x);
  return depth;
}

static void
check_dialogue (KitContext *kit, const VeredaMech *mech)
{
  KitExchange x;
  kit_exchange_check (kit, mech, "auth.dialogue");
  kit_exchange_init (&x, kit, mech, "auth.dialogue");
  gboolean known = kit_dialogue_is_known (x.server);
  KitEnd end = kit_exchange_run (&x, KIT_DEPTH_MAX);
  if (!known)
    kit_skip (kit, "the kit has no server for this mechanism; drive it with the functions of kit.h");
  else if (end == KIT_END_FAILED)
    kit_fail (kit, "step %u failed although the server did nothing wrong: %s", x.depth, x.error->message);
  else if (end == KIT_END_WRONG)
    kit_fail (kit, "response %u: %s", x.depth, x.wrong);
  else if (end == KIT_END_UNFINISHED)
    kit_fail (kit, "the exchange does not come to an end, and stands after %u steps", x.depth);
  kit_exchange_clear (&x);
}

static void
check_initial (KitContext *kit, const VeredaMech *mech)
{
  gboolean first = (mech->flags & VEREDA_MECH_CLIENT_FIRST) != 0;
  KitExchange x, y;
  gsize nx = 0, ny = 0;
  kit_exchange_check (kit, mech, "auth.initial");
  kit_exchange_init (&x, kit, mech, "auth.initial");
  kit_exchange_init (&y, kit, mech, "auth.initial");
  gboolean known = kit_dialogue_is_known (x.server);
  kit_doing (kit, "the first step of %s, with a NULL challenge", mech->name);
  VeredaStep s = vereda_kit_mech_step (x.m, NULL, 0, &x.error);
  if (!first)
    kit_expect (kit, s == VEREDA_STEP_FAILED, "CLIENT_FIRST is not set, and a NULL challenge did not fail");
  else if (known && s == VEREDA_STEP_FAILED)
    kit_fail (kit, "CLIENT_FIRST is set, and there is no initial response: %s", x.error->message);
  kit_doing (kit, "the first step of %s, with an empty challenge", mech->name);
  VeredaStep t = vereda_kit_mech_step (y.m, "", 0, &y.error);
  if (first && known && s != VEREDA_STEP_FAILED)
    {
      const void *rx = vereda_kit_mech_get_response (x.m, &nx), *ry = vereda_kit_mech_get_response (y.m, &ny);
      kit_expect (kit, t == s,
                  "a server that takes no initial response sends an empty challenge, and that has another outcome");
      if (t == s && vereda_kit_mech_get_random_calls (x.m) == vereda_kit_mech_get_random_calls (y.m)
          && is_repeatable (kit, mech, "auth.initial"))
        kit_expect (kit, nx == ny && memcmp (rx, ry, nx) == 0,
                    "a server that takes no initial response sends an empty challenge, and that has another response");
    }
  kit_exchange_clear (&x);
  kit_exchange_clear (&y);
}

/* LATER at each kind of credential, once and three times. */
static void
check_wait (KitContext *kit, const VeredaMech *mech)
{
  kit_exchange_check (kit, mech, "auth.wait");
  gboolean same = is_repeatable (kit, mech, "auth.wait");
  KitExchange plain;
  kit_exchange_init (&plain, kit, mech, "auth.wait");
  KitEnd expected = kit_exchange_run (&plain, KIT_DEPTH_MAX);
  for (guint i = 0; i < 2 * VEREDA_CRED_REALM; i++)
    {
      VeredaCred kind = (VeredaCred) (1 + i / 2);
      KitExchange x;
      kit_exchange_init (&x, kit, mech, "auth.wait");
      vereda_kit_mech_set_later (x.m, kind, i & 1 ? 3 : 1);
      KitEnd end = kit_exchange_run (&x, KIT_DEPTH_MAX);
      if (end != expected)
        kit_fail (kit, "with credential %u answered late, step %u %s%s", (guint) kind, x.depth,
                  end == KIT_END_FAILED ? "failed: " : "did not come out as without",
                  end == KIT_END_FAILED ? x.error->message : "");
      else if (same
               && (x.transcript->len != plain.transcript->len
                   || memcmp (x.transcript->data, plain.transcript->data, x.transcript->len) != 0))
        kit_fail (kit, "with credential %u answered late, the responses are others than without", (guint) kind);
      kit_exchange_clear (&x);
    }
  kit_exchange_clear (&plain);
}

/* The server's proof: wrong, or never given. */
static void
check_proof (KitContext *kit, const VeredaMech *mech)
{
  KitExchange x;
  KitEnd end = KIT_END_UNFINISHED;
  if ((mech->flags & VEREDA_MECH_SERVER_LAST) == 0)
    return;
  kit_exchange_check (kit, mech, "auth.proof");
  kit_exchange_init (&x, kit, mech, "auth.proof");
  if (!kit_dialogue_is_known (x.server))
    kit_skip (kit, "the kit has no server for this mechanism, so none whose proof could be wrong");
  else
    {
      kit_dialogue_lie (x.server);
      while (kit_exchange_step (&x, &end))
        if (x.last == VEREDA_STEP_DONE)
          {
            kit_fail (kit, "step %u returned DONE, before the server has proved anything", x.depth);
            break;
          }
      if (x.last == VEREDA_STEP_DONE && end != KIT_END_UNFINISHED)
        kit_fail (kit, "a wrong proof was taken for a right one");
      if (end == KIT_END_FAILED)
        kit_expect (kit, x.error->code == VEREDA_AUTH_ERROR_SERVER,
                    "a wrong proof failed with code %d, not VEREDA_AUTH_ERROR_SERVER, so a weaker mechanism would be tried",
                    x.error->code);
    }
  kit_exchange_clear (&x);
}

/* A few challenges may be legal after DONE, as after an error document; they must have an end. */
static void
check_after_done (KitContext *kit, const VeredaMech *mech)
{
  KitExchange x;
  kit_exchange_check (kit, mech, "auth.after-done");
  kit_exchange_init (&x, kit, mech, "auth.after-done");
  if (kit_exchange_run (&x, KIT_DEPTH_MAX) != KIT_END_SUCCESS || !kit_dialogue_is_known (x.server))
    kit_skip (kit, "the exchange did not come to its end");
  else
    {
      VeredaStep s = VEREDA_STEP_DONE;
      for (guint i = 0; i < 4 && s != VEREDA_STEP_FAILED; i++)
        {
          kit_doing (kit, "challenge %u after DONE of %s", i + 1, mech->name);
          s = vereda_kit_mech_step (x.m, "and more", 8, NULL);
        }
      kit_expect (kit, s == VEREDA_STEP_FAILED, "four challenges after DONE were answered");
      vereda_kit_mech_explain (x.m, NULL);
    }
  kit_exchange_clear (&x);
}

static void
check_clear (KitContext *kit, const VeredaMech *mech)
{
  kit_exchange_check (kit, mech, "auth.clear");
  guint n = length_of (kit, mech, "auth.clear");
  for (guint depth = 0; depth <= n; depth++)
    {
      KitExchange x;
      kit_exchange_init (&x, kit, mech, "auth.clear");
      kit_exchange_run (&x, depth);
      kit_exchange_clear (&x);
    }
}

static void
check_random (KitContext *kit, const VeredaMech *mech)
{
  KitExchange x, y;
  kit_exchange_check (kit, mech, "auth.random");
  kit_exchange_init (&x, kit, mech, "auth.random");
  kit_exchange_init (&y, kit, mech, "auth.random");
  kit_exchange_run (&x, KIT_DEPTH_MAX);
  if (vereda_kit_mech_get_random_calls (x.m) > 0)
    {
      vereda_kit_mech_set_random (y.m, NULL, 0);
      KitEnd end = kit_exchange_run (&y, KIT_DEPTH_MAX);
      kit_expect (kit, end == KIT_END_FAILED, "without randomness it does not fail");
      kit_expect (kit, end != KIT_END_FAILED || y.error->code == VEREDA_AUTH_ERROR_SYSTEM,
                  "without randomness it fails with code %d, not VEREDA_AUTH_ERROR_SYSTEM", y.error->code);
    }
  kit_exchange_clear (&x);
  kit_exchange_clear (&y);
}

/* The responses of the first exchange of a process. */
static GByteArray *
first_transcript (gpointer data)
{
  KitExchange *x = data;
  x->kit = NULL; /* nobody listens */
  kit_exchange_run (x, KIT_DEPTH_MAX);
  return x->transcript;
}

/* Two processes whose first exchanges are alike, though two of one process are not: something is counted. */
static gboolean
starts_alike (KitContext *kit, const VeredaMech *mech)
{
  KitExchange x;
  kit_exchange_init (&x, kit, mech, "auth.independent");
  g_autoptr (GBytes) a = kit_child_fresh (first_transcript, &x);
  g_autoptr (GBytes) b = kit_child_fresh (first_transcript, &x);
  kit_exchange_clear (&x);
  return a != NULL && b != NULL && g_bytes_get_size (a) > 0 && g_bytes_equal (a, b);
}

/* Two at once, step by step, with another user's failed exchange before and between them. */
static void
check_independent (KitContext *kit, const VeredaMech *mech)
{
  KitExchange alone, a, b, other;
  KitEnd ea = KIT_END_UNFINISHED, eb = KIT_END_UNFINISHED, eo = KIT_END_UNFINISHED;
  kit_exchange_check (kit, mech, "auth.independent");
  gboolean alike = starts_alike (kit, mech); /* before there was any exchange here */
  if (!is_repeatable (kit, mech, "auth.independent"))
    {
      kit_exchange_init (&a, kit, mech, "auth.independent");
      kit_exchange_run (&a, KIT_DEPTH_MAX);
      if (alike || vereda_kit_mech_get_random_calls (a.m) > 0)
        kit_fail (kit, "two exchanges with the same credentials, challenges and randomness differ");
      else
        kit_skip (kit, "the mechanism has randomness of its own, so that no two exchanges are alike");
      kit_exchange_clear (&a);
      return;
    }
  kit_exchange_init (&alone, kit, mech, "auth.independent");
  kit_exchange_init (&a, kit, mech, "auth.independent");
  kit_exchange_init (&b, kit, mech, "auth.independent");
  kit_exchange_init (&other, kit, mech, "auth.independent");
  kit_exchange_run (&alone, KIT_DEPTH_MAX);
  vereda_kit_mech_set_credential (other.m, VEREDA_CRED_AUTHCID, "tom", 3);
  vereda_kit_mech_set_credential (other.m, VEREDA_CRED_PASSWORD, "another", 7);
  vereda_kit_mech_set_credential (other.m, VEREDA_CRED_TOKEN, "another", 7);
  for (gboolean more = TRUE; more;)
    {
      gboolean more_a = a.depth == 0 || ea == KIT_END_UNFINISHED, more_b = b.depth == 0 || eb == KIT_END_UNFINISHED;
      more = FALSE;
      if (more_a)
        more |= kit_exchange_step (&a, &ea);
      if (other.depth == 0 || eo == KIT_END_UNFINISHED)
        kit_exchange_step (&other, &eo);
      if (more_b)
        more |= kit_exchange_step (&b, &eb);
      if (a.depth >= KIT_DEPTH_MAX || b.depth >= KIT_DEPTH_MAX)
        break;
    }
  const KitExchange *both[] = { &a, &b };
  for (gsize i = 0; i < G_N_ELEMENTS (both); i++)
    kit_expect (kit,
                both[i]->transcript->len == alone.transcript->len
                    && memcmp (both[i]->transcript->data, alone.transcript->data, alone.transcript->len) == 0,
                "an exchange gives other responses when there is another one beside it");
  kit_exchange_clear (&alone);
  kit_exchange_clear (&a);
  kit_exchange_clear (&other);
  kit_exchange_clear (&b);
}

void
kit_group_mech_rules (KitContext *kit, gpointer target)
{
  static void (*const checks[]) (KitContext *, const VeredaMech *) = { check_dialogue, check_initial,    check_wait,
                                                                       check_proof,    check_after_done, check_clear,
                                                                       check_random,   check_independent };
  const VeredaMech *mech = kit_target_mech (kit, target);
  G_STATIC_ASSERT (G_N_ELEMENTS (checks) == KIT_MECH_RULES);
  kit_exchange_check (kit, mech, "auth.contract");
  checks[((const KitTarget *) target)->part](kit, mech);
}

/* --- credentials --- */

/* Without this one credential, or with nothing in it. */
static void
check_missing (KitContext *kit, const VeredaMech *mech, VeredaCred kind, gboolean empty)
{
  KitExchange x;
  kit_exchange_init (&x, kit, mech, "auth.credential");
  gboolean known = kit_dialogue_is_known (x.server);
  vereda_kit_mech_set_credential (x.m, kind, empty ? "" : NULL, 0);
  KitEnd end = kit_exchange_run (&x, KIT_DEPTH_MAX);
  const char *how = empty ? "empty" : "missing";
  if (end == KIT_END_FAILED)
    kit_expect (kit, !known || x.error->code == VEREDA_AUTH_ERROR_CREDENTIAL,
                "credential %u is %s, and the error has code %d, not VEREDA_AUTH_ERROR_CREDENTIAL", (guint) kind, how,
                x.error->code);
  else if (x.last == VEREDA_STEP_DONE)
    kit_fail (kit, "Needs has credential %u, and without it (%s) the mechanism still comes to DONE", (guint) kind, how);
  kit_exchange_clear (&x);
}

static void
check_credentials (KitContext *kit, const VeredaMech *mech)
{
  kit_exchange_check (kit, mech, "auth.credential");
  for (guint kind = VEREDA_CRED_AUTHCID; kind <= VEREDA_CRED_REALM; kind++)
    if ((mech->needs & VEREDA_NEEDS (kind)) != 0)
      {
        check_missing (kit, mech, (VeredaCred) kind, FALSE);
        check_missing (kit, mech, (VeredaCred) kind, TRUE);
      }
}

static void
check_long (KitContext *kit, const VeredaMech *mech)
{
  static const gsize sizes[] = { 255, 256, 1024, 9000, VEREDA_AUTH_RESPONSE_MAX, VEREDA_AUTH_RESPONSE_MAX + 1, 20000, 65536 };
  static const VeredaCred kinds[] = { VEREDA_CRED_AUTHCID, VEREDA_CRED_PASSWORD, VEREDA_CRED_TOKEN };
  kit_exchange_check (kit, mech, "auth.long");
  for (gsize k = 0; k < G_N_ELEMENTS (kinds); k++)
    for (gsize i = 0; i < G_N_ELEMENTS (sizes) && (mech->needs & VEREDA_NEEDS (kinds[k])) != 0; i++)
      {
        KitExchange x;
        g_autofree char *text = g_strnfill (sizes[i], 'x');
        KitEnd end = KIT_END_UNFINISHED;
        gsize size = 0;
        kit_exchange_init (&x, kit, mech, "auth.long");
        vereda_kit_mech_set_credential (x.m, kinds[k], text, sizes[i]);
        do
          {
            vereda_kit_mech_get_response (x.m, &size);
            kit_expect (kit, size <= VEREDA_AUTH_RESPONSE_MAX,
                        "credential %u of %" G_GSIZE_FORMAT " octets gives a response of %" G_GSIZE_FORMAT, (guint) kinds[k],
                        sizes[i], size);
          }
        while (kit_exchange_step (&x, &end));
        vereda_kit_mech_get_response (x.m, &size);
        kit_expect (kit, size <= VEREDA_AUTH_RESPONSE_MAX,
                    "credential %u of %" G_GSIZE_FORMAT " octets gives a response of %" G_GSIZE_FORMAT, (guint) kinds[k],
                    sizes[i], size);
        kit_exchange_clear (&x);
      }
}

void
kit_group_mech_credentials (KitContext *kit, gpointer target)
{
  const VeredaMech *mech = kit_target_mech (kit, target);
  check_credentials (kit, mech);
  check_long (kit, mech);
}
