/* SPDX-License-Identifier: MIT */
/* exchange - a mechanism and a server brought together.
 *
 * Pure but for what the mechanism does. */
#include "kit/exchange.h"

#include <string.h>

#define WAITS_MAX 16

void
kit_exchange_check (KitContext *kit, const VeredaMech *mech, const char *id)
{
  kit_begin (kit, id, mech->name);
}

void
kit_exchange_init (KitExchange *x, KitContext *kit, const VeredaMech *mech, const char *id)
{
  guint8 binding[32];
  memset (x, 0, sizeof *x);
  memset (binding, 0x42, sizeof binding);
  x->kit = kit;
  x->mech = mech;
  x->id = id;
  x->m = vereda_kit_mech_new (mech);
  x->server = kit_dialogue_new (mech->name);
  x->challenge = g_byte_array_new ();
  x->transcript = g_byte_array_sized_new (KIT_DEPTH_MAX * (VEREDA_AUTH_RESPONSE_MAX + 4)); /* never moves: it holds secrets */
  x->last = VEREDA_STEP_CONTINUE;
  if ((mech->needs & VEREDA_NEEDS (VEREDA_CRED_AUTHCID)) != 0)
    vereda_kit_mech_set_credential (x->m, VEREDA_CRED_AUTHCID, KIT_USER, strlen (KIT_USER));
  if ((mech->needs & VEREDA_NEEDS (VEREDA_CRED_AUTHZID)) != 0)
    vereda_kit_mech_set_credential (x->m, VEREDA_CRED_AUTHZID, KIT_USER, strlen (KIT_USER));
  if ((mech->needs & VEREDA_NEEDS (VEREDA_CRED_PASSWORD)) != 0)
    vereda_kit_mech_set_credential (x->m, VEREDA_CRED_PASSWORD, KIT_PASSWORD, strlen (KIT_PASSWORD));
  if ((mech->needs & VEREDA_NEEDS (VEREDA_CRED_TOKEN)) != 0)
    vereda_kit_mech_set_credential (x->m, VEREDA_CRED_TOKEN, KIT_TOKEN, strlen (KIT_TOKEN));
  if ((mech->needs & VEREDA_NEEDS (VEREDA_CRED_REALM)) != 0)
    vereda_kit_mech_set_credential (x->m, VEREDA_CRED_REALM, "example.org", strlen ("example.org"));
  if ((mech->flags & VEREDA_MECH_NEEDS_BINDING) != 0 || g_str_has_suffix (mech->name, "-PLUS"))
    {
      vereda_kit_mech_set_binding (x->m, VEREDA_BINDING_TLS_EXPORTER, binding, sizeof binding);
      vereda_kit_mech_set_binding (x->m, VEREDA_BINDING_TLS_SERVER_END_POINT, binding, sizeof binding);
    }
}

void
kit_exchange_clear (KitExchange *x)
{
  const char *const *faults = vereda_kit_mech_get_faults (x->m);
  kit_doing (x->kit, "clear of %s after %u steps", x->mech->name, x->depth);
  vereda_kit_mech_clear (x->m);
  faults = vereda_kit_mech_get_faults (x->m);
  if (*faults != NULL)
    {
      kit_exchange_check (x->kit, x->mech, "auth.contract");
      for (; *faults != NULL; faults++)
        kit_fail (x->kit, "%s", *faults);
      kit_exchange_check (x->kit, x->mech, x->id);
    }
  vereda_kit_mech_free (x->m);
  kit_dialogue_free (x->server);
  g_byte_array_unref (x->challenge);
  g_byte_array_unref (x->transcript);
  g_clear_error (&x->error);
  g_free (x->wrong);
}

static gboolean
over (KitEnd *ret_end, KitEnd end)
{
  *ret_end = end;
  return FALSE;
}

static void
write_down (KitExchange *x, gconstpointer response, gsize size)
{
  guint32 length = (guint32) size;
  g_byte_array_append (x->transcript, (const guint8 *) &length, sizeof length);
  g_byte_array_append (x->transcript, response, (guint) size);
}

/* The server's turn after a response; the first one of a server that speaks first has no response before it. */
static gboolean
server_turn (KitExchange *x, const void *response, gsize size, KitEnd *ret_end)
{
  /* Only the mechanism knows when an exchange ends that the kit does not know. */
  if (x->last == VEREDA_STEP_DONE && !kit_dialogue_is_known (x->server))
    return over (ret_end, KIT_END_SUCCESS);
  KitTurn turn = kit_dialogue_next (x->server, response, size, x->challenge, &x->wrong);
  x->has_challenge = turn == KIT_TURN_CHALLENGE;
  if (turn == KIT_TURN_WRONG)
    return over (ret_end, KIT_END_WRONG);
  if (turn == KIT_TURN_SUCCESS && x->last == VEREDA_STEP_DONE)
    return over (ret_end, KIT_END_SUCCESS);
  if (turn == KIT_TURN_SUCCESS)
    {
      x->wrong = g_strdup ("the server is content and the mechanism is not: it returned CONTINUE, and 235 would be a failure");
      return over (ret_end, KIT_END_WRONG);
    }
  return TRUE;
}

gboolean
kit_exchange_step (KitExchange *x, KitEnd *ret_end)
{
  gsize size = 0;
  if (x->depth == 0 && (x->mech->flags & VEREDA_MECH_CLIENT_FIRST) == 0 && !server_turn (x, NULL, 0, ret_end))
    return FALSE;
  g_clear_error (&x->error);
  kit_doing (x->kit, "step %u of %s", x->depth + 1, x->mech->name);
  for (guint i = 0; i < WAITS_MAX; i++)
    {
      /* an empty challenge is not the same as none */
      const void *data = x->challenge->len > 0 ? (const void *) x->challenge->data : "";
      x->last = vereda_kit_mech_step (x->m, x->has_challenge ? data : NULL, x->challenge->len, &x->error);
      if (x->last != VEREDA_STEP_WAIT)
        break;
    }
  x->depth++;
  if (x->last == VEREDA_STEP_FAILED)
    return over (ret_end, KIT_END_FAILED);
  if (x->last == VEREDA_STEP_WAIT || x->depth == KIT_DEPTH_MAX)
    return over (ret_end, KIT_END_UNFINISHED);
  const void *response = vereda_kit_mech_get_response (x->m, &size);
  write_down (x, response, size);
  return server_turn (x, response, size, ret_end);
}

KitEnd
kit_exchange_run (KitExchange *x, guint depth)
{
  KitEnd end = KIT_END_UNFINISHED;
  while (x->depth < depth && kit_exchange_step (x, &end))
    ;
  return end;
}
