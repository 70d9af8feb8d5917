/* SPDX-License-Identifier: MIT */
/*
 * Sources that fail, shrink, grow or change: never a dot, never the last octet of a chunk.
 */
#include "fault.h"

#include <glib/gstdio.h>
#include <unistd.h>

/* ---- sources that fail ---- */

typedef enum
{
  FAIL,     /* read() fails */
  SHRINK,   /* the end comes early */
  GROW,     /* more comes than before */
  TURN_NUL, /* the octet is a NUL this time */
  TURN_CR   /* the octet is a CR this time */
} Trick;

typedef struct
{
  const char *text;
  gsize size, at;
  guint pass;     /* number of the present one, from 1 */
  guint bad_pass; /* the one in which the trick is played; 0: none; G_MAXUINT: each */
  gsize bad_at;
  Trick trick;
  gboolean rewind_fails;
  guint destroyed;
} Source;

static gssize
source_read (gpointer data, void *buf, gsize size, GError **error)
{
  Source *source = data;
  gboolean bad = source->bad_pass == G_MAXUINT || source->pass == source->bad_pass;
  gsize stop = bad && source->at < source->bad_at ? source->bad_at : source->size;
  gsize n;

  if (bad && source->at == source->bad_at && source->trick == FAIL)
    {
      g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_IO, "the disk is on fire");
      return -1;
    }
  if (bad && source->at >= source->bad_at && source->trick == SHRINK)
    return 0;
  if (bad && source->at == source->size && source->trick == GROW && source->bad_at > 0)
    {
      source->bad_at = 0;
      memcpy (buf, "and one more line\r\n", MIN (size, 19));
      return (gssize) MIN (size, 19);
    }
  n = MIN (size, stop - source->at);
  memcpy (buf, source->text + source->at, n);
  if (bad && n > 0 && source->at == source->bad_at && source->trick >= TURN_NUL)
    *(char *) buf = source->trick == TURN_NUL ? '\0' : '\r';
  source->at += n;
  return (gssize) n;
}

static gboolean
source_rewind (gpointer data, GError **error)
{
  Source *source = data;

  if (source->rewind_fails)
    {
      g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_IO, "there is no way back");
      return FALSE;
    }
  source->at = 0;
  source->pass++;
  return TRUE;
}

static void
source_destroy (gpointer data)
{
  ((Source *) data)->destroyed++;
}

static void
use_source (Fault *fault, Source *source, gboolean can_rewind)
{
  VeredaSourceFuncs funcs = { .struct_size = sizeof funcs, .read = source_read, .rewind = can_rewind ? source_rewind : NULL };

  source->pass = 1;
  vereda_message_unref (fault->message);
  fault->message = vereda_message_new_from_callbacks (&funcs, source, source_destroy);
  fault_set (fault, "tls", "never");
}

static char *
long_text (gsize size)
{
  GString *text = g_string_new ("From: ann@example.test\r\nTo: bob@example.test\r\nSubject: long\r\n\r\n");

  while (text->len < size)
    g_string_append (text, "sixty-four octets of nothing in particular, again and again ...\r\n");
  return g_string_free (text, FALSE);
}

/* How often the library reads all of it when nothing fails. */
static guint
count_passes (const char *text, gsize size, const char *ext)
{
  g_autofree char *script = g_strdup_printf ("ext %s\nhello\nserve", ext);
  g_autoptr (KitScript) server = kit_script_new (script, NULL);
  Source source = { .text = text, .size = size };
  g_autoptr (Fault) fault = fault_new ();

  use_source (fault, &source, TRUE);
  fault_set (fault, "recipients", "bob@example.test, joe@example.test");
  fault_server (fault, server);
  fault_send (fault);
  fault_expect_sent (fault);
  fault_expect_clean (server);
  return source.pass;
}

