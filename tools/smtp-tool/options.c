/* SPDX-License-Identifier: MIT */
/* options - see options.h. */
#include "options.h"
#include "probe-options.h"
#include "text.h"
#include "tool.h"

#include <string.h>

#define SERVERS  "Servers and connection"
#define TLS      "TLS"
#define AUTH     "Authentication"
#define ENVELOPE "Envelope and message"
#define COMPOSE  "Composing"
#define OUTPUT   "Output"
#define MORE     "More"

static const CliOption globals[] = {
  { "format", 'o', CLI_VALUE, OPT_FORMAT, NULL, NULL, NULL, OUTPUT, "human|json",
    "how results are written to standard output" },
  { "verbose", 'v', CLI_FLAG, OPT_VERBOSE, NULL, NULL, NULL, OUTPUT, NULL,
    "show the transcript on standard error, secrets redacted; -vv: TLS in detail, too; -vvv: and each line in hexadecimal" },
  { "quiet", 'q', CLI_FLAG, OPT_QUIET, NULL, NULL, NULL, OUTPUT, NULL, "say nothing but errors" },
  { "silent", 0, CLI_FLAG, OPT_QUIET, NULL, NULL, NULL, OUTPUT, NULL, NULL },
  { "color", 0, CLI_WORD, OPT_COLOR, NULL, "always", "auto|always|never", OUTPUT, NULL,
    "colour; auto: on a terminal, unless NO_COLOR is set" },
  { "profile", 0, CLI_VALUE, OPT_PROFILE, NULL, NULL, NULL, OUTPUT, "NAME",
    "go by this profile of the configuration file as well" },
  { "config", 0, CLI_VALUE, OPT_CONFIG, NULL, NULL, NULL, OUTPUT, "FILE", "the configuration file; --no-config: none" },
  { "generate", 0, CLI_VALUE, OPT_GENERATE, NULL, NULL, NULL, OUTPUT, "bash|zsh|fish|options", NULL },
  { "help", 'h', CLI_FLAG, OPT_HELP, NULL, NULL, NULL, OUTPUT, NULL, "show this help and exit" },
  { "version", 0, CLI_FLAG, OPT_VERSION, NULL, NULL, NULL, OUTPUT, NULL, "show versions and exit" },
};

#define LIB(flag, letter, library, group, argument, help)                                                                      \
  {                                                                                                                            \
    flag, letter, CLI_VALUE, OPT_LIBRARY, library, NULL, NULL, group, argument, help                                           \
  }
#define FIXED(flag, letter, library, value, group, help)                                                                       \
  {                                                                                                                            \
    flag, letter, CLI_FLAG, OPT_LIBRARY, library, value, NULL, group, NULL, help                                               \
  }
#define OWN(flag, letter, kind, id, group, argument, help)                                                                     \
  {                                                                                                                            \
    flag, letter, kind, id, NULL, NULL, NULL, group, argument, help                                                            \
  }

