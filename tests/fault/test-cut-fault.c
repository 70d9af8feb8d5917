/* SPDX-License-Identifier: MIT */
/*
 * The connection is cut everywhere: at each octet of the server's output, after each octet that the server heard, in clear and under TLS,
 * orderly and by reset.
 *
 * Each time: no message lost silently, none sent twice, the verdict true.  VEREDA_FAULT_STRIDE=N looks at each N-th octet only (valgrind).
 */
#include "fault.h"

#include <stdlib.h>

#define SECOND "ext PIPELINING\nhello\nserve"

static guint
stride (guint usual)
{
  const char *value = g_getenv ("VEREDA_FAULT_STRIDE");

  return value != NULL ? MAX (usual, (guint) atoi (value)) : usual;
}

/* ---- one message, a second server in reserve ---- */

typedef struct
{
  const char *name;
  const char *before; /* of the script: layers */
  const char *hello;
  const char *tls, *backend;
  const char *recipients;
} Setting;

static Fault *
submission (const Setting *setting, KitScript *server, KitScript *second)
{
  Fault *fault = fault_new ();

  if (setting->backend == NULL)
    fault_set (fault, "tls", "never");
  else
    fault_tls (fault, setting->tls, setting->backend);
  fault_set (fault, "recipients", setting->recipients);
  fault_server (fault, server);
  if (second != NULL)
    fault_server (fault, second);
  fault_send (fault);
  kit_script_settle (server);
  if (second != NULL)
    kit_script_settle (second);
  return fault;
}

static gboolean
took_it (KitScript *server)
{
  for (guint n = 0; n < kit_script_connections (server); n++)
    if (kit_script_content (server, n, 0) != NULL)
      return TRUE;
  return FALSE;
}

/* The verdict against what really happened. */
static void
expect_truth (Fault *fault, KitScript *server, KitScript *second, gboolean reset)
{
  VeredaVerdict verdict = vereda_result_get_verdict (fault->result);
  gboolean first_took = took_it (server), second_took = second != NULL && took_it (second);

  g_assert_false (first_took && second_took); /* never twice */
  switch (verdict)
    {
    case VEREDA_SENT:
      g_assert_true (first_took || second_took);
      if (first_took)
        g_assert_true (kit_script_said_end (server, 0));
      break;
    case VEREDA_NOT_SENT:
      g_assert_false (first_took || second_took);
      g_assert_true (vereda_result_is_transient (fault->result));
      break;
    case VEREDA_UNKNOWN:
    default:
      g_assert_false (second_took); /* never resent */
      g_assert_true (kit_script_gave_data (server, 0));
      /* An orderly end says which octets arrived; after a reset nobody knows, and the reply may have been lost on its way. */
      if (!reset)
        {
          g_assert_false (kit_script_said_end (server, 0));
          g_assert_true (first_took);
        }
      g_assert_cmpuint (vereda_result_count (fault->result, VEREDA_RECIPIENT_UNKNOWN), ==,
                        vereda_result_get_n_recipients (fault->result));
    }
}

/* How much the server says in a session that goes well. */
static gsize
measure (const Setting *setting)
{
  g_autofree char *script = g_strdup_printf ("%s\n%s\nserve", setting->before, setting->hello);
  g_autoptr (KitScript) server = kit_script_new (script, NULL);
  g_autoptr (Fault) fault = submission (setting, server, NULL);

  fault_expect_sent (fault);
  fault_expect_clean (server);
  return kit_script_sent (server, 0);
}

static void
cut_everywhere (const Setting *setting, guint step)
{
  gsize size = measure (setting);
  guint verdicts[3] = { 0, 0, 0 };

  g_assert_cmpuint (size, >, 100);
  for (gsize n = 0; n < size; n += step)
    for (int reset = 0; reset < 2; reset++)
      {
        g_autofree char *script = g_strdup_printf ("cut %" G_GSIZE_FORMAT "%s\n%s\n%s\nserve", n, reset ? " rst" : "",
                                                   setting->before, setting->hello);
        g_autoptr (KitScript) server = kit_script_new (script, NULL);
        g_autoptr (KitScript) second = kit_script_new (setting->backend == NULL ? SECOND : script, NULL);
        g_autoptr (Fault) fault = submission (setting, server, setting->backend == NULL ? second : NULL);

        verdicts[vereda_result_get_verdict (fault->result)]++;
        expect_truth (fault, server, setting->backend == NULL ? second : NULL, reset);
      }
  g_test_message ("%s: not sent %u, sent %u, unknown %u", setting->name, verdicts[VEREDA_NOT_SENT], verdicts[VEREDA_SENT],
                  verdicts[VEREDA_UNKNOWN]);
  /* All three really happen: else the cuts were not where they should be. */
  g_assert_cmpuint (verdicts[VEREDA_NOT_SENT], >, 0);
  g_assert_cmpuint (verdicts[VEREDA_SENT], >, 0);
  g_assert_cmpuint (verdicts[VEREDA_UNKNOWN], >, 0);
}

