/* SPDX-License-Identifier: MIT */
/* mech - one exchange with one mechanism, watched.
 *
 * Does what the library does with a mechanism, with fixed randomness, and writes down each promise of auth.h that is broken.  The
 * instance and each challenge end where a page ends; credentials lie in a mapping of their own. */
#include "kit/mech.h"

#include <string.h>
#include <unistd.h>

#include "kit/residue.h"

#define N_CREDS    (VEREDA_CRED_REALM + 1)
#define N_BINDINGS (VEREDA_BINDING_TLS_UNIQUE + 1)
#define VAULT_SIZE (256u << 10)
#define CANARY     0x3c
/* Whoever asks so often for one credential in one step waits by turning in a circle. */
#define ASKED_MAX  100

struct VeredaKitMech
{
  const VeredaMech *mech;
  VeredaHost host;
  VeredaExchange exchange;
  KitBlock instance;
  KitVault vault;
  VeredaSpan creds[N_CREDS];
  guint later[N_CREDS];
  guint asked[N_CREDS];
  guint asked_now; /* in this step */
  GBytes *random;
  gsize random_at;
  guint random_calls;
  GBytes *bindings[N_BINDINGS];
  char *server_name;
  char **offered;
  GByteArray *response;
  gboolean started, failed, cleared, outside;
  GPtrArray *faults;
  char *place;
};

G_GNUC_PRINTF (2, 3)
static void
fault (VeredaKitMech *m, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_ptr_array_remove_index (m->faults, m->faults->len - 1); /* the NULL at the end */
  if (!g_ptr_array_find_with_equal_func (m->faults, text, g_str_equal, NULL))
    g_ptr_array_add (m->faults, g_steal_pointer (&text));
  g_ptr_array_add (m->faults, NULL);
}

/* --- what the mechanism may call --- */

static void
check_secret (VeredaKitMech *m, const char *text, const char *where)
{
  static const VeredaCred kinds[] = { VEREDA_CRED_PASSWORD, VEREDA_CRED_TOKEN };
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      const VeredaSpan *secret = &m->creds[kinds[i]];
      if (secret->size > 3 && text != NULL && memmem (text, strlen (text), secret->data, secret->size) != NULL)
        fault (m, "%s repeats the %s", where, kinds[i] == VEREDA_CRED_TOKEN ? "token" : "password");
    }
}

G_GNUC_PRINTF (3, 4)
static void
host_debug (void *self, const char *topic, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  check_secret (self, text, "debug text");
  explicit_bzero (text, strlen (text));
}

static gboolean
host_random (void *self, void *buf, size_t size, GError **error)
{
  VeredaKitMech *m = self;
  gsize there = 0;
  const guint8 *data = g_bytes_get_data (m->random, &there);
  m->random_calls++;
  if (there == 0)
    {
      g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_SYSTEM, "there is no randomness");
      return FALSE;
    }
  for (size_t i = 0; i < size; i++)
    ((guint8 *) buf)[i] = data[m->random_at++ % there];
  return TRUE;
}

