/* SPDX-License-Identifier: MIT */
/* dies - an animal of the zoo: its constructor ends the process that opens it, as a module of another libc or a corrupt one may. */
#include <signal.h>
#include <unistd.h>

__attribute__ ((constructor)) static void
die (void)
{
  kill (getpid (), SIGKILL);
}
