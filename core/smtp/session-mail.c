/* SPDX-License-Identifier: MIT */
/* session-mail - transactions: what is written next.  Part of session; see session-private.h.
 *
 * The write cursor asks one question before each step, vd_plan_may_follow(). */
#include "core/smtp/session-private.h"

#include <string.h>

#include "core/base/error.h"

/* Octets of one BDAT chunk: large enough not to cost, small enough to learn of a refusal early (BDT-9). */
#define CHUNK_MAX (4u * 1024u * 1024u)

/* Content that lies ready is given out as a whole up to this: as much as a body gives at a time. */
#define READY_MAX (256u * 1024u)

/* ---- beginning ---- */

void
vd_session_submit (VdSession *session, VdTransaction *txn)
{
  g_return_if_fail (!session->finishing);

  if (session->phase >= VD_PHASE_QUIT)
    {
      txn->settled = TRUE;
      vd_session_finish_txn (session, txn, VD_OUTCOME_NOT_SENT,
                             session->error != NULL
                                 ? g_error_copy (session->error)
                                 : vd_session_error_new (session, VEREDA_ERROR_CLOSED, "the session has ended"));
      return;
    }
  g_queue_push_tail_link (&session->waiting, &txn->link);
  vd_session_pump (session);
}

void
vd_session_finish (VdSession *session, gint64 now)
{
  session->now = now;
  session->finishing = TRUE;
  vd_session_pump (session);
}

/* An extension without which the message cannot be sent (standards.md 10.9: never a silent conversion). */
static GError *
lacking (VdSession *session, VdTransaction *txn)
{
  const VdEhlo *ehlo = session->ehlo;
  gboolean utf8 = vd_ehlo_has (ehlo, VD_EXT_SMTPUTF8) && vd_ehlo_has (ehlo, VD_EXT_8BITMIME); /* U8-7 */

  if (ehlo->size_limit > 0 && txn->size > ehlo->size_limit)
    return vd_session_error_new (session, VEREDA_ERROR_POLICY,
                                 "the message has %" G_GUINT64_FORMAT
                                 " octets and the server takes no more than %" G_GUINT64_FORMAT " (SIZE); it was not sent",
                                 txn->size, ehlo->size_limit);
  if (txn->reverse_utf8 && !utf8)
    return vd_session_error_new (
        session, VEREDA_ERROR_POLICY,
        "the originator's address needs SMTPUTF8, which the server does not offer; the message was not sent");
  if (txn->utf8_header && !utf8)
    return vd_session_error_new (
        session, VEREDA_ERROR_POLICY,
        "the message's header section holds octets above 127, which need SMTPUTF8, and the server does not "
        "offer it; encode the fields (RFC 2047) or use another server");
  if (txn->eight_bit && !vd_ehlo_has (ehlo, VD_EXT_8BITMIME))
    return vd_session_error_new (
        session, VEREDA_ERROR_POLICY,
        "the message holds octets above 127 and the server does not offer 8BITMIME; encode it (quoted-printable "
        "or base64) or use another server");
  return NULL;
}

/* A recipient that this server cannot be asked about (U8-4). */
static void
refuse_locally (VdSession *session, VdTransaction *txn)
{
  if (vd_ehlo_has (session->ehlo, VD_EXT_SMTPUTF8))
    return;
  for (guint i = 0; i < txn->n_recipients; i++)
    {
      VdTxnRecipient *recipient = &txn->recipients[i];

      if (!recipient->utf8 || recipient->reply != NULL)
        continue;
      recipient->reply = vd_reply_new_local (553, "5.6.7", "this address needs SMTPUTF8, which the server does not offer");
      txn->refused++;
      txn->rcpt_replies++;
    }
}

/* Takes the next transaction that can be begun. */
static void
begin_next (VdSession *session)
{
  while (session->writing == NULL)
    {
      VdTransaction *txn = vd_session_take_first (g_queue_is_empty (&session->again) ? &session->waiting : &session->again);
      GError *error;

      if (txn == NULL)
        return;
      g_queue_push_tail_link (&session->open, &txn->link);
      error = lacking (session, txn);
      if (error != NULL)
        {
          txn->lacking = TRUE;
          vd_session_finish_txn (session, txn, VD_OUTCOME_NOT_SENT, error);
          continue;
        }
      refuse_locally (session, txn);
      if (txn->refused == txn->n_recipients || (txn->refused > 0 && txn->commit == VD_COMMIT_ALL))
        {
          vd_session_finish_txn (session, txn, VD_OUTCOME_NOT_SENT, NULL);
          continue;
        }
      session->writing = txn;
      session->next = VD_STEP_MAIL;
    }
}

/* ---- the write cursor ---- */

