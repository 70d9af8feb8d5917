/* SPDX-License-Identifier: MIT */
/* progress - one line on the terminal that tells how far `send` has got: percent, octets, rate, time left, message i of n.
 *
 * Drawn on standard error by a thread of its own, five times a second, once the work has taken a second: what is over before that needs
 * none.  Whoever else writes to the terminal meanwhile does so between progress_pause() and progress_resume(). */
#ifndef TOOL_PROGRESS_H
#define TOOL_PROGRESS_H

#include "plan.h"

/* Begins where the plan wants it and standard error is a terminal that can; before the sender is made of the plan's options. */
void progress_begin (Plan *plan);
void progress_message_done (void);
/* Takes the line away for good.  From any thread, also where another one has the terminal and will not give it back. */
void progress_end (void);
/* The same, and frees; the sender runs no more. */
void progress_free (void);

/* The line is away meanwhile.  Any thread; may be nested.  What the one returns the other gets. */
gboolean progress_pause (void);
void progress_resume (gboolean held);

#endif
