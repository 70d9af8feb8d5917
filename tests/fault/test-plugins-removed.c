/* SPDX-License-Identifier: MIT */
/*
 * Plugins that are gone: the program sends with what is left, says clearly when nothing is, and never sends in clear where TLS is required.
 */
#include "fault.h"

#include <glib/gstdio.h>

typedef struct
{
  const char *gone; /* a TLS back end; NULL: all of them */
  gboolean keyfile; /* its keyfile stays behind */
  gboolean implicit;
} Case;

/* Plugins in a directory of the test's own, less what `c` says; *ret_left: the back end that is left, or NULL. */
static char *
remove_plugins (const Case *c, const char **ret_left)
{
  const char *const *backends = fault_backends ();
  const char *without[8] = { NULL };
  guint n = 0;
  char *dir;

  *ret_left = NULL;
  for (guint i = 0; backends[i] != NULL; i++)
    if (c->gone == NULL || g_str_equal (backends[i], c->gone))
      without[n++] = backends[i];
    else
      *ret_left = backends[i];
  dir = fault_plugins_new (c->keyfile ? NULL : without);
  for (guint i = 0; c->keyfile && i < n; i++)
    {
      g_autofree char *leaf = g_strconcat (without[i], ".so", NULL), *path = g_build_filename (dir, leaf, NULL);

      g_assert_cmpint (g_unlink (path), ==, 0);
    }
  return dir;
}

static const char *
script_of (const Case *c)
{
  return c->implicit ? "tls good\next AUTH PLAIN;STARTTLS\nhello\nserve"
                     : "ext STARTTLS\nhello\nstarttls good\next AUTH PLAIN\nserve";
}

static void
test_other_back_end (gconstpointer data)
{
  const Case *c = data;
  const char *left;
  g_autoptr (FaultPlugins) dir = remove_plugins (c, &left);
  g_autoptr (KitScript) server = kit_script_new (script_of (c), NULL);
  g_autoptr (Fault) fault = fault_new ();
  VeredaAttempt *attempt;

  if (left == NULL)
    {
      g_test_skip ("only one TLS transport was built");
      return;
    }
  fault_use_plugins (fault, dir);
  fault_server (fault, server);
  fault_tls (fault, c->implicit ? "implicit" : "starttls", NULL);
  fault_credentials (fault);
  fault_send (fault);
  fault_expect_sent (fault);
  fault_expect_clean (server);
  fault_expect_no_mail_in_clear (server);
  attempt = fault_expect_attempt (fault, VEREDA_STAGE_TLS, VEREDA_DECISION_CONTINUE, NULL);
  g_assert_nonnull (strstr (vereda_attempt_get_transport (attempt), left));
}

/* Named by the caller and not there: an error, not another one instead. */
static void
test_named_is_gone (gconstpointer data)
{
  const Case *c = data;
  const char *left;
  g_autoptr (FaultPlugins) dir = remove_plugins (c, &left);
  g_autoptr (KitScript) server = kit_script_new (script_of (c), NULL);
  g_autoptr (Fault) fault = fault_new ();

  fault_use_plugins (fault, dir);
  fault_server (fault, server);
  fault_tls (fault, c->implicit ? "implicit" : "starttls", c->gone);
  fault_send (fault);
  fault_expect_error (fault, VEREDA_ERROR_PLUGIN, c->gone);
  fault_expect_connections (server, 0);
}

/* A list of two: the second is taken. */
static void
test_named_list (gconstpointer data)
{
  const Case *c = data;
  const char *left;
  g_autoptr (FaultPlugins) dir = remove_plugins (c, &left);
  g_autoptr (KitScript) server = kit_script_new (script_of (c), NULL);
  g_autoptr (Fault) fault = fault_new ();
  g_autofree char *list = g_strdup_printf ("%s,%s", c->gone, left != NULL ? left : "");

  if (left == NULL)
    {
      g_test_skip ("only one TLS transport was built");
      return;
    }
  fault_use_plugins (fault, dir);
  fault_server (fault, server);
  fault_tls (fault, c->implicit ? "implicit" : "starttls", list);
  fault_send (fault);
  fault_expect_sent (fault);
  fault_expect_attempt (fault, VEREDA_STAGE_PLUGIN, VEREDA_DECISION_NEXT_TRANSPORT, c->gone);
}

