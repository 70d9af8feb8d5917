/* SPDX-License-Identifier: MIT */
/* Tests of the output queue: order and positions with a network that takes any number of octets at a time, chunks that end anywhere in
 * what the body gives out, and sources that turn out longer or shorter than they were. */
#include "octets.h"

#include "core/base/error.h"
#include "core/smtp/output.h"

static const char message[] = "Subject: x\r\n\r\n.dot\r\nlast line\r\n";
#define MESSAGE_SIZE (sizeof message - 1)

/* ---- a body whose source gives `slice` octets at a time ---- */

typedef struct
{
  const char *data;
  gsize size, at, slice;
  gboolean fails; /* instead of ending */
} Sliced;

static gssize
sliced_read (gpointer user_data, void *buf, gsize size, GError **error)
{
  Sliced *sliced = user_data;
  gsize n = MIN (MIN (size, sliced->slice), sliced->size - sliced->at);

  if (n == 0 && sliced->fails)
    {
      g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_IO, "broken on purpose");
      return -1;
    }
  memcpy (buf, sliced->data + sliced->at, n);
  sliced->at += n;
  return (gssize) n;
}

static gboolean
sliced_rewind (gpointer user_data, GError **error)
{
  ((Sliced *) user_data)->at = 0;
  return TRUE;
}

static VdBody *
open_body (VdBodyMode mode, Sliced *sliced)
{
  static const VdBodyPolicy policy = { FALSE, FALSE };
  VeredaSourceFuncs funcs = { sizeof funcs, sliced_read, sliced_rewind };
  g_autoptr (VdSource) source = vd_source_new_callbacks (&funcs, sliced, NULL);
  g_autoptr (GError) error = NULL;
  VdReader *reader = vd_source_open (source, 0, &error);

  g_assert_no_error (error);
  return vd_body_new (mode, &policy, NULL, reader, NULL);
}

/* The same octets in memory: one slice, the end known with it. */
static VdBody *
open_bytes (VdBodyMode mode, const char *data, gsize size)
{
  static const VdBodyPolicy policy = { FALSE, FALSE };
  g_autoptr (GBytes) bytes = g_bytes_new_static (data, size);
  g_autoptr (VdSource) source = vd_source_new_bytes (bytes);

  return vd_body_new (mode, &policy, NULL, vd_source_open (source, 0, NULL), NULL);
}

/* ---- the network ---- */

/* Takes up to `step` octets.  FALSE: there is nothing to write, or the source failed. */
static gboolean
write_step (VdOutput *output, GString *wire, gsize step, GError **error)
{
  VeredaSpan spans[VD_OUTPUT_SPANS + 2];
  gsize n = 0, taken = 0;

  if (!vd_output_peek (output, spans, G_N_ELEMENTS (spans), &n, error))
    return FALSE;
  for (gsize i = 0; i < n && taken < step; i++)
    {
      gsize size = MIN (spans[i].size, step - taken);

      g_string_append_len (wire, spans[i].data, (gssize) size);
      taken += size;
    }
  if (taken == 0)
    return FALSE;
  vd_output_wrote (output, taken);
  g_assert_cmpuint (output->written, ==, wire->len);
  return TRUE;
}

static void
write_all (VdOutput *output, GString *wire, gsize step)
{
  GError *error = NULL;

  while (write_step (output, wire, step, &error))
    ;
  g_assert_no_error (error);
}

static guint64
say (VdOutput *output, const char *line)
{
  vd_buffer_append (vd_output_commands (output), line, strlen (line));
  return vd_output_appended (output);
}

/* ---- commands ---- */

static void
test_commands (void)
{
  for (gsize step = 1; step < 12; step++)
    {
      g_autoptr (GString) wire = g_string_new (NULL);
      VdOutput output;

      vd_output_init (&output);
      g_assert_true (vd_output_is_empty (&output));
      g_assert_true (vd_output_is_open (&output));
      g_assert_cmpuint (say (&output, "RSET\r\n"), ==, 6);
      g_assert_false (vd_output_is_empty (&output));
      g_assert_true (write_step (&output, wire, step, NULL));
      g_assert_cmpuint (say (&output, "QUIT\r\n"), ==, 12); /* positions do not depend on what is written already */
      write_all (&output, wire, step);
      g_assert_true (vd_output_is_empty (&output));
      g_assert_cmpstr (wire->str, ==, "RSET\r\nQUIT\r\n");
      vd_output_clear (&output);
    }
}

