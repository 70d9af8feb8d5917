/* SPDX-License-Identifier: MIT */
/* finding - what is worth telling about a server: one table of stable names, and the function that finds them in a look.
 *
 * The table is what `explain` prints; a name that was given out once is never given to anything else.  Pure. */
#ifndef TOOL_FINDING_H
#define TOOL_FINDING_H

#include "probe-look.h"

typedef enum
{
  FINDING_NOTE, /* to know */
  FINDING_WARN, /* works, and should not stay so */
  FINDING_ERROR /* does not work, or must not be used */
} FindingSeverity;

typedef struct
{
  const char *id;
  FindingSeverity severity;
  const char *stage;       /* as look_stage_word() */
  const char *summary;     /* one line */
  const char *explanation; /* what it means, and what to do about it */
  const char *next;        /* a command to type, with {target} {host} {port} {domain} {tlsa} {at} in it; NULL: none */
} FindingInfo;

typedef struct
{
  const FindingInfo *info;
  FindingSeverity severity; /* as it is here: a threshold may raise it */
  char *text;               /* what was seen, safe to show */
  char *next;               /* NULL: none */
} Finding;

guint finding_count (void);
const FindingInfo *finding_at (guint index);
const FindingInfo *finding_info (const char *id); /* NULL: no such name */
const char *finding_severity_word (FindingSeverity severity);
/* The command to type, with TARGET, HOST, … in the places of names; NULL: none.  Free it. */
char *finding_next (const FindingInfo *info);

/* Adds one to such a list.  @p next is a command to type, or NULL: the table's; @p format NULL: the table's summary.  Of a domain itself @p look has
 * no more than names. */
void
finding_add (GPtrArray *list, const Look *look, const char *id, const char *next, const char *format, ...) G_GNUC_PRINTF (5, 6);
void finding_sort (GPtrArray *list);
/* A command of the table with everything in it that this look went by, so that it can be typed as it stands; free it. */
char *finding_command (const char *template, const Look *look);
void finding_list_refusal (GPtrArray *list, const Look *look,
                           const char *id);                      /* adds that one, about a certificate that was refused */
void finding_list_addresses (GPtrArray *list, const Look *look); /* adds what there is to say of those that did not connect */
void finding_list_delays (GPtrArray *list, const Look *look);    /* and of replies that TCP held up */

/* The rows that apply, worst first, in the order of the stages; of Finding. */
GPtrArray *finding_list (const Look *look);

#endif
