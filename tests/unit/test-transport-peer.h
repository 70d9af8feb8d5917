/* SPDX-License-Identifier: MIT */
/*
 * A TLS server in memory and the lower layer that leads to it, which can be made as awkward as the contract allows.
 */
#ifndef VEREDA_TEST_TRANSPORT_PEER_H
#define VEREDA_TEST_TRANSPORT_PEER_H

#include "test-transport.h"

/* The server: echoes what it hears. */
typedef struct
{
  SSL *ssl;
  BIO *in;
  BIO *out;
  guint hellos;    /* ClientHello messages seen */
  int key_updates; /* ask for new keys before that many answers; GnuTLS allows eight a second */
  gboolean hello_request;
  gboolean silent; /* says goodbye only when told */
} Peer;

/* The lower layer. */
typedef struct
{
  VeredaLayer layer;
  Peer *peer;
  size_t read_most; /* octets per call; 0 for any number */
  size_t write_most;
  gboolean alternate; /* every second call must wait */
  gboolean twisted;   /* … and the wrong way round: a read for writing, a write for reading */
  gboolean frozen;    /* nothing comes, nothing goes */
  int cut_at;         /* number of the call that fails; -1 for none */
  VeredaIo cut_with;  /* ERROR or EOF */
  int calls;
  VeredaIo want; /* what was last said */
  gboolean was_cut;
} MemLayer;

void peer_init (Peer *peer, int version);
void peer_clear (Peer *peer);
/* Lets the server do what it can with what it has got. */
void peer_run (Peer *peer);

extern const VeredaTransport mem_transport;

#endif
