/* SPDX-License-Identifier: MIT */
/* command - the one builder of command lines.
 *
 * Pure.  Every line, whatever it was made of, passes append_line(), which judges the encoded octets and not the arguments: that is where injection
 * ends (CFG-1, SEC-6).  Fails with VEREDA_ERROR_OPTION, VEREDA_ERROR_ADDRESS or, for a challenge, VEREDA_ERROR_PROTOCOL. */
#include "core/smtp/command.h"

#include <string.h>

#include "core/base/error.h"
#include "core/base/octet.h"
#include "core/base/secret.h"
#include "core/base/trace.h"

#define PATH_MAX_OCTETS 254u /* RFC 5321 section 4.5.3.1.3: 256 with the angle brackets */
#define DOMAIN_MAX      255u /* RFC 5321 section 4.5.3.1.2 */
#define LABEL_MAX       63u  /* RFC 1035 section 2.3.4 */
#define MECHANISM_MAX   20u  /* RFC 4422 section 3.1 */

/* What the parameters of MAIL add to the line (MAI-7). */
#define SIZE_GRANT 26u /* RFC 1870 section 4 */
#define BODY_GRANT 17u /* RFC 6152 section 2 */
#define UTF8_GRANT 10u /* RFC 6531 section 3.1 */

/* Octets of a line but for its path, at most. */
#define PARAMETERS_ROOM 128u

/* ---- the final check ---- */

/* The first octets that are printable ASCII, or nearly all of them: eight at once. */
static gsize
skip_printable (const guint8 *line, gsize size)
{
  const guint64 ones = G_GUINT64_CONSTANT (0x0101010101010101), high = ones << 7;
  gsize i = 0;
  for (; i + sizeof ones <= size; i += sizeof ones)
    {
      guint64 octets;
      memcpy (&octets, line + i, sizeof octets);
      /* Without octets >= 0x80 neither subtraction nor addition leaves its octet: high bits tell of those below 0x20 and of 0x7f. */
      if ((octets & high) != 0 || (((octets | high) - 0x20 * ones) & high) != high || ((octets + ones) & high) != 0)
        break;
    }
  return i;
}

/* `line` without CRLF.  `max` counts the CRLF too. */
static gboolean
check_line (const guint8 *line, gsize size, gboolean utf8, gsize max, gint code, const char *what, GError **error)
{
  for (gsize i = skip_printable (line, size); i < size; i++)
    if (line[i] < 0x20 || line[i] == 0x7f || (line[i] >= 0x80 && !utf8))
      {
        g_set_error (error, VEREDA_ERROR, code,
                     "%s holds the octet 0x%02X at position %" G_GSIZE_FORMAT ", which no command may", what, line[i], i);
        return FALSE;
      }
  if (utf8 && !g_utf8_validate_len ((const char *) line, size, NULL))
    {
      g_set_error (error, VEREDA_ERROR, code, "%s is not valid UTF-8", what);
      return FALSE;
    }
  if (size + 2 > max)
    {
      g_set_error (error, VEREDA_ERROR, code,
                   "%s makes a command of %" G_GSIZE_FORMAT " octets; at most %" G_GSIZE_FORMAT " are allowed", what, size + 2,
                   max);
      return FALSE;
    }
  return TRUE;
}

/* A line on its way, where it will stand in the buffer; nothing of it is there before end_line(). */
typedef struct
{
  VdBuffer *out;
  guint8 *text;
  gsize size, room;
} Line;

/* `most`: octets that will be put, at most. */
static Line
begin_line (VdBuffer *out, gsize most)
{
  return (Line){ out, vd_buffer_reserve (out, most + 2), 0, most };
}

static inline void
put_octets (Line *line, const char *text, gsize size)
{
  g_assert (size <= line->room - line->size);
  memcpy (line->text + line->size, text, size);
  line->size += size;
}

static inline void
put (Line *line, const char *text)
{
  put_octets (line, text, strlen (text));
}

static void
put_number (Line *line, guint64 number)
{
  char digits[24];
  gsize at = sizeof digits;
  do
    digits[--at] = (char) ('0' + number % 10);
  while ((number /= 10) > 0);
  put_octets (line, digits + at, sizeof digits - at);
}

/* `what` names the argument in errors. */
static gboolean
end_line (Line *line, gboolean utf8, gsize max, gint code, const char *what, GError **error)
{
  if (!check_line (line->text, line->size, utf8, max, code, what, error))
    return FALSE;
  memcpy (line->text + line->size, "\r\n", 2);
  vd_buffer_commit (line->out, line->size + 2);
  return TRUE;
}

