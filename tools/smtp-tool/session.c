/* SPDX-License-Identifier: MIT */
/* session - `smtp-tool session TARGET`: lines of one's own over a connection of the library's; see session.h.
 *
 * A program of its own, so that nothing else maps the line editor.  Replies go to standard output, everything else to standard error.  What
 * the server says is escaped; a SASL response that is typed does not appear. */
#include "session.h"
#include "interrupt.h"
#include "options.h"
#include "probe-command.h"
#include "text.h"
#include "tool.h"
#include "transcript.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const CommandInfo info
    = { "Usage: smtp-tool session [OPTION]... TARGET\n"
        "Connect as a sender would, then say lines from a terminal, a pipe or a script, and show the replies.\n"
        "\n"
        "STARTTLS as a line is followed by the handshake.  An empty line outside of content is passed over, and in a\n"
        "script so is one that begins with #.  A line that begins with a backslash is for this program; \\help lists them.\n"
        "The targets are those of smtp-tool probe.",
        "Exit status: 0; 44 when an \\expect did not hold, 6 connection lost or no reply in time, 4 a file; else what\n"
        "failed, see smtp-tool explain exit.  A script ends at the first of these.",
        COMMAND_SESSION, 0 };

/* ---- telling ---- */

void
session_complain (Session *session, ExitStatus status, const char *text)
{
  if (session->events != NULL)
    {
      session_json_problem (session, status, text);
      session->status = exit_worse (session->status, status);
      return;
    }
  g_autofree char *subject
      = session_input_is_terminal (session->input) ? NULL : g_strdup_printf ("line %u", session_input_number (session->input));

  (void) fflush (stdout);
  report_problem (subject, text, NULL);
  session->status = session_input_is_terminal (session->input) ? session->status : exit_worse (session->status, status);
}

void
session_fail (Session *session, GError *error)
{
  g_autofree char *text = text_one_line (error->message);
  const ExitStatus status = exit_of_error (error);

  /* After 221 and 421 the end is what was announced. */
  if (!vereda_probe_is_talking (session->probe) && session->last == 221)
    session->over = TRUE;
  else
    session_complain (session, status, text);
  if (!vereda_probe_is_talking (session->probe))
    {
      session->over = TRUE;
      if (session->last != 221)
        session->status = exit_worse (session->status, status);
    }
  g_error_free (error);
}

static void
print_reply (Session *session, VeredaReply *reply)
{
  const int code = vereda_reply_get_code (reply);
  const char *enhanced = vereda_reply_get_enhanced (reply);
  g_auto (GStrv) lines = g_strsplit (vereda_reply_get_text (reply), "\n", -1);

  session->last = (guint) code;
  session->content = FALSE;
  session->said = 0;
  if (session->events != NULL)
    {
      session_json_heard (session, reply);
      return;
    }
  if (lines[0] == NULL)
    printf ("%03d \n", code);
  for (char **line = lines; *line != NULL; line++)
    {
      g_autofree char *shown = text_escape (*line);
      printf ("%03d%c%s%s%s\n", code, line[1] != NULL ? '-' : ' ', enhanced != NULL ? enhanced : "",
              enhanced != NULL ? " " : "", shown);
    }
  (void) fflush (stdout);
}

gboolean
session_hear (Session *session, gboolean wait)
{
  do
    {
      GError *error = NULL;
      VeredaReply *reply = vereda_probe_hear (session->probe, wait ? session->patience : 0, &error);

      if (reply == NULL && error == NULL && !wait)
        return TRUE;
      if (reply == NULL && error == NULL)
        {
          g_autofree char *text = g_strdup_printf ("no reply within %.3g seconds", (double) session->patience / G_USEC_PER_SEC);
          session_complain (session, EXIT_CLOSED, text);
          return FALSE;
        }
      if (reply == NULL)
        {
          session_fail (session, error);
          return FALSE;
        }
      print_reply (session, reply);
      vereda_probe_reply_free (reply);
    }
  while (!wait || vereda_probe_get_n_awaited (session->probe) > 0);
  return TRUE;
}

