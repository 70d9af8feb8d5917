/* SPDX-License-Identifier: MIT */
/*
 * OAUTHBEARER, RFC 7628, and XOAUTH2, which came before it: a bearer token (RFC 6750) in one message of the client.
 *
 *   OAUTHBEARER  n,a=USER,^Ahost=HOST^Aport=PORT^Aauth=Bearer TOKEN^A^A     (^A is the octet 1)
 *   XOAUTH2      user=USER^Aauth=Bearer TOKEN^A^A
 *
 * A server that refuses says why in a JSON document, as one more challenge, and waits for an answer without content before it
 * says so in SMTP: one ^A for OAUTHBEARER (section 3.2.3), nothing at all for XOAUTH2.  From then on a success would contradict
 * the server's own words and does not satisfy the mechanism.
 *
 * Keeps the document's three texts, never the token.  Fails on credentials that are missing or not expressible, on a message
 * longer than SMTP carries, and on challenges after the answer.
 */
#include "../common/credential.h"
#include "document.h"

#include <string.h>

#define KVSEP "\001"

typedef enum
{
  FIRST = 0,
  SENT,    /* the token is with the server */
  REFUSED, /* the document was answered */
} State;

typedef struct
{
  VeredaAuth parent;
  State state;
  gboolean readable; /* the document is JSON */
  OauthDocument document;
} Oauth;

static gboolean
is_oauthbearer (const VeredaAuth *a)
{
  return a->ops->name[0] == 'O';
}

/* The token, lent until the step ends.  RFC 6749 appendix A.12: visible characters of ASCII.  What else comes out of a file or
 * a command (a line end, "Bearer " before it) is a mistake that the server would only answer with 535; and ^A would end the
 * field. */
static VeredaStep
ask_token (VeredaAuth *a, VeredaSpan *ret, GError **error)
{
  VeredaCredState state = a->exchange->credential (a->exchange->self, VEREDA_CRED_TOKEN, NULL, ret);

  if (state == VEREDA_CRED_LATER)
    return VEREDA_STEP_WAIT;
  if (state != VEREDA_CRED_HAVE || ret->data == NULL || ret->size == 0)
    {
      g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_CREDENTIAL, "%s needs a token, and there is none", a->ops->name);
      return VEREDA_STEP_FAILED;
    }
  for (gsize i = 0; i < ret->size; i++)
    if (!g_ascii_isgraph (((const char *) ret->data)[i]))
      {
        g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_CREDENTIAL,
                     "The token holds a blank, a control character or one that is not ASCII, which %s does not allow: give it "
                     "alone, without \"Bearer\" and without a line end",
                     a->ops->name);
        return VEREDA_STEP_FAILED;
      }
  return VEREDA_STEP_DONE;
}

/* RFC 5801 section 4: "," and "=" of a saslname are written "=2C" and "=3D". */
static void
escape_saslname (AuthText *name)
{
  char *to, *escaped = g_malloc (3 * name->size + 1);

  to = escaped;
  for (gsize i = 0; i < name->size; i++)
    switch (name->data[i])
      {
      case ',':
        to = stpcpy (to, "=2C");
        break;
      case '=':
        to = stpcpy (to, "=3D");
        break;
      default:
        *to++ = name->data[i];
      }
  *to = '\0';
  auth_text_clear (name);
  *name = (AuthText){ escaped, (gsize) (to - escaped) };
}

/* The user whose mailbox it is: the authorization identity where there is one. */
static VeredaStep
ask_user (VeredaAuth *a, AuthText *ret_user, GError **error)
{
  VeredaStep s = auth_ask (a, VEREDA_CRED_AUTHZID, NULL, AUTH_ASK_OPTIONAL, ret_user, error);

  if (s != VEREDA_STEP_DONE || ret_user->data != NULL)
    return s;
  return auth_ask (a, VEREDA_CRED_AUTHCID, NULL, 0, ret_user, error);
}

/* The port of "192.0.2.1;587"; "" when it is not known. */
static const char *
remote_port (const VeredaAuth *a)
{
  const char *port = a->exchange->remote_addr != NULL ? strrchr (a->exchange->remote_addr, ';') : NULL;

  return port != NULL && port[1] != '\0' && strspn (port + 1, "0123456789") == strlen (port + 1) ? port + 1 : "";
}

#define TEXT(text)                                                                                                             \
  {                                                                                                                            \
    (text), strlen (text)                                                                                                      \
  }

