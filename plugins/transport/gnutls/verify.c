/* SPDX-License-Identifier: MIT */
/*
 * verify: GnuTLS' opinion of the server's certificate, brought to the common verdict.
 *
 * Touches nothing but the session.  Cannot fail; what goes wrong is the verdict.
 */
#include "layer.h"

#include <gnutls/x509.h>
#include <string.h>

#include "tls-der.h"
#include "tls-pin.h"

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

/* What the library has found to fit is looked for again only to be told. */
static gboolean
is_the_one (const char *pattern, const char *name)
{
  const char *dot = strchr (name, '.');

  return g_ascii_strcasecmp (pattern, name) == 0
         || (g_str_has_prefix (pattern, "*.") && dot != NULL && g_ascii_strcasecmp (pattern + 1, dot) == 0);
}

/* RFC 9525 section 6.3 knows no common name; GnuTLS falls back to it when it has found no host name.  It stops looking at the
   first name it cannot hold, so this does too.  TRUE when there is a host name; @ret_match gets the one that is @wanted. */
static gboolean
find_dns_name (gnutls_x509_crt_t cert, const char *wanted, char ret_match[256])
{
  gboolean any = FALSE;

  for (unsigned int i = 0;; i++)
    {
      char name[256];
      size_t size = sizeof name;
      int type = gnutls_x509_crt_get_subject_alt_name (cert, i, name, &size, NULL);

      if (type < 0)
        return any;
      if (type != GNUTLS_SAN_DNSNAME)
        continue;
      any = TRUE;
      if (ret_match[0] == '\0' && is_the_one (name, wanted))
        g_strlcpy (ret_match, name, 256);
    }
}

static gboolean
name_matches (TlsSession *base, gnutls_x509_crt_t leaf)
{
  char match[256] = "";
  gboolean fits;

  g_clear_pointer (&base->matched_name, g_free);
  if (base->peer_name == NULL)
    return FALSE;
  if (base->ip_size != 0)
    fits = gnutls_x509_crt_check_ip (leaf, base->ip, (unsigned int) base->ip_size, 0) != 0;
  else
    fits = find_dns_name (leaf, base->peer_name, match)
           && gnutls_x509_crt_check_hostname2 (leaf, base->peer_name, GNUTLS_VERIFY_DO_NOT_ALLOW_IP_MATCHES) != 0;
  if (fits)
    tls_session_note_name (base, base->ip_size != 0 ? NULL : match[0] != '\0' ? match : base->peer_name);
  return fits;
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

/* Whose certificates are being looked at: the library's callback says so neither by an argument nor by a session. */
static _Thread_local struct
{
  GBytes *chain;
  int depths[32]; /* by verdict: where it was first found, or -1 */
} looking;

/* Told of every certificate on the path: which one is what is wrong about? */
static int
on_certificate (gnutls_x509_crt_t cert, gnutls_x509_crt_t issuer, gnutls_x509_crl_t crl, unsigned int status)
{
  guint mask = mask_of (status);
  VeredaSpan der;
  int depth = 0;

  (void) issuer;
  (void) crl;
  for (size_t at = 0; mask != 0 && tls_der_chain_next (looking.chain, &at, &der); depth++)
    {
      gnutls_datum_t datum = { (unsigned char *) der.data, (unsigned int) der.size };

      if (gnutls_x509_crt_equals2 (cert, &datum) != 0)
        for (guint i = 0; i < G_N_ELEMENTS (looking.depths); i++)
          if ((mask & (1u << i)) != 0 && looking.depths[i] < 0)
            looking.depths[i] = depth;
    }
  return 0;
}

static void
judge_path (GnutlsLayer *self, gnutls_x509_crt_t leaf)
{
  gnutls_typed_vdata_st purpose = { GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *) GNUTLS_KP_TLS_WWW_SERVER, 0 };
  VeredaVerify verify;
  unsigned int status = 0;
  guint mask;
  int ret;

  looking.chain = self->base.chain;
  memset (looking.depths, -1, sizeof looking.depths);
  gnutls_session_set_verify_output_function (self->tls, on_certificate);
  ret = gnutls_certificate_verify_peers (self->tls, &purpose, 1, &status);
  looking.chain = NULL;
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
  verify = tls_session_worst (mask);
  judge_text (&self->base, verify, status);
  self->base.depth = MAX (looking.depths[verify], 0);
}

/* The same with no roots but @anchors.  With records the credentials are the session's own. */
static void
judge_anchored (GnutlsLayer *self, gnutls_x509_crt_t leaf, const GArray *anchors)
{
  gnutls_x509_trust_list_t roots;

  if (gnutls_x509_trust_list_init (&roots, 0) < 0)
    {
      tls_session_judge (&self->base, VEREDA_VERIFY_INVALID, "out of memory");
      return;
    }
  for (guint i = 0; i < anchors->len; i++)
    {
      VeredaSpan der = g_array_index (anchors, VeredaSpan, i);
      gnutls_datum_t datum = { (unsigned char *) der.data, (unsigned int) der.size };

      gnutls_x509_trust_list_add_trust_mem (roots, &datum, NULL, GNUTLS_X509_FMT_DER, 0, 0);
    }
  gnutls_certificate_set_trust_list (self->creds->handle, roots, 0); /* takes it, and lets the old one go */
  judge_path (self, leaf);
}

static void
judge (GnutlsLayer *self, gnutls_x509_crt_t leaf)
{
  g_autoptr (GArray) anchors = NULL;

  switch (tls_pin_judge (&self->base, &anchors))
    {
    case TLS_PIN_DECIDED:
      name_matches (&self->base, leaf); /* for the fact */
      break;
    case TLS_PIN_ANCHORS:
      judge_anchored (self, leaf, anchors);
      break;
    case TLS_PIN_SILENT:
    default:
      if (self->creds->roots != NULL)
        gnutls_roots_trust (self->creds->roots, self->creds->handle, self->base.chain);
      judge_path (self, leaf);
    }
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
