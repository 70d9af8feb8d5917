/* SPDX-License-Identifier: MIT */
/* sender - the queue of messages, the walk over the servers, the one connection.  Implements include/vereda/sender.h.
 *
 * Orchestrates.  Every message that was taken gets exactly one verdict, whatever happens: in deliver(). A message moves on to another
 * connection or server only while nothing of it was accepted. */
#include <vereda/sender.h>
#include <vereda/version.h>

#include "vereda-config.h"

#include "core/base/error.h"
#include "core/send/connection.h"
#include "core/send/job.h"

/* Connections to one server in a row without a message getting an answer. */
#define RECONNECTS_MAX 8

struct VeredaSender
{
  VeredaOptions *options;
  VeredaRegistry *registry;
  VdReactor *reactor;
  VdTimer *deadline;
  GPtrArray *targets; /* of VdTarget */
  VdLog log;

  GQueue waiting;     /* of VdJob: to be given to a session */
  GQueue deferred;    /* of VdJob: the present server cannot take them, a later one might */
  GHashTable *flying; /* VdTransaction → VdJob */

  guint server; /* index of the present one */
  VdVisit *visit;
  VdConnection *connection;
  GString *story;    /* errors of the servers passed over */
  gboolean answered; /* on this connection a message got an answer */
  gboolean quitting; /* the session was told that no more will come */

  gboolean once; /* no further message will come: QUIT may ride behind the last */
  gboolean running;
  gboolean ending; /* vereda_sender_free() was called: no further message is taken */
  gint cancelled;  /* atomic */
};

static void work (VeredaSender *sender);
static void on_deadline (gpointer data);

/* ---- life ---- */

static void
log_debug (VeredaTraceKind kind, gboolean secure, const char *server, const char *text, gpointer user_data)
{
  static const char *const marks[] = { "", "->", "<-", "<*", "==", "**" };

  g_debug ("%s %s%s %s", server != NULL ? server : "-", marks[kind], secure ? "~" : " ", text);
}

VeredaSender *
vereda_sender_new (VeredaOptions *options, GError **error)
{
  VeredaSender *sender;
  GPtrArray *targets;
  VdReactor *reactor;
  VdTrace trace;

  if (!vd_route_check (options, error))
    return NULL;
  targets = vd_target_list (vd_options_text (options, VD_OPTION_SERVERS), vd_options_text (options, VD_OPTION_PORTS), error);
  if (targets == NULL)
    return NULL;
  reactor = vd_reactor_new (error);
  if (reactor == NULL)
    {
      g_ptr_array_unref (targets);
      return NULL;
    }

  sender = g_new0 (VeredaSender, 1);
  sender->options = vereda_options_copy (options);
  sender->registry = vereda_registry_ref (options->registry != NULL ? options->registry : vereda_registry_get_default ());
  sender->reactor = reactor;
  sender->targets = targets;
  sender->flying = g_hash_table_new (NULL, NULL);
  sender->story = g_string_new (NULL);
  trace = (VdTrace){ options->trace, options->trace_data, NULL };
  if (trace.func == NULL && vd_options_bool (options, VD_OPTION_DEBUG))
    trace.func = log_debug;
  vd_log_init (&sender->log, &trace, vd_reactor_now (reactor));
  sender->deadline = vd_reactor_timer (reactor, on_deadline, sender);
  return sender;
}

static void
deliver (VeredaSender *sender, VdJob *job)
{
  VeredaResult *result = job->result;

  vd_log_copy (&sender->log, job->log_from, result);
  if (sender->connection != NULL)
    {
      GPtrArray *warnings = vd_connection_warnings (sender->connection);

      for (guint i = 0; i < warnings->len; i++)
        vd_result_warn (result, "%s", (const char *) g_ptr_array_index (warnings, i));
    }
  if (job->done != NULL)
    job->done (sender, job->message, result, job->data);
  vd_job_free (job);
}

static void
fail_all (VeredaSender *sender, GQueue *queue, const GError *error, VdReply *reply)
{
  GQueue failed = *queue;
  VdJob *job;

  g_queue_init (queue); /* what a callback submits is not theirs to fail */
  while ((job = g_queue_pop_head (&failed)) != NULL)
    {
      vd_job_fail (job, error, reply);
      if (reply != NULL && job->copy == 0)
        {
          g_free (job->result->server);
          job->result->server = g_strdup (sender->visit->name);
        }
      deliver (sender, job);
    }
}

static void
end_visit (VeredaSender *sender)
{
  g_clear_pointer (&sender->connection, vd_connection_free);
  g_clear_pointer (&sender->visit, vd_visit_free);
  sender->log.trace.server = NULL;
}

/* ---- outcomes ---- */

