/* SPDX-License-Identifier: MIT */
/* pen - a temporary plugin directory for tests.  Fails the test on any error. */
#include "pen.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

PenDir *
pen_new (void)
{
  g_autoptr (GError) error = NULL;
  umask (022); /* the loader refuses what the group can write */
  char *dir = g_dir_make_tmp ("vereda-zoo-XXXXXX", &error);
  g_assert_no_error (error);
  return dir;
}

static void
remove_tree (const char *path)
{
  GDir *dir = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  for (const char *name = dir != NULL ? g_dir_read_name (dir) : NULL; name != NULL; name = g_dir_read_name (dir))
    {
      g_autofree char *inner = g_build_filename (path, name, NULL);
      remove_tree (inner);
    }
  if (dir != NULL)
    g_dir_close (dir);
  g_remove (path);
}

void
pen_free (PenDir *dir)
{
  remove_tree (dir);
  g_free (dir);
}

void
pen_write (const char *dir, const char *name, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (dir, name, NULL);
  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

void
pen_keyfile (const char *dir, const char *stem, const char *sections)
{
  g_autofree char *name = g_strconcat (stem, ".plugin", NULL);
  g_autofree char *text
      = g_strdup_printf ("[Plugin]\nAbi=1\nName=%s\nVersion=1.0\nLicense=MIT\nDescription=zoo\n%s", stem, sections);
  pen_write (dir, name, text);
}

void
pen_module (const char *dir, const char *stem)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = g_strconcat (stem, ".so", NULL);
  g_autofree char *from = g_build_filename (ZOO_DIR, name, NULL);
  g_autofree char *to = g_build_filename (dir, name, NULL);
  g_autofree char *data = NULL;
  gsize size = 0;
  g_file_get_contents (from, &data, &size, &error);
  g_assert_no_error (error);
  g_file_set_contents (to, data, (gssize) size, &error);
  g_assert_no_error (error);
}

void
pen_mech (const char *dir, const char *stem, int rank)
{
  g_autofree char *sections = g_strdup_printf (PEN_ZOO_SECTION "Rank=%d\n", rank);
  pen_keyfile (dir, stem, sections);
  pen_module (dir, stem);
}

void
pen_transport (const char *dir, const char *stem, const char *transport, int rank)
{
  g_autofree char *sections = g_strdup_printf ("[Transport %s]\nRoles=wrap\nRank=%d\n", transport, rank);
  pen_keyfile (dir, stem, sections);
  pen_module (dir, stem);
}

void
pen_chmod (const char *dir, const char *name, guint mode)
{
  g_autofree char *path = g_build_filename (dir, name, NULL);
  g_assert_cmpint (g_chmod (path, (mode_t) mode), ==, 0);
}

VeredaRegistry *
pen_registry (const char *dir, ...)
{
  g_autoptr (GPtrArray) dirs = g_ptr_array_new ();
  va_list args;
  va_start (args, dir);
  for (; dir != NULL; dir = va_arg (args, const char *))
    g_ptr_array_add (dirs, (gpointer) dir);
  va_end (args);
  g_ptr_array_add (dirs, NULL);
  VdRegistrySetup setup = { .dirs = (const char *const *) dirs->pdata };
  return vd_registry_new (&setup);
}

VdRecord *
pen_record (VeredaRegistry *registry, const char *stem)
{
  GPtrArray *records = vd_registry_records (registry);
  for (guint i = 0; i < records->len; i++)
    if (strcmp (((VdRecord *) records->pdata[i])->stem, stem) == 0)
      return records->pdata[i];
  g_assert_not_reached ();
}
