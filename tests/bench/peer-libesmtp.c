/* SPDX-License-Identifier: MIT */
/* libESMTP: one session with all messages in it, which is how its manual has many sent; it pipelines by itself where it may.
 * pkg-config: libesmtp-1.0 openssl */
#include <openssl/ssl.h>
#include <stdlib.h>

/* These two include nothing of what they need. */
#include <auth-client.h>
#include <libesmtp.h>

#include "peer.h"

static const char *
on_message (void **context, int *length, void *data)
{
  const Peer *peer = data;

  /* *context says whether the message has been handed over; a NULL length asks to start again. */
  if (*context == NULL)
    *context = malloc (sizeof (int));
  if (*context == NULL)
    peer_die ("libesmtp", "no memory");
  if (length == NULL)
    {
      *(int *) *context = 0;
      return NULL;
    }
  *length = *(int *) *context ? 0 : (int) peer->size;
  *(int *) *context = 1;
  return *length > 0 ? peer->data : NULL;
}

static int
on_auth (auth_client_request_t request, char **result, int fields, void *data)
{
  const Peer *peer = data;

  for (int i = 0; i < fields; i++)
    result[i] = (char *) (request[i].flags & AUTH_PASS ? peer->password : peer->user);
  return 1;
}

int
main (int argc, char **argv)
{
  Peer peer;
  char where[300], why[200] = "";
  smtp_session_t session = smtp_create_session ();

  peer_parse (&peer, argc, argv);
  peer_read_file (&peer);
  snprintf (where, sizeof where, "%s:%s", peer.host, peer.port);
  auth_client_init ();
  if (session == NULL || !smtp_set_server (session, where))
    peer_die ("libesmtp", smtp_strerror (smtp_errno (), why, sizeof why));
  if (strcmp (peer.tls, "starttls") == 0)
    {
      SSL_CTX *ctx = SSL_CTX_new (TLS_client_method ());
      SSL_CTX_load_verify_locations (ctx, peer.ca, NULL);
      SSL_CTX_set_verify (ctx, SSL_VERIFY_PEER, NULL);
      smtp_starttls_set_ctx (session, ctx);
      smtp_starttls_enable (session, Starttls_REQUIRED);
    }
  if (peer.user != NULL)
    {
      auth_context_t auth = auth_create_context ();
      auth_set_mechanism_flags (auth, AUTH_PLUGIN_PLAIN, 0);
      auth_set_interact_cb (auth, on_auth, &peer);
      smtp_auth_set_context (session, auth);
    }
  smtp_message_t *messages = calloc (peer.count, sizeof *messages);
  for (unsigned long i = 0; i < peer.count; i++)
    {
      messages[i] = smtp_add_message (session);
      smtp_set_reverse_path (messages[i], PEER_FROM);
      smtp_add_recipient (messages[i], PEER_TO);
      smtp_set_messagecb (messages[i], on_message, &peer);
    }
  if (!smtp_start_session (session))
    peer_die ("libesmtp", smtp_strerror (smtp_errno (), why, sizeof why));
  for (unsigned long i = 0; i < peer.count; i++)
    if (smtp_message_transfer_status (messages[i])->code != 250)
      peer_die ("libesmtp: not taken", smtp_message_transfer_status (messages[i])->text);
  smtp_destroy_session (session);
  return 0;
}
