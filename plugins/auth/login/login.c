/* SPDX-License-Identifier: MIT */
/*
 * LOGIN, draft-murchison-sasl-login: the user name to the first challenge, the password to the second.
 *
 * The text of the challenges is ignored: servers say "Username:", "User Name" with a NUL behind it, or the same in their own
 * language, and only the order means anything.  There is no initial response.
 *
 * A user name or password that is not UTF-8 passes unchanged, since the mechanism has no character set and such accounts exist;
 * what is UTF-8 goes through SASLprep.
 *
 * Keeps the number of the turn and no secret.  Fails on credentials that are missing or empty, and on a third challenge.
 */
#include "../common/credential.h"

typedef struct
{
  VeredaAuth parent;
  guint turn; /* index into turns[] */
} Login;

static const VeredaCred turns[] = { VEREDA_CRED_AUTHCID, VEREDA_CRED_PASSWORD };

static VeredaStep
login_step (VeredaAuth *a, const VeredaSpan *challenge, GByteArray *response, GError **error)
{
  Login *self = (Login *) a;
  g_auto (AuthText) text = { NULL, 0 };
  VeredaStep s;

  if (challenge == NULL)
    return auth_unexpected (a, "the server speaks first; there is no initial response", error);
  if (self->turn == G_N_ELEMENTS (turns))
    return auth_unexpected (a, "the server asked a third time, after user name and password", error);
  if ((s = auth_ask (a, turns[self->turn], NULL, AUTH_ASK_OCTETS, &text, error)) != VEREDA_STEP_DONE)
    return s;

  const VeredaSpan message = { text.data, text.size };
  if (!auth_respond (a, response, VEREDA_AUTH_RESPONSE_MAX, &message, 1, error))
    return VEREDA_STEP_FAILED;
  self->turn++;
  return self->turn == G_N_ELEMENTS (turns) ? VEREDA_STEP_DONE : VEREDA_STEP_CONTINUE;
}

static const VeredaMech login_mech = {
  .struct_size = sizeof (VeredaMech),
  .instance_size = sizeof (Login),
  .name = "LOGIN",
  .strength = { .exposure = VEREDA_EXPOSE_PASSWORD },
  .needs = VEREDA_NEEDS (VEREDA_CRED_AUTHCID) | VEREDA_NEEDS (VEREDA_CRED_PASSWORD),
  .step = login_step,
};

static const VeredaMech *const mechs[] = { &login_mech, NULL };

static const VeredaPlugin plugin = {
  .struct_size = sizeof (VeredaPlugin),
  .abi = VEREDA_PLUGIN_ABI,
  .name = "auth_login",
  .version = "0.1.0",
  .license = "MIT",
  .mechs = mechs,
};

VEREDA_PLUGIN_DEFINE (auth_login, plugin)
