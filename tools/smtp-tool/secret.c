/* SPDX-License-Identifier: MIT */
/* secret - see secret.h. */
#include "secret.h"
#include "text.h"
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

void
secret_free (Secret *secret)
{
  if (secret == NULL)
    return;
  explicit_bzero (secret, sizeof *secret);
  g_free (secret);
}

static void
fail_errno (GError **error, const char *what)
{
  g_set_error (error, TOOL_ERROR, TOOL_ERROR_FILE, "reading the password from %s: %s", what, g_strerror (errno));
}

/* Strips the carriage return of a file written elsewhere, and refuses what nobody means. */
static Secret *
finish (Secret *secret, const char *what, GError **error)
{
  if (secret->size > 0 && secret->data[secret->size - 1] == '\r')
    secret->size--;
  if (secret->size == 0)
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_FILE, "reading the password from %s: the first line is empty", what);
      secret_free (secret);
      return NULL;
    }
  return secret;
}

/* Octet by octet, so that what follows the line stays in the descriptor for whoever it is meant for. */
static Secret *
read_line (int fd, const char *what, GError **error)
{
  g_autoptr (Secret) secret = g_new0 (Secret, 1);

  for (;;)
    {
      char octet;
      const ssize_t n = read (fd, &octet, 1);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          fail_errno (error, what);
          return NULL;
        }
      if (n == 0 || octet == '\n')
        return finish (g_steal_pointer (&secret), what, error);
      if (secret->size == SECRET_MAX - 1)
        {
          g_set_error (error, TOOL_ERROR, TOOL_ERROR_FILE,
                       "reading the password from %s: more than %d octets without a line end", what, SECRET_MAX - 1);
          return NULL;
        }
      secret->data[secret->size++] = octet;
    }
}

Secret *
secret_from_file (const char *path, GError **error)
{
  g_autofree char *shown = text_escape (path);
  g_autofree char *what = g_strdup_printf ("'%s'", shown);
  const int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

  if (fd < 0)
    {
      fail_errno (error, what);
      return NULL;
    }
  Secret *secret = read_line (fd, what, error);
  close (fd);
  return secret;
}

gboolean
secret_file_is_open (const char *path)
{
  struct stat st;

  return stat (path, &st) == 0 && S_ISREG (st.st_mode) && (st.st_mode & (S_IRGRP | S_IROTH | S_IWGRP | S_IWOTH)) != 0;
}

Secret *
secret_from_fd (int fd, GError **error)
{
  g_autofree char *what = g_strdup_printf ("descriptor %d", fd);
  Secret *secret = read_line (fd, what, error);

  /* Programs that we start have no business with it. */
  if (fd > STDERR_FILENO)
    (void) fcntl (fd, F_SETFD, FD_CLOEXEC);
  return secret;
}

Secret *
secret_from_text (const char *text, GError **error)
{
  Secret *secret = g_new0 (Secret, 1);
  const gsize size = strcspn (text, "\n");

  if (size >= SECRET_MAX)
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "the password has more than %d octets", SECRET_MAX - 1);
      secret_free (secret);
      return NULL;
    }
  memcpy (secret->data, text, size);
  secret->size = size;
  return finish (secret, "the command line or the environment", error);
}

Secret *
secret_from_environment (const char *variable, GError **error)
{
  char *value = getenv (variable);
  g_autofree char *shown = text_escape (variable);

  if (value == NULL)
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--password-env: the environment has no variable '%s'", shown);
      return NULL;
    }
  Secret *secret = secret_from_text (value, error);
  /* Gone from /proc/PID/environ, and from what children inherit. */
  explicit_bzero (value, strlen (value));
  unsetenv (variable);
  return secret;
}

static gboolean
check_status (int status, const char *what, const char *program, GError **error)
{
  if (WIFEXITED (status) && WEXITSTATUS (status) == 0)
    return TRUE;
  if (WIFSIGNALED (status))
    g_set_error (error, TOOL_ERROR, TOOL_ERROR_FILE, "%s: '%s' was ended by signal %d", what, program, WTERMSIG (status));
  else
    g_set_error (error, TOOL_ERROR, TOOL_ERROR_FILE, "%s: '%s' failed with status %d", what, program, WEXITSTATUS (status));
  return FALSE;
}

