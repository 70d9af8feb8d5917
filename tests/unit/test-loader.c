/* SPDX-License-Identifier: MIT */
/* Tests of the loader: each wrong plugin is refused with its own message, nothing is opened early or twice, and threads
 * agree. */
#include <dlfcn.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../zoo/pen.h"
#include "core/base/error.h"
#include "core/plugin/check.h"
#include "core/plugin/host.h"
#include "core/plugin/loader.h"
#include "core/plugin/registry.h"
#include "core/plugin/trust.h"

static gboolean
was_opened (const char *stem)
{
  g_auto (GStrv) opened = vd_loader_opened ();
  return g_strv_contains ((const char *const *) opened, stem);
}

/* Loading `stem` from `dir` fails with a message that holds `says`, and fails so again. */
static void
assert_refused (const char *dir, const char *stem, const char *says)
{
  g_autoptr (VeredaRegistry) registry = pen_registry (dir, NULL);
  VdRecord *record = pen_record (registry, stem);
  const char *kept = NULL;
  for (int i = 0; i < 2; i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_null (vd_loader_load (record, &error));
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN);
      g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, says));
      g_assert_nonnull (strstr (error->message, stem));
    }
  g_assert_cmpint (vd_loader_state (record, &kept), ==, VD_LOAD_FAILED);
  g_assert_nonnull (strstr (kept, says));
}

static void
test_zoo (void)
{
  static const struct
  {
    const char *stem;
    const char *says;
  } cases[] = {
    { "zoo_bad_abi", "the module is for interface 2, this library has 1" },
    { "zoo_short", "the descriptor's struct_size is" },
    { "zoo_null_query", "vereda1_zoo_null_query_query returned NULL" },
    { "zoo_wrong_name", "the module calls itself \"somebody_else\"" },
    { "zoo_init_fails", "init failed: the zoo is closed" },
    { "zoo_init_silent", "init failed: it did not say why" },
    { "zoo_no_symbol", "the module has no symbol vereda1_zoo_no_symbol_query" },
    { "zoo_unresolved", "zoo_nobody_has_this" },
    { "zoo_missing_library", "libzoo-nowhere.so" },
  };
  g_autoptr (PenDir) dir = pen_new ();
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      pen_mech (dir, cases[i].stem, 100);
      assert_refused (dir, cases[i].stem, cases[i].says);
    }
}

/* A keyfile that says something else than its module. */
static void
test_keyfile_lies (void)
{
  static const struct
  {
    const char *sections;
    const char *says;
  } cases[] = {
    { "[Mechanism OTHER]\nExposure=weak-proof\n", "the module has mechanism ZOO, which the keyfile does not name" },
    { PEN_ZOO_SECTION "[Mechanism MORE]\nExposure=weak-proof\n",
      "the keyfile names mechanism MORE, which the module does not have" },
    { PEN_ZOO_SECTION "[Transport t]\nRoles=open\n", "the keyfile names transport t" },
    { "[Mechanism ZOO]\nExposure=nothing\nHash=128\nNeeds=authcid\nFlags=client-first\n",
      "strength is not what the keyfile says" },
    { "[Mechanism ZOO]\nExposure=weak-proof\nHash=128\nFlags=client-first\n",
      "mechanism ZOO: needs is 0x2, but 0x0 by the keyfile" },
    { "[Mechanism ZOO]\nExposure=weak-proof\nHash=128\nNeeds=authcid\n",
      "mechanism ZOO: flags is 0x1, but 0x0 by the keyfile" },
  };
  g_autoptr (PenDir) dir = pen_new ();
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      pen_keyfile (dir, "zoo_good", cases[i].sections);
      pen_module (dir, "zoo_good");
      assert_refused (dir, "zoo_good", cases[i].says);
    }
}

static void
test_files (void)
{
  g_autoptr (PenDir) dir = pen_new ();
  g_autofree char *module = g_build_filename (dir, "zoo_good.so", NULL);
  g_autofree char *real = g_build_filename (dir, "real.so", NULL);
  pen_mech (dir, "zoo_good", 100);
  pen_chmod (dir, "zoo_good.so", 0664);
  assert_refused (dir, "zoo_good", "is writable by its group");
  pen_chmod (dir, "zoo_good.so", 0646);
  assert_refused (dir, "zoo_good", "is writable by everybody");
  pen_chmod (dir, "zoo_good.so", 0644);
  if (geteuid () == 0)
    {
      g_assert_cmpint (chown (module, 65534, 65534), ==, 0);
      assert_refused (dir, "zoo_good", "belongs neither to root nor");
      g_assert_cmpint (chown (module, 0, 0), ==, 0);
    }
  g_assert_cmpint (g_rename (module, real), ==, 0);
  assert_refused (dir, "zoo_good", "No such file");
  g_assert_cmpint (symlink ("real.so", module), ==, 0);
  assert_refused (dir, "zoo_good", "is a symbolic link");
  g_assert_cmpint (g_unlink (module), ==, 0);
  g_assert_cmpint (mkfifo (module, 0600), ==, 0);
  assert_refused (dir, "zoo_good", "is not a regular file");
  g_assert_cmpint (g_unlink (module), ==, 0);
  pen_write (dir, "zoo_good.so", "not a module\n");
  assert_refused (dir, "zoo_good", "cannot open the module");
  g_assert_false (was_opened ("zoo_good"));
}

