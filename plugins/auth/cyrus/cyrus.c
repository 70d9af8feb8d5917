/* SPDX-License-Identifier: MIT */
/*
 * The mechanisms of the installed Cyrus SASL: GSSAPI (RFC 4752), GS2-KRB5 (RFC 5801), GSS-SPNEGO, SRP, OTP (RFC 2444), NTLM and
 * ANONYMOUS (RFC 4505).  An adapter: one Cyrus connection per exchange, told one mechanism name, so that Cyrus never chooses.
 *
 * Everything that can be known without the server is done in start: a library without the mechanism or a user without a ticket
 * costs no attempt, the next mechanism is taken.  Credentials are asked for before Cyrus is called, since a mechanism of Cyrus
 * cannot be stopped in the middle to wait for one.  No security layer is ever negotiated (GSS-3): TLS does that work.
 *
 * The Kerberos mechanisms speak to a key distribution centre by themselves, in the calling thread, with the time-outs of the
 * Kerberos library, unless the ticket is in the cache; whether that library looks up the server's name in the DNS is
 * krb5.conf's dns_canonicalize_hostname (GSS-4).
 *
 * Keeps a copy of the password, wiped by clear.  Fails when the library lacks the mechanism, and when a mechanism of it does.
 */
#include "../common/credential.h"
#include "library.h"

#include <string.h>

#define N_CALLBACKS 7
#define END_POINT   "tls-server-end-point:"

typedef struct
{
  VeredaAuth parent;
  sasl_conn_t *conn;
  sasl_callback_t callbacks[N_CALLBACKS];
  sasl_channel_binding_t binding;
  GByteArray *binding_octets;
  AuthText authcid, authzid, realm;
  sasl_secret_t *secret; /* lent to Cyrus, which may wipe it */
  gsize secret_size;
  gboolean begun; /* sasl_client_start() succeeded */
  gboolean said;  /* its response is with the core */
  gboolean over;
  int result;      /* of the last call */
  const char *out; /* the response to it, Cyrus' until its next call; NULL: none */
  unsigned out_size;
} Cyrus;

/* ---- what Cyrus asks us ---- */

static int
answer_simple (void *context, int id, const char **result, unsigned *size)
{
  const Cyrus *self = context;
  const AuthText *text = id == SASL_CB_USER ? &self->authzid : &self->authcid;

  /* "" means the identity that goes with the ticket; ANONYMOUS has a word of its own to send. */
  *result = text->data != NULL ? text->data : self->parent.ops->strength.exposure == VEREDA_EXPOSE_ANONYMOUS ? "anonymous" : "";
  if (size != NULL)
    *size = (unsigned) strlen (*result);
  return SASL_OK;
}

static int
answer_secret (sasl_conn_t *conn, void *context, int id, sasl_secret_t **ret)
{
  Cyrus *self = context;

  *ret = self->secret;
  return self->secret != NULL ? SASL_OK : SASL_FAIL;
}

static int
answer_realm (void *context, int id, const char **offered, const char **ret)
{
  const Cyrus *self = context;

  *ret = self->realm.data != NULL ? self->realm.data : offered != NULL && offered[0] != NULL ? offered[0] : "";
  return SASL_OK;
}

/* Nothing of the site's configuration files may change what we choose: there are no options. */
static int
answer_option (void *context, const char *plugin, const char *option, const char **result, unsigned *size)
{
  return SASL_FAIL;
}

static void
fill_callbacks (Cyrus *self)
{
  const sasl_callback_t callbacks[N_CALLBACKS] = {
    CYRUS_CALLBACK (SASL_CB_USER, answer_simple, self),
    CYRUS_CALLBACK (SASL_CB_AUTHNAME, answer_simple, self),
    CYRUS_CALLBACK (SASL_CB_PASS, answer_secret, self),
    CYRUS_CALLBACK (SASL_CB_GETREALM, answer_realm, self),
    CYRUS_CALLBACK (SASL_CB_GETOPT, answer_option, self),
    CYRUS_CALLBACK (SASL_CB_LOG, cyrus_library_log, NULL),
    { SASL_CB_LIST_END, NULL, NULL },
  };

  memcpy (self->callbacks, callbacks, sizeof callbacks);
}

