/* SPDX-License-Identifier: MIT */
/* connection-auth - which mechanism is tried next, and the credentials for it.  Part of connection.
 *
 * Strongest first, each in turn, never below the floor; what was tried on an earlier connection to this server is not tried again. */
#include "core/send/connection-private.h"

#include <string.h>

#include "core/plugin/host.h"
#include "core/send/choice.h"

void
vd_connection_auth_clear (VdConnection *c)
{
  vd_credential_slot_detach (&c->setup.visit->password);
  vd_credential_slot_detach (&c->setup.visit->token);
}

/* ---- credentials, for the mechanism ---- */

static void
answered_later (gpointer data)
{
  vd_connection_kick (data);
}

static VeredaCredState
text_credential (VdConnection *c, VdOptionId id, VeredaSpan *ret)
{
  const char *text = vd_options_text (c->setup.options, id);

  if (text == NULL)
    return VEREDA_CRED_NONE;
  *ret = (VeredaSpan){ text, strlen (text) };
  return VEREDA_CRED_HAVE;
}

static VeredaCredState
secret (VdConnection *c, VeredaCredentialKind kind, VeredaSpan *ret)
{
  const VeredaOptions *options = c->setup.options;
  VdVisit *visit = c->setup.visit;
  const gboolean is_token = kind == VEREDA_CREDENTIAL_TOKEN;
  VdInbox *inbox = vd_reactor_inbox (c->setup.reactor);
  VeredaCredState state
      = vd_credential_get (is_token ? &visit->token : &visit->password, is_token ? options->token : options->password,
                           options->credential, options->credential_data, kind, visit->target->peer_name,
                           vd_options_text (options, VD_OPTION_USERNAME), inbox, answered_later, c, ret);
  vd_inbox_unref (inbox);
  return state;
}

static VeredaCredState
credential (gpointer data, VeredaCred kind, const char *hint, VeredaSpan *ret)
{
  VdConnection *c = data;
  switch (kind)
    {
    case VEREDA_CRED_AUTHCID:
      return text_credential (c, VD_OPTION_USERNAME, ret);
    case VEREDA_CRED_AUTHZID:
      return text_credential (c, VD_OPTION_AUTHZID, ret);
    case VEREDA_CRED_REALM:
      return text_credential (c, VD_OPTION_REALM, ret);
    case VEREDA_CRED_PASSWORD:
      return secret (c, VEREDA_CREDENTIAL_PASSWORD, ret);
    case VEREDA_CRED_TOKEN:
      return secret (c, VEREDA_CREDENTIAL_TOKEN, ret);
    default:
      return VEREDA_CRED_NONE;
    }
}

static GBytes *
binding (gpointer data, VeredaBinding kind, GError **error)
{
  VdConnection *c = data;
  VeredaFactValue version = { .num = 0 };

  /* RFC 9266 section 3 makes tls-exporter the type of TLS 1.3.  Below it the libraries can export too, and what servers expect is a
   * certificate's hash; decided here, so that it does not depend on the library. */
  if (kind == VEREDA_BINDING_TLS_EXPORTER && vd_stack_fact (c->stack, VEREDA_FACT_TLS_VERSION, &version)
      && version.num < 0x0304)
    {
      g_set_error_literal (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_UNSUPPORTED,
                           "tls-exporter is used with TLS 1.3 and later only");
      return NULL;
    }
  return vd_stack_binding (c->stack, kind, error);
}

/* Asked of the session itself: a certificate whose signature has no single hash, for one, gives no tls-server-end-point. */
static gboolean
can_bind (VdConnection *c)
{
  static const VeredaBinding kinds[] = { VEREDA_BINDING_TLS_EXPORTER, VEREDA_BINDING_TLS_SERVER_END_POINT };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autoptr (GBytes) bytes = binding (c, kinds[i], NULL);

      if (bytes != NULL)
        return TRUE;
    }
  return FALSE;
}

/* ---- the floor and the order ---- */

static GPtrArray *
candidates (VdConnection *c, const VdEhlo *ehlo, const VeredaStrength *above)
{
  const VdVisit *visit = c->setup.visit;
  VeredaFactValue cert = { .num = 0 };
  VdChoiceState state = { 0 };

  state.tls_active = vd_stack_is_secure (c->stack);
  state.tls_verified = vd_stack_is_verified (c->stack);
  state.client_cert_sent = vd_stack_fact (c->stack, VEREDA_FACT_CLIENT_CERT, &cert) && cert.num == 1;
  state.binding = state.tls_active && can_bind (c);
  state.host = visit->target->peer_name != NULL;
  state.password_declined = vd_credential_slot_is_declined (&visit->password);
  state.token_declined = visit->token_dead || vd_credential_slot_is_declined (&visit->token);
  state.min_exposure = visit->bound_refused ? VEREDA_EXPOSE_BOUND_PROOF : VEREDA_EXPOSE_ANONYMOUS;
  state.above = above;
  return vd_choice_candidates (c->setup.registry, (const char *const *) ehlo->mechanisms, c->setup.options, &state);
}

