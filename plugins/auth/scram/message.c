/* SPDX-License-Identifier: MIT */
/*
 * SCRAM messages: see message.h.
 *
 * May touch nothing but its arguments.  Fails on everything that the grammar of RFC 5802 section 7 does not have, on mandatory
 * extensions (`m=`, section 5.1: "its presence is an error"), and on iteration counts outside of our bounds.  Messages never
 * repeat the server's octets; of its error words only those that the RFC knows.
 */
#include "message.h"

#include <string.h>

#define MAX_ATTRIBUTES 32

/* One attr-val: `letter=value`, the value lent. */
typedef struct
{
  char name;
  VeredaSpan value;
} Attribute;

static gboolean
broken (GError **error, const char *what)
{
  g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_PROTOCOL, "SCRAM: the server's message %s (RFC 5802 section 7)",
               what);
  return FALSE;
}

/* Splits at the commas.  Values hold neither NUL nor comma, and are UTF-8. */
static gboolean
read_attributes (const VeredaSpan *text, Attribute *ret, guint *ret_n, GError **error)
{
  const char *at = text->data, *end;
  guint n = 0;

  if (text->size == 0)
    return broken (error, "is empty");
  end = at + text->size;
  if (memchr (at, '\0', text->size) != NULL || !g_utf8_validate_len (at, text->size, NULL))
    return broken (error, "holds a NUL or is not UTF-8");
  for (;;)
    {
      const char *comma = memchr (at, ',', (gsize) (end - at));
      const char *stop = comma != NULL ? comma : end;

      if (stop - at < 3 || !g_ascii_isalpha (at[0]) || at[1] != '=')
        return broken (error, "has something other than a letter, '=' and a value between two commas");
      if (n == MAX_ATTRIBUTES)
        return broken (error, "has too many attributes");
      ret[n++] = (Attribute){ at[0], { at + 2, (gsize) (stop - at - 2) } };
      if (comma == NULL)
        break;
      at = comma + 1;
    }
  *ret_n = n;
  return TRUE;
}

/* Section 5.1: an m= that is not understood, as all are today, ends the exchange.  It belongs to the front; what calls itself so
 * elsewhere is not better. */
static gboolean
refuse_mandatory (const Attribute *attributes, guint n, GError **error)
{
  for (guint i = 0; i < n; i++)
    if (attributes[i].name == 'm')
      {
        g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_UNSUPPORTED,
                     "SCRAM: the server demands an extension (m=) that is not known (RFC 5802 section 5.1)");
        return FALSE;
      }
  return TRUE;
}

/* RFC 4648 section 4, nothing tolerated: also the bits behind the last octet are zero (section 3.5), so that there is one form. */
static guint8 *
decode_base64 (const VeredaSpan *value, gsize *ret_size)
{
  g_autofree char *text = g_strndup (value->data, value->size);
  g_autofree char *again = NULL;
  guint8 *octets = NULL;
  gsize size = 0;

  if (value->size == 0 || value->size % 4 != 0)
    return NULL;
  octets = g_base64_decode (text, &size);
  again = g_base64_encode (octets, size);
  if (!g_str_equal (again, text))
    g_clear_pointer (&octets, g_free);
  *ret_size = size;
  return octets;
}

/* printable: %x21-2B / %x2D-7E */
static gboolean
take_nonce (const VeredaSpan *value, const char *ours, char **ret, GError **error)
{
  gsize size = strlen (ours);
  const char *text = value->data;

  for (gsize i = 0; i < value->size; i++)
    if (text[i] < 0x21 || text[i] > 0x7e)
      return broken (error, "has a nonce with an octet that is not printable");
  if (value->size < size || memcmp (text, ours, size) != 0)
    return broken (error, "has a nonce that does not begin with ours; it answers somebody else");
  if (value->size == size)
    return broken (error, "adds nothing to our nonce, so it could be an old one");
  *ret = g_strndup (text, value->size);
  return TRUE;
}

static gboolean
take_salt (const VeredaSpan *value, ScramFirst *ret, GError **error)
{
  ret->salt = decode_base64 (value, &ret->salt_size);
  if (ret->salt == NULL || ret->salt_size == 0)
    return broken (error, "has a salt that is not base64");
  return TRUE;
}

static gboolean
take_iterations (const VeredaSpan *value, guint *ret, GError **error)
{
  const char *text = value->data;
  guint count = 0;

  if (text[0] == '0')
    return broken (error, "has an iteration count that is not a positive number");
  for (gsize i = 0; i < value->size; i++)
    {
      if (!g_ascii_isdigit (text[i]))
        return broken (error, "has an iteration count that is not a positive number");
      count = MIN (count * 10 + (guint) (text[i] - '0'), SCRAM_ITERATIONS_MAX + 1);
    }
  if (count < SCRAM_ITERATIONS_MIN || count > SCRAM_ITERATIONS_MAX)
    {
      g_autofree char *seen = count > SCRAM_ITERATIONS_MAX ? g_strdup_printf ("more than %u", SCRAM_ITERATIONS_MAX)
                                                           : g_strdup_printf ("%u", count);

      g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_UNSUPPORTED,
                   "SCRAM: the server asks for %s iterations of the hash; %s (accepted are %u to %u)", seen,
                   count > SCRAM_ITERATIONS_MAX
                       ? "that would keep this client busy"
                       : "with so few the password could be guessed from the answer (RFC 7677 section 4)",
                   SCRAM_ITERATIONS_MIN, SCRAM_ITERATIONS_MAX);
      return FALSE;
    }
  *ret = count;
  return TRUE;
}

