/* SPDX-License-Identifier: MIT */
/* runner - plays every dialogue file of a folder through a session, each in four ways.  README.md describes the files.
 *
 * No sockets: octets go from the file into vd_session_feed() and from vd_session_output() to the comparison. */
#include <string.h>

#include "world.h"

typedef struct
{
  Script *script;
  Cut cut;
} Run;

/* On one line: what follows a line of TAP must be TAP. */
static void
fail (const char *complaint)
{
  g_autofree char *line = g_strdelimit (g_strdup (complaint), "\n", ' ');
  g_test_fail_printf ("%s", line);
}

static void
play (gconstpointer data)
{
  const Run *run = data;
  World *world = world_new (run->script, run->cut);
  gboolean done = world_play (world);
  if (world->split_never && run->cut != CUT_LINES)
    g_test_skip ("this dialogue needs its octets together");
  else if (!done)
    {
      g_test_message ("%s", world->complaint);
      g_test_message ("the session's own trace:\n%s", world->trace->str);
      fail (world->complaint);
    }
  world_free (world);
}

static void
play_cuts (gconstpointer data)
{
  g_autofree char *complaint = cuts_play (data);
  if (complaint != NULL)
    fail (complaint);
}

static void
add (const char *path, GPtrArray *scripts)
{
  static const char *const cuts[CUT_N] = { "lines", "octets", "bursts" };
  g_autoptr (GError) error = NULL;
  Script *script = script_load (path, &error);
  if (script == NULL)
    g_error ("%s", error->message);
  g_ptr_array_add (scripts, script);
  for (guint cut = 0; cut < CUT_N; cut++)
    {
      Run *run = g_new (Run, 1);
      *run = (Run){ script, cut };
      g_autofree char *name = g_strdup_printf ("/dialogue/%s/%s", script->name, cuts[cut]);
      g_test_add_data_func_full (name, run, play, g_free);
    }
  g_autofree char *name = g_strdup_printf ("/dialogue/%s/cuts", script->name);
  g_test_add_data_func (name, script, play_cuts);
}

static int
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static void
add_folder (const char *folder, GPtrArray *scripts)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = g_dir_open (folder, 0, &error);
  if (dir == NULL)
    g_error ("%s", error->message);
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  for (const char *name; (name = g_dir_read_name (dir)) != NULL;)
    if (g_str_has_suffix (name, ".dlg"))
      g_ptr_array_add (paths, g_build_filename (folder, name, NULL));
  if (paths->len == 0)
    g_error ("no dialogue in '%s'", folder);
  g_ptr_array_sort (paths, by_name);
  for (guint i = 0; i < paths->len; i++)
    add (paths->pdata[i], scripts);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (argc < 2)
    g_error ("usage: %s FOLDER | FILE.dlg…", argv[0]);
  g_autoptr (GPtrArray) scripts = g_ptr_array_new_with_free_func ((GDestroyNotify) script_free);
  for (int i = 1; i < argc; i++)
    if (g_file_test (argv[i], G_FILE_TEST_IS_DIR))
      add_folder (argv[i], scripts);
    else
      add (argv[i], scripts);
  return g_test_run ();
}