/* No message was ended: neither a dot nor a whole last chunk. */
static void
expect_no_end (KitScript *server)
{
  const GByteArray *clear;

  kit_script_settle (server);
  g_assert_cmpuint (kit_script_connections (server), ==, 1);
  clear = kit_script_clear (server, 0);
  g_assert_false (kit_script_got_end (server, 0));
  g_assert_null (memmem (clear->data, clear->len, "\r\n.\r\n", 5));
}

typedef struct
{
  const char *ext;
  gsize size;
} SourceCase;

static const SourceCase source_cases[] = {
  { "SIZE", 3000 },
  { "PIPELINING", 3000 },
  { "PIPELINING;CHUNKING", 3000 },
  { "SIZE", 400000 },
  { "PIPELINING;CHUNKING", 400000 },
  { "PIPELINING;CHUNKING", 9 * 1024 * 1024 },
};

/* The pass that goes to the server fails at many places, in many ways. */
static void
test_source_fails_late (gconstpointer data)
{
  const SourceCase *c = data;
  g_autofree char *text = long_text (c->size), *script = g_strdup_printf ("ext %s\nhello\nserve", c->ext);
  gsize size = strlen (text);
  guint passes = count_passes (text, size, c->ext);
  const gsize places[] = { 0, 1, 64, 65, 66, 67, 70, 1000, size / 2, size - 67, size - 3, size - 2, size - 1, size };

  g_assert_cmpuint (passes, >=, 2);
  for (Trick trick = FAIL; trick <= TURN_CR; trick++)
    for (gsize i = 0; i < G_N_ELEMENTS (places); i++)
      {
        g_autoptr (KitScript) server = kit_script_new (script, NULL);
        Source source = { .text = text, .size = size, .bad_pass = passes, .bad_at = places[i], .trick = trick };
        g_autoptr (Fault) fault = fault_new ();
        gboolean header = places[i] < 65; /* the header section is kept from the first pass */

        /* A last line without its CRLF is the same message on the wire. */
        if ((trick == SHRINK && (places[i] == size || places[i] == size - 2)) || (trick == GROW && i != 1)
            || (trick >= TURN_NUL && (places[i] >= size - 2 || text[places[i]] == '\r')) || (trick >= TURN_NUL && header)
            || c->size > 1000000 * (trick == FAIL ? 100 : 1))
          continue;
        g_test_message ("%s, trick %d at %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT, c->ext, (int) trick, places[i], size);
        use_source (fault, &source, TRUE);
        fault_set (fault, "recipients", "bob@example.test, joe@example.test");
        fault_server (fault, server);
        fault_send (fault);
        g_assert_cmpint (vereda_result_get_verdict (fault->result), ==, VEREDA_NOT_SENT);
        g_assert_true (g_error_matches (fault->error, VEREDA_ERROR, VEREDA_ERROR_SOURCE)
                       || (trick != FAIL && g_error_matches (fault->error, VEREDA_ERROR, VEREDA_ERROR_MESSAGE)));
        if (trick == FAIL)
          g_assert_nonnull (strstr (fault->error->message, "the disk is on fire"));
        expect_no_end (server);
        g_clear_pointer (&fault->message, vereda_message_unref);
        g_assert_cmpuint (source.destroyed, ==, 1);
      }
}

/* The first pass fails, or there is no second one: nobody is contacted. */
static void
test_source_fails_early (void)
{
  g_autofree char *text = long_text (3000);

  for (int can_rewind = 0; can_rewind < 2; can_rewind++)
    for (gsize at = 0; at <= 3000; at += 500)
      {
        g_autoptr (KitScript) server = kit_script_new ("hello\nserve", NULL);
        Source source = { .text = text, .size = strlen (text), .bad_pass = G_MAXUINT, .bad_at = at };
        g_autoptr (Fault) fault = fault_new ();

        use_source (fault, &source, can_rewind);
        fault_server (fault, server);
        fault_send (fault);
        fault_expect_error (fault, VEREDA_ERROR_SOURCE, "the disk is on fire");
        fault_expect_connections (server, 0);
      }
}

static void
test_rewind_fails (void)
{
  g_autofree char *text = long_text (3000);
  g_autoptr (KitScript) server = kit_script_new ("hello\nserve", NULL);
  Source source = { .text = text, .size = strlen (text), .rewind_fails = TRUE };
  g_autoptr (Fault) fault = fault_new ();

  use_source (fault, &source, TRUE);
  fault_server (fault, server);
  fault_send (fault);
  fault_expect_error (fault, VEREDA_ERROR_SOURCE, "no way back");
  kit_script_settle (server);
  if (kit_script_connections (server) > 0)
    expect_no_end (server);
}

/* A message that cannot be read twice is kept, and goes to the second server whole. */
static void
test_no_rewind_two_servers (void)
{
  g_autofree char *text = long_text (400000);
  g_autoptr (KitScript) server = kit_script_new ("hello\non MAIL = !close\nserve", NULL);
  g_autoptr (KitScript) second = kit_script_new ("hello\nserve", NULL);
  Source source = { .text = text, .size = strlen (text) };
  g_autoptr (Fault) fault = fault_new ();

  use_source (fault, &source, FALSE);
  fault_server (fault, server);
  fault_server (fault, second);
  fault_send (fault);
  fault_expect_sent (fault);
  kit_script_settle (second);
  g_assert_true (g_str_has_suffix (kit_script_content (second, 0, 0), "again and again ...\r\n"));
  g_assert_cmpuint (strlen (kit_script_content (second, 0, 0)), >=, strlen (text));
}

/* A file that is cut short after it was checked. */
static void
test_file_shrinks (void)
{
  for (int i = 0; i < 2; i++)
    {
      g_autofree char *text = long_text (400000), *path = NULL;
      g_autofree char *script = g_strdup_printf ("ext %s\nhello\nserve", i == 0 ? "SIZE" : "PIPELINING;CHUNKING");
      g_autoptr (KitScript) server = kit_script_new (script, NULL);
      g_autoptr (Fault) fault = fault_new ();
      g_autoptr (VeredaSender) sender = NULL;
      g_autoptr (VeredaResult) result = NULL;
      g_autoptr (GError) error = NULL;
      int fd = g_file_open_tmp ("vereda-fault-XXXXXX", &path, &error);

      g_assert_no_error (error);
      g_assert_cmpint (write (fd, text, strlen (text)), ==, (gssize) strlen (text));
      fault->message = vereda_message_new_from_file (path, &error);
      g_assert_no_error (error);
      fault_set (fault, "tls", "never");
      fault_set (fault, "recipients", "bob@example.test, joe@example.test");
      fault_server (fault, server);
      sender = kit_sender_new (fault->options);
      result = kit_submit (sender, fault->message, NULL, NULL);
      g_assert_cmpint (ftruncate (fd, 200000), ==, 0);
      fault_run (sender);
      g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_NOT_SENT);
      g_assert_error (vereda_result_get_error (result), VEREDA_ERROR, VEREDA_ERROR_SOURCE);
      expect_no_end (server);
      close (fd);
      g_unlink (path);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (source_cases); i++)
    {
      g_autofree char *path
          = g_strdup_printf ("/DAT-5/source-fails-late/%s-%" G_GSIZE_FORMAT, source_cases[i].ext, source_cases[i].size);

      g_test_add_data_func (path, &source_cases[i], test_source_fails_late);
    }
  g_test_add_func ("/DAT-5/source-fails-early", test_source_fails_early);
  g_test_add_func ("/DAT-5/rewind-fails", test_rewind_fails);
  g_test_add_func ("/DAT-10/no-rewind-two-servers", test_no_rewind_two_servers);
  g_test_add_func ("/DAT-5/file-shrinks", test_file_shrinks);
  return g_test_run ();
}
