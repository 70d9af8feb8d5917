/* SPDX-License-Identifier: MIT */
/* auth_anonymous - the mechanism ANONYMOUS (RFC 4505) as a plugin: one message, which says who is here without proving it. */
#include <vereda-plugin/auth.h>

typedef struct
{
  VeredaAuth base; /* first, always */
  gboolean done;
} Anonymous;

static VeredaStep
step (VeredaAuth *a, const VeredaSpan *challenge, GByteArray *response, GError **error)
{
  Anonymous *self = (Anonymous *) a;
  VeredaSpan user = { NULL, 0 };

  if (self->done) /* nothing may follow the one message */
    {
      g_set_error_literal (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_PROTOCOL, "ANONYMOUS: the server goes on after the end");
      return VEREDA_STEP_FAILED;
    }
  /* Ask first, change state afterwards: after WAIT the same call comes again. */
  switch (a->exchange->credential (a->exchange->self, VEREDA_CRED_AUTHCID, NULL, &user))
    {
    case VEREDA_CRED_LATER:
      return VEREDA_STEP_WAIT;
    case VEREDA_CRED_HAVE:
      if (user.size > 255) /* RFC 4505 section 2: a token of 1 to 255 characters */
        {
          g_set_error_literal (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_CREDENTIAL, "ANONYMOUS: the user name is too long");
          return VEREDA_STEP_FAILED;
        }
      g_byte_array_append (response, user.data, (guint) user.size);
      break;
    case VEREDA_CRED_NONE:
    default:
      break;
    }
  self->done = TRUE;
  return VEREDA_STEP_DONE;
}

static const VeredaMech anonymous = {
  .struct_size = sizeof (VeredaMech),
  .instance_size = sizeof (Anonymous),
  .name = "ANONYMOUS",
  .strength = { .exposure = VEREDA_EXPOSE_ANONYMOUS },
  .flags = VEREDA_MECH_CLIENT_FIRST,
  .step = step,
};

static const VeredaMech *const mechs[] = { &anonymous, NULL };

static const VeredaPlugin plugin = {
  .struct_size = sizeof (VeredaPlugin),
  .abi = VEREDA_PLUGIN_ABI,
  .name = "auth_anonymous",
  .version = "1.0",
  .license = "MIT",
  .mechs = mechs,
};

VEREDA_PLUGIN_DEFINE (auth_anonymous, plugin)