VdPlanState
vd_session_plan_state (VdSession *session, VdTransaction *txn)
{
  VdPlanState state = {
    .level = session->window_fallen ? MIN (session->config.level, VD_PIPELINING_AUTO) : session->config.level,
    .pipelining = vd_ehlo_has (session->ehlo, VD_EXT_PIPELINING),
    .chunking = vd_ehlo_has (session->ehlo, VD_EXT_CHUNKING),
    .commit = txn != NULL ? txn->commit : VD_COMMIT_ANY,
    .recipients = txn != NULL ? txn->n_recipients : 0,
    .auth_ahead = vd_session_auth_may_lead (session),
  };

  return state;
}

static gboolean
may_leave (VdSession *session, VdStep next, VdTransaction *txn)
{
  VdExpect *last = g_queue_peek_tail (&session->expects);
  VdPlanState state = vd_session_plan_state (session, txn);

  return last == NULL || vd_plan_may_follow (&state, last->step, next) != NULL;
}

/* Only one stretch of content lies in the output at a time: the next waits until the one before is written. */
static gboolean
has_room (VdSession *session, VdStep next)
{
  return !session->output.content || (next != VD_STEP_CONTENT && next != VD_STEP_BDAT && next != VD_STEP_BDAT_LAST);
}

/* With every reply to the envelope in: may the content follow? (The decision table of standards.md Part II.) */
gboolean
vd_session_is_granted (VdTransaction *txn)
{
  return txn->accepted > 0 && (txn->refused == 0 || txn->commit == VD_COMMIT_ANY);
}

static void
skip_refused (VdTransaction *txn)
{
  while (txn->next_rcpt < txn->n_recipients && txn->recipients[txn->next_rcpt].reply != NULL)
    txn->next_rcpt++;
}

static gboolean
write_mail (VdSession *session, VdTransaction *txn, GError **error)
{
  const VdExpect *last = g_queue_peek_tail (&session->expects);
  VdMailParams params = {
    .has_size = vd_ehlo_has (session->ehlo, VD_EXT_SIZE),
    .size = txn->size,
    .body_8bit = txn->eight_bit,
    .utf8 = txn->reverse_utf8 || txn->utf8_header,
  };

  for (guint i = 0; i < txn->n_recipients; i++)
    {
      VdTxnRecipient *recipient = &txn->recipients[i];

      params.utf8 |= recipient->utf8 && recipient->reply == NULL;
    }
  txn->begin_mark = vd_output_appended (&session->output);
  txn->windowed = vd_session_in_window (session);
  session->window_used |= last != NULL && last->step == VD_STEP_BDAT_LAST;
  if (!vd_command_mail (vd_output_commands (&session->output), txn->reverse_path, &params, error))
    return FALSE;
  txn->begun = TRUE;
  txn->size_declared = params.has_size;
  vd_session_push (session, VD_STEP_MAIL, txn);
  skip_refused (txn);
  session->next = VD_STEP_RCPT;
  return TRUE;
}

static VdStep
content_step (VdSession *session, VdTransaction *txn)
{
  VdPlanState state = vd_session_plan_state (session, txn);

  if (vd_plan_content_verb (&state, session->config.chunking) == VD_CONTENT_DATA)
    return VD_STEP_DATA;
  return txn->size > CHUNK_MAX ? VD_STEP_BDAT : VD_STEP_BDAT_LAST;
}

static gboolean
write_rcpt (VdSession *session, VdTransaction *txn, GError **error)
{
  VdTxnRecipient *recipient = &txn->recipients[txn->next_rcpt];

  if (!vd_command_rcpt (vd_output_commands (&session->output), recipient->path, recipient->utf8, error))
    return FALSE;
  vd_session_push (session, VD_STEP_RCPT, txn)->recipient = txn->next_rcpt;
  txn->next_rcpt++; /* after the observer was told, who sees by it which one this is */
  skip_refused (txn);
  if (txn->next_rcpt == txn->n_recipients)
    {
      session->next = content_step (session, txn);
      session->bdat_left = txn->size;
    }
  return TRUE;
}

static void
trace_content (VdSession *session, const VdTransaction *txn)
{
  vd_trace_info (&session->config.trace, "message content, %" G_GUINT64_FORMAT " octets", txn->size);
}

static VdBody *
open_content (VdSession *session, VdTransaction *txn, VdBodyMode mode, GError **error)
{
  VdBody *body = txn->open_content (txn, mode, txn->data, error);

  if (body == NULL)
    vd_error_prefix (error, "%s", session->config.server);
  else
    trace_content (session, txn);
  return body;
}

