/* SPDX-License-Identifier: MIT */
/* sink-report - standard output, written so that a reader who does not read cannot stop the server.
 *
 * Lines are held in memory and written as the reader takes them; above a bound they are dropped and counted.  Used from
 * every thread.  Nothing fails: a reader who went away means that nothing is written any more. */
#ifndef SINK_REPORT_H
#define SINK_REPORT_H

#include <glib.h>

typedef struct SinkReport SinkReport;

SinkReport *sink_report_new (int fd);
void sink_report_free (SinkReport *report); /* waits up to one second for the reader */

void sink_report_add (SinkReport *report, const gchar *text, gsize size); /* whole lines */
void sink_report_flush (SinkReport *report);
gboolean sink_report_is_pending (SinkReport *report);
gboolean sink_report_is_gone (SinkReport *report); /* it cannot be written to any more */
guint64 sink_report_dropped (SinkReport *report);

#endif
