/* SPDX-License-Identifier: MIT */
/* Resolving.  getaddrinfo() is replaced by this program's own, so that names, delays and failures are the test's. */
#include "net-util.h"

#include <arpa/inet.h>
#include <netdb.h>

#include "core/base/error.h"
#include "core/net/host.h"
#include "core/net/resolve.h"

/* --- the substitute --- */

static GMutex lock;
static GCond cond;
static gboolean gate_open; /* guarded */
static guint waiting;      /* guarded: look-ups that stand at the gate */
static gint lookups;       /* atomic */

static struct addrinfo *
prepend (struct addrinfo *next, const char *literal, const char *service)
{
  VdEndpoint *endpoint = vd_endpoint_new_literal (literal, (guint16) atoi (service));
  struct addrinfo *info = g_new0 (struct addrinfo, 1);

  g_assert_nonnull (endpoint);
  info->ai_family = vd_endpoint_family (endpoint);
  info->ai_addrlen = endpoint->size;
  info->ai_addr = (struct sockaddr *) g_memdup2 (&endpoint->address, sizeof endpoint->address);
  info->ai_next = next;
  vd_endpoint_free (endpoint);
  return info;
}

int
getaddrinfo (const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
  g_atomic_int_inc (&lookups);
  g_assert_cmpint (hints->ai_socktype, ==, SOCK_STREAM);
  if (strcmp (node, "again.test") == 0)
    return EAI_AGAIN;
  if (strcmp (node, "none.test") == 0)
    return EAI_NONAME;
  if (strcmp (node, "slow.test") == 0)
    {
      g_mutex_lock (&lock);
      waiting++;
      g_cond_broadcast (&cond);
      while (!gate_open)
        g_cond_wait (&cond, &lock);
      waiting--;
      g_cond_broadcast (&cond);
      g_mutex_unlock (&lock);
    }
  *ret = NULL;
  if (hints->ai_family != AF_INET6)
    {
      *ret = prepend (*ret, "192.0.2.2", service);
      *ret = prepend (*ret, "192.0.2.1", service);
    }
  if (hints->ai_family != AF_INET)
    {
      *ret = prepend (*ret, "2001:db8::3", service);
      *ret = prepend (*ret, "2001:db8::2", service);
      *ret = prepend (*ret, "2001:db8::1", service);
    }
  return 0;
}

void
freeaddrinfo (struct addrinfo *info)
{
  while (info != NULL)
    {
      struct addrinfo *next = info->ai_next;
      g_free (info->ai_addr);
      g_free (info);
      info = next;
    }
}

static void
set_gate (gboolean open)
{
  g_mutex_lock (&lock);
  gate_open = open;
  g_cond_broadcast (&cond);
  g_mutex_unlock (&lock);
}

/* Until `n` look-ups stand at the gate (0: until all have left). */
static void
await_waiting (guint n)
{
  g_mutex_lock (&lock);
  while (n == 0 ? waiting > 0 : waiting < n)
    g_cond_wait (&cond, &lock);
  g_mutex_unlock (&lock);
}

/* --- asking --- */

typedef struct
{
  gboolean done;
  guint calls;
  GPtrArray *endpoints;
  GError *error;
} Answer;

static void
on_resolved (gpointer data, GPtrArray *endpoints, const GError *error)
{
  Answer *answer = (Answer *) data;

  g_assert_true ((endpoints != NULL) != (error != NULL));
  answer->done = TRUE;
  answer->calls++;
  answer->endpoints = endpoints != NULL ? g_ptr_array_ref (endpoints) : NULL;
  answer->error = error != NULL ? g_error_copy (error) : NULL;
}

static char *
texts (const Answer *answer)
{
  GString *text = g_string_new (NULL);
  for (guint i = 0; answer->endpoints != NULL && i < answer->endpoints->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? " " : "", ((VdEndpoint *) answer->endpoints->pdata[i])->text);
  return g_string_free (text, FALSE);
}

static void
clear (Answer *answer)
{
  g_clear_pointer (&answer->endpoints, g_ptr_array_unref);
  g_clear_error (&answer->error);
}

