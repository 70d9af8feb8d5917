/* SPDX-License-Identifier: MIT */
/* session-json - a session for machines: schema/session-1.json, one list of what happened, in order.  See session.h.
 *
 * What is typed to authenticate is left out of it, and so is a challenge: beside its answer it would allow guessing. */
#include "session.h"
#include "text.h"

#include <string.h>

static json_t *
safe (const char *text)
{
  if (text == NULL)
    return json_null ();
  g_autofree char *shown = text_escape (text);
  return report_string (shown);
}

static void
add_event (Session *session, const char *what, json_t *members)
{
  const guint number = session->input != NULL ? session_input_number (session->input) : 0;
  json_t *event = json_pack ("{s:f, s:s, s:o}", "ms", (double) (g_get_monotonic_time () - session->began) / 1000.0, "event",
                             what, "line", number > 0 ? json_integer (number) : json_null ());

  json_object_update (event, members);
  json_decref (members);
  json_array_append_new (session->events, event);
}

/* "AUTH PLAIN AGFubgBz": all behind the mechanism; a response: all of it, but for the word that gives up. */
static char *
without_secret (const char *line, gboolean is_response)
{
  const char *blank = g_ascii_strncasecmp (line, "AUTH ", 5) == 0 ? strchr (line + 5, ' ') : NULL;
  const char *from = is_response && strcmp (line, "*") != 0 ? line : blank != NULL ? blank + 1 : line + strlen (line);

  if (*from == '\0' || strcmp (from, "=") == 0)
    return text_escape (line);
  g_autofree char *kept = g_strndup (line, (gsize) (from - line));
  g_autofree char *shown = text_escape (kept);
  return g_strdup_printf ("%s<redacted %" G_GSIZE_FORMAT " octets>", shown, strlen (from));
}

void
session_json_said (Session *session, const char *line)
{
  g_autofree char *shown = without_secret (line, session->last == 334);

  if (session->events != NULL)
    add_event (session, "said", json_pack ("{s:s}", "text", shown));
}

void
session_json_command (Session *session, const char *line)
{
  g_autofree char *text = g_strconcat ("\\", line, NULL);

  if (session->events != NULL)
    add_event (session, "command", json_pack ("{s:o}", "text", safe (text)));
}

void
session_json_content (Session *session, gsize octets)
{
  if (session->events != NULL)
    add_event (session, "content", json_pack ("{s:I}", "octets", (json_int_t) octets));
}

void
session_json_heard (Session *session, VeredaReply *reply)
{
  const int code = vereda_reply_get_code (reply);
  g_auto (GStrv) lines = g_strsplit (vereda_reply_get_text (reply), "\n", -1);
  json_t *array = json_array ();

  for (char **line = lines; *line != NULL; line++)
    {
      g_autofree char *instead
          = code == 334 && **line != '\0' ? g_strdup_printf ("<redacted %" G_GSIZE_FORMAT " octets>", strlen (*line)) : NULL;
      json_array_append_new (array, safe (instead != NULL ? instead : *line));
    }
  add_event (session, "heard",
             json_pack ("{s:i, s:o, s:o}", "code", code, "enhanced", safe (vereda_reply_get_enhanced (reply)), "lines", array));
}

void
session_json_tls (Session *session)
{
  VeredaProbe *probe = session->probe;
  const guint version = vereda_probe_get_tls_version (probe);

  add_event (session, "tls",
             json_pack ("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "version",
                        version == 0x0304   ? json_string ("TLSv1.3")
                        : version == 0x0303 ? json_string ("TLSv1.2")
                                            : json_null (),
                        "cipher", safe (vereda_probe_get_tls_cipher (probe)), "group",
                        safe (vereda_probe_get_tls_group (probe)), "backend", safe (vereda_probe_get_tls_backend (probe)),
                        "verify", safe (vereda_probe_get_verify_code (probe)), "name",
                        safe (vereda_probe_get_peer_name (probe)), "matched", safe (vereda_probe_get_matched_name (probe))));
}

void
session_json_authenticated (Session *session)
{
  add_event (session, "authenticated",
             json_pack ("{s:o}", "mechanism", safe (vereda_probe_get_authenticated (session->probe))));
}

void
session_json_problem (Session *session, ExitStatus status, const char *text)
{
  add_event (session, "problem", json_pack ("{s:i, s:o}", "code", (int) status, "text", safe (text)));
}

void
session_json_print (Session *session, const char *given, const GError *error, const Outcome *outcome)
{
  VeredaProbe *probe = session->probe;
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *time = g_date_time_format (now, "%Y-%m-%dT%H:%M:%SZ");
  json_t *target = json_pack ("{s:o, s:o, s:o, s:o}", "given", safe (given), "server",
                              safe (probe != NULL ? vereda_probe_get_server (probe) : NULL), "address",
                              safe (probe != NULL ? vereda_probe_get_address (probe) : NULL), "transport",
                              safe (probe != NULL ? vereda_probe_get_transport (probe) : NULL));

  (void) report_print (json_pack ("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "schema", "smtp-tool/session/1", "tool",
                                  "smtp-tool " TOOL_VERSION, "library", vereda_version (), "time", time, "target", target,
                                  "events", session->events, "error", report_error (error, NULL), "exit",
                                  report_exit (outcome)));
  session->events = NULL;
}
