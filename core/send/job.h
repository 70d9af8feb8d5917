/* SPDX-License-Identifier: MIT */
/* job - one submitted message: its envelope, its copies one transaction after the other, and its result.
 *
 * Pure but for the moment and the randomness that a header section needs. */
#ifndef VD_JOB_H
#define VD_JOB_H

#include <vereda/sender.h>

#include "core/message/envelope.h"
#include "core/send/options.h"
#include "core/send/result.h"
#include "core/smtp/transaction.h"

typedef struct
{
  VeredaMessage *message;
  VeredaOptions *options;
  VdBodyPolicy policy;
  VdEnvelope *envelope;
  VeredaResult *result;
  VeredaDoneFunc done;
  gpointer data;
  guint copy;         /* index of the copy that is next or under way; 0 is the main one */
  VdTransaction *txn; /* of that copy; NULL before it is made */
  guint log_from;     /* first row of the walk's log that is not in its result yet */
} VdJob;

/* Checks the message and makes its envelope; reads the message once. *ret_result is set in every case (new reference). */
VdJob *vd_job_new (VeredaMessage *message, VeredaOptions *options, VeredaResult **ret_result, GError **error);
void vd_job_free (VdJob *job);

/* The transaction of the present copy, made afresh. */
VdTransaction *vd_job_begin_copy (VdJob *job);

/* Takes over what became of the transaction at `server`. */
void vd_job_take_outcome (VdJob *job, const char *server, VdReply *closing /* the 421 that ended it; may be NULL */);

/* After that: TRUE when a further copy is to be sent (only if the main one was). */
gboolean vd_job_next_copy (VdJob *job);

/* Nothing could be tried: the present copy, and with it what follows, is not sent. */
void vd_job_fail (VdJob *job, const GError *error, VdReply *reply);

#endif
