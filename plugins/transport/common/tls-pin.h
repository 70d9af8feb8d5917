/* SPDX-License-Identifier: MIT */
/*
 * tls-pin: keys that are known beforehand, by pins or by TLSA records (RFC 6698, RFC 7671, RFC 7672).
 *
 * Compiled into each TLS plugin.  It looks at the certificates as octets, so both plugins answer alike; only a path to a trust
 * anchor of a record (DANE-TA) is for the library.  Touches memory only.
 */
#ifndef VEREDA_TLS_PIN_H
#define VEREDA_TLS_PIN_H

#include "tls-session.h"

/* Copies and checks what the settings name. */
gboolean tls_pin_setup (TlsSession *self, const VeredaTlsSettings *full, GError **error);

typedef enum
{
  TLS_PIN_SILENT,  /* the trusted roots decide */
  TLS_PIN_DECIDED, /* the verdict is in self->verify */
  TLS_PIN_ANCHORS, /* the library decides, and trusts nothing but *ret_anchors */
} TlsPinAnswer;

/* Judges self->chain.  @ret_anchors gets spans (VeredaSpan) that live as long as the chain and the records. */
TlsPinAnswer tls_pin_judge (TlsSession *self, GArray **ret_anchors);

#endif
