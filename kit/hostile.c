/* SPDX-License-Identifier: MIT */
/* hostile - challenges from a server that means no good, at every step of an exchange; and what is left of a secret afterwards.
 *
 * Random challenges come from a generator with a fixed seed, so that a finding can be found again. */
#include <malloc.h>
#include <string.h>

#include "kit/exchange.h"
#include "kit/residue.h"

#define N_RANDOM     10000
#define N_RANDOM_MIN 50
#define BUDGET       (4 * G_TIME_SPAN_SECOND) /* for random challenges behind steps that take long, such as PBKDF2 */

typedef struct
{
  const char *name;
  const char *data; /* NULL: filler */
  gsize size;
  char filler;
} Hostile;

#define TEXT(name, text)                                                                                                       \
  {                                                                                                                            \
    name, text, sizeof (text) - 1, 0                                                                                           \
  }

static const Hostile hostiles[] = {
  { "empty", "", 0, 0 },
  { "of 64 KiB", NULL, 65536, 'a' },
  { "of 64 KiB of NUL", NULL, 65536, '\0' },
  { "of 64 KiB of commas", NULL, 65536, ',' },
  { "of 64 KiB of equals signs", NULL, 65536, '=' },
  { "of 64 KiB of quotes", NULL, 65536, '"' },
  TEXT ("that is a NUL", "\0"),
  TEXT ("with a NUL inside", "realm=\"a\0b\",nonce=\"c\0d\""),
  TEXT ("that is not UTF-8", "\xff\xfe\xc0\x80\xf5"),
  TEXT ("that ends within a character", "nonce=\"\xe2\x82"),
  TEXT ("with a line end", "a\r\nRSET\r\n"),
  TEXT ("of percent signs", "%s%n%s%n%x%p"),
  TEXT ("that is an equals sign", "="),
  TEXT ("that ends after an equals sign", "r="),
  TEXT ("that ends in a quote", "realm=\"abc"),
  TEXT ("that ends in a backslash", "realm=\"abc\\"),
  TEXT ("that is a JSON document", "{\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"mail\"}"),
  TEXT ("that is half a JSON document", "{\"status\":\"4"),
  TEXT ("with a huge number", "r=x,s=eA==,i=99999999999999999999999999"),
  TEXT ("with a negative number", "r=x,s=eA==,i=-1"),
  TEXT ("with an extension that must be understood", "m=x,r=y,s=eA==,i=4096"),
  TEXT ("that is an error", "e=other-error"),
};

static void
judge (KitExchange *x, VeredaStep s, const char *what, gboolean noise)
{
  if (s == VEREDA_STEP_WAIT)
    kit_fail (x->kit, "a challenge %s at step %u is answered WAIT, and no credential was late", what, x->depth + 1);
  if (noise && s == VEREDA_STEP_DONE && (x->mech->flags & VEREDA_MECH_SERVER_LAST) != 0)
    kit_fail (x->kit, "a challenge %s at step %u is answered DONE, and the server has proved nothing", what, x->depth + 1);
  if (s == VEREDA_STEP_FAILED)
    vereda_kit_mech_explain (x->m, NULL);
}

static void
throw_at (KitContext *kit, const VeredaMech *mech, guint depth, const char *what, const void *data, gsize size, gboolean noise)
{
  KitExchange x;
  kit_exchange_init (&x, kit, mech, "auth.hostile");
  kit_exchange_run (&x, depth);
  if (x.depth == depth && x.last == VEREDA_STEP_CONTINUE)
    {
      kit_doing (kit, "step %u of %s with a challenge %s", depth + 1, mech->name, what);
      VeredaStep s = vereda_kit_mech_step (x.m, data, size, NULL);
      judge (&x, s, what, noise);
    }
  kit_exchange_clear (&x);
}

static void
throw_known (KitContext *kit, const VeredaMech *mech, guint depth)
{
  for (gsize i = 0; i < G_N_ELEMENTS (hostiles); i++)
    {
      const Hostile *h = &hostiles[i];
      g_autofree char *filled = g_malloc (h->size + 1);
      if (h->data != NULL)
        memcpy (filled, h->data, h->size);
      else
        memset (filled, h->filler, h->size);
      throw_at (kit, mech, depth, h->name, filled, h->size, TRUE);
    }
  if (depth > 0)
    throw_at (kit, mech, depth, "that is NULL", NULL, 0, TRUE);
}

/* The server's own words with some octets changed come farther than noise does. */
/* FALSE: it may still mean what the real one means, in other words. */
static gboolean
make_random (GRand *rand, const GByteArray *real, GByteArray *to)
{
  guint size = (guint) g_rand_int_range (rand, 0, 300);
  g_byte_array_set_size (to, 0);
  if (real->len > 0 && g_rand_boolean (rand))
    {
      g_byte_array_append (to, real->data, real->len);
      for (int n = g_rand_int_range (rand, 1, 4); n > 0; n--)
        to->data[g_rand_int_range (rand, 0, (gint32) to->len)] = (guint8) g_rand_int_range (rand, 0, 256);
      if (g_rand_int_range (rand, 0, 4) == 0)
        g_byte_array_set_size (to, (guint) g_rand_int_range (rand, 0, (gint32) to->len));
      return FALSE;
    }
  g_byte_array_set_size (to, size);
  for (guint i = 0; i < size; i++)
    to->data[i] = (guint8) g_rand_int_range (rand, 0, 256);
  return TRUE;
}

