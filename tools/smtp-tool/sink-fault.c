/* SPDX-License-Identifier: MIT */
/* sink-fault - see sink-fault.h. */
#include "sink-fault.h"

#include <string.h>

#define DELAY_MAX_SECONDS 3600
#define GARBAGE_OCTETS    40
#define SHARE_ALL         100000 /* 100 % */

static const struct
{
  const gchar *name;
  SinkStage stage;
} stages[] = {
  { "banner", SINK_STAGE_BANNER }, { "ehlo", SINK_STAGE_EHLO },       { "starttls", SINK_STAGE_STARTTLS },
  { "tls", SINK_STAGE_TLS },       { "auth", SINK_STAGE_AUTH },       { "mail", SINK_STAGE_MAIL },
  { "rcpt", SINK_STAGE_RCPT },     { "data", SINK_STAGE_DATA },       { "dot", SINK_STAGE_DOT },
  { "bdat", SINK_STAGE_BDAT },     { "rset", SINK_STAGE_RSET },       { "noop", SINK_STAGE_NOOP },
  { "quit", SINK_STAGE_QUIT },     { "greeting", SINK_STAGE_BANNER }, /* RFC 5321's word for it */
};

static const SinkAction actions[] = {
  { "reply", "reply=451 4.7.1 text", SINK_EDIT_INSTEAD, SINK_AFTER_GO_ON },
  { "delay", "delay=2s", SINK_EDIT_NONE, SINK_AFTER_GO_ON },
  { "drop", "drop", SINK_EDIT_REMOVE, SINK_AFTER_DROP },
  { "close-after-send", "close-after-send", SINK_EDIT_NONE, SINK_AFTER_CLOSE },
  { "garbage", "garbage", SINK_EDIT_GARBAGE, SINK_AFTER_GO_ON },
  { "split-bytes", "split-bytes=1", SINK_EDIT_NONE, SINK_AFTER_GO_ON },
  { "stall", "stall", SINK_EDIT_REMOVE, SINK_AFTER_SILENCE },
  { "starttls-inject", "starttls-inject", SINK_EDIT_INJECT, SINK_AFTER_GO_ON },
};

const gchar *
sink_stage_name (SinkStage stage)
{
  for (guint i = 0; i < G_N_ELEMENTS (stages); i++)
    if (stages[i].stage == stage)
      return stages[i].name;
  return "other";
}

/* ---- reading ---- */

