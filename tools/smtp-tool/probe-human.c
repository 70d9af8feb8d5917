/* SPDX-License-Identifier: MIT */
/* probe-human - a look for people.  See probe-report.h.
 *
 * One verdict top right, one line for each stage, times to the right, a bar that shows where the time went; ASCII but for what servers
 * say. */
#include "probe-cert.h"
#include "probe-checks.h"
#include "probe-report.h"
#include "text.h"
#include "tool.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WIDTH 96
#define BAR   16

#define GREEN  "\033[32m"
#define RED    "\033[31m"
#define YELLOW "\033[33m"
#define BOLD   "\033[1m"
#define DIM    "\033[2m"
#define PLAIN  "\033[0m"

static const char *
paint (const Plan *plan, const char *colour)
{
  return text_use_colour (plan->colour, STDOUT_FILENO) ? colour : "";
}

static gboolean
wants (const Command *command, char part)
{
  return command->print == NULL || strchr (command->print, part) != NULL;
}

char *
look_reply_text (VeredaReply *reply)
{
  if (reply == NULL)
    return g_strdup ("no reply");
  g_autofree char *text = text_one_line (vereda_reply_get_text (reply));
  const char *enhanced = vereda_reply_get_enhanced (reply);

  return g_strdup_printf ("%d %s%s%s", vereda_reply_get_code (reply), enhanced != NULL ? enhanced : "",
                          enhanced != NULL ? " " : "", text);
}

/* ---- the head ---- */

static char *
mode_words (const Look *look)
{
  const char *mode = vereda_probe_get_mode (look->probe), *why = vereda_probe_get_mode_reason (look->probe);

  if (strcmp (mode, "plain") == 0)
    return g_strdup_printf ("no TLS (%s)", why);
  if (strcmp (mode, "implicit") == 0)
    return g_strdup_printf ("implicit TLS (%s)", why);
  return g_strdup_printf (vereda_probe_is_tls_required (look->probe) ? "STARTTLS required (%s)" : "STARTTLS %s", why);
}

static guint
count (const Look *look, FindingSeverity severity)
{
  guint n = 0;

  for (guint i = 0; i < look->findings->len; i++)
    n += ((const Finding *) look->findings->pdata[i])->severity == severity;
  return n;
}

static char *
verdict_words (const Look *look, const Outcome *outcome)
{
  const guint errors = count (look, FINDING_ERROR), warnings = count (look, FINDING_WARN);
  GString *text;

  if (look->error != NULL)
    return g_strdup_printf ("FAILED at %s (exit %d)",
                            look->probe != NULL ? look_stage_word (vereda_probe_get_error_stage (look->probe)) : "start",
                            outcome->number);
  text = g_string_new ("READY");
  if (errors > 0)
    g_string_append_printf (text, ", %u error%s", errors, errors == 1 ? "" : "s");
  if (warnings > 0)
    g_string_append_printf (text, ", %u warning%s", warnings, warnings == 1 ? "" : "s");
  if (outcome->status == EXIT_EXPECT)
    g_string_append_printf (text, " (exit %d)", outcome->number);
  return g_string_free (text, FALSE);
}

void
look_human_head (const Look *look, const Plan *plan, const Outcome *outcome)
{
  g_autofree char *server = look->probe != NULL ? text_escape (vereda_probe_get_server (look->probe)) : g_strdup ("");
  g_autofree char *mode = look->probe != NULL ? mode_words (look) : g_strdup ("");
  g_autofree char *left
      = g_strdup_printf ("%s - %s%s", server, look->probe != NULL && vereda_probe_is_lmtp (look->probe) ? "LMTP, " : "", mode);
  g_autofree char *right = verdict_words (look, outcome);
  const gsize used = (gsize) g_utf8_strlen (left, -1) + strlen (right);
  const char *colour = look->error != NULL || count (look, FINDING_ERROR) > 0 ? RED
                       : count (look, FINDING_WARN) > 0                       ? YELLOW
                                                                              : GREEN;

  printf ("%s%*s%s%s%s\n", left, used + 2 < WIDTH ? (int) (WIDTH - used) : 2, "", paint (plan, colour), right,
          paint (plan, PLAIN));
}

