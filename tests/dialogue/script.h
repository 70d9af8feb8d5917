/* SPDX-License-Identifier: MIT */
/* script - a dialogue file as a list of items.  README.md describes the grammar.
 *
 * Reads one file; a mistake in it is a GError with file and line. */
#ifndef DIALOGUE_SCRIPT_H
#define DIALOGUE_SCRIPT_H

#include <glib.h>

typedef enum
{
  ITEM_CLIENT,
  ITEM_SERVER,
  ITEM_DIRECTIVE
} ItemKind;

typedef struct
{
  ItemKind kind;
  guint line;       /* in the file, from 1 */
  GString *octets;  /* client, server */
  gboolean partial; /* client: the network takes these octets and no more */
  GPtrArray *words; /* directive: of GString, at least one */
} Item;

typedef struct
{
  char *name;       /* the file's name without ".dlg" */
  GPtrArray *items; /* of Item */
} Script;

Script *script_load (const char *path, GError **error);
void script_free (Script *script);

/* The word's text, or NULL beyond the last. */
const char *item_word (const Item *item, guint n);

#endif
