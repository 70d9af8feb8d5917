/* SPDX-License-Identifier: MIT */
/*
 * TLS transports over a lower layer made of memory (test-transport-peer.c), with a server of OpenSSL at its other end: one octet
 * at a time, waiting at every second call, an end or an error at each call in turn.
 */
#include "test-transport-peer.h"

#include <string.h>

/* Everything of one run. */
typedef struct
{
  Peer peer;
  MemLayer *mem;
  VeredaLayer *top;
  int stop_at; /* number of operations after which the run ends where it is; -1 for never */
  int operations;
  GByteArray *heard;
} Run;

static void
run_init (Run *run, int version)
{
  VeredaTlsSettings settings = tt_settings (HOST);
  g_autoptr (GError) error = NULL;

  memset (run, 0, sizeof *run);
  peer_init (&run->peer, version);
  run->mem = (MemLayer *) tt_layer_new (&mem_transport, NULL);
  run->mem->peer = &run->peer;
  run->mem->cut_at = -1;
  run->stop_at = -1;
  run->heard = g_byte_array_new ();
  run->top = tt_layer_new (tt_transport (tt_backend), &run->mem->layer);
  g_assert_true (run->top->ops->wrap (run->top, &settings, &error));
  g_assert_no_error (error);
  g_assert_cmpint (run->mem->calls, ==, 0); /* wrap does no I/O */
}

static void
run_clear (Run *run)
{
  int calls = run->mem->calls;

  tt_layer_free (run->top);
  g_assert_cmpint (run->mem->calls, ==, calls); /* nor does clear */
  tt_layer_free (&run->mem->layer);
  peer_clear (&run->peer);
  g_byte_array_unref (run->heard);
}

/* Rule 2: the direction told is the lower layer's. */
static gboolean
must_wait (Run *run, VeredaIo io)
{
  if (io != VEREDA_IO_WANT_READ && io != VEREDA_IO_WANT_WRITE)
    return FALSE;
  g_assert_cmpint (io, ==, run->mem->want);
  return TRUE;
}

static gboolean
stopped (Run *run)
{
  return run->stop_at >= 0 && run->operations++ >= run->stop_at;
}

/* Rule 4, with a buffer that is somewhere else at each call and ends after what is left. */
static VeredaIo
run_write (Run *run, const guint8 *data, size_t size, GError **error)
{
  size_t done = 0;

  while (done < size)
    {
      size_t left = size - done, half = left / 2, n = 4711;
      g_autofree guint8 *moved = g_memdup2 (data + done, left);
      VeredaSpan spans[3] = { { moved, half }, { NULL, 0 }, { moved + half, left - half } };
      VeredaIo io;

      if (stopped (run))
        return VEREDA_IO_WANT_READ;
      io = run->top->ops->writev (run->top, spans, 3, &n, error);
      if (must_wait (run, io))
        g_assert_cmpuint (n, ==, 4711);
      else if (io == VEREDA_IO_DONE)
        {
          g_assert_cmpuint (n, >, 0);
          g_assert_cmpuint (n, <=, left);
          done += n;
        }
      else
        return io;
      memset (moved, 0xa5, left); /* nobody may still need it */
    }
  return VEREDA_IO_DONE;
}

/* Rule 3: with the lower layer frozen, exactly what is pending can be read. */
static void
check_pending (Run *run, GError **error)
{
  guint8 buf[16];
  size_t pending = run->top->ops->pending (run->top), n = 0;
  VeredaIo io;

  run->mem->frozen = TRUE;
  io = run->top->ops->read (run->top, buf, sizeof buf, &n, error);
  run->mem->frozen = FALSE;
  if (run->mem->was_cut)
    return;
  if (pending == 0)
    {
      g_assert_true (must_wait (run, io));
      return;
    }
  g_assert_cmpint (io, ==, VEREDA_IO_DONE);
  g_assert_cmpuint (n, ==, MIN (pending, sizeof buf));
  g_byte_array_append (run->heard, buf, (guint) n);
}

