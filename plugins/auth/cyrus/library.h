/* SPDX-License-Identifier: MIT */
/**
 * @file library.h
 * @brief Cyrus SASL as the process has it: started once, never stopped, asked what it can do.
 */
#ifndef VEREDA_AUTH_LIBRARY_H
#define VEREDA_AUTH_LIBRARY_H

#include <sasl/sasl.h>
#include <vereda-plugin/auth.h>

G_BEGIN_DECLS

/** Entry of a callback table; Cyrus keeps functions of every type as one. */
#define CYRUS_CALLBACK(id, function, data)                                                                                     \
  {                                                                                                                            \
    (id), (int (*) (void)) (void (*) (void)) (function), (data)                                                                \
  }

/**
 * Starts the library, if this process did not yet, and looks whether it has the mechanism and keeps what is claimed for it.
 * From any thread.  Fails with VEREDA_AUTH_ERROR_UNSUPPORTED.
 */
gboolean cyrus_library_has (const VeredaMech *mech, GError **error);

/** The library's words as an error of `mech`, valid UTF-8 and without control characters; conn may be NULL. */
void cyrus_library_error (const VeredaMech *mech, sasl_conn_t *conn, int result, GError **error);

/** SASL_CB_LOG that keeps Cyrus out of syslog: what matters is in the error. */
int cyrus_library_log (void *context, int level, const char *message);

G_END_DECLS

#endif
