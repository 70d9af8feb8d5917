/* SPDX-License-Identifier: MIT */
/* certs - the certificates that TLS is tried with, good and bad.
 *
 * One row of the table is one certificate: DIR/NAME.pem (the chain a server would send, leaf first) and DIR/NAME.key.
 * Made with OpenSSL's functions, so that no configuration file, no network and no command is needed.  Fails with what OpenSSL or
 * the system said.
 *
 * Every host certificate is for mail.example.test unless its row is about the name. */
#include "kit/certs.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <vereda-kit/kit.h>

typedef enum
{
  KEY_EC,
  KEY_RSA,
  KEY_RSA1024,
  KEY_ED25519
} KeyKind;

typedef struct
{
  const char *name;
  const char *issuer; /* an earlier row, or NULL: signs itself */
  const char *common_name;
  const char *san;
  const char *usage;       /* extended key usage; NULL for serverAuth */
  const char *constraints; /* name constraints of a CA */
  const char *chain;       /* rows appended to the file, by commas */
  gboolean ca;
  KeyKind key;
  gboolean sha1;
  int from; /* days from now; 0 for yesterday */
  int to;   /* days from now; 0 for twenty years */
} Row;

#define HOST "DNS:mail.example.test"

static const Row rows[] = {
  { .name = "root", .common_name = "Vereda test root", .ca = TRUE, .key = KEY_RSA },
  { .name = "unknown-root", .common_name = "Another root", .ca = TRUE },
  { .name = "intermediate", .issuer = "root", .common_name = "Vereda test intermediate", .ca = TRUE },
  { .name = "constrained-ca",
    .issuer = "root",
    .common_name = "Vereda test constrained",
    .ca = TRUE,
    .constraints = "critical,permitted;DNS:other.test" },
  { .name = "not-a-ca", .issuer = "root", .common_name = "Vereda test host as issuer", .san = "DNS:issuer.example.test" },

  { .name = "good", .issuer = "root", .common_name = "mail", .san = HOST ",DNS:localhost,IP:127.0.0.1,IP:::1", .key = KEY_RSA },
  { .name = "good-ecdsa", .issuer = "root", .common_name = "mail", .san = HOST ",DNS:localhost,IP:127.0.0.1" },
  { .name = "good-ed25519", .issuer = "unknown-root", .common_name = "mail", .san = HOST, .key = KEY_ED25519 },
  { .name = "good-via-intermediate", .issuer = "intermediate", .common_name = "mail", .san = HOST, .chain = "intermediate" },
  { .name = "misordered-chain", .issuer = "intermediate", .common_name = "mail", .san = HOST, .chain = "root,intermediate" },
  { .name = "missing-intermediate", .issuer = "intermediate", .common_name = "mail", .san = HOST },
  { .name = "expired", .issuer = "root", .common_name = "mail", .san = HOST, .from = -400, .to = -2 },
  { .name = "not-yet-valid", .issuer = "root", .common_name = "mail", .san = HOST, .from = 300 },
  { .name = "self-signed", .common_name = "mail.example.test", .san = HOST },
  { .name = "self-signed-ed25519", .common_name = "mail.example.test", .san = HOST, .key = KEY_ED25519 },
  { .name = "wrong-host", .issuer = "root", .common_name = "mail", .san = "DNS:www.example.test" },
  { .name = "wrong-host-expired",
    .issuer = "root",
    .common_name = "mail",
    .san = "DNS:www.example.test",
    .from = -400,
    .to = -2 },
  { .name = "cn-only", .issuer = "root", .common_name = "mail.example.test" },
  { .name = "cn-right-san-wrong", .issuer = "root", .common_name = "mail.example.test", .san = "DNS:www.example.test" },
  { .name = "cn-right-san-ip", .issuer = "root", .common_name = "mail.example.test", .san = "IP:192.0.2.1" },
  { .name = "upper-case", .issuer = "root", .common_name = "mail", .san = "DNS:MAIL.Example.TEST" },
  { .name = "partial-wildcard", .issuer = "root", .common_name = "mail", .san = "DNS:m*.example.test" },
  { .name = "wildcard", .issuer = "root", .common_name = "mail", .san = "DNS:*.example.test" },
  { .name = "wildcard-inner", .issuer = "root", .common_name = "mail", .san = "DNS:mail.*.test" },
  { .name = "wildcard-top", .issuer = "root", .common_name = "mail", .san = "DNS:*.test" },
  { .name = "ip-san-only", .issuer = "root", .common_name = "mail.example.test", .san = "IP:127.0.0.1,IP:::1" },
  { .name = "ip-as-dns", .issuer = "root", .common_name = "127.0.0.1", .san = "DNS:127.0.0.1" },
  { .name = "other-root", .issuer = "unknown-root", .common_name = "mail", .san = HOST },
  { .name = "other-root-sent", .issuer = "unknown-root", .common_name = "mail", .san = HOST, .chain = "unknown-root" },
  { .name = "rsa1024", .issuer = "root", .common_name = "mail", .san = HOST, .key = KEY_RSA1024 },
  { .name = "sha1-signed", .issuer = "root", .common_name = "mail", .san = HOST, .sha1 = TRUE },
  { .name = "client-auth-only", .issuer = "root", .common_name = "mail", .san = HOST, .usage = "clientAuth" },
  { .name = "non-ca-issuer", .issuer = "not-a-ca", .common_name = "mail", .san = HOST, .chain = "not-a-ca" },
  { .name = "name-constraint", .issuer = "constrained-ca", .common_name = "mail", .san = HOST, .chain = "constrained-ca" },

  { .name = "client",
    .issuer = "root",
    .common_name = "postmaster",
    .san = "email:postmaster@example.test",
    .usage = "clientAuth" },
  { .name = "client-rsa",
    .issuer = "intermediate",
    .common_name = "postmaster",
    .san = "email:postmaster@example.test",
    .usage = "clientAuth",
    .chain = "intermediate",
    .key = KEY_RSA },
};

