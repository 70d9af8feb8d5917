/* SPDX-License-Identifier: MIT */
/* config - see config.h. */
#include "config.h"
#include "options.h"
#include "text.h"
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX          "SMTP_TOOL_"
#define SECTION         "default"
#define PROFILE         "profile "
#define SIZE_MAX_OCTETS (256 * 1024)

/* Variables of that prefix which are no options. */
static const char *const reserved[] = { "EXECDIR", "CONFIG", "PROFILE", NULL };

extern char **environ;

/* ---- what an option means ---- */

static gboolean
is_source (const CliOption *option)
{
  static const int sources[]
      = { OPT_PASSWORD, OPT_PASSWORD_FILE, OPT_PASSWORD_FD, OPT_PASSWORD_ENV, OPT_PASSWORD_COMMAND, OPT_NETRC, OPT_KEYRING };

  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    if (option->id == sources[i])
      return TRUE;
  return FALSE;
}

static gboolean
is_library (const CliOption *option, const char *name)
{
  return g_strcmp0 (option->library, name) == 0;
}

static gboolean
is_trust (const CliOption *option)
{
  return option->id == OPT_CA_PATH || is_library (option, "ca-file") || is_library (option, "ca-dir");
}

/* The one takes the place of the other. */
static gboolean
same_meaning (const CliOption *a, const CliOption *b)
{
  if (is_source (a) || is_trust (a))
    return is_source (a) == is_source (b) && is_trust (a) == is_trust (b);
  if (a->id != b->id)
    return FALSE;
  return a->id == OPT_LIBRARY ? is_library (b, a->library) : TRUE;
}

/* Says who one is to a server. */
static gboolean
is_credential (const CliOption *option)
{
  static const char *const names[] = { "authzid", "realm", "cert-file", "key-file", NULL };

  return option->id == OPT_USER || is_source (option) || (option->library != NULL && g_strv_contains (names, option->library));
}

static gboolean
may_stand_below (const CliOption *option)
{
  static const int ids[] = { OPT_HELP,       OPT_VERSION,    OPT_CONFIG,          OPT_PROFILE, OPT_IGNORED, OPT_SHOW_SECRETS,
                             OPT_QUIT_AFTER, OPT_DROP_AFTER, OPT_DROP_AFTER_SEND, OPT_DUMP,    OPT_SUPPORT };

  for (guint i = 0; i < G_N_ELEMENTS (ids); i++)
    if (option->id == ids[i])
      return FALSE;
  return TRUE;
}

static const CliOption *
find_option (GPtrArray *options, const char *name)
{
  for (guint i = 0; i < options->len; i++)
    if (strcmp (((const CliOption *) options->pdata[i])->name, name) == 0)
      return may_stand_below (options->pdata[i]) ? options->pdata[i] : NULL;
  return NULL;
}

/* ---- rows ---- */

static void
row_free (gpointer data)
{
  ConfigRow *row = data;

  g_free (row->value);
  g_free (row->origin);
  g_free (row);
}

/* As the command line would read NAME=VALUE; yes or no for what takes no value there. */
static gboolean
add_row (Config *config, ConfigLayer layer, const CliOption *option, const char *value, const char *origin, GError **error)
{
  ConfigRow *row = g_new0 (ConfigRow, 1);

  g_ptr_array_add (config->rows, row);
  row->layer = layer;
  row->value = g_strdup (value);
  row->origin = g_strdup (origin);
  row->setting = (CliSetting){ option, row->value, FALSE, row->origin };
  if (option->kind != CLI_FLAG)
    return TRUE;
  gboolean yes = FALSE;
  if (!options_boolean (&row->setting, &yes, error))
    {
      g_prefix_error (error, "%s: ", origin);
      return FALSE;
    }
  row->setting.negated = !yes;
  row->setting.value = yes ? option->value : NULL;
  return TRUE;
}

/* ---- the file ---- */

static gboolean
check_owner (int fd, const char *path, GError **error)
{
  struct stat st;

  if (fstat (fd, &st) != 0)
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_FILE, "%s: %s", path, g_strerror (errno));
      return FALSE;
    }
  if (S_ISREG (st.st_mode) && ((st.st_uid != geteuid () && st.st_uid != 0) || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0))
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_FILE,
                   "%s: others can write to it, and it names commands to run: chmod go-w, or chown, or --no-config", path);
      return FALSE;
    }
  return TRUE;
}

