/* SPDX-License-Identifier: MIT */
/* zoo - plugins built wrong on purpose, one per ZOO_* define, and a few right ones to stand beside them.
 *
 * ZOO_STEM is the stem.  Each wrong one differs from a right one in a single point, so that the loader's message can be about
 * that point only. */
#include <vereda-plugin/auth.h>
#include <vereda-plugin/transport.h>

#define STRING_(x)                #x
#define STRING(x)                 STRING_ (x)
#define DEFINE_(stem, descriptor) VEREDA_PLUGIN_DEFINE (stem, descriptor)
#define DEFINE(stem, descriptor)  DEFINE_ (stem, descriptor)

#ifdef ZOO_UNRESOLVED
extern int zoo_nobody_has_this (void);
#endif
#ifdef ZOO_GONE
extern int zoo_gone (void);
#endif

#ifdef ZOO_TRANSPORT
typedef struct
{
  VeredaLayer layer;
} ZooLayer;

static gboolean
zoo_wrap (VeredaLayer *l, const VeredaTlsSettings *settings, GError **error)
{
  return TRUE;
}

static VeredaIo
zoo_read (VeredaLayer *l, void *buf, size_t size, size_t *ret_n, GError **error)
{
  return l->lower->ops->read (l->lower, buf, size, ret_n, error);
}

static VeredaIo
zoo_writev (VeredaLayer *l, const VeredaSpan *v, size_t n, size_t *ret_n, GError **error)
{
  return l->lower->ops->writev (l->lower, v, n, ret_n, error);
}

static void
zoo_clear (VeredaLayer *l)
{
}

static const VeredaTransport transport = {
  .struct_size = sizeof (VeredaTransport),
  .instance_size = sizeof (ZooLayer),
  .name = STRING (ZOO_TRANSPORT),
  .description = "wraps and changes nothing",
  .wrap = zoo_wrap,
  .read = zoo_read,
  .writev = zoo_writev,
  .clear = zoo_clear,
};
static const VeredaTransport *const transports[] = { &transport, NULL };
#define OUR_MECHS      NULL
#define OUR_TRANSPORTS transports
#else

typedef struct
{
  VeredaAuth auth;
} ZooAuth;

static VeredaStep
zoo_step (VeredaAuth *a, const VeredaSpan *challenge, GByteArray *response, GError **error)
{
#ifdef ZOO_UNRESOLVED
  return (VeredaStep) zoo_nobody_has_this ();
#elif defined(ZOO_GONE)
  return (VeredaStep) zoo_gone ();
#else
  return VEREDA_STEP_DONE;
#endif
}

static const VeredaMech mech = {
  .struct_size = sizeof (VeredaMech),
  .instance_size = sizeof (ZooAuth),
  .name = "ZOO",
  .strength = { .exposure = VEREDA_EXPOSE_WEAK_PROOF, .traits = 0, .hash_bits = 128, .ssf = 0 },
  .needs = VEREDA_NEEDS (VEREDA_CRED_AUTHCID),
  .flags = VEREDA_MECH_CLIENT_FIRST,
  .step = zoo_step,
};
static const VeredaMech *const mechs[] = { &mech, NULL };
#define OUR_MECHS      mechs
#define OUR_TRANSPORTS NULL
#endif

static gboolean
zoo_init (const VeredaHost *host, GError **error)
{
#ifdef ZOO_INIT_FAILS
  g_set_error_literal (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_SYSTEM, "the zoo is closed");
  return FALSE;
#elif defined(ZOO_INIT_SILENT)
  return FALSE;
#else
  host->debug (host->self, "zoo", "init %s", STRING (ZOO_STEM));
  g_usleep (2000); /* long enough for other threads to pile up */
  return TRUE;
#endif
}

static const VeredaPlugin plugin = {
#ifdef ZOO_SHORT
  .struct_size = sizeof (VeredaPlugin) - sizeof (void *),
#else
  .struct_size = sizeof (VeredaPlugin),
#endif
#ifdef ZOO_BAD_ABI
  .abi = VEREDA_PLUGIN_ABI + 1,
#else
  .abi = VEREDA_PLUGIN_ABI,
#endif
#ifdef ZOO_WRONG_NAME
  .name = "somebody_else",
#else
  .name = STRING (ZOO_STEM),
#endif
  .version = "1.0",
  .license = "MIT",
  .transports = OUR_TRANSPORTS,
  .mechs = OUR_MECHS,
  .init = zoo_init,
};

#if defined(ZOO_NO_SYMBOL)
DEFINE (other_name, plugin)
#elif defined(ZOO_NULL_QUERY)
VEREDA_PLUGIN_EXPORT const VeredaPlugin *vereda1_zoo_null_query_query (void);
VEREDA_PLUGIN_EXPORT const VeredaPlugin *
vereda1_zoo_null_query_query (void)
{
  return plugin.abi == 0 ? &plugin : NULL;
}
#else
DEFINE (ZOO_STEM, plugin)
#endif
