/* SPDX-License-Identifier: MIT */
/* command - the one builder of command lines.
 *
 * Pure.  Nothing else turns arguments into command octets.  The whole encoded line is checked before it is handed out: printable ASCII (with
 * SMTPUTF8: valid UTF-8), no control octet at all, at most 512 octets with CRLF plus what the parameters in use grant (MAI-7, AUT-3).
 * Errors are VEREDA_ERROR_OPTION or VEREDA_ERROR_ADDRESS and name the argument; no error holds a secret. */
#ifndef VD_COMMAND_H
#define VD_COMMAND_H

#include "core/base/buffer.h"
#include <glib.h>

#define VD_COMMAND_LINE_MAX 512u

/* Checks an EHLO argument: domain (LDH labels, at least one, no underscore) or address literal (EHL-3 to EHL-5). */
gboolean vd_command_check_client (const char *client, GError **error);

/* Each appends one complete line to `out`, or nothing and sets error. */
gboolean vd_command_ehlo (VdBuffer *out, const char *verb /* "EHLO", "HELO", "LHLO" */, const char *client, GError **error);
gboolean vd_command_verb (VdBuffer *out, const char *verb, GError **error); /* STARTTLS, DATA, RSET, NOOP, QUIT: no argument */
gboolean vd_command_bdat (VdBuffer *out, guint64 size, gboolean last, GError **error);

typedef struct
{
  gboolean has_size;
  guint64 size;
  gboolean body_8bit; /* BODY=8BITMIME */
  gboolean utf8;      /* SMTPUTF8 */
} VdMailParams;

/* `path` without angle brackets, "" for the null reverse-path. */
gboolean vd_command_mail (VdBuffer *out, const char *path, const VdMailParams *params, GError **error);
gboolean vd_command_rcpt (VdBuffer *out, const char *path, gboolean utf8, GError **error);

/* "AUTH mech", or with `initial` (raw octets, base64 made here; size 0 is sent as "=") "AUTH mech ir".
 * *ret_fits FALSE, nothing appended and no error: the line would exceed 512 octets, send it without (AUT-3). */
gboolean vd_command_auth (VdBuffer *out, const char *mechanism, const GByteArray *initial, gboolean *ret_fits, GError **error);
/* A continuation line: base64 of the response, an empty line for none (AUT-4). */
void vd_command_auth_response (VdBuffer *out, const GByteArray *response);
void vd_command_auth_cancel (VdBuffer *out); /* "*" (AUT-6) */

/* Strict base64 of a 334's text (AUT-5, AUT-7). *ret_octets: new array, wiped by the caller.  Error VEREDA_ERROR_PROTOCOL. */
gboolean vd_command_decode_challenge (const char *text, gsize size, GByteArray **ret_octets, GError **error);

/* What a trace may show of a line that was just built (without CRLF): everything but SASL payloads, "AUTH PLAIN <redacted 24 octets>". */
char *vd_command_trace (const char *line, gsize size, gboolean is_sasl_response);

#endif
