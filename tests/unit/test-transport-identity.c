/* SPDX-License-Identifier: MIT */
/*
 * The server's identity: every certificate of the kit, under TLS 1.2 and 1.3.  The table is the contract; both back ends are held
 * to the same one.
 */
#include "test-transport.h"

#include <openssl/pem.h>
#include <string.h>

typedef struct
{
  const char *test;
  const char *cert;
  const char *name;
  const char *trust; /* NULL for the root */
  VeredaVerify expected;
} Identity;

static const Identity identities[] = {
  { "TLS-2-good", "good", HOST, NULL, VEREDA_VERIFY_OK },
  { "TLS-2-good-ecdsa", "good-ecdsa", HOST, NULL, VEREDA_VERIFY_OK },
  { "TLS-2-good-ed25519", "good-ed25519", HOST, "unknown-root", VEREDA_VERIFY_OK },
  { "TLS-2-second-name", "good", "localhost", NULL, VEREDA_VERIFY_OK },
  { "TLS-5-final-dot", "good", HOST ".", NULL, VEREDA_VERIFY_OK },
  { "TLS-5-case", "upper-case", HOST, NULL, VEREDA_VERIFY_OK },
  { "TLS-5-case-of-reference", "good", "Mail.EXAMPLE.test", NULL, VEREDA_VERIFY_OK },
  { "TLS-2-via-intermediate", "good-via-intermediate", HOST, NULL, VEREDA_VERIFY_OK },
  { "TLS-2-misordered-chain", "misordered-chain", HOST, NULL, VEREDA_VERIFY_OK },
  { "TLS-15-missing-intermediate", "missing-intermediate", HOST, NULL, VEREDA_VERIFY_UNKNOWN_ISSUER },
  { "TLS-10-intermediate-trusted", "missing-intermediate", HOST, "intermediate", VEREDA_VERIFY_OK },
  { "TLS-10-leaf-trusted", "good", HOST, "good", VEREDA_VERIFY_OK },
  { "TLS-10-leaf-trusted-wrong-host", "good", "www.example.test", "good", VEREDA_VERIFY_NAME_MISMATCH },
  { "TLS-10-leaf-trusted-expired", "expired", HOST, "expired", VEREDA_VERIFY_EXPIRED },
  { "TLS-10-leaf-trusted-purpose", "client-auth-only", HOST, "client-auth-only", VEREDA_VERIFY_PURPOSE },
  { "TLS-10-leaf-trusted-weak", "rsa1024", HOST, "rsa1024", VEREDA_VERIFY_WEAK },
  { "TLS-10-self-signed-trusted", "self-signed", HOST, "self-signed", VEREDA_VERIFY_OK },
  { "TLS-15-expired", "expired", HOST, NULL, VEREDA_VERIFY_EXPIRED },
  { "TLS-15-not-yet-valid", "not-yet-valid", HOST, NULL, VEREDA_VERIFY_NOT_YET_VALID },
  { "TLS-15-self-signed", "self-signed", HOST, NULL, VEREDA_VERIFY_SELF_SIGNED },
  { "TLS-15-self-signed-wrong-host", "self-signed", "www.example.test", NULL, VEREDA_VERIFY_SELF_SIGNED },
  { "TLS-15-wrong-host", "wrong-host", HOST, NULL, VEREDA_VERIFY_NAME_MISMATCH },
  { "TLS-2-path-before-name", "wrong-host-expired", HOST, NULL, VEREDA_VERIFY_EXPIRED },
  { "TLS-6-cn-only", "cn-only", HOST, NULL, VEREDA_VERIFY_NAME_MISMATCH },
  { "TLS-6-cn-right-san-wrong", "cn-right-san-wrong", HOST, NULL, VEREDA_VERIFY_NAME_MISMATCH },
  { "TLS-6-cn-right-san-ip", "cn-right-san-ip", HOST, NULL, VEREDA_VERIFY_NAME_MISMATCH },
  { "TLS-7-partial-wildcard", "partial-wildcard", HOST, NULL, VEREDA_VERIFY_NAME_MISMATCH },
  { "TLS-7-wildcard", "wildcard", HOST, NULL, VEREDA_VERIFY_OK },
  { "TLS-7-wildcard-is-not-the-domain", "wildcard", "example.test", NULL, VEREDA_VERIFY_NAME_MISMATCH },
  { "TLS-7-wildcard-is-one-label", "wildcard", "a.mail.example.test", NULL, VEREDA_VERIFY_NAME_MISMATCH },
  { "TLS-7-wildcard-inside", "wildcard-inner", HOST, NULL, VEREDA_VERIFY_NAME_MISMATCH },
  { "TLS-7-wildcard-top", "wildcard-top", "example.test", NULL, VEREDA_VERIFY_NAME_MISMATCH },
  { "TLS-8-ip", "good", "127.0.0.1", NULL, VEREDA_VERIFY_OK },
  { "TLS-8-ip6", "good", "::1", NULL, VEREDA_VERIFY_OK },
  { "TLS-8-ip6-long-form", "good", "0:0:0:0:0:0:0:1", NULL, VEREDA_VERIFY_OK },
  { "TLS-8-ip-san-only", "ip-san-only", "127.0.0.1", NULL, VEREDA_VERIFY_OK },
  { "TLS-8-ip-san-only-by-name", "ip-san-only", HOST, NULL, VEREDA_VERIFY_NAME_MISMATCH },
  { "TLS-8-other-ip", "good", "192.0.2.1", NULL, VEREDA_VERIFY_NAME_MISMATCH },
  { "TLS-8-ip-as-dns-name", "ip-as-dns", "127.0.0.1", NULL, VEREDA_VERIFY_NAME_MISMATCH },
  { "TLS-2-other-root", "other-root", HOST, NULL, VEREDA_VERIFY_UNKNOWN_ISSUER },
  { "TLS-2-other-root-sent", "other-root-sent", HOST, NULL, VEREDA_VERIFY_UNKNOWN_ISSUER },
  { "TLS-1-rsa1024", "rsa1024", HOST, NULL, VEREDA_VERIFY_WEAK },
  { "TLS-1-sha1", "sha1-signed", HOST, NULL, VEREDA_VERIFY_WEAK },
  { "TLS-2-client-certificate-as-server", "client-auth-only", HOST, NULL, VEREDA_VERIFY_PURPOSE },
  { "TLS-2-issuer-is-no-ca", "non-ca-issuer", HOST, NULL, VEREDA_VERIFY_PURPOSE },
  { "TLS-2-name-constraint", "name-constraint", HOST, NULL, VEREDA_VERIFY_PURPOSE },
  { "TLS-3-no-name-to-check", "good", NULL, NULL, VEREDA_VERIFY_NAME_MISMATCH },
};