void
scram_first_clear (ScramFirst *first)
{
  g_clear_pointer (&first->text, g_free);
  g_clear_pointer (&first->nonce, g_free);
  g_clear_pointer (&first->salt, g_free);
}

/* server-first-message: r=, s=, i=, in this order; optional extensions behind them are ignored. */
gboolean
scram_first_parse (const VeredaSpan *text, const char *ours, ScramFirst *ret_first, GError **error)
{
  g_auto (ScramFirst) first = { NULL, NULL, NULL, 0, 0 };
  Attribute a[MAX_ATTRIBUTES];
  guint n;

  if (!read_attributes (text, a, &n, error) || !refuse_mandatory (a, n, error))
    return FALSE;
  if (n < 3 || a[0].name != 'r' || a[1].name != 's' || a[2].name != 'i')
    return broken (error, "is not nonce, salt and iteration count (r=, s=, i=)");
  if (!take_nonce (&a[0].value, ours, &first.nonce, error) || !take_salt (&a[1].value, &first, error)
      || !take_iterations (&a[2].value, &first.iterations, error))
    return FALSE;
  first.text = g_strndup (text->data, text->size);
  *ret_first = first;
  first = (ScramFirst){ NULL, NULL, NULL, 0, 0 };
  return TRUE;
}

gboolean
scram_final_parse (const VeredaSpan *text, gsize size, guint8 *ret_signature, GError **error)
{
  g_autofree guint8 *octets = NULL;
  Attribute a[MAX_ATTRIBUTES];
  gsize octets_size = 0;
  guint n;

  if (!read_attributes (text, a, &n, error) || !refuse_mandatory (a, n, error))
    return FALSE;
  if (a[0].name != 'v')
    {
      g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_SERVER,
                   "SCRAM: the server sent no signature (v=), so it has not proved that it knows the password");
      return FALSE;
    }
  octets = decode_base64 (&a[0].value, &octets_size);
  if (octets == NULL)
    return broken (error, "has a signature that is not base64");
  if (octets_size != size)
    return broken (error, "has a signature of another size than the hash's");
  memcpy (ret_signature, octets, size);
  return TRUE;
}

/* server-error-value.  The binding errors mean that this client and the server do not see the same TLS session or the same list of
 * mechanisms: somebody between them is likelier than a fault of either, so nothing weaker is to follow. */
static const struct
{
  const char *word;
  VeredaAuthError code;
  const char *text;
} refusals[] = {
  { "invalid-encoding", VEREDA_AUTH_ERROR_REFUSED, "it could not read our message" },
  { "extensions-not-supported", VEREDA_AUTH_ERROR_REFUSED, "it does not know an extension that it saw" },
  { "invalid-proof", VEREDA_AUTH_ERROR_REFUSED, "the password is wrong" },
  { "channel-bindings-dont-match", VEREDA_AUTH_ERROR_SERVER,
    "its end of the TLS session is not ours: somebody may stand between this client and the server" },
  { "server-does-support-channel-binding", VEREDA_AUTH_ERROR_SERVER,
    "it does support channel binding, but its -PLUS mechanisms were not in the list that arrived here: somebody may have "
    "removed "
    "them" },
  { "channel-binding-not-supported", VEREDA_AUTH_ERROR_REFUSED, "it does not support channel binding" },
  { "unsupported-channel-binding-type", VEREDA_AUTH_ERROR_REFUSED, "it does not support this type of channel binding" },
  { "unknown-user", VEREDA_AUTH_ERROR_REFUSED, "it does not know the user" },
  { "invalid-username-encoding", VEREDA_AUTH_ERROR_REFUSED, "it cannot read the user name" },
  { "no-resources", VEREDA_AUTH_ERROR_REFUSED, "it is out of resources" },
  { "other-error", VEREDA_AUTH_ERROR_REFUSED, "it gives no reason" },
};

GError *
scram_refusal_parse (const VeredaSpan *text, const char *mechanism)
{
  const char *at = text->data;
  gsize size;

  if (text->size < 2 || at[0] != 'e' || at[1] != '=')
    return NULL;
  for (size = 0; 2 + size < text->size && at[2 + size] != ','; size++)
    ;
  for (gsize i = 0; i < G_N_ELEMENTS (refusals); i++)
    if (strlen (refusals[i].word) == size && memcmp (refusals[i].word, at + 2, size) == 0)
      return g_error_new (VEREDA_AUTH_ERROR, (int) refusals[i].code, "%s: the server says %s: %s", mechanism, refusals[i].word,
                          refusals[i].text);
  return g_error_new (VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_REFUSED,
                      "%s: the server refuses with an error (e=) that RFC 5802 does not know", mechanism);
}

void
scram_escape (const AuthText *name, AuthText *ret_name)
{
  gsize size = name->size;
  char *out;

  for (gsize i = 0; i < name->size; i++)
    if (name->data[i] == ',' || name->data[i] == '=')
      size += 2;
  ret_name->size = size;
  ret_name->data = out = g_malloc (size + 1);
  for (gsize i = 0; i < name->size; i++)
    if (name->data[i] == ',' || name->data[i] == '=')
      {
        memcpy (out, name->data[i] == ',' ? "=2C" : "=3D", 3);
        out += 3;
      }
    else
      *out++ = name->data[i];
  *out = '\0';
}
