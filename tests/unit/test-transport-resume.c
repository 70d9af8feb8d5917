/* SPDX-License-Identifier: MIT */
/*
 * Sessions that are resumed: less work for both sides, and never less trust.  The server says for each connection whether it took
 * the session, and its half of the channel bindings.
 */
#include <glib/gstdio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "test-transport.h"

/* What the server saw of one connection; its line tells the client that this is complete. */
typedef struct
{
  gboolean reused;
  gboolean knows_client;
  guint8 exporter[32];
  guint8 end_point[EVP_MAX_MD_SIZE];
  unsigned int end_point_size;
  guint8 first_finished[64];
  size_t first_finished_size;
} Seen;

static void
observe (KitConn *conn, gpointer data)
{
  Seen *seen = data;

  memset (seen, 0, sizeof *seen);
  seen->reused = SSL_session_reused (conn->ssl) == 1;
  seen->knows_client = SSL_get0_peer_certificate (conn->ssl) != NULL;
  SSL_export_keying_material (conn->ssl, seen->exporter, 32, "EXPORTER-Channel-Binding", 24, (const guint8 *) "", 0, 1);
  X509_digest (SSL_get_certificate (conn->ssl), EVP_sha256 (), seen->end_point, &seen->end_point_size);
  seen->first_finished_size = seen->reused
                                  ? SSL_get_finished (conn->ssl, seen->first_finished, sizeof seen->first_finished)
                                  : SSL_get_peer_finished (conn->ssl, seen->first_finished, sizeof seen->first_finished);
  kit_conn_say (conn, "220 seen\r\n");
  tt_wait_for_client (conn, NULL);
}

/* A handshake, the server's line, and the session there is afterwards. */
static VeredaIo
visit (Stack *stack, KitServer *server, const VeredaTlsSettings *settings, GBytes **ret_session, GError **error)
{
  VeredaFactValue value = { 0 };
  char line[32];
  size_t n = 0;

  *ret_session = NULL;
  if (tt_open_session (stack, server, tt_backend, settings, error) != VEREDA_IO_DONE)
    return VEREDA_IO_ERROR;
  g_assert_cmpint (tt_read (stack, line, sizeof line, &n, error), ==, VEREDA_IO_DONE);
  assert_octets (line, n, "220 seen\r\n", 10);
  if (stack->top->ops->fact (stack->top, VEREDA_FACT_SESSION, &value))
    *ret_session = value.bytes;
  return VEREDA_IO_DONE;
}

/* The same for a visit that must succeed, with nothing left open; *seen is the server's. */
static GBytes *
pay_visit (KitServer *server, const VeredaTlsSettings *settings, gboolean resumed)
{
  g_autoptr (GError) error = NULL;
  GBytes *session;
  Stack stack;

  visit (&stack, server, settings, &session, &error);
  g_assert_no_error (error);
  g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_RESUMED), ==, resumed);
  tt_close (&stack);
  return session;
}

static void
assert_binding (Stack *stack, VeredaBinding kind, const void *seen, size_t size)
{
  g_autoptr (GError) error = NULL;
  GBytes *bytes = stack->top->ops->binding (stack->top, kind, &error);

  g_assert_no_error (error);
  assert_octets (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), seen, size);
  g_bytes_unref (bytes);
}

static KitServerConfig
config_of (int version)
{
  return (KitServerConfig){ .cert = tt_cert ("good-via-intermediate", ".pem"), .min_version = version, .max_version = version };
}

