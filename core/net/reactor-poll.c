/* SPDX-License-Identifier: MIT */
/* reactor-poll - the reactor's wait where there is no epoll.
 *
 * One dense array for poll(); the place of a watch in it is watch->slot.  When more are ready than one wait may report, the search goes on where it
 * stopped, so that none starves. */
#include <errno.h>
#include <poll.h>

#include "core/base/error.h"
#include "core/net/reactor-backend.h"

typedef struct
{
  GArray *fds;        /* struct pollfd */
  GPtrArray *watches; /* VdWatch, same places */
  guint next;         /* where the next search begins */
} Poll;

static gpointer
poll_create_backend (GError **error)
{
  Poll *self = g_new0 (Poll, 1);
  self->fds = g_array_new (FALSE, FALSE, sizeof (struct pollfd));
  self->watches = g_ptr_array_new ();
  return self;
}

static void
poll_destroy_backend (gpointer data)
{
  Poll *self = (Poll *) data;
  g_array_unref (self->fds);
  g_ptr_array_unref (self->watches);
  g_free (self);
}

static gboolean
poll_arm (gpointer data, VdWatch *watch, guint8 wanted)
{
  Poll *self = (Poll *) data;

  if (wanted == 0)
    {
      guint slot = (guint) watch->slot;
      g_array_remove_index_fast (self->fds, slot);
      g_ptr_array_remove_index_fast (self->watches, slot);
      if (slot < self->watches->len)
        ((VdWatch *) self->watches->pdata[slot])->slot = slot;
      return TRUE;
    }
  if (watch->armed == 0)
    {
      struct pollfd fresh = { .fd = watch->fd };
      watch->slot = self->fds->len;
      g_array_append_val (self->fds, fresh);
      g_ptr_array_add (self->watches, watch);
    }
  int events = ((wanted & VD_WANT_READ) != 0 ? POLLIN : 0) | ((wanted & VD_WANT_WRITE) != 0 ? POLLOUT : 0);
  g_array_index (self->fds, struct pollfd, watch->slot).events = (short) events;
  return TRUE;
}

static int
poll_wait_backend (gpointer data, gint64 timeout_us, VdReady *ready)
{
  Poll *self = (Poll *) data;
  struct pollfd *fds = (struct pollfd *) (void *) self->fds->data;
  guint len = self->fds->len;
  int left = poll (fds, len, vd_wait_milliseconds (timeout_us));
  int n = 0;

  if (left < 0)
    return errno == EINTR ? 0 : -errno;
  guint begin = len == 0 ? 0 : self->next % len;
  for (guint k = 0; k < len && left > 0 && n < (int) VD_READY_MAX; k++)
    {
      guint i = begin + k < len ? begin + k : begin + k - len;
      int events = fds[i].revents;
      guint8 bits = 0;
      if (events == 0)
        continue;
      left--;
      if ((events & (POLLHUP | POLLERR | POLLNVAL)) != 0)
        bits = VD_WANT_READ | VD_WANT_WRITE;
      if ((events & POLLIN) != 0)
        bits |= VD_WANT_READ;
      if ((events & POLLOUT) != 0)
        bits |= VD_WANT_WRITE;
      ready[n].watch = (VdWatch *) self->watches->pdata[i];
      ready[n++].ready = bits;
      self->next = i + 1;
    }
  return n;
}

const VdReactorBackend vd_reactor_poll = {
  .name = "poll",
  .create = poll_create_backend,
  .destroy = poll_destroy_backend,
  .arm = poll_arm,
  .wait = poll_wait_backend,
  .get_fd = NULL,
};
