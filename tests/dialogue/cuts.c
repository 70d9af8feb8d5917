/* SPDX-License-Identifier: MIT */
/* cuts - a dialogue again and again, the connection ending at another octet each time, in either direction.
 *
 * What must hold wherever it ends: the session closes, every message is given back with a verdict, and over the places of the cut, from the
 * first octet to the last, the verdict goes from "not sent" through "unknown" to what the dialogue ends with, and never back.  So nothing is
 * called sent before its reply, and nothing not sent once its end was handed over (DAT-8, CFG-14). */
#include "world.h"

#define SAMPLES 48

/* Per message, what the cut before this one came to. */
typedef struct
{
  VdOutcome before;
  gboolean was_unknown;
} Course;

/* The whole dialogue, for its length and its verdicts; NULL: it does not play by itself, which is another test's failure. */
static World *
play_whole (const Script *script)
{
  World *world = world_new (script, CUT_OCTETS);
  if (world_play (world) || world->split_never)
    return world;
  world_free (world);
  return NULL;
}

static int
rank_of (VdOutcome outcome, VdOutcome final)
{
  if (outcome == VD_OUTCOME_UNKNOWN && final != VD_OUTCOME_UNKNOWN)
    return 1;
  return outcome == final ? 2 : 0;
}

static char *
check_cut (World *world, const World *whole, Course *courses)
{
  static const char *const names[] = { "pending", "not sent", "sent", "unknown" };
  if (world->session == NULL || world->complaint != NULL)
    return g_strdup (world->complaint == NULL ? "no session" : world->complaint);
  if (vd_session_need (world->session) != VD_NEED_CLOSE)
    return g_strdup_printf ("cut before octet %" G_GUINT64_FORMAT ": the session does not close", world->fuse);
  for (VdTransaction *txn; (txn = vd_session_take_finished (world->session)) != NULL;)
    ((Mail *) txn->data)->finished = TRUE;
  for (guint i = 0; i < world->mails->len; i++)
    {
      const Mail *mail = world->mails->pdata[i];
      const Mail *end = whole->mails->pdata[i];
      VdOutcome now = mail->txn->outcome;
      if (!mail->submitted)
        continue;
      if (!mail->finished || now == VD_OUTCOME_PENDING)
        return g_strdup_printf ("cut before octet %" G_GUINT64_FORMAT ": message %u has no verdict", world->fuse, i + 1);
      gboolean back = rank_of (now, end->txn->outcome) < rank_of (courses[i].before, end->txn->outcome)
                      && !(now == VD_OUTCOME_UNKNOWN && !courses[i].was_unknown);
      if (back || (now == VD_OUTCOME_SENT && end->txn->outcome != VD_OUTCOME_SENT))
        return g_strdup_printf ("cut before octet %" G_GUINT64_FORMAT
                                ": message %u is %s, one octet earlier it was %s, in the end it is %s",
                                world->fuse, i + 1, names[now], names[courses[i].before], names[end->txn->outcome]);
      courses[i].before = now;
      courses[i].was_unknown = courses[i].was_unknown || now == VD_OUTCOME_UNKNOWN;
    }
  return NULL;
}

/* Sent without a moment of doubt would mean: called sent before the reply was read. */
static char *
check_courses (const World *whole, const Course *courses)
{
  for (guint i = 0; i < whole->mails->len && whole->cut_every; i++)
    if (((const Mail *) whole->mails->pdata[i])->txn->outcome == VD_OUTCOME_SENT && !courses[i].was_unknown)
      return g_strdup_printf ("message %u is sent in the end and was never unknown on the way", i + 1);
  return NULL;
}

char *
cuts_play (const Script *script)
{
  World *whole = play_whole (script);
  if (whole == NULL || whole->split_never)
    {
      g_test_skip ("it does not play octet by octet");
      if (whole != NULL)
        world_free (whole);
      return NULL;
    }
  g_autofree Course *courses = g_new0 (Course, whole->mails->len + 1);
  for (guint i = 0; i < whole->mails->len; i++)
    courses[i].before = VD_OUTCOME_NOT_SENT;
  guint64 stride = whole->cut_every ? 1 : MAX (1, whole->steps / SAMPLES);
  char *complaint = NULL;
  for (guint64 at = 0; at < whole->steps && complaint == NULL; at += stride)
    {
      World *world = world_new (script, CUT_OCTETS);
      world->fuse = at;
      world_play (world);
      if (world->burnt)
        complaint = check_cut (world, whole, courses);
      world_free (world);
    }
  if (complaint == NULL)
    complaint = check_courses (whole, courses);
  world_free (whole);
  return complaint;
}
