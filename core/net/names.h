/* SPDX-License-Identifier: MIT */
/* names - look-ups shared by all connections of one sender.
 *
 * Who asks for what is being looked up waits for the same answer, and an answer is good for a few seconds: a thousand connections to one
 * server ask the resolver once.  A failure is told to those who wait for it and then forgotten.  Errors are resolve.h's. */
#ifndef VD_NAMES_H
#define VD_NAMES_H

#include "core/net/resolve.h"

typedef struct VdNames VdNames;
typedef struct VdNamesWait VdNamesWait;

/* `keep_us`: how long an answer is good for. */
VdNames *vd_names_new (VdReactor *reactor, gint64 keep_us);
/* Nobody waits any more (checked).  NULL is fine. */
void vd_names_free (VdNames *names);

/* As vd_resolve_start(): `done` is called exactly once, from a later turn, unless cancelled; the wait is gone then. */
VdNamesWait *vd_names_find (VdNames *names, const char *host, guint16 port, int family, VdResolvedFunc done, gpointer data);
/* A look-up for which nobody waits goes on: its answer may be wanted yet.  NULL is fine. */
void vd_names_cancel (VdNamesWait *wait);
/* What was found turned out to be of no use: the next asks anew. */
void vd_names_forget (VdNames *names, const char *host, guint16 port, int family);

#endif
