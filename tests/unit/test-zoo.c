/* SPDX-License-Identifier: MIT */
/*
 * The zoo: every plugin that is wrong in one point, shown to the loader and to the conformance kit.  Each is refused, or found, with
 * its own message; nothing crashes; the others still load.
 */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include <vereda-kit/kit.h>

#include "../zoo/pen.h"
#include "core/plugin/loader.h"
#include "core/plugin/registry.h"
#include "kit/child.h"
#include "kit/report.h"
#include "kit/residue.h"

#define BEAST_WORDS "Exposure=password\nTraits=no-active\nHash=8\nSsf=7\nNeeds=authcid;password\n"
#define BEAST       "[Mechanism X-BEAST]\n" BEAST_WORDS "Flags=client-first\n"
#define PLAIN       "[Mechanism PLAIN]\n" BEAST_WORDS "Flags=client-first\n"
#define SCRAM       "[Mechanism SCRAM-SHA-256]\n" BEAST_WORDS "Flags=client-first;server-last\n"

typedef struct
{
  const char *stem;
  const char *sections;
  const char *loader; /* what the loader says; NULL: it loads, and the kit alone can tell */
  const char *id;     /* the check that fails; NULL: none does */
  const char *kit;    /* what the kit says */
} Animal;

static const Animal animals[] = {
  { "beast_good", BEAST, NULL, NULL, NULL },
  { "zoo_bad_abi", PEN_ZOO_SECTION, "the module is for interface 2", "descriptor.abi", "the module is for interface 2" },
  { "zoo_short", PEN_ZOO_SECTION, "the descriptor's struct_size is", "descriptor.size", "the plugin: struct_size is" },
  { "zoo_null_query", PEN_ZOO_SECTION, "vereda1_zoo_null_query_query returned NULL", "load.query", "returned NULL" },
  { "zoo_wrong_name", PEN_ZOO_SECTION, "the module calls itself \"somebody_else\"", "descriptor.name",
    "calls itself \"somebody_else\"" },
  { "zoo_init_fails", PEN_ZOO_SECTION, "init failed: the zoo is closed", "load.init", "init failed: the zoo is closed" },
  { "zoo_init_silent", PEN_ZOO_SECTION, "init failed: it did not say why", "load.init", "init failed and did not say why" },
  { "zoo_no_symbol", PEN_ZOO_SECTION, "the module has no symbol", "elf.symbol",
    "it does not export vereda1_zoo_no_symbol_query" },
  { "zoo_unresolved", PEN_ZOO_SECTION, "zoo_nobody_has_this", "load.open", "zoo_nobody_has_this" },
  { "zoo_missing_library", PEN_ZOO_SECTION, "libzoo-nowhere.so", "load.open", "libzoo-nowhere.so" },
  { "zootls_a", "[Transport zootls_a]\nRoles=wrap\n", NULL, "tls.clear-text", "in clear" },
  { "zootls_b", "[Transport zootls_b]\nRoles=open\n", "the module has wrap, but the keyfile says Roles=open", "transport.role",
    "the module has wrap, but the keyfile says Roles=open" },
  { "zootls_b", "[Transport zootls_b]\nRoles=wrap\nBindings=tls-exporter\n", "names channel bindings, but binding is NULL",
    "transport.bindings", "names channel bindings, but binding is NULL" },

  { "beast_extra", BEAST, "the module exports beast_helper besides its query function; compile it with -fvisibility=hidden",
    "elf.one-symbol", "it exports beast_helper" },
  { "beast_old_hash", BEAST, "the module exports beast_helper besides", "elf.one-symbol", "it exports beast_helper" },
  { "beast_many", BEAST, " and 1 more besides its query function", "elf.one-symbol", "it exports beast_four" },
  { "beast_rightly", BEAST, NULL, NULL, NULL },
  { "beast_check_init", BEAST, "the module exports g_module_check_init besides", "elf.check-init",
    "it exports g_module_check_init" },
  { "beast_deletable", BEAST, NULL, "elf.nodelete", "not marked NODELETE" },
  { "beast_lazy", BEAST, NULL, "elf.bind-now", "not marked BIND_NOW" },
  { "beast_rpath", BEAST, NULL, "elf.rpath", "it looks for libraries in /opt/zoo" },
  { "beast_stack", BEAST, NULL, "elf.stack", "executable stack" },
  { "beast_core", BEAST, NULL, "elf.core", "it is linked with libvereda-1.so" },
  { "beast_lower_case", BEAST, "a mechanism's name is not legal", "mech.name", "\"x-beast\" is not a mechanism name" },
  { "beast_path", BEAST, "a mechanism's name is not legal", "mech.name", "\"../../etc/passwd\" is not a mechanism name" },
  { "beast_twice", BEAST, "the module has mechanism X-BEAST twice", "mech.list", "the module has mechanism X-BEAST twice" },
  { "beast_tiny", BEAST, "X-BEAST: instance_size is 4", "mech.instance", "instance_size is 4" },
  { "beast_no_step", BEAST, "mechanism X-BEAST: step is NULL", "mech.functions", "step is NULL" },
  { "beast_small", BEAST, NULL, "auth.dialogue", "beyond the end of the instance block" },
  { "beast_leaks", BEAST, NULL, "auth.residue", "a secret is still in memory" },
  { "beast_blocks", BEAST, NULL, "auth.wait", "again and again" },
  { "beast_hasty", BEAST, NULL, "auth.wait", "the responses are others" },
  { "beast_crashes_on_empty", BEAST, NULL, "auth.initial", "in the first step of X-BEAST, with an empty challenge" },
  { "beast_past_cap", BEAST, NULL, "auth.contract", "behind the room of the response" },
  { "beast_grows", BEAST, NULL, "auth.contract", "the response grew to" },
  { "beast_proves_nothing", SCRAM, NULL, "auth.proof", "returned DONE, before the server has proved anything" },
  { "beast_unasked", "[Mechanism X-BEAST]\n" BEAST_WORDS, NULL, "auth.initial", "CLIENT_FIRST is not set" },
  { "beast_shared", BEAST, NULL, "auth.independent", "two exchanges with the same credentials" },
  { "beast_talks", BEAST, NULL, "run.silent", "hello from the beast" },
  { "beast_tells", BEAST, NULL, "auth.contract", "an error text repeats the password" },
  { "beast_silent", BEAST, NULL, "auth.contract", "step returned FAILED and did not set the error" },
  { "beast_careless", BEAST, NULL, "auth.credential", "still comes to DONE" },
  { "beast_endless", PLAIN, NULL, "auth.after-done", "four challenges after DONE were answered" },
  { "beast_wrong_words", PLAIN, NULL, "auth.dialogue", "the message is not NUL user NUL password" },
};