/* ---- refusals ---- */

static const VdCandidate *
candidate_of (VdConnection *c, const char *mechanism)
{
  for (guint i = 0; c->candidates != NULL && i < c->candidates->len; i++)
    {
      const VdCandidate *candidate = g_ptr_array_index (c->candidates, i);

      if (g_str_equal (candidate->mechanism, mechanism))
        return candidate;
    }
  return NULL;
}

/* OAU-5: one expired token costs one refusal, whatever the number of mechanisms that would carry it, and a fresh one is asked for once.  It
 * is tried with the mechanism that was refused.  A refusal without a reason may mean the mechanism: then the others have their turn. */
static void
note_token_refusal (VdConnection *c, const VdAuthAttempt *attempt, gboolean expired)
{
  VdVisit *visit = c->setup.visit;

  if (!visit->token_renewed
      && vd_credential_slot_reject (&visit->token, expired ? VEREDA_CREDENTIAL_EXPIRED : VEREDA_CREDENTIAL_REJECTED))
    {
      visit->token_renewed = TRUE;
      g_hash_table_remove (visit->auth_tried, attempt->mechanism);
    }
  else if (attempt->error != NULL || visit->token_renewed)
    visit->token_dead = TRUE;
}

static void
note_refusal (VdConnection *c, const VdAuthAttempt *attempt)
{
  const VdCandidate *candidate = candidate_of (c, attempt->mechanism);
  gboolean expired = g_error_matches (attempt->error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_EXPIRED);
  gboolean refused = attempt->reply != NULL && attempt->reply->code == 535;

  if (attempt->succeeded || !(expired || refused))
    return;
  if (candidate != NULL && (candidate->needs & VEREDA_NEEDS (VEREDA_CRED_TOKEN)) != 0)
    note_token_refusal (c, attempt, expired);
  else
    c->setup.visit->refused |= refused;
}

/* auth-fallback=stop is about accounts that lock; a token that the server knows to be expired is no guess at a password, so that a fresh one
 * still has its chance. */
static gboolean
stops_here (VdConnection *c, const VdAuthAttempt *last)
{
  gboolean stop_at_535 = vd_options_choice (c->setup.options, VD_OPTION_AUTH_FALLBACK) == 1;

  if (last == NULL)
    return FALSE;
  if (last->advice == VD_AUTH_STOP)
    return TRUE;
  if (!stop_at_535 || last->reply == NULL || last->reply->code != 535)
    return FALSE;
  return c->setup.visit->token_dead || !g_error_matches (last->error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_EXPIRED);
}

/* ---- the log of attempts ---- */

void
vd_connection_log_auth (VdConnection *c)
{
  GPtrArray *attempts = vd_session_auth_attempts (c->session);

  for (; c->auth_logged < attempts->len; c->auth_logged++)
    {
      const VdAuthAttempt *attempt = g_ptr_array_index (attempts, c->auth_logged);
      char *brief = attempt->reply != NULL ? vd_reply_brief (attempt->reply) : NULL;
      char *both = brief != NULL && attempt->error != NULL ? g_strdup_printf ("%s (%s)", brief, attempt->error->message) : NULL;
      const char *why = both != NULL ? both : attempt->error != NULL ? attempt->error->message : brief != NULL ? brief : "";

      vd_connection_note (c, VEREDA_STAGE_AUTH, attempt->succeeded, attempt->reply,
                          attempt->succeeded                ? VEREDA_DECISION_CONTINUE
                          : attempt->advice == VD_AUTH_STOP ? VEREDA_DECISION_STOP
                                                            : VEREDA_DECISION_NEXT_MECHANISM,
                          "%s%s%s", attempt->mechanism, attempt->succeeded ? "" : ": ", attempt->succeeded ? "" : why);
      note_refusal (c, attempt);
      if (attempt->succeeded) /* on another connection of this visit it is the one to use again */
        g_hash_table_remove (c->setup.visit->auth_tried, attempt->mechanism);
      else
        g_ptr_array_add (c->setup.visit->auth_story, g_strdup_printf ("%s: %s", attempt->mechanism, why));
      g_free (brief);
      g_free (both);
    }
}

