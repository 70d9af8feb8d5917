/* SPDX-License-Identifier: MIT */
/**
 * @file message.h
 * @brief The message to submit: an RFC 5322 message from a file, memory, a descriptor or callbacks.
 *
 * A message is never changed by sending it: header fields that are added or taken out (Bcc, Date, …) concern the copy on the wire
 * only, and the same message may be sent many times, by several senders.  Content is streamed with constant memory; what cannot be
 * read twice (a pipe) is spooled to an unlinked temporary file first, so that it can be checked before any connection and
 * given to the next server.
 */
#ifndef VEREDA_MESSAGE_H
#define VEREDA_MESSAGE_H

#include <glib.h>
#include <vereda/macros.h>

G_BEGIN_DECLS

/** Opaque, reference-counted.  References may be taken and dropped on any thread; everything else is for one thread at a time. */
typedef struct VeredaMessage VeredaMessage;

/** A message from a file, opened at once and read while sending.  @return a new message, or NULL with VEREDA_ERROR_SOURCE */
VEREDA_API
VeredaMessage *vereda_message_new_from_file (const char *path, GError **error);

/** A message from memory; a reference on @p bytes is taken.  As of any GBytes its octets must not change: what was checked before connecting
 * is not checked again while it is sent.  A mapping of a file to which somebody may write is none; that is what
 * vereda_message_new_from_file() is for.  @return a new message */
VEREDA_API
VeredaMessage *vereda_message_new_from_bytes (GBytes *bytes);

/**
 * A message from an open descriptor, from its current offset to its end.
 * @param fd readable descriptor; must stay open and unused by others until the message is freed
 * @param close_fd TRUE: closed with the message
 * @return a new message, or NULL with VEREDA_ERROR_SOURCE (then @p fd stays open)
 */
VEREDA_API
VeredaMessage *vereda_message_new_from_fd (int fd, gboolean close_fd, GError **error);

/** What an application gives to be the source of a message.  Append only. */
typedef struct
{
  gsize struct_size; /**< sizeof (VeredaSourceFuncs) */
  /**
   * Put up to @p size octets into @p buf.
   * @return the number of octets, 0 at the end, -1 with @p error set on failure.  A failure never ends a message as if it were
   *         whole.
   */
  gssize (*read) (gpointer user_data, void *buf, gsize size, GError **error);
  /** Go back to the first octet.  NULL: cannot be done, the octets are spooled. */
  gboolean (*rewind) (gpointer user_data, GError **error);
} VeredaSourceFuncs;

/** A message from callbacks, called on the thread that sends.  @p destroy is called with @p user_data at the end; may be NULL. */
VEREDA_API
VeredaMessage *vereda_message_new_from_callbacks (const VeredaSourceFuncs *funcs, gpointer user_data, GDestroyNotify destroy);

/** Takes a reference.  Any thread.  @return @p message */
VEREDA_API
VeredaMessage *vereda_message_ref (VeredaMessage *message);

/** Drops a reference; NULL is fine.  Any thread. */
VEREDA_API
void vereda_message_unref (VeredaMessage *message);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VeredaMessage, vereda_message_unref)

G_END_DECLS

#endif
