/* SPDX-License-Identifier: MIT */
/*
 * Fuzzer of core/smtp/session: a server that says anything at any time, well-formed or not, over a network that takes and gives any number
 * of octets, for an owner who answers every need, in any order, or not at all.
 *
 * Input: eight octets of set-up, then a script: each octet says what happens, and how much.  Half of what the server says is made from what
 * is owed, so that the whole session is reached; the other half are the input's own octets.
 *
 * Judged by the observer, which reads what really left: no octet before its time, none after QUIT or in the wrong layer, content only where it
 * was granted, each message said at most once, and the verdict that follows from what the server heard and answered.  And here: every
 * message is given back once, a session always waits for something that ends, and it does end.
 */
#include "observer.h"

#include <string.h>

#include "core/base/error.h"
#include "core/smtp/output.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define BLOCK   1000
#define OTHERS  3000
#define ENDLESS ((gint64) 1 << 60)

typedef struct
{
  const uint8_t *data;
  size_t size, at;

  VdSession *session;
  VdSessionConfig config;
  Observer observer;
  gint64 now;
  GString *pending; /* the server's octets on their way */
  GString *trace;
  gboolean bursts; /* replies come together */
  gboolean finished;
  guint submitted, given_back;
  VdTransaction *mails[OBSERVER_MAILS];
  guint8 flags[OBSERVER_MAILS];
} Fuzz;

enum
{
  MAIL_ANY = 1 << 0,
  MAIL_UTF8_RCPT = 1 << 1,
  MAIL_EIGHT_BIT = 1 << 2,
  MAIL_CHANGED = 1 << 3, /* the source is not what it was */
  MAIL_EMPTY = 1 << 4,
  MAIL_LARGE = 1 << 5
};

static guint8
octet (Fuzz *fuzz)
{
  return fuzz->at < fuzz->size ? fuzz->data[fuzz->at++] : 0;
}

/* ---- messages ---- */

static const char *
text_of (guint8 flags)
{
  if (flags & MAIL_EMPTY)
    return "";
  return flags & MAIL_LARGE ? "Subject: large\r\n\r\n..\r\n.\r\nfirst\r\n.second\r\nthird\r\n" : "Subject: x\r\n\r\n.hello\r\n";
}

static VdBody *
open_content (VdTransaction *txn, VdBodyMode mode, gpointer data, GError **error)
{
  static const VdBodyPolicy policy = { FALSE, FALSE };
  const guint8 *flags = data;
  const char *text = *flags & MAIL_CHANGED ? "Subject: another\r\n\r\nand longer or not\r\n" : text_of (*flags);
  g_autoptr (GBytes) bytes = g_bytes_new_static (text, strlen (text));
  g_autoptr (VdSource) source = vd_source_new_bytes (bytes);
  VdBody *body = vd_body_new (mode, &policy, NULL, vd_source_open (source, 0, NULL), NULL);

  vd_body_expect (body, txn->size);
  return body;
}

static void
submit (Fuzz *fuzz)
{
  guint n = fuzz->submitted;
  char path[32];
  VdTransaction *txn;

  if (n == OBSERVER_MAILS || fuzz->finished)
    return;
  fuzz->flags[n] = octet (fuzz);
  g_snprintf (path, sizeof path, "m%u@example.org", n);
  txn = fuzz->mails[n] = vd_transaction_new (g_intern_string (path), FALSE);
  for (guint i = 0; i < 1u + (fuzz->flags[n] >> 6); i++)
    {
      gboolean utf8 = i == 1 && (fuzz->flags[n] & MAIL_UTF8_RCPT) != 0;

      vd_transaction_add_recipient (txn, utf8 ? "j\xc3\xb6@example.net" : "b@example.net", utf8);
    }
  txn->commit = fuzz->flags[n] & MAIL_ANY ? VD_COMMIT_ANY : VD_COMMIT_ALL;
  txn->size = strlen (text_of (fuzz->flags[n]));
  txn->eight_bit = (fuzz->flags[n] & MAIL_EIGHT_BIT) != 0;
  txn->open_content = open_content;
  txn->data = &fuzz->flags[n];
  fuzz->submitted++;
  vd_session_submit (fuzz->session, txn);
}

