/* SPDX-License-Identifier: MIT */
/*
 * TLS transports over real sockets: versions, peers that do not speak TLS, endings, size, STARTTLS, layers on layers.
 */
#include "test-transport.h"

#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>

/* --- versions --- */

static void
test_old_version (gconstpointer data)
{
  KitServerConfig config
      = { .cert = tt_cert ("good", ".pem"), .min_version = TLS1_VERSION, .max_version = TLS1_1_VERSION, .ciphers = "ALL" };
  g_autoptr (KitServer) server = kit_server_new (&config, tt_wait_for_client, NULL);
  VeredaTlsSettings settings = tt_settings (HOST);
  g_autoptr (GError) error = NULL;
  Stack stack;

  (void) data;
  settings.min_version = 0x0301; /* asking does not help */
  g_assert_cmpint (tt_open_session (&stack, server, tt_backend, &settings, &error), ==, VEREDA_IO_ERROR);
  g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_HANDSHAKE);
  tt_assert_sticky (stack.top, error);
  tt_close (&stack);
}

static void
test_min_version (gconstpointer data)
{
  KitServerConfig config = { .cert = tt_cert ("good", ".pem"), .max_version = TLS1_2_VERSION };
  g_autoptr (KitServer) server = kit_server_new (&config, tt_wait_for_client, NULL);
  VeredaTlsSettings settings = tt_settings (HOST);
  g_autoptr (GError) error = NULL;
  Stack stack;

  (void) data;
  settings.min_version = 0x0304;
  g_assert_cmpint (tt_open_session (&stack, server, tt_backend, &settings, &error), ==, VEREDA_IO_ERROR);
  g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_HANDSHAKE);
  tt_close (&stack);
}

/* Static RSA key exchange, anonymous and CBC-with-SHA-1-only 3DES suites are not offered. */
static void
test_bad_ciphers (gconstpointer data)
{
  static const char *const suites[] = { "kRSA", "aNULL", "eNULL" };

  (void) data;
  for (size_t i = 0; i < G_N_ELEMENTS (suites); i++)
    {
      KitServerConfig config = { .cert = tt_cert ("good", ".pem"), .max_version = TLS1_2_VERSION, .ciphers = suites[i] };
      g_autoptr (KitServer) server = kit_server_new (&config, tt_wait_for_client, NULL);
      g_autoptr (GError) error = NULL;
      Stack stack;

      g_assert_cmpint (tt_open_session (&stack, server, tt_backend, NULL, &error), ==, VEREDA_IO_ERROR);
      g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_HANDSHAKE);
      tt_close (&stack);
    }
}

/* --- peers that do not speak TLS --- */

typedef struct
{
  const char *name;
  const char *said; /* NULL: the end at once */
  gboolean by_octet;
  gboolean then_end;
  VeredaTransportError expected;
  const char *shown; /* part of the message */
} Alien;

static const Alien aliens[] = {
  { "clear-greeting", "220 hello\r\n", FALSE, FALSE, VEREDA_TRANSPORT_ERROR_PROTOCOL, "\"220 hello\"" },
  { "clear-greeting-octets", "220 hello\r\n", TRUE, FALSE, VEREDA_TRANSPORT_ERROR_PROTOCOL, "does not speak TLS" },
  { "clear-greeting-end", "220 hello\r\n", FALSE, TRUE, VEREDA_TRANSPORT_ERROR_PROTOCOL, "\"220 hello\"" },
  { "clear-one-octet-end", "5", FALSE, TRUE, VEREDA_TRANSPORT_ERROR_PROTOCOL, "\"5\"" },
  { "clear-control-characters", "\x1b[2Jx\"\x9b\r\n", FALSE, FALSE, VEREDA_TRANSPORT_ERROR_PROTOCOL, "\"\\x1b[2Jx\\\"\\x9b\"" },
  { "handshake-record-of-nothing", "\x16HELLO", FALSE, FALSE, VEREDA_TRANSPORT_ERROR_PROTOCOL, "does not speak TLS" },
  { "nothing", NULL, FALSE, TRUE, VEREDA_TRANSPORT_ERROR_TRUNCATED, "closed the connection during the TLS handshake" },
  { "half-a-record", "\x16\x03\x03\x01", FALSE, TRUE, VEREDA_TRANSPORT_ERROR_TRUNCATED,
    "closed the connection during the TLS handshake" },
  { "garbage-in-a-record", "\x16\x03\x03\x7f\xff\x02zzzzzzzzzzzzzzzzzzzz", FALSE, FALSE, VEREDA_TRANSPORT_ERROR_PROTOCOL,
    "TLS handshake: " },
  { "garbage-in-a-handshake",
    "\x16\x03\x03\x01\x01"
    "\x63\x01\x01\x01zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
    "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
    "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
    "zzzzzzzzzzzzzzzzzzzzzzzzzzzz",
    FALSE, TRUE, VEREDA_TRANSPORT_ERROR_PROTOCOL, "TLS handshake: " },
};

