/* SPDX-License-Identifier: MIT */
/* report-human - the result for people.  See report.h. */
#include "hint.h"
#include "report.h"
#include "spool.h"
#include "tool.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GREEN  "\033[32m"
#define RED    "\033[31m"
#define YELLOW "\033[33m"
#define PLAIN  "\033[0m"

static const char *
colour_of (VeredaVerdict verdict, gboolean partial)
{
  switch (verdict)
    {
    case VEREDA_SENT:
      return partial ? YELLOW : GREEN;
    case VEREDA_UNKNOWN:
      return YELLOW;
    case VEREDA_NOT_SENT:
    default:
      return RED;
    }
}

static char *
reply_words (VeredaReply *reply)
{
  g_autofree char *text = text_one_line (vereda_reply_get_text (reply));
  const char *enhanced = vereda_reply_get_enhanced (reply);
  const char *local = vereda_reply_is_local (reply) ? " (said here, not by the server)" : "";

  if (enhanced != NULL)
    return g_strdup_printf ("%d %s %s%s", vereda_reply_get_code (reply), enhanced, text, local);
  return g_strdup_printf ("%d %s%s", vereda_reply_get_code (reply), text, local);
}

/* "msg.eml: sent to 2 of 3 recipients through mail.example.org: 250 2.0.0 Ok: queued as 1" */
static void
print_verdict (const Plan *plan, const char *name, VeredaResult *result)
{
  const VeredaVerdict verdict = vereda_result_get_verdict (result);
  const guint n = vereda_result_get_n_recipients (result);
  const guint accepted = vereda_result_count (result, VEREDA_RECIPIENT_ACCEPTED);
  const gboolean partial = verdict == VEREDA_SENT && accepted < n;
  const gboolean colour = text_use_colour (plan->colour, STDOUT_FILENO);
  VeredaReply *reply = vereda_result_get_reply (result);
  const char *word = verdict == VEREDA_SENT ? "sent" : verdict == VEREDA_UNKNOWN ? "unknown: may have been sent" : "not sent";

  printf ("%s: %s%s%s", name, colour ? colour_of (verdict, partial) : "", word, colour ? PLAIN : "");
  if (partial)
    printf (" to %u of %u recipients", accepted, n);
  else if (verdict == VEREDA_SENT)
    printf (" to %u recipient%s", n, n == 1 ? "" : "s");
  if (vereda_result_get_server (result) != NULL && verdict == VEREDA_SENT)
    {
      g_autofree char *server = text_escape (vereda_result_get_server (result));
      printf (" through %s", server);
    }
  if (reply != NULL)
    {
      g_autofree char *words = reply_words (reply);
      printf (": %s", words);
    }
  putchar ('\n');
}

static void
print_recipients (VeredaResult *result)
{
  for (guint i = 0; i < vereda_result_get_n_recipients (result); i++)
    {
      VeredaRecipient *recipient = vereda_result_get_recipient (result, i);
      const VeredaRecipientStatus status = vereda_recipient_get_status (recipient);
      VeredaReply *reply = vereda_recipient_get_reply (recipient);

      if (status != VEREDA_RECIPIENT_REFUSED && status != VEREDA_RECIPIENT_UNKNOWN)
        continue;
      g_autofree char *address = text_escape (vereda_recipient_get_address (recipient));
      g_autofree char *words = reply != NULL ? reply_words (reply) : g_strdup ("");
      printf ("  %-8s %s  %s%s\n", vereda_recipient_status_name (status), address, words,
              status == VEREDA_RECIPIENT_REFUSED && !vereda_recipient_is_permanent (recipient) ? " (later may help)" : "");
    }
}

/* The address of "Ann <ann@example.org>" in its brackets, as it goes into a command. */
static char *
path_of (const char *address)
{
  const char *open = strrchr (address, '<');
  g_autofree char *shown = text_escape (address);

  return open != NULL ? text_escape (open) : g_strdup_printf ("<%s>", shown);
}

