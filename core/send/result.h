/* SPDX-License-Identifier: MIT */
/* result - what became of a message.  Implements include/vereda/result.h.
 *
 * Plain data, filled by job.c, immutable once handed out. */
#ifndef VD_RESULT_H
#define VD_RESULT_H

#include <vereda/result.h>

#include "core/message/envelope.h"
#include "core/smtp/reply.h"

struct VeredaReply
{
  VdReply *reply;
  char *enhanced, *text; /* made when first asked for, by whichever thread; NULL: not yet */
};

struct VeredaRecipient
{
  char *address;
  VeredaRecipientStatus status;
  VeredaReply *reply;
  gboolean permanent, blind;
  char *server;
};

/* Reference-counted: the rows of a connection's beginning are shared by the messages sent over it. */
struct VeredaAttempt
{
  gatomicrefcount refs;
  char *server, *address, *transport;
  VeredaStage stage;
  gboolean succeeded;
  char *detail;
  VeredaReply *reply;
  VeredaDecision decision;
  gint64 elapsed;
};

struct VeredaResult
{
  gatomicrefcount refs;
  VeredaVerdict verdict;
  GError *error;
  gboolean transient;
  GPtrArray *recipients; /* of VeredaRecipient */
  VeredaReply *reply;
  char *server;
  char *reverse_path;
  GPtrArray *attempts; /* of VeredaAttempt */
  GPtrArray *warnings; /* of char * */
};

VeredaResult *vd_result_new (void);
/* Takes the recipients and the reverse-path over as "not sent". */
void vd_result_set_envelope (VeredaResult *result, const VdEnvelope *envelope);
/* Verdict not sent, with a copy of the error. */
void vd_result_fail (VeredaResult *result, const GError *error);
void vd_result_warn (VeredaResult *result, const char *format, ...) G_GNUC_PRINTF (2, 3);

VeredaReply *vd_result_reply_new (VdReply *reply); /* NULL gives NULL */
void vd_result_reply_free (VeredaReply *reply);

VeredaAttempt *vd_attempt_new (const char *server, const char *address, const char *transport, VeredaStage stage,
                               gboolean succeeded, VdReply *reply, VeredaDecision decision, gint64 elapsed, const char *detail);
VeredaAttempt *vd_attempt_ref (VeredaAttempt *attempt);
void vd_attempt_unref (VeredaAttempt *attempt);

/* TRUE for errors that trying later may mend. */
gboolean vd_error_is_transient (const GError *error, VdReply *reply);

#endif
