/* SPDX-License-Identifier: MIT */
/* connection - stages, life and the end of one connection.  See connection.h; the other files are in connection-private.h.
 */
#include "core/send/connection-private.h"

#include <stdarg.h>
#include <string.h>

#include "core/base/error.h"
#include "core/smtp/command.h"

/* ---- words ---- */

GError *
vd_connection_error_new (VdConnection *c, VeredaErrorCode code, const char *format, ...)
{
  va_list args;
  GError *error;

  va_start (args, format);
  error = g_error_new_valist (VEREDA_ERROR, (gint) code, format, args);
  va_end (args);
  vd_error_prefix (&error, "%s", c->setup.visit->name);
  return error;
}

void
vd_connection_note (VdConnection *c, VeredaStage stage, gboolean succeeded, VdReply *reply, VeredaDecision decision,
                    const char *format, ...)
{
  VdLog *log = c->setup.log;
  g_autoptr (VdPlace) place = NULL;
  g_autofree char *detail = NULL;
  va_list args;

  va_start (args, format);
  detail = g_strdup_vprintf (format, args);
  va_end (args);
  vd_trace_info (&log->trace, "%s%s: %s", vereda_stage_name (stage), succeeded ? "" : " failed", detail);
  place = vd_place_new (c->setup.visit->name, c->address, c->transport);
  g_ptr_array_add (log->attempts, vd_attempt_new (place, stage, succeeded, reply, decision,
                                                  vd_reactor_now (c->setup.reactor) - log->started, detail));
}

void
vd_connection_warn (VdConnection *c, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_ptr_array_add (c->warnings, g_strdup_vprintf (format, args));
  va_end (args);
}

/* ---- the end ---- */

static void
stop_io (VdConnection *c)
{
  vd_connection_silence_end (c);
  g_clear_pointer (&c->resolve, vd_names_cancel);
  g_clear_pointer (&c->connect, vd_connect_cancel);
  g_clear_pointer (&c->watch, vd_watch_free);
  vd_timer_set (c->timer, -1);
}

void
vd_connection_close (VdConnection *c)
{
  stop_io (c);
  c->at = VD_AT_CLOSED;
}

void
vd_connection_fail (VdConnection *c, VeredaStage stage, GError *error)
{
  if (c->at == VD_AT_CLOSED)
    {
      g_clear_error (&error);
      return;
    }
  c->stage = stage;
  c->error = error;
  vd_trace_line (&c->setup.log->trace, VEREDA_TRACE_ERROR, FALSE, error->message);
  vd_connection_close (c);
}

static VeredaStage
stage_of (VdStep step)
{
  static const VeredaStage of_step[VD_STEP_N] = {
    [VD_STEP_GREETING] = VEREDA_STAGE_GREETING, [VD_STEP_EHLO] = VEREDA_STAGE_EHLO,   [VD_STEP_STARTTLS] = VEREDA_STAGE_TLS,
    [VD_STEP_AUTH] = VEREDA_STAGE_AUTH,         [VD_STEP_MAIL] = VEREDA_STAGE_MAIL,   [VD_STEP_RCPT] = VEREDA_STAGE_RCPT,
    [VD_STEP_DATA] = VEREDA_STAGE_DATA,         [VD_STEP_CONTENT] = VEREDA_STAGE_END, [VD_STEP_BDAT] = VEREDA_STAGE_END,
    [VD_STEP_BDAT_LAST] = VEREDA_STAGE_END,     [VD_STEP_RSET] = VEREDA_STAGE_MAIL,   [VD_STEP_NOOP] = VEREDA_STAGE_MAIL,
    [VD_STEP_QUIT] = VEREDA_STAGE_QUIT,
  };

  return of_step[step];
}

/* What a connection to this server had better not try again. */
static void
remember (VdConnection *c)
{
  gint64 now = vd_reactor_now (c->setup.reactor);

  if (vd_session_bdat_refused (c->session))
    vd_memory_note (c->setup.memory, c->setup.visit->name, VD_MEMORY_NO_CHUNKING, now);
  if (vd_session_window_failed (c->session))
    vd_memory_note (c->setup.memory, c->setup.visit->name, VD_MEMORY_NO_WINDOW, now);
}