/* ---- a mechanism that does what the challenge says ---- */

static gboolean satisfied; /* the last step was its last */

static VeredaStep
step (VeredaAuth *auth, const VeredaSpan *challenge, GByteArray *response, GError **error)
{
  guint8 what = challenge != NULL && challenge->size > 0 ? *(const guint8 *) challenge->data : 'd';

  satisfied = FALSE;
  if (what == 'f' || what == 'p')
    {
      g_set_error (error, VEREDA_AUTH_ERROR, what == 'p' ? VEREDA_AUTH_ERROR_SERVER : VEREDA_AUTH_ERROR_PROTOCOL,
                   "as it was told");
      return VEREDA_STEP_FAILED;
    }
  if (what == 'w')
    return VEREDA_STEP_WAIT;
  if (what != 'e')
    g_byte_array_append (response, (const guint8 *) "tanstaaf-Zephyr-7731", 20);
  if (what == 'l')
    g_byte_array_set_size (response, 600);
  satisfied = what != 'c';
  return what == 'c' ? VEREDA_STEP_CONTINUE : VEREDA_STEP_DONE;
}

static VeredaStep
step_waiting (VeredaAuth *auth, const VeredaSpan *challenge, GByteArray *response, GError **error)
{
  static guint calls;

  return ++calls % 2 == 0 ? VEREDA_STEP_WAIT : step (auth, challenge, response, error);
}

static VeredaStep
step_long (VeredaAuth *auth, const VeredaSpan *challenge, GByteArray *response, GError **error)
{
  VeredaSpan large = { "l", 1 };

  return step (auth, challenge != NULL ? challenge : &large, response, error);
}

#define MECH(text, bits, func)                                                                                                 \
  {                                                                                                                            \
    .struct_size = sizeof (VeredaMech), .instance_size = sizeof (VeredaAuth), .name = text, .flags = bits, .step = func        \
  }

static const VeredaMech mechs[] = {
  MECH ("FIRST", VEREDA_MECH_CLIENT_FIRST, step),
  MECH ("SECOND", 0, step),
  MECH ("LATER", VEREDA_MECH_CLIENT_FIRST, step_waiting),
  MECH ("LONG", VEREDA_MECH_CLIENT_FIRST, step_long),
};

static VeredaCredState
no_credential (gpointer data, VeredaCred kind, const char *hint, VeredaSpan *ret)
{
  return VEREDA_CRED_NONE;
}

/* ---- the owner ---- */

static void
decide_tls (Fuzz *fuzz, gboolean insecure)
{
  fuzz->observer.may_be_insecure |= insecure;
  vd_session_tls_decide (fuzz->session, insecure, fuzz->now);
}

static void
serve_need (Fuzz *fuzz, guint8 choice)
{
  VdSaslSource source = { NULL, no_credential, NULL };
  VdSaslFacts facts = { "mx", NULL, NULL, 0 };

  switch (vd_session_need (fuzz->session))
    {
    case VD_NEED_HANDSHAKE:
      if (fuzz->pending->len > 0 || choice % 8 == 0) /* the connection looks whether anything came before TLS */
        {
          vd_session_tls_failed (fuzz->session, g_error_new_literal (VEREDA_ERROR, VEREDA_ERROR_TLS, "handshake"));
          break;
        }
      observer_secured (&fuzz->observer);
      vd_session_tls_done (fuzz->session, fuzz->now);
      break;
    case VD_NEED_TLS_DECISION:
      decide_tls (fuzz, choice % 2 == 0);
      break;
    case VD_NEED_MECHANISM:
      satisfied = FALSE;
      if (choice % 4 == 0)
        vd_session_no_mechanism (fuzz->session, g_error_new_literal (VEREDA_ERROR, VEREDA_ERROR_AUTH, "none"), fuzz->now);
      else if (choice % 32 == 1)
        vd_session_leave_auth (fuzz->session, g_error_new_literal (VEREDA_ERROR, VEREDA_ERROR_AUTH, "enough"), fuzz->now);
      else
        vd_session_use_mechanism (fuzz->session, vd_sasl_new (&mechs[choice / 4 % 4], NULL, &source, &facts, NULL), fuzz->now);
      break;
    case VD_NEED_CREDENTIAL:
      vd_session_resume (fuzz->session, fuzz->now);
      break;
    case VD_NEED_NOTHING:
    case VD_NEED_CLOSE:
    default:
      break;
    }
}

