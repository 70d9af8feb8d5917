/* SPDX-License-Identifier: MIT */
/* sink-capture - keeps messages: DIR/NNNNNN.eml, octet for octet, and DIR/log.jsonl, one line each.
 *
 * A message grows in a hidden file and gets its name when it is accepted, so that who watches the folder sees whole messages
 * only, and who got the 250 finds the file.  Any system call here may fail (no room, no permission); the error stays with the
 * message, which is then refused. */
#ifndef SINK_CAPTURE_H
#define SINK_CAPTURE_H

#include <glib.h>

typedef struct SinkCapture SinkCapture;

SinkCapture *sink_capture_open (const gchar *directory, GError **error);
void sink_capture_close (SinkCapture *capture);
guint64 sink_capture_last (const SinkCapture *capture); /* the highest number that the folder holds already */
void sink_capture_log (SinkCapture *capture, const gchar *line, gsize size);

/* One message that is being written; belongs to a session and serves one message after the other. */
typedef struct
{
  SinkCapture *capture;
  gchar name[40];  /* of the hidden file */
  int fd;          /* -1 = none open */
  gboolean exists; /* under its hidden name */
  int failed;      /* errno of the first failure, 0 = none */
  GString *held;
} SinkCaptureFile;

void sink_capture_file_init (SinkCaptureFile *file, SinkCapture *capture, guint64 connection);
void sink_capture_file_clear (SinkCaptureFile *file);
void sink_capture_file_begin (SinkCaptureFile *file);
void sink_capture_file_write (SinkCaptureFile *file, const gchar *data, gsize size);
gboolean sink_capture_file_finish (SinkCaptureFile *file); /* all is written? */
gboolean sink_capture_file_name (SinkCaptureFile *file, guint64 number, gchar *ret_name, gsize room);
void sink_capture_file_discard (SinkCaptureFile *file); /* nothing to do is fine */

#endif
