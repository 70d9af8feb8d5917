/* SPDX-License-Identifier: MIT */
/* floor - the least a client can do that sends one message over STARTTLS with AUTH PLAIN: what is below it no client can save.
 *
 *   PROGRAM HOST PORT FILE CA-FILE BASE64-OF-PLAIN
 *
 * Verifies the certificate and its name, pipelines as RFC 2920 allows, looks at the first digit of each reply and at nothing else.  The TLS
 * library comes from the file that includes this one. */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Given by the includer; they end the process when they fail. */
static void secure (int fd, const char *host, const char *ca);
static void put (const char *data, size_t size);
static size_t get (char *data, size_t size);

static int clear_fd = -1; /* while it is not secure */

__attribute__ ((noreturn)) static void
die (const char *what)
{
  fprintf (stderr, "floor: %s\n", what);
  exit (1);
}

static void
say (const char *data, size_t size)
{
  if (clear_fd < 0)
    put (data, size);
  else if (write (clear_fd, data, size) != (ssize_t) size)
    die ("write");
}

/* So many replies, the last line of each with a space behind its code. */
static void
hear (int replies)
{
  char block[4096];
  size_t have = 0;

  while (replies > 0)
    {
      const ssize_t got = clear_fd < 0 ? (ssize_t) get (block + have, sizeof block - have)
                                       : read (clear_fd, block + have, sizeof block - have);
      if (got <= 0)
        die ("connection lost");
      have += (size_t) got;
      char *line = block, *end;
      while ((end = memchr (line, '\n', have - (size_t) (line - block))) != NULL)
        {
          if (line[0] != '2' && line[0] != '3')
            die (line);
          replies -= line[3] == ' ';
          line = end + 1;
        }
      have -= (size_t) (line - block);
      memmove (block, line, have);
    }
}

static int
open_socket (const char *host, const char *port)
{
  const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
  struct addrinfo *found = NULL;

  if (getaddrinfo (host, port, &hints, &found) != 0)
    die ("no such host");
  for (struct addrinfo *at = found; at != NULL; at = at->ai_next)
    {
      const int fd = socket (at->ai_family, at->ai_socktype, at->ai_protocol);
      if (fd >= 0 && connect (fd, at->ai_addr, at->ai_addrlen) == 0)
        {
          freeaddrinfo (found);
          return fd;
        }
      close (fd);
    }
  die ("cannot connect");
}

#define SAY(text) say (text, strlen (text))

int
main (int argc, char **argv)
{
  static char message[1024 * 1024];
  char line[1024];

  if (argc != 6)
    die ("usage: HOST PORT FILE CA-FILE BASE64-OF-PLAIN");
  FILE *file = fopen (argv[3], "rb");
  const size_t size = file != NULL ? fread (message, 1, sizeof message, file) : 0;
  const int fd = clear_fd = open_socket (argv[1], argv[2]);
  hear (1);
  SAY ("EHLO bench.example\r\n");
  hear (1);
  SAY ("STARTTLS\r\n");
  hear (1);
  secure (fd, argv[1], argv[4]);
  clear_fd = -1;
  SAY ("EHLO bench.example\r\n");
  hear (1);
  snprintf (line, sizeof line, "AUTH PLAIN %s\r\n", argv[5]);
  SAY (line);
  hear (1);
  SAY ("MAIL FROM:<sender@bench.example>\r\nRCPT TO:<recipient@bench.example>\r\nDATA\r\n");
  hear (3);
  memcpy (message + size, ".\r\nQUIT\r\n", 9);
  say (message, size + 9);
  hear (1);
  return 0;
}

#endif
