/* SPDX-License-Identifier: MIT */
/*
 * facts: what a GnuTLS session can say about itself, and its channel bindings (RFC 5929, RFC 9266).
 *
 * Touches nothing but the session.  A binding that the session cannot give is VEREDA_TRANSPORT_ERROR_UNSUPPORTED.
 */
#include "layer.h"

#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>

#include "tls-facts.h"

static const char *
backend (void)
{
  static gsize once;
  static char text[48];

  if (g_once_init_enter (&once))
    {
      g_snprintf (text, sizeof text, "GnuTLS %s", gnutls_check_version (NULL));
      g_once_init_leave (&once, 1);
    }
  return text;
}

/* While the handshake is going on GnuTLS does not name the suite.  In TLS 1.3 the cipher alone says which it is. */
static const char *
suite_of_cipher (gnutls_session_t tls)
{
  static const struct
  {
    gnutls_cipher_algorithm_t cipher;
    const char *suite;
  } suites[] = {
    { GNUTLS_CIPHER_AES_128_GCM, "TLS_AES_128_GCM_SHA256" },
    { GNUTLS_CIPHER_AES_256_GCM, "TLS_AES_256_GCM_SHA384" },
    { GNUTLS_CIPHER_CHACHA20_POLY1305, "TLS_CHACHA20_POLY1305_SHA256" },
    { GNUTLS_CIPHER_AES_128_CCM, "TLS_AES_128_CCM_SHA256" },
    { GNUTLS_CIPHER_AES_128_CCM_8, "TLS_AES_128_CCM_8_SHA256" },
  };

  for (size_t i = 0; gnutls_protocol_get_version (tls) == GNUTLS_TLS1_3 && i < G_N_ELEMENTS (suites); i++)
    if (suites[i].cipher == gnutls_cipher_get (tls))
      return suites[i].suite;
  return NULL;
}

static const char *
cipher (gnutls_session_t tls)
{
#if GNUTLS_VERSION_NUMBER >= 0x030704
  return gnutls_ciphersuite_get (tls);
#else
  return gnutls_cipher_suite_get_name (gnutls_kx_get (tls), gnutls_cipher_get (tls), gnutls_mac_get (tls));
#endif
}

static const char *
group (GnutlsLayer *self)
{
  if (self->group[0] == '\0')
    tls_facts_lower_case (gnutls_group_get_name (gnutls_group_get (self->tls)), self->group, sizeof self->group);
  return self->group;
}

static const char *
alpn (GnutlsLayer *self)
{
  gnutls_datum_t name = { NULL, 0 };

  if (self->alpn[0] == '\0' && gnutls_alpn_get_selected_protocol (self->tls, &name) == GNUTLS_E_SUCCESS
      && name.size < sizeof self->alpn)
    memcpy (self->alpn, name.data, name.size);
  return self->alpn;
}

static int64_t
version (gnutls_session_t tls)
{
  return gnutls_protocol_get_version (tls) == GNUTLS_TLS1_3 ? 0x0304 : 0x0303;
}

/* What is agreed before the certificate comes, so that one that was refused can be described beside it. */
static gboolean
agreed (GnutlsLayer *self, VeredaFact fact, VeredaFactValue *ret)
{
  switch (fact)
    {
    case VEREDA_FACT_TLS_VERSION:
      ret->num = version (self->tls);
      return TRUE;
    case VEREDA_FACT_CIPHER:
      return tls_facts_text (self->base.established ? cipher (self->tls) : suite_of_cipher (self->tls), ret);
    case VEREDA_FACT_KEY_BITS: /* below TLS 1.3 there is no cipher until the keys change, which is after the certificate */
      ret->num = (int64_t) gnutls_cipher_get_key_size (gnutls_cipher_get (self->tls)) * 8;
      return ret->num > 0;
    case VEREDA_FACT_GROUP:
      return tls_facts_text (group (self), ret);
    default:
      return FALSE;
    }
}

