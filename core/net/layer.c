/* SPDX-License-Identifier: MIT */
/* layer - VdStack: the transport layers of one connection, bottom to top.
 *
 * Calls plugins and checks what they answer.  The state that matters for safety is two things: `poison`, the first error, and for each layer whether its
 * handshake completed; everything else follows from the walk. */
#include "core/net/layer.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"

/* SMTP needs two; a proxy and a TLS inside TLS would make four. */
#define LAYERS_MAX 4u

typedef struct
{
  VeredaLayer *layer;
  gboolean ready;  /* handshake done, or none to do */
  gboolean secure; /* a wrapping layer with a handshake, and it is done */
  gboolean said_goodbye;
} Level;

struct VdStack
{
  const VeredaHost *host;
  Level levels[LAYERS_MAX];
  guint count;
  int fd;
  GError *poison;
};

VdStack *
vd_stack_new (const VeredaHost *host)
{
  VdStack *stack = g_new0 (VdStack, 1);
  stack->host = host;
  stack->fd = -1;
  return stack;
}

static void
instance_free (VeredaLayer *layer, gsize size)
{
  explicit_bzero (layer, size);
  free (layer);
}

void
vd_stack_free (VdStack *stack)
{
  if (stack == NULL)
    return;
  while (stack->count > 0)
    {
      VeredaLayer *layer = stack->levels[--stack->count].layer;
      const VeredaTransport *ops = layer->ops;
      ops->clear (layer);
      instance_free (layer, ops->instance_size); /* from the constant descriptor: the instance is the plugin's to scribble on */
    }
  g_clear_error (&stack->poison);
  g_free (stack);
}

/* --- errors --- */

static Level *
top (VdStack *stack)
{
  return stack->count == 0 ? NULL : &stack->levels[stack->count - 1];
}

const char *
vd_stack_name (VdStack *stack)
{
  return stack->count == 0 ? NULL : top (stack)->layer->ops->name;
}

/* Makes `cause` (taken) the stack's error for good, unless there is one, and reports it. */
static VeredaIo
poison (VdStack *stack, GError *cause, GError **error)
{
  if (stack->poison == NULL)
    stack->poison = g_error_copy (cause);
  g_propagate_error (error, cause);
  return VEREDA_IO_ERROR;
}

static VeredaIo
broke_contract (VdStack *stack, const char *name, const char *call, const char *what, GError **error)
{
  return poison (stack,
                 g_error_new (VEREDA_ERROR, VEREDA_ERROR_PLUGIN,
                              "The transport \"%s\" broke its contract: %s %s; report this to its author",
                              name != NULL ? name : "?", call, what),
                 error);
}

/* TRUE: the top may be called.  FALSE: error is set. */
static gboolean
usable (VdStack *stack, gboolean need_ready, GError **error)
{
  if (stack->poison != NULL)
    {
      g_propagate_error (error, g_error_copy (stack->poison));
      return FALSE;
    }
  if (stack->count == 0)
    {
      g_set_error_literal (error, VEREDA_ERROR, VEREDA_ERROR_INTERNAL, "The connection has no transport yet");
      return FALSE;
    }
  if (need_ready && !top (stack)->ready)
    {
      poison (stack,
              g_error_new (VEREDA_ERROR, VEREDA_ERROR_INTERNAL, "Data was to pass through \"%s\" before its handshake",
                           vd_stack_name (stack)),
              error);
      return FALSE;
    }
  return TRUE;
}

/* What a layer said, checked: poisons on ERROR, on ERROR without an error, and on answers that do not exist. */
static VeredaIo
checked (VdStack *stack, VeredaIo io, GError *cause, const char *call, GError **error)
{
  const char *name = vd_stack_name (stack);

  if (io == VEREDA_IO_ERROR && cause != NULL)
    return poison (stack, cause, error);
  if (io == VEREDA_IO_ERROR)
    return broke_contract (stack, name, call, "failed without saying why", error);
  g_clear_error (&cause);
  if (io < VEREDA_IO_ERROR || io > VEREDA_IO_EOF)
    return broke_contract (stack, name, call, "gave an answer that does not exist", error);
  return io;
}

/* --- building --- */

static gboolean
check_transport (const VeredaTransport *t, gboolean bottom, GError **error)
{
  const char *name = VEREDA_HAS (VeredaTransport, t, name) ? t->name : "?";
  const char *wrong = NULL;

  if (t->struct_size < offsetof (VeredaTransport, instance_size) + sizeof t->instance_size
      || t->instance_size < sizeof (VeredaLayer))
    wrong = "its instance is smaller than a layer";
  else if (!VEREDA_HAS (VeredaTransport, t, read) || !VEREDA_HAS (VeredaTransport, t, writev)
           || !VEREDA_HAS (VeredaTransport, t, clear))
    wrong = "it lacks read, writev or clear";
  else if (VEREDA_HAS (VeredaTransport, t, open) == VEREDA_HAS (VeredaTransport, t, wrap))
    wrong = "it must have exactly one of open and wrap";
  else if (bottom && !VEREDA_HAS (VeredaTransport, t, open))
    wrong = "it cannot open a connection";
  else if (!bottom && !VEREDA_HAS (VeredaTransport, t, wrap))
    wrong = "it cannot wrap another transport";
  if (wrong != NULL)
    g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN, "Cannot use the transport \"%s\": %s", name, wrong);
  return wrong == NULL;
}

