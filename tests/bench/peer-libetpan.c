/* SPDX-License-Identifier: MIT */
/* libetpan: one session, the commands of its low-level interface, as its own examples use it.  It verifies no certificate.
 * pkg-config: libetpan */
#include <libetpan/libetpan.h>

#include "peer.h"

static void
check (int code, int good, const char *what)
{
  if (code != good)
    peer_die (what, mailsmtp_strerror (code));
}

int
main (int argc, char **argv)
{
  Peer peer;

  peer_parse (&peer, argc, argv);
  peer_read_file (&peer);
  mailsmtp *session = mailsmtp_new (0, NULL);
  if (session == NULL)
    peer_die ("libetpan", "no session");
  check (mailsmtp_socket_connect (session, peer.host, (uint16_t) atoi (peer.port)), MAILSMTP_NO_ERROR, "connect");
  check (mailesmtp_ehlo (session), MAILSMTP_NO_ERROR, "EHLO");
  for (unsigned long i = 0; i < peer.count; i++)
    {
      check (mailesmtp_mail_size (session, PEER_FROM, 1, "bench", peer.size), MAILSMTP_NO_ERROR, "MAIL");
      check (mailesmtp_rcpt (session, PEER_TO, 0, NULL), MAILSMTP_NO_ERROR, "RCPT");
      check (mailsmtp_data (session), MAILSMTP_NO_ERROR, "DATA");
      check (mailsmtp_data_message (session, peer.data, peer.size), MAILSMTP_NO_ERROR, "message");
    }
  mailsmtp_quit (session);
  mailsmtp_free (session);
  return 0;
}
