/* SPDX-License-Identifier: MIT */
/* probe-json - a look for machines: schema/probe-1.json.  See probe-report.h.
 *
 * Unknown is null, a check that was not made says so with its reason, and no text of a server gets here unescaped. */
#include "probe-cert.h"
#include "probe-checks.h"
#include "probe-report.h"
#include "text.h"
#include "tool.h"

#include <string.h>

static json_t *
safe (const char *text)
{
  if (text == NULL)
    return json_null ();
  g_autofree char *shown = text_escape (text);
  return report_string (shown);
}

static json_t *
milliseconds (gint64 us)
{
  return json_real ((double) us / 1000.0);
}

static json_t *
known (int value)
{
  return value < 0 ? json_null () : json_boolean (value == 1);
}

/* ---- replies, stages ---- */

json_t *
look_json_reply (VeredaReply *reply)
{
  if (reply == NULL)
    return json_null ();
  g_auto (GStrv) lines = g_strsplit (vereda_reply_get_text (reply), "\n", -1);
  json_t *array = json_array ();

  for (char **line = lines; *line != NULL; line++)
    json_array_append_new (array, safe (*line));
  return json_pack ("{s:i, s:o, s:o}", "code", vereda_reply_get_code (reply), "enhanced",
                    safe (vereda_reply_get_enhanced (reply)), "lines", array);
}

static json_t *
error_name (int code)
{
  const char *name = code != 0 ? strerrorname_np (code) : NULL;

  return name != NULL ? json_string (name) : json_null ();
}

static json_t *
addresses (VeredaProbe *probe)
{
  json_t *array = json_array ();

  for (guint i = 0; i < vereda_probe_get_n_addresses (probe); i++)
    {
      VeredaProbeAddress *address = vereda_probe_get_nth_address (probe, i);

      const char *afterwards = vereda_probe_address_get_afterwards (address);
      json_array_append_new (
          array,
          json_pack ("{s:o, s:s, s:o, s:o, s:o, s:o}", "address", safe (vereda_probe_address_get_text (address)), "outcome",
                     vereda_probe_address_get_outcome (address), "error", error_name (vereda_probe_address_get_errno (address)),
                     "start_ms", milliseconds (vereda_probe_address_get_start (address)), "ms",
                     milliseconds (vereda_probe_address_get_duration (address)), "afterwards",
                     afterwards == NULL ? json_null ()
                                        : json_pack ("{s:s, s:o}", "outcome", afterwards, "ms",
                                                     milliseconds (vereda_probe_address_get_afterwards_duration (address)))));
    }
  return array;
}

static json_t *
stage_object (VeredaProbe *probe, VeredaProbeStage *row)
{
  const VeredaStage stage = vereda_probe_stage_get_stage (row);
  json_t *object = json_object ();

  json_object_set_new (object, "name", json_string (look_stage_word (stage)));
  json_object_set_new (object, "ok", json_boolean (vereda_probe_stage_succeeded (row)));
  json_object_set_new (object, "connection", json_integer (vereda_probe_stage_get_connection (row)));
  json_object_set_new (object, "secure", json_boolean (vereda_probe_stage_is_secure (row)));
  json_object_set_new (object, "start_ms", milliseconds (vereda_probe_stage_get_start (row)));
  json_object_set_new (object, "ms", milliseconds (vereda_probe_stage_get_duration (row)));
  json_object_set_new (object, "round_trips", json_integer (vereda_probe_stage_get_round_trips (row)));
  json_object_set_new (object, "bytes_in", json_integer ((json_int_t) vereda_probe_stage_get_octets_in (row)));
  json_object_set_new (object, "bytes_out", json_integer ((json_int_t) vereda_probe_stage_get_octets_out (row)));
  json_object_set_new (object, "detail", safe (vereda_probe_stage_get_detail (row)));
  json_object_set_new (object, "reply", look_json_reply (vereda_probe_stage_get_reply (row)));
  if (stage == VEREDA_STAGE_CONNECT)
    json_object_set_new (object, "tried", addresses (probe));
  return object;
}

json_t *
look_json_stages (const Look *look)
{
  json_t *array = json_array ();

  for (guint i = 0; look->probe != NULL && i < vereda_probe_get_n_stages (look->probe); i++)
    json_array_append_new (array, stage_object (look->probe, vereda_probe_get_stage (look->probe, i)));
  return array;
}

