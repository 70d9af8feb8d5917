/* SPDX-License-Identifier: MIT */
/* bench-latency - see bench.h.  Pure. */
#include "bench.h"

enum
{
  HALF = 1 << (BENCH_SUB_BITS - 1)
};

/* A value is its highest seven bits, and how many were left out. */
static guint
bucket_of (guint64 value)
{
  const guint bits = value == 0 ? 0 : (guint) (64 - __builtin_clzll (value));
  const guint left_out = bits > BENCH_SUB_BITS ? bits - BENCH_SUB_BITS : 0;

  return left_out * HALF + (guint) (value >> left_out);
}

/* The largest value of a bucket: a percentile is never told better than it was. */
static guint64
top_of (guint bucket)
{
  const guint left_out = bucket < 2 * HALF ? 0 : bucket / HALF - 1;
  const guint64 value = bucket - (guint64) left_out * HALF;

  return ((value + 1) << left_out) - 1;
}

void
bench_latency_add (BenchLatency *latency, guint64 nanoseconds)
{
  if (latency->count == 0 || nanoseconds < latency->least)
    latency->least = nanoseconds;
  latency->most = MAX (latency->most, nanoseconds);
  latency->count++;
  latency->total += nanoseconds;
  latency->buckets[bucket_of (nanoseconds)]++;
}

guint64
bench_latency_percentile (const BenchLatency *latency, double percent)
{
  const double exact = (double) latency->count * percent / 100;
  guint64 rank = (guint64) exact;
  guint64 seen = 0;

  if (latency->count == 0)
    return 0;
  rank = CLAMP (rank + ((double) rank < exact ? 1 : 0), 1, latency->count);
  for (guint i = 0; i < BENCH_BUCKETS; i++)
    {
      seen += latency->buckets[i];
      if (seen >= rank)
        return CLAMP (top_of (i), latency->least, latency->most);
    }
  return latency->most;
}

guint64
bench_latency_mean (const BenchLatency *latency)
{
  return latency->count > 0 ? latency->total / latency->count : 0;
}
