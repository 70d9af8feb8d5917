/* SPDX-License-Identifier: MIT */
/* observer - see observer.h. */
#include "observer.h"

#include <stdlib.h>
#include <string.h>

typedef struct
{
  Said said;
  guint mail;
  guint replies; /* LMTP: to the end of data, so far */
} Owed;

static void
rule (gboolean kept, const char *name)
{
  if (kept)
    return;
  g_printerr ("broken rule: %s\n", name);
  abort (); /* not g_error(): its trap leaves the fuzzer without the input */
}

void
observer_init (Observer *observer, const VdSessionConfig *config)
{
  Owed *owed = g_new0 (Owed, 1);

  memset (observer, 0, sizeof *observer);
  observer->config = config;
  observer->secure = config->tls == VD_SESSION_TLS_ACTIVE;
  observer->line = g_string_new (NULL);
  observer->secret = g_string_new (NULL);
  observer->replies = vd_reply_parser_new ();
  for (guint i = 0; i < OBSERVER_MAILS; i++)
    observer->mails[i].content = g_string_new (NULL);
  owed->said = SAID_GREETING;
  g_queue_push_tail (&observer->owed, owed);
}

void
observer_clear (Observer *observer)
{
  g_string_free (observer->line, TRUE);
  g_string_free (observer->secret, TRUE);
  vd_reply_parser_free (observer->replies);
  for (guint i = 0; i < OBSERVER_MAILS; i++)
    g_string_free (observer->mails[i].content, TRUE);
  g_queue_clear_full (&observer->owed, g_free);
}

static void
owe (Observer *observer, Said said)
{
  Owed *owed = g_new0 (Owed, 1);

  owed->said = said;
  owed->mail = observer->now;
  g_queue_push_tail (&observer->owed, owed);
}

static gboolean
offers (const Observer *observer, VdExtension extension)
{
  return (observer->offered & 1u << extension) != 0;
}

static gboolean
is_granted (const Mail *mail)
{
  return !mail->mail_refused && mail->accepted > 0;
}

/* ---- what the client may say now ---- */

static void
check_order (Observer *observer, Said said)
{
  const Owed *last = g_queue_peek_tail (&observer->owed);
  gboolean window = observer->config->level == VD_PIPELINING_WINDOW;

  rule (!observer->quit, "END-1: something after QUIT");
  rule (observer->greeted, "GRT-1: something before the greeting");
  rule (!observer->greeting_refused || said == SAID_QUIT, "GRT-4: more than QUIT after a refusal");
  if (last == NULL)
    return;
  rule (observer->config->level != VD_PIPELINING_OFF && offers (observer, VD_EXT_PIPELINING), "PIP-1: a group nobody granted");
  switch (last->said)
    {
    case SAID_MAIL:
    case SAID_RSET:
      return;
    case SAID_RCPT:
      rule (said == SAID_RCPT || said == SAID_DATA || (window && (said == SAID_BDAT || said == SAID_BDAT_LAST)), "PIP-2");
      return;
    case SAID_END:
      rule (said == SAID_MAIL || said == SAID_QUIT, "PIP-4");
      return;
    case SAID_BDAT:
      rule (said == SAID_BDAT || said == SAID_BDAT_LAST, "BDT-5: something else between chunks");
      return;
    case SAID_BDAT_LAST:
      rule (window && (said == SAID_MAIL || said == SAID_QUIT), "BDT-6");
      return;
    default:
      rule (FALSE, "PIP-2: something behind a command that is the last of its group");
    }
}

static void
check_mail (Observer *observer)
{
  const VdSessionConfig *config = observer->config;

  rule (!observer->in_transaction, "MAI-11: MAIL in a transaction");
  rule (!observer->must_reset, "BDT-5: MAIL before RSET");
  rule (!config->auth || config->auth_optional || observer->authenticated, "AUT-14: MAIL without authentication");
  rule (config->tls == VD_SESSION_TLS_NEVER || observer->secure || observer->may_be_insecure, "CFG-5: MAIL in clear");
  rule (observer->mails[observer->now].mails == 0, "SEC-14: a message said twice");
}

static void
check_content (Observer *observer)
{
  const Mail *mail = &observer->mails[observer->now];

  rule (observer->in_transaction, "content without MAIL");
  rule (mail->rcpts > 0, "content without RCPT");
  rule (mail->ends == 0, "a second end of data");
}

