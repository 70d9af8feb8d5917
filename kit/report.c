/* SPDX-License-Identifier: MIT */
/* report - the checks that were made and what they found, for a person and as TAP.
 *
 * Pure.  Cannot fail. */
#include "kit/report.h"

#include <string.h>

#include "kit/checks.h"

/* A plugin that is wrong at every octet is wrong once: more lines help nobody. */
#define SENTENCES_MAX 8

typedef struct
{
  char *id;
  char *subject;
  VeredaKitOutcome outcome;
  GString *text;
  guint n_sentences;
} Check;

struct VeredaKitReport
{
  char *module;
  GPtrArray *checks;
  Check *now;
};

static void
check_free (gpointer data)
{
  Check *check = data;
  g_free (check->id);
  g_free (check->subject);
  g_string_free (check->text, TRUE);
  g_free (check);
}

VeredaKitReport *
kit_report_new (const char *module)
{
  VeredaKitReport *report = g_new0 (VeredaKitReport, 1);
  report->module = g_strdup (module);
  report->checks = g_ptr_array_new_with_free_func (check_free);
  return report;
}

void
vereda_kit_report_free (VeredaKitReport *report)
{
  if (report == NULL)
    return;
  g_free (report->module);
  g_ptr_array_unref (report->checks);
  g_free (report);
}

void
kit_report_begin (VeredaKitReport *report, const char *id, const char *subject)
{
  for (guint i = 0; i < report->checks->len; i++)
    {
      Check *check = report->checks->pdata[i];
      if (strcmp (check->id, id) == 0 && strcmp (check->subject, subject) == 0)
        {
          report->now = check;
          return;
        }
    }
  report->now = g_new0 (Check, 1);
  report->now->id = g_strdup (id);
  report->now->subject = g_strdup (subject);
  report->now->text = g_string_new (NULL);
  g_ptr_array_add (report->checks, report->now);
}

void
kit_report_fail (VeredaKitReport *report, const char *text)
{
  Check *check = report->now;
  if (check->outcome != VEREDA_KIT_FAILED)
    g_string_truncate (check->text, 0);
  check->outcome = VEREDA_KIT_FAILED;
  if (check->n_sentences == SENTENCES_MAX || strstr (check->text->str, text) != NULL)
    return;
  check->n_sentences++;
  g_string_append_printf (check->text, "%s%s", check->text->len > 0 ? "\n" : "",
                          check->n_sentences == SENTENCES_MAX ? "and more of the kind" : text);
}

void
kit_report_skip (VeredaKitReport *report, const char *text)
{
  Check *check = report->now;
  if (check->outcome != VEREDA_KIT_PASSED)
    return;
  check->outcome = VEREDA_KIT_SKIPPED;
  g_string_assign (check->text, text);
}

static Check *
check_of (VeredaKitReport *report, guint i)
{
  g_return_val_if_fail (i < report->checks->len, NULL);
  return report->checks->pdata[i];
}

guint
vereda_kit_report_get_n_checks (VeredaKitReport *report)
{
  return report->checks->len;
}

guint
vereda_kit_report_get_n_failed (VeredaKitReport *report)
{
  guint n = 0;
  for (guint i = 0; i < report->checks->len; i++)
    n += check_of (report, i)->outcome == VEREDA_KIT_FAILED;
  return n;
}

const char *
vereda_kit_report_get_id (VeredaKitReport *report, guint i)
{
  return check_of (report, i)->id;
}

const char *
vereda_kit_report_get_subject (VeredaKitReport *report, guint i)
{
  return check_of (report, i)->subject;
}

VeredaKitOutcome
vereda_kit_report_get_outcome (VeredaKitReport *report, guint i)
{
  return check_of (report, i)->outcome;
}

const char *
vereda_kit_report_get_text (VeredaKitReport *report, guint i)
{
  return check_of (report, i)->text->str;
}

const char *
vereda_kit_report_get_advice (VeredaKitReport *report, guint i)
{
  return kit_check_advice (check_of (report, i)->id);
}

static void
append_lines (GString *to, const char *indent, const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    g_string_append_printf (to, "%s%s\n", indent, *line);
}

char *
vereda_kit_report_to_text (VeredaKitReport *report, gboolean verbose)
{
  static const char *const words[] = { "passed", "FAILED", "skipped" };
  GString *text = g_string_new (NULL);
  guint counts[3] = { 0 };
  for (guint i = 0; i < report->checks->len; i++)
    {
      const Check *check = report->checks->pdata[i];
      counts[check->outcome]++;
      if (check->outcome == VEREDA_KIT_PASSED && !verbose)
        continue;
      g_string_append_printf (text, "%-8s%s%s%s\n", words[check->outcome], check->id, *check->subject != '\0' ? " " : "",
                              check->subject);
      if (check->outcome != VEREDA_KIT_PASSED)
        append_lines (text, "        ", check->text->str);
      if (check->outcome == VEREDA_KIT_FAILED)
        g_string_append_printf (text, "        To do: %s.\n", kit_check_advice (check->id));
    }
  g_string_append_printf (text, "%s: %u checks passed, %u failed, %u skipped\n", report->module, counts[0], counts[1],
                          counts[2]);
  return g_string_free (text, FALSE);
}

char *
vereda_kit_report_to_tap (VeredaKitReport *report)
{
  GString *tap = g_string_new (NULL);
  for (guint i = 0; i < report->checks->len; i++)
    {
      const Check *check = report->checks->pdata[i];
      g_autofree char *reason = g_strdelimit (g_strdup (check->text->str), "\n#", ' ');
      g_string_append_printf (tap, "%sok %u - %s%s%s", check->outcome == VEREDA_KIT_FAILED ? "not " : "", i + 1, check->id,
                              *check->subject != '\0' ? " " : "", check->subject);
      if (check->outcome == VEREDA_KIT_SKIPPED)
        g_string_append_printf (tap, " # SKIP %s", reason);
      g_string_append_c (tap, '\n');
      if (check->outcome != VEREDA_KIT_FAILED)
        continue;
      append_lines (tap, "# ", check->text->str);
      g_string_append_printf (tap, "# To do: %s.\n", kit_check_advice (check->id));
    }
  g_string_append_printf (tap, "1..%u\n", report->checks->len);
  return g_string_free (tap, FALSE);
}
