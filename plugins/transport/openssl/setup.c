/* SPDX-License-Identifier: MIT */
/*
 * setup: an OpenSSL session made from the settings, and the BIO that stands on the layer below.
 *
 * Reads the files the settings name; sends nothing.  Fails with VEREDA_TRANSPORT_ERROR_SETTINGS when one of them, or the
 * cipher string, is not usable.
 */
#include "layer.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "tls-asked.h"
#include "tls-files.h"
#include "tls-resume.h"

/* The policy, equal to the GnuTLS plugin's (RFC 9325): security level 2 everywhere, that is 112 bits, RSA 2048 and no SHA-1;
   ephemeral keys only. */
#define SECURITY_LEVEL 2
#define POLICY         "DEFAULT:!kRSA:!aNULL:!PSK:!SRP"

static BIO_METHOD *lower_method;

/* The older kind of callbacks, on purpose: the newer kind answers 0 for "again", which SSL_shutdown() takes for done. */
static int
lower_read (BIO *bio, char *buf, int size)
{
  OpensslLayer *self = BIO_get_data (bio);
  size_t got = 0;

  BIO_clear_retry_flags (bio);
  switch (tls_session_lower_read (&self->base, buf, (size_t) size, &got))
    {
    case VEREDA_IO_DONE:
      return (int) got;
    case VEREDA_IO_WANT_READ:
    case VEREDA_IO_WANT_WRITE:
      BIO_set_retry_read (bio); /* OpenSSL wants its own direction; base.want has the true one */
      return -1;
    case VEREDA_IO_EOF:
      return 0;
    case VEREDA_IO_ERROR:
    default:
      return -1;
    }
}

static int
lower_write (BIO *bio, const char *data, int size)
{
  OpensslLayer *self = BIO_get_data (bio);
  VeredaSpan span = { data, (size_t) size };
  size_t sent = 0;

  BIO_clear_retry_flags (bio);
  switch (tls_session_lower_writev (&self->base, &span, 1, &sent))
    {
    case VEREDA_IO_DONE:
      return (int) sent;
    case VEREDA_IO_WANT_READ:
    case VEREDA_IO_WANT_WRITE:
      BIO_set_retry_write (bio);
      return -1;
    case VEREDA_IO_EOF:
    case VEREDA_IO_ERROR:
    default:
      return -1;
    }
}

static long
lower_ctrl (BIO *bio, int command, long number, void *data)
{
  OpensslLayer *self = BIO_get_data (bio);

  (void) number;
  (void) data;
  switch (command)
    {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_EOF:
      return self->base.lower_eof;
    default:
      return 0;
    }
}

gboolean
openssl_layer_make_method (GError **error)
{
  if (lower_method != NULL) /* a second host in the same process */
    return TRUE;
  int index = BIO_get_new_index ();

  if (index != -1)
    lower_method = BIO_meth_new (index | BIO_TYPE_SOURCE_SINK, "vereda layer");
  if (lower_method != NULL && BIO_meth_set_read (lower_method, lower_read) && BIO_meth_set_write (lower_method, lower_write)
      && BIO_meth_set_ctrl (lower_method, lower_ctrl))
    return TRUE;
  g_set_error_literal (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_UNSUPPORTED,
                       "initialising OpenSSL: no BIO method");
  return FALSE;
}

static gboolean
refuse (GError **error, const char *what)
{
  const char *text = ERR_reason_error_string (ERR_peek_error ());

  g_set_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_SETTINGS, "%s (library says: %s)", what,
               text != NULL ? text : "no further words");
  ERR_clear_error ();
  return FALSE;
}

/* The system's store is a directory, where a certificate is looked up by the hash of its subject, and a file with all of them,
   which costs ten handshakes to read.  So the file is read only when the directory does not have what is needed, which is what the
   library would find in the end, too; see openssl_layer_complete_store().  Sessions share one copy for a while. */
static struct
{
  GMutex lock;
  X509_STORE *store;
  gboolean complete; /* the file was read */
  gint64 made;
} system_store;

static X509_STORE *
take_system_store (TlsSession *session)
{
  X509_STORE *taken;

  g_mutex_lock (&system_store.lock);
  if (system_store.store == NULL || g_get_monotonic_time () - system_store.made > TLS_STORE_AGE)
    {
      X509_LOOKUP *lookup;

      X509_STORE_free (system_store.store); /* its sessions hold it */
      system_store.store = X509_STORE_new ();
      system_store.complete = FALSE;
      system_store.made = g_get_monotonic_time ();
      lookup = system_store.store != NULL ? X509_STORE_add_lookup (system_store.store, X509_LOOKUP_hash_dir ()) : NULL;
      /* A system without one has no trusted issuer; the verdict on the first certificate says so. */
      /* The file's place is made now: the list of lookups has no lock. */
      if (lookup == NULL || X509_STORE_add_lookup (system_store.store, X509_LOOKUP_file ()) == NULL
          || X509_LOOKUP_add_dir (lookup, NULL, X509_FILETYPE_DEFAULT) != 1)
        tls_session_debug (session, "the system's directory of trusted certificates is not there");
      ERR_clear_error ();
    }
  taken = system_store.store;
  if (taken != NULL)
    X509_STORE_up_ref (taken);
  g_mutex_unlock (&system_store.lock);
  return taken;
}

