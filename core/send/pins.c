/* SPDX-License-Identifier: MIT */
/* pins - see pins.h. */
#include "core/send/pins.h"

#include <string.h>

#include "core/base/error.h"
#include "core/base/trace.h"
#include "core/net/target.h"

#define PREFIX "sha256//"

enum
{
  SHA256_SIZE = 32,
  SHA512_SIZE = 64,
};

/* An entry that is not right; @p what says why. */
static gboolean
refuse (guint number, const char *entry, const char *what, GError **error)
{
  char *shown = vd_text_escape (entry, strlen (entry));

  g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION, "entry %u, \"%s\": %s", number, shown, what);
  g_free (shown);
  return FALSE;
}

/* g_base64_decode() passes over what it does not know, so what it made is written again and compared. */
static gboolean
add_pin (VdPins *self, guint number, const char *entry, GError **error)
{
  gsize size = 0;
  guchar *octets;
  char *again;
  gboolean same;

  if (!g_str_has_prefix (entry, PREFIX))
    return refuse (number, entry, "a pin is written sha256//BASE64", error);
  octets = g_base64_decode (entry + strlen (PREFIX), &size);
  again = g_base64_encode (octets, size);
  same = g_str_equal (again, entry + strlen (PREFIX));
  g_free (again);
  g_ptr_array_add (self->kept, octets);
  if (!same || size != SHA256_SIZE)
    return refuse (number, entry, "what follows sha256// is not the base64 of 32 octets, the SHA-256 of a public key", error);
  g_array_append_vals (self->pins, &(VeredaSpan){ octets, size }, 1);
  return TRUE;
}

/* One number below 256, as RFC 6698 section 2.2 writes it. */
static gboolean
read_field (const char *word, guint8 *ret)
{
  guint64 number;

  if (word == NULL || !g_ascii_string_to_unsigned (word, 10, 0, 255, &number, NULL))
    return FALSE;
  *ret = (guint8) number;
  return TRUE;
}

static gboolean
read_hex (char **words, guint8 *octets, gsize *ret_size)
{
  gsize n = 0;

  /* The digits may have blanks between them, as in a zone file. */
  for (; *words != NULL; words++)
    for (const char *p = *words; *p != '\0'; p++, n++)
      {
        if (!g_ascii_isxdigit (*p))
          return FALSE;
        octets[n / 2] = (guint8) (octets[n / 2] << 4 | g_ascii_xdigit_value (*p));
      }
  *ret_size = n / 2;
  return n > 0 && n % 2 == 0;
}

static gboolean
add_words (VdPins *self, guint number, const char *entry, char **words, GError **error)
{
  static const gsize sizes[] = { 0, SHA256_SIZE, SHA512_SIZE };
  guint8 *octets = g_malloc0 (strlen (entry) + 1);
  VeredaTlsa record = { .data = { .data = octets } };

  g_ptr_array_add (self->kept, octets);
  if (!read_field (words[0], &record.usage) || !read_field (words[1], &record.selector)
      || !read_field (words[2], &record.matching) || !read_hex (words + 3, octets, &record.data.size))
    return refuse (number, entry, "a record is written USAGE SELECTOR MATCHING HEX, as in 3 1 1 0123…", error);
  if (record.usage != 2 && record.usage != 3)
    return refuse (number, entry, "usage is not 2 or 3, and no other can be used in mail (RFC 7672 section 3.1.3)", error);
  if (record.selector > 1)
    return refuse (number, entry, "selector is neither 0, the certificate, nor 1, its key", error);
  if (record.matching > 2)
    return refuse (number, entry, "matching type is none of 0, 1 (SHA-256), 2 (SHA-512)", error);
  if (record.matching != 0 && record.data.size != sizes[record.matching])
    return refuse (number, entry, record.matching == 1 ? "a SHA-256 has 32 octets" : "a SHA-512 has 64 octets", error);
  g_array_append_val (self->tlsa, record);
  return TRUE;
}

static gboolean
add_record (VdPins *self, guint number, const char *entry, GError **error)
{
  char **words = vd_list_split (entry);
  gboolean fine = add_words (self, number, entry, words, error);

  g_strfreev (words);
  return fine;
}

static gboolean
add_pins (VdPins *self, const char *text, GError **error)
{
  char **entries = vd_list_split (text);
  gboolean fine = TRUE;

  for (guint i = 0; fine && entries[i] != NULL; i++)
    fine = add_pin (self, i + 1, entries[i], error);
  g_strfreev (entries);
  if (fine && self->pins->len == 0)
    g_set_error_literal (error, VEREDA_ERROR, VEREDA_ERROR_OPTION, "the list names no key");
  return fine && self->pins->len > 0;
}

static gboolean
add_records (VdPins *self, const char *text, GError **error)
{
  char **entries = g_strsplit (text, ",", -1);
  gboolean fine = TRUE;

  for (guint i = 0; fine && entries[i] != NULL; i++)
    fine = *g_strstrip (entries[i]) == '\0' || add_record (self, i + 1, entries[i], error);
  g_strfreev (entries);
  if (fine && self->tlsa->len == 0)
    g_set_error_literal (error, VEREDA_ERROR, VEREDA_ERROR_OPTION, "the list has no record");
  return fine && self->tlsa->len > 0;
}

VdPins *
vd_pins_new (const char *pins, const char *tlsa, GError **error)
{
  VdPins *self = g_new0 (VdPins, 1);

  self->pins = g_array_new (FALSE, FALSE, sizeof (VeredaSpan));
  self->tlsa = g_array_new (FALSE, FALSE, sizeof (VeredaTlsa));
  self->kept = g_ptr_array_new_with_free_func (g_free);
  if ((pins == NULL || add_pins (self, pins, error)) && (tlsa == NULL || add_records (self, tlsa, error)))
    return self;
  vd_pins_free (self);
  return NULL;
}

void
vd_pins_free (VdPins *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->pins);
  g_array_unref (self->tlsa);
  g_ptr_array_unref (self->kept);
  g_free (self);
}

void
vd_pins_lend (const VdPins *self, VeredaTlsSettings *settings)
{
  settings->pins = (const VeredaSpan *) (gconstpointer) self->pins->data;
  settings->n_pins = self->pins->len;
  settings->tlsa = (const VeredaTlsa *) (gconstpointer) self->tlsa->data;
  settings->n_tlsa = self->tlsa->len;
}
