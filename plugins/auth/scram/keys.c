/* SPDX-License-Identifier: MIT */
/*
 * SCRAM arithmetic: see keys.h.
 *
 * May touch nothing but its arguments.  Cannot fail.
 *
 * HMAC stands on GChecksum and not on GHmac, which hashes the key into states of its own for each of the thousands of messages
 * and frees them as they are.  Here one GChecksum does all the work, and is wiped at the end.
 */
#include "keys.h"

#include <string.h>

#define BLOCK_MAX 128

typedef struct
{
  const ScramHash *hash;
  GChecksum *sum;
  guint8 inner[BLOCK_MAX], outer[BLOCK_MAX]; /* the padded key */
} Hmac;

static void
digest (GChecksum *sum, const ScramHash *hash, guint8 *ret)
{
  gsize size = hash->size;

  g_checksum_get_digest (sum, ret, &size);
  g_checksum_reset (sum);
}

static void
hash_once (const ScramHash *hash, GChecksum *sum, const void *data, gsize size, guint8 *ret)
{
  g_checksum_update (sum, data, (gssize) size);
  digest (sum, hash, ret);
}

/* Taking a digest of nothing leaves that in the block buffer, the state and the text that GLib keeps, in place of ours. */
static void
checksum_wipe_and_free (GChecksum *sum, const ScramHash *hash)
{
  guint8 nothing[SCRAM_HASH_MAX];
  gsize size = hash->size;

  g_checksum_reset (sum);
  g_checksum_get_digest (sum, nothing, &size);
  g_checksum_free (sum);
}

static void
hmac_set_key (Hmac *h, const void *key, gsize size)
{
  guint8 padded[BLOCK_MAX] = { 0 };

  if (size > h->hash->block)
    hash_once (h->hash, h->sum, key, size, padded);
  else if (size > 0)
    memcpy (padded, key, size);
  for (gsize i = 0; i < h->hash->block; i++)
    {
      h->inner[i] = padded[i] ^ 0x36;
      h->outer[i] = padded[i] ^ 0x5c;
    }
  explicit_bzero (padded, sizeof padded);
}

/* HMAC (key, a || b).  The result may lie where a does. */
static void
hmac (Hmac *h, const void *a, gsize a_size, const void *b, gsize b_size, guint8 *ret)
{
  g_checksum_update (h->sum, h->inner, (gssize) h->hash->block);
  if (a_size > 0)
    g_checksum_update (h->sum, a, (gssize) a_size);
  if (b_size > 0)
    g_checksum_update (h->sum, b, (gssize) b_size);
  digest (h->sum, h->hash, ret);
  g_checksum_update (h->sum, h->outer, (gssize) h->hash->block);
  g_checksum_update (h->sum, ret, (gssize) h->hash->size);
  digest (h->sum, h->hash, ret);
}

static void
hmac_text (Hmac *h, const char *text, guint8 *ret)
{
  hmac (h, text, strlen (text), NULL, 0, ret);
}

/* Hi (password, salt, iterations): PBKDF2 (RFC 8018 section 5.2) for one block. */
static void
salt_password (Hmac *h, const ScramInput *input, guint8 *ret)
{
  static const guint8 first_block[] = { 0, 0, 0, 1 };
  guint8 u[SCRAM_HASH_MAX];
  gsize size = h->hash->size;

  hmac_set_key (h, input->password.data, input->password.size);
  hmac (h, input->salt.data, input->salt.size, first_block, sizeof first_block, u);
  memcpy (ret, u, size);
  for (guint i = 1; i < input->iterations; i++)
    {
      hmac (h, u, size, NULL, 0, u);
      for (gsize k = 0; k < size; k++)
        ret[k] ^= u[k];
    }
  explicit_bzero (u, sizeof u);
}

void
scram_compute (const ScramHash *hash, const ScramInput *input, guint8 *ret_proof, guint8 *ret_signature)
{
  guint8 salted[SCRAM_HASH_MAX], client_key[SCRAM_HASH_MAX], key[SCRAM_HASH_MAX];
  Hmac h = { .hash = hash, .sum = g_checksum_new (hash->type) };

  salt_password (&h, input, salted);

  hmac_set_key (&h, salted, hash->size);
  hmac_text (&h, "Client Key", client_key);
  hmac_text (&h, "Server Key", key);
  hmac_set_key (&h, key, hash->size);
  hmac_text (&h, input->message, ret_signature);

  hash_once (hash, h.sum, client_key, hash->size, key); /* StoredKey */
  hmac_set_key (&h, key, hash->size);
  hmac_text (&h, input->message, ret_proof); /* ClientSignature */
  for (gsize i = 0; i < hash->size; i++)
    ret_proof[i] ^= client_key[i];

  checksum_wipe_and_free (h.sum, hash);
  explicit_bzero (&h, sizeof h);
  explicit_bzero (salted, sizeof salted);
  explicit_bzero (client_key, sizeof client_key);
  explicit_bzero (key, sizeof key);
  auth_burn_stack ();
}

gboolean
scram_equal (const guint8 *a, const guint8 *b, gsize size)
{
  volatile guint8 difference = 0;

  for (gsize i = 0; i < size; i++)
    difference |= (guint8) (a[i] ^ b[i]);
  return difference == 0;
}
