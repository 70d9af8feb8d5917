/* SPDX-License-Identifier: MIT */
/* secret - octets that are wiped before their memory is given back.
 *
 * A VdSecret is reference-counted and immutable.  Its octets never enter a GError, a trace or a GString. */
#ifndef VD_SECRET_H
#define VD_SECRET_H

#include <glib.h>
#include <vereda-plugin/plugin.h>

typedef struct VdSecret VdSecret;

VdSecret *vd_secret_new (const void *data, gsize size); /* copies; followed by one NUL that is not counted */
VdSecret *vd_secret_ref (VdSecret *secret);
void vd_secret_unref (VdSecret *secret);      /* NULL is fine; wipes with the last reference */
VeredaSpan vd_secret_span (VdSecret *secret); /* borrowed; NULL gives an empty span */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VdSecret, vd_secret_unref)

/* Overwrites memory in a way the compiler may not remove. */
void vd_wipe (void *data, gsize size);

/* Frees a GByteArray after wiping all that it ever reserved (its allocation, not only its length). */
void vd_wipe_byte_array (GByteArray *array, gsize reserved);

/* Equality in time that depends on the sizes only. */
gboolean vd_secret_equal (const void *a, gsize a_size, const void *b, gsize b_size);

#endif
