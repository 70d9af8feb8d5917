/* SPDX-License-Identifier: MIT */
/* checks - the `expect` lines of a dialogue.  See README.md. */
#include <stdlib.h>
#include <string.h>

#include "world.h"

#include "core/base/error.h"

static const char *const error_names[] = {
  [VEREDA_ERROR_OPTION] = "option",
  [VEREDA_ERROR_ADDRESS] = "address",
  [VEREDA_ERROR_MESSAGE] = "message",
  [VEREDA_ERROR_SOURCE] = "source",
  [VEREDA_ERROR_PLUGIN] = "plugin",
  [VEREDA_ERROR_POLICY] = "policy",
  [VEREDA_ERROR_RESOLVE] = "resolve",
  [VEREDA_ERROR_NO_HOST] = "no-host",
  [VEREDA_ERROR_CONNECT] = "connect",
  [VEREDA_ERROR_GREETING] = "greeting",
  [VEREDA_ERROR_EHLO] = "ehlo",
  [VEREDA_ERROR_TLS] = "tls",
  [VEREDA_ERROR_CERTIFICATE] = "certificate",
  [VEREDA_ERROR_TLS_MODE] = "tls-mode",
  [VEREDA_ERROR_EHLO_TLS] = "ehlo-tls",
  [VEREDA_ERROR_AUTH] = "auth",
  [VEREDA_ERROR_MAIL] = "mail",
  [VEREDA_ERROR_RECIPIENTS] = "recipients",
  [VEREDA_ERROR_DATA] = "data",
  [VEREDA_ERROR_CONTENT] = "content",
  [VEREDA_ERROR_PROTOCOL] = "protocol",
  [VEREDA_ERROR_CLOSED] = "closed",
  [VEREDA_ERROR_TIMEOUT] = "timeout",
  [VEREDA_ERROR_CANCELLED] = "cancelled",
  [VEREDA_ERROR_UNKNOWN_OUTCOME] = "unknown-outcome",
  [VEREDA_ERROR_INTERNAL] = "internal",
};

static const char *
error_name (const GError *error)
{
  if (error == NULL)
    return "none";
  if (error->domain != VEREDA_ERROR || error->code < 0 || (gsize) error->code >= G_N_ELEMENTS (error_names)
      || error_names[error->code] == NULL)
    return "foreign";
  return error_names[error->code];
}

static gboolean
same (World *world, const char *what, const char *got, const char *wanted)
{
  return g_strcmp0 (got, wanted) == 0 || world_complain (world, "%s is %s", what, got);
}

/* Word `n` is a name of an error, the next (if any) part of its message. */
static gboolean
check_error (World *world, const Item *item, guint n, const GError *error)
{
  const char *part = item_word (item, n + 1);
  if (g_strcmp0 (error_name (error), item_word (item, n)) != 0)
    return world_complain (world, "the error is %s (%s)", error_name (error), error == NULL ? "" : error->message);
  return part == NULL || error == NULL || strstr (error->message, part) != NULL
         || world_complain (world, "the error says \"%s\"", error->message);
}

/* Words from `n` on: a code, perhaps an enhanced code, perhaps part of the text; or "none". */
static gboolean
check_reply (World *world, const Item *item, guint n, VdReply *reply)
{
  const char *code = item_word (item, n);
  g_autofree char *brief = reply == NULL ? g_strdup ("none") : vd_reply_brief (reply);
  if (g_strcmp0 (code, "none") == 0)
    return reply == NULL || world_complain (world, "the reply is %s", brief);
  if (reply == NULL || code == NULL || atoi (code) != (int) reply->code)
    return world_complain (world, "the reply is %s", brief);
  g_autofree char *enhanced = vd_reply_enhanced_text (reply);
  g_autofree char *text = vd_reply_text (reply);
  for (guint i = n + 1; item_word (item, i) != NULL; i++)
    if (g_strcmp0 (item_word (item, i), enhanced) != 0 && strstr (text, item_word (item, i)) == NULL)
      return world_complain (world, "the reply is %s", brief);
  return TRUE;
}

static gboolean
expect_need (World *world, const Item *item)
{
  static const char *const names[] = { "nothing", "handshake", "tls-decision", "mechanism", "credential", "close" };
  return same (world, "what the session needs", names[vd_session_need (world->session)], item_word (item, 2));
}

static gboolean
expect_close (World *world, const Item *item)
{
  return vd_session_need (world->session) == VD_NEED_CLOSE || world_complain (world, "the session does not close here");
}

static gboolean
expect_error (World *world, const Item *item)
{
  world->error_seen = TRUE;
  return check_error (world, item, 2, vd_session_error (world->session));
}

static gboolean
expect_error_reply (World *world, const Item *item)
{
  return check_reply (world, item, 2, vd_session_error_reply (world->session));
}

