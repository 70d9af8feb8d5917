/* SPDX-License-Identifier: MIT */
/* probe-get - what a probe saw, given out.  Part of probe; nothing is decided here. */
#include "core/send/probe.h"

#include "core/plugin/mode.h"
#include "core/send/verify.h"

const GError *
vereda_probe_get_error (VeredaProbe *probe)
{
  return probe->error;
}

VeredaStage
vereda_probe_get_error_stage (VeredaProbe *probe)
{
  return probe->error_stage;
}

VeredaReply *
vereda_probe_get_error_reply (VeredaProbe *probe)
{
  return probe->error_reply;
}

gboolean
vereda_probe_is_transient (VeredaProbe *probe)
{
  return probe->transient;
}

gint64
vereda_probe_get_elapsed (VeredaProbe *probe)
{
  return probe->ended - probe->began;
}

guint
vereda_probe_get_n_warnings (VeredaProbe *probe)
{
  return probe->warnings->len;
}

const char *
vereda_probe_get_warning (VeredaProbe *probe, guint index)
{
  return index < probe->warnings->len ? probe->warnings->pdata[index] : NULL;
}

/* ---- what was probed ---- */

const char *
vereda_probe_get_server (VeredaProbe *probe)
{
  return probe->visit->name;
}

const char *
vereda_probe_get_host (VeredaProbe *probe)
{
  return probe->visit->target->host;
}

guint
vereda_probe_get_port (VeredaProbe *probe)
{
  return probe->visit->route.port;
}

const char *
vereda_probe_get_mode (VeredaProbe *probe)
{
  return vd_mode_word (probe->visit->route.mode);
}

const char *
vereda_probe_get_mode_reason (VeredaProbe *probe)
{
  return probe->visit->route.why;
}

gboolean
vereda_probe_is_tls_required (VeredaProbe *probe)
{
  return probe->visit->route.required;
}

gboolean
vereda_probe_is_lmtp (VeredaProbe *probe)
{
  return probe->visit->target->lmtp;
}

const char *
vereda_probe_get_address (VeredaProbe *probe)
{
  return probe->address;
}

const char *
vereda_probe_get_transport (VeredaProbe *probe)
{
  return probe->transport != NULL ? probe->transport : "plain";
}

/* ---- stages ---- */

guint
vereda_probe_get_n_stages (VeredaProbe *probe)
{
  return probe->stages->len;
}

VeredaProbeStage *
vereda_probe_get_stage (VeredaProbe *probe, guint index)
{
  return index < probe->stages->len ? probe->stages->pdata[index] : NULL;
}

VeredaStage
vereda_probe_stage_get_stage (VeredaProbeStage *stage)
{
  return stage->stage;
}

guint
vereda_probe_stage_get_connection (VeredaProbeStage *stage)
{
  return stage->connection;
}

gboolean
vereda_probe_stage_is_secure (VeredaProbeStage *stage)
{
  return stage->secure;
}

gboolean
vereda_probe_stage_succeeded (VeredaProbeStage *stage)
{
  return stage->succeeded;
}

gint64
vereda_probe_stage_get_start (VeredaProbeStage *stage)
{
  return stage->start;
}

gint64
vereda_probe_stage_get_duration (VeredaProbeStage *stage)
{
  return stage->duration;
}

guint
vereda_probe_stage_get_round_trips (VeredaProbeStage *stage)
{
  return stage->turns;
}

guint64
vereda_probe_stage_get_octets_in (VeredaProbeStage *stage)
{
  return stage->in;
}

guint64
vereda_probe_stage_get_octets_out (VeredaProbeStage *stage)
{
  return stage->out;
}

VeredaReply *
vereda_probe_stage_get_reply (VeredaProbeStage *stage)
{
  return stage->reply;
}

const char *
vereda_probe_stage_get_detail (VeredaProbeStage *stage)
{
  return stage->detail;
}

/* ---- addresses ---- */

guint
vereda_probe_get_n_addresses (VeredaProbe *probe)
{
  return probe->addresses->len;
}

VeredaProbeAddress *
vereda_probe_get_nth_address (VeredaProbe *probe, guint index)
{
  return index < probe->addresses->len ? probe->addresses->pdata[index] : NULL;
}

const char *
vereda_probe_address_get_text (VeredaProbeAddress *address)
{
  return address->text;
}

const char *
vereda_probe_address_get_outcome (VeredaProbeAddress *address)
{
  static const char *const words[] = {
    [VD_ATTEMPT_WAITING] = "not-tried",   [VD_ATTEMPT_WON] = "connected",      [VD_ATTEMPT_FAILED] = "failed",
    [VD_ATTEMPT_TIMED_OUT] = "timed-out", [VD_ATTEMPT_LOST] = "lost-the-race",
  };

  return address->outcome >= 0 ? words[address->outcome] : "not-tried";
}

