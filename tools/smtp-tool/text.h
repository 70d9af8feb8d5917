/* SPDX-License-Identifier: MIT */
/* text - words for a terminal: escaping, colour, and how close two words are.
 *
 * Pure but for text_use_colour, which looks at a descriptor and the environment. */
#ifndef TOOL_TEXT_H
#define TOOL_TEXT_H

#include <glib.h>

/* A copy of @p text in which control characters, what is invisible and what is not UTF-8 is written \xHH. */
char *text_escape (const char *text);

/* As text_escape, with lines joined by " / ": a reply of several lines on one. */
char *text_one_line (const char *text);

typedef enum
{
  TEXT_COLOUR_AUTO, /* a terminal, and NO_COLOR not set (https://no-color.org) */
  TEXT_COLOUR_ALWAYS,
  TEXT_COLOUR_NEVER
} TextColour;

/* The terminal cannot go back in its line, or there is none to speak of. */
gboolean text_is_dumb_terminal (void);

gboolean text_use_colour (TextColour wish, int fd);

/* The word of the NULL-ended list that is nearest to @p word, or NULL when none is near enough to be meant. */
const char *text_nearest (const char *word, const char *const *words);

#endif
