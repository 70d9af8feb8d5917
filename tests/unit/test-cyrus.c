/* SPDX-License-Identifier: MIT */
/*
 * The adapter to Cyrus SASL: the library is started once whoever comes first, mechanisms that it lacks or that cannot begin fail
 * before anything is said, and what it has is accepted by Cyrus' own server side.
 *
 * Which plug-ins are installed differs: what is not there is skipped, with its name.  Kerberos needs a key distribution centre:
 * see tests/live.
 */
#include "test-sasl-server.h"

#include <pthread.h>
#include <string.h>

#define STEM     "auth_cyrus"
#define USER     "tim"
#define PASSWORD "tanstaaftanstaaf"

/* ---- an exchange that does not assert that it can begin ---- */

typedef struct
{
  VeredaHost host;
  VeredaExchange exchange;
  VeredaAuth *auth;
  gboolean late;
} Exchange;

static VeredaCredState
give (void *self, VeredaCred kind, const char *hint, VeredaSpan *ret)
{
  Exchange *x = self;

  if (x->late && kind == VEREDA_CRED_PASSWORD)
    return VEREDA_CRED_LATER;
  if (kind == VEREDA_CRED_AUTHCID)
    *ret = (VeredaSpan){ USER, strlen (USER) };
  else if (kind == VEREDA_CRED_PASSWORD)
    *ret = (VeredaSpan){ PASSWORD, strlen (PASSWORD) };
  else
    return VEREDA_CRED_NONE;
  return VEREDA_CRED_HAVE;
}

static const VeredaMech *
mech_of (const char *name)
{
  const VeredaPlugin *plugin = mech_plugin_load (STEM, NULL);

  for (gsize i = 0; plugin->mechs[i] != NULL; i++)
    if (g_str_equal (plugin->mechs[i]->name, name))
      return plugin->mechs[i];
  g_error ("no %s in %s", name, STEM);
}

static gboolean
start (Exchange *x, const VeredaMech *mech, GError **error)
{
  *x = (Exchange){ .host = { .struct_size = sizeof (VeredaHost) }, .late = x->late };
  x->exchange = (VeredaExchange){
    .struct_size = sizeof (VeredaExchange), .service = "smtp", .server_name = SASL_SERVER_FQDN, .self = x, .credential = give
  };
  x->auth = g_malloc0 (mech->instance_size);
  *x->auth = (VeredaAuth){ .ops = mech, .host = &x->host, .exchange = &x->exchange };
  return mech->start (x->auth, error);
}

static void
end (Exchange *x)
{
  x->auth->ops->clear (x->auth);
  g_free (x->auth);
}

/* Skips where the installed library has no client side of it. */
static gboolean
lacks (const char *name)
{
  Exchange x = { .late = FALSE };
  g_autoptr (GError) error = NULL;
  gboolean lacking = !start (&x, mech_of (name), &error) && strstr (error->message, "has no plug-in") != NULL;

  end (&x);
  if (lacking)
    g_test_skip (error->message);
  return lacking;
}

/* ---- first uses ---- */

#define THREADS_MAX 1000
#define THREADS_FEW 250 /* without -m slow: valgrind would take minutes */
#define ROUNDS      4
#define STACK       (256u << 10)

typedef struct
{
  pthread_barrier_t barrier;
  gint good;
} Crowd;

static gpointer
use_it (gpointer data)
{
  Crowd *crowd = data;

  pthread_barrier_wait (&crowd->barrier);
  for (guint i = 0; i < ROUNDS; i++)
    {
      Exchange x = { .late = FALSE };
      g_autoptr (GByteArray) response = g_byte_array_sized_new (VEREDA_AUTH_RESPONSE_MAX);
      g_autoptr (GError) error = NULL;
      gboolean good = start (&x, mech_of ("ANONYMOUS"), &error);

      if (good)
        good = x.auth->ops->step (x.auth, NULL, response, &error) == VEREDA_STEP_DONE && response->len > 0;
      end (&x);
      g_assert_no_error (error);
      g_atomic_int_add (&crowd->good, good);
    }
  return NULL;
}

/* Runs first: nobody in this process has used the library before. */
static void
test_first_uses (void)
{
  Crowd crowd = { .good = 0 };
  const guint n = g_test_slow () ? THREADS_MAX : THREADS_FEW;
  g_autofree pthread_t *threads = g_new0 (pthread_t, n);
  pthread_attr_t attr;

  mech_plugin_load (STEM, NULL); /* GModule has its own tests */
  g_assert_cmpint (pthread_barrier_init (&crowd.barrier, NULL, n), ==, 0);
  pthread_attr_init (&attr);
  pthread_attr_setstacksize (&attr, STACK);
  for (guint i = 0; i < n; i++)
    g_assert_cmpint (pthread_create (&threads[i], &attr, use_it, &crowd), ==, 0);
  for (guint i = 0; i < n; i++)
    g_assert_cmpint (pthread_join (threads[i], NULL), ==, 0);
  pthread_attr_destroy (&attr);
  pthread_barrier_destroy (&crowd.barrier);
  g_assert_cmpint (crowd.good, ==, n * ROUNDS);
}

/* ---- what cannot begin ---- */

static void
test_begins_or_says_why (void)
{
  const VeredaPlugin *plugin = mech_plugin_load (STEM, NULL);

  for (gsize i = 0; plugin->mechs[i] != NULL; i++)
    {
      Exchange x = { .late = FALSE };
      g_autoptr (GError) error = NULL;
      gboolean begun = start (&x, plugin->mechs[i], &error);

      end (&x);
      g_assert_true (begun == (error == NULL));
      if (begun)
        continue;
      g_test_message ("%s", error->message);
      g_assert_true (error->domain == VEREDA_AUTH_ERROR);
      g_assert_true (g_str_has_prefix (error->message, plugin->mechs[i]->name));
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      g_assert_null (strstr (error->message, PASSWORD));
    }
}