/* FALSE: an error.  No file is no error, unless somebody named it: then *ret_text is NULL. */
static gboolean
read_file (const char *path, gboolean named, char **ret_text, gsize *ret_size, gboolean *ret_private, GError **error)
{
  const int fd = open (path, O_RDONLY | O_CLOEXEC);
  g_autoptr (GString) text = g_string_new (NULL);
  char block[4096];
  ssize_t n = 0;
  struct stat st;

  *ret_text = NULL;
  if (fd < 0 && !named && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
    return TRUE;
  if (fd < 0)
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_FILE, "%s: %s", path, g_strerror (errno));
      return FALSE;
    }
  gboolean fine = check_owner (fd, path, error);
  *ret_private = fstat (fd, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) == 0;
  while (fine && text->len <= SIZE_MAX_OCTETS && (n = read (fd, block, sizeof block)) > 0)
    g_string_append_len (text, block, n);
  if (fine && (n < 0 || text->len > SIZE_MAX_OCTETS))
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_FILE, "%s: %s", path, n < 0 ? g_strerror (errno) : "too large");
      fine = FALSE;
    }
  (void) close (fd);
  if (!fine)
    return FALSE;
  *ret_size = text->len;
  *ret_text = g_string_free (g_steal_pointer (&text), FALSE);
  return TRUE;
}

/* GKeyFile's errors are the user's. */
static gboolean
wrong_text (const Config *config, GError *cause, GError **error)
{
  g_autofree char *text = text_one_line (cause->message);

  g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "%s: %s", config->file, text);
  g_error_free (cause);
  return FALSE;
}

/* Keys that nobody may read but the owner stay out of a file that others can read. */
static gboolean
read_key (Config *config, GPtrArray *options, GKeyFile *file, gboolean is_private, ConfigLayer layer, const char *section,
          const char *key, GError **error)
{
  const CliOption *option = find_option (options, key);
  g_autofree char *origin = g_strdup_printf ("[%s] of %s", section, config->file);
  g_autofree char *shown = text_escape (key);
  GError *cause = NULL;
  g_autofree char *value = g_key_file_get_string (file, section, key, &cause);

  if (cause != NULL)
    return wrong_text (config, cause, error);
  if (option == NULL)
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "%s: '%s' is not an option that can stand here", origin, shown);
      return FALSE;
    }
  if (option->kind == CLI_SECRET && !is_private)
    {
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_FILE,
                   "%s: %s: others can read the file: chmod 600 %s, or use password-command", origin, shown, config->file);
      return FALSE;
    }
  return add_row (config, layer, option, value, origin, error);
}

static gboolean
read_section (Config *config, GPtrArray *options, GKeyFile *file, gboolean is_private, ConfigLayer layer, const char *section,
              GError **error)
{
  g_auto (GStrv) keys = g_key_file_get_keys (file, section, NULL, NULL);

  for (char **key = keys; key != NULL && *key != NULL; key++)
    if (!read_key (config, options, file, is_private, layer, section, *key, error))
      return FALSE;
  return TRUE;
}

static gboolean
list_profiles (Config *config, GKeyFile *file, GError **error)
{
  g_auto (GStrv) sections = g_key_file_get_groups (file, NULL);
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();

  for (char **section = sections; *section != NULL; section++)
    if (g_str_has_prefix (*section, PROFILE))
      g_strv_builder_add (names, *section + strlen (PROFILE));
    else if (strcmp (*section, SECTION) != 0)
      {
        g_autofree char *shown = text_escape (*section);
        g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "%s: [%s] is neither [" SECTION "] nor [" PROFILE "NAME]",
                     config->file, shown);
        return FALSE;
      }
  g_strfreev (config->profiles);
  config->profiles = g_strv_builder_end (names);
  return TRUE;
}

static gboolean
no_such_profile (const Config *config, GError **error)
{
  g_autofree char *shown = text_escape (config->profile);
  g_autofree char *list = g_strjoinv (", ", config->profiles);

  if (!config->exists)
    g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "profile '%s': there is no configuration file%s%s", shown,
                 config->file != NULL ? " " : "", config->file != NULL ? config->file : "");
  else
    g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "profile '%s' is not in %s%s%s", shown, config->file,
                 *list != '\0' ? ", which has: " : "", list);
  return FALSE;
}

