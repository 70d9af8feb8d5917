/* SPDX-License-Identifier: MIT */
/* Tests of a sender in event loops: its descriptor, cancelling at every stage and from another thread, deadlines of each message, submitting at any
 * time, credentials that come later.  Each test runs blocking, from a loop around poll(), and from GLib's. */
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <vereda/vereda.h>

#include "scriptserver.h"
#include "sending.h"

#define FINE "ext PIPELINING\nhello\nserve"

/* ---- a resolver that takes its time ---- */

static GMutex slow_lock;
static GCond slow_gone;
static guint slow; /* look-ups under way; guarded */

int
getaddrinfo (const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
  g_mutex_lock (&slow_lock);
  slow++;
  g_mutex_unlock (&slow_lock);
  g_usleep (1500 * G_TIME_SPAN_MILLISECOND);
  g_mutex_lock (&slow_lock);
  slow--;
  g_cond_signal (&slow_gone);
  g_mutex_unlock (&slow_lock);
  return EAI_AGAIN;
}

static void
await_resolver (void)
{
  g_mutex_lock (&slow_lock);
  while (slow > 0)
    g_cond_wait (&slow_gone, &slow_lock);
  g_mutex_unlock (&slow_lock);
}

/* ---- three ways to drive ---- */

typedef void (*Drive) (VeredaSender *sender);

static void
drive_run (VeredaSender *sender)
{
  vereda_sender_run (sender);
}

static void
drive_poll (VeredaSender *sender)
{
  GPollFD fd = { .fd = vereda_sender_get_fd (sender), .events = G_IO_IN };

  while (vereda_sender_get_n_pending (sender) > 0)
    {
      g_assert_cmpint (g_poll (&fd, 1, 15000), ==, 1); /* deadlines too are told by the descriptor */
      vereda_sender_dispatch (sender);
    }
}

static void
drive_source (VeredaSender *sender)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GSource) source = vereda_sender_create_source (sender);

  g_source_attach (source, context);
  while (vereda_sender_get_n_pending (sender) > 0)
    g_main_context_iteration (context, TRUE);
  g_source_destroy (source);
}

static const Drive drives[] = { drive_run, drive_poll, drive_source };

/* ---- senders ---- */

static VeredaOptions *
options_for (const char *host, guint port, const char *deadline)
{
  return kit_options_printf ("servers=%s:%u;client=client.example.test;tls=never;deadline=%s;timeout-quit=1", host, port,
                             deadline);
}

/* ---- cancelling ---- */

static gpointer
cancel_soon (gpointer data)
{
  g_usleep (100 * G_TIME_SPAN_MILLISECOND);
  vereda_sender_cancel (data);
  return NULL;
}

static const struct
{
  const char *stage;
  const char *script; /* where it hangs */
  VeredaVerdict verdict;
} stages[] = {
  { "greeting", "drain", VEREDA_NOT_SENT },
  { "ehlo", "> 220 kit\ndrain", VEREDA_NOT_SENT },
  { "mail", "hello\ndrain", VEREDA_NOT_SENT },
  { "rcpt", "hello\n< MAIL\n> 250 ok\ndrain", VEREDA_NOT_SENT },
  { "data", "hello\nuntil DATA\ndrain", VEREDA_NOT_SENT },
  { "end", "hello\nuntil DATA\n> 354 go\ncontent\ndrain", VEREDA_UNKNOWN },
};

static void
test_cancel (gconstpointer data)
{
  Drive drive = *(const Drive *) data;

  for (gsize i = 0; i < G_N_ELEMENTS (stages); i++)
    {
      g_autoptr (KitScript) server = kit_script_new (stages[i].script, FINE, NULL);
      g_autoptr (VeredaOptions) options = options_for ("127.0.0.1", kit_script_port (server), "10");
      g_autoptr (VeredaSender) sender = kit_sender_new (options);
      g_autoptr (VeredaResult) result = kit_submit_text (sender, KIT_SMALL, NULL, NULL);
      g_autoptr (VeredaResult) next = NULL;
      gint64 begin = g_get_monotonic_time ();
      GThread *thread = g_thread_new ("cancel", cancel_soon, sender);

      g_test_message ("%s", stages[i].stage);
      drive (sender);
      g_thread_join (thread);
      g_assert_cmpint (g_get_monotonic_time () - begin, <, 5 * G_USEC_PER_SEC);
      g_assert_cmpint (vereda_result_get_verdict (result), ==, stages[i].verdict);
      g_assert_error (vereda_result_get_error (result), VEREDA_ERROR,
                      (stages[i].verdict == VEREDA_UNKNOWN ? VEREDA_ERROR_UNKNOWN_OUTCOME : VEREDA_ERROR_CANCELLED));
      next = kit_submit_text (sender, KIT_SMALL, NULL, NULL); /* the sender is as good as before */
      drive (sender);
      g_assert_cmpint (vereda_result_get_verdict (next), ==, VEREDA_SENT);
    }
}

