/* SPDX-License-Identifier: MIT */
/* output - commands and content on their way out, in order, with positions.  See output.h.
 *
 * Touches nothing but its own buffers and the body.  Only the body can fail. */
#include "core/smtp/output.h"

#include <vereda/error.h>

void
vd_output_init (VdOutput *output)
{
  memset (output, 0, sizeof *output);
  vd_buffer_init (&output->before, FALSE);
  vd_buffer_init (&output->after, FALSE);
}

void
vd_output_clear (VdOutput *output)
{
  vd_buffer_clear (&output->before);
  vd_buffer_clear (&output->after);
  g_clear_pointer (&output->body, vd_body_free);
  output->content = FALSE;
  output->first = output->n_spans = 0;
  output->ready = 0;
  output->has_held = FALSE;
}

gboolean
vd_output_is_open (const VdOutput *output)
{
  return !output->content || output->produced_all;
}

VdBuffer *
vd_output_commands (VdOutput *output)
{
  g_return_val_if_fail (vd_output_is_open (output), NULL);
  return output->content ? &output->after : &output->before;
}

/* Before anything of the secret is there: a buffer that grows wipes what it leaves. */
VdBuffer *
vd_output_secrets (VdOutput *output)
{
  output->before.secret = output->after.secret = TRUE;
  output->secret_until = G_MAXUINT64;
  return vd_output_commands (output);
}

guint64
vd_output_appended (VdOutput *output)
{
  /* Everything not written that is not content has been appended: the position follows from the sizes. */
  output->queued = output->written + vd_buffer_size (&output->before) + output->ready + vd_buffer_size (&output->after);
  if (output->secret_until == G_MAXUINT64)
    output->secret_until = output->queued;
  return output->queued;
}

static void
begin_stretch (VdOutput *output, VdBody *body, guint64 limit, gboolean last)
{
  g_return_if_fail (vd_output_is_open (output));
  g_return_if_fail (vd_buffer_size (&output->after) == 0);

  if (body != NULL)
    {
      g_clear_pointer (&output->body, vd_body_free);
      output->body = body;
      output->body_ended = FALSE;
      output->first = output->n_spans = 0;
      output->content_written = 0;
    }
  output->content = TRUE;
  output->produced_all = FALSE;
  output->limit = limit;
  output->last = last;
  output->ready = 0;
}

void
vd_output_data (VdOutput *output, VdBody *body)
{
  begin_stretch (output, body, G_MAXUINT64, TRUE);
}

void
vd_output_ready (VdOutput *output, const VeredaSpan content[2])
{
  begin_stretch (output, NULL, G_MAXUINT64, TRUE);
  output->body_ended = TRUE;
  output->content_written = 0;
  output->spans[0] = content[0];
  output->spans[1] = content[1];
  output->spans[2] = (VeredaSpan){ ".\r\n", 3 };
  output->first = 0;
  output->n_spans = 3;
}

void
vd_output_chunk (VdOutput *output, VdBody *body, guint64 size, gboolean last)
{
  begin_stretch (output, body, size, last);
}

gboolean
vd_output_changed (GError **error, const char *how)
{
  g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE,
               "the message changed while it was being sent: it is %s than when it was checked", how);
  return FALSE;
}

static guint64
octets_in_spans (const VdOutput *output)
{
  guint64 total = 0;

  for (gsize i = output->first; i < output->n_spans; i++)
    total += output->spans[i].size;
  return total;
}

/* Takes the last octet out of the spans and keeps it. */
static void
hold_last_octet (VdOutput *output)
{
  VeredaSpan *span;

  while (output->n_spans > output->first && output->spans[output->n_spans - 1].size == 0)
    output->n_spans--;
  span = &output->spans[output->n_spans - 1];
  span->size--;
  output->held = ((const guint8 *) span->data)[span->size];
  output->has_held = TRUE;
  if (span->size == 0)
    output->n_spans--;
}

/* The next spans of the body, none behind its end. */
static gboolean
next_spans (VdOutput *output, GError **error)
{
  output->first = output->n_spans = 0;
  return output->body_ended
         || vd_body_next (output->body, output->spans, VD_OUTPUT_SPANS, &output->n_spans, &output->body_ended, error);
}

