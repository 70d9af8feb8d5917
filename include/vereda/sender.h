/* SPDX-License-Identifier: MIT */
/**
 * @file sender.h
 * @brief A sender: owns the connections, sends many messages over them, blocking or from any event loop.
 *
 * Two ways to drive one.  vereda_sender_run() blocks until everything is sent.  Or an event loop watches vereda_sender_get_fd() for
 * reading and calls vereda_sender_dispatch() when it is readable: that covers input, output, timers, names, other threads and what was
 * submitted.  vereda_sender_create_source() does this for GLib's loop.  Callbacks come from within run, dispatch or free only, and
 * may do anything to the sender but these three.
 *
 * The option @c connections says how many connections there may be at once; the first goes ahead, and the others are made when it is
 * ready and more messages wait than it is given.  What was sent by one sender over several connections arrives in any order.
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

/** Called once for each submitted message, from within vereda_sender_run(), _dispatch() or _free().  @p result is borrowed; take a reference to keep it. */
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

/**
 * Works until every submitted message has its verdict and the connections are closed by QUIT; with the option @c keep they stay open for
 * the next run.  Blocks; callbacks may submit more.  The option @c deadline counts from here for what was submitted before, and from its
 * submission for everything else.
 */
VEREDA_API
void vereda_sender_run (VeredaSender *sender);

/**
 * A descriptor for event loops: readable whenever vereda_sender_dispatch() has something to do, deadlines included.  It stays the same,
 * and stays the sender's: watch it for reading, never read or close it.  From the first call on connections stay open while they are
 * idle, for the option @c idle-timeout.
 * @return -1 where the system has no such descriptor (it takes epoll), or none is left
 */
VEREDA_API
int vereda_sender_get_fd (VeredaSender *sender);

/** Does all there is to do now, and never blocks.  For nothing to do it is harmless. */
VEREDA_API
void vereda_sender_dispatch (VeredaSender *sender);

/**
 * The sender as a source of GLib's main loop: attach it, and dispatching is seen to.  Destroy it before the sender is freed.
 * @return a new reference (free with g_source_unref); its callback, if one is set, is a GSourceFunc that is called after each dispatch, and
 *         FALSE from it destroys the source.  NULL where vereda_sender_get_fd() has no descriptor.
 */
VEREDA_API
GSource *vereda_sender_create_source (VeredaSender *sender);

/** How many of the submitted messages have no verdict yet. */
VEREDA_API
guint vereda_sender_get_n_pending (VeredaSender *sender);

/** How many connections there are, those included that are being made or closed. */
VEREDA_API
guint vereda_sender_get_n_connections (VeredaSender *sender);

/**
 * Connections without a message to carry are closed by QUIT, and so are the others when theirs are done; the next submission makes new ones.
 * Never blocks: the loop goes on until vereda_sender_get_n_connections() is 0.
 */
VEREDA_API
void vereda_sender_close (VeredaSender *sender);

/**
 * Ends the present vereda_sender_run() as soon as it can, or in an event loop everything submitted until then: messages that are not finished get their verdict, not sent with
 * VEREDA_ERROR_CANCELLED or unknown where the end of their data was handed over.  Called while nothing runs it ends the next run at once, or what the next dispatch finds.
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
