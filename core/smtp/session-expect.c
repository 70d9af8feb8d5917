/* SPDX-License-Identifier: MIT */
/* session-expect - what was written and will be answered, in order.  Part of session; see session-private.h.
 *
 * Pure.  Cannot fail. */
#include "core/smtp/session-private.h"

#include <string.h>

void
vd_session_free_expects (GQueue *queue)
{
  GList *link;

  while ((link = g_queue_pop_head_link (queue)) != NULL)
    g_free (link->data);
}

/* As it is after g_new0(). */
static VdExpect *
new_expect (VdSession *session)
{
  GList *link = g_queue_pop_head_link (&session->spare);
  VdExpect *expect = link != NULL ? link->data : g_new (VdExpect, 1);

  memset (expect, 0, sizeof *expect);
  expect->link.data = expect;
  return expect;
}

void
vd_session_trace_commands (VdSession *session, gboolean sasl)
{
  VeredaSpan all;
  const char *line, *end;

  if (!vd_trace_wanted (&session->config.trace))
    return;
  all = vd_buffer_span (vd_output_commands (&session->output));
  if (all.size == 0)
    return;
  if (session->trace_from > session->output.queued)
    session->trace_from = session->output.queued;

  /* Only the octets behind the last trace are new; they are the buffer's last ones. */
  line = (const char *) all.data + all.size - MIN (all.size, (gsize) (session->output.queued - session->trace_from));
  end = (const char *) all.data + all.size;
  while (line < end)
    {
      const char *stop = memchr (line, '\r', (gsize) (end - line));
      char *text;

      if (stop == NULL)
        break;
      text = session->config.trace.secrets ? vd_text_escape (line, (gsize) (stop - line))
                                           : vd_command_trace (line, (gsize) (stop - line), sasl);
      vd_trace_line (&session->config.trace, VEREDA_TRACE_CLIENT, session->secure, text);
      g_free (text);
      line = stop + 2;
    }
}

VdExpect *
vd_session_push (VdSession *session, VdStep step, VdTransaction *txn)
{
  VdExpect *expect = new_expect (session);

  session->trace_from = session->output.queued;
  expect->step = step;
  expect->txn = txn;
  expect->mark = vd_output_appended (&session->output);
  vd_session_trace_commands (session, FALSE);
  session->trace_from = session->output.queued;
  if (g_queue_is_empty (&session->expects))
    session->head_since = -1;
  g_queue_push_tail_link (&session->expects, &expect->link);
  vd_session_octets_wait (session);
  vd_observer_said (&session->config.observer, step);
  return expect;
}

void
vd_session_push_again (VdSession *session, const VdExpect *expect)
{
  VdExpect *again = new_expect (session);

  *again = *expect;
  again->link = (GList){ .data = again };
  g_queue_push_head_link (&session->expects, &again->link);
  session->head_since = session->now;
}
