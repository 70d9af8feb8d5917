/* SPDX-License-Identifier: MIT */
/* auth - `smtp-tool auth explain`: which mechanism would be tried first, which next, and why not the others.
 *
 * Offline: no server is contacted, no plugin is opened, no password is asked for.  The answer is the library's; only what other
 * clients would choose is worked out here (auth-others.c). */
#include "auth-others.h"
#include "begin.h"
#include "exit.h"
#include "options.h"
#include "plan.h"
#include "report.h"
#include "text.h"
#include "tool.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct
{
  guint state; /* VeredaConnectionState */
  gboolean password, token;
  const char *user;
  VeredaExplanation *explanation; /* NULL: not come so far */
  GPtrArray *offered;             /* names, NULL-ended */
} Question;

static const char *
choice_word (VeredaExplanationRow *row)
{
  switch (vereda_explanation_row_get_choice (row))
    {
    case VEREDA_CHOICE_FIRST:
      return "chosen";
    case VEREDA_CHOICE_NEXT:
      return "next";
    case VEREDA_CHOICE_SPARE:
      return "spare";
    case VEREDA_CHOICE_NOT_OFFERED:
      return "not-offered";
    case VEREDA_CHOICE_REFUSED:
    default:
      return "refused";
    }
}

static AuthOffer
offer_of (const Question *question)
{
  return (AuthOffer){ .offered = (const char *const *) question->offered->pdata,
                      .tls = question->state != VEREDA_CONNECTION_CLEAR,
                      .password = question->password,
                      .token = question->token,
                      .user = question->user };
}

/* ---- JSON ---- */

static json_t *
row_object (VeredaExplanationRow *row)
{
  const gboolean known = vereda_explanation_row_get_stem (row) != NULL;
  json_t *object = json_object ();

  json_object_set_new (object, "mechanism", report_string (vereda_explanation_row_get_mechanism (row)));
  json_object_set_new (object, "plugin", report_string (vereda_explanation_row_get_stem (row)));
  json_object_set_new (object, "strength", known ? json_integer (vereda_explanation_row_get_strength (row)) : json_null ());
  json_object_set_new (object, "strength_words", report_string (vereda_explanation_row_get_strength_words (row)));
  json_object_set_new (object, "rank", known ? json_integer (vereda_explanation_row_get_rank (row)) : json_null ());
  json_object_set_new (object, "offered", json_boolean (vereda_explanation_row_is_offered (row)));
  json_object_set_new (object, "usable", json_boolean (vereda_explanation_row_is_usable (row)));
  json_object_set_new (object, "choice", json_string (choice_word (row)));
  json_object_set_new (object, "reason", report_string (vereda_explanation_row_get_reason (row)));
  json_object_set_new (object, "text", report_string (vereda_explanation_row_get_text (row)));
  return object;
}

static json_t *
others_array (const Question *question)
{
  const AuthOffer offer = offer_of (question);
  json_t *others = json_array ();

  for (guint i = 0; i < auth_others_count (); i++)
    {
      const AuthClient *client = auth_others_at (i);

      json_array_append_new (others, json_pack ("{s:s, s:o, s:o}", "client", client->name, "mechanism",
                                                report_string (client->choose (&offer)), "note",
                                                report_string (client->note (&offer))));
    }
  return others;
}

static json_t *
state_object (guint state)
{
  return json_pack ("{s:b, s:b, s:b, s:b}", "tls", state != VEREDA_CONNECTION_CLEAR, "verified",
                    (state & VEREDA_CONNECTION_VERIFIED) != 0, "client_certificate",
                    (state & VEREDA_CONNECTION_CLIENT_CERT) != 0, "binding", (state & VEREDA_CONNECTION_BINDING) != 0);
}

static void
print_json (const Question *question, const GError *error, const char *const *hints, const Outcome *outcome)
{
  json_t *document = json_object ();
  json_t *order = json_array ();
  VeredaExplanationRow *chosen = NULL;

  for (guint i = 0; question->explanation != NULL && i < vereda_explanation_get_n_rows (question->explanation); i++)
    json_array_append_new (order, row_object (vereda_explanation_get_row (question->explanation, i)));
  if (question->explanation != NULL)
    chosen = vereda_explanation_get_chosen (question->explanation);
  json_object_set_new (document, "schema", json_string ("smtp-tool/auth-explain/1"));
  json_object_set_new (document, "exit", report_exit (outcome));
  json_object_set_new (document, "error", report_error (error, hints));
  json_object_set_new (document, "connection", state_object (question->state));
  json_object_set_new (document, "order", order);
  json_object_set_new (document, "chosen",
                       chosen != NULL ? report_string (vereda_explanation_row_get_mechanism (chosen)) : json_null ());
  json_object_set_new (document, "others", question->explanation != NULL ? others_array (question) : json_array ());
  (void) report_print (document);
}

