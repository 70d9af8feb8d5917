/* SPDX-License-Identifier: MIT */
/* silence - see silence.h. */
#include "silence.h"
#include "report.h"
#include "tool.h"

#include <string.h>

/* Longer than the way to any server; shorter than anybody's patience. */
#define PATIENCE (2 * G_TIME_SPAN_SECOND)

/* No certificate is for this name, so the session that asks for it ends with the handshake, whatever the server is. */
#define NOBODY "nobody.invalid"

struct Silence
{
  GMutex lock;
  GCond changed;
  GThread *thread;
  VeredaOptions *options;
  gboolean watched;
  gboolean alone;       /* no other server would be tried */
  VeredaSender *sender; /* whose run is watched */
  VeredaSender *asking; /* who asks, while it does */
  gboolean over;
  gint64 since; /* when it was connected and nothing heard; 0: it is not silent */
  char *server;
  GError *found;
};

static gboolean
worth_asking (const char *server)
{
  return server != NULL && !g_str_has_prefix (server, "unix:") && !g_str_has_suffix (server, ":25");
}

static gboolean
has_word (VeredaOptions *options, const char *name, const char *word)
{
  const char *value = vereda_options_get (options, name);

  return value != NULL && strstr (value, word) != NULL;
}

/* Where TLS may be under way already a handshake that takes its time is no silence. */
static gboolean
greets_first (VeredaOptions *options)
{
  if (has_word (options, "tls", "auto"))
    return !has_word (options, "servers", "smtps:") && !has_word (options, "servers", "submissions:")
           && !has_word (options, "servers", ":465") && !has_word (options, "ports", "465")
           && !has_word (options, "transport", "implicit");
  return !has_word (options, "tls", "implicit");
}

Silence *
silence_new (VeredaOptions *options)
{
  static const char *const reset[] = { "ports",    "transport", "usetls",   "tlsimport", "tlspolicy", "insecure",
                                       "username", "password",  "deadline", "header",    "debug",     "bcc" };
  Silence *silence = g_new0 (Silence, 1);
  const char *servers = vereda_options_get (options, "servers");

  silence->watched = greets_first (options);
  silence->alone = servers == NULL || strpbrk (servers, ", \t") == NULL;
  silence->options = vereda_options_copy (options);
  for (guint i = 0; i < G_N_ELEMENTS (reset); i++)
    (void) vereda_options_set (silence->options, reset[i], NULL, NULL);
  vereda_options_set_password (silence->options, NULL);
  vereda_options_set_trace (silence->options, NULL, NULL);
  (void) vereda_options_set (silence->options, "tls", "implicit", NULL);
  (void) vereda_options_set (silence->options, "verify-name", NOBODY, NULL);
  (void) vereda_options_set (silence->options, "deadline", "3", NULL);
  (void) vereda_options_set (silence->options, "originator", "", NULL);
  (void) vereda_options_set (silence->options, "recipients", "postmaster@" NOBODY, NULL);
  g_mutex_init (&silence->lock);
  g_cond_init (&silence->changed);
  return silence;
}

/* The certificate cannot be accepted; that there is one to refuse is the answer. */
static gboolean
speaks_tls (Silence *silence, const char *server)
{
  static const char text[] = "From: postmaster@" NOBODY "\r\n\r\n";
  g_autoptr (GBytes) bytes = g_bytes_new_static (text, strlen (text));
  g_autoptr (VeredaMessage) message = vereda_message_new_from_bytes (bytes);
  g_autoptr (VeredaResult) result = NULL;

  if (!vereda_options_set (silence->options, "servers", server, NULL))
    return FALSE;
  g_autoptr (VeredaSender) sender = vereda_sender_new (silence->options, NULL);
  if (sender == NULL || !vereda_sender_submit (sender, message, NULL, NULL, NULL, &result, NULL))
    return FALSE;
  g_mutex_lock (&silence->lock);
  if (silence->over)
    vereda_sender_cancel (sender);
  silence->asking = sender;
  g_mutex_unlock (&silence->lock);
  vereda_sender_run (sender);
  g_mutex_lock (&silence->lock);
  silence->asking = NULL;
  g_mutex_unlock (&silence->lock);
  return g_error_matches (vereda_result_get_error (result), VEREDA_ERROR, VEREDA_ERROR_CERTIFICATE);
}

/* With the lock, which is open while the server is asked. */
static void
ask (Silence *silence)
{
  const gint64 since = silence->since;
  g_autofree char *server = g_strdup (silence->server);

  g_mutex_unlock (&silence->lock);
  const gboolean yes = worth_asking (server) && speaks_tls (silence, server);
  g_mutex_lock (&silence->lock);
  if (silence->since != since)
    return; /* it has spoken meanwhile */
  silence->since = 0;
  if (!yes || silence->over)
    return;
  g_clear_error (&silence->found);
  silence->found = g_error_new (TOOL_ERROR, TOOL_ERROR_TLS_MODE,
                                "%s: no greeting came, but TLS was answered at once: this port speaks TLS from the first octet "
                                "(implicit TLS); nothing was sent",
                                server);
  if (silence->alone)
    vereda_sender_cancel (silence->sender);
}

static gpointer
watch (gpointer data)
{
  Silence *silence = data;

  g_mutex_lock (&silence->lock);
  while (!silence->over)
    if (silence->since == 0)
      g_cond_wait (&silence->changed, &silence->lock);
    else if (g_get_monotonic_time () < silence->since + PATIENCE)
      (void) g_cond_wait_until (&silence->changed, &silence->lock, silence->since + PATIENCE);
    else
      ask (silence);
  g_mutex_unlock (&silence->lock);
  return NULL;
}

void
silence_trace (Silence *silence, VeredaTraceKind kind, const char *server, const char *text)
{
  /* A changed word of the library costs the service, nothing more. */
  const gboolean connected = kind == VEREDA_TRACE_INFO && g_str_has_prefix (text, "connect: connected");

  g_mutex_lock (&silence->lock);
  silence->since = connected ? g_get_monotonic_time () : 0;
  if (connected)
    {
      g_free (silence->server);
      silence->server = g_strdup (server);
      g_cond_signal (&silence->changed);
    }
  g_mutex_unlock (&silence->lock);
}

void
silence_begin (Silence *silence, VeredaSender *sender)
{
  silence->sender = sender;
  if (silence->watched)
    silence->thread = g_thread_new ("silence", watch, silence);
}

GError *
silence_end (Silence *silence)
{
  if (silence->thread == NULL)
    return NULL;
  g_mutex_lock (&silence->lock);
  silence->over = TRUE;
  if (silence->asking != NULL)
    vereda_sender_cancel (silence->asking);
  g_cond_signal (&silence->changed);
  g_mutex_unlock (&silence->lock);
  g_thread_join (silence->thread);
  silence->thread = NULL;
  if (silence->found == NULL || silence->alone)
    return g_steal_pointer (&silence->found);
  report_problem (NULL, silence->found->message, NULL);
  return NULL;
}

void
silence_free (Silence *silence)
{
  if (silence == NULL)
    return;
  vereda_options_free (silence->options);
  g_clear_error (&silence->found);
  g_free (silence->server);
  g_mutex_clear (&silence->lock);
  g_cond_clear (&silence->changed);
  g_free (silence);
}
