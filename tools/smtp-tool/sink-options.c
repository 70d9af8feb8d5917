/* SPDX-License-Identifier: MIT */
/* sink-options - see sink-options.h. */
#include "sink-options.h"

#include <jansson.h>
#include <stdio.h>

static json_t *
row_new (const gchar *heading, const GOptionEntry *entry, guint id)
{
  const gchar letter[2] = { entry->short_name, '\0' };

  return json_pack ("{s:s, s:s?, s:s, s:s?, s:s, s:s, s:n, s:n, s:b, s:n, s:i}", "name", entry->long_name, "letter",
                    entry->short_name != 0 ? letter : NULL, "kind", entry->arg == G_OPTION_ARG_NONE ? "flag" : "value",
                    "argument", entry->arg_description, "group", heading, "help", entry->description, "library", "default",
                    "shared", FALSE, "value", "id", (int) id);
}

void
sink_options_print (const SinkOptionGroup *groups, guint count)
{
  json_t *rows = json_array ();

  for (guint i = 0; i < count; i++)
    for (const GOptionEntry *entry = groups[i].entries; entry->long_name != NULL; entry++)
      if ((entry->flags & G_OPTION_FLAG_HIDDEN) == 0)
        json_array_append_new (rows, row_new (groups[i].heading, entry, (guint) json_array_size (rows)));
  json_t *document = json_pack ("{s:s, s:{s:o}}", "schema", "smtp-tool/options/1", "commands", "sink", rows);
  json_dumpf (document, stdout, JSON_INDENT (2));
  putchar ('\n');
  json_decref (document);
}
