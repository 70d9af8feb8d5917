/* SPDX-License-Identifier: MIT */
/* tables - see tables.h. */
#include "tables.h"
#include "cli.h"
#include "report.h"

#include <string.h>
#include <vereda/vereda.h>

static const char *
kind_word (CliKind kind)
{
  static const char *const words[] = {
    [CLI_FLAG] = "flag", [CLI_VALUE] = "value", [CLI_WORD] = "word", [CLI_BOOLEAN] = "boolean", [CLI_SECRET] = "value",
  };
  return words[kind];
}

/* What the library does when nothing is said; NULL: nothing to speak of. */
static const char *
default_of (const CliOption *option)
{
  for (guint i = 0; option->library != NULL && i < vereda_option_count (); i++)
    if (strcmp (vereda_option_at (i)->name, option->library) == 0)
      return option->kind == CLI_VALUE ? vereda_option_at (i)->default_value : NULL;
  return NULL;
}

static json_t *
row_new (const CliOption *option, gboolean is_shared)
{
  const char letter[2] = { option->letter, '\0' };

  return json_pack ("{s:s, s:s?, s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:b, s:s?, s:i}", "name", option->name, "letter",
                    option->letter != 0 ? letter : NULL, "kind", kind_word (option->kind), "argument",
                    option->argument != NULL ? option->argument : option->words, "group", option->group, "help", option->help,
                    "library", option->library, "default", default_of (option), "shared", is_shared, "value", option->value,
                    "id", option->id);
}

static json_t *
rows_of (GPtrArray *options, GPtrArray *send)
{
  json_t *rows = json_array ();

  for (guint i = 0; options != NULL && i < options->len; i++)
    json_array_append_new (rows,
                           row_new (options->pdata[i], options != send && g_ptr_array_find (send, options->pdata[i], NULL)));
  return rows;
}

gboolean
tables_print (const CompletionCommand *commands, guint count)
{
  json_t *all = json_object ();

  for (guint i = 0; i < count; i++)
    json_object_set_new (all, commands[i].name, rows_of (commands[i].options, commands[0].options));
  return report_print (json_pack ("{s:s, s:o}", "schema", "smtp-tool/options/1", "commands", all));
}
