/* SPDX-License-Identifier: MIT */
/* transcript - see transcript.h. */
#include "transcript.h"
#include "options.h"
#include "progress.h"
#include "redact.h"
#include "report.h"
#include "text.h"
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MASK "***" /* sink-record's */

typedef struct
{
  guint level;
  gboolean hide_said;
  gboolean hide_heard;
  gboolean hide_told;
  gboolean hide_marks;
  gboolean lapse;
  gboolean legend; /* still to be printed */
  gint64 said_at;  /* when the client last spoke; 0: not yet */

  FILE *file; /* NULL: none */
  char *path;
  gint64 connection;
  gint64 began;
  gboolean content; /* what the client says is content, to its final dot */
} Transcript;

static Transcript transcript;

/* ---- people ---- */

/* Opened again: each octet that is no printable character is \xHH, and a backslash is two. */
static GString *
unescape (const char *text)
{
  GString *out = g_string_new (NULL);

  for (; *text != '\0'; text++)
    if (text[0] == '\\' && text[1] == 'x' && g_ascii_isxdigit (text[2]) && g_ascii_isxdigit (text[3]))
      {
        g_string_append_c (out, (char) (g_ascii_xdigit_value (text[2]) << 4 | g_ascii_xdigit_value (text[3])));
        text += 3;
      }
    else
      {
        g_string_append_c (out, *text);
        text += text[0] == '\\' && text[1] == '\\';
      }
  return out;
}

/* What the library put in the place of octets has none to show. */
static void
print_hex (const char *text)
{
  const char *instead = strstr (text, "<redacted ");
  g_autofree char *told = instead != NULL ? g_strndup (text, (gsize) (instead - text)) : g_strdup (text);
  g_autoptr (GString) octets = unescape (told);

  for (gsize place = 0; place < octets->len; place += 16)
    {
      const gsize n = MIN (octets->len - place, 16);

      fprintf (stderr, "    %04" G_GSIZE_MODIFIER "x ", place);
      for (gsize i = 0; i < 16; i++)
        if (i < n)
          fprintf (stderr, " %02x", (guint) (guchar) octets->str[place + i]);
        else
          fputs ("   ", stderr);
      fputs ("  ", stderr);
      for (gsize i = 0; i < n; i++)
        putc (g_ascii_isprint (octets->str[place + i]) ? octets->str[place + i] : '.', stderr);
      putc ('\n', stderr);
    }
  if (instead != NULL)
    {
      g_autofree char *shown = text_escape (instead);
      fprintf (stderr, "    %04" G_GSIZE_MODIFIER "x  %s\n", octets->len, shown);
    }
}

static gboolean
is_hidden (VeredaTraceKind kind)
{
  return kind == VEREDA_TRACE_CLIENT                                        ? transcript.hide_said
         : kind == VEREDA_TRACE_SERVER || kind == VEREDA_TRACE_SERVER_ERROR ? transcript.hide_heard
         : kind == VEREDA_TRACE_TLS && transcript.level < 2                 ? TRUE
                                                                            : transcript.hide_told;
}

/* The last line of a reply: what stands behind its code is no "-". */
static gboolean
ends_reply (VeredaTraceKind kind, const char *text)
{
  return (kind == VEREDA_TRACE_SERVER || kind == VEREDA_TRACE_SERVER_ERROR) && strlen (text) >= 3 && text[3] != '-';
}

/* The marks of swaks, so that what reads its transcripts reads ours. */
static void
print (VeredaTraceKind kind, gboolean secure, const char *text)
{
  static const struct
  {
    const char *clear;
    const char *tls;
  } marks[] = {
    [0] = { "=== ", "=== " },
    [VEREDA_TRACE_CLIENT] = { " -> ", " ~> " },
    [VEREDA_TRACE_SERVER] = { "<-  ", "<~  " },
    [VEREDA_TRACE_SERVER_ERROR] = { "<** ", "<~* " },
    [VEREDA_TRACE_INFO] = { "=== ", "=== " },
    [VEREDA_TRACE_ERROR] = { "*** ", "*** " },
    [VEREDA_TRACE_TLS] = { "=== ", "=== " },
  };
  const guint row = (guint) kind < G_N_ELEMENTS (marks) ? (guint) kind : 0;
  g_autofree char *shown = text_escape (text);

  if (transcript.legend)
    fputs ("    -> said  <- heard  <** refused  (~> <~ <~* the same inside TLS)  === what happened  *** what went wrong\n",
           stderr);
  transcript.legend = FALSE;
  fprintf (stderr, "%s%s\n", transcript.hide_marks ? "" : secure ? marks[row].tls : marks[row].clear, shown);
  if (transcript.level >= 3 && kind != VEREDA_TRACE_INFO && kind != VEREDA_TRACE_ERROR && kind != VEREDA_TRACE_TLS)
    print_hex (text);
}

