/* SPDX-License-Identifier: MIT */
/* session-input - see session.h.
 *
 * Touches standard input or the script, and the terminal.  A secret line is read without echo and never enters the history; nor does a line
 * that begins with AUTH. */
#include "session.h"
#include "tool.h"

#include <errno.h>
#include <histedit.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define LOOK_MS         200 /* how often the server is listened to while nobody types */
#define LINE_MAX_OCTETS (1024 * 1024)

struct SessionInput
{
  FILE *file; /* of a pipe or a script */
  EditLine *editor;
  History *history;
  const char *prompt;
  guint number;
  SessionIdleFunc idle;
  gpointer idle_data;
};

static char *
give_prompt (EditLine *editor)
{
  SessionInput *input = NULL;

  el_get (editor, EL_CLIENTDATA, &input);
  return (char *) (gpointer) input->prompt;
}

/* One character, while the server is listened to. */
static int
get_character (EditLine *editor, wchar_t *ret_character)
{
  SessionInput *input = NULL;
  char octets[MB_LEN_MAX];
  mbstate_t state;
  size_t have = 0;

  el_get (editor, EL_CLIENTDATA, &input);
  memset (&state, 0, sizeof state);
  for (;;)
    {
      struct pollfd ready = { STDIN_FILENO, POLLIN, 0 };
      const int n = poll (&ready, 1, LOOK_MS);

      if (n < 0 && errno == EINTR)
        return -1; /* the editor looks at its signals */
      const SessionIdle idle = n == 0 && have == 0 ? input->idle (input->idle_data) : SESSION_IDLE_QUIET;
      if (idle == SESSION_IDLE_OVER)
        return 0;
      if (idle == SESSION_IDLE_SAID)
        el_set (editor, EL_REFRESH);
      if (n == 0)
        continue;
      if (read (STDIN_FILENO, octets + have, 1) != 1)
        return 0;
      const size_t used = mbrtowc (ret_character, octets + have, 1, &state);
      if (used != (size_t) -2)
        {
          if (used == (size_t) -1)
            *ret_character = L'?';
          return 1;
        }
      have = have + 1 < sizeof octets ? have + 1 : 0;
    }
}

static void
open_editor (SessionInput *input)
{
  HistEvent event;

  input->editor = el_init ("smtp-tool", stdin, stdout, stderr);
  input->history = history_init ();
  if (input->editor == NULL || input->history == NULL)
    return;
  history (input->history, &event, H_SETSIZE, 500);
  history (input->history, &event, H_SETUNIQUE, 1);
  el_set (input->editor, EL_CLIENTDATA, input);
  el_set (input->editor, EL_PROMPT, give_prompt);
  el_set (input->editor, EL_EDITOR, "emacs");
  el_set (input->editor, EL_SIGNAL, 1);
  el_set (input->editor, EL_HIST, history, input->history);
  el_set (input->editor, EL_GETCFN, get_character);
}

SessionInput *
session_input_new (const char *script, SessionIdleFunc idle, gpointer data, GError **error)
{
  SessionInput *input = g_new0 (SessionInput, 1);

  input->idle = idle;
  input->idle_data = data;
  if (script != NULL && strcmp (script, "-") != 0)
    {
      input->file = fopen (script, "re");
      if (input->file == NULL)
        {
          const int seen = errno;
          g_set_error (error, TOOL_ERROR, TOOL_ERROR_FILE, "--script=%s: %s", script, g_strerror (seen));
          g_free (input);
          return NULL;
        }
    }
  else if (script != NULL || !isatty (STDIN_FILENO))
    input->file = stdin;
  else
    open_editor (input);
  return input;
}

void
session_input_free (SessionInput *input)
{
  if (input == NULL)
    return;
  if (input->editor != NULL)
    el_end (input->editor);
  if (input->history != NULL)
    history_end (input->history);
  if (input->file != NULL && input->file != stdin)
    fclose (input->file);
  g_free (input);
}

gboolean
session_input_is_terminal (const SessionInput *input)
{
  return input->file == NULL;
}

guint
session_input_number (const SessionInput *input)
{
  return input->number;
}

/* Without its end, LF or CRLF. */
static char *
take_line (char *text, gsize size)
{
  if (size > 0 && text[size - 1] == '\n')
    size--;
  if (size > 0 && text[size - 1] == '\r')
    size--;
  return g_strndup (text, size);
}

static char *
read_file (FILE *file, GError **error)
{
  char *text = NULL;
  size_t room = 0;
  char *line = NULL;
  const ssize_t size = getline (&text, &room, file);

  if (size < 0 && ferror (file))
    g_set_error (error, TOOL_ERROR, TOOL_ERROR_FILE, "the script cannot be read: %s", g_strerror (errno));
  else if (size >= 0 && (memchr (text, '\0', (gsize) size) != NULL || size > LINE_MAX_OCTETS))
    g_set_error (error, TOOL_ERROR, TOOL_ERROR_FILE, "a line of the script holds NUL or is longer than 1 MiB");
  else if (size >= 0)
    line = take_line (text, (gsize) size);
  if (text != NULL)
    explicit_bzero (text, room);
  free (text);
  return line;
}

/* What is typed does not appear, and the line editor never sees it. */
static char *
read_hidden (const char *prompt, GError **error)
{
  struct termios before, hidden;
  const gboolean can = tcgetattr (STDIN_FILENO, &before) == 0;
  char *line;

  if (can)
    {
      hidden = before;
      hidden.c_lflag &= ~(tcflag_t) ECHO;
      hidden.c_lflag |= ICANON | ECHONL;
      (void) tcsetattr (STDIN_FILENO, TCSAFLUSH, &hidden);
    }
  fputs (prompt, stdout); /* not before: whoever sees it may type */
  (void) fflush (stdout);
  line = read_file (stdin, error);
  if (can)
    (void) tcsetattr (STDIN_FILENO, TCSAFLUSH, &before);
  return line;
}

static char *
read_edited (SessionInput *input)
{
  HistEvent event;
  int size = 0;
  const char *text = el_gets (input->editor, &size);

  if (text == NULL || size <= 0)
    return NULL;
  char *line = take_line ((char *) (gpointer) text, (gsize) size);
  if (*line != '\0' && g_ascii_strncasecmp (line, "AUTH", 4) != 0)
    history (input->history, &event, H_ENTER, line);
  return line;
}

char *
session_input_read (SessionInput *input, const char *prompt, gboolean secret, GError **error)
{
  input->number++;
  input->prompt = prompt;
  if (input->file != NULL)
    return read_file (input->file, error);
  if (secret || input->editor == NULL || input->history == NULL)
    return read_hidden (secret ? "(hidden) " : prompt, error);
  return read_edited (input);
}
