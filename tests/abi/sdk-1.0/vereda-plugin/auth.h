/* SPDX-License-Identifier: MIT */
/**
 * @file auth.h
 * @brief Authentication mechanisms (SASL, RFC 4422), client side.
 *
 * A mechanism turns challenges into responses.  It deals in octets only: base64, line lengths, the `*` cancellation and the reply
 * codes 334 and 235 belong to the core (RFC 4954).  It knows nothing of SMTP.
 *
 * Secrets: what credential() lends is valid until step() returns.  `response` is lent by the core with
 * VEREDA_AUTH_RESPONSE_MAX octets reserved, empty at each call, wiped after use; never append past that size (growing would
 * leave a copy in freed memory).  The instance block is wiped and freed by the core after clear().  No secret in a GError, a
 * debug line or a GString.
 */
#ifndef VEREDA_PLUGIN_AUTH_H
#define VEREDA_PLUGIN_AUTH_H

#include <vereda-plugin/plugin.h>
#include <vereda-plugin/transport.h>

G_BEGIN_DECLS

/** Room reserved in `response` (RFC 4954 section 4: base64 lines up to 12288 octets; decoded that is 9216). */
#define VEREDA_AUTH_RESPONSE_MAX 9216u

/** Outcome of a step. */
typedef enum
{
  VEREDA_STEP_FAILED = -1,  /**< error set; the core cancels the exchange */
  VEREDA_STEP_DONE = 0,     /**< the mechanism is satisfied; the response, possibly empty, is sent */
  VEREDA_STEP_CONTINUE = 1, /**< send the response, feed the next challenge */
  VEREDA_STEP_WAIT = 2      /**< a credential is on its way: call again with the same challenge */
} VeredaStep;

/** Kinds of credential. */
typedef enum
{
  VEREDA_CRED_AUTHCID = 1, /**< who authenticates (user name) */
  VEREDA_CRED_AUTHZID = 2, /**< on whose behalf; usually absent */
  VEREDA_CRED_PASSWORD = 3,
  VEREDA_CRED_TOKEN = 4,
  VEREDA_CRED_REALM = 5
} VeredaCred;

/** The bit of a credential kind in VeredaMech.needs. */
#define VEREDA_NEEDS(kind) (1u << (kind))

/** Answer to a mechanism's question for a credential. */
typedef enum
{
  VEREDA_CRED_NONE = 0, /**< there is none */
  VEREDA_CRED_HAVE = 1, /**< @c *ret is filled */
  VEREDA_CRED_LATER = 2 /**< asked for; return VEREDA_STEP_WAIT */
} VeredaCredState;

/** VeredaStrength.exposure: what the exchange gives away to whoever sees or ends it; higher is better. */
enum
{
  VEREDA_EXPOSE_ANONYMOUS = 0,   /**< no identity is proved */
  VEREDA_EXPOSE_PASSWORD = 1,    /**< the password itself: PLAIN, LOGIN */
  VEREDA_EXPOSE_WEAK_PROOF = 2,  /**< guessable proof: CRAM-MD5, DIGEST-MD5, NTLM */
  VEREDA_EXPOSE_TOKEN = 3,       /**< a scoped, expiring bearer token: XOAUTH2, OAUTHBEARER */
  VEREDA_EXPOSE_PROOF = 4,       /**< salted proof, server proves itself too: SCRAM */
  VEREDA_EXPOSE_BOUND_PROOF = 5, /**< the same, tied to this TLS channel: SCRAM-*-PLUS */
  VEREDA_EXPOSE_NOTHING = 6      /**< no reusable secret: EXTERNAL, GSSAPI */
};

/** VeredaStrength.traits: compared as a number, strongest bit first. */
enum
{
  VEREDA_TRAIT_MUTUAL = 1u << 15,        /**< the server proves itself */
  VEREDA_TRAIT_NO_ACTIVE = 1u << 14,     /**< resists an active attacker */
  VEREDA_TRAIT_NO_DICTIONARY = 1u << 13, /**< the proof cannot be guessed offline cheaply */
  VEREDA_TRAIT_FORWARD_SECRET = 1u << 12,
  VEREDA_TRAIT_BINDING = 1u << 11
};

/** Strength: compared lexicographically, first difference decides. */
typedef struct
{
  uint16_t exposure;  /**< VEREDA_EXPOSE_* */
  uint16_t traits;    /**< VEREDA_TRAIT_* */
  uint16_t hash_bits; /**< output size of the hash, 0 if none */
  uint16_t ssf;       /**< further discrimination inside a class; higher first */
} VeredaStrength;

