/* SPDX-License-Identifier: MIT */
/* probe - one connection, driven as a sender drives it, that stops at a point and sends no content.  See probe.h for the other file.
 *
 * Orchestrates and implements no protocol: the connection and its session are the sender's; what is added is an observer (core/smtp/observer.h)
 * that is asked before each command.  That it never allows DATA or BDAT is here, in vd_probe_may(), and nowhere else. */
#include "core/send/probe.h"

#include "core/base/error.h"

#define RECONNECTS_MAX 8                        /* as a sender's */
#define FOLLOW_US      (2 * G_TIME_SPAN_SECOND) /* for an address that lost the race: one SYN more, which comes after a second */

static void work (VeredaProbe *probe);

/* ---- where it stops ---- */

static VdGo
stop (VeredaProbe *probe)
{
  probe->reached = TRUE;
  if (probe->talk)
    return VD_GO_TALK;
  return probe->drop ? VD_GO_DROP : VD_GO_QUIT;
}

/* The point that is passed by saying it. */
static VeredaProbePoint
point_of (VeredaProbe *probe, VdStep step)
{
  const gboolean second = probe->tls.begun && probe->visit->route.mode != VD_MODE_IMPLICIT;

  switch (step)
    {
    case VD_STEP_EHLO:
      return second ? VEREDA_PROBE_EHLO : VEREDA_PROBE_FIRST_EHLO;
    case VD_STEP_STARTTLS:
      return VEREDA_PROBE_TLS;
    case VD_STEP_AUTH:
      return VEREDA_PROBE_AUTH;
    case VD_STEP_MAIL:
      return VEREDA_PROBE_MAIL;
    case VD_STEP_RCPT:
      return VEREDA_PROBE_RCPT;
    case VD_STEP_DATA:
      return VEREDA_PROBE_DATA;
    case VD_STEP_RSET:
    case VD_STEP_NOOP:
    case VD_STEP_QUIT:
      return VEREDA_PROBE_CONNECT;
    default:
      return VEREDA_PROBE_DATA + 1; /* content: never */
    }
}

/* Of several recipients the last. */
void
vd_probe_said (VeredaProbe *probe, VdStep step)
{
  const VdTransaction *txn = probe->job != NULL ? probe->job->txn : NULL;
  const gboolean more = step == VD_STEP_RCPT && txn != NULL && txn->next_rcpt + 1 < txn->n_recipients;

  if (probe->drop_sent && !probe->talk && !more && step != VD_STEP_QUIT && point_of (probe, step) == probe->end)
    probe->cut = TRUE;
}

VdGo
vd_probe_may (VeredaProbe *probe, VdStep step)
{
  return point_of (probe, step) <= probe->end ? VD_GO_ON : stop (probe);
}

/* ---- MAIL and RCPT ---- */

/* A message that is never sent gives the envelope, so that it is read and checked as a sender would. */
static gboolean
make_job (VeredaProbe *probe, GError **error)
{
  static const char text[] = "From: postmaster@localhost\r\n\r\n";
  g_autoptr (GBytes) bytes = g_bytes_new_static (text, sizeof text - 1);
  g_autoptr (VeredaMessage) message = vereda_message_new_from_bytes (bytes);
  g_autoptr (VeredaOptions) options = vereda_options_copy (probe->options);
  g_autoptr (VeredaResult) result = NULL;
  VdTerms terms = { 0 };

  if (probe->job != NULL || probe->end < VEREDA_PROBE_MAIL)
    return TRUE;
  if (vd_options_text (options, VD_OPTION_RECIPIENTS) == NULL && probe->end >= VEREDA_PROBE_RCPT)
    {
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION, "option recipients: RCPT is asked for and nobody is named");
      return FALSE;
    }
  if (vd_options_text (options, VD_OPTION_RECIPIENTS) == NULL
      && !vereda_options_set (options, "recipients", "postmaster@localhost", error))
    return FALSE;
  if (vd_options_text (options, VD_OPTION_ORIGINATOR) == NULL && !vereda_options_set (options, "originator", "", error))
    return FALSE;
  if (!vereda_options_set (options, "bcc", NULL, error))
    return FALSE;
  if (probe->end == VEREDA_PROBE_DATA && !vereda_options_set (probe->options, "chunking", "never", error))
    return FALSE;
  probe->job = vd_job_new (message, options, &terms, &result, error);
  return probe->job != NULL;
}

