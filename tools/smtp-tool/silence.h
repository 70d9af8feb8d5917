/* SPDX-License-Identifier: MIT */
/* silence - who waits for a greeting in vain: a port of implicit TLS is silent until the client speaks TLS.
 *
 * Other clients wait there until they lose patience and name no reason.  After two seconds without a greeting a second connection tries TLS from
 * the first octet; when that is answered, the sender is cancelled and the reason known.  Not on port 25, where servers punish who speaks
 * first, and not while there is another server to try: then it is only told. */
#ifndef TOOL_SILENCE_H
#define TOOL_SILENCE_H

#include <vereda/vereda.h>

typedef struct Silence Silence;

/* Watches one run of a sender on a thread of its own; silence_trace() has to see the sender's transcript.  @p options are copied. */
Silence *silence_new (VeredaOptions *options);
void silence_trace (Silence *silence, VeredaTraceKind kind, const char *server, const char *text);
/* Between these two the sender may be cancelled. */
void silence_begin (Silence *silence, VeredaSender *sender);
/* @return an error when the sender was cancelled for that reason, or NULL; what is only to be told goes to standard error */
GError *silence_end (Silence *silence);
/* After silence_end(). */
void silence_free (Silence *silence);

#endif
