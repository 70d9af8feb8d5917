/* SPDX-License-Identifier: MIT */
/* loopback: see loopback.h. */
#include "loopback.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static struct sockaddr_in
address (guint16 port)
{
  return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons (port), .sin_addr = { htonl (INADDR_LOOPBACK) } };
}

static int
no_delay (int fd)
{
  int one = 1;

  g_assert_cmpint (fd, >=, 0);
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

int
kit_loopback_listen (guint16 *ret_port)
{
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in at = address (0);
  socklen_t size = sizeof at;
  int one = 1;

  /* On a machine where many connections have just ended every free port may be in TIME_WAIT, which is no reason not to listen on it. */
  g_assert_no_errno (setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
  g_assert_no_errno (bind (fd, (struct sockaddr *) &at, sizeof at));
  g_assert_no_errno (listen (fd, 64));
  g_assert_no_errno (getsockname (fd, (struct sockaddr *) &at, &size));
  *ret_port = ntohs (at.sin_port);
  return fd;
}

int
kit_loopback_accept (int listener)
{
  return no_delay (accept4 (listener, NULL, NULL, SOCK_CLOEXEC));
}

int
kit_loopback_connect (guint16 port)
{
  int fd = no_delay (socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  struct sockaddr_in to = address (port);

  g_assert_no_errno (connect (fd, (struct sockaddr *) &to, sizeof to));
  return fd;
}

gboolean
kit_loopback_send (int fd, const void *data, gsize size)
{
  const char *octets = data;

  while (size > 0)
    {
      gssize n = send (fd, octets, size, MSG_NOSIGNAL);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return FALSE;
      octets += n;
      size -= (gsize) n;
    }
  return TRUE;
}
