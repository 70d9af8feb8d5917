/* SPDX-License-Identifier: MIT */
/*
 * gnutls: TLS by GnuTLS, over any layer.
 *
 * This file moves octets: handshake, records, goodbye.  It touches the layer below only, through the callbacks of setup.c.
 * What can fail is the peer, the layer below, and the certificate; GnuTLS' own words go into the message.
 */
#include "layer.h"
#include "tls-steps.h"

/* Refusals to agree, as opposed to a peer that breaks the rules. */
static const int disagreements[] = {
  GNUTLS_E_UNSUPPORTED_VERSION_PACKET,
  GNUTLS_E_UNKNOWN_CIPHER_SUITE,
  GNUTLS_E_NO_CIPHER_SUITES,
  GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM,
  GNUTLS_E_DH_PRIME_UNACCEPTABLE,
  GNUTLS_E_SAFE_RENEGOTIATION_FAILED,
  GNUTLS_E_INSUFFICIENT_SECURITY,
  GNUTLS_E_NO_COMMON_KEY_SHARE,
  GNUTLS_E_NO_APPLICATION_PROTOCOL,
  GNUTLS_E_INAPPROPRIATE_FALLBACK,
  GNUTLS_E_KEY_USAGE_VIOLATION,
  GNUTLS_E_ECC_UNSUPPORTED_CURVE,
  GNUTLS_E_INTERNAL_ERROR,
  GNUTLS_E_MEMORY_ERROR,
};

static VeredaTransportError
code_of (int ret)
{
  for (size_t i = 0; i < G_N_ELEMENTS (disagreements); i++)
    if (disagreements[i] == ret)
      return VEREDA_TRANSPORT_ERROR_HANDSHAKE;
  return VEREDA_TRANSPORT_ERROR_PROTOCOL;
}

static VeredaIo
fail (GnutlsLayer *self, int ret, GError **error)
{
  TlsSession *base = &self->base;
  const char *doing = base->established ? "TLS" : "TLS handshake";

  if (!base->established && base->judged && base->verify != VEREDA_VERIFY_OK && !base->insecure)
    return tls_session_fail_certificate (base, error);
  if (ret == GNUTLS_E_FATAL_ALERT_RECEIVED)
    return tls_session_fail (base, VEREDA_TRANSPORT_ERROR_HANDSHAKE, error, "%s: the server sent the alert \"%s\"", doing,
                             gnutls_alert_get_name (gnutls_alert_get (self->tls)));
  if (tls_session_fail_below (base, error))
    return VEREDA_IO_ERROR;
  return tls_session_fail (base, code_of (ret), error, "%s: %s", doing, gnutls_strerror (ret));
}

/* Decides after a call that returned @ret < 0: TRUE to call again at once, else *ret_io is the answer. */
static gboolean
again (GnutlsLayer *self, int ret, guint64 calls_before, VeredaIo *ret_io, GError **error)
{
  TlsSession *base = &self->base;

  if (ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED)
    {
      return tls_steps_wait (base, "GnuTLS", calls_before, ret_io, error);
    }
  /* Warning alerts, and the HelloRequest of TLS 1.2: a client may ignore it (RFC 5246 section 7.4.1.1), and does. */
  if (!gnutls_error_is_fatal (ret))
    return TRUE;
  *ret_io = fail (self, ret, error);
  return FALSE;
}

static VeredaIo
layer_handshake (VeredaLayer *l, GError **error)
{
  GnutlsLayer *self = (GnutlsLayer *) l;
  VeredaIo io = VEREDA_IO_ERROR;
  guint64 calls;
  int ret;

  if (!tls_session_begin (&self->base, error))
    return VEREDA_IO_ERROR;
  if (self->base.established)
    return VEREDA_IO_DONE;
  do
    {
      calls = self->base.lower_calls;
      ret = gnutls_handshake (self->tls);
      if (ret == GNUTLS_E_SUCCESS)
        {
          if (gnutls_layer_settle (self, error))
            return VEREDA_IO_DONE;
          ret = GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
          break;
        }
    }
  while (again (self, ret, calls, &io, error));

  /* Tell the server why, as OpenSSL does by itself; if it cannot be sent now it is not sent. */
  if (io == VEREDA_IO_ERROR && !self->base.alien && !self->base.lower_eof && self->base.lower_error == NULL
      && ret != GNUTLS_E_FATAL_ALERT_RECEIVED)
    gnutls_alert_send_appropriate (self->tls, ret);
  return io;
}