static gboolean
expect_stage (World *world, const Item *item)
{
  return same (world, "the stage", vd_step_name (vd_session_stage (world->session)), item_word (item, 2));
}

/* `expect verdict sent`; anything but pending needs the message to have been given back. */
static gboolean
expect_verdict (World *world, const Item *item)
{
  static const char *const names[] = { "pending", "not-sent", "sent", "unknown" };
  if (world->about == NULL)
    return world_complain (world, "there is no message");
  VdOutcome outcome = world->about->txn->outcome;
  world->about->judged = TRUE;
  if (outcome != VD_OUTCOME_PENDING && !world->about->finished)
    return world_complain (world, "the message has a verdict and was not given back");
  return same (world, "the verdict", names[outcome], item_word (item, 2));
}

static gboolean
expect_failure (World *world, const Item *item)
{
  return check_error (world, item, 2, world->about->txn->error);
}

/* `expect rcpt 2 accepted|refused|unanswered [CODE …]` */
static gboolean
expect_rcpt (World *world, const Item *item)
{
  const VdTransaction *txn = world->about->txn;
  int n = item_word (item, 2) == NULL ? 0 : atoi (item_word (item, 2));
  if (n < 1 || (guint) n > txn->n_recipients)
    return world_complain (world, "there is no recipient %d", n);
  const VdTxnRecipient *recipient = &txn->recipients[n - 1];
  const char *state = recipient->reply == NULL ? "unanswered" : recipient->accepted ? "accepted" : "refused";
  if (!same (world, "the recipient", state, item_word (item, 3)))
    return FALSE;
  return item_word (item, 4) == NULL || check_reply (world, item, 4, recipient->reply);
}

static gboolean
expect_rcpt_final (World *world, const Item *item)
{
  const VdTransaction *txn = world->about->txn;
  int n = item_word (item, 2) == NULL ? 0 : atoi (item_word (item, 2));
  if (n < 1 || (guint) n > txn->n_recipients)
    return world_complain (world, "there is no recipient %d", n);
  return check_reply (world, item, 3, ((const VdTxnRecipient *) &txn->recipients[n - 1])->final);
}

/* `expect permanent 1 yes [size]`: RCP-6. */
static gboolean
expect_permanent (World *world, const Item *item)
{
  int n = item_word (item, 2) == NULL ? 0 : atoi (item_word (item, 2));
  const VdTransaction *txn = world->about->txn;
  const VdTxnRecipient *recipient = n < 1 || (guint) n > txn->n_recipients ? NULL : &txn->recipients[n - 1];
  if (recipient == NULL || recipient->reply == NULL)
    return world_complain (world, "there is no reply for recipient %d", n);
  gboolean permanent = vd_transaction_is_permanent (recipient->reply, item_word (item, 4) != NULL);
  return same (world, "permanent", permanent ? "yes" : "no", item_word (item, 3));
}

static gboolean
expect_mail (World *world, const Item *item)
{
  return check_reply (world, item, 2, world->about->txn->mail_reply);
}

static gboolean
expect_data (World *world, const Item *item)
{
  return check_reply (world, item, 2, world->about->txn->data_reply);
}

static gboolean
expect_final (World *world, const Item *item)
{
  return check_reply (world, item, 2, world->about->txn->final_reply);
}

static gboolean
expect_greeting (World *world, const Item *item)
{
  return check_reply (world, item, 2, vd_session_greeting (world->session));
}

/* `expect auth 1 PLAIN ok` or `… first|next|stronger|stop [CODE]` */
static gboolean
expect_auth (World *world, const Item *item)
{
  static const char *const advices[] = { "first", "next", "stronger", "stop" };
  const GPtrArray *attempts = vd_session_auth_attempts (world->session);
  int n = item_word (item, 2) == NULL ? 0 : atoi (item_word (item, 2));
  if (n < 1 || (guint) n > attempts->len)
    return world_complain (world, "there were %u attempts", attempts->len);
  const VdAuthAttempt *attempt = attempts->pdata[n - 1];
  if (!same (world, "the mechanism", attempt->mechanism, item_word (item, 3))
      || !same (world, "the advice", attempt->succeeded ? "ok" : advices[attempt->advice], item_word (item, 4)))
    return FALSE;
  return item_word (item, 5) == NULL || check_reply (world, item, 5, attempt->reply);
}

static gboolean
expect_auth_attempts (World *world, const Item *item)
{
  g_autofree char *n = g_strdup_printf ("%u", vd_session_auth_attempts (world->session)->len);
  return same (world, "the number of attempts", n, item_word (item, 2));
}

static char *
join_words (const Item *item, guint from)
{
  GString *text = g_string_new (NULL);
  for (guint i = from; item_word (item, i) != NULL; i++)
    g_string_append_printf (text, "%s%s", i == from ? "" : " ", item_word (item, i));
  return g_string_free (text, FALSE);
}