static VeredaCredState
exchange_credential (void *self, VeredaCred kind, const char *hint, VeredaSpan *ret)
{
  VeredaKitMech *m = self;
  if (!m->outside && m->asked_now++ > ASKED_MAX)
    {
      /* It would never return: a message to whoever reads what this process printed, and the end. */
      static const char text[] = "the mechanism asks for a credential again and again in one step instead of returning WAIT\n";
      if (write (STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit (4);
      _exit (3);
    }
  if (m->outside)
    fault (m, "credential was called outside of start and step");
  if ((guint) kind < 1 || (guint) kind >= N_CREDS)
    {
      fault (m, "a credential of kind %u was asked for, which does not exist", (guint) kind);
      return VEREDA_CRED_NONE;
    }
  m->asked[kind]++;
  if (m->later[kind] > 0)
    {
      m->later[kind]--;
      return VEREDA_CRED_LATER;
    }
  if (m->creds[kind].data == NULL)
    return VEREDA_CRED_NONE;
  *ret = m->creds[kind];
  return VEREDA_CRED_HAVE;
}

static GBytes *
exchange_binding (void *self, VeredaBinding kind, GError **error)
{
  VeredaKitMech *m = self;
  if (m->outside)
    fault (m, "binding was called outside of start and step");
  if ((guint) kind >= 1 && (guint) kind < N_BINDINGS && m->bindings[kind] != NULL)
    return g_bytes_ref (m->bindings[kind]);
  g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_UNSUPPORTED, "there is no channel binding of kind %u", (guint) kind);
  return NULL;
}

/* --- making one --- */

static void
count_up (VeredaKitMech *m)
{
  guint8 octets[256];
  for (guint i = 0; i < sizeof octets; i++)
    octets[i] = (guint8) i;
  vereda_kit_mech_set_random (m, octets, sizeof octets);
}

VeredaKitMech *
vereda_kit_mech_new (const VeredaMech *mech)
{
  VeredaKitMech *m = g_new0 (VeredaKitMech, 1);
  const char *offered[] = { mech->name, NULL };
  m->mech = mech;
  m->host = (VeredaHost){ .struct_size = sizeof (VeredaHost), .self = m, .debug = host_debug, .random = host_random };
  m->exchange = (VeredaExchange){
    .struct_size = sizeof (VeredaExchange),
    .tls_ssf = 256,
    .service = "smtp",
    .local_addr = "192.0.2.7;40000",
    .remote_addr = "192.0.2.1;587",
    .self = m,
    .credential = exchange_credential,
    .binding = exchange_binding,
  };
  m->outside = TRUE;
  m->faults = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (m->faults, NULL);
  kit_block_init (&m->instance, MAX (mech->instance_size, sizeof (VeredaAuth)), "the instance block");
  *(VeredaAuth *) m->instance.data = (VeredaAuth){ .ops = mech, .host = &m->host, .exchange = &m->exchange };
  kit_vault_init (&m->vault, VAULT_SIZE);
  /* Twice the room, so that writing past the end is seen and not fatal. */
  m->response = g_byte_array_sized_new (2 * VEREDA_AUTH_RESPONSE_MAX);
  memset (m->response->data + VEREDA_AUTH_RESPONSE_MAX, CANARY, VEREDA_AUTH_RESPONSE_MAX);
  vereda_kit_mech_set_server_name (m, "mail.example.org");
  vereda_kit_mech_set_offered (m, offered);
  count_up (m);
  return m;
}

static void
wipe_response (VeredaKitMech *m)
{
  explicit_bzero (m->response->data, VEREDA_AUTH_RESPONSE_MAX);
}

void
vereda_kit_mech_clear (VeredaKitMech *m)
{
  if (!m->cleared && VEREDA_HAS (VeredaMech, m->mech, clear))
    m->mech->clear (m->instance.data);
  m->cleared = TRUE;
}

void
vereda_kit_mech_free (VeredaKitMech *m)
{
  if (m == NULL)
    return;
  vereda_kit_mech_clear (m);
  explicit_bzero (m->instance.data, m->instance.size);
  kit_block_clear (&m->instance);
  explicit_bzero (m->response->data, 2 * VEREDA_AUTH_RESPONSE_MAX);
  g_byte_array_unref (m->response);
  kit_vault_clear (&m->vault);
  g_bytes_unref (m->random);
  for (gsize i = 0; i < N_BINDINGS; i++)
    g_clear_pointer (&m->bindings[i], g_bytes_unref);
  g_ptr_array_unref (m->faults);
  g_free (m->server_name);
  g_strfreev (m->offered);
  g_free (m->place);
  g_free (m);
}

void
vereda_kit_mech_set_credential (VeredaKitMech *m, VeredaCred kind, const void *data, size_t size)
{
  g_return_if_fail ((guint) kind >= 1 && (guint) kind < N_CREDS);
  m->creds[kind] = (VeredaSpan){ kit_vault_keep (&m->vault, data, size), data != NULL ? size : 0 };
}

void
vereda_kit_mech_set_later (VeredaKitMech *m, VeredaCred kind, guint times)
{
  g_return_if_fail ((guint) kind >= 1 && (guint) kind < N_CREDS);
  m->later[kind] = times;
}

void
vereda_kit_mech_set_random (VeredaKitMech *m, const void *data, size_t size)
{
  g_clear_pointer (&m->random, g_bytes_unref);
  m->random = g_bytes_new (data, size);
  m->random_at = 0;
}

void
vereda_kit_mech_set_binding (VeredaKitMech *m, VeredaBinding kind, const void *data, size_t size)
{
  g_return_if_fail ((guint) kind >= 1 && (guint) kind < N_BINDINGS);
  g_clear_pointer (&m->bindings[kind], g_bytes_unref);
  m->bindings[kind] = data != NULL ? g_bytes_new (data, size) : NULL;
}

void
vereda_kit_mech_set_server_name (VeredaKitMech *m, const char *name)
{
  char *copy = g_strdup (name);
  g_free (m->server_name);
  m->server_name = copy;
  m->exchange.server_name = copy;
}

void
vereda_kit_mech_set_tls_ssf (VeredaKitMech *m, guint bits)
{
  m->exchange.tls_ssf = bits;
}

void
vereda_kit_mech_set_offered (VeredaKitMech *m, const char *const *offered)
{
  char **copy = g_strdupv ((char **) offered);
  g_strfreev (m->offered);
  m->offered = copy;
  m->exchange.offered = (const char *const *) copy;
}

/* --- a step --- */

static const char *
step_name (VeredaStep s)
{
  static const char *const names[] = { "FAILED", "DONE", "CONTINUE", "WAIT" };
  return s >= VEREDA_STEP_FAILED && s <= VEREDA_STEP_WAIT ? names[s - VEREDA_STEP_FAILED] : "something that is no VeredaStep";
}

static void
check_error (VeredaKitMech *m, const GError *error, const char *who)
{
  if (error == NULL)
    return;
  if (error->domain != VEREDA_AUTH_ERROR)
    fault (m, "%s set an error of domain %s, not VEREDA_AUTH_ERROR", who, g_quark_to_string (error->domain));
  else if (error->code < VEREDA_AUTH_ERROR_CREDENTIAL || error->code > VEREDA_AUTH_ERROR_EXPIRED)
    fault (m, "%s set an error of code %d, which VeredaAuthError does not have", who, error->code);
  if (error->message == NULL || *error->message == '\0')
    fault (m, "%s set an error without a text", who);
  else if (!g_utf8_validate (error->message, -1, NULL))
    fault (m, "%s set an error whose text is not UTF-8", who);
  check_secret (m, error->message, "an error text");
}

static void
check_response (VeredaKitMech *m, const guint8 *place, VeredaStep s)
{
  if (m->response->data != place || m->response->len > VEREDA_AUTH_RESPONSE_MAX)
    fault (m, "the response grew to %u octets, past VEREDA_AUTH_RESPONSE_MAX, which is %u", m->response->len,
           VEREDA_AUTH_RESPONSE_MAX);
  for (gsize i = VEREDA_AUTH_RESPONSE_MAX; m->response->data == place && i < 2 * VEREDA_AUTH_RESPONSE_MAX; i++)
    if (place[i] != CANARY)
      {
        fault (m, "octets were written behind the room of the response, at %" G_GSIZE_FORMAT, i);
        break;
      }
  if ((s == VEREDA_STEP_FAILED || s == VEREDA_STEP_WAIT) && m->response->len > 0)
    fault (m, "step returned %s and left a response of %u octets", step_name (s), m->response->len);
}

static void
check_frame (VeredaKitMech *m)
{
  const VeredaAuth *auth = m->instance.data;
  if (auth->ops != m->mech || auth->host != &m->host || auth->exchange != &m->exchange)
    fault (m, "the VeredaAuth at the beginning of the instance was written to; it is the library's");
  if (!kit_block_is_whole (&m->instance))
    fault (m, "octets behind the instance block were written to; instance_size, %u, is too small", m->mech->instance_size);
}

static gboolean
ensure_started (VeredaKitMech *m, GError **error)
{
  GError *cause = NULL;
  gboolean good = TRUE;
  if (m->started)
    return TRUE;
  m->started = TRUE;
  if (VEREDA_HAS (VeredaMech, m->mech, start))
    good = m->mech->start (m->instance.data, &cause);
  if (good == (cause != NULL))
    fault (m, "start returned %s and %s", good ? "TRUE" : "FALSE", cause != NULL ? "set an error" : "did not set the error");
  check_error (m, cause, "start");
  if (!good && cause == NULL)
    g_set_error_literal (&cause, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_SYSTEM, "start failed and did not say why");
  if (good)
    g_clear_error (&cause);
  else
    g_propagate_error (error, cause);
  return good;
}

VeredaStep
vereda_kit_mech_step (VeredaKitMech *m, const void *challenge, size_t size, GError **error)
{
  GError *cause = NULL;
  KitBlock copy = { 0 };
  VeredaStep s = VEREDA_STEP_FAILED;
  const guint8 *place = m->response->data;
  g_return_val_if_fail (!m->cleared, VEREDA_STEP_FAILED);
  wipe_response (m);
  g_byte_array_set_size (m->response, 0);
  m->asked_now = 0;
  m->outside = FALSE;
  if (ensure_started (m, &cause))
    {
      /* an empty challenge has no address: it may be NULL by the header */
      if (size > 0)
        {
          kit_block_init (&copy, size, "the challenge");
          memcpy ((char *) copy.data, challenge, size);
        }
      const VeredaSpan span = { copy.data, size };
      s = m->mech->step (m->instance.data, challenge != NULL ? &span : NULL, m->response, &cause);
      kit_block_clear (&copy);
      if ((s == VEREDA_STEP_FAILED) != (cause != NULL))
        fault (m, "step returned %s and %s", step_name (s), cause != NULL ? "set an error" : "did not set the error");
      check_error (m, cause, "step");
    }
  m->outside = TRUE;
  if (s < VEREDA_STEP_FAILED || s > VEREDA_STEP_WAIT)
    {
      fault (m, "step returned %d, which is no VeredaStep", (int) s);
      s = VEREDA_STEP_FAILED;
    }
  check_response (m, place, s);
  check_frame (m);
  m->failed |= s == VEREDA_STEP_FAILED;
  if (s == VEREDA_STEP_FAILED && cause == NULL)
    g_set_error_literal (&cause, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_SYSTEM, "step failed and did not say why");
  if (s != VEREDA_STEP_FAILED)
    g_clear_error (&cause);
  else
    g_propagate_error (error, cause);
  return s;
}

const void *
vereda_kit_mech_get_response (VeredaKitMech *m, size_t *ret_size)
{
  *ret_size = m->response->len;
  return m->response->data;
}

gboolean
vereda_kit_mech_explain (VeredaKitMech *m, GError **error)
{
  GError *cause = NULL;
  if (!VEREDA_HAS (VeredaMech, m->mech, explain))
    return FALSE;
  gboolean knows = m->mech->explain (m->instance.data, &cause);
  if (knows != (cause != NULL))
    fault (m, "explain returned %s and %s", knows ? "TRUE" : "FALSE", cause != NULL ? "set an error" : "did not set the error");
  check_error (m, cause, "explain");
  if (cause != NULL)
    g_propagate_error (error, cause);
  return knows && cause != NULL;
}

guint
vereda_kit_mech_get_asked (VeredaKitMech *m, VeredaCred kind)
{
  g_return_val_if_fail ((guint) kind < N_CREDS, 0);
  return m->asked[kind];
}

guint
vereda_kit_mech_get_random_calls (VeredaKitMech *m)
{
  return m->random_calls;
}

const char *const *
vereda_kit_mech_get_faults (VeredaKitMech *m)
{
  return (const char *const *) m->faults->pdata;
}

guint
vereda_kit_mech_count_residue (VeredaKitMech *m)
{
  static const VeredaCred kinds[] = { VEREDA_CRED_PASSWORD, VEREDA_CRED_TOKEN };
  guint found = 0;
  wipe_response (m);
  if (m->cleared)
    explicit_bzero ((char *) m->instance.data + sizeof (VeredaAuth), m->instance.size - sizeof (VeredaAuth));
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      char *place = NULL;
      found += kit_residue_search (&m->vault, &m->creds[kinds[i]], &place);
      if (place != NULL)
        {
          g_free (m->place);
          m->place = place;
        }
    }
  return found;
}

const char *
kit_mech_residue_place (VeredaKitMech *m)
{
  return m->place;
}

const char *
kit_mech_name (VeredaKitMech *m)
{
  return m->mech->name;
}
