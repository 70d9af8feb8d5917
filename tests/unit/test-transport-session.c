/* SPDX-License-Identifier: MIT */
/*
 * What a TLS session says about itself, compared with what the server saw: server name, facts, client certificates, channel
 * bindings.
 */
#include "test-transport.h"

#include <string.h>

typedef struct
{
  GMutex lock;
  char *sni;
  char *client;
  guint8 exporter[32];
  guint8 end_point[EVP_MAX_MD_SIZE];
  unsigned int end_point_size;
  guint8 finished[64];
  size_t finished_size;
} Seen;

static void
observe (KitConn *conn, gpointer data)
{
  Seen *seen = data;
  X509 *peer = SSL_get0_peer_certificate (conn->ssl);
  const char *name = SSL_get_servername (conn->ssl, TLSEXT_NAMETYPE_host_name);

  g_mutex_lock (&seen->lock);
  g_free (seen->sni);
  seen->sni = g_strdup (name);
  if (peer != NULL)
    {
      char *subject = X509_NAME_oneline (X509_get_subject_name (peer), NULL, 0);

      g_free (seen->client);
      seen->client = g_strdup (subject);
      OPENSSL_free (subject);
    }
  SSL_export_keying_material (conn->ssl, seen->exporter, 32, "EXPORTER-Channel-Binding", 24, (const guint8 *) "", 0, 1);
  X509_digest (SSL_get_certificate (conn->ssl), EVP_sha256 (), seen->end_point, &seen->end_point_size);
  seen->finished_size = SSL_get_peer_finished (conn->ssl, seen->finished, sizeof seen->finished);
  g_mutex_unlock (&seen->lock);
  kit_conn_say (conn, "220 seen\r\n");
  kit_conn_goodbye (conn);
  tt_wait_for_client (conn, NULL);
}

static void
seen_clear (Seen *seen)
{
  g_free (seen->sni);
  g_free (seen->client);
  g_mutex_clear (&seen->lock);
  memset (seen, 0, sizeof *seen);
}

/* Reads to the end, after which what the server saw is complete. */
static void
hear_all (Stack *stack)
{
  g_autoptr (GByteArray) heard = g_byte_array_new ();
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (tt_read_all (stack, heard, &error), ==, VEREDA_IO_EOF);
  g_assert_no_error (error);
  assert_octets (heard->data, heard->len, "220 seen\r\n", 10);
}

static void
test_sni (gconstpointer data)
{
  KitServerConfig config = { .cert = tt_cert ("good", ".pem") };
  static const char *const names[][2]
      = { { HOST, HOST }, { HOST ".", HOST }, { "127.0.0.1", NULL }, { "::1", NULL }, { NULL, NULL } };
  Seen seen = { 0 };
  KitServer *server = kit_server_new (&config, observe, &seen);

  (void) data;
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      VeredaTlsSettings settings = tt_settings (names[i][0]);
      g_autoptr (GError) error = NULL;
      Stack stack;

      settings.insecure_skip_verify = names[i][0] == NULL;
      g_assert_cmpint (tt_open_session (&stack, server, tt_backend, &settings, &error), ==, VEREDA_IO_DONE);
      hear_all (&stack);
      g_mutex_lock (&seen.lock);
      g_assert_cmpstr (seen.sni, ==, names[i][1]);
      g_mutex_unlock (&seen.lock);
      tt_close (&stack);
    }
  kit_server_free (server);
  seen_clear (&seen);
}