/* Plugins that may not even be opened in this process. */
static const Animal wild[] = {
  { "beast_constructor", BEAST, NULL, "load.open", "crashed with SIGSEGV in opening the module" },
};

/* beast_good with a keyfile that says something else; the whole file. */
static const struct
{
  const char *name;
  const char *keyfile;
  const char *loader;
  const char *id;
  const char *kit;
} lies[] = {
#define HEAD(abi, name, version, license) "[Plugin]\nAbi=" abi "\nName=" name "\nVersion=" version "\nLicense=" license "\n"
#define GOOD                              HEAD ("1", "beast_good", "1.0", "MIT")
  { "abi", HEAD ("2", "beast_good", "1.0", "MIT") BEAST, "[Plugin] Abi: the plugin is for interface 2", "keyfile.abi",
    "Abi is \"2\"" },
  { "name", HEAD ("1", "other", "1.0", "MIT") BEAST, "[Plugin] Name: is \"other\"", "keyfile.name", "Name is \"other\"" },
  { "version", HEAD ("1", "beast_good", "1.1", "MIT") BEAST, NULL, "descriptor.version",
    "the version is \"1.0\" in the module" },
  { "license", HEAD ("1", "beast_good", "1.0", "GPL-3.0-only") BEAST, NULL, "descriptor.license", "the licence is \"MIT\"" },
  { "mechanism", GOOD "[Mechanism OTHER]\nExposure=password\n", "mechanism X-BEAST, which the keyfile does not name",
    "mech.list", "mechanism X-BEAST, which the keyfile does not name" },
  { "more-mechanisms", GOOD BEAST "[Mechanism OTHER]\nExposure=password\n", "the keyfile names mechanism OTHER", "mech.list",
    "the keyfile names mechanism OTHER" },
  { "more-transports", GOOD BEAST "[Transport t]\nRoles=open\n", "the keyfile names transport t", "transport.list",
    "the keyfile names transport t" },
  { "exposure",
    GOOD "[Mechanism X-BEAST]\nExposure=nothing\nTraits=no-active\nHash=8\nSsf=7\nNeeds=authcid;password\nFlags=client-first\n",
    "strength is not what the keyfile says", "mech.strength", "exposure is 1 in the module and 6" },
  { "traits", GOOD "[Mechanism X-BEAST]\nExposure=password\nHash=8\nSsf=7\nNeeds=authcid;password\nFlags=client-first\n",
    "strength is not what the keyfile says", "mech.strength", "traits is 0x4000 in the module and 0x0000" },
  { "hash",
    GOOD
    "[Mechanism X-BEAST]\nExposure=password\nTraits=no-active\nHash=9\nSsf=7\nNeeds=authcid;password\nFlags=client-first\n",
    "strength is not what the keyfile says", "mech.strength", "hash_bits is 8 in the module and 9" },
  { "ssf",
    GOOD "[Mechanism X-BEAST]\nExposure=password\nTraits=no-active\nHash=8\nNeeds=authcid;password\nFlags=client-first\n",
    "strength is not what the keyfile says", "mech.strength", "ssf is 7 in the module and 0" },
  { "needs", GOOD "[Mechanism X-BEAST]\nExposure=password\nTraits=no-active\nHash=8\nSsf=7\nNeeds=token\nFlags=client-first\n",
    "needs is 0xa, but 0x10", "mech.needs", "needs is 0xa in the module and 0x10" },
  { "flags", GOOD "[Mechanism X-BEAST]\n" BEAST_WORDS "Flags=historic\n", "flags is 0x1, but 0x20", "mech.flags",
    "flags is 0x1 in the module and 0x20" },
  { "word", GOOD BEAST "Rank=high\n", "[Mechanism X-BEAST] Rank:", "keyfile.syntax", "[Mechanism X-BEAST] Rank:" },
  { "exposure-word", GOOD "[Mechanism X-BEAST]\nExposure=none\n", "[Mechanism X-BEAST] Exposure: unknown word",
    "keyfile.syntax", "[Mechanism X-BEAST] Exposure: not one of its words" },
  { "key", GOOD BEAST "Flag=historic\n", NULL, "keyfile.keys", "[Mechanism X-BEAST] Flag: there is no such key" },
  { "section", GOOD BEAST "[Mechanisms MORE]\n", NULL, "keyfile.keys", "[Mechanisms MORE]: there is no such section" },
  { "no-section", GOOD, "has neither a [Mechanism NAME] nor", "keyfile.syntax", "there is neither a [Mechanism NAME] nor" },
  { "no-plugin-section", BEAST, "[Plugin]: this section is missing", "keyfile.syntax", "[Plugin]: this section is missing" },
  { "noise", "\x01\xff\xfe", "not UTF-8 text", "keyfile.syntax", "it is not UTF-8 text" },
};

