/* SPDX-License-Identifier: MIT */
/* scan - the ways to look at 64 octets, and which of them is taken.
 *
 * Pure but for the question which instructions the processor has.  Cannot fail. */
#include "core/message/scan.h"

#include <string.h>

#include "core/message/policy.h"

#if defined(__SSE2__)
#include <immintrin.h>
#if __has_include(<sys/platform/x86.h>)
#include <sys/platform/x86.h>
#endif
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

#define SCAN_BLOCK 64u

/* Of a block of octets; bit i of a mask stands for octet i. */
typedef struct
{
  guint64 cr, lf;
  guint64 rare; /* not 0: NUL or a dot is among them */
  guint64 high; /* not 0: an octet >= 0x80 is among them */
} ScanMasks;

/* Asked only where something rare is in it. */
typedef struct
{
  guint64 nul, dot, high;
} ScanRare;

/* What is passed without a closer look at once.  Two neighbours with a line end in each have no line that is too long. */
#define SCAN_STRIDE 448u
G_STATIC_ASSERT (SCAN_STRIDE * 2 <= VD_LINE_MAX && SCAN_STRIDE % 64 == 0);

/* So far ahead octets are fetched that are in memory only: the processor by itself does not fetch early enough beside that much to do. */
#define SCAN_AHEAD 2048u

#define SCAN_NEAR   256u
#define SCAN_RARELY 5u /* doublings */

/* What strides hold. */
typedef struct
{
  guint64 lines, lone;
  gboolean dots, high;
} ScanTally;

#define SCAN_FIRST(mask) ((guint) __builtin_ctzll (mask))
#define SCAN_LAST(mask)  (63u - (guint) __builtin_clzll (mask))

static gboolean
always (void)
{
  return TRUE;
}

/* Where the line begins that `end` stands in; there is a line end before it. */
static inline gsize
last_line (const guint8 *data, gsize end)
{
  while (data[end - 1] != '\n')
    end--;
  return end;
}

/* ---- eight octets at a time in a machine word ---- */

#define ONES G_GUINT64_CONSTANT (0x0101010101010101)
#define HIGH G_GUINT64_CONSTANT (0x8080808080808080)
#define LOW7 G_GUINT64_CONSTANT (0x7f7f7f7f7f7f7f7f)

/* The high bit of each octet of the result tells whether that octet of `word` is zero. */
static inline guint64
zeros (guint64 word)
{
  return ~(((word & LOW7) + LOW7) | word | LOW7);
}

/* The high bits of the octets, side by side, the first octet's the lowest. */
static inline guint64
gather (guint64 bits)
{
  return ((bits >> 7) * G_GUINT64_CONSTANT (0x0102040810204080)) >> 56;
}

static inline guint64
load (const guint8 *block, guint at)
{
  guint64 word;

  memcpy (&word, block + at, 8);
  return GUINT64_FROM_LE (word);
}

static inline void
look_words (const guint8 *block, ScanMasks *ret)
{
  ScanMasks seen = { 0 };

  for (guint at = 0; at < SCAN_BLOCK; at += 8)
    {
      guint64 word = load (block, at);
      guint64 lf = zeros (word ^ ('\n' * ONES));
      guint64 cr = zeros (word ^ ('\r' * ONES));

      seen.high |= word & HIGH;
      seen.rare |= zeros (word) | zeros (word ^ ('.' * ONES));
      if ((lf | cr) == 0)
        continue;
      seen.lf |= gather (lf) << at;
      seen.cr |= gather (cr) << at;
    }
  *ret = seen;
}

static inline void
rare_words (const guint8 *block, ScanRare *ret)
{
  ScanRare seen = { 0 };

  for (guint at = 0; at < SCAN_BLOCK; at += 8)
    {
      guint64 word = load (block, at);

      seen.high |= gather (word & HIGH) << at;
      seen.dot |= gather (zeros (word ^ ('.' * ONES))) << at;
      seen.nul |= gather (zeros (word)) << at;
    }
  *ret = seen;
}

static inline guint
count_words (guint64 mask)
{
  mask -= mask >> 1 & G_GUINT64_CONSTANT (0x5555555555555555);
  mask = (mask & G_GUINT64_CONSTANT (0x3333333333333333)) + (mask >> 2 & G_GUINT64_CONSTANT (0x3333333333333333));
  mask = (mask + (mask >> 4)) & G_GUINT64_CONSTANT (0x0f0f0f0f0f0f0f0f);
  return (guint) (mask * ONES >> 56);
}

#define SCAN_NAME   scan_words
#define SCAN_WIDEN  widen_words
#define SCAN_TARGET G_GNUC_UNUSED
#define SCAN_LOOK   look_words
#define SCAN_RARE   rare_words
#define SCAN_COUNT  count_words
#include "core/message/scan-loop.inc"

