/* SPDX-License-Identifier: MIT */
/* floor-openssl - see floor.h; with OpenSSL.  pkg-config: openssl */
#include <openssl/ssl.h>

#include "floor.h"

static SSL *ssl;

static void
secure (int fd, const char *host, const char *ca)
{
  SSL_CTX *context = SSL_CTX_new (TLS_client_method ());

  SSL_CTX_set_verify (context, SSL_VERIFY_PEER, NULL);
  if (SSL_CTX_load_verify_file (context, ca) != 1 || (ssl = SSL_new (context)) == NULL || SSL_set1_host (ssl, host) != 1
      || SSL_set_tlsext_host_name (ssl, host) != 1 || SSL_set_fd (ssl, fd) != 1 || SSL_connect (ssl) != 1)
    die ("TLS");
}

static void
put (const char *data, size_t size)
{
  if (SSL_write (ssl, data, (int) size) != (int) size)
    die ("write");
}

static size_t
get (char *data, size_t size)
{
  const int got = SSL_read (ssl, data, (int) size);

  return got > 0 ? (size_t) got : 0;
}
