/* SPDX-License-Identifier: MIT */
/* Tests of one exchange with one mechanism: what it is given, how long a response may be, when it is satisfied, what the last response was, and that
 * nothing of it is left behind. */
#include "octets.h"

#include "core/smtp/sasl.h"

/* ---- a mechanism that does as the test says ---- */

typedef struct
{
  VeredaAuth base;
  char secret[32];
} Instance;

static struct
{
  gboolean start_fails;
  VeredaStep step;
  gsize size; /* of the response */
  guint starts, steps, clears;
  gboolean had_challenge, was_empty;
  VeredaAuth *auth;
  gsize cleared_sum; /* of the instance's secret when clear was called */
  VeredaCredState state;
  VeredaSpan credential;
  GBytes *binding;
  GError *binding_error;
} told;

static gboolean
fake_start (VeredaAuth *a, GError **error)
{
  told.starts++;
  told.auth = a;
  if (told.start_fails)
    g_set_error_literal (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_SYSTEM, "cannot start");
  return !told.start_fails;
}

static VeredaStep
fake_step (VeredaAuth *a, const VeredaSpan *challenge, GByteArray *response, GError **error)
{
  g_autofree guint8 *octets = g_malloc (told.size + 1);

  told.steps++;
  told.had_challenge = challenge != NULL;
  told.was_empty = response->len == 0;
  told.state = a->exchange->credential (a->exchange->self, VEREDA_CRED_PASSWORD, NULL, &told.credential);
  told.binding = a->exchange->binding (a->exchange->self, VEREDA_BINDING_TLS_EXPORTER, &told.binding_error);
  memset (octets, 'r', told.size);
  g_byte_array_append (response, octets, (guint) told.size);
  memcpy (((Instance *) a)->secret, "secret of the instance", 22);
  if (told.step == VEREDA_STEP_FAILED)
    g_set_error_literal (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_PROTOCOL, "as told");
  return told.step;
}

static void
fake_clear (VeredaAuth *a)
{
  told.clears++;
  for (gsize i = 0; i < sizeof ((Instance *) a)->secret; i++)
    told.cleared_sum += (guint8) ((Instance *) a)->secret[i];
}

static const VeredaMech mech = { .struct_size = sizeof (VeredaMech),
                                 .instance_size = sizeof (Instance),
                                 .name = "FAKE",
                                 .flags = VEREDA_MECH_CLIENT_FIRST,
                                 .start = fake_start,
                                 .step = fake_step,
                                 .clear = fake_clear };

static VeredaCredState
credential (gpointer data, VeredaCred kind, const char *hint, VeredaSpan *ret)
{
  g_assert_cmpint (kind, ==, VEREDA_CRED_PASSWORD);
  *ret = (VeredaSpan){ data, 6 };
  return VEREDA_CRED_HAVE;
}

static GBytes *
binding (gpointer data, VeredaBinding kind, GError **error)
{
  return g_bytes_new (data, 3);
}

static VdSasl *
begin (const VeredaMech *which, GError **error)
{
  static char secret[] = "secret";
  static const char *const offered[] = { "FAKE", "PLAIN", NULL };
  const VdSaslFacts facts = { .server_name = "mail.example.org",
                              .local_addr = "192.0.2.1;1025",
                              .remote_addr = "192.0.2.2;25",
                              .tls_ssf = 256,
                              .offered = offered };
  VdSaslSource source = { secret, credential, NULL };

  memset (&told, 0, sizeof told);
  told.step = VEREDA_STEP_DONE;
  return vd_sasl_new (which, NULL, &source, &facts, error);
}

static VeredaStep
step (VdSasl *sasl, const char *challenge, GByteArray **ret_response, GError **error)
{
  VeredaSpan span = { challenge, challenge != NULL ? strlen (challenge) : 0 };

  return vd_sasl_step (sasl, challenge != NULL ? &span : NULL, ret_response, error);
}

