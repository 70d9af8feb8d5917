/* SPDX-License-Identifier: MIT */
/* Drives a mechanism plugin: see test-mech-drive.h. */
#include "test-mech-drive.h"

#include <gmodule.h>
#include <string.h>

const char *const mech_stems[4][2] = {
  { "auth_plain", "PLAIN" },
  { "auth_login", "LOGIN" },
  { "auth_cram_md5", "CRAM-MD5" },
  { "auth_digest_md5", "DIGEST-MD5" },
};

const VeredaPlugin *
mech_plugin_load (const char *stem, char **ret_dir)
{
  g_auto (GStrv) dirs = g_strsplit (g_getenv ("VEREDA_PLUGIN_PATH") != NULL ? g_getenv ("VEREDA_PLUGIN_PATH") : "", ":", -1);
  g_autofree char *object = g_strconcat (stem, ".so", NULL);
  g_autofree char *symbol = g_strconcat ("vereda1_", stem, "_query", NULL);

  for (gsize i = 0; dirs[i] != NULL; i++)
    {
      g_autofree char *path = g_build_filename (dirs[i], object, NULL);
      g_autoptr (GError) error = NULL;
      gpointer query = NULL;
      GModule *module;

      if (!g_file_test (path, G_FILE_TEST_EXISTS))
        continue;
      module = g_module_open_full (path, G_MODULE_BIND_LOCAL, &error);
      g_assert_no_error (error);
      g_module_make_resident (module);
      g_assert_true (g_module_symbol (module, symbol, &query));
      if (ret_dir != NULL)
        *ret_dir = g_strdup (dirs[i]);
      return ((VeredaPluginQueryFunc) query) ();
    }
  g_error ("%s is in no directory of VEREDA_PLUGIN_PATH", object);
}

static gboolean
drive_random (void *self, void *buf, size_t size, GError **error)
{
  MechDrive *d = self;

  for (size_t i = 0; i < size; i++)
    ((guint8 *) buf)[i] = (guint8) i;
  if (d->no_random)
    g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_SYSTEM, "the well is dry");
  return !d->no_random;
}

static void
drive_debug (void *self, const char *topic, const char *format, ...)
{
}

static VeredaCredState
drive_credential (void *self, VeredaCred kind, const char *hint, VeredaSpan *ret)
{
  MechDrive *d = self;

  if (kind >= N_CREDS)
    g_error ("a mechanism asks for credential %u", (guint) kind);
  d->asked[kind]++;
  if (kind == VEREDA_CRED_REALM)
    {
      g_free (d->hint);
      d->hint = g_strdup (hint);
    }
  if (d->later[kind])
    {
      d->later[kind] = FALSE;
      return VEREDA_CRED_LATER;
    }
  if (d->creds[kind].data == NULL)
    return VEREDA_CRED_NONE;
  *ret = d->creds[kind];
  return VEREDA_CRED_HAVE;
}

static GBytes *
drive_binding (void *self, VeredaBinding kind, GError **error)
{
  g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_UNSUPPORTED, "no channel");
  return NULL;
}

static const VeredaMech *
find_mech (const VeredaPlugin *plugin, const char *name)
{
  for (gsize i = 0; plugin->mechs[i] != NULL; i++)
    if (name == NULL || g_str_equal (plugin->mechs[i]->name, name))
      return plugin->mechs[i];
  g_error ("%s has no mechanism %s", plugin->name, name);
}

MechDrive *
mech_drive_new (const char *stem, const char *user, const char *password)
{
  return mech_drive_new_named (stem, NULL, user, password);
}

