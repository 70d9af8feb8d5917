/* SPDX-License-Identifier: MIT */
/* plan - the flight planner: what may be sent while replies are outstanding.
 *
 * Pure, one table.  Cannot fail.
 *
 * What is not in the table waits.  Some absences are as much of the design as the rows:
 *   greeting, EHLO, STARTTLS, NOOP, QUIT: last of their group (RFC 2920 section 3.1), and EHLO's reply decides what may follow at all;
 *   AUTH then DATA or BDAT: after a refused AUTH a lenient server would commit mail that nobody vouched for.  MAIL and RCPT commit nothing;
 *     that they ride behind AUTH has to be asked for, since they show the envelope to whoever refuses (PIP-7);
 *   DATA then content: only after 354 (RFC 5321 section 3.3);
 *   end of BDAT then anything, outside the window: BDAT is last in its group unless BDAT follows (RFC 3030 sections 2 and 4.2). */
#include "core/smtp/plan.h"

#define AUTO       VD_PIPELINING_AUTO
#define WINDOW     VD_PIPELINING_WINDOW
#define PIPE       VD_PLAN_NEEDS_PIPELINING
#define CHUNK      VD_PLAN_NEEDS_CHUNKING
#define ONE_OR_ANY VD_PLAN_NEEDS_ONE_OR_ANY
#define AUTH_AHEAD VD_PLAN_NEEDS_AUTH_AHEAD

/* By what was sent, and what is next. */
static const VdPlanRow rows[VD_STEP_N][VD_STEP_N] = {
  [VD_STEP_AUTH][VD_STEP_MAIL] = { AUTO, PIPE | AUTH_AHEAD, "RFC 4954 section 4" },
  [VD_STEP_MAIL][VD_STEP_RCPT] = { AUTO, PIPE, "RFC 2920 section 3.1" },
  [VD_STEP_RCPT][VD_STEP_RCPT] = { AUTO, PIPE, "RFC 2920 section 3.1" },
  /* With the rule "all" and several recipients a refusal would come too late: after 354 there is no way back (RFC 5321 section 3.3). */
  [VD_STEP_RCPT][VD_STEP_DATA] = { AUTO, PIPE | ONE_OR_ANY, "RFC 2920 section 3.1" },
  [VD_STEP_CONTENT][VD_STEP_MAIL] = { AUTO, PIPE, "RFC 2920 section 3.1" },
  [VD_STEP_CONTENT][VD_STEP_QUIT] = { AUTO, PIPE, "RFC 2920 section 4" },
  [VD_STEP_RSET][VD_STEP_MAIL] = { AUTO, PIPE, "RFC 2920 section 3.1" },
  [VD_STEP_RSET][VD_STEP_QUIT] = { AUTO, PIPE, "RFC 2920 section 3.1" },
  [VD_STEP_BDAT][VD_STEP_BDAT] = { AUTO, PIPE | CHUNK, "RFC 3030 section 4.2" },
  [VD_STEP_BDAT][VD_STEP_BDAT_LAST] = { AUTO, PIPE | CHUNK, "RFC 3030 section 4.2" },

  /* Not granted, but what Exim and Postfix take and large senders do; a server that does not discard the chunk of a refused BDAT would read
   * the message as commands (SEC-7), so this is for a relay of one's own. */
  [VD_STEP_RCPT][VD_STEP_BDAT] = { WINDOW, PIPE | CHUNK | ONE_OR_ANY, "RFC 2920 section 3.1, against RFC 3030 section 2" },
  [VD_STEP_RCPT][VD_STEP_BDAT_LAST] = { WINDOW, PIPE | CHUNK | ONE_OR_ANY, "RFC 2920 section 3.1, against RFC 3030 section 2" },
  [VD_STEP_BDAT_LAST][VD_STEP_MAIL] = { WINDOW, PIPE | CHUNK, "RFC 3030 section 2, before its reply" },
  [VD_STEP_BDAT_LAST][VD_STEP_QUIT] = { WINDOW, PIPE | CHUNK, "RFC 3030 section 2, before its reply" },
};

static guint
met_needs (const VdPlanState *state)
{
  guint met = 0;
  if (state->pipelining)
    met |= PIPE;
  if (state->chunking)
    met |= CHUNK;
  if (state->commit == VD_COMMIT_ANY || state->recipients == 1)
    met |= ONE_OR_ANY;
  if (state->auth_ahead)
    met |= AUTH_AHEAD;
  return met;
}

const VdPlanRow *
vd_plan_may_follow (const VdPlanState *state, VdStep sent, VdStep next)
{
  if (state->level == VD_PIPELINING_OFF)
    return NULL;
  const VdPlanRow *row = &rows[sent][next];
  return row->source != NULL && state->level >= row->level && (row->needs & ~met_needs (state)) == 0 ? row : NULL;
}

VdContentVerb
vd_plan_content_verb (const VdPlanState *state, gboolean allowed)
{
  if (!allowed || !state->chunking)
    return VD_CONTENT_DATA;
  gboolean all_of_several = state->commit == VD_COMMIT_ALL && state->recipients > 1;
  gboolean window = state->level == VD_PIPELINING_WINDOW && state->pipelining;
  return all_of_several || window || state->auth_ahead ? VD_CONTENT_BDAT : VD_CONTENT_DATA;
}

const char *
vd_step_name (VdStep step)
{
  static const char *const names[VD_STEP_N] = {
    [VD_STEP_GREETING] = "greeting",   [VD_STEP_EHLO] = "EHLO",           [VD_STEP_STARTTLS] = "STARTTLS",
    [VD_STEP_AUTH] = "AUTH",           [VD_STEP_MAIL] = "MAIL",           [VD_STEP_RCPT] = "RCPT",
    [VD_STEP_DATA] = "DATA",           [VD_STEP_CONTENT] = "end of data", [VD_STEP_BDAT] = "BDAT",
    [VD_STEP_BDAT_LAST] = "BDAT LAST", [VD_STEP_RSET] = "RSET",           [VD_STEP_NOOP] = "NOOP",
    [VD_STEP_QUIT] = "QUIT",
  };
  g_return_val_if_fail ((guint) step < VD_STEP_N, "?");
  return names[step];
}
