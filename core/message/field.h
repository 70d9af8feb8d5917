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

/* The names that something is known of.  A name is read once; from then on its number is compared. */
typedef enum
{
  VD_NAME_OTHER,
  VD_NAME_DATE,
  VD_NAME_FROM,
  VD_NAME_SENDER,
  VD_NAME_REPLY_TO,
  VD_NAME_TO,
  VD_NAME_CC,
  VD_NAME_BCC,
  VD_NAME_DCC,
  VD_NAME_MESSAGE_ID,
  VD_NAME_IN_REPLY_TO,
  VD_NAME_REFERENCES,
  VD_NAME_SUBJECT,
  VD_NAME_CONTENT_TYPE,
  VD_NAME_CONTENT_TRANSFER_ENCODING,
  VD_NAME_CONTENT_MD5,
  VD_NAME_MIME_VERSION,
  VD_NAME_RETURN_PATH,
  VD_NAME_RECEIVED,
  VD_NAME_N,
  VD_NAME_RESENT = 32 /* added to it: begins with Resent- */
} VdName;

/* A set of names. */
#define VD_NAME_BIT(name) (G_GUINT64_CONSTANT (1) << (name))

/* Without regard to case. */
guint vd_name_read (const char *text, gsize size);
/* Not of VD_NAME_OTHER. */
const char *vd_name_text (guint name);
/* Flags by name; 0 for a field that nothing is known of. */
guint vd_name_flags (guint name);

/* Appends "Name: value" CRLF, folded at white space that is there so that lines stay within 76 octets where they can (RFC
 * 5322 section 2.2.3, RFC 2047 section 2).  A line that cannot be kept within 998 octets is VEREDA_ERROR_MESSAGE. */
gboolean vd_field_append (GByteArray *to, const char *name, const char *value, GError **error);

/* RFC 5322 section 3.3, in English whatever the locale; offset in seconds east, G_MININT32: -0000. */
char *vd_field_date (gint64 now, gint32 utc_offset);

/* <32 hexadecimal digits@domain>: nothing of host, process or time (HDR-4). */
char *vd_field_message_id (const guint8 random[16], const char *domain);

#endif