void
vd_connection_warn_unauthenticated (VdConnection *c)
{
  GPtrArray *attempts = vd_session_auth_attempts (c->session), *story = c->setup.visit->auth_story;
  GString *text;

  for (guint i = 0; i < attempts->len; i++)
    if (((const VdAuthAttempt *) g_ptr_array_index (attempts, i))->succeeded)
      return;
  text = g_string_new (NULL);
  for (guint i = 0; i < story->len; i++)
    g_string_append_printf (text, "%s%s", text->len > 0 ? "; " : "", (const char *) g_ptr_array_index (story, i));
  vd_connection_warn (c, "%s: went on without authentication: %s", c->setup.visit->name,
                      text->len > 0 ? text->str : "there is no mechanism that can be used");
  g_string_free (text, TRUE);
}

/* ---- choosing ---- */

static gboolean
is_floor (VdAuthReason reason)
{
  switch (reason)
    {
    case VD_AUTH_NOT_ALLOWED:
    case VD_AUTH_DENIED:
    case VD_AUTH_HISTORIC:
    case VD_AUTH_NEEDS_TLS:
    case VD_AUTH_CLEARTEXT:
    case VD_AUTH_UNVERIFIED:
    case VD_AUTH_MIN_EXPOSURE:
    case VD_AUTH_MIN_STRENGTH:
      return TRUE;
    default:
      return FALSE;
    }
}

/* Names that the caller wants and that no plugin has: the first thing to look at when nothing is left. */
static void
add_unknown (VdConnection *c, GPtrArray *all, GString *text)
{
  const char *wanted = vd_options_text (c->setup.options, VD_OPTION_AUTH);
  char **names = wanted != NULL ? vd_list_split (wanted) : NULL;

  for (guint i = 0; names != NULL && names[i] != NULL; i++)
    {
      gboolean known = FALSE;

      for (guint k = 0; k < all->len && !known; k++)
        known = g_ascii_strcasecmp (names[i], ((const VdCandidate *) g_ptr_array_index (all, k))->mechanism) == 0;
      if (!known)
        g_string_append_printf (text, "%s%s: no plugin for it is installed", text->len > 0 ? "; " : "", names[i]);
    }
  g_strfreev (names);
}

/* Why there is nothing (left) to try, naming every mechanism offered. */
static GError *
nothing_left (VdConnection *c, GPtrArray *all)
{
  VdVisit *visit = c->setup.visit;
  gboolean tried = visit->auth_story->len > 0, floor = FALSE;
  GString *text = g_string_new (NULL);
  GError *error;

  for (guint i = 0; i < visit->auth_story->len; i++)
    g_string_append_printf (text, "%s%s", text->len > 0 ? "; " : "", (const char *) g_ptr_array_index (visit->auth_story, i));
  if (all != NULL)
    add_unknown (c, all, text);
  for (guint i = 0; all != NULL && i < all->len; i++)
    {
      const VdCandidate *candidate = g_ptr_array_index (all, i);

      if (!candidate->offered || candidate->usable)
        continue;
      floor |= is_floor (candidate->reason);
      g_string_append_printf (text, "%s%s: %s", text->len > 0 ? "; " : "", candidate->mechanism, candidate->text);
    }
  if (visit->bound_refused)
    g_string_append (
        text, "; after a failure bound to the TLS channel nothing unbound is tried, since the failure can be the work of "
              "somebody between here and the server");
  error = vd_connection_error_new (c, floor && !tried ? VEREDA_ERROR_POLICY : VEREDA_ERROR_AUTH,
                                   tried ? "authentication failed (%s); nothing was sent"
                                         : "authentication is asked for and no mechanism can be used (%s); nothing was sent",
                                   text->len > 0 ? text->str
                                   : !vd_session_is_secure (c->session)
                                           && vd_ehlo_has (vd_session_ehlo (c->session), VD_EXT_STARTTLS)
                                       ? "the server offers none before STARTTLS, and TLS is not used"
                                       : "the server offers none");
  g_string_free (text, TRUE);
  return error;
}

static const VeredaStrength *
strength_of (VdConnection *c, const char *mechanism)
{
  const VdCandidate *candidate = candidate_of (c, mechanism);

  return candidate != NULL ? &candidate->strength : NULL;
}

