/* SPDX-License-Identifier: MIT */
/**
 * @file keys.h
 * @brief The arithmetic of SCRAM (RFC 5802 sections 2.2 and 3), as pure functions.
 */
#ifndef VEREDA_AUTH_SCRAM_KEYS_H
#define VEREDA_AUTH_SCRAM_KEYS_H

#include "../common/credential.h"

G_BEGIN_DECLS

/** Octets of the longest hash here, SHA-512. */
#define SCRAM_HASH_MAX 64

/** A hash function, as HMAC (RFC 2104) needs to know it. */
typedef struct
{
  GChecksumType type;
  gsize size;  /**< octets of a digest */
  gsize block; /**< octets of the blocks that it works on */
} ScramHash;

/** What enters the proofs. */
typedef struct
{
  VeredaSpan password; /**< prepared */
  VeredaSpan salt;
  guint iterations;
  const char *message; /**< AuthMessage, NUL-ended */
} ScramInput;

/** Computes ClientProof and ServerSignature, hash->size octets each.  Takes as long as the iterations take. */
void scram_compute (const ScramHash *hash, const ScramInput *input, guint8 *ret_proof, guint8 *ret_signature);

/** Compares without telling by its duration where the difference is. */
gboolean scram_equal (const guint8 *a, const guint8 *b, gsize size);

G_END_DECLS

#endif
