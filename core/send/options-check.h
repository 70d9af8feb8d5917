/* SPDX-License-Identifier: MIT */
/* options-check - checks of option values beyond their type.  Pure.  Each says what is wrong, without the option's name. */
#ifndef VD_OPTIONS_CHECK_H
#define VD_OPTIONS_CHECK_H

#include <glib.h>

#include "core/base/secret.h"

gboolean vd_check_servers (const char *value, GError **error);
gboolean vd_check_ports (const char *value, GError **error);
gboolean vd_check_client (const char *value, GError **error);
gboolean vd_check_originator (const char *value, GError **error);
gboolean vd_check_recipients (const char *value, GError **error);
gboolean vd_check_domain (const char *value, GError **error);
gboolean vd_check_transport (const char *value, GError **error);
gboolean vd_check_path (const char *value, GError **error);
gboolean vd_check_verify_name (const char *value, GError **error);
gboolean vd_check_pins (const char *value, GError **error);
gboolean vd_check_tlsa (const char *value, GError **error);
gboolean vd_check_printable (const char *value, GError **error);
gboolean vd_check_user (const char *value, GError **error);
gboolean vd_check_mechanisms (const char *value, GError **error);
gboolean vd_check_window_messages (const char *value, GError **error);
gboolean vd_check_window_octets (const char *value, GError **error);
gboolean vd_check_number (const char *value, GError **error);
gboolean vd_check_count (const char *value, GError **error); /* 1 to 65535 */
gboolean vd_check_limit (const char *value, GError **error); /* the same, and 0 for none */
gboolean vd_check_local_address (const char *value, GError **error);

/* What every value goes through first: no CR, LF or other control character (CFG-1). */
gboolean vd_check_no_control (const char *value, GError **error);
/* The same for a secret (NULL is fine), of which nothing is told: RFC 4013 section 2.3 has no control characters either.  Names the option. */
gboolean vd_check_secret (const char *name, VdSecret *secret, GError **error);

#endif
