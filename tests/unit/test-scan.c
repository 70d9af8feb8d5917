/* SPDX-License-Identifier: MIT */
/* Tests of the scanner: every way to look at octets that this machine has, against the plainest loop; at every alignment and
 * length, every pair of special octets at every two places, and up to the last octet before memory that may not be touched. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/message/policy.h"
#include "core/message/scan.h"

#define PAGE    4096u
#define LONGEST 200u

/* What scan.h says, octet by octet. */
static gsize
plain_scan (VdScan *scan, const guint8 *data, gsize size)
{
  gsize at = 0;
  for (; at < size; at++)
    {
      gboolean after_cr = at > 0 && data[at - 1] == '\r';
      if (data[at] == '\0' || (data[at] == '\r' && (at + 1 == size || data[at + 1] != '\n'))
          || (data[at] == '\n' && !after_cr && scan->stop_at_line_feeds)
          || (data[at] == '.' && scan->line_start && scan->stop_at_dots))
        break;
      if (data[at] == '\n')
        {
          if (scan->line_size - (after_cr ? 1 : 0) > VD_LINE_MAX && !scan->allow_long_lines)
            {
              scan->too_long = TRUE;
              return at;
            }
          scan->lines++;
          scan->lone_line_feeds += after_cr ? 0 : 1;
          scan->line_size = 0;
          scan->line_start = TRUE;
          continue;
        }
      scan->leading_dots |= data[at] == '.' && scan->line_start;
      scan->eight_bit |= data[at] >= 0x80;
      scan->line_size++;
      scan->line_start = FALSE;
    }
  scan->too_long = scan->line_size > VD_LINE_MAX && !scan->allow_long_lines;
  return at;
}

static void
compare (const VdScan *begin, const guint8 *data, gsize size)
{
  VdScan wanted = *begin;
  gsize end = plain_scan (&wanted, data, size);
  for (const VdScanWay *way = vd_scan_ways; way->name != NULL; way++)
    {
      VdScan got = *begin;
      if (!way->usable ())
        continue;
      gsize stop = way->scan (&got, data, size);
      gboolean same = got.too_long == wanted.too_long && got.lines == wanted.lines;
      if (!got.too_long) /* then it is over, and nobody asks for more */
        same = same && stop == end && got.line_start == wanted.line_start && got.line_size == wanted.line_size
               && got.eight_bit == wanted.eight_bit && got.lone_line_feeds == wanted.lone_line_feeds
               && got.leading_dots == wanted.leading_dots;
      if (!same)
        g_error ("%s: %" G_GSIZE_FORMAT " octets: ended at %" G_GSIZE_FORMAT ", wanted %" G_GSIZE_FORMAT, way->name, size, stop,
                 end);
    }
}

static void
compare_all (const guint8 *data, gsize size, guint64 line_size)
{
  for (guint flags = 0; flags < 8; flags++)
    {
      VdScan begin = { 0 };
      begin.stop_at_dots = (flags & 1) != 0;
      begin.stop_at_line_feeds = (flags & 2) != 0;
      begin.line_start = (flags & 4) != 0;
      begin.line_size = begin.line_start ? 0 : line_size;
      begin.lines = 7;
      compare (&begin, data, size);
    }
}

/* Two pages, the second not to be touched: what is put at the end of the first may not be overrun. */
static guint8 *
guarded (void)
{
  guint8 *pages = mmap (NULL, (gsize) 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  g_assert_true (pages != MAP_FAILED);
  g_assert_cmpint (mprotect (pages + PAGE, PAGE, PROT_NONE), ==, 0);
  return pages;
}

static void
test_lengths (void)
{
  static const char alphabet[] = "\r\n.a\0\x80"
                                 "bcdefghijklmnopqrstuvwxyz0123456789";
  guint8 *pages = guarded ();
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);
  for (gsize size = 0; size <= LONGEST; size++)
    for (gsize gap = 0; gap < 64; gap++)
      {
        guint8 *data = pages + PAGE - gap - size;
        /* From nothing special at all to little else; CR and LF often together. */
        guint32 odds = (guint32) g_rand_int_range (rand, 1, 40);
        for (gsize i = 0; i < size; i++)
          {
            guint32 pick = g_rand_int (rand);
            data[i] = (guint8) (pick % odds == 0 ? alphabet[pick / 64 % 6] : alphabet[6 + pick / 64 % 34]);
            if (i > 0 && data[i - 1] == '\r' && pick % 7 != 0)
              data[i] = '\n';
          }
        compare_all (data, size, 5);
      }
  munmap (pages, (gsize) 2 * PAGE);
}

