/* SPDX-License-Identifier: MIT */
/* explain - `smtp-tool explain WHAT...`: a finding, a reply code, an enhanced status code or an exit status in words.  Offline. */
#include "begin.h"
#include "explain-codes.h"
#include "options.h"
#include "probe-command.h"
#include "text.h"
#include "tool.h"

#include <stdio.h>
#include <string.h>

/* What a word turned out to be. */
typedef struct
{
  const char *kind; /* "finding", "reply", "enhanced", "exit"; NULL: nothing */
  char *name;
  const char *severity, *stage, *source, *advice; /* NULL: has none */
  char *next;                                     /* the same */
  char *meaning;
} Answer;

static void
answer_clear (Answer *answer)
{
  g_free (answer->name);
  g_free (answer->next);
  g_free (answer->meaning);
}

static gboolean
is_number (const char *word, gsize size)
{
  return strlen (word) == size && strspn (word, "0123456789") == size;
}

static Answer
of_finding (const FindingInfo *info)
{
  return (Answer){ .kind = "finding",
                   .name = g_strdup (info->id),
                   .severity = finding_severity_word (info->severity),
                   .stage = info->stage,
                   .meaning = g_strdup (info->summary),
                   .advice = info->explanation,
                   .next = finding_next (info) };
}

static Answer
of_exit (const ExitInfo *info)
{
  return (Answer){ .kind = "exit",
                   .name = g_strdup_printf ("%d (%s)", (int) info->status, info->name),
                   .meaning = g_strdup (info->meaning) };
}

static Answer
of_reply (const char *word)
{
  const CodeInfo *info = code_reply (word);
  const char *klass = code_class (*word);

  if (klass == NULL || !is_number (word, 3))
    return (Answer){ NULL };
  return (Answer){ .kind = "reply",
                   .name = g_strdup (word),
                   .meaning = info != NULL ? g_strdup_printf ("%s (%s)", info->meaning, klass)
                                           : g_strdup_printf ("not registered; its first digit says: %s", klass),
                   .advice = info != NULL ? info->advice : NULL,
                   .source = info != NULL ? info->source : "RFC 5321 section 4.2.1" };
}

static Answer
of_enhanced (const char *word)
{
  g_auto (GStrv) parts = g_strsplit (word, ".", 4);
  const CodeInfo *info = code_enhanced (word);

  if (g_strv_length (parts) != 3 || strlen (parts[0]) != 1 || (strchr ("245Xx", *parts[0]) == NULL)
      || strspn (parts[1], "0123456789") != strlen (parts[1]) || strspn (parts[2], "0123456789") != strlen (parts[2])
      || *parts[1] == '\0' || *parts[2] == '\0')
    return (Answer){ NULL };
  const char *klass = code_class (*parts[0]), *subject = code_subject (parts[1]);
  g_autofree char *tail = klass != NULL ? g_strdup_printf (" (%s)", klass) : g_strdup ("");
  return (Answer){ .kind = "enhanced",
                   .name = g_strdup (word),
                   .meaning = info != NULL ? g_strconcat (info->meaning, tail, NULL)
                                           : g_strdup_printf ("not registered; it is about %s%s",
                                                              subject != NULL ? subject : "something unknown", tail),
                   .advice = info != NULL ? info->advice : NULL,
                   .source = info != NULL ? info->source : "RFC 3463 section 2" };
}

static Answer
of_exit_word (const char *word)
{
  for (guint i = 0; i < exit_count (); i++)
    {
      const ExitInfo *info = exit_at (i);
      g_autofree char *number = g_strdup_printf ("%d", (int) info->status);

      if (strcmp (word, number) == 0 || strcmp (word, info->name) == 0)
        return of_exit (info);
    }
  return (Answer){ NULL };
}

static Answer
look_up (const char *word)
{
  const FindingInfo *finding = finding_info (word);
  Answer answer;

  if (finding != NULL)
    return of_finding (finding);
  answer = of_enhanced (word);
  if (answer.kind == NULL)
    answer = of_reply (word);
  return answer.kind != NULL ? answer : of_exit_word (word);
}

/* ---- telling ---- */

static void
print_wrapped (const char *text)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  gsize column = 2;

  fputs ("  ", stdout);
  for (char **word = words; *word != NULL; word++)
    {
      const gsize width = strlen (*word);

      if (column > 2 && column + 1 + width > 79)
        {
          fputs ("\n  ", stdout);
          column = 2;
        }
      else if (column > 2)
        column += (gsize) printf (" ");
      fputs (*word, stdout);
      column += width;
    }
  putchar ('\n');
}

static void
print_answer (const Answer *answer)
{
  static const struct
  {
    const char *kind;
    const char *words;
  } kinds[] = {
    { "finding", "finding" }, { "reply", "reply code" }, { "enhanced", "enhanced status code" }, { "exit", "exit status" }
  };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (strcmp (kinds[i].kind, answer->kind) == 0)
      printf ("%s %s: %s", kinds[i].words, answer->name, answer->meaning);
  if (answer->severity != NULL)
    printf (" (%s, at %s)", answer->severity, answer->stage);
  putchar ('\n');
  if (answer->advice != NULL)
    print_wrapped (answer->advice);
  if (answer->next != NULL)
    printf ("  try: %s\n", answer->next);
  if (answer->source != NULL)
    printf ("  %s\n", answer->source);
}

