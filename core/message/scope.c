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
  gsize size;
  const char *name = vd_header_name (header, index, &size);
  g_autofree char *wanted = g_strndup (name, size);
  gint found = vd_header_find (header, wanted, first);
  return (vd_header_flags (header, index) & (VD_FIELD_SINGLE | VD_FIELD_BLIND)) == VD_FIELD_SINGLE && found >= 0
         && (guint) found < index;
}

/* The newest block stands highest (RFC 5322 section 3.6.6). FALSE: there is none. */
static gboolean
find_block (VdScope *scope)
{
  guint n = vd_header_count (scope->header);
  guint first = 0;
  while (first < n && (vd_header_flags (scope->header, first) & VD_FIELD_RESENT) == 0)
    first++;
  if (first == n)
    return FALSE;
  guint end = first + 1;
  while (end < n && (vd_header_flags (scope->header, end) & VD_FIELD_RESENT) != 0 && !block_has (scope->header, first, end))
    end++;
  scope->first = first;
  scope->end = end;
  return TRUE;
}

static gboolean
names_somebody (const VdGiven *field)
{
  static const char *const names[] = { "From", "Sender", "To", "Cc", "Bcc", "Dcc" };
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_ascii_strcasecmp (field->name, names[i]) == 0)
      return TRUE;
  return FALSE;
}

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
      anew = anew || names_somebody (field);
    }
  if (scope->fresh)
    scope->end = 0;
  scope->resent = scope->fresh || (!anew && find_block (scope));
}

char *
vd_scope_name (const VdScope *scope, const char *name)
{
  return g_strconcat (scope->resent ? "Resent-" : "", name, NULL);
}

/* Index of the next instance in the message at or after `from`; -1: none. */
static gint
find_in_message (const VdScope *scope, const char *name, guint from)
{
  gint found = vd_header_find (scope->header, name, MAX (from, scope->first));
  return found >= 0 && (guint) found < scope->end ? found : -1;
}

/* The same as vd_scope_name(), made only where the scope has names of its own. */
static const char *
name_in (const VdScope *scope, const char *name, char **to_free)
{
  *to_free = scope->resent ? vd_scope_name (scope, name) : NULL;
  return *to_free != NULL ? *to_free : name;
}

gboolean
vd_scope_has (const VdScope *scope, const char *name, char **ret_text)
{
  g_autofree char *made = NULL;
  const char *wanted = name_in (scope, name, &made);
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
vd_scope_mailboxes (const VdScope *scope, const char *name, const VdAddressContext *base, VdMailboxes *to, gboolean *ret_found,
                    gboolean *ret_group, GError **error)
{
  g_autofree char *made = NULL;
  const char *wanted = name_in (scope, name, &made);
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
  context.what = wanted;
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
