/* SPDX-License-Identifier: MIT */
/*
 * tls-resume: sessions that outlive their connection, the library-independent half.
 *
 * What a library calls a session is wrapped up with what its verdict rested on: the settings (as a hash), the server's
 * certificates, and the day on which the first of them ends.  Nothing is offered to a server under other settings or after that
 * day; and after a resumed handshake the certificates are judged again, by the code that judges a full one.  So the worst that
 * a wrong, old or spoilt packet can do is a full handshake.  Touches memory, and asks for the client certificate's file date.
 *
 * A packet is a secret: who has it and a recording may read what was said under it.  It is wiped when it is let go.
 */
#ifndef VEREDA_TLS_RESUME_H
#define VEREDA_TLS_RESUME_H

#include "tls-session.h"

/* Notes under which settings this session is made. */
void tls_resume_bind (TlsSession *self, const VeredaTlsSettings *full);

/* What the library may resume from @packet, borrowed from it; FALSE when there is nothing, and then the handshake is a full
   one.  The rest of the packet is kept in @self. */
gboolean tls_resume_open (TlsSession *self, GBytes *packet, VeredaSpan *ret_session);

/* The handshake is over: a resumed session has the certificates of the one that made it, a full one its own. */
void tls_resume_settle (TlsSession *self, gboolean resumed);

/* The library's @session (copied) with everything else; NULL where the certificates' end cannot be read. */
GBytes *tls_resume_pack (const TlsSession *self, const void *session, size_t size);

#endif