/* "192.0.2.1:587" as SASL libraries write it, "192.0.2.1;587"; "[2001:db8::1]:587" loses its brackets.  NULL for what is no IP address. */
static char *
sasl_address (const char *text)
{
  const char *colon = text != NULL ? strrchr (text, ':') : NULL;
  gboolean bracketed = colon != NULL && text[0] == '[' && colon[-1] == ']';

  if (colon == NULL || text[0] == '/' || g_str_has_prefix (text, "unix:"))
    return NULL;
  return g_strdup_printf ("%.*s;%s", (int) (colon - text) - (bracketed ? 2 : 0), text + (bracketed ? 1 : 0), colon + 1);
}

static VdSasl *
prepare (VdConnection *c, const VdCandidate *candidate, GError **error)
{
  static const char no_name[] = "";
  const VeredaMech *mech = vd_registry_load_mechanism (c->setup.registry, candidate, error);
  VdSaslSource source = { c, credential, binding };
  VeredaFactValue bits = { .num = 0 };
  VdSaslFacts facts = { 0 };
  VdEndpoint *local = NULL;
  char *local_addr = NULL, *remote_addr = NULL;
  VdSasl *sasl;

  if (mech == NULL)
    return NULL;
  local = vd_endpoint_new_local (vd_stack_fd (c->stack));
  facts.local_addr = local_addr = sasl_address (local != NULL ? local->text : NULL);
  facts.remote_addr = remote_addr = sasl_address (c->address);
  facts.server_name = c->setup.visit->target->peer_name != NULL ? c->setup.visit->target->peer_name : no_name;
  facts.offered = (const char *const *) vd_session_ehlo (c->session)->mechanisms;
  if (vd_stack_is_verified (c->stack) && vd_stack_fact (c->stack, VEREDA_FACT_KEY_BITS, &bits))
    facts.tls_ssf = (guint32) bits.num;
  sasl = vd_sasl_new (mech, vd_host_get (), &source, &facts, error);
  vd_endpoint_free (local);
  g_free (local_addr);
  g_free (remote_addr);
  return sasl;
}

/* Asks for what the mechanism needs before anything is said to the server. */
static VeredaCredState
ask_first (VdConnection *c, const VdCandidate *candidate)
{
  static const VeredaCred kinds[] = { VEREDA_CRED_PASSWORD, VEREDA_CRED_TOKEN };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      VeredaSpan span;
      VeredaCredState state;

      if ((candidate->needs & VEREDA_NEEDS (kinds[i])) == 0)
        continue;
      state = credential (c, kinds[i], NULL, &span);
      if (state != VEREDA_CRED_HAVE)
        return state;
    }
  return VEREDA_CRED_HAVE;
}

void
vd_connection_await_credential (VdConnection *c)
{
  if (c->answer_by == G_MAXINT64)
    c->answer_by = vd_reactor_now (c->setup.reactor) + vd_options_time (c->setup.options, VD_OPTION_TIMEOUT_COMMAND);
}

void
vd_connection_credential_timeout (VdConnection *c)
{
  c->answer_by = G_MAXINT64;
  vd_session_abort (c->session,
                    vd_connection_error_new (
                        c, VEREDA_ERROR_TIMEOUT, "the application gave no credential within %.3g seconds; nothing was sent",
                        (double) vd_options_time (c->setup.options, VD_OPTION_TIMEOUT_COMMAND) / G_USEC_PER_SEC));
}

typedef enum
{
  NONE_LEFT,
  BEGUN,
  WAITING,
  CHANGED /* a credential was declined: other mechanisms are usable now, or none */
} Choice;

/* A mechanism that a plugin could not begin is passed over for the rest of the visit; another plugin's of the same name is not. */
static char *
failed_key (const VdCandidate *candidate)
{
  return g_strconcat (candidate->mechanism, " of ", candidate->stem, NULL);
}

static gboolean
had_its_chance (VdConnection *c, const VdCandidate *candidate)
{
  g_autofree char *key = failed_key (candidate);

  return g_hash_table_contains (c->setup.visit->auth_tried, candidate->mechanism)
         || g_hash_table_contains (c->setup.visit->auth_tried, key);
}

