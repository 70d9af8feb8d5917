/* SPDX-License-Identifier: MIT */
/* Tests of core/base: errors, secrets, escaping, trace lines, the buffer. */
#include "octets.h"

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/secret.h"
#include "core/base/trace.h"

static void
test_error_prefix (void)
{
  g_autoptr (GError) error = NULL;
  vd_error_prefix (NULL, "nothing");
  vd_error_prefix (&error, "nothing");
  g_assert_no_error (error);
  g_set_error (&error, VEREDA_ERROR, VEREDA_ERROR_SOURCE, "disk %d%%", 5);
  vd_error_prefix (&error, "reading '%s'", "a%sb");
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE);
  g_assert_cmpstr (error->message, ==, "reading 'a%sb': disk 5%");
}

static void
test_error_wrap (void)
{
  g_autoptr (GError) error = NULL;
  GError *cause = g_error_new (G_FILE_ERROR, G_FILE_ERROR_NOENT, "no such %s", "file");
  vd_error_wrap (&error, VEREDA_ERROR_SOURCE, cause, "cannot open '%s'", "x");
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE);
  g_assert_cmpstr (error->message, ==, "cannot open 'x': no such file");
  vd_error_wrap (NULL, VEREDA_ERROR_SOURCE, g_error_new (G_FILE_ERROR, G_FILE_ERROR_NOENT, "freed"), "dropped");
}

static void
test_secret (void)
{
  g_autoptr (VdSecret) secret = vd_secret_new ("pa\0ss", 5);
  g_autoptr (VdSecret) again = vd_secret_ref (secret);
  VeredaSpan span = vd_secret_span (again);
  assert_octets (span.data, span.size, "pa\0ss", 5);
  g_assert_cmpint (((const char *) span.data)[5], ==, '\0');
  g_assert_cmpuint (vd_secret_span (NULL).size, ==, 0);
  vd_secret_unref (NULL);

  g_assert_true (vd_secret_equal ("abc", 3, "abc", 3));
  g_assert_false (vd_secret_equal ("abc", 3, "abd", 3));
  g_assert_false (vd_secret_equal ("abc", 3, "ab", 2));
  g_assert_true (vd_secret_equal (NULL, 0, "", 0));

  char text[] = "secret";
  vd_wipe (text, sizeof text);
  assert_octets (text, sizeof text, "\0\0\0\0\0\0\0", 7);
}

