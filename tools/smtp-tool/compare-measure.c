/* SPDX-License-Identifier: MIT */
/* compare-measure - what a column costs.  See compare.h.
 *
 * Times are those of the looks.  What loading and memory cost is only true of a process that has one TLS library and not the other, so a child
 * does one look of its own for them; it prints nothing, and the parent has not begun to work yet. */
#include "compare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

void
measure_init (Measure *measure)
{
  *measure = (Measure){ .load = -1, .peak_kib = -1 };
  measure->handshakes = g_array_new (FALSE, FALSE, sizeof (gint64));
  measure->logins = g_array_new (FALSE, FALSE, sizeof (gint64));
  measure->totals = g_array_new (FALSE, FALSE, sizeof (gint64));
}

void
measure_clear (Measure *measure)
{
  g_array_unref (measure->handshakes);
  g_array_unref (measure->logins);
  g_array_unref (measure->totals);
}

/* ---- times ---- */

static void
add_stage (GArray *values, const Look *look, VeredaStage stage)
{
  VeredaProbeStage *row = look_stage (look, stage, -1);

  /* A handshake whose certificate was refused in the end is one all the same. */
  const gboolean done = row != NULL
                        && (vereda_probe_stage_succeeded (row)
                            || (stage == VEREDA_STAGE_TLS && vereda_probe_get_tls_signature (look->probe) != NULL));

  if (!done)
    return;
  const gint64 took = vereda_probe_stage_get_duration (row);
  g_array_append_val (values, took);
}

static gboolean
same_lines (const char *const *a, const char *const *b)
{
  return (a == NULL && b == NULL) || (a != NULL && b != NULL && g_strv_equal (a, b));
}

/* A server behind a name may be several, of which one has no certificate, or an old one. */
static gboolean
is_alike (const Look *first, const Look *look)
{
  const gboolean both = first->error != NULL && look->error != NULL;
  gboolean alike = (first->error == NULL) == (look->error == NULL) && (!both || first->error->code == look->error->code)
                   && first->certs->len == look->certs->len;

  for (guint i = 0; i < 2 && alike; i++)
    alike = same_lines (vereda_probe_get_extensions (first->probe, i == 1), vereda_probe_get_extensions (look->probe, i == 1));
  for (guint i = 0; alike && i < look->certs->len; i++)
    alike = g_bytes_equal (vereda_probe_get_certificate (first->probe, i), vereda_probe_get_certificate (look->probe, i));
  return alike;
}

void
measure_add (Measure *measure, const Look *first, const Look *look)
{
  if (look->probe == NULL || first->probe == NULL)
    return;
  measure->rounds++;
  measure->unlike += !is_alike (first, look);
  add_stage (measure->handshakes, look, VEREDA_STAGE_TLS);
  add_stage (measure->logins, look, VEREDA_STAGE_AUTH);
  if (look->error != NULL)
    return;
  const gint64 took = vereda_probe_get_elapsed (look->probe);
  g_array_append_val (measure->totals, took);
}

static gint
by_size (gconstpointer a, gconstpointer b)
{
  const gint64 one = *(const gint64 *) a, other = *(const gint64 *) b;

  return one < other ? -1 : one > other;
}

gint64
measure_rank (const GArray *values, double percent)
{
  if (values->len == 0)
    return -1;
  g_autoptr (GArray) sorted = g_array_copy ((GArray *) values);
  const double exact = percent / 100.0 * (double) values->len;
  guint rank = (guint) exact;

  rank += (double) rank < exact; /* upwards: the smallest that this many are not above */
  g_array_sort (sorted, by_size);
  return g_array_index (sorted, gint64, rank > 0 ? rank - 1 : 0);
}

