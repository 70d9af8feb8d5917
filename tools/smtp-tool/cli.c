/* SPDX-License-Identifier: MIT */
/* cli - see cli.h. */
#include "cli.h"
#include "text.h"
#include "tool.h"

#include <stdio.h>
#include <string.h>

/* swaks spells some long options with one dash; as short options they could not be told from clusters. */
static const struct
{
  const char *given;
  const char *meant;
} one_dash[] = {
  { "-tls", "--tls=starttls" },
  { "-tlsc", "--tls-on-connect" },
  { "-tlso", "--tls-optional" },
  { "-au", "--user" },
  { "-ap", "--password-file" },
  { "-a", "--auth" },
  { "-t", "--to" },
  { "-f", "--from" },
  { "-li", "--local-interface" },
  { "-to", "--to" },
  { "-from", "--from" },
  { "-n", "--dry-run" },
  { "-server", "--server" },
  { "-port", "--port" },
};

typedef struct
{
  GPtrArray *options;
  CliLine *line;
  int argc;
  char **argv;
  int next; /* the argument to read next */
} Reader;

static void G_GNUC_PRINTF (2, 3) fail (CliLine *line, const char *format, ...)
{
  va_list list;

  if (line->error != NULL)
    return;
  va_start (list, format);
  line->error = g_error_new_valist (TOOL_ERROR, TOOL_ERROR_USAGE, format, list);
  va_end (list);
}

static void
add (CliLine *line, const CliOption *option, const char *value, gboolean negated)
{
  const CliSetting setting = { option, value, negated, NULL };

  g_array_append_val (line->settings, setting);
}

static gboolean
is_word (const char *words, const char *word)
{
  g_auto (GStrv) list = g_strsplit (words, "|", -1);

  return g_strv_contains ((const char *const *) list, word);
}

/* Synonyms of one option, and the same letters with another ending that mean the same, do not make an abbreviation ambiguous. */
static gboolean
same_meaning (const CliOption *a, const CliOption *b)
{
  return a->id == b->id && g_strcmp0 (a->library, b->library) == 0 && g_strcmp0 (a->value, b->value) == 0;
}

typedef enum
{
  FOUND,
  NONE,
  AMBIGUOUS
} Match;

static Match
match_name (GPtrArray *options, const char *name, gsize length, const CliOption **ret_option, GString *candidates)
{
  Match match = NONE;

  for (guint i = 0; i < options->len; i++)
    {
      const CliOption *option = options->pdata[i];

      if (strncmp (option->name, name, length) != 0)
        continue;
      if (option->name[length] == '\0')
        {
          *ret_option = option;
          return FOUND;
        }
      g_string_append_printf (candidates, "%s--%s", candidates->len > 0 ? ", " : "", option->name);
      if (match == NONE)
        {
          match = FOUND;
          *ret_option = option;
        }
      else if (!same_meaning (*ret_option, option))
        match = AMBIGUOUS;
    }
  return match;
}

static const char *
nearest_name (GPtrArray *options, const char *name)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  for (guint i = 0; i < options->len; i++)
    g_ptr_array_add (names, (gpointer) ((const CliOption *) options->pdata[i])->name);
  g_ptr_array_add (names, NULL);
  return text_nearest (name, (const char *const *) names->pdata);
}

/* Finds --name or --no-name; a name of the table that begins with "no-" is itself before it is a negation. */
static const CliOption *
find_long (Reader *reader, const char *name, gsize length, gboolean *ret_negated)
{
  const CliOption *option = NULL;
  g_autoptr (GString) candidates = g_string_new (NULL);
  Match match = match_name (reader->options, name, length, &option, candidates);
  const gboolean exact = match == FOUND && option->name[length] == '\0';

  *ret_negated = FALSE;
  if (!exact && length > 3 && strncmp (name, "no-", 3) == 0)
    {
      const CliOption *base = NULL;
      g_autoptr (GString) base_candidates = g_string_new (NULL);
      const Match base_match = match_name (reader->options, name + 3, length - 3, &base, base_candidates);

      if (base_match == FOUND && (match == NONE || base->name[length - 3] == '\0'))
        {
          *ret_negated = TRUE;
          return base;
        }
      if (match == NONE)
        match = base_match;
      g_string_append (candidates, base_candidates->str);
    }
  if (match == FOUND)
    return option;

  g_autofree char *given = g_strndup (name, length);
  g_autofree char *beginning = g_strndup (name, MIN (length, 64));
  g_autofree char *escaped = text_escape (beginning);
  g_autofree char *shown = g_strconcat (escaped, length > 64 ? "..." : NULL, NULL);
  const char *near = match == NONE ? nearest_name (reader->options, given) : NULL;

  if (match == AMBIGUOUS)
    fail (reader->line, "option '--%s' is ambiguous: %s", shown, candidates->str);
  else if (near != NULL)
    fail (reader->line, "unknown option '--%s'; did you mean '--%s'?", shown, near);
  else
    fail (reader->line, "unknown option '--%s'", shown);
  return NULL;
}

