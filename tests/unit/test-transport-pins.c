/* SPDX-License-Identifier: MIT */
/*
 * Keys known beforehand: pins, and TLSA records by RFC 7672; and the facts that came with them.  One table for both libraries, so
 * they agree.  What is hashed is taken from the certificates by OpenSSL, not by the code under test.
 */
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <string.h>

#include "test-transport.h"

#define ELSEWHERE "www.example.test"

typedef struct
{
  const char *name;
  const char *cert;              /* the server's */
  const char *peer;              /* the name it is called by */
  const char *trust;             /* root that is trusted */
  const char *record;            /* the certificate that pin or record are made of */
  int usage, selector, matching; /* usage -1: a pin; 256 + n: spoilt, of usage n */
  VeredaVerify verify;
  int depth; /* of what is wrong */
} Case;

static const Case cases[] = {
  { "pin", "good", HOST, "root", "good", -1, 0, 0, VEREDA_VERIFY_OK, 0 },
  { "pin-replaces-roots", "good", HOST, "unknown-root", "good", -1, 0, 0, VEREDA_VERIFY_OK, 0 },
  { "pin-replaces-name", "good", ELSEWHERE, "root", "good", -1, 0, 0, VEREDA_VERIFY_OK, 0 },
  { "pin-replaces-dates", "expired", HOST, "root", "expired", -1, 0, 0, VEREDA_VERIFY_OK, 0 },
  { "pin-self-signed", "self-signed", HOST, "root", "self-signed", -1, 0, 0, VEREDA_VERIFY_OK, 0 },
  { "pin-ed25519", "good-ed25519", HOST, "root", "good-ed25519", -1, 0, 0, VEREDA_VERIFY_OK, 0 },
  { "pin-other", "good", HOST, "root", "good-ecdsa", -1, 0, 0, VEREDA_VERIFY_PIN_MISMATCH, 0 },
  { "pin-of-the-issuer", "good-via-intermediate", HOST, "root", "intermediate", -1, 0, 0, VEREDA_VERIFY_PIN_MISMATCH, 0 },
  { "dane-3-1-1", "good", HOST, "unknown-root", "good", 3, 1, 1, VEREDA_VERIFY_OK, 0 },
  { "dane-3-1-2", "good", HOST, "unknown-root", "good", 3, 1, 2, VEREDA_VERIFY_OK, 0 },
  { "dane-3-1-0", "good", HOST, "unknown-root", "good", 3, 1, 0, VEREDA_VERIFY_OK, 0 },
  { "dane-3-0-1", "good-ecdsa", HOST, "unknown-root", "good-ecdsa", 3, 0, 1, VEREDA_VERIFY_OK, 0 },
  { "dane-3-0-0", "good", HOST, "unknown-root", "good", 3, 0, 0, VEREDA_VERIFY_OK, 0 },
  { "dane-3-1-1-wrong-host", "good", ELSEWHERE, "root", "good", 3, 1, 1, VEREDA_VERIFY_OK, 0 },
  { "dane-3-1-1-expired", "expired", HOST, "root", "expired", 3, 1, 1, VEREDA_VERIFY_OK, 0 },
  { "dane-3-1-1-other", "good", HOST, "root", "good-ecdsa", 3, 1, 1, VEREDA_VERIFY_DANE_MISMATCH, 0 },
  { "dane-2-1-1", "good-via-intermediate", HOST, "unknown-root", "intermediate", 2, 1, 1, VEREDA_VERIFY_OK, 0 },
  { "dane-2-0-2", "good-via-intermediate", HOST, "unknown-root", "intermediate", 2, 0, 2, VEREDA_VERIFY_OK, 0 },
  { "dane-2-0-0-not-sent", "good", HOST, "unknown-root", "root", 2, 0, 0, VEREDA_VERIFY_OK, 0 },
  { "dane-2-0-1-not-sent", "good", HOST, "root", "root", 2, 0, 1, VEREDA_VERIFY_DANE_MISMATCH, 0 },
  { "dane-2-1-1-wrong-host", "good-via-intermediate", ELSEWHERE, "root", "intermediate", 2, 1, 1, VEREDA_VERIFY_NAME_MISMATCH,
    0 },
  { "dane-2-0-0-expired", "expired", HOST, "unknown-root", "root", 2, 0, 0, VEREDA_VERIFY_EXPIRED, 0 },
  { "dane-2-0-0-another", "good", HOST, "root", "unknown-root", 2, 0, 0, VEREDA_VERIFY_UNKNOWN_ISSUER, 0 },
  { "dane-0-is-as-none", "good", HOST, "root", "good-ecdsa", 0, 1, 1, VEREDA_VERIFY_OK, 0 },
  { "dane-1-is-as-none", "good", HOST, "unknown-root", "good", 1, 1, 1, VEREDA_VERIFY_UNKNOWN_ISSUER, 0 },
  { "dane-3-1-9-is-as-none", "good", HOST, "root", "good-ecdsa", 3, 1, 9, VEREDA_VERIFY_OK, 0 },
  { "dane-3-7-1-is-as-none", "good", HOST, "unknown-root", "good", 3, 7, 1, VEREDA_VERIFY_UNKNOWN_ISSUER, 0 },
  { "dane-cut-is-as-none", "good", HOST, "unknown-root", "good", 256 + 3, 1, 1, VEREDA_VERIFY_UNKNOWN_ISSUER, 0 },
};

