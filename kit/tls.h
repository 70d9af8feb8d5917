/* SPDX-License-Identifier: MIT */
/* tls - TLS servers in memory, one for each library that the kit was built with, behind one table. */
#ifndef KIT_TLS_H
#define KIT_TLS_H

#include <vereda-plugin/transport.h>

typedef struct
{
  const char *cert; /* PEM chain */
  const char *key;
  guint version; /* 0x0303, 0x0304: this one only */
} KitTlsConfig;

typedef struct KitTlsServer KitTlsServer;

/* A server echoes what it hears, and answers a close_notify with its own. */
typedef struct
{
  const char *library;
  KitTlsServer *(*create) (const KitTlsConfig *config);
  void (*destroy) (KitTlsServer *server);
  /* Octets from the client, and for it; take gives at most `size`, 0 when there are none. */
  void (*give) (KitTlsServer *server, const void *data, gsize size);
  gsize (*take) (KitTlsServer *server, void *buf, gsize size);
  /* Does what can be done with what was given.  `silent`: no close_notify. */
  void (*run) (KitTlsServer *server, gboolean silent);
  gboolean (*is_open) (KitTlsServer *server); /* the handshake is done */
  /* NULL: this library does not give that one. */
  GBytes *(*binding) (KitTlsServer *server, VeredaBinding kind);
} KitTlsLibrary;

/* NULL-ended. */
extern const KitTlsLibrary *const kit_tls_libraries[];

extern const KitTlsLibrary kit_tls_openssl;
extern const KitTlsLibrary kit_tls_gnutls;

#endif
