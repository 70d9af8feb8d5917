/* SPDX-License-Identifier: MIT */
/* layer - VdStack: the transport layers of one connection, bottom to top.
 *
 * Owns the instances (zeroed, wiped after clear, freed) and through the bottom one the descriptor.  Keeps the caller's half of the contract
 * in <vereda-plugin/transport.h> and does not trust the plugins' half: a layer that breaks it is an error, not undefined behaviour.
 * Errors are the plugin's own (VEREDA_TRANSPORT_ERROR), VEREDA_ERROR_PLUGIN for a layer that is not usable or broke the contract, or
 * VEREDA_ERROR_PROTOCOL.  The first error of any call but open, fact and binding poisons the stack: every later handshake, read, writev, shutdown
 * and wrap fails with a copy of it, so that nothing can be sent in clear after TLS went wrong.  One thread at a time. */
#ifndef VD_LAYER_H
#define VD_LAYER_H

#include <glib.h>
#include <vereda-plugin/transport.h>

typedef struct VdStack VdStack;

VdStack *vd_stack_new (const VeredaHost *host); /* `host` lives as long as the stack */
/* Clears the layers top to bottom, which closes the descriptor; no I/O.  NULL is fine. */
void vd_stack_free (VdStack *stack);

/* The bottom layer, once.  On failure the descriptor stays the caller's and the stack stays empty. */
gboolean vd_stack_open (VdStack *stack, const VeredaTransport *transport, int fd, GError **error);
/* A layer over the present top.  No I/O.  Fails (VEREDA_ERROR_PROTOCOL) when the top still holds octets that nobody read: injected before
 * TLS.  `clear` is not called on an instance whose open or wrap failed. */
gboolean vd_stack_wrap (VdStack *stack, const VeredaTransport *transport, const VeredaTlsSettings *settings, GError **error);

/* Of the top layer; DONE at once where there is nothing to negotiate.  Reading and writing before DONE is an error. */
VeredaIo vd_stack_handshake (VdStack *stack, GError **error);
/* *ret_n is set on DONE (at least 1, unless size is 0), untouched otherwise. */
VeredaIo vd_stack_read (VdStack *stack, void *buf, gsize size, gsize *ret_n, GError **error);
/* DONE: *ret_n octets were taken, at least 1 unless none was offered.  WANT_*: nothing; begin the next call with the same octets. */
VeredaIo vd_stack_writev (VdStack *stack, const VeredaSpan *v, gsize n, gsize *ret_n, GError **error);
/* Says goodbye on every layer that can, top to bottom; call again after WANT_*; DONE at last. */
VeredaIo vd_stack_shutdown (VdStack *stack, GError **error);

/* Octets that can be read without waiting for the descriptor: ask before waiting. */
gsize vd_stack_pending (VdStack *stack);

/* Top-down, the first answer wins.  Also after an error.  For VEREDA_FACT_PEER_CHAIN the caller unrefs ret->bytes. */
gboolean vd_stack_fact (VdStack *stack, VeredaFact fact, VeredaFactValue *ret);
/* Top-down; NULL and error when no layer has it. */
GBytes *vd_stack_binding (VdStack *stack, VeredaBinding kind, GError **error);

gboolean vd_stack_is_secure (VdStack *stack);   /* a wrapping layer completed its handshake, and nothing failed since */
gboolean vd_stack_is_verified (VdStack *stack); /* secure, and that layer says that chain and name were checked and passed */
gboolean vd_stack_is_poisoned (VdStack *stack);
const char *vd_stack_name (VdStack *stack); /* name of the top transport ("plain", "gnutls", …); NULL while empty */
int vd_stack_fd (VdStack *stack);           /* -1 while empty */

#endif