/* Up to `most` octets leave. */
static gboolean
write_some (Fuzz *fuzz, gsize most)
{
  VeredaSpan spans[VD_OUTPUT_SPANS + 2];
  gsize n = vd_session_output (fuzz->session, spans, G_N_ELEMENTS (spans)), taken = 0;

  g_assert (n == 0 || vd_session_need (fuzz->session) != VD_NEED_CLOSE);
  for (gsize i = 0; i < n && taken < most; i++)
    {
      gsize size = MIN (spans[i].size, most - taken);

      observer_hears (&fuzz->observer, spans[i].data, size);
      taken += size;
    }
  if (taken > 0)
    vd_session_wrote (fuzz->session, taken, fuzz->now);
  return taken > 0;
}

static void
write_all (Fuzz *fuzz)
{
  while (write_some (fuzz, G_MAXSIZE))
    ;
}

static gboolean
is_over (Fuzz *fuzz)
{
  return vd_session_need (fuzz->session) == VD_NEED_CLOSE;
}

/* ---- the server ---- */

/* The replies in these octets, each before its effect is looked at. */
static void
give (Fuzz *fuzz, const char *octets, gsize size)
{
  while (size > 0 && !is_over (fuzz))
    {
      g_autoptr (VdReply) reply = NULL;
      g_autofree char *exact = NULL;
      gboolean asked = TRUE, sealed = fuzz->observer.tls_begun;
      gsize used = 0;
      VdReplyStatus status = vd_reply_parser_feed (fuzz->observer.replies, octets, size, &used, &reply, NULL);

      if (status == VD_REPLY_BROKEN)
        used = size;
      if (status == VD_REPLY_READY && !fuzz->observer.tls_begun)
        asked = observer_answers (&fuzz->observer, reply);
      exact = g_memdup2 (octets, used);
      vd_session_feed (fuzz->session, exact, used, fuzz->now);
      g_assert (!sealed || is_over (fuzz));                                    /* STL-4 */
      g_assert (!fuzz->observer.authenticated || satisfied || is_over (fuzz)); /* AUT-9 */
      g_assert (asked || is_over (fuzz));                                      /* RPL-13 */
      g_assert (status != VD_REPLY_BROKEN || is_over (fuzz));                  /* RPL-6 to RPL-10 */
      octets += used;
      size -= used;
    }
}

/* Several replies in one piece.  Where the session ended among them is not followed. */
static void
give_burst (Fuzz *fuzz, const char *octets, gsize size)
{
  g_autofree char *exact = g_memdup2 (octets, size);

  vd_session_feed (fuzz->session, exact, size, fuzz->now);
  while (size > 0 && !is_over (fuzz))
    {
      g_autoptr (VdReply) reply = NULL;
      gsize used = 0;

      if (vd_reply_parser_feed (fuzz->observer.replies, octets, size, &used, &reply, NULL) == VD_REPLY_READY)
        g_assert (observer_answers (&fuzz->observer, reply));
      octets += used;
      size -= used;
    }
}

