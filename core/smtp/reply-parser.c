/* SPDX-License-Identifier: MIT */
/* reply-parser - SMTP replies read as they come in (RFC 5321 section 4.2).  Part of reply; see reply.h.
 *
 * Pure.  Every octet is looked at once, however the stream is cut, and a reply that breaks the grammar or a cap is refused at the first octet
 * that does so: memory stays below the caps whatever a server sends.  Fails with VEREDA_ERROR_PROTOCOL only. */
#include "core/smtp/reply-private.h"

#include <string.h>

#include "core/base/error.h"
#include "core/base/trace.h"

#define CODE_SIZE   3u
#define TEXT_COLUMN 4u  /* first column of the text: after the code and its separator */
#define SEEN_MAX    60u /* octets of a broken reply that an error shows */

/* Replies that a server gives to each message are made once: so many short lines are remembered, each in the place that its size and its
 * enhanced code give. */
#define KNOWN_N   8u
#define KNOWN_MAX 128u /* octets of a line */
#define KNOWN_AT  8u   /* the last digit of an enhanced code, as a rule */

struct VdReplyParser
{
  GByteArray *line; /* the unfinished line, without CR */
  gboolean cr;      /* its CR has been seen */
  GPtrArray *lines; /* finished lines: text only, NUL-ended */
  GArray *sizes;    /* of gsize */
  gsize size;       /* octets of this reply so far */
  guint code;       /* of the first line; 0: not yet known */
  GError *broken;
  const char *protocol; /* what the broken octets look like; NULL: nothing known */
  VdReply *known[KNOWN_N];
};

/* ---- other protocols ---- */

static const struct
{
  const char *name;
  const char *octets;
  gsize size;
} protocols[] = {
  { "TLS", "\x16\x03", 2 }, /* a handshake record: RFC 8446 section 5.1 */
  { "TLS", "\x15\x03", 2 }, /* an alert: the answer of a TLS server to octets that are none */
  { "HTTP", "HTTP/", 5 },
  { "SSH", "SSH-", 4 },
};

const char *
vd_reply_guess_protocol (const void *data, gsize size)
{
  for (gsize i = 0; i < G_N_ELEMENTS (protocols); i++)
    if (size >= protocols[i].size && memcmp (data, protocols[i].octets, protocols[i].size) == 0)
      return protocols[i].name;
  return NULL;
}

/* Whether more octets could still name another protocol: the diagnosis must not depend on how the stream was cut (GRT-7). */
static gboolean
may_be_protocol (const void *data, gsize size)
{
  for (gsize i = 0; i < G_N_ELEMENTS (protocols); i++)
    if (size < protocols[i].size && memcmp (data, protocols[i].octets, size) == 0)
      return TRUE;
  return FALSE;
}

/* ---- the parser ---- */

VdReplyParser *
vd_reply_parser_new (void)
{
  VdReplyParser *parser = g_new0 (VdReplyParser, 1);
  parser->line = g_byte_array_new ();
  parser->lines = g_ptr_array_new_with_free_func (g_free);
  parser->sizes = g_array_new (FALSE, FALSE, sizeof (gsize));
  return parser;
}

/* Ready for the next reply; keeps the memory of a line of usual size. */
static void
forget_reply (VdReplyParser *parser)
{
  g_byte_array_set_size (parser->line, 0);
  g_ptr_array_set_size (parser->lines, 0);
  g_array_set_size (parser->sizes, 0);
  parser->cr = FALSE;
  parser->size = 0;
  parser->code = 0;
}

static void
forget_known (VdReplyParser *parser)
{
  for (guint i = 0; i < KNOWN_N; i++)
    g_clear_pointer (&parser->known[i], vd_reply_unref);
}

void
vd_reply_parser_free (VdReplyParser *parser)
{
  if (parser == NULL)
    return;
  forget_known (parser);
  g_byte_array_unref (parser->line);
  g_ptr_array_unref (parser->lines);
  g_array_unref (parser->sizes);
  g_clear_error (&parser->broken);
  g_free (parser);
}

void
vd_reply_parser_reset (VdReplyParser *parser)
{
  forget_reply (parser);
  forget_known (parser);
  g_clear_error (&parser->broken);
}

const char *
vd_reply_parser_protocol (const VdReplyParser *parser)
{
  return parser->broken == NULL ? NULL : parser->protocol;
}

gboolean
vd_reply_parser_is_empty (VdReplyParser *parser)
{
  return parser->size == 0;
}

