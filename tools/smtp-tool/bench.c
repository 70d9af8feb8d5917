/* SPDX-License-Identifier: MIT */
/* bench - `smtp-tool bench`: sends many messages to a server of one's own, and tells how fast and at what cost.
 *
 * Reads the command line, refuses servers that are not on this machine unless it is told that they may be loaded, and makes the cases:
 * one, or one for each transport or mechanism.  Whom to reach, TLS and credentials are read as for `send`. */
#include "bench.h"
#include "begin.h"
#include "cli.h"
#include "interrupt.h"
#include "options.h"
#include "plan.h"
#include "report.h"
#include "tool.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOAD "Load"

enum
{
  OPT_MESSAGES = 1000,
  OPT_DURATION,
  OPT_RATE,
  OPT_SIZE,
  OPT_WARM_UP,
  OPT_AHEAD,
  OPT_RECONNECT,
  OPT_BY,
  OPT_ALLOW_REMOTE,
  OPT_BENCH_FORMAT
};

#define OWN(flag, letter, kind, id, argument, help)                                                                            \
  {                                                                                                                            \
    flag, letter, kind, id, NULL, NULL, NULL, LOAD, argument, help                                                             \
  }

static const CliOption rows[] = {
  OWN ("messages", 'm', CLI_VALUE, OPT_MESSAGES, "NUMBER", "messages to send; default 1000, with --duration no limit"),
  { "connections", 'c', CLI_VALUE, OPT_LIBRARY, "connections", NULL, NULL, LOAD, "NUMBER",
    "connections at the same time; default 1" },
  OWN ("size", 0, CLI_VALUE, OPT_SIZE, "OCTETS,...", "size of the messages, in turn; k and M are understood; default 1k"),
  OWN ("ahead", 0, CLI_VALUE, OPT_AHEAD, "NUMBER",
       "messages handed over without an answer, for each connection; default 1, 2 or 200 with pipelining off, auto or window"),
  OWN ("rate", 0, CLI_VALUE, OPT_RATE, "NUMBER", "messages a second, evenly spaced; default: as fast as it goes"),
  OWN ("duration", 0, CLI_VALUE, OPT_DURATION, "SECONDS", "stop after this time"),
  OWN ("warm-up", 0, CLI_VALUE, OPT_WARM_UP, "NUMBER",
       "messages before the clock starts; default 10 for each connection, at most 100 in all; 0 counts connecting, too"),
  OWN ("reconnect", 0, CLI_BOOLEAN, OPT_RECONNECT, NULL, "a connection of its own for each message"),
  OWN ("by", 0, CLI_VALUE, OPT_BY, "transport|auth",
       "a table: one row for each transport the server may be reached by, or for each mechanism (with --reconnect)"),
  OWN ("allow-remote", 0, CLI_FLAG, OPT_ALLOW_REMOTE, NULL, "send to a server that is not on this machine; it has to be yours"),
};

static const CliOption output_rows[] = {
  { "format", 'o', CLI_VALUE, OPT_BENCH_FORMAT, NULL, NULL, NULL, "Output", "human|json|csv",
    "how results are written to standard output" },
};

/* Of send's options: those that compose, and those that speak of a single message. */
static const char *const not_ours[]
    = { "format", "subject",    "body",       "attach",          "attach-type", "attach-name",
        "data",   "dry-run",    "dump-mail",  "allow-partial",   "connections", "messages-per-connection",
        "keep",   "header",     "add-header", "bcc-mode",        "empty-bcc",   "cc",
        "bcc",    "quit-after", "drop-after", "drop-after-send", "dump",        "support",
        NULL };

GPtrArray *
options_for_bench (void)
{
  GPtrArray *options = g_ptr_array_new ();
  g_autoptr (GPtrArray) send = options_for_send ();

  for (guint i = 0; i < G_N_ELEMENTS (output_rows); i++)
    g_ptr_array_add (options, (gpointer) &output_rows[i]);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    g_ptr_array_add (options, (gpointer) &rows[i]);
  for (guint i = 0; i < send->len; i++)
    if (!g_strv_contains (not_ours, ((const CliOption *) send->pdata[i])->name))
      g_ptr_array_add (options, send->pdata[i]);
  return options;
}

