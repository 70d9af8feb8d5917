/* SPDX-License-Identifier: MIT */
/* sasl - one exchange with one mechanism.  See sasl.h.
 *
 * The instance block and the response buffer are allocated here, wiped here and freed here; the mechanism only borrows them. */
#include "core/smtp/sasl.h"

#include <string.h>

#include "core/base/error.h"
#include "core/base/secret.h"

struct VdSasl
{
  const VeredaMech *mech;
  VeredaAuth *auth; /* instance_size octets */
  VdSaslSource source;
  char *server_name, *local_addr, *remote_addr;
  char **offered;
  VeredaExchange exchange;
  GByteArray *response;
  gboolean satisfied;
  gboolean stepped; /* the last step left a response */
};

static VeredaCredState
credential (void *self, VeredaCred kind, const char *hint, VeredaSpan *ret)
{
  VdSasl *sasl = self;

  return sasl->source.credential (sasl->source.data, kind, hint, ret);
}

static GBytes *
binding (void *self, VeredaBinding kind, GError **error)
{
  VdSasl *sasl = self;

  if (sasl->source.binding != NULL)
    return sasl->source.binding (sasl->source.data, kind, error);
  g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_UNSUPPORTED, "this connection has no channel binding");
  return NULL;
}

VdSasl *
vd_sasl_new (const VeredaMech *mech, const VeredaHost *host, const VdSaslSource *source, const VdSaslFacts *facts,
             GError **error)
{
  VdSasl *sasl = g_new0 (VdSasl, 1);

  sasl->mech = mech;
  sasl->source = *source;
  sasl->server_name = g_strdup (facts->server_name);
  sasl->local_addr = g_strdup (facts->local_addr);
  sasl->remote_addr = g_strdup (facts->remote_addr);
  sasl->offered = g_strdupv ((char **) facts->offered);
  sasl->response = g_byte_array_sized_new (VEREDA_AUTH_RESPONSE_MAX);
  sasl->auth = g_malloc0 (MAX (mech->instance_size, sizeof (VeredaAuth)));
  sasl->auth->ops = mech;
  sasl->auth->host = host;
  sasl->exchange = (VeredaExchange){
    .struct_size = sizeof sasl->exchange,
    .tls_ssf = facts->tls_ssf,
    .service = "smtp",
    .server_name = sasl->server_name,
    .local_addr = sasl->local_addr,
    .remote_addr = sasl->remote_addr,
    .self = sasl,
    .credential = credential,
    .binding = binding,
    .offered = (const char *const *) sasl->offered,
  };
  sasl->auth->exchange = &sasl->exchange;

  if (VEREDA_HAS (VeredaMech, mech, start) && !mech->start (sasl->auth, error))
    {
      vd_sasl_free (sasl);
      return NULL;
    }
  return sasl;
}

void
vd_sasl_free (VdSasl *sasl)
{
  if (sasl == NULL)
    return;
  if (VEREDA_HAS (VeredaMech, sasl->mech, clear))
    sasl->mech->clear (sasl->auth);
  vd_wipe (sasl->auth, MAX (sasl->mech->instance_size, sizeof (VeredaAuth)));
  g_free (sasl->auth);
  vd_wipe_byte_array (sasl->response, VEREDA_AUTH_RESPONSE_MAX);
  g_free (sasl->server_name);
  g_free (sasl->local_addr);
  g_free (sasl->remote_addr);
  g_strfreev (sasl->offered);
  g_free (sasl);
}

const char *
vd_sasl_name (VdSasl *sasl)
{
  return sasl->mech->name;
}

gboolean
vd_sasl_is_client_first (VdSasl *sasl)
{
  return (sasl->mech->flags & VEREDA_MECH_CLIENT_FIRST) != 0;
}

VeredaStep
vd_sasl_step (VdSasl *sasl, const VeredaSpan *challenge, GByteArray **ret_response, GError **error)
{
  VeredaStep step;

  if (sasl->response->len > 0)
    vd_wipe (sasl->response->data, sasl->response->len);
  g_byte_array_set_size (sasl->response, 0);

  step = sasl->mech->step (sasl->auth, challenge, sasl->response, error);
  if (step != VEREDA_STEP_FAILED && sasl->response->len > VEREDA_AUTH_RESPONSE_MAX)
    {
      g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_UNSUPPORTED,
                   "the response of mechanism %s is longer than %u octets", sasl->mech->name, VEREDA_AUTH_RESPONSE_MAX);
      step = VEREDA_STEP_FAILED;
    }
  sasl->satisfied = step == VEREDA_STEP_DONE;
  sasl->stepped = step == VEREDA_STEP_DONE || step == VEREDA_STEP_CONTINUE;
  *ret_response = sasl->response;
  return step;
}

gboolean
vd_sasl_last_response (VdSasl *sasl, GByteArray **ret_response)
{
  if (!sasl->stepped)
    return FALSE;
  *ret_response = sasl->response;
  return TRUE;
}

GError *
vd_sasl_explain (VdSasl *sasl)
{
  GError *error = NULL;

  if (VEREDA_HAS (VeredaMech, sasl->mech, explain) && sasl->mech->explain (sasl->auth, &error))
    return error;
  g_clear_error (&error);
  return NULL;
}

gboolean
vd_sasl_is_satisfied (VdSasl *sasl)
{
  return sasl->satisfied;
}