static void
deliver (Fuzz *fuzz, gsize most)
{
  gsize size = MIN (most, fuzz->pending->len);

  if (size == 0)
    return;
  if (fuzz->bursts)
    give_burst (fuzz, fuzz->pending->str, size);
  else
    give (fuzz, fuzz->pending->str, size);
  g_string_erase (fuzz->pending, 0, (gssize) size);
}

static void
say_hello (Fuzz *fuzz, guint8 bits)
{
  static const char *const keywords[]
      = { "PIPELINING", "CHUNKING", "STARTTLS", "8BITMIME", "SMTPUTF8", "SIZE 40", "AUTH FIRST SECOND LATER LONG", "XQUE" };

  g_string_append (fuzz->pending, "250-mx\r\n");
  for (guint i = 0; i < G_N_ELEMENTS (keywords); i++)
    if (bits & 1u << i)
      g_string_append_printf (fuzz->pending, "250-%s\r\n", i == 5 && bits & 1 ? "SIZE" : keywords[i]);
  g_string_append (fuzz->pending, "250 ENHANCEDSTATUSCODES\r\n");
}

/* Something that may be said where `said` is owed, mostly the good. */
static void
say_answer (Fuzz *fuzz, Said said, guint8 choice)
{
  static const char *const odd[]
      = { "421 4.3.2 bye", "250 ok",          "354 go",      "550 5.1.1 no",  "451 4.3.0 later", "503 5.5.1 bad",
          "334 ",          "500 5.5.6 long?", "235 welcome", "299 well",      "221 bye",         "552 5.3.4 big",
          "220 go",        "501 what",        "534 weak",    "250-a\r\n250 b" };
  static const char *const good[] = {
    [SAID_GREETING] = "220 mx", [SAID_STARTTLS] = "220 go", [SAID_AUTH] = "235 ok",        [SAID_CANCEL] = "501 off",
    [SAID_QUED] = "250 ok",     [SAID_MAIL] = "250 ok",     [SAID_RCPT] = "250 ok",        [SAID_DATA] = "354 go",
    [SAID_END] = "250 mine",    [SAID_BDAT] = "250 ok",     [SAID_BDAT_LAST] = "250 mine", [SAID_RSET] = "250 ok",
    [SAID_QUIT] = "221 bye",
  };
  static const char *const challenges[]
      = { "", "Yw==", "ZQ==", "dw==", "Zg==", "cA==", "=", "bA==" }; /* "", c, e, w, f, p, wrong, l */

  if (choice >= 0xc0)
    g_string_append_printf (fuzz->pending, "%s\r\n", odd[choice % G_N_ELEMENTS (odd)]);
  else if (said == SAID_HELLO)
    say_hello (fuzz, octet (fuzz));
  else if (said == SAID_AUTH && choice >= 0x40)
    g_string_append_printf (fuzz->pending, "334 %s\r\n", challenges[choice % G_N_ELEMENTS (challenges)]);
  else
    g_string_append_printf (fuzz->pending, "%s\r\n", good[said]);
}

static void
say (Fuzz *fuzz, guint8 much)
{
  Said said = SAID_MAIL;
  guint8 choice = octet (fuzz);

  write_all (fuzz);
  if (!observer_next (&fuzz->observer, &said) && much % 8 != 0)
    return; /* rarely unasked */
  say_answer (fuzz, said, choice);
  deliver (fuzz, much % 4 == 3 ? much / 4 : G_MAXSIZE);
}

static void
say_raw (Fuzz *fuzz, guint8 much)
{
  for (guint i = 0; i < much && fuzz->at < fuzz->size; i++)
    g_string_append_c (fuzz->pending, (char) octet (fuzz));
  g_string_append (fuzz->pending, "\r\n");
  deliver (fuzz, octet (fuzz));
}

