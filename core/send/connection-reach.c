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

/* ---- who looks on ---- */

void
vd_connection_entered (VdConnection *c, VeredaStage stage)
{
  const VdConnectionObserver *observer = c->setup.observer;

  if (observer != NULL && observer->entered != NULL)
    observer->entered (observer->data, stage);
}

gboolean
vd_connection_passed (VdConnection *c, VeredaStage stage)
{
  const VdConnectionObserver *observer = c->setup.observer;

  if (observer == NULL || observer->passed == NULL || observer->passed (observer->data, stage) == VD_GO_ON)
    return TRUE;
  c->stage = stage;
  vd_connection_close (c);
  return FALSE;
}

/* ---- reaching it ---- */

static void
on_connected (gpointer data, int fd, guint endpoint, const GArray *attempts, const GError *error)
{
  VdConnection *c = data;
  const VeredaTransport *bottom = c->plain;
  GError *why = NULL;

  c->connect = NULL;
  if (c->setup.observer != NULL && c->setup.observer->raced != NULL)
    c->setup.observer->raced (c->setup.observer->data, c->endpoints, attempts);
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
  c->is_tcp = vd_endpoint_family (g_ptr_array_index (c->endpoints, endpoint)) != AF_UNIX;
  c->stack = vd_stack_new (vd_host_get ());
  if (c->setup.observer != NULL && c->setup.observer->meter != NULL)
    {
      vd_meter_init (c->setup.observer->meter, bottom);
      bottom = &c->setup.observer->meter->ops;
    }
  if (!vd_stack_open (c->stack, bottom, fd, &why))
    {
      close (fd);
      vd_error_prefix (&why, "%s", c->setup.visit->name);
      vd_connection_fail (c, VEREDA_STAGE_CONNECT, why);
      vd_connection_pump (c);
      return;
    }
  vd_connection_note (c, VEREDA_STAGE_CONNECT, TRUE, NULL, VEREDA_DECISION_CONTINUE, "connected to %s", c->address);
  if (!vd_connection_passed (c, VEREDA_STAGE_CONNECT))
    {
      vd_connection_pump (c);
      return;
    }
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
  if (c->setup.observer != NULL)
    {
      options.follow = c->setup.observer->follow;
      options.follow_data = c->setup.observer->data;
    }

  vd_connection_entered (c, VEREDA_STAGE_CONNECT);
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

  vd_connection_entered (c, VEREDA_STAGE_RESOLVE);
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

VdStack *
vd_connection_stack (VdConnection *c)
{
  return c->stack;
}

const char *
vd_connection_address (VdConnection *c)
{
  return c->address;
}

VdReply *
vd_connection_error_reply (VdConnection *c)
{
  return c->error_reply;
}

VeredaStage
vd_connection_stage (VdConnection *c)
{
  return c->stage;
}
