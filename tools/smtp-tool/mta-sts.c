/* SPDX-License-Identifier: MIT */
/* mta-sts - see mta-sts.h. */
#include "mta-sts.h"
#include "helper.h"
#include "text.h"

#include <string.h>

#define MOST_AGE  31557600 /* RFC 8461 section 3.2 */
#define MOST_SIZE 65536    /* section 3.3 */

/* ---- the record ---- */

char *
sts_record_id (const char *text)
{
  static const char version[] = "v=STSv1";
  g_auto (GStrv) fields = g_strsplit (text, ";", -1);

  if (fields[0] == NULL || strcmp (g_strchomp (fields[0]), version) != 0)
    return NULL;
  for (guint i = 1; fields[i] != NULL; i++)
    {
      const char *field = g_strstrip (fields[i]);
      const char *id = field + strlen ("id=");

      if (!g_str_has_prefix (field, "id="))
        continue;
      for (const char *p = id; *p != '\0'; p++)
        if (!g_ascii_isalnum (*p))
          return NULL;
      return *id != '\0' && strlen (id) <= 32 ? g_strdup (id) : NULL;
    }
  return NULL;
}

/* ---- the policy ---- */

typedef struct
{
  StsPolicy *policy;
  gboolean version, mode, age;
} Reader;

static gboolean
is_pattern (const char *text)
{
  const char *name = g_str_has_prefix (text, "*.") ? text + 2 : text;
  gsize label = 0;

  for (const char *p = name; *p != '\0'; p++)
    {
      if (*p != '.' && !g_ascii_isalnum (*p) && *p != '-' && *p != '_')
        return FALSE;
      if (*p == '.' && label == 0)
        return FALSE;
      label = *p == '.' ? 0 : label + 1;
    }
  return label > 0;
}

static gboolean
read_mode (Reader *reader, const char *value)
{
  for (StsMode mode = STS_MODE_NONE; mode <= STS_MODE_ENFORCE; mode++)
    if (strcmp (value, sts_mode_word (mode)) == 0)
      {
        reader->policy->mode = mode;
        return TRUE;
      }
  return FALSE;
}

/* Of a field that may stand once the first counts (RFC 8461 section 3.2); what is not known is passed over. */
static gboolean
read_field (Reader *reader, const char *name, const char *value)
{
  StsPolicy *policy = reader->policy;

  if (strcmp (name, "version") == 0 && !reader->version)
    {
      reader->version = TRUE;
      return strcmp (value, "STSv1") == 0;
    }
  if (strcmp (name, "mode") == 0 && !reader->mode)
    {
      reader->mode = TRUE;
      return read_mode (reader, value);
    }
  if (strcmp (name, "max_age") == 0 && !reader->age)
    {
      reader->age = TRUE;
      return strlen (value) <= 10 && g_ascii_string_to_unsigned (value, 10, 0, MOST_AGE, &policy->max_age, NULL);
    }
  if (strcmp (name, "mx") == 0)
    {
      if (!is_pattern (value))
        return FALSE;
      g_ptr_array_add (policy->mx, g_ascii_strdown (value, -1));
    }
  return TRUE;
}

static char *
read_lines (Reader *reader, char **lines)
{
  for (guint i = 0; lines[i] != NULL; i++)
    {
      char *line = g_strchomp (lines[i]);
      char *colon = strchr (line, ':');
      g_autofree char *shown = text_escape (line);

      if (*line == '\0')
        continue;
      if (colon == NULL || colon == line)
        return g_strdup_printf ("line %u, \"%s\", is not a name, a colon and a value", i + 1, shown);
      *colon = '\0';
      if (!read_field (reader, line, g_strstrip (colon + 1)))
        return g_strdup_printf ("line %u, \"%s\", has a value that is none", i + 1, shown);
    }
  if (!reader->version)
    return g_strdup ("there is no version");
  if (!reader->mode)
    return g_strdup ("there is no mode");
  if (!reader->age)
    return g_strdup ("there is no max_age");
  if (reader->policy->mode != STS_MODE_NONE && reader->policy->mx->len == 0)
    return g_strdup ("there is no mx");
  return NULL;
}

StsPolicy *
sts_policy_parse (const char *text, gsize size, char **ret_why)
{
  Reader reader = { .policy = g_new0 (StsPolicy, 1) };

  reader.policy->mx = g_ptr_array_new_with_free_func (g_free);
  if (size > MOST_SIZE || memchr (text, '\0', size) != NULL)
    *ret_why = g_strdup (size > MOST_SIZE ? "it is larger than 64 KiB" : "it holds a null octet");
  else
    {
      g_autofree char *copy = g_strndup (text, size);
      g_auto (GStrv) lines = g_strsplit (copy, "\n", -1);

      *ret_why = read_lines (&reader, lines);
    }
  if (*ret_why == NULL)
    return reader.policy;
  sts_policy_free (reader.policy);
  return NULL;
}

void
sts_policy_free (StsPolicy *policy)
{
  if (policy == NULL)
    return;
  g_ptr_array_unref (policy->mx);
  g_free (policy);
}

const char *
sts_policy_match (const StsPolicy *policy, const char *host)
{
  const char *dot = strchr (host, '.');

  for (guint i = 0; i < policy->mx->len; i++)
    {
      const char *pattern = policy->mx->pdata[i];

      if (g_str_has_prefix (pattern, "*.") ? dot != NULL && dot != host && g_ascii_strcasecmp (dot, pattern + 1) == 0
                                           : g_ascii_strcasecmp (host, pattern) == 0)
        return pattern;
    }
  return NULL;
}