static void
take_outcome (VeredaProbe *probe)
{
  const VdTransaction *txn = probe->job->txn;
  VdReply *reply = txn->mail_reply != NULL ? txn->mail_reply : txn->data_reply;

  for (guint i = 0; reply == NULL && i < txn->n_recipients; i++)
    {
      const VdTxnRecipient *recipient = &txn->recipients[i];

      if (recipient->reply != NULL && !recipient->accepted)
        reply = recipient->reply;
    }
  if (txn->settled || (txn->error == NULL && txn->refused == 0)) /* the connection's error, or none */
    return;
  g_autoptr (VdPlace) place = vd_place_new (probe->visit->name, NULL, NULL);
  vd_job_take_outcome (probe->job, place, NULL);
  const GError *error = probe->job->result->error;
  if (probe->error != NULL || error == NULL)
    return;
  probe->error = g_error_copy (error);
  probe->error_stage = g_error_matches (error, VEREDA_ERROR, VEREDA_ERROR_RECIPIENTS) ? VEREDA_STAGE_RCPT
                       : reply != NULL && reply == txn->data_reply                    ? VEREDA_STAGE_DATA
                                                                                      : VEREDA_STAGE_MAIL;
  probe->error_reply = reply != NULL ? vd_reply_ref (reply) : NULL;
  probe->transient = reply != NULL && VD_REPLY_IS_TRANSIENT (reply);
}

/* ---- the session is ready: submit, or finish ---- */

static void
finish_session (VeredaProbe *probe, VdSession *session)
{
  probe->reached = probe->over = TRUE;
  if (probe->drop)
    vd_session_abort (session, NULL);
  else
    vd_session_finish (session, vd_reactor_now (probe->reactor));
  vd_connection_kick (probe->connection);
}

static void
feed_session (VeredaProbe *probe)
{
  VdSession *session = vd_connection_session (probe->connection);

  if (session != NULL && probe->talk && vd_session_is_ready (session))
    vd_session_begin_talk (session);
  if (session != NULL && vd_session_is_talking (session) && !probe->talks)
    {
      probe->talks = TRUE;
      vd_probe_look_ready (probe);
      vd_probe_look_around (probe);
    }
  if (session == NULL || probe->over || !vd_session_is_ready (session))
    return;
  vd_probe_look_ready (probe);
  if (probe->job != NULL && !probe->submitted)
    {
      VdTransaction *txn = vd_job_begin_copy (probe->job);

      txn->size = 0; /* there is no message, so that a limit of the server does not matter */
      probe->submitted = TRUE;
      vd_session_submit (session, txn);
      vd_connection_kick (probe->connection);
    }
  if (!probe->submitted)
    finish_session (probe, session);
}

static void
take_finished (VeredaProbe *probe)
{
  VdSession *session = vd_connection_session (probe->connection);

  if (session == NULL || vd_session_take_finished (session) == NULL)
    return;
  take_outcome (probe);
  if (!probe->over && vd_session_is_ready (session))
    finish_session (probe, session);
}

/* ---- connections ---- */

static void
on_connection (gpointer data)
{
  work (data);
}

static void
connect_now (VeredaProbe *probe)
{
  const VdConnectionSetup setup = { .reactor = probe->reactor,
                                    .registry = probe->registry,
                                    .options = probe->options,
                                    .visit = probe->visit,
                                    .memory = probe->memory,
                                    .names = probe->names,
                                    .log = &probe->log,
                                    .observer = &probe->observer,
                                    .func = on_connection,
                                    .data = probe };

  probe->connections++;
  probe->submitted = FALSE;
  vd_probe_look_begin (probe);
  probe->connection = vd_connection_new (&setup);
}

