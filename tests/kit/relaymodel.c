/* SPDX-License-Identifier: MIT */
/* relaymodel: see relaymodel.h. */
#include "relaymodel.h"

#include <string.h>

static gboolean
every (guint period, guint n, guint phase)
{
  return period > 0 && n % period == phase % period;
}

gboolean
kit_relay_refuses_mail (const KitRelayRules *rules, guint n)
{
  return every (rules->mail, n, 2);
}

gboolean
kit_relay_refuses_rcpt (const KitRelayRules *rules, guint n)
{
  return every (rules->rcpt, n, 4) && !kit_relay_refuses_mail (rules, n);
}

gboolean
kit_relay_refuses_chunk (const KitRelayRules *rules, guint n)
{
  return every (rules->chunk, n, 5) && !kit_relay_refuses_mail (rules, n) && !kit_relay_refuses_rcpt (rules, n);
}

static void
say (KitRelay *relay, const char *text)
{
  g_byte_array_append (relay->out, (const guint8 *) text, (guint) strlen (text));
  g_byte_array_append (relay->out, (const guint8 *) "\r\n", 2);
}

KitRelay *
kit_relay_new (const KitRelayRules *rules, KitRelayTruth *truth)
{
  KitRelay *relay = g_new0 (KitRelay, 1);

  relay->rules = rules;
  relay->truth = truth;
  relay->out = g_byte_array_new ();
  relay->line = g_string_new (NULL);
  relay->message = relay->named = -1;
  say (relay, "220 relay.example.org ready");
  return relay;
}

void
kit_relay_free (KitRelay *relay)
{
  g_byte_array_unref (relay->out);
  g_string_free (relay->line, TRUE);
  g_free (relay);
}

/* What it just said decided about the message that was named last. */
static void
decided (KitRelay *relay)
{
  if (relay->named >= 0 && relay->reply_at[relay->named] == 0)
    relay->reply_at[relay->named] = relay->out->len;
}

static void
forget (KitRelay *relay)
{
  relay->message = -1;
  relay->has_rcpt = relay->refused = FALSE;
}

/* The end of a message that nothing speaks against. */
static void
accept_message (KitRelay *relay)
{
  guint n = (guint) relay->message;

  relay->end_at[n] = relay->in;
  if (++relay->ends == relay->rules->closing)
    {
      say (relay, "421 4.3.2 going down");
      relay->closed = TRUE;
      relay->reply_at[n] = relay->out->len;
      return;
    }
  relay->truth->accepted[n]++;
  relay->taken++;
  if (relay->taken == relay->rules->gone)
    {
      relay->closed = TRUE;
      relay->reply_at[n] = G_MAXUINT64;
      return;
    }
  say (relay, "250 2.6.0 taken");
  relay->reply_at[n] = relay->out->len;
  forget (relay);
}

static void
refuse_end (KitRelay *relay, const char *text, gboolean data)
{
  if (relay->named >= 0)
    relay->end_at[relay->named] = relay->in;
  say (relay, text);
  decided (relay);
  relay->failed = relay->rules->strict && !data;
  forget (relay);
}

static void
end_chunk (KitRelay *relay)
{
  relay->in_chunk = FALSE;
  if (relay->refused)
    refuse_end (relay, relay->has_rcpt && !relay->failed ? "452 4.3.1 no room for this" : "503 5.5.1 no recipients", FALSE);
  else if (!relay->last)
    say (relay, "250 2.0.0 more");
  else
    accept_message (relay);
}

static void
on_bdat (KitRelay *relay, const char *line)
{
  gboolean possible = relay->message >= 0 && relay->has_rcpt && !relay->failed;

  relay->bdats++;
  if (relay->rules->no_bdat)
    {
      if (relay->named >= 0)
        relay->end_at[relay->named] = relay->in;
      say (relay, "502 5.5.2 what is BDAT?");
      decided (relay);
      return;
    }
  relay->chunk_left = g_ascii_strtoull (line + 5, NULL, 10);
  relay->last = g_str_has_suffix (line, " LAST");
  relay->refused = !possible || kit_relay_refuses_chunk (relay->rules, (guint) relay->message);
  if (relay->refused && relay->rules->reads_on)
    {
      refuse_end (relay, possible ? "552 5.3.4 too big" : "502 5.5.1 no recipients", FALSE);
      return;
    }
  relay->in_chunk = TRUE;
  if (relay->chunk_left == 0)
    end_chunk (relay);
}

