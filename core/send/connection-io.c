/* SPDX-License-Identifier: MIT */
/* connection-io - octets between the session and the layers, and when to do what.  Part of connection.
 *
 * One function works, vd_connection_pump(); it is called when the descriptor, a timer, a resolver or the owner has something, does all that can be done
 * without waiting, arms what is to be waited for, and tells the owner.  The descriptor is asked only when it may have something: a read that got
 * less than it asked for has emptied it, and the reactor tells when there is more. */
#include "core/send/connection-private.h"

#include "core/base/error.h"
#include "core/smtp/output.h"

/* Rounds of reading and writing in one turn, so that one busy connection leaves time to the others. */
#define ROUNDS_MAX 256
/* While content leaves without a pause: a look for a refusal after so many writes. */
#define LOOK_AFTER 16
#define READ_SIZE  16384

/* The layers did not do what they were asked: they wait, or the stream is over.  FALSE: they wait. */
static gboolean
wait_or_end (VdConnection *c, VeredaIo io, GError *error)
{
  if (vd_connection_waits (c, io))
    return FALSE;
  vd_session_feed_end (c->session, error, vd_reactor_now (c->setup.reactor));
  return TRUE;
}

static gboolean
do_read (VdConnection *c)
{
  guint8 octets[READ_SIZE];
  GError *error = NULL;
  VeredaIo io;
  gsize n = 0;

  c->looked_at = vd_reactor_now (c->setup.reactor);
  io = vd_stack_read (c->stack, octets, sizeof octets, &n, &error);
  if (io == VEREDA_IO_WANT_READ)
    c->readable = FALSE;
  if (io != VEREDA_IO_DONE)
    return wait_or_end (c, io, error);
  c->readable = n == sizeof octets || vd_stack_pending (c->stack) > 0;
  c->unacknowledged = TRUE;
  c->want_read = TRUE;
  vd_connection_silence_end (c);
  vd_session_feed (c->session, octets, n, vd_reactor_now (c->setup.reactor));
  return TRUE;
}

static gboolean
do_write (VdConnection *c)
{
  VeredaSpan spans[VD_OUTPUT_SPANS + 2];
  GError *error = NULL;
  gsize n_spans = vd_session_output (c->session, spans, G_N_ELEMENTS (spans)), n = 0;
  VeredaIo io;

  if (n_spans == 0) /* nothing to write, or the message's source failed: then the session is over */
    return vd_session_need (c->session) == VD_NEED_CLOSE;
  io = vd_stack_writev (c->stack, spans, n_spans, &n, &error);
  if (io != VEREDA_IO_DONE)
    return wait_or_end (c, io, error);
  c->unacknowledged = FALSE; /* what was read is acknowledged along with it */
  vd_session_wrote (c->session, n, vd_reactor_now (c->setup.reactor));
  if (c->setup.wrote != NULL && vd_session_content (c->session) != NULL)
    c->setup.wrote (c->setup.data, vd_session_content (c->session));
  return TRUE;
}

/* Gives the session what it asks for.  TRUE: something was done. */
static gboolean
answer_need (VdConnection *c)
{
  switch (vd_session_need (c->session))
    {
    case VD_NEED_HANDSHAKE:
      vd_connection_begin_tls (c, TRUE);
      return TRUE;
    case VD_NEED_TLS_DECISION:
      vd_connection_decide_tls (c);
      return TRUE;
    case VD_NEED_MECHANISM:
      return vd_connection_choose_mechanism (c);
    case VD_NEED_CREDENTIAL:
      if (!c->kicked)
        {
          vd_connection_await_credential (c);
          return FALSE;
        }
      c->kicked = FALSE;
      c->answer_by = G_MAXINT64;
      vd_session_resume (c->session, vd_reactor_now (c->setup.reactor));
      return TRUE;
    case VD_NEED_CLOSE:
      vd_connection_session_over (c);
      return FALSE;
    case VD_NEED_NOTHING:
    default:
      return FALSE;
    }
}

static gboolean
work_once (VdConnection *c, guint round)
{
  gboolean progress = FALSE;

  c->want_read = c->want_write = FALSE;
  if (c->at == VD_AT_HANDSHAKE)
    return vd_connection_handshake (c);
  if (c->at != VD_AT_DIALOGUE)
    return FALSE;
  if (answer_need (c))
    return TRUE; /* it may have become another stage */
  if (c->at != VD_AT_DIALOGUE)
    return FALSE;
  /* Reading first: a reply that is there already, a refusal in the middle of the content above all, must not be lost to a failing write. */
  c->want_read = TRUE;
  if (c->readable || c->looked_at != vd_reactor_now (c->setup.reactor) || round % LOOK_AFTER == LOOK_AFTER - 1)
    progress = do_read (c);
  if (vd_session_need (c->session) == VD_NEED_NOTHING)
    progress |= do_write (c);
  else if (c->answer_by == G_MAXINT64)
    progress = TRUE;
  return progress;
}

