/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target for one mechanism, whose query function is FUZZ_QUERY (the plugin's sources are compiled in).
 *
 * Input: one octet of switches, one octet that picks the user name's and the password's length, then challenges, each after an
 * octet of kind: 0xff is "no challenge yet", else it is the high part of the size that the next octet completes.
 *
 * Checked at each step: what the interface promises about the response, the error and WAIT; that the exchange ends; that
 * DONE ends it for good; that DIGEST-MD5 is never satisfied, since the fuzzer does not know the password.
 */
#include <vereda-plugin/auth.h>

#include <string.h>

#define MAX_STEPS 16

const VeredaPlugin *FUZZ_QUERY (void);
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

enum
{
  SWITCH_LATER = 1 << 0,
  SWITCH_AUTHZID = 1 << 1,
  SWITCH_REALM = 1 << 2,
  SWITCH_NO_USER = 1 << 3,
  SWITCH_NO_RANDOM = 1 << 4,
  SWITCH_TAINT = 1 << 5 /* credentials of the input's own octets */
};

typedef struct
{
  guint switches;
  guint late; /* kinds that were answered LATER for this challenge */
  const uint8_t *data;
  gsize size;
  char text[700];
} Fuzz;

static VeredaCredState
fuzz_credential (void *self, VeredaCred kind, const char *hint, VeredaSpan *ret)
{
  Fuzz *f = self;

  if (kind == VEREDA_CRED_REALM)
    g_assert (hint != NULL && g_utf8_validate (hint, -1, NULL));
  if ((f->switches & SWITCH_LATER) && !(f->late & VEREDA_NEEDS (kind)))
    {
      f->late |= VEREDA_NEEDS (kind);
      return VEREDA_CRED_LATER;
    }
  if ((kind == VEREDA_CRED_AUTHZID && !(f->switches & SWITCH_AUTHZID))
      || (kind == VEREDA_CRED_REALM && !(f->switches & SWITCH_REALM))
      || (kind == VEREDA_CRED_AUTHCID && (f->switches & SWITCH_NO_USER)))
    return VEREDA_CRED_NONE;
  if (f->switches & SWITCH_TAINT)
    *ret = (VeredaSpan){ f->data, MIN (f->size, 64) };
  else
    *ret = (VeredaSpan){ f->text, 1 + 2 * (gsize) f->data[1] };
  return VEREDA_CRED_HAVE;
}

static gboolean
fuzz_random (void *self, void *buf, size_t size, GError **error)
{
  Fuzz *f = self;

  memset (buf, 0x5a, size);
  if (f->switches & SWITCH_NO_RANDOM)
    g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_SYSTEM, "no randomness");
  return !(f->switches & SWITCH_NO_RANDOM);
}

static VeredaStep
fuzz_step (VeredaAuth *a, const VeredaSpan *challenge, GByteArray *response)
{
  const guint8 *place = response->data;
  GError *error = NULL;
  VeredaStep s;

  g_byte_array_set_size (response, 0);
  s = a->ops->step (a, challenge, response, &error);
  g_assert (response->data == place && response->len <= VEREDA_AUTH_RESPONSE_MAX);
  g_assert ((s == VEREDA_STEP_FAILED) == (error != NULL));
  if (s == VEREDA_STEP_FAILED || s == VEREDA_STEP_WAIT)
    g_assert (response->len == 0);
  if (error != NULL)
    g_assert (error->domain == VEREDA_AUTH_ERROR && g_utf8_validate (error->message, -1, NULL));
  g_clear_error (&error);
  return s;
}

/* Takes the next challenge off the input; FALSE when there is none. */
static gboolean
next_challenge (Fuzz *f, gsize *at, gboolean *ret_none, guint8 **ret_copy, VeredaSpan *ret)
{
  gsize size;

  if (*at + 2 > f->size)
    return FALSE;
  *ret_none = f->data[*at] == 0xff;
  size = ((gsize) (f->data[*at] & 0x0f) << 8) | f->data[*at + 1];
  *at += 2;
  size = MIN (size, f->size - *at);
  *ret_copy = g_memdup2 (f->data + *at, size); /* of its own, so that a read past its end is seen */
  *ret = (VeredaSpan){ *ret_copy, size };
  *at += size;
  return TRUE;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const VeredaMech *mech = FUZZ_QUERY ()->mechs[0];
  Fuzz f = { .data = data, .size = size };
  const VeredaHost host = { .struct_size = sizeof host, .self = &f, .random = fuzz_random };
  const VeredaExchange exchange = { .struct_size = sizeof exchange,
                                    .service = "smtp",
                                    .server_name = "mail.example.org",
                                    .self = &f,
                                    .credential = fuzz_credential };
  GByteArray *response;
  VeredaAuth *a;
  gboolean done = FALSE, none = FALSE;
  guint8 *copy = NULL;
  VeredaSpan challenge;
  gsize at = 2;

  if (size < 2)
    return 0;
  f.switches = data[0];
  memset (f.text, 'x', sizeof f.text);
  a = g_malloc0 (mech->instance_size);
  *a = (VeredaAuth){ .ops = mech, .host = &host, .exchange = &exchange };
  response = g_byte_array_sized_new (VEREDA_AUTH_RESPONSE_MAX);
  for (guint i = 0; i < MAX_STEPS && next_challenge (&f, &at, &none, &copy, &challenge); i++)
    {
      VeredaStep s;

      f.late = 0;
      s = fuzz_step (a, none ? NULL : &challenge, response);

      for (guint waits = 0; s == VEREDA_STEP_WAIT; waits++)
        {
          g_assert (waits < 8);
          s = fuzz_step (a, none ? NULL : &challenge, response);
        }
      if (done)
        g_assert (s == VEREDA_STEP_FAILED);
      done = done || s == VEREDA_STEP_DONE;
      g_assert (!done || !(mech->flags & VEREDA_MECH_SERVER_LAST));
      g_clear_pointer (&copy, g_free);
    }
  if (mech->clear != NULL)
    mech->clear (a);
  g_free (a);
  g_byte_array_unref (response);
  return 0;
}