/* Resolving and a race that does not end. */
static void
test_cancel_early (gconstpointer data)
{
  Drive drive = *(const Drive *) data;
  g_autoptr (VeredaOptions) options = options_for ("slow.test", 25, "10");
  g_autoptr (VeredaSender) sender = kit_sender_new (options);
  g_autoptr (VeredaResult) result = kit_submit_text (sender, KIT_SMALL, NULL, NULL);
  gint64 begin = g_get_monotonic_time ();
  GThread *thread = g_thread_new ("cancel", cancel_soon, sender);

  drive (sender);
  g_thread_join (thread);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 1300 * G_TIME_SPAN_MILLISECOND);
  g_assert_error (vereda_result_get_error (result), VEREDA_ERROR, VEREDA_ERROR_CANCELLED);
  await_resolver ();
}

/* ---- deadlines ---- */

static void
test_deadline_names (gconstpointer data)
{
  Drive drive = *(const Drive *) data;
  g_autoptr (VeredaOptions) options = options_for ("slow.test", 25, "0.3");
  g_autoptr (VeredaSender) sender = kit_sender_new (options);
  g_autoptr (VeredaResult) result = kit_submit_text (sender, KIT_SMALL, NULL, NULL);
  gint64 begin = g_get_monotonic_time ();

  drive (sender);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 1300 * G_TIME_SPAN_MILLISECOND);
  g_assert_error (vereda_result_get_error (result), VEREDA_ERROR, VEREDA_ERROR_TIMEOUT);
  await_resolver ();
}

static void
test_deadline_stages (gconstpointer data)
{
  Drive drive = *(const Drive *) data;

  for (gsize i = 0; i < G_N_ELEMENTS (stages); i++)
    {
      g_autoptr (KitScript) server = kit_script_new (stages[i].script, NULL);
      g_autoptr (VeredaOptions) options = options_for ("127.0.0.1", kit_script_port (server), "0.2");
      g_autoptr (VeredaSender) sender = kit_sender_new (options);
      g_autoptr (VeredaResult) result = kit_submit_text (sender, KIT_SMALL, NULL, NULL);

      g_test_message ("%s", stages[i].stage);
      drive (sender);
      g_assert_cmpint (vereda_result_get_verdict (result), ==, stages[i].verdict);
      g_assert_error (vereda_result_get_error (result), VEREDA_ERROR,
                      (stages[i].verdict == VEREDA_UNKNOWN ? VEREDA_ERROR_UNKNOWN_OUTCOME : VEREDA_ERROR_TIMEOUT));
    }
}

/* In a loop each message has its own: the one that is late does not take the other with it. */
static void
test_deadline_each (void)
{
  g_autoptr (KitScript) server = kit_script_new ("hello\n< MAIL\ndrain", FINE, NULL);
  g_autoptr (VeredaOptions) options = options_for ("127.0.0.1", kit_script_port (server), "2");
  g_autoptr (VeredaSender) sender = kit_sender_new (options);
  g_autoptr (VeredaResult) first = kit_submit_text (sender, KIT_SMALL, NULL, NULL);
  g_autoptr (VeredaResult) second = NULL;
  gint64 later = g_get_monotonic_time () + 1000 * G_TIME_SPAN_MILLISECOND;

  while (g_get_monotonic_time () < later)
    kit_sender_step (sender, 50);
  second = kit_submit_text (sender, KIT_SMALL, NULL, NULL);
  drive_poll (sender);
  g_assert_error (vereda_result_get_error (first), VEREDA_ERROR, VEREDA_ERROR_TIMEOUT);
  g_assert_cmpint (vereda_result_get_verdict (second), ==, VEREDA_SENT);
  vereda_sender_close (sender);
  vereda_sender_run (sender);
  kit_script_settle (server);
  g_assert_cmpuint (kit_script_count (server, -1, "MAIL"), ==, 2);
}

/* ---- submitting ---- */

static void
submit_more (VeredaSender *sender, VeredaMessage *message, VeredaResult *result, gpointer data)
{
  guint *left = data;

  g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_SENT);
  if (--*left > 0)
    g_assert_true (vereda_sender_submit (sender, message, NULL, submit_more, left, NULL, NULL));
}

static void
test_submit_from_callbacks (gconstpointer data)
{
  Drive drive = *(const Drive *) data;
  g_autoptr (KitScript) server = kit_script_new (FINE, FINE, FINE, FINE, NULL);
  g_autoptr (VeredaOptions) options = options_for ("127.0.0.1", kit_script_port (server), "10");
  g_autoptr (VeredaSender) sender = NULL;
  guint left = 100;

  kit_set (options, "keep", "yes");
  sender = kit_sender_new (options);
  vereda_result_unref (kit_submit_text (sender, KIT_SMALL, submit_more, &left));
  drive (sender);
  g_assert_cmpuint (left, ==, 0);
  vereda_sender_close (sender);
  vereda_sender_run (sender);
  kit_script_settle (server);
  g_assert_cmpuint (kit_script_connections (server), ==, 1);
  g_assert_cmpuint (kit_script_count (server, 0, "MAIL"), ==, 100);
}

