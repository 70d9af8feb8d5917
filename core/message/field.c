/* SPDX-License-Identifier: MIT */
/* field - the table of fields, folding, Date and Message-ID.
 *
 * Pure.  Fails only on a value that no folding brings within the limit of a line. */
#include "core/message/field.h"

#include <string.h>

#include "core/base/error.h"
#include "core/base/octet.h"
#include "core/message/policy.h"

#define FOLD_AT 76

/* Rows with RFC 5322's section 3.6 limits; each but the refused ones exists with Resent- too. */
static const struct
{
  const char *resent; /* the name with Resent- */
  guint flags;
} names[VD_NAME_N] = {
  [VD_NAME_OTHER] = { "Resent-", 0 },
  [VD_NAME_DATE] = { "Resent-Date", VD_FIELD_SINGLE | VD_FIELD_ASCII },
  [VD_NAME_FROM] = { "Resent-From", VD_FIELD_SINGLE | VD_FIELD_ADDRESS },
  [VD_NAME_SENDER] = { "Resent-Sender", VD_FIELD_SINGLE | VD_FIELD_ADDRESS },
  [VD_NAME_REPLY_TO] = { "Resent-Reply-To", VD_FIELD_SINGLE | VD_FIELD_ADDRESS },
  [VD_NAME_TO] = { "Resent-To", VD_FIELD_SINGLE | VD_FIELD_ADDRESS },
  [VD_NAME_CC] = { "Resent-Cc", VD_FIELD_SINGLE | VD_FIELD_ADDRESS },
  [VD_NAME_BCC] = { "Resent-Bcc", VD_FIELD_SINGLE | VD_FIELD_ADDRESS | VD_FIELD_BLIND },
  [VD_NAME_DCC] = { "Resent-Dcc", VD_FIELD_SINGLE | VD_FIELD_ADDRESS | VD_FIELD_BLIND },
  [VD_NAME_MESSAGE_ID] = { "Resent-Message-ID", VD_FIELD_SINGLE | VD_FIELD_ASCII },
  [VD_NAME_IN_REPLY_TO] = { "Resent-In-Reply-To", VD_FIELD_SINGLE | VD_FIELD_ASCII | VD_FIELD_IDS },
  [VD_NAME_REFERENCES] = { "Resent-References", VD_FIELD_SINGLE | VD_FIELD_ASCII | VD_FIELD_IDS },
  [VD_NAME_SUBJECT] = { "Resent-Subject", VD_FIELD_SINGLE },
  /* Describe the body, which is not for a header option to redescribe. */
  [VD_NAME_CONTENT_TYPE] = { "Resent-Content-Type", VD_FIELD_SINGLE | VD_FIELD_REFUSED },
  [VD_NAME_CONTENT_TRANSFER_ENCODING] = { "Resent-Content-Transfer-Encoding", VD_FIELD_SINGLE | VD_FIELD_REFUSED },
  [VD_NAME_CONTENT_MD5] = { "Resent-Content-MD5", VD_FIELD_SINGLE | VD_FIELD_REFUSED },
  [VD_NAME_MIME_VERSION] = { "Resent-MIME-Version", VD_FIELD_SINGLE | VD_FIELD_REFUSED },
  /* Written by servers (RFC 5321 section 4.4). */
  [VD_NAME_RETURN_PATH] = { "Resent-Return-Path", VD_FIELD_REFUSED },
  [VD_NAME_RECEIVED] = { "Resent-Received", VD_FIELD_REFUSED },
};

/* The names of so many octets, ended by VD_NAME_OTHER: few are alike. */
#define SIZE_MAX_KNOWN 25u
static const guint8 by_size[SIZE_MAX_KNOWN + 1][4] = {
  [2] = { VD_NAME_TO, VD_NAME_CC },
  [3] = { VD_NAME_BCC, VD_NAME_DCC },
  [4] = { VD_NAME_FROM, VD_NAME_DATE },
  [6] = { VD_NAME_SENDER },
  [7] = { VD_NAME_SUBJECT },
  [8] = { VD_NAME_RECEIVED, VD_NAME_REPLY_TO },
  [10] = { VD_NAME_MESSAGE_ID, VD_NAME_REFERENCES },
  [11] = { VD_NAME_IN_REPLY_TO, VD_NAME_RETURN_PATH, VD_NAME_CONTENT_MD5 },
  [12] = { VD_NAME_CONTENT_TYPE, VD_NAME_MIME_VERSION },
  [25] = { VD_NAME_CONTENT_TRANSFER_ENCODING },
};

