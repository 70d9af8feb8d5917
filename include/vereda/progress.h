/* SPDX-License-Identifier: MIT */
/**
 * @file progress.h
 * @brief How far a message has got.
 */
#ifndef VEREDA_PROGRESS_H
#define VEREDA_PROGRESS_H

#include <glib.h>
#include <vereda/macros.h>
#include <vereda/message.h>
#include <vereda/result.h>

G_BEGIN_DECLS

/**
 * Tells how much of a message's content has left, on the thread that runs the sender and in the middle of its work: the only function of the
 * sender that may be called from here is vereda_sender_cancel().
 *
 * Called at most ten times a second for each message, and once more when all of its content has left, with VEREDA_STAGE_END: from then on the
 * server's reply is awaited, and what became of the message the result tells.  While nothing leaves nothing is told.  A message that goes
 * to another connection or server, or of which a separate copy follows (option bcc), begins again at its first octet.
 *
 * @param message as submitted, borrowed
 * @param stage VEREDA_STAGE_DATA while content leaves, VEREDA_STAGE_END when all of it has
 * @param octets of content that left this program, as SIZE counts them (RFC 1870: without the dots that SMTP adds)
 * @param total octets that it has in all
 * @param user_data as given
 */
typedef void (*VeredaProgressFunc) (VeredaMessage *message, VeredaStage stage, guint64 octets, guint64 total,
                                    gpointer user_data);

G_END_DECLS

#endif
