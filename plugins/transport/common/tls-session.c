/* SPDX-License-Identifier: MIT */
/*
 * tls-session: the library-independent half of a TLS transport.  See the header.
 *
 * Touches the layer below and memory.  Fails on unusable settings, and records every failure so that it is final.
 */
#include "tls-session.h"

#include <arpa/inet.h>
#include <string.h>

#include "tls-pin.h"

/* The first reason that applies is reported.  What comes first is what the libraries stop at (an issuer that is not found
   hides everything above it), and the name comes last: RFC 7817 section 3 validates the path first. */
static const VeredaVerify by_weight[] = {
  VEREDA_VERIFY_NO_CERTIFICATE, VEREDA_VERIFY_REVOKED,       VEREDA_VERIFY_SELF_SIGNED, VEREDA_VERIFY_UNKNOWN_ISSUER,
  VEREDA_VERIFY_INVALID,        VEREDA_VERIFY_PURPOSE,       VEREDA_VERIFY_WEAK,        VEREDA_VERIFY_EXPIRED,
  VEREDA_VERIFY_NOT_YET_VALID,  VEREDA_VERIFY_NAME_MISMATCH,
};

static const char *const words[] = {
  [VEREDA_VERIFY_OK] = "fine",
  [VEREDA_VERIFY_NO_CERTIFICATE] = "the server sent none",
  [VEREDA_VERIFY_UNKNOWN_ISSUER] = "unknown issuer",
  [VEREDA_VERIFY_SELF_SIGNED] = "self-signed",
  [VEREDA_VERIFY_EXPIRED] = "expired",
  [VEREDA_VERIFY_NOT_YET_VALID] = "not yet valid",
  [VEREDA_VERIFY_NAME_MISMATCH] = "it is for another name",
  [VEREDA_VERIFY_WEAK] = "key or signature too weak",
  [VEREDA_VERIFY_REVOKED] = "revoked",
  [VEREDA_VERIFY_PURPOSE] = "not valid for this purpose",
  [VEREDA_VERIFY_INVALID] = "invalid",
  [VEREDA_VERIFY_PIN_MISMATCH] = "not a pinned key",
  [VEREDA_VERIFY_DANE_MISMATCH] = "not what the TLSA records of the server name",
};

static gboolean
refuse_setting (GError **error, const char *format, const char *value)
{
  g_autofree char *shown = g_strescape (value, NULL);
  g_autofree char *text = g_strdup_printf ("the name of the server, \"%s\", %s", shown, format);

  g_set_error_literal (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_SETTINGS, text);
  return FALSE;
}

/* RFC 9525 section 6: an IP address is compared as octets, a name label by label.  A leading dot is refused because
   OpenSSL would take it for "any host below". */
static gboolean
take_peer_name (TlsSession *self, const char *name, GError **error)
{
  g_autofree char *copy = NULL;
  size_t length;

  if (name == NULL || name[0] == '\0')
    return TRUE;
  copy = g_strdup (name);
  if (strchr (copy, ':') != NULL)
    copy[strcspn (copy, "%")] = '\0'; /* the zone of a link-local address is no part of the identity */
  if (inet_pton (AF_INET, copy, self->ip) == 1)
    self->ip_size = 4;
  else if (inet_pton (AF_INET6, copy, self->ip) == 1)
    self->ip_size = 16;
  else
    {
      length = strlen (copy);
      if (copy[length - 1] == '.')
        copy[--length] = '\0';
      if (length == 0 || length > 253 || copy[0] == '.')
        return refuse_setting (error, "is not a host name", name);
      for (size_t i = 0; i < length; i++)
        if (!g_ascii_isalnum (copy[i]) && copy[i] != '.' && copy[i] != '-' && copy[i] != '_')
          return refuse_setting (error, "is not a host name in ASCII form (A-labels) nor an IP address", name);
    }
  self->peer_name = g_steal_pointer (&copy);
  return TRUE;
}

gboolean
tls_session_setup (TlsSession *self, const VeredaTlsSettings *settings, VeredaTlsSettings *ret_full, GError **error)
{
  VeredaTlsSettings full = { 0 };

  memcpy (&full, settings, MIN (settings->struct_size, sizeof full));
  if (full.min_version < 0x0303) /* TLS-1: nothing older is ever spoken, whoever asks */
    full.min_version = 0x0303;
  if (full.min_version > 0x0304)
    {
      g_set_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_UNSUPPORTED,
                   "version 0x%04x is asked for as the lowest, the highest known is 0x0304 (TLS 1.3)", full.min_version);
      return FALSE;
    }
  if (full.key_file != NULL && full.cert_file == NULL)
    {
      g_set_error_literal (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_SETTINGS,
                           "a key file is given without a certificate file");
      return FALSE;
    }
  if (!take_peer_name (self, full.peer_name, error))
    return FALSE;
  if (!tls_pin_setup (self, &full, error))
    return FALSE;
  self->insecure = full.insecure_skip_verify;
  *ret_full = full;
  return TRUE;
}

