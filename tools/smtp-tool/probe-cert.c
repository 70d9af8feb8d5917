/* SPDX-License-Identifier: MIT */
/* probe-cert - see probe-cert.h. */
#include "probe-cert.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#define DAY 86400

static char *
take_bio (BIO *bio)
{
  char *data = NULL;
  const long size = BIO_get_mem_data (bio, &data);
  char *text = g_strndup (data, size > 0 ? (gsize) size : 0);

  BIO_free (bio);
  return text;
}

static char *
name_text (const X509_NAME *name)
{
  BIO *bio = BIO_new (BIO_s_mem ());

  /* RFC 4514, but in UTF-8 instead of its octets escaped */
  (void) X509_NAME_print_ex (bio, name, 0,
                             (XN_FLAG_RFC2253 & ~(unsigned long) ASN1_STRFLGS_ESC_MSB) | ASN1_STRFLGS_UTF8_CONVERT);
  return take_bio (bio);
}

static char *
octets_text (const unsigned char *octets, gsize size)
{
  GString *text = g_string_new (NULL);

  for (gsize i = 0; i < size; i++)
    g_string_append_printf (text, "%02x", octets[i]);
  return g_string_free (text, FALSE);
}

static char *
address_text (const ASN1_OCTET_STRING *address)
{
  const int size = ASN1_STRING_length (address);
  char text[INET6_ADDRSTRLEN];

  if ((size != 4 && size != 16)
      || inet_ntop (size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data (address), text, sizeof text) == NULL)
    return g_strdup ("?");
  return g_strdup (text);
}

/* A NUL in a name hides what follows from whoever compares C strings: it is shown. */
static char *
string_text (const ASN1_STRING *string)
{
  const char *at = (const char *) ASN1_STRING_get0_data (string);
  GString *text = g_string_new (NULL);

  for (int i = 0; i < ASN1_STRING_length (string); i++)
    if (at[i] == '\0')
      g_string_append (text, "\\x00");
    else
      g_string_append_c (text, at[i]);
  return g_string_free (text, FALSE);
}

static char **
alternative_names (X509 *x509)
{
  GENERAL_NAMES *names = X509_get_ext_d2i (x509, NID_subject_alt_name, NULL, NULL);
  GPtrArray *list = g_ptr_array_new ();

  for (int i = 0; i < sk_GENERAL_NAME_num (names); i++)
    {
      const GENERAL_NAME *name = sk_GENERAL_NAME_value (names, i);
      const char *kind = name->type == GEN_DNS     ? "DNS:"
                         : name->type == GEN_IPADD ? "IP:"
                         : name->type == GEN_EMAIL ? "email:"
                         : name->type == GEN_URI   ? "URI:"
                                                   : NULL;

      if (kind == NULL)
        g_ptr_array_add (list, g_strdup ("other"));
      else
        {
          g_autofree char *text = name->type == GEN_IPADD ? address_text (name->d.iPAddress) : string_text (name->d.ia5);
          g_ptr_array_add (list, g_strconcat (kind, text, NULL));
        }
    }
  GENERAL_NAMES_free (names);
  g_ptr_array_add (list, NULL);
  return (char **) g_ptr_array_free (list, FALSE);
}

static gint64
seconds_of (const ASN1_TIME *time)
{
  struct tm tm;

  if (time == NULL || ASN1_TIME_to_tm (time, &tm) != 1)
    return 0;
  return (gint64) timegm (&tm);
}

static void
read_key (Cert *cert, X509 *x509)
{
  EVP_PKEY *key = X509_get0_pubkey (x509);
  char group[64] = "";

  if (key == NULL)
    {
      cert->key_type = g_strdup ("unknown");
      return;
    }
  const char *type = EVP_PKEY_get0_type_name (key);
  cert->key_type = g_ascii_strdown (type != NULL ? type : "unknown", -1);
  cert->key_bits = EVP_PKEY_get_bits (key);
  if (EVP_PKEY_is_a (key, "EC") && EVP_PKEY_get_group_name (key, group, sizeof group, NULL) == 1)
    cert->key_group = g_strdup (group);
}

