/* SPDX-License-Identifier: MIT */
/* probe-main - the program behind the commands that look at servers.
 *
 * One program for all of them and not a part of smtp-tool itself, so that a plain send pays neither for them nor for the library that reads
 * certificates.  It is started by smtp-tool with the command's name as its first argument; it is not for users. */
#include "probe-command.h"
#include "transcript.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

static const struct
{
  const char *name;
  int (*run) (int argc, char **argv);
} commands[] = {
  { "probe", probe_main },     { "send", send_early_main }, { "tls", tls_main },         { "auth", auth_live_main },
  { "compare", compare_main }, { "check", check_main },     { "explain", explain_main },
};

int
main (int argc, char **argv)
{
  (void) setlocale (LC_ALL, "");
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    if (argc > 1 && strcmp (argv[1], commands[i].name) == 0)
      {
        int status = commands[i].run (argc - 1, argv + 1);

        if (!transcript_close () && status == EXIT_OK)
          status = EXIT_FILE;
        if (fflush (stdout) == 0 && !ferror (stdout))
          return status;
        report_problem (NULL, "standard output cannot be written", NULL);
        return status != EXIT_OK ? status : EXIT_FILE;
      }
  report_problem (NULL, "this program is a part of smtp-tool and is started by it", NULL);
  return EXIT_USAGE;
}
