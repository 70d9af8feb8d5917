/* SPDX-License-Identifier: MIT */
/* host - the services that the core lends to plugins: debug text and randomness.
 *
 * Touches getrandom(2) and the debug callback, whose setting is guarded by a lock.  Randomness fails only where the kernel
 * has none, and then says so: there is no fallback that a nonce could be built on. */
#include "core/plugin/host.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <vereda-plugin/auth.h>

static pthread_mutex_t debug_lock = PTHREAD_MUTEX_INITIALIZER;
static VdHostDebugFunc debug_func;
static gpointer debug_data;
static gint debug_on; /* read without the lock, so that switched-off debugging costs nothing */

void
vd_host_set_debug (VdHostDebugFunc func, gpointer user_data)
{
  pthread_mutex_lock (&debug_lock);
  debug_func = func;
  debug_data = user_data;
  g_atomic_int_set (&debug_on, func != NULL);
  pthread_mutex_unlock (&debug_lock);
}

G_GNUC_PRINTF (3, 4)
static void
host_debug (void *self, const char *topic, const char *format, ...)
{
  if (!g_atomic_int_get (&debug_on))
    return;
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  pthread_mutex_lock (&debug_lock);
  if (debug_func != NULL)
    debug_func (topic, text, debug_data);
  pthread_mutex_unlock (&debug_lock);
}

static gboolean
host_random (void *self, void *buf, size_t size, GError **error)
{
  guint8 *to = buf;
  while (size > 0)
    {
      ssize_t n = getrandom (to, size, 0);
      if (n < 0 && errno != EINTR)
        {
          g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_SYSTEM, "the system gave no randomness: %s",
                       g_strerror (errno));
          return FALSE;
        }
      if (n > 0)
        {
          to += n;
          size -= (size_t) n;
        }
    }
  return TRUE;
}

const VeredaHost *
vd_host_get (void)
{
  static const VeredaHost host = {
    .struct_size = sizeof (VeredaHost),
    .debug = host_debug,
    .random = host_random,
  };
  return &host;
}
