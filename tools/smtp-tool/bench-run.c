/* SPDX-License-Identifier: MIT */
/* bench-run - sends the messages of one case through one sender, and takes the times.
 *
 * The library is used as an application with an event loop would use it: one thread, one descriptor.  Messages are handed over so that
 * there are always `ahead` of them for each connection without a verdict or, at a given rate, when their time has come: then the
 * time of a message counts from when it was due, so that a server which falls behind is not flattered by our waiting for it. */
#include "bench.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum
{
  REFUSED_IN_A_ROW = 10, /* then the server is not going to take any */
  PROGRESS_EVERY = 200   /* milliseconds */
};

#define SECOND G_GINT64_CONSTANT (1000000000)

struct BenchRunner
{
  const BenchSettings *settings;
  GPtrArray *messages; /* VeredaMessage, one for each size */
  gboolean progress;
  gint cancelled; /* atomic */
  GMutex lock;    /* of the sender, between the thread that sends and the one that cancels */
  VeredaSender *sender;
};

/* One stretch: the warm-up, or what is measured. */
typedef struct
{
  BenchRunner *runner;
  VeredaSender *sender;
  BenchFigures *figures;
  gboolean measured;
  const char *name;
  guint64 limit;     /* messages; 0: none */
  gint64 began, end; /* nanoseconds; no end: 0 */
  double rate;
  guint64 submitted;
  guint64 finished;
  guint failed_in_a_row;
  gboolean stopped;
  gint64 drawn; /* when the progress line was */
} Stretch;

typedef struct
{
  Stretch *stretch;
  gint64 since;
  gsize size;
} Shot;

static gint64
now (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (gint64) t.tv_sec * SECOND + t.tv_nsec;
}

static double
seconds_of (struct timeval t)
{
  return (double) t.tv_sec + (double) t.tv_usec * 1e-6;
}

/* ---- messages ---- */

#define HEAD                                                                                                                   \
  "From: bench@bench.invalid\r\nTo: bench@bench.invalid\r\nSubject: smtp-tool bench\r\n"                                       \
  "Date: Mon, 01 Jan 2024 00:00:00 +0000\r\nMessage-ID: <bench@bench.invalid>\r\n\r\n"
#define LINE "The quick brown fox jumps over the lazy dog, and so it does once more.\r\n"

/* Of @p size octets, or as near as its header and whole lines allow. */
static VeredaMessage *
make_message (gsize size)
{
  g_autoptr (GString) text = g_string_sized_new (size);

  g_string_append (text, HEAD);
  while (text->len + strlen (LINE) + 3 <= size)
    g_string_append (text, LINE);
  while (text->len + 2 < size)
    g_string_append_c (text, 'x');
  g_string_append (text, "\r\n");
  g_autoptr (GBytes) bytes = g_string_free_to_bytes (g_steal_pointer (&text));
  return vereda_message_new_from_bytes (bytes);
}

BenchRunner *
bench_runner_new (const BenchSettings *settings, gboolean progress)
{
  BenchRunner *runner = g_new0 (BenchRunner, 1);

  runner->settings = settings;
  runner->progress = progress;
  runner->messages = g_ptr_array_new_with_free_func ((GDestroyNotify) vereda_message_unref);
  for (guint i = 0; i < settings->sizes->len; i++)
    g_ptr_array_add (runner->messages, make_message (g_array_index (settings->sizes, gsize, i)));
  g_mutex_init (&runner->lock);
  return runner;
}

void
bench_runner_free (BenchRunner *runner)
{
  if (runner == NULL)
    return;
  g_ptr_array_unref (runner->messages);
  g_mutex_clear (&runner->lock);
  g_free (runner);
}

void
bench_figures_free (BenchFigures *figures)
{
  g_clear_error (&figures->error);
  g_free (figures->transport);
  g_free (figures->mechanism);
  g_free (figures);
}

void
bench_runner_cancel (BenchRunner *runner)
{
  g_atomic_int_set (&runner->cancelled, TRUE);
  g_mutex_lock (&runner->lock);
  if (runner->sender != NULL)
    vereda_sender_cancel (runner->sender);
  g_mutex_unlock (&runner->lock);
}

/* ---- one stretch ---- */

static void submit (Stretch *stretch, gint64 since);

