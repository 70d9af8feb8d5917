/* SPDX-License-Identifier: MIT */
/* probe-as - see probe-as.h.
 *
 * One function for each tool adds words; the shell's marks are put around them at the end.  Options are those of Debian 12's versions. */
#include "probe-as.h"
#include "text.h"
#include "tool.h"

#include <string.h>

typedef struct
{
  const Command *command;
  const char *host, *name; /* to connect to; in the certificate */
  char *port;
  const char *ca; /* NULL: the system's */
  gboolean implicit, plain, required, lmtp;
  GPtrArray *words;
} As;

static void
word (As *as, const char *text)
{
  g_ptr_array_add (as->words, g_strdup (text));
}

static void
pair (As *as, const char *option, const char *value)
{
  if (value == NULL)
    return;
  word (as, option);
  word (as, value);
}

static void
joined (As *as, const char *before, const char *value)
{
  if (value != NULL)
    g_ptr_array_add (as->words, g_strconcat (before, value, NULL));
}

static const char *
option (const As *as, const char *name)
{
  VeredaOptions *options = as->command->plan->options;

  return vereda_options_is_set (options, name) ? vereda_options_get (options, name) : NULL;
}

static gboolean
is_address (const char *host)
{
  return g_hostname_is_ip_address (host);
}

/* HOST:PORT, an IPv6 address in brackets. */
static char *
endpoint (const As *as)
{
  return g_strdup_printf (strchr (as->host, ':') != NULL ? "[%s]:%s" : "%s:%s", as->host, as->port);
}

static const char *
family (const As *as, const char *four, const char *six)
{
  const char *wanted = option (as, "family");

  return g_strcmp0 (wanted, "ipv4") == 0 ? four : g_strcmp0 (wanted, "ipv6") == 0 ? six : NULL;
}

/* ---- the tools; a string says what one cannot do ---- */

static const char *
as_swaks (As *as)
{
  static const char *const points[]
      = { [VEREDA_PROBE_CONNECT] = "CONNECT", [VEREDA_PROBE_GREETING] = "BANNER", [VEREDA_PROBE_FIRST_EHLO] = "FIRST-EHLO",
          [VEREDA_PROBE_TLS] = "TLS",         [VEREDA_PROBE_EHLO] = "EHLO",       [VEREDA_PROBE_AUTH] = "AUTH",
          [VEREDA_PROBE_MAIL] = "MAIL",       [VEREDA_PROBE_RCPT] = "RCPT" };
  VeredaProbePoint point = as->command->point;

  if (point == VEREDA_PROBE_AUTH && !as->command->plan->wants_auth)
    point = VEREDA_PROBE_EHLO;
  word (as, "swaks");
  pair (as, "--server", as->host);
  pair (as, "--port", as->port);
  if (family (as, "-4", "-6") != NULL)
    word (as, family (as, "-4", "-6"));
  if (as->lmtp)
    pair (as, "--protocol", "LMTP");
  pair (as, "--ehlo", option (as, "client"));
  if (!as->plain)
    {
      word (as, as->implicit ? "--tls-on-connect" : as->required ? "--tls" : "--tls-optional");
      word (as, "--tls-verify");
      pair (as, "--tls-ca-path", as->ca);
      pair (as, "--tls-sni", is_address (as->name) ? NULL : as->name);
    }
  if (as->command->plan->wants_auth)
    {
      pair (as, "--auth", option (as, "auth") != NULL ? option (as, "auth") : "");
      pair (as, "--auth-user", option (as, "username"));
    }
  pair (as, "--from", option (as, "originator"));
  pair (as, "--to", option (as, "recipients"));
  pair (as, as->command->drop ? "--drop-after" : "--quit-after", points[point]);
  return NULL;
}

static const char *
as_curl (As *as)
{
  g_autofree char *at = endpoint (as);
  const gboolean renamed = strcmp (as->name, as->host) != 0;
  g_autofree char *named = renamed ? g_strdup_printf ("%s:%s", as->name, as->port) : g_strdup (at);
  g_autofree char *route = g_strdup_printf ("%s:%s", named, at);
  g_autofree char *url = g_strdup_printf ("%s://%s/%s", as->implicit ? "smtps" : "smtp", named,
                                          option (as, "client") != NULL ? option (as, "client") : "");
  g_autofree char *login = option (as, "auth") != NULL ? g_strconcat ("AUTH=", option (as, "auth"), NULL) : NULL;

  if (as->lmtp)
    return "speaks no LMTP";
  word (as, "curl");
  word (as, "-v");
  if (family (as, "-4", "-6") != NULL)
    word (as, family (as, "-4", "-6"));
  if (!as->plain && !as->implicit)
    word (as, as->required ? "--ssl-reqd" : "--ssl");
  pair (as, "--cacert", as->plain ? NULL : as->ca);
  pair (as, "--connect-to", renamed ? route : NULL);
  pair (as, "--user", as->command->plan->wants_auth ? option (as, "username") : NULL);
  pair (as, "--login-options", as->command->plan->wants_auth && login != NULL && strchr (login, ',') == NULL ? login : NULL);
  pair (as, "--request", "NOOP"); /* it says HELP otherwise, which many refuse */
  word (as, url);
  return NULL;
}

