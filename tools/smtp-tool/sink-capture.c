/* SPDX-License-Identifier: MIT */
/* sink-capture - see sink-capture.h. */
#include "sink-capture.h"
#include "sink-config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HELD_MAX 65536

struct SinkCapture
{
  int directory;
  int log;
  guint64 last;
  GMutex lock; /* one line of the log at a time */
};

static guint64
highest_number (int directory)
{
  guint64 highest = 0;
  int copy = openat (directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *listing = copy < 0 ? NULL : fdopendir (copy);
  if (listing == NULL)
    {
      if (copy >= 0)
        close (copy);
      return 0;
    }
  for (struct dirent *entry; (entry = readdir (listing)) != NULL;)
    {
      gchar *after;
      guint64 number = g_ascii_strtoull (entry->d_name, &after, 10);
      if (after != entry->d_name && g_str_equal (after, ".eml"))
        highest = MAX (highest, number);
    }
  closedir (listing);
  return highest;
}

SinkCapture *
sink_capture_open (const gchar *directory, GError **error)
{
  SinkCapture capture = { .directory = -1, .log = -1 };
  if (g_mkdir_with_parents (directory, 0700) == 0)
    capture.directory = open (directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (capture.directory >= 0)
    capture.log = openat (capture.directory, "log.jsonl", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (capture.log < 0)
    {
      int seen = errno;
      if (capture.directory >= 0)
        close (capture.directory);
      g_set_error (error, SINK_ERROR, SINK_ERROR_FILE, "--capture=%s: %s", directory, g_strerror (seen));
      return NULL;
    }
  SinkCapture *ret = g_new0 (SinkCapture, 1);
  *ret = capture;
  ret->last = highest_number (ret->directory);
  g_mutex_init (&ret->lock);
  return ret;
}

void
sink_capture_close (SinkCapture *capture)
{
  close (capture->log);
  close (capture->directory);
  g_mutex_clear (&capture->lock);
  g_free (capture);
}

guint64
sink_capture_last (const SinkCapture *capture)
{
  return capture->last;
}

static int
write_all (int fd, const gchar *data, gsize size)
{
  while (size > 0)
    {
      gssize done = write (fd, data, size);
      if (done < 0 && errno == EINTR)
        continue;
      if (done <= 0)
        return done < 0 ? errno : EIO;
      data += done;
      size -= (gsize) done;
    }
  return 0;
}

void
sink_capture_log (SinkCapture *capture, const gchar *line, gsize size)
{
  g_mutex_lock (&capture->lock);
  int failed = write_all (capture->log, line, size);
  g_mutex_unlock (&capture->lock);
  if (failed != 0)
    fprintf (stderr, "smtp-tool sink: log.jsonl: %s\n", g_strerror (failed));
}

void
sink_capture_file_init (SinkCaptureFile *file, SinkCapture *capture, guint64 connection)
{
  memset (file, 0, sizeof *file);
  file->capture = capture;
  file->fd = -1;
  /* The process id keeps two sinks that share a folder apart. */
  g_snprintf (file->name, sizeof file->name, ".%d-%" G_GUINT64_FORMAT ".part", (int) getpid (), connection);
}

void
sink_capture_file_clear (SinkCaptureFile *file)
{
  sink_capture_file_discard (file);
  if (file->held != NULL)
    g_string_free (file->held, TRUE);
  file->held = NULL;
}

void
sink_capture_file_begin (SinkCaptureFile *file)
{
  if (file->held == NULL)
    file->held = g_string_sized_new (4096);
  g_string_truncate (file->held, 0);
  file->fd = openat (file->capture->directory, file->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  file->failed = file->fd < 0 ? errno : 0;
  file->exists = file->fd >= 0;
}

static void
write_held (SinkCaptureFile *file)
{
  if (file->failed == 0)
    file->failed = write_all (file->fd, file->held->str, file->held->len);
  g_string_truncate (file->held, 0);
}

void
sink_capture_file_write (SinkCaptureFile *file, const gchar *data, gsize size)
{
  if (file->failed != 0)
    return;
  if (file->held->len + size > HELD_MAX)
    write_held (file);
  if (size >= HELD_MAX)
    file->failed = write_all (file->fd, data, size);
  else
    g_string_append_len (file->held, data, (gssize) size);
}

gboolean
sink_capture_file_finish (SinkCaptureFile *file)
{
  write_held (file);
  if (file->fd >= 0 && close (file->fd) < 0 && file->failed == 0)
    file->failed = errno;
  file->fd = -1;
  return file->failed == 0;
}

/* Gives the finished file its number.  Another sink may have taken it: a link, unlike a rename, never replaces. */
gboolean
sink_capture_file_name (SinkCaptureFile *file, guint64 number, gchar *ret_name, gsize room)
{
  g_snprintf (ret_name, (gulong) room, "%06" G_GUINT64_FORMAT ".eml", number);
  if (linkat (file->capture->directory, file->name, file->capture->directory, ret_name, 0) < 0)
    {
      file->failed = errno;
      return FALSE;
    }
  unlinkat (file->capture->directory, file->name, 0);
  file->exists = FALSE;
  return TRUE;
}

void
sink_capture_file_discard (SinkCaptureFile *file)
{
  if (!file->exists)
    return;
  if (file->fd >= 0)
    close (file->fd);
  file->fd = -1;
  unlinkat (file->capture->directory, file->name, 0);
  file->exists = FALSE;
}