static const CliOption send_rows[] = {
  LIB ("server", 's', "servers", SERVERS, "HOST[:PORT],...",
       "where to send; tried in order, may be repeated; also smtps://HOST, lmtp://HOST, unix:/PATH, lmtp:unix:/PATH"),
  LIB ("port", 'p', "ports", SERVERS, "PORT,...", "ports of the servers, in tandem"),
  LIB ("ehlo", 0, "client", SERVERS, "NAME", "name to say in EHLO"),
  LIB ("helo", 0, "client", SERVERS, NULL, NULL),
  FIXED ("pipeline", 0, "pipelining", "auto", SERVERS, NULL),
  FIXED ("ipv4", '4', "family", "ipv4", SERVERS, "use IPv4 only"),
  FIXED ("ipv6", '6', "family", "ipv6", SERVERS, "use IPv6 only"),
  LIB ("local-interface", 0, "local-address", SERVERS, NULL, NULL),
  OWN ("timeout", 0, CLI_VALUE, OPT_TIMEOUT, SERVERS, "SECONDS", "patience with each stage, all of them alike"),

  LIB ("socket", 0, "servers", SERVERS, NULL, NULL),
  OWN ("protocol", 0, CLI_VALUE, OPT_PROTOCOL, SERVERS, NULL, NULL),
  OWN ("quit-after", 0, CLI_VALUE, OPT_QUIT_AFTER, SERVERS, PROBE_POINTS,
       "the last thing to do before QUIT, no message is sent; MAIL and RCPT take --from and --to"),
  OWN ("drop-after", 0, CLI_VALUE, OPT_DROP_AFTER, SERVERS, PROBE_DROPS, "the same, closing without QUIT"),
  OWN ("drop-after-send", 0, CLI_VALUE, OPT_DROP_AFTER_SEND, SERVERS, PROBE_DROPS,
       "the same, closing when the last command was said, without its reply"),

  { "tls", 0, CLI_WORD, OPT_LIBRARY, "tls", "starttls", "never|opportunistic|starttls|implicit|auto|none|optional", TLS,
    "never|opportunistic|starttls|implicit|auto", "how TLS is used; --tls alone: starttls; auto goes by the port" },
  FIXED ("tls-optional", 0, "tls", "opportunistic", TLS, NULL),
  FIXED ("tls-optional-strict", 0, "tls", "opportunistic", TLS, NULL),
  FIXED ("tls-on-connect", 0, "tls", "implicit", TLS, "the same as --tls=implicit"),
  FIXED ("tlsc", 0, "tls", "implicit", TLS, NULL),
  OWN ("ca-path", 0, CLI_VALUE, OPT_CA_PATH, TLS, "PATH", "trust the certificates in this file or directory, and no other"),
  OWN ("tls-ca-path", 0, CLI_VALUE, OPT_CA_PATH, TLS, NULL, NULL),
  LIB ("cert", 0, "cert-file", TLS, "FILE", "client certificate, PEM"),
  LIB ("tls-cert", 0, "cert-file", TLS, NULL, NULL),
  LIB ("key", 0, "key-file", TLS, "FILE", "its private key, PEM"),
  LIB ("tls-key", 0, "key-file", TLS, NULL, NULL),
  LIB ("tls-verify-target", 0, "verify-name", TLS, NULL, NULL),
  LIB ("tls-sni", 0, "verify-name", TLS, NULL, NULL),
  LIB ("sni", 0, "verify-name", TLS, NULL, NULL),
  LIB ("pin", 0, "pins", TLS, "sha256//BASE64",
       "the server's key is this one, may be repeated; then nothing else of its certificate counts"),
  LIB ("tls-cipher", 0, "tls-priority", TLS, NULL, NULL),
  LIB ("priority", 0, "tls-priority", TLS, NULL, NULL),
  OWN ("tls-verify", 0, CLI_FLAG, OPT_IGNORED, TLS, NULL, NULL),
  OWN ("tls-verify-ca", 0, CLI_FLAG, OPT_IGNORED, TLS, NULL, NULL),
  OWN ("tls-verify-host", 0, CLI_FLAG, OPT_IGNORED, TLS, NULL, NULL),

  OWN ("user", 'u', CLI_VALUE, OPT_USER, AUTH, "NAME",
       "authenticate as NAME; the password is asked for unless one of these gives it:"),
  OWN ("auth-user", 0, CLI_VALUE, OPT_USER, AUTH, NULL, NULL),
  OWN ("username", 0, CLI_VALUE, OPT_USER, AUTH, NULL, NULL),
  OWN ("password-file", 0, CLI_VALUE, OPT_PASSWORD_FILE, AUTH, "FILE", "password: the first line of FILE"),
  OWN ("password-fd", 0, CLI_VALUE, OPT_PASSWORD_FD, AUTH, "N", "password: the first line from descriptor N"),
  OWN ("password-env", 0, CLI_VALUE, OPT_PASSWORD_ENV, AUTH, "VARIABLE", "password: the value of VARIABLE"),
  OWN ("password-command", 0, CLI_VALUE, OPT_PASSWORD_COMMAND, AUTH, "COMMAND",
       "password: the first line COMMAND prints; no shell is used"),
  { "netrc", 0, CLI_WORD, OPT_NETRC, NULL, "", "", AUTH, "FILE",
    "password, and the user if there is no --user, from FILE or ~/.netrc, by the server's name" },
  OWN ("keyring", 0, CLI_FLAG, OPT_KEYRING, AUTH, NULL, "password from the desktop's keyring, by server and user"),
  OWN ("auth-password", 0, CLI_SECRET, OPT_PASSWORD, AUTH, "PASSWORD", "password in the open: other users may have seen it"),
  OWN ("password", 0, CLI_SECRET, OPT_PASSWORD, AUTH, NULL, NULL),
  { "allow-cleartext-auth", 0, CLI_BOOLEAN, OPT_LIBRARY, "insecure-cleartext-auth", NULL, NULL, AUTH, NULL,
    "send the password even where others can read it" },
  OWN ("auth-hide-password", 0, CLI_FLAG, OPT_IGNORED, AUTH, NULL, NULL),

  OWN ("from", 0, CLI_VALUE, OPT_FROM, ENVELOPE, "ADDRESS", "sender of the envelope; when composing, the From field"),
  OWN ("to", 0, CLI_VALUE, OPT_TO, ENVELOPE, "ADDRESS,...",
       "recipient, may be repeated; replaces the recipients a FILE names; when composing, the To field"),
  OWN ("cc", 0, CLI_VALUE, OPT_CC, ENVELOPE, "ADDRESS,...", "the same; when composing, the Cc field"),
  OWN ("bcc", 0, CLI_VALUE, OPT_BCC, ENVELOPE, "ADDRESS,...", "the same; in the envelope only"),
  LIB ("add-header", 0, "header", ENVELOPE, NULL, NULL),
  OWN ("data", 0, CLI_VALUE, OPT_DATA, ENVELOPE, NULL, NULL),
  OWN ("allow-partial", 0, CLI_BOOLEAN, OPT_ALLOW_PARTIAL, ENVELOPE, NULL,
       "refused recipients beside accepted ones do not count as failure"),
  OWN ("dry-run", 'n', CLI_FLAG, OPT_DRY_RUN, ENVELOPE, NULL,
       "print the message as it was read and its envelope, send nothing"),
  OWN ("suppress-data", 0, CLI_FLAG, OPT_IGNORED, ENVELOPE, NULL, NULL),
  OWN ("dump-mail", 0, CLI_FLAG, OPT_DRY_RUN, ENVELOPE, NULL, NULL),
  OWN ("dump", 0, CLI_FLAG, OPT_DUMP, ENVELOPE, NULL, NULL),
  OWN ("support", 0, CLI_FLAG, OPT_SUPPORT, ENVELOPE, NULL, NULL),

  OWN ("subject", 0, CLI_VALUE, OPT_SUBJECT, COMPOSE, "TEXT", "Subject field"),
  OWN ("body", 0, CLI_VALUE, OPT_BODY, COMPOSE, "TEXT|@FILE|@-", "text of the message, UTF-8"),
  OWN ("attach", 0, CLI_VALUE, OPT_ATTACH, COMPOSE, "FILE", "attach a file, may be repeated"),
  OWN ("attach-type", 0, CLI_VALUE, OPT_ATTACH_TYPE, COMPOSE, "TYPE/SUBTYPE", "content type of the attachments that follow"),
  OWN ("attach-name", 0, CLI_VALUE, OPT_ATTACH_NAME, COMPOSE, "NAME", "file name of the next attachment"),

  OWN ("progress", 0, CLI_BOOLEAN, OPT_PROGRESS, OUTPUT, NULL,
       "a progress bar on the terminal; without this: when results are for people and it takes more than a second"),
  OWN ("save-transcript", 0, CLI_VALUE, OPT_SAVE_TRANSCRIPT, OUTPUT, "FILE",
       "write down who says what and when, for the sink to replay; secrets masked, content left out"),
  { "redact", 0, CLI_WORD, OPT_REDACT, NULL, "all", "secrets|addresses|all", OUTPUT, "secrets|addresses|all",
    "in all output mail addresses, or also hosts, IP addresses and users, become address-1, host-1, ip-1, user-1" },
  OWN ("show-secrets", 0, CLI_FLAG, OPT_SHOW_SECRETS, OUTPUT, NULL,
       "the transcript shows what authenticates; to be given twice where standard error is no terminal"),
  OWN ("show-time-lapse", 0, CLI_FLAG, OPT_TIME_LAPSE, OUTPUT, NULL, "the transcript tells how long each reply took"),
  OWN ("hide-send", 0, CLI_FLAG, OPT_HIDE_SEND, OUTPUT, NULL, NULL),
  OWN ("hide-receive", 0, CLI_FLAG, OPT_HIDE_RECEIVE, OUTPUT, NULL, NULL),
  OWN ("hide-informational", 0, CLI_FLAG, OPT_HIDE_INFORMATIONAL, OUTPUT, NULL, NULL),
  OWN ("hide-prefix", 0, CLI_FLAG, OPT_HIDE_PREFIX, OUTPUT, NULL, NULL),
  OWN ("hide-all", 0, CLI_FLAG, OPT_HIDE_ALL, OUTPUT, NULL, NULL),
  OWN ("output-file", 0, CLI_VALUE, OPT_OUTPUT_FILE, OUTPUT, "FILE",
       "write to FILE what would go to standard output and error"),
  OWN ("exit-style", 0, CLI_VALUE, OPT_EXIT_STYLE, OUTPUT, "swaks|sysexits", "which numbers the exit status uses"),
};

