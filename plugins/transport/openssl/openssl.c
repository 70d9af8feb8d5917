/* SPDX-License-Identifier: MIT */
/*
 * openssl: TLS by OpenSSL, over any layer.
 *
 * This file moves octets: handshake, records, goodbye.  It touches the layer below only, through the BIO of setup.c.  What can
 * fail is the peer, the layer below, and the certificate; OpenSSL's own words go into the message.
 *
 * The error queue is per thread and shared with the application, so it is emptied before every call and after every failure.
 */
#include "layer.h"

#include <openssl/err.h>
#include <string.h>

#include "tls-steps.h"

/* Refusals to agree, as opposed to a peer that breaks the rules. */
static const int disagreements[] = {
  SSL_R_UNSUPPORTED_PROTOCOL,
  SSL_R_VERSION_TOO_LOW,
  SSL_R_NO_PROTOCOLS_AVAILABLE,
  SSL_R_UNKNOWN_CIPHER_RETURNED,
  SSL_R_WRONG_CIPHER_RETURNED,
  SSL_R_NO_CIPHERS_AVAILABLE,
  SSL_R_DH_KEY_TOO_SMALL,
  SSL_R_EE_KEY_TOO_SMALL,
  SSL_R_BAD_ECPOINT,
  SSL_R_WRONG_CURVE,
  SSL_R_WRONG_SIGNATURE_TYPE,
  SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED,
  SSL_R_INAPPROPRIATE_FALLBACK,
  ERR_R_INTERNAL_ERROR,
  ERR_R_MALLOC_FAILURE,
};

static VeredaTransportError
code_of (int reason)
{
  for (size_t i = 0; i < G_N_ELEMENTS (disagreements); i++)
    if (disagreements[i] == reason)
      return VEREDA_TRANSPORT_ERROR_HANDSHAKE;
  return VEREDA_TRANSPORT_ERROR_PROTOCOL;
}

static VeredaIo
fail (OpensslLayer *self, GError **error)
{
  TlsSession *base = &self->base;
  const char *doing = base->established ? "TLS" : "TLS handshake";
  unsigned long code = ERR_peek_error ();
  int reason = ERR_GET_REASON (code);
  const char *text = ERR_reason_error_string (code);
  gboolean alert = code != 0 && ERR_GET_LIB (code) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET;

  ERR_clear_error ();
  if (!base->established && base->judged && base->verify != VEREDA_VERIFY_OK && !base->insecure)
    return tls_session_fail_certificate (base, error);
  if (alert)
    return tls_session_fail (base, VEREDA_TRANSPORT_ERROR_HANDSHAKE, error, "%s: the server sent the alert \"%s\"", doing,
                             SSL_alert_desc_string_long (reason - SSL_AD_REASON_OFFSET));
  if (tls_session_fail_below (base, error))
    return VEREDA_IO_ERROR;
  return tls_session_fail (base, code_of (reason), error, "%s: %s", doing, text != NULL ? text : "no further words");
}

/* Decides after a call that returned @ret <= 0: TRUE to call again at once, else *ret_io is the answer. */
static gboolean
again (OpensslLayer *self, int ret, guint64 calls_before, VeredaIo *ret_io, GError **error)
{
  TlsSession *base = &self->base;

  switch (SSL_get_error (self->tls, ret))
    {
    case SSL_ERROR_ZERO_RETURN:
      ERR_clear_error ();
      *ret_io = VEREDA_IO_EOF;
      return FALSE;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return tls_steps_wait (base, "OpenSSL", calls_before, ret_io, error);
    default:
      *ret_io = fail (self, error);
      return FALSE;
    }
}

/* Before every call into the library. */
static guint64
ready (OpensslLayer *self)
{
  ERR_clear_error ();
  self->base.want = VEREDA_IO_DONE;
  return self->base.lower_calls;
}

static VeredaIo
layer_handshake (VeredaLayer *l, GError **error)
{
  OpensslLayer *self = (OpensslLayer *) l;
  VeredaIo io = VEREDA_IO_ERROR;
  guint64 calls;
  int ret;

  if (!tls_session_begin (&self->base, error))
    return VEREDA_IO_ERROR;
  if (self->base.established)
    return VEREDA_IO_DONE;
  do
    {
      calls = ready (self);
      ret = SSL_connect (self->tls);
      if (ret == 1)
        return openssl_layer_settle (self, error) ? VEREDA_IO_DONE : VEREDA_IO_ERROR;
    }
  while (again (self, ret, calls, &io, error));
  if (io == VEREDA_IO_EOF) /* a close_notify in place of a handshake */
    return tls_session_fail (&self->base, VEREDA_TRANSPORT_ERROR_HANDSHAKE, error,
                             "TLS handshake: the server sent the alert \"close notify\"");
  return io;
}

