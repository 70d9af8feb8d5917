/* SPDX-License-Identifier: MIT */
/*
 * SASLprep, RFC 4013: map, normalise to NFKC, refuse prohibited output, check bidirectional text.
 *
 * May touch nothing but its arguments.  Fails on text that is not UTF-8, that the profile forbids, or of which nothing is left.
 *
 * The normalisation stands on GLib's per-character functions and not on g_utf8_normalize(), which frees its working copy of the
 * password without wiping it.
 */
#include "saslprep.h"

#include "saslprep-tables.h"

#include <string.h>

typedef struct
{
  const AuthRange *ranges;
  gsize n;
} AuthTable;

#define TABLE(a)                                                                                                               \
  {                                                                                                                            \
    a, G_N_ELEMENTS (a)                                                                                                        \
  }

static const AuthTable space_table = TABLE (map_to_space);
static const AuthTable nothing_table = TABLE (map_to_nothing);
static const AuthTable rtl_table = TABLE (bidi_rtl);
static const AuthTable ltr_table = TABLE (bidi_ltr);

/* RFC 4013 section 2.3.  C.1.2 has become U+0020 by then and C.5 (surrogates) cannot occur in UTF-8. */
static const struct
{
  AuthTable table;
  AuthPrep fault;
} prohibited[] = {
  { TABLE (prohibited_control), AUTH_PREP_CONTROL },           { TABLE (prohibited_private), AUTH_PREP_PRIVATE },
  { TABLE (prohibited_noncharacter), AUTH_PREP_NONCHARACTER }, { TABLE (prohibited_plain), AUTH_PREP_PLAIN },
  { TABLE (prohibited_canonical), AUTH_PREP_CANONICAL },       { TABLE (prohibited_display), AUTH_PREP_DISPLAY },
  { TABLE (prohibited_tagging), AUTH_PREP_TAGGING },
};

static const char *const fault_texts[] = {
  [AUTH_PREP_OK] = "is acceptable",
  [AUTH_PREP_NOT_UTF8] = "is not UTF-8",
  [AUTH_PREP_EMPTY] = "is empty",
  [AUTH_PREP_CONTROL] = "holds a control character",
  [AUTH_PREP_PRIVATE] = "holds a private-use character",
  [AUTH_PREP_NONCHARACTER] = "holds a code point that is not a character",
  [AUTH_PREP_PLAIN] = "holds a character that is not for plain text",
  [AUTH_PREP_CANONICAL] = "holds an ideographic description character",
  [AUTH_PREP_DISPLAY] = "holds a character that changes how text is displayed",
  [AUTH_PREP_TAGGING] = "holds a tagging character",
  [AUTH_PREP_BIDI] = "mixes right-to-left with left-to-right text",
};

const char *
auth_prep_text (AuthPrep prep)
{
  return fault_texts[prep];
}

static gboolean
table_has (const AuthTable *table, gunichar c)
{
  gsize low = 0, high = table->n;

  while (low < high)
    {
      gsize mid = low + (high - low) / 2;

      if (c > table->ranges[mid].last)
        low = mid + 1;
      else if (c < table->ranges[mid].first)
        high = mid;
      else
        return TRUE;
    }
  return FALSE;
}

/* Maps and decomposes into `work`, or only counts when it is NULL.  Table C.1.2 goes before B.1 (both hold U+200B), the order
 * of RFC 4013 section 2.1. */
static gsize
map_and_decompose (const char *text, gsize size, gunichar *work)
{
  gunichar parts[G_UNICHAR_MAX_DECOMPOSITION_LENGTH];
  gsize n = 0;

  for (const char *p = text; p < text + size; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);
      gsize n_parts;

      if (table_has (&space_table, c))
        c = ' ';
      else if (table_has (&nothing_table, c))
        continue;
      n_parts = g_unichar_fully_decompose (c, TRUE, parts, G_N_ELEMENTS (parts));
      if (work != NULL)
        memcpy (work + n, parts, n_parts * sizeof *work);
      n += n_parts;
    }
  explicit_bzero (parts, sizeof parts);
  return n;
}

