/* SPDX-License-Identifier: MIT */
/* ehlo - what a server offers: the parsed reply to EHLO (RFC 5321 section 4.1.1.1).
 *
 * Pure.  Cannot fail: a line that breaks the grammar is skipped (EHL-11), because no keyword is worth a session. */
#include "core/smtp/ehlo.h"

#include <string.h>

#include "core/base/trace.h"

#define SIZE_DIGITS_MAX 20 /* RFC 1870 section 3 */
#define MECHANISM_MAX   20 /* RFC 4422 section 3.1 */

static const char *const names[VD_EXT_N] = {
  [VD_EXT_SIZE] = "SIZE",
  [VD_EXT_8BITMIME] = "8BITMIME",
  [VD_EXT_SMTPUTF8] = "SMTPUTF8",
  [VD_EXT_PIPELINING] = "PIPELINING",
  [VD_EXT_CHUNKING] = "CHUNKING",
  [VD_EXT_BINARYMIME] = "BINARYMIME",
  [VD_EXT_ENHANCEDSTATUSCODES] = "ENHANCEDSTATUSCODES",
  [VD_EXT_STARTTLS] = "STARTTLS",
  [VD_EXT_AUTH] = "AUTH",
  [VD_EXT_DSN] = "DSN",
  [VD_EXT_DELIVERBY] = "DELIVERBY",
  [VD_EXT_FUTURERELEASE] = "FUTURERELEASE",
  [VD_EXT_MT_PRIORITY] = "MT-PRIORITY",
  [VD_EXT_REQUIRETLS] = "REQUIRETLS",
  [VD_EXT_LIMITS] = "LIMITS",
  [VD_EXT_XQUE] = "XQUE",
};

G_STATIC_ASSERT (VD_EXT_N <= 32);

const char *
vd_extension_name (VdExtension extension)
{
  g_return_val_if_fail ((guint) extension < VD_EXT_N, "?");
  return names[extension];
}

/* While parsing: mechanisms keep the server's order, the set keeps them unique in linear time. */
typedef struct
{
  VdEhlo *ehlo;
  GPtrArray *mechanisms;
  GHashTable *known; /* borrows the strings of `mechanisms` */
} Parse;

/* The name in upper case, or NULL: not a mechanism name (AUT-10). */
static char *
mechanism_name (const char *word)
{
  gsize size = strlen (word);
  if (size == 0 || size > MECHANISM_MAX)
    return NULL;
  for (const char *p = word; *p != '\0'; p++)
    if (!g_ascii_isalnum (*p) && *p != '-' && *p != '_')
      return NULL;
  return g_ascii_strup (word, -1);
}

static void
add_mechanisms (Parse *parse, char **words)
{
  for (; *words != NULL; words++)
    {
      char *name = mechanism_name (*words);
      if (name == NULL || g_hash_table_contains (parse->known, name))
        {
          g_free (name);
          continue;
        }
      g_hash_table_add (parse->known, name);
      g_ptr_array_add (parse->mechanisms, name);
    }
}

/* SIZ-3, SIZ-7: no number, or one that no counter holds, is no limit. */
static guint64
size_limit (const char *word)
{
  guint64 limit = 0;
  if (word == NULL || strlen (word) > SIZE_DIGITS_MAX || !g_ascii_string_to_unsigned (word, 10, 0, G_MAXUINT64, &limit, NULL))
    return 0;
  return limit;
}

/* Graphic US-ASCII and blanks only: what lies outside is no ehlo-line, and must not reach comparisons. */
static gboolean
is_ehlo_line (const char *line, gsize size)
{
  for (gsize i = 0; i < size; i++)
    if ((line[i] < 0x21 || line[i] > 0x7e) && line[i] != ' ' && line[i] != '\t')
      return FALSE;
  return size > 0 && g_ascii_isalnum (line[0]);
}

/* "AUTH=LOGIN PLAIN", an early Exchange's form: the first word becomes "AUTH" and "LOGIN". */
static char *
separate_auth (const char *line)
{
  char *copy = g_strdup (line);
  if (g_ascii_strncasecmp (copy, "AUTH=", 5) == 0)
    copy[4] = ' ';
  return copy;
}

static void
parse_line (Parse *parse, const char *line)
{
  g_autofree char *text = separate_auth (line);
  g_auto (GStrv) split = g_strsplit_set (text, " \t", -1);
  g_autoptr (GPtrArray) words = g_ptr_array_new (); /* without the empty ones */
  for (char **word = split; *word != NULL; word++)
    if (**word != '\0')
      g_ptr_array_add (words, *word);
  g_ptr_array_add (words, NULL);
  char **list = (char **) words->pdata;
  for (guint i = 0; i < VD_EXT_N; i++)
    if (g_ascii_strcasecmp (list[0], names[i]) == 0)
      {
        parse->ehlo->offered |= 1u << i;
        if (i == VD_EXT_SIZE)
          parse->ehlo->size_limit = size_limit (list[1]);
        if (i == VD_EXT_AUTH)
          add_mechanisms (parse, list + 1);
      }
}

VdEhlo *
vd_ehlo_parse (VdReply *reply)
{
  g_autoptr (GPtrArray) mechanisms = g_ptr_array_new ();
  g_autoptr (GPtrArray) keywords = g_ptr_array_new ();
  g_autoptr (GHashTable) known = g_hash_table_new (g_str_hash, g_str_equal);
  VdEhlo *ehlo = g_new0 (VdEhlo, 1);
  Parse parse = { ehlo, mechanisms, known };
  for (guint i = 1; i < reply->n_lines; i++) /* the first line is the server's name (EHL-9) */
    {
      g_ptr_array_add (keywords, vd_text_escape (reply->lines[i], reply->sizes[i]));
      if (is_ehlo_line (reply->lines[i], reply->sizes[i]))
        parse_line (&parse, reply->lines[i]);
    }
  g_ptr_array_add (mechanisms, NULL);
  g_ptr_array_add (keywords, NULL);
  ehlo->mechanisms = (char **) g_ptr_array_steal (mechanisms, NULL);
  ehlo->keywords = (char **) g_ptr_array_steal (keywords, NULL);
  return ehlo;
}

VdEhlo *
vd_ehlo_new_helo (void)
{
  VdEhlo *ehlo = g_new0 (VdEhlo, 1);
  ehlo->mechanisms = g_new0 (char *, 1);
  ehlo->keywords = g_new0 (char *, 1);
  return ehlo;
}

void
vd_ehlo_free (VdEhlo *ehlo)
{
  if (ehlo == NULL)
    return;
  g_strfreev (ehlo->mechanisms);
  g_strfreev (ehlo->keywords);
  g_free (ehlo);
}
