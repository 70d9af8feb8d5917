/* SPDX-License-Identifier: MIT */
/* words - RFC 2047 encoded-words for what does not fit into ASCII.
 *
 * Pure, cannot fail: input is valid UTF-8. */
#ifndef VD_MESSAGE_WORDS_H
#define VD_MESSAGE_WORDS_H

#include <glib.h>

/* All of `text` as encoded-words of whole characters, at most 75 octets each, one space between them; the first has room for
 * `first_room` octets only (what is left of the line), where that is enough for anything at all.  Safe in a phrase, a
 * comment and unstructured text. */
char *vd_words_encode (const char *text, gsize first_room);

/* Unstructured text: only the stretch from the first word that needs it to the last one is encoded, so that spaces between
 * survive. */
char *vd_words_encode_text (const char *text, gsize column);

#endif
