/* SPDX-License-Identifier: MIT */
/*
 * SCRAM, RFC 5802 and RFC 7677, with SHA-1, SHA-256 and SHA-512, each also as -PLUS: bound to the TLS channel (RFC 5929, RFC 9266).
 *
 * Three messages of ours: who we are and a nonce; the proof; nothing, once the server has proved that it knows the password too.
 * Only then is the mechanism satisfied.
 *
 * The gs2 header says how the TLS channel enters (RFC 5802 section 6): "p" with -PLUS; "y" where this side could have bound it and
 * the server's list has no -PLUS, so that a server whose list was tampered with notices; "n" otherwise.
 *
 * Keeps between the steps what was said, the channel binding and the signature to expect; never the password, nor a key made of it.
 * Fails on credentials that are missing or not expressible, on a channel without binding, on messages that message.c refuses and on a
 * proof that is wrong.  After a failure every further step fails.
 */
#include "keys.h"
#include "message.h"

#include <string.h>

#define NONCE_OCTETS 24 /* 192 bits; a multiple of three: base64 without padding */

typedef enum
{
  SAY_FIRST = 0,
  WANT_FIRST,
  WANT_FINAL,
  FINISHED
} State;

typedef struct
{
  VeredaAuth parent;
  State state;
  char *bare;    /* client-first-message-bare */
  char *nonce;   /* ours */
  char *channel; /* c=: the gs2 header and the binding, in base64 */
  guint8 signature[SCRAM_HASH_MAX];
  GError *refusal; /* e= */
} Scram;

/* A mechanism and its hash.  The first member is what the core has in `ops`. */
typedef struct
{
  VeredaMech mech;
  ScramHash hash;
} ScramMech;

static const ScramHash *
hash_of (const Scram *self)
{
  return &((const ScramMech *) self->parent.ops)->hash;
}

static gboolean
is_plus (const VeredaAuth *a)
{
  return (a->ops->flags & VEREDA_MECH_NEEDS_BINDING) != 0;
}

static void
forget (char **text)
{
  if (*text != NULL)
    explicit_bzero (*text, strlen (*text));
  g_clear_pointer (text, g_free);
}

/* ---- the channel ---- */

/* In order of preference; the first that the channel has.  A server can say neither which it wants nor which it has. */
static const struct
{
  VeredaBinding kind;
  const char *name;
} bindings[] = {
  { VEREDA_BINDING_TLS_EXPORTER, "tls-exporter" },
  { VEREDA_BINDING_TLS_SERVER_END_POINT, "tls-server-end-point" },
};

/* NULL: there is none; *error is set if it is not NULL. */
static GBytes *
bind_channel (VeredaAuth *a, const char **ret_name, GError **error)
{
  const VeredaExchange *exchange = a->exchange;

  for (gsize i = 0; VEREDA_HAS (VeredaExchange, exchange, binding) && i < G_N_ELEMENTS (bindings); i++)
    {
      GBytes *bytes = exchange->binding (exchange->self, bindings[i].kind, NULL);

      if (bytes != NULL && g_bytes_get_size (bytes) > 0)
        {
          *ret_name = bindings[i].name;
          return bytes;
        }
      g_clear_pointer (&bytes, g_bytes_unref);
    }
  g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_UNSUPPORTED,
               "%s needs a channel binding, and this connection has neither tls-exporter nor tls-server-end-point",
               a->ops->name);
  return NULL;
}

static gboolean
plus_is_offered (const char *const *offered)
{
  for (; *offered != NULL; offered++)
    if (g_str_has_suffix (*offered, "-PLUS"))
      return TRUE;
  return FALSE;
}

/* Whether to say "y".  Without a list there is nothing to say about it. */
static gboolean
misses_plus (VeredaAuth *a)
{
  const char *name;
  g_autoptr (GBytes) bytes = NULL;

  if (!VEREDA_HAS (VeredaExchange, a->exchange, offered) || plus_is_offered (a->exchange->offered))
    return FALSE;
  bytes = bind_channel (a, &name, NULL);
  return bytes != NULL;
}

/* gs2-header, and what c= will say. */
static char *
make_header (VeredaAuth *a, const AuthText *authzid, char **ret_channel, GError **error)
{
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GByteArray) channel = g_byte_array_new ();
  g_autofree char *flag = NULL;
  g_auto (AuthText) escaped = { NULL, 0 };
  const char *name = NULL;
  char *header;

  if (is_plus (a) && (bytes = bind_channel (a, &name, error)) == NULL)
    return NULL;
  flag = is_plus (a) ? g_strconcat ("p=", name, NULL) : g_strdup (misses_plus (a) ? "y" : "n");
  if (authzid->data != NULL)
    scram_escape (authzid, &escaped);
  header = g_strconcat (flag, escaped.data != NULL ? ",a=" : ",", escaped.data != NULL ? escaped.data : "", ",", NULL);
  g_byte_array_append (channel, (const guint8 *) header, (guint) strlen (header));
  if (bytes != NULL)
    g_byte_array_append (channel, g_bytes_get_data (bytes, NULL), (guint) g_bytes_get_size (bytes));
  *ret_channel = g_base64_encode (channel->data, channel->len);
  explicit_bzero (channel->data, channel->len);
  return header;
}

