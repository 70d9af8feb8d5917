/* SPDX-License-Identifier: MIT */
/* message - the public object, and the one pass that looks at all of it before any connection.
 *
 * Reads the source.  Fails with VEREDA_ERROR_SOURCE when that fails, VEREDA_ERROR_MESSAGE when the octets are no message
 * that mail can carry. */
#include "core/message/message.h"

#include "core/base/error.h"
#include "core/base/octet.h"
#include "core/base/refs.h"
#include "core/base/zeros.h"
#include "core/message/envelope.h"
#include "core/message/scan.h"
#include "core/message/survey.h"

#define HEADER_MAX  ((gsize) 1024 * 1024)
#define AT_ONCE_MAX ((gsize) 8 * 1024 * 1024) /* more than that may have several processors: see survey.h */

struct VeredaMessage
{
  VdRefs refs;
  VdSource *source;

  /* Set by vd_message_prepare(). */
  gboolean prepared;
  VdBodyPolicy policy;
  VdHeader *header;
  gboolean has_body;
  guint64 body_at; /* offset in the source */
  VdBodyFacts body_facts;
  VdChart *chart;          /* of the body; see vd_survey() */
  gboolean ascii, dotless; /* known to be */

  VdEnvelope *envelope; /* made last; NULL: none to be used again */
  guint64 envelope_key;
};

/* Takes the source; NULL gives NULL. */
static VeredaMessage *
message_from_source (VdSource *source)
{
  if (source == NULL)
    return NULL;
  VeredaMessage *message = vd_zeros_new (VeredaMessage);
  vd_refs_init (&message->refs);
  message->source = source;
  return message;
}

VeredaMessage *
vereda_message_new_from_file (const char *path, GError **error)
{
  g_return_val_if_fail (path != NULL, NULL);
  return message_from_source (vd_source_new_file (path, error));
}

VeredaMessage *
vereda_message_new_from_bytes (GBytes *bytes)
{
  g_return_val_if_fail (bytes != NULL, NULL);
  return message_from_source (vd_source_new_bytes (bytes));
}

VeredaMessage *
vereda_message_new_from_fd (int fd, gboolean close_fd, GError **error)
{
  return message_from_source (vd_source_new_fd (fd, close_fd, error));
}

VeredaMessage *
vereda_message_new_from_callbacks (const VeredaSourceFuncs *funcs, gpointer user_data, GDestroyNotify destroy)
{
  g_return_val_if_fail (funcs != NULL, NULL);
  return message_from_source (vd_source_new_callbacks (funcs, user_data, destroy));
}

VeredaMessage *
vereda_message_ref (VeredaMessage *message)
{
  g_return_val_if_fail (message != NULL, NULL);
  vd_refs_take (&message->refs);
  return message;
}

static void
drop_chart (VeredaMessage *message)
{
  if (message->chart != NULL)
    g_atomic_rc_box_release (message->chart);
  message->chart = NULL;
}

void
vereda_message_unref (VeredaMessage *message)
{
  if (message == NULL || !vd_refs_drop (&message->refs))
    return;
  g_clear_pointer (&message->source, vd_source_unref);
  g_clear_pointer (&message->header, vd_header_free);
  vd_envelope_unref (message->envelope);
  drop_chart (message);
  g_free (message);
}

/* Reads until the header section is whole.  *ret_body_at is 0 where there is no body. */
static GBytes *
read_section (VdReader *reader, const VdBodyPolicy *policy, gsize *ret_body_at, GError **error)
{
  g_autoptr (GByteArray) held = g_byte_array_new ();
  gsize from = 0;
  gsize section = 0;
  gsize body_at = 0;
  gboolean ended = FALSE;
  gboolean found = FALSE;
  while (!found && !ended)
    {
      VeredaSpan slice;
      if (!vd_reader_next (reader, &slice, error))
        return NULL;
      ended = slice.size == 0;
      gsize room = HEADER_MAX + 2 - held->len;
      gsize at = 0;
      /* As a rule the section is whole in the first slice: then the rest of that is not copied. */
      if (held->len == 0 && !ended
          && vd_header_find_end (policy, slice.data, MIN (slice.size, room), FALSE, &at, &section, &body_at))
        {
          *ret_body_at = body_at;
          return g_bytes_new (slice.data, section);
        }
      if (slice.size > 0)
        g_byte_array_append (held, slice.data, (guint) MIN (slice.size, room));
      found = vd_header_find_end (policy, held->data, held->len, ended, &from, &section, &body_at);
      if (!found && !ended && slice.size >= room)
        {
          g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_MESSAGE,
                       "the header section of the message is longer than %" G_GSIZE_FORMAT
                       " octets; is the empty line before the body missing?",
                       HEADER_MAX);
          return NULL;
        }
    }
  if (!found)
    section = held->len;
  *ret_body_at = found ? body_at : 0;
  return g_bytes_new (held->data, section);
}

