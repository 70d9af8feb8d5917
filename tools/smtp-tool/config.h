/* SPDX-License-Identifier: MIT */
/* config - what the configuration file and the environment say, put under what the command line says.
 *
 * The file has a section [default] and a section [profile NAME] for each profile; its keys are the names of the options of `send`.  The
 * environment says the same as SMTP_TOOL_NAME, in capitals and with _ for -.  An option comes from the topmost that names it: command line,
 * environment, profile, default.
 *
 * Who names another server on top gets the password of none below: what authenticates (and the ports) is passed over in sections whose own
 * servers are not the ones in use.
 *
 * Reads one file, which has to be the user's own and writable by nobody else, since it names commands to run. */
#ifndef TOOL_CONFIG_H
#define TOOL_CONFIG_H

#include "cli.h"

typedef enum
{
  CONFIG_DEFAULT,
  CONFIG_PROFILE,
  CONFIG_ENVIRONMENT,
  CONFIG_LINE
} ConfigLayer;

/* One setting from below the command line, or from it. */
typedef struct
{
  ConfigLayer layer;
  CliSetting setting; /* its origin says where it stands, for people */
  char *value;        /* what setting.value refers to, where it is not argv's */
  char *origin;
  const char *why; /* it is not used; NULL: it is */
} ConfigRow;

typedef struct
{
  GPtrArray *rows; /* ConfigRow, lowest layer first */
  char *file;      /* NULL: none is read */
  gboolean exists; /* it was there */
  char *profile;   /* NULL: none */
  char **profiles; /* all that the file has */
  char **unknown;  /* names in the environment that are no option */
} Config;

/* Reads what stands below @p line, and judges what is used.  NULL: the file is wrong, or names a profile that is not there.
 * @p line may have an error of its own. */
Config *config_read (const CliLine *line, GError **error);
void config_free (Config *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Config, config_free)

/* Puts what is used under the line, as far as the command has these options. */
gboolean config_underlay (CliLine *line, GPtrArray *options, GError **error);

#endif
