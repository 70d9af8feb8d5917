/* SPDX-License-Identifier: MIT */
/* connection-reach - from a name to a connected descriptor: transports loaded, name resolved, addresses raced.  Part of connection.
 *
 * Each step ends in vd_connection_pump(), failed or not. */
#include "core/send/connection-private.h"

#include <sys/socket.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/plugin/host.h"

static int
family_of (VdConnection *c)
{
  static const int families[] = { AF_UNSPEC, AF_INET, AF_INET6 };

  return families[vd_options_choice (c->setup.options, VD_OPTION_FAMILY)];
}

static void
on_connected (gpointer data, int fd, guint endpoint, const GArray *attempts, const GError *error)
{
  VdConnection *c = data;
  GError *why = NULL;

  c->connect = NULL;
  if (fd < 0)
    {
      if (c->setup.visit->target->host != NULL)
        vd_names_forget (c->setup.names, c->setup.visit->target->host, c->setup.visit->route.port, family_of (c));
      why = g_error_copy (error);
      vd_error_prefix (&why, "%s", c->setup.visit->name);
      vd_connection_fail (c, VEREDA_STAGE_CONNECT, why);
      vd_connection_pump (c);
      return;
    }
  c->endpoint = endpoint;
  c->address = g_strdup (((VdEndpoint *) g_ptr_array_index (c->endpoints, endpoint))->text);
  c->stack = vd_stack_new (vd_host_get ());
  if (!vd_stack_open (c->stack, c->plain, fd, &why))
    {
      close (fd);
      vd_error_prefix (&why, "%s", c->setup.visit->name);
      vd_connection_fail (c, VEREDA_STAGE_CONNECT, why);
      vd_connection_pump (c);
      return;
    }
  vd_connection_note (c, VEREDA_STAGE_CONNECT, TRUE, NULL, VEREDA_DECISION_CONTINUE, "connected to %s", c->address);
  vd_connection_watch (c, fd);
  if (c->setup.visit->route.mode == VD_MODE_IMPLICIT)
    vd_connection_begin_tls (c, FALSE);
  else
    vd_connection_begin_session (c, FALSE);
  vd_connection_pump (c);
}

static void
start_connecting (VdConnection *c)
{
  const char *local = vd_options_text (c->setup.options, VD_OPTION_LOCAL_ADDRESS);
  VdEndpoint *local_endpoint = local != NULL ? vd_endpoint_new_literal (local, 0) : NULL;
  VdConnectOptions options = {
    .per_address_timeout_us = vd_options_time (c->setup.options, VD_OPTION_CONNECT_TIMEOUT),
    .local_address = local_endpoint,
  };

  c->at = VD_AT_CONNECT;
  c->stage = VEREDA_STAGE_CONNECT;
  c->stage_deadline = G_MAXINT64; /* the race has its own */
  c->connect = vd_connect_start (c->setup.reactor, c->endpoints, &options, on_connected, c);
  vd_endpoint_free (local_endpoint);
}

static void
on_resolved (gpointer data, GPtrArray *endpoints, const GError *error)
{
  VdConnection *c = data;

  c->resolve = NULL;
  if (endpoints == NULL)
    {
      GError *why = g_error_copy (error);

      vd_error_prefix (&why, "%s", c->setup.visit->name);
      vd_connection_fail (c, VEREDA_STAGE_RESOLVE, why);
    }
  else
    {
      c->endpoints = g_ptr_array_ref (endpoints);
      start_connecting (c);
    }
  vd_connection_pump (c);
}

static void
start_resolving (VdConnection *c)
{
  const VdVisit *visit = c->setup.visit;

  c->at = VD_AT_RESOLVE;
  c->stage = VEREDA_STAGE_RESOLVE;
  c->stage_deadline = vd_reactor_now (c->setup.reactor) + vd_options_time (c->setup.options, VD_OPTION_CONNECT_TIMEOUT);
  c->resolve = vd_names_find (c->setup.names, visit->target->host, visit->route.port, family_of (c), on_resolved, c);
}

void
vd_connection_begin (gpointer data)
{
  VdConnection *c = data;
  VdVisit *visit = c->setup.visit;
  GError *error = NULL;

  if (!vd_connection_load_transports (c))
    ;
  else if (visit->endpoints != NULL)
    {
      c->endpoints = g_ptr_array_ref (visit->endpoints);
      start_connecting (c);
    }
  else if (visit->target->unix_path != NULL)
    {
      VdEndpoint *endpoint = vd_endpoint_new_unix (visit->target->unix_path, &error);

      if (endpoint == NULL)
        vd_connection_fail (c, VEREDA_STAGE_CONNECT, error);
      else
        {
          c->endpoints = vd_endpoints_new ();
          g_ptr_array_add (c->endpoints, endpoint);
          start_connecting (c);
        }
    }
  else
    start_resolving (c);
  vd_connection_pump (c);
}