/* Of a message in memory the usual section is not read, for it is there. */
static VdHeader *
scan_header (VdSource *source, const VdBodyPolicy *policy, gsize *ret_body_at, GError **error)
{
  GBytes *bytes = vd_source_bytes (source);
  gsize size = 0, from = 0, end;
  const guint8 *data = bytes != NULL ? g_bytes_get_data (bytes, &size) : NULL;
  if (data != NULL && vd_header_find_end (policy, data, MIN (size, HEADER_MAX), FALSE, &from, &end, ret_body_at))
    return vd_header_scan_first (policy, bytes, end, error);
  *ret_body_at = 0;
  g_autoptr (VdReader) reader = vd_source_open (source, 0, error);
  g_autoptr (GBytes) section = reader != NULL ? read_section (reader, policy, ret_body_at, error) : NULL;
  return section != NULL ? vd_header_scan (policy, section, error) : NULL;
}

/* Takes header and chart. */
static void
take_findings (VeredaMessage *message, VdHeader *header, gsize body_at, const VdBodyFacts *facts, VdChart *chart)
{
  vd_header_free (message->header);
  drop_chart (message);
  message->header = header;
  message->has_body = body_at > 0;
  message->body_at = body_at;
  message->body_facts = *facts;
  message->chart = chart;
  message->ascii = message->dotless = FALSE;
}

/* The usual message lies in memory as it is sent, and it is enough to look at it once.  FALSE: it is not like that, or there is something
 * wrong with it, which those who look at each line can tell. */
static gboolean
look_at_whole (VeredaMessage *message, const VdBodyPolicy *policy)
{
  GBytes *bytes = vd_source_bytes (message->source);
  VdScan scan = { .stop_at_line_feeds = TRUE, .line_start = TRUE, .allow_long_lines = policy->allow_long_lines };
  gsize size = 0, section;
  const guint8 *data = bytes != NULL ? g_bytes_get_data (bytes, &size) : NULL;
  if (data == NULL || size > AT_ONCE_MAX || vd_scan (&scan, data, size) < size || scan.too_long || !scan.line_start)
    return FALSE;
  VdHeader *header = vd_header_scan_exact (bytes, HEADER_MAX);
  if (header == NULL)
    return FALSE;
  vd_header_section (header, &section);
  const gboolean has_body = section < size;
  const gsize body = has_body ? size - section - 2 : 0;
  const VdBodyFacts facts = { .size = body,
                              .eight_bit = scan.eight_bit && vd_octet_any_high (data + (size - body), body),
                              .lines = scan.lines - vd_header_lines (header) - (has_body ? 1 : 0),
                              .dots = scan.leading_dots /* or a field does, and it is looked at again */ };
  take_findings (message, header, has_body ? section + 2 : 0, &facts, NULL);
  message->ascii = !scan.eight_bit;
  message->dotless = !scan.leading_dots;
  return TRUE;
}

static gboolean
look_at_lines (VeredaMessage *message, const VdBodyPolicy *policy, GError **error)
{
  gsize body_at = 0;
  g_autoptr (VdHeader) header = scan_header (message->source, policy, &body_at, error);
  VdBodyFacts facts = { 0 };
  VdChart *chart = NULL;
  if (header == NULL
      || (body_at > 0 && !vd_survey (message->source, body_at, policy, vd_header_lines (header) + 2, &facts, &chart, error)))
    return FALSE;
  take_findings (message, g_steal_pointer (&header), body_at, &facts, chart);
  return TRUE;
}

