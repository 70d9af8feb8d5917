/* SPDX-License-Identifier: MIT */
/* lane - one walk over the servers: the server it is at, its connection, the messages under way on it.
 *
 * A sender has up to as many lanes as it may have connections; they share nothing but the queue.  A lane takes messages only when its session
 * is ready for them, so a lane that reaches no server holds none.  What becomes of a message, and of the lane, it tells its sender.  A message
 * goes back to the queue only while nothing of it was accepted. */
#ifndef VD_LANE_H
#define VD_LANE_H

#include "core/send/connection.h"
#include "core/send/queue.h"

typedef struct VdLane VdLane;

typedef struct
{
  /* How many messages may be under way on it at once. */
  guint (*quota) (gpointer data, VdLane *lane);
  /* Nothing is under way and nothing waits that it may take.  TRUE: it stays connected; FALSE: it says QUIT. */
  gboolean (*rest) (gpointer data, VdLane *lane);
  /* No message will come after those that wait now: QUIT may ride behind the last. */
  gboolean (*is_last_call) (gpointer data, VdLane *lane);
  /* `job` has its verdict and is the callee's. */
  void (*done) (gpointer data, VdLane *lane, VdJob *job);
  /* Its list of servers is through: `error` and `reply` are the last one's. */
  void (*gave_up) (gpointer data, VdLane *lane, const GError *error, VdReply *reply);
  /* It became ready, idle or is over: the last thing a lane does in a turn, the callee may free it. */
  void (*changed) (gpointer data, VdLane *lane);
} VdLaneFuncs;

typedef struct
{
  VdReactor *reactor;
  VdNames *names;
  VeredaRegistry *registry;
  const VeredaOptions *options;
  GPtrArray *targets; /* of VdTarget */
  VdQueue *queue;
  VdMemory *memory;
  VdTickets *tickets;  /* NULL: TLS sessions are not resumed */
  VdVisitKnown *known; /* one for each target */
  const VdTrace *trace;
  guint messages_max; /* on one connection; 0: any number */
  const VdLaneFuncs *funcs;
  gpointer data;
} VdLaneSetup; /* everything borrowed, and must outlive the lane; itself too */

/* Begins to connect, to server `server` first. */
VdLane *vd_lane_new (const VdLaneSetup *setup, guint server);
/* Closes without a word.  It has nothing under way: vd_lane_abort() before, or it is over.  NULL is fine. */
void vd_lane_free (VdLane *lane);

/* What the owner notes about a lane: where in its lists it stands.  The link's data is the lane. */
typedef struct
{
  GList link;
  guint list;
  gint64 since;
} VdLaneSpot;

VdLaneSpot *vd_lane_spot (VdLane *lane);

/* Looks at the queue again.  Also from outside of a turn. */
void vd_lane_feed (VdLane *lane);
/* Says QUIT when nothing is under way any more, and ends. */
void vd_lane_close (VdLane *lane);
/* Ends at once: what is under way gets its verdict, or goes back to the queue where it may and is not doomed. `error` is copied. */
void vd_lane_abort (VdLane *lane, const GError *error);

/* Adds to the job's result the rows of the lane's log that are not in it yet, and what its connection warns of. */
void vd_lane_conclude (VdLane *lane, VdJob *job);

gboolean vd_lane_is_over (const VdLane *lane);
gboolean vd_lane_is_ready (const VdLane *lane);       /* it can be given messages */
gboolean vd_lane_is_idle (const VdLane *lane);        /* ready, and nothing is under way on it */
gboolean vd_lane_has_doomed (const VdLane *lane);     /* one of those under way is */
gboolean vd_lane_was_ready (const VdLane *lane);      /* its present connection has been, though it may say QUIT by now */
gint64 vd_lane_idle_since (const VdLane *lane);       /* monotonic microseconds; meaningful while idle */
const char *vd_lane_server_name (const VdLane *lane); /* NULL when it is over */
guint vd_lane_flying (const VdLane *lane);
gboolean vd_lane_is_leaving (const VdLane *lane);    /* it said QUIT, or is about to */
gboolean vd_lane_was_transient (const VdLane *lane); /* another try might get further with one of the servers passed over */

#endif