/* The loader's word on `stem`, and that its neighbour loads all the same. */
static void
show_loader (const char *dir, const char *stem, const char *says)
{
  g_autoptr (VeredaRegistry) registry = pen_registry (dir, NULL);
  g_autoptr (GError) error = NULL;
  const VeredaPlugin *plugin = vd_loader_load (pen_record (registry, stem), &error);
  if (says == NULL)
    {
      g_assert_no_error (error);
      g_assert_nonnull (plugin);
    }
  else
    {
      g_assert_null (plugin);
      if (strstr (error->message, says) == NULL)
        g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, says));
    }
  g_clear_error (&error);
  g_assert_nonnull (vd_loader_load (pen_record (registry, "zoo_other"), &error));
  g_assert_no_error (error);
}

/* The kit finds `id`, and says so. */
static void
show_kit (const char *dir, const char *stem, const char *id, const char *says)
{
  g_autofree char *name = g_strconcat (stem, ".so", NULL);
  g_autofree char *file = g_build_filename (dir, name, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (VeredaKitReport) report = vereda_kit_run_all (file, &error);
  g_assert_no_error (error);
  gboolean found = FALSE;
  g_autofree char *text = vereda_kit_report_to_text (report, FALSE);
  for (guint i = 0; i < vereda_kit_report_get_n_checks (report); i++)
    if (vereda_kit_report_get_outcome (report, i) == VEREDA_KIT_FAILED && id != NULL
        && strcmp (vereda_kit_report_get_id (report, i), id) == 0)
      found |= strstr (vereda_kit_report_get_text (report, i), says) != NULL;
  if (id == NULL ? vereda_kit_report_get_n_failed (report) > 0 : !found)
    {
      g_test_message ("%s should show: %s: %s\n%s", stem, id != NULL ? id : "nothing", says != NULL ? says : "", text);
      g_test_fail ();
    }
}

static PenDir *
pen_of (const char *stem, const char *sections)
{
  PenDir *dir = pen_new ();
  pen_keyfile (dir, stem, sections);
  pen_module (dir, stem);
  pen_mech (dir, "zoo_other", 100);
  return dir;
}

static void
test_animal_loader (gconstpointer data)
{
  const Animal *animal = data;
  g_autoptr (PenDir) dir = pen_of (animal->stem, animal->sections);
  show_loader (dir, animal->stem, animal->loader);
}

static void
test_animal_kit (gconstpointer data)
{
  const Animal *animal = data;
  g_autoptr (PenDir) dir = pen_of (animal->stem, animal->sections);
  if (animal->id != NULL && strcmp (animal->id, "auth.residue") == 0 && !kit_residue_can_search ())
    g_test_skip ("not under AddressSanitizer or valgrind");
  else
    show_kit (dir, animal->stem, animal->id, animal->kit);
}

static void
test_lie (gconstpointer data)
{
  const guint i = GPOINTER_TO_UINT (data);
  g_autoptr (PenDir) dir = pen_of ("beast_good", BEAST);
  pen_write (dir, "beast_good.plugin", lies[i].keyfile);
  show_loader (dir, "beast_good", lies[i].loader);
  show_kit (dir, "beast_good", lies[i].id, lies[i].kit);
}

static void
test_modes (void)
{
  g_autoptr (PenDir) dir = pen_of ("beast_good", BEAST);
  g_autofree char *module = g_build_filename (dir, "beast_good.so", NULL);
  g_autofree char *keyfile = g_build_filename (dir, "beast_good.plugin", NULL);
  g_autofree char *real = g_build_filename (dir, "real.so", NULL);
  pen_chmod (dir, "beast_good.so", 0664);
  show_loader (dir, "beast_good", "is writable by its group");
  show_kit (dir, "beast_good", "file.mode", "is writable by its group");
  pen_chmod (dir, "beast_good.so", 0646);
  show_kit (dir, "beast_good", "file.mode", "is writable by everybody");
  pen_chmod (dir, "beast_good.so", 0644);
  pen_chmod (dir, "beast_good.plugin", 0666);
  show_loader (dir, "beast_good", "is writable by its group");
  show_kit (dir, "beast_good", "keyfile.mode", "is writable by its group");
  pen_chmod (dir, "beast_good.plugin", 0644);
  g_assert_cmpint (g_chmod (dir, 0777), ==, 0);
  show_kit (dir, "beast_good", "file.directory", "is writable by everybody");
  g_assert_cmpint (g_chmod (dir, 0700), ==, 0);
  g_assert_cmpint (g_rename (module, real), ==, 0);
  g_assert_cmpint (symlink ("real.so", module), ==, 0);
  show_loader (dir, "beast_good", "is a symbolic link");
  show_kit (dir, "beast_good", "file.mode", "is a symbolic link");
  g_unlink (module);
  pen_write (dir, "beast_good.so", "not a module\n");
  show_loader (dir, "beast_good", "cannot open the module");
  show_kit (dir, "beast_good", "elf.format", "it is not an ELF file");
  g_unlink (keyfile);
  show_kit (dir, "beast_good", "keyfile.there", "is not there");
}

/* Names of files that would be paths, or nothing. */
static void
test_names (void)
{
  static const char *const names[] = { "Evil-Name", "a.b", "x y", "..", "-rf", "a\nb" };
  g_autoptr (PenDir) dir = pen_of ("beast_good", BEAST);
  g_autofree char *from = g_build_filename (dir, "beast_good.so", NULL);
  g_autoptr (VeredaRegistry) empty = NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *so = g_strconcat (names[i], ".so", NULL);
      g_autofree char *to = g_build_filename (dir, so, NULL);
      g_autofree char *data = NULL;
      gsize size = 0;
      pen_keyfile (dir, names[i], BEAST);
      g_assert_true (g_file_get_contents (from, &data, &size, NULL));
      g_assert_true (g_file_set_contents (to, data, (gssize) size, NULL));
      show_kit (dir, names[i], "file.name", "is not a plugin name");
    }
  empty = pen_registry (dir, NULL);
  GPtrArray *records = vd_registry_records (empty);
  for (guint i = 0; i < records->len; i++)
    {
      VdRecord *record = records->pdata[i];
      gboolean good = strcmp (record->stem, "beast_good") == 0 || strcmp (record->stem, "zoo_other") == 0;
      g_assert_cmpint (record->state == VD_RECORD_OK, ==, good);
      g_assert_true (good || record->module_path == NULL); /* no path was ever made of it */
    }
}

