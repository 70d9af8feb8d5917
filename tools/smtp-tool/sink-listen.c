/* SPDX-License-Identifier: MIT */
/* sink-listen - see sink-listen.h. */
#include "sink-listen.h"
#include "sink-config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */

typedef union
{
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  struct sockaddr_un local;
} Address;

static gboolean
bad (const gchar *specification, SinkError code, const gchar *why, GError **error)
{
  g_set_error (error, SINK_ERROR, (gint) code, "--listen=%s: %s", specification, why);
  return FALSE;
}

static gboolean
is_loopback (const Address *address)
{
  if (address->any.sa_family == AF_INET)
    return (ntohl (address->v4.sin_addr.s_addr) >> 24) == 127;
  return IN6_IS_ADDR_LOOPBACK (&address->v6.sin6_addr);
}

/* ADDR:PORT, [V6]:PORT */
static gboolean
parse_inet (const gchar *specification, Address *address, socklen_t *ret_size)
{
  const gchar *colon = strrchr (specification, ':');
  guint64 port;
  if (colon == NULL || !g_ascii_string_to_unsigned (colon + 1, 10, 0, 65535, &port, NULL))
    return FALSE;
  g_autofree gchar *host = g_strndup (specification, (gsize) (colon - specification));
  gsize length = strlen (host);
  memset (address, 0, sizeof *address);
  if (length > 2 && host[0] == '[' && host[length - 1] == ']')
    {
      host[length - 1] = '\0';
      address->v6.sin6_family = AF_INET6;
      address->v6.sin6_port = htons ((guint16) port);
      *ret_size = sizeof address->v6;
      return inet_pton (AF_INET6, host + 1, &address->v6.sin6_addr) == 1;
    }
  address->v4.sin_family = AF_INET;
  address->v4.sin_port = htons ((guint16) port);
  *ret_size = sizeof address->v4;
  return inet_pton (AF_INET, g_str_equal (host, "localhost") ? "127.0.0.1" : host, &address->v4.sin_addr) == 1;
}

static gboolean
parse (const gchar *specification, gboolean allow_remote, Address *address, socklen_t *ret_size, GError **error)
{
  if (g_str_has_prefix (specification, "unix:"))
    {
      const gchar *path = specification + 5;
      memset (address, 0, sizeof *address);
      address->local.sun_family = AF_UNIX;
      if (path[0] == '\0'
          || g_strlcpy (address->local.sun_path, path, sizeof address->local.sun_path) >= sizeof address->local.sun_path)
        return bad (specification, SINK_ERROR_USAGE, "a path of 1 to 107 octets is wanted", error);
      *ret_size = sizeof address->local;
      return TRUE;
    }
  if (!parse_inet (specification, address, ret_size))
    return bad (specification, SINK_ERROR_USAGE, "ADDR:PORT, [V6]:PORT or unix:PATH is wanted", error);
  if (!allow_remote && !is_loopback (address))
    return bad (specification, SINK_ERROR_USAGE, "not a loopback address; --allow-remote if that is meant", error);
  return TRUE;
}

/* A socket's file outlives a server that was killed; it may go if nobody answers behind it. */
static gboolean
remove_stale (const Address *address, socklen_t size)
{
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  gboolean stale = fd >= 0 && connect (fd, &address->any, size) < 0 && errno == ECONNREFUSED;
  if (fd >= 0)
    close (fd);
  return stale && unlink (address->local.sun_path) == 0;
}

static gboolean
bind_and_listen (int fd, const Address *address, socklen_t size)
{
  int on = 1;
  if (address->any.sa_family != AF_UNIX)
    {
      setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
      if (address->any.sa_family == AF_INET6)
        setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
  int bound = bind (fd, &address->any, size);
  if (bound < 0 && errno == EADDRINUSE && address->any.sa_family == AF_UNIX && remove_stale (address, size))
    bound = bind (fd, &address->any, size);
  return bound == 0 && listen (fd, BACKLOG) == 0;
}

static void
describe (SinkListener *listener, const gchar *specification, const Address *address)
{
  gchar text[INET6_ADDRSTRLEN];
  switch (address->any.sa_family)
    {
    case AF_INET:
      listener->port = ntohs (address->v4.sin_port);
      inet_ntop (AF_INET, &address->v4.sin_addr, text, sizeof text);
      listener->where = g_strdup_printf ("%s:%u", text, listener->port);
      break;
    case AF_INET6:
      listener->port = ntohs (address->v6.sin6_port);
      inet_ntop (AF_INET6, &address->v6.sin6_addr, text, sizeof text);
      listener->where = g_strdup_printf ("[%s]:%u", text, listener->port);
      break;
    default:
      listener->where = g_strdup (specification);
      listener->path = g_strdup (address->local.sun_path);
    }
}

gboolean
sink_listener_open (const gchar *specification, gboolean allow_remote, SinkListener *ret_listener, GError **error)
{
  Address address;
  socklen_t size = 0;
  SinkListener listener = { -1, NULL, 0, NULL };
  if (!parse (specification, allow_remote, &address, &size, error))
    return FALSE;
  listener.fd = socket (address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener.fd < 0 || !bind_and_listen (listener.fd, &address, size)
      || (address.any.sa_family != AF_UNIX && getsockname (listener.fd, &address.any, &size) < 0))
    {
      int seen = errno;
      if (listener.fd >= 0)
        close (listener.fd);
      return bad (specification, SINK_ERROR_LISTEN, g_strerror (seen), error);
    }
  describe (&listener, specification, &address);
  *ret_listener = listener;
  return TRUE;
}

void
sink_listener_clear (SinkListener *listener)
{
  if (listener->fd >= 0)
    close (listener->fd);
  if (listener->path != NULL)
    unlink (listener->path);
  g_free (listener->path);
  g_free (listener->where);
  *listener = (SinkListener){ -1, NULL, 0, NULL };
}