/* ---- stages ---- */

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

static char *
race (VeredaProbe *probe)
{
  g_autoptr (GString) text = g_string_new (NULL), others = g_string_new (NULL);

  for (guint i = 0; i < vereda_probe_get_n_addresses (probe); i++)
    {
      VeredaProbeAddress *address = vereda_probe_get_nth_address (probe, i);
      const char *outcome = vereda_probe_address_get_outcome (address);
      const int code = vereda_probe_address_get_errno (address);
      g_autofree char *name = without_port (vereda_probe_address_get_text (address));

      if (strcmp (outcome, "connected") == 0)
        g_string_append (text, name);
      else if (strcmp (outcome, "not-tried") != 0)
        g_string_append_printf (others, "%s%s: %s", others->len > 0 ? "; " : "", name, code != 0 ? g_strerror (code) : outcome);
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
  printf ("  %-7s %9s %9.1f  %s%s%s  %s%s%s\n", look_stage_word (vereda_probe_stage_get_stage (row)), time,
          (double) (start + took) / 1000.0, paint (plan, DIM), bar, paint (plan, PLAIN), bad ? paint (plan, RED) : "", shown,
          bad ? paint (plan, PLAIN) : "");
}

static void
print_cost (const Look *look)
{
  const LookCost cost = look_cost (look);

  printf ("  %-7s %9s %9.1f  %*s  %u round trip%s, %.1f kB in, %.1f kB out\n", "total", "",
          (double) vereda_probe_get_elapsed (look->probe) / 1000.0, BAR, "", cost.round_trips, cost.round_trips == 1 ? "" : "s",
          (double) cost.in / 1000.0, (double) cost.out / 1000.0);
}

static void
print_stages (const Look *look, const Plan *plan)
{
  VeredaProbe *probe = look->probe;
  const gint64 total = vereda_probe_get_elapsed (probe);
  guint connection = 1;

  printf ("\n  %-7s %9s %9s  %*s  %s\n", "stage", "time", "sum", BAR, "", "result");
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
    printf ("  %-7s %9s %9s  %*s  not tried: no --user\n", "auth", "-", "-", BAR, "");
  print_cost (look);
}

/* ---- certificate ---- */

static char *
key_words (const Cert *cert)
{
  g_autofree char *type = g_ascii_strup (cert->key_type, -1);

  return g_strdup_printf ("%s %s%s%d, %s", type, cert->key_group != NULL ? cert->key_group : "",
                          cert->key_group != NULL ? " " : "", cert->key_bits, cert->signature);
}

static void
print_chain (const Look *look)
{
  g_autoptr (GString) chain = g_string_new ("leaf");

  for (guint i = 1; i < look->certs->len; i++)
    {
      const Cert *cert = look->certs->pdata[i];

      g_string_append_printf (chain, " <- %s%s", cert->subject != NULL ? cert->subject : "?",
                              cert->self_issued ? " (a root: not needed)" : "");
    }
  const Cert *last = look->certs->pdata[look->certs->len - 1];
  if (last->issuer != NULL && !last->self_issued)
    g_string_append_printf (chain, " <- %s (not sent)", last->issuer);
  g_autofree char *shown = text_escape (chain->str);
  printf ("  chain   %s\n", shown);
}

static void
print_leaf (const Look *look, const Plan *plan, const Cert *cert)
{
  g_autofree char *subject = text_escape (*cert->subject != '\0' ? cert->subject : "(no subject)");
  g_autofree char *names_joined = g_strjoinv (", ", cert->names);
  g_autofree char *shown = text_escape (names_joined);
  g_autofree char *key = key_words (cert);
  g_autofree char *before = cert_time (cert->not_before), *after = cert_time (cert->not_after);
  const gint64 left = cert_days_left (cert);

  printf ("  leaf    %s   %s\n  names   %s\n", subject, key, *shown != '\0' ? shown : "(none)");
  printf ("  valid   %.10s to %.10s UTC   %s%s%" G_GINT64_FORMAT " days %s%s\n", before, after,
          left < look->warn_days ? paint (plan, left < look->error_days ? RED : YELLOW) : "",
          left < look->warn_days ? "** " : "", left < 0 ? -left - 1 : left,
          left < 0 ? "ago" : "left", /* whole days, both ways */
          left < look->warn_days ? paint (plan, PLAIN) : "");
  print_chain (look);
  printf ("  pins    spki sha256//%s\n          cert sha256 %s\n", cert->spki_sha256 != NULL ? cert->spki_sha256 : "?",
          cert->sha256);
}

void
look_human_certificate (const Look *look, const Plan *plan)
{
  VeredaProbe *probe = look->probe;
  const char *code = vereda_probe_get_verify_code (probe), *matched = vereda_probe_get_matched_name (probe);
  const char *peer = vereda_probe_get_peer_name (probe), *text = vereda_probe_get_verify_text (probe);
  const char *ocsp = vereda_probe_get_ocsp (probe);
  const Cert *leaf = look->certs->len > 0 ? look->certs->pdata[0] : NULL;

  if (leaf == NULL)
    return;
  if (vereda_probe_is_verified (probe))
    printf ("\nCertificate   %sok%s  trusted, name matched %s\n", paint (plan, GREEN), paint (plan, PLAIN),
            matched != NULL ? matched
            : peer != NULL  ? peer
                            : "?");
  else
    {
      g_autofree char *shown = text_one_line (text != NULL ? text : "");
      printf ("\nCertificate   %s%s%s  not accepted for %s (library says: %s)\n", paint (plan, RED),
              code != NULL ? code : "not checked", paint (plan, PLAIN), peer != NULL ? peer : "any name", shown);
    }
  if (leaf->broken != NULL)
    printf ("  leaf    cannot be read: %s\n", leaf->broken);
  if (leaf->subject != NULL)
    print_leaf (look, plan, leaf);
  printf ("  more    OCSP %s%s\n", ocsp != NULL ? ocsp : "not known",
          look->dane == NULL && look->sts == NULL ? "; DANE and MTA-STS not checked" : "");
}

/* ---- extensions ---- */

static char *
extension_words (const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", 3);
  guint64 size;

  if (words[0] != NULL && words[1] != NULL && g_ascii_strcasecmp (words[0], "SIZE") == 0
      && g_ascii_string_to_unsigned (words[1], 10, 1, G_MAXINT64, &size, NULL))
    return g_strdup_printf ("%s (%.4g MiB)", line, (double) size / 1048576.0);
  return g_strdup (line);
}

static void
print_extensions (const Look *look)
{
  VeredaProbe *probe = look->probe;
  const char *const *lines = vereda_probe_get_extensions (probe, TRUE);
  gsize column = 14;

  lines = lines != NULL ? lines : vereda_probe_get_extensions (probe, FALSE);
  if (lines == NULL)
    return;
  fputs ("\nExtensions    ", stdout);
  for (; *lines != NULL; lines++)
    {
      g_autofree char *words = extension_words (*lines);
      g_autofree char *shown = text_one_line (words);
      const gsize width = (gsize) g_utf8_strlen (shown, -1);

      if (g_ascii_strncasecmp (*lines, "AUTH", 4) == 0)
        continue; /* has a table of its own */
      if (column > 14 && column + width + 2 > WIDTH)
        {
          fputs ("\n              ", stdout);
          column = 14;
        }
      printf ("%s  ", shown);
      column += width + 2;
    }
  putchar ('\n');
}

/* ---- authentication ---- */

static void
print_mechanism (VeredaExplanationRow *row, guint place, const Plan *plan)
{
  const char *stem = vereda_explanation_row_get_stem (row);
  const gboolean offered = vereda_explanation_row_is_offered (row), usable = offered && vereda_explanation_row_is_usable (row);
  g_autofree char *name = text_escape (vereda_explanation_row_get_mechanism (row));
  g_autofree char *text = text_one_line (vereda_explanation_row_get_text (row));
  g_autofree char *order = usable ? g_strdup_printf ("%u", place) : g_strdup ("-");
  g_autofree char *strength = stem != NULL ? g_strdup_printf ("%u", vereda_explanation_row_get_strength (row)) : g_strdup ("-");

  printf ("%s  %2s  %-19s %8s  %-10s  %-6s  %s%s\n", usable ? "" : paint (plan, DIM), order, name, strength,
          stem == NULL                       ? "none"
          : g_str_has_prefix (stem, "auth_") ? stem + 5
                                             : stem,
          usable ? "yes" : "no", offered ? text : "not offered", usable ? "" : paint (plan, PLAIN));
}

void
look_human_auth (const Look *look, const Plan *plan)
{
  guint place = 0, hidden = 0;

  if (look->explanation == NULL || *vereda_probe_get_mechanisms (look->probe) == NULL)
    return;
  printf ("\nAuthentication, in the order it would be tried over this connection%s\n"
          "      %-19s %8s  %-10s  %-6s  %s\n",
          look->supposed ? " with a user and a password" : "", "mechanism", "strength", "plugin", "usable", "why");
  for (guint i = 0; i < vereda_explanation_get_n_rows (look->explanation); i++)
    {
      VeredaExplanationRow *row = vereda_explanation_get_row (look->explanation, i);

      if (!vereda_explanation_row_is_offered (row) && !plan->verbose)
        hidden++;
      else
        print_mechanism (row, place += vereda_explanation_row_is_usable (row) && vereda_explanation_row_is_offered (row), plan);
    }
  if (hidden > 0)
    printf ("      %u more with a plugin, not offered\n", hidden);
}

/* ---- findings ---- */

void
look_human_findings (const Look *look, const Plan *plan, gboolean next)
{
  const char *command = NULL;

  if (look->findings->len > 0)
    puts ("\nFindings");
  for (guint i = 0; i < look->findings->len; i++)
    {
      const Finding *finding = look->findings->pdata[i];
      const char *colour = finding->severity == FINDING_ERROR ? RED : finding->severity == FINDING_WARN ? YELLOW : DIM;

      printf ("  %s%-5s%s  %-26s  %s\n", paint (plan, colour), finding_severity_word (finding->severity), paint (plan, PLAIN),
              finding->info->id, finding->text);
      if (command == NULL && finding->severity >= FINDING_WARN)
        command = finding->next;
    }
  if (!next)
    return;
  if (command != NULL)
    printf ("Next: %s\n", command);
  else if (look->error == NULL && !plan->wants_auth && *vereda_probe_get_mechanisms (look->probe) != NULL
           && look->target != NULL)
    {
      g_autofree char *target = text_escape (look->target);
      printf ("Next: smtp-tool auth try --user NAME %s\n", target);
    }
}

void
look_human_error (const Look *look)
{
  const Finding *worst = NULL;

  for (guint i = 0; i < look->findings->len && worst == NULL; i++)
    if (((const Finding *) look->findings->pdata[i])->severity == FINDING_ERROR)
      worst = look->findings->pdata[i];
  const char *const tries[] = { worst != NULL ? worst->next : NULL, NULL };
  g_autofree char *shown = text_one_line (look->error->message);
  g_autofree char *text = worst != NULL ? g_strdup_printf ("%s [%s]", shown, worst->info->id) : g_strdup (shown);
  report_problem (NULL, text, tries);
}

/* ---- the whole ---- */

void
look_human (const Look *look, const Command *command, const Outcome *outcome)
{
  const Plan *plan = command->plan;

  if (!plan->quiet && look->probe != NULL)
    {
      if (wants (command, 's'))
        look_human_head (look, plan, outcome);
      if (wants (command, 'm'))
        print_stages (look, plan);
      if (wants (command, 'c'))
        {
          look_human_certificate (look, plan);
          checks_human (look);
        }
      if (wants (command, 'e'))
        print_extensions (look);
      if (wants (command, 'a'))
        look_human_auth (look, plan);
      if (wants (command, 'f'))
        look_human_findings (look, plan, look->error == NULL);
    }
}
