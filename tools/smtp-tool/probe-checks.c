/* SPDX-License-Identifier: MIT */
/* probe-checks - see probe-checks.h. */
#include "probe-checks.h"
#include "probe-cert.h"
#include "report.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define DAY 86400

/* ---- verdicts ---- */

typedef struct
{
  const char *state;  /* "match", "mismatch", "not_checked" */
  const char *reason; /* a word, or NULL */
} Verdict;

static const char *
verify_code (const Look *look)
{
  return look->probe != NULL && vereda_probe_has_tls (look->probe) ? vereda_probe_get_verify_code (look->probe) : NULL;
}

static Verdict
verdict_of_dane (const Look *look)
{
  const char *code = verify_code (look);

  if (look->dane == NULL)
    return (Verdict){ "not_checked", "not-requested" };
  if (look->dane->reason != NULL)
    return (Verdict){ "not_checked", look->dane->reason };
  if (code == NULL)
    return (Verdict){ "not_checked", "no-handshake" };
  return strcmp (code, "ok") == 0 ? (Verdict){ "match", NULL } : (Verdict){ "mismatch", code };
}

/* RFC 8461 section 4: the name is one that the policy lists, and its certificate is right by the authorities that everybody trusts. */
static Verdict
verdict_of_sts (const Look *look)
{
  const Sts *sts = look->sts;
  const char *code = verify_code (look);

  if (sts == NULL)
    return (Verdict){ "not_checked", "not-requested" };
  if (sts->problem != NULL)
    return (Verdict){ "not_checked", sts->problem };
  if (sts->policy->mode == STS_MODE_NONE)
    return (Verdict){ "not_checked", "mode-none" };
  if (sts_policy_match (sts->policy, look->host) == NULL)
    return (Verdict){ "mismatch", "mx-not-listed" };
  if (look->probe != NULL && look->error == NULL && !vereda_probe_has_tls (look->probe))
    return (Verdict){ "mismatch", "no-tls" };
  if (code == NULL)
    return (Verdict){ "not_checked", "no-handshake" };
  if (look->dane != NULL && look->dane->reason == NULL)
    return (Verdict){ "not_checked",
                      "dane-decides" }; /* RFC 8461 section 2: DANE is stronger, and the authorities were not asked */
  return strcmp (code, "ok") == 0 ? (Verdict){ "match", NULL } : (Verdict){ "mismatch", code };
}

/* ---- DANE ---- */

void
checks_begin (Look *look, Plan *plan, Dns *dns, const char *host, const char *alias, guint port, DnsState reached)
{
  look->dane = dane_new (dns, host, alias, port, reached);
  g_autofree char *option = dane_option (look->dane);
  if (option != NULL && look->error == NULL)
    (void) vereda_options_set (plan->options, "tlsa", option, &look->error);
}

void
checks_end (Plan *plan)
{
  (void) vereda_options_set (plan->options, "tlsa", NULL, NULL);
}

static const char *
finding_of_reason (const Dane *dane)
{
  static const struct
  {
    const char *reason, *id;
  } rows[]
      = { { "bogus", "dane-bogus" },        { "no-answer", "dane-bogus" },           { "unusable", "dane-unusable" },
          { "no-records", "dane-none" },    { "not-validated", "dane-not-checked" }, { "host-not-secure", "dane-not-checked" },
          { "no-name", "dane-not-checked" } };

  if (strcmp (dane->reason, "not-secure") == 0)
    return dane->records->len > 0 ? "dane-not-secure" : "dane-none";
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    if (strcmp (dane->reason, rows[i].reason) == 0)
      return rows[i].id;
  return "dane-not-checked";
}

/* The record that would fit the server's key, as RFC 7672 section 3.1.1 advises; "": the key was not seen. */
static char *
fitting_record (const Look *look)
{
  const Cert *leaf = look->certs->len > 0 ? look->certs->pdata[0] : NULL;
  g_autoptr (GString) hex = g_string_new (NULL);
  gsize size;

  if (leaf == NULL || leaf->spki_sha256 == NULL)
    return g_strdup ("");
  g_autofree guchar *octets = g_base64_decode (leaf->spki_sha256, &size);
  for (gsize i = 0; i < size; i++)
    g_string_append_printf (hex, "%02x", octets[i]);
  return g_strdup_printf ("; the key that the server has is 3 1 1 %s", hex->str);
}

