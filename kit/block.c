/* SPDX-License-Identifier: MIT */
/* block - memory that ends where a page ends, with nothing behind it, so that an overrun is seen when it happens.
 *
 * Touches the address space.  Ends the process when there is no memory, as GLib does. */
#include "kit/block.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CANARY 0xc5
#define ALIGN  16u
#define GUARDS 64

static struct
{
  const char *volatile from;
  const char *volatile what;
} guards[GUARDS];

static void
remember (const char *guard, const char *what)
{
  for (gsize i = 0; i < GUARDS; i++)
    if (guards[i].from == NULL)
      {
        guards[i].what = what;
        guards[i].from = guard;
        return;
      }
}

static void
forget (const char *guard)
{
  for (gsize i = 0; i < GUARDS; i++)
    if (guards[i].from == guard)
      guards[i].from = NULL;
}

const char *
kit_block_before (const void *address)
{
  gsize page = (gsize) sysconf (_SC_PAGESIZE);
  for (gsize i = 0; i < GUARDS; i++)
    if (guards[i].from != NULL && (gsize) address >= (gsize) guards[i].from && (gsize) address < (gsize) guards[i].from + page)
      return guards[i].what;
  return NULL;
}

/* Pages that cannot be touched on both sides also keep the kernel from merging the block with its neighbours. */
void
kit_block_init (KitBlock *block, gsize size, const char *what)
{
  gsize page = (gsize) sysconf (_SC_PAGESIZE);
  gsize room = (MAX (size, 1) + ALIGN + page - 1) / page * page;
  block->map_size = room + 2 * page;
  block->map = mmap (NULL, block->map_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block->map == MAP_FAILED || mprotect (block->map + page, room, PROT_READ | PROT_WRITE) != 0)
    g_error ("no memory for %s", what);
  char *end = block->map + page + room;
  block->size = size;
  block->data = (void *) (((gsize) end - size) & ~(gsize) (ALIGN - 1));
  memset ((char *) block->data + size, CANARY, (gsize) (end - (char *) block->data) - size);
  remember (end, what);
}

gboolean
kit_block_is_whole (const KitBlock *block)
{
  gsize page = (gsize) sysconf (_SC_PAGESIZE);
  const guint8 *end = (const guint8 *) block->map + block->map_size - page;
  for (const guint8 *p = (const guint8 *) block->data + block->size; p < end; p++)
    if (*p != CANARY)
      return FALSE;
  return TRUE;
}

void
kit_block_clear (KitBlock *block)
{
  if (block->map == NULL)
    return;
  forget (block->map + block->map_size - (gsize) sysconf (_SC_PAGESIZE));
  munmap (block->map, block->map_size);
  block->map = NULL;
}
