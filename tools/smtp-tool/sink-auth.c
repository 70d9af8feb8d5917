/* SPDX-License-Identifier: MIT */
/* sink-auth - see sink-auth.h. */
#include "sink-auth.h"
#include "sink-event.h"

#include <sasl/saslplug.h>
#include <string.h>

#define SERVICE "smtp"
#define AUXPROP "smtp-tool-sink"

typedef struct
{
  int code; /* SASL_* */
  const gchar *reply;
} Outcome;

/* RFC 4954 section 6 and RFC 5248 section 2.2. */
static const Outcome outcomes[] = {
  { SASL_BADAUTH, "535 5.7.8 authentication credentials invalid" },
  { SASL_NOUSER, "535 5.7.8 authentication credentials invalid" },
  { SASL_NOAUTHZ, "535 5.7.8 authorization identity refused" },
  { SASL_NOVERIFY, "535 5.7.8 no way to verify this user" },
  { SASL_BADPARAM, "501 5.5.2 mechanism cannot read the response" },
  { SASL_BADPROT, "501 5.5.2 mechanism cannot read the response" },
  { SASL_BUFOVER, "501 5.5.2 response is too long for the mechanism" },
  { SASL_NOMECH, "504 5.5.4 mechanism is not offered" },
  { SASL_TOOWEAK, "534 5.7.9 mechanism is too weak" },
  { SASL_ENCRYPT, "538 5.7.11 encryption is required for this mechanism" },
  { SASL_TRANS, "432 4.7.12 a password transition is needed" },
  { SASL_EXPIRED, "535 5.7.8 password has expired" },
  { SASL_DISABLED, "535 5.7.8 account is disabled" },
  { SASL_NOMEM, "454 4.7.0 temporary authentication failure" },
  { SASL_TRYAGAIN, "454 4.7.0 temporary authentication failure" },
  { SASL_UNAVAIL, "454 4.7.0 temporary authentication failure" },
};

static const gchar *
reply_for (int code)
{
  for (guint i = 0; i < G_N_ELEMENTS (outcomes); i++)
    if (outcomes[i].code == code)
      return outcomes[i].reply;
  return "535 5.7.8 authentication failed";
}

/* ---- what Cyrus asks us ---- */

/* "name" or "name@realm", where the realm is one that we gave out. */
static gboolean
is_named (const gchar *name, const sasl_server_params_t *params, const char *user, unsigned size)
{
  gsize length = name == NULL ? 0 : strlen (name);
  if (length == 0 || size < length || memcmp (user, name, length) != 0)
    return FALSE;
  if (size == length)
    return TRUE;
  if (user[length] != '@')
    return FALSE;
  const char *realms[] = { params->user_realm, params->serverFQDN };
  for (guint i = 0; i < G_N_ELEMENTS (realms); i++)
    if (realms[i] != NULL && strlen (realms[i]) == size - length - 1
        && g_ascii_strncasecmp (realms[i], user + length + 1, size - length - 1) == 0)
      return TRUE;
  return FALSE;
}

static int
auxprop_lookup (void *context, sasl_server_params_t *params, unsigned flags, const char *user, unsigned size)
{
  const SinkServer *server = context;
  gboolean is_account = is_named (server->config.user, params, user, size);
  gboolean is_nobody = is_named ("anonymous", params, user, size); /* whom ANONYMOUS lets in; has no password */
  if (!is_account && !is_nobody)
    return SASL_NOUSER;
  const struct propval *wanted = params->utils->prop_get (params->propctx);
  for (; wanted != NULL && wanted->name != NULL; wanted++)
    {
      /* Names of the authentication identity's properties begin with "*", those of the authorization identity's do not. */
      gboolean of_authid = wanted->name[0] == '*';
      if (of_authid == ((flags & SASL_AUXPROP_AUTHZID) != 0)
          || (wanted->values != NULL && (flags & SASL_AUXPROP_OVERRIDE) == 0))
        continue;
      if (g_ascii_strcasecmp (wanted->name + (of_authid ? 1 : 0), SASL_AUX_PASSWORD_PROP) != 0 || !is_account
          || server->config.password == NULL)
        continue;
      if (wanted->values != NULL)
        params->utils->prop_erase (params->propctx, wanted->name);
      params->utils->prop_set (params->propctx, wanted->name, server->config.password, (int) strlen (server->config.password));
    }
  return SASL_OK;
}

static sasl_auxprop_plug_t auxprop_plug = { .auxprop_lookup = auxprop_lookup, .name = (char *) AUXPROP };

static int
auxprop_init (const sasl_utils_t *utils, int max_version, int *out_version, sasl_auxprop_plug_t **plug, const char *name)
{
  if (max_version < SASL_AUXPROP_PLUG_VERSION)
    return SASL_BADVERS;
  *out_version = SASL_AUXPROP_PLUG_VERSION;
  *plug = &auxprop_plug;
  return SASL_OK;
}

