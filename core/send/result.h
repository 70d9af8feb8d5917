/* SPDX-License-Identifier: MIT */
/* result - what became of a message.  Implements include/vereda/result.h.
 *
 * Plain data, filled by job.c, immutable once handed out. */
#ifndef VD_RESULT_H
#define VD_RESULT_H

#include <vereda/result.h>

#include "core/base/refs.h"
#include "core/message/envelope.h"
#include "core/smtp/reply.h"

/* Where something happened: shared by the rows that tell of it. */
typedef struct
{
  VdRefs refs;
  char *server, *address, *transport; /* each may be NULL */
} VdPlace;

struct VeredaRecipient
{
  const VdRecipient *given; /* the envelope's */
  VeredaRecipientStatus status;
  VdReply *reply;
  gboolean permanent;
  VdPlace *place; /* NULL: never asked */
};

/* Reference-counted: the rows of a connection's beginning are shared by the messages sent over it. */
struct VeredaAttempt
{
  VdRefs refs;
  VdPlace *place;
  VeredaStage stage;
  gboolean succeeded;
  gboolean inside; /* of a result, which nobody else has the row of */
  const char *detail;
  char *own_detail; /* the same, where it is to be freed */
  VdReply *reply;
  VeredaDecision decision;
  gint64 elapsed;
};

struct VeredaResult
{
  VdRefs refs;
  VeredaVerdict verdict;
  GError *error;
  gboolean transient;
  VdEnvelope *envelope; /* NULL: there is none */
  guint n_recipients;
  VeredaRecipient *recipients; /* `one`, where one is enough */
  VdReply *reply;
  VdPlace *place;
  VeredaAttempt **attempts; /* `few`, while there is room */
  guint n_attempts, attempts_room;
  GPtrArray *warnings; /* of char *; NULL: none */

  VeredaRecipient one;
  VeredaAttempt *few[6];
  VeredaAttempt sent; /* the row that says so, once there is one */
};

VeredaResult *vd_result_new (void);
/* Takes the envelope, its recipients as "not sent"; once. */
void vd_result_set_envelope (VeredaResult *result, VdEnvelope *envelope);
/* Who said what the result says.  Both may be NULL. */
void vd_result_set_answer (VeredaResult *result, VdPlace *place, VdReply *reply);
/* Takes the row over. */
void vd_result_add_attempt (VeredaResult *result, VeredaAttempt *attempt);
/* The row of a message that was accepted. */
void vd_result_add_sent (VeredaResult *result, VdPlace *place, VeredaStage stage, VdReply *reply, gint64 elapsed);
/* Verdict not sent, with a copy of the error. */
void vd_result_fail (VeredaResult *result, const GError *error);
void vd_result_warn (VeredaResult *result, const char *format, ...) G_GNUC_PRINTF (2, 3);

VdPlace *vd_place_new (const char *server, const char *address, const char *transport);
VdPlace *vd_place_ref (VdPlace *place); /* NULL gives NULL */
void vd_place_unref (VdPlace *place);   /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VdPlace, vd_place_unref)

VeredaAttempt *vd_attempt_new (VdPlace *place, VeredaStage stage, gboolean succeeded, VdReply *reply, VeredaDecision decision,
                               gint64 elapsed, const char *detail);
VeredaAttempt *vd_attempt_ref (VeredaAttempt *attempt);
void vd_attempt_unref (VeredaAttempt *attempt);

/* TRUE for errors that trying later may mend. */
gboolean vd_error_is_transient (const GError *error, VdReply *reply);

#endif
