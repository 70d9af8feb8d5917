/* SPDX-License-Identifier: MIT */
/* swaks - see swaks.h. */
#include "swaks.h"
#include "options.h"
#include "spool.h"
#include "text.h"
#include "tool.h"

#include <string.h>
#include <unistd.h>

#define TEMPLATE_MAX (1024 * 1024) /* what is larger is no template, and is not searched */

/* ---- --protocol ---- */

typedef struct
{
  const char *word;
  const char *tls; /* NULL: as it comes */
  gboolean lmtp;
  gboolean auth;
} Protocol;

static const Protocol protocols[] = {
  { "ESMTP", NULL, FALSE, FALSE },        { "ESMTPA", NULL, FALSE, TRUE },       { "ESMTPS", "starttls", FALSE, FALSE },
  { "ESMTPSA", "starttls", FALSE, TRUE }, { "SSMTP", "implicit", FALSE, FALSE }, { "SSMTPA", "implicit", FALSE, TRUE },
  { "SMTPS", "implicit", FALSE, FALSE },  { "LMTP", NULL, TRUE, FALSE },         { "LMTPA", NULL, TRUE, TRUE },
  { "LMTPS", "starttls", TRUE, FALSE },   { "LMTPSA", "starttls", TRUE, TRUE },
};

static gboolean
speak_lmtp (VeredaOptions *options, GError **error)
{
  const char *servers = vereda_options_get (options, "servers");
  g_auto (GStrv) list = g_strsplit (servers != NULL ? servers : "", ",", -1);
  g_autoptr (GString) all = g_string_new (NULL);

  for (char **server = list; *server != NULL; server++)
    {
      const char *name = g_strstrip (*server);
      const char *scheme = g_str_has_prefix (name, "lmtp:") ? "" : g_str_has_prefix (name, "unix:") ? "lmtp:" : "lmtp://";
      g_string_append_printf (all, "%s%s%s", all->len > 0 ? "," : "", scheme, name);
    }
  return options_set (options, "--protocol", "servers", all->len > 0 ? all->str : "lmtp://localhost", error);
}

static gboolean
apply (Plan *plan, const CliLine *line, const Protocol *protocol, GError **error)
{
  if (protocol->auth && !cli_given (line, OPT_USER) && !cli_given (line, OPT_NETRC))
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--protocol=%s: authentication is asked for, and no --user is given",
                   protocol->word);
      return FALSE;
    }
  if (protocol->tls != NULL && !vereda_options_is_set (plan->options, "tls")
      && !options_set (plan->options, "--protocol", "tls", protocol->tls, error))
    return FALSE;
  return !protocol->lmtp || speak_lmtp (plan->options, error);
}

gboolean
swaks_protocol (Plan *plan, const CliLine *line, GError **error)
{
  const char *word = cli_value (line, OPT_PROTOCOL);

  if (word == NULL)
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (protocols); i++)
    if (g_ascii_strcasecmp (protocols[i].word, word) == 0)
      return apply (plan, line, &protocols[i], error);
  g_autofree char *shown = text_escape (word);
  if (g_ascii_strcasecmp (word, "SMTP") == 0)
    g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--protocol=SMTP: HELO is said only to a server that refuses EHLO");
  else
    g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE,
                 "--protocol: '%s' is not one of ESMTP, SSMTP, SMTPS, LMTP, with S for TLS and A for authentication", shown);
  return FALSE;
}

/* ---- --data ---- */

static char *
date_now (void)
{
  static const char days[][4] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
  static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autofree char *rest = g_date_time_format (now, "%Y %H:%M:%S %z"); /* digits: RFC 5322 wants English names in any locale */

  return g_strdup_printf ("%s, %d %s %s", days[g_date_time_get_day_of_week (now) - 1], g_date_time_get_day_of_month (now),
                          months[g_date_time_get_month (now) - 1], rest);
}

static char *
message_id (void)
{
  g_autofree char *uuid = g_uuid_string_random ();

  return g_strdup_printf ("<%s@%s>", uuid, g_get_host_name ());
}

/* Each where it stands; a name in percent signs that is none of them stays. */
static GString *
fill (const char *text, gsize size, const char *from, const char *to)
{
  g_autofree char *date = date_now ();
  g_autofree char *id = message_id ();
  const struct
  {
    const char *token;
    const char *value;
  } tokens[] = { { "%FROM_ADDRESS%", from }, { "%TO_ADDRESS%", to },  { "%DATE%", date },
                 { "%MESSAGEID%", id },      { "%NEW_HEADERS%", "" }, { "%SWAKS_VERSION%", "smtp-tool " TOOL_VERSION } };
  GString *out = g_string_sized_new (size + 256);

  for (gsize at = 0; at < size;)
    {
      gsize used = 0;

      for (guint i = 0; text[at] == '%' && used == 0 && i < G_N_ELEMENTS (tokens); i++)
        if (size - at >= strlen (tokens[i].token) && memcmp (text + at, tokens[i].token, strlen (tokens[i].token)) == 0)
          {
            used = strlen (tokens[i].token);
            g_string_append (out, tokens[i].value);
            /* what --header adds is added by the library: its place closes up */
            if (strcmp (tokens[i].token, "%NEW_HEADERS%") == 0 && at + used < size && text[at + used] == '\n')
              used++;
          }
      if (used == 0)
        g_string_append_c (out, text[at]);
      at += used > 0 ? used : 1;
    }
  return out;
}

static int
spool_filled (const char *text, gsize size, const char *from, const char *to, GError **error)
{
  g_autoptr (GString) filled = fill (text, size, from, to);
  const int fd = spool_new (error);

  if (fd >= 0 && spool_write (fd, filled->str, filled->len, error) && lseek (fd, 0, SEEK_SET) == 0)
    return fd;
  if (fd >= 0)
    (void) close (fd);
  return -1;
}

static int
spool_literal (const char *value, const char *from, const char *to, GError **error)
{
  g_auto (GStrv) lines = g_strsplit (value, "\\n", -1);
  g_autofree char *text = g_strjoinv ("\n", lines);
  g_autofree char *whole = g_str_has_suffix (text, "\n") ? g_strdup (text) : g_strconcat (text, "\n", NULL);

  return spool_filled (whole, strlen (whole), from, to, error);
}

int
swaks_data (const char *value, const char *from, const char *to, GError **error)
{
  const gboolean named = *value == '@';
  const char *file = named ? value + 1 : value;

  if (!named && (strstr (value, "\\n") != NULL || strchr (value, '\n') != NULL))
    return spool_literal (value, from, to, error);
  const int fd = strcmp (file, "-") == 0 ? spool_from_fd (STDIN_FILENO, error) : spool_from_file (file, error);
  const off_t size = fd >= 0 ? lseek (fd, 0, SEEK_END) : 0;
  if (fd < 0 || lseek (fd, 0, SEEK_SET) != 0 || size > TEMPLATE_MAX)
    return fd;
  g_autoptr (GBytes) bytes = spool_read (fd, error);
  (void) close (fd);
  return bytes != NULL ? spool_filled (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), from, to, error) : -1;
}
