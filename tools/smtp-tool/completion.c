/* SPDX-License-Identifier: MIT */
/* completion - see completion.h. */
#include "completion.h"
#include "cli.h"

#include <stdio.h>
#include <string.h>

typedef void (*Printer) (const CompletionCommand *commands, guint count);

/* What may stand behind an option. */
typedef enum
{
  NOTHING,
  CHOICE,
  FILE_NAME,
  ANYTHING
} Value;

static gboolean
is_choice (const char *text)
{
  if (text == NULL || strchr (text, '|') == NULL)
    return FALSE;
  return text[strspn (text, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS ".-|")] == '\0';
}

/* Of a CHOICE its words in *ret_words, parted by spaces. */
static Value
value_of (const CliOption *option, char **ret_words)
{
  const char *choices = option->words != NULL && *option->words != '\0' ? option->words : option->argument;

  *ret_words = NULL;
  if (option->kind == CLI_FLAG || option->kind == CLI_BOOLEAN)
    return NOTHING;
  if (is_choice (choices))
    {
      *ret_words = g_strdelimit (g_strdup (choices), "|", ' ');
      return CHOICE;
    }
  if (option->argument != NULL && (strstr (option->argument, "FILE") != NULL || strstr (option->argument, "PATH") != NULL))
    return FILE_NAME;
  return ANYTHING;
}

/* As help has them: synonyms are understood, not offered. */
static gboolean
is_offered (const CliOption *option)
{
  return option->help != NULL;
}

static char *
quote (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, "'", -1);
  g_autofree char *joined = g_strjoinv ("'\\''", parts);

  return g_strdup_printf ("'%s'", joined);
}

/* ---- bash ---- */

/* The two take the same values. */
static gboolean
same_values (const CliOption *a, const CliOption *b)
{
  g_autofree char *words_a = NULL;
  g_autofree char *words_b = NULL;

  return value_of (a, &words_a) == value_of (b, &words_b) && g_strcmp0 (words_a, words_b) == 0;
}

static void
print_bash_value (const char *command, const CliOption *option)
{
  g_autofree char *words = NULL;
  const Value value = value_of (option, &words);

  printf ("    %s:--%s) ", command, option->name);
  if (value == CHOICE)
    printf ("mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$cur\"); return ;;\n", words);
  else if (value == FILE_NAME)
    puts ("compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;");
  else
    puts (value == ANYTHING ? "return ;;" : ";;");
}

/* One arm for each option that takes a value.  What bears one name means nearly always one thing: the arm that holds for all commands is the
 * first one's, and before it stand those of the commands in which it is something else. */
static void
print_bash_values (const CompletionCommand *commands, guint count)
{
  g_autoptr (GHashTable) first = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) common = g_ptr_array_new ();

  for (guint i = 0; i < count; i++)
    for (guint k = 0; commands[i].options != NULL && k < commands[i].options->len; k++)
      {
        CliOption *option = commands[i].options->pdata[k];
        const CliOption *other = g_hash_table_lookup (first, option->name);

        if (other == NULL)
          {
            g_hash_table_insert (first, (gpointer) option->name, option);
            g_ptr_array_add (common, option);
          }
        else if (!same_values (other, option))
          print_bash_value (commands[i].name, option);
      }
  for (guint i = 0; i < common->len; i++)
    {
      g_autofree char *words = NULL;

      if (value_of (common->pdata[i], &words) != NOTHING)
        print_bash_value ("*", common->pdata[i]);
    }
}

static void
print_bash_options (const CompletionCommand *command)
{
  for (guint k = 0; command->options != NULL && k < command->options->len; k++)
    {
      const CliOption *option = command->options->pdata[k];

      if (!is_offered (option))
        continue;
      printf (" --%s%s", option->name, option->kind == CLI_VALUE || option->kind == CLI_SECRET ? "=" : "");
      if (option->kind == CLI_BOOLEAN)
        printf (" --no-%s", option->name);
    }
}

