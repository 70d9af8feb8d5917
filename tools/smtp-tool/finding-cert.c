/* SPDX-License-Identifier: MIT */
/* finding-cert - what else is worth saying of a certificate that was refused: which name it has, whose authorities were asked.  See finding.h. */
#include "finding.h"
#include "probe-cert.h"

#include <string.h>

#define NAMES_SHOWN 3

/* The name itself, of a whole one; a pattern is none that a server is called. */
static const char *
dns_name (const char *name)
{
  return g_str_has_prefix (name, "DNS:") && name[4] != '*' && name[4] != '\0' ? name + 4 : NULL;
}

static const char *
first_name (const Cert *leaf)
{
  for (char **name = leaf->names; *name != NULL; name++)
    if (dns_name (*name) != NULL)
      return dns_name (*name);
  return NULL;
}

/* The name in the greeting or in the reply to EHLO is what the server calls itself (RFC 5321 sections 4.2, 4.1.1.1). */
static const char *
called (const Look *look, const Cert *leaf)
{
  VeredaReply *greeting = vereda_probe_get_greeting (look->probe);
  const char *text = greeting != NULL ? vereda_reply_get_text (greeting) : "";
  const gsize size = strcspn (text, " \n");

  for (char **name = leaf->names; *name != NULL; name++)
    if (dns_name (*name) != NULL && strlen (dns_name (*name)) == size
        && g_ascii_strncasecmp (dns_name (*name), text, size) == 0)
      return dns_name (*name);
  return NULL;
}

static char *
some_names (const Cert *leaf)
{
  g_autoptr (GString) text = g_string_new (NULL);
  guint n = 0;

  for (char **name = leaf->names; *name != NULL && n < NAMES_SHOWN; name++, n++)
    g_string_append_printf (text, "%s%s", n > 0 ? ", " : "", *name);
  if (g_strv_length (leaf->names) > n)
    g_string_append_printf (text, " and %u more", g_strv_length (leaf->names) - n);
  if (text->len == 0) /* RFC 9525 section 2: what stands in the subject is no name of a server */
    return g_strdup_printf ("no name at all (its subject is %s, which is none)",
                            leaf->subject != NULL && *leaf->subject != '\0' ? leaf->subject : "empty");
  return g_strdup (text->str);
}

static void
list_mismatch (GPtrArray *list, const Look *look, const Cert *leaf, const char *id)
{
  const char *asked = vereda_probe_get_peer_name (look->probe), *itself = called (look, leaf);
  g_autofree char *names = some_names (leaf);
  const char *name = itself != NULL ? itself : first_name (leaf);
  g_autofree char *word = name != NULL ? g_shell_quote (name) : NULL;
  const gboolean plain = name != NULL && strspn (name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS ".-") == strlen (name);
  g_autofree char *next = NULL;

  if (name != NULL)
    next = itself != NULL && vereda_probe_get_port (look->probe) != 0
               ? g_strdup_printf ("smtp-tool probe %s:{port} # instead of {host}", plain ? name : word)
               : g_strdup_printf ("smtp-tool probe --verify-name=%s {target}", plain ? name : word);
  finding_add (list, look, id, next, "it is for %s, and not for %s%s%s", names,
               asked != NULL ? asked : "a server without a name", itself != NULL ? "; the server calls itself " : "",
               itself != NULL ? itself : "");
}

/* The one that the verdict is about. */
static void
list_dates (GPtrArray *list, const Look *look, const char *id)
{
  const int depth = MAX (0, vereda_probe_get_verify_depth (look->probe));
  const Cert *cert = (guint) depth < look->certs->len ? look->certs->pdata[depth] : NULL;
  const gint64 now = g_get_real_time () / G_USEC_PER_SEC;

  if (cert == NULL || cert->broken != NULL || (cert->not_after >= now && cert->not_before <= now))
    {
      finding_add (list, look, id, NULL, NULL);
      return;
    }
  const gboolean over = cert->not_after < now;
  const gint64 days = (over ? now - cert->not_after : cert->not_before - now) / (24 * 60 * 60);
  g_autofree char *time = cert_time (over ? cert->not_after : cert->not_before);
  finding_add (list, look, id, NULL, "%s: valid %s %s, %" G_GINT64_FORMAT " day%s %s",
               depth == 0 ? "the server's own" : cert->subject, over ? "until" : "from", time, days, days == 1 ? "" : "s",
               over ? "ago" : "from now");
}

/* Where the path ends, and whose authorities were asked. */
static void
list_unknown (GPtrArray *list, const Look *look, const char *id)
{
  const Cert *last = look->certs->pdata[look->certs->len - 1];
  const char *issuer = last->broken == NULL && last->issuer != NULL ? last->issuer : "?";
  const char *sent = last->broken == NULL && last->self_issued ? "was sent" : "was not sent";

  if (look->ca != NULL)
    finding_add (list, look, id, "smtp-tool probe --no-ca-file {target}",
                 "the path ends at %s, which %s and is not in %s (in place of the system's authorities)", issuer, sent,
                 strchr (look->ca, '=') + 1);
  else
    finding_add (list, look, id, NULL, "the path ends at %s, which %s and is no authority that this system trusts", issuer,
                 sent);
}

void
finding_list_refusal (GPtrArray *list, const Look *look, const char *id)
{
  const Cert *leaf = look->certs->len > 0 ? look->certs->pdata[0] : NULL;
  const gboolean named = leaf != NULL && leaf->broken == NULL;

  if (named && (strcmp (id, "cert-name-mismatch") == 0 || strcmp (id, "cert-no-ip-name") == 0))
    list_mismatch (list, look, leaf, id);
  else if (strcmp (id, "cert-expired") == 0 || strcmp (id, "cert-not-yet-valid") == 0)
    list_dates (list, look, id);
  else if (strcmp (id, "cert-unknown-issuer") == 0 && named)
    list_unknown (list, look, id);
  else
    finding_add (list, look, id, NULL, NULL);
}
