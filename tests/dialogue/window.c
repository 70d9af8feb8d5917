/* SPDX-License-Identifier: MIT */
/*
 * The window under fire: a batch of fifty messages through sessions and model servers, the connection ending after each octet that the server heard, and
 * after each that it said, with refusals, with servers that are strict, that are broken, that go away; what may move goes over a second session to
 * a second server.
 *
 * Each time, against what the servers accepted: a message called sent was accepted exactly once; one called not sent, by nobody; of one called
 * unknown the end was handed over and the answer had not come; none was accepted twice; a refusal is the refusal of that message.
 *
 * VEREDA_WINDOW_STRIDE=N looks at each N-th octet; 1: every one, in all variants.  Without it the first two are looked at octet by octet, the others
 * at each seventh.
 */
#include <stdlib.h>
#include <string.h>
#include <vereda/error.h>

#include "core/smtp/output.h"
#include "core/smtp/session.h"
#include "relaymodel.h"

#define MESSAGES 50
#define NOW      ((gint64) 1000 * G_USEC_PER_SEC)
#define NO_CUT   G_MAXUINT64

typedef struct
{
  const char *name;
  KitRelayRules rules;
  gboolean careful; /* looked at octet by octet also in a hurry */
  gboolean broken;  /* a server out of step: more is unknown, nothing may be wrong */
} Variant;

static const Variant variants[] = {
  { "good", { 0 }, TRUE, FALSE },
  { "refusals", { .mail = 11, .rcpt = 7, .chunk = 9 }, TRUE, FALSE },
  { "strict", { .strict = TRUE, .rcpt = 17, .chunk = 9 }, FALSE, FALSE },
  { "goes-away", { .closing = 23, .rcpt = 7 }, FALSE, FALSE },
  { "vanishes", { .gone = 31 }, FALSE, FALSE },
  { "no-bdat", { .no_bdat = TRUE }, FALSE, FALSE },
  { "not-offered", { .no_chunking = TRUE, .rcpt = 7 }, FALSE, FALSE },
  { "no-pipelining", { .no_pipelining = TRUE, .chunk = 9 }, FALSE, FALSE },
  { "reads-on-recipients", { .reads_on = TRUE, .rcpt = 19 }, FALSE, TRUE },
  { "reads-on-chunks", { .reads_on = TRUE, .chunk = 19 }, FALSE, TRUE },
};

static const KitRelayRules second_rules = { .no_chunking = TRUE };

typedef struct
{
  VdTransaction *txn; /* of the last attempt */
  guint attempts;
  gboolean moves; /* another connection is to have it */
  guint64 end_at; /* what the first server knows of it */
  guint64 reply_at;
} Message;

static const char body[] = "Subject: x\r\n\r\nhello\r\n";

static VdBody *
open_body (VdTransaction *txn, VdBodyMode mode, gpointer data, GError **error)
{
  static const VdBodyPolicy policy = { FALSE, FALSE };
  g_autoptr (GBytes) bytes = g_bytes_new_static (body, sizeof body - 1);
  g_autoptr (VdSource) source = vd_source_new_bytes (bytes);
  VdReader *reader = vd_source_prepare (source, error) ? vd_source_open (source, 0, error) : NULL;

  return reader != NULL ? vd_body_new (mode, &policy, NULL, reader, NULL) : NULL;
}

static void
begin (Message *message, guint n, VdSession *session)
{
  g_autofree char *path = g_strdup_printf ("m%u@example.org", n);

  vd_transaction_free (message->txn);
  message->txn = vd_transaction_new (g_intern_string (path), FALSE);
  vd_transaction_add_recipient (message->txn, "b@example.net", FALSE);
  message->txn->size = sizeof body - 1;
  message->txn->open_content = open_body;
  message->txn->data = message;
  message->attempts++;
  message->moves = FALSE;
  vd_session_submit (session, message->txn);
}

static VdSession *
new_session (VdPipelining level)
{
  VdSessionConfig config = {
    .client = "client.example.org",
    .server = "relay",
    .level = level,
    .chunking = TRUE,
    .window_first = 1,
    .window_messages = 20,
    .window_octets = 3000,
  };

  for (guint i = 0; i < VD_TIMEOUT_N; i++)
    config.timeouts[i] = 60 * G_USEC_PER_SEC;
  return vd_session_new (&config, NOW);
}

/* Octets of the client to the server, at most `room`. */
static gsize
client_speaks (VdSession *session, KitRelay *relay, guint64 room)
{
  VeredaSpan spans[VD_OUTPUT_SPANS + 2];
  gsize n = vd_session_output (session, spans, G_N_ELEMENTS (spans)), taken = 0;

  for (gsize i = 0; i < n && taken < room; i++)
    {
      gsize size = (gsize) MIN (spans[i].size, room - taken);

      kit_relay_feed (relay, spans[i].data, size);
      taken += size;
    }
  if (taken > 0)
    vd_session_wrote (session, taken, NOW);
  return taken;
}

