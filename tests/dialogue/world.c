/* SPDX-License-Identifier: MIT */
/* world - everything around a session that a dialogue plays.  See world.h and README.md. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/smtp/output.h"

#define SECOND ((gint64) G_USEC_PER_SEC)

gboolean
world_complain (World *world, const char *format, ...)
{
  if (world->complaint != NULL)
    return FALSE;
  const Item *item = world->at < world->script->items->len ? world->script->items->pdata[world->at] : NULL;
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  world->complaint = item == NULL ? g_strdup_printf ("%s.dlg, at the end: %s", world->script->name, text)
                                  : g_strdup_printf ("%s.dlg:%u: %s", world->script->name, item->line, text);
  return FALSE;
}

static void
collect_trace (VeredaTraceKind kind, gboolean secure, const char *server, const char *text, gpointer data)
{
  static const char *const marks[] = { "?", "C", "S", "E", "I", "!", "T" };
  g_string_append_printf (data, "%s%s %s\n", marks[kind], secure ? "*" : "", text);
}

World *
world_new (const Script *script, Cut cut)
{
  /* The table of standards: seconds. */
  static const gint64 timeouts[VD_TIMEOUT_N] = { 300, 300, 300, 300, 120, 180, 600, 5 };
  World *world = g_new0 (World, 1);
  world->script = script;
  world->cut = cut;
  world->now = 1000 * SECOND;
  world->fuse = NO_FUSE;
  world->mails = g_ptr_array_new_with_free_func (mail_free);
  world->mechs = g_ptr_array_new_with_free_func ((GDestroyNotify) fake_mech_free);
  world->held = g_string_new (NULL);
  world->trace = g_string_new (NULL);
  world->config.client = "client.example.org";
  world->config.server = "mx.example.org";
  world->config.level = VD_PIPELINING_AUTO;
  world->config.chunking = TRUE;
  for (guint i = 0; i < VD_TIMEOUT_N; i++)
    world->config.timeouts[i] = timeouts[i] * SECOND;
  world->config.trace = (VdTrace){ collect_trace, world->trace, "mx.example.org" };
  return world;
}

void
world_free (World *world)
{
  vd_session_free (world->session);
  g_ptr_array_unref (world->mails);
  g_ptr_array_unref (world->mechs);
  g_string_free (world->held, TRUE);
  g_string_free (world->trace, TRUE);
  g_free (world->complaint);
  g_free (world);
}

/* ---- the network ---- */

/* One octet is about to pass.  TRUE: it does not, the connection ends here. */
static gboolean
burn (World *world)
{
  if (world->steps == world->fuse && !world->burnt)
    {
      world->burnt = TRUE;
      vd_session_feed_end (world->session, NULL, world->now);
    }
  world->steps++;
  return world->burnt;
}

static const Item *
item_at (const World *world, guint n)
{
  return n < world->script->items->len ? world->script->items->pdata[n] : NULL;
}

/* Octets that the network takes now: when the next thing the client is to say is a `C-some`, no more than that. */
static gsize
network_room (const World *world)
{
  if (world->stalled)
    return 0;
  guint n = world->at;
  while (item_at (world, n) != NULL && item_at (world, n)->kind != ITEM_CLIENT)
    n++;
  gsize total = 0;
  for (const Item *item; (item = item_at (world, n)) != NULL && item->kind == ITEM_CLIENT; n++)
    {
      total += item->octets->len;
      if (item->partial)
        return total > world->held->len ? total - world->held->len : 0;
    }
  return G_MAXSIZE;
}

static void
drain (World *world)
{
  gsize room = network_room (world);
  for (;;)
    {
      VeredaSpan spans[VD_OUTPUT_SPANS + 2];
      gsize n = vd_session_output (world->session, spans, G_N_ELEMENTS (spans));
      gsize taken = 0;
      gsize most = MIN (room, world->cut == CUT_OCTETS ? 1 : G_MAXSIZE);
      for (gsize i = 0; i < n && taken < most; i++)
        {
          gsize size = MIN (spans[i].size, most - taken);
          g_string_append_len (world->held, spans[i].data, (gssize) size);
          taken += size;
        }
      if (taken == 0 || (world->cut == CUT_OCTETS && burn (world)))
        return;
      room -= taken;
      vd_session_wrote (world->session, taken, world->now);
    }
}

static gboolean
check_silent (World *world)
{
  drain (world);
  if (world->held->len == 0)
    return TRUE;
  g_autofree char *shown = vd_text_escape (world->held->str, MIN (world->held->len, 400));
  return world_complain (world, "the client says what the transcript does not have here: \"%s\"", shown);
}