static void
check (const char *host, int family, const char *expected)
{
  VdReactor *reactor = reactor_of (NULL);
  Answer answer = { 0 };

  g_assert_nonnull (vd_resolve_start (reactor, host, 587, family, on_resolved, &answer));
  g_assert_false (answer.done); /* never from inside the call */
  turn_until (reactor, &answer.done);
  turn (reactor, 0);
  g_assert_cmpuint (answer.calls, ==, 1);
  if (expected != NULL)
    {
      g_autofree char *text = texts (&answer);
      g_assert_no_error (answer.error);
      g_assert_cmpstr (text, ==, expected);
    }
  else
    {
      g_assert_error (answer.error, VEREDA_ERROR,
                      (g_str_equal (host, "again.test") ? VEREDA_ERROR_RESOLVE : VEREDA_ERROR_NO_HOST));
      g_assert_nonnull (strstr (answer.error->message, host));
    }
  clear (&answer);
  vd_reactor_free (reactor);
}

static void
test_local (void)
{
  gint before = g_atomic_int_get (&lookups);

  check ("192.0.2.7", AF_UNSPEC, "192.0.2.7:587");
  check ("2001:db8::7", AF_UNSPEC, "[2001:db8::7]:587");
  check ("192.0.2.7", AF_INET, "192.0.2.7:587");
  check ("192.0.2.7", AF_INET6, NULL);
  check ("fe80::1%lo", AF_UNSPEC, "[fe80::1%lo]:587");
  check ("fe80::1%nosuchif0", AF_UNSPEC, NULL);
  check ("::g", AF_UNSPEC, NULL);
  check ("localhost", AF_UNSPEC, "[::1]:587 127.0.0.1:587");
  check ("LocalHost.", AF_UNSPEC, "[::1]:587 127.0.0.1:587");
  check ("mail.localhost", AF_INET, "127.0.0.1:587");
  check ("localhost", AF_INET6, "[::1]:587");
  g_assert_cmpint (g_atomic_int_get (&lookups), ==, before); /* nobody was asked */
  check ("notlocalhost", AF_INET, "192.0.2.1:587 192.0.2.2:587");
  check ("localhost.test", AF_INET, "192.0.2.1:587 192.0.2.2:587");
  g_assert_cmpint (g_atomic_int_get (&lookups), ==, before + 2);
}

static void
test_interleaved (void)
{
  check ("mixed.test", AF_UNSPEC, "[2001:db8::1]:587 192.0.2.1:587 [2001:db8::2]:587 192.0.2.2:587 [2001:db8::3]:587");
  check ("mixed.test", AF_INET6, "[2001:db8::1]:587 [2001:db8::2]:587 [2001:db8::3]:587");
}

static void
test_interleave_table (void)
{
  static const struct
  {
    const char *from;
    const char *to;
  } rows[] = {
    /* 4: IPv4, 6: IPv6; the letter tells them apart */
    { "4a", "4a" },
    { "6a 4a", "6a 4a" },
    { "4a 4b 4c 6a", "4a 6a 4b 4c" },
    { "6a 6b 4a", "6a 4a 6b" },
    { "4a 6a 6b 6c 4b", "4a 6a 4b 6b 6c" },
    { "6a 6b 6c", "6a 6b 6c" },
    { "6a 6b 6c 4a 4b 4c 4d", "6a 4a 6b 4b 6c 4c 4d" },
  };

  for (gsize r = 0; r < G_N_ELEMENTS (rows); r++)
    {
      g_autoptr (GPtrArray) endpoints = vd_endpoints_new ();
      g_auto (GStrv) names = g_strsplit (rows[r].from, " ", -1);
      GString *to = g_string_new (NULL);
      for (guint i = 0; names[i] != NULL; i++)
        g_ptr_array_add (endpoints,
                         vd_endpoint_new_literal (names[i][0] == '4' ? "192.0.2.1" : "2001:db8::1", (guint16) names[i][1]));
      vd_endpoints_interleave (endpoints);
      for (guint i = 0; i < endpoints->len; i++)
        {
          VdEndpoint *endpoint = (VdEndpoint *) endpoints->pdata[i];
          const char *colon = strrchr (endpoint->text, ':');
          g_string_append_printf (to, "%s%c%c", i > 0 ? " " : "", endpoint->text[0] == '[' ? '6' : '4', atoi (colon + 1));
        }
      g_assert_cmpstr (to->str, ==, rows[r].to);
      g_string_free (to, TRUE);
    }
}

