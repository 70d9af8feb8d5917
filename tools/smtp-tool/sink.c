/* SPDX-License-Identifier: MIT */
/* sink - the test server of smtp-tool: takes mail on loopback, judges the client, keeps what came.
 *
 * A program of its own (`smtp-tool sink` runs it), built without the Vereda library: it is a referee and shares no code with
 * what it judges.  This file starts the parts, runs the loops and sums up.  Exit status: 0, 1 = options, 2 = cannot listen,
 * 4 = a file, 10 = Cyrus SASL lacks a mechanism, 29 = TLS cannot be set up; the numbers of smtp-tool. */
#include "sink.h"
#include "sink-auth.h"
#include "sink-event.h"
#include "sink-loop.h"
#include "sink-record.h"
#include "sink-replay.h"
#include "sink-tls.h"
#include "vereda-config.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const int exit_codes[] = {
  [SINK_ERROR_USAGE] = 1, [SINK_ERROR_FILE] = 4, [SINK_ERROR_LISTEN] = 2, [SINK_ERROR_TLS] = 29, [SINK_ERROR_AUTH] = 10,
};

typedef struct
{
  SinkServer server;
  SinkListener listener;
  SinkLoop *loops;
  guint n_loops;
  int signals;
  gchar *ca_file;
  gboolean ca_is_temporary;
} Run;

static void
wake (SinkServer *server)
{
  const guint64 one = 1;
  while (write (server->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
    continue;
}

void
sink_server_taken (SinkServer *server)
{
  if (server->config.exit_after == 0)
    return;
  if (__atomic_add_fetch (&server->taken, 1, __ATOMIC_RELAXED) != server->config.exit_after)
    return;
  wake (server);
}

void
sink_server_stop (SinkServer *server)
{
  g_atomic_int_set (&server->stopping, TRUE);
  wake (server);
}

/* SIGTERM when the parent dies; if it died before we said so, there is nobody left to serve. */
static void
follow_parent (pid_t parent)
{
  prctl (PR_SET_PDEATHSIG, SIGTERM);
  if (getppid () != parent)
    raise (SIGTERM);
}

/* Blocked before any thread exists, so that all inherit it and only the descriptor sees them. */
static int
open_signals (void)
{
  sigset_t set;
  sigemptyset (&set);
  sigaddset (&set, SIGTERM);
  sigaddset (&set, SIGINT);
  sigaddset (&set, SIGHUP);
  sigprocmask (SIG_BLOCK, &set, NULL);
  signal (SIGPIPE, SIG_IGN);
  return signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void
raise_descriptor_limit (void)
{
  struct rlimit limit;
  if (getrlimit (RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max)
    {
      limit.rlim_cur = limit.rlim_max;
      setrlimit (RLIMIT_NOFILE, &limit);
    }
}

static gboolean
start (Run *run, GError **error)
{
  SinkServer *server = &run->server;
  const SinkConfig *config = &server->config;
  run->signals = open_signals ();
  server->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (run->signals < 0 || server->wake_fd < 0)
    {
      g_set_error (error, SINK_ERROR, SINK_ERROR_LISTEN, "no descriptors: %s", g_strerror (errno));
      return FALSE;
    }
  raise_descriptor_limit ();
  if (config->capture != NULL)
    {
      server->capture = sink_capture_open (config->capture, error);
      if (server->capture == NULL)
        return FALSE;
      server->last_message = sink_capture_last (server->capture);
    }
  server->wants_digest = server->capture != NULL || config->format == SINK_FORMAT_JSONL;
  if (config->tls != SINK_TLS_NONE)
    {
      server->tls = sink_tls_context_new (config, &run->ca_file, &run->ca_is_temporary, error);
      if (server->tls == NULL)
        return FALSE;
    }
  if (!sink_replay_load (server, error) || !sink_record_open (server, error))
    return FALSE;
  if (!sink_auth_setup (server, error) || !sink_listener_open (config->listen, config->allow_remote, &run->listener, error))
    return FALSE;
  run->loops = g_new0 (SinkLoop, config->threads);
  while (run->n_loops < config->threads)
    {
      SinkLoop *loop = &run->loops[run->n_loops++];
      if (!sink_loop_init (loop, server, &run->listener, run->n_loops == 1 ? run->signals : -1, error))
        return FALSE;
    }
  return TRUE;
}

static gpointer
run_loop (gpointer loop)
{
  sink_loop_run (loop);
  return NULL;
}

static void
add_stats (SinkStats *to, const SinkStats *from)
{
  to->connections += from->connections;
  to->messages += from->messages;
  to->refused += from->refused;
  to->recipients += from->recipients;
  to->octets += from->octets;
  to->violations += from->violations;
}

static void
serve (Run *run)
{
  SinkStats stats = { 0 };
  gint64 began = g_get_monotonic_time ();
  GThread **threads = g_new0 (GThread *, run->n_loops);
  sink_event_listening (&run->server, run->listener.where, run->listener.port, run->ca_file);
  sink_report_flush (run->server.report);
  for (guint i = 1; i < run->n_loops; i++)
    threads[i] = g_thread_new ("sink", run_loop, &run->loops[i]);
  sink_loop_run (&run->loops[0]);
  for (guint i = 0; i < run->n_loops; i++)
    {
      if (threads[i] != NULL)
        g_thread_join (threads[i]);
      add_stats (&stats, &run->loops[i].stats);
    }
  g_free (threads);
  sink_event_summary (&run->server, &stats, (gdouble) (g_get_monotonic_time () - began) / G_USEC_PER_SEC);
}

static void
finish (Run *run)
{
  for (guint i = 0; i < run->n_loops; i++)
    sink_loop_clear (&run->loops[i]);
  g_free (run->loops);
  sink_listener_clear (&run->listener);
  sink_auth_shutdown (&run->server);
  sink_replay_free (run->server.replay);
  SSL_CTX_free (run->server.tls);
  if (run->server.capture != NULL)
    sink_capture_close (run->server.capture);
  if (run->ca_is_temporary)
    g_unlink (run->ca_file);
  g_free (run->ca_file);
  if (run->server.wake_fd >= 0)
    close (run->server.wake_fd);
  if (run->signals >= 0)
    close (run->signals);
  sink_report_free (run->server.report);
  sink_config_clear (&run->server.config);
}

int
main (int argc, char **argv)
{
  pid_t parent = getppid ();
  g_autoptr (GError) error = NULL;
  Run run = { .listener = { .fd = -1 }, .signals = -1 };
  run.server.wake_fd = -1;
  run.server.report = sink_report_new (STDOUT_FILENO);
  g_set_prgname ("smtp-tool sink");
  gboolean good = sink_config_parse (&run.server.config, &argc, &argv, &error);
  if (good && (run.server.config.show_version || run.server.config.list_options))
    {
      if (run.server.config.show_version)
        printf ("smtp-tool sink (Vereda) %s\n", VEREDA_VERSION);
      finish (&run);
      return 0;
    }
  good = good && start (&run, &error);
  if (good && run.server.config.with_parent)
    follow_parent (parent);
  if (good)
    serve (&run);
  else
    fprintf (stderr, "smtp-tool sink: %s\n", error->message);
  if (!sink_record_close (&run.server) && good)
    {
      good = FALSE;
      g_set_error (&error, SINK_ERROR, SINK_ERROR_FILE, "--record=%s: not everything could be written",
                   run.server.config.record);
      fprintf (stderr, "smtp-tool sink: %s\n", error->message);
    }
  finish (&run);
  return good ? 0 : exit_codes[error->code];
}
