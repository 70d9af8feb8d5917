/* SPDX-License-Identifier: MIT */
/* sink-cert - a certification authority and a server certificate for one run, made in memory.
 *
 * The CA's key is thrown away as soon as the server's certificate is signed.  Fails only if OpenSSL does. */
#ifndef SINK_CERT_H
#define SINK_CERT_H

#include <glib.h>
#include <openssl/x509.h>

typedef struct
{
  X509 *ca;
  X509 *server;
  EVP_PKEY *key; /* of the server */
} SinkCert;

/* `names`: host names and IP addresses. */
gboolean sink_cert_make (const gchar *const *names, SinkCert *ret_cert, GError **error);
void sink_cert_clear (SinkCert *cert);

#endif