/* A SASL response is wiped as it leaves, also where the buffer grows or commands ride before and behind it; what comes after it need not be. */
static void
test_wiped (void)
{
  for (gsize step = 1; step <= 40; step++)
    {
      static const char secret[] = "c2VjcmV0\r\n";
      g_autoptr (GString) wire = g_string_new (NULL);
      VdOutput output;

      vd_output_init (&output);
      g_assert_false (output.before.secret);
      say (&output, "NOOP\r\n");
      vd_buffer_append (vd_output_secrets (&output), secret, sizeof secret - 1);
      g_assert_true (output.before.secret && output.after.secret);
      g_assert_cmpuint (vd_output_appended (&output), ==, 16);
      say (&output, "MAIL FROM:<>\r\n");
      const guint8 *memory = output.before.data;

      while (output.written < 16)
        {
          g_assert_true (output.before.secret && output.after.secret);
          write_step (&output, wire, step, NULL);
        }
      g_assert_false (output.before.secret || output.after.secret);
      for (gsize i = 0; i < 16; i++)
        g_assert_cmpuint (memory[i], ==, 0);
      write_all (&output, wire, step);
      g_assert_cmpstr (wire->str, ==, "NOOP\r\nc2VjcmV0\r\nMAIL FROM:<>\r\n");
      vd_output_clear (&output);
    }
}

/* ---- commands, content, commands ---- */

static void
data_at (gsize step, gsize slice)
{
  static const char wanted[] = "NOOP\r\nSubject: x\r\n\r\n..dot\r\nlast line\r\n.\r\nMAIL FROM:<>\r\nRSET\r\n";
  Sliced sliced = { message, MESSAGE_SIZE, 0, slice, FALSE };
  g_autoptr (GString) wire = g_string_new (NULL);
  gboolean said = FALSE, progress = TRUE;
  guint64 end = 0, after = 0;
  VdOutput output;

  vd_output_init (&output);
  say (&output, "NOOP\r\n");
  vd_output_data (&output, open_body (VD_BODY_DATA, &sliced));
  g_assert_false (vd_output_is_open (&output));
  while (progress)
    {
      progress = write_step (&output, wire, step, NULL);
      if (!said && vd_output_is_open (&output))
        {
          said = TRUE;
          end = vd_output_appended (&output);
          after = say (&output, "MAIL FROM:<>\r\n");
          say (&output, "RSET\r\n");
          progress = TRUE;
        }
      g_assert_true (said || !vd_output_is_empty (&output));
    }
  g_assert_cmpstr (wire->str, ==, wanted);
  g_assert_cmpuint (end, ==, (gsize) (strstr (wanted, "MAIL") - wanted));
  g_assert_cmpuint (after, ==, (gsize) (strstr (wanted, "RSET") - wanted));
  g_assert_true (vd_output_is_empty (&output));
  g_assert_null (output.body);
  g_assert_cmpuint (say (&output, "QUIT\r\n"), ==, wire->len + 6);
  vd_output_clear (&output);
}

static void
test_data (void)
{
  for (gsize step = 1; step <= MESSAGE_SIZE + 30; step++)
    for (gsize slice = 1; slice <= MESSAGE_SIZE; slice += 3)
      data_at (step, slice);
}

/* ---- chunks ---- */

/* Two chunks, the first of `first` octets. */
static void
chunks_at (VdBody *body, gsize first, gsize step)
{
  g_autofree char *announce = g_strdup_printf ("BDAT %" G_GSIZE_FORMAT "\r\n", first);
  g_autofree char *announce_last = g_strdup_printf ("BDAT %" G_GSIZE_FORMAT " LAST\r\n", MESSAGE_SIZE - first);
  g_autofree char *wanted
      = g_strdup_printf ("%s%.*s%s%sRSET\r\n", announce, (int) first, message, announce_last, message + first);
  g_autoptr (GString) wire = g_string_new (NULL);
  VdOutput output;

  vd_output_init (&output);
  say (&output, announce);
  vd_output_chunk (&output, body, first, FALSE);
  write_all (&output, wire, step);
  g_assert_cmpuint (wire->len, ==, strlen (announce) + first);
  g_assert_true (vd_output_is_open (&output));
  g_assert_nonnull (output.body); /* it goes on */
  say (&output, announce_last);
  vd_output_chunk (&output, NULL, MESSAGE_SIZE - first, TRUE);
  write_all (&output, wire, step);
  say (&output, "RSET\r\n");
  write_all (&output, wire, step);
  g_assert_cmpstr (wire->str, ==, wanted);
  g_assert_null (output.body);
  vd_output_clear (&output);
}

static void
test_chunks (void)
{
  for (gsize first = 1; first < MESSAGE_SIZE; first++)
    for (gsize step = 1; step < MESSAGE_SIZE + 20; step += 4)
      for (gsize slice = 1; slice <= MESSAGE_SIZE; slice += 5)
        {
          Sliced sliced = { message, MESSAGE_SIZE, 0, slice, FALSE };

          chunks_at (open_body (VD_BODY_BDAT, &sliced), first, step);
        }
}