/* The client items from here on are one flight: exactly this, and nothing behind it. */
static gboolean
play_client (World *world)
{
  g_autoptr (GString) wanted = g_string_new (NULL);
  world->stalled = FALSE;
  drain (world);
  gboolean partial = FALSE;
  guint n = world->at;
  for (const Item *item; (item = item_at (world, n)) != NULL && item->kind == ITEM_CLIENT && !partial; n++)
    {
      g_string_append_len (wanted, item->octets->str, (gssize) item->octets->len);
      partial = item->partial;
    }
  if (world->burnt)
    return FALSE;
  if (!g_string_equal (wanted, world->held))
    {
      g_autofree char *left = vd_text_escape (world->held->str, MIN (world->held->len, 600));
      g_autofree char *right = vd_text_escape (wanted->str, MIN (wanted->len, 600));
      return world_complain (world, "the client says  \"%s\"\n  the transcript has \"%s\"", left, right);
    }
  g_string_truncate (world->held, 0);
  world->stalled = partial;
  world->at = n - 1;
  return TRUE;
}

static gboolean
feed_octets (World *world, const GString *octets)
{
  for (gsize i = 0; i < octets->len; i++)
    {
      if (burn (world))
        return FALSE;
      vd_session_feed (world->session, octets->str + i, 1, world->now);
      drain (world);
      if (world->held->len > 0 && i + 1 < octets->len)
        return world_complain (world, "the client speaks before the server's line is complete");
    }
  return TRUE;
}

static gboolean
play_server (World *world)
{
  const Item *item = item_at (world, world->at);
  if (!world->stalled && !check_silent (world))
    return FALSE;
  if (world->cut == CUT_OCTETS)
    return feed_octets (world, item->octets);
  g_autoptr (GString) octets = g_string_new_len (item->octets->str, (gssize) item->octets->len);
  for (; world->cut == CUT_BURSTS && (item = item_at (world, world->at + 1)) != NULL && item->kind == ITEM_SERVER; world->at++)
    g_string_append_len (octets, item->octets->str, (gssize) item->octets->len);
  /* A copy of exact size, so that a sanitizer sees a read behind its end. */
  g_autofree char *exact = g_memdup2 (octets->str, octets->len);
  vd_session_feed (world->session, exact, octets->len, world->now);
  return TRUE;
}

/* ---- set-up ---- */

