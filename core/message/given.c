/* SPDX-License-Identifier: MIT */
/* given - header options: the checks of HDR-7 and HDR-8, merging, RFC 2047.
 *
 * Pure.  Fails on what the caller gave. */
#include "core/message/given.h"

#include <string.h>

#include "core/base/error.h"
#include "core/base/trace.h"
#include "core/message/envelope.h"
#include "core/message/field.h"
#include "core/message/header.h"
#include "core/message/words.h"

static gboolean
refuse (GError **error, const char *name, const char *why)
{
  g_autofree char *shown = vd_text_escape (name, strlen (name));
  g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION, "header option \"%s\" %s", shown, why);
  return FALSE;
}

gboolean
vd_header_option_check (const char *name, const char *value, GError **error)
{
  gsize size = strlen (name);
  if (!vd_header_name_valid (name, size))
    return refuse (error, name, "is not a field name: printable ASCII without space and colon");
  guint flags = vd_name_flags (vd_name_read (name, size));
  if ((flags & VD_FIELD_REFUSED) != 0)
    return refuse (error, name, "cannot be user-specified: it belongs to the message or to the servers on its way");
  for (const char *p = value; *p != '\0'; p++)
    if (((guint8) *p < 0x20 && *p != '\t') || *p == 0x7f)
      {
        g_autofree char *why = g_strdup_printf (
            "holds a control character (\\x%02X) at offset %" G_GSIZE_FORMAT " of its value", (guint8) *p, (gsize) (p - value));
        return refuse (error, name, why);
      }
  const char *end;
  if (!g_utf8_validate (value, -1, &end))
    {
      g_autofree char *why
          = g_strdup_printf ("is not valid UTF-8 at offset %" G_GSIZE_FORMAT " of its value", (gsize) (end - value));
      return refuse (error, name, why);
    }
  if ((flags & VD_FIELD_ASCII) != 0 && !g_str_is_ascii (value))
    return refuse (error, name, "must be ASCII");
  return TRUE;
}

static void
given_free (gpointer data)
{
  VdGiven *given = data;
  g_free (given->name);
  g_free (given->what);
  g_free (given->text);
  g_free (given->value);
  g_free (given);
}

const VdGiven *
vd_given_find (const GPtrArray *given, guint name)
{
  for (guint i = 0; i < given->len; i++)
    {
      const VdGiven *field = g_ptr_array_index (given, i);
      if (field->known == name)
        return field;
    }
  return NULL;
}

/* ---- merging ---- */

static gboolean
merge (VdGiven *field, const char *value, GError **error)
{
  const char *between = (field->flags & VD_FIELD_ADDRESS) != 0 ? ", " : (field->flags & VD_FIELD_IDS) != 0 ? " " : NULL;
  if (between == NULL)
    return refuse (error, field->name, "is given twice, but a message may have it only once");
  if (*value == '\0')
    return TRUE;
  char *joined = *field->text == '\0' ? g_strdup (value) : g_strconcat (field->text, between, value, NULL);
  g_free (field->text);
  field->text = joined;
  return TRUE;
}

static VdGiven *
find_spelled (const GPtrArray *given, const char *name)
{
  for (guint i = 0; i < given->len; i++)
    {
      VdGiven *field = g_ptr_array_index (given, i);
      if (g_ascii_strcasecmp (field->name, name) == 0)
        return field;
    }
  return NULL;
}

static gboolean
add_option (GPtrArray *given, const VdHeaderOption *option, GError **error)
{
  if (!vd_header_option_check (option->name, option->value, error))
    return FALSE;
  g_autofree char *text = g_strstrip (g_strdup (option->value));
  const guint known = vd_name_read (option->name, strlen (option->name));
  const guint flags = vd_name_flags (known);
  VdGiven *earlier = find_spelled (given, option->name);
  if (earlier != NULL && (flags & VD_FIELD_SINGLE) != 0)
    return merge (earlier, text, error);
  VdGiven *field = g_new0 (VdGiven, 1);
  field->name = g_strdup (earlier != NULL ? earlier->name : option->name);
  field->known = known;
  field->flags = flags;
  field->what = g_strdup_printf ("header option %s", field->name);
  field->text = g_steal_pointer (&text);
  g_ptr_array_add (given, field);
  return TRUE;
}

