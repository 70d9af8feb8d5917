/* SPDX-License-Identifier: MIT */
/**
 * @file digest.h
 * @brief The arithmetic of DIGEST-MD5 (RFC 2831 section 2.1.2.1), as pure functions.
 */
#ifndef VEREDA_AUTH_DIGEST_H
#define VEREDA_AUTH_DIGEST_H

#include "../common/credential.h"

G_BEGIN_DECLS

/** Hexadecimal MD5, not NUL-ended. */
#define DIGEST_HEX 32

/** What is hashed.  Octets exactly as they enter the hash. */
typedef struct
{
  VeredaSpan user;
  VeredaSpan realm; /**< empty when there is none */
  VeredaSpan password;
  VeredaSpan authzid; /**< empty when there is none */
  const char *nonce;
  const char *cnonce;
  const char *uri;
} DigestInput;

/** Computes what the client says and what the server must answer, for qop=auth and nc=00000001. */
void digest_compute (const DigestInput *input, char ret_response[DIGEST_HEX], char ret_rspauth[DIGEST_HEX]);

/** ISO-8859-1 form of a UTF-8 text; FALSE, and the output untouched, if it has none. */
gboolean digest_latin1 (const AuthText *utf8, AuthText *ret_latin1);

/** Compares without telling by its duration where the difference is. */
gboolean digest_equal (const char *a, const char *b, gsize size);

G_END_DECLS

#endif