/* The session is over: its words become the connection's. */
void
vd_connection_session_over (VdConnection *c)
{
  const GError *error = vd_session_error (c->session);
  VdReply *reply = vd_session_error_reply (c->session);
  VdReply *greeting = vd_session_greeting (c->session);

  c->stage = stage_of (vd_session_stage (c->session));
  c->error = error != NULL ? g_error_copy (error) : NULL;
  c->error_reply = reply != NULL ? vd_reply_ref (reply) : NULL;
  vd_connection_log_auth (c);
  remember (c);

  if (vd_session_bdat_refused (c->session))
    {
      c->setup.visit->no_chunking = TRUE;
      c->again = VD_AGAIN_NO_CHUNKING;
    }
  else if (vd_session_window_failed (c->session))
    c->again = VD_AGAIN_NO_WINDOW;
  else if (!c->was_ready && greeting != NULL && VD_REPLY_IS_TRANSIENT (greeting) && c->endpoints->len > 1)
    {
      GPtrArray *left = vd_endpoints_without (c->endpoints, c->endpoint);

      g_clear_pointer (&c->setup.visit->endpoints, g_ptr_array_unref);
      c->setup.visit->endpoints = left;
      c->again = VD_AGAIN_NEXT_ADDRESS;
    }
  vd_connection_keep_ticket (c);
  vd_stack_shutdown (c->stack, NULL); /* RFC 8446 section 6.1; it goes now or not at all, and changes nothing any more */
  vd_connection_close (c);
}

/* ---- the session ---- */

/* EHL-3, EHL-4: a qualified name, or the address of this end. */
static char *
client_name (VdConnection *c)
{
  const char *set = vd_options_text (c->setup.options, VD_OPTION_CLIENT);
  const char *host = g_get_host_name ();
  VdEndpoint *local;
  char *name = NULL;

  if (set != NULL)
    return g_strdup (set);
  if (strchr (host, '.') != NULL && !g_str_has_suffix (host, ".localdomain") && !g_str_has_suffix (host, ".local")
      && !g_str_has_prefix (host, "localhost") && vd_command_check_client (host, NULL))
    return g_strdup (host);
  local = vd_endpoint_new_local (vd_stack_fd (c->stack));
  if (local != NULL)
    name = vd_endpoint_smtp_literal (local);
  vd_endpoint_free (local);
  return name != NULL ? name : g_strdup ("[127.0.0.1]");
}

static void
plan_flights (VdConnection *c, VdSessionConfig *config)
{
  const VeredaOptions *options = c->setup.options;
  VdMemoryFlags known = vd_memory_recall (c->setup.memory, c->setup.visit->name, vd_reactor_now (c->setup.reactor));

  config->level = (VdPipelining) vd_options_choice (options, VD_OPTION_PIPELINING); /* the choices are in its order */
  if (config->level == VD_PIPELINING_WINDOW && (known & VD_MEMORY_NO_WINDOW) != 0)
    config->level = VD_PIPELINING_AUTO;
  config->window_first = 1;
  config->window_messages = (guint) vd_options_number (options, VD_OPTION_WINDOW_MESSAGES);
  config->window_octets = vd_options_number (options, VD_OPTION_WINDOW_OCTETS);
  config->chunking = vd_options_choice (options, VD_OPTION_CHUNKING) == 0 && !c->setup.visit->no_chunking
                     && (known & VD_MEMORY_NO_CHUNKING) == 0;
  config->auth_pipelining = vd_options_bool (options, VD_OPTION_AUTH_PIPELINING);
}

void
vd_connection_begin_session (VdConnection *c, gboolean secure)
{
  static const VdOptionId timeouts[VD_TIMEOUT_N] = {
    [VD_TIMEOUT_GREETING] = VD_OPTION_TIMEOUT_GREETING, [VD_TIMEOUT_COMMAND] = VD_OPTION_TIMEOUT_COMMAND,
    [VD_TIMEOUT_MAIL] = VD_OPTION_TIMEOUT_MAIL,         [VD_TIMEOUT_RCPT] = VD_OPTION_TIMEOUT_RCPT,
    [VD_TIMEOUT_DATA] = VD_OPTION_TIMEOUT_DATA,         [VD_TIMEOUT_BLOCK] = VD_OPTION_TIMEOUT_BLOCK,
    [VD_TIMEOUT_END] = VD_OPTION_TIMEOUT_END,           [VD_TIMEOUT_QUIT] = VD_OPTION_TIMEOUT_QUIT,
  };
  const VeredaOptions *options = c->setup.options;
  VdVisit *visit = c->setup.visit;
  VdSessionConfig config = { 0 };
  char *client = client_name (c);

  config.client = client;
  config.server = visit->name;
  config.lmtp = visit->target->lmtp;
  config.tls_required = visit->route.mode == VD_MODE_STARTTLS && visit->route.required && visit->in_clear == NULL;
  config.tls = secure ? VD_SESSION_TLS_ACTIVE
               : visit->route.mode == VD_MODE_STARTTLS && visit->in_clear == NULL && vd_connection_can_starttls (c)
                   ? VD_SESSION_TLS_STARTTLS
                   : VD_SESSION_TLS_NEVER;
  config.auth = vd_options_wants_auth (options);
  config.auth_optional = vd_options_bool (options, VD_OPTION_AUTH_OPTIONAL);
  config.ask_queue = vd_options_bool (options, VD_OPTION_QUEUE);
  plan_flights (c, &config);
  config.trace = c->setup.log->trace;
  for (guint i = 0; i < VD_TIMEOUT_N; i++)
    config.timeouts[i] = vd_options_time (options, timeouts[i]);
  if (options->values[VD_OPTION_MAXSECS] != NULL)
    {
      gint64 maxsecs = vd_options_time (options, VD_OPTION_MAXSECS);

      if (maxsecs > 0) /* 0 is the default, not "do not wait" */
        config.timeouts[VD_TIMEOUT_END] = MIN (maxsecs, 600 * G_USEC_PER_SEC);
    }
  if (visit->in_clear != NULL)
    vd_connection_warn (c, "%s: sent in clear: %s", visit->name, visit->in_clear);
  if (c->setup.observer != NULL)
    {
      config.observer = c->setup.observer->session;
      config.level = VD_PIPELINING_OFF; /* so that each reply is seen by itself, and nothing leaves that it did not allow */
    }
  vd_connection_entered (c, VEREDA_STAGE_GREETING);
  c->session = vd_session_new (&config, vd_reactor_now (c->setup.reactor));
  c->at = VD_AT_DIALOGUE;
  c->readable = TRUE;
  if (!secure)
    vd_connection_await_greeting (c);
  g_free (client);
}

