/* SPDX-License-Identifier: MIT */
/* endpoint - one address that a socket can connect to, with its printable form.
 *
 * Pure, but for an interface's index of a zone, and the question to a socket for its own address. */
#include "core/net/endpoint.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "core/base/error.h"
#include "core/base/trace.h"

#define ZONE_MAX 15u /* IF_NAMESIZE without its NUL */

static char *
text_inet (const struct sockaddr_in *in)
{
  char buf[INET_ADDRSTRLEN];
  inet_ntop (AF_INET, &in->sin_addr, buf, sizeof buf);
  return g_strdup_printf ("%s:%u", buf, (guint) ntohs (in->sin_port));
}

static char *
text_inet6 (const struct sockaddr_in6 *in6)
{
  char buf[INET6_ADDRSTRLEN];
  char name[IF_NAMESIZE];
  guint port = ntohs (in6->sin6_port);

  inet_ntop (AF_INET6, &in6->sin6_addr, buf, sizeof buf);
  if (in6->sin6_scope_id == 0)
    return g_strdup_printf ("[%s]:%u", buf, port);
  if (if_indextoname (in6->sin6_scope_id, name) != NULL)
    return g_strdup_printf ("[%s%%%s]:%u", buf, name, port);
  return g_strdup_printf ("[%s%%%u]:%u", buf, (guint) in6->sin6_scope_id, port);
}

static char *
text_unix (const struct sockaddr_un *un, socklen_t size)
{
  gsize max = size > offsetof (struct sockaddr_un, sun_path) ? size - offsetof (struct sockaddr_un, sun_path) : 0;
  gsize len = strnlen (un->sun_path, max);
  g_autofree char *path = vd_text_escape (un->sun_path, len);
  return g_strconcat ("unix:", path, NULL);
}

static char *
text_of (const struct sockaddr_storage *address, socklen_t size)
{
  switch (address->ss_family)
    {
    case AF_INET:
      return size >= sizeof (struct sockaddr_in) ? text_inet ((const struct sockaddr_in *) (const void *) address) : NULL;
    case AF_INET6:
      return size >= sizeof (struct sockaddr_in6) ? text_inet6 ((const struct sockaddr_in6 *) (const void *) address) : NULL;
    case AF_UNIX:
      return text_unix ((const struct sockaddr_un *) (const void *) address, size);
    default:
      return NULL;
    }
}

VdEndpoint *
vd_endpoint_new (const struct sockaddr *address, socklen_t size)
{
  struct sockaddr_storage copy = { 0 };

  if (size < sizeof (sa_family_t) || size > sizeof copy)
    return NULL;
  memcpy (&copy, address, size);
  char *text = text_of (&copy, size);
  if (text == NULL)
    return NULL;
  VdEndpoint *endpoint = g_new0 (VdEndpoint, 1);
  endpoint->address = copy;
  endpoint->size = size;
  endpoint->text = text;
  return endpoint;
}

/* An interface's name, or its number for systems and files that write it so. */
static gboolean
zone_parse (const char *zone, guint32 *ret_scope)
{
  guint64 number = 0;
  guint index = strlen (zone) <= ZONE_MAX ? if_nametoindex (zone) : 0;

  if (index == 0 && g_ascii_string_to_unsigned (zone, 10, 1, G_MAXUINT32, &number, NULL))
    index = (guint) number;
  *ret_scope = index;
  return index != 0;
}

VdEndpoint *
vd_endpoint_new_literal (const char *host, guint16 port)
{
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons (port) };
  if (inet_pton (AF_INET, host, &in.sin_addr) == 1)
    return vd_endpoint_new ((const struct sockaddr *) (const void *) &in, sizeof in);

  struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons (port) };
  const char *zone = strchr (host, '%');
  g_autofree char *address = zone == NULL ? g_strdup (host) : g_strndup (host, (gsize) (zone - host));
  if (inet_pton (AF_INET6, address, &in6.sin6_addr) != 1)
    return NULL;
  if (zone != NULL && !zone_parse (zone + 1, &in6.sin6_scope_id))
    return NULL;
  return vd_endpoint_new ((const struct sockaddr *) (const void *) &in6, sizeof in6);
}

