/* SPDX-License-Identifier: MIT */
/* options-check - see options-check.h.
 *
 * Bad input is refused where it is set and never cleaned: what a caller did not mean must not reach a server (CFG-1).  Values with a secret
 * do not come here. */
#include "core/send/options-check.h"

#include <string.h>

#include "core/base/error.h"
#include "core/base/trace.h"
#include "core/message/address.h"
#include "core/message/domain.h"
#include "core/net/endpoint.h"
#include "core/net/target.h"
#include "core/plugin/mode.h"
#include "core/send/pins.h"
#include "core/smtp/command.h"

static gboolean G_GNUC_PRINTF (2, 3) bad (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_propagate_error (error, g_error_new_valist (VEREDA_ERROR, VEREDA_ERROR_OPTION, format, args));
  va_end (args);
  return FALSE;
}

gboolean
vd_check_no_control (const char *value, GError **error)
{
  for (gsize i = 0; value[i] != '\0'; i++)
    if ((guchar) value[i] < 0x20 || value[i] == 0x7f)
      return bad (error, "control character 0x%02x at offset %" G_GSIZE_FORMAT, (guint) (guchar) value[i], i);
  return TRUE;
}

gboolean
vd_check_secret (const char *name, VdSecret *secret, GError **error)
{
  VeredaSpan span = vd_secret_span (secret);
  const guint8 *octets = span.data;

  for (gsize i = 0; i < span.size; i++)
    if (octets[i] < 0x20 || octets[i] == 0x7f)
      return bad (error, "option %s holds a control character, which no mechanism can carry", name);
  return TRUE;
}

gboolean
vd_check_servers (const char *value, GError **error)
{
  GPtrArray *list = vd_target_list (value, NULL, error);

  if (list == NULL)
    return FALSE;
  g_ptr_array_unref (list);
  return TRUE;
}

gboolean
vd_check_ports (const char *value, GError **error)
{
  char **ports = vd_list_split (value);
  gboolean fine = TRUE;

  for (guint i = 0; fine && ports[i] != NULL; i++)
    {
      guint16 port;

      if (!vd_port_parse (ports[i], &port))
        {
          char *shown = vd_text_escape (ports[i], strlen (ports[i]));

          fine = bad (error, "entry %u, \"%s\", is not a port number (1 to 65535)", i + 1, shown);
          g_free (shown);
        }
    }
  g_strfreev (ports);
  return fine;
}

gboolean
vd_check_client (const char *value, GError **error)
{
  return vd_command_check_client (value, error);
}

gboolean
vd_check_originator (const char *value, GError **error)
{
  static const VdAddressContext context = { .what = "option originator", .unqualified = TRUE };
  VdMailbox *mailbox;

  if (*value == '\0')
    return TRUE; /* the null reverse-path */
  mailbox = vd_address_parse_one (value, strlen (value), &context, error);
  vd_mailbox_free (mailbox);
  return mailbox != NULL;
}

gboolean
vd_check_recipients (const char *value, GError **error)
{
  static const VdAddressContext context = { .what = "option recipients", .recipient = TRUE, .unqualified = TRUE };
  VdAddressList *list = vd_address_list_parse (value, strlen (value), &context, error);
  gboolean empty;

  if (list == NULL)
    return FALSE;
  empty = list->mailboxes->len == 0 && *value != '\0';
  vd_address_list_free (list);
  return !empty || bad (error, "the list holds no address");
}

gboolean
vd_check_domain (const char *value, GError **error)
{
  char *ascii = NULL, *why = NULL;

  if (vd_domain_to_ascii (value, &ascii, &why))
    {
      g_free (ascii);
      return TRUE;
    }
  bad (error, "the domain %s", why);
  g_free (why);
  return FALSE;
}

gboolean
vd_check_transport (const char *value, GError **error)
{
  GPtrArray *rows = vd_mode_parse (value, error);

  if (rows == NULL)
    return FALSE;
  g_ptr_array_unref (rows);
  return TRUE;
}

gboolean
vd_check_path (const char *value, GError **error)
{
  return *value != '\0' || bad (error, "an empty path");
}

gboolean
vd_check_verify_name (const char *value, GError **error)
{
  VdEndpoint *literal = vd_endpoint_new_literal (value, 0);
  char *host;

  if (literal != NULL)
    {
      vd_endpoint_free (literal);
      return TRUE;
    }
  host = vd_host_to_ascii (value, error);
  g_free (host);
  return host != NULL;
}

static gboolean
check_keys (const char *pins, const char *tlsa, GError **error)
{
  VdPins *known = vd_pins_new (pins, tlsa, error);

  vd_pins_free (known);
  return known != NULL;
}

gboolean
vd_check_pins (const char *value, GError **error)
{
  return check_keys (value, NULL, error);
}

gboolean
vd_check_tlsa (const char *value, GError **error)
{
  return check_keys (NULL, value, error);
}

gboolean
vd_check_printable (const char *value, GError **error)
{
  for (gsize i = 0; value[i] != '\0'; i++)
    if ((guchar) value[i] >= 0x7f)
      return bad (error, "octet 0x%02x at offset %" G_GSIZE_FORMAT " is not ASCII", (guint) (guchar) value[i], i);
  return *value != '\0' || bad (error, "an empty value");
}

gboolean
vd_check_user (const char *value, GError **error)
{
  return *value != '\0' || bad (error, "an empty name");
}

gboolean
vd_check_mechanisms (const char *value, GError **error)
{
  char **names = vd_list_split (value);
  gboolean fine = names[0] != NULL || bad (error, "the list names no mechanism");

  /* RFC 4422 section 3.1 */
  for (guint i = 0; fine && names[i] != NULL; i++)
    {
      gsize size = strlen (names[i]);

      for (gsize k = 0; fine && k < size; k++)
        fine = g_ascii_isalnum (names[i][k]) || names[i][k] == '-' || names[i][k] == '_';
      fine = fine && size <= 20;
      if (!fine)
        {
          char *shown = vd_text_escape (names[i], size);

          bad (error, "entry %u, \"%s\", is not the name of a mechanism (letters, digits, '-' and '_', at most 20)", i + 1,
               shown);
          g_free (shown);
        }
    }
  g_strfreev (names);
  return fine;
}

gboolean
vd_check_window_messages (const char *value, GError **error)
{
  guint64 number;

  return g_ascii_string_to_unsigned (value, 10, 1, 10000, &number, NULL) || bad (error, "not a number from 1 to 10000");
}

gboolean
vd_check_window_octets (const char *value, GError **error)
{
  guint64 number;

  return g_ascii_string_to_unsigned (value, 10, 1, 1073741824, &number, NULL)
         || bad (error, "not a number of octets from 1 to 1073741824");
}

gboolean
vd_check_number (const char *value, GError **error)
{
  guint64 number;

  return g_ascii_string_to_unsigned (value, 10, 0, 6999, &number, NULL) || bad (error, "not a number from 0 to 6999");
}

gboolean
vd_check_count (const char *value, GError **error)
{
  guint64 number;

  return g_ascii_string_to_unsigned (value, 10, 1, 65535, &number, NULL) || bad (error, "not a number from 1 to 65535");
}

gboolean
vd_check_limit (const char *value, GError **error)
{
  guint64 number;

  return g_ascii_string_to_unsigned (value, 10, 0, 65535, &number, NULL) || bad (error, "not a number from 0 to 65535");
}

gboolean
vd_check_local_address (const char *value, GError **error)
{
  VdEndpoint *endpoint = vd_endpoint_new_literal (value, 0);

  vd_endpoint_free (endpoint);
  return endpoint != NULL || bad (error, "not an IP address");
}
