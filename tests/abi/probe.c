/* SPDX-License-Identifier: MIT */
/* probe - a plugin with a mechanism and a transport, built against three versions of the SDK's headers: a frozen 1.0, today's, and
 * one that has grown.  It uses every struct that may grow, members of today through their place and later ones through VEREDA_HAS(). */
#include <vereda-plugin/auth.h>
#include <vereda-plugin/transport.h>

#include <string.h>

#define STRING_(x)                #x
#define STRING(x)                 STRING_ (x)
#define DEFINE_(stem, descriptor) VEREDA_PLUGIN_DEFINE (stem, descriptor)
#define DEFINE(stem, descriptor)  DEFINE_ (stem, descriptor)

/* What the plugin has seen of the members that came later: "-" where there were none. */
typedef struct
{
  VeredaAuth auth;
  guint64 fence; /* behind VeredaAuth, which must never grow */
} Probe;

typedef struct
{
  VeredaLayer layer;
  guint64 fence; /* behind VeredaLayer, the same */
  char said[64];
} ProbeLayer;

static const char *
later_word (const char *word)
{
  return word != NULL ? word : "-";
}

static gboolean
probe_start (VeredaAuth *a, GError **error)
{
  ((Probe *) a)->fence = 0x5151515151515151u;
  return TRUE;
}

static VeredaStep
probe_step (VeredaAuth *a, const VeredaSpan *challenge, GByteArray *response, GError **error)
{
  VeredaSpan user = { NULL, 0 };
  guint8 random[2] = { 0, 0 };
  const char *later = NULL;
  if (a->exchange->credential (a->exchange->self, VEREDA_CRED_AUTHCID, NULL, &user) != VEREDA_CRED_HAVE
      || !a->host->random (a->host->self, random, sizeof random, error))
    return VEREDA_STEP_FAILED;
  a->host->debug (a->host->self, "probe", "step for %s", a->exchange->service);
#ifdef VEREDA_GROWN
  if (VEREDA_HAS (VeredaExchange, a->exchange, later_exchange))
    later = a->exchange->later_exchange;
#endif
  g_autofree char *text = g_strdup_printf (
      "%.*s %s %s %s %s", (int) user.size, (const char *) user.data, a->exchange->service, a->exchange->server_name,
      VEREDA_HAS (VeredaExchange, a->exchange, offered) ? a->exchange->offered[0] : "-", later_word (later));
  g_byte_array_append (response, (const guint8 *) text, (guint) strlen (text));
  return ((Probe *) a)->fence == 0x5151515151515151u ? VEREDA_STEP_DONE : VEREDA_STEP_FAILED;
}

static gboolean
probe_explain (VeredaAuth *a, GError **error)
{
  g_set_error_literal (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_REFUSED, "because");
  return TRUE;
}

#ifdef VEREDA_GROWN
static const char *
probe_later_mech (VeredaAuth *a)
{
  return "mech";
}

static const char *
probe_later_transport (VeredaLayer *l)
{
  return "transport";
}
#endif

static gboolean
probe_wrap (VeredaLayer *l, const VeredaTlsSettings *settings, GError **error)
{
  ProbeLayer *self = (ProbeLayer *) l;
  const char *later = NULL;
#ifdef VEREDA_GROWN
  if (VEREDA_HAS (VeredaTlsSettings, settings, later_settings))
    later = settings->later_settings;
#endif
  self->fence = 0x5252525252525252u;
  g_snprintf (self->said, sizeof self->said, "%s %s %s", settings->peer_name, later_word (settings->priority),
              later_word (later));
  return TRUE;
}

/* What it says, then the end; nothing of what is written. */
static VeredaIo
probe_read (VeredaLayer *l, void *buf, size_t size, size_t *ret_n, GError **error)
{
  ProbeLayer *self = (ProbeLayer *) l;
  size_t length = strlen (self->said);
  if (length == 0 || length > size || self->fence != 0x5252525252525252u)
    return VEREDA_IO_EOF;
  memcpy (buf, self->said, length);
  self->said[0] = '\0';
  *ret_n = length;
  return VEREDA_IO_DONE;
}

static VeredaIo
probe_writev (VeredaLayer *l, const VeredaSpan *v, size_t n, size_t *ret_n, GError **error)
{
  return l->lower->ops->writev (l->lower, v, n, ret_n, error);
}

static VeredaIo
probe_handshake (VeredaLayer *l, GError **error)
{
  return VEREDA_IO_DONE;
}

static gboolean
probe_fact (VeredaLayer *l, VeredaFact fact, VeredaFactValue *ret)
{
  if (fact != VEREDA_FACT_TLS_VERSION)
    return FALSE;
  ret->num = 0x0304;
  return TRUE;
}

static void
probe_clear (VeredaLayer *l)
{
}

static const VeredaMech mech = {
#ifdef PROBE_WITHOUT_EXPLAIN
  .struct_size = offsetof (VeredaMech, explain), /* what is set behind it is not to be seen */
#else
  .struct_size = sizeof (VeredaMech),
#endif
  .instance_size = sizeof (Probe),
  .name = "X-PROBE",
  .strength = { .exposure = VEREDA_EXPOSE_WEAK_PROOF },
  .needs = VEREDA_NEEDS (VEREDA_CRED_AUTHCID),
  .flags = VEREDA_MECH_CLIENT_FIRST,
  .start = probe_start,
  .step = probe_step,
  .explain = probe_explain,
#ifdef VEREDA_GROWN
  .later_mech = probe_later_mech,
#endif
};

static const VeredaTransport transport = {
  .struct_size = sizeof (VeredaTransport),
  .instance_size = sizeof (ProbeLayer),
  .name = STRING (PROBE_STEM),
  .description = "says what it was told",
  .wrap = probe_wrap,
  .handshake = probe_handshake,
  .read = probe_read,
  .writev = probe_writev,
  .fact = probe_fact,
  .clear = probe_clear,
#ifdef VEREDA_GROWN
  .later_transport = probe_later_transport,
#endif
};

static const VeredaMech *const mechs[] = { &mech, NULL };
static const VeredaTransport *const transports[] = { &transport, NULL };

static gboolean
probe_init (const VeredaHost *host, GError **error)
{
#ifdef VEREDA_GROWN
  if (VEREDA_HAS (VeredaHost, host, later_host) && host->later_host (host->self, 3) != 6)
    return FALSE;
#endif
  return TRUE;
}

static const VeredaPlugin plugin = {
  .struct_size = sizeof (VeredaPlugin),
  .abi = VEREDA_PLUGIN_ABI,
  .name = STRING (PROBE_STEM),
  .version = "1.0",
  .license = "MIT",
  .transports = transports,
  .mechs = mechs,
  .init = probe_init,
#ifdef VEREDA_GROWN
  .later_plugin = "plugin",
#endif
};

DEFINE (PROBE_STEM, plugin)
