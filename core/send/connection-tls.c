/* SPDX-License-Identifier: MIT */
/* connection-tls - which TLS library, the handshake, and what to do about every trouble with it.  Part of connection.
 *
 * One place asks the policy, ask_policy(); one place turns a failed handshake into an error, handshake_failed(). */
#include "core/send/connection-private.h"

#include "core/base/error.h"
#include "core/send/pins.h"
#include "core/send/verify.h"

/* ---- which library ---- */

static GPtrArray *
backend_names (VdConnection *c)
{
  char **named = vd_route_transports (c->setup.options, c->setup.visit->route.mode);
  GPtrArray *names;

  if (named[0] == NULL)
    {
      g_strfreev (named);
      return vd_registry_wrappers (c->setup.registry);
    }
  names = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; named[i] != NULL; i++)
    g_ptr_array_add (names, g_strdup (named[i]));
  g_strfreev (named);
  return names;
}

gboolean
vd_connection_can_starttls (VdConnection *c)
{
  GPtrArray *names = backend_names (c);
  gboolean any = names->len > 0;

  g_ptr_array_unref (names);
  return any;
}

static gboolean
is_named (VdConnection *c)
{
  char **named = vd_route_transports (c->setup.options, c->setup.visit->route.mode);
  gboolean any = named[0] != NULL;

  g_strfreev (named);
  return any;
}

gboolean
vd_connection_load_tls (VdConnection *c, GError **error)
{
  GPtrArray *names = backend_names (c);
  GString *story = g_string_new (NULL);

  for (guint i = 0; c->tls == NULL && i < names->len; i++)
    {
      const char *name = g_ptr_array_index (names, i);
      GError *why = NULL;

      c->tls = vd_registry_load_transport (c->setup.registry, name, &why);
      if (c->tls == NULL)
        {
          vd_connection_note (c, VEREDA_STAGE_PLUGIN, FALSE, NULL,
                              i + 1 < names->len ? VEREDA_DECISION_NEXT_TRANSPORT : VEREDA_DECISION_STOP, "transport %s: %s",
                              name, why->message);
          g_string_append_printf (story, "%s%s: %s", story->len > 0 ? "; " : "", name, why->message);
        }
      g_clear_error (&why);
    }
  if (c->tls == NULL)
    g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN,
                 "no TLS transport can be used (%s); install a plugin for GnuTLS or OpenSSL",
                 story->len > 0 ? story->str : "none is installed");
  g_string_free (story, TRUE);
  g_ptr_array_unref (names);
  return c->tls != NULL;
}

/* ---- the policy ---- */

/* TRUE: go on in spite of it. */
static gboolean
ask_policy (VdConnection *c, VeredaTlsProblem problem, int code, const char *text)
{
  const VeredaOptions *options = c->setup.options;
  const char *standing = vd_options_text (options, VD_OPTION_TLSPOLICY);

  if (options->tls_policy != NULL)
    return options->tls_policy (problem, c->setup.visit->name, code, text, options->tls_policy_data) == VEREDA_TLS_INSECURE;
  if (standing != NULL)
    return g_str_equal (standing, "insecure");
  return !c->setup.visit->route.required && (problem == VEREDA_TLS_NOT_OFFERED || problem == VEREDA_TLS_REFUSED);
}

/* Nothing can do TLS, and it was only to be had where offered. */
static gboolean
go_without (VdConnection *c, GError **error)
{
  static const char why[] = "no TLS transport is installed";

  if (!ask_policy (c, VEREDA_TLS_NOT_OFFERED, 0, why))
    {
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN, "%s: %s; nothing was sent", c->setup.visit->name, why);
      return FALSE;
    }
  vd_connection_note (c, VEREDA_STAGE_PLUGIN, FALSE, NULL, VEREDA_DECISION_INSECURE, "%s", why);
  c->setup.visit->in_clear = why;
  return TRUE;
}

gboolean
vd_connection_load_transports (VdConnection *c)
{
  VdVisit *visit = c->setup.visit;
  gboolean named = is_named (c), wanted = visit->route.mode != VD_MODE_PLAIN && visit->in_clear == NULL;
  GError *error = NULL;

  c->plain = vd_registry_load_transport (c->setup.registry, "plain", &error);
  if (c->plain != NULL && wanted)
    {
      /* Where TLS is only opportunistic its library is loaded when the server turns out to offer it; unless the caller named one, who would not
       * like to learn of a misspelt name by a message in clear. */
      if (visit->route.required || named)
        {
          vd_connection_load_tls (c, &error);
          vd_error_prefix (&error, "%s: TLS is %s, nothing was sent", visit->name,
                           visit->route.required ? "required" : "asked for by option transport");
        }
      else if (!vd_connection_can_starttls (c))
        go_without (c, &error);
    }
  if (error == NULL)
    return TRUE;
  c->fatal = TRUE;
  vd_connection_fail (c, VEREDA_STAGE_PLUGIN, error);
  return FALSE;
}