static VeredaLayer *
instance_new (VdStack *stack, const VeredaTransport *transport, VeredaLayer *lower, GError **error)
{
  VeredaLayer *layer = (VeredaLayer *) calloc (1, transport->instance_size);

  if (layer == NULL) /* the size is a plugin's word: no reason to abort */
    {
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN, "No memory for the %u octets the transport \"%s\" asks for",
                   (guint) transport->instance_size, transport->name);
      return NULL;
    }
  layer->ops = transport;
  layer->host = stack->host;
  layer->lower = lower;
  return layer;
}

static void
push (VdStack *stack, VeredaLayer *layer)
{
  Level *level = &stack->levels[stack->count++];
  *level = (Level){ .layer = layer, .ready = !VEREDA_HAS (VeredaTransport, layer->ops, handshake) };
}

gboolean
vd_stack_open (VdStack *stack, const VeredaTransport *transport, int fd, GError **error)
{
  g_return_val_if_fail (stack->count == 0 && fd >= 0, FALSE);
  if (!check_transport (transport, TRUE, error))
    return FALSE;
  VeredaLayer *layer = instance_new (stack, transport, NULL, error);
  if (layer == NULL)
    return FALSE;
  GError *cause = NULL;
  if (!transport->open (layer, fd, &cause))
    {
      vd_error_wrap (error, VEREDA_ERROR_PLUGIN, cause, "The transport \"%s\" did not take the connection", transport->name);
      instance_free (layer, transport->instance_size);
      return FALSE;
    }
  g_clear_error (&cause);
  push (stack, layer);
  stack->fd = fd;
  return TRUE;
}

/* NULL when the stack cannot take another layer. */
static VeredaLayer *
wrap_instance (VdStack *stack, const VeredaTransport *transport, const VeredaTlsSettings *settings, GError **error)
{
  if (stack->count == LAYERS_MAX)
    {
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_INTERNAL, "A connection holds at most %u transports", LAYERS_MAX);
      return NULL;
    }
  if (vd_stack_pending (stack) > 0) /* STL: octets sent before TLS must not count as sent under it */
    {
      g_set_error_literal (
          error, VEREDA_ERROR, VEREDA_ERROR_PROTOCOL,
          "The server sent data in clear after it agreed to start TLS; someone may be tampering with the connection");
      return NULL;
    }
  if (!check_transport (transport, FALSE, error))
    return NULL;
  VeredaLayer *layer = instance_new (stack, transport, top (stack)->layer, error);
  GError *cause = NULL;
  if (layer == NULL || transport->wrap (layer, settings, &cause))
    {
      g_clear_error (&cause);
      return layer;
    }
  if (cause == NULL)
    g_set_error (&cause, VEREDA_ERROR, VEREDA_ERROR_PLUGIN, "The transport \"%s\" failed to start without saying why",
                 transport->name);
  g_propagate_error (error, cause);
  instance_free (layer, transport->instance_size);
  return NULL;
}

gboolean
vd_stack_wrap (VdStack *stack, const VeredaTransport *transport, const VeredaTlsSettings *settings, GError **error)
{
  GError *cause = NULL;

  if (!usable (stack, TRUE, error))
    return FALSE;
  VeredaLayer *layer = wrap_instance (stack, transport, settings, &cause);
  if (layer == NULL)
    {
      poison (stack, cause, error);
      return FALSE;
    }
  push (stack, layer);
  return TRUE;
}

/* --- data --- */

VeredaIo
vd_stack_handshake (VdStack *stack, GError **error)
{
  GError *cause = NULL;

  if (!usable (stack, FALSE, error))
    return VEREDA_IO_ERROR;
  Level *level = top (stack);
  if (level->ready)
    return VEREDA_IO_DONE;
  VeredaIo io = level->layer->ops->handshake (level->layer, &cause);
  io = checked (stack, io, cause, "handshake", error);
  if (io == VEREDA_IO_EOF)
    return poison (stack,
                   g_error_new (VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_TRUNCATED,
                                "The server closed the connection during the handshake"),
                   error);
  if (io == VEREDA_IO_DONE)
    {
      level->ready = TRUE;
      level->secure = level->layer->lower != NULL;
    }
  return io;
}

VeredaIo
vd_stack_read (VdStack *stack, void *buf, gsize size, gsize *ret_n, GError **error)
{
  GError *cause = NULL;
  gsize n = 0;

  if (!usable (stack, TRUE, error))
    return VEREDA_IO_ERROR;
  VeredaLayer *layer = top (stack)->layer;
  VeredaIo io = layer->ops->read (layer, buf, size, &n, &cause);
  io = checked (stack, io, cause, "read", error);
  if (io != VEREDA_IO_DONE)
    return io;
  if (n > size || (n == 0 && size > 0))
    return broke_contract (stack, layer->ops->name, "read",
                           n == 0 ? "said done with nothing read" : "read more than there is room for", error);
  *ret_n = n;
  return VEREDA_IO_DONE;
}

