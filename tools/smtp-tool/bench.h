/* SPDX-License-Identifier: MIT */
/* bench - what the files of `smtp-tool bench` share: what is asked for, what was measured, and how it is told.
 *
 * bench.c reads the command line and makes the cases, bench-run.c sends, bench-latency.c counts times, bench-report.c tells. */
#ifndef TOOL_BENCH_H
#define TOOL_BENCH_H

#include <glib.h>
#include <vereda/vereda.h>

#include "exit.h"
#include "text.h"

/* ---- times of single messages ---- */

enum
{
  BENCH_SUB_BITS = 7, /* so a time is told within 1 % */
  BENCH_BUCKETS = (64 - BENCH_SUB_BITS + 2) << (BENCH_SUB_BITS - 1)
};

/* A histogram of nanoseconds: exact below 128, then 64 steps for each doubling.  Its size does not depend on how many there are. */
typedef struct
{
  guint64 count;
  guint64 total;
  guint64 least;
  guint64 most;
  guint64 buckets[BENCH_BUCKETS];
} BenchLatency;

void bench_latency_add (BenchLatency *latency, guint64 nanoseconds);
/* The time within which @p percent of the messages were done; 0 when there are none. */
guint64 bench_latency_percentile (const BenchLatency *latency, double percent);
guint64 bench_latency_mean (const BenchLatency *latency);

/* ---- what is asked for ---- */

typedef enum
{
  BENCH_HUMAN,
  BENCH_JSON,
  BENCH_CSV
} BenchFormat;

typedef enum
{
  BENCH_ONE,
  BENCH_BY_TRANSPORT,
  BENCH_BY_AUTH
} BenchTable;

typedef struct
{
  guint64 messages; /* 0: as many as the time allows */
  double duration;  /* seconds; 0: no limit */
  double rate;      /* messages a second; 0: as fast as it goes */
  guint64 warm_up;  /* messages before the clock starts */
  guint ahead;      /* messages handed over without a verdict, for each connection */
  guint connections;
  GArray *sizes; /* gsize: of the messages in turn */
} BenchSettings;

/* One row: a set of options under a name. */
typedef struct
{
  char *name;
  VeredaOptions *options;
} BenchCase;

/* ---- what was measured ---- */

typedef struct
{
  guint64 sent;
  guint64 refused; /* not sent, for whatever reason */
  guint64 unknown;
  guint64 octets; /* of the content of what was sent */
  double seconds;
  double user; /* CPU time of this process */
  double system;
  guint connections; /* the most at one time */
  char *transport;   /* of the first message that was sent */
  char *mechanism;
  GError *error;   /* the first */
  gboolean asked;  /* the server was asked to authenticate */
  gboolean learnt; /* how a message went that was sent */
  BenchLatency latency;
} BenchFigures;

void bench_figures_free (BenchFigures *figures);

/* ---- running ---- */

typedef struct BenchRunner BenchRunner;

/* @p progress: draw a line on standard error while it works. */
BenchRunner *bench_runner_new (const BenchSettings *settings, gboolean progress);
void bench_runner_free (BenchRunner *runner);
/* Sends what the case asks for.  Never NULL: what kept it from sending is its error. */
BenchFigures *bench_runner_run (BenchRunner *runner, const BenchCase *one);
/* From any thread: the present case and those after it end as soon as they can. */
void bench_runner_cancel (BenchRunner *runner);

/* ---- telling ---- */

/* @p rows: BenchFigures, one for each of @p cases (BenchCase); fewer when it did not come to all. */
typedef struct
{
  const BenchSettings *settings;
  BenchFormat format;
  BenchTable table;
  GPtrArray *cases;
  GPtrArray *rows;
  const char *server;
  const char *pipelining;
  GPtrArray *warnings;
} BenchReport;

void bench_report (const BenchReport *report, const GError *fatal, ExitStatus status, int number);

#endif
