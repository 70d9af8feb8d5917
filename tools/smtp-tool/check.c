/* SPDX-License-Identifier: MIT */
/* check - `smtp-tool check TARGET`: a probe for monitoring: one line with performance data, or metrics for Prometheus.
 *
 * The exit status is a monitoring plugin's, 0 to 3, in every format. */
#include "check-range.h"
#include "probe-cert.h"
#include "probe-report.h"
#include "text.h"
#include "tool.h"

#include <stdio.h>
#include <string.h>

static const CommandInfo info
    = { "Usage: smtp-tool check [OPTION]... TARGET\n"
        "A probe for monitoring: one line with performance data, exit status 0 to 3.  With --user it logs in.\n"
        "\n"
        "-w and -c take ranges as monitoring plugins do (10, 10:, ~:10, 10:20, @10:20) for the total time in\n"
        "seconds; --cert-days the days below which a certificate is a warning and critical.",
        "Exit status: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.", COMMAND_CHECK, 0 };

typedef enum
{
  STATE_OK,
  STATE_WARNING,
  STATE_CRITICAL,
  STATE_UNKNOWN
} State;

static const char *const state_words[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

typedef enum
{
  CHECK_NAGIOS,
  CHECK_PROMETHEUS,
  CHECK_JSON
} CheckFormat;

typedef struct
{
  Command *command;
  Look *look;
  CheckFormat format;
  const char *warning, *critical; /* as given; NULL: none */
  Range warn, bad;
  gboolean expect_refused;
  State state;
  GString *text;
} Check;

/* ---- judging ---- */

static double
total_seconds (const Check *check)
{
  return (double) vereda_probe_get_elapsed (check->look->probe) / G_USEC_PER_SEC;
}

static void G_GNUC_PRINTF (3, 4) raise_to (Check *check, State state, const char *format, ...)
{
  va_list args;

  check->state = MAX (check->state, state);
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_string_append_printf (check->text, "%s%s", check->text->len > 0 ? ", " : "", text);
}

static void
judge_error (Check *check)
{
  const GError *error = check->look->error;

  if (check->expect_refused && g_error_matches (error, VEREDA_ERROR, VEREDA_ERROR_AUTH)
      && look_stage (check->look, VEREDA_STAGE_AUTH, -1) != NULL)
    return;
  if (error == NULL)
    return;
  const Finding *worst = check->look->findings->len > 0 ? check->look->findings->pdata[0] : NULL;
  const gboolean local = g_error_matches (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN)
                         || g_error_matches (error, VEREDA_ERROR, VEREDA_ERROR_OPTION) || error->domain == TOOL_ERROR;
  raise_to (check, local ? STATE_UNKNOWN : STATE_CRITICAL, "%s%s%s%s", error->message, worst != NULL ? " [" : "",
            worst != NULL ? worst->info->id : "", worst != NULL ? "]" : "");
}

static void
judge_findings (Check *check)
{
  for (guint i = 0; i < check->look->findings->len; i++)
    {
      const Finding *finding = check->look->findings->pdata[i];
      const gboolean soon = strcmp (finding->info->id, "cert-expires-soon") == 0;

      if (soon)
        raise_to (check, finding->severity == FINDING_ERROR ? STATE_CRITICAL : STATE_WARNING, "certificate expires: %s",
                  finding->text);
      else if (strcmp (finding->info->id, "cert-not-verified") == 0)
        raise_to (check, STATE_WARNING, "%s", finding->text);
    }
}

static void
judge (Check *check)
{
  const char *authenticated = vereda_probe_get_authenticated (check->look->probe);

  judge_error (check);
  judge_findings (check);
  if (check->critical != NULL && range_alerts (&check->bad, total_seconds (check)))
    raise_to (check, STATE_CRITICAL, "took %.3f s", total_seconds (check));
  else if (check->warning != NULL && range_alerts (&check->warn, total_seconds (check)))
    raise_to (check, STATE_WARNING, "took %.3f s", total_seconds (check));
  if (check->expect_refused && authenticated != NULL)
    raise_to (check, STATE_CRITICAL, "the credentials were accepted, which was not expected");
}

/* ---- one line ---- */

static void
append_summary (const Check *check, GString *text)
{
  VeredaProbe *probe = check->look->probe;
  const char *version = look_tls_word (vereda_probe_get_tls_version (probe)), *mode = vereda_probe_get_mode (probe);
  const char *authenticated = vereda_probe_get_authenticated (probe);
  const Cert *leaf = check->look->certs->len > 0 ? check->look->certs->pdata[0] : NULL;

  if (vereda_probe_has_tls (probe))
    g_string_append_printf (text, " %s %s", strcmp (mode, "starttls") == 0 ? "STARTTLS" : "TLS",
                            version != NULL ? version : "");
  else
    g_string_append (text, " no TLS");
  if (leaf != NULL && leaf->subject != NULL)
    g_string_append_printf (text, ", cert %" G_GINT64_FORMAT " d", cert_days_left (leaf));
  if (authenticated != NULL)
    g_string_append_printf (text, ", auth %s ok", authenticated);
  else if (check->expect_refused && check->state == STATE_OK)
    g_string_append (text, ", auth refused as expected");
}

static void
append_perfdata (const Check *check, GString *text)
{
  static const struct
  {
    VeredaStage stage;
    const char *name;
  } stages[] = { { VEREDA_STAGE_CONNECT, "connect" },
                 { VEREDA_STAGE_GREETING, "banner" },
                 { VEREDA_STAGE_TLS, "tls" },
                 { VEREDA_STAGE_AUTH, "auth" } };
  const Cert *leaf = check->look->certs->len > 0 ? check->look->certs->pdata[0] : NULL;

  g_string_append (text, " |");
  for (guint i = 0; i < G_N_ELEMENTS (stages); i++)
    {
      VeredaProbeStage *stage = look_stage (check->look, stages[i].stage, -1);

      if (stage != NULL && vereda_probe_stage_succeeded (stage))
        g_string_append_printf (text, " '%s'=%.6fs;;;0", stages[i].name,
                                (double) vereda_probe_stage_get_duration (stage) / G_USEC_PER_SEC);
    }
  g_string_append_printf (text, " 'total'=%.6fs;%s;%s;0", total_seconds (check), check->warning != NULL ? check->warning : "",
                          check->critical != NULL ? check->critical : "");
  if (leaf != NULL && leaf->subject != NULL)
    g_string_append_printf (text, " 'cert_days'=%" G_GINT64_FORMAT ";%" G_GINT64_FORMAT ":;%" G_GINT64_FORMAT ":;",
                            cert_days_left (leaf), check->look->warn_days, check->look->error_days);
}

/* A bar would begin the performance data. */
static char *
without_bars (const char *text)
{
  return g_strdelimit (text_one_line (text), "|", '/');
}

static void
print_nagios (const Check *check)
{
  g_autoptr (GString) line = g_string_new (NULL);

  if (check->look->probe == NULL)
    {
      g_autofree char *shown = without_bars (check->text->str);
      printf ("SMTP %s - %s\n", state_words[check->state], shown);
      return;
    }
  if (check->state != STATE_OK)
    g_string_append_printf (line, "%s;", check->text->str);
  g_string_append_printf (line, " %s", vereda_probe_get_server (check->look->probe));
  append_summary (check, line);
  g_autofree char *shown = without_bars (g_strchug (line->str));
  g_autoptr (GString) perfdata = g_string_new (NULL);
  append_perfdata (check, perfdata);
  printf ("SMTP %s - %s%s\n", state_words[check->state], shown, perfdata->str);
}

/* ---- Prometheus ---- */

/* Backslash, quote and line end are escaped in label values. */
static char *
label (const char *value)
{
  g_autofree char *shown = text_one_line (value != NULL ? value : "");
  g_autoptr (GString) text = g_string_new (shown);

  g_string_replace (text, "\\", "\\\\", 0);
  g_string_replace (text, "\"", "\\\"", 0);
  return g_strdup (text->str);
}

static void
metric (const char *name, const char *help)
{
  printf ("# HELP smtp_%s %s\n# TYPE smtp_%s gauge\n", name, help, name);
}

static void
print_stage_metrics (const Check *check)
{
  VeredaProbe *probe = check->look->probe;
  const guint n = vereda_probe_get_n_stages (probe);
  guint ehlos = 0;

  metric ("stage_duration_seconds", "Time each stage took.");
  for (guint i = 0; i < n; i++)
    {
      VeredaProbeStage *row = vereda_probe_get_stage (probe, i);
      const VeredaStage stage = vereda_probe_stage_get_stage (row);
      const char *detail = stage == VEREDA_STAGE_AUTH ? vereda_probe_stage_get_detail (row) : NULL;
      g_autofree char *shown = label (detail);
      g_autofree char *name
          = stage == VEREDA_STAGE_EHLO && ehlos++ > 0 ? g_strdup_printf ("ehlo%u", ehlos) : g_strdup (look_stage_word (stage));

      if (vereda_probe_stage_get_connection (row) == 1)
        printf ("smtp_stage_duration_seconds{stage=\"%s\",detail=\"%s\"} %.6f\n", name, shown,
                (double) vereda_probe_stage_get_duration (row) / G_USEC_PER_SEC);
    }
}

static void
print_tls_metrics (const Check *check)
{
  VeredaProbe *probe = check->look->probe;
  const Cert *leaf = check->look->certs->len > 0 ? check->look->certs->pdata[0] : NULL;

  if (!vereda_probe_has_tls (probe))
    return;
  g_autofree char *version = label (look_tls_word (vereda_probe_get_tls_version (probe)));
  g_autofree char *cipher = label (vereda_probe_get_tls_cipher (probe));
  g_autofree char *transport = label (vereda_probe_get_transport (probe));
  g_autofree char *code = label (vereda_probe_get_verify_code (probe));
  metric ("tls_info", "TLS in use.");
  printf ("smtp_tls_info{version=\"%s\",cipher=\"%s\",transport=\"%s\"} 1\n", version, cipher, transport);
  metric ("cert_verified", "Whether chain and name were accepted.");
  printf ("smtp_cert_verified{code=\"%s\"} %d\n", code, vereda_probe_is_verified (probe) ? 1 : 0);
  if (leaf == NULL || leaf->subject == NULL)
    return;
  metric ("cert_not_after_timestamp_seconds", "End of the certificate's validity.");
  printf ("smtp_cert_not_after_timestamp_seconds %" G_GINT64_FORMAT "\n", leaf->not_after);
}

static void
print_prometheus (const Check *check)
{
  static const char *const severities[] = { "note", "warn", "error" };

  metric ("state", "0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.");
  printf ("smtp_state %d\n", (int) check->state);
  metric ("up", "Whether everything that was asked for worked.");
  printf ("smtp_up %d\n", check->look->error == NULL ? 1 : 0);
  if (check->look->probe == NULL)
    return;
  metric ("total_seconds", "Time from beginning to end.");
  printf ("smtp_total_seconds %.6f\n", total_seconds (check));
  print_stage_metrics (check);
  print_tls_metrics (check);
  if (check->command->plan->wants_auth)
    {
      metric ("auth_success", "Whether the credentials were accepted.");
      printf ("smtp_auth_success %d\n", vereda_probe_get_authenticated (check->look->probe) != NULL ? 1 : 0);
    }
  metric ("findings", "Findings by severity.");
  for (guint s = 0; s < G_N_ELEMENTS (severities); s++)
    {
      guint n = 0;

      for (guint i = 0; i < check->look->findings->len; i++)
        n += ((const Finding *) check->look->findings->pdata[i])->severity == (FindingSeverity) s;
      printf ("smtp_findings{severity=\"%s\"} %u\n", severities[s], n);
    }
}

static void
print_json (const Check *check)
{
  json_t *document = look_json (check->look, check->command->plan, "check");

  json_object_set_new (document, "unmet", json_array ());
  json_object_set_new (document, "check",
                       json_pack ("{s:s, s:o}", "state", state_words[check->state], "text", report_string (check->text->str)));
  json_object_set_new (document, "exit",
                       json_pack ("{s:i, s:s, s:b}", "code", (int) check->state, "name", state_words[check->state], "retryable",
                                  look_is_transient (check->look)));
  (void) report_print (document);
}

/* ---- the whole ---- */

static gboolean
read_range (Check *check, int id, const char **ret_text, Range *ret_range, GError **error)
{
  *ret_text = command_value (check->command, id);
  if (*ret_text == NULL || range_parse (*ret_text, ret_range))
    return TRUE;
  g_autofree char *shown = text_escape (*ret_text);
  g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--%s: '%s' is not a range: 10, 10:, ~:10, 10:20 or @10:20",
               cli_last (check->command->line, id)->option->name, shown);
  return FALSE;
}