#define ONE   "bob@example.test"
#define THREE "bob@example.test, joe@example.test, sue@example.test"

static const Setting clear_settings[] = {
  { "off", "", "ext SIZE\nhello", NULL, NULL, ONE },
  { "pipelining", "", "ext PIPELINING\nhello", NULL, NULL, ONE },
  { "pipelining-several", "", "ext PIPELINING\nhello", NULL, NULL, THREE },
  { "chunking-several", "", "ext PIPELINING;CHUNKING\nhello", NULL, NULL, THREE },
};

static void
test_cut_clear (gconstpointer data)
{
  cut_everywhere (data, stride (1));
}

static void
test_cut_tls (gconstpointer backend)
{
  const Setting implicit = { "implicit", "tls good", "ext PIPELINING;CHUNKING\nhello", "implicit", backend, THREE };
  const Setting starttls = { "starttls",
                             "ext STARTTLS\nhello\nstarttls good",
                             "ext PIPELINING\n< EHLO\n> 250-kit.test\n> 250 PIPELINING",
                             "starttls",
                             backend,
                             ONE };

  cut_everywhere (&implicit, stride (7));
  cut_everywhere (&starttls, stride (7));
}

/* ---- the other direction ---- */

static void
test_limit_clear (gconstpointer data)
{
  const Setting *setting = data;
  gsize size;
  guint step = stride (1);

  {
    g_autofree char *script = g_strdup_printf ("%s\nserve", setting->hello);
    g_autoptr (KitScript) server = kit_script_new (script, NULL);
    g_autoptr (Fault) fault = submission (setting, server, NULL);

    fault_expect_sent (fault);
    size = kit_script_clear (server, 0)->len;
  }
  for (gsize n = 1; n < size; n += step)
    for (int reset = 0; reset < 2; reset++)
      {
        g_autofree char *script
            = g_strdup_printf ("limit %" G_GSIZE_FORMAT "%s\n%s\nserve", n, reset ? " rst" : "", setting->hello);
        g_autoptr (KitScript) server = kit_script_new (script, NULL);
        g_autoptr (KitScript) second = kit_script_new (SECOND, NULL);
        g_autoptr (Fault) fault = submission (setting, server, second);
        VeredaVerdict verdict = vereda_result_get_verdict (fault->result);

        g_assert_false (took_it (server) && took_it (second));
        /* With BDAT the answers to the envelope are the leave for the content. */
        if (strstr (setting->hello, "CHUNKING") != NULL ? kit_script_count (server, 0, "RCPT") < 3
                                                        : !kit_script_gave_data (server, 0))
          {
            /* Nothing was asked for yet: never unknown, and the second server may be asked. */
            g_assert_cmpint (verdict, !=, VEREDA_UNKNOWN);
            g_assert_true ((verdict == VEREDA_SENT) == took_it (second));
          }
        else
          {
            g_assert_false (took_it (second));
            if (verdict == VEREDA_SENT)
              g_assert_true (kit_script_said_end (server, 0));
            else if (verdict == VEREDA_NOT_SENT)
              g_assert_false (took_it (server));
          }
      }
}

/* ---- after each command, and instead of each reply ---- */

static void
test_each_command (void)
{
  static const struct
  {
    const char *prefix;
    gboolean next; /* nothing was accepted: the second server gets the mail */
  } rows[] = { { "EHLO", TRUE }, { "MAIL", TRUE }, { "RCPT", FALSE }, { "DATA", FALSE } };
  static const char *const ends[] = { "!close", "!rst", "421 4.3.2 closing" };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    for (gsize k = 0; k < G_N_ELEMENTS (ends); k++)
      {
        g_autofree char *script = g_strdup_printf ("ext SIZE\non %s = %s\n> 220 kit.test\nserve", rows[i].prefix, ends[k]);
        g_autoptr (KitScript) server = kit_script_new (script, NULL);
        g_autoptr (KitScript) second = kit_script_new (SECOND, NULL);
        const Setting setting = { "", "", "", NULL, NULL, ONE };
        g_autoptr (Fault) fault = submission (&setting, server, second);

        g_test_message ("%s", script);
        expect_truth (fault, server, second, FALSE);
        if (rows[i].next)
          fault_expect_sent (fault);
        else
          {
            fault_expect_error (fault, VEREDA_ERROR_CLOSED, NULL); /* CFG-14: not to the next server after MAIL was accepted */
            fault_expect_connections (second, 0);
          }
      }
}

/* ---- three messages over one sender ---- */