/* While the loop waits and there is nothing to do: the descriptor says that there is now. */
static void
test_submit_while_idle (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
  g_autoptr (VeredaOptions) options = options_for ("127.0.0.1", kit_script_port (server), "10");
  g_autoptr (VeredaSender) sender = kit_sender_new (options);
  GPollFD fd = { .fd = vereda_sender_get_fd (sender), .events = G_IO_IN };

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (VeredaResult) result = NULL;

      vereda_sender_dispatch (sender);
      while (g_poll (&fd, 1, 50) > 0)
        vereda_sender_dispatch (sender);
      result = kit_submit_text (sender, KIT_SMALL, NULL, NULL);
      g_assert_cmpint (g_poll (&fd, 1, 0), ==, 1);
      drive_poll (sender);
      g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_SENT);
      g_assert_cmpuint (vereda_sender_get_n_connections (sender), ==, 1);
    }
  vereda_sender_close (sender);
  vereda_sender_run (sender);
  kit_script_settle (server);
  g_assert_cmpuint (kit_script_connections (server), ==, 1);
}

/* ---- credentials that come later ---- */

static VeredaCredentialRequest *asked;

static void
keep_question (VeredaCredentialRequest *request, gpointer data)
{
  asked = vereda_credential_request_ref (request);
}

/* Outside of any dispatch. */
static void
test_credential_later (void)
{
  g_autoptr (KitScript) server = kit_script_new ("ext PIPELINING;AUTH PLAIN\nhello\n< AUTH PLAIN\n> 235 welcome\nserve", NULL);
  g_autoptr (VeredaOptions) options = options_for ("127.0.0.1", kit_script_port (server), "10");
  g_autoptr (VeredaSender) sender = NULL;
  g_autoptr (VeredaResult) result = NULL;
  GPollFD fd;

  kit_set (options, "insecure-cleartext-auth", "yes");
  kit_set (options, "username", "tim");
  vereda_options_set_credential_callback (options, keep_question, NULL);
  sender = kit_sender_new (options);
  fd = (GPollFD){ .fd = vereda_sender_get_fd (sender), .events = G_IO_IN };
  result = kit_submit_text (sender, KIT_SMALL, NULL, NULL);
  while (asked == NULL)
    kit_sender_step (sender, 1000);
  while (g_poll (&fd, 1, 100) > 0)
    vereda_sender_dispatch (sender);
  vereda_credential_request_answer (asked, "tanstaaf", 8);
  g_clear_pointer (&asked, vereda_credential_request_unref);
  drive_poll (sender);
  g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_SENT);
}

/* ---- a source ---- */

static gboolean
count_and_stop (gpointer data)
{
  return ++*(guint *) data < 2 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void
test_source_callback (void)
{
  g_autoptr (KitScript) server = kit_script_new (FINE, NULL);
  g_autoptr (VeredaOptions) options = options_for ("127.0.0.1", kit_script_port (server), "10");
  g_autoptr (VeredaSender) sender = kit_sender_new (options);
  g_autoptr (VeredaResult) result = kit_submit_text (sender, KIT_SMALL, NULL, NULL);
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GSource) source = vereda_sender_create_source (sender);
  guint calls = 0;

  g_source_set_callback (source, count_and_stop, &calls, NULL);
  g_source_attach (source, context);
  while (!g_source_is_destroyed (source))
    g_main_context_iteration (context, TRUE);
  g_assert_cmpuint (calls, ==, 2);
  drive_run (sender); /* and the rest without it */
  g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_SENT);
}

static void
add (const char *name, GTestDataFunc func)
{
  static const char *const words[] = { "run", "poll", "source" };

  for (guint i = 0; i < G_N_ELEMENTS (drives); i++)
    {
      g_autofree char *path = g_strdup_printf ("/loop/%s/%s", name, words[i]);

      g_test_add_data_func (path, &drives[i], func);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("cancel", test_cancel);
  add ("cancel-early", test_cancel_early);
  add ("deadline-names", test_deadline_names);
  add ("deadline-stages", test_deadline_stages);
  add ("submit-from-callbacks", test_submit_from_callbacks);
  g_test_add_func ("/loop/deadline-each", test_deadline_each);
  g_test_add_func ("/loop/submit-while-idle", test_submit_while_idle);
  g_test_add_func ("/loop/credential-later", test_credential_later);
  g_test_add_func ("/loop/source-callback", test_source_callback);
  return g_test_run ();
}