typedef struct
{
  X509 *cert;
  EVP_PKEY *key;
} Made;

static gboolean
fail (GError **error, const char *what, const char *name)
{
  unsigned long code = ERR_peek_last_error ();
  g_set_error (error, VEREDA_KIT_ERROR, VEREDA_KIT_ERROR_SYSTEM, "certificates: %s %s%s%s", what, name, code != 0 ? ": " : "",
               code != 0 ? ERR_reason_error_string (code) : "");
  ERR_clear_error ();
  return FALSE;
}

static size_t
index_of (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    if (g_str_equal (rows[i].name, name))
      return i;
  g_error ("the kit has no certificate %s", name);
}

static EVP_PKEY *
make_key (KeyKind kind)
{
  switch (kind)
    {
    case KEY_RSA:
      return EVP_RSA_gen (2048);
    case KEY_RSA1024:
      return EVP_RSA_gen (1024);
    case KEY_ED25519:
      return EVP_PKEY_Q_keygen (NULL, NULL, "ED25519");
    case KEY_EC:
    default:
      return EVP_EC_gen ("P-256");
    }
}

static gboolean
extend (X509 *cert, X509 *issuer, int nid, const char *value, const char *name, GError **error)
{
  X509V3_CTX ctx;
  X509_EXTENSION *extension;

  X509V3_set_ctx_nodb (&ctx);
  X509V3_set_ctx (&ctx, issuer, cert, NULL, NULL, 0);
  extension = X509V3_EXT_conf_nid (NULL, &ctx, nid, value);
  if (extension == NULL || X509_add_ext (cert, extension, -1) != 1)
    return fail (error, "extension of", name);
  X509_EXTENSION_free (extension);
  return TRUE;
}

static gboolean
set_times (X509 *cert, const Row *row, GError **error)
{
  X509_gmtime_adj (X509_getm_notBefore (cert), (row->from != 0 ? row->from : -1) * 86400L);
  return X509_time_adj_ex (X509_getm_notAfter (cert), row->to != 0 ? row->to : 7300, 0, NULL) != NULL
         || fail (error, "times of", row->name);
}

static gboolean
set_extensions (X509 *cert, X509 *issuer, const Row *row, GError **error)
{
  gboolean rsa = row->key == KEY_RSA || row->key == KEY_RSA1024;
  const char *usage = row->ca ? "critical,keyCertSign,cRLSign"
                              : (rsa ? "critical,digitalSignature,keyEncipherment" : "critical,digitalSignature");
  const char *constraints = row->ca ? "critical,CA:TRUE" : "critical,CA:FALSE";

  return extend (cert, issuer, NID_subject_key_identifier, "hash", row->name, error)
         && (issuer == cert || extend (cert, issuer, NID_authority_key_identifier, "keyid:always", row->name, error))
         && extend (cert, issuer, NID_basic_constraints, constraints, row->name, error)
         && extend (cert, issuer, NID_key_usage, usage, row->name, error)
         && (row->ca
             || extend (cert, issuer, NID_ext_key_usage, row->usage != NULL ? row->usage : "serverAuth", row->name, error))
         && (row->san == NULL || extend (cert, issuer, NID_subject_alt_name, row->san, row->name, error))
         && (row->constraints == NULL || extend (cert, issuer, NID_name_constraints, row->constraints, row->name, error));
}

