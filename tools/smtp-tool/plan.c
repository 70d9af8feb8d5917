/* SPDX-License-Identifier: MIT */
/* plan - see plan.h. */
#include "plan.h"
#include "compose-client.h"
#include "options.h"
#include "secret.h"
#include "spool.h"
#include "swaks.h"
#include "tool.h"
#include "transcript.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
item_free (gpointer data)
{
  Item *item = data;

  vereda_message_unref (item->message);
  vereda_result_unref (item->result);
  g_clear_error (&item->error);
  if (item->fd >= 0)
    close (item->fd);
  g_free (item->file);
  g_free (item);
}

char *
item_name (const Item *item)
{
  if (item->file == NULL)
    return g_strdup ("(composed)");
  return strcmp (item->file, "-") == 0 ? g_strdup ("(standard input)") : text_escape (item->file);
}

Plan *
plan_new (void)
{
  Plan *plan = g_new0 (Plan, 1);

  plan->options = vereda_options_new ();
  plan->items = g_ptr_array_new_with_free_func (item_free);
  plan->warnings = g_ptr_array_new_with_free_func (g_free);
  return plan;
}

void
plan_free (Plan *plan)
{
  if (plan == NULL)
    return;
  vereda_options_free (plan->options);
  provider_free (plan->provider);
  g_ptr_array_unref (plan->items);
  g_ptr_array_unref (plan->warnings);
  g_free (plan);
}

gboolean
plan_read_word (const CliLine *line, int id, const char *const *words, guint *ret_index, GError **error)
{
  const CliSetting *setting = cli_last (line, id);

  if (setting == NULL || setting->negated)
    return TRUE;
  for (guint i = 0; words[i] != NULL; i++)
    if (strcmp (words[i], setting->value) == 0)
      {
        *ret_index = i;
        return TRUE;
      }
  g_autofree char *shown = text_escape (setting->value);
  g_autofree char *list = g_strjoinv ("|", (char **) words);
  g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--%s: '%s' is not one of %s", setting->option->name, shown, list);
  return FALSE;
}

void
plan_read_output (Plan *plan, const CliLine *line, GError **error)
{
  static const char *const formats[] = { "human", "json", NULL };
  static const char *const colours[] = { "auto", "always", "never", NULL };
  static const char *const redactions[] = { "secrets", "addresses", "all", NULL };
  static const char *const styles[] = { "swaks", "sysexits", NULL };
  const CliSetting *quiet = cli_last (line, OPT_QUIET);
  const CliSetting *dry_run = cli_last (line, OPT_DRY_RUN);
  guint format = 0;
  guint colour = 0;
  guint style = 0;
  guint redact = 0;

  plan->verbosity = cli_count (line, OPT_VERBOSE);
  plan->verbose = plan->verbosity > 0;
  plan->quiet = quiet != NULL && !quiet->negated;
  plan->dry_run = dry_run != NULL && !dry_run->negated;
  if (plan_read_word (line, OPT_FORMAT, formats, &format, error) && plan_read_word (line, OPT_COLOR, colours, &colour, error)
      && plan_read_word (line, OPT_EXIT_STYLE, styles, &style, error)
      && plan_read_word (line, OPT_REDACT, redactions, &redact, error))
    {
      const CliSetting *color = cli_last (line, OPT_COLOR);
      plan->colour = color != NULL && color->negated ? TEXT_COLOUR_NEVER : (TextColour) colour;
    }
  gboolean progress = FALSE;
  if (cli_last (line, OPT_PROGRESS) != NULL && (error == NULL || *error == NULL)
      && options_boolean (cli_last (line, OPT_PROGRESS), &progress, error))
    plan->progress = progress ? PROGRESS_ALWAYS : PROGRESS_NEVER;
  plan->format = format == 1 ? FORMAT_JSON : FORMAT_HUMAN;
  plan->sysexits = style == 1;
  plan->redact = (RedactLevel) redact;
}

