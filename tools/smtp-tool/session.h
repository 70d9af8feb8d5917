/* SPDX-License-Identifier: MIT */
/* session - the inside of `smtp-tool session`, shared by its four files:
 *   session.c          the run: connect, read lines, say them, end
 *   session-command.c  what begins with a backslash
 *   session-input.c    where lines come from: a terminal with line editing, a pipe, a script
 *   session-json.c     what happened, for machines */
#ifndef TOOL_SESSION_H
#define TOOL_SESSION_H

#include <vereda/vereda.h>

#include "exit.h"
#include "plan.h"
#include "report.h"

/* ---- session-input.c ---- */

typedef struct SessionInput SessionInput;

typedef enum
{
  SESSION_IDLE_QUIET,
  SESSION_IDLE_SAID, /* something was printed: the line is to be drawn again */
  SESSION_IDLE_OVER  /* no line is wanted any more */
} SessionIdle;

/* Called while a line is awaited on a terminal. */
typedef SessionIdle (*SessionIdleFunc) (gpointer data);

/* @p script: NULL = standard input.  On a terminal lines are edited. */
SessionInput *session_input_new (const char *script, SessionIdleFunc idle, gpointer data, GError **error);
void session_input_free (SessionInput *input);
gboolean session_input_is_terminal (const SessionInput *input);
guint session_input_number (const SessionInput *input); /* of the latest line, from 1 */
/* The next line without its end, owned; NULL without an error at the end.  @p secret: nothing of it is shown or kept. */
char *session_input_read (SessionInput *input, const char *prompt, gboolean secret, GError **error);

/* ---- session.c ---- */

typedef struct
{
  Plan *plan;
  VeredaProbe *probe;
  SessionInput *input;
  gint64 patience;   /* microseconds that a reply is waited for */
  guint last;        /* code of the latest reply; 0: none */
  gboolean content;  /* lines of it were said: nothing is a command until its end */
  gboolean over;     /* asked to end */
  ExitStatus status; /* so far */
  gint64 began;      /* monotonic */
  gsize said;        /* octets of content, so far */
  json_t *events;    /* what happened, for machines; NULL: it is told people at once */
} Session;

/* Prints the replies that are due, or, with @p wait FALSE, those that are there.  FALSE: not all came. */
gboolean session_hear (Session *session, gboolean wait);
/* Prints one problem, with the line's number where there is a script, and keeps the worse status. */
void session_complain (Session *session, ExitStatus status, const char *text);
void session_fail (Session *session, GError *error); /* owned */
void session_show_tls (Session *session);

/* ---- session-json.c: each adds an event; those without a condition want session->events ---- */

void session_json_said (Session *session, const char *line);    /* nothing for people */
void session_json_command (Session *session, const char *line); /* nothing for people */
void session_json_content (Session *session, gsize octets);     /* nothing for people */
void session_json_heard (Session *session, VeredaReply *reply);
void session_json_tls (Session *session);
void session_json_authenticated (Session *session);
void session_json_problem (Session *session, ExitStatus status, const char *text);
/* The document, with all events; @p error: the connection was not made. */
void session_json_print (Session *session, const char *given, const GError *error, const Outcome *outcome);

/* ---- session-command.c ---- */

/* A line that begins with a backslash, without it. */
void session_command (Session *session, const char *line);
/* Says QUIT where it can be said; the session is over. */
void session_quit (Session *session);
/* Names and help, for --help. */
char *session_command_help (void);

#endif
