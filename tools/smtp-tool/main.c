/* SPDX-License-Identifier: MIT */
/* main - finds the command: smtp-tool [GLOBAL] COMMAND [OPTION]...
 *
 * Global options may stand before the command or after it; every command understands them.  Options of `send` without a
 * command mean `send`, as swaks' users expect.  What the program is called plays no part. */
#include "cli.h"
#include "completion.h"
#include "exit.h"
#include "helper.h"
#include "options.h"
#include "probe-options.h"
#include "report.h"
#include "sink-rows.h"
#include "tables.h"
#include "text.h"
#include "tool.h"
#include "transcript.h"

#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vereda/vereda.h>

/* Programs that are commands, or several: those are told which by their first argument. */
typedef enum
{
  HERE,
  PROBE,
  SESSION,
  SINK
} Program;

static const struct
{
  const char *file;
  gboolean is_told;
  const char *missing; /* what helps when it is not there */
} programs[] = {
  [HERE] = { NULL, FALSE, NULL },
  [PROBE] = { "smtp-tool-probe", TRUE, "installing the part of smtp-tool that looks at servers" },
  [SESSION] = { "smtp-tool-session", FALSE, "installing the part of smtp-tool that talks to servers by hand" },
  [SINK] = { "smtp-tool-sink", FALSE, "installing the part of smtp-tool that is the test server" },
};

typedef struct
{
  const char *name;
  const char *summary;
  int (*run) (int argc, char **argv); /* NULL: nothing of it is here */
  Program program;
  const char *there;            /* verbs that are the program's although there is run; NULL: none */
  GPtrArray *(*options) (void); /* NULL: not known here */
  const char *verbs;            /* "list|show"; NULL: none */
  gboolean files;               /* its operands are files */
  const char *begins;           /* or how they begin; NULL: not known */
} CommandRow;

#define SERVERS "smtp:// smtps:// submission:// submissions:// lmtp:// unix:/"
#define DOMAINS "mx: srv:"

static GPtrArray *
options_for_probe (void)
{
  return options_for_look (COMMAND_PROBE);
}

static GPtrArray *
options_for_tls (void)
{
  return options_for_look (COMMAND_TLS);
}

static GPtrArray *
options_for_compare (void)
{
  return options_for_look (COMMAND_COMPARE);
}

static GPtrArray *
options_for_check (void)
{
  return options_for_look (COMMAND_CHECK);
}

static GPtrArray *
options_for_session (void)
{
  return options_for_look (COMMAND_SESSION);
}

/* Of all its verbs. */
static GPtrArray *
options_for_any_auth (void)
{
  GPtrArray *options = options_for_look (COMMAND_AUTH);
  g_autoptr (GPtrArray) explain = options_for_auth ();

  for (guint i = 0; i < explain->len; i++)
    if (!options_have (options, ((const CliOption *) explain->pdata[i])->name))
      g_ptr_array_add (options, explain->pdata[i]);
  return options;
}

static const CommandRow commands[] = {
  { "send", "submit messages, and tell what became of each recipient", send_main, HERE, NULL, options_for_send, NULL, TRUE,
    NULL },
  { "plugins", "show transports and authentication mechanisms", plugins_main, HERE, NULL, options_for_plugins,
    "list|show|doctor", FALSE, NULL },
  { "probe", "connect, read everything, send nothing: what is wrong?", NULL, PROBE, NULL, options_for_probe, NULL, FALSE,
    SERVERS " " DOMAINS },
  { "tls", "show the TLS and the certificates of a server", NULL, PROBE, NULL, options_for_tls, NULL, FALSE, SERVERS },
  { "auth", "which mechanisms a server offers, which work, which would be chosen", auth_main, PROBE, "list|try",
    options_for_any_auth, "list|try|explain", FALSE, NULL },
  { "compare", "the same server through several TLS libraries, side by side", NULL, PROBE, NULL, options_for_compare, NULL,
    FALSE, SERVERS },
  { "check", "monitoring: one line, performance data, exit status 0 to 3", NULL, PROBE, NULL, options_for_check, NULL, FALSE,
    SERVERS },
  { "explain", "what a finding, a reply code or an exit status means", NULL, PROBE, NULL, options_for_globals, NULL, FALSE,
    NULL },
  { "config", "show the settings that would be used, and where each comes from", config_main, HERE, NULL, options_for_send,
    NULL, FALSE, NULL },
  { "bench", "load a server of one's own, and measure", bench_main, HERE, NULL, options_for_bench, NULL, FALSE, NULL },
  { "session", "say lines of one's own to a server, and see its replies", NULL, SESSION, NULL, options_for_session, NULL, FALSE,
    SERVERS },
  { "sink", "run a test server on this machine", NULL, SINK, NULL, options_for_sink, NULL, FALSE, NULL },
};