/* Every value of --to, --cc, --bcc as one list; NULL when there is none. */
static char *
join_values (const CliLine *line, int id)
{
  g_autoptr (GString) joined = g_string_new (NULL);

  for (guint i = 0; i < line->settings->len; i++)
    {
      const CliSetting *setting = &g_array_index (line->settings, CliSetting, i);

      if (setting->option->id != id)
        continue;
      if (setting->negated)
        g_string_truncate (joined, 0);
      else if (*setting->value != '\0')
        g_string_append_printf (joined, "%s%s", joined->len > 0 ? ", " : "", setting->value);
    }
  return joined->len > 0 ? g_strdup (joined->str) : NULL;
}

static gboolean
is_composing (const CliLine *line)
{
  return cli_given (line, OPT_SUBJECT) || cli_given (line, OPT_BODY) || cli_given (line, OPT_ATTACH);
}

static gboolean
read_number (const char *text, guint max, guint *ret_number)
{
  guint64 number;

  if (!g_ascii_string_to_unsigned (text, 10, 0, max, &number, NULL))
    return FALSE;
  *ret_number = (guint) number;
  return TRUE;
}

static Secret *
read_secret_fd (Plan *plan, const CliLine *line, const char *value, GError **error)
{
  guint fd;

  if (!read_number (value, 65535, &fd) || fd == STDOUT_FILENO || fd == STDERR_FILENO)
    {
      g_autofree char *shown = text_escape (value);
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--password-fd: '%s' is not the number of a descriptor to read from",
                   shown);
      return NULL;
    }
  const CliSetting *body = cli_last (line, OPT_BODY);
  gboolean stdin_taken = body != NULL && g_strcmp0 (body->value, "@-") == 0;
  for (guint i = 0; i < line->operands->len; i++)
    stdin_taken = stdin_taken || strcmp (line->operands->pdata[i], "-") == 0;
  if (fd == STDIN_FILENO && stdin_taken)
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--password-fd=0: standard input is the message already");
      return NULL;
    }
  return secret_from_fd ((int) fd, error);
}

/* The one source of the password that was named; NULL: none.  FALSE: two. */
static gboolean
find_source (const CliLine *line, const CliSetting **ret_source, GError **error)
{
  static const int sources[]
      = { OPT_PASSWORD, OPT_PASSWORD_FILE, OPT_PASSWORD_FD, OPT_PASSWORD_ENV, OPT_PASSWORD_COMMAND, OPT_NETRC, OPT_KEYRING };
  const CliSetting *source = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    {
      const CliSetting *setting = cli_last (line, sources[i]);

      if (setting == NULL || setting->negated)
        continue;
      if (source != NULL)
        {
          g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--%s and --%s: give one of them", source->option->name,
                       setting->option->name);
          return FALSE;
        }
      source = setting;
    }
  *ret_source = source;
  return TRUE;
}

static Secret *
read_secret (Plan *plan, const CliLine *line, const CliSetting *source, GError **error)
{
  switch (source->option->id)
    {
    case OPT_PASSWORD:
      if (source->origin == NULL)
        g_ptr_array_add (plan->warnings,
                         g_strdup_printf ("--%s: a password on the command line can be seen by other users and stays "
                                          "in the shell's history; use --password-file",
                                          source->option->name));
      return secret_from_text (source->value, error);
    case OPT_PASSWORD_FILE:
      if (secret_file_is_open (source->value))
        g_ptr_array_add (plan->warnings,
                         g_strdup ("--password-file: other users have access to the file; chmod 600 is advised"));
      return secret_from_file (source->value, error);
    case OPT_PASSWORD_FD:
      return read_secret_fd (plan, line, source->value, error);
    case OPT_PASSWORD_ENV:
      return secret_from_environment (source->value, error);
    case OPT_PASSWORD_COMMAND:
    default:
      return secret_from_command (source->value, error);
    }
}

