/* SPDX-License-Identifier: MIT */
/*
 * tls-facts: what a session says about itself, as far as no library has to be asked, and the words for the rest.
 *
 * Compiled into each TLS plugin.  Touches the session only.
 */
#ifndef VEREDA_TLS_FACTS_H
#define VEREDA_TLS_FACTS_H

#include "tls-session.h"

/* The label of RFC 9266 section 2, and the octets that are asked for with it. */
#define TLS_EXPORTER_LABEL "EXPORTER-Channel-Binding"
#define TLS_EXPORTER_SIZE  32

/* The facts that need no library. */
gboolean tls_facts_answer (TlsSession *self, VeredaFact fact, VeredaFactValue *ret);

/* An answer of NULL or nothing means that the fact is not known. */
gboolean tls_facts_text (const char *text, VeredaFactValue *ret);

/* A group's name in small letters, as the TLS registry writes it, into @to of @room octets, which are zero; @name may be NULL. */
void tls_facts_lower_case (const char *name, char *to, size_t room);

/* NULL, and the error VEREDA_TRANSPORT_ERROR_UNSUPPORTED: no channel binding of this kind. */
GBytes *tls_facts_no_binding (GError **error, const char *why);

#endif