static void
note_outcome (VeredaSender *sender, VdJob *job)
{
  static const VeredaStage stages[] = { VEREDA_STAGE_END, VEREDA_STAGE_DATA, VEREDA_STAGE_MAIL, VEREDA_STAGE_RCPT };
  const VdTransaction *txn = job->txn;
  gboolean sent = txn->outcome == VD_OUTCOME_SENT;
  guint at = txn->final_reply != NULL || txn->outcome == VD_OUTCOME_UNKNOWN ? 0
             : txn->data_reply != NULL                                      ? 1
             : txn->mail_reply != NULL                                      ? 2
                                                                            : 3;
  VdReply *reply = at == 0 ? txn->final_reply : at == 1 ? txn->data_reply : at == 2 ? txn->mail_reply : NULL;
  const char *detail = sent ? "message accepted" : txn->error != NULL ? txn->error->message : "recipients refused";
  VeredaStage stage = txn->settled && reply == NULL ? vd_connection_stage (sender->connection) : stages[at];

  g_ptr_array_add (job->result->attempts, vd_attempt_new (sender->visit->name, vd_connection_address (sender->connection),
                                                          vd_connection_transport (sender->connection), stage, sent, reply,
                                                          sent ? VEREDA_DECISION_CONTINUE : VEREDA_DECISION_STOP,
                                                          vd_reactor_now (sender->reactor) - sender->log.started, detail));
}

/* Connection rows first, then the message's own. */
static void
deliver_with_rows (VeredaSender *sender, VdJob *job)
{
  vd_log_copy (&sender->log, job->log_from, job->result);
  job->log_from = sender->log.attempts->len;
  note_outcome (sender, job);
}

/* Nothing of it was accepted, and it ended with its session: another connection may take it. */
static gboolean
may_move (VeredaSender *sender, const VdTransaction *txn)
{
  if (!txn->settled || txn->outcome != VD_OUTCOME_NOT_SENT)
    return FALSE;
  return !txn->mail_accepted || vd_connection_again (sender->connection) == VD_AGAIN_NO_CHUNKING;
}

static void
on_finished (VeredaSender *sender, VdTransaction *txn)
{
  VdJob *job = g_hash_table_lookup (sender->flying, txn);
  VdReply *closing;

  g_hash_table_remove (sender->flying, txn);
  if (may_move (sender, txn))
    {
      g_queue_push_tail (&sender->waiting, job);
      return;
    }
  if (txn->lacking && sender->server + 1 < sender->targets->len)
    {
      g_string_append_printf (sender->story, "%s%s", sender->story->len > 0 ? "; " : "", txn->error->message);
      g_queue_push_tail (&sender->deferred, job);
      return;
    }
  sender->answered = TRUE;
  deliver_with_rows (sender, job);
  closing = txn->settled ? vd_connection_error_reply (sender->connection) : NULL;
  if (closing != NULL && closing->code != 421)
    closing = NULL;
  vd_job_take_outcome (job, sender->visit->name, closing);
  if (vd_job_next_copy (job))
    g_queue_push_head (&sender->waiting, job);
  else
    deliver (sender, job);
}

static void
take_finished (VeredaSender *sender)
{
  VdSession *session = vd_connection_session (sender->connection);
  VdTransaction *txn;

  while (session != NULL && (txn = vd_session_take_finished (session)) != NULL)
    on_finished (sender, txn);
}

/* ---- feeding the session ---- */

static gboolean
has_copies_left (VeredaSender *sender)
{
  GHashTableIter iter;
  gpointer job;

  g_hash_table_iter_init (&iter, sender->flying);
  while (g_hash_table_iter_next (&iter, NULL, &job))
    if (((VdJob *) job)->copy + 1 < ((VdJob *) job)->envelope->copies->len)
      return TRUE;
  return FALSE;
}

static void
feed_session (VeredaSender *sender)
{
  VdSession *session = vd_connection_session (sender->connection);
  gboolean kick = FALSE;
  VdJob *job;

  if (session == NULL || !vd_session_is_ready (session) || sender->quitting)
    return;
  while ((job = g_queue_pop_head (&sender->waiting)) != NULL)
    {
      VdTransaction *txn = vd_job_begin_copy (job);

      g_hash_table_insert (sender->flying, txn, job);
      vd_session_submit (session, txn);
      kick = TRUE;
    }
  if (g_hash_table_size (sender->flying) == 0 || (sender->once && !has_copies_left (sender)))
    {
      sender->quitting = TRUE;
      vd_session_finish (session, vd_reactor_now (sender->reactor));
      kick = TRUE;
    }
  if (kick)
    vd_connection_kick (sender->connection);
}

/* ---- the walk over the servers ---- */

static void
on_connection (gpointer data)
{
  work (data);
}

