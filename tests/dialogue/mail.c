/* SPDX-License-Identifier: MIT */
/* mail - the messages of a dialogue: their lines in the file, and their content.  See README.md. */
#include <string.h>

#include "world.h"

#include "core/base/error.h"

typedef struct
{
  const Mail *mail;
  gsize at;
} Reading;

static gssize
read_body (gpointer data, void *buf, gsize size, GError **error)
{
  Reading *reading = data;
  const Mail *mail = reading->mail;
  gsize end = mail->fails_at < 0 ? mail->body->len : MIN (mail->body->len, (gsize) mail->fails_at);
  gsize n = MIN (size, end - reading->at);
  if (n == 0 && mail->fails_at >= 0)
    {
      g_set_error_literal (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE, "the disk broke");
      return -1;
    }
  memcpy (buf, mail->body->str + reading->at, n);
  reading->at += n;
  return (gssize) n;
}

static gboolean
rewind_body (gpointer data, GError **error)
{
  ((Reading *) data)->at = 0;
  return TRUE;
}

static VdReader *
open_reader (const Mail *mail, GError **error)
{
  static const VeredaSourceFuncs funcs = { sizeof funcs, read_body, rewind_body };
  Reading *reading = g_new0 (Reading, 1);
  reading->mail = mail;
  g_autoptr (VdSource) source = vd_source_new_callbacks (&funcs, reading, g_free);
  return vd_source_prepare (source, error) ? vd_source_open (source, 0, error) : NULL;
}

static VdBody *
open_content (VdTransaction *txn, VdBodyMode mode, gpointer data, GError **error)
{
  static const VdBodyPolicy policy = { FALSE, FALSE };
  VdReader *reader = open_reader (data, error);
  return reader == NULL ? NULL : vd_body_new (mode, &policy, NULL, reader, NULL);
}

static void
begin_mail (World *world, const char *path)
{
  Mail *mail = g_new0 (Mail, 1);
  gboolean null_path = path == NULL || strcmp (path, "<>") == 0;
  gboolean utf8 = !null_path && !g_str_is_ascii (path);
  mail->txn = vd_transaction_new (null_path ? "" : g_intern_string (path), utf8);
  mail->txn->data = mail;
  mail->txn->open_content = open_content;
  mail->body = g_string_new ("Subject: x\r\n\r\nhello\r\n");
  mail->fails_at = -1;
  mail->size = -1;
  g_ptr_array_add (world->mails, mail);
  world->pending = mail;
  if (world->about == NULL)
    world->about = mail;
}

void
mail_free (gpointer data)
{
  Mail *mail = data;
  vd_transaction_free (mail->txn);
  g_string_free (mail->body, TRUE);
  g_free (mail);
}

gboolean
world_mail_line (World *world, const Item *item, gboolean *ret_known)
{
  const char *verb = item_word (item, 0);
  const char *value = item_word (item, 1);
  *ret_known = TRUE;
  if (strcmp (verb, "mail") == 0)
    {
      if (!world_submit_pending (world))
        return FALSE;
      begin_mail (world, value);
      return TRUE;
    }
  static const char *const verbs[] = { "rcpt", "commit", "body", "body-fails", "size", "utf8-header", "eight-bit", NULL };
  *ret_known = g_strv_contains (verbs, verb);
  if (!*ret_known)
    return FALSE;
  Mail *mail = world->pending;
  if (mail == NULL)
    return world_complain (world, "'%s' without a 'mail' before it", verb);
  if (strcmp (verb, "utf8-header") == 0)
    mail->txn->utf8_header = TRUE;
  else if (strcmp (verb, "eight-bit") == 0)
    mail->eight_bit = TRUE;
  else if (value == NULL)
    return world_complain (world, "'%s' needs a value", verb);
  else if (strcmp (verb, "rcpt") == 0)
    vd_transaction_add_recipient (mail->txn, g_intern_string (value), !g_str_is_ascii (value));
  else if (strcmp (verb, "commit") == 0)
    mail->txn->commit = strcmp (value, "any") == 0 ? VD_COMMIT_ANY : VD_COMMIT_ALL;
  else if (strcmp (verb, "body") == 0)
    {
      GString *word = item->words->pdata[1];
      g_string_truncate (mail->body, 0);
      g_string_append_len (mail->body, word->str, (gssize) word->len);
    }
  else if (strcmp (verb, "body-fails") == 0)
    mail->fails_at = g_ascii_strtoll (value, NULL, 10);
  else
    mail->size = g_ascii_strtoll (value, NULL, 10);
  return TRUE;
}

/* As the owner does before any connection: the facts of the content. A source that is to fail later is scanned while it still works. */
static gboolean
scan (World *world, Mail *mail)
{
  static const VdBodyPolicy policy = { FALSE, FALSE };
  VdBodyFacts facts = { 0 };
  g_autoptr (GError) error = NULL;
  gint64 fails_at = mail->fails_at;
  mail->fails_at = -1;
  VdReader *reader = open_reader (mail, &error);
  gboolean done = reader != NULL && vd_body_scan (&policy, reader, 1, &facts, &error);
  mail->fails_at = fails_at;
  if (!done)
    return world_complain (world, "the body of the dialogue cannot be sent: %s", error->message);
  mail->txn->size = mail->size >= 0 ? (guint64) mail->size : facts.size;
  mail->txn->eight_bit = mail->eight_bit || facts.eight_bit;
  return TRUE;
}

gboolean
world_submit_pending (World *world)
{
  Mail *mail = world->pending;
  world->pending = NULL;
  if (mail == NULL)
    return TRUE;
  if (!scan (world, mail))
    return FALSE;
  if (world->session == NULL)
    return TRUE; /* submitted when there is one */
  mail->submitted = TRUE;
  vd_session_submit (world->session, mail->txn);
  return TRUE;
}
