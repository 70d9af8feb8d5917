/* SPDX-License-Identifier: MIT */
/* Tests of the body writer: every short input in every slicing against a plain reference; limits, failures, joints of its
 * parts. */
#include "octets.h"

#include <glib/gstdio.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/message/body.h"

/* ---- a source that gives its octets in chosen slices ---- */

typedef struct
{
  const guint8 *data;
  gsize size;
  guint64 cuts; /* bit i: a slice ends behind octet i */
  gsize at;
  gssize fail_at; /* -1: never */
} Sliced;

static gssize
sliced_read (gpointer user_data, void *buf, gsize size, GError **error)
{
  Sliced *sliced = user_data;
  if (sliced->fail_at >= 0 && sliced->at >= (gsize) sliced->fail_at)
    {
      g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_IO, "broken on purpose");
      return -1;
    }
  guint8 *to = buf;
  gsize n = 0;
  while (sliced->at < sliced->size && n < size)
    {
      to[n++] = sliced->data[sliced->at++];
      if ((sliced->cuts >> (sliced->at - 1) & 1) != 0 || (gssize) sliced->at == sliced->fail_at)
        break;
    }
  return (gssize) n;
}

static gboolean
sliced_rewind (gpointer user_data, GError **error)
{
  ((Sliced *) user_data)->at = 0;
  return TRUE;
}

static VdSource *
sliced_source (Sliced *sliced)
{
  VeredaSourceFuncs funcs = { sizeof funcs, sliced_read, sliced_rewind };
  return vd_source_new_callbacks (&funcs, sliced, NULL);
}

static VdReader *
open_source (VdSource *source)
{
  g_autoptr (GError) error = NULL;
  VdReader *reader = vd_source_open (source, 0, &error);
  g_assert_no_error (error);
  return reader;
}

/* ---- reading a body to its end ---- */

static gboolean
drain (VdBody *body, gsize max, GString *wire, GError **error)
{
  VeredaSpan spans[64];
  gboolean end = FALSE;
  g_string_truncate (wire, 0);
  while (!end)
    {
      gsize n = 99;
      if (!vd_body_next (body, spans, max, &n, &end, error))
        {
          /* A failure stays: no end is ever given out. */
          g_assert_false (vd_body_next (body, spans, max, &n, &end, NULL));
          return FALSE;
        }
      g_assert_cmpuint (n, <=, max);
      for (gsize i = 0; i < n; i++)
        {
          g_assert_cmpuint (spans[i].size, >, 0);
          g_string_append_len (wire, spans[i].data, (gssize) spans[i].size);
        }
    }
  return TRUE;
}

/* What the wire has to hold, by the plainest reading of NRM-1, NRM-2, DAT-3 and DAT-4. FALSE: refused. */
static gboolean
reference (const guint8 *in, gsize size, VdBodyMode mode, gboolean convert_cr, GString *wire, gsize *ret_size)
{
  gboolean start = TRUE;
  g_string_truncate (wire, 0);
  *ret_size = 0;
  for (gsize i = 0; i < size; i++)
    {
      if (in[i] == '\0' || (in[i] == '\r' && (i + 1 == size || in[i + 1] != '\n') && !convert_cr))
        return FALSE;
      if (in[i] == '\r' || in[i] == '\n')
        {
          i += in[i] == '\r' && i + 1 < size && in[i + 1] == '\n';
          g_string_append (wire, "\r\n");
          *ret_size += 2;
          start = TRUE;
          continue;
        }
      if (start && in[i] == '.' && mode == VD_BODY_DATA)
        g_string_append_c (wire, '.');
      g_string_append_c (wire, (char) in[i]);
      *ret_size += 1;
      start = FALSE;
    }
  if (!start)
    {
      g_string_append (wire, "\r\n");
      *ret_size += 2;
    }
  if (mode == VD_BODY_DATA)
    g_string_append (wire, ".\r\n");
  return TRUE;
}

static void
check_slicing (VdSource *source, VdBodyMode mode, gboolean convert, gsize max, gboolean valid, GString *wanted, GString *got)
{
  const VdBodyPolicy policy = { convert, FALSE };
  g_autoptr (VdBody) body = vd_body_new (mode, &policy, NULL, open_source (source), NULL);
  gboolean fine = drain (body, max, got, NULL);
  g_assert_cmpint (fine, ==, valid);
  if (fine)
    assert_octets (got->str, got->len, wanted->str, wanted->len);
}