int
vereda_probe_address_get_errno (VeredaProbeAddress *address)
{
  return address->code;
}

gint64
vereda_probe_address_get_start (VeredaProbeAddress *address)
{
  return address->start;
}

gint64
vereda_probe_address_get_duration (VeredaProbeAddress *address)
{
  return address->took;
}

const char *
vereda_probe_address_get_afterwards (VeredaProbeAddress *address)
{
  switch (address->afterwards)
    {
    case VD_ATTEMPT_WON:
      return "connected";
    case VD_ATTEMPT_FAILED:
      return "failed";
    case VD_ATTEMPT_WAITING:
    case VD_ATTEMPT_TIMED_OUT:
      return "no-answer";
    default:
      return NULL;
    }
}

gint64
vereda_probe_address_get_afterwards_duration (VeredaProbeAddress *address)
{
  return address->afterwards_took;
}

/* ---- what the server said ---- */

VeredaReply *
vereda_probe_get_greeting (VeredaProbe *probe)
{
  return probe->greeting;
}

const char *const *
vereda_probe_get_extensions (VeredaProbe *probe, gboolean secure)
{
  return (const char *const *) probe->extensions[secure ? 1 : 0];
}

const char *const *
vereda_probe_get_mechanisms (VeredaProbe *probe)
{
  return (const char *const *) probe->mechanisms;
}

const char *
vereda_probe_get_authenticated (VeredaProbe *probe)
{
  return probe->authenticated;
}

VeredaExplanation *
vereda_probe_explain (VeredaProbe *probe, VeredaOptions *options, GError **error)
{
  g_autofree char *offered = g_strjoinv (" ", probe->mechanisms);

  if (probe->extensions[0] == NULL && probe->extensions[1] == NULL)
    {
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_EHLO, "%s: EHLO was not answered, so what it offers is not known",
                   probe->visit->name);
      return NULL;
    }
  return vereda_explanation_new (probe->registry, offered, options != NULL ? options : probe->options, probe->tls.state, error);
}

guint
vereda_probe_get_connection_state (VeredaProbe *probe)
{
  return probe->tls.state;
}

/* ---- TLS ---- */

gboolean
vereda_probe_has_tls (VeredaProbe *probe)
{
  return probe->tls.begun;
}

guint
vereda_probe_get_tls_version (VeredaProbe *probe)
{
  return probe->tls.version;
}

const char *
vereda_probe_get_tls_cipher (VeredaProbe *probe)
{
  return probe->tls.cipher;
}

guint
vereda_probe_get_tls_key_bits (VeredaProbe *probe)
{
  return (guint) probe->tls.key_bits;
}

const char *
vereda_probe_get_tls_group (VeredaProbe *probe)
{
  return probe->tls.group;
}

const char *
vereda_probe_get_tls_signature (VeredaProbe *probe)
{
  return probe->tls.signature;
}

const char *
vereda_probe_get_tls_backend (VeredaProbe *probe)
{
  return probe->tls.backend;
}

int
vereda_probe_is_tls_resumed (VeredaProbe *probe)
{
  return probe->tls.resumed;
}

const char *
vereda_probe_get_ocsp (VeredaProbe *probe)
{
  return vd_ocsp_code (probe->tls.ocsp);
}

const char *
vereda_probe_get_verify_code (VeredaProbe *probe)
{
  return vd_verify_code (probe->tls.verify);
}

int
vereda_probe_get_verify_number (VeredaProbe *probe)
{
  return probe->tls.verify;
}

const char *
vereda_probe_get_verify_text (VeredaProbe *probe)
{
  return probe->tls.verify_text;
}

int
vereda_probe_get_verify_depth (VeredaProbe *probe)
{
  return probe->tls.depth;
}

int
vereda_probe_get_pin (VeredaProbe *probe)
{
  return probe->tls.pin;
}

int
vereda_probe_get_tlsa (VeredaProbe *probe)
{
  return probe->tls.tlsa;
}

const char *
vereda_probe_get_matched_name (VeredaProbe *probe)
{
  return probe->tls.matched;
}

gboolean
vereda_probe_is_verified (VeredaProbe *probe)
{
  return probe->tls.verified;
}

const char *
vereda_probe_get_peer_name (VeredaProbe *probe)
{
  return probe->peer_name;
}

guint
vereda_probe_get_n_certificates (VeredaProbe *probe)
{
  return probe->tls.chain->len;
}

GBytes *
vereda_probe_get_certificate (VeredaProbe *probe, guint index)
{
  return index < probe->tls.chain->len ? probe->tls.chain->pdata[index] : NULL;
}
