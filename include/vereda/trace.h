/* SPDX-License-Identifier: MIT */
/**
 * @file trace.h
 * @brief The redacted transcript of a session.
 */
#ifndef VEREDA_TRACE_H
#define VEREDA_TRACE_H

#include <glib.h>
#include <vereda/macros.h>

G_BEGIN_DECLS

/** Kinds of trace lines.  Values never change; new ones may come. */
typedef enum
{
  VEREDA_TRACE_CLIENT = 1,       /**< a line sent; secrets are already replaced */
  VEREDA_TRACE_SERVER = 2,       /**< a line received with a 2yz or 3yz reply */
  VEREDA_TRACE_SERVER_ERROR = 3, /**< a line received with any other reply */
  VEREDA_TRACE_INFO = 4,         /**< what the library did: connected, TLS established, next server, … */
  VEREDA_TRACE_ERROR = 5,        /**< what went wrong, locally or on the way */
  VEREDA_TRACE_TLS = 6           /**< a detail of a TLS handshake that is over: cipher, certificates, verdict, … */
} VeredaTraceKind;

/**
 * Receives one line of the transcript, on the thread that runs the sender.
 * @param kind what it is
 * @param secure TRUE when the line travels under TLS
 * @param server the server as given, borrowed; may be NULL
 * @param text the line without its end, borrowed: SASL payloads replaced by `<redacted N octets>` unless
 *        vereda_options_set_trace_secrets() says otherwise, control characters and invalid UTF-8 escaped as \\xHH, a backslash as
 *        two; message content is never traced
 * @param user_data as given
 */
typedef void (*VeredaTraceFunc) (VeredaTraceKind kind, gboolean secure, const char *server, const char *text,
                                 gpointer user_data);

G_END_DECLS

#endif
