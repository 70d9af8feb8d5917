/* SPDX-License-Identifier: MIT */
/*
 * Credentials and responses: see credential.h.
 *
 * May touch only what the core lends (VeredaAuth, the response) and its own copies, which it wipes.  Fails on credentials that
 * are missing, empty, too long or not expressible.  No error ever quotes a credential, not even a user name.
 */
#include "credential.h"

#include "saslprep.h"

#include <string.h>

static const char *const kind_names[] = {
  [VEREDA_CRED_AUTHCID] = "user name", [VEREDA_CRED_AUTHZID] = "authorization identity",
  [VEREDA_CRED_PASSWORD] = "password", [VEREDA_CRED_TOKEN] = "token",
  [VEREDA_CRED_REALM] = "realm",
};

void
auth_text_clear (AuthText *text)
{
  if (text->data != NULL)
    explicit_bzero (text->data, text->size);
  g_clear_pointer (&text->data, g_free);
  text->size = 0;
}

static void
text_copy (const VeredaSpan *span, AuthText *ret_text)
{
  ret_text->data = g_malloc (span->size + 1);
  memcpy (ret_text->data, span->data, span->size);
  ret_text->data[span->size] = '\0';
  ret_text->size = span->size;
}

static AuthPrep
prepare (const VeredaSpan *span, guint how, AuthText *ret_text)
{
  AuthPrep prep;

  if (how & AUTH_ASK_VERBATIM)
    {
      if (!g_utf8_validate_len (span->data, span->size, NULL))
        return AUTH_PREP_NOT_UTF8;
      for (gsize i = 0; i < span->size; i++)
        if (g_ascii_iscntrl (((const char *) span->data)[i]))
          return AUTH_PREP_CONTROL;
      text_copy (span, ret_text);
      return AUTH_PREP_OK;
    }
  prep = auth_saslprep (span->data, span->size, &ret_text->data, &ret_text->size);
  if (prep == AUTH_PREP_NOT_UTF8 && (how & AUTH_ASK_OCTETS))
    {
      text_copy (span, ret_text);
      prep = AUTH_PREP_OK;
    }
  return prep;
}

VeredaStep
auth_ask (VeredaAuth *a, VeredaCred kind, const char *hint, guint how, AuthText *ret_text, GError **error)
{
  const char *name = kind_names[kind];
  VeredaSpan span = { NULL, 0 };
  VeredaCredState state = a->exchange->credential (a->exchange->self, kind, hint, &span);
  AuthPrep prep;

  if (state == VEREDA_CRED_LATER)
    return VEREDA_STEP_WAIT;
  if (state != VEREDA_CRED_HAVE || span.data == NULL || span.size == 0)
    {
      if (how & AUTH_ASK_OPTIONAL)
        return VEREDA_STEP_DONE;
      g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_CREDENTIAL, "%s needs a %s, and there is none", a->ops->name,
                   name);
      return VEREDA_STEP_FAILED;
    }
  if (span.size > VEREDA_AUTH_RESPONSE_MAX)
    {
      g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_CREDENTIAL,
                   "The %s has %" G_GSIZE_FORMAT " octets; %s can carry %u", name, span.size, a->ops->name,
                   VEREDA_AUTH_RESPONSE_MAX);
      return VEREDA_STEP_FAILED;
    }
  if (memchr (span.data, '\0', span.size) != NULL)
    {
      g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_CREDENTIAL, "The %s holds a NUL, which %s cannot carry", name,
                   a->ops->name);
      return VEREDA_STEP_FAILED;
    }
  prep = prepare (&span, how, ret_text);
  if (prep != AUTH_PREP_OK)
    {
      g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_CREDENTIAL, "The %s %s%s, which %s does not allow", name,
                   auth_prep_text (prep), prep == AUTH_PREP_EMPTY ? " after SASLprep (RFC 4013)" : "", a->ops->name);
      return VEREDA_STEP_FAILED;
    }
  return VEREDA_STEP_DONE;
}

gboolean
auth_respond (VeredaAuth *a, GByteArray *response, gsize limit, const VeredaSpan *parts, gsize n, GError **error)
{
  gsize size = response->len;

  for (gsize i = 0; i < n; i++)
    size += parts[i].size;
  if (size > limit)
    {
      g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_CREDENTIAL,
                   "The credentials make a response of %" G_GSIZE_FORMAT " octets; %s over SMTP can carry %" G_GSIZE_FORMAT,
                   size, a->ops->name, limit);
      return FALSE;
    }
  for (gsize i = 0; i < n; i++)
    if (parts[i].size > 0)
      g_byte_array_append (response, parts[i].data, (guint) parts[i].size);
  return TRUE;
}

VeredaStep
auth_unexpected (VeredaAuth *a, const char *what, GError **error)
{
  g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_PROTOCOL, "%s: %s", a->ops->name, what);
  return VEREDA_STEP_FAILED;
}

G_GNUC_NO_INLINE void
auth_burn_stack (void)
{
  char ashes[4096];

  explicit_bzero (ashes, sizeof ashes);
}
