/* SPDX-License-Identifier: MIT */
/* domain - the part of an address behind the "@": a name or an address literal.
 *
 * Pure.  Names are letters, digits and hyphens in labels of at most 63 octets, 255 in all (RFC 5321 sections 4.1.2 and
 * 4.5.3.1.2, RFC 1035 section 2.3.4); names in other scripts become A-labels (IDNA 2008 with UTS #46, non-transitional, by
 * libidn2). */
#ifndef VD_DOMAIN_H
#define VD_DOMAIN_H

#include <glib.h>

/* Checks `name` (UTF-8, no trailing dot) and gives its A-label form, in the case given where it is ASCII already.  On
 * failure *ret_why says what is wrong, as a phrase to follow the name ("has an empty label"); nothing else is set. */
gboolean vd_domain_to_ascii (const char *name, char **ret_ascii, char **ret_why);

/* A name of ASCII without fault, as it stands. */
gboolean vd_domain_is_plain (const char *name, gsize size);

/* Checks an address literal with its brackets: [1.2.3.4], [IPv6:...], [Tag:...] (RFC 5321 section 4.1.3). */
gboolean vd_domain_check_literal (const char *literal, char **ret_why);

#endif
