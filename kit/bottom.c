/* SPDX-License-Identifier: MIT */
/* bottom - transports that take over a descriptor, over a pair of sockets.
 *
 * Each function is one check.  Touches local sockets only. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kit/wire.h"

/* Two ends of a TCP connection over loopback: what a transport is given in earnest. */
static gboolean
connect_pair (int fds[2])
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t size = sizeof address;
  int listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  gboolean good = FALSE;
  fds[0] = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener >= 0 && fds[0] >= 0 && bind (listener, (struct sockaddr *) &address, size) == 0 && listen (listener, 1) == 0
      && getsockname (listener, (struct sockaddr *) &address, &size) == 0
      && connect (fds[0], (struct sockaddr *) &address, size) == 0)
    {
      fds[1] = accept4 (listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
      good = fds[1] >= 0 && fcntl (fds[0], F_SETFL, O_NONBLOCK) == 0;
    }
  close (listener);
  return good;
}

/* NULL: the check cannot be made, or has failed. */
static VeredaLayer *
open_layer (KitContext *kit, const VeredaTransport *ops, int *ret_fd, int *ret_other)
{
  g_autoptr (GError) error = NULL;
  int fds[2];
  if (!connect_pair (fds))
    {
      kit_skip (kit, "there are no sockets on loopback here");
      return NULL;
    }
  VeredaLayer *layer = kit_layer_new (ops, NULL);
  kit_doing (kit, "open");
  if (!ops->open (layer, fds[0], &error))
    {
      kit_fail (kit, "open failed on a connected TCP socket: %s", error != NULL ? error->message : "without saying why");
      kit_layer_free (layer, FALSE);
      return NULL;
    }
  *ret_fd = fds[0];
  *ret_other = fds[1];
  return layer;
}

static void
check_open (KitContext *kit, const VeredaTransport *ops)
{
  g_autoptr (GError) error = NULL;
  int fd, other, packets[2];
  kit_begin (kit, "layer.open", ops->name);
  VeredaLayer *layer = open_layer (kit, ops, &fd, &other);
  if (layer == NULL)
    return;
  kit_expect (kit, kit_fact (layer, VEREDA_FACT_FD, -1) == fd, "the fact FD is not the descriptor");
  kit_expect (kit, kit_fact (layer, VEREDA_FACT_TLS_VERSION, 0) == 0, "a layer that opens states a TLS version");
  kit_layer_free (layer, TRUE);
  kit_begin (kit, "layer.clear", ops->name);
  kit_expect (kit, fcntl (fd, F_GETFD) == -1, "clear leaves the descriptor open");
  close (other);

  kit_begin (kit, "layer.open", ops->name);
  kit_doing (kit, "open of what is no stream");
  if (socketpair (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, packets) != 0)
    return;
  layer = kit_layer_new (ops, NULL);
  gboolean opened = ops->open (layer, packets[0], &error);
  kit_expect (kit, !opened, "open accepts a datagram socket");
  kit_expect (kit, opened || error != NULL, "open failed and did not say why");
  kit_expect (kit, opened || fcntl (packets[0], F_GETFD) != -1,
              "open failed and closed the descriptor, which is still the caller's");
  kit_layer_free (layer, opened);
  close (packets[1]);
}

static void
expect_io (KitContext *kit, const char *what, VeredaIo got, VeredaIo wanted)
{
  kit_expect (kit, got == wanted, "%s returned %s and should return %s", what, kit_io_name (got), kit_io_name (wanted));
}