/* To what the transport said of it. */
static void
append_record (GPtrArray *findings, const char *record)
{
  for (guint i = 0; i < findings->len; i++)
    {
      Finding *finding = findings->pdata[i];

      if (strcmp (finding->info->id, "cert-tlsa-mismatch") != 0)
        continue;
      char *text = g_strconcat (finding->text, record, NULL);
      g_free (finding->text);
      finding->text = text;
    }
}

static void
find_dane (Look *look)
{
  const Dane *dane = look->dane;

  if (dane == NULL)
    return;
  g_autofree char *record = fitting_record (look);
  if (dane->reason != NULL)
    finding_add (look->findings, look, finding_of_reason (dane), NULL, "%s: %s%s%s%s", dane->name, dane->reason,
                 dane->why != NULL ? ": " : "", dane->why != NULL ? dane->why : "", record);
  else if (strcmp (verdict_of_dane (look).state, "match") == 0)
    finding_add (look->findings, look, "dane-match", NULL, NULL);
  else
    append_record (look->findings, record);
}

static json_t *
record_object (const DaneRecord *record, int fits)
{
  return json_pack ("{s:i, s:i, s:i, s:s, s:o, s:b}", "usage", record->usage, "selector", record->selector, "matching",
                    record->matching, "data", record->hex, "unusable",
                    record->unusable != NULL ? json_string (record->unusable) : json_null (), "fits",
                    record->place >= 0 && record->place == fits);
}

static int
record_that_fits (const Look *look)
{
  return verify_code (look) != NULL ? vereda_probe_get_tlsa (look->probe) : -1;
}

static json_t *
state_object (Verdict verdict)
{
  json_t *object = json_pack ("{s:s}", "state", verdict.state);

  if (verdict.reason != NULL)
    json_object_set_new (object, "reason", json_string (verdict.reason));
  return object;
}

json_t *
checks_json_dane (const Look *look)
{
  const Dane *dane = look->dane;
  json_t *object = state_object (verdict_of_dane (look)), *records = json_array ();

  if (dane != NULL)
    {
      for (guint i = 0; i < dane->records->len; i++)
        json_array_append_new (records, record_object (dane->records->pdata[i], record_that_fits (look)));
      json_object_set_new (object, "name", report_string (dane->name));
      json_object_set_new (object, "dnssec", json_string (dns_state_word (dane->dnssec)));
    }
  json_object_set_new (object, "records", records);
  return object;
}

static void
print_dane (const Look *look)
{
  const Verdict verdict = verdict_of_dane (look);
  const Dane *dane = look->dane;

  printf ("  dane    %s: %s%s%s, DNSSEC %s\n", dane->name, verdict.state, verdict.reason != NULL ? ", " : "",
          verdict.reason != NULL ? verdict.reason : "", dns_state_word (dane->dnssec));
  for (guint i = 0; i < dane->records->len; i++)
    {
      const DaneRecord *record = dane->records->pdata[i];

      printf ("          %u %u %u %.32s%s  %s\n", record->usage, record->selector, record->matching, record->hex,
              strlen (record->hex) > 32 ? "..." : "",
              record->unusable != NULL                                         ? record->unusable
              : record->place == record_that_fits (look) && record->place >= 0 ? "fits"
                                                                               : "");
    }
}

/* ---- MTA-STS ---- */

static void
find_sts (Look *look)
{
  const Verdict verdict = verdict_of_sts (look);
  const gboolean listed = g_strcmp0 (verdict.reason, "mx-not-listed") != 0;

  if (strcmp (verdict.state, "mismatch") != 0)
    return;
  finding_add (look->findings, look, listed ? "sts-tls-invalid" : "sts-mx-not-listed", NULL, "%s: %s", look->host,
               listed ? verdict.reason : "none of the mx patterns of the policy means it");
  if (look->sts->policy->mode == STS_MODE_TESTING)
    ((Finding *) look->findings->pdata[look->findings->len - 1])->severity = FINDING_WARN; /* mail still comes */
}

