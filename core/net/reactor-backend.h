/* SPDX-License-Identifier: MIT */
/* reactor-backend - what a system's wait looks like to the reactor.  Internal to the reactor's files and their test. */
#ifndef VD_REACTOR_BACKEND_H
#define VD_REACTOR_BACKEND_H

#include "core/net/reactor.h"

enum
{
  VD_WANT_READ = 1,
  VD_WANT_WRITE = 2
};

struct VdWatch
{
  VdReactor *reactor;
  VdWatchFunc func; /* NULL once freed: it then waits in the graveyard for the end of the turn */
  gpointer data;
  int fd;
  guint8 wanted;   /* what the owner wants */
  guint8 armed;    /* what the backend has */
  gboolean dirty;  /* in the reactor's list of watches to arm */
  gboolean forced; /* the system cannot watch it: ready in each turn */
  gsize slot;      /* the backend's own */
};

typedef struct
{
  VdWatch *watch;
  guint8 ready; /* VD_WANT_*; both for hang-up and error */
} VdReady;

#define VD_READY_MAX 256u

typedef struct
{
  const char *name;
  gpointer (*create) (GError **error);
  void (*destroy) (gpointer self);
  /* From watch->armed to `wanted` (0: forget it).  FALSE: the system cannot watch this descriptor. */
  gboolean (*arm) (gpointer self, VdWatch *watch, guint8 wanted);
  /* Fills at most VD_READY_MAX; returns how many, 0 also for EINTR, or -errno. */
  int (*wait) (gpointer self, gint64 timeout_us, VdReady *ready);
  int (*get_fd) (gpointer self); /* NULL: has none */
} VdReactorBackend;

#ifdef __linux__
extern const VdReactorBackend vd_reactor_epoll;
#endif
extern const VdReactorBackend vd_reactor_poll;

VdReactor *vd_reactor_new_with (const VdReactorBackend *backend, GError **error);

/* Whole milliseconds, rounded up so that a wait never ends just before its deadline; -1 stays. */
static inline int
vd_wait_milliseconds (gint64 timeout_us)
{
  if (timeout_us < 0)
    return -1;
  gint64 ms = timeout_us / 1000 + (timeout_us % 1000 != 0 ? 1 : 0);
  return ms > G_MAXINT ? G_MAXINT : (int) ms;
}

#endif
