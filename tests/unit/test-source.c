/* SPDX-License-Identifier: MIT */
/* Tests of sources and readers: each kind gives its octets, as often as asked; failures are never ends. */
#include "octets.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/message/message.h"
#include "core/message/source.h"

/* ---- helpers ---- */

static GString *
read_all (VdSource *source, guint64 offset, GError **error)
{
  g_autoptr (VdReader) reader = vd_source_open (source, offset, error);
  if (reader == NULL)
    return NULL;
  GString *all = g_string_new (NULL);
  for (;;)
    {
      VeredaSpan slice;
      if (!vd_reader_next (reader, &slice, error))
        {
          g_assert_false (vd_reader_next (reader, &slice, NULL)); /* stays */
          g_assert_false (vd_reader_at_end (reader));
          g_string_free (all, TRUE);
          return NULL;
        }
      if (slice.size == 0)
        return all;
      g_string_append_len (all, slice.data, (gssize) slice.size);
    }
}

static void
check_reads (VdSource *source, guint64 offset, const char *data, gsize size)
{
  g_autoptr (GError) error = NULL;
  GString *all = read_all (source, offset, &error);
  g_assert_no_error (error);
  if (all->len != size || (size > 0 && memcmp (all->str, data, size) != 0))
    g_error ("read %" G_GSIZE_FORMAT " octets instead of %" G_GSIZE_FORMAT ", or others", all->len, size);
  g_string_free (all, TRUE);
}

/* Octets that are different everywhere. */
static char *
make_text (gsize size)
{
  char *text = g_malloc (size + 1);
  for (gsize i = 0; i < size; i++)
    text[i] = (char) ('a' + (i * 7 + i / 251) % 26);
  return text;
}

static char *
write_temp (const char *data, gsize size)
{
  g_autoptr (GError) error = NULL;
  char *path = g_build_filename (g_get_tmp_dir (), "vereda-test-XXXXXX", NULL);
  int fd = g_mkstemp (path);
  g_assert_cmpint (fd, >=, 0);
  close (fd);
  g_file_set_contents (path, data, (gssize) size, &error);
  g_assert_no_error (error);
  return path;
}

/* ---- tests ---- */

static void
test_bytes (void)
{
  gsize size = 700000; /* more than two slices */
  g_autofree char *text = make_text (size);
  g_autoptr (GBytes) bytes = g_bytes_new_static (text, size);
  g_autoptr (VdSource) source = vd_source_new_bytes (bytes);
  check_reads (source, 0, text, size);
  check_reads (source, 12345, text + 12345, size - 12345);
  check_reads (source, size, "", 0);
  g_autoptr (VdReader) reader = vd_source_open (source, 0, NULL);
  VeredaSpan slice;
  g_assert_true (vd_reader_next (reader, &slice, NULL));
  g_assert_true (slice.data == (const void *) text);
  g_assert_cmpuint (slice.size, <, size); /* the work of one step is bounded */
}