/* Canonical ordering (Unicode, D109): a stable sort of each run of combining marks by their class. */
static void
reorder (gunichar *work, gsize n)
{
  for (gsize i = 1; i < n; i++)
    {
      gunichar c = work[i];
      int class = g_unichar_combining_class (c);
      gsize j = i;

      if (class == 0)
        continue;
      for (; j > 0 && g_unichar_combining_class (work[j - 1]) > class; j--)
        work[j] = work[j - 1];
      work[j] = c;
    }
}

/* Canonical composition (Unicode, D117), in place; returns the new length. */
static gsize
compose (gunichar *work, gsize n)
{
  gsize out = 0, starter = 0;
  gboolean have_starter = FALSE;
  int last = 0;

  for (gsize i = 0; i < n; i++)
    {
      int class = g_unichar_combining_class (work[i]);
      gunichar joined;

      if (have_starter && (last == 0 || last < class) && g_unichar_compose (work[starter], work[i], &joined))
        {
          work[starter] = joined;
          continue;
        }
      if (class == 0)
        {
          starter = out;
          have_starter = TRUE;
        }
      last = class;
      work[out++] = work[i];
    }
  return out;
}

static AuthPrep
check_prohibited (const gunichar *work, gsize n)
{
  for (gsize i = 0; i < n; i++)
    for (gsize t = 0; t < G_N_ELEMENTS (prohibited); t++)
      if (table_has (&prohibited[t].table, work[i]))
        return prohibited[t].fault;
  return AUTH_PREP_OK;
}

/* RFC 3454 section 6: with right-to-left text, no left-to-right text, and right-to-left at both ends. */
static AuthPrep
check_bidi (const gunichar *work, gsize n)
{
  gboolean rtl = FALSE, ltr = FALSE;

  for (gsize i = 0; i < n; i++)
    {
      rtl = rtl || table_has (&rtl_table, work[i]);
      ltr = ltr || table_has (&ltr_table, work[i]);
    }
  if (rtl && (ltr || !table_has (&rtl_table, work[0]) || !table_has (&rtl_table, work[n - 1])))
    return AUTH_PREP_BIDI;
  return AUTH_PREP_OK;
}

static void
encode (const gunichar *work, gsize n, char **ret_text, gsize *ret_size)
{
  gsize size = 0;
  char *text, *p;

  for (gsize i = 0; i < n; i++)
    size += (gsize) g_unichar_to_utf8 (work[i], NULL);
  p = text = g_malloc (size + 1);
  for (gsize i = 0; i < n; i++)
    p += g_unichar_to_utf8 (work[i], p);
  *p = '\0';
  *ret_text = text;
  *ret_size = size;
}

AuthPrep
auth_saslprep (const char *text, gsize size, char **ret_text, gsize *ret_size)
{
  AuthPrep prep = AUTH_PREP_OK;
  gunichar *work;
  gsize room, n;

  /* g_utf8_validate_len() takes NUL for an end, and NUL is prohibited anyway. */
  if (size > 0 && memchr (text, '\0', size) != NULL)
    return AUTH_PREP_CONTROL;
  if (!g_utf8_validate_len (text, size, NULL))
    return AUTH_PREP_NOT_UTF8;
  room = map_and_decompose (text, size, NULL);
  if (room == 0)
    return AUTH_PREP_EMPTY;

  work = g_new (gunichar, room);
  map_and_decompose (text, size, work);
  reorder (work, room);
  n = compose (work, room);
  prep = check_prohibited (work, n);
  if (prep == AUTH_PREP_OK)
    prep = check_bidi (work, n);
  if (prep == AUTH_PREP_OK)
    encode (work, n, ret_text, ret_size);
  explicit_bzero (work, room * sizeof *work);
  g_free (work);
  return prep;
}
