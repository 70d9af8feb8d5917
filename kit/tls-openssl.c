/* SPDX-License-Identifier: MIT */
/* tls-openssl - a TLS server of OpenSSL in memory.
 *
 * Ends the process when it cannot be set up; what goes wrong on a session is for the client to see. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "kit/tls.h"

struct KitTlsServer
{
  SSL *ssl;
  BIO *in;
  BIO *out;
};

static KitTlsServer *
create (const KitTlsConfig *config)
{
  KitTlsServer *server = g_new0 (KitTlsServer, 1);
  SSL_CTX *ctx = SSL_CTX_new (TLS_server_method ());

  SSL_CTX_set_security_level (ctx, 0);
  if (SSL_CTX_set_min_proto_version (ctx, (int) config->version) != 1
      || SSL_CTX_set_max_proto_version (ctx, (int) config->version) != 1
      || SSL_CTX_use_certificate_chain_file (ctx, config->cert) != 1
      || SSL_CTX_use_PrivateKey_file (ctx, config->key, SSL_FILETYPE_PEM) != 1)
    g_error ("OpenSSL cannot use %s", config->cert);
  server->ssl = SSL_new (ctx);
  SSL_CTX_free (ctx);
  server->in = BIO_new (BIO_s_mem ());
  server->out = BIO_new (BIO_s_mem ());
  BIO_set_mem_eof_return (server->in, -1);
  BIO_set_mem_eof_return (server->out, -1);
  SSL_set_bio (server->ssl, server->in, server->out);
  SSL_set_accept_state (server->ssl);
  return server;
}

static void
destroy (KitTlsServer *server)
{
  SSL_free (server->ssl);
  g_free (server);
}

static void
give (KitTlsServer *server, const void *data, gsize size)
{
  if (size > 0 && BIO_write (server->in, data, (int) size) != (int) size)
    g_error ("OpenSSL has no memory for %" G_GSIZE_FORMAT " octets", size);
}

static gsize
take (KitTlsServer *server, void *buf, gsize size)
{
  int n = BIO_read (server->out, buf, (int) size);
  return n > 0 ? (gsize) n : 0;
}

static void
run (KitTlsServer *server, gboolean silent)
{
  char buf[4096];
  int n = -1;

  ERR_clear_error ();
  if (!SSL_is_init_finished (server->ssl) && SSL_do_handshake (server->ssl) != 1)
    return;
  while ((n = SSL_read (server->ssl, buf, sizeof buf)) > 0)
    SSL_write (server->ssl, buf, n);
  if (SSL_get_error (server->ssl, n) == SSL_ERROR_ZERO_RETURN && !silent)
    SSL_shutdown (server->ssl);
  ERR_clear_error ();
}

static gboolean
is_open (KitTlsServer *server)
{
  return SSL_is_init_finished (server->ssl);
}

static GBytes *
binding (KitTlsServer *server, VeredaBinding kind)
{
  guint8 octets[EVP_MAX_MD_SIZE];
  unsigned int size = 0;

  if (kind == VEREDA_BINDING_TLS_EXPORTER
      && SSL_export_keying_material (server->ssl, octets, 32, "EXPORTER-Channel-Binding", 24, (const guint8 *) "", 0, 1) == 1)
    size = 32;
  else if (kind == VEREDA_BINDING_TLS_SERVER_END_POINT)
    X509_digest (SSL_get_certificate (server->ssl), EVP_sha256 (), octets, &size);
  else if (kind == VEREDA_BINDING_TLS_UNIQUE && SSL_version (server->ssl) < TLS1_3_VERSION)
    size = (unsigned int) SSL_get_peer_finished (server->ssl, octets, sizeof octets);
  return size > 0 ? g_bytes_new (octets, size) : NULL;
}

const KitTlsLibrary kit_tls_openssl = {
  .library = "OpenSSL",
  .create = create,
  .destroy = destroy,
  .give = give,
  .take = take,
  .run = run,
  .is_open = is_open,
  .binding = binding,
};
