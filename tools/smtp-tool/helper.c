/* SPDX-License-Identifier: MIT */
/* helper - see helper.h. */
#include "helper.h"
#include "tool.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef TOOL_EXECDIR
#error "TOOL_EXECDIR comes from the build"
#endif

static gboolean
is_program (const char *path)
{
  struct stat st;

  return stat (path, &st) == 0 && S_ISREG (st.st_mode) && access (path, X_OK) == 0;
}

char *
helper_self (void)
{
  char path[PATH_MAX];
  const ssize_t size = readlink ("/proc/self/exe", path, sizeof path - 1);

  if (size <= 0)
    return NULL;
  path[size] = '\0';
  return g_strdup (path);
}

static char *
own_folder (void)
{
  g_autofree char *self = helper_self ();

  return self != NULL ? g_path_get_dirname (self) : NULL;
}

char *
helper_find (const char *name, GError **error)
{
  g_autofree char *own = own_folder ();
  const char *const folders[] = { secure_getenv ("SMTP_TOOL_EXECDIR"), TOOL_EXECDIR, own };

  for (guint i = 0; i < G_N_ELEMENTS (folders); i++)
    {
      if (folders[i] == NULL || !g_path_is_absolute (folders[i]))
        continue;
      g_autofree char *path = g_build_filename (folders[i], name, NULL);
      if (is_program (path))
        return g_steal_pointer (&path);
    }
  g_set_error (error, TOOL_ERROR, TOOL_ERROR_HELPER, "the program %s is not installed (looked in %s)", name, TOOL_EXECDIR);
  return NULL;
}

gboolean
helper_exec (const char *name, int argc, char **argv, GError **error)
{
  g_autofree char *path = helper_find (name, error);

  if (path == NULL)
    return FALSE;
  g_autofree char **copy = g_new0 (char *, (gsize) argc + 1);
  for (int i = 0; i < argc; i++)
    copy[i] = argv[i];
  execv (path, copy);
  g_set_error (error, TOOL_ERROR, TOOL_ERROR_HELPER, "%s: %s", path, g_strerror (errno));
  return FALSE;
}