/* ---- EHLO ---- */

static gboolean
is_label (const char *label)
{
  gsize size = strlen (label);
  if (size == 0 || size > LABEL_MAX || label[0] == '-' || label[size - 1] == '-')
    return FALSE;
  for (; *label != '\0'; label++)
    if (!g_ascii_isalnum (*label) && *label != '-')
      return FALSE;
  return TRUE;
}

static gboolean
is_domain (const char *name)
{
  if (strlen (name) > DOMAIN_MAX)
    return FALSE;
  g_auto (GStrv) labels = g_strsplit (name, ".", -1);
  if (labels[0] == NULL)
    return FALSE;
  for (char **label = labels; *label != NULL; label++)
    if (!is_label (*label))
      return FALSE;
  return TRUE;
}

/* General-address-literal: tag ":" 1*dcontent; without quotes and angle brackets, which dcontent has but which readers of paths trip over. */
static gboolean
is_general_literal (const char *inside)
{
  const char *colon = strchr (inside, ':');
  if (colon == NULL || colon[1] == '\0')
    return FALSE;
  g_autofree char *tag = g_strndup (inside, (gsize) (colon - inside));
  for (const char *p = colon + 1; *p != '\0'; p++)
    if (*p < 0x21 || *p > 0x7e || strchr ("[\\]<>\"", *p) != NULL)
      return FALSE;
  return is_label (tag);
}

/* RFC 5321 section 4.1.3.  A zone ("%eth0") means nothing to anybody else and is not in the grammar. */
static gboolean
is_literal (const char *literal)
{
  gsize size = strlen (literal);
  if (size < 3 || size > DOMAIN_MAX || literal[0] != '[' || literal[size - 1] != ']')
    return FALSE;
  g_autofree char *inside = g_strndup (literal + 1, size - 2);
  if (g_ascii_strncasecmp (inside, "IPv6:", 5) == 0)
    return strchr (inside + 5, ':') != NULL && strchr (inside, '%') == NULL && g_hostname_is_ip_address (inside + 5);
  if (strchr (inside, ':') == NULL)
    return g_hostname_is_ip_address (inside);
  return is_general_literal (inside);
}

gboolean
vd_command_check_client (const char *client, GError **error)
{
  gsize size = client == NULL ? 0 : strlen (client);
  if (size > 0 && g_hostname_is_ip_address (client))
    {
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION,
                   "client name '%s' is a bare address: write it as a literal, [%s%s]", client,
                   strchr (client, ':') != NULL ? "IPv6:" : "", client);
      return FALSE;
    }
  if (size > 0 && (is_domain (client) || is_literal (client)))
    return TRUE;
  g_autofree char *shown = vd_text_escape (client, size);
  g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION,
               "client name '%s' is neither a domain name (letters, digits, hyphens and dots; A-labels for others) nor an "
               "address literal",
               shown);
  return FALSE;
}

gboolean
vd_command_ehlo (VdBuffer *out, const char *verb, const char *client, GError **error)
{
  if (!vd_command_check_client (client, error))
    return FALSE;
  Line line = begin_line (out, strlen (verb) + 1 + strlen (client));
  put (&line, verb);
  put (&line, " ");
  put (&line, client);
  return end_line (&line, FALSE, VD_COMMAND_LINE_MAX, VEREDA_ERROR_OPTION, "the client name", error);
}

/* ---- commands without free arguments ---- */

gboolean
vd_command_verb (VdBuffer *out, const char *verb, GError **error)
{
  Line line = begin_line (out, strlen (verb));
  put (&line, verb);
  return end_line (&line, FALSE, VD_COMMAND_LINE_MAX, VEREDA_ERROR_OPTION, "the command", error);
}

gboolean
vd_command_bdat (VdBuffer *out, guint64 size, gboolean last, GError **error)
{
  if (size == 0 && !last)
    {
      /* BDT-4: servers take it for an attempt to hold them. */
      g_set_error_literal (error, VEREDA_ERROR, VEREDA_ERROR_INTERNAL, "a chunk without octets can only be the last one");
      return FALSE;
    }
  Line line = begin_line (out, PARAMETERS_ROOM);
  put (&line, "BDAT ");
  put_number (&line, size);
  put (&line, last ? " LAST" : "");
  return end_line (&line, FALSE, VD_COMMAND_LINE_MAX, VEREDA_ERROR_OPTION, "the chunk size", error);
}

