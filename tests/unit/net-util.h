/* SPDX-License-Identifier: MIT */
/* net-util - what the tests of core/net share: a reactor of either kind, turning it until something happened, and counting descriptors. */
#ifndef TEST_NET_UTIL_H
#define TEST_NET_UTIL_H

#include <dirent.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/net/reactor-backend.h"

#define PATIENCE_US (20 * G_USEC_PER_SEC) /* only ever waited for when something is broken */

static inline VdReactor *
reactor_of (gconstpointer backend)
{
  GError *error = NULL;
  VdReactor *reactor
      = backend == NULL ? vd_reactor_new (&error) : vd_reactor_new_with ((const VdReactorBackend *) backend, &error);
  g_assert_no_error (error);
  return reactor;
}

static inline void
turn (VdReactor *reactor, gint64 max_wait_us)
{
  GError *error = NULL;
  g_assert_true (vd_reactor_turn (reactor, max_wait_us, &error));
  g_assert_no_error (error);
}

static inline void
turn_until (VdReactor *reactor, const gboolean *flag)
{
  gint64 end = g_get_monotonic_time () + PATIENCE_US;
  while (!*flag)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      turn (reactor, 100000);
    }
}

static inline void
turn_for (VdReactor *reactor, gint64 us)
{
  gint64 end = g_get_monotonic_time () + us;
  for (gint64 left = us; left > 0; left = end - g_get_monotonic_time ())
    turn (reactor, left);
}

static inline guint
count_descriptors (void)
{
  guint n = 0;
  DIR *dir = opendir ("/proc/self/fd");
  g_assert_nonnull (dir);
  while (readdir (dir) != NULL)
    n++;
  closedir (dir);
  return n;
}

typedef struct
{
  const char *name;
  GTestDataFunc func; /* its data: the backend */
} BackendTest;

/* Each test with each kind of reactor. */
static inline void
add_backend_tests (const BackendTest *tests, gsize n_tests)
{
  static const VdReactorBackend *const backends[] = { &vd_reactor_epoll, &vd_reactor_poll };

  for (gsize b = 0; b < G_N_ELEMENTS (backends); b++)
    for (gsize i = 0; i < n_tests; i++)
      {
        g_autofree char *path = g_strdup_printf ("/reactor/%s/%s", backends[b]->name, tests[i].name);

        g_test_add_data_func (path, backends[b], tests[i].func);
      }
}

/* A listening socket on 127.0.0.1; *ret_port is its port. */
static inline int
listen_loopback (int backlog, guint16 *ret_port)
{
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t size = sizeof in;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (bind (fd, (struct sockaddr *) &in, sizeof in), ==, 0);
  g_assert_cmpint (listen (fd, backlog), ==, 0);
  g_assert_cmpint (getsockname (fd, (struct sockaddr *) &in, &size), ==, 0);
  *ret_port = ntohs (in.sin_port);
  return fd;
}

#endif
