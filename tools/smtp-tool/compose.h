/* SPDX-License-Identifier: MIT */
/* compose - the parts of smtp-tool-compose, the program that makes messages with GMime. */
#ifndef TOOL_COMPOSE_H
#define TOOL_COMPOSE_H

#include <gmime/gmime.h>

#define COMPOSE_ERROR (compose_error_quark ())
GQuark compose_error_quark (void);

/* Values are exit statuses of the program. */
typedef enum
{
  COMPOSE_ERROR_REQUEST = 1, /* the request makes no sense */
  COMPOSE_ERROR_FILE = 4,    /* a file cannot be read, or the message not written */
  COMPOSE_ERROR_CONTENT = 47 /* no message can be made of this */
} ComposeError;

/* The text part.  @p text is UTF-8, any line ends. */
GMimeObject *compose_text_part (const char *text, GError **error);

/* The octets of a text file, checked to be text. */
char *compose_read_text (const char *path, GError **error);

/* An attachment.  @p type and @p name may be NULL or "": guessed from the file. */
GMimeObject *compose_attachment (const char *path, const char *type, const char *name, GError **error);

/* Pure: @p text as format=flowed (RFC 3676), lines of at most 78 columns. */
char *compose_flow (const char *text);

/* Pure: TRUE when a line has more than 78 characters, so that flowing it helps the reader. */
gboolean compose_needs_flow (const char *text);

/* Pure: "application/pdf" for "x.PDF"; NULL when the ending is not known. */
const char *compose_type_of_name (const char *name);

#endif