static gboolean
read_sections (Config *config, GPtrArray *options, gboolean named, GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autofree char *text = NULL;
  g_autofree char *section = config->profile != NULL ? g_strconcat (PROFILE, config->profile, NULL) : NULL;
  gboolean is_private = FALSE;
  gsize size = 0;

  if (config->file != NULL && !read_file (config->file, named, &text, &size, &is_private, error))
    return FALSE;
  config->exists = text != NULL;
  if (text == NULL)
    return config->profile == NULL || no_such_profile (config, error);
  GError *cause = NULL;
  if (size > 0 && !g_key_file_load_from_data (file, text, size, G_KEY_FILE_NONE, &cause))
    return wrong_text (config, cause, error);
  if (!list_profiles (config, file, error) || !read_section (config, options, file, is_private, CONFIG_DEFAULT, SECTION, error))
    return FALSE;
  if (section == NULL)
    return TRUE;
  if (!g_key_file_has_group (file, section))
    return no_such_profile (config, error);
  return read_section (config, options, file, is_private, CONFIG_PROFILE, section, error);
}

/* ---- the environment ---- */

/* The programs that we run need not know them. */
static void
forget_secrets (const Config *config)
{
  for (guint i = 0; i < config->rows->len; i++)
    {
      const ConfigRow *row = config->rows->pdata[i];
      if (row->layer == CONFIG_ENVIRONMENT && row->setting.option->kind == CLI_SECRET)
        (void) unsetenv (strchr (row->origin, ' ') + 1);
    }
}

static gboolean
read_environment (Config *config, GPtrArray *options, GError **error)
{
  g_autoptr (GStrvBuilder) unknown = g_strv_builder_new ();

  for (char **variable = environ; variable != NULL && *variable != NULL; variable++)
    {
      const char *equals = strchr (*variable, '=');

      if (equals == NULL || strncmp (*variable, PREFIX, strlen (PREFIX)) != 0)
        continue;
      g_autofree char *whole = g_strndup (*variable, (gsize) (equals - *variable));
      const char *rest = whole + strlen (PREFIX);
      if (g_strv_contains (reserved, rest))
        continue;
      g_autofree char *name = g_strdelimit (g_ascii_strdown (rest, -1), "_", '-');
      g_autofree char *origin = g_strconcat ("variable ", whole, NULL);
      const CliOption *option = find_option (options, name);
      if (option == NULL)
        g_strv_builder_add (unknown, whole);
      else if (!add_row (config, CONFIG_ENVIRONMENT, option, equals + 1, origin, error))
        return FALSE;
    }
  config->unknown = g_strv_builder_end (unknown);
  forget_secrets (config);
  return TRUE;
}

/* ---- who wins ---- */

static int
layer_of (const Config *config, const char *library)
{
  int layer = -1;

  for (guint i = 0; i < config->rows->len; i++)
    {
      const ConfigRow *row = config->rows->pdata[i];
      if (row->why == NULL && is_library (row->setting.option, library))
        layer = MAX (layer, (int) row->layer);
    }
  return layer;
}

static gboolean
has_servers (const Config *config, ConfigLayer layer)
{
  for (guint i = 0; i < config->rows->len; i++)
    {
      const ConfigRow *row = config->rows->pdata[i];
      if (row->layer == layer && is_library (row->setting.option, "servers"))
        return TRUE;
    }
  return FALSE;
}

static gboolean
is_topped (const Config *config, const ConfigRow *row)
{
  for (guint i = 0; i < config->rows->len; i++)
    {
      const ConfigRow *other = config->rows->pdata[i];
      if (other->layer > row->layer && same_meaning (row->setting.option, other->setting.option))
        return TRUE;
    }
  return FALSE;
}

static void
judge (Config *config)
{
  for (guint i = 0; i < config->rows->len; i++)
    {
      ConfigRow *row = config->rows->pdata[i];
      if (is_topped (config, row))
        row->why = "said again above";
    }
  const int servers = layer_of (config, "servers");
  for (guint i = 0; i < config->rows->len; i++)
    {
      ConfigRow *row = config->rows->pdata[i];
      const CliOption *option = row->setting.option;
      const gboolean bound = is_credential (option) && row->layer <= CONFIG_PROFILE;

      if (row->why == NULL && (int) row->layer < servers && has_servers (config, row->layer)
          && (bound || is_library (option, "ports") || is_library (option, "verify-name")))
        row->why = "it belongs to the server that stands beside it, which is not used";
    }
}

