/* SPDX-License-Identifier: MIT */
/* Fuzzer of core/smtp/session: a server that says anything, at any time, over a network that takes and gives any number of octets.
 *
 * Input: two octets of options, then a script of octets: what happens, how much, what the server says.  Properties: the client's octets hold
 * no control character outside CRLF but in the content; a message is sent only with a positive last reply, unknown only when its end was
 * handed over; every message is given back. */
#include <stdint.h>
#include <string.h>

#include "core/base/error.h"
#include "core/smtp/session.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define MAILS 3
#define SPANS 32

static const char content[] = "Subject: x\r\n\r\n.hello\r\n";

static VdBody *
open_content (VdTransaction *txn, VdBodyMode mode, gpointer data, GError **error)
{
  static const VdBodyPolicy policy = { FALSE, FALSE };
  g_autoptr (GBytes) bytes = g_bytes_new_static (content, sizeof content - 1);
  g_autoptr (VdSource) source = vd_source_new_bytes (bytes);
  return vd_body_new (mode, &policy, NULL, vd_source_open (source, 0, NULL), NULL);
}

static VdTransaction *
make_mail (guint n, guint8 options)
{
  VdTransaction *txn = vd_transaction_new (n == 1 ? "" : "a@example.org", FALSE);
  for (guint i = 0; i <= n; i++)
    vd_transaction_add_recipient (txn, i == 2 ? "j\xc3\xb6@example.net" : "b@example.net", i == 2);
  txn->commit = (options & 1) != 0 ? VD_COMMIT_ANY : VD_COMMIT_ALL;
  txn->size = sizeof content - 1;
  txn->eight_bit = n == 2;
  txn->open_content = open_content;
  return txn;
}

/* ---- a mechanism of two steps ---- */

static VeredaStep
step (VeredaAuth *auth, const VeredaSpan *challenge, GByteArray *response, GError **error)
{
  if (challenge != NULL && challenge->size == 3)
    {
      g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_SERVER, "wrong proof");
      return VEREDA_STEP_FAILED;
    }
  g_byte_array_append (response, (const guint8 *) "secret", 6);
  return challenge != NULL && challenge->size == 0 ? VEREDA_STEP_CONTINUE : VEREDA_STEP_DONE;
}

static const VeredaMech mechs[] = {
  { .struct_size = sizeof (VeredaMech),
    .instance_size = sizeof (VeredaAuth),
    .name = "FIRST",
    .flags = VEREDA_MECH_CLIENT_FIRST,
    .step = step },
  { .struct_size = sizeof (VeredaMech), .instance_size = sizeof (VeredaAuth), .name = "SECOND", .step = step },
};

static VeredaCredState
no_credential (gpointer data, VeredaCred kind, const char *hint, VeredaSpan *ret)
{
  return VEREDA_CRED_NONE;
}

/* ---- the owner ---- */

static void
serve_needs (VdSession *session, guint8 choice, gint64 now)
{
  VdSaslSource source = { NULL, no_credential, NULL };
  VdSaslFacts facts = { "mx", NULL, NULL, 0 };
  switch (vd_session_need (session))
    {
    case VD_NEED_HANDSHAKE:
      if (choice % 4 == 0)
        vd_session_tls_failed (session, g_error_new (VEREDA_ERROR, VEREDA_ERROR_TLS, "handshake"));
      else
        vd_session_tls_done (session, now);
      break;
    case VD_NEED_TLS_DECISION:
      vd_session_tls_decide (session, choice % 2 == 0, now);
      break;
    case VD_NEED_MECHANISM:
      if (choice % 3 == 0)
        vd_session_no_mechanism (session, g_error_new (VEREDA_ERROR, VEREDA_ERROR_AUTH, "none"), now);
      else
        vd_session_use_mechanism (session, vd_sasl_new (&mechs[choice % 2], NULL, &source, &facts, NULL), now);
      break;
    case VD_NEED_CREDENTIAL:
      vd_session_resume (session, now);
      break;
    case VD_NEED_NOTHING:
    case VD_NEED_CLOSE:
    default:
      break;
    }
}

/* Up to `most` octets leave. */
static void
write_some (VdSession *session, GString *wire, gsize most, gint64 now)
{
  VeredaSpan spans[SPANS];
  gsize n = vd_session_output (session, spans, SPANS);
  gsize taken = 0;
  for (gsize i = 0; i < n && taken < most; i++)
    {
      gsize size = MIN (spans[i].size, most - taken);
      g_string_append_len (wire, spans[i].data, (gssize) size);
      taken += size;
    }
  if (taken > 0)
    vd_session_wrote (session, taken, now);
}

