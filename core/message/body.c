/* SPDX-License-Identifier: MIT */
/* body - one state machine over slices; its state is what the last octet was, so any slicing gives the same wire octets.
 *
 * Input is three parts in a row: head, reader, tail.  Output is spans: runs of input that need no change, and static octets
 * between them.  Fails on NUL, on lone CR and long lines by policy, with the reader, and when content is not as long as
 * expected; a failure stays, and no end is given out after it. */
#include "core/message/body.h"

#include "core/base/error.h"
#include "core/message/scan.h"

#define STEP_SPANS 2 /* a step or the end gives at most so many */

typedef enum
{
  PART_HEAD,
  PART_READER,
  PART_TAIL,
  PART_DONE
} Part;

struct VdBody
{
  VdBodyMode mode;
  VdBodyPolicy policy;
  GBytes *head;
  VdReader *reader;
  GBytes *tail;

  Part part;
  const guint8 *data; /* the slice at hand */
  gsize size;
  gsize at; /* first octet of it that is not handled */

  gboolean line_start; /* the next octet begins a line */
  gboolean pending_cr; /* a CR was the last octet of the previous slice */
  guint64 line;        /* number of the line at hand */
  guint64 line_size;
  VdBodyFacts facts;
  gboolean expecting;
  guint64 expected;
  GError *failure;

  VeredaSpan *spans; /* of the call at hand */
  gsize n;
};

static void
take_slice (VdBody *body, gconstpointer data, gsize size)
{
  body->data = data;
  body->size = size;
  body->at = 0;
}

static void
take_bytes (VdBody *body, GBytes *bytes)
{
  gsize size = 0;
  gconstpointer data = bytes == NULL ? NULL : g_bytes_get_data (bytes, &size);
  take_slice (body, data, size);
}

VdBody *
vd_body_new (VdBodyMode mode, const VdBodyPolicy *policy, GBytes *head, VdReader *reader, GBytes *tail)
{
  VdBody *body = g_new0 (VdBody, 1);
  body->mode = mode;
  body->policy = *policy;
  body->head = head == NULL ? NULL : g_bytes_ref (head);
  body->reader = reader;
  body->tail = tail == NULL ? NULL : g_bytes_ref (tail);
  body->line_start = TRUE; /* what stands before the first octet is a reply of the server: a leading dot counts (NRM-2) */
  body->line = 1;
  take_bytes (body, head);
  return body;
}

void
vd_body_free (VdBody *body)
{
  if (body == NULL)
    return;
  g_clear_pointer (&body->head, g_bytes_unref);
  g_clear_pointer (&body->reader, vd_reader_free);
  g_clear_pointer (&body->tail, g_bytes_unref);
  g_clear_error (&body->failure);
  g_free (body);
}

void
vd_body_expect (VdBody *body, guint64 size)
{
  body->expecting = TRUE;
  body->expected = size;
}

/* ---- output ---- */

static gboolean
refuse (VdBody *body, const char *what)
{
  g_set_error (&body->failure, VEREDA_ERROR, VEREDA_ERROR_MESSAGE, "line %" G_GUINT64_FORMAT " of the message %s", body->line,
               what);
  return FALSE;
}

static void
push (VdBody *body, const void *data, gsize size)
{
  if (size == 0)
    return;
  body->spans[body->n].data = data;
  body->spans[body->n].size = size;
  body->n++;
}

/* Octets of the content itself, in contrast to stuffing and terminator. */
static gboolean
push_content (VdBody *body, const void *data, gsize size)
{
  push (body, data, size);
  body->facts.size += size;
  if (!body->expecting || body->facts.size <= body->expected)
    return TRUE;
  g_set_error (&body->failure, VEREDA_ERROR, VEREDA_ERROR_SOURCE,
               "the message became longer after it was checked (it had %" G_GUINT64_FORMAT " octets)", body->expected);
  return FALSE;
}

static void
end_line (VdBody *body)
{
  body->facts.longest_line = MAX (body->facts.longest_line, body->line_size);
  body->line_size = 0;
  body->line++;
  body->line_start = TRUE;
  body->pending_cr = FALSE;
}

/* A line end that was not CRLF in the input. */
static gboolean
push_line_end (VdBody *body)
{
  end_line (body);
  return push_content (body, "\r\n", 2);
}

static gboolean
push_lone_cr (VdBody *body)
{
  if (!body->policy.convert_cr)
    return refuse (body, "holds a CR without LF");
  return push_line_end (body);
}

/* ---- input ---- */

static gboolean
add_to_line (VdBody *body, gsize size)
{
  body->line_size += size;
  if (size > 0)
    body->line_start = FALSE;
  if (body->line_size > VD_LINE_MAX && !body->policy.allow_long_lines)
    return refuse (body, "is longer than the 998 octets that mail allows");
  return TRUE;
}

/* The first octet of a slice, where the one before ended with CR. */
static gboolean
resolve_pending_cr (VdBody *body)
{
  if (body->data[body->at] != '\n')
    return push_lone_cr (body);
  body->at++;
  return push_line_end (body);
}

