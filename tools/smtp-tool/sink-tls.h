/* SPDX-License-Identifier: MIT */
/* sink-tls - the server side of TLS: the one context of a run, and what is asked of a connection.
 *
 * Reads certificate files, writes the CA's certificate of a self-signed run.  Set-up fails with the file's name. */
#ifndef SINK_TLS_H
#define SINK_TLS_H

#include "sink-config.h"

#include <openssl/ssl.h>

/* ret_ca_file: where a self-signed run's CA went, or NULL; *ret_is_temporary: to be removed at the end. */
SSL_CTX *sink_tls_context_new (const SinkConfig *config, gchar **ret_ca_file, gboolean *ret_is_temporary, GError **error);

/* Octets go out `split` at a time: each write takes so many, and the next one is put off until `spent` is FALSE again. */
typedef struct
{
  guint split; /* 0 = all */
  gboolean spent;
} SinkPace;

gboolean sink_tls_set_fd (SSL *tls, int fd, SinkPace *pace); /* pace: NULL = as fast as it goes; else lent for tls' life */

gchar *sink_tls_client_identity (SSL *tls); /* of a verified client certificate: its mail address, else its CN; or NULL */
gchar *sink_tls_take_error (void);          /* the oldest error in OpenSSL's queue, which is emptied */

#endif
