/* SPDX-License-Identifier: MIT */
/*
 * Settings of a TLS transport that can be used, and those that cannot: the latter fail before anything is sent.
 */
#include "test-transport.h"

#include <glib/gstdio.h>
#include <openssl/pem.h>
#include <string.h>
#include <unistd.h>

typedef struct
{
  char *dir;
} Scratch;

static void
scratch_init (Scratch *scratch)
{
  g_autoptr (GError) error = NULL;

  scratch->dir = g_dir_make_tmp ("vereda-transport-XXXXXX", &error);
  g_assert_no_error (error);
}

static char *
scratch_path (Scratch *scratch, const char *name)
{
  return g_build_filename (scratch->dir, name, NULL);
}

static char *
scratch_write (Scratch *scratch, const char *name, const char *text)
{
  char *path = scratch_path (scratch, name);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  return path;
}

static void
scratch_clear (Scratch *scratch)
{
  GDir *dir = g_dir_open (scratch->dir, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = scratch_path (scratch, name);

      g_assert_cmpint (g_remove (path), ==, 0);
    }
  g_dir_close (dir);
  g_assert_cmpint (g_rmdir (scratch->dir), ==, 0);
  g_free (scratch->dir);
}

/* Wrapping over a layer that must not be touched. */
static void
assert_refused (const VeredaTlsSettings *settings, VeredaTransportError code, const char *part)
{
  VeredaLayer *layer = tt_layer_new (tt_transport (tt_backend), NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (layer->ops->wrap (layer, settings, &error));
  g_assert_error (error, VEREDA_TRANSPORT_ERROR, (int) code);
  if (strstr (error->message, part) == NULL)
    g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, part));
  g_assert_null (strstr (error->message, "PRIVATE"));
  tt_layer_free (layer);
}

static void
assert_bad (const VeredaTlsSettings *settings, const char *part)
{
  assert_refused (settings, VEREDA_TRANSPORT_ERROR_SETTINGS, part);
}

static char *
contents (const char *path)
{
  char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return text;
}

static void
test_ca_file (gconstpointer data)
{
  VeredaTlsSettings settings = tt_settings (HOST);
  g_autofree char *root = contents (tt_cert ("root", ".pem"));
  g_autofree char *broken = g_strdup (root);
  g_autofree char *cut = g_strndup (root, strlen (root) - 40);
  g_autofree char *second = NULL;
  Scratch scratch;

  (void) data;
  scratch_init (&scratch);
  memcpy (strstr (broken, "-----\n") + 6, "AAAAAAAA", 8);
  second = g_strconcat (root, broken, NULL);
  struct
  {
    const char *name, *text, *part;
  } cases[] = {
    { "empty.pem", "", "is empty" },
    { "words.pem", "not a certificate\n", "holds no certificate" },
    { "key.pem", NULL, "holds no certificate" },
    { "cut.pem", cut, "ends inside a certificate" },
    { "broken.pem", broken, "certificate 1 of the CA file" },
    { "second.pem", second, "certificate 2 of the CA file" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *key = contents (tt_cert ("root", ".key"));
      g_autofree char *path = scratch_write (&scratch, cases[i].name, cases[i].text != NULL ? cases[i].text : key);

      settings.trust_file = path;
      assert_bad (&settings, cases[i].part);
      assert_bad (&settings, path);
    }
  settings.trust_file = "/nonexistent/ca.pem";
  assert_bad (&settings, "/nonexistent/ca.pem");
  settings.trust_file = scratch.dir;
  assert_bad (&settings, scratch.dir);
  if (geteuid () != 0)
    {
      g_autofree char *path = scratch_write (&scratch, "unreadable.pem", root);

      g_assert_cmpint (g_chmod (path, 0), ==, 0);
      settings.trust_file = path;
      assert_bad (&settings, path);
    }
  scratch_clear (&scratch);
}

static void
greet (KitConn *conn, gpointer data)
{
  char c;

  (void) data;
  kit_conn_say (conn, "220 hello\r\n");
  while (kit_conn_read (conn, &c, 1) > 0)
    ;
}

static void
assert_verified (const VeredaTlsSettings *settings)
{
  KitServerConfig config = { .cert = tt_cert ("good", ".pem") };
  g_autoptr (KitServer) server = kit_server_new (&config, greet, NULL);
  g_autoptr (GError) error = NULL;
  Stack stack;

  tt_connect (&stack, kit_server_get_port (server));
  tt_wrap (&stack, tt_backend, settings, &error);
  g_assert_no_error (error);
  tt_handshake (&stack, &error);
  g_assert_no_error (error);
  g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_PEER_VERIFIED), ==, 1);
  tt_close (&stack);
}