static void
keep_error (VeredaProbe *probe)
{
  const GError *error = vd_connection_error (probe->connection);
  VdReply *reply = vd_connection_error_reply (probe->connection);

  if (probe->error_stage == 0)
    probe->error_stage = vd_connection_stage (probe->connection);
  if (error == NULL || probe->error != NULL)
    return;
  probe->error = g_error_copy (error);
  probe->error_reply = reply != NULL ? vd_reply_ref (reply) : NULL;
  probe->transient = vd_error_is_transient (error, reply);
}

static void
on_closed (VeredaProbe *probe)
{
  const gboolean failed = vd_connection_error (probe->connection) != NULL;
  const gboolean again = failed && !probe->talks && vd_connection_again (probe->connection) != VD_AGAIN_NO
                         && probe->visit->reconnects++ < RECONNECTS_MAX && !g_atomic_int_get (&probe->cancelled);

  vd_probe_look_closed (probe);
  if (!again)
    keep_error (probe);
  g_clear_pointer (&probe->connection, vd_connection_free);
  if (again)
    connect_now (probe);
}

static void
work (VeredaProbe *probe)
{
  VdSession *session = probe->connection != NULL ? vd_connection_session (probe->connection) : NULL;
  VdReply *reply;

  if (probe->connection == NULL)
    return;
  while (session != NULL && (reply = vd_session_take_heard (session)) != NULL)
    g_queue_push_tail (&probe->heard, reply);
  take_finished (probe);
  if (vd_connection_is_closed (probe->connection))
    on_closed (probe);
  else
    feed_session (probe);
}

/* ---- ends from outside ---- */

static void
abort_now (VeredaProbe *probe, VeredaErrorCode code, const char *why)
{
  GError *error = g_error_new_literal (VEREDA_ERROR, (gint) code, why);

  g_atomic_int_set (&probe->cancelled, 1); /* no further connection */
  if (probe->connection == NULL)
    {
      g_clear_error (&error);
      return;
    }
  vd_connection_abort (probe->connection, error);
  work (probe);
}

static void
on_deadline (gpointer data)
{
  abort_now (data, VEREDA_ERROR_TIMEOUT, "the overall deadline has passed");
}

/* ---- the API ---- */

VeredaProbe *
vereda_probe_new (VeredaOptions *options, GError **error)
{
  g_autoptr (GPtrArray) targets = vd_route_targets (options, error);
  VdReactor *reactor = targets != NULL ? vd_reactor_new (error) : NULL;
  VeredaProbe *probe;
  VdTrace trace;

  if (reactor == NULL)
    return NULL;
  probe = g_new0 (VeredaProbe, 1);
  probe->options = vereda_options_copy (options);
  probe->registry = vereda_registry_ref (vd_options_registry (options));
  probe->reactor = reactor;
  probe->targets = g_steal_pointer (&targets);
  probe->memory = vd_memory_new ();
  probe->names = vd_names_new (reactor, 0);
  probe->end = VEREDA_PROBE_AUTH;
  probe->visit = vd_visit_new (probe->options, probe->targets->pdata[0]);
  trace = (VdTrace){ options->trace, options->trace_data, probe->visit->name, options->trace_secrets };
  vd_log_init (&probe->log, &trace, vd_reactor_now (reactor));
  probe->deadline = vd_reactor_timer (reactor, on_deadline, probe);
  vd_probe_look_init (probe);
  return probe;
}

