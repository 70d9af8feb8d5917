/* SPDX-License-Identifier: MIT */
/* probe-domain - see probe-domain.h. */
#include "probe-domain.h"
#include "probe-cert.h"
#include "probe-checks.h"
#include "probe-expect.h"
#include "probe-report.h"
#include "text.h"
#include "tool.h"

#include <stdio.h>
#include <string.h>

static void
domain_look_free (gpointer data)
{
  DomainLook *row = data;

  look_free (row->look);
  g_free (row->name);
  g_free (row);
}

static void
report_clear (DomainReport *report)
{
  domain_free (report->domain);
  dns_free (report->dns);
  sts_free (report->sts);
  g_clear_pointer (&report->looks, g_ptr_array_unref);
  g_clear_pointer (&report->findings, g_ptr_array_unref);
  g_free (report->time);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DomainReport, report_clear)

/* ---- looking ---- */

/* The port that --port named, for all of them; 0: none was. */
static guint
port_asked_for (const Command *command)
{
  const char *ports = vereda_options_get (command->plan->options, "ports");

  return ports != NULL ? (guint) g_ascii_strtoull (ports, NULL, 10) : 0;
}

static guint
port_of (const DomainHost *host, guint asked)
{
  return asked != 0 ? asked : host->port != 0 ? host->port : 25;
}

/* As option servers has it. */
static char *
server_of (const DomainHost *host, const char *name, guint port)
{
  const char *scheme = strcmp (host->service, "mx") == 0 ? "" : host->implicit ? "submissions://" : "submission://";

  return g_strdup_printf (strchr (name, ':') != NULL ? "%s[%s]:%u" : "%s%s:%u", scheme, name, port);
}

static Look *
look_at (const Command *command, const DomainReport *report, const DomainLook *row, const char *name, guint port)
{
  const DnsState reached = dns_state_worse (domain_state (report->domain), domain_host_state (row->host));
  const gboolean dane = command_has (command, OPT_DANE);
  VeredaOptions *options = command->plan->options;
  g_autofree char *server = server_of (row->host, name, port);
  Look *look = look_new (row->name);

  look->warn_days = command->warn_days;
  look->error_days = command->error_days;
  look->sts = report->sts;
  look->sts_host = g_strdup (row->host->name);
  if (dane)
    checks_begin (look, command->plan, report->dns, row->host->name, port, reached);
  if (look->error == NULL && vereda_options_set (options, "servers", server, &look->error))
    look_run (look, command->plan, command->point, command->drop);
  if (dane)
    checks_end (command->plan);
  return look;
}

static Look *
look_at_nothing (const DomainLook *row)
{
  const DomainHost *host = row->host;
  Look *look = look_new (row->name);
  const DnsAnswer *bad = host->a->state == DNS_BOGUS || host->a->failure != NULL ? host->a : host->aaaa;

  if (bad->state == DNS_BOGUS)
    look->error = g_error_new (VEREDA_ERROR, VEREDA_ERROR_RESOLVE, "%s: its addresses are bogus, and must not be used: %s",
                               host->name, bad->why);
  else if (bad->failure != NULL)
    look->error = g_error_new (VEREDA_ERROR, VEREDA_ERROR_RESOLVE, "%s: its addresses cannot be looked up: %s", host->name,
                               bad->failure);
  else
    look->error = g_error_new (VEREDA_ERROR, VEREDA_ERROR_NO_HOST, "%s has no address", host->name);
  g_ptr_array_unref (look->findings);
  look->findings = finding_list (look);
  finding_add (look->findings, NULL,
               bad->state == DNS_BOGUS ? "dns-bogus"
               : bad->failure != NULL  ? "name-no-answer"
                                       : "name-not-found",
               NULL, "%s", look->error->message);
  return look;
}

/* Where a resolver was named it knows the addresses, and others do not; else they are looked up as for every sender, who tries all of them. */
static void
look_at_host (const Command *command, const DomainReport *report, DomainLook *row)
{
  VeredaOptions *options = command->plan->options;
  const guint port = port_of (row->host, port_asked_for (command));
  const GPtrArray *addresses = row->host->addresses;
  const gboolean named = !vereda_options_is_set (options, "verify-name");

  if (addresses->len == 0)
    row->look = look_at_nothing (row);
  else if (command_value (command, OPT_RESOLVER) == NULL)
    row->look = look_at (command, report, row, row->host->name, port);
  if (row->look != NULL)
    return;
  if (named)
    (void) vereda_options_set (options, "verify-name", row->host->name, NULL);
  for (guint i = 0; i < addresses->len && (row->look == NULL || look_status (row->look) == EXIT_CONNECT); i++)
    {
      look_free (row->look);
      row->look = look_at (command, report, row, addresses->pdata[i], port);
    }
  if (named)
    (void) vereda_options_set (options, "verify-name", NULL, NULL);
}

