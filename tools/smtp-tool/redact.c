/* SPDX-License-Identifier: MIT */
/* redact - see redact.h. */
#include "redact.h"
#include "tool.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static RedactLevel redact_level;
static GHashTable *names; /* what was seen, in lower case: what stands for it */
static GHashTable *known; /* words, in lower case: what they are */

/* ---- what it is called ---- */

static const char *
name_of (const char *what, const char *text, gsize size)
{
  g_autofree char *lower = g_ascii_strdown (text, (gssize) size);
  g_autofree char *key = g_strconcat (what, " ", lower, NULL);
  const char *name = g_hash_table_lookup (names, key);
  const gsize prefix = strlen (what) + 1;
  guint count = 1;
  GHashTableIter iter;
  gpointer other;

  if (name != NULL)
    return name;
  g_hash_table_iter_init (&iter, names);
  while (g_hash_table_iter_next (&iter, &other, NULL))
    if (strncmp (other, key, prefix) == 0)
      count++;
  char *made = g_strdup_printf ("%s-%u", what, count);
  g_hash_table_insert (names, g_steal_pointer (&key), made);
  return made;
}

/* ---- mail addresses ---- */

/* RFC 5321's Atom and dots, UTF-8, and the backslash of JSON's own escapes, which must not be parted from what it escapes. */
static gboolean
is_local (char c)
{
  return (guchar) c >= 0x80 || g_ascii_isalnum (c) || (c != '\0' && strchr ("!#$%&'*+-/=?^_`{|}~.\\", c) != NULL);
}

static gboolean
is_domain (char c)
{
  return (guchar) c >= 0x80 || g_ascii_isalnum (c) || c == '.' || c == '-' || c == '_';
}

/* How far the local part before @p at goes back into what stands there. */
static gsize
local_size (const char *text, gsize at)
{
  gsize size = 0;

  if (at > 1 && text[at - 1] == '"') /* quoted: to the other quote, with JSON's backslash before each */
    {
      const gsize end = at - (at > 2 && text[at - 2] == '\\' ? 3 : 2);
      for (gsize i = end + 1; i > 0; i--)
        if (text[i - 1] == '"')
          return at - (i - 1) + (i > 1 && text[i - 2] == '\\' ? 1 : 0);
      return 0;
    }
  while (size < at && is_local (text[at - size - 1]))
    size++;
  /* "FROM=ann@example.org", "user='ann@example.org'": what stands before a sign that is more often a mark than a part of a name stays */
  for (gsize i = size; i > 0; i--)
    if (strchr ("='`|", text[at - i]) != NULL && i > 1)
      return local_size (text + at - i + 1, i - 1);
  return size;
}

static gsize
domain_size (const char *text)
{
  gsize size = 0;

  if (text[0] == '[')
    return strchr (text, ']') != NULL ? (gsize) (strchr (text, ']') - text) + 1 : 0;
  while (is_domain (text[size]))
    size++;
  while (size > 0 && (text[size - 1] == '.' || text[size - 1] == '-'))
    size--;
  return size;
}

static GString *
hide_addresses (const char *text)
{
  GString *out = g_string_new (NULL);
  const char *rest = text, *at = text;

  while ((at = strchr (at, '@')) != NULL)
    {
      const gsize before = local_size (rest, (gsize) (at - rest)), after = domain_size (at + 1);

      if (before > 0 && after > 0)
        {
          g_string_append_len (out, rest, at - rest - (gssize) before);
          g_string_append (out, name_of ("address", at - before, before + 1 + after));
          rest = at + 1 + after;
        }
      at = at + 1 + (before > 0 ? after : 0);
    }
  g_string_append (out, rest);
  return out;
}

/* ---- hosts, IP addresses, users ---- */

static gboolean
is_word (char c)
{
  return is_domain (c) || c == ':';
}

/* "mail.example.org": labels, of which the last is a word and no number. */
static gboolean
is_host (const char *word)
{
  const char *last = strrchr (word, '.');

  if (last == NULL || last == word || strstr (word, "..") != NULL || strlen (last + 1) < 2)
    return FALSE;
  for (const char *p = last + 1; *p != '\0'; p++)
    if (!g_ascii_isalpha (*p) && (guchar) *p < 0x80)
      return g_ascii_strncasecmp (last + 1, "xn--", 4) == 0;
  return TRUE;
}

static gboolean
is_ip (const char *word)
{
  guint8 octets[16];

  return inet_pton (AF_INET, word, octets) == 1 || inet_pton (AF_INET6, word, octets) == 1;
}

/* What it is, or NULL. */
static const char *
judge (const char *word)
{
  g_autofree char *lower = g_ascii_strdown (word, -1);
  const char *what = g_hash_table_lookup (known, lower);

  if (is_ip (word))
    return "ip";
  if (what != NULL)
    return what;
  return strchr (word, ':') == NULL && is_host (word) ? "host" : NULL;
}

