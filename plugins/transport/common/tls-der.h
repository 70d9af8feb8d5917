/* SPDX-License-Identifier: MIT */
/*
 * tls-der: the parts of a certificate that are wanted as they stand, found in its DER form (RFC 5280 section 4.1).
 *
 * Compiled into each TLS plugin, so that both see the same octets: a library that takes a key apart and writes it again may
 * write it otherwise, and a pin is a hash of what was sent.  Touches nothing.  Fails on what is no certificate; what a
 * certificate means is for the library.
 */
#ifndef VEREDA_TLS_DER_H
#define VEREDA_TLS_DER_H

#include <vereda-plugin/plugin.h>

/* The whole SubjectPublicKeyInfo of the certificate @der, header and all; borrowed. */
gboolean tls_der_key_info (VeredaSpan der, VeredaSpan *ret);
/* Its names, as they are written there. */
gboolean tls_der_names (VeredaSpan der, VeredaSpan *ret_issuer, VeredaSpan *ret_subject);
/* Seconds since 1970 of notAfter. */
gboolean tls_der_not_after (VeredaSpan der, gint64 *ret);

/* The next certificate of a list in the form of VEREDA_FACT_PEER_CHAIN; FALSE at its end.  @at is 0 at first. */
gboolean tls_der_chain_next (GBytes *chain, size_t *at, VeredaSpan *ret);
/* Seconds since 1970 of the first notAfter in such a list; 0 when one cannot be read or there is none. */
gint64 tls_der_chain_end (GBytes *chain);

#endif