static void
check_facts (VdSource *source, const guint8 *in, gsize n, gboolean convert, gboolean valid, gsize size)
{
  const VdBodyPolicy policy = { convert, FALSE };
  VdBodyFacts facts;
  g_assert_cmpint (vd_body_scan (&policy, open_source (source), 1, &facts, NULL), ==, valid);
  if (!valid)
    return;
  g_assert_cmpuint (facts.size, ==, size);
  g_assert_cmpint (facts.eight_bit, ==, memchr (in, 0x80, n) != NULL);
}

/* Under valgrind and the sanitizers, fifty times slower: shorter inputs. */
static gboolean
is_slow (void)
{
#if defined(__SANITIZE_ADDRESS__)
  return TRUE;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
  return TRUE;
#endif
#endif
  const char *preload = g_getenv ("LD_PRELOAD");
  return preload != NULL && strstr (preload, "vgpreload") != NULL;
}

/* Every input over the alphabet up to six octets, in every slicing, in both modes, under both policies. */
static void
test_exhaustive (void)
{
  static const guint8 alphabet[] = { '\r', '\n', '.', 'a', '\0', 0x80 };
  gsize longest = g_test_slow () ? 7 : is_slow () ? 4 : 6;
  guint8 in[8];
  Sliced sliced = { in, 0, 0, 0, -1 };
  g_autoptr (VdSource) source = sliced_source (&sliced);
  g_autoptr (GString) wanted = g_string_new (NULL);
  g_autoptr (GString) got = g_string_new (NULL);
  for (gsize n = 0; n <= longest; n++)
    {
      guint64 inputs = 1;
      for (gsize i = 0; i < n; i++)
        inputs *= sizeof alphabet;
      for (guint64 input = 0; input < inputs; input++)
        {
          guint64 rest = input;
          for (gsize i = 0; i < n; i++, rest /= sizeof alphabet)
            in[i] = alphabet[rest % sizeof alphabet];
          sliced.size = n;
          for (int variant = 0; variant < 4; variant++)
            {
              VdBodyMode mode = (variant & 1) != 0 ? VD_BODY_BDAT : VD_BODY_DATA;
              gboolean convert = (variant & 2) != 0;
              gsize size;
              gboolean valid = reference (in, n, mode, convert, wanted, &size);
              guint64 slicings = n > 1 ? G_GUINT64_CONSTANT (1) << (n - 1) : 1;
              for (sliced.cuts = 0; sliced.cuts < slicings; sliced.cuts++)
                check_slicing (source, mode, convert, 8, valid, wanted, got);
              sliced.cuts = G_GUINT64_CONSTANT (0x55);
              check_facts (source, in, n, convert, valid, size);
            }
        }
    }
}

/* Long random texts: slices of every size up to 40, few and many spans. */
static void
test_random (void)
{
  static const char alphabet[] = "\r\n..ab \x80";
  g_autoptr (GRand) rand = g_rand_new_with_seed (11);
  g_autoptr (GString) wanted = g_string_new (NULL);
  g_autoptr (GString) got = g_string_new (NULL);
  guint8 in[64];
  Sliced sliced = { in, sizeof in, 0, 0, -1 };
  g_autoptr (VdSource) source = sliced_source (&sliced);
  for (int round = 0; round < 20000; round++)
    {
      for (gsize i = 0; i < sizeof in; i++)
        in[i] = (guint8) alphabet[g_rand_int_range (rand, 0, (gint32) sizeof alphabet - 1)];
      sliced.cuts = (guint64) g_rand_int (rand) << 32 | g_rand_int (rand);
      gsize size;
      VdBodyMode mode = round % 2 != 0 ? VD_BODY_BDAT : VD_BODY_DATA;
      gboolean valid = reference (in, sizeof in, mode, TRUE, wanted, &size);
      check_slicing (source, mode, TRUE, round % 3 != 0 ? 8 : 64, valid, wanted, got);
    }
}

/* ---- large content: long runs that stay where they are, short ones that are gathered ---- */

typedef enum
{
  TEXT_CRLF, /* well-formed, no dot at the start of a line */
  TEXT_LF,   /* the same with LF */
  TEXT_MIXED /* stretches of either, with dots, near and far */
} TextKind;

static void
append_line (GString *text, GRand *rand, gboolean crlf, gboolean dot)
{
  gint32 length = g_rand_int_range (rand, 0, g_rand_int_range (rand, 1, 900));
  if (dot)
    g_string_append_c (text, '.');
  for (gint32 i = 0; i < length; i++)
    g_string_append_c (text, (char) ('a' + (i * 7 + length) % 26));
  g_string_append (text, crlf ? "\r\n" : "\n");
}