/* Reads to the end, so that the command is not killed by a closed pipe while it prints the rest of an entry. */
static void
drain (int fd)
{
  char rest[512];
  ssize_t n;

  do
    n = read (fd, rest, sizeof rest);
  while (n > 0 || (n < 0 && errno == EINTR));
  explicit_bzero (rest, sizeof rest);
}

Secret *
secret_from_program (char **argv, const char *what, gboolean *ret_none, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (Secret) secret = NULL;
  GPid pid;
  int out;

  if (!g_spawn_async_with_pipes (NULL, argv, NULL,
                                 G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL,
                                 &pid, NULL, &out, NULL, &local))
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_FILE, "%s: %s", what, local->message);
      return NULL;
    }
  g_autofree char *program = text_escape (argv[0]);
  g_autofree char *source = g_strdup_printf ("command '%s'", program);
  secret = read_line (out, source, &local);
  drain (out);
  close (out);

  int status = 0;
  while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
    ;
  g_spawn_close_pid (pid);
  if (ret_none != NULL)
    *ret_none = WIFEXITED (status) && WEXITSTATUS (status) == 1;
  if (ret_none != NULL && *ret_none)
    return NULL;
  if (!check_status (status, what, program, error))
    return NULL;
  if (secret == NULL)
    g_propagate_error (error, g_steal_pointer (&local));
  return g_steal_pointer (&secret);
}

Secret *
secret_from_command (const char *command, GError **error)
{
  g_auto (GStrv) words = NULL;
  g_autoptr (GError) local = NULL;

  if (g_shell_parse_argv (command, NULL, &words, &local))
    return secret_from_program (words, "--password-command", NULL, error);
  g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--password-command: %s", local->message);
  return NULL;
}

gboolean
secret_can_ask (void)
{
  const int fd = open ("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

  if (fd < 0)
    return FALSE;
  close (fd);
  return TRUE;
}

/* A line from the terminal without echo.  Signals of the keyboard are off meanwhile, so that the echo always comes back. */
static Secret *
read_terminal (int fd, const char *prompt, GError **error)
{
  struct termios old;
  Secret *secret;

  if (tcgetattr (fd, &old) != 0)
    {
      fail_errno (error, "the terminal");
      return NULL;
    }
  struct termios quiet = old;
  quiet.c_lflag = (quiet.c_lflag & ~(tcflag_t) (ECHO | ISIG)) | ICANON | ECHONL;
  /* Without ISIG the interrupt character is input: let it end the line. */
  quiet.c_cc[VEOL] = old.c_cc[VINTR];
  (void) tcsetattr (fd, TCSAFLUSH, &quiet);
  secret = g_new0 (Secret, 1);
  /* Asked for only now: what is typed ahead would be shown. */
  ssize_t n = write (fd, prompt, strlen (prompt));
  do
    n = read (fd, secret->data, SECRET_MAX - 1);
  while (n < 0 && errno == EINTR);
  (void) tcsetattr (fd, TCSAFLUSH, &old);

  if (n > 0 && (cc_t) secret->data[n - 1] == old.c_cc[VINTR])
    {
      secret_free (secret);
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_INTERRUPTED, "interrupted while asking for the password");
      return NULL;
    }
  secret->size = n > 0 ? (gsize) n : 0;
  if (secret->size > 0 && secret->data[secret->size - 1] == '\n')
    secret->size--;
  return finish (secret, "the terminal", error);
}

Secret *
secret_from_terminal (const char *user, const char *server, gboolean again, GError **error)
{
  const int fd = open ("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  g_autofree char *shown = text_escape (user);
  g_autofree char *where = text_escape (server);
  g_autofree char *prompt
      = g_strdup_printf ("%sPassword of %s at %s: ", again ? "The server refused that.  Another try?  " : "", shown, where);

  if (fd < 0)
    {
      fail_errno (error, "the terminal");
      return NULL;
    }
  Secret *secret = read_terminal (fd, prompt, error);
  close (fd);
  return secret;
}