/* "250-" before the first word of a reply. */
static gboolean
is_code (const char *word)
{
  return g_ascii_isdigit (word[0]) && g_ascii_isdigit (word[1]) && g_ascii_isdigit (word[2]) && word[3] == '-';
}

/* One run of the characters that names and addresses are made of: as a whole, without the signs at its end, or parted at its first colon, as
 * HOST:PORT is. */
static void
hide_word (GString *out, const char *start, gsize size, gboolean is_key)
{
  g_autofree char *word = g_strndup (start, size);
  const char *what = is_key ? NULL : judge (word);
  const char *colon = strchr (word, ':');
  gsize end = size;

  while (end > 0 && strchr (".:-_", word[end - 1]) != NULL)
    end--;
  if (what != NULL)
    g_string_append (out, name_of (what, start, size));
  else if (size > 4 && is_code (word))
    {
      g_string_append_len (out, start, 4);
      hide_word (out, start + 4, size - 4, is_key);
    }
  else if (end > 0 && end < size)
    {
      hide_word (out, start, end, is_key);
      g_string_append_len (out, start + end, (gssize) (size - end));
    }
  else if (end > 0 && colon != NULL)
    {
      const gsize part = (gsize) (colon - word);
      hide_word (out, start, part, is_key);
      g_string_append_c (out, ':');
      hide_word (out, start + part + 1, size - part - 1, is_key);
    }
  else
    g_string_append_len (out, start, (gssize) size);
}

static GString *
hide_names (const char *text)
{
  GString *out = g_string_new (NULL);

  while (*text != '\0')
    {
      gsize size = 0;

      while (is_word (text[size]))
        size++;
      if (size > 0)
        hide_word (out, text, size, text[size] == '"' && text[size + 1] == ':'); /* a name in JSON is the schema's */
      else
        g_string_append_c (out, text[size++]);
      text += size;
    }
  return out;
}

char *
redact_text (const char *text)
{
  if (redact_level == REDACT_SECRETS)
    return g_strdup (text);
  g_autoptr (GString) addresses = hide_addresses (text);
  g_autoptr (GString) all = redact_level == REDACT_ALL ? hide_names (addresses->str) : NULL;

  return g_strdup (all != NULL ? all->str : addresses->str);
}

void
redact_know (const char *word, const char *what)
{
  if (known != NULL && word != NULL && *word != '\0')
    g_hash_table_insert (known, g_ascii_strdown (word, -1), g_strdup (what));
}

/* ---- the streams ---- */

#ifdef __GLIBC__

typedef struct
{
  int fd;
  GString *line; /* not whole yet */
} Filter;

static Filter filters[2];

static gboolean
put (int fd, const char *text)
{
  for (gsize left = strlen (text); left > 0;)
    {
      const ssize_t n = write (fd, text, left);

      if (n < 0)
        return FALSE;
      text += n;
      left -= (gsize) n;
    }
  return TRUE;
}

/* Whole lines, since a name must not come in two pieces; a progress bar's lines end in CR. */
static ssize_t
filter_write (void *cookie, const char *data, size_t size)
{
  Filter *filter = cookie;
  gboolean good = TRUE;

  for (size_t i = 0; i < size && good; i++)
    {
      g_string_append_c (filter->line, data[i] != '\0' ? data[i] : '?');
      if (data[i] != '\n' && data[i] != '\r')
        continue;
      g_autofree char *shown = redact_text (filter->line->str);
      good = put (filter->fd, shown);
      g_string_truncate (filter->line, 0);
    }
  return good ? (ssize_t) size : 0;
}

static void
end_filters (void)
{
  (void) fflush (NULL);
  for (guint i = 0; i < G_N_ELEMENTS (filters); i++)
    {
      g_autofree char *shown = redact_text (filters[i].line->str);
      (void) put (filters[i].fd, shown);
    }
}

static FILE *
open_filter (Filter *filter, int fd, int mode)
{
  static const cookie_io_functions_t functions = { .write = filter_write };
  FILE *stream = fopencookie (filter, "w", functions);

  if (stream == NULL)
    abort ();
  filter->fd = fd;
  filter->line = g_string_new (NULL);
  setvbuf (stream, NULL, mode, BUFSIZ);
  return stream;
}

gboolean
redact_begin (RedactLevel level, GError **error)
{
  redact_level = level;
  if (level == REDACT_SECRETS || names != NULL)
    return TRUE;
  names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  redact_know (g_get_host_name (), "host");
  (void) fflush (NULL);
  stdout = open_filter (&filters[0], STDOUT_FILENO, _IOFBF); /* glibc lets them be set */
  stderr = open_filter (&filters[1], STDERR_FILENO, _IOLBF);
  atexit (end_filters);
  return TRUE;
}

#else

gboolean
redact_begin (RedactLevel level, GError **error)
{
  if (level == REDACT_SECRETS)
    return TRUE;
  g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--redact: this system's C library cannot filter standard output");
  return FALSE;
}

#endif