void
vereda_probe_free (VeredaProbe *probe)
{
  if (probe == NULL)
    return;
  g_clear_pointer (&probe->connection, vd_connection_free);
  vd_timer_free (probe->deadline);
  g_queue_clear_full (&probe->heard, (GDestroyNotify) vd_reply_unref);
  vd_probe_look_clear (probe);
  vd_job_free (probe->job);
  vd_visit_free (probe->visit);
  vd_memory_free (probe->memory);
  vd_names_free (probe->names);
  vd_reactor_free (probe->reactor);
  vd_log_clear (&probe->log);
  g_ptr_array_unref (probe->targets);
  vereda_registry_unref (probe->registry);
  vereda_options_free (probe->options);
  g_clear_error (&probe->error);
  vd_reply_unref (probe->error_reply);
  g_free (probe);
}

void
vereda_probe_set_end (VeredaProbe *probe, VeredaProbePoint point, gboolean drop)
{
  g_return_if_fail (!probe->ran);
  probe->end = point;
  probe->drop = drop || point == VEREDA_PROBE_DATA;
}

void
vereda_probe_set_drop_sent (VeredaProbe *probe, gboolean drop)
{
  g_return_if_fail (!probe->ran);
  probe->drop_sent = drop;
}

void
vereda_probe_set_follow (VeredaProbe *probe, gboolean follow)
{
  g_return_if_fail (!probe->ran);
  vd_probe_look_follow (probe, follow);
}

void
vereda_probe_cancel (VeredaProbe *probe)
{
  g_atomic_int_set (&probe->cancelled, 1);
  vd_reactor_wake (probe->reactor);
}

void
vd_probe_turn (VeredaProbe *probe, gint64 wait)
{
  GError *error = NULL;

  if (g_atomic_int_get (&probe->cancelled))
    abort_now (probe, VEREDA_ERROR_CANCELLED, "cancelled");
  else if (!vd_reactor_turn (probe->reactor, wait, &error))
    abort_now (probe, VEREDA_ERROR_INTERNAL, error->message);
  g_clear_error (&error);
}

static void
on_patience (gpointer data)
{
  *(gboolean *) data = TRUE;
}

/* Every client prefers an address that does not answer, if it is of IPv6: what is the matter with it is worth a moment (RFC 8305 hides it). */
static void
follow_losers (VeredaProbe *probe)
{
  gboolean enough = FALSE;
  VdTimer *timer = vd_reactor_timer (probe->reactor, on_patience, &enough);

  vd_timer_set (timer, vd_reactor_now (probe->reactor) + MAX (0, FOLLOW_US - (probe->ended - probe->began - probe->raced)));
  while (!enough && vd_probe_look_follows (probe) && !g_atomic_int_get (&probe->cancelled))
    vd_probe_turn (probe, -1);
  vd_timer_free (timer);
  vd_probe_look_followed (probe);
}

/* What was said has left; nobody waits for the answer. */
static void
cut (VeredaProbe *probe)
{
  VdSession *session = vd_connection_session (probe->connection);

  if (session == NULL || probe->over || vd_session_has_output (session))
    return;
  probe->reached = probe->over = TRUE;
  vd_session_abort (session, NULL);
  vd_connection_kick (probe->connection);
}

static void
run (VeredaProbe *probe)
{
  const gint64 deadline = vd_options_time (probe->options, VD_OPTION_DEADLINE);

  if (deadline > 0)
    vd_timer_set (probe->deadline, vd_reactor_now (probe->reactor) + deadline);
  connect_now (probe);
  while (probe->connection != NULL && !probe->talks)
    {
      vd_probe_turn (probe, -1);
      if (probe->cut && probe->connection != NULL)
        cut (probe);
    }
  probe->ended = g_get_monotonic_time ();
  if (!probe->talks)
    follow_losers (probe);
  vd_timer_set (probe->deadline, -1);
}

gboolean
vereda_probe_run (VeredaProbe *probe, GError **error)
{
  g_return_val_if_fail (!probe->ran, FALSE);
  probe->ran = TRUE;
  probe->began = probe->ended = g_get_monotonic_time ();
  if (make_job (probe, &probe->error))
    run (probe);
  if (probe->error == NULL)
    return TRUE;
  g_propagate_error (error, g_error_copy (probe->error));
  return FALSE;
}
