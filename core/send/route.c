/* SPDX-License-Identifier: MIT */
/* route - see route.h.
 *
 * Strongest word first: the option `tls` when it was set; a mode named by the option `transport`; the URL's scheme; the port (RFC 8314
 * section 3: 465 implicit, 587 STARTTLS); else TLS where it is offered.  Credentials and known keys (pins, tlsa) turn "where offered" into
 * "required": who knows the server's key does not want to do without it. */
#include "core/send/route.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/send/options-check.h"

/* Order of the words in the option table. */
enum
{
  TLS_NEVER,
  TLS_OPPORTUNISTIC,
  TLS_STARTTLS,
  TLS_IMPLICIT,
  TLS_AUTO
};

/* The mode that the option `transport` names first, or ANY. */
static VdMode
mode_of_transport (const VeredaOptions *options)
{
  const char *text = vd_options_text (options, VD_OPTION_TRANSPORT);
  GPtrArray *rows = text != NULL ? vd_mode_parse (text, NULL) : NULL;
  VdMode mode = VD_MODE_ANY;

  if (rows == NULL)
    return mode;
  if (rows->len > 0)
    mode = ((VdModeRow *) g_ptr_array_index (rows, 0))->mode;
  g_ptr_array_unref (rows);
  return mode;
}

static gboolean
knows_keys (const VeredaOptions *options)
{
  return options->values[VD_OPTION_PINS] != NULL || options->values[VD_OPTION_TLSA] != NULL;
}

static void
decide_mode (const VeredaOptions *options, const VdTarget *target, VdRoute *route)
{
  gboolean wants_auth = vd_options_wants_auth (options) && !vd_options_bool (options, VD_OPTION_INSECURE_CLEARTEXT_AUTH);
  gboolean wants_tls = wants_auth || knows_keys (options);
  guint tls = vd_options_choice (options, VD_OPTION_TLS);
  VdMode named = mode_of_transport (options);

  *route = (VdRoute){ .mode = VD_MODE_STARTTLS, .required = TRUE, .why = "option tls" };
  if (tls == TLS_NEVER)
    route->mode = VD_MODE_PLAIN;
  else if (tls == TLS_IMPLICIT)
    route->mode = VD_MODE_IMPLICIT;
  else if (tls == TLS_STARTTLS)
    route->mode = VD_MODE_STARTTLS;
  else if (tls == TLS_OPPORTUNISTIC)
    route->required = wants_tls;
  else if (named != VD_MODE_ANY)
    *route = (VdRoute){ .mode = named, .required = TRUE, .why = "option transport" };
  else if (target->tls == VD_TLS_HINT_NONE)
    *route = (VdRoute){ .mode = VD_MODE_PLAIN, .why = "a local socket" };
  else if (target->tls == VD_TLS_HINT_IMPLICIT)
    *route = (VdRoute){ .mode = VD_MODE_IMPLICIT, .required = TRUE, .why = "the URL" };
  else if (target->tls == VD_TLS_HINT_STARTTLS)
    *route = (VdRoute){ .mode = VD_MODE_STARTTLS, .required = TRUE, .why = "the URL" };
  else if (target->port == 465)
    *route = (VdRoute){ .mode = VD_MODE_IMPLICIT, .required = TRUE, .why = "port 465" };
  else if (target->port == 587)
    *route = (VdRoute){ .mode = VD_MODE_STARTTLS, .required = TRUE, .why = "port 587" };
  else
    *route = (VdRoute){ .mode = VD_MODE_STARTTLS,
                        .required = wants_tls,
                        .why = wants_auth  ? "credentials are given"
                               : wants_tls ? "the server's key is given"
                                           : "where it is offered" };

  if (route->mode != VD_MODE_STARTTLS)
    route->required = route->mode == VD_MODE_IMPLICIT;
}

VdRoute
vd_route_decide (const VeredaOptions *options, const VdTarget *target)
{
  VdRoute route;

  decide_mode (options, target, &route);
  if (target->scheme == VD_SCHEME_UNIX)
    route.port = 0;
  else if (target->port != 0)
    route.port = target->port;
  else if (route.mode == VD_MODE_IMPLICIT)
    route.port = 465;
  else
    route.port = route.mode == VD_MODE_STARTTLS && route.required ? 587 : 25;
  return route;
}

