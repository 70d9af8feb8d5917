/* SPDX-License-Identifier: MIT */
/* cli - reads a command line by a table of options, and prints help from the same table.
 *
 * GNU's habits: --name=value, --name value, unambiguous abbreviations, --no-name, --, short options in clusters, options
 * and operands in any order.  Reading has no effect but its result: it goes on after the first error, so that the caller knows
 * every setting (such as the output format) it needs to report that error with. */
#ifndef TOOL_CLI_H
#define TOOL_CLI_H

#include <glib.h>

typedef enum
{
  CLI_FLAG,    /* takes no value */
  CLI_VALUE,   /* takes one */
  CLI_WORD,    /* may take one of its words: --name=word, or --name word when the next argument is such a word */
  CLI_BOOLEAN, /* --name, --no-name, --name=yes */
  CLI_SECRET   /* as CLI_VALUE; never shown */
} CliKind;

/* One option; static, or as long-lived as the table. */
typedef struct
{
  const char *name;
  char letter; /* short form, or 0 */
  CliKind kind;
  int id;               /* what it means to the command */
  const char *library;  /* name of the library's option it sets, or NULL */
  const char *value;    /* what it sets when none is given (CLI_FLAG, CLI_WORD) */
  const char *words;    /* of a CLI_WORD: "never|auto" */
  const char *group;    /* heading in help */
  const char *argument; /* what stands for the value in help */
  const char *help;     /* NULL: understood, not listed */
} CliOption;

/* One option as given. */
typedef struct
{
  const CliOption *option;
  const char *value;  /* borrowed from argv or from the table; NULL when there is none */
  gboolean negated;   /* --no-name */
  const char *origin; /* where it stands, when not on the command line; borrowed, or NULL */
} CliSetting;

typedef struct
{
  GArray *settings;    /* CliSetting, in order */
  GPtrArray *operands; /* borrowed from argv */
  GError *error;       /* the first thing wrong, TOOL_ERROR_USAGE; or NULL */
  gpointer below;      /* what settings from elsewhere refer to, and how it is freed; or NULL */
  GDestroyNotify below_free;
} CliLine;

/* @p options: CliOption pointers.  argv[0] is passed over. */
CliLine *cli_parse (GPtrArray *options, int argc, char **argv);
void cli_line_free (CliLine *line);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CliLine, cli_line_free)

/* The last setting of the option with @p id; NULL when it was not given. */
const CliSetting *cli_last (const CliLine *line, int id);

/* TRUE when it was given and the last word about it is not --no-NAME. */
gboolean cli_given (const CliLine *line, int id);

/* Its value then; NULL otherwise. */
const char *cli_value (const CliLine *line, int id);

/* How often it was given, since it was last taken back. */
guint cli_count (const CliLine *line, int id);

/* Prints the options to standard output, by group in the order of @p groups (NULL-ended). */
void cli_print_help (GPtrArray *options, const char *const *groups);

#endif
