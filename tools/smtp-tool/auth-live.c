/* SPDX-License-Identifier: MIT */
/* auth-live - `smtp-tool auth list TARGET` and `smtp-tool auth try TARGET`: what a server offers, and what of it works for one account.
 *
 * `try` makes a connection of its own for each mechanism and stops after a few refusals: servers lock accounts. */
#include "options.h"
#include "probe-report.h"
#include "secret.h"
#include "text.h"
#include "tool.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const CommandInfo info
    = { "Usage: smtp-tool auth list [OPTION]... TARGET\n"
        "       smtp-tool auth try --user=NAME [OPTION]... TARGET\n"
        "       smtp-tool auth explain --offered=MECHANISMS [OPTION]...\n"
        "list: the mechanisms a server offers, in the order they would be tried, and why not the others.\n"
        "try: log in with each of them that can be used, each on a connection of its own.\n"
        "explain: the same as list without a server; see smtp-tool auth explain --help.\n"
        "\n"
        "Refusals count against the account: servers may lock it.  See --max-tries.",
        "Exit status: list 0; try 0 when a mechanism works, 28 when none does; else what failed, see\n"
        "smtp-tool explain exit.",
        COMMAND_AUTH, 1 };

/* ---- list ---- */

static int
list (const Command *command)
{
  g_autoptr (GPtrArray) failed = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (Look) look = command_look (command);

  look_run (look, command->plan, VEREDA_PROBE_EHLO, FALSE);
  json_t *document = look_json (look, command->plan, "auth-list");
  const Outcome outcome = command_outcome (command, command_judge (command, look, document, failed), look_is_transient (look));
  if (command->plan->format == FORMAT_JSON)
    {
      command_print_json (document, failed, &outcome);
      return outcome.number;
    }
  json_decref (document);
  if (look->probe != NULL && !command->plan->quiet)
    {
      look_human_head (look, command->plan, &outcome);
      if (look->error == NULL && *vereda_probe_get_mechanisms (look->probe) == NULL)
        puts ("\nNo authentication is offered.");
      look_human_auth (look, command->plan);
    }
  command_complain (command, look, failed);
  return outcome.number;
}

/* ---- try ---- */

typedef struct
{
  char *mechanism;
  gboolean ok, skipped;
  gint64 took;
  guint round_trips;
  char *reply;        /* in words */
  json_t *object;     /* of the reply */
  gboolean permanent; /* refused with 5yz: it counts */
} Try;

static void
try_free (gpointer data)
{
  Try *one = data;

  json_decref (one->object);
  g_free (one->mechanism);
  g_free (one->reply);
  g_free (one);
}

static Try *
try_new (const char *mechanism, const char *words)
{
  Try *one = g_new0 (Try, 1);

  one->mechanism = g_strdup (mechanism);
  one->reply = g_strdup (words);
  one->skipped = TRUE;
  one->object = json_null ();
  return one;
}

/* The exchange alone: connection and TLS cost the same for all. */
static Try *
try_one (const Command *command, const char *mechanism)
{
  Try *one = try_new (mechanism, NULL);
  g_autoptr (Look) look = command_look (command);

  one->skipped = FALSE;
  look->brief = TRUE;
  if (!options_set (command->plan->options, "--auth", "auth", mechanism, &look->error))
    one->reply = g_strdup (look->error->message);
  else
    look_run (look, command->plan, VEREDA_PROBE_AUTH, FALSE);
  if (look->probe == NULL)
    return one;
  VeredaProbeStage *stage = look_stage (look, VEREDA_STAGE_AUTH, -1);
  one->ok = vereda_probe_get_authenticated (look->probe) != NULL;
  if (stage == NULL)
    {
      one->reply = g_strdup (look->error != NULL ? look->error->message : "not tried");
      return one;
    }
  VeredaReply *reply = vereda_probe_stage_get_reply (stage);
  one->took = vereda_probe_stage_get_duration (stage);
  one->round_trips = vereda_probe_stage_get_round_trips (stage);
  one->reply = reply == NULL && look->error != NULL ? g_strdup (look->error->message) : look_reply_text (reply);
  json_decref (one->object);
  one->object = look_json_reply (reply);
  one->permanent = reply != NULL && vereda_reply_get_code (reply) >= 500;
  return one;
}

