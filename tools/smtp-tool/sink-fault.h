/* SPDX-License-Identifier: MIT */
/* sink-fault - what --fault asks for: at which stage, what goes wrong, and how often.
 *
 * Plain data and pure functions: specifications are read into rows, a row says by a number whether it fires, and by the table what is
 * done then.  sink-connection does it, in one place for all.  Fails on a bad specification, and tells what is allowed. */
#ifndef SINK_FAULT_H
#define SINK_FAULT_H

#include <glib.h>

/* The stages at which something can go wrong. */
typedef enum
{
  SINK_STAGE_BANNER,
  SINK_STAGE_EHLO,
  SINK_STAGE_STARTTLS,
  SINK_STAGE_TLS, /* the handshake */
  SINK_STAGE_AUTH,
  SINK_STAGE_MAIL,
  SINK_STAGE_RCPT,
  SINK_STAGE_DATA,
  SINK_STAGE_DOT, /* the end of the content: also of BDAT's last chunk */
  SINK_STAGE_BDAT,
  SINK_STAGE_RSET,
  SINK_STAGE_NOOP,
  SINK_STAGE_QUIT,
  SINK_STAGE_OTHER, /* no fault belongs to it */
  SINK_N_STAGES
} SinkStage;

/* What becomes of the reply. */
typedef enum
{
  SINK_EDIT_NONE,
  SINK_EDIT_INSTEAD, /* another reply, and the command is not run */
  SINK_EDIT_REMOVE,
  SINK_EDIT_GARBAGE, /* octets that are no reply */
  SINK_EDIT_INJECT   /* more octets behind it, in the same write */
} SinkEdit;

/* What becomes of the connection once the reply is out. */
typedef enum
{
  SINK_AFTER_GO_ON,
  SINK_AFTER_DROP,   /* closed at once: no QUIT's reply, no close_notify */
  SINK_AFTER_CLOSE,  /* closed in good order */
  SINK_AFTER_SILENCE /* stays open; what comes is read and thrown away */
} SinkAfter;

typedef struct
{
  const gchar *name; /* "delay" */
  const gchar *form; /* with its value, for messages: "delay=2s" */
  SinkEdit edit;
  SinkAfter after;
} SinkAction;

typedef enum
{
  SINK_WHEN_ALWAYS,
  SINK_WHEN_FIRST,
  SINK_WHEN_EVERY,
  SINK_WHEN_SHARE
} SinkWhen;

typedef struct
{
  SinkStage stage;
  const SinkAction *action;
  gchar *reply; /* of "reply", else NULL */
  gint64 delay; /* microseconds */
  guint split;  /* octets that go out at a time; 0 = all */
  SinkWhen when;
  guint64 every;     /* of SINK_WHEN_EVERY */
  guint share;       /* of SINK_WHEN_SHARE, in 1/1000 of a percent */
  guint64 occasions; /* atomic; how often the stage was reached in this run */
} SinkFault;

const gchar *sink_stage_name (SinkStage stage); /* "banner" */

/* "STAGE:ACTION[:N]", or "STAGE:REPLY".  On failure the message says what is allowed. */
gboolean sink_fault_parse (const gchar *text, SinkFault *ret_fault, gchar **ret_message);
void sink_fault_clear (SinkFault *fault);

/* Does it fire the occasion-th time (1, 2, ...)?  The same answer for the same numbers, always. */
gboolean sink_fault_fires (const SinkFault *fault, guint64 occasion, guint64 seed);

/* The octets of SINK_EDIT_GARBAGE and SINK_EDIT_INJECT. */
void sink_fault_append_garbage (GString *out, guint64 occasion, guint64 seed);
void sink_fault_append_injection (GString *out);

#endif
