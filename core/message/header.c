/* SPDX-License-Identifier: MIT */
/* header - splits a raw header section into fields.
 *
 * Pure.  Fails with VEREDA_ERROR_MESSAGE on what is no header section: naming the line, showing its beginning. */
#include "core/message/header.h"

#include <string.h>

#include "core/base/error.h"
#include "core/base/octet.h"
#include "core/base/trace.h"

#define SHOWN 40

/* Many messages wait at a time: offsets are small. */
typedef struct
{
  guint32 start;
  guint32 end;   /* behind the last line end */
  guint32 colon; /* behind the name lies white space, or this */
  guint32 size;  /* of the name */
  guint32 name;  /* VdName */
} Field;

#define FIELDS_ROOM 12u /* without memory of their own */

struct VdHeader
{
  GBytes *bytes; /* whose beginning the section is; NULL: they stay longer than this */
  const char *data;
  gsize size;
  guint64 names;    /* that there are */
  guint64 repeated; /* that there are more than once */
  Field *fields;    /* `few`, while there is room */
  guint n_fields, room;
  guint64 lines;
  gboolean exact; /* every line ends with CRLF */
  Field few[FIELDS_ROOM];
};

/* Where the line at `at` ends: *ret_next is behind its line end.  FALSE: the line end is not there yet. */
static gboolean
find_line_end (const VdBodyPolicy *policy, const char *data, gsize size, gboolean ended, gsize at, gsize *ret_end,
               gsize *ret_next)
{
  const char *lf = memchr (data + at, '\n', size - at);
  gsize stop = lf == NULL ? size : (gsize) (lf - data);
  if (policy->convert_cr)
    {
      const char *cr = memchr (data + at, '\r', stop - at);
      gsize cr_at = cr == NULL ? stop : (gsize) (cr - data);
      if (cr_at < stop && cr_at + 1 < stop)
        {
          *ret_end = cr_at;
          *ret_next = cr_at + 1;
          return TRUE;
        }
      if (cr_at < stop && lf == NULL)
        {
          *ret_end = cr_at;
          *ret_next = cr_at + 1;
          return ended;
        }
    }
  if (lf == NULL)
    return FALSE;
  *ret_end = stop > at && data[stop - 1] == '\r' ? stop - 1 : stop;
  *ret_next = stop + 1;
  return TRUE;
}

gboolean
vd_header_find_end (const VdBodyPolicy *policy, const guint8 *data, gsize size, gboolean ended, gsize *from, gsize *ret_section,
                    gsize *ret_body)
{
  gsize end;
  gsize next;
  while (*from < size && find_line_end (policy, (const char *) data, size, ended, *from, &end, &next))
    {
      if (end == *from)
        {
          *ret_section = *from;
          *ret_body = next;
          return TRUE;
        }
      *from = next;
    }
  return FALSE;
}

gboolean
vd_header_name_valid (const char *name, gsize size)
{
  return size > 0 && vd_octet_span (name, size, VD_OCTET_FTEXT) == size;
}

static gboolean
is_wsp (char c)
{
  return c == ' ' || c == '\t';
}

static void
refuse_line (GError **error, guint64 number, const char *line, gsize size, const char *what)
{
  g_autofree char *shown = vd_text_escape (line, MIN (size, SHOWN));
  g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_MESSAGE, "line %" G_GUINT64_FORMAT " of the message %s: \"%s%s\"", number,
               what, shown, size > SHOWN ? "..." : "");
}

static gboolean
check_octets (const VdBodyPolicy *policy, const char *line, gsize size, guint64 number, GError **error)
{
  if (memchr (line, '\0', size) != NULL)
    refuse_line (error, number, line, size, "holds a NUL octet");
  else if (memchr (line, '\r', size) != NULL)
    refuse_line (error, number, line, size, "holds a CR without LF");
  else if (size > VD_LINE_MAX && !policy->allow_long_lines)
    {
      g_autofree char *what
          = g_strdup_printf ("has %" G_GSIZE_FORMAT " octets, more than the %d that mail allows", size, VD_LINE_MAX);
      refuse_line (error, number, line, size, what);
    }
  else
    return TRUE;
  return FALSE;
}