/* The octet at hand is CR, LF or NUL; the run before it begins at `run`. *ret_more: it was a CRLF, the run goes on. */
static gboolean
handle_special (VdBody *body, gsize run, gboolean *ret_more)
{
  const guint8 *data = body->data;
  gsize at = body->at;
  *ret_more = FALSE;
  if (data[at] == '\0')
    return refuse (body, "holds a NUL octet");
  if (data[at] == '\r' && at + 1 < body->size && data[at + 1] == '\n')
    {
      body->at += 2;
      end_line (body);
      *ret_more = TRUE;
      return TRUE;
    }
  body->at++;
  if (!push_content (body, data + run, at - run))
    return FALSE;
  if (data[at] == '\n')
    return push_line_end (body);
  if (at + 1 < body->size)
    return push_lone_cr (body);
  body->pending_cr = TRUE; /* the next slice tells */
  return TRUE;
}

/* Handles octets of the slice until something had to be put between them, or to its end. */
static gboolean
step (VdBody *body)
{
  if (body->pending_cr)
    return resolve_pending_cr (body);
  gsize run = body->at;
  gboolean more = TRUE;
  while (more && body->at < body->size)
    {
      if (body->line_start && body->mode == VD_BODY_DATA && body->data[body->at] == '.')
        {
          body->line_start = FALSE;
          gboolean fine = push_content (body, body->data + run, body->at - run);
          push (body, ".", 1);
          return fine;
        }
      gsize plain = vd_scan_plain (body->data + body->at, body->size - body->at, &body->facts.eight_bit);
      body->at += plain;
      if (!add_to_line (body, plain) || (body->at < body->size && !handle_special (body, run, &more)))
        return FALSE;
    }
  return !more || push_content (body, body->data + run, body->at - run);
}

/* What came last is made a whole line. */
static gboolean
complete_line (VdBody *body)
{
  if (body->pending_cr)
    return push_lone_cr (body);
  return body->line_start || push_line_end (body);
}

static gboolean
end_content (VdBody *body)
{
  body->part = PART_DONE;
  if (!complete_line (body))
    return FALSE;
  if (body->expecting && body->facts.size != body->expected)
    {
      g_set_error (&body->failure, VEREDA_ERROR, VEREDA_ERROR_SOURCE,
                   "the message became shorter after it was checked (%" G_GUINT64_FORMAT " octets instead of %" G_GUINT64_FORMAT
                   ")",
                   body->facts.size, body->expected);
      return FALSE;
    }
  if (body->mode == VD_BODY_DATA)
    push (body, ".\r\n", 3);
  return TRUE;
}

/* The slice is used up: goes on with the next one, or to the next part. */
static gboolean
advance (VdBody *body)
{
  VeredaSpan slice = { NULL, 0 };
  switch (body->part)
    {
    case PART_HEAD:
      body->part = PART_READER;
      return TRUE;
    case PART_READER:
      if (body->reader != NULL && !vd_reader_next (body->reader, &slice, &body->failure))
        return FALSE;
      take_slice (body, slice.data, slice.size);
      if (slice.size > 0)
        return TRUE;
      body->part = PART_TAIL;
      take_bytes (body, body->tail);
      return body->tail == NULL || complete_line (body);
    case PART_TAIL:
    case PART_DONE:
    default:
      return end_content (body);
    }
}

/* A slice is borrowed until the next one: it may not be asked for while spans of this call lie in the one at hand. */
static gboolean
must_pause (const VdBody *body, gsize before_reader)
{
  return body->part == PART_READER && body->n > before_reader && body->reader != NULL && !vd_reader_at_end (body->reader);
}

gboolean
vd_body_next (VdBody *body, VeredaSpan *spans, gsize max, gsize *ret_n, gboolean *ret_end, GError **error)
{
  g_assert (max >= 8 && body->part != PART_DONE);
  gsize before_reader = 0;
  gboolean fine = body->failure == NULL;
  body->spans = spans;
  body->n = 0;
  while (fine && body->part != PART_DONE && body->n + STEP_SPANS <= max)
    {
      if (body->at < body->size)
        fine = step (body);
      else if (must_pause (body, before_reader))
        break;
      else
        fine = advance (body);
      if (body->part == PART_HEAD)
        before_reader = body->n;
    }
  body->spans = NULL;
  if (!fine)
    {
      body->part = PART_HEAD; /* any but the end: further calls are allowed, and fail */
      if (error != NULL)
        *error = g_error_copy (body->failure);
      return FALSE;
    }
  *ret_n = body->n;
  *ret_end = body->part == PART_DONE;
  return TRUE;
}

gboolean
vd_body_scan (const VdBodyPolicy *policy, VdReader *reader, guint64 first_line, VdBodyFacts *ret_facts, GError **error)
{
  g_autoptr (VdBody) body = vd_body_new (VD_BODY_BDAT, policy, NULL, reader, NULL);
  VeredaSpan spans[64];
  gsize n;
  gboolean end = FALSE;
  body->line = first_line;
  while (!end)
    if (!vd_body_next (body, spans, G_N_ELEMENTS (spans), &n, &end, error))
      return FALSE;
  *ret_facts = body->facts;
  return TRUE;
}
