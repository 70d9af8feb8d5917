/* SPDX-License-Identifier: MIT */
/* sink-rows - see sink-rows.h. */
#include "sink-rows.h"
#include "cli.h"
#include "helper.h"

#include <jansson.h>
#include <string.h>

static char *
text_of (json_t *row, const char *member)
{
  return g_strdup (json_string_value (json_object_get (row, member)));
}

static CliOption *
row_new (json_t *row)
{
  g_autofree char *kind = text_of (row, "kind");
  g_autofree char *letter = text_of (row, "letter");
  CliOption *option = g_new0 (CliOption, 1);

  option->name = text_of (row, "name");
  option->letter = letter != NULL ? letter[0] : 0;
  option->kind = g_strcmp0 (kind, "flag") == 0 ? CLI_FLAG : CLI_VALUE;
  option->group = text_of (row, "group");
  option->argument = text_of (row, "argument");
  option->help = text_of (row, "help");
  return option;
}

static GPtrArray *
ask (void)
{
  static char list[] = "--list-options";
  g_autofree char *path = helper_find ("smtp-tool-sink", NULL);
  g_autofree char *out = NULL;
  char *argv[] = { path, list, NULL };

  if (path == NULL || !g_spawn_sync (NULL, argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &out, NULL, NULL, NULL))
    return NULL;
  json_t *document = json_loads (out, 0, NULL);
  json_t *rows = json_object_get (json_object_get (document, "commands"), "sink");
  GPtrArray *options = g_ptr_array_new ();
  for (gsize i = 0; i < json_array_size (rows); i++)
    if (json_is_string (json_object_get (json_array_get (rows, i), "name")))
      g_ptr_array_add (options, row_new (json_array_get (rows, i)));
  json_decref (document);
  return options;
}

GPtrArray *
options_for_sink (void)
{
  static GPtrArray *options; /* as long as the tables that are compiled in */

  if (options == NULL)
    options = ask ();
  return options != NULL ? g_ptr_array_ref (options) : NULL;
}