/* The value of an option: what was attached to it, or the next argument. */
static void
take_value (Reader *reader, const CliOption *option, const char *shown, const char *attached)
{
  const char *following = reader->next < reader->argc ? reader->argv[reader->next] : NULL;

  switch (option->kind)
    {
    case CLI_FLAG:
      if (attached != NULL)
        fail (reader->line, "option '%s' takes no value", shown);
      else
        add (reader->line, option, option->value, FALSE);
      return;
    case CLI_BOOLEAN:
      add (reader->line, option, attached != NULL ? attached : "yes", FALSE);
      return;
    case CLI_WORD:
      if (attached == NULL && following != NULL && is_word (option->words, following))
        attached = reader->argv[reader->next++];
      add (reader->line, option, attached != NULL ? attached : option->value, FALSE);
      return;
    case CLI_VALUE:
    case CLI_SECRET:
    default:
      if (attached == NULL && following == NULL)
        {
          fail (reader->line, "option '%s' needs a value (%s)", shown, option->argument != NULL ? option->argument : "VALUE");
          return;
        }
      if (attached == NULL)
        attached = reader->argv[reader->next++];
      add (reader->line, option, attached, FALSE);
      return;
    }
}

static void
read_long (Reader *reader, const char *argument)
{
  const char *name = argument + 2;
  const char *equals = strchr (name, '=');
  const gsize length = equals != NULL ? (gsize) (equals - name) : strlen (name);
  gboolean negated;
  const CliOption *option = find_long (reader, name, length, &negated);

  if (option == NULL)
    return;
  g_autofree char *shown = g_strconcat (negated ? "--no-" : "--", option->name, NULL);
  if (!negated)
    take_value (reader, option, shown, equals != NULL ? equals + 1 : NULL);
  else if (equals != NULL)
    fail (reader->line, "option '%s' takes no value", shown);
  else
    add (reader->line, option, NULL, TRUE);
}

static const CliOption *
find_letter (GPtrArray *options, char letter)
{
  for (guint i = 0; i < options->len; i++)
    if (((const CliOption *) options->pdata[i])->letter == letter)
      return options->pdata[i];
  return NULL;
}

static void
fail_letter (Reader *reader, const char *argument, char letter)
{
  const char letters[2] = { letter, '\0' };
  g_autofree char *shown = text_escape (letters);

  for (guint i = 0; i < G_N_ELEMENTS (one_dash); i++)
    if (strcmp (argument, one_dash[i].given) == 0)
      {
        fail (reader->line, "unknown option '-%s' in '%s'; did you mean '%s'?", shown, argument, one_dash[i].meant);
        return;
      }
  fail (reader->line, "unknown option '-%s'", shown);
}

static void
read_short (Reader *reader, const char *argument)
{
  for (const char *p = argument + 1; *p != '\0'; p++)
    {
      const CliOption *option = find_letter (reader->options, *p);
      const char shown[3] = { '-', *p, '\0' };

      if (option == NULL)
        {
          fail_letter (reader, argument, *p);
          return;
        }
      if (option->kind == CLI_VALUE || option->kind == CLI_SECRET)
        {
          take_value (reader, option, shown, p[1] != '\0' ? p + 1 : NULL);
          return;
        }
      take_value (reader, option, shown, NULL);
    }
}

/* "-tls" is swaks' most typed word, and no cluster of ours. */
static gboolean
is_swaks_tls (const char *argument)
{
  return strcmp (argument, "-tls") == 0 || strcmp (argument, "-tlsc") == 0 || strcmp (argument, "-tlso") == 0;
}

