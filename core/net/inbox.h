/* SPDX-License-Identifier: MIT */
/* inbox - calls that other threads hand to the reactor's thread.  Internal to the reactor; others see VdInbox through reactor.h.
 *
 * One mutex, one queue, one descriptor that becomes readable (eventfd on Linux, else a pipe). */
#ifndef VD_INBOX_H
#define VD_INBOX_H

#include "core/net/reactor.h"

VdInbox *vd_inbox_new (GError **error);
int vd_inbox_fd (VdInbox *inbox);
void vd_inbox_wake (VdInbox *inbox);
/* Reactor's thread: empties the descriptor and makes the calls that were posted so far. */
void vd_inbox_run (VdInbox *inbox);
/* The reactor goes: closes the descriptor, drops what waits; later posts are refused. */
void vd_inbox_close (VdInbox *inbox);

#endif