void
vd_connection_decide_tls (VdConnection *c)
{
  gint64 now = vd_reactor_now (c->setup.reactor);
  VdReply *reply = NULL;
  gboolean refused = vd_session_tls_problem (c->session, &reply) == VD_TLS_REFUSED;
  char *text = reply != NULL ? vd_reply_text (reply) : g_strdup ("the server does not offer STARTTLS");
  gboolean insecure
      = ask_policy (c, refused ? VEREDA_TLS_REFUSED : VEREDA_TLS_NOT_OFFERED, reply != NULL ? (int) reply->code : 0, text);

  if (insecure)
    {
      vd_connection_note (c, VEREDA_STAGE_TLS, FALSE, reply, VEREDA_DECISION_INSECURE, "%s",
                          refused ? "STARTTLS refused" : "STARTTLS not offered");
      vd_connection_warn (c, "%s: sent in clear: %s", c->setup.visit->name,
                          refused ? "the server refused STARTTLS" : "the server does not offer STARTTLS");
    }
  g_free (text);
  vd_session_tls_decide (c->session, insecure, now);
}

void
vd_connection_tls_settings (VdConnection *c, const char *peer_name, VeredaTlsSettings *settings)
{
  const VeredaOptions *options = c->setup.options;

  memset (settings, 0, sizeof *settings);
  settings->struct_size = sizeof *settings;
  settings->min_version = g_str_equal (vd_options_text (options, VD_OPTION_TLS_MIN), "1.3") ? 0x0304 : 0x0303;
  settings->peer_name = peer_name;
  settings->trust_file = vd_options_text (options, VD_OPTION_CA_FILE);
  settings->trust_dir = vd_options_text (options, VD_OPTION_CA_DIR);
  settings->cert_file = vd_options_text (options, VD_OPTION_CERT_FILE);
  settings->key_file = vd_options_text (options, VD_OPTION_KEY_FILE);
  settings->priority = vd_options_text (options, VD_OPTION_TLS_PRIORITY);
  settings->insecure_skip_verify = vd_visit_tolerates (c->setup.visit, options);
}

/* ---- sessions to resume ---- */

static GBytes *
take_ticket (VdConnection *c, const VeredaTlsSettings *settings)
{
  if (c->setup.tickets == NULL)
    return NULL;
  g_free (c->ticket_key);
  c->ticket_key = g_strdup_printf ("%s %s %s %d", c->setup.visit->name, c->tls->name,
                                   settings->peer_name != NULL ? settings->peer_name : "", settings->insecure_skip_verify);
  return vd_tickets_take (c->setup.tickets, c->ticket_key);
}

static void
forget_ticket (VdConnection *c)
{
  if (c->ticket_key != NULL)
    vd_tickets_forget (c->setup.tickets, c->ticket_key);
  g_clear_pointer (&c->ticket_key, g_free);
}

void
vd_connection_keep_ticket (VdConnection *c)
{
  VeredaFactValue session, version = { .num = 0 };

  if (c->ticket_key == NULL || !vd_stack_is_secure (c->stack) || !vd_stack_fact (c->stack, VEREDA_FACT_SESSION, &session))
    return;
  vd_stack_fact (c->stack, VEREDA_FACT_TLS_VERSION, &version);
  vd_tickets_put (c->setup.tickets, c->ticket_key, session.bytes, version.num >= 0x0304);
  g_bytes_unref (session.bytes);
}

/* ---- the handshake ---- */

/* The connection is dead (STL-10).  `error` is owned. */
static void
dead (VdConnection *c, GError *error)
{
  if (c->handshake_starttls)
    {
      c->at = VD_AT_DIALOGUE; /* where the session says that it is over */
      vd_session_tls_failed (c->session, error);
    }
  else
    vd_connection_fail (c, VEREDA_STAGE_TLS, error);
}

/* Proof that the server does not speak TLS here, not only that it speaks it badly. */
static gboolean
answered_in_clear (VdConnection *c)
{
  VeredaFactValue value = { .bytes = NULL };

  if (!vd_stack_fact (c->stack, VEREDA_FACT_CLEAR_ANSWER, &value))
    return FALSE;
  g_bytes_unref (value.bytes);
  return TRUE;
}