static void
double_room (VdHeader *header)
{
  Field *more = g_new (Field, 2 * (gsize) header->room);
  memcpy (more, header->fields, header->n_fields * sizeof *more);
  if (header->fields != header->few)
    g_free (header->fields);
  header->fields = more;
  header->room *= 2;
}

/* Its first line: name, white space that old writers put before the colon (section 4.5.8), colon. */
static gboolean
add_field (VdHeader *header, gsize at, gsize size, gsize next)
{
  const char *line = header->data + at;
  const gsize name = vd_octet_span (line, size, VD_OCTET_FTEXT);
  gsize colon = name;
  while (colon < size && is_wsp (line[colon]))
    colon++;
  if (name == 0 || colon == size || line[colon] != ':')
    return FALSE;
  if (header->n_fields == header->room)
    double_room (header);
  const guint known = vd_name_read (line, name);
  header->repeated |= header->names & VD_NAME_BIT (known);
  header->names |= VD_NAME_BIT (known);
  header->fields[header->n_fields++] = (Field){ (guint32) at, (guint32) next, (guint32) (at + colon), (guint32) name, known };
  return TRUE;
}

static void
refuse_field (const VdHeader *header, const char *line, gsize size, GError **error)
{
  if (header->lines == 1 && size >= 5 && memcmp (line, "From ", 5) == 0)
    refuse_line (error, 1, line, size,
                 "is the separator line of an mbox file, not a header field; take one message out of the mailbox and leave "
                 "that line away");
  else if (header->lines == 1)
    refuse_line (error, 1, line, size,
                 "is not a header field; a message begins with its header section (an empty line, if it has none)");
  else
    refuse_line (error, header->lines, line, size,
                 "is neither a header field nor the continuation of one; is the empty line before the body missing?");
}

static gboolean
add_line (VdHeader *header, const VdBodyPolicy *policy, gsize at, gsize end, gsize next, GError **error)
{
  const char *line = header->data + at;
  header->lines++;
  if (!check_octets (policy, line, end - at, header->lines, error))
    return FALSE;
  if (end == at || !is_wsp (line[0]))
    {
      if (add_field (header, at, end - at, next))
        return TRUE;
      refuse_field (header, line, end - at, error);
      return FALSE;
    }
  if (header->n_fields == 0)
    {
      refuse_line (error, header->lines, line, end - at,
                   "begins with white space, but there is no field that it could continue");
      return FALSE;
    }
  header->fields[header->n_fields - 1].end = (guint32) next;
  return TRUE;
}

static VdHeader *
header_alloc (GBytes *bytes)
{
  VdHeader *header = g_malloc (sizeof *header);
  memset (header, 0, G_STRUCT_OFFSET (VdHeader, few)); /* that is set as it is used */
  header->data = g_bytes_get_data (bytes, NULL);
  header->fields = header->few;
  header->room = FIELDS_ROOM;
  header->exact = TRUE;
  return header;
}

VdHeader *
vd_header_scan (const VdBodyPolicy *policy, GBytes *section, GError **error)
{
  return vd_header_scan_first (policy, section, g_bytes_get_size (section), error);
}

VdHeader *
vd_header_scan_first (const VdBodyPolicy *policy, GBytes *bytes, gsize size, GError **error)
{
  g_return_val_if_fail (size <= G_MAXUINT32, NULL);
  g_autoptr (VdHeader) header = header_alloc (bytes);
  header->bytes = g_bytes_ref (bytes);
  header->size = size;
  gsize at = 0;
  while (at < size)
    {
      gsize end = size;
      gsize next = size;
      if (!find_line_end (policy, header->data, size, TRUE, at, &end, &next))
        end = next = size;
      header->exact = header->exact && next == end + 2;
      if (!add_line (header, policy, at, end, next, error))
        return NULL;
      at = next;
    }
  return g_steal_pointer (&header);
}

