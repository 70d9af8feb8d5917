/* SPDX-License-Identifier: MIT */
/* choice - from what a caller asked for and how a connection stands to the mechanisms in the order they are tried.
 *
 * Pure but for the registry, of which it reads the records.  Cannot fail. */
#include "core/send/choice.h"

static guint
credentials_present (const VeredaOptions *options, const VdChoiceState *state)
{
  guint bits = 0;

  if (vd_options_text (options, VD_OPTION_USERNAME) != NULL)
    bits |= VEREDA_NEEDS (VEREDA_CRED_AUTHCID);
  if (vd_options_text (options, VD_OPTION_AUTHZID) != NULL)
    bits |= VEREDA_NEEDS (VEREDA_CRED_AUTHZID);
  if (vd_options_text (options, VD_OPTION_REALM) != NULL)
    bits |= VEREDA_NEEDS (VEREDA_CRED_REALM);
  if (options->password != NULL || (options->credential != NULL && !state->password_declined))
    bits |= VEREDA_NEEDS (VEREDA_CRED_PASSWORD);
  if (!state->token_declined && (options->token != NULL || (options->credential != NULL && options->password == NULL)))
    bits |= VEREDA_NEEDS (VEREDA_CRED_TOKEN);
  return bits;
}

static gboolean
names (char **list, const char *name)
{
  for (guint i = 0; list != NULL && list[i] != NULL; i++)
    if (g_ascii_strcasecmp (list[i], name) == 0)
      return TRUE;
  return FALSE;
}

gboolean
vd_choice_is_bound (const VeredaStrength *strength)
{
  return strength->exposure == VEREDA_EXPOSE_BOUND_PROOF;
}

GPtrArray *
vd_choice_candidates (VeredaRegistry *registry, const char *const *offered, const VeredaOptions *options,
                      const VdChoiceState *state)
{
  const char *minimum = vd_options_text (options, VD_OPTION_AUTH_MIN_STRENGTH);
  g_auto (GStrv) allow = vd_options_list (options, VD_OPTION_AUTH);
  g_auto (GStrv) deny = vd_options_list (options, VD_OPTION_NO_AUTH);
  VdAuthPolicy policy = VD_AUTH_POLICY_INIT;
  VdAuthContext context = { 0 };

  policy.allow = (const char *const *) allow;
  policy.deny = (const char *const *) deny;
  policy.insecure_cleartext_auth = vd_options_bool (options, VD_OPTION_INSECURE_CLEARTEXT_AUTH);
  policy.allow_historic = !vd_options_bool (options, VD_OPTION_NO_HISTORIC_AUTH);
  policy.allow_anonymous = names (allow, "ANONYMOUS");
  policy.min_exposure = state->min_exposure;
  policy.min_strength = minimum != NULL ? (guint) g_ascii_strtoull (minimum, NULL, 10) : 0;

  context.tls_active = state->tls_active;
  context.tls_verified = state->tls_verified;
  context.credentials = credentials_present (options, state);
  context.client_cert_sent = state->client_cert_sent;
  context.binding = state->binding;
  context.host = state->host;
  context.above = state->above;
  return vd_registry_mechanisms (registry, offered, &policy, &context);
}
