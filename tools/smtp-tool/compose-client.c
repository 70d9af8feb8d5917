/* SPDX-License-Identifier: MIT */
/* compose-client - see compose-client.h. */
#include "compose-client.h"
#include "helper.h"
#include "interrupt.h"
#include "options.h"
#include "spool.h"
#include "text.h"
#include "tool.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

gboolean
compose_wants_bcc_field (VeredaOptions *options)
{
  const char *mode = vereda_options_get (options, "bcc");

  return mode != NULL && strcmp (mode, "same") != 0;
}

/* A record of the request: key=value, ended by NUL (which no argument can hold). */
static void
add_record (GByteArray *request, const char *key, const char *value)
{
  if (value == NULL)
    return;
  g_byte_array_append (request, (const guint8 *) key, (guint) strlen (key));
  g_byte_array_append (request, (const guint8 *) "=", 1);
  g_byte_array_append (request, (const guint8 *) value, (guint) strlen (value) + 1);
}

static gboolean
add_stdin_body (GByteArray *request, GError **error)
{
  const int fd = spool_from_fd (STDIN_FILENO, error);
  g_autoptr (GBytes) bytes = fd >= 0 ? spool_read (fd, error) : NULL;
  gsize size;

  if (fd >= 0)
    close (fd);
  if (bytes == NULL)
    return FALSE;
  const char *text = g_bytes_get_data (bytes, &size);
  if (size > G_MAXUINT / 4 || (size > 0 && memchr (text, '\0', size) != NULL))
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_COMPOSE, "--body: standard input is not text; use --attach");
      return FALSE;
    }
  g_autofree char *body = g_strndup (text != NULL ? text : "", size);
  add_record (request, "body", body);
  return TRUE;
}

static gboolean
add_body (GByteArray *request, const CliSetting *body, GError **error)
{
  if (strcmp (body->value, "@-") == 0)
    return add_stdin_body (request, error);
  if (body->value[0] == '@')
    add_record (request, "body-file", body->value + 1);
  else
    add_record (request, "body", body->value);
  return TRUE;
}

/* Types and names are said before the attachment they are about, as swaks has it: a name for one, a type until the next. */
static gboolean
add_attachments (GByteArray *request, const CliLine *line, GError **error)
{
  const CliSetting *loose = NULL;

  for (guint i = 0; i < line->settings->len; i++)
    {
      const CliSetting *setting = &g_array_index (line->settings, CliSetting, i);

      switch (setting->option->id)
        {
        case OPT_ATTACH_TYPE:
          add_record (request, "attach-type", setting->negated ? "" : setting->value);
          loose = setting->negated ? NULL : setting;
          break;
        case OPT_ATTACH_NAME:
          add_record (request, "attach-name", setting->negated ? "" : setting->value);
          loose = setting->negated ? NULL : setting;
          break;
        case OPT_ATTACH:
          if (setting->negated)
            continue;
          add_record (request, "attach", setting->value + (setting->value[0] == '@' ? 1 : 0));
          loose = NULL;
          break;
        default:
          break;
        }
    }
  if (loose == NULL)
    return TRUE;
  g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--%s stands before the --attach it is about; none follows",
               loose->option->name);
  return FALSE;
}

static gboolean
start (const char *path, int out, GPid *ret_pid, int *ret_request, int *ret_errors, GError **error)
{
  const char *const argv[] = { path, NULL };
  g_autoptr (GError) local = NULL;

  if (g_spawn_async_with_pipes_and_fds (NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, interrupt_in_child, NULL, -1, out, -1,
                                        NULL, NULL, 0, ret_pid, ret_request, NULL, ret_errors, &local))
    return TRUE;
  g_set_error (error, TOOL_ERROR, TOOL_ERROR_HELPER, "%s", local->message);
  return FALSE;
}

/* Waits for the program; what it wrote to standard error is the reason when it failed. */
static gboolean
finish (GPid pid, GBytes *said, GError **error)
{
  gsize size;
  const char *text = g_bytes_get_data (said, &size);
  g_autofree char *reason = g_strndup (text != NULL ? text : "", size);
  int status = 0;

  while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
    ;
  g_spawn_close_pid (pid);
  if (WIFEXITED (status) && WEXITSTATUS (status) == 0)
    return TRUE;
  g_strchomp (reason);
  g_autofree char *shown = text_one_line (reason);
  const int code = !WIFEXITED (status)         ? TOOL_ERROR_HELPER
                   : WEXITSTATUS (status) == 4 ? TOOL_ERROR_FILE
                   : WEXITSTATUS (status) == 1 ? TOOL_ERROR_USAGE
                                               : TOOL_ERROR_COMPOSE;
  g_set_error (error, TOOL_ERROR, code, "composing: %s", *shown != '\0' ? shown : "smtp-tool-compose ended without a word");
  return FALSE;
}

static GBytes *
read_all (int fd)
{
  g_autoptr (GByteArray) all = g_byte_array_new ();
  guint8 block[1024];

  for (;;)
    {
      const ssize_t n = read (fd, block, sizeof block);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return g_byte_array_free_to_bytes (g_steal_pointer (&all));
      g_byte_array_append (all, block, (guint) n);
    }
}

int
compose_run (const CliLine *line, const char *to, const char *cc, const char *bcc, GError **error)
{
  g_autoptr (GByteArray) request = g_byte_array_new ();
  const CliSetting *from = cli_last (line, OPT_FROM);
  const CliSetting *subject = cli_last (line, OPT_SUBJECT);
  const CliSetting *body = cli_last (line, OPT_BODY);
  g_autofree char *path = helper_find ("smtp-tool-compose", error);
  GPid pid;
  int request_fd;
  int errors_fd;

  if (path == NULL)
    return -1;
  if (from != NULL && !from->negated && !options_is_null_path (from->value))
    add_record (request, "from", from->value);
  add_record (request, "to", to);
  add_record (request, "cc", cc);
  add_record (request, "bcc", bcc);
  if (subject != NULL && !subject->negated)
    add_record (request, "subject", subject->value);
  if (body != NULL && !body->negated && !add_body (request, body, error))
    return -1;
  if (!add_attachments (request, line, error))
    return -1;

  const int out = spool_new (error);
  if (out < 0)
    return -1;
  if (!start (path, out, &pid, &request_fd, &errors_fd, error))
    {
      close (out);
      return -1;
    }
  /* It reads all before it writes a word, so that neither waits for the other; should it die, its status tells. */
  (void) spool_write (request_fd, request->data, request->len, NULL);
  close (request_fd);
  g_autoptr (GBytes) said = read_all (errors_fd);
  close (errors_fd);
  if (!finish (pid, said, error) || lseek (out, 0, SEEK_SET) != 0)
    {
      close (out);
      return -1;
    }
  return out;
}
