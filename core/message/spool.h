/* SPDX-License-Identifier: MIT */
/* spool - keeps octets that come only once: in memory while they are few, then in a temporary file without a name.
 *
 * Writes to the temporary directory.  Every failure is VEREDA_ERROR_SOURCE. */
#ifndef VD_SPOOL_H
#define VD_SPOOL_H

#include <glib.h>

typedef struct VdSpool VdSpool;

VdSpool *vd_spool_new (gsize memory_max); /* up to so many octets stay in memory */
void vd_spool_free (VdSpool *spool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VdSpool, vd_spool_free)

gboolean vd_spool_write (VdSpool *spool, const void *data, gsize size, GError **error);

/* Ends the writing: gives either bytes (then *ret_fd is -1) or a descriptor that the caller closes (then *ret_bytes is
 * NULL). */
void vd_spool_finish (VdSpool *spool, GBytes **ret_bytes, int *ret_fd);

#endif
