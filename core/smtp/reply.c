/* SPDX-License-Identifier: MIT */
/* reply - the finished object, and what it looks like to people (RFC 5321 section 4.2, RFC 2034).  reply-parser.c makes them.
 *
 * Pure.  Cannot fail. */
#include "core/smtp/reply-private.h"

#include <string.h>

#include "core/base/trace.h"

#define BRIEF_MAX 300 /* characters of vd_reply_brief() */

/* ---- the finished object ---- */

VdReply *
vd_reply_ref (VdReply *reply)
{
  vd_refs_take (&reply->refs);
  return reply;
}

void
vd_reply_unref (VdReply *reply)
{
  if (reply == NULL || !vd_refs_drop (&reply->refs))
    return;
  if (reply->lines != reply->one_line)
    {
      g_strfreev (reply->lines);
      g_free (reply->sizes);
    }
  g_free (reply->shown);
  g_free (reply->shown_enhanced);
  g_free (reply);
}

/* 1*3DIGIT; moves *text behind it. */
static gboolean
read_number (const char **text, guint16 *ret_number)
{
  const char *p = *text;
  guint number = 0;
  while (g_ascii_isdigit (*p) && p - *text < 3)
    number = number * 10 + (guint) (*p++ - '0');
  if (p == *text)
    return FALSE;
  *text = p;
  *ret_number = (guint16) number;
  return TRUE;
}

/* ESC-3: class "." subject "." detail, then a space or the end.  *ret_rest: the text after it. */
static gboolean
read_enhanced (const char *text, VdEnhanced *ret_enhanced, const char **ret_rest)
{
  VdEnhanced enhanced = { 0, 0, 0 };
  const char *p = text;
  if (*p != '2' && *p != '4' && *p != '5')
    return FALSE;
  enhanced.klass = (guint8) (*p++ - '0');
  if (*p++ != '.' || !read_number (&p, &enhanced.subject) || *p++ != '.' || !read_number (&p, &enhanced.detail))
    return FALSE;
  if (*p != '\0' && *p != ' ')
    return FALSE;
  *ret_enhanced = enhanced;
  *ret_rest = *p == ' ' ? p + 1 : p;
  return TRUE;
}

/* RFC 2034 section 4 wants the code on every line; the first line that has one of the reply's own class counts, because servers often put
 * prose before it.  A 3yz carries none (ESC-2), and a class that contradicts the reply's is as good as none: it never changes the severity. */
static void
find_enhanced (VdReply *reply)
{
  for (guint i = 0; i < reply->n_lines; i++)
    {
      VdEnhanced enhanced;
      const char *rest;
      if (read_enhanced (reply->lines[i], &enhanced, &rest) && enhanced.klass == reply->code / 100)
        {
          reply->enhanced = enhanced;
          return;
        }
    }
}

VdReply *
vd_reply_new (guint code, GPtrArray *lines, GArray *sizes)
{
  VdReply *reply = g_new0 (VdReply, 1);
  vd_refs_init (&reply->refs);
  reply->code = code;
  reply->n_lines = lines->len;
  gsize n;
  g_ptr_array_add (lines, NULL);
  reply->lines = (char **) g_ptr_array_steal (lines, &n);
  reply->sizes = (gsize *) (gpointer) g_array_steal (sizes, NULL);
  find_enhanced (reply);
  return reply;
}

VdReply *
vd_reply_new_short (guint code, const guint8 *text, gsize size)
{
  VdReply *reply = g_malloc (sizeof *reply + size + 1);
  char *line = (char *) (reply + 1);

  memset (reply, 0, sizeof *reply);
  memcpy (line, text, size);
  line[size] = '\0';
  vd_refs_init (&reply->refs);
  reply->code = code;
  reply->n_lines = 1;
  reply->lines = reply->one_line;
  reply->sizes = &reply->one_size;
  reply->one_line[0] = line;
  reply->one_size = size;
  find_enhanced (reply);
  return reply;
}

