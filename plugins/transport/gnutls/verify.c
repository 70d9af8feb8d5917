/* SPDX-License-Identifier: MIT */
/*
 * verify: GnuTLS' opinion of the server's certificate, brought to the common verdict.
 *
 * Touches nothing but the session.  Cannot fail; what goes wrong is the verdict.
 */
#include "layer.h"

#include <gnutls/x509.h>

static const struct
{
  unsigned int bit;
  VeredaVerify verify;
} reasons[] = {
  { GNUTLS_CERT_REVOKED, VEREDA_VERIFY_REVOKED },
  { GNUTLS_CERT_SIGNER_NOT_FOUND, VEREDA_VERIFY_UNKNOWN_ISSUER },
  { GNUTLS_CERT_SIGNER_NOT_CA, VEREDA_VERIFY_PURPOSE },
  { GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, VEREDA_VERIFY_PURPOSE },
  { GNUTLS_CERT_PURPOSE_MISMATCH, VEREDA_VERIFY_PURPOSE },
  { GNUTLS_CERT_INSECURE_ALGORITHM, VEREDA_VERIFY_WEAK },
  { GNUTLS_CERT_NOT_ACTIVATED, VEREDA_VERIFY_NOT_YET_VALID },
  { GNUTLS_CERT_EXPIRED, VEREDA_VERIFY_EXPIRED },
  { GNUTLS_CERT_SIGNATURE_FAILURE, VEREDA_VERIFY_INVALID },
  { GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS, VEREDA_VERIFY_INVALID },
  { GNUTLS_CERT_UNEXPECTED_OWNER, VEREDA_VERIFY_NAME_MISMATCH },
};

static guint
mask_of (unsigned int status)
{
  guint mask = 0;

  for (size_t i = 0; i < G_N_ELEMENTS (reasons); i++)
    if (status & reasons[i].bit)
      mask |= 1u << reasons[i].verify;
  if (status != 0 && mask == 0)
    mask |= 1u << VEREDA_VERIFY_INVALID;
  return mask;
}

/* RFC 9525 section 6.3 knows no common name; GnuTLS falls back to it when it has found no host name.  It stops looking at the
   first name it cannot hold, so this does too. */
static gboolean
has_dns_name (gnutls_x509_crt_t cert)
{
  for (unsigned int i = 0;; i++)
    {
      char name[256];
      size_t size = sizeof name;
      int type = gnutls_x509_crt_get_subject_alt_name (cert, i, name, &size, NULL);

      if (type < 0)
        return FALSE;
      if (type == GNUTLS_SAN_DNSNAME)
        return TRUE;
    }
}

static gboolean
name_matches (const TlsSession *base, gnutls_x509_crt_t leaf)
{
  if (base->peer_name == NULL)
    return FALSE;
  if (base->ip_size != 0)
    return gnutls_x509_crt_check_ip (leaf, base->ip, (unsigned int) base->ip_size, 0) != 0;
  return has_dns_name (leaf)
         && gnutls_x509_crt_check_hostname2 (leaf, base->peer_name, GNUTLS_VERIFY_DO_NOT_ALLOW_IP_MATCHES) != 0;
}

static void
keep_chain (TlsSession *base, const gnutls_datum_t *certs, unsigned int n)
{
  GByteArray *chain = g_byte_array_new ();

  for (unsigned int i = 0; i < n; i++)
    tls_session_chain_add (chain, certs[i].data, certs[i].size);
  g_clear_pointer (&base->chain, g_bytes_unref);
  base->chain = g_byte_array_free_to_bytes (chain);
}

static void
judge_text (TlsSession *base, VeredaVerify verify, unsigned int status)
{
  gnutls_datum_t text = { NULL, 0 };

  if (gnutls_certificate_verification_status_print (status, GNUTLS_CRT_X509, &text, 0) < 0)
    {
      tls_session_judge (base, verify, "no further words");
      return;
    }
  tls_session_judge (base, verify, (const char *) text.data);
  gnutls_free (text.data);
}

/* The leaf as an object, or NULL. */
static gnutls_x509_crt_t
import_leaf (const gnutls_datum_t *der)
{
  gnutls_x509_crt_t leaf = NULL;

  if (gnutls_x509_crt_init (&leaf) < 0)
    return NULL;
  if (gnutls_x509_crt_import (leaf, der, GNUTLS_X509_FMT_DER) == GNUTLS_E_SUCCESS)
    return leaf;
  gnutls_x509_crt_deinit (leaf);
  return NULL;
}

static void
judge (GnutlsLayer *self, gnutls_x509_crt_t leaf)
{
  gnutls_typed_vdata_st purpose = { GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *) GNUTLS_KP_TLS_WWW_SERVER, 0 };
  unsigned int status = 0;
  guint mask;
  int ret = gnutls_certificate_verify_peers (self->tls, &purpose, 1, &status);

  if (ret < 0)
    {
      tls_session_judge (&self->base, VEREDA_VERIFY_INVALID, gnutls_strerror (ret));
      return;
    }
  if (!name_matches (&self->base, leaf))
    status |= GNUTLS_CERT_INVALID | GNUTLS_CERT_UNEXPECTED_OWNER;
  mask = mask_of (status);
  if ((mask & (1u << VEREDA_VERIFY_UNKNOWN_ISSUER)) != 0 && gnutls_x509_crt_check_issuer (leaf, leaf) != 0)
    mask |= 1u << VEREDA_VERIFY_SELF_SIGNED;
  judge_text (&self->base, tls_session_worst (mask), status);
}

int
gnutls_layer_verify (gnutls_session_t tls)
{
  GnutlsLayer *self = gnutls_session_get_ptr (tls);
  unsigned int n = 0;
  const gnutls_datum_t *certs = gnutls_certificate_get_peers (tls, &n);
  gnutls_x509_crt_t leaf;

  if (certs == NULL || n == 0)
    tls_session_judge (&self->base, VEREDA_VERIFY_NO_CERTIFICATE, gnutls_strerror (GNUTLS_E_NO_CERTIFICATE_FOUND));
  else
    {
      keep_chain (&self->base, certs, n);
      if (self->creds->roots != NULL)
        gnutls_roots_trust (self->creds->roots, self->creds->handle, self->base.chain);
      leaf = import_leaf (&certs[0]);
      if (leaf == NULL)
        tls_session_judge (&self->base, VEREDA_VERIFY_INVALID, "the certificate cannot be read");
      else
        {
          judge (self, leaf);
          gnutls_x509_crt_deinit (leaf);
        }
    }
  return self->base.verify == VEREDA_VERIFY_OK || self->base.insecure ? 0 : GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
}