/* main() sees to it that there is neither a configuration nor a ticket. */
static void
test_no_ticket (gconstpointer name)
{
  Exchange x = { .late = FALSE };
  g_autoptr (GError) error = NULL;

  if (lacks (name))
    return;
  g_assert_false (start (&x, mech_of (name), &error));
  end (&x);
  g_assert_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_CREDENTIAL);
  g_test_message ("%s", error->message);
}

static void
test_later (gconstpointer name)
{
  Exchange x = { .late = TRUE };
  g_autoptr (GByteArray) response = g_byte_array_sized_new (VEREDA_AUTH_RESPONSE_MAX);
  g_autoptr (GError) error = NULL;

  if (lacks (name))
    return;
  g_assert_true (start (&x, mech_of (name), &error));
  g_assert_cmpint (x.auth->ops->step (x.auth, NULL, response, &error), ==, VEREDA_STEP_WAIT);
  g_assert_cmpint (x.auth->ops->step (x.auth, NULL, response, &error), ==, VEREDA_STEP_WAIT);
  x.late = FALSE;
  g_assert_cmpint (x.auth->ops->step (x.auth, NULL, response, &error), ==, VEREDA_STEP_CONTINUE);
  end (&x);
  g_assert_no_error (error);
}

static void
test_hostile (gconstpointer name)
{
  static char huge[9216];
  const VeredaSpan challenges[] = { { "", 0 },     { "\0", 1 },           { "\xff\xfe", 2 }, { "otp-md5 499 ke1234 ext", 22 },
                                    { "x\0y", 3 }, { huge, sizeof huge }, { "NTLMSSP", 8 },  { "otp-md5 0 x", 11 } };

  if (lacks (name))
    return;
  memset (huge, 'A', sizeof huge);
  for (gsize i = 0; i < G_N_ELEMENTS (challenges) * 2; i++)
    {
      g_autoptr (MechDrive) d = mech_drive_new_named (STEM, name, USER, PASSWORD);
      const VeredaSpan *challenge = &challenges[i / 2];
      g_autofree char *copy = g_memdup2 (challenge->data, challenge->size + (challenge->size == 0));
      VeredaStep s;

      if (i % 2 == 0)
        g_assert_cmpint (mech_drive_step (d, NULL, 0), !=, VEREDA_STEP_FAILED);
      for (guint k = 0; k < 4; k++)
        {
          s = mech_drive_step (d, copy, challenge->size);
          if (k > 0 && s == VEREDA_STEP_FAILED)
            g_assert_cmpint (mech_drive_step (d, copy, challenge->size), ==, VEREDA_STEP_FAILED);
        }
    }
}

/* ---- against Cyrus' server side ---- */

/* Not before the first uses have been tested. */
static void
server_begin (void)
{
  static const SaslAccount account = { USER, PASSWORD };
  static gboolean begun;

  if (!begun)
    sasl_server_begin (&account, 1);
  begun = TRUE;
}

/* TRUE when both sides are satisfied. */
static gboolean
run (MechDrive *d)
{
  g_auto (SaslOutcome) o = { FALSE };

  sasl_server_run (d, NULL, TRUE, &o);
  if (o.server_ok)
    g_assert_cmpstr (o.authzid, ==, o.authcid); /* nobody asked to act for another */
  return o.server_ok && o.client_ok;
}

static void
test_server (gconstpointer name)
{
  server_begin ();
  if (lacks (name) || !sasl_server_offers (name))
    return;
  for (guint i = 0; i < 3; i++) /* again and again: OTP counts down */
    {
      g_autoptr (MechDrive) right = mech_drive_new_named (STEM, name, USER, PASSWORD);

      g_assert_true (run (right));
    }
  if (g_str_equal (name, "ANONYMOUS"))
    return;
  g_autoptr (MechDrive) wrong = mech_drive_new_named (STEM, name, USER, PASSWORD "x");
  g_assert_false (run (wrong));
  g_autoptr (MechDrive) nobody = mech_drive_new_named (STEM, name, "nobody", PASSWORD);
  g_assert_false (run (nobody));
}

int
main (int argc, char **argv)
{
  static const char *const kerberos[] = { "GSSAPI", "GS2-KRB5", "GSS-SPNEGO" };
  static const char *const others[] = { "SRP", "OTP", "NTLM", "ANONYMOUS" };
  int failed;

  g_test_init (&argc, &argv, NULL);
  g_setenv ("KRB5_CONFIG", "/dev/null", TRUE);
  g_setenv ("KRB5CCNAME", "FILE:/nonexistent/tickets", TRUE);
  g_test_add_func ("/cyrus/first-uses", test_first_uses);
  g_test_add_func ("/cyrus/begins-or-says-why", test_begins_or_says_why);
  for (gsize i = 0; i < G_N_ELEMENTS (kerberos); i++)
    {
      g_autofree char *path = g_strconcat ("/cyrus/no-ticket/", kerberos[i], NULL);

      g_test_add_data_func (path, kerberos[i], test_no_ticket);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
    {
      g_autofree char *later = g_strconcat ("/cyrus/later/", others[i], NULL);
      g_autofree char *hostile = g_strconcat ("/cyrus/hostile/", others[i], NULL);
      g_autofree char *server = g_strconcat ("/cyrus/server/", others[i], NULL);

      if (!g_str_equal (others[i], "ANONYMOUS"))
        g_test_add_data_func (later, others[i], test_later);
      g_test_add_data_func (hostile, others[i], test_hostile);
      g_test_add_data_func (server, others[i], test_server);
    }
  failed = g_test_run ();
  sasl_server_end ();
  return failed;
}
