/* SPDX-License-Identifier: MIT */
/*
 * resume: GnuTLS' sessions, in and out of the packets of tls-resume.
 *
 * Touches nothing but the session.  What cannot be resumed is a full handshake; only the verdict on the certificates behind a
 * session that was resumed can fail.
 */
#include "tls-resume.h"

#include "layer.h"

void
gnutls_layer_offer (GnutlsLayer *self, GBytes *packet)
{
  VeredaSpan span;

  if (tls_resume_open (&self->base, packet, &span) && gnutls_session_set_data (self->tls, span.data, span.size) < 0)
    tls_session_debug (&self->base, "GnuTLS does not take the session to resume");
}

gboolean
gnutls_layer_settle (GnutlsLayer *self, GError **error)
{
  TlsSession *base = &self->base;
  gboolean resumed = gnutls_session_is_resumed (self->tls) != 0;

  if (!resumed)
    {
      base->client_cert
          = gnutls_certificate_client_get_request_status (self->tls) != 0 && gnutls_certificate_get_ours (self->tls) != NULL;
      gnutls_layer_note_signature (self);
      if (!gnutls_layer_note_staple (self, error))
        return FALSE;
    }
  tls_resume_settle (base, resumed);
  if (resumed && gnutls_layer_verify (self->tls) != 0) /* the library has the chain in its session */
    {
      tls_session_fail_certificate (base, error);
      return FALSE;
    }
  base->established = TRUE;
  return TRUE;
}

/* TRUE when the server has given something to come back with.  Asked for a session of TLS 1.3 before a ticket has come, the
   library would wait for one. */
static gboolean
is_resumable (gnutls_session_t tls)
{
  gnutls_datum_t id = { NULL, 0 };

  if ((gnutls_session_get_flags (tls) & GNUTLS_SFLAGS_SESSION_TICKET) != 0)
    return TRUE;
  return gnutls_protocol_get_version (tls) < GNUTLS_TLS1_3 && gnutls_session_get_id2 (tls, &id) == GNUTLS_E_SUCCESS
         && id.size > 0;
}

/* Below TLS 1.3 a session without the extended master secret is not worth keeping: what is bound to it could be replayed to
   another server (RFC 7627 section 5.3). */
GBytes *
gnutls_layer_session (GnutlsLayer *self)
{
  gnutls_datum_t data = { NULL, 0 };
  GBytes *packet = NULL;

  if (self->base.failure != NULL || !is_resumable (self->tls)
      || (gnutls_protocol_get_version (self->tls) < GNUTLS_TLS1_3 && !gnutls_session_ext_master_secret_status (self->tls)))
    return NULL;
  if (gnutls_session_get_data2 (self->tls, &data) == GNUTLS_E_SUCCESS && data.size > 0)
    packet = tls_resume_pack (&self->base, data.data, data.size);
  if (data.data != NULL)
    {
      explicit_bzero (data.data, data.size);
      gnutls_free (data.data);
    }
  return packet;
}
