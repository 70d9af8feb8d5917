/* SPDX-License-Identifier: MIT */
/* credential - see credential.h.  Secrets live in VdSecret only.
 *
 * A request belongs to the thread that drives the connection, and changes there alone.  What the application says outside of the callback, in
 * whatever thread, is a letter to that thread; while a letter is under way it counts as a holder, so that a question which is being
 * answered is not taken for one that nobody kept. */
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
  gint holders; /* references of the application's and of letters; atomic */
  GThread *asker;
  VdInbox *inbox; /* of the asker's reactor; NULL: everything happens in one thread */
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

/* TRUE inside the callback; in_call is looked at by the thread alone that writes it. */
static gboolean
in_own_call (const VeredaCredentialRequest *request)
{
  return request->asker == g_thread_self () && request->in_call;
}

VeredaCredentialRequest *
vereda_credential_request_ref (VeredaCredentialRequest *request)
{
  g_atomic_ref_count_inc (&request->refs);
  g_atomic_int_inc (&request->holders);
  return request;
}

static void
drop (VeredaCredentialRequest *request)
{
  if (!g_atomic_ref_count_dec (&request->refs))
    return;
  vd_secret_unref (request->secret);
  vd_inbox_unref (request->inbox);
  g_free (request->server);
  g_free (request->user);
  g_free (request);
}

typedef struct
{
  VeredaCredentialRequest *request;
  State state;
  VdSecret *secret;
} Letter;

static void
letter_open (gpointer data)
{
  Letter *letter = data;
  settle (letter->request, letter->state, g_steal_pointer (&letter->secret));
}

/* Opened, or nobody is there any more to open it. */
static void
letter_free (gpointer data)
{
  Letter *letter = data;
  vd_secret_unref (letter->secret);
  g_atomic_int_add (&letter->request->holders, -1);
  drop (letter->request);
  g_free (letter);
}

static void
tell (VeredaCredentialRequest *request, State state, VdSecret *secret)
{
  if (request->inbox == NULL || in_own_call (request))
    {
      settle (request, state, secret);
      return;
    }
  Letter *letter = g_new0 (Letter, 1);
  *letter = (Letter){ vereda_credential_request_ref (request), state, secret };
  vd_inbox_post (request->inbox, letter_open, letter, letter_free);
}

void
vereda_credential_request_answer (VeredaCredentialRequest *request, const void *data, gsize size)
{
  tell (request, ANSWERED, vd_secret_new (data, size));
}

void
vereda_credential_request_decline (VeredaCredentialRequest *request)
{
  tell (request, DECLINED, NULL);
}

void
vereda_credential_request_unref (VeredaCredentialRequest *request)
{
  if (request == NULL)
    return;
  /* Nobody can answer any more, but for the callback while it runs.  An answer that was given is not taken back by this. */
  if (g_atomic_int_dec_and_test (&request->holders) && !in_own_call (request))
    tell (request, DECLINED, NULL);
  drop (request);
}

static VeredaCredentialRequest *
ask (const VdCredentialSlot *slot, VeredaCredentialFunc func, gpointer func_data, VeredaCredentialKind kind, const char *server,
     const char *user, VdInbox *inbox, VdCredentialAnswered answered, gpointer data)
{
  VeredaCredentialRequest *request = g_new0 (VeredaCredentialRequest, 1);

  g_atomic_ref_count_init (&request->refs);
  request->kind = kind;
  request->reason = slot->reason != 0 ? slot->reason : VEREDA_CREDENTIAL_FIRST;
  request->server = g_strdup (server);
  request->user = g_strdup (user);
  request->asker = g_thread_self ();
  request->inbox = inbox != NULL ? vd_inbox_ref (inbox) : NULL;
  request->answered = answered;
  request->data = data;
  request->in_call = TRUE;
  func (request, func_data);
  request->in_call = FALSE;
  if (request->state == PENDING && g_atomic_int_get (&request->holders) == 0)
    request->state = DECLINED; /* neither answered nor kept */
  return request;
}

VeredaCredState
vd_credential_get (VdCredentialSlot *slot, VdSecret *fixed, VeredaCredentialFunc func, gpointer func_data,
                   VeredaCredentialKind kind, const char *server, const char *user, VdInbox *inbox,
                   VdCredentialAnswered answered, gpointer data, VeredaSpan *ret)
{
  if (fixed != NULL)
    {
      *ret = vd_secret_span (fixed);
      return VEREDA_CRED_HAVE;
    }
  if (func == NULL)
    return VEREDA_CRED_NONE;
  if (slot->request == NULL)
    slot->request = ask (slot, func, func_data, kind, server, user, inbox, answered, data);
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
  g_clear_pointer (&slot->request, drop);
}

void
vd_credential_slot_share (const VdCredentialSlot *from, VdCredentialSlot *to)
{
  if (from->request == NULL || from->request->state != ANSWERED || from->request == to->request)
    return;
  vd_credential_slot_clear (to);
  g_atomic_ref_count_inc (&from->request->refs);
  to->request = from->request;
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
