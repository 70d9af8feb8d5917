/* SPDX-License-Identifier: MIT */
/* probe-human - a look for people.  See probe-report.h.
 *
 * One verdict top right; ASCII but for what servers say. */
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

const char *
look_paint (const Plan *plan, const char *colour)
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
  /* A server of a domain may have been reached by an address. */
  const char *name = look->host != NULL ? look->target : look->probe != NULL ? vereda_probe_get_server (look->probe) : "";
  g_autofree char *server = text_escape (name);
  g_autofree char *mode = look->probe != NULL ? mode_words (look) : g_strdup ("");
  g_autofree char *left
      = g_strdup_printf ("%s - %s%s", server, look->probe != NULL && vereda_probe_is_lmtp (look->probe) ? "LMTP, " : "", mode);
  g_autofree char *right = verdict_words (look, outcome);
  const gsize used = (gsize) g_utf8_strlen (left, -1) + strlen (right);
  const char *colour = look->error != NULL || count (look, FINDING_ERROR) > 0 ? RED
                       : count (look, FINDING_WARN) > 0                       ? YELLOW
                                                                              : GREEN;

  printf ("%s%*s%s%s%s\n", left, used + 2 < WIDTH ? (int) (WIDTH - used) : 2, "", look_paint (plan, colour), right,
          look_paint (plan, PLAIN));
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
          left < look->warn_days ? look_paint (plan, left < look->error_days ? RED : YELLOW) : "",
          left < look->warn_days ? "** " : "", left < 0 ? -left - 1 : left,
          left < 0 ? "ago" : "left", /* whole days, both ways */
          left < look->warn_days ? look_paint (plan, PLAIN) : "");
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
    printf ("\nCertificate   %sok%s  trusted, name matched %s\n", look_paint (plan, GREEN), look_paint (plan, PLAIN),
            matched != NULL ? matched
            : peer != NULL  ? peer
                            : "?");
  else
    {
      g_autofree char *shown = text_one_line (text != NULL ? text : "");
      printf ("\nCertificate   %s%s%s  not accepted for %s (library says: %s)\n", look_paint (plan, RED),
              code != NULL ? code : "not checked", look_paint (plan, PLAIN), peer != NULL ? peer : "any name", shown);
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

  printf ("%s  %2s  %-19s %8s  %-10s  %-6s  %s%s\n", usable ? "" : look_paint (plan, DIM), order, name, strength,
          stem == NULL                       ? "none"
          : g_str_has_prefix (stem, "auth_") ? stem + 5
                                             : stem,
          usable ? "yes" : "no", offered ? text : "not offered", usable ? "" : look_paint (plan, PLAIN));
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

      printf ("  %s%-5s%s  %-26s  %s\n", look_paint (plan, colour), finding_severity_word (finding->severity),
              look_paint (plan, PLAIN), finding->info->id, finding->text);
      if (command == NULL && finding->severity >= FINDING_WARN)
        command = finding->next;
    }
  if (!next)
    return;
  if (command != NULL)
    printf ("Next: %s\n", command);
  else if (look->error == NULL && look->probe != NULL && !plan->wants_auth && *vereda_probe_get_mechanisms (look->probe) != NULL
           && look->target != NULL)
    {
      g_autofree char *login = finding_command ("smtp-tool auth try --user NAME {target}", look);
      printf ("Next: %s\n", login);
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
        look_human_stages (look, plan);
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
