/* SPDX-License-Identifier: MIT */
/*
 * verify: OpenSSL's opinion of the server's certificate, brought to the common verdict.
 *
 * Touches nothing but the session.  Cannot fail; what goes wrong is the verdict.  Every reason of the library is collected, not
 * only the first, because the common order of reasons decides which one is told.
 */
#include "layer.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "tls-der.h"
#include "tls-pin.h"

/* RFC 9525 section 6: no common name, no "m*.example.org", and "*" stands for one label. */
#define NAME_FLAGS (X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)

static const struct
{
  int code;
  VeredaVerify verify;
} reasons[] = {
  { X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, VEREDA_VERIFY_SELF_SIGNED },
  { X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, VEREDA_VERIFY_UNKNOWN_ISSUER },
  { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, VEREDA_VERIFY_UNKNOWN_ISSUER },
  { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, VEREDA_VERIFY_UNKNOWN_ISSUER },
  { X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, VEREDA_VERIFY_UNKNOWN_ISSUER },
  { X509_V_ERR_CERT_UNTRUSTED, VEREDA_VERIFY_UNKNOWN_ISSUER },
  { X509_V_ERR_CERT_CHAIN_TOO_LONG, VEREDA_VERIFY_UNKNOWN_ISSUER },
  { X509_V_ERR_CERT_HAS_EXPIRED, VEREDA_VERIFY_EXPIRED },
  { X509_V_ERR_CERT_NOT_YET_VALID, VEREDA_VERIFY_NOT_YET_VALID },
  { X509_V_ERR_HOSTNAME_MISMATCH, VEREDA_VERIFY_NAME_MISMATCH },
  { X509_V_ERR_IP_ADDRESS_MISMATCH, VEREDA_VERIFY_NAME_MISMATCH },
  { X509_V_ERR_EE_KEY_TOO_SMALL, VEREDA_VERIFY_WEAK },
  { X509_V_ERR_CA_KEY_TOO_SMALL, VEREDA_VERIFY_WEAK },
  { X509_V_ERR_CA_MD_TOO_WEAK, VEREDA_VERIFY_WEAK },
  { X509_V_ERR_CERT_REVOKED, VEREDA_VERIFY_REVOKED },
  { X509_V_ERR_INVALID_CA, VEREDA_VERIFY_PURPOSE },
  { X509_V_ERR_INVALID_PURPOSE, VEREDA_VERIFY_PURPOSE },
  { X509_V_ERR_KEYUSAGE_NO_CERTSIGN, VEREDA_VERIFY_PURPOSE },
  { X509_V_ERR_PATH_LENGTH_EXCEEDED, VEREDA_VERIFY_PURPOSE },
  { X509_V_ERR_CERT_REJECTED, VEREDA_VERIFY_PURPOSE },
  { X509_V_ERR_PERMITTED_VIOLATION, VEREDA_VERIFY_PURPOSE },
  { X509_V_ERR_EXCLUDED_VIOLATION, VEREDA_VERIFY_PURPOSE },
  { X509_V_ERR_SUBTREE_MINMAX, VEREDA_VERIFY_PURPOSE },
};

/* What was found wrong: a bit for each kind, and the library's first code of that kind. */
typedef struct
{
  guint mask;
  int codes[32];
  int depths[32];
} Findings;

static int findings_index = -1;

static int
index_of_findings (void)
{
  static gsize once;

  if (g_once_init_enter (&once))
    {
      findings_index = X509_STORE_CTX_get_ex_new_index (0, NULL, NULL, NULL, NULL);
      g_once_init_leave (&once, 1);
    }
  return findings_index;
}

static void
find (Findings *findings, int code, int depth)
{
  VeredaVerify verify = VEREDA_VERIFY_INVALID;

  for (size_t i = 0; i < G_N_ELEMENTS (reasons); i++)
    if (reasons[i].code == code)
      verify = reasons[i].verify;
  if (!(findings->mask & (1u << verify)))
    {
      findings->codes[verify] = code;
      findings->depths[verify] = depth;
    }
  findings->mask |= 1u << verify;
}

static int
on_certificate (int ok, X509_STORE_CTX *store)
{
  Findings *findings = X509_STORE_CTX_get_ex_data (store, findings_index);

  if (!ok)
    find (findings, X509_STORE_CTX_get_error (store), X509_STORE_CTX_get_error_depth (store));
  return 1;
}

static int
check_name (TlsSession *base, X509 *leaf)
{
  char *matched = NULL;
  gboolean fits;

  g_clear_pointer (&base->matched_name, g_free);
  if (base->peer_name == NULL)
    return X509_V_ERR_HOSTNAME_MISMATCH;
  if (base->ip_size != 0)
    fits = X509_check_ip (leaf, base->ip, base->ip_size, 0) == 1;
  else
    fits = X509_check_host (leaf, base->peer_name, 0, NAME_FLAGS, &matched) == 1;
  if (fits)
    tls_session_note_name (base, matched);
  OPENSSL_free (matched);
  if (fits)
    return X509_V_OK;
  return base->ip_size != 0 ? X509_V_ERR_IP_ADDRESS_MISMATCH : X509_V_ERR_HOSTNAME_MISMATCH;
}

/* What the server sent, as it sent it. */
static void
keep_chain (TlsSession *base, const STACK_OF (X509) * certs)
{
  GByteArray *chain = g_byte_array_new ();

  for (int i = 0; i < sk_X509_num (certs); i++)
    {
      unsigned char *der = NULL;
      int size = i2d_X509 (sk_X509_value (certs, i), &der);

      if (size > 0)
        tls_session_chain_add (chain, der, (size_t) size);
      OPENSSL_free (der);
    }
  g_clear_pointer (&base->chain, g_bytes_unref);
  base->chain = g_byte_array_free_to_bytes (chain);
}

