/* SPDX-License-Identifier: MIT */
/* pool - see pool.h. */
#include "core/send/pool.h"

/* Messages given to a session ahead of the server's answers: more is no faster, and with several lanes the others would stand idle. */
#define AHEAD_ALONE    256
#define AHEAD_AMONG    4
/* Connections being made at once. */
#define CONNECTING_MAX 128
/* How long fewer connections are made after some could not be had. */
#define MODEST_FOR     (30 * G_USEC_PER_SEC)
/* How long a name's addresses are good for. */
#define NAMES_FOR      (10 * G_USEC_PER_SEC)

/* Each lane stands in one of these lists. */
enum
{
  NOWHERE,
  MAKING,  /* on the way to a server */
  IDLE,    /* the one that is idle for longest first */
  HUNGRY,  /* at work, and it could take more */
  FULL,    /* at work */
  LEAVING, /* QUIT */
  LISTS
};

struct VdPool
{
  VdPoolSetup setup;
  VdLaneSetup lane_setup;
  VdNames *names;
  VdMemory *memory; /* of what servers cannot do */
  VdTickets *tickets;
  VdVisitKnown *known; /* for each target */
  VdQueue queue;
  guint connections_max, ahead_max;
  gint64 idle_timeout; /* 0: none */

  GQueue lanes[LISTS]; /* of VdLane, by their spots */
  guint n_lanes;
  VdTimer *idle;   /* when the first of those has been idle for long enough */
  gboolean proven; /* a lane was ready: the others may follow */
  guint modest;    /* no more lanes than this; 0: as many as allowed */
  gint64 modest_until;

  gboolean keep, once;
  gboolean called;  /* look() is deferred */
  guint delivering; /* inside of a verdict's callback: the lane takes what is submitted there, and looks afterwards */
  gboolean missed;  /* something was submitted there */
};

static void look (gpointer data);

/* ---- what a lane asks ---- */

static guint
lanes_allowed (VdPool *pool)
{
  guint allowed = pool->proven ? pool->connections_max : 1;

  if (pool->modest > 0 && vd_reactor_now (pool->setup.reactor) >= pool->modest_until)
    pool->modest = 0;
  return pool->modest > 0 ? MIN (allowed, pool->modest) : allowed;
}

/* Fair among those there are, lest one takes what the others could send at the same time. */
static guint
quota (gpointer data, VdLane *lane)
{
  VdPool *pool = data;
  guint share;

  share = vd_lane_flying (lane) + (pool->queue.length + pool->n_lanes - 1) / pool->n_lanes;
  return MIN (share, pool->ahead_max);
}

static gboolean
rest (gpointer data, VdLane *lane)
{
  VdPool *pool = data;

  if (pool->queue.length > 0 && pool->n_lanes >= lanes_allowed (pool))
    return FALSE; /* what waits is for another server, and only this lane can go there */
  return pool->keep;
}

static gboolean
is_last_call (gpointer data, VdLane *lane)
{
  return ((VdPool *) data)->once;
}

static void
on_done (gpointer data, VdLane *lane, VdJob *job)
{
  VdPool *pool = data;

  pool->delivering++;
  pool->setup.funcs->done (pool->setup.data, job);
  pool->delivering--;
}

static void
on_gave_up (gpointer data, VdLane *lane, const GError *error, VdReply *reply)
{
  VdPool *pool = data;

  if (pool->n_lanes == 1)
    {
      pool->proven = FALSE;
      pool->setup.funcs->unreachable (pool->setup.data, lane, error, reply);
      return;
    }
  /* The others go on, and nobody takes its place for a while: servers have limits of their own. */
  pool->modest = pool->n_lanes - 1;
  pool->modest_until = vd_reactor_now (pool->setup.reactor) + MODEST_FOR;
}

/* ---- the lists ---- */

static void
call_look (VdPool *pool)
{
  if (pool->called)
    return;
  pool->called = TRUE;
  vd_reactor_defer (pool->setup.reactor, look, pool);
}

static void
look_at_missed (VdPool *pool)
{
  if (pool->missed && pool->queue.length > 0)
    call_look (pool);
  pool->missed = FALSE;
}

