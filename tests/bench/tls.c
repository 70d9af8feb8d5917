/* SPDX-License-Identifier: MIT */
/* tls - what our layers and the whole library cost over a bare loop of the same TLS library.
 *
 *   bench-tls --backend=gnutls|openssl [--size=MIB] [--runs=N] [--span=OCTETS] [--plugins=DIR] [--certs=DIR]
 *
 * In turn, N times each: "bare" is a loop of SSL_write() or gnutls_record_send() of 16 KiB, always the same, which never leave the
 * processor's cache; "memory" is that loop over the octets of a message, which lie in memory; "stack" is the plugin over the plain
 * one, given spans of --span octets, 64 at a time; "library" is one message of that size by vereda_sendmessage().  All go over
 * loopback to the same reader, a process of OpenSSL that throws away what it gets.  The clock stops when the reader has said that
 * it has everything.  Prints JSON: medians of wall clock and of processor time of this process.
 * pkg-config: vereda-1 openssl gnutls gmodule-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <glib-unix.h>
#include <gmodule.h>
#include <gnutls/gnutls.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vereda-plugin/transport.h>
#include <vereda/vereda.h>

#ifndef BENCH_PLUGINS /* the build folder knows */
#define BENCH_PLUGINS NULL
#define BENCH_CERTS   NULL
#endif

enum
{
  BLOCK = 16384, /* the largest record */
  SPANS = 64,
};

enum
{
  BARE,
  MEMORY,
  STACK,
  LIBRARY,
  KINDS
};

static char *backend = NULL, *plugins = NULL, *certs = NULL;
static int megabytes = 400, runs = 5, span_size = 65536;
static guint16 port;
static char *block; /* a block of lines */

static const GOptionEntry entries[] = {
  { "backend", 0, 0, G_OPTION_ARG_STRING, &backend, "gnutls or openssl", "NAME" },
  { "size", 0, 0, G_OPTION_ARG_INT, &megabytes, "MiB sent in a run", "MIB" },
  { "runs", 0, 0, G_OPTION_ARG_INT, &runs, "runs of each kind", "N" },
  { "span", 0, 0, G_OPTION_ARG_INT, &span_size, "octets of a span", "OCTETS" },
  { "plugins", 0, 0, G_OPTION_ARG_STRING, &plugins, "where plain.so and the others are", "DIR" },
  { "certs", 0, 0, G_OPTION_ARG_STRING, &certs, "where good.pem, good.key and root.pem are", "DIR" },
  { 0 },
};

static void
need (gboolean fine, const char *what)
{
  if (fine)
    return;
  g_printerr ("bench-tls: %s failed\n", what);
  exit (1);
}

/* --- the reader --- */

static gboolean
say (SSL *ssl, const char *text)
{
  return SSL_write (ssl, text, (int) strlen (text)) > 0;
}

/* One line, octet by octet: only the few before the data are read so. */
static gboolean
hear_line (SSL *ssl, char line[512])
{
  int n = 0;

  while (n < 511 && SSL_read (ssl, line + n, 1) == 1)
    if (line[n++] == '\n')
      return TRUE;
  return FALSE;
}

/* To the end, or to the dot on a line of its own, which may have QUIT behind it: TRUE when it has. */
static gboolean
drain (SSL *ssl, gboolean to_dot)
{
  static char buf[65536];
  char tail[12] = "";
  int n;

  while ((n = SSL_read (ssl, buf, sizeof buf)) > 0)
    {
      size_t keep = MIN ((size_t) n, sizeof tail);

      memmove (tail, tail + keep, sizeof tail - keep);
      memcpy (tail + sizeof tail - keep, buf + (size_t) n - keep, keep);
      if (to_dot && memmem (tail, sizeof tail, "\r\n.\r\n", 5) != NULL)
        return tail[sizeof tail - 3] == 'T';
    }
  return FALSE;
}

static void
talk (SSL *ssl)
{
  char line[512] = "";
  gboolean quit = FALSE;

  if (!say (ssl, "220 reader\r\n"))
    return;
  while (!quit && hear_line (ssl, line))
    {
      if (g_str_has_prefix (line, "RAW"))
        {
          drain (ssl, FALSE);
          return;
        }
      quit = g_str_has_prefix (line, "QUIT");
      if (g_str_has_prefix (line, "EHLO"))
        say (ssl, "250-reader\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE\r\n");
      else if (g_str_has_prefix (line, "DATA"))
        {
          say (ssl, "354 go on\r\n");
          quit = drain (ssl, TRUE);
          say (ssl, "250 got it\r\n");
        }
      else if (!quit)
        say (ssl, "250 fine\r\n");
    }
  say (ssl, "221 bye\r\n");
}

