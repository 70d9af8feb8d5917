/* SPDX-License-Identifier: MIT */
/* lane - see lane.h.
 *
 * Orchestrates.  One function works, vd_lane_feed(); it is called when the connection had a turn or the queue has something. */
#include "core/send/lane.h"

#include "core/base/error.h"

/* Connections to one server in a row without a message getting an answer. */
#define RECONNECTS_MAX 8
/* Connections lost with one message begun before it is the message that is blamed. */
#define LOSSES_MAX     8
/* Rows after which a log forgets the connections before the present one. */
#define LOG_MAX        64
/* How long a server that is not the first of the list is used before those before it are tried again. */
#define RETURN_AFTER   (60 * G_USEC_PER_SEC)
/* Between two calls that tell a message's progress. */
#define TELL_AFTER     (100 * G_TIME_SPAN_MILLISECOND)

struct VdLane
{
  const VdLaneSetup *setup;
  VdLog log;
  VdLaneSpot spot;

  guint server; /* index of the present one */
  guint least;  /* the first server whose messages it takes: below server, where those before failed */
  VdVisit *visit;
  VdConnection *connection; /* NULL: over */
  GString *story;           /* errors of the servers passed over; NULL: none */
  gboolean transient;       /* one of these may pass */
  gint64 visit_began;

  VdPlace *place;    /* of the present connection, once a row told of it */
  GQueue flying;     /* of VdTransaction, in the order given to the session */
  guint with_copies; /* of those: messages of which another copy is to follow */
  guint carried;     /* transactions given to this session */
  gint64 idle_since;
  gboolean answered; /* on this connection a message got an answer */
  gboolean known;    /* what the visit was told is noted */
  gboolean quitting; /* the session was told that no more will come */
  gboolean ending;   /* not to be used for another message, nor to go anywhere else */
  gboolean aborted;  /* by its owner */
};

static gint64
now_of (const VdLane *lane)
{
  return vd_reactor_now (lane->setup->reactor);
}

static gboolean
has_next_server (const VdLane *lane)
{
  return lane->server + 1 < lane->setup->targets->len;
}

static void
add_to_story (VdLane *lane, const char *text)
{
  if (lane->story == NULL)
    lane->story = g_string_new (NULL);
  g_string_append_printf (lane->story, "%s%s", lane->story->len > 0 ? "; " : "", text);
}

static void
end_visit (VdLane *lane)
{
  g_clear_pointer (&lane->connection, vd_connection_free);
  g_clear_pointer (&lane->visit, vd_visit_free);
  lane->log.trace.server = NULL;
}

/* ---- outcomes ---- */

static void
copy_log (VdLane *lane, VdJob *job)
{
  if (job->log_of != lane->log.serial)
    job->log_from = 0;
  vd_log_copy (&lane->log, job->log_from, job->result);
  job->log_of = lane->log.serial;
  job->log_from = lane->log.attempts->len;
}

/* Where its connection is. */
static VdPlace *
place_of (VdLane *lane)
{
  const char *address = vd_connection_address (lane->connection), *transport = vd_connection_transport (lane->connection);
  VdPlace *place = lane->place;

  if (place != NULL && g_strcmp0 (place->server, lane->visit->name) == 0 && g_strcmp0 (place->address, address) == 0
      && g_strcmp0 (place->transport, transport) == 0)
    return place;
  vd_place_unref (place);
  return lane->place = vd_place_new (lane->visit->name, address, transport);
}

