/* SPDX-License-Identifier: MIT */
/* buffer - a queue of octets: append at the end, consume from the front.
 *
 * Pure.  Amortised constant cost; memory shrinks back when empty.  A buffer marked secret wipes what it consumed and what it
 * leaves behind when it grows. */
#ifndef VD_BUFFER_H
#define VD_BUFFER_H

#include <glib.h>
#include <vereda-plugin/plugin.h>

typedef struct
{
  guint8 *data; /* allocation */
  gsize start;  /* first octet not consumed */
  gsize end;    /* one past the last octet */
  gsize room;   /* size of the allocation */
  gboolean secret;
} VdBuffer;

void vd_buffer_init (VdBuffer *buffer, gboolean secret);
void vd_buffer_clear (VdBuffer *buffer); /* wipes if secret, frees, ready for use again */
void vd_buffer_append (VdBuffer *buffer, const void *data, gsize size);
guint8 *vd_buffer_reserve (VdBuffer *buffer, gsize size); /* room for size octets at the end; then vd_buffer_commit */
void vd_buffer_commit (VdBuffer *buffer, gsize size);
void vd_buffer_consume (VdBuffer *buffer, gsize size);

static inline gsize
vd_buffer_size (const VdBuffer *buffer)
{
  return buffer->end - buffer->start;
}

static inline VeredaSpan
vd_buffer_span (const VdBuffer *buffer)
{
  VeredaSpan span = { buffer->data == NULL ? NULL : buffer->data + buffer->start, buffer->end - buffer->start };
  return span;
}

#endif
