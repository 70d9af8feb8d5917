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
look_begin (const Command *command, const DomainReport *report, const DomainLook *row)
{
  Look *look = look_new (row->name);

  look->warn_days = command->warn_days;
  look->error_days = command->error_days;
  look->host = g_strdup (row->host->name);
  look->domain = report->domain->name;
  look->sts = report->sts;
  look->resolver = command_value (command, OPT_RESOLVER);
  return look;
}

/* One connection, to @p server as option servers has it.  @p name: what the certificate has to match, unless the user said it; NULL: what the TLSA
 * records are of, or the server. */
static Look *
look_once (const Command *command, const DomainReport *report, const DomainLook *row, const char *server, guint port,
           const char *name)
{
  const DnsState reached = dns_state_worse (domain_state (report->domain), domain_host_state (row->host));
  const DomainHost *host = row->host;
  VeredaOptions *options = command->plan->options;
  const gboolean named = !vereda_options_is_set (options, "verify-name");
  Look *look = look_begin (command, report, row);

  if (command_has (command, OPT_DANE))
    checks_begin (look, command->plan, report->dns, host->name, domain_host_alias (host), port, reached);
  if (name == NULL)
    name = look->dane != NULL && look->dane->reason == NULL ? look->dane->base : host->name;
  if (named && look->error == NULL)
    (void) vereda_options_set (options, "verify-name", name, &look->error);
  if (look->error == NULL && vereda_options_set (options, "servers", server, &look->error))
    look_run (look, command->plan, command->point, command->drop);
  if (named)
    (void) vereda_options_set (options, "verify-name", NULL, NULL);
  checks_end (command->plan);
  return look;
}

static gboolean
is_name_wrong (const Look *look)
{
  return look->dane != NULL && look->dane->reason == NULL && look->probe != NULL && vereda_probe_has_tls (look->probe)
         && g_strcmp0 (vereda_probe_get_verify_code (look->probe), "name-mismatch") == 0;
}

/* By DANE-TA a certificate may have the name that the TLSA records are of, the one in the MX record, or the domain (RFC 7672 section 3.2.2), and a
 * transport compares one. */
static Look *
look_at (const Command *command, const DomainReport *report, const DomainLook *row, const char *server, guint port)
{
  const char *const others[] = { row->host->name, report->domain->name };
  Look *look = look_once (command, report, row, server, port, NULL);

  if (vereda_options_is_set (command->plan->options, "verify-name"))
    return look;
  for (guint i = 0; i < G_N_ELEMENTS (others) && is_name_wrong (look); i++)
    {
      if (strcmp (look->dane->base, others[i]) == 0 || (i == 1 && report->domain->kind != DOMAIN_MX))
        continue;
      Look *other = look_once (command, report, row, server, port, others[i]);
      const gboolean better = !is_name_wrong (other);
      look_free (better ? look : other);
      if (better)
        return other;
    }
  return look;
}

/* Which kind of answer it is that there is none to look at. */
static const char *
why_nothing (const DomainHost *host, const DnsAnswer *bad)
{
  if (g_hostname_is_ip_address (host->name))
    return "host-is-address";
  if (bad->state == DNS_BOGUS)
    return "dns-bogus";
  return bad->failure != NULL ? "name-no-answer" : "name-not-found";
}

static Look *
look_at_nothing (const Command *command, const DomainReport *report, const DomainLook *row)
{
  const DomainHost *host = row->host;
  Look *look = look_begin (command, report, row);
  const DnsAnswer *bad = host->a->state == DNS_BOGUS || host->a->failure != NULL ? host->a : host->aaaa;
  const char *id = why_nothing (host, bad);
  g_autofree char *validate = g_strdup_printf ("delv {at}%s {host}", bad == host->a ? "A" : "AAAA");

  if (strcmp (id, "host-is-address") == 0)
    look->error = g_error_new (VEREDA_ERROR, VEREDA_ERROR_NO_HOST, "%s is an address, and a record names a host by its name",
                               host->name);
  else if (bad->state == DNS_BOGUS)
    look->error = g_error_new (VEREDA_ERROR, VEREDA_ERROR_RESOLVE, "%s: its addresses are bogus, and must not be used: %s",
                               host->name, bad->why);
  else if (bad->failure != NULL)
    look->error = g_error_new (VEREDA_ERROR, VEREDA_ERROR_RESOLVE, "%s: its addresses cannot be looked up: %s", host->name,
                               bad->failure);
  else
    look->error = g_error_new (VEREDA_ERROR, VEREDA_ERROR_NO_HOST, "%s has no address", host->name);
  g_ptr_array_unref (look->findings);
  look->findings = finding_list (&(const Look){ 0 });
  finding_add (look->findings, look, id, strcmp (id, "dns-bogus") == 0 ? validate : NULL, "%s", look->error->message);
  return look;
}

/* What the records say of a server, beside what it says itself. */
static void
find_host (const Domain *domain, const DomainLook *row)
{
  const char *alias = domain_host_alias (row->host);
  GPtrArray *findings = row->look->findings;

  if (alias != NULL && domain->meaning == DOMAIN_HOSTS)
    finding_add (findings, row->look, "host-is-alias", NULL, "%s is an alias of %s", row->host->name, alias);
  if (domain->kind == DOMAIN_SRV && !domain_has_host (domain, row->host) && domain_state (domain) != DNS_SECURE)
    finding_add (findings, row->look, "srv-other-domain", NULL, "%s is not in %s, and the records are %s", row->host->name,
                 domain->name, dns_state_word (domain_state (domain)));
  finding_sort (findings);
}

