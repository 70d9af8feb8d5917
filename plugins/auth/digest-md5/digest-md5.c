/* SPDX-License-Identifier: MIT */
/*
 * DIGEST-MD5, RFC 2831 (Historic by RFC 6331): challenge, proof, counter-proof.
 *
 * qop=auth only: the layers it could negotiate are weaker than the TLS around them.  No subsequent authentication, so never an
 * initial response.  The mechanism is satisfied only when the server has proved with rspauth that it knows the password too.
 *
 * User name, password and authorization identity must be UTF-8, since the character set decides how they are hashed.
 *
 * Keeps the expected rspauth between the two challenges, and nothing from which the password could be had.  Fails on challenges
 * that challenge.c refuses, on credentials that are missing or not expressible in the server's character set, and on a proof
 * that is missing or wrong; after a failure every further step fails.
 */
#include "challenge.h"
#include "digest.h"

#include <string.h>

#define RESPONSE_LIMIT 4095 /* section 2.1.2: "The size of a digest-response MUST be less than 4096 bytes." */
#define CNONCE_OCTETS  24   /* a multiple of three: base64 without padding */

typedef enum
{
  WANT_CHALLENGE = 0,
  WANT_RSPAUTH,
  FINISHED
} State;

typedef struct
{
  VeredaAuth parent;
  State state;
  char rspauth[DIGEST_HEX];
} Digest;

/* Everything the response needs; wiped and freed as one. */
typedef struct
{
  DigestChallenge challenge;
  AuthText user, password, authzid, realm;
  AuthText user_latin1, password_latin1, realm_latin1;
} Work;

static void
work_clear (Work *w)
{
  digest_challenge_clear (&w->challenge);
  auth_text_clear (&w->user);
  auth_text_clear (&w->password);
  auth_text_clear (&w->authzid);
  auth_text_clear (&w->realm);
  auth_text_clear (&w->user_latin1);
  auth_text_clear (&w->password_latin1);
  auth_text_clear (&w->realm_latin1);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Work, work_clear)

/* The realm that is a domain the server stands in, the longest such; else the first. */
static const char *
choose_realm (const GPtrArray *realms, const char *server_name)
{
  const char *best = NULL;
  gsize name_size = strlen (server_name);

  for (guint i = 0; i < realms->len; i++)
    {
      const char *realm = realms->pdata[i];
      gsize size = strlen (realm);
      const char *tail = server_name + (name_size - MIN (size, name_size));

      if (size == 0 || size > name_size || g_ascii_strcasecmp (tail, realm) != 0)
        continue;
      if (tail > server_name && tail[-1] != '.')
        continue;
      if (best == NULL || size > strlen (best))
        best = realm;
    }
  if (best == NULL && realms->len > 0)
    best = realms->pdata[0];
  return best;
}

static VeredaStep
ask_realm (VeredaAuth *a, Work *w, GError **error)
{
  g_autofree char *offered = NULL;
  const char *chosen;
  VeredaStep s;

  g_ptr_array_add (w->challenge.realms, NULL);
  offered = g_strjoinv (",", (char **) w->challenge.realms->pdata);
  g_ptr_array_remove_index (w->challenge.realms, w->challenge.realms->len - 1);

  s = auth_ask (a, VEREDA_CRED_REALM, offered, AUTH_ASK_OPTIONAL | AUTH_ASK_VERBATIM, &w->realm, error);
  if (s != VEREDA_STEP_DONE || w->realm.data != NULL)
    return s;
  chosen = choose_realm (w->challenge.realms, a->exchange->server_name);
  if (chosen != NULL)
    {
      w->realm.data = g_strdup (chosen);
      w->realm.size = strlen (chosen);
    }
  return VEREDA_STEP_DONE;
}

static VeredaStep
ask_all (VeredaAuth *a, Work *w, GError **error)
{
  VeredaStep s;

  if ((s = auth_ask (a, VEREDA_CRED_AUTHCID, NULL, 0, &w->user, error)) != VEREDA_STEP_DONE
      || (s = ask_realm (a, w, error)) != VEREDA_STEP_DONE
      || (s = auth_ask (a, VEREDA_CRED_PASSWORD, NULL, 0, &w->password, error)) != VEREDA_STEP_DONE)
    return s;
  return auth_ask (a, VEREDA_CRED_AUTHZID, NULL, AUTH_ASK_OPTIONAL, &w->authzid, error);
}

