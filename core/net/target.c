/* SPDX-License-Identifier: MIT */
/* target - one entry of the `servers` option, and the walk over `servers` and `ports` together.
 *
 * Pure.  An option's value gets printed, so whatever may be a password (anything in a value with "@", what follows a host that is no port, what
 * follows an authority) is never repeated in an error. */
#include "core/net/target.h"

#include <stdarg.h>
#include <string.h>

#include "core/base/error.h"
#include "core/base/trace.h"
#include "core/net/endpoint.h"

typedef struct
{
  const char *name;
  VdScheme scheme;
  VdTlsHint tls;
  guint16 port; /* 0: none */
} SchemeRow;

static const SchemeRow schemes[] = {
  { "smtp", VD_SCHEME_SMTP, VD_TLS_HINT_AUTO, 25 },
  { "submission", VD_SCHEME_SUBMISSION, VD_TLS_HINT_STARTTLS, 587 }, /* RFC 6409 */
  { "smtps", VD_SCHEME_SMTPS, VD_TLS_HINT_IMPLICIT, 465 },
  { "submissions", VD_SCHEME_SUBMISSIONS, VD_TLS_HINT_IMPLICIT, 465 }, /* RFC 8314 section 7.3 */
  { "lmtp", VD_SCHEME_LMTP, VD_TLS_HINT_AUTO, 0 },
};

#define SCHEMES_TEXT "smtp, submission, smtps, submissions and lmtp"

/* Where an error was found: what the message begins with. */
typedef struct
{
  const char *option;
  guint number; /* of the entry, from 1; 0: the value is a single entry */
  const char *entry;
} Place;

/* --- errors --- */

static gboolean
is_unix (const char *entry)
{
  return g_ascii_strncasecmp (entry, "unix:", 5) == 0 || g_ascii_strncasecmp (entry, "lmtp:unix:", 10) == 0;
}

static gboolean
has_user_info (const char *entry)
{
  return !is_unix (entry) && strchr (entry, '@') != NULL;
}

/* As much of the entry as surely is scheme, host and port. */
static char *
show (const char *entry)
{
  gsize len = strlen (entry);
  gsize cut = len;

  if (!is_unix (entry))
    {
      const char *authority = strstr (entry, "://");
      authority = authority != NULL ? authority + 3 : entry;
      cut = (gsize) (authority - entry) + strcspn (authority, "/?#\\;");
      const char *colon = (const char *) memrchr (authority, ':', (gsize) (entry + cut - authority));
      gboolean literal
          = colon != NULL
            && (authority[0] == '[' ? colon[-1] != ']' : memchr (authority, ':', (gsize) (colon - authority)) != NULL);
      if (colon != NULL && !literal && strspn (colon + 1, "0123456789") != (gsize) (entry + cut - colon - 1))
        cut = (gsize) (colon + 1 - entry);
    }
  g_autofree char *text = vd_text_escape (entry, MIN (cut, 200));
  return g_strconcat (text, cut < len || cut > 200 ? "…" : NULL, NULL);
}

static void G_GNUC_PRINTF (3, 4) fail (const Place *place, GError **error, const char *format, ...)
{
  GString *text = g_string_new (NULL);
  va_list args;

  g_string_append_printf (text, "option %s", place->option);
  if (place->number > 0)
    g_string_append_printf (text, ", entry %u", place->number);
  if (place->entry != NULL && !has_user_info (place->entry))
    {
      g_autofree char *shown = show (place->entry);
      g_string_append_printf (text, " (\"%s\")", shown);
    }
  g_string_append (text, ": ");
  va_start (args, format);
  g_string_append_vprintf (text, format, args);
  va_end (args);
  g_set_error_literal (error, VEREDA_ERROR, VEREDA_ERROR_OPTION, text->str);
  g_string_free (text, TRUE);
}