/* The directory is looked at again when a module is opened, not only when it was searched. */
static void
test_directory_changes (void)
{
  g_autoptr (PenDir) dir = pen_new ();
  pen_mech (dir, "zoo_good", 100);
  g_autoptr (VeredaRegistry) registry = pen_registry (dir, NULL);
  g_autoptr (GError) error = NULL;
  g_assert_cmpint (g_chmod (dir, 0777), ==, 0);
  g_assert_null (vd_loader_load (pen_record (registry, "zoo_good"), &error));
  g_assert_nonnull (strstr (error->message, "is writable by"));
  g_assert_cmpint (g_chmod (dir, 0700), ==, 0);
}

static void
test_judge (void)
{
  const struct
  {
    mode_t mode;
    uid_t uid;
    gboolean directory;
    const char *says; /* NULL: fine */
  } cases[] = {
    { S_IFREG | 0644, 0, FALSE, NULL },         { S_IFREG | 0644, 1000, FALSE, NULL },
    { S_IFREG | 0600, 1000, FALSE, NULL },      { S_IFDIR | 0755, 0, TRUE, NULL },
    { S_IFREG | 0644, 1001, FALSE, "belongs" }, { S_IFREG | 0664, 0, FALSE, "its group" },
    { S_IFREG | 0646, 0, FALSE, "everybody" },  { S_IFDIR | 0755, 0, FALSE, "regular" },
    { S_IFREG | 0644, 0, TRUE, "directory" },   { S_IFDIR | S_ISVTX | 0777, 0, TRUE, "its group" },
    { S_IFCHR | 0644, 0, FALSE, "regular" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      struct stat info = { .st_mode = cases[i].mode, .st_uid = cases[i].uid };
      const char *wrong = vd_trust_judge (&info, 1000, cases[i].directory);
      if (cases[i].says == NULL)
        g_assert_cmpstr (wrong, ==, NULL);
      else
        g_assert_nonnull (strstr (wrong, cases[i].says));
    }
}

/* --- descriptors, without modules */

static gboolean
some_open (VeredaLayer *l, int fd, GError **error)
{
  return TRUE;
}

static gboolean
some_wrap (VeredaLayer *l, const VeredaTlsSettings *settings, GError **error)
{
  return TRUE;
}

static VeredaIo
some_read (VeredaLayer *l, void *buf, size_t size, size_t *ret_n, GError **error)
{
  return VEREDA_IO_EOF;
}

static VeredaIo
some_writev (VeredaLayer *l, const VeredaSpan *v, size_t n, size_t *ret_n, GError **error)
{
  return VEREDA_IO_EOF;
}

static void
some_clear (VeredaLayer *l)
{
}

static VeredaStep
some_step (VeredaAuth *a, const VeredaSpan *challenge, GByteArray *response, GError **error)
{
  return VEREDA_STEP_DONE;
}

typedef struct
{
  VeredaMech mech;
  VeredaTransport transport;
  const VeredaMech *mechs[3];
  const VeredaTransport *transports[3];
  VeredaPlugin plugin;
} Specimen;

static void
specimen_init (Specimen *s)
{
  *s = (Specimen){
    .mech = { .struct_size = sizeof (VeredaMech),
              .instance_size = sizeof (VeredaAuth),
              .name = "M",
              .strength = { 1, 0, 0, 0 },
              .step = some_step },
    .transport = { .struct_size = sizeof (VeredaTransport),
                   .instance_size = sizeof (VeredaLayer),
                   .name = "t",
                   .description = "d",
                   .wrap = some_wrap,
                   .read = some_read,
                   .writev = some_writev,
                   .clear = some_clear },
    .plugin = { .struct_size = sizeof (VeredaPlugin), .abi = VEREDA_PLUGIN_ABI, .name = "x", .version = "1", .license = "MIT" },
  };
  s->mechs[0] = &s->mech;
  s->transports[0] = &s->transport;
  s->plugin.mechs = s->mechs;
  s->plugin.transports = s->transports;
}

static void
assert_specimen (Specimen *s, const char *says)
{
  static const char text[] = "[Plugin]\nAbi=1\nName=x\n[Mechanism M]\nExposure=password\n[Transport t]\nRoles=wrap\n";
  g_autoptr (VdKeyfile) keyfile = vd_keyfile_parse (text, sizeof text - 1, "x", NULL);
  g_autoptr (GError) error = NULL;
  gboolean ok = vd_check_plugin (&s->plugin, keyfile, &error);
  g_assert_cmpint (ok, ==, says == NULL);
  if (says != NULL)
    {
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN);
      g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, says));
    }
  specimen_init (s);
}