/* Twice in a row: the session of a resumed session is worth as much as that of a full one. */
static void
test_resumed (gconstpointer data)
{
  int version = GPOINTER_TO_INT (data);
  KitServerConfig config = config_of (version);
  Seen seen = { 0 };
  g_autoptr (KitServer) server = kit_server_new (&config, observe, &seen);
  VeredaTlsSettings settings = tt_settings (HOST);
  VeredaFactValue first = { 0 }, chain = { 0 };
  GBytes *session = NULL;

  for (int i = 0; i < 3; i++)
    {
      g_autoptr (GError) error = NULL;
      GBytes *next;
      Stack stack;

      settings.session = session;
      g_assert_cmpint (visit (&stack, server, &settings, &next, &error), ==, VEREDA_IO_DONE);
      g_assert_no_error (error);
      g_assert_nonnull (next);
      g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_RESUMED), ==, i > 0);
      g_assert_cmpint (seen.reused, ==, i > 0);
      g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_PEER_VERIFIED), ==, 1);
      g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_VERIFY), ==, VEREDA_VERIFY_OK);
      g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_CLIENT_CERT), ==, 0);
      g_assert_true (stack.top->ops->fact (stack.top, VEREDA_FACT_PEER_CHAIN, &chain));
      if (i == 0)
        first = chain;
      else
        {
          g_assert_true (g_bytes_equal (first.bytes, chain.bytes));
          g_bytes_unref (chain.bytes);
        }
      assert_binding (&stack, VEREDA_BINDING_TLS_EXPORTER, seen.exporter, sizeof seen.exporter);
      assert_binding (&stack, VEREDA_BINDING_TLS_SERVER_END_POINT, seen.end_point, seen.end_point_size);
      if (version == TLS1_2_VERSION)
        assert_binding (&stack, VEREDA_BINDING_TLS_UNIQUE, seen.first_finished, seen.first_finished_size);
      tt_close (&stack);
      g_clear_pointer (&session, g_bytes_unref);
      session = next;
    }
  g_bytes_unref (first.bytes);
  g_bytes_unref (session);
}

/* Before the ticket of TLS 1.3 was read there is nothing, and asking does not wait for it. */
static void
say_later (KitConn *conn, gpointer data)
{
  char buf[16];

  if (kit_conn_read (conn, buf, sizeof buf) > 0)
    SSL_new_session_ticket (conn->ssl);
  observe (conn, data);
}

