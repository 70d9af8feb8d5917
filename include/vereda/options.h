/* SPDX-License-Identifier: MIT */
/**
 * @file options.h
 * @brief How to send: every option by name, typed setters for the common ones, and the callbacks an application may give.
 *
 * Values are checked where they are set, so that bad input is refused before any connection; an error names the option.  The table of
 * options (vereda_option_at()) is the one source of the setters, the tool's flags and the manual.
 */
#ifndef VEREDA_OPTIONS_H
#define VEREDA_OPTIONS_H

#include <glib.h>
#include <vereda/macros.h>
#include <vereda/progress.h>
#include <vereda/registry.h>
#include <vereda/trace.h>

G_BEGIN_DECLS

/** Opaque.  For one thread at a time; a sender takes a copy. */
typedef struct VeredaOptions VeredaOptions;

/** Options with every default.  @return new options; free with vereda_options_free() */
VEREDA_API
VeredaOptions *vereda_options_new (void);

/** A deep copy; callbacks and their data are shared. */
VEREDA_API
VeredaOptions *vereda_options_copy (VeredaOptions *options);

/** Frees; wipes secrets.  NULL is fine. */
VEREDA_API
void vereda_options_free (VeredaOptions *options);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VeredaOptions, vereda_options_free)

/** Type of an option's value. */
typedef enum
{
  VEREDA_OPTION_STRING = 1,
  VEREDA_OPTION_BOOLEAN = 2, /**< 0 false no off, 1 true yes on; case does not matter */
  VEREDA_OPTION_SECONDS = 3, /**< a decimal number of seconds, 0.001 to 86400; 0: the default */
  VEREDA_OPTION_CHOICE = 4,  /**< one of a few words */
  VEREDA_OPTION_LIST = 5,    /**< elements separated by commas */
  VEREDA_OPTION_HEADER = 6,  /**< "Name: value"; may be given many times */
  VEREDA_OPTION_FILE = 7,    /**< a path */
  VEREDA_OPTION_SECRET = 8   /**< kept in wiped memory; vereda_options_get() never gives it back; not for a command line */
} VeredaOptionType;

/** One row of the option table; static. */
typedef struct
{
  const char *name;          /**< such as "servers"; words joined by '-' */
  VeredaOptionType type;     /**< what values it takes */
  const char *default_value; /**< as text; NULL: none */
  const char *choices;       /**< of a CHOICE: words separated by '|'; else NULL */
  const char *argument;      /**< what stands for the value in help: "HOST[:PORT],…" */
  const char *help;          /**< one line */
  const char *seed;          /**< the option of tcllib's smtp::sendmessage that it carries, such as "-servers"; NULL: none */
} VeredaOptionInfo;

/** Number of rows.  Any thread. */
VEREDA_API
guint vereda_option_count (void);
/** The row at @p index.  Any thread.  @return static; NULL when @p index is not below vereda_option_count() */
VEREDA_API
const VeredaOptionInfo *vereda_option_at (guint index);

/**
 * Sets an option by name.  The seed's names (with their dash) are understood too.
 * @param value as text; NULL resets to the default.  A HEADER option accumulates; every other keeps its last value.
 * @return FALSE with VEREDA_ERROR_OPTION or VEREDA_ERROR_ADDRESS naming the option and the place; nothing is changed then
 */
VEREDA_API
gboolean vereda_options_set (VeredaOptions *options, const char *name, const char *value, GError **error);

/** The value as text, or the default, or NULL; borrowed until the option is set again.  Unknown names give NULL. */
VEREDA_API
const char *vereda_options_get (VeredaOptions *options, const char *name);

/** TRUE when the option was set by the caller. */
VEREDA_API
gboolean vereda_options_is_set (VeredaOptions *options, const char *name);

/** Adds a header field: added to the copy on the wire or, for a single-instance field, replacing the message's. */
VEREDA_API
gboolean vereda_options_add_header (VeredaOptions *options, const char *name, const char *value, GError **error);

/** User name for authentication (authcid); NULL: none.  Giving one asks for authentication. */
VEREDA_API
gboolean vereda_options_set_user (VeredaOptions *options, const char *user, GError **error);

/** Password, NUL-ended; copied into wiped memory; NULL: none. */
VEREDA_API
void vereda_options_set_password (VeredaOptions *options, const char *password);

/** Password of @p size octets. */
VEREDA_API
void vereda_options_set_password_data (VeredaOptions *options, const void *password, gsize size);

/** Bearer token (RFC 6750) for mechanisms that take one; NULL: none. */
VEREDA_API
void vereda_options_set_token (VeredaOptions *options, const char *token);

/** The registry to take plugins from; NULL: the default one.  A reference is taken. */
VEREDA_API
void vereda_options_set_registry (VeredaOptions *options, VeredaRegistry *registry);

/** @name TLS policy */
/**@{*/