VdEndpoint *
vd_endpoint_new_unix (const char *path, GError **error)
{
  struct sockaddr_un un = { .sun_family = AF_UNIX };
  gsize len = strlen (path);

  if (path[0] != '/')
    {
      g_autofree char *shown = vd_text_escape (path, len);
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION, "The socket path \"%s\" is not absolute: begin it with \"/\"",
                   shown);
      return NULL;
    }
  if (len >= sizeof un.sun_path)
    {
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION,
                   "The socket path is %" G_GSIZE_FORMAT " octets long; a socket address holds at most %" G_GSIZE_FORMAT, len,
                   sizeof un.sun_path - 1);
      return NULL;
    }
  memcpy (un.sun_path, path, len + 1);
  return vd_endpoint_new ((const struct sockaddr *) (const void *) &un,
                          (socklen_t) (offsetof (struct sockaddr_un, sun_path) + len + 1));
}

VdEndpoint *
vd_endpoint_copy (const VdEndpoint *endpoint)
{
  VdEndpoint *copy = g_new (VdEndpoint, 1);
  *copy = *endpoint;
  copy->text = g_strdup (endpoint->text);
  return copy;
}

void
vd_endpoint_free (VdEndpoint *endpoint)
{
  if (endpoint == NULL)
    return;
  g_free (endpoint->text);
  g_free (endpoint);
}

int
vd_endpoint_family (const VdEndpoint *endpoint)
{
  return endpoint->address.ss_family;
}

gboolean
vd_endpoint_is_loopback (const VdEndpoint *endpoint)
{
  const struct sockaddr_in *in = (const struct sockaddr_in *) (const void *) &endpoint->address;
  const struct in6_addr *a6 = &((const struct sockaddr_in6 *) (const void *) &endpoint->address)->sin6_addr;

  switch (endpoint->address.ss_family)
    {
    case AF_INET:
      return ntohl (in->sin_addr.s_addr) >> 24 == 127;
    case AF_INET6:
      return IN6_IS_ADDR_LOOPBACK (a6) || (IN6_IS_ADDR_V4MAPPED (a6) && a6->s6_addr[12] == 127);
    default:
      return TRUE;
    }
}

GPtrArray *
vd_endpoints_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) vd_endpoint_free);
}

/* First of `endpoints` at or after `from` that is (or is not) of `family`; len when there is none. */
static guint
next_of (gpointer *endpoints, guint len, guint from, int family, gboolean is)
{
  while (from < len && (vd_endpoint_family ((VdEndpoint *) endpoints[from]) == family) != is)
    from++;
  return from;
}

void
vd_endpoints_interleave (GPtrArray *endpoints)
{
  guint len = endpoints->len;

  if (len < 3) /* two are in order already */
    return;
  g_autofree gpointer *sorted = (gpointer *) g_memdup2 (endpoints->pdata, len * sizeof (gpointer));
  int family = vd_endpoint_family ((VdEndpoint *) sorted[0]);
  guint from[2] = { next_of (sorted, len, 0, family, FALSE), next_of (sorted, len, 0, family, TRUE) };
  gboolean turn = TRUE; /* of the first's family */
  for (guint i = 0; i < len; i++, turn = !turn)
    {
      if (from[turn] == len)
        turn = !turn;
      endpoints->pdata[i] = sorted[from[turn]];
      from[turn] = next_of (sorted, len, from[turn] + 1, family, turn);
    }
}

GPtrArray *
vd_endpoints_without (const GPtrArray *endpoints, guint skip)
{
  GPtrArray *rest = vd_endpoints_new ();
  for (guint i = 0; i < endpoints->len; i++)
    {
      if (i != skip)
        g_ptr_array_add (rest, vd_endpoint_copy ((const VdEndpoint *) endpoints->pdata[i]));
    }
  return rest;
}

VdEndpoint *
vd_endpoint_new_local (int fd)
{
  struct sockaddr_storage address;
  socklen_t size = sizeof address;

  if (getsockname (fd, (struct sockaddr *) &address, &size) != 0)
    return NULL;
  return vd_endpoint_new ((struct sockaddr *) &address, size);
}

char *
vd_endpoint_smtp_literal (const VdEndpoint *endpoint)
{
  char buf[INET6_ADDRSTRLEN];

  switch (endpoint->address.ss_family)
    {
    case AF_INET:
      inet_ntop (AF_INET, &((const struct sockaddr_in *) (const void *) &endpoint->address)->sin_addr, buf, sizeof buf);
      return g_strdup_printf ("[%s]", buf);
    case AF_INET6:
      inet_ntop (AF_INET6, &((const struct sockaddr_in6 *) (const void *) &endpoint->address)->sin6_addr, buf, sizeof buf);
      return g_strdup_printf ("[IPv6:%s]", buf);
    default:
      return NULL;
    }
}
