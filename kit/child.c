/* SPDX-License-Identifier: MIT */
/* child - a group of checks in a process of its own.
 *
 * The child writes lines into a pipe: a letter and fields.  Before each thing that may go wrong it says what it is about to do, so
 * that its death can be told from where it happened.  What it prints goes into a file that exists in memory only.  The parent
 * waits as long as there are signs of life. */
#include "kit/child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/block.h"
#include "kit/report.h"

#define SEPARATOR '\x1f'

struct KitContext
{
  int fd;
};

guint kit_child_patience = 60; /* valgrind is slow */

static int handler_fd = -1;

/* --- the child --- */

static void
write_all (int fd, const char *data, gsize size)
{
  while (size > 0)
    {
      gssize n = write (fd, data, size);
      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        _exit (0); /* nobody listens any more */
      data += n;
      size -= (gsize) n;
    }
}

static void
say (KitContext *kit, char letter, const char *first, const char *second)
{
  if (kit == NULL)
    return; /* nobody listens */
  g_autofree char *line = g_strdup_printf ("%c%s%c%s", letter, first, SEPARATOR, second);
  g_strdelimit (line, "\n\r", ' ');
  g_autofree char *valid = g_utf8_make_valid (line, -1);
  write_all (kit->fd, valid, strlen (valid));
  write_all (kit->fd, "\n", 1);
}

void
kit_begin (KitContext *kit, const char *id, const char *subject)
{
  say (kit, 'B', id, subject);
}

void
kit_doing (KitContext *kit, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  say (kit, 'D', text, "");
}

void
kit_fail (KitContext *kit, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  say (kit, 'F', text, "");
}

void
kit_skip (KitContext *kit, const char *why)
{
  say (kit, 'S', why, "");
}

void
kit_tell (KitContext *kit, const char *key, const char *value)
{
  say (kit, 'T', key, value);
}

GBytes *
kit_child_fresh (GByteArray *(*func) (gpointer data), gpointer data)
{
  g_autoptr (GByteArray) got = g_byte_array_new ();
  guint8 buf[4096];
  gssize n;
  int fds[2];
  if (pipe (fds) != 0)
    return NULL;
  pid_t child = fork ();
  if (child == 0)
    {
      GByteArray *made = func (data);
      write_all (fds[1], (const char *) made->data, made->len);
      _exit (0);
    }
  close (fds[1]);
  while (child > 0 && (n = read (fds[0], buf, sizeof buf)) > 0)
    g_byte_array_append (got, buf, (guint) n);
  close (fds[0]);
  while (child > 0 && waitpid (child, NULL, 0) < 0 && errno == EINTR)
    ;
  return child > 0 ? g_byte_array_free_to_bytes (g_steal_pointer (&got)) : NULL;
}

/* Only what a signal handler may do: tells where the fault was, then lets the instruction fail for good. */
static void
on_fault (int number, siginfo_t *info, void *context)
{
  const char *what = kit_block_before (info->si_addr);
  if (what != NULL)
    {
      write_all (handler_fd, "G", 1);
      write_all (handler_fd, what, strlen (what));
      write_all (handler_fd, "\n", 1);
    }
  if (info->si_code <= 0)
    raise (number); /* sent, not met: it would not come again */
}

static void
run_child (int fd, int printed, KitGroupFunc func, gpointer data)
{
  static const int faults[] = { SIGSEGV, SIGBUS };
  struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | (int) SA_RESETHAND };
  KitContext kit = { fd };
  handler_fd = fd;
  for (gsize i = 0; i < G_N_ELEMENTS (faults); i++)
    sigaction (faults[i], &action, NULL);
  signal (SIGPIPE, SIG_DFL); /* as it is where the library is used: a plugin must not count on anything else */
  dup2 (printed, STDOUT_FILENO);
  dup2 (printed, STDERR_FILENO);
  func (&kit, data);
  write_all (fd, "E\n", 2);
  _exit (0);
}

/* --- the parent --- */

typedef struct
{
  VeredaKitReport *report;
  KitToldFunc told;
  gpointer told_data;
  GString *line;
  char *doing;
  char *overrun;
  gboolean begun;
  gboolean ended;
} Listener;

