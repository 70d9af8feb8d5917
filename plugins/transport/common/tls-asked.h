/* SPDX-License-Identifier: MIT */
/*
 * tls-asked: what a server says in asking for a client certificate.
 *
 * Compiled into each TLS plugin, and given the message by whatever the library calls on every handshake message.  Touches memory
 * only.  A message that is not well made is the library's to refuse; here it just names nobody.
 */
#ifndef VEREDA_TLS_ASKED_H
#define VEREDA_TLS_ASKED_H

#include "tls-session.h"

/* A CertificateRequest, without the four octets of the message's head. */
void tls_asked_note (TlsSession *self, gboolean tls13, const void *data, size_t size);

#endif