static void
note_outcome (VdLane *lane, VdJob *job, VdPlace *place)
{
  static const VeredaStage stages[] = { VEREDA_STAGE_END, VEREDA_STAGE_DATA, VEREDA_STAGE_MAIL, VEREDA_STAGE_RCPT };
  const VdTransaction *txn = job->txn;
  gboolean sent = txn->outcome == VD_OUTCOME_SENT;
  guint at = txn->final_reply != NULL || txn->outcome == VD_OUTCOME_UNKNOWN ? 0
             : txn->data_reply != NULL                                      ? 1
             : txn->mail_reply != NULL                                      ? 2
                                                                            : 3;
  VdReply *reply = at == 0 ? txn->final_reply : at == 1 ? txn->data_reply : at == 2 ? txn->mail_reply : NULL;
  gint64 elapsed = now_of (lane) - lane->log.started;
  VeredaStage stage = txn->settled && reply == NULL ? vd_connection_stage (lane->connection) : stages[at];

  if (sent)
    vd_result_add_sent (job->result, place, stage, reply, elapsed);
  else
    vd_result_add_attempt (job->result, vd_attempt_new (place, stage, FALSE, reply, VEREDA_DECISION_STOP, elapsed,
                                                        txn->error != NULL ? txn->error->message : "recipients refused"));
}

/* Connection rows first, then the message's own. */
static void
take_outcome (VdLane *lane, VdJob *job)
{
  VdReply *closing = job->txn->settled ? vd_connection_error_reply (lane->connection) : NULL;
  VdPlace *place = place_of (lane);

  copy_log (lane, job);
  note_outcome (lane, job, place);
  vd_job_take_outcome (job, place, closing != NULL && closing->code == 421 ? closing : NULL);
}

void
vd_lane_conclude (VdLane *lane, VdJob *job)
{
  GPtrArray *warnings = lane->connection != NULL ? vd_connection_warnings (lane->connection) : NULL;

  copy_log (lane, job);
  for (guint i = 0; warnings != NULL && i < warnings->len; i++)
    vd_result_warn (job->result, "%s", (const char *) g_ptr_array_index (warnings, i));
}

/* Nothing of it was accepted, and it ended with its session: another connection may take it. */
static gboolean
may_move (VdLane *lane, const VdTransaction *txn)
{
  if (!txn->settled || txn->outcome != VD_OUTCOME_NOT_SENT)
    return FALSE;
  return txn->may_move || lane->aborted || vd_connection_again (lane->connection) == VD_AGAIN_NO_CHUNKING;
}

/* To the queue, for the next server. */
static void
defer (VdLane *lane, VdJob *job)
{
  add_to_story (lane, job->txn->error->message);
  copy_log (lane, job);
  job->server = lane->server + 1;
  vd_queue_push (lane->setup->queue, job);
}

/* The end is always told, once. */
static void
on_wrote (gpointer data, VdTransaction *txn)
{
  VdLane *lane = data;
  VdJob *job = txn->data;
  const VeredaOptions *options = lane->setup->options;

  if ((txn->content_written == 0 && !txn->handed_over) || job->tell_at == G_MAXINT64
      || (now_of (lane) < job->tell_at && !txn->handed_over))
    return;
  job->tell_at = txn->handed_over ? G_MAXINT64 : now_of (lane) + TELL_AFTER;
  options->progress (job->message, txn->handed_over ? VEREDA_STAGE_END : VEREDA_STAGE_DATA,
                     txn->handed_over ? txn->size : MIN (txn->content_written, txn->size), txn->size, options->progress_data);
}

/* `back` gets what waits again. */
static void
on_finished (VdLane *lane, VdTransaction *txn, GQueue *back)
{
  VdJob *job = txn->data;

  g_queue_unlink (&lane->flying, &txn->flying);
  lane->with_copies -= vd_job_has_more_copies (job) ? 1 : 0;
  if (may_move (lane, txn) && !job->doomed)
    {
      job->losses += txn->begun ? 1 : 0;
      if (job->losses < LOSSES_MAX)
        {
          g_queue_push_tail (back, job);
          return;
        }
      if (has_next_server (lane) && txn->error != NULL)
        {
          job->losses = 0;
          defer (lane, job);
          return;
        }
    }
  if (txn->lacking && has_next_server (lane) && !job->doomed)
    {
      defer (lane, job);
      return;
    }
  lane->answered = TRUE;
  if (lane->setup->options->progress != NULL && txn->handed_over)
    on_wrote (lane, txn);
  take_outcome (lane, job);
  if (vd_job_next_copy (job))
    g_queue_push_tail (back, job);
  else
    {
      vd_lane_conclude (lane, job);
      lane->setup->funcs->done (lane->setup->data, lane, job);
    }
}