static void
test_descriptors (void)
{
  Specimen s;
  specimen_init (&s);
  assert_specimen (&s, NULL);
  s.plugin.struct_size += 64; /* a newer plugin */
  s.mech.struct_size += 64;
  s.transport.struct_size += 64;
  assert_specimen (&s, NULL);
  s.plugin.name = NULL, assert_specimen (&s, "the module calls itself \"\"");
  s.plugin.mechs = NULL, assert_specimen (&s, "the keyfile names mechanism M");
  s.plugin.transports = NULL, assert_specimen (&s, "the keyfile names transport t");
  s.mechs[1] = &s.mech, assert_specimen (&s, "mechanism M twice");
  s.mech.struct_size = (uint32_t) VD_MECH_SIZE_1_0 - 1, assert_specimen (&s, "a mechanism's struct_size");
  s.mech.name = NULL, assert_specimen (&s, "a mechanism's name is not legal");
  s.mech.name = "plain", assert_specimen (&s, "a mechanism's name is not legal");
  s.mech.name = "TWENTY-ONE-CHARACTERS", assert_specimen (&s, "a mechanism's name is not legal");
  s.mech.step = NULL, assert_specimen (&s, "mechanism M: step is NULL");
  s.mech.instance_size = sizeof (VeredaAuth) - 1, assert_specimen (&s, "M: instance_size");
  s.mech.instance_size = G_MAXUINT32, assert_specimen (&s, "M: instance_size is 4294967295, more than");
  s.transports[1] = &s.transport, assert_specimen (&s, "transport t twice");
  s.transport.struct_size = 8, assert_specimen (&s, "a transport's struct_size");
  s.transport.name = "../t", assert_specimen (&s, "a transport's name is not legal");
  s.transport.name = "u", assert_specimen (&s, "the module has transport u, which the keyfile does not name");
  s.transport.wrap = NULL, assert_specimen (&s, "exactly one of open and wrap");
  s.transport.open = some_open, assert_specimen (&s, "exactly one of open and wrap");
  s.transport.wrap = NULL, s.transport.open = some_open,
  assert_specimen (&s, "the module has open, but the keyfile says Roles=wrap");
  s.transport.read = NULL, assert_specimen (&s, "transport t: read is NULL");
  s.transport.writev = NULL, assert_specimen (&s, "transport t: writev is NULL");
  s.transport.clear = NULL, assert_specimen (&s, "transport t: clear is NULL");
  s.transport.instance_size = 0, assert_specimen (&s, "t: instance_size");
}

/* --- many threads */

#define THREADS 16

typedef struct
{
  VeredaRegistry *registry;
  pthread_barrier_t *barrier;
  const VeredaMech *mech;
  const VeredaTransport *transport;
  char *failure;
} Racer;

static gint inits;

static void
count_inits (const char *topic, const char *text, gpointer user_data)
{
  if (strcmp (topic, "zoo") == 0 && g_str_has_prefix (text, "init "))
    g_atomic_int_inc (&inits);
}

static void *
race (void *data)
{
  static const char *const offered[] = { "ZOO", NULL };
  Racer *racer = data;
  VdAuthPolicy policy = VD_AUTH_POLICY_INIT;
  VdAuthContext context = { .credentials = G_MAXUINT };
  g_autoptr (GError) error = NULL;
  pthread_barrier_wait (racer->barrier);
  g_autoptr (GPtrArray) candidates = vd_registry_mechanisms (racer->registry, offered, &policy, &context);
  for (guint i = 0; i < candidates->len && racer->mech == NULL; i++)
    racer->mech = vd_registry_load_mechanism (racer->registry, candidates->pdata[i], i == 0 ? &error : NULL);
  racer->failure = error != NULL ? g_strdup (error->message) : NULL;
  racer->transport = vd_registry_load_transport (racer->registry, "zootls_a", NULL);
  for (guint i = 0; i < vereda_registry_get_n_entries (racer->registry); i++)
    vereda_registry_entry_get_state (vereda_registry_get_entry (racer->registry, i));
  vereda_registry_unref (racer->registry);
  return NULL;
}