static void
connect_now (VeredaSender *sender)
{
  VdConnectionSetup setup;

  if (sender->visit == NULL)
    sender->visit = vd_visit_new (sender->options, g_ptr_array_index (sender->targets, sender->server));
  sender->log.trace.server = sender->visit->name;
  sender->answered = sender->quitting = FALSE;
  setup = (VdConnectionSetup){ .reactor = sender->reactor,
                               .registry = sender->registry,
                               .options = sender->options,
                               .visit = sender->visit,
                               .log = &sender->log,
                               .func = on_connection,
                               .data = sender };
  sender->connection = vd_connection_new (&setup);
}

static void
note_failure (VeredaSender *sender, VeredaDecision decision)
{
  VdConnection *connection = sender->connection;
  const GError *error = vd_connection_error (connection);

  g_ptr_array_add (sender->log.attempts, vd_attempt_new (sender->visit->name, vd_connection_address (connection),
                                                         vd_connection_transport (connection), vd_connection_stage (connection),
                                                         FALSE, vd_connection_error_reply (connection), decision,
                                                         vd_reactor_now (sender->reactor) - sender->log.started,
                                                         error != NULL ? error->message : "closed"));
}

/* The list of servers is through. */
static void
give_up (VeredaSender *sender, const GError *last, VdReply *reply)
{
  GError *error = g_error_copy (last);

  if (sender->story->len > 0)
    {
      g_clear_error (&error);
      error = g_error_new (last->domain, last->code, "no server took the message: %s; %s", sender->story->str, last->message);
    }
  fail_all (sender, &sender->waiting, error, reply);
  fail_all (sender, &sender->deferred, error, reply);
  g_clear_error (&error);
}

/* To the next server, with all that the present one did not take. */
static void
advance (VeredaSender *sender)
{
  VdJob *job;

  end_visit (sender);
  sender->server++;
  while ((job = g_queue_pop_head (&sender->deferred)) != NULL)
    g_queue_push_tail (&sender->waiting, job);
  connect_now (sender);
}

static void
next_server (VeredaSender *sender)
{
  const GError *error = vd_connection_error (sender->connection);
  gboolean last = sender->server + 1 >= sender->targets->len || vd_connection_is_fatal (sender->connection);

  note_failure (sender, last ? VEREDA_DECISION_STOP : VEREDA_DECISION_NEXT_SERVER);
  if (last)
    {
      give_up (sender, error, vd_connection_error_reply (sender->connection));
      end_visit (sender);
      return;
    }
  g_string_append_printf (sender->story, "%s%s", sender->story->len > 0 ? "; " : "", error->message);
  advance (sender);
}

static void
reconnect (VeredaSender *sender)
{
  sender->visit->reconnects = sender->answered ? 0 : sender->visit->reconnects + 1;
  g_clear_pointer (&sender->connection, vd_connection_free);
  connect_now (sender);
}

static void
on_closed (VeredaSender *sender)
{
  VdConnection *connection = sender->connection;
  gboolean more = !g_queue_is_empty (&sender->waiting);
  gboolean again = vd_connection_again (connection) != VD_AGAIN_NO && sender->visit->reconnects < RECONNECTS_MAX;

  if (more && vd_connection_error (connection) == NULL) /* messages came after QUIT was on its way */
    reconnect (sender);
  else if (more && (again || (vd_connection_was_ready (connection) && sender->answered)))
    {
      note_failure (sender, VEREDA_DECISION_RECONNECT);
      reconnect (sender);
    }
  else if (more)
    next_server (sender);
  else if (!g_queue_is_empty (&sender->deferred))
    advance (sender);
  else
    end_visit (sender);
}

/* Everything that a connection's turn leaves to do. */
static void
work (VeredaSender *sender)
{
  if (sender->connection == NULL)
    return;
  take_finished (sender);
  if (vd_connection_is_closed (sender->connection))
    on_closed (sender);
  else
    feed_session (sender);
}

/* ---- ends from outside ---- */

static void
abort_all (VeredaSender *sender, VeredaErrorCode code, const char *why)
{
  GError *error = g_error_new_literal (VEREDA_ERROR, (gint) code, why);

  /* Nothing moves on any more. */
  sender->server = sender->targets->len;
  if (sender->connection != NULL)
    {
      vd_connection_abort (sender->connection, g_error_copy (error));
      take_finished (sender);
    }
  fail_all (sender, &sender->waiting, error, NULL);
  fail_all (sender, &sender->deferred, error, NULL);
  end_visit (sender);
  g_clear_error (&error);
}

static void
start_deadline (VeredaSender *sender)
{
  gint64 deadline = vd_options_time (sender->options, VD_OPTION_DEADLINE);

  if (deadline > 0)
    vd_timer_set (sender->deadline, vd_reactor_now (sender->reactor) + deadline);
}

