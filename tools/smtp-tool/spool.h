/* SPDX-License-Identifier: MIT */
/* spool - unlinked temporary files: octets that are read more than once, in constant memory.
 *
 * Touches the folder for temporary files.  Errors are TOOL_ERROR_FILE. */
#ifndef TOOL_SPOOL_H
#define TOOL_SPOOL_H

#include <glib.h>
#include <stdio.h>
#include <vereda/message.h>

/* An empty one, closed on exec; -1 on failure. */
int spool_new (GError **error);

/* Copies of all that can be read, standing at their start; -1 on failure. */
int spool_from_fd (int fd, GError **error);
int spool_from_file (const char *path, GError **error);

/* A message of its octets; @p fd stays the caller's. */
VeredaMessage *spool_message (int fd, GError **error);

/* Writes all of it to a stream, whose error indicator tells of a failure to write. */
gboolean spool_print (int fd, FILE *out, GError **error);

/* All of it in memory. */
GBytes *spool_read (int fd, GError **error);

gboolean spool_write (int fd, const void *data, gsize size, GError **error);

#endif