static void
check_io (KitContext *kit, const VeredaTransport *ops)
{
  g_autofree char *much = g_malloc0 (1 << 22), *back = g_malloc (1 << 22);
  const VeredaSpan spans[] = { { "EH", 2 }, { NULL, 0 }, { "LO x\r\n", 6 } }, big = { much, 1 << 22 };
  g_autoptr (GError) error = NULL;
  size_t n = 4711;
  char buf[64];
  VeredaIo io;
  int fd, other;
  kit_begin (kit, "layer.io", ops->name);
  VeredaLayer *layer = open_layer (kit, ops, &fd, &other);
  if (layer == NULL)
    return;
  kit_doing (kit, "read and writev");
  expect_io (kit, "read with nothing there", ops->read (layer, buf, sizeof buf, &n, &error), VEREDA_IO_WANT_READ);
  kit_expect (kit, n == 4711, "read told a number of octets with WANT_READ");
  io = ops->writev (layer, spans, 3, &n, &error);
  expect_io (kit, "writev of three spans", io, VEREDA_IO_DONE);
  kit_expect (kit, io == VEREDA_IO_DONE && n == 8 && read (other, buf, sizeof buf) == 8 && memcmp (buf, "EHLO x\r\n", 8) == 0,
              "three small spans do not arrive as they were");
  io = ops->writev (layer, &spans[1], 1, &n, &error);
  kit_expect (kit, io == VEREDA_IO_DONE && n == 0, "writev of nothing returned %s", kit_io_name (io));
  for (guint i = 0; i < 10000 && (io = ops->writev (layer, &big, 1, &n, &error)) == VEREDA_IO_DONE; i++)
    kit_expect (kit, n > 0 && n <= big.size, "writev returned DONE and took %" G_GSIZE_FORMAT " octets", n);
  expect_io (kit, "writev into a full socket", io, VEREDA_IO_WANT_WRITE);
  if (write (other, "220 x\r\n", 7) == 7)
    {
      while ((io = ops->read (layer, buf, sizeof buf, &n, &error)) == VEREDA_IO_WANT_READ)
        g_usleep (100);
      kit_expect (kit, io == VEREDA_IO_DONE && n == 7 && memcmp (buf, "220 x\r\n", 7) == 0,
                  "what was sent is not what was read");
    }
  kit_layer_free (layer, TRUE);
  close (other);
}

static void
check_end (KitContext *kit, const VeredaTransport *ops)
{
  const struct linger now = { .l_onoff = 1, .l_linger = 0 };
  const VeredaSpan span = { "QUIT\r\n", 6 };
  g_autoptr (GError) error = NULL;
  VeredaIo io = VEREDA_IO_DONE;
  size_t n = 0;
  char buf[64];
  int fd, other;
  kit_begin (kit, "layer.end", ops->name);
  VeredaLayer *layer = open_layer (kit, ops, &fd, &other);
  if (layer == NULL)
    return;
  kit_doing (kit, "reading to the end");
  shutdown (other, SHUT_WR);
  while ((io = ops->read (layer, buf, sizeof buf, &n, &error)) == VEREDA_IO_WANT_READ)
    g_usleep (100);
  expect_io (kit, "read at the end", io, VEREDA_IO_EOF);
  expect_io (kit, "read after the end", ops->read (layer, buf, sizeof buf, &n, &error), VEREDA_IO_EOF);
  kit_doing (kit, "writing to a peer that is gone");
  setsockopt (other, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close (other);
  for (guint i = 0; i < 1000 && (io = ops->writev (layer, &span, 1, &n, &error)) == VEREDA_IO_DONE; i++)
    g_usleep (100);
  expect_io (kit, "writev to a peer that is gone", io, VEREDA_IO_ERROR);
  kit_expect (kit, error != NULL && error->domain == VEREDA_TRANSPORT_ERROR, "the error is not of VEREDA_TRANSPORT_ERROR");
  io = ops->writev (layer, &span, 1, &n, NULL);
  expect_io (kit, "writev after an error", io, VEREDA_IO_ERROR);
  kit_layer_free (layer, TRUE);
}

static void
check_shutdown (KitContext *kit, const VeredaTransport *ops)
{
  g_autoptr (GError) error = NULL;
  VeredaIo io;
  size_t n = 0;
  char buf[64];
  int fd, other;
  kit_begin (kit, "layer.shutdown", ops->name);
  if (ops->shutdown == NULL)
    return;
  VeredaLayer *layer = open_layer (kit, ops, &fd, &other);
  if (layer == NULL)
    return;
  kit_doing (kit, "shutdown");
  expect_io (kit, "shutdown", ops->shutdown (layer, &error), VEREDA_IO_DONE);
  expect_io (kit, "a second shutdown", ops->shutdown (layer, &error), VEREDA_IO_DONE);
  for (guint i = 0; i < 1000 && (n = (size_t) read (other, buf, sizeof buf)) == (size_t) -1 && errno == EAGAIN; i++)
    g_usleep (100);
  kit_expect (kit, n == 0, "the peer does not see an end after shutdown");
  if (write (other, "221", 3) == 3)
    {
      while ((io = ops->read (layer, buf, sizeof buf, &n, &error)) == VEREDA_IO_WANT_READ)
        g_usleep (100);
      expect_io (kit, "read after shutdown", io, VEREDA_IO_DONE);
    }
  kit_layer_free (layer, TRUE);
  close (other);
}

void
kit_group_bottom (KitContext *kit, gpointer target)
{
  const VeredaTransport *ops = kit_target_transport (kit, target);
  check_open (kit, ops);
  check_io (kit, ops);
  check_end (kit, ops);
  check_shutdown (kit, ops);
}
