/* SPDX-License-Identifier: MIT */
/* mode - the transports as people see them, and the `transport` option that names them.
 *
 * Pure.  Parsing fails with the item at fault; selecting fails with what there is instead. */
#include "core/plugin/mode.h"

#include <string.h>

#include "core/base/error.h"
#include "core/base/trace.h"
#include "core/plugin/words.h"

static const VdWord modes[] = {
  { "any", VD_MODE_ANY },
  { "implicit", VD_MODE_IMPLICIT },
  { "starttls", VD_MODE_STARTTLS },
  { "plain", VD_MODE_PLAIN },
  { NULL, 0 },
};

static VdModeRow *
row_new (VdMode mode, const char *transport)
{
  VdModeRow *row = g_new0 (VdModeRow, 1);
  row->mode = mode;
  row->transport = g_strdup (transport);
  if (transport == NULL)
    row->name = g_strdup (vd_mode_word (mode));
  else if (mode == VD_MODE_ANY)
    row->name = g_strdup (transport);
  else
    row->name = g_strconcat (vd_mode_word (mode), "/", transport, NULL);
  return row;
}

void
vd_mode_row_free (VdModeRow *row)
{
  if (row == NULL)
    return;
  g_free (row->transport);
  g_free (row->name);
  g_free (row);
}

static GPtrArray *
rows_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) vd_mode_row_free);
}

const char *
vd_mode_word (VdMode mode)
{
  return vd_words_of_value (modes, mode);
}

GPtrArray *
vd_mode_table (GPtrArray *wrappers, gboolean plain)
{
  GPtrArray *table = rows_new ();
  for (VdMode mode = VD_MODE_IMPLICIT; mode <= VD_MODE_STARTTLS; mode++)
    for (guint i = 0; i < wrappers->len; i++)
      g_ptr_array_add (table, row_new (mode, wrappers->pdata[i]));
  if (plain)
    g_ptr_array_add (table, row_new (VD_MODE_PLAIN, NULL));
  return table;
}

/* One item: a mode, a transport, or both with a slash or a hyphen between; a transport's name holds neither. */
static VdModeRow *
parse_item (char *item, GError **error)
{
  gsize length = strcspn (item, "/-");
  char *transport = item[length] != '\0' ? item + length + 1 : NULL;
  g_autofree char *first = g_strndup (item, length);
  const VdWord *mode = vd_words_find (modes, first);
  if (transport == NULL && mode != NULL)
    return row_new ((VdMode) mode->value, NULL);
  if (transport == NULL && vd_transport_name_valid (first))
    return row_new (VD_MODE_ANY, first);
  if (transport != NULL && mode != NULL && mode->value != VD_MODE_PLAIN && vd_transport_name_valid (transport)
      && vd_words_find (modes, transport) == NULL)
    return row_new ((VdMode) mode->value, transport);
  g_autofree char *shown = vd_text_escape (item, strlen (item));
  g_set_error (
      error, VEREDA_ERROR, VEREDA_ERROR_OPTION,
      "transport: \"%s\" is none; write gnutls, openssl, plain, implicit, starttls, or both parts as in starttls/gnutls",
      shown);
  return NULL;
}

GPtrArray *
vd_mode_parse (const char *text, GError **error)
{
  g_autoptr (GPtrArray) choices = rows_new ();
  g_autofree char *lower = g_ascii_strdown (text, -1);
  g_auto (GStrv) items = g_strsplit (lower, ",", -1);
  for (char **item = items; *item != NULL; item++)
    {
      VdModeRow *row = parse_item (g_strstrip (*item), error);
      if (row == NULL)
        return NULL;
      g_ptr_array_add (choices, row);
    }
  if (choices->len > 0)
    return g_steal_pointer (&choices);
  g_set_error_literal (error, VEREDA_ERROR, VEREDA_ERROR_OPTION, "transport: the value is empty");
  return NULL;
}

static gboolean
row_matches (const VdModeRow *row, const VdModeRow *choice)
{
  return (choice->mode == VD_MODE_ANY || choice->mode == row->mode)
         && (choice->transport == NULL || g_strcmp0 (choice->transport, row->transport) == 0);
}

static char *
row_names (GPtrArray *rows)
{
  GString *names = g_string_new (NULL);
  for (guint i = 0; i < rows->len; i++)
    g_string_append_printf (names, "%s%s", i > 0 ? ", " : "", ((VdModeRow *) rows->pdata[i])->name);
  return g_string_free (names, FALSE);
}

GPtrArray *
vd_mode_select (GPtrArray *table, GPtrArray *choices, GError **error)
{
  g_autoptr (GPtrArray) selected = g_ptr_array_new ();
  for (guint c = 0; c < (choices != NULL ? choices->len : 1); c++)
    for (guint i = 0; i < table->len; i++)
      if ((choices == NULL || row_matches (table->pdata[i], choices->pdata[c]))
          && !g_ptr_array_find (selected, table->pdata[i], NULL))
        g_ptr_array_add (selected, table->pdata[i]);
  if (selected->len > 0)
    return g_steal_pointer (&selected);
  g_autofree char *asked = choices != NULL ? row_names (choices) : g_strdup ("any");
  g_autofree char *there = row_names (table);
  g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN, "no plugin for transport %s; available: %s", asked,
               table->len > 0 ? there : "none");
  return NULL;
}