char *
measure_words (const GArray *values)
{
  const double median = (double) measure_rank (values, 50) / 1000.0, most = (double) measure_rank (values, 95) / 1000.0;
  const int digits = median < 1.0 ? 2 : 1;

  if (values->len == 0)
    return NULL;
  if (values->len == 1)
    return g_strdup_printf ("%.*f ms", digits, median);
  return g_strdup_printf ("%.*f ms median, %.*f p95", digits, median, digits, most);
}

/* ---- a process of its own ---- */

typedef struct
{
  gint64 load;
} Answer;

G_NORETURN static void
look_in_child (int answer, Plan *plan, VeredaProbePoint point)
{
  const int null = open ("/dev/null", O_RDWR | O_CLOEXEC);
  Look *look = look_new (NULL);
  Answer told = { -1 };

  if (null < 0 || dup2 (null, STDOUT_FILENO) < 0 || dup2 (null, STDERR_FILENO) < 0)
    _exit (1);
  look->brief = TRUE;
  vereda_options_set_trace (plan->options, NULL, NULL); /* no part of the comparison's transcript */
  look_run (look, plan, point, FALSE);
  VeredaProbeStage *row = look->probe != NULL ? look_stage (look, VEREDA_STAGE_PLUGIN, -1) : NULL;
  if (row != NULL && vereda_probe_stage_succeeded (row))
    told.load = vereda_probe_stage_get_duration (row);
  const gboolean whole = row != NULL && write (answer, &told, sizeof told) == (ssize_t) sizeof told;
  _exit (whole ? 0 : 1); /* what the parent set up is the parent's to end */
}

void
measure_alone (Measure *measure, Plan *plan, VeredaProbePoint point)
{
  Answer told = { -1 };
  struct rusage usage;
  int ends[2], status = 0;

  if (pipe (ends) != 0)
    return;
  const pid_t child = fork ();
  if (child == 0)
    {
      close (ends[0]);
      look_in_child (ends[1], plan, point);
    }
  close (ends[1]);
  const gboolean whole = child > 0 && read (ends[0], &told, sizeof told) == (ssize_t) sizeof told;
  close (ends[0]);
  while (child > 0 && wait4 (child, &status, 0, &usage) < 0)
    if (errno != EINTR)
      return;
  if (!whole || !WIFEXITED (status) || WEXITSTATUS (status) != 0)
    return;
  measure->load = told.load;
  measure->peak_kib = usage.ru_maxrss;
}

/* ---- for machines ---- */

static json_t *
times (const GArray *values)
{
  if (values->len == 0)
    return json_null ();
  return json_pack ("{s:i, s:f, s:f, s:f}", "times", (int) values->len, "least", (double) measure_rank (values, 0) / 1000.0,
                    "median", (double) measure_rank (values, 50) / 1000.0, "p95", (double) measure_rank (values, 95) / 1000.0);
}

static json_t *
stage_octets (const Look *look, VeredaStage stage)
{
  VeredaProbeStage *row = look->probe != NULL ? look_stage (look, stage, -1) : NULL;

  if (row == NULL)
    return json_null ();
  return json_pack ("{s:I, s:I, s:i}", "in", (json_int_t) vereda_probe_stage_get_octets_in (row), "out",
                    (json_int_t) vereda_probe_stage_get_octets_out (row), "round_trips",
                    (int) vereda_probe_stage_get_round_trips (row));
}

json_t *
measure_json (const Column *column)
{
  const Measure *measure = &column->measure;

  return json_pack ("{s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "rounds", (int) measure->rounds, "unlike",
                    (int) measure->unlike, "handshake_ms", times (measure->handshakes), "handshake",
                    stage_octets (column->look, VEREDA_STAGE_TLS), "login_ms", times (measure->logins), "login",
                    stage_octets (column->look, VEREDA_STAGE_AUTH), "session_ms", times (measure->totals), "load_ms",
                    measure->load >= 0 ? json_real ((double) measure->load / 1000.0) : json_null (), "peak_kib",
                    measure->peak_kib >= 0 ? json_integer (measure->peak_kib) : json_null ());
}