static void
test_without (void)
{
  g_autoptr (GPtrArray) endpoints = vd_endpoints_new ();
  g_ptr_array_add (endpoints, vd_endpoint_new_literal ("192.0.2.1", 25));
  g_ptr_array_add (endpoints, vd_endpoint_new_literal ("192.0.2.2", 25));
  g_autoptr (GPtrArray) rest = vd_endpoints_without (endpoints, 0);
  g_assert_cmpuint (rest->len, ==, 1);
  g_assert_cmpstr (((VdEndpoint *) rest->pdata[0])->text, ==, "192.0.2.2:25");
  g_assert_cmpuint (endpoints->len, ==, 2);
}

static void
test_failures (void)
{
  check ("again.test", AF_UNSPEC, NULL);
  check ("none.test", AF_UNSPEC, NULL);
}

static void
test_endpoints (void)
{
  static const struct
  {
    const char *literal;
    gboolean loopback;
  } rows[] = { { "127.0.0.1", TRUE },        { "127.9.9.9", TRUE }, { "128.0.0.1", FALSE },      { "::1", TRUE },
               { "::ffff:127.0.0.1", TRUE }, { "::2", FALSE },      { "::ffff:10.0.0.1", FALSE } };
  GError *error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      VdEndpoint *endpoint = vd_endpoint_new_literal (rows[i].literal, 25);
      g_assert_cmpint (vd_endpoint_is_loopback (endpoint), ==, rows[i].loopback);
      vd_endpoint_free (endpoint);
    }
  g_assert_null (vd_endpoint_new_literal ("127.1", 25));
  g_assert_null (vd_endpoint_new_literal ("[::1]", 25));
  g_assert_null (vd_endpoint_new_literal ("192.0.2.1%lo", 25));

  VdEndpoint *local = vd_endpoint_new_unix ("/run/lmtp", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (local->text, ==, "unix:/run/lmtp");
  g_assert_true (vd_endpoint_is_loopback (local));
  vd_endpoint_free (local);
  g_autofree char *longest = g_strnfill (108, 'x');
  longest[0] = '/';
  g_assert_null (vd_endpoint_new_unix (longest, &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION);
  g_clear_error (&error);
  longest[107] = '\0';
  local = vd_endpoint_new_unix (longest, &error);
  g_assert_no_error (error);
  vd_endpoint_free (local);
  g_assert_null (vd_endpoint_new_unix ("run/lmtp", &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION);
  g_clear_error (&error);
}

static void
test_smtp_literal (void)
{
  static const char *const rows[][2]
      = { { "192.0.2.1", "[192.0.2.1]" }, { "2001:db8::1", "[IPv6:2001:db8::1]" }, { "fe80::1%lo", "[IPv6:fe80::1]" } };
  guint16 port;
  int fd = listen_loopback (1, &port);
  VdEndpoint *here = vd_endpoint_new_local (fd);
  g_autofree char *text = g_strdup_printf ("127.0.0.1:%u", (guint) port);

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      VdEndpoint *endpoint = vd_endpoint_new_literal (rows[i][0], 25);
      g_autofree char *literal = vd_endpoint_smtp_literal (endpoint);
      g_assert_cmpstr (literal, ==, rows[i][1]);
      vd_endpoint_free (endpoint);
    }
  g_assert_cmpstr (here->text, ==, text);
  vd_endpoint_free (here);
  close (fd);
  g_assert_null (vd_endpoint_new_local (fd));
  VdEndpoint *local = vd_endpoint_new_unix ("/run/lmtp", NULL);
  g_assert_null (vd_endpoint_smtp_literal (local));
  vd_endpoint_free (local);
}

/* --- cancelling --- */

static void
test_cancel (void)
{
  VdReactor *reactor = reactor_of (NULL);
  Answer answer = { 0 };

  vd_resolve_cancel (NULL);
  vd_resolve_cancel (vd_resolve_start (reactor, "localhost", 25, AF_UNSPEC, on_resolved, &answer)); /* before its turn */
  VdResolve *slow = vd_resolve_start (reactor, "slow.test", 25, AF_UNSPEC, on_resolved, &answer);
  await_waiting (1);
  vd_resolve_cancel (slow); /* while the thread is at work: returns at once, the gate is still closed */
  turn (reactor, 0);
  set_gate (TRUE);
  await_waiting (0);
  turn_for (reactor, 30000); /* the late result arrives and is dropped */

  VdResolve *ready = vd_resolve_start (reactor, "mixed.test", 25, AF_UNSPEC, on_resolved, &answer);
  g_usleep (30000); /* most likely posted by now */
  vd_resolve_cancel (ready);
  turn_for (reactor, 30000);
  g_assert_cmpuint (answer.calls, ==, 0);
  set_gate (FALSE);
  vd_reactor_free (reactor);
}

static void
test_cancel_after_reactor (void)
{
  VdReactor *reactor = reactor_of (NULL);
  Answer answer = { 0 };
  VdResolve *slow = vd_resolve_start (reactor, "slow.test", 25, AF_UNSPEC, on_resolved, &answer);

  await_waiting (1);
  vd_resolve_cancel (slow);
  vd_reactor_free (reactor); /* the thread still works for it */
  set_gate (TRUE);
  await_waiting (0);
  g_usleep (20000);
  g_assert_cmpuint (answer.calls, ==, 0);
  set_gate (FALSE);
}

/* More than the pool has threads, half of them cancelled; the rest all arrive, exactly once. */
static void
test_storm (void)
{
  enum
  {
    N = 200
  };
  VdReactor *reactor = reactor_of (NULL);
  g_autofree Answer *answers = g_new0 (Answer, N);
  VdResolve *resolves[N];
  gint before = g_atomic_int_get (&lookups);

  for (guint i = 0; i < N; i++)
    resolves[i] = vd_resolve_start (reactor, "slow.test", 25, AF_UNSPEC, on_resolved, &answers[i]);
  await_waiting (2);
  for (guint i = 0; i < N; i += 2)
    vd_resolve_cancel (resolves[i]);
  set_gate (TRUE);
  for (guint i = 1; i < N; i += 2)
    turn_until (reactor, &answers[i].done);
  await_waiting (0);
  turn_for (reactor, 20000);
  for (guint i = 0; i < N; i++)
    {
      g_assert_cmpuint (answers[i].calls, ==, i % 2);
      clear (&answers[i]);
    }
  g_assert_cmpint (g_atomic_int_get (&lookups) - before, <, N); /* those cancelled in the queue were not looked up */
  set_gate (FALSE);
  vd_reactor_free (reactor);
}

static void
cancel_other (gpointer data, GPtrArray *endpoints, const GError *error)
{
  vd_resolve_cancel (*(VdResolve **) data);
  *(VdResolve **) data = NULL;
}

static void
test_cancel_in_callback (void)
{
  VdReactor *reactor = reactor_of (NULL);
  Answer answer = { 0 };
  VdResolve *second = NULL;

  vd_resolve_start (reactor, "::1", 25, AF_UNSPEC, cancel_other, &second);
  second = vd_resolve_start (reactor, "::1", 25, AF_UNSPEC, on_resolved, &answer);
  turn (reactor, 0);
  turn (reactor, 0);
  g_assert_null (second);
  g_assert_cmpuint (answer.calls, ==, 0);
  vd_reactor_free (reactor);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/resolve/local", test_local);
  g_test_add_func ("/resolve/TCP-2-interleaved", test_interleaved);
  g_test_add_func ("/resolve/TCP-2-interleave-table", test_interleave_table);
  g_test_add_func ("/resolve/TCP-5-without", test_without);
  g_test_add_func ("/resolve/failures", test_failures);
  g_test_add_func ("/resolve/endpoints", test_endpoints);
  g_test_add_func ("/resolve/smtp-literal", test_smtp_literal);
  g_test_add_func ("/resolve/cancel", test_cancel);
  g_test_add_func ("/resolve/cancel-in-callback", test_cancel_in_callback);
  g_test_add_func ("/resolve/thread-outlives-reactor", test_cancel_after_reactor);
  g_test_add_func ("/resolve/storm", test_storm);
  return g_test_run ();
}