static void
print_help (GPtrArray *options)
{
  puts ("Usage: smtp-tool bench --server=HOST[:PORT] [OPTION]...\n"
        "Send many messages to a server of your own, and tell how many a second it takes,\n"
        "how long each waits, and what that costs here.\n"
        "\n"
        "The messages are made up and go from and to bench@bench.invalid, unless --from and\n"
        "--to say otherwise.  A server that is not on this machine is refused, unless\n"
        "--allow-remote says that you may load it.  smtp-tool sink is one to begin with.");
  options_print_help (options);
  puts ("\nExit status: 0 when every message was sent; else as of smtp-tool send, by the first\n"
        "message that was not.  With --by it is 0 when any row could be measured.");
}

/* ---- numbers ---- */

static gboolean
fail (GError **error, const CliSetting *setting, const char *wish)
{
  g_autofree char *shown = text_escape (setting->value != NULL ? setting->value : "");

  g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--%s: '%s' is not %s", setting->option->name, shown, wish);
  return FALSE;
}

static gboolean
read_count (const CliLine *line, int id, guint64 least, guint64 most, guint64 *ret_number, GError **error)
{
  const CliSetting *setting = cli_last (line, id);
  g_autofree char *wish = NULL;

  if (setting == NULL || setting->negated || g_ascii_string_to_unsigned (setting->value, 10, least, most, ret_number, NULL))
    return TRUE;
  wish = g_strdup_printf ("a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT, least, most);
  return fail (error, setting, wish);
}

static gboolean
read_decimal (const CliLine *line, int id, double most, double *ret_number, GError **error)
{
  const CliSetting *setting = cli_last (line, id);
  char *end = NULL;

  if (setting == NULL || setting->negated)
    return TRUE;
  const double number = g_ascii_strtod (setting->value, &end);
  if (end == setting->value || *end != '\0' || !(number > 0) || number > most)
    {
      g_autofree char *wish = g_strdup_printf ("a number above 0, and at most %.0f", most);
      return fail (error, setting, wish);
    }
  *ret_number = number;
  return TRUE;
}

static gboolean
read_sizes (const CliLine *line, GArray *sizes, GError **error)
{
  const CliSetting *setting = cli_last (line, OPT_SIZE);
  g_auto (GStrv) words = g_strsplit (setting != NULL && !setting->negated ? setting->value : "1k", ",", -1);

  for (guint i = 0; words[i] != NULL; i++)
    {
      char *word = g_strstrip (words[i]);
      const gsize length = strlen (word);
      const char last = length > 0 ? word[length - 1] : '\0';
      const guint64 unit = last == 'k' || last == 'K' ? 1024 : last == 'M' ? 1024 * 1024 : 1;
      guint64 number;

      if (unit > 1)
        word[length - 1] = '\0';
      if (!g_ascii_string_to_unsigned (word, 10, 1, G_MAXINT32 / unit, &number, NULL) || number * unit < 256
          || number * unit > 1024 * 1024 * 1024)
        return fail (error, setting, "a list of sizes from 256 octets to 1024M");
      const gsize size = (gsize) (number * unit);
      g_array_append_val (sizes, size);
    }
  return TRUE;
}

static guint
default_ahead (VeredaOptions *options)
{
  const char *level = vereda_options_get (options, "pipelining");

  return g_strcmp0 (level, "off") == 0 ? 1 : g_strcmp0 (level, "window") == 0 ? 200 : 2;
}

static gboolean
read_settings (const CliLine *line, const Plan *plan, BenchSettings *settings, GError **error)
{
  guint64 ahead = default_ahead (plan->options);
  const char *connections = vereda_options_get (plan->options, "connections");

  settings->connections = connections != NULL ? (guint) g_ascii_strtoull (connections, NULL, 10) : 1;
  settings->warm_up = MIN (10 * (guint64) settings->connections, 100);
  if (!read_decimal (line, OPT_DURATION, 86400, &settings->duration, error)
      || !read_decimal (line, OPT_RATE, 10000000, &settings->rate, error))
    return FALSE;
  settings->messages = settings->duration > 0 ? 0 : 1000;
  if (!read_count (line, OPT_MESSAGES, 1, G_GUINT64_CONSTANT (1000000000000), &settings->messages, error)
      || !read_count (line, OPT_WARM_UP, 0, 1000000, &settings->warm_up, error)
      || !read_count (line, OPT_AHEAD, 1, 100000, &ahead, error) || !read_sizes (line, settings->sizes, error))
    return FALSE;
  settings->ahead = (guint) ahead;
  return TRUE;
}

/* ---- whom it may load ---- */

/* Of one element of option servers: the host without scheme, brackets and port; NULL for a socket in the file system. */
static char *
host_of (const char *server)
{
  const char *scheme = strstr (server, "://");
  const char *at = scheme != NULL ? scheme + 3 : server;

  if (g_str_has_prefix (server, "unix:") || g_str_has_prefix (server, "lmtp:unix:"))
    return NULL;
  if (*at == '[')
    return g_strndup (at + 1, strcspn (at + 1, "]"));
  /* more than one colon: an IPv6 address without brackets */
  const char *colon = strchr (at, ':');
  if (colon != NULL && strchr (colon + 1, ':') != NULL)
    return g_strdup (at);
  return g_strndup (at, strcspn (at, ":/"));
}

/* By what is written, not by what a look-up says now: a name may mean another machine at the next one.  RFC 6761 section 6.3 gives
 * localhost and what is below it to this machine. */
static gboolean
is_here (const char *host)
{
  struct in_addr v4;
  struct in6_addr v6;
  g_autofree char *name = g_ascii_strdown (host, -1);

  if (inet_pton (AF_INET, host, &v4) == 1)
    return (ntohl (v4.s_addr) >> 24) == 127;
  if (inet_pton (AF_INET6, host, &v6) == 1)
    return IN6_IS_ADDR_LOOPBACK (&v6) || (IN6_IS_ADDR_V4MAPPED (&v6) && v6.s6_addr[12] == 127);
  if (g_str_has_suffix (name, "."))
    name[strlen (name) - 1] = '\0';
  return strcmp (name, "localhost") == 0 || g_str_has_suffix (name, ".localhost");
}

static gboolean
check_servers (const CliLine *line, const Plan *plan, GError **error)
{
  const CliSetting *allowed = cli_last (line, OPT_ALLOW_REMOTE);

  if (!vereda_options_is_set (plan->options, "servers"))
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE,
                   "no --server given; the one on port 25 of this machine may deliver what it gets");
      return FALSE;
    }
  if (allowed != NULL && !allowed->negated)
    return TRUE;
  g_auto (GStrv) servers = g_strsplit (vereda_options_get (plan->options, "servers"), ",", -1);
  for (guint i = 0; servers[i] != NULL; i++)
    {
      g_autofree char *host = host_of (g_strstrip (servers[i]));

      if (host == NULL || is_here (host))
        continue;
      g_autofree char *shown = text_escape (host);
      g_set_error (
          error, TOOL_ERROR, TOOL_ERROR_USAGE,
          "'%s' is not this machine: bench loads a server as much as it can; --allow-remote says that you may do that to it",
          shown);
      return FALSE;
    }
  return TRUE;
}

