/* SPDX-License-Identifier: MIT */
/* vereda - the library as an application uses it: one message from memory, many times over one sender.
 *
 *   bench-vereda COUNT FILE [NAME=VALUE]...
 *
 * NAME is an option of the library; servers=127.0.0.1:2525 is the least.  FILE is read once.  As an application with a full queue does,
 * it hands over AHEAD messages at once and one more for each that has its verdict.  Exit status 0 only when every message was sent.
 * The public interface alone.  pkg-config: vereda-1 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vereda/vereda.h>

enum
{
  AHEAD = 4096
};

typedef struct
{
  VeredaMessage *message;
  guint64 left;
  guint64 sent;
  GError *error; /* the first */
} Run;

static void on_done (VeredaSender *sender, VeredaMessage *message, VeredaResult *result, gpointer user_data);

static void
submit (VeredaSender *sender, Run *run)
{
  run->left--;
  if (!vereda_sender_submit (sender, run->message, NULL, on_done, run, NULL, run->error == NULL ? &run->error : NULL))
    run->left = 0;
}

static void
on_done (VeredaSender *sender, VeredaMessage *message, VeredaResult *result, gpointer user_data)
{
  Run *run = user_data;

  if (vereda_result_get_verdict (result) == VEREDA_SENT)
    run->sent++;
  else if (run->error == NULL && vereda_result_get_error (result) != NULL)
    run->error = g_error_copy (vereda_result_get_error (result));
  if (run->left > 0)
    submit (sender, run);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VeredaOptions) options = vereda_options_new ();
  g_autofree char *text = NULL;
  gsize size = 0;
  Run run = { 0 };

  if (argc < 4)
    {
      fputs ("usage: bench-vereda COUNT FILE NAME=VALUE...\n", stderr);
      return 2;
    }
  for (int i = 3; i < argc; i++)
    {
      const char *equals = strchr (argv[i], '=');
      g_autofree char *name = equals != NULL ? g_strndup (argv[i], (gsize) (equals - argv[i])) : NULL;

      if (name != NULL && strcmp (name, "password") == 0)
        vereda_options_set_password (options, equals + 1);
      else if (name == NULL || !vereda_options_set (options, name, equals + 1, &error))
        {
          fprintf (stderr, "bench-vereda: %s\n", error != NULL ? error->message : argv[i]);
          return 2;
        }
    }
  if (!g_file_get_contents (argv[2], &text, &size, &error))
    {
      fprintf (stderr, "bench-vereda: %s\n", error->message);
      return 2;
    }
  const guint64 count = run.left = strtoull (argv[1], NULL, 10);
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_steal_pointer (&text), size);
  g_autoptr (VeredaSender) sender = vereda_sender_new (options, &error);

  if (sender == NULL)
    {
      fprintf (stderr, "bench-vereda: %s\n", error->message);
      return 2;
    }
  run.message = vereda_message_new_from_bytes (bytes);
  for (guint i = 0; i < AHEAD && run.left > 0; i++)
    submit (sender, &run);
  vereda_sender_run (sender);
  vereda_message_unref (run.message);
  if (run.sent == count)
    return 0;
  fprintf (stderr, "bench-vereda: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " messages were sent: %s\n", run.sent, count,
           run.error != NULL ? run.error->message : "no error was told");
  g_clear_error (&run.error);
  return 1;
}
