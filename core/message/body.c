/* SPDX-License-Identifier: MIT */
/* body - one state machine over slices; its state is what the last octet was, so any slicing gives the same wire octets.
 *
 * Input is three parts in a row: head, reader, tail.  Output is spans: runs of input that need no change, and static octets
 * between them.  Long runs are never copied; where much has to be put between short ones (lines that end in LF), they are gathered in
 * one block: a span of a few octets costs the kernel, and a TLS library, more than the copy.
 * Fails on NUL, on lone CR and long lines by policy, with the reader, and when content is not as long as expected; a failure
 * stays, and no end is given out after it. */
#include "core/message/body.h"

#include <string.h>

#include "core/base/error.h"
#include "core/message/scan.h"

#define STEP_SPANS 2 /* a step or the end gives at most so many */

#define LONG_RUN   ((gsize) 16 * 1024)  /* never copied; also what a TLS record holds */
#define GATHER_MAX ((gsize) 320 * 1024) /* a reader's slice, with CR for each LF of lines that are not very short */
#define STEP_ROOM  ((gsize) 8)          /* what a step puts between runs, at most */
#define NEAR_RUN   ((gsize) 2 * 1024) /* where something has to be put in as often as this, all is copied by vd_scan_widen() */
#define FEW_SPANS  4u                 /* a small message leaves uncopied, if it needs no more than that */

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
  gsize at;         /* first octet of it that is not handled */
  guint64 slice_at; /* where in the source it stands, if it is the reader's */
  VdBodyTrust trust;
  VdChart *charted; /* what comes out of it is marked here; NULL: not asked for */

  VdScan scan;
  guint64 first_line;  /* the number of the first line */
  gboolean pending_cr; /* a CR was the last octet of the previous slice */
  guint64 size_seen;   /* as VdBodyFacts counts it */
  gboolean expecting;
  guint64 expected;
  GError *failure;

  VeredaSpan *spans; /* of the call at hand; NULL: nobody wants them */
  gsize n;
  guint8 *gathered; /* a block, once needed */
  gsize room;       /* of it */
  gsize n_gathered; /* of the call at hand */
  gboolean widening;
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
  body->scan.line_start = TRUE; /* what stands before the first octet is a reply of the server: a leading dot counts (NRM-2) */
  body->scan.stop_at_dots = mode == VD_BODY_DATA;
  body->scan.stop_at_line_feeds = TRUE;
  body->scan.allow_long_lines = policy->allow_long_lines;
  body->first_line = 1;
  body->trust.from = G_MAXUINT64;
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
  if (body->trust.chart != NULL)
    g_atomic_rc_box_release ((gpointer) body->trust.chart);
  g_clear_error (&body->failure);
  g_free (body->gathered);
  g_free (body);
}

void
vd_body_expect (VdBody *body, guint64 size)
{
  body->expecting = TRUE;
  body->expected = size;
}

void
vd_body_trust (VdBody *body, const VdBodyTrust *trust)
{
  body->trust = *trust;
  body->slice_at = trust->reader_at;
  if (trust->chart != NULL)
    g_atomic_rc_box_acquire ((gpointer) trust->chart);
}

/* ---- output ---- */

static gboolean
refuse (VdBody *body, const char *what)
{
  g_set_error (&body->failure, VEREDA_ERROR, VEREDA_ERROR_MESSAGE, "line %" G_GUINT64_FORMAT " of the message %s",
               body->first_line + body->scan.lines, what);
  return FALSE;
}

static gboolean
ends_gathered (const VdBody *body)
{
  return body->n > 0 && body->n_gathered > 0
         && (const guint8 *) body->spans[body->n - 1].data + body->spans[body->n - 1].size == body->gathered + body->n_gathered;
}

static void
add_span (VdBody *body, const void *data, gsize size)
{
  body->spans[body->n].data = data;
  body->spans[body->n].size = size;
  body->n++;
}

/* Where gathered octets go. */
static guint8 *
gather_at (VdBody *body)
{
  if (body->gathered == NULL)
    {
      guint64 wanted = body->expecting ? body->expected * 2 : 4 * LONG_RUN;
      body->room = (gsize) CLAMP (wanted, (guint64) (LONG_RUN + STEP_ROOM), (guint64) GATHER_MAX);
      body->gathered = g_malloc (body->room);
    }
  return body->gathered + body->n_gathered;
}

/* So many octets lie there now. */
static void
gathered (VdBody *body, gsize size)
{
  gboolean more = ends_gathered (body);
  guint8 *from = body->gathered + body->n_gathered;
  body->n_gathered += size;
  if (more)
    body->spans[body->n - 1].size += size;
  else if (size > 0)
    add_span (body, from, size);
}

static void
gather (VdBody *body, const void *data, gsize size)
{
  memcpy (gather_at (body), data, size);
  gathered (body, size);
}