/* The octets a record of this selector and matching type has. */
static GBytes *
association (const char *cert_name, int selector, int matching)
{
  FILE *in = fopen (tt_cert (cert_name, ".pem"), "r");
  X509 *cert = PEM_read_X509 (in, NULL, NULL, NULL);
  unsigned char *der = NULL, hash[64];
  int size = selector == 0 ? i2d_X509 (cert, &der) : i2d_X509_PUBKEY (X509_get_X509_PUBKEY (cert), &der);
  GBytes *bytes;

  g_assert_cmpint (size, >, 0);
  if (matching == 2)
    bytes = g_bytes_new (SHA512 (der, (size_t) size, hash), 64);
  else if (matching == 0)
    bytes = g_bytes_new (der, (gsize) size);
  else
    bytes = g_bytes_new (SHA256 (der, (size_t) size, hash), 32);
  OPENSSL_free (der);
  X509_free (cert);
  fclose (in);
  return bytes;
}

static void
test_case (gconstpointer data)
{
  static const guint8 wrong[64];
  const Case *c = data;
  KitServerConfig config = { .cert = tt_cert (c->cert, ".pem") };
  g_autoptr (KitServer) server = kit_server_new (&config, tt_wait_for_client, NULL);
  g_autoptr (GBytes) octets = association (c->record, c->usage < 0 ? 1 : c->selector, c->usage < 0 ? 1 : c->matching);
  VeredaSpan span = { g_bytes_get_data (octets, NULL), g_bytes_get_size (octets) - (c->usage >= 256) };
  VeredaSpan pins[] = { { wrong, 32 }, span };
  /* An unusable record stands before each, and a wrong one behind the usable ones. */
  VeredaTlsa records[] = { { 9, 9, 9, { wrong, 3 } },
                           { (uint8_t) (c->usage & 255), (uint8_t) c->selector, (uint8_t) c->matching, span },
                           { 3, 1, 2, { wrong, 64 } } };
  gboolean as_none = g_str_has_suffix (c->name, "as-none");
  VeredaFactValue value;

  for (int insecure = 0; insecure < 2; insecure++)
    {
      VeredaTlsSettings settings = tt_settings (c->peer);
      g_autoptr (GError) error = NULL;
      Stack stack;
      VeredaIo io;

      settings.trust_file = tt_cert (c->trust, ".pem");
      settings.insecure_skip_verify = insecure;
      if (c->usage < 0)
        settings.pins = pins, settings.n_pins = G_N_ELEMENTS (pins);
      else
        settings.tlsa = records, settings.n_tlsa = as_none ? 2 : 3;
      io = tt_open_session (&stack, server, tt_backend, &settings, &error);
      if (c->verify == VEREDA_VERIFY_OK)
        g_assert_no_error (error);
      g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_VERIFY), ==, c->verify);
      g_assert_cmpint (io, ==, c->verify == VEREDA_VERIFY_OK || insecure ? VEREDA_IO_DONE : VEREDA_IO_ERROR);
      g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_PEER_VERIFIED), ==, c->verify == VEREDA_VERIFY_OK);
      if (io != VEREDA_IO_DONE)
        {
          g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_CERTIFICATE);
          g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_VERIFY_DEPTH), ==, c->depth);
        }
      if (c->usage < 0)
        {
          g_assert_cmpint (stack.top->ops->fact (stack.top, VEREDA_FACT_PIN, &value), ==, c->verify == VEREDA_VERIFY_OK);
          g_assert_cmpint (c->verify == VEREDA_VERIFY_OK ? value.num : 1, ==, 1);
        }
      else if (c->verify == VEREDA_VERIFY_OK && !as_none)
        g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_TLSA), ==, 1);
      else if (as_none)
        g_assert_false (stack.top->ops->fact (stack.top, VEREDA_FACT_TLSA, &value));
      tt_close (&stack);
    }
}

