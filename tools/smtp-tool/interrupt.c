/* SPDX-License-Identifier: MIT */
/* interrupt - see interrupt.h. */
#include "interrupt.h"

#include <pthread.h>
#include <signal.h>

static struct
{
  pthread_t thread;
  sigset_t signals;
  sigset_t before;
  InterruptFunc func;
  gpointer data;
  gint ending;
  gboolean running;
} watch;

static void *
wait_for_signals (void *data)
{
  for (;;)
    {
      int signal_number = 0;

      if (sigwait (&watch.signals, &signal_number) != 0 || g_atomic_int_get (&watch.ending))
        return NULL;
      watch.func (signal_number, watch.data);
    }
}

void
interrupt_begin (InterruptFunc func, gpointer data)
{
  sigemptyset (&watch.signals);
  sigaddset (&watch.signals, SIGINT);
  sigaddset (&watch.signals, SIGTERM);
  watch.func = func;
  watch.data = data;
  watch.ending = 0;
  pthread_sigmask (SIG_BLOCK, &watch.signals, &watch.before);
  watch.running = pthread_create (&watch.thread, NULL, wait_for_signals, NULL) == 0;
}

void
interrupt_end (void)
{
  if (watch.running)
    {
      g_atomic_int_set (&watch.ending, 1);
      pthread_kill (watch.thread, SIGINT);
      pthread_join (watch.thread, NULL);
      watch.running = FALSE;
    }
  pthread_sigmask (SIG_SETMASK, &watch.before, NULL);
}