static void
print_lapse (void)
{
  if (transcript.said_at != 0)
    fprintf (stderr, "%sresponse in %.6fs\n",
             transcript.hide_marks ? "" : "=== ", (double) (g_get_monotonic_time () - transcript.said_at) / G_USEC_PER_SEC);
}

/* ---- the file ---- */

static void
write_row (json_t *row)
{
  const gint64 now = g_get_monotonic_time ();

  if (transcript.connection == 0)
    transcript.connection = 1;
  if (transcript.began == 0)
    transcript.began = now;
  json_t *whole
      = json_pack ("{s:I, s:I}", "connection", (json_int_t) transcript.connection, "us", (json_int_t) (now - transcript.began));
  json_object_update (whole, row);
  (void) json_dumpf (whole, transcript.file, JSON_COMPACT);
  putc ('\n', transcript.file);
  json_decref (whole);
  json_decref (row);
}

static void
save_event (const char *event, const char *detail)
{
  write_row (json_pack ("{s:s, s:s}", "event", event, "detail", detail));
}

/* Masked from the first word that is not what was said, if any. */
static void
save_said (const char *text, const char *redacted)
{
  const char *secret = strstr (text, "<redacted ");
  gsize same = 0;

  while (text[same] != '\0' && text[same] == redacted[same] && text + same != secret)
    same++;
  const gboolean masked = text[same] != '\0' || redacted[same] != '\0';
  while (masked && same > 0 && text + same != secret && g_ascii_isalnum (text[same - 1]))
    same--;
  g_autofree char *kept = g_strndup (text, same);
  g_autoptr (GString) octets = unescape (kept);
  g_string_append (octets, masked ? MASK "\r\n" : "\r\n");
  json_t *row = json_pack ("{s:s, s:s, s:s%}", "from", "client", "kind", "line", "text", octets->str, (size_t) octets->len);
  if (row == NULL) /* octets that are no text */
    {
      g_autofree char *encoded = g_base64_encode ((const guchar *) octets->str, octets->len);
      row = json_pack ("{s:s, s:s, s:s}", "from", "client", "kind", "line", "base64", encoded);
    }
  if (masked)
    json_object_set_new (row, "masked", json_true ());
  write_row (row);
}

static void
save_content (void)
{
  write_row (json_pack ("{s:s, s:s, s:s, s:b}", "from", "client", "kind", "content", "text", MASK, "masked", TRUE));
}

/* A challenge is not told, and an empty one asks for the same answer. */
static void
save_heard (const char *redacted)
{
  const gboolean challenge = g_str_has_prefix (redacted, "334 <redacted ");
  g_autoptr (GString) octets = unescape (challenge ? "334 " : redacted);

  g_string_append (octets, "\r\n");
  json_t *row = json_pack ("{s:s, s:s%}", "from", "server", "text", octets->str, (size_t) octets->len);
  if (row == NULL)
    {
      g_autofree char *encoded = g_base64_encode ((const guchar *) octets->str, octets->len);
      row = json_pack ("{s:s, s:s}", "from", "server", "base64", encoded);
    }
  write_row (row);
}

/* "BDAT 17 LAST": so many octets follow. */
static gboolean
has_chunk (const char *text)
{
  return g_ascii_strncasecmp (text, "BDAT ", 5) == 0 && g_ascii_strtoull (text + 5, NULL, 10) > 0;
}

static void
save (VeredaTraceKind kind, const char *text, const char *redacted)
{
  static const char connected[] = "connect: ", secured[] = "tls: ";

  switch (kind)
    {
    case VEREDA_TRACE_INFO:
      if (g_str_has_prefix (text, connected))
        {
          transcript.connection++;
          transcript.began = 0;
          transcript.content = FALSE;
          save_event ("connect", redacted + strlen (connected));
        }
      else if (g_str_has_prefix (text, secured))
        save_event ("tls", redacted + strlen (secured));
      break;
    case VEREDA_TRACE_CLIENT:
      if (transcript.content && strcmp (text, ".") != 0)
        break;
      if (transcript.content)
        save_content ();
      else
        save_said (text, redacted);
      transcript.content = FALSE;
      if (has_chunk (text))
        save_content ();
      break;
    case VEREDA_TRACE_SERVER:
    case VEREDA_TRACE_SERVER_ERROR:
      transcript.content = g_str_has_prefix (text, "354 ");
      save_heard (redacted);
      break;
    default:
      break;
    }
}

