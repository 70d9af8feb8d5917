/* SPDX-License-Identifier: MIT */
/* residue - secrets, kept where the search for their copies does not look, and that search. */
#ifndef KIT_RESIDUE_H
#define KIT_RESIDUE_H

#include <vereda-kit/kit.h>

#include "kit/block.h"

/* Octets of a secret that are searched for, and those before them, which malloc() overwrites in what is freed. */
#define KIT_RESIDUE_FROM 16
#define KIT_RESIDUE_SIZE 16

/* Memory of its own for credentials: all of one exchange. */
typedef struct
{
  KitBlock block;
  gsize used;
} KitVault;

void kit_vault_init (KitVault *vault, gsize size);
/* A copy in the vault; `data` NULL gives NULL. */
const void *kit_vault_keep (KitVault *vault, const void *data, gsize size);
void kit_vault_clear (KitVault *vault);

/* FALSE under AddressSanitizer and valgrind. */
gboolean kit_residue_can_search (void);

/* Number of places in writable memory, outside of `vault`, that hold a form of the secret.  `ret_where` (may be NULL): the first of
 * them in words; g_free. */
guint kit_residue_search (KitVault *vault, const VeredaSpan *secret, char **ret_where);

#endif