static const CliOption plugins_rows[] = {
  OWN ("load", 0, CLI_BOOLEAN, OPT_LOAD, OUTPUT, NULL, "show: load the plugin to see that it works (--no-load: do not)"),
  OWN ("exists", 0, CLI_VALUE, OPT_EXISTS, OUTPUT, "NAME",
       "print nothing; exit status 0 when there is a usable plugin of that name, else 1"),
};

static const CliOption auth_rows[] = {
  OWN ("offered", 0, CLI_VALUE, OPT_OFFERED, AUTH, "MECHANISMS",
       "what the server offers: names, or the line of its EHLO reply; may be repeated"),
  OWN ("user", 'u', CLI_VALUE, OPT_USER, AUTH, "NAME", "who authenticates; --no-user: nobody, and no password"),
  OWN ("have-password", 0, CLI_BOOLEAN, OPT_HAVE_PASSWORD, AUTH, NULL, "suppose a password (the default)"),
  OWN ("have-token", 0, CLI_BOOLEAN, OPT_HAVE_TOKEN, AUTH, NULL, "suppose a bearer token"),
  { "allow-cleartext-auth", 0, CLI_BOOLEAN, OPT_LIBRARY, "insecure-cleartext-auth", NULL, NULL, AUTH, NULL,
    "send the password even where others can read it" },
  OWN ("tls", 0, CLI_BOOLEAN, OPT_TLS_STATE, TLS, NULL,
       "suppose TLS with a verified certificate (the default); --no-tls: none"),
  OWN ("tls-unverified", 0, CLI_FLAG, OPT_TLS_UNVERIFIED, TLS, NULL, "suppose TLS with a certificate that was not verified"),
  OWN ("client-cert", 0, CLI_BOOLEAN, OPT_CLIENT_CERT, TLS, NULL, "suppose that a client certificate was sent"),
  OWN ("binding", 0, CLI_BOOLEAN, OPT_BINDING, TLS, NULL, "suppose that the TLS session can be bound to (the default)"),
};