void
checks_find (Look *look)
{
  find_dane (look);
  find_sts (look);
  finding_sort (look->findings);
}

void
checks_find_policy (GPtrArray *findings, const Look *look, const Sts *sts)
{
  if (sts == NULL)
    return;
  if (sts->problem != NULL)
    {
      const gboolean of_policy = g_str_has_prefix (sts->problem, "sts-policy") && !g_str_has_prefix (sts->why, sts->source);

      finding_add (findings, look, sts->problem, NULL, "%s%s%s", of_policy ? sts->source : "", of_policy ? ": " : "", sts->why);
    }
  else if (sts->policy->mode != STS_MODE_ENFORCE)
    finding_add (findings, look, sts->policy->mode == STS_MODE_NONE ? "sts-mode-none" : "sts-mode-testing", NULL, NULL);
  if (sts->policy != NULL && sts->policy->mode != STS_MODE_NONE && sts->policy->max_age < DAY)
    finding_add (findings, look, "sts-max-age-short", NULL, "max_age is %" G_GUINT64_FORMAT " seconds", sts->policy->max_age);
  finding_sort (findings);
}

json_t *
checks_json_sts (const Look *look)
{
  const char *pattern
      = look->sts != NULL && look->sts->policy != NULL ? sts_policy_match (look->sts->policy, look->host) : NULL;
  json_t *object = state_object (verdict_of_sts (look));

  json_object_set_new (object, "pattern", pattern != NULL ? json_string (pattern) : json_null ());
  return object;
}

static json_t *
text_or_null (const char *text)
{
  if (text == NULL)
    return json_null ();
  g_autofree char *shown = text_escape (text);
  return report_string (shown);
}

json_t *
checks_json_policy (const Sts *sts)
{
  json_t *patterns = json_array (), *policy = json_null ();

  if (sts == NULL)
    {
      json_decref (patterns);
      return json_pack ("{s:s, s:s}", "state", "not_checked", "reason", "not-requested");
    }
  for (guint i = 0; sts->policy != NULL && i < sts->policy->mx->len; i++)
    json_array_append_new (patterns, text_or_null (sts->policy->mx->pdata[i]));
  if (sts->policy != NULL)
    policy = json_pack ("{s:s, s:I, s:O}", "mode", sts_mode_word (sts->policy->mode), "max_age",
                        (json_int_t) sts->policy->max_age, "mx", patterns);
  json_decref (patterns);
  return json_pack ("{s:s, s:o, s:o, s:o, s:s, s:o, s:o, s:o}", "state", sts->problem == NULL ? "policy" : "no-policy",
                    "reason", text_or_null (sts->problem), "why", text_or_null (sts->why), "record", text_or_null (sts->name),
                    "dnssec", dns_state_word (sts->dnssec), "id", text_or_null (sts->id), "source", text_or_null (sts->source),
                    "policy", policy);
}

void
checks_human_policy (const Sts *sts)
{
  if (sts == NULL)
    return;
  if (sts->problem != NULL)
    {
      g_autofree char *why = text_escape (sts->why);
      printf ("  MTA-STS %s: %s\n", sts->problem, why);
      return;
    }
  g_autofree char *source = text_escape (sts->source);
  printf ("  MTA-STS mode %s, max_age %" G_GUINT64_FORMAT ", id %s, from %s\n", sts_mode_word (sts->policy->mode),
          sts->policy->max_age, sts->id, source);
}

void
checks_human (const Look *look)
{
  const Verdict verdict = verdict_of_sts (look);

  if (look->dane != NULL)
    print_dane (look);
  if (look->sts != NULL)
    printf ("  sts     %s%s%s\n", verdict.state, verdict.reason != NULL ? ", " : "",
            verdict.reason != NULL ? verdict.reason : "");
}