static int
getopt_callback (void *context, const char *plugin, const char *option, const char **result, unsigned *size)
{
  const SinkServer *server = context;
  const gchar *answer = NULL;
  if (g_str_equal (option, "mech_list"))
    answer = server->mechanisms;
  else if (g_str_equal (option, "pwcheck_method"))
    answer = "auxprop";
  else if (g_str_equal (option, "auxprop_plugin"))
    answer = AUXPROP;
  if (answer == NULL)
    return SASL_FAIL;
  *result = answer;
  if (size != NULL)
    *size = (unsigned) strlen (answer);
  return SASL_OK;
}

static int
log_callback (void *context, int level, const char *message)
{
  return SASL_OK; /* Cyrus would write to syslog; what counts is in the reply and in the "auth" event */
}

static void *
mutex_new (void)
{
  GMutex *mutex = g_new (GMutex, 1);
  g_mutex_init (mutex);
  return mutex;
}

static int
mutex_lock (void *mutex)
{
  g_mutex_lock (mutex);
  return SASL_OK;
}

static int
mutex_unlock (void *mutex)
{
  g_mutex_unlock (mutex);
  return SASL_OK;
}

static void
mutex_free (void *mutex)
{
  g_mutex_clear (mutex);
  g_free (mutex);
}

/* ---- set-up ---- */

static int
connection_new (const SinkServer *server, gboolean is_encrypted, const gchar *certificate,
                const sasl_channel_binding_t *channel, sasl_conn_t **ret_connection)
{
  const SinkConfig *config = &server->config;
  sasl_conn_t *connection = NULL;
  /* No SASL_SUCCESS_DATA: SMTP's 235 carries none, Cyrus then asks for one more empty response.  RFC 4954 section 4. */
  int code = sasl_server_new (SERVICE, config->hostname, config->realm, NULL, NULL, NULL, 0, &connection);
  if (code != SASL_OK)
    return code;
  sasl_security_properties_t properties
      = { .max_ssf = 0, .maxbufsize = 0 }; /* no security layers: RFC 4954 leaves them to TLS */
  sasl_ssf_t strength = is_encrypted ? 256 : 0;
  code = sasl_setprop (connection, SASL_SEC_PROPS, &properties);
  if (code == SASL_OK)
    code = sasl_setprop (connection, SASL_SSF_EXTERNAL, &strength);
  if (code == SASL_OK && certificate != NULL)
    code = sasl_setprop (connection, SASL_AUTH_EXTERNAL, certificate);
  if (code == SASL_OK && channel->name != NULL)
    code = sasl_setprop (connection, SASL_CHANNEL_BINDING, channel);
  if (code != SASL_OK)
    sasl_dispose (&connection);
  else
    *ret_connection = connection;
  return code;
}

/* Not by sasl_listmech: with a channel binding 2.1.28 writes a list that is longer than the room it has made for it. */
static gboolean
has_bound_mechanism (SinkServer *server, const gchar *mechanism)
{
  const sasl_channel_binding_t some_channel = { .name = "tls-exporter", .len = 1, .data = (const guchar *) "x" };
  sasl_conn_t *connection;
  const char *data = NULL;
  unsigned size = 0;
  if (connection_new (server, TRUE, "somebody", &some_channel, &connection) != SASL_OK)
    return FALSE;
  int code = sasl_server_start (connection, mechanism, NULL, 0, &data, &size);
  sasl_dispose (&connection);
  return code == SASL_CONTINUE;
}

static gboolean
check_mechanisms (SinkServer *server, GError **error)
{
  const sasl_channel_binding_t no_channel = { .name = NULL };
  sasl_conn_t *connection;
  const char *list = NULL;
  int code = connection_new (server, TRUE, "somebody", &no_channel, &connection);
  if (code != SASL_OK)
    {
      g_set_error (error, SINK_ERROR, SINK_ERROR_AUTH, "--auth: Cyrus SASL: %s", sasl_errstring (code, NULL, NULL));
      return FALSE;
    }
  if (sasl_listmech (connection, NULL, " ", " ", " ", &list, NULL, NULL) != SASL_OK)
    list = "";
  gboolean good = TRUE;
  for (gchar **mechanism = server->config.auth; good && *mechanism != NULL; mechanism++)
    {
      g_autofree gchar *word = g_strdup_printf (" %s ", *mechanism);
      if (g_str_has_suffix (*mechanism, "-PLUS") ? has_bound_mechanism (server, *mechanism) : strstr (list, word) != NULL)
        continue;
      good = FALSE;
      g_set_error (
          error, SINK_ERROR, SINK_ERROR_AUTH,
          "--auth: Cyrus SASL has no server side for %s here (of those asked for it has:%s); a package with its plug-in "
          "may be missing, such as libsasl2-modules",
          *mechanism, list[strspn (list, " ")] != '\0' ? list : " none");
    }
  sasl_dispose (&connection);
  return good;
}