static const char *
as_openssl (As *as)
{
  g_autofree char *at = endpoint (as);

  if (as->plain)
    return "speaks TLS only";
  word (as, "openssl");
  word (as, "s_client");
  pair (as, "-connect", at);
  if (family (as, "-4", "-6") != NULL)
    word (as, family (as, "-4", "-6"));
  pair (as, "-starttls", as->implicit ? NULL : as->lmtp ? "lmtp" : "smtp");
  pair (as, is_address (as->name) ? "-verify_ip" : "-verify_hostname", as->name);
  pair (as, "-servername", is_address (as->name) ? NULL : as->name);
  word (as, "-verify_return_error");
  pair (as, "-CAfile", as->ca);
  return NULL;
}

static const char *
as_gnutls (As *as)
{
  if (as->plain)
    return "speaks TLS only";
  word (as, "gnutls-cli");
  joined (as, "--starttls-proto=", as->implicit ? NULL : as->lmtp ? "lmtp" : "smtp");
  joined (as, "--x509cafile=", as->ca);
  joined (as, "--verify-hostname=", as->name);
  joined (as, "--port=", as->port);
  word (as, as->host);
  return NULL;
}

static const char *
as_posttls (As *as)
{
  g_autofree char *at = g_strdup_printf (strchr (as->host, ':') != NULL ? "[ipv6:%s]:%s" : "[%s]:%s", as->host, as->port);

  word (as, "posttls-finger");
  word (as, "-c");
  word (as, "-C");
  if (as->implicit)
    word (as, "-w");
  if (as->lmtp)
    word (as, "-S");
  pair (as, "-l", as->plain ? "none" : as->required || as->implicit ? "verify" : "may");
  pair (as, "-F", as->plain ? NULL : as->ca);
  word (as, at);
  if (!as->plain)
    word (as, as->name);
  return NULL;
}

static const struct
{
  const char *name;
  const char *(*add) (As *as);
  const char *stdin_from; /* what it reads, so that it ends; NULL: it ends by itself */
} tools[] = {
  { "swaks", as_swaks, NULL },
  { "curl", as_curl, NULL },
  { "openssl", as_openssl, "/dev/null" },
  { "gnutls-cli", as_gnutls, "/dev/null" },
  { "posttls-finger", as_posttls, NULL },
};

static char *
in_shell (const GPtrArray *words)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < words->len; i++)
    {
      const char *one = words->pdata[i];
      g_autofree char *shown = text_escape (one);
      const gboolean plain
          = *shown != '\0' && strspn (shown, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS ".:-_/=+,@%") == strlen (shown);
      g_autofree char *quoted = plain ? g_strdup (shown) : g_shell_quote (shown);

      g_string_append_printf (text, "%s%s", i > 0 ? " " : "", quoted);
    }
  return g_string_free (text, FALSE);
}

static const char *
fill (As *as, VeredaProbe *probe)
{
  const char *mode = vereda_probe_get_mode (probe);

  as->host = vereda_probe_get_host (probe);
  if (as->host == NULL)
    return "a local socket has no such command";
  as->name = option (as, "verify-name") != NULL ? option (as, "verify-name") : as->host;
  as->port = g_strdup_printf ("%u", vereda_probe_get_port (probe));
  as->ca = option (as, "ca-file") != NULL ? option (as, "ca-file") : option (as, "ca-dir");
  as->implicit = strcmp (mode, "implicit") == 0;
  as->plain = strcmp (mode, "plain") == 0;
  as->required = vereda_probe_is_tls_required (probe);
  as->lmtp = vereda_probe_is_lmtp (probe);
  return NULL;
}

char *
probe_as (const Command *command, const char *tool, GError **error)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (VeredaProbe) probe = vereda_probe_new (command->plan->options, error);
  As as = { .command = command, .words = words };

  if (probe == NULL)
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS (tools); i++)
    {
      if (strcmp (tools[i].name, tool) != 0)
        continue;
      const char *cannot = fill (&as, probe);
      cannot = cannot != NULL ? cannot : tools[i].add (&as);
      g_free (as.port);
      if (cannot != NULL)
        {
          g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--as=%s: %s", tool, cannot);
          return NULL;
        }
      g_autofree char *line = in_shell (words);
      return tools[i].stdin_from != NULL ? g_strdup_printf ("%s < %s", line, tools[i].stdin_from) : g_steal_pointer (&line);
    }
  g_autofree char *shown = text_escape (tool);
  g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--as: '%s' is not one of " PROBE_AS_TOOLS, shown);
  return NULL;
}
