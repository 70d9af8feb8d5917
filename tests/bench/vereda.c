/* SPDX-License-Identifier: MIT */
/* vereda - the library as an application uses it: messages from memory, over one sender.
 *
 *   bench-vereda COUNT FILE [again] [NAME=VALUE]...
 *
 * Every message is an object of its own, as those of different mails are, which the library reads from its first octet; with "again" it is
 * one object that is sent again and again.
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
  GBytes *content;
  VeredaMessage *message; /* again; NULL: a new one each time */
  guint64 left;
  guint64 sent;
  GError *error; /* the first */
} Run;

static void on_done (VeredaSender *sender, VeredaMessage *message, VeredaResult *result, gpointer user_data);

static void
submit (VeredaSender *sender, Run *run)
{
  VeredaMessage *message
      = run->message != NULL ? vereda_message_ref (run->message) : vereda_message_new_from_bytes (run->content);

  run->left--;
  if (!vereda_sender_submit (sender, message, NULL, on_done, run, NULL, run->error == NULL ? &run->error : NULL))
    run->left = 0;
  vereda_message_unref (message); /* the sender has its own reference */
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
      fputs ("usage: bench-vereda COUNT FILE [again] NAME=VALUE...\n", stderr);
      return 2;
    }
  const gboolean again = strcmp (argv[3], "again") == 0;
  for (int i = again ? 4 : 3; i < argc; i++)
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
  run.content = bytes;
  run.message = again ? vereda_message_new_from_bytes (bytes) : NULL;
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
