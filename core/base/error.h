/* SPDX-License-Identifier: MIT */
/* error - the library's error domain, and the few helpers every room uses to build messages.
 *
 * Pure.  Octets that came from outside are passed through vd_text_escape() (trace.h) before they enter a message. */
#ifndef VD_ERROR_H
#define VD_ERROR_H

#include <glib.h>
#include <vereda/error.h>

/* Wraps `*error` (which must be set): same domain and code, message prefixed by "<prefix>: ". NULL error is fine. */
void vd_error_prefix (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Moves `cause` into *error as VEREDA_ERROR `code`, the message being "<format…>: <cause message>". Frees cause. */
void vd_error_wrap (GError **error, VeredaErrorCode code, GError *cause, const char *format, ...) G_GNUC_PRINTF (4, 5);

#endif