static void
on_mail (KitRelay *relay, const char *line)
{
  const char *at = strstr (line, "<m");
  guint n = at != NULL ? (guint) g_ascii_strtoull (at + 2, NULL, 10) : KIT_RELAY_MESSAGES;

  g_assert (n < KIT_RELAY_MESSAGES);
  relay->named = (gint) n;
  relay->end_at[n] = relay->reply_at[n] = 0;
  if (relay->failed || relay->message >= 0)
    {
      say (relay, "503 5.5.1 not now");
      decided (relay);
    }
  else if (kit_relay_refuses_mail (relay->rules, n))
    {
      say (relay, "550 5.7.1 not you");
      decided (relay);
    }
  else
    {
      relay->message = (gint) n;
      relay->has_rcpt = FALSE;
      say (relay, "250 2.1.0 go on");
    }
}

static void
on_rcpt (KitRelay *relay)
{
  if (relay->failed || relay->message < 0)
    say (relay, "503 5.5.1 MAIL first");
  else if (kit_relay_refuses_rcpt (relay->rules, (guint) relay->message))
    {
      say (relay, "550 5.1.1 nobody of that name");
      decided (relay);
    }
  else
    {
      relay->has_rcpt = TRUE;
      say (relay, "250 2.1.5 known");
    }
}

static void
on_line (KitRelay *relay, const char *line)
{
  if (g_str_has_prefix (line, "EHLO "))
    {
      say (relay, "250-relay.example.org");
      if (!relay->rules->no_pipelining)
        say (relay, "250-PIPELINING");
      if (!relay->rules->no_chunking)
        say (relay, "250-CHUNKING");
      say (relay, "250 ENHANCEDSTATUSCODES");
    }
  else if (g_str_has_prefix (line, "MAIL FROM:"))
    on_mail (relay, line);
  else if (g_str_has_prefix (line, "RCPT TO:"))
    on_rcpt (relay);
  else if (g_str_has_prefix (line, "BDAT "))
    on_bdat (relay, line);
  else if (g_str_equal (line, "DATA"))
    {
      if (relay->failed || relay->message < 0 || !relay->has_rcpt)
        say (relay, "503 5.5.1 recipients first");
      else
        {
          relay->in_data = TRUE;
          say (relay, "354 go");
        }
    }
  else if (g_str_equal (line, "RSET"))
    {
      relay->failed = FALSE;
      forget (relay);
      say (relay, "250 2.0.0 forgotten");
    }
  else if (g_str_equal (line, "QUIT"))
    {
      say (relay, "221 2.0.0 bye");
      relay->closed = TRUE;
    }
  else
    say (relay, "500 5.5.2 what?");
}

static void
on_data_line (KitRelay *relay, const char *line)
{
  if (!g_str_equal (line, "."))
    return;
  relay->in_data = FALSE;
  if (kit_relay_refuses_chunk (relay->rules, (guint) relay->message))
    refuse_end (relay, "452 4.3.1 no room for this", TRUE);
  else
    accept_message (relay);
}

void
kit_relay_feed (KitRelay *relay, const void *data, gsize size)
{
  const char *octets = data;
  guint before = relay->bdats;

  for (gsize i = 0; i < size && !relay->closed; i++)
    {
      relay->in++;
      if (relay->in_chunk)
        {
          if (--relay->chunk_left == 0)
            end_chunk (relay);
          continue;
        }
      g_string_append_c (relay->line, octets[i]);
      if (!g_str_has_suffix (relay->line->str, "\r\n"))
        continue;
      g_string_truncate (relay->line, relay->line->len - 2);
      if (relay->in_data)
        on_data_line (relay, relay->line->str);
      else
        on_line (relay, relay->line->str);
      g_string_truncate (relay->line, 0);
    }
  relay->ahead = MAX (relay->ahead, relay->bdats - before);
}