/** What went wrong with TLS. */
typedef enum
{
  VEREDA_TLS_NOT_OFFERED = 1, /**< no STARTTLS in the EHLO reply */
  VEREDA_TLS_REFUSED = 2,     /**< STARTTLS answered with something else than 220 */
  VEREDA_TLS_HANDSHAKE = 3,   /**< the handshake failed */
  VEREDA_TLS_CERTIFICATE = 4  /**< the handshake was fine, the certificate was not accepted */
} VeredaTlsProblem;

/** What to do about it. */
typedef enum
{
  VEREDA_TLS_SECURE = 0, /**< close this connection, take the next server */
  /** Go on: in clear where STARTTLS was not offered or was refused; after a failed handshake of STARTTLS in clear too, on a new
   * connection, never on the same; after a certificate on a new connection with TLS whose certificate is not checked.  Secrets stay
   * behind the floor all the same (option insecure-cleartext-auth). */
  VEREDA_TLS_INSECURE = 1
} VeredaTlsDecision;

/**
 * Asked for every TLS problem.  Without this callback the answer is INSECURE for NOT_OFFERED and REFUSED under `tls=opportunistic` without
 * credentials, SECURE otherwise; a certificate that does not verify is then accepted with a warning where TLS itself was only
 * opportunistic, since the alternative would have been clear.
 * @param code the reply code (0 when there was no reply)
 * @param text the reply's text or the TLS library's words, safe to show, borrowed
 */
typedef VeredaTlsDecision (*VeredaTlsPolicyFunc) (VeredaTlsProblem problem, const char *server, int code, const char *text,
                                                  gpointer user_data);

/** The callback to ask, on the thread that runs the sender; NULL: none. */
VEREDA_API
void vereda_options_set_tls_policy (VeredaOptions *options, VeredaTlsPolicyFunc func, gpointer user_data);

/**@}*/

/** @name Credentials on demand */
/**@{*/

/** What is asked for. */
typedef enum
{
  VEREDA_CREDENTIAL_PASSWORD = 1, /**< the user's password */
  VEREDA_CREDENTIAL_TOKEN = 2     /**< a bearer token */
} VeredaCredentialKind;

/** Why it is asked for. */
typedef enum
{
  VEREDA_CREDENTIAL_FIRST = 1,    /**< not given before for this server */
  VEREDA_CREDENTIAL_REJECTED = 2, /**< the one given before was refused */
  VEREDA_CREDENTIAL_EXPIRED = 3   /**< the token given before has expired */
} VeredaCredentialReason;

/** A question for one credential.  Opaque; reference-counted; to be answered once, at once or later, from
 * any thread. */
typedef struct VeredaCredentialRequest VeredaCredentialRequest;

VEREDA_API
VeredaCredentialKind vereda_credential_request_get_kind (VeredaCredentialRequest *request); /**< what is asked for */
VEREDA_API
VeredaCredentialReason vereda_credential_request_get_reason (VeredaCredentialRequest *request); /**< why */
VEREDA_API
const char *vereda_credential_request_get_server (VeredaCredentialRequest *request); /**< host name, borrowed */
VEREDA_API
const char *vereda_credential_request_get_user (VeredaCredentialRequest *request); /**< borrowed; may be NULL */

/** The answer, copied into wiped memory. */
VEREDA_API
void vereda_credential_request_answer (VeredaCredentialRequest *request, const void *data, gsize size);
/** There is none: the mechanisms that need it are passed over. */
VEREDA_API
void vereda_credential_request_decline (VeredaCredentialRequest *request);

/** Takes a reference, to answer later.  @return @p request */
VEREDA_API
VeredaCredentialRequest *vereda_credential_request_ref (VeredaCredentialRequest *request);
/** Dropping the last reference without an answer declines. */
VEREDA_API
void vereda_credential_request_unref (VeredaCredentialRequest *request);

/**
 * Answer inside the call, or keep a reference and answer later: the session waits meanwhile, for timeout-command at most, and others go on.
 * Later means from any thread, or from another callback; vereda_sender_run() blocks and serves no main loop, so that a source of GLib on
 * the same thread does not run before it returns.  After the sender has gone an answer comes to nobody, and does no harm.
 */
typedef void (*VeredaCredentialFunc) (VeredaCredentialRequest *request, gpointer user_data);

/** The callback to ask where no password or token is set; NULL: none. */
VEREDA_API
void vereda_options_set_credential_callback (VeredaOptions *options, VeredaCredentialFunc func, gpointer user_data);

/**@}*/

/** The redacted transcript, line by line; NULL: none. */
VEREDA_API
void vereda_options_set_trace (VeredaOptions *options, VeredaTraceFunc func, gpointer user_data);

/**
 * Whether the transcript shows what authenticates, passwords among it: for somebody who looks for a fault in an exchange with a secret of no
 * worth.  Off by default; nothing but this call switches it on.  Errors, results and replies that repeat a secret never show it.
 */
VEREDA_API
void vereda_options_set_trace_secrets (VeredaOptions *options, gboolean shown);

/** How far each message has got; NULL: none, which costs nothing.  Of the sender's options, not of those given with a message. */
VEREDA_API
void vereda_options_set_progress (VeredaOptions *options, VeredaProgressFunc func, gpointer user_data);

G_END_DECLS

#endif
