/* SPDX-License-Identifier: MIT */
/* Tests of the progress callback: what it is told and how often, over connections that end, servers that are slow, and batches. */
#include <string.h>
#include <vereda/vereda.h>

#include "scriptserver.h"
#include "sending.h"

typedef struct
{
  VeredaMessage *message;
  guint calls, ends, restarts;
  guint64 last, total;
  gboolean cancels; /* at the first call */
  VeredaSender *sender;
} Told;

static void
on_progress (VeredaMessage *message, VeredaStage stage, guint64 octets, guint64 total, gpointer data)
{
  Told *told = data;

  g_assert_true (message == told->message);
  g_assert_cmpuint (octets, <=, total);
  g_assert_cmpuint (octets, >, 0);
  if (told->calls > 0)
    g_assert_cmpuint (total, ==, told->total);
  told->restarts += octets < told->last ? 1 : 0;
  if (stage == VEREDA_STAGE_END)
    {
      told->ends++;
      g_assert_cmpuint (octets, ==, total);
    }
  else
    g_assert_cmpint (stage, ==, VEREDA_STAGE_DATA);
  told->calls++;
  told->last = octets;
  told->total = total;
  if (told->cancels)
    vereda_sender_cancel (told->sender);
}

static VeredaMessage *
message_of (gsize size)
{
  g_autoptr (GString) text
      = g_string_new ("From: ann@example.test\r\nTo: bob@example.test\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n"
                      "Message-ID: <1@example.test>\r\nSubject: long\r\n\r\n");

  while (text->len < size)
    g_string_append (text, ".a line that begins with a dot, so that more octets leave than the message has\r\n");
  return kit_message_new (text->str);
}

static VeredaResult *
send_told (KitScript *server, gsize size, Told *told)
{
  g_autoptr (VeredaOptions) options
      = kit_options_printf ("servers=127.0.0.1:%u;client=client.example.test;timeout-quit=1", kit_script_port (server));
  g_autoptr (VeredaMessage) message = message_of (size);
  VeredaResult *result;

  told->message = message;
  vereda_options_set_progress (options, on_progress, told);
  told->sender = kit_sender_new (options);
  result = kit_submit (told->sender, message, NULL, NULL);
  vereda_sender_run (told->sender);
  vereda_sender_free (told->sender);
  return result;
}

/* A message that leaves with one system call is told once: it has left. */
static void
test_small (void)
{
  for (guint chunking = 0; chunking < 2; chunking++)
    {
      g_autoptr (KitScript) server = kit_script_new (chunking ? "ext PIPELINING;CHUNKING\nhello\nserve" : "hello\nserve", NULL);
      Told told = { 0 };
      g_autoptr (VeredaResult) result = send_told (server, 100, &told);

      g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_SENT);
      g_assert_cmpuint (told.calls, ==, 1);
      g_assert_cmpuint (told.ends, ==, 1);
    }
}

/* To a server that reads slowly: steps on the way, at most ten a second, with dots or without. */
static void
test_steps (void)
{
  for (guint chunking = 0; chunking < 2; chunking++)
    {
      g_autoptr (KitScript) server
          = kit_script_new (chunking ? "ext PIPELINING;CHUNKING\nhello\nslow 32768\nserve" : "hello\nslow 32768\nserve", NULL);
      Told told = { 0 };
      const gint64 began = g_get_monotonic_time ();
      g_autoptr (VeredaResult) result = send_told (server, 30000000, &told);
      const gint64 took = g_get_monotonic_time () - began;

      g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_SENT);
      g_test_message ("%u calls in %" G_GINT64_FORMAT " ms", told.calls, took / 1000);
      g_assert_cmpuint (told.calls, >=, 3);
      g_assert_cmpuint (told.calls, <=, 2 + (guint) (took / 100000));
      g_assert_cmpuint (told.ends, ==, 1);
      g_assert_cmpuint (told.restarts, ==, 0);
      g_assert_cmpuint (told.total, >=, 30000000);
    }
}

/* The connection is lost on the way, and that is that: no end is told. */
static void
test_lost (void)
{
  g_autoptr (KitScript) server = kit_script_new ("hello\nlimit 200000\nserve", NULL);
  Told told = { 0 };
  g_autoptr (VeredaResult) result = send_told (server, 30000000, &told);

  g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_NOT_SENT);
  g_assert_cmpuint (told.calls, >=, 1);
  g_assert_cmpuint (told.ends, ==, 0);
}

/* The one function of the sender that may be called from there. */
static void
test_cancel (void)
{
  g_autoptr (KitScript) server = kit_script_new ("hello\nslow 4096\nserve", NULL);
  Told told = { .cancels = TRUE };
  g_autoptr (VeredaResult) result = send_told (server, 30000000, &told);

  g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_NOT_SENT);
  g_assert_error (vereda_result_get_error (result), VEREDA_ERROR, VEREDA_ERROR_CANCELLED);
  g_assert_cmpuint (told.calls, ==, 1);
}

/* Refused at its recipients: nothing of it ever leaves, and nothing is told. */
static void
test_refused (void)
{
  g_autoptr (KitScript) server = kit_script_new ("hello\non RCPT = 550 no\nserve", NULL);
  Told told = { 0 };
  g_autoptr (VeredaResult) result = send_told (server, 1000, &told);

  g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_NOT_SENT);
  g_assert_cmpuint (told.calls, ==, 0);
}

/* In a batch each message has its own. */
static void
on_batch (VeredaMessage *message, VeredaStage stage, guint64 octets, guint64 total, gpointer data)
{
  GHashTable *ends = data;

  g_assert_cmpint (stage, ==, VEREDA_STAGE_END);
  g_assert_cmpuint (octets, ==, total);
  g_assert_true (g_hash_table_add (ends, message));
}

static void
test_batch (void)
{
  g_autoptr (KitScript) server = kit_script_new ("ext PIPELINING\nhello\nserve", NULL);
  g_autoptr (VeredaOptions) options = kit_options_printf ("servers=127.0.0.1:%u", kit_script_port (server));
  g_autoptr (GHashTable) ends = g_hash_table_new (NULL, NULL);
  g_autoptr (GPtrArray) messages = g_ptr_array_new_with_free_func ((GDestroyNotify) vereda_message_unref);

  vereda_options_set_progress (options, on_batch, ends);
  g_autoptr (VeredaSender) sender = kit_sender_new (options);
  for (guint i = 0; i < 20; i++)
    {
      VeredaMessage *message = message_of (500);
      g_ptr_array_add (messages, message);
      g_assert_true (vereda_sender_submit (sender, message, NULL, NULL, NULL, NULL, NULL));
    }
  vereda_sender_run (sender);
  g_assert_cmpuint (g_hash_table_size (ends), ==, 20);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/progress/small", test_small);
  g_test_add_func ("/progress/steps", test_steps);
  g_test_add_func ("/progress/lost", test_lost);
  g_test_add_func ("/progress/cancel", test_cancel);
  g_test_add_func ("/progress/refused", test_refused);
  g_test_add_func ("/progress/batch", test_batch);
  return g_test_run ();
}
