/* SPDX-License-Identifier: MIT */
/* progress - see progress.h.
 *
 * Writes to standard error and nowhere else; nothing here fails. */
#include "progress.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FIRST     G_TIME_SPAN_SECOND
#define TICK      (200 * G_TIME_SPAN_MILLISECOND)
#define COLUMNS   80  /* where the terminal does not say */
#define WIDEST    120 /* a line for the eye */
#define BAR_MIN   10
#define SMOOTHING 0.3 /* of the newest tick in the rate */

typedef struct
{
  guint64 octets;
  guint64 total;    /* 0: not begun */
  gboolean waiting; /* all of it has left */
} Part;

/* There is one terminal. */
static struct
{
  GRecMutex lock; /* all below, and the terminal's line */
  GThread *thread;
  GMutex wait_lock;
  GCond wake;
  gboolean ending; /* under wait_lock */
  gint stopped;    /* nothing is to be drawn any more */

  GHashTable *parts; /* VeredaMessage, borrowed, to Part */
  guint messages, done, begun;
  guint64 octets, total; /* of the messages begun */
  gint64 since;
  gint64 rated_at;
  guint64 rated_octets;
  double rate; /* octets a second; negative: not known yet */
  gsize shown; /* columns of the line that stands there */
} self;

/* ---- the line ---- */

/* A full line would wrap, and so must not the terminal's echo of ^C behind it. */
#define ECHO_COLUMNS 2

