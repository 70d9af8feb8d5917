/* SPDX-License-Identifier: MIT */
/* survey - the pass over a whole body before any connection, in parts that begin with a line.
 *
 * A body is read twice, and this time nothing else can be done meanwhile: of the time that a large message takes on a fast network
 * it was a third.  What a line is does not depend on the lines before it, so parts are independent; one behind another, they
 * add up.  Threads live within the call; where none can be had, the caller does their work. */
#include "core/message/survey.h"

#include <string.h>

#include "core/message/scan.h"

#define PART_MIN  ((guint64) 8 * 1024 * 1024) /* below it a thread is not worth its start */
#define PARTS_MAX 4u                          /* memory is faster than one processor, not than many */
#define LOOK_MAX  ((guint64) 16 * 1024)       /* so far for the beginning of a line */

typedef struct
{
  VdSource *source;
  const VdBodyPolicy *policy;
  guint64 from, to;

  gboolean charted; /* `chart` is wanted */

  GThread *thread;
  VdBodyFacts facts;
  VdChart chart;
  GError *error;
} Part;

static gboolean
scan_part (Part *part, guint64 first_line)
{
  VdReader *reader = vd_source_open_part (part->source, part->from, part->to, &part->error);

  return reader != NULL
         && vd_body_chart (part->policy, reader, first_line, part->charted ? &part->chart : NULL, part->from, &part->facts,
                           &part->error);
}

static gpointer
run_part (gpointer data)
{
  scan_part (data, 1);
  return NULL;
}

/* The beginning of the first line behind `at`; 0 when it is far. */
static guint64
next_line (VdSource *source, guint64 at)
{
  g_autoptr (VdReader) reader = vd_source_open_part (source, at, at + LOOK_MAX, NULL);
  VeredaSpan slice;

  if (reader == NULL || !vd_reader_next (reader, &slice, NULL) || slice.size == 0)
    return 0;
  const guint8 *lf = memchr (slice.data, '\n', slice.size);
  return lf == NULL ? 0 : at + (guint64) (lf - (const guint8 *) slice.data) + 1;
}

/* How many parts: one more only where it begins with a line. */
static guint
divide (VdSource *source, guint64 offset, Part *parts)
{
  guint64 size;
  guint n = 1;

  parts[0].from = offset;
  if (vd_source_has_parts (source, &size) && size > offset)
    {
      guint wanted = (guint) MIN ((size - offset) / PART_MIN, PARTS_MAX);

      if (wanted > 1) /* asking costs system calls, and most messages are small */
        wanted = MIN (wanted, g_get_num_processors ());

      for (guint i = 1; i < wanted; i++)
        {
          guint64 begin = next_line (source, offset + (size - offset) / wanted * i);

          if (begin > parts[n - 1].from)
            parts[n++].from = begin;
        }
    }
  for (guint i = 0; i < n; i++)
    parts[i].to = i + 1 < n ? parts[i + 1].from : G_MAXUINT64;
  return n;
}

/* The caller's thread takes the first part and those for which there is no thread. */
static void
run_all (Part *parts, guint n)
{
  for (guint i = 1; i < n; i++)
    parts[i].thread = g_thread_try_new ("vereda-survey", run_part, &parts[i], NULL);
  for (guint i = 0; i < n; i++)
    if (parts[i].thread == NULL)
      run_part (&parts[i]);
  for (guint i = 1; i < n; i++)
    if (parts[i].thread != NULL)
      g_thread_join (parts[i].thread);
}

/* What lies in memory and needs nothing put in is looked at where it lies.  FALSE: it is to be read. */
static gboolean
survey_memory (VdSource *source, guint64 offset, const VdBodyPolicy *policy, VdBodyFacts *ret_facts)
{
  GBytes *bytes = vd_source_bytes (source);
  gsize size = 0;
  const guint8 *data = bytes != NULL ? g_bytes_get_data (bytes, &size) : NULL;
  VdScan scan = { .stop_at_line_feeds = TRUE, .line_start = TRUE, .allow_long_lines = policy->allow_long_lines };

  if (data == NULL || size - offset > PART_MIN)
    return FALSE;
  size -= (gsize) offset;
  if (vd_scan (&scan, data + offset, size) < size || scan.too_long || !scan.line_start)
    return FALSE;
  *ret_facts = (VdBodyFacts){ .size = size, .eight_bit = scan.eight_bit, .lines = scan.lines, .dots = scan.leading_dots };
  return TRUE;
}

/* The charts of the parts, as one. */
static VdChart *
join_charts (Part *parts, guint n)
{
  VdChart *all = g_atomic_rc_box_dup (sizeof *all, &parts[0].chart);

  for (guint i = 1; i < n; i++)
    vd_chart_add (all, &parts[i].chart);
  return all;
}

gboolean
vd_survey (VdSource *source, guint64 offset, const VdBodyPolicy *policy, guint64 first_line, VdBodyFacts *ret_facts,
           VdChart **ret_chart, GError **error)
{
  g_autofree Part *parts = NULL;
  VdBodyFacts all = { 0 };
  gboolean fine = TRUE;

  if (ret_chart != NULL)
    *ret_chart = NULL;
  if (survey_memory (source, offset, policy, ret_facts))
    return TRUE;
  parts = g_new0 (Part, PARTS_MAX);
  const guint n = divide (source, offset, parts);
  const gsize whole = vd_source_bytes (source) != NULL ? g_bytes_get_size (vd_source_bytes (source)) : 0;
  const gboolean charted = ret_chart != NULL && whole > offset + PART_MIN; /* smaller ones are soon looked at again */

  for (guint i = 0; i < n; i++)
    {
      parts[i].source = source;
      parts[i].policy = policy;
      parts[i].charted = charted;
      if (charted)
        vd_chart_init (&parts[i].chart, whole);
    }
  if (n == 1)
    fine = scan_part (&parts[0], first_line);
  else
    run_all (parts, n);
  for (guint i = 0; i < n && fine; i++)
    {
      fine = parts[i].error == NULL;
      if (!fine && n > 1)
        {
          /* Again, now that the number of its first line is known; what was there before is there still, or the file changed. */
          g_autoptr (GError) first = g_steal_pointer (&parts[i].error);

          if (scan_part (&parts[i], first_line + all.lines))
            parts[i].error = g_steal_pointer (&first);
        }
      all.size += parts[i].facts.size;
      all.lines += parts[i].facts.lines;
      all.eight_bit |= parts[i].facts.eight_bit;
      all.dots |= parts[i].facts.dots;
    }
  for (guint i = 0; i < n; i++)
    {
      if (parts[i].error != NULL && error != NULL && *error == NULL)
        g_propagate_error (error, g_steal_pointer (&parts[i].error));
      g_clear_error (&parts[i].error);
    }
  if (!fine)
    return FALSE;
  if (charted && (all.dots || all.size != whole - offset))
    *ret_chart = join_charts (parts, n);
  *ret_facts = all;
  return TRUE;
}
