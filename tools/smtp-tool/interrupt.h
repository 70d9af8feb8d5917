/* SPDX-License-Identifier: MIT */
/* interrupt - SIGINT and SIGTERM as a call on a thread of its own, where everything may be done, while the library works. */
#ifndef TOOL_INTERRUPT_H
#define TOOL_INTERRUPT_H

#include <glib.h>

typedef void (*InterruptFunc) (int signal_number, gpointer data);

/* From now on, on the thread that watches; call before other threads are made, as they inherit the mask. */
void interrupt_begin (InterruptFunc func, gpointer data);
/* No call is under way when this returns. */
void interrupt_end (void);

#endif
