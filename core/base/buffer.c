/* SPDX-License-Identifier: MIT */
/* buffer - a queue of octets: append at the end, consume from the front.
 *
 * Pure.  Cannot fail but for memory, which aborts as everywhere in GLib. */
#include "core/base/buffer.h"

#include <string.h>

#include "core/base/secret.h"

#define FIRST_ROOM ((gsize) 512)
#define KEPT_ROOM  ((gsize) 128 * 1024) /* an empty buffer larger than this gives its memory back */

void
vd_buffer_init (VdBuffer *buffer, gboolean secret)
{
  memset (buffer, 0, sizeof *buffer);
  buffer->secret = secret;
}

void
vd_buffer_clear (VdBuffer *buffer)
{
  if (buffer->secret)
    vd_wipe (buffer->data, buffer->room);
  g_free (buffer->data);
  vd_buffer_init (buffer, buffer->secret);
}

/* Moves what is not consumed to the front. */
static void
compact (VdBuffer *buffer)
{
  gsize size = vd_buffer_size (buffer);
  memmove (buffer->data, buffer->data + buffer->start, size);
  if (buffer->secret)
    vd_wipe (buffer->data + size, buffer->end - size);
  buffer->start = 0;
  buffer->end = size;
}

/* Never g_realloc(): it may leave a copy of a secret behind. */
static void
grow (VdBuffer *buffer, gsize needed)
{
  gsize size = vd_buffer_size (buffer);
  gsize room = MAX (buffer->room, FIRST_ROOM);
  while (room < needed)
    {
      g_assert (room <= G_MAXSIZE / 2);
      room *= 2;
    }
  guint8 *data = g_malloc (room);
  if (size > 0)
    memcpy (data, buffer->data + buffer->start, size);
  if (buffer->secret)
    vd_wipe (buffer->data, buffer->room);
  g_free (buffer->data);
  buffer->data = data;
  buffer->start = 0;
  buffer->end = size;
  buffer->room = room;
}

guint8 *
vd_buffer_reserve (VdBuffer *buffer, gsize size)
{
  gsize held = vd_buffer_size (buffer);
  g_assert (size <= G_MAXSIZE - held);
  if (buffer->data == NULL || buffer->room - buffer->end < size)
    {
      /* Compacting pays only where at least half of the room comes free, else the cost of the moves adds up: then the room
       * doubles. */
      if (buffer->data != NULL && held + size <= buffer->room && held <= buffer->room / 2)
        compact (buffer);
      else
        grow (buffer, MAX (held + size, 2 * held));
    }
  return buffer->data + buffer->end;
}

void
vd_buffer_commit (VdBuffer *buffer, gsize size)
{
  g_return_if_fail (size <= buffer->room - buffer->end);
  buffer->end += size;
}

void
vd_buffer_append (VdBuffer *buffer, const void *data, gsize size)
{
  if (size == 0)
    return;
  memcpy (vd_buffer_reserve (buffer, size), data, size);
  vd_buffer_commit (buffer, size);
}

void
vd_buffer_consume (VdBuffer *buffer, gsize size)
{
  g_return_if_fail (size <= vd_buffer_size (buffer));
  if (buffer->secret && size > 0)
    vd_wipe (buffer->data + buffer->start, size);
  buffer->start += size;
  if (buffer->start < buffer->end)
    return;
  if (buffer->room > KEPT_ROOM)
    vd_buffer_clear (buffer);
  else
    buffer->start = buffer->end = 0;
}