/* ---- cases ---- */

static void
case_free (gpointer data)
{
  BenchCase *one = data;

  g_free (one->name);
  vereda_options_free (one->options);
  g_free (one);
}

static BenchCase *
add_case (GPtrArray *cases, const char *name, VeredaOptions *options)
{
  BenchCase *one = g_new0 (BenchCase, 1);

  one->name = g_strdup (name);
  one->options = vereda_options_copy (options);
  g_ptr_array_add (cases, one);
  return one;
}

static gboolean
is_implicit (VeredaOptions *options)
{
  const char *servers = vereda_options_get (options, "servers");
  const char *ports = vereda_options_get (options, "ports");
  g_autofree char *first = g_strndup (servers, strcspn (servers, ","));

  return g_strcmp0 (vereda_options_get (options, "tls"), "implicit") == 0 || g_str_has_prefix (first, "smtps:")
         || g_str_has_prefix (first, "submissions:") || g_str_has_suffix (first, ":465") || g_strcmp0 (ports, "465") == 0;
}

/* A port speaks TLS from the first octet or not at all, so that it is reached by the one kind or by the others. */
static gboolean
add_transport (GPtrArray *cases, VeredaRegistryEntry *entry, VeredaOptions *options, GError **error)
{
  const char *mode = vereda_registry_entry_get_mode (entry);
  const char *name = vereda_registry_entry_get_name (entry);
  const gboolean plain = g_strcmp0 (mode, "plain") == 0 || mode == NULL;

  if ((g_strcmp0 (mode, "implicit") == 0) != is_implicit (options))
    return TRUE;
  BenchCase *one = add_case (cases, name, options);
  return vereda_options_set (one->options, "tls", plain ? "never" : mode, error)
         && (plain || vereda_options_set (one->options, "transport", name, error));
}