static void
echo (KitConn *conn, gpointer data)
{
  char buf[256];
  gssize n;

  (void) data;
  while ((n = kit_conn_read (conn, buf, sizeof buf)) > 0)
    kit_conn_write (conn, buf, (size_t) n);
  kit_conn_goodbye (conn);
}

/* The session works: a line goes and comes back, and both sides say goodbye. */
static void
check_echo (Stack *stack)
{
  g_autoptr (GByteArray) heard = g_byte_array_new ();
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (tt_write_all (stack, "NOOP\r\n", 6, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpint (tt_shutdown (stack, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpint (tt_read_all (stack, heard, &error), ==, VEREDA_IO_EOF);
  g_assert_no_error (error);
  assert_octets (heard->data, heard->len, "NOOP\r\n", 6);
}

/* The first certificate of the chain, and their number, are what the server was given. */
static void
check_chain (VeredaLayer *layer, const char *cert)
{
  FILE *f = fopen (tt_cert (cert, ".pem"), "r");
  VeredaFactValue value = { 0 };
  const guint8 *at;
  gsize left = 0;

  g_assert_nonnull (f);
  g_assert_true (layer->ops->fact (layer, VEREDA_FACT_PEER_CHAIN, &value));
  at = g_bytes_get_data (value.bytes, &left);
  for (X509 *x; (x = PEM_read_X509 (f, NULL, NULL, NULL)) != NULL; X509_free (x))
    {
      unsigned char *der = NULL;
      int size = i2d_X509 (x, &der);
      guint32 length;

      g_assert_cmpuint (left, >=, sizeof length);
      memcpy (&length, at, sizeof length);
      g_assert_cmpuint (left - sizeof length, >=, GUINT32_FROM_BE (length));
      assert_octets (at + sizeof length, GUINT32_FROM_BE (length), der, (size_t) size);
      at += sizeof length + (size_t) size;
      left -= sizeof length + (size_t) size;
      OPENSSL_free (der);
    }
  g_assert_cmpuint (left, ==, 0);
  g_bytes_unref (value.bytes);
  fclose (f);
}

/* What was agreed before the certificate came can be told beside the verdict. */
static void
check_agreed (VeredaLayer *layer, int version)
{
  VeredaFactValue value;

  g_assert_cmpint (tt_number (layer, VEREDA_FACT_TLS_VERSION), ==, version);
  if (version
      >= TLS1_3_VERSION) /* else the certificate comes before the key exchange, and GnuTLS does not tell the suite either */
    {
      g_assert_true (g_str_has_prefix (tt_string (layer, VEREDA_FACT_CIPHER), "TLS_"));
      g_assert_cmpint (tt_number (layer, VEREDA_FACT_KEY_BITS), >=, 128);
      g_assert_nonnull (tt_string (layer, VEREDA_FACT_GROUP));
    }
  g_assert_false (layer->ops->fact (layer, VEREDA_FACT_SESSION, &value));
}

static void
check_refused (Stack *stack, const Identity *id, int version)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (tt_handshake (stack, &error), ==, VEREDA_IO_ERROR);
  g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_CERTIFICATE);
  if (tt_number (stack->top, VEREDA_FACT_VERIFY) != id->expected)
    g_test_message ("%s", error->message);
  g_assert_cmpint (tt_number (stack->top, VEREDA_FACT_VERIFY), ==, id->expected);
  g_assert_cmpint (tt_number (stack->top, VEREDA_FACT_PEER_VERIFIED), ==, 0);
  g_assert_cmpstr (tt_string (stack->top, VEREDA_FACT_VERIFY_TEXT), !=, "");
  g_assert_nonnull (strstr (error->message, tt_string (stack->top, VEREDA_FACT_VERIFY_TEXT)));
  g_assert_true (id->name == NULL || strstr (error->message, id->name) != NULL || g_str_has_suffix (id->name, "."));
  check_chain (stack->top, id->cert);
  check_agreed (stack->top, version);
  tt_assert_sticky (stack->top, error);
}

static void
check_accepted (Stack *stack, const Identity *id, int version)
{
  g_autoptr (GError) error = NULL;
  VeredaIo io = tt_handshake (stack, &error);

  g_assert_no_error (error);
  g_assert_cmpint (io, ==, VEREDA_IO_DONE);
  g_assert_cmpint (tt_number (stack->top, VEREDA_FACT_VERIFY), ==, id->expected);
  g_assert_cmpint (tt_number (stack->top, VEREDA_FACT_PEER_VERIFIED), ==, id->expected == VEREDA_VERIFY_OK);
  g_assert_cmpint (tt_number (stack->top, VEREDA_FACT_TLS_VERSION), ==, version);
  check_chain (stack->top, id->cert);
  check_echo (stack);
}

static void
check_identity (const Identity *id, int version)
{
  KitServerConfig config = { .cert = tt_cert (id->cert, ".pem"), .min_version = version, .max_version = version };
  g_autoptr (KitServer) server = kit_server_new (&config, echo, NULL);
  VeredaTlsSettings settings = tt_settings (id->name);
  g_autoptr (GError) error = NULL;
  Stack stack;

  if (id->trust != NULL)
    settings.trust_file = tt_cert (id->trust, ".pem");
  tt_connect (&stack, kit_server_get_port (server));
  g_assert_true (tt_wrap (&stack, tt_backend, &settings, &error));
  if (id->expected == VEREDA_VERIFY_OK)
    check_accepted (&stack, id, version);
  else
    {
      check_refused (&stack, id, version);
      tt_close (&stack);
      /* TLS-9: on request it goes on, and the facts still tell the truth. */
      settings.insecure_skip_verify = TRUE;
      tt_connect (&stack, kit_server_get_port (server));
      g_assert_true (tt_wrap (&stack, tt_backend, &settings, &error));
      check_accepted (&stack, id, version);
    }
  tt_close (&stack);
}

static void
test_identity (gconstpointer data)
{
  check_identity (data, TLS1_2_VERSION);
  check_identity (data, TLS1_3_VERSION);
}

void
tt_add_identity_tests (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (identities); i++)
    tt_add (identities[i].test, test_identity, &identities[i]);
}
