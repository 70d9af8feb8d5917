/* SPDX-License-Identifier: MIT */
/* peer - what the peers' programs share: their arguments, and the message in memory.
 *
 *   PROGRAM HOST PORT COUNT FILE [none|starttls|implicit CA-FILE [USER PASSWORD]]
 *
 * Each sends FILE, which has CRLF line ends, COUNT times over one connection, in the way its library's own documentation shows as the
 * best, and returns 0 only when the server took every one. */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEER_FROM "sender@bench.example"
#define PEER_TO   "recipient@bench.example"

typedef struct
{
  const char *host, *port, *file, *tls, *ca, *user, *password;
  unsigned long count;
  char *data; /* and a NUL */
  size_t size;
} Peer;

__attribute__ ((noreturn, unused)) static void
peer_die (const char *what, const char *why)
{
  fprintf (stderr, "%s: %s\n", what, why != NULL ? why : "failed");
  exit (1);
}

__attribute__ ((unused)) static void
peer_read_file (Peer *peer)
{
  FILE *file = fopen (peer->file, "rb");
  long size;

  if (file == NULL || fseek (file, 0, SEEK_END) != 0 || (size = ftell (file)) < 0)
    peer_die (peer->file, "cannot be read");
  rewind (file);
  peer->size = (size_t) size;
  peer->data = malloc (peer->size + 1);
  if (peer->data == NULL || fread (peer->data, 1, peer->size, file) != peer->size)
    peer_die (peer->file, "cannot be read");
  peer->data[peer->size] = '\0';
  fclose (file);
}

__attribute__ ((unused)) static void
peer_parse (Peer *peer, int argc, char **argv)
{
  if (argc < 5)
    peer_die (argv[0], "usage: HOST PORT COUNT FILE [none|starttls|implicit CA-FILE [USER PASSWORD]]");
  memset (peer, 0, sizeof *peer);
  peer->host = argv[1];
  peer->port = argv[2];
  peer->count = strtoul (argv[3], NULL, 10);
  peer->file = argv[4];
  peer->tls = argc > 5 ? argv[5] : "none";
  peer->ca = argc > 6 ? argv[6] : NULL;
  peer->user = argc > 8 ? argv[7] : NULL;
  peer->password = argc > 8 ? argv[8] : NULL;
}

#endif
