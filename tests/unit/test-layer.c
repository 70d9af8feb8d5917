/* SPDX-License-Identifier: MIT */
/* The stack of layers, over scripted transports. */
#include "layer-veil.h"
#include "net-util.h"

#include "core/base/error.h"
#include "core/net/layer.h"

/* --- fixture --- */

typedef struct
{
  VdStack *stack;
  int fd;   /* the stack's */
  int peer; /* ours */
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  GError *error = NULL;
  int fds[2];

  controls = (Controls){ .bound = TRUE, .verified = 1 };
  pipe_pending_octets = 0;
  pipe_refuses = FALSE;
  history = g_string_new (NULL);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), ==, 0);
  f->fd = fds[0];
  f->peer = fds[1];
  f->stack = vd_stack_new (&host);
  g_assert_cmpint (vd_stack_fd (f->stack), ==, -1);
  g_assert_null (vd_stack_name (f->stack));
  g_assert_true (vd_stack_open (f->stack, &pipe_transport, f->fd, &error));
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  vd_stack_free (f->stack);
  g_assert_cmpint (fcntl (f->fd, F_GETFD), ==, -1); /* closed with the stack */
  close (f->peer);
  g_string_free (history, TRUE);
}

static void
wrap_ready (Fixture *f)
{
  GError *error = NULL;
  g_assert_true (vd_stack_wrap (f->stack, &veil_transport, &settings, &error));
  g_assert_no_error (error);
  g_assert_cmpint (vd_stack_handshake (f->stack, &error), ==, VEREDA_IO_DONE);
  g_assert_no_error (error);
}

static VeredaIo
write_text (Fixture *f, const char *text, gsize *ret_n, GError **error)
{
  VeredaSpan spans[2] = { { text, 1 }, { text + 1, strlen (text) - 1 } };
  return vd_stack_writev (f->stack, spans, 2, ret_n, error);
}

/* Everything fails, with this domain and code, and nothing reaches the peer. */
static void
assert_poisoned (Fixture *f, GQuark domain, int code)
{
  char buf[8];
  gsize n = 77;
  struct
  {
    VeredaIo io;
    GError *error;
  } seen[5] = { 0 };

  g_assert_true (vd_stack_is_poisoned (f->stack));
  g_assert_false (vd_stack_is_secure (f->stack));
  g_assert_false (vd_stack_is_verified (f->stack));
  controls = (Controls){ .verified = 1 }; /* a layer that suddenly works again changes nothing */
  seen[0].io = vd_stack_handshake (f->stack, &seen[0].error);
  seen[1].io = vd_stack_read (f->stack, buf, sizeof buf, &n, &seen[1].error);
  seen[2].io = write_text (f, "QUIT\r\n", &n, &seen[2].error);
  seen[3].io = vd_stack_shutdown (f->stack, &seen[3].error);
  seen[4].io = vd_stack_wrap (f->stack, &veil_transport, &settings, &seen[4].error) ? VEREDA_IO_DONE : VEREDA_IO_ERROR;
  for (gsize i = 0; i < G_N_ELEMENTS (seen); i++)
    {
      g_assert_cmpint (seen[i].io, ==, VEREDA_IO_ERROR);
      g_assert_error (seen[i].error, domain, code);
      g_error_free (seen[i].error);
    }
  g_assert_cmpuint (n, ==, 77); /* outputs untouched */
  g_assert_cmpint (recv (f->peer, buf, sizeof buf, 0), ==, -1);
}

/* --- tests --- */

