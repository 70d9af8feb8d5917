/* SPDX-License-Identifier: MIT */
/**
 * @file probe.h
 * @brief A probe: connects as a sender would, sends no content, and tells what was seen on the way.
 *
 * A probe has the options, the time-outs, the TLS policy and the code of a sender (sender.h); what differs is that it looks at one
 * server only, the first of the option `servers`, says one command at a time, and stops where it is told to.  Its report says for each stage when it
 * began, how long it took and what it cost on the wire.
 *
 * Threads: one thread at a time, but for vereda_probe_cancel().  Getters are for after vereda_probe_run() has returned; what they return belongs to
 * the probe and lives as long as it, unless another owner is named.  Text is safe to show: control characters, marks that change the
 * direction of writing and octets that are not UTF-8 are escaped; secrets never enter.
 */
#ifndef VEREDA_PROBE_H
#define VEREDA_PROBE_H

#include <glib.h>
#include <vereda/error.h>
#include <vereda/explain.h>
#include <vereda/macros.h>
#include <vereda/options.h>
#include <vereda/result.h>

G_BEGIN_DECLS

typedef struct VeredaProbe VeredaProbe;               /**< opaque */
typedef struct VeredaProbeStage VeredaProbeStage;     /**< opaque: one stage that was begun */
typedef struct VeredaProbeAddress VeredaProbeAddress; /**< opaque: one address that a connection was tried to */

/** The last thing a probe does.  Values never change; new ones may come. */
typedef enum
{
  VEREDA_PROBE_CONNECT = 1,    /**< the connection is made */
  VEREDA_PROBE_GREETING = 2,   /**< the greeting was read (with implicit TLS: after the handshake) */
  VEREDA_PROBE_FIRST_EHLO = 3, /**< the first EHLO was answered */
  VEREDA_PROBE_TLS = 4,        /**< the handshake is done */
  VEREDA_PROBE_EHLO = 5,       /**< the last EHLO was answered */
  VEREDA_PROBE_AUTH = 6,       /**< authenticated, where there are credentials; the default */
  VEREDA_PROBE_MAIL = 7,       /**< MAIL was answered, with the option `originator`, else the null reverse-path */
  VEREDA_PROBE_RCPT = 8,       /**< RCPT was answered for each of the option `recipients` */
  VEREDA_PROBE_DATA = 9        /**< DATA was answered; the connection is closed there, since no content is ever sent */
} VeredaProbePoint;

/**
 * A probe of the first server of @p options, which are copied.  Nothing is connected yet.  Any thread.
 * @return free with vereda_probe_free(); NULL with VEREDA_ERROR_OPTION when the options do not fit together
 */
VEREDA_API
VeredaProbe *vereda_probe_new (VeredaOptions *options, GError **error);

/** Frees.  NULL is fine.  Not while it runs. */
VEREDA_API
void vereda_probe_free (VeredaProbe *probe);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VeredaProbe, vereda_probe_free)

/**
 * Where to stop; before vereda_probe_run().
 * @param drop TRUE: close the connection there without QUIT (RFC 5321 section 4.1.1.10 asks clients for QUIT: for tests of servers)
 */
VEREDA_API
void vereda_probe_set_end (VeredaProbe *probe, VeredaProbePoint point, gboolean drop);

/**
 * Whether the end is when its command was said, and the connection is closed without its reply having been awaited: for tests of
 * servers.  An end that has no command (VEREDA_PROBE_CONNECT, VEREDA_PROBE_GREETING, VEREDA_PROBE_TLS with implicit TLS) is as with
 * @p drop of vereda_probe_set_end().  Before vereda_probe_run().
 */
VEREDA_API
void vereda_probe_set_drop_sent (VeredaProbe *probe, gboolean drop);

/**
 * Whether an address that another one overtook is followed (vereda_probe_address_get_afterwards()), which may take two seconds more; TRUE unless told
 * otherwise.  Before vereda_probe_run().
 */
VEREDA_API
void vereda_probe_set_follow (VeredaProbe *probe, gboolean follow);

/**
 * Connects, talks, stops, closes.  Blocks; once only.  Every stage has the time-out that it has for a sender, and the option `deadline`
 * limits all together.
 * @return TRUE when everything up to the end was done; FALSE with @p error, which vereda_probe_get_error() keeps
 */
VEREDA_API
gboolean vereda_probe_run (VeredaProbe *probe, GError **error);

/** Ends vereda_probe_run() with VEREDA_ERROR_CANCELLED as soon as it can.  Any thread; safe in a signal handler. */
VEREDA_API
void vereda_probe_cancel (VeredaProbe *probe);

