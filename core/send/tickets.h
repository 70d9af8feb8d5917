/* SPDX-License-Identifier: MIT */
/* tickets - TLS sessions of earlier connections of one sender, for the next ones to the same server.
 *
 * Kept by what has to be the same for a session to be of use: server, transport, name to verify, and whether a certificate that does not verify is
 * tolerated; everything else is the sender's options, which do not change, and is checked once more by the transport.  Small and bounded.
 * They are secrets: references are kept, never copies, and the transport wipes the octets with the last one. */
#ifndef VD_TICKETS_H
#define VD_TICKETS_H

#include <glib.h>

typedef struct VdTickets VdTickets;

VdTickets *vd_tickets_new (void);
void vd_tickets_free (VdTickets *tickets); /* NULL is fine */

/* A session for this key, which the caller unrefs, or NULL.  One that may be used once only (RFC 8446 appendix C.4) is gone from here then. */
GBytes *vd_tickets_take (VdTickets *tickets, const char *key);
/* Takes a reference. */
void vd_tickets_put (VdTickets *tickets, const char *key, GBytes *session, gboolean once);
/* Those of this key led to a handshake that failed. */
void vd_tickets_forget (VdTickets *tickets, const char *key);

#endif
