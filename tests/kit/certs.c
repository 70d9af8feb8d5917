/* SPDX-License-Identifier: MIT */
/*
 * make-certs DIR [STAMP]: writes the certificates that the tests use.
 *
 * One row of the table is one certificate: DIR/NAME.pem (the chain a server would send, leaf first) and DIR/NAME.key.
 * Made with OpenSSL's functions, so that no configuration file, no network and no command is needed.  Fails with a line on
 * standard error and status 1.
 *
 * Every host certificate is for mail.example.test unless its row is about the name.
 */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

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

static Made made[G_N_ELEMENTS (rows)];

static void G_GNUC_NORETURN
die (const char *what, const char *name)
{
  g_printerr ("make-certs: %s %s\n", what, name);
  ERR_print_errors_fp (stderr);
  exit (1);
}

static size_t
index_of (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    if (g_str_equal (rows[i].name, name))
      return i;
  die ("no row", name);
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

static void
extend (X509 *cert, X509 *issuer, int nid, const char *value, const char *name)
{
  X509V3_CTX ctx;
  X509_EXTENSION *extension;

  X509V3_set_ctx_nodb (&ctx);
  X509V3_set_ctx (&ctx, issuer, cert, NULL, NULL, 0);
  extension = X509V3_EXT_conf_nid (NULL, &ctx, nid, value);
  if (extension == NULL || X509_add_ext (cert, extension, -1) != 1)
    die ("extension of", name);
  X509_EXTENSION_free (extension);
}

static void
set_times (X509 *cert, const Row *row)
{
  X509_gmtime_adj (X509_getm_notBefore (cert), (row->from != 0 ? row->from : -1) * 86400L);
  if (X509_time_adj_ex (X509_getm_notAfter (cert), row->to != 0 ? row->to : 7300, 0, NULL) == NULL)
    die ("times of", row->name);
}

static void
set_extensions (X509 *cert, X509 *issuer, const Row *row)
{
  extend (cert, issuer, NID_subject_key_identifier, "hash", row->name);
  if (issuer != cert)
    extend (cert, issuer, NID_authority_key_identifier, "keyid:always", row->name);
  extend (cert, issuer, NID_basic_constraints, row->ca ? "critical,CA:TRUE" : "critical,CA:FALSE", row->name);
  extend (cert, issuer, NID_key_usage,
          row->ca                   ? "critical,keyCertSign,cRLSign"
          : row->key == KEY_RSA     ? "critical,digitalSignature,keyEncipherment"
          : row->key == KEY_RSA1024 ? "critical,digitalSignature,keyEncipherment"
                                    : "critical,digitalSignature",
          row->name);
  if (!row->ca)
    extend (cert, issuer, NID_ext_key_usage, row->usage != NULL ? row->usage : "serverAuth", row->name);
  if (row->san != NULL)
    extend (cert, issuer, NID_subject_alt_name, row->san, row->name);
  if (row->constraints != NULL)
    extend (cert, issuer, NID_name_constraints, row->constraints, row->name);
}

static void
make (size_t i)
{
  const Row *row = &rows[i];
  size_t by = row->issuer != NULL ? index_of (row->issuer) : i;
  X509 *cert = X509_new ();
  EVP_PKEY *key = make_key (row->key);
  X509_NAME *subject;
  const EVP_MD *hash;

  if (cert == NULL || key == NULL)
    die ("key of", row->name);
  made[i] = (Made){ cert, key };
  X509_set_version (cert, X509_VERSION_3);
  ASN1_INTEGER_set (X509_get_serialNumber (cert), 0x10000 + (long) i);
  X509_set_pubkey (cert, key);
  set_times (cert, row);
  subject = X509_get_subject_name (cert);
  X509_NAME_add_entry_by_txt (subject, "O", MBSTRING_ASC, (const unsigned char *) "Vereda", -1, -1, 0);
  X509_NAME_add_entry_by_txt (subject, "CN", MBSTRING_ASC, (const unsigned char *) row->common_name, -1, -1, 0);
  X509_set_issuer_name (cert, X509_get_subject_name (made[by].cert));
  set_extensions (cert, made[by].cert, row);
  hash = rows[by].key == KEY_ED25519 ? NULL : row->sha1 ? EVP_sha1 () : EVP_sha256 ();
  if (X509_sign (cert, made[by].key, hash) <= 0)
    die ("signing", row->name);
}

static FILE *
create (const char *dir, const char *name, const char *suffix)
{
  g_autofree char *leaf = g_strconcat (name, suffix, NULL);
  g_autofree char *path = g_build_filename (dir, leaf, NULL);
  FILE *f = g_fopen (path, "w");

  if (f == NULL)
    die (g_strerror (errno), path);
  return f;
}

static void
save (const char *dir, size_t i)
{
  const Row *row = &rows[i];
  g_auto (GStrv) chain = g_strsplit (row->chain != NULL ? row->chain : "", ",", -1);
  FILE *pem = create (dir, row->name, ".pem"), *key = create (dir, row->name, ".key");

  if (PEM_write_X509 (pem, made[i].cert) != 1 || PEM_write_PrivateKey (key, made[i].key, NULL, NULL, 0, NULL, NULL) != 1)
    die ("writing", row->name);
  for (size_t k = 0; chain[k] != NULL; k++)
    if (PEM_write_X509 (pem, made[index_of (chain[k])].cert) != 1)
      die ("writing the chain of", row->name);
  if (fclose (pem) != 0 || fclose (key) != 0)
    die ("writing", row->name);
}

int
main (int argc, char **argv)
{
  if (argc < 2 || argc > 3)
    {
      g_printerr ("usage: make-certs DIR [STAMP]\n");
      return 1;
    }
  if (g_mkdir_with_parents (argv[1], 0755) != 0)
    die (g_strerror (errno), argv[1]);
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    make (i);
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    save (argv[1], i);
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      X509_free (made[i].cert);
      EVP_PKEY_free (made[i].key);
    }
  if (argc == 3 && !g_file_set_contents (argv[2], "made\n", -1, NULL))
    die ("writing", argv[2]);
  return 0;
}