/* ---- EHLO ---- */

static json_t *
keyword_object (const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);
  json_t *arguments = json_array ();
  guint64 number;

  for (char **word = words + (*words != NULL ? 1 : 0); *word != NULL; word++)
    json_array_append_new (arguments, safe (*word));
  json_t *object = json_pack ("{s:o, s:o}", "keyword", safe (*words != NULL ? *words : ""), "args", arguments);
  if (*words != NULL && g_ascii_strcasecmp (*words, "SIZE") == 0)
    json_object_set_new (object, "value",
                         words[1] != NULL && g_ascii_string_to_unsigned (words[1], 10, 0, G_MAXINT64, &number, NULL)
                             ? json_integer ((json_int_t) number)
                             : json_null ());
  return object;
}

static json_t *
extensions (VeredaProbe *probe, gboolean secure)
{
  const char *const *lines = vereda_probe_get_extensions (probe, secure);
  json_t *array = lines != NULL ? json_array () : json_null ();

  for (; lines != NULL && *lines != NULL; lines++)
    json_array_append_new (array, keyword_object (*lines));
  return array;
}

/* ---- TLS ---- */

static json_t *
certificate_object (const Cert *cert)
{
  json_t *names = json_array ();
  json_t *object = json_object ();

  for (char **name = cert->names; *name != NULL; name++)
    json_array_append_new (names, safe (*name));
  json_object_set_new (object, "broken", safe (cert->broken));
  json_object_set_new (object, "subject", safe (cert->subject));
  json_object_set_new (object, "issuer", safe (cert->issuer));
  json_object_set_new (object, "serial", safe (cert->serial));
  json_object_set_new (object, "san", names);
  if (cert->subject != NULL)
    {
      g_autofree char *before = cert_time (cert->not_before), *after = cert_time (cert->not_after);

      json_object_set_new (object, "not_before", json_string (before));
      json_object_set_new (object, "not_after", json_string (after));
      json_object_set_new (object, "days_left", json_integer (cert_days_left (cert)));
      json_object_set_new (object, "key",
                           json_pack ("{s:o, s:i, s:o}", "type", safe (cert->key_type), "bits", cert->key_bits, "group",
                                      safe (cert->key_group)));
    }
  else
    for (const char *const *key = (const char *const[]){ "not_before", "not_after", "days_left", "key", NULL }; *key != NULL;
         key++)
      json_object_set_new (object, *key, json_null ());
  json_object_set_new (object, "sigalg", safe (cert->signature));
  json_object_set_new (object, "ca", json_boolean (cert->is_ca));
  json_object_set_new (object, "sha256", safe (cert->sha256));
  json_object_set_new (object, "spki_sha256_base64", safe (cert->spki_sha256));
  return object;
}

static json_t *
verify_object (VeredaProbe *probe)
{
  const int number = vereda_probe_get_verify_number (probe), depth = vereda_probe_get_verify_depth (probe);
  json_t *object = json_object ();

  json_object_set_new (object, "ok", json_boolean (vereda_probe_is_verified (probe)));
  json_object_set_new (object, "code", safe (vereda_probe_get_verify_code (probe)));
  json_object_set_new (object, "number", number < 0 ? json_null () : json_integer (number));
  json_object_set_new (object, "depth", depth < 0 ? json_null () : json_integer (depth));
  json_object_set_new (object, "backend_text", safe (vereda_probe_get_verify_text (probe)));
  json_object_set_new (object, "name", safe (vereda_probe_get_peer_name (probe)));
  json_object_set_new (object, "matched", safe (vereda_probe_get_matched_name (probe)));
  return object;
}

static json_t *
not_checked (const char *reason)
{
  return json_pack ("{s:s, s:s}", "state", "not_checked", "reason", reason);
}

static json_t *
ocsp_object (VeredaProbe *probe)
{
  const char *word = vereda_probe_get_ocsp (probe);

  if (word == NULL)
    return not_checked ("no-handshake");
  if (strcmp (word, "not-stapled") == 0)
    return json_pack ("{s:s}", "state", "not_stapled");
  return json_pack ("{s:s}", "state", word);
}