/** @name Talk: lines of one's own over the connection, once the end is reached
 *
 * The connection, the time-outs of what the library says itself and the TLS policy are those of a sender; STARTTLS as a line of one's own
 * is followed by the handshake, and octets in clear behind its reply end the connection (RFC 3207 section 4.2).  What else a line does to the
 * server is not known to the library: it sends no message over such a connection.  One thread; what blocks says so. */
/**@{*/
/**
 * Instead of closing where vereda_probe_set_end() says, stay open: vereda_probe_run() returns then.  The earliest end is the greeting.
 * Before vereda_probe_run().
 */
VEREDA_API
void vereda_probe_set_talk (VeredaProbe *probe, gboolean talk);
VEREDA_API
gboolean vereda_probe_is_talking (VeredaProbe *probe); /**< TRUE from vereda_probe_run() to the connection's end */
/**
 * Says one line, which gets its CRLF here.  Does not wait for a reply, but for a handshake that is going on.
 * @return FALSE with VEREDA_ERROR_PROTOCOL when it holds CR or LF, or is STARTTLS where that cannot be said; with the connection's error
 *         when that is at its end
 */
VEREDA_API
gboolean vereda_probe_say (VeredaProbe *probe, const char *line, GError **error);
/** Says octets as they are, to which no reply is due: content behind DATA's 354 but for the final line ".", or behind BDAT. */
VEREDA_API
gboolean vereda_probe_say_octets (VeredaProbe *probe, const void *octets, gsize size, GError **error);
/**
 * The next reply that came, also one that nothing asked for.  Blocks.  The reply to STARTTLS is told when the handshake is done.
 * @param timeout microseconds; 0: what is there already; -1: no limit
 * @return free with vereda_probe_reply_free(); NULL without @p error when none came in time, NULL with it when the connection is at its end
 */
VEREDA_API
VeredaReply *vereda_probe_hear (VeredaProbe *probe, gint64 timeout, GError **error);
VEREDA_API
void vereda_probe_reply_free (VeredaReply *reply); /**< of vereda_probe_hear().  NULL is fine */
VEREDA_API
guint vereda_probe_get_n_awaited (VeredaProbe *probe); /**< replies that are due, or came and were not heard yet */
/** Lets the library say EHLO, with the option `client`, so that it knows the extensions.  Blocks.  The reply is heard. */
VEREDA_API
gboolean vereda_probe_say_hello (VeredaProbe *probe, GError **error);
/**
 * Lets the library authenticate as a sender would; it says EHLO and STARTTLS first where they are missing and wanted.  Blocks.  The replies
 * are heard, but for challenges.
 * @param mechanisms the option `auth` from now on, or NULL
 * @return FALSE with @p error when it came to nothing; the connection may be usable all the same: vereda_probe_is_talking()
 */
VEREDA_API
gboolean vereda_probe_authenticate (VeredaProbe *probe, const char *mechanisms, GError **error);
/** Says QUIT and waits for its reply, or (@p drop) closes without a word.  Blocks. */
VEREDA_API
gboolean vereda_probe_close (VeredaProbe *probe, gboolean drop, GError **error);
/**@}*/

/** @name The outcome */
/**@{*/
VEREDA_API
const GError *vereda_probe_get_error (VeredaProbe *probe); /**< NULL when everything was done */
VEREDA_API
VeredaStage vereda_probe_get_error_stage (VeredaProbe *probe); /**< where it failed; without an error where it ended */
VEREDA_API
VeredaReply *vereda_probe_get_error_reply (VeredaProbe *probe); /**< the reply behind the error, or NULL */
VEREDA_API
gboolean vereda_probe_is_transient (VeredaProbe *probe); /**< TRUE when trying later may help */
VEREDA_API
gint64 vereda_probe_get_elapsed (VeredaProbe *probe); /**< microseconds from the beginning to the connection's end */
VEREDA_API
guint vereda_probe_get_n_warnings (VeredaProbe *probe); /**< sentences, as in a result */
VEREDA_API
const char *vereda_probe_get_warning (VeredaProbe *probe, guint index); /**< NULL when @p index is too large */
/**@}*/

/** @name What was probed, and how */
/**@{*/
VEREDA_API
const char *vereda_probe_get_server (VeredaProbe *probe); /**< "mail.example.org:587" */
VEREDA_API
const char *vereda_probe_get_host (VeredaProbe *probe); /**< A-labels or a literal; NULL for a local socket */
VEREDA_API
guint vereda_probe_get_port (VeredaProbe *probe); /**< 0 for a local socket */
VEREDA_API
const char *vereda_probe_get_mode (VeredaProbe *probe); /**< "implicit", "starttls" or "plain"; also before it ran */
VEREDA_API
const char *
vereda_probe_get_mode_reason (VeredaProbe *probe); /**< "port 465", "option tls", "the URL", …; also before it ran */
VEREDA_API
gboolean vereda_probe_is_tls_required (VeredaProbe *probe); /**< FALSE: only where it is offered, or never */
VEREDA_API
gboolean vereda_probe_is_lmtp (VeredaProbe *probe); /**< LHLO (RFC 2033) */
VEREDA_API
const char *vereda_probe_get_address (VeredaProbe *probe); /**< "192.0.2.1:587": connected to it; NULL: to none */
VEREDA_API
const char *vereda_probe_get_transport (VeredaProbe *probe); /**< "starttls/gnutls", "implicit/openssl" or "plain" */
/**@}*/