/* Is there room in the block for whatever one step may put there? */
static gboolean
can_gather (const VdBody *body)
{
  return body->gathered == NULL || body->room - body->n_gathered >= MIN (LONG_RUN, body->size - body->at) + STEP_ROOM;
}

/* Octets that stay where they are: of the head, of the tail, or static. */
static void
push (VdBody *body, const void *data, gsize size)
{
  if (size == 0 || body->spans == NULL)
    return;
  if (size < LONG_RUN && (body->n >= FEW_SPANS || ends_gathered (body)))
    gather (body, data, size);
  else
    add_span (body, data, size);
}

/* Is the last span of the slice at hand, and ends where this begins? */
static gboolean
continues (const VdBody *body, const guint8 *data)
{
  const VeredaSpan *last = body->n > 0 ? &body->spans[body->n - 1] : NULL;
  return last != NULL && (const guint8 *) last->data >= body->data && (const guint8 *) last->data < data
         && (const guint8 *) last->data + last->size == data;
}

/* Octets of the slice at hand. */
static void
push_run (VdBody *body, const guint8 *data, gsize size)
{
  if (size == 0 || body->spans == NULL)
    return;
  if (continues (body, data))
    body->spans[body->n - 1].size += size;
  else if (size < LONG_RUN && body->size >= LONG_RUN)
    gather (body, data, size);
  else
    push (body, data, size);
}

/* Octets of the content itself, in contrast to stuffing and terminator. */
static gboolean
count (VdBody *body, gsize size)
{
  body->size_seen += size;
  if (!body->expecting || body->size_seen <= body->expected)
    return TRUE;
  g_set_error (&body->failure, VEREDA_ERROR, VEREDA_ERROR_SOURCE,
               "the message became longer after it was checked (it had %" G_GUINT64_FORMAT " octets)", body->expected);
  return FALSE;
}

/* A line end that was not CRLF in the input, or cut. */
static gboolean
push_line_end (VdBody *body)
{
  body->scan.line_size = 0;
  body->scan.lines++;
  body->scan.line_start = TRUE;
  body->pending_cr = FALSE;
  push (body, "\r\n", 2);
  return count (body, 2);
}

static gboolean
push_lone_cr (VdBody *body)
{
  if (!body->policy.convert_cr)
    return refuse (body, "holds a CR without LF");
  return push_line_end (body);
}

/* ---- input ---- */

/* The first octet of a slice, where the one before ended with CR. */
static gboolean
resolve_pending_cr (VdBody *body)
{
  if (body->data[body->at] != '\n')
    return push_lone_cr (body);
  body->at++;
  return push_line_end (body);
}

/* The octet that the scan ended before. */
static gboolean
handle_special (VdBody *body)
{
  switch (body->data[body->at])
    {
    case '\0':
      return refuse (body, "holds a NUL octet");
    case '.': /* goes out with the run that it begins */
      body->scan.line_start = FALSE;
      push (body, ".", 1);
      return TRUE;
    case '\n':
      body->at++;
      return push_line_end (body);
    case '\r':
    default:
      body->at++;
      if (body->at < body->size)
        return push_lone_cr (body);
      body->pending_cr = TRUE; /* the next slice tells */
      return TRUE;
    }
}

/* Where the octets end of which the same is known; *ret_clear: they need no look.  A CR and what follows it are not parted. */
static gsize
step_end (const VdBody *body, gboolean *ret_clear)
{
  const guint64 at = body->slice_at + body->at, end = body->slice_at + body->size;
  gsize size = body->size;

  *ret_clear = FALSE;
  if (body->part != PART_READER)
    return size;
  if (body->charted != NULL)
    size = (gsize) (vd_chart_block_end (body->charted, at, end) - body->slice_at);
  else if (at >= body->trust.from && body->trust.whole)
    *ret_clear = TRUE;
  else if (at >= body->trust.from && body->trust.chart != NULL)
    size = (gsize) (vd_chart_stretch (body->trust.chart, at, end, ret_clear) - body->slice_at);
  if (*ret_clear && body->data[size - 1] == '\r' && --size == body->at)
    {
      *ret_clear = FALSE;
      size++;
    }
  while (!*ret_clear && size < body->size && body->data[size - 1] == '\r')
    size++;
  return size;
}

static gboolean
pass_trusted (VdBody *body, gsize size)
{
  const guint8 *run = body->data + body->at;

  body->at += size;
  body->scan.line_start = run[size - 1] == '\n';
  body->scan.line_size = 0; /* not known, and not too long */
  push_run (body, run, size);
  return count (body, size);
}

