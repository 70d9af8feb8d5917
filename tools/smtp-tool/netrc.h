/* SPDX-License-Identifier: MIT */
/* netrc - looks a server up in a file of the form that ftp(1) and curl(1) read.
 *
 * Reads the file, which has to belong to the user and be closed to everybody else; what was read is wiped. */
#ifndef TOOL_NETRC_H
#define TOOL_NETRC_H

#include "secret.h"

/* Both NULL when there is no entry. */
typedef struct
{
  char *login;      /* NULL: the entry has none */
  Secret *password; /* the same */
} NetrcEntry;

void netrc_entry_clear (NetrcEntry *entry);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (NetrcEntry, netrc_entry_clear)

/* ~/.netrc */
char *netrc_default_path (void);

/* The first entry for @p host (any case) or `default` that is for @p user, or for anybody; @p user NULL: the first entry.  FALSE with
 * TOOL_ERROR_FILE when the file cannot be read, is open to others, or breaks the grammar, wherever that is. */
gboolean netrc_lookup (const char *path, const char *host, const char *user, NetrcEntry *ret_entry, GError **error);

#endif