/** @name Stages: one row for each that was begun, in order
 * VEREDA_STAGE_EHLO comes twice with STARTTLS and again on every further connection; VEREDA_STAGE_AUTH once for each mechanism that was tried;
 * VEREDA_STAGE_TLS begins with the command STARTTLS, if there is one. */
/**@{*/
VEREDA_API
guint vereda_probe_get_n_stages (VeredaProbe *probe); /**< number of rows */
VEREDA_API
VeredaProbeStage *vereda_probe_get_stage (VeredaProbe *probe, guint index); /**< NULL when @p index is too large */
VEREDA_API
VeredaStage vereda_probe_stage_get_stage (VeredaProbeStage *stage); /**< what it is */
VEREDA_API
guint vereda_probe_stage_get_connection (VeredaProbeStage *stage); /**< 1: the first connection */
VEREDA_API
gboolean vereda_probe_stage_is_secure (VeredaProbeStage *stage); /**< inside TLS */
VEREDA_API
gboolean vereda_probe_stage_succeeded (VeredaProbeStage *stage); /**< FALSE: the reply, the detail or the error says why */
VEREDA_API
gint64 vereda_probe_stage_get_start (VeredaProbeStage *stage); /**< microseconds since the run began, monotonic */
VEREDA_API
gint64 vereda_probe_stage_get_duration (VeredaProbeStage *stage); /**< microseconds */
VEREDA_API
guint vereda_probe_stage_get_round_trips (VeredaProbeStage *stage); /**< times the server was waited for; 0 of a name look-up */
VEREDA_API
guint64 vereda_probe_stage_get_octets_in (VeredaProbeStage *stage); /**< from the socket, TLS records and all */
VEREDA_API
guint64 vereda_probe_stage_get_octets_out (VeredaProbeStage *stage); /**< to the socket */
VEREDA_API
VeredaReply *
vereda_probe_stage_get_reply (VeredaProbeStage *stage); /**< the last one; NULL: none came, or none belongs to it */
VEREDA_API
const char *
vereda_probe_stage_get_detail (VeredaProbeStage *stage); /**< mechanism, command or recipient; NULL: nothing to add */
/**@}*/

/** @name Addresses, in the order they were tried (RFC 8305) */
/**@{*/
VEREDA_API
guint vereda_probe_get_n_addresses (VeredaProbe *probe); /**< also those that were resolved and never tried */
VEREDA_API
VeredaProbeAddress *vereda_probe_get_nth_address (VeredaProbe *probe, guint index); /**< NULL when @p index is too large */
VEREDA_API
const char *vereda_probe_address_get_text (VeredaProbeAddress *address); /**< "[2001:db8::1]:587" */
VEREDA_API
const char *
vereda_probe_address_get_outcome (VeredaProbeAddress *address); /**< "connected", "failed", "timed-out", "lost-the-race",
                                                                               "not-tried" */
VEREDA_API
int vereda_probe_address_get_errno (VeredaProbeAddress *address); /**< of a failed one, else 0 */
VEREDA_API
gint64 vereda_probe_address_get_start (VeredaProbeAddress *address); /**< microseconds since the first was tried */
VEREDA_API
gint64 vereda_probe_address_get_duration (VeredaProbeAddress *address); /**< microseconds until the outcome */

/**
 * Of one that lost the race, what became of it all the same: the probe goes on with it, beside the connection and for two seconds at least, and closes
 * it as soon as it is known.
 * @return "connected", "failed" (vereda_probe_address_get_errno() says why) or "no-answer"; NULL of any other, and where the probe stayed open
 *         to talk
 */
VEREDA_API
const char *vereda_probe_address_get_afterwards (VeredaProbeAddress *address);
VEREDA_API
gint64 vereda_probe_address_get_afterwards_duration (VeredaProbeAddress *address); /**< microseconds since its start */
/**@}*/

/** @name What the server said */
/**@{*/
VEREDA_API
VeredaReply *vereda_probe_get_greeting (VeredaProbe *probe); /**< NULL: none came */

/**
 * The extensions of the latest EHLO reply on either side of TLS, as lines of keyword and parameters separated by single blanks ("SIZE 52428800"), in
 * the server's order.  Lines that are none (RFC 5321 section 4.1.1.1) are left out.
 * @param secure inside TLS, or before
 * @return NULL-ended; NULL: EHLO was not answered there; empty: it was, by no extension, or HELO was
 */
