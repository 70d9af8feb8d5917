/* SPDX-License-Identifier: MIT */
/*
 * facts: what an OpenSSL session can say about itself, and its channel bindings (RFC 5929, RFC 9266).
 *
 * Touches nothing but the session.  A binding that the session cannot give is VEREDA_TRANSPORT_ERROR_UNSUPPORTED.
 */
#include "layer.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

#include "tls-facts.h"

static const char *
backend (void)
{
  static gsize once;
  static char text[48];

  if (g_once_init_enter (&once))
    {
      g_snprintf (text, sizeof text, "OpenSSL %s", OpenSSL_version (OPENSSL_VERSION_STRING));
      g_once_init_leave (&once, 1);
    }
  return text;
}

static const char *
group (OpensslLayer *self)
{
  long id = SSL_get_negotiated_group (self->tls);
  const char *name;

  /* Known curves come as a NID, others as the TLS number with a mark. */
  if (self->group[0] != '\0' || id == NID_undef)
    return self->group;
  switch (id)
    {
    case NID_X9_62_prime256v1: /* the one whose OpenSSL name is not the registry's */
      name = "secp256r1";
      break;
    default:
      name = (id & TLSEXT_nid_unknown) != 0 ? SSL_group_to_name (self->tls, (int) id) : OBJ_nid2sn ((int) id);
    }
  tls_facts_lower_case (name, self->group, sizeof self->group);
  return self->group;
}

/* Below TLS 1.3 the suite is pending until the keys change, which is after the certificate. */
static const SSL_CIPHER *
suite (OpensslLayer *self)
{
  const SSL_CIPHER *current = SSL_get_current_cipher (self->tls);

  return current != NULL ? current : SSL_get_pending_cipher (self->tls);
}

/* What is agreed before the certificate comes, so that one that was refused can be described beside it. */
static gboolean
agreed (OpensslLayer *self, VeredaFact fact, VeredaFactValue *ret)
{
  const SSL_CIPHER *chosen = suite (self);

  if (chosen == NULL)
    return FALSE;
  switch (fact)
    {
    case VEREDA_FACT_TLS_VERSION:
      ret->num = SSL_version (self->tls);
      return TRUE;
    case VEREDA_FACT_CIPHER:
      return tls_facts_text (SSL_CIPHER_standard_name (chosen), ret);
    case VEREDA_FACT_KEY_BITS:
      ret->num = SSL_CIPHER_get_bits (chosen, NULL);
      return TRUE;
    case VEREDA_FACT_GROUP:
      return tls_facts_text (group (self), ret);
    default:
      return FALSE;
    }
}

static const char *
alpn (OpensslLayer *self)
{
  const unsigned char *name = NULL;
  unsigned int size = 0;

  SSL_get0_alpn_selected (self->tls, &name, &size);
  if (self->alpn[0] == '\0' && size > 0 && size < sizeof self->alpn)
    memcpy (self->alpn, name, size);
  return self->alpn;
}

/* The registry's names are made of the kind of key and the hash; those of ECDSA name the curve that TLS 1.3 puts with the hash. */
void
openssl_layer_note_signature (OpensslLayer *self)
{
  static const struct
  {
    int hash;
    const char *name, *curve;
  } hashes[] = { { NID_sha1, "sha1", "" },
                 { NID_sha224, "sha224", "" },
                 { NID_sha256, "sha256", "secp256r1_" },
                 { NID_sha384, "sha384", "secp384r1_" },
                 { NID_sha512, "sha512", "secp521r1_" } };
  char *to = self->base.signature;
  gulong room = sizeof self->base.signature;
  int type = NID_undef, hash = NID_undef;

  if (SSL_get_peer_signature_type_nid (self->tls, &type) != 1)
    return;
  if (type == NID_ED25519 || type == NID_ED448)
    {
      g_strlcpy (to, type == NID_ED25519 ? "ed25519" : "ed448", room);
      return;
    }
  SSL_get_peer_signature_nid (self->tls, &hash);
  for (size_t i = 0; i < G_N_ELEMENTS (hashes); i++)
    if (hashes[i].hash != hash)
      continue;
    else if (type == NID_X9_62_id_ecPublicKey)
      g_snprintf (to, room, "ecdsa_%s%s", hashes[i].curve, hashes[i].name);
    else if (type == NID_rsassaPss)
      g_snprintf (to, room, "rsa_pss_%s_%s",
                  EVP_PKEY_is_a (X509_get0_pubkey (SSL_get0_peer_certificate (self->tls)), "RSA-PSS") ? "pss" : "rsae",
                  hashes[i].name);
    else if (type == NID_rsaEncryption)
      g_snprintf (to, room, "rsa_pkcs1_%s", hashes[i].name);
}