static void
test_late_ticket (gconstpointer data)
{
  KitServerConfig config = config_of (TLS1_3_VERSION);
  VeredaTlsSettings settings = tt_settings (HOST);
  g_autoptr (KitServer) server = NULL;
  g_autoptr (GError) error = NULL;
  Seen seen = { 0 };
  gint64 began;
  Stack stack;
  VeredaFactValue value;
  char line[32];
  size_t n = 0;

  (void) data;
  config.no_tickets = TRUE;
  server = kit_server_new (&config, say_later, &seen);
  g_assert_cmpint (tt_open_session (&stack, server, tt_backend, &settings, &error), ==, VEREDA_IO_DONE);
  began = g_get_monotonic_time ();
  g_assert_false (stack.top->ops->fact (stack.top, VEREDA_FACT_SESSION, &value));
  g_assert_cmpint (g_get_monotonic_time () - began, <, 40000); /* GnuTLS would wait sixty milliseconds and more */
  g_assert_cmpint (tt_write_all (&stack, "NOOP\r\n", 6, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpint (tt_read (&stack, line, sizeof line, &n, &error), ==, VEREDA_IO_DONE);
  g_assert_true (stack.top->ops->fact (stack.top, VEREDA_FACT_SESSION, &value));
  g_bytes_unref (value.bytes);
  tt_close (&stack);
}

/* RFC 7627 section 5.3: what was made without the extended master secret is not resumed. */
static void
test_without_ems (gconstpointer data)
{
  KitServerConfig config = config_of (TLS1_2_VERSION);
  g_autoptr (GError) error = NULL;
  VeredaTlsSettings settings = tt_settings (HOST);
  KitServer *server;
  GBytes *session;
  Stack stack;

  (void) data;
  config.no_ems = TRUE;
  server = kit_server_new (&config, observe, &(Seen){ 0 });
  g_assert_cmpint (visit (&stack, server, &settings, &session, &error), ==, VEREDA_IO_DONE);
  g_assert_null (session);
  tt_close (&stack);
  kit_server_free (server);
}

/* --- settings --- */

static void
test_other_settings (gconstpointer data)
{
  static const char *const names[] = { "other", NULL };
  static const guint8 hash[32];
  static const VeredaSpan pin = { hash, sizeof hash };
  int version = GPOINTER_TO_INT (data);
  KitServerConfig config = config_of (version);
  Seen seen = { 0 };
  VeredaTlsSettings settings = tt_settings (HOST);
  g_autoptr (KitServer) server = NULL;
  g_autoptr (GBytes) session = NULL;

  config.cert = tt_cert ("good", ".pem");
  server = kit_server_new (&config, observe, &seen);
  session = pay_visit (server, &settings, FALSE);
  g_assert_nonnull (session);
  for (int i = 0; i < 8; i++)
    {
      VeredaTlsSettings other = tt_settings (i == 0 ? "localhost" : HOST);
      GBytes *next;

      other.session = session;
      other.insecure_skip_verify = i == 1 || i == 5; /* the pin is a wrong one */
      other.alpn = i == 2 ? names : NULL;
      if (i == 3)
        other.trust_file = config.cert;
      if (i == 4)
        other.cert_file = tt_cert ("client", ".pem"), other.key_file = tt_cert ("client", ".key");
      if (i == 5)
        other.pins = &pin, other.n_pins = 1;
      if (i == 6)
        other.priority = g_str_equal (tt_backend, "gnutls") ? "SECURE128" : "ECDHE+AESGCM";
      next = pay_visit (server, &other, i == 7); /* the last one is the same again */
      g_assert_cmpint (seen.reused, ==, i == 7);
      g_bytes_unref (next);
    }
}

/* What was not verified then is not verified now, and is of no use to who wants it verified. */
static void
test_unverified (gconstpointer data)
{
  int version = GPOINTER_TO_INT (data);
  KitServerConfig config = config_of (version);
  Seen seen = { 0 };
  g_autoptr (KitServer) server = kit_server_new (&config, observe, &seen);
  VeredaTlsSettings settings = tt_settings ("www.example.test");
  g_autoptr (GBytes) session = NULL;
  g_autoptr (GBytes) next = NULL;
  g_autoptr (GError) error = NULL;
  Stack stack;

  settings.insecure_skip_verify = TRUE;
  session = pay_visit (server, &settings, FALSE);
  settings.session = session;
  g_assert_cmpint (visit (&stack, server, &settings, &next, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_RESUMED), ==, 1);
  g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_PEER_VERIFIED), ==, 0);
  g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_VERIFY), ==, VEREDA_VERIFY_NAME_MISMATCH);
  tt_close (&stack);

  settings.insecure_skip_verify = FALSE;
  g_assert_cmpint (tt_open_session (&stack, server, tt_backend, &settings, &error), ==, VEREDA_IO_ERROR);
  g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_CERTIFICATE);
  tt_close (&stack);
}

/* The file of roots says something else today: the certificate behind the session is judged by today's. */
static void
test_root_withdrawn (gconstpointer data)
{
  int version = GPOINTER_TO_INT (data);
  KitServerConfig config = config_of (version);
  Seen seen = { 0 };
  g_autoptr (KitServer) server = kit_server_new (&config, observe, &seen);
  VeredaTlsSettings settings = tt_settings (HOST);
  g_autofree char *dir = g_dir_make_tmp ("vereda-XXXXXX", NULL);
  g_autofree char *roots = g_build_filename (dir, "roots.pem", NULL);
  g_autoptr (GBytes) session = NULL;
  g_autoptr (GBytes) next = NULL;

  for (int i = 0; i < 2; i++)
    {
      g_autofree char *text = NULL;
      g_autoptr (GError) error = NULL;
      gsize size = 0;
      Stack stack;

      g_assert_true (g_file_get_contents (tt_cert (i == 0 ? "root" : "unknown-root", ".pem"), &text, &size, NULL));
      g_assert_true (g_file_set_contents (roots, text, (gssize) size, NULL));
      settings.trust_file = roots;
      settings.session = session;
      if (i == 0)
        session = pay_visit (server, &settings, FALSE);
      else
        {
          g_assert_cmpint (tt_open_session (&stack, server, tt_backend, &settings, &error), ==, VEREDA_IO_ERROR);
          g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_CERTIFICATE);
          g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_VERIFY), ==, VEREDA_VERIFY_UNKNOWN_ISSUER);
          g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_PEER_VERIFIED), ==, 0);
          tt_assert_sticky (stack.top, error);
          tt_close (&stack);
        }
    }
  g_remove (roots);
  g_rmdir (dir);
}

