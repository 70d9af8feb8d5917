/* SPDX-License-Identifier: MIT */
/* echo - what a server says back of what it was told in confidence.
 *
 * "500 unknown command AUTH PLAIN AGFubgBz…" is an everyday reply, and replies go into traces, errors and results.  The SASL responses of a
 * session are kept (wiped at the end), and a reply that repeats one, or its beginning, is replaced by one that does not.  Pure. */
#ifndef VD_ECHO_H
#define VD_ECHO_H

#include "core/smtp/reply.h"

typedef struct VdEcho VdEcho;

VdEcho *vd_echo_new (void);
void vd_echo_free (VdEcho *echo); /* NULL is fine; wipes */

/* A response that is about to be said; the octets, not their base64. */
void vd_echo_add (VdEcho *echo, const void *response, gsize size);

/* The same reply, or one in which "<redacted N octets>" stands for every repetition.  The caller's reference. */
VdReply *vd_echo_redact (VdEcho *echo, VdReply *reply);

#endif