/* ---- x86-64 ---- */

#if defined(__SSE2__)

static inline guint64
mask_sse2 (const __m128i *octets)
{
  guint64 mask = 0;

  for (guint i = 0; i < 4; i++)
    mask |= (guint64) (guint32) _mm_movemask_epi8 (octets[i]) << (16 * i);
  return mask;
}

static inline guint64
equal_sse2 (const __m128i *octets, char wanted)
{
  const __m128i all = _mm_set1_epi8 (wanted);
  __m128i equal[4];

  for (guint i = 0; i < 4; i++)
    equal[i] = _mm_cmpeq_epi8 (octets[i], all);
  return mask_sse2 (equal);
}

static inline void
load_sse2 (const guint8 *block, __m128i *octets)
{
  for (guint i = 0; i < 4; i++)
    octets[i] = _mm_loadu_si128 ((const __m128i *) (const void *) (block + 16 * i));
}

static inline void
look_sse2 (const guint8 *block, ScanMasks *ret)
{
  __m128i octets[4];

  load_sse2 (block, octets);
  /* The smallest of some octets is NUL if one of them is. */
  __m128i least = octets[0], high = octets[0], dots = _mm_cmpeq_epi8 (octets[0], _mm_set1_epi8 ('.'));
  for (guint i = 1; i < 4; i++)
    {
      least = _mm_min_epu8 (least, octets[i]);
      high = _mm_or_si128 (high, octets[i]);
      dots = _mm_or_si128 (dots, _mm_cmpeq_epi8 (octets[i], _mm_set1_epi8 ('.')));
    }
  dots = _mm_or_si128 (dots, _mm_cmpeq_epi8 (least, _mm_setzero_si128 ()));
  ret->cr = equal_sse2 (octets, '\r');
  ret->lf = equal_sse2 (octets, '\n');
  ret->rare = (guint64) (guint32) _mm_movemask_epi8 (dots);
  ret->high = (guint64) (guint32) _mm_movemask_epi8 (high);
}

static inline void
rare_sse2 (const guint8 *block, ScanRare *ret)
{
  __m128i octets[4];

  load_sse2 (block, octets);
  ret->nul = equal_sse2 (octets, '\0');
  ret->dot = equal_sse2 (octets, '.');
  ret->high = mask_sse2 (octets);
}

typedef guint8 Octets16 __attribute__ ((vector_size (16)));

static inline __m128i
sum_sse2 (__m128i sums, Octets16 octets)
{
  return _mm_add_epi64 (sums, _mm_sad_epu8 ((__m128i) octets, _mm_setzero_si128 ()));
}

static inline gboolean
any_sse2 (Octets16 octets)
{
  return _mm_movemask_epi8 (_mm_cmpeq_epi8 ((__m128i) octets, _mm_setzero_si128 ())) != 0xffff;
}

#define SCAN_TARGET      G_GNUC_UNUSED
#define SCAN_STRIDES     strides_sse2
#define SCAN_VECTOR      Octets16
#define SCAN_SUMS        __m128i
#define SCAN_SUM         sum_sse2
#define SCAN_ANY         any_sse2
#define SCAN_TOTAL(sums) ((guint64) ((sums)[0] + (sums)[1]))
#include "core/message/scan-stride.inc"

#define SCAN_NAME  scan_sse2
#define SCAN_WIDEN widen_sse2
#define SCAN_LOOK  look_sse2
#define SCAN_RARE  rare_sse2
#define SCAN_COUNT count_words
#include "core/message/scan-loop.inc"

#define WITH_AVX2 __attribute__ ((target ("avx2,bmi,popcnt")))

WITH_AVX2 static inline guint64
mask_avx2 (__m256i low, __m256i high)
{
  return (guint64) (guint32) _mm256_movemask_epi8 (low) | (guint64) (guint32) _mm256_movemask_epi8 (high) << 32;
}

WITH_AVX2 static inline guint64
equal_avx2 (__m256i low, __m256i high, char wanted)
{
  const __m256i all = _mm256_set1_epi8 (wanted);

  return mask_avx2 (_mm256_cmpeq_epi8 (low, all), _mm256_cmpeq_epi8 (high, all));
}

WITH_AVX2 static inline __m256i
load_avx2 (const guint8 *from)
{
  return _mm256_loadu_si256 ((const __m256i *) (const void *) from);
}