/* All that the latest EHLO offers, in the library's order; nothing else. */
static gboolean
expect_extensions (World *world, const Item *item)
{
  g_autoptr (GString) got = g_string_new (NULL);
  for (guint i = 0; i < VD_EXT_N; i++)
    if (vd_ehlo_has (vd_session_ehlo (world->session), i))
      g_string_append_printf (got, "%s%s", got->len > 0 ? " " : "", vd_extension_name (i));
  g_autofree char *wanted = join_words (item, 2);
  return same (world, "the list of extensions", got->str, wanted);
}

static gboolean
expect_mechanisms (World *world, const Item *item)
{
  const VdEhlo *ehlo = vd_session_ehlo (world->session);
  g_autofree char *got = ehlo == NULL ? g_strdup ("") : g_strjoinv (" ", ehlo->mechanisms);
  g_autofree char *wanted = join_words (item, 2);
  return same (world, "the list of mechanisms", got, wanted);
}

static gboolean
expect_state (World *world, const Item *item)
{
  const char *wanted = item_word (item, 1);
  gboolean is = strcmp (wanted, "idle") == 0     ? vd_session_is_idle (world->session)
                : strcmp (wanted, "ready") == 0  ? vd_session_is_ready (world->session)
                : strcmp (wanted, "secure") == 0 ? vd_session_is_secure (world->session)
                : strcmp (wanted, "queued") == 0 ? vd_session_queue_asked (world->session)
                                                 : vd_session_bdat_refused (world->session);
  const char *answer = item_word (item, 2);
  return same (world, wanted, is ? "yes" : "no", answer == NULL ? "yes" : answer);
}

static gboolean
expect_tls_problem (World *world, const Item *item)
{
  VdReply *reply = NULL;
  if (vd_session_need (world->session) != VD_NEED_TLS_DECISION)
    return world_complain (world, "no decision about TLS is needed");
  VdTlsProblem problem = vd_session_tls_problem (world->session, &reply);
  if (!same (world, "the problem", problem == VD_TLS_REFUSED ? "refused" : "not-offered", item_word (item, 2)))
    return FALSE;
  return item_word (item, 3) == NULL || check_reply (world, item, 3, reply);
}

static gboolean
expect_trace (World *world, const Item *item)
{
  return strstr (world->trace->str, item_word (item, 2)) != NULL
         || world_complain (world, "the trace is\n%s", world->trace->str);
}

/* `expect deadline 300` or `none` */
static gboolean
expect_deadline (World *world, const Item *item)
{
  gint64 deadline = vd_session_deadline (world->session);
  g_autofree char *got = deadline == G_MAXINT64
                             ? g_strdup ("none")
                             : g_strdup_printf ("%" G_GINT64_FORMAT, (deadline - world->now) / G_USEC_PER_SEC);
  return same (world, "the deadline", got, item_word (item, 2));
}

gboolean
world_expect (World *world, const Item *item)
{
  static const struct
  {
    const char *what;
    gboolean (*check) (World *world, const Item *item);
    guint words;      /* at least so many on the line */
    gboolean message; /* concerns a message */
  } rows[] = {
    { "need", expect_need, 3 },
    { "close", expect_close, 2 },
    { "error", expect_error, 3 },
    { "error-reply", expect_error_reply, 3 },
    { "stage", expect_stage, 3 },
    { "verdict", expect_verdict, 3, TRUE },
    { "failure", expect_failure, 3, TRUE },
    { "rcpt", expect_rcpt, 4, TRUE },
    { "rcpt-final", expect_rcpt_final, 4, TRUE },
    { "permanent", expect_permanent, 4, TRUE },
    { "mail", expect_mail, 3, TRUE },
    { "data", expect_data, 3, TRUE },
    { "final", expect_final, 3, TRUE },
    { "greeting", expect_greeting, 3 },
    { "auth", expect_auth, 5 },
    { "auth-attempts", expect_auth_attempts, 3 },
    { "extensions", expect_extensions, 2 },
    { "mechanisms", expect_mechanisms, 2 },
    { "idle", expect_state, 2 },
    { "ready", expect_state, 2 },
    { "secure", expect_state, 2 },
    { "queued", expect_state, 2 },
    { "bdat-refused", expect_state, 2 },
    { "tls-problem", expect_tls_problem, 3 },
    { "trace", expect_trace, 3 },
    { "deadline", expect_deadline, 3 },
  };
  const char *what = item_word (item, 1);
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if (g_strcmp0 (what, rows[i].what) == 0)
      {
        if (item->words->len < rows[i].words || (rows[i].message && world->about == NULL))
          return world_complain (world, "'expect %s' lacks something", what);
        return rows[i].check (world, item);
      }
  return world_complain (world, "nobody knows 'expect %s'", what);
}
