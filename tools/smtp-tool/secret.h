/* SPDX-License-Identifier: MIT */
/* secret - a password from a file, a descriptor, the environment, a command, or the terminal.
 *
 * Touches those sources and nothing else.  What is read lies in one buffer that is wiped when freed; it is never in an error. */
#ifndef TOOL_SECRET_H
#define TOOL_SECRET_H

#include <glib.h>

enum
{
  SECRET_MAX = 4096 /* octets; more is an error */
};

typedef struct
{
  gsize size;
  char data[SECRET_MAX];
} Secret;

/* Each gives the first line without its end, or NULL with an error of TOOL_ERROR.  An empty line is an error: nobody means it. */
Secret *secret_from_file (const char *path, GError **error);
Secret *secret_from_fd (int fd, GError **error);
Secret *secret_from_environment (const char *variable, GError **error); /* and takes it out of the environment */
Secret *secret_from_command (const char *command, GError **error);      /* words as a shell would split them; no shell runs */
Secret *secret_from_terminal (const char *user, const char *server, gboolean again, GError **error);

/* As secret_from_command, of a program and its arguments, called @p what in errors.  Status 1 means that it has none: @p ret_none. */
Secret *secret_from_program (char **argv, const char *what, gboolean *ret_none, GError **error);

/* Copies @p text; the caller wipes the original. */
Secret *secret_from_text (const char *text, GError **error);

/* TRUE when there is a terminal to ask on. */
gboolean secret_can_ask (void);

/* TRUE when users beside the owner may read the file. */
gboolean secret_file_is_open (const char *path);

void secret_free (Secret *secret); /* wipes; NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Secret, secret_free)

#endif