void
tls_session_clear (TlsSession *self)
{
  g_clear_pointer (&self->peer_name, g_free);
  g_clear_pointer (&self->verify_text, g_free);
  g_clear_pointer (&self->chain, g_bytes_unref);
  g_clear_pointer (&self->offered_chain, g_bytes_unref);
  g_clear_pointer (&self->matched_name, g_free);
  g_clear_pointer (&self->ocsp_response, g_bytes_unref);
  g_clear_pointer (&self->client_issuers, g_bytes_unref);
  g_clear_pointer (&self->pins, g_array_unref);
  g_clear_pointer (&self->records, g_array_unref);
  g_clear_error (&self->failure);
  g_clear_error (&self->lower_error);
  explicit_bzero (self->record, sizeof self->record);
}

void
tls_session_debug (TlsSession *self, const char *text)
{
  const VeredaHost *host = self->layer.host;

  if (host != NULL && VEREDA_HAS (VeredaHost, host, debug))
    host->debug (host->self, self->layer.ops->name, "%s", text);
}

gboolean
tls_session_begin (TlsSession *self, GError **error)
{
  if (self->failure != NULL)
    {
      if (error != NULL)
        *error = g_error_copy (self->failure);
      return FALSE;
    }
  self->want = VEREDA_IO_DONE;
  return TRUE;
}

gboolean
tls_session_begin_data (TlsSession *self, GError **error)
{
  if (!tls_session_begin (self, error))
    return FALSE;
  if (self->established)
    return TRUE;
  tls_session_fail (self, VEREDA_TRANSPORT_ERROR_UNSUPPORTED, error, "TLS: data before the end of the handshake");
  return FALSE;
}

VeredaIo
tls_session_fail (TlsSession *self, VeredaTransportError code, GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_clear_error (&self->failure);
  self->failure = g_error_new_valist (VEREDA_TRANSPORT_ERROR, (int) code, format, args);
  va_end (args);
  if (error != NULL)
    *error = g_error_copy (self->failure);
  return VEREDA_IO_ERROR;
}

/* The line a server said instead of a TLS record, fit to be shown. */
static char *
describe_head (const TlsSession *self)
{
  GString *s = g_string_new (NULL);

  for (size_t i = 0; i < self->head_n && self->head[i] != '\r' && self->head[i] != '\n'; i++)
    {
      if (self->head[i] == '"' || self->head[i] == '\\')
        g_string_append_printf (s, "\\%c", self->head[i]);
      else if (self->head[i] >= 0x20 && self->head[i] < 0x7f)
        g_string_append_c (s, (char) self->head[i]);
      else
        g_string_append_printf (s, "\\x%02x", self->head[i]);
    }
  return g_string_free (s, FALSE);
}

gboolean
tls_session_fail_below (TlsSession *self, GError **error)
{
  if (self->alien)
    {
      g_autofree char *said = describe_head (self);

      tls_session_fail (self, VEREDA_TRANSPORT_ERROR_PROTOCOL, error,
                        "the server does not speak TLS at this point: it answered \"%s\" in clear", said);
      return TRUE;
    }
  if (self->lower_error != NULL)
    {
      tls_session_fail (self, (VeredaTransportError) self->lower_error->code, error, "%s", self->lower_error->message);
      return TRUE;
    }
  if (self->lower_eof)
    {
      tls_session_fail (self, VEREDA_TRANSPORT_ERROR_TRUNCATED, error,
                        self->established ? "the connection ended without TLS' closing alert: something may be missing"
                                          : "the server closed the connection during the TLS handshake");
      return TRUE;
    }
  return FALSE;
}

VeredaIo
tls_session_fail_certificate (TlsSession *self, GError **error)
{
  const char *name = self->peer_name != NULL ? self->peer_name : "the server (no name given to check)";

  return tls_session_fail (self, VEREDA_TRANSPORT_ERROR_CERTIFICATE, error,
                           "certificate of %s not accepted: %s (library says: %s)", name, words[self->verify],
                           self->verify_text);
}

/* The server's first record is a handshake or an alert of version 3.x (RFC 8446 section 5.1).  SMTP in clear begins with a
   digit.  On the first wrong octet the rest of the line is fetched, as far as it is there, for the message. */
static void
look_at_head (TlsSession *self, const guint8 *data, size_t size)
{
  size_t take = MIN (size, sizeof self->head - self->head_n), more = 0;
  g_autoptr (GError) ignored = NULL;

  memcpy (self->head + self->head_n, data, take);
  self->head_n += take;
  if ((self->head_n >= 1 && self->head[0] != 22 && self->head[0] != 21) || (self->head_n >= 2 && self->head[1] != 3))
    {
      self->alien = TRUE;
      self->head_done = TRUE;
      if (self->head_n < sizeof self->head
          && self->layer.lower->ops->read (self->layer.lower, self->head + self->head_n, sizeof self->head - self->head_n,
                                           &more, &ignored)
                 == VEREDA_IO_DONE)
        self->head_n += more;
    }
  else if (self->head_n >= 2)
    self->head_done = TRUE;
}