static void
test_pin_size (gconstpointer data)
{
  static const guint8 octets[32];
  VeredaSpan pin = { octets, 31 };
  KitServerConfig config = { .cert = tt_cert ("good", ".pem") };
  g_autoptr (KitServer) server = kit_server_new (&config, tt_wait_for_client, NULL);
  VeredaTlsSettings settings = tt_settings (HOST);
  g_autoptr (GError) error = NULL;
  Stack stack;

  (void) data;
  settings.pins = &pin;
  settings.n_pins = 1;
  tt_connect (&stack, kit_server_get_port (server));
  g_assert_false (tt_wrap (&stack, tt_backend, &settings, &error));
  g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_SETTINGS);
  tt_close (&stack);
}

/* --- facts --- */

typedef struct
{
  const char *name, *cert, *peer, *matched;
  int version;
  const char *signature;
} Told;

static const Told told[] = {
  { "told-rsa", "good", HOST, "DNS:" HOST, TLS1_3_VERSION, "rsa_pss_rsae_sha256" },
  { "told-rsa-1.2", "good", HOST, "DNS:" HOST, TLS1_2_VERSION, "rsa_pkcs1_sha256|rsa_pss_rsae_sha256" },
  { "told-ecdsa", "good-ecdsa", HOST, "DNS:" HOST, TLS1_3_VERSION, "ecdsa_secp256r1_sha256" },
  { "told-ecdsa-1.2", "good-ecdsa", HOST, "DNS:" HOST, TLS1_2_VERSION, "ecdsa_secp256r1_sha256" },
  { "told-ed25519", "good-ed25519", HOST, "DNS:" HOST, TLS1_3_VERSION, "ed25519" },
  { "told-wildcard", "wildcard", HOST, "DNS:*.example.test", TLS1_3_VERSION, "" },
  { "told-address", "good", "127.0.0.1", "IP:127.0.0.1", TLS1_3_VERSION, "" },
  { "told-address-6", "good", "0:0:0:0:0:0:0:1", "IP:::1", TLS1_3_VERSION, "" },
  { "told-no-name", "good", ELSEWHERE, NULL, TLS1_3_VERSION, "" },
  { "told-though-expired", "expired", HOST, "DNS:" HOST, TLS1_3_VERSION, "" },
};