static gboolean
check_octets (const Place *place, GError **error)
{
  if (has_user_info (place->entry))
    {
      fail (place, error, "a user name or password (\"…@\") does not belong in a server's address; use the options for them");
      return FALSE;
    }
  for (const char *p = place->entry; *p != '\0'; p++)
    {
      if (g_ascii_iscntrl (*p) || *p == ' ')
        {
          fail (place, error, "a space or control character (0x%02X) cannot stand in a server's address", (guint) (guchar) *p);
          return FALSE;
        }
    }
  return TRUE;
}

/* --- one entry --- */

gboolean
vd_port_parse (const char *text, guint16 *ret_port)
{
  guint value = 0;
  gsize len = strlen (text);

  if (len == 0 || len > 5 || strspn (text, "0123456789") != len)
    return FALSE;
  for (gsize i = 0; i < len; i++)
    value = value * 10 + (guint) (text[i] - '0');
  if (value == 0 || value > 65535)
    return FALSE;
  *ret_port = (guint16) value;
  return TRUE;
}

static void
set_text (VdTarget *target)
{
  const char *open = strchr (target->host, ':') != NULL ? "[" : "";
  const char *close = open[0] != '\0' ? "]" : "";

  g_free (target->text);
  target->text = target->port == 0 ? g_strdup_printf ("%s%s%s", open, target->host, close)
                                   : g_strdup_printf ("%s%s%s:%u", open, target->host, close, (guint) target->port);
}

void
vd_target_set_port (VdTarget *target, guint16 port)
{
  g_return_if_fail (target->host != NULL);
  target->port = port;
  set_text (target);
}

void
vd_target_free (VdTarget *target)
{
  if (target == NULL)
    return;
  g_free (target->host);
  g_free (target->peer_name);
  g_free (target->unix_path);
  g_free (target->text);
  g_free (target);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VdTarget, vd_target_free)

static gboolean
parse_unix (const Place *place, VdTarget *target, GError **error)
{
  target->lmtp = g_ascii_strncasecmp (place->entry, "lmtp:", 5) == 0;
  const char *path = place->entry + (target->lmtp ? 10 : 5);
  g_autoptr (GError) cause = NULL;

  if (g_str_has_prefix (path, "///")) /* unix:///run/… as URLs have it */
    path += 2;
  VdEndpoint *endpoint = vd_endpoint_new_unix (path, &cause);
  if (endpoint == NULL)
    {
      fail (place, error, "%s", cause->message);
      return FALSE;
    }
  vd_endpoint_free (endpoint);
  target->scheme = VD_SCHEME_UNIX;
  target->tls = VD_TLS_HINT_NONE;
  target->unix_path = g_strdup (path);
  g_autofree char *shown = vd_text_escape (path, strlen (path));
  target->text = g_strconcat ("unix:", shown, NULL);
  return TRUE;
}

static const SchemeRow *
scheme_find (const char *name, gsize len)
{
  for (gsize i = 0; i < G_N_ELEMENTS (schemes); i++)
    {
      if (strlen (schemes[i].name) == len && g_ascii_strncasecmp (schemes[i].name, name, len) == 0)
        return &schemes[i];
    }
  return NULL;
}

static gboolean
set_host (const Place *place, VdTarget *target, const char *host, gboolean bracketed, GError **error)
{
  g_autoptr (GError) cause = NULL;

  target->host = vd_host_literal (host);
  if (target->host == NULL && (bracketed || strchr (host, ':') != NULL))
    {
      fail (place, error, "%s is not an IP address; several servers are separated by commas",
            bracketed ? "what stands in brackets" : "this");
      return FALSE;
    }
  if (target->host == NULL)
    target->host = vd_host_to_ascii (host, &cause);
  if (target->host == NULL)
    {
      fail (place, error, "%s", cause->message);
      return FALSE;
    }
  gsize len = strcspn (target->host, "%");
  if (len > 0 && target->host[len - 1] == '.')
    len--;
  target->peer_name = g_strndup (target->host, len);
  return TRUE;
}

