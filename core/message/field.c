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

#define ROW(name, flags)                                                                                                       \
  {                                                                                                                            \
    name, sizeof name - 1, flags                                                                                               \
  }

/* Rows with RFC 5322's section 3.6 limits; each but the refused ones exists with Resent- too. */
static const struct
{
  const char *name;
  gsize size;
  guint flags;
} table[] = {
  ROW ("Date", VD_FIELD_SINGLE | VD_FIELD_ASCII),
  ROW ("From", VD_FIELD_SINGLE | VD_FIELD_ADDRESS),
  ROW ("Sender", VD_FIELD_SINGLE | VD_FIELD_ADDRESS),
  ROW ("Reply-To", VD_FIELD_SINGLE | VD_FIELD_ADDRESS),
  ROW ("To", VD_FIELD_SINGLE | VD_FIELD_ADDRESS),
  ROW ("Cc", VD_FIELD_SINGLE | VD_FIELD_ADDRESS),
  ROW ("Bcc", VD_FIELD_SINGLE | VD_FIELD_ADDRESS | VD_FIELD_BLIND),
  ROW ("Dcc", VD_FIELD_SINGLE | VD_FIELD_ADDRESS | VD_FIELD_BLIND),
  ROW ("Message-ID", VD_FIELD_SINGLE | VD_FIELD_ASCII),
  ROW ("In-Reply-To", VD_FIELD_SINGLE | VD_FIELD_ASCII | VD_FIELD_IDS),
  ROW ("References", VD_FIELD_SINGLE | VD_FIELD_ASCII | VD_FIELD_IDS),
  ROW ("Subject", VD_FIELD_SINGLE),
  /* Describe the body, which is not for a header option to redescribe. */
  ROW ("Content-Type", VD_FIELD_SINGLE | VD_FIELD_REFUSED),
  ROW ("Content-Transfer-Encoding", VD_FIELD_SINGLE | VD_FIELD_REFUSED),
  ROW ("Content-MD5", VD_FIELD_SINGLE | VD_FIELD_REFUSED),
  ROW ("MIME-Version", VD_FIELD_SINGLE | VD_FIELD_REFUSED),
  /* Written by servers (RFC 5321 section 4.4). */
  ROW ("Return-Path", VD_FIELD_REFUSED),
  ROW ("Received", VD_FIELD_REFUSED),
};

guint
vd_field_flags (const char *name, gsize size)
{
  guint resent
      = size > 7 && (*name == 'R' || *name == 'r') && g_ascii_strncasecmp (name, "Resent-", 7) == 0 ? VD_FIELD_RESENT : 0;
  if (resent != 0)
    {
      name += 7;
      size -= 7;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    if (table[i].size == size && (table[i].name[0] | 0x20) == (name[0] | 0x20)
        && vd_octet_equal_case (table[i].name, name, size))
      return resent == 0 || (table[i].flags & VD_FIELD_REFUSED) == 0 ? table[i].flags | resent : resent;
  return resent;
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
