/* SPDX-License-Identifier: MIT */
/* probe-stages - the timeline of a look for people.  See probe-report.h.
 *
 * One line for each stage, times to the right, a bar that shows where the time went; ASCII but for what servers say. */
#include "probe-report.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define BAR 16

static char *
without_port (const char *text)
{
  const char *colon = strrchr (text, ':');

  if (g_str_has_prefix (text, "unix:") || colon == NULL)
    return g_strdup (text);
  if (*text == '[' && colon[-1] == ']')
    return g_strndup (text + 1, (gsize) (colon - text) - 2);
  return g_strndup (text, (gsize) (colon - text));
}

static char *
resolved (VeredaProbe *probe)
{
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < vereda_probe_get_n_addresses (probe) && i < 6; i++)
    g_ptr_array_add (list, without_port (vereda_probe_address_get_text (vereda_probe_get_nth_address (probe, i))));
  if (vereda_probe_get_n_addresses (probe) > list->len)
    g_ptr_array_add (list, g_strdup ("..."));
  g_ptr_array_add (list, NULL);
  return g_strjoinv (", ", (char **) list->pdata);
}

/* Of an address that did not connect. */
static char *
fate (VeredaProbeAddress *address)
{
  const char *outcome = vereda_probe_address_get_outcome (address);
  const char *afterwards = vereda_probe_address_get_afterwards (address);
  const double later = (double) vereda_probe_address_get_afterwards_duration (address) / 1000.0;
  const int code = vereda_probe_address_get_errno (address);

  if (g_strcmp0 (afterwards, "connected") == 0)
    return g_strdup_printf ("lost the race, answered after %.0f ms", later);
  if (g_strcmp0 (afterwards, "no-answer") == 0)
    return g_strdup_printf ("no answer in %.1f s", later / 1000.0);
  if (code != 0)
    return g_strdup (g_strerror (code));
  return g_strdup (strcmp (outcome, "timed-out") == 0 ? "no answer in time" : "lost the race");
}

static char *
race (VeredaProbe *probe)
{
  g_autoptr (GString) text = g_string_new (NULL), others = g_string_new (NULL);

  for (guint i = 0; i < vereda_probe_get_n_addresses (probe); i++)
    {
      VeredaProbeAddress *address = vereda_probe_get_nth_address (probe, i);
      const char *outcome = vereda_probe_address_get_outcome (address);
      g_autofree char *name = without_port (vereda_probe_address_get_text (address));

      if (strcmp (outcome, "connected") == 0)
        g_string_append (text, name);
      else if (strcmp (outcome, "not-tried") != 0)
        {
          g_autofree char *words = fate (address);
          g_string_append_printf (others, "%s%s: %s", others->len > 0 ? "; " : "", name, words);
        }
    }
  if (others->len > 0 && text->len > 0)
    g_string_append_printf (text, "  (%s)", others->str);
  else
    g_string_append (text, others->str);
  return g_strdup (text->str);
}

static char *
first_word (const char *line)
{
  return g_ascii_strup (line, (gssize) strcspn (line, " ="));
}

static gboolean
names (const char *const *lines, const char *word)
{
  for (; lines != NULL && *lines != NULL; lines++)
    {
      g_autofree char *other = first_word (*lines);

      if (strcmp (other, word) == 0)
        return TRUE;
    }
  return FALSE;
}

static void
append_difference (GString *text, const char *const *from, const char *const *to, char sign)
{
  for (; from != NULL && *from != NULL; from++)
    {
      g_autofree char *word = first_word (*from);

      if (!names (to, word))
        g_string_append_printf (text, " %c%s", sign, word);
    }
}

static char *
hello (VeredaProbe *probe, VeredaProbeStage *row)
{
  const gboolean secure = vereda_probe_stage_is_secure (row);
  const char *const *lines = vereda_probe_get_extensions (probe, secure);
  const char *const *before = secure ? vereda_probe_get_extensions (probe, FALSE) : NULL;
  g_autoptr (GString) text = g_string_new (NULL);

  if (!vereda_probe_stage_succeeded (row) || lines == NULL)
    return look_reply_text (vereda_probe_stage_get_reply (row));
  const guint n = g_strv_length ((char **) lines);
  if (g_strcmp0 (vereda_probe_stage_get_detail (row), "HELO") == 0)
    return g_strdup ("HELO only: no extensions");
  g_string_append_printf (text, "%u extension%s", n, n == 1 ? "" : "s");
  if (before != NULL)
    {
      g_autoptr (GString) difference = g_string_new (NULL);

      append_difference (difference, lines, before, '+');
      append_difference (difference, before, lines, '-');
      g_string_append_printf (text, "%s%s", difference->len > 0 ? ":" : ", the same", difference->str);
    }
  else
    g_string_append (text, names (lines, "AUTH") ? ", AUTH" : ", no AUTH");
  return g_strdup (text->str);
}

static void
append_word (GString *text, const char *word)
{
  if (word != NULL)
    g_string_append_printf (text, "%s%s", text->len > 0 ? ", " : "", word);
}

static char *
tls_words (VeredaProbe *probe)
{
  g_autoptr (GString) text = g_string_new (NULL);
  const char *backend = vereda_probe_get_tls_backend (probe);

  append_word (text, look_tls_word (vereda_probe_get_tls_version (probe)));
  append_word (text, vereda_probe_get_tls_cipher (probe));
  append_word (text, vereda_probe_get_tls_group (probe));
  append_word (text, vereda_probe_get_tls_signature (probe));
  g_string_append_printf (text, "%svia %s", text->len > 0 ? "  " : "", vereda_probe_get_transport (probe));
  if (backend != NULL)
    g_string_append_printf (text, " (%s)", backend);
  return text_escape (text->str);
}