/* What the error shows: the line so far and what comes behind it, but nothing of a challenge (SEC-9). */
static char *
describe_seen (VdReplyParser *parser, const guint8 *rest, gsize size)
{
  guint8 seen[SEEN_MAX];
  gsize n = MIN (parser->line->len, SEEN_MAX), i = 0;
  if (n > 0)
    memcpy (seen, parser->line->data, n);
  for (; i < size && n < SEEN_MAX && rest[i] != '\n'; i++)
    seen[n++] = rest[i];
  if (i < size && n > 0 && n < SEEN_MAX && rest[i] == '\n' && seen[n - 1] == '\r')
    n--; /* a line end as it should be is nothing to show */
  if (n > TEXT_COLUMN && memcmp (seen, "334", CODE_SIZE) == 0)
    return g_strdup ("334 <redacted>");
  g_autofree char *text = vd_text_escape (seen, n);
  return g_strconcat (text, n == SEEN_MAX ? "…" : NULL, NULL);
}

/* `rest` begins with the octet that broke the rule `what`. */
static void
set_broken (VdReplyParser *parser, const guint8 *rest, gsize size, const char *what)
{
  g_autofree char *seen = describe_seen (parser, rest, size);
  guint8 first[8] = { 0 };
  gsize n = MIN (parser->line->len, sizeof first);
  if (n > 0)
    memcpy (first, parser->line->data, n);
  for (gsize i = 0; i < size && n < sizeof first; i++)
    first[n++] = rest[i];
  parser->protocol = parser->lines->len == 0 ? vd_reply_guess_protocol (first, n) : NULL;
  if (parser->protocol != NULL)
    g_set_error (&parser->broken, VEREDA_ERROR, VEREDA_ERROR_PROTOCOL,
                 "this is not an SMTP server: it sent \"%s\" and speaks %s", seen, parser->protocol);
  else
    g_set_error (&parser->broken, VEREDA_ERROR, VEREDA_ERROR_PROTOCOL, "the server sent \"%s\", which is no SMTP reply: %s",
                 seen, what);
}

static guint
line_code (const guint8 *line)
{
  return (guint) (line[0] - '0') * 100 + (guint) (line[1] - '0') * 10 + (guint) (line[2] - '0');
}

static gboolean
is_class (guint8 octet)
{
  return octet >= '2' && octet <= '5';
}

/* Whether the line so far, then `octet`, may yet turn out to be another protocol's first words. */
static gboolean
may_be_other (VdReplyParser *parser, guint8 octet)
{
  guint8 first[8];
  gsize n = parser->line->len;
  if (parser->lines->len > 0 || n >= sizeof first - 1)
    return FALSE;
  if (n > 0)
    memcpy (first, parser->line->data, n);
  first[n] = octet;
  return may_be_protocol (first, n + 1);
}

/* The rule that `octet` breaks where it stands in the line's first columns (RPL-3, RPL-6, RPL-7, RPL-8), or NULL. */
static const char *
check_column (VdReplyParser *parser, guint8 octet)
{
  gsize column = parser->line->len;
  if (!is_class (column == 0 ? octet : parser->line->data[0]))
    return may_be_other (parser, octet) ? NULL : "its code does not begin with a digit from 2 to 5";
  if (column > 0 && column < CODE_SIZE && !g_ascii_isdigit (octet))
    return "its code is not three digits";
  if (column == CODE_SIZE - 1 && parser->code != 0)
    {
      guint8 code[CODE_SIZE] = { parser->line->data[0], parser->line->data[1], octet };
      return line_code (code) == parser->code ? NULL : "its lines have different codes";
    }
  if (column == CODE_SIZE && octet != ' ' && octet != '-')
    return "neither a space nor a hyphen follows the code";
  return NULL;
}

/* NUL would cut the text short for every reader of strings (RPL-11): it becomes U+FFFD. */
static char *
text_of (const guint8 *data, gsize size, gsize *ret_size)
{
  if (size == 0 || memchr (data, '\0', size) == NULL)
    {
      *ret_size = size;
      return g_strndup ((const char *) data, size);
    }
  GString *text = g_string_sized_new (size + 16);
  for (gsize i = 0; i < size; i++)
    if (data[i] == '\0')
      g_string_append (text, "\xef\xbf\xbd");
    else
      g_string_append_c (text, (char) data[i]);
  *ret_size = text->len;
  return g_string_free (text, FALSE);
}

/* The line is complete.  TRUE: so is the reply. */
static gboolean
end_line (VdReplyParser *parser)
{
  GByteArray *line = parser->line;
  gboolean last = line->len == CODE_SIZE || line->data[CODE_SIZE] == ' ';
  gsize skip = MIN (line->len, TEXT_COLUMN);
  gsize size;
  g_ptr_array_add (parser->lines, text_of (line->data + skip, line->len - skip, &size));
  g_array_append_val (parser->sizes, size);
  parser->code = line_code (line->data);
  g_byte_array_set_size (line, 0);
  parser->cr = FALSE;
  return last;
}

