/* SPDX-License-Identifier: MIT */
/**
 * @file sender.h
 * @brief A sender: owns the connection, sends many messages over it.
 */
#ifndef VEREDA_SENDER_H
#define VEREDA_SENDER_H

#include <glib.h>
#include <vereda/message.h>
#include <vereda/options.h>
#include <vereda/result.h>

G_BEGIN_DECLS

/** Opaque; for one thread at a time. */
typedef struct VeredaSender VeredaSender;

/**
 * A sender for the servers, TLS and credentials of @p options, which are copied.  Nothing is connected yet.
 * @return NULL with VEREDA_ERROR_OPTION when the options do not fit together
 */
VEREDA_API
VeredaSender *vereda_sender_new (VeredaOptions *options, GError **error);

/** Frees; messages that are not finished get their verdict (not sent or unknown) first, through their callbacks.  NULL is fine. */
VEREDA_API
void vereda_sender_free (VeredaSender *sender);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VeredaSender, vereda_sender_free)

/** Called once for each submitted message, from within vereda_sender_run() or _free().  @p result is borrowed; take a reference to keep it. */
typedef void (*VeredaDoneFunc) (VeredaSender *sender, VeredaMessage *message, VeredaResult *result, gpointer user_data);

/**
 * Puts a message into the queue.
 * @param message a reference is taken
 * @param options envelope and header options of this message (originator, recipients, headers, at-least-one, bcc); NULL: the sender's own.
 *        Its servers, TLS and credentials are not looked at.  Copied.
 * @param ret_result may be NULL; set in every case, also on failure: a new reference
 * @return FALSE when the message or its options cannot be sent at all: nothing was queued, @p done is not called, and
 *         @p ret_result tells the same as @p error
 */
VEREDA_API
gboolean vereda_sender_submit (VeredaSender *sender, VeredaMessage *message, VeredaOptions *options, VeredaDoneFunc done,
                               gpointer user_data, VeredaResult **ret_result, GError **error);

/** Works until every submitted message has its verdict and the connection is closed by QUIT.  Blocks; callbacks may submit more. */
VEREDA_API
void vereda_sender_run (VeredaSender *sender);

/**
 * Ends the present vereda_sender_run() as soon as it can: messages that are not finished get their verdict, not sent with
 * VEREDA_ERROR_CANCELLED or unknown where the end of their data was handed over.  Called while nothing runs it ends the next run at once.
 * The only function for any thread; safe in a signal handler.
 */
VEREDA_API
void vereda_sender_cancel (VeredaSender *sender);

/**
 * Sends one message: a sender used once.
 * @param options NULL: the defaults
 * @param ret_result may be NULL; otherwise set in every case to a new reference
 * @return TRUE when the verdict is VEREDA_SENT; FALSE with @p error otherwise (VEREDA_ERROR_UNKNOWN_OUTCOME when it may have been sent).
 *         With at-least-one TRUE may leave recipients refused: the result names them.
 */
VEREDA_API
gboolean vereda_sendmessage (VeredaMessage *message, VeredaOptions *options, VeredaResult **ret_result, GError **error);

G_END_DECLS

#endif
