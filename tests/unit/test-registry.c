/* SPDX-License-Identifier: MIT */
/* Tests of the registry: what is found, in which order, why not, and that looking opens nothing. */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../zoo/pen.h"
#include "core/plugin/loader.h"
#include "core/plugin/mode.h"
#include "core/plugin/registry.h"

static const VdAuthPolicy usual = VD_AUTH_POLICY_INIT;
static const VdAuthContext anything = { .tls_active = TRUE, .tls_verified = TRUE, .credentials = G_MAXUINT, .host = TRUE };

static VeredaRegistryEntry *
find_entry (VeredaRegistry *registry, const char *name, const char *stem)
{
  for (guint i = 0; i < vereda_registry_get_n_entries (registry); i++)
    {
      VeredaRegistryEntry *entry = vereda_registry_get_entry (registry, i);
      if (strcmp (vereda_registry_entry_get_name (entry), name) == 0
          && strcmp (vereda_registry_entry_get_stem (entry), stem) == 0)
        return entry;
    }
  g_test_message ("no entry %s of %s", name, stem);
  g_assert_not_reached ();
}

static VdCandidate *
find_candidate (GPtrArray *candidates, const char *mech, const char *stem)
{
  for (guint i = 0; i < candidates->len; i++)
    {
      VdCandidate *candidate = candidates->pdata[i];
      if (strcmp (candidate->mechanism, mech) == 0 && g_strcmp0 (candidate->stem, stem) == 0)
        return candidate;
    }
  g_test_message ("no candidate %s of %s", mech, stem);
  g_assert_not_reached ();
}

static void
assert_nothing_opened (void)
{
  g_auto (GStrv) opened = vd_loader_opened ();
  g_assert_cmpuint (g_strv_length (opened), ==, 0);
}

static char *
names_of (GPtrArray *strings)
{
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < strings->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? " " : "", (char *) strings->pdata[i]);
  return g_string_free (text, FALSE);
}

/* The first test of the file: the loader's record is empty before, and listing, asking and choosing leave it so. */
static void
test_listing_opens_nothing (void)
{
  static const char *const offered[] = { "ZOO", "PLAIN", NULL };
  g_autoptr (PenDir) dir = pen_new ();
  pen_mech (dir, "zoo_good", 100);
  pen_transport (dir, "zootls_a", "zootls_a", 100);
  g_autoptr (VeredaRegistry) registry = pen_registry (dir, NULL);
  g_assert_cmpuint (vereda_registry_get_n_entries (registry), ==, 3);
  VeredaRegistryEntry *mech = find_entry (registry, "ZOO", "zoo_good");
  g_assert_cmpint (vereda_registry_entry_get_kind (mech), ==, VEREDA_ENTRY_MECHANISM);
  g_assert_cmpint (vereda_registry_entry_get_state (mech), ==, VEREDA_ENTRY_OK);
  g_assert_cmpstr (vereda_registry_entry_get_reason (mech), ==, NULL);
  g_assert_cmpstr (vereda_registry_entry_get_strength_words (mech), ==, "weak-proof; hash 128");
  g_assert_cmpuint (vereda_registry_entry_get_strength (mech), ==, 2005);
  g_assert_cmpint (vereda_registry_entry_get_rank (mech), ==, 100);
  g_assert_cmpuint (vereda_registry_entry_get_abi (mech), ==, 1);
  g_assert_cmpstr (vereda_registry_entry_get_version (mech), ==, "1.0");
  g_assert_cmpstr (vereda_registry_entry_get_license (mech), ==, "MIT");
  g_assert_cmpstr (vereda_registry_entry_get_description (mech), ==, "zoo");
  g_assert_cmpstr (vereda_registry_entry_get_needs (mech)[0], ==, "authcid");
  g_assert_cmpstr (vereda_registry_entry_get_needs (mech)[1], ==, NULL);
  g_assert_cmpstr (vereda_registry_entry_get_flags (mech)[0], ==, "client-first");
  g_assert_cmpstr (vereda_registry_entry_get_mode (mech), ==, NULL);
  g_assert_true (g_str_has_suffix (vereda_registry_entry_get_file (mech), "/zoo_good.so"));
  g_assert_true (g_str_has_suffix (vereda_registry_entry_get_keyfile (mech), "/zoo_good.plugin"));
  VeredaRegistryEntry *tls = find_entry (registry, "starttls/zootls_a", "zootls_a");
  g_assert_cmpstr (vereda_registry_entry_get_mode (tls), ==, "starttls");
  g_assert_cmpstr (vereda_registry_entry_get_transport (tls), ==, "zootls_a");
  g_assert_cmpuint (vereda_registry_entry_get_strength (tls), ==, 0);
  g_assert_null (vereda_registry_get_entry (registry, 3));
  g_autoptr (GPtrArray) candidates = vd_registry_mechanisms (registry, offered, &usual, &anything);
  g_assert_cmpuint (candidates->len, ==, 2);
  g_autoptr (GPtrArray) modes = vd_registry_modes (registry);
  g_assert_cmpuint (modes->len, ==, 2);
  assert_nothing_opened ();
  g_assert_false (vereda_registry_entry_is_loaded (mech));

  g_autoptr (GError) error = NULL;
  g_assert_true (vereda_registry_load_entry (registry, mech, &error));
  g_assert_no_error (error);
  g_assert_true (vereda_registry_entry_is_loaded (mech));
  g_assert_false (vereda_registry_entry_is_loaded (tls));
  g_auto (GStrv) opened = vd_loader_opened ();
  g_assert_cmpstr (opened[0], ==, "zoo_good");
  g_assert_cmpstr (opened[1], ==, NULL);
}