/* Until the session is over.  `hears` and `says`: octets of the server's ear and mouth after which the connection ends. */
static void
converse (VdSession *session, KitRelay *relay, guint64 hears, guint64 says, gsize piece)
{
  guint64 heard = 0, said = 0;

  while (vd_session_need (session) != VD_NEED_CLOSE)
    {
      gsize spoken = client_speaks (session, relay, MIN (piece, hears - heard));
      guint64 answer = MIN (MIN (piece, relay->out->len - said), says - said);

      heard += spoken;
      if (answer > 0)
        vd_session_feed (session, relay->out->data + said, (gsize) answer, NOW);
      said += answer;
      if (vd_session_need (session) == VD_NEED_CLOSE)
        break;
      if (said == says || ((heard == hears || relay->closed) && said == relay->out->len))
        vd_session_feed_end (session, NULL, NOW);
      else
        g_assert_true (spoken + answer > 0); /* nobody waits for ever */
    }
}

static void
collect (VdSession *session)
{
  VdTransaction *txn;

  while ((txn = vd_session_take_finished (session)) != NULL)
    {
      Message *message = txn->data;

      g_assert_true (message->txn == txn);
      g_assert_cmpint (txn->outcome, !=, VD_OUTCOME_PENDING);
      message->moves
          = txn->settled && txn->outcome == VD_OUTCOME_NOT_SENT && (txn->may_move || vd_session_bdat_refused (session));
    }
}

static void
check (const Variant *variant, const KitRelayTruth *truth, const Message *messages, guint64 hears, guint64 says)
{
  for (guint n = 0; n < MESSAGES; n++)
    {
      const Message *message = &messages[n];
      const VdTransaction *txn = message->txn;
      const VdTxnRecipient *recipient = &txn->recipients[0];
      guint accepted = truth->accepted[n];
      const char *wrong = NULL;

      if (txn->outcome == VD_OUTCOME_PENDING || message->moves)
        wrong = "it has no verdict";
      else if (accepted > 1)
        wrong = "it was accepted twice";
      else if (txn->outcome == VD_OUTCOME_SENT && accepted != 1)
        wrong = "it is called sent and nobody has it";
      else if (txn->outcome == VD_OUTCOME_NOT_SENT && accepted != 0)
        wrong = "it is called not sent and somebody has it";
      else if (txn->outcome == VD_OUTCOME_UNKNOWN && !variant->broken
               && (message->attempts > 1 || message->end_at == 0 || message->reply_at <= MIN (says, G_MAXUINT64 - 1)))
        wrong = "it is called unknown, and one could know";
      else if (txn->outcome == VD_OUTCOME_NOT_SENT && !variant->broken
               && !(txn->mail_reply != NULL && kit_relay_refuses_mail (&variant->rules, n))
               && !(recipient->reply != NULL && !recipient->accepted && kit_relay_refuses_rcpt (&variant->rules, n))
               && !(txn->final_reply != NULL
                    && (txn->final_reply->code == 421 || kit_relay_refuses_chunk (&variant->rules, n))))
        wrong = "it is called not sent for no reason of its own";
      if (wrong != NULL)
        g_error ("%s, the server heard %" G_GUINT64_FORMAT " and said %" G_GUINT64_FORMAT
                 ": message %u: %s (%u attempts, heard whole at %" G_GUINT64_FORMAT ", answered at %" G_GUINT64_FORMAT ", %s)",
                 variant->name, hears, says, n, wrong, message->attempts, message->end_at, message->reply_at,
                 txn->error != NULL ? txn->error->message : "no error");
    }
}

typedef struct
{
  guint64 heard, said; /* of the first server */
  guint ahead;         /* BDAT commands in one go, at most */
  guint outcomes[4];
} Course;

