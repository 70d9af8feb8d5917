/* SPDX-License-Identifier: MIT */
/* resolve - names to endpoints, off the loop.
 *
 * Literals and localhost (RFC 6761 section 6.3) answer without a thread; everything else is one getaddrinfo() in a thread of a small
 * process-wide pool: AAAA and A are asked together (TCP-1), sorted as RFC 6724 says by the system, interleaved here (TCP-2).  There is no
 * time-out of its own: the caller's timer cancels.  Errors are VEREDA_ERROR_NO_HOST for a name that does not exist, else VEREDA_ERROR_RESOLVE. */
#ifndef VD_RESOLVE_H
#define VD_RESOLVE_H

#include "core/net/endpoint.h"
#include "core/net/reactor.h"

typedef struct VdResolve VdResolve;

/* `endpoints` (at least one) or `error`; both borrowed: ref the array to keep it.  The VdResolve is gone when this is called. */
typedef void (*VdResolvedFunc) (gpointer data, GPtrArray *endpoints, const GError *error);

/* `host`: A-labels or a literal without brackets (vd_host_to_ascii, VdTarget.host).  family: AF_UNSPEC, AF_INET or AF_INET6.
 * `done` is called exactly once, from a later turn, unless cancelled. */
VdResolve *
vd_resolve_start (VdReactor *reactor, const char *host, guint16 port, int family, VdResolvedFunc done, gpointer data);
/* Never blocks; `done` is not called any more; a thread still at work drops its result.  Required before vd_reactor_free(). */
void vd_resolve_cancel (VdResolve *resolve);

#endif