VeredaIo
tls_session_lower_read (TlsSession *self, void *buf, size_t size, size_t *ret_n)
{
  VeredaLayer *lower = self->layer.lower;
  VeredaIo io;

  if (self->lower_error != NULL || self->alien)
    return VEREDA_IO_ERROR;
  if (self->lower_eof)
    return VEREDA_IO_EOF;
  self->lower_calls++;
  io = lower->ops->read (lower, buf, size, ret_n, &self->lower_error);
  switch (io)
    {
    case VEREDA_IO_DONE:
      if (!self->established)
        self->handshake_in += *ret_n;
      if (!self->head_done)
        look_at_head (self, buf, *ret_n);
      return self->alien ? VEREDA_IO_ERROR : VEREDA_IO_DONE;
    case VEREDA_IO_WANT_READ:
    case VEREDA_IO_WANT_WRITE:
      self->want = io;
      return io;
    case VEREDA_IO_EOF:
      self->lower_eof = TRUE;
      return io;
    case VEREDA_IO_ERROR:
    default:
      return VEREDA_IO_ERROR;
    }
}

VeredaIo
tls_session_lower_writev (TlsSession *self, const VeredaSpan *v, size_t n, size_t *ret_n)
{
  VeredaLayer *lower = self->layer.lower;
  VeredaIo io;

  if (self->lower_error != NULL)
    return VEREDA_IO_ERROR;
  self->lower_calls++;
  io = lower->ops->writev (lower, v, n, ret_n, &self->lower_error);
  if (io == VEREDA_IO_WANT_READ || io == VEREDA_IO_WANT_WRITE)
    self->want = io;
  else if (io == VEREDA_IO_DONE && !self->established)
    self->handshake_out += *ret_n;
  return io;
}

const void *
tls_session_next_record (TlsSession *self, const VeredaSpan *v, size_t n, size_t *ret_size)
{
  while (n > 0 && v->size == 0)
    v++, n--;
  if (n > 0 && v->size >= TLS_RECORD_SIZE)
    {
      *ret_size = TLS_RECORD_SIZE;
      return v->data;
    }
  *ret_size = vereda_spans_flatten (v, n, self->record, sizeof self->record);
  return self->record;
}

VeredaVerify
tls_session_worst (guint mask)
{
  for (size_t i = 0; i < G_N_ELEMENTS (by_weight); i++)
    if (mask & (1u << by_weight[i]))
      return by_weight[i];
  return VEREDA_VERIFY_OK;
}

void
tls_session_judge (TlsSession *self, VeredaVerify verify, const char *text)
{
  g_free (self->verify_text);
  self->verify_text = g_strstrip (g_strdup (text));
  self->verify = verify;
  self->depth = 0;
  self->judged = TRUE;
}

gboolean
tls_session_note_staple (TlsSession *self, VeredaOcsp ocsp, const void *response, size_t size, GError **error)
{
  gboolean pinned = self->pin >= 0 || self->dane_ee;

  self->ocsp = ocsp;
  if (size > 0)
    self->ocsp_response = g_bytes_new (response, size);
  if (ocsp != VEREDA_OCSP_REVOKED || pinned || self->verify != VEREDA_VERIFY_OK)
    return TRUE;
  tls_session_judge (self, VEREDA_VERIFY_REVOKED, "the response that the server has stapled says so");
  if (self->insecure)
    return TRUE;
  tls_session_fail_certificate (self, error);
  return FALSE;
}

void
tls_session_note_name (TlsSession *self, const char *dns)
{
  char address[INET6_ADDRSTRLEN] = "";

  g_free (self->matched_name);
  if (dns == NULL)
    inet_ntop (self->ip_size == 4 ? AF_INET : AF_INET6, self->ip, address, sizeof address);
  self->matched_name = g_strconcat (dns != NULL ? "DNS:" : "IP:", dns != NULL ? dns : address, NULL);
}

void
tls_session_chain_add (GByteArray *chain, const void *der, size_t size)
{
  guint32 length = GUINT32_TO_BE ((guint32) size);

  g_byte_array_append (chain, (const guint8 *) &length, sizeof length);
  g_byte_array_append (chain, der, (guint) size);
}

VeredaSpan
tls_session_leaf (const TlsSession *self)
{
  VeredaSpan leaf = { NULL, 0 };
  size_t size = 0;
  const guint8 *data = self->chain != NULL ? g_bytes_get_data (self->chain, &size) : NULL;
  guint32 length;

  if (size < sizeof length)
    return leaf;
  memcpy (&length, data, sizeof length);
  leaf.data = data + sizeof length;
  leaf.size = GUINT32_FROM_BE (length);
  return leaf;
}