json_t *
look_json_tls (const Look *look)
{
  VeredaProbe *probe = look->probe;

  if (probe == NULL || !vereda_probe_has_tls (probe))
    return json_null ();
  const char *version = look_tls_word (vereda_probe_get_tls_version (probe));
  json_t *object = json_object (), *chain = json_array ();

  for (guint i = 0; i < look->certs->len; i++)
    json_array_append_new (chain, certificate_object (look->certs->pdata[i]));
  json_object_set_new (object, "transport", safe (vereda_probe_get_transport (probe)));
  json_object_set_new (object, "backend", safe (vereda_probe_get_tls_backend (probe)));
  json_object_set_new (object, "version", safe (version));
  json_object_set_new (object, "cipher", safe (vereda_probe_get_tls_cipher (probe)));
  json_object_set_new (object, "key_bits",
                       vereda_probe_get_tls_key_bits (probe) > 0 ? json_integer (vereda_probe_get_tls_key_bits (probe))
                                                                 : json_null ());
  json_object_set_new (object, "group", safe (vereda_probe_get_tls_group (probe)));
  json_object_set_new (object, "signature", safe (vereda_probe_get_tls_signature (probe)));
  json_object_set_new (object, "resumed", known (vereda_probe_is_tls_resumed (probe)));
  json_object_set_new (object, "verify", verify_object (probe));
  json_object_set_new (object, "chain", chain);
  json_object_set_new (object, "ocsp", ocsp_object (probe));
  json_object_set_new (object, "dane", checks_json_dane (look));
  json_object_set_new (object, "mta_sts", checks_json_sts (look));
  return object;
}

/* ---- authentication ---- */

static json_t *
mechanism_object (VeredaExplanationRow *row)
{
  const gboolean there = vereda_explanation_row_get_stem (row) != NULL;

  return json_pack ("{s:o, s:o, s:o, s:b, s:b, s:o, s:o}", "mechanism", safe (vereda_explanation_row_get_mechanism (row)),
                    "plugin", safe (vereda_explanation_row_get_stem (row)), "strength",
                    there ? json_integer (vereda_explanation_row_get_strength (row)) : json_null (), "offered",
                    vereda_explanation_row_is_offered (row), "usable",
                    vereda_explanation_row_is_offered (row) && vereda_explanation_row_is_usable (row), "reason",
                    safe (vereda_explanation_row_is_offered (row) ? vereda_explanation_row_get_reason (row) : "not-offered"),
                    "text", safe (vereda_explanation_row_get_text (row)));
}

static json_t *
attempts (const Look *look)
{
  json_t *array = json_array ();

  for (guint i = 0; i < vereda_probe_get_n_stages (look->probe); i++)
    {
      VeredaProbeStage *row = vereda_probe_get_stage (look->probe, i);

      if (vereda_probe_stage_get_stage (row) != VEREDA_STAGE_AUTH)
        continue;
      json_array_append_new (
          array, json_pack ("{s:o, s:b, s:o, s:i, s:o}", "mechanism", safe (vereda_probe_stage_get_detail (row)), "ok",
                            vereda_probe_stage_succeeded (row), "ms", milliseconds (vereda_probe_stage_get_duration (row)),
                            "round_trips", (int) vereda_probe_stage_get_round_trips (row), "reply",
                            look_json_reply (vereda_probe_stage_get_reply (row))));
    }
  return array;
}

json_t *
look_json_auth (const Look *look)
{
  if (look->probe == NULL)
    return json_null ();
  json_t *offered = json_array (), *order = json_array ();
  const char *authenticated = vereda_probe_get_authenticated (look->probe);
  json_t *tries = attempts (look);
  const gboolean tried = json_array_size (tries) > 0;
  for (const char *const *name = vereda_probe_get_mechanisms (look->probe); *name != NULL; name++)
    json_array_append_new (offered, safe (*name));
  for (guint i = 0; look->explanation != NULL && i < vereda_explanation_get_n_rows (look->explanation); i++)
    json_array_append_new (order, mechanism_object (vereda_explanation_get_row (look->explanation, i)));
  return json_pack ("{s:o, s:o, s:b, s:o, s:o, s:s}", "offered", offered, "order", order, "supposed_credentials",
                    look->supposed, "attempts", tries, "chosen", safe (authenticated), "result",
                    authenticated != NULL ? "ok"
                    : tried               ? "failed"
                                          : "not-tried");
}

/* ---- the whole ---- */

