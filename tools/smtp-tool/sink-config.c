/* SPDX-License-Identifier: MIT */
/* sink-config - see sink-config.h.
 *
 * GOption reads the words, the functions below check what they mean.  Nothing is opened here but the password file. */
#include "sink-config.h"
#include "sink-options.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <string.h>
#include <unistd.h>

G_DEFINE_QUARK (sink - error - quark, sink_error)

#define PASSWORD_MAX 4096

/* What GOption fills and check_* turns into a SinkConfig. */
typedef struct
{
  gchar *tls;
  gchar *tls_names;
  gchar *tls_min;
  gchar *tls_max;
  gchar *auth;
  gchar *password_file;
  gchar *format;
  gchar **hide;
  gchar **reject;
  gchar **fault;
  gint64 size;
  gint64 exit_after;
  gint64 seed;
  gint greeting_delay;
  gint timeout;
  gint threads;
  gint max_recipients;
  gboolean without[SINK_EXT_ALL + 1]; /* indexed by the extension's bit */
} Words;

static gboolean usage (GError **error, const gchar *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
usage (GError **error, const gchar *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree gchar *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, SINK_ERROR, SINK_ERROR_USAGE, text);
  return FALSE;
}

static gboolean
check_tls_version (const gchar *option, const gchar *word, gint *ret_version, GError **error)
{
  if (word == NULL)
    return TRUE;
  if (g_str_equal (word, "1.2"))
    *ret_version = TLS1_2_VERSION;
  else if (g_str_equal (word, "1.3"))
    *ret_version = TLS1_3_VERSION;
  else
    return usage (error, "%s=%s: 1.2 or 1.3 is wanted", option, word);
  return TRUE;
}

static gboolean
check_tls (SinkConfig *config, const Words *words, GError **error)
{
  if (words->tls == NULL || g_str_equal (words->tls, "none"))
    config->tls = SINK_TLS_NONE;
  else if (g_str_equal (words->tls, "starttls"))
    config->tls = SINK_TLS_STARTTLS;
  else if (g_str_equal (words->tls, "implicit"))
    config->tls = SINK_TLS_IMPLICIT;
  else
    return usage (error, "--tls=%s: starttls, implicit or none is wanted", words->tls);

  if (!check_tls_version ("--tls-min", words->tls_min, &config->tls_min, error)
      || !check_tls_version ("--tls-max", words->tls_max, &config->tls_max, error))
    return FALSE;
  if (config->tls_min != 0 && config->tls_max != 0 && config->tls_min > config->tls_max)
    return usage (error, "--tls-min=%s is above --tls-max=%s", words->tls_min, words->tls_max);
  config->tls_names = words->tls_names != NULL ? g_strsplit (words->tls_names, ",", -1) : NULL;

  gboolean has_files = config->cert != NULL || config->key != NULL;
  if (config->tls == SINK_TLS_NONE)
    {
      if (has_files || config->self_signed || config->ca_out != NULL || config->client_ca != NULL || config->require_tls
          || config->tls_names != NULL || config->tls_min != 0 || config->tls_max != 0)
        return usage (error, "options about TLS are given, but not --tls=starttls or --tls=implicit");
      return TRUE;
    }
  if (has_files == config->self_signed)
    return usage (error, "--tls wants either --cert=FILE and --key=FILE, or --self-signed");
  if (has_files && (config->cert == NULL || config->key == NULL))
    return usage (error, "--cert and --key go together");
  if (has_files && (config->ca_out != NULL || config->tls_names != NULL))
    return usage (error, "--ca-out and --tls-names belong to --self-signed");
  return TRUE;
}

