/* SPDX-License-Identifier: MIT */
/* memory - what a sender has learned about the servers it talks to, for the next connection.
 *
 * Only what did not work, and only where it is worth a round trip or a doubtful message: nothing here weakens or strengthens security, so
 * nothing that a server does can talk a sender into less of it.  One sender's, hence one thread's; small, bounded, and forgotten after an hour,
 * since servers get mended. */
#ifndef VD_MEMORY_H
#define VD_MEMORY_H

#include <glib.h>

typedef enum
{
  VD_MEMORY_NOTHING = 0,
  VD_MEMORY_NO_CHUNKING = 1 << 0, /* it offers CHUNKING and does not know BDAT */
  VD_MEMORY_NO_WINDOW = 1 << 1    /* whole transactions ahead of replies are too much for it */
} VdMemoryFlags;

typedef struct VdMemory VdMemory;

VdMemory *vd_memory_new (void);
void vd_memory_free (VdMemory *memory); /* NULL is fine */

/* `server` as it is named in messages; `now` monotonic microseconds. */
void vd_memory_note (VdMemory *memory, const char *server, VdMemoryFlags flags, gint64 now);
VdMemoryFlags vd_memory_recall (const VdMemory *memory, const char *server, gint64 now);

#endif