WITH_AVX2 static inline void
look_avx2 (const guint8 *block, ScanMasks *ret)
{
  const __m256i low = load_avx2 (block), high = load_avx2 (block + 32);
  const __m256i all = _mm256_set1_epi8 ('.');
  const __m256i dots = _mm256_or_si256 (_mm256_cmpeq_epi8 (low, all), _mm256_cmpeq_epi8 (high, all));
  const __m256i nul = _mm256_cmpeq_epi8 (_mm256_min_epu8 (low, high), _mm256_setzero_si256 ());

  ret->cr = equal_avx2 (low, high, '\r');
  ret->lf = equal_avx2 (low, high, '\n');
  ret->rare = (guint64) (guint32) _mm256_movemask_epi8 (_mm256_or_si256 (nul, dots));
  ret->high = (guint64) (guint32) _mm256_movemask_epi8 (_mm256_or_si256 (low, high));
}

WITH_AVX2 static inline void
rare_avx2 (const guint8 *block, ScanRare *ret)
{
  const __m256i low = load_avx2 (block), high = load_avx2 (block + 32);

  ret->nul = equal_avx2 (low, high, '\0');
  ret->dot = equal_avx2 (low, high, '.');
  ret->high = mask_avx2 (low, high);
}

WITH_AVX2 static inline guint
count_avx2 (guint64 mask)
{
  return (guint) __builtin_popcountll (mask);
}

typedef guint8 Octets32 __attribute__ ((vector_size (32)));

WITH_AVX2 static inline __m256i
sum_avx2 (__m256i sums, Octets32 octets)
{
  return _mm256_add_epi64 (sums, _mm256_sad_epu8 ((__m256i) octets, _mm256_setzero_si256 ()));
}

WITH_AVX2 static inline gboolean
any_avx2 (Octets32 octets)
{
  return !_mm256_testz_si256 ((__m256i) octets, (__m256i) octets);
}

#define SCAN_TARGET      WITH_AVX2
#define SCAN_STRIDES     strides_avx2
#define SCAN_VECTOR      Octets32
#define SCAN_SUMS        __m256i
#define SCAN_SUM         sum_avx2
#define SCAN_ANY         any_avx2
#define SCAN_TOTAL(sums) ((guint64) ((sums)[0] + (sums)[1] + (sums)[2] + (sums)[3]))
#include "core/message/scan-stride.inc"

#define SCAN_NAME  scan_avx2
#define SCAN_WIDEN widen_avx2
#define SCAN_LOOK  look_avx2
#define SCAN_RARE  rare_avx2
#define SCAN_COUNT count_avx2
#include "core/message/scan-loop.inc"

#include "core/message/scan-avx512.inc"

/* The C library's loader asked the processor already.  Without it the compiler's start-up code asks again, at each load. */
static gboolean
has_avx2 (void)
{
#ifdef CPU_FEATURE_ACTIVE
  return CPU_FEATURE_ACTIVE (AVX2) && CPU_FEATURE_ACTIVE (BMI1) && CPU_FEATURE_ACTIVE (POPCNT);
#else
  return __builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("bmi") && __builtin_cpu_supports ("popcnt");
#endif
}

/* VBMI2 is not used: it tells processors that do not become slower with vectors of this size from the first that had them. */
static gboolean
has_avx512 (void)
{
#ifdef CPU_FEATURE_ACTIVE
  return has_avx2 () && CPU_FEATURE_ACTIVE (AVX512BW) && CPU_FEATURE_ACTIVE (AVX512_VBMI2);
#else
  return has_avx2 () && __builtin_cpu_supports ("avx512bw") && __builtin_cpu_supports ("avx512vbmi2");
#endif
}

enum
{
  NOT_ASKED,
  TAKES_SSE2,
  TAKES_AVX2,
  TAKES_AVX512
};

/* Any thread may be the first: all find the same. */
static gint
taken (void)
{
  static gint known;
  gint way = g_atomic_int_get (&known);

  if (G_UNLIKELY (way == NOT_ASKED))
    g_atomic_int_set (&known, way = has_avx512 () ? TAKES_AVX512 : has_avx2 () ? TAKES_AVX2 : TAKES_SSE2);
  return way;
}

#endif

/* ---- AArch64 ---- */

#if defined(__ARM_NEON) && defined(__aarch64__)

/* One bit of each octet that is 0xff, in order: each keeps the bit of its place, and neighbours are added three times. */
static inline guint64
gather_neon (const uint8x16_t *octets)
{
  static const guint8 places[16] = { 1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128 };
  const uint8x16_t place = vld1q_u8 (places);
  uint8x16_t first = vpaddq_u8 (vandq_u8 (octets[0], place), vandq_u8 (octets[1], place));
  uint8x16_t second = vpaddq_u8 (vandq_u8 (octets[2], place), vandq_u8 (octets[3], place));

  first = vpaddq_u8 (first, second);
  return vgetq_lane_u64 (vreinterpretq_u64_u8 (vpaddq_u8 (first, first)), 0);
}

