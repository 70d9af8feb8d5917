/* SPDX-License-Identifier: MIT */
/*
 * plain: the bottom layer, octets on a connected stream socket as they are.
 *
 * Touches one descriptor and nothing else.  Writes are gathered and sent with MSG_NOSIGNAL, so that a peer that has gone
 * away is an error and not the end of the process.  What can fail is the system call; the first errno is kept and said
 * again by every later call.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <vereda-plugin/transport.h>

/* Spans handed to one system call; what does not fit is a partial write like any other. */
#define MAX_SPANS 256

typedef struct
{
  VeredaLayer layer;
  gboolean is_open; /* the block is zeroed, and 0 is a descriptor like any other */
  int fd;
  int failure; /* errno of the first failure, or 0 */
  const char *failed_at;
} PlainLayer;

static VeredaIo
fail (PlainLayer *self, GError **error)
{
  g_set_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_IO, "%s: %s", self->failed_at, g_strerror (self->failure));
  return VEREDA_IO_ERROR;
}

static VeredaIo
fail_now (PlainLayer *self, const char *what, int code, GError **error)
{
  self->failure = code;
  self->failed_at = what;
  return fail (self, error);
}

/* RFC 896's delay gains nothing here, every write is a whole flight; what it costs is 40 ms against delayed ACKs. */
static gboolean
set_nodelay (int fd, GError **error)
{
  int domain = 0, on = 1;
  socklen_t size = sizeof domain;

  if (getsockopt (fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain != AF_INET && domain != AF_INET6)
    return TRUE;
  if (setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 || errno == ENOPROTOOPT || errno == EOPNOTSUPP)
    return TRUE;
  /* Some systems say EINVAL for a socket that the peer has reset already: reading it will tell. */
  if (errno == EINVAL)
    return TRUE;
  g_set_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_IO, "setting TCP_NODELAY: %s", g_strerror (errno));
  return FALSE;
}

static gboolean
plain_open (VeredaLayer *l, int fd, GError **error)
{
  PlainLayer *self = (PlainLayer *) l;
  int type = 0;
  socklen_t size = sizeof type;

  if (getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0)
    {
      g_set_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_IO, "taking over descriptor %d: %s", fd,
                   g_strerror (errno));
      return FALSE;
    }
  if (type != SOCK_STREAM)
    {
      g_set_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_UNSUPPORTED,
                   "taking over descriptor %d: it is not a stream socket", fd);
      return FALSE;
    }
  if (!set_nodelay (fd, error))
    return FALSE;
  self->fd = fd;
  self->is_open = TRUE;
  return TRUE;
}

static VeredaIo
plain_read (VeredaLayer *l, void *buf, size_t size, size_t *ret_n, GError **error)
{
  PlainLayer *self = (PlainLayer *) l;
  ssize_t got;

  if (self->failure != 0)
    return fail (self, error);
  if (size == 0) /* recv() would answer 0, which means the end */
    {
      *ret_n = 0;
      return VEREDA_IO_DONE;
    }
  do
    got = recv (self->fd, buf, size, MSG_DONTWAIT);
  while (got < 0 && errno == EINTR);

  if (got > 0)
    {
      *ret_n = (size_t) got;
      return VEREDA_IO_DONE;
    }
  if (got == 0)
    return VEREDA_IO_EOF;
  if (errno == EAGAIN || errno == EWOULDBLOCK)
    return VEREDA_IO_WANT_READ;
  return fail_now (self, "reading from the server", errno, error);
}

static size_t
gather (const VeredaSpan *v, size_t n, struct iovec *iov)
{
  size_t used = 0;

  for (size_t i = 0; i < n && used < MAX_SPANS; i++)
    {
      if (v[i].size == 0)
        continue;
      iov[used].iov_base = (void *) v[i].data;
      iov[used].iov_len = v[i].size;
      used++;
    }
  return used;
}

static VeredaIo
plain_writev (VeredaLayer *l, const VeredaSpan *v, size_t n, size_t *ret_n, GError **error)
{
  PlainLayer *self = (PlainLayer *) l;
  struct iovec iov[MAX_SPANS];
  struct msghdr msg = { 0 };
  ssize_t sent;

  if (self->failure != 0)
    return fail (self, error);
  msg.msg_iov = iov;
  msg.msg_iovlen = gather (v, n, iov);
  if (msg.msg_iovlen == 0)
    {
      *ret_n = 0;
      return VEREDA_IO_DONE;
    }
  do
    sent = sendmsg (self->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (sent < 0 && errno == EINTR);

  if (sent > 0)
    {
      *ret_n = (size_t) sent;
      return VEREDA_IO_DONE;
    }
  if (sent == 0 || errno == EAGAIN || errno == EWOULDBLOCK)
    return VEREDA_IO_WANT_WRITE;
  return fail_now (self, "writing to the server", errno, error);
}

/* Says that nothing more will come; what the peer still has to say can be read. */
static VeredaIo
plain_shutdown (VeredaLayer *l, GError **error)
{
  PlainLayer *self = (PlainLayer *) l;

  if (self->failure != 0)
    return fail (self, error);
  if (shutdown (self->fd, SHUT_WR) != 0 && errno != ENOTCONN)
    return fail_now (self, "closing the sending side", errno, error);
  return VEREDA_IO_DONE;
}

static gboolean
plain_fact (VeredaLayer *l, VeredaFact fact, VeredaFactValue *ret)
{
  PlainLayer *self = (PlainLayer *) l;

  if (fact != VEREDA_FACT_FD || !self->is_open)
    return FALSE;
  ret->num = self->fd;
  return TRUE;
}

static void
plain_clear (VeredaLayer *l)
{
  PlainLayer *self = (PlainLayer *) l;

  if (!self->is_open)
    return;
  self->is_open = FALSE;
  close (self->fd); /* never lingers: SO_LINGER is not set; after EINTR the descriptor is gone on Linux */
}

static const VeredaTransport plain_transport = {
  .struct_size = sizeof (VeredaTransport),
  .instance_size = sizeof (PlainLayer),
  .name = "plain",
  .description = "octets on the socket as they are, without protection",
  .open = plain_open,
  .read = plain_read,
  .writev = plain_writev,
  .shutdown = plain_shutdown,
  .fact = plain_fact,
  .clear = plain_clear,
};

static const VeredaTransport *const plain_transports[] = { &plain_transport, NULL };

static const VeredaPlugin plain_plugin = {
  .struct_size = sizeof (VeredaPlugin),
  .abi = VEREDA_PLUGIN_ABI,
  .name = "plain",
  .version = "1.0",
  .license = "MIT",
  .transports = plain_transports,
};

VEREDA_PLUGIN_DEFINE (plain, plain_plugin)