CliLine *
cli_parse (GPtrArray *options, int argc, char **argv)
{
  CliLine *line = g_new0 (CliLine, 1);
  Reader reader = { options, line, argc, argv, 1 };
  gboolean only_operands = FALSE;

  line->settings = g_array_new (FALSE, FALSE, sizeof (CliSetting));
  line->operands = g_ptr_array_new ();
  while (reader.next < argc)
    {
      char *argument = argv[reader.next++];

      if (only_operands || argument[0] != '-' || argument[1] == '\0')
        g_ptr_array_add (line->operands, argument);
      else if (strcmp (argument, "--") == 0)
        only_operands = TRUE;
      else if (argument[1] == '-')
        read_long (&reader, argument);
      else if (is_swaks_tls (argument) && find_letter (options, 't') == NULL)
        read_long (&reader, argument[4] == 'c' ? "--tls-on-connect" : argument[4] == 'o' ? "--tls-optional" : "--tls=starttls");
      else
        read_short (&reader, argument);
    }
  return line;
}

void
cli_line_free (CliLine *line)
{
  if (line == NULL)
    return;
  g_array_unref (line->settings);
  g_ptr_array_unref (line->operands);
  g_clear_error (&line->error);
  if (line->below_free != NULL)
    line->below_free (line->below);
  g_free (line);
}

const CliSetting *
cli_last (const CliLine *line, int id)
{
  for (guint i = line->settings->len; i > 0; i--)
    {
      const CliSetting *setting = &g_array_index (line->settings, CliSetting, i - 1);
      if (setting->option->id == id)
        return setting;
    }
  return NULL;
}

gboolean
cli_given (const CliLine *line, int id)
{
  const CliSetting *setting = cli_last (line, id);

  return setting != NULL && !setting->negated;
}

guint
cli_count (const CliLine *line, int id)
{
  guint count = 0;

  for (guint i = 0; i < line->settings->len; i++)
    {
      const CliSetting *setting = &g_array_index (line->settings, CliSetting, i);
      if (setting->option->id == id)
        count = setting->negated ? 0 : count + 1;
    }
  return count;
}

const char *
cli_value (const CliLine *line, int id)
{
  return cli_given (line, id) ? cli_last (line, id)->value : NULL;
}

/* Dots instead of an ellipsis where the terminal's charset has none. */
static char *
for_terminal (const char *text)
{
  static const char ellipsis[] = "\xE2\x80\xA6";

  if (g_get_charset (NULL))
    return g_strdup (text);
  g_auto (GStrv) parts = g_strsplit (text, ellipsis, -1);
  return g_strjoinv ("...", parts);
}

/* Wraps @p text at spaces into the columns from @p indent to 79; the cursor stands at @p column. */
static void
print_wrapped (const char *text, gsize column, gsize indent)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);

  if (column + 2 > indent)
    {
      putchar ('\n');
      column = 0;
    }
  printf ("%*s", (int) (indent - column), "");
  column = indent;
  for (guint i = 0; words[i] != NULL; i++)
    {
      const gsize width = (gsize) g_utf8_strlen (words[i], -1);

      if (column > indent && column + 1 + width > 79)
        {
          printf ("\n%*s", (int) indent, "");
          column = indent;
        }
      column += (gsize) printf ("%s%s", column > indent ? " " : "", words[i]);
    }
  putchar ('\n');
}

static void
print_option (const CliOption *option)
{
  g_autoptr (GString) left = g_string_new (NULL);

  if (option->letter != 0)
    g_string_append_printf (left, "  -%c, --%s", option->letter, option->name);
  else
    g_string_append_printf (left, "      --%s", option->name);
  if (option->kind == CLI_WORD)
    g_string_append_printf (left, "[=%s]", option->argument != NULL ? option->argument : option->words);
  else if (option->kind == CLI_VALUE || option->kind == CLI_SECRET)
    g_string_append_printf (left, "=%s", option->argument != NULL ? option->argument : "VALUE");
  g_autofree char *shown = for_terminal (left->str);
  g_autofree char *help = for_terminal (option->help);
  fputs (shown, stdout);
  print_wrapped (help, (gsize) g_utf8_strlen (shown, -1), 32);
}

void
cli_print_help (GPtrArray *options, const char *const *groups)
{
  for (; *groups != NULL; groups++)
    {
      gboolean headed = FALSE;

      for (guint i = 0; i < options->len; i++)
        {
          const CliOption *option = options->pdata[i];

          if (option->help == NULL || g_strcmp0 (option->group, *groups) != 0)
            continue;
          if (!headed)
            printf ("\n%s:\n", *groups);
          headed = TRUE;
          print_option (option);
        }
    }
}