static GString *
large_text (TextKind kind, gsize size, GRand *rand)
{
  GString *text = g_string_new (NULL);
  while (text->len < size)
    {
      gsize until = text->len + (gsize) g_rand_int_range (rand, 1, 60000);
      gint32 often = g_rand_int_range (rand, 1, 4);
      for (gboolean crlf = kind == TEXT_CRLF || (kind == TEXT_MIXED && g_rand_boolean (rand)); text->len < until;)
        append_line (text, rand, crlf, kind == TEXT_MIXED && often == 1 && g_rand_int_range (rand, 0, 30) == 0);
    }
  return text;
}

/* Reads it all; looks at how it came. */
static void
check_large (VdSource *source, VdBodyMode mode, gsize max, const GString *wanted, gsize size)
{
  const VdBodyPolicy policy = { FALSE, FALSE };
  g_autoptr (VdBody) body = vd_body_new (mode, &policy, NULL, open_source (source), NULL);
  g_autoptr (GString) wire = g_string_new (NULL);
  VeredaSpan spans[64];
  gboolean end = FALSE;
  gsize calls = 0;
  vd_body_expect (body, size);
  while (!end)
    {
      gsize n;
      gsize little = 0;
      g_autoptr (GError) error = NULL;
      calls++;
      vd_body_next (body, spans, max, &n, &end, &error);
      g_assert_no_error (error);
      for (gsize i = 0; i < n; i++)
        {
          little += spans[i].size < 1000 ? 1 : 0;
          g_string_append_len (wire, spans[i].data, (gssize) spans[i].size);
        }
      g_assert_cmpuint (little, <=, n / 2 + 5); /* never line by line */
    }
  assert_octets (wire->str, wire->len, wanted->str, wanted->len);
  g_assert_cmpuint (calls, <=, 3 + wire->len / 30000);
}

static void
test_large (void)
{
  const VdBodyPolicy policy = { FALSE, FALSE };
  g_autoptr (GRand) rand = g_rand_new_with_seed (23);
  g_autoptr (GString) wanted = g_string_new (NULL);
  for (int round = 0; round < 24; round++)
    {
      g_autoptr (GString) text = large_text ((TextKind) (round % 3), (gsize) g_rand_int_range (rand, 100, 900000), rand);
      g_autoptr (GBytes) content = g_bytes_new (text->str, text->len);
      g_autoptr (VdSource) memory = vd_source_new_bytes (content);
      g_autoptr (GError) error = NULL;
      g_autofree char *path = NULL;
      int fd = g_file_open_tmp ("body-XXXXXX", &path, &error);
      g_assert_no_error (error);
      g_assert_true (g_file_set_contents (path, text->str, (gssize) text->len, NULL));
      g_autoptr (VdSource) file = vd_source_new_file (path, &error);
      g_assert_no_error (error);
      close (fd);
      for (int mode = 0; mode < 2; mode++)
        {
          gsize size;
          VdBodyFacts facts;
          g_assert_true (reference ((const guint8 *) text->str, text->len, (VdBodyMode) mode, FALSE, wanted, &size));
          g_assert_true (vd_body_scan (&policy, open_source (file), 1, &facts, NULL));
          g_assert_cmpuint (facts.size, ==, size);
          check_large (memory, (VdBodyMode) mode, round % 2 != 0 ? 8 : 64, wanted, size);
          check_large (file, (VdBodyMode) mode, 16, wanted, size);
        }
      g_assert_cmpint (g_unlink (path), ==, 0);
    }
}

/* Every two octets that matter, on the border of two slices of a file, and near it. */
static void
test_borders (void)
{
  static const char *const pairs[] = { "\r\n", "\n\r\n", "\r\n.", "\n.", "\n..\r\n", "\r\n.\r\n", "\n\n", "\n.\n" };
  g_autoptr (GString) wanted = g_string_new (NULL);
  const gsize slice = (gsize) 256 * 1024;
  for (guint p = 0; p < G_N_ELEMENTS (pairs); p++)
    for (gsize back = 0; back < 6; back++)
      for (guint unix_lines = 0; unix_lines < 2; unix_lines++)
        {
          g_autoptr (GString) text = g_string_sized_new (slice + 100);
          gsize size;
          while (text->len < slice - back)
            g_string_append (text, text->len % 80 < 70 || text->len + 2 > slice - back ? "x" : unix_lines != 0 ? "\n" : "\r\n");
          g_string_append (text, pairs[p]);
          g_string_append (text, "rest");
          FILE *stream = tmpfile ();
          g_autoptr (GError) error = NULL;
          g_assert_cmpuint (fwrite (text->str, 1, text->len, stream), ==, text->len);
          rewind (stream);
          g_autoptr (VdSource) file = vd_source_new_fd (fileno (stream), FALSE, &error);
          g_assert_no_error (error);
          g_assert_true (reference ((const guint8 *) text->str, text->len, VD_BODY_DATA, FALSE, wanted, &size));
          check_large (file, VD_BODY_DATA, 16, wanted, size);
          fclose (stream);
        }
}