static gboolean
has_case (GPtrArray *cases, const char *name)
{
  for (guint i = 0; i < cases->len; i++)
    if (g_ascii_strcasecmp (((const BenchCase *) cases->pdata[i])->name, name) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
add_mechanism (GPtrArray *cases, VeredaRegistryEntry *entry, VeredaOptions *options, GError **error)
{
  const char *name = vereda_registry_entry_get_name (entry);

  return has_case (cases, name) || vereda_options_set (add_case (cases, name, options)->options, "auth", name, error);
}

static gboolean
make_cases (GPtrArray *cases, BenchTable table, VeredaOptions *options, GError **error)
{
  VeredaRegistry *registry = vereda_registry_get_default ();
  const VeredaEntryKind kind = table == BENCH_BY_AUTH ? VEREDA_ENTRY_MECHANISM : VEREDA_ENTRY_TRANSPORT;
  gboolean fine = TRUE;

  if (table == BENCH_ONE)
    add_case (cases, NULL, options);
  for (guint i = 0; fine && table != BENCH_ONE && i < vereda_registry_get_n_entries (registry); i++)
    {
      VeredaRegistryEntry *entry = vereda_registry_get_entry (registry, i);

      if (vereda_registry_entry_get_kind (entry) != kind || vereda_registry_entry_get_state (entry) != VEREDA_ENTRY_OK)
        continue;
      fine = table == BENCH_BY_AUTH ? add_mechanism (cases, entry, options, error)
                                    : add_transport (cases, entry, options, error);
    }
  return fine;
}

/* ---- the whole ---- */

typedef struct
{
  Plan *plan;
  BenchSettings settings;
  BenchReport report;
  BenchRunner *runner;
  gint signal_number; /* atomic */
} Bench;

static void
on_interrupt (int signal_number, gpointer data)
{
  Bench *bench = data;

  if (!g_atomic_int_compare_and_exchange (&bench->signal_number, 0, signal_number))
    _exit (128 + signal_number); /* whoever asks twice will not wait for verdicts */
  bench_runner_cancel (bench->runner);
}

static gboolean
prepare (Bench *bench, const CliLine *line, GError **error)
{
  static const char *const tables[] = { "", "transport", "auth", NULL };
  VeredaOptions *options = bench->plan->options;
  gboolean reconnect = FALSE;
  guint table = BENCH_ONE;

  if (line->operands->len > 0)
    {
      g_autofree char *shown = text_escape (line->operands->pdata[0]);
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "bench makes its messages itself: '%s' is one argument too many",
                   shown);
      return FALSE;
    }
  if (!plan_read_options (bench->plan, line, error) || !check_servers (line, bench->plan, error)
      || !read_settings (line, bench->plan, &bench->settings, error) || !plan_read_word (line, OPT_BY, tables, &table, error)
      || !options_boolean (cli_last (line, OPT_RECONNECT), &reconnect, error))
    return FALSE;
  if ((reconnect || table == BENCH_BY_AUTH) && !vereda_options_set (options, "messages-per-connection", "1", error))
    return FALSE;
  if (!vereda_options_is_set (options, "originator")
      && !vereda_options_set (options, "originator", "bench@bench.invalid", error))
    return FALSE;
  if (!vereda_options_is_set (options, "recipients")
      && !vereda_options_set (options, "recipients", "bench@bench.invalid", error))
    return FALSE;
  bench->report.table = (BenchTable) table;
  if (table == BENCH_BY_AUTH && !bench->plan->wants_auth && !vereda_options_is_set (options, "cert-file"))
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--by=auth: give --user and a password");
      return FALSE;
    }
  return make_cases (bench->report.cases, bench->report.table, options, error);
}