/* The same stem in two directories: the first is used, the second is told of. */
static void
test_same_name (void)
{
  g_autoptr (PenDir) first = pen_of ("beast_good", BEAST);
  g_autoptr (PenDir) second = pen_of ("beast_good", BEAST);
  g_autoptr (VeredaRegistry) registry = pen_registry (first, second, NULL);
  GPtrArray *records = vd_registry_records (registry);
  guint shadowed = 0;
  for (guint i = 0; i < records->len; i++)
    {
      VdRecord *record = records->pdata[i];
      g_autoptr (GError) error = NULL;
      if (record->state != VD_RECORD_SHADOWED)
        continue;
      shadowed++;
      g_assert_cmpstr (record->dir, ==, second);
      g_assert_null (vd_loader_load (record, &error));
      g_assert_nonnull (strstr (error->message, "is used instead"));
    }
  g_assert_cmpuint (shadowed, ==, 2);
}

/* All of them in one directory. */
static void
test_together (void)
{
  g_autoptr (PenDir) dir = pen_new ();
  g_autoptr (VeredaRegistry) registry = NULL;
  guint loaded = 0;
  for (gsize i = 0; i < G_N_ELEMENTS (animals); i++)
    {
      pen_keyfile (dir, animals[i].stem, animals[i].sections);
      pen_module (dir, animals[i].stem);
    }
  registry = pen_registry (dir, NULL);
  GPtrArray *records = vd_registry_records (registry);
  for (guint i = 0; i < records->len; i++)
    loaded += vd_loader_load (records->pdata[i], NULL) != NULL;
  g_assert_cmpuint (loaded, >=, 20);
  g_assert_cmpuint (records->len - loaded, >=, 13);
}