/* A directory that nobody has hashed, with other things in it. */
static void
test_ca_directory (gconstpointer data)
{
  VeredaTlsSettings settings = tt_settings (HOST);
  g_autofree char *root = contents (tt_cert ("root", ".pem"));
  g_autofree char *broken = g_strdup (root);
  g_autofree char *sub = NULL;
  Scratch scratch;

  (void) data;
  scratch_init (&scratch);
  settings.trust_file = NULL;
  settings.trust_dir = "/nonexistent/certs";
  assert_bad (&settings, "/nonexistent/certs");
  settings.trust_dir = scratch.dir;
  assert_bad (&settings, "holds a certificate");
  memcpy (strstr (broken, "-----\n") + 6, "AAAAAAAA", 8);
  g_free (scratch_write (&scratch, "README", "about these files\n"));
  assert_bad (&settings, "holds a certificate");
  g_free (scratch_write (&scratch, "a-broken.pem", broken));
  g_free (scratch_write (&scratch, "empty.pem", ""));
  g_free (scratch_write (&scratch, "our root.crt", root));
  sub = scratch_path (&scratch, "folder.pem");
  g_assert_cmpint (g_mkdir (sub, 0700), ==, 0);
  assert_verified (&settings);
  /* Both a file and a directory: either will do. */
  settings.trust_file = tt_cert ("unknown-root", ".pem");
  assert_verified (&settings);
  scratch_clear (&scratch);
}

/* The same directory as c_rehash leaves it: each certificate twice. */
static void
test_ca_directory_hashed (gconstpointer data)
{
  VeredaTlsSettings settings = tt_settings (HOST);
  g_autofree char *root = contents (tt_cert ("root", ".pem"));
  g_autofree char *link = NULL;
  g_autofree char *file = NULL;
  BIO *bio = BIO_new_mem_buf (root, -1);
  X509 *x = PEM_read_bio_X509 (bio, NULL, NULL, NULL);
  g_autofree char *name = g_strdup_printf ("%08lx.0", X509_NAME_hash_ex (X509_get_subject_name (x), NULL, NULL, NULL));
  Scratch scratch;

  (void) data;
  X509_free (x);
  BIO_free (bio);
  scratch_init (&scratch);
  file = scratch_write (&scratch, "root.pem", root);
  link = scratch_path (&scratch, name);
  g_assert_cmpint (symlink ("root.pem", link), ==, 0);
  settings.trust_file = NULL;
  settings.trust_dir = scratch.dir;
  assert_verified (&settings);
  scratch_clear (&scratch);
}

static void
system_session (KitServer *server, gboolean insecure)
{
  VeredaTlsSettings settings = tt_settings (HOST);
  g_autoptr (GError) error = NULL;
  Stack stack;

  settings.trust_file = NULL;
  settings.insecure_skip_verify = insecure;
  if (insecure)
    g_assert_cmpint (tt_open_session (&stack, server, tt_backend, &settings, &error), ==, VEREDA_IO_DONE);
  else
    {
      g_assert_cmpint (tt_open_session (&stack, server, tt_backend, &settings, &error), ==, VEREDA_IO_ERROR);
      g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_CERTIFICATE);
    }
  g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_VERIFY), ==, VEREDA_VERIFY_UNKNOWN_ISSUER);
  g_assert_cmpint (tt_number (stack.top, VEREDA_FACT_PEER_VERIFIED), ==, 0);
  tt_close (&stack);
}

/* The system's store is used when nothing is said, and does not know the test root.  Its copy is shared; nothing else is. */
static void
test_system_store (gconstpointer data)
{
  KitServerConfig config = { .cert = tt_cert ("good", ".pem") };
  g_autoptr (KitServer) server = kit_server_new (&config, greet, NULL);

  (void) data;
  system_session (server, FALSE);
  system_session (server, TRUE);
  system_session (server, FALSE);
}

static gpointer
many_sessions (gpointer data)
{
  VeredaTlsSettings settings = tt_settings (HOST);

  for (int i = 0; i < 5; i++)
    {
      system_session (data, i & 1);
      assert_verified (&settings);
    }
  return NULL;
}

