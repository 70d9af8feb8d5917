/* SPDX-License-Identifier: MIT */
/* probe-command - what the commands that look at a server share: their command lines, and the common end.
 *
 * A command begins with command_begin(), which reads everything that can be wrong before a server is asked, and ends with command_end(). */
#ifndef TOOL_PROBE_COMMAND_H
#define TOOL_PROBE_COMMAND_H

#include <jansson.h>

#include "cli.h"
#include "finding.h"
#include "probe-look.h"
#include "probe-options.h"
#include "report.h"

typedef struct
{
  const char *usage; /* of --help, with everything but the options */
  const char *after; /* what --help says below them; NULL: nothing */
  CommandKind kind;
  guint verbs; /* operands before the target */
} CommandInfo;

typedef struct
{
  const CommandInfo *info;
  GPtrArray *options;
  CliLine *line;
  Plan *plan;
  const char *target; /* borrowed from the command line */
  char *routed;       /* it, where --copy-routing makes it; NULL: it does not */
  gboolean is_domain; /* the target is mx: or srv: */
  VeredaProbePoint point;
  gboolean drop, drop_sent;
  int fail_on;       /* a FindingSeverity; -1: never */
  GPtrArray *expect; /* of const char *: expressions */
  gint64 warn_days, error_days;
  const char *print; /* letters of the parts to print; NULL: all */
  GError *error;     /* of the command line or of a local file */
  gboolean done;     /* --help, --version: nothing more is to be done */
} Command;

Command *command_new (const CommandInfo *info, int argc, char **argv);
void command_free (Command *command);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Command, command_free)

/* The last value of an option; NULL: not given, or negated. */
const char *command_value (const Command *command, int id);

/* TRUE when an option is given and not negated. */
gboolean command_has (const Command *command, int id);

/* The resolver that the options name; NULL with an error in @p command. */
Dns *command_dns (Command *command);

/* A look at the command's target with its thresholds; not run. */
Look *command_look (const Command *command);

/* --fail-on and --expect, on top of what the look came to; @p document is the report in JSON.  What did not hold is added to
 * @p ret_failed (of char *, owned). */
ExitStatus command_judge (const Command *command, const Look *look, json_t *document, GPtrArray *ret_failed);

/* Status and number, as JSON and the process have it. */
Outcome command_outcome (const Command *command, ExitStatus status, gboolean transient);

/* Adds what did not hold and the status, prints, and frees the document. */
void command_print_json (json_t *document, GPtrArray *failed, const Outcome *outcome);
/* The same on standard error, after a report for people. */
void command_complain (const Command *command, const Look *look, GPtrArray *failed);

/* An error before any server was asked, in the form that was asked for; the exit status. */
int command_fail (const Command *command);

/* The bodies.  argv[0] is the name of the command. */
int probe_main (int argc, char **argv);
int send_early_main (int argc, char **argv); /* send that stops before there is a message */
int tls_main (int argc, char **argv);
int auth_live_main (int argc, char **argv);
int compare_main (int argc, char **argv);
int check_main (int argc, char **argv);
int explain_main (int argc, char **argv);

#endif
