/* SPDX-License-Identifier: MIT */
/* probe-command - see probe-command.h. */
#include "probe-command.h"
#include "begin.h"
#include "config.h"
#include "domain.h"
#include "options.h"
#include "probe-expect.h"
#include "probe-report.h"
#include "text.h"
#include "tool.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* ---- reading ---- */

const char *
command_value (const Command *command, int id)
{
  return cli_value (command->line, id);
}

gboolean
command_has (const Command *command, int id)
{
  return cli_given (command->line, id);
}

static gboolean
read_point (Command *command, int id, GError **error)
{
  static const char *const words[] = { "CONNECT", "BANNER", "FIRST-EHLO", "TLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA" };
  const gboolean drops = id == OPT_DROP_AFTER || id == OPT_DROP_AFTER_SEND;
  const char *value = command_value (command, id);
  g_autofree char *upper = value != NULL ? g_ascii_strup (value, -1) : NULL;

  if (value == NULL)
    return TRUE;
  if (g_str_has_suffix (upper, "HELO")) /* swaks' other words for it */
    memcpy (upper + strlen (upper) - 4, "EHLO", 4);
  for (guint i = 0; i < G_N_ELEMENTS (words) - (drops ? 0 : 1); i++)
    if (strcmp (upper, words[i]) == 0)
      {
        command->point = (VeredaProbePoint) (i + 1);
        command->drop = drops;
        command->drop_sent = id == OPT_DROP_AFTER_SEND;
        return TRUE;
      }
  g_autofree char *shown = text_escape (value);
  g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--%s: '%s' is not one of %s", cli_last (command->line, id)->option->name,
               shown, drops ? PROBE_DROPS : PROBE_POINTS);
  return FALSE;
}

/* One of them. */
static gboolean
read_points (Command *command, GError **error)
{
  const int ids[] = { OPT_QUIT_AFTER, OPT_DROP_AFTER, OPT_DROP_AFTER_SEND, OPT_UNTIL };
  guint count = 0;

  for (guint i = 0; i < G_N_ELEMENTS (ids); i++)
    {
      count += command_value (command, ids[i]) != NULL ? 1 : 0;
      if (!read_point (command, ids[i], error))
        return FALSE;
    }
  if (count > 1)
    g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--quit-after, --drop-after, --drop-after-send: give one of them");
  return count <= 1;
}

static gboolean
read_days (Command *command, GError **error)
{
  const char *value = command_value (command, OPT_CERT_DAYS);
  guint64 warn = 0, bad = 0;

  if (value == NULL)
    return TRUE;
  g_auto (GStrv) parts = g_strsplit (value, ",", 3);
  const guint n = g_strv_length (parts);
  const gboolean fine = (n == 1 || n == 2) && g_ascii_string_to_unsigned (parts[0], 10, 0, 36500, &warn, NULL)
                        && (n == 1 || g_ascii_string_to_unsigned (parts[1], 10, 0, warn, &bad, NULL));
  if (!fine)
    {
      g_autofree char *shown = text_escape (value);
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE,
                   "--cert-days: '%s' is not WARN or WARN,ERROR in days, the second not above the first", shown);
      return FALSE;
    }
  command->warn_days = (gint64) warn;
  command->error_days = n == 2 ? (gint64) bad : MIN (command->error_days, (gint64) warn);
  return TRUE;
}

static gboolean
read_fail_on (Command *command, GError **error)
{
  static const char *const words[] = { "note", "warn", "error" };
  const char *value = command_value (command, OPT_FAIL_ON);

  if (value == NULL)
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (strcmp (value, words[i]) == 0)
      {
        command->fail_on = (int) i;
        return TRUE;
      }
  g_autofree char *shown = text_escape (value);
  g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--fail-on: '%s' is not one of error|warn|note", shown);
  return FALSE;
}

static gboolean
read_expect (Command *command, GError **error)
{
  for (guint i = 0; i < command->line->settings->len; i++)
    {
      const CliSetting *setting = &g_array_index (command->line->settings, CliSetting, i);

      if (setting->option->id != OPT_EXPECT)
        continue;
      if (setting->negated)
        g_ptr_array_set_size (command->expect, 0);
      else if (!expect_check (setting->value, error))
        return FALSE;
      else
        g_ptr_array_add (command->expect, (gpointer) setting->value);
    }
  return TRUE;
}

static gboolean
read_print (Command *command, GError **error)
{
  const char *value = command_value (command, OPT_PRINT);

  if (value != NULL && strspn (value, "smceaf") != strlen (value))
    {
      g_autofree char *shown = text_escape (value);
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--print: '%s' holds a letter that is none of s m c e a f", shown);
      return FALSE;
    }
  command->print = value;
  return TRUE;
}

static const CliOption *
option_named (const Command *command, const char *name)
{
  for (guint i = 0; i < command->options->len; i++)
    if (strcmp (((const CliOption *) command->options->pdata[i])->name, name) == 0)
      return command->options->pdata[i];
  return NULL;
}