static gboolean
set_port (const Place *place, VdTarget *target, const char *text, GError **error)
{
  target->port_given = TRUE;
  if (vd_port_parse (text, &target->port))
    return TRUE;
  fail (place, error, "the port must be a number from 1 to 65535");
  return FALSE;
}

static gboolean
parse_bracketed (const Place *place, VdTarget *target, const char *authority, GError **error)
{
  const char *close = strchr (authority, ']');

  if (close == NULL || (close[1] != '\0' && close[1] != ':'))
    {
      fail (place, error, "write an IPv6 address with a port as [address]:port");
      return FALSE;
    }
  g_autofree char *inside = g_strndup (authority + 1, (gsize) (close - authority - 1));
  char *zone = strstr (inside, "%25");
  if (target->scheme != VD_SCHEME_NONE && zone != NULL && zone[3] != '\0') /* RFC 6874: a URL writes the zone's % as %25 */
    memmove (zone + 1, zone + 3, strlen (zone + 3) + 1);
  return set_host (place, target, inside, TRUE, error) && (close[1] == '\0' || set_port (place, target, close + 2, error));
}

static gboolean
parse_authority (const Place *place, VdTarget *target, const char *authority, GError **error)
{
  const char *colon = strchr (authority, ':');

  if (authority[0] == '[')
    return parse_bracketed (place, target, authority, error);
  if (authority[0] == '/' && target->scheme == VD_SCHEME_NONE)
    {
      fail (place, error, "write a local socket as unix:/path");
      return FALSE;
    }
  if (colon == NULL)
    return set_host (place, target, authority, FALSE, error);
  if (strchr (colon + 1, ':') != NULL) /* a bare IPv6 address */
    {
      if (target->scheme == VD_SCHEME_NONE)
        return set_host (place, target, authority, FALSE, error);
      fail (place, error, "a URL has an IPv6 address in brackets, and one port");
      return FALSE;
    }
  g_autofree char *host = g_strndup (authority, (gsize) (colon - authority));
  return set_port (place, target, colon + 1, error) && set_host (place, target, host, FALSE, error);
}

static gboolean
parse_inet (const Place *place, VdTarget *target, GError **error)
{
  const char *mark = strstr (place->entry, "://");

  if (mark == NULL)
    return parse_authority (place, target, place->entry, error);
  const SchemeRow *row = scheme_find (place->entry, (gsize) (mark - place->entry));
  if (row == NULL)
    {
      fail (place, error, "unknown scheme; known are " SCHEMES_TEXT);
      return FALSE;
    }
  const char *authority = mark + 3;
  gsize len = strcspn (authority, "/?#");
  if (authority[len] != '\0' && strcmp (authority + len, "/") != 0)
    {
      fail (place, error, "a path, query or fragment has no meaning here; write %s://host:port", row->name);
      return FALSE;
    }
  target->scheme = row->scheme;
  target->tls = row->tls;
  target->lmtp = row->scheme == VD_SCHEME_LMTP;
  g_autofree char *only = g_strndup (authority, len);
  return parse_authority (place, target, only, error);
}

static guint16
scheme_port (VdScheme scheme)
{
  for (gsize i = 0; i < G_N_ELEMENTS (schemes); i++)
    {
      if (schemes[i].scheme == scheme)
        return schemes[i].port;
    }
  return 0;
}

/* `port`: from the option `ports`, 0 for none. */
static VdTarget *
parse_entry (const Place *place, guint16 port, GError **error)
{
  g_autoptr (VdTarget) target = g_new0 (VdTarget, 1);

  if (!check_octets (place, error))
    return NULL;
  if (is_unix (place->entry))
    return parse_unix (place, target, error) ? g_steal_pointer (&target) : NULL;
  if (!parse_inet (place, target, error))
    return NULL;
  if (!target->port_given)
    {
      target->port = port != 0 ? port : scheme_port (target->scheme);
      target->port_given = port != 0;
    }
  if (target->lmtp && (target->port == 0 || target->port == 25))
    {
      fail (place, error,
            target->port == 0 ? "LMTP has no default port: add one" : "LMTP must not use port 25 (RFC 2033 section 5)");
      return NULL;
    }
  set_text (target);
  return g_steal_pointer (&target);
}

