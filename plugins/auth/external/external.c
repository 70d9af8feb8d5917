/* SPDX-License-Identifier: MIT */
/*
 * EXTERNAL, RFC 4422 appendix A: "what you already know about me will do", which over SMTP is the client certificate that was
 * sent in this TLS session.  The message is the authorization identity, or nothing where the certificate's own is meant.
 *
 * The core offers it only where a certificate was sent.  Keeps one bit and no secret.  Fails on an authorization identity that
 * is not expressible, and on any challenge after the message.
 */
#include "../common/credential.h"

typedef struct
{
  VeredaAuth parent;
  gboolean done;
} External;

static VeredaStep
external_step (VeredaAuth *a, const VeredaSpan *challenge, GByteArray *response, GError **error)
{
  External *self = (External *) a;
  g_auto (AuthText) authzid = { NULL, 0 };
  VeredaStep s;

  if (self->done)
    return auth_unexpected (a, "the server sent a challenge after the only message there is (RFC 4422 appendix A.2)", error);
  if ((s = auth_ask (a, VEREDA_CRED_AUTHZID, NULL, AUTH_ASK_OPTIONAL, &authzid, error)) != VEREDA_STEP_DONE)
    return s;

  const VeredaSpan message = { authzid.data, authzid.size };
  if (!auth_respond (a, response, VEREDA_AUTH_RESPONSE_MAX, &message, 1, error))
    return VEREDA_STEP_FAILED;
  self->done = TRUE;
  return VEREDA_STEP_DONE;
}

static const VeredaMech external_mech = {
  .struct_size = sizeof (VeredaMech),
  .instance_size = sizeof (External),
  .name = "EXTERNAL",
  /* The TLS handshake's merits: both sides proved themselves, to each other and in this channel. */
  .strength = { .exposure = VEREDA_EXPOSE_NOTHING,
                .traits = VEREDA_TRAIT_MUTUAL | VEREDA_TRAIT_NO_ACTIVE | VEREDA_TRAIT_NO_DICTIONARY
                          | VEREDA_TRAIT_FORWARD_SECRET | VEREDA_TRAIT_BINDING },
  .flags = VEREDA_MECH_CLIENT_FIRST | VEREDA_MECH_NEEDS_TLS,
  .step = external_step,
};

static const VeredaMech *const mechs[] = { &external_mech, NULL };

static const VeredaPlugin plugin = {
  .struct_size = sizeof (VeredaPlugin),
  .abi = VEREDA_PLUGIN_ABI,
  .name = "auth_external",
  .version = "0.1.0",
  .license = "MIT",
  .mechs = mechs,
};

VEREDA_PLUGIN_DEFINE (auth_external, plugin)
