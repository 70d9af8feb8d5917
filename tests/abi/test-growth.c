/* SPDX-License-Identifier: MIT */
/*
 * Old plugins meet a new core and new plugins an old one.  This program is built twice: with the core as it is, and with a core whose
 * SDK headers have grown (tests/abi/grow.py); each loads the plugin probe.c as built with headers frozen at 1.0, with today's, and
 * with grown ones, and uses every struct that may grow.
 */
#include <string.h>

#include "../zoo/pen.h"
#include "core/base/error.h"
#include "core/net/layer.h"
#include "core/plugin/host.h"
#include "core/plugin/loader.h"
#include "core/plugin/registry.h"
#include "core/smtp/sasl.h"

#ifdef VEREDA_GROWN
#define CORE "grown"
#else
#define CORE "today"
#endif
#if defined(TEST_GROWN) != defined(VEREDA_GROWN)
#error "the wrong headers were found"
#endif

static const struct
{
  const char *stem;
  gboolean knows; /* the members that came later */
  gboolean explains;
} probes[] = {
  { "probe_1_0", FALSE, TRUE },
  { "probe_today", FALSE, TRUE },
  { "probe_short", FALSE, FALSE },
  { "probe_grown", TRUE, TRUE },
};

static const VeredaPlugin *
load (const char *dir, const char *stem)
{
  g_autoptr (VeredaRegistry) registry = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *sections = g_strdup_printf (
      "[Mechanism X-PROBE]\nExposure=weak-proof\nNeeds=authcid\nFlags=client-first\n[Transport %s]\nRoles=wrap\n", stem);
  const VeredaPlugin *plugin;

  pen_keyfile (dir, stem, sections);
  pen_module (dir, stem);
  registry = pen_registry (dir, NULL);
  plugin = vd_loader_load (vd_registry_records (registry)->pdata[0], &error);
  g_assert_no_error (error);
  return plugin;
}

/* --- a mechanism --- */

static VeredaCredState
give_user (gpointer data, VeredaCred kind, const char *hint, VeredaSpan *ret)
{
  *ret = (VeredaSpan){ "tim", 3 };
  return kind == VEREDA_CRED_AUTHCID ? VEREDA_CRED_HAVE : VEREDA_CRED_NONE;
}

static void
test_mech (gconstpointer data)
{
  const guint i = GPOINTER_TO_UINT (data);
  static const char *const offered[] = { "X-PROBE", "PLAIN", NULL };
  const VdSaslSource source = { NULL, give_user, NULL };
  const VdSaslFacts facts = { .server_name = "mail.example.org", .tls_ssf = 256, .offered = offered };
  g_autoptr (PenDir) dir = pen_new ();
  const VeredaPlugin *plugin = load (dir, probes[i].stem);
  g_autoptr (GError) error = NULL;
  g_autoptr (VdSasl) sasl = vd_sasl_new (plugin->mechs[0], vd_host_get (), &source, &facts, &error);
  GByteArray *response = NULL;

  g_assert_no_error (error);
  g_assert_cmpint (vd_sasl_step (sasl, NULL, &response, &error), ==, VEREDA_STEP_DONE);
  g_assert_no_error (error);
  g_byte_array_append (response, (const guint8 *) "", 1);
  /* This core fills no later member, whether or not it has room for them. */
  g_assert_cmpstr ((const char *) response->data, ==, "tim smtp mail.example.org X-PROBE -");
  g_autoptr (GError) why = vd_sasl_explain (sasl);
  g_assert_cmpint (why != NULL, ==, probes[i].explains);
#ifdef VEREDA_GROWN
  g_assert_cmpint (VEREDA_HAS (VeredaMech, plugin->mechs[0], later_mech), ==, probes[i].knows);
  g_assert_cmpint (VEREDA_HAS (VeredaPlugin, plugin, later_plugin), ==, probes[i].knows);
  if (probes[i].knows)
    g_assert_cmpstr (plugin->mechs[0]->later_mech (NULL), ==, "mech");
#endif
}

/* What the core lends, lent by hand with the later members set: a plugin that knows them sees them, and no other is hurt. */
static int
later_host (void *self, int value)
{
  return 2 * value;
}