static void
test_file (void)
{
  gsize size = 700001;
  g_autofree char *text = make_text (size);
  g_autofree char *path = write_temp (text, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (VdSource) source = vd_source_new_file (path, &error);
  g_assert_no_error (error);
  g_unlink (path); /* an open file stays readable */
  check_reads (source, 0, text, size);
  check_reads (source, 300000, text + 300000, size - 300000);
  g_autoptr (VdReader) one = vd_source_open (source, 0, NULL);
  g_autoptr (VdReader) two = vd_source_open (source, 5, NULL);
  VeredaSpan a;
  VeredaSpan b;
  g_assert_true (vd_reader_next (one, &a, NULL) && vd_reader_next (two, &b, NULL));
  g_assert_true (((const char *) a.data)[5] == ((const char *) b.data)[0]);
}

static void
test_file_errors (void)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (vereda_message_new_from_file ("/nonexistent/\x1b[mail.eml", &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE);
  g_assert_nonnull (strstr (error->message, "cannot open message file '/nonexistent/\\x1B[mail.eml'"));
  g_clear_error (&error);
  g_assert_null (vd_source_new_file ("/", &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE);
}

static void
test_file_changes (void)
{
  gsize size = 700000;
  g_autofree char *text = make_text (size);
  for (int change = 0; change < 3; change++)
    {
      g_autofree char *path = write_temp (text, size);
      g_autoptr (GError) error = NULL;
      g_autoptr (VdSource) source = vd_source_new_file (path, &error);
      g_autoptr (VdReader) reader = vd_source_open (source, 0, &error);
      VeredaSpan slice;
      g_assert_true (vd_reader_next (reader, &slice, &error));
      int fd = g_open (path, O_WRONLY, 0);
      if (change == 0)
        g_assert_cmpint (ftruncate (fd, 300000), ==, 0); /* shrinks */
      else if (change == 1)
        g_assert_cmpint (ftruncate (fd, 800000), ==, 0); /* grows */
      else
        {
          struct timespec times[2] = { { 1, 0 }, { 1, 0 } };
          g_assert_cmpint (pwrite (fd, "X", 1, 400000), ==, 1); /* is written to */
          g_assert_cmpint (futimens (fd, times), ==, 0);
        }
      close (fd);
      g_unlink (path);
      g_assert_false (vd_reader_next (reader, &slice, &error));
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE);
      g_assert_nonnull (strstr (error->message, "changed while it was being read"));
      g_assert_false (vd_reader_next (reader, &slice, NULL));
    }
}

/* From the current offset, which stays where it is; the descriptor stays open unless given away. */
static void
test_fd (void)
{
  g_autofree char *text = make_text (5000);
  g_autofree char *path = write_temp (text, 5000);
  int fd = g_open (path, O_RDONLY, 0);
  g_unlink (path);
  g_assert_cmpint (lseek (fd, 1000, SEEK_SET), ==, 1000);
  VdSource *source = vd_source_new_fd (fd, FALSE, NULL);
  check_reads (source, 0, text + 1000, 4000);
  check_reads (source, 500, text + 1500, 3500);
  g_assert_cmpint (lseek (fd, 0, SEEK_CUR), ==, 1000);
  vd_source_unref (source);
  g_assert_cmpint (fcntl (fd, F_GETFD), >=, 0);
  vd_source_unref (vd_source_new_fd (fd, TRUE, NULL));
  g_assert_cmpint (fcntl (fd, F_GETFD), ==, -1);
  g_assert_null (vd_source_new_fd (fd, TRUE, NULL));
}

/* The reading end of a pipe that another program writes to, at its own pace. */
static int
open_pipe (const char *path)
{
  const char *argv[] = { "cat", path, NULL };
  g_autoptr (GError) error = NULL;
  int fd = -1;
  g_spawn_async_with_pipes (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &fd, NULL, &error);
  g_assert_no_error (error);
  return fd;
}

/* A pipe is spooled: in memory, or beyond 1 MiB in a file that has no name. */
static void
test_pipe (void)
{
  static const gsize sizes[] = { 0, 1, 100000, 1024 * 1024, 1024 * 1024 + 1, 3000000 };
  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (int flags = 0; flags < 2; flags++)
      {
        g_autofree char *text = make_text (sizes[i]);
        g_autofree char *path = write_temp (text, sizes[i]);
        int fd = open_pipe (path);
        if (flags != 0)
          fcntl (fd, F_SETFL, O_NONBLOCK);
        g_autoptr (VdSource) source = vd_source_new_fd (fd, TRUE, NULL);
        check_reads (source, 0, text, sizes[i]);
        check_reads (source, sizes[i] / 2, text + sizes[i] / 2, sizes[i] - sizes[i] / 2);
        g_unlink (path);
      }
}

/* A regular file of size 0 that has content. */
static void
test_proc (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VdSource) source = vd_source_new_file ("/proc/self/status", &error);
  g_assert_no_error (error);
  GString *all = read_all (source, 0, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (all->len, >, 10);
  g_string_free (all, TRUE);
}

/* ---- callbacks ---- */

typedef struct
{
  const char *data;
  gsize size;
  gsize at;
  gsize step;
  gssize fail_at;  /* -1: never */
  gboolean silent; /* fails without saying why */
  gboolean wild;   /* claims more than it was asked for */
  gboolean stuck;  /* cannot rewind */
  guint rewinds;
  guint destroyed;
} App;

static gssize
app_read (gpointer user_data, void *buf, gsize size, GError **error)
{
  App *app = user_data;
  if (app->fail_at >= 0 && app->at >= (gsize) app->fail_at)
    {
      if (!app->silent)
        g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_IO, "tape ran out");
      return -1;
    }
  gsize n = MIN (MIN (size, app->step), app->size - app->at);
  if (app->fail_at >= 0)
    n = MIN (n, (gsize) app->fail_at - app->at);
  memcpy (buf, app->data + app->at, n);
  app->at += n;
  return app->wild ? (gssize) size + 1 : (gssize) n;
}

static gboolean
app_rewind (gpointer user_data, GError **error)
{
  App *app = user_data;
  if (app->stuck)
    {
      g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_IO, "stuck");
      return FALSE;
    }
  app->rewinds++;
  app->at = 0;
  return TRUE;
}

static void
app_destroy (gpointer user_data)
{
  ((App *) user_data)->destroyed++;
}

static VdSource *
app_source (App *app, gboolean rewinds)
{
  VeredaSourceFuncs funcs = { sizeof funcs, app_read, rewinds ? app_rewind : NULL };
  return vd_source_new_callbacks (&funcs, app, app_destroy);
}

