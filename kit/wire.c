/* SPDX-License-Identifier: MIT */
/* wire - the lower layer in memory, and a TLS session upon it.
 *
 * Pure but for what the transport does.  The functions that drive a session watch the rules of transport.h at each call. */
#include "kit/wire.h"

#include <string.h>

#include "kit/block.h"

#define SENT_MAX  65536
#define HEARD_MAX (1u << 20) /* nobody sends so much */
/* An operation that wants to wait so often without anything having moved never ends. */
#define WAITS_MAX 10000
#define UNTOLD    4711 /* no number that an operation tells */

static GHashTable *blocks; /* layer -> KitBlock */

VeredaLayer *
kit_layer_new (const VeredaTransport *ops, VeredaLayer *lower)
{
  KitBlock *block = g_new0 (KitBlock, 1);
  kit_block_init (block, ops->instance_size, "the instance block");
  VeredaLayer *layer = block->data;
  *layer = (VeredaLayer){ .ops = ops, .host = kit_host (), .lower = lower };
  if (blocks == NULL)
    blocks = g_hash_table_new (NULL, NULL);
  g_hash_table_insert (blocks, layer, block);
  return layer;
}

void
kit_layer_free (VeredaLayer *layer, gboolean clear)
{
  KitBlock *block = g_hash_table_lookup (blocks, layer);
  if (clear)
    layer->ops->clear (layer);
  g_hash_table_remove (blocks, layer);
  kit_block_clear (block);
  g_free (block);
}

/* --- the wire --- */

/* TRUE when this call is not served, *ret_io says why. */
static gboolean
gate (KitWire *w, gboolean reading, VeredaIo *ret_io, GError **error)
{
  int call = w->calls++;
  w->want = VEREDA_IO_DONE;
  if (w->was_cut || (w->cut_at >= 0 && call == w->cut_at))
    {
      w->was_cut = TRUE;
      *ret_io = reading && w->cut_with == VEREDA_IO_EOF ? VEREDA_IO_EOF : VEREDA_IO_ERROR;
      if (*ret_io == VEREDA_IO_ERROR)
        g_set_error_literal (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_IO, "the wire was cut");
      return TRUE;
    }
  if (!w->frozen && !(w->alternate && (call & 1) == 0))
    return FALSE;
  w->want = reading != w->twisted ? VEREDA_IO_WANT_READ : VEREDA_IO_WANT_WRITE;
  *ret_io = w->want;
  return TRUE;
}

static VeredaIo
wire_read (VeredaLayer *l, void *buf, size_t size, size_t *ret_n, GError **error)
{
  KitWire *w = (KitWire *) l;
  VeredaIo io;
  if (gate (w, TRUE, &io, error))
    return io;
  w->library->run (w->server, w->silent);
  gsize n = w->library->take (w->server, buf, w->read_most > 0 ? MIN (size, w->read_most) : size);
  if (n == 0 && w->hang_up)
    return VEREDA_IO_EOF;
  if (n == 0)
    return w->want = VEREDA_IO_WANT_READ;
  *ret_n = n;
  return VEREDA_IO_DONE;
}

static VeredaIo
wire_writev (VeredaLayer *l, const VeredaSpan *v, size_t n, size_t *ret_n, GError **error)
{
  KitWire *w = (KitWire *) l;
  gsize done = 0;
  VeredaIo io;
  if (gate (w, FALSE, &io, error))
    return io;
  for (size_t i = 0; i < n; i++)
    {
      gsize take = w->write_most > 0 ? MIN (v[i].size, w->write_most - done) : v[i].size;
      w->library->give (w->server, v[i].data, take);
      if (w->sent->len < SENT_MAX && take > 0)
        g_byte_array_append (w->sent, v[i].data, (guint) take);
      done += take;
    }
  *ret_n = done;
  return VEREDA_IO_DONE;
}

static void
wire_clear (VeredaLayer *l)
{
  KitWire *w = (KitWire *) l;
  if (w->server != NULL)
    w->library->destroy (w->server);
  if (w->sent != NULL)
    g_byte_array_unref (w->sent);
}

const VeredaTransport kit_wire_transport = {
  .struct_size = sizeof (VeredaTransport),
  .instance_size = sizeof (KitWire),
  .name = "wire",
  .description = "a server in memory",
  .read = wire_read,
  .writev = wire_writev,
  .clear = wire_clear,
};

/* --- a session --- */

const char *
kit_io_name (VeredaIo io)
{
  static const char *const names[] = { "ERROR", "DONE", "WANT_READ", "WANT_WRITE", "EOF" };
  return io >= VEREDA_IO_ERROR && io <= VEREDA_IO_EOF ? names[io - VEREDA_IO_ERROR] : "something that is no VeredaIo";
}

const char *
kit_cert (const KitTarget *target, const char *name, const char *suffix)
{
  g_autofree char *leaf = g_strconcat (name, suffix, NULL);
  g_autofree char *path = g_build_filename (target->certs_dir, leaf, NULL);
  return g_intern_string (path);
}

