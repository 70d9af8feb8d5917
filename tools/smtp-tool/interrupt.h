/* SPDX-License-Identifier: MIT */
/* interrupt - SIGINT, SIGTERM and SIGHUP as a call on a thread of its own, where everything may be done, while the library works. */
#ifndef TOOL_INTERRUPT_H
#define TOOL_INTERRUPT_H

#include <glib.h>

typedef void (*InterruptFunc) (int signal_number, gpointer data);

/* From now on, of those that are not ignored; on the thread that watches; call before other threads are made, as they inherit the mask. */
void interrupt_begin (InterruptFunc func, gpointer data);
/* No call is under way when this returns. */
void interrupt_end (void);

/* For a child between fork and exec: it gets the signals that we keep from ourselves, and ends with us where the system can
 * do that. */
void interrupt_in_child (gpointer unused);

#endif
