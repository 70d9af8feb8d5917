/* SPDX-License-Identifier: MIT */
/* probe-talk - a probe that has come to its end and stays: lines of the caller's own go through the same connection.  Part of probe.
 *
 * Drives the reactor while the caller waits; implements no protocol: what keeps talk safe is in core/smtp/session-talk.c. */
#include "core/send/probe.h"

#include <string.h>

#include "core/base/error.h"

void
vereda_probe_set_talk (VeredaProbe *probe, gboolean talk)
{
  g_return_if_fail (!probe->ran);
  probe->talk = talk;
}

static VdSession *
session_of (VeredaProbe *probe)
{
  return probe->connection != NULL ? vd_connection_session (probe->connection) : NULL;
}

gboolean
vereda_probe_is_talking (VeredaProbe *probe)
{
  return probe->talks && !probe->over && probe->connection != NULL;
}

/* Why there is nothing to talk to. */
static gboolean
fail_closed (VeredaProbe *probe, GError **error)
{
  if (probe->error != NULL)
    g_propagate_error (error, g_error_copy (probe->error));
  else
    g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_CLOSED, "%s: the connection is closed", probe->visit->name);
  return FALSE;
}

/* Until what this end does itself (a handshake, EHLO, AUTH) is over. */
static gboolean
settle (VeredaProbe *probe, GError **error)
{
  while (vereda_probe_is_talking (probe) && !(session_of (probe) != NULL && vd_session_is_talking (session_of (probe))))
    vd_probe_turn (probe, -1);
  return vereda_probe_is_talking (probe) || fail_closed (probe, error);
}

gboolean
vereda_probe_say (VeredaProbe *probe, const char *line, GError **error)
{
  if (!settle (probe, error))
    return FALSE;
  if (!vd_session_talk_line (session_of (probe), line, strlen (line), vd_reactor_now (probe->reactor), error))
    return FALSE;
  vd_connection_kick (probe->connection);
  vd_probe_turn (probe, 0);
  return TRUE;
}

gboolean
vereda_probe_say_octets (VeredaProbe *probe, const void *octets, gsize size, GError **error)
{
  if (!settle (probe, error))
    return FALSE;
  vd_session_talk_octets (session_of (probe), octets, size, vd_reactor_now (probe->reactor));
  vd_connection_kick (probe->connection);
  vd_probe_turn (probe, 0);
  return TRUE;
}

guint
vereda_probe_get_n_awaited (VeredaProbe *probe)
{
  VdSession *session = session_of (probe);

  return g_queue_get_length (&probe->heard) + (session != NULL ? vd_session_talk_awaited (session) : 0);
}

void
vereda_probe_reply_free (VeredaReply *reply)
{
  vd_reply_unref (reply);
}

/* The 220 that a handshake follows is told with the handshake's outcome. */
static gboolean
can_take (VeredaProbe *probe)
{
  VdSession *session = session_of (probe);

  return !g_queue_is_empty (&probe->heard) && (session == NULL || vd_session_is_talking (session));
}

VeredaReply *
vereda_probe_hear (VeredaProbe *probe, gint64 timeout, GError **error)
{
  const gint64 until = g_get_monotonic_time () + MAX (timeout, 0);

  for (gboolean first = TRUE; !can_take (probe); first = FALSE)
    {
      const gint64 left = until - g_get_monotonic_time ();

      if (!vereda_probe_is_talking (probe))
        {
          (void) fail_closed (probe, error);
          return NULL;
        }
      if (timeout >= 0 && left <= 0 && !first && g_queue_is_empty (&probe->heard))
        return NULL;
      vd_probe_turn (probe, timeout < 0 || !g_queue_is_empty (&probe->heard) ? -1 : MAX (left, 0));
    }
  return g_queue_pop_head (&probe->heard);
}

/* Lets the library speak, up to the point. */
static gboolean
speak (VeredaProbe *probe, VeredaProbePoint point, GError **error)
{
  const VeredaProbePoint before = probe->end;
  GError *seen;

  if (!settle (probe, error))
    return FALSE;
  probe->end = point;
  if (point == VEREDA_PROBE_AUTH)
    vd_session_talk_auth (session_of (probe), vd_reactor_now (probe->reactor));
  else
    vd_session_talk_hello (session_of (probe), vd_reactor_now (probe->reactor));
  vd_connection_kick (probe->connection);
  vd_probe_turn (probe, 0);
  if (!settle (probe, error))
    return FALSE;
  probe->end = before;
  vd_probe_look_ready (probe);
  seen = vd_session_take_talk_error (session_of (probe));
  if (seen == NULL)
    return TRUE;
  g_propagate_error (error, seen);
  return FALSE;
}

gboolean
vereda_probe_say_hello (VeredaProbe *probe, GError **error)
{
  const gboolean second = probe->tls.begun && probe->visit->route.mode != VD_MODE_IMPLICIT;

  return speak (probe, second ? VEREDA_PROBE_EHLO : VEREDA_PROBE_FIRST_EHLO, error);
}

gboolean
vereda_probe_authenticate (VeredaProbe *probe, const char *mechanisms, GError **error)
{
  if (mechanisms != NULL && !vereda_options_set (probe->options, "auth", mechanisms, error))
    return FALSE;
  if (!vd_options_wants_auth (probe->options))
    {
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION, "no user and no mechanism is given");
      return FALSE;
    }
  g_clear_pointer (&probe->authenticated, g_free);
  if (!speak (probe, VEREDA_PROBE_AUTH, error))
    return FALSE;
  if (probe->authenticated != NULL)
    return TRUE;
  g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_AUTH, "%s: no mechanism succeeded", probe->visit->name);
  return FALSE;
}

gboolean
vereda_probe_close (VeredaProbe *probe, gboolean drop, GError **error)
{
  if (!vereda_probe_is_talking (probe))
    return probe->error == NULL || fail_closed (probe, error);
  if (!drop && !settle (probe, error))
    return FALSE;
  probe->over = TRUE;
  if (drop)
    vd_session_abort (session_of (probe), NULL);
  else
    vd_session_talk_quit (session_of (probe), vd_reactor_now (probe->reactor));
  vd_connection_kick (probe->connection);
  while (probe->connection != NULL)
    vd_probe_turn (probe, -1);
  return probe->error == NULL || fail_closed (probe, error);
}