/* ---- lines ---- */

static void
hello (Observer *observer, const char *line)
{
  rule (g_str_has_prefix (line, observer->config->lmtp ? "LHLO " : "EHLO ") || g_str_has_prefix (line, "HELO "), "EHL-1");
  rule (!observer->in_transaction, "EHL-13");
  observer->offered = 0;
  owe (observer, SAID_HELLO);
}

static void
response (Observer *observer, const char *line)
{
  observer->sasl = FALSE;
  if (strcmp (line, "*") == 0)
    {
      owe (observer, SAID_CANCEL);
      return;
    }
  if (*line != '\0')
    g_string_append_printf (observer->secret, "%s\n", line);
  owe (observer, SAID_AUTH);
}

static void
auth (Observer *observer, const char *line)
{
  const char *initial = strchr (line + 5, ' ');

  rule (observer->config->auth, "AUTH without credentials");
  rule (!observer->authenticated, "AUT-1: AUTH after 235");
  rule (!observer->in_transaction, "AUT-1: AUTH in a transaction");
  rule (observer->config->tls == VD_SESSION_TLS_NEVER || observer->secure || observer->may_be_insecure, "CFG-6: AUTH in clear");
  if (initial != NULL && strcmp (initial, " =") != 0)
    g_string_append_printf (observer->secret, "%s\n", initial + 1);
  owe (observer, SAID_AUTH);
}

static void
mail_from (Observer *observer, const char *line)
{
  observer->now = (guint) atoi (line + strlen ("MAIL FROM:<m"));
  rule (observer->now < OBSERVER_MAILS, "a reverse-path nobody gave");
  check_mail (observer);
  observer->mails[observer->now].mails++;
  observer->in_transaction = TRUE;
  owe (observer, SAID_MAIL);
}

static void
bdat (Observer *observer, const char *line)
{
  char *end = NULL;

  observer->chunk = g_ascii_strtoull (line + 5, &end, 10);
  observer->chunk_is_last = strcmp (end, " LAST") == 0;
  rule (observer->chunk_is_last || *end == '\0', "BDT-1");
  rule (observer->chunk > 0 || observer->chunk_is_last, "BDT-4");
  rule (offers (observer, VD_EXT_CHUNKING) && observer->config->chunking, "BDT-2");
  rule (!observer->must_reset, "BDT-5: another chunk after a refusal");
  check_content (observer);
  rule (observer->config->level == VD_PIPELINING_WINDOW || is_granted (&observer->mails[observer->now]),
        "BDT-7: a chunk for nobody");
  observer->content = observer->mails[observer->now].in_chunks = TRUE;
}

static void
verb (Observer *observer, const char *line)
{
  static const struct
  {
    const char *text;
    Said said;
  } verbs[] = {
    { "STARTTLS", SAID_STARTTLS }, { "DATA", SAID_DATA }, { "RSET", SAID_RSET }, { "QUIT", SAID_QUIT }, { "QUED", SAID_QUED }
  };

  for (gsize i = 0; i < G_N_ELEMENTS (verbs); i++)
    if (strcmp (line, verbs[i].text) == 0)
      {
        rule (verbs[i].said != SAID_STARTTLS || (!observer->secure && offers (observer, VD_EXT_STARTTLS)), "STL-1");
        rule (verbs[i].said != SAID_QUED || offers (observer, VD_EXT_XQUE), "EHL-10: QUED");
        if (verbs[i].said == SAID_DATA)
          check_content (observer);
        if (verbs[i].said == SAID_RSET)
          observer->in_transaction = observer->must_reset = FALSE;
        observer->silent = verbs[i].said == SAID_DATA;
        observer->quit = verbs[i].said == SAID_QUIT;
        owe (observer, verbs[i].said);
        return;
      }
  rule (FALSE, "a command that nobody knows");
}