static gboolean
names_server (const CliLine *line)
{
  for (guint i = 0; i < line->settings->len; i++)
    {
      const CliSetting *setting = &g_array_index (line->settings, CliSetting, i);

      if (g_strcmp0 (setting->option->library, "servers") == 0 && !setting->negated)
        return TRUE;
    }
  return FALSE;
}

/* Its servers are not known before the resolver was asked. */
static gboolean
read_domain (Command *command, const char *target, GError **error)
{
  if (command->info->kind != COMMAND_PROBE)
    {
      g_autofree char *shown = text_escape (target);
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "'%s': a domain is a target of probe only", shown);
      return FALSE;
    }
  command->target = target;
  command->is_domain = TRUE;
  return config_underlay (command->line, command->options, error);
}

/* Nobody reads them, but a server that was meant must not be passed over. */
static gboolean
check_files (const CliLine *line, GError **error)
{
  for (guint i = 0; i < line->operands->len; i++)
    {
      const char *file = line->operands->pdata[i];

      if (strcmp (file, "-") == 0 || g_file_test (file, G_FILE_TEST_EXISTS))
        continue;
      g_autofree char *shown = text_escape (file);
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "'%s' is no file; a server is --server=%s, or probe %s", shown, shown,
                   shown);
      return FALSE;
    }
  return TRUE;
}

/* The operand is another way to write --server, before anything else is put under the command line: what a file says about the password of
 * one server is not for another. */
static gboolean
read_target (Command *command, GError **error)
{
  const guint n = command->line->operands->len, verbs = command->info->verbs;
  CliSetting setting = { .option = option_named (command, "server") };

  if (command->info->kind == COMMAND_SEND)
    return check_files (command->line, error) && config_underlay (command->line, command->options, error);
  if (n > verbs + 1)
    {
      g_autofree char *shown = text_escape (command->line->operands->pdata[verbs + 1]);
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "'%s': one target at a time", shown);
      return FALSE;
    }
  if (n <= verbs && command_has (command, OPT_COPY_ROUTING) && !names_server (command->line))
    {
      command->routed = g_strconcat ("mx:", command_value (command, OPT_COPY_ROUTING), NULL);
      return read_domain (command, command->routed, error);
    }
  if (n <= verbs)
    return config_underlay (command->line, command->options, error);
  if (names_server (command->line))
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--server and a target: give one of them");
      return FALSE;
    }
  setting.value = command->line->operands->pdata[verbs];
  if (domain_is_target (setting.value))
    return read_domain (command, setting.value, error);
  g_array_append_val (command->line->settings, setting);
  return config_underlay (command->line, command->options, error);
}

/* What is only of use together, and what is not. */
static gboolean
read_checks (Command *command, GError **error)
{
  VeredaOptions *options = command->plan->options;
  const gboolean sts = command_has (command, OPT_MTA_STS) || command_has (command, OPT_MTA_STS_POLICY);

  if (command_has (command, OPT_DANE) && (vereda_options_is_set (options, "tlsa") || vereda_options_is_set (options, "pins")))
    g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--dane and --tlsa or --pin: the key is known in one way only");
  else if (sts && (!command->is_domain || g_ascii_tolower (*command->target) != 'm'))
    g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--mta-sts: a policy is one of a domain, mx:DOMAIN");
  else
    return TRUE;
  return FALSE;
}

static gboolean
read_all (Command *command, GError **error)
{
  Plan *plan = command->plan;

  if (!options_set_all_timeouts (plan->options, "10", error) || !plan_read_options (plan, command->line, error))
    return FALSE;
  if (!command->is_domain && !vereda_options_is_set (plan->options, "servers"))
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "no target: which server?");
      return FALSE;
    }
  if (!command->is_domain)
    command->target = vereda_options_get (plan->options, "servers");
  if (!read_points (command, error))
    return FALSE;
  if (command->info->kind == COMMAND_SESSION && (command->point < VEREDA_PROBE_GREETING || command->point > VEREDA_PROBE_AUTH))
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--until: one of BANNER|FIRST-EHLO|TLS|EHLO|AUTH");
      return FALSE;
    }
  if (command->point >= VEREDA_PROBE_RCPT && !vereda_options_is_set (plan->options, "recipients"))
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "%s is asked for and nobody is named: --to=ADDRESS",
                   command->point == VEREDA_PROBE_RCPT ? "RCPT" : "DATA");
      return FALSE;
    }
  return read_checks (command, error) && read_days (command, error) && read_fail_on (command, error)
         && read_expect (command, error) && read_print (command, error);
}

static void
print_help (const Command *command)
{
  puts (command->info->usage);
  options_print_help (command->options);
  if (command->info->after != NULL)
    printf ("\n%s\n", command->info->after);
}

