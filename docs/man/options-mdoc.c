/* SPDX-License-Identifier: MIT */
/* options-mdoc - prints a page of the manual with the library's table of options in it: options-mdoc TEMPLATE
 *
 * Reads the template, writes to standard output; a line @OPTIONS@ becomes the list.  Fails where the template has none. */
#include <stdio.h>
#include <string.h>
#include <vereda/vereda.h>

/* Text for mdoc: a backslash is \e; a line must not begin with a dot or a quote. */
static void
print_text (const char *text, gboolean first)
{
  if (first && (*text == '.' || *text == '\''))
    fputs ("\\&", stdout);
  for (; *text != '\0'; text++)
    {
      if (*text == '\\')
        fputs ("\\e", stdout);
      else if (g_str_has_prefix (text, "…"))
        {
          fputs ("\\&...", stdout);
          text += strlen ("…") - 1;
        }
      else
        putchar (*text);
    }
}

/* A word as the argument of a macro: quoted, and not itself a macro or punctuation. */
static void
print_word (const char *word)
{
  fputs (" \"\\&", stdout);
  for (; *word != '\0'; word++)
    {
      if (*word == '"')
        fputs ("\\(dq", stdout);
      else if (g_str_has_prefix (word, "…"))
        {
          fputs ("...", stdout);
          word += strlen ("…") - 1;
        }
      else
        putchar (*word);
    }
  putchar ('"');
}

/* Folded at 78 columns, as the pages written by hand are. */
static void
print_paragraph (const char *text)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  gsize column = 0;

  for (char **word = words; *word != NULL; word++)
    {
      gsize length = strlen (*word);

      if (column > 0 && column + 1 + length > 78)
        {
          putchar ('\n');
          column = 0;
        }
      else if (column > 0)
        {
          putchar (' ');
          column++;
        }
      print_text (*word, column == 0);
      column += length;
    }
  puts (".");
}

static const char *
type_words (VeredaOptionType type)
{
  switch (type)
    {
    case VEREDA_OPTION_BOOLEAN:
      return "yes|no";
    case VEREDA_OPTION_SECONDS:
      return "SECONDS";
    case VEREDA_OPTION_STRING:
    case VEREDA_OPTION_CHOICE:
    case VEREDA_OPTION_LIST:
    case VEREDA_OPTION_HEADER:
    case VEREDA_OPTION_FILE:
    case VEREDA_OPTION_SECRET:
    default:
      return "VALUE";
    }
}

/* Help is one line without a full stop. */
static void
print_row (const VeredaOptionInfo *row)
{
  fputs (".It Cm", stdout);
  print_word (row->name);
  fputs (" Ar", stdout);
  print_word (row->choices != NULL ? row->choices : row->argument != NULL ? row->argument : type_words (row->type));
  putchar ('\n');
  print_paragraph (row->help);
  if (row->type == VEREDA_OPTION_SECRET)
    puts ("Never given back by\n.Fn vereda_options_get .");
  if (row->type == VEREDA_OPTION_HEADER)
    puts ("May be set many times; NULL takes all of them away.");
  if (row->default_value != NULL)
    {
      fputs ("Default:\n.Ql", stdout);
      print_word (row->default_value);
      puts (" .");
    }
  if (row->seed != NULL)
    {
      fputs ("In tcllib:\n.Ql", stdout);
      print_word (row->seed);
      puts (" .");
    }
}

static void
print_options (void)
{
  puts (".Bl -tag -width Ds");
  for (guint i = 0; i < vereda_option_count (); i++)
    print_row (vereda_option_at (i));
  puts (".El");
}

int
main (int argc, char **argv)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  gboolean found = FALSE;

  if (argc != 2 || !g_file_get_contents (argv[1], &text, NULL, &error))
    {
      fprintf (stderr, "options-mdoc: %s\n", error != NULL ? error->message : "one template is wanted");
      return 1;
    }
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (g_str_equal (*line, "@OPTIONS@"))
      {
        print_options ();
        found = TRUE;
      }
    else if (line[1] != NULL || **line != '\0')
      puts (*line);
  if (!found)
    fprintf (stderr, "options-mdoc: %s: there is no line @OPTIONS@\n", argv[1]);
  return found ? 0 : 1;
}
