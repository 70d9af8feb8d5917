/* SPDX-License-Identifier: MIT */
/*
 * A thousand threads use the registry for the first time at the same moment: discovery, choice, loading, and an exchange each.  One
 * module, one init; everybody gets the same answer.  Meant to be run under ThreadSanitizer as well.
 */
#include <pthread.h>
#include <string.h>
#include <vereda/vereda.h>

#include "../zoo/pen.h"
#include "core/plugin/host.h"
#include "core/plugin/registry.h"
#include "core/smtp/sasl.h"

#define THREADS 1000
#define STACK   (256u << 10)

typedef struct
{
  const char *dir;
  VeredaRegistry *shared; /* or one of its own */
  pthread_barrier_t *barrier;
  const VeredaMech *mech;
  const VeredaTransport *transport;
  gboolean good;
} User;

static gint inits;

static void
count_inits (const char *topic, const char *text, gpointer user_data)
{
  if (strcmp (topic, "zoo") == 0 && g_str_has_prefix (text, "init "))
    g_atomic_int_inc (&inits);
}

static VeredaCredState
give_user (gpointer data, VeredaCred kind, const char *hint, VeredaSpan *ret)
{
  *ret = (VeredaSpan){ "tim", 3 };
  return VEREDA_CRED_HAVE;
}

static void *
use (void *data)
{
  static const char *const offered[] = { "ZOO", NULL };
  const VdSaslSource source = { NULL, give_user, NULL };
  const VdSaslFacts facts = { .server_name = "mail.example.org", .offered = offered };
  User *user = data;
  VdAuthPolicy policy = VD_AUTH_POLICY_INIT;
  VdAuthContext context = { .credentials = G_MAXUINT };
  g_autoptr (VeredaRegistry) registry = NULL;
  GByteArray *response = NULL;

  pthread_barrier_wait (user->barrier);
  registry = user->shared != NULL ? vereda_registry_ref (user->shared) : pen_registry (user->dir, NULL);
  g_autoptr (GPtrArray) candidates = vd_registry_mechanisms (registry, offered, &policy, &context);
  for (guint i = 0; i < candidates->len && user->mech == NULL; i++)
    user->mech = vd_registry_load_mechanism (registry, candidates->pdata[i], NULL);
  user->transport = vd_registry_load_transport (registry, "zootls_a", NULL);
  for (guint i = 0; i < vereda_registry_get_n_entries (registry); i++)
    vereda_registry_entry_get_state (vereda_registry_get_entry (registry, i));
  if (user->mech == NULL)
    return NULL;
  g_autoptr (VdSasl) sasl = vd_sasl_new (user->mech, vd_host_get (), &source, &facts, NULL);
  user->good = sasl != NULL && vd_sasl_step (sasl, NULL, &response, NULL) == VEREDA_STEP_DONE;
  return NULL;
}

static void
test_many (gconstpointer data)
{
  const gboolean share = GPOINTER_TO_INT (data);
  g_autoptr (PenDir) dir = pen_new ();
  g_autofree User *users = g_new0 (User, THREADS);
  g_autofree pthread_t *threads = g_new0 (pthread_t, THREADS);
  g_autoptr (VeredaRegistry) registry = NULL;
  pthread_attr_t attr;
  pthread_barrier_t barrier;

  pen_mech (dir, "zoo_bad_abi", 300); /* wins, does not load: everybody must go on to the next */
  pen_mech (dir, "zoo_race", 200);
  pen_transport (dir, "zootls_a", "zootls_a", 100);
  registry = share ? pen_registry (dir, NULL) : NULL;
  pthread_barrier_init (&barrier, NULL, THREADS);
  pthread_attr_init (&attr);
  pthread_attr_setstacksize (&attr, STACK);
  g_atomic_int_set (&inits, 0);
  vd_host_set_debug (count_inits, NULL);
  for (int i = 0; i < THREADS; i++)
    {
      users[i] = (User){ .dir = dir, .shared = registry, .barrier = &barrier };
      g_assert_cmpint (pthread_create (&threads[i], &attr, use, &users[i]), ==, 0);
    }
  for (int i = 0; i < THREADS; i++)
    pthread_join (threads[i], NULL);
  vd_host_set_debug (NULL, NULL);
  for (int i = 0; i < THREADS; i++)
    {
      g_assert_true (users[i].good);
      g_assert_true (users[i].mech == users[0].mech);
      g_assert_nonnull (users[i].transport);
      g_assert_true (users[i].transport == users[0].transport);
    }
  g_assert_cmpint (g_atomic_int_get (&inits), ==, 2); /* zoo_race and zootls_a, once each */
  pthread_attr_destroy (&attr);
  pthread_barrier_destroy (&barrier);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/many/one-registry", GINT_TO_POINTER (TRUE), test_many);
  g_test_add_data_func ("/many/a-registry-each", GINT_TO_POINTER (FALSE), test_many);
  return g_test_run ();
}