static guint
copies_of (KitScript *server, guint message)
{
  g_autofree char *mark = g_strdup_printf ("Subject: number %u\r\n", message);
  guint n = 0;

  for (guint c = 0; c < kit_script_connections (server); c++)
    for (guint i = 0; kit_script_content (server, c, i) != NULL; i++)
      n += strstr (kit_script_content (server, c, i), mark) != NULL;
  return n;
}

#define BATCH_MAX 9

/* Sends some messages; `script` is that of the connection number `which`, the others behave. */
static gsize
send_batch (const char *script, guint which, const char *ext, gboolean reset, guint messages, const char *connections)
{
  g_autofree char *fine = g_strdup_printf ("ext %s\nhello\nserve", ext);
  g_autoptr (KitScript) server
      = kit_script_new (which == 0 ? script : fine, which == 1 ? script : fine, fine, fine, fine, fine, fine, fine, NULL);
  g_autoptr (Fault) fault = fault_new ();
  g_autoptr (VeredaSender) sender = NULL;
  KitTold told[BATCH_MAX] = { { 0, VEREDA_NOT_SENT } };

  fault_set (fault, "tls", "never");
  fault_set (fault, "connections", connections);
  fault_server (fault, server);
  sender = kit_sender_new (fault->options);
  for (guint i = 0; i < messages; i++)
    {
      g_autofree char *text = g_strdup_printf ("From: ann@example.test\r\nSubject: number %u\r\n\r\nbody\r\n", i);

      vereda_result_unref (kit_submit_text (sender, text, kit_told, &told[i]));
    }
  fault_run (sender);
  vereda_sender_free (g_steal_pointer (&sender));
  kit_script_settle (server);
  for (guint i = 0; i < messages; i++)
    {
      guint copies = copies_of (server, i);

      g_assert_cmpuint (told[i].times, ==, 1);
      g_assert_cmpuint (copies, <=, 1);
      if (told[i].verdict == VEREDA_SENT)
        g_assert_cmpuint (copies, ==, 1);
      if (told[i].verdict == VEREDA_NOT_SENT)
        g_assert_cmpuint (copies, ==, 0);
      if (told[i].verdict == VEREDA_UNKNOWN && !reset)
        g_assert_cmpuint (copies, ==, 1);
    }
  return which < kit_script_connections (server) ? kit_script_sent (server, which) : 0;
}

static void
test_batch (gconstpointer data)
{
  const char *ext = data;
  g_autofree char *fine = g_strdup_printf ("ext %s\nhello\nserve", ext);
  gsize size = send_batch (fine, 0, ext, FALSE, 3, "1");
  guint step = stride (1);

  for (gsize n = 0; n < size; n += step)
    for (int reset = 0; reset < 2; reset++)
      {
        g_autofree char *script = g_strdup_printf ("cut %" G_GSIZE_FORMAT "%s\n%s", n, reset ? " rst" : "", fine);

        send_batch (script, 0, ext, reset, 3, "1");
      }
}

/* Several connections: one of them is cut, the first or one that came after it, and what it carried goes to the others or is told truly. */
static void
test_lanes (gconstpointer data)
{
  guint which = GPOINTER_TO_UINT (data), step = stride (3);
  const char *ext = "PIPELINING";
  g_autofree char *fine = g_strdup_printf ("ext %s\nhello\npause 2\nserve", ext);
  gsize size = 400; /* what one of three connections gets to hear, about */

  for (gsize n = 0; n < size; n += step)
    for (int reset = 0; reset < 2; reset++)
      {
        g_autofree char *script = g_strdup_printf ("cut %" G_GSIZE_FORMAT "%s\n%s", n, reset ? " rst" : "", fine);

        send_batch (script, which, ext, reset, BATCH_MAX, "3");
      }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (clear_settings); i++)
    {
      g_autofree char *output = g_strconcat ("/DAT-8/cut/", clear_settings[i].name, NULL);
      g_autofree char *input = g_strconcat ("/DAT-8/limit/", clear_settings[i].name, NULL);

      g_test_add_data_func (output, &clear_settings[i], test_cut_clear);
      g_test_add_data_func (input, &clear_settings[i], test_limit_clear);
    }
  fault_add_backends ("/DAT-8/cut", test_cut_tls);
  g_test_add_func ("/CFG-14/each-command", test_each_command);
  g_test_add_data_func ("/END-5/batch/off", "SIZE", test_batch);
  g_test_add_data_func ("/END-5/batch/pipelining", "PIPELINING", test_batch);
  g_test_add_data_func ("/END-5/lanes/first", GUINT_TO_POINTER (0), test_lanes);
  g_test_add_data_func ("/END-5/lanes/second", GUINT_TO_POINTER (1), test_lanes);
  return g_test_run ();
}
