/* SPDX-License-Identifier: MIT */
/*
 * layer: one TLS session of OpenSSL, shared by the files of this plugin.
 */
#ifndef VEREDA_OPENSSL_LAYER_H
#define VEREDA_OPENSSL_LAYER_H

#include <openssl/ssl.h>

#include "tls-session.h"

typedef struct
{
  TlsSession base;
  SSL *tls;
  int verify_code;         /* the library's code of the verdict */
  gboolean system_store;   /* the store is the system's, and shared */
  gboolean store_complete; /* and all of it was looked at */
  char group[32];
  char alpn[256];
} OpensslLayer;

/* setup.c: everything before the first octet.  The method is made once, by the plugin's init. */
gboolean openssl_layer_make_method (GError **error);
gboolean openssl_layer_wrap (VeredaLayer *l, const VeredaTlsSettings *settings, GError **error);

/* TRUE when @store is the system's, and has more certificates now than this session has looked at. */
gboolean openssl_layer_complete_store (OpensslLayer *self, X509_STORE *store);

/* verify.c: judges the server's certificate in the library's place; 1 lets the handshake go on. */
int openssl_layer_verify (X509_STORE_CTX *store, void *data);
/* Judges the certificates of a session that was resumed, in the same way. */
void openssl_layer_verify_again (OpensslLayer *self);

/* resume.c: TRUE when the handshake may count as done, else the failure is recorded. */
void openssl_layer_offer (OpensslLayer *self, GBytes *packet);
gboolean openssl_layer_settle (OpensslLayer *self, GError **error);
GBytes *openssl_layer_session (OpensslLayer *self);

/* staple.c: FALSE when the staple ends the session. */
gboolean openssl_layer_note_staple (OpensslLayer *self, GError **error);

/* facts.c */
gboolean openssl_layer_fact (VeredaLayer *l, VeredaFact fact, VeredaFactValue *ret);
/* How the server has signed, in the registry's words. */
void openssl_layer_note_signature (OpensslLayer *self);
GBytes *openssl_layer_binding (VeredaLayer *l, VeredaBinding kind, GError **error);

#endif