/* Nothing can do TLS: said before anybody is contacted, whatever makes TLS required. */
static void
test_none_required (gconstpointer data)
{
  const Case *c = data;
  const char *left;
  g_autoptr (FaultPlugins) dir = remove_plugins (c, &left);
  static const struct
  {
    const char *tls;
    gboolean credentials;
  } rows[]
      = { { "starttls", FALSE }, { "implicit", FALSE }, { "auto", TRUE }, { "opportunistic", TRUE }, { "starttls", TRUE } };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (KitScript) server = kit_script_new ("ext STARTTLS;AUTH PLAIN LOGIN\nhello\nserve", NULL);
      g_autoptr (Fault) fault = fault_new ();

      fault_use_plugins (fault, dir);
      fault_server (fault, server);
      fault_set (fault, "tls", rows[i].tls);
      if (rows[i].credentials)
        fault_credentials (fault);
      fault_send (fault);
      fault_expect_error (fault, VEREDA_ERROR_PLUGIN, "TLS");
      fault_expect_connections (server, 0);
      fault_expect_attempt (fault, VEREDA_STAGE_PLUGIN, VEREDA_DECISION_STOP, NULL);
    }
}

/* Insecure, from a policy, is no plugin: where TLS is required nothing is sent even then. */
static void
test_none_insecure_policy (gconstpointer data)
{
  const Case *c = data;
  const char *left;
  g_autoptr (FaultPlugins) dir = remove_plugins (c, &left);
  g_autoptr (KitScript) server = kit_script_new ("ext STARTTLS\nhello\nserve", NULL);
  g_autoptr (Fault) fault = fault_new ();

  fault_use_plugins (fault, dir);
  fault_server (fault, server);
  fault_set (fault, "tls", "starttls");
  fault_policy (fault, VEREDA_TLS_INSECURE);
  fault_send (fault);
  fault_expect_error (fault, VEREDA_ERROR_PLUGIN, NULL);
  fault_expect_no_mail_in_clear (server);
}

/* Only where offered: the policy decides, as for a server that does not offer it. */
static void
test_none_opportunistic (gconstpointer data)
{
  const Case *c = data;
  const char *left;
  g_autoptr (FaultPlugins) dir = remove_plugins (c, &left);
  static const struct
  {
    const char *standing; /* NULL: none */
    int callback;         /* -1: none */
    gboolean sent;
  } rows[] = { { NULL, -1, TRUE },
               { "secure", -1, FALSE },
               { "insecure", -1, TRUE },
               { NULL, VEREDA_TLS_SECURE, FALSE },
               { NULL, VEREDA_TLS_INSECURE, TRUE } };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (KitScript) server
          = kit_script_new ("ext STARTTLS\nhello\n< STARTTLS\n> 220 go\ndrain", "ext STARTTLS\nhello\nserve", NULL);
      g_autoptr (KitScript) quiet = kit_script_new ("ext STARTTLS\nhello\nserve", NULL);
      g_autoptr (Fault) fault = fault_new ();

      g_test_message ("row %d", (int) i);
      fault_use_plugins (fault, dir);
      /* With the keyfile there the server is asked for STARTTLS first, and the missing module is found out after it agreed. */
      fault_server (fault, c->keyfile ? server : quiet);
      fault_set (fault, "tls", "opportunistic");
      fault_set (fault, "tlspolicy", rows[i].standing);
      if (rows[i].callback >= 0)
        fault_policy (fault, (VeredaTlsDecision) rows[i].callback);
      fault_send (fault);
      if (!rows[i].sent)
        {
          g_assert_false (fault->sent);
          fault_expect_no_mail_in_clear (server);
          fault_expect_no_mail_in_clear (quiet);
          continue;
        }
      fault_expect_sent (fault);
      g_assert_cmpuint (vereda_result_get_n_warnings (fault->result), ==, 1); /* once, and never silently */
      g_assert_nonnull (strstr (vereda_result_get_warning (fault->result, 0), "clear"));
    }
}