/* The first line of the file is the password: that is what editors and `echo` write. */
static gboolean
read_password (const gchar *path, gchar **ret_password, GError **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    {
      int seen = errno;
      g_set_error (error, SINK_ERROR, SINK_ERROR_FILE, "--password-file=%s: %s", path, g_strerror (seen));
      return FALSE;
    }
  gchar text[PASSWORD_MAX + 1] = "";
  gsize have = 0;
  gssize got = 0;
  while (have < PASSWORD_MAX && (got = read (fd, text + have, PASSWORD_MAX - have)) != 0)
    {
      if (got > 0)
        have += (gsize) got;
      else if (errno != EINTR)
        break;
    }
  int seen = errno;
  close (fd);
  text[strcspn (text, "\r\n")] = '\0';
  if (got < 0 || have == PASSWORD_MAX || text[0] == '\0')
    {
      explicit_bzero (text, sizeof text);
      g_set_error (error, SINK_ERROR, SINK_ERROR_FILE, "--password-file=%s: %s", path,
                   got < 0 ? g_strerror (seen) : "one line of 1 to 4095 octets is wanted");
      return FALSE;
    }
  *ret_password = g_strdup (text);
  explicit_bzero (text, sizeof text);
  return TRUE;
}

static gboolean
check_auth (SinkConfig *config, const Words *words, GError **error)
{
  if (words->auth == NULL)
    {
      if (config->user != NULL || words->password_file != NULL || config->realm != NULL || config->require_auth
          || config->auth_before_tls)
        return usage (error, "options about AUTH are given, but not --auth=MECHANISM[,MECHANISM]");
      return TRUE;
    }
  g_autofree gchar *upper = g_ascii_strup (words->auth, -1);
  config->auth = g_strsplit (upper, ",", -1);
  gboolean password_needed = FALSE;
  for (gchar **mechanism = config->auth; *mechanism != NULL; mechanism++)
    {
      gsize length = strspn (*mechanism, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
      if (length == 0 || (*mechanism)[length] != '\0' || length > 20)
        return usage (error, "--auth: \"%s\" is not the name of a mechanism", *mechanism);
      if (!g_str_equal (*mechanism, "ANONYMOUS") && !g_str_equal (*mechanism, "EXTERNAL"))
        password_needed = TRUE;
      if (g_str_equal (*mechanism, "EXTERNAL") && config->client_ca == NULL)
        return usage (error, "--auth=EXTERNAL needs --client-ca=FILE: the certificate is the identity");
    }
  if (password_needed && (config->user == NULL || words->password_file == NULL))
    return usage (error, "--auth=%s needs --user=NAME and --password-file=FILE", words->auth);
  return words->password_file == NULL || read_password (words->password_file, &config->password, error);
}

/* PATTERN[:CODE]; the code is what stands after the last colon if it looks like one, so that patterns may hold colons. */
static gboolean
check_rejections (SinkConfig *config, const Words *words, GError **error)
{
  config->rejections = g_array_new (FALSE, FALSE, sizeof (SinkRejection));
  for (gchar **word = words->reject; word != NULL && *word != NULL; word++)
    {
      g_autofree gchar *pattern = g_strdup (*word);
      gchar *colon = strrchr (pattern, ':');
      guint code = 550;
      if (colon != NULL && strlen (colon) == 4 && strspn (colon + 1, "0123456789") == 3)
        {
          code = (guint) g_ascii_strtoull (colon + 1, NULL, 10);
          *colon = '\0';
        }
      if (pattern[0] == '\0' || code < 400 || code > 599)
        return usage (error, "--reject-rcpt=%s: PATTERN[:CODE] is wanted, CODE from 400 to 599", *word);
      SinkRejection rejection
          = { g_pattern_spec_new (pattern), code < 500 ? g_strdup_printf ("%u 4.2.0 mailbox not available now", code)
                                                       : g_strdup_printf ("%u 5.1.1 no such mailbox here", code) };
      g_array_append_val (config->rejections, rejection);
    }
  return TRUE;
}

static gboolean
check_faults (SinkConfig *config, const Words *words, GError **error)
{
  if (config->replay != NULL && words->fault != NULL)
    return usage (error, "--replay and --fault: the recording says what goes wrong");
  config->faults = g_array_new (FALSE, FALSE, sizeof (SinkFault));
  for (gchar **word = words->fault; word != NULL && *word != NULL; word++)
    {
      SinkFault fault;
      g_autofree gchar *message = NULL;
      if (!sink_fault_parse (*word, &fault, &message))
        return usage (error, "--fault=%s: %s", *word, message);
      g_array_append_val (config->faults, fault);
      if (fault.stage == SINK_STAGE_TLS && config->tls == SINK_TLS_NONE)
        return usage (error, "--fault=%s: there is no TLS without --tls=starttls or --tls=implicit", *word);
      if (fault.stage == SINK_STAGE_STARTTLS && config->tls != SINK_TLS_STARTTLS)
        return usage (error, "--fault=%s: there is no STARTTLS without --tls=starttls", *word);
      if (fault.stage == SINK_STAGE_AUTH && config->auth == NULL)
        return usage (error, "--fault=%s: there is no AUTH without --auth=MECHANISM", *word);
    }
  return TRUE;
}

static gboolean
check_numbers (SinkConfig *config, const Words *words, GError **error)
{
  if (words->size < 0)
    return usage (error, "--size=%" G_GINT64_FORMAT ": octets are wanted, 0 for no limit", words->size);
  if (words->exit_after < 0)
    return usage (error, "--exit-after=%" G_GINT64_FORMAT ": a number of messages is wanted", words->exit_after);
  if (words->greeting_delay < 0 || words->greeting_delay > 600000)
    return usage (error, "--greeting-delay=%d: milliseconds from 0 to 600000 are wanted", words->greeting_delay);
  if (words->timeout < 1 || words->timeout > 86400)
    return usage (error, "--timeout=%d: seconds from 1 to 86400 are wanted", words->timeout);
  if (words->threads < 1 || words->threads > 64)
    return usage (error, "--threads=%d: 1 to 64 are wanted", words->threads);
  if (words->max_recipients < 1)
    return usage (error, "--max-recipients=%d: at least 1 is wanted", words->max_recipients);
  config->size = (guint64) words->size;
  config->exit_after = (guint64) words->exit_after;
  config->seed = (guint64) words->seed;
  config->greeting_delay = words->greeting_delay * (gint64) 1000;
  config->timeout = words->timeout * (gint64) G_USEC_PER_SEC;
  config->threads = (guint) words->threads;
  config->max_recipients = (guint) words->max_recipients;
  return TRUE;
}

static gboolean
check_format (SinkConfig *config, const Words *words, GError **error)
{
  if (words->format == NULL || g_str_equal (words->format, "human"))
    config->format = SINK_FORMAT_HUMAN;
  else if (g_str_equal (words->format, "jsonl"))
    config->format = SINK_FORMAT_JSONL;
  else
    return usage (error, "--format=%s: human or jsonl is wanted", words->format);
  if (config->print_port && config->format == SINK_FORMAT_JSONL)
    return usage (error, "--print-port and --format=jsonl both want the first line; the \"listening\" event holds the port");
  return TRUE;
}

static void
settle_extensions (SinkConfig *config, const Words *words)
{
  config->extensions = SINK_EXT_ALL;
  for (guint bit = 1; bit <= SINK_EXT_ALL; bit <<= 1)
    if (words->without[bit])
      config->extensions &= ~bit;
  /* RFC 6531 section 3.1(8): a server that offers SMTPUTF8 offers 8BITMIME.  (--hide=8BITMIME makes one that breaks this.) */
  if ((config->extensions & SINK_EXT_8BITMIME) == 0)
    config->extensions &= ~(guint) SINK_EXT_SMTPUTF8;
}

static void
words_clear (Words *words)
{
  g_free (words->tls);
  g_free (words->tls_names);
  g_free (words->tls_min);
  g_free (words->tls_max);
  g_free (words->auth);
  g_free (words->password_file);
  g_free (words->format);
  g_strfreev (words->hide);
  g_strfreev (words->reject);
  g_strfreev (words->fault);
}

static gboolean
parse_words (SinkConfig *c, Words *w, int *argc, char ***argv, GError **error)
{
  const GOptionEntry listening[] = {
    { "listen", 'l', 0, G_OPTION_ARG_STRING, &c->listen, "Where to listen; port 0 takes a free one (default 127.0.0.1:0)",
      "ADDR:PORT|[V6]:PORT|unix:PATH" },
    { "allow-remote", 0, 0, G_OPTION_ARG_NONE, &c->allow_remote, "Listen on an address that is not a loopback one", NULL },
    { "hostname", 0, 0, G_OPTION_ARG_STRING, &c->hostname, "Name in the greeting and in the realm", "NAME" },
    { "lmtp", 0, 0, G_OPTION_ARG_NONE, &c->lmtp, "Speak LMTP (RFC 2033)", NULL },
    { "lenient", 0, 0, G_OPTION_ARG_NONE, &c->lenient, "Report wrong line ends and names, but take them", NULL },
    { "greeting-delay", 0, 0, G_OPTION_ARG_INT, &w->greeting_delay, "Wait before the greeting, to see who talks first", "MS" },
    { "timeout", 0, 0, G_OPTION_ARG_INT, &w->timeout, "Close a connection that is silent for so long (default 300)", "SEC" },
    { "threads", 0, 0, G_OPTION_ARG_INT, &w->threads, "Serve connections from so many threads (default 1)", "N" },
    { "exit-after", 0, 0, G_OPTION_ARG_INT64, &w->exit_after, "End after so many messages", "COUNT" },
    { "with-parent", 0, 0, G_OPTION_ARG_NONE, &c->with_parent, "End when the parent process ends", NULL },
    { NULL }
  };
  const GOptionEntry tls[]
      = { { "tls", 0, 0, G_OPTION_ARG_STRING, &w->tls, "Offer STARTTLS, or speak TLS from the first octet",
            "starttls|implicit|none" },
          { "require-tls", 0, 0, G_OPTION_ARG_NONE, &c->require_tls, "Answer 530 until TLS is active", NULL },
          { "cert", 0, 0, G_OPTION_ARG_FILENAME, &c->cert, "Certificate chain, PEM", "FILE" },
          { "key", 0, 0, G_OPTION_ARG_FILENAME, &c->key, "Private key, PEM", "FILE" },
          { "self-signed", 0, 0, G_OPTION_ARG_NONE, &c->self_signed, "Make a CA and a certificate for this run", NULL },
          { "ca-out", 0, 0, G_OPTION_ARG_FILENAME, &c->ca_out, "Where to write that CA's certificate", "FILE" },
          { "tls-names", 0, 0, G_OPTION_ARG_STRING, &w->tls_names,
            "Names and addresses in the certificate (default localhost, this host, 127.0.0.1, ::1)", "NAME,..." },
          { "tls-min", 0, 0, G_OPTION_ARG_STRING, &w->tls_min, "Lowest TLS version", "1.2|1.3" },
          { "tls-max", 0, 0, G_OPTION_ARG_STRING, &w->tls_max, "Highest TLS version", "1.2|1.3" },
          { "client-ca", 0, 0, G_OPTION_ARG_FILENAME, &c->client_ca, "Ask for a client certificate of this CA", "FILE" },
          { NULL } };
  const GOptionEntry auth[]
      = { { "auth", 0, 0, G_OPTION_ARG_STRING, &w->auth, "Mechanisms to offer, as Cyrus SASL has them", "MECH,..." },
          { "user", 'u', 0, G_OPTION_ARG_STRING, &c->user, "The one account", "NAME" },
          { "password-file", 0, 0, G_OPTION_ARG_FILENAME, &w->password_file, "Its password: the first line of FILE", "FILE" },
          { "realm", 0, 0, G_OPTION_ARG_STRING, &c->realm, "Realm (default: the host name)", "NAME" },
          { "auth-before-tls", 0, 0, G_OPTION_ARG_NONE, &c->auth_before_tls, "Offer AUTH in clear although TLS is offered",
            NULL },
          { "require-auth", 0, 0, G_OPTION_ARG_NONE, &c->require_auth, "Answer MAIL with 530 until AUTH succeeded", NULL },
          { NULL } };
  const GOptionEntry protocol[]
      = { { "size", 0, 0, G_OPTION_ARG_INT64, &w->size, "Largest message, announced with SIZE (default: no limit)", "OCTETS" },
          { "max-recipients", 0, 0, G_OPTION_ARG_INT, &w->max_recipients, "Most recipients of one message", "N" },
          { "no-pipelining", 0, 0, G_OPTION_ARG_NONE, &w->without[SINK_EXT_PIPELINING], "Do not offer PIPELINING", NULL },
          { "no-chunking", 0, 0, G_OPTION_ARG_NONE, &w->without[SINK_EXT_CHUNKING], "Do not offer CHUNKING", NULL },
          { "no-8bitmime", 0, 0, G_OPTION_ARG_NONE, &w->without[SINK_EXT_8BITMIME], "Do not offer 8BITMIME (nor SMTPUTF8)",
            NULL },
          { "no-smtputf8", 0, 0, G_OPTION_ARG_NONE, &w->without[SINK_EXT_SMTPUTF8], "Do not offer SMTPUTF8", NULL },
          { "no-dsn", 0, 0, G_OPTION_ARG_NONE, &w->without[SINK_EXT_DSN], "Do not offer DSN", NULL },
          { "no-size", 0, 0, G_OPTION_ARG_NONE, &w->without[SINK_EXT_SIZE], "Do not offer SIZE", NULL },
          { "no-enhanced", 0, 0, G_OPTION_ARG_NONE, &w->without[SINK_EXT_ENHANCED], "No enhanced status codes", NULL },
          { "hide", 0, 0, G_OPTION_ARG_STRING_ARRAY, &w->hide, "Support KEYWORD but leave it out of EHLO's reply", "KEYWORD" },
          { "reject-rcpt", 0, 0, G_OPTION_ARG_STRING_ARRAY, &w->reject, "Refuse recipients that match (default code 550)",
            "PATTERN[:CODE]" },
          { NULL } };
  const GOptionEntry faults[]
      = { { "fault", 0, 0, G_OPTION_ARG_STRING_ARRAY, &w->fault, "Let something go wrong at a stage", "STAGE:ACTION[:N]" },
          { "seed", 0, 0, G_OPTION_ARG_INT64, &w->seed, "Seed of faults by percentage (default 1)", "N" },
          { NULL } };
  const GOptionEntry output[]
      = { { "capture", 0, 0, G_OPTION_ARG_FILENAME, &c->capture,
            "Keep each message as DIR/NNNNNN.eml and a line of DIR/log.jsonl", "DIR" },
          { "record", 0, 0, G_OPTION_ARG_FILENAME, &c->record, "Write down who says what, and when; secrets masked", "FILE" },
          { "replay", 0, 0, G_OPTION_ARG_FILENAME, &c->replay,
            "Be the server of a recording, and tell where the client deviates", "FILE" },
          { "format", 'o', 0, G_OPTION_ARG_STRING, &w->format, "What standard output speaks", "human|jsonl" },
          { "print-port", 0, 0, G_OPTION_ARG_NONE, &c->print_port, "First line: the port number and nothing else", NULL },
          { "quiet", 'q', 0, G_OPTION_ARG_NONE, &c->quiet, "Nothing about single messages", NULL },
          { "verbose", 'v', 0, G_OPTION_ARG_NONE, &c->verbose, "Also connections, TLS, AUTH", NULL },
          { "version", 0, 0, G_OPTION_ARG_NONE, &c->show_version, "Print the version and end", NULL },
          { "list-options", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &c->list_options, NULL, NULL },
          { NULL } };
  g_autoptr (GOptionContext) context = g_option_context_new ("- test server for SMTP and LMTP on loopback");
  g_option_context_set_summary (context,
                                "Takes mail, checks the client strictly, keeps or counts what came, delivers nothing.");
  const SinkOptionGroup groups[] = { { "Listening", listening }, { "TLS", tls },       { "Authentication", auth },
                                     { "Protocol", protocol },   { "Faults", faults }, { "Output", output } };
  for (guint i = 0; i < G_N_ELEMENTS (groups); i++)
    g_option_context_add_main_entries (context, groups[i].entries, NULL);
  g_autoptr (GError) seen = NULL;
  if (!g_option_context_parse (context, argc, argv, &seen))
    return usage (error, "%s", seen->message);
  if (c->list_options)
    sink_options_print (groups, G_N_ELEMENTS (groups));
  if (*argc > 1)
    return usage (error, "\"%s\": no argument is wanted", (*argv)[1]);
  return TRUE;
}

gboolean
sink_config_parse (SinkConfig *config, int *argc, char ***argv, GError **error)
{
  Words words = { .seed = 1, .timeout = 300, .threads = 1, .max_recipients = 100000 };
  memset (config, 0, sizeof *config);
  gboolean good = parse_words (config, &words, argc, argv, error) && check_tls (config, &words, error)
                  && check_auth (config, &words, error) && check_rejections (config, &words, error)
                  && check_faults (config, &words, error) && check_numbers (config, &words, error)
                  && check_format (config, &words, error);
  if (good)
    {
      settle_extensions (config, &words);
      config->hide = g_steal_pointer (&words.hide);
      if (config->listen == NULL)
        config->listen = g_strdup ("127.0.0.1:0");
      if (config->hostname == NULL)
        config->hostname = g_strdup (strcspn (g_get_host_name (), " \r\n") == 0 ? "localhost" : g_get_host_name ());
      else if (config->hostname[0] == '\0' || strpbrk (config->hostname, " \t\r\n") != NULL)
        good = usage (error, "--hostname: one word is wanted");
    }
  words_clear (&words);
  return good;
}

void
sink_config_clear (SinkConfig *config)
{
  if (config->password != NULL)
    explicit_bzero (config->password, strlen (config->password));
  gchar *strings[] = { config->listen,   config->hostname, config->cert,    config->key,       config->ca_out, config->user,
                       config->password, config->realm,    config->capture, config->client_ca, config->record, config->replay };
  for (guint i = 0; i < G_N_ELEMENTS (strings); i++)
    g_free (strings[i]);
  for (guint i = 0; config->faults != NULL && i < config->faults->len; i++)
    sink_fault_clear (&g_array_index (config->faults, SinkFault, i));
  if (config->faults != NULL)
    g_array_free (config->faults, TRUE);
  for (guint i = 0; config->rejections != NULL && i < config->rejections->len; i++)
    {
      SinkRejection *rejection = &g_array_index (config->rejections, SinkRejection, i);
      g_pattern_spec_free (rejection->pattern);
      g_free (rejection->reply);
    }
  if (config->rejections != NULL)
    g_array_free (config->rejections, TRUE);
  g_strfreev (config->tls_names);
  g_strfreev (config->auth);
  g_strfreev (config->hide);
  memset (config, 0, sizeof *config);
}

gboolean
sink_config_hides (const SinkConfig *config, const gchar *keyword)
{
  for (gchar **hidden = config->hide; hidden != NULL && *hidden != NULL; hidden++)
    if (g_ascii_strcasecmp (*hidden, keyword) == 0)
      return TRUE;
  return FALSE;
}
