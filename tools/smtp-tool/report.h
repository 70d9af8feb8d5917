/* SPDX-License-Identifier: MIT */
/* report - what `send` tells: the exit status, and the result for people (report-human.c) or machines (report-json.c).
 *
 * Results go to standard output, problems and the transcript to standard error. */
#ifndef TOOL_REPORT_H
#define TOOL_REPORT_H

#include <jansson.h>

#include "exit.h"
#include "plan.h"

/* What the whole run came to. */
typedef struct
{
  ExitStatus status;
  gboolean retryable;
  int number;
} Outcome;

/* @p fatal: what kept the run from starting, or NULL. */
Outcome report_outcome (const Plan *plan, const GError *fatal);

/* Status of one message. */
ExitStatus report_item_status (const Plan *plan, const Item *item);

/* The error of one message, or NULL; borrowed. */
const GError *report_item_error (const Item *item);

void report_human (const Plan *plan, const GError *fatal);
json_t *report_json (const Plan *plan, const GError *fatal, const Outcome *outcome);

/* Prints "smtp-tool: ..." and what to try. */
void report_problem (const char *subject, const char *text, const char *const *hints);

/* A JSON string: null for NULL, escaped where it is not UTF-8. */
json_t *report_string (const char *text);

/* Prints a document and frees it.  FALSE when it could not be written. */
gboolean report_print (json_t *document);

/* {"code":…, "name":…, "retryable":…} */
json_t *report_exit (const Outcome *outcome);

/* {"code":…, "text":…, "try":[…]}; null for NULL */
json_t *report_error (const GError *error, const char *const *hints);

#endif
