/* SPDX-License-Identifier: MIT */
/*
 * tlsserver: a server on loopback for tests.  See the header.
 *
 * What goes wrong in setting up ends the test; what goes wrong on a connection is told to the handler.
 */
#include "tlsserver.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct KitServer
{
  int listener;
  guint16 port;
  gboolean late;
  char *alpn;
  SSL_CTX *ctx;
  KitHandler handler;
  gpointer data;
  GThread *acceptor;
  GMutex lock; /* guards what follows */
  GPtrArray *threads;
  GArray *fds; /* open connections */
  gboolean stopping;
};

typedef struct
{
  KitServer *server;
  KitConn conn;
} Job;

static int
select_alpn (SSL *ssl, const unsigned char **out, unsigned char *out_size, const unsigned char *in, unsigned int in_size,
             void *data)
{
  const char *want = data;

  (void) ssl;
  for (unsigned int i = 0; i < in_size; i += in[i] + 1u)
    if (in[i] == strlen (want) && memcmp (in + i + 1, want, in[i]) == 0)
      {
        *out = in + i + 1;
        *out_size = in[i];
        return SSL_TLSEXT_ERR_OK;
      }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int
staple (SSL *ssl, void *data)
{
  gsize size = 0;
  const void *octets = g_bytes_get_data (data, &size);

  SSL_set_tlsext_status_ocsp_resp (ssl, OPENSSL_memdup (octets, size), (long) size);
  return SSL_TLSEXT_ERR_OK;
}

SSL_CTX *
kit_server_context (const KitServerConfig *config)
{
  SSL_CTX *ctx = SSL_CTX_new (TLS_server_method ());
  g_autofree char *beside = NULL;
  const char *key = config->key;

  g_assert_nonnull (ctx);
  if (key == NULL)
    {
      g_assert_true (g_str_has_suffix (config->cert, ".pem"));
      beside = g_strdup (config->cert);
      memcpy (beside + strlen (beside) - 4, ".key", 4);
      key = beside;
    }
  SSL_CTX_set_security_level (ctx, 0); /* weak certificates are what is tested */
  SSL_CTX_set_min_proto_version (ctx, config->min_version);
  SSL_CTX_set_max_proto_version (ctx, config->max_version);
  SSL_CTX_set_session_id_context (ctx, (const unsigned char *) "vereda", 6);
  if (config->ciphers != NULL)
    g_assert_cmpint (SSL_CTX_set_cipher_list (ctx, config->ciphers), ==, 1);
  if (config->staple != NULL)
    {
      SSL_CTX_set_tlsext_status_cb (ctx, staple);
      SSL_CTX_set_tlsext_status_arg (ctx, config->staple);
    }
  if (config->no_tickets)
    SSL_CTX_set_num_tickets (ctx, 0);
  if (config->no_ems)
    SSL_CTX_set_options (ctx, SSL_OP_NO_EXTENDED_MASTER_SECRET);
  g_assert_cmpint (SSL_CTX_use_certificate_chain_file (ctx, config->cert), ==, 1);
  g_assert_cmpint (SSL_CTX_use_PrivateKey_file (ctx, key, SSL_FILETYPE_PEM), ==, 1);
  if (config->client_ca != NULL)
    {
      g_assert_cmpint (SSL_CTX_load_verify_file (ctx, config->client_ca), ==, 1);
      SSL_CTX_set_client_CA_list (
          ctx, SSL_load_client_CA_file (config->client_names != NULL ? config->client_names : config->client_ca));
      SSL_CTX_set_verify (ctx, SSL_VERIFY_PEER | (config->require_client ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
    }
  return ctx;
}

gboolean
kit_conn_start_tls (KitConn *conn)
{
  g_assert_nonnull (conn->ctx);
  g_assert_null (conn->ssl);
  ERR_clear_error ();
  conn->ssl = SSL_new (conn->ctx);
  SSL_set_fd (conn->ssl, conn->fd);
  conn->tls_failed = SSL_accept (conn->ssl) != 1;
  return !conn->tls_failed;
}

gssize
kit_conn_read (KitConn *conn, void *buf, size_t size)
{
  gssize n;

  if (conn->ssl == NULL)
    {
      do
        n = recv (conn->fd, buf, size, 0);
      while (n < 0 && errno == EINTR);
      return n;
    }
  ERR_clear_error ();
  n = SSL_read (conn->ssl, buf, (int) size);
  if (n > 0)
    return n;
  return SSL_get_error (conn->ssl, (int) n) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

gboolean
kit_conn_write_raw (KitConn *conn, const void *data, size_t size)
{
  for (size_t done = 0; done < size;)
    {
      gssize n = send (conn->fd, (const char *) data + done, size - done, MSG_NOSIGNAL);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return FALSE;
      done += (size_t) n;
    }
  return TRUE;
}

gboolean
kit_conn_write (KitConn *conn, const void *data, size_t size)
{
  if (conn->ssl == NULL)
    return kit_conn_write_raw (conn, data, size);
  ERR_clear_error ();
  return size == 0 || SSL_write (conn->ssl, data, (int) size) == (int) size;
}

gboolean
kit_conn_say (KitConn *conn, const char *text)
{
  return kit_conn_write (conn, text, strlen (text));
}

char *
kit_conn_read_line (KitConn *conn)
{
  GString *line = g_string_new (NULL);
  char c;

  while (kit_conn_read (conn, &c, 1) == 1)
    {
      if (c != '\n')
        {
          g_string_append_c (line, c);
          continue;
        }
      if (line->len > 0 && line->str[line->len - 1] == '\r')
        g_string_truncate (line, line->len - 1);
      return g_string_free (line, FALSE);
    }
  g_string_free (line, TRUE);
  return NULL;
}

void
kit_conn_goodbye (KitConn *conn)
{
  if (conn->ssl != NULL && !conn->tls_failed)
    SSL_shutdown (conn->ssl);
}

static void
forget_fd (KitServer *server, int fd)
{
  g_mutex_lock (&server->lock);
  for (guint i = 0; i < server->fds->len; i++)
    if (g_array_index (server->fds, int, i) == fd)
      {
        g_array_remove_index_fast (server->fds, i);
        break;
      }
  close (fd);
  g_mutex_unlock (&server->lock);
}

static gpointer
serve (gpointer data)
{
  Job *job = data;
  KitServer *server = job->server;

  if (server->ctx == NULL || server->late || kit_conn_start_tls (&job->conn))
    server->handler (&job->conn, server->data);
  else
    {
      /* Let a client that is still talking read the alert and see an orderly end. */
      char sink[512];

      shutdown (job->conn.fd, SHUT_WR);
      while (recv (job->conn.fd, sink, sizeof sink, 0) > 0)
        ;
    }
  SSL_free (job->conn.ssl);
  forget_fd (server, job->conn.fd);
  OPENSSL_thread_stop ();
  g_free (job);
  return NULL;
}

static void
take (KitServer *server, int fd, int number)
{
  struct timeval limit = { .tv_sec = 10 };
  int on = 1;
  Job *job;

  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  g_mutex_lock (&server->lock);
  if (server->stopping)
    close (fd);
  else
    {
      job = g_new0 (Job, 1);
      job->server = server;
      job->conn.fd = fd;
      job->conn.ctx = server->ctx;
      job->conn.number = number;
      g_array_append_val (server->fds, fd);
      g_ptr_array_add (server->threads, g_thread_new ("kit-conn", serve, job));
    }
  g_mutex_unlock (&server->lock);
}

static gpointer
accept_all (gpointer data)
{
  KitServer *server = data;

  for (int number = 0;;)
    {
      int fd = accept4 (server->listener, NULL, NULL, SOCK_CLOEXEC);

      if (fd >= 0)
        take (server, fd, number++);
      else if (errno != EINTR && errno != ECONNABORTED)
        return NULL;
    }
}

/* Threads inherit the mask, so it is set around their creation. */
static GThread *
start_without_sigpipe (GThreadFunc func, gpointer data)
{
  sigset_t pipe_set, before;
  GThread *thread;

  sigemptyset (&pipe_set);
  sigaddset (&pipe_set, SIGPIPE);
  pthread_sigmask (SIG_BLOCK, &pipe_set, &before);
  thread = g_thread_new ("kit-server", func, data);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  return thread;
}

KitServer *
kit_server_new (const KitServerConfig *config, KitHandler handler, gpointer data)
{
  KitServer *server = g_new0 (KitServer, 1);
  struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t size = sizeof addr;
  int one = 1;

  server->late = config->late;
  server->handler = handler;
  server->data = data;
  server->threads = g_ptr_array_new ();
  server->fds = g_array_new (FALSE, FALSE, sizeof (int));
  g_mutex_init (&server->lock);
  if (config->cert != NULL)
    server->ctx = kit_server_context (config);
  if (config->cert != NULL && config->alpn != NULL)
    {
      server->alpn = g_strdup (config->alpn);
      SSL_CTX_set_alpn_select_cb (server->ctx, select_alpn, server->alpn);
    }
  server->listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (server->listener, >=, 0);
  /* every free port may be in TIME_WAIT, which is no reason not to listen on it */
  g_assert_cmpint (setsockopt (server->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), ==, 0);
  g_assert_cmpint (bind (server->listener, (struct sockaddr *) &addr, sizeof addr), ==, 0);
  g_assert_cmpint (listen (server->listener, 128), ==, 0);
  g_assert_cmpint (getsockname (server->listener, (struct sockaddr *) &addr, &size), ==, 0);
  server->port = ntohs (addr.sin_port);
  server->acceptor = start_without_sigpipe (accept_all, server);
  return server;
}

guint16
kit_server_get_port (KitServer *server)
{
  return server->port;
}

void
kit_server_free (KitServer *server)
{
  g_mutex_lock (&server->lock);
  server->stopping = TRUE;
  for (guint i = 0; i < server->fds->len; i++)
    shutdown (g_array_index (server->fds, int, i), SHUT_RDWR);
  g_mutex_unlock (&server->lock);
  shutdown (server->listener, SHUT_RDWR); /* wakes accept() */
  g_thread_join (server->acceptor);
  for (guint i = 0; i < server->threads->len; i++)
    g_thread_join (server->threads->pdata[i]);
  close (server->listener);
  SSL_CTX_free (server->ctx);
  g_ptr_array_unref (server->threads);
  g_array_unref (server->fds);
  g_mutex_clear (&server->lock);
  g_free (server->alpn);
  g_free (server);
}

int
kit_connect (guint16 port)
{
  struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK), .sin_port = htons (port) };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (connect (fd, (struct sockaddr *) &addr, sizeof addr), ==, 0);
  g_assert_cmpint (fcntl (fd, F_SETFL, O_NONBLOCK), ==, 0);
  return fd;
}
