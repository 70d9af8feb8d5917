/* SPDX-License-Identifier: MIT */
/* meter - see meter.h. */
#include "core/net/meter.h"

#include <string.h>

static VeredaIo
meter_read (VeredaLayer *l, void *buf, size_t size, size_t *ret_n, GError **error)
{
  VdMeter *meter = (VdMeter *) l->ops;
  const VeredaIo io = meter->metered->read (l, buf, size, ret_n, error);

  if (io != VEREDA_IO_DONE || *ret_n == 0)
    return io;
  meter->in += *ret_n;
  meter->turns += meter->sent ? 1 : 0;
  meter->sent = FALSE;
  return io;
}

/* A change_cipher_spec by itself, which TLS 1.3 sends for the sake of middleboxes (RFC 8446 appendix D.4), is answered by nobody. */
static gboolean
asks_nothing (const VeredaSpan *v, size_t n, size_t written)
{
  guint8 octets[6];

  return written == sizeof octets && vereda_spans_flatten (v, n, octets, sizeof octets) == sizeof octets && octets[0] == 0x14
         && octets[1] == 0x03;
}

static VeredaIo
meter_writev (VeredaLayer *l, const VeredaSpan *v, size_t n, size_t *ret_n, GError **error)
{
  VdMeter *meter = (VdMeter *) l->ops;
  const VeredaIo io = meter->metered->writev (l, v, n, ret_n, error);

  if (io != VEREDA_IO_DONE || *ret_n == 0)
    return io;
  meter->out += *ret_n;
  if (!asks_nothing (v, n, *ret_n))
    meter->sent = TRUE;
  return io;
}

void
vd_meter_init (VdMeter *meter, const VeredaTransport *transport)
{
  memset (meter, 0, sizeof *meter);
  memcpy (&meter->ops, transport, MIN (transport->struct_size, sizeof meter->ops));
  meter->ops.struct_size = MIN (transport->struct_size, (uint32_t) sizeof meter->ops);
  meter->ops.read = meter_read;
  meter->ops.writev = meter_writev;
  meter->metered = transport;
  meter->sent = TRUE; /* the connection itself: the greeting answers it */
}