const char *
sts_mode_word (StsMode mode)
{
  static const char *const words[] = { "none", "testing", "enforce" };

  return words[mode];
}

/* ---- getting it ---- */

static gboolean
fail (Sts *sts, const char *problem, char *why)
{
  sts->problem = problem;
  sts->why = why;
  return FALSE;
}

static gboolean
look_up (Sts *sts, Dns *dns)
{
  g_autoptr (DnsAnswer) answer = dns_ask (dns, sts->name, DNS_TYPE_TXT);
  guint count = 0;

  sts->dnssec = answer->state;
  if (answer->state == DNS_BOGUS || answer->failure != NULL)
    return fail (
        sts, "sts-record-invalid",
        g_strdup_printf ("%s cannot be looked up: %s", sts->name, answer->why != NULL ? answer->why : answer->failure));
  for (guint i = 0; i < answer->records->len; i++)
    {
      g_autofree char *text = dns_read_text (answer->records->pdata[i]);

      if (!g_str_has_prefix (text, "v=STSv1;"))
        continue;
      count++;
      g_free (sts->id);
      sts->id = sts_record_id (text);
    }
  if (count == 0)
    return fail (sts, "sts-no-record", g_strdup_printf ("%s has no record that begins with v=STSv1;", sts->name));
  /* RFC 8461 section 3.1: with several it is as if there were none. */
  if (count > 1 || sts->id == NULL)
    return fail (sts, "sts-record-invalid",
                 g_strdup_printf (count > 1 ? "%s has more than one record" : "the record of %s has no id that could be read",
                                  sts->name));
  return TRUE;
}

static void
add_addresses (GString *text, const DnsAnswer *answer)
{
  for (guint i = 0; answer->state != DNS_BOGUS && i < answer->records->len; i++)
    {
      g_autofree char *address = dns_read_address (answer->records->pdata[i]);

      if (address != NULL)
        g_string_append_printf (text, strchr (address, ':') != NULL ? "%s[%s]" : "%s%s", text->len > 0 ? "," : "", address);
    }
}

/* "A,B" of the policy's server; NULL: it has none. */
static char *
addresses_of (Dns *dns, const char *host)
{
  g_autoptr (DnsAnswer) aaaa = dns_ask (dns, host, DNS_TYPE_AAAA);
  g_autoptr (DnsAnswer) a = dns_ask (dns, host, DNS_TYPE_A);
  g_autoptr (GString) text = g_string_new (NULL);

  add_addresses (text, aaaa);
  add_addresses (text, a);
  return text->len > 0 ? g_strdup (text->str) : NULL;
}

static gboolean
fetch (Sts *sts, Dns *dns, const StsSource *source, char **ret_text)
{
  const char *domain = strchr (sts->name, '.') + 1;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = helper_find ("smtp-tool-fetch", &error);
  g_autofree char *complaint = NULL, *name = g_strconcat ("mta-sts.", domain, NULL);
  g_autofree char *addresses = source->addresses ? addresses_of (dns, name) : NULL;
  g_autofree char *resolved = addresses != NULL ? g_strdup_printf ("%s:443:%s", name, addresses) : NULL;
  int status = 0;

  if (path == NULL)
    return fail (sts, "sts-policy-unreachable", g_strdup (error->message));
  if (source->addresses && addresses == NULL)
    return fail (sts, "sts-policy-unreachable", g_strdup_printf ("%s has no address", name));
  char *argv[] = { path, sts->source, (char *) (gpointer) (source->roots != NULL ? source->roots : ""), resolved, NULL };
  if (!g_spawn_sync (NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, ret_text, &complaint, &status, &error))
    return fail (sts, "sts-policy-unreachable", g_strdup (error->message));
  if (!g_spawn_check_wait_status (status, NULL))
    return fail (sts, "sts-policy-unreachable", text_one_line (g_strchomp (complaint)));
  return TRUE;
}

static gboolean
get_policy (Sts *sts, Dns *dns, const StsSource *source)
{
  g_autofree char *text = NULL, *why = NULL;
  g_autoptr (GError) error = NULL;
  gsize size = 0;

  if (source->file != NULL && !g_file_get_contents (source->file, &text, &size, &error))
    return fail (sts, "sts-policy-unreachable", g_strdup (error->message));
  if (source->file == NULL && !fetch (sts, dns, source, &text))
    return FALSE;
  size = source->file == NULL ? strlen (text) : size; /* smtp-tool-fetch gives out no null octet */
  sts->policy = sts_policy_parse (text, size, &why);
  return sts->policy != NULL || fail (sts, "sts-policy-invalid", g_steal_pointer (&why));
}

Sts *
sts_new (Dns *dns, const char *domain, const StsSource *source)
{
  Sts *sts = g_new0 (Sts, 1);

  sts->name = g_strdup_printf ("_mta-sts.%s", domain);
  sts->source
      = source->file != NULL ? g_strdup (source->file) : g_strdup_printf ("https://mta-sts.%s/.well-known/mta-sts.txt", domain);
  if (look_up (sts, dns))
    (void) get_policy (sts, dns, source);
  return sts;
}

void
sts_free (Sts *sts)
{
  if (sts == NULL)
    return;
  sts_policy_free (sts->policy);
  g_free (sts->name);
  g_free (sts->id);
  g_free (sts->source);
  g_free (sts->why);
  g_free (sts);
}