/* Without `plain` there is no descriptor to be had. */
static void
test_plain_is_gone (void)
{
  static const char *const without[] = { "plain", NULL };
  g_autoptr (FaultPlugins) dir = fault_plugins_new (without);
  g_autoptr (KitScript) server = kit_script_new ("hello\nserve", NULL);
  g_autoptr (Fault) fault = fault_new ();

  fault_use_plugins (fault, dir);
  fault_server (fault, server);
  fault_set (fault, "tls", "never");
  fault_send (fault);
  fault_expect_error (fault, VEREDA_ERROR_PLUGIN, "plain");
  fault_expect_connections (server, 0);
}

/* An empty directory, and none at all. */
static void
test_no_plugins (void)
{
  static const char *const dirs[][2] = { { "/nonexistent/vereda", NULL }, { NULL, NULL } };

  for (gsize i = 0; i < G_N_ELEMENTS (dirs); i++)
    {
      g_autoptr (KitScript) server = kit_script_new ("hello\nserve", NULL);
      g_autoptr (Fault) fault = fault_new ();
      g_autoptr (GError) error = NULL;
      g_autoptr (VeredaRegistry) registry = vereda_registry_new_from_dirs (dirs[i], &error);

      g_assert_no_error (error);
      vereda_options_set_registry (fault->options, registry);
      fault_server (fault, server);
      fault_set (fault, "tls", "never");
      fault_send (fault);
      fault_expect_error (fault, VEREDA_ERROR_PLUGIN, NULL);
      fault_expect_connections (server, 0);
    }
}

/* A plain send needs no TLS library, and loads none. */
static void
test_plain_loads_no_tls (void)
{
  g_autoptr (FaultPlugins) dir = fault_plugins_new (NULL);
  const char *const dirs[] = { dir, NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (VeredaRegistry) registry = vereda_registry_new_from_dirs (dirs, &error);
  g_autoptr (KitScript) server = kit_script_new ("ext STARTTLS;AUTH PLAIN\nhello\nserve", NULL);
  g_autoptr (Fault) fault = fault_new ();
  guint loaded = 0;

  g_assert_no_error (error);
  vereda_options_set_registry (fault->options, registry);
  fault_server (fault, server);
  fault_set (fault, "tls", "never");
  fault_send (fault);
  fault_expect_sent (fault);
  for (guint i = 0; i < vereda_registry_get_n_entries (registry); i++)
    {
      VeredaRegistryEntry *entry = vereda_registry_get_entry (registry, i);

      if (!vereda_registry_entry_is_loaded (entry))
        continue;
      g_assert_cmpstr (vereda_registry_entry_get_stem (entry), ==, "plain");
      loaded++;
    }
  g_assert_cmpuint (loaded, >, 0);
}

static void
add (const char *name, const Case *c, GTestDataFunc func)
{
  g_autofree char *path = g_strdup_printf ("/plugins/%s/%s-%s%s", name, c->gone != NULL ? c->gone : "all",
                                           c->keyfile ? "module" : "plugin", c->implicit ? "/implicit" : "");
  Case *copy = g_new (Case, 1);

  *copy = *c;
  g_test_add_data_func_full (path, copy, func, g_free);
}

int
main (int argc, char **argv)
{
  const char *const *backends;

  g_test_init (&argc, &argv, NULL);
  backends = fault_backends ();
  for (int keyfile = 0; keyfile < 2; keyfile++)
    {
      const Case all = { NULL, keyfile, FALSE };

      for (guint i = 0; backends[i] != NULL; i++)
        for (int implicit = 0; implicit < 2; implicit++)
          {
            const Case c = { backends[i], keyfile, implicit };

            add ("other-back-end", &c, test_other_back_end);
            add ("named-is-gone", &c, test_named_is_gone);
            add ("named-list", &c, test_named_list);
          }
      add ("none-required", &all, test_none_required);
      add ("none-insecure-policy", &all, test_none_insecure_policy);
      add ("none-opportunistic", &all, test_none_opportunistic);
    }
  g_test_add_func ("/plugins/plain-is-gone", test_plain_is_gone);
  g_test_add_func ("/plugins/no-plugins", test_no_plugins);
  g_test_add_func ("/plugins/plain-loads-no-tls", test_plain_loads_no_tls);
  return g_test_run ();
}
