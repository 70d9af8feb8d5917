/* SPDX-License-Identifier: MIT */
/* sink-message - from DATA or the first BDAT to the reply that takes or refuses the message.
 *
 * Works on a session; writes to the capture's file.  A file that cannot be written becomes a 452 for the client. */
#ifndef SINK_MESSAGE_H
#define SINK_MESSAGE_H

#include "sink-smtp.h"

void sink_message_begin (SinkSession *session);
void sink_message_end (SinkSession *session); /* judges, replies, reports, ends the transaction */

#endif