MechDrive *
mech_drive_new_named (const char *stem, const char *name, const char *user, const char *password)
{
  const VeredaPlugin *plugin = mech_plugin_load (stem, NULL);
  MechDrive *d = g_new0 (MechDrive, 1);

  d->mech = find_mech (plugin, name);
  d->host = (VeredaHost){ .struct_size = sizeof (VeredaHost), .self = d, .debug = drive_debug, .random = drive_random };
  d->auth = g_malloc0 (d->mech->instance_size);
  d->exchange = (VeredaExchange){
    .struct_size = sizeof (VeredaExchange),
    .service = "smtp",
    .server_name = "mail.example.org",
    .self = d,
    .credential = drive_credential,
    .binding = drive_binding,
  };
  *d->auth = (VeredaAuth){ .ops = d->mech, .host = &d->host, .exchange = &d->exchange };
  d->response = g_byte_array_sized_new (VEREDA_AUTH_RESPONSE_MAX);
  if (user != NULL)
    mech_drive_set (d, VEREDA_CRED_AUTHCID, user, strlen (user));
  if (password != NULL)
    mech_drive_set (d, VEREDA_CRED_PASSWORD, password, strlen (password));
  if (plugin->init != NULL)
    g_assert_true (plugin->init (&d->host, NULL));
  if (d->mech->start != NULL)
    g_assert_true (d->mech->start (d->auth, NULL));
  return d;
}

void
mech_drive_free (MechDrive *d)
{
  if (d->mech->clear != NULL)
    d->mech->clear (d->auth);
  explicit_bzero (d->auth, d->mech->instance_size);
  g_free (d->auth);
  explicit_bzero (d->response->data, VEREDA_AUTH_RESPONSE_MAX);
  g_byte_array_unref (d->response);
  g_clear_error (&d->error);
  g_free (d->hint);
  g_free (d);
}

void
mech_drive_set (MechDrive *d, VeredaCred kind, const void *data, gsize size)
{
  d->creds[kind] = (VeredaSpan){ data, size };
}

VeredaStep
mech_drive_step (MechDrive *d, const void *challenge, gsize size)
{
  const VeredaSpan span = { challenge, size };
  const guint8 *place = d->response->data;
  VeredaStep s;

  g_clear_error (&d->error);
  g_byte_array_set_size (d->response, 0);
  s = d->mech->step (d->auth, challenge != NULL ? &span : NULL, d->response, &d->error);

  g_assert_true (d->response->data == place);
  g_assert_cmpuint (d->response->len, <=, VEREDA_AUTH_RESPONSE_MAX);
  g_assert_true ((s == VEREDA_STEP_FAILED) == (d->error != NULL));
  if (s == VEREDA_STEP_FAILED || s == VEREDA_STEP_WAIT)
    g_assert_cmpuint (d->response->len, ==, 0);
  if (d->error != NULL)
    {
      g_assert_true (d->error->domain == VEREDA_AUTH_ERROR);
      for (gsize i = 0; i < N_CREDS; i++)
        if (d->creds[i].size > 3)
          g_assert_null (memmem (d->error->message, strlen (d->error->message), d->creds[i].data, d->creds[i].size));
    }
  return s;
}

VeredaStep
mech_drive_say (MechDrive *d, const char *challenge)
{
  return mech_drive_step (d, challenge, strlen (challenge));
}

static char *
escape (const void *data, gsize size)
{
  GString *text = g_string_new (NULL);

  for (gsize i = 0; i < size; i++)
    {
      guint8 c = ((const guint8 *) data)[i];

      g_string_append_printf (text, c >= ' ' && c < 127 ? "%c" : "\\x%02x", c);
    }
  return g_string_free (text, FALSE);
}

void
mech_check_response (const char *file, int line, const MechDrive *d, const void *data, gsize size)
{
  g_autofree char *got = NULL, *wanted = NULL;

  if (d->response->len == size && (size == 0 || memcmp (d->response->data, data, size) == 0))
    return;
  got = escape (d->response->data, d->response->len);
  wanted = escape (data, size);
  g_error ("%s:%d: %s responds\n  %s\nand should\n  %s", file, line, d->mech->name, got, wanted);
}
