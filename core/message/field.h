/* SPDX-License-Identifier: MIT */
/* field - what is known of header fields by name, and how the library writes those it makes.
 *
 * Pure: the moment and the randomness are given. */
#ifndef VD_FIELD_H
#define VD_FIELD_H

#include <glib.h>

typedef enum
{
  VD_FIELD_SINGLE = 1 << 0,  /* at most once (RFC 5322 section 3.6) */
  VD_FIELD_ADDRESS = 1 << 1, /* an address list */
  VD_FIELD_BLIND = 1 << 2,   /* never on the wire (BCC-5) */
  VD_FIELD_ASCII = 1 << 3,   /* has no place for encoded-words */
  VD_FIELD_IDS = 1 << 4,     /* several values make one list, separated by space */
  VD_FIELD_REFUSED = 1 << 5, /* not for the caller to set (HDR-8) */
  VD_FIELD_RESENT = 1 << 6   /* begins with Resent- */
} VdFieldFlags;

/* Flags by name, without regard to case; 0 for a field that nothing is known of. */
guint vd_field_flags (const char *name, gsize size);

/* Appends "Name: value" CRLF, folded at white space that is there so that lines stay within 76 octets where they can (RFC
 * 5322 section 2.2.3, RFC 2047 section 2).  A line that cannot be kept within 998 octets is VEREDA_ERROR_MESSAGE. */
gboolean vd_field_append (GByteArray *to, const char *name, const char *value, GError **error);

/* RFC 5322 section 3.3, in English whatever the locale; offset in seconds east, G_MININT32: -0000. */
char *vd_field_date (gint64 now, gint32 utc_offset);

/* <32 hexadecimal digits@domain>: nothing of host, process or time (HDR-4). */
char *vd_field_message_id (const guint8 random[16], const char *domain);

#endif
