/* SPDX-License-Identifier: MIT */
/* credential - questions to the application for a password or a token, answered at once or later.  Implements the request part of
 * include/vereda/options.h. */
#ifndef VD_CREDENTIAL_H
#define VD_CREDENTIAL_H

#include <vereda/options.h>

#include "core/base/secret.h"
#include "core/net/reactor.h"
#include <vereda-plugin/auth.h>

/* Told when an answer comes after the callback has returned; in the asker's thread. */
typedef void (*VdCredentialAnswered) (gpointer data);

/* One kind of credential for one server, over all connections to it. */
typedef struct
{
  VeredaCredentialRequest *request; /* NULL: not asked */
  VeredaCredentialReason reason;    /* of the next question; 0: FIRST */
} VdCredentialSlot;

/* The credential: fixed by options, or asked for.  *ret is lent while the slot lives.  `inbox`: of the asker's reactor, by which answers
 * of other threads come; NULL: there is one thread. */
VeredaCredState vd_credential_get (VdCredentialSlot *slot, VdSecret *fixed, VeredaCredentialFunc func, gpointer func_data,
                                   VeredaCredentialKind kind, const char *server, const char *user, VdInbox *inbox,
                                   VdCredentialAnswered answered, gpointer data, VeredaSpan *ret);
void vd_credential_slot_clear (VdCredentialSlot *slot);
/* What was answered to one connection serves another too.  `to` is empty, or is cleared. */
void vd_credential_slot_share (const VdCredentialSlot *from, VdCredentialSlot *to);
/* The asker goes away: an answer stays, a question that is still open is dropped. */
void vd_credential_slot_detach (VdCredentialSlot *slot);
/* The server refused what was answered: the next vd_credential_get() asks anew and says why.  FALSE: nothing was answered. */
gboolean vd_credential_slot_reject (VdCredentialSlot *slot, VeredaCredentialReason why);
gboolean vd_credential_slot_is_declined (const VdCredentialSlot *slot);

#endif