/* ---- for people ---- */

static void
print_row (VeredaExplanationRow *row, int name_width, int stem_width, gboolean colour)
{
  const char *stem = vereda_explanation_row_get_stem (row);
  const VeredaChoice choice = vereda_explanation_row_get_choice (row);
  g_autofree char *text = text_one_line (vereda_explanation_row_get_text (row));
  g_autofree char *strength = stem != NULL ? g_strdup_printf ("%u", vereda_explanation_row_get_strength (row)) : g_strdup ("-");
  const char *before = !colour                         ? ""
                       : choice == VEREDA_CHOICE_FIRST ? "\033[1m"
                       : choice <= VEREDA_CHOICE_SPARE ? ""
                                                       : "\033[2m";

  printf ("%s  %-*s  %5s  %-11s  %-*s  %s%s\n", before, name_width, vereda_explanation_row_get_mechanism (row), strength,
          choice_word (row), stem_width, stem != NULL ? stem : "-", text, *before != '\0' ? "\033[0m" : "");
}

static void
print_others (const Question *question)
{
  const AuthOffer offer = offer_of (question);

  fputs ("others would choose:", stdout);
  for (guint i = 0; i < auth_others_count (); i++)
    {
      const AuthClient *client = auth_others_at (i);
      const char *name = client->choose (&offer);
      const char *note = client->note (&offer);

      printf ("  %s %s", client->name, name != NULL ? name : "none");
      if (note != NULL)
        printf (" (%s)", note);
    }
  putchar ('\n');
}

/* What is not offered is shown on request only: it is no part of the question. */
static void
print_human (const Question *question, const Plan *plan)
{
  const guint n = vereda_explanation_get_n_rows (question->explanation);
  const gboolean colour = text_use_colour (plan->colour, STDOUT_FILENO);
  gsize name_width = 0, stem_width = 1;

  for (guint pass = 0; pass < 2; pass++)
    for (guint i = 0; i < n; i++)
      {
        VeredaExplanationRow *row = vereda_explanation_get_row (question->explanation, i);
        const char *stem = vereda_explanation_row_get_stem (row);

        if (!vereda_explanation_row_is_offered (row) && !plan->verbose)
          continue;
        if (pass == 1)
          print_row (row, (int) name_width, (int) stem_width, colour);
        name_width = MAX (name_width, strlen (vereda_explanation_row_get_mechanism (row)));
        stem_width = MAX (stem_width, stem != NULL ? strlen (stem) : 0);
      }
  if (vereda_explanation_get_chosen (question->explanation) == NULL)
    puts ("no mechanism can be used: nothing would be sent");
  print_others (question);
}

static void
print_help (GPtrArray *options)
{
  puts ("Usage: smtp-tool auth explain --offered=MECHANISMS [OPTION]...\n"
        "Tell which authentication mechanism would be tried first, which next, and why the\n"
        "others would not be tried.  No server is contacted and no plugin is opened.\n"
        "\n"
        "Without other options the connection has verified TLS, and there are a user and\n"
        "a password.");
  options_print_help (options);
  puts ("\nExit status: 0, also when no mechanism can be used; 1 usage error.");
}

/* ---- the question ---- */

static gboolean
read_state (Question *question, const CliLine *line, GError **error)
{
  const CliSetting *unverified = cli_last (line, OPT_TLS_UNVERIFIED);
  gboolean tls = TRUE, client_cert = FALSE, binding = TRUE;

  if (!options_boolean (cli_last (line, OPT_TLS_STATE), &tls, error)
      || !options_boolean (cli_last (line, OPT_CLIENT_CERT), &client_cert, error)
      || !options_boolean (cli_last (line, OPT_BINDING), &binding, error))
    return FALSE;
  const gboolean is_unverified = unverified != NULL && !unverified->negated;
  if (!tls && (is_unverified || client_cert))
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--no-tls and --%s: without TLS there is no certificate",
                   is_unverified ? "tls-unverified" : "client-cert");
      return FALSE;
    }
  if (!tls)
    return TRUE;
  question->state = VEREDA_CONNECTION_TLS;
  question->state |= is_unverified ? 0 : VEREDA_CONNECTION_VERIFIED;
  question->state |= client_cert ? VEREDA_CONNECTION_CLIENT_CERT : 0;
  question->state |= binding ? VEREDA_CONNECTION_BINDING : 0;
  return TRUE;
}