static void
test_facts (gconstpointer data)
{
  static const char *const offered[] = { "smtp", "x-other", NULL };
  KitServerConfig config = { .cert = tt_cert ("good", ".pem"), .alpn = "x-other" };
  Seen seen = { 0 };
  KitServer *server = kit_server_new (&config, observe, &seen);
  VeredaTlsSettings settings = tt_settings (HOST);
  g_autoptr (GError) error = NULL;
  VeredaFactValue value;
  Stack stack;

  (void) data;
  settings.alpn = offered;
  g_assert_cmpint (tt_open_session (&stack, server, tt_backend, &settings, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpstr (tt_string (stack.top, VEREDA_FACT_ALPN), ==, "x-other");
  /* Alike from both, so that the libraries can be compared: the same group and suite for the same server. */
  g_assert_cmpstr (tt_string (stack.top, VEREDA_FACT_GROUP), ==, "x25519");
  g_assert_cmpstr (tt_string (stack.top, VEREDA_FACT_CIPHER), ==, "TLS_AES_256_GCM_SHA384");
  g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_KEY_BITS), ==, 256);
  g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_CLIENT_CERT), ==, 0);
  g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_KTLS), ==, 0);
  g_assert_true (g_str_has_prefix (tt_string (stack.top, VEREDA_FACT_BACKEND),
                                   g_str_equal (tt_backend, "gnutls") ? "GnuTLS 3." : "OpenSSL "));
  g_assert_false (stack.top->ops->fact (stack.top, VEREDA_FACT_FD, &value)); /* the bottom's alone */
  g_assert_cmpint (tt_number (stack.bottom, VEREDA_FACT_FD), ==, stack.fd);
  hear_all (&stack);
  tt_close (&stack);
  kit_server_free (server);
  seen_clear (&seen);
}

/* --- client certificates --- */

static void
test_client_certificate (gconstpointer data)
{
  static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

  (void) data;
  for (size_t i = 0; i < 2 * G_N_ELEMENTS (versions); i++)
    {
      const char *name = i & 1 ? "client-rsa" : "client";
      KitServerConfig config = { .cert = tt_cert ("good", ".pem"),
                                 .min_version = versions[i / 2],
                                 .max_version = versions[i / 2],
                                 .client_ca = tt_cert ("root", ".pem"),
                                 /* the certificate is shown even to a server that asks for another issuer's */
                                 .client_names = tt_cert (i < 2 ? "root" : "unknown-root", ".pem"),
                                 .require_client = TRUE };
      Seen seen = { 0 };
      KitServer *server = kit_server_new (&config, observe, &seen);
      VeredaTlsSettings settings = tt_settings (HOST);
      g_autoptr (GError) error = NULL;
      Stack stack;

      settings.cert_file = tt_cert (name, ".pem");
      settings.key_file = tt_cert (name, ".key");
      g_assert_cmpint (tt_open_session (&stack, server, tt_backend, &settings, &error), ==, VEREDA_IO_DONE);
      hear_all (&stack);
      g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_CLIENT_CERT), ==, 1);
      g_assert_cmpstr (seen.client, ==, "/O=Vereda/CN=postmaster");
      tt_close (&stack);
      kit_server_free (server);
      seen_clear (&seen);
    }
}

/* One that is there but was not asked for is not sent. */
static void
test_client_certificate_unasked (gconstpointer data)
{
  KitServerConfig config = { .cert = tt_cert ("good", ".pem") };
  Seen seen = { 0 };
  KitServer *server = kit_server_new (&config, observe, &seen);
  VeredaTlsSettings settings = tt_settings (HOST);
  g_autoptr (GError) error = NULL;
  Stack stack;

  (void) data;
  settings.cert_file = tt_cert ("client", ".pem");
  settings.key_file = tt_cert ("client", ".key");
  g_assert_cmpint (tt_open_session (&stack, server, tt_backend, &settings, &error), ==, VEREDA_IO_DONE);
  hear_all (&stack);
  g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_CLIENT_CERT), ==, 0);
  tt_close (&stack);
  kit_server_free (server);
  seen_clear (&seen);
}

/* Asked for and not there: the server's alert comes in the handshake (1.2) or with the first read (1.3). */
static void
test_client_certificate_missing (gconstpointer data)
{
  int version = GPOINTER_TO_INT (data);
  KitServerConfig config = { .cert = tt_cert ("good", ".pem"),
                             .min_version = version,
                             .max_version = version,
                             .client_ca = tt_cert ("root", ".pem"),
                             .require_client = TRUE };
  g_autoptr (KitServer) server = kit_server_new (&config, tt_wait_for_client, NULL);
  g_autoptr (GError) error = NULL;
  size_t n = 0;
  char buf[16];
  Stack stack;
  VeredaIo io = tt_open_session (&stack, server, tt_backend, NULL, &error);

  if (io == VEREDA_IO_DONE)
    {
      g_assert_cmpint (version, ==, TLS1_3_VERSION);
      g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_CLIENT_CERT), ==, 0);
      io = tt_read (&stack, buf, sizeof buf, &n, &error);
    }
  g_assert_cmpint (io, ==, VEREDA_IO_ERROR);
  g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_HANDSHAKE);
  g_assert_nonnull (strstr (error->message, "alert"));
  tt_assert_sticky (stack.top, error);
  tt_close (&stack);
}

