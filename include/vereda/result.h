/* SPDX-License-Identifier: MIT */
/**
 * @file result.h
 * @brief What became of a message: a verdict for the message and for each recipient, the replies, and the log of attempts.
 *
 * Everything got from a result is borrowed and lives as long as the result.  Text is safe to show: control characters and invalid UTF-8 are
 * escaped, secrets never enter.
 */
#ifndef VEREDA_RESULT_H
#define VEREDA_RESULT_H

#include <glib.h>
#include <vereda/error.h>
#include <vereda/macros.h>

G_BEGIN_DECLS

typedef struct VeredaResult VeredaResult;       /**< opaque, reference-counted */
typedef struct VeredaRecipient VeredaRecipient; /**< opaque, part of a result */
typedef struct VeredaReply VeredaReply;         /**< opaque, part of a result */
typedef struct VeredaAttempt VeredaAttempt;     /**< opaque, part of a result */

/** Verdict on the message. */
typedef enum
{
  VEREDA_NOT_SENT = 0, /**< certainly not sent: sending it again cannot make a second copy */
  VEREDA_SENT = 1,     /**< a server took responsibility for it, for every recipient whose status says accepted */
  VEREDA_UNKNOWN
  = 2 /**< the end of the data was handed over and the reply never came: it may have been sent.  Never resent by itself */
} VeredaVerdict;

/** Status of one recipient. */
typedef enum
{
  VEREDA_RECIPIENT_NOT_SENT = 0, /**< nobody refused this address, and the message was not sent: see the result's error */
  VEREDA_RECIPIENT_ACCEPTED = 1, /**< the server took responsibility */
  VEREDA_RECIPIENT_REFUSED = 2,  /**< refused: see the reply */
  VEREDA_RECIPIENT_UNKNOWN = 3   /**< see VEREDA_UNKNOWN */
} VeredaRecipientStatus;

/** Takes a reference.  Any thread.  @return @p result */
VEREDA_API
VeredaResult *vereda_result_ref (VeredaResult *result);
/** Drops a reference; NULL is fine.  Any thread. */
VEREDA_API
void vereda_result_unref (VeredaResult *result);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VeredaResult, vereda_result_unref)

/** Was it sent? */
VEREDA_API
VeredaVerdict vereda_result_get_verdict (VeredaResult *result);

/** Why not sent, or why unknown; NULL when sent. */
VEREDA_API
const GError *vereda_result_get_error (VeredaResult *result);

/** TRUE when trying later may help (4yz, timeouts, connection lost); FALSE when sent, unknown, or permanent. */
VEREDA_API
gboolean vereda_result_is_transient (VeredaResult *result);

/** Number of recipients, duplicates included. */
VEREDA_API
guint vereda_result_get_n_recipients (VeredaResult *result);
/** Recipients in the order they were given.  @return NULL when @p index is too large */
VEREDA_API
VeredaRecipient *vereda_result_get_recipient (VeredaResult *result, guint index);
/** Number of recipients with that status. */
VEREDA_API
guint vereda_result_count (VeredaResult *result, VeredaRecipientStatus status);

/** The reply to the end of the data (with its queue id), or the reply that refused the message; NULL when there was none. */
VEREDA_API
VeredaReply *vereda_result_get_reply (VeredaResult *result);
/** The server that gave it, as given in the options; NULL when none was reached. */
VEREDA_API
const char *vereda_result_get_server (VeredaResult *result);
/** The reverse-path used, "" for the null one. */
VEREDA_API
const char *vereda_result_get_reverse_path (VeredaResult *result);

/** Number of rows in the log of attempts. */
VEREDA_API
guint vereda_result_get_n_attempts (VeredaResult *result);
/** What happened, in order, over all servers.  @return NULL when @p index is too large */
VEREDA_API
VeredaAttempt *vereda_result_get_attempt (VeredaResult *result, guint index);

/** Number of warnings. */
VEREDA_API
guint vereda_result_get_n_warnings (VeredaResult *result);
/** Things that were asked for and could not be had, or that the caller should know: sentences.  @return NULL when @p index is too
 * large */
VEREDA_API
const char *vereda_result_get_warning (VeredaResult *result, guint index);