VdHeader *
vd_header_scan_exact (GBytes *bytes, gsize max)
{
  g_autoptr (VdHeader) header = header_alloc (bytes);
  const gsize size = g_bytes_get_size (bytes);
  const gsize most = MIN (size, MIN (max, G_MAXUINT32));
  gsize at = 0;
  while (at < size && header->data[at] != '\r')
    {
      const char *lf = memchr (header->data + at, '\n', most - at);
      if (lf == NULL)
        return NULL;
      const gsize next = (gsize) (lf - header->data) + 1;
      if (is_wsp (header->data[at]) && header->n_fields > 0)
        header->fields[header->n_fields - 1].end = (guint32) next;
      else if (!add_field (header, at, next - 2 - at, next))
        return NULL;
      header->lines++;
      at = next;
    }
  header->size = at;
  return g_steal_pointer (&header);
}

void
vd_header_free (VdHeader *header)
{
  if (header == NULL)
    return;
  g_clear_pointer (&header->bytes, g_bytes_unref);
  if (header->fields != header->few)
    g_free (header->fields);
  g_free (header);
}

guint
vd_header_count (const VdHeader *header)
{
  return header->n_fields;
}

guint64
vd_header_lines (const VdHeader *header)
{
  return header->lines;
}

const char *
vd_header_section (const VdHeader *header, gsize *ret_size)
{
  *ret_size = header->size;
  return header->data;
}

static const Field *
field_at (const VdHeader *header, guint index)
{
  g_assert (index < header->n_fields);
  return &header->fields[index];
}

gint
vd_header_find (const VdHeader *header, guint name, guint from)
{
  if ((header->names & VD_NAME_BIT (name)) == 0)
    return -1;
  for (guint i = from; i < header->n_fields; i++)
    if (header->fields[i].name == name)
      return (gint) i;
  return -1;
}

guint64
vd_header_names (const VdHeader *header)
{
  return header->names;
}

guint64
vd_header_repeated (const VdHeader *header)
{
  return header->repeated;
}

guint
vd_header_known (const VdHeader *header, guint index)
{
  return field_at (header, index)->name;
}

guint
vd_header_flags (const VdHeader *header, guint index)
{
  return vd_name_flags (field_at (header, index)->name);
}

gboolean
vd_header_is_exact (const VdHeader *header)
{
  return header->exact;
}

const char *
vd_header_plain_value (const VdHeader *header, guint index, gsize *ret_size)
{
  const Field *field = field_at (header, index);
  const char *value = header->data + field->colon + 1;
  const char *end = header->data + field->end;
  while (end > value && (end[-1] == '\r' || end[-1] == '\n'))
    end--;
  if (memchr (value, '\n', (gsize) (end - value)) != NULL
      || (!header->exact && memchr (value, '\r', (gsize) (end - value)) != NULL))
    return NULL;
  while (value < end && is_wsp (*value))
    value++;
  while (end > value && is_wsp (end[-1]))
    end--;
  *ret_size = (gsize) (end - value);
  return value;
}

char *
vd_header_value (const VdHeader *header, guint index, gsize *ret_size)
{
  const Field *field = field_at (header, index);
  char *value = g_malloc (field->end - field->colon);
  gsize size = 0;
  for (gsize i = field->colon + 1; i < field->end; i++)
    if (header->data[i] != '\r' && header->data[i] != '\n' && (size > 0 || !is_wsp (header->data[i])))
      value[size++] = header->data[i];
  while (size > 0 && is_wsp (value[size - 1]))
    size--;
  value[size] = '\0';
  if (ret_size != NULL)
    *ret_size = size;
  return value;
}

void
vd_header_append_raw (const VdHeader *header, guint index, GByteArray *to)
{
  const Field *field = field_at (header, index);
  gsize line = field->start;
  while (line < field->end)
    {
      gsize end = line;
      while (end < field->end && header->data[end] != '\r' && header->data[end] != '\n')
        end++;
      g_byte_array_append (to, (const guint8 *) header->data + line, (guint) (end - line));
      g_byte_array_append (to, (const guint8 *) "\r\n", 2);
      if (end + 1 < field->end && header->data[end] == '\r' && header->data[end + 1] == '\n')
        end++;
      line = end + 1;
    }
}
