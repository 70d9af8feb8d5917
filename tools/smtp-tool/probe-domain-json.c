/* SPDX-License-Identifier: MIT */
/* probe-domain-json - the servers of a domain for machines: schema/probe-domain-1.json; each of them as in schema/probe-1.json.  Pure. */
#include "probe-checks.h"
#include "probe-domain.h"
#include "probe-report.h"
#include "text.h"

static json_t *
safe (const char *text)
{
  if (text == NULL)
    return json_null ();
  g_autofree char *shown = text_escape (text);
  return report_string (shown);
}

static json_t *
answer_object (const char *name, const char *type, const DnsAnswer *answer)
{
  return json_pack ("{s:o, s:s, s:s, s:o, s:o, s:b, s:i}", "name", safe (name), "type", type, "dnssec",
                    dns_state_word (answer->state), "why", safe (answer->why), "failure", safe (answer->failure),
                    "no_such_name", answer->no_name, "records", (int) answer->records->len);
}

static const char *
meaning_word (DomainMeaning meaning)
{
  static const char *const words[] = { [DOMAIN_HOSTS] = "records",
                                       [DOMAIN_IMPLICIT] = "implicit-mx",
                                       [DOMAIN_NULL_MX] = "null-mx",
                                       [DOMAIN_NO_SERVICE] = "no-service",
                                       [DOMAIN_NOT_OFFERED] = "not-offered" };

  return words[meaning];
}

static json_t *
domain_object (const Domain *domain)
{
  json_t *queries = json_array ();

  for (guint i = 0; i < domain->queries->len; i++)
    {
      const DomainQuery *query = domain->queries->pdata[i];
      json_array_append_new (queries, answer_object (query->name, query->type, query->answer));
    }
  return json_pack ("{s:o, s:o, s:s, s:o, s:s, s:o}", "given", safe (domain->given), "name", safe (domain->name), "kind",
                    domain->kind == DOMAIN_MX ? "mx" : "srv", "meaning",
                    domain->error != NULL && domain->meaning == DOMAIN_HOSTS ? json_null ()
                                                                             : json_string (meaning_word (domain->meaning)),
                    "dnssec", dns_state_word (domain_state (domain)), "queries", queries);
}

static json_t *
host_object (const DomainHost *host, guint order)
{
  json_t *addresses = json_array ();

  for (guint i = 0; i < host->addresses->len; i++)
    json_array_append_new (addresses, safe (host->addresses->pdata[i]));
  return json_pack ("{s:i, s:o, s:o, s:s, s:i, s:o, s:o, s:s, s:[o, o]}", "order", (int) order, "name", safe (host->name),
                    "alias_of", safe (domain_host_alias (host)), "service", host->service, "priority", (int) host->priority,
                    "weight", host->port != 0 ? json_integer (host->weight) : json_null (), "addresses", addresses, "dnssec",
                    dns_state_word (domain_host_state (host)), "queries", answer_object (host->name, "AAAA", host->aaaa),
                    answer_object (host->name, "A", host->a));
}

static json_t *
server_object (const DomainLook *row, guint order, const Command *command)
{
  json_t *document = look_json (row->look, command->plan, "probe");
  const Outcome outcome = command_outcome (command, look_status (row->look), look_is_transient (row->look));

  json_object_set_new (document, "unmet", json_array ());
  json_object_set_new (document, "exit", report_exit (&outcome));
  return json_pack ("{s:o, s:o}", "host", host_object (row->host, order), "probe", document);
}

json_t *
domain_report_json (const DomainReport *report, const Command *command)
{
  json_t *document = json_object (), *servers = json_array ();
  gboolean ready = report->domain->error == NULL;
  const Finding *worst = report->findings->len > 0 ? report->findings->pdata[0] : NULL;
  const char *const tries[] = { worst != NULL ? worst->next : NULL, NULL };

  for (guint i = 0; i < report->looks->len; i++)
    {
      const DomainLook *row = report->looks->pdata[i];
      ready = ready && row->look->error == NULL;
      json_array_append_new (servers, server_object (row, i + 1, command));
    }
  json_t *policy = checks_json_policy (report->sts);

  if (report->sts == NULL && (command_has (command, OPT_MTA_STS) || command_has (command, OPT_MTA_STS_POLICY)))
    json_object_set_new (policy, "reason", json_string ("no-server"));
  json_object_set_new (document, "schema", json_string ("smtp-tool/probe-domain/1"));
  json_object_set_new (document, "command", json_string ("probe"));
  json_object_set_new (document, "tool", json_string ("smtp-tool " TOOL_VERSION));
  json_object_set_new (document, "library", json_string (vereda_version ()));
  json_object_set_new (document, "time", json_string (report->time));
  json_object_set_new (document, "domain", domain_object (report->domain));
  json_object_set_new (document, "verdict", json_string (ready ? "ready" : "failed"));
  json_object_set_new (document, "error", report_error (report->domain->error, tries));
  json_object_set_new (document, "mta_sts", policy);
  json_object_set_new (document, "servers", servers);
  json_object_set_new (document, "findings", look_json_findings (report->findings));
  return document;
}
