/* SPDX-License-Identifier: MIT */
/* main - vereda-plugin-check: tells what is wrong with a plugin.
 *
 * Exit status 0: nothing; 1: something; 2: it could not be checked. */
#include <locale.h>
#include <stdio.h>
#include <vereda-kit/kit.h>

static int
check (const char *file, gboolean tap, gboolean verbose)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VeredaKitReport) report = vereda_kit_run_all (file, &error);
  if (report == NULL)
    {
      g_printerr ("vereda-plugin-check: %s\n", error->message);
      return 2;
    }
  g_autofree char *text = tap ? vereda_kit_report_to_tap (report) : vereda_kit_report_to_text (report, verbose);
  if (fputs (text, stdout) == EOF || fflush (stdout) == EOF)
    return 2;
  return vereda_kit_report_get_n_failed (report) > 0 ? 1 : 0;
}

int
main (int argc, char **argv)
{
  gboolean tap = FALSE, verbose = FALSE, version = FALSE;
  g_auto (GStrv) files = NULL;
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "tap", 0, 0, G_OPTION_ARG_NONE, &tap, "Print the Test Anything Protocol", NULL },
    { "verbose", 'v', 0, G_OPTION_ARG_NONE, &verbose, "Show what passed as well", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &version, "Print the version and leave", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &files, NULL, "FILE.so" },
    { NULL },
  };
  setlocale (LC_ALL, "");
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_option_context_set_summary (context, "Checks a plugin of Vereda: its files, its descriptor and its behaviour.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    {
      g_printerr ("vereda-plugin-check: %s\n", error->message);
      return 2;
    }
  if (version)
    {
      printf ("vereda-plugin-check %s\n", KIT_VERSION);
      return 0;
    }
  if (files == NULL || files[1] != NULL)
    {
      g_printerr ("vereda-plugin-check: give one file, such as ./myplugin.so\n");
      return 2;
    }
  return check (files[0], tap, verbose);
}
