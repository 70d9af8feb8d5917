/* SPDX-License-Identifier: MIT */
/*
 * OCSP responses that a server staples: told alike by both libraries, believed only when rightly signed and current, and one that
 * says "revoked" is a verdict.
 */
#include <openssl/ocsp.h>
#include <openssl/pem.h>

#include "test-transport.h"

typedef struct
{
  const char *name;
  const char *about;  /* the certificate it is about; NULL: octets that are no response */
  const char *signer; /* who signs it */
  int status;
  int from, until; /* seconds from now */
  VeredaOcsp ocsp;
  VeredaVerify verify;
} Case;

static const Case cases[] = {
  { "staple-good", "good", "root", V_OCSP_CERTSTATUS_GOOD, -60, 3600, VEREDA_OCSP_GOOD, VEREDA_VERIFY_OK },
  { "staple-revoked", "good", "root", V_OCSP_CERTSTATUS_REVOKED, -60, 3600, VEREDA_OCSP_REVOKED, VEREDA_VERIFY_REVOKED },
  { "staple-unknown", "good", "root", V_OCSP_CERTSTATUS_UNKNOWN, -60, 3600, VEREDA_OCSP_UNKNOWN, VEREDA_VERIFY_OK },
  { "staple-old", "good", "root", V_OCSP_CERTSTATUS_REVOKED, -7200, -3600, VEREDA_OCSP_INVALID, VEREDA_VERIFY_OK },
  { "staple-of-the-future", "good", "root", V_OCSP_CERTSTATUS_REVOKED, 3600, 7200, VEREDA_OCSP_INVALID, VEREDA_VERIFY_OK },
  { "staple-of-another", "good-ecdsa", "root", V_OCSP_CERTSTATUS_REVOKED, -60, 3600, VEREDA_OCSP_INVALID, VEREDA_VERIFY_OK },
  { "staple-ill-signed", "good", "unknown-root", V_OCSP_CERTSTATUS_REVOKED, -60, 3600, VEREDA_OCSP_INVALID, VEREDA_VERIFY_OK },
  { "staple-signed-by-itself", "good", "good", V_OCSP_CERTSTATUS_GOOD, -60, 3600, VEREDA_OCSP_INVALID, VEREDA_VERIFY_OK },
  { "staple-garbage", NULL, NULL, 0, 0, 0, VEREDA_OCSP_INVALID, VEREDA_VERIFY_OK },
};

static X509 *
read_cert (const char *name)
{
  FILE *in = fopen (tt_cert (name, ".pem"), "r");
  X509 *cert = PEM_read_X509 (in, NULL, NULL, NULL);

  fclose (in);
  g_assert_nonnull (cert);
  return cert;
}

static GBytes *
make_response (const Case *c)
{
  X509 *leaf, *issuer, *signer;
  OCSP_BASICRESP *basic = OCSP_BASICRESP_new ();
  ASN1_TIME *from = X509_gmtime_adj (NULL, c->from), *until = X509_gmtime_adj (NULL, c->until),
            *when = X509_gmtime_adj (NULL, -90);
  OCSP_RESPONSE *response;
  unsigned char *der = NULL;
  EVP_PKEY *key;
  OCSP_CERTID *id;
  GBytes *bytes;
  FILE *in;
  int size;

  in = fopen (tt_cert (c->signer, ".key"), "r");
  key = PEM_read_PrivateKey (in, NULL, NULL, NULL);
  fclose (in);
  leaf = read_cert (c->about);
  issuer = read_cert ("root");
  signer = read_cert (c->signer);
  id = OCSP_cert_to_id (NULL, leaf, issuer);
  g_assert_nonnull (OCSP_basic_add1_status (basic, id, c->status, OCSP_REVOKED_STATUS_KEYCOMPROMISE,
                                            c->status == V_OCSP_CERTSTATUS_REVOKED ? when : NULL, from, until));
  g_assert_cmpint (OCSP_basic_sign (basic, signer, key, EVP_sha256 (), NULL, 0), ==, 1);
  response = OCSP_response_create (OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
  size = i2d_OCSP_RESPONSE (response, &der);
  g_assert_cmpint (size, >, 0);
  bytes = g_bytes_new (der, (gsize) size);
  OPENSSL_free (der);
  OCSP_RESPONSE_free (response);
  OCSP_BASICRESP_free (basic);
  OCSP_CERTID_free (id);
  ASN1_TIME_free (from);
  ASN1_TIME_free (until);
  ASN1_TIME_free (when);
  X509_free (leaf);
  X509_free (issuer);
  X509_free (signer);
  EVP_PKEY_free (key);
  return bytes;
}

static void
test_case (gconstpointer data)
{
  static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
  const Case *c = data;
  g_autoptr (GBytes) staple = c->about != NULL ? make_response (c) : g_bytes_new_static ("nonsense", 8);

  for (guint i = 0; i < 2 * G_N_ELEMENTS (versions); i++)
    {
      KitServerConfig config = {
        .cert = tt_cert ("good", ".pem"), .staple = staple, .min_version = versions[i / 2], .max_version = versions[i / 2]
      };
      g_autoptr (KitServer) server = kit_server_new (&config, tt_wait_for_client, NULL);
      VeredaTlsSettings settings = tt_settings (HOST);
      g_autoptr (GError) error = NULL;
      VeredaFactValue value = { 0 };
      Stack stack;
      VeredaIo io;

      settings.insecure_skip_verify = i & 1;
      io = tt_open_session (&stack, server, tt_backend, &settings, &error);
      g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_VERIFY), ==, c->verify);
      g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_PEER_VERIFIED), ==, c->verify == VEREDA_VERIFY_OK);
      if (c->verify == VEREDA_VERIFY_OK || settings.insecure_skip_verify)
        {
          g_assert_cmpint (io, ==, VEREDA_IO_DONE);
          g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_OCSP), ==, c->ocsp);
        }
      else
        {
          g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_CERTIFICATE);
          tt_assert_sticky (stack.top, error);
        }
      g_assert_true (stack.top->ops->fact (stack.top, VEREDA_FACT_OCSP_RESPONSE, &value));
      g_assert_true (g_bytes_equal (value.bytes, staple));
      g_bytes_unref (value.bytes);
      tt_close (&stack);
    }
}

static void
test_none (gconstpointer data)
{
  KitServerConfig config = { .cert = tt_cert ("good", ".pem") };
  g_autoptr (KitServer) server = kit_server_new (&config, tt_wait_for_client, NULL);
  g_autoptr (GError) error = NULL;
  VeredaFactValue value = { 0 };
  Stack stack;

  (void) data;
  g_assert_cmpint (tt_open_session (&stack, server, tt_backend, NULL, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_OCSP), ==, VEREDA_OCSP_NONE);
  g_assert_false (stack.top->ops->fact (stack.top, VEREDA_FACT_OCSP_RESPONSE, &value));
  tt_close (&stack);
}

void
tt_add_staple_tests (void)
{
  tt_add ("staple-none", test_none, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    tt_add (cases[i].name, test_case, &cases[i]);
}