static Course
run (const Variant *variant, guint64 hears, guint64 says, gsize piece)
{
  KitRelayTruth truth = { 0 };
  Message messages[MESSAGES] = { 0 };
  Course course = { 0 };
  KitRelay *relay = kit_relay_new (&variant->rules, &truth);
  VdSession *session = new_session (VD_PIPELINING_WINDOW);
  gboolean any = FALSE;

  for (guint n = 0; n < MESSAGES; n++)
    begin (&messages[n], n, session);
  vd_session_finish (session, NOW);
  converse (session, relay, hears, says, piece);
  collect (session);
  for (guint n = 0; n < MESSAGES; n++)
    {
      /* What comes after it went away a server does not hear, and the client cannot know that. */
      messages[n].end_at = relay->end_at[n] == 0 && relay->closed ? relay->in : relay->end_at[n];
      messages[n].reply_at = relay->reply_at[n] == 0 && relay->closed ? G_MAXUINT64 : relay->reply_at[n];
      any |= messages[n].moves;
    }
  course.heard = relay->in;
  course.said = relay->out->len;
  course.ahead = relay->ahead;
  if (g_getenv ("VEREDA_WINDOW_SHOW") != NULL)
    g_printerr ("--- the server said\n%.*s", (int) relay->out->len, (const char *) relay->out->data);
  vd_session_free (session);
  kit_relay_free (relay);

  if (any)
    {
      relay = kit_relay_new (&second_rules, &truth);
      session = new_session (VD_PIPELINING_AUTO);
      for (guint n = 0; n < MESSAGES; n++)
        if (messages[n].moves)
          begin (&messages[n], n, session);
      vd_session_finish (session, NOW);
      converse (session, relay, NO_CUT, NO_CUT, G_MAXSIZE);
      collect (session);
      vd_session_free (session);
      kit_relay_free (relay);
    }
  check (variant, &truth, messages, hears, says);
  for (guint n = 0; n < MESSAGES; n++)
    {
      course.outcomes[messages[n].txn->outcome]++;
      vd_transaction_free (messages[n].txn);
    }
  return course;
}

static guint64
stride (const Variant *variant)
{
  const char *value = g_getenv ("VEREDA_WINDOW_STRIDE");

  return value != NULL ? (guint64) MAX (1, atoi (value)) : variant->careful ? 1 : 7;
}

static void
test_whole (gconstpointer data)
{
  const Variant *variant = data;
  Course course = run (variant, NO_CUT, NO_CUT, G_MAXSIZE);

  run (variant, NO_CUT, NO_CUT, 1); /* slow drip, in both directions */
  run (variant, NO_CUT, NO_CUT, 13);
  g_test_message ("%s: sent %u, not sent %u, unknown %u; %u ahead", variant->name, course.outcomes[VD_OUTCOME_SENT],
                  course.outcomes[VD_OUTCOME_NOT_SENT], course.outcomes[VD_OUTCOME_UNKNOWN], course.ahead);
  if (!variant->broken && variant->rules.gone == 0 && variant->rules.closing == 0)
    g_assert_cmpuint (course.outcomes[VD_OUTCOME_UNKNOWN], ==, 0);
  if (strcmp (variant->name, "good") == 0 || strcmp (variant->name, "refusals") == 0)
    g_assert_cmpuint (course.ahead, >=, 16); /* the window was open */
}

static void
test_cuts (gconstpointer data, gboolean ear)
{
  const Variant *variant = data;
  Course whole = run (variant, NO_CUT, NO_CUT, G_MAXSIZE);
  guint64 size = ear ? whole.heard : whole.said;
  guint outcomes[4] = { 0 };

  for (guint64 at = 0; at < size; at += stride (variant))
    {
      Course course = run (variant, ear ? at : NO_CUT, ear ? NO_CUT : at, G_MAXSIZE);

      for (guint i = 0; i < 4; i++)
        outcomes[i] += course.outcomes[i];
    }
  g_test_message ("%s: %" G_GUINT64_FORMAT " octets: sent %u, not sent %u, unknown %u", variant->name, size,
                  outcomes[VD_OUTCOME_SENT], outcomes[VD_OUTCOME_NOT_SENT], outcomes[VD_OUTCOME_UNKNOWN]);
  g_assert_cmpuint (outcomes[VD_OUTCOME_SENT], >, 0);
  if (!ear)
    g_assert_cmpuint (outcomes[VD_OUTCOME_UNKNOWN], >, 0); /* else the cuts were not where they should be */
}

static void
test_heard (gconstpointer data)
{
  test_cuts (data, TRUE);
}

static void
test_said (gconstpointer data)
{
  test_cuts (data, FALSE);
}

/* Both directions at once, in pieces: heard here, said there. */
static void
test_both (gconstpointer data)
{
  const Variant *variant = data;
  Course whole = run (variant, NO_CUT, NO_CUT, G_MAXSIZE);

  for (guint64 at = 0; at < whole.heard; at += 61)
    run (variant, at, whole.said * ((at * 7) % 101) / 101, 1 + (gsize) (at % 97));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (variants); i++)
    {
      static const struct
      {
        const char *name;
        GTestDataFunc func;
      } kinds[] = { { "whole", test_whole }, { "heard", test_heard }, { "said", test_said }, { "both", test_both } };

      for (gsize k = 0; k < G_N_ELEMENTS (kinds); k++)
        {
          g_autofree char *path = g_strdup_printf ("/window/%s/%s", variants[i].name, kinds[k].name);

          g_test_add_data_func (path, &variants[i], kinds[k].func);
        }
    }
  return g_test_run ();
}
