/* SPDX-License-Identifier: MIT */
/* sink-cert - see sink-cert.h. */
#include "sink-cert.h"
#include "sink-config.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

#define DAYS 30

typedef struct
{
  int nid;
  const gchar *value;
} Extension;

static gboolean
add_extension (X509 *cert, X509 *issuer, int nid, const gchar *value)
{
  X509V3_CTX context;
  X509V3_set_ctx_nodb (&context);
  X509V3_set_ctx (&context, issuer, cert, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_nconf_nid (NULL, &context, nid, value);
  gboolean good = extension != NULL && X509_add_ext (cert, extension, -1) == 1;
  X509_EXTENSION_free (extension);
  return good;
}

static gboolean
set_serial (X509 *cert)
{
  guchar octets[16];
  if (RAND_bytes (octets, sizeof octets) != 1)
    return FALSE;
  octets[0] = (guchar) ((octets[0] & 0x7f) | 0x01); /* positive and not zero: RFC 5280 section 4.1.2.2 */
  BIGNUM *number = BN_bin2bn (octets, sizeof octets, NULL);
  gboolean good = number != NULL && BN_to_ASN1_INTEGER (number, X509_get_serialNumber (cert)) != NULL;
  BN_free (number);
  return good;
}

/* A certificate with everything but the signature. */
static X509 *
draft (EVP_PKEY *key, const gchar *common_name, X509 *issuer, const Extension *extensions, gsize n_extensions)
{
  X509 *cert = X509_new ();
  gboolean good = cert != NULL && X509_set_version (cert, X509_VERSION_3) == 1 && set_serial (cert)
                  && X509_gmtime_adj (X509_getm_notBefore (cert), -3600) != NULL
                  && X509_time_adj_ex (X509_getm_notAfter (cert), DAYS, 0, NULL) != NULL && X509_set_pubkey (cert, key) == 1;
  X509_NAME *name = good ? X509_get_subject_name (cert) : NULL;
  good = good && X509_NAME_add_entry_by_txt (name, "O", MBSTRING_ASC, (const guchar *) "smtp-tool sink", -1, -1, 0) == 1
         && X509_NAME_add_entry_by_txt (name, "CN", MBSTRING_ASC, (const guchar *) common_name, -1, -1, 0) == 1
         && X509_set_issuer_name (cert, issuer != NULL ? X509_get_subject_name (issuer) : name) == 1;
  for (gsize i = 0; good && i < n_extensions; i++)
    good = add_extension (cert, issuer != NULL ? issuer : cert, extensions[i].nid, extensions[i].value);
  if (good)
    return cert;
  X509_free (cert);
  return NULL;
}

/* "DNS:localhost,IP:127.0.0.1"; a name that is no name would change the syntax and is refused. */
static gchar *
alternative_names (const gchar *const *names, GError **error)
{
  GString *list = g_string_new (NULL);
  for (; *names != NULL; names++)
    {
      guchar octets[16];
      gboolean is_ip = inet_pton (AF_INET, *names, octets) == 1 || inet_pton (AF_INET6, *names, octets) == 1;
      gsize good = strspn (*names, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._*");
      if (!is_ip && (good == 0 || (*names)[good] != '\0'))
        {
          g_set_error (error, SINK_ERROR, SINK_ERROR_USAGE, "--tls-names: \"%s\" is no host name and no IP address", *names);
          g_string_free (list, TRUE);
          return NULL;
        }
      g_string_append_printf (list, "%s%s:%s", list->len > 0 ? "," : "", is_ip ? "IP" : "DNS", *names);
    }
  return g_string_free (list, FALSE);
}

gboolean
sink_cert_make (const gchar *const *names, SinkCert *ret_cert, GError **error)
{
  static const Extension of_ca[] = {
    { NID_basic_constraints, "critical,CA:TRUE,pathlen:0" },
    { NID_key_usage, "critical,keyCertSign,cRLSign" },
    { NID_subject_key_identifier, "hash" },
  };
  g_autofree gchar *alternatives = alternative_names (names, error);
  if (alternatives == NULL)
    return FALSE;
  const Extension of_server[] = {
    { NID_basic_constraints, "critical,CA:FALSE" },
    { NID_key_usage, "critical,digitalSignature" },
    { NID_ext_key_usage, "serverAuth" },
    { NID_subject_key_identifier, "hash" },
    { NID_authority_key_identifier, "keyid:always" },
    { NID_subject_alt_name, alternatives },
  };
  SinkCert cert = { NULL, NULL, EVP_EC_gen ("P-256") };
  EVP_PKEY *ca_key = EVP_EC_gen ("P-256");
  gboolean good = cert.key != NULL && ca_key != NULL;
  if (good)
    cert.ca = draft (ca_key, "CA of one run", NULL, of_ca, G_N_ELEMENTS (of_ca));
  good = cert.ca != NULL && X509_sign (cert.ca, ca_key, EVP_sha256 ()) != 0;
  if (good)
    cert.server = draft (cert.key, "test server", cert.ca, of_server, G_N_ELEMENTS (of_server));
  good = cert.server != NULL && X509_sign (cert.server, ca_key, EVP_sha256 ()) != 0;
  EVP_PKEY_free (ca_key);
  if (good)
    {
      *ret_cert = cert;
      return TRUE;
    }
  g_set_error (error, SINK_ERROR, SINK_ERROR_TLS, "--self-signed: cannot make a certificate: %s",
               ERR_reason_error_string (ERR_peek_last_error ()));
  sink_cert_clear (&cert);
  return FALSE;
}

void
sink_cert_clear (SinkCert *cert)
{
  X509_free (cert->ca);
  X509_free (cert->server);
  EVP_PKEY_free (cert->key);
  memset (cert, 0, sizeof *cert);
}
