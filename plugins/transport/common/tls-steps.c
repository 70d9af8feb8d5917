/* SPDX-License-Identifier: MIT */
/* tls-steps: around the calls into a library; see tls-steps.h. */
#include "tls-steps.h"

VeredaIo
tls_steps_writev (TlsSession *self, const VeredaSpan *v, size_t n, size_t *ret_n, TlsPut put, GError **error)
{
  const void *data;
  size_t size = 0;

  if (!tls_session_begin_data (self, error))
    return VEREDA_IO_ERROR;
  if (self->goodbye_said)
    return tls_session_fail (self, VEREDA_TRANSPORT_ERROR_UNSUPPORTED, error, "TLS: data after the goodbye");
  if (self->stuck > 0)
    return put (self, self->record, self->stuck, ret_n, error);
  data = tls_session_next_record (self, v, n, &size);
  if (size == 0)
    {
      *ret_n = 0;
      return VEREDA_IO_DONE;
    }
  return put (self, data, size, ret_n, error);
}

gboolean
tls_steps_begin_goodbye (TlsSession *self, TlsPut put, VeredaIo *ret_io, GError **error)
{
  size_t ignored;

  *ret_io = VEREDA_IO_ERROR;
  if (!tls_session_begin (self, error))
    return FALSE;
  *ret_io = VEREDA_IO_DONE;
  if (!self->established || self->goodbye_said)
    return FALSE;
  if (self->stuck > 0)
    *ret_io = put (self, self->record, self->stuck, &ignored, error);
  return *ret_io == VEREDA_IO_DONE;
}

gboolean
tls_steps_wait (TlsSession *self, const char *library, guint64 calls_before, VeredaIo *ret_io, GError **error)
{
  if (self->want != VEREDA_IO_DONE)
    {
      *ret_io = self->want;
      return FALSE;
    }
  /* A post-handshake message was handled and the layer below was not asked for more: go on, as long as it moves. */
  if (self->lower_calls != calls_before)
    return TRUE;
  *ret_io = tls_session_fail (self, VEREDA_TRANSPORT_ERROR_PROTOCOL, error, "TLS: %s waits for nothing", library);
  return FALSE;
}
