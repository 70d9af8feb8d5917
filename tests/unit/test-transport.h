/* SPDX-License-Identifier: MIT */
/*
 * What the files of the transport test share: loading a plugin, building a stack of layers, driving it over a socket.
 */
#ifndef VEREDA_TEST_TRANSPORT_H
#define VEREDA_TEST_TRANSPORT_H

#include <vereda-plugin/transport.h>

#include "tlsserver.h"

#define HOST "mail.example.test"

/* The transport under test: "plain", "gnutls" or "openssl". */
extern const char *tt_backend;

/* Loads the plugin @stem once; NULL when it was not built.  Aborts when it is there and wrong. */
const VeredaPlugin *tt_plugin (const char *stem);
const VeredaTransport *tt_transport (const char *stem);
/* The file of a plugin, or NULL. */
char *tt_plugin_file (const char *stem, const char *suffix);
/* DIR/NAME.SUFFIX of the test certificates; lives for ever. */
const char *tt_cert (const char *name, const char *suffix);
void tt_add (const char *name, GTestDataFunc func, gconstpointer data);

/* What the core does for a layer. */
VeredaLayer *tt_layer_new (const VeredaTransport *ops, VeredaLayer *lower);
void tt_layer_free (VeredaLayer *layer);

/* A TLS layer of @stem upon a plain one upon a connection to @port. */
typedef struct
{
  VeredaLayer *bottom;
  VeredaLayer *top;
  int fd;
} Stack;

void tt_connect (Stack *stack, guint16 port);
gboolean tt_wrap (Stack *stack, const char *stem, const VeredaTlsSettings *settings, GError **error);
void tt_close (Stack *stack);
/* Each goes on until the operation does not want to wait any more. */
VeredaIo tt_handshake (Stack *stack, GError **error);
VeredaIo tt_read (Stack *stack, void *buf, size_t size, size_t *ret_n, GError **error);
VeredaIo tt_write_all (Stack *stack, const void *data, size_t size, GError **error);
VeredaIo tt_shutdown (Stack *stack, GError **error);
/* All that comes until the end; the end is returned. */
VeredaIo tt_read_all (Stack *stack, GByteArray *into, GError **error);
void tt_wait (int fd, VeredaIo want);

/* Connected, wrapped and shaken hands; @settings NULL: the test root and the usual name. */
VeredaIo tt_open_session (Stack *stack, KitServer *server, const char *stem, const VeredaTlsSettings *settings, GError **error);
/* A handler that hears everything and says nothing. */
void tt_wait_for_client (KitConn *conn, gpointer data);

/* Settings with the test root trusted. */
VeredaTlsSettings tt_settings (const char *peer_name);
int64_t tt_number (VeredaLayer *layer, VeredaFact fact);
const char *tt_string (VeredaLayer *layer, VeredaFact fact);
/* Every operation of the layer says @error again. */
void tt_assert_sticky (VeredaLayer *layer, const GError *error);

/* The core is not linked here, so this compares octets by itself. */
#define assert_octets(a, a_size, b, b_size) tt_octets (G_STRLOC, a, (gsize) (a_size), b, (gsize) (b_size))
void tt_octets (const char *where, const void *a, gsize a_size, const void *b, gsize b_size);

/* Test groups. */
void tt_add_memory_tests (void);
void tt_add_identity_tests (void);
void tt_add_socket_tests (void);
void tt_add_session_tests (void);
void tt_add_settings_tests (void);
void tt_add_resume_tests (void);
void tt_add_pin_tests (void);
void tt_add_staple_tests (void);
void tt_add_plain_tests (void);

#endif