/* Everything, and the end, comes at once: the body may not be asked again for the octets that are left over. */
static void
test_chunks_at_once (void)
{
  for (gsize first = 1; first < MESSAGE_SIZE; first++)
    for (gsize step = 1; step < MESSAGE_SIZE + 20; step++)
      chunks_at (open_bytes (VD_BODY_BDAT, message, MESSAGE_SIZE), first, step);
}

/* BDT-4: "BDAT 0 LAST" is a chunk as any other, however slowly it leaves. */
static void
test_empty_chunk (void)
{
  for (gsize step = 1; step < 30; step++)
    {
      g_autoptr (GString) wire = g_string_new (NULL);
      VdOutput output;

      vd_output_init (&output);
      say (&output, "BDAT 0 LAST\r\n");
      vd_output_chunk (&output, open_bytes (VD_BODY_BDAT, "", 0), 0, TRUE);
      g_assert_true (write_step (&output, wire, step, NULL));
      say (&output, "QUIT\r\n");
      write_all (&output, wire, step);
      g_assert_cmpstr (wire->str, ==, "BDAT 0 LAST\r\nQUIT\r\n");
      vd_output_clear (&output);
    }
}

/* ---- sources that changed ---- */

/* The octets that left before it failed. */
static gsize
chunk_fails (Sliced *sliced, gsize announced, gsize step, gint code)
{
  g_autoptr (GString) wire = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  VdOutput output;

  vd_output_init (&output);
  vd_output_chunk (&output, open_body (VD_BODY_BDAT, sliced), announced, TRUE);
  while (write_step (&output, wire, step, &error))
    ;
  g_assert_error (error, VEREDA_ERROR, code);
  g_assert_false (vd_output_is_empty (&output));
  vd_output_clear (&output);
  return wire->len;
}

/* The last octet that was announced is the one that makes it a message: it does not leave before the end is certain. */
static void
test_longer (void)
{
  for (gsize announced = 1; announced < MESSAGE_SIZE; announced++)
    for (gsize slice = 1; slice <= MESSAGE_SIZE; slice++)
      {
        Sliced sliced = { message, MESSAGE_SIZE, 0, slice, FALSE };

        g_assert_cmpuint (chunk_fails (&sliced, announced, G_MAXSIZE, VEREDA_ERROR_SOURCE), <, announced);
      }
}

static void
test_shorter (void)
{
  for (gsize slice = 1; slice <= MESSAGE_SIZE; slice++)
    {
      Sliced sliced = { message, MESSAGE_SIZE, 0, slice, FALSE };

      g_assert_cmpuint (chunk_fails (&sliced, MESSAGE_SIZE + 1, 3, VEREDA_ERROR_SOURCE), <=, MESSAGE_SIZE);
    }
}

/* A source that fails where the end would be known has not ended. */
static void
test_fails_at_its_end (void)
{
  for (gsize slice = 1; slice <= MESSAGE_SIZE; slice++)
    {
      Sliced sliced = { message, MESSAGE_SIZE, 0, slice, TRUE };

      g_assert_cmpuint (chunk_fails (&sliced, MESSAGE_SIZE, 3, VEREDA_ERROR_SOURCE), <, MESSAGE_SIZE);
    }
}

/* DAT-5: no lone dot after a failure. */
static void
test_data_fails (void)
{
  for (gsize slice = 1; slice <= MESSAGE_SIZE; slice++)
    {
      Sliced sliced = { message, MESSAGE_SIZE, 0, slice, TRUE };
      g_autoptr (GString) wire = g_string_new (NULL);
      g_autoptr (GError) error = NULL;
      VdOutput output;

      vd_output_init (&output);
      vd_output_data (&output, open_body (VD_BODY_DATA, &sliced));
      while (write_step (&output, wire, 7, &error))
        ;
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE);
      g_assert_null (strstr (wire->str, "\r\n.\r\n"));
      g_assert_false (vd_output_is_open (&output));
      vd_output_clear (&output);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/output/commands", test_commands);
  g_test_add_func ("/output/SEC-10-wiped", test_wiped);
  g_test_add_func ("/output/data", test_data);
  g_test_add_func ("/output/BDT-1-chunks", test_chunks);
  g_test_add_func ("/output/BDT-1-chunks-at-once", test_chunks_at_once);
  g_test_add_func ("/output/BDT-4-empty-chunk", test_empty_chunk);
  g_test_add_func ("/output/BDT-1-longer", test_longer);
  g_test_add_func ("/output/BDT-1-shorter", test_shorter);
  g_test_add_func ("/output/DAT-5-fails-at-its-end", test_fails_at_its_end);
  g_test_add_func ("/output/DAT-5-data-fails", test_data_fails);
  return g_test_run ();
}
