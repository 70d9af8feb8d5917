/* SPDX-License-Identifier: MIT */
/* send - `smtp-tool send`: reads the command line, sends, reports.
 *
 * All messages go through one sender, so over one connection where the server allows it. */
#include "begin.h"
#include "exit.h"
#include "helper.h"
#include "interrupt.h"
#include "options.h"
#include "plan.h"
#include "progress.h"
#include "report.h"
#include "tool.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* Guards the items' results, and who may send, between the thread that sends and the one that watches for signals. */
static GMutex lock;

static void
print_help (GPtrArray *options)
{
  puts ("Usage: smtp-tool send [OPTION]... [FILE... | -]\n"
        "Submit messages to a server, and tell for each recipient what became of it.\n"
        "\n"
        "FILE is an RFC 5322 message; - is standard input.  Several files go over one\n"
        "connection.  Without FILE a message is composed of --subject, --body and --attach.");
  options_print_help (options);
  puts ("\nEvery option may be shortened while it stays unique, and undone by --no-OPTION.\n"
        "\nExit status, of several messages the one that comes first here:");
  for (guint i = 0; i < exit_count (); i++)
    if (exit_at (i)->status != EXIT_EXPECT && exit_at (i)->status != EXIT_DIFFER) /* of probe and compare */
      printf ("  %3d  %s\n", exit_at (i)->status, exit_at (i)->meaning);
}

/* One report, in the form that was asked for; the exit status.  Whether it could be written main() finds out. */
static int
report (const Plan *plan, const GError *fatal)
{
  const Outcome outcome = report_outcome (plan, fatal);

  progress_end ();
  if (plan->format == FORMAT_JSON)
    (void) report_print (report_json (plan, fatal, &outcome));
  else
    report_human (plan, fatal);
  return outcome.number;
}

static void
on_done (VeredaSender *sender, VeredaMessage *message, VeredaResult *result, gpointer user_data)
{
  Item *item = user_data;

  progress_message_done ();
  g_mutex_lock (&lock);
  if (item->result == NULL)
    item->result = vereda_result_ref (result);
  g_mutex_unlock (&lock);
}

typedef struct
{
  Plan *plan;
  VeredaSender *sender; /* once it may send */
} Work;

/* The messages are still being read or composed, and nothing has gone anywhere: the plan is in use on its own thread and not looked at. */
static void G_GNUC_NORETURN
end_before_sending (const Plan *plan, int signal_number)
{
  g_autoptr (GError) error = g_error_new_literal (TOOL_ERROR, TOOL_ERROR_INTERRUPTED, "interrupted before anything was sent");
  Plan *empty = plan_new ();

  empty->format = plan->format;
  empty->dry_run = plan->dry_run;
  empty->interrupted = signal_number;
  const int status = report (empty, error);
  (void) fflush (stdout);
  _exit (status);
}

/* On the watching thread, or at a question of the terminal on the sender's.  The first signal cancels, and every message gets its true
 * verdict.  Who cannot wait for that signals again: what is done is reported as it is, the rest as not known, and the process ends. */
static void
on_interrupt (int signal_number, gpointer data)
{
  Work *work = data;

  g_mutex_lock (&lock);
  if (work->sender == NULL)
    end_before_sending (work->plan, signal_number); /* with the lock: the other thread must not begin to send meanwhile */
  g_mutex_unlock (&lock);
  if (g_atomic_int_compare_and_exchange (&work->plan->interrupted, 0, signal_number))
    {
      vereda_sender_cancel (work->sender);
      return;
    }
  g_mutex_lock (&lock);
  g_atomic_int_set (&work->plan->interrupted, signal_number);
  const int status = report (work->plan, NULL);
  (void) fflush (stdout);
  _exit (status);
}

static void
submit (Plan *plan, VeredaSender *sender, Item *item)
{
  g_autoptr (VeredaResult) result = NULL;
  g_autoptr (GError) error = NULL;

  if (item->message == NULL)
    return;
  item->submitted = vereda_sender_submit (sender, item->message, NULL, on_done, item, &result, &error);
  if (item->submitted)
    return;
  item->result = g_steal_pointer (&result);
  if (item->result == NULL)
    item->error = g_steal_pointer (&error);
}

static void
send_all (Work *work, GError **error)
{
  Plan *plan = work->plan;

  progress_begin (plan);
  VeredaSender *sender = vereda_sender_new (plan->options, error);
  for (guint i = 0; sender != NULL && i < plan->items->len; i++)
    submit (plan, sender, plan->items->pdata[i]);
  if (sender != NULL && !plan->dry_run)
    {
      g_mutex_lock (&lock);
      work->sender = sender;
      g_mutex_unlock (&lock);
      vereda_sender_run (sender);
    }
  interrupt_end ();
  progress_free ();
  vereda_sender_free (sender);
}

/* From here on signals are ours: with the first message something is read that may take its time. */
static void
read_and_send (Plan *plan, const CliLine *line, GError **error)
{
  Work work = { plan, NULL };

  interrupt_begin (on_interrupt, &work);
  if (plan->provider != NULL)
    provider_on_interrupt (plan->provider, on_interrupt, &work);
  if (plan_read_messages (plan, line, error))
    send_all (&work, error);
  else
    interrupt_end ();
}

/* What stops before there is a message is a look at the server; comes back only when the program for it is not there. */
static int
stop_early (Plan *plan, CliLine *line, int argc, char **argv)
{
  static char program[] = "smtp-tool-probe", name[] = "send";
  g_autofree char **copy = g_new0 (char *, (gsize) argc + 2);
  g_autoptr (GError) error = NULL;

  copy[0] = program;
  copy[1] = name;
  for (int i = 1; i < argc; i++)
    copy[i + 1] = argv[i];
  if (begin_reading (plan, line, NULL, &error))
    (void) helper_exec (program, argc + 1, copy, &error);
  return report (plan, error);
}

int
send_main (int argc, char **argv)
{
  g_autoptr (GPtrArray) options = options_for_send ();
  g_autoptr (CliLine) line = cli_parse (options, argc, argv);
  g_autoptr (Plan) plan = plan_new ();
  g_autoptr (GError) error = NULL;

  if (begin_answers (line, options, print_help))
    return 0;
  if (line->error == NULL && cli_given (line, OPT_SUPPORT))
    return plugins_main (1, argv);
  if (line->error == NULL && cli_given (line, OPT_DUMP))
    return config_main (argc, argv);
  signal (SIGPIPE, SIG_IGN);
  if (line->error == NULL
      && (cli_given (line, OPT_QUIT_AFTER) || cli_given (line, OPT_DROP_AFTER) || cli_given (line, OPT_DROP_AFTER_SEND)))
    return stop_early (plan, line, argc, argv);
  const gboolean ready = begin_reading (plan, line, options, &error) && plan_read_options (plan, line, &error);
  options_hide_secrets (line);
  if (ready)
    read_and_send (plan, line, &error);
  return report (plan, error);
}
