/* SPDX-License-Identifier: MIT */
/* sasl - one authentication exchange: a mechanism's instance and its credentials (RFC 4422, RFC 4954).
 *
 * Pure.  Owns the instance block and the response buffer and wipes both. */
#ifndef VD_SASL_H
#define VD_SASL_H

#include <glib.h>
#include <vereda-plugin/auth.h>

/* How an exchange gets at credentials and bindings; the owner's. */
typedef struct
{
  gpointer data;
  VeredaCredState (*credential) (gpointer data, VeredaCred kind, const char *hint, VeredaSpan *ret);
  GBytes *(*binding) (gpointer data, VeredaBinding kind, GError **error);
} VdSaslSource;

typedef struct
{
  const char *server_name;
  const char *local_addr, *remote_addr; /* may be NULL */
  guint32 tls_ssf;
  const char *const *offered; /* NULL-ended, may be NULL */
} VdSaslFacts;

typedef struct VdSasl VdSasl;

VdSasl *vd_sasl_new (const VeredaMech *mech, const VeredaHost *host, const VdSaslSource *source, const VdSaslFacts *facts,
                     GError **error);
void vd_sasl_free (VdSasl *sasl);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VdSasl, vd_sasl_free)

const char *vd_sasl_name (VdSasl *sasl);
gboolean vd_sasl_is_client_first (VdSasl *sasl);

/* challenge NULL: the initial response is wanted. *ret_response: borrowed until the next call. */
VeredaStep vd_sasl_step (VdSasl *sasl, const VeredaSpan *challenge, GByteArray **ret_response, GError **error);

/* The response of the last step, still to be sent: for an initial response that the AUTH line could not carry.  Borrowed. */
gboolean vd_sasl_last_response (VdSasl *sasl, GByteArray **ret_response);

/* After a refusal: why, as the mechanism learned it; NULL: it knows nothing.  The caller's. */
GError *vd_sasl_explain (VdSasl *sasl);

/* TRUE once the mechanism said DONE: only then is 235 a success. */
gboolean vd_sasl_is_satisfied (VdSasl *sasl);

#endif