static VeredaIo
run_read (Run *run, size_t size, GError **error)
{
  guint8 buf[13];

  while (run->heard->len < size)
    {
      size_t n = 4711;
      VeredaIo io;

      if (stopped (run))
        return VEREDA_IO_WANT_READ;
      io = run->top->ops->read (run->top, buf, sizeof buf, &n, error);
      if (must_wait (run, io))
        {
          g_assert_cmpuint (n, ==, 4711);
          continue;
        }
      if (io != VEREDA_IO_DONE)
        return io;
      g_assert_cmpuint (n, >, 0);
      g_byte_array_append (run->heard, buf, (guint) n);
      if (run->mem->cut_at < 0 && run->heard->len < size)
        check_pending (run, error);
    }
  return VEREDA_IO_DONE;
}

static VeredaIo
run_handshake (Run *run, GError **error)
{
  VeredaIo io;

  do
    {
      if (stopped (run))
        return VEREDA_IO_WANT_READ;
      io = run->top->ops->handshake (run->top, error);
    }
  while (must_wait (run, io));
  return io;
}

/* A whole conversation; the first thing that is not DONE ends it. */
static VeredaIo
converse (Run *run, const guint8 *data, size_t size, GError **error)
{
  VeredaIo io = run_handshake (run, error);

  if (io == VEREDA_IO_DONE)
    io = run_write (run, data, size, error);
  if (io == VEREDA_IO_DONE)
    io = run_read (run, size, error);
  while (io == VEREDA_IO_DONE)
    {
      if (stopped (run))
        return VEREDA_IO_WANT_READ;
      io = run->top->ops->shutdown (run->top, error);
      if (must_wait (run, io))
        io = VEREDA_IO_DONE;
      else
        break;
    }
  if (io == VEREDA_IO_DONE)
    io = run_read (run, G_MAXSIZE, error);
  return io;
}

static guint8 *
pattern (size_t size)
{
  guint8 *data = g_malloc (size);

  for (size_t i = 0; i < size; i++)
    data[i] = (guint8) (i * 7 + i / 251);
  return data;
}

typedef struct
{
  const char *name;
  int version;
  size_t read_most, write_most;
  gboolean alternate, twisted, key_update;
  size_t size;
} Torture;

static const Torture tortures[] = {
  { "TLS-13-smooth-1.2", TLS1_2_VERSION, 0, 0, FALSE, FALSE, FALSE, 100000 },
  { "TLS-13-smooth-1.3", TLS1_3_VERSION, 0, 0, FALSE, FALSE, FALSE, 100000 },
  { "TLS-13-octets-1.2", TLS1_2_VERSION, 1, 1, FALSE, FALSE, FALSE, 3000 },
  { "TLS-13-octets-1.3", TLS1_3_VERSION, 1, 1, FALSE, FALSE, FALSE, 3000 },
  { "TLS-13-waiting-1.2", TLS1_2_VERSION, 700, 500, TRUE, FALSE, FALSE, 40000 },
  { "TLS-13-waiting-1.3", TLS1_3_VERSION, 700, 500, TRUE, FALSE, FALSE, 40000 },
  { "TLS-13-twisted-1.2", TLS1_2_VERSION, 3, 5, TRUE, TRUE, FALSE, 20000 },
  { "TLS-13-twisted-1.3", TLS1_3_VERSION, 3, 5, TRUE, TRUE, FALSE, 20000 },
  { "TLS-13-key-update", TLS1_3_VERSION, 0, 0, FALSE, FALSE, TRUE, 40000 },
  { "TLS-13-key-update-waiting", TLS1_3_VERSION, 100, 3, TRUE, FALSE, TRUE, 40000 },
};

