/* SPDX-License-Identifier: MIT */
/* queue - see queue.h. */
#include "core/send/queue.h"

void
vd_queue_init (VdQueue *queue, guint servers)
{
  queue->rows = g_new0 (GQueue, servers);
  queue->servers = servers;
  queue->length = 0;
}

void
vd_queue_clear (VdQueue *queue)
{
  g_warn_if_fail (queue->length == 0);
  g_clear_pointer (&queue->rows, g_free);
}

static void
note_in (VdQueue *queue, VdJob *job)
{
  job->waiting = TRUE;
  queue->length++;
}

void
vd_queue_push (VdQueue *queue, VdJob *job)
{
  g_queue_push_tail_link (&queue->rows[job->server], &job->link);
  note_in (queue, job);
}

void
vd_queue_push_front (VdQueue *queue, VdJob *job)
{
  g_queue_push_head_link (&queue->rows[job->server], &job->link);
  note_in (queue, job);
}

void
vd_queue_remove (VdQueue *queue, VdJob *job)
{
  g_queue_unlink (&queue->rows[job->server], &job->link);
  job->waiting = FALSE;
  queue->length--;
}

VdJob *
vd_queue_take (VdQueue *queue, guint least, guint server)
{
  for (guint i = server + 1; i-- > least;)
    if (queue->rows[i].head != NULL)
      {
        VdJob *job = queue->rows[i].head->data;

        vd_queue_remove (queue, job);
        return job;
      }
  return NULL;
}

gboolean
vd_queue_has (const VdQueue *queue, guint least, guint server)
{
  for (guint i = least; i <= server; i++)
    if (queue->rows[i].head != NULL)
      return TRUE;
  return FALSE;
}

static guint
first_from (const VdQueue *queue, guint from)
{
  while (from < queue->servers && queue->rows[from].head == NULL)
    from++;
  return from;
}

guint
vd_queue_lowest (const VdQueue *queue)
{
  return first_from (queue, 0);
}

guint
vd_queue_beyond (const VdQueue *queue, guint server)
{
  return first_from (queue, server + 1);
}