/** VeredaMech.flags */
enum
{
  VEREDA_MECH_CLIENT_FIRST = 1u << 0, /**< may send an initial response */
  VEREDA_MECH_SERVER_LAST = 1u << 1,  /**< the server proves itself; success before that proof is failure */
  VEREDA_MECH_NEEDS_TLS = 1u << 2,    /**< never on an unprotected stack, whatever the policy */
  VEREDA_MECH_NEEDS_BINDING = 1u << 3,
  VEREDA_MECH_NEEDS_HOST = 1u << 4, /**< wants server_name (DIGEST-MD5, GSSAPI) */
  VEREDA_MECH_HISTORIC = 1u << 5    /**< declared so by its RFC (6331) or by experience: CRAM-MD5, NTLM */
};

typedef struct VeredaAuth VeredaAuth;

/**
 * What the core knows and lends for one exchange.  The core's; lives as long as the instance.  Append only: members later than version 1.0
 * are looked at through VEREDA_HAS().
 */
typedef struct
{
  uint32_t struct_size;
  uint32_t tls_ssf;        /**< bits of protection; 0 when the stack is not protected and verified */
  const char *service;     /**< "smtp" (RFC 4954 section 4) */
  const char *server_name; /**< as verified by TLS, else as dialled; never from DNS or the server's words */
  const char *local_addr;  /**< "192.0.2.1;587", may be NULL */
  const char *remote_addr; /**< the same of the server */
  void *self;              /**< first argument of the two calls below, which are for use inside start and step only */
  /** Ask for a credential.  @p hint: for REALM, the realms offered, comma-separated; else NULL.  Lent until step returns. */
  VeredaCredState (*credential) (void *self, VeredaCred kind, const char *hint, VeredaSpan *ret);
  /** Channel binding of the current TLS session; NULL with error if there is none of that kind.  The caller unrefs. */
  GBytes *(*binding) (void *self, VeredaBinding kind, GError **error);
  /** Names of the mechanisms in the server's latest EHLO reply, upper case, NULL-ended; may be NULL.  SCRAM's gs2 flag says "y" only where
      no -PLUS is among them (RFC 5802 section 6). */
  const char *const *offered;
} VeredaExchange;

/**
 * First member of every instance; filled by the core before start.  Frozen: the plugin's own members lie behind it, so it can never
 * grow.  What grows is the exchange that it points to.
 */
struct VeredaAuth
{
  const VeredaMech *ops;
  const VeredaHost *host;
  const VeredaExchange *exchange;
};

/** A mechanism: static and constant. */
struct VeredaMech
{
  uint32_t struct_size;                              /**< sizeof (VeredaMech) as the plugin was compiled */
  uint32_t instance_size;                            /**< sizeof the plugin's instance struct, which begins with a VeredaAuth */
  const char *name;                                  /**< RFC 4422 section 3.1: `[A-Z0-9_-]{1,20}` */
  VeredaStrength strength;                           /**< best case; equal to the keyfile's */
  uint32_t needs;                                    /**< VEREDA_NEEDS() bits; checked before the mechanism is chosen */
  uint32_t flags;                                    /**< VEREDA_MECH_* */
  gboolean (*start) (VeredaAuth *a, GError **error); /**< may be NULL */
  /**
   * One step.  @p challenge is NULL for "no challenge yet" (an initial response is wanted; only with CLIENT_FIRST), an empty span
   * for an empty challenge.  Ask for every credential before changing state, so that WAIT can be followed by the same call.
   * After DONE the core calls again only if the server sends a further challenge; answer FAILED unless that is legal.
   */
  VeredaStep (*step) (VeredaAuth *a, const VeredaSpan *challenge, GByteArray *response, GError **error);
  void (*clear) (VeredaAuth *a); /**< may be NULL */
  /**
   * After the server refused: why, as far as the mechanism learned it inside the exchange (a JSON status, SCRAM's e=), without
   * secrets.  FALSE: it knows nothing.  VEREDA_AUTH_ERROR_EXPIRED says that a fresh token may do.  May be NULL.
   */
  gboolean (*explain) (VeredaAuth *a, GError **error);
};

/** Domain of the errors that a mechanism reports. */
#define VEREDA_AUTH_ERROR (g_quark_from_static_string ("vereda-auth-error"))

/** Codes of VEREDA_AUTH_ERROR.  Values never change. */
typedef enum
{
  VEREDA_AUTH_ERROR_CREDENTIAL = 1,  /**< missing, empty, or not expressible in this mechanism */
  VEREDA_AUTH_ERROR_PROTOCOL = 2,    /**< the challenge breaks the mechanism's grammar */
  VEREDA_AUTH_ERROR_SERVER = 3,      /**< the server's proof is wrong: it does not know the secret */
  VEREDA_AUTH_ERROR_UNSUPPORTED = 4, /**< the server asks for something we do not do (layer, algorithm, binding) */
  VEREDA_AUTH_ERROR_REFUSED = 5,     /**< the server refused inside the exchange, with its reason */
  VEREDA_AUTH_ERROR_SYSTEM = 6,      /**< no randomness, no memory */
  VEREDA_AUTH_ERROR_EXPIRED = 7      /**< the token has expired: a fresh one may do */
} VeredaAuthError;

G_END_DECLS

#endif
