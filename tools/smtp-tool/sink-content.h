/* SPDX-License-Identifier: MIT */
/* sink-content - the octets of a message as they come, by DATA or by BDAT: finds the end, takes the dots out, and judges.
 *
 * Pure: no I/O, no allocation.  The pieces may be cut anywhere.  What belongs to the message is handed on in slices of the
 * caller's own memory.  Nothing can fail; what is wrong is counted. */
#ifndef SINK_CONTENT_H
#define SINK_CONTENT_H

#include "sink-violation.h"

typedef void (*SinkContentTake) (gpointer user_data, const gchar *data, gsize size);

typedef enum
{
  SINK_AT_LINE_START,
  SINK_AT_DOT,    /* a dot began the line and is held back */
  SINK_AT_DOT_CR, /* dot, CR: LF would end the message */
  SINK_AT_MIDDLE
} SinkContentAt;

typedef struct
{
  SinkContentAt at;
  gboolean after_cr;  /* the octet before was CR */
  gboolean in_header; /* the empty line has not come yet */
  gboolean may_8bit;
  gboolean may_8bit_header;
  gsize column; /* octets of this line so far, without its end */
  guint64 size; /* octets of the message so far */
  SinkViolations violations;
  SinkContentTake take; /* NULL = nobody wants the octets */
  gpointer user_data;
} SinkContent;

void sink_content_begin (SinkContent *content, gboolean may_8bit, gboolean may_8bit_header, SinkContentTake take,
                         gpointer user_data);

/* DATA: reads up to and including CRLF.CRLF.  Returns where it stopped; *ret_done says whether the end was there. */
const gchar *sink_content_data (SinkContent *content, const gchar *data, gsize size, gboolean *ret_done);

/* BDAT: all of it is message. */
void sink_content_chunk (SinkContent *content, const gchar *data, gsize size);
void sink_content_end_chunks (SinkContent *content);

#endif
