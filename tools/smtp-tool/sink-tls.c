/* SPDX-License-Identifier: MIT */
/* sink-tls - see sink-tls.h. */
#include "sink-tls.h"
#include "sink-cert.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

gchar *
sink_tls_take_error (void)
{
  unsigned long code = ERR_get_error ();
  ERR_clear_error ();
  const gchar *reason = code == 0 ? NULL : ERR_reason_error_string (code);
  return g_strdup (reason != NULL ? reason : "connection lost");
}

static gboolean
fail (GError **error, const gchar *what)
{
  g_autofree gchar *why = sink_tls_take_error ();
  g_set_error (error, SINK_ERROR, SINK_ERROR_TLS, "%s: %s", what, why);
  return FALSE;
}

/* --ca-out, else the capture's folder, else a file in $TMPDIR that lives as long as the run. */
static int
open_ca_file (const SinkConfig *config, gchar **ret_path, gboolean *ret_is_temporary, GError **error)
{
  g_autofree gchar *path = NULL;
  int fd;
  gboolean is_temporary = FALSE;
  if (config->ca_out != NULL || config->capture != NULL)
    {
      path = config->ca_out != NULL ? g_strdup (config->ca_out) : g_build_filename (config->capture, "ca.pem", NULL);
      fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    }
  else
    {
      path = g_build_filename (g_get_tmp_dir (), "smtp-tool-sink-XXXXXX.pem", NULL);
      fd = g_mkstemp_full (path, O_WRONLY | O_CLOEXEC, 0644);
      is_temporary = TRUE;
    }
  if (fd < 0)
    {
      int seen = errno;
      g_set_error (error, SINK_ERROR, SINK_ERROR_FILE, "cannot write the CA certificate to %s: %s", path, g_strerror (seen));
      return -1;
    }
  *ret_path = g_steal_pointer (&path);
  *ret_is_temporary = is_temporary;
  return fd;
}

static gboolean
write_ca (const SinkConfig *config, X509 *ca, gchar **ret_path, gboolean *ret_is_temporary, GError **error)
{
  g_autofree gchar *path = NULL;
  gboolean is_temporary = FALSE;
  int fd = open_ca_file (config, &path, &is_temporary, error);
  if (fd < 0)
    return FALSE;
  FILE *file = fdopen (fd, "w");
  gboolean good = file != NULL && PEM_write_X509 (file, ca) == 1;
  good = file != NULL && fclose (file) == 0 && good;
  if (!good)
    {
      int seen = errno;
      if (is_temporary)
        g_unlink (path);
      g_set_error (error, SINK_ERROR, SINK_ERROR_FILE, "cannot write the CA certificate to %s: %s", path, g_strerror (seen));
      return FALSE;
    }
  *ret_path = g_steal_pointer (&path);
  *ret_is_temporary = is_temporary;
  return TRUE;
}

static gboolean
use_own_certificate (const SinkConfig *config, SSL_CTX *context, gchar **ret_ca_file, gboolean *ret_is_temporary,
                     GError **error)
{
  const gchar *const usual[] = { "localhost", "127.0.0.1", "::1", config->hostname, NULL };
  const gchar *const *names = config->tls_names != NULL ? (const gchar *const *) config->tls_names : usual;
  SinkCert cert;
  if (!sink_cert_make (names, &cert, error))
    return FALSE;
  gboolean good = (SSL_CTX_use_certificate (context, cert.server) == 1 && SSL_CTX_use_PrivateKey (context, cert.key) == 1)
                  || fail (error, "--self-signed");
  good = good && write_ca (config, cert.ca, ret_ca_file, ret_is_temporary, error);
  sink_cert_clear (&cert);
  return good;
}

/* OpenSSL has no words for what the system says. */
static gboolean
can_read (const gchar *option, const gchar *path, GError **error)
{
  if (g_access (path, R_OK) == 0)
    return TRUE;
  int seen = errno;
  g_set_error (error, SINK_ERROR, SINK_ERROR_FILE, "%s=%s: %s", option, path, g_strerror (seen));
  return FALSE;
}

