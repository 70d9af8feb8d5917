/* SPDX-License-Identifier: MIT */
/* message - a message as the library sees it: a source, its scanned header section, and facts about its body.
 *
 * Implements include/vereda/message.h.  Scanning happens once, at the first vd_message_prepare(), and blocks on the source. */
#ifndef VD_MESSAGE_H
#define VD_MESSAGE_H

#include <vereda/message.h>

#include "core/message/body.h"
#include "core/message/header.h"
#include "core/message/source.h"

/* Reads the header section (at most 1 MiB) and passes over the body once. Idempotent for the same policy. */
gboolean vd_message_prepare (VeredaMessage *message, const VdBodyPolicy *policy, GError **error);

/* The rest needs a prepared message. */
VdHeader *vd_message_header (VeredaMessage *message);              /* borrowed */
const VdBodyFacts *vd_message_body_facts (VeredaMessage *message); /* of the part after the header section */
gboolean vd_message_has_body (VeredaMessage *message);             /* FALSE: ends with its header section, no separator */
/* The header section with its separating line, if it is in wire form and lies in memory that does not change.  It lives as long as the message. */
gboolean vd_message_exact_head (VeredaMessage *message, VeredaSpan *ret_head);
VdReader *vd_message_open_all (VeredaMessage *message, GError **error); /* at its first octet */
/* The body's octets, if they are sent as they are and lie in memory that does not change.  They live as long as the message. */
gboolean vd_message_exact_body (VeredaMessage *message, VeredaSpan *ret_body);
/* What is known of the body for whoever sends it in that mode by vd_message_open_body(); lent, lives as long as the message.  FALSE: nothing,
 * every octet has to be looked at, as in files, which may have changed. */
gboolean vd_message_trust (VeredaMessage *message, VdBodyMode mode, VdBodyTrust *ret_trust);
/* Known of a message in memory: no octet of it is >= 0x80. */
gboolean vd_message_is_ascii (VeredaMessage *message);
/* The same: no line of it begins with a dot, in the header section neither, so that DATA has it as it is. */
gboolean vd_message_is_dotless (VeredaMessage *message);
/* The envelope made last, if it was made with `key` and nothing says that it cannot be used again.  Borrowed; NULL: there is none. */
struct VdEnvelope *vd_message_kept_envelope (VeredaMessage *message, guint64 key);
/* Takes a reference. */
void vd_message_keep_envelope (VeredaMessage *message, guint64 key, struct VdEnvelope *envelope);
VdReader *vd_message_open_body (VeredaMessage *message, GError **error); /* at the first octet after the separator */

#endif
