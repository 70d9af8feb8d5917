/* SPDX-License-Identifier: MIT */
/* exit - exit status: one table of numbers, names and meanings, and the functions that choose from it.
 *
 * The numbers that swaks defines keep swaks' meaning; the tool's own start at 40.  Pure. */
#ifndef TOOL_EXIT_H
#define TOOL_EXIT_H

#include <glib.h>
#include <vereda/vereda.h>

typedef enum
{
  EXIT_OK = 0,
  EXIT_USAGE = 1,
  EXIT_CONNECT = 2,
  EXIT_FILE = 4,
  EXIT_CLOSED = 6,
  EXIT_PLUGIN = 10,
  EXIT_GREETING = 21,
  EXIT_EHLO = 22,
  EXIT_MAIL = 23,
  EXIT_RECIPIENTS = 24,
  EXIT_DATA = 25,
  EXIT_CONTENT = 26,
  EXIT_AUTH = 28,
  EXIT_TLS = 29,
  EXIT_EHLO_TLS = 32,
  EXIT_CERTIFICATE = 40,
  EXIT_POLICY = 41,
  EXIT_PARTIAL = 42,
  EXIT_TLS_MODE = 43,
  EXIT_EXPECT = 44,
  EXIT_DIFFER = 45,
  EXIT_UNKNOWN_OUTCOME = 46,
  EXIT_MESSAGE = 47,
  EXIT_INTERNAL = 70,
  EXIT_INTERRUPTED = 130
} ExitStatus;

/* One row of the table. */
typedef struct
{
  ExitStatus status;
  const char *name;    /* as in JSON */
  const char *meaning; /* as in help */
  int sysexits;        /* under --exit-style=sysexits */
} ExitInfo;

guint exit_count (void);
const ExitInfo *exit_at (guint index); /* worst first */
const ExitInfo *exit_info (ExitStatus status);

/* Of two the worse, by the order of the table. */
ExitStatus exit_worse (ExitStatus a, ExitStatus b);

/* The status an error stands for, of the library or of the tool. */
ExitStatus exit_of_error (const GError *error);

/* The status of one message. */
ExitStatus exit_of_result (VeredaResult *result, gboolean allow_partial);

/* What the process returns: @p status, or its sysexits number; 75 where trying again later may help. */
int exit_number (ExitStatus status, gboolean retryable, gboolean sysexits);

/* "certificate": a stable word for the error's code. */
const char *exit_error_name (const GError *error);

#endif
