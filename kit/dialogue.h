/* SPDX-License-Identifier: MIT */
/* dialogue - the server's half of the exchanges that the kit knows. */
#ifndef KIT_DIALOGUE_H
#define KIT_DIALOGUE_H

#include <vereda-kit/kit.h>

typedef enum
{
  KIT_TURN_CHALLENGE, /* the server goes on */
  KIT_TURN_SUCCESS,   /* the server is content: 235 */
  KIT_TURN_WRONG      /* the response is not what the specification says */
} KitTurn;

typedef struct KitDialogue KitDialogue;

/* For KIT_USER with KIT_PASSWORD or KIT_TOKEN.  A mechanism that the kit does not know gets a server that asks a few times for
 * whatever it likes. */
KitDialogue *kit_dialogue_new (const char *mechanism);
void kit_dialogue_free (KitDialogue *dialogue);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KitDialogue, kit_dialogue_free)

gboolean kit_dialogue_is_known (const KitDialogue *dialogue);

/* From now on the server's proof is wrong. */
void kit_dialogue_lie (KitDialogue *dialogue);

/* The server's answer to a response, or to none (`response` NULL) when it speaks first.  `challenge` is filled for
 * KIT_TURN_CHALLENGE; *ret_wrong, a sentence, for KIT_TURN_WRONG; g_free. */
KitTurn kit_dialogue_next (KitDialogue *dialogue, const void *response, gsize size, GByteArray *challenge, char **ret_wrong);

#endif
