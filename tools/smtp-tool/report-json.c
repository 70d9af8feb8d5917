/* SPDX-License-Identifier: MIT */
/* report-json - the result for machines.  See report.h. */
#include "hint.h"
#include "report.h"
#include "spool.h"
#include "tool.h"

#include <stdio.h>

json_t *
report_string (const char *text)
{
  if (text == NULL)
    return json_null ();
  json_t *string = json_string (text);
  if (string != NULL)
    return string;
  g_autofree char *escaped = text_escape (text);
  return json_string (escaped);
}

json_t *
report_exit (const Outcome *outcome)
{
  return json_pack ("{s:i, s:s, s:b}", "code", outcome->number, "name", exit_info (outcome->status)->name, "retryable",
                    outcome->retryable);
}

json_t *
report_error (const GError *error, const char *const *hints)
{
  if (error == NULL)
    return json_null ();
  json_t *tries = json_array ();
  for (; hints != NULL && *hints != NULL; hints++)
    json_array_append_new (tries, report_string (*hints));
  return json_pack ("{s:s, s:o, s:o}", "code", exit_error_name (error), "text", report_string (error->message), "try", tries);
}

static json_t *
reply_object (VeredaReply *reply)
{
  if (reply == NULL)
    return json_null ();
  return json_pack ("{s:i, s:o, s:o, s:b}", "code", vereda_reply_get_code (reply), "enhanced",
                    report_string (vereda_reply_get_enhanced (reply)), "text", report_string (vereda_reply_get_text (reply)),
                    "local", vereda_reply_is_local (reply));
}

static json_t *
recipient_object (VeredaRecipient *recipient)
{
  const VeredaRecipientStatus status = vereda_recipient_get_status (recipient);
  VeredaReply *reply = vereda_recipient_get_reply (recipient);
  json_t *object = json_object ();

  json_object_set_new (object, "address", report_string (vereda_recipient_get_address (recipient)));
  json_object_set_new (object, "status", report_string (vereda_recipient_status_name (status)));
  json_object_set_new (object, "code", reply != NULL ? json_integer (vereda_reply_get_code (reply)) : json_null ());
  json_object_set_new (object, "enhanced", reply != NULL ? report_string (vereda_reply_get_enhanced (reply)) : json_null ());
  json_object_set_new (object, "text", reply != NULL ? report_string (vereda_reply_get_text (reply)) : json_null ());
  json_object_set_new (object, "permanent",
                       status == VEREDA_RECIPIENT_REFUSED ? json_boolean (vereda_recipient_is_permanent (recipient))
                                                          : json_null ());
  json_object_set_new (object, "blind", json_boolean (vereda_recipient_is_blind (recipient)));
  json_object_set_new (object, "server", report_string (vereda_recipient_get_server (recipient)));
  return object;
}

static json_t *
attempt_object (VeredaAttempt *attempt)
{
  json_t *object = json_object ();

  json_object_set_new (object, "server", report_string (vereda_attempt_get_server (attempt)));
  json_object_set_new (object, "address", report_string (vereda_attempt_get_address (attempt)));
  json_object_set_new (object, "transport", report_string (vereda_attempt_get_transport (attempt)));
  json_object_set_new (object, "stage", report_string (vereda_stage_name (vereda_attempt_get_stage (attempt))));
  json_object_set_new (object, "ok", json_boolean (vereda_attempt_succeeded (attempt)));
  json_object_set_new (object, "detail", report_string (vereda_attempt_get_detail (attempt)));
  json_object_set_new (object, "reply", reply_object (vereda_attempt_get_reply (attempt)));
  json_object_set_new (object, "decision", report_string (vereda_decision_name (vereda_attempt_get_decision (attempt))));
  json_object_set_new (object, "ms", json_real ((double) vereda_attempt_get_elapsed (attempt) / 1000.0));
  return object;
}