/* ---- the steps ---- */

static char *
make_nonce (VeredaAuth *a, GError **error)
{
  guint8 octets[NONCE_OCTETS];

  if (a->host->random (a->host->self, octets, sizeof octets, error))
    return g_base64_encode (octets, sizeof octets);
  if (error != NULL && *error == NULL)
    g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_SYSTEM, "%s: there is no randomness to be had", a->ops->name);
  return NULL;
}

static VeredaStep
say_first (Scram *self, GByteArray *response, GError **error)
{
  VeredaAuth *a = &self->parent;
  g_auto (AuthText) user = { NULL, 0 }, authzid = { NULL, 0 }, name = { NULL, 0 };
  g_autofree char *header = NULL, *channel = NULL, *nonce = NULL, *bare = NULL;
  VeredaStep s;

  if ((s = auth_ask (a, VEREDA_CRED_AUTHCID, NULL, 0, &user, error)) != VEREDA_STEP_DONE
      || (s = auth_ask (a, VEREDA_CRED_AUTHZID, NULL, AUTH_ASK_OPTIONAL, &authzid, error)) != VEREDA_STEP_DONE)
    return s;
  if ((header = make_header (a, &authzid, &channel, error)) == NULL || (nonce = make_nonce (a, error)) == NULL)
    return VEREDA_STEP_FAILED;
  scram_escape (&user, &name);
  bare = g_strconcat ("n=", name.data, ",r=", nonce, NULL);
  const VeredaSpan parts[] = { { header, strlen (header) }, { bare, strlen (bare) } };
  if (!auth_respond (a, response, VEREDA_AUTH_RESPONSE_MAX, parts, G_N_ELEMENTS (parts), error))
    return VEREDA_STEP_FAILED;
  self->bare = g_steal_pointer (&bare);
  self->nonce = g_steal_pointer (&nonce);
  self->channel = g_steal_pointer (&channel);
  self->state = WANT_FIRST;
  return VEREDA_STEP_CONTINUE;
}

/* What the server says instead of its message.  Answered with nothing, so that its reply code and text come too: 535, not the 501 of
 * a cancellation. */
static gboolean
is_refused (Scram *self, const VeredaSpan *text)
{
  self->refusal = scram_refusal_parse (text, self->parent.ops->name);
  if (self->refusal != NULL)
    self->state = FINISHED;
  return self->refusal != NULL;
}

static VeredaStep
answer_first (Scram *self, const VeredaSpan *text, GByteArray *response, GError **error)
{
  VeredaAuth *a = &self->parent;
  const ScramHash *hash = hash_of (self);
  g_auto (ScramFirst) first = { NULL, NULL, NULL, 0, 0 };
  g_auto (AuthText) password = { NULL, 0 };
  g_autofree char *without_proof = NULL, *message = NULL, *proof_text = NULL;
  guint8 proof[SCRAM_HASH_MAX];
  VeredaStep s;

  if (is_refused (self, text))
    return VEREDA_STEP_CONTINUE;
  if (!scram_first_parse (text, self->nonce, &first, error))
    return VEREDA_STEP_FAILED;
  if ((s = auth_ask (a, VEREDA_CRED_PASSWORD, NULL, 0, &password, error)) != VEREDA_STEP_DONE)
    return s;

  without_proof = g_strconcat ("c=", self->channel, ",r=", first.nonce, NULL);
  message = g_strconcat (self->bare, ",", first.text, ",", without_proof, NULL);
  const ScramInput input = { { password.data, password.size }, { first.salt, first.salt_size }, first.iterations, message };
  scram_compute (hash, &input, proof, self->signature);
  proof_text = g_base64_encode (proof, hash->size);
  explicit_bzero (proof, sizeof proof);

  const VeredaSpan parts[] = { { without_proof, strlen (without_proof) }, { ",p=", 3 }, { proof_text, strlen (proof_text) } };
  if (!auth_respond (a, response, VEREDA_AUTH_RESPONSE_MAX, parts, G_N_ELEMENTS (parts), error))
    return VEREDA_STEP_FAILED;
  self->state = WANT_FINAL;
  return VEREDA_STEP_CONTINUE;
}

static VeredaStep
check_final (Scram *self, const VeredaSpan *text, GError **error)
{
  const ScramHash *hash = hash_of (self);
  guint8 seen[SCRAM_HASH_MAX];

  if (is_refused (self, text))
    return VEREDA_STEP_CONTINUE;
  if (!scram_final_parse (text, hash->size, seen, error))
    return VEREDA_STEP_FAILED;
  self->state = FINISHED;
  if (scram_equal (seen, self->signature, hash->size))
    return VEREDA_STEP_DONE;
  g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_SERVER,
               "%s: the server's signature (v=) is wrong, so it does not know the password; is this the right server?",
               self->parent.ops->name);
  return VEREDA_STEP_FAILED;
}

