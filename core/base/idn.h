/* SPDX-License-Identifier: MIT */
/* idn - A-labels of internationalised domain names (RFC 5891, with the mapping of UTS 46).
 *
 * libidn2 converts.  It is opened when the first name that is not ASCII comes along, not before: mapping it and its tables costs
 * more than all else a short-lived program does until its first command, and hardly any mail needs it.  Threads: any. */
#ifndef VD_IDN_H
#define VD_IDN_H

#include <glib.h>

/* The name in A-labels, free it; NULL: *ret_why says what is wrong with it, or that this system cannot convert names. */
char *vd_idn_to_ascii (const char *name, char **ret_why);

#endif