Command *
command_new (const CommandInfo *info, int argc, char **argv)
{
  Command *command = g_new0 (Command, 1);

  signal (SIGPIPE, SIG_IGN);
  command->info = info;
  command->options = options_for_look (info->kind);
  command->line = cli_parse (command->options, argc, argv);
  command->plan = plan_new ();
  command->expect = g_ptr_array_new ();
  command->point = info->kind == COMMAND_SESSION ? VEREDA_PROBE_GREETING : VEREDA_PROBE_AUTH;
  command->fail_on = -1;
  command->warn_days = 21;
  command->error_days = 7;
  if (cli_last (command->line, OPT_HELP) != NULL || cli_last (command->line, OPT_VERSION) != NULL)
    {
      command->done = TRUE;
      if (cli_last (command->line, OPT_HELP) != NULL)
        print_help (command);
      else
        tool_print_version ();
      return command;
    }
  if (command->line->error == NULL)
    (void) read_target (command, &command->line->error);
  if (begin_reading (command->plan, command->line, NULL, &command->error))
    (void) read_all (command, &command->error);
  options_hide_secrets (command->line);
  return command;
}

void
command_free (Command *command)
{
  if (command == NULL)
    return;
  g_clear_error (&command->error);
  g_free (command->routed);
  g_ptr_array_unref (command->expect);
  plan_free (command->plan);
  cli_line_free (command->line);
  g_ptr_array_unref (command->options);
  g_free (command);
}

/* Of --timeout, for one question. */
static guint
patience (const Command *command)
{
  const char *seconds = vereda_options_get (command->plan->options, "connect-timeout");
  const gdouble value = seconds != NULL ? g_ascii_strtod (seconds, NULL) : 0;

  return value >= 1 ? (guint) value : 1;
}

Dns *
command_dns (Command *command)
{
  return dns_new (command_value (command, OPT_RESOLVER), command_value (command, OPT_TRUST_ANCHOR), patience (command),
                  &command->error);
}

/* ---- the end ---- */

Look *
command_look (const Command *command)
{
  Look *look = look_new (command->target);

  look->warn_days = command->warn_days;
  look->error_days = command->error_days;
  look->drop_sent = command->drop_sent;
  return look;
}

ExitStatus
command_judge (const Command *command, const Look *look, json_t *document, GPtrArray *ret_failed)
{
  ExitStatus status = look_status (look);

  for (guint i = 0; i < command->expect->len; i++)
    {
      g_autofree char *why = expect_failed (document, command->expect->pdata[i]);

      if (why != NULL)
        g_ptr_array_add (ret_failed, g_steal_pointer (&why));
    }
  for (guint i = 0; command->fail_on >= 0 && i < look->findings->len; i++)
    {
      const Finding *finding = look->findings->pdata[i];

      if ((int) finding->severity >= command->fail_on)
        g_ptr_array_add (ret_failed,
                         g_strdup_printf ("--fail-on=%s: %s", finding_severity_word ((FindingSeverity) command->fail_on),
                                          finding->info->id));
    }
  return status == EXIT_OK && ret_failed->len > 0 ? EXIT_EXPECT : status;
}

Outcome
command_outcome (const Command *command, ExitStatus status, gboolean transient)
{
  const gboolean retryable = status != EXIT_OK && transient;

  return (Outcome){ status, retryable, exit_number (status, retryable, command->plan->sysexits) };
}

void
command_print_json (json_t *document, GPtrArray *failed, const Outcome *outcome)
{
  json_t *array = json_array ();

  for (guint i = 0; i < failed->len; i++)
    {
      g_autofree char *shown = text_escape (failed->pdata[i]);
      json_array_append_new (array, report_string (shown));
    }
  json_object_set_new (document, "unmet", array);
  json_object_set_new (document, "exit", report_exit (outcome));
  (void) report_print (document);
}

void
command_complain (const Command *command, const Look *look, GPtrArray *failed)
{
  (void) fflush (stdout);
  for (guint i = 0; i < command->plan->warnings->len && !command->plan->quiet; i++)
    report_problem (NULL, command->plan->warnings->pdata[i], NULL);
  if (look->error != NULL)
    look_human_error (look);
  for (guint i = 0; i < failed->len; i++)
    {
      g_autofree char *shown = text_one_line (failed->pdata[i]);
      report_problem (NULL, shown, NULL);
    }
}

int
command_fail (const Command *command)
{
  static const char *const usage[] = { "smtp-tool help probe", NULL };
  const gboolean is_usage = g_error_matches (command->error, TOOL_ERROR, TOOL_ERROR_USAGE);
  const Outcome outcome = command_outcome (command, exit_of_error (command->error), FALSE);

  if (command->plan->format == FORMAT_JSON)
    (void) report_print (json_pack ("{s:s, s:o, s:o}", "schema", "smtp-tool/error/1", "exit", report_exit (&outcome), "error",
                                    report_error (command->error, is_usage ? usage : NULL)));
  else
    {
      g_autofree char *text = text_one_line (command->error->message);
      report_problem (NULL, text, is_usage ? usage : NULL);
    }
  return outcome.number;
}
