/* SPDX-License-Identifier: MIT */
/* scan - the inner loop of the body writer: how far may octets be passed on as they are?
 *
 * Pure, cannot fail.  One small function, so that it can be made faster without anything else knowing. */
#ifndef VD_SCAN_H
#define VD_SCAN_H

#include <glib.h>

/* Index of the first CR, LF or NUL in `data`, or `size`. *eight_bit becomes TRUE if an octet >= 0x80 lies before it, else is
 * left alone. */
gsize vd_scan_plain (const guint8 *data, gsize size, gboolean *eight_bit);

#endif
