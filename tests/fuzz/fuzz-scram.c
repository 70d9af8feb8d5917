/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target for SCRAM: the readers of the server's messages, and each mechanism driven with them (the plugin's sources are
 * compiled in).
 *
 * Input: one octet that picks the mechanism and switches, then the server's first message, a line feed, and its last.
 *
 * Checked: what was read keeps the rules that the arithmetic relies on; what the interface promises about responses and errors; that the
 * exchange is never satisfied, since the fuzzer does not know the password.
 */
#include "../../plugins/auth/scram/message.h"

#include <string.h>

#define NONCE "WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpa" /* 24 times 0x5a */

const VeredaPlugin *vereda1_auth_scram_query (void);
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

enum
{
  SWITCH_LATER = 1 << 3,
  SWITCH_AUTHZID = 1 << 4,
  SWITCH_WITH_NONCE = 1 << 5, /* the first message is given the right nonce, so that the fuzzer gets past it */
  SWITCH_NO_BINDING = 1 << 6
};

typedef struct
{
  guint switches;
  guint late;
} Fuzz;

static VeredaCredState
fuzz_credential (void *self, VeredaCred kind, const char *hint, VeredaSpan *ret)
{
  Fuzz *f = self;

  if ((f->switches & SWITCH_LATER) && !(f->late & VEREDA_NEEDS (kind)))
    {
      f->late |= VEREDA_NEEDS (kind);
      return VEREDA_CRED_LATER;
    }
  if (kind == VEREDA_CRED_AUTHZID && !(f->switches & SWITCH_AUTHZID))
    return VEREDA_CRED_NONE;
  *ret = (VeredaSpan){ "a,b=c", 5 };
  return VEREDA_CRED_HAVE;
}

static gboolean
fuzz_random (void *self, void *buf, size_t size, GError **error)
{
  memset (buf, 0x5a, size);
  return TRUE;
}

static GBytes *
fuzz_binding (void *self, VeredaBinding kind, GError **error)
{
  Fuzz *f = self;

  return (f->switches & SWITCH_NO_BINDING) ? NULL : g_bytes_new_static ("0123456789abcdef0123456789abcdef", 32);
}

/* TRUE: worth driving.  A million iterations are legal, and too slow for this. */
static gboolean
check_first (const VeredaSpan *text)
{
  g_auto (ScramFirst) first = { NULL, NULL, NULL, 0, 0 };
  g_autoptr (GError) error = NULL;

  if (!scram_first_parse (text, NONCE, &first, &error))
    {
      g_assert (error != NULL && error->domain == VEREDA_AUTH_ERROR && g_utf8_validate (error->message, -1, NULL));
      g_assert (first.text == NULL && first.nonce == NULL && first.salt == NULL);
      return TRUE;
    }
  g_assert (error == NULL && strlen (first.text) == text->size);
  g_assert (g_str_has_prefix (first.nonce, NONCE) && strlen (first.nonce) > strlen (NONCE)
            && strchr (first.nonce, ',') == NULL);
  g_assert (first.salt_size > 0 && first.salt_size < text->size);
  g_assert (first.iterations >= SCRAM_ITERATIONS_MIN && first.iterations <= SCRAM_ITERATIONS_MAX);
  return first.iterations == SCRAM_ITERATIONS_MIN;
}

static void
check_final (const VeredaSpan *text)
{
  guint8 signature[20] = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) refusal = scram_refusal_parse (text, "SCRAM");

  g_assert (scram_final_parse (text, sizeof signature, signature, &error) == (error == NULL));
  g_assert (refusal == NULL || (text->size >= 2 && memcmp (text->data, "e=", 2) == 0));
  g_assert (refusal == NULL || g_utf8_validate (refusal->message, -1, NULL));
}

static VeredaStep
fuzz_step (VeredaAuth *a, const VeredaSpan *challenge, GByteArray *response)
{
  const guint8 *place = response->data;
  VeredaStep s = VEREDA_STEP_WAIT;

  for (guint waits = 0; s == VEREDA_STEP_WAIT; waits++)
    {
      g_autoptr (GError) error = NULL;

      g_assert (waits < 8);
      g_byte_array_set_size (response, 0);
      s = a->ops->step (a, challenge, response, &error);
      g_assert (response->data == place && response->len <= VEREDA_AUTH_RESPONSE_MAX);
      g_assert ((s == VEREDA_STEP_FAILED) == (error != NULL));
      g_assert ((s != VEREDA_STEP_FAILED && s != VEREDA_STEP_WAIT) || response->len == 0);
      g_assert (error == NULL || (error->domain == VEREDA_AUTH_ERROR && g_utf8_validate (error->message, -1, NULL)));
    }
  g_assert (s != VEREDA_STEP_DONE);
  return s;
}

static void
drive (Fuzz *f, const VeredaMech *mech, const VeredaSpan *first, const VeredaSpan *final)
{
  const VeredaHost host = { .struct_size = sizeof host, .self = f, .random = fuzz_random };
  const VeredaExchange exchange = { .struct_size = sizeof exchange,
                                    .service = "smtp",
                                    .server_name = "mail.example.org",
                                    .self = f,
                                    .credential = fuzz_credential,
                                    .binding = fuzz_binding };
  const VeredaSpan *const challenges[] = { NULL, first, final, final };
  GByteArray *response = g_byte_array_sized_new (VEREDA_AUTH_RESPONSE_MAX);
  VeredaAuth *a = g_malloc0 (mech->instance_size);
  gboolean failed = FALSE;

  *a = (VeredaAuth){ .ops = mech, .host = &host, .exchange = &exchange };
  for (guint i = 0; i < G_N_ELEMENTS (challenges); i++)
    {
      VeredaStep s = fuzz_step (a, challenges[i], response);

      g_assert (!failed || s == VEREDA_STEP_FAILED);
      failed = s == VEREDA_STEP_FAILED;
    }
  mech->explain (a, NULL);
  mech->clear (a);
  g_free (a);
  g_byte_array_unref (response);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const VeredaPlugin *plugin = vereda1_auth_scram_query ();
  g_autoptr (GByteArray) text = g_byte_array_new ();
  g_autofree guint8 *first = NULL, *final = NULL;
  const uint8_t *end;
  Fuzz f = { 0 };

  if (size < 1 || size > 4000)
    return 0;
  f.switches = data[0];
  if (f.switches & SWITCH_WITH_NONCE)
    g_byte_array_append (text, (const guint8 *) "r=" NONCE, strlen ("r=" NONCE));
  end = memchr (data + 1, '\n', size - 1);
  if (end == NULL)
    end = data + size;
  g_byte_array_append (text, data + 1, (guint) (end - data - 1));
  first = g_memdup2 (text->data, text->len); /* of their own, so that a read past their end is seen */
  const VeredaSpan spans[] = { { first, text->len }, { NULL, end < data + size ? (gsize) (data + size - end - 1) : 0 } };
  final = g_memdup2 (end + 1, spans[1].size);
  const VeredaSpan last = { final, spans[1].size };

  check_final (&last);
  if (check_first (&spans[0]))
    drive (&f, plugin->mechs[(f.switches & 7) % 6], &spans[0], &last);
  return 0;
}
