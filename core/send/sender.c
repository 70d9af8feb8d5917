/* SPDX-License-Identifier: MIT */
/* sender - messages from submission to verdict: deadlines, cancelling, and who runs the turns.  Implements include/vereda/sender.h.
 *
 * Orchestrates.  Every message that was taken gets exactly one verdict, whatever happens: in on_done() or fail(). */
#include <vereda/sender.h>
#include <vereda/version.h>

#include "vereda-config.h"

#include "core/base/error.h"
#include "core/send/pool.h"

/* How long vereda_sendmessage() waits for the reply to QUIT once it has its answer (END-1: SHOULD). */
#define QUIT_GRACE (G_USEC_PER_SEC / 2)
/* Turns of the reactor in one dispatch, while there is something to do at once. */
#define TURNS_MAX  8

struct VeredaSender
{
  VeredaOptions *options;
  VeredaRegistry *registry;
  VdReactor *reactor;
  GPtrArray *targets; /* of VdTarget */
  VdTrace trace;

  VdPool *pool;      /* the queue of those that wait, and the connections */
  VdTerms terms;     /* of the options used last */
  GQueue pending;    /* of VdJob: all without a verdict, in the order submitted, which is that of their deadlines */
  VdTimer *deadline; /* the first one's */
  gint64 patience;   /* from submission to deadline; 0: none */

  gboolean keep;    /* the option */
  gboolean driven;  /* by an event loop: somebody sees to connections that are idle */
  gboolean closing; /* vereda_sender_close() was called after the last message was submitted */
  gboolean busy;    /* inside of vereda_sender_run() or vereda_sender_dispatch() */
  gboolean running; /* the former */
  gboolean ending;  /* vereda_sender_free() was called: no further message is taken */
  gint cancelled;   /* atomic */
};

/* ---- verdicts ---- */

static void
arm_deadline (VeredaSender *sender)
{
  VdJob *first = g_queue_peek_head (&sender->pending);
  gint64 deadline = first != NULL ? first->deadline : G_MAXINT64;

  if (vd_timer_get (sender->deadline) != (deadline == G_MAXINT64 ? -1 : deadline))
    vd_timer_set (sender->deadline, deadline == G_MAXINT64 ? -1 : deadline);
}

static void
on_done (gpointer data, VdJob *job)
{
  VeredaSender *sender = data;

  g_queue_unlink (&sender->pending, &job->pending);
  if (job->done != NULL)
    job->done (sender, job->message, job->result, job->data);
  vd_job_free (job);
  if (!sender->ending)
    arm_deadline (sender);
}

/* A message that waits, and will not be sent.  `lane` is the one whose story it is; NULL: none. */
static void
fail (VeredaSender *sender, VdLane *lane, VdJob *job, const GError *error, VdReply *reply)
{
  vd_job_fail (job, error, reply);
  if (reply != NULL && job->copy == 0)
    {
      g_autoptr (VdPlace) place = vd_place_new (vd_lane_server_name (lane), NULL, NULL);

      vd_result_set_answer (job->result, place, reply);
    }
  if (lane != NULL)
    {
      job->result->transient |= vd_lane_was_transient (lane);
      vd_lane_conclude (lane, job);
    }
  on_done (sender, job);
}

/* What callbacks submit is not theirs to fail: only what waits now. */
static void
on_unreachable (gpointer data, VdLane *lane, const GError *error, VdReply *reply)
{
  VeredaSender *sender = data;
  VdQueue *queue = vd_pool_queue (sender->pool);
  GQueue failed = G_QUEUE_INIT;
  VdJob *job;

  while ((job = vd_queue_take (queue, 0, queue->servers - 1)) != NULL)
    g_queue_push_tail_link (&failed, &job->link);
  while (failed.head != NULL)
    fail (sender, lane, g_queue_pop_head_link (&failed)->data, error, reply);
}

/* They are the first of the list, and none is under way any more. */
static void
fail_doomed (VeredaSender *sender, const GError *error)
{
  VdJob *job;

  while ((job = g_queue_peek_head (&sender->pending)) != NULL && job->doomed)
    {
      vd_queue_remove (vd_pool_queue (sender->pool), job);
      fail (sender, NULL, job, error, NULL);
    }
}

/* ---- ends from outside ---- */

static GError *
end_error (VeredaErrorCode code, const char *why)
{
  return g_error_new_literal (VEREDA_ERROR, (gint) code, why);
}

/* Everything that was submitted until now. */
static void
abort_all (VeredaSender *sender, VeredaErrorCode code, const char *why)
{
  GError *error = end_error (code, why);

  for (GList *l = sender->pending.head; l != NULL; l = l->next)
    ((VdJob *) l->data)->doomed = TRUE;
  vd_pool_abort (sender->pool, error);
  fail_doomed (sender, error);
  g_clear_error (&error);
}