static VeredaIo
layer_read (VeredaLayer *l, void *buf, size_t size, size_t *ret_n, GError **error)
{
  GnutlsLayer *self = (GnutlsLayer *) l;
  VeredaIo io = VEREDA_IO_ERROR;
  guint64 calls;
  ssize_t ret;

  if (!tls_session_begin_data (&self->base, error))
    return VEREDA_IO_ERROR;
  if (size == 0)
    {
      *ret_n = 0;
      return VEREDA_IO_DONE;
    }
  do
    {
      calls = self->base.lower_calls;
      self->base.want = VEREDA_IO_DONE;
      ret = gnutls_record_recv (self->tls, buf, size);
      if (ret > 0)
        {
          *ret_n = (size_t) ret;
          return VEREDA_IO_DONE;
        }
      if (ret == 0)
        return VEREDA_IO_EOF;
    }
  while (again (self, (int) ret, calls, &io, error));
  return io;
}

/* Sends @size octets at @data, or finishes the record that is stuck. */
static VeredaIo
send_record (TlsSession *base, const void *data, size_t size, size_t *ret_n, GError **error)
{
  GnutlsLayer *self = (GnutlsLayer *) base;
  VeredaIo io = VEREDA_IO_ERROR;
  guint64 calls;
  ssize_t ret;

  do
    {
      calls = base->lower_calls;
      base->want = VEREDA_IO_DONE;
      /* After AGAIN the octets are in the library: it is asked to go on, not given them twice. */
      ret = base->stuck > 0 ? gnutls_record_send (self->tls, NULL, 0) : gnutls_record_send (self->tls, data, size);
      if (ret > 0)
        {
          base->stuck = 0;
          *ret_n = (size_t) ret;
          return VEREDA_IO_DONE;
        }
      if (ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED)
        base->stuck = size;
      if (ret == 0)
        return tls_session_fail (base, VEREDA_TRANSPORT_ERROR_IO, error, "TLS: GnuTLS took nothing");
    }
  while (again (self, (int) ret, calls, &io, error));
  return io;
}

static VeredaIo
layer_writev (VeredaLayer *l, const VeredaSpan *v, size_t n, size_t *ret_n, GError **error)
{
  return tls_steps_writev (&((GnutlsLayer *) l)->base, v, n, ret_n, send_record, error);
}

static VeredaIo
layer_shutdown (VeredaLayer *l, GError **error)
{
  GnutlsLayer *self = (GnutlsLayer *) l;
  VeredaIo io;
  guint64 calls;
  int ret;

  if (!tls_steps_begin_goodbye (&self->base, send_record, &io, error))
    return io;
  do
    {
      calls = self->base.lower_calls;
      self->base.want = VEREDA_IO_DONE;
      ret = gnutls_bye (self->tls, GNUTLS_SHUT_WR);
      if (ret == GNUTLS_E_SUCCESS)
        {
          self->base.goodbye_said = TRUE;
          return VEREDA_IO_DONE;
        }
    }
  while (again (self, ret, calls, &io, error));
  return io;
}

static size_t
layer_pending (VeredaLayer *l)
{
  GnutlsLayer *self = (GnutlsLayer *) l;

  return self->base.established && self->base.failure == NULL ? gnutls_record_check_pending (self->tls) : 0;
}

static void
layer_clear (VeredaLayer *l)
{
  GnutlsLayer *self = (GnutlsLayer *) l;

  if (self->tls != NULL)
    gnutls_deinit (self->tls);
  gnutls_creds_release (self->creds);
  self->tls = NULL;
  self->creds = NULL;
  tls_session_clear (&self->base);
}

/* The library's constructor does this already, unless GNUTLS_NO_IMPLICIT_INIT is in the environment.  It is counted, and
   never undone: others in the process may use it. */
static gboolean
plugin_init (const VeredaHost *host, GError **error)
{
  int ret = gnutls_global_init ();

  (void) host;
  if (ret == GNUTLS_E_SUCCESS)
    return TRUE;
  g_set_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_UNSUPPORTED, "initialising GnuTLS: %s",
               gnutls_strerror (ret));
  return FALSE;
}

static const VeredaTransport gnutls_transport = {
  .struct_size = sizeof (VeredaTransport),
  .instance_size = sizeof (GnutlsLayer),
  .name = "gnutls",
  .description = "TLS by GnuTLS",
  .wrap = gnutls_layer_wrap,
  .handshake = layer_handshake,
  .read = layer_read,
  .writev = layer_writev,
  .shutdown = layer_shutdown,
  .pending = layer_pending,
  .fact = gnutls_layer_fact,
  .binding = gnutls_layer_binding,
  .clear = layer_clear,
};

static const VeredaTransport *const gnutls_transports[] = { &gnutls_transport, NULL };

static const VeredaPlugin gnutls_plugin = {
  .struct_size = sizeof (VeredaPlugin),
  .abi = VEREDA_PLUGIN_ABI,
  .name = "gnutls",
  .version = "1.0",
  .license = "MIT",
  .transports = gnutls_transports,
  .init = plugin_init,
};

VEREDA_PLUGIN_DEFINE (gnutls, gnutls_plugin)
