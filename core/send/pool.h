/* SPDX-License-Identifier: MIT */
/* pool - the lanes of one sender and the queue they share: how many there are, which of them gets what waits, and when one that is idle goes.
 *
 * Orchestrates.  Nothing here grows with the number of lanes but the memory: each stands in the list of those that are in its state. */
#ifndef VD_POOL_H
#define VD_POOL_H

#include "core/send/lane.h"

typedef struct VdPool VdPool;

typedef struct
{
  /* `job` has its verdict and is the callee's. */
  void (*done) (gpointer data, VdJob *job);
  /* The last lane reaches no server: what waits in the queue now is to be failed. */
  void (*unreachable) (gpointer data, VdLane *lane, const GError *error, VdReply *reply);
} VdPoolFuncs;

typedef struct
{
  VdReactor *reactor;
  VeredaRegistry *registry;
  const VeredaOptions *options;
  GPtrArray *targets; /* of VdTarget */
  const VdTrace *trace;
  const VdPoolFuncs *funcs;
  gpointer data;
} VdPoolSetup; /* everything borrowed, and must outlive the pool */

VdPool *vd_pool_new (const VdPoolSetup *setup);
/* Its lanes are gone (vd_pool_abort()) and its queue is empty. */
void vd_pool_free (VdPool *pool);

VdQueue *vd_pool_queue (VdPool *pool);
/* Adds to the queue; a lane takes it in a later turn. */
void vd_pool_push (VdPool *pool, VdJob *job);

/* Whether lanes with nothing to carry stay connected (for the option's time), and whether QUIT may ride behind the last message that waits. */
void vd_pool_set_keep (VdPool *pool, gboolean keep);
void vd_pool_set_once (VdPool *pool);

/* Ends lanes at once; what is under way on them and may not move gets its verdict.  doomed_only: those that carry a doomed job. */
void vd_pool_abort (VdPool *pool, const GError *error);
void vd_pool_abort_doomed (VdPool *pool, const GError *error);
/* Ends those that nobody was spoken to on for a message yet: nothing is left for them. */
void vd_pool_drop_unmade (VdPool *pool, const GError *error);

guint vd_pool_n_lanes (const VdPool *pool);
guint vd_pool_n_idle (const VdPool *pool);
guint vd_pool_n_unmade (const VdPool *pool);

#endif
