/* SPDX-License-Identifier: MIT */
/* meter - counts what passes between a bottom transport and those above it: octets on the wire, and how often one side waited for the other.
 *
 * A copy of the transport's descriptor with two functions replaced; the instance stays the transport's own.  Cannot fail. */
#ifndef VD_METER_H
#define VD_METER_H

#include <glib.h>
#include <vereda-plugin/transport.h>

typedef struct
{
  VeredaTransport ops; /* what a stack opens; first, so that a layer leads back to its meter */
  const VeredaTransport *metered;
  guint64 in, out;
  guint turns;   /* times that octets came after octets had been sent: round trips */
  gboolean sent; /* since octets came last */
} VdMeter;

/* Over a bottom transport, from zero.  The meter has to outlive every layer opened with it. */
void vd_meter_init (VdMeter *meter, const VeredaTransport *transport);

#endif
