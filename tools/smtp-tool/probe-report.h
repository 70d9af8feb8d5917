/* SPDX-License-Identifier: MIT */
/* probe-report - a look as people (probe-human.c, probe-stages.c) and machines (probe-json.c) read it. */
#ifndef TOOL_PROBE_REPORT_H
#define TOOL_PROBE_REPORT_H

#include "probe-command.h"

#define GREEN  "\033[32m"
#define RED    "\033[31m"
#define YELLOW "\033[33m"
#define BOLD   "\033[1m"
#define DIM    "\033[2m"
#define PLAIN  "\033[0m"

/* The document without "exit": that needs --expect, which needs the document. */
json_t *look_json (const Look *look, const Plan *plan, const char *command);

/* Parts of it, for other reports. */
json_t *look_json_tls (const Look *look); /* null without TLS */
json_t *look_json_auth (const Look *look);
json_t *look_json_reply (VeredaReply *reply);
json_t *look_json_stages (const Look *look);
json_t *look_json_target (const Look *look);
json_t *look_json_findings (GPtrArray *findings);

void look_human (const Look *look, const Command *command, const Outcome *outcome);
/* Only these parts. */
void look_human_stages (const Look *look, const Plan *plan);
void look_human_certificate (const Look *look, const Plan *plan);
void look_human_auth (const Look *look, const Plan *plan);
void look_human_findings (const Look *look, const Plan *plan, gboolean next);
void look_human_head (const Look *look, const Plan *plan, const Outcome *outcome);
/* What a failed look says last, on standard error. */
void look_human_error (const Look *look);

/* One of the colours above, or nothing where there is to be none. */
const char *look_paint (const Plan *plan, const char *colour);
/* "535 5.7.8 text" on one line; free it. */
char *look_reply_text (VeredaReply *reply);

#endif