static void
test_told (gconstpointer data)
{
  const Told *t = data;
  KitServerConfig config = { .cert = tt_cert (t->cert, ".pem"), .min_version = t->version, .max_version = t->version };
  g_autoptr (KitServer) server = kit_server_new (&config, tt_wait_for_client, NULL);
  VeredaTlsSettings settings = tt_settings (t->peer);
  gboolean literal = g_str_has_prefix (t->name, "told-address");
  g_autoptr (GError) error = NULL;
  VeredaFactValue value;
  Stack stack;

  settings.insecure_skip_verify = TRUE;
  g_assert_cmpint (tt_open_session (&stack, server, tt_backend, &settings, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpint (stack.top->ops->fact (stack.top, VEREDA_FACT_MATCHED_NAME, &value), ==, t->matched != NULL);
  if (t->matched != NULL)
    g_assert_cmpstr (value.str, ==, t->matched);
  if (t->signature[0] != '\0')
    {
      /* The libraries' order of what they take is not the same in TLS 1.2: GnuTLS' word, then OpenSSL's. */
      g_auto (GStrv) words = g_strsplit (t->signature, "|", 2);
      const char *word = words[1] != NULL && g_str_equal (tt_backend, "openssl") ? words[1] : words[0];

      g_assert_cmpstr (tt_string (stack.top, VEREDA_FACT_SIGNATURE), ==, word);
    }
  g_assert_cmpint (stack.top->ops->fact (stack.top, VEREDA_FACT_SNI, &value), ==, !literal);
  if (!literal)
    g_assert_cmpstr (value.str, ==, t->peer);
  g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_HANDSHAKE_IN), >, 500);
  g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_HANDSHAKE_OUT), >, 200);
  g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_CLIENT_ASKED), ==, 0);
  g_assert_false (stack.top->ops->fact (stack.top, VEREDA_FACT_CLIENT_ISSUERS, &value));
  g_assert_false (stack.top->ops->fact (stack.top, VEREDA_FACT_CLEAR_ANSWER, &value));
  tt_close (&stack);
}

static void
test_client_asked (gconstpointer data)
{
  int version = GPOINTER_TO_INT (data);
  KitServerConfig config = {
    .cert = tt_cert ("good", ".pem"), .min_version = version, .max_version = version, .client_ca = tt_cert ("root", ".pem")
  };
  g_autoptr (KitServer) server = kit_server_new (&config, tt_wait_for_client, NULL);
  FILE *in = fopen (tt_cert ("root", ".pem"), "r");
  X509 *root = PEM_read_X509 (in, NULL, NULL, NULL);
  g_autoptr (GByteArray) expected = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  unsigned char *der = NULL;
  int size = i2d_X509_NAME (X509_get_subject_name (root), &der);
  guint32 length = GUINT32_TO_BE ((guint32) size);
  VeredaFactValue value = { 0 };
  Stack stack;

  g_byte_array_append (expected, (const guint8 *) &length, 4);
  g_byte_array_append (expected, der, (guint) size);
  g_assert_cmpint (tt_open_session (&stack, server, tt_backend, NULL, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_CLIENT_ASKED), ==, 1);
  g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_CLIENT_CERT), ==, 0);
  g_assert_true (stack.top->ops->fact (stack.top, VEREDA_FACT_CLIENT_ISSUERS, &value));
  assert_octets (g_bytes_get_data (value.bytes, NULL), g_bytes_get_size (value.bytes), expected->data, expected->len);
  g_bytes_unref (value.bytes);
  OPENSSL_free (der);
  X509_free (root);
  fclose (in);
  tt_close (&stack);
}

static void
say_in_clear (KitConn *conn, gpointer data)
{
  kit_conn_write_raw (conn, "220 mail ESMTP\r\n", 16);
  tt_wait_for_client (conn, data);
}

static void
test_clear_answer (gconstpointer data)
{
  KitServerConfig config = { 0 };
  g_autoptr (KitServer) server = kit_server_new (&config, say_in_clear, NULL);
  g_autoptr (GError) error = NULL;
  VeredaFactValue value = { 0 };
  Stack stack;

  (void) data;
  g_assert_cmpint (tt_open_session (&stack, server, tt_backend, NULL, &error), ==, VEREDA_IO_ERROR);
  g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_PROTOCOL);
  g_assert_true (stack.top->ops->fact (stack.top, VEREDA_FACT_CLEAR_ANSWER, &value));
  assert_octets (g_bytes_get_data (value.bytes, NULL), g_bytes_get_size (value.bytes), "220 mail ESMTP\r\n", 16);
  g_bytes_unref (value.bytes);
  tt_close (&stack);
}

void
tt_add_pin_tests (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    tt_add (cases[i].name, test_case, &cases[i]);
  tt_add ("pin-size", test_pin_size, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (told); i++)
    tt_add (told[i].name, test_told, &told[i]);
  tt_add ("told-client-asked-1.2", test_client_asked, GINT_TO_POINTER (TLS1_2_VERSION));
  tt_add ("told-client-asked-1.3", test_client_asked, GINT_TO_POINTER (TLS1_3_VERSION));
  tt_add ("told-clear-answer", test_clear_answer, NULL);
}
