/* SPDX-License-Identifier: MIT */
/*
 * layer: one TLS session of GnuTLS, shared by the files of this plugin.
 */
#ifndef VEREDA_GNUTLS_LAYER_H
#define VEREDA_GNUTLS_LAYER_H

#include <gnutls/gnutls.h>

#include "tls-session.h"

/* Counted; the same for all sessions that trust the system and show no certificate. */
typedef struct
{
  gnutls_certificate_credentials_t handle;
} GnutlsCreds;

typedef struct
{
  TlsSession base;
  gnutls_session_t tls;
  GnutlsCreds *creds;
  char group[32];
  char alpn[256];
} GnutlsLayer;

/* setup.c: everything before the first octet. */
gboolean gnutls_layer_wrap (VeredaLayer *l, const VeredaTlsSettings *settings, GError **error);

/* creds.c */
GnutlsCreds *gnutls_creds_take (TlsSession *session, const VeredaTlsSettings *settings, GError **error);
void gnutls_creds_release (GnutlsCreds *self);

/* verify.c: called by the library when it has the server's certificate; 0 lets the handshake go on. */
int gnutls_layer_verify (gnutls_session_t tls);

/* resume.c: TRUE when the handshake may count as done, else the failure is recorded. */
void gnutls_layer_offer (GnutlsLayer *self, GBytes *packet);
gboolean gnutls_layer_settle (GnutlsLayer *self, GError **error);
GBytes *gnutls_layer_session (GnutlsLayer *self);

/* facts.c */
gboolean gnutls_layer_fact (VeredaLayer *l, VeredaFact fact, VeredaFactValue *ret);
GBytes *gnutls_layer_binding (VeredaLayer *l, VeredaBinding kind, GError **error);

#endif
