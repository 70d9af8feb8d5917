/* SPDX-License-Identifier: MIT */
/*
 * auth_x_cram_sha256 - the mechanism X-CRAM-SHA256 as a plugin: CRAM-MD5 (RFC 2195) with SHA-256 in its place.
 *
 * The server sends a challenge that it never sent before; the answer is: user, blank, hex (HMAC-SHA256 (password, challenge)).
 */
#include <string.h>
#include <vereda-plugin/auth.h>

#define DIGEST_SIZE 32

typedef struct
{
  VeredaAuth base; /* first, always */
  gboolean done;
} XCram;

static VeredaStep
fail (GError **error, VeredaAuthError code, const char *text)
{
  g_set_error (error, VEREDA_AUTH_ERROR, code, "X-CRAM-SHA256: %s", text);
  return VEREDA_STEP_FAILED;
}

/* One credential, lent until step returns.  No text of an error ever quotes one. */
static VeredaStep
ask (VeredaAuth *a, VeredaCred kind, const char *name, VeredaSpan *ret, GError **error)
{
  switch (a->exchange->credential (a->exchange->self, kind, NULL, ret))
    {
    case VEREDA_CRED_LATER:
      return VEREDA_STEP_WAIT; /* the same call comes again when it is there */
    case VEREDA_CRED_HAVE:
      if (ret->size > 0 && memchr (ret->data, '\0', ret->size) == NULL)
        return VEREDA_STEP_DONE;
      g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_CREDENTIAL, "X-CRAM-SHA256: the %s is empty or holds a NUL",
                   name);
      return VEREDA_STEP_FAILED;
    case VEREDA_CRED_NONE:
    default:
      g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_CREDENTIAL, "X-CRAM-SHA256 needs a %s, and there is none", name);
      return VEREDA_STEP_FAILED;
    }
}

/* GLib's HMAC leaves padded copies of the key on the stack: this overwrites them. */
static G_GNUC_NO_INLINE void
burn_stack (void)
{
  char ashes[4096];

  explicit_bzero (ashes, sizeof ashes);
}

static void
prove (const VeredaSpan *password, const VeredaSpan *challenge, char hex[2 * DIGEST_SIZE])
{
  static const char digits[] = "0123456789abcdef";
  guint8 digest[DIGEST_SIZE];
  gsize size = sizeof digest;
  GHmac *hmac = g_hmac_new (G_CHECKSUM_SHA256, password->data, password->size);

  g_hmac_update (hmac, challenge->data, (gssize) challenge->size);
  g_hmac_get_digest (hmac, digest, &size);
  g_hmac_unref (hmac);
  burn_stack ();
  for (gsize i = 0; i < sizeof digest; i++)
    {
      hex[2 * i] = digits[digest[i] >> 4];
      hex[2 * i + 1] = digits[digest[i] & 15];
    }
}

static VeredaStep
step (VeredaAuth *a, const VeredaSpan *challenge, GByteArray *response, GError **error)
{
  XCram *self = (XCram *) a;
  VeredaSpan user = { NULL, 0 }, password = { NULL, 0 };
  char proof[2 * DIGEST_SIZE];
  VeredaStep s;

  if (self->done)
    return fail (error, VEREDA_AUTH_ERROR_PROTOCOL, "the server goes on after the end");
  /* An empty challenge would have the same answer for ever. */
  if (challenge == NULL || challenge->size == 0)
    return fail (error, VEREDA_AUTH_ERROR_PROTOCOL, "the server sent an empty challenge");

  /* Everything is asked for before anything changes: after WAIT the same call comes again. */
  s = ask (a, VEREDA_CRED_AUTHCID, "user name", &user, error);
  if (s == VEREDA_STEP_DONE)
    s = ask (a, VEREDA_CRED_PASSWORD, "password", &password, error);
  if (s != VEREDA_STEP_DONE)
    return s;
  /* The response has room for that much; growing would leave a copy behind. */
  if (user.size + 1 + sizeof proof > VEREDA_AUTH_RESPONSE_MAX)
    return fail (error, VEREDA_AUTH_ERROR_CREDENTIAL, "the user name is too long");

  prove (&password, challenge, proof);
  g_byte_array_append (response, user.data, (guint) user.size);
  g_byte_array_append (response, (const guint8 *) " ", 1);
  g_byte_array_append (response, (const guint8 *) proof, sizeof proof);
  self->done = TRUE;
  return VEREDA_STEP_DONE;
}

static const VeredaMech x_cram = {
  .struct_size = sizeof (VeredaMech),
  .instance_size = sizeof (XCram),
  .name = "X-CRAM-SHA256",
  /* Whoever sees challenge and answer can guess passwords offline: a weak proof, whatever the hash. */
  .strength = { .exposure = VEREDA_EXPOSE_WEAK_PROOF, .hash_bits = 256 },
  .needs = VEREDA_NEEDS (VEREDA_CRED_AUTHCID) | VEREDA_NEEDS (VEREDA_CRED_PASSWORD),
  .step = step,
};

static const VeredaMech *const mechs[] = { &x_cram, NULL };

static const VeredaPlugin plugin = {
  .struct_size = sizeof (VeredaPlugin),
  .abi = VEREDA_PLUGIN_ABI,
  .name = "auth_x_cram_sha256",
  .version = "1.0",
  .license = "MIT",
  .mechs = mechs,
};

VEREDA_PLUGIN_DEFINE (auth_x_cram_sha256, plugin)
