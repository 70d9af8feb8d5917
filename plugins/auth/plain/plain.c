/* SPDX-License-Identifier: MIT */
/*
 * PLAIN, RFC 4616: [authzid] NUL authcid NUL passwd, in one message that the client sends first.
 *
 * Keeps one bit of state and no secret.  Fails on credentials that are missing, empty, not UTF-8 or refused by SASLprep, on a
 * message longer than SMTP carries, and on any challenge after the message.
 */
#include "../common/credential.h"

typedef struct
{
  VeredaAuth parent;
  gboolean done;
} Plain;

static VeredaStep
plain_step (VeredaAuth *a, const VeredaSpan *challenge, GByteArray *response, GError **error)
{
  Plain *self = (Plain *) a;
  g_auto (AuthText) authzid = { NULL, 0 };
  g_auto (AuthText) authcid = { NULL, 0 };
  g_auto (AuthText) password = { NULL, 0 };
  VeredaStep s;

  if (self->done)
    return auth_unexpected (a, "the server sent a challenge after the only message there is (RFC 4616 section 2)", error);
  /* What stands in the first challenge is not looked at: it should be empty, and nothing in it could change what is
   * sent. */
  if ((s = auth_ask (a, VEREDA_CRED_AUTHCID, NULL, 0, &authcid, error)) != VEREDA_STEP_DONE
      || (s = auth_ask (a, VEREDA_CRED_PASSWORD, NULL, 0, &password, error)) != VEREDA_STEP_DONE
      || (s = auth_ask (a, VEREDA_CRED_AUTHZID, NULL, AUTH_ASK_OPTIONAL, &authzid, error)) != VEREDA_STEP_DONE)
    return s;

  const VeredaSpan message[] = {
    { authzid.data, authzid.size }, { "", 1 }, { authcid.data, authcid.size }, { "", 1 }, { password.data, password.size },
  };
  if (!auth_respond (a, response, VEREDA_AUTH_RESPONSE_MAX, message, G_N_ELEMENTS (message), error))
    return VEREDA_STEP_FAILED;
  self->done = TRUE;
  return VEREDA_STEP_DONE;
}

static const VeredaMech plain_mech = {
  .struct_size = sizeof (VeredaMech),
  .instance_size = sizeof (Plain),
  .name = "PLAIN",
  .strength = { .exposure = VEREDA_EXPOSE_PASSWORD, .ssf = 1 }, /* ssf: before LOGIN, which is PLAIN without a standard */
  .needs = VEREDA_NEEDS (VEREDA_CRED_AUTHCID) | VEREDA_NEEDS (VEREDA_CRED_PASSWORD),
  .flags = VEREDA_MECH_CLIENT_FIRST,
  .step = plain_step,
};

static const VeredaMech *const mechs[] = { &plain_mech, NULL };

static const VeredaPlugin plugin = {
  .struct_size = sizeof (VeredaPlugin),
  .abi = VEREDA_PLUGIN_ABI,
  .name = "auth_plain",
  .version = "0.1.0",
  .license = "MIT",
  .mechs = mechs,
};

VEREDA_PLUGIN_DEFINE (auth_plain, plugin)
