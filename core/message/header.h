/* SPDX-License-Identifier: MIT */
/* header - the header section of a message: where each field stands, octet for octet.
 *
 * Pure.  Nothing is decoded or rewritten: a field is an extent of the raw section, so that one may be left out and the
 * others stay untouched.  Lines end with CRLF or LF (or a lone CR where policy says that it counts as one). */
#ifndef VD_HEADER_H
#define VD_HEADER_H

#include <glib.h>

#include "core/message/field.h"
#include "core/message/policy.h"

typedef struct VdHeader VdHeader;

/* Looks for the empty line that ends a header section at the beginning of `data`. *from is 0 at first and remembers how far
 * a search went, for the next call with more data.  TRUE: found; *ret_section is the section's size, *ret_body where the
 * body begins. `ended`: no more octets will come. */
gboolean vd_header_find_end (const VdBodyPolicy *policy, const guint8 *data, gsize size, gboolean ended, gsize *from,
                             gsize *ret_section, gsize *ret_body);

/* Reads a section without its separating line; empty is fine.  VEREDA_ERROR_MESSAGE names the line.  Keeps a reference on
 * `section`. */
VdHeader *vd_header_scan (const VdBodyPolicy *policy, GBytes *section, GError **error);
/* The same of the first `size` octets. */
VdHeader *vd_header_scan_first (const VdBodyPolicy *policy, GBytes *bytes, gsize size, GError **error);
/* The same of octets that are known to be lines as they are sent: CRLF at their ends and nowhere else, none too long, no NUL; they have to
 * stay as long as the header.  Ends at the empty line, if there is one, which vd_header_section() tells.  NULL: there is something wrong with
 * it, or it has more than `max` octets, and the others tell what. */
VdHeader *vd_header_scan_exact (GBytes *bytes, gsize max);
void vd_header_free (VdHeader *header);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VdHeader, vd_header_free)

guint vd_header_count (const VdHeader *header);
guint64 vd_header_lines (const VdHeader *header);                        /* physical lines */
const char *vd_header_section (const VdHeader *header, gsize *ret_size); /* borrowed */

guint vd_header_known (const VdHeader *header, guint index); /* VdName of it */
guint vd_header_flags (const VdHeader *header, guint index); /* VdFieldFlags of its name */
/* Sets of names: those that there are, and those that there are more than once.  All others are one name here. */
guint64 vd_header_names (const VdHeader *header);
guint64 vd_header_repeated (const VdHeader *header);
/* Index of the first field of that name at or after `from`; -1: none. */
gint vd_header_find (const VdHeader *header, guint name, guint from);
/* The value: unfolded (line ends taken out, white space kept), trimmed; free with g_free.  *ret_size may be NULL. */
char *vd_header_value (const VdHeader *header, guint index, gsize *ret_size);
/* The same where it lies, if it is on one line; NULL: it is not. */
const char *vd_header_plain_value (const VdHeader *header, guint index, gsize *ret_size);
/* Every line ends with CRLF: the section is as it goes on the wire. */
gboolean vd_header_is_exact (const VdHeader *header);
/* The raw field with its folds, line ends made CRLF. */
void vd_header_append_raw (const VdHeader *header, guint index, GByteArray *to);

/* RFC 5322 section 3.6.8: 1*(%d33-57 / %d59-126). */
gboolean vd_header_name_valid (const char *name, gsize size);

#endif