static void
print_bash (const CompletionCommand *commands, guint count)
{
  puts ("# Completion of smtp-tool for bash, from smtp-tool --generate=bash.\n"
        "_smtp_tool ()\n"
        "{\n"
        "  local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} option= command= words= i\n"
        "\n"
        "  COMPREPLY=()\n"
        "  # bash parts words at \"=\" as well.\n"
        "  if [[ $cur == = ]]; then\n"
        "    option=$before cur=\n"
        "  elif [[ $before == = && $COMP_CWORD -ge 2 ]]; then\n"
        "    option=${COMP_WORDS[COMP_CWORD - 2]}\n"
        "  elif [[ $cur != -* ]]; then\n"
        "    option=$before\n"
        "  fi\n"
        "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "    case ${COMP_WORDS[i]} in");
  fputs ("      ", stdout);
  for (guint i = 0; i < count; i++)
    printf ("%s%s", i > 0 ? " | " : "", commands[i].name);
  puts (" | help) command=${COMP_WORDS[i]}; break ;;\n"
        "    esac\n"
        "  done\n"
        "  case $command:$option in");
  print_bash_values (commands, count);
  puts ("  esac\n"
        "  case $command in");
  for (guint i = 0; i < count; i++)
    {
      printf ("    %s) words='", i == 0 ? "send | ''" : commands[i].name);
      print_bash_options (&commands[i]);
      puts ("' ;;");
    }
  puts ("  esac\n"
        "  if [[ $cur == -* ]]; then\n"
        "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
        "    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null\n"
        "    return\n"
        "  fi\n"
        "  case $command in");
  fputs ("    '' | help) words='", stdout);
  for (guint i = 0; i < count; i++)
    printf ("%s ", commands[i].name);
  puts ("help' ;;");
  for (guint i = 0; i < count; i++)
    if (commands[i].verbs != NULL)
      {
        g_autofree char *verbs = g_strdelimit (g_strdup (commands[i].verbs), "|", ' ');
        printf ("    %s) words='%s' ;;\n", commands[i].name, verbs);
      }
    else if (commands[i].begins != NULL) /* bash parts words at ":", too; what follows one is not known here */
      printf ("    %s) [[ $cur == : || $before == : ]] && return; words='%s'; compopt -o nospace 2>/dev/null ;;\n",
              commands[i].name, commands[i].begins);
    else if (commands[i].files)
      printf ("    %s) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n",
              commands[i].name);
    else
      printf ("    %s) return ;;\n", commands[i].name);
  puts ("  esac\n"
        "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
        "  return 0\n"
        "}\n"
        "complete -F _smtp_tool smtp-tool");
}

/* ---- zsh ---- */

static char *
escape (const char *text, const char *special)
{
  g_autoptr (GString) out = g_string_new (NULL);

  for (; *text != '\0'; text++)
    {
      if (strchr (special, *text) != NULL)
        g_string_append_c (out, '\\');
      g_string_append_c (out, *text);
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static void
print_zsh_option (const CliOption *option)
{
  g_autofree char *words = NULL;
  g_autofree char *help = escape (option->help, "[]\\");
  g_autofree char *message = escape (option->argument != NULL ? option->argument : "VALUE", ":\\");
  g_autoptr (GString) spec = g_string_new ("*--");
  const Value value = value_of (option, &words);

  g_string_append_printf (spec, "%s%s[%s]", option->name, value == NOTHING ? "" : option->kind == CLI_WORD ? "=-" : "=", help);
  if (value != NOTHING)
    g_string_append_printf (spec, "%s%s:", option->kind == CLI_WORD ? "::" : ":", message);
  if (value == CHOICE)
    g_string_append_printf (spec, "(%s)", words);
  else if (value == FILE_NAME)
    g_string_append (spec, "_files");
  g_autofree char *quoted = quote (spec->str);
  printf ("    %s\n", quoted);
  if (option->kind == CLI_BOOLEAN)
    printf ("    '*--no-%s'\n", option->name);
}

static void
print_zsh (const CompletionCommand *commands, guint count)
{
  puts ("#compdef smtp-tool\n"
        "# Completion of smtp-tool for zsh, from smtp-tool --generate=zsh.\n"
        "_smtp_tool ()\n"
        "{\n"
        "  local curcontext=$curcontext state state_descr line\n"
        "  local -A opt_args\n"
        "  local -a commands options");
  puts ("  commands=(");
  for (guint i = 0; i < count; i++)
    {
      g_autofree char *summary = escape (commands[i].summary, ":\\");
      g_autofree char *both = g_strconcat (commands[i].name, ":", summary, NULL);
      g_autofree char *quoted = quote (both);
      printf ("    %s\n", quoted);
    }
  puts ("    'help:show the help of a command'\n"
        "  )");
  for (guint i = 0; i < count; i++)
    {
      printf ("  local -a options_%s\n  options_%s=(\n", commands[i].name, commands[i].name);
      for (guint k = 0; commands[i].options != NULL && k < commands[i].options->len; k++)
        if (is_offered (commands[i].options->pdata[k]))
          print_zsh_option (commands[i].options->pdata[k]);
      puts ("  )");
    }
  puts ("  _arguments -C $options_send '1: :->command' '*:: :->rest'\n"
        "  case $state in\n"
        "    command) _describe -t commands command commands ;;\n"
        "    rest)\n"
        "      case $words[1] in");
  for (guint i = 0; i < count; i++)
    {
      printf ("        %s) _arguments $options_%s", commands[i].name, commands[i].name);
      if (commands[i].verbs != NULL)
        {
          g_autofree char *verbs = g_strdelimit (g_strdup (commands[i].verbs), "|", ' ');
          printf (" '1: :(%s)'", verbs);
        }
      else if (commands[i].begins != NULL)
        {
          g_autofree char *words = escape (commands[i].begins, ":");
          printf (" '1: :{ compadd -S \"\" -- %s }'", words);
        }
      else if (commands[i].files)
        printf (" '*: :_files'");
      puts (" ;;");
    }
  puts ("        help) _describe -t commands command commands ;;\n"
        "      esac ;;\n"
        "  esac\n"
        "}\n"
        "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n"
        "  _smtp_tool \"$@\"\n"
        "else\n"
        "  compdef _smtp_tool smtp-tool\n"
        "fi");
}

/* ---- fish ---- */

static char *
quote_fish (const char *text)
{
  g_autofree char *escaped = escape (text, "'\\");

  return g_strdup_printf ("'%s'", escaped);
}

static void
print_fish_option (const char *condition, const CliOption *option)
{
  g_autofree char *words = NULL;
  g_autofree char *help = quote_fish (option->help);
  const Value value = value_of (option, &words);

  printf ("complete -c smtp-tool -n %s -l %s", condition, option->name);
  if (option->letter != 0)
    printf (" -s %c", option->letter);
  if (value == CHOICE)
    printf (" -x -a '%s'", words);
  else if (value == FILE_NAME)
    fputs (option->kind == CLI_WORD ? " -F" : " -r -F", stdout);
  else if (value == ANYTHING)
    fputs (" -x", stdout);
  printf (" -d %s\n", help);
  if (option->kind == CLI_BOOLEAN)
    printf ("complete -c smtp-tool -n %s -l no-%s\n", condition, option->name);
}

/* Once for all commands that have this very row: fish looks at each condition whenever it completes. */
static void
print_fish_row (const CompletionCommand *commands, guint count, guint first, const CliOption *option)
{
  g_autoptr (GString) names = g_string_new (NULL);

  for (guint i = first; i < count; i++)
    if (commands[i].options != NULL && g_ptr_array_find (commands[i].options, option, NULL))
      g_string_append_printf (names, " %s", commands[i].name);
  g_autofree char *condition
      = g_strdup_printf ("'%s__fish_seen_subcommand_from%s'", first == 0 ? "__fish_use_subcommand; or " : "", names->str);
  print_fish_option (condition, option);
}

static void
print_fish (const CompletionCommand *commands, guint count)
{
  g_autoptr (GHashTable) done = g_hash_table_new (NULL, NULL);

  puts ("# Completion of smtp-tool for fish, from smtp-tool --generate=fish.\n"
        "complete -c smtp-tool -f");
  for (guint i = 0; i < count; i++)
    {
      g_autofree char *summary = quote_fish (commands[i].summary);

      printf ("complete -c smtp-tool -n __fish_use_subcommand -a %s -d %s\n", commands[i].name, summary);
      for (guint k = 0; commands[i].options != NULL && k < commands[i].options->len; k++)
        if (is_offered (commands[i].options->pdata[k]) && g_hash_table_add (done, commands[i].options->pdata[k]))
          print_fish_row (commands, count, i, commands[i].options->pdata[k]);
      if (commands[i].verbs != NULL)
        {
          g_autofree char *verbs = g_strdelimit (g_strdup (commands[i].verbs), "|", ' ');
          printf ("complete -c smtp-tool -n '__fish_seen_subcommand_from %s' -a '%s'\n", commands[i].name, verbs);
        }
      if (commands[i].begins != NULL)
        printf ("complete -c smtp-tool -n '__fish_seen_subcommand_from %s' -a '%s'\n", commands[i].name, commands[i].begins);
      if (commands[i].files)
        printf ("complete -c smtp-tool -n '__fish_seen_subcommand_from %s' -F\n", commands[i].name);
    }
  puts ("complete -c smtp-tool -n __fish_use_subcommand -a help -d 'show the help of a command'");
}

gboolean
completion_print (const char *shell, const CompletionCommand *commands, guint count)
{
  static const struct
  {
    const char *name;
    Printer print;
  } shells[] = { { "bash", print_bash }, { "zsh", print_zsh }, { "fish", print_fish } };

  for (guint i = 0; i < G_N_ELEMENTS (shells); i++)
    if (strcmp (shells[i].name, shell) == 0)
      {
        shells[i].print (commands, count);
        return TRUE;
      }
  return FALSE;
}
