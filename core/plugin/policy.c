/* SPDX-License-Identifier: MIT */
/* policy - the floor: which mechanisms may be tried on this connection at all.
 *
 * Pure.  A list of rules, the first that forbids decides; each rule carries its word and its text in one table. */
#include "core/plugin/policy.h"

#include <string.h>

#include "core/plugin/rank.h"
#include "core/plugin/words.h"

static gboolean
list_has (const char *const *list, const char *mech)
{
  for (; list != NULL && *list != NULL; list++)
    if (g_ascii_strcasecmp (*list, mech) == 0)
      return TRUE;
  return FALSE;
}

guint
vd_auth_policy_position (const VdAuthPolicy *policy, const char *mech)
{
  for (guint i = 0; policy->allow != NULL && policy->allow[i] != NULL; i++)
    if (g_ascii_strcasecmp (policy->allow[i], mech) == 0)
      return i;
  return VD_POSITION_NONE;
}

/* Does the exchange show something that whoever sees it can use again? */
static gboolean
shows_secret (const VdMechFacts *mech)
{
  return mech->strength.exposure == VEREDA_EXPOSE_PASSWORD || mech->strength.exposure == VEREDA_EXPOSE_TOKEN;
}

typedef gboolean (*RuleFunc) (const VdAuthPolicy *policy, const VdAuthContext *context, const VdMechFacts *mech);

static gboolean
forbids_not_allowed (const VdAuthPolicy *policy, const VdAuthContext *context, const VdMechFacts *mech)
{
  return policy->allow != NULL && !list_has (policy->allow, mech->name);
}

static gboolean
forbids_denied (const VdAuthPolicy *policy, const VdAuthContext *context, const VdMechFacts *mech)
{
  return list_has (policy->deny, mech->name);
}

static gboolean
forbids_historic (const VdAuthPolicy *policy, const VdAuthContext *context, const VdMechFacts *mech)
{
  return !policy->allow_historic && (mech->flags & VEREDA_MECH_HISTORIC) != 0;
}

static gboolean
forbids_anonymous (const VdAuthPolicy *policy, const VdAuthContext *context, const VdMechFacts *mech)
{
  return !policy->allow_anonymous && mech->strength.exposure == VEREDA_EXPOSE_ANONYMOUS;
}

static gboolean
forbids_no_credential (const VdAuthPolicy *policy, const VdAuthContext *context, const VdMechFacts *mech)
{
  return (mech->needs & ~context->credentials) != 0;
}

/* EXTERNAL (RFC 4422 appendix A) has no credential of its own to ask for: over TLS it is the client certificate. */
static gboolean
forbids_no_client_cert (const VdAuthPolicy *policy, const VdAuthContext *context, const VdMechFacts *mech)
{
  return !context->client_cert_sent && g_ascii_strcasecmp (mech->name, "EXTERNAL") == 0;
}

static gboolean
forbids_needs_tls (const VdAuthPolicy *policy, const VdAuthContext *context, const VdMechFacts *mech)
{
  return !context->tls_active && (mech->flags & VEREDA_MECH_NEEDS_TLS) != 0;
}

static gboolean
forbids_cleartext (const VdAuthPolicy *policy, const VdAuthContext *context, const VdMechFacts *mech)
{
  return !context->tls_active && !policy->insecure_cleartext_auth && shows_secret (mech);
}

/* TLS to somebody unknown shows the secret to somebody unknown. */
static gboolean
forbids_unverified (const VdAuthPolicy *policy, const VdAuthContext *context, const VdMechFacts *mech)
{
  return !(context->tls_active && context->tls_verified) && !policy->insecure_cleartext_auth && shows_secret (mech);
}

static gboolean
forbids_no_binding (const VdAuthPolicy *policy, const VdAuthContext *context, const VdMechFacts *mech)
{
  return !(context->tls_active && context->binding) && (mech->flags & VEREDA_MECH_NEEDS_BINDING) != 0;
}

static gboolean
forbids_no_host (const VdAuthPolicy *policy, const VdAuthContext *context, const VdMechFacts *mech)
{
  return !context->host && (mech->flags & VEREDA_MECH_NEEDS_HOST) != 0;
}

static gboolean
forbids_min_exposure (const VdAuthPolicy *policy, const VdAuthContext *context, const VdMechFacts *mech)
{
  return mech->strength.exposure < policy->min_exposure;
}

static gboolean
forbids_min_strength (const VdAuthPolicy *policy, const VdAuthContext *context, const VdMechFacts *mech)
{
  return vd_strength_number (&mech->strength) < policy->min_strength;
}

