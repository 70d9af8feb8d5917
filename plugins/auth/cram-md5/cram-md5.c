/* SPDX-License-Identifier: MIT */
/*
 * CRAM-MD5, RFC 2195: user SP hex (HMAC-MD5 (password, challenge)), once, after the server has spoken.
 *
 * The challenge is hashed as it came, whatever its form.  An empty one is refused: the answer would then be the same for ever,
 * and worth a dictionary to whoever asked for it.
 *
 * A user name or password that is not UTF-8 passes unchanged (RFC 2195 names no character set); what is UTF-8 goes through
 * SASLprep.
 *
 * Keeps one bit of state and no secret.  Fails on credentials that are missing or empty, and on a second challenge.
 */
#include "../common/credential.h"

#include <string.h>

#define DIGEST_SIZE 16

typedef struct
{
  VeredaAuth parent;
  gboolean done;
} Cram;

/* GHmac wipes its hash states when a digest is taken; its padded copies of the key lie on the stack. */
static void
cram_proof (const AuthText *password, const VeredaSpan *challenge, char hex[2 * DIGEST_SIZE])
{
  static const char digits[] = "0123456789abcdef";
  guint8 digest[DIGEST_SIZE];
  gsize size = sizeof digest;
  GHmac *hmac = g_hmac_new (G_CHECKSUM_MD5, (const guchar *) password->data, password->size);

  g_hmac_update (hmac, challenge->data, (gssize) challenge->size);
  g_hmac_get_digest (hmac, digest, &size);
  g_hmac_unref (hmac);
  auth_burn_stack ();
  for (gsize i = 0; i < sizeof digest; i++)
    {
      hex[2 * i] = digits[digest[i] >> 4];
      hex[2 * i + 1] = digits[digest[i] & 15];
    }
}

static VeredaStep
cram_step (VeredaAuth *a, const VeredaSpan *challenge, GByteArray *response, GError **error)
{
  Cram *self = (Cram *) a;
  g_auto (AuthText) user = { NULL, 0 };
  g_auto (AuthText) password = { NULL, 0 };
  char proof[2 * DIGEST_SIZE];
  VeredaStep s;

  if (self->done)
    return auth_unexpected (a, "the server sent a second challenge (RFC 2195 has one)", error);
  if (challenge == NULL || challenge->size == 0)
    return auth_unexpected (a, "the server sent an empty challenge, whose answer could be used again (RFC 2195 section 2)",
                            error);
  if ((s = auth_ask (a, VEREDA_CRED_AUTHCID, NULL, AUTH_ASK_OCTETS, &user, error)) != VEREDA_STEP_DONE
      || (s = auth_ask (a, VEREDA_CRED_PASSWORD, NULL, AUTH_ASK_OCTETS, &password, error)) != VEREDA_STEP_DONE)
    return s;

  cram_proof (&password, challenge, proof);
  const VeredaSpan message[] = { { user.data, user.size }, { " ", 1 }, { proof, sizeof proof } };
  if (!auth_respond (a, response, VEREDA_AUTH_RESPONSE_MAX, message, G_N_ELEMENTS (message), error))
    return VEREDA_STEP_FAILED;
  self->done = TRUE;
  return VEREDA_STEP_DONE;
}

static const VeredaMech cram_mech = {
  .struct_size = sizeof (VeredaMech),
  .instance_size = sizeof (Cram),
  .name = "CRAM-MD5",
  .strength = { .exposure = VEREDA_EXPOSE_WEAK_PROOF, .hash_bits = 128 },
  .needs = VEREDA_NEEDS (VEREDA_CRED_AUTHCID) | VEREDA_NEEDS (VEREDA_CRED_PASSWORD),
  .flags = VEREDA_MECH_HISTORIC,
  .step = cram_step,
};

static const VeredaMech *const mechs[] = { &cram_mech, NULL };

static const VeredaPlugin plugin = {
  .struct_size = sizeof (VeredaPlugin),
  .abi = VEREDA_PLUGIN_ABI,
  .name = "auth_cram_md5",
  .version = "0.1.0",
  .license = "MIT",
  .mechs = mechs,
};

VEREDA_PLUGIN_DEFINE (auth_cram_md5, plugin)