/* ---- credentials ---- */

static gboolean
needs (const Cyrus *self, VeredaCred kind)
{
  return (self->parent.ops->needs & VEREDA_NEEDS (kind)) != 0;
}

static VeredaStep
ask_password (Cyrus *self, GError **error)
{
  g_auto (AuthText) password = { NULL, 0 };
  VeredaStep s = auth_ask (&self->parent, VEREDA_CRED_PASSWORD, NULL, AUTH_ASK_OCTETS, &password, error);

  if (s != VEREDA_STEP_DONE)
    return s;
  self->secret = g_malloc0 (sizeof (sasl_secret_t) + password.size);
  self->secret->len = password.size;
  self->secret_size = password.size;
  memcpy (self->secret->data, password.data, password.size);
  return VEREDA_STEP_DONE;
}

/* Whom the mechanism cannot act for must not be dropped in silence: what is sent then would be sent as somebody else. */
static gboolean
can_act_for (const Cyrus *self, GError **error)
{
  static const char *const without[] = { "GSS-SPNEGO", "NTLM", "ANONYMOUS", NULL };
  const char *name = self->parent.ops->name;

  if (self->authzid.data == NULL)
    return TRUE;
  if (g_strv_contains (without, name))
    g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_CREDENTIAL, "%s cannot carry an authorization identity", name);
  else if (g_str_equal (name, "GS2-KRB5") && self->authcid.data == NULL) /* Cyrus takes an empty name for a wrong one then */
    g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_CREDENTIAL,
                 "%s needs a user name beside the authorization identity, and there is none", name);
  else
    return TRUE;
  return FALSE;
}

/* Everything that the mechanism can want, each once. */
static VeredaStep
ask_all (Cyrus *self, GError **error)
{
  VeredaAuth *a = &self->parent;
  const struct
  {
    VeredaCred kind;
    guint how;
    AuthText *text;
  } texts[] = {
    { VEREDA_CRED_AUTHCID, needs (self, VEREDA_CRED_AUTHCID) ? 0 : AUTH_ASK_OPTIONAL, &self->authcid },
    { VEREDA_CRED_AUTHZID, AUTH_ASK_OPTIONAL, &self->authzid },
    { VEREDA_CRED_REALM, AUTH_ASK_OPTIONAL | AUTH_ASK_VERBATIM, &self->realm },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    if (texts[i].text->data == NULL)
      {
        VeredaStep s = auth_ask (a, texts[i].kind, texts[i].kind == VEREDA_CRED_REALM ? "" : NULL,
                                 texts[i].how | AUTH_ASK_OCTETS, texts[i].text, error);
        if (s != VEREDA_STEP_DONE)
          return s;
      }
  if (!can_act_for (self, error))
    return VEREDA_STEP_FAILED;
  if (!needs (self, VEREDA_CRED_PASSWORD) || self->secret != NULL)
    return VEREDA_STEP_DONE;
  return ask_password (self, error);
}

/* ---- the connection ---- */

/* Kerberos binds itself to the TLS channel with what RFC 5929 section 4 defines, prefix and all; a server that does not look at
 * it is not disturbed.  Where TLS has none the exchange goes without. */
static int
bind_channel (Cyrus *self)
{
  const VeredaExchange *x = self->parent.exchange;
  g_autoptr (GBytes) octets = NULL;

  if (!g_str_has_prefix (self->parent.ops->name, "GSS") || x->binding == NULL)
    return SASL_OK;
  octets = x->binding (x->self, VEREDA_BINDING_TLS_SERVER_END_POINT, NULL);
  if (octets == NULL)
    return SASL_OK;
  self->binding_octets = g_byte_array_new ();
  g_byte_array_append (self->binding_octets, (const guint8 *) END_POINT, (guint) strlen (END_POINT));
  g_byte_array_append (self->binding_octets, g_bytes_get_data (octets, NULL), (guint) g_bytes_get_size (octets));
  self->binding = (sasl_channel_binding_t){ .name = "tls-server-end-point",
                                            .len = self->binding_octets->len,
                                            .data = self->binding_octets->data };
  return sasl_setprop (self->conn, SASL_CHANNEL_BINDING, &self->binding);
}

static int
open_connection (Cyrus *self)
{
  static const sasl_security_properties_t no_layer = { .min_ssf = 0, .max_ssf = 0, .maxbufsize = 0 };
  const VeredaExchange *x = self->parent.exchange;
  const char *host = x->server_name != NULL && *x->server_name != '\0' ? x->server_name : NULL;
  const char *service = x->service != NULL ? x->service : "smtp";
  sasl_ssf_t ssf = x->tls_ssf;
  int result;

  fill_callbacks (self);
  result = sasl_client_new (service, host, x->local_addr, x->remote_addr, self->callbacks, 0, &self->conn);
  if (result != SASL_OK) /* addresses in a form that it does not read are not worth failing for */
    result = sasl_client_new (service, host, NULL, NULL, self->callbacks, 0, &self->conn);
  if (result == SASL_OK)
    result = sasl_setprop (self->conn, SASL_SEC_PROPS, &no_layer);
  if (result == SASL_OK)
    result = sasl_setprop (self->conn, SASL_SSF_EXTERNAL, &ssf);
  return result == SASL_OK ? bind_channel (self) : result;
}

static gboolean
is_good (int result)
{
  return result == SASL_OK || result == SASL_CONTINUE;
}

/* Up to the initial response, which stays with Cyrus until it is wanted. */
static gboolean
begin (Cyrus *self, GError **error)
{
  const VeredaMech *mech = self->parent.ops;
  sasl_interact_t *prompts = NULL;

  self->result = open_connection (self);
  if (self->result == SASL_OK)
    self->result = sasl_client_start (self->conn, mech->name, &prompts, &self->out, &self->out_size, NULL);
  self->begun = is_good (self->result);
  if (self->result == SASL_INTERACT)
    g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_CREDENTIAL,
                 "%s, by Cyrus SASL, asks for something that nobody here can answer: %s", mech->name,
                 prompts != NULL && prompts->prompt != NULL ? prompts->prompt : "it does not say what");
  else if (!self->begun)
    cyrus_library_error (mech, self->conn, self->result, error);
  return self->begun;
}