/* Section 2.1.2.1: what can be said in ISO-8859-1 is hashed as ISO-8859-1, each string for itself, also when UTF-8 is sent.
 * A server that does not offer charset=utf-8 can be told nothing else. */
static gboolean
find_hash_forms (Work *w, GError **error)
{
  const struct
  {
    const char *name;
    const AuthText *utf8;
    AuthText *latin1;
  } texts[] = {
    { "user name", &w->user, &w->user_latin1 },
    { "realm", &w->realm, &w->realm_latin1 },
    { "password", &w->password, &w->password_latin1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    if (texts[i].utf8->data != NULL && !digest_latin1 (texts[i].utf8, texts[i].latin1) && !w->challenge.utf8)
      {
        g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_CREDENTIAL,
                     "DIGEST-MD5: the %s has characters outside ISO-8859-1, and the server does not take UTF-8", texts[i].name);
        return FALSE;
      }
  return TRUE;
}

static VeredaSpan
hash_form (const AuthText *utf8, const AuthText *latin1)
{
  const AuthText *text = latin1->data != NULL ? latin1 : utf8;

  return (VeredaSpan){ text->data, text->size };
}

/* A quoted-string, RFC 2616 section 2.2. */
static char *
quote (const char *text)
{
  GString *quoted = g_string_new ("\"");

  for (; *text != '\0'; text++)
    {
      if (*text == '"' || *text == '\\')
        g_string_append_c (quoted, '\\');
      g_string_append_c (quoted, *text);
    }
  g_string_append_c (quoted, '"');
  return g_string_free (quoted, FALSE);
}

static char *
make_cnonce (VeredaAuth *a, GError **error)
{
  guint8 octets[CNONCE_OCTETS];

  if (!a->host->random (a->host->self, octets, sizeof octets, error))
    {
      if (error != NULL && *error == NULL)
        g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_SYSTEM, "DIGEST-MD5: there is no randomness to be had");
      return NULL;
    }
  return g_base64_encode (octets, sizeof octets);
}

/* The digest-response, in the order of the example in section 4. */
static gboolean
write_response (VeredaAuth *a, const Work *w, const char *cnonce, const char *uri, const char *proof, GByteArray *response,
                GError **error)
{
  gboolean utf8 = w->challenge.utf8;
  g_autofree char *user = quote (utf8 ? w->user.data : w->user_latin1.data);
  g_autofree char *realm = w->realm.data == NULL ? NULL : quote (utf8 ? w->realm.data : w->realm_latin1.data);
  g_autofree char *nonce = quote (w->challenge.nonce);
  g_autofree char *quoted_uri = quote (uri);
  g_autofree char *authzid = w->authzid.data == NULL ? NULL : quote (w->authzid.data);
  const char *const texts[] = {
    utf8 ? "charset=utf-8," : "",
    "username=",
    user,
    realm != NULL ? ",realm=" : "",
    realm != NULL ? realm : "",
    ",nonce=",
    nonce,
    ",nc=00000001,cnonce=\"",
    cnonce,
    "\",digest-uri=",
    quoted_uri,
    ",response=",
    proof,
    ",qop=auth",
    authzid != NULL ? ",authzid=" : "",
    authzid != NULL ? authzid : "",
  };
  VeredaSpan parts[G_N_ELEMENTS (texts)];

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    parts[i] = (VeredaSpan){ texts[i], strlen (texts[i]) };
  return auth_respond (a, response, RESPONSE_LIMIT, parts, G_N_ELEMENTS (parts), error);
}

