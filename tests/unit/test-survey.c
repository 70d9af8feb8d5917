/* SPDX-License-Identifier: MIT */
/* Tests of the survey: a large body looked at in parts gives what one pass over it gives, and the same error. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/message/message.h"
#include "core/message/survey.h"

#define SIZE ((gsize) 20 * 1024 * 1024) /* more than one part, where there is more than one processor */

static VdReader *
open_at (VdSource *source, guint64 offset)
{
  g_autoptr (GError) error = NULL;
  VdReader *reader = vd_source_open (source, offset, &error);
  g_assert_no_error (error);
  return reader;
}

/* Takes the text. */
static void
check_same (guint8 *text, gsize size, const VdBodyPolicy *policy)
{
  g_autoptr (GBytes) content = g_bytes_new_take (text, size);
  g_autoptr (VdSource) source = vd_source_new_bytes (content);
  const guint64 offset = 5;
  VdBodyFacts wanted = { 0 };
  VdBodyFacts got = { 0 };
  g_autoptr (GError) wanted_error = NULL;
  g_autoptr (GError) error = NULL;
  g_assert_true (vd_source_prepare (source, NULL));
  gboolean fine = vd_body_scan (policy, open_at (source, offset), 9, &wanted, &wanted_error);
  g_assert_cmpint (vd_survey (source, offset, policy, 9, &got, NULL, &error), ==, fine);
  g_assert_cmpint (vd_survey (source, offset, policy, 9, &got, NULL, NULL), ==, fine);
  if (!fine)
    {
      g_assert_error (error, wanted_error->domain, wanted_error->code);
      g_assert_cmpstr (error->message, ==, wanted_error->message);
      return;
    }
  g_assert_no_error (error);
  g_assert_cmpuint (got.size, ==, wanted.size);
  g_assert_cmpuint (got.lines, ==, wanted.lines);
  g_assert_cmpint (got.eight_bit, ==, wanted.eight_bit);
}

/* Lines of every length up to 200, with CRLF or, where `unix_lines` says so, LF. */
static guint8 *
make_text (guint unix_lines, gsize size)
{
  guint8 *text = g_malloc (size);
  gsize length = 0;
  gsize at = 0;
  memset (text, 'x', size);
  while (at + 210 < size)
    {
      length = (length * 7 + 31) % 200;
      at += length;
      if (unix_lines == 0 || (unix_lines == 2 && at % 3 == 0))
        text[at++] = '\r';
      text[at++] = '\n';
    }
  return text;
}

static void
test_same (void)
{
  const VdBodyPolicy strict = { FALSE, FALSE };
  for (guint kind = 0; kind < 3; kind++)
    {
      check_same (make_text (kind, SIZE + kind), SIZE + kind, &strict);
      guint8 *text = make_text (kind, SIZE);
      text[kind == 0 ? 100 : SIZE - 100] = 0x80; /* in one part only */
      check_same (text, SIZE, &strict);
    }
  check_same (make_text (0, 1000), 1000, &strict);
  check_same (g_malloc0 (5), 5, &strict); /* no body */
}

/* NRM-3: of several faults the first, with its line, wherever the parts begin. */
static void
test_errors (void)
{
  const VdBodyPolicy strict = { FALSE, FALSE };
  const gsize places[] = { 1000, SIZE / 4 + 3, SIZE / 2 - 300, SIZE / 2, SIZE / 2 + 300, SIZE * 3 / 4, SIZE - 1 };
  for (guint first = 0; first < G_N_ELEMENTS (places); first++)
    for (guint second = first; second < G_N_ELEMENTS (places); second += 2)
      {
        guint8 *text = make_text (first % 3, SIZE);
        text[places[second]] = '\0';
        text[places[first]] = '\0';
        check_same (text, SIZE, &strict);
      }
}

/* No line begins where a part would. */
static void
test_long_line (void)
{
  const VdBodyPolicy strict = { FALSE, FALSE };
  const VdBodyPolicy lax = { FALSE, TRUE };
  guint8 *text = make_text (0, SIZE);
  memset (text + SIZE / 10, 'y', SIZE / 2);
  check_same (g_memdup2 (text, SIZE), SIZE, &lax);
  check_same (text, SIZE, &strict);
}

/* CR as a line end, and one before the LF that a part begins behind. */
static void
test_cr (void)
{
  const VdBodyPolicy convert = { TRUE, FALSE };
  guint8 *text = make_text (2, SIZE);
  for (gsize at = 50; at < SIZE; at += 997)
    text[at] = '\r';
  check_same (text, SIZE, &convert);
}