static void
test_escape (void)
{
  static const struct
  {
    const char *in;
    gsize size;
    const char *out;
  } rows[] = {
    { "", 0, "" },
    { "plain text", 10, "plain text" },
    { "a\r\nb\0c", 6, "a\\x0D\\x0Ab\\x00c" },
    { "\x1b[31m", 5, "\\x1B[31m" },
    { "\x7f", 1, "\\x7F" },
    { "back\\slash", 10, "back\\\\slash" },
    { "\xc3\xa9\xe2\x82\xac\xf0\x9f\x93\xa8", 9, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x93\xa8" },
    { "\xc2\x85", 2, "\\xC2\\x85" }, /* NEL, a C1 control */
    { "\xe2\x80\xae"
      "evil",
      7,
      "\\xE2\\x80\\xAE"
      "evil" },                               /* right-to-left override */
    { "\xe2\x80\xa8", 3, "\\xE2\\x80\\xA8" }, /* line separator */
    { "\xe2\x81\xa6", 3, "\\xE2\\x81\\xA6" }, /* isolate */
    { "\xc0\xaf", 2, "\\xC0\\xAF" },          /* overlong */
    { "\xed\xa0\x80", 3, "\\xED\\xA0\\x80" }, /* surrogate */
    { "\xe2\x82", 2, "\\xE2\\x82" },          /* cut */
    { "\xff"
      "a",
      2,
      "\\xFF"
      "a" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *out = vd_text_escape (rows[i].in, rows[i].size);
      g_assert_cmpstr (out, ==, rows[i].out);
    }
}

static void
collect (VeredaTraceKind kind, gboolean secure, const char *server, const char *text, gpointer data)
{
  g_string_append_printf (data, "%d %d %s %s\n", (int) kind, secure, server, text);
}

static void
test_trace (void)
{
  g_autoptr (GString) seen = g_string_new (NULL);
  VdTrace trace = { collect, seen, "mx" };
  vd_trace_line (&trace, VEREDA_TRACE_CLIENT, TRUE, "QUIT");
  vd_trace_info (&trace, "port %d", 25);
  g_assert_cmpstr (seen->str, ==, "1 1 mx QUIT\n4 0 mx port 25\n");
  VdTrace nowhere = { NULL, NULL, NULL };
  vd_trace_info (&nowhere, "%s", "x");
  vd_trace_line (NULL, VEREDA_TRACE_CLIENT, TRUE, "x");
}

static void
test_buffer_queue (void)
{
  VdBuffer buffer;
  vd_buffer_init (&buffer, FALSE);
  g_assert_null (vd_buffer_span (&buffer).data);
  guint64 put = 0;
  guint64 got = 0;
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  for (int round = 0; round < 5000; round++)
    {
      guint8 *room = vd_buffer_reserve (&buffer, 300);
      gsize n = (gsize) g_rand_int_range (rand, 0, 300);
      for (gsize i = 0; i < n; i++)
        room[i] = (guint8) (put++ * 31);
      vd_buffer_commit (&buffer, n);
      VeredaSpan span = vd_buffer_span (&buffer);
      gsize wanted = (gsize) g_rand_int_range (rand, 0, 310);
      gsize take = MIN (span.size, wanted);
      for (gsize i = 0; i < take; i++)
        g_assert_cmpuint (((const guint8 *) span.data)[i], ==, (guint8) (got++ * 31));
      vd_buffer_consume (&buffer, take);
    }
  g_assert_cmpuint (vd_buffer_size (&buffer), ==, put - got);
  vd_buffer_consume (&buffer, vd_buffer_size (&buffer));
  g_assert_cmpuint (vd_buffer_size (&buffer), ==, 0);
  vd_buffer_append (&buffer, "end", 3);
  assert_octets (vd_buffer_span (&buffer).data, vd_buffer_size (&buffer), "end", 3);
  vd_buffer_clear (&buffer);
}

/* Memory shrinks back, and a steady queue does not grow without bound. */
static void
test_buffer_room (void)
{
  VdBuffer buffer;
  vd_buffer_init (&buffer, FALSE);
  g_autofree guint8 *big = g_malloc0 (1 << 20);
  vd_buffer_append (&buffer, big, 1 << 20);
  vd_buffer_consume (&buffer, 1 << 20);
  g_assert_cmpuint (buffer.room, ==, 0);
  for (int i = 0; i < 100000; i++)
    {
      vd_buffer_append (&buffer, big, 700);
      vd_buffer_consume (&buffer, i == 0 ? 1 : 700);
    }
  g_assert_cmpuint (buffer.room, <=, 8192);
  vd_buffer_clear (&buffer);
}

static void
test_buffer_secret (void)
{
  VdBuffer buffer;
  vd_buffer_init (&buffer, TRUE);
  vd_buffer_append (&buffer, "hunter2hunter2", 14);
  vd_buffer_consume (&buffer, 7);
  assert_octets (buffer.data, 7, "\0\0\0\0\0\0\0", 7);
  assert_octets (vd_buffer_span (&buffer).data, vd_buffer_size (&buffer), "hunter2", 7);
  /* Forces a compaction: what lies behind the moved octets is wiped too. */
  vd_buffer_reserve (&buffer, buffer.room - 7);
  g_assert_cmpuint (buffer.start, ==, 0);
  assert_octets (buffer.data + 7, 7, "\0\0\0\0\0\0\0", 7);
  vd_buffer_clear (&buffer);
  g_assert_true (buffer.secret);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/error-prefix", test_error_prefix);
  g_test_add_func ("/base/error-wrap", test_error_wrap);
  g_test_add_func ("/base/secret", test_secret);
  g_test_add_func ("/base/DSP-4-escape", test_escape);
  g_test_add_func ("/base/trace", test_trace);
  g_test_add_func ("/base/buffer-queue", test_buffer_queue);
  g_test_add_func ("/base/buffer-room", test_buffer_room);
  g_test_add_func ("/base/SEC-10-buffer-wipes", test_buffer_secret);
  return g_test_run ();
}