static void
lose (Fuzz *fuzz, guint8 much)
{
  GError *error = much % 2 == 0 ? g_error_new_literal (VEREDA_ERROR, VEREDA_ERROR_CLOSED, "cut") : NULL;

  if (much % 8 < 6) /* rarely, or the script would be short */
    {
      g_clear_error (&error);
      return;
    }
  if (much % 16 == 15)
    vd_session_abort (fuzz->session,
                      error != NULL ? error : g_error_new_literal (VEREDA_ERROR, VEREDA_ERROR_CANCELLED, "no more"));
  else
    vd_session_feed_end (fuzz->session, error, fuzz->now);
  g_assert (is_over (fuzz));
}

static void
finish (Fuzz *fuzz)
{
  if (!fuzz->finished)
    vd_session_finish (fuzz->session, fuzz->now);
  fuzz->finished = TRUE;
}

/* ---- the script ---- */

static void
pass_time (Fuzz *fuzz, gint64 how_long)
{
  fuzz->now += how_long;
  vd_session_tick (fuzz->session, fuzz->now);
}

/* Something is waited for, and not for ever: a reply, the network, or the owner. */
static void
check_waiting (Fuzz *fuzz)
{
  gint64 deadline = vd_session_deadline (fuzz->session);

  g_assert (is_over (fuzz) || deadline > fuzz->now);
  if (vd_session_need (fuzz->session) == VD_NEED_NOTHING && !vd_session_is_idle (fuzz->session))
    g_assert (deadline < fuzz->now + ENDLESS);
}

static void
take_back (Fuzz *fuzz)
{
  VdTransaction *txn;

  while ((txn = vd_session_take_finished (fuzz->session)) != NULL)
    {
      g_assert (txn->outcome != VD_OUTCOME_PENDING);
      g_assert (!txn->settled || is_over (fuzz) || vd_session_error (fuzz->session) != NULL);
      fuzz->given_back++;
    }
}

static void
play (Fuzz *fuzz)
{
  while (fuzz->at < fuzz->size && !is_over (fuzz))
    {
      guint8 what = octet (fuzz), much = what >> 3;

      switch (what & 7)
        {
        case 0:
          write_some (fuzz, much == 31 ? G_MAXSIZE : 1u + much);
          break;
        case 1:
        case 2:
          say (fuzz, much);
          break;
        case 3:
          serve_need (fuzz, octet (fuzz));
          break;
        case 4:
          say_raw (fuzz, much);
          break;
        case 5:
          deliver (fuzz, 1u + much);
          break;
        case 6:
          submit (fuzz);
          break;
        default:
          if (much < 8)
            pass_time (fuzz, much * 200);
          else if (much < 16)
            lose (fuzz, octet (fuzz));
          else if (much == 31)
            finish (fuzz);
        }
      take_back (fuzz);
      check_waiting (fuzz);
    }
}

/* Nobody does anything more but what the session asks for: it ends by its own timers. */
static void
run_out (Fuzz *fuzz)
{
  for (guint turn = 0; !is_over (fuzz); turn++)
    {
      g_assert (turn < 100);
      serve_need (fuzz, (guint8) (turn * 4)); /* refuses what can be refused */
      if (vd_session_is_ready (fuzz->session))
        finish (fuzz);
      if (vd_session_need (fuzz->session) == VD_NEED_CREDENTIAL || vd_session_need (fuzz->session) == VD_NEED_MECHANISM)
        vd_session_abort (fuzz->session, NULL);
      pass_time (fuzz, OTHERS + BLOCK);
    }
  take_back (fuzz);
}

/* DAT-3, DAT-4 */
static char *
wire_form (const char *text, gboolean in_chunks)
{
  GString *form = g_string_new (text);

  if (in_chunks)
    return g_string_free (form, FALSE);
  g_string_replace (form, "\r\n.", "\r\n..", 0);
  g_string_append (form, ".\r\n");
  return g_string_free (form, FALSE);
}

