/* SPDX-License-Identifier: MIT */
/* source - bytes, regular files, streams that are spooled, and callbacks, behind one reader.
 *
 * Regular files are read with pread(), so that a descriptor's offset is never moved and readers do not disturb each other; a
 * mapping would turn a file that shrinks into SIGBUS.  Fails with VEREDA_ERROR_SOURCE; a failure stays: every further call
 * gives it again. */
#include "core/message/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/refs.h"
#include "core/base/trace.h"
#include "core/base/zeros.h"
#include "core/message/spool.h"

#define SLICE_MAX        ((gsize) 256 * 1024) /* bounds the work of one step, also where nothing is copied */
#define SPOOL_MEMORY_MAX ((gsize) 1024 * 1024)

typedef enum
{
  SOURCE_BYTES,
  SOURCE_FILE,   /* regular file */
  SOURCE_STREAM, /* descriptor that can be read once; becomes bytes or a file when prepared */
  SOURCE_CALLBACKS
} SourceKind;

struct VdSource
{
  VdRefs refs;
  SourceKind kind;
  const char *name; /* for errors */
  char *own_name;   /* the same, where it is to be freed */
  gboolean prepared;
  GError *failure;

  GBytes *bytes;

  int fd;
  gboolean close_fd;
  guint64 base;     /* offset in the file where the message begins */
  guint64 size;     /* of the message, when the file was first looked at */
  struct stat seen; /* the same moment */

  VeredaSourceFuncs funcs;
  gpointer user_data;
  GDestroyNotify destroy;
  gboolean reading; /* a reader is open: callbacks have one position */
};

struct VdReader
{
  VdSource *source;
  guint64 at;  /* octets from the beginning of the message to the next slice */
  guint64 end; /* where it stops; not of callbacks */
  guint8 *buffer;
  gsize room;
  gboolean ended;
  GError *failure;
};

static VdSource *
source_alloc (SourceKind kind, char *name)
{
  VdSource *source = vd_zeros_new (VdSource);
  vd_refs_init (&source->refs);
  source->kind = kind;
  source->name = source->own_name = name;
  source->fd = -1;
  return source;
}

VdSource *
vd_source_new_bytes (GBytes *bytes)
{
  VdSource *source = source_alloc (SOURCE_BYTES, NULL);
  source->name = "the message in memory";
  source->bytes = g_bytes_ref (bytes);
  return source;
}

static gboolean
refuse (GError **error, const char *name, const char *what, int number)
{
  g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE, "%s %s: %s", what, name, g_strerror (number));
  return FALSE;
}

/* Takes `name`.  The descriptor stays the caller's on failure. */
static VdSource *
source_from_fd (int fd, gboolean close_fd, char *name, GError **error)
{
  g_autofree char *owned = name;
  struct stat seen;
  int fault = fstat (fd, &seen) != 0 ? errno : S_ISDIR (seen.st_mode) ? EISDIR : 0;
  off_t base = 0;
  if (fault == 0 && S_ISREG (seen.st_mode))
    {
      base = lseek (fd, 0, SEEK_CUR);
      fault = base < 0 ? errno : 0;
    }
  if (fault != 0)
    {
      refuse (error, owned, "cannot read", fault);
      return NULL;
    }
  /* A regular file of size 0 may be one of /proc, which have content all the same: only reading tells. */
  SourceKind kind = S_ISREG (seen.st_mode) && seen.st_size > 0 ? SOURCE_FILE : SOURCE_STREAM;
  VdSource *source = source_alloc (kind, g_steal_pointer (&owned));
  source->fd = fd;
  source->close_fd = close_fd;
  source->base = (guint64) base;
  return source;
}

VdSource *
vd_source_new_file (const char *path, GError **error)
{
  g_autofree char *shown = vd_text_escape (path, strlen (path));
  g_autofree char *name = g_strdup_printf ("message file '%s'", shown);
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    {
      refuse (error, name, "cannot open", errno);
      return NULL;
    }
  VdSource *source = source_from_fd (fd, TRUE, g_steal_pointer (&name), error);
  if (source == NULL)
    close (fd);
  return source;
}

VdSource *
vd_source_new_fd (int fd, gboolean close_fd, GError **error)
{
  return source_from_fd (fd, close_fd, g_strdup_printf ("message descriptor %d", fd), error);
}

VdSource *
vd_source_new_callbacks (const VeredaSourceFuncs *funcs, gpointer user_data, GDestroyNotify destroy)
{
  g_return_val_if_fail (VEREDA_HAS (VeredaSourceFuncs, funcs, read), NULL);
  VdSource *source = source_alloc (SOURCE_CALLBACKS, g_strdup ("the application's message source"));
  source->funcs.struct_size = sizeof source->funcs;
  source->funcs.read = funcs->read;
  source->funcs.rewind = VEREDA_HAS (VeredaSourceFuncs, funcs, rewind) ? funcs->rewind : NULL;
  source->user_data = user_data;
  source->destroy = destroy;
  return source;
}

