/* SPDX-License-Identifier: MIT */
/* domain - checks of domain names and address literals, and A-labels.
 *
 * Pure.  Fails with a phrase that says what is wrong; the caller knows where it stood. */
#include "core/message/domain.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/base/idn.h"
#include "core/base/octet.h"

#define LABEL_MAX  63
#define DOMAIN_MAX 255

static gboolean
refuse (char **ret_why, const char *why)
{
  *ret_why = g_strdup (why);
  return FALSE;
}

static gboolean
label_is_ldh (const char *label, gsize size)
{
  return vd_octet_span (label, size, VD_OCTET_LDH) == size;
}

/* Of a label that is of letters, digits and hyphens. */
static gboolean
label_has_ends (const char *label, gsize size)
{
  return size > 0 && size <= LABEL_MAX && label[0] != '-' && label[size - 1] != '-';
}

/* One label of an ASCII name. */
static const char *
label_fault (const char *label, gsize size)
{
  if (size == 0)
    return "has an empty label";
  if (size > LABEL_MAX)
    return "has a label of more than 63 octets";
  if (!label_is_ldh (label, size))
    return "may hold only letters, digits, hyphens and dots";
  if (label[0] == '-' || label[size - 1] == '-')
    return "has a label that begins or ends with a hyphen";
  return NULL;
}

/* The same rules as below, for whom it is enough to know that there is no fault. */
gboolean
vd_domain_is_plain (const char *name, gsize size)
{
  gboolean number = TRUE; /* the label at hand, as far as it was read */
  gsize label = 0;        /* where it begins */
  for (gsize i = 0; i < size; i++)
    if (vd_octet_is (name[i], VD_OCTET_LDH))
      number = number && g_ascii_isdigit (name[i]);
    else if (name[i] == '.' && label_has_ends (name + label, i - label))
      {
        number = TRUE;
        label = i + 1;
      }
    else
      return FALSE;
  return size <= DOMAIN_MAX && !number && label_has_ends (name + label, size - label);
}

static gboolean
check_ascii (const char *name, char **ret_why)
{
  gsize size = strlen (name);
  if (size > DOMAIN_MAX)
    return refuse (ret_why, "is longer than 255 octets");
  const char *label = name;
  for (;;)
    {
      gsize length = strcspn (label, ".");
      const char *fault = label_fault (label, length);
      if (fault != NULL)
        return refuse (ret_why, fault);
      if (label[length] == '\0')
        break;
      label += length + 1;
    }
  /* No top-level domain is a number (RFC 3696 section 2): this is an address that lacks its brackets. */
  if (strspn (label, "0123456789") == strlen (label))
    return refuse (ret_why, "looks like an IP address: write it in brackets, as in [192.0.2.1] or [IPv6:2001:db8::1]");
  return TRUE;
}

gboolean
vd_domain_to_ascii (const char *name, char **ret_ascii, char **ret_why)
{
  if (g_str_is_ascii (name))
    {
      if (!check_ascii (name, ret_why))
        return FALSE;
      *ret_ascii = g_strdup (name);
      return TRUE;
    }
  g_autofree char *why = NULL;
  g_autofree char *converted = vd_idn_to_ascii (name, &why);
  if (converted == NULL)
    {
      *ret_why = g_strdup_printf ("is not a valid internationalised domain name (%s)", why);
      return FALSE;
    }
  if (!check_ascii (converted, ret_why))
    return FALSE;
  *ret_ascii = g_steal_pointer (&converted);
  return TRUE;
}

/* General-address-literal = Standardized-tag ":" 1*dcontent; the tag is Ldh-str, dcontent is %d33-90 / %d94-126.  Of these
 * we refuse what means something around an address: no tag in use needs it, and not every reader knows that a ">" in
 * brackets does not end a path. */
static gboolean
check_tagged (const char *tag, const char *colon, char **ret_why)
{
  gsize size = (gsize) (colon - tag);
  if (size == 0 || !label_is_ldh (tag, size) || !g_ascii_isalnum (tag[size - 1]))
    return refuse (ret_why, "has a tag that is not letters, digits and hyphens");
  if (colon[1] == '\0')
    return refuse (ret_why, "has nothing after its tag");
  for (const char *p = colon + 1; *p != '\0'; p++)
    if (*p < 33 || *p > 126 || strchr ("[\\]<>()\",;@", *p) != NULL)
      return refuse (ret_why, "holds a character that an address literal may not have");
  return TRUE;
}

gboolean
vd_domain_check_literal (const char *literal, char **ret_why)
{
  gsize size = strlen (literal);
  if (size < 3 || size > DOMAIN_MAX || literal[0] != '[' || literal[size - 1] != ']')
    return refuse (ret_why, "is not an address literal");
  g_autofree char *inner = g_strndup (literal + 1, size - 2);
  guint8 octets[sizeof (struct in6_addr)];
  const char *colon = strchr (inner, ':');
  if (colon == NULL)
    return inet_pton (AF_INET, inner, octets) == 1 ? TRUE : refuse (ret_why, "is not an IPv4 address in brackets");
  if (g_ascii_strncasecmp (inner, "IPv6:", 5) == 0)
    return inet_pton (AF_INET6, inner + 5, octets) == 1 ? TRUE : refuse (ret_why, "is not an IPv6 address after \"IPv6:\"");
  if (inet_pton (AF_INET6, inner, octets) == 1)
    return refuse (ret_why, "lacks its tag: write [IPv6:...]");
  return check_tagged (inner, colon, ret_why);
}
