/* SPDX-License-Identifier: MIT */
/*
 * A TLS server of OpenSSL in memory, and the layer of transports that leads to it.
 */
#include "test-transport-peer.h"

#include <openssl/err.h>
#include <string.h>

static void
count_hellos (int writing, int version, int type, const void *data, size_t size, SSL *ssl, void *arg)
{
  Peer *peer = arg;

  (void) version;
  (void) ssl;
  if (!writing && type == SSL3_RT_HANDSHAKE && size > 0 && *(const guint8 *) data == SSL3_MT_CLIENT_HELLO)
    peer->hellos++;
}

void
peer_init (Peer *peer, int version)
{
  KitServerConfig config = { .cert = tt_cert ("good-ecdsa", ".pem"), .min_version = version, .max_version = version };
  SSL_CTX *ctx = kit_server_context (&config);

  memset (peer, 0, sizeof *peer);
  peer->ssl = SSL_new (ctx);
  SSL_CTX_free (ctx);
  peer->in = BIO_new (BIO_s_mem ());
  peer->out = BIO_new (BIO_s_mem ());
  BIO_set_mem_eof_return (peer->in, -1);
  BIO_set_mem_eof_return (peer->out, -1);
  SSL_set_bio (peer->ssl, peer->in, peer->out);
  SSL_set_accept_state (peer->ssl);
  SSL_set_msg_callback (peer->ssl, count_hellos);
  SSL_set_msg_callback_arg (peer->ssl, peer);
}

void
peer_clear (Peer *peer)
{
  SSL_free (peer->ssl);
}

void
peer_run (Peer *peer)
{
  char buf[4096];
  int n;

  ERR_clear_error ();
  if (!SSL_is_init_finished (peer->ssl) && SSL_do_handshake (peer->ssl) != 1)
    return;
  while ((n = SSL_read (peer->ssl, buf, sizeof buf)) > 0)
    {
      if (peer->key_updates-- > 0)
        SSL_key_update (peer->ssl, SSL_KEY_UPDATE_REQUESTED);
      if (peer->hello_request)
        {
          SSL_renegotiate (peer->ssl);
          SSL_do_handshake (peer->ssl);
          peer->hello_request = FALSE;
        }
      SSL_write (peer->ssl, buf, n);
    }
  if (SSL_get_error (peer->ssl, n) == SSL_ERROR_ZERO_RETURN && !peer->silent)
    SSL_shutdown (peer->ssl);
  ERR_clear_error ();
}

/* TRUE when this call is not served, *ret_io says why. */
static gboolean
mem_gate (MemLayer *self, gboolean reading, VeredaIo *ret_io, GError **error)
{
  int call = self->calls++;
  gboolean cut = self->was_cut || (self->cut_at >= 0 && call == self->cut_at);

  self->want = VEREDA_IO_DONE;
  if (cut)
    {
      self->was_cut = TRUE;
      *ret_io = reading && self->cut_with == VEREDA_IO_EOF ? VEREDA_IO_EOF : VEREDA_IO_ERROR;
      if (*ret_io == VEREDA_IO_ERROR)
        g_set_error_literal (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_IO, "the wire was cut");
      return TRUE;
    }
  if (self->frozen || (self->alternate && (call & 1) == 0))
    {
      self->want = reading != self->twisted ? VEREDA_IO_WANT_READ : VEREDA_IO_WANT_WRITE;
      *ret_io = self->want;
      return TRUE;
    }
  return FALSE;
}

static VeredaIo
mem_read (VeredaLayer *l, void *buf, size_t size, size_t *ret_n, GError **error)
{
  MemLayer *self = (MemLayer *) l;
  VeredaIo io;
  int n;

  if (mem_gate (self, TRUE, &io, error))
    return io;
  peer_run (self->peer);
  if (self->read_most > 0)
    size = MIN (size, self->read_most);
  n = BIO_read (self->peer->out, buf, (int) size);
  if (n <= 0)
    return self->want = VEREDA_IO_WANT_READ;
  *ret_n = (size_t) n;
  return VEREDA_IO_DONE;
}

static VeredaIo
mem_writev (VeredaLayer *l, const VeredaSpan *v, size_t n, size_t *ret_n, GError **error)
{
  MemLayer *self = (MemLayer *) l;
  size_t done = 0;
  VeredaIo io;

  if (mem_gate (self, FALSE, &io, error))
    return io;
  for (size_t i = 0; i < n; i++)
    {
      size_t take = self->write_most > 0 ? MIN (v[i].size, self->write_most - done) : v[i].size;

      if (take > 0)
        g_assert_cmpint (BIO_write (self->peer->in, v[i].data, (int) take), ==, (int) take);
      done += take;
    }
  g_assert_cmpuint (done, >, 0);
  *ret_n = done;
  return VEREDA_IO_DONE;
}

static void
mem_clear (VeredaLayer *l)
{
  (void) l;
}

const VeredaTransport mem_transport = {
  .struct_size = sizeof (VeredaTransport),
  .instance_size = sizeof (MemLayer),
  .name = "memory",
  .read = mem_read,
  .writev = mem_writev,
  .clear = mem_clear,
};