gboolean
openssl_layer_complete_store (OpensslLayer *self, X509_STORE *store)
{
  X509_LOOKUP *lookup;
  gboolean more = FALSE;

  if (!self->system_store || self->store_complete || store != SSL_CTX_get_cert_store (SSL_get_SSL_CTX (self->tls)))
    return FALSE;
  self->store_complete = TRUE;
  g_mutex_lock (&system_store.lock);
  /* Another session may have read it since this one was made, or have begun a new store. */
  more = store == system_store.store && system_store.complete;
  lookup = !more ? X509_STORE_add_lookup (store, X509_LOOKUP_file ()) : NULL; /* the one that is there */
  if (lookup != NULL && X509_LOOKUP_load_file (lookup, NULL, X509_FILETYPE_DEFAULT) == 1)
    more = TRUE;
  if (store == system_store.store)
    system_store.complete = TRUE;
  ERR_clear_error ();
  g_mutex_unlock (&system_store.lock);
  return more;
}

static gboolean
trust_anchor (X509_STORE *store, const TlsAnchor *anchor, GError **error)
{
  gsize size = 0;
  const unsigned char *der = g_bytes_get_data (anchor->der, &size);
  X509 *cert = d2i_X509 (NULL, &der, (long) size);
  gboolean done = cert != NULL && X509_STORE_add_cert (store, cert) == 1;
  const char *text = done ? NULL : ERR_reason_error_string (ERR_peek_error ());

  X509_free (cert);
  ERR_clear_error ();
  if (done || anchor->optional)
    return TRUE;
  tls_files_refuse_anchor (anchor, text != NULL ? text : "no further words", error);
  return FALSE;
}

static gboolean
set_trust (OpensslLayer *self, SSL_CTX *ctx, const VeredaTlsSettings *settings, GError **error)
{
  g_autoptr (GPtrArray) anchors = tls_files_load_anchors (settings, error);

  if (anchors == NULL)
    return FALSE;
  /* Any certificate of the store ends a path, as in GnuTLS: an intermediate one, or the server's own. */
  X509_VERIFY_PARAM_set_flags (SSL_CTX_get0_param (ctx), X509_V_FLAG_PARTIAL_CHAIN);
  if (settings->trust_file == NULL && settings->trust_dir == NULL)
    {
      X509_STORE *store = take_system_store (&self->base);

      self->system_store = TRUE;
      if (store == NULL)
        return refuse (error, "no trust store");
      SSL_CTX_set_cert_store (ctx, store); /* takes the reference */
      return TRUE;
    }
  for (guint i = 0; i < anchors->len; i++)
    if (!trust_anchor (SSL_CTX_get_cert_store (ctx), anchors->pdata[i], error))
      return FALSE;
  return TRUE;
}

/* The library would ask on the terminal. */
static int
no_passphrase (char *buf, int size, int for_writing, void *data)
{
  (void) buf;
  (void) size;
  (void) for_writing;
  (void) data;
  return -1;
}

static gboolean
use_chain (SSL_CTX *ctx, const TlsIdentity *identity)
{
  BIO *bio = BIO_new_mem_buf (identity->cert, (int) identity->cert_size);
  X509 *cert = bio != NULL ? PEM_read_bio_X509 (bio, NULL, no_passphrase, NULL) : NULL;
  gboolean done = cert != NULL && SSL_CTX_use_certificate (ctx, cert) == 1;

  X509_free (cert);
  while (done && (cert = PEM_read_bio_X509 (bio, NULL, no_passphrase, NULL)) != NULL)
    if (SSL_CTX_add0_chain_cert (ctx, cert) != 1)
      {
        X509_free (cert);
        done = FALSE;
      }
  BIO_free (bio);
  if (done) /* the end of the file is in the queue */
    ERR_clear_error ();
  return done;
}

static gboolean
use_key (SSL_CTX *ctx, const TlsIdentity *identity)
{
  BIO *bio = BIO_new_mem_buf (identity->key, (int) identity->key_size);
  EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey (bio, NULL, no_passphrase, NULL) : NULL;
  gboolean done = key != NULL && SSL_CTX_use_PrivateKey (ctx, key) == 1 && SSL_CTX_check_private_key (ctx) == 1;

  EVP_PKEY_free (key);
  BIO_free (bio);
  return done;
}

static gboolean
set_identity (SSL_CTX *ctx, const VeredaTlsSettings *settings, GError **error)
{
  g_auto (TlsIdentity) identity = { 0 };

  if (!tls_files_load_identity (settings, &identity, error))
    return FALSE;
  if (identity.cert == NULL || (use_chain (ctx, &identity) && use_key (ctx, &identity)))
    return TRUE;
  return refuse (error, "the client certificate and its key are not usable; both must be PEM, the key not encrypted");
}

