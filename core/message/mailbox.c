/* SPDX-License-Identifier: MIT */
/* mailbox - quoting, limits and equality of addresses.
 *
 * Pure.  Fails with a phrase; who reads the text knows where it stood. */
#include "core/message/mailbox.h"

#include <string.h>

#include "core/base/octet.h"
#include "core/base/trace.h"
#include "core/message/domain.h"

#define LOCAL_MAX     64  /* RFC 5321 section 4.5.3.1.1 */
#define PATH_SIZE_MAX 254 /* section 4.5.3.1.3 says 256 with the angle brackets */

/* RFC 5321 section 4.1.2: a local part that is no dot-string is quoted, and only what must be is escaped. */
static char *
quote_local (const char *local)
{
  gboolean atom_due = TRUE;
  gboolean plain = TRUE;
  for (const char *p = local; *p != '\0' && plain; p++)
    {
      plain = vd_octet_is (*p, VD_OCTET_ATEXT) || (*p == '.' && !atom_due);
      atom_due = *p == '.';
    }
  if (plain && !atom_due)
    return g_strdup (local);
  GString *quoted = g_string_new ("\"");
  for (const char *p = local; *p != '\0'; p++)
    {
      if (*p == '"' || *p == '\\')
        g_string_append_c (quoted, '\\');
      g_string_append_c (quoted, *p);
    }
  g_string_append_c (quoted, '"');
  return g_string_free (quoted, FALSE);
}

/* Valid UTF-8 without control characters, C1 among them. */
static const char *
text_fault (const char *text)
{
  const char *rest = text;
  while (*rest >= 0x20 && *rest < 0x7f)
    rest++;
  if (*rest == '\0') /* as nearly always */
    return NULL;
  if (!g_utf8_validate (text, -1, NULL))
    return "is not valid UTF-8";
  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    if (g_unichar_iscntrl (g_utf8_get_char (p)))
      return "holds a control character";
  return NULL;
}

static gboolean
complete_domain (VdMailbox *mailbox, const char *domain, char **ret_why)
{
  const char *fault = text_fault (domain);
  g_autofree char *why = NULL;
  if (fault == NULL
      && (domain[0] == '[' ? vd_domain_check_literal (domain, &why) : vd_domain_to_ascii (domain, &mailbox->ascii, &why)))
    {
      if (mailbox->ascii == NULL)
        mailbox->ascii = g_strdup (domain);
      mailbox->domain = g_strdup (mailbox->utf8 ? domain : mailbox->ascii);
      return TRUE;
    }
  g_autofree char *shown = vd_text_escape (domain, strlen (domain));
  *ret_why = g_strdup_printf ("the domain \"%s\" %s", shown, fault != NULL ? fault : why);
  return FALSE;
}

gboolean
vd_mailbox_complete (VdMailbox *mailbox, const char *domain, char **ret_why, gboolean *ret_in_domain)
{
  const char *fault = text_fault (mailbox->local);
  g_autofree char *local = quote_local (mailbox->local);
  *ret_in_domain = FALSE;
  if (fault == NULL && strlen (local) > LOCAL_MAX)
    fault = "is longer than 64 octets";
  if (fault != NULL)
    {
      *ret_why = g_strconcat ("the local part ", fault, NULL);
      return FALSE;
    }
  mailbox->utf8 = !g_str_is_ascii (mailbox->local);
  *ret_in_domain = domain != NULL;
  if (domain != NULL && !complete_domain (mailbox, domain, ret_why))
    return FALSE;
  mailbox->path = domain == NULL ? g_strdup (local) : g_strconcat (local, "@", mailbox->domain, NULL);
  if (strlen (mailbox->path) <= PATH_SIZE_MAX)
    return TRUE;
  *ret_why = g_strdup_printf ("the address is longer than %d octets", PATH_SIZE_MAX);
  return FALSE;
}

/* RFC 5321's Dot-string, of ASCII. */
static gboolean
is_plain_local (const char *text, gsize size)
{
  gboolean atom_due = TRUE;
  for (gsize i = 0; i < size; i++)
    {
      if ((guint8) text[i] >= 0x80 || (text[i] == '.' ? atom_due : !vd_octet_is (text[i], VD_OCTET_ATEXT)))
        return FALSE;
      atom_due = text[i] == '.';
    }
  return !atom_due && size <= LOCAL_MAX;
}

static char *
put_text (char **to, const char *text, gsize size)
{
  char *put = *to;
  memcpy (put, text, size);
  put[size] = '\0';
  *to += size + 1;
  return put;
}