static char *
failure (const Look *look, VeredaProbeStage *row)
{
  VeredaReply *reply = vereda_probe_stage_get_reply (row);
  const char *code = vereda_probe_get_verify_code (look->probe);

  if (vereda_probe_stage_get_stage (row) == VEREDA_STAGE_TLS && code != NULL && strcmp (code, "ok") != 0)
    {
      g_autofree char *tls = tls_words (look->probe);
      return g_strdup_printf ("certificate not accepted: %s  %s", code, tls);
    }
  if (reply == NULL && vereda_probe_stage_get_stage (row) == vereda_probe_get_error_stage (look->probe))
    reply = vereda_probe_get_error_reply (look->probe); /* one that was not its own */
  if (reply != NULL && vereda_reply_get_code (reply) >= 300)
    return look_reply_text (reply);
  if (vereda_probe_stage_get_octets_in (row) == 0 && vereda_probe_stage_get_stage (row) >= VEREDA_STAGE_GREETING)
    return g_strdup ("nothing received");
  return g_strdup ("see below");
}

static char *
stage_words (const Look *look, VeredaProbeStage *row)
{
  VeredaProbe *probe = look->probe;
  const char *detail = vereda_probe_stage_get_detail (row);
  g_autofree char *reply = look_reply_text (vereda_probe_stage_get_reply (row));

  switch (vereda_probe_stage_get_stage (row))
    {
    case VEREDA_STAGE_RESOLVE:
      return vereda_probe_stage_succeeded (row) ? resolved (probe) : g_strdup ("see below");
    case VEREDA_STAGE_CONNECT:
      return race (probe);
    case VEREDA_STAGE_EHLO:
      return hello (probe, row);
    case VEREDA_STAGE_TLS:
      return vereda_probe_stage_succeeded (row) ? tls_words (probe) : failure (look, row);
    case VEREDA_STAGE_PLUGIN:
      return g_strdup (vereda_probe_stage_succeeded (row) ? "plugins" : "see below");
    default:
      if (!vereda_probe_stage_succeeded (row) && vereda_probe_stage_get_reply (row) == NULL)
        return failure (look, row);
      return detail != NULL ? g_strdup_printf ("%s  %s", detail, reply) : g_steal_pointer (&reply);
    }
}

static void
draw_bar (char *bar, gint64 start, gint64 took, gint64 total)
{
  const gint64 from = total > 0 ? start * BAR / total : 0, to = total > 0 ? (start + took) * BAR / total : 0;

  for (gint64 i = 0; i < BAR; i++)
    bar[i] = i >= from && (i < to || i == from) ? '#' : '.';
  bar[BAR] = '\0';
}

static char *
duration (gint64 us)
{
  return us < 10 * G_USEC_PER_SEC ? g_strdup_printf ("%.1fms", (double) us / 1000.0)
                                  : g_strdup_printf ("%.1fs", (double) us / 1e6);
}

static void
print_stage (const Look *look, const Plan *plan, VeredaProbeStage *row, gint64 total)
{
  const gint64 start = vereda_probe_stage_get_start (row), took = vereda_probe_stage_get_duration (row);
  g_autofree char *words = stage_words (look, row);
  g_autofree char *shown = text_one_line (words);
  g_autofree char *time = duration (took);
  const gboolean bad = !vereda_probe_stage_succeeded (row) && vereda_probe_stage_get_stage (row) != VEREDA_STAGE_QUIT;
  char bar[BAR + 1];

  draw_bar (bar, start, took, total);
  printf ("  %-7s %9s %9.1f %5u  %s%s%s  %s%s%s\n", look_stage_word (vereda_probe_stage_get_stage (row)), time,
          (double) (start + took) / 1000.0, vereda_probe_stage_get_round_trips (row), look_paint (plan, DIM), bar,
          look_paint (plan, PLAIN), bad ? look_paint (plan, RED) : "", shown, bad ? look_paint (plan, PLAIN) : "");
}

static void
print_cost (const Look *look)
{
  const LookCost cost = look_cost (look);

  printf ("  %-7s %9s %9.1f %5u  %*s  %.1f kB in, %.1f kB out\n", "total", "",
          (double) vereda_probe_get_elapsed (look->probe) / 1000.0, cost.round_trips, BAR, "", (double) cost.in / 1000.0,
          (double) cost.out / 1000.0);
}

void
look_human_stages (const Look *look, const Plan *plan)
{
  VeredaProbe *probe = look->probe;
  const gint64 total = vereda_probe_get_elapsed (probe);
  guint connection = 1;

  printf ("\n  %-7s %9s %9s %5s  %*s  %s\n", "stage", "time", "sum", "trips", BAR, "", "result");
  for (guint i = 0; i < vereda_probe_get_n_stages (probe); i++)
    {
      VeredaProbeStage *row = vereda_probe_get_stage (probe, i);

      if (vereda_probe_stage_get_connection (row) != connection)
        printf ("  -- connection %u\n", connection = vereda_probe_stage_get_connection (row));
      /* Loading is shown where it matters. */
      if (vereda_probe_stage_get_stage (row) == VEREDA_STAGE_PLUGIN && vereda_probe_stage_succeeded (row)
          && vereda_probe_stage_get_duration (row) < 50000 && !plan->verbose)
        continue;
      print_stage (look, plan, row, total);
    }
  if (look->error == NULL && !plan->wants_auth && *vereda_probe_get_mechanisms (probe) != NULL)
    printf ("  %-7s %9s %9s %5s  %*s  not tried: no --user\n", "auth", "-", "-", "-", BAR, "");
  print_cost (look);
}
