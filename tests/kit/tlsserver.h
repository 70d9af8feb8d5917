/* SPDX-License-Identifier: MIT */
/*
 * tlsserver: a server on loopback for tests, plain, implicit TLS, or TLS from any moment on.
 *
 * The accepting thread gives each connection a thread of its own, which runs the test's handler; the handler says and hears what
 * it likes, right or wrong, with the functions below.  TLS is OpenSSL's, whatever the client under test uses.  Reads and writes
 * block for at most ten seconds, so that no test hangs.  SIGPIPE is blocked in these threads only: the client's must stay deadly.
 */
#ifndef VEREDA_TESTS_KIT_TLSSERVER_H
#define VEREDA_TESTS_KIT_TLSSERVER_H

#include <glib.h>
#include <openssl/ssl.h>

typedef struct
{
  const char *cert;         /* PEM chain; NULL for a server without TLS */
  const char *key;          /* PEM; NULL: beside cert, with the suffix .key */
  int min_version;          /* TLS1_2_VERSION and so on; 0 for OpenSSL's lowest */
  int max_version;          /* 0 for the highest */
  const char *client_ca;    /* ask for a client certificate issued by this PEM file */
  const char *client_names; /* PEM of the issuers to announce in asking; NULL: those of client_ca */
  gboolean require_client;  /* and fail without one */
  const char *ciphers;      /* for TLS 1.2, or NULL */
  gboolean no_ems;          /* refuse the extended master secret of TLS 1.2 */
  GBytes *staple;           /* the OCSP response to show to who asks, or NULL; lives as long as the server */
  gboolean no_tickets;      /* hand out none by itself */
  const char *alpn;         /* the one protocol this server selects, or NULL */
  gboolean late;            /* the handler starts TLS itself, with kit_conn_start_tls () */
} KitServerConfig;

/* One accepted connection, of one thread. */
typedef struct
{
  int fd;
  SSL *ssl;     /* NULL before TLS */
  SSL_CTX *ctx; /* NULL for a server without TLS */
  int number;   /* 0 for the first one accepted */
  gboolean tls_failed;
} KitConn;

typedef struct KitServer KitServer;

/* Runs in the connection's thread; when it returns the descriptor is closed, without a word. */
typedef void (*KitHandler) (KitConn *conn, gpointer data);

/* Listens on 127.0.0.1, on a free port.  Aborts the test when that cannot be done. */
KitServer *kit_server_new (const KitServerConfig *config, KitHandler handler, gpointer data);
guint16 kit_server_get_port (KitServer *server);
/* Closes the listener and every connection, and waits for the threads. */
void kit_server_free (KitServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KitServer, kit_server_free)

/* A context for a server from a configuration, for tests that move the octets themselves. */
SSL_CTX *kit_server_context (const KitServerConfig *config);

/* The server's half of a handshake on the connection as it is now. */
gboolean kit_conn_start_tls (KitConn *conn);
/* In clear before TLS, protected after.  read: 0 at the end, -1 on failure.  write: all of it or FALSE. */
gssize kit_conn_read (KitConn *conn, void *buf, size_t size);
gboolean kit_conn_write (KitConn *conn, const void *data, size_t size);
gboolean kit_conn_say (KitConn *conn, const char *text);
/* One line without its CRLF, or NULL at the end.  Reads octet by octet: nothing is taken beyond the line. */
char *kit_conn_read_line (KitConn *conn);
/* Past TLS, octets on the socket as they are. */
gboolean kit_conn_write_raw (KitConn *conn, const void *data, size_t size);
/* The closing alert. */
void kit_conn_goodbye (KitConn *conn);

/* A connected, non-blocking client socket to 127.0.0.1. */
int kit_connect (guint16 port);

#endif