static void judge_chain (OpensslLayer *self, STACK_OF (X509) * certs, X509_STORE *roots);

/* The library's verdict on a path that it is to find. */
static void
judge_path (OpensslLayer *self, X509_STORE_CTX *store)
{
  Findings findings = { 0 };
  VeredaVerify verify;
  int code;

  if (X509_STORE_CTX_set_ex_data (store, index_of_findings (), &findings) != 1)
    {
      tls_session_judge (&self->base, VEREDA_VERIFY_INVALID, "out of memory");
      return;
    }
  X509_STORE_CTX_set_verify_cb (store, on_certificate);
  if (X509_verify_cert (store) != 1 && findings.mask == 0)
    find (&findings, X509_STORE_CTX_get_error (store) != X509_V_OK ? X509_STORE_CTX_get_error (store) : X509_V_ERR_UNSPECIFIED,
          0);
  X509_STORE_CTX_set_ex_data (store, findings_index, NULL);
  if ((findings.mask & (1u << VEREDA_VERIFY_UNKNOWN_ISSUER | 1u << VEREDA_VERIFY_SELF_SIGNED)) != 0
      && openssl_layer_complete_store (self, X509_STORE_CTX_get0_store (store)))
    {
      judge_chain (self, X509_STORE_CTX_get0_untrusted (store), X509_STORE_CTX_get0_store (store));
      return;
    }
  code = check_name (&self->base, X509_STORE_CTX_get0_cert (store));
  if (code != X509_V_OK)
    find (&findings, code, 0);
  verify = tls_session_worst (findings.mask);
  self->verify_code = verify == VEREDA_VERIFY_OK ? X509_V_OK : findings.codes[verify];
  tls_session_judge (&self->base, verify, X509_verify_cert_error_string (self->verify_code));
  self->base.depth = findings.depths[verify];
}

/* As the library does for a full handshake (ssl_verify_cert_chain): the same level and purpose. */
static void
judge_chain (OpensslLayer *self, STACK_OF (X509) * certs, X509_STORE *roots)
{
  X509_STORE_CTX *store = X509_STORE_CTX_new ();

  if (store != NULL && X509_STORE_CTX_init (store, roots, sk_X509_value (certs, 0), certs) == 1
      && X509_STORE_CTX_set_default (store, "ssl_server") == 1)
    {
      X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param (store);

      X509_VERIFY_PARAM_set_auth_level (param, SSL_get_security_level (self->tls));
      X509_VERIFY_PARAM_set1 (param, SSL_get0_param (self->tls));
      judge_path (self, store);
    }
  else
    tls_session_judge (&self->base, VEREDA_VERIFY_INVALID, "out of memory");
  X509_STORE_CTX_free (store);
}

/* The same with no roots but @anchors. */
static void
judge_anchored (OpensslLayer *self, STACK_OF (X509) * certs, const GArray *anchors)
{
  X509_STORE *roots = X509_STORE_new ();

  for (guint i = 0; roots != NULL && i < anchors->len; i++)
    {
      VeredaSpan der = g_array_index (anchors, VeredaSpan, i);
      const unsigned char *p = der.data;
      X509 *cert = d2i_X509 (NULL, &p, (long) der.size);

      if (cert != NULL)
        X509_STORE_add_cert (roots, cert);
      X509_free (cert);
    }
  if (roots != NULL)
    judge_chain (self, certs, roots);
  X509_STORE_free (roots);
}

/* @store is the library's, ready for the path, or NULL. */
static void
judge (OpensslLayer *self, STACK_OF (X509) * certs, X509_STORE_CTX *store)
{
  g_autoptr (GArray) anchors = NULL;

  self->verify_code = X509_V_ERR_UNSPECIFIED;
  switch (tls_pin_judge (&self->base, &anchors))
    {
    case TLS_PIN_DECIDED:
      self->verify_code = self->base.verify == VEREDA_VERIFY_OK ? X509_V_OK : X509_V_ERR_CERT_UNTRUSTED;
      check_name (&self->base, sk_X509_value (certs, 0)); /* for the fact */
      break;
    case TLS_PIN_ANCHORS:
      judge_anchored (self, certs, anchors);
      break;
    case TLS_PIN_SILENT:
    default:
      if (store != NULL)
        judge_path (self, store);
      else
        judge_chain (self, certs, SSL_CTX_get_cert_store (SSL_get_SSL_CTX (self->tls)));
    }
  ERR_clear_error ();
}

int
openssl_layer_verify (X509_STORE_CTX *store, void *data)
{
  OpensslLayer *self = data;

  keep_chain (&self->base, X509_STORE_CTX_get0_untrusted (store));
  judge (self, X509_STORE_CTX_get0_untrusted (store), store);
  X509_STORE_CTX_set_error (store, self->verify_code); /* chooses the alert */
  return self->base.verify == VEREDA_VERIFY_OK || self->base.insecure;
}

void
openssl_layer_verify_again (OpensslLayer *self)
{
  STACK_OF (X509) *certs = sk_X509_new_null ();
  VeredaSpan der;

  for (size_t at = 0; certs != NULL && tls_der_chain_next (self->base.chain, &at, &der);)
    {
      const unsigned char *p = der.data;
      X509 *cert = d2i_X509 (NULL, &p, (long) der.size);

      if (cert != NULL && sk_X509_push (certs, cert) == 0)
        X509_free (cert);
    }
  if (sk_X509_num (certs) > 0)
    judge (self, certs, NULL);
  else
    tls_session_judge (&self->base, VEREDA_VERIFY_NO_CERTIFICATE, "the resumed session has none");
  sk_X509_pop_free (certs, X509_free);
  ERR_clear_error ();
}
