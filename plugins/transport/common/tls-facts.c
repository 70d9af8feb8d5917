/* SPDX-License-Identifier: MIT */
/* tls-facts: what a session says about itself; see tls-facts.h. */
#include "tls-facts.h"

gboolean
tls_facts_text (const char *text, VeredaFactValue *ret)
{
  if (text == NULL || text[0] == '\0')
    return FALSE;
  ret->str = text;
  return TRUE;
}

void
tls_facts_lower_case (const char *name, char *to, size_t room)
{
  for (size_t i = 0; name != NULL && name[i] != '\0' && i < room - 1; i++)
    to[i] = g_ascii_tolower (name[i]);
}

GBytes *
tls_facts_no_binding (GError **error, const char *why)
{
  g_set_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_UNSUPPORTED, "TLS channel binding: %s", why);
  return NULL;
}

static gboolean
say_number (gboolean known, int64_t number, VeredaFactValue *ret)
{
  ret->num = number;
  return known;
}

static gboolean
say_bytes (GBytes *bytes, VeredaFactValue *ret)
{
  if (bytes == NULL)
    return FALSE;
  ret->bytes = g_bytes_ref (bytes);
  return TRUE;
}

/* Of what happens in a handshake, whether it was good or not. */
static gboolean
handshake_fact (TlsSession *self, VeredaFact fact, VeredaFactValue *ret)
{
  switch (fact)
    {
    case VEREDA_FACT_HANDSHAKE_IN:
      return say_number (TRUE, (int64_t) self->handshake_in, ret);
    case VEREDA_FACT_HANDSHAKE_OUT:
      return say_number (TRUE, (int64_t) self->handshake_out, ret);
    case VEREDA_FACT_SNI:
      return self->ip_size == 0 && tls_facts_text (self->peer_name, ret);
    case VEREDA_FACT_CLIENT_ASKED:
      return say_number (self->established, self->client_asked, ret);
    case VEREDA_FACT_CLIENT_ISSUERS:
      return say_bytes (self->client_issuers, ret);
    case VEREDA_FACT_OCSP:
      return say_number (self->established && !self->resumed, self->ocsp, ret);
    case VEREDA_FACT_OCSP_RESPONSE:
      return say_bytes (self->ocsp_response, ret);
    case VEREDA_FACT_SIGNATURE:
      return tls_facts_text (self->signature, ret);
    case VEREDA_FACT_RESUMED:
      return say_number (self->established, self->resumed, ret);
    case VEREDA_FACT_CLIENT_CERT:
      return say_number (self->established, self->client_cert, ret);
    case VEREDA_FACT_CLEAR_ANSWER:
      if (!self->alien)
        return FALSE;
      ret->bytes = g_bytes_new (self->head, self->head_n);
      return TRUE;
    default:
      return FALSE;
    }
}

gboolean
tls_facts_answer (TlsSession *self, VeredaFact fact, VeredaFactValue *ret)
{
  switch (fact)
    {
    case VEREDA_FACT_PEER_VERIFIED:
      return say_number (TRUE, self->established && self->judged && self->verify == VEREDA_VERIFY_OK, ret);
    case VEREDA_FACT_VERIFY:
      return say_number (self->judged, self->verify, ret);
    case VEREDA_FACT_VERIFY_TEXT:
      return self->judged && tls_facts_text (self->verify_text, ret);
    case VEREDA_FACT_VERIFY_DEPTH:
      return say_number (self->judged && self->verify != VEREDA_VERIFY_OK, self->depth, ret);
    case VEREDA_FACT_MATCHED_NAME:
      return tls_facts_text (self->matched_name, ret);
    case VEREDA_FACT_PIN:
      return say_number (self->judged && self->pin >= 0, self->pin, ret);
    case VEREDA_FACT_TLSA:
      return say_number (self->judged && self->record_found >= 0, self->record_found, ret);
    case VEREDA_FACT_PEER_CHAIN:
      return say_bytes (self->chain, ret);
    default:
      return handshake_fact (self, fact, ret);
    }
}
