/* SPDX-License-Identifier: MIT */
/*
 * resume: OpenSSL's sessions, in and out of the packets of tls-resume.
 *
 * Touches nothing but the session.  What cannot be resumed is a full handshake; only the verdict on the certificates behind a
 * session that was resumed can fail.
 */
#include "tls-resume.h"

#include <openssl/err.h>

#include "layer.h"

void
openssl_layer_offer (OpensslLayer *self, GBytes *packet)
{
  VeredaSpan span;
  const unsigned char *data;
  SSL_SESSION *session;

  if (!tls_resume_open (&self->base, packet, &span))
    return;
  data = span.data;
  session = d2i_SSL_SESSION (NULL, &data, (long) span.size);
  if (session == NULL || SSL_set_session (self->tls, session) != 1)
    tls_session_debug (&self->base, "OpenSSL does not take the session to resume");
  SSL_SESSION_free (session);
  ERR_clear_error ();
}

gboolean
openssl_layer_settle (OpensslLayer *self, GError **error)
{
  TlsSession *base = &self->base;

  tls_resume_settle (base, SSL_session_reused (self->tls) == 1);
  if (!base->resumed)
    {
      openssl_layer_note_signature (self);
      if (!openssl_layer_note_staple (self, error))
        return FALSE;
    }
  if (base->resumed)
    {
      openssl_layer_verify_again (self);
      if (base->verify != VEREDA_VERIFY_OK && !base->insecure)
        {
          tls_session_fail_certificate (base, error);
          return FALSE;
        }
    }
  base->established = TRUE;
  return TRUE;
}

/* The newest: with TLS 1.3 each ticket makes a new one.  Below, a session without the extended master secret is not worth
   keeping: what is bound to it could be replayed to another server (RFC 7627 section 5.3). */
GBytes *
openssl_layer_session (OpensslLayer *self)
{
  SSL_SESSION *session = SSL_get0_session (self->tls);
  unsigned char *data = NULL;
  GBytes *packet = NULL;
  int size;

  if (self->base.failure != NULL || session == NULL || !SSL_SESSION_is_resumable (session)
      || (SSL_version (self->tls) < TLS1_3_VERSION && SSL_get_extms_support (self->tls) != 1))
    return NULL;
  size = i2d_SSL_SESSION (session, &data);
  if (size > 0)
    packet = tls_resume_pack (&self->base, data, (size_t) size);
  OPENSSL_clear_free (data, size > 0 ? (size_t) size : 0);
  ERR_clear_error ();
  return packet;
}