static guint
list_for (VdPool *pool, VdLane *lane)
{
  if (vd_lane_is_leaving (lane))
    return LEAVING;
  if (!vd_lane_is_ready (lane))
    return MAKING;
  if (vd_lane_is_idle (lane))
    return IDLE;
  return vd_lane_flying (lane) < pool->ahead_max ? HUNGRY : FULL;
}

static void
arm_idle (VdPool *pool)
{
  VdLane *first = g_queue_peek_head (&pool->lanes[IDLE]);
  gint64 length = pool->idle_timeout, when = -1;

  if (first != NULL && length > 0)
    when = vd_lane_spot (first)->since + length;
  if (vd_timer_get (pool->idle) != when)
    vd_timer_set (pool->idle, when);
}

static void
unplace (VdPool *pool, VdLane *lane)
{
  VdLaneSpot *spot = vd_lane_spot (lane);

  if (spot->list != NOWHERE)
    g_queue_unlink (&pool->lanes[spot->list], &spot->link);
  spot->list = NOWHERE;
}

static void
remove_lane (VdPool *pool, VdLane *lane)
{
  unplace (pool, lane);
  pool->n_lanes--;
  vd_lane_free (lane);
}

/* After anything happened with it: into the list where it belongs, or away. */
static void
place (VdPool *pool, VdLane *lane)
{
  VdLaneSpot *spot = vd_lane_spot (lane);
  guint list;

  if (vd_lane_is_over (lane))
    {
      remove_lane (pool, lane);
      return;
    }
  pool->proven |= vd_lane_is_ready (lane);
  list = list_for (pool, lane);
  if (list == spot->list && (list != IDLE || spot->since == vd_lane_idle_since (lane)))
    return;
  unplace (pool, lane);
  spot->list = list;
  spot->since = vd_lane_idle_since (lane);
  g_queue_push_tail_link (&pool->lanes[list], &spot->link);
}

static void
on_changed (gpointer data, VdLane *lane)
{
  VdPool *pool = data;

  place (pool, lane);
  arm_idle (pool);
  if (pool->queue.length > 0)
    call_look (pool);
}

static const VdLaneFuncs lane_funcs = { quota, rest, is_last_call, on_done, on_gave_up, on_changed };

/* One message for each lane that is being connected; those that are at work take more as they get on. */
static void
open_lanes (VdPool *pool)
{
  guint allowed = lanes_allowed (pool), making = pool->lanes[MAKING].length;

  while (pool->n_lanes < allowed && making < CONNECTING_MAX && pool->queue.length > making)
    {
      VdLane *lane = vd_lane_new (&pool->lane_setup, vd_queue_lowest (&pool->queue));

      pool->n_lanes++;
      place (pool, lane);
      making++;
    }
}

/* Those of one list, the latest first: what was used last is likeliest to be there still. */
static void
feed_list (VdPool *pool, guint list)
{
  for (GList *l = pool->lanes[list].tail, *before; l != NULL && pool->queue.length > 0; l = before)
    {
      before = l->prev;
      vd_lane_feed (l->data);
      place (pool, l->data);
    }
}

static void
close_idle (VdPool *pool, gint64 since)
{
  for (GList *l = pool->lanes[IDLE].head, *next; l != NULL && vd_lane_spot (l->data)->since <= since; l = next)
    {
      next = l->next;
      vd_lane_close (l->data);
      place (pool, l->data);
    }
  arm_idle (pool);
}

static void
on_idle (gpointer data)
{
  VdPool *pool = data;

  close_idle (pool, vd_reactor_now (pool->setup.reactor) - pool->idle_timeout);
}

/* Something waits, or a lane is gone. */
static void
look (gpointer data)
{
  VdPool *pool = data;

  pool->called = FALSE;
  feed_list (pool, IDLE);
  open_lanes (pool);
  if (pool->n_lanes >= lanes_allowed (pool))
    feed_list (pool, HUNGRY);
  if (!pool->keep)
    close_idle (pool, G_MAXINT64);
  arm_idle (pool);
  look_at_missed (pool);
}

/* ---- the owner's side ---- */