/* Reads content of exactly `size` octets; the body is freed in every case. */
static gboolean
read_small (VdSession *session, VdBody *body, guint64 size, GError **error)
{
  gboolean ended = FALSE, fine = TRUE;

  while (fine && !ended)
    {
      VeredaSpan spans[VD_OUTPUT_SPANS];
      gsize n = 0;

      fine = vd_body_next (body, spans, G_N_ELEMENTS (spans), &n, &ended, error);
      for (gsize i = 0; fine && i < n; i++)
        vd_buffer_append (&session->scratch, spans[i].data, spans[i].size);
      if (fine && (vd_buffer_size (&session->scratch) > size || (ended && vd_buffer_size (&session->scratch) < size)))
        fine = vd_output_changed (error, vd_buffer_size (&session->scratch) > size ? "longer" : "shorter");
    }
  vd_body_free (body);
  if (!fine)
    vd_buffer_consume (&session->scratch, vd_buffer_size (&session->scratch));
  return fine;
}

/* The whole content is announced. */
static void
end_bdat (VdSession *session, VdTransaction *txn, const VdExpect *expect)
{
  txn->end_mark = expect->mark;
  txn->closed = TRUE;
  session->writing = NULL;
}

/* The spans of small content; what has to be read for them is in `scratch`. */
static gboolean
find_small (VdSession *session, VdTransaction *txn, VeredaSpan spans[2], GError **error)
{
  VdBody *body;

  spans[0] = txn->exact[0];
  spans[1] = txn->exact[1];
  if (spans[0].size + spans[1].size > 0)
    {
      trace_content (session, txn);
      return TRUE;
    }
  body = open_content (session, txn, VD_BODY_BDAT, error);
  if (body == NULL || !read_small (session, body, txn->size, error))
    return FALSE;
  spans[0] = vd_buffer_span (&session->scratch);
  return TRUE;
}

/* BDAT and its content, which is no command and is not traced as one; the mark counts it. */
static gboolean
write_small (VdSession *session, VdTransaction *txn, GError **error)
{
  VeredaSpan spans[2];
  VdExpect *expect;
  VdBuffer *out;

  if (!find_small (session, txn, spans, error))
    return FALSE;
  txn->bdat_begun = TRUE;
  out = vd_output_commands (&session->output);
  vd_command_bdat (out, txn->size, TRUE, NULL);
  expect = vd_session_push (session, VD_STEP_BDAT_LAST, txn);
  expect->mark += txn->size;
  vd_buffer_append (out, spans[0].data, spans[0].size);
  vd_buffer_append (out, spans[1].data, spans[1].size);
  session->trace_from = vd_output_appended (&session->output);
  vd_buffer_consume (&session->scratch, vd_buffer_size (&session->scratch));
  session->bdat_left = 0;
  end_bdat (session, txn, expect);
  return TRUE;
}

static gboolean
write_bdat (VdSession *session, VdTransaction *txn, GError **error)
{
  gboolean first = session->bdat_left == txn->size && !txn->bdat_begun;
  guint64 size = MIN (session->bdat_left, CHUNK_MAX);
  gboolean last = size == session->bdat_left;
  VdStep step = last ? VD_STEP_BDAT_LAST : VD_STEP_BDAT;
  VdBody *body = NULL;
  VdExpect *expect;

  session->window_used |= first && !g_queue_is_empty (&session->expects);
  if (first && last && vd_session_is_small (session, txn))
    return write_small (session, txn, error);
  if (first && (body = open_content (session, txn, VD_BODY_BDAT, error)) == NULL)
    return FALSE;
  session->content = txn;
  txn->bdat_begun = TRUE;
  vd_command_bdat (vd_output_commands (&session->output), size, last, NULL);
  expect = vd_session_push (session, step, txn);
  expect->mark += size;
  vd_output_chunk (&session->output, body, size, last);
  session->bdat_left -= size;
  session->next = session->bdat_left > CHUNK_MAX ? VD_STEP_BDAT : VD_STEP_BDAT_LAST;
  if (last)
    end_bdat (session, txn, expect);
  return TRUE;
}

static gboolean
write_data (VdSession *session, VdTransaction *txn, GError **error)
{
  vd_command_verb (vd_output_commands (&session->output), "DATA", NULL);
  vd_session_push (session, VD_STEP_DATA, txn);
  session->next = VD_STEP_CONTENT;
  return TRUE;
}

/* After 354.  The expectation is pushed when the last octet has been produced: vd_session_on_content_produced(). */
static gboolean
write_content (VdSession *session, VdTransaction *txn, GError **error)
{
  VdBody *body;

  if (txn->dotless && txn->size <= READY_MAX)
    {
      trace_content (session, txn);
      vd_output_ready (&session->output, txn->exact);
    }
  else if ((body = open_content (session, txn, VD_BODY_DATA, error)) != NULL)
    vd_output_data (&session->output, body);
  else
    return FALSE;
  session->content = txn;
  vd_session_octets_wait (session);
  session->next = VD_STEP_N; /* nothing until then */
  return TRUE;
}