static void
look_at_all (const Command *command, DomainReport *report)
{
  const guint asked = port_asked_for (command);

  for (guint i = 0; i < report->domain->hosts->len; i++)
    {
      DomainLook *row = g_new0 (DomainLook, 1);

      row->host = report->domain->hosts->pdata[i];
      row->name = g_strdup_printf ("%s:%u", row->host->name, port_of (row->host, asked));
      g_ptr_array_add (report->looks, row);
      look_at_host (command, report, row);
    }
}

/* ---- what is told ---- */

/* The first answer that is worth as little as all together. */
static const char *
why_of (const Domain *domain, DnsState state)
{
  for (guint i = 0; i < domain->queries->len; i++)
    {
      const DnsAnswer *answer = ((const DomainQuery *) domain->queries->pdata[i])->answer;
      if (answer->state == state && answer->why != NULL)
        return answer->why;
    }
  return NULL;
}

static void
find (DomainReport *report)
{
  const Domain *domain = report->domain;
  const DnsState state = domain_state (domain);
  const char *why = why_of (domain, state);
  const char *message = domain->error != NULL ? domain->error->message : NULL;

  if (domain->meaning == DOMAIN_NULL_MX)
    finding_add (report->findings, NULL, "mx-null", NULL, NULL);
  else if (domain->meaning == DOMAIN_NO_SERVICE)
    finding_add (report->findings, NULL, "srv-none", NULL, "%s", message);
  else if (message != NULL && state != DNS_BOGUS)
    finding_add (report->findings, NULL, domain->error->code == VEREDA_ERROR_NO_HOST ? "name-not-found" : "name-no-answer",
                 NULL, "%s", message);
  if (domain->meaning == DOMAIN_IMPLICIT)
    finding_add (report->findings, NULL, "mx-implicit", NULL, NULL);
  if (domain->null_broken)
    finding_add (report->findings, NULL, "mx-null-not-alone", NULL, NULL);
  if (state == DNS_BOGUS)
    finding_add (report->findings, NULL, "dns-bogus", NULL, "%s", why);
  else if (state == DNS_INSECURE)
    finding_add (report->findings, NULL, "dns-insecure", NULL, NULL);
  else if (state == DNS_NOT_VALIDATED)
    finding_add (report->findings, NULL, "dns-not-validated", NULL, "%s", why);
  checks_find_policy (report->findings, report->sts);
  finding_sort (report->findings);
}

/* "ready, 1 warning", "failed: connection-refused" */
static char *
summary_of (const Look *look)
{
  guint warnings = 0;

  for (guint i = 0; i < look->findings->len; i++)
    {
      const Finding *finding = look->findings->pdata[i];
      if (look->error != NULL && finding->severity == FINDING_ERROR)
        return g_strdup_printf ("failed: %s", finding->info->id);
      warnings += finding->severity >= FINDING_WARN;
    }
  if (look->error != NULL)
    return g_strdup_printf ("failed: %s", exit_error_name (look->error));
  return warnings == 0 ? g_strdup ("ready") : g_strdup_printf ("ready, %u warning%s", warnings, warnings == 1 ? "" : "s");
}

static void
print_records (const DomainReport *report)
{
  const Domain *domain = report->domain;

  for (guint i = 0; i < domain->queries->len; i++)
    {
      const DomainQuery *query = domain->queries->pdata[i];
      const DnsAnswer *answer = query->answer;

      printf ("  %-4s %s: %s%s%s%s\n", query->type, query->name,
              answer->failure != NULL             ? answer->failure
              : answer->state == DNS_BOGUS        ? "no answer that may be used"
              : answer->no_name                   ? "no such name"
              : answer->records->len == 0         ? "no record"
              : domain->meaning == DOMAIN_NULL_MX ? "the null MX"
                                                  : "found",
              ", DNSSEC ", dns_state_word (answer->state), "");
      if (answer->why != NULL)
        printf ("       %s\n", answer->why);
    }
  if (domain->meaning == DOMAIN_IMPLICIT)
    puts ("  no MX record: the domain's own addresses are its server (RFC 5321 section 5.1)");
}

static void
print_host (const DomainLook *row)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *summary = summary_of (row->look);

  for (guint i = 0; i < row->host->addresses->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? ", " : "", (const char *) row->host->addresses->pdata[i]);
  printf ("  %5u  %-32s  %s\n", row->host->priority, row->name, summary);
  printf ("         %s, DNSSEC %s\n", text->len > 0 ? text->str : "no address", dns_state_word (domain_host_state (row->host)));
}