static GBytes *
bytes (const char *text)
{
  return text == NULL ? NULL : g_bytes_new_static (text, strlen (text));
}

static void
check_parts (VdBodyMode mode, const char *head, const char *content, const char *tail, const char *wanted)
{
  const VdBodyPolicy policy = { FALSE, FALSE };
  g_autoptr (GString) wire = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) head_bytes = bytes (head);
  g_autoptr (GBytes) tail_bytes = bytes (tail);
  g_autoptr (GBytes) content_bytes = bytes (content == NULL ? "" : content);
  g_autoptr (VdSource) source = vd_source_new_bytes (content_bytes);
  g_autoptr (VdBody) body = vd_body_new (mode, &policy, head_bytes, content == NULL ? NULL : open_source (source), tail_bytes);
  g_assert_true (drain (body, 8, wire, &error));
  g_assert_no_error (error);
  assert_octets_text (wire->str, wire->len, wanted);
}

static void
test_parts (void)
{
  check_parts (VD_BODY_DATA, "A: b\r\n\r\n", "x\r\n", NULL, "A: b\r\n\r\nx\r\n.\r\n");
  check_parts (VD_BODY_BDAT, "A: b\r\n\r\n", "x", NULL, "A: b\r\n\r\nx\r\n");
  check_parts (VD_BODY_DATA, "A: b\r\n", NULL, NULL, "A: b\r\n.\r\n");
  check_parts (VD_BODY_DATA, NULL, NULL, NULL, ".\r\n");
  check_parts (VD_BODY_BDAT, NULL, NULL, NULL, "");
  /* A field name may begin with a dot; so may a line of the tail. */
  check_parts (VD_BODY_DATA, ".A: b\r\n\r\n", ".\n..", ".t", "..A: b\r\n\r\n..\r\n...\r\n..t\r\n.\r\n");
  check_parts (VD_BODY_BDAT, ".A: b\r\n\r\n", ".\n..", ".t", ".A: b\r\n\r\n.\r\n..\r\n.t\r\n");
  check_parts (VD_BODY_DATA, "A: b\r\n\r\n", "x\r\n", "\r\n--b--\r\n", "A: b\r\n\r\nx\r\n\r\n--b--\r\n.\r\n");
  check_parts (VD_BODY_DATA, "A: b\r\n\r\n", "", "--b--\r\n", "A: b\r\n\r\n--b--\r\n.\r\n");
}

/* A small message in memory leaves in one go, and its octets are those of the source, not copies. */
static void
test_no_copy (void)
{
  const VdBodyPolicy policy = { FALSE, FALSE };
  static const char text[] = "line\r\n.dot\r\nlast\r\n";
  g_autoptr (GBytes) content = g_bytes_new_static (text, sizeof text - 1);
  g_autoptr (GBytes) head = bytes ("A: b\r\n\r\n");
  g_autoptr (VdSource) source = vd_source_new_bytes (content);
  g_autoptr (VdBody) body = vd_body_new (VD_BODY_DATA, &policy, head, open_source (source), NULL);
  VeredaSpan spans[8];
  gsize n;
  gboolean end;
  g_assert_true (vd_body_next (body, spans, 8, &n, &end, NULL));
  g_assert_true (end);
  g_assert_cmpuint (n, ==, 5);
  g_assert_true (spans[0].data == g_bytes_get_data (head, NULL));
  g_assert_true (spans[1].data == (const void *) text);
  assert_octets_text (spans[2].data, spans[2].size, ".");
  g_assert_true (spans[3].data == (const void *) (text + 6));
  assert_octets_text (spans[4].data, spans[4].size, ".\r\n");
}

static char *
scan_error (const char *text, gsize size, const VdBodyPolicy *policy, VdBodyFacts *facts)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) content = g_bytes_new (text, size);
  g_autoptr (VdSource) source = vd_source_new_bytes (content);
  if (vd_body_scan (policy, open_source (source), 5, facts, &error))
    return NULL;
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_MESSAGE);
  return g_strdup (error->message);
}

