/* SPDX-License-Identifier: MIT */
/* interrupt - see interrupt.h. */
#include "interrupt.h"

#include <pthread.h>
#include <signal.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

static struct
{
  pthread_t thread;
  sigset_t signals;
  sigset_t before;
  InterruptFunc func;
  gpointer data;
  int last; /* one of the signals that are watched; 0: none */
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
  static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };

  /* What is ignored stays ignored: nohup, and the background of a shell without job control. */
  sigemptyset (&watch.signals);
  watch.last = 0;
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      struct sigaction now;

      if (sigaction (numbers[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
        {
          sigaddset (&watch.signals, numbers[i]);
          watch.last = numbers[i];
        }
    }
  watch.func = func;
  watch.data = data;
  watch.ending = 0;
  pthread_sigmask (SIG_BLOCK, &watch.signals, &watch.before);
  watch.running = watch.last != 0 && pthread_create (&watch.thread, NULL, wait_for_signals, NULL) == 0;
}

void
interrupt_end (void)
{
  if (watch.running)
    {
      g_atomic_int_set (&watch.ending, 1);
      pthread_kill (watch.thread, watch.last);
      pthread_join (watch.thread, NULL);
      watch.running = FALSE;
    }
  pthread_sigmask (SIG_SETMASK, &watch.before, NULL);
}

void
interrupt_in_child (gpointer unused)
{
  sigset_t none;

  sigemptyset (&none);
  (void) sigprocmask (SIG_SETMASK, &none, NULL);
#ifdef __linux__
  (void) prctl (PR_SET_PDEATHSIG, SIGTERM);
#endif
}
