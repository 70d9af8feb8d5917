/* SPDX-License-Identifier: MIT */
/* sink-address - see sink-address.h. */
#include "sink-address.h"

#include <arpa/inet.h>
#include <string.h>

#define LOCAL_MAX       64
#define DOMAIN_MAX      255
#define PATH_MAX_OCTETS 256
#define LABEL_MAX       63

static gboolean
is_utf8 (gchar c)
{
  return ((guchar) c & 0x80) != 0;
}

static gboolean
is_atext (gchar c)
{
  return g_ascii_isalnum (c) || (c != '\0' && strchr ("!#$%&'*+-/=?^_`{|}~", c) != NULL) || is_utf8 (c);
}

/* address-literal: IPv4, IPv6:..., or a registered tag with printable text */
static gboolean
is_literal (const gchar *text, const gchar *end)
{
  gchar inner[64];
  gsize size = (gsize) (end - text);
  guchar binary[16];
  if (size < 3 || size - 2 >= sizeof inner || end[-1] != ']')
    return FALSE;
  memcpy (inner, text + 1, size - 2);
  inner[size - 2] = '\0';
  if (g_ascii_strncasecmp (inner, "IPv6:", 5) == 0)
    return inet_pton (AF_INET6, inner + 5, binary) == 1;
  if (strchr (inner, ':') == NULL)
    return inet_pton (AF_INET, inner, binary) == 1;
  gsize tag = strcspn (inner, ":");
  for (gsize i = 0; i < tag; i++)
    if (!g_ascii_isalnum (inner[i]) && (inner[i] != '-' || i + 1 == tag))
      return FALSE;
  for (const gchar *p = inner + tag + 1; *p != '\0'; p++)
    if (!g_ascii_isgraph (*p) || *p == '[' || *p == '\\')
      return FALSE;
  return tag > 0 && inner[tag + 1] != '\0';
}

gboolean
sink_address_is_domain (const gchar *text, const gchar *end, gboolean may_be_utf8)
{
  if (text == end || end - text > DOMAIN_MAX)
    return FALSE;
  if (*text == '[')
    return is_literal (text, end);
  for (const gchar *label = text; label <= end;)
    {
      const gchar *stop = label;
      while (stop < end && *stop != '.')
        {
          if (!g_ascii_isalnum (*stop) && *stop != '-' && !(may_be_utf8 && is_utf8 (*stop)))
            return FALSE;
          stop++;
        }
      if (stop == label || stop - label > LABEL_MAX || *label == '-' || stop[-1] == '-')
        return FALSE;
      label = stop + 1;
    }
  return TRUE;
}

/* Dot-string or Quoted-string; returns its end, or NULL. */
static const gchar *
skip_local_part (const gchar *p)
{
  if (*p == '"')
    {
      for (p++; *p != '"'; p++)
        {
          if (*p == '\\')
            p++;
          if (*p == '\0' || (!is_utf8 (*p) && !g_ascii_isprint (*p)))
            return NULL;
        }
      return p + 1;
    }
  for (;; p++)
    {
      const gchar *atom = p;
      while (is_atext (*p))
        p++;
      if (p == atom)
        return NULL;
      if (*p != '.')
        return p;
    }
}

/* A-d-l: "@one.example,@two.example:" - obsolete, to be accepted and ignored: RFC 5321 section 4.1.2, appendix C. */
static const gchar *
skip_route (const gchar *p, gboolean utf8)
{
  while (*p == '@')
    {
      const gchar *domain = p + 1;
      p = domain + strcspn (domain, ",:>");
      if (!sink_address_is_domain (domain, p, utf8))
        return NULL;
      if (*p == ':')
        return p + 1;
      if (*p != ',')
        return NULL;
      p++;
    }
  return NULL;
}

static SinkAddressVerdict
check_mailbox (const gchar *p, const gchar *end, guint flags, gboolean utf8)
{
  const gchar *at = skip_local_part (p);
  if (at == NULL || at > end)
    return SINK_ADDRESS_SYNTAX;
  if (at - p > LOCAL_MAX)
    return SINK_ADDRESS_TOO_LONG;
  if (at == end && (flags & SINK_ADDRESS_MAY_BE_LOCAL) != 0 && end - p == 10 && g_ascii_strncasecmp (p, "postmaster", 10) == 0)
    return SINK_ADDRESS_OK;
  if (at == end || *at != '@')
    return SINK_ADDRESS_SYNTAX;
  if (end - (at + 1) > DOMAIN_MAX)
    return SINK_ADDRESS_TOO_LONG;
  return sink_address_is_domain (at + 1, end, utf8) ? SINK_ADDRESS_OK : SINK_ADDRESS_SYNTAX;
}

/* The ">" that ends the path: not one inside a quoted string. */
static const gchar *
find_end (const gchar *p)
{
  gboolean quoted = FALSE;
  for (; *p != '\0'; p++)
    {
      if (quoted && *p == '\\' && p[1] != '\0')
        p++;
      else if (*p == '"')
        quoted = !quoted;
      else if (*p == '>' && !quoted)
        return p;
    }
  return NULL;
}

SinkAddressVerdict
sink_address_read_path (const gchar **text, guint flags, const gchar **ret_address, gsize *ret_size)
{
  const gchar *p = *text;
  const gchar *end = *p == '<' ? find_end (p + 1) : NULL;
  if (end == NULL)
    return SINK_ADDRESS_SYNTAX;
  const gchar *start = ++p;
  gboolean has_utf8 = FALSE;
  for (const gchar *c = p; c < end; c++)
    has_utf8 = has_utf8 || is_utf8 (*c);

  gboolean empty = p == end;
  if (empty && (flags & SINK_ADDRESS_MAY_BE_EMPTY) == 0)
    return SINK_ADDRESS_SYNTAX;
  if (!empty && *p == '@' && (p = skip_route (p, has_utf8)) == NULL)
    return SINK_ADDRESS_SYNTAX;
  if (!empty && (flags & SINK_ADDRESS_MAY_BE_ODD) == 0)
    {
      if (end - start + 2 > PATH_MAX_OCTETS)
        return SINK_ADDRESS_TOO_LONG;
      SinkAddressVerdict verdict = check_mailbox (p, end, flags, has_utf8);
      if (verdict != SINK_ADDRESS_OK)
        return verdict;
      if (has_utf8 && !g_utf8_validate (p, end - p, NULL))
        return SINK_ADDRESS_SYNTAX;
    }
  if (has_utf8 && (flags & SINK_ADDRESS_MAY_BE_UTF8) == 0)
    return SINK_ADDRESS_UTF8;
  *ret_address = p;
  *ret_size = (gsize) (end - p);
  *text = end + 1;
  return SINK_ADDRESS_OK;
}