/* The host of the first server, without what a URL or a port adds to it. */
static char *
first_server (const Plan *plan)
{
  const char *servers = vereda_options_get (plan->options, "servers");
  const char *at = servers != NULL ? servers : "";
  const char *scheme = strstr (at, "://");

  if (scheme != NULL && (gsize) (scheme - at) < strcspn (at, ","))
    at = scheme + 3;
  while (*at == ' ')
    at++;
  return *at == '[' ? g_strndup (at + 1, strcspn (at + 1, "],")) : g_strndup (at, strcspn (at, ":/, "));
}

/* Without any source: a client certificate may be all that is needed (EXTERNAL), else the terminal is asked. */
static gboolean
use_provider (Plan *plan, const CliSetting *source, const CliSetting *user, GError **error)
{
  const int id = source != NULL ? source->option->id : 0;
  const ProviderKind kind = id == OPT_NETRC ? PROVIDER_NETRC : id == OPT_KEYRING ? PROVIDER_KEYRING : PROVIDER_TERMINAL;
  g_autofree char *server = first_server (plan);
  g_autofree char *login = NULL;

  if (source == NULL && (plan->dry_run || vereda_options_is_set (plan->options, "cert-file")))
    return TRUE;
  if (source == NULL && !secret_can_ask ())
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE,
                   "--%s: no password was given, and there is no terminal to ask for it on", user->option->name);
      return FALSE;
    }
  plan->provider = provider_new (kind, id == OPT_NETRC ? source->value : NULL, plan->warnings);
  if (!provider_check (plan->provider, server, &login, error))
    return FALSE;
  provider_use (plan->provider, plan->options);
  if (user != NULL)
    return TRUE;
  if (login != NULL)
    return vereda_options_set_user (plan->options, login, error);
  g_autofree char *shown = text_escape (server);
  g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--netrc: there is no login for '%s'; give --user", shown);
  return FALSE;
}

static gboolean
read_credentials (Plan *plan, const CliLine *line, GError **error)
{
  const CliSetting *user = cli_last (line, OPT_USER);
  const CliSetting *source = NULL;

  if (user != NULL && user->negated)
    user = NULL;
  if (!find_source (line, &source, error))
    return FALSE;
  if (user == NULL && source == NULL)
    return TRUE;
  const gboolean asked = source == NULL || source->option->id == OPT_NETRC || source->option->id == OPT_KEYRING;
  if (user == NULL && source->option->id != OPT_NETRC)
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "a password was given, and no --user");
      return FALSE;
    }
  plan->wants_auth = TRUE;
  if (user != NULL && !vereda_options_set_user (plan->options, user->value, error))
    {
      g_autofree char *flag = g_strconcat ("--", user->option->name, NULL);
      options_name_flag (flag, "username", error);
      return FALSE;
    }
  if (asked)
    return use_provider (plan, source, user, error);
  g_autoptr (Secret) secret = read_secret (plan, line, source, error);
  if (secret == NULL)
    return FALSE;
  vereda_options_set_password_data (plan->options, secret->data, secret->size);
  return TRUE;
}

/* A directory or a file of trusted certificates, as curl and swaks take either. */
static gboolean
apply_ca_path (Plan *plan, const CliSetting *setting, GError **error)
{
  g_autofree char *flag = g_strconcat ("--", setting->option->name, NULL);
  struct stat st;

  if (setting->negated)
    return options_set (plan->options, flag, "ca-dir", NULL, error)
           && options_set (plan->options, flag, "ca-file", NULL, error);
  const gboolean is_dir = stat (setting->value, &st) == 0 && S_ISDIR (st.st_mode);
  return options_set (plan->options, flag, is_dir ? "ca-dir" : "ca-file", setting->value, error);
}

static gboolean
apply_settings (Plan *plan, const CliLine *line, GError **error)
{
  for (guint i = 0; i < line->settings->len; i++)
    {
      const CliSetting *setting = &g_array_index (line->settings, CliSetting, i);

      switch (setting->option->id)
        {
        case OPT_LIBRARY:
          if (!options_apply (plan->options, setting, error))
            return FALSE;
          break;
        case OPT_TIMEOUT:
          if (!options_set_all_timeouts (plan->options, setting->negated ? NULL : setting->value, error))
            return FALSE;
          break;
        case OPT_CA_PATH:
          if (!apply_ca_path (plan, setting, error))
            return FALSE;
          break;
        default:
          break;
        }
    }
  return TRUE;
}

