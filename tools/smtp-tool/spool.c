/* SPDX-License-Identifier: MIT */
/* spool - see spool.h. */
#include "spool.h"
#include "text.h"
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static gboolean
fail (GError **error, const char *what)
{
  g_set_error (error, TOOL_ERROR, TOOL_ERROR_FILE, "%s: %s", what, g_strerror (errno));
  return FALSE;
}

int
spool_new (GError **error)
{
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), "smtp-tool-XXXXXX", NULL);
  const int fd = g_mkstemp_full (path, O_RDWR | O_CLOEXEC, 0600);

  if (fd < 0)
    {
      g_autofree char *shown = text_escape (g_get_tmp_dir ());
      g_autofree char *what = g_strdup_printf ("making a temporary file in %s", shown);
      fail (error, what);
    }
  else
    (void) unlink (path);
  return fd;
}

gboolean
spool_write (int fd, const void *data, gsize size, GError **error)
{
  const char *next = data;

  while (size > 0)
    {
      const ssize_t n = write (fd, next, size);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return fail (error, "writing");
      next += n;
      size -= (gsize) n;
    }
  return TRUE;
}

static gboolean
pump (int from, int to, GError **error)
{
  g_autofree char *block = g_malloc (65536);

  for (;;)
    {
      const ssize_t n = read (from, block, 65536);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return fail (error, "reading");
      if (n == 0)
        return TRUE;
      if (!spool_write (to, block, (gsize) n, error))
        return FALSE;
    }
}

int
spool_from_fd (int fd, GError **error)
{
  const int copy = spool_new (error);

  if (copy < 0)
    return -1;
  if (!pump (fd, copy, error) || lseek (copy, 0, SEEK_SET) != 0)
    {
      close (copy);
      return -1;
    }
  return copy;
}

int
spool_from_file (const char *path, GError **error)
{
  const int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  g_autofree char *shown = text_escape (path);

  if (fd < 0)
    {
      fail (error, shown);
      return -1;
    }
  const int copy = spool_from_fd (fd, error);
  if (copy < 0)
    g_prefix_error (error, "%s: ", shown);
  close (fd);
  return copy;
}

VeredaMessage *
spool_message (int fd, GError **error)
{
  const int own = lseek (fd, 0, SEEK_SET) == 0 ? fcntl (fd, F_DUPFD_CLOEXEC, 3) : -1;

  if (own < 0)
    {
      fail (error, "the message's temporary file");
      return NULL;
    }
  VeredaMessage *message = vereda_message_new_from_fd (own, TRUE, error);
  if (message == NULL)
    close (own);
  return message;
}

gboolean
spool_print (int fd, FILE *out, GError **error)
{
  g_autofree char *block = g_malloc (65536);

  if (lseek (fd, 0, SEEK_SET) != 0)
    return fail (error, "the message's temporary file");
  for (;;)
    {
      const ssize_t n = read (fd, block, 65536);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return fail (error, "the message's temporary file");
      if (n == 0)
        return TRUE;
      if (fwrite (block, 1, (size_t) n, out) != (size_t) n)
        return fail (error, "writing the message");
    }
}

GBytes *
spool_read (int fd, GError **error)
{
  g_autoptr (GByteArray) all = g_byte_array_new ();
  guint8 block[4096];

  if (lseek (fd, 0, SEEK_SET) != 0)
    {
      fail (error, "the message's temporary file");
      return NULL;
    }
  for (;;)
    {
      const ssize_t n = read (fd, block, sizeof block);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          fail (error, "the message's temporary file");
          return NULL;
        }
      if (n == 0)
        return g_byte_array_free_to_bytes (g_steal_pointer (&all));
      g_byte_array_append (all, block, (guint) n);
    }
}