/* ---- both ---- */

static void
on_line (VeredaTraceKind kind, gboolean secure, const char *server, const char *text, gpointer user_data)
{
  const gboolean held = progress_pause ();
  g_autofree char *redacted = redact_text (text);

  if (transcript.level > 0 && !is_hidden (kind))
    print (kind, secure, redacted);
  if (transcript.level > 0 && transcript.lapse && ends_reply (kind, text))
    print_lapse ();
  if (kind == VEREDA_TRACE_CLIENT)
    transcript.said_at = g_get_monotonic_time ();
  if (transcript.file != NULL)
    save (kind, text, redacted);
  progress_resume (held);
}

/* Whoever wants secrets shown says it on the command line, and once more where nobody is looking. */
static gboolean
read_secrets (Plan *plan, const CliLine *line, GError **error)
{
  const guint count = cli_count (line, OPT_SHOW_SECRETS);

  if (count == 0)
    return TRUE;
  if (count == 1 && !isatty (STDERR_FILENO))
    g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE,
                 "--show-secrets: standard error is no terminal; give it twice to have secrets written there all the same");
  else if (cli_given (line, OPT_SAVE_TRANSCRIPT))
    g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--show-secrets and --save-transcript: a file holds no secrets");
  else if (cli_given (line, OPT_REDACT))
    g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--show-secrets and --redact: give one of them");
  else
    {
      vereda_options_set_trace_secrets (plan->options, TRUE);
      report_problem (NULL, "warning: --show-secrets: the transcript shows what authenticates; do not pass it on", NULL);
      return TRUE;
    }
  return FALSE;
}

/* One connection after another: lines of several at a time could not be told apart. */
static gboolean
open_file (Plan *plan, const char *path, GError **error)
{
  const char *connections = vereda_options_get (plan->options, "connections");
  const int fd = connections == NULL || strcmp (connections, "1") == 0
                     ? open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)
                     : -1;

  if (connections != NULL && strcmp (connections, "1") != 0)
    g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--save-transcript and --connections: it is of one connection at a time");
  else if (fd < 0 || (transcript.file = fdopen (fd, "w")) == NULL)
    {
      const int seen = errno;
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_FILE, "--save-transcript=%s: %s", path, g_strerror (seen));
    }
  transcript.path = g_strdup (path);
  return transcript.file != NULL;
}

gboolean
transcript_begin (Plan *plan, const CliLine *line, GError **error)
{
  const char *path = cli_value (line, OPT_SAVE_TRANSCRIPT);
  const gboolean nothing = cli_given (line, OPT_HIDE_ALL);

  transcript.level = nothing ? 0 : plan->verbosity;
  transcript.legend = isatty (STDERR_FILENO);
  transcript.hide_said = cli_given (line, OPT_HIDE_SEND);
  transcript.hide_heard = cli_given (line, OPT_HIDE_RECEIVE);
  transcript.hide_told = cli_given (line, OPT_HIDE_INFORMATIONAL);
  transcript.hide_marks = cli_given (line, OPT_HIDE_PREFIX);
  transcript.lapse = cli_given (line, OPT_TIME_LAPSE);
  if (!read_secrets (plan, line, error) || (path != NULL && !plan->dry_run && !open_file (plan, path, error)))
    return FALSE;
  if (transcript.level > 0 || transcript.file != NULL)
    vereda_options_set_trace (plan->options, on_line, NULL);
  return TRUE;
}

gboolean
transcript_close (void)
{
  if (transcript.file == NULL)
    return TRUE;
  gboolean good = !ferror (transcript.file);
  good = fclose (transcript.file) == 0 && good;
  transcript.file = NULL;
  if (!good)
    {
      g_autofree char *text = g_strdup_printf ("--save-transcript=%s: not all of it could be written", transcript.path);
      report_problem (NULL, text, NULL);
    }
  g_clear_pointer (&transcript.path, g_free);
  return good;
}