/* What of the library's options has a say in the choice of a mechanism. */
static const char *const auth_library[]
    = { "auth", "no-auth", "no-historic-auth", "auth-min-strength", "authzid", "realm", "insecure-cleartext-auth", NULL };

/* Headings of the library's own rows; what is not here stands under "More". */
static const struct
{
  const char *group;
  const char *names;
} placed[] = {
  { SERVERS, "client|family|local-address|connect-timeout|tls-timeout|deadline" },
  { TLS, "transport|ca-file|ca-dir|cert-file|key-file|verify-name|pins|tlsa|tls-min|tls-priority|insecure|tlspolicy|usetls|"
         "tlsimport" },
  { AUTH, "auth|no-auth|no-historic-auth|auth-fallback|auth-optional|auth-min-strength|authzid|realm|insecure-cleartext-auth" },
  { ENVELOPE, "at-least-one|originator|recipients|header|bcc|empty-bcc|default-domain" },
};

/* Names of the library that mean something else on this command line, or that have a flag of their own. */
static const struct
{
  const char *library;
  const char *flag;
} renamed[] = {
  { "bcc", "bcc-mode" },
};

/* Other words for values of the library's options. */
static const struct
{
  const char *library;
  const char *given;
  const char *meant;
} synonyms[] = { { "tls", "none", "never" },
                 { "tls", "optional", "opportunistic" },
                 { "tls", "off", "never" },
                 { "auth-fallback", "never", "stop" },
                 { "auth-fallback", "any", "next" } };

