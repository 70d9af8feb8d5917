/* SPDX-License-Identifier: MIT */
/*
 * The transport plugins, each run with --backend=NAME: one program for all, so that what one library passes the other one has
 * passed as well.  Here: the plugin as a file, and the plain transport.
 */
#include "test-transport.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

const char *tt_backend = "plain";

/* --- the file --- */

static void
test_one_symbol (gconstpointer data)
{
  g_autofree char *file = tt_plugin_file (tt_backend, ".so");
  g_autofree char *nm = g_find_program_in_path ("nm");
  g_autofree char *wanted = g_strdup_printf (" T vereda1_%s_query\n", tt_backend);
  const char *argv[] = { nm, "-D", "--defined-only", file, NULL };
  g_autofree char *out = NULL;
  g_autoptr (GError) error = NULL;
  int status = -1;

  (void) data;
  if (nm == NULL)
    {
      g_test_skip ("nm is not here");
      return;
    }
  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
  g_assert_true (g_str_has_suffix (out, wanted));
  g_assert_cmpuint (strlen (out), ==, 16 + strlen (wanted));
}

static void
assert_key (GKeyFile *file, const char *group, const char *key, const char *expected)
{
  g_autofree char *value = g_key_file_get_string (file, group, key, NULL);

  g_assert_cmpstr (value, ==, expected);
}

static void
test_keyfile (gconstpointer data)
{
  const VeredaPlugin *plugin = tt_plugin (tt_backend);
  const VeredaTransport *t = plugin->transports[0];
  g_autofree char *path = tt_plugin_file (tt_backend, ".plugin");
  g_autofree char *group = g_strconcat ("Transport ", t->name, NULL);
  g_autoptr (GKeyFile) file = g_key_file_new ();

  (void) data;
  g_assert_true (g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, NULL));
  assert_key (file, "Plugin", "Abi", "1");
  assert_key (file, "Plugin", "Name", plugin->name);
  assert_key (file, "Plugin", "Version", plugin->version);
  assert_key (file, "Plugin", "License", plugin->license);
  assert_key (file, group, "Roles", t->open != NULL ? "open" : "wrap");
  g_assert_cmpuint (plugin->struct_size, ==, sizeof (VeredaPlugin));
  g_assert_cmpuint (plugin->abi, ==, VEREDA_PLUGIN_ABI);
  g_assert_cmpstr (plugin->name, ==, tt_backend);
  g_assert_cmpstr (t->name, ==, tt_backend);
  g_assert_null (plugin->transports[1]);
  g_assert_null (plugin->mechs);
  g_assert_cmpuint (t->struct_size, ==, sizeof (VeredaTransport));
  g_assert_cmpuint (t->instance_size, >=, sizeof (VeredaLayer));
  g_assert_true ((t->open == NULL) != (t->wrap == NULL));
}

/* clear of a block that was never opened. */
static void
test_clear_unused (gconstpointer data)
{
  (void) data;
  tt_layer_free (tt_layer_new (tt_transport (tt_backend), NULL));
}

/* --- plain --- */

static VeredaLayer *
open_pair (int *ret_other)
{
  VeredaLayer *layer = tt_layer_new (tt_transport ("plain"), NULL);
  g_autoptr (GError) error = NULL;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), ==, 0);
  g_assert_true (layer->ops->open (layer, fds[0], &error));
  g_assert_no_error (error);
  *ret_other = fds[1];
  return layer;
}