static void
end (VdSasl *sasl)
{
  g_clear_error (&told.binding_error);
  g_clear_pointer (&told.binding, g_bytes_unref);
  vd_sasl_free (sasl);
}

/* ---- tests ---- */

static void
test_given (void)
{
  VdSasl *sasl = begin (&mech, NULL);
  GByteArray *response = NULL;

  g_assert_cmpstr (vd_sasl_name (sasl), ==, "FAKE");
  g_assert_true (vd_sasl_is_client_first (sasl));
  g_assert_cmpuint (told.starts, ==, 1);
  g_assert_cmpstr (told.auth->exchange->service, ==, "smtp"); /* AUT-16 */
  g_assert_cmpstr (told.auth->exchange->server_name, ==, "mail.example.org");
  g_assert_cmpstr (told.auth->exchange->local_addr, ==, "192.0.2.1;1025");
  g_assert_cmpstr (told.auth->exchange->remote_addr, ==, "192.0.2.2;25");
  g_assert_cmpuint (told.auth->exchange->tls_ssf, ==, 256);
  g_assert_cmpuint (told.auth->exchange->struct_size, ==, sizeof (VeredaExchange));
  g_assert_cmpstr (told.auth->exchange->offered[1], ==, "PLAIN");
  g_assert_null (told.auth->exchange->offered[2]);
  g_assert_true (told.auth->ops == &mech);

  told.size = 3;
  g_assert_cmpint (step (sasl, NULL, &response, NULL), ==, VEREDA_STEP_DONE);
  g_assert_false (told.had_challenge);
  g_assert_cmpint (told.state, ==, VEREDA_CRED_HAVE);
  assert_octets_text (told.credential.data, told.credential.size, "secret");
  g_assert_null (told.binding); /* no source of bindings is no crash */
  g_assert_error (told.binding_error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_UNSUPPORTED);
  assert_octets_text (response->data, response->len, "rrr");
  end (sasl);
}

static void
test_binding (void)
{
  static char octets[] = "abc";
  static const VdSaslFacts facts = { .server_name = "mail.example.org" };
  VdSaslSource source = { octets, credential, binding };
  GByteArray *response = NULL;
  VdSasl *sasl;

  memset (&told, 0, sizeof told);
  told.step = VEREDA_STEP_DONE;
  sasl = vd_sasl_new (&mech, NULL, &source, &facts, NULL);
  step (sasl, NULL, &response, NULL);
  g_assert_nonnull (told.binding);
  g_assert_cmpuint (g_bytes_get_size (told.binding), ==, 3);
  g_assert_no_error (told.binding_error);
  end (sasl);
}

static void
test_start_fails (void)
{
  VdSaslSource source = { NULL, credential, NULL };
  VdSaslFacts facts = { .server_name = "mail.example.org" };
  g_autoptr (GError) error = NULL;

  memset (&told, 0, sizeof told);
  told.start_fails = TRUE;
  g_assert_null (vd_sasl_new (&mech, NULL, &source, &facts, &error));
  g_assert_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_SYSTEM);
}

/* AUT-8: a response as long as one may be is fine, one octet more is not, and neither grows the buffer it was lent. */
static void
test_limit (void)
{
  g_autoptr (GError) error = NULL;
  VdSasl *sasl = begin (&mech, NULL);
  GByteArray *response = NULL;

  told.size = VEREDA_AUTH_RESPONSE_MAX;
  g_assert_cmpint (step (sasl, "", &response, &error), ==, VEREDA_STEP_DONE);
  g_assert_no_error (error);
  g_assert_cmpuint (response->len, ==, VEREDA_AUTH_RESPONSE_MAX);
  g_clear_error (&told.binding_error);

  told.size = VEREDA_AUTH_RESPONSE_MAX + 1;
  g_assert_cmpint (step (sasl, "", &response, &error), ==, VEREDA_STEP_FAILED);
  g_assert_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_UNSUPPORTED);
  g_assert_false (vd_sasl_is_satisfied (sasl));
  g_assert_false (vd_sasl_last_response (sasl, &response));
  end (sasl);
}