/* Headings in help, in order. */
static const char *const groups[] = { "Load", SERVERS, TLS, AUTH, ENVELOPE, COMPOSE, MORE, OUTPUT, NULL };

static void
add_rows (GPtrArray *options, const CliOption *rows, gsize count)
{
  for (gsize i = 0; i < count; i++)
    g_ptr_array_add (options, (gpointer) &rows[i]);
}

/* Asked for each option of the library at every start: the first letter spares nearly all of the calls. */
gboolean
options_have (GPtrArray *options, const char *name)
{
  for (guint i = 0; i < options->len; i++)
    {
      const char *other = ((const CliOption *) options->pdata[i])->name;
      if (*other == *name && strcmp (other, name) == 0)
        return TRUE;
    }
  return FALSE;
}

static const char *
group_of (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (placed); i++)
    {
      g_auto (GStrv) names = g_strsplit (placed[i].names, "|", -1);
      if (g_strv_contains ((const char *const *) names, name))
        return placed[i].group;
    }
  return MORE;
}

static const char *
flag_of (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (renamed); i++)
    if (strcmp (renamed[i].library, name) == 0)
      return renamed[i].flag;
  return name;
}

static CliKind
kind_of (VeredaOptionType type)
{
  switch (type)
    {
    case VEREDA_OPTION_BOOLEAN:
      return CLI_BOOLEAN;
    case VEREDA_OPTION_SECRET:
      return CLI_SECRET;
    default:
      return CLI_VALUE;
    }
}

static const char *
argument_of (const VeredaOptionInfo *info)
{
  return info->choices != NULL ? info->choices : info->argument;
}

static const VeredaOptionInfo *
library_info (const char *name)
{
  for (guint i = 0; i < vereda_option_count (); i++)
    if (strcmp (vereda_option_at (i)->name, name) == 0)
      return vereda_option_at (i);
  return NULL;
}

/* TRUE when help shows a row of the tool that sets the same option to a value of the user's. */
static gboolean
is_listed (GPtrArray *options, const char *library)
{
  for (guint i = 0; i < options->len; i++)
    {
      const CliOption *option = options->pdata[i];

      if (option->help != NULL && option->kind != CLI_FLAG && g_strcmp0 (option->library, library) == 0)
        return TRUE;
    }
  return FALSE;
}