/* --- channel bindings --- */

typedef struct
{
  const char *name;
  const char *cert;
  int version;
  gboolean no_ems;
  gboolean exporter, end_point, unique; /* what there is to be */
} Bindings;

static const Bindings bindings[] = {
  { "binding-1.3", "good", TLS1_3_VERSION, FALSE, TRUE, TRUE, FALSE },
  { "binding-1.2", "good", TLS1_2_VERSION, FALSE, TRUE, TRUE, TRUE },
  { "binding-1.2-without-ems", "good", TLS1_2_VERSION, TRUE, FALSE, TRUE, TRUE },
  { "binding-sha1-certificate", "sha1-signed", TLS1_3_VERSION, FALSE, TRUE, TRUE, FALSE },
  { "binding-ed25519-certificate", "self-signed-ed25519", TLS1_3_VERSION, FALSE, TRUE, FALSE, FALSE },
};

static void
check_binding (Stack *stack, VeredaBinding kind, gboolean expected, const void *seen, size_t size)
{
  g_autoptr (GError) error = NULL;
  GBytes *bytes = stack->top->ops->binding (stack->top, kind, &error);

  if (!expected)
    {
      g_assert_null (bytes);
      g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_UNSUPPORTED);
      return;
    }
  g_assert_no_error (error);
  assert_octets (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), seen, size);
  g_bytes_unref (bytes);
}

static void
test_bindings (gconstpointer data)
{
  const Bindings *b = data;
  KitServerConfig config
      = { .cert = tt_cert (b->cert, ".pem"), .min_version = b->version, .max_version = b->version, .no_ems = b->no_ems };
  Seen seen = { 0 };
  KitServer *server = kit_server_new (&config, observe, &seen);
  VeredaTlsSettings settings = tt_settings (HOST);
  g_autoptr (GError) error = NULL;
  Stack stack;

  settings.insecure_skip_verify = TRUE; /* a binding does not depend on the verdict */
  g_assert_cmpint (tt_open_session (&stack, server, tt_backend, &settings, &error), ==, VEREDA_IO_DONE);
  hear_all (&stack);
  check_binding (&stack, VEREDA_BINDING_TLS_EXPORTER, b->exporter, seen.exporter, sizeof seen.exporter);
  check_binding (&stack, VEREDA_BINDING_TLS_SERVER_END_POINT, b->end_point, seen.end_point, seen.end_point_size);
  check_binding (&stack, VEREDA_BINDING_TLS_UNIQUE, b->unique, seen.finished, seen.finished_size);
  g_assert_null (stack.top->ops->binding (stack.top, (VeredaBinding) 99, NULL));
  tt_close (&stack);
  kit_server_free (server);
  seen_clear (&seen);
}

void
tt_add_session_tests (void)
{
  tt_add ("TLS-8-sni", test_sni, NULL);
  tt_add ("TLS-14-facts", test_facts, NULL);
  tt_add ("TLS-10-client-certificate", test_client_certificate, NULL);
  tt_add ("TLS-10-client-certificate-unasked", test_client_certificate_unasked, NULL);
  tt_add ("TLS-10-client-certificate-missing-1.2", test_client_certificate_missing, GINT_TO_POINTER (TLS1_2_VERSION));
  tt_add ("TLS-10-client-certificate-missing-1.3", test_client_certificate_missing, GINT_TO_POINTER (TLS1_3_VERSION));
  for (size_t i = 0; i < G_N_ELEMENTS (bindings); i++)
    tt_add (bindings[i].name, test_bindings, &bindings[i]);
}