static void
test_torture (gconstpointer data)
{
  const Torture *t = data;
  g_autofree guint8 *sent = pattern (t->size);
  g_autoptr (GError) error = NULL;
  VeredaIo io;
  Run run;

  run_init (&run, t->version);
  run.mem->read_most = t->read_most;
  run.mem->write_most = t->write_most;
  run.mem->alternate = t->alternate;
  run.mem->twisted = t->twisted;
  run.peer.key_updates = t->key_update ? 6 : 0;
  io = converse (&run, sent, t->size, &error);
  g_assert_no_error (error);
  g_assert_cmpint (io, ==, VEREDA_IO_EOF);
  assert_octets (run.heard->data, run.heard->len, sent, t->size);
  g_assert_cmpint (tt_number (run.top, VEREDA_FACT_TLS_VERSION), ==, t->version);
  /* The end stays the end. */
  g_assert_cmpint (run_read (&run, G_MAXSIZE, &error), ==, VEREDA_IO_EOF);
  run_clear (&run);
}

/* Rule 6 at every place where the layer below can fail, and never a success that was none. */
static void
cut_everywhere (int version, VeredaIo with, size_t most)
{
  static const guint8 text[] = "EHLO client.example.test\r\nQUIT\r\n";

  for (int at = 0;; at++)
    {
      g_autoptr (GError) error = NULL;
      gboolean was_cut;
      VeredaIo io;
      Run run;

      run_init (&run, version);
      run.mem->cut_at = at;
      run.mem->cut_with = with;
      run.mem->read_most = most;
      run.mem->write_most = most;
      run.peer.silent = TRUE; /* so that the end is never a natural one */
      io = run_handshake (&run, &error);
      if (io == VEREDA_IO_DONE)
        io = run_write (&run, text, sizeof text, &error);
      if (io == VEREDA_IO_DONE)
        io = run_read (&run, sizeof text, &error);
      if (io == VEREDA_IO_DONE)
        io = run.top->ops->shutdown (run.top, &error);
      was_cut = run.mem->was_cut;
      if (was_cut)
        {
          g_assert_cmpint (io, ==, VEREDA_IO_ERROR);
          if (with == VEREDA_IO_ERROR)
            {
              g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_IO);
              g_assert_nonnull (strstr (error->message, "the wire was cut"));
            }
          else if (error->code != VEREDA_TRANSPORT_ERROR_IO) /* that is what writing says */
            g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_TRUNCATED);
          g_assert_cmpuint (run.top->ops->pending (run.top), ==, 0);
          tt_assert_sticky (run.top, error);
        }
      else
        g_assert_cmpint (io, ==, VEREDA_IO_DONE);
      run_clear (&run);
      if (!was_cut)
        break;
    }
}

static void
test_cut (gconstpointer data)
{
  int with = GPOINTER_TO_INT (data);

  cut_everywhere (TLS1_2_VERSION, with, 0);
  cut_everywhere (TLS1_3_VERSION, with, 0);
  cut_everywhere (TLS1_3_VERSION, with, 97);
}

static void
test_clear_everywhere (gconstpointer data)
{
  g_autofree guint8 *sent = pattern (40000);
  gboolean finished = FALSE;

  (void) data;
  for (int at = 0; !finished; at += at < 60 ? 1 : 97)
    {
      g_autoptr (GError) error = NULL;
      Run run;

      run_init (&run, at & 1 ? TLS1_2_VERSION : TLS1_3_VERSION);
      run.mem->alternate = TRUE;
      run.mem->write_most = 1000;
      run.stop_at = at;
      finished = converse (&run, sent, 40000, &error) == VEREDA_IO_EOF;
      g_assert_no_error (error);
      run_clear (&run);
    }
}