gboolean
sink_auth_setup (SinkServer *server, GError **error)
{
  static sasl_callback_t callbacks[3];
  if (server->config.auth == NULL)
    return TRUE;
  callbacks[0] = (sasl_callback_t){ SASL_CB_GETOPT, (int (*) (void)) (void (*) (void)) getopt_callback, server };
  callbacks[1] = (sasl_callback_t){ SASL_CB_LOG, (int (*) (void)) (void (*) (void)) log_callback, NULL };
  callbacks[2] = (sasl_callback_t){ SASL_CB_LIST_END, NULL, NULL };

  server->mechanisms = g_strjoinv (" ", server->config.auth);
  server->external = g_strv_contains ((const gchar *const *) server->config.auth, "EXTERNAL");
  for (gchar **mechanism = server->config.auth; *mechanism != NULL; mechanism++)
    server->binds = server->binds || g_str_has_suffix (*mechanism, "-PLUS");
  sasl_set_mutex (mutex_new, mutex_lock, mutex_unlock, mutex_free);
  int code = sasl_server_init (callbacks, "smtp-tool-sink");
  auxprop_plug.glob_context = server;
  if (code == SASL_OK)
    code = sasl_auxprop_add_plugin (AUXPROP, auxprop_init);
  if (code == SASL_OK)
    return check_mechanisms (server, error);
  g_set_error (error, SINK_ERROR, SINK_ERROR_AUTH, "--auth: Cyrus SASL: %s", sasl_errstring (code, NULL, NULL));
  return FALSE;
}

void
sink_auth_shutdown (SinkServer *server)
{
  if (server->mechanisms == NULL)
    return;
  sasl_server_done ();
  g_clear_pointer (&server->mechanisms, g_free);
}

/* ---- the exchange ---- */

static gboolean
is_offered (const SinkSession *session)
{
  const SinkConfig *config = &session->server->config;
  return session->server->mechanisms != NULL && session->extended
         && (config->tls == SINK_TLS_NONE || session->tls_version != NULL || config->auth_before_tls);
}

static gboolean
has_mechanism (const SinkSession *session, const gchar *name)
{
  gboolean has_binding = session->bindings.exporter.size > 0 || session->bindings.end_point.size > 0;
  return g_strv_contains ((const gchar *const *) session->server->config.auth, name)
         && (!g_str_equal (name, "EXTERNAL") || session->certificate != NULL)
         && (!g_str_has_suffix (name, "-PLUS") || has_binding);
}

/* Cyrus knows one binding at a time, by the name that it is given; what it gets also without -PLUS is how it notices a client whose list of
 * mechanisms was cut ("y" in the gs2 header).  Nothing where no -PLUS is offered: then "y" is right. */
static void
bind_channel (SinkSession *session, const gchar *first, gsize size)
{
  const gchar *name = NULL;
  const SinkBinding *binding = session->server->binds ? sink_bindings_choose (&session->bindings, first, size, &name) : NULL;
  memset (&session->channel, 0, sizeof session->channel);
  if (binding == NULL)
    return;
  session->channel.name = name;
  session->channel.len = binding->size;
  session->channel.data = binding->octets;
}

gchar *
sink_auth_offer (const SinkSession *session)
{
  if (!is_offered (session))
    return NULL;
  GString *list = g_string_new (NULL);
  for (gchar **mechanism = session->server->config.auth; *mechanism != NULL; mechanism++)
    if (has_mechanism (session, *mechanism))
      g_string_append_printf (list, "%s%s", list->len > 0 ? " " : "", *mechanism);
  return g_string_free (list, list->len == 0);
}

void
sink_auth_end (SinkSession *session)
{
  if (session->sasl != NULL)
    sasl_dispose (&session->sasl);
  if (session->mode == SINK_MODE_AUTH)
    session->mode = SINK_MODE_COMMAND;
}

static void
fail (SinkSession *session, const gchar *reply)
{
  sink_auth_end (session);
  sink_event_auth (session, session->auth_mechanism, reply);
  sink_session_reply (session, reply);
}

static void
succeed (SinkSession *session)
{
  const void *user = NULL;
  if (sasl_getprop (session->sasl, SASL_USERNAME, &user) != SASL_OK || user == NULL)
    {
      fail (session, "454 4.7.0 temporary authentication failure");
      return;
    }
  session->auth_user = g_strdup (user);
  sink_auth_end (session);
  sink_event_auth (session, session->auth_mechanism, "235 2.7.0 authentication succeeded");
  sink_session_reply (session, "235 2.7.0 authentication succeeded");
}

