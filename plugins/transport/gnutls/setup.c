/* SPDX-License-Identifier: MIT */
/*
 * setup: a GnuTLS session made from the settings, and its callbacks into the layer below.
 *
 * Sends nothing.  Fails with VEREDA_TRANSPORT_ERROR_SETTINGS when a name or the priority string is not usable.
 */
#include "layer.h"

#include <errno.h>
#include <string.h>

#include "tls-asked.h"
#include "tls-resume.h"

/* The policy, equal to the OpenSSL plugin's (RFC 9325): 112 bits of security everywhere, that is RSA 2048 and no SHA-1;
   ephemeral keys only; OpenSSL's order of groups, so that both ask a server for the same. */
#define POLICY                                                                                                                 \
  "NORMAL:%PROFILE_MEDIUM:-RSA:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-X448:+GROUP-SECP521R1:+GROUP-SECP384R1"        \
  ":+GROUP-FFDHE2048:+GROUP-FFDHE3072:+GROUP-FFDHE4096"

#define MAX_SPANS 64

static ssize_t
pull (gnutls_transport_ptr_t data, void *buf, size_t size)
{
  GnutlsLayer *self = data;
  size_t got = 0;

  switch (tls_session_lower_read (&self->base, buf, size, &got))
    {
    case VEREDA_IO_DONE:
      return (ssize_t) got;
    case VEREDA_IO_EOF:
      return 0;
    case VEREDA_IO_WANT_READ:
    case VEREDA_IO_WANT_WRITE:
      gnutls_transport_set_errno (self->tls, EAGAIN);
      return -1;
    case VEREDA_IO_ERROR:
    default:
      gnutls_transport_set_errno (self->tls, EIO);
      return -1;
    }
}

static ssize_t
push (gnutls_transport_ptr_t data, const giovec_t *iov, int count)
{
  GnutlsLayer *self = data;
  VeredaSpan spans[MAX_SPANS];
  size_t n = 0, sent = 0;

  for (int i = 0; i < count && n < MAX_SPANS; i++)
    spans[n++] = (VeredaSpan){ iov[i].iov_base, iov[i].iov_len };
  switch (tls_session_lower_writev (&self->base, spans, n, &sent))
    {
    case VEREDA_IO_DONE:
      return (ssize_t) sent;
    case VEREDA_IO_WANT_READ:
    case VEREDA_IO_WANT_WRITE:
      gnutls_transport_set_errno (self->tls, EAGAIN);
      return -1;
    case VEREDA_IO_EOF:
    case VEREDA_IO_ERROR:
    default:
      gnutls_transport_set_errno (self->tls, EIO);
      return -1;
    }
}

/* Sees the server's request for a client certificate. */
static int
on_request (gnutls_session_t tls, unsigned int type, unsigned int when, unsigned int incoming, const gnutls_datum_t *message)
{
  GnutlsLayer *self = gnutls_session_get_ptr (tls);

  (void) type;
  (void) when;
  if (incoming && message != NULL)
    tls_asked_note (&self->base, gnutls_protocol_get_version (tls) == GNUTLS_TLS1_3, message->data, message->size);
  return 0;
}

/* Asked before some reads whether waiting is over.  Nothing here waits: the read itself finds out. */
static int
pull_timeout (gnutls_transport_ptr_t data, unsigned int ms)
{
  (void) data;
  (void) ms;
  return 1;
}

static gboolean
set_priority (GnutlsLayer *self, const VeredaTlsSettings *settings, GError **error)
{
  const char *base = settings->priority != NULL ? settings->priority : POLICY;
  g_autofree char *text
      = g_strconcat (base, ":-VERS-ALL:+VERS-TLS1.3", settings->min_version <= 0x0303 ? ":+VERS-TLS1.2" : "", NULL);
  const char *place = NULL;
  int ret = gnutls_priority_set_direct (self->tls, text, &place);

  if (ret == GNUTLS_E_SUCCESS)
    return TRUE;
  g_set_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_SETTINGS,
               "the priority string is not usable near \"%.40s\" (library says: %s)", place != NULL ? place : text,
               gnutls_strerror (ret));
  return FALSE;
}

static gboolean
set_alpn (GnutlsLayer *self, const char *const *names, GError **error)
{
  gnutls_datum_t protocols[16];
  unsigned int n = 0;
  int ret;

  for (; names != NULL && names[n] != NULL && n < G_N_ELEMENTS (protocols); n++)
    protocols[n] = (gnutls_datum_t){ (unsigned char *) names[n], (unsigned int) strlen (names[n]) };
  if (n == 0)
    return TRUE;
  ret = gnutls_alpn_set_protocols (self->tls, protocols, n, 0);
  return ret == GNUTLS_E_SUCCESS || gnutls_layer_refuse (error, "the ALPN names are not usable", ret);
}

/* TLS-8: a literal address sends no SNI (RFC 6066 section 3). */
static gboolean
set_server_name (GnutlsLayer *self, GError **error)
{
  int ret;

  if (self->base.peer_name == NULL || self->base.ip_size != 0)
    return TRUE;
  ret = gnutls_server_name_set (self->tls, GNUTLS_NAME_DNS, self->base.peer_name, strlen (self->base.peer_name));
  return ret == GNUTLS_E_SUCCESS || gnutls_layer_refuse (error, "the server's name cannot be sent", ret);
}

static gboolean
set_up (GnutlsLayer *self, const VeredaTlsSettings *settings, GError **error)
{
  VeredaTlsSettings full;
  int ret;

  if (!tls_session_setup (&self->base, settings, &full, error))
    return FALSE;
  tls_resume_bind (&self->base, &full);
  self->creds = gnutls_creds_take (&self->base, &full, error);
  if (self->creds == NULL)
    return FALSE;

  /* FORCE_CLIENT_CERT: a certificate that was asked for is sent whatever issuers the server names, as OpenSSL does. */
  ret = gnutls_init (&self->tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_FORCE_CLIENT_CERT);
  if (ret == GNUTLS_E_SUCCESS)
    ret = gnutls_credentials_set (self->tls, GNUTLS_CRD_CERTIFICATE, self->creds->handle);
  if (ret != GNUTLS_E_SUCCESS)
    return gnutls_layer_refuse (error, "no session", ret);
  gnutls_session_set_ptr (self->tls, self);
  gnutls_transport_set_ptr (self->tls, self);
  gnutls_transport_set_pull_function (self->tls, pull);
  gnutls_transport_set_pull_timeout_function (self->tls, pull_timeout);
  gnutls_transport_set_vec_push_function (self->tls, push);
  gnutls_handshake_set_hook_function (self->tls, GNUTLS_HANDSHAKE_CERTIFICATE_REQUEST, GNUTLS_HOOK_PRE, on_request);
  gnutls_handshake_set_timeout (self->tls, 0); /* deadlines are the core's */
  if (!set_priority (self, &full, error) || !set_alpn (self, full.alpn, error) || !set_server_name (self, error))
    return FALSE;
  gnutls_layer_offer (self, full.session);
  return TRUE;
}

gboolean
gnutls_layer_wrap (VeredaLayer *l, const VeredaTlsSettings *settings, GError **error)
{
  if (set_up ((GnutlsLayer *) l, settings, error))
    return TRUE;
  l->ops->clear (l); /* nothing is kept */
  return FALSE;
}