static void
run (Bench *bench)
{
  const Plan *plan = bench->plan;

  bench->runner = bench_runner_new (&bench->settings, !plan->quiet && isatty (STDERR_FILENO));
  interrupt_begin (on_interrupt, bench);
  for (guint i = 0; i < bench->report.cases->len && g_atomic_int_get (&bench->signal_number) == 0; i++)
    g_ptr_array_add (bench->report.rows, bench_runner_run (bench->runner, bench->report.cases->pdata[i]));
  interrupt_end ();
  bench_runner_free (bench->runner);
}

/* Of one measurement its error; of a table it is enough that something was measured, and otherwise what a server said to it counts more
 * than what was not even tried. */
static ExitStatus
status_of (const Bench *bench, const GError *fatal)
{
  const BenchFigures *failed = NULL;
  gboolean any = FALSE;

  if (fatal != NULL)
    return exit_of_error (fatal);
  if (bench->signal_number != 0)
    return EXIT_INTERRUPTED;
  for (guint i = 0; i < bench->report.rows->len; i++)
    {
      const BenchFigures *figures = bench->report.rows->pdata[i];

      any = any || (figures->sent > 0 && figures->error == NULL);
      if (figures->error != NULL && (failed == NULL || (figures->asked && !failed->asked)))
        failed = figures;
    }
  return failed == NULL || (any && bench->report.table != BENCH_ONE) ? EXIT_OK : exit_of_error (failed->error);
}

static int
finish (Bench *bench, const GError *fatal)
{
  const ExitStatus status = status_of (bench, fatal);
  const int number
      = status == EXIT_INTERRUPTED ? 128 + bench->signal_number : exit_number (status, FALSE, bench->plan->sysexits);

  bench->report.settings = &bench->settings;
  bench->report.server = vereda_options_get (bench->plan->options, "servers");
  bench->report.pipelining = vereda_options_get (bench->plan->options, "pipelining");
  bench->report.warnings = bench->plan->warnings;
  bench_report (&bench->report, fatal, status, number);
  g_ptr_array_unref (bench->report.cases);
  g_ptr_array_unref (bench->report.rows);
  g_array_unref (bench->settings.sizes);
  return number;
}

int
bench_main (int argc, char **argv)
{
  static const char *const formats[] = { "human", "json", "csv", NULL };
  g_autoptr (GPtrArray) options = options_for_bench ();
  g_autoptr (CliLine) line = cli_parse (options, argc, argv);
  g_autoptr (Plan) plan = plan_new ();
  g_autoptr (GError) error = NULL;
  Bench bench = { .plan = plan };
  guint format = BENCH_HUMAN;

  if (begin_answers (line, options, print_help))
    return 0;
  signal (SIGPIPE, SIG_IGN);
  bench.settings.sizes = g_array_new (FALSE, FALSE, sizeof (gsize));
  bench.report.cases = g_ptr_array_new_with_free_func (case_free);
  bench.report.rows = g_ptr_array_new_with_free_func ((GDestroyNotify) bench_figures_free);
  const gboolean read = begin_reading (plan, line, options, &error);
  const gboolean formed = plan_read_word (line, OPT_BENCH_FORMAT, formats, &format, read ? &error : NULL);
  bench.report.format = (BenchFormat) format;
  const gboolean ready = read && formed && prepare (&bench, line, &error);
  options_hide_secrets (line);
  if (ready)
    run (&bench);
  return finish (&bench, error);
}
