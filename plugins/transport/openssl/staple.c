/* SPDX-License-Identifier: MIT */
/*
 * staple: what the server shows of its certificate's standing (OCSP, RFC 6066 section 8), in OpenSSL's words.
 *
 * Touches nothing but the session.  A response that cannot be believed is told as such and changes nothing: an attacker would
 * leave it out.
 */
#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "layer.h"

#define SKEW 300 /* seconds by which clocks may differ */

static VeredaOcsp
standing_of (OCSP_BASICRESP *basic, X509 *leaf, X509 *issuer)
{
  const EVP_MD *hashes[] = { EVP_sha1 (), EVP_sha256 () }; /* by which the certificate may be called */
  ASN1_GENERALIZEDTIME *from = NULL, *until = NULL;
  int status = -1;
  gboolean found = FALSE;

  for (size_t i = 0; !found && i < G_N_ELEMENTS (hashes); i++)
    {
      OCSP_CERTID *id = OCSP_cert_to_id (hashes[i], leaf, issuer);

      found = id != NULL && OCSP_resp_find_status (basic, id, &status, NULL, NULL, &from, &until) == 1;
      OCSP_CERTID_free (id);
    }
  if (!found || OCSP_check_validity (from, until, SKEW, -1) != 1)
    return VEREDA_OCSP_INVALID;
  switch (status)
    {
    case V_OCSP_CERTSTATUS_GOOD:
      return VEREDA_OCSP_GOOD;
    case V_OCSP_CERTSTATUS_REVOKED:
      return VEREDA_OCSP_REVOKED;
    default:
      return VEREDA_OCSP_UNKNOWN;
    }
}

/* The path the library has found tells the issuer; where it found none, what the server sent does. */
static VeredaOcsp
judge (OpensslLayer *self, OCSP_BASICRESP *basic)
{
  STACK_OF (X509) *path = SSL_get0_verified_chain (self->tls), *sent = SSL_get_peer_cert_chain (self->tls);
  STACK_OF (X509) *certs = sk_X509_num (path) > 1 ? path : sent;
  X509_STORE *roots = SSL_CTX_get_cert_store (SSL_get_SSL_CTX (self->tls));

  if (basic == NULL || sk_X509_num (certs) < 2 || OCSP_basic_verify (basic, certs, roots, 0) != 1)
    return VEREDA_OCSP_INVALID;
  return standing_of (basic, sk_X509_value (certs, 0), sk_X509_value (certs, 1));
}

gboolean
openssl_layer_note_staple (OpensslLayer *self, GError **error)
{
  const unsigned char *data = NULL, *p;
  long size = SSL_get_tlsext_status_ocsp_resp (self->tls, &data);
  OCSP_RESPONSE *response;
  OCSP_BASICRESP *basic = NULL;
  VeredaOcsp ocsp;

  if (data == NULL || size <= 0)
    return TRUE;
  p = data;
  response = d2i_OCSP_RESPONSE (NULL, &p, size);
  if (response != NULL && OCSP_response_status (response) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
    basic = OCSP_response_get1_basic (response);
  ocsp = judge (self, basic);
  OCSP_BASICRESP_free (basic);
  OCSP_RESPONSE_free (response);
  ERR_clear_error ();
  return tls_session_note_staple (&self->base, ocsp, data, (size_t) size, error);
}