static VeredaIo
layer_read (VeredaLayer *l, void *buf, size_t size, size_t *ret_n, GError **error)
{
  OpensslLayer *self = (OpensslLayer *) l;
  VeredaIo io = VEREDA_IO_ERROR;
  guint64 calls;
  size_t got = 0;
  int ret;

  if (!tls_session_begin_data (&self->base, error))
    return VEREDA_IO_ERROR;
  if (size == 0)
    {
      *ret_n = 0;
      return VEREDA_IO_DONE;
    }
  do
    {
      calls = ready (self);
      ret = SSL_read_ex (self->tls, buf, size, &got);
      if (ret == 1)
        {
          *ret_n = got;
          return VEREDA_IO_DONE;
        }
    }
  while (again (self, ret, calls, &io, error));
  return io;
}

/* Sends @size octets at @data, or finishes the record that is stuck: the library wants it from the same octets again. */
static VeredaIo
send_record (TlsSession *base, const void *data, size_t size, size_t *ret_n, GError **error)
{
  OpensslLayer *self = (OpensslLayer *) base;
  VeredaIo io = VEREDA_IO_ERROR;
  guint64 calls;
  size_t sent = 0;
  int ret;

  do
    {
      calls = ready (self);
      ret = SSL_write_ex (self->tls, data, size, &sent);
      if (ret == 1)
        {
          base->stuck = 0;
          *ret_n = sent;
          return VEREDA_IO_DONE;
        }
    }
  while (again (self, ret, calls, &io, error));
  if (io == VEREDA_IO_EOF)
    return tls_session_fail (base, VEREDA_TRANSPORT_ERROR_IO, error, "TLS: the server has closed the session");
  if (io != VEREDA_IO_ERROR)
    {
      if (data != base->record)
        memcpy (base->record, data, size);
      base->stuck = size;
    }
  return io;
}

static VeredaIo
layer_writev (VeredaLayer *l, const VeredaSpan *v, size_t n, size_t *ret_n, GError **error)
{
  return tls_steps_writev (&((OpensslLayer *) l)->base, v, n, ret_n, send_record, error);
}

static VeredaIo
layer_shutdown (VeredaLayer *l, GError **error)
{
  OpensslLayer *self = (OpensslLayer *) l;
  VeredaIo io;
  guint64 calls;
  int ret;

  if (!tls_steps_begin_goodbye (&self->base, send_record, &io, error))
    return io;
  do
    {
      calls = ready (self);
      ret = SSL_shutdown (self->tls);
      if (ret >= 0) /* 0: said, and not heard yet */
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
  OpensslLayer *self = (OpensslLayer *) l;
  int n = self->base.established && self->base.failure == NULL ? SSL_pending (self->tls) : 0;

  return n > 0 ? (size_t) n : 0;
}

static void
layer_clear (VeredaLayer *l)
{
  OpensslLayer *self = (OpensslLayer *) l;

  SSL_free (self->tls);
  self->tls = NULL;
  tls_session_clear (&self->base);
}

/* The default library context is left as it is, and is never cleaned up from here: others in the process may use it. */
static gboolean
plugin_init (const VeredaHost *host, GError **error)
{
  (void) host;
  if (OPENSSL_init_ssl (0, NULL) == 1)
    return openssl_layer_make_method (error);
  g_set_error_literal (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_UNSUPPORTED, "initialising OpenSSL failed");
  return FALSE;
}

static const VeredaTransport openssl_transport = {
  .struct_size = sizeof (VeredaTransport),
  .instance_size = sizeof (OpensslLayer),
  .name = "openssl",
  .description = "TLS by OpenSSL",
  .wrap = openssl_layer_wrap,
  .handshake = layer_handshake,
  .read = layer_read,
  .writev = layer_writev,
  .shutdown = layer_shutdown,
  .pending = layer_pending,
  .fact = openssl_layer_fact,
  .binding = openssl_layer_binding,
  .clear = layer_clear,
};

static const VeredaTransport *const openssl_transports[] = { &openssl_transport, NULL };

static const VeredaPlugin openssl_plugin = {
  .struct_size = sizeof (VeredaPlugin),
  .abi = VEREDA_PLUGIN_ABI,
  .name = "openssl",
  .version = "1.0",
  .license = "MIT",
  .transports = openssl_transports,
  .init = plugin_init,
};

VEREDA_PLUGIN_DEFINE (openssl, openssl_plugin)