/* @p only: NULL-ended, or NULL for all.  What only help wants to know is left out: see options_complete(). */
static void
add_library_rows (GPtrArray *options, const char *const *only)
{
  const guint count = vereda_option_count ();
  CliOption *rows = g_new0 (CliOption, count);
  guint n = 0;

  for (guint i = 0; i < count; i++)
    {
      const VeredaOptionInfo *info = vereda_option_at (i);
      const char *flag = flag_of (info->name);

      if (options_have (options, flag) || (only != NULL && !g_strv_contains (only, info->name)))
        continue;
      CliOption *row = &rows[n++];
      row->name = flag;
      row->kind = kind_of (info->type);
      row->id = OPT_LIBRARY;
      row->library = info->name;
      row->argument = argument_of (info);
      g_ptr_array_add (options, row);
    }
}

/* Gives the library's rows their headings and their help; every other row has a heading from the start. */
void
options_complete (GPtrArray *options)
{
  for (guint i = 0; i < options->len; i++)
    {
      CliOption *row = options->pdata[i];

      if (row->group != NULL)
        continue;
      row->group = group_of (row->library);
      row->help = is_listed (options, row->library) ? NULL : library_info (row->library)->help;
    }
}

void
options_print_help (GPtrArray *options)
{
  options_complete (options);
  cli_print_help (options, groups);
}

GPtrArray *
options_for_globals (void)
{
  GPtrArray *options = g_ptr_array_new ();

  add_rows (options, globals, G_N_ELEMENTS (globals));
  return options;
}

GPtrArray *
options_for_send (void)
{
  /* Made once: its rows must outlive every parse. */
  static GPtrArray *options;

  if (options == NULL)
    {
      options = options_for_globals ();
      add_rows (options, send_rows, G_N_ELEMENTS (send_rows));
      add_library_rows (options, NULL);
    }
  return g_ptr_array_ref (options);
}

GPtrArray *
options_for_plugins (void)
{
  GPtrArray *options = options_for_globals ();

  add_rows (options, plugins_rows, G_N_ELEMENTS (plugins_rows));
  return options;
}

GPtrArray *
options_for_auth (void)
{
  static GPtrArray *options; /* as above */

  if (options == NULL)
    {
      options = options_for_globals ();
      add_rows (options, auth_rows, G_N_ELEMENTS (auth_rows));
      add_library_rows (options, auth_library);
    }
  return g_ptr_array_ref (options);
}

void
options_name_flag (const char *flag, const char *name, GError **error)
{
  if (error == NULL || *error == NULL)
    return;
  g_autofree char *words = g_strdup_printf ("option %s", name);
  const char *text = (*error)->message;
  const gsize length = strlen (words);

  /* The library names its option, the user typed a flag: one name is enough. */
  if (g_str_has_prefix (text, words) && (text[length] == ':' || text[length] == ',') && text[length + 1] == ' ')
    text += length + 2;
  char *message = g_strdup_printf ("%s: %s", flag, text);
  g_free ((*error)->message);
  (*error)->message = message;
}

gboolean
options_set (VeredaOptions *options, const char *flag, const char *name, const char *value, GError **error)
{
  if (vereda_options_set (options, name, value, error))
    return TRUE;
  options_name_flag (flag, name, error);
  return FALSE;
}

gboolean
options_grows (const CliOption *option)
{
  static const int ids[] = { OPT_TO, OPT_CC, OPT_BCC, OPT_ATTACH, OPT_ATTACH_TYPE, OPT_ATTACH_NAME };
  const VeredaOptionInfo *info = option->library != NULL ? library_info (option->library) : NULL;

  for (guint i = 0; i < G_N_ELEMENTS (ids); i++)
    if (option->id == ids[i])
      return TRUE;
  return info != NULL
         && (info->type == VEREDA_OPTION_LIST || info->type == VEREDA_OPTION_HEADER || strcmp (info->name, "recipients") == 0);
}