static void
print_help (void)
{
  g_autoptr (GPtrArray) options = options_for_globals ();

  puts ("Usage: smtp-tool COMMAND [OPTION]...\n"
        "Submit mail over SMTP, see why it fails, and test against a server of one's own.\n"
        "\nCommands:");
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    printf ("  %-10s %s\n", commands[i].name, commands[i].summary);
  puts ("  help       show the help of a command: smtp-tool help send");
  options_print_help (options);
  puts ("\nWithout a command, options of send mean send:\n"
        "  smtp-tool --server=mail.example.org --from=a@example.org --to=b@example.org --body=hello");
}

static const CommandRow *
find_command (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    if (strcmp (commands[i].name, name) == 0)
      return &commands[i];
  return NULL;
}

static int
fail (const CliLine *line, const GError *error, const char *hint)
{
  const CliSetting *format = cli_last (line, OPT_FORMAT);
  const char *const hints[] = { hint, NULL };
  const Outcome outcome = { exit_of_error (error), FALSE, (int) exit_of_error (error) };

  if (format != NULL && g_strcmp0 (format->value, "json") == 0)
    {
      json_t *document = json_pack ("{s:s, s:o, s:o}", "schema", "smtp-tool/error/1", "exit", report_exit (&outcome), "error",
                                    report_error (error, hints));
      (void) report_print (document);
    }
  else
    report_problem (NULL, error->message, hints);
  return outcome.number;
}

/* Which verb it is, the command's own options decide: a word may be the value of one. */
static gboolean
is_there (const CommandRow *command, int argc, char **argv)
{
  g_autoptr (GPtrArray) options = command->there != NULL ? command->options () : NULL;

  if (options == NULL)
    return command->run == NULL;
  g_autoptr (CliLine) line = cli_parse (options, argc, argv);
  g_auto (GStrv) verbs = g_strsplit (command->there, "|", -1);
  return line->operands->len > 0 && g_strv_contains ((const char *const *) verbs, line->operands->pdata[0]);
}

/* argv[0] is the name of the command; a program that is several is told it behind its own. */
static void
become (Program program, int argc, char **argv, GError **error)
{
  const int skip = programs[program].is_told ? 1 : 0;
  g_autofree char **copy = g_new0 (char *, (gsize) argc + 2);

  copy[0] = (char *) (gpointer) programs[program].file;
  for (int i = 0; i < argc; i++)
    copy[i + skip] = argv[i];
  (void) helper_exec (programs[program].file, argc + skip, copy, error);
}

static int
run_command (const CommandRow *command, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  if (!is_there (command, argc, argv))
    return command->run (argc, argv);
  become (command->program, argc, argv, &error);
  g_autoptr (GPtrArray) options = options_for_globals ();
  g_autoptr (CliLine) line = cli_parse (options, argc, argv);
  return fail (line, error, programs[command->program].missing);
}

static int
unknown_command (const CliLine *line, const char *name)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *shown = text_escape (name);
  g_autofree char *hint = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    g_ptr_array_add (names, (gpointer) commands[i].name);
  g_ptr_array_add (names, (gpointer) "help");
  g_ptr_array_add (names, NULL);
  const char *near = text_nearest (name, (const char *const *) names->pdata);
  g_set_error (&error, TOOL_ERROR, TOOL_ERROR_USAGE, "unknown command '%s'%s%s%s", shown, near ? "; did you mean '" : "",
               near ? near : "", near ? "'?" : "");
  if (g_file_test (name, G_FILE_TEST_IS_REGULAR))
    hint = g_strdup_printf ("smtp-tool send %s", shown);
  return fail (line, error, hint != NULL ? hint : "smtp-tool --help");
}

/* How many of the arguments after argv[0] are global options: those before the command. */
static int
count_globals (GPtrArray *options, int argc, char **argv)
{
  int n = 0;

  while (n + 1 < argc && argv[n + 1][0] == '-' && argv[n + 1][1] != '\0' && strcmp (argv[n + 1], "--") != 0)
    {
      g_autoptr (CliLine) one = cli_parse (options, 2, argv + n);
      g_autoptr (CliLine) two = n + 2 < argc ? cli_parse (options, 3, argv + n) : NULL;

      if (one->error == NULL)
        n += two != NULL && two->error == NULL && two->operands->len == 0 && two->settings->len == one->settings->len ? 2 : 1;
      else if (two != NULL && two->error == NULL && two->settings->len > 0)
        n += 2; /* an option with its value in the next argument */
      else
        break;
    }
  return n;
}

/* Runs a command with the options that stood before it moved behind its name. */
static int
run_with (const CommandRow *command, const char *name, char **before, int n_before, char **after, int n_after)
{
  g_autofree char **argv = g_new0 (char *, (gsize) (n_before + n_after) + 2);
  int argc = 0;

  argv[argc++] = (char *) (gpointer) name;
  for (int i = 0; i < n_before; i++)
    argv[argc++] = before[i];
  for (int i = 0; i < n_after; i++)
    argv[argc++] = after[i];
  return run_command (command, argc, argv);
}

