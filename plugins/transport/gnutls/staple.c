/* SPDX-License-Identifier: MIT */
/*
 * staple: what the server shows of its certificate's standing (OCSP, RFC 6066 section 8), in GnuTLS' words.
 *
 * Touches nothing but the session.  A response that cannot be believed is told as such and changes nothing: an attacker would
 * leave it out.
 */
#include <gnutls/ocsp.h>
#include <gnutls/x509.h>

#include "layer.h"

#define SKEW 300 /* seconds by which clocks may differ */

static VeredaOcsp
standing_of (gnutls_ocsp_resp_t response, gnutls_x509_crt_t leaf)
{
  time_t from = 0, until = 0, now = (time_t) (g_get_real_time () / G_USEC_PER_SEC);
  unsigned int status = 0;
  int found = -1;

  for (unsigned int i = 0; found < 0 && i < 64; i++)
    if (gnutls_ocsp_resp_check_crt (response, i, leaf) == 0)
      found = (int) i;
  if (found < 0
      || gnutls_ocsp_resp_get_single (response, (unsigned int) found, NULL, NULL, NULL, NULL, &status, &from, &until, NULL,
                                      NULL)
             < 0
      || from == (time_t) -1 || from > now + SKEW || (until != (time_t) -1 && until < now - SKEW))
    return VEREDA_OCSP_INVALID;
  switch (status)
    {
    case GNUTLS_OCSP_CERT_GOOD:
      return VEREDA_OCSP_GOOD;
    case GNUTLS_OCSP_CERT_REVOKED:
      return VEREDA_OCSP_REVOKED;
    default:
      return VEREDA_OCSP_UNKNOWN;
    }
}

/* Signed by the issuer, or by whom the issuer has named for it. */
static gboolean
is_signed (GnutlsLayer *self, gnutls_ocsp_resp_t response, gnutls_x509_crt_t leaf, const gnutls_datum_t *certs, unsigned int n)
{
  gnutls_x509_trust_list_t roots = NULL;
  gnutls_x509_crt_t issuer = NULL, sent = NULL;
  unsigned int wrong = 1;

  gnutls_certificate_get_trust_list (self->creds->handle, &roots);
  if (n > 1 && gnutls_x509_crt_init (&sent) == 0 && gnutls_x509_crt_import (sent, &certs[1], GNUTLS_X509_FMT_DER) == 0
      && gnutls_x509_crt_check_issuer (leaf, sent) != 0)
    issuer = sent;
  else if (roots == NULL || gnutls_x509_trust_list_get_issuer (roots, leaf, &issuer, 0) < 0)
    issuer = NULL;
  if (issuer == NULL || gnutls_ocsp_resp_verify_direct (response, issuer, &wrong, 0) < 0)
    wrong = 1;
  if (sent != NULL)
    gnutls_x509_crt_deinit (sent);
  return wrong == 0;
}

static VeredaOcsp
judge (GnutlsLayer *self, const gnutls_datum_t *data)
{
  unsigned int n = 0;
  const gnutls_datum_t *certs = gnutls_certificate_get_peers (self->tls, &n);
  VeredaOcsp ocsp = VEREDA_OCSP_INVALID;
  gnutls_ocsp_resp_t response = NULL;
  gnutls_x509_crt_t leaf = NULL;

  if (certs != NULL && n > 0 && gnutls_x509_crt_init (&leaf) == 0
      && gnutls_x509_crt_import (leaf, &certs[0], GNUTLS_X509_FMT_DER) == 0 && gnutls_ocsp_resp_init (&response) == 0
      && gnutls_ocsp_resp_import (response, data) == 0 && gnutls_ocsp_resp_get_status (response) == GNUTLS_OCSP_RESP_SUCCESSFUL
      && is_signed (self, response, leaf, certs, n))
    ocsp = standing_of (response, leaf);
  if (response != NULL)
    gnutls_ocsp_resp_deinit (response);
  if (leaf != NULL)
    gnutls_x509_crt_deinit (leaf);
  return ocsp;
}

gboolean
gnutls_layer_note_staple (GnutlsLayer *self, GError **error)
{
  gnutls_datum_t data = { NULL, 0 };

  if (gnutls_ocsp_status_request_get (self->tls, &data) < 0 || data.size == 0)
    return TRUE;
  return tls_session_note_staple (&self->base, judge (self, &data), data.data, data.size, error);
}
