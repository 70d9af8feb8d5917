/* SPDX-License-Identifier: MIT */
/* discover - finding plugins: directories in, records out.
 *
 * Reads directories and keyfiles, each checked by trust.c on its open descriptor.  What cannot be used becomes a record with
 * its reason, or a warning. */
#include "core/plugin/discover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/base/trace.h"
#include "core/plugin/trust.h"
#include "core/plugin/words.h"

#define SUFFIX ".plugin"

static int
compare_strings (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Names that end in .plugin, sorted, so that the result does not depend on the file system. */
static GPtrArray *
list_keyfiles (int dir_fd, const char *dir, GPtrArray *warnings)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  int own = fcntl (dir_fd, F_DUPFD_CLOEXEC, 0);
  DIR *stream = own >= 0 ? fdopendir (own) : NULL;
  if (stream == NULL)
    {
      g_ptr_array_add (warnings, g_strdup_printf ("%s: %s", dir, g_strerror (errno)));
      if (own >= 0)
        close (own);
      return names;
    }
  for (struct dirent *item = readdir (stream); item != NULL; item = readdir (stream))
    if (item->d_name[0] != '.' && g_str_has_suffix (item->d_name, SUFFIX))
      g_ptr_array_add (names, g_strdup (item->d_name));
  closedir (stream);
  g_ptr_array_sort (names, compare_strings);
  return names;
}

static VdRecord *
record_by_stem (GPtrArray *records, const char *stem)
{
  for (guint i = 0; i < records->len; i++)
    {
      VdRecord *record = records->pdata[i];
      if (strcmp (record->stem, stem) == 0)
        return record;
    }
  return NULL;
}

static void
record_break (VdRecord *record, const GError *cause, const char *path)
{
  record->state = VD_RECORD_BROKEN;
  g_free (record->reason);
  record->reason = path != NULL ? g_strdup_printf ("%s: %s", path, cause->message) : g_strdup (cause->message);
}

static void
read_keyfile (VdRecord *record, int dir_fd, const char *name)
{
  g_autofree char *data = NULL;
  gsize size = 0;
  g_autoptr (GError) error = NULL;
  if (!vd_trust_read_file (dir_fd, record->dir, name, VD_KEYFILE_SIZE_MAX, &data, &size, &error))
    {
      record_break (record, error, NULL);
      return;
    }
  record->info = vd_keyfile_parse (data, size, record->stem, &error);
  if (record->info == NULL)
    record_break (record, error, record->keyfile_path);
}

static void
add_keyfile (int dir_fd, const char *dir, const char *name, GPtrArray *records)
{
  VdRecord *record = g_new0 (VdRecord, 1);
  g_autofree char *stem = g_strndup (name, strlen (name) - strlen (SUFFIX));
  record->stem = vd_text_escape (stem, strlen (stem));
  record->dir = g_strdup (dir);
  record->keyfile_path = g_build_filename (dir, name, NULL);
  VdRecord *earlier = record_by_stem (records, record->stem);
  g_ptr_array_add (records, record);
  if (!vd_stem_valid (stem))
    {
      record->state = VD_RECORD_BROKEN;
      record->reason = g_strdup_printf ("\"%s\" is not a plugin name ([a-z][a-z0-9_]{0,31})", record->stem);
      return;
    }
  g_autofree char *module = g_strconcat (stem, ".so", NULL);
  record->module_path = g_build_filename (dir, module, NULL);
  read_keyfile (record, dir_fd, name);
  if (earlier != NULL)
    {
      record->state = VD_RECORD_SHADOWED;
      g_free (record->reason);
      record->reason = g_strdup_printf ("%s is used instead", earlier->keyfile_path);
    }
}

void
vd_discover_dir (const char *dir, GPtrArray *records, GPtrArray *warnings)
{
  g_autoptr (GError) error = NULL;
  int dir_fd = vd_trust_open_dir (dir, &error);
  if (dir_fd < 0)
    {
      g_ptr_array_add (warnings, g_strdup (error->message));
      return;
    }
  g_autoptr (GPtrArray) names = list_keyfiles (dir_fd, dir, warnings);
  for (guint i = 0; i < names->len; i++)
    add_keyfile (dir_fd, dir, names->pdata[i], records);
  close (dir_fd);
}

