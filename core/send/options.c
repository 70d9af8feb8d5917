/* SPDX-License-Identifier: MIT */
/* options - setting and getting by name, from the table.  See options.h.
 *
 * Every failure leaves the options as they were. */
#include "core/send/options.h"

#include <string.h>

#include "core/base/error.h"
#include "core/net/target.h"
#include "core/send/options-check.h"

static void
header_option_free (gpointer data)
{
  VdHeaderOption *header = data;

  g_free (header->name);
  g_free (header->value);
  g_free (header);
}

/* No two are alike in a process. */
static guint64
next_serial (void)
{
  static gsize last; /* atomic: any thread */

  return (guint64) g_atomic_pointer_add (&last, 1) + 1;
}

VeredaOptions *
vereda_options_new (void)
{
  VeredaOptions *options = g_new0 (VeredaOptions, 1);

  options->serial = next_serial ();
  options->headers = g_ptr_array_new_with_free_func (header_option_free);
  return options;
}

VeredaOptions *
vereda_options_copy (VeredaOptions *options)
{
  VeredaOptions *copy = vereda_options_new ();
  GPtrArray *headers = copy->headers;

  *copy = *options;
  copy->headers = headers;
  for (guint i = 0; i < VD_OPTION_N; i++)
    copy->values[i] = g_strdup (options->values[i]);
  for (guint i = 0; i < options->headers->len; i++)
    {
      const VdHeaderOption *from = g_ptr_array_index (options->headers, i);
      VdHeaderOption *to = g_new0 (VdHeaderOption, 1);

      to->name = g_strdup (from->name);
      to->value = g_strdup (from->value);
      g_ptr_array_add (headers, to);
    }
  copy->password = options->password != NULL ? vd_secret_ref (options->password) : NULL;
  copy->token = options->token != NULL ? vd_secret_ref (options->token) : NULL;
  copy->registry = options->registry != NULL ? vereda_registry_ref (options->registry) : NULL;
  return copy;
}

void
vereda_options_free (VeredaOptions *options)
{
  if (options == NULL)
    return;
  for (guint i = 0; i < VD_OPTION_N; i++)
    g_free (options->values[i]);
  g_ptr_array_unref (options->headers);
  vd_secret_unref (options->password);
  vd_secret_unref (options->token);
  vereda_registry_unref (options->registry);
  g_free (options);
}

/* ---- the table, from outside ---- */

guint
vereda_option_count (void)
{
  return VD_OPTION_N;
}

const VeredaOptionInfo *
vereda_option_at (guint index)
{
  return index < VD_OPTION_N ? &vd_option_rows[index].info : NULL;
}

static const VdOptionRow *
find_row (const char *name)
{
  for (guint i = 0; i < VD_OPTION_N; i++)
    {
      const VeredaOptionInfo *info = &vd_option_rows[i].info;

      if (g_str_equal (info->name, name) || (info->seed != NULL && g_str_equal (info->seed, name)))
        return &vd_option_rows[i];
    }
  return NULL;
}

/* ---- values by type ---- */

static gboolean
parse_boolean (const char *value, gboolean *ret)
{
  static const char *const words[] = { "0", "1", "false", "true", "no", "yes", "off", "on" };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_ascii_strcasecmp (value, words[i]) == 0)
      {
        *ret = i % 2 == 1;
        return TRUE;
      }
  return FALSE;
}

static gboolean
parse_seconds (const char *value, gint64 *ret_us)
{
  char *end = NULL;
  double seconds;

  if (value[strspn (value, "0123456789.")] != '\0') /* neither 0x10 nor 1e3 nor inf */
    return FALSE;
  seconds = g_ascii_strtod (value, &end);
  if (end == value || *end != '\0' || !(seconds >= 0) || seconds > 86400 || (seconds > 0 && seconds < 0.001))
    return FALSE;
  *ret_us = (gint64) (seconds * G_USEC_PER_SEC);
  return TRUE;
}

static gint
find_choice (const char *choices, const char *value)
{
  gsize size = strlen (value);

  for (gint i = 0;; i++)
    {
      gsize length = strcspn (choices, "|");

      if (length == size && memcmp (choices, value, size) == 0)
        return i;
      if (choices[length] == '\0')
        return -1;
      choices += length + 1;
    }
}