static gboolean
write_message (VeredaAuth *a, const AuthText *user, const VeredaSpan *token, GByteArray *response, GError **error)
{
  const char *host = a->exchange->server_name != NULL ? a->exchange->server_name : "", *port = remote_port (a);
  gboolean bearer = is_oauthbearer (a);
  const VeredaSpan parts[] = {
    TEXT (bearer ? "n,a=" : "user="),
    { user->data, user->size },
    TEXT (bearer ? "," : ""),
    TEXT (bearer && *host != '\0' ? KVSEP "host=" : ""),
    TEXT (bearer ? host : ""),
    TEXT (bearer && *port != '\0' ? KVSEP "port=" : ""),
    TEXT (bearer ? port : ""),
    TEXT (KVSEP "auth=Bearer "),
    *token,
    TEXT (KVSEP KVSEP),
  };

  return auth_respond (a, response, VEREDA_AUTH_RESPONSE_MAX, parts, G_N_ELEMENTS (parts), error);
}

static VeredaStep
send_token (Oauth *self, GByteArray *response, GError **error)
{
  VeredaAuth *a = &self->parent;
  g_auto (AuthText) user = { NULL, 0 };
  VeredaSpan token = { NULL, 0 };
  VeredaStep s;

  if ((s = ask_user (a, &user, error)) != VEREDA_STEP_DONE || (s = ask_token (a, &token, error)) != VEREDA_STEP_DONE)
    return s;
  if (is_oauthbearer (a))
    escape_saslname (&user);
  if (!write_message (a, &user, &token, response, error))
    return VEREDA_STEP_FAILED;
  self->state = SENT;
  return VEREDA_STEP_DONE;
}

static VeredaStep
oauth_step (VeredaAuth *a, const VeredaSpan *challenge, GByteArray *response, GError **error)
{
  Oauth *self = (Oauth *) a;

  if (self->state == FIRST) /* an empty challenge is the request for what did not fit into the AUTH line */
    return send_token (self, response, error);
  if (self->state == REFUSED || challenge == NULL)
    return auth_unexpected (a, "the server sent a challenge after it had refused the token (RFC 7628 section 3.2.3)", error);
  self->readable = oauth_document_parse (challenge, &self->document);
  self->state = REFUSED;
  if (is_oauthbearer (a))
    g_byte_array_append (response, (const guint8 *) KVSEP, 1);
  return VEREDA_STEP_CONTINUE;
}

static gboolean
oauth_explain (VeredaAuth *a, GError **error)
{
  const Oauth *self = (const Oauth *) a;
  const OauthDocument *d = &self->document;
  gboolean expired = oauth_document_is_expired (d);

  if (self->state != REFUSED)
    return FALSE;
  if (!self->readable)
    {
      g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_REFUSED,
                   "The server refused the token, with a reason that is not the JSON it should be");
      return TRUE;
    }
  g_set_error (error, VEREDA_AUTH_ERROR, expired ? VEREDA_AUTH_ERROR_EXPIRED : VEREDA_AUTH_ERROR_REFUSED,
               "The server refused the token%s%s%s%s%s%s%s%s%s", expired ? ", which is not or no longer valid" : "",
               d->status != NULL ? ": status " : "", d->status != NULL ? d->status : "",
               d->scope != NULL ? "; it takes tokens for the scope \"" : "", d->scope != NULL ? d->scope : "",
               d->scope != NULL ? "\"" : "",
               d->openid_configuration != NULL ? "; it names as its issuer's configuration \"" : "",
               d->openid_configuration != NULL ? d->openid_configuration : "", d->openid_configuration != NULL ? "\"" : "");
  return TRUE;
}

static void
oauth_clear (VeredaAuth *a)
{
  oauth_document_clear (&((Oauth *) a)->document);
}

#define MECH(NAME, SSF)                                                                                                        \
  {                                                                                                                            \
    .struct_size = sizeof (VeredaMech), .instance_size = sizeof (Oauth), .name = NAME,                                         \
    .strength = { .exposure = VEREDA_EXPOSE_TOKEN, .ssf = SSF },                                                               \
    .needs = VEREDA_NEEDS (VEREDA_CRED_AUTHCID) | VEREDA_NEEDS (VEREDA_CRED_TOKEN),                                            \
    .flags = VEREDA_MECH_CLIENT_FIRST | VEREDA_MECH_NEEDS_TLS, .step = oauth_step, .clear = oauth_clear,                       \
    .explain = oauth_explain,                                                                                                  \
  }

static const VeredaMech oauthbearer = MECH ("OAUTHBEARER", 1); /* ssf: before XOAUTH2, which no standard describes */
static const VeredaMech xoauth2 = MECH ("XOAUTH2", 0);

static const VeredaMech *const mechs[] = { &oauthbearer, &xoauth2, NULL };

static const VeredaPlugin plugin = {
  .struct_size = sizeof (VeredaPlugin),
  .abi = VEREDA_PLUGIN_ABI,
  .name = "auth_oauth",
  .version = "0.1.0",
  .license = "MIT",
  .mechs = mechs,
};

VEREDA_PLUGIN_DEFINE (auth_oauth, plugin)