static gint64
new_deadline (VeredaSender *sender)
{
  return sender->patience > 0 ? vd_reactor_now (sender->reactor) + sender->patience : G_MAXINT64;
}

/* Those whose time has passed are the first of the list. */
static gboolean
doom_expired (VeredaSender *sender)
{
  gint64 now = vd_reactor_now (sender->reactor);
  gboolean any = FALSE;

  for (GList *l = sender->pending.head; l != NULL && ((VdJob *) l->data)->deadline <= now; l = l->next)
    any = ((VdJob *) l->data)->doomed = TRUE;
  return any;
}

/* Connections being made for nobody. */
static void
drop_needless (VeredaSender *sender, const GError *error)
{
  if (vd_pool_queue (sender->pool)->length == 0)
    vd_pool_drop_unmade (sender->pool, error);
}

static void
on_deadline (gpointer data)
{
  VeredaSender *sender = data;
  GError *error = end_error (VEREDA_ERROR_TIMEOUT, "the overall deadline has passed");

  if (doom_expired (sender))
    {
      vd_pool_abort_doomed (sender->pool, error);
      fail_doomed (sender, error);
      drop_needless (sender, error);
    }
  arm_deadline (sender);
  g_clear_error (&error);
}

void
vereda_sender_cancel (VeredaSender *sender)
{
  g_atomic_int_set (&sender->cancelled, 1);
  vd_reactor_wake (sender->reactor);
}

/* ---- life ---- */

static void
log_debug (VeredaTraceKind kind, gboolean secure, const char *server, const char *text, gpointer user_data)
{
  static const char *const marks[] = {
    [VEREDA_TRACE_CLIENT] = "->", [VEREDA_TRACE_SERVER] = "<-", [VEREDA_TRACE_SERVER_ERROR] = "<*",
    [VEREDA_TRACE_INFO] = "==",   [VEREDA_TRACE_ERROR] = "**",  [VEREDA_TRACE_TLS] = "==",
  };

  g_debug ("%s %s%s %s", server != NULL ? server : "-", marks[kind], secure ? "~" : " ", text);
}

static const VdPoolFuncs pool_funcs = { on_done, on_unreachable };

VeredaSender *
vereda_sender_new (VeredaOptions *options, GError **error)
{
  g_autoptr (GPtrArray) targets = vd_route_targets (options, error);
  VdReactor *reactor = targets != NULL ? vd_reactor_new (error) : NULL;
  VeredaSender *sender;
  VdPoolSetup pool;

  if (reactor == NULL)
    return NULL;

  sender = g_new0 (VeredaSender, 1);
  sender->options = vereda_options_copy (options);
  sender->registry = vereda_registry_ref (vd_options_registry (options));
  sender->reactor = reactor;
  sender->targets = g_steal_pointer (&targets);
  sender->patience = vd_options_time (options, VD_OPTION_DEADLINE);
  sender->keep = vd_options_bool (options, VD_OPTION_KEEP);
  sender->trace = (VdTrace){ options->trace, options->trace_data, NULL, options->trace != NULL && options->trace_secrets };
  if (sender->trace.func == NULL && vd_options_bool (options, VD_OPTION_DEBUG))
    sender->trace.func = log_debug;
  sender->deadline = vd_reactor_timer (reactor, on_deadline, sender);
  pool = (VdPoolSetup){ .reactor = reactor,
                        .registry = sender->registry,
                        .options = sender->options,
                        .targets = sender->targets,
                        .trace = &sender->trace,
                        .funcs = &pool_funcs,
                        .data = sender };
  sender->pool = vd_pool_new (&pool);
  return sender;
}

void
vereda_sender_free (VeredaSender *sender)
{
  if (sender == NULL)
    return;
  g_return_if_fail (!sender->busy && !sender->ending);
  sender->ending = TRUE;
  abort_all (sender, VEREDA_ERROR_CANCELLED, "given up before it was sent");
  vd_pool_free (sender->pool);
  vd_timer_free (sender->deadline);
  vd_reactor_free (sender->reactor);
  g_ptr_array_unref (sender->targets);
  vereda_registry_unref (sender->registry);
  vereda_options_free (sender->options);
  vd_terms_clear (&sender->terms);
  g_free (sender);
}

/* ---- the API ---- */

static void
update_keep (VeredaSender *sender)
{
  vd_pool_set_keep (sender->pool, !sender->closing && (sender->keep || (sender->driven && !sender->running)));
}