/* Copies octets of the slice with all that has to be put in.  0: it is for others to do; -1: refused. */
static gssize
widen (VdBody *body, gsize end)
{
  const guint64 lone = body->scan.lone_line_feeds;
  guint8 *to = gather_at (body);
  gsize written, taken = vd_scan_widen (&body->scan, body->data + body->at, MIN (end - body->at, LONG_RUN), to,
                                        body->room - body->n_gathered, &written);

  gathered (body, written);
  body->at += taken;
  if (taken > 0 && (written - taken) * NEAR_RUN < taken)
    body->widening = FALSE;
  return count (body, taken + (gsize) (body->scan.lone_line_feeds - lone)) ? (gssize) taken : -1;
}

/* Handles octets of the slice until something had to be put between them, or as far as step_end() says. */
static gboolean
step (VdBody *body)
{
  gboolean clear;
  if (body->pending_cr)
    return resolve_pending_cr (body);
  const gsize end = step_end (body, &clear);
  if (clear)
    return pass_trusted (body, end - body->at);
  gssize widened = body->widening && body->size >= LONG_RUN ? widen (body, end) : 0;
  if (widened != 0)
    return widened > 0;
  const guint8 *run = body->data + body->at;
  guint64 lone = body->scan.lone_line_feeds;
  gsize size = vd_scan (&body->scan, run, end - body->at);
  if (body->scan.too_long)
    return refuse (body, "is longer than the 998 octets that mail allows");
  body->at += size;
  push_run (body, run, size);
  if (!count (body, size + (gsize) (body->scan.lone_line_feeds - lone)))
    return FALSE;
  if (body->at == end)
    return TRUE;
  body->widening = body->spans != NULL && (size < NEAR_RUN || body->widening);
  return handle_special (body);
}

/* What came last is made a whole line. */
static gboolean
complete_line (VdBody *body)
{
  if (body->pending_cr)
    return push_lone_cr (body);
  return body->scan.line_start || push_line_end (body);
}

static gboolean
end_content (VdBody *body)
{
  body->part = PART_DONE;
  if (!complete_line (body))
    return FALSE;
  if (body->expecting && body->size_seen != body->expected)
    {
      g_set_error (&body->failure, VEREDA_ERROR, VEREDA_ERROR_SOURCE,
                   "the message became shorter after it was checked (%" G_GUINT64_FORMAT " octets instead of %" G_GUINT64_FORMAT
                   ")",
                   body->size_seen, body->expected);
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
      take_slice (body, NULL, 0); /* not of the source */
      return TRUE;
    case PART_READER:
      if (body->reader != NULL && !vd_reader_next (body->reader, &slice, &body->failure))
        return FALSE;
      body->slice_at += body->at; /* all of the one before it */
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
  body->n = body->n_gathered = 0;
  while (fine && body->part != PART_DONE && body->n + STEP_SPANS <= max && can_gather (body))
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

/* Octets sent so far, with those that only wait for what follows them. */
static guint64
settled (const VdBody *body)
{
  return body->size_seen + (body->pending_cr ? 1 : 0);
}

/* One step, whose octets are marked if they are not sent as they are. */
static gboolean
step_charted (VdBody *body)
{
  const guint64 seen = settled (body), from = body->slice_at + body->at;
  const gboolean dots = body->scan.leading_dots, pending = body->pending_cr;

  body->scan.leading_dots = FALSE;
  if (!step (body))
    return FALSE;
  const guint64 to = body->slice_at + body->at;
  if (body->scan.leading_dots || settled (body) - seen != to - from)
    vd_chart_mark (body->charted, from - (pending ? 1 : 0), to);
  body->scan.leading_dots |= dots;
  return TRUE;
}

gboolean
vd_body_chart (const VdBodyPolicy *policy, VdReader *reader, guint64 first_line, VdChart *chart, guint64 at,
               VdBodyFacts *ret_facts, GError **error)
{
  g_autoptr (VdBody) body = vd_body_new (VD_BODY_BDAT, policy, NULL, reader, NULL);
  body->first_line = first_line;
  body->slice_at = at;
  body->charted = chart;
  body->scan.stop_at_line_feeds = FALSE; /* nothing is put in: it is enough to count them */
  while (body->part != PART_DONE)
    if (!(body->at == body->size ? advance (body) : chart != NULL ? step_charted (body) : step (body)))
      {
        g_propagate_error (error, g_steal_pointer (&body->failure));
        return FALSE;
      }
  ret_facts->dots = body->scan.leading_dots;
  ret_facts->size = body->size_seen;
  ret_facts->eight_bit = body->scan.eight_bit;
  ret_facts->lines = body->scan.lines;
  return TRUE;
}

gboolean
vd_body_scan (const VdBodyPolicy *policy, VdReader *reader, guint64 first_line, VdBodyFacts *ret_facts, GError **error)
{
  return vd_body_chart (policy, reader, first_line, NULL, 0, ret_facts, error);
}
