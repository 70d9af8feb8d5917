/* SPDX-License-Identifier: MIT */
/* source - where a message's octets come from, and readers over it.
 *
 * Reads files and calls the application's callbacks; no sockets, no clock.  Every failure is a GError in VEREDA_ERROR_SOURCE
 * and is never mistaken for the end. */
#ifndef VD_SOURCE_H
#define VD_SOURCE_H

#include <glib.h>
#include <vereda-plugin/plugin.h>
#include <vereda/message.h>

typedef struct VdSource VdSource; /* reference-counted */
typedef struct VdReader VdReader; /* one reading position; keeps its source alive */

VdSource *vd_source_new_bytes (GBytes *bytes);
VdSource *vd_source_new_file (const char *path, GError **error);
VdSource *vd_source_new_fd (int fd, gboolean close_fd, GError **error);
VdSource *vd_source_new_callbacks (const VeredaSourceFuncs *funcs, gpointer user_data, GDestroyNotify destroy);
VdSource *vd_source_ref (VdSource *source);
void vd_source_unref (VdSource *source);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VdSource, vd_source_unref)

/* Makes sure that the octets can be read again: what cannot rewind is spooled (memory up to 1 MiB, then an unlinked
 * temporary file).  Blocks while reading.  Idempotent. */
gboolean vd_source_prepare (VdSource *source, GError **error);

/* Opens a reader at `offset`. Prepared sources allow any number at a time, except callbacks with rewind: one at a time. */
/* The octets, where they are in memory; borrowed.  NULL: they are not. */
GBytes *vd_source_bytes (const VdSource *source);
VdReader *vd_source_open (VdSource *source, guint64 offset, GError **error);

/* TRUE where the prepared source has a size and several readers may read different parts, each in a thread of its own. */
gboolean vd_source_has_parts (VdSource *source, guint64 *ret_size);
/* A reader that ends before octet `end` of such a source. */
VdReader *vd_source_open_part (VdSource *source, guint64 offset, guint64 end, GError **error);

/* The next slice, borrowed until the next call on this reader; size 0 is the end. After a failure every call fails. */
gboolean vd_reader_next (VdReader *reader, VeredaSpan *ret_slice, GError **error);
/* TRUE where it is known that the next call would report the end.  Reaching the end leaves the last slice valid until the
 * reader is freed. */
gboolean vd_reader_at_end (const VdReader *reader);
void vd_reader_free (VdReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VdReader, vd_reader_free)

#endif
