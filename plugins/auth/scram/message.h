/* SPDX-License-Identifier: MIT */
/**
 * @file message.h
 * @brief What a SCRAM server says (RFC 5802 section 7), read; and user names as SCRAM writes them.
 *
 * Pure: octets in, a struct or an error out.  Everything here is the server's, nothing is secret.
 */
#ifndef VEREDA_AUTH_SCRAM_MESSAGE_H
#define VEREDA_AUTH_SCRAM_MESSAGE_H

#include "../common/credential.h"

G_BEGIN_DECLS

#define SCRAM_ITERATIONS_MIN 4096    /**< RFC 5802 section 5.1, RFC 7677 section 4 */
#define SCRAM_ITERATIONS_MAX 1000000 /**< ours: about a second of computing for whoever asks for it */

/** The server's first message, checked. */
typedef struct
{
  char *text;  /**< the whole of it, NUL-ended: a part of what is signed */
  char *nonce; /**< ours and the server's */
  guint8 *salt;
  gsize salt_size;
  guint iterations;
} ScramFirst;

void scram_first_clear (ScramFirst *first);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScramFirst, scram_first_clear)

/**
 * Reads the server's first message.  @p ours: the nonce that we sent.
 * Errors: PROTOCOL for grammar and a nonce that is not ours made longer, UNSUPPORTED for an extension or an iteration count that
 * we do not do.
 */
gboolean scram_first_parse (const VeredaSpan *text, const char *ours, ScramFirst *ret_first, GError **error);

/** Reads the last: the server's signature into @p ret_signature, of exactly @p size octets. */
gboolean scram_final_parse (const VeredaSpan *text, gsize size, guint8 *ret_signature, GError **error);

/** If the message is an error (`e=`): what the server says, as an error; else NULL. */
GError *scram_refusal_parse (const VeredaSpan *text, const char *mechanism);

/** `,` and `=` are written as =2C and =3D (section 5.1).  The caller clears it. */
void scram_escape (const AuthText *name, AuthText *ret_name);

G_END_DECLS

#endif