char **
vd_route_transports (const VeredaOptions *options, VdMode mode)
{
  const char *text = vd_options_text (options, VD_OPTION_TRANSPORT);
  GPtrArray *rows = text != NULL ? vd_mode_parse (text, NULL) : NULL;
  GPtrArray *names = g_ptr_array_new ();

  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      const VdModeRow *row = g_ptr_array_index (rows, i);

      if (row->transport != NULL && row->mode != VD_MODE_PLAIN && (row->mode == VD_MODE_ANY || row->mode == mode))
        g_ptr_array_add (names, g_strdup (row->transport));
    }
  g_clear_pointer (&rows, g_ptr_array_unref);
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (names, FALSE);
}

static gboolean
allows_mode (const VeredaOptions *options, VdMode mode)
{
  GPtrArray *rows = vd_mode_parse (vd_options_text (options, VD_OPTION_TRANSPORT), NULL);
  gboolean allowed = rows == NULL || rows->len == 0;

  for (guint i = 0; rows != NULL && i < rows->len && !allowed; i++)
    {
      const VdModeRow *row = g_ptr_array_index (rows, i);

      allowed = row->mode == mode || row->mode == VD_MODE_ANY;
    }
  g_clear_pointer (&rows, g_ptr_array_unref);
  return allowed;
}

/* A file that is not there is known before anybody is contacted. */
static gboolean
check_files (const VeredaOptions *options, GError **error)
{
  static const VdOptionId files[] = { VD_OPTION_CA_FILE, VD_OPTION_CA_DIR, VD_OPTION_CERT_FILE, VD_OPTION_KEY_FILE };

  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    {
      const char *path = vd_options_text (options, files[i]);

      if (path == NULL || g_access (path, R_OK) == 0)
        continue;
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION, "option %s: %s: %s", vd_option_rows[files[i]].info.name, path,
                   g_strerror (errno));
      return FALSE;
    }
  return TRUE;
}

gboolean
vd_route_check (const VeredaOptions *options, GError **error)
{
  static const VdMode mode_of[] = { [TLS_NEVER] = VD_MODE_PLAIN,
                                    [TLS_OPPORTUNISTIC] = VD_MODE_STARTTLS,
                                    [TLS_STARTTLS] = VD_MODE_STARTTLS,
                                    [TLS_IMPLICIT] = VD_MODE_IMPLICIT };
  guint tls = vd_options_choice (options, VD_OPTION_TLS);

  if (vd_options_text (options, VD_OPTION_TRANSPORT) != NULL && tls != TLS_AUTO && tls != TLS_NEVER
      && !allows_mode (options, mode_of[tls]))
    {
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION,
                   "option transport (%s) leaves nothing that can do what option tls (%s) asks for",
                   vd_options_text (options, VD_OPTION_TRANSPORT), vd_options_text (options, VD_OPTION_TLS));
      return FALSE;
    }
  if (options->password != NULL && !vd_options_wants_auth (options))
    {
      g_set_error_literal (error, VEREDA_ERROR, VEREDA_ERROR_OPTION, "option password is given without option username");
      return FALSE;
    }
  if (options->values[VD_OPTION_KEY_FILE] != NULL && options->values[VD_OPTION_CERT_FILE] == NULL)
    {
      g_set_error_literal (error, VEREDA_ERROR, VEREDA_ERROR_OPTION, "option key-file is given without option cert-file");
      return FALSE;
    }
  return vd_check_secret ("password", options->password, error) && vd_check_secret ("token", options->token, error)
         && check_files (options, error);
}

GPtrArray *
vd_route_targets (const VeredaOptions *options, GError **error)
{
  if (!vd_route_check (options, error))
    return NULL;
  return vd_target_list (vd_options_text (options, VD_OPTION_SERVERS), vd_options_text (options, VD_OPTION_PORTS), error);
}