static gboolean
set_option (World *world, const Item *item)
{
  static const struct
  {
    const char *text;
    gsize offset;
    int value;
  } rows[] = {
    { "level off", G_STRUCT_OFFSET (World, config.level), VD_PIPELINING_OFF },
    { "level auto", G_STRUCT_OFFSET (World, config.level), VD_PIPELINING_AUTO },
    { "level window", G_STRUCT_OFFSET (World, config.level), VD_PIPELINING_WINDOW },
    { "tls never", G_STRUCT_OFFSET (World, config.tls), VD_SESSION_TLS_NEVER },
    { "tls starttls", G_STRUCT_OFFSET (World, config.tls), VD_SESSION_TLS_STARTTLS },
    { "tls active", G_STRUCT_OFFSET (World, config.tls), VD_SESSION_TLS_ACTIVE },
    { "tls required", G_STRUCT_OFFSET (World, config.tls_required), TRUE },
    { "lmtp", G_STRUCT_OFFSET (World, config.lmtp), TRUE },
    { "auth", G_STRUCT_OFFSET (World, config.auth), TRUE },
    { "auth pipelining", G_STRUCT_OFFSET (World, config.auth_pipelining), TRUE },
    { "auth optional", G_STRUCT_OFFSET (World, config.auth_optional), TRUE },
    { "queue", G_STRUCT_OFFSET (World, config.ask_queue), TRUE },
    { "chunking off", G_STRUCT_OFFSET (World, config.chunking), FALSE },
    { "keep", G_STRUCT_OFFSET (World, keep), TRUE },
    { "cut every", G_STRUCT_OFFSET (World, cut_every), TRUE },
    { "split never", G_STRUCT_OFFSET (World, split_never), TRUE },
  };
  const char *first = item_word (item, 1);
  const char *second = item_word (item, 2);
  if (first != NULL && second != NULL && strcmp (first, "client") == 0)
    {
      world->config.client = second;
      return TRUE;
    }
  if (first != NULL && second != NULL && strcmp (first, "window-first") == 0)
    {
      world->config.window_first = (guint) atoi (second);
      return TRUE;
    }
  if (first != NULL && second != NULL && strcmp (first, "window-messages") == 0)
    {
      world->config.window_messages = (guint) atoi (second);
      return TRUE;
    }
  if (first != NULL && second != NULL && strcmp (first, "window-octets") == 0)
    {
      world->config.window_octets = (guint64) atoi (second);
      return TRUE;
    }
  g_autofree char *text = g_strconcat (first == NULL ? "" : first, second == NULL ? "" : " ", second, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if (strcmp (text, rows[i].text) == 0)
      {
        G_STATIC_ASSERT (sizeof (VdPipelining) == sizeof (int) && sizeof (gboolean) == sizeof (int));
        *(int *) G_STRUCT_MEMBER_P (world, rows[i].offset) = rows[i].value;
        return TRUE;
      }
  return world_complain (world, "no option '%s'", text);
}

/* The first item that is no set-up: from here on there is a session. */
static gboolean
begin (World *world)
{
  if (!world_submit_pending (world))
    return FALSE;
  world->session = vd_session_new (&world->config, world->now);
  for (guint i = 0; i < world->mails->len; i++)
    {
      Mail *mail = world->mails->pdata[i];
      mail->submitted = TRUE;
      vd_session_submit (world->session, mail->txn);
    }
  if (!world->keep)
    vd_session_finish (world->session, world->now);
  return TRUE;
}

/* ---- events ---- */

static gboolean
need_is (World *world, VdNeed need, const char *name)
{
  return vd_session_need (world->session) == need || world_complain (world, "the session does not need %s here", name);
}

static gboolean
on_tls (World *world, const Item *item)
{
  const char *what = item_word (item, 1);
  if (g_strcmp0 (what, "ok") == 0 || g_strcmp0 (what, "fail") == 0)
    {
      if (!need_is (world, VD_NEED_HANDSHAKE, "a handshake"))
        return FALSE;
      if (strcmp (what, "ok") == 0)
        vd_session_tls_done (world->session, world->now);
      else
        vd_session_tls_failed (world->session, g_error_new (VEREDA_ERROR, VEREDA_ERROR_TLS, "handshake failed"));
      return TRUE;
    }
  if (!need_is (world, VD_NEED_TLS_DECISION, "a decision about TLS"))
    return FALSE;
  vd_session_tls_decide (world->session, g_strcmp0 (what, "insecure") == 0, world->now);
  return TRUE;
}

static gboolean
on_mech (World *world, const Item *item)
{
  if (!need_is (world, VD_NEED_MECHANISM, "a mechanism"))
    return FALSE;
  FakeMech *fake = fake_mech_new (item);
  if (fake == NULL)
    return world_complain (world, "a mechanism needs a name and at least one step");
  g_ptr_array_add (world->mechs, fake);
  vd_session_use_mechanism (world->session, fake_mech_begin (fake), world->now);
  return TRUE;
}

static gboolean
on_no_mech (World *world, const Item *item)
{
  if (!need_is (world, VD_NEED_MECHANISM, "a mechanism"))
    return FALSE;
  vd_session_no_mechanism (world->session, g_error_new (VEREDA_ERROR, VEREDA_ERROR_AUTH, "no mechanism is left"), world->now);
  return TRUE;
}

static gboolean
on_resume (World *world, const Item *item)
{
  if (!need_is (world, VD_NEED_CREDENTIAL, "a credential"))
    return FALSE;
  fake_mech_release (world->mechs->pdata[world->mechs->len - 1]);
  vd_session_resume (world->session, world->now);
  return TRUE;
}

/* `timeout SECONDS`: the deadline is exactly so far away; it passes. */
static gboolean
on_timeout (World *world, const Item *item)
{
  gint64 deadline = vd_session_deadline (world->session);
  const char *seconds = item_word (item, 1);
  if (deadline == G_MAXINT64 || seconds == NULL)
    return world_complain (world, "there is no deadline here");
  if (deadline - world->now != atoll (seconds) * SECOND)
    return world_complain (world, "the deadline is %.3f seconds away", (double) (deadline - world->now) / (double) SECOND);
  world->now = deadline - 1;
  vd_session_tick (world->session, world->now);
  if (vd_session_need (world->session) == VD_NEED_CLOSE)
    return world_complain (world, "the session gives up before its deadline");
  world->now = deadline;
  vd_session_tick (world->session, world->now);
  return TRUE;
}

static gboolean
on_wait (World *world, const Item *item)
{
  world->now += atoll (item_word (item, 1) == NULL ? "0" : item_word (item, 1)) * SECOND;
  vd_session_tick (world->session, world->now);
  return TRUE;
}

static gboolean
on_eof (World *world, const Item *item)
{
  vd_session_feed_end (world->session, NULL, world->now);
  return TRUE;
}

static gboolean
on_reset (World *world, const Item *item)
{
  vd_session_feed_end (world->session, g_error_new (VEREDA_ERROR, VEREDA_ERROR_CLOSED, "connection reset"), world->now);
  return TRUE;
}

static gboolean
on_abort (World *world, const Item *item)
{
  vd_session_abort (world->session, g_error_new (VEREDA_ERROR, VEREDA_ERROR_CANCELLED, "cancelled"));
  return TRUE;
}

static gboolean
on_finish (World *world, const Item *item)
{
  vd_session_finish (world->session, world->now);
  return TRUE;
}

static gboolean
on_about (World *world, const Item *item)
{
  gint64 n = atoll (item_word (item, 1) == NULL ? "0" : item_word (item, 1));
  if (n < 1 || n > (gint64) world->mails->len)
    return world_complain (world, "there is no such message");
  world->about = world->mails->pdata[n - 1];
  return TRUE;
}

static const struct
{
  const char *verb;
  gboolean (*play) (World *world, const Item *item);
  gboolean any_time; /* does not concern what the client has said so far */
} directives[] = {
  { "expect", world_expect, TRUE }, { "message", on_about, TRUE },    { "tls", on_tls, FALSE },
  { "mech", on_mech, FALSE },       { "no-mech", on_no_mech, FALSE }, { "resume", on_resume, FALSE },
  { "timeout", on_timeout, FALSE }, { "wait", on_wait, FALSE },       { "eof", on_eof, FALSE },
  { "reset", on_reset, FALSE },     { "abort", on_abort, FALSE },     { "finish", on_finish, FALSE },
};

static gboolean
play_directive (World *world)
{
  const Item *item = item_at (world, world->at);
  const char *verb = item_word (item, 0);
  if (strcmp (verb, "option") == 0)
    return world->session == NULL ? set_option (world, item) : world_complain (world, "too late for options");
  gboolean known;
  if (world_mail_line (world, item, &known) || known)
    return world->complaint == NULL;
  if (!world_submit_pending (world) || (world->session == NULL && !begin (world)))
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (directives); i++)
    if (strcmp (verb, directives[i].verb) == 0)
      {
        if (!directives[i].any_time && !world->stalled && !check_silent (world))
          return FALSE;
        return directives[i].play (world, item);
      }
  return world_complain (world, "no directive '%s'", verb);
}