static void
handshake_failed (VdConnection *c, GError *cause)
{
  VdVisit *visit = c->setup.visit;
  gboolean certificate = g_error_matches (cause, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_CERTIFICATE);
  gboolean no_tls = !c->handshake_starttls && g_error_matches (cause, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_PROTOCOL)
                    && answered_in_clear (c);
  VeredaErrorCode code = certificate ? VEREDA_ERROR_CERTIFICATE : no_tls ? VEREDA_ERROR_TLS_MODE : VEREDA_ERROR_TLS;
  VeredaTlsProblem problem = certificate ? VEREDA_TLS_CERTIFICATE : VEREDA_TLS_HANDSHAKE;
  GError *error = NULL;

  forget_ticket (c);
  vd_connection_trace_tls (c);
  /* Insecure means: no worse than in clear.  After a certificate that is the same TLS without its check; after a handshake it is a new
   * connection in clear, which an implicit-TLS port does not have. */
  if (!no_tls && ask_policy (c, problem, 0, cause->message))
    {
      if (certificate && !visit->unverified)
        {
          visit->unverified = TRUE;
          c->again = VD_AGAIN_UNVERIFIED;
        }
      else if (!certificate && c->handshake_starttls)
        {
          visit->in_clear = "the TLS handshake failed";
          c->again = VD_AGAIN_IN_CLEAR;
        }
    }
  if (certificate)
    vd_error_wrap (&error, code, cause, "%s: nothing was sent", visit->name);
  else if (no_tls)
    vd_error_wrap (
        &error, code, cause,
        "%s: TLS was begun at once (implicit TLS) and the server does not speak it there; if it is a STARTTLS port use "
        "tls=starttls; nothing was sent",
        visit->name);
  else
    vd_error_wrap (&error, code, cause, "%s: the TLS handshake failed, nothing was sent", visit->name);
  dead (c, error);
}

/* What the options were set to was checked then. */
static VdPins *
known_keys (VdConnection *c)
{
  const VeredaOptions *options = c->setup.options;
  VdPins *pins = vd_pins_new (vd_options_text (options, VD_OPTION_PINS), vd_options_text (options, VD_OPTION_TLSA), NULL);

  g_assert (pins != NULL);
  return pins;
}

void
vd_connection_begin_tls (VdConnection *c, gboolean starttls)
{
  VeredaTlsSettings settings;
  GError *error = NULL;
  char *peer_name;
  gboolean fine;

  c->handshake_starttls = starttls;
  if (!starttls)
    vd_connection_entered (c, VEREDA_STAGE_TLS);
  c->at = VD_AT_HANDSHAKE;
  c->stage = VEREDA_STAGE_TLS;
  c->stage_deadline = vd_reactor_now (c->setup.reactor) + vd_options_time (c->setup.options, VD_OPTION_TLS_TIMEOUT);
  if (c->tls == NULL && !vd_connection_load_tls (c, &error))
    {
      /* TLS was only to be had where offered, and no library for it loads: clear is what the caller would have got without the offer. */
      if (ask_policy (c, VEREDA_TLS_NOT_OFFERED, 0, error->message))
        {
          c->setup.visit->in_clear = "no TLS transport can be used";
          c->again = VD_AGAIN_IN_CLEAR;
        }
      dead (c, error);
      return;
    }
  peer_name = vd_visit_peer_name (c->setup.visit, c->setup.options);
  vd_connection_tls_settings (c, peer_name, &settings);
  g_autoptr (VdPins) pins = known_keys (c);
  vd_pins_lend (pins, &settings);
  c->refuses_late = c->setup.observer != NULL && c->setup.observer->whole_handshake && !settings.insecure_skip_verify
                    && settings.cert_file == NULL;
  settings.insecure_skip_verify |= c->refuses_late;
  settings.session = take_ticket (c, &settings);
  fine = vd_stack_wrap (c->stack, c->tls, &settings, &error);
  g_clear_pointer (&settings.session, g_bytes_unref);
  g_free (peer_name);
  if (!fine)
    {
      GError *wrapped = NULL;
      gboolean local = g_error_matches (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_SETTINGS);

      c->fatal = local;
      vd_error_wrap (&wrapped, local ? VEREDA_ERROR_OPTION : VEREDA_ERROR_TLS, error, "%s: TLS by %s", c->setup.visit->name,
                     c->tls->name);
      dead (c, wrapped);
      return;
    }
  g_free (c->transport);
  c->transport = g_strdup_printf ("%s/%s", starttls ? "starttls" : "implicit", c->tls->name);
}

static const char *
fact_text (VdConnection *c, VeredaFact fact, const char *otherwise)
{
  VeredaFactValue value;

  return vd_stack_fact (c->stack, fact, &value) && value.str != NULL ? value.str : otherwise;
}

static void
note_success (VdConnection *c, gboolean verified)
{
  VeredaFactValue version = { .num = 0 }, resumed = { .num = 0 };

  vd_stack_fact (c->stack, VEREDA_FACT_TLS_VERSION, &version);
  vd_stack_fact (c->stack, VEREDA_FACT_RESUMED, &resumed);
  vd_connection_note (c, VEREDA_STAGE_TLS, TRUE, NULL, VEREDA_DECISION_CONTINUE, "TLS 1.%d%s, %s, by %s, certificate %s",
                      (int) (version.num - 0x0301), resumed.num != 0 ? " resumed" : "", fact_text (c, VEREDA_FACT_CIPHER, "?"),
                      fact_text (c, VEREDA_FACT_BACKEND, c->tls->name), verified ? "verified" : "NOT verified");
}

