/* SPDX-License-Identifier: MIT */
/* host - what may stand where a server's name or address is asked for.
 *
 * Pure.  core/base/idn converts; the rules of RFC 1123 section 2.1 (and underscores, which real networks use) are checked here. */
#include "core/net/host.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/base/error.h"
#include "core/base/idn.h"

#define NAME_MAX_OCTETS  253u /* RFC 1035 section 2.3.4, without the root's dot */
#define LABEL_MAX_OCTETS 63u

/* What inet_aton() takes for a number: decimal, octal or hexadecimal. */
static gboolean
is_number (const char *label, gsize len)
{
  gboolean hex = len >= 2 && label[0] == '0' && label[1] == 'x';

  for (gsize i = hex ? 2 : 0; i < len; i++)
    {
      if (hex ? !g_ascii_isxdigit (label[i]) : !g_ascii_isdigit (label[i]))
        return FALSE;
    }
  return TRUE;
}

/* NULL, or what is wrong. */
static const char *
wrong_with_label (const char *label, gsize len)
{
  if (len == 0)
    return "two dots follow each other, or it begins with one";
  if (len > LABEL_MAX_OCTETS)
    return "a label is longer than 63 octets";
  if (label[0] == '-' || label[len - 1] == '-')
    return "a label begins or ends with a hyphen";
  for (gsize i = 0; i < len; i++)
    {
      if (!g_ascii_isalnum (label[i]) && label[i] != '-' && label[i] != '_')
        return "only letters, digits, hyphens, underscores and dots can stand in a host name";
    }
  return NULL;
}

static const char *
wrong_with_name (const char *name)
{
  gsize len = strlen (name);
  const char *label = name;

  if (len > 0 && name[len - 1] == '.')
    len--;
  if (len == 0)
    return "it is empty";
  if (len > NAME_MAX_OCTETS)
    return "it is longer than 253 octets";
  for (;;)
    {
      gsize left = (gsize) (name + len - label);
      const char *dot = (const char *) memchr (label, '.', left);
      gsize size = dot != NULL ? (gsize) (dot - label) : left;
      const char *wrong = wrong_with_label (label, size);
      if (wrong != NULL)
        return wrong;
      if (dot == NULL)
        return is_number (label, size) ? "it ends like a number but is not an IPv4 address of four decimal parts" : NULL;
      label = dot + 1;
    }
}

static char *
to_a_labels (const char *host, GError **error)
{
  g_autofree char *why = NULL;
  g_autofree char *ascii = vd_idn_to_ascii (host, &why);

  if (ascii != NULL)
    return g_ascii_strdown (ascii, -1);
  g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION, "the host name is not a valid international name: %s", why);
  return NULL;
}

char *
vd_host_to_ascii (const char *host, GError **error)
{
  if (!g_utf8_validate (host, -1, NULL))
    {
      g_set_error_literal (error, VEREDA_ERROR, VEREDA_ERROR_OPTION, "the host name is not valid UTF-8");
      return NULL;
    }
  g_autofree char *ascii = g_str_is_ascii (host) ? g_ascii_strdown (host, -1) : to_a_labels (host, error);
  if (ascii == NULL)
    return NULL;
  const char *wrong = wrong_with_name (ascii);
  if (wrong != NULL)
    {
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION, "the host name is not valid: %s", wrong);
      return NULL;
    }
  return g_steal_pointer (&ascii);
}

static gboolean
is_zone (const char *zone)
{
  gsize len = strlen (zone);

  for (gsize i = 0; i < len; i++)
    {
      if (!g_ascii_isalnum (zone[i]) && strchr ("._-~", zone[i]) == NULL)
        return FALSE;
    }
  return len > 0 && len <= 15; /* IF_NAMESIZE less its NUL */
}

char *
vd_host_literal (const char *host)
{
  char text[INET6_ADDRSTRLEN];
  struct in_addr in;
  struct in6_addr in6;

  if (inet_pton (AF_INET, host, &in) == 1)
    return g_strdup (inet_ntop (AF_INET, &in, text, sizeof text));
  const char *zone = strchr (host, '%');
  g_autofree char *address = zone == NULL ? g_strdup (host) : g_strndup (host, (gsize) (zone - host));
  if (inet_pton (AF_INET6, address, &in6) != 1 || (zone != NULL && !is_zone (zone + 1)))
    return NULL;
  inet_ntop (AF_INET6, &in6, text, sizeof text);
  return g_strconcat (text, zone, NULL);
}