static json_t *
text (const char *value)
{
  return value != NULL ? report_string (value) : json_null ();
}

static json_t *
answer_object (const Answer *answer)
{
  return json_pack ("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "kind", answer->kind, "name", text (answer->name), "meaning",
                    text (answer->meaning), "severity", text (answer->severity), "stage", text (answer->stage), "advice",
                    text (answer->advice), "next", text (answer->next), "source", text (answer->source));
}

static GPtrArray *
all_names (void)
{
  GPtrArray *names = g_ptr_array_new ();

  for (guint i = 0; i < finding_count (); i++)
    g_ptr_array_add (names, (gpointer) finding_at (i)->id);
  for (guint i = 0; i < exit_count (); i++)
    g_ptr_array_add (names, (gpointer) exit_at (i)->name);
  return names;
}

static GError *
not_known (const char *word)
{
  g_autoptr (GPtrArray) names = all_names ();
  g_autofree char *shown = text_escape (word);

  g_ptr_array_add (names, NULL);
  const char *near = text_nearest (word, (const char *const *) names->pdata);
  return g_error_new (TOOL_ERROR, TOOL_ERROR_USAGE, "'%s' is no finding, reply code, enhanced status code or exit status%s%s%s",
                      shown, near != NULL ? "; did you mean '" : "", near != NULL ? near : "", near != NULL ? "'?" : "");
}

static void
print_lists (gboolean findings, gboolean exits)
{
  for (guint i = 0; findings && i < finding_count (); i++)
    printf ("  %-26s  %-5s  %-6s  %s\n", finding_at (i)->id, finding_severity_word (finding_at (i)->severity),
            finding_at (i)->stage, finding_at (i)->summary);
  for (guint i = 0; exits && i < exit_count (); i++)
    printf ("  %3d  %-16s  %s\n", (int) exit_at (i)->status, exit_at (i)->name, exit_at (i)->meaning);
}

static void
print_help (GPtrArray *options)
{
  puts ("Usage: smtp-tool explain [WHAT]...\n"
        "Tell what a finding (cert-expired), a reply code (550), an enhanced status code (5.7.8) or an\n"
        "exit status (43) means and what to do about it.  No server is contacted.\n"
        "\n"
        "Without WHAT all findings are listed; smtp-tool explain exit lists every exit status.");
  options_print_help (options);
  puts ("\nExit status: 0; 1 when nothing of that name is known.");
}

typedef struct
{
  CliLine *line;
  Plan *plan;
  json_t *answers;
  GError *error;
} Work;

static void
explain_word (Work *work, const char *word)
{
  Answer answer = look_up (word);

  if (answer.kind == NULL && work->error == NULL)
    work->error = not_known (word);
  if (answer.kind != NULL && work->plan->format == FORMAT_JSON)
    json_array_append_new (work->answers, answer_object (&answer));
  else if (answer.kind != NULL)
    print_answer (&answer);
  answer_clear (&answer);
}

static void
explain_all (Work *work)
{
  const GPtrArray *words = work->line->operands;
  const gboolean exits = words->len == 1 && strcmp (words->pdata[0], "exit") == 0;

  if (work->plan->format != FORMAT_JSON && (words->len == 0 || exits))
    {
      print_lists (!exits, exits);
      return;
    }
  for (guint i = 0; words->len == 0 && i < finding_count (); i++)
    explain_word (work, finding_at (i)->id);
  for (guint i = 0; exits && i < exit_count (); i++)
    explain_word (work, exit_at (i)->name);
  for (guint i = 0; !exits && i < words->len; i++)
    explain_word (work, words->pdata[i]);
}

int
explain_main (int argc, char **argv)
{
  static const char *const hints[] = { "smtp-tool explain", NULL };
  g_autoptr (GPtrArray) options = options_for_globals ();
  g_autoptr (CliLine) line = cli_parse (options, argc, argv);
  g_autoptr (Plan) plan = plan_new ();
  Work work = { line, plan, json_array (), NULL };

  if (begin_answers (line, options, print_help))
    {
      json_decref (work.answers);
      return 0;
    }
  if (begin_reading (plan, line, NULL, &work.error))
    explain_all (&work);

  const ExitStatus status = exit_of_error (work.error);
  const Outcome outcome = { status, FALSE, exit_number (status, FALSE, plan->sysexits) };
  if (plan->format == FORMAT_JSON)
    (void) report_print (json_pack ("{s:s, s:o, s:o, s:o}", "schema", "smtp-tool/explain/1", "exit", report_exit (&outcome),
                                    "error", report_error (work.error, hints), "answers", work.answers));
  else
    {
      json_decref (work.answers);
      if (work.error != NULL)
        report_problem (NULL, work.error->message, hints);
    }
  g_clear_error (&work.error);
  return outcome.number;
}
