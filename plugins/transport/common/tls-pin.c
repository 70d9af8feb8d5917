/* SPDX-License-Identifier: MIT */
/*
 * tls-pin: keys that are known beforehand.  See the header.
 */
#include "tls-pin.h"

#include <string.h>

#include "tls-der.h"

enum
{
  USAGE_DANE_TA = 2,
  USAGE_DANE_EE = 3,
  HASH_SIZE = 32,
};

static const struct
{
  guint8 matching;
  GChecksumType type;
  size_t size;
} hashes[] = {
  { 1, G_CHECKSUM_SHA256, 32 },
  { 2, G_CHECKSUM_SHA512, 64 },
};

static void
record_clear (gpointer data)
{
  VeredaTlsa *record = data;

  g_free ((gpointer) record->data.data);
}

gboolean
tls_pin_setup (TlsSession *self, const VeredaTlsSettings *full, GError **error)
{
  self->pin = self->record_found = -1;
  self->pins = g_array_new (FALSE, FALSE, HASH_SIZE);
  self->records = g_array_new (FALSE, FALSE, sizeof (VeredaTlsa));
  g_array_set_clear_func (self->records, record_clear);
  for (size_t i = 0; i < full->n_pins; i++)
    {
      if (full->pins[i].size != HASH_SIZE)
        {
          g_set_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_SETTINGS,
                       "pin %zu has %zu octets; a pin is the SHA-256 of a public key, which has 32", i + 1, full->pins[i].size);
          return FALSE;
        }
      g_array_append_vals (self->pins, full->pins[i].data, 1);
    }
  for (size_t i = 0; i < full->n_tlsa; i++)
    {
      VeredaTlsa record = full->tlsa[i];

      record.data.data = g_memdup2 (record.data.data, record.data.size);
      g_array_append_val (self->records, record);
    }
  return TRUE;
}

/* RFC 7672 section 3.1.3: without somebody who could be asked, PKIX-TA and PKIX-EE are of no use in mail. */
static gboolean
is_usable (const VeredaTlsa *record)
{
  if ((record->usage != USAGE_DANE_TA && record->usage != USAGE_DANE_EE) || record->selector > 1 || record->data.size == 0)
    return FALSE;
  for (size_t i = 0; i < G_N_ELEMENTS (hashes); i++)
    if (hashes[i].matching == record->matching)
      return record->data.size == hashes[i].size;
  return record->matching == 0;
}

static gboolean
same_octets (VeredaSpan a, VeredaSpan b)
{
  return a.size == b.size && (a.size == 0 || memcmp (a.data, b.data, a.size) == 0);
}

static gboolean
hash_is (GChecksumType type, VeredaSpan octets, VeredaSpan expected)
{
  g_autoptr (GChecksum) sum = g_checksum_new (type);
  guint8 digest[64];
  gsize size = sizeof digest;

  g_checksum_update (sum, octets.data, (gssize) octets.size);
  g_checksum_get_digest (sum, digest, &size);
  return same_octets ((VeredaSpan){ digest, size }, expected);
}

static gboolean
record_fits (const VeredaTlsa *record, VeredaSpan cert)
{
  VeredaSpan octets = cert;

  if (record->selector == 1 && !tls_der_key_info (cert, &octets))
    return FALSE;
  for (size_t i = 0; i < G_N_ELEMENTS (hashes); i++)
    if (hashes[i].matching == record->matching)
      return hash_is (hashes[i].type, octets, record->data);
  return same_octets (octets, record->data);
}

static TlsPinAnswer
decide (TlsSession *self, VeredaVerify verify, const char *text)
{
  tls_session_judge (self, verify, text);
  return TLS_PIN_DECIDED;
}

static TlsPinAnswer
judge_pins (TlsSession *self, VeredaSpan leaf)
{
  VeredaSpan key;

  for (guint i = 0; tls_der_key_info (leaf, &key) && i < self->pins->len; i++)
    if (hash_is (G_CHECKSUM_SHA256, key, (VeredaSpan){ self->pins->data + i * HASH_SIZE, HASH_SIZE }))
      {
        self->pin = (int) i;
        return decide (self, VEREDA_VERIFY_OK, "the key is a pinned one");
      }
  return decide (self, VEREDA_VERIFY_PIN_MISMATCH, "the key is none of the pinned ones");
}

/* Every certificate that a DANE-TA record names: of those the server sent, or the record itself where it is one. */
static GArray *
find_anchors (TlsSession *self)
{
  GArray *anchors = g_array_new (FALSE, FALSE, sizeof (VeredaSpan));
  VeredaSpan der, issuer, subject;

  for (guint i = 0; i < self->records->len; i++)
    {
      const VeredaTlsa *record = &g_array_index (self->records, VeredaTlsa, i);
      guint before = anchors->len;

      if (record->usage != USAGE_DANE_TA || !is_usable (record))
        continue;
      for (size_t at = 0; tls_der_chain_next (self->chain, &at, &der);)
        if (record_fits (record, der))
          g_array_append_val (anchors, der);
      if (record->selector == 0 && record->matching == 0 && tls_der_names (record->data, &issuer, &subject))
        g_array_append_val (anchors, record->data);
      if (anchors->len > before && self->record_found < 0)
        self->record_found = (int) i;
    }
  return anchors;
}

static TlsPinAnswer
judge_records (TlsSession *self, VeredaSpan leaf, GArray **ret_anchors)
{
  gboolean usable = FALSE;
  GArray *anchors;

  /* RFC 7672 section 3.1.1: DANE-EE is about the key alone; neither names nor dates count. */
  for (guint i = 0; i < self->records->len; i++)
    {
      const VeredaTlsa *record = &g_array_index (self->records, VeredaTlsa, i);

      usable = usable || is_usable (record);
      if (record->usage == USAGE_DANE_EE && is_usable (record) && record_fits (record, leaf))
        {
          self->record_found = (int) i;
          self->dane_ee = TRUE;
          return decide (self, VEREDA_VERIFY_OK, "a TLSA record names it (DANE-EE)");
        }
    }
  if (!usable)
    return TLS_PIN_SILENT;
  anchors = find_anchors (self);
  if (anchors->len > 0)
    {
      *ret_anchors = anchors;
      return TLS_PIN_ANCHORS;
    }
  g_array_unref (anchors);
  return decide (self, VEREDA_VERIFY_DANE_MISMATCH, "no TLSA record names it or an issuer of it");
}

TlsPinAnswer
tls_pin_judge (TlsSession *self, GArray **ret_anchors)
{
  VeredaSpan leaf = tls_session_leaf (self);

  self->pin = self->record_found = -1;
  self->dane_ee = FALSE;
  if (self->pins->len > 0)
    return judge_pins (self, leaf);
  return judge_records (self, leaf, ret_anchors);
}
