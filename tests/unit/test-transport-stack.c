/* SPDX-License-Identifier: MIT */
/*
 * The core's part towards a transport, as small as can be: load, allocate, drive, free.
 */
#include "test-transport.h"

#include <gmodule.h>
#include <poll.h>
#include <string.h>

static void
host_debug (void *self, const char *topic, const char *format, ...)
{
  (void) self;
  (void) topic;
  (void) format;
}

static const VeredaHost host = { .struct_size = sizeof (VeredaHost), .debug = host_debug };

char *
tt_plugin_file (const char *stem, const char *suffix)
{
  g_auto (GStrv) dirs = g_strsplit (g_getenv ("VEREDA_PLUGIN_PATH"), ":", -1);
  g_autofree char *name = g_strconcat (stem, suffix, NULL);

  for (size_t i = 0; dirs[i] != NULL; i++)
    {
      g_autofree char *path = g_build_filename (dirs[i], name, NULL);

      if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
        return g_steal_pointer (&path);
    }
  return NULL;
}

const VeredaPlugin *
tt_plugin (const char *stem)
{
  static GHashTable *loaded;
  const VeredaPlugin *plugin;
  g_autofree char *file = NULL;
  g_autofree char *symbol = g_strdup_printf ("vereda1_%s_query", stem);
  g_autoptr (GError) error = NULL;
  gpointer query = NULL;
  GModule *module;

  if (loaded == NULL)
    loaded = g_hash_table_new (g_str_hash, g_str_equal);
  plugin = g_hash_table_lookup (loaded, stem);
  if (plugin != NULL)
    return plugin;
  file = tt_plugin_file (stem, ".so");
  if (file == NULL)
    return NULL;
  module = g_module_open_full (file, G_MODULE_BIND_LOCAL, &error);
  g_assert_no_error (error);
  g_module_make_resident (module);
  g_assert_true (g_module_symbol (module, symbol, &query));
  plugin = ((VeredaPluginQueryFunc) query) ();
  if (plugin->init != NULL)
    g_assert_true (plugin->init (&host, &error));
  g_assert_no_error (error);
  g_hash_table_insert (loaded, g_strdup (stem), (gpointer) plugin);
  return plugin;
}

const VeredaTransport *
tt_transport (const char *stem)
{
  const VeredaPlugin *plugin = tt_plugin (stem);

  return plugin != NULL ? plugin->transports[0] : NULL;
}

const char *
tt_cert (const char *name, const char *suffix)
{
  g_autofree char *leaf = g_strconcat (name, suffix, NULL);
  g_autofree char *path = g_build_filename (g_getenv ("VEREDA_TEST_CERTS"), leaf, NULL);

  return g_intern_string (path);
}

void
tt_add (const char *name, GTestDataFunc func, gconstpointer data)
{
  g_autofree char *path = g_strdup_printf ("/transport/%s/%s", tt_backend, name);

  g_test_add_data_func (path, data, func);
}

VeredaLayer *
tt_layer_new (const VeredaTransport *ops, VeredaLayer *lower)
{
  VeredaLayer *layer = g_malloc0 (ops->instance_size);

  layer->ops = ops;
  layer->host = &host;
  layer->lower = lower;
  return layer;
}

void
tt_layer_free (VeredaLayer *layer)
{
  if (layer == NULL)
    return;
  layer->ops->clear (layer);
  explicit_bzero (layer, layer->ops->instance_size);
  g_free (layer);
}

void
tt_connect (Stack *stack, guint16 port)
{
  g_autoptr (GError) error = NULL;

  memset (stack, 0, sizeof *stack);
  stack->fd = kit_connect (port);
  stack->bottom = tt_layer_new (tt_transport ("plain"), NULL);
  g_assert_true (stack->bottom->ops->open (stack->bottom, stack->fd, &error));
  g_assert_no_error (error);
  stack->top = stack->bottom;
}

gboolean
tt_wrap (Stack *stack, const char *stem, const VeredaTlsSettings *settings, GError **error)
{
  VeredaLayer *layer = tt_layer_new (tt_transport (stem), stack->top);

  if (layer->ops->wrap (layer, settings, error))
    {
      stack->top = layer;
      return TRUE;
    }
  tt_layer_free (layer);
  return FALSE;
}

void
tt_close (Stack *stack)
{
  for (VeredaLayer *layer = stack->top; layer != NULL;)
    {
      VeredaLayer *lower = layer->lower;

      tt_layer_free (layer);
      layer = lower;
    }
}

void
tt_wait (int fd, VeredaIo want)
{
  struct pollfd p = { .fd = fd, .events = want == VEREDA_IO_WANT_READ ? POLLIN : POLLOUT };

  g_assert_cmpint (poll (&p, 1, 60000), ==, 1); /* generous: this also runs under valgrind */
}

#define IS_WANT(io) ((io) == VEREDA_IO_WANT_READ || (io) == VEREDA_IO_WANT_WRITE)