static void
spin (KitContext *kit, gpointer data)
{
  kit_begin (kit, "auth.hostile", "X");
  kit_doing (kit, "a circle");
  for (volatile gboolean forever = TRUE; forever;)
    ;
}

/* A plugin that never returns. */
static void
test_hang (void)
{
  g_autoptr (VeredaKitReport) report = kit_report_new ("x");
  g_autoptr (GError) error = NULL;
  kit_child_patience = 1;
  g_assert_true (kit_child_run (report, spin, NULL, NULL, NULL, &error));
  kit_child_patience = 60;
  g_assert_cmpuint (vereda_kit_report_get_n_failed (report), ==, 1);
  g_assert_cmpstr (vereda_kit_report_get_text (report, 0), ==, "did not return within 1 seconds in a circle");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (animals); i++)
    {
      g_autofree char *loader = g_strdup_printf ("/zoo/loader/%s-%" G_GSIZE_FORMAT, animals[i].stem, i);
      g_autofree char *kit = g_strdup_printf ("/zoo/kit/%s-%" G_GSIZE_FORMAT, animals[i].stem, i);
      g_test_add_data_func (loader, &animals[i], test_animal_loader);
      g_test_add_data_func (kit, &animals[i], test_animal_kit);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (wild); i++)
    {
      g_autofree char *kit = g_strdup_printf ("/zoo/kit/%s", wild[i].stem);
      g_test_add_data_func (kit, &wild[i], test_animal_kit);
    }
  for (guint i = 0; i < G_N_ELEMENTS (lies); i++)
    {
      g_autofree char *path = g_strdup_printf ("/zoo/keyfile-lies/%s", lies[i].name);
      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_lie);
    }
  g_test_add_func ("/zoo/modes", test_modes);
  g_test_add_func ("/zoo/names", test_names);
  g_test_add_func ("/zoo/same-name", test_same_name);
  g_test_add_func ("/zoo/together", test_together);
  g_test_add_func ("/zoo/hang", test_hang);
  return g_test_run ();
}