VdPool *
vd_pool_new (const VdPoolSetup *setup)
{
  VdPool *pool = g_new0 (VdPool, 1);

  pool->setup = *setup;
  pool->names = vd_names_new (setup->reactor, NAMES_FOR);
  vd_queue_init (&pool->queue, setup->targets->len);
  pool->memory = vd_memory_new ();
  pool->tickets = vd_tickets_new ();
  pool->known = g_new0 (VdVisitKnown, setup->targets->len);
  pool->connections_max = (guint) vd_options_number (setup->options, VD_OPTION_CONNECTIONS);
  pool->ahead_max = pool->connections_max == 1 ? AHEAD_ALONE : AHEAD_AMONG;
  if (vd_options_choice (setup->options, VD_OPTION_PIPELINING) == (guint) VD_PIPELINING_WINDOW)
    pool->ahead_max = MAX (pool->ahead_max, (guint) vd_options_number (setup->options, VD_OPTION_WINDOW_MESSAGES));
  pool->idle_timeout = vd_options_time (setup->options, VD_OPTION_IDLE_TIMEOUT);
  pool->idle = vd_reactor_timer (setup->reactor, on_idle, pool);
  pool->lane_setup
      = (VdLaneSetup){ .reactor = setup->reactor,
                       .names = pool->names,
                       .registry = setup->registry,
                       .options = setup->options,
                       .targets = setup->targets,
                       .queue = &pool->queue,
                       .memory = pool->memory,
                       .known = pool->known,
                       .tickets = vd_options_bool (setup->options, VD_OPTION_TLS_RESUME) ? pool->tickets : NULL,
                       .trace = setup->trace,
                       .messages_max = (guint) vd_options_number (setup->options, VD_OPTION_MESSAGES_PER_CONNECTION),
                       .funcs = &lane_funcs,
                       .data = pool };
  return pool;
}

void
vd_pool_free (VdPool *pool)
{
  if (pool == NULL)
    return;
  g_warn_if_fail (pool->n_lanes == 0);
  vd_reactor_undefer (pool->setup.reactor, look, pool);
  vd_timer_free (pool->idle);
  vd_names_free (pool->names);
  vd_memory_free (pool->memory);
  vd_tickets_free (pool->tickets);
  for (guint i = 0; i < pool->queue.servers; i++)
    vd_visit_known_clear (&pool->known[i]);
  g_free (pool->known);
  vd_queue_clear (&pool->queue);
  g_free (pool);
}

VdQueue *
vd_pool_queue (VdPool *pool)
{
  return &pool->queue;
}

void
vd_pool_push (VdPool *pool, VdJob *job)
{
  vd_queue_push (&pool->queue, job);
  if (pool->delivering > 0)
    pool->missed = TRUE;
  else
    call_look (pool);
}

void
vd_pool_set_keep (VdPool *pool, gboolean keep)
{
  if (pool->keep && !keep)
    call_look (pool);
  pool->keep = keep;
}

void
vd_pool_set_once (VdPool *pool)
{
  pool->once = TRUE;
  pool->lane_setup.tickets = NULL; /* there will be no connection that could use one */
}

/* What callbacks submit meanwhile waits for the next look: no lane comes into being here. */
static void
abort_list (VdPool *pool, guint list, gboolean (*is_meant) (const VdLane *lane), const GError *error)
{
  for (GList *l = pool->lanes[list].head, *next; l != NULL; l = next)
    {
      next = l->next;
      if (is_meant != NULL && !is_meant (l->data))
        continue;
      vd_lane_abort (l->data, error);
      remove_lane (pool, l->data);
    }
  if (pool->queue.length > 0)
    call_look (pool);
}

void
vd_pool_abort (VdPool *pool, const GError *error)
{
  for (guint i = 0; i < LISTS; i++)
    abort_list (pool, i, NULL, error);
}

void
vd_pool_abort_doomed (VdPool *pool, const GError *error)
{
  for (guint i = 0; i < LISTS; i++)
    if (i != IDLE)
      abort_list (pool, i, vd_lane_has_doomed, error);
}

static gboolean
carries_nothing (const VdLane *lane)
{
  return vd_lane_flying (lane) == 0;
}

void
vd_pool_drop_unmade (VdPool *pool, const GError *error)
{
  abort_list (pool, MAKING, carries_nothing, error); /* one may carry an envelope that travels with AUTH */
}

guint
vd_pool_n_lanes (const VdPool *pool)
{
  return pool->n_lanes;
}

guint
vd_pool_n_idle (const VdPool *pool)
{
  return pool->lanes[IDLE].length;
}

guint
vd_pool_n_unmade (const VdPool *pool)
{
  return pool->lanes[MAKING].length;
}
