/* SPDX-License-Identifier: MIT */
/*
 * How many round trips: through a relay that makes the way long, the time from connecting to the verdict, and from verdict to verdict, in units of the
 * way there and back.  What a machine does in between is small beside that; a busy one has up to five tries to show it, for nothing makes a way
 * shorter than it is.
 */
#include "delayrelay.h"
#include "fault.h"
#include "relayhost.h"

#define ONE_WAY    (20 * G_TIME_SPAN_MILLISECOND)
#define TRIES      5
#define ROUND_TRIP ((double) (2 * ONE_WAY))

typedef struct
{
  guint sent, told;
  gint64 last; /* when the latest verdict was told */
} Tally;

static void
done (VeredaSender *sender, VeredaMessage *message, VeredaResult *result, gpointer user_data)
{
  Tally *tally = user_data;

  tally->told++;
  tally->sent += vereda_result_get_verdict (result) == VEREDA_SENT;
  tally->last = g_get_monotonic_time ();
  if (vereda_result_get_error (result) != NULL)
    g_test_message ("%s", vereda_result_get_error (result)->message);
}

/* Round trips until the last of `n` messages has its verdict: all are sent. */
static double
trips (VeredaOptions *options, guint16 port, guint n, guint recipients)
{
  g_autofree char *server = g_strdup_printf ("127.0.0.1:%u", port);
  g_autoptr (VeredaSender) sender = NULL;
  Tally tally = { 0 };
  gint64 began;

  kit_set (options, "servers", server);
  sender = kit_sender_new (options);
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *text
          = g_strdup_printf ("From: m%u@example.test\r\nTo: b@example.test%s\r\nSubject: %u\r\n\r\n%0900u\r\n", i,
                             recipients > 1 ? ", c@example.test" : "", i, i);

      vereda_result_unref (kit_submit_text (sender, text, done, &tally));
    }
  began = g_get_monotonic_time ();
  vereda_sender_run (sender);
  g_assert_cmpuint (tally.told, ==, n);
  g_assert_cmpuint (tally.sent, ==, n);
  return (double) (tally.last - began) / ROUND_TRIP;
}

/* ---- further messages ---- */

typedef struct
{
  const char *name, *level;
  guint messages, recipients;
  double bar, bound; /* round trips for each message more: what is aimed at, what is asserted */
} Batch;

static const Batch batches[] = {
  { "auto", "auto", 20, 1, 1.05, 1.25 },       { "auto-all-of-two", "auto", 10, 2, 2.05, 2.35 },
  { "window", "window", 200, 1, 0.05, 0.075 }, { "window-all-of-two", "window", 20, 2, 1.05, 1.35 },
  { "off", "off", 8, 1, 4.05, 4.5 },
};

static double
batch_trips (const Batch *batch, guint n)
{
  static const KitRelayRules rules = { 0 };
  KitRelayTruth truth = { 0 };
  g_autoptr (KitHost) host = kit_host_new (&rules, &truth, G_MAXUINT64, G_MAXUINT64, FALSE, 0);
  g_autoptr (KitDelay) delay = kit_delay_new (kit_host_port (host), ONE_WAY);
  g_autoptr (Fault) fault = fault_new_bare ();

  fault_set (fault, "tls", "never");
  fault_set (fault, "pipelining", batch->level);
  return trips (fault->options, kit_delay_port (delay), n, batch->recipients);
}

static void
test_further (gconstpointer data)
{
  const Batch *batch = data;
  double one = 0, each = G_MAXDOUBLE;

  for (guint i = 0; i < TRIES && each >= batch->bound; i++)
    {
      one = batch_trips (batch, 1);
      each = (batch_trips (batch, batch->messages + 1) - one) / batch->messages;
    }
  g_test_message ("%s: one message %.2f round trips, each of %u more %.3f (aim %.2f)", batch->name, one, batch->messages, each,
                  batch->bar);
  g_assert_cmpfloat (each, <, batch->bound);
}

/* ---- the first message (standards' table of round trips) ---- */

typedef struct
{
  const char *name, *script, *tls;
  gboolean auth;
  guint recipients;
  const char *set;
  double formula;
} First;

static const First firsts[] = {
  { "plain", "ext PIPELINING\nhello\nserve", NULL, FALSE, 1, NULL, 5 },
  { "plain+PLAIN", "ext PIPELINING;AUTH PLAIN\nhello\nserve", NULL, TRUE, 1, NULL, 6 },
  { "plain+PLAIN-ahead-BDAT", "ext PIPELINING;CHUNKING;AUTH PLAIN\nhello\nserve", NULL, TRUE, 1, "auth-pipelining", 5 },
  { "plain+PLAIN-ahead-DATA", "ext PIPELINING;AUTH PLAIN\nhello\nserve", NULL, TRUE, 2, "auth-pipelining", 6 },
  { "starttls+PLAIN", "ext STARTTLS;PIPELINING\nhello\nstarttls good\next AUTH PLAIN;PIPELINING\nserve", "starttls", TRUE, 1,
    NULL, 9 },
  { "implicit+PLAIN", "tls good\next AUTH PLAIN;PIPELINING\nhello\nserve", "implicit", TRUE, 1, NULL, 7 },
  { "implicit", "tls good\next PIPELINING\nhello\nserve", "implicit", FALSE, 1, NULL, 6 },
  { "all-of-two-DATA", "ext PIPELINING\nhello\nserve", NULL, FALSE, 2, NULL, 6 },
  { "all-of-two-BDAT", "ext PIPELINING;CHUNKING\nhello\nserve", NULL, FALSE, 2, NULL, 5 },
};

static double
first_trips (const First *first, const char *backend)
{
  g_autoptr (KitScript) server = kit_script_new (first->script, NULL);
  g_autoptr (KitDelay) delay = kit_delay_new (kit_script_port (server), ONE_WAY);
  g_autoptr (Fault) fault = fault_new_bare ();

  if (first->tls != NULL)
    fault_tls (fault, first->tls, backend);
  else
    fault_set (fault, "tls", "never");
  if (first->auth)
    {
      fault_credentials (fault);
      fault_set (fault, "auth", "PLAIN");
      if (first->tls == NULL)
        fault_set (fault, "insecure-cleartext-auth", "yes");
    }
  if (first->set != NULL)
    fault_set (fault, first->set, "yes");
  return trips (fault->options, kit_delay_port (delay), 1, first->recipients);
}

static void
first_with (const First *first, const char *backend)
{
  double needed = G_MAXDOUBLE;

  for (guint i = 0; i < TRIES && needed >= first->formula + 0.8; i++)
    needed = MIN (needed, first_trips (first, backend));
  g_test_message ("%s%s%s: %.2f round trips, the formula says %.0f", first->name, backend != NULL ? " " : "",
                  backend != NULL ? backend : "", needed, first->formula);
  g_assert_cmpfloat (needed, <, first->formula + 0.8);
  g_assert_cmpfloat (needed, >, first->formula - 0.2);
}

static void
test_first (gconstpointer data)
{
  const First *first = data;

  if (first->tls == NULL)
    first_with (first, NULL);
  for (const char *const *backend = fault_backends (); first->tls != NULL && *backend != NULL; backend++)
    first_with (first, *backend);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (batches); i++)
    {
      g_autofree char *path = g_strdup_printf ("/trips/further/%s", batches[i].name);

      g_test_add_data_func (path, &batches[i], test_further);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (firsts); i++)
    {
      g_autofree char *path = g_strdup_printf ("/trips/first/%s", firsts[i].name);

      g_test_add_data_func (path, &firsts[i], test_first);
    }
  return g_test_run ();
}