void
gnutls_layer_note_signature (GnutlsLayer *self)
{
  static const struct
  {
    gnutls_sign_algorithm_t algorithm;
    const char *name;
  } schemes[] = {
    { GNUTLS_SIGN_RSA_SHA1, "rsa_pkcs1_sha1" },
    { GNUTLS_SIGN_RSA_SHA224, "rsa_pkcs1_sha224" },
    { GNUTLS_SIGN_RSA_SHA256, "rsa_pkcs1_sha256" },
    { GNUTLS_SIGN_RSA_SHA384, "rsa_pkcs1_sha384" },
    { GNUTLS_SIGN_RSA_SHA512, "rsa_pkcs1_sha512" },
    { GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, "rsa_pss_rsae_sha256" },
    { GNUTLS_SIGN_RSA_PSS_RSAE_SHA384, "rsa_pss_rsae_sha384" },
    { GNUTLS_SIGN_RSA_PSS_RSAE_SHA512, "rsa_pss_rsae_sha512" },
    { GNUTLS_SIGN_RSA_PSS_SHA256, "rsa_pss_pss_sha256" },
    { GNUTLS_SIGN_RSA_PSS_SHA384, "rsa_pss_pss_sha384" },
    { GNUTLS_SIGN_RSA_PSS_SHA512, "rsa_pss_pss_sha512" },
    { GNUTLS_SIGN_ECDSA_SHA1, "ecdsa_sha1" },
    { GNUTLS_SIGN_ECDSA_SHA224, "ecdsa_sha224" },
    { GNUTLS_SIGN_ECDSA_SHA256, "ecdsa_secp256r1_sha256" },
    { GNUTLS_SIGN_ECDSA_SHA384, "ecdsa_secp384r1_sha384" },
    { GNUTLS_SIGN_ECDSA_SHA512, "ecdsa_secp521r1_sha512" },
    { GNUTLS_SIGN_ECDSA_SECP256R1_SHA256, "ecdsa_secp256r1_sha256" },
    { GNUTLS_SIGN_ECDSA_SECP384R1_SHA384, "ecdsa_secp384r1_sha384" },
    { GNUTLS_SIGN_ECDSA_SECP521R1_SHA512, "ecdsa_secp521r1_sha512" },
    { GNUTLS_SIGN_EDDSA_ED25519, "ed25519" },
    { GNUTLS_SIGN_EDDSA_ED448, "ed448" },
  };
  int algorithm = gnutls_sign_algorithm_get (self->tls);

  for (size_t i = 0; i < G_N_ELEMENTS (schemes); i++)
    if ((int) schemes[i].algorithm == algorithm)
      g_strlcpy (self->base.signature, schemes[i].name, sizeof self->base.signature);
}

gboolean
gnutls_layer_fact (VeredaLayer *l, VeredaFact fact, VeredaFactValue *ret)
{
  GnutlsLayer *self = (GnutlsLayer *) l;

  if (fact == VEREDA_FACT_BACKEND)
    return tls_facts_text (backend (), ret);
  if (tls_facts_answer (&self->base, fact, ret))
    return TRUE;
  if ((self->base.established || self->base.judged) && agreed (self, fact, ret))
    return TRUE;
  if (!self->base.established)
    return FALSE;
  switch (fact)
    {
    case VEREDA_FACT_ALPN:
      return tls_facts_text (alpn (self), ret);
    case VEREDA_FACT_KTLS:
      ret->num = 0; /* the descriptor belongs to the layer below */
      return TRUE;
    case VEREDA_FACT_SESSION:
      ret->bytes = gnutls_layer_session (self);
      return ret->bytes != NULL;
    default:
      return FALSE;
    }
}