static Said
said_by (const char *line)
{
  static const struct
  {
    const char *prefix;
    Said said;
  } rows[] = {
    { "EHLO ", SAID_HELLO },       { "HELO ", SAID_HELLO },    { "LHLO ", SAID_HELLO },       { "AUTH ", SAID_AUTH },
    { "MAIL FROM:<m", SAID_MAIL }, { "RCPT TO:<", SAID_RCPT }, { "DATA", SAID_DATA },         { "RSET", SAID_RSET },
    { "QUIT", SAID_QUIT },         { "QUED", SAID_QUED },      { "STARTTLS", SAID_STARTTLS },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if (g_str_has_prefix (line, rows[i].prefix))
      return rows[i].said;
  return g_str_has_suffix (line, " LAST") ? SAID_BDAT_LAST : SAID_BDAT;
}

static void
command (Observer *observer, const char *line)
{
  Said said = said_by (line);

  if (observer->sasl)
    {
      response (observer, line);
      return;
    }
  check_order (observer, said);
  switch (said)
    {
    case SAID_HELLO:
      hello (observer, line);
      break;
    case SAID_AUTH:
      auth (observer, line);
      break;
    case SAID_MAIL:
      mail_from (observer, line);
      break;
    case SAID_RCPT:
      rule (observer->in_transaction, "RCPT without MAIL");
      observer->mails[observer->now].rcpts++;
      owe (observer, SAID_RCPT);
      break;
    case SAID_BDAT:
    case SAID_BDAT_LAST:
      bdat (observer, line);
      break;
    default:
      verb (observer, line);
    }
}

/* ---- octets ---- */

static void
end_of_data (Observer *observer, Said said)
{
  observer->content = FALSE;
  if (said == SAID_END || said == SAID_BDAT_LAST)
    {
      observer->mails[observer->now].ends++;
      observer->in_transaction = FALSE;
    }
  owe (observer, said);
}

static void
hear_content (Observer *observer, char octet)
{
  GString *content = observer->mails[observer->now].content;

  g_string_append_c (content, octet);
  rule (observer->chunk > 0 || content->len <= 3 || is_granted (&observer->mails[observer->now]), "PIP-6: content for nobody");
  if (observer->chunk > 0 && --observer->chunk == 0)
    end_of_data (observer, observer->chunk_is_last ? SAID_BDAT_LAST : SAID_BDAT);
  else if (observer->chunk == 0 && (g_str_has_suffix (content->str, "\r\n.\r\n") || strcmp (content->str, ".\r\n") == 0))
    {
      observer->mails[observer->now].only_a_dot = content->len == 3 && !is_granted (&observer->mails[observer->now]);
      end_of_data (observer, SAID_END);
    }
}

static void
hear (Observer *observer, char octet)
{
  GString *line = observer->line;

  rule (!observer->tls_begun, "STL-3: octets in clear after 220");
  rule (!observer->silent, "DAT-2: octets between DATA and its reply");
  if (observer->content)
    {
      hear_content (observer, octet);
      return;
    }
  rule (octet == '\r' || octet == '\n' || (guint8) octet >= 0x20, "SEC-6: a control character");
  rule ((octet == '\n') == (line->len > 0 && line->str[line->len - 1] == '\r'), "RPL-9: CR and LF apart");
  g_string_append_c (line, octet);
  rule (line->len <= 600 || observer->sasl, "MAI-7: a long line");
  if (octet != '\n')
    return;
  g_string_truncate (line, line->len - 2);
  command (observer, line->str);
  g_string_truncate (line, 0);
  if (observer->content && observer->chunk == 0) /* BDAT 0 LAST */
    end_of_data (observer, SAID_BDAT_LAST);
}

void
observer_hears (Observer *observer, const void *data, gsize size)
{
  for (gsize i = 0; i < size; i++)
    hear (observer, ((const char *) data)[i]);
}

/* ---- answers ---- */

static void
answer_envelope (Observer *observer, const Owed *owed, const VdReply *reply)
{
  Mail *mail = &observer->mails[owed->mail];

  if (reply->code == 421 || VD_REPLY_IS_INTERMEDIATE (reply)) /* says nothing of the address; the session is over */
    return;
  if (owed->said == SAID_MAIL && !VD_REPLY_IS_POSITIVE (reply))
    {
      mail->mail_refused = TRUE;
      if (owed->mail == observer->now)
        observer->in_transaction = FALSE;
    }
  if (owed->said == SAID_RCPT && !mail->mail_refused)
    {
      mail->accepted += VD_REPLY_IS_POSITIVE (reply) ? 1 : 0;
      mail->refused += VD_REPLY_IS_POSITIVE (reply) ? 0 : 1;
    }
}

/* The reply to the end, or to a chunk.  FALSE: more replies to it are owed. */
static gboolean
answer_end (Observer *observer, Owed *owed, const VdReply *reply)
{
  Mail *mail = &observer->mails[owed->mail];
  gboolean last = owed->said != SAID_BDAT, positive = VD_REPLY_IS_POSITIVE (reply);

  mail->odd |= VD_REPLY_IS_INTERMEDIATE (reply);
  if (owed->said != SAID_END && is_granted (mail) && mail->end_replies == 0 && !mail->chunk_refused
      && (reply->code == 500 || reply->code == 502 || reply->code == 503 || reply->code == 504))
    mail->unknown_bdat = TRUE;
  if (owed->said != SAID_END && !positive && !(last && observer->config->lmtp)
      && observer->config->level != VD_PIPELINING_WINDOW)
    observer->must_reset = TRUE;
  if (!last)
    {
      mail->chunk_refused |= !positive && reply->code != 421 && !VD_REPLY_IS_INTERMEDIATE (reply);
      return TRUE;
    }
  mail->end_replies++;
  mail->end_positive += positive ? 1 : 0;
  owed->replies++;
  return !observer->config->lmtp || mail->only_a_dot || !is_granted (mail) || mail->chunk_refused
         || owed->replies >= mail->accepted;
}

static void
answer_data (Observer *observer, const Owed *owed, const VdReply *reply)
{
  observer->silent = FALSE;
  observer->content = reply->code == 354;
}

static gboolean
answer (Observer *observer, Owed *owed, const VdReply *reply)
{
  switch (owed->said)
    {
    case SAID_GREETING:
      observer->greeted = TRUE;
      observer->greeting_refused = !VD_REPLY_IS_POSITIVE (reply);
      return TRUE;
    case SAID_HELLO:
      if (VD_REPLY_IS_POSITIVE (reply))
        {
          g_autoptr (VdEhlo) ehlo = vd_ehlo_parse ((VdReply *) reply);

          observer->offered = ehlo->offered;
        }
      return TRUE;
    case SAID_STARTTLS:
      observer->tls_begun = reply->code == 220;
      return TRUE;
    case SAID_AUTH:
      observer->sasl = reply->code == 334;
      observer->authenticated |= reply->code == 235;
      return TRUE;
    case SAID_MAIL:
    case SAID_RCPT:
      answer_envelope (observer, owed, reply);
      return TRUE;
    case SAID_DATA:
      answer_data (observer, owed, reply);
      return TRUE;
    case SAID_END:
    case SAID_BDAT:
    case SAID_BDAT_LAST:
      return answer_end (observer, owed, reply);
    default:
      return TRUE;
    }
}

gboolean
observer_answers (Observer *observer, const VdReply *reply)
{
  Owed *owed = g_queue_peek_head (&observer->owed);

  if (owed == NULL)
    return FALSE;
  if (answer (observer, owed, reply))
    g_free (g_queue_pop_head (&observer->owed));
  return TRUE;
}

void
observer_secured (Observer *observer)
{
  observer->tls_begun = FALSE;
  observer->secure = TRUE;
  observer->offered = 0;
  vd_reply_parser_reset (observer->replies);
}

gboolean
observer_next (Observer *observer, Said *ret_said)
{
  const Owed *owed = g_queue_peek_head (&observer->owed);

  if (owed == NULL)
    return FALSE;
  *ret_said = owed->said;
  return TRUE;
}

/* DAT-6, DAT-8, PIP-6: the verdict follows from what the server heard and what it said to that, and from nothing else. */
VdOutcome
observer_verdict (const Observer *observer, guint i)
{
  const Mail *mail = &observer->mails[i];
  guint wanted = observer->config->lmtp ? mail->accepted : 1;

  if (mail->ends == 0 || mail->only_a_dot || mail->unknown_bdat)
    return VD_OUTCOME_NOT_SENT;
  if (mail->mail_refused || (mail->accepted == 0 && mail->refused == mail->rcpts))
    return VD_OUTCOME_NOT_SENT;
  if (mail->chunk_refused)
    return mail->end_positive > 0 ? VD_OUTCOME_UNKNOWN : VD_OUTCOME_NOT_SENT;
  if (mail->end_replies < wanted || mail->end_replies == 0 || mail->odd)
    return VD_OUTCOME_UNKNOWN;
  return mail->end_positive > 0 ? VD_OUTCOME_SENT : VD_OUTCOME_NOT_SENT;
}