/* The rule that `octet` breaks, or NULL: it was taken. */
static const char *
take_octet (VdReplyParser *parser, guint8 octet, gboolean *ret_complete)
{
  parser->size++;
  if (parser->cr)
    {
      if (octet != '\n')
        return "a CR without LF";
      *ret_complete = end_line (parser);
      return !*ret_complete && parser->lines->len == VD_REPLY_LINES_MAX ? "it has more than 200 lines" : NULL;
    }
  if (octet == '\n')
    return "a LF without CR";
  if (octet == '\r')
    {
      parser->cr = TRUE;
      return parser->line->len < CODE_SIZE || !is_class (parser->line->data[0]) ? "a line is shorter than a code" : NULL;
    }
  const char *what = check_column (parser, octet);
  if (what == NULL)
    g_byte_array_append (parser->line, &octet, 1);
  return what;
}

/* Octets of plain text at `data`, up to the next line end. */
static gsize
text_run (const guint8 *data, gsize size)
{
  gsize n = 0;
  while (n < size && data[n] != '\r' && data[n] != '\n')
    n++;
  return n;
}

/* Takes one octet, or a run of text; the rule broken or NULL. */
static const char *
take (VdReplyParser *parser, const guint8 *data, gsize size, gsize *ret_taken, gboolean *ret_complete)
{
  gboolean in_text = parser->line->len >= TEXT_COLUMN && is_class (parser->line->data[0]) && !parser->cr;
  gsize run = in_text ? text_run (data, size) : 0;
  if (run > VD_REPLY_LINE_MAX - MIN (parser->line->len, VD_REPLY_LINE_MAX))
    return "a line is longer than 16384 octets";
  if (parser->size + MAX (run, 1) > VD_REPLY_SIZE_MAX)
    return "it is longer than 256 KiB";
  *ret_taken = MAX (run, 1);
  if (run == 0)
    return take_octet (parser, *data, ret_complete);
  g_byte_array_append (parser->line, data, (guint) run);
  parser->size += run;
  return NULL;
}

/* The usual case: the octets begin with a whole reply of one line, as it should be.  Its size with CRLF, or 0: it has to be looked at octet for
 * octet. */
static gsize
find_short (const VdReplyParser *parser, const guint8 *data, gsize size)
{
  gsize most = MIN (size, KNOWN_MAX);
  const guint8 *cr = parser->size == 0 && size > 0 ? memchr (data, '\r', most) : NULL;
  gsize n = cr != NULL ? (gsize) (cr - data) : 0;
  if (n < TEXT_COLUMN || n + 1 == most || data[n + 1] != '\n' || data[CODE_SIZE] != ' ' || !is_class (data[0])
      || !g_ascii_isdigit (data[1]) || !g_ascii_isdigit (data[2]))
    return 0;
  const guint8 *text = data + TEXT_COLUMN;
  return memchr (text, '\n', n - TEXT_COLUMN) == NULL && memchr (text, '\0', n - TEXT_COLUMN) == NULL ? n + 2 : 0;
}

/* `size` with CRLF. */
static VdReply *
take_short (VdReplyParser *parser, const guint8 *data, gsize size)
{
  guint code = line_code (data);
  const guint8 *text = data + TEXT_COLUMN;
  gsize length = size - TEXT_COLUMN - 2;
  VdReply **known = &parser->known[(length + (size > KNOWN_AT + 2 ? data[KNOWN_AT] * 3u : 0)) % KNOWN_N];
  VdReply *reply = *known;
  if (reply != NULL && reply->code == code && reply->one_size == length && memcmp (reply->one_line[0], text, length) == 0)
    return vd_reply_ref (reply);
  reply = vd_reply_new_short (code, text, length);
  if (code == 250 || code == 354) /* none of these has to do with a secret */
    {
      vd_reply_unref (*known);
      *known = vd_reply_ref (reply);
    }
  return reply;
}

VdReplyStatus
vd_reply_parser_feed (VdReplyParser *parser, const void *data, gsize size, gsize *ret_used, VdReply **ret_reply, GError **error)
{
  const guint8 *octets = data;
  gsize used = parser->broken == NULL ? find_short (parser, octets, size) : 0;
  if (used > 0)
    {
      *ret_reply = take_short (parser, octets, used);
      *ret_used = used;
      return VD_REPLY_READY;
    }
  while (parser->broken == NULL && used < size)
    {
      gsize taken = 0;
      gboolean complete = FALSE;
      const char *what = take (parser, octets + used, size - used, &taken, &complete);
      if (what != NULL)
        set_broken (parser, octets + used, size - used, what);
      used += taken;
      if (complete && what == NULL)
        {
          *ret_reply = vd_reply_new (parser->code, parser->lines, parser->sizes);
          *ret_used = used;
          forget_reply (parser);
          return VD_REPLY_READY;
        }
    }
  if (parser->broken != NULL)
    {
      g_propagate_error (error, g_error_copy (parser->broken));
      return VD_REPLY_BROKEN;
    }
  *ret_used = used;
  return VD_REPLY_MORE;
}
