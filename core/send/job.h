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

/* What options say of messages, read once for all that are submitted with the same. */
typedef struct
{
  guint64 serial; /* of the options; 0: none were read yet */
  VdBodyPolicy policy;
  VdCommit commit;
  VdEnvelopeOptions envelope;
} VdTerms;

void vd_terms_clear (VdTerms *terms);

typedef struct
{
  VeredaMessage *message;
  VdCommit commit;
  VdBodyPolicy policy;
  VdEnvelope *envelope; /* the result has it */
  VeredaResult *result;
  VeredaDoneFunc done;
  gpointer data;
  guint copy;         /* index of the copy that is next or under way; 0 is the main one */
  VdTransaction *txn; /* of that copy: `space`; NULL before it is made */

  /* The sender's notes. */
  GList link;       /* in the queue of those that wait; its data is the job */
  GList pending;    /* in the list of those without a verdict; its data is the job */
  gboolean waiting; /* it is in that queue */
  gboolean doomed;  /* cancelled, or out of time: it goes nowhere any more */
  guint server;     /* index of the first server that may have it: those before cannot take it */
  guint losses;     /* connections that were lost after its MAIL was written */
  gint64 deadline;  /* monotonic microseconds; G_MAXINT64: none */
  gint64 tell_at;   /* progress is not told before; G_MAXINT64: all of the present copy was */
  guint64 log_of;   /* serial of the log whose rows are in its result; 0: none */
  guint log_from;   /* first row of that log that is not in it yet */

  VdTransaction space;
} VdJob;

/* Checks the message and makes its envelope, or takes the one that the message had for the same options the last time; reads the message once.
 * `options` are only read; what they come to is kept in `terms`. *ret_result is set in every case (new reference). */
VdJob *
vd_job_new (VeredaMessage *message, const VeredaOptions *options, VdTerms *terms, VeredaResult **ret_result, GError **error);
void vd_job_free (VdJob *job);

/* The transaction of the present copy, made afresh. */
VdTransaction *vd_job_begin_copy (VdJob *job);

/* Takes over what became of the transaction at `place`. */
void vd_job_take_outcome (VdJob *job, VdPlace *place, VdReply *closing /* the 421 that ended it; may be NULL */);

/* After that: TRUE when a further copy is to be sent (only if the main one was). */
gboolean vd_job_next_copy (VdJob *job);

/* TRUE while one is under way that is not the last. */
gboolean vd_job_has_more_copies (const VdJob *job);

/* Nothing could be tried: the present copy, and with it what follows, is not sent. */
void vd_job_fail (VdJob *job, const GError *error, VdReply *reply);

#endif
