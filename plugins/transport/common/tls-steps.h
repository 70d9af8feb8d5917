/* SPDX-License-Identifier: MIT */
/*
 * tls-steps: what comes before and after the calls into a library when octets move, in the same order for each.
 *
 * Compiled into each TLS plugin.  Touches the session only; fails as tls-session.h tells.
 */
#ifndef VEREDA_TLS_STEPS_H
#define VEREDA_TLS_STEPS_H

#include "tls-session.h"

/* The library's half of writing: sends @size octets at @data, or where self->stuck is not 0 finishes the record that is, whose
   plaintext is at @data where the session has kept it. */
typedef VeredaIo (*TlsPut) (TlsSession *self, const void *data, size_t size, size_t *ret_n, GError **error);

/* One record at the most. */
VeredaIo tls_steps_writev (TlsSession *self, const VeredaSpan *v, size_t n, size_t *ret_n, TlsPut put, GError **error);

/* TRUE when the goodbye is to be said now, everything before it having left; else @ret_io is the answer. */
gboolean tls_steps_begin_goodbye (TlsSession *self, TlsPut put, VeredaIo *ret_io, GError **error);

/* The library has to wait: TRUE to call it again at once, for the layer below has moved since it had been asked @calls_before
   times; else @ret_io is the answer. */
gboolean tls_steps_wait (TlsSession *self, const char *library, guint64 calls_before, VeredaIo *ret_io, GError **error);

#endif
