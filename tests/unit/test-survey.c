/* SPDX-License-Identifier: MIT */
/* Tests of the survey: a large body looked at in parts gives what one pass over it gives, and the same error. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/error.h"
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
  g_assert_cmpint (vd_survey (source, offset, policy, 9, &got, &error), ==, fine);
  g_assert_cmpint (vd_survey (source, offset, policy, 9, &got, NULL), ==, fine);
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
  g_assert_true (vd_survey (source, 0, &strict, 1, &got, NULL));
  g_assert_cmpuint (got.size, ==, wanted.size);
  g_assert_cmpint (truncate (path, (off_t) (SIZE / 3)), ==, 0);
  g_assert_false (vd_survey (source, 0, &strict, 1, &got, &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE);
  g_assert_cmpint (g_unlink (path), ==, 0);
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
  return g_test_run ();
}