/* Rows in the order of strength: transports by mode then rank, mechanisms by strength, what is broken last. */
static void
test_entries_order (void)
{
  static const char *const want[] = { "implicit/zootls_b",
                                      "implicit/zootls_a",
                                      "starttls/zootls_b",
                                      "starttls/zootls_a",
                                      "plain",
                                      "GSSAPI",
                                      "CRAM-MD5",
                                      "PLAIN",
                                      "LOGIN",
                                      "broken" };
  g_autoptr (PenDir) dir = pen_new ();
  pen_transport (dir, "zootls_a", "zootls_a", 100);
  pen_transport (dir, "zootls_b", "zootls_b", 110);
  pen_keyfile (dir, "plain", "[Transport plain]\nRoles=open\nRank=900\n");
  pen_keyfile (dir, "mix",
               "[Mechanism LOGIN]\nExposure=password\n[Mechanism PLAIN]\nExposure=password\nSsf=1\n"
               "[Mechanism GSSAPI]\nExposure=nothing\nRank=-5\n[Mechanism CRAM-MD5]\nExposure=weak-proof\nRank=999\n");
  pen_write (dir, "broken.plugin", "[Plugin]\nAbi=7\nName=broken\n");
  g_autoptr (VeredaRegistry) registry = pen_registry (dir, NULL);
  g_assert_cmpuint (vereda_registry_get_n_entries (registry), ==, G_N_ELEMENTS (want));
  for (guint i = 0; i < G_N_ELEMENTS (want); i++)
    g_assert_cmpstr (vereda_registry_entry_get_name (vereda_registry_get_entry (registry, i)), ==, want[i]);
  VeredaRegistryEntry *broken = find_entry (registry, "broken", "broken");
  g_assert_cmpint (vereda_registry_entry_get_kind (broken), ==, VEREDA_ENTRY_BROKEN);
  g_assert_cmpint (vereda_registry_entry_get_state (broken), ==, VEREDA_ENTRY_FAILED);
  g_assert_nonnull (
      strstr (vereda_registry_entry_get_reason (broken), "broken.plugin: [Plugin] Abi: the plugin is for interface 7"));
  g_assert_cmpuint (vereda_registry_entry_get_abi (broken), ==, 0);
  g_assert_cmpstr (vereda_registry_entry_get_needs (broken)[0], ==, NULL);
  g_autoptr (GError) error = NULL;
  g_assert_false (vereda_registry_load_entry (registry, broken, &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN);
}

/* Each file that must not be used is reported with its reason, and the others are found all the same. */
static void
test_bad_files (void)
{
  g_autoptr (PenDir) dir = pen_new ();
  g_autofree char *link_path = g_build_filename (dir, "linked.plugin", NULL);
  g_autofree char *owned_path = g_build_filename (dir, "owned.plugin", NULL);
  g_autofree char *dir_path = g_build_filename (dir, "folder.plugin", NULL);
  pen_mech (dir, "zoo_good", 100);
  pen_keyfile (dir, "grouped", PEN_ZOO_SECTION);
  pen_chmod (dir, "grouped.plugin", 0664);
  pen_keyfile (dir, "owned", PEN_ZOO_SECTION);
  pen_keyfile (dir, "liar", PEN_ZOO_SECTION "Traits=telepathy\n");
  g_assert_cmpint (symlink ("zoo_good.plugin", link_path), ==, 0);
  g_assert_cmpint (g_mkdir (dir_path, 0755), ==, 0);
  pen_write (dir, "Evil.plugin", "");
  pen_write (dir, "..x.plugin", "");
  pen_write (dir, "a b.plugin", "");
  pen_write (dir, "re\033[2Jd.plugin", "");
  pen_write (dir, "readme.txt", "");
  if (geteuid () == 0)
    g_assert_cmpint (chown (owned_path, 65534, 65534), ==, 0);
  g_autoptr (VeredaRegistry) registry = pen_registry (dir, NULL);
  static const struct
  {
    const char *name;
    const char *says;
  } cases[] = {
    { "grouped", "grouped.plugin: is writable by its group" },
    { "liar", "liar.plugin: [Mechanism ZOO] Traits: unknown word \"telepathy\"" },
    { "linked", "linked.plugin: is a symbolic link" },
    { "folder", "folder.plugin: is not a regular file" },
    { "Evil", "\"Evil\" is not a plugin name" },
    { "a b", "\"a b\" is not a plugin name" },
    { "re\\x1B[2Jd", "\"re\\x1B[2Jd\" is not a plugin name" },
    { "owned", "owned.plugin: belongs neither to root" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases) - (geteuid () != 0); i++)
    {
      VeredaRegistryEntry *entry = find_entry (registry, cases[i].name, cases[i].name);
      g_assert_cmpint (vereda_registry_entry_get_state (entry), ==, VEREDA_ENTRY_FAILED);
      g_assert_nonnull (strstr (vereda_registry_entry_get_reason (entry), cases[i].says));
    }
  g_assert_cmpint (vereda_registry_entry_get_state (find_entry (registry, "ZOO", "zoo_good")), ==, VEREDA_ENTRY_OK);
}

static void
test_bad_directories (void)
{
  g_autoptr (PenDir) writable = pen_new ();
  g_autoptr (PenDir) good = pen_new ();
  g_autoptr (GError) error = NULL;
  pen_mech (writable, "zoo_other", 900);
  pen_mech (good, "zoo_good", 100);
  g_assert_cmpint (g_chmod (writable, 0777), ==, 0);
  g_autofree char *missing = g_build_filename (good, "nowhere", NULL);
  g_autofree char *file = g_build_filename (good, "zoo_good.so", NULL);
  const char *dirs[] = { writable, missing, file, good, NULL };
  g_autoptr (VeredaRegistry) registry = vereda_registry_new_from_dirs (dirs, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (vereda_registry_get_n_entries (registry), ==, 1);
  const char *const *warnings = vereda_registry_get_warnings (registry);
  g_assert_cmpuint (g_strv_length ((char **) warnings), ==, 3);
  g_assert_nonnull (strstr (warnings[0], "is writable by"));
  g_assert_nonnull (strstr (warnings[1], "No such file"));
  g_assert_cmpstr (vereda_registry_get_directories (registry)[3], ==, good);
  const char *relative[] = { "plugins", NULL };
  g_assert_null (vereda_registry_new_from_dirs (relative, &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION);
}

static void
test_shadowed (void)
{
  g_autoptr (PenDir) first = pen_new ();
  g_autoptr (PenDir) second = pen_new ();
  pen_keyfile (first, "zoo_good", "[Mechanism ZOO]\nExposure=proof\n");
  pen_mech (second, "zoo_good", 100);
  g_autoptr (VeredaRegistry) registry = pen_registry (first, second, NULL);
  g_assert_cmpuint (vereda_registry_get_n_entries (registry), ==, 2);
  VeredaRegistryEntry *used = vereda_registry_get_entry (registry, 0);
  VeredaRegistryEntry *shadowed = vereda_registry_get_entry (registry, 1);
  g_assert_cmpint (vereda_registry_entry_get_state (used), ==, VEREDA_ENTRY_OK);
  g_assert_cmpint (vereda_registry_entry_get_state (shadowed), ==, VEREDA_ENTRY_SHADOWED);
  g_assert_nonnull (strstr (vereda_registry_entry_get_reason (shadowed), first));
  g_autoptr (GError) error = NULL;
  g_assert_false (vereda_registry_load_entry (registry, shadowed, &error));
  g_assert_nonnull (strstr (error->message, "is used instead"));
  g_assert_cmpint (vereda_registry_entry_get_state (shadowed), ==, VEREDA_ENTRY_SHADOWED);
  static const char *const offered[] = { "ZOO", NULL };
  g_autoptr (GPtrArray) candidates = vd_registry_mechanisms (registry, offered, &usual, &anything);
  g_assert_cmpuint (candidates->len, ==, 1);
}

/* A module that is not there: told with its reason, and the next candidate is taken. */
static void
test_next_candidate (void)
{
  static const char *const offered[] = { "zoo", NULL };
  g_autoptr (PenDir) dir = pen_new ();
  g_autoptr (GError) error = NULL;
  pen_keyfile (dir, "zoo_absent", PEN_ZOO_SECTION "Rank=300\n");
  pen_mech (dir, "zoo_other", 200);
  pen_mech (dir, "zoo_good", 100);
  pen_chmod (dir, "zoo_other.so", 0666);
  g_autoptr (VeredaRegistry) registry = pen_registry (dir, NULL);
  g_autoptr (GPtrArray) candidates = vd_registry_mechanisms (registry, offered, &usual, &anything);
  g_assert_cmpuint (candidates->len, ==, 3);
  static const char *const order[] = { "zoo_absent", "zoo_other", "zoo_good" };
  static const char *const says[] = { "zoo_absent.so: No such file", "zoo_other.so: is writable by its group", NULL };
  for (guint i = 0; i < 3; i++)
    {
      VdCandidate *candidate = candidates->pdata[i];
      g_assert_cmpstr (candidate->stem, ==, order[i]);
      g_assert_true (candidate->usable);
      const VeredaMech *mech = vd_registry_load_mechanism (registry, candidate, &error);
      g_assert_cmpint (mech == NULL, ==, says[i] != NULL);
      if (mech != NULL)
        g_assert_cmpstr (mech->name, ==, "ZOO");
      else
        g_assert_nonnull (strstr (error->message, says[i]));
      g_clear_error (&error);
    }
  g_autoptr (GPtrArray) again = vd_registry_mechanisms (registry, offered, &usual, &anything);
  VdCandidate *absent = find_candidate (again, "ZOO", "zoo_absent");
  g_assert_false (absent->usable);
  g_assert_cmpint (absent->reason, ==, VD_AUTH_BROKEN);
  g_assert_nonnull (strstr (absent->text, "No such file"));
  g_assert_cmpint (vereda_registry_entry_get_state (find_entry (registry, "ZOO", "zoo_absent")), ==, VEREDA_ENTRY_FAILED);
}

static void
test_candidates (void)
{
  static const char *const offered[] = { "login", "X-STRANGE", "PLAIN", "X\x1b[2J", "x-strange", "CRAM-MD5", NULL };
  static const char *const want[] = { "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN", "X-STRANGE", "X\\x1B[2J" };
  static const VdAuthReason reasons[]
      = { VD_AUTH_NOT_OFFERED, VD_AUTH_USABLE, VD_AUTH_CLEARTEXT, VD_AUTH_CLEARTEXT, VD_AUTH_NO_PLUGIN, VD_AUTH_NO_PLUGIN };
  g_autoptr (PenDir) dir = pen_new ();
  pen_keyfile (dir, "mix",
               "[Mechanism LOGIN]\nExposure=password\n[Mechanism PLAIN]\nExposure=password\nSsf=1\n"
               "[Mechanism SCRAM-SHA-1]\nExposure=proof\n[Mechanism CRAM-MD5]\nExposure=weak-proof\n");
  g_autoptr (VeredaRegistry) registry = pen_registry (dir, NULL);
  VdAuthContext clear = { .credentials = G_MAXUINT };
  g_autoptr (GPtrArray) candidates = vd_registry_mechanisms (registry, offered, &usual, &clear);
  g_assert_cmpuint (candidates->len, ==, G_N_ELEMENTS (want));
  for (guint i = 0; i < G_N_ELEMENTS (want); i++)
    {
      VdCandidate *candidate = candidates->pdata[i];
      g_assert_cmpstr (candidate->mechanism, ==, want[i]);
      g_assert_cmpint (candidate->reason, ==, reasons[i]);
      g_assert_cmpint (candidate->usable, ==, reasons[i] == VD_AUTH_USABLE);
      g_assert_cmpint (candidate->text == NULL, ==, candidate->usable);
      g_assert_cmpint (candidate->offered, ==, i != 0);
    }
  g_autoptr (GError) error = NULL;
  g_assert_null (vd_registry_load_mechanism (registry, candidates->pdata[4], &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN);

  static const char *const allow[] = { "LOGIN", "SCRAM-SHA-1", "PLAIN", NULL };
  VdAuthPolicy pinned = VD_AUTH_POLICY_INIT;
  pinned.allow = allow;
  g_autoptr (GPtrArray) listed = vd_registry_mechanisms (registry, offered, &pinned, &anything);
  g_assert_cmpstr (((VdCandidate *) listed->pdata[0])->mechanism, ==, "LOGIN");
  g_assert_cmpstr (((VdCandidate *) listed->pdata[1])->mechanism, ==, "SCRAM-SHA-1");
  g_assert_cmpstr (((VdCandidate *) listed->pdata[2])->mechanism, ==, "PLAIN");
  g_assert_cmpint (find_candidate (listed, "CRAM-MD5", "mix")->reason, ==, VD_AUTH_NOT_ALLOWED);
  g_autoptr (GPtrArray) nothing = vd_registry_mechanisms (registry, NULL, &usual, &anything);
  g_assert_cmpuint (nothing->len, ==, 4);
}

/* Without one TLS library the other serves; without both that is said, and nothing else pretends to be one. */
static void
test_transports (void)
{
  g_autoptr (PenDir) dir = pen_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *module_a = g_build_filename (dir, "zootls_a.so", NULL);
  pen_transport (dir, "zootls_a", "zootls_a", 110);
  pen_transport (dir, "zootls_b", "zootls_b", 100);
  pen_keyfile (dir, "plain", "[Transport plain]\nRoles=open\n");
  {
    g_autoptr (VeredaRegistry) registry = pen_registry (dir, NULL);
    g_autoptr (GPtrArray) wrappers = vd_registry_wrappers (registry);
    g_autofree char *text = names_of (wrappers);
    g_assert_cmpstr (text, ==, "zootls_a zootls_b");
    g_assert_cmpstr (vd_registry_load_transport (registry, "zootls_a", &error)->name, ==, "zootls_a");
    g_assert_no_error (error);
  }
  g_assert_cmpint (g_unlink (module_a), ==, 0);
  {
    g_autoptr (VeredaRegistry) registry = pen_registry (dir, NULL);
    g_assert_null (vd_registry_load_transport (registry, "zootls_a", &error));
    g_assert_nonnull (strstr (error->message, "transport zootls_a: plugin \"zootls_a\""));
    g_assert_nonnull (strstr (error->message, "No such file"));
    g_clear_error (&error);
    g_autoptr (GPtrArray) wrappers = vd_registry_wrappers (registry);
    g_autofree char *text = names_of (wrappers);
    g_assert_cmpstr (text, ==, "zootls_b");
    g_assert_nonnull (vd_registry_load_transport (registry, "zootls_b", &error));
    g_autoptr (GPtrArray) modes = vd_registry_modes (registry);
    g_assert_cmpuint (modes->len, ==, 3);
    g_assert_cmpstr (((VdModeRow *) modes->pdata[0])->name, ==, "implicit/zootls_b");
    g_assert_cmpstr (((VdModeRow *) modes->pdata[2])->name, ==, "plain");
  }
  g_autoptr (PenDir) empty = pen_new ();
  g_autoptr (VeredaRegistry) registry = pen_registry (empty, NULL);
  g_assert_null (vd_registry_load_transport (registry, "../../lib/evil", &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN);
  g_assert_nonnull (strstr (error->message, "no plugin for it is installed and enabled"));
  g_autoptr (GPtrArray) modes = vd_registry_modes (registry);
  g_assert_cmpuint (modes->len, ==, 0);
}

/* Two plugins with a transport of the same name: the better ranked that loads. */
static void
test_transport_fallback (void)
{
  g_autoptr (PenDir) dir = pen_new ();
  g_autoptr (GError) error = NULL;
  pen_keyfile (dir, "better", "[Transport zootls_b]\nRoles=wrap\nRank=500\n");
  pen_transport (dir, "zootls_b", "zootls_b", 100);
  g_autoptr (VeredaRegistry) registry = pen_registry (dir, NULL);
  g_autoptr (GPtrArray) wrappers = vd_registry_wrappers (registry);
  g_assert_cmpuint (wrappers->len, ==, 1);
  g_assert_nonnull (vd_registry_load_transport (registry, "zootls_b", &error));
  g_assert_no_error (error);
}

static VeredaRegistry *
with_overrides (const char *dir, const char *overrides, const char *ranks)
{
  const char *dirs[] = { dir, NULL };
  VdRegistrySetup setup = { dirs, overrides, ranks };
  return vd_registry_new (&setup);
}

static void
test_overrides (void)
{
  static const char *const offered[] = { "ZOO", NULL };
  g_autoptr (PenDir) dir = pen_new ();
  g_autoptr (PenDir) overrides = pen_new ();
  pen_mech (dir, "zoo_good", 100);
  pen_mech (dir, "zoo_other", 200);
  pen_transport (dir, "zootls_a", "zootls_a", 100);
  pen_keyfile (dir, "mix", "[Mechanism A]\nExposure=proof\n[Mechanism B]\nExposure=proof\n");
  pen_write (overrides, "zoo_other.plugin", "[Plugin]\nEnabled=false\n");
  pen_write (overrides, "zoo_good.plugin", "[Plugin]\nRank=777\n");
  pen_write (overrides, "mix.plugin", "[Mechanism B]\nEnabled=false\n");
  pen_write (overrides, "zootls_a.plugin", "[Plugin]\nEnable=false\n"); /* a slip: must not leave it switched on */
  g_autoptr (VeredaRegistry) registry = with_overrides (dir, overrides, NULL);
  g_assert_cmpstr (vereda_registry_get_override_directory (registry), ==, overrides);
  VeredaRegistryEntry *other = find_entry (registry, "ZOO", "zoo_other");
  g_assert_cmpint (vereda_registry_entry_get_state (other), ==, VEREDA_ENTRY_DISABLED);
  g_assert_nonnull (strstr (vereda_registry_entry_get_reason (other), "switched off in"));
  g_assert_cmpint (vereda_registry_entry_get_rank (find_entry (registry, "ZOO", "zoo_good")), ==, 777);
  g_assert_cmpint (vereda_registry_entry_get_state (find_entry (registry, "A", "mix")), ==, VEREDA_ENTRY_OK);
  g_assert_cmpint (vereda_registry_entry_get_state (find_entry (registry, "B", "mix")), ==, VEREDA_ENTRY_DISABLED);
  VeredaRegistryEntry *slip = find_entry (registry, "implicit/zootls_a", "zootls_a");
  g_assert_cmpint (vereda_registry_entry_get_state (slip), ==, VEREDA_ENTRY_FAILED);
  g_assert_nonnull (
      strstr (vereda_registry_entry_get_reason (slip), "[Plugin] Enable: an override may set Enabled and Rank only"));
  g_autoptr (GPtrArray) wrappers = vd_registry_wrappers (registry);
  g_assert_cmpuint (wrappers->len, ==, 0);
  g_autoptr (GError) error = NULL;
  g_assert_null (vd_registry_load_transport (registry, "zootls_a", &error));
  g_assert_nonnull (strstr (error->message, "Enabled and Rank only"));
  g_clear_error (&error);
  g_assert_false (vereda_registry_load_entry (registry, other, &error));
  g_assert_nonnull (strstr (error->message, "switched off"));
  g_clear_error (&error);
  g_autoptr (GPtrArray) candidates = vd_registry_mechanisms (registry, offered, &usual, &anything);
  VdCandidate *off = find_candidate (candidates, "ZOO", "zoo_other");
  g_assert_cmpint (off->reason, ==, VD_AUTH_DISABLED);
  g_assert_null (vd_registry_load_mechanism (registry, off, &error));
  g_assert_nonnull (strstr (error->message, "switched off by the administrator"));
}

/* An override that somebody else could have written counts as a mistake, too: its plugin is not used. */
static void
test_override_trust (void)
{
  g_autoptr (PenDir) dir = pen_new ();
  g_autoptr (PenDir) overrides = pen_new ();
  pen_mech (dir, "zoo_good", 100);
  pen_write (overrides, "zoo_good.plugin", "[Plugin]\nRank=777\n");
  pen_chmod (overrides, "zoo_good.plugin", 0666);
  g_autoptr (VeredaRegistry) registry = with_overrides (dir, overrides, NULL);
  VeredaRegistryEntry *entry = find_entry (registry, "ZOO", "zoo_good");
  g_assert_cmpint (vereda_registry_entry_get_state (entry), ==, VEREDA_ENTRY_FAILED);
  g_assert_nonnull (strstr (vereda_registry_entry_get_reason (entry), "is writable by"));
  pen_chmod (overrides, "zoo_good.plugin", 0644);
  g_assert_cmpint (g_chmod (overrides, 0777), ==, 0);
  g_autoptr (VeredaRegistry) second = with_overrides (dir, overrides, NULL);
  entry = find_entry (second, "ZOO", "zoo_good");
  g_assert_cmpint (vereda_registry_entry_get_state (entry), ==, VEREDA_ENTRY_FAILED);
  g_assert_cmpint (vereda_registry_entry_get_rank (entry), ==, 100);
  g_assert_nonnull (strstr (vereda_registry_get_warnings (second)[0], "plugins that it has a file for are not used"));
}

static void
test_ranks (void)
{
  g_autoptr (PenDir) dir = pen_new ();
  g_autoptr (PenDir) overrides = pen_new ();
  pen_mech (dir, "zoo_good", 100);
  pen_transport (dir, "zootls_a", "zootls_a", 100);
  pen_transport (dir, "zootls_b", "zootls_b", 110);
  pen_write (overrides, "zootls_a.plugin", "[Plugin]\nRank=1\n");
  g_autoptr (VeredaRegistry) registry
      = with_overrides (dir, overrides, " zootls_a:200, ZOO:-7,,nobody:3,zootls_b,zootls_b:x,../x:1");
  g_autoptr (GPtrArray) wrappers = vd_registry_wrappers (registry);
  g_autofree char *text = names_of (wrappers);
  g_assert_cmpstr (text, ==, "zootls_a zootls_b");
  g_assert_cmpint (vereda_registry_entry_get_rank (find_entry (registry, "ZOO", "zoo_good")), ==, -7);
  const char *const *warnings = vereda_registry_get_warnings (registry);
  g_assert_cmpuint (g_strv_length ((char **) warnings), ==, 4);
  g_assert_nonnull (strstr (warnings[0], "\"nobody:3\" names no plugin"));
  g_assert_nonnull (strstr (warnings[1], "\"zootls_b\" is not of the form"));
}

/* In a process of its own, because the default registry is made once. */
static int
default_child (void)
{
  VeredaRegistry *registry = vereda_registry_get_default ();
  g_assert_true (registry == vereda_registry_get_default ());
  g_assert_cmpint (vereda_registry_entry_get_rank (find_entry (registry, "ZOO", "zoo_good")), ==, 5);
  g_assert_cmpuint (g_strv_length ((char **) vereda_registry_get_directories (registry)), ==, 1);
  g_assert_nonnull (strstr (vereda_registry_get_warnings (registry)[0], "\"relative\" is not an absolute path"));
  assert_nothing_opened ();
  return 0;
}

static char *program;

static void
test_default (void)
{
  g_autoptr (PenDir) dir = pen_new ();
  g_autoptr (GError) error = NULL;
  pen_mech (dir, "zoo_good", 100);
  g_autofree char *path = g_strconcat ("relative::", dir, NULL);
  g_auto (GStrv) environment = g_environ_setenv (g_get_environ (), "VEREDA_PLUGIN_PATH", path, TRUE);
  environment = g_environ_setenv (environment, "VEREDA_RANK", "zoo_good:5", TRUE);
  char *argv[] = { program, (char *) "default-child", NULL };
  int status = -1;
  g_spawn_sync (NULL, argv, environment, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
}

/* The plugins of this build: keyfile and module agree, and the order is the one promised. */
static void
test_built (void)
{
  static const char *const golden[] = {
    "implicit/gnutls",
    "implicit/openssl",
    "starttls/gnutls",
    "starttls/openssl",
    "plain",
    "EXTERNAL",
    "GSSAPI",
    "GS2-KRB5",
    "GSS-SPNEGO",
    "SCRAM-SHA-512-PLUS",
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-1-PLUS",
    "SRP",
    "SCRAM-SHA-512",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1",
    "OAUTHBEARER",
    "XOAUTH2",
    "DIGEST-MD5",
    "OTP",
    "CRAM-MD5",
    "NTLM",
    "PLAIN",
    "LOGIN",
    "ANONYMOUS",
  };
  VeredaRegistry *registry = vereda_registry_get_default ();
  int last = -1;
  if (vereda_registry_get_n_entries (registry) == 0)
    {
      g_test_skip ("no plugins are built");
      return;
    }
  for (guint i = 0; i < vereda_registry_get_n_entries (registry); i++)
    {
      VeredaRegistryEntry *entry = vereda_registry_get_entry (registry, i);
      const char *name = vereda_registry_entry_get_name (entry);
      g_autoptr (GError) error = NULL;
      vereda_registry_load_entry (registry, entry, &error);
      g_assert_no_error (error);
      for (int k = 0; k < (int) G_N_ELEMENTS (golden); k++)
        if (strcmp (golden[k], name) == 0)
          {
            g_test_message ("%s", name);
            g_assert_cmpint (k, >, last);
            last = k;
          }
    }
  g_assert_cmpint (last, >, 0);
}

int
main (int argc, char **argv)
{
  program = argv[0];
  if (argc == 2 && strcmp (argv[1], "default-child") == 0)
    return default_child ();
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/registry/listing-opens-nothing", test_listing_opens_nothing);
  g_test_add_func ("/registry/entries-order", test_entries_order);
  g_test_add_func ("/registry/bad-files", test_bad_files);
  g_test_add_func ("/registry/bad-directories", test_bad_directories);
  g_test_add_func ("/registry/shadowed", test_shadowed);
  g_test_add_func ("/registry/next-candidate", test_next_candidate);
  g_test_add_func ("/registry/candidates", test_candidates);
  g_test_add_func ("/registry/transports", test_transports);
  g_test_add_func ("/registry/transport-fallback", test_transport_fallback);
  g_test_add_func ("/registry/overrides", test_overrides);
  g_test_add_func ("/registry/override-trust", test_override_trust);
  g_test_add_func ("/registry/ranks", test_ranks);
  g_test_add_func ("/registry/default", test_default);
  g_test_add_func ("/registry/built", test_built);
  return g_test_run ();
}
