/* SPDX-License-Identifier: MIT */
/* scope - which fields describe this sending: those of the message, or those of a Resent- block; and whether options or the
 * message say it.
 *
 * Pure.  Rules: an option wins over the message (HDR-9).  With any Resent- option a new block is begun, of options alone.
 * Else, if the message has Resent- fields and no option names an originator or recipients, its newest block counts (RES-3). */
#ifndef VD_SCOPE_H
#define VD_SCOPE_H

#include <glib.h>

#include "core/message/address.h"
#include "core/message/given.h"
#include "core/message/header.h"

typedef struct
{
  const VdHeader *header;
  const GPtrArray *given; /* of VdGiven */
  gboolean resent;
  gboolean fresh; /* a new block, nothing of which is in the message */
  guint first;    /* fields of the message that count: from here ... */
  guint end;      /* ... to before here */
} VdScope;

void vd_scope_init (VdScope *scope, const VdHeader *header, const GPtrArray *given);

/* The name that a field (a VdName) has in this scope, "To" or "Resent-To": as text, and as VdName. */
const char *vd_scope_text (const VdScope *scope, guint name);
guint vd_scope_name (const VdScope *scope, guint name);

/* Whether the field is there; *ret_text (may be NULL) is the unfolded value of its first instance. */
gboolean vd_scope_has (const VdScope *scope, guint name, char **ret_text);

/* The mailboxes of all instances of a field appended to `to`. *ret_found: there was one; *ret_group: with a
 * group in it. */
gboolean vd_scope_mailboxes (const VdScope *scope, guint name, const VdAddressContext *base, VdMailboxes *to,
                             gboolean *ret_found, gboolean *ret_group, GError **error);

#endif
