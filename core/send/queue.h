/* SPDX-License-Identifier: MIT */
/* queue - messages that wait for a connection, in the order submitted, by the first server that may have them.
 *
 * Pure and without memory of its own: a job is its own link, so that taking one out of the middle costs nothing.  Cannot fail. */
#ifndef VD_QUEUE_H
#define VD_QUEUE_H

#include "core/send/job.h"

typedef struct
{
  GQueue *rows; /* of VdJob: those that may go to server i and the ones behind it */
  guint servers;
  guint length;
} VdQueue;

void vd_queue_init (VdQueue *queue, guint servers);
void vd_queue_clear (VdQueue *queue); /* empty by then */

/* Behind all others, or in front of them, that job->server may have. */
void vd_queue_push (VdQueue *queue, VdJob *job);
void vd_queue_push_front (VdQueue *queue, VdJob *job);
/* The next that server `server` may have and no server before `least`; those that only later servers may have come first, for they can go
 * nowhere else.  NULL: none. */
VdJob *vd_queue_take (VdQueue *queue, guint least, guint server);
void vd_queue_remove (VdQueue *queue, VdJob *job);

/* TRUE when vd_queue_take() would give one. */
gboolean vd_queue_has (const VdQueue *queue, guint least, guint server);
/* The lowest server that a waiting message is for; the number of servers when none waits. */
guint vd_queue_lowest (const VdQueue *queue);
/* The lowest one behind `server`, in the same way. */
guint vd_queue_beyond (const VdQueue *queue, guint server);

#endif