/* A certificate of the key and names of "good", signed by itself, that ends @seconds from now. */
static void
write_short_lived (const char *path, int seconds)
{
  FILE *in = fopen (tt_cert ("self-signed", ".pem"), "r"), *key_in = fopen (tt_cert ("self-signed", ".key"), "r"), *out;
  X509 *cert = PEM_read_X509 (in, NULL, NULL, NULL);
  EVP_PKEY *key = PEM_read_PrivateKey (key_in, NULL, NULL, NULL);

  g_assert_true (cert != NULL && key != NULL);
  g_assert_nonnull (X509_gmtime_adj (X509_getm_notAfter (cert), seconds));
  g_assert_cmpint (X509_sign (cert, key, EVP_sha256 ()), >, 0);
  out = fopen (path, "w");
  g_assert_cmpint (PEM_write_X509 (out, cert), ==, 1);
  fclose (in);
  fclose (key_in);
  fclose (out);
  X509_free (cert);
  EVP_PKEY_free (key);
}

static void
test_expired_since (gconstpointer data)
{
  int version = GPOINTER_TO_INT (data);
  KitServerConfig config = config_of (version);
  g_autofree char *dir = g_dir_make_tmp ("vereda-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "short.pem", NULL);
  VeredaTlsSettings settings = tt_settings (HOST);
  g_autoptr (GBytes) session = NULL;
  g_autoptr (GBytes) again = NULL;
  g_autoptr (GError) error = NULL;
  Seen seen = { 0 };
  KitServer *server;
  Stack stack;

  write_short_lived (path, 2);
  config.cert = settings.trust_file = path;
  config.key = tt_cert ("self-signed", ".key");
  server = kit_server_new (&config, observe, &seen);
  session = pay_visit (server, &settings, FALSE);
  g_assert_nonnull (session);
  settings.session = session;
  again = pay_visit (server, &settings, TRUE);
  g_usleep (3100000); /* notAfter is itself a second of the certificate's life */
  /* A full handshake, in which the server could show another; this one does not. */
  g_assert_cmpint (tt_open_session (&stack, server, tt_backend, &settings, &error), ==, VEREDA_IO_ERROR);
  g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_CERTIFICATE);
  g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_VERIFY), ==, VEREDA_VERIFY_EXPIRED);
  g_clear_error (&error);
  tt_close (&stack);
  settings.insecure_skip_verify = TRUE;
  g_bytes_unref (pay_visit (server, &settings, FALSE));
  kit_server_free (server);
  g_remove (path);
  g_rmdir (dir);
}

/* --- clients, and packets that are none --- */

static void
test_client_certificate (gconstpointer data)
{
  int version = GPOINTER_TO_INT (data);
  KitServerConfig config = config_of (version);
  Seen seen = { 0 };
  KitServer *server;
  VeredaTlsSettings settings = tt_settings (HOST);
  g_autoptr (GBytes) session = NULL;
  g_autoptr (GBytes) next = NULL;
  g_autoptr (GError) error = NULL;
  Stack stack;

  config.client_ca = tt_cert ("root", ".pem");
  config.require_client = TRUE;
  server = kit_server_new (&config, observe, &seen);
  settings.cert_file = tt_cert ("client", ".pem");
  settings.key_file = tt_cert ("client", ".key");
  session = pay_visit (server, &settings, FALSE);
  settings.session = session;
  g_assert_cmpint (visit (&stack, server, &settings, &next, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_RESUMED), ==, 1);
  g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_CLIENT_CERT), ==, 1);
  g_assert_true (seen.knows_client);
  tt_close (&stack);
  kit_server_free (server);
}