/* A transport that is older than pins or TLSA records does not look at them, and what it says of the certificate is about something else.  A
 * pin is not a question of trust in authorities, so no word that tolerates a certificate is about it. */
static gboolean
check_keys (VdConnection *c, gboolean verified, GError **error)
{
  const VeredaOptions *options = c->setup.options;
  VeredaFactValue value = { .num = 0 };
  const char *missing = NULL;

  if (vd_options_text (options, VD_OPTION_PINS) != NULL)
    missing = !verified || !vd_stack_fact (c->stack, VEREDA_FACT_PIN, &value) ? "a pinned key" : NULL;
  else if (vd_options_text (options, VD_OPTION_TLSA) != NULL && !c->setup.visit->unverified
           && !vd_options_bool (options, VD_OPTION_INSECURE))
    missing = !verified || !vd_stack_fact (c->stack, VEREDA_FACT_TLSA, &value) ? "one that a TLSA record names" : NULL;
  if (missing == NULL)
    return TRUE;
  g_propagate_error (error, vd_connection_error_new (c, VEREDA_ERROR_CERTIFICATE,
                                                     "the server's key is not %s: %s; nothing was sent", missing,
                                                     verified ? "this transport is too old to look at them"
                                                              : fact_text (c, VEREDA_FACT_VERIFY_TEXT, "not verified")));
  return FALSE;
}

/* In the transport's words, as if it had refused it. */
static GError *
refusal (VdConnection *c)
{
  g_autofree char *name = vd_visit_peer_name (c->setup.visit, c->setup.options);
  VeredaFactValue verify = { .num = VEREDA_VERIFY_INVALID };

  vd_stack_fact (c->stack, VEREDA_FACT_VERIFY, &verify);
  return g_error_new (VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_CERTIFICATE,
                      "certificate of %s not accepted: %s (library says: %s)",
                      name != NULL ? name : "the server (no name given to check)", vd_verify_words ((int) verify.num),
                      fact_text (c, VEREDA_FACT_VERIFY_TEXT, "nothing"));
}

static void
handshake_done (VdConnection *c)
{
  gboolean verified = vd_stack_is_verified (c->stack);
  GError *error = NULL;

  if (c->refuses_late && !verified)
    {
      handshake_failed (c, refusal (c));
      return;
    }
  vd_connection_trace_tls (c);
  if (!check_keys (c, verified, &error))
    {
      dead (c, error);
      return;
    }
  if (!verified)
    {
      const char *why = fact_text (c, VEREDA_FACT_VERIFY_TEXT, "not verified");
      const VeredaOptions *options = c->setup.options;
      /* Asked for by the caller, or decided before; else TLS "where offered" is open to the policy's word. */
      gboolean fine = vd_visit_tolerates (c->setup.visit, options)
                      && (!vd_visit_asks_policy (c->setup.visit, options) || ask_policy (c, VEREDA_TLS_CERTIFICATE, 0, why));

      if (!fine)
        {
          dead (c,
                vd_connection_error_new (c, VEREDA_ERROR_CERTIFICATE, "certificate not accepted: %s; nothing was sent", why));
          return;
        }
      vd_connection_warn (c, "%s: the server's certificate was not verified: %s", c->setup.visit->name, why);
    }
  note_success (c, verified);
  if (!vd_connection_passed (c, VEREDA_STAGE_TLS))
    return;
  c->stage_deadline = G_MAXINT64;
  c->at = VD_AT_DIALOGUE;
  c->readable = TRUE; /* the layer may hold what came behind the handshake */
  if (c->handshake_starttls)
    vd_session_tls_done (c->session, vd_reactor_now (c->setup.reactor));
  else
    vd_connection_begin_session (c, TRUE);
}

gboolean
vd_connection_handshake (VdConnection *c)
{
  GError *error = NULL;
  const VeredaIo io = vd_stack_handshake (c->stack, &error); /* an end of the stream is an error here */

  if (vd_connection_waits (c, io))
    return FALSE;
  if (io == VEREDA_IO_DONE)
    handshake_done (c);
  else
    handshake_failed (c, error);
  return TRUE;
}

void
vd_connection_handshake_timeout (VdConnection *c)
{
  dead (c, vd_connection_error_new (c, VEREDA_ERROR_TIMEOUT,
                                    "the TLS handshake was not finished within %.3g seconds; nothing was sent",
                                    (double) vd_options_time (c->setup.options, VD_OPTION_TLS_TIMEOUT) / G_USEC_PER_SEC));
}
