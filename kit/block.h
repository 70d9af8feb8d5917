/* SPDX-License-Identifier: MIT */
/* block - memory that ends where a page ends, with nothing behind it. */
#ifndef KIT_BLOCK_H
#define KIT_BLOCK_H

#include <glib.h>

typedef struct
{
  char *map;
  gsize map_size;
  void *data; /* aligned for anything, zeroed */
  gsize size;
} KitBlock;

/* `what` names it in the report of a crash; it must be a constant. */
void kit_block_init (KitBlock *block, gsize size, const char *what);
/* FALSE when the octets between the end of the data and the end of the page were touched. */
gboolean kit_block_is_whole (const KitBlock *block);
void kit_block_clear (KitBlock *block);

/* What lies just before `address`, or NULL.  For a signal handler. */
const char *kit_block_before (const void *address);

#endif