/* What the connection was like, from the log of the first message that has one. */
static void
learn (BenchFigures *figures, VeredaResult *result)
{
  for (guint i = 0; i < vereda_result_get_n_attempts (result); i++)
    {
      VeredaAttempt *attempt = vereda_result_get_attempt (result, i);

      if (vereda_attempt_get_transport (attempt) != NULL)
        {
          g_free (figures->transport);
          figures->transport = g_strdup (vereda_attempt_get_transport (attempt));
        }
      if (vereda_attempt_get_stage (attempt) != VEREDA_STAGE_AUTH)
        continue;
      figures->asked = figures->asked || vereda_attempt_get_reply (attempt) != NULL;
      if (vereda_attempt_succeeded (attempt))
        {
          g_free (figures->mechanism);
          figures->mechanism = g_strdup (vereda_attempt_get_detail (attempt));
        }
    }
}

static gboolean
may_submit (const Stretch *stretch, gint64 time)
{
  return !stretch->stopped && (stretch->limit == 0 || stretch->submitted < stretch->limit)
         && (stretch->end == 0 || time < stretch->end) && !g_atomic_int_get (&stretch->runner->cancelled);
}

static void
fail (Stretch *stretch, const GError *error)
{
  if (stretch->figures->error == NULL && error != NULL)
    stretch->figures->error = g_error_copy (error);
  if (++stretch->failed_in_a_row >= REFUSED_IN_A_ROW)
    stretch->stopped = TRUE;
}

static void
on_done (VeredaSender *sender, VeredaMessage *message, VeredaResult *result, gpointer user_data)
{
  Shot *shot = user_data;
  Stretch *stretch = shot->stretch;
  BenchFigures *figures = stretch->figures;
  const VeredaVerdict verdict = vereda_result_get_verdict (result);
  const gint64 time = now ();

  stretch->finished++;
  if (!figures->learnt)
    learn (figures, result);
  figures->learnt = figures->learnt || verdict == VEREDA_SENT;
  if (verdict == VEREDA_SENT)
    stretch->failed_in_a_row = 0;
  else
    fail (stretch, vereda_result_get_error (result));
  if (stretch->measured)
    {
      figures->sent += verdict == VEREDA_SENT;
      figures->refused += verdict == VEREDA_NOT_SENT;
      figures->unknown += verdict == VEREDA_UNKNOWN;
      if (verdict == VEREDA_SENT)
        {
          figures->octets += shot->size;
          bench_latency_add (&figures->latency, (guint64) (time - shot->since));
        }
    }
  g_free (shot);
  if (stretch->rate <= 0 && may_submit (stretch, time))
    submit (stretch, time);
}

static void
submit (Stretch *stretch, gint64 since)
{
  const BenchRunner *runner = stretch->runner;
  const guint which = (guint) (stretch->submitted % runner->messages->len);
  g_autoptr (GError) error = NULL;
  Shot *shot = g_new (Shot, 1);

  *shot = (Shot){ stretch, since, g_array_index (runner->settings->sizes, gsize, which) };
  stretch->submitted++;
  if (vereda_sender_submit (stretch->sender, runner->messages->pdata[which], NULL, on_done, shot, NULL, &error))
    return;
  /* The next one would fail for the same reason. */
  g_free (shot);
  fail (stretch, error);
  stretch->finished++;
  stretch->figures->refused += stretch->measured ? 1 : 0;
  stretch->stopped = TRUE;
}

/* At a rate: hands over what is due.  @return when the next one is, or 0 */
static gint64
submit_due (Stretch *stretch)
{
  gint64 time = now ();

  while (may_submit (stretch, time))
    {
      const gint64 due = stretch->began + (gint64) ((double) stretch->submitted / stretch->rate * (double) SECOND);

      if (due > time)
        return due;
      submit (stretch, due);
      time = now ();
    }
  return 0;
}

static void
draw (Stretch *stretch)
{
  const gint64 time = now ();
  const double elapsed = (double) (time - stretch->began) / (double) SECOND;

  if (!stretch->runner->progress || time - stretch->drawn < PROGRESS_EVERY * (SECOND / 1000))
    return;
  stretch->drawn = time;
  fprintf (stderr, "\r%s%s%s: %" G_GUINT64_FORMAT, stretch->name != NULL ? stretch->name : "bench",
           stretch->measured ? "" : ", warm-up", "", stretch->finished);
  if (stretch->limit != 0)
    fprintf (stderr, " of %" G_GUINT64_FORMAT, stretch->limit);
  fprintf (stderr, " messages, %.0f/s, %.0f s\033[K", elapsed > 0 ? (double) stretch->finished / elapsed : 0, elapsed);
}