/* Rule 7: different stacks run concurrently. */
static void
test_threads (gconstpointer data)
{
  KitServerConfig config = { .cert = tt_cert ("good", ".pem") };
  g_autoptr (KitServer) server = kit_server_new (&config, greet, NULL);
  GThread *threads[4];

  (void) data;
  g_assert_nonnull (tt_transport (tt_backend)); /* loading is one thread's affair */
  g_assert_nonnull (tt_transport ("plain"));
  for (size_t i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("sessions", many_sessions, server);
  for (size_t i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

static char *
encrypted_key (Scratch *scratch)
{
  char *path = scratch_path (scratch, "encrypted.key");
  FILE *f = fopen (path, "w");
  EVP_PKEY *key = EVP_EC_gen ("P-256");

  g_assert_nonnull (f);
  g_assert_cmpint (PEM_write_PKCS8PrivateKey (f, key, EVP_aes_128_cbc (), "secret", 6, NULL, NULL), ==, 1);
  EVP_PKEY_free (key);
  fclose (f);
  return path;
}

static void
test_identity_files (gconstpointer data)
{
  VeredaTlsSettings settings = tt_settings (HOST);
  g_autofree char *cert = contents (tt_cert ("client", ".pem"));
  g_autofree char *key = contents (tt_cert ("client", ".key"));
  g_autofree char *both = g_strconcat (key, cert, NULL);
  g_autofree char *combined = NULL;
  g_autofree char *locked = NULL;
  Scratch scratch;

  (void) data;
  scratch_init (&scratch);
  settings.key_file = tt_cert ("client", ".key");
  assert_bad (&settings, "without a certificate");
  settings.cert_file = "/nonexistent/client.pem";
  assert_bad (&settings, "/nonexistent/client.pem");
  settings.cert_file = tt_cert ("client", ".pem");
  settings.key_file = "/nonexistent/client.key";
  assert_bad (&settings, "/nonexistent/client.key");
  settings.key_file = tt_cert ("client-rsa", ".key"); /* another one's */
  assert_bad (&settings, "client certificate and its key are not usable");
  settings.key_file = NULL; /* not in the certificate's file */
  assert_bad (&settings, "client certificate and its key are not usable");
  locked = encrypted_key (&scratch); /* must not ask on the terminal */
  settings.key_file = locked;
  assert_bad (&settings, "not encrypted");
  combined = scratch_write (&scratch, "both.pem", both);
  settings.cert_file = combined;
  settings.key_file = NULL;
  assert_verified (&settings);
  scratch_clear (&scratch);
}

static void
test_names (gconstpointer data)
{
  static const char *const bad[]
      = { ".example.test", "mail example.test", "*.example.test", "m\xc3\xa9l.example.test", ".", "mail.example.test\r\nX",
          "a/b",           "[127.0.0.1]",       "mail:25" };

  (void) data;
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      VeredaTlsSettings settings = tt_settings (bad[i]);

      assert_bad (&settings, "the name of the server");
    }
}

static void
test_priority (gconstpointer data)
{
  gboolean gnutls = g_str_equal (tt_backend, "gnutls");
  VeredaTlsSettings settings = tt_settings (HOST);

  (void) data;
  settings.priority = gnutls ? "NORMAL:+NONSENSE" : "NONSENSE";
  assert_bad (&settings, "string is not usable");
  settings.priority = gnutls ? "NORMAL:-CIPHER-ALL:+AES-128-GCM" : "ECDHE+AESGCM";
  assert_verified (&settings);
  settings.priority = NULL;
  settings.min_version = 0x0305;
  assert_refused (&settings, VEREDA_TRANSPORT_ERROR_UNSUPPORTED, "0x0305");
}

/* A core that is older than the plugin: the members it does not know are absent, not garbage. */
static void
test_short_settings (gconstpointer data)
{
  VeredaTlsSettings settings = tt_settings (HOST);

  (void) data;
  settings.struct_size = offsetof (VeredaTlsSettings, cert_file);
  settings.cert_file = "/nonexistent";
  settings.key_file = "/nonexistent";
  settings.priority = "NONSENSE";
  settings.insecure_skip_verify = TRUE;
  assert_verified (&settings);
}

void
tt_add_settings_tests (void)
{
  tt_add ("TLS-10-ca-file", test_ca_file, NULL);
  tt_add ("TLS-10-ca-directory", test_ca_directory, NULL);
  tt_add ("TLS-10-ca-directory-hashed", test_ca_directory_hashed, NULL);
  tt_add ("TLS-10-system-store", test_system_store, NULL);
  tt_add ("threads", test_threads, NULL);
  tt_add ("TLS-10-client-files", test_identity_files, NULL);
  tt_add ("TLS-5-names", test_names, NULL);
  tt_add ("TLS-1-priority", test_priority, NULL);
  tt_add ("short-settings", test_short_settings, NULL);
}