void
vd_connection_look (VdConnection *c)
{
  while (c->at == VD_AT_DIALOGUE && vd_session_need (c->session) == VD_NEED_NOTHING && do_read (c))
    ;
  if (c->at == VD_AT_DIALOGUE && vd_session_need (c->session) == VD_NEED_CLOSE)
    vd_connection_session_over (c);
}

void
vd_connection_flush (VdConnection *c)
{
  if (c->at == VD_AT_DIALOGUE && vd_session_need (c->session) == VD_NEED_NOTHING)
    do_write (c);
}

/* A server that writes its replies one by one, with Nagle's algorithm, holds the next back until this one is acknowledged, which the kernel does
 * 40 ms later unless something is sent: nothing will be, for it is the next reply that is waited for. */
static void
acknowledge (VdConnection *c)
{
  if (c->is_tcp && c->unacknowledged && c->at == VD_AT_DIALOGUE && vd_session_deadline (c->session) != G_MAXINT64)
    vd_connect_acknowledge (vd_stack_fd (c->stack));
  c->unacknowledged = FALSE;
}

static void
arm (VdConnection *c)
{
  gint64 deadline = c->stage_deadline;

  if (c->at == VD_AT_CLOSED)
    return;
  if (c->watch != NULL)
    vd_watch_set (c->watch, c->want_read, c->want_write);
  if (c->session != NULL && c->at == VD_AT_DIALOGUE)
    deadline = MIN (MIN (MIN (deadline, c->answer_by), vd_connection_silence_deadline (c)), vd_session_deadline (c->session));
  vd_timer_set (c->timer, deadline == G_MAXINT64 ? -1 : deadline);
}

static void
pump_later (gpointer data)
{
  VdConnection *c = data;

  c->pumping_later = FALSE;
  vd_connection_pump (c);
}

void
vd_connection_pump_later (VdConnection *c)
{
  if (c->pumping_later)
    return;
  c->pumping_later = TRUE;
  vd_reactor_defer (c->setup.reactor, pump_later, c);
}

static void
note_ready (VdConnection *c)
{
  const VeredaOptions *options = c->setup.options;

  if (c->was_ready || c->session == NULL || !vd_session_is_ready (c->session))
    return;
  c->was_ready = TRUE;
  vd_connection_log_auth (c);
  if (vd_options_wants_auth (options))
    vd_connection_warn_unauthenticated (c);
  if (vd_options_bool (options, VD_OPTION_QUEUE) && !vd_session_queue_asked (c->session))
    vd_connection_warn (c, "%s: option queue: the server does not offer to queue only (XQUE)", c->setup.visit->name);
}

/* All that can be done without anybody else.  FALSE: not all of it in this turn. */
static gboolean
work (VdConnection *c, guint *rounds)
{
  while (work_once (c, *rounds))
    if (++*rounds >= ROUNDS_MAX)
      {
        vd_connection_pump_later (c);
        return FALSE;
      }
  return TRUE;
}

void
vd_connection_pump (VdConnection *c)
{
  guint rounds = 0;

  /* What the owner gives the session because of what came is sent at once, and not in another turn. */
  do
    {
      if (!work (c, &rounds))
        break;
      note_ready (c);
    }
  while (c->at == VD_AT_DIALOGUE && c->setup.feed != NULL && c->setup.feed (c->setup.data));
  note_ready (c);
  acknowledge (c);
  arm (c);
  c->setup.func (c->setup.data); /* may free c */
}

static void
on_ready (gpointer data, gboolean readable, gboolean writable)
{
  VdConnection *c = data;

  c->readable = TRUE; /* also when it is writable: a layer's read may have waited for that */
  vd_connection_pump (c);
}

void
vd_connection_watch (VdConnection *c, int fd)
{
  c->watch = vd_reactor_watch (c->setup.reactor, fd, on_ready, c);
}

void
vd_connection_on_timer (gpointer data)
{
  VdConnection *c = data;

  if (c->at == VD_AT_HANDSHAKE)
    vd_connection_handshake_timeout (c);
  else if (c->at == VD_AT_DIALOGUE && c->answer_by <= vd_reactor_now (c->setup.reactor))
    vd_connection_credential_timeout (c);
  else if (c->at == VD_AT_DIALOGUE)
    {
      vd_session_tick (c->session, vd_reactor_now (c->setup.reactor));
      vd_connection_silence_tick (c);
    }
  else if (c->at == VD_AT_RESOLVE)
    vd_connection_fail (
        c, VEREDA_STAGE_RESOLVE,
        vd_connection_error_new (c, VEREDA_ERROR_RESOLVE, "no answer to the name look-up within %.3g seconds",
                                 (double) vd_options_time (c->setup.options, VD_OPTION_CONNECT_TIMEOUT) / G_USEC_PER_SEC));
  vd_connection_pump (c);
}

void
vd_connection_forget_pump (VdConnection *c)
{
  if (c->pumping_later)
    vd_reactor_undefer (c->setup.reactor, pump_later, c);
}
