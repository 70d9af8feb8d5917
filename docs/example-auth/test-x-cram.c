/* SPDX-License-Identifier: MIT */
/* Drives the mechanism as the library does: a host table and an exchange of the test's own, and no server. */
#include <string.h>
#include <vereda-plugin/auth.h>

const VeredaPlugin *vereda1_auth_x_cram_sha256_query (void);

typedef struct
{
  const char *user, *password; /* NULL: there is none */
  guint later;                 /* how many questions are answered "later" first */
} Person;

static VeredaCredState
credential (void *self, VeredaCred kind, const char *hint, VeredaSpan *ret)
{
  Person *person = self;
  const char *text = kind == VEREDA_CRED_AUTHCID ? person->user : kind == VEREDA_CRED_PASSWORD ? person->password : NULL;

  (void) hint;
  if (person->later > 0)
    {
      person->later--;
      return VEREDA_CRED_LATER;
    }
  if (text == NULL)
    return VEREDA_CRED_NONE;
  *ret = (VeredaSpan){ text, strlen (text) };
  return VEREDA_CRED_HAVE;
}

/* One exchange.  `challenge` NULL: the server is waited for. */
static VeredaStep
run (Person *person, const char *challenge, guint steps, char **ret_response, GError **error)
{
  const VeredaMech *mech = vereda1_auth_x_cram_sha256_query ()->mechs[0];
  const VeredaHost host = { .struct_size = sizeof host };
  const VeredaExchange exchange
      = { .struct_size = sizeof exchange, .service = "smtp", .self = person, .credential = credential };
  const VeredaSpan span = { challenge, challenge != NULL ? strlen (challenge) : 0 };
  g_autofree VeredaAuth *a = g_malloc0 (mech->instance_size);
  g_autoptr (GByteArray) response = g_byte_array_sized_new (VEREDA_AUTH_RESPONSE_MAX);
  VeredaStep step = VEREDA_STEP_WAIT;

  *a = (VeredaAuth){ mech, &host, &exchange };
  while (steps > 0)
    {
      g_byte_array_set_size (response, 0);
      step = mech->step (a, challenge != NULL ? &span : NULL, response, error);
      if (step != VEREDA_STEP_WAIT)
        steps--;
    }
  *ret_response = g_strndup ((const char *) response->data, response->len);
  return step;
}

static void
test_vector (void)
{
  Person person = { "tim", "tanstaaftanstaaf", 0 };
  g_autofree char *response = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *hmac = g_compute_hmac_for_string (G_CHECKSUM_SHA256, (const guchar *) "tanstaaftanstaaf", 16,
                                                     "<1896.697170952@postoffice.example>", -1);
  g_autofree char *wanted = g_strconcat ("tim ", hmac, NULL);

  g_assert_cmpint (run (&person, "<1896.697170952@postoffice.example>", 1, &response, &error), ==, VEREDA_STEP_DONE);
  g_assert_no_error (error);
  g_assert_cmpstr (response, ==, wanted);
}

static void
test_later (void)
{
  Person person = { "tim", "secret", 2 };
  Person at_once = { "tim", "secret", 0 };
  g_autofree char *first = NULL, *second = NULL;

  g_assert_cmpint (run (&person, "<1@x>", 1, &first, NULL), ==, VEREDA_STEP_DONE);
  g_assert_cmpint (run (&at_once, "<1@x>", 1, &second, NULL), ==, VEREDA_STEP_DONE);
  g_assert_cmpstr (first, ==, second);
}

static void
assert_fails (Person person, const char *challenge, guint steps, VeredaAuthError code)
{
  g_autofree char *response = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (run (&person, challenge, steps, &response, &error), ==, VEREDA_STEP_FAILED);
  g_assert_error (error, VEREDA_AUTH_ERROR, (gint) code);
  g_assert_cmpstr (response, ==, "");
  g_assert_null (strstr (error->message, "secret"));
}

static void
test_refusals (void)
{
  assert_fails ((Person){ "tim", "secret", 0 }, NULL, 1, VEREDA_AUTH_ERROR_PROTOCOL);
  assert_fails ((Person){ "tim", "secret", 0 }, "", 1, VEREDA_AUTH_ERROR_PROTOCOL);
  assert_fails ((Person){ NULL, "secret", 0 }, "<1@x>", 1, VEREDA_AUTH_ERROR_CREDENTIAL);
  assert_fails ((Person){ "tim", NULL, 0 }, "<1@x>", 1, VEREDA_AUTH_ERROR_CREDENTIAL);
  assert_fails ((Person){ "tim", "", 0 }, "<1@x>", 1, VEREDA_AUTH_ERROR_CREDENTIAL);
}

static void
test_second_challenge (void)
{
  Person person = { "tim", "secret", 0 };
  g_autofree char *response = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (run (&person, "<1@x>", 2, &response, &error), ==, VEREDA_STEP_FAILED);
  g_assert_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_PROTOCOL);
}

static void
test_long_name (void)
{
  g_autofree char *name = g_strnfill (VEREDA_AUTH_RESPONSE_MAX, 'x');

  assert_fails ((Person){ name, "secret", 0 }, "<1@x>", 1, VEREDA_AUTH_ERROR_CREDENTIAL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/x-cram/vector", test_vector);
  g_test_add_func ("/x-cram/later", test_later);
  g_test_add_func ("/x-cram/refusals", test_refusals);
  g_test_add_func ("/x-cram/second-challenge", test_second_challenge);
  g_test_add_func ("/x-cram/long-name", test_long_name);
  return g_test_run ();
}