/* ---- together ---- */

/* The file to read; *ret_named: somebody asked for it. */
static char *
find_file (const CliLine *line, gboolean *ret_named)
{
  const CliSetting *setting = cli_last (line, OPT_CONFIG);
  const char *variable = getenv (PREFIX "CONFIG");

  *ret_named = TRUE;
  if (setting != NULL)
    return setting->negated ? NULL : g_strdup (setting->value);
  if (variable != NULL && *variable != '\0')
    return g_strdup (variable);
  *ret_named = FALSE;
  /* As the XDG Base Directory Specification has it: a path that is not absolute does not count. */
  const char *folder = getenv ("XDG_CONFIG_HOME");
  if (folder != NULL && g_path_is_absolute (folder))
    return g_build_filename (folder, "smtp-tool", "config", NULL);
  const char *home = getenv ("HOME");
  return home != NULL && g_path_is_absolute (home) ? g_build_filename (home, ".config", "smtp-tool", "config", NULL) : NULL;
}

static char *
find_profile (const CliLine *line)
{
  const CliSetting *setting = cli_last (line, OPT_PROFILE);
  const CliSetting *config = cli_last (line, OPT_CONFIG);
  const char *variable = getenv (PREFIX "PROFILE");

  if (setting != NULL)
    return setting->negated ? NULL : g_strdup (setting->value);
  if (config != NULL && config->negated)
    return NULL;
  return variable != NULL && *variable != '\0' ? g_strdup (variable) : NULL;
}

Config *
config_read (const CliLine *line, GError **error)
{
  g_autoptr (GPtrArray) options = options_for_send ();
  g_autoptr (Config) config = g_new0 (Config, 1);
  gboolean named;

  config->rows = g_ptr_array_new_with_free_func (row_free);
  config->profiles = g_new0 (char *, 1);
  config->file = find_file (line, &named);
  config->profile = find_profile (line);
  if (!read_sections (config, options, named, error) || !read_environment (config, options, error))
    return NULL;
  for (guint i = 0; i < line->settings->len; i++)
    {
      if (g_array_index (line->settings, CliSetting, i).option->id == OPT_DUMP) /* asks for this and is no setting */
        continue;
      ConfigRow *row = g_new0 (ConfigRow, 1);
      row->layer = CONFIG_LINE;
      row->setting = g_array_index (line->settings, CliSetting, i);
      g_ptr_array_add (config->rows, row);
    }
  judge (config);
  return g_steal_pointer (&config);
}

void
config_free (Config *config)
{
  if (config == NULL)
    return;
  g_clear_pointer (&config->rows, g_ptr_array_unref);
  g_free (config->file);
  g_free (config->profile);
  g_strfreev (config->profiles);
  g_strfreev (config->unknown);
  g_free (config);
}

/* The command's own row, which need not be that of `send`. */
static const CliOption *
own_row (GPtrArray *options, const CliOption *option)
{
  for (guint i = 0; i < options->len; i++)
    {
      const CliOption *own = options->pdata[i];
      if (own == option
          || (own->id == option->id && own->kind == option->kind && strcmp (own->name, option->name) == 0
              && g_strcmp0 (own->library, option->library) == 0))
        return own;
    }
  return NULL;
}

gboolean
config_underlay (CliLine *line, GPtrArray *options, GError **error)
{
  Config *config = config_read (line, error);

  if (config == NULL)
    return FALSE;
  g_autoptr (GArray) below = g_array_new (FALSE, FALSE, sizeof (CliSetting));
  for (guint i = 0; i < config->rows->len; i++)
    {
      const ConfigRow *row = config->rows->pdata[i];
      CliSetting setting = row->setting;

      if (row->layer == CONFIG_LINE || row->why != NULL || (setting.option = own_row (options, setting.option)) == NULL)
        continue;
      g_array_append_val (below, setting);
    }
  g_array_prepend_vals (line->settings, below->data, below->len);
  line->below = config; /* the settings refer to its strings */
  line->below_free = (GDestroyNotify) config_free;
  return TRUE;
}