static void
test_line_limit (void)
{
  const VdBodyPolicy strict = { FALSE, FALSE };
  const VdBodyPolicy lax = { FALSE, TRUE };
  g_autoptr (GString) text = g_string_new ("first\r\n.");
  VdBodyFacts facts;
  while (text->len < 7 + 998)
    g_string_append_c (text, 'x');
  g_string_append (text, "\r\nlast");
  g_assert_null (scan_error (text->str, text->len, &strict, &facts));
  g_assert_cmpuint (facts.size, ==, text->len + 2);
  g_string_insert_c (text, 10, 'x');
  g_autofree char *message = scan_error (text->str, text->len, &strict, &facts);
  g_assert_cmpstr (message, ==, "line 6 of the message is longer than the 998 octets that mail allows");
  g_assert_null (scan_error (text->str, text->len, &lax, &facts));
  g_string_truncate (text, 7 + 999); /* the same without a line end */
  g_autofree char *unended = scan_error (text->str, text->len, &strict, &facts);
  g_assert_nonnull (strstr (unended, "line 6 "));
}

static void
test_errors (void)
{
  const VdBodyPolicy policy = { FALSE, FALSE };
  VdBodyFacts facts = { 77, TRUE, 77 };
  g_autofree char *cr = scan_error ("a\nb\rc\n", 6, &policy, &facts);
  g_assert_cmpstr (cr, ==, "line 6 of the message holds a CR without LF");
  g_autofree char *nul = scan_error ("a\r\nb\r\n\0", 7, &policy, &facts);
  g_assert_cmpstr (nul, ==, "line 7 of the message holds a NUL octet");
  g_assert_cmpuint (facts.size, ==, 77); /* untouched */
}

/* DAT-5: whatever octet the source fails at, the wire has a beginning of the text and never an end. */
static void
test_source_fails (void)
{
  static const guint8 text[] = "ab\r\n.\r\ncd\r\n";
  const VdBodyPolicy policy = { FALSE, FALSE };
  for (gssize fail_at = 0; fail_at <= (gssize) sizeof text - 1; fail_at++)
    for (int mode = 0; mode < 2; mode++)
      {
        Sliced sliced = { text, sizeof text - 1, 0x2a, 0, fail_at };
        g_autoptr (VdSource) source = sliced_source (&sliced);
        g_autoptr (VdBody) body
            = vd_body_new (mode == 0 ? VD_BODY_DATA : VD_BODY_BDAT, &policy, NULL, open_source (source), NULL);
        g_autoptr (GString) wire = g_string_new (NULL);
        g_autoptr (GError) error = NULL;
        g_assert_false (drain (body, 8, wire, &error));
        g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE);
        g_assert_nonnull (strstr (error->message, "broken on purpose"));
        if (mode == 0)
          g_assert_null (strstr (wire->str, "\r\n.\r\n"));
      }
}

/* BDT-1: content that changed since it was scanned neither overruns the announced size nor ends early. */
static void
test_expect (void)
{
  static const guint8 text[] = "abc\r\ndef\r\n";
  const VdBodyPolicy policy = { FALSE, FALSE };
  for (gsize expected = 0; expected < 20; expected++)
    for (int mode = 0; mode < 2; mode++)
      {
        Sliced sliced = { text, sizeof text - 1, 0x4, 0, -1 };
        g_autoptr (VdSource) source = sliced_source (&sliced);
        g_autoptr (VdBody) body
            = vd_body_new (mode == 0 ? VD_BODY_DATA : VD_BODY_BDAT, &policy, NULL, open_source (source), NULL);
        g_autoptr (GString) wire = g_string_new (NULL);
        g_autoptr (GError) error = NULL;
        vd_body_expect (body, expected);
        gboolean fine = drain (body, 8, wire, &error);
        g_assert_cmpint (fine, ==, expected == sizeof text - 1);
        g_assert_cmpuint (wire->len, <=, fine ? wire->len : expected);
        if (!fine)
          g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE);
      }
}

int
main (int argc, char **argv)
{
  /* Meson has malloc() fill what it gives out: of the buffers of six million readers. */
  mallopt (M_PERTURB, 0);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/body/NRM-1-every-input-every-slicing", test_exhaustive);
  g_test_add_func ("/body/NRM-2-random-slicing", test_random);
  g_test_add_func ("/body/NRM-1-NRM-2-large", test_large);
  g_test_add_func ("/body/NRM-1-NRM-2-slice-borders", test_borders);
  g_test_add_func ("/body/DAT-3-DAT-4-parts", test_parts);
  g_test_add_func ("/body/no-copy", test_no_copy);
  g_test_add_func ("/body/NRM-4-line-limit", test_line_limit);
  g_test_add_func ("/body/NRM-3-errors-name-the-line", test_errors);
  g_test_add_func ("/body/DAT-5-source-fails-at-each-octet", test_source_fails);
  g_test_add_func ("/body/BDT-1-expected-size", test_expect);
  return g_test_run ();
}