static inline guint64
equal_neon (const uint8x16_t *octets, guint8 wanted)
{
  uint8x16_t equal[4];

  for (guint i = 0; i < 4; i++)
    equal[i] = vceqq_u8 (octets[i], vdupq_n_u8 (wanted));
  return gather_neon (equal);
}

static inline void
look_neon (const guint8 *block, ScanMasks *ret)
{
  uint8x16_t octets[4];

  for (guint i = 0; i < 4; i++)
    octets[i] = vld1q_u8 (block + 16 * i);
  uint8x16_t least = octets[0], high = octets[0], dots = vceqq_u8 (octets[0], vdupq_n_u8 ('.'));
  for (guint i = 1; i < 4; i++)
    {
      least = vminq_u8 (least, octets[i]);
      high = vorrq_u8 (high, octets[i]);
      dots = vorrq_u8 (dots, vceqq_u8 (octets[i], vdupq_n_u8 ('.')));
    }
  ret->cr = equal_neon (octets, '\r');
  ret->lf = equal_neon (octets, '\n');
  ret->rare = vminvq_u8 (least) == 0 || vmaxvq_u8 (dots) != 0;
  ret->high = vmaxvq_u8 (high) >= 0x80;
}

static inline void
rare_neon (const guint8 *block, ScanRare *ret)
{
  uint8x16_t octets[4], high[4];

  for (guint i = 0; i < 4; i++)
    {
      octets[i] = vld1q_u8 (block + 16 * i);
      high[i] = vcgeq_u8 (octets[i], vdupq_n_u8 (0x80));
    }
  ret->high = gather_neon (high);
  ret->nul = equal_neon (octets, '\0');
  ret->dot = equal_neon (octets, '.');
}

static inline uint64x2_t
sum_neon (uint64x2_t sums, uint8x16_t octets)
{
  return vpadalq_u32 (sums, vpaddlq_u16 (vpaddlq_u8 (octets)));
}

static inline gboolean
any_neon (uint8x16_t octets)
{
  return vmaxvq_u8 (octets) != 0;
}

#define SCAN_TARGET
#define SCAN_STRIDES     strides_neon
#define SCAN_VECTOR      uint8x16_t
#define SCAN_SUMS        uint64x2_t
#define SCAN_SUM         sum_neon
#define SCAN_ANY         any_neon
#define SCAN_TOTAL(sums) ((guint64) vaddvq_u64 (sums))
#include "core/message/scan-stride.inc"

#define SCAN_NAME  scan_neon
#define SCAN_WIDEN widen_neon
#define SCAN_LOOK  look_neon
#define SCAN_RARE  rare_neon
#define SCAN_COUNT count_words
#include "core/message/scan-loop.inc"

#endif

/* ---- the choice ---- */

const VdScanWay vd_scan_ways[] = {
  { "words", scan_words, widen_words, always },
#if defined(__SSE2__)
  { "sse2", scan_sse2, widen_sse2, always },
  { "avx2", scan_avx2, widen_avx2, has_avx2 },
  { "avx512", scan_avx512, widen_avx512, has_avx512 },
#elif defined(__ARM_NEON) && defined(__aarch64__)
  { "neon", scan_neon, widen_neon, always },
#endif
  { NULL, NULL, NULL, NULL },
};

gsize
vd_scan (VdScan *scan, const guint8 *data, gsize size)
{
#if defined(__SSE2__)
  switch (taken ())
    {
    case TAKES_AVX512:
      return scan_avx512 (scan, data, size);
    case TAKES_AVX2:
      return scan_avx2 (scan, data, size);
    default:
      return scan_sse2 (scan, data, size);
    }
#elif defined(__ARM_NEON) && defined(__aarch64__)
  return scan_neon (scan, data, size);
#else
  return scan_words (scan, data, size);
#endif
}

gsize
vd_scan_widen (VdScan *scan, const guint8 *data, gsize size, guint8 *to, gsize room, gsize *ret_written)
{
#if defined(__SSE2__)
  switch (taken ())
    {
    case TAKES_AVX512:
      return widen_avx512 (scan, data, size, to, room, ret_written);
    case TAKES_AVX2:
      return widen_avx2 (scan, data, size, to, room, ret_written);
    default:
      return widen_sse2 (scan, data, size, to, room, ret_written);
    }
#elif defined(__ARM_NEON) && defined(__aarch64__)
  return widen_neon (scan, data, size, to, room, ret_written);
#else
  return widen_words (scan, data, size, to, room, ret_written);
#endif
}