VdSource *
vd_source_ref (VdSource *source)
{
  vd_refs_take (&source->refs);
  return source;
}

static void
close_own_fd (VdSource *source)
{
  if (source->close_fd && source->fd >= 0)
    close (source->fd);
  source->fd = -1;
}

static void
release_callbacks (VdSource *source)
{
  if (source->destroy != NULL)
    source->destroy (source->user_data);
  source->destroy = NULL;
}

void
vd_source_unref (VdSource *source)
{
  if (source == NULL || !vd_refs_drop (&source->refs))
    return;
  close_own_fd (source);
  release_callbacks (source);
  g_clear_pointer (&source->bytes, g_bytes_unref);
  g_clear_error (&source->failure);
  g_free (source->own_name);
  g_free (source);
}

/* ---- one read of each kind; -1 with error, 0 at the end ---- */

static gssize
read_stream (VdSource *source, void *buffer, gsize size, GError **error)
{
  for (;;)
    {
      gssize n = read (source->fd, buffer, size);
      if (n >= 0)
        return n;
      if (errno == EAGAIN || errno == EWOULDBLOCK)
        {
          GPollFD ready = { source->fd, G_IO_IN, 0 };
          g_poll (&ready, 1, -1);
        }
      else if (errno != EINTR)
        {
          refuse (error, source->name, "cannot read", errno);
          return -1;
        }
    }
}

static gssize
read_callback (VdSource *source, void *buffer, gsize size, GError **error)
{
  GError *cause = NULL;
  gssize n = source->funcs.read (source->user_data, buffer, size, &cause);
  if (n >= 0 && (gsize) n <= size && cause == NULL)
    return n;
  if (cause != NULL)
    vd_error_wrap (error, VEREDA_ERROR_SOURCE, cause, "cannot read %s", source->name);
  else
    g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE,
                 "cannot read %s: its read function returned %" G_GSSIZE_FORMAT " for %" G_GSIZE_FORMAT " octets", source->name,
                 n, size);
  return -1;
}

/* A file that is written to while it is sent gives neither the old message nor the new one. */
static gboolean
check_unchanged (VdSource *source, GError **error)
{
  struct stat now;
  if (fstat (source->fd, &now) != 0)
    return refuse (error, source->name, "cannot read", errno);
  if (now.st_size == source->seen.st_size && now.st_mtim.tv_sec == source->seen.st_mtim.tv_sec
      && now.st_mtim.tv_nsec == source->seen.st_mtim.tv_nsec)
    return TRUE;
  g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE, "%s changed while it was being read", source->name);
  return FALSE;
}

static gssize
read_file (VdSource *source, guint64 at, guint64 end, void *buffer, gsize size, GError **error)
{
  gsize wanted = (gsize) MIN (end - at, (guint64) size);
  gssize n;
  do
    n = pread (source->fd, buffer, wanted, (off_t) (source->base + at));
  while (n < 0 && errno == EINTR);
  if (n < 0)
    {
      refuse (error, source->name, "cannot read", errno);
      return -1;
    }
  if (!check_unchanged (source, error))
    return -1;
  if (n == 0 && wanted > 0)
    {
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE, "%s is shorter than its size says", source->name);
      return -1;
    }
  return n;
}

/* ---- prepare ---- */

static gboolean
spool (VdSource *source, GError **error)
{
  g_autoptr (VdSpool) kept = vd_spool_new (SPOOL_MEMORY_MAX);
  g_autofree guint8 *buffer = g_malloc (SLICE_MAX);
  gssize n;
  do
    {
      n = source->kind == SOURCE_STREAM ? read_stream (source, buffer, SLICE_MAX, error)
                                        : read_callback (source, buffer, SLICE_MAX, error);
      if (n < 0 || !vd_spool_write (kept, buffer, (gsize) n, error))
        return FALSE;
    }
  while (n > 0);
  close_own_fd (source);
  release_callbacks (source);
  vd_spool_finish (kept, &source->bytes, &source->fd);
  source->kind = source->bytes != NULL ? SOURCE_BYTES : SOURCE_FILE;
  source->close_fd = TRUE;
  source->base = 0;
  return TRUE;
}

static gboolean
prepare (VdSource *source, GError **error)
{
  gboolean once = source->kind == SOURCE_STREAM || (source->kind == SOURCE_CALLBACKS && source->funcs.rewind == NULL);
  if (once && !spool (source, error))
    return FALSE;
  if (source->kind != SOURCE_FILE)
    return TRUE;
  if (fstat (source->fd, &source->seen) != 0)
    return refuse (error, source->name, "cannot read", errno);
  guint64 whole = (guint64) source->seen.st_size;
  source->size = whole > source->base ? whole - source->base : 0;
  return TRUE;
}

gboolean
vd_source_prepare (VdSource *source, GError **error)
{
  if (!source->prepared && source->failure == NULL)
    source->prepared = prepare (source, &source->failure);
  if (source->prepared)
    return TRUE;
  if (error != NULL)
    *error = g_error_copy (source->failure);
  return FALSE;
}

