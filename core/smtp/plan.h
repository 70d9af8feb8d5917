/* SPDX-License-Identifier: MIT */
/* plan - the flight planner: what may be sent while replies are outstanding.
 *
 * Pure, one table.  The session asks one question: "step A was sent last and its reply is outstanding; may step B leave now?"  Every yes is a
 * row of the table with the RFC section that grants it; what no row grants waits.  Since each granted pair was itself granted
 * after its predecessor, the last outstanding step decides.  One exception the session keeps itself: behind an outstanding AUTH no content
 * goes, however many envelope commands lie between. */
#ifndef VD_PLAN_H
#define VD_PLAN_H

#include <glib.h>

typedef enum
{
  VD_PIPELINING_OFF,   /* one command, one reply */
  VD_PIPELINING_AUTO,  /* everything the RFCs grant */
  VD_PIPELINING_WINDOW /* one's own relay: whole BDAT transactions ahead */
} VdPipelining;

typedef enum
{
  VD_COMMIT_ALL, /* every recipient or nothing */
  VD_COMMIT_ANY  /* at least one */
} VdCommit;

typedef enum
{
  VD_STEP_GREETING, /* the wait for 220 */
  VD_STEP_EHLO,
  VD_STEP_STARTTLS,
  VD_STEP_AUTH,
  VD_STEP_MAIL,
  VD_STEP_RCPT,
  VD_STEP_DATA,
  VD_STEP_CONTENT, /* message octets and the final dot; needs 354 */
  VD_STEP_BDAT,
  VD_STEP_BDAT_LAST,
  VD_STEP_RSET,
  VD_STEP_NOOP,
  VD_STEP_QUIT,
  VD_STEP_N
} VdStep;

typedef struct
{
  VdPipelining level;
  gboolean pipelining; /* offered in the latest EHLO */
  gboolean chunking;   /* offered */
  VdCommit commit;     /* of the transaction that the next step belongs to */
  guint recipients;    /* RCPT commands of that transaction */
  gboolean
      auth_ahead; /* the envelope may ride behind AUTH: the caller wants it, and the mechanism is PLAIN or EXTERNAL, complete */
} VdPlanState;

typedef struct
{
  VdPipelining level; /* lowest level at which the row holds */
  guint needs;        /* VD_PLAN_NEEDS_* */
  const char *source; /* RFC and section */
} VdPlanRow;

enum
{
  VD_PLAN_NEEDS_PIPELINING = 1u << 0,
  VD_PLAN_NEEDS_CHUNKING = 1u << 1,
  VD_PLAN_NEEDS_ONE_OR_ANY = 1u << 2, /* commit rule any, or exactly one recipient: no reply can forbid what follows */
  VD_PLAN_NEEDS_AUTH_AHEAD = 1u << 3  /* asked for, and the outstanding AUTH is one that needs no further step */
};

/* The row that lets `next` leave while the reply to `sent` is outstanding, or NULL: wait. */
const VdPlanRow *vd_plan_may_follow (const VdPlanState *state, VdStep sent, VdStep next);

typedef enum
{
  VD_CONTENT_DATA,
  VD_CONTENT_BDAT
} VdContentVerb;

/* Which verb carries the content: BDAT where it saves a round trip without risk, that is, where DATA would have to wait for the RCPT replies
 * (commit rule all, several recipients), in the window, and behind an AUTH, which no DATA may follow at once; DATA otherwise.  `allowed` FALSE: chunking is switched off. */
VdContentVerb vd_plan_content_verb (const VdPlanState *state, gboolean allowed);

const char *vd_step_name (VdStep step); /* "RCPT", "end of data" */

#endif