/* A callback of vereda_sender_free() submits: nobody would ever send it. */
static VeredaResult *
refuse_late (GError **error)
{
  GError *why = end_error (VEREDA_ERROR_CANCELLED, "the sender is being freed");
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
    job = vd_job_new (message, options != NULL ? options : sender->options, &sender->terms, &result, error);
  if (ret_result != NULL)
    *ret_result = result;
  else
    vereda_result_unref (result);
  if (job == NULL)
    return FALSE;
  job->done = done;
  job->data = user_data;
  job->deadline = new_deadline (sender);
  if (sender->closing)
    {
      sender->closing = FALSE;
      update_keep (sender);
    }
  g_queue_push_tail_link (&sender->pending, &job->pending);
  vd_pool_push (sender->pool, job);
  arm_deadline (sender);
  return TRUE;
}

/* The clock of what was submitted before starts now. */
static void
restart_deadlines (VeredaSender *sender)
{
  gint64 deadline = new_deadline (sender);

  for (GList *l = sender->pending.head; l != NULL; l = l->next)
    ((VdJob *) l->data)->deadline = deadline;
  arm_deadline (sender);
}

/* What vereda_sender_run() waits for. */
static gboolean
is_finished (VeredaSender *sender)
{
  guint stay = sender->keep && !sender->closing ? vd_pool_n_idle (sender->pool) : 0;

  return g_queue_is_empty (&sender->pending) && vd_pool_n_lanes (sender->pool) == stay;
}

/* With nothing left to send. */
static void
wind_up (VeredaSender *sender)
{
  GError *error;

  if (!g_queue_is_empty (&sender->pending) || vd_pool_n_unmade (sender->pool) == 0)
    return;
  error = end_error (VEREDA_ERROR_CANCELLED, "nothing is left to be sent");
  drop_needless (sender, error);
  g_clear_error (&error);
}

static void
take_turn (VeredaSender *sender, gint64 max_wait)
{
  GError *error = NULL;

  if (!vd_reactor_turn (sender->reactor, max_wait, &error))
    {
      abort_all (sender, VEREDA_ERROR_INTERNAL, error->message);
      g_clear_error (&error);
    }
}

/* TRUE: it was cancelled. */
static gboolean
take_cancel (VeredaSender *sender)
{
  if (!g_atomic_int_compare_and_exchange (&sender->cancelled, 1, 0))
    return FALSE;
  abort_all (sender, VEREDA_ERROR_CANCELLED, "cancelled");
  return TRUE;
}

void
vereda_sender_run (VeredaSender *sender)
{
  g_return_if_fail (!sender->busy && !sender->ending);
  sender->busy = sender->running = TRUE;
  update_keep (sender);
  restart_deadlines (sender);
  for (wind_up (sender); !is_finished (sender) && !take_cancel (sender); wind_up (sender))
    take_turn (sender, -1);
  g_atomic_int_set (&sender->cancelled, 0);
  sender->busy = sender->running = FALSE;
  update_keep (sender);
}

static void
drive (VeredaSender *sender)
{
  if (sender->driven)
    return;
  sender->driven = TRUE;
  update_keep (sender);
}

int
vereda_sender_get_fd (VeredaSender *sender)
{
  drive (sender);
  return vd_reactor_get_fd (sender->reactor);
}

void
vereda_sender_dispatch (VeredaSender *sender)
{
  g_return_if_fail (!sender->busy && !sender->ending);
  drive (sender);
  sender->busy = TRUE;
  for (guint i = 0; i < TURNS_MAX; i++)
    {
      take_turn (sender, 0);
      take_cancel (sender);
      if (vd_reactor_next_deadline (sender->reactor) != 0)
        break;
    }
  if (sender->closing)
    wind_up (sender);
  sender->busy = FALSE;
}

guint
vereda_sender_get_n_pending (VeredaSender *sender)
{
  return sender->pending.length;
}

guint
vereda_sender_get_n_connections (VeredaSender *sender)
{
  return vd_pool_n_lanes (sender->pool);
}

void
vereda_sender_close (VeredaSender *sender)
{
  sender->closing = TRUE;
  update_keep (sender);
}

/* The message has its verdict before QUIT is answered; the rest is courtesy. */
static void
run_once (VeredaSender *sender)
{
  gint64 until = G_MAXINT64;

  sender->busy = sender->running = TRUE;
  while (!is_finished (sender) && !take_cancel (sender))
    {
      gint64 now = vd_reactor_now (sender->reactor);

      if (g_queue_is_empty (&sender->pending) && until == G_MAXINT64)
        until = now + QUIT_GRACE;
      if (now >= until)
        break;
      take_turn (sender, until == G_MAXINT64 ? -1 : until - now);
    }
  sender->busy = sender->running = FALSE;
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
      vd_pool_set_once (sender->pool);
      run_once (sender);
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