static void
add_result (json_t *object, VeredaResult *result)
{
  json_t *recipients = json_array ();
  json_t *attempts = json_array ();
  json_t *warnings = json_array ();

  for (guint i = 0; result != NULL && i < vereda_result_get_n_recipients (result); i++)
    json_array_append_new (recipients, recipient_object (vereda_result_get_recipient (result, i)));
  for (guint i = 0; result != NULL && i < vereda_result_get_n_attempts (result); i++)
    json_array_append_new (attempts, attempt_object (vereda_result_get_attempt (result, i)));
  for (guint i = 0; result != NULL && i < vereda_result_get_n_warnings (result); i++)
    json_array_append_new (warnings, report_string (vereda_result_get_warning (result, i)));
  json_object_set_new (object, "server", result != NULL ? report_string (vereda_result_get_server (result)) : json_null ());
  json_object_set_new (object, "reverse_path",
                       result != NULL ? report_string (vereda_result_get_reverse_path (result)) : json_null ());
  json_object_set_new (object, "reply", result != NULL ? reply_object (vereda_result_get_reply (result)) : json_null ());
  json_object_set_new (object, "recipients", recipients);
  json_object_set_new (object, "attempts", attempts);
  json_object_set_new (object, "warnings", warnings);
}

/* The message of a dry run: as text where it is text, else in base64. */
static json_t *
message_object (const Item *item)
{
  g_autoptr (GBytes) bytes = item->fd >= 0 ? spool_read (item->fd, NULL) : NULL;
  gsize size = 0;

  if (bytes == NULL)
    return json_null ();
  const char *data = g_bytes_get_data (bytes, &size);
  if (size == 0)
    return json_pack ("{s:s}", "text", "");
  json_t *text = json_stringn (data, size);
  if (text != NULL)
    return json_pack ("{s:o}", "text", text);
  g_autofree char *base64 = g_base64_encode ((const guchar *) data, size);
  return json_pack ("{s:s}", "base64", base64);
}

static json_t *
item_object (const Plan *plan, const Item *item)
{
  const GError *error = report_item_error (item);
  const gboolean dry = plan->dry_run && item->submitted;
  g_autofree const char **hints = hint_list (plan, error, item->result);
  json_t *object = json_object ();
  VeredaVerdict verdict = VEREDA_NOT_SENT;

  if (item->result != NULL)
    verdict = vereda_result_get_verdict (item->result);
  else if (item->error == NULL && plan->interrupted)
    verdict = VEREDA_UNKNOWN;
  json_object_set_new (object, "file", report_string (item->file));
  json_object_set_new (object, "verdict", report_string (vereda_verdict_name (verdict)));
  add_result (object, item->result);
  if (error == NULL && item->result == NULL && plan->interrupted)
    json_object_set_new (object, "error", json_pack ("{s:s, s:s, s:[]}", "code", "interrupted", "text", "interrupted", "try"));
  else
    json_object_set_new (object, "error", dry ? json_null () : report_error (error, hints));
  if (dry)
    json_object_set_new (object, "message", message_object (item));
  return object;
}

json_t *
report_json (const Plan *plan, const GError *fatal, const Outcome *outcome)
{
  g_autofree const char **hints = hint_list (plan, fatal, NULL);
  json_t *document = json_object ();
  json_t *messages = json_array ();
  json_t *warnings = json_array ();

  for (guint i = 0; i < plan->items->len; i++)
    json_array_append_new (messages, item_object (plan, plan->items->pdata[i]));
  for (guint i = 0; i < plan->warnings->len; i++)
    json_array_append_new (warnings, report_string (plan->warnings->pdata[i]));
  json_object_set_new (document, "schema", json_string ("smtp-tool/send/1"));
  json_object_set_new (document, "exit", report_exit (outcome));
  json_object_set_new (document, "dry_run", json_boolean (plan->dry_run));
  json_object_set_new (document, "error", report_error (fatal, hints));
  json_object_set_new (document, "warnings", warnings);
  json_object_set_new (document, "messages", messages);
  return document;
}

gboolean
report_print (json_t *document)
{
  const gboolean written
      = json_dumpf (document, stdout, JSON_INDENT (2) | JSON_REAL_PRECISION (9)) == 0 && putchar ('\n') != EOF;

  json_decref (document);
  return fflush (stdout) == 0 && written;
}