gboolean
vd_message_prepare (VeredaMessage *message, const VdBodyPolicy *policy, GError **error)
{
  if (message->prepared && message->policy.convert_cr == policy->convert_cr
      && message->policy.allow_long_lines == policy->allow_long_lines)
    return TRUE;
  if (!look_at_whole (message, policy) && !look_at_lines (message, policy, error))
    return FALSE;
  g_clear_pointer (&message->envelope, vd_envelope_unref);
  message->policy = *policy;
  message->prepared = TRUE;
  return TRUE;
}

VdHeader *
vd_message_header (VeredaMessage *message)
{
  g_return_val_if_fail (message->prepared, NULL);
  return message->header;
}

const VdBodyFacts *
vd_message_body_facts (VeredaMessage *message)
{
  g_return_val_if_fail (message->prepared, NULL);
  return &message->body_facts;
}

gboolean
vd_message_has_body (VeredaMessage *message)
{
  g_return_val_if_fail (message->prepared, FALSE);
  return message->has_body;
}

gboolean
vd_message_exact_head (VeredaMessage *message, VeredaSpan *ret_head)
{
  GBytes *bytes = vd_source_bytes (message->source);
  g_return_val_if_fail (message->prepared, FALSE);
  if (bytes == NULL || !vd_header_is_exact (message->header))
    return FALSE;
  gsize size;
  const char *data = g_bytes_get_data (bytes, NULL);
  if (vd_header_section (message->header, &size) != data || size == 0)
    return FALSE;
  if (message->has_body && (message->body_at != size + 2 || data[size] != '\r'))
    return FALSE;
  *ret_head = (VeredaSpan){ data, message->has_body ? size + 2 : size };
  return TRUE;
}

VdReader *
vd_message_open_all (VeredaMessage *message, GError **error)
{
  return vd_source_open (message->source, 0, error);
}

/* Whatever is not sent as it is makes the body longer: a CR for a lone LF, an LF for a lone CR, a line end at the end. */
gboolean
vd_message_exact_body (VeredaMessage *message, VeredaSpan *ret_body)
{
  GBytes *bytes = vd_source_bytes (message->source);
  gsize size;
  const guint8 *data = bytes != NULL ? g_bytes_get_data (bytes, &size) : NULL;
  g_return_val_if_fail (message->prepared, FALSE);
  if (data == NULL)
    return FALSE;
  ret_body->data = data + message->body_at;
  ret_body->size = message->has_body ? size - (gsize) message->body_at : 0;
  return ret_body->size == message->body_facts.size;
}

gboolean
vd_message_trust (VeredaMessage *message, VdBodyMode mode, VdBodyTrust *ret_trust)
{
  VeredaSpan body;
  g_return_val_if_fail (message->prepared, FALSE);
  const gboolean exact = vd_message_exact_body (message, &body);
  ret_trust->reader_at = ret_trust->from = message->body_at;
  ret_trust->whole = exact && (mode == VD_BODY_BDAT || !message->body_facts.dots);
  ret_trust->chart = message->chart;
  return message->has_body && (ret_trust->whole || ret_trust->chart != NULL);
}

gboolean
vd_message_is_ascii (VeredaMessage *message)
{
  return message->ascii;
}

gboolean
vd_message_is_dotless (VeredaMessage *message)
{
  return message->dotless;
}

VdEnvelope *
vd_message_kept_envelope (VeredaMessage *message, guint64 key)
{
  return message->envelope_key == key ? message->envelope : NULL;
}

void
vd_message_keep_envelope (VeredaMessage *message, guint64 key, VdEnvelope *envelope)
{
  vd_envelope_unref (message->envelope);
  message->envelope = vd_envelope_ref (envelope);
  message->envelope_key = key;
}

VdReader *
vd_message_open_body (VeredaMessage *message, GError **error)
{
  g_return_val_if_fail (message->prepared && message->has_body, NULL);
  return vd_source_open (message->source, message->body_at, error);
}