static void
speak_alien (KitConn *conn, gpointer data)
{
  const Alien *alien = data;

  if (alien->said != NULL)
    for (size_t i = 0, step = alien->by_octet ? 1 : strlen (alien->said); i < strlen (alien->said); i += step)
      {
        kit_conn_write_raw (conn, alien->said + i, step);
        if (alien->by_octet)
          g_usleep (1000);
      }
  if (alien->then_end)
    shutdown (conn->fd, SHUT_WR);
  tt_wait_for_client (conn, NULL);
}

static void
test_alien (gconstpointer data)
{
  const Alien *alien = data;
  KitServerConfig config = { 0 };
  g_autoptr (KitServer) server = kit_server_new (&config, speak_alien, (gpointer) alien);
  g_autoptr (GError) error = NULL;
  Stack stack;

  g_assert_cmpint (tt_open_session (&stack, server, tt_backend, NULL, &error), ==, VEREDA_IO_ERROR);
  g_assert_error (error, VEREDA_TRANSPORT_ERROR, (int) alien->expected);
  if (strstr (error->message, alien->shown) == NULL)
    g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, alien->shown));
  tt_assert_sticky (stack.top, error);
  tt_close (&stack);
}

/* --- endings --- */

static void
say_and (KitConn *conn, gpointer data)
{
  struct linger now = { .l_onoff = 1, .l_linger = 0 };

  kit_conn_say (conn, "221 2.0.0 Bye\r\n");
  if (g_str_equal (data, "goodbye"))
    {
      kit_conn_goodbye (conn);
      tt_wait_for_client (conn, NULL);
    }
  if (g_str_equal (data, "reset"))
    setsockopt (conn->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static void
test_ending (gconstpointer data)
{
  KitServerConfig config = { .cert = tt_cert ("good", ".pem") };
  g_autoptr (KitServer) server = kit_server_new (&config, say_and, (gpointer) data);
  g_autoptr (GByteArray) heard = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  int code = g_str_equal (data, "cut") ? VEREDA_TRANSPORT_ERROR_TRUNCATED : VEREDA_TRANSPORT_ERROR_IO;
  VeredaIo io;
  Stack stack;

  g_assert_cmpint (tt_open_session (&stack, server, tt_backend, NULL, &error), ==, VEREDA_IO_DONE);
  io = tt_read_all (&stack, heard, &error);
  if (g_str_equal (data, "goodbye"))
    {
      g_assert_cmpint (io, ==, VEREDA_IO_EOF);
      g_assert_no_error (error);
      g_assert_cmpint (tt_read_all (&stack, heard, &error), ==, VEREDA_IO_EOF);
      g_assert_cmpint (tt_shutdown (&stack, &error), ==, VEREDA_IO_DONE);
    }
  else
    {
      g_assert_cmpint (io, ==, VEREDA_IO_ERROR);
      g_assert_error (error, VEREDA_TRANSPORT_ERROR, code);
      tt_assert_sticky (stack.top, error);
    }
  if (!g_str_equal (data, "reset")) /* a reset may overtake the data */
    assert_octets (heard->data, heard->len, "221 2.0.0 Bye\r\n", 15);
  tt_close (&stack);
}

/* Writing to a peer that has reset the connection is an error, and not the death of the process by SIGPIPE. */
static void
test_sigpipe (gconstpointer data)
{
  KitServerConfig config = { .cert = tt_cert ("good", ".pem") };
  g_autoptr (KitServer) server = kit_server_new (&config, say_and, (gpointer) "reset");
  g_autofree char *much = g_malloc0 (1 << 20);
  g_autoptr (GError) error = NULL;
  Stack stack;

  (void) data;
  g_assert_cmpint (tt_open_session (&stack, server, tt_backend, NULL, &error), ==, VEREDA_IO_DONE);
  while (tt_write_all (&stack, much, 1 << 20, &error) == VEREDA_IO_DONE)
    ;
  g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_IO);
  tt_assert_sticky (stack.top, error);
  tt_close (&stack);
}

/* --- size --- */

#define BIG (8u << 20)

/* The server hears all, then says the same back. */
static void
mirror (KitConn *conn, gpointer data)
{
  g_autofree char *all = g_malloc (BIG);
  size_t got = 0;

  (void) data;
  while (got < BIG)
    {
      gssize n = kit_conn_read (conn, all + got, BIG - got);

      if (n <= 0)
        return;
      got += (size_t) n;
      if (SSL_version (conn->ssl) == TLS1_3_VERSION && got % (2u << 20) == 0)
        SSL_key_update (conn->ssl, SSL_KEY_UPDATE_REQUESTED);
    }
  if (kit_conn_write (conn, all, BIG))
    kit_conn_goodbye (conn);
  tt_wait_for_client (conn, NULL);
}

static void
test_big (gconstpointer data)
{
  int version = GPOINTER_TO_INT (data);
  KitServerConfig config = { .cert = tt_cert ("good-ecdsa", ".pem"), .min_version = version, .max_version = version };
  g_autoptr (KitServer) server = kit_server_new (&config, mirror, NULL);
  g_autoptr (GByteArray) heard = g_byte_array_new ();
  g_autofree guint8 *sent = g_malloc (BIG);
  g_autoptr (GError) error = NULL;
  Stack stack;

  for (guint32 i = 0, x = 1; i < BIG; i++, x = x * 1664525u + 1013904223u)
    sent[i] = (guint8) (x >> 24);
  g_assert_cmpint (tt_open_session (&stack, server, tt_backend, NULL, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpint (tt_write_all (&stack, sent, BIG, &error), ==, VEREDA_IO_DONE);
  g_assert_no_error (error);
  g_assert_cmpint (tt_read_all (&stack, heard, &error), ==, VEREDA_IO_EOF);
  g_assert_no_error (error);
  g_assert_cmpuint (heard->len, ==, BIG);
  g_assert_true (memcmp (heard->data, sent, BIG) == 0);
  tt_close (&stack);
}

/* --- STARTTLS: the same plugin, later --- */

static void
starttls (KitConn *conn, gpointer data)
{
  g_autofree char *line = NULL;
  g_autofree char *inside = NULL;

  (void) data;
  kit_conn_say (conn, "220 mail.example.test ESMTP\r\n");
  line = kit_conn_read_line (conn);
  if (g_strcmp0 (line, "STARTTLS") != 0)
    return;
  kit_conn_say (conn, "220 2.0.0 Go ahead\r\n");
  if (!kit_conn_start_tls (conn))
    return;
  inside = kit_conn_read_line (conn);
  if (g_strcmp0 (inside, "EHLO client.example.test") == 0)
    kit_conn_say (conn, "250 inside\r\n");
  kit_conn_goodbye (conn);
  tt_wait_for_client (conn, NULL);
}

static void
expect_text (Stack *stack, const char *text)
{
  g_autoptr (GError) error = NULL;
  char buf[128];

  for (size_t got = 0, n = 0; got < strlen (text); got += n)
    {
      g_assert_cmpint (tt_read (stack, buf, MIN (sizeof buf, strlen (text) - got), &n, &error), ==, VEREDA_IO_DONE);
      assert_octets (buf, n, text + got, n);
    }
}

static void
test_starttls (gconstpointer data)
{
  KitServerConfig config = { .cert = tt_cert ("good", ".pem"), .late = TRUE };
  g_autoptr (KitServer) server = kit_server_new (&config, starttls, NULL);
  VeredaTlsSettings settings = tt_settings (HOST);
  g_autoptr (GError) error = NULL;
  Stack stack;

  (void) data;
  tt_connect (&stack, kit_server_get_port (server));
  expect_text (&stack, "220 mail.example.test ESMTP\r\n");
  g_assert_cmpint (tt_write_all (&stack, "STARTTLS\r\n", 10, &error), ==, VEREDA_IO_DONE);
  expect_text (&stack, "220 2.0.0 Go ahead\r\n");
  g_assert_true (tt_wrap (&stack, tt_backend, &settings, &error));
  g_assert_cmpint (tt_handshake (&stack, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpint (tt_write_all (&stack, "EHLO client.example.test\r\n", 26, &error), ==, VEREDA_IO_DONE);
  expect_text (&stack, "250 inside\r\n");
  tt_close (&stack);
}

/* --- a layer on a layer of the same kind: whatever stands below is only a layer --- */

static void
proxy_then_echo (KitConn *conn, gpointer data)
{
  /* The inner session is fed through memory; the outer one is the connection's. */
  SSL *inner = SSL_new (conn->ctx);
  BIO *in = BIO_new (BIO_s_mem ()), *out = BIO_new (BIO_s_mem ());
  char buf[4096];
  gssize n;
  int got;

  (void) data;
  BIO_set_mem_eof_return (in, -1);
  SSL_set_bio (inner, in, out);
  SSL_set_accept_state (inner);
  while ((n = kit_conn_read (conn, buf, sizeof buf)) > 0)
    {
      BIO_write (in, buf, (int) n);
      if (SSL_is_init_finished (inner) || SSL_do_handshake (inner) == 1)
        while ((got = SSL_read (inner, buf, sizeof buf)) > 0)
          SSL_write (inner, buf, got);
      while ((got = BIO_read (out, buf, sizeof buf)) > 0)
        if (!kit_conn_write (conn, buf, (size_t) got))
          break;
    }
  SSL_free (inner);
}

static void
test_tls_in_tls (gconstpointer data)
{
  KitServerConfig config = { .cert = tt_cert ("good", ".pem") };
  g_autoptr (KitServer) server = kit_server_new (&config, proxy_then_echo, NULL);
  const char *other = g_str_equal (tt_backend, "gnutls") ? "openssl" : "gnutls";
  VeredaTlsSettings settings = tt_settings (HOST);
  g_autoptr (GError) error = NULL;
  Stack stack;

  (void) data;
  if (tt_transport (other) == NULL)
    other = tt_backend;
  g_assert_cmpint (tt_open_session (&stack, server, other, NULL, &error), ==, VEREDA_IO_DONE);
  g_assert_true (tt_wrap (&stack, tt_backend, &settings, &error));
  g_assert_cmpint (tt_handshake (&stack, &error), ==, VEREDA_IO_DONE);
  g_assert_no_error (error);
  g_assert_cmpint (tt_write_all (&stack, "both libraries at once", 22, &error), ==, VEREDA_IO_DONE);
  expect_text (&stack, "both libraries at once");
  tt_close (&stack);
}

void
tt_add_socket_tests (void)
{
  tt_add ("TLS-1-version-1.1", test_old_version, NULL);
  tt_add ("TLS-1-min-version", test_min_version, NULL);
  tt_add ("TLS-1-bad-ciphers", test_bad_ciphers, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (aliens); i++)
    tt_add (aliens[i].name, test_alien, &aliens[i]);
  tt_add ("TLS-12-goodbye", test_ending, "goodbye");
  tt_add ("TLS-12-truncated", test_ending, "cut");
  tt_add ("TLS-12-reset", test_ending, "reset");
  tt_add ("no-sigpipe", test_sigpipe, NULL);
  tt_add ("big-1.2", test_big, GINT_TO_POINTER (TLS1_2_VERSION));
  tt_add ("big-1.3", test_big, GINT_TO_POINTER (TLS1_3_VERSION));
  tt_add ("STL-starttls", test_starttls, NULL);
  tt_add ("tls-in-tls", test_tls_in_tls, NULL);
}
