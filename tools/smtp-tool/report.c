/* SPDX-License-Identifier: MIT */
/* report - see report.h. */
#include "report.h"
#include "progress.h"
#include "text.h"
#include "tool.h"

#include <stdio.h>

const GError *
report_item_error (const Item *item)
{
  if (item->error != NULL)
    return item->error;
  return item->result != NULL ? vereda_result_get_error (item->result) : NULL;
}

ExitStatus
report_item_status (const Plan *plan, const Item *item)
{
  if (item->error != NULL)
    return exit_of_error (item->error);
  if (plan->dry_run && item->submitted)
    return EXIT_OK;
  if (item->result != NULL)
    return exit_of_result (item->result, plan->allow_partial);
  return plan->interrupted ? EXIT_INTERRUPTED : EXIT_INTERNAL;
}

Outcome
report_outcome (const Plan *plan, const GError *fatal)
{
  Outcome outcome = { EXIT_OK, FALSE, 0 };
  gboolean all_transient = TRUE;

  if (fatal != NULL)
    {
      outcome.status = exit_of_error (fatal);
      all_transient = FALSE;
    }
  for (guint i = 0; i < plan->items->len; i++)
    {
      const Item *item = plan->items->pdata[i];

      /* Nothing became of it because of what concerns all. */
      if (fatal != NULL && item->error == NULL && item->result == NULL)
        continue;
      const ExitStatus status = report_item_status (plan, item);

      outcome.status = exit_worse (outcome.status, status);
      if (status != EXIT_OK && (item->error != NULL || item->result == NULL || !vereda_result_is_transient (item->result)))
        all_transient = FALSE;
    }
  /* 128 and the number of the signal, as shells have it; not when it came after all was done. */
  if (plan->interrupted != 0 && outcome.status != EXIT_OK)
    {
      outcome.status = EXIT_INTERRUPTED;
      outcome.number = 128 + plan->interrupted;
      return outcome;
    }
  outcome.retryable = outcome.status != EXIT_OK && all_transient;
  outcome.number = exit_number (outcome.status, outcome.retryable, plan->sysexits);
  return outcome;
}

void
report_problem (const char *subject, const char *text, const char *const *hints)
{
  const gboolean held = progress_pause ();
  if (subject != NULL)
    fprintf (stderr, "smtp-tool: %s: %s\n", subject, text);
  else
    fprintf (stderr, "smtp-tool: %s\n", text);
  for (; hints != NULL && *hints != NULL; hints++)
    fprintf (stderr, "  try: %s\n", *hints);
  progress_resume (held);
}