/* That there is a password is all that matters here, so no real one is asked for. */
static gboolean
read_credentials (Question *question, const CliLine *line, VeredaOptions *options, GError **error)
{
  const CliSetting *user = cli_last (line, OPT_USER);
  const gboolean nobody = user != NULL && user->negated;

  question->password = !nobody;
  if (!options_boolean (cli_last (line, OPT_HAVE_PASSWORD), &question->password, error)
      || !options_boolean (cli_last (line, OPT_HAVE_TOKEN), &question->token, error))
    return FALSE;
  question->user = nobody ? NULL : user != NULL ? user->value : "user";
  if (!vereda_options_set_user (options, question->user, error))
    {
      g_prefix_error (error, "--%s: ", user->option->name);
      return FALSE;
    }
  vereda_options_set_password (options, question->password ? "-" : NULL);
  vereda_options_set_token (options, question->token ? "-" : NULL);
  if (user == NULL)
    question->user = NULL; /* a name made up here must not look like one with a realm */
  return TRUE;
}

/* Several --offered are one list. */
static char *
read_offered (const CliLine *line, GError **error)
{
  GString *all = NULL;

  for (guint i = 0; i < line->settings->len; i++)
    {
      const CliSetting *setting = &g_array_index (line->settings, CliSetting, i);

      if (setting->option->id != OPT_OFFERED)
        continue;
      if (all == NULL)
        all = g_string_new (NULL);
      if (setting->negated)
        g_string_truncate (all, 0);
      else
        g_string_append_printf (all, "%s%s", all->len > 0 ? " " : "", setting->value);
    }
  if (all != NULL)
    return g_string_free (all, FALSE);
  g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "auth explain: --offered is missing: what does the server offer?");
  return NULL;
}

static gboolean
read_verb (const CliLine *line, GError **error)
{
  static const char *const verbs[] = { "explain", NULL };
  const char *verb = line->operands->len > 0 ? line->operands->pdata[0] : NULL;

  if (verb != NULL && strcmp (verb, "explain") == 0 && line->operands->len == 1)
    return TRUE;
  if (verb == NULL)
    g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "auth: the action is missing: auth explain");
  else if (strcmp (verb, "explain") == 0)
    {
      g_autofree char *shown = text_escape (line->operands->pdata[1]);
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE,
                   "auth explain: '%s' is too much; give all mechanisms in one --offered=\"...\"", shown);
    }
  else
    {
      g_autofree char *shown = text_escape (verb);
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "auth: unknown action '%s'%s", shown,
                   text_nearest (verb, verbs) != NULL ? "; did you mean 'explain'?" : "");
    }
  return FALSE;
}

static gboolean
ask (Question *question, const CliLine *line, VeredaOptions *options, GError **error)
{
  if (!read_verb (line, error) || !read_state (question, line, error))
    return FALSE;
  for (guint i = 0; i < line->settings->len; i++)
    {
      const CliSetting *setting = &g_array_index (line->settings, CliSetting, i);

      if (setting->option->id == OPT_LIBRARY && !options_apply (options, setting, error))
        return FALSE;
    }
  if (!read_credentials (question, line, options, error))
    return FALSE;
  g_autofree char *offered = read_offered (line, error);
  if (offered == NULL)
    return FALSE;
  question->explanation = vereda_explanation_new (NULL, offered, options, question->state, error);
  for (guint i = 0; question->explanation != NULL && i < vereda_explanation_get_n_rows (question->explanation); i++)
    {
      VeredaExplanationRow *row = vereda_explanation_get_row (question->explanation, i);

      if (vereda_explanation_row_is_offered (row))
        g_ptr_array_add (question->offered, (gpointer) vereda_explanation_row_get_mechanism (row));
    }
  g_ptr_array_add (question->offered, NULL);
  return question->explanation != NULL;
}

int
auth_main (int argc, char **argv)
{
  static const char *const hints[] = { "smtp-tool help auth", NULL };
  g_autoptr (GPtrArray) options = options_for_auth ();
  g_autoptr (CliLine) line = cli_parse (options, argc, argv);
  g_autoptr (Plan) plan = plan_new ();
  g_autoptr (GError) error = NULL;
  Question question = { 0 };

  if (begin_answers (line, options, print_help))
    return 0;
  question.offered = g_ptr_array_new ();
  if (begin_reading (plan, line, options, &error))
    (void) ask (&question, line, plan->options, &error);

  const ExitStatus status = exit_of_error (error);
  const Outcome outcome = { status, FALSE, exit_number (status, FALSE, plan->sysexits) };
  if (plan->format == FORMAT_JSON)
    print_json (&question, error, hints, &outcome);
  else if (error == NULL)
    print_human (&question, plan);
  else
    {
      g_autofree char *text = text_one_line (error->message);
      report_problem (NULL, text, hints);
    }
  vereda_explanation_free (question.explanation);
  g_ptr_array_unref (question.offered);
  return outcome.number;
}
