/* SPDX-License-Identifier: MIT */
/* sender - the queue of messages and the lanes that empty it; deadlines, cancelling, event loops.  Implements include/vereda/sender.h.
 *
 * Orchestrates.  Every message that was taken gets exactly one verdict, whatever happens: in on_done() or fail(). */
#include <vereda/sender.h>
#include <vereda/version.h>

#include "vereda-config.h"

#include "core/base/error.h"
#include "core/send/lane.h"

/* Messages given to a session ahead of the server's answers: more is no faster, and with several lanes the others would stand idle. */
#define AHEAD_ALONE    256
#define AHEAD_AMONG    4
/* Connections being made at once. */
#define CONNECTING_MAX 128
/* How long fewer connections are made after some could not be had. */
#define MODEST_FOR     (30 * G_USEC_PER_SEC)
/* Turns of the reactor in one dispatch, while there is something to do at once. */
#define TURNS_MAX      8

struct VeredaSender
{
  VeredaOptions *options;
  VeredaRegistry *registry;
  VdReactor *reactor;
  GPtrArray *targets; /* of VdTarget */
  VdTrace trace;
  VdLaneSetup setup;
  guint connections_max;
  guint window; /* messages on their way on one connection with pipelining=window; 0: that is not asked for */

  VdQueue queue;     /* messages that wait */
  VdMemory *memory;  /* of what servers cannot do */
  GQueue pending;    /* of VdJob: all without a verdict, in the order submitted, which is that of their deadlines */
  VdTimer *deadline; /* the first one's */

  GQueue lanes;    /* of VdLane */
  gboolean proven; /* a lane was ready: the others may follow */
  guint modest;    /* no more lanes than this; 0: as many as allowed */
  gint64 modest_until;

  gboolean once;   /* no further message will come: QUIT may ride behind the last */
  gboolean busy;   /* inside of vereda_sender_run() */
  gboolean ending; /* vereda_sender_free() was called: no further message is taken */
  gboolean called; /* look() is deferred */
  gint cancelled;  /* atomic */
};

static void look (gpointer data);
static void on_deadline (gpointer data);

/* ---- lanes ---- */

static guint
lanes_allowed (VeredaSender *sender)
{
  guint allowed = sender->proven ? sender->connections_max : 1;

  if (sender->modest > 0 && vd_reactor_now (sender->reactor) >= sender->modest_until)
    sender->modest = 0;
  return sender->modest > 0 ? MIN (allowed, sender->modest) : allowed;
}

/* Fair among those there are, lest one takes what the others could send at the same time. */
static guint
quota (gpointer data, VdLane *lane)
{
  VeredaSender *sender = data;
  guint lanes = sender->lanes.length, share;

  if (sender->connections_max == 1)
    return MAX (AHEAD_ALONE, sender->window);
  share = vd_lane_flying (lane) + (sender->queue.length + lanes - 1) / lanes;
  return MIN (share, MAX (AHEAD_AMONG, sender->window));
}

static gboolean
rest (gpointer data, VdLane *lane)
{
  return FALSE;
}

static gboolean
is_last_call (gpointer data, VdLane *lane)
{
  return ((VeredaSender *) data)->once;
}

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
on_done (gpointer data, VdLane *lane, VdJob *job)
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
      g_free (job->result->server);
      job->result->server = g_strdup (vd_lane_server_name (lane));
    }
  if (lane != NULL)
    vd_lane_conclude (lane, job);
  on_done (sender, lane, job);
}

/* What callbacks submit is not theirs to fail: only what waits now. */
static void
fail_waiting (VeredaSender *sender, VdLane *lane, const GError *error, VdReply *reply)
{
  GQueue failed = G_QUEUE_INIT;
  VdJob *job;

  while ((job = vd_queue_take (&sender->queue, 0, sender->queue.servers - 1)) != NULL)
    g_queue_push_tail_link (&failed, &job->link);
  while (failed.head != NULL)
    fail (sender, lane, g_queue_pop_head_link (&failed)->data, error, reply);
}

static void
on_gave_up (gpointer data, VdLane *lane, const GError *error, VdReply *reply)
{
  VeredaSender *sender = data;

  if (sender->lanes.length == 1)
    {
      sender->proven = FALSE;
      fail_waiting (sender, lane, error, reply);
      return;
    }
  /* The others go on, and nobody takes its place for a while: servers have limits of their own. */
  sender->modest = sender->lanes.length - 1;
  sender->modest_until = vd_reactor_now (sender->reactor) + MODEST_FOR;
}

/* ---- opening and closing lanes ---- */

static void
call_look (VeredaSender *sender)
{
  if (sender->called)
    return;
  sender->called = TRUE;
  vd_reactor_defer (sender->reactor, look, sender);
}

static void
remove_lane (VeredaSender *sender, VdLane *lane)
{
  g_queue_unlink (&sender->lanes, vd_lane_link (lane));
  vd_lane_free (lane);
}

static void
on_changed (gpointer data, VdLane *lane)
{
  VeredaSender *sender = data;

  sender->proven |= vd_lane_is_ready (lane);
  if (vd_lane_is_over (lane))
    remove_lane (sender, lane);
  if (sender->queue.length > 0)
    call_look (sender);
}

static const VdLaneFuncs lane_funcs = { quota, rest, is_last_call, on_done, on_gave_up, on_changed };

static guint
connecting (VeredaSender *sender)
{
  guint n = 0;

  for (GList *l = sender->lanes.head; l != NULL; l = l->next)
    n += !vd_lane_is_ready (l->data);
  return n;
}