static gboolean
use_files (const SinkConfig *config, SSL_CTX *context, GError **error)
{
  if (!can_read ("--cert", config->cert, error) || !can_read ("--key", config->key, error))
    return FALSE;
  if (SSL_CTX_use_certificate_chain_file (context, config->cert) != 1)
    {
      g_autofree gchar *what = g_strdup_printf ("--cert=%s", config->cert);
      return fail (error, what);
    }
  if (SSL_CTX_use_PrivateKey_file (context, config->key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key (context) != 1)
    {
      g_autofree gchar *what = g_strdup_printf ("--key=%s", config->key);
      return fail (error, what);
    }
  return TRUE;
}

/* The certificate is asked for, not demanded: EXTERNAL is offered to those who showed one. */
static gboolean
ask_for_client_certificate (const SinkConfig *config, SSL_CTX *context, GError **error)
{
  if (config->client_ca == NULL)
    return TRUE;
  if (!can_read ("--client-ca", config->client_ca, error))
    return FALSE;
  STACK_OF (X509_NAME) *names = SSL_load_client_CA_file (config->client_ca);
  if (names == NULL || SSL_CTX_load_verify_locations (context, config->client_ca, NULL) != 1)
    {
      sk_X509_NAME_pop_free (names, X509_NAME_free);
      g_autofree gchar *what = g_strdup_printf ("--client-ca=%s", config->client_ca);
      return fail (error, what);
    }
  SSL_CTX_set_client_CA_list (context, names);
  SSL_CTX_set_verify (context, SSL_VERIFY_PEER, NULL);
  return TRUE;
}

SSL_CTX *
sink_tls_context_new (const SinkConfig *config, gchar **ret_ca_file, gboolean *ret_is_temporary, GError **error)
{
  static const guchar session_id[] = "smtp-tool sink";
  SSL_CTX *context = SSL_CTX_new (TLS_server_method ());
  gboolean good = (context != NULL
                   && SSL_CTX_set_min_proto_version (context, config->tls_min != 0 ? config->tls_min : TLS1_2_VERSION) == 1
                   && SSL_CTX_set_max_proto_version (context, config->tls_max) == 1
                   && SSL_CTX_set_session_id_context (context, session_id, sizeof session_id - 1) == 1)
                  || fail (error, "cannot set TLS up");
  if (good)
    {
      SSL_CTX_set_mode (context,
                        SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
      SSL_CTX_set_options (context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    }
  good = good && ask_for_client_certificate (config, context, error)
         && (config->self_signed ? use_own_certificate (config, context, ret_ca_file, ret_is_temporary, error)
                                 : use_files (config, context, error));
  if (good)
    return context;
  SSL_CTX_free (context);
  return NULL;
}

/* ---- octets, a few at a time ---- */

typedef struct
{
  int fd;
  SinkPace *pace;
} PacedSocket;

static int
paced_write (BIO *bio, const char *data, size_t size, size_t *ret_size)
{
  PacedSocket *socket = BIO_get_data (bio);
  SinkPace *pace = socket->pace;
  BIO_clear_retry_flags (bio);
  if (pace->split != 0 && pace->spent)
    {
      BIO_set_retry_write (bio);
      return 0;
    }
  gssize done;
  do
    done = send (socket->fd, data, pace->split != 0 ? MIN (size, pace->split) : size, MSG_NOSIGNAL);
  while (done < 0 && errno == EINTR);
  if (done < 0)
    {
      if (errno == EAGAIN)
        BIO_set_retry_write (bio);
      return 0;
    }
  pace->spent = TRUE;
  *ret_size = (size_t) done;
  return 1;
}

static long
paced_ctrl (BIO *bio, int command, long number, void *pointer)
{
  return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP ? 1 : 0;
}

static int
paced_destroy (BIO *bio)
{
  g_free (BIO_get_data (bio));
  return 1;
}

static BIO_METHOD *
paced_method (void)
{
  static gsize made;
  if (g_once_init_enter (&made))
    {
      BIO_METHOD *method = BIO_meth_new (BIO_get_new_index () | BIO_TYPE_SOURCE_SINK, "paced socket");
      BIO_meth_set_write_ex (method, paced_write);
      BIO_meth_set_ctrl (method, paced_ctrl);
      BIO_meth_set_destroy (method, paced_destroy);
      g_once_init_leave (&made, (gsize) method);
    }
  return (BIO_METHOD *) made;
}

gboolean
sink_tls_set_fd (SSL *tls, int fd, SinkPace *pace)
{
  if (pace == NULL)
    return SSL_set_fd (tls, fd) == 1;
  BIO *in = BIO_new_socket (fd, BIO_NOCLOSE);
  BIO *out = BIO_new (paced_method ());
  if (in == NULL || out == NULL)
    {
      BIO_free (in);
      BIO_free (out);
      return FALSE;
    }
  PacedSocket *socket = g_new (PacedSocket, 1);
  *socket = (PacedSocket){ fd, pace };
  BIO_set_data (out, socket);
  BIO_set_init (out, 1);
  SSL_set_bio (tls, in, out);
  return TRUE;
}

gchar *
sink_tls_client_identity (SSL *tls)
{
  X509 *cert = SSL_get0_peer_certificate (tls);
  if (cert == NULL || SSL_get_verify_result (tls) != X509_V_OK)
    return NULL;
  STACK_OF (OPENSSL_STRING) *mails = X509_get1_email (cert);
  gchar *identity = mails != NULL && sk_OPENSSL_STRING_num (mails) > 0 ? g_strdup (sk_OPENSSL_STRING_value (mails, 0)) : NULL;
  X509_email_free (mails);
  if (identity != NULL)
    return identity;
  gchar name[256];
  int size = X509_NAME_get_text_by_NID (X509_get_subject_name (cert), NID_commonName, name, sizeof name);
  return size > 0 && strlen (name) == (gsize) size ? g_strdup (name) : NULL;
}