/* A group without members ("undisclosed-recipients:;") names nobody, which is fine beside lists that do. */
static gboolean
check_list (Plan *plan, const char *flag, const char *list, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (options_set (plan->options, flag, "recipients", list, &local) || strstr (local->message, "holds no address") != NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* --to="$RCPT" with nothing in the variable must not become "to whom the header names". */
static gboolean
check_not_empty (const CliLine *line, GError **error)
{
  static const int ids[] = { OPT_TO, OPT_CC, OPT_BCC };

  for (guint i = 0; i < G_N_ELEMENTS (ids); i++)
    if (cli_given (line, ids[i]))
      {
        g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE,
                     "--%s: empty, so nobody is named; leave it out to send to those in the header",
                     cli_last (line, ids[i])->option->name);
        return FALSE;
      }
  return TRUE;
}

/* --from, --to, --cc, --bcc as the envelope, checked by the library's own address parser.  A composed message says the same in its
 * header, but for --bcc.  Where blind recipients get copies of their own the library must find them in the header: the composer writes a
 * Bcc field then, which never leaves this machine. */
static gboolean
apply_envelope (Plan *plan, const CliLine *line, GError **error)
{
  static const int ids[] = { OPT_TO, OPT_CC, OPT_BCC };
  static const char *const flags[] = { "--to", "--cc", "--bcc" };
  const CliSetting *from = cli_last (line, OPT_FROM);
  const gboolean composing = is_composing (line);
  const gboolean given = vereda_options_is_set (plan->options, "recipients");
  g_autofree char *recipients = g_strdup (given ? vereda_options_get (plan->options, "recipients") : NULL);
  g_autoptr (GString) all = g_string_new (NULL);

  if (from != NULL && !from->negated && !vereda_options_is_set (plan->options, "originator")
      && !options_set (plan->options, "--from", "originator", options_is_null_path (from->value) ? "" : from->value, error))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (ids); i++)
    {
      g_autofree char *list = join_values (line, ids[i]);

      /* Each by itself first, so that the error names the right flag. */
      if (list != NULL && !check_list (plan, flags[i], list, error))
        return FALSE;
      if (list != NULL)
        g_string_append_printf (all, "%s%s", all->len > 0 ? ", " : "", list);
    }
  if (all->len == 0)
    return check_not_empty (line, error);
  if (given && !composing)
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--recipients and --to, --cc, --bcc: give one of them");
      return FALSE;
    }
  if (given)
    return options_set (plan->options, "--recipients", "recipients", recipients, error);
  return options_set (plan->options, "--to", "recipients",
                      composing && compose_wants_bcc_field (plan->options) ? NULL : all->str, error);
}

/* What does not look like the name of a host or a user, and is one. */
static void
know_names (const Plan *plan, const CliLine *line)
{
  const char *servers = vereda_options_get (plan->options, "servers");
  g_auto (GStrv) list = g_strsplit (servers != NULL ? servers : "", ",", -1);

  redact_know (cli_value (line, OPT_USER), "user");
  redact_know (vereda_options_get (plan->options, "authzid"), "user");
  redact_know (vereda_options_get (plan->options, "client"), "host");
  redact_know (vereda_options_get (plan->options, "verify-name"), "host");
  for (char **server = list; *server != NULL; server++)
    {
      const char *scheme = strstr (*server, "://");
      const char *host = scheme != NULL ? scheme + 3 : *server;
      g_autofree char *name = g_strndup (host, strcspn (host, ":/"));
      redact_know (g_strstrip (name), "host");
    }
}