/* The held octet leaves once the body has ended with nothing more. */
static gboolean
release_held_octet (VdOutput *output, GError **error)
{
  while (!output->body_ended)
    {
      if (!next_spans (output, error))
        return FALSE;
      if (octets_in_spans (output) > 0)
        return vd_output_changed (error, "longer");
    }
  output->spans[0] = (VeredaSpan){ &output->held, 1 };
  output->first = 0;
  output->n_spans = 1;
  output->has_held = FALSE;
  output->ready = 1;
  output->produced_all = TRUE;
  return TRUE;
}

/* Pulls the next octets of the stretch into `spans`. */
static gboolean
pull (VdOutput *output, GError **error)
{
  guint64 total;

  if (output->has_held)
    return release_held_octet (output, error);

  if (octets_in_spans (output) == 0
      && !next_spans (output, error)) /* else: octets of this chunk that came with the one before */
    return FALSE;
  total = octets_in_spans (output);

  if (output->limit == G_MAXUINT64)
    {
      output->ready = total;
      output->produced_all = output->body_ended;
      return TRUE;
    }
  if (output->body_ended && total < output->limit)
    return vd_output_changed (error, "shorter");
  if (output->last && total > output->limit)
    return vd_output_changed (error, "longer");

  output->ready = MIN (total, output->limit);
  output->limit -= output->ready;
  if (output->limit > 0)
    return TRUE;
  if (!output->last || output->body_ended)
    output->produced_all = TRUE;
  else if (output->ready > 0)
    {
      hold_last_octet (output);
      output->ready--;
    }
  return TRUE;
}

gboolean
vd_output_peek (VdOutput *output, VeredaSpan *spans, gsize max, gsize *ret_n, GError **error)
{
  gsize n = 0;
  guint64 left;

  g_return_val_if_fail (max >= VD_OUTPUT_SPANS + 2, FALSE);

  while (output->content && output->ready == 0 && !output->produced_all)
    if (!pull (output, error))
      return FALSE;

  if (vd_buffer_size (&output->before) > 0)
    spans[n++] = vd_buffer_span (&output->before);
  left = output->ready;
  for (gsize i = output->first; i < output->n_spans && left > 0; i++)
    {
      spans[n] = output->spans[i];
      if (spans[n].size > left)
        spans[n].size = (gsize) left;
      left -= spans[n].size;
      if (spans[n].size > 0)
        n++;
    }
  if (output->content && output->produced_all && vd_buffer_size (&output->after) > 0)
    spans[n++] = vd_buffer_span (&output->after);
  vd_output_appended (output);
  *ret_n = n;
  return TRUE;
}

static gsize
take (gsize *n, gsize available)
{
  gsize taken = MIN (*n, available);

  *n -= taken;
  return taken;
}

void
vd_output_wrote (VdOutput *output, gsize n)
{
  output->written += n;
  vd_buffer_consume (&output->before, take (&n, vd_buffer_size (&output->before)));
  while (n > 0 && output->ready > 0)
    {
      VeredaSpan *span = &output->spans[output->first];
      gsize taken = take (&n, (gsize) MIN ((guint64) span->size, output->ready));

      span->data = (const guint8 *) span->data + taken;
      span->size -= taken;
      output->ready -= taken;
      output->content_written += taken;
      if (span->size == 0)
        output->first++;
    }
  if (output->content && output->produced_all && output->ready == 0 && vd_buffer_size (&output->before) == 0)
    {
      VdBuffer emptied = output->before;

      vd_buffer_consume (&output->after, take (&n, vd_buffer_size (&output->after)));
      output->before = output->after;
      output->after = emptied;
      output->content = FALSE;
      if (output->last)
        g_clear_pointer (&output->body, vd_body_free);
    }
  if (output->secret_until > 0 && output->written >= output->secret_until)
    {
      output->secret_until = 0;
      output->before.secret = output->after.secret = FALSE;
    }
  g_warn_if_fail (n == 0);
}

gboolean
vd_output_is_empty (const VdOutput *output)
{
  return vd_buffer_size (&output->before) == 0 && !output->content;
}