/* Spoilt anywhere, cut anywhere, or the other library's: never a failure, never a crash, a full handshake at worst. */
static void
test_spoilt (gconstpointer data)
{
  KitServerConfig config = config_of (GPOINTER_TO_INT (data));
  Seen seen = { 0 };
  g_autoptr (KitServer) server = kit_server_new (&config, observe, &seen);
  VeredaTlsSettings settings = tt_settings (HOST);
  g_autoptr (GBytes) session = pay_visit (server, &settings, FALSE);
  gsize size = 0, step;
  const guint8 *whole = g_bytes_get_data (session, &size);

  step = MAX (1, size / 40);
  for (gsize i = 0; i < size; i += step)
    for (int cut = 0; cut < 2; cut++)
      {
        guint8 *copy = g_memdup2 (whole, size);
        g_autoptr (GBytes) packet = NULL;
        g_autoptr (GError) error = NULL;
        GBytes *next = NULL;
        Stack stack;
        VeredaIo io;

        copy[i] ^= 0x41;
        packet = g_bytes_new_take (copy, cut ? i : size);
        settings.session = packet;
        io = visit (&stack, server, &settings, &next, &error);
        /* A wrong key makes a wrong Finished: the server's alert.  A wrong certificate is judged. */
        if (io != VEREDA_IO_DONE)
          g_assert_true (error->code == VEREDA_TRANSPORT_ERROR_HANDSHAKE || error->code == VEREDA_TRANSPORT_ERROR_PROTOCOL
                         || error->code == VEREDA_TRANSPORT_ERROR_CERTIFICATE);
        g_assert_true (io == VEREDA_IO_DONE || !cut);
        tt_close (&stack);
        g_clear_pointer (&next, g_bytes_unref);
      }
}

static void
test_other_library (gconstpointer data)
{
  const char *other = g_str_equal (tt_backend, "gnutls") ? "openssl" : "gnutls";
  KitServerConfig config = config_of (TLS1_3_VERSION);
  VeredaTlsSettings settings = tt_settings (HOST);
  const char *mine = tt_backend;
  g_autoptr (GBytes) session = NULL;
  g_autoptr (KitServer) server = NULL;
  Seen seen = { 0 };

  (void) data;
  if (tt_plugin (other) == NULL)
    {
      g_test_skip ("there is but one library");
      return;
    }
  server = kit_server_new (&config, observe, &seen);
  tt_backend = other;
  session = pay_visit (server, &settings, FALSE);
  tt_backend = mine;
  settings.session = session;
  g_bytes_unref (pay_visit (server, &settings, FALSE));
}

static void
add (const char *name, GTestDataFunc func)
{
  g_autofree char *old = g_strconcat (name, "-1.2", NULL);
  g_autofree char *new = g_strconcat (name, "-1.3", NULL);

  tt_add (old, func, GINT_TO_POINTER (TLS1_2_VERSION));
  tt_add (new, func, GINT_TO_POINTER (TLS1_3_VERSION));
}

void
tt_add_resume_tests (void)
{
  add ("resumed", test_resumed);
  add ("resume-other-settings", test_other_settings);
  add ("resume-unverified", test_unverified);
  add ("resume-root-withdrawn", test_root_withdrawn);
  add ("resume-expired-since", test_expired_since);
  add ("resume-client-certificate", test_client_certificate);
  add ("resume-spoilt", test_spoilt);
  tt_add ("resume-late-ticket", test_late_ticket, NULL);
  tt_add ("resume-without-ems", test_without_ems, NULL);
  tt_add ("resume-other-library", test_other_library, NULL);
}