static void
check_wire (const GString *wire)
{
  for (gsize i = 0; i < wire->len; i++)
    {
      guint8 octet = (guint8) wire->str[i];
      if (octet == '\n')
        g_assert (i > 0 && wire->str[i - 1] == '\r');
      else if (i > 0 && wire->str[i - 1] == '\r')
        g_assert_not_reached ();
      else
        g_assert (octet >= 0x20 || octet == '\r');
    }
}

static void
check_end (VdSession *session, VdTransaction **mails, guint given_back, const VdSessionConfig *config)
{
  g_assert_cmpint (vd_session_need (session), ==, VD_NEED_CLOSE);
  g_assert_cmpuint (given_back, ==, MAILS);
  for (guint i = 0; i < MAILS; i++)
    {
      g_assert_cmpint (mails[i]->outcome, !=, VD_OUTCOME_PENDING);
      if (mails[i]->outcome == VD_OUTCOME_SENT)
        g_assert (mails[i]->final_reply != NULL && VD_REPLY_IS_POSITIVE (mails[i]->final_reply) && mails[i]->error == NULL);
      if (mails[i]->outcome == VD_OUTCOME_UNKNOWN)
        g_assert (mails[i]->end_mark != G_MAXUINT64 && mails[i]->error != NULL);
      if (mails[i]->outcome == VD_OUTCOME_NOT_SENT && !config->lmtp && mails[i]->final_reply != NULL && !mails[i]->void_end)
        g_assert (!VD_REPLY_IS_POSITIVE (mails[i]->final_reply));
    }
}

static VdSessionConfig
make_config (guint8 options)
{
  VdSessionConfig config = { .client = "client.example.org", .server = "mx" };
  config.tls = (VdSessionTls) ((options >> 1) % 3);
  config.auth = (options & 8) != 0;
  config.auth_optional = (options & 16) != 0;
  config.lmtp = (options & 0xe0) == 0xe0;
  config.level = (VdPipelining) ((options >> 5) % 3);
  config.chunking = TRUE;
  config.ask_queue = TRUE;
  for (guint i = 0; i < VD_TIMEOUT_N; i++)
    config.timeouts[i] = 1000;
  return config;
}

/* Each octet of the script says what happens; its upper bits how much. */
static void
play (VdSession *session, GString *wire, const uint8_t *data, size_t size)
{
  gint64 now = 0;
  for (size_t at = 0; at < size && vd_session_need (session) != VD_NEED_CLOSE; at++)
    {
      guint8 much = data[at] >> 2;
      switch (data[at] & 3)
        {
        case 0:
          write_some (session, wire, much == 63 ? G_MAXSIZE : much, now);
          break;
        case 1: /* a whole line of the server, after the octet: up to a LF, with its CR made here */
          {
            const uint8_t *line = data + at + 1;
            const uint8_t *end = memchr (line, '\n', size - at - 1);
            size_t n = end == NULL ? size - at - 1 : (size_t) (end - line);
            write_some (session, wire, G_MAXSIZE, now);
            vd_session_feed (session, line, n, now);
            vd_session_feed (session, "\r\n", 2, now);
            at += end == NULL ? n : n + 1;
            break;
          }
        case 2:
          serve_needs (session, much, now);
          break;
        default:
          if (much < 8)
            now += much * 100;
          if (much >= 8 && at + 1 < size)
            {
              size_t n = MIN (much, size - at - 1);
              vd_session_feed (session, data + at + 1, n, now);
              at += n;
            }
          vd_session_tick (session, now);
        }
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  if (size < 2)
    return 0;
  VdSessionConfig config = make_config (data[0]);
  VdTransaction *mails[MAILS];
  g_autoptr (GString) wire = g_string_new (NULL);
  VdSession *session = vd_session_new (&config, 0);
  for (guint i = 0; i < MAILS; i++)
    {
      mails[i] = make_mail (i, data[0]);
      vd_session_submit (session, mails[i]);
    }
  if ((data[1] & 1) != 0)
    vd_session_finish (session, 0);
  play (session, wire, data + 2, size - 2);
  vd_session_feed_end (session, NULL, 0);
  guint given_back = 0;
  while (vd_session_take_finished (session) != NULL)
    given_back++;
  check_wire (wire);
  check_end (session, mails, given_back, &config);
  vd_session_free (session);
  for (guint i = 0; i < MAILS; i++)
    vd_transaction_free (mails[i]);
  return 0;
}