static void
serve (int listener)
{
  SSL_CTX *ctx = SSL_CTX_new (TLS_server_method ());
  g_autofree char *cert = g_build_filename (certs, "good.pem", NULL);
  g_autofree char *key = g_build_filename (certs, "good.key", NULL);

  SSL_CTX_set_read_ahead (ctx, 1);
  need (SSL_CTX_use_certificate_chain_file (ctx, cert) == 1 && SSL_CTX_use_PrivateKey_file (ctx, key, SSL_FILETYPE_PEM) == 1,
        "reading the reader's certificate");
  for (;;)
    {
      int fd = accept (listener, NULL, NULL), on = 1;
      SSL *ssl = SSL_new (ctx);

      setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      SSL_set_fd (ssl, fd);
      if (SSL_accept (ssl) == 1)
        {
          talk (ssl);
          SSL_shutdown (ssl);
        }
      SSL_free (ssl);
      close (fd);
    }
}

static pid_t
start_reader (void)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t size = sizeof address;
  int listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  pid_t child;

  need (listener >= 0 && bind (listener, (struct sockaddr *) &address, size) == 0 && listen (listener, 8) == 0
            && getsockname (listener, (struct sockaddr *) &address, &size) == 0,
        "listening");
  port = ntohs (address.sin_port);
  child = fork ();
  need (child >= 0, "fork");
  if (child == 0)
    serve (listener);
  close (listener);
  return child;
}

/* --- bare loops --- */

static int
dial (void)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK), .sin_port = htons (port) };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

  need (fd >= 0 && connect (fd, (struct sockaddr *) &address, sizeof address) == 0, "connecting");
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

/* `text`: as much is sent of it; NULL: of `block` again and again. */
static void
bare_openssl (guint64 blocks, const char *text)
{
  static SSL_CTX *ctx;
  char buf[64];
  SSL *ssl;
  int fd = dial ();

  if (ctx == NULL)
    ctx = SSL_CTX_new (TLS_client_method ());
  ssl = SSL_new (ctx);
  SSL_set_fd (ssl, fd);
  need (SSL_connect (ssl) == 1 && SSL_read (ssl, buf, sizeof buf) > 0, "the bare handshake");
  need (say (ssl, "RAW\r\n"), "the bare loop");
  for (guint64 i = 0; i < blocks; i++)
    need (SSL_write (ssl, text != NULL ? text + i * BLOCK : block, BLOCK) == BLOCK, "SSL_write");
  SSL_shutdown (ssl);
  while (SSL_read (ssl, buf, sizeof buf) > 0)
    ;
  SSL_free (ssl);
  close (fd);
}

static void
bare_gnutls (guint64 blocks, const char *text)
{
  static gnutls_certificate_credentials_t creds;
  gnutls_session_t tls;
  char buf[64];
  int fd = dial (), ret;

  if (creds == NULL)
    gnutls_certificate_allocate_credentials (&creds);
  gnutls_init (&tls, GNUTLS_CLIENT);
  gnutls_set_default_priority (tls);
  gnutls_credentials_set (tls, GNUTLS_CRD_CERTIFICATE, creds);
  gnutls_transport_set_int (tls, fd);
  do
    ret = gnutls_handshake (tls);
  while (ret < 0 && !gnutls_error_is_fatal (ret));
  need (ret == 0, "the bare handshake");
  do
    ret = (int) gnutls_record_recv (tls, buf, sizeof buf);
  while (ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED);
  need (ret > 0 && gnutls_record_send (tls, "RAW\r\n", 5) == 5, "the bare loop");
  for (guint64 i = 0; i < blocks; i++)
    need (gnutls_record_send (tls, text != NULL ? text + i * BLOCK : block, BLOCK) == BLOCK, "gnutls_record_send");
  gnutls_bye (tls, GNUTLS_SHUT_WR);
  do
    ret = (int) gnutls_record_recv (tls, buf, sizeof buf);
  while (ret > 0 || ret == GNUTLS_E_AGAIN);
  gnutls_deinit (tls);
  close (fd);
}

/* --- our layers --- */

