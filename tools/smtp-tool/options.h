/* SPDX-License-Identifier: MIT */
/* options - the command lines' tables: the tool's own rows, and one row for each option of the library.
 *
 * What the library's table (vereda_option_at) has is a flag of the tool without a line of code here; a row of the tool comes first
 * where both use one name.  Fails only where the library refuses a value. */
#ifndef TOOL_OPTIONS_H
#define TOOL_OPTIONS_H

#include <glib.h>
#include <vereda/vereda.h>

#include "cli.h"

/* What a row means to the commands. */
typedef enum
{
  OPT_LIBRARY = 1, /* sets the library's option, nothing else */
  OPT_IGNORED,     /* asks for what is done anyway */
  OPT_HELP,
  OPT_VERSION,
  OPT_VERBOSE,
  OPT_QUIET,
  OPT_FORMAT,
  OPT_COLOR,
  OPT_EXIT_STYLE,
  OPT_CONFIG,
  OPT_PROFILE,
  OPT_GENERATE,
  OPT_PROGRESS,
  OPT_SAVE_TRANSCRIPT,
  OPT_REDACT,
  OPT_SHOW_SECRETS,
  OPT_TIME_LAPSE,
  OPT_HIDE_SEND,
  OPT_HIDE_RECEIVE,
  OPT_HIDE_INFORMATIONAL,
  OPT_HIDE_PREFIX,
  OPT_HIDE_ALL,
  OPT_OUTPUT_FILE,
  OPT_FROM,
  OPT_TO,
  OPT_CC,
  OPT_BCC,
  OPT_SUBJECT,
  OPT_BODY,
  OPT_ATTACH,
  OPT_ATTACH_TYPE,
  OPT_ATTACH_NAME,
  OPT_DATA,
  OPT_DRY_RUN,
  OPT_ALLOW_PARTIAL,
  OPT_TIMEOUT,
  OPT_CA_PATH,
  OPT_USER,
  OPT_PASSWORD,
  OPT_PASSWORD_FILE,
  OPT_PASSWORD_FD,
  OPT_PASSWORD_ENV,
  OPT_PASSWORD_COMMAND,
  OPT_NETRC,
  OPT_KEYRING,
  OPT_QUIT_AFTER,
  OPT_DROP_AFTER,
  OPT_DROP_AFTER_SEND,
  OPT_PROTOCOL,
  OPT_DUMP,
  OPT_SUPPORT,
  OPT_LOAD,
  OPT_EXISTS,
  OPT_OFFERED,
  OPT_TLS_STATE,
  OPT_TLS_UNVERIFIED,
  OPT_CLIENT_CERT,
  OPT_BINDING,
  OPT_HAVE_PASSWORD,
  OPT_HAVE_TOKEN
} OptionId;

/* Options of every command; of `send`; of `plugins`; of `auth`.  Rows are valid until the process ends. */
GPtrArray *options_for_globals (void);
GPtrArray *options_for_send (void);
GPtrArray *options_for_plugins (void);
GPtrArray *options_for_auth (void);
GPtrArray *options_for_bench (void); /* in bench.c */

/* TRUE when one of them has this name. */
gboolean options_have (GPtrArray *options, const char *name);

/* Gives every row its heading and its help, which reading a command line does without. */
void options_complete (GPtrArray *options);

/* Prints one of these tables to standard output, by headings. */
void options_print_help (GPtrArray *options);

/* Gives one setting to the library: lists given several times grow, a negated option goes back to its default.
 * Errors name the flag as it is spelled here. */
gboolean options_apply (VeredaOptions *options, const CliSetting *setting, GError **error);

/* The null reverse-path, empty or as it is written in MAIL (RFC 5321 section 4.5.5). */
gboolean options_is_null_path (const char *value);

/* Sets a library option from a value of the tool's own making. */
gboolean options_set (VeredaOptions *options, const char *flag, const char *name, const char *value, GError **error);

/* Puts the flag into an error of the library in the place of its option, or before it. */
void options_name_flag (const char *flag, const char *name, GError **error);

/* Given several times it grows, where others keep the last value. */
gboolean options_grows (const CliOption *option);

/* Every stage's timeout at once. */
gboolean options_set_all_timeouts (VeredaOptions *options, const char *value, GError **error);

/* Before anything else may show or pass on the command line: overwrites the values of secret options in place. */
void options_hide_secrets (const CliLine *line);

/* TRUE when a boolean option of the library is on. */
gboolean options_is_true (VeredaOptions *options, const char *name);

/* Yes, no, or an error that names the flag. */
gboolean options_boolean (const CliSetting *setting, gboolean *ret_value, GError **error);

#endif