static void
test_plain (Fixture *f, gconstpointer data)
{
  GError *error = NULL;
  char buf[16];
  gsize n = 77;

  g_assert_cmpint (vd_stack_fd (f->stack), ==, f->fd);
  g_assert_cmpstr (vd_stack_name (f->stack), ==, "pipe");
  g_assert_cmpint (vd_stack_handshake (f->stack, &error), ==, VEREDA_IO_DONE); /* nothing to negotiate */
  g_assert_cmpint (vd_stack_read (f->stack, buf, sizeof buf, &n, &error), ==, VEREDA_IO_WANT_READ);
  g_assert_cmpuint (n, ==, 77);
  g_assert_cmpint (write_text (f, "EHLO x\r\n", &n, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpuint (n, ==, 8);
  g_assert_cmpint (recv (f->peer, buf, sizeof buf, 0), ==, 8);
  g_assert_cmpint (send (f->peer, "250 ok", 6, 0), ==, 6);
  g_assert_cmpint (vd_stack_read (f->stack, buf, 3, &n, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpuint (n, ==, 3);
  g_assert_cmpint (memcmp (buf, "250", 3), ==, 0);
  g_assert_false (vd_stack_is_secure (f->stack));
  g_assert_false (vd_stack_is_verified (f->stack));
  g_assert_cmpint (vd_stack_shutdown (f->stack, &error), ==, VEREDA_IO_DONE); /* it has none */
  g_assert_null (vd_stack_binding (f->stack, VEREDA_BINDING_TLS_EXPORTER, &error));
  g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_UNSUPPORTED);
  g_clear_error (&error);
  g_assert_cmpint (vd_stack_read (f->stack, buf, 3, &n, &error), ==, VEREDA_IO_DONE);
  shutdown (f->peer, SHUT_WR);
  g_assert_cmpint (vd_stack_read (f->stack, buf, 3, &n, &error), ==, VEREDA_IO_EOF);
  g_assert_false (vd_stack_is_poisoned (f->stack)); /* an orderly end is no error */
}

static void
test_wrapped (Fixture *f, gconstpointer data)
{
  GError *error = NULL;
  VeredaFactValue value = { 0 };
  gsize n = 0;

  g_assert_true (vd_stack_wrap (f->stack, &veil_transport, &settings, &error));
  g_assert_cmpstr (vd_stack_name (f->stack), ==, "veil");
  controls.handshake = VEREDA_IO_WANT_READ;
  g_assert_cmpint (vd_stack_handshake (f->stack, &error), ==, VEREDA_IO_WANT_READ);
  g_assert_false (vd_stack_is_secure (f->stack)); /* not before the handshake is done */
  g_assert_false (vd_stack_is_verified (f->stack));
  g_assert_null (vd_stack_binding (f->stack, VEREDA_BINDING_TLS_EXPORTER, NULL));
  controls.handshake = VEREDA_IO_DONE;
  g_assert_cmpint (vd_stack_handshake (f->stack, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpint (vd_stack_handshake (f->stack, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpstr (history->str, ==, "handshake handshake "); /* a third call is not passed on */
  g_assert_true (vd_stack_is_secure (f->stack));
  g_assert_true (vd_stack_is_verified (f->stack));
  controls.verified = 0;
  g_assert_true (vd_stack_is_secure (f->stack));
  g_assert_false (vd_stack_is_verified (f->stack));

  g_assert_true (vd_stack_fact (f->stack, VEREDA_FACT_BACKEND, &value)); /* top first */
  g_assert_cmpstr (value.str, ==, "veil");
  g_assert_true (vd_stack_fact (f->stack, VEREDA_FACT_FD, &value)); /* then further down */
  g_assert_cmpint (value.num, ==, f->fd);
  g_assert_false (vd_stack_fact (f->stack, VEREDA_FACT_ALPN, &value));
  g_autoptr (GBytes) binding = vd_stack_binding (f->stack, VEREDA_BINDING_TLS_EXPORTER, &error);
  g_assert_cmpuint (g_bytes_get_size (binding), ==, 5);
  g_assert_null (vd_stack_binding (f->stack, VEREDA_BINDING_TLS_UNIQUE, &error));
  g_assert_nonnull (strstr (error->message, "the veil has none")); /* the layer's own words */
  g_clear_error (&error);

  controls.pending = 3;
  pipe_pending_octets = 2;
  g_assert_cmpuint (vd_stack_pending (f->stack), ==, 5);
  controls.io = VEREDA_IO_WANT_READ; /* a write may want to read */
  g_assert_cmpint (write_text (f, "NOOP", &n, &error), ==, VEREDA_IO_WANT_READ);
  controls.io = VEREDA_IO_DONE;
  g_assert_cmpint (write_text (f, "NOOP", &n, &error), ==, VEREDA_IO_DONE);
  g_assert_no_error (error);

  g_string_truncate (history, 0);
  wiped_veils = 0;
  vd_stack_free (f->stack);
  g_assert_cmpstr (history->str, ==, "veil.clear pipe.clear "); /* top to bottom */
  g_assert_cmpuint (wiped_veils, ==, 1);                        /* only once cleared */
  f->stack = NULL;
}

static void
test_shutdown (Fixture *f, gconstpointer data)
{
  GError *error = NULL;

  wrap_ready (f);
  g_string_truncate (history, 0);
  controls.shutdown = VEREDA_IO_WANT_WRITE;
  g_assert_cmpint (vd_stack_shutdown (f->stack, &error), ==, VEREDA_IO_WANT_WRITE);
  controls.shutdown = VEREDA_IO_DONE;
  g_assert_cmpint (vd_stack_shutdown (f->stack, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpint (vd_stack_shutdown (f->stack, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpstr (history->str, ==, "shutdown shutdown "); /* said once */
}

static void
test_handshake_fails (Fixture *f, gconstpointer data)
{
  GError *error = NULL;
  VeredaFactValue value = { 0 };

  g_assert_true (vd_stack_wrap (f->stack, &veil_transport, &settings, &error));
  controls.handshake = VEREDA_IO_ERROR;
  g_assert_cmpint (vd_stack_handshake (f->stack, &error), ==, VEREDA_IO_ERROR);
  g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_HANDSHAKE);
  g_clear_error (&error);
  assert_poisoned (f, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_HANDSHAKE);
  g_assert_true (vd_stack_fact (f->stack, VEREDA_FACT_BACKEND, &value)); /* facts still tell why */
}

static void
test_handshake_eof (Fixture *f, gconstpointer data)
{
  g_assert_true (vd_stack_wrap (f->stack, &veil_transport, &settings, NULL));
  controls.handshake = VEREDA_IO_EOF;
  g_assert_cmpint (vd_stack_handshake (f->stack, NULL), ==, VEREDA_IO_ERROR);
  assert_poisoned (f, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_TRUNCATED);
}

static void
test_wrap_fails (Fixture *f, gconstpointer data)
{
  GError *error = NULL;

  controls.wrap_fails = TRUE;
  wiped_veils = 0;
  g_assert_false (vd_stack_wrap (f->stack, &veil_transport, &settings, &error));
  g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_SETTINGS);
  g_clear_error (&error);
  g_assert_null (strstr (history->str, "veil.clear")); /* not called on what never began */
  g_assert_cmpuint (wiped_veils, ==, 1);
  assert_poisoned (f, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_SETTINGS);
}

static void
test_injected (Fixture *f, gconstpointer data)
{
  pipe_pending_octets = 1;
  g_assert_false (vd_stack_wrap (f->stack, &veil_transport, &settings, NULL));
  pipe_pending_octets = 0;
  assert_poisoned (f, VEREDA_ERROR, VEREDA_ERROR_PROTOCOL);
}

static void
test_io_before_handshake (Fixture *f, gconstpointer data)
{
  gsize n = 0;

  g_assert_true (vd_stack_wrap (f->stack, &veil_transport, &settings, NULL));
  g_assert_cmpint (write_text (f, "AUTH PLAIN", &n, NULL), ==, VEREDA_IO_ERROR);
  assert_poisoned (f, VEREDA_ERROR, VEREDA_ERROR_INTERNAL);
}

static void
test_io_error_is_sticky (Fixture *f, gconstpointer data)
{
  gsize n = 0;

  wrap_ready (f);
  controls.io = VEREDA_IO_ERROR;
  g_assert_cmpint (write_text (f, "DATA", &n, NULL), ==, VEREDA_IO_ERROR);
  assert_poisoned (f, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_HANDSHAKE);
}

static void
test_broken_contract (Fixture *f, gconstpointer data)
{
  const char *how = (const char *) data;
  GError *error = NULL;
  char buf[4];
  gsize n = 0;

  wrap_ready (f);
  g_assert_cmpint (send (f->peer, "250", 3, 0), ==, 3);
  controls.lie = strstr (how, "more") != NULL ? 100 : 0;
  controls.none = strstr (how, "none") != NULL;
  if (strstr (how, "strange") != NULL)
    controls.io = (VeredaIo) 99;
  if (strstr (how, "eof") != NULL)
    controls.io = VEREDA_IO_EOF;
  VeredaIo io = g_str_has_prefix (how, "read") ? vd_stack_read (f->stack, buf, sizeof buf, &n, &error)
                                               : write_text (f, "x\r\n", &n, &error);
  g_assert_cmpint (io, ==, VEREDA_IO_ERROR);
  g_assert_nonnull (strstr (error->message, "\"veil\" broke its contract"));
  g_clear_error (&error);
  while (recv (f->peer, buf, sizeof buf, 0) > 0) /* what the layer let through before it was caught */
    ;
  assert_poisoned (f, VEREDA_ERROR, VEREDA_ERROR_PLUGIN);
}

static void
test_mute_error (Fixture *f, gconstpointer data)
{
  g_assert_true (vd_stack_wrap (f->stack, &veil_transport, &settings, NULL));
  controls.handshake = VEREDA_IO_ERROR;
  controls.handshake_mute = TRUE;
  g_assert_cmpint (vd_stack_handshake (f->stack, NULL), ==, VEREDA_IO_ERROR);
  assert_poisoned (f, VEREDA_ERROR, VEREDA_ERROR_PLUGIN);
}

static void
test_open_fails (void)
{
  GError *error = NULL;
  int fds[2];
  VdStack *stack = vd_stack_new (&host);

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  pipe_refuses = TRUE;
  g_assert_false (vd_stack_open (stack, &pipe_transport, fds[0], &error));
  g_assert_nonnull (strstr (error->message, "not today"));
  g_clear_error (&error);
  pipe_refuses = FALSE;
  g_assert_false (vd_stack_open (stack, &veil_transport, fds[0], &error)); /* cannot be a bottom */
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN);
  g_clear_error (&error);
  g_assert_cmpint (vd_stack_fd (stack), ==, -1);
  g_assert_cmpint (vd_stack_handshake (stack, &error), ==, VEREDA_IO_ERROR);
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_INTERNAL);
  g_clear_error (&error);
  vd_stack_free (stack);
  vd_stack_free (NULL);
  g_assert_cmpint (fcntl (fds[0], F_GETFD), >=, 0); /* still the caller's */
  close (fds[0]);
  close (fds[1]);
}

/* Plugins of another age or of no care: refused or served, never read beyond their end. */
static void
test_odd_transports (void)
{
  struct
  {
    const char *word;
    VeredaTransport t;
  } rows[] = {
    { "smaller", pipe_transport }, { "smaller", pipe_transport }, { "lacks", pipe_transport },   { "lacks", pipe_transport },
    { "lacks", pipe_transport },   { "exactly", pipe_transport }, { "exactly", pipe_transport }, { "lacks", pipe_transport },
  };
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  rows[0].t.instance_size = sizeof (VeredaLayer) - 1;
  rows[1].t.struct_size = 4;
  rows[2].t.read = NULL;
  rows[3].t.writev = NULL;
  rows[4].t.clear = NULL;
  rows[5].t.wrap = veil_wrap;
  rows[6].t.open = NULL;
  rows[7].t.struct_size = offsetof (VeredaTransport, clear);
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      VdStack *stack = vd_stack_new (&host);
      g_assert_false (vd_stack_open (stack, &rows[i].t, fds[0], &error));
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN);
      g_assert_nonnull (strstr (error->message, rows[i].word));
      vd_stack_free (stack);
    }
  close (fds[0]);
  close (fds[1]);
}

/* A wrapping layer without optional calls. */
static void
test_sparse (Fixture *f, gconstpointer data)
{
  VeredaTransport sparse = veil_transport;
  VeredaFactValue value = { 0 };
  GError *error = NULL;
  gsize n = 0;

  sparse.handshake = NULL;
  sparse.shutdown = NULL;
  sparse.pending = NULL;
  sparse.fact = NULL;
  sparse.binding = NULL;
  g_assert_true (vd_stack_wrap (f->stack, &sparse, &settings, &error));
  g_assert_cmpint (vd_stack_handshake (f->stack, &error), ==, VEREDA_IO_DONE);
  g_assert_false (vd_stack_is_secure (f->stack)); /* nothing was negotiated: no secrecy can be claimed */
  g_assert_cmpint (write_text (f, "NOOP", &n, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpuint (vd_stack_pending (f->stack), ==, 0);
  g_assert_true (vd_stack_fact (f->stack, VEREDA_FACT_BACKEND, &value));
  g_assert_cmpstr (value.str, ==, "pipe");
  g_assert_cmpint (vd_stack_shutdown (f->stack, &error), ==, VEREDA_IO_DONE);
  g_assert_no_error (error);
  vd_stack_free (f->stack); /* before `sparse` goes out of scope */
  f->stack = NULL;
}

static void
test_depth (Fixture *f, gconstpointer data)
{
  GError *error = NULL;

  for (guint i = 1; i < 4; i++)
    wrap_ready (f);
  g_assert_false (vd_stack_wrap (f->stack, &veil_transport, &settings, &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_INTERNAL);
  g_clear_error (&error);
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *path;
    void (*func) (Fixture *, gconstpointer);
    const char *data;
  } tests[] = {
    { "/layer/plain", test_plain, NULL },
    { "/layer/wrapped", test_wrapped, NULL },
    { "/layer/shutdown", test_shutdown, NULL },
    { "/layer/poison/handshake", test_handshake_fails, NULL },
    { "/layer/poison/handshake-eof", test_handshake_eof, NULL },
    { "/layer/poison/wrap", test_wrap_fails, NULL },
    { "/layer/poison/injected", test_injected, NULL },
    { "/layer/poison/before-handshake", test_io_before_handshake, NULL },
    { "/layer/poison/io", test_io_error_is_sticky, NULL },
    { "/layer/contract/read-more", test_broken_contract, "read more" },
    { "/layer/contract/read-none", test_broken_contract, "read none" },
    { "/layer/contract/read-strange", test_broken_contract, "read strange" },
    { "/layer/contract/write-more", test_broken_contract, "write more" },
    { "/layer/contract/write-none", test_broken_contract, "write none" },
    { "/layer/contract/write-eof", test_broken_contract, "write eof" },
    { "/layer/contract/write-strange", test_broken_contract, "write strange" },
    { "/layer/contract/mute-error", test_mute_error, NULL },
    { "/layer/sparse", test_sparse, NULL },
    { "/layer/depth", test_depth, NULL },
  };

  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].path, Fixture, tests[i].data, set_up, tests[i].func, tear_down);
  g_test_add_func ("/layer/open-fails", test_open_fails);
  g_test_add_func ("/layer/odd-transports", test_odd_transports);
  return g_test_run ();
}