#define PREFIX_SIZE (sizeof "Resent-" - 1)

static guint
read_known (const char *text, gsize size)
{
  for (const guint8 *name = size <= SIZE_MAX_KNOWN ? by_size[size] : by_size[0]; *name != VD_NAME_OTHER; name++)
    if (vd_octet_equal_case (names[*name].resent + PREFIX_SIZE, text, size))
      return *name;
  return VD_NAME_OTHER;
}

guint
vd_name_read (const char *text, gsize size)
{
  if (size <= PREFIX_SIZE || (text[0] | 0x20) != 'r' || !vd_octet_equal_case (text, "Resent-", PREFIX_SIZE))
    return read_known (text, size);
  const guint name = read_known (text + PREFIX_SIZE, size - PREFIX_SIZE);
  return VD_NAME_RESENT + ((names[name].flags & VD_FIELD_REFUSED) == 0 ? name : VD_NAME_OTHER);
}

const char *
vd_name_text (guint name)
{
  return names[name % VD_NAME_RESENT].resent + (name >= VD_NAME_RESENT ? 0 : PREFIX_SIZE);
}

guint
vd_name_flags (guint name)
{
  return names[name % VD_NAME_RESENT].flags | (name >= VD_NAME_RESENT ? VD_FIELD_RESENT : 0);
}

static gboolean
is_wsp (char c)
{
  return c == ' ' || c == '\t';
}

gboolean
vd_field_append (GByteArray *to, const char *name, const char *value, GError **error)
{
  g_autoptr (GString) text = g_string_new (name);
  gsize line = 0; /* where the line at hand begins in `text` */
  gsize longest = 0;
  g_string_append_c (text, ':');
  gsize first_word = text->len;
  if (!is_wsp (value[0]) && value[0] != '\0')
    g_string_append_c (text, ' ');
  for (const char *p = value; *p != '\0';)
    {
      gsize space = strspn (p, " \t");
      gsize word = strcspn (p + space, " \t");
      if (word == 0) /* white space at the end would make a line of its own */
        break;
      if (p != value && text->len > first_word && text->len - line + space + word > FOLD_AT)
        {
          longest = MAX (longest, text->len - line);
          g_string_append (text, "\r\n");
          line = text->len;
        }
      g_string_append_len (text, p, (gssize) (space + word));
      p += space + word;
    }
  longest = MAX (longest, text->len - line);
  if (longest > VD_LINE_MAX)
    {
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_MESSAGE,
                   "header field %s would have a line of %" G_GSIZE_FORMAT
                   " octets, more than the %d that mail allows, and there is no white space to fold it at",
                   name, longest, VD_LINE_MAX);
      return FALSE;
    }
  g_string_append (text, "\r\n");
  g_byte_array_append (to, (const guint8 *) text->str, (guint) text->len);
  return TRUE;
}

char *
vd_field_date (gint64 now, gint32 utc_offset)
{
  /* No strftime(): its names follow the locale. */
  static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
  static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
  const gint64 last = G_GINT64_CONSTANT (253402214400); /* a day before the year 10000 */
  gboolean known = utc_offset > -24 * 3600 && utc_offset < 24 * 3600;
  int minutes = known ? utc_offset / 60 : 0;
  g_autoptr (GDateTime) local = g_date_time_new_from_unix_utc (CLAMP (now, 0, last) + minutes * 60);
  int shown = ABS (minutes);
  return g_strdup_printf ("%s, %02d %s %04d %02d:%02d:%02d %c%02d%02d", days[g_date_time_get_day_of_week (local) - 1],
                          g_date_time_get_day_of_month (local), months[g_date_time_get_month (local) - 1],
                          g_date_time_get_year (local), g_date_time_get_hour (local), g_date_time_get_minute (local),
                          g_date_time_get_second (local), !known || minutes < 0 ? '-' : '+', shown / 60, shown % 60);
}

char *
vd_field_message_id (const guint8 random[16], const char *domain)
{
  static const char digits[] = "0123456789abcdef";
  char id[33] = { 0 };
  for (int i = 0; i < 16; i++)
    {
      id[2 * i] = digits[random[i] >> 4];
      id[2 * i + 1] = digits[random[i] & 15];
    }
  return g_strconcat ("<", id, "@", domain, ">", NULL);
}