static void
test_lent (gconstpointer data)
{
  const guint i = GPOINTER_TO_UINT (data);
  g_autoptr (PenDir) dir = pen_new ();
  const VeredaPlugin *plugin = load (dir, probes[i].stem);
  VeredaHost *host = g_memdup2 (vd_host_get (), sizeof (VeredaHost)); /* on the heap, so that a checker sees its end */
  g_autoptr (GError) error = NULL;
  gboolean set = FALSE;

  g_assert_cmpint (later_host (NULL, 3), ==, 6);
#ifdef VEREDA_GROWN
  host->later_host = later_host;
  set = TRUE;
#endif
  g_assert_true (plugin->init (host, &error));
  g_assert_cmpint (set, ==, strcmp (CORE, "grown") == 0);
  g_free (host);
}

/* --- a transport --- */

static gboolean
open_nothing (VeredaLayer *l, int fd, GError **error)
{
  return TRUE;
}

static VeredaIo
read_nothing (VeredaLayer *l, void *buf, size_t size, size_t *ret_n, GError **error)
{
  return VEREDA_IO_EOF;
}

static VeredaIo
write_nothing (VeredaLayer *l, const VeredaSpan *v, size_t n, size_t *ret_n, GError **error)
{
  *ret_n = v[0].size;
  return VEREDA_IO_DONE;
}

static void
clear_nothing (VeredaLayer *l)
{
}

static const VeredaTransport bottom = {
  .struct_size = sizeof (VeredaTransport),
  .instance_size = sizeof (VeredaLayer),
  .name = "nothing",
  .description = "nothing",
  .open = open_nothing,
  .read = read_nothing,
  .writev = write_nothing,
  .clear = clear_nothing,
};

static void
test_transport (gconstpointer data)
{
  const guint i = GPOINTER_TO_UINT (data);
  g_autoptr (PenDir) dir = pen_new ();
  const VeredaPlugin *plugin = load (dir, probes[i].stem);
  VeredaTlsSettings *settings = g_new0 (VeredaTlsSettings, 1); /* on the heap, so that a checker sees its end */
  const char *expected = "mail.example.org NORMAL -";
  VdStack *stack = vd_stack_new (vd_host_get ());
  g_autoptr (GError) error = NULL;
  VeredaFactValue value = { 0 };
  char buf[128] = "";
  gsize n = 0;

  settings->struct_size = sizeof *settings;
  settings->peer_name = "mail.example.org";
  settings->priority = "NORMAL";
#ifdef VEREDA_GROWN
  settings->later_settings = "settings";
  if (probes[i].knows)
    expected = "mail.example.org NORMAL settings";
#endif
  g_assert_true (vd_stack_open (stack, &bottom, 0, &error));
  g_assert_true (vd_stack_wrap (stack, plugin->transports[0], settings, &error));
  g_free (settings);
  g_assert_no_error (error);
  g_assert_cmpint (vd_stack_handshake (stack, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpint (vd_stack_read (stack, buf, sizeof buf - 1, &n, &error), ==, VEREDA_IO_DONE);
  g_assert_cmpuint (n, ==, strlen (expected));
  g_assert_cmpstr (buf, ==, expected);
  g_assert_true (vd_stack_fact (stack, VEREDA_FACT_TLS_VERSION, &value));
  g_assert_cmpint (value.num, ==, 0x0304);
#ifdef VEREDA_GROWN
  g_assert_cmpint (VEREDA_HAS (VeredaTransport, plugin->transports[0], later_transport), ==, probes[i].knows);
  if (probes[i].knows)
    g_assert_cmpstr (plugin->transports[0]->later_transport (NULL), ==, "transport");
#endif
  vd_stack_free (stack);
}

static void
add (const char *what, guint i, GTestDataFunc func)
{
  g_autofree char *path = g_strdup_printf ("/growth/%s-core/%s/%s", CORE, probes[i].stem, what);

  g_test_add_data_func (path, GUINT_TO_POINTER (i), func);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (probes); i++)
    {
      add ("mechanism", i, test_mech);
      add ("lent", i, test_lent);
      add ("transport", i, test_transport);
    }
  return g_test_run ();
}