static void
send_challenge (SinkSession *session, const char *data, unsigned size)
{
  g_autofree gchar *text = g_base64_encode ((const guchar *) data, size);
  g_string_append_printf (session->out, "334 %s\r\n", text);
  session->mode = SINK_MODE_AUTH;
  if (session->rest > 0) /* more came than the mechanism can know of yet */
    sink_session_blame (session, SINK_VIOLATION_PIPELINED_AFTER_LAST);
}

static void
step (SinkSession *session, int code, const char *data, unsigned size)
{
  if (code == SASL_CONTINUE)
    send_challenge (session, data, size);
  else if (code == SASL_OK)
    succeed (session);
  else
    fail (session, reply_for (code));
}

/* Strict base64 (RFC 4648 section 3.3: no other characters), decoded in place. */
static gboolean
decode (gchar *text, gsize *size)
{
  gsize pads = 0;
  if (*size % 4 != 0)
    return FALSE;
  while (pads < 2 && pads < *size && text[*size - 1 - pads] == '=')
    pads++;
  for (gsize i = 0; i < *size - pads; i++)
    if (!g_ascii_isalnum (text[i]) && text[i] != '+' && text[i] != '/')
      return FALSE;
  if (*size > 0)
    g_base64_decode_inplace (text, size);
  return TRUE;
}

/* What speaks against an exchange, or NULL. */
static const gchar *
find_refusal (SinkSession *session, const gchar *mechanism)
{
  if (session->server->mechanisms == NULL || !session->extended)
    return "502 5.5.1 AUTH is not offered";
  if (!is_offered (session))
    return "538 5.7.11 encryption is required: STARTTLS comes first";
  if (session->auth_user != NULL)
    {
      sink_session_blame (session, SINK_VIOLATION_AUTH_TWICE);
      return "503 5.5.1 authenticated already";
    }
  if (session->envelope.open)
    {
      sink_session_blame (session, SINK_VIOLATION_AUTH_IN_TRANSACTION);
      return "503 5.5.1 AUTH inside a transaction";
    }
  if (mechanism[0] == '\0')
    return "501 5.5.4 a mechanism is wanted";
  return has_mechanism (session, mechanism) ? NULL : "504 5.5.4 mechanism is not offered";
}

void
sink_auth_begin (SinkSession *session, gchar *argument)
{
  gsize length = strcspn (argument, " ");
  gchar *initial = argument[length] == ' ' ? argument + length + 1 : NULL;
  argument[length] = '\0';
  g_autofree gchar *mechanism = g_ascii_strup (argument, -1);
  const gchar *refusal = find_refusal (session, mechanism);
  gsize initial_size = initial == NULL ? 0 : strlen (initial);
  if (refusal == NULL && initial != NULL)
    {
      if (g_str_equal (initial, "=")) /* an initial response of no octets: RFC 4954 section 4 */
        initial_size = 0;
      else if (initial_size == 0 || !decode (initial, &initial_size))
        refusal = "501 5.5.2 initial response is not base64";
      /* RFC 4954 section 4: 501 for an initial response where the server speaks first. */
      if (refusal == NULL && g_str_equal (mechanism, "CRAM-MD5"))
        refusal = "501 5.7.0 this mechanism takes no initial response";
    }
  if (refusal != NULL)
    {
      sink_session_reply (session, refusal);
      return;
    }
  g_strlcpy (session->auth_mechanism, mechanism, sizeof session->auth_mechanism);
  const char *data = NULL;
  unsigned data_size = 0;
  bind_channel (session, initial, initial_size);
  int code
      = connection_new (session->server, session->tls_version != NULL, session->certificate, &session->channel, &session->sasl);
  if (code == SASL_OK)
    code = sasl_server_start (session->sasl, mechanism, initial, (unsigned) initial_size, &data, &data_size);
  if (initial != NULL)
    explicit_bzero (initial, initial_size);
  step (session, code, data, data_size);
}

void
sink_auth_continue (SinkSession *session, gchar *line, gsize size)
{
  if (size == 1 && line[0] == '*')
    {
      fail (session, "501 5.7.0 authentication cancelled");
      return;
    }
  gsize decoded = size;
  if (!decode (line, &decoded))
    {
      fail (session, "501 5.5.2 response is not base64");
      return;
    }
  const char *data = NULL;
  unsigned data_size = 0;
  if (session->channel.name != NULL && decoded > 2 && memcmp (line, "p=", 2) == 0) /* a first message that came late */
    bind_channel (session, line, decoded);
  int code = sasl_server_step (session->sasl, line, (unsigned) decoded, &data, &data_size);
  explicit_bzero (line, size);
  step (session, code, data, data_size);
}
