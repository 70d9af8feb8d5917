/* SPDX-License-Identifier: MIT */
/* probe-look - see probe-look.h. */
#include "probe-look.h"
#include "finding.h"
#include "interrupt.h"
#include "options.h"
#include "probe-cert.h"
#include "probe-checks.h"
#include "report.h"
#include "tool.h"

#include <string.h>
#include <unistd.h>

Look *
look_new (const char *target)
{
  Look *look = g_new0 (Look, 1);

  look->target = g_strdup (target);
  look->certs = g_ptr_array_new_with_free_func ((GDestroyNotify) cert_free);
  look->findings = finding_list (look);
  look->time = cert_time (g_get_real_time () / G_USEC_PER_SEC);
  look->warn_days = 21;
  look->error_days = 7;
  return look;
}

void
look_free (Look *look)
{
  if (look == NULL)
    return;
  vereda_explanation_free (look->explanation);
  vereda_probe_free (look->probe);
  g_clear_error (&look->error);
  g_ptr_array_unref (look->certs);
  g_ptr_array_unref (look->findings);
  dane_free (look->dane);
  g_free (look->host);
  g_free (look->target);
  g_free (look->ca);
  g_free (look->verify_name);
  g_free (look->tls);
  g_free (look->family);
  g_free (look->user);
  g_free (look->time);
  g_free (look);
}

/* ---- running ---- */

static void
on_interrupt (int signal_number, gpointer data)
{
  vereda_probe_cancel (data);
}

/* Without credentials the question is what somebody who has some would use. */
static void
explain (Look *look, const Plan *plan)
{
  g_autoptr (VeredaOptions) options = vereda_options_copy (plan->options);

  look->supposed = !plan->wants_auth;
  if (look->supposed)
    {
      (void) vereda_options_set_user (options, "user", NULL);
      vereda_options_set_password (options, "-");
    }
  look->explanation = vereda_probe_explain (look->probe, options, NULL);
}

/* As the command line spells it; NULL: it was not set. */
static char *
spelt (const Plan *plan, const char *name, const char *flag)
{
  const char *value = vereda_options_is_set (plan->options, name) ? vereda_options_get (plan->options, name) : NULL;

  return value != NULL ? g_strdup_printf ("--%s=%s", flag, value) : NULL;
}

static void
keep_options (Look *look, const Plan *plan)
{
  look->ca = spelt (plan, "ca-file", "ca-file");
  if (look->ca == NULL)
    look->ca = spelt (plan, "ca-dir", "ca-dir");
  look->verify_name = spelt (plan, "verify-name", "verify-name");
  look->tls = spelt (plan, "tls", "tls");
  const char *family = vereda_options_get (plan->options, "family");
  if (family != NULL && strcmp (family, "any") != 0)
    look->family = g_strconcat ("--", family, NULL);
  look->user = spelt (plan, "username", "user");
}

void
look_run (Look *look, Plan *plan, VeredaProbePoint point, gboolean drop)
{
  keep_options (look, plan);
  look->probe = vereda_probe_new (plan->options, &look->error);
  if (look->probe == NULL)
    return;
  vereda_probe_set_end (look->probe, point, drop);
  vereda_probe_set_follow (look->probe, !look->brief);
  vereda_probe_set_drop_sent (look->probe, look->drop_sent);
  interrupt_begin (on_interrupt, look->probe);
  (void) vereda_probe_run (look->probe, &look->error);
  interrupt_end ();
  for (guint i = 0; i < vereda_probe_get_n_certificates (look->probe); i++)
    g_ptr_array_add (look->certs, cert_new (vereda_probe_get_certificate (look->probe, i)));
  explain (look, plan);
  g_ptr_array_unref (look->findings);
  look->findings = finding_list (look);
  checks_find (look);
}

/* ---- what it came to ---- */

/* The library's code alone does not say how far it came, as in exit_of_result(). */
ExitStatus
look_status (const Look *look)
{
  const GError *error = look->error;
  const VeredaStage stage = look->probe != NULL ? vereda_probe_get_error_stage (look->probe) : VEREDA_STAGE_QUIT;

  if (error == NULL)
    return EXIT_OK;
  if (g_error_matches (error, VEREDA_ERROR, VEREDA_ERROR_TIMEOUT) && stage <= VEREDA_STAGE_GREETING)
    return EXIT_CONNECT;
  if (g_error_matches (error, VEREDA_ERROR, VEREDA_ERROR_PROTOCOL) && stage == VEREDA_STAGE_GREETING)
    return EXIT_GREETING;
  return exit_of_error (error);
}

gboolean
look_is_transient (const Look *look)
{
  return look->probe != NULL && look->error != NULL && vereda_probe_is_transient (look->probe);
}

VeredaProbeStage *
look_stage (const Look *look, VeredaStage stage, int secure)
{
  for (guint i = vereda_probe_get_n_stages (look->probe); i-- > 0;)
    {
      VeredaProbeStage *row = vereda_probe_get_stage (look->probe, i);

      if (vereda_probe_stage_get_stage (row) == stage && (secure < 0 || vereda_probe_stage_is_secure (row) == (secure == 1)))
        return row;
    }
  return NULL;
}

const char *
look_stage_word (VeredaStage stage)
{
  static const char *const words[] = {
    [VEREDA_STAGE_PLUGIN] = "load",     [VEREDA_STAGE_RESOLVE] = "dns", [VEREDA_STAGE_CONNECT] = "tcp",
    [VEREDA_STAGE_GREETING] = "banner", [VEREDA_STAGE_EHLO] = "ehlo",   [VEREDA_STAGE_TLS] = "tls",
    [VEREDA_STAGE_AUTH] = "auth",       [VEREDA_STAGE_MAIL] = "mail",   [VEREDA_STAGE_RCPT] = "rcpt",
    [VEREDA_STAGE_DATA] = "data",       [VEREDA_STAGE_END] = "end",     [VEREDA_STAGE_QUIT] = "quit",
  };

  return (guint) stage < G_N_ELEMENTS (words) && words[stage] != NULL ? words[stage] : "?";
}

const char *
look_tls_word (guint version)
{
  static const struct
  {
    guint version;
    const char *word;
  } rows[] = { { 0x0304, "TLSv1.3" }, { 0x0303, "TLSv1.2" }, { 0x0302, "TLSv1.1" }, { 0x0301, "TLSv1.0" } };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    if (rows[i].version == version)
      return rows[i].word;
  return NULL;
}

LookCost
look_cost (const Look *look)
{
  LookCost cost = { 0 };

  for (guint i = 0; i < vereda_probe_get_n_stages (look->probe); i++)
    {
      VeredaProbeStage *row = vereda_probe_get_stage (look->probe, i);

      cost.round_trips += vereda_probe_stage_get_round_trips (row);
      cost.in += vereda_probe_stage_get_octets_in (row);
      cost.out += vereda_probe_stage_get_octets_out (row);
    }
  return cost;
}