static void
take_line (Listener *l)
{
  char *rest = l->line->str + 1;
  char *second = strchr (rest, SEPARATOR);
  if (second != NULL)
    *second++ = '\0';
  switch (l->line->str[0])
    {
    case 'B':
      kit_report_begin (l->report, rest, second);
      l->begun = TRUE;
      break;
    case 'D':
      g_free (l->doing);
      l->doing = g_strdup (rest);
      break;
    case 'F':
      kit_report_fail (l->report, rest);
      break;
    case 'S':
      kit_report_skip (l->report, rest);
      break;
    case 'T':
      if (l->told != NULL)
        l->told (rest, second, l->told_data);
      break;
    case 'G':
      g_free (l->overrun);
      l->overrun = g_strdup (rest);
      break;
    case 'E':
      l->ended = TRUE;
      break;
    default:
      break;
    }
  g_string_truncate (l->line, 0);
}

/* Until the child has nothing more to say; FALSE when it says nothing for too long. */
static gboolean
listen_to (Listener *l, int fd)
{
  char buf[4096];
  for (;;)
    {
      struct pollfd item = { .fd = fd, .events = POLLIN };
      int ready = poll (&item, 1, (int) kit_child_patience * 1000);
      if (ready < 0 && errno == EINTR)
        continue;
      if (ready <= 0)
        return FALSE;
      gssize n = read (fd, buf, sizeof buf);
      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return TRUE;
      for (gssize i = 0; i < n; i++)
        if (buf[i] == '\n')
          take_line (l);
        else
          g_string_append_c (l->line, buf[i]);
    }
}

/* The first lines of what the child printed, or NULL. */
static char *
read_printed (int fd)
{
  char buf[2048];
  gssize n = pread (fd, buf, sizeof buf - 1, 0);
  if (n <= 0)
    return NULL;
  g_autofree char *valid = g_utf8_make_valid (buf, n);
  return g_strdup (g_strstrip (g_strdelimit (valid, "\n\r", ' ')));
}

static void
judge_end (Listener *l, int status, gboolean hung, const char *printed)
{
  g_autofree char *text = NULL;
  const char *where = l->doing != NULL ? l->doing : "loading the module";
  if (hung)
    text = g_strdup_printf ("did not return within %u seconds in %s", kit_child_patience, where);
  else if (WIFSIGNALED (status))
    text = g_strdup_printf ("crashed with SIG%s in %s%s%s", sigabbrev_np (WTERMSIG (status)), where,
                            l->overrun != NULL ? ": it went beyond the end of " : "", l->overrun != NULL ? l->overrun : "");
  else if (!l->ended)
    text = g_strdup_printf ("ended the process with status %d in %s%s%.400s", WEXITSTATUS (status), where,
                            printed != NULL ? ": " : "", printed != NULL ? printed : "");
  if (text != NULL)
    {
      if (!l->begun)
        kit_report_begin (l->report, "load.open", "");
      kit_report_fail (l->report, text);
    }
  kit_report_begin (l->report, "run.silent", "");
  if (printed != NULL && l->ended) /* else it is told already */
    {
      g_autofree char *said = g_strdup_printf ("printed: %.400s", printed);
      kit_report_fail (l->report, said);
    }
}

gboolean
kit_child_run (VeredaKitReport *report, KitGroupFunc func, gpointer data, KitToldFunc told, gpointer told_data, GError **error)
{
  Listener l = { .report = report, .told = told, .told_data = told_data };
  int fds[2] = { -1, -1 };
  int printed = memfd_create ("printed", MFD_CLOEXEC);
  pid_t child = -1;
  int status = 0;
  if (printed >= 0 && pipe (fds) == 0)
    child = fork ();
  if (child == 0)
    {
      close (fds[0]);
      run_child (fds[1], printed, func, data);
    }
  if (child < 0)
    {
      g_set_error (error, VEREDA_KIT_ERROR, VEREDA_KIT_ERROR_SYSTEM, "cannot start a process for the checks: %s",
                   g_strerror (errno));
      for (gsize i = 0; i < 2 && fds[i] >= 0; i++)
        close (fds[i]);
      if (printed >= 0)
        close (printed);
      return FALSE;
    }
  close (fds[1]);
  l.line = g_string_new (NULL);
  gboolean hung = !listen_to (&l, fds[0]);
  if (hung)
    kill (child, SIGKILL);
  while (waitpid (child, &status, 0) < 0 && errno == EINTR)
    ;
  g_autofree char *text = read_printed (printed);
  judge_end (&l, status, hung, text);
  close (fds[0]);
  close (printed);
  g_string_free (l.line, TRUE);
  g_free (l.doing);
  g_free (l.overrun);
  return TRUE;
}