VdTarget *
vd_target_parse (const char *option, const char *entry, GError **error)
{
  Place place = { option, 0, entry };
  return parse_entry (&place, 0, error);
}

/* --- lists --- */

/* Commas separate; so does white space where there is no comma.  Empty entries, which only commas can make, hold their place. */
static GPtrArray *
split (const char *value)
{
  GPtrArray *entries = g_ptr_array_new_with_free_func (g_free);
  const char *p = value;

  for (;;)
    {
      p += strspn (p, " \t");
      gsize len = strcspn (p, ", \t");
      g_ptr_array_add (entries, g_strndup (p, len));
      p += len;
      p += strspn (p, " \t");
      if (*p == '\0')
        return entries;
      if (*p == ',')
        p++;
    }
}

char **
vd_list_split (const char *value)
{
  g_autoptr (GPtrArray) entries = split (value);
  GPtrArray *kept = g_ptr_array_new ();

  for (guint i = 0; i < entries->len; i++)
    {
      if (*(const char *) entries->pdata[i] != '\0')
        g_ptr_array_add (kept, g_steal_pointer (&entries->pdata[i]));
    }
  g_ptr_array_add (kept, NULL);
  return (char **) g_ptr_array_free (kept, FALSE);
}

/* A password with a space or comma in it ends up in another entry than its "@": look at all entries before any is shown. */
static gboolean
check_no_user_info (GPtrArray *entries, GError **error)
{
  for (guint i = 0; i < entries->len; i++)
    {
      Place place = { "servers", i + 1, (const char *) entries->pdata[i] };
      if (has_user_info (place.entry))
        return check_octets (&place, error);
    }
  return TRUE;
}

/* One number per place of `ports`, 0 where it is empty. */
static GArray *
parse_ports (const char *ports, GError **error)
{
  g_autoptr (GPtrArray) entries = split (ports != NULL ? ports : "");
  g_autoptr (GArray) numbers = g_array_new (FALSE, FALSE, sizeof (guint16));

  for (guint i = 0; i < entries->len; i++)
    {
      Place place = { "ports", i + 1, (const char *) entries->pdata[i] };
      guint16 number = 0;
      if (*place.entry != '\0' && !vd_port_parse (place.entry, &number))
        {
          fail (&place, error, "a port must be a number from 1 to 65535");
          return NULL;
        }
      g_array_append_val (numbers, number);
    }
  return g_steal_pointer (&numbers);
}

GPtrArray *
vd_target_list (const char *servers, const char *ports, GError **error)
{
  g_autoptr (GPtrArray) entries = split (servers);
  g_autoptr (GPtrArray) targets = g_ptr_array_new_with_free_func ((GDestroyNotify) vd_target_free);

  if (!check_no_user_info (entries, error))
    return NULL;
  g_autoptr (GArray) numbers = parse_ports (ports, error);
  if (numbers == NULL)
    return NULL;
  for (guint i = 0; i < entries->len; i++)
    {
      Place place = { "servers", i + 1, (const char *) entries->pdata[i] };
      if (*place.entry == '\0')
        continue;
      VdTarget *target = parse_entry (&place, i < numbers->len ? g_array_index (numbers, guint16, i) : 0, error);
      if (target == NULL)
        return NULL;
      g_ptr_array_add (targets, target);
    }
  if (targets->len > 0)
    return g_steal_pointer (&targets);
  Place place = { "servers", 0, NULL };
  fail (&place, error, "no server is named");
  return NULL;
}