static void
test_callbacks (void)
{
  g_autofree char *text = make_text (600000);
  for (int rewinds = 0; rewinds < 2; rewinds++)
    {
      App app = { text, 600000, 0, 70001, -1, FALSE, FALSE, FALSE, 0, 0 };
      VdSource *source = app_source (&app, rewinds != 0);
      check_reads (source, 0, text, 600000);
      check_reads (source, 123456, text + 123456, 600000 - 123456);
      g_assert_cmpuint (app.rewinds, ==, rewinds != 0 ? 2 : 0);
      if (rewinds != 0)
        {
          g_autoptr (VdReader) first = vd_source_open (source, 0, NULL);
          g_autoptr (GError) error = NULL;
          g_assert_nonnull (first);
          g_assert_null (vd_source_open (source, 0, &error)); /* one position, one reader */
          g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE);
        }
      vd_source_unref (source);
      g_assert_cmpuint (app.destroyed, ==, 1);
    }
}

/* An old application's struct ends before rewind. */
static void
test_callbacks_short_struct (void)
{
  App app = { "abc", 3, 0, 2, -1, FALSE, FALSE, FALSE, 0, 0 };
  VeredaSourceFuncs funcs = { G_STRUCT_OFFSET (VeredaSourceFuncs, rewind), app_read, (gpointer) 0x1 };
  g_autoptr (VdSource) source = vd_source_new_callbacks (&funcs, &app, NULL);
  check_reads (source, 0, "abc", 3);
  check_reads (source, 1, "bc", 2);
}

static void
check_fails (App *app, gboolean rewinds, const char *wanted)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VdSource) source = app_source (app, rewinds);
  g_assert_null (read_all (source, 0, &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE);
  if (strstr (error->message, wanted) == NULL)
    g_error ("\"%s\" does not say \"%s\"", error->message, wanted);
}

static void
test_callbacks_fail (void)
{
  g_autofree char *text = make_text (100);
  for (int rewinds = 0; rewinds < 2; rewinds++)
    for (gssize at = 0; at <= 100; at++)
      {
        App app = { text, 100, 0, 9, at, at % 2 != 0, FALSE, FALSE, 0, 0 };
        check_fails (&app, rewinds != 0, at % 2 != 0 ? "returned -1" : "tape ran out");
      }
  App wild = { text, 100, 0, 9, -1, FALSE, TRUE, FALSE, 0, 0 };
  check_fails (&wild, FALSE, "for 262144 octets");
  App stuck = { text, 100, 0, 9, -1, FALSE, FALSE, TRUE, 0, 0 };
  check_fails (&stuck, TRUE, "cannot rewind the application's message source: stuck");
}

/* The second pass gives less than the first. */
static void
test_callbacks_shrink (void)
{
  App app = { "abcdef", 6, 0, 3, -1, FALSE, FALSE, FALSE, 0, 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (VdSource) source = app_source (&app, TRUE);
  check_reads (source, 0, "abcdef", 6);
  app.size = 2;
  g_assert_null (vd_source_open (source, 4, &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE);
}

static const char *program;

/* In a process of its own, because GLib remembers the temporary directory. (g_test_trap_subprocess() leaves a thread
 * behind.) */
static void
test_no_room (void)
{
  if (g_getenv ("TEST_NO_ROOM") != NULL)
    {
      g_autofree char *text = make_text (2000000);
      App app = { text, 2000000, 0, 65536, -1, FALSE, FALSE, FALSE, 0, 0 };
      check_fails (&app, FALSE, "keeping the message in a temporary file: cannot create it in /nonexistent/directory");
      return;
    }
  const char *argv[] = { program, "-p", "/source/spool-no-room", NULL };
  g_auto (GStrv) env = g_get_environ ();
  g_autofree char *output = NULL;
  g_autoptr (GError) error = NULL;
  int status;
  env = g_environ_setenv (env, "TMPDIR", "/nonexistent/directory", TRUE);
  env = g_environ_setenv (env, "TEST_NO_ROOM", "1", TRUE);
  g_spawn_sync (NULL, (char **) argv, env, G_SPAWN_DEFAULT, NULL, NULL, &output, NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
  g_assert_nonnull (strstr (output, "ok 1 /source/spool-no-room"));
}

int
main (int argc, char **argv)
{
  program = argv[0];
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/source/bytes", test_bytes);
  g_test_add_func ("/source/file", test_file);
  g_test_add_func ("/source/file-errors", test_file_errors);
  g_test_add_func ("/source/file-changes", test_file_changes);
  g_test_add_func ("/source/fd", test_fd);
  g_test_add_func ("/source/pipe", test_pipe);
  g_test_add_func ("/source/proc", test_proc);
  g_test_add_func ("/source/callbacks", test_callbacks);
  g_test_add_func ("/source/callbacks-short-struct", test_callbacks_short_struct);
  g_test_add_func ("/source/DAT-5-callbacks-fail", test_callbacks_fail);
  g_test_add_func ("/source/callbacks-shrink", test_callbacks_shrink);
  g_test_add_func ("/source/spool-no-room", test_no_room);
  return g_test_run ();
}