static void
print_envelope (VeredaResult *result)
{
  g_autofree char *from
      = text_escape (vereda_result_get_reverse_path (result) != NULL ? vereda_result_get_reverse_path (result) : "");

  fprintf (stderr, "MAIL FROM:<%s>\n", from);
  for (guint i = 0; i < vereda_result_get_n_recipients (result); i++)
    {
      VeredaRecipient *recipient = vereda_result_get_recipient (result, i);
      g_autofree char *path = path_of (vereda_recipient_get_address (recipient));
      fprintf (stderr, "RCPT TO:%s%s\n", path, vereda_recipient_is_blind (recipient) ? "  (blind)" : "");
    }
}

/* Line by line with control characters escaped when people look at it, octet by octet otherwise. */
static void
print_message (const Item *item)
{
  g_autoptr (GError) error = NULL;

  if (!isatty (STDOUT_FILENO))
    {
      if (!spool_print (item->fd, stdout, &error))
        report_problem (NULL, error->message, NULL);
      return;
    }
  g_autoptr (GBytes) bytes = spool_read (item->fd, &error);
  if (bytes == NULL)
    {
      report_problem (NULL, error->message, NULL);
      return;
    }
  gsize size;
  const char *data = g_bytes_get_data (bytes, &size);
  g_autofree char *text = g_strndup (data != NULL ? data : "", size);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_strchomp (lines[i]);
      g_autofree char *shown = text_escape (lines[i]);
      printf ("%s\n", shown);
    }
}

/* What is true of a whole connection is in the result of each of its messages; people need it once. */
static void
print_warnings (const char *name, VeredaResult *result, GHashTable *said)
{
  for (guint i = 0; i < vereda_result_get_n_warnings (result); i++)
    {
      g_autofree char *warning = text_one_line (vereda_result_get_warning (result, i));

      if (g_hash_table_contains (said, warning))
        continue;
      fprintf (stderr, "smtp-tool: %s: warning: %s\n", name, warning);
      g_hash_table_add (said, g_steal_pointer (&warning));
    }
}

static void
print_dry (const Plan *plan, const Item *item, const char *name)
{
  if (plan->items->len > 1)
    fprintf (stderr, "=== %s\n", name);
  if (item->result != NULL)
    print_envelope (item->result);
  fputc ('\n', stderr);
  fflush (stderr);
  if (item->fd >= 0)
    print_message (item);
}

static void
print_item (const Plan *plan, const Item *item, GHashTable *said)
{
  g_autofree char *name = item_name (item);
  const GError *error = report_item_error (item);

  if (plan->dry_run && item->submitted)
    {
      print_dry (plan, item, name);
      return;
    }
  if (item->result != NULL && !plan->quiet)
    {
      print_verdict (plan, name, item->result);
      print_recipients (item->result);
      fflush (stdout);
    }
  if (item->result != NULL && !plan->quiet)
    print_warnings (name, item->result, said);
  if (error != NULL)
    {
      g_autofree const char **hints = hint_list (plan, error, item->result);
      g_autofree char *text = text_one_line (error->message);
      /* The library names the file itself where it cannot be opened. */
      report_problem (strstr (text, name) != NULL ? NULL : name, text, hints);
    }
  else if (item->result == NULL && plan->interrupted)
    report_problem (name, "interrupted: it is not known whether it was sent", NULL);
}

void
report_human (const Plan *plan, const GError *fatal)
{
  for (guint i = 0; i < plan->warnings->len; i++)
    if (!plan->quiet)
      fprintf (stderr, "smtp-tool: warning: %s\n", (const char *) plan->warnings->pdata[i]);
  if (fatal != NULL)
    {
      g_autofree const char **hints = hint_list (plan, fatal, NULL);
      g_autofree char *text = text_one_line (fatal->message);
      report_problem (NULL, text, hints);
      return;
    }
  g_autoptr (GHashTable) said = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < plan->items->len; i++)
    print_item (plan, plan->items->pdata[i], said);
}