static void
take_finished (VdLane *lane)
{
  VdSession *session = vd_connection_session (lane->connection);
  GQueue back = G_QUEUE_INIT; /* before the others, in their order */
  VdTransaction *txn;
  gboolean any = FALSE;
  VdJob *job;

  while (session != NULL && (txn = vd_session_take_finished (session)) != NULL)
    {
      on_finished (lane, txn, &back);
      any = TRUE;
    }
  while ((job = g_queue_pop_tail (&back)) != NULL)
    {
      copy_log (lane, job);
      vd_queue_push_front (lane->setup->queue, job);
    }
  if (any)
    lane->idle_since = now_of (lane);
}

/* ---- feeding the session ---- */

static gboolean
reached_limit (const VdLane *lane)
{
  if (lane->ending || (lane->setup->messages_max > 0 && lane->carried >= lane->setup->messages_max))
    return TRUE;
  return lane->server > 0 && lane->least == 0 && now_of (lane) - lane->visit_began > RETURN_AFTER;
}

static gboolean
submit_next (VdLane *lane, VdSession *session)
{
  VdJob *job = vd_queue_take (lane->setup->queue, lane->least, lane->server);
  VdTransaction *txn;

  if (job == NULL)
    return FALSE;
  txn = vd_job_begin_copy (job);
  lane->with_copies += vd_job_has_more_copies (job) ? 1 : 0;
  lane->carried++;
  g_queue_push_tail_link (&lane->flying, &txn->flying);
  vd_session_submit (session, txn);
  return TRUE;
}

static gboolean
is_to_quit (VdLane *lane)
{
  const VdLaneFuncs *funcs = lane->setup->funcs;

  if (reached_limit (lane))
    return TRUE;
  if (vd_queue_has (lane->setup->queue, lane->least, lane->server))
    return FALSE;
  if (g_queue_is_empty (&lane->flying))
    return !funcs->rest (lane->setup->data, lane);
  return lane->with_copies == 0 && funcs->is_last_call (lane->setup->data, lane);
}

/* TRUE: it was given something to do. */
static gboolean
feed_session (VdLane *lane)
{
  VdSession *session = vd_connection_session (lane->connection);
  gboolean kick = FALSE;
  guint quota;

  if (session == NULL || !vd_session_takes (session) || lane->quitting)
    return FALSE;
  if (!lane->known)
    {
      lane->known = TRUE;
      vd_visit_remember (lane->visit, &lane->setup->known[lane->server]);
    }
  quota = lane->setup->funcs->quota (lane->setup->data, lane);
  while (lane->flying.length < quota && !reached_limit (lane) && submit_next (lane, session))
    kick = TRUE;
  if (is_to_quit (lane))
    {
      lane->quitting = TRUE;
      vd_session_finish (session, now_of (lane));
      kick = TRUE;
    }
  return kick;
}

/* ---- the walk over the servers ---- */

static void
on_connection (gpointer data)
{
  VdLane *lane = data;

  vd_lane_feed (lane);
  lane->setup->funcs->changed (lane->setup->data, lane);
}

static gboolean
on_feed (gpointer data)
{
  VdLane *lane = data;

  take_finished (lane);
  return feed_session (lane);
}

