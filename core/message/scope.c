/* SPDX-License-Identifier: MIT */
/* scope - looks fields up where they count.
 *
 * Pure.  Fails with VEREDA_ERROR_ADDRESS, naming option or field. */
#include "core/message/scope.h"

#include <string.h>

#include "core/message/field.h"

/* An instance of a single field that the block has already begins the next older block: nobody has to put a field between
 * them. */
static gboolean
block_has (const VdHeader *header, guint first, guint index)
{
  const guint name = vd_header_known (header, index);
  return (vd_name_flags (name) & (VD_FIELD_SINGLE | VD_FIELD_BLIND)) == VD_FIELD_SINGLE
         && vd_header_find (header, name, first) < (gint) index;
}

#define RESENT_NAMES (~(VD_NAME_BIT (VD_NAME_RESENT) - 1))

/* The newest block stands highest (RFC 5322 section 3.6.6). FALSE: there is none. */
static gboolean
find_block (VdScope *scope)
{
  guint n = vd_header_count (scope->header);
  guint first = 0;
  if ((vd_header_names (scope->header) & RESENT_NAMES) == 0)
    return FALSE;
  while ((vd_header_flags (scope->header, first) & VD_FIELD_RESENT) == 0)
    first++;
  guint end = first + 1;
  while (end < n && (vd_header_flags (scope->header, end) & VD_FIELD_RESENT) != 0 && !block_has (scope->header, first, end))
    end++;
  scope->first = first;
  scope->end = end;
  return TRUE;
}

#define SOMEBODY                                                                                                               \
  (VD_NAME_BIT (VD_NAME_FROM) | VD_NAME_BIT (VD_NAME_SENDER) | VD_NAME_BIT (VD_NAME_TO) | VD_NAME_BIT (VD_NAME_CC)             \
   | VD_NAME_BIT (VD_NAME_BCC) | VD_NAME_BIT (VD_NAME_DCC))

void
vd_scope_init (VdScope *scope, const VdHeader *header, const GPtrArray *given)
{
  gboolean anew = FALSE;
  memset (scope, 0, sizeof *scope);
  scope->header = header;
  scope->given = given;
  scope->end = vd_header_count (header);
  for (guint i = 0; i < given->len; i++)
    {
      const VdGiven *field = g_ptr_array_index (given, i);
      scope->fresh = scope->fresh || (field->flags & VD_FIELD_RESENT) != 0;
      anew = anew || (SOMEBODY & VD_NAME_BIT (field->known)) != 0;
    }
  if (scope->fresh)
    scope->end = 0;
  scope->resent = scope->fresh || (!anew && find_block (scope));
}

guint
vd_scope_name (const VdScope *scope, guint name)
{
  return scope->resent ? VD_NAME_RESENT + name : name;
}

const char *
vd_scope_text (const VdScope *scope, guint name)
{
  return vd_name_text (vd_scope_name (scope, name));
}

/* Index of the next instance in the message at or after `from`; -1: none. */
static gint
find_in_message (const VdScope *scope, guint name, guint from)
{
  gint found = vd_header_find (scope->header, name, MAX (from, scope->first));
  return found >= 0 && (guint) found < scope->end ? found : -1;
}

gboolean
vd_scope_has (const VdScope *scope, guint name, char **ret_text)
{
  const guint wanted = vd_scope_name (scope, name);
  const VdGiven *given = vd_given_find (scope->given, wanted);
  if (given != NULL)
    {
      if (ret_text != NULL && *given->text != '\0')
        *ret_text = g_strdup (given->value);
      return *given->text != '\0';
    }
  gint found = find_in_message (scope, wanted, 0);
  if (found >= 0 && ret_text != NULL)
    *ret_text = vd_header_value (scope->header, (guint) found, NULL);
  return found >= 0;
}

static gboolean
append_mailboxes (const char *text, gsize size, const VdAddressContext *context, VdMailboxes *to, gboolean *ret_group,
                  GError **error)
{
  VdMailbox *plain = vd_address_parse_plain (text, size);
  if (plain != NULL)
    {
      vd_mailboxes_add (to, plain);
      return TRUE;
    }
  g_autoptr (VdAddressList) list = vd_address_list_parse (text, size, context, error);
  if (list == NULL)
    return FALSE;
  *ret_group = *ret_group || list->group;
  for (guint i = 0; i < list->mailboxes->len; i++)
    vd_mailboxes_add (to, g_steal_pointer (&g_ptr_array_index (list->mailboxes, i)));
  return TRUE;
}

gboolean
vd_scope_mailboxes (const VdScope *scope, guint name, const VdAddressContext *base, VdMailboxes *to, gboolean *ret_found,
                    gboolean *ret_group, GError **error)
{
  const guint wanted = vd_scope_name (scope, name);
  VdAddressContext context = *base;
  gboolean group = FALSE;
  const VdGiven *given = vd_given_find (scope->given, wanted);
  gboolean found = given != NULL && *given->text != '\0';
  if (found)
    {
      context.what = given->what;
      if (!append_mailboxes (given->text, strlen (given->text), &context, to, &group, error))
        return FALSE;
    }
  context.kind = "field ";
  context.what = vd_name_text (wanted);
  for (gint at = given != NULL ? -1 : find_in_message (scope, wanted, 0); at >= 0;
       at = find_in_message (scope, wanted, (guint) at + 1))
    {
      gsize size;
      g_autofree char *unfolded = NULL;
      const char *text = vd_header_plain_value (scope->header, (guint) at, &size);
      if (text == NULL)
        text = unfolded = vd_header_value (scope->header, (guint) at, &size);
      found = TRUE;
      if (!append_mailboxes (text, size, &context, to, &group, error))
        return FALSE;
    }
  *ret_found = found;
  *ret_group = group;
  return TRUE;
}
