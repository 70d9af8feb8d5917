/* SPDX-License-Identifier: MIT */
/*
 * layer: one TLS session of GnuTLS, shared by the files of this plugin.
 */
#ifndef VEREDA_GNUTLS_LAYER_H
#define VEREDA_GNUTLS_LAYER_H

#include <gnutls/gnutls.h>

#include "tls-session.h"

/* roots.c: the system's trusted certificates, counted. */
typedef struct GnutlsRoots GnutlsRoots;

/* Counted.  Either the session's own, or shared and not changed any more. */
typedef struct
{
  gnutls_certificate_credentials_t handle;
  GnutlsRoots *roots; /* where to look for the issuers of what the server sends; NULL: all that is trusted is in the handle */
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
/* FALSE, and the error: a setting that the library cannot use. */
gboolean gnutls_layer_refuse (GError **error, const char *what, int ret);

/* NULL where the library has to find its store by itself. */
GnutlsRoots *gnutls_roots_take (void);
void gnutls_roots_release (GnutlsRoots *self);
/* Adds to @creds, which is one session's alone, what may vouch for @chain. */
void gnutls_roots_trust (const GnutlsRoots *self, gnutls_certificate_credentials_t creds, GBytes *chain);

/* verify.c: called by the library when it has the server's certificate; 0 lets the handshake go on. */
int gnutls_layer_verify (gnutls_session_t tls);

/* resume.c: TRUE when the handshake may count as done, else the failure is recorded. */
void gnutls_layer_offer (GnutlsLayer *self, GBytes *packet);
gboolean gnutls_layer_settle (GnutlsLayer *self, GError **error);
GBytes *gnutls_layer_session (GnutlsLayer *self);

/* staple.c: FALSE when the staple ends the session. */
gboolean gnutls_layer_note_staple (GnutlsLayer *self, GError **error);

/* facts.c */
gboolean gnutls_layer_fact (VeredaLayer *l, VeredaFact fact, VeredaFactValue *ret);
/* How the server has signed, in the registry's words. */
void gnutls_layer_note_signature (GnutlsLayer *self);
GBytes *gnutls_layer_binding (VeredaLayer *l, VeredaBinding kind, GError **error);

#endif
