/* SPDX-License-Identifier: MIT */
/* head - the header section as it goes on the wire, made from the message's own without touching what is not concerned.
 *
 * Pure.  Blind fields of every kind are left out whatever else is asked for (BCC-5); fields given as options replace the
 * message's in place or are appended; a Resent- block goes in front (RES-2). */
#ifndef VD_HEAD_H
#define VD_HEAD_H

#include <glib.h>

#include "core/message/scope.h"

typedef struct
{
  const VdScope *scope;
  gboolean has_body;
  gboolean had_blind;
  guint lead_at;     /* index of the field before which `lead` goes */
  GByteArray *lead;  /* the new Resent- fields; NULL: none yet */
  GByteArray *trail; /* what is appended; NULL: nothing yet */
} VdHead;

/* Everything is borrowed for the life of the head.  Fails where the outcome would break RFC 5322 section 3.6; it is to be cleared all the same. */
gboolean vd_head_init (VdHead *head, const VdScope *scope, gboolean has_body, GError **error);
void vd_head_clear (VdHead *head);

/* A field that the library adds (a VdName); gets Resent- where the scope says so. */
gboolean vd_head_add (VdHead *head, guint name, const char *value, GError **error);

/* TRUE where a blind field of the message was left out, or one was given. */
gboolean vd_head_had_blind (const VdHead *head);

/* Nothing is added, replaced or left out, and the message's own section is in wire form. */
gboolean vd_head_is_untouched (const VdHead *head);

/* The section in wire form, with the separating empty line if there is a body. `name` (VD_NAME_OTHER: none) and `value` are
 * one more field, for this copy. */
GBytes *vd_head_build (const VdHead *head, guint name, const char *value, GError **error);

#endif
