/* SPDX-License-Identifier: MIT */
/* script - a dialogue file as a list of items.  See script.h and README.md. */
#include "script.h"

#include <string.h>

#define REPEATED_MAX ((gsize) 64 * 1024 * 1024)

#define FAIL(error, ...) g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, __VA_ARGS__)

static const char *append_octet (GString *to, const char *p);

static void
free_word (gpointer word)
{
  g_string_free (word, TRUE);
}

static void
item_free (gpointer data)
{
  Item *item = data;
  if (item->octets != NULL)
    g_string_free (item->octets, TRUE);
  if (item->words != NULL)
    g_ptr_array_unref (item->words);
  g_free (item);
}

void
script_free (Script *script)
{
  g_free (script->name);
  g_ptr_array_unref (script->items);
  g_free (script);
}

const char *
item_word (const Item *item, guint n)
{
  return n < item->words->len ? ((GString *) item->words->pdata[n])->str : NULL;
}

static const char *append_octet (GString *to, const char *p);

/* "\{text*1000}": the text, which may hold escapes, a thousand times; `p` is behind "\{". */
static const char *
append_repeated (GString *to, const char *p)
{
  g_autoptr (GString) text = g_string_new (NULL);
  while (p != NULL && *p != '\0' && *p != '*')
    p = append_octet (text, p);
  if (p == NULL || *p == '\0')
    return NULL;
  char *end;
  guint64 count = g_ascii_strtoull (p + 1, &end, 10);
  if (*end != '}' || text->len == 0 || count == 0 || count > REPEATED_MAX / text->len)
    return NULL;
  for (guint64 i = 0; i < count; i++)
    g_string_append_len (to, text->str, (gssize) text->len);
  return end + 1;
}

/* One octet or one escape at `p`; NULL: the escape is none. */
static const char *
append_octet (GString *to, const char *p)
{
  static const char letters[] = "rnt0\\\"";
  static const char octets[] = "\r\n\t\0\\\"";
  if (*p != '\\')
    {
      g_string_append_c (to, *p);
      return p + 1;
    }
  p++;
  if (*p == '{')
    return append_repeated (to, p + 1);
  if (*p == 'x' && g_ascii_isxdigit (p[1]) && g_ascii_isxdigit (p[2]))
    {
      g_string_append_c (to, (char) (g_ascii_xdigit_value (p[1]) * 16 + g_ascii_xdigit_value (p[2])));
      return p + 3;
    }
  const char *letter = *p == '\0' ? NULL : strchr (letters, *p);
  if (letter == NULL)
    return NULL;
  g_string_append_c (to, octets[letter - letters]);
  return p + 1;
}

/* A word: bare up to a blank, or in double quotes. */
static const char *
read_word (const char *p, GString *word)
{
  gboolean quoted = *p == '"';
  for (p += quoted; p != NULL && *p != '\0' && (quoted ? *p != '"' : *p != ' ');)
    p = append_octet (word, p);
  if (p == NULL || (quoted && *p != '"'))
    return NULL;
  return p + quoted;
}

static Item *
parse_directive (const char *line)
{
  Item *item = g_new0 (Item, 1);
  item->kind = ITEM_DIRECTIVE;
  item->words = g_ptr_array_new_with_free_func (free_word);
  for (const char *p = line; *p != '\0';)
    {
      if (*p == ' ')
        {
          p++;
          continue;
        }
      GString *word = g_string_new (NULL);
      g_ptr_array_add (item->words, word);
      p = read_word (p, word);
      if (p == NULL || (*p != '\0' && *p != ' '))
        {
          item_free (item);
          return NULL;
        }
    }
  return item;
}

static Item *
parse_octets (ItemKind kind, const char *text, gboolean partial, gboolean crlf)
{
  Item *item = g_new0 (Item, 1);
  item->kind = kind;
  item->octets = g_string_new (NULL);
  item->partial = partial;
  for (const char *p = text; *p != '\0';)
    {
      p = append_octet (item->octets, p);
      if (p == NULL)
        {
          item_free (item);
          return NULL;
        }
    }
  if (crlf)
    g_string_append (item->octets, "\r\n");
  return item;
}

static Item *
parse_line (const char *line)
{
  static const struct
  {
    const char *prefix;
    ItemKind kind;
    gboolean partial;
    gboolean crlf;
  } forms[] = {
    { "C:", ITEM_CLIENT, FALSE, TRUE }, { "C-raw:", ITEM_CLIENT, FALSE, FALSE }, { "C-some:", ITEM_CLIENT, TRUE, FALSE },
    { "S:", ITEM_SERVER, FALSE, TRUE }, { "S-raw:", ITEM_SERVER, FALSE, FALSE },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (forms); i++)
    if (g_str_has_prefix (line, forms[i].prefix))
      {
        const char *text = line + strlen (forms[i].prefix);
        return parse_octets (forms[i].kind, *text == ' ' ? text + 1 : text, forms[i].partial, forms[i].crlf);
      }
  return parse_directive (line);
}

static gboolean
parse_lines (Script *script, char **lines, const char *path, GError **error)
{
  for (guint n = 0; lines[n] != NULL; n++)
    {
      if (lines[n][0] == '#' || lines[n][0] == '\0')
        continue;
      Item *item = parse_line (lines[n]);
      if (item == NULL)
        {
          FAIL (error, "%s:%u: cannot read '%s'", path, n + 1, lines[n]);
          return FALSE;
        }
      item->line = n + 1;
      g_ptr_array_add (script->items, item);
    }
  return TRUE;
}

Script *
script_load (const char *path, GError **error)
{
  g_autofree char *text = NULL;
  if (!g_file_get_contents (path, &text, NULL, error))
    return NULL;
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  Script *script = g_new0 (Script, 1);
  g_autofree char *base = g_path_get_basename (path);
  script->name = g_strndup (base, strlen (base) - strlen (".dlg"));
  script->items = g_ptr_array_new_with_free_func (item_free);
  if (parse_lines (script, lines, path, error))
    return script;
  script_free (script);
  return NULL;
}