VdReply *
vd_reply_copy (VdReply *reply)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new ();
  g_autoptr (GArray) sizes = g_array_new (FALSE, FALSE, sizeof (gsize));

  for (guint i = 0; i < reply->n_lines; i++)
    {
      char *line = g_malloc (reply->sizes[i] + 1);

      memcpy (line, reply->lines[i], reply->sizes[i] + 1); /* with its NUL */
      g_ptr_array_add (lines, line);
      g_array_append_val (sizes, reply->sizes[i]);
    }
  VdReply *copy = vd_reply_new (reply->code, lines, sizes);
  copy->local = reply->local;
  copy->enhanced = reply->enhanced;
  return copy;
}

VdReply *
vd_reply_new_local (guint code, const char *enhanced, const char *text)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new ();
  g_autoptr (GArray) sizes = g_array_new (FALSE, FALSE, sizeof (gsize));
  g_auto (GStrv) parts = g_strsplit (*text == '\0' ? " " : text, "\n", -1);
  for (char **part = parts; *part != NULL; part++)
    {
      char *line = enhanced == NULL ? g_strdup (*part) : g_strconcat (enhanced, " ", *part, NULL);
      g_strchomp (line);
      gsize size = strlen (line);
      g_ptr_array_add (lines, line);
      g_array_append_val (sizes, size);
    }
  VdReply *reply = vd_reply_new (code, lines, sizes);
  reply->local = TRUE;
  return reply;
}

/* Appends the lines' text, escaped, each without the reply's own enhanced code. */
static void
append_text (GString *to, VdReply *reply, char separator)
{
  for (guint i = 0; i < reply->n_lines; i++)
    {
      const char *text = reply->lines[i];
      VdEnhanced own;
      const char *rest;
      if (read_enhanced (text, &own, &rest) && own.klass == reply->enhanced.klass && own.subject == reply->enhanced.subject
          && own.detail == reply->enhanced.detail)
        text = rest;
      if (i > 0)
        g_string_append_c (to, separator);
      vd_text_escape_append (to, text, reply->sizes[i] - (gsize) (text - reply->lines[i]));
    }
}

char *
vd_reply_text (VdReply *reply)
{
  GString *text = g_string_new (NULL);
  append_text (text, reply, '\n');
  return g_string_free (text, FALSE);
}

char *
vd_reply_enhanced_text (VdReply *reply)
{
  const VdEnhanced *e = &reply->enhanced;
  return e->klass == 0 ? NULL : g_strdup_printf ("%u.%u.%u", e->klass, e->subject, e->detail);
}

/* Takes `text`, which may be NULL. */
static const char *
keep_shown (gpointer *place, char *text)
{
  if (text == NULL || g_atomic_pointer_compare_and_exchange (place, NULL, text))
    return text;
  g_free (text); /* another thread was faster */
  return g_atomic_pointer_get (place);
}

const char *
vd_reply_shown (VdReply *reply)
{
  const char *text = g_atomic_pointer_get (&reply->shown);
  return text != NULL ? text : keep_shown (&reply->shown, vd_reply_text (reply));
}

const char *
vd_reply_shown_enhanced (VdReply *reply)
{
  const char *text = g_atomic_pointer_get (&reply->shown_enhanced);
  return text != NULL ? text : keep_shown (&reply->shown_enhanced, vd_reply_enhanced_text (reply));
}

char *
vd_reply_brief (VdReply *reply)
{
  GString *text = g_string_new (NULL);
  g_autofree char *enhanced = vd_reply_enhanced_text (reply);
  g_string_append_printf (text, "%u", reply->code);
  if (enhanced != NULL)
    g_string_append_printf (text, " %s", enhanced);
  g_string_append_c (text, ' ');
  append_text (text, reply, ' ');
  if (g_utf8_strlen (text->str, -1) > BRIEF_MAX)
    {
      g_string_truncate (text, (gsize) (g_utf8_offset_to_pointer (text->str, BRIEF_MAX - 1) - text->str));
      g_string_append (text, "…");
    }
  return g_strchomp (g_string_free (text, FALSE));
}
