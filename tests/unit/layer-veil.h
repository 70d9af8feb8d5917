/* SPDX-License-Identifier: MIT */
/* layer-veil - the scripted transports of the stack's test: "pipe" opens a descriptor, "veil" wraps and behaves as its controls say. */
#ifndef TEST_LAYER_VEIL_H
#define TEST_LAYER_VEIL_H

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vereda-plugin/transport.h>

static const VeredaHost host = { .struct_size = sizeof host };
static GString *history; /* what was called, in order */

static guint wiped_veils;                      /* instances that were wiped while they held a key */
void explicit_bzero (void *data, size_t size); /* in place of the C library's */

/* --- the bottom: a real descriptor --- */

typedef struct
{
  VeredaLayer base;
  int fd;
} Pipe;

static gboolean pipe_refuses;
static gsize pipe_pending_octets;

static gboolean
pipe_open (VeredaLayer *l, int fd, GError **error)
{
  g_assert_true (l->host == &host);
  g_assert_null (l->lower);
  g_assert_cmpint (((Pipe *) l)->fd, ==, 0); /* zeroed */
  if (pipe_refuses)
    {
      g_set_error_literal (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_IO, "not today");
      return FALSE;
    }
  ((Pipe *) l)->fd = fd;
  return TRUE;
}

static VeredaIo
io_of (ssize_t n, VeredaIo want, size_t *ret_n, GError **error)
{
  if (n > 0)
    {
      *ret_n = (size_t) n;
      return VEREDA_IO_DONE;
    }
  if (n == 0)
    return VEREDA_IO_EOF;
  if (errno == EAGAIN)
    return want;
  g_set_error_literal (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_IO, g_strerror (errno));
  return VEREDA_IO_ERROR;
}

static VeredaIo
pipe_read (VeredaLayer *l, void *buf, size_t size, size_t *ret_n, GError **error)
{
  return io_of (recv (((Pipe *) l)->fd, buf, size, 0), VEREDA_IO_WANT_READ, ret_n, error);
}

static VeredaIo
pipe_writev (VeredaLayer *l, const VeredaSpan *v, size_t n, size_t *ret_n, GError **error)
{
  char buf[256];
  size_t size = vereda_spans_flatten (v, n, buf, sizeof buf);
  return io_of (send (((Pipe *) l)->fd, buf, size, MSG_NOSIGNAL), VEREDA_IO_WANT_WRITE, ret_n, error);
}

static size_t
pipe_pending (VeredaLayer *l)
{
  return pipe_pending_octets;
}

static gboolean
pipe_fact (VeredaLayer *l, VeredaFact fact, VeredaFactValue *ret)
{
  if (fact == VEREDA_FACT_FD)
    ret->num = ((Pipe *) l)->fd;
  else if (fact == VEREDA_FACT_BACKEND)
    ret->str = "pipe";
  else
    return FALSE;
  return TRUE;
}

static void
pipe_clear (VeredaLayer *l)
{
  g_string_append (history, "pipe.clear ");
  close (((Pipe *) l)->fd);
}

static const VeredaTransport pipe_transport = {
  .struct_size = sizeof (VeredaTransport),
  .instance_size = sizeof (Pipe),
  .name = "pipe",
  .description = "test",
  .open = pipe_open,
  .read = pipe_read,
  .writev = pipe_writev,
  .pending = pipe_pending,
  .fact = pipe_fact,
  .clear = pipe_clear,
};

/* --- the wrapping layer: does as it is told --- */

typedef struct
{
  gboolean wrap_fails;
  VeredaIo handshake;      /* next answer */
  gboolean handshake_mute; /* ERROR without saying why */
  VeredaIo io;             /* of read and writev; DONE passes down */
  gsize lie;               /* added to *ret_n */
  gboolean none;           /* DONE with nothing */
  VeredaIo shutdown;
  gsize pending;
  int64_t verified;
  gboolean bound;
} Controls;

static Controls controls;

typedef struct
{
  VeredaLayer base;
  char secret[16];
} Veil;

