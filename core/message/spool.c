/* SPDX-License-Identifier: MIT */
/* spool - memory first, then an unlinked file of mode 0600 in g_get_tmp_dir().
 *
 * Fails when the temporary directory cannot be written. */
#include "core/message/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "core/base/error.h"

struct VdSpool
{
  GByteArray *memory;
  gsize memory_max;
  int fd; /* -1 while everything fits into memory */
};

VdSpool *
vd_spool_new (gsize memory_max)
{
  VdSpool *spool = g_new0 (VdSpool, 1);
  spool->memory = g_byte_array_new ();
  spool->memory_max = memory_max;
  spool->fd = -1;
  return spool;
}

void
vd_spool_free (VdSpool *spool)
{
  if (spool == NULL)
    return;
  if (spool->fd >= 0)
    close (spool->fd);
  g_clear_pointer (&spool->memory, g_byte_array_unref);
  g_free (spool);
}

static gboolean
refuse (GError **error, const char *what, int number)
{
  g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE, "keeping the message in a temporary file: %s in %s: %s", what,
               g_get_tmp_dir (), g_strerror (number));
  return FALSE;
}

/* O_TMPFILE where the file system has it: no name at any moment. */
static int
open_unlinked (GError **error)
{
#ifdef O_TMPFILE
  int unnamed = open (g_get_tmp_dir (), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (unnamed >= 0)
    return unnamed;
#endif
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), "vereda-XXXXXX", NULL);
  int fd = g_mkstemp_full (path, O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0)
    {
      refuse (error, "cannot create it", errno);
      return -1;
    }
  if (g_unlink (path) != 0)
    {
      refuse (error, "cannot unlink it", errno);
      close (fd);
      return -1;
    }
  return fd;
}

static gboolean
write_all (int fd, const guint8 *data, gsize size, GError **error)
{
  while (size > 0)
    {
      gssize n = write (fd, data, size);
      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return refuse (error, "cannot write it", n < 0 ? errno : ENOSPC);
      data += n;
      size -= (gsize) n;
    }
  return TRUE;
}

gboolean
vd_spool_write (VdSpool *spool, const void *data, gsize size, GError **error)
{
  if (spool->fd < 0 && size <= spool->memory_max && spool->memory->len <= spool->memory_max - size)
    {
      g_byte_array_append (spool->memory, data, (guint) size);
      return TRUE;
    }
  if (spool->fd < 0)
    {
      spool->fd = open_unlinked (error);
      if (spool->fd < 0 || !write_all (spool->fd, spool->memory->data, spool->memory->len, error))
        return FALSE;
      g_byte_array_set_size (spool->memory, 0);
    }
  return write_all (spool->fd, data, size, error);
}

void
vd_spool_finish (VdSpool *spool, GBytes **ret_bytes, int *ret_fd)
{
  *ret_fd = spool->fd;
  spool->fd = -1;
  *ret_bytes = *ret_fd >= 0 ? NULL : g_byte_array_free_to_bytes (g_steal_pointer (&spool->memory));
}