/* The goodbye with a record still stuck, then nothing more may be written. */
static void
test_shutdown_with_stuck_record (gconstpointer data)
{
  g_autofree guint8 *sent = pattern (16000);
  VeredaSpan span = { sent, 16000 };
  g_autoptr (GError) error = NULL;
  size_t n = 0;
  Run run;

  (void) data;
  run_init (&run, TLS1_3_VERSION);
  g_assert_cmpint (run_handshake (&run, &error), ==, VEREDA_IO_DONE);
  run.mem->frozen = TRUE;
  g_assert_cmpint (run.top->ops->writev (run.top, &span, 1, &n, &error), ==, VEREDA_IO_WANT_WRITE);
  g_assert_cmpint (run.top->ops->shutdown (run.top, &error), ==, VEREDA_IO_WANT_WRITE);
  run.mem->frozen = FALSE;
  g_assert_cmpint (run.top->ops->shutdown (run.top, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpint (run.top->ops->shutdown (run.top, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpint (run_read (&run, G_MAXSIZE, &error), ==, VEREDA_IO_EOF);
  g_assert_no_error (error);
  assert_octets (run.heard->data, run.heard->len, sent, 16000);
  g_assert_cmpint (run.top->ops->writev (run.top, &span, 1, &n, &error), ==, VEREDA_IO_ERROR);
  g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_UNSUPPORTED);
  tt_assert_sticky (run.top, error);
  run_clear (&run);
}

/* No octet of data before the handshake is done, in neither direction. */
static void
test_data_before_handshake (gconstpointer data)
{
  VeredaSpan span = { "AUTH PLAIN", 10 };
  g_autoptr (GError) error = NULL;
  size_t n = 0;
  Run run;

  (void) data;
  run_init (&run, TLS1_3_VERSION);
  g_assert_cmpint (run.top->ops->writev (run.top, &span, 1, &n, &error), ==, VEREDA_IO_ERROR);
  g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_UNSUPPORTED);
  g_assert_cmpint (run.mem->calls, ==, 0);
  tt_assert_sticky (run.top, error);
  g_assert_cmpint (run.mem->calls, ==, 0);
  g_assert_cmpint (tt_number (run.top, VEREDA_FACT_PEER_VERIFIED), ==, 0);
  g_assert_null (run.top->ops->binding (run.top, VEREDA_BINDING_TLS_EXPORTER, NULL));
  run_clear (&run);
}

/* A server that asks for a new handshake does not get one, and nothing is lost by it. */
static void
test_no_renegotiation (gconstpointer data)
{
  static const guint8 text[] = "MAIL FROM:<>\r\n";
  g_autoptr (GError) error = NULL;
  Run run;

  (void) data;
  run_init (&run, TLS1_2_VERSION);
  run.peer.hello_request = TRUE;
  g_assert_cmpint (run_handshake (&run, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpint (run_write (&run, text, sizeof text, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpint (run_read (&run, sizeof text, &error), ==, VEREDA_IO_DONE);
  g_assert_no_error (error);
  peer_run (&run.peer);
  g_assert_false (run.peer.hello_request);
  g_assert_cmpuint (run.peer.hellos, ==, 1);
  run_clear (&run);
}

/* Nothing offered, nothing taken, nothing waited for. */
static void
test_empty (gconstpointer data)
{
  VeredaSpan nothing[2] = { { NULL, 0 }, { "", 0 } };
  g_autoptr (GError) error = NULL;
  size_t n = 5;
  Run run;

  (void) data;
  run_init (&run, TLS1_3_VERSION);
  g_assert_cmpint (run_handshake (&run, &error), ==, VEREDA_IO_DONE);
  run.mem->frozen = TRUE;
  g_assert_cmpint (run.top->ops->writev (run.top, nothing, 2, &n, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpuint (n, ==, 0);
  n = 5;
  g_assert_cmpint (run.top->ops->writev (run.top, NULL, 0, &n, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpuint (n, ==, 0);
  n = 5;
  g_assert_cmpint (run.top->ops->read (run.top, &n, 0, &n, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpuint (n, ==, 0);
  run_clear (&run);
}

void
tt_add_memory_tests (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (tortures); i++)
    tt_add (tortures[i].name, test_torture, &tortures[i]);
  tt_add ("TLS-12-error-at-every-call", test_cut, GINT_TO_POINTER (VEREDA_IO_ERROR));
  tt_add ("TLS-12-end-at-every-call", test_cut, GINT_TO_POINTER (VEREDA_IO_EOF));
  tt_add ("clear-at-every-state", test_clear_everywhere, NULL);
  tt_add ("goodbye-after-stuck-record", test_shutdown_with_stuck_record, NULL);
  tt_add ("TLS-9-no-data-before-handshake", test_data_before_handshake, NULL);
  tt_add ("TLS-13-no-renegotiation", test_no_renegotiation, NULL);
  tt_add ("empty-reads-and-writes", test_empty, NULL);
}