void
session_show_tls (Session *session)
{
  VeredaProbe *probe = session->probe;
  const guint version = vereda_probe_get_tls_version (probe);
  const char *values[][2] = {
    { "cipher", vereda_probe_get_tls_cipher (probe) },       { "group", vereda_probe_get_tls_group (probe) },
    { "signature", vereda_probe_get_tls_signature (probe) }, { "library", vereda_probe_get_tls_backend (probe) },
    { "certificate", vereda_probe_get_verify_code (probe) }, { "name", vereda_probe_get_peer_name (probe) },
    { "matched", vereda_probe_get_matched_name (probe) },    { "OCSP", vereda_probe_get_ocsp (probe) },
  };

  if (session->events != NULL)
    {
      session_json_tls (session);
      return;
    }
  if (version == 0)
    {
      fprintf (stderr, "* in clear\n");
      return;
    }
  fprintf (stderr, "* %-11s %s\n", "TLS", version == 0x0304 ? "1.3" : version == 0x0303 ? "1.2" : "older");
  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    if (values[i][1] != NULL)
      {
        g_autofree char *shown = text_one_line (values[i][1]);
        fprintf (stderr, "* %-11s %s\n", values[i][0], shown);
      }
}

/* ---- lines ---- */

/* On a terminal, while nobody types: does the server say something? */
static SessionIdle
listen (gpointer data)
{
  Session *session = data;
  GError *error = NULL;
  VeredaReply *reply;

  if (!vereda_probe_is_talking (session->probe))
    return SESSION_IDLE_OVER;
  reply = vereda_probe_hear (session->probe, 0, &error);
  if (reply == NULL && error == NULL)
    return SESSION_IDLE_QUIET;
  puts ("");
  if (reply != NULL)
    print_reply (session, reply);
  else
    session_fail (session, error);
  vereda_probe_reply_free (reply);
  return session->over ? SESSION_IDLE_OVER : SESSION_IDLE_SAID;
}

static void
say (Session *session, const char *line)
{
  GError *error = NULL;
  const gboolean was_secure = vereda_probe_get_tls_version (session->probe) != 0;

  session_json_said (session, line);
  if (!vereda_probe_say (session->probe, line, &error))
    {
      session_fail (session, error);
      return;
    }
  if (vereda_probe_get_n_awaited (session->probe) > 0)
    (void) session_hear (session, TRUE);
  session->over |= session->last == 221; /* RFC 5321 section 4.1.1.10: the server closes now */
  if (!was_secure && vereda_probe_get_tls_version (session->probe) != 0 && (session->events != NULL || !session->plan->quiet))
    session_show_tls (session);
}

static void
take_line (Session *session, const char *line)
{
  if (session->last == 354 && strcmp (line, ".") != 0 && (session->content || line[0] != '\\'))
    {
      GError *error = NULL;

      session->content = TRUE;
      session->said += strlen (line) + 2;
      if (!vereda_probe_say (session->probe, line, &error))
        session_fail (session, error);
      return;
    }
  if (line[0] == '\\' && line[1] != '\\')
    session_command (session, line + 1);
  else if (line[0] == '\0' || (line[0] == '#' && !session_input_is_terminal (session->input)))
    return;
  else
    {
      if (session->last == 354)
        session_json_content (session, session->said);
      say (session, line[0] == '\\' ? line + 1 : line);
    }
}

static gboolean
goes_on (const Session *session)
{
  return !session->over && session->status == EXIT_OK && vereda_probe_is_talking (session->probe);
}

static void
talk (Session *session)
{
  GError *error = NULL;

  while (goes_on (session))
    {
      g_autofree char *line
          = session_input_read (session->input, session->last == 354 ? "" : "smtp> ", session->last == 334, &error);

      if (line == NULL)
        break;
      take_line (session, line);
      explicit_bzero (line, strlen (line));
      if (!vereda_probe_is_talking (session->probe) && !session->over) /* heard in the last moment */
        (void) session_hear (session, FALSE);
    }
  if (error != NULL)
    session_complain (session, exit_of_error (error), error->message);
  if (error != NULL)
    session->status = exit_worse (session->status, EXIT_FILE);
  g_clear_error (&error);
  if (session->status == EXIT_OK && vereda_probe_is_talking (session->probe) && !session->over)
    session_quit (session);
}