/* Where a resolver was named it knows the addresses, and others do not; else they are looked up as for every sender, who tries all of them. */
static void
look_at_host (const Command *command, const DomainReport *report, DomainLook *row)
{
  const guint port = port_of (row->host, port_asked_for (command));
  const GPtrArray *addresses = row->host->addresses;
  const gboolean by_address = command_value (command, OPT_RESOLVER) != NULL;
  g_autofree char *by_name = server_of (row->host, row->host->name, port);

  if (addresses->len == 0)
    row->look = look_at_nothing (command, report, row);
  else if (!by_address)
    row->look = look_at (command, report, row, by_name, port);
  for (guint i = 0; by_address && i < addresses->len && (row->look == NULL || look_status (row->look) == EXIT_CONNECT); i++)
    {
      g_autofree char *server = server_of (row->host, addresses->pdata[i], port);

      look_free (row->look);
      row->look = look_at (command, report, row, server, port);
    }
  find_host (report->domain, row);
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

/* The first question whose answer is worth as little as all together. */
static const DomainQuery *
query_of (const Domain *domain, DnsState state)
{
  for (guint i = 0; i < domain->queries->len; i++)
    {
      const DomainQuery *query = domain->queries->pdata[i];
      if (query->answer->state == state)
        return query;
    }
  return NULL;
}

static void
find_state (GPtrArray *findings, const Look *look, const Domain *domain)
{
  const DnsState state = domain_state (domain);
  const DomainQuery *query = query_of (domain, state);

  if (state == DNS_SECURE || query == NULL || (state == DNS_NOT_VALIDATED && query->answer->failure != NULL))
    return; /* that there is no answer is a finding of its own */
  g_autofree char *validate = g_strdup_printf ("delv {at}%s %s", query->type, query->name);
  if (state == DNS_BOGUS)
    finding_add (findings, look, "dns-bogus", validate, "%s", query->answer->why);
  else if (state == DNS_INSECURE)
    finding_add (findings, look, "dns-insecure", NULL, NULL);
  else
    finding_add (findings, look, "dns-not-validated", NULL, "%s", query->answer->why);
}

static void
find (const Command *command, DomainReport *report)
{
  const Domain *domain = report->domain;
  const char *message = domain->error != NULL ? domain->error->message : NULL;
  GPtrArray *findings = report->findings;
  const Look look = {
    .target = domain->given, .host = domain->name, .domain = domain->name, .resolver = command_value (command, OPT_RESOLVER)
  };

  if (domain->meaning == DOMAIN_NULL_MX)
    finding_add (findings, &look, "mx-null", NULL, NULL);
  else if (domain->meaning == DOMAIN_NO_SERVICE || domain->meaning == DOMAIN_NOT_OFFERED)
    finding_add (findings, &look, domain->meaning == DOMAIN_NO_SERVICE ? "srv-none" : "srv-not-offered", NULL, "%s", message);
  else if (message != NULL && domain_state (domain) != DNS_BOGUS)
    finding_add (findings, &look, domain->error->code == VEREDA_ERROR_NO_HOST ? "name-not-found" : "name-no-answer",
                 domain->kind == DOMAIN_MX ? "dig {at}MX {domain}" : "dig {at}SRV _submissions._tcp.{domain}", "%s", message);
  if (domain->meaning == DOMAIN_IMPLICIT)
    finding_add (findings, &look, "mx-implicit", NULL, NULL);
  if (domain->null_broken)
    finding_add (findings, &look, "mx-null-not-alone", NULL, NULL);
  find_state (findings, &look, domain);
  checks_find_policy (findings, &look, report->sts);
  finding_sort (findings);
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
              answer->failure != NULL         ? answer->failure
              : answer->state == DNS_BOGUS    ? "no answer that may be used"
              : answer->no_name               ? "no such name"
              : answer->records->len == 0     ? "no record"
              : !domain_query_is_null (query) ? "found"
              : domain->kind == DOMAIN_MX     ? "the null MX"
                                              : "not offered (target \".\")",
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
  printf ("         %s%s%s, DNSSEC %s\n", row->host->port != 0 ? row->host->service : "", row->host->port != 0 ? ", " : "",
          text->len > 0 ? text->str : "no address", dns_state_word (domain_host_state (row->host)));
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
    look_human_findings (&(const Look){ .findings = report->findings, .error = domain->error }, command->plan,
                         domain->error == NULL);
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
    look_human_error (&(const Look){ .findings = report->findings, .error = report->domain->error });
  for (guint i = 0; i < report->looks->len; i++)
    {
      const DomainLook *row = report->looks->pdata[i];
      if (row->look->error == NULL)
        continue;
      if (!g_str_has_prefix (row->look->error->message, row->host->name)) /* it was reached by an address */
        g_prefix_error (&row->look->error, "%s: ", row->host->name);
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
    {
      const StsSource source = { .file = file,
                                 .roots = vereda_options_get (command->plan->options, "ca-file"),
                                 .addresses = command_value (command, OPT_RESOLVER) != NULL };

      report->sts = sts_new (report->dns, report->domain->name, &source);
    }
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
  report.findings = finding_list (&(const Look){ 0 });
  report.time = cert_time (g_get_real_time () / G_USEC_PER_SEC);
  domain_look_up (report.domain, report.dns);
  if (report.domain->error == NULL)
    look_at_policy (command, &report);
  find (command, &report);
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
