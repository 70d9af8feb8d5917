/* SPDX-License-Identifier: MIT */
/*
 * Reading an error document: see document.h.
 *
 * A recursive descent over RFC 8259's grammar that copies nothing but the texts asked for.  Touches nothing but its input.
 * Fails on anything that is not JSON, that nests deeper than DEPTH_MAX, or whose outermost value is not an object.
 */
#include "document.h"

#include <string.h>

#define DEPTH_MAX 16

typedef struct
{
  const char *at, *end;
  guint depth;
} Reader;

static gboolean read_value (Reader *r, GString *text);

static void
skip_blank (Reader *r)
{
  while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
    r->at++;
}

/* Is this octet next?  Then it is taken. */
static gboolean
take (Reader *r, char c)
{
  if (r->at == r->end || *r->at != c)
    return FALSE;
  r->at++;
  return TRUE;
}

static gboolean
take_word (Reader *r, const char *word)
{
  gsize size = strlen (word);

  if ((gsize) (r->end - r->at) < size || memcmp (r->at, word, size) != 0)
    return FALSE;
  r->at += size;
  return TRUE;
}

/* Control characters, and whatever else would not show as itself, become one visible stand-in. */
static void
keep (GString *text, gunichar c)
{
  if (text == NULL)
    return;
  g_string_append_unichar (text, g_unichar_isprint (c) ? c : 0xfffd);
}

static gboolean
read_hex (Reader *r, gunichar *ret)
{
  gunichar value = 0;

  for (guint i = 0; i < 4; i++, r->at++)
    {
      if (r->at == r->end || !g_ascii_isxdigit (*r->at))
        return FALSE;
      value = value << 4 | (gunichar) g_ascii_xdigit_value (*r->at);
    }
  *ret = value;
  return TRUE;
}

/* Behind "\u".  A pair of surrogates is one character; a lone one is none. */
static gboolean
read_code (Reader *r, GString *text)
{
  gunichar high, low;

  if (!read_hex (r, &high))
    return FALSE;
  if (high >= 0xd800 && high < 0xdc00 && take_word (r, "\\u"))
    {
      if (!read_hex (r, &low))
        return FALSE;
      if (low >= 0xdc00 && low < 0xe000)
        high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
      else
        {
          keep (text, 0xfffd);
          high = low;
        }
    }
  keep (text, high >= 0xd800 && high < 0xe000 ? 0xfffd : high);
  return TRUE;
}

static gboolean
read_escape (Reader *r, GString *text)
{
  static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
  const char *found;

  if (take (r, 'u'))
    return read_code (r, text);
  if (r->at == r->end || *r->at == '\0' || (found = strchr (names, *r->at)) == NULL)
    return FALSE;
  r->at++;
  keep (text, (gunichar) meanings[found - names]);
  return TRUE;
}

static gboolean
read_string (Reader *r, GString *text)
{
  if (!take (r, '"'))
    return FALSE;
  while (r->at < r->end && *r->at != '"')
    {
      if ((guchar) *r->at < 0x20)
        return FALSE;
      if (take (r, '\\'))
        {
          if (!read_escape (r, text))
            return FALSE;
          continue;
        }
      keep (text, g_utf8_get_char (r->at)); /* the whole was seen to be UTF-8 */
      r->at = g_utf8_next_char (r->at);
    }
  return take (r, '"');
}

static gboolean
read_digits (Reader *r)
{
  const char *begin = r->at;

  while (r->at < r->end && g_ascii_isdigit (*r->at))
    r->at++;
  return r->at > begin;
}

static gboolean
read_number (Reader *r, GString *text)
{
  const char *begin = r->at;

  take (r, '-');
  if (!take (r, '0') && !read_digits (r))
    return FALSE;
  if (take (r, '.') && !read_digits (r))
    return FALSE;
  if (take (r, 'e') || take (r, 'E'))
    {
      if (!take (r, '+'))
        take (r, '-');
      if (!read_digits (r))
        return FALSE;
    }
  if (text != NULL)
    g_string_append_len (text, begin, r->at - begin);
  return TRUE;
}

static gboolean
read_array (Reader *r)
{
  skip_blank (r);
  if (take (r, ']'))
    return TRUE;
  do
    if (!read_value (r, NULL))
      return FALSE;
  while (take (r, ','));
  return take (r, ']');
}

/* Where a member of the outermost object goes, and NULL for one that nobody asked for or that was there before: the first
 * counts, whatever a server hides behind it. */
static char **
slot_of (OauthDocument *document, const char *name)
{
  const struct
  {
    const char *name;
    char **slot;
  } slots[] = {
    { "status", &document->status },
    { "scope", &document->scope },
    { "openid-configuration", &document->openid_configuration },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (slots); i++)
    if (strcmp (slots[i].name, name) == 0)
      return *slots[i].slot == NULL ? slots[i].slot : NULL;
  return NULL;
}

static gboolean
read_member (Reader *r, OauthDocument *document)
{
  g_autoptr (GString) name = g_string_new (NULL);
  g_autoptr (GString) text = g_string_new (NULL);
  char **slot;

  skip_blank (r);
  if (!read_string (r, name))
    return FALSE;
  skip_blank (r);
  if (!take (r, ':'))
    return FALSE;
  slot = document != NULL ? slot_of (document, name->str) : NULL;
  if (!read_value (r, slot != NULL ? text : NULL))
    return FALSE;
  if (slot != NULL && text->len > 0)
    *slot = g_utf8_substring (text->str, 0, MIN (g_utf8_strlen (text->str, -1), OAUTH_TEXT_MAX));
  return TRUE;
}

static gboolean
read_object (Reader *r, OauthDocument *document)
{
  skip_blank (r);
  if (take (r, '}'))
    return TRUE;
  do
    if (!read_member (r, document))
      return FALSE;
  while (take (r, ','));
  return take (r, '}');
}

/* Any value, and the blank on both sides; a string or a number is appended to text where there is one. */
static gboolean
read_value (Reader *r, GString *text)
{
  gboolean good;

  skip_blank (r);
  if (r->at == r->end || r->depth == DEPTH_MAX)
    return FALSE;
  r->depth++;
  if (take (r, '{'))
    good = read_object (r, NULL);
  else if (take (r, '['))
    good = read_array (r);
  else if (*r->at == '"')
    good = read_string (r, text);
  else
    good = take_word (r, "true") || take_word (r, "false") || take_word (r, "null") || read_number (r, text);
  r->depth--;
  skip_blank (r);
  return good;
}

gboolean
oauth_document_parse (const VeredaSpan *octets, OauthDocument *ret_document)
{
  g_auto (OauthDocument) document = { NULL, NULL, NULL };
  Reader r = { octets->data, NULL, 0 };

  if (octets->size == 0 || !g_utf8_validate_len (octets->data, octets->size, NULL))
    return FALSE;
  r.end = r.at + octets->size;
  skip_blank (&r);
  if (!take (&r, '{') || !read_object (&r, &document))
    return FALSE;
  skip_blank (&r);
  if (r.at != r.end)
    return FALSE;
  *ret_document = document;
  document = (OauthDocument){ NULL, NULL, NULL };
  return TRUE;
}

void
oauth_document_clear (OauthDocument *document)
{
  g_clear_pointer (&document->status, g_free);
  g_clear_pointer (&document->scope, g_free);
  g_clear_pointer (&document->openid_configuration, g_free);
}

gboolean
oauth_document_is_expired (const OauthDocument *document)
{
  return document->status != NULL
         && (g_str_equal (document->status, "401") || g_ascii_strcasecmp (document->status, "invalid_token") == 0);
}