VeredaIo
tt_handshake (Stack *stack, GError **error)
{
  for (;;)
    {
      VeredaIo io = stack->top->ops->handshake (stack->top, error);

      if (!IS_WANT (io))
        return io;
      tt_wait (stack->fd, io);
    }
}

VeredaIo
tt_read (Stack *stack, void *buf, size_t size, size_t *ret_n, GError **error)
{
  for (;;)
    {
      VeredaIo io = stack->top->ops->read (stack->top, buf, size, ret_n, error);

      if (!IS_WANT (io))
        return io;
      tt_wait (stack->fd, io);
    }
}

VeredaIo
tt_write_all (Stack *stack, const void *data, size_t size, GError **error)
{
  for (size_t done = 0; done < size;)
    {
      VeredaSpan span = { (const char *) data + done, size - done };
      size_t n = 0;
      VeredaIo io = stack->top->ops->writev (stack->top, &span, 1, &n, error);

      if (IS_WANT (io))
        tt_wait (stack->fd, io);
      else if (io != VEREDA_IO_DONE)
        return io;
      done += n;
    }
  return VEREDA_IO_DONE;
}

VeredaIo
tt_shutdown (Stack *stack, GError **error)
{
  for (;;)
    {
      VeredaIo io = stack->top->ops->shutdown (stack->top, error);

      if (!IS_WANT (io))
        return io;
      tt_wait (stack->fd, io);
    }
}

VeredaIo
tt_read_all (Stack *stack, GByteArray *into, GError **error)
{
  guint8 buf[4096];
  size_t n = 0;
  VeredaIo io;

  while ((io = tt_read (stack, buf, sizeof buf, &n, error)) == VEREDA_IO_DONE)
    g_byte_array_append (into, buf, (guint) n);
  return io;
}

VeredaIo
tt_open_session (Stack *stack, KitServer *server, const char *stem, const VeredaTlsSettings *settings, GError **error)
{
  VeredaTlsSettings usual = tt_settings (HOST);

  tt_connect (stack, kit_server_get_port (server));
  g_assert_true (tt_wrap (stack, stem, settings != NULL ? settings : &usual, error));
  return tt_handshake (stack, error);
}

void
tt_wait_for_client (KitConn *conn, gpointer data)
{
  char buf[64];

  (void) data;
  while (kit_conn_read (conn, buf, sizeof buf) > 0)
    ;
}

VeredaTlsSettings
tt_settings (const char *peer_name)
{
  return (VeredaTlsSettings){
    .struct_size = sizeof (VeredaTlsSettings),
    .peer_name = peer_name,
    .trust_file = tt_cert ("root", ".pem"),
  };
}

int64_t
tt_number (VeredaLayer *layer, VeredaFact fact)
{
  VeredaFactValue value = { 0 };

  g_assert_true (layer->ops->fact (layer, fact, &value));
  return value.num;
}

const char *
tt_string (VeredaLayer *layer, VeredaFact fact)
{
  VeredaFactValue value = { 0 };

  g_assert_true (layer->ops->fact (layer, fact, &value));
  g_assert_nonnull (value.str);
  return value.str;
}

void
tt_octets (const char *where, const void *a, gsize a_size, const void *b, gsize b_size)
{
  const guint8 *left = a, *right = b;

  if (a_size != b_size)
    g_error ("%s: %" G_GSIZE_FORMAT " octets, not %" G_GSIZE_FORMAT, where, a_size, b_size);
  for (gsize i = 0; i < a_size; i++)
    if (left[i] != right[i])
      g_error ("%s: octet %" G_GSIZE_FORMAT " is 0x%02x, not 0x%02x", where, i, left[i], right[i]);
}

static void
same_again (VeredaIo io, GError **ret_now, const GError *before)
{
  GError *now = g_steal_pointer (ret_now);

  g_assert_cmpint (io, ==, VEREDA_IO_ERROR);
  g_assert_error (now, before->domain, before->code);
  g_assert_cmpstr (now->message, ==, before->message);
  g_error_free (now);
}

void
tt_assert_sticky (VeredaLayer *layer, const GError *error)
{
  VeredaSpan span = { "QUIT\r\n", 6 };
  GError *now = NULL;
  char buf[16];
  size_t n = 77;

  g_assert_nonnull (error);
  if (layer->ops->handshake != NULL)
    same_again (layer->ops->handshake (layer, &now), &now, error);
  same_again (layer->ops->read (layer, buf, sizeof buf, &n, &now), &now, error);
  same_again (layer->ops->writev (layer, &span, 1, &n, &now), &now, error);
  same_again (layer->ops->shutdown (layer, &now), &now, error);
  g_assert_cmpuint (n, ==, 77); /* outputs stay as they were on failure */
  g_assert_cmpint (layer->ops->read (layer, buf, sizeof buf, &n, NULL), ==, VEREDA_IO_ERROR);
}