static guint
read_max_tries (Command *command)
{
  const char *value = command_value (command, OPT_MAX_TRIES);
  guint64 number = 3;

  if (value != NULL && !g_ascii_string_to_unsigned (value, 10, 1, 100, &number, NULL))
    {
      g_autofree char *shown = text_escape (value);
      g_set_error (&command->error, TOOL_ERROR, TOOL_ERROR_USAGE, "--max-tries: '%s' is not a number from 1 to 100", shown);
    }
  return (guint) number;
}

static GPtrArray *
try_all (const Command *command, const Look *first, guint max_tries)
{
  GPtrArray *tries = g_ptr_array_new_with_free_func (try_free);
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  guint refused = 0;

  for (guint i = 0; first->explanation != NULL && i < vereda_explanation_get_n_rows (first->explanation); i++)
    {
      VeredaExplanationRow *row = vereda_explanation_get_row (first->explanation, i);
      const char *name = vereda_explanation_row_get_mechanism (row);

      if (!vereda_explanation_row_is_offered (row) || !g_hash_table_add (seen, (gpointer) name))
        continue;
      Try *one = !vereda_explanation_row_is_usable (row) ? try_new (name, vereda_explanation_row_get_text (row))
                 : refused >= max_tries                  ? try_new (name, "not tried: enough refusals (--max-tries)")
                                                         : try_one (command, name);
      refused += one->permanent ? 1 : 0;
      g_ptr_array_add (tries, one);
    }
  return tries;
}

static const Try *
fewest (const GPtrArray *tries)
{
  const Try *best = NULL;
  guint working = 0;

  for (guint i = 0; i < tries->len; i++)
    {
      const Try *one = tries->pdata[i];

      working += one->ok ? 1 : 0;
      if (one->ok && (best == NULL || one->round_trips < best->round_trips))
        best = one;
    }
  return working > 1 ? best : NULL;
}

static void
print_tries (const GPtrArray *tries, const Plan *plan)
{
  const gboolean colour = text_use_colour (plan->colour, STDOUT_FILENO);
  const Try *best = fewest (tries);

  printf ("\n  %-19s  %-6s  %8s  %11s  %s\n", "mechanism", "result", "time", "round trips", "reply");
  for (guint i = 0; i < tries->len; i++)
    {
      const Try *one = tries->pdata[i];
      const char *word = one->skipped ? "-" : one->ok ? "ok" : "FAILED";
      const char *paint = !colour || one->skipped ? "" : one->ok ? "\033[32m" : "\033[31m";
      g_autofree char *name = text_escape (one->mechanism);
      g_autofree char *reply = text_one_line (one->reply);
      g_autofree char *time = one->skipped ? g_strdup ("-") : g_strdup_printf ("%.1fms", (double) one->took / 1000.0);
      g_autofree char *turns = one->skipped ? g_strdup ("-") : g_strdup_printf ("%u", one->round_trips);

      printf ("  %-19s  %s%-6s%s  %8s  %11s  %s%s\n", name, paint, word, *paint != '\0' ? "\033[0m" : "", time, turns, reply,
              one == best ? "      <- fewest round trips" : "");
    }
}

static json_t *
tries_array (const GPtrArray *tries)
{
  json_t *array = json_array ();

  for (guint i = 0; i < tries->len; i++)
    {
      const Try *one = tries->pdata[i];
      g_autofree char *reply = text_one_line (one->reply);

      json_array_append_new (array, json_pack ("{s:s, s:s, s:o, s:o, s:O, s:s}", "mechanism", one->mechanism, "result",
                                               one->skipped ? "not-tried"
                                               : one->ok    ? "ok"
                                                            : "failed",
                                               "ms", one->skipped ? json_null () : json_real ((double) one->took / 1000.0),
                                               "round_trips", one->skipped ? json_null () : json_integer (one->round_trips),
                                               "reply", one->object, "text", reply));
    }
  return array;
}