/* Of files too; one that changed is told, and nothing hangs. */
static void
test_file (void)
{
  const VdBodyPolicy strict = { FALSE, FALSE };
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  g_autofree guint8 *text = make_text (1, SIZE);
  VdBodyFacts wanted, got;
  int fd = g_file_open_tmp ("survey-XXXXXX", &path, &error);
  g_assert_no_error (error);
  g_close (fd, NULL);
  g_assert_true (g_file_set_contents (path, (const char *) text, (gssize) SIZE, NULL));
  g_autoptr (VdSource) source = vd_source_new_file (path, &error);
  g_assert_no_error (error);
  g_assert_true (vd_source_prepare (source, NULL));
  g_assert_true (vd_body_scan (&strict, open_at (source, 0), 1, &wanted, NULL));
  g_assert_true (vd_survey (source, 0, &strict, 1, &got, NULL, NULL));
  g_assert_cmpuint (got.size, ==, wanted.size);
  g_assert_cmpint (truncate (path, (off_t) (SIZE / 3)), ==, 0);
  g_assert_false (vd_survey (source, 0, &strict, 1, &got, NULL, &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE);
  g_assert_cmpint (g_unlink (path), ==, 0);
}

/* ---- trust: what was charted goes out unseen, and is the same ---- */

static GString *
wire_of (VdBody *body)
{
  GString *wire = g_string_sized_new (SIZE + SIZE / 8);
  gboolean end = FALSE;
  while (!end)
    {
      VeredaSpan spans[16];
      gsize n = 0;
      g_autoptr (GError) error = NULL;
      vd_body_next (body, spans, G_N_ELEMENTS (spans), &n, &end, &error);
      g_assert_no_error (error);
      for (gsize i = 0; i < n; i++)
        g_string_append_len (wire, spans[i].data, (gssize) spans[i].size);
    }
  return wire;
}

/* Takes the text: `head` octets of it are the header section. */
static void
check_trust (guint8 *text, gsize size, guint64 head, gboolean whole)
{
  const VdBodyPolicy convert = { TRUE, FALSE };
  g_autoptr (GBytes) content = g_bytes_new_take (text, size);
  g_autoptr (VeredaMessage) message = vereda_message_new_from_bytes (content);
  g_autoptr (VdSource) source = vd_source_new_bytes (content);
  g_autoptr (GError) error = NULL;
  g_assert_true (vd_source_prepare (source, NULL));
  vd_message_prepare (message, &convert, &error);
  g_assert_no_error (error);
  for (guint variant = 0; variant < 4; variant++)
    {
      VdBodyMode mode = (variant & 1) != 0 ? VD_BODY_BDAT : VD_BODY_DATA;
      guint64 from = (variant & 2) != 0 ? head : 0;
      VdBodyTrust trust = { 0 };
      g_autoptr (VdBody) careful = vd_body_new (mode, &convert, NULL, open_at (source, from), NULL);
      g_autoptr (VdBody) trusting = vd_body_new (mode, &convert, NULL, open_at (source, from), NULL);
      g_assert_true (vd_message_trust (message, mode, &trust));
      g_assert_cmpuint (trust.from, ==, head);
      g_assert_cmpint (trust.whole, ==, whole);
      trust.reader_at = from;
      vd_body_trust (trusting, &trust);
      GString *wanted = wire_of (careful);
      GString *got = wire_of (trusting);
      g_assert_cmpuint (got->len, ==, wanted->len);
      g_assert_cmpint (memcmp (got->str, wanted->str, wanted->len), ==, 0);
      g_string_free (wanted, TRUE);
      g_string_free (got, TRUE);
    }
}

static void
test_trust (void)
{
  static const char head[] = "Subject: x\r\n.dotted: y\r\n\r\n";
  static const char *const odd[] = { "\r\n.", "\n", "\r", "\r\r\n", "\n.\n" };
  g_autoptr (GRand) rand = g_rand_new_with_seed (23);
  for (guint round = 0; round < 12; round++)
    {
      const gsize size = SIZE + round;
      guint8 *text = make_text (round == 1 ? 1 : 0, size);
      memcpy (text, head, strlen (head));
      for (guint n = round; n > 1; n--) /* beside the ends of slices, and anywhere */
        {
          gsize at = n % 3 == 0
                         ? (gsize) g_rand_int_range (rand, 40, (gint32) size - 4)
                         : (gsize) g_rand_int_range (rand, 1, 70) * 256 * 1024 - n % 4 + (n % 3 == 1 ? strlen (head) : 0);
          const char *what = odd[g_rand_int (rand) % G_N_ELEMENTS (odd)];
          memcpy (text + at, what, strlen (what));
        }
      if (round == 0)
        memcpy (text + size - 2, "\r\n", 2);
      check_trust (text, size, strlen (head), round == 0);
    }
}

/* It is not looked at again: what is put there against all rules leaves as it is.  And nothing is known of files. */
static void
test_trusted (void)
{
  const VdBodyPolicy strict = { FALSE, FALSE };
  static const char head[] = "Subject: x\r\n\r\n";
  g_autofree guint8 *text = make_text (0, SIZE);
  memcpy (text, head, strlen (head));
  memcpy (text + SIZE - 2, "\r\n", 2);
  g_autoptr (GBytes) content = g_bytes_new_static (text, SIZE);
  g_autoptr (VeredaMessage) message = vereda_message_new_from_bytes (content);
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  VdBodyTrust trust = { 0 };
  g_assert_true (vd_message_prepare (message, &strict, NULL));
  g_assert_true (vd_message_trust (message, VD_BODY_DATA, &trust));
  g_autoptr (VdBody) body = vd_body_new (VD_BODY_DATA, &strict, NULL, vd_message_open_body (message, NULL), NULL);
  vd_body_trust (body, &trust);
  text[SIZE / 2] = '\0';
  GString *wire = wire_of (body);
  g_assert_cmpuint (wire->len, ==, SIZE - strlen (head) + 3);
  g_assert_cmpint (memcmp (wire->str, text + strlen (head), SIZE - strlen (head)), ==, 0);
  g_string_free (wire, TRUE);

  text[SIZE / 2] = 'x';
  g_close (g_file_open_tmp ("trust-XXXXXX", &path, &error), NULL);
  g_assert_no_error (error);
  g_assert_true (g_file_set_contents (path, (const char *) text, (gssize) SIZE, NULL));
  g_autoptr (VeredaMessage) file = vereda_message_new_from_file (path, &error);
  g_assert_no_error (error);
  g_assert_true (vd_message_prepare (file, &strict, NULL));
  g_assert_false (vd_message_trust (file, VD_BODY_DATA, &trust));
  g_assert_false (vd_message_trust (file, VD_BODY_BDAT, &trust));
  g_assert_cmpint (g_unlink (path), ==, 0);
}

/* Bits for blocks, of bodies of any size. */
static void
test_chart (void)
{
  const guint64 sizes[] = {
    1, 16384, 1000000, (guint64) VD_CHART_BLOCKS << 14, ((guint64) VD_CHART_BLOCKS << 14) - 1, G_GUINT64_CONSTANT (1) << 50
  };
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      VdChart chart, other;
      vd_chart_init (&chart, sizes[i]);
      vd_chart_init (&other, sizes[i]);
      g_assert_true (vd_chart_is_clear (&chart, 0, sizes[i]));
      vd_chart_mark (&chart, sizes[i] / 2, sizes[i] / 2);
      g_assert_true (vd_chart_is_clear (&chart, 0, sizes[i]));
      vd_chart_mark (&chart, sizes[i] - 1, sizes[i]);
      g_assert_false (vd_chart_is_clear (&chart, sizes[i] - 1, sizes[i]));
      g_assert_false (vd_chart_is_clear (&chart, 0, sizes[i]));
      g_assert_true (vd_chart_is_clear (&chart, 0, (sizes[i] - 1) >> chart.shift << chart.shift));
      vd_chart_mark (&other, 0, 1);
      vd_chart_add (&chart, &other);
      g_assert_false (vd_chart_is_clear (&chart, 0, 1));
      g_assert_false (vd_chart_is_clear (&chart, sizes[i] - 1, sizes[i]));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/survey/same-as-one-pass", test_same);
  g_test_add_func ("/survey/NRM-3-first-error", test_errors);
  g_test_add_func ("/survey/NRM-4-long-line", test_long_line);
  g_test_add_func ("/survey/lone-cr", test_cr);
  g_test_add_func ("/survey/BDT-8-file-changed", test_file);
  g_test_add_func ("/survey/chart", test_chart);
  g_test_add_func ("/survey/trust-same-octets", test_trust);
  g_test_add_func ("/survey/trust-of-memory-alone", test_trusted);
  return g_test_run ();
}