/* One message for each lane that is being connected; those that are busy take more as they get on. */
static void
open_lanes (VeredaSender *sender)
{
  guint allowed = lanes_allowed (sender), n = connecting (sender);

  while (sender->lanes.length < allowed && n < CONNECTING_MAX && sender->queue.length > n)
    {
      VdLane *lane = vd_lane_new (&sender->setup, vd_queue_lowest (&sender->queue));

      g_queue_push_tail_link (&sender->lanes, vd_lane_link (lane));
      n++;
    }
}

/* Something waits, or a lane is gone. */
static void
look (gpointer data)
{
  VeredaSender *sender = data;

  sender->called = FALSE;
  for (GList *l = sender->lanes.head, *next; l != NULL && sender->queue.length > 0; l = next)
    {
      next = l->next;
      vd_lane_feed (l->data);
      if (vd_lane_is_over (l->data))
        remove_lane (sender, l->data);
    }
  open_lanes (sender);
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
  GQueue lanes = sender->lanes;

  g_queue_init (&sender->lanes);
  for (GList *l = sender->pending.head; l != NULL; l = l->next)
    ((VdJob *) l->data)->doomed = TRUE;
  while (lanes.head != NULL)
    {
      VdLane *lane = g_queue_pop_head_link (&lanes)->data;

      vd_lane_abort (lane, error);
      vd_lane_free (lane);
    }
  fail_waiting (sender, NULL, error, NULL);
  g_clear_error (&error);
}

static gint64
new_deadline (VeredaSender *sender)
{
  gint64 length = vd_options_time (sender->options, VD_OPTION_DEADLINE);

  return length > 0 ? vd_reactor_now (sender->reactor) + length : G_MAXINT64;
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

/* Lanes on the way to a server for which nothing waits any more. */
static void
drop_needless (VeredaSender *sender, const GError *error)
{
  for (GList *l = sender->lanes.head, *next; l != NULL && sender->queue.length == 0; l = next)
    {
      next = l->next;
      if (vd_lane_was_ready (l->data))
        continue;
      vd_lane_abort (l->data, error);
      remove_lane (sender, l->data);
    }
}

static void
on_deadline (gpointer data)
{
  VeredaSender *sender = data;
  GError *error = end_error (VEREDA_ERROR_TIMEOUT, "the overall deadline has passed");
  VdJob *job;

  if (doom_expired (sender))
    {
      for (GList *l = sender->lanes.head, *next; l != NULL; l = next)
        {
          next = l->next;
          if (!vd_lane_has_doomed (l->data))
            continue;
          vd_lane_abort (l->data, error);
          remove_lane (sender, l->data);
        }
      while ((job = g_queue_peek_head (&sender->pending)) != NULL && job->doomed)
        {
          vd_queue_remove (&sender->queue, job);
          fail (sender, NULL, job, error, NULL);
        }
      drop_needless (sender, error);
    }
  arm_deadline (sender);
  call_look (sender);
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
  static const char *const marks[] = { "", "->", "<-", "<*", "==", "**" };

  g_debug ("%s %s%s %s", server != NULL ? server : "-", marks[kind], secure ? "~" : " ", text);
}

VeredaSender *
vereda_sender_new (VeredaOptions *options, GError **error)
{
  VeredaSender *sender;
  GPtrArray *targets;
  VdReactor *reactor;

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
  sender->connections_max = 1;
  if (vd_options_choice (options, VD_OPTION_PIPELINING) == (guint) VD_PIPELINING_WINDOW)
    sender->window = (guint) vd_options_number (options, VD_OPTION_WINDOW_MESSAGES);
  sender->trace = (VdTrace){ options->trace, options->trace_data, NULL };
  if (sender->trace.func == NULL && vd_options_bool (options, VD_OPTION_DEBUG))
    sender->trace.func = log_debug;
  vd_queue_init (&sender->queue, targets->len);
  sender->memory = vd_memory_new ();
  sender->deadline = vd_reactor_timer (reactor, on_deadline, sender);
  sender->setup = (VdLaneSetup){ .reactor = reactor,
                                 .registry = sender->registry,
                                 .options = sender->options,
                                 .targets = targets,
                                 .queue = &sender->queue,
                                 .memory = sender->memory,
                                 .trace = &sender->trace,
                                 .funcs = &lane_funcs,
                                 .data = sender };
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
  vd_reactor_undefer (sender->reactor, look, sender);
  vd_timer_free (sender->deadline);
  vd_reactor_free (sender->reactor);
  vd_queue_clear (&sender->queue);
  vd_memory_free (sender->memory);
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
    job = vd_job_new (message, options != NULL ? options : sender->options, &result, error);
  if (ret_result != NULL)
    *ret_result = result;
  else
    vereda_result_unref (result);
  if (job == NULL)
    return FALSE;
  job->done = done;
  job->data = user_data;
  job->deadline = new_deadline (sender);
  g_queue_push_tail_link (&sender->pending, &job->pending);
  vd_queue_push (&sender->queue, job);
  arm_deadline (sender);
  call_look (sender);
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

static gboolean
is_finished (VeredaSender *sender)
{
  return g_queue_is_empty (&sender->pending) && g_queue_is_empty (&sender->lanes);
}

void
vereda_sender_run (VeredaSender *sender)
{
  g_return_if_fail (!sender->busy && !sender->ending);
  sender->busy = TRUE;
  restart_deadlines (sender);
  while (!is_finished (sender))
    {
      GError *error = NULL;

      if (g_atomic_int_get (&sender->cancelled))
        {
          abort_all (sender, VEREDA_ERROR_CANCELLED, "cancelled");
          break;
        }
      if (!vd_reactor_turn (sender->reactor, -1, &error))
        {
          abort_all (sender, VEREDA_ERROR_INTERNAL, error->message);
          g_clear_error (&error);
        }
    }
  g_atomic_int_set (&sender->cancelled, 0);
  sender->busy = FALSE;
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