static void
on_deadline (gpointer data)
{
  abort_all (data, VEREDA_ERROR_TIMEOUT, "the overall deadline has passed");
  start_deadline (data); /* for what callbacks submitted meanwhile */
}

void
vereda_sender_cancel (VeredaSender *sender)
{
  g_atomic_int_set (&sender->cancelled, 1);
  vd_reactor_wake (sender->reactor);
}

void
vereda_sender_free (VeredaSender *sender)
{
  if (sender == NULL)
    return;
  g_return_if_fail (!sender->running && !sender->ending);
  sender->ending = TRUE;
  abort_all (sender, VEREDA_ERROR_CANCELLED, "given up before it was sent");
  vd_timer_free (sender->deadline);
  vd_reactor_free (sender->reactor);
  vd_log_clear (&sender->log);
  g_hash_table_unref (sender->flying);
  g_string_free (sender->story, TRUE);
  g_ptr_array_unref (sender->targets);
  vereda_registry_unref (sender->registry);
  vereda_options_free (sender->options);
  g_free (sender);
}

/* ---- the API ---- */

/* A callback of vereda_sender_free() submits: nobody would ever send it. */
static VeredaResult *
refuse_late (GError **error)
{
  GError *why = g_error_new_literal (VEREDA_ERROR, VEREDA_ERROR_CANCELLED, "the sender is being freed");
  VeredaResult *result = vd_result_new ();

  vd_result_fail (result, why);
  g_propagate_error (error, why);
  return result;
}

gboolean
vereda_sender_submit (VeredaSender *sender, VeredaMessage *message, VeredaOptions *options, VeredaDoneFunc done,
                      gpointer user_data, VeredaResult **ret_result, GError **error)
{
  VeredaResult *result = NULL;
  VdJob *job = NULL;

  if (sender->ending)
    result = refuse_late (error);
  else
    job = vd_job_new (message, options != NULL ? options : sender->options, &result, error);
  if (ret_result != NULL)
    *ret_result = result;
  else
    vereda_result_unref (result);
  if (job == NULL)
    return FALSE;
  job->done = done;
  job->data = user_data;
  g_queue_push_tail (&sender->waiting, job);
  return TRUE;
}

static gboolean
is_idle (VeredaSender *sender)
{
  return sender->connection == NULL && g_queue_is_empty (&sender->waiting) && g_queue_is_empty (&sender->deferred);
}

static void
begin_walk (VeredaSender *sender)
{
  sender->server = 0;
  vd_log_restart (&sender->log, vd_reactor_now (sender->reactor));
  g_string_truncate (sender->story, 0);
  connect_now (sender);
}

void
vereda_sender_run (VeredaSender *sender)
{
  g_return_if_fail (!sender->running && !sender->ending);
  sender->running = TRUE;
  start_deadline (sender);
  while (!is_idle (sender))
    {
      GError *error = NULL;

      if (g_atomic_int_get (&sender->cancelled))
        {
          abort_all (sender, VEREDA_ERROR_CANCELLED, "cancelled");
          break;
        }
      if (sender->connection == NULL)
        begin_walk (sender);
      else
        work (sender); /* messages submitted by callbacks */
      if (sender->connection != NULL && !vd_reactor_turn (sender->reactor, -1, &error))
        {
          abort_all (sender, VEREDA_ERROR_INTERNAL, error->message);
          g_clear_error (&error);
        }
    }
  vd_timer_set (sender->deadline, -1);
  g_atomic_int_set (&sender->cancelled, 0);
  sender->running = FALSE;
}

gboolean
vereda_sendmessage (VeredaMessage *message, VeredaOptions *options, VeredaResult **ret_result, GError **error)
{
  VeredaOptions *own = options == NULL ? vereda_options_new () : NULL;
  VeredaResult *result = NULL;
  GError *why = NULL;
  VeredaSender *sender = vereda_sender_new (options != NULL ? options : own, &why);
  gboolean sent;

  if (sender == NULL)
    {
      result = vd_result_new ();
      vd_result_fail (result, why);
    }
  else if (vereda_sender_submit (sender, message, NULL, NULL, NULL, &result, &why))
    {
      sender->once = TRUE;
      vereda_sender_run (sender);
      why = result->error != NULL ? g_error_copy (result->error) : NULL;
    }
  vereda_sender_free (sender);
  vereda_options_free (own);

  sent = result->verdict == VEREDA_SENT;
  if (why != NULL)
    g_propagate_error (error, why);
  if (ret_result != NULL)
    *ret_result = result;
  else
    vereda_result_unref (result);
  return sent;
}

const char *
vereda_version (void)
{
  return VEREDA_VERSION;
}
