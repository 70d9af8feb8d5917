/* SPDX-License-Identifier: MIT */
/* wire - the lower layer in memory, as awkward as the contract allows, and a TLS session upon it. */
#ifndef KIT_WIRE_H
#define KIT_WIRE_H

#include "kit/groups.h"
#include "kit/tls.h"

#define KIT_HOST "mail.example.test"

/* The lower layer. */
typedef struct
{
  VeredaLayer layer;
  const KitTlsLibrary *library;
  KitTlsServer *server;
  gsize read_most; /* octets per call; 0 for any number */
  gsize write_most;
  gboolean alternate; /* every second call must wait */
  gboolean twisted;   /* … and the wrong way round: a read for writing, a write for reading */
  gboolean frozen;    /* nothing comes, nothing goes */
  gboolean silent;    /* the server never says goodbye */
  gboolean hang_up;   /* once the server has nothing left, the stream ends */
  int cut_at;         /* number of the call that fails; -1 for none */
  VeredaIo cut_with;  /* ERROR or EOF */
  int calls;
  VeredaIo want; /* what was last said */
  gboolean was_cut;
  GByteArray *sent; /* what the client let out, up to some KiB */
} KitWire;

extern const VeredaTransport kit_wire_transport;

/* Everything of one session. */
typedef struct
{
  KitContext *kit;
  const VeredaTransport *ops;
  KitWire *wire;
  VeredaLayer *top;
  gboolean wrapped; /* a block that was not is freed without clear */
  int stop_at;      /* number of operations after which the run stops where it is; -1 for never */
  int operations;
  GByteArray *heard;
  GError *error;
} KitSession;

/* What the library does for a layer: a block of zeros, here one that ends where a page ends. */
VeredaLayer *kit_layer_new (const VeredaTransport *ops, VeredaLayer *lower);
void kit_layer_free (VeredaLayer *layer, gboolean clear);

/* `cert` of the target's folder; `settings` NULL: the kit's root and name.  FALSE: wrap failed and session->error says why. */
gboolean kit_session_init (KitSession *s, KitContext *kit, const KitTarget *target, const KitTlsLibrary *library, guint version,
                           const char *cert, const VeredaTlsSettings *settings);
void kit_session_clear (KitSession *s);

/* Each goes on until the operation does not want to wait any more, and fails the check where a rule is broken. */
VeredaIo kit_session_handshake (KitSession *s);
VeredaIo kit_session_write (KitSession *s, const guint8 *data, gsize size);
VeredaIo kit_session_read (KitSession *s, gsize size); /* until that many were heard */
VeredaIo kit_session_shutdown (KitSession *s);
/* Handshake, write, hear the same again, say goodbye, hear the end. */
VeredaIo kit_session_converse (KitSession *s, const guint8 *data, gsize size);

/* Every operation says the error again. */
void kit_session_check_sticky (KitSession *s, const GError *error);

/* Settings with the kit's root; the strings live as long as the process. */
VeredaTlsSettings kit_settings (const KitTarget *target, const char *peer_name);
const char *kit_cert (const KitTarget *target, const char *name, const char *suffix);
gint64 kit_fact (VeredaLayer *layer, VeredaFact fact, gint64 otherwise);
const char *kit_io_name (VeredaIo io);

#endif