/* Where one block ends and the next begins is where carrying over may go wrong. */
static void
test_pairs (void)
{
  static const guint8 special[] = { '\r', '\n', '.', '\0', 0xff, '\x0c' };
  guint8 *pages = guarded ();
  gsize sizes[] = { 63, 64, 65, 127, 128, 129, 130 };
  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++)
    for (gsize first = 0; first < sizes[s]; first++)
      for (guint pick = 0; pick < 36 * 3; pick++)
        {
          guint8 *data = pages + PAGE - sizes[s];
          gsize second = first + 1 + pick / 36; /* beside it, or nearly */
          memset (data, 'x', sizes[s]);
          data[first] = special[pick % 6];
          if (second < sizes[s])
            data[second] = special[pick / 6 % 6];
          compare_all (data, sizes[s], 3);
          if (first > 0)
            {
              data[first - 1] = '\r'; /* and a third before them */
              compare_all (data, sizes[s], 3);
            }
        }
  munmap (pages, (gsize) 2 * PAGE);
}

/* Text as it is, long enough for strides, with something now and then that needs a closer look. */
static void
test_text (void)
{
  static const char *const odd[] = { "\n", "\r\n.", "\r", "\n.", "\r\r\n", "\xff", "\r\n\r\n", ".", "\n\n" };
  const gsize room = 3 * PAGE;
  guint8 *pages = mmap (NULL, room + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  g_autoptr (GRand) rand = g_rand_new_with_seed (11);
  g_assert_true (pages != MAP_FAILED);
  g_assert_cmpint (mprotect (pages + room, PAGE, PROT_NONE), ==, 0);
  for (guint round = 0; round < 30000; round++)
    {
      gsize size = (gsize) g_rand_int_range (rand, 400, (gint32) room);
      gint32 longest = round % 5 == 0 ? 1100 : round % 5 == 1 ? 500 : 90;
      const char *end = round % 3 == 0 ? "\n" : "\r\n";
      guint8 *data = pages + room - size;
      memset (data, 'x', size);
      for (gsize at = (gsize) g_rand_int_range (rand, 0, 3); at + 2 < size;
           at += 2 + (gsize) g_rand_int_range (rand, 0, longest))
        memcpy (data + at, end, strlen (end));
      for (guint n = round % 4; n > 0; n--)
        {
          const char *what = odd[g_rand_int (rand) % G_N_ELEMENTS (odd)];
          memcpy (data + g_rand_int_range (rand, 0, (gint32) size - 3), what, strlen (what));
        }
      if (round % 16 == 0)
        data[g_rand_int_range (rand, 0, (gint32) size)] = '\0';
      VdScan begin = { .stop_at_dots = (round & 32) != 0,
                       .stop_at_line_feeds = (round & 64) != 0,
                       .allow_long_lines = (round & 128) != 0,
                       .line_size = (round & 256) != 0 ? 700 : 0 };
      begin.line_start = begin.line_size == 0;
      compare (&begin, data, size);
    }
  munmap (pages, room + PAGE);
}

/* Every special octet at every place of a text that is otherwise in order: no place of a stride is blind. */
static void
test_every_place (void)
{
  static const guint8 special[] = { '\r', '\n', '.', '\0', 0xff };
  guint8 text[1500];
  for (gsize i = 0; i < sizeof text; i++)
    text[i] = i % 50 == 48 ? '\r' : i % 50 == 49 ? '\n' : 'x';
  for (gsize at = 0; at < sizeof text; at++)
    for (guint pick = 0; pick < G_N_ELEMENTS (special); pick++)
      {
        guint8 was = text[at];
        text[at] = special[pick];
        compare_all (text, sizeof text, 5);
        text[at] = was;
      }
}

/* NRM-4: lines around the limit, in whatever place of their block they begin and end. */
static void
test_limit (void)
{
  guint8 data[1400];
  for (gsize from = 0; from < 130; from++)
    for (gsize length = VD_LINE_MAX - 2; length < VD_LINE_MAX + 3; length++)
      for (guint kind = 0; kind < 4; kind++)
        {
          gsize size = from + length;
          memset (data, 'x', sizeof data);
          if (from >= 2)
            memcpy (data + from - 2, "\r\n", 2);
          if (kind == 1)
            data[size++] = '\n';
          else if (kind >= 2)
            {
              memcpy (data + size, "\r\n", 2);
              size += 2;
            }
          if (kind == 3)
            size += 70;
          compare_all (data, size, 0);
          if (from < 2)
            compare_all (data + 5, size - 5, 5); /* its beginning was in the slice before */
          VdScan lax = { .allow_long_lines = TRUE, .line_start = TRUE };
          compare (&lax, data, size);
        }
}

/* vd_scan_widen() takes a part of the text; of that part it writes what the plainest loop would, and it knows as much. */
static void
check_widened (const VdScanWay *way, const VdScan *begin, const guint8 *data, gsize size, gsize room)
{
  VdScan got = *begin, wanted = *begin;
  g_autofree guint8 *to = g_malloc (room);
  g_autoptr (GByteArray) expected = g_byte_array_new ();
  gsize written = 0, taken = way->widen (&got, data, size, to, room, &written), at = 0;
  g_assert_cmpuint (taken, <=, size);
  g_assert_cmpuint (written, <=, room);
  while (at < taken)
    {
      gsize n = plain_scan (&wanted, data + at, size - at);
      if (at + n > taken) /* it stopped in the middle of what goes on: the state there is that of the part alone */
        {
          wanted.line_start = FALSE;
          break;
        }
      g_byte_array_append (expected, data + at, (guint) n);
      at += n;
      g_assert_false (wanted.too_long);
      if (at == taken)
        break;
      g_assert_true (data[at] == '\n' || data[at] == '.');
      g_byte_array_append (expected, (const guint8 *) (data[at] == '\n' ? "\r\n" : ".."), 2);
      wanted.line_start = data[at] == '\n';
      wanted.line_size = data[at] == '\n' ? 0 : wanted.line_size + 1;
      at++;
    }
  if (at < taken)
    g_byte_array_append (expected, data + at, (guint) (taken - at));
  g_assert_cmpuint (written, ==, expected->len);
  g_assert_true (written == 0 || memcmp (to, expected->data, written) == 0);
  /* The state is that of a pass over this part alone; a CR may not be its end. */
  VdScan alone = *begin;
  alone.stop_at_dots = alone.stop_at_line_feeds = FALSE;
  g_assert_cmpuint (plain_scan (&alone, data, taken), ==, taken);
  g_assert_false (alone.too_long);
  g_assert_cmpuint (got.lines, ==, alone.lines);
  g_assert_cmpuint (got.lone_line_feeds, ==, alone.lone_line_feeds);
  g_assert_cmpuint (got.line_size, ==, alone.line_size);
  g_assert_cmpint (got.line_start, ==, alone.line_start);
  g_assert_cmpint (got.eight_bit, ==, alone.eight_bit);
}

static void
test_widen (void)
{
  static const char *const odd[] = { "\n", "\r\n.", "\r", "\n.", "\r\r\n", "\xff", "\r\n\r\n", ".", "\n\n", "\n.\n.\n" };
  guint8 *pages = guarded ();
  g_autoptr (GRand) rand = g_rand_new_with_seed (5);
  for (guint round = 0; round < 40000; round++)
    {
      gsize size = (gsize) g_rand_int_range (rand, 0, (gint32) PAGE);
      gint32 longest = round % 5 == 0 ? 1100 : round % 5 == 1 ? 10 : 90;
      const char *end = round % 3 == 0 ? "\r\n" : "\n";
      guint8 *data = pages + PAGE - size;
      memset (data, 'x', size);
      for (gsize at = (gsize) g_rand_int_range (rand, 0, 3); at + 2 < size;
           at += 2 + (gsize) g_rand_int_range (rand, 0, longest))
        memcpy (data + at, end, strlen (end));
      for (guint n = size > 10 ? round % 8 : 0; n > 0; n--)
        {
          const char *what = odd[g_rand_int (rand) % G_N_ELEMENTS (odd)];
          memcpy (data + g_rand_int_range (rand, 0, (gint32) size - 5), what, strlen (what));
        }
      if (round % 16 == 0 && size > 0)
        data[g_rand_int_range (rand, 0, (gint32) size)] = '\0';
      VdScan begin = { .stop_at_dots = (round & 32) != 0,
                       .stop_at_line_feeds = TRUE,
                       .allow_long_lines = (round & 128) != 0,
                       .line_size = (round & 256) != 0 ? 700 : 0 };
      begin.line_start = begin.line_size == 0;
      for (const VdScanWay *way = vd_scan_ways; way->name != NULL; way++)
        if (way->usable ())
          check_widened (way, &begin, data, size, (gsize) g_rand_int_range (rand, 0, 3 * (gint32) PAGE));
    }
  munmap (pages, (gsize) 2 * PAGE);
}

/* The choice is one of the ways. */
static void
test_choice (void)
{
  g_autofree guint8 *data = g_malloc (1000);
  memset (data, 'y', 1000);
  memcpy (data + 700, "\r\n.", 3);
  VdScan scan = { .stop_at_dots = TRUE, .line_start = TRUE };
  g_assert_cmpuint (vd_scan (&scan, data, 1000), ==, 702);
  g_assert_true (scan.line_start);
  g_assert_cmpuint (scan.lines, ==, 1);
  /* Text of LF lines is taken but for its end. */
  guint8 wide[3000];
  gsize written;
  for (gsize i = 49; i < 1000; i += 50)
    data[i] = '\n';
  scan = (VdScan){ .line_start = TRUE };
  g_assert_cmpuint (vd_scan_widen (&scan, data, 700, wide, sizeof wide, &written), >, 700 - 128);
  g_assert_cmpuint (scan.lone_line_feeds, ==, scan.lines);
  for (const VdScanWay *way = vd_scan_ways; way->name != NULL; way++)
    g_test_message ("%s: %s", way->name, way->usable () ? "tested" : "this processor has it not");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/scan/every-length-and-alignment", test_lengths);
  g_test_add_func ("/scan/every-pair", test_pairs);
  g_test_add_func ("/scan/text", test_text);
  g_test_add_func ("/scan/every-place", test_every_place);
  g_test_add_func ("/scan/NRM-4-limit", test_limit);
  g_test_add_func ("/scan/NRM-1-widen", test_widen);
  g_test_add_func ("/scan/choice", test_choice);
  return g_test_run ();
}