static void
connect_now (VdLane *lane)
{
  VdConnectionSetup setup;

  if (lane->visit == NULL)
    {
      lane->visit = vd_visit_new (lane->setup->options, g_ptr_array_index (lane->setup->targets, lane->server));
      vd_visit_recall (lane->visit, &lane->setup->known[lane->server]);
      lane->visit_began = now_of (lane);
    }
  lane->log.trace.server = lane->visit->name;
  lane->answered = lane->quitting = lane->known = FALSE;
  lane->carried = 0;
  setup = (VdConnectionSetup){ .reactor = lane->setup->reactor,
                               .names = lane->setup->names,
                               .registry = lane->setup->registry,
                               .options = lane->setup->options,
                               .visit = lane->visit,
                               .memory = lane->setup->memory,
                               .tickets = lane->setup->tickets,
                               .log = &lane->log,
                               .func = on_connection,
                               .feed = on_feed,
                               .wrote = lane->setup->options->progress != NULL ? on_wrote : NULL,
                               .data = lane };
  lane->connection = vd_connection_new (&setup);
}

static void
note_failure (VdLane *lane, VeredaDecision decision)
{
  VdConnection *connection = lane->connection;
  const GError *error = vd_connection_error (connection);

  g_ptr_array_add (lane->log.attempts,
                   vd_attempt_new (place_of (lane), vd_connection_stage (connection), FALSE,
                                   vd_connection_error_reply (connection), decision, now_of (lane) - lane->log.started,
                                   error != NULL ? error->message : "closed"));
}

static void
advance (VdLane *lane, guint server)
{
  end_visit (lane);
  lane->server = server;
  connect_now (lane);
}

static void
give_up (VdLane *lane)
{
  const GError *last = vd_connection_error (lane->connection);
  GError *error = lane->story == NULL ? g_error_copy (last)
                                      : g_error_new (last->domain, last->code, "no server took the message: %s; %s",
                                                     lane->story->str, last->message);

  lane->ending = TRUE;
  lane->setup->funcs->gave_up (lane->setup->data, lane, error, vd_connection_error_reply (lane->connection));
  g_clear_error (&error);
  end_visit (lane);
}

static void
next_server (VdLane *lane)
{
  gboolean last = !has_next_server (lane) || vd_connection_is_fatal (lane->connection);

  note_failure (lane, last ? VEREDA_DECISION_STOP : VEREDA_DECISION_NEXT_SERVER);
  if (last)
    {
      give_up (lane);
      return;
    }
  add_to_story (lane, vd_connection_error (lane->connection)->message);
  lane->transient
      |= vd_error_is_transient (vd_connection_error (lane->connection), vd_connection_error_reply (lane->connection));
  advance (lane, lane->server + 1);
}

static void
reconnect (VdLane *lane)
{
  lane->visit->reconnects = lane->answered ? 0 : lane->visit->reconnects + 1;
  g_clear_pointer (&lane->connection, vd_connection_free);
  if (lane->log.attempts->len > LOG_MAX)
    vd_log_restart (&lane->log, now_of (lane));
  connect_now (lane);
}

static void
on_closed (VdLane *lane)
{
  VdConnection *connection = lane->connection;
  VdQueue *queue = lane->setup->queue;
  gboolean more = vd_queue_has (queue, lane->least, lane->server) && !lane->ending;
  gboolean again = vd_connection_again (connection) != VD_AGAIN_NO && lane->visit->reconnects < RECONNECTS_MAX;
  guint beyond = vd_queue_beyond (queue, lane->server);

  if (more && vd_connection_error (connection) == NULL)
    {
      /* QUIT was on its way, for one reason or another, when more came; from a later server back to the first. */
      if (lane->server > 0 && now_of (lane) - lane->visit_began > RETURN_AFTER)
        end_visit (lane);
      else
        reconnect (lane);
    }
  else if (more && (again || (vd_connection_was_ready (connection) && lane->answered)))
    {
      note_failure (lane, VEREDA_DECISION_RECONNECT);
      reconnect (lane);
    }
  else if (more)
    next_server (lane);
  else if (beyond < queue->servers && !lane->ending)
    {
      lane->least = beyond; /* it goes there for these, not because the servers before are out of order */
      advance (lane, beyond);
    }
  else
    end_visit (lane);
}

