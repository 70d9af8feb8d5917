/* SPDX-License-Identifier: MIT */
/* floor-gnutls - see floor.h; with GnuTLS.  pkg-config: gnutls */
#include <gnutls/gnutls.h>

#include "floor.h"

static gnutls_session_t session;

static void
secure (int fd, const char *host, const char *ca)
{
  gnutls_certificate_credentials_t credentials;

  if (gnutls_certificate_allocate_credentials (&credentials) < 0
      || gnutls_certificate_set_x509_trust_file (credentials, ca, GNUTLS_X509_FMT_PEM) < 1
      || gnutls_init (&session, GNUTLS_CLIENT) < 0 || gnutls_set_default_priority (session) < 0
      || gnutls_credentials_set (session, GNUTLS_CRD_CERTIFICATE, credentials) < 0
      || gnutls_server_name_set (session, GNUTLS_NAME_DNS, host, strlen (host)) < 0)
    die ("TLS");
  gnutls_session_set_verify_cert (session, host, 0);
  gnutls_transport_set_int (session, fd);
  if (gnutls_handshake (session) < 0)
    die ("handshake");
}

static void
put (const char *data, size_t size)
{
  if (gnutls_record_send (session, data, size) != (ssize_t) size)
    die ("write");
}

static size_t
get (char *data, size_t size)
{
  ssize_t got;

  while ((got = gnutls_record_recv (session, data, size)) == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED)
    continue;
  return got > 0 ? (size_t) got : 0;
}