/* AUT-9: satisfied is what the last step said, and only DONE says it. */
static void
test_satisfied (void)
{
  static const struct
  {
    VeredaStep step;
    gboolean satisfied, has_response;
  } cases[] = {
    { VEREDA_STEP_CONTINUE, FALSE, TRUE }, { VEREDA_STEP_DONE, TRUE, TRUE },     { VEREDA_STEP_WAIT, FALSE, FALSE },
    { VEREDA_STEP_DONE, TRUE, TRUE },      { VEREDA_STEP_FAILED, FALSE, FALSE }, { VEREDA_STEP_DONE, TRUE, TRUE },
    { VEREDA_STEP_CONTINUE, FALSE, TRUE }, /* a mechanism that is asked once more after it was done */
  };
  VdSasl *sasl = begin (&mech, NULL);
  GByteArray *response = NULL;

  g_assert_false (vd_sasl_is_satisfied (sasl));
  g_assert_false (vd_sasl_last_response (sasl, &response));
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      told.step = cases[i].step;
      told.size = i + 1;
      g_assert_cmpint (step (sasl, "c", &response, &error), ==, cases[i].step);
      g_assert_true (told.had_challenge);
      g_assert_true (told.was_empty); /* nothing of the step before */
      g_assert_cmpint (vd_sasl_is_satisfied (sasl), ==, cases[i].satisfied);
      g_assert_cmpint (vd_sasl_last_response (sasl, &response), ==, cases[i].has_response);
      g_assert_true (!cases[i].has_response || response->len == i + 1);
      g_assert_cmpint (error != NULL, ==, cases[i].step == VEREDA_STEP_FAILED);
      g_clear_error (&told.binding_error);
    }
  end (sasl);
}

/* SEC-10: what a step left in the buffer is gone before the next one, also where that one is shorter. */
static void
test_wiped_between (void)
{
  VdSasl *sasl = begin (&mech, NULL);
  GByteArray *response = NULL;
  guint8 *octets;

  told.size = 100;
  step (sasl, NULL, &response, NULL);
  octets = response->data;
  g_clear_error (&told.binding_error);
  told.size = 1;
  step (sasl, "", &response, NULL);
  g_assert_true (response->data == octets); /* the buffer does not move */
  for (guint i = 1; i < 100; i++)
    g_assert_cmpuint (octets[i], ==, 0);
  end (sasl);
}

/* The instance is the mechanism's until its clear() has seen it, and that is called once. */
static void
test_cleared (void)
{
  VdSasl *sasl = begin (&mech, NULL);
  GByteArray *response = NULL;

  step (sasl, NULL, &response, NULL);
  end (sasl);
  g_assert_cmpuint (told.clears, ==, 1);
  g_assert_cmpuint (told.cleared_sum, >, 0);
  vd_sasl_free (NULL);
}

/* A mechanism of an older interface has neither start nor clear, and an instance no larger than the core's part. */
static void
test_old_mechanism (void)
{
  static const VeredaMech old = { .struct_size = G_STRUCT_OFFSET (VeredaMech, clear), .name = "OLD", .step = fake_step };
  VdSasl *sasl = begin (&old, NULL);

  g_assert_nonnull (sasl);
  g_assert_false (vd_sasl_is_client_first (sasl));
  end (sasl);
  g_assert_cmpuint (told.clears, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sasl/AUT-16-given", test_given);
  g_test_add_func ("/sasl/CBD-4-binding", test_binding);
  g_test_add_func ("/sasl/start-fails", test_start_fails);
  g_test_add_func ("/sasl/AUT-8-limit", test_limit);
  g_test_add_func ("/sasl/AUT-9-satisfied", test_satisfied);
  g_test_add_func ("/sasl/SEC-10-wiped-between", test_wiped_between);
  g_test_add_func ("/sasl/cleared", test_cleared);
  g_test_add_func ("/sasl/old-mechanism", test_old_mechanism);
  return g_test_run ();
}