static void
throw_random (KitContext *kit, const VeredaMech *mech, guint depth, GByteArray *real)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (20201123 + depth);
  g_autoptr (GByteArray) data = g_byte_array_new ();
  gint64 until = g_get_monotonic_time () + BUDGET;
  for (guint i = 0; i < N_RANDOM && (i < N_RANDOM_MIN || g_get_monotonic_time () < until); i++)
    {
      g_autofree char *name = g_strdup_printf ("of random octets, number %u", i);
      gboolean noise = make_random (rand, real, data);
      if (data->len == real->len && (data->len == 0 || memcmp (data->data, real->data, data->len) == 0))
        continue; /* nothing was changed */
      throw_at (kit, mech, depth, name, data->len > 0 ? (const void *) data->data : "", data->len, noise);
    }
}

void
kit_group_mech_hostile (KitContext *kit, gpointer target)
{
  const VeredaMech *mech = kit_target_mech (kit, target);
  KitEnd end = KIT_END_UNFINISHED;
  KitExchange x;
  kit_exchange_check (kit, mech, "auth.hostile");
  kit_exchange_init (&x, kit, mech, "auth.hostile");
  g_autoptr (GByteArray) real = g_byte_array_new ();
  for (guint depth = 0; end == KIT_END_UNFINISHED && depth < KIT_DEPTH_MAX; depth++)
    {
      throw_known (kit, mech, depth);
      throw_random (kit, mech, depth, real);
      if (!kit_exchange_step (&x, &end) || x.last == VEREDA_STEP_DONE)
        break;
      g_byte_array_set_size (real, 0);
      g_byte_array_append (real, x.challenge->data, x.challenge->len);
    }
  kit_exchange_clear (&x);
}

/* --- residue --- */

/* What the kit itself left below the stack is not what it looks for. */
static G_GNUC_NO_INLINE void
sweep (void)
{
  char below[16384];
  explicit_bzero (below, sizeof below);
}

/* An exchange that is given up after `depth` steps; `dry` uses other secrets, so that all that happens once has happened. */
static G_GNUC_NO_INLINE guint
leave_after (KitContext *kit, const VeredaMech *mech, guint depth, gboolean late, gboolean dry, char **ret_place)
{
  KitExchange x;
  kit_exchange_init (&x, kit, mech, "auth.residue");
  if (dry)
    {
      vereda_kit_mech_set_credential (x.m, VEREDA_CRED_PASSWORD, "0123456789abcdef0123456789ABCDEF0123456789", 42);
      vereda_kit_mech_set_credential (x.m, VEREDA_CRED_TOKEN, "9876543210abcdef0123456789ABCDEF0123456789", 42);
    }
  if (late)
    vereda_kit_mech_set_later (x.m, VEREDA_CRED_AUTHZID, 1);
  sweep ();
  kit_exchange_run (&x, depth);
  /* The transcript is the kit's own and holds what PLAIN shows. */
  explicit_bzero (x.transcript->data, x.transcript->len);
  sweep ();
  vereda_kit_mech_clear (x.m);
  guint found = vereda_kit_mech_count_residue (x.m);
  if (found > 0 && !dry)
    {
      g_free (*ret_place);
      *ret_place = g_strdup (kit_mech_residue_place (x.m));
    }
  kit_exchange_clear (&x);
  return found;
}

void
kit_group_mech_residue (KitContext *kit, gpointer target)
{
  const VeredaMech *mech = kit_target_mech (kit, target);
  g_autofree char *place = NULL;
  const guint secrets = VEREDA_NEEDS (VEREDA_CRED_PASSWORD) | VEREDA_NEEDS (VEREDA_CRED_TOKEN);
  kit_exchange_check (kit, mech, "auth.residue");
  if ((mech->needs & secrets) == 0)
    return;
  if (!kit_residue_can_search ())
    {
      kit_skip (kit, "not under AddressSanitizer or valgrind, whose heaps keep what was freed");
      return;
    }
  mallopt (M_PERTURB, 0); /* would wipe for the plugin what it frees */
  leave_after (kit, mech, KIT_DEPTH_MAX, TRUE, TRUE, &place);
  for (guint depth = 1; depth <= 4; depth++)
    for (guint late = 0; late < 2; late++)
      {
        guint found = leave_after (kit, mech, depth, late != 0, FALSE, &place);
        kit_expect (kit, found == 0, "after clear, %u steps into the exchange, a secret is still in memory: %s", depth, place);
      }
}