/* Begins with the first candidate that can be begun. */
static Choice
begin_next (VdConnection *c, GPtrArray *all)
{
  GHashTable *tried = c->setup.visit->auth_tried;

  for (guint i = 0; i < all->len; i++)
    {
      const VdCandidate *candidate = g_ptr_array_index (all, i);
      GError *error = NULL;
      VdSasl *sasl;

      if (!candidate->usable || had_its_chance (c, candidate))
        continue;
      switch (ask_first (c, candidate))
        {
        case VEREDA_CRED_LATER:
          return WAITING;
        case VEREDA_CRED_NONE:
          return CHANGED;
        case VEREDA_CRED_HAVE:
        default:
          break;
        }
      sasl = prepare (c, candidate, &error);
      if (sasl != NULL)
        {
          g_hash_table_add (tried, g_strdup (candidate->mechanism));
          vd_session_use_mechanism (c->session, sasl, vd_reactor_now (c->setup.reactor));
          return BEGUN;
        }
      /* A plugin that does not load, or a mechanism that cannot begin, is reported, and the next candidate is taken: the same mechanism of
       * another plugin, or another one. */
      g_hash_table_add (tried, failed_key (candidate));
      vd_connection_note (c, VEREDA_STAGE_PLUGIN, FALSE, NULL, VEREDA_DECISION_NEXT_MECHANISM, "mechanism %s: %s",
                          candidate->mechanism, error->message);
      g_ptr_array_add (c->setup.visit->auth_story, g_strdup_printf ("%s: %s", candidate->mechanism, error->message));
      g_clear_error (&error);
    }
  return NONE_LEFT;
}

static gboolean
any_left (VdConnection *c, GPtrArray *all)
{
  for (guint i = 0; i < all->len; i++)
    {
      const VdCandidate *candidate = g_ptr_array_index (all, i);

      if (candidate->usable && !had_its_chance (c, candidate))
        return TRUE;
    }
  return FALSE;
}

/* All failed with what the callback answered, and the server said that it was the credential: the application may have a better one.  Asked
 * again at most twice, so that a callback that always says the same cannot lock an account for long. */
static gboolean
ask_again (VdConnection *c)
{
  VdVisit *visit = c->setup.visit;

  if (!visit->refused || visit->rejections >= 2)
    return FALSE;
  if (!vd_credential_slot_reject (&visit->password, VEREDA_CREDENTIAL_REJECTED))
    return FALSE;
  visit->rejections++;
  visit->refused = FALSE;
  g_hash_table_remove_all (visit->auth_tried);
  return TRUE;
}

/* After 534 only what is stronger than the mechanism that was too weak, also after others were tried and on later connections. */
static const VeredaStrength *
demanded_strength (VdConnection *c, const VdAuthAttempt *last)
{
  VdVisit *visit = c->setup.visit;
  const VeredaStrength *strength = NULL;

  if (last != NULL && last->advice == VD_AUTH_STRONGER)
    strength = strength_of (c, last->mechanism);
  if (strength != NULL)
    {
      visit->has_demand = TRUE;
      visit->demand = *strength;
    }
  return visit->has_demand ? &visit->demand : NULL;
}

/* CBD-3: a mechanism that binds the TLS channel fails when somebody stands in the middle of it, or when the password is wrong, and who is
 * in the middle decides what the reply says.  So whatever it says, nothing follows that he could make use of. */
static void
note_bound_refusal (VdConnection *c, const VdAuthAttempt *last)
{
  const VeredaStrength *strength = last != NULL && !last->succeeded ? strength_of (c, last->mechanism) : NULL;

  if (strength != NULL && vd_choice_is_bound (strength))
    c->setup.visit->bound_refused = TRUE;
}

gboolean
vd_connection_choose_mechanism (VdConnection *c)
{
  GPtrArray *attempts = vd_session_auth_attempts (c->session);
  const VdAuthAttempt *last = attempts->len > 0 ? g_ptr_array_index (attempts, attempts->len - 1) : NULL;
  gint64 now = vd_reactor_now (c->setup.reactor);
  const VeredaStrength *above = demanded_strength (c, last);
  Choice choice = CHANGED;

  vd_connection_log_auth (c);
  note_bound_refusal (c, last);
  if (stops_here (c, last))
    {
      vd_session_no_mechanism (c->session, nothing_left (c, NULL), now);
      return TRUE;
    }
  while (choice == CHANGED)
    {
      g_clear_pointer (&c->candidates, g_ptr_array_unref);
      c->candidates = candidates (c, vd_session_ehlo (c->session), above);
      if (any_left (c, c->candidates) || ask_again (c))
        {
          if (attempts->len >= 3)
            {
              c->again = VD_AGAIN_MORE_AUTH; /* AUT-18: on a new connection */
              vd_session_leave_auth (c->session, nothing_left (c, NULL), now);
              return TRUE;
            }
        }
      choice = begin_next (c, c->candidates);
    }
  if (choice == WAITING)
    {
      vd_connection_await_credential (c);
      return FALSE;
    }
  c->answer_by = G_MAXINT64;
  if (choice == NONE_LEFT)
    vd_session_no_mechanism (c->session, nothing_left (c, c->candidates), now);
  return TRUE;
}