VeredaTlsSettings
kit_settings (const KitTarget *target, const char *peer_name)
{
  return (VeredaTlsSettings){
    .struct_size = sizeof (VeredaTlsSettings),
    .peer_name = peer_name,
    .trust_file = kit_cert (target, "root", ".pem"),
  };
}

gint64
kit_fact (VeredaLayer *layer, VeredaFact fact, gint64 otherwise)
{
  VeredaFactValue value = { .num = 0 };
  if (layer->ops->fact == NULL || !layer->ops->fact (layer, fact, &value))
    return otherwise;
  return value.num;
}

gboolean
kit_session_init (KitSession *s, KitContext *kit, const KitTarget *target, const KitTlsLibrary *library, guint version,
                  const char *cert, const VeredaTlsSettings *settings)
{
  const KitTlsConfig config
      = { .cert = kit_cert (target, cert, ".pem"), .key = kit_cert (target, cert, ".key"), .version = version };
  VeredaTlsSettings own = kit_settings (target, KIT_HOST);
  memset (s, 0, sizeof *s);
  s->kit = kit;
  s->ops = kit_target_transport (kit, target);
  s->wire = (KitWire *) kit_layer_new (&kit_wire_transport, NULL);
  s->wire->library = library;
  s->wire->server = library->create (&config);
  s->wire->sent = g_byte_array_new ();
  s->wire->cut_at = -1;
  s->stop_at = -1;
  s->heard = g_byte_array_new ();
  s->top = kit_layer_new (s->ops, &s->wire->layer);
  kit_doing (kit, "wrap");
  if (s->ops->wrap (s->top, settings != NULL ? settings : &own, &s->error))
    {
      s->wrapped = TRUE;
      kit_expect (kit, s->error == NULL, "wrap returned TRUE and set an error: %s", s->error->message);
      kit_expect (kit, s->wire->calls == 0, "wrap does I/O");
      return TRUE;
    }
  kit_expect (kit, s->error != NULL, "wrap failed and did not say why");
  return FALSE;
}

void
kit_session_clear (KitSession *s)
{
  int calls = s->wire->calls;
  kit_doing (s->kit, "clear after %d calls of the lower layer", calls);
  kit_layer_free (s->top, s->wrapped);
  kit_expect (s->kit, s->wire->calls == calls, "clear does I/O");
  kit_layer_free (&s->wire->layer, TRUE);
  g_byte_array_unref (s->heard);
  g_clear_error (&s->error);
}

/* Rule 2: the direction told is the lower layer's.  Also that an error goes with ERROR, and only with it. */
static gboolean
must_wait (KitSession *s, const char *operation, VeredaIo io)
{
  kit_expect (s->kit, (io == VEREDA_IO_ERROR) == (s->error != NULL), "%s returned %s and %s", operation, kit_io_name (io),
              s->error != NULL ? "set an error" : "did not set the error");
  if (s->error != NULL && s->error->domain != VEREDA_TRANSPORT_ERROR)
    kit_fail (s->kit, "%s set an error of domain %s, not VEREDA_TRANSPORT_ERROR", operation,
              g_quark_to_string (s->error->domain));
  if (io != VEREDA_IO_WANT_READ && io != VEREDA_IO_WANT_WRITE)
    return FALSE;
  kit_expect (s->kit, io == s->wire->want, "%s returned %s, but the lower layer said %s last (rule 2)", operation,
              kit_io_name (io), kit_io_name (s->wire->want));
  return TRUE;
}

/* The same of an operation that tells a number of octets, which was UNTOLD before. */
static gboolean
must_wait_untold (KitSession *s, const char *operation, VeredaIo io, gsize n)
{
  if (!must_wait (s, operation, io))
    return FALSE;
  kit_expect (s->kit, n == UNTOLD, "%s returned %s and told a number of octets", operation, kit_io_name (io));
  return TRUE;
}

static gboolean
stopped (KitSession *s)
{
  return s->stop_at >= 0 && s->operations++ >= s->stop_at;
}

static gboolean
tired (KitSession *s, guint waits, const char *operation)
{
  if (waits < WAITS_MAX)
    return FALSE;
  kit_fail (s->kit, "%s wants to wait for ever, though the lower layer goes on", operation);
  return TRUE;
}

/* An operation without data, where the transport has it, again and again until it need not wait. */
static VeredaIo
until_done (KitSession *s, const char *operation, VeredaIo (*func) (VeredaLayer *, GError **))
{
  VeredaIo io = VEREDA_IO_DONE;
  if (func == NULL)
    return VEREDA_IO_DONE;
  kit_doing (s->kit, "%s with %s", operation, s->wire->library->library);
  for (guint waits = 0; !tired (s, waits, operation); waits++)
    {
      if (stopped (s))
        return VEREDA_IO_WANT_READ;
      io = func (s->top, &s->error);
      if (!must_wait (s, operation, io) || s->wire->frozen)
        break;
    }
  return io;
}

VeredaIo
kit_session_handshake (KitSession *s)
{
  return until_done (s, "handshake", s->ops->handshake);
}