/* ---- the whole ---- */

static void
take_finished (World *world)
{
  VdTransaction *txn;
  while (world->session != NULL && (txn = vd_session_take_finished (world->session)) != NULL)
    ((Mail *) txn->data)->finished = TRUE;
}

/* What every dialogue has to fulfil, said or not. */
static gboolean
check_end (World *world)
{
  if (world->session == NULL || (!world->stalled && !check_silent (world)))
    return world_complain (world, "there is no session");
  if (!world->keep && vd_session_need (world->session) != VD_NEED_CLOSE)
    return world_complain (world, "the transcript is over and the session is not");
  if (!world->error_seen && vd_session_error (world->session) != NULL)
    return world_complain (world, "the session ended with an error that nobody expected: %s",
                           vd_session_error (world->session)->message);
  for (guint i = 0; i < world->mails->len; i++)
    {
      const Mail *mail = world->mails->pdata[i];
      if (!mail->judged)
        return world_complain (world, "no 'expect verdict' for message %u", i + 1);
      if (!mail->finished && vd_session_need (world->session) == VD_NEED_CLOSE)
        return world_complain (world, "message %u was not given back", i + 1);
    }
  for (guint i = 0; i < world->mechs->len; i++)
    {
      if (fake_mech_complaint (world->mechs->pdata[i]) != NULL)
        return world_complain (world, "%s", fake_mech_complaint (world->mechs->pdata[i]));
      if (!fake_mech_is_hidden (world->mechs->pdata[i], world->trace->str))
        return world_complain (world, "the trace shows what is to be kept secret:\n%s", world->trace->str);
    }
  return TRUE;
}

gboolean
world_play (World *world)
{
  for (; world->at < world->script->items->len && world->complaint == NULL && !world->burnt; world->at++)
    {
      const Item *item = item_at (world, world->at);
      if (item->kind != ITEM_DIRECTIVE && (!world_submit_pending (world) || (world->session == NULL && !begin (world))))
        break;
      if (item->kind == ITEM_CLIENT)
        play_client (world);
      else if (item->kind == ITEM_SERVER)
        play_server (world);
      else
        play_directive (world);
      if (world->session != NULL && !world->stalled)
        drain (world); /* what the session finds out only while it writes is known before the next item */
      take_finished (world);
    }
  return world->complaint == NULL && !world->burnt && check_end (world);
}