/* ---- the run ---- */

static void
on_interrupt (int signal_number, gpointer data)
{
  vereda_probe_cancel (data);
}

static int
end (Session *session, const Command *command, const GError *error)
{
  const Outcome outcome = command_outcome (command, session->status, FALSE);

  if (session->events != NULL)
    session_json_print (session, command->target, error, &outcome);
  session_input_free (session->input);
  vereda_probe_free (session->probe);
  return outcome.number;
}

static int
run (const Command *command)
{
  Plan *plan = command->plan;
  const char *timeout = vereda_options_get (plan->options, "timeout-command");
  Session session = { .plan = plan,
                      .patience = (gint64) (g_ascii_strtod (timeout != NULL ? timeout : "10", NULL) * G_USEC_PER_SEC),
                      .began = g_get_monotonic_time (),
                      .events = plan->format == FORMAT_JSON ? json_array () : NULL };
  g_autoptr (GError) error = NULL;

  session.input = session_input_new (command_value (command, OPT_SCRIPT), listen, &session, &error);
  session.probe = session.input != NULL ? vereda_probe_new (plan->options, &error) : NULL;
  if (session.probe != NULL)
    {
      vereda_probe_set_end (session.probe, command->point, FALSE);
      vereda_probe_set_talk (session.probe, TRUE);
      interrupt_begin (on_interrupt, session.probe);
      (void) vereda_probe_run (session.probe, &error);
      if (error == NULL)
        interrupt_end (); /* from here on the terminal's keys are the line editor's */
    }
  if (error != NULL)
    {
      g_autofree char *text = text_one_line (error->message);
      if (session.events == NULL)
        report_problem (NULL, text, NULL);
      session.status = exit_of_error (error);
      return end (&session, command, error);
    }
  if (!plan->quiet && session.events == NULL)
    fprintf (stderr, "* connected to %s, %s\n", vereda_probe_get_address (session.probe),
             vereda_probe_get_transport (session.probe));
  if (vereda_probe_get_greeting (session.probe) != NULL)
    print_reply (&session, vereda_probe_get_greeting (session.probe));
  if (session.events != NULL && vereda_probe_get_tls_version (session.probe) != 0)
    session_json_tls (&session);
  talk (&session);
  if (vereda_probe_is_talking (session.probe))
    (void) vereda_probe_close (session.probe, TRUE, NULL);
  return end (&session, command, NULL);
}

static void
print_commands (void)
{
  g_autofree char *text = session_command_help ();

  printf ("\nCommands:\n%s", text);
}

int
main (int argc, char **argv)
{
  (void) setlocale (LC_ALL, "");
  g_autoptr (Command) command = command_new (&info, argc, argv);

  if (command->done)
    {
      if (cli_last (command->line, OPT_HELP) != NULL)
        print_commands ();
      return 0;
    }
  const gboolean terminal = !command_has (command, OPT_SCRIPT) && isatty (STDIN_FILENO);
  if (command->error == NULL && terminal && (command->plan->format == FORMAT_JSON || command->plan->redact != REDACT_SECRETS))
    g_set_error (&command->error, TOOL_ERROR, TOOL_ERROR_USAGE,
                 "--format=json and --redact: the lines come from a pipe or from --script, not from a terminal");
  if (command->error != NULL)
    return command_fail (command);
  int status = run (command);
  if (!transcript_close () && status == EXIT_OK)
    status = EXIT_FILE;
  if (fflush (stdout) == 0 && !ferror (stdout))
    return status;
  report_problem (NULL, "standard output cannot be written", NULL);
  return status != EXIT_OK ? status : EXIT_FILE;
}
