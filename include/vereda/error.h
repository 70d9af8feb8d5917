/* SPDX-License-Identifier: MIT */
/**
 * @file error.h
 * @brief The error domain of the library.
 *
 * A message says what was being done, with which server, what was seen and what to do; it never holds a secret.  A code is
 * specific enough to choose an exit status by; details (reply, stage, attempts) are in the VeredaResult.
 */
#ifndef VEREDA_ERROR_H
#define VEREDA_ERROR_H

#include <glib.h>
#include <vereda/macros.h>

G_BEGIN_DECLS

/** Domain of every GError this library sets. */
#define VEREDA_ERROR (vereda_error_quark ())

/** The quark of VEREDA_ERROR.  Any thread. */
VEREDA_API
GQuark vereda_error_quark (void);

/** Codes of VEREDA_ERROR.  Values never change. */
typedef enum
{
  /* Local: nothing was sent to any server. */
  VEREDA_ERROR_OPTION = 1,  /**< unknown option or a value that is not valid */
  VEREDA_ERROR_ADDRESS = 2, /**< an address or address list cannot be used; names the option or field and the place */
  VEREDA_ERROR_MESSAGE = 3, /**< the message cannot be sent as it is (lone CR, NUL, long line, no header, …) */
  VEREDA_ERROR_SOURCE = 4,  /**< reading the message failed */
  VEREDA_ERROR_PLUGIN = 5,  /**< a plugin that is needed is missing or did not load */
  VEREDA_ERROR_POLICY = 6,  /**< going on would break a policy: cleartext credentials, SIZE, 8BITMIME, SMTPUTF8, floor */

  /* With a server, in the order of a session. */
  VEREDA_ERROR_RESOLVE = 10,     /**< the look-up of the name failed, or no answer came; another try may help */
  VEREDA_ERROR_CONNECT = 11,     /**< no address accepted the connection */
  VEREDA_ERROR_GREETING = 12,    /**< the greeting was not 2yz, or no greeting came */
  VEREDA_ERROR_EHLO = 13,        /**< EHLO (and HELO) refused */
  VEREDA_ERROR_TLS = 14,         /**< TLS not offered, refused, or the handshake failed */
  VEREDA_ERROR_CERTIFICATE = 15, /**< handshake fine, certificate not accepted */
  VEREDA_ERROR_TLS_MODE = 16,    /**< the port speaks TLS from the first octet, or does not speak it at all */
  VEREDA_ERROR_EHLO_TLS = 17,    /**< EHLO refused after TLS */
  VEREDA_ERROR_AUTH = 18,        /**< credentials refused, or no usable mechanism */
  VEREDA_ERROR_MAIL = 19,        /**< reverse-path refused */
  VEREDA_ERROR_RECIPIENTS = 20,  /**< no recipient accepted, or not all of them where all were asked for */
  VEREDA_ERROR_DATA = 21,        /**< DATA refused */
  VEREDA_ERROR_CONTENT = 22,     /**< message refused after its end */

  VEREDA_ERROR_NO_HOST = 23, /**< the name does not exist, or has no address of the family asked for */

  /* At any stage. */
  VEREDA_ERROR_PROTOCOL = 30, /**< the server broke the protocol; the connection was dropped */
  VEREDA_ERROR_CLOSED = 31,   /**< connection lost, or 421 */
  VEREDA_ERROR_TIMEOUT = 32,  /**< a stage's timeout or the overall deadline passed */
  VEREDA_ERROR_CANCELLED = 33,
  VEREDA_ERROR_UNKNOWN_OUTCOME = 34, /**< the end of the data was handed over and the reply never came: may have been sent */
  VEREDA_ERROR_INTERNAL = 40
} VeredaErrorCode;

G_END_DECLS

#endif