/** @name Recipients */
/**@{*/
VEREDA_API
const char *vereda_recipient_get_address (VeredaRecipient *recipient); /**< as given */
VEREDA_API
VeredaRecipientStatus vereda_recipient_get_status (VeredaRecipient *recipient); /**< what became of it */
VEREDA_API
VeredaReply *vereda_recipient_get_reply (VeredaRecipient *recipient); /**< NULL when the address was never answered */
VEREDA_API
gboolean vereda_recipient_is_permanent (VeredaRecipient *recipient); /**< of a refused one: trying later will not help */
VEREDA_API
gboolean vereda_recipient_is_blind (VeredaRecipient *recipient); /**< came from Bcc or Dcc */
VEREDA_API
const char *vereda_recipient_get_server (VeredaRecipient *recipient); /**< who said it; NULL when never asked */
/**@}*/

/** @name Replies */
/**@{*/
VEREDA_API
int vereda_reply_get_code (VeredaReply *reply); /**< three digits */
VEREDA_API
const char *vereda_reply_get_enhanced (VeredaReply *reply); /**< "5.7.8", or NULL */
VEREDA_API
const char *vereda_reply_get_text (VeredaReply *reply); /**< all lines, joined by newlines, without codes */
VEREDA_API
gboolean vereda_reply_is_local (VeredaReply *reply); /**< made by the library: no server said it */
/**@}*/

/** @name Attempts: one row for each thing that was tried */
/**@{*/

/** Stages of an attempt. */
typedef enum
{
  VEREDA_STAGE_PLUGIN = 1,
  VEREDA_STAGE_RESOLVE,
  VEREDA_STAGE_CONNECT,
  VEREDA_STAGE_GREETING,
  VEREDA_STAGE_EHLO,
  VEREDA_STAGE_TLS,
  VEREDA_STAGE_AUTH,
  VEREDA_STAGE_MAIL,
  VEREDA_STAGE_RCPT,
  VEREDA_STAGE_DATA,
  VEREDA_STAGE_END,
  VEREDA_STAGE_QUIT
} VeredaStage;

/** What was decided after it. */
typedef enum
{
  VEREDA_DECISION_CONTINUE = 1,   /**< this step succeeded */
  VEREDA_DECISION_NEXT_MECHANISM, /**< next authentication mechanism */
  VEREDA_DECISION_NEXT_TRANSPORT, /**< next plugin for the same job */
  VEREDA_DECISION_RECONNECT,      /**< the same server again, on a new connection */
  VEREDA_DECISION_INSECURE,       /**< the TLS policy said: go on in clear */
  VEREDA_DECISION_NEXT_SERVER,
  VEREDA_DECISION_STOP /**< the end */
} VeredaDecision;

VEREDA_API
const char *vereda_attempt_get_server (VeredaAttempt *attempt); /**< as given */
VEREDA_API
const char *vereda_attempt_get_address (VeredaAttempt *attempt); /**< "192.0.2.1:587"; NULL before connecting */
VEREDA_API
const char *vereda_attempt_get_transport (VeredaAttempt *attempt); /**< "starttls/gnutls"; NULL before it was chosen */
VEREDA_API
VeredaStage vereda_attempt_get_stage (VeredaAttempt *attempt); /**< how far it was */
VEREDA_API
gboolean vereda_attempt_succeeded (VeredaAttempt *attempt); /**< FALSE: the detail says why */
VEREDA_API
const char *vereda_attempt_get_detail (VeredaAttempt *attempt); /**< mechanism, plugin, or what happened; never NULL */
VEREDA_API
VeredaReply *vereda_attempt_get_reply (VeredaAttempt *attempt); /**< may be NULL */
VEREDA_API
VeredaDecision vereda_attempt_get_decision (VeredaAttempt *attempt); /**< what was done about it */
VEREDA_API
gint64 vereda_attempt_get_elapsed (VeredaAttempt *attempt); /**< microseconds since the submission began */

/**@}*/

/** @name Words for the enumerations; static */
/**@{*/
VEREDA_API
const char *vereda_stage_name (VeredaStage stage); /**< "connect", "end-of-data", … */
VEREDA_API
const char *vereda_decision_name (VeredaDecision decision); /**< "continue", "next-server", … */
VEREDA_API
const char *vereda_verdict_name (VeredaVerdict verdict); /**< "not-sent", "sent", "unknown" */
VEREDA_API
const char *vereda_recipient_status_name (VeredaRecipientStatus status); /**< "not-sent", "accepted", "refused", "unknown" */
/**@}*/

G_END_DECLS

#endif