static gboolean
read_format (Check *check, GError **error)
{
  static const char *const words[] = { "nagios", "prometheus", "json" };
  const char *value = command_value (check->command, OPT_CHECK_FORMAT);

  if (value == NULL || strcmp (value, "human") == 0)
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (strcmp (value, words[i]) == 0)
      {
        check->format = (CheckFormat) i;
        return TRUE;
      }
  g_autofree char *shown = text_escape (value);
  g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--format: '%s' is not one of nagios|prometheus|json", shown);
  return FALSE;
}

static void
run (Check *check)
{
  GError **error = &check->command->error;
  const VeredaProbePoint point = check->command->plan->wants_auth ? VEREDA_PROBE_AUTH : VEREDA_PROBE_EHLO;

  check->expect_refused
      = command_value (check->command, OPT_AUTH_REFUSED) != NULL || cli_last (check->command->line, OPT_AUTH_REFUSED) != NULL;
  if (*error == NULL && read_format (check, error) && read_range (check, OPT_WARNING, &check->warning, &check->warn, error)
      && read_range (check, OPT_CRITICAL, &check->critical, &check->bad, error) && check->expect_refused
      && !check->command->plan->wants_auth)
    g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--expect-auth-refused: --user is missing");
  if (*error == NULL)
    look_run (check->look, check->command->plan, point, FALSE);
  else
    check->look->error = g_error_copy (*error);
  if (check->look->probe != NULL)
    judge (check);
  else
    raise_to (check, STATE_UNKNOWN, "%s", check->look->error->message);
}

int
check_main (int argc, char **argv)
{
  g_autoptr (Command) command = command_new (&info, argc, argv);

  if (command->done)
    return 0;
  g_autoptr (Look) look = command_look (command);
  g_autoptr (GString) text = g_string_new (NULL);
  Check check = { .command = command, .look = look, .text = text };
  run (&check);
  if (check.format == CHECK_JSON)
    print_json (&check);
  else if (check.format == CHECK_PROMETHEUS)
    print_prometheus (&check);
  else
    print_nagios (&check);
  return (int) check.state;
}