static gboolean
nothing_enabled (const VdKeyfile *info)
{
  for (guint i = 0; i < info->mechs->len; i++)
    if (((VdMechInfo *) info->mechs->pdata[i])->enabled)
      return FALSE;
  for (guint i = 0; i < info->transports->len; i++)
    if (((VdTransportInfo *) info->transports->pdata[i])->enabled)
      return FALSE;
  return TRUE;
}

static void
override_record (VdRecord *record, int dir_fd, const char *dir)
{
  g_autofree char *name = g_strconcat (record->stem, SUFFIX, NULL);
  g_autofree char *path = g_build_filename (dir, name, NULL);
  g_autofree char *data = NULL;
  gsize size = 0;
  g_autoptr (GError) error = NULL;
  if (faccessat (dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
    return;
  if (!vd_trust_read_file (dir_fd, dir, name, VD_KEYFILE_SIZE_MAX, &data, &size, &error))
    record_break (record, error, NULL);
  else if (!vd_keyfile_apply_override (record->info, data, size, &error))
    record_break (record, error, path);
  else if (nothing_enabled (record->info))
    {
      record->state = VD_RECORD_DISABLED;
      record->reason = g_strdup_printf ("switched off in %s", path);
    }
}

static gboolean
has_override (const char *dir, const char *stem)
{
  g_autofree char *name = g_strconcat (stem, SUFFIX, NULL);
  g_autofree char *path = g_build_filename (dir, name, NULL);
  return access (path, F_OK) == 0;
}

void
vd_discover_overrides (const char *dir, GPtrArray *records, GPtrArray *warnings)
{
  g_autoptr (GError) error = NULL;
  if (access (dir, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
    return;
  int dir_fd = vd_trust_open_dir (dir, &error);
  if (dir_fd < 0)
    g_ptr_array_add (warnings, g_strdup_printf ("%s; plugins that it has a file for are not used", error->message));
  for (guint i = 0; i < records->len; i++)
    {
      VdRecord *record = records->pdata[i];
      if (record->state == VD_RECORD_OK && dir_fd >= 0)
        override_record (record, dir_fd, dir);
      else if (record->state == VD_RECORD_OK && has_override (dir, record->stem))
        record_break (record, error, NULL);
    }
  if (dir_fd >= 0)
    close (dir_fd);
}

/* Sets the rank of all that bears `name`; FALSE when nothing does. */
static gboolean
rank_name (GPtrArray *records, const char *name, int rank)
{
  gboolean found = FALSE;
  for (guint i = 0; i < records->len; i++)
    {
      VdRecord *record = records->pdata[i];
      gboolean whole = strcmp (record->stem, name) == 0;
      found |= whole;
      for (guint k = 0; record->info != NULL && k < record->info->mechs->len; k++)
        {
          VdMechInfo *mech = record->info->mechs->pdata[k];
          if (whole || strcmp (mech->name, name) == 0)
            mech->rank = rank, found = TRUE;
        }
      for (guint k = 0; record->info != NULL && k < record->info->transports->len; k++)
        {
          VdTransportInfo *transport = record->info->transports->pdata[k];
          if (whole || strcmp (transport->name, name) == 0)
            transport->rank = rank, found = TRUE;
        }
    }
  return found;
}

void
vd_discover_ranks (const char *text, GPtrArray *records, GPtrArray *warnings)
{
  g_auto (GStrv) items = g_strsplit (text, ",", -1);
  for (char **item = items; *item != NULL; item++)
    {
      char *name = g_strstrip (*item);
      if (*name == '\0')
        continue;
      g_autofree char *shown = vd_text_escape (name, strlen (name));
      char *colon = strchr (name, ':');
      gint64 rank = 0;
      if (colon == NULL || !g_ascii_string_to_signed (colon + 1, 10, -VD_RANK_MAX, VD_RANK_MAX, &rank, NULL))
        {
          g_ptr_array_add (warnings, g_strdup_printf ("VEREDA_RANK: \"%s\" is not of the form name:number", shown));
          continue;
        }
      *colon = '\0';
      if (!rank_name (records, g_strchomp (name), (int) rank))
        g_ptr_array_add (warnings, g_strdup_printf ("VEREDA_RANK: \"%s\" names no plugin, mechanism or transport", shown));
    }
}