/* The script by which a shell completes our command lines, or the tables that it comes from. */
static int
generate (const CliLine *line, const char *what)
{
  CompletionCommand known[G_N_ELEMENTS (commands) + 2];
  const gboolean as_tables = strcmp (what, "options") == 0;
  guint n = G_N_ELEMENTS (commands);

  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      GPtrArray *options = commands[i].options != NULL ? commands[i].options () : NULL;

      if (options != NULL)
        options_complete (options);
      known[i] = (CompletionCommand){ commands[i].name,  commands[i].summary, options,
                                      commands[i].verbs, commands[i].files,   commands[i].begins };
    }
  if (as_tables) /* command lines of their own, where shells know the command only */
    {
      known[n++] = (CompletionCommand){ .name = "auth-explain", .options = options_for_auth () };
      known[n++] = (CompletionCommand){ .name = "auth-live", .options = options_for_look (COMMAND_AUTH) };
      options_complete (known[n - 2].options);
    }
  const gboolean good = as_tables ? tables_print (known, n) : completion_print (what, known, n);
  for (guint i = 0; i < n; i++)
    g_clear_pointer (&known[i].options, g_ptr_array_unref);
  if (good)
    return 0;
  g_autoptr (GError) error = g_error_new_literal (TOOL_ERROR, TOOL_ERROR_USAGE, "--generate: bash, zsh, fish or options");
  return fail (line, error, "smtp-tool --generate=bash");
}

static int
run_help (const CliLine *line, int argc, char **argv)
{
  static char option[] = "--help";
  char *options[] = { option };

  if (argc == 0)
    {
      print_help ();
      return 0;
    }
  const CommandRow *command = find_command (argv[0]);
  if (command == NULL)
    return strcmp (argv[0], "help") == 0 ? (print_help (), 0) : unknown_command (line, argv[0]);
  return run_with (command, command->name, options, 1, NULL, 0);
}

/* A word that is no command, and no file, and written as servers are. */
static gboolean
is_target (const char *word)
{
  return strpbrk (word, ".:") != NULL && !g_file_test (word, G_FILE_TEST_EXISTS);
}

static int
dispatch (int argc, char **argv)
{
  g_autoptr (GPtrArray) options = options_for_globals ();
  const int n = count_globals (options, argc, argv);
  g_autoptr (CliLine) line = cli_parse (options, n + 1, argv);
  const char *word = n + 1 < argc ? argv[n + 1] : NULL;

  if (word == NULL)
    {
      const CliSetting *shell = cli_last (line, OPT_GENERATE);
      if (shell != NULL && shell->value != NULL)
        return generate (line, shell->value);
      if (cli_last (line, OPT_VERSION) != NULL)
        tool_print_version ();
      else if (cli_last (line, OPT_HELP) != NULL)
        print_help ();
      else
        {
          g_autoptr (GError) error = g_error_new (TOOL_ERROR, TOOL_ERROR_USAGE, "no command given");
          return fail (line, error, "smtp-tool --help");
        }
      return 0;
    }
  if (word[0] == '-')
    return run_with (find_command ("send"), "send", argv + 1, n, argv + 1 + n, argc - 1 - n);
  if (strcmp (word, "help") == 0)
    return run_help (line, argc - 2 - n, argv + 2 + n);
  const CommandRow *command = find_command (word);
  if (command == NULL && is_target (word))
    return run_with (find_command ("probe"), "probe", argv + 1, n, argv + 1 + n, argc - 1 - n);
  if (command == NULL)
    {
      g_autoptr (CliLine) all = cli_parse (options, argc, argv); /* the output format may stand behind the word */
      return unknown_command (all, word);
    }
  return run_with (command, command->name, argv + 1, n, argv + 2 + n, argc - 2 - n);
}

/* Where a standard stream was closed its number would go to the next file or socket, and the transcript into the session.  The place is taken
 * by what can neither be read nor written, so that using it still fails. */
static void
hold_standard_streams (void)
{
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl (fd, F_GETFD) < 0 && open ("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
      abort ();
}

int
main (int argc, char **argv)
{
  hold_standard_streams ();
  /* The terminal's characters and the language of the system's messages.  Numbers and dates stay as programs read them, and each category
   * more is a search in the system's files. */
  (void) setlocale (LC_CTYPE, "");
  (void) setlocale (LC_MESSAGES, "");

  int status = dispatch (argc, argv);
  if (!transcript_close () && status == EXIT_OK)
    status = EXIT_FILE;
  if (fflush (stdout) == 0 && !ferror (stdout))
    return status;
  report_problem (NULL, "standard output cannot be written", NULL);
  return status != EXIT_OK ? status : EXIT_FILE;
}