static gboolean
veil_wrap (VeredaLayer *l, const VeredaTlsSettings *settings, GError **error)
{
  g_assert_nonnull (l->lower);
  g_assert_true (settings->min_version == 0x0303);
  strcpy (((Veil *) l)->secret, "session key");
  if (controls.wrap_fails)
    g_set_error_literal (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_SETTINGS, "no such file");
  return !controls.wrap_fails;
}

static void
complain (GError **error)
{
  g_set_error_literal (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_HANDSHAKE, "alert 40");
}

static VeredaIo
veil_handshake (VeredaLayer *l, GError **error)
{
  g_string_append (history, "handshake ");
  if (controls.handshake == VEREDA_IO_ERROR && !controls.handshake_mute)
    complain (error);
  return controls.handshake;
}

static VeredaIo
veil_answer (VeredaIo down, size_t *ret_n, GError **error)
{
  if (controls.io == VEREDA_IO_ERROR)
    complain (error);
  if (controls.io != VEREDA_IO_DONE)
    return controls.io;
  if (down == VEREDA_IO_DONE)
    *ret_n = controls.none ? 0 : *ret_n + controls.lie;
  return down;
}

static VeredaIo
veil_read (VeredaLayer *l, void *buf, size_t size, size_t *ret_n, GError **error)
{
  return veil_answer (controls.io == VEREDA_IO_DONE ? l->lower->ops->read (l->lower, buf, size, ret_n, error) : VEREDA_IO_DONE,
                      ret_n, error);
}

static VeredaIo
veil_writev (VeredaLayer *l, const VeredaSpan *v, size_t n, size_t *ret_n, GError **error)
{
  return veil_answer (controls.io == VEREDA_IO_DONE ? l->lower->ops->writev (l->lower, v, n, ret_n, error) : VEREDA_IO_DONE,
                      ret_n, error);
}

static VeredaIo
veil_shutdown (VeredaLayer *l, GError **error)
{
  g_string_append (history, "shutdown ");
  if (controls.shutdown == VEREDA_IO_ERROR)
    complain (error);
  return controls.shutdown;
}

static size_t
veil_pending (VeredaLayer *l)
{
  return controls.pending;
}

static gboolean
veil_fact (VeredaLayer *l, VeredaFact fact, VeredaFactValue *ret)
{
  if (fact == VEREDA_FACT_PEER_VERIFIED)
    ret->num = controls.verified;
  else if (fact == VEREDA_FACT_BACKEND)
    ret->str = "veil";
  else
    return FALSE;
  return TRUE;
}

static GBytes *
veil_binding (VeredaLayer *l, VeredaBinding kind, GError **error)
{
  if (controls.bound && kind == VEREDA_BINDING_TLS_EXPORTER)
    return g_bytes_new_static ("bound", 5);
  g_set_error_literal (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_UNSUPPORTED, "the veil has none of this kind");
  return NULL;
}

static void
veil_clear (VeredaLayer *l)
{
  g_string_append (history, "veil.clear ");
}

static const VeredaTransport veil_transport = {
  .struct_size = sizeof (VeredaTransport),
  .instance_size = sizeof (Veil),
  .name = "veil",
  .description = "test",
  .wrap = veil_wrap,
  .handshake = veil_handshake,
  .read = veil_read,
  .writev = veil_writev,
  .shutdown = veil_shutdown,
  .pending = veil_pending,
  .fact = veil_fact,
  .binding = veil_binding,
  .clear = veil_clear,
};

void
explicit_bzero (void *data, size_t size)
{
  char *volatile hidden = (char *) data; /* the header says that this function does not read */
  volatile char *octets = hidden;

  wiped_veils += size == sizeof (Veil) && octets[G_STRUCT_OFFSET (Veil, secret)] == 's';
  for (size_t i = 0; i < size; i++)
    octets[i] = 0;
}

static const VeredaTlsSettings settings
    = { .struct_size = sizeof settings, .min_version = 0x0303, .peer_name = "mail.example.org" };

#endif