static char *
serial_text (X509 *x509)
{
  const ASN1_INTEGER *serial = X509_get0_serialNumber (x509);

  return octets_text (ASN1_STRING_get0_data (serial), (gsize) ASN1_STRING_length (serial));
}

static char *
spki_hash (X509 *x509)
{
  unsigned char *der = NULL;
  unsigned char hash[32];
  unsigned int size = 0;
  const int length = i2d_X509_PUBKEY (X509_get_X509_PUBKEY (x509), &der);
  const gboolean fine = length > 0 && EVP_Digest (der, (size_t) length, hash, &size, EVP_sha256 (), NULL) == 1;

  OPENSSL_free (der);
  return fine ? g_base64_encode (hash, sizeof hash) : NULL;
}

static void
read_x509 (Cert *cert, X509 *x509)
{
  cert->subject = name_text (X509_get_subject_name (x509));
  cert->issuer = name_text (X509_get_issuer_name (x509));
  cert->serial = serial_text (x509);
  cert->names = alternative_names (x509);
  cert->not_before = seconds_of (X509_get0_notBefore (x509));
  cert->not_after = seconds_of (X509_get0_notAfter (x509));
  cert->signature = g_strdup (OBJ_nid2ln (X509_get_signature_nid (x509)));
  cert->spki_sha256 = spki_hash (x509);
  cert->is_ca = X509_check_ca (x509) >= 1;
  cert->self_issued = X509_NAME_cmp (X509_get_subject_name (x509), X509_get_issuer_name (x509)) == 0;
  read_key (cert, x509);
}

Cert *
cert_new (GBytes *der)
{
  Cert *cert = g_new0 (Cert, 1);
  gsize size;
  const unsigned char *start = g_bytes_get_data (der, &size), *at = start;
  X509 *x509 = size <= G_MAXLONG ? d2i_X509 (NULL, &at, (long) size) : NULL;

  cert->sha256 = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, der);
  if (x509 == NULL)
    {
      cert->broken = g_strdup ("it is no X.509 certificate in DER");
      cert->names = g_new0 (char *, 1);
      return cert;
    }
  read_x509 (cert, x509);
  if (at != start + size)
    cert->broken = g_strdup ("octets follow the certificate");
  X509_free (x509);
  return cert;
}

void
cert_free (Cert *cert)
{
  g_free (cert->broken);
  g_free (cert->subject);
  g_free (cert->issuer);
  g_free (cert->serial);
  g_strfreev (cert->names);
  g_free (cert->key_type);
  g_free (cert->key_group);
  g_free (cert->signature);
  g_free (cert->sha256);
  g_free (cert->spki_sha256);
  g_free (cert);
}

char *
cert_pem (GBytes *der)
{
  gsize size;
  const guchar *data = g_bytes_get_data (der, &size);
  g_autofree char *base64 = g_base64_encode (data, size);
  GString *pem = g_string_new ("-----BEGIN CERTIFICATE-----\n");

  for (const char *at = base64; *at != '\0'; at += MIN (strlen (at), 64))
    g_string_append_printf (pem, "%.64s\n", at);
  g_string_append (pem, "-----END CERTIFICATE-----\n");
  return g_string_free (pem, FALSE);
}

gint64
cert_days_left (const Cert *cert)
{
  const gint64 left = cert->not_after - g_get_real_time () / G_USEC_PER_SEC;

  return left >= 0 ? left / DAY : -((-left + DAY - 1) / DAY);
}

char *
cert_time (gint64 seconds)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (seconds);

  return time != NULL ? g_date_time_format (time, "%Y-%m-%dT%H:%M:%SZ") : g_strdup ("?");
}
