/* SPDX-License-Identifier: MIT */
/* compare - the inside of `smtp-tool compare`, shared by its files:
 *   compare.c          columns side by side, what differs, the document
 *   compare-rows.c     what is compared, one row each
 *   compare-measure.c  what a column costs: rounds, their middle, memory in a process of its own */
#ifndef TOOL_COMPARE_H
#define TOOL_COMPARE_H

#include <jansson.h>

#include "probe-look.h"

/* Of as many rounds as came to an end; times in microseconds. */
typedef struct
{
  guint rounds;
  guint unlike;                         /* of them: came to something else than the first, or were offered something else */
  GArray *handshakes, *logins, *totals; /* of gint64; of the stages that succeeded */
  gint64 load;                          /* of the plugins, in a process that had loaded nothing; -1: not measured */
  gint64 peak_kib;                      /* largest resident size of a process that does nothing else; -1: not measured */
} Measure;

typedef struct
{
  char *name;
  Look *look; /* the first round */
  Measure measure;
} Column;

typedef enum
{
  ROW_EQUAL,  /* ought to be equal */
  ROW_CHOICE, /* may differ, and is marked */
  ROW_SHOWN,  /* measured */
  ROW_ALIKE   /* each column ought to be like itself */
} RowKind;

typedef struct
{
  const char *name;
  RowKind kind;
  char *(*value) (const Column *column); /* NULL: nothing to show */
} CompareRow;

/* ---- compare-rows.c ---- */
const CompareRow *compare_row (guint index); /* NULL: there are no more */

/* ---- compare-measure.c ---- */
void measure_init (Measure *measure);
void measure_clear (Measure *measure);
/* One more round; @p first is the first one, also when it is that one. */
void measure_add (Measure *measure, const Look *first, const Look *look);
/* Looks with these options in a child, for @p peak_kib and @p load; before this process has loaded a plugin or made a thread. */
void measure_alone (Measure *measure, Plan *plan, VeredaProbePoint point);
/* Value at that rank, the nearest; -1: there is none. */
gint64 measure_rank (const GArray *values, double percent);
/* "12.3 ms", or with several rounds "12.3 ms median, 14.0 ms p95"; NULL: never. */
char *measure_words (const GArray *values);
json_t *measure_json (const Column *column);

#endif
