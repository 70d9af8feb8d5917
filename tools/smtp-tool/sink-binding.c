/* SPDX-License-Identifier: MIT */
/* sink-binding - see sink-binding.h. */
#include "sink-binding.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

#define EXPORTER_LABEL "EXPORTER-Channel-Binding" /* RFC 9266 section 2 */
#define EXPORTER_SIZE  32

/* RFC 5929 section 4.1: the hash of the certificate's signature, MD5 and SHA-1 replaced by SHA-256. */
static void
hash_certificate (SinkBinding *binding, X509 *cert)
{
  int hash = NID_undef;
  unsigned size = 0;
  if (cert == NULL || X509_get_signature_info (cert, &hash, NULL, NULL, NULL) != 1)
    return;
  const EVP_MD *digest = hash == NID_md5 || hash == NID_sha1 ? EVP_sha256 () : EVP_get_digestbynid (hash);
  if (digest != NULL && X509_digest (cert, digest, binding->octets, &size) == 1)
    binding->size = size;
}

void
sink_bindings_take (SinkBindings *bindings, SSL *tls)
{
  memset (bindings, 0, sizeof *bindings);
  bindings->is_tls13 = SSL_version (tls) >= TLS1_3_VERSION;
  if ((bindings->is_tls13 || SSL_get_extms_support (tls) == 1)
      && SSL_export_keying_material (tls, bindings->exporter.octets, EXPORTER_SIZE, EXPORTER_LABEL, strlen (EXPORTER_LABEL),
                                     NULL, 0, 0)
             == 1)
    bindings->exporter.size = EXPORTER_SIZE;
  hash_certificate (&bindings->end_point, SSL_get_certificate (tls));
  ERR_clear_error ();
}

const SinkBinding *
sink_bindings_choose (const SinkBindings *bindings, const gchar *first, gsize size, const gchar **ret_name)
{
  const struct
  {
    const gchar *name;
    const SinkBinding *binding;
    gboolean is_usual;
  } rows[] = {
    { "tls-exporter", &bindings->exporter, bindings->is_tls13 },
    { "tls-server-end-point", &bindings->end_point, !bindings->is_tls13 },
  };
  const gchar *comma = size > 2 && memcmp (first, "p=", 2) == 0 ? memchr (first, ',', size) : NULL;
  const SinkBinding *usual = NULL;
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      if (rows[i].binding->size == 0)
        continue;
      gboolean is_named = comma != NULL && strlen (rows[i].name) == (gsize) (comma - first) - 2
                          && memcmp (rows[i].name, first + 2, strlen (rows[i].name)) == 0;
      if (is_named || rows[i].is_usual)
        {
          usual = rows[i].binding;
          *ret_name = rows[i].name;
        }
      if (is_named)
        break;
    }
  return usual;
}
