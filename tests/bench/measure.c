/* SPDX-License-Identifier: MIT */
/* measure - runs a program and tells what it cost: bench-measure FILE PROGRAM [ARGUMENT]...
 *
 * FILE gets one line: seconds from start to end, seconds of user and of system time, peak resident memory (kB), exit status.
 * The kernel's figures for the whole process (wait4): nothing in the program has to be trusted or changed.  It is small, because a
 * process counts the memory of the one it was forked from as its own. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
now (void)
{
  struct timespec t;
  clock_gettime (CLOCK_MONOTONIC, &t);
  return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static double
seconds (struct timeval t)
{
  return (double) t.tv_sec + (double) t.tv_usec * 1e-6;
}

int
main (int argc, char **argv)
{
  struct rusage used;
  int status = 0;

  if (argc < 3)
    {
      fputs ("usage: bench-measure FILE PROGRAM [ARGUMENT]...\n", stderr);
      return 2;
    }
  FILE *file = fopen (argv[1], "we");
  if (file == NULL)
    {
      perror (argv[1]);
      return 2;
    }
  const double began = now ();
  const pid_t child = fork ();
  if (child == 0)
    {
      (void) prctl (PR_SET_PDEATHSIG, SIGKILL);
      execvp (argv[2], argv + 2);
      perror (argv[2]);
      _exit (127);
    }
  while (child < 0 || wait4 (child, &status, 0, &used) < 0)
    if (child < 0 || errno != EINTR)
      {
        perror ("bench-measure");
        return 2;
      }
  const double ended = now ();
  fprintf (file, "%.9f %.6f %.6f %ld %d\n", ended - began, seconds (used.ru_utime), seconds (used.ru_stime), used.ru_maxrss,
           WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status));
  return fclose (file) == 0 ? 0 : 2;
}