static void
test_plain_gather (gconstpointer data)
{
  VeredaSpan spans[600];
  g_autoptr (GError) error = NULL;
  size_t n = 0, done = 0;
  char back[1200];
  VeredaLayer *layer;
  int other;

  (void) data;
  layer = open_pair (&other);
  for (size_t i = 0; i < G_N_ELEMENTS (spans); i++)
    spans[i] = (VeredaSpan){ i % 3 == 2 ? NULL : "ab", i % 3 == 2 ? 0 : 2 };
  while (done < 600)
    {
      size_t first = done / 2 / 2 * 3 + done / 2 % 2; /* whole spans are taken: the socket is empty */

      g_assert_cmpint (layer->ops->writev (layer, spans + first, 600 - first, &n, &error), ==, VEREDA_IO_DONE);
      g_assert_cmpuint (n % 2, ==, 0);
      g_assert_cmpuint (n, >=, MIN (256u, 800 - done)); /* many spans in one call */
      done += n;
    }
  g_assert_cmpint (layer->ops->writev (layer, spans + 2, 1, &n, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpuint (n, ==, 0);
  g_assert_cmpint (read (other, back, sizeof back), ==, (int) done);
  for (size_t i = 0; i < done; i++)
    g_assert_cmpint (back[i], ==, i % 2 ? 'b' : 'a');
  tt_layer_free (layer);
  close (other);
}

static void
test_plain_waits (gconstpointer data)
{
  g_autofree char *much = g_malloc0 (1 << 20);
  VeredaSpan span = { much, 1 << 20 };
  g_autoptr (GError) error = NULL;
  VeredaFactValue value;
  size_t n = 4711;
  char buf[64];
  VeredaLayer *layer;
  VeredaIo io;
  int other;

  (void) data;
  layer = open_pair (&other);
  g_assert_true (layer->ops->fact (layer, VEREDA_FACT_FD, &value));
  g_assert_false (layer->ops->fact (layer, VEREDA_FACT_TLS_VERSION, &value));
  g_assert_cmpint (layer->ops->read (layer, buf, sizeof buf, &n, &error), ==, VEREDA_IO_WANT_READ);
  g_assert_cmpuint (n, ==, 4711);
  g_assert_cmpint (layer->ops->read (layer, buf, 0, &n, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpuint (n, ==, 0);
  while ((io = layer->ops->writev (layer, &span, 1, &n, &error)) == VEREDA_IO_DONE)
    g_assert_cmpuint (n, >, 0);
  g_assert_cmpint (io, ==, VEREDA_IO_WANT_WRITE);
  g_assert_cmpint (write (other, "220 x\r\n", 7), ==, 7);
  g_assert_cmpint (layer->ops->read (layer, buf, sizeof buf, &n, &error), ==, VEREDA_IO_DONE);
  assert_octets (buf, n, "220 x\r\n", 7);
  g_assert_cmpint (shutdown (other, SHUT_WR), ==, 0);
  g_assert_cmpint (layer->ops->read (layer, buf, sizeof buf, &n, &error), ==, VEREDA_IO_EOF);
  g_assert_cmpint (layer->ops->read (layer, buf, sizeof buf, &n, &error), ==, VEREDA_IO_EOF);
  g_assert_no_error (error);
  tt_layer_free (layer);
  close (other);
}

/* A peer that is gone: an error that stays, and no SIGPIPE. */
static void
test_plain_gone (gconstpointer data)
{
  VeredaSpan span = { "QUIT\r\n", 6 };
  g_autoptr (GError) error = NULL;
  VeredaLayer *layer;
  size_t n = 0;
  int other;

  (void) data;
  layer = open_pair (&other);
  close (other);
  g_assert_cmpint (layer->ops->writev (layer, &span, 1, &n, &error), ==, VEREDA_IO_ERROR);
  g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_IO);
  tt_assert_sticky (layer, error);
  tt_layer_free (layer);
}

static void
test_plain_shutdown (gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  VeredaLayer *layer;
  size_t n = 0;
  char buf[8];
  int other;

  (void) data;
  layer = open_pair (&other);
  g_assert_cmpint (layer->ops->shutdown (layer, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpint (layer->ops->shutdown (layer, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpint (read (other, buf, sizeof buf), ==, 0);
  g_assert_cmpint (write (other, "221", 3), ==, 3);
  g_assert_cmpint (layer->ops->read (layer, buf, sizeof buf, &n, &error), ==, VEREDA_IO_DONE);
  g_assert_no_error (error);
  tt_layer_free (layer);
  close (other);
}

static void
test_plain_open (gconstpointer data)
{
  KitServerConfig config = { 0 };
  g_autoptr (KitServer) server = kit_server_new (&config, tt_wait_for_client, NULL);
  g_autoptr (GError) error = NULL;
  socklen_t size = sizeof (int);
  VeredaLayer *layer;
  int file = open ("/dev/null", O_RDWR | O_CLOEXEC), packets[2], on = 0;
  struct stat before, after;
  Stack stack;

  (void) data;
  tt_connect (&stack, kit_server_get_port (server));
  g_assert_cmpint (getsockopt (stack.fd, IPPROTO_TCP, TCP_NODELAY, &on, &size), ==, 0);
  g_assert_cmpint (on, ==, 1);
  g_assert_cmpint (fstat (stack.fd, &before), ==, 0);
  tt_close (&stack);
  /* clear has closed it; the number may be another socket's by now, the server's thread accepts at its leisure */
  g_assert_true (fstat (stack.fd, &after) == -1 || after.st_ino != before.st_ino);

  layer = tt_layer_new (tt_transport ("plain"), NULL);
  g_assert_false (layer->ops->open (layer, file, &error));
  g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_IO);
  g_clear_error (&error);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, packets), ==, 0);
  g_assert_false (layer->ops->open (layer, packets[0], &error));
  g_assert_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_UNSUPPORTED);
  tt_layer_free (layer);
  /* What was refused stays the caller's. */
  g_assert_cmpint (close (file), ==, 0);
  g_assert_cmpint (close (packets[0]), ==, 0);
  g_assert_cmpint (close (packets[1]), ==, 0);
}

void
tt_add_plain_tests (void)
{
  tt_add ("gather", test_plain_gather, NULL);
  tt_add ("waits", test_plain_waits, NULL);
  tt_add ("no-sigpipe", test_plain_gone, NULL);
  tt_add ("shutdown", test_plain_shutdown, NULL);
  tt_add ("open", test_plain_open, NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (int i = 1; i < argc; i++)
    if (g_str_has_prefix (argv[i], "--backend="))
      tt_backend = argv[i] + strlen ("--backend=");
  tt_add ("one-symbol", test_one_symbol, NULL);
  tt_add ("keyfile", test_keyfile, NULL);
  tt_add ("clear-unused", test_clear_unused, NULL);
  if (g_str_equal (tt_backend, "plain"))
    tt_add_plain_tests ();
  else
    {
      tt_add_memory_tests ();
      tt_add_identity_tests ();
      tt_add_socket_tests ();
      tt_add_session_tests ();
      tt_add_settings_tests ();
      tt_add_resume_tests ();
      tt_add_pin_tests ();
      tt_add_staple_tests ();
    }
  return g_test_run ();
}