/* The wire form: each name after one octet of length (RFC 7301 section 3.1). */
static gboolean
set_alpn (SSL *tls, const char *const *names, GError **error)
{
  g_autoptr (GByteArray) wire = g_byte_array_new ();

  for (size_t i = 0; names != NULL && names[i] != NULL; i++)
    {
      size_t length = strlen (names[i]);
      guint8 octet = (guint8) MIN (length, 255);

      g_byte_array_append (wire, &octet, 1);
      g_byte_array_append (wire, (const guint8 *) names[i], (guint) length);
    }
  if (wire->len == 0 || SSL_set_alpn_protos (tls, wire->data, wire->len) == 0)
    return TRUE;
  return refuse (error, "the ALPN names are not usable");
}

/* Sees every handshake message: a Certificate of ours that holds more than empty lists means that one was sent; and the server's
   request for one. */
static void
watch (int writing, int version, int type, const void *data, size_t size, SSL *tls, void *arg)
{
  OpensslLayer *self = arg;

  (void) version;
  if (!writing && type == SSL3_RT_HANDSHAKE && size > 4 && *(const guint8 *) data == SSL3_MT_CERTIFICATE_REQUEST)
    tls_asked_note (&self->base, SSL_version (tls) >= TLS1_3_VERSION, (const guint8 *) data + 4, size - 4);
  if (writing && type == SSL3_RT_HANDSHAKE && size > 16 && *(const guint8 *) data == SSL3_MT_CERTIFICATE)
    self->base.client_cert = TRUE;
}

static SSL_CTX *
make_context (OpensslLayer *self, const VeredaTlsSettings *full, GError **error)
{
  SSL_CTX *ctx = SSL_CTX_new (TLS_client_method ());

  if (ctx == NULL)
    {
      refuse (error, "no context");
      return NULL;
    }
  SSL_CTX_set_security_level (ctx, SECURITY_LEVEL); /* before the cipher string, which may hold @SECLEVEL */
  SSL_CTX_set_options (ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_clear_options (ctx, SSL_OP_LEGACY_SERVER_CONNECT);
  SSL_CTX_set_mode (ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode (ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify (ctx, SSL_VERIFY_PEER, NULL);
  SSL_CTX_set_cert_verify_callback (ctx, openssl_layer_verify, self);
  if (SSL_CTX_set_min_proto_version (ctx, (int) full->min_version) == 1 && SSL_CTX_set_max_proto_version (ctx, 0) == 1
      && SSL_CTX_set_cipher_list (ctx, full->priority != NULL ? full->priority : POLICY) == 1)
    {
      if (set_trust (self, ctx, full, error) && set_identity (ctx, full, error))
        return ctx;
    }
  else
    refuse (error, full->priority != NULL ? "the cipher string is not usable" : "the policy cannot be set");
  SSL_CTX_free (ctx);
  return NULL;
}

static gboolean
set_up (OpensslLayer *self, const VeredaTlsSettings *settings, GError **error)
{
  VeredaTlsSettings full;
  SSL_CTX *ctx;
  BIO *bio;

  ERR_clear_error ();
  if (!tls_session_setup (&self->base, settings, &full, error))
    return FALSE;
  tls_resume_bind (&self->base, &full);
  ctx = make_context (self, &full, error);
  if (ctx == NULL)
    return FALSE;
  self->tls = SSL_new (ctx);
  SSL_CTX_free (ctx); /* the session holds it */
  bio = self->tls != NULL ? BIO_new (lower_method) : NULL;
  if (bio == NULL)
    return refuse (error, "no session");
  BIO_set_data (bio, self);
  BIO_set_init (bio, 1);
  SSL_set_bio (self->tls, bio, bio);
  SSL_set_msg_callback (self->tls, watch);
  SSL_set_msg_callback_arg (self->tls, self);
  SSL_set_tlsext_status_type (self->tls, TLSEXT_STATUSTYPE_ocsp); /* as GnuTLS asks */
  SSL_set_connect_state (self->tls);
  /* TLS-8: a literal address sends no SNI (RFC 6066 section 3). */
  if (self->base.peer_name != NULL && self->base.ip_size == 0
      && SSL_set_tlsext_host_name (self->tls, self->base.peer_name) != 1)
    return refuse (error, "the server's name cannot be sent");
  if (!set_alpn (self->tls, full.alpn, error))
    return FALSE;
  openssl_layer_offer (self, full.session);
  return TRUE;
}

gboolean
openssl_layer_wrap (VeredaLayer *l, const VeredaTlsSettings *settings, GError **error)
{
  if (set_up ((OpensslLayer *) l, settings, error))
    return TRUE;
  l->ops->clear (l); /* nothing is kept */
  return FALSE;
}
