/* SPDX-License-Identifier: MIT */
/*
 * The adapter to Cyrus SASL: the library is started once whoever comes first, mechanisms that it lacks or that cannot begin fail
 * before anything is said, and what it has is accepted by Cyrus' own server side.
 *
 * Which plug-ins are installed differs: what is not there is skipped, with its name.  Kerberos needs a key distribution centre:
 * see tests/live.
 */
#include "test-mech-drive.h"

#include <glib/gstdio.h>
#include <pthread.h>
#include <sasl/sasl.h>
#include <string.h>

#define STEM     "auth_cyrus"
#define FQDN     "mail.example.org"
#define USER     "tim"
#define PASSWORD "tanstaaftanstaaf"

static char *sasldb_path;

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
    .struct_size = sizeof (VeredaExchange), .service = "smtp", .server_name = FQDN, .self = x, .credential = give
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

static int
get_option (void *context, const char *plugin, const char *option, const char **ret, unsigned *ret_size)
{
  const char *const values[][2] = {
    { "pwcheck_method", "auxprop" }, { "auxprop_plugin", "sasldb" }, { "sasldb_path", sasldb_path }, { "log_level", "0" }
  };

  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    if (g_str_equal (option, values[i][0]))
      {
        *ret = values[i][1];
        if (ret_size != NULL)
          *ret_size = (unsigned) strlen (*ret);
        return SASL_OK;
      }
  return SASL_FAIL;
}

static int
be_silent (void *context, int level, const char *message)
{
  return SASL_OK;
}

static sasl_conn_t *
server_new (void)
{
  static const sasl_security_properties_t any = { .max_ssf = 0, .maxbufsize = 0 };
  sasl_conn_t *conn = NULL;

  g_assert_cmpint (sasl_server_new ("smtp", FQDN, FQDN, NULL, NULL, NULL, 0, &conn), ==, SASL_OK);
  g_assert_cmpint (sasl_setprop (conn, SASL_SEC_PROPS, &any), ==, SASL_OK);
  return conn;
}

static void
server_begin (void)
{
  static const sasl_callback_t callbacks[] = {
    { SASL_CB_GETOPT, (int (*) (void)) (void (*) (void)) get_option, NULL },
    { SASL_CB_LOG, (int (*) (void)) (void (*) (void)) be_silent, NULL },
    { SASL_CB_LIST_END, NULL, NULL },
  };
  static gboolean begun;
  sasl_conn_t *conn;

  if (begun)
    return;
  begun = TRUE;
  g_assert_cmpint (sasl_server_init (callbacks, "vereda-test"), ==, SASL_OK);
  conn = server_new ();
  g_assert_cmpint (sasl_setpass (conn, USER, PASSWORD, (unsigned) strlen (PASSWORD), NULL, 0, SASL_SET_CREATE), ==, SASL_OK);
  sasl_dispose (&conn);
}

static gboolean
server_offers (const char *mech)
{
  sasl_conn_t *conn = server_new ();
  g_autofree char *word = g_strdup_printf (" %s ", mech);
  const char *list = NULL;
  gboolean offers = sasl_listmech (conn, NULL, " ", " ", " ", &list, NULL, NULL) == SASL_OK && strstr (list, word) != NULL;

  sasl_dispose (&conn);
  return offers;
}

/* Carries messages to and fro as SMTP does; TRUE when both sides are satisfied. */
static gboolean
run (MechDrive *d)
{
  sasl_conn_t *conn = server_new ();
  VeredaStep s = mech_drive_step (d, NULL, 0);
  const char *out = NULL;
  unsigned size = 0;
  int r;

  g_assert_cmpint (s, !=, VEREDA_STEP_FAILED);
  r = sasl_server_start (conn, d->mech->name, (const char *) d->response->data, d->response->len, &out, &size);
  while (r == SASL_CONTINUE)
    {
      s = mech_drive_step (d, size > 0 ? out : "", size);
      if (s == VEREDA_STEP_FAILED)
        {
          g_test_message ("%s", d->error->message);
          break;
        }
      r = sasl_server_step (conn, (const char *) d->response->data, d->response->len, &out, &size);
    }
  g_test_message ("server: %s", sasl_errdetail (conn));
  sasl_dispose (&conn);
  return r == SASL_OK && s == VEREDA_STEP_DONE;
}

static void
test_server (gconstpointer name)
{
  server_begin ();
  if (lacks (name))
    return;
  if (!server_offers (name))
    {
      g_test_skip ("the installed Cyrus SASL has no server side of it");
      return;
    }
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
  g_autofree char *dir = NULL, *cache = NULL;
  int failed;

  g_test_init (&argc, &argv, NULL);
  dir = g_dir_make_tmp ("vereda-cyrus-XXXXXX", NULL);
  g_assert_nonnull (dir);
  sasldb_path = g_build_filename (dir, "sasldb2", NULL);
  cache = g_strdup_printf ("FILE:%s/no-tickets", dir);
  g_setenv ("KRB5_CONFIG", "/dev/null", TRUE);
  g_setenv ("KRB5CCNAME", cache, TRUE);
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
  g_unlink (sasldb_path);
  g_rmdir (dir);
  g_free (sasldb_path);
  return failed;
}