/* ---- MAIL and RCPT ---- */

/* After a quoted string that begins at `p`; NULL: it does not end, or holds what must be quoted. */
static const char *
skip_quoted (const char *p)
{
  for (p++; *p != '"'; p++)
    {
      if (*p == '\\')
        p++;
      if (*p == '\0' || (*p & 0xe0) == 0 || *p == 0x7f) /* C0 or the end */
        return NULL;
    }
  return p + 1;
}

/* After a dot-string that begins at `p`; NULL: an empty atom. */
static const char *
skip_dot_string (const char *p)
{
  for (;; p++)
    {
      const char *atom = p;
      while (vd_octet_is (*p, VD_OCTET_ATEXT))
        p++;
      if (p == atom)
        return NULL;
      if (*p != '.')
        return p;
    }
}

/* Whether the path is one mailbox and nothing else, so that what stands between the brackets is what the server will read there: an
 * unquoted ">" or space would begin parameters (CVE-2025-59937 and its kin).  The address parser has done better checks before. */
static gboolean
is_path (const char *path)
{
  const char *p = *path == '"' ? skip_quoted (path) : skip_dot_string (path);
  if (p == NULL || *p != '@')
    return FALSE;
  p++;
  if (*p == '[')
    return is_literal (p);
  const char *end = skip_dot_string (p);
  return end != NULL && *end == '\0' && (gsize) (end - p) <= DOMAIN_MAX;
}

static gboolean
check_path (const char *path, gboolean special, const char *what, GError **error)
{
  gsize size = strlen (path);
  const char *why = NULL;
  if (!special && !is_path (path))
    why = "is not one mailbox";
  else if (size > PATH_MAX_OCTETS)
    why = "is longer than 254 octets";
  if (why == NULL)
    return TRUE;
  g_autofree char *shown = vd_text_escape (path, MIN (size, 300));
  g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_ADDRESS, "%s '%s' %s", what, shown, why);
  return FALSE;
}

gboolean
vd_command_mail (VdBuffer *out, const char *path, const VdMailParams *params, GError **error)
{
  if (!check_path (path, *path == '\0', "originator", error))
    return FALSE;
  gsize max = VD_COMMAND_LINE_MAX;
  Line line = begin_line (out, strlen (path) + PARAMETERS_ROOM);
  put (&line, "MAIL FROM:<");
  put (&line, path);
  put (&line, ">");
  if (params->has_size)
    {
      put (&line, " SIZE=");
      put_number (&line, params->size);
      max += SIZE_GRANT;
    }
  if (params->body_8bit)
    {
      put (&line, " BODY=8BITMIME");
      max += BODY_GRANT;
    }
  if (params->utf8)
    {
      put (&line, " SMTPUTF8");
      max += UTF8_GRANT;
    }
  return end_line (&line, params->utf8, max, VEREDA_ERROR_ADDRESS, "the originator", error);
}

gboolean
vd_command_rcpt (VdBuffer *out, const char *path, gboolean utf8, GError **error)
{
  if (!check_path (path, g_ascii_strcasecmp (path, "postmaster") == 0 /* RCP-2 */, "recipient", error))
    return FALSE;
  Line line = begin_line (out, strlen (path) + PARAMETERS_ROOM);
  put (&line, "RCPT TO:<");
  put (&line, path);
  put (&line, ">");
  return end_line (&line, utf8, VD_COMMAND_LINE_MAX, VEREDA_ERROR_ADDRESS, "the recipient", error);
}

/* ---- AUTH ---- */

static gboolean
is_mechanism (const char *name)
{
  gsize size = strlen (name);
  if (size == 0 || size > MECHANISM_MAX)
    return FALSE;
  for (; *name != '\0'; name++)
    if (!g_ascii_isupper (*name) && !g_ascii_isdigit (*name) && *name != '-' && *name != '_')
      return FALSE;
  return TRUE;
}

static gsize
base64_size (gsize size)
{
  return (size + 2) / 3 * 4;
}

/* Encodes straight into `out`, so that no copy of a secret is left behind; GLib's state holds up to two octets of it. */
static void
append_base64 (VdBuffer *out, const guint8 *data, gsize size)
{
  gint state = 0;
  gint save = 0;
  char *to = (char *) vd_buffer_reserve (out, base64_size (size) + 8);
  gsize n = g_base64_encode_step (data, size, FALSE, to, &state, &save);
  n += g_base64_encode_close (FALSE, to + n, &state, &save);
  vd_wipe (&state, sizeof state);
  vd_wipe (&save, sizeof save);
  vd_buffer_commit (out, n);
}