static gsize
columns (void)
{
  struct winsize size = { 0 };
  gsize n = COLUMNS;

  if (ioctl (STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    n = MIN ((gsize) size.ws_col, WIDEST);
  return n > 1 + ECHO_COLUMNS ? n - 1 - ECHO_COLUMNS : 0;
}

/* By spaces, so that a terminal needs to know no more than the carriage return. */
static void
erase (void)
{
  if (self.shown > 0)
    fprintf (stderr, "\r%*s\r", (int) (self.shown + ECHO_COLUMNS), "");
  self.shown = 0;
}

static char *
octets_words (double octets)
{
  static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
  guint unit = 0;

  for (; octets >= 999.5 && unit + 1 < G_N_ELEMENTS (units); unit++)
    octets /= 1000;
  return g_strdup_printf (unit == 0 || octets >= 99.95 ? "%.0f %s" : "%.1f %s", octets, units[unit]);
}

static char *
time_words (double seconds)
{
  const guint64 whole = (guint64) (MIN (seconds, 359999) + 0.5);

  if (whole >= 3600)
    return g_strdup_printf ("%" G_GUINT64_FORMAT ":%02u:%02u", whole / 3600, (guint) (whole / 60 % 60), (guint) (whole % 60));
  return g_strdup_printf ("%u:%02u", (guint) (whole / 60), (guint) (whole % 60));
}

/* Of one message its octets count; of several, which are not known before their turn, the messages, and parts of those under way. */
static double
fraction (void)
{
  double parts = 0;
  GHashTableIter iter;
  gpointer value;

  if (self.messages == 1)
    return self.total > 0 ? (double) self.octets / (double) self.total : 0;
  g_hash_table_iter_init (&iter, self.parts);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const Part *part = value;
      if (part->total > 0)
        parts += (double) part->octets / (double) part->total;
    }
  return CLAMP (parts / self.messages, 0, 1);
}

static gboolean
is_waiting (void)
{
  GHashTableIter iter;
  gpointer value;
  guint waiting = 0;

  g_hash_table_iter_init (&iter, self.parts);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    waiting += ((const Part *) value)->waiting ? 1 : 0;
  return waiting == self.messages && self.done < self.messages;
}

/* Seconds to go; negative: who knows. */
static double
seconds_left (double part)
{
  if (self.messages == 1)
    return self.rate > 1 ? (double) (self.total - self.octets) / self.rate : -1;
  const double elapsed = (double) (g_get_monotonic_time () - self.since) / G_USEC_PER_SEC;
  return part > 0.01 ? elapsed * (1 - part) / part : -1;
}

static char *
figures (double part)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *octets = octets_words ((double) self.octets);
  const double left = seconds_left (part);

  if (self.messages == 1)
    {
      g_autofree char *total = octets_words ((double) self.total);
      g_string_append_printf (text, " %s of %s", octets, total);
    }
  else
    g_string_append_printf (text, " %s", octets);
  if (is_waiting ())
    g_string_append (text, "  waiting for the reply");
  else
    {
      if (self.rate >= 0)
        {
          g_autofree char *rate = octets_words (self.rate);
          g_string_append_printf (text, "  %s/s", rate);
        }
      if (left >= 0)
        {
          g_autofree char *time = time_words (left);
          g_string_append_printf (text, "  %s left", time);
        }
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* "3 of 20  42 % [=====>    ] 12.3 MB  4.1 MB/s  0:07 left"; what has no room is left out, the bar first. */
static char *
line (gsize room)
{
  const double part = fraction ();
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *tail = figures (part);

  if (self.messages > 1)
    g_string_append_printf (text, "message %u of %u  ", MIN (self.done + 1, self.messages), self.messages);
  g_string_append_printf (text, "%3d %%", (int) (part * 100));
  if (text->len + strlen (tail) + BAR_MIN + 3 <= room)
    {
      const gsize width = room - text->len - strlen (tail) - 3;
      const gsize full = (gsize) (part * (double) width);

      g_string_append (text, " [");
      for (gsize i = 0; i < width; i++)
        g_string_append_c (text, i < full ? '=' : i == full ? '>' : ' ');
      g_string_append_c (text, ']');
    }
  g_string_append (text, tail);
  g_string_truncate (text, MIN (text->len, room));
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
measure (gint64 now)
{
  const double seconds = (double) (now - self.rated_at) / G_USEC_PER_SEC;

  if (seconds <= 0)
    return;
  /* What begins again takes octets back. */
  const double newest = self.octets > self.rated_octets ? (double) (self.octets - self.rated_octets) / seconds : 0;
  self.rate = self.rate < 0 ? newest : SMOOTHING * newest + (1 - SMOOTHING) * self.rate;
  self.rated_at = now;
  self.rated_octets = self.octets;
}

static void
draw (void)
{
  g_rec_mutex_lock (&self.lock);
  measure (g_get_monotonic_time ());
  if (!g_atomic_int_get (&self.stopped) && self.begun + self.done > 0)
    {
      g_autofree char *text = line (columns ());

      erase ();
      fputs (text, stderr);
      (void) fflush (stderr);
      self.shown = strlen (text);
    }
  g_rec_mutex_unlock (&self.lock);
}

static gpointer
draw_on (gpointer unused)
{
  gint64 next = self.since + FIRST;

  g_mutex_lock (&self.wait_lock);
  while (!self.ending)
    {
      if (g_cond_wait_until (&self.wake, &self.wait_lock, next))
        continue;
      g_mutex_unlock (&self.wait_lock);
      draw ();
      g_mutex_lock (&self.wait_lock);
      next = g_get_monotonic_time () + TICK;
    }
  g_mutex_unlock (&self.wait_lock);
  return NULL;
}

/* ---- what happens ---- */

static void
on_progress (VeredaMessage *message, VeredaStage stage, guint64 octets, guint64 total, gpointer unused)
{
  g_rec_mutex_lock (&self.lock);
  Part *part = g_hash_table_lookup (self.parts, message);
  if (part == NULL)
    {
      part = g_new0 (Part, 1);
      g_hash_table_insert (self.parts, message, part);
      self.begun++;
    }
  self.octets += octets - part->octets;
  self.total += total - part->total;
  part->octets = octets;
  part->total = total;
  part->waiting = stage == VEREDA_STAGE_END;
  g_rec_mutex_unlock (&self.lock);
}

void
progress_message_done (void)
{
  if (self.thread == NULL)
    return;
  g_rec_mutex_lock (&self.lock);
  self.done++;
  g_rec_mutex_unlock (&self.lock);
}

/* ---- begin and end ---- */

static gboolean
is_wanted (const Plan *plan)
{
  if (plan->progress == PROGRESS_NEVER || plan->dry_run || !isatty (STDERR_FILENO))
    return FALSE;
  return plan->progress == PROGRESS_ALWAYS || (!plan->quiet && plan->format == FORMAT_HUMAN && !text_is_dumb_terminal ());
}

void
progress_begin (Plan *plan)
{
  if (!is_wanted (plan))
    return;
  for (guint i = 0; i < plan->items->len; i++)
    self.messages += ((const Item *) plan->items->pdata[i])->message != NULL ? 1 : 0;
  if (self.messages == 0)
    return;
  self.parts = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self.since = self.rated_at = g_get_monotonic_time ();
  self.rate = -1;
  vereda_options_set_progress (plan->options, on_progress, NULL);
  self.thread = g_thread_new ("progress", draw_on, NULL);
}

void
progress_end (void)
{
  if (self.thread == NULL)
    return;
  g_atomic_int_set (&self.stopped, 1);
  /* A signal may have come while another thread has the terminal, and asks a question there: then there is no line to be taken away. */
  for (guint i = 0; i < 50; i++)
    {
      if (g_rec_mutex_trylock (&self.lock))
        {
          erase ();
          (void) fflush (stderr);
          g_rec_mutex_unlock (&self.lock);
          break;
        }
      g_usleep (1000);
    }
  g_mutex_lock (&self.wait_lock);
  self.ending = TRUE;
  g_cond_signal (&self.wake);
  g_mutex_unlock (&self.wait_lock);
}

void
progress_free (void)
{
  if (self.thread == NULL)
    return;
  progress_end ();
  g_thread_join (g_steal_pointer (&self.thread));
  g_clear_pointer (&self.parts, g_hash_table_unref);
}

gboolean
progress_pause (void)
{
  if (self.thread == NULL || g_atomic_int_get (&self.stopped))
    return FALSE;
  g_rec_mutex_lock (&self.lock);
  erase ();
  return TRUE;
}

void
progress_resume (gboolean held)
{
  if (!held)
    return;
  (void) fflush (stderr);
  g_rec_mutex_unlock (&self.lock);
}
