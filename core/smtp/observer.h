/* SPDX-License-Identifier: MIT */
/* observer - somebody who looks on while a session talks, and may end it between two commands.
 *
 * Pure data.  A session without an observer behaves the same but for the questions. */
#ifndef VD_OBSERVER_H
#define VD_OBSERVER_H

#include "core/smtp/plan.h"
#include "core/smtp/reply.h"

typedef enum
{
  VD_GO_ON,
  VD_GO_QUIT, /* say QUIT instead */
  VD_GO_DROP, /* close without a word */
  VD_GO_TALK  /* stay, and let the owner talk */
} VdGo;

/* Every function may be NULL. */
typedef struct
{
  VdGo (*may) (gpointer data, VdStep step);  /* is about to be said; within a transaction QUIT ends that alone */
  void (*said) (gpointer data, VdStep step); /* was put into the output */
  void (*heard) (gpointer data, VdStep step, VdReply *reply); /* before it has any effect */
  gpointer data;
} VdObserver;

static inline VdGo
vd_observer_may (const VdObserver *observer, VdStep step)
{
  return observer->may != NULL ? observer->may (observer->data, step) : VD_GO_ON;
}

static inline void
vd_observer_said (const VdObserver *observer, VdStep step)
{
  if (observer->said != NULL)
    observer->said (observer->data, step);
}

static inline void
vd_observer_heard (const VdObserver *observer, VdStep step, VdReply *reply)
{
  if (observer->heard != NULL)
    observer->heard (observer->data, step, reply);
}

#endif