/* ---- life ---- */

VdConnection *
vd_connection_new (const VdConnectionSetup *setup)
{
  VdConnection *c = g_new0 (VdConnection, 1);

  c->setup = *setup;
  c->stage = VEREDA_STAGE_PLUGIN;
  c->stage_deadline = c->answer_by = c->silent_since = G_MAXINT64;
  c->timer = vd_reactor_timer (setup->reactor, vd_connection_on_timer, c);
  c->warnings = g_ptr_array_new_with_free_func (g_free);
  c->transport = setup->visit->route.mode == VD_MODE_PLAIN || setup->visit->in_clear != NULL ? g_strdup ("plain") : NULL;
  vd_reactor_defer (setup->reactor, vd_connection_begin, c);
  return c;
}

void
vd_connection_free (VdConnection *c)
{
  if (c == NULL)
    return;
  stop_io (c);
  if (c->at == VD_AT_BEGIN)
    vd_reactor_undefer (c->setup.reactor, vd_connection_begin, c);
  vd_connection_forget_pump (c);
  vd_timer_free (c->timer);
  vd_session_free (c->session);
  vd_connection_auth_clear (c);
  g_clear_pointer (&c->candidates, g_ptr_array_unref);
  vd_stack_free (c->stack);
  g_clear_pointer (&c->endpoints, g_ptr_array_unref);
  g_ptr_array_unref (c->warnings);
  g_free (c->address);
  g_free (c->transport);
  g_free (c->ticket_key);
  g_clear_error (&c->error);
  vd_reply_unref (c->error_reply);
  g_free (c);
}

VdSession *
vd_connection_session (VdConnection *c)
{
  return c->session;
}

void
vd_connection_kick (VdConnection *c)
{
  c->kicked = TRUE;
  vd_connection_pump_later (c);
}

void
vd_connection_abort (VdConnection *c, GError *error)
{
  if (c->at == VD_AT_CLOSED)
    {
      g_clear_error (&error);
      return;
    }
  vd_error_prefix (&error, "%s", c->setup.visit->name);
  if (c->session != NULL && c->at == VD_AT_DIALOGUE)
    {
      vd_session_abort (c->session, error);
      vd_connection_session_over (c);
    }
  else if (c->session != NULL)
    {
      vd_session_tls_failed (c->session, error);
      vd_connection_session_over (c);
    }
  else
    vd_connection_fail (c, c->stage, error);
  vd_connection_kick (c);
}

gboolean
vd_connection_is_closed (VdConnection *c)
{
  return c->at == VD_AT_CLOSED;
}

gboolean
vd_connection_was_ready (VdConnection *c)
{
  return c->was_ready;
}

const GError *
vd_connection_error (VdConnection *c)
{
  return c->error;
}

const char *
vd_connection_transport (VdConnection *c)
{
  return c->transport != NULL ? c->transport : "plain";
}

VdAgain
vd_connection_again (VdConnection *c)
{
  return c->again;
}

gboolean
vd_connection_is_fatal (VdConnection *c)
{
  return c->fatal;
}

GPtrArray *
vd_connection_warnings (VdConnection *c)
{
  return c->warnings;
}
