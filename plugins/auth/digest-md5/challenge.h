/* SPDX-License-Identifier: MIT */
/**
 * @file challenge.h
 * @brief The directives that a DIGEST-MD5 server sends (RFC 2831 sections 2.1.1 and 2.1.3): grammar first, then meaning.
 *
 * Pure: octets in, a struct or an error out.  Everything here is the server's, nothing is secret.
 */
#ifndef VEREDA_AUTH_DIGEST_CHALLENGE_H
#define VEREDA_AUTH_DIGEST_CHALLENGE_H

#include <vereda-plugin/auth.h>

G_BEGIN_DECLS

/** What a digest-challenge asks for, checked. */
typedef struct
{
  GPtrArray *realms; /**< in the server's order, UTF-8; may be empty */
  char *nonce;       /**< unescaped, without control characters; may hold octets above 127 */
  gboolean utf8;     /**< charset=utf-8 was offered; else ISO-8859-1 is spoken */
} DigestChallenge;

void digest_challenge_clear (DigestChallenge *challenge);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DigestChallenge, digest_challenge_clear)

/** Reads the first challenge.  Errors: PROTOCOL for grammar and rules, UNSUPPORTED for a quality of protection we do not do. */
gboolean digest_challenge_parse (const VeredaSpan *text, DigestChallenge *ret_challenge, GError **error);

/** Reads the second: the server's proof, NULL with PROTOCOL for bad grammar, NULL with SERVER when there is none. */
char *digest_rspauth_parse (const VeredaSpan *text, GError **error);

G_END_DECLS

#endif