static void
wait_for (Stretch *stretch, int fd, gint64 next)
{
  struct pollfd ready = { fd, POLLIN, 0 };
  struct timespec limit = { .tv_nsec = PROGRESS_EVERY * 1000000L };
  const gint64 time = next != 0 ? MAX (next - now (), 0) : 0;

  if (next != 0 && time < limit.tv_nsec)
    limit.tv_nsec = (long) time;
  (void) ppoll (&ready, 1, &limit, NULL);
}

/* Until every message has its verdict; callbacks hand over more. */
static void
run_stretch (Stretch *stretch)
{
  const BenchSettings *settings = stretch->runner->settings;
  const guint at_once = settings->ahead * settings->connections;
  const int fd = vereda_sender_get_fd (stretch->sender);

  stretch->began = stretch->drawn = now ();
  stretch->end
      = stretch->measured && settings->duration > 0 ? stretch->began + (gint64) (settings->duration * (double) SECOND) : 0;
  for (guint i = 0; stretch->rate <= 0 && i < at_once && may_submit (stretch, stretch->began); i++)
    submit (stretch, now ());
  for (;;)
    {
      const gint64 next = stretch->rate > 0 ? submit_due (stretch) : 0;

      vereda_sender_dispatch (stretch->sender);
      stretch->figures->connections = MAX (stretch->figures->connections, vereda_sender_get_n_connections (stretch->sender));
      if (stretch->finished == stretch->submitted && (stretch->rate <= 0 || !may_submit (stretch, now ())))
        break;
      wait_for (stretch, fd, next);
      draw (stretch);
    }
  if (stretch->runner->progress)
    fputs ("\r\033[K", stderr);
}

static void
measure (BenchRunner *runner, const BenchCase *one, VeredaSender *sender, BenchFigures *figures)
{
  const BenchSettings *settings = runner->settings;
  Stretch warm = { .runner = runner, .sender = sender, .figures = figures, .name = one->name, .limit = settings->warm_up };
  Stretch stretch = { .runner = runner, .sender = sender, .figures = figures, .name = one->name, .measured = TRUE };
  struct rusage before;
  struct rusage after;

  if (settings->warm_up > 0)
    run_stretch (&warm);
  if (figures->error != NULL)
    return;
  figures->connections = 0;
  stretch.limit = settings->messages;
  stretch.rate = settings->rate;
  getrusage (RUSAGE_SELF, &before);
  run_stretch (&stretch);
  figures->seconds = (double) (now () - stretch.began) / (double) SECOND;
  getrusage (RUSAGE_SELF, &after);
  figures->user = seconds_of (after.ru_utime) - seconds_of (before.ru_utime);
  figures->system = seconds_of (after.ru_stime) - seconds_of (before.ru_stime);
}

/* Connections are closed by QUIT, outside of what is measured. */
static void
close_connections (VeredaSender *sender)
{
  const gint64 end = now () + 2 * SECOND;
  struct pollfd ready = { vereda_sender_get_fd (sender), POLLIN, 0 };

  vereda_sender_close (sender);
  while (vereda_sender_get_n_connections (sender) > 0 && now () < end)
    {
      vereda_sender_dispatch (sender);
      if (vereda_sender_get_n_connections (sender) > 0)
        (void) poll (&ready, 1, 100);
    }
}

static void
set_sender (BenchRunner *runner, VeredaSender *sender)
{
  g_mutex_lock (&runner->lock);
  runner->sender = sender;
  g_mutex_unlock (&runner->lock);
}

BenchFigures *
bench_runner_run (BenchRunner *runner, const BenchCase *one)
{
  BenchFigures *figures = g_new0 (BenchFigures, 1);
  VeredaSender *sender = vereda_sender_new (one->options, &figures->error);

  if (sender == NULL)
    return figures;
  if (vereda_sender_get_fd (sender) < 0)
    g_set_error (&figures->error, VEREDA_ERROR, VEREDA_ERROR_INTERNAL, "this system has no descriptor for event loops");
  else
    {
      set_sender (runner, sender);
      measure (runner, one, sender, figures);
      close_connections (sender);
      set_sender (runner, NULL);
    }
  vereda_sender_free (sender);
  return figures;
}
