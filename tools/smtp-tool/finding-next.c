/* SPDX-License-Identifier: MIT */
/* finding-next - the command to type next.  See finding.h.
 *
 * A command that leaves out the authorities or the TLS mode of this look would fail for another reason than the one it is to show. */
#include "finding.h"
#include "text.h"

#include <string.h>

/* A word for a shell. */
static char *
quoted (const char *word)
{
  g_autofree char *shown = text_escape (word);

  for (const char *p = shown; *p != '\0'; p++)
    if (!g_ascii_isalnum (*p) && strchr (".:-_/[]@=+,", *p) == NULL)
      return g_shell_quote (shown);
  return g_steal_pointer (&shown);
}

/* Unless the template has something of its own about it. */
static void
append_option (GString *text, const char *template, const char *about, const char *option)
{
  if (option == NULL || strstr (template, about) != NULL)
    return;
  g_autofree char *word = quoted (option);
  g_string_append_printf (text, "%s ", word);
}

static char *
options_for (const char *template, const Look *look)
{
  g_autoptr (GString) text = g_string_new (NULL);

  if (!g_str_has_prefix (template, "smtp-tool "))
    return g_strdup ("");
  append_option (text, template, "ca-file", look->ca);
  append_option (text, template, "--verify-name", look->verify_name);
  if (strstr (template, "{host}:") == NULL) /* another port has its own mode */
    append_option (text, template, "--tls=", look->tls);
  append_option (text, template, "--ip", look->family);
  if (strstr (template, " auth ") != NULL)
    append_option (text, template, "--user", look->user);
  return g_strdup (text->str);
}

/* As dig and delv want to hear whom to ask. */
static char *
name_server (const char *resolver)
{
  if (resolver == NULL)
    return g_strdup ("");
  g_auto (GStrv) parts = g_strsplit (resolver, "@", 2);
  return g_strdup_printf (parts[1] != NULL ? "@%s -p %s " : "@%s ", parts[0], parts[1]);
}

/* What `explain` is asked about: the reply as precisely as it says. */
static char *
code_of (const Look *look)
{
  VeredaReply *reply = look->probe != NULL ? vereda_probe_get_error_reply (look->probe) : NULL;
  const char *enhanced = reply != NULL ? vereda_reply_get_enhanced (reply) : NULL;

  if (reply == NULL)
    return g_strdup ("CODE");
  return enhanced != NULL ? g_strdup (enhanced) : g_strdup_printf ("%d", vereda_reply_get_code (reply));
}

char *
finding_command (const char *template, const Look *look)
{
  const gboolean starttls = look->probe == NULL || strcmp (vereda_probe_get_mode (look->probe), "implicit") != 0;
  g_autofree char *code = code_of (look);
  const char *host = look->host == NULL && look->probe != NULL ? vereda_probe_get_host (look->probe) : look->host;
  g_autofree char *target = quoted (look->target != NULL ? look->target : "TARGET");
  g_autofree char *name = quoted (host != NULL ? host : "HOST");
  g_autofree char *domain = quoted (look->domain != NULL ? look->domain : "DOMAIN");
  g_autofree char *port = look->probe != NULL ? g_strdup_printf ("%u", vereda_probe_get_port (look->probe)) : g_strdup ("PORT");
  g_autofree char *at = name_server (look->resolver);
  g_autofree char *options = options_for (template, look);
  const char *place = strstr (template, "{target}");
  g_autoptr (GString) text = g_string_new (template);

  place = place != NULL ? place : strstr (template, "{host}");
  if (place != NULL)
    g_string_insert (text, place - template, options);
  g_string_replace (text, "{target}", target, 0);
  g_string_replace (text, "{host}", name, 0);
  g_string_replace (text, "{port}", port, 0);
  g_string_replace (text, "{domain}", domain, 0);
  g_string_replace (text, "{code}", code, 0);
  g_string_replace (text, "{starttls}", starttls ? " -starttls smtp" : "", 0);
  g_string_replace (text, "{tlsa}", look->dane != NULL ? look->dane->name : "_PORT._tcp.HOST", 0);
  g_string_replace (text, "{at}", at, 0);
  return g_strdup (text->str);
}

char *
finding_next (const FindingInfo *info)
{
  return info->next != NULL ? finding_command (info->next, &(const Look){ 0 }) : NULL;
}