void
vd_session_on_content_produced (VdSession *session)
{
  VdTransaction *txn = session->writing;

  if (txn != NULL && session->next == VD_STEP_N) /* DATA; a BDAT chunk was pushed with its command */
    {
      vd_trace_line (&session->config.trace, VEREDA_TRACE_CLIENT, session->secure, ".");
      txn->end_mark = vd_session_push (session, VD_STEP_CONTENT, txn)->mark;
      txn->closed = TRUE;
      session->writing = NULL;
    }
  vd_session_pump (session);
}

typedef gboolean (*Writer) (VdSession *session, VdTransaction *txn, GError **error);

static gboolean
write_step (VdSession *session, VdTransaction *txn)
{
  static const Writer writers[VD_STEP_N] = {
    [VD_STEP_MAIL] = write_mail, [VD_STEP_RCPT] = write_rcpt,      [VD_STEP_DATA] = write_data,
    [VD_STEP_BDAT] = write_bdat, [VD_STEP_BDAT_LAST] = write_bdat, [VD_STEP_CONTENT] = write_content,
  };
  VdStep step = session->next;
  GError *error = NULL;

  if (writers[step](session, txn, &error))
    return TRUE;
  if (step == VD_STEP_CONTENT || ((step == VD_STEP_BDAT || step == VD_STEP_BDAT_LAST) && !vd_session_is_small (session, txn)))
    {
      /* 354 was given, or chunks were: only closing keeps the server from taking what it has for a message. */
      vd_session_fail (session, error, NULL);
      return FALSE;
    }
  vd_session_abandon_txn (session, txn, error); /* an argument that cannot be put on the wire: caught earlier as a rule */
  return TRUE;
}

static gboolean
pump_once (VdSession *session)
{
  VdTransaction *txn;

  if (session->need_rset)
    {
      if (!may_leave (session, VD_STEP_RSET, NULL))
        return FALSE;
      session->need_rset = FALSE;
      vd_command_verb (vd_output_commands (&session->output), "RSET", NULL);
      vd_session_push (session, VD_STEP_RSET, NULL);
      return TRUE;
    }
  if (session->writing == NULL)
    {
      VdTransaction *next = vd_session_next_waiting (session);

      /* An abandoned transaction whose replies are still coming may yet need a RSET. */
      if (session->n_abandoned > 0)
        return FALSE;
      if (next == NULL)
        {
          if (!session->finishing || !may_leave (session, VD_STEP_QUIT, NULL))
            return FALSE;
          vd_session_quit (session);
          return FALSE;
        }
      if (!may_leave (session, VD_STEP_MAIL, next) || !vd_session_window_is_open (session, next))
        return FALSE;
      begin_next (session); /* none may be left when all of them lack something */
      return TRUE;
    }

  txn = session->writing;
  if (session->next == VD_STEP_N || !may_leave (session, session->next, txn) || !has_room (session, session->next))
    return FALSE;
  if ((session->next == VD_STEP_DATA
       || ((session->next == VD_STEP_BDAT || session->next == VD_STEP_BDAT_LAST) && !txn->bdat_begun))
      && g_queue_is_empty (&session->expects) && !vd_session_is_granted (txn))
    {
      vd_session_abandon_txn (session, txn, NULL); /* the recipients' replies say why */
      return TRUE;
    }
  switch (vd_observer_may (&session->config.observer, session->next))
    {
    case VD_GO_DROP:
      vd_session_fail (session, NULL, NULL);
      return FALSE;
    case VD_GO_QUIT:
      txn->closed = TRUE; /* QUIT ends it as well as RSET would */
      vd_session_abandon_txn (session, txn, NULL);
      return TRUE;
    case VD_GO_ON:
    default:
      return write_step (session, txn);
    }
}

void
vd_session_write_envelope (VdSession *session)
{
  VdTransaction *next = vd_session_next_waiting (session), *txn;

  if (session->writing != NULL || next == NULL || !may_leave (session, VD_STEP_MAIL, next))
    return;
  begin_next (session);
  session->ahead = txn = session->writing;
  while (txn != NULL && session->writing == txn && session->next <= VD_STEP_RCPT && may_leave (session, session->next, txn))
    if (!write_step (session, txn))
      return;
}

void
vd_session_pump (VdSession *session)
{
  while (session->phase == VD_PHASE_READY && session->need == VD_NEED_NOTHING && vd_output_is_open (&session->output)
         && pump_once (session))
    ;
}
