/* SPDX-License-Identifier: MIT */
/* sink-report - see sink-report.h.
 *
 * O_NONBLOCK is not used: it belongs to the open file, which the shell and other processes share.  poll(2) and a write of at
 * most PIPE_BUF octets give the same: Linux and POSIX promise that such a write to a pipe that polls writable is whole. */
#include "sink-report.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HELD_MAX     (16 * 1024 * 1024)
#define LAST_WAIT_MS 1000

struct SinkReport
{
  GMutex lock;
  int fd;
  gsize step; /* most octets that one write may hold */
  GString *held;
  gsize written; /* octets at the start of held that are out already */
  guint64 dropped;
  gboolean gone; /* nobody reads */
};

SinkReport *
sink_report_new (int fd)
{
  SinkReport *report = g_new0 (SinkReport, 1);
  struct stat about;
  g_mutex_init (&report->lock);
  report->fd = fd;
  report->step = fstat (fd, &about) == 0 && S_ISREG (about.st_mode) ? HELD_MAX : PIPE_BUF;
  report->held = g_string_sized_new (4096);
  return report;
}

static void
write_held (SinkReport *report, int first_wait_ms)
{
  while (!report->gone && report->written < report->held->len)
    {
      struct pollfd ready = { report->fd, POLLOUT, 0 };
      int n = poll (&ready, 1, first_wait_ms);
      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return;
      gssize done
          = write (report->fd, report->held->str + report->written, MIN (report->step, report->held->len - report->written));
      if (done > 0)
        report->written += (gsize) done;
      else if (done < 0 && errno != EINTR && errno != EAGAIN)
        report->gone = TRUE;
    }
  g_string_truncate (report->held, 0);
  report->written = 0;
}

void
sink_report_free (SinkReport *report)
{
  write_held (report, LAST_WAIT_MS);
  g_string_free (report->held, TRUE);
  g_mutex_clear (&report->lock);
  g_free (report);
}

void
sink_report_add (SinkReport *report, const gchar *text, gsize size)
{
  g_mutex_lock (&report->lock);
  if (!report->gone && report->held->len - report->written + size <= HELD_MAX)
    g_string_append_len (report->held, text, (gssize) size);
  else
    report->dropped++;
  g_mutex_unlock (&report->lock);
}

void
sink_report_flush (SinkReport *report)
{
  g_mutex_lock (&report->lock);
  if (report->written < report->held->len)
    {
      write_held (report, 0);
      if (report->written > HELD_MAX / 16)
        {
          g_string_erase (report->held, 0, (gssize) report->written);
          report->written = 0;
        }
    }
  g_mutex_unlock (&report->lock);
}

gboolean
sink_report_is_pending (SinkReport *report)
{
  g_mutex_lock (&report->lock);
  gboolean pending = report->held->len > report->written;
  g_mutex_unlock (&report->lock);
  return pending;
}

gboolean
sink_report_is_gone (SinkReport *report)
{
  g_mutex_lock (&report->lock);
  gboolean gone = report->gone;
  g_mutex_unlock (&report->lock);
  return gone;
}

guint64
sink_report_dropped (SinkReport *report)
{
  g_mutex_lock (&report->lock);
  guint64 dropped = report->dropped;
  g_mutex_unlock (&report->lock);
  return dropped;
}
