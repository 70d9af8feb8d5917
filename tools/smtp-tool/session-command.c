/* SPDX-License-Identifier: MIT */
/* session-command - what begins with a backslash: a table of words and what each does.
 *
 * Each says what it did by the session's status and by what it prints; those that talk to the server print its replies. */
#include "session.h"
#include "text.h"
#include "tool.h"

#include <stdio.h>
#include <string.h>

typedef struct
{
  const char *name;
  const char *argument;
  const char *help;
  void (*run) (Session *session, const char *argument);
} Row;

static void run_help (Session *session, const char *argument);

/* The library speaks: its replies were heard meanwhile. */
static void
after_own (Session *session, gboolean good, GError *error)
{
  (void) session_hear (session, FALSE);
  if (!good)
    session_fail (session, error);
}

static void
run_ehlo (Session *session, const char *argument)
{
  GError *error = NULL;
  const gboolean good = vereda_probe_say_hello (session->probe, &error);

  after_own (session, good, error);
}

static void
run_auth (Session *session, const char *argument)
{
  GError *error = NULL;
  const gboolean good = vereda_probe_authenticate (session->probe, *argument != '\0' ? argument : NULL, &error);

  after_own (session, good, error);
  if (good && session->events != NULL)
    session_json_authenticated (session);
  else if (good && !session->plan->quiet)
    fprintf (stderr, "* authenticated with %s\n", vereda_probe_get_authenticated (session->probe));
}

static void
run_tls (Session *session, const char *argument)
{
  session_show_tls (session);
}

/* "250", "25", "2": a code, or how it begins. */
static void
run_expect (Session *session, const char *argument)
{
  g_autofree char *seen = g_strdup_printf ("%03u", session->last);
  const gsize digits = strspn (argument, "0123456789");

  if (digits == 0 || digits > 3 || argument[digits] != '\0')
    session_complain (session, EXIT_USAGE, "\\expect takes a reply's code, or how it begins: \\expect 250, \\expect 2");
  else if (session->last == 0 || !g_str_has_prefix (seen, argument))
    {
      g_autofree char *text
          = g_strdup_printf ("expected %s, and the latest reply is %s", argument, session->last != 0 ? seen : "none");
      session_complain (session, EXIT_EXPECT, text);
    }
}

static void
run_push (Session *session, const char *argument)
{
  GError *error = NULL;

  session_json_said (session, argument);
  if (!vereda_probe_say (session->probe, argument, &error))
    session_fail (session, error);
}

static void
run_wait (Session *session, const char *argument)
{
  char *end = NULL;
  const double seconds = *argument != '\0' ? g_ascii_strtod (argument, &end) : 0;
  const gint64 patience = session->patience;

  if (*argument != '\0' && (*end != '\0' || !(seconds >= 0 && seconds <= 86400)))
    {
      session_complain (session, EXIT_USAGE, "\\wait takes seconds");
      return;
    }
  if (*argument != '\0')
    session->patience = (gint64) (seconds * G_USEC_PER_SEC);
  if (vereda_probe_get_n_awaited (session->probe) > 0)
    (void) session_hear (session, TRUE);
  else
    {
      GError *error = NULL;
      g_usleep ((gulong) (*argument != '\0' ? session->patience : 0));
      (void) session_hear (session, FALSE);
      g_clear_error (&error);
    }
  session->patience = patience;
}

/* Lines end in CRLF, and a dot that begins one is doubled: RFC 5321 sections 2.3.8 and 4.5.2. */
static GString *
as_content (const char *text, gsize size)
{
  GString *out = g_string_sized_new (size + size / 32 + 16);

  for (gsize place = 0; place < size;)
    {
      const char *line = text + place;
      const char *stop = memchr (line, '\n', size - place);
      const gsize length = stop != NULL ? (gsize) (stop - line) : size - place;
      const gsize shown = stop != NULL && length > 0 && line[length - 1] == '\r' ? length - 1 : length;

      if (shown > 0 && line[0] == '.')
        g_string_append_c (out, '.');
      g_string_append_len (out, line, (gssize) shown);
      g_string_append (out, "\r\n");
      place += length + 1;
    }
  return out;
}

static void
run_send (Session *session, const char *argument)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) seen = NULL;
  GError *error = NULL;
  gsize size = 0;

  if (*argument == '\0' || session->last != 354)
    {
      session_complain (session, EXIT_USAGE, "\\send FILE comes after DATA was answered with 354");
      return;
    }
  if (!g_file_get_contents (argument, &text, &size, &seen))
    {
      g_autofree char *shown = text_one_line (seen->message);
      session_complain (session, EXIT_FILE, shown);
      return;
    }
  GString *content = as_content (text, size);
  session_json_content (session, content->len);
  if (!vereda_probe_say_octets (session->probe, content->str, content->len, &error)
      || !vereda_probe_say (session->probe, ".", &error))
    session_fail (session, error);
  else
    (void) session_hear (session, TRUE);
  g_string_free (content, TRUE);
}

void
session_quit (Session *session)
{
  GError *error = NULL;

  session->over = TRUE;
  if (!vereda_probe_is_talking (session->probe))
    return;
  if (session->last == 354) /* the server would take it for content */
    {
      (void) vereda_probe_close (session->probe, TRUE, NULL);
      return;
    }
  session_json_said (session, "QUIT");
  if (vereda_probe_say (session->probe, "QUIT", &error))
    (void) session_hear (session, TRUE);
  else
    session_fail (session, error);
}

static void
run_quit (Session *session, const char *argument)
{
  session_quit (session);
}

static void
run_drop (Session *session, const char *argument)
{
  session->over = TRUE;
  (void) vereda_probe_close (session->probe, TRUE, NULL);
}

static const Row rows[] = {
  { "ehlo", "", "let the library say EHLO, with --ehlo's name", run_ehlo },
  { "auth", "[MECH,...]", "let the library authenticate, with --user's credentials; EHLO and TLS first if they are due",
    run_auth },
  { "tls", "", "show what is known of TLS", run_tls },
  { "send", "FILE", "after DATA: the file as content, dots doubled, and the final dot", run_send },
  { "expect", "CODE", "fail unless the latest reply's code is this, or begins so", run_expect },
  { "push", "LINE", "say the line and do not wait for its reply", run_push },
  { "wait", "[SECONDS]", "wait for the replies that are due; for so long", run_wait },
  { "quit", "", "say QUIT and end", run_quit },
  { "drop", "", "close the connection without a word, and end", run_drop },
  { "help", "", "this", run_help },
};

char *
session_command_help (void)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *left = g_strdup_printf ("\\%s %s", rows[i].name, rows[i].argument);
      g_string_append_printf (text, "  %-18s %s\n", left, rows[i].help);
    }
  return g_string_free (text, FALSE);
}

static void
run_help (Session *session, const char *argument)
{
  g_autofree char *text = session_command_help ();

  fputs (text, stderr);
}

void
session_command (Session *session, const char *line)
{
  const gsize length = strcspn (line, " \t");
  const char *argument = line + length + strspn (line + length, " \t");
  g_autofree char *name = g_strndup (line, length);
  g_autofree char *trimmed = g_strchomp (g_strdup (argument));

  /* \push says its line, and that one may be secret. */
  session_json_command (session, strcmp (name, "push") == 0 ? name : line);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    if (strcmp (rows[i].name, name) == 0)
      {
        rows[i].run (session, rows[i].run == run_push ? argument : trimmed);
        return;
      }
  g_autofree char *shown = text_escape (name);
  g_autofree char *text = g_strdup_printf ("\\%s is no command; \\help lists them", shown);
  session_complain (session, EXIT_USAGE, text);
}