json_t *
look_json_target (const Look *look)
{
  json_t *object = json_object ();
  VeredaProbe *probe = look->probe;
  const char *address = probe != NULL ? vereda_probe_get_address (probe) : NULL;

  json_object_set_new (object, "given", safe (look->target));
  json_object_set_new (object, "server", probe != NULL ? safe (vereda_probe_get_server (probe)) : json_null ());
  json_object_set_new (object, "host", probe != NULL ? safe (vereda_probe_get_host (probe)) : json_null ());
  json_object_set_new (object, "port", probe != NULL ? json_integer (vereda_probe_get_port (probe)) : json_null ());
  json_object_set_new (object, "mode", probe != NULL ? safe (vereda_probe_get_mode (probe)) : json_null ());
  json_object_set_new (object, "mode_reason", probe != NULL ? safe (vereda_probe_get_mode_reason (probe)) : json_null ());
  json_object_set_new (object, "tls_required", json_boolean (probe != NULL && vereda_probe_is_tls_required (probe)));
  json_object_set_new (object, "lmtp", json_boolean (probe != NULL && vereda_probe_is_lmtp (probe)));
  json_object_set_new (object, "address", safe (address));
  json_object_set_new (object, "family",
                       address == NULL                      ? json_null ()
                       : g_str_has_prefix (address, "unix") ? json_string ("unix")
                       : *address == '['                    ? json_string ("ipv6")
                                                            : json_string ("ipv4"));
  return object;
}

json_t *
look_json_findings (GPtrArray *findings)
{
  json_t *array = json_array ();

  for (guint i = 0; i < findings->len; i++)
    {
      const Finding *finding = findings->pdata[i];

      json_array_append_new (array, json_pack ("{s:s, s:s, s:s, s:o, s:o}", "id", finding->info->id, "severity",
                                               finding_severity_word (finding->severity), "stage", finding->info->stage, "text",
                                               safe (finding->text), "next", safe (finding->next)));
    }
  return array;
}

static json_t *
warnings_array (const Look *look, const Plan *plan)
{
  json_t *array = json_array ();

  for (guint i = 0; i < plan->warnings->len; i++)
    json_array_append_new (array, safe (plan->warnings->pdata[i]));
  for (guint i = 0; look->probe != NULL && i < vereda_probe_get_n_warnings (look->probe); i++)
    json_array_append_new (array, safe (vereda_probe_get_warning (look->probe, i)));
  return array;
}

static json_t *
cost_object (const Look *look)
{
  const LookCost cost = look_cost (look);

  return json_pack ("{s:o, s:i, s:I, s:I}", "ms", milliseconds (vereda_probe_get_elapsed (look->probe)), "round_trips",
                    (int) cost.round_trips, "bytes_in", (json_int_t) cost.in, "bytes_out", (json_int_t) cost.out);
}

json_t *
look_json (const Look *look, const Plan *plan, const char *command)
{
  VeredaProbe *probe = look->probe;
  json_t *document = json_object ();

  json_object_set_new (document, "schema", json_string ("smtp-tool/probe/1"));
  json_object_set_new (document, "command", json_string (command));
  json_object_set_new (document, "tool", json_string ("smtp-tool " TOOL_VERSION));
  json_object_set_new (document, "library", json_string (vereda_version ()));
  json_object_set_new (document, "time", json_string (look->time));
  json_object_set_new (document, "target", look_json_target (look));
  json_object_set_new (document, "verdict", json_string (look->error == NULL ? "ready" : "failed"));
  json_object_set_new (document, "failed_stage",
                       look->error != NULL && probe != NULL
                           ? json_string (look_stage_word (vereda_probe_get_error_stage (probe)))
                           : json_null ());
  json_object_set_new (document, "error", report_error (look->error, NULL));
  json_object_set_new (document, "stages", look_json_stages (look));
  json_object_set_new (document, "total", probe != NULL ? cost_object (look) : json_null ());
  json_object_set_new (document, "tls", look_json_tls (look));
  json_object_set_new (document, "ehlo",
                       json_pack ("{s:o, s:o}", "before_tls", probe != NULL ? extensions (probe, FALSE) : json_null (),
                                  "after_tls", probe != NULL ? extensions (probe, TRUE) : json_null ()));
  json_object_set_new (document, "auth", look_json_auth (look));
  json_object_set_new (document, "findings", look_json_findings (look->findings));
  json_object_set_new (document, "warnings", warnings_array (look, plan));
  return document;
}