/* ---- the value for the wire ---- */

static gsize
room_left (const GString *text)
{
  return text->len < 76 ? 76 - text->len : 0;
}

static void
append_piece (GString *to, const char *text, const VdAddressPiece *piece)
{
  g_autofree char *raw = g_strndup (text + piece->start, piece->end - piece->start);
  gboolean ascii = g_str_is_ascii (raw);
  gboolean whole = piece->kind != VD_PIECE_SPEC || strchr (raw, '@') != NULL;
  if (piece->kind == VD_PIECE_SPEC && !piece->mailbox->utf8 && !(ascii && whole))
    g_string_append (to, piece->mailbox->path); /* the domain in A-labels, or completed */
  else if (piece->kind == VD_PIECE_SPEC || ascii)
    g_string_append (to, raw);
  else
    {
      gboolean comment = piece->kind == VD_PIECE_COMMENT;
      g_autofree char *plain = comment ? g_strndup (raw + 1, strlen (raw) - 2) : vd_phrase_text (raw, strlen (raw));
      g_autofree char *encoded = vd_words_encode (plain, room_left (to));
      g_string_append_printf (to, comment ? "(%s)" : "%s", encoded);
    }
}

/* The text as given but for the pieces that may not stand on the wire as they are.  NULL with error; "" where there is no
 * address. */
static char *
address_value (const VdGiven *field, const char *default_domain, GError **error)
{
  VdAddressContext context = { field->what, default_domain, TRUE, FALSE };
  g_autoptr (VdAddressList) list = vd_address_list_parse (field->text, strlen (field->text), &context, error);
  if (list == NULL)
    return NULL;
  if (list->mailboxes->len == 0 && !list->group)
    return g_strdup ("");
  g_autoptr (GString) value = g_string_new (field->name); /* stands there for the count of columns */
  g_string_append (value, ": ");
  gsize begin = value->len;
  gsize at = 0;
  for (guint i = 0; i < list->pieces->len; i++)
    {
      const VdAddressPiece *piece = &g_array_index (list->pieces, VdAddressPiece, i);
      if (piece->start < at)
        continue;
      g_string_append_len (value, field->text + at, (gssize) (piece->start - at));
      append_piece (value, field->text, piece);
      at = piece->end;
    }
  g_string_append (value, field->text + at);
  g_string_erase (value, 0, (gssize) begin);
  return g_string_free (g_steal_pointer (&value), FALSE);
}

static gboolean
complete (VdGiven *field, const char *default_domain, GError **error)
{
  if ((field->flags & VD_FIELD_ADDRESS) != 0)
    {
      field->value = address_value (field, default_domain, error);
      if (field->value == NULL)
        return FALSE;
      if (*field->value == '\0')
        *field->text = '\0';
      if ((field->flags & VD_FIELD_BLIND) != 0)
        g_clear_pointer (&field->value, g_free);
    }
  else
    field->value = vd_words_encode_text (field->text, strlen (field->name) + 2);
  return TRUE;
}

GPtrArray *
vd_given_new (const GPtrArray *options, const char *default_domain, GError **error)
{
  g_autoptr (GPtrArray) given = g_ptr_array_new_with_free_func (given_free);
  for (guint i = 0; options != NULL && i < options->len; i++)
    if (!add_option (given, g_ptr_array_index (options, i), error))
      return NULL;
  for (guint i = 0; i < given->len; i++)
    if (!complete (g_ptr_array_index (given, i), default_domain, error))
      return NULL;
  return g_steal_pointer (&given);
}

char *
vd_given_mailbox_text (const VdMailbox *mailbox)
{
  if (mailbox->display == NULL)
    return g_strdup (mailbox->path);
  if (g_str_is_ascii (mailbox->display))
    return g_strdup_printf ("%s <%s>", mailbox->display, mailbox->path);
  g_autofree char *plain = vd_phrase_text (mailbox->display, strlen (mailbox->display));
  g_autofree char *encoded = vd_words_encode (plain, 60);
  return g_strdup_printf ("%s <%s>", encoded, mailbox->path);
}