static gsize
spans_size (const VeredaSpan *v, gsize n)
{
  gsize total = 0;
  for (gsize i = 0; i < n; i++)
    total += v[i].size;
  return total;
}

VeredaIo
vd_stack_writev (VdStack *stack, const VeredaSpan *v, gsize n, gsize *ret_n, GError **error)
{
  GError *cause = NULL;
  gsize taken = 0;
  gsize offered = spans_size (v, n);

  if (!usable (stack, TRUE, error))
    return VEREDA_IO_ERROR;
  VeredaLayer *layer = top (stack)->layer;
  VeredaIo io = layer->ops->writev (layer, v, n, &taken, &cause);
  io = checked (stack, io, cause, "writev", error);
  if (io == VEREDA_IO_EOF)
    return broke_contract (stack, layer->ops->name, "writev", "answered with an end of data", error);
  if (io != VEREDA_IO_DONE)
    return io;
  if (taken > offered || (taken == 0 && offered > 0))
    return broke_contract (stack, layer->ops->name, "writev",
                           taken == 0 ? "said done with nothing taken" : "took more than was offered", error);
  *ret_n = taken;
  return VEREDA_IO_DONE;
}

VeredaIo
vd_stack_shutdown (VdStack *stack, GError **error)
{
  if (!usable (stack, FALSE, error))
    return VEREDA_IO_ERROR;
  for (guint i = stack->count; i-- > 0;)
    {
      Level *level = &stack->levels[i];
      GError *cause = NULL;
      /* A layer in mid-handshake has nobody to say goodbye to. */
      if (level->said_goodbye || !level->ready || !VEREDA_HAS (VeredaTransport, level->layer->ops, shutdown))
        continue;
      VeredaIo io = level->layer->ops->shutdown (level->layer, &cause);
      io = checked (stack, io, cause, "shutdown", error);
      if (io == VEREDA_IO_ERROR || io == VEREDA_IO_WANT_READ || io == VEREDA_IO_WANT_WRITE)
        return io;
      level->said_goodbye = TRUE;
    }
  return VEREDA_IO_DONE;
}

/* --- questions --- */

gsize
vd_stack_pending (VdStack *stack)
{
  gsize total = 0;

  for (guint i = stack->count; i-- > 0;)
    {
      VeredaLayer *layer = stack->levels[i].layer;
      if (VEREDA_HAS (VeredaTransport, layer->ops, pending))
        total += layer->ops->pending (layer);
    }
  return total;
}

gboolean
vd_stack_fact (VdStack *stack, VeredaFact fact, VeredaFactValue *ret)
{
  for (guint i = stack->count; i-- > 0;)
    {
      VeredaLayer *layer = stack->levels[i].layer;
      VeredaFactValue value = { 0 };
      if (VEREDA_HAS (VeredaTransport, layer->ops, fact) && layer->ops->fact (layer, fact, &value))
        {
          *ret = value;
          return TRUE;
        }
    }
  return FALSE;
}

GBytes *
vd_stack_binding (VdStack *stack, VeredaBinding kind, GError **error)
{
  GError *first = NULL;

  for (guint i = stack->count; i-- > 0;)
    {
      VeredaLayer *layer = stack->levels[i].layer;
      GError *cause = NULL;
      if (!stack->levels[i].ready || !VEREDA_HAS (VeredaTransport, layer->ops, binding))
        continue;
      GBytes *bytes = layer->ops->binding (layer, kind, &cause);
      if (bytes != NULL)
        {
          g_clear_error (&cause);
          g_clear_error (&first);
          return bytes;
        }
      if (first == NULL)
        first = cause;
      else
        g_clear_error (&cause);
    }
  if (first == NULL)
    g_set_error_literal (&first, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_UNSUPPORTED,
                         "This connection has no such channel binding");
  g_propagate_error (error, first);
  return NULL;
}

static Level *
secure_level (VdStack *stack)
{
  for (guint i = stack->count; stack->poison == NULL && i-- > 0;)
    {
      if (stack->levels[i].secure)
        return &stack->levels[i];
    }
  return NULL;
}

gboolean
vd_stack_is_secure (VdStack *stack)
{
  return secure_level (stack) != NULL;
}

gboolean
vd_stack_is_verified (VdStack *stack)
{
  Level *level = secure_level (stack);
  VeredaFactValue value = { 0 };

  return level != NULL && VEREDA_HAS (VeredaTransport, level->layer->ops, fact)
         && level->layer->ops->fact (level->layer, VEREDA_FACT_PEER_VERIFIED, &value) && value.num == 1;
}

gboolean
vd_stack_is_poisoned (VdStack *stack)
{
  return stack->poison != NULL;
}

int
vd_stack_fd (VdStack *stack)
{
  return stack->fd;
}
