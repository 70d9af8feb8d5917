/* SPDX-License-Identifier: MIT */
/* connection-silence - a port that does not greet: does it speak TLS from the first octet?  Part of connection.
 *
 * A server that waits for a ClientHello and a client that waits for a greeting wait for each other until a timeout says nothing but that time
 * has passed.  So after two seconds without an octet a second connection to the same address begins TLS; when that is answered with
 * TLS the first one fails at once and says why.  Whatever else comes of it changes nothing.
 *
 * Not on port 25, where servers let strangers wait for their greeting on purpose and where nobody speaks implicit TLS, nor on a local
 * socket. */
#include "core/send/connection-private.h"

#include <string.h>
#include <unistd.h>

#include "core/plugin/host.h"

#define PATIENCE_US (2 * G_USEC_PER_SEC)
#define LOOK_US     (G_USEC_PER_SEC * 9 / 10) /* for the second connection, so that the answer is there within three seconds */

typedef struct VdSilence VdSilence;
struct VdSilence
{
  VdConnect *connect;
  VdStack *stack;
  VdWatch *watch;
  gint64 until;
};

void
vd_connection_await_greeting (VdConnection *c)
{
  const VdVisit *visit = c->setup.visit;

  if (visit->target->unix_path == NULL && visit->route.port != 25)
    c->silent_since = vd_reactor_now (c->setup.reactor);
}

gint64
vd_connection_silence_deadline (VdConnection *c)
{
  if (c->silence != NULL)
    return c->silence->until;
  return c->silent_since == G_MAXINT64 ? G_MAXINT64 : c->silent_since + PATIENCE_US;
}

static void
give_up (VdConnection *c)
{
  VdSilence *silence = c->silence;

  if (silence == NULL)
    return;
  c->silence = NULL;
  vd_connect_cancel (silence->connect);
  vd_watch_free (silence->watch);
  vd_stack_free (silence->stack);
  g_free (silence);
}

void
vd_connection_silence_end (VdConnection *c)
{
  c->silent_since = G_MAXINT64;
  give_up (c);
}

/* The first connection's end. */
static void
speaks_tls (VdConnection *c)
{
  vd_connection_silence_end (c);
  vd_session_abort (c->session, vd_connection_error_new (c, VEREDA_ERROR_TLS_MODE,
                                                         "no greeting came, but TLS was answered at once: this port speaks TLS "
                                                         "from the first octet; use implicit TLS (tls=implicit or smtps://); "
                                                         "nothing was sent"));
  vd_connection_pump (c);
}

/* An alert is an answer in TLS as well; what is only an end, or no TLS, is none. */
static gboolean
is_tls_answer (VeredaIo io, const GError *error)
{
  return io == VEREDA_IO_DONE || g_error_matches (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_CERTIFICATE)
         || g_error_matches (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_HANDSHAKE);
}

static void
shake (VdConnection *c)
{
  VdSilence *silence = c->silence;
  GError *error = NULL;
  const VeredaIo io = vd_stack_handshake (silence->stack, &error);
  const gboolean answered = is_tls_answer (io, error);

  g_clear_error (&error);
  if (io == VEREDA_IO_WANT_READ || io == VEREDA_IO_WANT_WRITE)
    vd_watch_set (silence->watch, io == VEREDA_IO_WANT_READ, io == VEREDA_IO_WANT_WRITE);
  else if (answered)
    speaks_tls (c); /* which may free c */
  else
    give_up (c);
}

static void
on_ready (gpointer data, gboolean readable, gboolean writable)
{
  shake (data);
}

static gboolean
begin_tls (VdConnection *c, int fd)
{
  VdSilence *silence = c->silence;
  VeredaTlsSettings settings;

  silence->stack = vd_stack_new (vd_host_get ());
  if (!vd_stack_open (silence->stack, c->plain, fd, NULL))
    {
      close (fd);
      return FALSE;
    }
  silence->watch = vd_reactor_watch (c->setup.reactor, fd, on_ready, c);
  g_autofree char *peer_name = vd_visit_peer_name (c->setup.visit, c->setup.options);
  vd_connection_tls_settings (c, peer_name, &settings);
  settings.insecure_skip_verify = TRUE; /* nothing is said over it: whoever answers will do */
  settings.cert_file = settings.key_file = NULL;
  return vd_stack_wrap (silence->stack, c->tls, &settings, NULL);
}

static void
on_connected (gpointer data, int fd, guint endpoint, const GArray *attempts, const GError *error)
{
  VdConnection *c = data;

  c->silence->connect = NULL;
  if (fd >= 0 && begin_tls (c, fd))
    shake (c);
  else
    give_up (c);
}

static void
look (VdConnection *c)
{
  g_autoptr (GPtrArray) endpoints = vd_endpoints_new ();
  const VdConnectOptions options = { .per_address_timeout_us = LOOK_US };

  c->silent_since = G_MAXINT64; /* once */
  if (c->tls == NULL && !vd_connection_load_tls (c, NULL))
    return;
  g_ptr_array_add (endpoints, vd_endpoint_copy (c->endpoints->pdata[c->endpoint]));
  c->silence = g_new0 (VdSilence, 1);
  c->silence->until = vd_reactor_now (c->setup.reactor) + LOOK_US;
  c->silence->connect = vd_connect_start (c->setup.reactor, endpoints, &options, on_connected, c);
}

void
vd_connection_silence_tick (VdConnection *c)
{
  if (c->at != VD_AT_DIALOGUE || vd_connection_silence_deadline (c) > vd_reactor_now (c->setup.reactor))
    return;
  if (c->silence != NULL)
    give_up (c);
  else
    look (c);
}