static gboolean
forbids_not_stronger (const VdAuthPolicy *policy, const VdAuthContext *context, const VdMechFacts *mech)
{
  return context->above != NULL && vd_strength_compare (&mech->strength, context->above) <= 0;
}

/* In the order of VdAuthReason, which is the order of judgement.  No rule: decided elsewhere. */
static const struct
{
  const char *word;
  const char *text; /* %s: see vd_auth_reason_text */
  RuleFunc forbids;
} reasons[VD_AUTH_REASON_N] = {
  [VD_AUTH_USABLE] = { "usable", "can be used", NULL },
  [VD_AUTH_NOT_OFFERED] = { "not-offered", "the server does not offer it", NULL },
  [VD_AUTH_NO_PLUGIN] = { "no-plugin", "no plugin has it", NULL },
  [VD_AUTH_DISABLED] = { "disabled", "switched off by the administrator", NULL },
  [VD_AUTH_BROKEN] = { "broken", "its plugin did not load", NULL },
  [VD_AUTH_NOT_ALLOWED] = { "not-allowed", "not in the list of mechanisms to use", forbids_not_allowed },
  [VD_AUTH_DENIED] = { "denied", "in the list of mechanisms not to use", forbids_denied },
  [VD_AUTH_HISTORIC] = { "historic", "historic mechanisms are not allowed", forbids_historic },
  [VD_AUTH_ANONYMOUS] = { "anonymous", "anonymous access was not asked for", forbids_anonymous },
  [VD_AUTH_NO_CREDENTIAL] = { "no-credential", "needs what was not given: %s", forbids_no_credential },
  [VD_AUTH_NO_CLIENT_CERT]
  = { "no-client-certificate", "needs a client certificate, and none was sent on this connection", forbids_no_client_cert },
  [VD_AUTH_NEEDS_TLS] = { "needs-tls", "works only under TLS", forbids_needs_tls },
  [VD_AUTH_CLEARTEXT]
  = { "cleartext", "would send the %s without verified TLS; use insecure-cleartext-auth to allow it", forbids_cleartext },
  [VD_AUTH_UNVERIFIED]
  = { "unverified", "would send the %s to a server whose certificate was not verified; use insecure-cleartext-auth to allow it",
      forbids_unverified },
  [VD_AUTH_NO_BINDING] = { "no-binding", "needs a channel binding, and this connection has none", forbids_no_binding },
  [VD_AUTH_NO_HOST] = { "no-host", "needs the name of the server", forbids_no_host },
  [VD_AUTH_MIN_EXPOSURE] = { "min-exposure", "gives away more than allowed: its class is %s", forbids_min_exposure },
  [VD_AUTH_MIN_STRENGTH] = { "min-strength", "weaker than the least strength allowed", forbids_min_strength },
  [VD_AUTH_NOT_STRONGER] = { "not-stronger", "the server asked for something stronger", forbids_not_stronger },
};

VdAuthReason
vd_auth_policy_judge (const VdAuthPolicy *policy, const VdAuthContext *context, const VdMechFacts *mech)
{
  for (guint i = 0; i < VD_AUTH_REASON_N; i++)
    if (reasons[i].forbids != NULL && reasons[i].forbids (policy, context, mech))
      return (VdAuthReason) i;
  return VD_AUTH_USABLE;
}

/* What the text of a reason speaks of. */
static char *
reason_object (VdAuthReason reason, const VdAuthContext *context, const VdMechFacts *mech)
{
  if (reason == VD_AUTH_NO_CREDENTIAL)
    {
      g_auto (GStrv) missing = vd_words_of_bits (vd_words_needs, mech->needs & ~context->credentials);
      return g_strjoinv (", ", missing);
    }
  if (reason == VD_AUTH_MIN_EXPOSURE)
    return g_strdup (vd_words_of_value (vd_words_exposure, mech->strength.exposure));
  return g_strdup (mech->strength.exposure == VEREDA_EXPOSE_TOKEN ? "token" : "password");
}

char *
vd_auth_reason_text (VdAuthReason reason, const VdAuthPolicy *policy, const VdAuthContext *context, const VdMechFacts *mech)
{
  g_return_val_if_fail (reason < VD_AUTH_REASON_N, NULL);
  const char *text = reasons[reason].text;
  const char *hole = strstr (text, "%s");
  if (hole == NULL)
    return g_strdup (text);
  g_autofree char *object = reason_object (reason, context, mech);
  return g_strdup_printf ("%.*s%s%s", (int) (hole - text), text, object, hole + 2);
}

const char *
vd_auth_reason_word (VdAuthReason reason)
{
  g_return_val_if_fail (reason < VD_AUTH_REASON_N, NULL);
  return reasons[reason].word;
}