/* ---- readers ---- */

static gsize
slice_room (const VdReader *reader)
{
  const VdSource *source = reader->source;
  if (source->kind == SOURCE_BYTES)
    return 0;
  return source->kind == SOURCE_FILE ? (gsize) MIN (reader->end - reader->at, (guint64) SLICE_MAX) : SLICE_MAX;
}

/* Goes back to the first octet and reads over `offset` octets. */
static gboolean
rewind_callbacks (VdReader *reader, guint64 offset, GError **error)
{
  VdSource *source = reader->source;
  GError *cause = NULL;
  if (!source->funcs.rewind (source->user_data, &cause))
    {
      vd_error_wrap (error, VEREDA_ERROR_SOURCE, cause, "cannot rewind %s", source->name);
      return FALSE;
    }
  g_clear_error (&cause);
  while (reader->at < offset)
    {
      gsize wanted = (gsize) MIN (offset - reader->at, (guint64) reader->room);
      gssize n = read_callback (source, reader->buffer, wanted, error);
      if (n < 0)
        return FALSE;
      if (n == 0)
        {
          g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE, "%s gives less than it gave before", source->name);
          return FALSE;
        }
      reader->at += (guint64) n;
    }
  return TRUE;
}

static guint64
known_size (const VdSource *source)
{
  return source->kind == SOURCE_BYTES ? (guint64) g_bytes_get_size (source->bytes) : source->size;
}

gboolean
vd_source_has_parts (VdSource *source, guint64 *ret_size)
{
  *ret_size = known_size (source);
  return source->prepared && (source->kind == SOURCE_BYTES || source->kind == SOURCE_FILE);
}

GBytes *
vd_source_bytes (const VdSource *source)
{
  return source->kind == SOURCE_BYTES ? source->bytes : NULL;
}

VdReader *
vd_source_open (VdSource *source, guint64 offset, GError **error)
{
  return vd_source_open_part (source, offset, G_MAXUINT64, error);
}

VdReader *
vd_source_open_part (VdSource *source, guint64 offset, guint64 end, GError **error)
{
  if (!vd_source_prepare (source, error))
    return NULL;
  if (source->reading)
    {
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE, "%s is being read already", source->name);
      return NULL;
    }
  g_autoptr (VdReader) reader = g_new0 (VdReader, 1);
  reader->source = vd_source_ref (source);
  if (source->kind == SOURCE_CALLBACKS) /* others may be opened in several threads at a time */
    source->reading = TRUE;
  reader->end = MIN (end, known_size (source));
  reader->at = source->kind == SOURCE_CALLBACKS ? 0 : MIN (offset, reader->end);
  reader->room = slice_room (reader);
  reader->buffer = reader->room > 0 ? g_malloc (reader->room) : NULL;
  if (source->kind == SOURCE_CALLBACKS && !rewind_callbacks (reader, offset, error))
    return NULL;
  return g_steal_pointer (&reader);
}

gboolean
vd_reader_at_end (const VdReader *reader)
{
  const VdSource *source = reader->source;
  if (reader->failure != NULL)
    return FALSE;
  switch (source->kind)
    {
    case SOURCE_BYTES:
    case SOURCE_FILE:
      return reader->at >= reader->end;
    case SOURCE_STREAM:
    case SOURCE_CALLBACKS:
    default:
      return reader->ended;
    }
}

static gboolean
fill (VdReader *reader, VeredaSpan *ret_slice, GError **error)
{
  VdSource *source = reader->source;
  if (source->kind == SOURCE_BYTES)
    {
      const guint8 *data = g_bytes_get_data (source->bytes, NULL);
      ret_slice->data = data + reader->at;
      ret_slice->size = (gsize) MIN (reader->end - reader->at, (guint64) SLICE_MAX);
      return TRUE;
    }
  gssize n = source->kind == SOURCE_FILE ? read_file (source, reader->at, reader->end, reader->buffer, reader->room, error)
                                         : read_callback (source, reader->buffer, reader->room, error);
  if (n < 0)
    return FALSE;
  ret_slice->data = reader->buffer;
  ret_slice->size = (gsize) n;
  reader->ended = n == 0;
  return TRUE;
}

gboolean
vd_reader_next (VdReader *reader, VeredaSpan *ret_slice, GError **error)
{
  VeredaSpan slice = { NULL, 0 };
  if (reader->failure == NULL && !vd_reader_at_end (reader))
    fill (reader, &slice, &reader->failure);
  if (reader->failure != NULL)
    {
      if (error != NULL)
        *error = g_error_copy (reader->failure);
      return FALSE;
    }
  reader->at += slice.size;
  *ret_slice = slice;
  return TRUE;
}

void
vd_reader_free (VdReader *reader)
{
  if (reader == NULL)
    return;
  if (reader->source->kind == SOURCE_CALLBACKS)
    reader->source->reading = FALSE;
  vd_source_unref (reader->source);
  g_clear_error (&reader->failure);
  g_free (reader->buffer);
  g_free (reader);
}