gboolean
openssl_layer_fact (VeredaLayer *l, VeredaFact fact, VeredaFactValue *ret)
{
  OpensslLayer *self = (OpensslLayer *) l;

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
      ret->num = 0; /* OpenSSL does it on its own socket BIO only */
      return TRUE;
    case VEREDA_FACT_SESSION:
      ret->bytes = openssl_layer_session (self);
      return ret->bytes != NULL;
    default:
      return FALSE;
    }
}

static GBytes *
no_binding (GError **error, const char *why)
{
  ERR_clear_error ();
  return tls_facts_no_binding (error, why);
}

/* RFC 9266 section 2; below TLS 1.3 the exporter is bound to one session only with RFC 7627's master secret. */
static GBytes *
exporter (OpensslLayer *self, GError **error)
{
  unsigned char out[TLS_EXPORTER_SIZE];

  if (SSL_version (self->tls) < TLS1_3_VERSION && SSL_get_extms_support (self->tls) != 1)
    return no_binding (error, "tls-exporter needs TLS 1.3 or an extended master secret");
  if (SSL_export_keying_material (self->tls, out, sizeof out, TLS_EXPORTER_LABEL, strlen (TLS_EXPORTER_LABEL), NULL, 0, 1) != 1)
    return no_binding (error, "OpenSSL exports no key material");
  return g_bytes_new (out, sizeof out);
}

/* RFC 5929 section 4.1: the certificate's own hash, but SHA-256 in place of MD5 and SHA-1; none where the signature has no
   single hash (Ed25519). */
static GBytes *
server_end_point (OpensslLayer *self, GError **error)
{
  VeredaSpan leaf = tls_session_leaf (&self->base);
  const unsigned char *der = leaf.data;
  X509 *cert = leaf.size > 0 ? d2i_X509 (NULL, &der, (long) leaf.size) : NULL;
  int hash = NID_undef, bits = 0;
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const EVP_MD *md;

  if (cert == NULL)
    return no_binding (error, "no server certificate");
  if (X509_get_signature_info (cert, &hash, NULL, &bits, NULL) != 1)
    hash = NID_undef;
  X509_free (cert);
  if (hash == NID_md5 || hash == NID_sha1)
    hash = NID_sha256;
  md = hash != NID_undef ? EVP_get_digestbynid (hash) : NULL;
  if (md == NULL || EVP_Digest (leaf.data, leaf.size, out, &size, md, NULL) != 1)
    return no_binding (error, "tls-server-end-point is not defined for the signature of this certificate");
  return g_bytes_new (out, size);
}

/* RFC 5929 section 3.  There is no renegotiation, so the first Finished is the client's, in a resumed session the server's. */
static GBytes *
unique (OpensslLayer *self, GError **error)
{
  unsigned char out[64];
  size_t size;

  if (SSL_version (self->tls) >= TLS1_3_VERSION)
    return no_binding (error, "tls-unique is not defined for TLS 1.3");
  size
      = self->base.resumed ? SSL_get_peer_finished (self->tls, out, sizeof out) : SSL_get_finished (self->tls, out, sizeof out);
  if (size == 0 || size > sizeof out)
    return no_binding (error, "OpenSSL gives no tls-unique");
  return g_bytes_new (out, size);
}

GBytes *
openssl_layer_binding (VeredaLayer *l, VeredaBinding kind, GError **error)
{
  OpensslLayer *self = (OpensslLayer *) l;

  if (!self->base.established || self->base.failure != NULL)
    return no_binding (error, "there is no session");
  switch (kind)
    {
    case VEREDA_BINDING_TLS_EXPORTER:
      return exporter (self, error);
    case VEREDA_BINDING_TLS_SERVER_END_POINT:
      return server_end_point (self, error);
    case VEREDA_BINDING_TLS_UNIQUE:
      return unique (self, error);
    default:
      return no_binding (error, "not known");
    }
}