static VeredaStep
respond (Cyrus *self, GByteArray *response, GError **error)
{
  const VeredaSpan out = { self->out, self->out != NULL ? self->out_size : 0 };

  self->out = NULL; /* gone with the next call */
  self->over = self->result != SASL_CONTINUE;
  if (!is_good (self->result))
    {
      cyrus_library_error (self->parent.ops, self->conn, self->result, error);
      return VEREDA_STEP_FAILED;
    }
  if (!auth_respond (&self->parent, response, VEREDA_AUTH_RESPONSE_MAX, &out, 1, error))
    {
      self->over = TRUE;
      return VEREDA_STEP_FAILED;
    }
  return self->over ? VEREDA_STEP_DONE : VEREDA_STEP_CONTINUE;
}

/* ---- the mechanism ---- */

static void
cyrus_clear (VeredaAuth *a)
{
  Cyrus *self = (Cyrus *) a;

  if (self->conn != NULL)
    sasl_dispose (&self->conn);
  if (self->secret != NULL)
    explicit_bzero (self->secret, sizeof (sasl_secret_t) + self->secret_size);
  g_clear_pointer (&self->secret, g_free);
  g_clear_pointer (&self->binding_octets, g_byte_array_unref);
  auth_text_clear (&self->authcid);
  auth_text_clear (&self->authzid);
  auth_text_clear (&self->realm);
  self->begun = FALSE;
  self->over = TRUE;
}

static gboolean
cyrus_start (VeredaAuth *a, GError **error)
{
  Cyrus *self = (Cyrus *) a;
  VeredaStep s = VEREDA_STEP_FAILED;

  if (cyrus_library_has (a->ops, error))
    s = ask_all (self, error);
  if (s == VEREDA_STEP_DONE && !begin (self, error))
    s = VEREDA_STEP_FAILED;
  if (s == VEREDA_STEP_FAILED)
    cyrus_clear (a);
  return s != VEREDA_STEP_FAILED; /* WAIT: the first step goes on */
}

