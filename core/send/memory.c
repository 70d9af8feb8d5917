/* SPDX-License-Identifier: MIT */
/* memory - see memory.h.  Pure.  Cannot fail. */
#include "core/send/memory.h"

#define SERVERS_MAX 64u
#define KEEP_FOR    (3600 * (gint64) G_USEC_PER_SEC)

typedef struct
{
  char *server; /* NULL: free */
  VdMemoryFlags flags;
  gint64 since; /* of the latest of them */
} Entry;

struct VdMemory
{
  Entry entries[SERVERS_MAX];
  guint n;
};

VdMemory *
vd_memory_new (void)
{
  return g_new0 (VdMemory, 1);
}

void
vd_memory_free (VdMemory *memory)
{
  if (memory == NULL)
    return;
  for (guint i = 0; i < memory->n; i++)
    g_free (memory->entries[i].server);
  g_free (memory);
}

static const Entry *
find (const VdMemory *memory, const char *server)
{
  for (guint i = 0; i < memory->n; i++)
    if (g_str_equal (memory->entries[i].server, server))
      return &memory->entries[i];
  return NULL;
}

/* A free one, or the oldest. */
static Entry *
place_for (VdMemory *memory, const char *server)
{
  Entry *place = &memory->entries[0];

  if (memory->n < SERVERS_MAX)
    place = &memory->entries[memory->n++];
  else
    for (guint i = 1; i < memory->n; i++)
      if (memory->entries[i].since < place->since)
        place = &memory->entries[i];
  g_free (place->server);
  *place = (Entry){ .server = g_strdup (server) };
  return place;
}

void
vd_memory_note (VdMemory *memory, const char *server, VdMemoryFlags flags, gint64 now)
{
  VdMemoryFlags known = vd_memory_recall (memory, server, now);
  Entry *entry = (Entry *) find (memory, server);

  if (entry == NULL)
    entry = place_for (memory, server);
  entry->flags = known | flags;
  entry->since = now;
}

VdMemoryFlags
vd_memory_recall (const VdMemory *memory, const char *server, gint64 now)
{
  const Entry *entry = find (memory, server);

  return entry != NULL && now - entry->since < KEEP_FOR ? entry->flags : VD_MEMORY_NOTHING;
}