/* The size is known before the secret is touched; base64 adds only octets that the check lets pass. */
gboolean
vd_command_auth (VdBuffer *out, const char *mechanism, const GByteArray *initial, gboolean *ret_fits, GError **error)
{
  if (!is_mechanism (mechanism))
    {
      g_autofree char *shown = vd_text_escape (mechanism, MIN (strlen (mechanism), 60));
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION, "'%s' is not a name of an authentication mechanism", shown);
      return FALSE;
    }
  g_autoptr (GString) line = g_string_new ("AUTH ");
  g_string_append (line, mechanism);
  if (initial != NULL && line->len + 1 + MAX (base64_size (initial->len), 1) + 2 > VD_COMMAND_LINE_MAX)
    {
      *ret_fits = FALSE;
      return TRUE;
    }
  if (initial != NULL)
    g_string_append (line, initial->len == 0 ? " =" : " ");
  if (!check_line ((const guint8 *) line->str, line->len, FALSE, VD_COMMAND_LINE_MAX, VEREDA_ERROR_OPTION, "the mechanism",
                   error))
    return FALSE;
  vd_buffer_append (out, line->str, line->len);
  if (initial != NULL && initial->len > 0)
    append_base64 (out, initial->data, initial->len);
  vd_buffer_append (out, "\r\n", 2);
  if (ret_fits != NULL)
    *ret_fits = TRUE;
  return TRUE;
}

void
vd_command_auth_response (VdBuffer *out, const GByteArray *response)
{
  if (response != NULL && response->len > 0)
    append_base64 (out, response->data, response->len);
  vd_buffer_append (out, "\r\n", 2);
}

void
vd_command_auth_cancel (VdBuffer *out)
{
  vd_buffer_append (out, "*\r\n", 3);
}

/* RFC 4648 section 4, nothing skipped, padding at the end only (RFC 4954 section 4). */
static gboolean
is_base64 (const char *text, gsize size)
{
  if (size % 4 != 0)
    return FALSE;
  gsize padding = size >= 4 ? (gsize) (text[size - 1] == '=') + (gsize) (text[size - 1] == '=' && text[size - 2] == '=') : 0;
  for (gsize i = 0; i < size - padding; i++)
    if (!g_ascii_isalnum (text[i]) && text[i] != '+' && text[i] != '/')
      return FALSE;
  return TRUE;
}

gboolean
vd_command_decode_challenge (const char *text, gsize size, GByteArray **ret_octets, GError **error)
{
  if (!is_base64 (text, size))
    {
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_PROTOCOL,
                   "the server's challenge of %" G_GSIZE_FORMAT " octets is not valid base64", size);
      return FALSE;
    }
  gint state = 0;
  guint save = 0;
  GByteArray *octets = g_byte_array_sized_new ((guint) (size / 4 * 3 + 3));
  g_byte_array_set_size (octets, (guint) (size / 4 * 3));
  gsize n = size == 0 ? 0 : g_base64_decode_step (text, size, octets->data, &state, &save);
  vd_wipe (&save, sizeof save);
  g_byte_array_set_size (octets, (guint) n);
  *ret_octets = octets;
  return TRUE;
}

/* ---- the trace ---- */

static char *
redacted (const char *shown, gsize shown_size, gsize hidden)
{
  g_autofree char *head = vd_text_escape (shown, shown_size);
  return g_strdup_printf ("%s<redacted %" G_GSIZE_FORMAT " octets>", head, hidden);
}

char *
vd_command_trace (const char *line, gsize size, gboolean is_sasl_response)
{
  gboolean cancel = size == 1 && *line == '*';
  if (is_sasl_response && size > 0 && !cancel)
    return redacted (line, 0, size);
  if (!is_sasl_response && size > 5 && g_ascii_strncasecmp (line, "AUTH ", 5) == 0)
    {
      const char *space = memchr (line + 5, ' ', size - 5);
      gsize shown = space == NULL ? size : (gsize) (space - line) + 1;
      gboolean empty = size - shown == 1 && line[shown] == '=';
      if (shown < size && !empty)
        return redacted (line, shown, size - shown);
    }
  return vd_text_escape (line, size);
}