static void
check_mail (Fuzz *fuzz, guint i)
{
  const VdTransaction *txn = fuzz->mails[i];
  const Mail *seen = &fuzz->observer.mails[i];

  g_assert (txn->outcome != VD_OUTCOME_PENDING);
  g_assert (txn->outcome != VD_OUTCOME_SENT || (txn->final_reply != NULL && VD_REPLY_IS_POSITIVE (txn->final_reply)));
  g_assert ((txn->outcome == VD_OUTCOME_SENT) == (txn->error == NULL && txn->outcome != VD_OUTCOME_NOT_SENT));
  g_assert (txn->outcome != VD_OUTCOME_UNKNOWN || g_error_matches (txn->error, VEREDA_ERROR, VEREDA_ERROR_UNKNOWN_OUTCOME));
  g_assert (txn->outcome == VD_OUTCOME_NOT_SENT || seen->ends == 1);
  if (seen->ends > 0 && !seen->only_a_dot)
    {
      g_autofree char *wanted = wire_form (text_of (fuzz->flags[i]), seen->in_chunks);

      g_assert ((fuzz->flags[i] & MAIL_CHANGED) == 0); /* DAT-5 */
      g_assert_cmpstr (seen->content->str, ==, wanted);
    }
  g_assert (txn->commit == VD_COMMIT_ANY || seen->ends == 0 || seen->only_a_dot || seen->refused == 0 || seen->accepted == 0);
  if (!fuzz->bursts)
    g_assert_cmpint (txn->outcome, ==, observer_verdict (&fuzz->observer, i));
}

static void
check_secret (Fuzz *fuzz)
{
  g_auto (GStrv) lines = g_strsplit (fuzz->observer.secret->str, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    g_assert (strlen (lines[i]) < 8 || strstr (fuzz->trace->str, lines[i]) == NULL);
}

/* ---- set-up ---- */

static void
collect (VeredaTraceKind kind, gboolean secure, const char *server, const char *text, gpointer data)
{
  g_string_append_printf (data, "%s\n", text);
}

static void
set_up (Fuzz *fuzz, const uint8_t *data, size_t size)
{
  guint8 a, b;

  *fuzz = (Fuzz){ .data = data, .size = size, .pending = g_string_new (NULL), .trace = g_string_new (NULL) };
  a = octet (fuzz);
  b = octet (fuzz);
  fuzz->config = (VdSessionConfig){
    .client = "client.example.org",
    .server = "mx",
    .lmtp = (a & 1) != 0,
    .tls = (VdSessionTls) (a / 2 % 3),
    .tls_required = (a & 8) != 0,
    .auth = (a & 16) != 0,
    .auth_optional = (a & 32) != 0,
    .ask_queue = (a & 64) != 0,
    .level = (b & 3) == 3 ? VD_PIPELINING_WINDOW : (VdPipelining) (b & 3),
    .chunking = (b & 4) != 0,
    .trace = { b & 8 ? NULL : collect, fuzz->trace, "mx" },
  };
  for (guint i = 0; i < VD_TIMEOUT_N; i++)
    fuzz->config.timeouts[i] = i == VD_TIMEOUT_BLOCK ? BLOCK : OTHERS;
  fuzz->bursts = (b & 16) != 0;
  observer_init (&fuzz->observer, &fuzz->config);
  fuzz->session = vd_session_new (&fuzz->config, fuzz->now);
  for (guint i = 0; i < b >> 6; i++)
    submit (fuzz);
  if (b & 32)
    finish (fuzz);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  Fuzz fuzz;

  set_up (&fuzz, data, size);
  play (&fuzz);
  run_out (&fuzz);
  g_assert_cmpuint (fuzz.given_back, ==, fuzz.submitted);
  for (guint i = 0; i < fuzz.submitted; i++)
    check_mail (&fuzz, i);
  check_secret (&fuzz);
  vd_session_free (fuzz.session);
  for (guint i = 0; i < fuzz.submitted; i++)
    vd_transaction_free (fuzz.mails[i]);
  observer_clear (&fuzz.observer);
  g_string_free (fuzz.pending, TRUE);
  g_string_free (fuzz.trace, TRUE);
  return 0;
}