static gboolean
check_type (const VeredaOptionInfo *info, const char *value, GError **error)
{
  gboolean flag;
  gint64 time;

  switch (info->type)
    {
    case VEREDA_OPTION_BOOLEAN:
      if (parse_boolean (value, &flag))
        return TRUE;
      g_set_error_literal (error, VEREDA_ERROR, VEREDA_ERROR_OPTION, "neither yes, true, on, 1 nor no, false, off, 0");
      return FALSE;
    case VEREDA_OPTION_SECONDS:
      if (parse_seconds (value, &time))
        return TRUE;
      g_set_error_literal (error, VEREDA_ERROR, VEREDA_ERROR_OPTION,
                           "not a number of seconds from 0.001 to 86400, nor 0 for the default");
      return FALSE;
    case VEREDA_OPTION_CHOICE:
      if (find_choice (info->choices, value) >= 0)
        return TRUE;
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION, "not one of %s", info->choices);
      return FALSE;
    case VEREDA_OPTION_STRING:
    case VEREDA_OPTION_LIST:
    case VEREDA_OPTION_HEADER:
    case VEREDA_OPTION_FILE:
    case VEREDA_OPTION_SECRET:
    default:
      return TRUE;
    }
}

/* ---- setting ---- */

static gboolean
set_header_line (VeredaOptions *options, const char *line, GError **error)
{
  const char *colon = strchr (line, ':');
  char *name;
  gboolean fine;

  if (colon == NULL)
    {
      g_set_error_literal (error, VEREDA_ERROR, VEREDA_ERROR_OPTION, "option header: there is no colon between name and value");
      return FALSE;
    }
  name = g_strndup (line, (gsize) (colon - line));
  for (colon++; *colon == ' ' || *colon == '\t'; colon++)
    ;
  fine = vereda_options_add_header (options, name, colon, error);
  g_free (name);
  return fine;
}

gboolean
vereda_options_add_header (VeredaOptions *options, const char *name, const char *value, GError **error)
{
  VdHeaderOption *header;

  if (!vd_header_option_check (name, value, error))
    {
      vd_error_prefix (error, "option header");
      return FALSE;
    }
  header = g_new0 (VdHeaderOption, 1);
  header->name = g_strdup (name);
  header->value = g_strdup (value);
  g_ptr_array_add (options->headers, header);
  options->serial = next_serial ();
  return TRUE;
}

/* What the seed's two TLS switches come to, as a value of `tls`; NULL: they say nothing.  With tlsimport there is TLS whatever usetls says. */
static const char *
seed_tls (const VeredaOptions *options)
{
  if (vd_options_bool (options, VD_OPTION_TLSIMPORT))
    return "implicit";
  if (options->values[VD_OPTION_USETLS] == NULL)
    return NULL;
  return vd_options_bool (options, VD_OPTION_USETLS) ? "opportunistic" : "never";
}

/* The seed's switches are other words for `tls`: the last word stands. */
static void
set_value (VeredaOptions *options, VdOptionId id, const char *value)
{
  const char *before = seed_tls (options), *after;
  gboolean speaks;

  options->serial = next_serial ();
  g_free (options->values[id]);
  options->values[id] = g_strdup (value);
  if (id != VD_OPTION_USETLS && id != VD_OPTION_TLSIMPORT)
    return;
  after = seed_tls (options);
  speaks = id == VD_OPTION_USETLS ? value != NULL : vd_options_bool (options, id);
  if (!speaks && g_strcmp0 (before, after) == 0)
    return;
  g_free (options->values[VD_OPTION_TLS]);
  options->values[VD_OPTION_TLS] = g_strdup (after);
}

static gboolean
check_value (const VdOptionRow *row, const char *value, GError **error)
{
  if (vd_check_no_control (value, error) && check_type (&row->info, value, error)
      && (row->check == NULL || row->check (value, error)))
    return TRUE;
  if (error != NULL
      && g_ascii_strncasecmp ((*error)->message, "option ", 7) != 0) /* the list and address readers name it themselves */
    vd_error_prefix (error, "option %s", row->info.name);
  return FALSE;
}

gboolean
vereda_options_set (VeredaOptions *options, const char *name, const char *value, GError **error)
{
  const VdOptionRow *row = find_row (name);
  VdOptionId id;

  if (row == NULL)
    {
      char *shown = vd_text_escape (name, strlen (name));

      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION, "there is no option \"%s\"", shown);
      g_free (shown);
      return FALSE;
    }
  id = (VdOptionId) (row - vd_option_rows);
  if (id == VD_OPTION_PASSWORD)
    {
      g_autoptr (VdSecret) secret = value != NULL ? vd_secret_new (value, strlen (value)) : NULL;

      if (!vd_check_secret ("password", secret, error))
        return FALSE;
      vereda_options_set_password (options, value);
      return TRUE;
    }
  if (id == VD_OPTION_HEADER)
    {
      if (value != NULL)
        return set_header_line (options, value, error);
      g_ptr_array_set_size (options->headers, 0);
      options->serial = next_serial ();
      return TRUE;
    }
  if (value != NULL && !check_value (row, value, error))
    return FALSE;
  set_value (options, id, value);
  return TRUE;
}

const char *
vereda_options_get (VeredaOptions *options, const char *name)
{
  const VdOptionRow *row = find_row (name);

  if (row == NULL || row->info.type == VEREDA_OPTION_SECRET || row->info.type == VEREDA_OPTION_HEADER)
    return NULL;
  return vd_options_text (options, (VdOptionId) (row - vd_option_rows));
}