VEREDA_API
const char *const *vereda_probe_get_extensions (VeredaProbe *probe, gboolean secure);

/** The mechanisms of the latest EHLO reply.  @return NULL-ended, upper case, never NULL */
VEREDA_API
const char *const *vereda_probe_get_mechanisms (VeredaProbe *probe);
VEREDA_API
const char *vereda_probe_get_authenticated (VeredaProbe *probe); /**< the mechanism that succeeded, or NULL */

/**
 * What a sender with @p options would try over this connection, in order, and why not the others (explain.h).
 * @param options NULL: the probe's own
 * @return a new explanation, free with vereda_explanation_free(); never NULL after EHLO was answered, else NULL with @p error
 */
VEREDA_API
VeredaExplanation *vereda_probe_explain (VeredaProbe *probe, VeredaOptions *options, GError **error);
VEREDA_API
guint vereda_probe_get_connection_state (VeredaProbe *probe); /**< bits of VeredaConnectionState, when TLS was done */
/**@}*/

/** @name TLS: what is known of the latest handshake, also of one that failed
 * A certificate that is refused is looked at to the end of the handshake, so that everything is known of it; but with a certificate of the
 * client, which is not for a server that is not trusted. */
/**@{*/
VEREDA_API
gboolean vereda_probe_has_tls (VeredaProbe *probe); /**< a handshake was begun */
VEREDA_API
guint vereda_probe_get_tls_version (VeredaProbe *probe); /**< 0x0303, 0x0304; 0: not known */
VEREDA_API
const char *vereda_probe_get_tls_cipher (VeredaProbe *probe); /**< the library's name; NULL: not known */
VEREDA_API
guint vereda_probe_get_tls_key_bits (VeredaProbe *probe); /**< strength of the cipher in bits; 0: not known */
VEREDA_API
const char *vereda_probe_get_tls_group (VeredaProbe *probe); /**< key exchange, the library's name; NULL: not known */
VEREDA_API
const char *vereda_probe_get_tls_signature (VeredaProbe *probe); /**< signature algorithm of the handshake; NULL: not known */
VEREDA_API
const char *vereda_probe_get_tls_backend (VeredaProbe *probe); /**< "GnuTLS 3.7.9"; NULL: not known */
VEREDA_API
int vereda_probe_is_tls_resumed (VeredaProbe *probe); /**< 1 yes, 0 no, -1 not known */
/** What the server sent about its own certificate's standing (RFC 6066 section 8), as a stable word: "not-stapled", "good",
 * "revoked", "unknown", "invalid"; new ones may come.  NULL: not known. */
VEREDA_API
const char *vereda_probe_get_ocsp (VeredaProbe *probe);

/** Why the certificate was not accepted, as a stable word: "ok", "unknown-issuer", "self-signed", "expired", "not-yet-valid",
 * "name-mismatch", "weak", "revoked", "purpose", "invalid", "pin-mismatch", "dane-mismatch", "no-certificate"; new ones may come.  NULL: not checked. */
VEREDA_API
const char *vereda_probe_get_verify_code (VeredaProbe *probe);
VEREDA_API
int
vereda_probe_get_verify_number (VeredaProbe *probe); /**< the same as VeredaVerify of the plugins' interface; -1: not checked */
VEREDA_API
const char *vereda_probe_get_verify_text (VeredaProbe *probe); /**< the library's own words, or NULL */
VEREDA_API
int vereda_probe_get_verify_depth (VeredaProbe *probe); /**< the certificate it is about, 0: the server's own; -1: not known */
VEREDA_API
int vereda_probe_get_pin (VeredaProbe *probe); /**< which entry of option pins is the server's key, from 0; -1: none */
VEREDA_API
int vereda_probe_get_tlsa (VeredaProbe *probe); /**< which record of option tlsa fits, from 0; -1: none */
VEREDA_API
gboolean vereda_probe_is_verified (VeredaProbe *probe); /**< chain and name */
VEREDA_API
const char *
vereda_probe_get_matched_name (VeredaProbe *probe); /**< "DNS:*.example.org": in the certificate; NULL: none matched */
VEREDA_API
const char *vereda_probe_get_peer_name (VeredaProbe *probe); /**< the name that had to match; NULL: none is known */
VEREDA_API
guint vereda_probe_get_n_certificates (VeredaProbe *probe); /**< that the server sent */
/** One of them in DER, leaf first.  @return borrowed; NULL when @p index is too large */
VEREDA_API
GBytes *vereda_probe_get_certificate (VeredaProbe *probe, guint index);
/**@}*/

G_END_DECLS

#endif