static void
print_report (const DomainReport *report, const Command *command)
{
  const Domain *domain = report->domain;
  const gboolean all = command->print == NULL;

  printf ("%s - %u server%s%s%s, DNSSEC %s\n", domain->given, domain->hosts->len, domain->hosts->len == 1 ? "" : "s",
          domain->kind == DOMAIN_MX ? "" : " for submission", domain->meaning == DOMAIN_IMPLICIT ? ", no MX record" : "",
          dns_state_word (domain_state (domain)));
  if (all || strchr (command->print, 'm') != NULL)
    print_records (report);
  checks_human_policy (report->sts);
  if (report->looks->len > 0)
    puts ("\nServers, in the order in which they are tried");
  for (guint i = 0; i < report->looks->len; i++)
    print_host (report->looks->pdata[i]);
  if (report->findings->len > 0 && (all || strchr (command->print, 'f') != NULL))
    look_human_findings (&(Look){ .findings = report->findings }, command->plan, FALSE);
  for (guint i = 0; i < report->looks->len; i++)
    {
      const DomainLook *row = report->looks->pdata[i];
      const ExitStatus status = look_status (row->look);
      const Outcome outcome = command_outcome (command, status, look_is_transient (row->look));

      if (row->look->probe == NULL)
        continue;
      puts ("");
      look_human (row->look, command, &outcome);
    }
}

/* ---- the end ---- */

static void
judge_findings (const Command *command, GPtrArray *findings, const char *of, GPtrArray *ret_failed)
{
  for (guint i = 0; command->fail_on >= 0 && i < findings->len; i++)
    {
      const Finding *finding = findings->pdata[i];

      if ((int) finding->severity >= command->fail_on)
        g_ptr_array_add (ret_failed,
                         g_strdup_printf ("--fail-on=%s: %s: %s", finding_severity_word ((FindingSeverity) command->fail_on),
                                          of, finding->info->id));
    }
}

static ExitStatus
judge (const Command *command, const DomainReport *report, json_t *document, gboolean *ret_transient, GPtrArray *ret_failed)
{
  ExitStatus status = report->domain->error != NULL ? exit_of_error (report->domain->error) : EXIT_OK;
  gboolean transient = g_error_matches (report->domain->error, VEREDA_ERROR, VEREDA_ERROR_RESOLVE);

  judge_findings (command, report->findings, report->domain->given, ret_failed);
  for (guint i = 0; i < report->looks->len; i++)
    {
      const DomainLook *row = report->looks->pdata[i];
      const ExitStatus one = look_status (row->look);

      status = one != EXIT_OK ? exit_worse (status, one) : status;
      transient = transient || look_is_transient (row->look);
      judge_findings (command, row->look->findings, row->name, ret_failed);
    }
  for (guint i = 0; i < command->expect->len; i++)
    {
      char *why = expect_failed (document, command->expect->pdata[i]);
      if (why != NULL)
        g_ptr_array_add (ret_failed, why);
    }
  *ret_transient = transient;
  return status == EXIT_OK && ret_failed->len > 0 ? EXIT_EXPECT : status;
}

static void
complain (const DomainReport *report, GPtrArray *failed)
{
  (void) fflush (stdout);
  if (report->domain->error != NULL)
    report_problem (NULL, report->domain->error->message, NULL);
  for (guint i = 0; i < report->looks->len; i++)
    {
      const DomainLook *row = report->looks->pdata[i];
      if (row->look->error != NULL)
        look_human_error (row->look);
    }
  for (guint i = 0; i < failed->len; i++)
    {
      g_autofree char *shown = text_one_line (failed->pdata[i]);
      report_problem (NULL, shown, NULL);
    }
}

static void
look_at_policy (const Command *command, DomainReport *report)
{
  const char *file = command_value (command, OPT_MTA_STS_POLICY);

  if (file != NULL || command_has (command, OPT_MTA_STS))
    report->sts = sts_new (report->dns, report->domain->name, file, vereda_options_get (command->plan->options, "ca-file"));
}

int
probe_domain (Command *command)
{
  g_autoptr (GPtrArray) failed = g_ptr_array_new_with_free_func (g_free);
  g_auto (DomainReport) report = { .domain = domain_new (command->target, &command->error) };
  gboolean transient = FALSE;

  report.dns = report.domain != NULL ? command_dns (command) : NULL;
  if (report.dns == NULL)
    return command_fail (command);
  report.looks = g_ptr_array_new_with_free_func (domain_look_free);
  report.findings = finding_list (&(Look){ 0 });
  report.time = cert_time (g_get_real_time () / G_USEC_PER_SEC);
  domain_look_up (report.domain, report.dns);
  if (report.domain->error == NULL)
    look_at_policy (command, &report);
  find (&report);
  look_at_all (command, &report);
  json_t *document = domain_report_json (&report, command);
  const ExitStatus status = judge (command, &report, document, &transient, failed);
  const Outcome outcome = command_outcome (command, status, transient);
  if (command->plan->format == FORMAT_JSON)
    {
      command_print_json (document, failed, &outcome);
      return outcome.number;
    }
  json_decref (document);
  if (!command->plan->quiet)
    print_report (&report, command);
  complain (&report, failed);
  return outcome.number;
}