static gboolean bad (gchar **ret_message, const gchar *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
bad (gchar **ret_message, const gchar *format, ...)
{
  va_list args;
  va_start (args, format);
  *ret_message = g_strdup_vprintf (format, args);
  va_end (args);
  return FALSE;
}

static gboolean
bad_stage (gchar **ret_message)
{
  GString *names = g_string_new (NULL);
  for (guint i = 0; i + 1 < G_N_ELEMENTS (stages); i++)
    g_string_append_printf (names, " %s", stages[i].name);
  (void) bad (ret_message, "STAGE:ACTION[:N] is wanted, STAGE one of%s", names->str);
  g_string_free (names, TRUE);
  return FALSE;
}

static gboolean
bad_action (gchar **ret_message)
{
  GString *forms = g_string_new (NULL);
  for (guint i = 0; i < G_N_ELEMENTS (actions); i++)
    g_string_append_printf (forms, "%s %s", i > 0 ? " |" : "", actions[i].form);
  (void) bad (ret_message, "STAGE:ACTION[:N] is wanted, ACTION one of%s; N one of always | first | every:3 | 10%%", forms->str);
  g_string_free (forms, TRUE);
  return FALSE;
}

/* Digits with up to three decimals, in thousandths; `end` stands behind them. */
static gboolean
read_thousandths (const gchar *text, guint64 limit, guint64 *ret_value, const gchar **ret_end)
{
  gsize digits = strspn (text, "0123456789");
  if (digits == 0 || digits > 9)
    return FALSE;
  guint64 value = g_ascii_strtoull (text, NULL, 10) * 1000;
  const gchar *p = text + digits;
  if (*p == '.')
    {
      gsize decimals = strspn (++p, "0123456789");
      guint64 unit = 100;
      if (decimals == 0 || decimals > 3)
        return FALSE;
      for (gsize i = 0; i < decimals; i++, unit /= 10)
        value += (guint64) g_ascii_digit_value (p[i]) * unit;
      p += decimals;
    }
  *ret_value = value;
  *ret_end = p;
  return value <= limit;
}

/* "always", "first", "every:3", "10%"; FALSE for anything else. */
static gboolean
read_when (const gchar *text, SinkFault *fault)
{
  const gchar *end;
  guint64 value;
  if (strcmp (text, "always") == 0)
    fault->when = SINK_WHEN_ALWAYS;
  else if (strcmp (text, "first") == 0)
    fault->when = SINK_WHEN_FIRST;
  else if (g_str_has_prefix (text, "every:") && strspn (text + 6, "0123456789") == strlen (text + 6) && strlen (text + 6) <= 9
           && (value = g_ascii_strtoull (text + 6, NULL, 10)) > 0)
    {
      fault->when = SINK_WHEN_EVERY;
      fault->every = value;
    }
  else if (read_thousandths (text, SHARE_ALL, &value, &end) && strcmp (end, "%") == 0)
    {
      fault->when = SINK_WHEN_SHARE;
      fault->share = (guint) value;
    }
  else
    return FALSE;
  return TRUE;
}

/* Cuts N off the end, where one stands there: "every:3" has a colon of its own, and so may a reply's text. */
static void
cut_when (gchar *text, SinkFault *fault)
{
  gchar *colon = strrchr (text, ':');
  if (colon == NULL)
    return;
  if (read_when (colon + 1, fault))
    {
      *colon = '\0';
      return;
    }
  for (gchar *before = colon; before > text;)
    if (*--before == ':')
      {
        if (read_when (before + 1, fault))
          *before = '\0';
        return;
      }
}

static gboolean
is_reply (const gchar *text)
{
  return strspn (text, "0123456789") == 3 && text[0] >= '2' && text[0] <= '5' && (text[3] == ' ' || text[3] == '\0')
         && strpbrk (text, "\r\n") == NULL;
}

static gboolean
read_value (const gchar *value, SinkFault *fault, gchar **ret_message)
{
  const gchar *name = fault->action->name;
  const gchar *end;
  guint64 number;
  if (strcmp (name, "reply") == 0)
    {
      if (value == NULL || !is_reply (value))
        return bad (ret_message, "the reply is three digits, a space and text: reply=451 4.7.1 text");
      fault->reply = g_strdup (value);
    }
  else if (strcmp (name, "delay") == 0)
    {
      if (value == NULL || !read_thousandths (value, G_MAXINT64, &number, &end)
          || (strcmp (end, "s") != 0 && strcmp (end, "ms") != 0 && *end != '\0'))
        return bad (ret_message, "a time is wanted: delay=2s, delay=0.5s, delay=300ms");
      fault->delay = strcmp (end, "ms") == 0 ? (gint64) number : (gint64) number * 1000;
      if (fault->delay > DELAY_MAX_SECONDS * (gint64) G_USEC_PER_SEC)
        return bad (ret_message, "a delay is %d seconds at most", DELAY_MAX_SECONDS);
    }
  else if (strcmp (name, "split-bytes") == 0)
    {
      gsize digits = value == NULL ? 0 : strspn (value, "0123456789");
      if (digits == 0 || digits > 5 || value[digits] != '\0' || (number = g_ascii_strtoull (value, NULL, 10)) == 0)
        return bad (ret_message, "octets that go out at a time, 1 to 99999, are wanted: split-bytes=1");
      fault->split = (guint) number;
    }
  else if (value != NULL)
    return bad (ret_message, "%s takes no value", name);
  return TRUE;
}

static gboolean
read_action (gchar *text, SinkFault *fault, gchar **ret_message)
{
  if (g_ascii_isdigit (text[0])) /* short for reply= */
    {
      fault->action = &actions[0];
      return read_value (text, fault, ret_message);
    }
  gsize length = strcspn (text, "=");
  for (guint i = 0; i < G_N_ELEMENTS (actions); i++)
    if (strlen (actions[i].name) == length && strncmp (actions[i].name, text, length) == 0)
      {
        fault->action = &actions[i];
        return read_value (text[length] == '=' ? text + length + 1 : NULL, fault, ret_message);
      }
  return bad_action (ret_message);
}

gboolean
sink_fault_parse (const gchar *text, SinkFault *ret_fault, gchar **ret_message)
{
  const gchar *colon = strchr (text, ':');
  gboolean good = FALSE;
  *ret_fault = (SinkFault){ .stage = SINK_N_STAGES };
  for (guint i = 0; colon != NULL && i < G_N_ELEMENTS (stages); i++)
    if (strlen (stages[i].name) == (gsize) (colon - text) && g_str_has_prefix (text, stages[i].name))
      ret_fault->stage = stages[i].stage;
  if (ret_fault->stage == SINK_N_STAGES)
    return bad_stage (ret_message);
  g_autofree gchar *action = g_strdup (colon + 1);
  cut_when (action, ret_fault);
  good = read_action (action, ret_fault, ret_message);
  if (good && ret_fault->action->edit == SINK_EDIT_INJECT && ret_fault->stage != SINK_STAGE_STARTTLS)
    good = bad (ret_message, "starttls-inject belongs to the stage starttls");
  if (!good)
    sink_fault_clear (ret_fault);
  return good;
}

void
sink_fault_clear (SinkFault *fault)
{
  g_clear_pointer (&fault->reply, g_free);
}

/* ---- deciding ---- */

/* SplitMix64: each number gives its own 64 bits, so that threads need share no state (Steele, Lea and Flood, 2014). */
static guint64
mix (guint64 number)
{
  number += G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  number = (number ^ (number >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  number = (number ^ (number >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  return number ^ (number >> 31);
}

gboolean
sink_fault_fires (const SinkFault *fault, guint64 occasion, guint64 seed)
{
  switch (fault->when)
    {
    case SINK_WHEN_FIRST:
      return occasion == 1;
    case SINK_WHEN_EVERY:
      return occasion % fault->every == 0;
    case SINK_WHEN_SHARE:
      return mix (mix (seed ^ ((guint64) fault->stage << 56)) + occasion) % SHARE_ALL < fault->share;
    case SINK_WHEN_ALWAYS:
    default:
      return TRUE;
    }
}

/* Ends in CRLF, so that the client judges it instead of waiting for more; begins with what no reply can begin with, and holds NUL, ESC and
 * octets that are no UTF-8. */
void
sink_fault_append_garbage (GString *out, guint64 occasion, guint64 seed)
{
  static const gchar first[] = { '\x80', '\0', '\x1b', '[', '3', '1', 'm', '\a' };
  g_string_append_len (out, first, sizeof first);
  for (guint i = 0; i < GARBAGE_OCTETS - sizeof first; i++)
    {
      gchar octet = (gchar) (mix (mix (seed + occasion) + i) & 0xff);
      g_string_append_c (out, octet == '\r' || octet == '\n' ? '\xff' : octet);
    }
  g_string_append_len (out, "\r\n", 2);
}

/* What somebody in the middle would like the client to take for the answer to its EHLO inside TLS: RFC 3207 section 6. */
void
sink_fault_append_injection (GString *out)
{
  g_string_append (out, "250-injected.invalid\r\n250-AUTH PLAIN LOGIN\r\n250 XINJECTED\r\n");
}