static VeredaStep
scram_step (VeredaAuth *a, const VeredaSpan *challenge, GByteArray *response, GError **error)
{
  Scram *self = (Scram *) a;
  VeredaStep s;

  switch (self->state)
    {
    case SAY_FIRST:
      if (challenge != NULL && challenge->size > 0)
        s = auth_unexpected (a, "the server sent a challenge where the client speaks first (RFC 5802 section 5)", error);
      else
        s = say_first (self, response, error);
      break;
    case WANT_FIRST:
    case WANT_FINAL:
      if (challenge == NULL)
        s = auth_unexpected (a, "there is one initial response only", error);
      else
        s = self->state == WANT_FIRST ? answer_first (self, challenge, response, error) : check_final (self, challenge, error);
      break;
    case FINISHED:
    default:
      s = auth_unexpected (a, "the server sent a challenge after the exchange was over (RFC 5802 section 5)", error);
      break;
    }
  if (s == VEREDA_STEP_FAILED) /* there is no second try */
    self->state = FINISHED;
  return s;
}

static gboolean
scram_explain (VeredaAuth *a, GError **error)
{
  Scram *self = (Scram *) a;

  if (self->refusal == NULL)
    return FALSE;
  if (error != NULL)
    *error = g_error_copy (self->refusal);
  return TRUE;
}

static void
scram_clear (VeredaAuth *a)
{
  Scram *self = (Scram *) a;

  forget (&self->bare);
  forget (&self->nonce);
  forget (&self->channel);
  explicit_bzero (self->signature, sizeof self->signature);
  g_clear_error (&self->refusal);
  self->state = FINISHED;
}

/* ---- what there is ---- */

#define SCRAM_TRAITS (VEREDA_TRAIT_MUTUAL | VEREDA_TRAIT_NO_DICTIONARY)
#define PLUS_TRAITS  (SCRAM_TRAITS | VEREDA_TRAIT_NO_ACTIVE | VEREDA_TRAIT_BINDING)
#define SCRAM_FLAGS  (VEREDA_MECH_CLIENT_FIRST | VEREDA_MECH_SERVER_LAST)
#define PLUS_FLAGS   (SCRAM_FLAGS | VEREDA_MECH_NEEDS_TLS | VEREDA_MECH_NEEDS_BINDING)

#define SCRAM_MECH(text, class, bits, trait_bits, flag_bits)                                                                   \
  .mech = {                                                                                                                    \
    .struct_size = sizeof (VeredaMech),                                                                                        \
    .instance_size = sizeof (Scram),                                                                                           \
    .name = text,                                                                                                              \
    .strength = { .exposure = class, .traits = trait_bits, .hash_bits = bits },                                                \
    .needs = VEREDA_NEEDS (VEREDA_CRED_AUTHCID) | VEREDA_NEEDS (VEREDA_CRED_PASSWORD),                                         \
    .flags = flag_bits,                                                                                                        \
    .step = scram_step,                                                                                                        \
    .clear = scram_clear,                                                                                                      \
    .explain = scram_explain,                                                                                                  \
  }

#define SCRAM_PAIR(text, bits, type, block)                                                                                    \
  { SCRAM_MECH (text "-PLUS", VEREDA_EXPOSE_BOUND_PROOF, bits, PLUS_TRAITS, PLUS_FLAGS), .hash = { type, bits / 8, block } },  \
  {                                                                                                                            \
    SCRAM_MECH (text, VEREDA_EXPOSE_PROOF, bits, SCRAM_TRAITS, SCRAM_FLAGS), .hash = { type, bits / 8, block }                 \
  }

static const ScramMech scram_mechs[] = {
  SCRAM_PAIR ("SCRAM-SHA-512", 512, G_CHECKSUM_SHA512, 128),
  SCRAM_PAIR ("SCRAM-SHA-256", 256, G_CHECKSUM_SHA256, 64),
  SCRAM_PAIR ("SCRAM-SHA-1", 160, G_CHECKSUM_SHA1, 64),
};

static const VeredaMech *const mechs[] = {
  &scram_mechs[0].mech,
  &scram_mechs[1].mech,
  &scram_mechs[2].mech,
  &scram_mechs[3].mech,
  &scram_mechs[4].mech,
  &scram_mechs[5].mech,
  NULL,
};

static const VeredaPlugin plugin = {
  .struct_size = sizeof (VeredaPlugin),
  .abi = VEREDA_PLUGIN_ABI,
  .name = "auth_scram",
  .version = "0.1.0",
  .license = "MIT",
  .mechs = mechs,
};

VEREDA_PLUGIN_DEFINE (auth_scram, plugin)