gboolean
options_is_null_path (const char *value)
{
  g_autofree char *word = g_strstrip (g_strdup (value));

  return *word == '\0' || strcmp (word, "<>") == 0;
}

static gboolean
apply (VeredaOptions *options, const CliSetting *setting, GError **error)
{
  const char *name = setting->option->library;
  const VeredaOptionInfo *info = library_info (name);
  g_autofree char *flag = g_strconcat (setting->negated ? "--no-" : "--", setting->option->name, NULL);
  g_autofree char *joined = NULL;
  g_autofree char *socket = NULL;
  const char *value = setting->value;

  if (setting->negated)
    return options_set (options, flag, name, info != NULL && info->type == VEREDA_OPTION_BOOLEAN ? "no" : NULL, error);
  for (guint i = 0; i < G_N_ELEMENTS (synonyms); i++)
    if (strcmp (name, synonyms[i].library) == 0 && strcmp (value, synonyms[i].given) == 0)
      value = synonyms[i].meant;
  if (strcmp (setting->option->name, "socket") == 0)
    value = socket = g_strconcat ("unix:", value, NULL);
  if (strcmp (name, "originator") == 0 && options_is_null_path (value))
    value = "";
  if (options_grows (setting->option) && (info == NULL || info->type != VEREDA_OPTION_HEADER)
      && vereda_options_is_set (options, name))
    value = joined = g_strconcat (vereda_options_get (options, name), ",", value, NULL);
  return options_set (options, flag, name, value, error);
}

gboolean
options_apply (VeredaOptions *options, const CliSetting *setting, GError **error)
{
  if (apply (options, setting, error))
    return TRUE;
  if (setting->origin != NULL)
    g_prefix_error (error, "%s: ", setting->origin);
  return FALSE;
}

gboolean
options_set_all_timeouts (VeredaOptions *options, const char *value, GError **error)
{
  for (guint i = 0; i < vereda_option_count (); i++)
    {
      const char *name = vereda_option_at (i)->name;

      /* The reply to QUIT changes nothing any more: nobody wants to wait for it longer than by default. */
      if (strcmp (name, "timeout-quit") == 0)
        continue;
      if (g_str_has_prefix (name, "timeout-") || g_str_has_suffix (name, "-timeout"))
        if (!options_set (options, "--timeout", name, value, error))
          return FALSE;
    }
  return TRUE;
}

void
options_hide_secrets (const CliLine *line)
{
  for (guint i = 0; i < line->settings->len; i++)
    {
      const CliSetting *setting = &g_array_index (line->settings, CliSetting, i);

      /* The value lies in argv, which is ours to write to (C11 5.1.2.2.1). */
      if (setting->option->kind == CLI_SECRET && setting->value != NULL)
        memset ((char *) (gpointer) setting->value, '*', strlen (setting->value));
    }
}

static const char *const yes_words[] = { "1", "true", "yes", "on", NULL };
static const char *const no_words[] = { "0", "false", "no", "off", NULL };

gboolean
options_is_true (VeredaOptions *options, const char *name)
{
  const char *value = vereda_options_get (options, name);
  g_autofree char *word = value != NULL ? g_ascii_strdown (value, -1) : NULL;

  return word != NULL && g_strv_contains (yes_words, word);
}

gboolean
options_boolean (const CliSetting *setting, gboolean *ret_value, GError **error)
{
  if (setting == NULL)
    return TRUE;
  g_autofree char *word = g_ascii_strdown (setting->value != NULL ? setting->value : "no", -1);
  if (setting->negated || g_strv_contains (no_words, word))
    *ret_value = FALSE;
  else if (g_strv_contains (yes_words, word))
    *ret_value = TRUE;
  else
    {
      g_autofree char *shown = text_escape (setting->value);
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--%s: '%s' is neither yes nor no", setting->option->name, shown);
      return FALSE;
    }
  return TRUE;
}