gboolean
plan_read_options (Plan *plan, const CliLine *line, GError **error)
{
  if (!options_boolean (cli_last (line, OPT_ALLOW_PARTIAL), &plan->allow_partial, error))
    return FALSE;
  if (!apply_settings (plan, line, error) || !swaks_protocol (plan, line, error) || !apply_envelope (plan, line, error)
      || !read_credentials (plan, line, error))
    return FALSE;
  if (options_is_true (plan->options, "insecure"))
    g_ptr_array_add (plan->warnings,
                     g_strdup ("--insecure: the server's certificate is not checked; anyone may be at the other end"));
  know_names (plan, line);
  return transcript_begin (plan, line, error);
}

static void
add_file (Plan *plan, const char *file)
{
  Item *item = g_new0 (Item, 1);
  const gboolean from_stdin = strcmp (file, "-") == 0;

  item->fd = -1;
  item->file = g_strdup (file);
  g_ptr_array_add (plan->items, item);
  if (!plan->dry_run)
    {
      item->message = from_stdin ? vereda_message_new_from_fd (STDIN_FILENO, FALSE, &item->error)
                                 : vereda_message_new_from_file (file, &item->error);
      return;
    }
  /* A dry run reads the octets twice, for the library and for the eyes: from a copy, as the source may be a pipe. */
  item->fd = from_stdin ? spool_from_fd (STDIN_FILENO, &item->error) : spool_from_file (file, &item->error);
  if (item->fd >= 0)
    item->message = spool_message (item->fd, &item->error);
}

/* --data. */
static void
add_template (Plan *plan, const CliLine *line, const char *value)
{
  g_autofree char *to = join_values (line, OPT_TO);
  const char *from = cli_value (line, OPT_FROM);
  Item *item = g_new0 (Item, 1);

  item->file
      = strchr (value, '\n') == NULL && strstr (value, "\\n") == NULL ? g_strdup (*value == '@' ? value + 1 : value) : NULL;
  g_ptr_array_add (plan->items, item);
  item->fd = swaks_data (value, from != NULL ? from : "", to != NULL ? to : "", &item->error);
  if (item->fd >= 0)
    item->message = spool_message (item->fd, &item->error);
}

static gboolean
add_composed (Plan *plan, const CliLine *line, GError **error)
{
  g_autofree char *to = join_values (line, OPT_TO);
  g_autofree char *cc = join_values (line, OPT_CC);
  g_autofree char *bcc = compose_wants_bcc_field (plan->options) ? join_values (line, OPT_BCC) : NULL;
  const int fd = compose_run (line, to, cc, bcc, error);

  if (fd < 0)
    return FALSE;
  Item *item = g_new0 (Item, 1);
  item->fd = fd;
  g_ptr_array_add (plan->items, item);
  item->message = spool_message (fd, &item->error);
  return TRUE;
}

gboolean
plan_read_messages (Plan *plan, const CliLine *line, GError **error)
{
  const CliSetting *data = cli_last (line, OPT_DATA);
  const gboolean composing = is_composing (line);
  guint from_stdin = 0;

  if (composing && (line->operands->len > 0 || data != NULL))
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE,
                   "FILE and --subject, --body, --attach: a message is read or composed, not both");
      return FALSE;
    }
  if (composing)
    return add_composed (plan, line, error);
  if (data != NULL && !data->negated)
    add_template (plan, line, data->value);
  if (line->operands->len == 0 && plan->items->len == 0)
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE,
                   "nothing to send: give a FILE, - for standard input, or --subject and --body");
      return FALSE;
    }
  from_stdin = data != NULL && !data->negated && (strcmp (data->value, "-") == 0 || strcmp (data->value, "@-") == 0) ? 1 : 0;
  for (guint i = 0; i < line->operands->len; i++)
    from_stdin += strcmp (line->operands->pdata[i], "-") == 0;
  if (from_stdin > 1)
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "standard input (-) can be read once only");
      return FALSE;
    }
  for (guint i = 0; i < line->operands->len; i++)
    add_file (plan, line->operands->pdata[i]);
  return TRUE;
}