static VeredaStep
cyrus_step (VeredaAuth *a, const VeredaSpan *challenge, GByteArray *response, GError **error)
{
  Cyrus *self = (Cyrus *) a;
  VeredaStep s;

  if (self->over)
    return auth_unexpected (a, "the server sent a challenge after the exchange was over", error);
  if (!self->begun)
    {
      if ((s = ask_all (self, error)) != VEREDA_STEP_DONE)
        return s;
      if (!begin (self, error))
        {
          self->over = TRUE;
          return VEREDA_STEP_FAILED;
        }
    }
  if (!self->said)
    {
      if (challenge != NULL && challenge->size > 0)
        return auth_unexpected (a, "the server sent a challenge where the client speaks first", error);
      self->said = TRUE;
    }
  else if (challenge == NULL)
    return auth_unexpected (a, "the initial response is already sent", error);
  else
    {
      sasl_interact_t *prompts = NULL;
      const char *in = challenge->size > 0 ? challenge->data : "";

      self->result = sasl_client_step (self->conn, in, (unsigned) challenge->size, &prompts, &self->out, &self->out_size);
    }
  s = respond (self, response, error);
  self->over = self->over || s == VEREDA_STEP_FAILED;
  return s;
}

#define KERBEROS (VEREDA_TRAIT_MUTUAL | VEREDA_TRAIT_NO_ACTIVE)
#define PASSWORD (VEREDA_NEEDS (VEREDA_CRED_AUTHCID) | VEREDA_NEEDS (VEREDA_CRED_PASSWORD))
#define MECH(NAME, NEEDS, FLAGS, ...)                                                                                          \
  &(const VeredaMech)                                                                                                          \
  {                                                                                                                            \
    .struct_size = sizeof (VeredaMech), .instance_size = sizeof (Cyrus), .name = NAME, .strength = { __VA_ARGS__ },            \
    .needs = (NEEDS), .flags = VEREDA_MECH_CLIENT_FIRST | (FLAGS), .start = cyrus_start, .step = cyrus_step,                   \
    .clear = cyrus_clear,                                                                                                      \
  }

/* The keyfile says the same.  ssf: what is older and more widely spoken first. */
static const VeredaMech *const mechs[] = {
  MECH ("GSSAPI", 0, VEREDA_MECH_NEEDS_HOST, .exposure = VEREDA_EXPOSE_NOTHING, .traits = KERBEROS, .ssf = 3),
  MECH ("GS2-KRB5", 0, VEREDA_MECH_NEEDS_HOST, .exposure = VEREDA_EXPOSE_NOTHING, .traits = KERBEROS, .ssf = 2),
  MECH ("GSS-SPNEGO", 0, VEREDA_MECH_NEEDS_HOST, .exposure = VEREDA_EXPOSE_NOTHING, .traits = KERBEROS, .ssf = 1),
  MECH ("SRP", PASSWORD, VEREDA_MECH_SERVER_LAST, .exposure = VEREDA_EXPOSE_PROOF,
        .traits = KERBEROS | VEREDA_TRAIT_NO_DICTIONARY | VEREDA_TRAIT_FORWARD_SECRET, .hash_bits = 160),
  MECH ("OTP", PASSWORD, 0, .exposure = VEREDA_EXPOSE_WEAK_PROOF, .traits = VEREDA_TRAIT_FORWARD_SECRET, .hash_bits = 64),
  MECH ("NTLM", PASSWORD, VEREDA_MECH_HISTORIC, .exposure = VEREDA_EXPOSE_WEAK_PROOF),
  MECH ("ANONYMOUS", 0, 0, .exposure = VEREDA_EXPOSE_ANONYMOUS),
  NULL,
};

static const VeredaPlugin plugin = {
  .struct_size = sizeof (VeredaPlugin),
  .abi = VEREDA_PLUGIN_ABI,
  .name = "auth_cyrus",
  .version = "0.1.0",
  .license = "MIT",
  .mechs = mechs,
};

VEREDA_PLUGIN_DEFINE (auth_cyrus, plugin)