static const VeredaTransport *
load (const char *name)
{
  g_autofree char *file = g_strconcat (name, ".so", NULL);
  g_autofree char *built = g_build_filename (plugins, name, file, NULL);
  g_autofree char *installed = g_build_filename (plugins, file, NULL);
  const char *path = g_file_test (built, G_FILE_TEST_EXISTS) ? built : installed;
  g_autofree char *symbol = g_strdup_printf ("vereda1_%s_query", name);
  static const VeredaHost host = { .struct_size = sizeof (VeredaHost) };
  GModule *module = g_module_open (path, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
  gpointer query = NULL;
  const VeredaPlugin *plugin;

  need (module != NULL && g_module_symbol (module, symbol, &query), path);
  plugin = ((const VeredaPlugin *(*) (void) ) query) ();
  need (plugin->init == NULL || plugin->init (&host, NULL), "init");
  return plugin->transports[0];
}

static VeredaLayer *
layer_new (const VeredaTransport *ops, VeredaLayer *lower)
{
  VeredaLayer *layer = g_malloc0 (ops->instance_size);

  layer->ops = ops;
  layer->lower = lower;
  return layer;
}

static void
wait_for (int fd, VeredaIo io)
{
  struct pollfd item = { fd, io == VEREDA_IO_WANT_READ ? POLLIN : POLLOUT, 0 };

  need (io == VEREDA_IO_WANT_READ || io == VEREDA_IO_WANT_WRITE, "the layer");
  poll (&item, 1, -1);
}

static void
hear (VeredaLayer *top, int fd, VeredaIo until)
{
  char buf[64];
  size_t n;
  VeredaIo io;

  while ((io = top->ops->read (top, buf, sizeof buf, &n, NULL)) != until)
    if (io != VEREDA_IO_DONE)
      wait_for (fd, io);
}

static void
send_all (VeredaLayer *top, int fd, VeredaSpan *v, size_t n)
{
  size_t done;
  VeredaIo io;

  while (n > 0)
    {
      io = top->ops->writev (top, v, n, &done, NULL);
      if (io != VEREDA_IO_DONE)
        wait_for (fd, io);
      else
        for (; n > 0 && done >= v->size; v++, n--)
          done -= v->size;
      if (io == VEREDA_IO_DONE && n > 0)
        *v = (VeredaSpan){ (const char *) v->data + done, v->size - done };
    }
}

static void
stack (guint64 octets)
{
  static const VeredaTransport *plain, *tls;
  g_autofree char *root = g_build_filename (certs, "root.pem", NULL);
  VeredaTlsSettings settings = { .struct_size = sizeof settings, .peer_name = "mail.example.test", .trust_file = root };
  VeredaSpan spans[SPANS], raw = { "RAW\r\n", 5 };
  VeredaLayer *bottom, *top;
  int fd = dial ();
  VeredaIo io;

  if (plain == NULL)
    {
      plain = load ("plain");
      tls = load (backend);
    }
  g_unix_set_fd_nonblocking (fd, TRUE, NULL);
  bottom = layer_new (plain, NULL);
  need (plain->open (bottom, fd, NULL), "open");
  top = layer_new (tls, bottom);
  need (tls->wrap (top, &settings, NULL), "wrap");
  while ((io = tls->handshake (top, NULL)) != VEREDA_IO_DONE)
    wait_for (fd, io);
  hear (top, fd, VEREDA_IO_DONE);
  send_all (top, fd, &raw, 1);
  while (octets > 0)
    {
      size_t n = 0;

      for (; n < SPANS && octets > 0; n++)
        {
          size_t take = MIN (octets, (guint64) span_size);

          spans[n] = (VeredaSpan){ block, take };
          octets -= take;
        }
      send_all (top, fd, spans, n);
    }
  while ((io = tls->shutdown (top, NULL)) != VEREDA_IO_DONE)
    wait_for (fd, io);
  hear (top, fd, VEREDA_IO_EOF);
  tls->clear (top);
  plain->clear (bottom);
  g_free (top);
  g_free (bottom);
}

/* --- the library --- */

static void
library (GBytes *text)
{
  g_autofree char *root = g_build_filename (certs, "root.pem", NULL);
  g_autofree char *server = g_strdup_printf ("127.0.0.1:%u", port);
  g_autoptr (VeredaMessage) message = vereda_message_new_from_bytes (text);
  g_autoptr (VeredaOptions) options = vereda_options_new ();
  g_autoptr (VeredaResult) result = NULL;
  g_autoptr (GError) error = NULL;
  const char *const set[][2] = { { "servers", server },
                                 { "tls", "implicit" },
                                 { "transport", backend },
                                 { "ca-file", root },
                                 { "verify-name", "mail.example.test" },
                                 { "originator", "a@example.test" },
                                 { "recipients", "b@example.test" } };

  for (size_t i = 0; i < G_N_ELEMENTS (set); i++)
    if (!vereda_options_set (options, set[i][0], set[i][1], &error))
      need (FALSE, error->message);
  if (vereda_sendmessage (message, options, &result, &error))
    return;
  g_printerr ("%s\n", error->message);
  need (FALSE, "vereda_sendmessage");
}

/* --- the measurement --- */

typedef struct
{
  double wall;
  double cpu;
} Cost;

static double
processor_time (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
         + 1e-6 * (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static int
by_wall (gconstpointer a, gconstpointer b)
{
  double x = ((const Cost *) a)->wall, y = ((const Cost *) b)->wall;

  return (x > y) - (x < y);
}

static int
by_cpu (gconstpointer a, gconstpointer b)
{
  double x = ((const Cost *) a)->cpu, y = ((const Cost *) b)->cpu;

  return (x > y) - (x < y);
}

static Cost
median (Cost *costs)
{
  Cost middle;

  qsort (costs, (size_t) runs, sizeof *costs, by_wall);
  middle.wall = costs[runs / 2].wall;
  qsort (costs, (size_t) runs, sizeof *costs, by_cpu);
  middle.cpu = costs[runs / 2].cpu;
  return middle;
}

/* A header and lines of 76 octets. */
static GBytes *
message_text (guint64 octets)
{
  static const char header[] = "Subject: large\r\nFrom: a@example.test\r\nTo: b@example.test\r\n"
                               "Date: Mon, 01 Jan 2024 00:00:00 +0000\r\nMessage-ID: "
                               "<1@example.test>\r\n\r\n";
  char *text = g_malloc (octets);

  for (guint64 i = 0; i < octets; i += BLOCK)
    memcpy (text + i, block, MIN (octets - i, BLOCK));
  memcpy (text, header, sizeof header - 1);
  memcpy (text + octets - 2, "\r\n", 2);
  return g_bytes_new_take (text, octets);
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  static const char *const names[] = { "bare", "memory", "stack", "library" };
  Cost *costs[KINDS];
  g_autoptr (GBytes) text = NULL;
  guint64 octets;
  pid_t reader;
  Cost all[KINDS];

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || backend == NULL || runs < 1 || megabytes < 1 || span_size < 1)
    {
      g_printerr ("bench-tls: %s\n", error != NULL ? error->message : "--backend=gnutls|openssl");
      return 2;
    }
  plugins = plugins != NULL ? plugins : g_strdup (BENCH_PLUGINS);
  certs = certs != NULL ? certs : g_strdup (BENCH_CERTS);
  need (plugins != NULL && certs != NULL, "finding --plugins and --certs");
  block = g_malloc ((gsize) MAX (span_size, BLOCK));
  for (int i = 0; i < MAX (span_size, BLOCK); i++)
    block[i] = (char) (i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : 'a' + i % 26);
  octets = (guint64) megabytes << 20;
  reader = start_reader ();
  text = message_text (octets);
  signal (SIGPIPE, SIG_IGN); /* of the bare loops */
  for (int kind = 0; kind < KINDS; kind++)
    costs[kind] = g_new0 (Cost, runs);
  for (int run = -1; run < runs; run++) /* the first round is for the caches */
    for (int kind = 0; kind < KINDS; kind++)
      {
        const char *octets_of = kind == MEMORY ? g_bytes_get_data (text, NULL) : NULL;
        gint64 began = g_get_monotonic_time ();
        double cpu = processor_time ();

        if (kind <= MEMORY && g_str_equal (backend, "gnutls"))
          bare_gnutls (octets / BLOCK, octets_of);
        else if (kind <= MEMORY)
          bare_openssl (octets / BLOCK, octets_of);
        else if (kind == STACK)
          stack (octets);
        else
          library (text);
        if (run >= 0)
          costs[kind][run] = (Cost){ 1e-6 * (double) (g_get_monotonic_time () - began), processor_time () - cpu };
      }
  kill (reader, SIGTERM);
  waitpid (reader, NULL, 0);
  g_print ("{ \"backend\": \"%s\", \"octets\": %" G_GUINT64_FORMAT ", \"runs\": %d, \"span\": %d", backend, octets, runs,
           span_size);
  for (int kind = 0; kind < KINDS; kind++)
    {
      all[kind] = median (costs[kind]);
      g_print (",\n  \"%s\": { \"seconds\": %.4f, \"cpu_seconds\": %.4f, "
               "\"of_bare\": %.3f, \"cpu_of_bare\": %.3f }",
               names[kind], all[kind].wall, all[kind].cpu, all[0].wall / all[kind].wall, all[0].cpu / all[kind].cpu);
    }
  g_print (" }\n");
  for (int kind = 0; kind < KINDS; kind++)
    g_free (costs[kind]);
  return 0;
}