/* Asked for once, not once for each connection. */
static gboolean
ask_password (Command *command)
{
  Plan *plan = command->plan;
  const char *user = vereda_options_get (plan->options, "username");
  static const int given[] = { OPT_NETRC, OPT_KEYRING };

  for (guint i = 0; i < G_N_ELEMENTS (given); i++)
    if (cli_last (command->line, given[i]) != NULL)
      return TRUE;
  if (plan->provider == NULL)
    return TRUE;
  g_autoptr (Secret) secret = secret_from_terminal (user, command->target, FALSE, &command->error);
  if (secret == NULL)
    return FALSE;
  vereda_options_set_password_data (plan->options, secret->data, secret->size);
  vereda_options_set_credential_callback (plan->options, NULL, NULL);
  return TRUE;
}

static ExitStatus
tried_status (const Look *look, const GPtrArray *tries)
{
  for (guint i = 0; i < tries->len; i++)
    if (((const Try *) tries->pdata[i])->ok)
      return EXIT_OK;
  return look->error != NULL ? look_status (look) : EXIT_AUTH;
}

static int
try_them (Command *command)
{
  const guint max_tries = read_max_tries (command);

  if (command->error == NULL && !command->plan->wants_auth)
    g_set_error (&command->error, TOOL_ERROR, TOOL_ERROR_USAGE, "auth try: --user is missing: who is to log in?");
  if (command->error != NULL || !ask_password (command))
    return command_fail (command);

  g_autoptr (Look) look = command_look (command);
  look->brief = TRUE;
  look_run (look, command->plan, VEREDA_PROBE_EHLO, FALSE);
  if (look->error == NULL && !command->plan->quiet && command->plan->format != FORMAT_JSON)
    fprintf (
        stderr,
        "smtp-tool: each mechanism is tried on a connection of its own; refusals may lock the account, so it ends after %u\n",
        max_tries);
  g_autoptr (GPtrArray) tries = try_all (command, look, max_tries);
  const ExitStatus status = tried_status (look, tries);
  const Outcome outcome = command_outcome (command, status, look_is_transient (look));
  if (command->plan->format == FORMAT_JSON)
    {
      (void) report_print (json_pack ("{s:s, s:o, s:o, s:o, s:o}", "schema", "smtp-tool/auth-try/1", "target",
                                      look_json_target (look), "error", report_error (look->error, NULL), "tries",
                                      tries_array (tries), "exit", report_exit (&outcome)));
      return outcome.number;
    }
  if (look->probe != NULL && !command->plan->quiet)
    {
      look_human_head (look, command->plan, &outcome);
      if (tries->len > 0)
        print_tries (tries, command->plan);
      else if (look->error == NULL)
        puts ("\nNo authentication is offered.");
    }
  g_autoptr (GPtrArray) failed = g_ptr_array_new ();
  command_complain (command, look, failed);
  return outcome.number;
}

int
auth_live_main (int argc, char **argv)
{
  g_autoptr (Command) command = command_new (&info, argc, argv);
  const char *verb = command->line->operands->len > 0 ? command->line->operands->pdata[0] : "";

  if (command->done)
    return 0;
  if (command->error == NULL && strcmp (verb, "list") != 0 && strcmp (verb, "try") != 0)
    {
      g_autofree char *shown = text_escape (verb);
      g_set_error (&command->error, TOOL_ERROR, TOOL_ERROR_USAGE, "auth: unknown action '%s': list, try or explain", shown);
    }
  if (command->error != NULL)
    return command_fail (command);
  return strcmp (verb, "list") == 0 ? list (command) : try_them (command);
}
