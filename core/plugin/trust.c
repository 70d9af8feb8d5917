/* SPDX-License-Identifier: MIT */
/* trust - may this file's content run in our process?
 *
 * Touches the file system, on open descriptors.  Fails with the path and what is wrong with it. */
#include "core/plugin/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/base/error.h"

const char *
vd_trust_judge (const struct stat *info, uid_t euid, gboolean directory)
{
  if (directory && !S_ISDIR (info->st_mode))
    return "is not a directory";
  if (!directory && !S_ISREG (info->st_mode))
    return "is not a regular file";
  if (info->st_uid != 0 && info->st_uid != euid)
    return "belongs neither to root nor to the user who runs this";
  if ((info->st_mode & S_IWGRP) != 0)
    return "is writable by its group (chmod go-w)";
  if ((info->st_mode & S_IWOTH) != 0)
    return "is writable by everybody (chmod go-w)";
  return NULL;
}

static int
open_trusted (int dir_fd, const char *name, const char *shown, gboolean directory, GError **error)
{
  /* O_NONBLOCK: a FIFO must not hold us up before it is seen to be one. */
  int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (directory ? O_DIRECTORY : O_NOFOLLOW);
  int fd = openat (dir_fd, name, flags);
  struct stat info;
  const char *wrong = NULL;
  if (fd < 0)
    wrong = errno == ELOOP && !directory ? "is a symbolic link; plugin files must be regular files" : g_strerror (errno);
  else if (fstat (fd, &info) != 0)
    wrong = g_strerror (errno);
  else
    wrong = vd_trust_judge (&info, geteuid (), directory);
  if (wrong == NULL)
    return fd;
  if (fd >= 0)
    close (fd);
  g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN, "%s: %s", shown, wrong);
  return -1;
}

int
vd_trust_open_dir (const char *path, GError **error)
{
  return open_trusted (AT_FDCWD, path, path, TRUE, error);
}

int
vd_trust_open_file (int dir_fd, const char *dir, const char *name, GError **error)
{
  g_autofree char *shown = g_build_filename (dir, name, NULL);
  return open_trusted (dir_fd, name, shown, FALSE, error);
}

gboolean
vd_trust_read_file (int dir_fd, const char *dir, const char *name, gsize max, char **ret_data, gsize *ret_size, GError **error)
{
  int fd = vd_trust_open_file (dir_fd, dir, name, error);
  if (fd < 0)
    return FALSE;
  g_autofree char *data = g_malloc (max + 2);
  gsize size = 0;
  gssize n = 0;
  do
    {
      n = read (fd, data + size, max + 1 - size);
      size += n > 0 ? (gsize) n : 0;
    }
  while ((n > 0 && size <= max) || (n < 0 && errno == EINTR));
  int saved = errno;
  close (fd);
  if (n < 0)
    g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN, "%s/%s: %s", dir, name, g_strerror (saved));
  else if (size > max)
    g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN, "%s/%s: larger than %" G_GSIZE_FORMAT " octets", dir, name, max);
  if (n < 0 || size > max)
    return FALSE;
  data[size] = '\0';
  *ret_data = g_realloc (g_steal_pointer (&data), size + 1);
  *ret_size = size;
  return TRUE;
}