static void
test_threads (void)
{
  g_autoptr (PenDir) dir = pen_new ();
  pen_mech (dir, "zoo_bad_abi", 300); /* wins, does not load: everybody must go on to the next */
  pen_mech (dir, "zoo_race", 200);
  pen_transport (dir, "zootls_a", "zootls_a", 100);
  VeredaRegistry *registry = pen_registry (dir, NULL);
  pthread_barrier_t barrier;
  pthread_t threads[THREADS];
  Racer racers[THREADS] = { 0 };
  pthread_barrier_init (&barrier, NULL, THREADS);
  inits = 0;
  vd_host_set_debug (count_inits, NULL);
  for (int i = 0; i < THREADS; i++)
    {
      racers[i] = (Racer){ .registry = vereda_registry_ref (registry), .barrier = &barrier };
      g_assert_cmpint (pthread_create (&threads[i], NULL, race, &racers[i]), ==, 0);
    }
  vereda_registry_unref (registry);
  for (int i = 0; i < THREADS; i++)
    pthread_join (threads[i], NULL);
  vd_host_set_debug (NULL, NULL);
  for (int i = 0; i < THREADS; i++)
    {
      g_assert_nonnull (racers[i].mech);
      g_assert_true (racers[i].mech == racers[0].mech);
      g_assert_nonnull (racers[i].transport);
      g_assert_true (racers[i].transport == racers[0].transport);
      if (racers[i].failure != NULL) /* the first to come sees it fail; later ones may find it marked */
        g_assert_nonnull (strstr (racers[i].failure, "interface 2"));
      g_free (racers[i].failure);
    }
  g_assert_cmpint (g_atomic_int_get (&inits), ==, 2); /* zoo_race and zootls_a, once each */
  pthread_barrier_destroy (&barrier);
}

/* Two registries, one module: one descriptor, one init, opened once. */
static void
test_once_per_process (void)
{
  g_autoptr (PenDir) dir = pen_new ();
  pen_mech (dir, "zoo_good", 100);
  g_autoptr (VeredaRegistry) first = pen_registry (dir, NULL);
  g_autoptr (VeredaRegistry) second = pen_registry (dir, NULL);
  g_assert_false (was_opened ("zoo_good"));
  inits = 0;
  vd_host_set_debug (count_inits, NULL);
  const VeredaPlugin *a = vd_loader_load (pen_record (first, "zoo_good"), NULL);
  const VeredaPlugin *b = vd_loader_load (pen_record (second, "zoo_good"), NULL);
  vd_host_set_debug (NULL, NULL);
  g_assert_nonnull (a);
  g_assert_true (a == b);
  g_assert_cmpint (inits, ==, 1);
  g_auto (GStrv) opened = vd_loader_opened ();
  int times = 0;
  for (char **stem = opened; *stem != NULL; stem++)
    times += strcmp (*stem, "zoo_good") == 0;
  g_assert_cmpint (times, ==, 1);
}

/* Local binding: what a plugin exports is nobody else's to find. */
static void
test_local_binding (void)
{
  g_autoptr (PenDir) dir = pen_new ();
  pen_mech (dir, "zoo_other", 100);
  g_autoptr (VeredaRegistry) registry = pen_registry (dir, NULL);
  g_assert_nonnull (vd_loader_load (pen_record (registry, "zoo_other"), NULL));
  g_assert_null (dlsym (RTLD_DEFAULT, "vereda1_zoo_other_query"));
}

static void
test_host (void)
{
  const VeredaHost *host = vd_host_get ();
  guint8 a[300] = { 0 };
  guint8 b[300] = { 0 };
  g_autoptr (GError) error = NULL;
  g_assert_cmpuint (host->struct_size, ==, sizeof (VeredaHost));
  g_assert_true (host->random (host->self, a, sizeof a, &error));
  g_assert_true (host->random (host->self, b, sizeof b, &error));
  g_assert_no_error (error);
  g_assert_true (memcmp (a, b, sizeof a) != 0);
  g_assert_true (memcmp (a + 250, (guint8[50]){ 0 }, 50) != 0); /* filled to the end */
  host->debug (host->self, "nobody", "listens %d", 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/loader/files", test_files);
  g_test_add_func ("/loader/directory-changes", test_directory_changes);
  g_test_add_func ("/loader/judge", test_judge);
  g_test_add_func ("/loader/descriptors", test_descriptors);
  g_test_add_func ("/loader/once-per-process", test_once_per_process);
  g_test_add_func ("/loader/local-binding", test_local_binding);
  g_test_add_func ("/loader/zoo", test_zoo);
  g_test_add_func ("/loader/keyfile-lies", test_keyfile_lies);
  g_test_add_func ("/loader/threads", test_threads);
  g_test_add_func ("/loader/host", test_host);
  return g_test_run ();
}