static VeredaStep
answer_challenge (Digest *self, const VeredaSpan *text, GByteArray *response, GError **error)
{
  VeredaAuth *a = &self->parent;
  g_auto (Work) w = { .challenge = { NULL } };
  g_autofree char *cnonce = NULL, *uri = NULL;
  char proof[DIGEST_HEX + 1] = "";
  VeredaStep s;

  if (a->exchange->server_name == NULL || *a->exchange->server_name == '\0')
    {
      g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_UNSUPPORTED,
                   "DIGEST-MD5 needs the server's name for its digest-uri, and there is none");
      return VEREDA_STEP_FAILED;
    }
  if (!digest_challenge_parse (text, &w.challenge, error))
    return VEREDA_STEP_FAILED;
  if ((s = ask_all (a, &w, error)) != VEREDA_STEP_DONE)
    return s;
  if (!find_hash_forms (&w, error) || (cnonce = make_cnonce (a, error)) == NULL)
    return VEREDA_STEP_FAILED;

  uri = g_strdup_printf ("%s/%s", a->exchange->service != NULL ? a->exchange->service : "smtp", a->exchange->server_name);
  const DigestInput input = {
    .user = hash_form (&w.user, &w.user_latin1),
    .realm = hash_form (&w.realm, &w.realm_latin1),
    .password = hash_form (&w.password, &w.password_latin1),
    .authzid = { w.authzid.data, w.authzid.size },
    .nonce = w.challenge.nonce,
    .cnonce = cnonce,
    .uri = uri,
  };
  digest_compute (&input, proof, self->rspauth);
  if (!write_response (a, &w, cnonce, uri, proof, response, error))
    return VEREDA_STEP_FAILED;
  self->state = WANT_RSPAUTH;
  return VEREDA_STEP_CONTINUE;
}

static VeredaStep
check_rspauth (Digest *self, const VeredaSpan *text, GError **error)
{
  g_autofree char *rspauth = NULL;

  self->state = FINISHED; /* right or wrong, there is no second try */
  rspauth = digest_rspauth_parse (text, error);
  if (rspauth == NULL)
    return VEREDA_STEP_FAILED;
  if (strlen (rspauth) != DIGEST_HEX || !digest_equal (rspauth, self->rspauth, DIGEST_HEX))
    {
      g_set_error (
          error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_SERVER,
          "DIGEST-MD5: the server's proof (rspauth) is wrong, so it does not know the password; is this the right server?");
      return VEREDA_STEP_FAILED;
    }
  return VEREDA_STEP_DONE;
}

static VeredaStep
digest_step (VeredaAuth *a, const VeredaSpan *challenge, GByteArray *response, GError **error)
{
  Digest *self = (Digest *) a;

  if (challenge == NULL)
    return auth_unexpected (a, "the server speaks first; there is no initial response", error);
  if (self->state == WANT_CHALLENGE)
    return answer_challenge (self, challenge, response, error);
  if (self->state == WANT_RSPAUTH)
    return check_rspauth (self, challenge, error);
  return auth_unexpected (a, "the server sent a challenge after the exchange was over (RFC 2831 section 2.1.3)", error);
}

static void
digest_clear (VeredaAuth *a)
{
  Digest *self = (Digest *) a;

  explicit_bzero (self->rspauth, sizeof self->rspauth);
  self->state = FINISHED;
}

static const VeredaMech digest_mech = {
  .struct_size = sizeof (VeredaMech),
  .instance_size = sizeof (Digest),
  .name = "DIGEST-MD5",
  .strength = { .exposure = VEREDA_EXPOSE_WEAK_PROOF, .traits = VEREDA_TRAIT_MUTUAL, .hash_bits = 128 },
  .needs = VEREDA_NEEDS (VEREDA_CRED_AUTHCID) | VEREDA_NEEDS (VEREDA_CRED_PASSWORD),
  .flags = VEREDA_MECH_SERVER_LAST | VEREDA_MECH_NEEDS_HOST | VEREDA_MECH_HISTORIC,
  .step = digest_step,
  .clear = digest_clear,
};

static const VeredaMech *const mechs[] = { &digest_mech, NULL };

static const VeredaPlugin plugin = {
  .struct_size = sizeof (VeredaPlugin),
  .abi = VEREDA_PLUGIN_ABI,
  .name = "auth_digest_md5",
  .version = "0.1.0",
  .license = "MIT",
  .mechs = mechs,
};

VEREDA_PLUGIN_DEFINE (auth_digest_md5, plugin)
