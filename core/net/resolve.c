/* SPDX-License-Identifier: MIT */
/* resolve - names to endpoints, off the loop.
 *
 * A resolve has two owners: the caller, until done or cancel, and the thread while it works.  The thread writes `endpoints` and `error` before it
 * posts and never touches them afterwards; `done` and `reactor` belong to the reactor's thread.  The result travels through the reactor's inbox,
 * which outlives it, so a thread stuck in the resolver for minutes harms nobody. */
#include "core/net/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include "core/base/error.h"
#include "core/base/trace.h"

/* Enough that some names that time out do not hold up the rest, few enough to be kind to the resolver. */
#define RESOLVE_THREADS 16

struct VdResolve
{
  gint refs;      /* atomic */
  gint cancelled; /* atomic: the thread then saves itself the work */
  VdReactor *reactor;
  VdInbox *inbox; /* for the thread; NULL when there is none */
  VdResolvedFunc done;
  gpointer data;
  char *host;
  guint16 port;
  int family;
  GPtrArray *endpoints;
  GError *error;
};

static void
resolve_unref (gpointer data)
{
  VdResolve *resolve = (VdResolve *) data;

  if (!g_atomic_int_dec_and_test (&resolve->refs))
    return;
  g_clear_pointer (&resolve->endpoints, g_ptr_array_unref);
  g_clear_error (&resolve->error);
  vd_inbox_unref (resolve->inbox);
  g_free (resolve->host);
  g_free (resolve);
}

/* Reactor's thread: ends the caller's ownership. */
static void
deliver (gpointer data)
{
  VdResolve *resolve = (VdResolve *) data;

  if (resolve->done == NULL) /* cancelled */
    return;
  VdResolvedFunc done = resolve->done;
  resolve->done = NULL;
  done (resolve->data, resolve->error == NULL ? resolve->endpoints : NULL, resolve->error);
  resolve_unref (resolve);
}

/* --- answers without a thread --- */

static gboolean
is_localhost (const char *host)
{
  gsize len = strlen (host);

  if (len > 0 && host[len - 1] == '.')
    len--;
  static const char name[] = "localhost";
  gsize size = sizeof name - 1;
  return len >= size && g_ascii_strncasecmp (host + len - size, name, size) == 0
         && (len == size || host[len - size - 1] == '.');
}

static void
add_literal (VdResolve *resolve, const char *literal)
{
  VdEndpoint *endpoint = vd_endpoint_new_literal (literal, resolve->port);

  if (endpoint != NULL && (resolve->family == AF_UNSPEC || resolve->family == vd_endpoint_family (endpoint)))
    g_ptr_array_add (resolve->endpoints, endpoint);
  else
    vd_endpoint_free (endpoint);
}

static const char *
family_name (int family)
{
  return family == AF_INET ? "IPv4" : family == AF_INET6 ? "IPv6" : "IP";
}

/* FALSE: a name, DNS has to be asked. */
static gboolean
answer_locally (VdResolve *resolve)
{
  VdEndpoint *literal = vd_endpoint_new_literal (resolve->host, resolve->port);

  if (literal == NULL && strchr (resolve->host, ':') != NULL)
    {
      g_set_error (&resolve->error, VEREDA_ERROR, VEREDA_ERROR_NO_HOST, "Cannot use the IPv6 address \"%s\": %s", resolve->host,
                   strchr (resolve->host, '%') != NULL ? "its zone is not an interface of this machine" : "it is not valid");
      return TRUE;
    }
  if (literal == NULL && !is_localhost (resolve->host))
    return FALSE;
  if (literal != NULL)
    add_literal (resolve, resolve->host);
  else
    {
      add_literal (resolve, "::1");
      add_literal (resolve, "127.0.0.1");
    }
  vd_endpoint_free (literal);
  if (resolve->endpoints->len == 0)
    g_set_error (&resolve->error, VEREDA_ERROR, VEREDA_ERROR_NO_HOST, "Cannot use \"%s\": it is not an %s address",
                 resolve->host, family_name (resolve->family));
  return TRUE;
}

