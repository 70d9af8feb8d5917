/* SPDX-License-Identifier: MIT */
/* head - walks over the fields of the message once: keep, replace or leave out; what is new goes to its place.
 *
 * Pure.  Fails on duplicate single-instance fields, on options that a resending may not change, and on lines that cannot be
 * folded. */
#include "core/message/head.h"

#include <string.h>

#include "core/base/error.h"

/* The option that stands for this field of the message; NULL: the field stays. */
static const VdGiven *
replacement (const VdHead *head, guint index)
{
  if (head->scope->resent || (vd_header_flags (head->scope->header, index) & VD_FIELD_SINGLE) == 0)
    return NULL;
  return vd_given_find (head->scope->given, vd_header_known (head->scope->header, index));
}

/* HDR-1.  `name` is there more than once. */
static gboolean
check_repeated (const VdHead *head, guint name, GError **error)
{
  const guint flags = vd_name_flags (name);
  if ((flags & (VD_FIELD_SINGLE | VD_FIELD_BLIND | VD_FIELD_RESENT)) != VD_FIELD_SINGLE
      || vd_given_find (head->scope->given, name) != NULL)
    return TRUE;
  const gboolean settable = (flags & VD_FIELD_REFUSED) == 0;
  g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_MESSAGE, "the message has more than one %s field, but only one is allowed%s",
               vd_name_text (name), settable ? "; correct it, or give the field as a header option to replace them" : "");
  return FALSE;
}

/* Where the fields go that the message does not have. */
static GByteArray *
place_of_new (VdHead *head)
{
  GByteArray **place = head->scope->resent ? &head->lead : &head->trail;
  if (*place == NULL)
    *place = g_byte_array_new ();
  return *place;
}

/* An option that adds a field, or that has no counterpart in the message. */
static gboolean
place_option (VdHead *head, const VdGiven *field, GError **error)
{
  gboolean resent = (field->flags & VD_FIELD_RESENT) != 0;
  gboolean single = (field->flags & VD_FIELD_SINGLE) != 0;
  if ((field->flags & VD_FIELD_BLIND) != 0)
    {
      head->had_blind = head->had_blind || *field->text != '\0';
      return TRUE;
    }
  if (head->scope->resent && !resent && single)
    {
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION,
                   "header option %s: a message that is resent keeps its own %s; use Resent- fields, or none", field->name,
                   field->name);
      return FALSE;
    }
  if (single && *field->text == '\0')
    return TRUE;
  if (!head->scope->resent && single && (vd_header_names (head->scope->header) & VD_NAME_BIT (field->known)) != 0)
    return TRUE; /* takes its place in vd_head_build() */
  return vd_field_append (place_of_new (head), field->name, field->value, error);
}

/* Unknown fields first, so that a new Resent- block stays in one piece. */
static gboolean
place_options (VdHead *head, GError **error)
{
  for (int pass = 0; pass < 2; pass++)
    for (guint i = 0; i < head->scope->given->len; i++)
      {
        const VdGiven *field = g_ptr_array_index (head->scope->given, i);
        gboolean late = !head->scope->resent || (field->flags & VD_FIELD_RESENT) != 0;
        if (late == (pass == 1) && !place_option (head, field, error))
          return FALSE;
      }
  return TRUE;
}

#define BLIND_NAMES                                                                                                            \
  (VD_NAME_BIT (VD_NAME_BCC) | VD_NAME_BIT (VD_NAME_DCC) | VD_NAME_BIT (VD_NAME_RESENT + VD_NAME_BCC)                          \
   | VD_NAME_BIT (VD_NAME_RESENT + VD_NAME_DCC))

gboolean
vd_head_init (VdHead *head, const VdScope *scope, gboolean has_body, GError **error)
{
  *head = (VdHead){ .scope = scope, .has_body = has_body, .lead_at = scope->fresh ? 0 : scope->first };
  head->had_blind = (vd_header_names (scope->header) & BLIND_NAMES) != 0;
  /* Not while resending: then the fields are somebody else's (RES-6). */
  guint64 repeated = scope->resent ? 0 : vd_header_repeated (scope->header);
  for (guint name = 0; repeated != 0; name++, repeated >>= 1)
    if ((repeated & 1) != 0 && !check_repeated (head, name, error))
      return FALSE;
  return place_options (head, error);
}

void
vd_head_clear (VdHead *head)
{
  g_clear_pointer (&head->lead, g_byte_array_unref);
  g_clear_pointer (&head->trail, g_byte_array_unref);
}

gboolean
vd_head_add (VdHead *head, guint name, const char *value, GError **error)
{
  return vd_field_append (place_of_new (head), vd_scope_text (head->scope, name), value, error);
}

gboolean
vd_head_had_blind (const VdHead *head)
{
  return head->had_blind;
}

static void
append (GByteArray *to, const GByteArray *from)
{
  if (from != NULL)
    g_byte_array_append (to, from->data, from->len);
}

static gboolean
append_field (const VdHead *head, guint index, GByteArray *to, GError **error)
{
  const VdHeader *header = head->scope->header;
  if ((vd_header_flags (header, index) & VD_FIELD_BLIND) != 0)
    return TRUE;
  const VdGiven *given = replacement (head, index);
  if (given == NULL)
    {
      vd_header_append_raw (header, index, to);
      return TRUE;
    }
  gboolean again = vd_header_find (header, given->known, 0) != (gint) index;
  return again || *given->text == '\0' || vd_field_append (to, given->name, given->value, error);
}

gboolean
vd_head_is_untouched (const VdHead *head)
{
  return head->lead == NULL && head->trail == NULL && !head->had_blind && head->scope->given->len == 0
         && vd_header_is_exact (head->scope->header);
}

static GBytes *
copy_section (const VdHead *head)
{
  gsize size;
  const char *data = vd_header_section (head->scope->header, &size);
  guint8 *wire = g_malloc (size + 2);
  if (size > 0)
    memcpy (wire, data, size);
  memcpy (wire + size, "\r\n", 2);
  return g_bytes_new_take (wire, size + (head->has_body ? 2 : 0));
}

GBytes *
vd_head_build (const VdHead *head, guint name, const char *value, GError **error)
{
  if (name == VD_NAME_OTHER && vd_head_is_untouched (head))
    return copy_section (head);
  g_autoptr (GByteArray) wire = g_byte_array_new ();
  g_autoptr (GByteArray) extra = g_byte_array_new ();
  if (name != VD_NAME_OTHER && !vd_field_append (extra, vd_scope_text (head->scope, name), value, error))
    return NULL;
  guint n = vd_header_count (head->scope->header);
  for (guint i = 0; i <= n; i++)
    {
      if (i == head->lead_at)
        append (wire, head->lead);
      if (i == head->lead_at && head->scope->resent)
        append (wire, extra);
      if (i < n && !append_field (head, i, wire, error))
        return NULL;
    }
  append (wire, head->trail);
  if (!head->scope->resent)
    append (wire, extra);
  if (head->has_body)
    g_byte_array_append (wire, (const guint8 *) "\r\n", 2);
  return g_byte_array_free_to_bytes (g_steal_pointer (&wire));
}