VdMailbox *
vd_mailbox_new_plain (const char *given, gsize size, gsize display, const char *local, gsize local_size, const char *domain,
                      gsize domain_size)
{
  const gsize path_size = local_size + 1 + domain_size;
  if (path_size > PATH_SIZE_MAX || !is_plain_local (local, local_size) || !vd_domain_is_plain (domain, domain_size))
    return NULL;
  VdMailbox *mailbox = g_malloc (sizeof *mailbox + (size + 1) + (display + 1) + (local_size + 1) + (path_size + 1));
  char *to = (char *) (mailbox + 1);
  mailbox->whole = TRUE;
  mailbox->utf8 = FALSE;
  mailbox->given = put_text (&to, given, size);
  mailbox->display = display > 0 ? put_text (&to, given, display) : NULL;
  mailbox->local = put_text (&to, local, local_size);
  mailbox->path = put_text (&to, local, path_size); /* the "@" and the domain stand behind it */
  mailbox->domain = mailbox->ascii = mailbox->path + local_size + 1;
  return mailbox;
}

VdMailbox *
vd_mailbox_copy (const VdMailbox *mailbox)
{
  VdMailbox *copy = g_new0 (VdMailbox, 1);
  copy->given = g_strdup (mailbox->given);
  copy->display = g_strdup (mailbox->display);
  copy->local = g_strdup (mailbox->local);
  copy->domain = g_strdup (mailbox->domain);
  copy->ascii = g_strdup (mailbox->ascii);
  copy->path = g_strdup (mailbox->path);
  copy->utf8 = mailbox->utf8;
  return copy;
}

void
vd_mailbox_free (VdMailbox *mailbox)
{
  if (mailbox == NULL)
    return;
  if (mailbox->whole)
    {
      g_free (mailbox);
      return;
    }
  g_free (mailbox->given);
  g_free (mailbox->display);
  g_free (mailbox->local);
  g_free (mailbox->domain);
  g_free (mailbox->ascii);
  g_free (mailbox->path);
  g_free (mailbox);
}

void
vd_mailboxes_add (VdMailboxes *list, VdMailbox *mailbox)
{
  if (list->room == 0)
    {
      list->at = list->few;
      list->room = G_N_ELEMENTS (list->few);
    }
  else if (list->n == list->room)
    {
      VdMailbox **more = g_new (VdMailbox *, 2 * (gsize) list->room);
      memcpy (more, list->at, list->n * sizeof *more);
      if (list->at != list->few)
        g_free (list->at);
      list->at = more;
      list->room *= 2;
    }
  list->at[list->n++] = mailbox;
}

void
vd_mailboxes_clear (VdMailboxes *list)
{
  for (guint i = 0; i < list->n; i++)
    vd_mailbox_free (list->at[i]);
  if (list->at != list->few)
    g_free (list->at);
  list->at = NULL;
  list->n = list->room = 0;
}

char *
vd_mailbox_key (const VdMailbox *mailbox)
{
  g_autofree char *domain = g_ascii_strdown (mailbox->ascii == NULL ? "" : mailbox->ascii, -1);
  g_autofree char *local = mailbox->ascii == NULL ? g_ascii_strdown (mailbox->local, -1) : g_strdup (mailbox->local);
  return g_strconcat (domain, "@", local, NULL);
}

gboolean
vd_mailbox_equal (const VdMailbox *a, const VdMailbox *b)
{
  if (a == b)
    return TRUE;
  if (a->ascii != NULL && b->ascii != NULL)
    return strcmp (a->local, b->local) == 0 && g_ascii_strcasecmp (a->ascii, b->ascii) == 0;
  g_autofree char *left = vd_mailbox_key (a);
  g_autofree char *right = vd_mailbox_key (b);
  return strcmp (left, right) == 0;
}

static gboolean
is_wsp (char c)
{
  return c == ' ' || c == '\t';
}

char *
vd_phrase_text (const char *text, gsize size)
{
  g_autoptr (GString) plain = g_string_sized_new (size);
  guint depth = 0;
  gboolean quoted = FALSE;
  for (gsize i = 0; i < size; i++)
    {
      char c = text[i];
      if (c == '\\' && i + 1 < size && (quoted || depth > 0))
        c = text[++i];
      else if (c == '"' && depth == 0)
        {
          quoted = !quoted;
          continue;
        }
      else if (!quoted && c == '(')
        depth++;
      if (depth == 0 && (!is_wsp (c) || (plain->len > 0 && plain->str[plain->len - 1] != ' ')))
        g_string_append_c (plain, is_wsp (c) ? ' ' : c);
      if (!quoted && c == ')' && depth > 0 && text[i - 1] != '\\')
        depth--;
    }
  if (plain->len > 0 && plain->str[plain->len - 1] == ' ')
    g_string_truncate (plain, plain->len - 1);
  return g_string_free (g_steal_pointer (&plain), FALSE);
}