gboolean
vereda_options_is_set (VeredaOptions *options, const char *name)
{
  const VdOptionRow *row = find_row (name);

  if (row == NULL)
    return FALSE;
  if (row->info.type == VEREDA_OPTION_SECRET)
    return options->password != NULL;
  if (row->info.type == VEREDA_OPTION_HEADER)
    return options->headers->len > 0;
  return options->values[row - vd_option_rows] != NULL;
}

gboolean
vereda_options_set_user (VeredaOptions *options, const char *user, GError **error)
{
  return vereda_options_set (options, "username", user, error);
}

static void
set_secret (VdSecret **secret, const void *data, gsize size)
{
  vd_secret_unref (*secret);
  *secret = data != NULL ? vd_secret_new (data, size) : NULL;
}

void
vereda_options_set_password (VeredaOptions *options, const char *password)
{
  set_secret (&options->password, password, password != NULL ? strlen (password) : 0);
}

void
vereda_options_set_password_data (VeredaOptions *options, const void *password, gsize size)
{
  set_secret (&options->password, password, size);
}

void
vereda_options_set_token (VeredaOptions *options, const char *token)
{
  set_secret (&options->token, token, token != NULL ? strlen (token) : 0);
}

void
vereda_options_set_registry (VeredaOptions *options, VeredaRegistry *registry)
{
  VeredaRegistry *old = options->registry;

  options->registry = registry != NULL ? vereda_registry_ref (registry) : NULL;
  vereda_registry_unref (old);
}

VeredaRegistry *
vd_options_registry (const VeredaOptions *options)
{
  return options->registry != NULL ? options->registry : vereda_registry_get_default ();
}

void
vereda_options_set_tls_policy (VeredaOptions *options, VeredaTlsPolicyFunc func, gpointer user_data)
{
  options->tls_policy = func;
  options->tls_policy_data = user_data;
}

void
vereda_options_set_credential_callback (VeredaOptions *options, VeredaCredentialFunc func, gpointer user_data)
{
  options->credential = func;
  options->credential_data = user_data;
}

void
vereda_options_set_trace (VeredaOptions *options, VeredaTraceFunc func, gpointer user_data)
{
  options->trace = func;
  options->trace_data = user_data;
}

void
vereda_options_set_trace_secrets (VeredaOptions *options, gboolean shown)
{
  options->trace_secrets = shown;
}

void
vereda_options_set_progress (VeredaOptions *options, VeredaProgressFunc func, gpointer user_data)
{
  options->progress = func;
  options->progress_data = user_data;
}

/* ---- for the rest of core/send ---- */

const char *
vd_options_text (const VeredaOptions *options, VdOptionId id)
{
  return options->values[id] != NULL ? options->values[id] : vd_option_rows[id].info.default_value;
}

gboolean
vd_options_bool (const VeredaOptions *options, VdOptionId id)
{
  const char *text = vd_options_text (options, id);
  gboolean value = FALSE;

  return text != NULL && parse_boolean (text, &value) && value;
}

guint
vd_options_choice (const VeredaOptions *options, VdOptionId id)
{
  gint index = find_choice (vd_option_rows[id].info.choices, vd_options_text (options, id));

  g_return_val_if_fail (index >= 0, 0);
  return (guint) index;
}

guint64
vd_options_number (const VeredaOptions *options, VdOptionId id)
{
  return g_ascii_strtoull (vd_options_text (options, id), NULL, 10);
}

gint64
vd_options_time (const VeredaOptions *options, VdOptionId id)
{
  const char *text = vd_options_text (options, id);
  gint64 time = 0;

  if (text != NULL)
    parse_seconds (text, &time);
  if (time == 0 && vd_option_rows[id].info.default_value != NULL)
    parse_seconds (vd_option_rows[id].info.default_value, &time);
  return time;
}

char **
vd_options_list (const VeredaOptions *options, VdOptionId id)
{
  const char *text = vd_options_text (options, id);
  char **list = text != NULL ? vd_list_split (text) : NULL;

  if (list != NULL && list[0] == NULL)
    g_clear_pointer (&list, g_strfreev);
  return list;
}

gboolean
vd_options_wants_auth (const VeredaOptions *options)
{
  return options->values[VD_OPTION_USERNAME] != NULL || options->token != NULL || options->values[VD_OPTION_AUTH] != NULL;
}

VdBodyPolicy
vd_options_body_policy (const VeredaOptions *options)
{
  VdBodyPolicy policy = {
    .convert_cr = vd_options_choice (options, VD_OPTION_LONE_CR) == 1,
    .allow_long_lines = vd_options_choice (options, VD_OPTION_LONG_LINES) == 1,
  };

  return policy;
}