/* RFC 9266 section 2; below TLS 1.3 the exporter is bound to one session only with RFC 7627's master secret. */
static GBytes *
exporter (GnutlsLayer *self, GError **error)
{
  char out[TLS_EXPORTER_SIZE];

  if (version (self->tls) < 0x0304 && !gnutls_session_ext_master_secret_status (self->tls))
    return tls_facts_no_binding (error, "tls-exporter needs TLS 1.3 or an extended master secret");
  if (gnutls_prf_rfc5705 (self->tls, strlen (TLS_EXPORTER_LABEL), TLS_EXPORTER_LABEL, 0, "", sizeof out, out) < 0)
    return tls_facts_no_binding (error, "GnuTLS exports no key material");
  return g_bytes_new (out, sizeof out);
}

/* GnuTLS answers with the hash inside EdDSA, which is no hash of the message. */
static gnutls_digest_algorithm_t
hash_of (int signature)
{
  if (signature < 0 || signature == GNUTLS_SIGN_EDDSA_ED25519 || signature == GNUTLS_SIGN_EDDSA_ED448)
    return GNUTLS_DIG_UNKNOWN;
  return gnutls_sign_get_hash_algorithm ((gnutls_sign_algorithm_t) signature);
}

/* RFC 5929 section 4.1: the certificate's own hash, but SHA-256 in place of MD5 and SHA-1; none where the signature has no
   single hash (Ed25519). */
static GBytes *
server_end_point (GnutlsLayer *self, GError **error)
{
  VeredaSpan leaf = tls_session_leaf (&self->base);
  gnutls_datum_t der = { (unsigned char *) leaf.data, (unsigned int) leaf.size };
  gnutls_digest_algorithm_t hash = GNUTLS_DIG_UNKNOWN;
  gnutls_x509_crt_t cert;
  unsigned char out[64];

  if (leaf.size == 0 || gnutls_x509_crt_init (&cert) < 0)
    return tls_facts_no_binding (error, "no server certificate");
  if (gnutls_x509_crt_import (cert, &der, GNUTLS_X509_FMT_DER) == GNUTLS_E_SUCCESS)
    hash = hash_of (gnutls_x509_crt_get_signature_algorithm (cert));
  gnutls_x509_crt_deinit (cert);
  if (hash == GNUTLS_DIG_MD5 || hash == GNUTLS_DIG_SHA1)
    hash = GNUTLS_DIG_SHA256;
  if (hash == GNUTLS_DIG_UNKNOWN || gnutls_hash_get_len (hash) > sizeof out
      || gnutls_hash_fast (hash, leaf.data, leaf.size, out) < 0)
    return tls_facts_no_binding (error, "tls-server-end-point is not defined for the signature of this certificate");
  return g_bytes_new (out, gnutls_hash_get_len (hash));
}

/* RFC 5929 section 3.  GnuTLS keeps the first Finished, whoever sent it. */
static GBytes *
unique (GnutlsLayer *self, GError **error)
{
  gnutls_datum_t data = { NULL, 0 };
  GBytes *bytes;

  if (version (self->tls) >= 0x0304)
    return tls_facts_no_binding (error, "tls-unique is not defined for TLS 1.3");
  if (gnutls_session_channel_binding (self->tls, GNUTLS_CB_TLS_UNIQUE, &data) < 0)
    return tls_facts_no_binding (error, "GnuTLS gives no tls-unique");
  bytes = g_bytes_new (data.data, data.size);
  gnutls_free (data.data);
  return bytes;
}

GBytes *
gnutls_layer_binding (VeredaLayer *l, VeredaBinding kind, GError **error)
{
  GnutlsLayer *self = (GnutlsLayer *) l;

  if (!self->base.established || self->base.failure != NULL)
    return tls_facts_no_binding (error, "there is no session");
  switch (kind)
    {
    case VEREDA_BINDING_TLS_EXPORTER:
      return exporter (self, error);
    case VEREDA_BINDING_TLS_SERVER_END_POINT:
      return server_end_point (self, error);
    case VEREDA_BINDING_TLS_UNIQUE:
      return unique (self, error);
    default:
      return tls_facts_no_binding (error, "not known");
    }
}
