/* SPDX-License-Identifier: MIT */
/* count - a wrapping transport that passes every octet on and counts it.  It protects nothing, and says so by stating no fact. */
#include <vereda-plugin/transport.h>

typedef struct
{
  VeredaLayer base; /* first, always */
  guint64 in, out;
} Count;

/* Nothing to prepare.  No I/O here: the core calls handshake, where there is one, when it wants to begin. */
static gboolean
wrap (VeredaLayer *l, const VeredaTlsSettings *settings, GError **error)
{
  (void) l, (void) settings, (void) error;
  return TRUE;
}

/* What the lower layer says is what this one says: its waits and its end have the same meaning here, and its errors are as sticky. */
static VeredaIo
read_octets (VeredaLayer *l, void *buf, size_t size, size_t *ret_n, GError **error)
{
  Count *self = (Count *) l;
  VeredaIo io = l->lower->ops->read (l->lower, buf, size, ret_n, error);

  if (io == VEREDA_IO_DONE)
    self->in += *ret_n;
  return io;
}

static VeredaIo
write_octets (VeredaLayer *l, const VeredaSpan *v, size_t n, size_t *ret_n, GError **error)
{
  Count *self = (Count *) l;
  VeredaIo io = l->lower->ops->writev (l->lower, v, n, ret_n, error);

  if (io == VEREDA_IO_DONE)
    self->out += *ret_n;
  return io;
}

/* No octet waits in this layer, and the core asks the lower one itself: pending stays NULL, and so do shutdown, fact and binding. */
static void
clear (VeredaLayer *l)
{
  Count *self = (Count *) l;

  l->host->debug (l->host->self, "count", "%" G_GUINT64_FORMAT " octets in, %" G_GUINT64_FORMAT " out", self->in, self->out);
}

static const VeredaTransport count = {
  .struct_size = sizeof (VeredaTransport),
  .instance_size = sizeof (Count),
  .name = "count",
  .description = "passes every octet on, and counts it",
  .wrap = wrap,
  .read = read_octets,
  .writev = write_octets,
  .clear = clear,
};

static const VeredaTransport *const transports[] = { &count, NULL };

static const VeredaPlugin plugin = {
  .struct_size = sizeof (VeredaPlugin),
  .abi = VEREDA_PLUGIN_ABI,
  .name = "count",
  .version = "1.0",
  .license = "MIT",
  .transports = transports,
};

VEREDA_PLUGIN_DEFINE (count, plugin)
