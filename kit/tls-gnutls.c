/* SPDX-License-Identifier: MIT */
/* tls-gnutls - a TLS server of GnuTLS in memory.
 *
 * Ends the process when it cannot be set up; what goes wrong on a session is for the client to see. */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

#include "kit/tls.h"

struct KitTlsServer
{
  gnutls_session_t session;
  gnutls_certificate_credentials_t creds;
  GByteArray *in;
  GByteArray *out;
  gboolean open;
  gboolean failed;
  gboolean said_goodbye;
};

static ssize_t
pull (gnutls_transport_ptr_t data, void *buf, size_t size)
{
  KitTlsServer *server = data;
  guint n = (guint) MIN (size, server->in->len);

  if (n == 0)
    {
      gnutls_transport_set_errno (server->session, EAGAIN);
      return -1;
    }
  memcpy (buf, server->in->data, n);
  g_byte_array_remove_range (server->in, 0, n);
  return (ssize_t) n;
}

static ssize_t
push (gnutls_transport_ptr_t data, const void *buf, size_t size)
{
  KitTlsServer *server = data;

  g_byte_array_append (server->out, buf, (guint) size);
  return (ssize_t) size;
}

static int
pull_timeout (gnutls_transport_ptr_t data, unsigned int ms)
{
  return ((KitTlsServer *) data)->in->len > 0;
}

static KitTlsServer *
create (const KitTlsConfig *config)
{
  KitTlsServer *server = g_new0 (KitTlsServer, 1);
  g_autofree char *priority
      = g_strdup_printf ("NORMAL:-VERS-ALL:+VERS-TLS1.%d:%%VERIFY_ALLOW_BROKEN", config->version == 0x0304 ? 3 : 2);

  server->in = g_byte_array_new ();
  server->out = g_byte_array_new ();
  if (gnutls_certificate_allocate_credentials (&server->creds) < 0
      || gnutls_certificate_set_x509_key_file (server->creds, config->cert, config->key, GNUTLS_X509_FMT_PEM) < 0
      || gnutls_init (&server->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0
      || gnutls_priority_set_direct (server->session, priority, NULL) < 0
      || gnutls_credentials_set (server->session, GNUTLS_CRD_CERTIFICATE, server->creds) < 0)
    g_error ("GnuTLS cannot use %s", config->cert);
  gnutls_transport_set_ptr (server->session, server);
  gnutls_transport_set_pull_function (server->session, pull);
  gnutls_transport_set_push_function (server->session, push);
  gnutls_transport_set_pull_timeout_function (server->session, pull_timeout);
  return server;
}

static void
destroy (KitTlsServer *server)
{
  gnutls_deinit (server->session);
  gnutls_certificate_free_credentials (server->creds);
  g_byte_array_unref (server->in);
  g_byte_array_unref (server->out);
  g_free (server);
}

static void
give (KitTlsServer *server, const void *data, gsize size)
{
  g_byte_array_append (server->in, data, (guint) size);
}

static gsize
take (KitTlsServer *server, void *buf, gsize size)
{
  guint n = (guint) MIN (size, server->out->len);

  if (n > 0)
    {
      memcpy (buf, server->out->data, n);
      g_byte_array_remove_range (server->out, 0, n);
    }
  return n;
}

static void
run (KitTlsServer *server, gboolean silent)
{
  char buf[4096];
  ssize_t n;

  if (server->failed)
    return;
  if (!server->open)
    {
      int code = gnutls_handshake (server->session);

      if (code < 0 && gnutls_error_is_fatal (code))
        {
          server->failed = TRUE;
          gnutls_alert_send_appropriate (server->session, code);
        }
      if (code < 0)
        return;
      server->open = TRUE;
    }
  while ((n = gnutls_record_recv (server->session, buf, sizeof buf)) > 0)
    gnutls_record_send (server->session, buf, (size_t) n);
  if (n == 0 && !silent && !server->said_goodbye)
    {
      server->said_goodbye = TRUE;
      gnutls_bye (server->session, GNUTLS_SHUT_WR);
    }
}

static gboolean
is_open (KitTlsServer *server)
{
  return server->open;
}

/* GnuTLS gives tls-server-end-point for the peer's certificate only, which a server's own is not. */
static GBytes *
end_point (KitTlsServer *server)
{
  const gnutls_datum_t *own = gnutls_certificate_get_ours (server->session);
  guint8 octets[32];
  size_t size = sizeof octets;

  if (own == NULL || gnutls_fingerprint (GNUTLS_DIG_SHA256, own, octets, &size) < 0)
    return NULL;
  return g_bytes_new (octets, size);
}

static GBytes *
binding (KitTlsServer *server, VeredaBinding kind)
{
  gnutls_datum_t octets = { NULL, 0 };
  GBytes *bytes;

  if (kind == VEREDA_BINDING_TLS_SERVER_END_POINT)
    return end_point (server);
  if (gnutls_session_channel_binding (
          server->session, kind == VEREDA_BINDING_TLS_EXPORTER ? GNUTLS_CB_TLS_EXPORTER : GNUTLS_CB_TLS_UNIQUE, &octets)
      < 0)
    return NULL;
  bytes = g_bytes_new (octets.data, octets.size);
  gnutls_free (octets.data);
  return bytes;
}

const KitTlsLibrary kit_tls_gnutls = {
  .library = "GnuTLS",
  .create = create,
  .destroy = destroy,
  .give = give,
  .take = take,
  .run = run,
  .is_open = is_open,
  .binding = binding,
};