/* A connection that lay idle may have been closed by the server meanwhile: what it said is there to be read, which takes no round trip. */
static void
look_before_reuse (VdLane *lane)
{
  if (vd_lane_is_idle (lane) && lane->carried > 0 && lane->idle_since < now_of (lane)
      && vd_queue_has (lane->setup->queue, lane->least, lane->server))
    vd_connection_look (lane->connection);
}

/* Everything that a connection's turn leaves to do. */
void
vd_lane_feed (VdLane *lane)
{
  if (lane->connection == NULL)
    return;
  take_finished (lane);
  look_before_reuse (lane);
  if (vd_connection_is_closed (lane->connection))
    on_closed (lane);
  else if (feed_session (lane))
    vd_connection_kick (lane->connection);
}

/* ---- the owner's side ---- */

VdLane *
vd_lane_new (const VdLaneSetup *setup, guint server)
{
  VdLane *lane = g_new0 (VdLane, 1);

  lane->setup = setup;
  lane->spot.link.data = lane;
  lane->server = lane->least = server;
  vd_log_init (&lane->log, setup->trace, vd_reactor_now (setup->reactor));
  connect_now (lane);
  return lane;
}

void
vd_lane_free (VdLane *lane)
{
  if (lane == NULL)
    return;
  end_visit (lane);
  g_warn_if_fail (g_queue_is_empty (&lane->flying));
  vd_log_clear (&lane->log);
  vd_place_unref (lane->place);
  if (lane->story != NULL)
    g_string_free (lane->story, TRUE);
  g_free (lane);
}

void
vd_lane_close (VdLane *lane)
{
  lane->ending = TRUE;
  vd_lane_feed (lane);
}

void
vd_lane_abort (VdLane *lane, const GError *error)
{
  lane->ending = TRUE;
  if (lane->connection == NULL)
    return;
  lane->aborted = TRUE;
  if (vd_lane_is_idle (lane))
    {
      /* It owes nobody anything: QUIT goes if it goes at once, and is not waited for (END-1). */
      vd_session_finish (vd_connection_session (lane->connection), now_of (lane));
      vd_connection_flush (lane->connection);
    }
  vd_connection_abort (lane->connection, g_error_copy (error));
  take_finished (lane);
  end_visit (lane);
}

VdLaneSpot *
vd_lane_spot (VdLane *lane)
{
  return &lane->spot;
}

gboolean
vd_lane_is_over (const VdLane *lane)
{
  return lane->connection == NULL;
}

gboolean
vd_lane_is_ready (const VdLane *lane)
{
  VdSession *session = lane->connection != NULL ? vd_connection_session (lane->connection) : NULL;

  return session != NULL && vd_session_is_ready (session) && !lane->quitting;
}

gboolean
vd_lane_is_idle (const VdLane *lane)
{
  return lane->flying.length == 0 && vd_lane_is_ready (lane);
}

gboolean
vd_lane_has_doomed (const VdLane *lane)
{
  for (GList *l = lane->flying.head; l != NULL; l = l->next)
    if (((VdJob *) ((VdTransaction *) l->data)->data)->doomed)
      return TRUE;
  return FALSE;
}

gboolean
vd_lane_was_ready (const VdLane *lane)
{
  return lane->connection != NULL && vd_connection_was_ready (lane->connection);
}

gint64
vd_lane_idle_since (const VdLane *lane)
{
  return lane->idle_since;
}

const char *
vd_lane_server_name (const VdLane *lane)
{
  return lane->visit != NULL ? lane->visit->name : NULL;
}

gboolean
vd_lane_is_leaving (const VdLane *lane)
{
  return lane->quitting;
}

gboolean
vd_lane_was_transient (const VdLane *lane)
{
  return lane->transient;
}

guint
vd_lane_flying (const VdLane *lane)
{
  return lane->flying.length;
}
