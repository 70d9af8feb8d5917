/* SPDX-License-Identifier: MIT */
/* doctor-probe - loads one plugin in a process of its own and measures what that costs.
 *
 * In one process the second plugin would find the libraries of the first already there, and one that crashes would take the report with it.
 * Touches /proc/self/statm and what loading touches. */
#include "doctor.h"
#include "helper.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum
{
  PATIENCE_MS = 20000,   /* for one plugin; valgrind needs some */
  ANSWER_MAX = 64 * 1024 /* octets of an answer */
};

/* Resident pages of this process; -1 when the system does not tell.  No allocation: that would be measured too. */
static gint64
resident_pages (void)
{
  char text[128];
  const int fd = open ("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  ssize_t n = fd >= 0 ? read (fd, text, sizeof text - 1) : -1;

  if (fd >= 0)
    close (fd);
  if (n <= 0)
    return -1;
  text[n] = '\0';
  const char *second = strchr (text, ' ');
  return second != NULL ? g_ascii_strtoll (second, NULL, 10) : -1;
}

int
doctor_probe_main (VeredaRegistry *registry, const char *keyfile)
{
  g_autoptr (GError) error = NULL;
  VeredaRegistryEntry *entry = NULL;

  for (guint i = 0; i < vereda_registry_get_n_entries (registry) && entry == NULL; i++)
    {
      VeredaRegistryEntry *one = vereda_registry_get_entry (registry, i);

      if (g_str_equal (vereda_registry_entry_get_keyfile (one), keyfile)
          && vereda_registry_entry_get_state (one) == VEREDA_ENTRY_OK)
        entry = one;
    }
  if (entry == NULL)
    return EXIT_USAGE;
  (void) resident_pages (); /* its own first time is not the plugin's */
  const gint64 pages = resident_pages ();
  const gint64 before = g_get_monotonic_time ();
  const gboolean loaded = vereda_registry_load_entry (registry, entry, &error);
  const gint64 after = g_get_monotonic_time ();
  const gint64 grown = resident_pages () - pages;

  json_t *answer = json_pack ("{s:b, s:o, s:f, s:I}", "loaded", loaded, "error", report_string (loaded ? NULL : error->message),
                              "ms", (double) (after - before) / 1000.0, "kb",
                              (json_int_t) (pages >= 0 ? grown * (sysconf (_SC_PAGESIZE) / 1024) : 0));
  const gboolean written = json_dumpf (answer, stdout, JSON_COMPACT) == 0 && putchar ('\n') != EOF && fflush (stdout) == 0;
  json_decref (answer);
  return written ? EXIT_OK : EXIT_FILE;
}

/* ---- the side that asks ---- */

/* All that comes until the end or until patience ends; FALSE: the latter. */
static gboolean
read_answer (int fd, GString *text)
{
  const gint64 deadline = g_get_monotonic_time () + (gint64) PATIENCE_MS * 1000;

  for (;;)
    {
      struct pollfd wait = { .fd = fd, .events = POLLIN };
      const gint64 left = (deadline - g_get_monotonic_time ()) / 1000;
      char octets[1024];

      if (left <= 0 || text->len > ANSWER_MAX)
        return FALSE;
      const int ready = poll (&wait, 1, (int) left);
      if (ready < 0 && errno != EINTR)
        return FALSE;
      if (ready <= 0)
        continue;
      const ssize_t n = read (fd, octets, sizeof octets);
      if (n > 0)
        g_string_append_len (text, octets, n);
      else if (n == 0 || errno != EINTR)
        return n == 0;
    }
}

/* The last line that is an object: a plugin may print, too. */
static gboolean
read_object (Probe *probe, char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = g_strv_length (lines); i > 0; i--)
    {
      json_t *error = NULL;
      int loaded = 0;
      json_int_t kb = 0;
      json_t *object = json_loads (lines[i - 1], 0, NULL);
      const gboolean good
          = object != NULL
            && json_unpack (object, "{s:b, s:o, s:F, s:I}", "loaded", &loaded, "error", &error, "ms", &probe->ms, "kb", &kb)
                   == 0;

      if (good)
        {
          probe->loaded = loaded != 0;
          probe->error
              = probe->loaded ? NULL : g_strdup (json_is_string (error) ? json_string_value (error) : "it does not load");
          probe->kb = kb;
        }
      json_decref (object);
      if (good)
        return TRUE;
    }
  return FALSE;
}

static void
describe_death (Probe *probe, int status, gboolean in_time)
{
  probe->died = TRUE;
  if (!in_time)
    probe->error = g_strdup_printf ("loading it did not end within %d seconds", PATIENCE_MS / 1000);
  else if (WIFSIGNALED (status))
    probe->error
        = g_strdup_printf ("loading it ended the process by signal %d (%s)", WTERMSIG (status), strsignal (WTERMSIG (status)));
  else
    probe->error = g_strdup_printf ("loading it ended the process with status %d", WEXITSTATUS (status));
}

Probe *
doctor_probe (const char *keyfile)
{
  Probe *probe = g_new0 (Probe, 1);
  g_autofree char *self = helper_self ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) text = g_string_new (NULL);
  char plugins[] = "plugins", verb[] = DOCTOR_PROBE, dashes[] = "--";
  char *argv[] = { self, plugins, verb, dashes, (char *) (gpointer) keyfile, NULL };
  GPid pid;
  int out, status = 0;

  if (self == NULL
      || !g_spawn_async_with_pipes (NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &pid,
                                    NULL, &out, NULL, &error))
    {
      probe->died = TRUE;
      probe->error
          = g_strdup_printf ("not tried: %s", error != NULL ? error->message : "the path of this program is not known");
      return probe;
    }
  const gboolean in_time = read_answer (out, text);
  close (out);
  if (!in_time)
    (void) kill (pid, SIGKILL);
  while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
    ;
  g_spawn_close_pid (pid);
  if (!in_time || !WIFEXITED (status) || WEXITSTATUS (status) != 0 || !read_object (probe, text->str))
    {
      g_clear_pointer (&probe->error, g_free);
      describe_death (probe, status, in_time);
    }
  return probe;
}

void
doctor_probe_free (Probe *probe)
{
  if (probe == NULL)
    return;
  g_free (probe->error);
  g_free (probe);
}
