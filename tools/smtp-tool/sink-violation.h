/* SPDX-License-Identifier: MIT */
/* sink-violation - what a client did that the RFCs forbid: the list, with the names that the log uses.
 *
 * Plain data.  The numbers count occurrences (lines, commands), except where a name says that something happened at all. */
#ifndef SINK_VIOLATION_H
#define SINK_VIOLATION_H

#include <glib.h>

#define SINK_VIOLATIONS(X)                                                                                                     \
  X (EARLY_TALK, "early-talk")           /* sent before the greeting: RFC 5321 section 4.3.1 */                                \
  X (BARE_LF_COMMAND, "bare-lf-command") /* command line ended by LF alone: section 2.3.8 */                                   \
  X (BARE_CR_COMMAND, "bare-cr-command") /* CR inside a command line */                                                        \
  X (NUL_COMMAND, "nul-command")                                                                                               \
  X (LONG_COMMAND, "long-command")                     /* over section 4.5.3.1.4 plus what extensions grant */                 \
  X (PIPELINING_NOT_OFFERED, "pipelining-not-offered") /* more input before the reply, PIPELINING unknown or absent */         \
  X (PIPELINED_AFTER_LAST, "pipelined-after-last")     /* after a command that ends a group: RFC 2920 section 3.1 */           \
  X (BYTES_AFTER_STARTTLS, "bytes-after-starttls")     /* RFC 3207 section 4.2 */                                              \
  X (AUTH_TWICE, "auth-twice")                         /* RFC 4954 section 4 */                                                \
  X (AUTH_IN_TRANSACTION, "auth-in-transaction")       /* RFC 4954 section 4 */                                                \
  X (PARAMETER_NOT_OFFERED, "parameter-not-offered")   /* RFC 5321 section 2.2 */                                              \
  X (BARE_LF, "bare-lf")                               /* in content: section 2.3.8 */                                         \
  X (BARE_CR, "bare-cr")                                                                                                       \
  X (NUL, "nul")                           /* in content: RFC 5322 section 4, RFC 6152 section 2 */                            \
  X (EIGHT_BIT, "8bit")                    /* content has octets over 127 without BODY=8BITMIME */                             \
  X (EIGHT_BIT_HEADER, "8bit-header")      /* header has, without SMTPUTF8 */                                                  \
  X (LONG_LINE, "long-line")               /* over 998 octets: RFC 5322 section 2.1.1 */                                       \
  X (UNSTUFFED_DOT, "unstuffed-dot")       /* ".x" at a line's start in DATA: RFC 5321 section 4.5.2 */                        \
  X (NO_FINAL_CRLF, "no-final-crlf")       /* last BDAT chunk ends in mid-line */                                              \
  X (SIZE_UNDERSTATED, "size-understated") /* more came than SIZE= said: RFC 1870 section 6 */

#define SINK_VIOLATION_ID(id, name) SINK_VIOLATION_##id,
typedef enum
{
  SINK_VIOLATIONS (SINK_VIOLATION_ID) SINK_N_VIOLATIONS
} SinkViolation;

typedef struct
{
  guint64 count[SINK_N_VIOLATIONS];
} SinkViolations;

const gchar *sink_violation_name (SinkViolation violation);

static inline void
sink_violations_add (SinkViolations *to, const SinkViolations *from)
{
  for (guint i = 0; i < SINK_N_VIOLATIONS; i++)
    to->count[i] += from->count[i];
}

static inline guint64
sink_violations_total (const SinkViolations *violations)
{
  guint64 total = 0;
  for (guint i = 0; i < SINK_N_VIOLATIONS; i++)
    total += violations->count[i];
  return total;
}

#endif
