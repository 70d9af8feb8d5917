/* SPDX-License-Identifier: MIT */
/* credential - see credential.h.  Secrets live in VdSecret only. */
#include "core/send/credential.h"

typedef enum
{
  PENDING,
  ANSWERED,
  DECLINED
} State;

struct VeredaCredentialRequest
{
  gatomicrefcount refs;
  VeredaCredentialKind kind;
  VeredaCredentialReason reason;
  char *server, *user;
  State state;
  VdSecret *secret;
  gboolean in_call;              /* the callback has not returned yet */
  VdCredentialAnswered answered; /* NULL once the asker is gone */
  gpointer data;
};

VeredaCredentialKind
vereda_credential_request_get_kind (VeredaCredentialRequest *request)
{
  return request->kind;
}

VeredaCredentialReason
vereda_credential_request_get_reason (VeredaCredentialRequest *request)
{
  return request->reason;
}

const char *
vereda_credential_request_get_server (VeredaCredentialRequest *request)
{
  return request->server;
}

const char *
vereda_credential_request_get_user (VeredaCredentialRequest *request)
{
  return request->user;
}

static void
settle (VeredaCredentialRequest *request, State state, VdSecret *secret)
{
  if (request->state != PENDING)
    {
      vd_secret_unref (secret);
      return;
    }
  request->state = state;
  request->secret = secret;
  if (!request->in_call && request->answered != NULL)
    request->answered (request->data);
}

void
vereda_credential_request_answer (VeredaCredentialRequest *request, const void *data, gsize size)
{
  settle (request, ANSWERED, vd_secret_new (data, size));
}

void
vereda_credential_request_decline (VeredaCredentialRequest *request)
{
  settle (request, DECLINED, NULL);
}

VeredaCredentialRequest *
vereda_credential_request_ref (VeredaCredentialRequest *request)
{
  g_atomic_ref_count_inc (&request->refs);
  return request;
}

static void
request_free (VeredaCredentialRequest *request)
{
  vd_secret_unref (request->secret);
  g_free (request->server);
  g_free (request->user);
  g_free (request);
}

void
vereda_credential_request_unref (VeredaCredentialRequest *request)
{
  if (request == NULL)
    return;
  /* The asker holds one reference: when it is the only one left nobody can answer any more, but for the callback while it runs. */
  if (request->state == PENDING && !request->in_call && request->answered != NULL
      && g_atomic_ref_count_compare (&request->refs, 2))
    settle (request, DECLINED, NULL);
  if (g_atomic_ref_count_dec (&request->refs))
    request_free (request);
}

static VeredaCredentialRequest *
ask (const VdCredentialSlot *slot, VeredaCredentialFunc func, gpointer func_data, VeredaCredentialKind kind, const char *server,
     const char *user, VdCredentialAnswered answered, gpointer data)
{
  VeredaCredentialRequest *request = g_new0 (VeredaCredentialRequest, 1);

  g_atomic_ref_count_init (&request->refs);
  request->kind = kind;
  request->reason = slot->reason != 0 ? slot->reason : VEREDA_CREDENTIAL_FIRST;
  request->server = g_strdup (server);
  request->user = g_strdup (user);
  request->answered = answered;
  request->data = data;
  request->in_call = TRUE;
  func (request, func_data);
  request->in_call = FALSE;
  if (request->state == PENDING && g_atomic_ref_count_compare (&request->refs, 1))
    request->state = DECLINED; /* neither answered nor kept */
  return request;
}

VeredaCredState
vd_credential_get (VdCredentialSlot *slot, VdSecret *fixed, VeredaCredentialFunc func, gpointer func_data,
                   VeredaCredentialKind kind, const char *server, const char *user, VdCredentialAnswered answered,
                   gpointer data, VeredaSpan *ret)
{
  if (fixed != NULL)
    {
      *ret = vd_secret_span (fixed);
      return VEREDA_CRED_HAVE;
    }
  if (func == NULL)
    return VEREDA_CRED_NONE;
  if (slot->request == NULL)
    slot->request = ask (slot, func, func_data, kind, server, user, answered, data);
  switch (slot->request->state)
    {
    case PENDING:
      return VEREDA_CRED_LATER;
    case ANSWERED:
      *ret = vd_secret_span (slot->request->secret);
      return VEREDA_CRED_HAVE;
    case DECLINED:
    default:
      return VEREDA_CRED_NONE;
    }
}

void
vd_credential_slot_clear (VdCredentialSlot *slot)
{
  if (slot->request == NULL)
    return;
  slot->request->answered = NULL;
  g_clear_pointer (&slot->request, vereda_credential_request_unref);
}

void
vd_credential_slot_detach (VdCredentialSlot *slot)
{
  if (slot->request == NULL)
    return;
  if (slot->request->state == PENDING)
    vd_credential_slot_clear (slot);
  else
    slot->request->answered = NULL;
}

gboolean
vd_credential_slot_reject (VdCredentialSlot *slot, VeredaCredentialReason why)
{
  if (slot->request == NULL || slot->request->state != ANSWERED)
    return FALSE;
  vd_credential_slot_clear (slot);
  slot->reason = why;
  return TRUE;
}

gboolean
vd_credential_slot_is_declined (const VdCredentialSlot *slot)
{
  return slot->request != NULL && slot->request->state == DECLINED;
}
