/* SPDX-License-Identifier: MIT */
/*
 * The process-wide half of Cyrus SASL: see library.h.
 *
 * sasl_client_init() must not run twice at the same time and nothing else may run before it has ended; it is done once, under a
 * lock, at the first use.  sasl_done() is never called: it would take the library away from whoever else in this process uses
 * it.  If somebody else was first, our mutexes and callbacks here are ignored, which is why each connection brings its own
 * callbacks.  What cannot be had from here is a lock that other users of the library in this process respect as well.
 *
 * Touches Cyrus' plug-in folder through Cyrus (SASL_PATH counts only where the process is not set-uid).  Fails when the library
 * does not start, and for a mechanism that it lacks or that is weaker than what our keyfile claims.
 */
#include "library.h"

#include <pthread.h>
#include <sasl/saslplug.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* not GLib's, which thread sanitizer does not see */
static gboolean tried;
static int outcome;

int
cyrus_library_log (void *context, int level, const char *message)
{
  return SASL_OK;
}

/* What anybody may write is not loaded; the same rule as for our own plugins. */
static int
verify_file (void *context, const char *file, sasl_verify_type_t type)
{
  struct stat st;

  if (type != SASL_VRFY_PLUGIN)
    return SASL_OK;
  if (stat (file, &st) != 0)
    return SASL_CONTINUE; /* Cyrus: pass over it */
  return (st.st_uid == 0 || st.st_uid == geteuid ()) && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0 ? SASL_OK : SASL_CONTINUE;
}

static void *
mutex_new (void)
{
  pthread_mutex_t *mutex = g_new (pthread_mutex_t, 1);

  pthread_mutex_init (mutex, NULL);
  return mutex;
}

static int
mutex_lock (void *mutex)
{
  return pthread_mutex_lock (mutex) == 0 ? SASL_OK : SASL_FAIL;
}

static int
mutex_unlock (void *mutex)
{
  return pthread_mutex_unlock (mutex) == 0 ? SASL_OK : SASL_FAIL;
}

static void
mutex_free (void *mutex)
{
  pthread_mutex_destroy (mutex);
  g_free (mutex);
}

static int
start_once (void)
{
  static const sasl_callback_t callbacks[] = {
    CYRUS_CALLBACK (SASL_CB_LOG, cyrus_library_log, NULL),
    CYRUS_CALLBACK (SASL_CB_VERIFYFILE, verify_file, NULL),
    { SASL_CB_LIST_END, NULL, NULL },
  };
  int result;

  pthread_mutex_lock (&lock);
  if (!tried)
    {
      sasl_set_mutex (mutex_new, mutex_lock, mutex_unlock, mutex_free);
      outcome = sasl_client_init (callbacks);
      tried = TRUE;
    }
  result = outcome;
  pthread_mutex_unlock (&lock);
  return result;
}

typedef struct
{
  const char *name;
  gboolean found;
  unsigned flags;
} Search;

static void
on_mechanism (client_sasl_mechanism_t *mechanism, sasl_info_callback_stage_t stage, void *data)
{
  Search *search = data;

  if (stage != SASL_INFO_LIST_MECH || mechanism == NULL || strcmp (mechanism->plug->mech_name, search->name) != 0)
    return;
  search->found = TRUE;
  search->flags = mechanism->plug->security_flags;
}

/* Cyrus' word for each of our traits that it knows. */
static const struct
{
  unsigned trait, flag;
} words[] = {
  { VEREDA_TRAIT_MUTUAL, SASL_SEC_MUTUAL_AUTH },
  { VEREDA_TRAIT_NO_ACTIVE, SASL_SEC_NOACTIVE },
  { VEREDA_TRAIT_NO_DICTIONARY, SASL_SEC_NODICTIONARY },
  { VEREDA_TRAIT_FORWARD_SECRET, SASL_SEC_FORWARD_SECRECY },
};

static gboolean
is_weaker (const VeredaMech *mech, unsigned flags)
{
  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    if ((mech->strength.traits & words[i].trait) != 0 && (flags & words[i].flag) == 0)
      return TRUE;
  return mech->strength.exposure > VEREDA_EXPOSE_PASSWORD && (flags & SASL_SEC_NOPLAINTEXT) == 0;
}

gboolean
cyrus_library_has (const VeredaMech *mech, GError **error)
{
  Search search = { mech->name, FALSE, 0 };
  int result = start_once ();

  if (result != SASL_OK)
    {
      g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_UNSUPPORTED, "%s: the Cyrus SASL library does not start: %s",
                   mech->name, sasl_errstring (result, NULL, NULL));
      return FALSE;
    }
  sasl_client_plugin_info (mech->name, on_mechanism, &search);
  if (!search.found)
    {
      g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_UNSUPPORTED,
                   "%s: the installed Cyrus SASL library has no plug-in for it; a package may bring one "
                   "(libsasl2-modules-* on Debian, cyrus-sasl-* on Fedora)",
                   mech->name);
      return FALSE;
    }
  if (is_weaker (mech, search.flags))
    {
      g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_UNSUPPORTED,
                   "%s: the installed Cyrus SASL plug-in calls itself weaker than the order of mechanisms takes it to be",
                   mech->name);
      return FALSE;
    }
  return TRUE;
}

static VeredaAuthError
code_of (int result)
{
  switch (result)
    {
    case SASL_BADSERV:
      return VEREDA_AUTH_ERROR_SERVER;
    case SASL_BADPROT:
      return VEREDA_AUTH_ERROR_PROTOCOL;
    case SASL_NOMEM:
      return VEREDA_AUTH_ERROR_SYSTEM;
    case SASL_NOMECH:
    case SASL_TOOWEAK:
    case SASL_ENCRYPT:
      return VEREDA_AUTH_ERROR_UNSUPPORTED;
    default:
      return VEREDA_AUTH_ERROR_CREDENTIAL;
    }
}

void
cyrus_library_error (const VeredaMech *mech, sasl_conn_t *conn, int result, GError **error)
{
  g_autofree char *text = g_utf8_make_valid (conn != NULL ? sasl_errdetail (conn) : sasl_errstring (result, NULL, NULL), -1);

  for (char *p = text; *p != '\0'; p++)
    if (g_ascii_iscntrl (*p))
      *p = ' ';
  g_set_error (error, VEREDA_AUTH_ERROR, (int) code_of (result), "%s, by Cyrus SASL: %s", mech->name, text);
}