/* --- answers from the system --- */

/* The resolver has an answer, and it is that there is none. */
static gboolean
is_no_host (int code)
{
#ifdef EAI_NODATA
  if (code == EAI_NODATA)
    return TRUE;
#endif
  return code == EAI_NONAME;
}

static void
set_lookup_error (VdResolve *resolve, int code, int saved_errno)
{
  gboolean none = is_no_host (code);
  const char *advice = code == EAI_AGAIN ? "; this may pass: try again later" : none ? "; check the name" : "";
  g_set_error (&resolve->error, VEREDA_ERROR, none ? VEREDA_ERROR_NO_HOST : VEREDA_ERROR_RESOLVE,
               "Cannot find an address of \"%s\": %s%s", resolve->host,
               code == EAI_SYSTEM ? g_strerror (saved_errno) : gai_strerror (code), advice);
}

static void
look_up (VdResolve *resolve)
{
  struct addrinfo hints = { .ai_family = resolve->family, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP };
  struct addrinfo *list = NULL;
  char service[8];

  g_snprintf (service, sizeof service, "%u", (guint) resolve->port);
  hints.ai_flags = AI_NUMERICSERV;
  int code = getaddrinfo (resolve->host, service, &hints, &list);
  if (code != 0)
    {
      set_lookup_error (resolve, code, errno);
      return;
    }
  for (struct addrinfo *info = list; info != NULL; info = info->ai_next)
    {
      VdEndpoint *endpoint = vd_endpoint_new (info->ai_addr, info->ai_addrlen);
      if (endpoint != NULL)
        g_ptr_array_add (resolve->endpoints, endpoint);
    }
  freeaddrinfo (list);
  vd_endpoints_interleave (resolve->endpoints);
  if (resolve->endpoints->len == 0)
    set_lookup_error (resolve, EAI_NONAME, 0);
}

static void
resolve_thread (gpointer data, gpointer pool_data)
{
  VdResolve *resolve = (VdResolve *) data;

  if (g_atomic_int_get (&resolve->cancelled))
    resolve_unref (resolve);
  else
    {
      look_up (resolve);
      vd_inbox_post (resolve->inbox, deliver, resolve, resolve_unref);
    }
}

static GThreadPool *
resolve_pool (void)
{
  static gsize pool = 0;

  if (g_once_init_enter (&pool))
    g_once_init_leave (&pool, (gsize) g_thread_pool_new (resolve_thread, NULL, RESOLVE_THREADS, FALSE, NULL));
  return (GThreadPool *) pool;
}

VdResolve *
vd_resolve_start (VdReactor *reactor, const char *host, guint16 port, int family, VdResolvedFunc done, gpointer data)
{
  g_return_val_if_fail (done != NULL, NULL);
  VdResolve *resolve = g_new0 (VdResolve, 1);
  resolve->refs = 1;
  resolve->reactor = reactor;
  resolve->done = done;
  resolve->data = data;
  resolve->host = g_strdup (host);
  resolve->port = port;
  resolve->family = family;
  resolve->endpoints = vd_endpoints_new ();
  if (answer_locally (resolve))
    vd_reactor_defer (reactor, deliver, resolve);
  else
    {
      resolve->inbox = vd_reactor_inbox (reactor);
      g_atomic_int_inc (&resolve->refs);
      /* If no thread can be started the name waits in the queue for one that runs; the pool keeps it either way. */
      g_thread_pool_push (resolve_pool (), resolve, NULL);
    }
  return resolve;
}

void
vd_resolve_cancel (VdResolve *resolve)
{
  if (resolve == NULL)
    return;
  if (resolve->inbox == NULL)
    vd_reactor_undefer (resolve->reactor, deliver, resolve);
  g_atomic_int_set (&resolve->cancelled, TRUE);
  resolve->done = NULL;
  resolve_unref (resolve);
}