static gboolean
make (Made *made, size_t i, GError **error)
{
  const Row *row = &rows[i];
  size_t by = row->issuer != NULL ? index_of (row->issuer) : i;
  X509_NAME *subject;
  const EVP_MD *hash;

  if (made[i].cert != NULL)
    return TRUE;
  if (by != i && !make (made, by, error))
    return FALSE;
  made[i].cert = X509_new ();
  made[i].key = make_key (row->key);
  if (made[i].cert == NULL || made[i].key == NULL)
    return fail (error, "key of", row->name);
  X509_set_version (made[i].cert, X509_VERSION_3);
  ASN1_INTEGER_set (X509_get_serialNumber (made[i].cert), 0x10000 + (long) i);
  X509_set_pubkey (made[i].cert, made[i].key);
  subject = X509_get_subject_name (made[i].cert);
  X509_NAME_add_entry_by_txt (subject, "O", MBSTRING_ASC, (const unsigned char *) "Vereda", -1, -1, 0);
  X509_NAME_add_entry_by_txt (subject, "CN", MBSTRING_ASC, (const unsigned char *) row->common_name, -1, -1, 0);
  X509_set_issuer_name (made[i].cert, X509_get_subject_name (made[by].cert));
  if (!set_times (made[i].cert, row, error) || !set_extensions (made[i].cert, made[by].cert, row, error))
    return FALSE;
  hash = rows[by].key == KEY_ED25519 ? NULL : row->sha1 ? EVP_sha1 () : EVP_sha256 ();
  return X509_sign (made[i].cert, made[by].key, hash) > 0 || fail (error, "signing", row->name);
}

static FILE *
create (const char *dir, const char *name, const char *suffix, GError **error)
{
  g_autofree char *leaf = g_strconcat (name, suffix, NULL);
  g_autofree char *path = g_build_filename (dir, leaf, NULL);
  FILE *f = g_fopen (path, "w");

  if (f == NULL)
    fail (error, g_strerror (errno), path);
  return f;
}

static gboolean
save_key (const Made *one, const char *dir, const char *name, GError **error)
{
  FILE *f = create (dir, name, ".key", error);
  gboolean good;

  if (f == NULL)
    return FALSE;
  good = PEM_write_PrivateKey (f, one->key, NULL, NULL, 0, NULL, NULL) == 1;
  return (fclose (f) == 0 && good) || fail (error, "writing the key of", name);
}

static gboolean
save (Made *made, const char *dir, size_t i, GError **error)
{
  const Row *row = &rows[i];
  g_auto (GStrv) chain = g_strsplit (row->chain != NULL ? row->chain : "", ",", -1);
  FILE *f;
  gboolean good;

  for (size_t k = 0; chain[k] != NULL; k++)
    if (!make (made, index_of (chain[k]), error))
      return FALSE;
  f = create (dir, row->name, ".pem", error);
  if (f == NULL)
    return FALSE;
  good = PEM_write_X509 (f, made[i].cert) == 1;
  for (size_t k = 0; chain[k] != NULL; k++)
    good = good && PEM_write_X509 (f, made[index_of (chain[k])].cert) == 1;
  if (fclose (f) != 0 || !good)
    return fail (error, "writing", row->name);
  return save_key (&made[i], dir, row->name, error);
}

gboolean
kit_certs_write (const char *dir, const char *const *names, GError **error)
{
  Made made[G_N_ELEMENTS (rows)] = { 0 };
  gboolean good = TRUE;

  for (size_t i = 0; good && i < G_N_ELEMENTS (rows); i++)
    if (names == NULL || g_strv_contains (names, rows[i].name))
      good = make (made, i, error) && save (made, dir, i, error);
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      X509_free (made[i].cert);
      EVP_PKEY_free (made[i].key);
    }
  return good;
}
