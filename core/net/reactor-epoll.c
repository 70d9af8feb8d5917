/* SPDX-License-Identifier: MIT */
/* reactor-epoll - the reactor's wait on Linux.
 *
 * Level-triggered.  A watch that wants nothing is taken out, because epoll reports hang-ups whatever was asked for. */
#include "core/net/reactor-backend.h"

#ifdef __linux__

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "core/base/error.h"

typedef struct
{
  int fd;
  struct epoll_event events[VD_READY_MAX];
} Epoll;

static gpointer
epoll_create_backend (GError **error)
{
  int fd = epoll_create1 (EPOLL_CLOEXEC);
  if (fd < 0)
    {
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_INTERNAL, "Cannot make an epoll descriptor: %s", g_strerror (errno));
      return NULL;
    }
  Epoll *self = g_new0 (Epoll, 1);
  self->fd = fd;
  return self;
}

static void
epoll_destroy_backend (gpointer data)
{
  Epoll *self = (Epoll *) data;
  close (self->fd);
  g_free (self);
}

static gboolean
epoll_arm (gpointer data, VdWatch *watch, guint8 wanted)
{
  Epoll *self = (Epoll *) data;
  struct epoll_event event = { 0 };

  event.data.ptr = watch;
  event.events
      = ((wanted & VD_WANT_READ) != 0 ? (uint32_t) EPOLLIN : 0u) | ((wanted & VD_WANT_WRITE) != 0 ? (uint32_t) EPOLLOUT : 0u);
  int op = wanted == 0 ? EPOLL_CTL_DEL : watch->armed == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  return epoll_ctl (self->fd, op, watch->fd, &event) == 0;
}

static int
epoll_wait_backend (gpointer data, gint64 timeout_us, VdReady *ready)
{
  Epoll *self = (Epoll *) data;
  int n = epoll_wait (self->fd, self->events, (int) VD_READY_MAX, vd_wait_milliseconds (timeout_us));

  if (n < 0)
    return errno == EINTR ? 0 : -errno;
  for (int i = 0; i < n; i++)
    {
      uint32_t events = self->events[i].events;
      guint8 bits = 0;
      if ((events & (EPOLLHUP | EPOLLERR)) != 0)
        bits = VD_WANT_READ | VD_WANT_WRITE;
      if ((events & EPOLLIN) != 0)
        bits |= VD_WANT_READ;
      if ((events & EPOLLOUT) != 0)
        bits |= VD_WANT_WRITE;
      ready[i].watch = (VdWatch *) self->events[i].data.ptr;
      ready[i].ready = bits;
    }
  return n;
}

static int
epoll_get_fd (gpointer data)
{
  return ((Epoll *) data)->fd;
}

const VdReactorBackend vd_reactor_epoll = {
  .name = "epoll",
  .create = epoll_create_backend,
  .destroy = epoll_destroy_backend,
  .arm = epoll_arm,
  .wait = epoll_wait_backend,
  .get_fd = epoll_get_fd,
};

#else
typedef int vd_reactor_epoll_not_here; /* ISO C wants a declaration in every file */
#endif
