/* SPDX-License-Identifier: MIT */
/* compare-rows - what `compare` shows of a column, one row each.  See compare.h. */
#include "compare.h"
#include "probe-cert.h"
#include "probe-report.h"

#include <string.h>

static char *
verdict (const Column *column)
{
  const Look *look = column->look;
  const Finding *worst = look->findings->len > 0 ? look->findings->pdata[0] : NULL;

  if (look->error == NULL)
    return g_strdup ("ready");
  return g_strdup (worst != NULL && worst->severity == FINDING_ERROR ? worst->info->id : exit_error_name (look->error));
}

static char *
certificate_verdict (const Column *column)
{
  return g_strdup (vereda_probe_get_verify_code (column->look->probe));
}

static char *
in_words (const Column *column)
{
  return g_strdup (vereda_probe_get_verify_text (column->look->probe));
}

static char *
library (const Column *column)
{
  return g_strdup (vereda_probe_get_tls_backend (column->look->probe));
}

static char *
version (const Column *column)
{
  return g_strdup (look_tls_word (vereda_probe_get_tls_version (column->look->probe)));
}

static char *
cipher (const Column *column)
{
  return g_strdup (vereda_probe_get_tls_cipher (column->look->probe));
}

static char *
group (const Column *column)
{
  return g_strdup (vereda_probe_get_tls_group (column->look->probe));
}

static char *
signature (const Column *column)
{
  return g_strdup (vereda_probe_get_tls_signature (column->look->probe));
}

static char *
chain (const Column *column)
{
  const Look *look = column->look;

  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < look->certs->len; i++)
    g_string_append_printf (text, "%s%.16s", i > 0 ? " " : "", ((const Cert *) look->certs->pdata[i])->sha256);
  return text->len > 0 ? g_strdup (text->str) : NULL;
}

static char *
matched (const Column *column)
{
  return g_strdup (vereda_probe_get_matched_name (column->look->probe));
}

static char *
ocsp (const Column *column)
{
  return g_strdup (vereda_probe_get_ocsp (column->look->probe));
}

static char *
extensions (const Column *column)
{
  const char *const *lines = vereda_probe_get_extensions (column->look->probe, TRUE);

  lines = lines != NULL ? lines : vereda_probe_get_extensions (column->look->probe, FALSE);
  return lines != NULL ? g_strjoinv (", ", (char **) (gpointer) lines) : NULL;
}

static char *
first_choice (const Column *column)
{
  const Look *look = column->look;
  VeredaExplanationRow *row = look->explanation != NULL ? vereda_explanation_get_chosen (look->explanation) : NULL;

  return row != NULL ? g_strdup (vereda_explanation_row_get_mechanism (row)) : NULL;
}

static char *
logged_in (const Column *column)
{
  const Look *look = column->look;
  VeredaProbeStage *stage = look_stage (look, VEREDA_STAGE_AUTH, -1);

  if (stage == NULL)
    return NULL;
  return g_strdup (vereda_probe_get_authenticated (look->probe) != NULL ? "yes" : "no");
}

static char *
auth_reply (const Column *column)
{
  const Look *look = column->look;
  VeredaProbeStage *stage = look_stage (look, VEREDA_STAGE_AUTH, -1);

  return stage != NULL ? look_reply_text (vereda_probe_stage_get_reply (stage)) : NULL;
}

/* Of rounds that were not all alike. */
static char *
rounds (const Column *column)
{
  const Measure *measure = &column->measure;

  if (measure->unlike == 0)
    return NULL;
  return g_strdup_printf ("%u of %u unlike the first", measure->unlike, measure->rounds);
}

static char *
handshake (const Column *column)
{
  return measure_words (column->measure.handshakes);
}

static char *
stage_octets (const Look *look, VeredaStage stage)
{
  VeredaProbeStage *row = look_stage (look, stage, -1);

  if (row == NULL)
    return NULL;
  return g_strdup_printf ("%" G_GUINT64_FORMAT " in, %" G_GUINT64_FORMAT " out", vereda_probe_stage_get_octets_in (row),
                          vereda_probe_stage_get_octets_out (row));
}

static char *
handshake_octets (const Column *column)
{
  return stage_octets (column->look, VEREDA_STAGE_TLS);
}

static char *
login (const Column *column)
{
  return measure_words (column->measure.logins);
}

static char *
login_octets (const Column *column)
{
  return stage_octets (column->look, VEREDA_STAGE_AUTH);
}

static char *
login_trips (const Column *column)
{
  VeredaProbeStage *row = look_stage (column->look, VEREDA_STAGE_AUTH, -1);

  return row != NULL ? g_strdup_printf ("%u", vereda_probe_stage_get_round_trips (row)) : NULL;
}

static char *
trips (const Column *column)
{
  return g_strdup_printf ("%u", look_cost (column->look).round_trips);
}

static char *
session (const Column *column)
{
  return measure_words (column->measure.totals);
}

static char *
loading (const Column *column)
{
  return column->measure.load >= 0 ? g_strdup_printf ("%.1f ms", (double) column->measure.load / 1000.0) : NULL;
}

static char *
memory (const Column *column)
{
  return column->measure.peak_kib >= 0 ? g_strdup_printf ("%.1f MB at most", (double) column->measure.peak_kib * 1024 / 1e6)
                                       : NULL;
}

static const CompareRow rows[] = {
  { "verdict", ROW_EQUAL, verdict },
  { "certificate", ROW_EQUAL, certificate_verdict },
  { "in words", ROW_SHOWN, in_words },
  { "library", ROW_SHOWN, library },
  { "version", ROW_EQUAL, version },
  { "cipher", ROW_CHOICE, cipher },
  { "group", ROW_CHOICE, group },
  { "signature", ROW_CHOICE, signature },
  { "chain", ROW_EQUAL, chain },
  { "matched name", ROW_EQUAL, matched },
  { "OCSP", ROW_EQUAL, ocsp },
  { "extensions", ROW_EQUAL, extensions },
  { "first choice", ROW_CHOICE, first_choice },
  { "logged in", ROW_EQUAL, logged_in },
  { "reply", ROW_CHOICE, auth_reply },
  { "rounds", ROW_ALIKE, rounds },
  { "handshake", ROW_SHOWN, handshake },
  { "handshake octets", ROW_SHOWN, handshake_octets },
  { "login", ROW_SHOWN, login },
  { "login octets", ROW_SHOWN, login_octets },
  { "login trips", ROW_SHOWN, login_trips },
  { "session", ROW_SHOWN, session },
  { "round trips", ROW_SHOWN, trips },
  { "loading", ROW_SHOWN, loading },
  { "memory", ROW_SHOWN, memory },
};

const CompareRow *
compare_row (guint index)
{
  return index < G_N_ELEMENTS (rows) ? &rows[index] : NULL;
}