/* Rule 4, with a buffer that is somewhere else at each call and ends after what is left. */
VeredaIo
kit_session_write (KitSession *s, const guint8 *data, gsize size)
{
  gsize done = 0;
  guint waits = 0;
  kit_doing (s->kit, "writev of %" G_GSIZE_FORMAT " octets to %s", size, s->wire->library->library);
  while (done < size && !tired (s, waits, "writev"))
    {
      gsize left = size - done, half = left / 2, n = UNTOLD;
      g_autofree guint8 *moved = g_memdup2 (data + done, left);
      const VeredaSpan spans[3] = { { moved, half }, { NULL, 0 }, { moved + half, left - half } };
      if (stopped (s))
        return VEREDA_IO_WANT_READ;
      VeredaIo io = s->ops->writev (s->top, spans, 3, &n, &s->error);
      memset (moved, 0xa5, left); /* nobody may still need it */
      if (must_wait_untold (s, "writev", io, n) && !s->wire->frozen)
        {
          waits++;
          continue;
        }
      if (io != VEREDA_IO_DONE)
        return io;
      waits = 0;
      if (n == 0 || n > left)
        {
          kit_fail (s->kit, "writev returned DONE and took %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT " octets (rule 4)", n,
                    left);
          return VEREDA_IO_ERROR;
        }
      done += n;
    }
  return done == size ? VEREDA_IO_DONE : VEREDA_IO_ERROR;
}

VeredaIo
kit_session_read (KitSession *s, gsize size)
{
  guint8 buf[13];
  guint waits = 0;
  kit_doing (s->kit, "read from %s", s->wire->library->library);
  while (s->heard->len < size && !tired (s, waits, "read"))
    {
      size_t n = UNTOLD;
      if (stopped (s))
        return VEREDA_IO_WANT_READ;
      VeredaIo io = s->ops->read (s->top, buf, sizeof buf, &n, &s->error);
      if (must_wait_untold (s, "read", io, n) && !s->wire->frozen)
        {
          waits++;
          continue;
        }
      if (io != VEREDA_IO_DONE)
        return io;
      waits = 0;
      if (n == 0 || n > sizeof buf)
        {
          kit_fail (s->kit, "read returned DONE and gave %" G_GSIZE_FORMAT " octets into room for %" G_GSIZE_FORMAT, n,
                    sizeof buf);
          return VEREDA_IO_ERROR;
        }
      g_byte_array_append (s->heard, buf, (guint) n);
      if (s->heard->len > HEARD_MAX)
        {
          kit_fail (s->kit, "read gives more octets than anybody sent");
          return VEREDA_IO_ERROR;
        }
    }
  return s->heard->len >= size ? VEREDA_IO_DONE : VEREDA_IO_ERROR;
}

VeredaIo
kit_session_shutdown (KitSession *s)
{
  return until_done (s, "shutdown", s->ops->shutdown);
}

VeredaIo
kit_session_converse (KitSession *s, const guint8 *data, gsize size)
{
  VeredaIo io = kit_session_handshake (s);
  if (io == VEREDA_IO_DONE)
    io = kit_session_write (s, data, size);
  if (io == VEREDA_IO_DONE)
    io = kit_session_read (s, size);
  if (io == VEREDA_IO_DONE)
    io = kit_session_shutdown (s);
  if (io == VEREDA_IO_DONE)
    io = kit_session_read (s, G_MAXSIZE);
  return io;
}

static void
same_again (KitSession *s, const char *operation, VeredaIo io, GError *now, const GError *before)
{
  g_autoptr (GError) mine = now;
  kit_expect (s->kit, io == VEREDA_IO_ERROR, "after an error %s returned %s (rule 6)", operation, kit_io_name (io));
  kit_expect (s->kit, io != VEREDA_IO_ERROR || (mine != NULL && mine->domain == before->domain && mine->code == before->code),
              "after an error %s failed in another way (rule 6): %s", operation,
              mine != NULL ? mine->message : "without saying why");
}

void
kit_session_check_sticky (KitSession *s, const GError *error)
{
  static const char quit[] = "QUIT\r\n";
  const VeredaSpan span = { quit, 6 };
  GError *now = NULL;
  char buf[16];
  size_t n = 77;
  VeredaIo io;
  if (error == NULL)
    return;
  kit_doing (s->kit, "operations after an error");
  if (s->ops->handshake != NULL)
    {
      io = s->ops->handshake (s->top, &now);
      same_again (s, "handshake", io, g_steal_pointer (&now), error);
    }
  io = s->ops->read (s->top, buf, sizeof buf, &n, &now);
  same_again (s, "read", io, g_steal_pointer (&now), error);
  io = s->ops->writev (s->top, &span, 1, &n, &now);
  same_again (s, "writev", io, g_steal_pointer (&now), error);
  if (s->ops->shutdown != NULL)
    {
      io = s->ops->shutdown (s->top, &now);
      same_again (s, "shutdown", io, g_steal_pointer (&now), error);
    }
  kit_expect (s->kit, n == 77, "an operation that failed told a number of octets");
  io = s->ops->read (s->top, buf, sizeof buf, &n, NULL);
  kit_expect (s->kit, io == VEREDA_IO_ERROR, "without room for an error read returned %s", kit_io_name (io));
}
