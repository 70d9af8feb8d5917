/* SPDX-License-Identifier: MIT */
/* host - what may stand where a server's name or address is asked for.
 *
 * Pure: no look-ups.  Errors are VEREDA_ERROR_OPTION, say what is wrong with the name and do not repeat it. */
#ifndef VD_NET_HOST_H
#define VD_NET_HOST_H

#include <glib.h>

/* U-labels to A-labels (IDNA 2008, UTS 46 non-transitional; TCP-11), lower case.  Labels, lengths and letters are checked after the conversion,
 * because that may yield anything: letters, digits, hyphens inside, underscores; a trailing dot stays; what the system would read as a number
 * ("127.1", "0x7f000001") is refused. */
char *vd_host_to_ascii (const char *host, GError **error);

/* An IP literal without brackets, in its canonical form; the zone of an IPv6 address ("%eth0") is kept, and not looked up.  NULL: not one. */
char *vd_host_literal (const char *host);

#endif
