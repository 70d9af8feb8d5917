/* SPDX-License-Identifier: MIT */
/* head - the header section as it goes on the wire, made from the message's own without touching what is not concerned.
 *
 * Pure.  Blind fields of every kind are left out whatever else is asked for (BCC-5); fields given as options replace the
 * message's in place or are appended; a Resent- block goes in front (RES-2). */
#ifndef VD_HEAD_H
#define VD_HEAD_H

#include <glib.h>

#include "core/message/scope.h"

typedef struct VdHead VdHead;

/* Everything is borrowed for the life of the head.  Fails where the outcome would break RFC 5322 section 3.6. */
VdHead *vd_head_new (const VdScope *scope, gboolean has_body, GError **error);
void vd_head_free (VdHead *head);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VdHead, vd_head_free)

/* A field that the library adds; its name gets Resent- where the scope says so. */
gboolean vd_head_add (VdHead *head, const char *name, const char *value, GError **error);

/* TRUE where a blind field of the message was left out, or one was given. */
gboolean vd_head_had_blind (const VdHead *head);

/* Nothing is added, replaced or left out, and the message's own section is in wire form. */
gboolean vd_head_is_untouched (const VdHead *head);

/* The section in wire form, with the separating empty line if there is a body. `name` and `value` (NULL: none) are one more
 * field, for this copy. */
GBytes *vd_head_build (const VdHead *head, const char *name, const char *value, GError **error);

#endif
